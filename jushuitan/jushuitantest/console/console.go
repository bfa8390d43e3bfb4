// Package console is the operator's side of the fake Jushuitan: an HTTP API under
// /_sandbox/ and one web page, on which a person, or a test in any language, plays
// the ERP's staff. They pay, audit, assign, ship and cancel orders, receive returned
// goods, change stock, end tokens and make requests go wrong.
//
//	srv, err := jushuitantest.Start(ctx, addr, jushuitantest.WithFront(console.Front(console.Config{})))
//
// It is for a sandbox on the developer's own machine: callers from elsewhere are
// refused unless [Config].AllowRemote says otherwise, and so are web pages of other
// origins. It shows no personal data and no secrets.
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
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Root is the path of the page, below which the API is.
const Root = "/_sandbox/"

//go:embed web
var web embed.FS

// Config changes how the console works.
type Config struct {
	// AllowRemote answers callers from other machines too. The console has no
	// password: whoever reaches it can do everything.
	AllowRemote bool
}

// maxBody bounds the requests of the console.
const maxBody = 1 << 20

// Front gives what [jushuitantest.WithFront] wants: the console beside the API.
func Front(cfg Config) func(s *jushuitantest.Server, api http.Handler) http.Handler {
	return func(s *jushuitantest.Server, api http.Handler) http.Handler {
		c := &console{Config: cfg, srv: s, log: newRequestLog()}
		files, err := fs.Sub(web, "web")
		if err != nil {
			panic(err) // the embedded directory is there or the program was not built
		}
		mux := http.NewServeMux()
		mux.Handle("GET "+Root, http.StripPrefix(Root, http.FileServerFS(files)))
		c.routes(mux)
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
	srv *jushuitantest.Server
	log *requestLog
}

// guard refuses callers from elsewhere, and requests that a web page of another
// origin makes a browser send: by Host (a foreign name that resolves to this
// machine) and by Origin.
func (c *console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !c.AllowRemote && !(loopback(r.RemoteAddr) && loopback(r.Host)) {
			refuse(w, http.StatusForbidden, errors.New("the console answers this machine only / 控制台只允许本机访问"))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				refuse(w, http.StatusForbidden, errors.New("the request comes from a page of another origin / 请求来自其他站点"))
				return
			}
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
				refuse(w, http.StatusUnsupportedMediaType, errors.New("want Content-Type application/json"))
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// loopback tells whether an address, with or without a port, is this machine's.
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

// action is what a POST does. Its answer is encoded as JSON.
type action func(r *http.Request, company *jushuitantest.Company) (any, error)

func (c *console) routes(mux *http.ServeMux) {
	get := func(path string, f func(r *http.Request) any) {
		mux.HandleFunc("GET "+Root+path, func(w http.ResponseWriter, r *http.Request) { reply(w, http.StatusOK, f(r)) })
	}
	get("state", func(r *http.Request) any { return c.state(r.URL.Query().Get("merchant")) })
	get("requests", func(r *http.Request) any { return c.log.after(number(r.URL.Query().Get("after"))) })
	get("pushes", func(r *http.Request) any { return c.pushes(number(r.URL.Query().Get("after"))) })

	for path, f := range map[string]action{
		"orders":                   c.newOrder,
		"orders/{id}/pay":          byID((*jushuitantest.Company).Pay),
		"orders/{id}/audit":        byID((*jushuitantest.Company).Audit),
		"orders/{id}/resolve":      byID((*jushuitantest.Company).Resolve),
		"orders/{id}/assign":       assign,
		"orders/{id}/cancel":       cancelOrder,
		"outbounds/{id}/ship":      ship,
		"aftersales/{id}/receive":  byID((*jushuitantest.Company).ReceiveReturn),
		"aftersales/{id}/revoke":   byID((*jushuitantest.Company).RevokeReturn),
		"transfers/{id}/ship":      byID(func(co *jushuitantest.Company, id int64) error { return co.ShipTransfer(id, nil) }),
		"transfers/{id}/receive":   byID(func(co *jushuitantest.Company, id int64) error { return co.ReceiveTransfer(id, nil) }),
		"otherinouts/{id}/confirm": byID(func(co *jushuitantest.Company, id int64) error { return co.ConfirmOtherInOut(id, nil) }),
		"stock":                    setStock,
		"stock/push":               pushStock,
		"push-addresses":           c.register,
		"tokens/expire":            c.expire,
		"faults":                   c.inject,
		"faults/clear":             c.clearFaults,
		"advance":                  c.advance,
	} {
		mux.HandleFunc("POST "+Root+path, func(w http.ResponseWriter, r *http.Request) {
			merchant := r.URL.Query().Get("merchant")
			answer, err := f(r, c.srv.Company(merchant))
			if err != nil {
				status := http.StatusConflict
				if bad := (*badInput)(nil); errors.As(err, &bad) {
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
		})
	}
}

// badInput is a request that cannot be understood; other errors are the ERP's.
type badInput struct{ error }

func (b *badInput) Unwrap() error { return b.error }

func bad(format string, args ...any) error { return &badInput{fmt.Errorf(format, args...)} }

// input reads the JSON of a request; none at all is an empty object.
func input[T any](r *http.Request) (*T, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bad("the body cannot be read: %w", err)
	}
	v := new(T)
	if len(bytes.TrimSpace(body)) == 0 {
		return v, nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return nil, bad("the body is not the JSON that is wanted: %w", err)
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

// byID is an action that needs the number of a document only.
func byID(f func(*jushuitantest.Company, int64) error) action {
	return func(r *http.Request, company *jushuitantest.Company) (any, error) {
		id, err := pathID(r)
		if err != nil {
			return nil, err
		}
		return nil, f(company, id)
	}
}

// newOrderInput is an order of a platform. Its receiver is made up.
type newOrderInput struct {
	ShopID int64  `json:"shop_id"`
	SoID   string `json:"so_id"`
	Unpaid bool   `json:"unpaid"`
	Items  []struct {
		SKUID string          `json:"sku_id"`
		Qty   decimal.Decimal `json:"qty"`
		Price decimal.Decimal `json:"price"`
	} `json:"items"`
}

func (c *console) newOrder(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[newOrderInput](r)
	if err != nil {
		return nil, err
	}
	now := c.srv.Now()
	o := jushuitan.OrderUpload{
		ShopID: in.ShopID, SoID: in.SoID, OrderDate: now, ShopStatus: "WAIT_SELLER_SEND_GOODS",
		ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "西湖区", ReceiverAddress: "沙箱路 1 号",
		ReceiverName: "沙箱", ReceiverMobile: "13000000000", ShopBuyerID: "sandbox-buyer",
	}
	if o.SoID == "" {
		o.SoID = fmt.Sprintf("SB%s%04d", now.Format("20060102150405"), len(company.Orders())+1)
	}
	if in.Unpaid {
		o.ShopStatus = "WAIT_BUYER_PAY"
	}
	for _, it := range in.Items {
		o.Items = append(o.Items, jushuitan.OrderUploadItem{SKUID: it.SKUID, Qty: it.Qty, Price: it.Price})
	}
	oID, err := company.ReceiveOrder(o)
	if err != nil {
		return nil, err
	}
	return struct {
		OID  int64  `json:"o_id"`
		SoID string `json:"so_id"`
	}{oID, o.SoID}, nil
}

func assign(r *http.Request, company *jushuitantest.Company) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	in, err := input[struct {
		WMSCoID int64 `json:"wms_co_id"`
	}](r)
	if err != nil {
		return nil, err
	}
	o, ok := company.Order(id)
	give := company.Assign
	if ok && o.Status == "Delivering" {
		give = company.Reassign
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
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	in, err := input[struct {
		Remark string `json:"remark"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, company.Cancel(id, in.Remark)
}

func ship(r *http.Request, company *jushuitantest.Company) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	in, err := input[struct {
		LCID  string                     `json:"lc_id"`
		LID   string                     `json:"l_id"`
		Lines map[string]decimal.Decimal `json:"lines"` // by sku_id; none is all that is left
	}](r)
	if err != nil {
		return nil, err
	}
	if in.LCID == "" || in.LID == "" {
		return nil, bad("lc_id (carrier) and l_id (waybill) are needed")
	}
	return nil, company.Ship(id, jushuitantest.Parcel{LCID: in.LCID, LID: in.LID, Lines: in.Lines})
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
		return nil, bad("sku_id and qty are needed")
	}
	return nil, company.SetStock(in.WMSCoID, in.SKUID, in.Qty.Decimal)
}

func pushStock(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ShopID  int64    `json:"shop_id"`
		WMSCoID int64    `json:"wms_co_id"`
		SKUIDs  []string `json:"sku_ids"` // none is all that the warehouse has
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, company.PushStock(in.ShopID, in.WMSCoID, in.SKUIDs...)
}

func (c *console) register(r *http.Request, company *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		ShopID int64                `json:"shop_id"`
		Method jushuitan.PushMethod `json:"method"`
		URL    string               `json:"url"` // none takes the address back
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, company.RegisterPush(in.ShopID, in.Method, in.URL)
}

func (c *console) expire(_ *http.Request, company *jushuitantest.Company) (any, error) {
	c.srv.ExpireTokens(company.Merchant())
	return nil, nil
}

func (c *console) inject(r *http.Request, _ *jushuitantest.Company) (any, error) {
	in, err := input[struct {
		Kind       string  `json:"kind"`
		Path       string  `json:"path"` // none is every path but the token endpoints
		Times      int     `json:"times"`
		Skip       int     `json:"skip"`
		Seconds    float64 `json:"seconds"`     // delay of slow
		RetryAfter int     `json:"retry_after"` // seconds, of http-429 and http-5xx
		Status     int     `json:"status"`      // of http-5xx
		Code       int64   `json:"code"`        // of refuse
		Msg        string  `json:"msg"`         // of refuse
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Times < 0 || in.Skip < 0 || in.Seconds < 0 || in.Seconds > 3600 || in.RetryAfter < 0 {
		return nil, bad("a number is out of range")
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

func (c *console) clearFaults(*http.Request, *jushuitantest.Company) (any, error) {
	c.srv.ClearFaults()
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
		return nil, bad("seconds is out of range")
	}
	c.srv.Advance(time.Duration(in.Seconds) * time.Second)
	return nil, nil
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}
