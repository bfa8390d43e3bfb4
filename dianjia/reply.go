package dianjia

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// reply is a decoded response.
type reply struct {
	known    bool   // it has one of the two forms
	accepted bool   // and it is a success
	code     string // code, or resultCode
	msg      string
}

// parseReply decodes a response in Jushuitan's form, {"code":"0","msg":...}, or DianJia's,
// {"resultCode":"success",...}. If it has both codes, both must mean success. A duplicate
// member makes the form unknown.
func parseReply(body []byte) reply {
	text := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
	members, ok := objectOf(text)
	if !ok {
		return reply{}
	}
	var r reply
	for _, name := range []string{"msg", "err_msg", "resultMsg", "message", "exceptionMessage"} {
		if r.msg = scalar(members[name]); r.msg != "" {
			break
		}
	}
	code, hasCode := members["code"], present(members["code"])
	result, hasResult := members["resultCode"], present(members["resultCode"])
	r.known = hasCode || hasResult
	zero := string(code) == "0" || string(code) == `"0"`
	success := scalar(result) == "success"
	r.accepted = r.known && (!hasCode || zero) && (!hasResult || success)
	switch {
	case hasCode && !(zero && hasResult):
		r.code = scalar(code)
	case hasResult:
		r.code = scalar(result)
	}
	return r
}

func present(v json.RawMessage) bool { return len(v) > 0 && string(v) != "null" }

// scalar returns the text of a string, number or boolean.
func scalar(v json.RawMessage) string {
	switch {
	case !present(v) || v[0] == '{' || v[0] == '[':
		return ""
	case v[0] == '"':
		var s string
		if json.Unmarshal(v, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	return string(v)
}

// objectOf decodes the members of an object. Unlike encoding/json, it distinguishes names
// that differ in case, and refuses duplicate names.
func objectOf(text []byte) (map[string]json.RawMessage, bool) {
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, false
	}
	members := map[string]json.RawMessage{}
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	for dec.More() {
		tok, err := dec.Token()
		name, ok := tok.(string)
		if err != nil || !ok {
			return nil, false
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, false
		}
		if _, twice := members[name]; twice {
			return nil, false
		}
		members[name] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	_, err := dec.Token()
	return members, err == io.EOF
}
