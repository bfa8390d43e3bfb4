package jushuitan

import (
	"context"
	"iter"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// Checkpoint is how far a stream is committed. It is a plain value: store it as JSON,
// in the transaction that stores the rows if there is one. The zero value starts at
// the beginning.
type Checkpoint struct {
	Version int    `json:"version,omitempty"` // of this form
	Stream  string `json:"stream,omitempty"`  // whose it is: operation and merchant

	Cursor int64     `json:"cursor,omitempty"` // row version (行版本) up to which all is committed
	Time   time.Time `json:"time,omitzero"`    // or time up to which all is committed
	Until  time.Time `json:"until,omitzero"`   // end of the stream's time range

	// Done are the rows committed beyond, by key, with their version or time.
	Done map[string]int64 `json:"done,omitempty"`
}

// Stream goes through the rows of a query and can be resumed after a crash: no
// committed row is given again and none is passed over. The row that was in the
// loop body when the process died is given again.
//
// A row is committed when the loop asks for the next one. A body that breaks,
// returns or panics leaves its row uncommitted; so does an error.
type Stream[Row any] struct{ stream *pages.Stream[Row] }

// Rows goes through the rows that are not committed yet. A stream by row version
// ends when nothing newer comes; call it again later to go on.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] { return s.stream.Rows(ctx) }

// Checkpoint is how far the stream is: all rows before the one in progress.
func (s *Stream[Row]) Checkpoint() Checkpoint { return Checkpoint(s.stream.Checkpoint()) }
