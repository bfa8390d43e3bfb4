package jushuitan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// proof is what an answer proves about a write, or about one row of it.
type proof int

const (
	unproven proof = iota // nothing that the catalog knows as evidence: the outcome is unknown
	applied
	refused
)

// ruling is a proof together with the server's code and message.
type ruling struct {
	proof proof
	code  int64
	msg   string
	key   string // key of a row
}

// noEvidence applies to a write for which the catalog states no evidence: a success flag of
// the answer as a whole still counts.
var noEvidence = &evidence{of: "root"}

// codeIsEvidence applies to a call with the option [CodeZeroIsApplied].
var codeIsEvidence = &evidence{of: "root", codeZero: true}

// said holds what the members of one object state.
type said struct {
	yes, no bool
	code    int64
	msg     string
	worded  bool   // there is a message, which may be empty
	reason  string // reason of a refusal, if the evidence names a member for it
	key     string
}

// evidence returns what proves that the write of a call was applied.
func (k *oneCall) evidence() *evidence {
	switch e := k.op.evidence; {
	case e != nil && e.of != "":
		return e
	case k.options.code:
		return codeIsEvidence
	}
	return noEvidence
}

// judgeWrite determines the outcome of a write, and decodes the payload if there is one.
// code is the failure that the code of the answer means, nil for code 0.
func (k *oneCall) judgeWrite(a *answer, code *failure) *failure {
	e := k.evidence()
	a.find()
	var whole ruling
	if code == nil {
		whole = a.rule(e)
	}
	if e.of == "row" {
		k.rows = a.ruleRows(e, whole.proof == applied)
	}
	switch {
	case code != nil && len(k.rows) == 0:
		return code
	case code != nil:
		classify(k.op, code)
		k.rootRefusal = code
		whole.proof = applied // each row has its own verdict
	case len(k.rows) > 0:
		whole.proof = applied
	}
	f := whole.failed(a)
	if unread := a.readPayload(); unread != nil && whole.proof != refused {
		f = &failure{Outcome: Unknown, Class: ErrDecode, Cause: unread, RequestID: a.requestID}
		if whole.proof == applied && len(k.rows) == 0 {
			f.Outcome = Applied
		}
	}
	return f
}

// rule determines what an answer with code 0 proves about a write.
func (a *answer) rule(e *evidence) ruling {
	root := a.says(a.body, &evidence{messages: e.rootMessages()}, false)
	data := a.dataText()
	whole := ruling{msg: a.msg}
	if said, no := a.contradicts(e, data); no {
		return ruling{proof: refused, code: said.code, msg: cmp.Or(said.msg, a.msg)}
	}
	switch {
	case root.no, a.op.falseIsFailure && isFalse(data), isNothing(data) && slices.Contains(e.refusals, a.msg):
		whole.proof = refused
		return whole
	case e.codeZero, root.yes && (e.of == "root" || len(e.rootFlags) > 0), e.hasValue(data),
		root.worded && slices.Contains(e.rootMessages(), root.msg):
		whole.proof = applied
	}
	if inside := a.rulePayload(e); inside.proof != unproven {
		whole.proof, whole.code, whole.msg = inside.proof, inside.code, cmp.Or(inside.msg, a.msg)
	}
	return whole
}

// contradicts reports whether data is an object that states a refusal, where any object
// would prove the write: a success flag that is false, or a code beside its message.
func (a *answer) contradicts(e *evidence, data []byte) (s said, no bool) {
	if e.of != "root" || len(data) == 0 || data[0] != '{' {
		return s, false
	}
	s = a.says(data, &evidence{}, true)
	return s, s.no && (s.worded || a.says(data, &evidence{}, false).no)
}

// rulePayload determines what the payload proves.
func (a *answer) rulePayload(e *evidence) (out ruling) {
	payload := a.payloadText()
	switch e.of {
	case "payload":
		for _, object := range elements(payload) {
			if r := a.says(object.text, e, len(e.codes) > 0).ruling(e); r.proof == refused || out.proof == unproven {
				out = r
			}
		}
	case "lists":
		out = a.says(payload, e, false).ruling(e)
		for _, list := range []string{e.done, e.failed} {
			if !isNothing(memberText(payload, list)) {
				out.proof = applied // refused rows have errors of their own
			}
		}
	}
	return out
}

