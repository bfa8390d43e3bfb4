package pages

import (
	"context"
	"time"
)

// A row gets its version when it is written and becomes visible when that transaction is
// committed: a row with a lower version may appear after one with a higher version. After
// an overlap, all rows below a version that was seen are visible. Therefore the
// checkpoint's cursor stays at rows until they have been read once more after that.

// versions walks a stream by row version.
type versions struct {
	p     *pager
	ctx   context.Context
	s     *stream
	req   any
	yield func(any, error) bool
	begun time.Time // lower bound of the server's time when the walk began
	over  bool      // the consumer has stopped, or there was an error
}

func (p *pager) walkVersions(ctx context.Context, s *stream, req any, yield func(any, error) bool) {
	v := &versions{p: p, ctx: ctx, s: s, req: req, yield: yield}
	v.begun, _, _ = p.server(p.Now())
	// The rows at the cursor are requested again, since others may share its version;
	// committed ones are left out.
	p.follow(ctx, max(s.at.Cursor-1, 0), req, v.moved, v.give)
}

func (v *versions) give(row any, st stamp, n int, err error) bool {
	if err != nil {
		v.over = true
		v.yield(nil, err)
		return false
	}
	v.over = !v.s.pass(entry(st, n), v.p.Version(row), st.key, v.p.Version(row), row, v.yield)
	return !v.over
}

// moved commits what can be committed when all rows below a version have been read.
func (v *versions) moved(version int64) bool {
	at := &v.s.at
	if v.p.Overlap == 0 {
		at.passVersion(version)
		return true
	}
	low, high, _ := v.p.server(v.p.Now())
	visible := at.SeenAt.Add(v.p.Overlap)
	switch {
	case at.Seen <= at.Cursor: // nothing is pending
		at.Seen, at.SeenAt = version, high
	case version < at.Seen: // this walk has not reached it yet
	case !v.begun.Before(visible): // this walk reads them again
		at.passVersion(at.Seen)
		at.Seen, at.SeenAt = version, high
	case !low.Before(visible):
		v.p.follow(v.ctx, max(at.Cursor-1, 0), v.req, func(version int64) bool { return version < at.Seen }, v.give)
		if v.over {
			return false
		}
		at.passVersion(at.Seen)
		at.Seen, at.SeenAt = version, high
	}
	return true
}
