package mapping_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

func orderStates() []mapping.OrderState {
	return []mapping.OrderState{mapping.OrderUnknown, mapping.OrderUnpaid, mapping.OrderPaid, mapping.OrderHeld, mapping.OrderShipping,
		mapping.OrderShipped, mapping.OrderFinished, mapping.OrderCancelled, mapping.OrderReplaced}
}

func TestOrderStateOf(t *testing.T) {
	for status, want := range map[string]mapping.OrderState{
		"WaitPay": mapping.OrderUnpaid, "WaitConfirm": mapping.OrderPaid, "WaitFConfirm": mapping.OrderPaid,
		"Question": mapping.OrderHeld, "Delivering": mapping.OrderShipping, "WaitOuterSent": mapping.OrderShipping,
		"Sent": mapping.OrderShipped, "Cancelled": mapping.OrderCancelled, "Merged": mapping.OrderReplaced, "Split": mapping.OrderReplaced,
	} {
		assert.Equal(t, want, mapping.OrderStateOf(status), status)
		assert.Contains(t, want.Statuses(), status)
	}
	for _, status := range []string{"", "Delete", "Lock", "OuterSent", "SentCancelled", "Replaced", "Disabled", "Finished", "sent", " Sent", "已发货", "\xff"} {
		assert.Equal(t, mapping.OrderUnknown, mapping.OrderStateOf(status), status)
	}
}

// Every state goes to statuses that come back as the state, and no status is two states'.
func TestOrderStateRoundTrip(t *testing.T) {
	var all []string
	for _, s := range orderStates() {
		for _, status := range s.Statuses() {
			assert.Equal(t, s, mapping.OrderStateOf(status))
			assert.NotContains(t, all, status)
			all = append(all, status)
		}
		for _, paid := range []bool{false, true} {
			shop, ok := s.ShopStatus(paid)
			assert.Equal(t, s != mapping.OrderUnknown && s != mapping.OrderReplaced, ok, s)
			back := mapping.OrderStateOfShop(shop)
			switch s {
			case mapping.OrderHeld, mapping.OrderShipping: // a shop does not tell them from paid
				assert.Equal(t, mapping.OrderPaid, back)
			case mapping.OrderReplaced:
				assert.Equal(t, mapping.OrderUnknown, back)
			default:
				assert.Equal(t, s, back)
			}
		}
	}
	assert.Len(t, all, 10)
}

func TestOrderStateOfShop(t *testing.T) {
	tests := []struct {
		status string
		paid   bool
		want   mapping.OrderState
	}{
		{jushuitan.ShopStatusWaitBuyerPay, false, mapping.OrderUnpaid},
		{jushuitan.ShopStatusWaitSellerSendGoods, true, mapping.OrderPaid},
		{jushuitan.ShopStatusWaitBuyerConfirm, true, mapping.OrderShipped},
		{jushuitan.ShopStatusTradeFinished, true, mapping.OrderFinished},
		{jushuitan.ShopStatusTradeClosed, true, mapping.OrderCancelled},
		{jushuitan.ShopStatusTradeClosedBeforePay, false, mapping.OrderCancelled},
	}
	for _, tt := range tests {
		state := mapping.OrderStateOfShop(tt.status)
		assert.Equal(t, tt.want, state, tt.status)
		back, ok := state.ShopStatus(tt.paid)
		assert.True(t, ok)
		assert.Equal(t, tt.status, back)
	}
	for _, status := range []string{"", "WAIT_SELLER_AGREE", "SUCCESS", "trade_finished", "PAID"} {
		assert.Equal(t, mapping.OrderUnknown, mapping.OrderStateOfShop(status), status)
	}
}

func TestRefundStateOf(t *testing.T) {
	tests := []struct {
		status  string
		want    mapping.RefundState
		upload  bool
		mayShip bool
	}{
		{"none", mapping.RefundNone, false, true},
		{"waiting", mapping.RefundWaiting, true, false},
		{"success", mapping.RefundSuccess, true, false},
		{"closed", mapping.RefundClosed, true, true},
		{"", mapping.RefundUnknown, false, false},
		{"Success", mapping.RefundUnknown, false, false},
		{"refunding", mapping.RefundUnknown, false, false},
	}
	for _, tt := range tests {
		state := mapping.RefundStateOf(tt.status)
		assert.Equal(t, tt.want, state, tt.status)
		assert.Equal(t, tt.mayShip, state.MayShip(), tt.status)
		back, ok := state.RefundStatus()
		assert.Equal(t, tt.upload, ok, tt.status)
		if ok {
			assert.Equal(t, tt.status, back)
		} else {
			assert.Empty(t, back)
		}
	}
}

func TestOutboundStateOf(t *testing.T) {
	for status, want := range map[string]mapping.OutboundState{
		"WaitConfirm": mapping.OutboundWaiting, "Confirmed": mapping.OutboundShipped, "Delete": mapping.OutboundVoided,
		"Cancelled": mapping.OutboundCancelled, "OuterConfirming": mapping.OutboundExternal, "Archive": mapping.OutboundArchived,
	} {
		state := mapping.OutboundStateOf(status)
		assert.Equal(t, want, state, status)
		back, ok := state.Status()
		assert.True(t, ok)
		assert.Equal(t, status, back)
	}
	for _, status := range []string{"", "Sent", "confirmed", "Picking"} {
		assert.Equal(t, mapping.OutboundUnknown, mapping.OutboundStateOf(status), status)
	}
	_, ok := mapping.OutboundUnknown.Status()
	assert.False(t, ok)
}

func TestStateLabels(t *testing.T) {
	var labels []string
	for _, s := range orderStates() {
		labels = append(labels, s.Label())
	}
	assert.Equal(t, []string{"未知", "待付款", "已付款", "异常", "发货中", "已发货", "交易成功", "已取消", "被合并或拆分"}, labels)
	labels = nil
	for _, s := range []string{"none", "waiting", "success", "closed", "?"} {
		labels = append(labels, mapping.RefundStateOf(s).Label())
	}
	assert.Equal(t, []string{"未退款", "退款中", "退款成功", "退款关闭", "未知"}, labels)
	labels = nil
	for _, s := range []string{"WaitConfirm", "OuterConfirming", "Confirmed", "Delete", "Cancelled", "Archive", "?"} {
		labels = append(labels, mapping.OutboundStateOf(s).Label())
	}
	assert.Equal(t, []string{"待出库", "外部发货中", "已出库", "作废", "取消", "归档", "未知"}, labels)
}

// Whatever text comes, nothing that is not documented means shipped, cancelled,
// refunded or free to be shipped.
func FuzzStates(f *testing.F) {
	for _, seed := range []string{"Sent", "Finished", "success", "Archive", "TRADE_CLOSED", "none", "已发货"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s := mapping.OrderStateOf(text); s != mapping.OrderUnknown && !slices.Contains(s.Statuses(), text) {
			t.Errorf("%q is %s", text, s)
		}
		if s := mapping.OrderStateOfShop(text); s != mapping.OrderUnknown {
			unpaid, _ := s.ShopStatus(false)
			paid, _ := s.ShopStatus(true)
			if text != unpaid && text != paid {
				t.Errorf("%q is %s", text, s)
			}
		}
		if s := mapping.RefundStateOf(text); s != mapping.RefundUnknown && string(s) != text {
			t.Errorf("%q is %s", text, s)
		}
		if s := mapping.OutboundStateOf(text); s != mapping.OutboundUnknown {
			if back, _ := s.Status(); back != text {
				t.Errorf("%q is %s", text, s)
			}
		}
	})
}
