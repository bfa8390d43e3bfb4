package jushuitan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const bom = "\xef\xbb\xbf"

// The bodies of the public reference: the newer shape and the old one.
const (
	shipmentBody = `{"o_id":200001,"so_id":"SO-20240101-0001","l_id":"YT0000000001","lc_id":"YTO","logistics_company":"圆通速递",
		"send_date":"2024-01-01 12:00:00","order_from":"SELF","wms_co_id":10101010,
		"items":[{"oi_id":300001,"sku_id":"SKU-A","qty":2,"name":"Item A","outer_oi_id":"SO-20240101-0001-1","so_id":"SO-20240101-0001"}]}`
	shipmentOldBody = `{"o_id":"200001","l_id":"YT0000000001","so_id":"SO-20240101-0001","logistics_company":"圆通速递",
		"send_date":"2024-01-01 12:00:00","items":[{"sku_id":"SKU-A","qty":"2","name":"Item A","so_id":"SO-20240101-0001"}]}`
	cancelBody        = `{"so_id":"SO-20240101-0001","remark":"out of stock"}`
	goodsReturnedBody = `{"o_id":200001,"as_id":400001,"so_id":"SO-20240101-0001","outer_as_id":"RT-0001","shop_id":10101010,
		"action_name":"确认收货","remark":"","items":[{"sku_id":"SKU-A","qty":1}]}`
	stockBody = `{"datas":[{"id":1,"shop_id":10101010,"sku_id":"SKU-A","shop_sku_id":"SKU-A","i_id":"STYLE-A","shop_i_id":"STYLE-A",
		"qty":15,"sku_source":null,"modified":"2024-01-01 12:00:00"}]}`
	stockOldBody = `[{"id":0,"shop_id":0,"sku_id":"SKU-A","qty":15,"shop_sku_id":"SKU-A","i_id":null,"shop_i_id":null}]`
)

// pushNoon is the time in the bodies above, whatever the process's zone is.
var pushNoon = time.Date(2024, 1, 1, 4, 0, 0, 0, time.UTC)

// encoded is v as JSON: equal values give equal texts.
func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := wire.MarshalExact(v)
	require.NoError(t, err)
	return string(b)
}

func TestParseShipmentPush(t *testing.T) {
	whole := jushuitan.ShipmentPush{
		OID: 200001, SoID: "SO-20240101-0001", LID: "YT0000000001", LCID: "YTO", LogisticsCompany: "圆通速递",
		SendDate: pushNoon, OrderFrom: "SELF", WMSCoID: 10101010,
		Items: []jushuitan.ShipmentPushItem{{
			OIID: 300001, SKUID: "SKU-A", Qty: decimal.NewFromInt(2), Name: "Item A",
			OuterOIID: "SO-20240101-0001-1", SoID: "SO-20240101-0001",
		}},
	}
	old := jushuitan.ShipmentPush{
		OID: 200001, SoID: "SO-20240101-0001", LID: "YT0000000001", LogisticsCompany: "圆通速递", SendDate: pushNoon,
		Items: []jushuitan.ShipmentPushItem{{SKUID: "SKU-A", Qty: decimal.NewFromInt(2), Name: "Item A", SoID: "SO-20240101-0001"}},
	}
	tests := map[string]struct {
		body string
		want jushuitan.ShipmentPush
	}{
		"newer shape":     {shipmentBody, whole},
		"old shape":       {shipmentOldBody, old},
		"byte order mark": {bom + " \r\n" + shipmentBody + "\n", whole},
		"numbers where text belongs": {
			`{"o_id":"1","so_id":20240101,"l_id":7700,"lc_id":null,"is_send_all":"true","items":[{"sku_id":12,"qty":"1.50","outer_oi_id":3,"oi_id":"4"}]}`,
			jushuitan.ShipmentPush{OID: 1, SoID: "20240101", LID: "7700", IsSendAll: true, Items: []jushuitan.ShipmentPushItem{
				{SKUID: "12", Qty: decimal.RequireFromString("1.5"), OuterOIID: "3", OIID: 4},
			}},
		},
		"o_id alone":         {`{"o_id":1,"l_id":"L"}`, jushuitan.ShipmentPush{OID: 1, LID: "L"}},
		"so_id alone":        {`{"so_id":"S","l_id":"L","o_id":""}`, jushuitan.ShipmentPush{SoID: "S", LID: "L"}},
		"empty lines":        {`{"so_id":"S","l_id":"L","items":""}`, jushuitan.ShipmentPush{SoID: "S", LID: "L"}},
		"no time":            {`{"so_id":"S","l_id":"L","send_date":"0001-01-01 00:00:00"}`, jushuitan.ShipmentPush{SoID: "S", LID: "L"}},
		"decorated order no": {`{"so_id":"S_2","l_id":"L"}`, jushuitan.ShipmentPush{SoID: "S_2", LID: "L"}},
		"unknown members": {
			`{"so_id":"S","l_id":"L","shop_id":5,"labels":["a"]}`,
			jushuitan.ShipmentPush{SoID: "S", LID: "L", Extra: map[string]json.RawMessage{"shop_id": []byte("5"), "labels": []byte(`["a"]`)}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := jushuitan.ParseShipmentPush([]byte(tt.body))
			require.NoError(t, err)
			assert.Equal(t, encoded(t, tt.want), encoded(t, p))
			assert.Equal(t, tt.want.SendDate.UTC(), p.SendDate.UTC())
			assert.Len(t, p.Items, len(tt.want.Items))
			assert.Len(t, p.Extra, len(tt.want.Extra))
		})
	}
}

