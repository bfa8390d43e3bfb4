package jushuitantest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
)

// FaultKind is the kind of a fault.
type FaultKind int

// The kinds of fault. Those marked "Not carried out" fail the request before it has any
// effect; with the others it takes effect.
const (
	NoFault FaultKind = iota
	// Throttle answers with code 199, too many calls in a second. Not carried out.
	Throttle
	// ThrottleMinute answers with code 200, too many calls in a minute. Not carried
	// out.
	ThrottleMinute
	// HTTP5xx answers Status, 502 by default. Not carried out.
	HTTP5xx
	// HTTP429 answers 429 with RetryAfter, if any. Not carried out.
	HTTP429
	// Reset resets the connection without an answer. Not carried out.
	Reset
	// Slow delays the answer by Delay. It can be combined with another fault.
	Slow
	// Hang does not answer until the caller disconnects. Not carried out.
	Hang
	// CutBody announces a longer body than it sends.
	CutBody
	// LostAnswer resets the connection after the request has taken effect.
	LostAnswer
	// ExpiredToken answers 100 with a message that names the access_token,
	// whatever the token. Not carried out.
	ExpiredToken
	// HTMLPage answers with an HTML page and status 200. Not carried out.
	HTMLPage
	// TooLarge makes the answer Size bytes long, 33 MiB by default.
	TooLarge
	// Redirect answers 302 to Location. Not carried out.
	Redirect
	// PageDrift shifts the rows of every page but the first by one, as if a row had
	// been inserted: the last row of the previous page is repeated.
	PageDrift
	// TypeDrift changes JSON types: numbers become strings, digit strings numbers,
	// booleans 1 and 0, absent members null, and unknown members are added.
	TypeDrift
	// BadCode sends the code as a string.
	BadCode
	// Refuse answers with Code and Msg. Not carried out.
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

// Fault is a fault to inject, see [Server.Inject].
type Fault struct {
	Path  string // path of the affected requests; "" means all but the token endpoints
	Times int    // number of affected requests; 0 means all
	Skip  int    // number of requests to skip first
	Kind  FaultKind

	Delay      time.Duration // of Slow
	RetryAfter time.Duration // of HTTP429 and HTTP5xx, in whole seconds
	Status     int           // of HTTP5xx
	Size       int           // of TooLarge
	Location   string        // of Redirect, another host by default
	Code       int64         // of Refuse
	Msg        string        // of Refuse
}

// Inject applies the fault to matching requests until remove is called or Times
// requests were affected. If several faults match, the one injected first applies.
func (s *Server) Inject(f Fault) (remove func()) {
	f.Path = s.ops.canonical(f.Path)
	return s.faults.Inject(f, fakeserver.Plan{Skip: f.Skip, Times: f.Times, Slows: f.Kind == Slow, Delay: f.Delay})
}

// insteadOf applies the faults that replace the answer; it reports whether the request
// is finished.
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

// distort applies the faults that change an answer; it returns nil if it was sent.
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
