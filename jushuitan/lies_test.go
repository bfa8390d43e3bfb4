package jushuitan_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// spokenPage is a page of a server with five orders in pages of two, and what its other
// members say.
type spokenPage struct {
	index int
	more  bool
	rows  []string
}

// TestPagingMembersLie: whatever the members beside the rows say, in whatever form, each loop
// yields all rows or ends with an error.
func TestPagingMembersLie(t *testing.T) {
	all := []int64{1, 2, 3, 4, 5}
	constant := func(members string) func(*spokenPage) string { return func(*spokenPage) string { return members } }
	truth := func(format string, yes, no any) func(*spokenPage) string {
		return func(p *spokenPage) string {
			if p.more {
				return fmt.Sprintf(format, yes)
			}
			return fmt.Sprintf(format, no)
		}
	}
	repeat := func(members string) func(*spokenPage) string {
		return func(p *spokenPage) string {
			p.rows = []string{orderRow(1), orderRow(2)}
			return members
		}
	}
	tests := map[string]struct {
		speak func(*spokenPage) string
		fails error
		may   error // of a loop that reads the counts; it yields what there is all the same
	}{
		"has_next as text":               {speak: truth(`"has_next":%q`, "true", "false")},
		"has_next as Y and N":            {speak: truth(`"has_next":%q`, "Y", "N"), fails: jushuitan.ErrDecode},
		"has_next as a number":           {speak: truth(`"has_next":%d`, 1, 0)},
		"has_next as a number in a text": {speak: truth(`"hasNext":%q`, "1", "0")},
		"always no, as text":             {speak: constant(`"has_next":"false"`)},
		"always N":                       {speak: constant(`"has_next":"N"`), fails: jushuitan.ErrDecode},
		"always 0":                       {speak: constant(`"has_next":0`)},
		"always no, beside counts":       {speak: constant(`"has_next":false,"data_count":5,"page_count":3`)},
		"always no, beside a text":       {speak: constant(`"has_next":false,"data_count":"5"`)},
		"no pages are counted":           {speak: constant(`"page_count":0`)},
		"no pages, but more":             {speak: truth(`"page_count":0,"has_next":%v`, true, false)},
		"no rows are counted":            {speak: constant(`"data_count":0,"page_count":0`)},
		"the count is a text":            {speak: constant(`"data_count":"5"`)},
		"the count has a fraction":       {speak: constant(`"data_count":"5.0"`)},
		"counts are below zero":          {speak: constant(`"data_count":-1,"page_count":-1`)},
		"fewer rows are counted":         {speak: constant(`"data_count":2`)},
		"fewer rows, but more":           {speak: truth(`"data_count":2,"has_next":%v`, true, false)},
		"the rows of the page":           {speak: func(p *spokenPage) string { return fmt.Sprintf(`"data_count":%d`, len(p.rows)) }, may: jushuitan.ErrPaging},
		"one page is counted":            {speak: constant(`"page_count":1`)},
		"more rows are counted":          {speak: constant(`"data_count":6,"has_next":false`)},
		"the number of the first page":   {speak: constant(`"page_index":1`)},
		"a page of a thousand":           {speak: constant(`"page_size":1000`)},
		"a page of one":                  {speak: constant(`"page_size":1`)},
		"a page of none":                 {speak: constant(`"page_size":0`)},
		"a page below zero":              {speak: constant(`"page_size":-2`)},
		"misspelled":                     {speak: constant(`"has_nex":false,"data_cout":2,"pageCounts":1`)},
		"null":                           {speak: constant(`"has_next":null,"data_count":null,"page_count":null,"page_size":null`)},
		"an empty page between": {speak: func(p *spokenPage) string {
			if p.index == 2 {
				p.rows = nil
				return `"has_next":true`
			}
			return truth(`"has_next":%v`, true, false)(p)
		}},
		"the first page forever, with more":   {speak: repeat(`"has_next":true`), fails: jushuitan.ErrPaging},
		"the first page forever, in silence":  {speak: repeat(`"page_index":1`), fails: jushuitan.ErrPaging},
		"the first page forever, with counts": {speak: repeat(`"data_count":5`), fails: jushuitan.ErrPaging},
		"more forever":                        {speak: constant(`"has_next":true`), fails: jushuitan.ErrPaging},
	}
	for name, tt := range tests {
		shift := 0 // of the rows behind an empty page
		if name == "an empty page between" {
			shift = 1
		}
		for kind, loop := range loops(t, 2) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				calls := 0
				c := mocked(t, func(r *http.Request) (*http.Response, error) {
					if calls++; calls > 1000 {
						return nil, fmt.Errorf("the loop does not end")
					}
					return httpmock.NewStringResponse(200, speak(r, shift, tt.speak)), nil
				}, jushuitan.WithPrefetch(1), jushuitan.WithLimiter(noLimit{}))
				ids, err := collect(t, loop(c))
				if tt.fails != nil {
					require.ErrorIs(t, err, tt.fails)
					return
				}
				if tt.may == nil || err != nil && !errors.Is(err, tt.may) {
					require.NoError(t, err)
				}
				assert.Equal(t, all, ids)
			})
		}
	}
}

// noLimit grants every call.
type noLimit struct{}

func (noLimit) Wait(context.Context, jushuitan.LimitKey) (func(), error)          { return func() {}, nil }
func (noLimit) Penalize(context.Context, jushuitan.LimitKey, time.Duration) error { return nil }

func orderRow(n int) string {
	return fmt.Sprintf(`{"o_id":%d,"ts":%d,"modified":"2024-06-01 0%d:00:00"}`, n, 10+n, n)
}

// speak answers a request as a server with pages of two rows.
func speak(r *http.Request, shift int, members func(*spokenPage) string) string {
	q := readQuery(r)
	var found []string
	for n := 1; n <= 5; n++ {
		at := fmt.Sprintf("2024-06-01 0%d:00:00", n)
		if int64(10+n) >= q.StartTS && (q.Begin == "" || at >= q.Begin && at <= q.End) {
			found = append(found, orderRow(n))
		}
	}
	at := int(q.PageIndex)
	p := &spokenPage{index: at}
	if at > 1 {
		at -= shift
	}
	from := min(2*(at-1), len(found))
	to := min(from+2, len(found))
	p.rows, p.more = found[from:to], to < len(found)
	text := members(p)
	return `{"code":0,"data":{` + text + `,"orders":[` + strings.Join(p.rows, ",") + `]}}`
}

// A stream whose time range ends before it begins has nothing to read, which is a mistake and
// not the end of the rows.
func TestStreamEndsBeforeItBegins(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	s := mocked(t, nil).Orders.Stream(&jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(-time.Hour)}, jushuitan.Checkpoint{})
	_, err := collect(t, s.Rows(t.Context()))
	require.ErrorIs(t, err, jushuitan.ErrInvalid)
	assert.ErrorContains(t, err, "ends before it begins")
}