func TestParseCancelPush(t *testing.T) {
	for name, tt := range map[string]struct{ body, soID, remark string }{
		"reference":            {cancelBody, "SO-20240101-0001", "out of stock"},
		"number as order":      {`{"so_id":20240101}`, "20240101", ""},
		"remark the text null": {`{"so_id":"S","remark":"null"}`, "S", ""},
		"remark null":          {`{"so_id":"S","remark":null}`, "S", ""},
		"byte order mark":      {bom + cancelBody, "SO-20240101-0001", "out of stock"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := jushuitan.ParseCancelPush([]byte(tt.body))
			require.NoError(t, err)
			assert.Equal(t, jushuitan.CancelPush{SoID: tt.soID, Remark: tt.remark}, *p)
		})
	}
}

func TestParseGoodsReturnedPush(t *testing.T) {
	one := []jushuitan.GoodsReturnedPushItem{{SKUID: "SKU-A", Qty: decimal.NewFromInt(1)}}
	tests := map[string]struct {
		body string
		want jushuitan.GoodsReturnedPush
	}{
		"reference": {goodsReturnedBody, jushuitan.GoodsReturnedPush{
			OID: 200001, ASID: 400001, SoID: "SO-20240101-0001", OuterASID: "RT-0001", ShopID: 10101010,
			Action: jushuitan.GoodsReceived, Items: one,
		}},
		"as text": {
			`{"as_id":"400001","o_id":"200001","shop_id":"1","outer_as_id":7,"action_name":"取消收货","remark":"null","unique_id":9,"send_date":"x","items":[{"sku_id":"SKU-A","qty":"1"}]}`,
			jushuitan.GoodsReturnedPush{
				OID: 200001, ASID: 400001, ShopID: 1, OuterASID: "7", Action: jushuitan.GoodsRevoked, UniqueID: "9", SendDate: "x", Items: one,
			},
		},
		"no action":      {`{"as_id":1}`, jushuitan.GoodsReturnedPush{ASID: 1}},
		"another action": {`{"outer_as_id":"R","action_name":"退款"}`, jushuitan.GoodsReturnedPush{OuterASID: "R", Action: "退款"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := jushuitan.ParseGoodsReturnedPush([]byte(tt.body))
			require.NoError(t, err)
			assert.Equal(t, encoded(t, tt.want), encoded(t, p))
			assert.Len(t, p.Items, len(tt.want.Items))
		})
	}
}

