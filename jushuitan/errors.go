package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The classes of failure. An [Error] is one of them, found with errors.Is.
var (
	// ErrSign: the signature was refused (code 10). Check the app secret.
	ErrSign = errors.New("signature refused")
	// ErrTokenExpired: the access token is not valid (code 100 naming the token).
	ErrTokenExpired = errors.New("access token not valid")
	// ErrReauthorize: the merchant must open the authorisation page again.
	ErrReauthorize = errors.New("merchant must authorise again")
	// ErrRateLimited: too many calls (codes 199 and 200, HTTP 429), or the wait for
	// the quota would outlast the context's deadline.
	ErrRateLimited = errors.New("rate limited")
	// ErrPermission: the app may not use this endpoint (codes 190, 21024).
	ErrPermission = errors.New("no permission")
	// ErrIPNotAllowed: the caller's address is not on the app's list (code 110).
	ErrIPNotAllowed = errors.New("IP address not allowed")
	// ErrTimestamp: the clock is off by more than the server allows (codes 140, 180).
	ErrTimestamp = errors.New("timestamp refused")
	// ErrInvalid: the server, or a check before the call, refused the data.
	ErrInvalid = errors.New("request refused")
	// ErrUnavailable: no usable answer: network, 5xx, a page that is not JSON.
	ErrUnavailable = errors.New("service unavailable")
	// ErrDecode: an answer came and was accepted by the server, but cannot be read.
	ErrDecode = errors.New("answer not readable")
	// ErrOutcomeUnknown: a write may or may not have been done. Ask the server for
	// the document before writing again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Outcome says what became of a call that failed.
type Outcome int

// The outcomes.
const (
	// NotSent: the server cannot have seen it.
	NotSent Outcome = iota
	// Rejected: the server refused it, nothing was changed.
	Rejected
	// Unknown: it was sent and the answer was lost.
	Unknown
	// Applied: the server accepted it, only its answer could not be read.
	Applied
)

func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Rejected:
		return "rejected"
	case Unknown:
		return "unknown"
	case Applied:
		return "applied"
	default:
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
}

// Error is why a call failed: errors.As finds it in every error of a call. It
// holds no secret, token, signature or personal data.
type Error struct {
	Op         string // Orders.Query, or the path
	Title      string // 订单查询
	Path       string
	Merchant   string // "" without ForMerchant
	Code       int64  // of the answer, 0 when there was none
	Msg        string // the server's words
	RequestID  string // of the answer, for the vendor's support
	HTTPStatus int
	Attempts   int
	Outcome    Outcome

	class error
	cause error
	write bool
}

