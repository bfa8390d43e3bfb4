package qimen_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

func ExampleLookupMethod() {
	m, ok := qimen.LookupMethod("deliveryorder.create") // as the gateway forwards it
	fmt.Println(ok, m.Name, m.Title, m.Direction, m.Body, m.Effect)
	fmt.Printf("%T\n", m.NewRequest())
	// Output:
	// true taobao.qimen.deliveryorder.create 发货单创建接口 inbound xml keyed
	// *qimen.DeliveryOrderCreateRequest
}

func ExampleOrderFlags() {
	flags := qimen.JoinOrderFlags(qimen.OrderFlagCOD, qimen.OrderFlagPresell)
	fmt.Println(flags, flags.Has(qimen.OrderFlagCOD), flags.Has(qimen.OrderFlagSplit))
	// Output: COD^PRESELL true false
}

func TestMethods(t *testing.T) {
	families := map[qimen.Family]int{}
	for _, m := range qimen.Methods() {
		families[m.Family]++
		found, ok := qimen.LookupMethod(m.Name)
		require.True(t, ok, m.Name)
		assert.Equal(t, m.Name, found.Name)
		short, ok := qimen.LookupMethod(m.ShortName())
		require.True(t, ok, m.ShortName())
		assert.Equal(t, m.Name, short.Name, "%s stands for two methods", m.ShortName())
		if m.GoName == "" {
			assert.Equal(t, qimen.FamilyOther, m.Family, m.Name)
			assert.Nil(t, m.NewRequest(), m.Name)
			assert.Nil(t, m.NewResponse(), m.Name)
			continue
		}
		assert.Equal(t, "*qimen."+m.GoName+"Request", fmt.Sprintf("%T", m.NewRequest()))
		if m.Family != qimen.FamilyScene { // its rows are those of package jushuitan
			assert.Equal(t, "*qimen."+m.GoName+"Response", fmt.Sprintf("%T", m.NewResponse()))
		}
		assert.Equal(t, m.Effect == jushuitan.Keyed, len(m.Key) > 0, m.Name)
		assert.Equal(t, m.Effect == jushuitan.Read, m.Why == "", m.Name)
	}
	assert.Equal(t, map[qimen.Family]int{
		qimen.FamilyScene: 8, qimen.FamilyPOS: 35, qimen.FamilyWarehouse: 70, qimen.FamilyOther: 68,
	}, families)
	for _, name := range []string{"", "taobao.qimen.", "taobao.qimen.nothing", "order", "taobao.qimen.taobao.qimen.order.cancel", "DELIVERYORDER.CREATE"} {
		_, ok := qimen.LookupMethod(name)
		assert.False(t, ok, name)
	}
}

// TestServices finds each typed method on its service, with the types of the table.
func TestServices(t *testing.T) {
	services := map[string]reflect.Type{
		"POS": reflect.TypeFor[*qimen.POSService](), "Warehouse": reflect.TypeFor[*qimen.WarehouseService](),
		"Other": reflect.TypeFor[*qimen.OtherService](),
	}
	count := 0
	for _, m := range qimen.Methods() {
		svc := services[m.Service]
		if svc == nil {
			continue
		}
		name := m.GoName
		if m.Service == "POS" {
			name = strings.TrimPrefix(name, "POS")
		}
		fn, ok := svc.MethodByName(name)
		if assert.True(t, ok, "%s.%s", m.Service, name) {
			count++
			assert.Equal(t, reflect.TypeOf(m.NewRequest()), fn.Type.In(2), name)
			assert.Equal(t, reflect.TypeOf(m.NewResponse()), fn.Type.Out(0), name)
		}
	}
	assert.Equal(t, 35+70+45, count)
}

// TestMethodsIsACopy: what a caller does with the table stays with the caller.
func TestMethodsIsACopy(t *testing.T) {
	const name = "taobao.qimen.deliveryorder.confirm"
	m, _ := qimen.LookupMethod(name)
	m.Key[0], m.Title = "changed", "changed"
	all := qimen.Methods()
	for i := range all {
		all[i].Name = "changed"
	}
	again, ok := qimen.LookupMethod(name)
	require.True(t, ok)
	assert.Equal(t, []string{"deliveryOrder.outBizCode"}, again.Key)
	assert.Equal(t, "发货单确认接口", again.Title)
}

