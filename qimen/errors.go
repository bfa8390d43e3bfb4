package qimen

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Error is why a call failed: errors.As finds it in every error of a call, and
// errors.Is the class, which is one of package jushuitan's: [jushuitan.ErrSign],
// [jushuitan.ErrTokenExpired] (the session), [jushuitan.ErrRateLimited],
// [jushuitan.ErrPermission], [jushuitan.ErrIPNotAllowed], [jushuitan.ErrTimestamp],
// [jushuitan.ErrInvalid], [jushuitan.ErrUnavailable], [jushuitan.ErrDecode], and
// [jushuitan.ErrOutcomeUnknown] for a write whose answer was lost. It holds no
// secret, session, signature or personal data.
type Error struct {
	Method     string // taobao.qimen.deliveryorder.confirm
	Title      string // 发货单确认接口
	Customer   string // value of the routing parameter
	Code       string // of the answer: "25", or a word; "" when there was none
	SubCode    string // isp.remote-service-timeout
	Msg        string // the server's words
	SubMsg     string
	RequestID  string // of the answer, for the vendor's support
	HTTPStatus int
	Attempts   int
	Outcome    jushuitan.Outcome

	class error
	cause error
	write bool
}

// Error says what failed, for whom, and what to do, in English and Chinese.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("qimen: " + e.Method)
	if e.Title != "" {
		b.WriteString(" (" + e.Title + ")")
	}
	if e.Customer != "" {
		fmt.Fprintf(&b, " customer %q", e.Customer)
	}
	b.WriteString(": ")
	if e.class != nil {
		b.WriteString(e.class.Error())
	} else {
		b.WriteString("failed")
	}
	if e.Code != "" {
		b.WriteString(", code " + e.Code)
	}
	if e.SubCode != "" {
		b.WriteString(", sub_code " + e.SubCode)
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != 200 {
		fmt.Fprintf(&b, ", HTTP %d", e.HTTPStatus)
	}
	for _, msg := range []string{e.Msg, e.SubMsg} {
		if msg != "" {
			fmt.Fprintf(&b, ", %q", msg)
		}
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	if h := e.Hint(); h != "" {
		b.WriteString("; " + h)
	}
	fmt.Fprintf(&b, " [outcome %s, attempts %d", e.Outcome, e.Attempts)
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	b.WriteString("]")
	return b.String()
}

// Format prints [Error.Error] for every verb, so that none shows more.
func (e *Error) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.Error())) }

// Is matches the class, and [jushuitan.ErrOutcomeUnknown] for a write whose outcome
// is not known.
func (e *Error) Is(target error) bool {
	return target == e.class && target != nil ||
		target == jushuitan.ErrOutcomeUnknown && e.write && e.Outcome == jushuitan.Unknown
}

// Unwrap returns the cause, such as a network error or the context's.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether the same call may pass later without any change.
func (e *Error) Temporary() bool {
	return e.class == jushuitan.ErrRateLimited || e.class == jushuitan.ErrUnavailable
}

// Hint is what to do about it, in English and Chinese.
func (e *Error) Hint() string {
	if e.write && e.Outcome == jushuitan.Unknown {
		return "the write may have been done: query the document before sending it again / 请求可能已生效，请先查询单据再决定是否重发"
	}
	for _, h := range hints {
		if h.class == e.class {
			return h.text
		}
	}
	return ""
}

var hints = []struct {
	class error
	text  string
}{
	{jushuitan.ErrSign, "check app key, app secret, sign method and the spelling of the routing parameter (customerId, customer_id or customerid) / 签名错误，请检查 AppKey、AppSecret、sign_method 与路由参数拼写"},
	{jushuitan.ErrTokenExpired, "get a new session key of the shop / session 无效或已过期，请店铺重新授权"},
	{jushuitan.ErrRateLimited, "slow down, or share one limiter between the processes of this app / 调用超频，请降低频率或多进程共用限流器"},
	{jushuitan.ErrPermission, "apply for this method and have the scene authorised for this customer / 请申请该接口权限并完成奇门场景授权"},
	{jushuitan.ErrIPNotAllowed, "put this machine's public address on the app's IP list / 请将出口 IP 加入应用白名单"},
	{jushuitan.ErrTimestamp, "set this machine's clock (10 minutes are tolerated) / 请校准本机时间，允许误差 10 分钟"},
	{jushuitan.ErrInvalid, "correct the request; retrying will not help / 请检查请求数据，重试无效"},
	{jushuitan.ErrUnavailable, "try again later / 服务暂不可用，请稍后重试"},
	{jushuitan.ErrDecode, "the answer differs from what is documented: report it with this path / 返回数据与文档不符，请反馈该字段"},
}

