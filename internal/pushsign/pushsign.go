// Package pushsign makes the checksum of Jushuitan's pushes in the forms that
// public receivers use. Its key is the fixed, public text erp.
package pushsign

import (
	"crypto/md5"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Key is both the partner's name and its key.
const Key = "erp"

// unsigned parameters take no part in the middle of the text.
func unsigned(name string) bool {
	switch name {
	case "sign", "method", "partnerid", "partnerkey":
		return true
	}
	return false
}

// Of hashes the text of a method and its parameters, in the given order.
func Of(method string, pairs [][2]string) string {
	var b strings.Builder
	b.WriteString(method + Key)
	for _, p := range pairs {
		if !unsigned(p[0]) {
			b.WriteString(p[0] + p[1])
		}
	}
	b.WriteString(Key)
	sum := md5.Sum([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// Sorted signs every parameter of the query, sorted by name.
func Sorted(method string, query url.Values) string {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs [][2]string
	for _, name := range names {
		pairs = append(pairs, [2]string{name, query.Get(name)})
	}
	return Of(method, pairs)
}

// TimeOnly signs the time stamp alone.
func TimeOnly(method string, query url.Values) string {
	return Of(method, [][2]string{{"ts", query.Get("ts")}})
}

// Arrival signs the parameters in the order in which they stand in the raw
// query, after the time stamp where tsFirst.
func Arrival(method, rawQuery string, tsFirst bool) string {
	var pairs, ts [][2]string
	for part := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || n == "" {
			continue
		}
		if n == "ts" && tsFirst {
			ts = append(ts, [2]string{n, v})
			continue
		}
		pairs = append(pairs, [2]string{n, v})
	}
	return Of(method, append(ts, pairs...))
}

// Valid reports whether sign is one of the forms, and which.
func Valid(method, rawQuery, sign string) (form string, ok bool) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil || len(sign) != 32 {
		return "", false
	}
	sign = strings.ToLower(sign)
	for _, f := range []struct{ name, want string }{
		{"ts", TimeOnly(method, query)},
		{"sorted", Sorted(method, query)},
		{"arrival-ts-first", Arrival(method, rawQuery, true)},
		{"arrival", Arrival(method, rawQuery, false)},
	} {
		if f.want == sign {
			return f.name, true
		}
	}
	return "", false
}
