package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

const bom = "\ufeff"

// flagNames are the spellings of the success flag; the first is the documented one.
var flagNames = []string{"issuccess", "is_success", "isSuccess", "success"}

// envelopeNames are the members of the root that every answer may have.
var envelopeNames = append([]string{"code", "msg", "message", "request_id", "requestId"}, flagNames...)

// answer adds what one answer shows.
func (s *shape) answer(a *answer) {
	s.header(a)
	text, ok := s.text(a)
	if !ok {
		return
	}
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&root); err != nil || root == nil {
		s.add(kindEncoding, "", "a JSON object", "JSON that is cut off or no object", nil)
		return
	}
	accepted := s.code(root)
	s.envelope(root, accepted)
	if accepted {
		s.payload(root)
	}
}

// header notes how an answer travels.
func (s *shape) header(a *answer) {
	if a.Transfer != "" {
		s.add(kindTransfer, "", "", map[string]string{
			"gzip": "compressed with gzip", "chunked": "in chunks", "until close": "without a length, until the connection closes",
		}[a.Transfer], nil)
	}
	kind, params, err := mime.ParseMediaType(a.ContentType)
	switch {
	case a.ContentType == "" || isPage(a.Body):
	case err != nil || kind != "application/json":
		s.add(kindEncoding, "", "content type application/json", "content type "+known(kind, "text/html", "text/plain", "application/octet-stream", "text/json"), nil)
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		s.add(kindEncoding, "", "charset utf-8", "content type says charset "+known(strings.ToUpper(params["charset"]), "GBK", "GB2312", "GB18030"), nil)
	}
}

// known returns a text if it is one of a list, so that nothing else is printed.
func known(text string, list ...string) string {
	if slices.Contains(list, text) {
		return text
	}
	return "that is another"
}

func isPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, bom+" \t\r\n"), []byte("<"))
}

// text returns the JSON of an answer as UTF-8. It reports false if there is none.
func (s *shape) text(a *answer) ([]byte, bool) {
	text, gbk, marked := plain(a.Body)
	if gbk {
		s.add(kindEncoding, "", "UTF-8", "GBK", nil)
	}
	if marked {
		s.add(kindEncoding, "", "", "a byte order mark precedes the JSON", nil)
	}
	switch {
	case isPage(text):
		s.add(kindGateway, "", "JSON", fmt.Sprintf("a page with status %d: not the API answers", a.Status), nil)
	case len(bytes.TrimSpace(text)) == 0:
		s.add(kindGateway, "", "JSON", fmt.Sprintf("an empty answer with status %d", a.Status), nil)
	default:
		if a.Status != http.StatusOK {
			s.add(kindGateway, "", "status 200", fmt.Sprintf("JSON with status %d", a.Status), nil)
		}
		return text, true
	}
	return nil, false
}

// plain returns a body as UTF-8 without a byte order mark.
func plain(body []byte) (text []byte, gbk, marked bool) {
	text, marked = bytes.CutPrefix(body, []byte(bom))
	if t, ok := wire.FromGBK(text); ok {
		text, gbk = t, true
	}
	return text, gbk, marked
}

// code notes how the code is spelled, and reports whether it is one of success.
func (s *shape) code(root map[string]any) bool {
	v, there := root["code"]
	switch {
	case !there:
		s.add(kindVerdict, "code", "number", "absent", nil)
	case v == nil:
		s.add(kindVerdict, "code", "number", "null", nil)
	case kindOf(v) != "number":
		s.add(kindVerdict, "code", "number", kindOf(v), nil)
	}
	if data, ok := root["data"].(map[string]any); ok && fmt.Sprint(v) == "0" && s.root.at("data").kids["code"] == nil {
		if inner, ok := data["code"]; ok && fmt.Sprint(inner) != "0" {
			s.inner = true
			s.add(kindVerdict, "data.code", "", "the code of a refusal that has code 0", nil)
			return false
		}
	}
	if v == nil { // it is silent: the data decides whether there is something to compare
		return root["data"] != nil
	}
	return fmt.Sprint(v) == "0"
}