// typedValues are the requests and answers of every typed method, filled in.
func typedValues() map[string]any {
	values := map[string]any{}
	for _, m := range qimen.Methods() {
		for side, v := range map[string]any{"request": m.NewRequest(), "response": m.NewResponse()} {
			if v != nil {
				fillIn(reflect.ValueOf(v).Elem(), new(int))
				values[m.Name+" "+side] = v
			}
		}
	}
	return values
}

// fillIn puts something into every member, each time something else.
func fillIn(v reflect.Value, n *int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *decimal.Decimal:
		*x = decimal.New(int64(1000+*n), -2)
		return
	case *time.Time:
		*x = time.Date(2024, 1, 2, 0, 0, 0, 0, wire.CST).AddDate(0, 0, *n)
		return
	case *map[string]string:
		*x = map[string]string{"key1": fmt.Sprintf("value-%d", *n)}
		return
	case *jushuitan.CommaList:
		*x = jushuitan.CommaList{fmt.Sprintf("text-%d", *n), fmt.Sprintf("more-%d", *n)}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillIn(v.Elem(), n)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(fmt.Appendf(nil, `{"unknown":%d}`, *n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillIn(v.Index(0), n)
		fillIn(v.Index(1), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Extra" {
				fillIn(v.Field(i), n)
			}
		}
	}
}

// TestJSONRoundTrip writes and reads every type, and takes numbers as texts.
func TestJSONRoundTrip(t *testing.T) {
	for name, v := range typedValues() {
		data, err := wire.Marshal(v)
		require.NoError(t, err, name)
		got := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		require.NoError(t, wire.Unmarshal(data, got), name)
		again, err := wire.Marshal(got)
		require.NoError(t, err, name)
		assert.JSONEq(t, string(data), string(again), name)
	}
}

// TestUnknownMembersSurvive: a document that says more than the tables do loses
// nothing on its way through.
func TestUnknownMembersSurvive(t *testing.T) {
	in := `{"deliveryOrder":{"deliveryOrderCode":"A1","newMember":{"a":[1,2]}},"orderLines":[{"itemCode":"S","extendProps":{"k":"v"}}],"later":"x"}`
	var req qimen.DeliveryOrderCreateRequest
	require.NoError(t, wire.Unmarshal([]byte(in), &req))
	assert.JSONEq(t, `{"a":[1,2]}`, string(req.DeliveryOrder.Extra["newMember"]))
	assert.JSONEq(t, `{"k":"v"}`, string(req.OrderLines[0].Extra["extendProps"]))
	assert.JSONEq(t, `"x"`, string(req.Extra["later"]))
}

// TestPrintedWithoutPersonalData prints every type in every way.
func TestPrintedWithoutPersonalData(t *testing.T) {
	tagged := 0
	for name, v := range typedValues() {
		personal := redact.Personal(v)
		tagged += len(personal)
		if len(personal) == 0 {
			continue
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		secrets := regexp.MustCompile(`\b(` + strings.Join(personal, "|") + `)\b`)
		for _, printed := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), log.String()} {
			assert.NotRegexp(t, secrets, printed, name)
		}
	}
	assert.Greater(t, tagged, 80)
}