func TestParseStockPush(t *testing.T) {
	whole := jushuitan.StockPushRow{
		ID: 1, ShopID: 10101010, SKUID: "SKU-A", ShopSKUID: "SKU-A", IID: "STYLE-A", ShopIID: "STYLE-A",
		Qty: decimal.NewFromInt(15), Modified: pushNoon,
	}
	old := jushuitan.StockPushRow{SKUID: "SKU-A", ShopSKUID: "SKU-A", Qty: decimal.NewFromInt(15)}
	tests := map[string]struct {
		body string
		want []jushuitan.StockPushRow
	}{
		"batch":                   {stockBody, []jushuitan.StockPushRow{whole}},
		"bare array":              {stockOldBody, []jushuitan.StockPushRow{old}},
		"single row":              {strings.Trim(stockOldBody, "[]"), []jushuitan.StockPushRow{old}},
		"single row of the shop":  {`{"shop_sku_id":"B","qty":1}`, []jushuitan.StockPushRow{{ShopSKUID: "B", Qty: decimal.NewFromInt(1)}}},
		"batch, byte order mark":  {bom + stockBody, []jushuitan.StockPushRow{whole}},
		"array, byte order mark":  {" " + bom + "\n" + stockOldBody, []jushuitan.StockPushRow{old}},
		"single, byte order mark": {bom + strings.Trim(stockOldBody, "[]"), []jushuitan.StockPushRow{old}},
		"many": {`{"datas":[{"sku_id":1,"qty":"1"},{"sku_id":"B","qty":0},{"sku_id":"C","qty":"-2.5"}],"shop_id":1}`, []jushuitan.StockPushRow{
			{SKUID: "1", Qty: decimal.NewFromInt(1)}, {SKUID: "B"}, {SKUID: "C", Qty: decimal.RequireFromString("-2.5")},
		}},
		"batch with a row's names": {`{"datas":[{"sku_id":"A","qty":1}],"sku_id":"B","qty":2}`, []jushuitan.StockPushRow{{SKUID: "A", Qty: decimal.NewFromInt(1)}}},
		"null batch, but a row": {`{"datas":null,"sku_id":"B","qty":2}`, []jushuitan.StockPushRow{{
			SKUID: "B", Qty: decimal.NewFromInt(2), Extra: map[string]json.RawMessage{"datas": []byte("null")},
		}}},
		"empty batch": {`{"datas":[]}`, nil},
		"empty array": {`[]`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := jushuitan.ParseStockPush([]byte(tt.body))
			require.NoError(t, err)
			require.Len(t, p.Rows, len(tt.want))
			for i, want := range tt.want {
				assert.Equal(t, encoded(t, want), encoded(t, p.Rows[i]))
				assert.Equal(t, want.Modified.UTC(), p.Rows[i].Modified.UTC())
			}
		})
	}
}

// TestParsePushRefused: nothing is read as empty, and no value is in the error.
func TestParsePushRefused(t *testing.T) {
	shipment := func(b []byte) (any, error) { return jushuitan.ParseShipmentPush(b) }
	cancel := func(b []byte) (any, error) { return jushuitan.ParseCancelPush(b) }
	returned := func(b []byte) (any, error) { return jushuitan.ParseGoodsReturnedPush(b) }
	stock := func(b []byte) (any, error) { return jushuitan.ParseStockPush(b) }
	every := map[string]func([]byte) (any, error){"shipment": shipment, "cancel": cancel, "returned": returned, "stock": stock}
	type refused struct {
		parse    func([]byte) (any, error)
		body, in string
	}
	tests := map[string]refused{
		"shipment without waybill":     {shipment, `{"o_id":1,"so_id":"CANARY"}`, "l_id"},
		"shipment without order":       {shipment, `{"o_id":0,"l_id":"CANARY"}`, "so_id"},
		"shipment's lines are text":    {shipment, `{"o_id":1,"l_id":"L","items":"CANARY"}`, "items"},
		"shipment's qty is text":       {shipment, `{"o_id":1,"l_id":"L","items":[{"qty":"CANARY"}]}`, "items[0].qty"},
		"shipment's time is text":      {shipment, `{"o_id":1,"l_id":"L","send_date":"CANARY"}`, "send_date"},
		"shipment as an array":         {shipment, `[` + shipmentBody + `]`, "object"},
		"shipment's o_id is too long":  {shipment, `{"o_id":99999999999999999999,"l_id":"L"}`, "o_id"},
		"cancel without order":         {cancel, `{"remark":"CANARY"}`, "so_id"},
		"cancel's order is an object":  {cancel, `{"so_id":{"a":"CANARY"}}`, "so_id"},
		"goods returned without as_id": {returned, `{"so_id":"CANARY","action_name":"确认收货"}`, "as_id"},
		"goods returned's lines":       {returned, `{"as_id":1,"items":[{"qty":[1]}]}`, "items[0].qty"},
		"stock of another shape":       {stock, `{"so_id":"CANARY"}`, "datas"},
		"stock with null for a batch":  {stock, `{"datas":null}`, "datas"},
		"stock without SKU":            {stock, `{"datas":[{"sku_id":"A","qty":1},{"qty":1}]}`, "datas[1]: sku_id"},
		"stock with a null row":        {stock, `[{"sku_id":"A","qty":1},null]`, "datas[1]"},
		"stock without figure":         {stock, `{"datas":[{"sku_id":"A","qty":1},{"sku_id":"CANARY"}]}`, "datas[1].qty is missing"},
		"stock with null for a figure": {stock, `{"datas":[{"sku_id":"A","qty":null}]}`, "datas[0].qty is missing"},
		"stock with a blank figure":    {stock, `[{"sku_id":"A","qty":" "}]`, "datas[0].qty is missing"},
		"stock row without figure":     {stock, `{"sku_id":"CANARY"}`, "datas[0].qty is missing"},
		"stock's figure is text":       {stock, `{"datas":[{"sku_id":"A","qty":"CANARY"}]}`, "datas[0].qty"},
		"stock's batch is text":        {stock, `{"datas":"CANARY"}`, "datas"},
		"stock's batch is an object":   {stock, `{"datas":{"sku_id":"A","qty":1}}`, "datas"},
		"stock, more after the array":  {stock, stockOldBody + `,"datas":[{"sku_id":"CANARY","qty":1}]`, "not JSON"},
		"stock, two arrays":            {stock, stockOldBody + stockOldBody, "not JSON"},
	}
	for name, parse := range every {
		for what, body := range map[string]string{
			"nothing": "", "blanks": " \n", "a mark alone": bom, "null": "null", "a text": `"CANARY"`, "a number": "12",
			"no JSON": "so_id=CANARY", "a page": "<html>CANARY</html>", "cut off": `{"so_id":"CANARY`, "an empty object": `{}`,
			"more after the end": `{"so_id":"CANARY","o_id":1,"l_id":"L","as_id":1,"sku_id":"A","qty":1}}`,
		} {
			tests[name+", "+what] = refused{parse, body, ""}
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := tt.parse([]byte(tt.body))
			require.ErrorIs(t, err, jushuitan.ErrDecode)
			assert.Nil(t, p)
			var e *jushuitan.Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Op, "push ")
			assert.Contains(t, err.Error(), tt.in)
			assert.NotContains(t, fmt.Sprintf("%v %+v %q", err, err, err), "CANARY")
		})
	}
}

