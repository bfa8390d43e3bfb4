package qimen

import (
	"fmt"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Error is the error of a failed call; find it with errors.As, and its class, one of
// package jushuitan's, with errors.Is: [jushuitan.ErrSign], [jushuitan.ErrTokenExpired]
// (the session), [jushuitan.ErrRateLimited], [jushuitan.ErrPermission],
// [jushuitan.ErrIPNotAllowed], [jushuitan.ErrTimestamp], [jushuitan.ErrInvalid],
// [jushuitan.ErrUnavailable], [jushuitan.ErrDecode], and [jushuitan.ErrOutcomeUnknown]
// for a write whose answer was lost. It holds no secret, session, signature or personal
// data.
type Error struct {
	Method     string // taobao.qimen.deliveryorder.confirm
	Title      string // 发货单确认接口
	Customer   string // value of the routing parameter
	Code       string // of the answer: "25" or a word; "" if there was none
	SubCode    string // isp.remote-service-timeout
	Msg        string // the server's message
	SubMsg     string
	RequestID  string // of the answer, for the vendor's support
	HTTPStatus int
	Attempts   int
	Outcome    jushuitan.Outcome
	Until      time.Time // when a rate limit ends whose duration the server stated; zero if none

	class error
	cause error
	write bool
}

// Error returns what failed, for which customer, and what to do, in English and
// Chinese.
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
	f := failure{
		Class: e.class, Code: e.Code, SubCode: e.SubCode, Status: e.HTTPStatus, Msg: e.Msg, SubMsg: e.SubMsg, Cause: e.cause,
		Outcome: e.Outcome, Attempts: e.Attempts, RequestID: e.RequestID,
	}
	hint := e.Hint()
	if !e.Until.IsZero() {
		at := e.Until.In(wire.CST).Format(wire.TimeLayout)
		limit := fmt.Sprintf("the limit ends at %[1]s (UTC+8): make no call before / 限流至 %[1]s 解除，此前请勿调用", at)
		hint = strings.TrimSuffix(limit+"; "+hint, "; ")
	}
	return b.String() + f.Text(hint)
}

// Format prints [Error.Error] for every verb.
func (e *Error) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.Error())) }

// Is matches the class, and [jushuitan.ErrOutcomeUnknown] for a write with an unknown
// outcome.
func (e *Error) Is(target error) bool {
	return target == e.class && target != nil ||
		target == jushuitan.ErrOutcomeUnknown && e.write && e.Outcome == jushuitan.Unknown
}

// Unwrap returns the cause, such as a network error or the context's.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether retrying the unchanged call may succeed later.
func (e *Error) Temporary() bool {
	return e.class == jushuitan.ErrRateLimited || e.class == jushuitan.ErrUnavailable
}

// Hint returns what to do, in English and Chinese.
func (e *Error) Hint() string {
	if e.write && e.Outcome == jushuitan.Unknown {
		return "the write may have been applied: query the document before sending it again / 请求可能已生效，请先查询单据再决定是否重发"
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
	{jushuitan.ErrTokenExpired, "obtain a new session key for the shop / session 无效或已过期，请店铺重新授权"},
	{jushuitan.ErrRateLimited, "slow down, or share one limiter among the processes of this app / 调用超频，请降低频率，或让多个进程共用一个限流器"},
	{jushuitan.ErrPermission, "apply for this method and have the scene authorised for this customer / 请申请该接口权限并完成奇门场景授权"},
	{jushuitan.ErrIPNotAllowed, "add this machine's public IP address to the app's allowlist / 请将出口 IP 加入应用白名单"},
	{jushuitan.ErrTimestamp, "correct this machine's clock (a difference of 10 minutes is tolerated) / 请校准本机时间，允许误差 10 分钟"},
	{jushuitan.ErrInvalid, "correct the request; retrying will not help / 请检查请求数据，重试无效"},
	{jushuitan.ErrUnavailable, "try again later / 服务暂不可用，请稍后重试"},
	{jushuitan.ErrDecode, "the answer differs from the documentation: report it with the field named here / 返回数据与文档不符，请连同该字段一并反馈"},
}
