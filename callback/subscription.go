package callback

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SubscriptionConfig configures [NewSubscription].
type SubscriptionConfig struct {
	// Handle handles a message; it is acknowledged after Handle returned nil. It may be
	// called concurrently, and again with a message that it handled: repeats are not
	// recognized, see [SubscriptionMessage.Key].
	Handle func(ctx context.Context, m *SubscriptionMessage) error

	// Secrets are the secrets of the token in the registered URL, see [SubscriptionToken]:
	// the current one first. AllowUnauthenticated accepts messages from anyone who knows the
	// URL; it is required if Secrets is empty and an error otherwise.
	Secrets              []string
	AllowUnauthenticated bool

	// AppKey and AppSecret are those of the app. With AppSecret the sign of each message is
	// compared with what the rule of the open API makes of its form, with app_key and
	// without; SignForm of the message says which matched. RequireSign refuses messages whose
	// sign matches neither. No public source shows the rule of these messages: a match proves
	// it, a mismatch proves nothing.
	AppKey, AppSecret string
	RequireSign       bool
	// Sign checks the members of the form by another rule, instead: it returns a name for
	// the rule that matched, or "".
	Sign func(form map[string]string) string

	// Kind chooses how biz is decoded: as "shipment", "after-sale" or "stock", or not at all
	// (""). Nil means by the members of biz, since the values of action_code are unknown.
	Kind func(actionCode string, biz json.RawMessage) string

	// Authorize receives the redirect that follows an authorisation, which Jushuitan sends to
	// the same address of an app: GET requests with the parameter code. Nil refuses them.
	Authorize http.Handler

	// Success is the body of an acknowledgement, by default {"code":"0","msg":"执行成功"}.
	// One source has the number 0. FailureStatus is the status of other answers that are the
	// host's, by default 500; the code in them is "-1".
	Success       string
	FailureStatus int

	MaxBody     int64         // see [Config]
	BodyTimeout time.Duration // see [Config]

	// OnError receives the reason of every refusal and failure. May be nil.
	OnError func(ctx context.Context, err error)
}

// SubscriptionMessage is a message of the newer message subscription (新版消息订阅). At most one
// of Shipment, AfterSale and Stock is set.
type SubscriptionMessage struct {
	EntID       string // entId of the registered URL, if it has one
	StorageCode string // storageCode of the registered URL, if it has one
	ActionCode  string // action_code: its values are unknown
	Timestamp   string // timestamp: its unit is unknown
	SignForm    string // the rule that the sign matched, "" if none or unchecked

	Shipment  *jushuitan.ShipmentPush
	AfterSale *SubscriptionAfterSale
	Stock     *SubscriptionStock

	// Biz is the message as received. It is never printed.
	Biz json.RawMessage `json:"-" pii:"true"`
}

// Format prints the message without biz and without unknown members.
func (m SubscriptionMessage) Format(s fmt.State, verb rune) { redact.Format(s, verb, m) }

// LogValue is the message for slog, as Format prints it.
func (m SubscriptionMessage) LogValue() slog.Value { return redact.LogValue(m) }

