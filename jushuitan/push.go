package jushuitan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// PushMethod is the query parameter method of a push, which identifies its kind.
type PushMethod string

// The pushes of a self-owned mall shop (商家自有商城), set in its message settings.
const (
	PushShipment      PushMethod = push.Shipment      // logistics.upload 物流同步
	PushCancel        PushMethod = push.Cancel        // cancel.order 取消订单
	PushStock         PushMethod = push.Stock         // inventory.upload 库存同步
	PushGoodsReturned PushMethod = push.GoodsReturned // refund.goods 售后收货
)

// PushMethods returns all kinds of push, in the order of the settings page.
func PushMethods() []PushMethod {
	kinds := push.Kinds()
	methods := make([]PushMethod, len(kinds))
	for i := range kinds {
		methods[i] = PushMethod(kinds[i].Method)
	}
	return methods
}

// PushMessage is a message that Jushuitan pushes: [*ShipmentPush], [*CancelPush],
// [*GoodsReturnedPush] or [*StockPush].
type PushMessage interface {
	PushMethod() PushMethod // its kind
	members() push.Message
}

// AppendPushRecord appends the key of the message's deduplication record, without the entId
// and storageCode of the URL: the order and the lines of a shipment, the order of a cancel,
// the after-sale case of returned goods. It appends nothing for stock, which is never
// deduplicated.
func AppendPushRecord(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendRecord(b, m.members())
	}
	return b
}

// AppendPushDocument appends what distinguishes the document (单据) of the message from other
// documents of the same record: the remark of a cancel, the unique_id and the lines of
// returned goods, the SKUs of stock.
func AppendPushDocument(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendDocument(b, m.members())
	}
	return b
}

// AppendPushState appends the state (状态) of the message: all of its values. Equal messages
// have equal states, whatever the order and spelling of their members and the order of their
// lines; a different value makes a different state.
func AppendPushState(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendState(b, m.members())
	}
	return b
}

// AppendPushCore appends the part of the state that the ERP's documents show as well. By it
// callback.Receiver recognizes the push of a message that callback.Reconcile rebuilt.
func AppendPushCore(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendCore(b, m.members())
	}
	return b
}

// AppendEarlierPushKey appends the deduplication key of earlier versions, which did not store
// states, so that their records can be read. It reports whether the key identifies the event.
func AppendEarlierPushKey(b []byte, m PushMessage) (_ []byte, identifies bool) {
	kind, ok := push.Of(string(m.PushMethod()))
	if !ok {
		return b, false
	}
	return kind.AppendEarlierKey(b, m.members()), kind.EarlierIdentifies(m.members())
}

// PushSide returns 1 for a message that reports a receipt, 2 for one that revokes a receipt,
// and 0 for others. whole reports whether it has no lines and so concerns its whole document.
func PushSide(m PushMessage) (side uint8, whole bool) {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.Side(m.members()), kind.OfAll(m.members())
	}
	return 0, false
}

