package pushsign

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Params are the parameters of a query in their order. They are few, so lookups need no
// map.
type Params [][2]string

// maxParams is the limit of package net/url.
const maxParams = 10_000

// Parse parses a query and refuses what [url.ParseQuery] refuses.
func Parse(rawQuery string) (Params, error) {
	return Params{}.Append(rawQuery)
}

// Few is how many parameters an ordinary query has at most.
const Few = 16

// Append is [Parse] that appends to params, which may have room.
func (p Params) Append(rawQuery string) (Params, error) {
	n := strings.Count(rawQuery, "&") + 1
	if n > maxParams {
		return nil, errors.New("too many parameters")
	}
	if strings.Contains(rawQuery, ";") {
		return nil, errors.New("a semicolon separates nothing")
	}
	escaped := strings.Contains(rawQuery, "%") || strings.Contains(rawQuery, "+")
	params := slices.Grow(p, n)
	for rawQuery != "" {
		var part string
		part, rawQuery, _ = strings.Cut(rawQuery, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if escaped {
			var err1, err2 error
			name, err1 = url.QueryUnescape(name)
			value, err2 = url.QueryUnescape(value)
			if err1 != nil || err2 != nil {
				return nil, errors.New("invalid percent-escape")
			}
		}
		params = append(params, [2]string{name, value})
	}
	return params, nil
}

// Lookup returns the first value of a parameter, and whether it is present.
func (p Params) Lookup(name string) (value string, ok bool) {
	for i := range p {
		if p[i][0] == name {
			return p[i][1], true
		}
	}
	return "", false
}

// Get returns the first value of a parameter, or "".
func (p Params) Get(name string) string {
	value, _ := p.Lookup(name)
	return value
}

// Repeated reports whether a name is duplicate, apart from those that may be.
func (p Params) Repeated(mayBe ...string) bool {
	if len(p) <= Few { // compared with each other one by one
		for i := range p {
			for j := range i {
				if p[i][0] == p[j][0] && !slices.Contains(mayBe, p[i][0]) {
					return true
				}
			}
		}
		return false
	}
	names := make(map[string]struct{}, len(p))
	for i := range p {
		if _, known := names[p[i][0]]; known && !slices.Contains(mayBe, p[i][0]) {
			return true
		}
		names[p[i][0]] = struct{}{}
	}
	return false
}

// Without returns the parameters but those that drop names by their place.
func (p Params) Without(drop func(i int) bool) Params {
	out := make(Params, 0, len(p))
	for i := range p {
		if !drop(i) {
			out = append(out, p[i])
		}
	}
	return out
}

// Sum is a checksum.
type Sum [md5.Size]byte

// ParseSum parses a checksum of either case.
func ParseSum(text string) (sum Sum, ok bool) {
	if len(text) != hex.EncodedLen(len(sum)) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(text))
	return sum, err == nil
}

// Equal compares in constant time.
func (s Sum) Equal(other Sum) bool { return subtle.ConstantTimeCompare(s[:], other[:]) == 1 }

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// room is how long a signed text may be without memory of its own.
const room = 512

// Sum hashes the text of a method and its parameters in their order.
func (p Params) Sum(method string) Sum {
	b := append(append(make([]byte, 0, room), method...), Key...)
	for i := range p {
		if !unsigned(p[i][0]) {
			b = append(append(b, p[i][0]...), p[i][1]...)
		}
	}
	return md5.Sum(append(b, Key...))
}

// Sorted signs every parameter, sorted by name; of a duplicate name the
// first value counts.
func (p Params) Sorted(method string) Sum {
	sorted := make(Params, 0, Few)
	for i := range p {
		if !unsigned(p[i][0]) {
			sorted = append(sorted, p[i])
		}
	}
	slices.SortStableFunc(sorted, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	sorted = slices.CompactFunc(sorted, func(a, b [2]string) bool { return a[0] == b[0] })
	return sorted.Sum(method)
}

// TimeOnly signs the time stamp alone.
func (p Params) TimeOnly(method string) Sum {
	return Params{{"ts", p.Get("ts")}}.Sum(method)
}

// Arrival signs the parameters in their order, after the time stamp if tsFirst. Parameters
// without a name are excluded.
func (p Params) Arrival(method string, tsFirst bool) Sum {
	ordered := make(Params, 0, Few)
	if tsFirst {
		for i := range p {
			if p[i][0] == "ts" {
				ordered = append(ordered, p[i])
			}
		}
	}
	for i := range p {
		if p[i][0] != "" && (p[i][0] != "ts" || !tsFirst) {
			ordered = append(ordered, p[i])
		}
	}
	return ordered.Sum(method)
}
