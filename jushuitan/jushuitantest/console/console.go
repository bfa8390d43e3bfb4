package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Root is the path of the page, below which the API is.
const Root = "/_sandbox/"

//go:embed web
var web embed.FS

// Config configures the console.
type Config struct {
	// AllowRemote also accepts callers from other machines. The console has no
	// password: anyone who reaches it can do everything.
	AllowRemote bool
}

// maxBody limits the size of a request.
const maxBody = 1 << 20

// Middleware returns the console as a middleware for [jushuitantest.WithMiddleware].
func Middleware(cfg Config) func(s *jushuitantest.Server, api http.Handler) http.Handler {
	return func(s *jushuitantest.Server, api http.Handler) http.Handler {
		c := &console{Config: cfg, srv: s, log: newRequestLog(), started: time.Now().Format(time.RFC3339Nano)}
		files, err := fs.Sub(web, "web")
		if err != nil {
			panic(err) // cannot happen: the directory is embedded
		}
		mux := http.NewServeMux()
		mux.Handle("GET "+Root, http.StripPrefix(Root, http.FileServerFS(files)))
		for _, r := range c.routes() {
			mux.HandleFunc(r.method+" "+Root+r.path, c.serve(r.run))
		}
		guarded := c.guard(mux)
		logged := c.log.watch(s, api)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == strings.TrimSuffix(Root, "/"):
				http.Redirect(w, r, Root, http.StatusMovedPermanently)
			case strings.HasPrefix(r.URL.Path, Root):
				guarded.ServeHTTP(w, r)
			default:
				logged.ServeHTTP(w, r)
			}
		})
	}
}

type console struct {
	Config
	srv     *jushuitantest.Server
	log     *requestLog
	started string // differs after every start

	mu        sync.Mutex
	merchants []string // merchants with calls, see named
	calls     int      // the server's count at the last update
}

// lines are quantities by sku_id.
type lines map[string]decimal.Decimal

// guard refuses remote callers and cross-origin requests of browsers, by Host (a foreign
// name that resolves to this machine) and by Origin.
func (c *console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !c.AllowRemote && !(loopback(r.RemoteAddr) && loopback(r.Host)) {
			refuse(w, http.StatusForbidden, errors.New("the console answers this machine only"))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				refuse(w, http.StatusForbidden, errors.New("the request comes from a page of another origin"))
				return
			}
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
				refuse(w, http.StatusUnsupportedMediaType, errors.New("the Content-Type must be application/json"))
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// loopback reports whether an address, with or without a port, is this machine's.
func loopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// action handles an endpoint. Its answer is encoded as JSON, nil as {"ok":true}.
type action func(r *http.Request, company *jushuitantest.Company) (any, error)

type route struct {
	method, path string // below Root
	run          action
}

// routes returns the endpoints of the API. The package comment lists them too.
func (c *console) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, "state", c.state},
		{get, "operations", c.operations},
		{get, "requests", c.requests},
		{get, "pushes", c.pushes},
		{post, "orders", c.newOrder},
		{post, "orders/{id}/pay", byID((*jushuitantest.Company).PayOrder)},
		{post, "orders/{id}/audit", byID((*jushuitantest.Company).AuditOrder)},
		{post, "orders/{id}/resolve", byID((*jushuitantest.Company).ResolveOrder)},
		{post, "orders/{id}/assign", assign},
		{post, "orders/{id}/cancel", cancelOrder},
		{post, "outbounds/{id}/ship", ship},
		{post, "aftersales", c.newAfterSale},
		{post, "aftersales/{id}/receive", aboutGoods((*jushuitantest.Company).ReceiveReturn)},
		{post, "aftersales/{id}/revoke", aboutGoods((*jushuitantest.Company).RevokeReturn)},
		{post, "transfers", c.newTransfer},
		{post, "transfers/{id}/ship", byLines((*jushuitantest.Company).ShipTransfer)},
		{post, "transfers/{id}/receive", byLines((*jushuitantest.Company).ReceiveTransfer)},
		{post, "otherinouts", c.newOtherInOut},
		{post, "otherinouts/{id}/confirm", byLines((*jushuitantest.Company).ConfirmOtherInOut)},
		{post, "stock", setStock},
		{post, "stock/push", pushStock},
		{post, "push-addresses", register},
		{post, "tokens/expire", c.expire},
		{post, "faults", c.inject},
		{post, "faults/clear", c.clearFaults},
		{post, "dialects", c.speak},
		{post, "advance", c.advance},
	}
}

func (c *console) serve(run action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := run(r, c.srv.Company(r.URL.Query().Get("merchant")))
		if err != nil {
			status := http.StatusConflict
			if _, ok := errors.AsType[*badInput](err); ok {
				status = http.StatusBadRequest
			}
			refuse(w, status, err)
			return
		}
		if answer == nil {
			answer = struct {
				OK bool `json:"ok"`
			}{true}
		}
		reply(w, http.StatusOK, answer)
	}
}

