package callback_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// hostileSize returns the size of a hostile body: the most that is read. With the race
// detector it is smaller, since reading takes ten times as long.
func hostileSize() int {
	return max(1<<20, racetest.Fewer(jushuitan.DefaultMaxBody-1024))
}

// maxPerByte returns how many bytes of memory a byte of a body may cost. With the race
// detector some copies are allocated that are not otherwise.
func maxPerByte() float64 {
	if racetest.Enabled {
		return 11
	}
	return 8
}

// repeated returns pieces, numbered where they have a verb, up to the size of a hostile body.
func repeated(piece string) string {
	var b strings.Builder
	for i := 0; b.Len() < hostileSize()-2*len(piece)-16; i++ {
		if strings.Contains(piece, "%") {
			fmt.Fprintf(&b, piece, i)
		} else {
			b.WriteString(piece)
		}
	}
	return b.String()
}

// hostileBodies are bodies that cost more than they look, for any kind of push.
func hostileBodies() map[string]string {
	const head = `{"so_id":"S","l_id":"L","as_id":1,"sku_id":"A","qty":1,"action_name":"确认收货",`
	return map[string]string{
		"form of &":                  "biz=1" + repeated("&"),
		"form of parameters":         "biz=1" + repeated("&p%x"),
		"form of one parameter":      repeated("&a"),
		"form of escapes":            "biz=" + repeated("%%7B"),
		"form with escaped rows":     "biz=[{}" + repeated("%%2C{}") + "]",
		"empty objects":              "[{}" + repeated(",{}") + "]",
		"empty lines":                head + `"items":[{}` + repeated(",{}") + "]}",
		"rows":                       head + `"datas":[{"sku_id":"A","qty":1}` + repeated(`,{"sku_id":"%x","qty":1}`) + `]}`,
		"lines without quantity":     head + `"items":[{"qty":0}` + repeated(`,{"qty":0}`) + "]}",
		"a line of many members":     head + `"items":[{"qty":0` + repeated(`,"m%x":0`) + "}]}",
		"lists in lists":             repeated("["),
		"objects in objects":         repeated(`{"a":`),
		"many members":               head + `"x":1` + repeated(`,"%x":1`) + "}",
		"the same member":            head + `"x":1` + repeated(`,"x":1`) + "}",
		"an unknown list":            head + `"x":[1` + repeated(",1") + "]}",
		"an unknown list of objects": head + `"x":[{}` + repeated(`,{}`) + "]}",
		"an unknown object":          head + `"x":{"a":1` + repeated(`,"%x":1`) + "}}",
		"unknown depth":              head + `"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"y":"` + repeated("y") + `"}`,
		"a long text":                head + `"remark":"` + repeated("y") + `"}`,
		"a text of escapes":          head + `"remark":"` + repeated(`\n`) + `"}`,
	}
}

// quietReceiver has functions that do nothing.
func quietReceiver(tb testing.TB) *callback.Receiver {
	return receiver(tb, callback.Config{
		AllowUnauthenticated: true,
		Shipment:             func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return nil },
		Cancel:               func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil },
		GoodsReturned:        func(context.Context, callback.Envelope, *jushuitan.GoodsReturnedPush) error { return nil },
		Stock:                func(context.Context, callback.Envelope, *jushuitan.StockPush) error { return nil },
	})
}

// allocated serves a hostile body and returns how many bytes of memory each of its bytes cost.
func allocated(h http.Handler, method jushuitan.PushMethod, body string) float64 {
	req := httptest.NewRequest(http.MethodPost, "/?"+query(method), strings.NewReader(body))
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, req)
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / float64(len(body))
}

// TestHostileMemory: a body costs a small multiple of its size, whatever it says.
func TestHostileMemory(t *testing.T) {
	r := quietReceiver(t)
	for name, body := range hostileBodies() {
		for method := range bodies {
			assert.LessOrEqual(t, allocated(r, method, body), maxPerByte(), "%s: %s", method, name)
		}
	}
}

// BenchmarkHostileMemory prints what TestHostileMemory limits.
func BenchmarkHostileMemory(b *testing.B) {
	r := quietReceiver(b)
	for name, body := range hostileBodies() {
		for method := range bodies {
			b.Run(string(method)+"/"+name, func(b *testing.B) {
				most := 0.0
				for b.Loop() {
					most = max(most, allocated(r, method, body))
				}
				b.ReportMetric(most, "bytes/byte")
			})
		}
	}
}

// TestLongTextsAreNotKept: what is remembered of merchants and SKUs does not grow with the length
// of their names, which the sender chooses.
func TestLongTextsAreNotKept(t *testing.T) {
	var h host
	cfg := h.config()
	cfg.Checksum, cfg.DropStaleStock, cfg.NoDedupe, cfg.Rate = callback.ChecksumOff, true, false, 0.001
	r := receiver(t, cfg)
	long := strings.Repeat("x", 256<<10)
	heap := func() uint64 {
		h.seen, h.envs = nil, nil
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	stock := func(i int, at string) int {
		query := fmt.Sprintf("/?method=inventory.upload&storageCode=1&entId=%s%d", long, i)
		return send(t, r, "POST", query, fmt.Sprintf(`{"datas":[{"sku_id":"%s%d","qty":1,"modified":"2024-01-01 %s"}]}`, long, i, at)).Code
	}
	before := heap()
	const pushes = 100
	for i := range pushes {
		require.Equal(t, 200, stock(i, "12:00:00"))
	}
	assert.Less(t, heap(), before+4<<20, "%d pushes with names of %d bytes", pushes, len(long))
	require.Equal(t, 429, stock(0, "12:00:01"), "the budget of a merchant with a long name")
	require.Equal(t, 200, send(t, r, "POST", "/?method=inventory.upload&storageCode=1&entId=short",
		fmt.Sprintf(`[{"sku_id":"%[1]sa","qty":1,"modified":"2024-01-01 12:00:00"},{"sku_id":"%[1]sb","qty":2,"modified":"2024-01-01 11:00:00"}]`, long)).Code)
	require.Len(t, h.seen, 1)
	assert.True(t, strings.HasSuffix(h.seen[0], "b/ 2]"), "another SKU with the same beginning")
}