// ShipmentPush 物流同步 reports that a parcel was shipped. An order may be shipped in
// several parcels: each push lists the lines of one.
//
// The members are those that receivers in public code use. Numeric strings and numbers are
// both accepted.
type ShipmentPush struct {
	_ shipmentPushFields

	OID              int64              `json:"o_id,omitzero" wire:"vital"`  // 内部单号: ERP order number; differs for each part of a split order
	SoID             string             `json:"so_id,omitzero" wire:"vital"` // 线上单号: the order number that the mall uploaded
	LID              string             `json:"l_id,omitzero" wire:"vital"`  // 快递单号: waybill
	LCID             string             `json:"lc_id,omitzero" wire:"vital"` // 物流公司编码: carrier, may carry a merchant's suffix (SF.9); see [ShipmentPush.Carrier]
	LogisticsCompany string             `json:"logistics_company,omitzero"`  // 物流公司: carrier name
	SendDate         time.Time          `json:"send_date,omitzero"`          // 发货时间: ship time
	OrderFrom        string             `json:"order_from,omitzero"`         // 订单来源: origin of the order; the values are unknown
	WMSCoID          int64              `json:"wms_co_id,omitzero"`          // 分仓编号: warehouse that shipped
	IsSendAll        bool               `json:"is_send_all,omitzero"`        // 是否全部发货: whether the whole order is shipped; only one public receiver reads it
	Items            []ShipmentPushItem `json:"items,omitzero"`              // 明细: lines of this parcel

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// ShipmentPushItem 明细 is one line of a parcel.
type ShipmentPushItem struct {
	_ shipmentPushItemFields

	OIID      int64           `json:"oi_id,omitzero" wire:"vital"`       // 子订单号: ERP line number
	SKUID     string          `json:"sku_id,omitzero" wire:"vital"`      // 商品编码
	Qty       decimal.Decimal `json:"qty"`                               // 数量: shipped quantity; null is 0, a missing quantity is an error
	Name      string          `json:"name,omitzero"`                     // 商品名称
	OuterOIID string          `json:"outer_oi_id,omitzero" wire:"vital"` // 平台子订单号: the line number that the mall uploaded; the safest key of a line
	SoID      string          `json:"so_id,omitzero" wire:"vital"`       // 线上单号: of the line, if orders were merged; see [ShipmentPush.OrderOf]

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// MarshalJSON writes a quantity of zero and leaves out an unknown one.
func (v ShipmentPushItem) MarshalJSON() ([]byte, error) { return wire.MarshalRow(v) }

// Carrier returns the carrier code as received and without a merchant's suffix: SF.9 and SF
// for SF.9. Look up the first before the second.
func (p *ShipmentPush) Carrier() (full, base string) {
	base, _, _ = strings.Cut(p.LCID, ".")
	return p.LCID, base
}

// OrderOf returns the order number of a line: its own, which differs in a merged shipment,
// or that of the push.
func (p *ShipmentPush) OrderOf(item ShipmentPushItem) string {
	if item.SoID != "" {
		return item.SoID
	}
	return p.SoID
}

// CancelPush 取消订单 reports that the ERP cancelled an order. It has no o_id and no lines:
// [OrderService.Query] shows which parts of a split order are cancelled.
type CancelPush struct {
	_ cancelPushFields

	SoID   string `json:"so_id,omitzero" wire:"vital"` // 线上单号: the order number that the mall uploaded
	Remark string `json:"remark,omitzero"`             // 备注: reason

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// GoodsAction is the action that a goods-returned push reports.
type GoodsAction string

// The two known actions. Treat any other as an error: nothing may be refunded or restocked
// because of an unknown action.
const (
	GoodsReceived GoodsAction = push.GoodsReceived // 确认收货: the goods are in the warehouse
	GoodsRevoked  GoodsAction = push.GoodsRevoked  // 取消收货: that receipt was undone
)

// Known reports whether the action is one of the two.
func (a GoodsAction) Known() bool { return a == GoodsReceived || a == GoodsRevoked }

// GoodsReturnedPush 售后收货 reports that returned goods were received, or that such a
// receipt was revoked: check Action before any refund.
type GoodsReturnedPush struct {
	_ goodsReturnedPushFields

	OID       int64                   `json:"o_id,omitzero" wire:"vital"`        // 内部单号: ERP order number
	ASID      int64                   `json:"as_id,omitzero" wire:"vital"`       // 售后单号: ERP after-sale number
	SoID      string                  `json:"so_id,omitzero" wire:"vital"`       // 线上单号: the mall's order number
	OuterASID string                  `json:"outer_as_id,omitzero" wire:"vital"` // 外部售后单号: the mall's after-sale number
	ShopID    int64                   `json:"shop_id,omitzero"`                  // 店铺编号
	Action    GoodsAction             `json:"action_name,omitzero" wire:"vital"` // 操作: received or revoked
	Remark    string                  `json:"remark,omitzero"`                   // 备注: the literal text null occurs and counts as empty
	UniqueID  string                  `json:"unique_id,omitzero" wire:"vital"`   // 唯一编号: the meaning is unknown
	SendDate  string                  `json:"send_date,omitzero"`                // the meaning is unknown
	Items     []GoodsReturnedPushItem `json:"items,omitzero"`                    // 明细: received lines

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// GoodsReturnedPushItem 明细 is one returned line.
type GoodsReturnedPushItem struct {
	_ goodsReturnedPushItemFields

	SKUID string          `json:"sku_id,omitzero" wire:"vital"` // 商品编码
	Qty   decimal.Decimal `json:"qty"`                          // 数量: received quantity (inferred from the name); null is 0, a missing quantity is an error

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// MarshalJSON writes a quantity of zero and leaves out an unknown one.
func (v GoodsReturnedPushItem) MarshalJSON() ([]byte, error) { return wire.MarshalRow(v) }

// StockPush 库存同步 reports stock figures. They are absolute, and the ERP computes them by
// the shop's formula. A row does not name a warehouse.
type StockPush struct {
	_ stockPushFields

	Rows []StockPushRow `json:"datas"` // 数据集合

	// Extra holds unknown members beside datas.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// StockPushRow is the figure of one SKU.
type StockPushRow struct {
	_ stockPushRowFields

	ID        int64           `json:"id,omitzero"`                       // the meaning is unknown; not a key
	ShopID    int64           `json:"shop_id,omitzero" wire:"vital"`     // 店铺编号
	SKUID     string          `json:"sku_id,omitzero" wire:"vital"`      // 商品编码
	ShopSKUID string          `json:"shop_sku_id,omitzero" wire:"vital"` // 店铺商品编码
	IID       string          `json:"i_id,omitzero"`                     // 款式编码
	ShopIID   string          `json:"shop_i_id,omitzero"`                // 店铺款式编码
	Qty       decimal.Decimal `json:"qty" wire:"required"`               // 库存: absolute figure
	SKUSource string          `json:"sku_source,omitzero"`               // the meaning is unknown
	Modified  time.Time       `json:"modified,omitzero"`                 // 修改时间: in the ERP; missing in old forms of the push

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// PushMethod returns [PushShipment].
func (*ShipmentPush) PushMethod() PushMethod { return PushShipment }

func (p *ShipmentPush) members() push.Message { return (*shipmentMembers)(p) }

type shipmentMembers ShipmentPush

func (p *shipmentMembers) Lines() int { return len(p.Items) }

func (p *shipmentMembers) AppendMember(b []byte, line int, name string) []byte {
	if line >= 0 {
		return p.appendLine(b, &p.Items[line], name)
	}
	switch name {
	case "o_id":
		return strconv.AppendInt(b, p.OID, 10)
	case "so_id":
		return append(b, p.SoID...)
	case "l_id":
		return append(b, p.LID...)
	case "lc_id":
		return append(b, p.LCID...)
	case "logistics_company":
		return append(b, p.LogisticsCompany...)
	case "order_from":
		return append(b, p.OrderFrom...)
	case "wms_co_id":
		return strconv.AppendInt(b, p.WMSCoID, 10)
	case "send_date":
		return appendTime(b, p.SendDate)
	case "is_send_all":
		return strconv.AppendBool(b, p.IsSendAll)
	}
	return b
}

func (p *shipmentMembers) Unknown(line int) map[string]json.RawMessage {
	if line >= 0 {
		return p.Items[line].Extra
	}
	return (*ShipmentPush)(p).Extra
}

// appendTime appends a time; the zero time appends nothing.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return strconv.AppendInt(b, t.UnixNano(), 36)
}

// appendDecimal appends what d.String returns.
func appendDecimal(b []byte, d decimal.Decimal) []byte {
	if d.Exponent() == 0 && d.NumDigits() <= 18 {
		return strconv.AppendInt(b, d.CoefficientInt64(), 10)
	}
	return append(b, d.String()...)
}

// appendLine appends a member of a line. A line without so_id has that of the message.
func (p *shipmentMembers) appendLine(b []byte, item *ShipmentPushItem, name string) []byte {
	switch name {
	case "oi_id":
		return strconv.AppendInt(b, item.OIID, 10)
	case "sku_id":
		return append(b, item.SKUID...)
	case "qty":
		return appendDecimal(b, item.Qty)
	case "name":
		return append(b, item.Name...)
	case "outer_oi_id":
		return append(b, item.OuterOIID...)
	case "so_id":
		return append(b, (*ShipmentPush)(p).OrderOf(*item)...)
	}
	return b
}

// PushMethod returns [PushCancel].
func (*CancelPush) PushMethod() PushMethod { return PushCancel }

func (p *CancelPush) members() push.Message { return (*cancelMembers)(p) }

type cancelMembers CancelPush

func (*cancelMembers) Lines() int { return 0 }

func (p *cancelMembers) AppendMember(b []byte, _ int, name string) []byte {
	switch name {
	case "so_id":
		return append(b, p.SoID...)
	case "remark":
		return append(b, p.Remark...)
	}
	return b
}

func (p *cancelMembers) Unknown(int) map[string]json.RawMessage { return (*CancelPush)(p).Extra }

// PushMethod returns [PushGoodsReturned].
func (*GoodsReturnedPush) PushMethod() PushMethod { return PushGoodsReturned }

func (p *GoodsReturnedPush) members() push.Message { return (*goodsReturnedMembers)(p) }

type goodsReturnedMembers GoodsReturnedPush

func (p *goodsReturnedMembers) Lines() int { return len(p.Items) }

func (p *goodsReturnedMembers) AppendMember(b []byte, line int, name string) []byte {
	if line >= 0 {
		switch item := &p.Items[line]; name {
		case "sku_id":
			return append(b, item.SKUID...)
		case "qty":
			return appendDecimal(b, item.Qty)
		}
		return b
	}
	switch name {
	case "o_id":
		return strconv.AppendInt(b, p.OID, 10)
	case "as_id":
		return strconv.AppendInt(b, p.ASID, 10)
	case "so_id":
		return append(b, p.SoID...)
	case "outer_as_id":
		return append(b, p.OuterASID...)
	case "shop_id":
		return strconv.AppendInt(b, p.ShopID, 10)
	case "action_name":
		return append(b, p.Action...)
	case "remark":
		return append(b, p.Remark...)
	case "unique_id":
		return append(b, p.UniqueID...)
	case "send_date":
		return append(b, p.SendDate...)
	}
	return b
}

func (p *goodsReturnedMembers) Unknown(line int) map[string]json.RawMessage {
	if line >= 0 {
		return p.Items[line].Extra
	}
	return (*GoodsReturnedPush)(p).Extra
}

// PushMethod returns [PushStock].
func (*StockPush) PushMethod() PushMethod { return PushStock }

func (p *StockPush) members() push.Message { return (*stockMembers)(p) }

type stockMembers StockPush

func (p *stockMembers) Lines() int { return len(p.Rows) }

func (p *stockMembers) AppendMember(b []byte, line int, name string) []byte {
	if line < 0 {
		return b
	}
	switch row := &p.Rows[line]; name {
	case "id":
		return strconv.AppendInt(b, row.ID, 10)
	case "shop_id":
		return strconv.AppendInt(b, row.ShopID, 10)
	case "sku_id":
		return append(b, row.SKUID...)
	case "shop_sku_id":
		return append(b, row.ShopSKUID...)
	case "i_id":
		return append(b, row.IID...)
	case "shop_i_id":
		return append(b, row.ShopIID...)
	case "qty":
		return appendDecimal(b, row.Qty)
	case "sku_source":
		return append(b, row.SKUSource...)
	case "modified":
		return appendTime(b, row.Modified)
	}
	return b
}

func (p *stockMembers) Unknown(line int) map[string]json.RawMessage {
	if line < 0 {
		return (*StockPush)(p).Extra
	}
	return p.Rows[line].Extra
}

// Unread returns the documented fields that Extra holds because their values cannot be
// decoded, as paths such as items[0].name.
func (p *ShipmentPush) Unread() []string {
	out := wire.Unread(p)
	for i := range p.Items {
		out = appendUnread(out, i, &p.Items[i])
	}
	return out
}

// appendUnread appends the unread fields of a line.
func appendUnread(out []string, line int, item any) []string {
	for _, path := range wire.Unread(item) {
		out = append(out, fmt.Sprintf("items[%d].%s", line, path))
	}
	return out
}

// Unread is [ShipmentPush.Unread] of a cancel.
func (p *CancelPush) Unread() []string { return wire.Unread(p) }

// Unread is [ShipmentPush.Unread] of returned goods.
func (p *GoodsReturnedPush) Unread() []string {
	out := wire.Unread(p)
	for i := range p.Items {
		out = appendUnread(out, i, &p.Items[i])
	}
	return out
}

// Unread is [ShipmentPush.Unread] of a row of stock.
func (r *StockPushRow) Unread() []string { return wire.Unread(r) }

// Format prints the value for people, without unknown members.
func (p ShipmentPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue returns the value for slog, without unknown members.
func (p ShipmentPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without unknown members.
func (p CancelPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue returns the value for slog, without unknown members.
func (p CancelPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without unknown members.
func (p GoodsReturnedPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue returns the value for slog, without unknown members.
func (p GoodsReturnedPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without unknown members.
func (p StockPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue returns the value for slog, without unknown members.
func (p StockPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without unknown members.
func (r StockPushRow) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue returns the value for slog, without unknown members.
func (r StockPushRow) LogValue() slog.Value { return redact.LogValue(r) }

// DefaultMaxRows is the default maximum number of rows, or lines, of a push.
const DefaultMaxRows = 5000

// maxUnknown is how many unknown members a push may have, of which each costs many times its
// length.
const maxUnknown = 4 * DefaultMaxRows

// PushParser decodes the bodies of pushes, and refuses one with more than 20,000 unknown members. The zero value is ready to use.
type PushParser struct {
	// MaxRows is the maximum number of rows, or lines, of a push; decoding ends at the
	// first one beyond it. 0 means [DefaultMaxRows], a negative number no limit.
	MaxRows int
}

// ParseShipmentPush decodes the body of a 物流同步 push: a JSON object, or a form with
// that object in its field biz.
func ParseShipmentPush(body []byte) (*ShipmentPush, error) { return PushParser{}.Shipment(body) }

// ParseCancelPush decodes the body of a 取消订单 push, see [ParseShipmentPush].
func ParseCancelPush(body []byte) (*CancelPush, error) { return PushParser{}.Cancel(body) }

// ParseGoodsReturnedPush decodes the body of a 售后收货 push, see
// [ParseShipmentPush]. It accepts any action; check it with [GoodsAction.Known].
func ParseGoodsReturnedPush(body []byte) (*GoodsReturnedPush, error) {
	return PushParser{}.GoodsReturned(body)
}

// ParseStockPush decodes the body of a 库存同步 push: {"datas":[...]}, a bare array
// as in old versions, a single row, or a form with one of these in its field biz.
// Since the quantity overwrites the stock of the mall, a row without a quantity is
// an error, never zero.
func ParseStockPush(body []byte) (*StockPush, error) { return PushParser{}.Stock(body) }

// Shipment decodes the body of a 物流同步 push, see [ParseShipmentPush].
func (c PushParser) Shipment(body []byte) (*ShipmentPush, error) {
	p, err := parsePush[ShipmentPush](c, body, PushShipment)
	if err == nil && (p.OID == 0 && p.SoID == "" || p.LID == "") {
		return nil, pushError(PushShipment, errors.New("so_id (or o_id) or l_id is missing"))
	}
	if err == nil && slices.ContainsFunc(p.Items, func(it ShipmentPushItem) bool { return it.Qty.IsZero() }) {
		if err := statesQty(body); err != nil {
			return nil, pushError(PushShipment, err)
		}
	}
	return p, err
}

// Cancel decodes the body of a 取消订单 push, see [ParseCancelPush].
func (c PushParser) Cancel(body []byte) (*CancelPush, error) {
	p, err := parsePush[CancelPush](c, body, PushCancel)
	if err == nil && p.SoID == "" {
		return nil, pushError(PushCancel, errors.New("so_id is missing"))
	}
	if err == nil && p.Remark == "null" {
		p.Remark = ""
	}
	return p, err
}

// GoodsReturned decodes the body of a 售后收货 push, see [ParseGoodsReturnedPush].
func (c PushParser) GoodsReturned(body []byte) (*GoodsReturnedPush, error) {
	p, err := parsePush[GoodsReturnedPush](c, body, PushGoodsReturned)
	if err == nil && p.ASID == 0 && p.OuterASID == "" {
		return nil, pushError(PushGoodsReturned, errors.New("as_id and outer_as_id are missing"))
	}
	if err == nil && p.Remark == "null" {
		p.Remark = ""
	}
	if err == nil && slices.ContainsFunc(p.Items, func(it GoodsReturnedPushItem) bool { return it.Qty.IsZero() }) {
		if err := statesQty(body); err != nil {
			return nil, pushError(PushGoodsReturned, err)
		}
	}
	return p, err
}

// statesQty returns an error for the first line without a quantity, which is not the same as
// one of zero or null.
func statesQty(body []byte) error {
	var lines struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(pushText(body), &lines); err != nil {
		return err
	}
	r := new(wire.Reader)
	for i, line := range lines.Items {
		stated := false
		r.Reset(line)
		if r.Kind() != '{' {
			return fmt.Errorf("items[%d].qty is missing", i)
		}
		err := r.Members(func(name []byte) error {
			stated = stated || len(name) < 16 && strings.EqualFold(strings.ReplaceAll(string(name), "_", ""), "qty")
			return nil
		})
		switch {
		case err != nil:
			return err
		case !stated:
			return fmt.Errorf("items[%d].qty is missing", i)
		}
	}
	return nil
}

// Stock decodes the body of a 库存同步 push, see [ParseStockPush].
func (c PushParser) Stock(body []byte) (*StockPush, error) {
	p := new(StockPush)
	r, err := c.reader(body)
	if err != nil {
		return nil, pushError(PushStock, err)
	}
	defer finish(r)
	r.Rows = "datas"
	if r.Kind() == '[' {
		r.Back(r.Offset(), r.Rows)
		err = r.IntoRows(p)
	} else {
		err = c.stockObject(r, p)
	}
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, pushError(PushStock, err)
	}
	for i, row := range p.Rows {
		if row.SKUID == "" && row.ShopSKUID == "" {
			return nil, pushError(PushStock, fmt.Errorf("datas[%d]: sku_id is missing", i))
		}
	}
	return p, nil
}

// stockObject reads the rows of an object, or the object as a row.
func (c PushParser) stockObject(r *wire.Reader, p *StockPush) error {
	if r.Kind() != '{' {
		return errNoObject
	}
	start, listed, single := r.Offset(), false, false
	err := r.Into(p, func(name []byte) (bool, error) {
		switch string(name) {
		case "datas":
			listed = r.Kind() != 'n'
		case "sku_id", "shop_sku_id":
			single = true
		}
		return false, nil
	})
	switch {
	case err != nil || listed:
		return err
	case !single:
		return errors.New("datas and sku_id are missing")
	}
	p.Extra = nil // they are members of the row
	r.Back(start, r.Rows)
	return r.IntoRows(p)
}

// reader returns a reader of a body that keeps optional values that it cannot decode.
func (c PushParser) reader(body []byte) (*wire.Reader, error) {
	text := pushText(body)
	if !utf8.Valid(text) || loneSurrogate(text) {
		return nil, errNoText
	}
	r, _ := pushReaders.Get().(*wire.Reader)
	r.Reset(text)
	r.Keep, r.MaxRows, r.MaxUnknown = true, max(0, cmp.Or(c.MaxRows, DefaultMaxRows)), maxUnknown
	return r, nil
}

// pushReaders holds readers: one is larger than most pushes.
var pushReaders = sync.Pool{New: func() any { return new(wire.Reader) }}

// finish keeps a reader for another push.
func finish(r *wire.Reader) {
	r.Reset(nil)
	pushReaders.Put(r)
}

var (
	errNoObject = errors.New("the body is not a JSON object")
	errNoText   = errors.New("the body is not valid UTF-8 text (GBK?), so that its keys cannot be distinguished")
)

// loneSurrogate reports whether a JSON text has an escape for half a surrogate pair, which no
// valid string can hold.
func loneSurrogate(text []byte) bool {
	half := func(at int) uint64 {
		if len(text) < at+6 || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return n & 0xfc00
	}
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\\')
		if i < 0 {
			return false
		}
		switch at += i; half(at) {
		case 0xdc00:
			return true
		case 0xd800:
			if half(at+6) != 0xdc00 {
				return true
			}
			at += 12
		default:
			at = min(at+2, len(text))
		}
	}
}

// pushText returns the JSON of a body without surrounding white space and byte order
// mark: the body itself, or the biz of a form.
func pushText(body []byte) []byte {
	text := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
	if len(text) == 0 || text[0] == '{' || text[0] == '[' {
		return text
	}
	if form, err := url.ParseQuery(string(text)); err == nil && len(form["biz"]) == 1 {
		return []byte(form.Get("biz"))
	}
	return text
}

func parsePush[T any](c PushParser, body []byte, method PushMethod) (*T, error) {
	r, err := c.reader(body)
	if err != nil {
		return nil, pushError(method, err)
	}
	defer finish(r)
	if r.Kind() != '{' {
		return nil, pushError(method, errNoObject)
	}
	p := new(T)
	err = r.Into(p, nil)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, pushError(method, err)
	}
	return p, nil
}

func pushError(method PushMethod, cause error) error {
	return &Error{Op: "push " + string(method), Outcome: Rejected, class: ErrDecode, cause: cause}
}

// SignPush returns the sign parameter of a push as Jushuitan computes it: the MD5 of method,
// erp, the other parameters sorted by name, and erp. The key erp is public, so the signature
// is a checksum and proves nothing about the sender.
//
// Whether the parameters of the registered URL are signed too, and in which order, is
// unknown. SignPush signs all parameters in query.
func SignPush(method PushMethod, query url.Values) string {
	return pushsign.Sorted(string(method), query)
}
