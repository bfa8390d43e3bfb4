package qimentest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// pair is the typed handler of a method, which notes what it is given and answers
// as told.
type pair struct {
	request reflect.Type
	handle  func(m *qimen.Mux, ask func(env qimen.Envelope, req any) (any, error))
}

func typed[Req, Resp any]() pair {
	return pair{reflect.TypeFor[Req](), func(m *qimen.Mux, ask func(qimen.Envelope, any) (any, error)) {
		qimen.Handle(m, func(_ context.Context, env qimen.Envelope, req *Req) (*Resp, error) {
			resp, err := ask(env, req)
			own, _ := resp.(*Resp)
			return own, err
		})
	}}
}

func pairs() []pair {
	return []pair{
		typed[qimen.POSDeliveryOrderGetRequest, qimen.POSDeliveryOrderGetResponse](),
		typed[qimen.POSDeliveryOrderConfirmRequest, qimen.POSDeliveryOrderConfirmResponse](),
		typed[qimen.POSDeliveryOrderConsignRequest, qimen.POSDeliveryOrderConsignResponse](),
		typed[qimen.POSWebOrderSyncRequest, qimen.POSWebOrderSyncResponse](),
		typed[qimen.POSWebOrderSingleSyncRequest, qimen.POSWebOrderSingleSyncResponse](),
		typed[qimen.POSUpdateSalesOrderRequest, qimen.POSUpdateSalesOrderResponse](),
		typed[qimen.POSSalesOrderUpdateRequest, qimen.POSSalesOrderUpdateResponse](),
		typed[qimen.POSSalesOrderSynchronizeRequest, qimen.POSSalesOrderSynchronizeResponse](),
		typed[qimen.POSReceiptSynchronizeRequest, qimen.POSReceiptSynchronizeResponse](),
		typed[qimen.POSInventoryQueryRequest, qimen.POSInventoryQueryResponse](),
		typed[qimen.POSInventorySynchronizeRequest, qimen.POSInventorySynchronizeResponse](),
		typed[qimen.POSItemsSynchronizeRequest, qimen.POSItemsSynchronizeResponse](),
		typed[qimen.POSItemsGetRequest, qimen.POSItemsGetResponse](),
		typed[qimen.POSReturnReplyRequest, qimen.POSReturnReplyResponse](),
		typed[qimen.POSOrderReturnAddRequest, qimen.POSOrderReturnAddResponse](),
		typed[qimen.POSInventoryReportRequest, qimen.POSInventoryReportResponse](),
		typed[qimen.POSReplenishCreateRequest, qimen.POSReplenishCreateResponse](),
		typed[qimen.POSReplenishNoticeRequest, qimen.POSReplenishNoticeResponse](),
		typed[qimen.POSClerkGetRequest, qimen.POSClerkGetResponse](),
		typed[qimen.POSClerkSynchronizeRequest, qimen.POSClerkSynchronizeResponse](),
		typed[qimen.POSCustomerGetRequest, qimen.POSCustomerGetResponse](),
		typed[qimen.POSCustomerSynchronizeRequest, qimen.POSCustomerSynchronizeResponse](),
		typed[qimen.POSUpdateSalesRefundRequest, qimen.POSUpdateSalesRefundResponse](),
		typed[qimen.POSUpdateWXOrderRequest, qimen.POSUpdateWXOrderResponse](),
		typed[qimen.POSUpdateWXRefundRequest, qimen.POSUpdateWXRefundResponse](),
		typed[qimen.POSReturnApplyReportRequest, qimen.POSReturnApplyReportResponse](),
		typed[qimen.POSShopSynchronizeRequest, qimen.POSShopSynchronizeResponse](),
		typed[qimen.POSWMSReturnApplyReportRequest, qimen.POSWMSReturnApplyReportResponse](),
		typed[qimen.POSReplenishApplyRequest, qimen.POSReplenishApplyResponse](),
		typed[qimen.POSReplenishConfirmRequest, qimen.POSReplenishConfirmResponse](),
		typed[qimen.POSReturnApplyRequest, qimen.POSReturnApplyResponse](),
		typed[qimen.POSReturnCreateRequest, qimen.POSReturnCreateResponse](),
		typed[qimen.POSStockMoveSynchronizeRequest, qimen.POSStockMoveSynchronizeResponse](),
		typed[qimen.POSStoreSynchronizeRequest, qimen.POSStoreSynchronizeResponse](),
		typed[qimen.POSWebOrderAddRequest, qimen.POSWebOrderAddResponse](),
		typed[qimen.CombineItemSynchronizeRequest, qimen.CombineItemSynchronizeResponse](),
		typed[qimen.DeliveryOrderBatchConfirmRequest, qimen.DeliveryOrderBatchConfirmResponse](),
		typed[qimen.DeliveryOrderBatchCreateRequest, qimen.DeliveryOrderBatchCreateResponse](),
		typed[qimen.DeliveryOrderBatchCreateAnswerRequest, qimen.DeliveryOrderBatchCreateAnswerResponse](),
		typed[qimen.DeliveryOrderConfirmRequest, qimen.DeliveryOrderConfirmResponse](),
		typed[qimen.DeliveryOrderCreateRequest, qimen.DeliveryOrderCreateResponse](),
		typed[qimen.DeliveryOrderQueryRequest, qimen.DeliveryOrderQueryResponse](),
		typed[qimen.EntryOrderConfirmRequest, qimen.EntryOrderConfirmResponse](),
		typed[qimen.EntryOrderCreateRequest, qimen.EntryOrderCreateResponse](),
		typed[qimen.EntryOrderQueryRequest, qimen.EntryOrderQueryResponse](),
		typed[qimen.InventoryQueryRequest, qimen.InventoryQueryResponse](),
		typed[qimen.InventoryReportRequest, qimen.InventoryReportResponse](),
		typed[qimen.ItemLackReportRequest, qimen.ItemLackReportResponse](),
		typed[qimen.ItemsSynchronizeRequest, qimen.ItemsSynchronizeResponse](),
		typed[qimen.OrderCancelRequest, qimen.OrderCancelResponse](),
		typed[qimen.OrderPendingRequest, qimen.OrderPendingResponse](),
		typed[qimen.OrderExceptionReportRequest, qimen.OrderExceptionReportResponse](),
		typed[qimen.OrderProcessQueryRequest, qimen.OrderProcessQueryResponse](),
		typed[qimen.OrderProcessReportRequest, qimen.OrderProcessReportResponse](),
		typed[qimen.ReceiverInfoQueryRequest, qimen.ReceiverInfoQueryResponse](),
		typed[qimen.ReturnOrderConfirmRequest, qimen.ReturnOrderConfirmResponse](),
		typed[qimen.ReturnOrderCreateRequest, qimen.ReturnOrderCreateResponse](),
		typed[qimen.SingleItemSynchronizeRequest, qimen.SingleItemSynchronizeResponse](),
		typed[qimen.SNReportRequest, qimen.SNReportResponse](),
		typed[qimen.StockQueryRequest, qimen.StockQueryResponse](),
		typed[qimen.StockChangeReportRequest, qimen.StockChangeReportResponse](),
		typed[qimen.StockOutConfirmRequest, qimen.StockOutConfirmResponse](),
		typed[qimen.StockOutCreateRequest, qimen.StockOutCreateResponse](),
		typed[qimen.StoreCreateRequest, qimen.StoreCreateResponse](),
		typed[qimen.StoreQueryRequest, qimen.StoreQueryResponse](),
		typed[qimen.StoreProcessConfirmRequest, qimen.StoreProcessConfirmResponse](),
		typed[qimen.StoreProcessCreateRequest, qimen.StoreProcessCreateResponse](),
		typed[qimen.TransferOrderCreateRequest, qimen.TransferOrderCreateResponse](),
		typed[qimen.TransferOrderQueryRequest, qimen.TransferOrderQueryResponse](),
		typed[qimen.TransferOrderReportRequest, qimen.TransferOrderReportResponse](),
		typed[qimen.InventoryCheckQueryRequest, qimen.InventoryCheckQueryResponse](),
		typed[qimen.InventoryReserveCreateRequest, qimen.InventoryReserveCreateResponse](),
		typed[qimen.ItemLackQueryRequest, qimen.ItemLackQueryResponse](),
		typed[qimen.OrderStatusBatchQueryRequest, qimen.OrderStatusBatchQueryResponse](),
		typed[qimen.ReplenishPlanCreateRequest, qimen.ReplenishPlanCreateResponse](),
		typed[qimen.ReturnOrderQueryRequest, qimen.ReturnOrderQueryResponse](),
		typed[qimen.StockOutQueryRequest, qimen.StockOutQueryResponse](),
		typed[qimen.ChannelInventoryQueryRequest, qimen.ChannelInventoryQueryResponse](),
		typed[qimen.CombineItemDeleteRequest, qimen.CombineItemDeleteResponse](),
		typed[qimen.CombineItemQueryRequest, qimen.CombineItemQueryResponse](),
		typed[qimen.ExpressInfoQueryRequest, qimen.ExpressInfoQueryResponse](),
		typed[qimen.InventorySynchronizeRequest, qimen.InventorySynchronizeResponse](),
		typed[qimen.InventorySynchronizeReportRequest, qimen.InventorySynchronizeReportResponse](),
		typed[qimen.InventoryBatchQueryRequest, qimen.InventoryBatchQueryResponse](),
		typed[qimen.InventoryReserveCancelRequest, qimen.InventoryReserveCancelResponse](),
		typed[qimen.InventoryRuleCreateRequest, qimen.InventoryRuleCreateResponse](),
		typed[qimen.ItemMappingCreateRequest, qimen.ItemMappingCreateResponse](),
		typed[qimen.ItemMappingQueryRequest, qimen.ItemMappingQueryResponse](),
		typed[qimen.ItemStoreBandingRequest, qimen.ItemStoreBandingResponse](),
		typed[qimen.ItemStoreQueryRequest, qimen.ItemStoreQueryResponse](),
		typed[qimen.OrderCallbackRequest, qimen.OrderCallbackResponse](),
		typed[qimen.OrderQueryRequest, qimen.OrderQueryResponse](),
		typed[qimen.OrderSNReportRequest, qimen.OrderSNReportResponse](),
		typed[qimen.PresalesPackageConsignRequest, qimen.PresalesPackageConsignResponse](),
		typed[qimen.ReturnPackageReportRequest, qimen.ReturnPackageReportResponse](),
		typed[qimen.ShopSynchronizeRequest, qimen.ShopSynchronizeResponse](),
		typed[qimen.SingleItemQueryRequest, qimen.SingleItemQueryResponse](),
		typed[qimen.StoreDeleteRequest, qimen.StoreDeleteResponse](),
		typed[qimen.StoreUpdateRequest, qimen.StoreUpdateResponse](),
		typed[qimen.StoreCategoryGetRequest, qimen.StoreCategoryGetResponse](),
		typed[qimen.StoreItemQueryRequest, qimen.StoreItemQueryResponse](),
		typed[qimen.SupplierSynchronizeRequest, qimen.SupplierSynchronizeResponse](),
		typed[qimen.WarehouseInfoQueryRequest, qimen.WarehouseInfoQueryResponse](),
		typed[qimen.WarehouseInfoSynchronizeRequest, qimen.WarehouseInfoSynchronizeResponse](),
		typed[qimen.WaveNumReportRequest, qimen.WaveNumReportResponse](),
		typed[qimen.RetailCommissionOrderQueryRequest, qimen.RetailCommissionOrderQueryResponse](),
		typed[qimen.RetailCommissionOrderSyncRequest, qimen.RetailCommissionOrderSyncResponse](),
		typed[qimen.RetailCommissionResultQueryRequest, qimen.RetailCommissionResultQueryResponse](),
		typed[qimen.RetailCommissionStatusChangeRequest, qimen.RetailCommissionStatusChangeResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryAdjustRequest, qimen.JSTAstrolabeStoreInventoryAdjustResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryInitialRequest, qimen.JSTAstrolabeStoreInventoryInitialResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryItemAdjustRequest, qimen.JSTAstrolabeStoreInventoryItemAdjustResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryItemInitialRequest, qimen.JSTAstrolabeStoreInventoryItemInitialResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryItemQueryRequest, qimen.JSTAstrolabeStoreInventoryItemQueryResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryItemUpdateRequest, qimen.JSTAstrolabeStoreInventoryItemUpdateResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryQueryRequest, qimen.JSTAstrolabeStoreInventoryQueryResponse](),
		typed[qimen.JSTAstrolabeStoreInventoryUpdateRequest, qimen.JSTAstrolabeStoreInventoryUpdateResponse](),
		typed[qimen.OmniDealerOdersGetRequest, qimen.OmniDealerOdersGetResponse](),
		typed[qimen.OmniDealerOdersListRequest, qimen.OmniDealerOdersListResponse](),
		typed[qimen.OmniDealerOdersRefundAddressRequest, qimen.OmniDealerOdersRefundAddressResponse](),
		typed[qimen.OmniOrderDetailRequest, qimen.OmniOrderDetailResponse](),
		typed[qimen.OmniOrderGoodsReadyRequest, qimen.OmniOrderGoodsReadyResponse](),
		typed[qimen.OmniItemCategoryGetRequest, qimen.OmniItemCategoryGetResponse](),
		typed[qimen.OmniItemItemDeleteRequest, qimen.OmniItemItemDeleteResponse](),
		typed[qimen.OmniItemItemFullUpdateRequest, qimen.OmniItemItemFullUpdateResponse](),
		typed[qimen.OmniItemItemGetRequest, qimen.OmniItemItemGetResponse](),
		typed[qimen.OmniItemItemPublishRequest, qimen.OmniItemItemPublishResponse](),
		typed[qimen.OmniItemSKUGetRequest, qimen.OmniItemSKUGetResponse](),
		typed[qimen.OmniOrderDTDConsignRequest, qimen.OmniOrderDTDConsignResponse](),
		typed[qimen.OmniOrderDTDConsumeRequest, qimen.OmniOrderDTDConsumeResponse](),
		typed[qimen.OmniOrderDTDQueryRequest, qimen.OmniOrderDTDQueryResponse](),
		typed[qimen.OmniOrderDTDResendRequest, qimen.OmniOrderDTDResendResponse](),
		typed[qimen.OmniOrderGuideDataGetRequest, qimen.OmniOrderGuideDataGetResponse](),
		typed[qimen.OmniOrderItemTagOperateRequest, qimen.OmniOrderItemTagOperateResponse](),
		typed[qimen.OmniOrderPrintSaleJudgeRequest, qimen.OmniOrderPrintSaleJudgeResponse](),
		typed[qimen.OmniOrderStoreCollectConfigGetRequest, qimen.OmniOrderStoreCollectConfigGetResponse](),
		typed[qimen.OmniOrderStoreCollectConfigUpdateRequest, qimen.OmniOrderStoreCollectConfigUpdateResponse](),
		typed[qimen.OmniOrderStoreConsignedRequest, qimen.OmniOrderStoreConsignedResponse](),
		typed[qimen.OmniOrderStoreDeliverConfigGetRequest, qimen.OmniOrderStoreDeliverConfigGetResponse](),
		typed[qimen.OmniOrderStoreDeliverConfigUpdateRequest, qimen.OmniOrderStoreDeliverConfigUpdateResponse](),
		typed[qimen.OmniOrderStoreSDTQueryStationRequest, qimen.OmniOrderStoreSDTQueryStationResponse](),
		typed[qimen.OmniOrderStoreSDTStatusRequest, qimen.OmniOrderStoreSDTStatusResponse](),
		typed[qimen.OmniOrderStoreSwitchStatusGetRequest, qimen.OmniOrderStoreSwitchStatusGetResponse](),
		typed[qimen.OmniOrderStoreSwitchStatusUpdateRequest, qimen.OmniOrderStoreSwitchStatusUpdateResponse](),
		typed[qimen.OmniOrderStoreCollectConsumeRequest, qimen.OmniOrderStoreCollectConsumeResponse](),
		typed[qimen.OmniOrderStoreCollectQueryRequest, qimen.OmniOrderStoreCollectQueryResponse](),
		typed[qimen.ItemsMarkingRequest, qimen.ItemsMarkingResponse](),
		typed[qimen.ItemsTagQueryRequest, qimen.ItemsTagQueryResponse](),
		typed[qimen.TagItemsQueryRequest, qimen.TagItemsQueryResponse](),
		typed[qimen.OrderStatusUpdateRequest, qimen.OrderStatusUpdateResponse](),
	}
}

