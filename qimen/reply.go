package qimen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// An answer counts as a success only if it says so in one of the forms that the method's
// documentation states ([Method.Success]), and if no part of it is a refusal. The standard
// methods follow the official client, which compares flag with the text "success": another
// case, another word or a missing flag is not a success. Blanks around the text are ignored,
// since some warehouses indent their XML.

// The forms of success in [Method.Success].
const (
	successFlag  = "flag success"   // flag is exactly "success"
	successCode0 = "code 0"         // there is no flag, and code is 0
	successCode1 = "code 1"         // there is no flag, and code is 1
	successTrue  = "issuccess true" // there is no flag, and issuccess is true
	successRoot  = "method root"    // there is no flag, and the root is the method's own, <method>_response
)

// successOf returns the forms of success of a method. Those of a method that the catalog
// does not have follow from its name.
func successOf(m *Method) []string {
	switch {
	case len(m.Success) > 0:
		return m.Success
	case m.Body == BodyXML:
		return []string{successFlag}
	case laneOf(m) == laneOther:
		return []string{successFlag, successRoot}
	default:
		return []string{successFlag, successCode0}
	}
}

// envelope is the head of an answer in any of its forms: flag, code, message, sub_code and
// sub_message of Qimen; code, msg, sub_code and sub_msg of the open platform; code, msg and
// issuccess of Jushuitan.
type envelope struct {
	Flag       string `xml:"flag"`
	Code       string `xml:"code"`
	QimenCode  string `xml:"qimen_code"` // of some store methods
	Message    string `xml:"message"`
	Msg        string `xml:"msg"`
	SubCode    string `xml:"sub_code"`
	SubCode2   string `xml:"subCode"`
	SubMessage string `xml:"sub_message"`
	SubMsg     string `xml:"sub_msg"`
	SubMsg2    string `xml:"subMessage"`
	SubMsg3    string `xml:"subMsg"`
	RequestID  string `xml:"request_id"`
	RequestID2 string `xml:"requestId"`
	IsSuccess  string `xml:"issuccess"`

	root   string
	marked string // a member that says "failed" beside those above: success:false, status:error
}

// field returns the field of a member of the head, or nil for other members.
func (v *envelope) field(name string) *string { //nolint:gocyclo // one case for each name
	switch name {
	case "flag":
		return &v.Flag
	case "code":
		return &v.Code
	case "qimen_code":
		return &v.QimenCode
	case "message":
		return &v.Message
	case "msg":
		return &v.Msg
	case "sub_code":
		return &v.SubCode
	case "subCode":
		return &v.SubCode2
	case "sub_message":
		return &v.SubMessage
	case "sub_msg":
		return &v.SubMsg
	case "subMessage":
		return &v.SubMsg2
	case "subMsg":
		return &v.SubMsg3
	case "request_id":
		return &v.RequestID
	case "requestId":
		return &v.RequestID2
	case "issuccess":
		return &v.IsSuccess
	}
	return nil
}

// headOf reads the head among the members of an answer. A member that is no text, number or
// flag belongs to the document, except for a flag: that one says nothing that may be ignored.
func headOf(members map[string]jsontext.Value, root string) envelope {
	head := envelope{root: root}
	for name, v := range members {
		if f := head.field(name); f != nil {
			if k := v.Kind(); k == '{' || k == '[' || wire.Unmarshal(v, f) != nil {
				*f = ""
			}
		}
	}
	switch members["flag"].Kind() {
	case '{':
		head.Flag = "(object)"
	case '[':
		head.Flag = "(list)"
	}
	head.mark(members)
	return head
}

// mark looks for the members with which other systems say that a call failed.
func (v *envelope) mark(members map[string]jsontext.Value) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text := ""
		if k := members[name].Kind(); k == '{' || k == '[' || wire.Unmarshal(members[name], &text) != nil {
			continue
		}
		text = strings.ToLower(strings.TrimSpace(text))
		failed := false
		switch folded(name) {
		case "success", "issuccess":
			failed = text == "false" || text == "0" && !strings.EqualFold(name, "success")
		case "status":
			failed = refusing(text)
		case "flag": // in another spelling
			failed = name != "flag" && refusing(text)
		}
		if failed {
			v.marked = name
			return
		}
	}
}

// isMark reports whether a member of that name may say that the call failed.
func isMark(name string) bool {
	switch folded(name) {
	case "success", "issuccess", "status", "flag":
		return true
	}
	return false
}

