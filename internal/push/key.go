package push

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A Message is a push whose members can be read by their wire names.
type Message interface {
	// AppendMember appends the value of a member as text: nothing where it is missing,
	// 0 for a number that is. line is the line's index, or [Whole].
	AppendMember(b []byte, line int, name string) []byte
	// Lines is the number of lines.
	Lines() int
}

// Whole is the line of a member that is the message's own.
const Whole = -1

// AppendPart appends a text and its length: so no two lists of parts are alike.
func AppendPart[T string | []byte](b []byte, part T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// AppendKey appends the dedupe key of a message, or nothing for a kind without one.
func (k *Kind) AppendKey(b []byte, m Message) []byte { return k.appendKey(b, m, asItIs) }

// AppendOpposite appends the key of the message that this one undoes, or nothing
// where there is none.
func (k *Kind) AppendOpposite(b []byte, m Message) []byte {
	if k.Opposite.Member == "" {
		return b
	}
	return k.appendKey(b, m, turned)
}

// AppendDocument appends what a message of a kind that recurs is about, or nothing for
// others.
func (k *Kind) AppendDocument(b []byte, m Message) []byte {
	if !k.Recurs {
		return b
	}
	return k.appendKey(b, m, leftOut)
}

// What becomes of the opposite's member.
type opposite int

const (
	asItIs opposite = iota
	turned
	leftOut
)

func (k *Kind) appendKey(b []byte, m Message, o opposite) []byte {
	for _, part := range k.Key {
		if o == asItIs || part[0] != k.Opposite.Member {
			b = part.append(b, m, Whole)
			continue
		}
		if o == turned {
			start := len(b)
			b = m.AppendMember(b, Whole, part[0])
			now := string(b[start:])
			b = AppendPart(b[:start], k.Opposite.of(now))
		}
	}
	if k.Lines != nil {
		b = k.appendLines(b, m)
	}
	return b
}

// of is the other value; that of a value which is neither is the first.
func (o Opposite) of(value string) string {
	if value == o.Values[0] {
		return o.Values[1]
	}
	return o.Values[0]
}

// append appends the member that counts, with its length.
func (p Part) append(b []byte, m Message, line int) []byte {
	start := len(b)
	b = append(b, 0) // the length, of a value shorter than 128 bytes
	for i, name := range p {
		b = b[:start+1]
		if len(p) > 1 {
			b = append(b, name[0])
		}
		from := len(b)
		b = m.AppendMember(b, line, name)
		if value := b[from:]; i == len(p)-1 || len(value) > 0 && string(value) != "0" {
			break
		}
	}
	n := uint64(len(b) - start - 1)
	if n < 0x80 {
		b[start] = byte(n)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	return slices.Replace(b, start, start+1, length[:binary.PutUvarint(length[:], n)]...)
}

// appendLines appends the lines, sorted. The last part of each goes without its
// length, as the line has one.
func (k *Kind) appendLines(b []byte, m Message) []byte {
	start := len(b)
	lines := make([][2]int, 0, 8) // from and to
	for line := range m.Lines() {
		from := len(b)
		for i, part := range k.Lines {
			if i < len(k.Lines)-1 {
				b = part.append(b, m, line)
			} else {
				b = m.AppendMember(b, line, part[0])
			}
		}
		lines = append(lines, [2]int{from, len(b)})
	}
	text := b
	slices.SortFunc(lines, func(x, y [2]int) int { return bytes.Compare(text[x[0]:x[1]], text[y[0]:y[1]]) })
	end := len(b)
	for _, line := range lines {
		b = AppendPart(b, b[line[0]:line[1]])
	}
	return append(b[:start], b[end:]...)
}
