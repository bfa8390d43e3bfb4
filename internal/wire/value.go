package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// The functions of this file parse a value from its text, in the same way for JSON, XML and
// form parameters. An empty text, and the text null, is the zero value. The errors of the exported functions
// are of type [*FieldError].

// badValue is a value that cannot be decoded.
type badValue struct{ want, got string }

func (e *badValue) Error() string { return "want " + e.want + ", got " + e.got }

func badText(want string, text []byte) *badValue {
	return &badValue{want, textOf(utf8.RuneCount(text))}
}

func textOf(chars int) string { return fmt.Sprintf("text of %d characters", chars) }

// ParseInt parses an integer, including forms such as 12.0 or 1.2e1 that lose nothing.
func ParseInt(text []byte) (int64, error) {
	n, bad := parseInt(trimSpace(text))
	return n, bad.field()
}

// ParseDecimal parses a number.
func ParseDecimal(text []byte) (decimal.Decimal, error) {
	d, bad := parseDecimal(trimSpace(text))
	return d, bad.field()
}

// ParseBool parses true, false, 1 and 0, in any case.
func ParseBool(text []byte) (bool, error) {
	b, bad := parseBool(trimSpace(text))
	return b, bad.field()
}

// ParseTime parses a time: 2006-01-02 15:04:05, with or without a fraction, seconds and a
// zone offset; 2006/1/2 15:04; a date alone;
// 8, 12 or 14 digits as a date, such as 20060102150405; other digits as Unix seconds, or
// milliseconds from 13 digits on. "", 0, 0000-00-00 and the year 1 mean
// no time. The result is in [CST].
func ParseTime(text string) (time.Time, error) {
	t, bad := parseTime(trimSpace([]byte(text)))
	return t, bad.field()
}

// field returns the error for callers that have no path.
func (e *badValue) field() error {
	if e == nil {
		return nil
	}
	return &FieldError{Want: e.want, Got: e.got}
}

// isNull reports whether a text is the word that some systems write for no value.
func isNull(text []byte) bool { return string(text) == "null" }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

func parseInt(text []byte) (int64, *badValue) {
	d := text
	if len(d) > 0 && d[0] == '-' {
		d = d[1:]
	}
	if len(d) == 0 || len(d) > 18 {
		return parseLongInt(text)
	}
	var n int64
	for _, c := range d {
		if !isDigit(c) {
			return parseLongInt(text)
		}
		n = n*10 + int64(c-'0')
	}
	if len(d) < len(text) {
		n = -n
	}
	return n, nil
}

// parseLongInt parses what is not simply an integer of at most 18 digits.
func parseLongInt(text []byte) (int64, *badValue) {
	if len(text) == 0 || isNull(text) {
		return 0, nil
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, nil
	}
	d, bad := parseDecimal(text)
	if bad != nil || !d.IsInteger() || !d.BigInt().IsInt64() {
		return 0, badText("integer", text)
	}
	return d.IntPart(), nil
}

// maxExponent limits what is accepted as a number: no amount, price or quantity comes near
// it, and 1e999999999 would cost gigabytes to print.
const maxExponent = 64

func parseDecimal(text []byte) (decimal.Decimal, *badValue) {
	if n, scale, ok := parsePlain(text); ok {
		return decimal.New(n, scale), nil
	}
	return parseLongDecimal(text)
}

// parsePlain parses up to 18 digits with an optional point as an integer and a scale.
func parsePlain(text []byte) (n int64, scale int32, ok bool) {
	d := text
	if len(d) > 0 && d[0] == '-' {
		d = d[1:]
	}
	point := -1
	for i, c := range d {
		switch {
		case isDigit(c):
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0 && i > 0 && i < len(d)-1:
			point = i
		default:
			return 0, 0, false
		}
		if i > 18 || i == 18 && point < 0 {
			return 0, 0, false
		}
	}
	if len(d) == 0 {
		return 0, 0, false
	}
	if point >= 0 {
		scale = int32(point + 1 - len(d))
	}
	if len(d) < len(text) {
		n = -n
	}
	return n, scale, true
}

func parseLongDecimal(text []byte) (decimal.Decimal, *badValue) {
	if len(text) == 0 || isNull(text) {
		return decimal.Decimal{}, nil
	}
	if len(text) > 128 {
		return decimal.Decimal{}, badText("number", text)
	}
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exp, err := strconv.Atoi(string(text[i+1:]))
		if err != nil || exp > maxExponent || exp < -maxExponent {
			return decimal.Decimal{}, badText("number", text)
		}
	}
	d, err := decimal.NewFromString(string(text))
	if err != nil {
		return decimal.Decimal{}, badText("number", text)
	}
	return d, nil
}