// folded returns a name without case and underscores.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// refusing reports whether a word, in lower case, says that a call failed.
func refusing(word string) bool {
	switch word {
	case "failure", "fail", "failed", "error", "false":
		return true
	}
	return false
}

func first(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

func (v *envelope) code() string    { return first(v.Code, v.QimenCode) }
func (v *envelope) subCode() string { return first(v.SubCode, v.SubCode2) }
func (v *envelope) flag() string    { return strings.TrimSpace(v.Flag) }

// found reports whether any member that may hold a verdict is present.
func (v *envelope) found() bool {
	return first(v.Flag, v.code(), v.IsSuccess, v.subCode(), v.marked) != "" || v.root == "error_response"
}

// zero reports whether a code is one with which no system refuses.
func zero(code string) bool {
	return code == "" || strings.Trim(code, "0") == "" || strings.EqualFold(code, "success")
}

// refuses reports whether the head is a refusal, by whatever member says so.
func (v *envelope) refuses(m *Method) bool {
	switch flag := v.flag(); {
	case v.root == "error_response", refusing(strings.ToLower(flag)), v.marked != "":
		return true
	case flag == "success":
		return false
	case v.subCode() != "":
		return true
	default:
		return !zero(v.code()) && !(v.code() == "1" && slices.Contains(successOf(m), successCode1))
	}
}

// accepts reports whether the head says, in a documented form, that the call succeeded.
func (v *envelope) accepts(m *Method) bool {
	for _, form := range successOf(m) {
		ok := false
		switch flag := v.flag(); form {
		case successFlag:
			ok = flag == "success"
		case successCode0:
			ok = flag == "" && v.code() != "" && strings.Trim(v.code(), "0") == ""
		case successCode1:
			ok = flag == "" && v.code() == "1"
		case successTrue:
			yes, err := wire.ParseBool([]byte(v.IsSuccess))
			ok = flag == "" && err == nil && yes
		case successRoot:
			ok = flag == "" && isRootOf(m, v.root)
		}
		if ok {
			return true
		}
	}
	return false
}

// isRootOf reports whether a root is the open platform's for a method: its name with
// underscores, without taobao at its beginning.
func isRootOf(m *Method, root string) bool {
	own := strings.ReplaceAll(m.Name, ".", "_") + "_response"
	return root == own || root == strings.TrimPrefix(own, "taobao_")
}

// rootsOf returns the roots under which a method may be answered: its name with underscores,
// with and without the words at its beginning that are the same for many.
func rootsOf(m *Method) []string {
	name := strings.ReplaceAll(m.Name, ".", "_") + "_response"
	out := []string{name}
	for _, prefix := range []string{"qimen_", "taobao_", "qimen_"} {
		if short := strings.TrimPrefix(name, prefix); short != name {
			name = short
			out = append(out, name)
		}
	}
	return out
}

// allRoots are those of all methods in the table.
var allRoots = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, m := range methods {
		for _, root := range rootsOf(m) {
			all[root] = true
		}
	}
	return all
})

// isForeign reports whether a root is that of another method, whose answer says nothing about a
// call of this one.
func isForeign(m *Method, root string) bool {
	return strings.HasSuffix(root, "_response") && root != "error_response" && allRoots()[root] && !slices.Contains(rootsOf(m), root)
}

// foreignError is the error of an answer under the root of another method.
func foreignError(root string) error {
	return fmt.Errorf("the answer's root is %s, that of another method / 应答属于其他接口", root)
}

// silence returns the failure of an answer that neither accepts nor refuses.
func (v *envelope) silence(m *Method) *failure {
	said := "has no verdict"
	switch flag := v.flag(); {
	case flag != "":
		said = fmt.Sprintf("has the flag %q, which is not the text success", flag)
	case v.code() != "":
		said = fmt.Sprintf("has the code %q and no flag", v.code())
	}
	return &failure{
		Outcome: jushuitan.Unknown, Class: jushuitan.ErrDecode, Msg: first(v.Message, v.Msg), RequestID: first(v.RequestID, v.RequestID2),
		Cause: fmt.Errorf("the answer %s: success is %s / 应答没有明确的成功标志", said, strings.Join(successOf(m), " or ")),
	}
}

