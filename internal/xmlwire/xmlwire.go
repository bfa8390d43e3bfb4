// Package xmlwire turns Go values into the XML that the Qimen gateway carries, and
// such XML into Go values. The tokenizer is encoding/xml's; what an element means
// comes from a plan of the Go type, made once.
//
// Its values are those of package wire (int64, string, bool, decimal.Decimal,
// time.Time, slices, structs) with the same tolerance: blanks around a number, an
// empty element for none, the many forms of a time. A value that carries
// something but cannot be read is a [wire.FieldError] that names its path, never
// a zero. Elements that the type does not know are kept as JSON in its embedded
// map, where it has one. Of a time with the tag time:"date" the day is written.
//
// What an attacker could use is refused: document types (and with them entities
// of any kind), processing instructions, other charsets than UTF-8, deep nesting,
// floods of elements. See [Limits].
package xmlwire

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Limits bound what a document may cost. Zero members have the defaults.
type Limits struct {
	Bytes  int // of the document, 32 MiB
	Depth  int // of elements in one another, 32
	Tokens int // elements, their ends and texts, 2 million
	Items  int // entries of all lists together, 50,000: an empty one costs little to send and a struct to keep
}

func (l Limits) withDefaults() Limits {
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&l.Bytes, 32<<20)
	def(&l.Depth, 32)
	def(&l.Tokens, 2_000_000)
	def(&l.Items, 50_000)
	return l
}

// Codec reads and writes XML. Its zero value has the default limits. It is safe
// for many goroutines and must not be copied.
type Codec struct {
	Limits Limits

	plans sync.Map     // reflect.Type -> *plan
	size  atomic.Int64 // of the last document written: the next is often like it
}

// SyntaxError says that a document is not well-formed XML, or uses what is
// refused. It never shows any of it.
type SyntaxError struct {
	Offset    int64
	Reason    string
	Truncated bool // the document ends too early
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// Is reports a cut document as [io.ErrUnexpectedEOF].
func (e *SyntaxError) Is(target error) bool {
	return e.Truncated && target == io.ErrUnexpectedEOF
}