// filler sets every field of a value to something of its own.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value, depth int) {
	f.n++
	switch v.Interface().(type) {
	case decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.New(int64(f.n)*10+5, -2)))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2024, 1, 1, 0, 0, f.n, 0, wire.CST)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"inner":"v%d"}`, f.n))))
		return
	case map[string]json.RawMessage:
		v.Set(reflect.ValueOf(map[string]json.RawMessage{"unknownMember": json.RawMessage(fmt.Sprintf(`"v%d"`, f.n))}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf(`值 <%d> & "%%+=`, f.n))
	case reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		if depth < 6 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		e := reflect.New(v.Type().Elem()).Elem()
		f.fill(e, depth+1)
		m.SetMapIndex(reflect.ValueOf("key1").Convert(v.Type().Key()), e)
		v.Set(m)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			f.fill(v.Field(i), depth+1)
			if field.Tag.Get("time") == "date" {
				v.Field(i).Set(reflect.ValueOf(time.Date(2024, 1, f.n, 0, 0, 0, 0, wire.CST)))
			}
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// equal compares two values deeply, with times by their instant and numbers by
// their value.
func equal(t *testing.T, want, got any, what string) {
	t.Helper()
	assert.Empty(t, differ(reflect.ValueOf(want), reflect.ValueOf(got), what), "%T", want)
}

