package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The kinds of findings: those that the SDK's reader notes too, and others.
const (
	kindUnknown  = string(jushuitan.UnknownMember)
	kindOther    = string(jushuitan.OtherKind)
	kindValue    = string(jushuitan.NewValue)
	kindSpelling = string(jushuitan.OtherSpelling)
	kindUnread   = string(jushuitan.Unreadable)
	kindNullRow  = string(jushuitan.NullRow)

	kindPlace    = "place"          // the payload is not where it is documented
	kindRows     = "rows"           // the list of rows has another name or form
	kindVerdict  = "verdict"        // code or success flag is spelled in another way
	kindEnvelope = "envelope"       // message and request id
	kindEncoding = "encoding"       // bytes: GBK, a byte order mark, no JSON
	kindTransfer = "transfer"       // how the answer travels
	kindGateway  = "gateway"        // something answers instead of the API
	kindTime     = "time format"    // a time in another form
	kindPages    = "pages"          // pagination
	kindRefusal  = "refusal"        // how a request is refused
	kindClock    = "clock"          // the server's clock
	kindQuota    = "limit"          // a limit was met
	kindReading  = "reading failed" // the SDK could not use the answer
)

// finding is one difference between answers and the catalog. It holds no data of the
// merchant: names of members, types, and values of enumerations only.
type finding struct {
	Kind       string `json:"kind"`
	Path       string `json:"path,omitempty"`       // data.orders[].new_field; empty: of the whole answer
	Documented string `json:"documented,omitempty"` // what the catalog says
	Seen       string `json:"seen"`                 // what the service sent

	line *catalog.Field // that would describe it in the catalog, nil: none
}

func (f *finding) String() string {
	text := f.Kind
	if f.Path != "" {
		text += " " + f.Path
	}
	text += ": " + f.Seen
	if f.Documented != "" {
		text += ", documented as " + f.Documented
	}
	return text
}

// member is a documented member of an answer with its members.
type member struct {
	field *catalog.Field // nil: not listed itself
	kids  map[string]*member
}

// every is the name of the entries of a dictionary.
const every = "*"

// documented returns the tree of an operation's members.
func documented(op *catalog.Operation) *member {
	root := &member{kids: map[string]*member{}}
	for _, f := range op.Response {
		at := root
		for part := range strings.SplitSeq(strings.ReplaceAll(f.Name, "[]", ""), ".") {
			if at.kids[part] == nil {
				at.kids[part] = &member{kids: map[string]*member{}}
			}
			at = at.kids[part]
		}
		at.field = f
	}
	return root
}

// at returns the member at a path, with an empty one where nothing is documented.
func (m *member) at(path string) *member {
	for part := range strings.SplitSeq(path, ".") {
		if part == "" {
			continue
		}
		if m = m.kids[part]; m == nil {
			return &member{}
		}
	}
	return m
}

func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// find returns a member by its name, or by a name that differs in case and underscores only.
func (m *member) find(name string) (kid *member, spelled string) {
	if kid := m.kids[name]; kid != nil {
		return kid, name
	}
	for _, other := range slices.Sorted(maps.Keys(m.kids)) {
		if folded(other) == folded(name) {
			return m.kids[other], other
		}
	}
	return nil, ""
}

// shape collects the findings about the answers of one operation.
type shape struct {
	op       *catalog.Operation
	root     *member
	findings []*finding
	objects  map[string]*member // documented objects that were in an answer, by path
	members  map[string]bool    // documented members that were in an answer, by path
	kinds    map[string]string  // JSON kinds of unknown members
	rows     int                // of all answers
	inner    bool               // a refusal has code 0, and its own code in data
}

func newShape(op *catalog.Operation) *shape {
	return &shape{op: op, root: documented(op), objects: map[string]*member{}, members: map[string]bool{}, kinds: map[string]string{}}
}

// inspect returns what answers of an operation differ in from the catalog. It depends on
// nothing else.
func inspect(op *catalog.Operation, answers ...*answer) *shape {
	s := newShape(op)
	for _, a := range answers {
		s.answer(a)
	}
	return s
}

// add adds a finding, once.
func (s *shape) add(kind, path, documented, seen string, line *catalog.Field) {
	f := &finding{Kind: kind, Path: path, Documented: documented, Seen: seen, line: line}
	if !slices.ContainsFunc(s.findings, func(o *finding) bool {
		return o.Kind == kind && o.Path == path && o.Documented == documented && o.Seen == seen
	}) {
		s.findings = append(s.findings, f)
	}
}

