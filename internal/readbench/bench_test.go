package readbench

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bytedance/sonic"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/goccy/go-json"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// A peer reads the types that [plainAnswer] returns.
type peer struct {
	name      string
	unmarshal func([]byte, any) error
}

func peers() []peer {
	return []peer{
		{"goccy", json.Unmarshal}, {"sonic", sonic.Unmarshal},
		{"json/v2", func(text []byte, v any) error { return jsonv2.Unmarshal(text, v) }}, {"encoding/json", stdjson.Unmarshal},
	}
}

func page(tb testing.TB, f pageForm) []byte {
	tb.Helper()
	text, err := makePage(f)
	require.NoError(tb, err)
	return text
}

// answer is what our reader reads a page into.
type answer struct {
	Data jushuitan.OrderPage `json:"data"`
}

// TestPeersReadTheSame: all read the same values of the same page.
func TestPeersReadTheSame(t *testing.T) {
	text := page(t, pageForm{Orders: 3, Varied: true})
	var ours answer
	require.NoError(t, wire.Unmarshal(text, &ours))
	require.Len(t, ours.Data.Orders, 3)
	for _, p := range peers() {
		got := reflect.New(plainAnswer(false))
		require.NoError(t, p.unmarshal(text, got.Interface()), p.name)
		orders := got.Elem().FieldByName("Data").FieldByName("Orders")
		require.Equal(t, 3, orders.Len(), p.name)
		for i := range 3 {
			order, want := orders.Index(i), ours.Data.Orders[i]
			require.Equal(t, want.SoID, order.FieldByName("SoID").String(), p.name)
			require.Equal(t, want.OID, order.FieldByName("OID").Int(), p.name)
			require.InDelta(t, want.PayAmount.InexactFloat64(), order.FieldByName("PayAmount").Float(), 0.001, p.name)
			require.Len(t, want.Items, order.FieldByName("Items").Len(), p.name)
		}
	}
}

// A form is one thing that is measured.
type form struct {
	name string
	run  func() error
}

func reads(name string, text []byte, drift bool) form {
	return form{name, func() error {
		r := wire.NewReader(text)
		r.Drift = drift
		return r.Into(new(answer), nil)
	}}
}

func peerReads(p peer, name string, text []byte) form {
	plain := plainAnswer(false)
	return form{name + " " + p.name, func() error { return p.unmarshal(text, reflect.New(plain).Interface()) }}
}

