package wire

import (
	"encoding"
	"encoding/binary"
	jsonv1 "encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// kind is how values of a Go type are decoded.
type kind uint8

const (
	libraryKind kind = iota // by the JSON library: types that this package has no rule for
	intKind
	textKind
	flagKind
	decimalKind
	timeKind
	listKind
	objectKind
	mapKind
	pointerKind
	rawKind  // the JSON, unchanged
	ownsKind // by its own UnmarshalJSON
)

// plan describes how values of a Go type are decoded. It is created once for each type, by
// reflection, and never changes.
type plan struct {
	kind   kind
	typ    reflect.Type
	elem   *plan // of a list, a map or a pointer
	fields []field
	names  []string                    // of the fields
	lanes  []lane                      // of the fields
	locate func(v any, to []any) []any // see [Locator]
	table  []entry                     // of the fields, by the hash of the name; its length is a power of two
	folded map[string]int              // of the fields, by folded name; -1 where two have the same
	extra  []int                       // index of the field that keeps unknown members, nil if there is none
	keeps  *plan                       // of the values in it
	needs  []int                       // indexes of the fields that must have a value
	// marshals says that values encode themselves, unwritable that only the library encodes
	// the struct as its tags demand.
	marshals, unwritable bool

	vital bool // an undecodable value invalidates the row, see [plan.judge]
}

// field is a member of an object.
type field struct {
	name  string
	index []int
	plan  *plan
	vital bool
	must  bool // it must have a value
	text  bool // its numbers are documented as text

	omitZero bool
	known    []string
}

// lane is what [Reader.run] and [writer.object] need of a field.
type lane struct {
	token    string // ,"name":
	kind     kind   // libraryKind if the values are never plain
	known    bool   // there is a list of known values
	text     bool
	omitZero bool
}

func laneOf(f *field) lane {
	l := lane{token: `,"` + f.name + `":`, known: f.known != nil, text: f.text, omitZero: f.omitZero}
	if !f.must {
		l.kind = f.plan.kind
	}
	return l
}

type entry struct {
	hash  uint32
	field int32 // index from 1
}

// A Locator appends pointers to all fields that are members of the struct that v points to, in
// their order. A struct has one as the type of a blank field; it is generated. Without it,
// reflection locates the fields.
type Locator interface {
	Locate(v any, to []any) []any
}

// plans caches the plans by type. Its content affects only how long decoding takes.
var plans sync.Map

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	made := map[reflect.Type]*plan{}
	p := build(t, made)
	for changed := true; changed; { // types may contain themselves
		changed = false
		for _, q := range made {
			changed = q.judge() || changed
		}
	}
	for t, q := range made {
		plans.LoadOrStore(t, q)
	}
	return p
}

// setLocator sets how the fields of a struct are located.
func (p *plan) setLocator() {
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		if f.Name != "_" || f.Type.PkgPath() != p.typ.PkgPath() || !strings.EqualFold(f.Type.Name(), p.typ.Name()+"Fields") {
			continue // of another type with the same fields, as in type myOrder jushuitan.Order
		}
		if l, ok := reflect.Zero(f.Type).Interface().(Locator); ok {
			p.locate = l.Locate
			return
		}
	}
	p.locate = func(v any, to []any) []any {
		for i, o := 0, reflect.ValueOf(v).Elem(); i < len(p.fields); i++ {
			to = append(to, o.FieldByIndex(p.fields[i].index).Addr().Interface())
		}
		return to
	}
}

func build(t reflect.Type, made map[reflect.Type]*plan) *plan {
	if p, ok := made[t]; ok {
		return p
	}
	p := &plan{typ: t, kind: kindOf(t), marshals: marshals(t)}
	made[t] = p
	switch p.kind {
	case listKind, mapKind, pointerKind:
		p.elem = build(t.Elem(), made)
	case objectKind:
		p.addFields(t, nil, made)
		p.index()
		p.setLocator()
	}
	return p
}

func kindOf(t reflect.Type) kind {
	switch t {
	case reflect.TypeFor[decimal.Decimal]():
		return decimalKind
	case reflect.TypeFor[time.Time]():
		return timeKind
	case reflect.TypeFor[jsonv1.RawMessage](), reflect.TypeFor[jsontext.Value]():
		return rawKind
	}
	p := reflect.PointerTo(t)
	switch {
	case p.Implements(reflect.TypeFor[json.UnmarshalerFrom]()):
		return libraryKind
	case p.Implements(reflect.TypeFor[jsonv1.Unmarshaler]()):
		return ownsKind
	case p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return libraryKind
	}
	return plainKind(t)
}

// plainKind returns the kind of a type without JSON methods of its own.
func plainKind(t reflect.Type) kind {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intKind
	case reflect.String:
		return textKind
	case reflect.Bool:
		return flagKind
	case reflect.Struct:
		if plainStruct(t) {
			return objectKind
		}
	case reflect.Pointer:
		return pointerKind
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return listKind
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !reflect.PointerTo(t.Key()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return mapKind
		}
	}
	return libraryKind
}

// plainStruct reports whether the fields of a struct have only options that this package
// supports.
func plainStruct(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "", "omitzero", "omitempty", "string", "case:ignore":
			case "embed":
				if f.Type.Kind() != reflect.Map || f.Type.Key().Kind() != reflect.String {
					return false
				}
			default:
				return false
			}
		}
		if f.Anonymous && f.Tag.Get("json") == "" && (f.Type.Kind() != reflect.Struct || !plainStruct(f.Type)) {
			return false
		}
	}
	return true
}

