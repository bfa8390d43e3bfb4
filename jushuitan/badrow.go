package jushuitan

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/redact"
)

// BadRow is a row of a response with a key, an amount, a quantity, a flag, a time or a
// status that cannot be decoded. Such a row is never returned with a zero in its place:
// it is left out of the page.
type BadRow struct {
	Op       string // Orders.Query
	Merchant string
	Index    int             // index of the row in the response
	Key      string          // key of the row, as far as it can be decoded
	Path     string          // data.orders[3].pay_amount
	Raw      json.RawMessage `pii:"true"` // the row as received
	Err      error           // expected and actual kind of the value
}

// Format prints the row without its data.
func (r BadRow) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue returns the row for slog, without its data.
func (r BadRow) LogValue() slog.Value { return redact.LogValue(r) }

// BadRowsError lists the rows that were left out of a page. The page with all other rows
// is returned beside it; an iterator ends with it. errors.Is finds [ErrDecode] in it. To
// continue without these rows, handle them in [WithOnBadRow].
type BadRowsError struct {
	Op       string
	Merchant string
	Rows     []BadRow
}

// Error names the first rows, without their data.
func (e *BadRowsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "jushuitan: %s: cannot decode %d rows of the page", e.Op, len(e.Rows))
	if e.Merchant != "" {
		fmt.Fprintf(&b, " of merchant %q", e.Merchant)
	}
	for i, row := range e.Rows {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Rows)-i)
			break
		}
		fmt.Fprintf(&b, "; row %d: %v", row.Index, row.Err)
	}
	b.WriteString("; the other rows are returned; set WithOnBadRow to handle such rows / 这些行无法解析，其余行已返回；可用 WithOnBadRow 处理后继续")
	return b.String()
}

// Unwrap returns [ErrDecode].
func (e *BadRowsError) Unwrap() error { return ErrDecode }

// WithOnBadRow calls f for each row that cannot be decoded and continues without it:
// pages are returned without an error, iterators go on, and checkpoints pass the row.
// Without this option a page with such a row comes with a [*BadRowsError]. A row of a query
// that is null has nothing to decode: it is left out in either case, and also reported to
// [WithOnDrift] and as NullRows of [Attempt]. f may be called from several goroutines.
func WithOnBadRow(f func(BadRow)) Option {
	return func(s *settings) error {
		if f == nil {
			return errors.New("WithOnBadRow: nil")
		}
		s.onBadRow = f
		return nil
	}
}

// badRows reports the rows that were left out: to the function that handles them, or else
// as an error. Null rows are an error in the answer to a write only, where they may stand
// for a refusal.
func (k *oneCall) badRows() error {
	handle := k.onBadRow()
	var rows []BadRow
	for _, bad := range k.bad {
		if bad.Null() && handle == nil && k.op.Effect == Read {
			continue
		}
		rows = append(rows, BadRow{
			Op: k.op.Name(), Merchant: k.merchant, Index: bad.Index, Key: pages.RawKey(bad.Raw, k.op.Key...), Path: bad.Err.Path,
			Raw: bad.Raw, Err: bad.Err,
		})
	}
	if len(rows) > 0 && handle == nil {
		return &BadRowsError{Op: k.op.Name(), Merchant: k.merchant, Rows: rows}
	}
	for _, row := range rows {
		handle(row)
	}
	return nil
}

// onBadRow returns the function for rows that cannot be decoded, or nil.
func (c *Client) onBadRow() func(BadRow) {
	if c.options.badRow != nil {
		return c.options.badRow
	}
	return c.core.onBadRow
}
