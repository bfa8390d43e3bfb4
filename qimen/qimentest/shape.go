package qimentest

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// shape is how an answer differs from the usual: what faults and dialects ask for.
type shape struct {
	silent     bool // without flag and code
	nested     bool // one level deeper; a refusal inside a gateway's success
	bare       bool // without a wrapper
	subMessage bool // the second text of a refusal is sub_message
	gbk        bool // in GBK, which XML and the Content-Type declare
}

// with adds what another shape asks for.
func (s shape) with(o shape) shape {
	return shape{s.silent || o.silent, s.nested || o.nested, s.bare || o.bare, s.subMessage || o.subMessage, s.gbk || o.gbk}
}

// shapes are those of the kinds of fault.
var shapes = map[FaultKind]shape{
	NoVerdict: {silent: true}, Nested: {nested: true}, Bare: {bare: true}, GBK: {gbk: true}, SubMessage: {subMessage: true},
}

// apply rewrites the text of an answer. A text that is not XML or JSON stays as it is.
func (s shape) apply(text []byte, failed bool) []byte {
	if s == (shape{}) {
		return text
	}
	inXML := bytes.HasPrefix(xmlwire.TrimBOM(text), []byte("<"))
	root, members, ok := parts(text, inXML)
	if !ok {
		return text
	}
	if s.subMessage {
		for _, name := range []string{"sub_msg", "subMsg"} {
			if v, ok := members[name]; ok {
				members["sub_message"] = v
				delete(members, name)
			}
		}
	}
	if s.silent {
		for _, name := range []string{"flag", "code", "qimen_code", "issuccess", "sub_code", "message", "msg"} {
			delete(members, name)
		}
	}
	value := encodeMembers(members)
	switch {
	case s.nested && failed:
		value = encodeMembers(map[string]jsontext.Value{"flag": jsontext.Value(`"success"`), "code": jsontext.Value(`"0"`), "data": value})
	case s.nested:
		value = encodeMembers(map[string]jsontext.Value{"response": value})
		root = "qimen_response"
	}
	return s.written(root, value, inXML)
}

// written writes the members below the root.
func (s shape) written(root string, value jsontext.Value, inXML bool) []byte {
	var text []byte
	switch {
	case inXML:
		var err error
		if text, err = new(xmlwire.Codec).Marshal(root, &value); err != nil {
			return value
		}
	case s.bare || root == "":
		text = value
	default:
		text = encodeMembers(map[string]jsontext.Value{root: value})
	}
	if s.gbk {
		text = bytes.Replace(text, []byte(`encoding="utf-8"`), []byte(`encoding="GBK"`), 1)
		if out, err := simplifiedchinese.GB18030.NewEncoder().Bytes(text); err == nil {
			return out
		}
	}
	return text
}

// parts returns the root of an answer and the members below it.
func parts(text []byte, inXML bool) (root string, members map[string]jsontext.Value, ok bool) {
	if inXML {
		var raw jsontext.Value
		root, err := new(xmlwire.Codec).Unmarshal(text, &raw)
		if err != nil || wire.Unmarshal(raw, &members) != nil {
			return "", nil, false
		}
		return root, members, true
	}
	if wire.Unmarshal(text, &members) != nil {
		return "", nil, false
	}
	if len(members) == 1 {
		for name, v := range members {
			var inner map[string]jsontext.Value
			if v.Kind() == '{' && wire.Unmarshal(v, &inner) == nil {
				return name, inner, true
			}
		}
	}
	return "", members, true
}

// encodeMembers writes an object, with the members of the head first, as gateways do.
func encodeMembers(members map[string]jsontext.Value) jsontext.Value {
	head := []string{"flag", "code", "message", "msg", "sub_code", "sub_message", "sub_msg", "request_id"}
	names := slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		i, j := slices.Index(head, a), slices.Index(head, b)
		if i < 0 {
			i = len(head)
		}
		if j < 0 {
			j = len(head)
		}
		if i != j {
			return i - j
		}
		return strings.Compare(a, b)
	})
	out := jsontext.Value{'{'}
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, name)
		out = append(append(out, ':'), members[name]...)
	}
	return append(out, '}')
}

// isXML reports whether an answer is written in XML.
func isXML(f qimen.Format) bool { return f == qimen.XML || f == qimen.XML2 }