// envelope notes the spellings of flag, message and request id.
func (s *shape) envelope(root map[string]any, accepted bool) {
	s.flag(root, accepted)
	if _, msg := root["msg"]; !msg {
		if _, ok := root["message"]; ok {
			s.add(kindEnvelope, "msg", "msg", "named message", nil)
		}
	} else if root["msg"] == nil {
		s.add(kindEnvelope, "msg", "text", "null", nil)
	}
	id, there := root["request_id"]
	_, camel := root["requestId"]
	data, _ := root["data"].(map[string]any)
	switch {
	case there && id == nil:
		s.add(kindEnvelope, "request_id", "text", "null", nil)
	case camel && s.root.kids["requestId"] == nil:
		s.add(kindEnvelope, "request_id", "request_id", "named requestId", nil)
	case there || camel:
	default:
		for _, name := range []string{"request_id", "requestId"} {
			if _, ok := data[name]; ok && s.root.at("data").kids[name] == nil {
				s.add(kindEnvelope, "request_id", "request_id of the root", "named "+name+" in data", nil)
			}
		}
	}
}

// flag notes the spelling of the success flag.
func (s *shape) flag(root map[string]any, accepted bool) {
	field := &catalog.Field{Type: "bool"}
	if m := s.root.kids[flagNames[0]]; m != nil && m.field != nil {
		field = m.field
	}
	found := false
	for _, name := range flagNames {
		v, ok := root[name]
		if !ok {
			continue
		}
		found = true
		switch {
		case name != flagNames[0]:
			s.add(kindVerdict, flagNames[0], flagNames[0], "named "+name, nil)
		case v == nil:
			s.add(kindVerdict, name, field.Type, "null", nil)
		case v == "", !slices.Contains(forms(field), plainKind(v)):
			s.add(kindVerdict, name, field.Type, kindOf(v), nil)
		}
	}
	if !found && field.Name != "" && accepted {
		s.add(kindVerdict, field.Name, field.Type, "absent", nil)
	}
}

// placeNames are the places of the payload in words.
var placeNames = map[string]string{"": "the root", "data": "data", "data.data": "data.data"}

// payload compares the payload with the catalog.
func (s *shape) payload(root map[string]any) {
	want := s.op.Payload
	if s.op.Go.Response == "" {
		want = "data"
	}
	l := locate(s.op, root, want)
	if l.place != want {
		s.add(kindPlace, "", placeNames[want], "the payload is in "+placeNames[l.place], nil)
	}
	m := s.root.at(want)
	if l.object != nil && s.op.Rows != "" {
		s.rowsForm(l, m, want)
	}
	skip := slices.Clone(envelopeNames)
	switch {
	case l.place == "" && want != "": // members of the root are the payload's too
		s.members["data"] = true
		for name := range root {
			if _, spelled := m.find(name); spelled == "" && s.root.kids[name] != nil {
				skip = append(skip, name)
			}
		}
		s.object(m, want, root, append(skip, l.name)...)
	case l.place == "":
		if root["data"] == nil {
			skip = append(skip, "data")
		}
		s.object(s.root, "", root, append(skip, l.name)...)
		if l.listed || root[l.name] != nil {
			s.members[l.name] = true
		}
	default:
		s.within(root, l, m, want, skip)
	}
	if l.listed {
		s.members[join(want, s.op.Rows)] = true
		s.rows += len(l.rows)
		s.eachRow(m.at(s.op.Rows), join(want, s.op.Rows), l.rows)
	}
}

// within compares a payload that is in data or deeper.
func (s *shape) within(root map[string]any, l *located, m *member, want string, skip []string) {
	skip = append(skip, "data")
	if l.object == nil && l.listed {
		skip = s.besides(root, m, want, skip)
	}
	s.object(s.root, "", root, skip...)
	s.members["data"] = true
	outer, _ := root["data"].(map[string]any)
	if l.place == "data.data" && outer != nil {
		s.members["data.data"] = true
		if want == "data.data" {
			s.object(s.root.at("data"), "data", outer, "data")
		}
	}
	switch {
	case l.object != nil:
		s.object(m, want, l.object, append(requestIDs(l.place, m), l.name)...)
	case l.listed:
		s.bareRows(dig(root, l.place), l, want)
	case s.op.Rows == "" && l.place == want: // a plain value
		s.value(m, want, dig(root, want))
	default:
		s.noPayload(l, dig(root, l.place), m, want)
	}
}

