package jushuitan

import (
	"context"
	"iter"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// Checkpoint records how far a stream is committed. It is a plain value: store it as JSON,
// if possible in the transaction that stores the rows. The zero value starts at the
// beginning.
type Checkpoint struct {
	Version int    `json:"version,omitempty"` // version of the checkpoint format
	Stream  string `json:"stream,omitempty"`  // operation and merchant of the stream

	// Filter is a fingerprint of the query; the checkpoint is refused for another one.
	Filter string `json:"filter,omitempty"`
	// From is "now" until a stream that starts now has started, see [FromNow].
	From string `json:"from,omitempty"`

	Cursor int64     `json:"cursor,omitempty"` // row version (行版本) up to which all rows are committed
	Time   time.Time `json:"time,omitzero"`    // or time up to which all rows are committed
	Until  time.Time `json:"until,omitzero"`   // end of the stream's time range

	// Seen is the row version that was read beyond the cursor, and SeenAt the time of that
	// reading by the server's clock: rows with lower versions may become visible until the
	// overlap has passed, see [WithStreamOverlap].
	Seen   int64     `json:"seen,omitempty"`
	SeenAt time.Time `json:"seen_at,omitzero"`

	// Done holds the rows committed beyond Cursor or Time, with their row version or their
	// time in milliseconds: by key and content, in checkpoints of earlier versions by key.
	Done map[string]int64 `json:"done,omitempty"`
}

// FromBeginning returns the checkpoint of a stream that reads all history: the zero
// Checkpoint, under a name that says so.
func FromBeginning() Checkpoint { return Checkpoint{} }

// FromNow returns the checkpoint of a stream that starts now: rows that do not change after
// its first run has begun are left out. By row version, the first run finds the highest
// version by bisection, in about 70 calls. The zero Checkpoint reads all history.
func FromNow() Checkpoint { return Checkpoint{From: pages.FromNow} }

// CheckpointDelta is what the commit of one row changed in a checkpoint. A host with a
// database stores Head in one row and each Entry with its Mark in another, and may delete
// entries whose Mark is lower than Floor. The cost of a commit then does not grow with the
// number of rows in a time range. To restore the checkpoint, set Done of Head to all entries.
type CheckpointDelta struct {
	Head  Checkpoint // without Done
	Entry string
	Mark  int64
	Floor int64
}

// Stream iterates over the rows of a query and resumes after a crash: no committed row is
// returned again, and none is skipped. The row in progress when the process died is returned
// again. Rows without a key may repeat until their time range is committed, since they cannot
// be distinguished.
//
// A row is committed when the loop asks for the next one, or by Commit. A body that
// breaks, returns or panics leaves its row uncommitted; so does an error. A checkpoint
// belongs to the query's filter; a later end of the time range extends the stream.
type Stream[Row any] struct{ stream *pages.Stream[Row] }

// Rows iterates over the rows that are not committed yet. A stream by row version ends when
// there are no newer rows, a stream by time at the server's present; call Rows again later to
// continue.
func (s *Stream[Row]) Rows(ctx context.Context) iter.Seq2[*Row, error] { return s.stream.Rows(ctx) }

// Checkpoint returns how far the stream is committed: all rows before the one in progress,
// and that one after Commit.
func (s *Stream[Row]) Checkpoint() Checkpoint { return Checkpoint(s.stream.Checkpoint()) }

// Commit commits the row in progress before the loop body ends, so that its checkpoint
// can be stored in the transaction that stores the row. If that transaction fails,
// leave the loop and start a new stream from the stored checkpoint.
func (s *Stream[Row]) Commit() { s.stream.Commit() }

// Delta returns what the last commit changed; call it after Commit. Its Entry is empty if no row
// was committed. The row in progress when a loop is left is not committed.
func (s *Stream[Row]) Delta() CheckpointDelta {
	d := s.stream.Delta()
	return CheckpointDelta{Head: Checkpoint(d.Head), Entry: d.Entry, Mark: d.Mark, Floor: d.Floor}
}