// badInput is an error of the request; other errors are the ERP's.
type badInput struct{ error }

func (b *badInput) Unwrap() error { return b.error }

func bad(format string, args ...any) error { return &badInput{fmt.Errorf(format, args...)} }

// input decodes the JSON of a request; an empty body is an empty object.
func input[T any](r *http.Request) (*T, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bad("cannot read the body: %w", err)
	}
	v := new(T)
	if len(bytes.TrimSpace(body)) == 0 {
		return v, nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return nil, bad("the body does not match the endpoint: %w", err)
	}
	return v, nil
}

func pathID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, bad("%q is not a document number", r.PathValue("id"))
	}
	return id, nil
}

// document decodes a request about the document in its path.
func document[T any](r *http.Request) (id int64, in *T, err error) {
	if id, err = pathID(r); err != nil {
		return 0, nil, err
	}
	in, err = input[T](r)
	return id, in, err
}

// byID is an action that needs only the number of a document.
func byID(f func(*jushuitantest.Company, int64) error) action {
	return func(r *http.Request, company *jushuitantest.Company) (any, error) {
		id, _, err := document[struct{}](r)
		if err != nil {
			return nil, err
		}
		return nil, f(company, id)
	}
}

// byLines is an action that needs a document and actual quantities, by default those of
// the document.
func byLines(f func(*jushuitantest.Company, int64, map[string]decimal.Decimal) error) action {
	return func(r *http.Request, company *jushuitantest.Company) (any, error) {
		id, in, err := document[struct {
			Lines lines `json:"lines"`
		}](r)
		if err != nil {
			return nil, err
		}
		return nil, f(company, id, in.Lines)
	}
}

// newOrderInput is an order of a platform, with a fictitious receiver.
type newOrderInput struct {
	ShopID int64       `json:"shop_id"`
	SoID   string      `json:"so_id"`
	Unpaid bool        `json:"unpaid"`
	Items  []itemInput `json:"items"`
}

type itemInput struct {
	SKUID string          `json:"sku_id"`
	Qty   decimal.Decimal `json:"qty"`
	Price decimal.Decimal `json:"price"`
}

// number returns a number for a new document that has none.
func (c *console) number(given, prefix string, documents int) string {
	if given != "" {
		return given
	}
	return fmt.Sprintf("%s%s%04d", prefix, c.srv.Now().In(wire.CST).Format("20060102150405"), documents+1)
}

func (c *console) newOrder(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[newOrderInput](r)
	if err != nil {
		return nil, err
	}
	now := c.srv.Now()
	o := jushuitan.OrderUpload{
		ShopID: in.ShopID, SoID: c.number(in.SoID, "SB", len(company.Orders())), OrderDate: now, ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods,
		ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "西湖区", ReceiverAddress: "沙箱路 1 号",
		ReceiverName: "沙箱", ReceiverMobile: "13000000000", ShopBuyerID: "sandbox-buyer",
	}
	if in.Unpaid {
		o.ShopStatus = jushuitan.ShopStatusWaitBuyerPay
	}
	for _, it := range in.Items {
		o.Items = append(o.Items, jushuitan.OrderUploadItem{SKUID: it.SKUID, Qty: it.Qty, Price: it.Price})
	}
	oID, err := company.ImportOrder(o)
	if err != nil {
		return nil, err
	}
	return struct {
		OID  int64  `json:"o_id"`
		SoID string `json:"so_id"`
	}{oID, o.SoID}, nil
}

func (c *console) newAfterSale(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ShopID    int64       `json:"shop_id"`
		SoID      string      `json:"so_id"`
		OuterASID string      `json:"outer_as_id"`
		Type      string      `json:"type"`
		Items     []itemInput `json:"items"`
	}](r)
	if err != nil {
		return nil, err
	}
	u := jushuitan.AfterSaleUpload{
		ShopID: in.ShopID, SoID: in.SoID, Type: in.Type, Remark: "沙箱", QuestionType: "七天无理由退货",
		OuterASID: c.number(in.OuterASID, "AS", len(company.AfterSales())),
	}
	for _, it := range in.Items {
		amount := it.Price.Mul(it.Qty)
		u.Items = append(u.Items, jushuitan.AfterSaleUploadItem{SKUID: it.SKUID, Qty: it.Qty, Amount: amount})
		u.Refund, u.TotalAmount = u.Refund.Add(amount), u.TotalAmount.Add(amount)
	}
	asID, err := company.ImportAfterSale(u)
	if err != nil {
		return nil, err
	}
	return struct {
		ASID      int64  `json:"as_id"`
		OuterASID string `json:"outer_as_id"`
	}{asID, u.OuterASID}, nil
}

