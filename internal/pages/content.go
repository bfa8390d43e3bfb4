package pages

import (
	"math"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
)

// stamp identifies a row.
type stamp struct {
	key string // "" if the row has none, or only zeros: it never matches another row
	id  uint64 // of key and content
}

// contents hashes rows. The hash of a row is the same in every process, and does not change
// when a later version of this module adds fields that are zero here. Unknown members are
// left out, since it is no change of a row whether a server sends them. It is safe for
// concurrent use.
type contents struct{ plans sync.Map } // of reflect.Type: []member

type member struct {
	index int
	name  uint64
}

// stamps returns the stamps of the rows of a page.
func (q *query) stamps(c *contents, rows list) []stamp {
	out := make([]stamp, rows.n)
	for i := range rows.n {
		out[i] = q.stamp(c, rows.at(i))
	}
	return out
}

func (q *query) stamp(c *contents, row any) stamp {
	s := stamp{id: c.hash(reflect.ValueOf(row).Elem())}
	if q.Key != nil {
		key := q.Key(row)
		s.id = text(s.id, key)
		if strings.Trim(key, "0|") != "" {
			s.key = key
		}
	}
	return s
}

func (c *contents) hash(v reflect.Value) uint64 { return c.add(14695981039346656037, v) }

func mix(h, x uint64) uint64 {
	h = (h ^ x) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

func text[T string | []byte](h uint64, s T) uint64 {
	h = mix(h, uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h = mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	return mix(h, rest)
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	decimalType = reflect.TypeFor[decimal.Decimal]()
)

// add mixes a value into a hash.
func (c *contents) add(h uint64, v reflect.Value) uint64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return mix(h, 1)
		}
		return mix(h, 2)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return mix(h, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return mix(h, v.Uint())
	case reflect.Float32, reflect.Float64:
		return mix(h, math.Float64bits(v.Float()))
	case reflect.String:
		return text(h, v.String())
	case reflect.Slice, reflect.Array:
		return c.list(h, v)
	case reflect.Map:
		var sum uint64 // independent of the order
		for entries := v.MapRange(); entries.Next(); {
			sum += c.add(c.hash(entries.Key()), entries.Value())
		}
		return mix(h, sum)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return mix(h, 3)
		}
		return c.add(h, v.Elem())
	case reflect.Struct:
		return c.object(h, v)
	}
	return h
}

func (c *contents) list(h uint64, v reflect.Value) uint64 {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return text(h, v.Bytes())
	}
	h = mix(h, uint64(v.Len()))
	for i := range v.Len() {
		h = c.add(h, v.Index(i))
	}
	return h
}

// object mixes the members that are not zero, with their names.
func (c *contents) object(h uint64, v reflect.Value) uint64 {
	t := v.Type()
	if t == timeType && v.CanInterface() {
		at := v.Interface().(time.Time)
		return mix(mix(h, uint64(at.Unix())), uint64(at.Nanosecond()))
	}
	plan, ok := c.plans.Load(t)
	if !ok {
		members := make([]member, 0, t.NumField())
		for i := range t.NumField() {
			if f := t.Field(i); !strings.Contains(f.Tag.Get("json"), ",embed") {
				members = append(members, member{i, text(0, f.Name)})
			}
		}
		plan, _ = c.plans.LoadOrStore(t, members)
	}
	for _, m := range plan.([]member) {
		f := v.Field(m.index)
		if f.IsZero() || f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Uint8 && string(f.Bytes()) == "null" {
			continue
		}
		if f.Type() == decimalType && f.CanInterface() {
			d := f.Interface().(decimal.Decimal)
			if !d.IsZero() {
				h = number(mix(h, m.name), d)
			}
			continue
		}
		h = c.add(mix(h, m.name), f)
	}
	return h
}

// number mixes a decimal so that 1.5 and 1.50 have the same hash.
func number(h uint64, d decimal.Decimal) uint64 {
	if d.NumDigits() > 18 {
		return text(h, d.String())
	}
	n, exp := d.CoefficientInt64(), d.Exponent()
	for n%10 == 0 {
		n /= 10
		exp++
	}
	return mix(mix(h, uint64(n)), uint64(exp))
}
