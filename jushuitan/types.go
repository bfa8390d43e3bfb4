package jushuitan

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// CommaList is a list that is sent as one string, "a,b,c". It is decoded from a JSON array
// as well, since sources differ about some fields.
type CommaList []string

// MarshalJSON returns "a,b,c" as a JSON string.
func (l CommaList) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.Join(l, ","))
}

// UnmarshalJSON decodes "a,b,c", ["a","b"], a number, "" or null.
func (l *CommaList) UnmarshalJSON(data []byte) error {
	*l = nil
	text := strings.TrimSpace(string(data))
	switch {
	case text == "" || text == "null":
		return nil
	case text[0] == '{':
		return errors.New("want a list or text with commas, got an object")
	case text[0] == '[':
		return l.addItems(data)
	case len(text) > 1 && text[0] == '"' && strings.IndexAny(text[1:], `\"`) == len(text)-2 && utf8.ValidString(text):
		text = text[1 : len(text)-1]
	case text[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		text = s
	}
	*l = make(CommaList, 0, min(64, 1+strings.Count(text, ",")))
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	if len(*l) == 0 {
		*l = nil
	}
	return nil
}

// addItems adds the items of a JSON array.
func (l *CommaList) addItems(array []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(array, &items); err != nil {
		return err
	}
	for _, item := range items {
		var part CommaList
		if err := part.UnmarshalJSON(item); err != nil {
			return err
		}
		*l = append(*l, part...)
	}
	return nil
}

// String returns "a,b,c".
func (l CommaList) String() string { return strings.Join(l, ",") }
