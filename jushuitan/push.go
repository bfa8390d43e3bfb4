package jushuitan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// PushMethod is the query parameter method of a push, which tells its kind.
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

// AppendPushKey appends to b what a repeat of the message has in common with it,
// besides the entId and storageCode of its URL, as callback.Receiver deduplicates it:
// o_id (else so_id), l_id and the lines of a shipment; so_id of a cancel; as_id (else
// outer_as_id), action and unique_id of returned goods. Nothing is appended for stock.
// The bytes stay the same in later versions.
func AppendPushKey(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendKey(b, m.members())
	}
	return b
}

// AppendOppositePushKey appends the [AppendPushKey] of the message that this one undoes:
// goods received and receipt revoked. It appends nothing for other kinds.
func AppendOppositePushKey(b []byte, m PushMessage) []byte {
	if kind, ok := push.Of(string(m.PushMethod())); ok {
		return kind.AppendOpposite(b, m.members())
	}
	return b
}

// PushDocument returns what a message is about if messages about it may come again and
// be meant, and what it says of it: so_id of a cancel; as_id (else outer_as_id) and
// unique_id of returned goods, with their action. Else the document is nil.
func PushDocument(m PushMessage) (document []byte, action string) {
	kind, ok := push.Of(string(m.PushMethod()))
	if !ok {
		return nil, ""
	}
	if kind.Opposite.Member != "" {
		action = string(m.members().AppendMember(nil, push.Whole, kind.Opposite.Member))
	}
	return kind.AppendDocument(nil, m.members()), action
}

