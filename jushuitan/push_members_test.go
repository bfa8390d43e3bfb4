package jushuitan

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/push"
)

// fill sets each field of a struct to a value of its own, and returns the texts by wire
// name.
func fill(v reflect.Value) map[string]string {
	texts := map[string]string{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		switch f := v.Field(i); f.Interface().(type) {
		case int64:
			f.SetInt(int64(100 + i))
			texts[name] = "10" + string(rune('0'+i))
		case decimal.Decimal:
			f.Set(reflect.ValueOf(decimal.New(int64(15+i), -1)))
			texts[name] = decimal.New(int64(15+i), -1).String()
		case string, GoodsAction:
			f.SetString("text of " + name)
			texts[name] = "text of " + name
		}
	}
	return texts
}

// TestPushMembers: a dedupe key may be made of any text or number of a message, and
// each kind has a message type and a row.
func TestPushMembers(t *testing.T) {
	shipment := &ShipmentPush{Items: []ShipmentPushItem{{}}}
	goods := &GoodsReturnedPush{Items: []GoodsReturnedPushItem{{}}}
	messages := map[PushMethod]PushMessage{}
	for _, m := range []PushMessage{shipment, &CancelPush{}, goods, &StockPush{}} {
		messages[m.PushMethod()] = m
	}
	require.Len(t, messages, len(PushMethods()))
	for _, method := range PushMethods() {
		m := messages[method]
		kind, ok := push.Of(string(method))
		require.True(t, ok, method)
		if kind.Key == nil {
			assert.Empty(t, AppendPushKey(nil, m))
			continue
		}
		all := map[int]map[string]string{push.Whole: fill(reflect.ValueOf(m).Elem())}
		switch method {
		case PushShipment:
			all[0] = fill(reflect.ValueOf(&shipment.Items[0]).Elem())
		case PushGoodsReturned:
			all[0] = fill(reflect.ValueOf(&goods.Items[0]).Elem())
		}
		for line, texts := range all {
			for name, want := range texts {
				assert.Equal(t, want, string(m.members().AppendMember(nil, line, name)), "%s %s", method, name)
			}
		}
		parts := kind.Key
		for _, part := range parts {
			for _, name := range part {
				assert.Contains(t, all[push.Whole], name, "%s: the key names a member that the message does not have", method)
			}
		}
		for _, part := range kind.Lines {
			assert.Contains(t, all[0], part[0], "%s: the key names a member that lines do not have", method)
		}
	}
	for name, want := range map[string]string{"so_id": "S", "other": ""} {
		p := &ShipmentPush{SoID: "S", SendDate: time.Unix(1, 0), Items: []ShipmentPushItem{{}}}
		assert.Equal(t, want, string(p.members().AppendMember(nil, 0, name)))
	}
}

// TestPushKeyForms: the key, that of the message it undoes, and the document.
func TestPushKeyForms(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		name                          string
		m                             PushMessage
		key, opposite, document, said string
	}{
		{"cancel", &CancelPush{SoID: "SO-1", Remark: "r"}, "\x04SO-1", "", "\x04SO-1", ""},
		{"long", &CancelPush{SoID: long}, "\xc8\x01" + long, "", "\xc8\x01" + long, ""},
		{"received", &GoodsReturnedPush{ASID: 7, OuterASID: "R", Action: GoodsReceived, UniqueID: "U"},
			"\x02a7\x0c确认收货\x01U", "\x02a7\x0c取消收货\x01U", "\x02a7\x01U", "确认收货"},
		{"revoked, no as_id", &GoodsReturnedPush{OuterASID: "R", Action: GoodsRevoked},
			"\x02oR\x0c取消收货\x00", "\x02oR\x0c确认收货\x00", "\x02oR\x00", "取消收货"},
		{"shipment", &ShipmentPush{SoID: "S", LID: "L", Items: []ShipmentPushItem{{SKUID: "B", OIID: 12}, {SKUID: "A", Qty: decimal.New(15, -1)}}},
			"\x02sS\x01L" + "\x0a\x00\x01S\x01A\x031.50" + "\x09\x00\x01S\x01B\x01012", "", "", ""},
		{"stock", &StockPush{Rows: []StockPushRow{{SKUID: "A"}}}, "", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, "k"+tt.key, string(AppendPushKey([]byte("k"), tt.m)))
			assert.Equal(t, "k"+tt.opposite, string(AppendOppositePushKey([]byte("k"), tt.m)))
			document, said := PushDocument(tt.m)
			assert.Equal(t, []string{tt.document, tt.said}, []string{string(document), said})
		})
	}
}
