package wire

import (
	jsonv1 "encoding/json"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// A Reader reads a value member by member, without reflection, which is several
// times as fast for a type that comes often. What it reads is what [Unmarshal]
// reads into the same type, whether of the documented kind or not. It fails at
// whatever is out of the ordinary: then [Unmarshal] reads it, or says what is wrong.
type Reader struct{ dec *jsontext.Decoder }

// ErrNotPlain is what a [Reader] says to what it leaves to [Unmarshal].
var ErrNotPlain = errors.New("wire: not plain")

// Read reads the whole text into out with the function.
func Read[T any](text []byte, out *T, read func(Reader, *T) error) error {
	return json.Unmarshal(text, &reading[T]{out, read}, lenientText)
}

type reading[T any] struct {
	out  *T
	read func(Reader, *T) error
}

func (r *reading[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return r.read(Reader{dec}, r.out)
}

// Object reads an object. The function gets the name of each member, which is good
// until it reads the value, as it must.
func (r Reader) Object(member func(name []byte) error) error {
	if r.dec.PeekKind() != '{' {
		return ErrNotPlain
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := member(name[1 : len(name)-1]); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken() // the end, or what is wrong
	return err
}

// ReadSlice reads an array, or null, and each element with the function.
func ReadSlice[T any](r Reader, out *[]T, element func(Reader, *T) error) error {
	if *out != nil {
		return ErrNotPlain // a duplicate
	}
	switch r.dec.PeekKind() {
	case 'n':
		return r.Skip()
	case '[':
	default:
		return ErrNotPlain
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	s := []T{}
	for {
		switch r.dec.PeekKind() {
		case ']', jsontext.KindInvalid:
			*out = s
			_, err := r.dec.ReadToken() // the end, or what is wrong
			return err
		}
		var zero T
		s = append(s, zero)
		if err := element(r, &s[len(s)-1]); err != nil {
			return err
		}
	}
}

// Int reads an integer.
func (r Reader) Int(n *int64) error { return unmarshalInt(r.dec, n) }

// Text reads a text.
func (r Reader) Text(s *string) error { return unmarshalString(r.dec, s) }

// Bool reads a flag.
func (r Reader) Bool(b *bool) error { return unmarshalBool(r.dec, b) }

// Time reads a time.
func (r Reader) Time(t *time.Time) error { return unmarshalTime(r.dec, t) }

// Decimal reads a number.
func (r Reader) Decimal(d *decimal.Decimal) error { return unmarshalDecimal(r.dec, d) }

// AtNumber reports whether the next value is a number that is written as one.
func (r Reader) AtNumber() bool { return r.dec.PeekKind() == '0' }

// AtArray reports whether the next value is an array.
func (r Reader) AtArray() bool { return r.dec.PeekKind() == '[' }

// Skip leaves a value out.
func (r Reader) Skip() error { return r.dec.SkipValue() }

// Extra keeps a member that the type does not know.
func (r Reader) Extra(name []byte, extra *map[string]jsonv1.RawMessage) error {
	if !isPlain(name) {
		return ErrNotPlain
	}
	key := string(name)
	if _, twice := (*extra)[key]; twice {
		return ErrNotPlain
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	if *extra == nil {
		*extra = map[string]jsonv1.RawMessage{}
	}
	var text []byte = v.Clone() // the two names are one type from Go 1.27 on
	(*extra)[key] = text
	return nil
}
