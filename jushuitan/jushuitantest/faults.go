package jushuitantest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
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

type faults struct {
	mu     sync.Mutex
	active []*activeFault
}

type activeFault struct {
	Fault
	skip, left int
}

// Inject makes requests go wrong until remove is called, or Times requests did.
// Of several faults that meet a request the one injected first counts.
func (s *Server) Inject(f Fault) (remove func()) {
	f.Path = s.ops.canonical(f.Path)
	a := &activeFault{Fault: f, skip: f.Skip, left: f.Times}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, a)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.drop(a)
	}
}

func (f *faults) drop(a *activeFault) {
	f.active = slices.DeleteFunc(f.active, func(b *activeFault) bool { return a == b })
}

// pick gives the faults that meet a request: the delay of a Slow one, and the
// first other.
func (f *faults) pick(path string, token bool) (delay time.Duration, fault *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range slices.Clone(f.active) {
		if a.Path != path && (a.Path != "" || token) {
			continue
		}
		if a.Kind != Slow && fault != nil {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		if a.Times > 0 {
			if a.left--; a.left == 0 {
				f.drop(a)
			}
		}
		if a.Kind == Slow {
			delay += a.Delay
			continue
		}
		copied := a.Fault
		fault = &copied
	}
	return delay, fault
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
	case HTTP5xx, HTTP429:
		x.status = http.StatusTooManyRequests
		if f.Kind == HTTP5xx {
			if x.status = f.Status; x.status == 0 {
				x.status = http.StatusBadGateway
			}
		}
		if f.RetryAfter > 0 {
			x.w.Header().Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
		}
		x.note()
		http.Error(x.w, http.StatusText(x.status), x.status)
	case HTMLPage:
		x.note()
		x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = x.w.Write([]byte("<!DOCTYPE html><html><head><title>维护中</title></head><body>系统维护中，请稍后再试</body></html>"))
	case Redirect:
		x.status = http.StatusFound
		x.note()
		to := f.Location
		if to == "" {
			to = "http://other-host.invalid/"
		}
		x.w.Header().Set("Location", to)
		x.w.WriteHeader(x.status)
	case Reset:
		x.reset()
	case Hang:
		select {
		case <-x.r.Context().Done():
		case <-x.s.ctx.Done():
		}
		x.abort()
	default:
		return false
	}
	return true
}

// distort does the faults that change an answer; nil when it has been sent.
func (x *exchange) distort(op *operation, body []byte) []byte {
	switch x.fault.Kind {
	case LostAnswer:
		x.reset()
		return nil
	case CutBody:
		x.note()
		x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = x.w.Write(body[:len(body)/2])
		return nil
	case TooLarge:
		x.note()
		x.pad(body)
		return nil
	case TypeDrift:
		return driftTypes(op, body)
	case BadCode:
		return driftCode(body)
	default:
		return body
	}
}

// pad sends the answer and blanks after it, in chunks.
func (x *exchange) pad(body []byte) {
	size := x.fault.Size
	if size == 0 {
		size = 33 << 20
	}
	x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if _, err := x.w.Write(body); err != nil {
		return
	}
	blanks := []byte(strings.Repeat(" ", 64<<10))
	for left := size - len(body); left > 0; left -= len(blanks) {
		if _, err := x.w.Write(blanks[:min(left, len(blanks))]); err != nil {
			return
		}
	}
}