// refused returns the failure of a refusal. text is the whole answer, in which a ban may
// stand anywhere.
func (v *envelope) refused(text []byte) *failure {
	f := &failure{
		Code: v.code(), SubCode: v.subCode(), Msg: first(v.Message, v.Msg), SubMsg: first(v.SubMessage, v.SubMsg, v.SubMsg2, v.SubMsg3),
		RequestID: first(v.RequestID, v.RequestID2),
	}
	if f.Code == "" && f.Msg == "" && v.marked != "" {
		f.Cause = fmt.Errorf("the answer's member %s says that the call failed", v.marked)
	}
	classify(f, text)
	return f
}

// decode decodes an answer of any form, with its Content-Type, into out, a pointer, which may be nil. The failure is
// nil only for an answer that says that the call succeeded.
func (c *core) decode(m *Method, contentType string, body []byte, out any) (head envelope, f *failure) {
	text := trimBOM(clean(utf8Of(body, contentType)))
	if len(text) == 0 {
		return head, unavailable("the answer is empty")
	}
	a := &answer{core: c, method: m, text: text}
	err := a.read(out)
	switch {
	case a.refusal != nil:
		return *a.refusal, a.refusal.refused(text)
	case err == nil && a.head.accepts(m):
		return a.head, nil
	case errors.Is(err, errPage):
		f = unavailable(err.Error())
	case err == nil:
		f = a.head.silence(m)
	default:
		f = &failure{Outcome: jushuitan.Unknown, Class: jushuitan.ErrDecode, Cause: err}
		if field := (*wire.FieldError)(nil); errors.As(err, &field) && a.head.accepts(m) {
			f.Outcome = jushuitan.Applied
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			f.Class, f.Retry = jushuitan.ErrUnavailable, true
		}
	}
	if bans(text) > 0 { // in a page, or in an answer without a verdict
		classify(f, text)
	}
	return a.head, f
}

func unavailable(why string) *failure {
	return &failure{Outcome: jushuitan.Unknown, Class: jushuitan.ErrUnavailable, Retry: true, Cause: errors.New(why)}
}

// errPage is the error of an answer that is not the gateway's.
var errPage = errors.New("not an answer of the gateway: something between here and it answered")

// answer is an answer that is being decoded.
type answer struct {
	*core
	method  *Method
	text    []byte
	head    envelope
	refusal *envelope // wherever it stands
}

// read finds the verdict and decodes the document.
func (a *answer) read(out any) error {
	switch a.text[0] {
	case '<':
		if isPage(a.text) {
			return fmt.Errorf("the answer is a page, %w", errPage)
		}
		return a.readXML(out)
	case '{', '"':
		return a.readJSON(a.text, "", out)
	}
	return fmt.Errorf("the answer is neither XML nor JSON, %w", errPage)
}

// isPage reports whether the answer is an HTML page, as proxies send.
func isPage(text []byte) bool {
	at, _ := xmlwire.Prolog(text)
	text = text[at:]
	low := strings.ToLower(string(text[:min(len(text), 64)]))
	return strings.HasPrefix(low, "<!doctype") || strings.HasPrefix(low, "<html")
}

// readXML decodes document and head in one pass. An answer that this pass cannot judge, and
// one for a value that is not a struct, is decoded by way of JSON, where everything is found
// wherever it stands.
func (a *answer) readXML(out any) error {
	if isStruct(out) && !a.declaresVerdict(reflect.TypeOf(out).Elem()) {
		root, err := a.xml.Unmarshal(a.text, out, &a.head)
		if err == nil && !isForeign(a.method, root) {
			a.head.root = root
			extra := extraOf(out)
			a.head.mark(extra)
			if a.judge(&a.head, extra); a.refusal != nil {
				return nil
			}
			if a.head.accepts(a.method) {
				return nil
			}
		}
		reflect.ValueOf(out).Elem().SetZero()
	}
	var raw jsontext.Value
	root, err := a.xml.Unmarshal(a.text, &raw)
	if err != nil {
		return err
	}
	return a.readJSON(raw, root, out)
}

// declaresVerdict reports whether a type has fields for members that may say that the call
// failed: they would not be seen in the head or among the unknown members.
func (c *core) declaresVerdict(t reflect.Type) bool {
	if known, ok := c.verdictTypes.Load(t); ok {
		return known.(bool)
	}
	found := false
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		found = found || name != "" && (new(envelope).field(name) != nil || holdsAnswer(name) || isMark(name))
	}
	c.verdictTypes.Store(t, found)
	return found
}

// isStruct reports whether an answer is decoded into a struct whose fields are its members.
func isStruct(out any) bool {
	if out == nil {
		return false
	}
	if _, own := out.(payloadReader); own {
		return false
	}
	return reflect.TypeOf(out).Elem().Kind() == reflect.Struct
}

