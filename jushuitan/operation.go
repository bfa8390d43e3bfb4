package jushuitan

import (
	"slices"
	"time"
)

// Effect states what a call does to the merchant's data, which decides whether it may be
// sent again after its response was lost.
type Effect int

// The effects.
const (
	// Unsafe is a write that is not sent again once the server may have received it.
	Unsafe Effect = iota
	// Read is a call that changes nothing.
	Read
	// Keyed is an idempotent write: it has a key of the caller's (such as shop_id + so_id),
	// so that repeating it changes nothing more.
	Keyed
)

func (e Effect) String() string {
	switch e {
	case Read:
		return "read"
	case Keyed:
		return "keyed"
	default:
		return "unsafe"
	}
}

const day = 24 * time.Hour

// Operation describes one endpoint (接口) of the open API.
type Operation struct {
	Path       string   // /open/orders/single/query
	AltPaths   []string // other paths that public sources name for it
	Group      string   // order
	Service    string   // Orders: the service of [Client] that has the method
	Method     string   // Query
	Title      string   // 订单查询
	TitleEN    string
	Doc        string // page of the official documentation, where known
	Confidence string // how well the facts are attested: high, medium or low

	Effect Effect
	Key    []string // of a Keyed operation the fields of the key; of a query the fields that identify a row
	Why    string   // reason of the effect

	PageMax   int           // maximum number of rows of a page
	MaxPages  int           // maximum number of pages, 0 if unknown
	WindowMax time.Duration // maximum length of a time range, 0 if unknown
	BatchMax  int           // maximum number of rows of an upload call
	Limits    []string

	payload        string    // where the answer is: "", data or data.data
	rows           string    // member of the payload that holds the rows
	falseIsFailure bool      // code 0 with data false is a refusal
	paged          bool      // its rows come in pages or time ranges
	orObject       bool      // one row may stand in place of the list of rows
	rowPayload     bool      // the payload may be one row
	window         [2]string // members of the request that make the time range

	evidence *evidence // of a write
	readBack *readBack // of a write, nil where no query tells

	// keyed reports whether every document of a request names its key. It is nil
	// where the operation has none.
	keyed func(req any, biz []byte) bool
}

// Name returns Service.Method, or the path of an operation without a method.
func (o *Operation) Name() string {
	if o.Service == "" {
		return o.Path
	}
	return o.Service + "." + o.Method
}

// oneRow reports whether one row may stand in place of the list of rows.
func (o *Operation) oneRow() bool { return o.BatchMax > 0 || o.orObject }

// Operations returns a copy of the table of all operations that this package knows.
func Operations() []Operation {
	out := make([]Operation, len(operations))
	for i, op := range operations {
		out[i] = *op
		out[i].AltPaths = slices.Clone(op.AltPaths)
		out[i].Key = slices.Clone(op.Key)
		out[i].Limits = slices.Clone(op.Limits)
	}
	return out
}

// operationAt returns the operation of a path, or nil.
func operationAt(path string) *Operation {
	for _, op := range operations {
		if op.Path == path || slices.Contains(op.AltPaths, path) {
			return op
		}
	}
	return nil
}