// ShipmentPush 物流同步 says that a parcel was shipped. An order may go out in
// several parcels: each push lists the lines of its own only. Its key is o_id +
// l_id.
//
// The facts come from receivers in public code; numbers were seen as text and the
// reverse, and are read either way.
type ShipmentPush struct {
	OID              int64              `json:"o_id,omitzero"`              // 内部单号: ERP order number; differs for each part of a split order
	SoID             string             `json:"so_id,omitzero"`             // 线上单号: the order number that the mall uploaded
	LID              string             `json:"l_id,omitzero"`              // 快递单号: waybill
	LCID             string             `json:"lc_id,omitzero"`             // 物流公司编码: carrier, may carry a merchant's suffix (SF.9); see [ShipmentPush.Carrier]
	LogisticsCompany string             `json:"logistics_company,omitzero"` // 物流公司: carrier name
	SendDate         time.Time          `json:"send_date,omitzero"`         // 发货时间: ship time
	OrderFrom        string             `json:"order_from,omitzero"`        // 订单来源: origin of the order; values not known
	WMSCoID          int64              `json:"wms_co_id,omitzero"`         // 分仓编号: warehouse that shipped
	IsSendAll        bool               `json:"is_send_all,omitzero"`       // 是否全部发货: seen by one receiver only
	Items            []ShipmentPushItem `json:"items,omitzero"`             // 明细: lines of this parcel

	// Extra holds the members that are not known above.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// ShipmentPushItem 明细 is one line of a parcel.
type ShipmentPushItem struct {
	OIID      int64           `json:"oi_id,omitzero"`       // 子订单号: ERP line number
	SKUID     string          `json:"sku_id,omitzero"`      // 商品编码
	Qty       decimal.Decimal `json:"qty,omitzero"`         // 数量: shipped
	Name      string          `json:"name,omitzero"`        // 商品名称
	OuterOIID string          `json:"outer_oi_id,omitzero"` // 平台子订单号: the line number that the mall uploaded; the safest key of a line
	SoID      string          `json:"so_id,omitzero"`       // 线上单号: of the line, where orders were merged; see [ShipmentPush.OrderOf]
}

// Carrier returns the carrier code as it came and without a merchant's suffix: for
// SF.9 these are SF.9 and SF. Look the first up before the second.
func (p *ShipmentPush) Carrier() (full, base string) {
	base, _, _ = strings.Cut(p.LCID, ".")
	return p.LCID, base
}

// OrderOf is the order number of a line: its own, which differs in a merged
// shipment, or the push's.
func (p *ShipmentPush) OrderOf(item ShipmentPushItem) string {
	if item.SoID != "" {
		return item.SoID
	}
	return p.SoID
}

// CancelPush 取消订单 says that the ERP cancelled an order. It names no o_id and
// no lines: ask [OrderService.Query] which parts of a split order are cancelled.
type CancelPush struct {
	SoID   string `json:"so_id,omitzero"`  // 线上单号: the order number that the mall uploaded
	Remark string `json:"remark,omitzero"` // 备注: reason

	// Extra holds the members that are not known above.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// GoodsAction is what a goods-returned push is about.
type GoodsAction string

// The two actions that are known. Others are an error of whoever handles them:
// nothing may be refunded or restocked for an action that is not understood.
const (
	GoodsReceived GoodsAction = push.GoodsReceived // 确认收货: the goods are in the warehouse
	GoodsRevoked  GoodsAction = push.GoodsRevoked  // 取消收货: that receipt was undone
)

// Known reports whether the action is one of the two.
func (a GoodsAction) Known() bool { return a == GoodsReceived || a == GoodsRevoked }

// GoodsReturnedPush 售后收货 says that returned goods were received, or that such
// a receipt was undone: look at Action before any refund.
type GoodsReturnedPush struct {
	OID       int64                   `json:"o_id,omitzero"`        // 内部单号: ERP order number
	ASID      int64                   `json:"as_id,omitzero"`       // 售后单号: ERP after-sale number
	SoID      string                  `json:"so_id,omitzero"`       // 线上单号: the mall's order number
	OuterASID string                  `json:"outer_as_id,omitzero"` // 外部售后单号: the mall's after-sale number
	ShopID    int64                   `json:"shop_id,omitzero"`     // 店铺编号
	Action    GoodsAction             `json:"action_name,omitzero"` // 操作: received or revoked
	Remark    string                  `json:"remark,omitzero"`      // 备注: the literal text null was seen and is read as empty
	UniqueID  string                  `json:"unique_id,omitzero"`   // 唯一编号: meaning not known
	SendDate  string                  `json:"send_date,omitzero"`   // meaning not known
	Items     []GoodsReturnedPushItem `json:"items,omitzero"`       // 明细: received lines

	// Extra holds the members that are not known above.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// GoodsReturnedPushItem 明细 is one returned line.
type GoodsReturnedPushItem struct {
	SKUID string          `json:"sku_id,omitzero"` // 商品编码
	Qty   decimal.Decimal `json:"qty,omitzero"`    // 数量: received (meaning taken from the name)
}

// StockPush 库存同步 brings stock figures. They are absolute and computed by the
// shop's formula in the ERP; a row names no warehouse.
type StockPush struct {
	Rows []StockPushRow `json:"datas"` // 数据集合
}

// StockPushRow is the figure of one SKU.
type StockPushRow struct {
	ID        int64           `json:"id,omitzero"`          // meaning not known, not a key
	ShopID    int64           `json:"shop_id,omitzero"`     // 店铺编号
	SKUID     string          `json:"sku_id,omitzero"`      // 商品编码
	ShopSKUID string          `json:"shop_sku_id,omitzero"` // 店铺商品编码
	IID       string          `json:"i_id,omitzero"`        // 款式编码
	ShopIID   string          `json:"shop_i_id,omitzero"`   // 店铺款式编码
	Qty       decimal.Decimal `json:"qty"`                  // 库存: absolute figure
	SKUSource string          `json:"sku_source,omitzero"`  // meaning not known
	Modified  time.Time       `json:"modified,omitzero"`    // 修改时间: in the ERP; missing in old shapes

	// Extra holds the members that are not known above.
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
	}
	return b
}

// appendLine appends a member of a line. so_id is the message's where the line has none.
func (p *shipmentMembers) appendLine(b []byte, item *ShipmentPushItem, name string) []byte {
	switch name {
	case "oi_id":
		return strconv.AppendInt(b, item.OIID, 10)
	case "sku_id":
		return append(b, item.SKUID...)
	case "qty":
		return append(b, item.Qty.String()...)
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
			return append(b, item.Qty.String()...)
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

// PushMethod returns [PushStock].
func (*StockPush) PushMethod() PushMethod { return PushStock }

// members is nothing: stock figures are absolute, and have no key.
func (*StockPush) members() push.Message { return nil }

// Format prints the value for people, without members that are not known.
func (p ShipmentPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the value for slog, without members that are not known.
func (p ShipmentPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without members that are not known.
func (p CancelPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the value for slog, without members that are not known.
func (p CancelPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without members that are not known.
func (p GoodsReturnedPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the value for slog, without members that are not known.
func (p GoodsReturnedPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without members that are not known.
func (p StockPush) Format(s fmt.State, verb rune) { redact.Format(s, verb, p) }

// LogValue is the value for slog, without members that are not known.
func (p StockPush) LogValue() slog.Value { return redact.LogValue(p) }

// Format prints the value for people, without members that are not known.
func (r StockPushRow) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue is the value for slog, without members that are not known.
func (r StockPushRow) LogValue() slog.Value { return redact.LogValue(r) }

// ParseShipmentPush reads the body of a 物流同步 push.
func ParseShipmentPush(body []byte) (*ShipmentPush, error) {
	p := new(ShipmentPush)
	err := wire.Read(pushText(body), p, readShipment)
	if err != nil {
		p, err = parsePush[ShipmentPush](body, PushShipment)
	}
	if err == nil && (p.OID == 0 && p.SoID == "" || p.LID == "") {
		return nil, pushError(PushShipment, errors.New("so_id (or o_id) or l_id is missing"))
	}
	return p, err
}

// ParseCancelPush reads the body of a 取消订单 push.
func ParseCancelPush(body []byte) (*CancelPush, error) {
	p, err := parsePush[CancelPush](body, PushCancel)
	if err == nil && p.SoID == "" {
		return nil, pushError(PushCancel, errors.New("so_id is missing"))
	}
	if err == nil && p.Remark == "null" {
		p.Remark = ""
	}
	return p, err
}

// ParseGoodsReturnedPush reads the body of a 售后收货 push. It does not judge the
// action, see [GoodsAction.Known].
func ParseGoodsReturnedPush(body []byte) (*GoodsReturnedPush, error) {
	p, err := parsePush[GoodsReturnedPush](body, PushGoodsReturned)
	if err == nil && p.ASID == 0 && p.OuterASID == "" {
		return nil, pushError(PushGoodsReturned, errors.New("as_id and outer_as_id are missing"))
	}
	if err == nil && p.Remark == "null" {
		p.Remark = ""
	}
	return p, err
}

// ParseStockPush reads the body of a 库存同步 push: {"datas":[...]}, a bare array
// as in old versions, or a single row. Since a figure overwrites the stock of the
// mall, a row without one is an error and not a zero.
func ParseStockPush(body []byte) (*StockPush, error) {
	text := pushText(body)
	quick := new(StockPush)
	if wire.Read(text, quick, readStock) == nil {
		return quick, nil
	}
	p, figures, err := readStockPush(text)
	if err != nil {
		return nil, err
	}
	for i, row := range p.Rows {
		if row.SKUID == "" && row.ShopSKUID == "" {
			return nil, pushError(PushStock, fmt.Errorf("datas[%d]: sku_id is missing", i))
		}
		if figures[i].missing() {
			return nil, pushError(PushStock, fmt.Errorf("datas[%d]: qty is missing", i))
		}
	}
	return p, nil
}

// readStockPush reads any of the three shapes, and the figures as they stand.
func readStockPush(text []byte) (*StockPush, []stockFigure, error) {
	var figures []stockFigure
	if len(text) > 0 && text[0] == '[' {
		p := new(StockPush)
		if err := wire.Unmarshal(text, &p.Rows); err != nil {
			return nil, nil, pushError(PushStock, err)
		}
		if err := wire.Unmarshal(text, &figures); err != nil {
			return nil, nil, pushError(PushStock, err)
		}
		return p, figures, nil
	}
	shape, err := parsePush[struct {
		Datas     json.RawMessage `json:"datas"`
		SKUID     json.RawMessage `json:"sku_id"`
		ShopSKUID json.RawMessage `json:"shop_sku_id"`
		stockFigure
	}](text, PushStock)
	switch {
	case err != nil:
		return nil, nil, err
	case shape.Datas != nil && string(shape.Datas) != "null":
		p, err := parsePush[StockPush](text, PushStock)
		if err != nil {
			return nil, nil, err
		}
		if err := wire.Unmarshal(shape.Datas, &figures); err != nil {
			return nil, nil, pushError(PushStock, err)
		}
		return p, figures, nil
	case shape.SKUID != nil || shape.ShopSKUID != nil:
		row, err := parsePush[StockPushRow](text, PushStock)
		if err != nil {
			return nil, nil, err
		}
		return &StockPush{Rows: []StockPushRow{*row}}, []stockFigure{shape.stockFigure}, nil
	}
	return nil, nil, pushError(PushStock, errors.New("datas and sku_id are missing"))
}

// stockFigure is the qty of a row as it stands.
type stockFigure struct {
	Qty json.RawMessage `json:"qty"`
}

// missing reports whether the row has no figure: none at all, null or a blank text.
func (f stockFigure) missing() bool {
	text := bytes.Trim(f.Qty, "\" \t\r\n")
	return len(text) == 0 || string(text) == "null"
}

// pushText is a body without blanks and byte order mark.
func pushText(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
}

func parsePush[T any](body []byte, method PushMethod) (*T, error) {
	text := pushText(body)
	if len(text) == 0 || text[0] != '{' {
		return nil, pushError(method, errors.New("the body is not a JSON object"))
	}
	p := new(T)
	if err := wire.Unmarshal(text, p); err != nil {
		return nil, pushError(method, err)
	}
	return p, nil
}

func pushError(method PushMethod, cause error) error {
	return &Error{Op: "push " + string(method), Outcome: Rejected, class: ErrDecode, cause: cause}
}

// SignPush makes the sign parameter of a push as Jushuitan does: method, erp, the
// other parameters in the order of their names, erp, through MD5. The key erp is
// public, so that the signature is a checksum and no proof of the sender.
//
// Whether parameters of the registered URL itself are signed too, and in which
// order, is not known: all that stand in query are.
func SignPush(method PushMethod, query url.Values) string {
	return pushsign.Sorted(string(method), query)
}