// Error says what failed, for whom, and what to do, in English and Chinese.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("jushuitan: ")
	b.WriteString(e.Op)
	if e.Title != "" {
		b.WriteString(" (" + e.Title + ")")
	}
	if e.Merchant != "" {
		fmt.Fprintf(&b, " merchant %q", e.Merchant)
	}
	b.WriteString(": ")
	if inner, ok := errors.AsType[*Error](e.cause); ok && inner.Merchant == e.Merchant { // the token call's
		b.WriteString("no token, since " + inner.Op + " failed: ")
		e = &Error{class: inner.class, Code: inner.Code, HTTPStatus: inner.HTTPStatus, Msg: inner.Msg, cause: inner.cause,
			write: e.write, Outcome: e.Outcome, Attempts: inner.Attempts, RequestID: inner.RequestID}
	}
	if e.class != nil {
		b.WriteString(e.class.Error())
	} else {
		b.WriteString("failed")
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ", code %d", e.Code)
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != 200 {
		fmt.Fprintf(&b, ", HTTP %d", e.HTTPStatus)
	}
	if e.Msg != "" {
		fmt.Fprintf(&b, ", %q", e.Msg)
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

// Is matches the class, and [ErrOutcomeUnknown] for a write whose outcome is not
// known.
func (e *Error) Is(target error) bool {
	return target == e.class && target != nil || target == ErrOutcomeUnknown && e.write && e.Outcome == Unknown
}

// Unwrap gives the cause, such as a network error or the context's.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether the same call may pass later without any change.
func (e *Error) Temporary() bool {
	return e.class == ErrRateLimited || e.class == ErrUnavailable
}

// Hint is what to do about it, in English and Chinese.
func (e *Error) Hint() string {
	if e.write && e.Outcome == Unknown {
		return "the write may have been done: query the document before sending it again / 请求可能已生效，请先查询单据再决定是否重发"
	}
	switch e.class {
	case ErrSign:
		return "check AppKey and AppSecret and that both are of this host (production or test) / 签名错误，请检查 AppKey、AppSecret 与环境是否一致"
	case ErrTokenExpired:
		return "get a new token for this merchant / access_token 无效或已过期，请重新获取"
	case ErrReauthorize:
		return "send the merchant to the authorisation page again / 请商家重新授权"
	case ErrRateLimited:
		return "slow down, or share one limiter between the processes of this app / 调用超频，请降低频率或多进程共用限流器"
	case ErrPermission:
		return "apply for this endpoint in the open platform's console / 请在开放平台申请该接口权限"
	case ErrIPNotAllowed:
		return "put this machine's public address on the app's IP list / 请将出口 IP 加入应用白名单"
	case ErrTimestamp:
		return "set this machine's clock (10 minutes are tolerated) / 请校准本机时间，允许误差 10 分钟"
	case ErrInvalid:
		return "correct the request, a repeat will not help / 请检查请求数据，重试无效"
	case ErrUnavailable:
		return "try again later / 服务暂不可用，请稍后重试"
	case ErrDecode:
		return "the answer differs from what is documented: report it with this path / 返回数据与文档不符，请反馈该字段"
	}
	return ""
}

// verdict is what a code means, where the message has one of the words and none of
// the others.
type verdict struct {
	code        int64
	words, none []string
	group       string // of operations, "" for all
	class       error
	outcome     Outcome
	retry       bool
	window      time.Duration // the quota is used up for so long
}

// verdicts are those of the codes; the first that fits counts, and a code that is
// not here is [ErrInvalid]. Codes 100, 140, 150 and 200 have two meanings each, told
// apart by the message: two generations of the official table exist and they
// conflict. A refused token is replaced once, see Renew.
var verdicts = []verdict{
	{code: 10, class: ErrSign, outcome: Rejected},
	{code: 100, words: []string{"token", "授权已过期", "授权过期"}, class: ErrTokenExpired, outcome: Rejected},
	{code: 110, class: ErrIPNotAllowed, outcome: Rejected},
	{code: 120, class: ErrSign, outcome: Rejected},
	{code: 140, words: []string{"timestamp", "时间戳", "时间差", "分钟"}, class: ErrTimestamp, outcome: Rejected, retry: true},
	{code: 140, words: []string{"sign", "签名"}, class: ErrSign, outcome: Rejected},
	{code: 150, group: "auth", class: ErrReauthorize, outcome: Rejected},
	{code: 150, words: []string{"授权", "刷新", "refresh"}, class: ErrReauthorize, outcome: Rejected},
	{code: 150, class: ErrUnavailable, outcome: Unknown, retry: true},
	{code: 160, class: ErrUnavailable, outcome: Unknown, retry: true},
	{code: 180, class: ErrTimestamp, outcome: Rejected, retry: true},
	{code: 190, class: ErrPermission, outcome: Rejected},
	{code: 199, class: ErrRateLimited, outcome: Rejected, retry: true, window: time.Second},
	{code: 200, words: []string{"参数", "param"}, none: []string{"频", "次", "分钟", "limit"}, class: ErrInvalid, outcome: Rejected},
	{code: 200, class: ErrRateLimited, outcome: Rejected, retry: true, window: time.Minute},
	{code: 21024, class: ErrPermission, outcome: Rejected},
}

// classify says what the code of a failure means.
func classify(op *Operation, f *failure) {
	msg := strings.ToLower(f.Msg)
	has := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(msg, w) })
	}
	code, _ := strconv.ParseInt(f.Code, 10, 64)
	f.Class, f.Outcome = ErrInvalid, Rejected
	for _, v := range verdicts {
		if v.code == code && (v.words == nil || has(v.words)) && !has(v.none) && (v.group == "" || v.group == op.Group) {
			f.Class, f.Outcome, f.Retry, f.Window = v.class, v.outcome, v.retry, v.window
			return
		}
	}
}

// RowError is one row of an upload that failed.
type RowError struct {
	Index int    // of the row in the input, -1 where the server names the key alone
	Key   string // its key, such as the so_id
	Err   error  // an [*Error]
}

func (e RowError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("%s: %v", e.Key, e.Err)
	}
	return fmt.Sprintf("row %d (%s): %v", e.Index, e.Key, e.Err)
}

// Unwrap gives the reason.
func (e RowError) Unwrap() error { return e.Err }

// BatchError says which rows of an upload failed. The others passed: a code 0
// does not mean that all rows did.
type BatchError struct {
	Op       string
	Merchant string
	Total    int // rows of the input, 0 where the call has no rows
	Failed   []RowError
}

func (e *BatchError) Error() string {
	var b strings.Builder
	b.WriteString("jushuitan: " + e.Op)
	if e.Merchant != "" {
		fmt.Fprintf(&b, " merchant %q", e.Merchant)
	}
	if e.Total > 0 {
		fmt.Fprintf(&b, ": %d of %d rows failed", len(e.Failed), e.Total)
	} else {
		fmt.Fprintf(&b, ": %d rows failed", len(e.Failed))
	}
	for i, f := range e.Failed {
		if i == 3 {
			b.WriteString("; ...")
			break
		}
		b.WriteString("; " + f.Error())
	}
	return b.String()
}

// Unwrap gives the rows' errors.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f
	}
	return errs
}

// stops tells whether the rest of a list has no chance after this error: the
// context has ended, or the app or merchant is refused as such.
func stops(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	for _, class := range []error{ErrSign, ErrTokenExpired, ErrReauthorize, ErrPermission, ErrIPNotAllowed, ErrTimestamp} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
