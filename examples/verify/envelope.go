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
	text = body
	if t, ok := wire.FromGBK(body); ok {
		text, gbk = t, true
	}
	rest, marked := bytes.CutPrefix(text, []byte(bom))
	return rest, gbk, marked
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
			s.add(kindVerdict, "data.code", "", "code 0, and the code of a refusal is in data", nil)
			return false
		}
	}
	return !there || v == nil || fmt.Sprint(v) == "0"
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

// located is where the payload of an answer is.
type located struct {
	place  string         // root, data or data.data, as a path
	object map[string]any // the payload; nil if it is a list
	name   string         // member that holds the rows
	rows   []any
	listed bool // there is a list of rows
}

// placeNames are the places of the payload in words.
var placeNames = map[string]string{"": "the root", "data": "data", "data.data": "data.data"}

// payload compares the payload with the catalog.
func (s *shape) payload(root map[string]any) {
	want := s.op.Payload
	if s.op.Go.Response == "" {
		want = "data"
	}
	l := locate(s.op, s.root, root, want)
	if l.place != want {
		s.add(kindPlace, "", placeNames[want], "the payload is in "+placeNames[l.place], nil)
	}
	m := s.root.at(want)
	if l.object != nil && s.op.Rows != "" {
		s.list0(l, m, want)
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
		s.object(s.root, "", root, append(slices.DeleteFunc(skip, func(n string) bool { return s.root.kids[n] != nil }), l.name)...)
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
	s.object(s.root, "", root, append(skip, "data")...)
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
		s.object(m, want, l.object, l.name)
		if _, ok := l.object[l.name]; ok && l.name == s.op.Rows {
			s.members[join(want, l.name)] = true
		}
	case l.listed:
		s.add(kindRows, join(want, s.op.Rows), s.op.Rows, l.place+" is the list of rows", nil)
		if l.place == "data" { // counts are at the root
			for name := range root {
				if _, spelled := m.find(name); spelled != "" {
					s.members[join(want, spelled)] = true
				}
			}
		}
	case s.op.Rows == "" && l.place == want: // a plain value
		s.value(m, want, dig(root, want))
	default:
		s.noPayload(dig(root, l.place), m, want)
	}
}

// noPayload notes what is in the place of the payload.
func (s *shape) noPayload(v any, m *member, want string) {
	if v == nil {
		s.add(kindRows, want, "object", "null where there are no rows", nil)
		return
	}
	if kind := kindOf(v); m.field == nil || !slices.Contains(forms(m.field), plainKind(v)) {
		s.add(kindRows, want, "object", kind+" where there are no rows", nil)
	}
}

// list0 notes how the list of rows differs from a list under its name.
func (s *shape) list0(l *located, m *member, want string) {
	path := join(want, s.op.Rows)
	v, there := l.object[s.op.Rows]
	row, isRow := v.(map[string]any)
	switch {
	case l.listed && l.name != s.op.Rows && folded(l.name) == folded(s.op.Rows):
		s.add("other spelling", path, s.op.Rows, l.name, nil)
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
	case there && counted(l.object):
		s.add(kindRows, path, "list", "null although rows are counted", nil)
	case there && v == nil:
		s.add(kindRows, path, "list", "null where there are no rows", nil)
	case there:
		s.add(kindRows, path, "list", kindOf(v)+" where there are no rows", nil)
	case counted(l.object):
		s.add(kindRows, path, "list", "absent although rows are counted", nil)
	default:
		s.add(kindRows, path, "list", "absent where there are no rows", nil)
	}
}

// counted reports whether a page states that there are rows.
func counted(page map[string]any) bool {
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
			s.add("null row", path+"[]", "", "null in the list of rows", nil)
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

// locate finds the payload of an answer: in its documented place, else in one of the others,
// else under another name, as the client looks for it.
func locate(op *catalog.Operation, doc *member, root map[string]any, want string) *located {
	places := []string{"data", "data.data", ""}
	places = append([]string{want}, slices.DeleteFunc(places, func(p string) bool { return p == want })...)
	object := func(place string) map[string]any {
		o, _ := dig(root, place).(map[string]any)
		return o
	}
	if op.Rows == "" {
		return locateObject(places, root, object)
	}
	for _, place := range places {
		for name, v := range object(place) {
			if list, ok := v.([]any); ok && folded(name) == folded(op.Rows) {
				return &located{place: place, object: object(place), name: name, rows: list, listed: true}
			}
		}
	}
	for _, place := range []string{"data", "data.data"} {
		if list, ok := dig(root, place).([]any); ok && want != "" && len(list) > 0 {
			return &located{place: place, rows: list, listed: true}
		}
	}
	for _, place := range places {
		if name, list := renamed(doc.at(want), object(place)); name != "" {
			return &located{place: place, object: object(place), name: name, rows: list, listed: true}
		}
	}
	if row := object("data"); want == "data" && len(op.Key) > 0 && row[op.Key[0]] != nil || op.RowPayload && len(row) > 0 && row[op.Rows] == nil && !isPageOf(row) {
		return &located{place: want, rows: []any{row}, listed: true}
	}
	return &located{place: want, object: object(want), name: op.Rows}
}

// isPageOf reports whether an object has members of a page.
func isPageOf(o map[string]any) bool {
	return slices.ContainsFunc([]string{"page_index", "has_next", "data_count", "page", "total", "count"}, func(n string) bool { _, ok := o[n]; return ok })
}

// renamed finds the one list of objects with a name that is not documented.
func renamed(m *member, o map[string]any) (name string, rows []any) {
	for n, v := range o {
		list, ok := v.([]any)
		if kid, _ := m.find(n); !ok || kid != nil || len(list) == 0 {
			continue
		}
		if _, isObject := list[0].(map[string]any); !isObject {
			continue
		}
		if name != "" {
			return "", nil
		}
		name, rows = n, list
	}
	return name, rows
}

// locateObject finds a payload without rows. One that data holds in a member data, alone, is
// nested once more.
func locateObject(places []string, root map[string]any, object func(string) map[string]any) *located {
	if places[0] == "data" {
		if o := object("data"); len(o) == 1 && object("data.data") != nil {
			return &located{place: "data.data", object: object("data.data")}
		}
	}
	if places[0] == "data.data" && dig(root, "data.data") == nil && object("data") != nil {
		return &located{place: "data", object: object("data")}
	}
	return &located{place: places[0], object: object(places[0])}
}
