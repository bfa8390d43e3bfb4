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

// Params are the parameters of a query, name and value, in the order in which they
// stand. There are few, so that looking one up takes no map.
type Params [][2]string

// maxParams is as many as package net/url takes.
const maxParams = 10_000

// Parse reads a query and refuses what [url.ParseQuery] refuses.
func Parse(rawQuery string) (Params, error) {
	n := strings.Count(rawQuery, "&") + 1
	if n > maxParams {
		return nil, errors.New("too many parameters")
	}
	if strings.Contains(rawQuery, ";") {
		return nil, errors.New("a semicolon separates nothing")
	}
	escaped := strings.Contains(rawQuery, "%") || strings.Contains(rawQuery, "+")
	params := make(Params, 0, n)
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

// Lookup is the first value of a parameter, and whether it is there.
func (p Params) Lookup(name string) (value string, ok bool) {
	for i := range p {
		if p[i][0] == name {
			return p[i][1], true
		}
	}
	return "", false
}

// Get is the first value of a parameter, or "".
func (p Params) Get(name string) string {
	value, _ := p.Lookup(name)
	return value
}

// few is up to how many parameters are compared with each other one by one.
const few = 16

// Repeated reports whether a name is duplicate.
func (p Params) Repeated() bool {
	if len(p) <= few {
		for i := range p {
			for j := range i {
				if p[i][0] == p[j][0] {
					return true
				}
			}
		}
		return false
	}
	names := make(map[string]struct{}, len(p))
	for i := range p {
		names[p[i][0]] = struct{}{}
	}
	return len(names) < len(p)
}

// Sum is a checksum before it is written as text.
type Sum [md5.Size]byte

// ParseSum reads a checksum of either case.
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

// Sum hashes the text of a method and its parameters as they stand.
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
	sorted := make(Params, 0, few)
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

// Arrival signs the parameters as they stand, after the time stamp where tsFirst.
// One without a name takes no part.
func (p Params) Arrival(method string, tsFirst bool) Sum {
	ordered := make(Params, 0, few)
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
