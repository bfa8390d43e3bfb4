package qimen

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

// Limits of a JSON document, equal to those of package xmlwire for XML.
const (
	maxDepth = 32
	maxItems = 50_000
)

// decode decodes the document of a message: XML, JSON, or the parameters of a form (or
// of the query, if there is no body). The first character determines the format.
func (m *Mux) decode(msg *message, into any) error {
	text := trimBOM(clean(utf8Of(msg.in.body, msg.contentType)))
	switch {
	case msg.form || len(text) == 0:
		if len(msg.in.business()) == 0 || !msg.form && msg.route.method != nil && msg.route.method.Body == BodyXML {
			return errors.New("the document is empty")
		}
		return m.decodeForm(msg, into)
	case text[0] == '<':
		root, err := m.xml.Unmarshal(text, into)
		if err == nil && root != "request" {
			return errRoot
		}
		return err
	case text[0] == '{':
		return m.decodeJSON(text, into)
	}
	return errors.New("the body is neither XML nor a JSON object")
}

// errRoot is the error of a document that is something else.
var errRoot = errors.New("the root element is not request")

// decodeJSON decodes a JSON document, with or without the root request.
func (m *Mux) decodeJSON(text []byte, into any) error {
	err := m.decodeObject(text, into)
	if syntax := (*wire.SyntaxError)(nil); errors.As(err, &syntax) && !syntax.Truncated {
		if fixed := repaired(text); len(fixed) != len(text) {
			return m.decodeObject(fixed, into)
		}
	}
	return err
}

func (m *Mux) decodeObject(text []byte, into any) error {
	if !utf8.Valid(text) {
		return errors.New("invalid UTF-8")
	}
	if err := boundJSON(text); err != nil {
		return err
	}
	inner, err := requestOf(text, into)
	if err != nil {
		return err
	}
	return m.xml.UnmarshalText(inner, into)
}

// requestOf returns the document: what is inside the root request, followed by the members beside
// it, or the text if it has no such root. An object in a single member of another name is
// another document.
func requestOf(text []byte, into any) ([]byte, error) {
	r := wire.NewReader(text)
	names, requests, only := 0, 0, ""
	var request, value, beside []byte
	err := r.Members(func(name []byte) (err error) {
		names, only = names+1, string(name)
		if value, err = r.Raw(); err != nil || only == "request" {
			requests, request = requests+1, value
			return err
		}
		beside, err = jsontext.AppendQuote(append(beside, ','), name)
		beside = append(append(beside, ':'), value...)
		return err
	})
	if err == nil {
		err = r.End()
	}
	known := reflect.TypeOf(into).Elem()
	switch {
	case err != nil:
		return nil, err
	case requests > 1:
		return nil, errors.New("two members are named request")
	case requests == 1 && !hasMember(known, "request"):
		return inRequest(request, beside)
	case names == 1 && value[0] == '{' && !hasMember(known, only):
		return nil, errRoot
	}
	return text, nil
}

// inRequest returns the object in the root request with the members beside it.
func inRequest(request jsontext.Value, beside []byte) ([]byte, error) {
	if request.Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, request)
		if request = bytes.TrimSpace(text); err != nil || !request.IsValid() {
			return nil, errNoObject
		}
		if err := boundJSON(request); err != nil {
			return nil, err
		}
	}
	if request.Kind() != '{' {
		return nil, errNoObject
	}
	inner := bytes.TrimRight(request[1:len(request)-1], " \t\r\n")
	if len(bytes.TrimSpace(inner)) == 0 {
		beside = bytes.TrimPrefix(beside, []byte{','})
	}
	return slices.Concat([]byte{'{'}, inner, beside, []byte{'}'}), nil
}

var errNoObject = errors.New("the root request holds no object")

// hasMember reports whether a type has a member of that name, except for case and
// underscores.
func hasMember(t reflect.Type, name string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for i := range t.NumField() {
		own, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if own != "" && fold(own) == fold(name) {
			return true
		}
	}
	return false
}

// boundJSON limits the cost of decoding a JSON text: its depth and the number of its
// array elements, each of which becomes a struct. It does not validate the JSON.
func boundJSON(text []byte) error {
	var arrays [maxDepth]bool
	depth, items := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth == maxDepth {
				return fmt.Errorf("JSON nested deeper than %d", maxDepth)
			}
			arrays[depth] = c == '['
			depth++
			if c == '[' {
				items++
			}
		case '}', ']':
			depth = max(depth-1, 0)
		case ',':
			if depth > 0 && arrays[depth-1] {
				items++
			}
		}
		if items > maxItems {
			return fmt.Errorf("more than %d list entries", maxItems)
		}
	}
	return nil
}