// ruleRows determines what an answer proves about each row, except for rows that the reader
// left out. whole is the proof for rows without a verdict of their own.
func (a *answer) ruleRows(e *evidence, whole bool) []ruling {
	var out []ruling
	for _, row := range elements(a.rowsText()) {
		if slices.ContainsFunc(a.r.Bad, func(bad wire.BadRow) bool { return bad.Index == row.index }) {
			continue
		}
		r := a.says(row.text, e, true).ruling(e)
		if r.proof == unproven && whole {
			r.proof = applied
		}
		out = append(out, r)
	}
	return out
}

// says reads the members of an object. coded states that its code is a verdict.
func (a *answer) says(object []byte, e *evidence, coded bool) said {
	var s said
	r := wire.NewReader(object)
	_ = r.Members(func(name []byte) error {
		switch n := folded(name); {
		case string(name) == e.done || string(name) == e.failed: // a list, or a number of rows
		case n == "issuccess" || n == "success":
			s.flag(r)
		case n == "code" && coded:
			s.codes(r)
		case e.reason != "" && n == folded([]byte(e.reason)):
			s.worded = r.Kind() == '"'
			_ = wire.Unmarshal(r.Look(), &s.reason)
		case n == "msg" || n == "message":
			s.worded = r.Kind() == '"'
			_ = wire.Unmarshal(r.Look(), &s.msg)
		case e.key != "" && string(name) == e.key:
			_ = wire.Unmarshal(r.Look(), &s.key)
		case slices.ContainsFunc(e.ids, func(id string) bool { return n == folded([]byte(id)) }):
			s.yes = s.yes || !isNothing(r.Look())
		}
		return nil
	})
	return s
}

// flag reads a success flag; a value that is null, empty or not a flag proves nothing.
func (s *said) flag(r *wire.Reader) {
	text := r.Look()
	var ok bool
	if isBlank(text) || wire.Unmarshal(text, &ok) != nil {
		return
	}
	s.yes, s.no = s.yes || ok, s.no || !ok
}

// codes reads a result code: 0 means success and any other number a refusal, whatever the
// message beside it says.
func (s *said) codes(r *wire.Reader) {
	text := r.Look()
	if isBlank(text) || wire.Unmarshal(text, &s.code) != nil {
		return
	}
	s.yes, s.no = s.yes || s.code == 0, s.no || s.code != 0
}

func (s said) ruling(e *evidence) ruling {
	r := ruling{code: s.code, msg: cmp.Or(s.reason, s.msg), key: s.key}
	switch {
	case s.no:
		r.proof = refused
	case s.reason != "" && !soundsDone(s.reason):
		r.proof = refused
	case s.yes:
		r.proof = applied
	case s.worded && (e.of == "row" || e.reason != "") && slices.Contains(e.messages, r.msg):
		r.proof = applied
	}
	return r
}

// rootMessages returns the messages at the root of an answer that prove the write.
func (e *evidence) rootMessages() []string {
	if e.of == "row" || e.reason != "" {
		return nil
	}
	return e.messages
}

// hasValue reports whether the member data itself has a form that proves the write.
func (e *evidence) hasValue(data []byte) bool {
	for _, form := range e.values {
		var ok bool
		switch {
		case len(data) == 0:
		case form == "object" && data[0] == '{',
			form == "array" && data[0] == '[' && !isNothing(data),
			form == "text" && data[0] == '"' && !isNothing(data),
			form == "true" && data[0] != '{' && data[0] != '[' && wire.Unmarshal(data, &ok) == nil && ok:
			return true
		}
	}
	return false
}

// dataText returns the text of the member data.
func (a *answer) dataText() []byte {
	if a.data.absent() {
		return nil
	}
	return a.aside(&a.data).Look()
}

// payloadText returns the text of the payload, if it was found.
func (a *answer) payloadText() []byte {
	if a.found == nil || a.found.kind != '{' && a.found.kind != '[' {
		return nil
	}
	return a.aside(a.found).Look()
}

// rowsText returns the text of the list of rows, or of what stands in its place.
func (a *answer) rowsText() []byte {
	text := a.payloadText()
	if a.found != nil && (a.found.row || a.found.kind == '[') {
		return text
	}
	return memberText(text, a.op.rows)
}