// deepest limits how deep a verdict is looked for.
const deepest = 5

// readJSON finds the object that is the answer: the value of response, error_response or a
// member that ends in _response, or of the only member, or the root itself. It searches that
// object in the same way; there it may also be JSON or XML inside a text.
func (a *answer) readJSON(payload jsontext.Value, root string, out any) error {
	path := root
	if isForeign(a.method, root) {
		return foreignError(root)
	}
	members, err := a.members(payload)
	if syntax := (*wire.SyntaxError)(nil); errors.As(err, &syntax) {
		payload = repaired(payload)
		members, err = a.members(payload)
	}
	if err != nil {
		return err
	}
	for range deepest {
		a.head = headOf(members, root)
		if a.head.found() {
			break
		}
		name := rootOf(members)
		if name == "" {
			break
		}
		inner, err := a.inside(members[name])
		if err != nil {
			break // a text that is no object
		}
		if isForeign(a.method, name) {
			return foreignError(name)
		}
		delete(members, name)
		if a.within(members, deepest); a.refusal != nil { // beside the answer
			return nil
		}
		payload, root, path = inner, name, strings.TrimPrefix(path+"."+name, ".")
		if members, err = a.members(payload); err != nil {
			return err
		}
	}
	if a.judge(&a.head, members); a.refusal != nil || !a.head.accepts(a.method) || out == nil {
		return nil
	}
	return a.document(payload, path, out)
}

// members returns the members of an object, which may be the content of a text. A name that
// stands there twice has a list of its values: which of them counts is unknown.
func (a *answer) members(payload jsontext.Value) (map[string]jsontext.Value, error) {
	object, err := a.inside(payload)
	if err != nil {
		return nil, err
	}
	members, twice, err := membersOf(object)
	for name, values := range twice {
		members[name] = slices.Concat([]byte{'['}, bytes.Join(values, []byte{','}), []byte{']'})
	}
	return members, err
}

// membersOf returns the members of an object, and the values of those that share a name.
func membersOf(object jsontext.Value) (members map[string]jsontext.Value, twice map[string][][]byte, err error) {
	if k := object.Kind(); k != '{' {
		return nil, nil, &wire.FieldError{Want: "object", Got: k.String()}
	}
	r := wire.NewReader(object)
	members, twice = map[string]jsontext.Value{}, map[string][][]byte{}
	err = r.Members(func(name []byte) error {
		v, err := r.Raw()
		if before, again := members[string(name)]; again {
			if twice[string(name)] == nil {
				twice[string(name)] = [][]byte{before}
			}
			twice[string(name)] = append(twice[string(name)], v)
		}
		members[string(name)] = v
		return err
	})
	if err == nil {
		err = r.End()
	}
	return members, twice, err
}

// inside returns an object, unwrapped from a text that holds it as JSON or XML.
func (a *answer) inside(v jsontext.Value) (jsontext.Value, error) {
	if v.Kind() != '"' {
		return v, nil
	}
	var text string
	if err := wire.Unmarshal(v, &text); err != nil {
		return nil, err
	}
	switch inner := trimBOM([]byte(text)); {
	case len(inner) > 0 && inner[0] == '{':
		return repaired(inner), nil
	case len(inner) > 0 && inner[0] == '<':
		var raw jsontext.Value
		root, err := a.xml.Unmarshal(inner, &raw)
		if err != nil {
			return nil, err
		}
		return wire.Marshal(map[string]jsontext.Value{root: raw})
	}
	return nil, &wire.FieldError{Want: "object", Got: "text"}
}

// judge looks for a refusal in the head and in the objects below it that hold answers: one
// inside a gateway's success is a refusal.
func (a *answer) judge(head *envelope, members map[string]jsontext.Value) {
	if head.refuses(a.method) {
		a.refusal = head
		return
	}
	a.within(members, deepest)
}

// declares reports whether the method's documentation has a member of that name in its
// answers, whose code is then one of the document.
func (a *answer) declares(name string) bool {
	doc := a.method.NewResponse()
	return doc != nil && hasMember(reflect.TypeOf(doc).Elem(), name)
}

func (a *answer) within(members map[string]jsontext.Value, depth int) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if k := members[name].Kind(); k != '{' && k != '"' || !holdsAnswer(name) || depth == 0 {
			continue
		}
		inner, text := a.innerMembers(members[name])
		if name == "error_response" && text != "" {
			a.refusal = &envelope{root: name, Message: text}
			return
		}
		if inner == nil {
			continue
		}
		if head := headOf(inner, name); head.refuses(a.method) && (head.speaks() || !a.declares(name) && complains(first(head.Message, head.Msg))) {
			a.refusal = &head
			return
		}
		if a.within(inner, depth-1); a.refusal != nil {
			return
		}
	}
}

