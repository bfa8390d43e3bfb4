package qimen_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// TestSettlePOS: a confirmation counts as applied only if the answer shows the order with its
// state, and as not applied only if it shows a state of before, late enough.
func TestSettlePOS(t *testing.T) {
	now := time.Date(2024, 1, 1, 19, 4, 5, 0, time.UTC) // of the client
	req := &qimen.POSDeliveryOrderConfirmRequest{StoreCode: "S01", Orders: []qimen.POSDeliveryOrder{{
		OrderCode: "D1", OrderStatus: qimen.POSOrderStatusDelivered, OperateTime: now, TransportMode: "KD",
	}}}
	for name, tc := range map[string]struct {
		answer string
		age    time.Duration
		want   jushuitan.Outcome
		again  bool
	}{
		"applied":        {`{"flag":"success","orders":[{"orderCode":"D1","orderStatus":"DELIVERED"}]}`, time.Minute, jushuitan.Applied, false},
		"documented":     {`{"flag":"success","total":1,"order":[{"orderCode":"D1","orderStatus":"DELIVERED"}]}`, time.Minute, jushuitan.Applied, false},
		"documented, no": {`{"flag":"success","total":1,"order":[{"orderCode":"D1","orderStatus":"ACCEPT"}]}`, time.Hour, jushuitan.NotApplied, false},
		"in elements":    {`{"flag":"success","order":{"order":[{"orderCode":"D1","orderStatus":"DELIVERED"}]}}`, time.Minute, jushuitan.Applied, false},
		"deeper":         {`{"flag":"success","data":{"list":[{"order_code":"D1","order_status":"DELIVERED"}]}}`, time.Minute, jushuitan.Applied, false},
		"not yet":        {`{"flag":"success","orders":[{"orderCode":"D1","orderStatus":"ACCEPT"}]}`, time.Minute, jushuitan.Unknown, true},
		"not applied":    {`{"flag":"success","orders":[{"orderCode":"D1","orderStatus":"ACCEPT"}]}`, time.Hour, jushuitan.NotApplied, false},
		"cancelled":      {`{"flag":"success","orders":[{"orderCode":"D1","orderStatus":"CANCELED"}]}`, time.Hour, jushuitan.Unknown, false},
		"another order":  {`{"flag":"success","orders":[{"orderCode":"D2","orderStatus":"DELIVERED"}]}`, time.Hour, jushuitan.Unknown, false},
		"without status": {`{"flag":"success","orders":[{"orderCode":"D1"}]}`, time.Hour, jushuitan.Unknown, false},
		"nothing":        {`{"flag":"success"}`, time.Hour, jushuitan.Unknown, false},
	} {
		f := text(`{"response":` + tc.answer + `}`)
		c := newClient(t, f, config())
		w := jushuitan.Write{Operation: "qimen.taobao.pos.deliveryorder.confirm", Request: req, Began: now.Add(-tc.age)}
		got, err := c.SettlePOS(t.Context(), w, 0)
		require.NoError(t, err, name)
		require.Len(t, got, 1, name)
		assert.Equal(t, tc.want, got[0].Outcome, "%s: %s", name, got[0].Reason)
		assert.Equal(t, tc.again, !got[0].Again.IsZero(), "%s: again %v", name, got[0].Again)
		assert.Contains(t, f.last().body+f.last().url.RawQuery, "D1", name)
	}
}

// TestSettleWithoutAQuery: what no query shows is an error, and so is a query that fails.
func TestSettleWithoutAQuery(t *testing.T) {
	c := newClient(t, text(`{"error_response":{"code":15,"msg":"Remote service error","sub_code":"isv.x"}}`), config())
	for _, m := range qimen.Methods() {
		if m.Effect == jushuitan.Read || m.Name == "qimen.taobao.pos.deliveryorder.confirm" {
			continue
		}
		_, err := c.SettlePOS(t.Context(), jushuitan.Write{Operation: m.Name, Began: time.Now()}, 0)
		assert.ErrorIs(t, err, errors.ErrUnsupported, m.Name)
	}
	got, err := c.SettlePOS(t.Context(), jushuitan.Write{
		Operation: "qimen.taobao.pos.deliveryorder.confirm", Began: time.Date(2024, 1, 1, 19, 0, 0, 0, time.UTC),
		Request: &qimen.POSDeliveryOrderConfirmRequest{Orders: []qimen.POSDeliveryOrder{{OrderCode: "D1", OrderStatus: "NEW"}}},
	}, 0)
	require.Error(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, jushuitan.Unknown, got[0].Outcome)
	assert.False(t, got[0].Again.IsZero())
}
