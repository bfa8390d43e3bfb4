package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// RowResult is the outcome of one row of an upload. Uploads return one RowResult for each
// input row, in input order.
type RowResult[T any] struct {
	Index  int    // index of the row in the input
	Key    string // key of the row, such as its so_id
	Result T      // the server's result for the row
	Err    error  // nil if the server accepted the row
}

// batch describes an upload: how many rows one call takes and how rows are matched to
// results. It is generated from the catalog.
type batch[Req, Item, Reply, Row any] struct {
	op        *Operation
	rows      func(Req) []Item
	with      func(Req, []Item) Req // copy of the request that holds these rows
	key       func(*Item) string
	list      string             // member of the request that holds the rows, "" if biz is the list
	results   func(*Reply) []Row // nil: the server does not report results by row
	resultKey func(*Row) string
}

// upload sends the rows in calls of at most the server's batch size. A failed call does
// not discard the results of the others. Rows that fail the check before sending have
// errors of their own, and the others are sent.
func upload[Req, Item, Reply, Row any](ctx context.Context, c *Client, b *batch[Req, Item, Reply, Row], req Req) ([]RowResult[Row], error) {
	if v := reflect.ValueOf(req); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("jushuitan: %s: the request is nil", b.op.Name())
	}
	whole := &oneCall{Client: c, op: b.op, path: c.pathOf(b.op)}
	items := b.rows(req)
	out := make([]RowResult[Row], len(items))
	for i := range items {
		out[i].Index, out[i].Key = i, b.key(&items[i])
	}
	if err := whole.checkRows(req, b.list, len(items), func(i int, err error) { out[i].Err = err }); err != nil {
		return out, err
	}
	var valid []RowResult[Row]
	var rows []Item
	for i, r := range out {
		if r.Err == nil {
			valid, rows = append(valid, r), append(rows, items[i])
		}
	}
	b.send(ctx, whole, req, rows, valid)
	for _, r := range valid {
		out[r.Index] = r
	}
	var failed []RowError
	for _, r := range out {
		if r.Err != nil {
			failed = append(failed, RowError{Index: r.Index, Key: r.Key, Err: r.Err})
		}
	}
	if failed != nil {
		return out, &BatchError{Op: b.op.Name(), Merchant: c.merchant, Total: len(items), Failed: failed}
	}
	return out, nil
}

// send sends the rows in parts and records the result of each in out. After an error that
// would fail every later part as well, the rest is not sent.
func (b *batch[Req, Item, Reply, Row]) send(ctx context.Context, whole *oneCall, req Req, items []Item, out []RowResult[Row]) {
	c := whole.Client
	var hopeless error
	for from := 0; from < len(items); from += b.op.BatchMax {
		to := min(from+b.op.BatchMax, len(items))
		if hopeless != nil {
			for i := from; i < to; i++ {
				out[i].Err = hopeless
			}
			continue
		}
		k, err := c.newCall(b.op, c.pathOf(b.op), b.with(req, items[from:to:to]))
		var reply *Reply
		if err == nil {
			reply, err = exchange[Reply](ctx, k)
		}
		if err != nil {
			for i := from; i < to; i++ {
				out[i].Err = err
			}
			if stops(ctx, err) {
				hopeless = whole.fail(&Error{Outcome: NotSent, class: classOf(err), cause: fmt.Errorf("not sent because an earlier call of this upload failed: %w", err)})
			}
			continue
		}
		if c.onBadRow() != nil {
			_ = k.badRows() // pair reports that the outcome of the row is unknown
		}
		if b.results != nil && c.core.dryRun == nil {
			b.pair(k, out[from:to], b.results(reply))
		}
	}
}

func classOf(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.class
	}
	return nil
}

// pair assigns to each row of one call its result: by key, in order where several rows
// have the same key, or by position where the results or the row have no key.
func (b *batch[Req, Item, Reply, Row]) pair(k *oneCall, rows []RowResult[Row], answers []Row) {
	if len(k.rows) != len(answers) {
		k.rows = make([]ruling, len(answers)) // the outcome of every row is unknown
	}
	byKey := map[string][]int{}
	keyed := 0
	if b.resultKey != nil {
		for i := range answers {
			key := b.resultKey(&answers[i])
			if strings.Trim(key, "|0") != "" {
				byKey[key] = append(byKey[key], i)
				keyed++
			}
		}
	}
	for i := range rows {
		at := -1
		if left := byKey[rows[i].Key]; len(left) > 0 {
			at, byKey[rows[i].Key] = left[0], left[1:]
		} else if len(answers) == len(rows) && (keyed == 0 || strings.Trim(rows[i].Key, "|0") == "") {
			at = i
		}
		if at < 0 {
			rows[i].Err = k.unknown(k.fail(&Error{Outcome: Unknown, class: ErrDecode, cause: errors.New("the response has no result for this row")}))
			continue
		}
		rows[i].Result = answers[at]
		rows[i].Err = k.rowError(k.rows[at])
	}
}

// rowKey joins the values of a key into one string.
func rowKey(parts ...any) string {
	if len(parts) == 1 {
		switch v := parts[0].(type) {
		case string:
			return v
		case int64:
			return strconv.FormatInt(v, 10)
		}
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return strings.Join(texts, "|")
}

// collectFailures converts a response's list of failed rows to row errors.
func collectFailures[Row any](rows []Row, of func(*Row) (key, msg string)) []RowError {
	var out []RowError
	for i := range rows {
		key, msg := of(&rows[i])
		if msg == "" {
			msg = "rejected without a reason"
		}
		out = append(out, RowError{Index: -1, Key: key, Err: errors.New(msg)})
	}
	return out
}