// decodeForm decodes a document whose members are parameters: objects and lists among
// them are JSON text.
func (m *Mux) decodeForm(msg *message, into any) error {
	doc := []byte{'{'}
	for name, v := range msg.in.business() {
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		v = string(clean(utf8Of([]byte(v), msg.contentType)))
		if !utf8.ValidString(name) || !utf8.ValidString(v) {
			return errors.New("invalid UTF-8")
		}
		doc, _ = jsontext.AppendQuote(doc, name)
		doc = append(doc, ':')
		t := strings.TrimSpace(v)
		if !msg.route.texts[name] && t != "" && (t[0] == '{' || t[0] == '[') {
			if err := boundJSON([]byte(t)); err != nil {
				return err
			}
			if jsontext.Value(t).IsValid() {
				doc = append(doc, t...)
				continue
			}
		}
		doc, _ = jsontext.AppendQuote(doc, v)
	}
	doc = append(doc, '}')
	if _, whole := msg.in.params["request"]; whole {
		var err error
		if doc, err = requestOf(doc, into); err != nil {
			return err
		}
	}
	return m.xml.UnmarshalText(doc, into)
}

// textMembers returns the names of a request's members that are text on the wire.
func textMembers(t reflect.Type) map[string]bool {
	out := map[string]bool{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && t.Field(i).Type.Kind() == reflect.String {
			out[name] = true
		}
	}
	return out
}

// muxHead is the beginning of every answer.
type muxHead struct {
	Flag    string `json:"flag" xml:"flag"`
	Code    string `json:"code" xml:"code"`
	SubCode string `json:"sub_code,omitzero" xml:"sub_code"`
	Message string `json:"message" xml:"message"`
}

// successCode is the code of success. For some methods, 1 is documented.
func successCode(m *Method) string {
	if m != nil && slices.Contains(m.Success, successCode1) {
		return "1"
	}
	return "0"
}

// encode returns an answer: the head and the members of resp.
func (m *Mux) encode(format Format, ok bool, f Failure, resp any) ([]byte, error) {
	head := muxHead{Flag: "failure", Code: f.Code, SubCode: f.SubCode, Message: f.Message}
	if ok {
		head.Flag = "success"
	}
	if !isObject(resp) {
		return nil, fmt.Errorf("%w: it is a %T", ErrAnswer, resp)
	}
	text, err := m.members(format, &head)
	if err == nil && !isNil(resp) {
		var more []byte
		more, err = m.members(format, resp)
		if format.isJSON() && len(more) > 0 {
			text = append(text, ',')
		}
		text = append(text, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	switch format {
	case JSON:
		return append(append([]byte(jsonOpen), text...), '}', '}'), nil
	case JSON2:
		return append(append([]byte{'{'}, text...), '}'), nil
	}
	return append(append([]byte(xmlwire.Header+xmlOpen), text...), xmlClose...), nil
}

const (
	jsonOpen = `{"response":{`
	xmlOpen  = "<response>"
	xmlClose = "</response>"
)

// failed returns a failure without members. It never fails.
func (m *Mux) failed(format Format, f Failure) []byte {
	text, err := m.encode(format, false, f, nil)
	if err != nil { // a text that JSON cannot represent
		f.Code, f.SubCode, f.Message = strings.ToValidUTF8(f.Code, "?"), strings.ToValidUTF8(f.SubCode, "?"), strings.ToValidUTF8(f.Message, "?")
		text, _ = m.encode(format, false, f, nil)
	}
	return text
}

// members returns the members of a value without its enclosing braces or element.
func (m *Mux) members(format Format, v any) ([]byte, error) {
	if format.isJSON() {
		text, err := wire.Marshal(v)
		if err != nil {
			return nil, err
		}
		return text[1 : len(text)-1], nil
	}
	text, err := m.xml.Marshal("response", v)
	if err != nil {
		return nil, err
	}
	return text[len(xmlwire.Header)+len(xmlOpen) : len(text)-len(xmlClose)], nil
}

// isObject reports whether an answer has members: a struct, a map, the text of a JSON
// object, a pointer to one of them, or nothing.
func isObject(v any) bool {
	r := reflect.ValueOf(v)
	for r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	switch r.Kind() {
	case reflect.Invalid, reflect.Struct:
		return true
	case reflect.Map:
		return r.Type().Key().Kind() == reflect.String
	case reflect.Slice:
		if r.Type().Elem().Kind() != reflect.Uint8 {
			return false
		}
		text := jsontext.Value(r.Bytes())
		return text.Kind() == '{' && text.IsValid()
	}
	return false
}
