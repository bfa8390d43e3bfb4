package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The classes of errors; use errors.Is. Every [Error] has one of them, unless the caller's
// context has ended.
var (
	// ErrSign: the server rejected the signature (code 10). Check the app secret.
	ErrSign = errors.New("signature rejected")
	// ErrTokenExpired: the access token is invalid or expired (code 100 naming the token).
	ErrTokenExpired = errors.New("access token invalid or expired")
	// ErrReauthorize: the merchant must open the authorisation page again.
	ErrReauthorize = errors.New("merchant must authorise again")
	// ErrRateLimited: too many calls (codes 199 and 200, HTTP 429), or waiting for the rate
	// limit would exceed the context's deadline.
	ErrRateLimited = errors.New("rate limited")
	// ErrPermission: the app has no permission for this endpoint (codes 190, 21024).
	ErrPermission = errors.New("no permission")
	// ErrIPNotAllowed: the caller's address is not on the app's IP allow list (code 110).
	ErrIPNotAllowed = errors.New("IP address not allowed")
	// ErrTimestamp: the clock differs by more than the server allows (codes 140, 180).
	ErrTimestamp = errors.New("timestamp rejected")
	// ErrInvalid: the server, or validation before the call, rejected the request.
	ErrInvalid = errors.New("request rejected")
	// ErrUnavailable: there was no usable response: a network error, a 5xx, or an answer of any
	// other status that is not the API's, as proxies send. A call that the caller's own context
	// ended has no class: errors.Is finds the context's error.
	ErrUnavailable = errors.New("service unavailable")
	// ErrDecode: the server accepted the call but its response could not be decoded.
	ErrDecode = errors.New("cannot decode the response")
	// ErrOutcomeUnknown: a write may or may not have been applied. Query the document before
	// writing again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Outcome states whether a call may have been applied.
type Outcome int

// The outcomes.
const (
	// NotSent: the request provably never reached the server.
	NotSent Outcome = iota
	// Rejected: the server rejected the request and changed nothing.
	Rejected
	// Unknown: the request was sent and the response was lost.
	Unknown
	// Applied: the server accepted the request, but its response could not be decoded. Of a
	// [Settlement]: the ERP holds what was written.
	Applied
	// NotApplied: the write was read back and is not in the ERP, see [Client.Settle].
	NotApplied
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
	case NotApplied:
		return "not applied"
	default:
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
}

// Error is the error of a call; errors.As finds it in every error that a call returns. It
// holds no secret, token, signature or personal data.
type Error struct {
	Op         string // Orders.Query, or the path
	Title      string // 订单查询
	Path       string
	Merchant   string // "" without ForMerchant
	Code       int64  // code of the response, 0 if there was none
	Msg        string // the server's message
	RequestID  string // id of the response, for the vendor's support
	HTTPStatus int
	Attempts   int
	Outcome    Outcome

	// Began and Ended are when the first attempt of a write began and when the call ended, by
	// the client's clock; see [Client.Settle]. They are zero if nothing was sent.
	Began, Ended time.Time

	class error
	cause error
	write bool
}

// Error describes what failed, for which merchant, and what to do, in English and
// Chinese.
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
	if inner, ok := errors.AsType[*Error](e.cause); ok && inner.Merchant == e.Merchant { // the error of the token call
		b.WriteString("cannot get a token, " + inner.Op + " failed: ")
		e = &Error{class: inner.class, Code: inner.Code, HTTPStatus: inner.HTTPStatus, Msg: inner.Msg, cause: inner.cause,
			write: e.write, Outcome: e.Outcome, Attempts: inner.Attempts, RequestID: inner.RequestID}
	}
	f := failure{Class: e.class, Status: e.HTTPStatus, Msg: e.Msg, Cause: e.cause, Outcome: e.Outcome, Attempts: e.Attempts, RequestID: e.RequestID}
	if e.Code != 0 {
		f.Code = strconv.FormatInt(e.Code, 10)
	}
	return b.String() + f.Text(e.Hint())
}

// Is matches the class, and [ErrOutcomeUnknown] for a write whose outcome is unknown.
func (e *Error) Is(target error) bool {
	return target == e.class && target != nil || target == ErrOutcomeUnknown && e.write && e.Outcome == Unknown
}

// Unwrap returns the cause, such as a network error or the context's error.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether the same call may succeed later without changes.
func (e *Error) Temporary() bool {
	return e.class == ErrRateLimited || e.class == ErrUnavailable
}

// Hint returns what to do about the error, in English and Chinese.
func (e *Error) Hint() string {
	if e.write && e.Outcome == Unknown {
		return "the write may have been applied: query the document before retrying / 写入可能已生效，请先查询单据，再决定是否重试"
	}
	switch e.class {
	case ErrSign:
		return "check AppKey and AppSecret, and that both belong to this environment (production or test) / 签名校验失败，请检查 AppKey、AppSecret 是否正确、与环境是否匹配"
	case ErrTokenExpired:
		return "get a new token for this merchant / access_token 无效或已过期，请重新获取"
	case ErrReauthorize:
		return "ask the merchant to authorise again / 请商家重新授权"
	case ErrRateLimited:
		return "call less often, or share one limiter between the processes of this app / 触发限流，请降低调用频率，多进程请共用一个限流器"
	case ErrPermission:
		return "apply for this endpoint in the open platform's console / 请在开放平台申请该接口权限"
	case ErrIPNotAllowed:
		return "add this machine's public address to the app's IP allow list / 请将出口 IP 加入应用白名单"
	case ErrTimestamp:
		return "correct this machine's clock (the server tolerates 10 minutes) / 请校准本机时间，允许误差 10 分钟"
	case ErrInvalid:
		return "fix the request, retrying will not help / 请修正请求数据，重试无效"
	case ErrUnavailable:
		return "try again later / 服务暂不可用，请稍后重试"
	case ErrDecode:
		return "the response differs from the documentation: report the field that is named / 返回数据与文档不符，请反馈报错的字段"
	}
	return ""
}

