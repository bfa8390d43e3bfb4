package jushuitantest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
)

// FaultKind is what goes wrong.
type FaultKind int

// The faults. Those that say "not carried out" refuse or lose the request before
// it has any effect; the others carry it out.
const (
	NoFault FaultKind = iota
	// Throttle answers 199, too many calls in a second. Not carried out.
	Throttle
	// ThrottleMinute answers 200, too many calls in a minute. Not carried out.
	ThrottleMinute
	// HTTP5xx answers Status, 502 by default. Not carried out.
	HTTP5xx
	// HTTP429 answers 429 with RetryAfter, if any. Not carried out.
	HTTP429
	// Reset closes the connection hard and answers nothing. Not carried out.
	Reset
	// Slow waits for Delay, then goes on; another fault may join it.
	Slow
	// Hang answers nothing until the caller goes away. Not carried out.
	Hang
	// CutBody announces more bytes than it sends.
	CutBody
	// LostAnswer closes the connection hard after the request was carried out.
	LostAnswer
	// ExpiredToken answers 100 with a message that names the access_token,
	// whatever the token. Not carried out.
	ExpiredToken
	// HTMLPage answers a web page with status 200. Not carried out.
	HTMLPage
	// TooLarge makes the answer Size bytes long, 33 MiB by default.
	TooLarge
	// Redirect answers 302 to Location. Not carried out.
	Redirect
	// PageDrift answers pages from the second on as if a row had come in before
	// them: the last row of the page before comes again.
	PageDrift
	// TypeDrift answers numbers as text, text of digits as numbers, true and false
	// as 1 and 0, absent members as null, and adds members that nobody knows.
	TypeDrift
	// BadCode answers the code as text.
	BadCode
	// Refuse answers Code and Msg. Not carried out.
	Refuse
)

var faultNames = [...]string{
	"none", "throttle", "throttle-minute", "http-5xx", "http-429", "reset", "slow", "hang", "cut-body", "lost-answer",
	"expired-token", "html-page", "too-large", "redirect", "page-drift", "type-drift", "bad-code", "refuse",
}

func (k FaultKind) String() string {
	if k < 0 || int(k) >= len(faultNames) {
		return "FaultKind(" + strconv.Itoa(int(k)) + ")"
	}
	return faultNames[k]
}

// Fault is something that goes wrong, see [Server.Inject].
type Fault struct {
	Path  string // that it meets; "" is every path but the token endpoints
	Times int    // how many requests it meets, 0: all
	Skip  int    // how many it lets pass before
	Kind  FaultKind

	Delay      time.Duration // of Slow
	RetryAfter time.Duration // of HTTP429 and HTTP5xx, in whole seconds
	Status     int           // of HTTP5xx
	Size       int           // of TooLarge
	Location   string        // of Redirect, another host by default
	Code       int64         // of Refuse
	Msg        string        // of Refuse
}

// Inject makes requests go wrong until remove is called, or Times requests did.
// Of several faults that meet a request the one injected first counts.
func (s *Server) Inject(f Fault) (remove func()) {
	f.Path = s.ops.canonical(f.Path)
	return s.faults.Inject(f, fakeserver.Plan{Skip: f.Skip, Times: f.Times, Slows: f.Kind == Slow, Delay: f.Delay})
}

// insteadOf does the faults that come instead of an answer; it reports whether
// there is nothing more to do.
func (x *exchange) insteadOf() bool {
	f := x.fault
	switch f.Kind {
	case Throttle:
		x.send(nil, refuse(codeTooManySecond, "调用频率超限：每秒最多5次"))
	case ThrottleMinute:
		x.send(nil, refuse(codeTooManyMinute, "调用频率超限：每分钟最多100次"))
	case ExpiredToken:
		x.send(nil, refuse(codeToken, "access_token 已过期"))
	case Refuse:
		x.send(nil, refuse(f.Code, "%s", f.Msg))
	case HTTP5xx:
		x.RetryAfter(f.RetryAfter)
		status := cmp.Or(f.Status, http.StatusBadGateway)
		x.Fail(status, http.StatusText(status))
	case HTTP429:
		x.RetryAfter(f.RetryAfter)
		x.Fail(http.StatusTooManyRequests, http.StatusText(http.StatusTooManyRequests))
	case HTMLPage:
		x.HTMLPage()
	case Redirect:
		x.Redirect(cmp.Or(f.Location, "http://other-host.invalid/"))
	case Reset:
		x.Reset()
	case Hang:
		x.Hang()
	default:
		return false
	}
	return true
}

// distort does the faults that change an answer; nil when it has been sent.
func (x *exchange) distort(op *operation, body []byte) []byte {
	switch x.fault.Kind {
	case LostAnswer:
		x.Reset()
		return nil
	case CutBody:
		x.CutBody(contentType, body)
		return nil
	case TooLarge:
		x.Pad(contentType, body, cmp.Or(x.fault.Size, 33<<20))
		return nil
	case TypeDrift:
		return driftTypes(op, body)
	case BadCode:
		return driftCode(body)
	default:
		return body
	}
}
