package jushuitan

import (
	"encoding/json"
	"errors"
	"strings"
)

// CommaList is a list that the wire carries as one text, "a,b,c". It also reads
// a JSON array, since sources differ about some fields.
type CommaList []string

// MarshalJSON writes "a,b,c".
func (l CommaList) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.Join(l, ","))
}

// UnmarshalJSON reads "a,b,c", ["a","b"], a number, "" or null.
func (l *CommaList) UnmarshalJSON(data []byte) error {
	*l = nil
	text := strings.TrimSpace(string(data))
	switch {
	case text == "" || text == "null":
		return nil
	case text[0] == '{':
		return errors.New("want a list or text with commas, got an object")
	case text[0] == '[':
		var items []json.RawMessage
		if err := json.Unmarshal(data, &items); err != nil {
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
	case text[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		text = s
	}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

// String is "a,b,c".
func (l CommaList) String() string { return strings.Join(l, ",") }
