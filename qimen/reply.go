package qimen

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// envelope is the head of an answer, in all the forms it comes in: flag, code and
// message of Qimen; code, msg, sub_code and sub_msg of the open platform; code, msg
// and issuccess of Jushuitan.
type envelope struct {
	Flag       string `xml:"flag"`
	Code       string `xml:"code"`
	QimenCode  string `xml:"qimen_code"` // of some store methods
	Message    string `xml:"message"`
	Msg        string `xml:"msg"`
	SubCode    string `xml:"sub_code"`
	SubCode2   string `xml:"subCode"`
	SubMsg     string `xml:"sub_msg"`
	SubMsg2    string `xml:"subMessage"`
	SubMsg3    string `xml:"subMsg"`
	RequestID  string `xml:"request_id"`
	RequestID2 string `xml:"requestId"`
	IsSuccess  string `xml:"issuccess"`

	root string
}

// field is where a member of the head belongs, or nil for others.
func (v *envelope) field(name string) *string {
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

func first(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

func (v *envelope) code() string { return first(v.Code, v.QimenCode) }

// found reports whether there is anything of a head.
func (v *envelope) found() bool {
	return first(v.Flag, v.code(), v.IsSuccess, v.SubCode, v.SubCode2) != "" || v.root == "error_response"
}

// failed reports whether the answer is a refusal. The flag decides where there is
// one; a code alone is a refusal unless it is 0 (or 1, the success of the two
// methods that are documented so).
func (v *envelope) failed(m *Method) bool {
	if v.root == "error_response" {
		return true
	}
	if flag := strings.ToLower(strings.TrimSpace(v.Flag)); flag != "" {
		return flag != "success"
	}
	if ok, err := wire.ParseBool([]byte(v.IsSuccess)); err == nil && v.IsSuccess != "" && !ok {
		return true
	}
	switch code := v.code(); code {
	case "", "0":
		return first(v.SubCode, v.SubCode2) != ""
	case "1":
		return m.Name != "qimen.taobao.pos.weborder.sync" && m.Name != "qimen.taobao.pos.update.salesorder"
	default:
		return !strings.EqualFold(code, "success")
	}
}

// refused is the failure that a refusal tells of.
func (v *envelope) refused() *failure {
	f := &failure{
		Code: v.code(), SubCode: first(v.SubCode, v.SubCode2), Msg: first(v.Message, v.Msg), SubMsg: first(v.SubMsg, v.SubMsg2, v.SubMsg3),
		RequestID: first(v.RequestID, v.RequestID2),
	}
	classify(f)
	return f
}

// decode reads an answer of any form into out, a pointer, which may be nil.
func (c *core) decode(m *Method, body []byte, out any) (head envelope, f *failure) {
	body = clean(body)
	text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	var err error
	switch {
	case len(text) == 0:
		return head, unavailable("the answer is empty")
	case text[0] == '<' && isPage(text):
		return head, unavailable("the answer is a page, not XML or JSON of the gateway: something between here and it answered")
	case text[0] == '<':
		err = c.decodeXML(m, text, &head, out)
	case text[0] == '{':
		err = decodeJSON(m, text, &head, out)
	default:
		return head, unavailable("the answer is neither XML nor JSON")
	}
	switch {
	case head.found() && head.failed(m):
		return head, head.refused()
	case err == nil:
		return head, nil
	}
	f = &failure{Outcome: jushuitan.Unknown, Class: jushuitan.ErrDecode, Cause: err}
	field := &wire.FieldError{}
	switch {
	case errors.As(err, &field):
		f.Outcome = jushuitan.Applied
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.Class, f.Retry = jushuitan.ErrUnavailable, true
	}
	return head, f
}

func unavailable(why string) *failure {
	return &failure{Outcome: jushuitan.Unknown, Class: jushuitan.ErrUnavailable, Retry: true, Cause: errors.New(why)}
}

// isPage tells a page for people, as proxies answer with.
func isPage(text []byte) bool {
	low := strings.ToLower(string(text[:min(len(text), 64)]))
	return strings.HasPrefix(low, "<!doctype") || strings.HasPrefix(low, "<html")
}

// clean drops control characters, which some systems leave in texts and no format
// allows.
func clean(body []byte) []byte {
	bad := func(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }
	i := slices.IndexFunc(body, bad)
	if i < 0 {
		return body
	}
	out := append(make([]byte, 0, len(body)), body[:i]...)
	for _, c := range body[i:] {
		if !bad(c) {
			out = append(out, c)
		}
	}
	return out
}

// decodeXML reads head and body in one pass; when that fails, the head alone, so
// that a refusal is told in the server's words.
func (c *core) decodeXML(m *Method, text []byte, head *envelope, out any) (err error) {
	if out == nil {
		head.root, err = c.xml.Unmarshal(text, head)
		return err
	}
	if t := reflect.TypeOf(out).Elem(); t.Kind() == reflect.Struct {
		if head.root, err = c.xml.Unmarshal(text, head, out); err == nil {
			return nil
		}
		root, headErr := c.xml.Unmarshal(text, head)
		if headErr == nil {
			head.root = root
		}
		return err
	}
	if head.root, err = c.xml.Unmarshal(text, head); err != nil || head.failed(m) {
		return err
	}
	var raw jsontext.Value
	if _, err := c.xml.Unmarshal(text, &raw); err != nil {
		return err
	}
	return wire.Unmarshal(raw, out)
}

// decodeJSON finds the object that is the answer: what response, error_response or
// a member that ends in _response holds, or the only member, or the root itself.
func decodeJSON(m *Method, text []byte, head *envelope, out any) error {
	var members map[string]jsontext.Value
	if err := wire.UnmarshalStrict(text, &members); err != nil {
		return err
	}
	payload := jsontext.Value(text)
	if head.root = rootOf(members); head.root != "" {
		payload = members[head.root]
		clear(members)
		if err := wire.UnmarshalStrict(payload, &members); err != nil {
			return err
		}
	}
	for name, v := range members {
		if f := head.field(name); f != nil {
			_ = wire.Unmarshal(v, f) // what is no text says nothing
		}
	}
	if out == nil || head.failed(m) {
		return nil
	}
	read := wire.Unmarshal
	if r, ok := out.(payloadReader); ok {
		read = func(payload []byte, _ any) error { return r.readPayload(payload) }
	}
	if err := read(payload, out); err != nil {
		field := &wire.FieldError{}
		if errors.As(err, &field) && head.root != "" {
			field.Path = strings.TrimSuffix(head.root+"."+field.Path, ".")
		}
		return err
	}
	strip(out)
	return nil
}

// rootOf is the member that holds the answer, "" where the members are the answer.
func rootOf(members map[string]jsontext.Value) string {
	for _, name := range slices.Sorted(maps.Keys(members)) { // error_response before response
		if members[name].Kind() == '{' && (name == "response" || strings.HasSuffix(name, "_response") || len(members) == 1) {
			return name
		}
	}
	return ""
}

// payloadReader is an answer that looks for its members itself.
type payloadReader interface {
	readPayload(payload jsontext.Value) error
}

// strip removes the members of the head from those that are kept as unknown.
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
