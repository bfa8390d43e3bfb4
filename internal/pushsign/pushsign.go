// Package pushsign computes the checksum of Jushuitan's pushes in the schemes that public
// receivers use. Its key is the fixed, public text erp.
package pushsign

import "net/url"

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
	return Params(pairs).Sum(method).String()
}

// Sorted signs every parameter of the query, sorted by name.
func Sorted(method string, query url.Values) string {
	params := make(Params, 0, len(query))
	for name := range query {
		params = append(params, [2]string{name, query.Get(name)})
	}
	return params.Sorted(method).String()
}

// TimeOnly signs the time stamp alone.
func TimeOnly(method string, query url.Values) string {
	return Params{{"ts", query.Get("ts")}}.TimeOnly(method).String()
}

// Arrival signs the parameters in the order of the raw query, after the time stamp if
// tsFirst. It returns "" for an invalid query.
func Arrival(method, rawQuery string, tsFirst bool) string {
	params, err := Parse(rawQuery)
	if err != nil {
		return ""
	}
	return params.Arrival(method, tsFirst).String()
}

// Valid reports whether sign matches one of the schemes, and which.
func Valid(method, rawQuery, sign string) (form string, ok bool) {
	params, err := Parse(rawQuery)
	given, isSum := ParseSum(sign)
	switch {
	case err != nil || !isSum:
		return "", false
	case given.Equal(params.TimeOnly(method)):
		return "ts", true
	case given.Equal(params.Sorted(method)):
		return "sorted", true
	case given.Equal(params.Arrival(method, true)):
		return "arrival-ts-first", true
	case given.Equal(params.Arrival(method, false)):
		return "arrival", true
	}
	return "", false
}
