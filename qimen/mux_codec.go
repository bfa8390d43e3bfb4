package qimen

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

// The bounds of a JSON document, which are those of package xmlwire for XML.
const (
	maxDepth = 32
	maxItems = 50_000
)

// decode reads the document of a message: XML, JSON, or the parameters of a form
// (or of the query, where there is no body). What it is its first character says.
func (m *Mux) decode(msg *message, into any) error {
	text := trimBOM(clean(msg.in.body))
	switch {
	case msg.form, len(text) == 0:
		return decodeForm(msg.in.business(), msg.route.texts, into)
	case text[0] == '<':
		_, err := m.xml.Unmarshal(text, into)
		return err
	case text[0] == '{':
		return decodeDocument(text, into)
	}
	return errors.New("the body is neither XML nor a JSON object")
}

func decodeDocument(text []byte, into any) error {
	if !utf8.Valid(text) {
		return errors.New("text that is not UTF-8")
	}
	if err := boundJSON(text); err != nil {
		return err
	}
	return wire.Unmarshal(text, into)
}

// boundJSON bounds what reading a JSON text may cost: its depth and the entries of
// its arrays, each of which becomes a struct. Whether it is JSON the reader says.
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

// decodeForm reads a document whose members are parameters: objects and lists among
// them are JSON text.
func decodeForm(params map[string]string, texts map[string]bool, into any) error {
	doc := []byte{'{'}
	for name, v := range params {
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		if !utf8.ValidString(name) || !utf8.ValidString(v) {
			return errors.New("text that is not UTF-8")
		}
		doc, _ = jsontext.AppendQuote(doc, name)
		doc = append(doc, ':')
		t := strings.TrimSpace(v)
		if !texts[name] && t != "" && (t[0] == '{' || t[0] == '[') {
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
	return wire.Unmarshal(append(doc, '}'), into)
}

// textMembers are the names of a request's members that are text on the wire.
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

// muxHead begins every answer.
type muxHead struct {
	Flag    string `json:"flag" xml:"flag"`
	Code    string `json:"code" xml:"code"`
	SubCode string `json:"sub_code,omitzero" xml:"sub_code"`
	Message string `json:"message" xml:"message"`
}

// successCode is the code of success. Two methods are documented with 1.
func successCode(m *Method) string {
	if m != nil && (m.Name == "qimen.taobao.pos.weborder.sync" || m.Name == "qimen.taobao.pos.update.salesorder") {
		return "1"
	}
	return "0"
}

// encode writes an answer: the head, and the members of resp.
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
		if format == JSON && len(more) > 0 {
			text = append(text, ',')
		}
		text = append(text, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if format == JSON {
		return append(append([]byte(`{"response":{`), text...), '}', '}'), nil
	}
	return append(append([]byte(xmlwire.Header+xmlOpen), text...), xmlClose...), nil
}

const (
	xmlOpen  = "<response>"
	xmlClose = "</response>"
)

// failed writes a failure without members, which always goes.
func (m *Mux) failed(format Format, f Failure) []byte {
	text, err := m.encode(format, false, f, nil)
	if err != nil { // a text that JSON cannot carry
		f.Code, f.SubCode, f.Message = strings.ToValidUTF8(f.Code, "?"), strings.ToValidUTF8(f.SubCode, "?"), strings.ToValidUTF8(f.Message, "?")
		text, _ = m.encode(format, false, f, nil)
	}
	return text
}

// members writes the members of a value without what is around them.
func (m *Mux) members(format Format, v any) ([]byte, error) {
	if format == JSON {
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
