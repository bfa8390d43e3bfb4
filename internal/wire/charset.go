package wire

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// FromGBK returns a text in GBK (or its superset GB 18030) as UTF-8. It returns false if
// the text is UTF-8, has more UTF-8 characters than invalid bytes, as a text with a damaged
// character does, or is neither.
func FromGBK(text []byte) ([]byte, bool) {
	good, bad := 0, 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n >= 3: // GBK often looks like two bytes of UTF-8, but hardly ever like three
			good++
		}
		i += n
	}
	if bad <= good {
		return nil, false
	}
	return GBK(text)
}

// GBK decodes a text in GBK (or GB 18030) as UTF-8. It returns false if it is not in GBK.
func GBK(text []byte) ([]byte, bool) {
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	return out, err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}
