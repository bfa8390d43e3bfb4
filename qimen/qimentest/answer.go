package qimentest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// The codes that the gateway answers. 29 for an unknown app key is an assumption.
const (
	codeOK         = "0"
	codeLimited    = "7"
	codeDown       = "10"
	codePermission = "13"
	codeRemote     = "15"
	codeNoMethod   = "21"
	codeMethod     = "22"
	codeSign       = "25"
	codeAppKey     = "29"
	codeMissing    = "40"
	codeInvalid    = "41"
)

// The codes of Jushuitan behind the gateway.
const (
	codeToken    = "100"
	codeJSTSign  = "120"
	codeArgument = "140"
	codeStamp    = "180"
)

// answer is what a call is answered, before it is written.
type answer struct {
	failed          bool
	code, subCode   string
	message, subMsg string
	payload         json.RawMessage // an object whose members follow the head
	raw             []byte          // or the whole text, from a receiver
	rawType         string          // its Content-Type

	top  bool   // in the open platform's form: error_response, msg and sub_msg
	root string // instead of the usual name
}

func refuse(code, message string) *answer {
	return &answer{failed: true, code: code, message: message}
}

// remote is a failure behind the gateway.
func remote(subCode, message string) *answer {
	return &answer{failed: true, code: codeRemote, message: "Remote service error", subCode: subCode, subMsg: message}
}

func done(payload json.RawMessage) *answer { return &answer{code: codeOK, payload: payload} }

// root is the name around an answer.
func (x *exchange) root(a *answer) string {
	switch {
	case a.root != "":
		return a.root
	case !a.top:
		return "response"
	case a.failed:
		return "error_response"
	default:
		return strings.ReplaceAll(x.method.Name, ".", "_") + "_response"
	}
}

// head begins an answer. A code that is a number is written as one in JSON.
type head struct {
	Flag      string         `json:"flag,omitzero" xml:"flag"`
	Code      jsontext.Value `json:"code,omitzero" xml:"-"`
	CodeText  string         `json:"-" xml:"code"`
	Message   string         `json:"message,omitzero" xml:"message"`
	Msg       string         `json:"msg,omitzero" xml:"msg"`
	SubCode   string         `json:"sub_code,omitzero" xml:"sub_code"`
	SubMsg    string         `json:"sub_msg,omitzero" xml:"sub_msg"`
	RequestID string         `json:"request_id" xml:"request_id"`
}

// encode writes an answer of the server's own.
func (x *exchange) encode(a *answer) ([]byte, error) {
	h := head{CodeText: a.code, SubCode: a.subCode, RequestID: x.s.nextRequestID()}
	h.Code = jsontext.Value(a.code)
	if _, err := strconv.Atoi(a.code); err != nil {
		h.Code = jsontext.Value(strconv.Quote(a.code))
	}
	h.SubMsg = a.subMsg
	switch {
	case a.top && a.failed:
		h.Msg = a.message
	case a.failed:
		h.Flag, h.Message = "failure", a.message
	default:
		h.Flag = "success"
	}
	root := x.root(a)
	if isXML(x.format) {
		return (&xmlwire.Codec{}).Marshal(root, h)
	}
	text, err := wire.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(a.payload) > len("{}") {
		text = append(append(text[:len(text)-1], ','), a.payload[1:]...)
	}
	if x.format == qimen.JSON2 {
		return text, nil
	}
	return []byte(`{` + strconv.Quote(root) + `:` + string(text) + `}`), nil
}

// renamed changes the root of an answer.
func renamed(text []byte, root string) []byte {
	text = bytes.Replace(text, []byte(`{"response":`), []byte(`{`+strconv.Quote(root)+`:`), 1)
	text = bytes.Replace(text, []byte("<response>"), []byte("<"+root+">"), 1)
	return bytes.Replace(text, []byte("</response>"), []byte("</"+root+">"), 1)
}
