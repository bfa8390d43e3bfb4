package qimentest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/qimen"
)

// FaultKind is the kind of a fault.
type FaultKind int

// The kinds of fault. Those marked "Not carried out" fail the call before it has any
// effect; with the others it takes effect.
const (
	NoFault FaultKind = iota
	// Refuse answers Code, SubCode, Msg and SubMsg; a code that the platform
	// documents has its text by default. Not carried out.
	Refuse
	// CallLimited answers code 7, a call limit that holds for Ban, 1 s by default.
	// Not carried out.
	CallLimited
	// HTTP5xx answers Status, 502 by default. Not carried out.
	HTTP5xx
	// Reset resets the connection without an answer. Not carried out.
	Reset
	// Slow delays the answer by Delay. It can be combined with another fault.
	Slow
	// Hang does not answer until the caller disconnects. Not carried out.
	Hang
	// HTMLPage answers with an HTML page and status 200. Not carried out.
	HTMLPage
	// CutBody announces a longer body than it sends.
	CutBody
	// LostAnswer resets the connection after the call has taken effect.
	LostAnswer
	// ControlChars inserts control characters into the answer.
	ControlChars
	// CodeDrift swaps the JSON type of the code: a number becomes a string and a string
	// a number.
	CodeDrift
	// OtherRoot answers in the open platform's form: under <method>_response, or
	// under error_response with msg and sub_msg; or under Root.
	OtherRoot
	// NoVerdict answers without flag and code.
	NoVerdict
	// Nested answers one level deeper; a refusal stands inside a gateway's success. With a
	// Code it refuses like Refuse, and the call is not carried out.
	Nested
	// SubMessage refuses with the second text under sub_message; code 15 and sub code
	// isp.remote-service-error by default. Not carried out.
	SubMessage
	// Bare answers without a wrapper, as in the format json2.
	Bare
	// GBK answers in GBK, which XML and the Content-Type declare.
	GBK
	// Banned is CallLimited with the length of the ban in message. Not carried out.
	Banned
)

var faultNames = [...]string{
	"none", "refuse", "call-limited", "http-5xx", "reset", "slow", "hang", "html-page", "cut-body", "lost-answer",
	"control-chars", "code-drift", "other-root", "no-verdict", "nested", "sub-message", "bare", "gbk", "banned",
}

func (k FaultKind) String() string {
	if k < 0 || int(k) >= len(faultNames) {
		return "FaultKind(" + strconv.Itoa(int(k)) + ")"
	}
	return faultNames[k]
}

// Fault is a fault to inject, see [Server.Inject].
type Fault struct {
	Method string // method of the affected calls, with or without taobao.qimen.; "" means all
	Times  int    // number of affected calls; 0 means all
	Skip   int    // number of calls to skip first
	Kind   FaultKind

	Code    string        // of Refuse, SubMessage and Nested
	SubCode string        // of the same: isp.*, isv.*
	Msg     string        // of the same
	SubMsg  string        // of the same
	Ban     time.Duration // of CallLimited and Banned, in whole seconds
	Status  int           // of HTTP5xx
	Delay   time.Duration // of Slow
	Root    string        // of OtherRoot
}

// Inject applies the fault to matching calls until remove is called or Times calls were
// affected. If several faults match, the one injected first applies.
func (s *Server) Inject(f Fault) (remove func()) {
	if m, ok := qimen.LookupMethod(f.Method); ok {
		f.Method = m.Name
	}
	return s.faults.Inject(f, fakeserver.Plan{Skip: f.Skip, Times: f.Times, Slows: f.Kind == Slow, Delay: f.Delay})
}

// textOf returns the platform's text of a code.
func textOf(code string) string {
	switch code {
	case codeLimited:
		return "App Call Limited"
	case codeDown:
		return "Service currently unavailable"
	case "12":
		return "Insufficient user permissions"
	case codePermission:
		return "Insufficient app permissions"
	case codeRemote:
		return "Remote service error"
	case codeNoMethod:
		return "Missing method"
	case codeMethod:
		return "Invalid method"
	case codeSign:
		return "Invalid signature"
	case codeMissing:
		return "Missing required arguments"
	case codeInvalid:
		return "Invalid arguments"
	case "42":
		return "Missing access token"
	case "43":
		return "Invalid access token"
	}
	return ""
}

// insteadOf applies the faults that replace the answer; it reports whether the call is
// finished.
func (x *exchange) insteadOf() bool {
	f := x.fault
	switch f.Kind {
	case Refuse:
		a := refuse(f.Code, cmp.Or(f.Msg, textOf(f.Code)))
		a.subCode, a.subMsg = f.SubCode, f.SubMsg
		x.send(a)
	case CallLimited:
		a := refuse(codeLimited, textOf(codeLimited))
		a.subCode = "accesscontrol.limited-by-api-access-count"
		a.subMsg = banText(f.Ban)
		x.send(a)
	case Banned:
		x.send(banned(f.Ban))
	case SubMessage:
		a := refuse(cmp.Or(f.Code, codeRemote), cmp.Or(f.Msg, textOf(cmp.Or(f.Code, codeRemote))))
		a.subCode, a.subMsg = cmp.Or(f.SubCode, "isp.remote-service-error"), f.SubMsg
		x.send(a)
	case Nested:
		if f.Code == "" {
			return false
		}
		a := refuse(f.Code, cmp.Or(f.Msg, textOf(f.Code)))
		a.subCode, a.subMsg = f.SubCode, f.SubMsg
		x.send(a)
	case HTTP5xx:
		status := cmp.Or(f.Status, http.StatusBadGateway)
		x.Fail(status, http.StatusText(status))
	case HTMLPage:
		x.HTMLPage()
	case Reset:
		x.Reset()
	case Hang:
		x.Hang()
	default:
		return false
	}
	return true
}

// banText states how long a ban lasts.
func banText(d time.Duration) string {
	return fmt.Sprintf("This ban will last for %d more seconds", max(int64((d+time.Second-1)/time.Second), 1))
}

// banned refuses a call with a ban whose length stands in message.
func banned(d time.Duration) *answer {
	a := refuse(codeLimited, textOf(codeLimited)+": "+banText(d))
	a.subCode = "accesscontrol.limited-by-app-access-count"
	return a
}

// codeMember is the code of an answer in JSON.
var codeMember = regexp.MustCompile(`"code":("?)(-?\d+)("?)`)

// distort applies the faults that change an answer; it returns nil if it was sent.
func (x *exchange) distort(text []byte, contentType string) []byte {
	switch x.fault.Kind {
	case LostAnswer:
		x.Reset()
		return nil
	case CutBody:
		x.CutBody(contentType, text)
		return nil
	case ControlChars:
		at := ","
		if bytes.HasPrefix(text, []byte("<")) {
			at = ">"
		}
		return bytes.ReplaceAll(text, []byte(at), []byte(at+"\x01\x0b\x1f"))
	case CodeDrift:
		m := codeMember.FindSubmatchIndex(text)
		if m == nil {
			return text
		}
		number := string(text[m[4]:m[5]])
		if !strings.HasPrefix(string(text[m[2]:]), `"`) {
			number = strconv.Quote(number)
		}
		return slices.Concat(text[:m[0]], []byte(`"code":`+number), text[m[1]:])
	default:
		return text
	}
}