// calls is a whole call of the client over a transport in memory.
func calls(tb testing.TB, name string, text []byte, length bool, opts ...jushuitan.Option) form {
	tb.Helper()
	transport := roundTrip(func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: -1, Request: req}
		if length {
			resp.ContentLength = int64(len(text))
		}
		return resp, nil
	})
	opts = append([]jushuitan.Option{
		jushuitan.WithHTTPClient(&http.Client{Transport: transport}), jushuitan.WithToken("token"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}),
	}, opts...)
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "secret"}, opts...)
	require.NoError(tb, err)
	return form{name, func() error {
		_, err := c.Orders.Query(tb.Context(), &jushuitan.OrderQuery{SoIDs: []string{"a"}})
		return err
	}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// uploads returns 50 paid orders of two lines.
func uploads() []jushuitan.OrderUpload {
	at := time.Date(2024, 6, 11, 9, 20, 31, 0, time.FixedZone("CST", 8*3600))
	orders := make([]jushuitan.OrderUpload, 50)
	for i := range orders {
		id := fmt.Sprintf("SO-%d", i)
		line := jushuitan.OrderUploadItem{
			SKUID: "TS-BLK-M", ShopSKUID: "TS-BLK-M", Amount: decimal.New(5500, -2), BasePrice: decimal.New(6005, -2), Qty: decimal.NewFromInt(1),
			Name: "短袖", OuterOIID: id + "-1",
		}
		orders[i] = jushuitan.OrderUpload{
			ShopID: 10350, SoID: id, OrderDate: at, ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer", ReceiverAddress: "示例路8号",
			ReceiverName: "收货人甲", ReceiverMobile: "13900000001", PayAmount: decimal.New(11805, -2), Freight: decimal.NewFromInt(8),
			ShopModified: at, Items: []jushuitan.OrderUploadItem{line, line},
			Pay: &jushuitan.OrderUploadPay{
				OuterPayID: "PAY-" + id, PayDate: at, Payment: "微信", SellerAccount: "seller", BuyerAccount: "buyer", Amount: decimal.New(11805, -2),
			},
		}
	}
	return orders
}

// writes returns the encoding of the uploads by this library, and by encoding/json in the
// type that a user of it would write.
func writes(tb testing.TB) []form {
	tb.Helper()
	orders := uploads()
	text, err := wire.Marshal(orders)
	require.NoError(tb, err)
	plainOrders := reflect.New(reflect.SliceOf(plain(reflect.TypeFor[jushuitan.OrderUpload](), false)))
	require.NoError(tb, stdjson.Unmarshal(text, plainOrders.Interface()))
	same, err := stdjson.Marshal(plainOrders.Interface())
	require.NoError(tb, err)
	require.InDelta(tb, len(text), len(same), float64(len(text))/20, "the peer writes other members")
	return []form{
		{"upload", func() error { _, err := wire.Marshal(orders); return err }},
		{"upload encoding/json", func() error { _, err := stdjson.Marshal(plainOrders.Interface()); return err }},
	}
}

// cpu is the time that this process has computed, which other processes do not change.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs all forms in turn, round after round, and returns the median of each.
func measure(b *testing.B, forms []form) map[string]time.Duration {
	b.Helper()
	const each = 40
	took := map[string][]time.Duration{}
	for range max(b.N, 3) {
		for _, f := range forms {
			start := cpu()
			for range each {
				if err := f.run(); err != nil {
					b.Fatalf("%s: %v", f.name, err)
				}
			}
			took[f.name] = append(took[f.name], (cpu()-start)/each)
		}
	}
	out := map[string]time.Duration{}
	for name, times := range took {
		slices.Sort(times)
		out[name] = times[len(times)/2]
	}
	return out
}

// A ratio compares two forms; the bound is what the ratio is to stay below.
type ratio struct {
	what, form, of string
	bound          float64
}

// quota is how often a merchant may call an operation, in calls a second.
const quota = 100.0 / 60

// BenchmarkRatios prints all times, which are CPU, and how they compare.
func BenchmarkRatios(b *testing.B) {
	documented, varied := page(b, pageForm{Orders: 50}), page(b, pageForm{Orders: 50, Varied: true})
	oneText := page(b, pageForm{Orders: 50, Varied: true, OneText: true})
	allText := page(b, pageForm{Orders: 50, Varied: true, AsText: true})
	empty := page(b, pageForm{})
	onDrift := jushuitan.WithOnDrift(func(jushuitan.Drift) {})
	forms := []form{
		reads("varied", varied, false), reads("documented", documented, false), reads("one text", oneText, false),
		reads("all text", allText, false), reads("noted", varied, true), reads("empty", empty, false),
		calls(b, "call", varied, true), calls(b, "call, one text", oneText, true), calls(b, "call, all text", allText, true),
		calls(b, "call, OnDrift", oneText, true, onDrift), calls(b, "call, unknown length", varied, false),
	}
	for _, p := range peers() {
		forms = append(forms, peerReads(p, "varied", varied), peerReads(p, "documented", documented))
	}
	forms = append(forms, writes(b)...)
	took := measure(b, forms)
	var table strings.Builder
	for _, f := range forms {
		fmt.Fprintf(&table, "%-28s %9v\n", f.name, took[f.name])
	}
	for _, r := range []ratio{
		{"varied page, of goccy", "varied", "varied goccy", 1.25}, {"varied page, of sonic", "varied", "varied sonic", 1 / 1.15},
		{"documented page, of goccy", "documented", "documented goccy", 1},
		{"one text, of the varied page", "one text", "varied", 1.15}, {"all text, of the varied page", "all text", "varied", 1.15},
		{"with notes, of without", "noted", "varied", 1.1},
		{"call of unknown length, of known", "call, unknown length", "call", 1.1}, {"call with OnDrift, of without", "call, OnDrift", "call, one text", 1.1},
		{"call, of goccy's decoding", "call", "varied goccy", 2.2}, {"upload, of encoding/json", "upload", "upload encoding/json", 1},
	} {
		n := float64(took[r.form]) / float64(cmp.Or(took[r.of], 1))
		fmt.Fprintf(&table, "%-36s %6.2f (bound %.2f)\n", r.what, n, r.bound)
	}
	for _, name := range []string{"call", "call, one text", "call, all text", "call, OnDrift"} {
		fmt.Fprintf(&table, "%-36s %6.0f merchants a core\n", name, float64(time.Second)/float64(took[name])/quota)
	}
	fmt.Print("\n", table.String()) // a benchmark's own log would be cut
	b.ReportMetric(float64(took["varied"]), "cpu-ns/page")
}