// TestIdempotencyKey: every keyed request has a key when it is filled in, another
// one when a member of the key is another, and none when that is missing.
func TestIdempotencyKey(t *testing.T) {
	type keyed interface{ IdempotencyKey() string }
	count := 0
	for _, m := range qimen.Methods() {
		req, ok := m.NewRequest().(keyed)
		if m.Effect != jushuitan.Keyed {
			assert.False(t, ok, m.Name)
			continue
		}
		require.True(t, ok, m.Name)
		count++
		assert.Empty(t, req.IdempotencyKey(), m.Name)
		fillIn(reflect.ValueOf(req).Elem(), new(int))
		key := req.IdempotencyKey()
		assert.NotEmpty(t, key, m.Name)
		fillIn(reflect.ValueOf(req).Elem(), new(1000))
		assert.NotEqual(t, key, req.IdempotencyKey(), m.Name)
	}
	assert.Equal(t, 28, count)

	confirm := func(codes ...string) string {
		var r qimen.DeliveryOrderBatchConfirmRequest
		for _, c := range codes {
			r.Orders = append(r.Orders, qimen.DeliveryOrderBatchConfirmOrder{DeliveryOrder: qimen.DeliveredOrder{OutBizCode: c}})
		}
		return r.IdempotencyKey()
	}
	assert.Equal(t, "a|b", confirm("a", "b"))
	assert.NotEqual(t, confirm("a|b"), confirm("a", "b"), "a separator inside a part")
	assert.NotEqual(t, confirm(`a\`, "b"), confirm(`a\|b`))
	assert.Empty(t, confirm("a", ""), "a parcel without a number makes the whole message unsafe to repeat")
	assert.Empty(t, confirm())
	many := slices.Repeat([]string{"BIZ-000001"}, 100)
	assert.Len(t, confirm(many...), len("sha256:")+64, "keys stay short")
	assert.NotEqual(t, confirm(many...), confirm(many[1:]...))

	parts := qimen.StockOutCreateRequest{DeliveryOrder: qimen.StockOutOrder{DeliveryOrderCode: "S1"}, OrderLines: []qimen.StockOutLine{{}}}
	assert.Equal(t, "S1", parts.IdempotencyKey(), "lines without numbers")
	parts.OrderLines[0].OrderLineNo = "7"
	assert.Equal(t, "S1|7", parts.IdempotencyKey())
}

func TestEnumerationsAreOpen(t *testing.T) {
	type known interface{ Known() bool }
	for _, tc := range []struct {
		value known
		want  bool
	}{
		{qimen.OrderTypeSalesOut, true}, {qimen.OrderType("JYCK2"), false}, {qimen.OrderType(""), false},
		{qimen.RelatedOrderTypeInbound, true}, {qimen.RelatedOrderType("XX"), false},
		{qimen.OrderStatusPartFulfilled, true}, {qimen.OrderStatus("PICKED"), false},
		{qimen.ProcessStatusInterceptFailed, true}, {qimen.ProcessStatus("TMS"), false},
		{qimen.POSOrderStatusPickedUp, true}, {qimen.POSOrderStatus("CLOSED"), false},
		{qimen.TransportModeExpress, true}, {qimen.TransportMode("WL"), false},
		{qimen.LogisticsCodePOSTB, true}, {qimen.LogisticsCode("JT"), false},
		{qimen.InventoryTypeFrozen, true}, {qimen.InventoryType("zp"), false},
		{qimen.ItemTypeAttached, true}, {qimen.ItemType("YY"), false},
		{qimen.SourcePlatform1688, true}, {qimen.SourcePlatform("TEMU"), false},
		{qimen.OrderSourceTypeStore, true}, {qimen.OrderSourceType("B2B"), false},
		{qimen.OrderFlagSyncReturnBill, true}, {qimen.OrderFlag("COD^LIMIT"), false},
		{qimen.InvoiceTypeElectronic, true}, {qimen.InvoiceType("PAPER"), false},
		{qimen.DeliveryTypeEco, true}, {qimen.DeliveryType("X"), false},
		{qimen.ReceiverSceneAfterSale, true}, {qimen.ReceiverScene("1005"), false},
		{qimen.ExceptionTypeEpidemicStop, true}, {qimen.ExceptionType("1"), false},
	} {
		assert.Equal(t, tc.want, tc.value.Known(), "%T %v", tc.value, tc.value)
	}
	// A value nobody knows comes through as it is.
	var req qimen.DeliveryOrderCreateRequest
	require.NoError(t, wire.Unmarshal([]byte(`{"deliveryOrder":{"logisticsCode":"JT","orderType":"NEWCK"}}`), &req))
	assert.Equal(t, qimen.LogisticsCode("JT"), req.DeliveryOrder.LogisticsCode)
	assert.Equal(t, qimen.OrderType("NEWCK"), req.DeliveryOrder.OrderType)
}

func TestOrderFlags(t *testing.T) {
	for in, want := range map[qimen.OrderFlags][]qimen.OrderFlag{
		"": nil, "COD": {"COD"}, "COD^PRESELL": {"COD", "PRESELL"}, "^COD^^ LIMIT ^": {"COD", "LIMIT"}, "X^COD": {"X", "COD"},
	} {
		assert.Equal(t, want, in.All(), string(in))
	}
	assert.False(t, qimen.OrderFlags("PRECOD").Has(qimen.OrderFlagCOD))
	assert.Equal(t, qimen.OrderFlags(""), qimen.JoinOrderFlags())
}

func TestDirectionAndBodyText(t *testing.T) {
	assert.Equal(t, "both outbound inbound", fmt.Sprint(qimen.Both, " ", qimen.Outbound, " ", qimen.Inbound))
	assert.Equal(t, "form xml", fmt.Sprint(qimen.BodyForm, " ", qimen.BodyXML))
}