func TestCarrier(t *testing.T) {
	for lcID, base := range map[string]string{"SF.9": "SF", "ZTO": "ZTO", "POSTB.5": "POSTB", "A.b.c": "A", "": "", ".9": ""} {
		full, got := (&jushuitan.ShipmentPush{LCID: lcID}).Carrier()
		assert.Equal(t, lcID, full)
		assert.Equal(t, base, got, lcID)
	}
}

func TestOrderOf(t *testing.T) {
	p, err := jushuitan.ParseShipmentPush([]byte(`{"so_id":"TOP","l_id":"L","items":[{"so_id":"OWN","qty":1},{"so_id":"","qty":1},{"so_id":null,"qty":1},{"qty":1}]}`))
	require.NoError(t, err)
	var got []string
	for _, item := range p.Items {
		got = append(got, p.OrderOf(item))
	}
	assert.Equal(t, []string{"OWN", "TOP", "TOP", "TOP"}, got)
}

func TestGoodsActionKnown(t *testing.T) {
	for action, known := range map[jushuitan.GoodsAction]bool{
		jushuitan.GoodsReceived: true, jushuitan.GoodsRevoked: true, "": false, "确认收货!": false, "收货": false, "退款": false,
	} {
		assert.Equal(t, known, action.Known(), "%q", string(action))
	}
}

func TestSignPush(t *testing.T) {
	public, err := url.ParseQuery("ts=1547048796&partnerid=erp&method=cancel.order&type=cancelOrder&sign=any")
	require.NoError(t, err)
	assert.Equal(t, "6be7466d0b6a89b9c12cf04a2a1e356c", jushuitan.SignPush(jushuitan.PushCancel, public))

	only := url.Values{"ts": {"1700000000"}}
	assert.Equal(t, "0c05cdecefc5bf7ca59d46a74922da2a", jushuitan.SignPush(jushuitan.PushShipment, only), "candidate A")
	own := url.Values{"storageCode": {"10101010"}, "ts": {"1700000000"}, "entId": {"9001"}}
	assert.Equal(t, "47bca78b4cd5a8a32400dce0bb8cb38e", jushuitan.SignPush(jushuitan.PushShipment, own), "candidate B")
}