func parseBool(text []byte) (bool, *badValue) {
	switch len(text) {
	case 0:
		return false, nil
	case 1:
		if text[0] == '0' || text[0] == '1' {
			return text[0] == '1', nil
		}
	case 4:
		if bytes.EqualFold(text, []byte("true")) {
			return true, nil
		}
		if isNull(text) {
			return false, nil
		}
	case 5:
		if bytes.EqualFold(text, []byte("false")) {
			return false, nil
		}
	}
	return false, badText("true or false", text)
}

func parseTime(b []byte) (time.Time, *badValue) {
	if len(b) == 0 {
		return time.Time{}, nil
	}
	if t, ok := fixedTime(b); ok {
		return t, nil
	}
	if digits(b, 0) == len(b) {
		return digitTime(b)
	}
	text := string(b)
	if isNull(b) || strings.HasPrefix(text, "0000-00-00") || strings.HasPrefix(text, "0001-01-01") {
		return time.Time{}, nil
	}
	for _, layout := range [...]string{
		"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05",
		"2006/1/2 15:04:05", "2006/1/2 15:04", "2006/1/2", "2006-1-2 15:04:05", "2006-1-2 15:04", "2006-1-2",
	} {
		if t, err := time.ParseInLocation(layout, text, CST); err == nil {
			return t, nil
		}
	}
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.In(CST), nil
		}
	}
	return time.Time{}, badText("time", b)
}

// fixedTime parses 2006-01-02, 2006-01-02 15:04:05 and the latter with milliseconds, from
// the year 1970 on.
func fixedTime(b []byte) (time.Time, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return time.Time{}, false
	}
	hour, minute, sec, milli := 0, 0, 0, 0
	switch len(b) {
	case 10:
	case len(timeLayoutMillis):
		if b[19] != '.' {
			return time.Time{}, false
		}
		milli = number(b[20:23])
		fallthrough
	case len(TimeLayout):
		if b[10] != ' ' || b[13] != ':' || b[16] != ':' {
			return time.Time{}, false
		}
		hour, minute, sec = number(b[11:13]), number(b[14:16]), number(b[17:19])
	default:
		return time.Time{}, false
	}
	if milli < 0 {
		return time.Time{}, false
	}
	t, ok := civil(number(b[:4]), number(b[5:7]), number(b[8:10]), hour, minute, sec)
	return t.Add(time.Duration(milli) * time.Millisecond), ok
}

// number returns the value of digits, or -1 for anything else.
func number(b []byte) int {
	n := 0
	for _, c := range b {
		if !isDigit(c) {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// civil returns the time of a date in [CST], from the year 1970 on.
func civil(year, month, day, hour, minute, sec int) (time.Time, bool) {
	if year < 1970 || day < 1 || day > daysIn(year, month) || !within(hour, 23) || !within(minute, 59) || !within(sec, 59) {
		return time.Time{}, false
	}
	// Years begin in March, so that the leap day is the last one of a year.
	y, m := year, (month+9)%12
	if month < 3 {
		y--
	}
	days := y*365 + y/4 - y/100 + y/400 + (m*306+5)/10 + day - 1 - 719468
	return time.Unix(int64(days)*86400+int64(hour*3600+minute*60+sec)-8*3600, 0).In(CST), true
}

func within(n, most int) bool { return n >= 0 && n <= most }

// daysIn returns the length of a month, or 0 if there is no such month.
func daysIn(year, month int) int {
	switch month {
	case 1, 3, 5, 7, 8, 10, 12:
		return 31
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 0
}

// digitTime parses times that consist of digits only: 8, 12 or 14 are a date, any other number of
// them Unix time.
func digitTime(b []byte) (time.Time, *badValue) {
	switch len(b) {
	case 8, 12, 14:
		part := [6]int{}
		part[0] = number(b[:4])
		for i := 1; 2+2*i < len(b); i++ {
			part[i] = number(b[2+2*i : 4+2*i])
		}
		if t, ok := civil(part[0], part[1], part[2], part[3], part[4], part[5]); ok {
			return t, nil
		}
		if strings.Trim(string(b), "0") != "" { // no such day: Unix time of 1970, 1980 or 5138 is not meant
			return time.Time{}, &badValue{"time", "number"}
		}
	}
	return unixTime(b)
}

// unixTime parses seconds, or milliseconds if there are too many digits for seconds.
func unixTime(text []byte) (time.Time, *badValue) {
	n, bad := parseInt(text)
	switch {
	case bad != nil || n < 0 || n > 1e14:
		return time.Time{}, &badValue{"time", "number"}
	case n == 0:
		return time.Time{}, nil
	case n < 1e11:
		return time.Unix(n, 0).In(CST), nil
	}
	return time.UnixMilli(n).In(CST), nil
}