// stockDocument is the answer to a new transfer and other in/out document.
type stockDocument struct {
	IOID int64 `json:"io_id"`
}

func (c *console) newTransfer(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		SoID        string      `json:"so_id"`
		WMSCoID     int64       `json:"wms_co_id"`
		LinkWMSCoID int64       `json:"link_wms_co_id"`
		Items       []itemInput `json:"items"`
	}](r)
	if err != nil {
		return nil, err
	}
	u := jushuitan.CrossTransferUpload{SoID: c.number(in.SoID, "TR", len(company.Transfers())), GoCoID: in.WMSCoID, LinkCoID: in.LinkWMSCoID}
	for _, it := range in.Items {
		u.Items = append(u.Items, jushuitan.CrossTransferUploadItem{SKUID: it.SKUID, Qty: it.Qty})
	}
	ioID, err := company.CreateTransfer(u)
	if err != nil {
		return nil, err
	}
	return stockDocument{ioID}, nil
}

func (c *console) newOtherInOut(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ExternalID string      `json:"external_id"`
		Type       string      `json:"type"`
		WMSCoID    int64       `json:"wms_co_id"`
		Warehouse  int64       `json:"warehouse"`
		Items      []itemInput `json:"items"`
	}](r)
	if err != nil {
		return nil, err
	}
	u := jushuitan.OtherInOutUpload{
		ExternalID: c.number(in.ExternalID, "IO", len(company.OtherInOuts())), Type: in.Type, WMSCoID: in.WMSCoID, Warehouse: in.Warehouse,
	}
	for _, it := range in.Items {
		u.Items = append(u.Items, jushuitan.OtherInOutUploadItem{SKUID: it.SKUID, Qty: it.Qty})
	}
	ioID, err := company.CreateOtherInOut(u)
	if err != nil {
		return nil, err
	}
	return stockDocument{ioID}, nil
}

func assign(r *http.Request, company *jushuitantest.Company) (any, error) {
	id, in, err := document[struct {
		WMSCoID int64 `json:"wms_co_id"`
	}](r)
	if err != nil {
		return nil, err
	}
	give := company.AssignOrder
	if o, ok := company.Order(id); ok && o.Status == jushuitan.OrderStatusDelivering {
		give = company.ReassignOrder
	}
	ioID, err := give(id, in.WMSCoID)
	if err != nil {
		return nil, err
	}
	return struct {
		IOID int64 `json:"io_id"`
	}{ioID}, nil
}

func cancelOrder(r *http.Request, company *jushuitantest.Company) (any, error) {
	id, in, err := document[struct {
		Remark string `json:"remark"`
	}](r)
	if err != nil {
		return nil, err
	}
	if err := company.CancelOrder(id, in.Remark); err != nil {
		return nil, err
	}
	o, _ := company.Order(id)
	return pushed(company, o.ShopID, jushuitan.PushCancel), nil
}