// verdict is what the codes of an answer mean.
type verdict struct {
	class   error
	outcome jushuitan.Outcome
	retry   bool
	limit   bool // a call limit, which holds for a second unless the message says longer
}

var (
	signature  = verdict{class: jushuitan.ErrSign, outcome: jushuitan.Rejected}
	session    = verdict{class: jushuitan.ErrTokenExpired, outcome: jushuitan.Rejected}
	permission = verdict{class: jushuitan.ErrPermission, outcome: jushuitan.Rejected}
	data       = verdict{class: jushuitan.ErrInvalid, outcome: jushuitan.Rejected}
	limited    = verdict{class: jushuitan.ErrRateLimited, outcome: jushuitan.Rejected, retry: true, limit: true}
	behind     = verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown} // the failure is
	busy       = verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown, retry: true}
)

// subVerdicts are those of the sub codes, which say where behind the gateway the
// failure is; the first that fits counts. They stand before those of the codes.
var subVerdicts = []struct {
	fits func(sub string) bool
	verdict
}{
	{has(strings.HasPrefix, "accesscontrol.limited", "isv.accesscontrol.limited", "isp.accesscontrol.limited"), limited},
	{has(isSub, "sign-check-failure"), signature},
	{has(isSub, "session-expired", "invalid-sessionkey", "session-not-exist"), session},
	{has(strings.EqualFold, "isp.remote-service-error", "isp.remote-service-timeout", "isp.remote-connection-error",
		"isp.top-remote-connection-timeout", "isp.top-remote-connection-error", "isp.unknown-error"), busy},
	{func(sub string) bool {
		return strings.HasPrefix(sub, "isp.") && strings.HasSuffix(sub, "service-unavailable")
	}, busy},
	{has(strings.HasPrefix, "isp."), behind},
}

// isSub reports whether a sub code is this one, whoever is named to be at fault: isv
// (the caller) or isp (the service).
func isSub(sub, bare string) bool {
	return strings.TrimPrefix(strings.TrimPrefix(sub, "isv."), "isp.") == bare
}

func has(fits func(sub, text string) bool, texts ...string) func(string) bool {
	return func(sub string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return fits(sub, text) })
	}
}

// verdicts are those of the codes: the numbers are the open platform's up to 43, and
// those of Jushuitan's open API from 100 on.
var verdicts = map[string]verdict{
	"4": limited, "7": limited, "199": {class: jushuitan.ErrRateLimited, outcome: jushuitan.Rejected, retry: true},
	"25": signature, "120": signature,
	"26": session, "27": session, "42": session, "43": session,
	"12": permission, "13": permission, "190": permission,
	"110": {class: jushuitan.ErrIPNotAllowed, outcome: jushuitan.Rejected},
	"180": {class: jushuitan.ErrTimestamp, outcome: jushuitan.Rejected, retry: true},
	"10":  busy, "15": busy, "150": busy,
}

// ban finds how long a call limit holds.
var ban = regexp.MustCompile(`(?i)ban will last for (\d{1,6}) more second`)

// classify says what the codes of a failure mean.
func classify(f *failure) {
	text := f.Msg + " " + f.SubMsg
	v := verdictOf(f.Code, f.SubCode, text)
	f.Class, f.Outcome, f.Retry = v.class, v.outcome, v.retry
	if !errors.Is(f.Class, jushuitan.ErrRateLimited) {
		return
	}
	f.After = time.Second
	if m := ban.FindStringSubmatch(text); m != nil && v.limit {
		seconds, _ := strconv.Atoi(m[1]) // six digits at most
		f.After = time.Duration(seconds) * time.Second
	}
}

func verdictOf(code, subCode, text string) verdict {
	sub := strings.ToLower(subCode)
	if sub == "" && strings.Trim(code, "0123456789") != "" { // a word: sign-check-failure
		sub = strings.ToLower(code)
	}
	for _, v := range subVerdicts {
		if v.fits(sub) {
			return v.verdict
		}
	}
	if code == "15" && strings.HasPrefix(sub, "isv.") {
		return data
	}
	if v, ok := verdicts[code]; ok {
		return v
	}
	low := strings.ToLower(text)
	switch {
	case ban.MatchString(text):
		return limited
	case strings.Contains(low, "invalid signature"):
		return signature
	case strings.Contains(low, "timestamp"):
		return verdict{class: jushuitan.ErrTimestamp, outcome: jushuitan.Rejected}
	}
	return data
}
