package jushuitan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// DoctorOptions selects the checks of [Client.Doctor] beyond those of the account itself.
type DoctorOptions struct {
	Operations []string // names (Orders.Query) or paths whose permission is checked; only reads can be tried
	ShopID     int64    // 店铺编号 of the self-owned mall shop (商家自有商城)
	Warehouse  string   // name of the warehouse that represents the stores, such as 店加线下仓
}

// Verdict is the result of one check.
type Verdict string

// Verdicts of a check.
const (
	VerdictOK      Verdict = "ok"
	VerdictWarning Verdict = "warning"
	VerdictFailed  Verdict = "failed"
	VerdictSkipped Verdict = "skipped" // not tried
	VerdictUnknown Verdict = "unknown" // tried, and the answer does not say
)

// Finding is the result of one check.
type Finding struct {
	Check   string  `json:"check"`             // clock, token, ...
	Verdict Verdict `json:"verdict"`           //
	Detail  string  `json:"detail,omitempty"`  // what was found
	Hint    string  `json:"hint,omitempty"`    // what to do
	HintZH  string  `json:"hint_zh,omitempty"` // 处理建议
}

// Report is the list of findings. Print it or encode it as JSON.
type Report struct {
	Merchant string    `json:"merchant"`
	Time     time.Time `json:"time"`
	Findings []Finding `json:"findings"`
}

// OK reports whether no check failed. What is unknown did not fail, and need not be
// well: look at the findings.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Verdict == VerdictFailed })
}

// String returns the report as text, one line for each finding.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "merchant %q at %s\n", r.Merchant, r.Time.Format(time.RFC3339))
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-8s %s %s\n", f.Verdict, column(f.Check, checkWidth), f.Detail)
		if f.Hint != "" {
			fmt.Fprintf(&b, "%-8s %s -> %s / %s\n", "", column("", checkWidth), f.Hint, f.HintZH)
		}
	}
	return b.String()
}

const checkWidth = 26

// column pads text to the given number of columns; a Chinese character takes two.
func column(text string, width int) string {
	for _, r := range text {
		width--
		if r >= 0x2e80 {
			width--
		}
	}
	return text + strings.Repeat(" ", max(width, 0))
}

// Doctor checks everything that commonly keeps an integration from working and returns a
// report with hints. It is read-only and makes one call for each fact that it asks the
// server for. The error is non-nil only if ctx ends; problems are in the report.
func (c *Client) Doctor(ctx context.Context, opts DoctorOptions) (*Report, error) {
	d := &doctor{c: c, report: &Report{Merchant: c.merchant, Time: c.core.now().In(wire.CST)}}
	d.sign()
	d.clock(ctx)
	d.token(ctx)
	d.account(ctx)
	d.permissions(ctx, opts.Operations)
	d.quota()
	shop := d.shop(ctx, opts.ShopID)
	warehouse := d.warehouse(ctx, opts.Warehouse)
	d.routing(ctx, shop, warehouse)
	return d.report, ctx.Err()
}

type doctor struct {
	c      *Client
	report *Report
	dead   bool // the account cannot call at all
}

func (d *doctor) find(check string, v Verdict, hint, hintZH, format string, args ...any) {
	d.report.Findings = append(d.report.Findings, Finding{Check: check, Verdict: v, Detail: fmt.Sprintf(format, args...), Hint: hint, HintZH: hintZH})
}

// sign checks that the official example yields the documented signature.
func (d *doctor) sign() {
	got := Sign("e9c5ca33fecb404b8e6cdbd0ef4a6d25", map[string]string{
		"app_key": "5b53060f23d84ddf9703056e84fa5a2d", "timestamp": "1639128407", "grant_type": "authorization_code", "charset": "utf-8", "code": "123456",
	})
	if got != "05e3a51e19e0883afd1882ccd309e0b9" {
		d.find("sign 签名算法", VerdictFailed, "this build of the package is broken", "程序包损坏", "the official example yields another signature")
		return
	}
	d.find("sign 签名算法", VerdictOK, "", "", "the official example yields the documented signature")
}