// innerMembers returns the members of an object inside an answer, or the text that stands there
// instead.
func (a *answer) innerMembers(v jsontext.Value) (members map[string]jsontext.Value, text string) {
	object, err := a.inside(v)
	if err != nil {
		if wire.Unmarshal(v, &text) != nil {
			return nil, ""
		}
		return nil, strings.TrimSpace(text)
	}
	if members, err = a.members(object); err != nil {
		return nil, ""
	}
	return members, ""
}

// speaks reports whether the head of an inner object is that of an answer whatever its code: a
// code may be a member of the document.
func (v *envelope) speaks() bool {
	return v.flag() != "" || v.marked != "" || v.root == "error_response" || v.subCode() != ""
}

// complains reports whether the message beside a code of an inner object may be that of a refusal:
// other systems say that all is well with codes of their own.
func complains(message string) bool {
	switch strings.ToLower(strings.TrimRight(message, "!.！。")) {
	case "", "ok", "success", "成功", "操作成功", "请求成功":
		return false
	}
	return true
}

// holdsAnswer reports whether a member of that name may hold an answer of its own.
func holdsAnswer(name string) bool {
	switch folded(name) {
	case "response", "result", "data", "body", "content", "return", "ret":
		return true
	}
	return strings.HasSuffix(folded(name), "response")
}

// document decodes the answer's document into out.
func (a *answer) document(payload jsontext.Value, path string, out any) error {
	object, err := a.inside(payload)
	if err != nil {
		return err
	}
	read := a.xml.UnmarshalText
	if r, ok := out.(payloadReader); ok {
		read = func(payload []byte, _ any) error { return r.readPayload(payload) }
	}
	if err := read(object, out); err != nil {
		field := &wire.FieldError{}
		if errors.As(err, &field) && path != "" {
			field.Path = strings.TrimSuffix(path+"."+field.Path, ".")
		}
		return err
	}
	strip(out)
	return nil
}

// rootOf returns the member that holds the answer, or "" if the root itself does.
func rootOf(members map[string]jsontext.Value) string {
	for _, name := range slices.Sorted(maps.Keys(members)) { // error_response before response
		switch k := members[name].Kind(); {
		case k != '{' && k != '"':
		case name == "response", strings.HasSuffix(name, "_response"), len(members) == 1:
			return name
		}
	}
	return ""
}

// payloadReader is an answer that finds its members itself.
type payloadReader interface {
	readPayload(payload jsontext.Value) error
	nullRows() int // that it left out
}

// extraOf returns the unknown members of a struct.
func extraOf(out any) map[string]jsontext.Value {
	extra := reflect.ValueOf(out).Elem().FieldByName("Extra")
	if !extra.IsValid() {
		return nil
	}
	members, _ := extra.Interface().(map[string]json.RawMessage)
	all := make(map[string]jsontext.Value, len(members))
	for name, v := range members {
		all[name] = jsontext.Value(v)
	}
	return all
}

// strip removes the members of the head from the unknown members.
func strip(out any) {
	v := reflect.ValueOf(out).Elem()
	if v.Kind() != reflect.Struct {
		return
	}
	extra := v.FieldByName("Extra")
	if !extra.IsValid() || extra.Kind() != reflect.Map || extra.Len() == 0 {
		return
	}
	var head envelope
	for _, k := range extra.MapKeys() {
		if head.field(k.String()) != nil {
			extra.SetMapIndex(k, reflect.Value{})
		}
	}
	if extra.Len() == 0 {
		extra.SetZero()
	}
}

// repaired escapes tabs and line breaks inside the texts of JSON, which some systems send
// raw. It returns the same bytes if there are none.
func repaired(text []byte) []byte {
	var out []byte
	inside, last := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inside = !inside
		case !inside:
			if next := bytes.IndexByte(text[i:], '"'); next > 0 {
				i += next - 1
			} else if next < 0 {
				i = len(text)
			}
		case c == '\\':
			i++
		case c < ' ':
			out = append(out, text[last:i]...)
			out = fmt.Appendf(out, `\u%04x`, c)
			last = i + 1
		}
	}
	if out == nil {
		return text
	}
	return append(out, text[last:]...)
}
