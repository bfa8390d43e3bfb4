package qimen

import (
	"fmt"
	"regexp"
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

	class      error
	cause      error
	write      bool
	retry      bool          // another attempt may help, as far as the failure goes
	retryAfter time.Duration // the server's wish
	held       bool          // the limiter holds the next attempt back
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

// Unwrap gives the cause, such as a network error or the context's.
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
	{jushuitan.ErrInvalid, "correct the request, a repeat will not help / 请检查请求数据，重试无效"},
	{jushuitan.ErrUnavailable, "try again later / 服务暂不可用，请稍后重试"},
	{jushuitan.ErrDecode, "the answer differs from what is documented: report it with this path / 返回数据与文档不符，请反馈该字段"},
}

// verdict is what an answer's codes mean.
type verdict struct {
	class   error
	outcome jushuitan.Outcome
	retry   bool
	wait    time.Duration // of a call limit
}

// ban finds how long a call limit holds.
var ban = regexp.MustCompile(`(?i)ban will last for (\d{1,6}) more second`)

// classify names what the codes of a failure mean. The numbers are those of the
// open platform up to 43, and of Jushuitan's open API from 100 on; the sub code
// says where behind the gateway the failure is.
func classify(code, subCode, text string) verdict {
	low := strings.ToLower(text)
	sub := strings.ToLower(subCode)
	if sub == "" && strings.Trim(code, "0123456789") != "" { // a word: sign-check-failure
		sub = strings.ToLower(code)
	}
	refused := func(class error) verdict { return verdict{class: class, outcome: jushuitan.Rejected} }
	limited := func() verdict {
		v := verdict{class: jushuitan.ErrRateLimited, outcome: jushuitan.Rejected, retry: true, wait: time.Second}
		if m := ban.FindStringSubmatch(text); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				v.wait = time.Duration(n) * time.Second
			}
		}
		return v
	}
	bare := strings.TrimPrefix(strings.TrimPrefix(sub, "isv."), "isp.")
	switch {
	case strings.HasPrefix(bare, "accesscontrol.limited"):
		return limited()
	case bare == "sign-check-failure":
		return refused(jushuitan.ErrSign)
	case bare == "session-expired", bare == "invalid-sessionkey", bare == "session-not-exist":
		return refused(jushuitan.ErrTokenExpired)
	case strings.HasPrefix(sub, "isp."):
		v := verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown}
		switch {
		case strings.HasSuffix(bare, "service-unavailable"), bare == "remote-service-error", bare == "remote-service-timeout",
			bare == "remote-connection-error", bare == "top-remote-connection-timeout", bare == "top-remote-connection-error",
			bare == "unknown-error":
			v.retry = true
		}
		return v
	}
	switch code {
	case "4", "7":
		return limited()
	case "25", "120":
		return refused(jushuitan.ErrSign)
	case "26", "27", "42", "43":
		return refused(jushuitan.ErrTokenExpired)
	case "12", "13", "190":
		return refused(jushuitan.ErrPermission)
	case "110":
		return refused(jushuitan.ErrIPNotAllowed)
	case "180":
		v := refused(jushuitan.ErrTimestamp)
		v.retry = true
		return v
	case "199":
		v := limited()
		v.wait = time.Second
		return v
	case "10", "150":
		return verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown, retry: true}
	case "15":
		if strings.HasPrefix(sub, "isv.") {
			return refused(jushuitan.ErrInvalid)
		}
		return verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown, retry: true}
	}
	switch {
	case ban.MatchString(text):
		return limited()
	case strings.Contains(low, "invalid signature"):
		return refused(jushuitan.ErrSign)
	case strings.Contains(low, "timestamp"):
		return refused(jushuitan.ErrTimestamp)
	}
	return refused(jushuitan.ErrInvalid)
}
