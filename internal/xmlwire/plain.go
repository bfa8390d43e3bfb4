package xmlwire

import (
	"bytes"
	"encoding/xml"
	"io"
	"unicode/utf8"
)

// Most of a message consists of tags without attributes, with ASCII names, around text
// without entities. These are read from the bytes here instead of with
// [xml.Decoder.RawToken], whose tokens cost one or more allocations each. Anything that is
// not of this plain form, or that violates a rule or a limit, is left to the tokenizer,
// which therefore decides what is accepted and which error is returned.

// source is the document, from which the tokenizer reads byte by byte.
type source struct {
	data []byte
	at   int
}

func (s *source) ReadByte() (byte, error) {
	if s.at == len(s.data) {
		return 0, io.EOF
	}
	s.at++
	return s.data[s.at-1], nil
}

// Read implements [io.Reader]; the tokenizer calls ReadByte.
func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.data[s.at:])
	s.at += n
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// offset returns the position in the document.
func (d *decoder) offset() int64 { return d.xml.InputOffset() + d.passed }

// rest returns what the tokenizer has not read. It is empty while the tokenizer holds back
// a byte, or the end of a self-closing element.
func (d *decoder) rest() []byte {
	at := d.source.at
	if !d.plain || d.offset() != int64(at) || at < 2 || d.source.data[at-1] != '>' || d.source.data[at-2] == '/' {
		return nil
	}
	return d.source.data[at:]
}

// pass advances by n bytes, which contain the given number of tokens.
func (d *decoder) pass(n, tokens int) {
	d.source.at += n
	d.passed += int64(n)
	d.tokens += tokens
}

// plainStart skips blanks and a plain start tag. The name is that of a member of the scope, so
// that it need not be copied, if there is one.
func (d *decoder) plainStart(s *scope) (name string, ok bool) {
	rest := d.rest()
	n, tokens := 0, 1
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '\n' || rest[n] == '\t') {
		n, tokens = n+1, 2
	}
	if n >= len(rest) || rest[n] != '<' {
		return "", false
	}
	n++
	from := n
	for n < len(rest) && nameByte(rest[n], n > from) {
		n++
	}
	if n == from || n == len(rest) || rest[n] != '>' || d.tokens+tokens > d.limits.Tokens || len(d.open) == d.limits.Depth {
		return "", false
	}
	name = s.node.nameOf(rest[from:n], s.guess)
	d.open = append(d.open, xml.Name{Local: name})
	d.pass(n+1, tokens)
	return name, true
}

// plainEnd skips blanks and the end tag of the current element.
func (d *decoder) plainEnd() bool {
	rest := d.rest()
	n, tokens := 0, 1
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '\n' || rest[n] == '\t') {
		n, tokens = n+1, 2
	}
	length := d.endTag(rest[n:])
	if length == 0 || d.tokens+tokens > d.limits.Tokens {
		return false
	}
	d.open = d.open[:len(d.open)-1]
	d.pass(n+length, tokens)
	return true
}

// endTag returns the length of the end tag of the current element with which a text begins, 0
// if it begins with anything else.
func (d *decoder) endTag(text []byte) int {
	last := len(d.open) - 1
	if last < 0 || d.open[last].Space != "" {
		return 0
	}
	name := d.open[last].Local
	length := len(name) + len("</>")
	if len(text) < length || text[0] != '<' || text[1] != '/' || string(text[2:length-1]) != name || text[length-1] != '>' {
		return 0
	}
	return length
}

func nameByte(c byte, inside bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || inside && c >= '0' && c <= '9'
}

// plainText skips the rest of the current element if it is only plain text and the end tag.
func (d *decoder) plainText() ([]byte, bool) {
	rest := d.rest()
	n := bytes.IndexByte(rest, '<')
	if n < 0 {
		return nil, false
	}
	tokens := 1
	if n > 0 {
		tokens = 2
	}
	length := d.endTag(rest[n:])
	if length == 0 || d.tokens+tokens > d.limits.Tokens || !plain(rest[:n]) {
		return nil, false
	}
	d.open = d.open[:len(d.open)-1]
	d.pass(n+length, tokens)
	return rest[:n], true
}

// plain reports whether the tokenizer would return a text unchanged.
func plain(text []byte) bool {
	ascii := true
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\t' || c == '&' || c == ']' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.Valid(text) && !bytes.Contains(text, []byte("\uffff")) && !bytes.Contains(text, []byte("\ufffe"))
}
