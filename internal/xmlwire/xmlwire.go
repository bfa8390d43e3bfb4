// Package xmlwire encodes Go values as the XML of the Qimen gateway, and decodes it. The
// tokenizer is encoding/xml's; a plan of the Go type, made once, determines the meaning of
// an element.
//
// Its values are those of package wire (int64, string, bool, decimal.Decimal, time.Time,
// slices, structs) with the same tolerance: blanks around a number, an empty element for no
// value, the many forms of a time. A value that is present but cannot be decoded is a
// [wire.FieldError] that names the field, and never becomes zero. Elements that the type
// does not know are kept as JSON in its embedded map, if it has one. A time with the tag
// time:"date" is written as a date.
//
// What a map or an object cannot hold is kept there as well, unless it is vital (see package
// wire): text in place of an object, a map with members of its own. A list
// is read in every shape that systems write: its entries under any name, a single entry
// without an element of its own, texts in elements of their own or directly in the list.
//
// Dangerous input is refused: document types (and with them all entities), processing
// instructions, charsets that the text is not in, deep nesting, and too many elements. See
// [Limits].
package xmlwire

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Limits limit the cost of a document. Zero fields have defaults.
type Limits struct {
	Bytes  int // of the document, 32 MiB
	Depth  int // nesting of elements, 32
	Tokens int // start tags, end tags and texts, 2 million
	Items  int // entries of all lists together, 50,000: an empty one costs little to send, but a struct to keep
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

// Codec encodes and decodes XML. Its zero value has the default limits. It is safe for
// concurrent use and must not be copied.
type Codec struct {
	Limits Limits

	plans sync.Map     // reflect.Type -> *plan
	size  atomic.Int64 // of the last document written: the next one is often similar
}

// SyntaxError means that a document is not well-formed XML or uses a refused feature. It
// never quotes the document.
type SyntaxError struct {
	Offset    int64
	Reason    string
	Truncated bool // the document ends too early
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// Is reports whether target is [io.ErrUnexpectedEOF] for a truncated document.
func (e *SyntaxError) Is(target error) bool {
	return e.Truncated && target == io.ErrUnexpectedEOF
}
