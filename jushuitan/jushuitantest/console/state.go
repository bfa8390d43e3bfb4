package console

import (
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// state is what the page shows: documents, without personal data.
type state struct {
	Now        string          `json:"now"`
	Started    string          `json:"started"`
	Merchant   string          `json:"merchant"`
	Merchants  []string        `json:"merchants"`
	CoID       int64           `json:"co_id"`
	Stats      map[string]int  `json:"stats"`
	Shops      []shopView      `json:"shops"`
	Warehouses []warehouseView `json:"warehouses"`
	Carriers   []carrierView   `json:"carriers"`
	SKUs       []skuView       `json:"skus"`
	Orders     []orderView     `json:"orders"`
	Outbounds  []outboundView  `json:"outbounds"`
	AfterSales []afterSaleView `json:"after_sales"`
	Transfers  []documentView  `json:"transfers"`
	OtherInOut []documentView  `json:"other_in_outs"`
	Stock      []stockView     `json:"stock"`
	PushKinds  []pushKindView  `json:"push_kinds"`
	Addresses  []addressView   `json:"push_addresses"`
	Faults     []faultView     `json:"faults"`
	FaultKinds []string        `json:"fault_kinds"`
	Dialects   []dialectView   `json:"dialects"`
	Known      []dialectView   `json:"known_dialects"`
}

type (
	shopView struct {
		ShopID int64  `json:"shop_id"`
		Name   string `json:"name"`
		Site   string `json:"site"`
	}
	warehouseView struct {
		WMSCoID int64  `json:"wms_co_id"`
		Name    string `json:"name"`
		Main    bool   `json:"main"`
	}
	carrierView struct {
		LCID string `json:"lc_id"`
		Name string `json:"name"`
	}
	skuView struct {
		SKUID string `json:"sku_id"`
		Name  string `json:"name"`
	}
	// lineView is a line: shipped is of outbound documents, received of after-sale
	// cases and transfers.
	lineView struct {
		SKUID    string          `json:"sku_id"`
		Qty      decimal.Decimal `json:"qty"`
		Price    decimal.Decimal `json:"price,omitzero"` // of orders
		Shipped  decimal.Decimal `json:"shipped,omitzero"`
		Received decimal.Decimal `json:"received,omitzero"`
		Status   string          `json:"status,omitempty"`
	}
	parcelView struct {
		LCID string `json:"lc_id"`
		LID  string `json:"l_id"`
	}
	orderView struct {
		OID     int64           `json:"o_id"`
		SoID    string          `json:"so_id"`
		ShopID  int64           `json:"shop_id"`
		Status  string          `json:"status"`
		WMSCoID int64           `json:"wms_co_id"`
		Amount  decimal.Decimal `json:"pay_amount"`
		LCID    string          `json:"lc_id"`
		LID     string          `json:"l_id"`
		Created string          `json:"order_date"`
		Lines   []lineView      `json:"lines"`
	}
	outboundView struct {
		IOID    int64        `json:"io_id"`
		OID     int64        `json:"o_id"`
		SoID    string       `json:"so_id"`
		ShopID  int64        `json:"shop_id"`
		Status  string       `json:"status"`
		WMSCoID int64        `json:"wms_co_id"`
		Parcels []parcelView `json:"parcels"`
		Lines   []lineView   `json:"lines"`
	}
	afterSaleView struct {
		ASID       int64      `json:"as_id"`
		OuterASID  string     `json:"outer_as_id"`
		SoID       string     `json:"so_id"`
		ShopID     int64      `json:"shop_id"`
		Type       string     `json:"type"`
		Status     string     `json:"status"`
		GoodStatus string     `json:"good_status"`
		Lines      []lineView `json:"lines"`
	}
	documentView struct {
		IOID          int64      `json:"io_id"`
		Type          string     `json:"type"`
		Status        string     `json:"status"`
		Warehouse     string     `json:"warehouse"`
		LinkWarehouse string     `json:"link_warehouse,omitempty"`
		Lines         []lineView `json:"lines"`
	}
	stockView struct {
		WMSCoID   int64           `json:"wms_co_id"`
		SKUID     string          `json:"sku_id"`
		Name      string          `json:"name"`
		Qty       decimal.Decimal `json:"qty"`
		OrderLock decimal.Decimal `json:"order_lock"`
		Virtual   decimal.Decimal `json:"virtual_qty"`
		Return    decimal.Decimal `json:"return_qty"`
		In        decimal.Decimal `json:"in_qty"`
	}
	pushKindView struct {
		Method string `json:"method"`
		Label  string `json:"label"` // in Chinese
		Name   string `json:"name"`  // in English
	}
	addressView struct {
		ShopID int64  `json:"shop_id"`
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	dialectView struct {
		Name   string `json:"name"`
		Source string `json:"source"` // "guess": nobody shows it
		Text   string `json:"text"`   // in Chinese
		TextEN string `json:"text_en"`
	}
	faultView struct {
		Kind       string  `json:"kind"`
		Path       string  `json:"path"`
		Times      int     `json:"times"`
		Skip       int     `json:"skip"`
		Seconds    float64 `json:"seconds,omitzero"`
		RetryAfter float64 `json:"retry_after,omitzero"`
		Status     int     `json:"status,omitzero"`
		Code       int64   `json:"code,omitzero"`
		Msg        string  `json:"msg,omitempty"`
	}
)

// shownDocuments limits each list of the page to the newest entries.
const shownDocuments = 200

// clock formats a time for the page, always in UTC+8.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(wire.CST).Format(wire.TimeLayout)
}

// named returns the merchants of the page: the default company, those with calls, and the
// requested one.
func (c *console) named(merchant string, calls int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.merchants == nil {
		c.merchants = []string{""}
	}
	if calls != c.calls { // scanning the requests is expensive
		c.calls = calls
		for _, r := range c.srv.Requests() {
			if !slices.Contains(c.merchants, r.Merchant) {
				c.merchants = append(c.merchants, r.Merchant)
			}
		}
	}
	out := slices.Clone(c.merchants)
	if !slices.Contains(out, merchant) {
		out = append(out, merchant)
	}
	slices.Sort(out)
	return out
}

func (c *console) state(_ *http.Request, co *jushuitantest.Company) (any, error) {
	st := c.srv.Stats()
	s := state{
		Now: clock(c.srv.Now()), Started: c.started, Merchant: co.Merchant(), Merchants: c.named(co.Merchant(), st.Calls), CoID: co.CoID(),
		Stats: map[string]int{
			"calls": st.Calls, "accepted": st.Accepted, "refused": st.Refused, "throttled": st.Throttled, "faults": st.Faults,
			"token_calls": st.TokenCalls, "pushes": st.Pushes, "push_attempts": st.PushAttempts, "push_failures": st.PushFailures,
		},
		Shops: []shopView{}, Warehouses: []warehouseView{}, Carriers: []carrierView{}, SKUs: []skuView{}, Stock: []stockView{},
		Addresses: []addressView{}, Faults: []faultView{}, FaultKinds: []string{}, Dialects: []dialectView{},
	}
	for _, v := range co.Shops() {
		s.Shops = append(s.Shops, shopView{v.ShopID, v.ShopName, v.ShopSite})
	}
	for _, v := range co.Warehouses() {
		s.Warehouses = append(s.Warehouses, warehouseView{v.WMSCoID, v.Name, v.IsMain})
		for _, row := range co.Stock(v.WMSCoID) {
			s.Stock = append(s.Stock, stockView{v.WMSCoID, row.SKUID, row.Name, row.Qty, row.OrderLock, row.VirtualQty, row.ReturnQty, row.InQty})
		}
	}
	for _, v := range co.Carriers() {
		s.Carriers = append(s.Carriers, carrierView{v.LCID, v.LCName})
	}
	for _, row := range co.Stock(0) {
		s.SKUs = append(s.SKUs, skuView{row.SKUID, row.Name})
	}
	s.Orders = newest(co.Orders(), viewOrder)
	s.Outbounds = newest(co.Outbounds(), outbound(co))
	s.AfterSales = newest(co.AfterSales(), viewAfterSale)
	s.Transfers = newest(co.Transfers(), viewTransfer)
	s.OtherInOut = newest(co.OtherInOuts(), viewOtherInOut)
	for _, k := range push.Kinds() {
		s.PushKinds = append(s.PushKinds, pushKindView{k.Method, k.Label, k.Name})
	}
	for _, a := range co.PushAddresses() {
		s.Addresses = append(s.Addresses, addressView{a.ShopID, string(a.Method), a.URL})
	}
	for _, f := range c.srv.Faults() {
		s.Faults = append(s.Faults, faultView{
			Kind: f.Kind.String(), Path: f.Path, Times: f.Times, Skip: f.Skip, Seconds: f.Delay.Seconds(),
			RetryAfter: f.RetryAfter.Seconds(), Status: f.Status, Code: f.Code, Msg: f.Msg,
		})
	}
	for _, k := range jushuitantest.FaultKinds() {
		s.FaultKinds = append(s.FaultKinds, k.String())
	}
	speaking, _ := c.srv.Speaking()
	for _, d := range speaking {
		s.Dialects = append(s.Dialects, viewDialect(d))
	}
	for _, d := range append(jushuitantest.Dialects(), jushuitantest.Guesses()...) {
		s.Known = append(s.Known, viewDialect(d))
	}
	return s, nil
}

func viewDialect(d jushuitantest.Dialect) dialectView {
	return dialectView{d.Name, d.Source, d.ZH, d.EN}
}

func viewOrder(o *jushuitan.Order) orderView {
	v := orderView{OID: o.OID, SoID: o.SoID, ShopID: o.ShopID, Status: o.Status, WMSCoID: o.WMSCoID, Amount: o.PayAmount, LCID: o.LCID, LID: o.LID, Created: clock(o.OrderDate)}
	for _, it := range o.Items {
		v.Lines = append(v.Lines, lineView{SKUID: it.SKUID, Qty: it.Qty, Price: it.Price, Status: it.ItemStatus})
	}
	return v
}

func viewAfterSale(a *jushuitan.AfterSale) afterSaleView {
	v := afterSaleView{ASID: a.ASID, OuterASID: a.OuterASID, SoID: a.SoID, ShopID: a.ShopID, Type: a.Type, Status: a.Status, GoodStatus: a.GoodStatus}
	for _, it := range a.Items {
		v.Lines = append(v.Lines, lineView{SKUID: it.SKUID, Qty: it.Qty, Received: it.RQty})
	}
	return v
}

func viewTransfer(d *jushuitan.Transfer) documentView {
	v := documentView{IOID: d.IOID, Type: d.Type, Status: d.Status, Warehouse: d.Warehouse, LinkWarehouse: d.LinkWarehouse}
	for _, it := range d.Items {
		line := lineView{SKUID: it.SKUID, Qty: it.Qty}
		if d.Type == "调拨出" {
			line.Shipped = it.RQty
		} else {
			line.Received = it.RQty
		}
		v.Lines = append(v.Lines, line)
	}
	return v
}

func viewOtherInOut(d *jushuitan.OtherInOut) documentView {
	v := documentView{IOID: d.IOID, Type: d.Type, Status: d.Status, Warehouse: d.Warehouse}
	for _, it := range d.Items {
		v.Lines = append(v.Lines, lineView{SKUID: it.SKUID, Qty: it.Qty})
	}
	return v
}

// outbound views outbound documents.
func outbound(co *jushuitantest.Company) func(o *jushuitan.Outbound) outboundView {
	return func(o *jushuitan.Outbound) outboundView {
		v := outboundView{OID: o.OID, IOID: o.IOID, SoID: o.SoID, ShopID: o.ShopID, Status: o.Status, WMSCoID: o.WMSCoID, Parcels: []parcelView{}}
		if o.LID != "" {
			v.Parcels = append(v.Parcels, parcelView{o.LCID, o.LID})
		}
		for _, p := range o.ClusterInfos {
			v.Parcels = append(v.Parcels, parcelView{p.LCID, p.LID})
		}
		shipped := co.ShippedQtys(o.IOID)
		for _, it := range o.Items {
			v.Lines = append(v.Lines, lineView{SKUID: it.SKUID, Qty: it.Qty, Shipped: shipped[it.IOIID]})
		}
		return v
	}
}

// newest views the latest documents, newest first.
func newest[D, V any](docs []D, view func(*D) V) []V {
	docs = docs[max(0, len(docs)-shownDocuments):]
	out := make([]V, 0, len(docs))
	for i := range slices.Backward(docs) {
		out = append(out, view(&docs[i]))
	}
	return out
}
