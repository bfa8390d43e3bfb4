package jushuitan

import (
	"slices"
	"time"
)

// Effect says what a call does to the merchant's data, and so when it may be
// sent again after its answer was lost.
type Effect int

// The effects.
const (
	// Unsafe writes and is not sent again once the server may have received it.
	Unsafe Effect = iota
	// Read changes nothing.
	Read
	// Keyed writes under a key of the caller's (such as shop_id + so_id), so that
	// a repeat changes nothing more.
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
	Service    string   // Orders: the service of [Client] that has it
	Method     string   // Query
	Title      string   // 订单查询
	TitleEN    string
	Doc        string // page of the official documentation, where known
	Confidence string // of the known facts: high, medium or low

	Effect Effect
	Key    []string // of a Keyed operation, the fields that make the key; of a query, those that identify a row
	Why    string   // reason of the effect

	PageMax   int           // most rows a page
	MaxPages  int           // most pages, 0 where no limit is known
	WindowMax time.Duration // longest time range, 0 where no limit is known
	BatchMax  int           // most rows an upload
	Limits    []string

	payload        string    // where the answer is: "", data or data.data
	rows           string    // member of the payload that holds the rows
	nullIsFailure  bool      // code 0 with data null changed nothing
	falseIsFailure bool      // code 0 with data false is a refusal
	window         [2]string // members of the request that make the time range

	// keyed reports whether every document of a request names its key. It is nil
	// where the operation has none.
	keyed func(req any, biz []byte) bool
}

// Name is Service.Method, or the path of an operation without a method.
func (o *Operation) Name() string {
	if o.Service == "" {
		return o.Path
	}
	return o.Service + "." + o.Method
}

// Operations is the table of every operation that this package knows, a copy.
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

// operationAt finds the operation of a path.
func operationAt(path string) *Operation {
	for _, op := range operations {
		if op.Path == path || slices.Contains(op.AltPaths, path) {
			return op
		}
	}
	return nil
}