func ship(r *http.Request, company *jushuitantest.Company) (any, error) {
	id, in, err := document[struct {
		LCID  string `json:"lc_id"`
		LID   string `json:"l_id"`
		Lines lines  `json:"lines"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.LCID == "" || in.LID == "" {
		return nil, bad("lc_id (carrier) and l_id (waybill) are required")
	}
	if err := company.ShipOutbound(id, jushuitantest.Parcel{LCID: in.LCID, LID: in.LID, Lines: in.Lines}); err != nil {
		return nil, err
	}
	var shop int64
	for _, o := range company.Outbounds() {
		if o.IOID == id {
			shop = o.ShopID
		}
	}
	return pushed(company, shop, jushuitan.PushShipment), nil
}

// aboutGoods is an action on an after-sale case that pushes.
func aboutGoods(f func(*jushuitantest.Company, int64) error) action {
	return func(r *http.Request, company *jushuitantest.Company) (any, error) {
		id, _, err := document[struct{}](r)
		if err != nil {
			return nil, err
		}
		if err := f(company, id); err != nil {
			return nil, err
		}
		a, _ := company.AfterSale(id)
		return pushed(company, a.ShopID, jushuitan.PushGoodsReturned), nil
	}
}

// notPushed says which address a shop lacks, so that its action was not pushed.
type notPushed struct {
	ShopID int64                `json:"shop_id"`
	Method jushuitan.PushMethod `json:"method"`
}

// pushed answers an action that is pushed to a shop, if that has an address.
func pushed(company *jushuitantest.Company, shopID int64, method jushuitan.PushMethod) any {
	for _, a := range company.PushAddresses() {
		if a.ShopID == shopID && a.Method == method {
			return nil
		}
	}
	return struct {
		OK        bool      `json:"ok"`
		NotPushed notPushed `json:"not_pushed"`
	}{true, notPushed{shopID, method}}
}

func setStock(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		WMSCoID int64               `json:"wms_co_id"`
		SKUID   string              `json:"sku_id"`
		Qty     decimal.NullDecimal `json:"qty"`
	}](r)
	if err != nil {
		return nil, err
	}
	if !in.Qty.Valid || in.SKUID == "" {
		return nil, bad("sku_id and qty are required")
	}
	return nil, company.SetStock(in.WMSCoID, in.SKUID, in.Qty.Decimal)
}

func pushStock(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ShopID  int64    `json:"shop_id"`
		WMSCoID int64    `json:"wms_co_id"`
		SKUIDs  []string `json:"sku_ids"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, company.PushStock(in.ShopID, in.WMSCoID, in.SKUIDs...)
}

func register(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ShopID int64                `json:"shop_id"`
		Method jushuitan.PushMethod `json:"method"`
		URL    string               `json:"url"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, company.RegisterPush(in.ShopID, in.Method, in.URL)
}

func (c *console) expire(r *http.Request, company *jushuitantest.Company) (any, error) {
	if _, err := input[struct{}](r); err != nil {
		return nil, err
	}
	c.srv.ExpireTokens(company.Merchant())
	return nil, nil
}

type faultInput struct {
	Kind       string  `json:"kind"`
	Path       string  `json:"path"`
	Times      int     `json:"times"`
	Skip       int     `json:"skip"`
	Seconds    float64 `json:"seconds"`
	RetryAfter int     `json:"retry_after"`
	Status     int     `json:"status"`
	Code       int64   `json:"code"`
	Msg        string  `json:"msg"`
}

// check validates a fault; paths are those of the operations.
func (in *faultInput) check(paths map[string]bool) error {
	switch {
	case min(in.Times, in.Skip, in.RetryAfter) < 0 || in.RetryAfter > 3600 || in.Seconds < 0 || in.Seconds > 3600:
		return bad("times, skip, seconds or retry_after is out of range")
	case in.Status != 0 && (in.Status < 500 || in.Status > 599):
		return bad("status must be from 500 to 599")
	case in.Path != "" && !paths[in.Path]:
		return bad("no operation has the path %q", in.Path)
	case in.Kind == jushuitantest.Slow.String() && in.Seconds == 0:
		return bad("slow requires seconds")
	case in.Kind == jushuitantest.Refuse.String() && in.Code == 0:
		return bad("refuse requires a code other than 0")
	}
	return nil
}

func (c *console) inject(r *http.Request, _ *jushuitantest.Company) (any, error) {
	in, err := input[faultInput](r)
	if err != nil {
		return nil, err
	}
	if err := in.check(c.log.paths); err != nil {
		return nil, err
	}
	for _, kind := range jushuitantest.FaultKinds() {
		if kind.String() == in.Kind {
			c.srv.Inject(jushuitantest.Fault{
				Kind: kind, Path: in.Path, Times: in.Times, Skip: in.Skip, Delay: time.Duration(in.Seconds * float64(time.Second)),
				RetryAfter: time.Duration(in.RetryAfter) * time.Second, Status: in.Status, Code: in.Code, Msg: in.Msg,
			})
			return nil, nil
		}
	}
	return nil, bad("there is no fault %q", in.Kind)
}

func (c *console) clearFaults(r *http.Request, _ *jushuitantest.Company) (any, error) {
	if _, err := input[struct{}](r); err != nil {
		return nil, err
	}
	c.srv.ClearFaults()
	return nil, nil
}

// speak makes the server speak the named dialects and no others.
func (c *console) speak(r *http.Request, _ *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		Names []string `json:"names"`
	}](r)
	if err != nil {
		return nil, err
	}
	var dialects []jushuitantest.Dialect
	for _, name := range in.Names {
		d, err := jushuitantest.DialectsNamed(name)
		if err != nil {
			return nil, bad("there is no dialect %q", name)
		}
		dialects = append(dialects, d...)
	}
	c.srv.ClearDialects()
	c.srv.Speak("", dialects...)
	return nil, nil
}

func (c *console) advance(r *http.Request, _ *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		Seconds int64 `json:"seconds"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Seconds <= 0 || in.Seconds > 10*366*24*3600 {
		return nil, bad("seconds must be from 1 to ten years")
	}
	c.srv.Advance(time.Duration(in.Seconds) * time.Second)
	return struct {
		Now string `json:"now"`
	}{clock(c.srv.Now())}, nil
}

// after returns the entry after which a log is requested.
func after(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("after")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, bad("after must be a number")
	}
	return n, nil
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	en, zh := explain(err.Error())
	reply(w, status, struct {
		Error string `json:"error"`
		ZH    string `json:"error_zh"`
	}{en, zh})
}