// TestPushPrinting: members that are unknown may be personal data, and are
// shown by no way of printing.
func TestPushPrinting(t *testing.T) {
	const secret = "CANARY"
	shipment, err := jushuitan.ParseShipmentPush([]byte(`{"so_id":"S","l_id":"L","receiver":"CANARY","deep":{"a":["CANARY"]}}`))
	require.NoError(t, err)
	cancel, err := jushuitan.ParseCancelPush([]byte(`{"so_id":"S","receiver":"CANARY"}`))
	require.NoError(t, err)
	returned, err := jushuitan.ParseGoodsReturnedPush([]byte(`{"as_id":1,"outer_as_id":"S","receiver":"CANARY"}`))
	require.NoError(t, err)
	stock, err := jushuitan.ParseStockPush([]byte(`[{"sku_id":"S","qty":1,"receiver":"CANARY"}]`))
	require.NoError(t, err)
	hexed := fmt.Sprintf("%x", secret)
	numbers := fmt.Sprintf("%d", []byte(secret))
	for name, v := range map[string]any{
		"shipment": shipment, "shipment value": *shipment, "cancel": cancel, "cancel value": *cancel,
		"goods returned": returned, "goods returned value": *returned, "stock": stock, "stock value": *stock,
		"stock row": stock.Rows[0], "stock rows": stock.Rows, "in a struct": struct{ P any }{stock}, "in a list": []any{*shipment},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{
				"%v", "%+v", "%#v", "%s", "%+s", "%q", "%#q", "%x", "%X", "%# x", "%d", "%o", "%b", "%c", "%U", "%e", "%g", "%t", "%5.2f", "%y",
			} {
				text := fmt.Sprintf(verb, v)
				for _, form := range []string{secret, hexed, strings.ToUpper(hexed), strings.Trim(numbers, "[]")} {
					assert.NotContains(t, text, form, verb)
				}
			}
			if name == "in a struct" || name == "in a list" {
				return // slog looks at a value itself only
			}
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).Info("push", "p", v)
			assert.NotContains(t, b.String(), secret)
			if name == "stock rows" {
				return
			}
			b.Reset()
			slog.New(slog.NewJSONHandler(&b, nil)).Info("push", "p", v)
			assert.NotContains(t, b.String(), secret)
			assert.Contains(t, b.String(), "S", "what is known is shown")
			assert.Contains(t, fmt.Sprint(v), "S")
		})
	}
}

// roundTrip says: what was parsed is encoded and parsed again without a change.
func roundTrip[P any](t *testing.T, body []byte, parse func([]byte) (*P, error)) {
	t.Helper()
	first, err := parse(body)
	if err != nil {
		require.ErrorIs(t, err, jushuitan.ErrDecode)
		require.Nil(t, first)
		return
	}
	known := map[string]bool{}
	foldedNames(known, reflect.TypeFor[P]())
	for _, members := range allOf[map[string]json.RawMessage](reflect.ValueOf(first)) {
		for name, raw := range members {
			if known[folded(name)] {
				return // another spelling beside the exact name, which is the member itself once it stands alone
			}
			// A duplicate name or text that is not UTF-8 is read, but not written.
			var text []byte = raw // the two names are one type from Go 1.27 on
			if !jsontext.Value(text).IsValid() {
				return
			}
		}
	}
	for _, at := range allOf[time.Time](reflect.ValueOf(first)) {
		if !at.IsZero() && at.Year() < 2 {
			return // written like no time at all
		}
	}
	text, err := wire.MarshalExact(first)
	require.NoError(t, err)
	second, err := parse(text)
	require.NoError(t, err)
	again, err := wire.MarshalExact(second)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

// allOf returns the values of a type that stand anywhere in v.
func allOf[T any](v reflect.Value) (all []T) {
	if !v.CanInterface() {
		return nil
	}
	if found, ok := v.Interface().(T); ok {
		return []T{found}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return allOf[T](reflect.Indirect(v))
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, allOf[T](v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			all = append(all, allOf[T](v.Field(i))...)
		}
	}
	return all
}

func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// foldedNames collects the names of the members of a type, without case and underscores.
func foldedNames(names map[string]bool, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		foldedNames(names, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				names[folded(name)] = true
				foldedNames(names, f.Type)
			}
		}
	}
}

// Every body goes to all readers: what leads one of them further is then tried on the others.
func FuzzPushes(f *testing.F) {
	for _, body := range append(pushShapes(),
		shipmentBody, shipmentOldBody, cancelBody, goodsReturnedBody, stockBody, stockOldBody, strings.Trim(stockOldBody, "[]"), bom+stockOldBody,
		`{"so_id":1,"l_id":2,"as_id":"3","sku_id":4,"qty":"1e3","x":{"a":[1,"b",null]},"send_date":1718068831000}`,
		`{"datas":[null,{},""]}`, `[[],""]`, `{}`, `null`, ``, `{"so_id":"`+"\xff"+`"}`,
	) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkPush(t, body)
		roundTrip(t, body, jushuitan.ParseShipmentPush)
		roundTrip(t, body, jushuitan.ParseCancelPush)
		roundTrip(t, body, jushuitan.ParseGoodsReturnedPush)
		roundTrip(t, body, jushuitan.ParseStockPush)
	})
}