// clock compares the local clock with the server's Date header.
func (d *doctor) clock(ctx context.Context) {
	const check = "clock 时钟"
	ctx, cancel := context.WithTimeout(ctx, d.c.core.engine.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.c.core.baseURL.String()+"/", nil)
	if err != nil {
		d.find(check, VerdictUnknown, "", "", "no request can be made")
		return
	}
	begin := d.c.core.now()
	resp, err := d.c.core.engine.HTTP.Do(req)
	if err != nil {
		d.find("host 主机", VerdictFailed, "check the base URL, DNS, proxy and firewall", "请检查接口地址、DNS、代理与防火墙", "%s is unreachable: %v", d.c.core.baseURL.Host, engine.PlainCause(err))
		d.find(check, VerdictUnknown, "", "", "there is no answer to compare it with")
		return
	}
	_ = resp.Body.Close()
	d.find("host 主机", VerdictOK, "", "", "%s is reachable", d.c.core.baseURL.Host)
	server, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		d.find(check, VerdictUnknown, "", "", "the server sends no Date header")
		return
	}
	skew := begin.Sub(server).Round(time.Second)
	switch off := skew.Abs(); {
	case off > 10*time.Minute:
		d.find(check, VerdictFailed, "correct this machine's clock; the server tolerates 10 minutes", "请校准本机时间，允许误差 10 分钟", "%s off the server's clock", skew)
	case off > time.Minute:
		d.find(check, VerdictWarning, "correct this machine's clock", "请校准本机时间", "%s off the server's clock", skew)
	default:
		d.find(check, VerdictOK, "", "", "%s off the server's clock", skew)
	}
}

func (d *doctor) token(ctx context.Context) {
	const check = "token 令牌"
	tok, err := d.c.Token(ctx)
	switch {
	case err != nil:
		d.dead = true
		d.fault(check, err)
	case d.c.token != "":
		d.find(check, VerdictWarning, "use a token store, so that the token is renewed", "建议使用令牌存储以便自动刷新", "a fixed token, which is never renewed")
	case tok.ExpiresAt.IsZero():
		d.find(check, VerdictOK, "", "", "there is one; its expiry is unknown")
	case d.c.core.cred.Type == ServiceProvider && tok.ExpiresAt.Sub(d.c.core.now()) < 7*day:
		d.find(check, VerdictWarning, "ask the merchant to authorise again before it expires", "请在到期前让商家重新授权", "expires %s", tok.expiry())
	default:
		d.find(check, VerdictOK, "", "", "expires %s", tok.expiry())
	}
}

// fault returns the finding of a failed call, with the error's own hint.
func (d *doctor) fault(check string, err error) {
	var e *Error
	if !errors.As(err, &e) {
		d.find(check, VerdictFailed, "", "", "%v", err)
		return
	}
	en, zh, _ := strings.Cut(e.Hint(), " / ")
	d.find(check, VerdictFailed, en, zh, "%v, code %d %q", e.class, e.Code, e.Msg)
}

// unlearned returns the finding of a read that failed: what is to be repaired if the failure
// says so, and else that its question is open.
func (d *doctor) unlearned(check string, err error) {
	for _, class := range []error{ErrPermission, ErrSign, ErrTokenExpired, ErrReauthorize, ErrIPNotAllowed, ErrTimestamp} {
		if errors.Is(err, class) {
			d.fault(check, err)
			return
		}
	}
	reason := err
	if e, ok := errors.AsType[*Error](err); ok {
		if reason = e.class; reason == nil {
			reason = e.cause
		}
		if e.Code != 0 {
			reason = fmt.Errorf("%w, code %d %q", reason, e.Code, e.Msg)
		}
	}
	d.find(check, VerdictUnknown, "the read failed for another reason: try it with the data that it asks for, or look in the open platform's console",
		"读取因其他原因失败，无法判断：请补全参数后重试，或在开放平台控制台查看", "%v", reason)
}

// account makes the read that every app may make, which shows whether credentials,
// address and token are accepted.
func (d *doctor) account(ctx context.Context) {
	const check = "account 账号"
	if d.dead {
		d.find(check, VerdictSkipped, "", "", "there is no token")
		return
	}
	_, err := d.c.Shops.Query(ctx, &ShopQuery{PageSize: 1})
	switch {
	case err == nil:
		d.find(check, VerdictOK, "", "", "signature, token and IP address are accepted")
	case errors.Is(err, ErrPermission):
		d.find(check, VerdictOK, "", "", "signature, token and IP address are accepted (no permission for shops)")
	default:
		d.dead = true
		d.fault(check, err)
	}
}

func (d *doctor) permissions(ctx context.Context, names []string) {
	for _, name := range names {
		check := "permission " + name
		i := slices.IndexFunc(operations, func(op *Operation) bool { return op.Path == name || op.Name() == name })
		if i < 0 {
			d.find(check, VerdictFailed, "see Operations() for the names", "接口名称见 Operations()", "no such operation")
			continue
		}
		op := operations[i]
		switch {
		case d.dead:
			d.find(check, VerdictSkipped, "", "", "the account cannot call")
		case op.Effect != Read:
			d.find(check, VerdictSkipped, "check it in the open platform's console", "请在开放平台控制台查看", "writes are not tried")
		default:
			d.permission(ctx, check, op)
		}
	}
}

