package pages

import (
	"maps"
	"strconv"
	"time"
)

// CheckpointVersion is the version of the format of [Checkpoint].
const CheckpointVersion = 1

// FromNow is the start of a stream that leaves out all earlier rows.
const FromNow = "now"

// Checkpoint is how far a stream is committed. Each service declares it again for its
// users, field by field.
type Checkpoint struct {
	Version int    // version of this format
	Stream  string // name of the stream
	Filter  string // fingerprint of the query
	From    string // FromNow until the stream has started

	Cursor int64     // row version up to which everything is committed
	Time   time.Time // or time up to which everything is committed
	Until  time.Time // end of the stream's time range

	Seen   int64     // highest row version seen beyond the cursor
	SeenAt time.Time // by the server's clock

	// Done holds the rows committed beyond that, with their version or their time in
	// milliseconds. Its names are entries; earlier formats stored keys.
	Done map[string]int64
}

// Delta is what the commit of a row changed in the checkpoint.
type Delta struct {
	Head  Checkpoint // without Done
	Entry string     // of Done
	Mark  int64      // its value
	Floor int64      // entries with a lower mark are no longer needed
}

// entry returns the name of a committed row, made of its key and content, so that it
// matches neither another row with that key nor the same row after a change. n numbers rows
// without a key that have the same content.
func entry(s stamp, n int) string {
	name := s.key + "#" + strconv.FormatUint(s.id>>12, 36)
	if n > 1 {
		name += "*" + strconv.Itoa(n)
	}
	return name
}

func (c *Checkpoint) commit(entry string, mark int64) {
	if c.Done == nil {
		c.Done = map[string]int64{}
	}
	c.Done[entry] = mark
}

// committed reports whether a row is committed; key and old are what earlier formats
// stored.
func (c *Checkpoint) committed(entry, key string, old int64) bool {
	if _, ok := c.Done[entry]; ok {
		return true
	}
	mark, ok := c.Done[key]
	return ok && mark == old && key != ""
}

// passVersion records that all rows below a version are committed.
func (c *Checkpoint) passVersion(version int64) {
	c.Cursor = version
	c.forget()
}

// passTime records that all rows up to a time are committed. Rows of its last second are
// returned again by the next range.
func (c *Checkpoint) passTime(end time.Time) {
	c.Time = end
	c.forget()
}

func (c *Checkpoint) forget() {
	floor := c.floor()
	maps.DeleteFunc(c.Done, func(_ string, mark int64) bool { return mark < floor })
}

func (c *Checkpoint) floor() int64 {
	if !c.Time.IsZero() {
		return c.Time.Truncate(time.Second).UnixMilli()
	}
	return c.Cursor
}

// accept checks that a checkpoint belongs to this stream.
func (p *pager) accept(from Checkpoint, byTime bool, filter string) error {
	switch {
	case from.Version > CheckpointVersion:
		return p.invalid("the checkpoint is of version %d, this package knows up to %d", from.Version, CheckpointVersion)
	case from.Stream != "" && from.Stream != p.Name:
		return p.invalid("the checkpoint is of stream %s, not %s", from.Stream, p.Name)
	case from.Filter != "" && from.Filter != filter:
		return p.invalid("the checkpoint is of a query with another filter: start a stream of its own / 断点属于筛选条件不同的查询")
	case byTime && from.Cursor != 0:
		return p.invalid("the checkpoint is of a stream by row version, this one has a time range")
	case !byTime && !from.Time.IsZero():
		return p.invalid("the checkpoint is of a stream with a time range, this one has none")
	case from.From != "" && from.From != FromNow:
		return p.invalid("the checkpoint starts from %q, which this package does not know", from.From)
	}
	return nil
}
