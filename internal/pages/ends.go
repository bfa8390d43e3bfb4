package pages

// Info is what an answer says about the pages to come. Zero is not said.
type Info struct {
	HasNext   bool
	KnowsNext bool // the operation documents has_next, so that an absent one is read as false
	Total     int64
	Pages     int64
}

// count returns how many pages there are, 0 when the answer does not say.
func (i Info) count(size int64) int64 {
	if i.Pages > 0 {
		return i.Pages
	}
	if i.Total > 0 && size > 0 {
		return (i.Total + size - 1) / size
	}
	return 0
}

// more reports whether page index, with n rows, is followed by another.
func (i Info) more(index, size int64, n int) bool {
	switch {
	case i.HasNext:
		return true
	case i.count(size) > 0:
		return index < i.count(size)
	case i.KnowsNext:
		return false
	default: // nothing is said: a full page may have one behind it
		return int64(n) >= size
	}
}

// full reports whether more rows than the n of this page may have the same cursor.
func (i Info) full(size int64, n int) bool {
	return n > 0 && (i.HasNext || size > 0 && int64(n) >= size)
}

// follows reports whether a page is followed by another, and makes its request; stuck
// if that were the same page again.
func (q *Query[Req, Reply, Row]) follows(req *Req, last *fetched[Req, Reply]) (more, stuck bool) {
	switch {
	case q.Next != nil:
		return q.Next(req, last.reply)
	case q.Page == nil:
		return false, false
	}
	return q.Info(last.reply).more(last.index, last.size, len(q.Rows(last.reply))), false
}

// emptyPages is how many empty pages in a row may promise more.
const emptyPages = 3

// maxCursorPages bounds the pages of one cursor.
const maxCursorPages = 1_000_000
