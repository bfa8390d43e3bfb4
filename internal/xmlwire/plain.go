package xmlwire

import (
	"bytes"
	"encoding/xml"
	"io"
	"unicode/utf8"
)

// Most of a message is tags without attributes, with ASCII names, around text without
// entities. These are read from the bytes here, in place of [xml.Decoder.RawToken],
// whose tokens cost an allocation or more each. Whatever is not of this plain form, and
// all that breaks a rule or a limit, is left to the tokenizer: what is accepted, and the
// error of what is not, stay its own.

// source is the document, of which the tokenizer takes one byte after the other.
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

// Read is for [io.Reader]; the tokenizer calls ReadByte.
func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.data[s.at:])
	s.at += n
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// offset is the place in the document.
func (d *decoder) offset() int64 { return d.xml.InputOffset() + d.passed }

// rest is what the tokenizer has not looked at. There is nothing while it holds a byte
// back, or the end of an element that is closed by the tag that opens it.
func (d *decoder) rest() []byte {
	at := d.source.at
	if !d.plain || d.offset() != int64(at) || at < 2 || d.source.data[at-1] != '>' || d.source.data[at-2] == '/' {
		return nil
	}
	return d.source.data[at:]
}

// pass goes n bytes on, which hold so many tokens.
func (d *decoder) pass(n, tokens int) {
	d.source.at += n
	d.passed += int64(n)
	d.tokens += tokens
}

// plainStart passes over blanks and a plain tag that opens an element.
func (d *decoder) plainStart() (name string, ok bool) {
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
	name = string(rest[from:n])
	d.open = append(d.open, xml.Name{Local: name})
	d.pass(n+1, tokens)
	return name, true
}

func nameByte(c byte, inside bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || inside && c >= '0' && c <= '9'
}

// plainText passes over the current element, when all that is left of it is plain text
// and the tag that closes it.
func (d *decoder) plainText() ([]byte, bool) {
	rest := d.rest()
	n := bytes.IndexByte(rest, '<')
	last := len(d.open) - 1
	if n < 0 || last < 0 || d.open[last].Space != "" || !plain(rest[:n]) {
		return nil, false
	}
	end, tokens := rest[n+1:], 1
	if n > 0 {
		tokens = 2
	}
	name := d.open[last].Local
	if len(end) < len(name)+2 || end[0] != '/' || string(end[1:len(name)+1]) != name || end[len(name)+1] != '>' ||
		d.tokens+tokens > d.limits.Tokens {
		return nil, false
	}
	d.open = d.open[:last]
	d.pass(n+len(name)+3, tokens)
	return rest[:n], true
}

// plain reports whether the tokenizer returns a text as it stands.
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
