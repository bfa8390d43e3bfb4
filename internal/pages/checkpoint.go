package pages

import (
	"maps"
	"time"
)

// CheckpointVersion is that of the form of [Checkpoint].
const CheckpointVersion = 1

// Checkpoint is how far a stream is committed. The services declare it for their
// users, field by field.
type Checkpoint struct {
	Version int    // of this form
	Stream  string // name of the stream

	Cursor int64     // row version up to which all is committed
	Time   time.Time // or time up to which all is committed
	Until  time.Time // end of the stream's time range

	Done map[string]int64 // rows committed beyond, by key, with their version or time
}

func (c *Checkpoint) commit(key string, mark int64) {
	if c.Done == nil {
		c.Done = map[string]int64{}
	}
	c.Done[key] = mark
}

func (c *Checkpoint) committed(key string, mark int64) bool {
	done, ok := c.Done[key]
	return ok && done == mark
}

// passVersion notes that all rows below a version are committed.
func (c *Checkpoint) passVersion(version int64) {
	c.Cursor = version
	maps.DeleteFunc(c.Done, func(_ string, v int64) bool { return v < version })
}

// passTime notes that all rows of a time range are committed. Rows of its last second
// are met again in the next; inside are rows that are not, whatever their mark.
func (c *Checkpoint) passTime(end time.Time, inside map[string]struct{}) {
	c.Time = end
	last := end.Truncate(time.Second).UnixMilli()
	maps.DeleteFunc(c.Done, func(key string, mark int64) bool {
		_, done := inside[key]
		return done || mark < last
	})
}

// accept checks that a checkpoint is of this stream.
func (p *Pages[Req, Reply, Row]) accept(from Checkpoint, byTime bool) error {
	switch {
	case from.Version > CheckpointVersion:
		return p.invalid("the checkpoint is of version %d, this package knows up to %d", from.Version, CheckpointVersion)
	case from.Stream != "" && from.Stream != p.Name:
		return p.invalid("the checkpoint is of stream %s, not %s", from.Stream, p.Name)
	case byTime && from.Cursor != 0:
		return p.invalid("the checkpoint is of a stream by row version, this one has a time range")
	case !byTime && !from.Time.IsZero():
		return p.invalid("the checkpoint is of a stream with a time range, this one has none")
	}
	return nil
}