// Key is a hash of the URL's merchant and storage code, action_code and biz as they were
// received, in at most 64 ASCII characters. A repeat is said to be the same message again;
// that its text is the same, and that no two events have the same text, is unknown: read the
// document in the ERP rather than counting messages.
func (m *SubscriptionMessage) Key() string {
	h := sha256.New()
	for _, part := range []string{m.EntID, m.StorageCode, m.ActionCode, string(m.Biz)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return "subscription:" + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// SubscriptionAfterSale 售后 says that an after-sale changed. Its members are those of the only
// public receiver, whose author guessed them; nothing shows which texts the three states have.
// Nothing shows that it reports received goods: query the after-sale.
type SubscriptionAfterSale struct {
	OuterASID    string                      `json:"outer_as_id,omitzero"`   // 外部售后单号
	ASID         int64                       `json:"as_id,omitzero"`         // 售后单号
	SoID         string                      `json:"so_id,omitzero"`         // 线上单号
	Status       string                      `json:"status,omitzero"`        // 状态
	ShopStatus   string                      `json:"shop_status,omitzero"`   // 平台状态
	RefundStatus string                      `json:"refund_status,omitzero"` // 退款状态
	Type         string                      `json:"type,omitzero"`          // 售后类型
	Modified     time.Time                   `json:"modified,omitzero"`      // 修改时间
	Items        []SubscriptionAfterSaleItem `json:"items,omitzero"`         // 明细

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// SubscriptionAfterSaleItem 明细 is one line of an after-sale.
type SubscriptionAfterSaleItem struct {
	OuterOIID string          `json:"outer_oi_id,omitzero"` // 平台子订单号
	SKUID     string          `json:"sku_id,omitzero"`      // 商品编码
	Qty       decimal.Decimal `json:"qty" wire:"required"`  // 数量

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// SubscriptionStock 库存同步 has the figures of inventory rows, not those of a shop's formula.
type SubscriptionStock struct {
	MsgType string                  `json:"msg_type,omitzero"` // business_sku_syn in the only source
	Items   []SubscriptionStockItem `json:"items,omitzero"`    // 明细

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// SubscriptionStockItem 明细 is the stock of one SKU. Names come in camel case too (skuId).
type SubscriptionStockItem struct {
	SKUID      string           `json:"sku_id,omitzero"`      // 商品编码
	IID        string           `json:"i_id,omitzero"`        // 款式编码
	Name       string           `json:"name,omitzero"`        // 商品名称
	Qty        decimal.Decimal  `json:"qty" wire:"required"`  // 实际库存
	VirtualQty *decimal.Decimal `json:"virtual_qty,omitzero"` // 虚拟库存; nil if it is missing: unknown, not 0
	OrderLock  *decimal.Decimal `json:"order_lock,omitzero"`  // 订单占用; nil if it is missing
	PickLock   *decimal.Decimal `json:"pick_lock,omitzero"`   // 拣货占用; nil if it is missing
	Modified   time.Time        `json:"modified,omitzero"`    // 修改时间
	CoID       int64            `json:"co_id,omitzero"`       // 公司编号: coid
	WMSCoID    int64            `json:"wms_co_id,omitzero"`   // 分仓编号

	// Extra holds unknown members.
	Extra map[string]json.RawMessage `json:",embed" pii:"true"`
}

// subscriptionKind takes the place of the kind in the token of a URL.
const subscriptionKind = "subscription"

// SubscriptionToken returns the parameter jstToken of a URL that [NewSubscription] accepts:
// add it, and the entId and storageCode that the token is for, to the address of the app.
// Either may be empty.
func SubscriptionToken(secret, entID, storageCode string) string {
	return pushsign.Token(secret, subscriptionKind, entID, storageCode)
}

// NewSubscription returns a handler for the newer message subscription (新版消息订阅) to an
// app, which a [Receiver] refuses. Little of it is public, and all of that comes from one
// receiver and one integration document:
//
//   - known: a POST of a form with biz (JSON as text), action_code, timestamp and sign, or a
//     JSON body; the members of a shipment; the acknowledgement with code 0; that anything else
//     is repeated up to ten times; that the test environment sends nothing. An empty biz is a
//     probe.
//   - unknown: how sign is made, the values of action_code, the unit of timestamp, the members
//     of an after-sale for certain, every member of the other subjects (goods, 商品同步), the
//     time between repeats, and what counts as a refusal.
//
// Therefore a message proves nothing: the token of the URL is the protection, as for
// [Receiver], and Handle should query the document in the ERP. Messages are not deduplicated
// and not recorded in a [Journal]. What cannot be decoded is refused, and a message whose
// kind is unknown is passed on with Biz alone.
func NewSubscription(cfg SubscriptionConfig) (http.Handler, error) {
	switch {
	case cfg.Handle == nil:
		return nil, errors.New("callback: subscription: no Handle / 缺少处理函数 Handle")
	case len(cfg.Secrets) == 0 != cfg.AllowUnauthenticated:
		return nil, errors.New("callback: subscription: set either Secrets or AllowUnauthenticated / 请设置 Secrets 或 AllowUnauthenticated 之一")
	case cfg.RequireSign && cfg.AppSecret == "" && cfg.Sign == nil:
		return nil, errors.New("callback: subscription: RequireSign needs AppSecret or Sign / RequireSign 需要 AppSecret 或 Sign")
	case cfg.FailureStatus != 0 && (cfg.FailureStatus < 200 || cfg.FailureStatus > 599):
		return nil, fmt.Errorf("callback: subscription: FailureStatus is %d / 状态码不正确", cfg.FailureStatus)
	}
	for _, s := range cfg.Secrets {
		if err := pushsign.CheckSecret(s); err != nil {
			return nil, fmt.Errorf("callback: subscription: %w", err)
		}
	}
	cfg.Success = cmp.Or(cfg.Success, success)
	cfg.FailureStatus = cmp.Or(cfg.FailureStatus, http.StatusInternalServerError)
	s := &subscription{cfg: cfg}
	var err error
	s.in, err = receive.New(receive.Config[*Envelope, jushuitan.ClaimState]{
		MaxBody: cfg.MaxBody, BodyTimeout: cfg.BodyTimeout, NoDedupe: true,
		Panic: func(value any, stack []byte) error { return &jushuitan.PanicError{Value: value, Stack: stack} },
	})
	if err != nil {
		return nil, fmt.Errorf("callback: subscription: %w", err)
	}
	return s, nil
}

type subscription struct {
	cfg SubscriptionConfig
	in  *receive.Receiver[*Envelope, jushuitan.ClaimState]
}

func (s *subscription) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet && s.cfg.Authorize != nil && req.URL.Query().Get("code") != "" {
		s.cfg.Authorize.ServeHTTP(w, req)
		return
	}
	f := s.receive(w, req)
	if f == nil {
		receive.Answer(w, http.StatusOK, contentType, s.cfg.Success)
		return
	}
	if s.cfg.OnError != nil {
		s.cfg.OnError(req.Context(), fmt.Errorf("callback: subscription: merchant %q: %w", req.URL.Query().Get("entId"), f.err))
	}
	receive.Answer(w, cmp.Or(f.status, s.cfg.FailureStatus), contentType, `{"code":"-1","msg":"处理失败"}`)
}

// receive does everything but answer.
func (s *subscription) receive(w http.ResponseWriter, req *http.Request) *failure {
	query, err := pushsign.Parse(req.URL.RawQuery)
	if err != nil {
		return badRequest(errors.New("invalid query"))
	}
	m := &SubscriptionMessage{EntID: query.Get("entId"), StorageCode: query.Get("storageCode")}
	if len(s.cfg.Secrets) > 0 && !pushsign.ValidToken(query.Get(pushsign.TokenParam), subscriptionKind, m.EntID, m.StorageCode, s.cfg.Secrets) {
		_, f := unread(w, req, fail(http.StatusForbidden, ErrToken))
		return f
	}
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		_, f := unread(w, req, fail(http.StatusMethodNotAllowed, fmt.Errorf("%w: not a POST", jushuitan.ErrRequest)))
		return f
	}
	body, err := s.in.Body(w, req, s.in.MaxBody())
	if err != nil {
		return notRead(err)
	}
	form, err := subscriptionForm(receive.Trim(body))
	if err != nil {
		return badRequest(err)
	}
	if form["biz"] == "" || form["biz"] == "{}" {
		return nil // a probe
	}
	m.ActionCode, m.Timestamp, m.Biz = form["action_code"], form["timestamp"], json.RawMessage(form["biz"])
	if m.SignForm = s.signForm(form); m.SignForm == "" && s.cfg.RequireSign {
		return fail(http.StatusForbidden, fmt.Errorf("%w: the member sign matches no known rule", ErrChecksum))
	}
	if err := s.decode(m); err != nil {
		return fail(http.StatusBadRequest, err)
	}
	if err := s.in.Guard(func() error { return s.cfg.Handle(req.Context(), m) }); err != nil {
		return fail(0, err)
	}
	return nil
}

// subscriptionForm returns the members of a form, of a JSON object with a member biz, or of
// one that is itself biz. Without a body it returns none.
func subscriptionForm(body []byte) (map[string]string, error) {
	form := map[string]string{}
	switch {
	case len(body) == 0:
		return form, nil
	case !utf8.Valid(body):
		return nil, errors.New("the body is not UTF-8")
	case body[0] == '{':
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return nil, errors.New("the body is not a JSON object")
		}
		if _, ok := members["biz"]; !ok {
			form["biz"] = string(body)
			return form, nil
		}
		for name, value := range members {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			form[name] = text
		}
		return form, nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values["biz"]) != 1 {
		return nil, errors.New("the body is neither JSON nor a form with one biz")
	}
	for name, v := range values {
		if len(v) != 1 {
			return nil, errors.New("duplicate member in the form")
		}
		if form[name] = v[0]; !utf8.ValidString(v[0]) {
			return nil, errors.New("the form is not UTF-8")
		}
	}
	return form, nil
}

// signForm returns the rule that the sign of a form matches.
func (s *subscription) signForm(form map[string]string) string {
	if s.cfg.Sign != nil {
		return s.cfg.Sign(maps.Clone(form))
	}
	if s.cfg.AppSecret == "" || form["sign"] == "" {
		return ""
	}
	signed := maps.Clone(form)
	if jushuitan.Sign(s.cfg.AppSecret, signed) == form["sign"] {
		return "open-api"
	}
	signed["app_key"] = s.cfg.AppKey
	if jushuitan.Sign(s.cfg.AppSecret, signed) == form["sign"] {
		return "open-api with app_key"
	}
	return ""
}

// decode decodes biz by its kind.
func (s *subscription) decode(m *SubscriptionMessage) (err error) {
	kind := subscriptionKindOf
	if s.cfg.Kind != nil {
		kind = func(biz json.RawMessage) string { return s.cfg.Kind(m.ActionCode, biz) }
	}
	if !json.Valid(m.Biz) {
		return badRequest(errors.New("biz is not JSON")).err
	}
	switch of := kind(m.Biz); of {
	case "shipment":
		m.Shipment, err = jushuitan.ParseShipmentPush(m.Biz)
	case "after-sale":
		m.AfterSale = new(SubscriptionAfterSale)
		err = wire.Unmarshal(m.Biz, m.AfterSale)
	case "stock":
		m.Stock = new(SubscriptionStock)
		err = wire.Unmarshal(m.Biz, m.Stock)
	case "":
	default:
		return fmt.Errorf("%w: Kind returned %q: return shipment, after-sale, stock or an empty text", ErrKind, of)
	}
	if err != nil {
		return fmt.Errorf("decode biz: %w: %w", jushuitan.ErrDecode, err)
	}
	return nil
}

// subscriptionKindOf returns the kind of a message by its members.
func subscriptionKindOf(biz json.RawMessage) string {
	var m struct {
		OuterASID json.RawMessage `json:"outer_as_id"`
		ASID      json.RawMessage `json:"as_id"`
		LID       json.RawMessage `json:"l_id"`
		SoID      json.RawMessage `json:"so_id"`
		OID       json.RawMessage `json:"o_id"`
		MsgType   string          `json:"msg_type"`
	}
	if wire.Unmarshal(biz, &m) != nil {
		return ""
	}
	switch {
	case m.OuterASID != nil || m.ASID != nil:
		return "after-sale"
	case m.LID != nil && (m.SoID != nil || m.OID != nil):
		return "shipment"
	case m.MsgType == "business_sku_syn":
		return "stock"
	}
	return ""
}