// missing returns the documented members that no answer had although it had the object that
// holds them.
func (s *shape) missing() []string {
	var out []string
	for path, m := range s.objects {
		for name := range m.kids {
			at := join(path, name)
			if name != every && !s.members[at] && m.kids[name].field != nil && (path != "" || !slices.Contains(envelopeNames, name)) {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return out
}

// full reports whether an answer without a list of rows holds anything.
func (s *shape) full() bool {
	for path := range s.members {
		if path != "data" && path != "data.data" && !slices.Contains(envelopeNames, path) {
			return true
		}
	}
	return len(s.kinds) > 0
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// object compares the members of an object, except those in skip, with the documented ones.
func (s *shape) object(m *member, path string, o map[string]any, skip ...string) {
	if _, dictionary := m.kids[every]; dictionary {
		for _, v := range o {
			s.value(m.kids[every], join(path, every), v)
		}
		return
	}
	s.objects[path] = m
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if slices.Contains(skip, name) {
			continue
		}
		kid, spelled := m.find(name)
		switch {
		case kid == nil:
			s.unknown(path, name, o[name])
			continue
		case spelled != name && o[spelled] != nil: // both are there
			s.unknown(path, name, o[name])
			continue
		case spelled != name:
			s.add(kindSpelling, join(path, spelled), spelled, name, nil)
		}
		s.members[join(path, spelled)] = true
		s.value(kid, join(path, spelled), o[name])
	}
}

// nameOf matches what may be the name of a member. Other names are data, such as the SKU codes
// that are the names in a dictionary.
var nameOf = regexp.MustCompile(`^[A-Z_]*[a-z][A-Za-z_]*[0-9]{0,2}$`)

// isDictionary reports whether the names in an undocumented object seem to be data although
// they look like names: all of several members are objects or lists.
func isDictionary(o map[string]any) bool {
	for _, v := range o {
		if kind := kindOf(v); kind != "object" && kind != "list" {
			return false
		}
	}
	return len(o) > 1
}

// unknown notes a member that is not documented, and those within.
func (s *shape) unknown(path, name string, v any) {
	if !nameOf.MatchString(name) {
		name = every
	}
	s.unlisted(join(path, name), v)
}

func (s *shape) unlisted(path string, v any) {
	kind := kindOf(v)
	if kind == "null" && s.kinds[path] != "" {
		return
	}
	if was := s.kinds[path]; was != kind && was != "" && was != "null" {
		if !strings.Contains(was, kind) {
			kind = was + " or " + kind
		} else {
			kind = was
		}
	}
	s.kinds[path] = kind
	s.findings = slices.DeleteFunc(s.findings, func(f *finding) bool {
		return f.Kind == kindUnknown && f.Path == path
	})
	s.add(kindUnknown, path, "", kind, &catalog.Field{Name: path, Type: typeOf(v)})
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	} else {
		path += "[]"
	}
	for _, e := range list {
		o, _ := e.(map[string]any)
		dictionary := isDictionary(o)
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if dictionary {
				s.unlisted(join(path, every), o[name])
			} else {
				s.unknown(path, name, o[name])
			}
		}
	}
}

// kindOf returns the JSON kind of a value.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if v == "" {
			return "empty text"
		}
		return "text"
	case json.Number:
		return "number"
	case bool:
		return "flag"
	case []any:
		return "list"
	default:
		return "object"
	}
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,18}$`)

// typeOf guesses the catalog's type of a value.
func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		if layout(v) == wireLayout {
			return "time"
		}
		return "string"
	case json.Number:
		if wholeNumber.MatchString(v.String()) {
			return "int"
		}
		return "decimal"
	case bool:
		return "bool"
	case []any:
		types := map[string]bool{}
		for _, e := range v {
			types["[]"+typeOf(e)] = true
		}
		for _, t := range []string{"[]object", "[]string", "[]int"} {
			if len(types) == 1 && types[t] {
				return t
			}
		}
		return "any"
	case map[string]any:
		return "object"
	}
	return "any"
}

const wireLayout = "0000-00-00 00:00:00"

var digit = regexp.MustCompile(`[0-9]`)

// layout returns the form of a time with 0 for each digit.
func layout(s string) string {
	l := digit.ReplaceAllString(s, "0")
	if strings.Trim(l, "0-:. TZ/+") != "" || !strings.Contains(l, "0") {
		return "text"
	}
	return l
}

// value compares a value with its documented type.
func (s *shape) value(m *member, path string, v any) {
	if m.field == nil {
		m = &member{kids: m.kids, field: &catalog.Field{Type: "any"}}
		if o, ok := v.(map[string]any); ok && len(m.kids) > 0 {
			s.object(m, path, o)
			return
		}
	}
	switch v := v.(type) {
	case nil:
	case []any:
		s.list(m, path, v)
	case map[string]any:
		s.fields(m, path, v)
	default:
		s.scalar(m.field, path, v)
	}
}

func (s *shape) list(m *member, path string, list []any) {
	f := m.field
	switch {
	case strings.HasPrefix(f.Type, "[]"), f.Name == "" && f.Type == "any": // entries of a dictionary
	case f.Type == "any":
		return
	default:
		s.otherKind(f, path, "list")
		return
	}
	for _, e := range list {
		switch e := e.(type) {
		case map[string]any:
			if f.Type != "[]object" && f.Name != "" {
				s.otherKind(f, path, "list of objects")
				continue
			}
			s.object(m, path+"[]", e)
		case nil:
			if f.Type == "[]object" {
				s.add(kindNullRow, path+"[]", "", "null in a list of objects", nil)
			}
		default:
			if f.Name != "" {
				s.element(f, path+"[]", e)
			}
		}
	}
}

// element compares an element of a list of plain values.
func (s *shape) element(f *catalog.Field, path string, v any) {
	of := strings.TrimPrefix(f.Type, "[]")
	if natural := forms(&catalog.Field{Type: of}); !slices.Contains(natural, plainKind(v)) {
		s.add(kindOther, path, f.Type, "list of "+kindOf(v), nil)
	}
}

func (s *shape) fields(m *member, path string, o map[string]any) {
	f := m.field
	switch {
	case f.Type == "object", strings.HasPrefix(f.Type, "map[]"):
		s.object(m, path, o)
	case f.Type == "any":
	case len(o) == 0:
		s.otherKind(f, path, "empty object")
	case f.Type == "[]object":
		if !f.OrObject {
			s.add(kindOther, path, f.Type, "one object", changed(f, func(f *catalog.Field) { f.OrObject = true }))
		}
		s.object(m, path+"[]", o)
	default:
		s.otherKind(f, path, "object")
	}
}

// forms returns the JSON kinds that a field is documented to have.
func forms(f *catalog.Field) []string {
	var natural string
	switch f.Type {
	case "string", "time":
		natural = "text"
	case "int", "decimal":
		natural = "number"
		if f.Quoted {
			natural = "text"
		}
	case "bool":
		natural = "flag"
	case "commas":
		return []string{"text", "number"}
	case "any":
		return []string{"text", "number", "flag"}
	default:
		return []string{f.Type}
	}
	other := map[string]string{"string": "text", "number": "number", "int": "number", "decimal": "number", "bool": "flag"}[f.Wire]
	if other == "" || other == natural || f.Quoted {
		return []string{natural}
	}
	return []string{natural, other}
}

func plainKind(v any) string { return strings.TrimPrefix(kindOf(v), "empty ") }

func (s *shape) scalar(f *catalog.Field, path string, v any) {
	kind := plainKind(v)
	if !slices.Contains(forms(f), kind) {
		s.otherKind(f, path, kindOf(v))
	}
	text, isText := v.(string)
	if f.Type == "time" && isText && text != "" {
		if l := layout(text); l != wireLayout {
			s.add(kindTime, path, wireLayout, l, nil)
		}
	}
	if isText && text != "" && len(f.Values) > 0 && !slices.Contains(f.Values, text) {
		seen := "another value"
		var line *catalog.Field
		if !f.PII && enumValue.MatchString(text) {
			seen = text
			line = changed(f, func(f *catalog.Field) { f.Values = append(f.Values, text) })
		}
		s.add(kindValue, path, fmt.Sprintf("one of %d values", len(f.Values)), seen, line)
	}
}

// enumValue matches what may be a new value of an enumeration: a word, not a number or a name
// with parts.
var enumValue = regexp.MustCompile(`^([A-Za-z][A-Za-z_]{1,40}|\p{Han}{2,6})$`)

// otherKind notes a kind that is not the documented one, with the line that describes it where
// the catalog has words for it.
func (s *shape) otherKind(f *catalog.Field, path, seen string) {
	line := changed(f, func(l *catalog.Field) {
		switch kind := strings.TrimPrefix(seen, "empty "); {
		case kind == "text" && (f.Type == "int" || f.Type == "decimal"):
			l.Wire, l.Quoted = "string", true
		case kind == "number" && f.Quoted:
			l.Wire, l.Quoted = "", false
		case kind == "text":
			l.Wire = "string"
		case kind == "number":
			l.Wire = "number"
		case kind == "flag":
			l.Wire = "bool"
		default:
			l.Type = "any"
		}
	})
	if line != nil && line.Type == "any" { // its type would have to be decided
		line = nil
	}
	s.add(kindOther, path, formName(f), seen, line)
}

func formName(f *catalog.Field) string {
	if names := forms(f); f.Type != names[0] {
		return f.Type + " (" + strings.Join(names, " or ") + ")"
	}
	return f.Type
}

// changed returns a changed copy of a field; nil for one that the catalog does not list.
func changed(f *catalog.Field, change func(*catalog.Field)) *catalog.Field {
	if f.Name == "" {
		return nil
	}
	out := *f
	out.Values = slices.Clone(f.Values)
	change(&out)
	return &out
}

// sorted returns the findings, those of the whole answer first.
func (s *shape) sorted() []*finding {
	out := slices.Clone(s.findings)
	slices.SortStableFunc(out, func(a, b *finding) int {
		return cmp.Or(cmp.Compare(min(len(a.Path), 1), min(len(b.Path), 1)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path))
	})
	return out
}
