package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// RowResult is what became of one row of an upload. The results of an upload are
// in the order of its input, one for each row.
type RowResult[T any] struct {
	Index  int    // of the row in the input
	Key    string // its key, such as the so_id
	Result T      // the server's answer for it
	Err    error  // nil when the server took it
}

// batch is an upload of rows: how many a call takes, and how rows and answers
// pair. It is generated from the catalog.
type batch[Req, Item, Reply, Row any] struct {
	op        *Operation
	rows      func(Req) []Item
	with      func(Req, []Item) Req // the request with these rows in place of its own
	key       func(*Item) string
	results   func(*Reply) []Row // nil: the server does not answer row by row
	resultKey func(*Row) string
	verdict   func(*Row) (ok bool, msg string)
}

// upload sends the rows in calls of the size that the server takes. A failed
// call does not hide the others.
func upload[Req, Item, Reply, Row any](ctx context.Context, c *Client, b *batch[Req, Item, Reply, Row], req Req) ([]RowResult[Row], error) {
	if v := reflect.ValueOf(req); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("jushuitan: %s: the request is nil", b.op.Name())
	}
	whole := &oneCall{Client: c, op: b.op, path: c.pathOf(b.op)}
	if err := whole.check(req); err != nil { // before the first part is sent
		return nil, err
	}
	items := b.rows(req)
	out := make([]RowResult[Row], len(items))
	for i := range items {
		out[i].Index, out[i].Key = i, b.key(&items[i])
	}
	b.send(ctx, whole, req, items, out)
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

// send sends the rows part by part and notes in out what became of each. After an
// error that no later part can escape, the rest is not sent.
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
				hopeless = whole.fail(&Error{Outcome: NotSent, class: classOf(err), cause: fmt.Errorf("not sent, since an earlier call of this upload failed: %w", err)})
			}
			continue
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

// pair gives each row of one call its answer: by key, rows with equal keys in
// turn; by place where the answers or the row carry no key.
func (b *batch[Req, Item, Reply, Row]) pair(k *oneCall, rows []RowResult[Row], answers []Row) {
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
			rows[i].Err = k.fail(&Error{Outcome: Unknown, class: ErrDecode, cause: errors.New("the answer does not mention this row")})
			continue
		}
		rows[i].Result = answers[at]
		if ok, msg := b.verdict(&answers[at]); !ok {
			if msg == "" {
				msg = "refused without a reason"
			}
			rows[i].Err = k.refusedRow(msg)
		}
	}
}

// rowKey writes the values of a key as one text.
func rowKey(parts ...any) string {
	if len(parts) == 1 {
		if s, ok := parts[0].(string); ok {
			return s
		}
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return strings.Join(texts, "|")
}

// saysDone reads a row's message where the server gives no flag: it is empty or
// says that all went well.
func saysDone(msg string) bool {
	switch strings.ToLower(strings.TrimSpace(msg)) {
	case "", "ok", "success", "成功", "执行成功", "操作成功", "上传成功", "保存成功":
		return true
	}
	return false
}

// collectFailures makes row errors of an answer's list of failed rows.
func collectFailures[Row any](rows []Row, of func(*Row) (key, msg string)) []RowError {
	var out []RowError
	for i := range rows {
		key, msg := of(&rows[i])
		if msg == "" {
			msg = "refused without a reason"
		}
		out = append(out, RowError{Index: -1, Key: key, Err: errors.New(msg)})
	}
	return out
}
