package pages_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// page is an answer of a script. A row is a letter, its key, and its row version if it has
// one: "a b7". The same letter in upper case is another content under that key, and a dot
// before it takes the key away. "-" is a null row and "?" one that cannot be decoded.
type page struct {
	rows   string
	info   pages.Info
	absent bool   // there is no list of rows
	other  string // name of another array
}

// script is a server that answers as a test says. Its answers depend on the request and on
// the number of requests before.
type script struct {
	*pages.Pages[request, reply, row]
	mu    sync.Mutex
	asked []request
}

func scripted(answer func(n int, q request) page) *script {
	s := &script{Pages: archive(epoch, 1)}
	s.WindowMax, s.Window, s.Modified = 0, nil, nil
	s.Now = func() time.Time { return epoch }
	s.NoTotal = func(q *request) { q.NoTotal = true }
	s.Fail = func(why pages.Reason, cause error) error {
		return fmt.Errorf("%w: %w", []error{errPaging, errInvalid, errCanceled}[why], cause)
	}
	s.Fetch = func(_ context.Context, req any) (any, pages.Heard, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		q := *req.(*request)
		s.asked = append(s.asked, q)
		if len(s.asked) > 200 {
			return nil, pages.Heard{}, errors.New("the loop does not end")
		}
		out, heard := answer(len(s.asked), q).read()
		return out, heard, nil
	}
	return s
}

func (p page) read() (*reply, pages.Heard) {
	out := &reply{info: p.info}
	heard := pages.Heard{NextAbsent: !p.info.KnowsNext, RowsAbsent: p.absent, Expected: "orders", Instead: p.other}
	for _, word := range strings.Fields(p.rows) {
		name, keyless := strings.CutPrefix(word, ".")
		switch {
		case word == "-":
			heard.Nulls++
		case word == "?":
			heard.Left++
		default:
			r := row{Key: strings.ToLower(name[:1]), Content: int64(name[0])}
			if keyless {
				r.Key = ""
			}
			r.Version, _ = strconv.ParseInt(name[1:], 10, 64)
			out.rows = append(out.rows, r)
		}
	}
	return out, heard
}

// inRanges makes the query one by time, of a server and a host with the same clock.
func (s *script) inRanges(now time.Time) *script {
	s.Window = func(q *request) (begin, end *time.Time) { return &q.Begin, &q.End }
	s.Now, s.Clock = func() time.Time { return now }, exact{}
	return s
}

// exact is a server's clock that is that of the host.
type exact struct{}

func (exact) Server(local time.Time) (low, high time.Time, ok bool) { return local, local, true }

// inTurn answers the pages of a list by their number, and empty pages behind them.
func inTurn(list ...page) func(n int, q request) page {
	return func(_ int, q request) page {
		if q.Index > int64(len(list)) {
			return page{}
		}
		return list[q.Index-1]
	}
}

// letters reads a loop to its end.
func letters(rows iter.Seq2[*row, error]) (string, error) {
	var out strings.Builder
	for r, err := range rows {
		if err != nil {
			return out.String(), err
		}
		out.WriteRune(rune(r.Content))
	}
	return out.String(), nil
}

// indexes returns the numbers of the pages that were requested, in order.
func (s *script) indexes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out strings.Builder
	for _, q := range s.asked {
		fmt.Fprint(&out, q.Index)
	}
	return out.String()
}

// assertEnd asserts how a loop ended: with an error of the pages that says so, or well if
// nothing is expected.
func assertEnd(t *testing.T, says string, err error) {
	t.Helper()
	if says == "" {
		assert.NoError(t, err)
		return
	}
	assert.ErrorIs(t, err, errPaging)
	assert.ErrorContains(t, err, says)
}
