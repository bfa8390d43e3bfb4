package xmlwire

import (
	"bytes"
	"strings"
)

// Prolog returns the length of what may stand before the root element of a document: white
// space, byte order marks, comments and the declaration, in any order. It also returns the
// charset that the declaration names, in lower case.
func Prolog(text []byte) (length int, charset string) {
	at := 0
	for {
		at += len(text[at:]) - len(TrimBOM(text[at:]))
		opens, ends := "<?xml", "?>"
		if bytes.HasPrefix(text[at:], []byte("<!--")) {
			opens, ends = "<!--", "-->"
		}
		end := bytes.Index(text[at:], []byte(ends))
		if !bytes.HasPrefix(text[at:], []byte(opens)) || end < 0 || bytes.HasPrefix(text[at:], []byte("<?xml-")) {
			return at, charset
		}
		if opens == "<?xml" {
			charset = charsetOf(string(text[at : at+end]))
		}
		at += end + len(ends)
	}
}

// TrimBOM returns a text without white space and byte order marks at its beginning.
func TrimBOM(text []byte) []byte {
	for {
		rest := bytes.TrimPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("\xef\xbb\xbf"))
		if len(rest) == len(text) {
			return text
		}
		text = rest
	}
}

// charsetOf returns the charset that a declaration names.
func charsetOf(declaration string) string {
	_, value, _ := strings.Cut(declaration, "encoding")
	value = strings.TrimLeft(value, " \t\r\n=")
	if value == "" {
		return ""
	}
	name, _, _ := strings.Cut(value[1:], value[:1])
	return strings.ToLower(strings.TrimSpace(name))
}

// ReadableCharset reports whether a document that declares a charset may be read as UTF-8. Callers
// have converted a text in GBK, see [wire.FromGBK]; systems that declare UTF-16 send UTF-8.
func ReadableCharset(charset string) bool {
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf16", "utf-16le", "utf-16be", "unicode":
		return true
	}
	return IsGBK(charset)
}

// IsGBK reports whether a charset, in lower case, is GBK, its subset or its superset.
func IsGBK(charset string) bool {
	return charset == "gbk" || charset == "gb2312" || charset == "gb18030"
}