// memberText returns the text of a member of an object, nil if there is none.
func memberText(object []byte, name string) (text []byte) {
	if name == "" || len(object) == 0 || object[0] != '{' {
		return nil
	}
	r := wire.NewReader(object)
	_ = r.Members(func(n []byte) error {
		if string(n) == name {
			text = r.Look()
		}
		return nil
	})
	return text
}

// element is an element of a list with its index.
type element struct {
	index int
	text  []byte
}

// elements returns the elements of a list except null, or the single object in its place.
func elements(text []byte) []element {
	if len(text) == 0 {
		return nil
	}
	if text[0] == '{' {
		return []element{{text: text}}
	}
	var list []json.RawMessage
	if wire.Unmarshal(text, &list) != nil {
		return nil
	}
	var out []element
	for i, e := range list {
		if e := bytes.TrimSpace(e); string(e) != "null" {
			out = append(out, element{i, e})
		}
	}
	return out
}

func folded(name []byte) string {
	return strings.ToLower(strings.ReplaceAll(string(name), "_", ""))
}

// isBlank reports whether a value is null or a blank text.
func isBlank(text []byte) bool {
	return len(text) == 0 || text[0] == 'n' || len(bytes.Trim(text, "\" \t\r\n")) == 0
}

// isNothing reports whether a value names nothing.
func isNothing(text []byte) bool {
	if isBlank(text) {
		return true
	}
	switch string(bytes.Join(bytes.Fields(text), nil)) {
	case "0", `"0"`, "false", `"false"`, "[]", "{}":
		return true
	}
	return false
}

// isFalse reports whether a value is a flag that means false.
func isFalse(text []byte) bool {
	var ok bool
	return !isBlank(text) && text[0] != '{' && text[0] != '[' && wire.Unmarshal(text, &ok) == nil && !ok
}

// soundsDone reports whether a text that is documented as the reason of a refusal says the
// opposite, in which case it proves neither.
func soundsDone(msg string) bool {
	switch strings.ToLower(strings.TrimSpace(msg)) {
	case "ok", "success", "成功", "执行成功", "操作成功", "上传成功", "保存成功":
		return true
	}
	return false
}

// errNoVerdict is the reason why the outcome of a write is unknown although the server
// answered.
var errNoVerdict = errors.New("the response does not say whether the write was applied")

// failed returns the failure that a ruling means, or nil if the write was applied.
func (r ruling) failed(a *answer) *failure {
	f := &failure{Msg: r.msg, RequestID: a.requestID}
	if r.code != 0 {
		f.Code = strconv.FormatInt(r.code, 10)
	}
	switch r.proof {
	case applied:
		return nil
	case refused:
		f.Outcome, f.Class = Rejected, ErrInvalid
	default:
		f.Outcome, f.Class, f.Cause = Unknown, ErrOutcomeUnknown, errNoVerdict
	}
	return f
}

// rowError returns the error of a row according to its ruling. A row without a verdict has
// the error of the call as a whole, if the call was refused.
func (k *oneCall) rowError(r ruling) error {
	switch {
	case r.proof == applied:
		return nil
	case r.proof == refused:
		e := k.refusedRow(cmp.Or(r.msg, "rejected without a reason"))
		e.Code = r.code
		return e
	case k.rootRefusal != nil:
		e := k.failed(k.rootRefusal)
		e.Outcome = k.run.Merge(e.Outcome)
		if r.msg != "" {
			e.Msg = engine.Clean(r.msg, append(k.Secrets(), k.Personal()...))
		}
		return e
	}
	return k.unknown(k.fail(&Error{Outcome: Unknown, class: ErrOutcomeUnknown, Msg: r.msg, cause: fmt.Errorf("row: %w", errNoVerdict)}))
}

// rowFailures returns the error that the rows of an answer mean, or nil if all were
// applied. The server identifies the rows by key only.
func (k *oneCall) rowFailures() error {
	var failed []RowError
	for _, r := range k.rows {
		if err := k.rowError(r); err != nil {
			failed = append(failed, RowError{Index: -1, Key: r.key, Err: err})
		}
	}
	if failed == nil {
		return nil
	}
	return &BatchError{Op: k.op.Name(), Merchant: k.merchant, Failed: failed}
}