// verdict is the meaning of a code, if the message matches words.
type verdict struct {
	code    int64
	words   *regexp.Regexp // of the message in lower case, nil for any
	group   string         // operation group, "" for all
	class   error
	outcome Outcome
	retry   bool
	window  time.Duration // how long the quota is exhausted
}

// verdicts are the meanings of the codes; the first match counts, and a code without a
// match is [ErrInvalid]. Codes 100, 140, 150 and 200 have two meanings each, which the
// message distinguishes: two conflicting generations of the official table exist. A
// rejected token is replaced once, see Renew.
var verdicts = []verdict{
	{code: 10, class: ErrSign, outcome: Rejected},
	{code: 100, words: aboutToken, class: ErrTokenExpired, outcome: Rejected},
	{code: 110, class: ErrIPNotAllowed, outcome: Rejected},
	{code: 120, class: ErrSign, outcome: Rejected},
	{code: 140, words: regexp.MustCompile(`timestamp|时间戳|时间差|分钟`), class: ErrTimestamp, outcome: Rejected, retry: true},
	{code: 140, words: regexp.MustCompile(`sign|签名`), class: ErrSign, outcome: Rejected},
	{code: 150, group: "auth", class: ErrReauthorize, outcome: Rejected},
	{code: 150, words: regexp.MustCompile(`授权|刷新|refresh`), class: ErrReauthorize, outcome: Rejected},
	{code: 150, class: ErrUnavailable, outcome: Unknown, retry: true},
	{code: 160, class: ErrUnavailable, outcome: Unknown, retry: true},
	{code: 180, class: ErrTimestamp, outcome: Rejected, retry: true},
	{code: 190, class: ErrPermission, outcome: Rejected},
	{code: 199, class: ErrRateLimited, outcome: Rejected, retry: true, window: time.Second},
	{code: 200, words: aboutRate, class: ErrRateLimited, outcome: Rejected, retry: true, window: time.Minute},
	{code: 21024, class: ErrPermission, outcome: Rejected},
}

// aboutToken are texts about the access token or the grant, and not about another token
// (防重token重复, 商品Token编码): only those are worth a new token.
var aboutToken = regexp.MustCompile(`access[ _-]?token` +
	`|(^|[^重a-z])token *(已|无效|失效|过期|不存在|不正确|不合法|非法|错误|验证|校验|is|has|expired|invalid)` +
	`|(无效|失效|过期|非法|错误|不合法)的? *token|(invalid|expired|bad|wrong) token` +
	`|令牌|授权(已|过期|失效|无效|不存在)|(无效|失效|过期|非法|错误|不合法)的?授权`)

// aboutRate are texts about the rate of calls. Limits of anything else (每次最多50条) do not
// match; the empty text does, so that the code decides.
var aboutRate = regexp.MustCompile(`^$|频(率|繁|次)|限流|^已?超限|(调用|请求|访问|接口|流量|次数)已?超限|每分钟|每秒|分钟限|秒限|(调用|请求|访问)次数|次数(超|过|限|已)|too many (calls|requests)|\brate\b|frequen|call limit|limit exceeded|\blimited\b|qps`)

// classify sets the class and the outcome by the code of a failure.
func classify(op *Operation, f *failure) {
	msg := strings.ToLower(strings.TrimSpace(f.Msg))
	code, _ := strconv.ParseInt(f.Code, 10, 64)
	f.Class, f.Outcome = ErrInvalid, Rejected
	for _, v := range verdicts {
		if v.code == code && (v.words == nil || v.words.MatchString(msg)) && (v.group == "" || v.group == op.Group) {
			f.Class, f.Outcome, f.Retry, f.Window, f.Known = v.class, v.outcome, v.retry, v.window, true
			return
		}
	}
}

// RowError is the error of one row of an upload.
type RowError struct {
	Index int    // index of the row in the input, -1 if the server names only the key
	Key   string // key of the row, such as its so_id
	Err   error  // an [*Error]
}

func (e RowError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("%s: %v", e.Key, e.Err)
	}
	return fmt.Sprintf("row %d (%s): %v", e.Index, e.Key, e.Err)
}

// Unwrap returns Err.
func (e RowError) Unwrap() error { return e.Err }

// BatchError lists the rows of an upload that failed; the server accepted the others.
// Code 0 does not mean that every row was accepted.
type BatchError struct {
	Op       string
	Merchant string
	Total    int // number of rows in the input, 0 if the call has none
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

// Unwrap returns the errors of the rows.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f
	}
	return errs
}

// stops reports whether the remaining calls of an upload would fail as well: the context
// has ended, or the app or merchant is rejected.
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