// permission makes a read of one row, of the last hour where a time range can be asked for.
// Only an answer shows that the app may call it: a refusal of the request may come from
// before the check of the permission.
func (d *doctor) permission(ctx context.Context, check string, op *Operation) {
	biz := map[string]any{"page_index": 1, "page_size": 1}
	now := d.c.core.now().In(wire.CST)
	for i, name := range op.window {
		if name != "" {
			biz[name] = now.Add(time.Duration(i-1) * time.Hour).Format(wire.TimeLayout)
		}
	}
	if err := d.c.callInto(ctx, op, d.c.pathOf(op), biz, nil); err != nil {
		d.unlearned(check, err)
		return
	}
	d.find(check, VerdictOK, "", "", "granted")
}

// headroom is an optional interface of a [Limiter].
type headroom interface {
	Available(key LimitKey) int
}

func (d *doctor) quota() {
	const check = "quota 限流"
	h, ok := d.c.core.limiter.(headroom)
	if !ok {
		d.find(check, VerdictUnknown, "", "", "the limiter does not report its state")
		return
	}
	d.find(check, VerdictOK, "", "", "%d calls of %s are available now", h.Available(d.c.limitKey(opOrdersQuery.Path)), opOrdersQuery.Name())
}

func (d *doctor) shop(ctx context.Context, id int64) (found int64) {
	const check = "shop 店铺"
	if id == 0 || d.dead {
		return 0
	}
	page, err := d.c.Shops.Query(ctx, &ShopQuery{ShopIDs: []int64{id}})
	if err != nil {
		d.unlearned(check, err)
		return 0
	}
	i := slices.IndexFunc(page.Shops, func(s Shop) bool { return s.ShopID == id })
	switch {
	case i < 0:
		d.find(check, VerdictFailed, "check the shop number (编号) in Jushuitan; disabled shops are not shown", "请核对聚水潭店铺编号，停用店铺不会返回", "shop %d not found", id)
		return 0
	case page.Shops[i].ShopSite != "商家自有商城":
		d.find(check, VerdictFailed, "use a shop of type 商家自有商城: other types accept no uploads and push nothing", "请使用类型为“商家自有商城”的店铺", "shop %d is of type %q", id, page.Shops[i].ShopSite)
	default:
		d.find(check, VerdictOK, "", "", "shop %d is a self-owned mall", id)
	}
	return id
}

func (d *doctor) warehouse(ctx context.Context, name string) (found int64) {
	const check = "warehouse 仓库"
	if name == "" || d.dead {
		return 0
	}
	var others []string
	for w, err := range d.c.Warehouses.All(ctx, nil) {
		if err != nil {
			d.unlearned(check, err)
			return 0
		}
		if w.Name == name {
			d.find(check, VerdictOK, "", "", "%s is wms_co_id %d", name, w.WMSCoID)
			return w.WMSCoID
		}
		others = append(others, w.Name)
	}
	d.find(check, VerdictFailed, "create it in Jushuitan, or correct the name", "请在聚水潭新建该仓库或更正名称", "%s is not among %q", name, others)
	return 0
}

// routing checks that no order of the mall shop was assigned to the stores' warehouse:
// the store would send it back to Jushuitan (回流), which assigns it again.
func (d *doctor) routing(ctx context.Context, shop, warehouse int64) {
	const check = "routing loop 回流"
	if shop == 0 || warehouse == 0 {
		return
	}
	now := d.c.core.now()
	page, err := d.c.Outbounds.Query(ctx, &OutboundQuery{
		ShopID: &shop, WMSCoID: warehouse, ModifiedBegin: now.Add(-7 * day), ModifiedEnd: now, PageSize: 1,
	})
	if err != nil {
		d.unlearned(check, err)
		return
	}
	loops := slices.DeleteFunc(page.Outbounds, func(o Outbound) bool { return o.ShopID != shop || o.WMSCoID != warehouse })
	if len(loops) > 0 {
		d.find(check, VerdictFailed, "change Jushuitan's order assignment strategy: this shop's orders must not go to the stores' warehouse",
			"请调整聚水潭订单分仓策略：该店铺订单不得分配到门店仓，否则会回流", "order %s of shop %d was assigned to warehouse %d", loops[0].SoID, shop, warehouse)
		return
	}
	d.find(check, VerdictOK, "", "", "no order of shop %d was assigned to warehouse %d in the last 7 days", shop, warehouse)
}

// JSON returns the report as indented JSON.
func (r *Report) JSON() ([]byte, error) { return json.MarshalIndent(r, "", "  ") }
