package qimen

import (
	"bytes"
	"encoding/binary"
	"mime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

// This file turns the bytes that systems send, in answers and in messages, into XML or JSON
// that the readers accept.

// trimBOM removes white space and byte order marks before a text.
func trimBOM(body []byte) []byte { return xmlwire.TrimBOM(body) }

// utf8Of returns a body in UTF-8. Whether it is GBK is decided by its bytes: a text that
// declares GBK is often UTF-8 all the same, and the reverse. Where they may be either, what the
// text or its Content-Type declares counts.
func utf8Of(body []byte, contentType string) []byte {
	valid := utf8.Valid(body)
	if !valid {
		if text, ok := wire.FromGBK(body); ok {
			return text
		}
	} else if !looksLikeGBK(body) {
		return body
	}
	_, charset := xmlwire.Prolog(body)
	if xmlwire.IsGBK(charset) || charset == "" && xmlwire.IsGBK(charsetOf(contentType)) {
		if text, ok := wire.GBK(body); ok {
			return text
		}
	}
	return body
}

// looksLikeGBK reports whether a text in UTF-8 has characters of two bytes and none longer: that
// may be one or two Chinese characters in GBK, while Chinese in UTF-8 is longer.
func looksLikeGBK(text []byte) bool {
	found := false
	for _, c := range text {
		if c >= 0xe0 {
			return false
		}
		found = found || c >= utf8.RuneSelf
	}
	return found
}

// charsetOf returns the charset of a Content-Type, in lower case.
func charsetOf(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	return strings.ToLower(params["charset"])
}

// clean removes control characters, which some systems send although no format allows
// them. In XML it removes those that are written as references as well, and joins the two
// references of a surrogate pair.
func clean(body []byte) []byte {
	bad := func(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }
	if i := control(body, bad); i >= 0 {
		out := append(make([]byte, 0, len(body)), body[:i]...)
		for _, c := range body[i:] {
			if !bad(c) {
				out = append(out, c)
			}
		}
		body = out
	}
	if text := trimBOM(body); len(text) > 0 && text[0] == '<' && bytes.Contains(text, []byte("&#")) {
		return cleanReferences(text)
	}
	return body
}

// control returns the index of the first byte that is bad, or -1. Eight bytes at a time are
// known to hold no control character at all.
func control(body []byte, bad func(byte) bool) int {
	const low, high = 0x2020202020202020, 0x8080808080808080
	i := 0
	for ; i+8 <= len(body); i += 8 {
		if w := binary.LittleEndian.Uint64(body[i:]); (w-low)&^w&high == 0 {
			continue
		}
		for j, c := range body[i : i+8] {
			if bad(c) {
				return i + j
			}
		}
	}
	for ; i < len(body); i++ {
		if bad(body[i]) {
			return i
		}
	}
	return -1
}

// cleanReferences rewrites the character references of a document that XML does not allow.
// What is inside a CDATA section is no reference.
func cleanReferences(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		i := bytes.IndexByte(text, '&')
		if data := bytes.Index(text, []byte("<![CDATA[")); data >= 0 && (i < 0 || data < i) {
			end := bytes.Index(text[data:], []byte("]]>"))
			if end < 0 {
				break
			}
			out, text = append(out, text[:data+end]...), text[data+end:]
			continue
		}
		if i < 0 {
			break
		}
		out, text = append(out, text[:i]...), text[i:]
		out, text = cleanReference(out, text)
	}
	return append(out, text...)
}

// cleanReference appends what the & at the beginning of a text stands for, and returns the rest
// of the text. A pair of surrogates becomes its character, and a reference to a control
// character nothing.
func cleanReference(out, text []byte) (cleaned, rest []byte) {
	r, n := reference(text)
	switch {
	case n == 0: // not a character reference
		return append(out, '&'), text[1:]
	case r >= 0xd800 && r < 0xdc00:
		if low, m := reference(text[n:]); m > 0 && low >= 0xdc00 && low < 0xe000 {
			return utf8.AppendRune(out, 0x10000+(r-0xd800)<<10+(low-0xdc00)), text[n+m:]
		}
		out = utf8.AppendRune(out, utf8.RuneError)
	case r >= 0xdc00 && r < 0xe000, r > unicode.MaxRune:
		out = utf8.AppendRune(out, utf8.RuneError)
	case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xfffe, r == 0xffff:
	default:
		out = append(out, text[:n]...)
	}
	return out, text[n:]
}

// reference reads the character reference at the beginning of a text, and returns its length,
// 0 if there is none.
func reference(text []byte) (rune, int) {
	end := bytes.IndexByte(text[:min(len(text), 16)], ';')
	if end < 4-1 || text[0] != '&' || text[1] != '#' {
		return 0, 0
	}
	digits, base := string(text[2:end]), 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 31)
	if err != nil {
		return 0, 0
	}
	return rune(n), end + 1
}

// isBlank reports whether a value is empty or only white space as Java defines it, which the
// official client neither signs nor sends.
func isBlank(value string) bool {
	for _, r := range value {
		switch {
		case r >= '\t' && r <= '\r', r >= 0x1c && r <= 0x1f:
		case r == 0xa0, r == 0x2007, r == 0x202f, !unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp): // no-break spaces are text
			return false
		}
	}
	return true
}