// besides compares the members of the payload that are at the root, beside a list of rows in
// data, and adds them to those to skip.
func (s *shape) besides(root map[string]any, m *member, want string, skip []string) []string {
	for name, v := range root {
		if kid, spelled := m.find(name); kid != nil && !slices.Contains(skip, name) {
			s.members[join(want, spelled)] = true
			s.value(kid, join(want, spelled), v)
			skip = append(skip, name)
		}
	}
	return skip
}

// requestIDs returns the names of a request id in data, which the envelope notes.
func requestIDs(place string, m *member) []string {
	var names []string
	for _, name := range []string{"request_id", "requestId"} {
		if place == "data" && m.kids[name] == nil {
			names = append(names, name)
		}
	}
	return names
}

// bareRows notes rows without an object around them.
func (s *shape) bareRows(v any, l *located, want string) {
	seen := l.place + " is the list of rows"
	if _, isRow := v.(map[string]any); isRow {
		seen = l.place + " is one row"
	} else if len(l.rows) == 0 {
		seen = l.place + " is an empty list where there are no rows"
	}
	s.add(kindRows, join(want, s.op.Rows), s.op.Rows, seen, nil)
}

// noPayload notes what is in the place of the payload.
func (s *shape) noPayload(l *located, v any, m *member, want string) {
	if m.field == nil || !slices.Contains(forms(m.field), plainKind(v)) {
		s.add(kindRows, want, "object", l.place+" is "+a(v)+" where there are no rows", nil)
	}
}

// a returns the kind of a value that holds no rows in words.
func a(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		if len(v) == 0 {
			return "an empty list"
		}
		return "a list"
	case map[string]any:
		if len(v) == 0 {
			return "an empty object"
		}
		return "an object"
	}
	return "a " + plainKind(v)
}

// rowsForm notes how the list of rows differs from a list under its name.
func (s *shape) rowsForm(l *located, m *member, want string) {
	path := join(want, s.op.Rows)
	v, there := l.object[s.op.Rows]
	row, isRow := v.(map[string]any)
	switch {
	case l.listed && l.name != s.op.Rows && folded(l.name) == folded(s.op.Rows):
		s.add(kindSpelling, path, s.op.Rows, l.name, nil)
	case l.listed && l.name != s.op.Rows:
		s.add(kindRows, path, s.op.Rows, "named "+l.name, nil)
	case l.listed:
	case isRow && len(row) > 0:
		if f := m.at(s.op.Rows).field; f == nil || !f.OrObject {
			var line *catalog.Field
			if f != nil {
				line = changed(f, func(f *catalog.Field) { f.OrObject = true })
			}
			s.add(kindRows, path, "list", "one object instead of a list", line)
		}
		l.rows, l.listed = []any{row}, true
	default:
		seen := "absent"
		if there {
			seen = a(v)
		}
		if counted(l.object) {
			seen += " although rows are counted"
		} else {
			seen += " where there are no rows"
		}
		s.add(kindRows, path, "list", seen, nil)
	}
}

// counted reports whether a page states that it has rows.
func counted(page map[string]any) bool {
	index, _ := count(page, "page_index", false)
	pages, _ := count(page, "page_count", false)
	if index != nil && *index > 1 && (pages == nil || *index > *pages) { // after the last
		return false
	}
	for _, name := range []string{"data_count", "count", "total", "page_count"} {
		if n := fmt.Sprint(page[name]); page[name] != nil && n != "0" && n != "" {
			return true
		}
	}
	return false
}

func (s *shape) eachRow(m *member, path string, rows []any) {
	for _, row := range rows {
		switch row := row.(type) {
		case map[string]any:
			s.object(m, path+"[]", row)
		case nil:
			s.add(kindNullRow, path+"[]", "", "null in the list of rows", nil)
		default:
			if m.field != nil && strings.HasPrefix(m.field.Type, "[]") {
				s.element(m.field, path+"[]", row)
			}
		}
	}
}

// dig returns the value at a path.
func dig(root map[string]any, path string) any {
	var at any = root
	for part := range strings.SplitSeq(path, ".") {
		if part == "" {
			continue
		}
		o, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = o[part]
	}
	return at
}