// differ names the first place where two values of one type differ.
func differ(a, b reflect.Value, path string) string {
	if a.Type() != b.Type() {
		return path + ": " + a.Type().String() + " is not " + b.Type().String()
	}
	switch x := a.Interface().(type) {
	case decimal.Decimal:
		if y := b.Interface().(decimal.Decimal); !x.Equal(y) {
			return fmt.Sprintf("%s: %s is not %s", path, x, y)
		}
		return ""
	case time.Time:
		if y := b.Interface().(time.Time); !x.Equal(y) {
			return fmt.Sprintf("%s: %s is not %s", path, x, y)
		}
		return ""
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if d := differ(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name); d != "" {
				return d
			}
		}
		return ""
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			break
		}
		return differ(a.Elem(), b.Elem(), path)
	case reflect.Slice:
		if a.Len() != b.Len() || a.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		for i := range a.Len() {
			if d := differ(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(a.Interface(), b.Interface()) {
		return fmt.Sprintf("%s: %v is not %v", path, a, b)
	}
	return ""
}

func TestDifferSeesDifferences(t *testing.T) {
	one, two := &qimen.DeliveryOrderCreateRequest{}, &qimen.DeliveryOrderCreateRequest{}
	(&filler{}).fill(reflect.ValueOf(one).Elem(), 0)
	(&filler{}).fill(reflect.ValueOf(two).Elem(), 0)
	assert.Empty(t, differ(reflect.ValueOf(one), reflect.ValueOf(two), "r"))
	two.OrderLines[1].PlanQty = two.OrderLines[1].PlanQty.Add(d(1))
	assert.Contains(t, differ(reflect.ValueOf(one), reflect.ValueOf(two), "r"), "r.OrderLines[1].PlanQty: ")
}

// method finds the service's own method of a request type.
func method(client *qimen.Client, service string, request reflect.Type) (reflect.Value, bool) {
	s := reflect.ValueOf(client).Elem().FieldByName(service)
	for i := range s.NumMethod() {
		if m := s.Method(i); m.Type().NumIn() == 2 && m.Type().In(1) == reflect.PointerTo(request) {
			return m, true
		}
	}
	return reflect.Value{}, false
}

// side is a receiver behind the gateway: a mux with typed handlers for all methods.
type side struct {
	t       *testing.T
	gateway *qimentest.Server

	mu    sync.Mutex
	env   qimen.Envelope
	asked any   // last request
	reply any   // what is answered
	err   error // or this
}

const (
	ownKey    = "30000001"
	ownSecret = "receiversecret000000000000000001"
)

func newSide(t *testing.T, gateway *qimentest.Server, form bool, algorithm qimen.SignMethod) *side {
	t.Helper()
	s := &side{t: t, gateway: gateway}
	mux, err := qimen.NewMux(qimen.MuxConfig{
		Secrets: func(_ context.Context, appKey string) ([]string, error) {
			if appKey != ownKey {
				return nil, nil
			}
			return []string{ownSecret}, nil
		},
		Merchant: func(_ context.Context, id string) (string, error) { return "merchant of " + id, nil },
		Now:      gateway.Now,
		NoDedupe: true,
		OnError: func(_ context.Context, _ qimen.Envelope, err error) {
			if f := (*qimen.Failure)(nil); !errors.As(err, &f) {
				t.Error(err)
			}
		},
	})
	require.NoError(t, err)
	for _, p := range pairs() {
		p.handle(mux, func(env qimen.Envelope, req any) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.env, s.asked = env, req
			return s.reply, s.err
		})
	}
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	address := web.URL + "/qimen"
	if !form { // where a form's parameters and the URL's cannot be told apart
		address += "?entId=10010"
	}
	require.NoError(t, gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{
		URL: address, AppKey: ownKey, AppSecret: ownSecret, Form: form, SignMethod: algorithm,
	}))
	return s
}

