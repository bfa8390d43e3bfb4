package pages

import "fmt"

// Info is what an answer says about its rows and about further pages. What it does not say
// is zero, and zero is never taken as "no more".
type Info struct {
	HasNext   bool
	KnowsNext bool // the answer has a has_next that could be decoded; an absent one is not false
	Total     int64
	Pages     int64
	Size      int64 // maximum rows of a page, if the answer states it

	heard Heard
}

// Heard is what the reader of an answer noticed besides its values.
type Heard struct {
	Left       int    // rows that were left out because they could not be decoded
	Nulls      int    // rows that are null; no evidence of a row that the answer counts
	NextAbsent bool   // there is no decodable has_next
	RowsAbsent bool   // there is no list of rows under the expected name
	Expected   string // the expected name
	Instead    string // what the answer has elsewhere and may be the rows
}

// told is what an answer says.
func (q *query) told(reply any, heard Heard) Info {
	i := q.Info(reply)
	i.KnowsNext = i.HasNext || i.KnowsNext && !heard.NextAbsent
	i.heard = heard
	return i
}

// next is what is known about the page after another.
type next int

const (
	none   next = iota // the answer says that this is the last page
	exists             // the answer says that there are more rows
	unsaid             // no evidence: the next page must be requested
)

// count returns how many pages there are, or 0 if the answer does not say.
func (i Info) count(size int64) int64 {
	if i.Pages > 0 {
		return i.Pages
	}
	if size = i.size(size); i.Total > 0 && size > 0 {
		return (i.Total + size - 1) / size
	}
	return 0
}

// size returns how many rows a full page has if size rows were requested.
func (i Info) size(size int64) int64 {
	if i.Size > 0 {
		return min(i.Size, size)
	}
	return size
}

// next decides whether another page follows page index, which has n rows and is the
// last of read ones, nulls of which are null. This is the only place that decides so:
//
//   - A member that promises more is believed, whatever the others say; how often an
//     empty page may promise is [emptyPages].
//   - An empty page that promises nothing, or lies behind the pages counted, is the end.
//   - "No more" is believed of a page that is shorter than the server's pages, and of a
//     full one only if has_next and the counts agree.
//   - A null row may be one of those counted or not: where the counts depend on that, they
//     are no evidence.
//   - A query without pages has one answer, unless that promises more.
//   - Anything else is no evidence. A short page where nothing is said may come from a
//     server that returns fewer rows than asked for.
func (i Info) next(index, size int64, n int, read, nulls int64) next {
	pages := i.count(size)
	counted := pages > 0
	full := size > 0 && int64(n) >= i.size(size)
	switch {
	case n == 0 && counted && index > pages:
		return none
	case i.HasNext, index < pages:
		return exists
	case n == 0:
		return none
	case counted && read < i.Total:
		return exists
	case counted && read-nulls < i.Total:
		return unsaid
	case i.KnowsNext && counted, (i.KnowsNext || counted) && !full, size <= 0:
		return none
	}
	return unsaid
}

// Missing returns an error if an answer lacks its list of rows although another array, a
// count or has_next is evidence of rows.
func Missing(i Info, heard Heard) error {
	switch {
	case !heard.RowsAbsent:
	case heard.Instead != "":
		return fmt.Errorf("the answer has no list %q where it is documented, but %q / 响应中 %s 不在文档所述位置，却有 %s", heard.Expected, heard.Instead, heard.Expected, heard.Instead)
	case i.Total > 0 || i.Pages > 0:
		return fmt.Errorf("the answer has no %q, but counts %d rows / 响应缺少 %s，但总数不为零", heard.Expected, max(i.Total, i.Pages), heard.Expected)
	case i.HasNext:
		return fmt.Errorf("the answer has no %q, but has_next / 响应缺少 %s，但 has_next 为真", heard.Expected, heard.Expected)
	}
	return nil
}

// emptyPages is how many consecutive empty pages may promise more.
const emptyPages = 3

// maxCursorPages limits the pages of one cursor.
const maxCursorPages = 1_000_000
