package push

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// A Message is a push whose members can be read by their wire names.
type Message interface {
	// AppendMember appends the value of a member as text: nothing where it is missing,
	// 0 for a number that is. line is the line's index, or [Whole].
	AppendMember(b []byte, line int, name string) []byte
	// Lines is the number of lines.
	Lines() int
	// Unknown returns the unknown members of a line or of the message.
	Unknown(line int) map[string]json.RawMessage
}

// Whole is the line index of a member of the message itself.
const Whole = -1

// AppendPart appends a text and its length, so that different lists of parts differ.
func AppendPart[T string | []byte](b []byte, part T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// AppendRecord appends what names the record of a message, or nothing for a kind without one.
func (k *Kind) AppendRecord(b []byte, m Message) []byte {
	b = appendParts(b, m, k.Record)
	if k.RecordLines {
		b = appendLines(b, m, k.DocumentLines, leftOut)
	}
	return b
}

// AppendDocument appends what tells the document of a message from others of its record.
func (k *Kind) AppendDocument(b []byte, m Message) []byte {
	b = appendParts(b, m, k.Document)
	if !k.RecordLines && k.DocumentLines != nil {
		b = appendLines(b, m, k.DocumentLines, leftOut)
	}
	return b
}

// AppendState appends everything that a message says, in one form for all orders and
// spellings of its members and for all orders of its lines.
func (k *Kind) AppendState(b []byte, m Message) []byte {
	for _, name := range k.Members {
		b = appendMember(b, m, Whole, name)
	}
	form := asWritten
	if unknownSize(m) <= maxCanonical {
		form = canonical
	}
	b = appendExtra(b, m.Unknown(Whole), form)
	if k.LineMembers != nil {
		b = appendLines(b, m, k.LineMembers, form)
	}
	return b
}

// AppendCore appends what is known of a message from the documents of the ERP.
func (k *Kind) AppendCore(b []byte, m Message) []byte {
	for _, name := range k.Core {
		b = appendMember(b, m, Whole, name)
	}
	if k.CoreLines != nil {
		b = appendLines(b, m, k.CoreLines, leftOut)
	}
	return b
}

// Side returns 1 for a message that reports something as received, 2 for one that undoes
// it, and 0 for other kinds.
func (k *Kind) Side(m Message) uint8 {
	if k.Action == "" {
		return 0
	}
	switch string(m.AppendMember(make([]byte, 0, 32), Whole, k.Action)) {
	case k.Received:
		return 1
	case k.Revoked:
		return 2
	}
	return 0
}

// OfAll reports whether a message speaks of all documents of its record, since it has an
// action and names no lines.
func (k *Kind) OfAll(m Message) bool { return k.Action != "" && m.Lines() == 0 }

func appendParts(b []byte, m Message, parts []Part) []byte {
	for _, part := range parts {
		b = part.append(b, m, Whole)
	}
	return b
}

// append appends the member that counts, with its length.
func (p Part) append(b []byte, m Message, line int) []byte {
	return appendSized(b, func(b []byte) []byte {
		start := len(b)
		for i, name := range p {
			b = b[:start]
			if len(p) > 1 {
				b = append(b, name[0])
			}
			from := len(b)
			b = m.AppendMember(b, line, name)
			if value := b[from:]; i == len(p)-1 || len(value) > 0 && string(value) != "0" {
				break
			}
		}
		return b
	})
}

func appendMember(b []byte, m Message, line int, name string) []byte {
	return sized(m.AppendMember(append(b, 0), line, name), len(b))
}

// appendSized appends what add appends, with its length.
func appendSized(b []byte, add func([]byte) []byte) []byte {
	return sized(add(append(b, 0)), len(b))
}

// sized writes the length of what follows the byte at start, which is room for one below 128.
func sized(b []byte, start int) []byte {
	n := uint64(len(b) - start - 1)
	if n < 0x80 {
		b[start] = byte(n)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	return slices.Replace(b, start, start+1, length[:binary.PutUvarint(length[:], n)]...)
}

// spans are the places of the lines in a text.
var spans = sync.Pool{New: func() any { s := make([][2]int, 0, 64); return &s }}

// appendLines appends the number of lines and the lines, sorted.
func appendLines(b []byte, m Message, names []string, extra extraForm) []byte {
	b = binary.AppendUvarint(b, uint64(m.Lines()))
	start := len(b)
	room, _ := spans.Get().(*[][2]int)
	lines := (*room)[:0]
	sorted := true
	for line := range m.Lines() {
		from := len(b)
		for _, name := range names {
			b = appendMember(b, m, line, name)
		}
		if extra != leftOut {
			b = appendExtra(b, m.Unknown(line), extra)
		}
		if n := len(lines); n > 0 {
			sorted = sorted && bytes.Compare(b[lines[n-1][0]:lines[n-1][1]], b[from:]) <= 0
		}
		lines = append(lines, [2]int{from, len(b)})
	}
	if !sorted {
		text := b
		slices.SortFunc(lines, func(x, y [2]int) int { return bytes.Compare(text[x[0]:x[1]], text[y[0]:y[1]]) })
		end := len(b)
		for _, line := range lines {
			b = append(b, b[line[0]:line[1]]...)
		}
		b = append(b[:start], b[end:]...)
	}
	*room = lines
	spans.Put(room)
	return b
}

// extraForm is how unknown members are appended.
type extraForm int

const (
	leftOut   extraForm = iota
	canonical           // in one form for all orders of their members
	asWritten           // of more than maxCanonical bytes, since that form costs many times their length
)

const maxCanonical = 64 << 10

// unknownSize returns the length of all unknown members.
func unknownSize(m Message) (n int) {
	for line := Whole; line < m.Lines(); line++ {
		for _, value := range m.Unknown(line) {
			n += len(value)
		}
	}
	return n
}

// appendExtra appends unknown members by name. Their numbers stay as they are written, since no
// type says what they are.
func appendExtra(b []byte, extra map[string]json.RawMessage, form extraForm) []byte {
	b = binary.AppendUvarint(b, uint64(len(extra)))
	if len(extra) == 0 {
		return b
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		value := jsontext.Value(extra[name])
		if form == canonical {
			value = bytes.Clone(value)
			if value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) != nil {
				value = jsontext.Value(extra[name])
			}
		}
		b = AppendPart(AppendPart(b, name), []byte(value))
	}
	return b
}
