package wire

import (
	"encoding/binary"
	"math/bits"
)

// scanner scans JSON text once, byte by byte. It accepts what RFC 8259 does, and invalid
// UTF-8 inside strings.
type scanner struct {
	data  []byte
	at    int
	depth int
}

// maxDepth limits the nesting of values.
const maxDepth = 10_000

// texture describes the bytes of a string.
type texture uint8

const (
	escaped  texture = 1 << iota // it has escapes
	nonASCII                     // it has bytes above 0x7f, which may be invalid UTF-8
)

// syntax returns the error for the next byte, or for an unexpected end.
func (s *scanner) syntax() error {
	return &SyntaxError{Offset: int64(s.at), Truncated: s.at >= len(s.data)}
}

// peek skips blanks and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// end returns an error if anything follows the value.
func (s *scanner) end() error {
	if s.peek(); s.at < len(s.data) {
		return s.syntax()
	}
	return nil
}

const (
	each   = 0x0101010101010101
	high   = 0x8080808080808080
	quotes = '"' * each
	slants = '\\' * each
	blanks = ' ' * each
)

// quoted reads a string and returns the text between the quotes.
func (s *scanner) quoted() (inner []byte, how texture, err error) {
	start, d := s.at+1, s.data
	for i := start; ; {
		i, how = textEnd(d, i, how)
		if i < len(d) && d[i] == '"' {
			s.at = i + 1
			return d[start:i], how, nil
		}
		n := escape(d[i:])
		if n <= 0 {
			s.at = i - n
			return nil, 0, s.syntax()
		}
		how |= escaped
		i += n
	}
}

// textEnd returns the position of the next quote, backslash or control character.
func textEnd(d []byte, i int, how texture) (int, texture) {
	for i+8 <= len(d) {
		w := binary.LittleEndian.Uint64(d[i:])
		q, e := w^quotes, w^slants
		stop := ((q-each)&^q | (e-each)&^e | (w-blanks)&^w) & high
		if stop == 0 {
			if w&high != 0 {
				how |= nonASCII
			}
			i += 8
			continue
		}
		n := bits.TrailingZeros64(stop) >> 3
		if w&high&(1<<(8*n)-1) != 0 {
			how |= nonASCII
		}
		return i + n, how
	}
	return plainEnd(d, i, how)
}

// plainEnd skips plain characters one by one, in the last few bytes.
func plainEnd(d []byte, i int, how texture) (int, texture) {
	for i < len(d) && d[i] != '"' && d[i] != '\\' && d[i] >= ' ' {
		if d[i] >= 0x80 {
			how |= nonASCII
		}
		i++
	}
	return i, how
}

// escape returns the length of the escape at the beginning of d; if it is invalid, the
// result is less than 1: minus the position of the error.
func escape(d []byte) int {
	if len(d) == 0 || d[0] != '\\' {
		return 0
	}
	if len(d) < 2 {
		return -1
	}
	switch d[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		for i := 2; i < 6; i++ {
			if i >= len(d) || !isHex(d[i]) {
				return -i
			}
		}
		return 6
	}
	return -1
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	start, d := s.at, s.data
	first := start
	if d[first] == '-' {
		first++
	}
	i := digits(d, first)
	if i == first || d[first] == '0' && i > first+1 {
		s.at = min(i, first+1)
		return nil, s.syntax()
	}
	if i < len(d) && d[i] == '.' {
		from := i + 1
		if i = digits(d, from); i == from {
			s.at = i
			return nil, s.syntax()
		}
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		from := i + 1
		if from < len(d) && (d[from] == '+' || d[from] == '-') {
			from++
		}
		if i = digits(d, from); i == from {
			s.at = i
			return nil, s.syntax()
		}
	}
	s.at = i
	return d[start:i], nil
}

// digits returns where the digits end that begin at i.
func digits(d []byte, i int) int {
	for i < len(d) && isDigit(d[i]) {
		i++
	}
	return i
}

// literal reads true, false or null.
func (s *scanner) literal(want string) error {
	for i := range len(want) {
		if s.at >= len(s.data) || s.data[s.at] != want[i] {
			return s.syntax()
		}
		s.at++
	}
	return nil
}

// scalar reads a value other than an object or an array, and returns its text; for a
// string, the text between the quotes.
func (s *scanner) scalar(kind byte) (text []byte, how texture, err error) {
	start := s.at
	switch kind {
	case '"':
		return s.quoted()
	case 't':
		err = s.literal("true")
	case 'f':
		err = s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		if kind != '-' && !isDigit(kind) {
			return nil, 0, s.syntax()
		}
		text, err = s.number()
		return text, 0, err
	}
	return s.data[start:s.at], 0, err
}

// open enters an object or array.
func (s *scanner) open() error {
	if s.depth++; s.depth > maxDepth {
		return s.syntax()
	}
	s.at++
	return nil
}

// more moves to the next element of the object or array that ends with the given byte, or
// past its end.
func (s *scanner) more(first bool, end byte) (bool, error) {
	c := s.peek()
	switch {
	case c == end:
		s.at++
		s.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, s.syntax()
	}
	s.at++
	if s.peek() == end {
		return false, s.syntax()
	}
	return true, nil
}

// name reads the name of a member and the colon.
func (s *scanner) name() (name []byte, how texture, err error) {
	if s.peek() != '"' {
		return nil, 0, s.syntax()
	}
	if name, how, err = s.quoted(); err != nil {
		return nil, 0, err
	}
	if s.peek() != ':' {
		return nil, 0, s.syntax()
	}
	s.at++
	return name, how, nil
}

// skip skips the next value.
func (s *scanner) skip() error {
	kind := s.peek()
	if kind != '{' && kind != '[' {
		_, _, err := s.scalar(kind)
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.more(first, kind+2) // ']' and '}' are two after '[' and '{'
		if err != nil || !more {
			return err
		}
		if kind == '{' {
			if _, _, err := s.name(); err != nil {
				return err
			}
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

// raw skips the next value and returns its text.
func (s *scanner) raw() ([]byte, error) {
	s.peek()
	start := s.at
	err := s.skip()
	return s.data[start:s.at], err
}

// blankValue reports whether a value is empty: "", [] or {}.
func blankValue(v []byte) bool {
	return len(v) >= 2 && (v[0] == '"' || v[0] == '[' || v[0] == '{') && len(trimSpace(v[1:len(v)-1])) == 0
}
