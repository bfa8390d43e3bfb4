package jushuitan

import (
	"strings"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// repeatable reports whether a call may be sent again after its answer was lost.
// A keyed write may if every document in it names its key: one that leaves its key
// out would be stored a second time.
func (o *Operation) repeatable(req any, biz []byte) bool {
	switch o.Effect {
	case Read:
		return true
	case Keyed:
		return o.keyed == nil || o.keyed(req, biz) // nil: the caller said AsKeyed
	default:
		return false
	}
}

// Repeatable reports whether a call with this request, or with its JSON, may be sent again
// although it may have been applied: a query, or a [Keyed] write of which every document names
// its key, so that a repeat changes nothing more.
func (o *Operation) Repeatable(request any) bool {
	biz, err := wire.Marshal(request)
	return err == nil && o.repeatable(request, biz)
}

// keyed is a request, or one row of it, that reports whether it names its key. The
// methods are generated from the catalog.
type keyed[T any] interface {
	*T
	keyed() bool
}

// keyedRequest decides for operations whose biz is an object. Requests of other
// types, which [Client.Call] sends, are judged by their JSON text.
func keyedRequest[T any, P keyed[T]](req any, biz []byte) bool {
	r, ok := req.(P)
	if !ok {
		r = new(T)
		if wire.Unmarshal(biz, r) != nil {
			return false
		}
	}
	return r != nil && r.keyed()
}

// keyedRows decides for operations whose biz is a list.
func keyedRows[T any, P keyed[T]](req any, biz []byte) bool {
	rows, ok := req.([]T)
	if !ok && wire.Unmarshal(biz, &rows) != nil {
		return false
	}
	for i := range rows {
		if !P(&rows[i]).keyed() {
			return false
		}
	}
	return true
}

// blank reports whether a text of a key names nothing.
func blank(s string) bool { return strings.TrimSpace(s) == "" }
