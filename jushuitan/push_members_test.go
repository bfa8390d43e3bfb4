package jushuitan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/push"
)

// wireNames returns the names of the members of a struct, without those of lists and of what
// is unknown.
func wireNames(v reflect.Value) (names []string) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name != "" && v.Field(i).Kind() != reflect.Slice {
			names = append(names, name)
		}
	}
	return names
}

// change sets a field to another value, and returns a function that restores it.
func change(t *testing.T, f reflect.Value) (undo func()) {
	t.Helper()
	before := reflect.New(f.Type()).Elem()
	before.Set(f)
	switch v := f.Interface().(type) {
	case int64:
		f.SetInt(v + 1)
	case bool:
		f.SetBool(!v)
	case decimal.Decimal:
		f.Set(reflect.ValueOf(v.Add(decimal.New(1, -6))))
	case time.Time:
		f.Set(reflect.ValueOf(v.Add(time.Millisecond).Add(time.Unix(1, 0).Sub(time.Unix(0, 0)))))
	case string:
		f.SetString(v + "x")
	case GoodsAction:
		f.SetString(string(v) + "x")
	case map[string]json.RawMessage:
		f.Set(reflect.ValueOf(map[string]json.RawMessage{"unknown": json.RawMessage(`1`)}))
	default:
		t.Fatalf("a member of type %T: say what another value is", v)
	}
	return func() { f.Set(before) }
}

// TestPushMembers: each kind has a message type and a row, the row names every member of the
// type, and each member, of lines too, is part of the state.
func TestPushMembers(t *testing.T) {
	shipment := &ShipmentPush{Items: []ShipmentPushItem{{}}}
	goods := &GoodsReturnedPush{Items: []GoodsReturnedPushItem{{}}}
	stock := &StockPush{Rows: []StockPushRow{{}}}
	messages := map[PushMethod]PushMessage{}
	for _, m := range []PushMessage{shipment, &CancelPush{}, goods, stock} {
		messages[m.PushMethod()] = m
	}
	lines := map[PushMethod]any{PushShipment: &shipment.Items[0], PushGoodsReturned: &goods.Items[0], PushStock: &stock.Rows[0]}
	require.Len(t, messages, len(PushMethods()))
	for _, method := range PushMethods() {
		m := messages[method]
		kind, ok := push.Of(string(method))
		require.True(t, ok, method)
		whole := reflect.ValueOf(m).Elem()
		assert.ElementsMatch(t, wireNames(whole), kind.Members, "%s: members", method)
		structs := []reflect.Value{whole}
		if line := lines[method]; line != nil {
			v := reflect.ValueOf(line).Elem()
			assert.ElementsMatch(t, wireNames(v), kind.LineMembers, "%s: members of lines", method)
			structs = append(structs, v)
		}
		for _, v := range structs {
			for i := range v.NumField() {
				if v.Field(i).Kind() == reflect.Slice || !v.Type().Field(i).IsExported() {
					continue
				}
				before := string(AppendPushState(nil, m))
				undo := change(t, v.Field(i))
				assert.NotEqual(t, before, string(AppendPushState(nil, m)), "%s: another %s is no other state", method, v.Type().Field(i).Name)
				undo()
				assert.Equal(t, before, string(AppendPushState(nil, m)))
			}
		}
		for _, part := range append(kind.Record, kind.Document...) {
			for _, name := range part {
				assert.Contains(t, kind.Members, name, "%s: the document names a member that the message does not have", method)
			}
		}
		for _, name := range append(kind.DocumentLines, kind.CoreLines...) {
			assert.Contains(t, kind.LineMembers, name, "%s: the document names a member that lines do not have", method)
		}
		assert.Empty(t, string(m.members().AppendMember(nil, push.Whole, "no such member")))
	}
}

// TestPushIdentityForms: the record, the document and the core, written out: each part after
// its length, lines after their number, and of several names the one that counts after its
// first letter.
func TestPushIdentityForms(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		name                   string
		m                      PushMessage
		record, document, core string
		side                   uint8
		whole                  bool
	}{
		{name: "cancel", m: &CancelPush{SoID: "SO-1", Remark: "r"}, record: "\x04SO-1", document: "\x01r"},
		{name: "long", m: &CancelPush{SoID: long}, record: "\xc8\x01" + long, document: "\x00"},
		{
			name: "received", m: &GoodsReturnedPush{ASID: 7, OuterASID: "R", Action: GoodsReceived, UniqueID: "U"},
			record: "\x02a7", document: "\x01U\x00", core: "\x0c确认收货\x00", side: 1, whole: true,
		},
		{
			name: "revoked, no as_id", m: &GoodsReturnedPush{OuterASID: "R", Action: GoodsRevoked, Items: []GoodsReturnedPushItem{{SKUID: "A", Qty: decimal.New(2, 0)}}},
			record: "\x02oR", document: "\x00\x01\x01A\x012", core: "\x0c取消收货\x01\x01A\x012", side: 2,
		},
		{
			name:   "shipment",
			m:      &ShipmentPush{SoID: "S", LID: "L", Items: []ShipmentPushItem{{SKUID: "B", OIID: 12}, {SKUID: "A", Qty: decimal.New(15, -1)}}},
			record: "\x010\x01S\x02" + "\x00\x01S\x01A\x031.5\x010" + "\x00\x01S\x01B\x010\x0212", core: "\x01L",
		},
		{name: "stock", m: &StockPush{Rows: []StockPushRow{{SKUID: "A"}}}, document: "\x01\x01A\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, "k"+tt.record, string(AppendPushRecord([]byte("k"), tt.m)))
			assert.Equal(t, "k"+tt.document, string(AppendPushDocument([]byte("k"), tt.m)))
			assert.Equal(t, "k"+tt.core, string(AppendPushCore([]byte("k"), tt.m)))
			side, whole := PushSide(tt.m)
			assert.Equal(t, tt.side, side)
			assert.Equal(t, tt.whole, whole)
		})
	}
}
