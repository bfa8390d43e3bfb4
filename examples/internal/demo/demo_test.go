package demo

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func TestTimeline(t *testing.T) {
	var out bytes.Buffer
	line := NewTimeline(&out, time.Now())
	line.Flow(6, "店店调拨, a")
	line.Step(DianJia, "PlanTransfer", "店加线下仓", "")
	line.Flow(6, "店店调拨, b")
	line.Scene(Scene{Title: "x"})
	line.Step(Jushuitan, "WMS ships", "io_id 1", "done")
	line.Check(false, "it holds: %d", 1)
	assert.Equal(t, "店店调拨, a", line.Title)
	require.Len(t, line.Events, 2)
	assert.Equal(t, [3]int{6, 2, 1}, [3]int{line.Events[1].Flow, line.Events[1].Step, line.Events[1].Scene}, "steps go on in a further part")
	assert.Equal(t, []string{"it holds: 1"}, line.Failed())
	for _, text := range strings.Split(out.String(), "\n") {
		assert.Equal(t, strings.TrimRight(text, " "), text, "no blanks at the end of a line")
	}
	assert.Equal(t, "仓  |", Pad("仓", 4)+"|")
	assert.Equal(t, "  仓", PadLeft("仓", 4))
	assert.Equal(t, "1 document, 2 documents", Count(1, "document")+", "+Count(2, "document"))
}

func TestLedger(t *testing.T) {
	line := NewTimeline(io.Discard, time.Now())
	line.Differs("A", "S", NotShipped, qty(5))
	line.Differs("A", "S", NotShipped, qty(3))
	line.Differs("A", "S", NotReceived, qty(-1))
	line.Settles("A", "S", NotShipped, qty(2), "asked again")
	line.Settles("A", "S", NotReceived, qty(-1), "document")
	require.Len(t, line.Unexplained(), 1, "2 of 3 are settled")
	line.Settles("A", "S", NotShipped, qty(1), "written off")
	assert.Empty(t, line.Unexplained())
	line.Settles("B", "", PushMissed, qty(1), "redelivered")
	assert.Len(t, line.Unexplained(), 1, "what nobody found is not explained by a decision")
}

func TestOutstanding(t *testing.T) {
	line := NewTimeline(io.Discard, time.Now())
	ordered := map[string]decimal.Decimal{"S": qty(3), "T": qty(1)}
	shipped := map[string]decimal.Decimal{"T": qty(1)}
	line.Outstanding("A", ordered, shipped, "parcel 1")
	shipped["S"] = qty(1)
	line.Outstanding("A", ordered, shipped, "parcel 2")
	line.Outstanding("A", ordered, shipped, "nothing new")
	require.Len(t, line.Differences, 1)
	assert.Equal(t, []string{"parcel 2"}, line.Differences[0].How)
	assert.Len(t, line.Unexplained(), 1)
	shipped["S"] = qty(4)
	line.Outstanding("A", ordered, shipped, "parcel 3")
	assert.Len(t, line.Unexplained(), 1, "one too many was shipped")
	shipped["S"] = qty(3)
	line.Outstanding("A", ordered, shipped, "parcel 3 counted again")
	assert.Empty(t, line.Unexplained())
}

// TestMeter counts what a host exchanges with the fake.
func TestMeter(t *testing.T) {
	erp := jushuitantest.NewServer()
	defer erp.Close()
	require.NoError(t, Furnish(erp))
	m := &Meter{Next: http.DefaultTransport}
	client, err := erp.Client(jushuitan.WithHTTPClient(&http.Client{Transport: m}), jushuitan.WithHook(m.Hook()))
	require.NoError(t, err)
	ctx := t.Context()

	erp.Inject(jushuitantest.Fault{Path: "/open/jushuitan/orders/upload", Times: 1, Kind: jushuitantest.LostAnswer})
	_, err = client.Orders.Upload(ctx, []jushuitan.OrderUpload{order(MallShop, "M1", map[string]int64{TeeM: 1}), order(MallShop, "M2", map[string]int64{TeeM: 1})})
	require.NoError(t, err)
	calls := erp.Stats().Calls
	assert.Equal(t, Traffic{Calls: calls, Retries: 1, Out: 2}, m.Traffic(), "the token, the lost answer, the repeat")

	page, err := client.Orders.Query(ctx, &jushuitan.OrderQuery{SoIDs: []string{"M1", "M2"}})
	require.NoError(t, err)
	require.Len(t, page.Orders, 2)
	_, err = client.Warehouses.Query(ctx, &jushuitan.WarehouseQuery{})
	require.NoError(t, err)
	assert.Equal(t, Traffic{Calls: calls + 2, Retries: 1, In: 2, Out: 2}, m.Traffic(), "warehouses are no documents")

	_, err = client.Outbounds.Ship(ctx, []jushuitan.OutboundShipRequest{{IOID: 1, LCID: "YTO", LCName: "圆通速递", LID: "X"}})
	require.Error(t, err)
	_, err = client.Orders.Cancel(ctx, &jushuitan.OrderCancelRequest{OIDs: []int64{1}, CancelType: "客户取消"})
	require.Error(t, err)
	assert.Equal(t, 2, m.Traffic().Out, "what is refused, as a row or as a call, was not taken")
}

// TestMeterPassesOn: the client receives what was read, followed by the error.
func TestMeterPassesOn(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err != nil || req.Form.Get("biz") != "{}" {
			http.Error(w, "no form", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	}))
	defer web.Close()
	m := &Meter{Next: http.DefaultTransport}
	resp, err := (&http.Client{Transport: m}).PostForm(web.URL+"/open/orders/single/query", url.Values{"biz": {"{}"}})
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "half", string(text))
	assert.Equal(t, Traffic{Calls: 1}, m.Traffic())

	m.Next = broken{}
	_, err = (&http.Client{Transport: m}).PostForm(web.URL, nil)
	require.ErrorContains(t, err, "broken")
	assert.Equal(t, 2, m.Traffic().Calls)
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("broken") }
