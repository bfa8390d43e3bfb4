package wire

import (
	"errors"
	"time"
)

// FormatStored returns the text that represents a time in storage: RFC 3339 in [CST], or in
// UTC for the last hours of the year 9999, which RFC 3339 cannot express in CST.
func FormatStored(t time.Time) (string, error) {
	if u := t.UTC(); u.Year() < 1 || u.Year() > 9999 {
		return "", errors.New("the year is not between 1 and 9999")
	}
	at := t.Round(0).In(CST)
	if at.Year() > 9999 {
		at = at.UTC()
	}
	return at.Format(time.RFC3339Nano), nil
}

// ParseStored returns the time, in [CST], of a text returned by [FormatStored].
func ParseStored(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errors.New("not a time in the format of RFC 3339") // err quotes the text
	}
	return at.In(CST), nil
}