// TestRoundTrip: every typed method, called by its own Go method, through the gateway
// to its typed handler and back, in every form in which it travels. Every field of
// request and answer has a value, and every one arrives.
func TestRoundTrip(t *testing.T) { roundTrip(t, 1) }

// roundTrip takes every nth method.
func roundTrip(t *testing.T, nth int, opts ...qimentest.Option) {
	types := map[reflect.Type]bool{}
	for _, p := range pairs() {
		types[p.request] = true
	}
	gateway, _ := started(t, opts...)
	for _, way := range []struct {
		name   string
		body   qimen.Body
		format qimen.Format
		form   bool // forwarded as a form
		calls  qimen.SignMethod
		sent   qimen.SignMethod
		opts   []qimen.Option
	}{
		{"XML", qimen.BodyXML, qimen.XML, false, qimen.MD5, qimen.MD5, nil},
		{"JSON", qimen.BodyXML, qimen.JSON, false, qimen.HMACMD5, qimen.HMACSHA256, nil},
		{"form as JSON", qimen.BodyForm, qimen.JSON, false, qimen.HMACSHA256, qimen.MD5, nil},
		{"form as form", qimen.BodyForm, qimen.JSON, true, qimen.MD5, qimen.HMACMD5, []qimen.Option{qimen.WithAllInForm()}},
		{"form answered in XML", qimen.BodyForm, qimen.XML, false, qimen.MD5, qimen.MD5, nil},
	} {
		t.Run(way.name, func(t *testing.T) {
			peer := newSide(t, gateway, way.form, way.sent)
			cfg := gateway.Config()
			cfg.SignMethod = way.calls
			cfg.POS.Format, cfg.Warehouse.Format, cfg.Other.Format = way.format, way.format, way.format
			cfg.Other.RoutingParam = "customerId" // of the two that Taobao answers
			client, err := qimen.New(cfg, append(way.opts, qimen.WithClock(gateway.Now), noWaits())...)
			require.NoError(t, err)
			done := 0
			for _, m := range qimen.Methods() {
				if m.NewResponse() == nil || m.Body != way.body {
					continue
				}
				if done++; done%nth != 0 {
					continue
				}
				t.Run(m.Name, func(t *testing.T) {
					request := reflect.New(reflect.TypeOf(m.NewRequest()).Elem())
					require.True(t, types[request.Type().Elem()], "the table above lacks it")
					reply := reflect.New(reflect.TypeOf(m.NewResponse()).Elem())
					f := &filler{}
					f.fill(request.Elem(), 0)
					f.fill(reply.Elem(), 0)
					call, ok := method(client, m.Service, request.Type().Elem())
					require.True(t, ok, "service %s has no method for it", m.Service)
					peer.reply, peer.asked, peer.err = reply.Interface(), nil, nil
					out := call.Call([]reflect.Value{reflect.ValueOf(t.Context()), request})
					require.True(t, out[1].IsNil(), "%v", out[1])
					require.NotNil(t, peer.asked)
					equal(t, request.Interface(), peer.asked, "request")
					equal(t, reply.Interface(), out[0].Interface(), "answer")

					assert.Equal(t, m.Name, peer.env.Method)
					assert.Equal(t, "merchant of "+qimentest.DefaultCustomer, peer.env.Merchant)
					assert.Equal(t, ownKey, peer.env.AppKey)
					assert.Equal(t, way.format, peer.env.AnswerFormat)
					if m.Body == qimen.BodyForm {
						assert.Equal(t, cfg.AppKey, peer.env.SourceAppKey)
						assert.NotEmpty(t, peer.env.RequestID)
					}
					all := gateway.Requests()
					last := all[len(all)-1]
					assert.Equal(t, qimentest.RequestRecord{
						Time: last.Time, Method: m.Name, Customer: qimentest.DefaultCustomer, Flag: "success", Code: last.Code, Status: 200, Forwarded: true,
					}, last)

					// The handler's own refusal comes back in its words.
					peer.reply, peer.err = nil, &qimen.Failure{Code: "E7", SubCode: "isv.stub", Message: "没有这张单"}
					out = call.Call([]reflect.Value{reflect.ValueOf(t.Context()), request})
					var refused *qimen.Error
					require.ErrorAs(t, out[1].Interface().(error), &refused)
					assert.Equal(t, [3]string{"E7", "isv.stub", "没有这张单"}, [3]string{refused.Code, refused.SubCode, refused.Msg})
					require.ErrorIs(t, refused, jushuitan.ErrInvalid)
					if len(opts) == 0 { // else a page may have come before
						assert.Equal(t, 1, refused.Attempts)
					}
				})
			}
			assert.Greater(t, done, 20, strings.ToLower(way.name))
		})
	}
}