// addFields adds the fields of a struct, and those of the structs that it embeds.
func (p *plan) addFields(t reflect.Type, index []int, made map[reflect.Type]*plan) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && tag == "":
			p.addFields(f.Type, at, made)
			continue
		case !f.IsExported() || tag == "-":
			continue
		case options == "embed":
			p.extra, p.keeps = at, build(f.Type.Elem(), made)
			continue
		case name == "":
			name = f.Name
		}
		p.addField(&f, at, name, options, made)
	}
}

// addField adds a field with the options of its json tag.
func (p *plan) addField(f *reflect.StructField, at []int, name, options string, made map[reflect.Type]*plan) {
	g := field{name: name, index: at, plan: build(f.Type, made), text: strings.Contains(options, "string")}
	g.omitZero = strings.Contains(options, "omitzero")
	p.unwritable = p.unwritable || g.omitZero && ownZero(f.Type)
	if strings.Contains(options, "omitempty") {
		g.omitZero = true
		p.unwritable = p.unwritable || f.Type.Kind() != reflect.Pointer || !isNumber(f.Type.Elem())
	}
	for mark := range strings.SplitSeq(f.Tag.Get("wire"), ",") {
		g.vital = g.vital || mark == "vital"
		g.must = g.must || mark == "required"
	}
	if known := f.Tag.Get("known"); known != "" {
		g.known = strings.Split(known, ",")
	}
	if g.must {
		p.needs = append(p.needs, len(p.fields))
	}
	p.fields = append(p.fields, g)
}

// isNumber reports whether a type is a number, which is never encoded as something empty.
func isNumber(t reflect.Type) bool {
	return t == reflect.TypeFor[decimal.Decimal]() || t == reflect.TypeFor[int64]()
}

// ownZero reports whether a type, other than those with a rule here, has a method that
// decides what is zero.
func ownZero(t reflect.Type) bool {
	if t == reflect.TypeFor[decimal.Decimal]() || t == reflect.TypeFor[time.Time]() {
		return false
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ IsZero() bool }]())
}

// judge determines what is vital, and reports whether that is new.
//
// A value is vital if a row must not be used without it: an amount or a quantity, a flag, a
// time, a field tagged wire:"vital" (the generator tags keys, codes, statuses and the
// members that control pagination), and an object or a list that contains such a value.
func (p *plan) judge() bool {
	was := p.vital
	switch p.kind {
	case decimalKind, flagKind, timeKind:
		p.vital = true
	case listKind, mapKind, pointerKind:
		p.vital = p.elem.vital
	case objectKind:
		for i := range p.fields {
			f := &p.fields[i]
			f.vital = f.vital || f.plan.vital
			p.vital = p.vital || f.vital
		}
	}
	return p.vital != was
}

// index creates the tables of names.
func (p *plan) index() {
	size := 8
	for size < 4*len(p.fields) {
		size *= 2
	}
	p.table = make([]entry, size)
	p.folded = make(map[string]int, len(p.fields))
	for i := range p.fields {
		name := []byte(p.fields[i].name)
		p.names = append(p.names, p.fields[i].name)
		p.lanes = append(p.lanes, laneOf(&p.fields[i]))
		h := hash(name)
		at := int(h) & (size - 1)
		for p.table[at].field != 0 {
			at = (at + 1) & (size - 1)
		}
		p.table[at] = entry{h, int32(i + 1)}
		p.unwritable = p.unwritable || slices.Contains(p.names[:i], p.fields[i].name) || needsEscape(p.fields[i].name)
		key := string(fold(nil, name))
		if _, twice := p.folded[key]; twice {
			p.folded[key] = -1
			continue
		}
		p.folded[key] = i
	}
}

// needsEscape reports whether a name is written otherwise than it reads.
func needsEscape(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r > '~' })
}

// hash mixes the length of a name with its first and last eight bytes.
func hash(name []byte) uint32 {
	const mix = 0x9e3779b97f4a7c15
	var a, b uint64
	if n := len(name); n >= 8 {
		a, b = binary.LittleEndian.Uint64(name), binary.LittleEndian.Uint64(name[n-8:])
	} else {
		for _, c := range name {
			a = a<<8 | uint64(c)
		}
	}
	h := (a ^ uint64(len(name))) * mix
	h = (h ^ h>>32 ^ b) * mix
	return uint32(h >> 32)
}

// find returns the field of a name, or -1.
func (p *plan) find(name []byte) int {
	h := hash(name)
	for at := int(h) & (len(p.table) - 1); ; at = (at + 1) & (len(p.table) - 1) {
		e := p.table[at]
		if e.field == 0 {
			return -1
		}
		if e.hash == h && p.names[e.field-1] == string(name) {
			return int(e.field - 1)
		}
	}
}

// findFolded returns the field whose name matches except for case and underscores, or -1.
func (p *plan) findFolded(name []byte) int {
	var buf [64]byte
	if len(name) > len(buf) {
		return -1
	}
	if i, ok := p.folded[string(fold(buf[:0], name))]; ok {
		return i
	}
	return -1
}

// fold appends a name in lower case without underscores.
func fold(dst, name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' {
			dst = append(dst, c)
		}
	}
	return dst
}
