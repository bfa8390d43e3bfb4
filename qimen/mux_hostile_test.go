package qimen_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// hostileBudget is how much memory all that a message makes may need, over its whole
// life: what is allocated, garbage or not, for a body of up to 4 MiB.
const hostileBudget = 256 << 20

// TestMuxHostileDocuments: documents that are signed rightly and made to harm. Each
// is answered with a failure, in bounded memory; how long it takes is printed.
func TestMuxHostileDocuments(t *testing.T) {
	full := max(1<<20, racetest.Fewer(jushuitan.DefaultMaxBody-1024))
	fill := func(before, part, after string) string {
		return before + strings.Repeat(part, (full-len(before)-len(after))/len(part)) + after
	}
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">`
	for _, level := range []string{"1:lol", "2:lol1", "3:lol2", "4:lol3", "5:lol4", "6:lol5", "7:lol6", "8:lol7", "9:lol8"} {
		n, of, _ := strings.Cut(level, ":")
		laughs += `<!ENTITY lol` + n + ` "` + strings.Repeat("&"+of+";", 10) + `">`
	}
	laughs += `]><request><deliveryOrder><deliveryOrderCode>&lol9;</deliveryOrderCode></deliveryOrder></request>`

	tests := []struct {
		name, body string
		code       string // 41 unless it says otherwise
	}{
		{name: "billion laughs", body: laughs},
		{name: "external entity", body: `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><request><remark>&x;</remark></request>`},
		{name: "external DTD", body: `<!DOCTYPE request SYSTEM "http://127.0.0.1/x.dtd"><request/>`},
		{name: "parameter entity", body: `<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]><request/>`},
		{name: "unknown entity", body: `<request><deliveryOrder><deliveryOrderCode>&nbsp;</deliveryOrderCode></deliveryOrder></request>`},
		{name: "directive inside", body: `<request><!ENTITY a "b"></request>`},
		{name: "processing instruction", body: `<request><?php echo 1 ?></request>`},
		{name: "style sheet", body: `<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1/"?><request/>`},
		{name: "10,000 levels", body: strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000)},
		{name: "10,000 levels of one that is known", body: "<request>" + strings.Repeat("<deliveryOrder>", 10_000) + strings.Repeat("</deliveryOrder>", 10_000) + "</request>"},
		{name: "as many levels as fit", body: strings.Repeat("<a>", full/3)},
		{name: "invalid UTF-8", body: "<request><remark>\xff\xfe</remark></request>"},
		{name: "Big5 declared", body: "<?xml version=\"1.0\" encoding=\"Big5\"?><request><remark>\xa7\x41</remark></request>"},
		{name: "Big5 declared, text in ASCII", body: `<?xml version="1.0" encoding="Big5"?><request/>`},
		{name: "UTF-16", body: "\xff\xfe<\x00r\x00/\x00>\x00"},
		{name: "a flood of empty lines", body: fill("<request><orderLines>", "<orderLine/>", "</orderLines></request>")},
		{name: "a flood of unknown members", body: fill("<request>", "<x/>", "</request>")},
		{name: "a flood of unknown names", body: func() string {
			var b strings.Builder
			b.WriteString("<request>")
			for i := 0; b.Len() < full-40; i++ {
				b.WriteString("<x" + strings.Repeat("y", i%7) + string(rune('a'+i%26)) + "/>")
			}
			return b.String() + "</request>"
		}()},
		{name: "a flood of attributes", body: fill("<request ", `a="" `, "/>"), code: "any"},
		{name: "a long name", body: fill("<request><", "x", "/></request>"), code: "any"},
		{name: "a long text where a number is due", body: fill("<request><orderLines><orderLine><planQty>", "9", "</planQty></orderLine></orderLines></request>"), code: "any"},
		{name: "a number that is huge", body: `<request><orderLines><orderLine><planQty>1e999999999</planQty></orderLine></orderLines></request>`},
		{name: "comments", body: fill("<request>", "<!---->", "</request>"), code: "any"},
		{name: "CDATA", body: fill("<request><remark>", "<![CDATA[x]]>", "</remark></request>"), code: "any"},
		{name: "two roots", body: `<request/><request/>`},
		{name: "crossed elements", body: `<request><a><b></a></b></request>`},
		{name: "never closed", body: `<request><deliveryOrder>`},
		{name: "JSON, 10,000 levels", body: `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}"},
		{name: "JSON, as many levels as fit", body: strings.Repeat(`{"a":`, full/5)},
		{name: "JSON, a flood of nulls", body: fill(`{"orderLines":[`, "null,", "null]}")},
		{name: "JSON, a flood of empty lines", body: fill(`{"orderLines":[`, "{},", "{}]}")},
		{name: "JSON, a flood of lists", body: fill(`{"x":[`, "[],", "[]]}")},
		{name: "JSON, a huge number", body: `{"orderLines":[{"planQty":1e999999999}]}`},
		{name: "JSON, a string without end", body: fill(`{"a":"`, "x", "")},
		{name: "JSON, invalid UTF-8", body: "{\"remark\":\"\xff\"}"},
		{name: "too large", body: strings.Repeat("<", jushuitan.DefaultMaxBody+1)},
	}
	var hook reasons
	m := newMux(t, muxConfig(&hook))
	calls := 0
	qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		calls++
		return nil, nil
	})
	t.Logf("%-36s %10s %10s %12s", "document", "bytes", "time", "allocated")
	for _, tt := range tests {
		hook, calls = reasons{}, 0
		f := message("deliveryorder.create", tt.body)
		r := f.request()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := time.Now()
		answer := serve(t, m, r)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-36s %10d %10s %9.1f MiB", tt.name, len(tt.body), took.Round(10*time.Microsecond), float64(allocated)/(1<<20))
		assert.Less(t, allocated, uint64(hostileBudget), tt.name)
		assert.Less(t, len(answer.Body), 1000, tt.name)
		assert.NotContains(t, answer.Body, "root:", tt.name)
		if tt.code == "any" { // harmless, if it is XML at all
			continue
		}
		assert.Equal(t, "41", answer.Code, tt.name)
		assert.Zero(t, calls, tt.name)
		if assert.Len(t, hook.errs, 1, tt.name) && tt.name != "too large" {
			require.ErrorIs(t, hook.errs[0], jushuitan.ErrDecode, tt.name)
			_, panicked := hook.errs[0].(*jushuitan.PanicError) //nolint:errorlint // itself
			assert.False(t, panicked)
		}
	}
}

// TestMuxHostileForms: the same through the fields of a form, and floods of fields.
func TestMuxHostileForms(t *testing.T) {
	var hook reasons
	m := newMux(t, muxConfig(&hook))
	qimen.Handle(m, func(context.Context, qimen.Envelope, *qimen.POSWebOrderSyncRequest) (*qimen.POSWebOrderSyncResponse, error) {
		t.Error("the handler was called")
		return nil, nil
	})
	for name, tt := range map[string]struct {
		form map[string]string
		code string
	}{
		"a flood of nulls": {map[string]string{"item": "[" + strings.Repeat("null,", 600_000) + "null]"}, "41"},
		"10,000 levels":    {map[string]string{"item": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)}, "41"},
		"deep and unknown": {map[string]string{"x": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)}, "41"},
		"invalid UTF-8":    {map[string]string{"note": "\xff"}, "41"},
		"invalid name":     {map[string]string{"\xff": "1"}, "41"},
		"not JSON":         {map[string]string{"item": "[1"}, "41"},
	} {
		f := message("qimen.taobao.pos.weborder.sync", "")
		f.kind, f.form = "application/x-www-form-urlencoded", maps.Clone(tt.form)
		f.form["orderBillCode"] = "A"
		assert.Equal(t, tt.code, serve(t, m, f.request()).Code, "%s: %v", name, hook.errs)
	}
	f := message("qimen.taobao.pos.weborder.sync", "")
	f.kind = "application/x-www-form-urlencoded"
	r := f.request()
	flood := strings.Repeat("a&", jushuitan.DefaultMaxBody/2-1)
	r = httptest.NewRequest(http.MethodPost, (&url.URL{Path: "/", RawQuery: r.URL.RawQuery}).String(), strings.NewReader(flood))
	r.Header.Set("Content-Type", f.kind)
	assert.Equal(t, "sign-check-failure", serve(t, m, r).Code)
}
