package jushuitan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// shifting is a server whose rows a test changes.
type shifting struct {
	mu   sync.Mutex
	rows []jushuitan.Order
}

func (s *shifting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	orderStore(s.rows, false)(w, r)
}

func (s *shifting) add(rows ...jushuitan.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, rows...)
}

// TestFromNow: rows from before the first run are left out, later ones are given, also by a
// stream that was started again from the stored checkpoint. FromBeginning reads all.
func TestFromNow(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	for name, query := range map[string]*jushuitan.OrderQuery{
		"by version": {PageSize: 10},
		"by time":    {PageSize: 10, ModifiedBegin: begin.AddDate(-1, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := begin.AddDate(0, 0, 3)
				store := &shifting{rows: someOrders(35, time.Hour)}
				c := served(t, store.ServeHTTP, jushuitan.WithClock(func() time.Time { return now }))
				stream := c.Orders.Stream(query, jushuitan.FromNow())
				ids, err := collect(t, stream.Rows(t.Context()))
				require.NoError(t, err)
				assert.Empty(t, ids, "history")

				store.add(jushuitan.Order{OID: 77, TS: 9000, Modified: now.Add(time.Minute)})
				now = now.Add(time.Hour)
				text, err := json.Marshal(stream.Checkpoint())
				require.NoError(t, err)
				var stored jushuitan.Checkpoint
				require.NoError(t, json.Unmarshal(text, &stored))
				assert.Empty(t, stored.From, "it has started")
				ids, err = collect(t, c.Orders.Stream(query, stored).Rows(t.Context()))
				require.NoError(t, err)
				assert.Equal(t, []int64{77}, ids)

				ids, err = collect(t, c.Orders.Stream(query, jushuitan.FromBeginning()).Rows(t.Context()))
				require.NoError(t, err)
				assert.Len(t, ids, 36, "all history")
			})
		})
	}
}

// TestFromNowAsksForTheTime: the client's clock is minutes off, and the stream starts at the
// server's present all the same.
func TestFromNowAsksForTheTime(t *testing.T) {
	for _, off := range []time.Duration{-8 * time.Minute, 0, 8 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := time.Date(2024, 6, 1, 12, 0, 0, 0, wire.CST)
				rows := []jushuitan.Order{
					{OID: 1, Modified: server.Add(-30 * time.Second)}, {OID: 2, Modified: server.Add(5 * time.Second)},
				}
				c := served(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", server.UTC().Format(http.TimeFormat))
					orderStore(rows, true)(w, r)
				}, jushuitan.WithClock(func() time.Time { return server.Add(off) }))
				stream := c.Orders.Stream(&jushuitan.OrderQuery{ModifiedBegin: server.AddDate(-1, 0, 0)}, jushuitan.FromNow())
				ids, err := collect(t, stream.Rows(t.Context()))
				require.NoError(t, err)
				assert.Empty(t, ids)
				server = server.Add(time.Minute)
				ids, err = collect(t, stream.Rows(t.Context()))
				require.NoError(t, err)
				assert.Equal(t, []int64{2}, ids)
				assert.False(t, stream.Checkpoint().Time.After(server.Add(-2*time.Second)), "nothing is committed beyond the margin")
			})
		})
	}
}

// TestDelta: a host that stores Head and the entries, and deletes those below Floor, has the
// same checkpoint as one that stores the whole, at every row.
func TestDelta(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	for name, query := range map[string]*jushuitan.OrderQuery{
		"by version": {PageSize: 10},
		"by time":    {PageSize: 10, ModifiedBegin: begin, ModifiedEnd: begin.AddDate(0, 0, 20)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := served(t, orderStore(someOrders(60, 7*time.Hour), true),
					jushuitan.WithClock(func() time.Time { return begin.AddDate(0, 1, 0) }))
				var head jushuitan.Checkpoint
				entries := map[string]int64{}
				met := map[int64]int{}
				for lives := 0; len(met) < 60 && lives < 100; lives++ {
					from := head
					from.Done = entries
					stream := c.Orders.Stream(query, from)
					n := 0
					for row, err := range stream.Rows(t.Context()) {
						require.NoError(t, err)
						if n++; n > 7 {
							break // it died before this row was processed
						}
						met[row.OID]++
						stream.Commit()
						d := stream.Delta()
						head, entries[d.Entry] = d.Head, d.Mark
						for entry, mark := range entries {
							if mark < d.Floor {
								delete(entries, entry)
							}
						}
						whole := stream.Checkpoint()
						assert.Equal(t, whole.Done, entries)
						whole.Done = nil
						assert.Equal(t, whole, head)
					}
				}
				assert.Len(t, met, 60)
				for id, times := range met {
					assert.Equal(t, 1, times, "row %d", id)
				}
			})
		})
	}
}

// TestDeltaOfARowNotCommitted: the loop is left in the middle of a row. Neither Delta nor Commit
// makes that row a committed one afterwards.
func TestDeltaOfARowNotCommitted(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	for name, query := range map[string]*jushuitan.OrderQuery{
		"by version": {PageSize: 10},
		"by time":    {PageSize: 10, ModifiedBegin: begin, ModifiedEnd: begin.AddDate(0, 0, 2)},
	} {
		for _, commits := range []bool{false, true} { // otherwise the next row does
			t.Run(fmt.Sprint(name, " ", commits), func(t *testing.T) {
				c := served(t, orderStore(someOrders(8, 2*time.Hour), true), jushuitan.WithClock(func() time.Time { return begin.AddDate(0, 1, 0) }))
				stream := c.Orders.Stream(query, jushuitan.Checkpoint{})
				entries, n, left := map[string]int64{}, 0, int64(0)
				for row, err := range stream.Rows(t.Context()) {
					require.NoError(t, err)
					if d := stream.Delta(); d.Entry != "" {
						entries[d.Entry] = d.Mark
					}
					if n++; n > 3 {
						left = row.OID
						break
					}
					if commits {
						stream.Commit()
					}
				}
				before := stream.Checkpoint()
				stream.Commit()
				d := stream.Delta()
				entries[d.Entry] = d.Mark
				assert.Equal(t, before, stream.Checkpoint(), "there is no row in progress")
				assert.Len(t, entries, 3)
				assert.Equal(t, before.Done, entries)

				from := d.Head
				from.Done = entries
				for row, err := range c.Orders.Stream(query, from).Rows(t.Context()) {
					require.NoError(t, err)
					assert.Equal(t, left, row.OID, "the row that was left comes again")
					break
				}
			})
		}
	}
}

// TestLaterEnd: a later end of the time range extends a stream, and an end in the future
// commits nothing of the future.
func TestLaterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
		now := begin.AddDate(0, 0, 5)
		store := &shifting{rows: someOrders(20, 10*time.Hour)} // of 8 days
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
			store.ServeHTTP(w, r)
		}, jushuitan.WithClock(func() time.Time { return now }))
		read := func(from jushuitan.Checkpoint, end time.Time) (ids []int64, at jushuitan.Checkpoint) {
			stream := c.Orders.Stream(&jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: end}, from)
			ids, err := collect(t, stream.Rows(t.Context()))
			require.NoError(t, err)
			return ids, stream.Checkpoint()
		}
		ids, at := read(jushuitan.FromBeginning(), begin.AddDate(0, 0, 2))
		assert.Equal(t, []int64{1, 2, 3, 4, 5}, ids)
		assert.Equal(t, begin.AddDate(0, 0, 2), at.Time.In(wire.CST))
		ids, at = read(at, begin.AddDate(0, 0, 30)) // which is in the future
		assert.Equal(t, []int64{6, 7, 8, 9, 10, 11, 12}, ids[:7])
		assert.False(t, at.Time.After(now.Add(-2*time.Second)), "committed up to %s, and it is %s", at.Time, now)
		now = begin.AddDate(0, 0, 40)
		_, at = read(at, begin.AddDate(0, 0, 30))
		assert.Equal(t, begin.AddDate(0, 0, 30), at.Time.In(wire.CST))
		ids, _ = read(at, begin.AddDate(0, 0, 30))
		assert.Empty(t, ids)
	})
}

// TestStreamOverlap: rows that become visible late are given, with a lower version or an
// earlier time than rows that were given before, and nothing is given twice.
func TestStreamOverlap(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	for name, query := range map[string]*jushuitan.OrderQuery{
		"by version": {PageSize: 10},
		"by time":    {PageSize: 10, ModifiedBegin: begin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := begin.Add(time.Hour)
				order := func(id, version int64, modified time.Time) jushuitan.Order {
					return jushuitan.Order{OID: id, TS: version, Modified: modified}
				}
				store := &shifting{rows: []jushuitan.Order{order(1, 10, begin), order(3, 30, now.Add(-2*time.Second))}}
				c := served(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
					store.ServeHTTP(w, r)
				}, jushuitan.WithStreamOverlap(time.Minute), jushuitan.WithClock(func() time.Time { return now }))
				stream := c.Orders.Stream(query, jushuitan.FromBeginning())
				read := func() []int64 {
					ids, err := collect(t, stream.Rows(t.Context()))
					require.NoError(t, err)
					return ids
				}
				assert.Equal(t, []int64{1, 3}, read())
				store.mu.Lock()
				store.rows = []jushuitan.Order{order(1, 10, begin), order(2, 20, now.Add(-9*time.Second)), order(3, 30, now.Add(-2*time.Second))}
				store.mu.Unlock()
				now = now.Add(40 * time.Second)
				assert.Equal(t, []int64{2}, read(), "it became visible late")
				now = now.Add(10 * time.Minute)
				assert.Empty(t, read())
				assert.Empty(t, read())
				assert.LessOrEqual(t, len(stream.Checkpoint().Done), 1, "the checkpoint is small again")
			})
		})
	}
}

type orderLoop = iter.Seq2[*jushuitan.Order, error]

// TestRowsWithoutKeys: rows without a key, or with a zero in its place, are never merged,
// even where they are equal; rows of one key with different content are both given.
func TestRowsWithoutKeys(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	rows := []string{
		`{"ts":5,"modified":"2024-06-01 01:00:00"}`, `{"ts":5,"modified":"2024-06-01 01:00:00"}`,
		`{"o_id":0,"ts":5,"modified":"2024-06-01 01:00:00"}`, `{"o_id":"","ts":6,"modified":"2024-06-01 02:00:00","remark":"a"}`,
		`{"o_id":"0","ts":6,"modified":"2024-06-01 02:00:00","remark":"b"}`,
		`{"o_id":7,"ts":8,"modified":"2024-06-01 03:00:00","remark":"a"}`, `{"o_id":7,"ts":8,"modified":"2024-06-01 03:00:00","remark":"b"}`,
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		q := readQuery(r)
		var found []string
		for i, row := range rows {
			at := fmt.Sprintf("2024-06-01 0%d:00:00", []int{1, 1, 1, 2, 2, 3, 3}[i])
			if q.StartTS <= []int64{5, 5, 5, 6, 6, 8, 8}[i] && (q.Begin == "" || q.Begin <= at && at <= q.End) {
				found = append(found, row)
			}
		}
		from, to := min(int((q.PageIndex-1)*q.PageSize), len(found)), min(int(q.PageIndex*q.PageSize), len(found))
		list := "["
		for i, row := range found[from:to] {
			if i > 0 {
				list += ","
			}
			list += row
		}
		_, _ = fmt.Fprintf(w, `{"code":0,"data":{"has_next":%t,"orders":%s]}}`, to < len(found), list)
	}
	for _, size := range []int64{2, 3, 100} {
		for name, read := range map[string]func(context.Context, *jushuitan.Client) (orderLoop, *jushuitan.Stream[jushuitan.Order]){
			"all": func(ctx context.Context, c *jushuitan.Client) (orderLoop, *jushuitan.Stream[jushuitan.Order]) {
				return c.Orders.All(ctx, &jushuitan.OrderQuery{PageSize: size}), nil
			},
			"since": func(ctx context.Context, c *jushuitan.Client) (orderLoop, *jushuitan.Stream[jushuitan.Order]) {
				return c.Orders.Since(ctx, 0, &jushuitan.OrderQuery{PageSize: size}), nil
			},
			"version stream": func(ctx context.Context, c *jushuitan.Client) (orderLoop, *jushuitan.Stream[jushuitan.Order]) {
				s := c.Orders.Stream(&jushuitan.OrderQuery{PageSize: size}, jushuitan.FromBeginning())
				return s.Rows(ctx), s
			},
			"time stream": func(ctx context.Context, c *jushuitan.Client) (orderLoop, *jushuitan.Stream[jushuitan.Order]) {
				s := c.Orders.Stream(&jushuitan.OrderQuery{PageSize: size, ModifiedBegin: begin}, jushuitan.FromBeginning())
				return s.Rows(ctx), s
			},
		} {
			t.Run(fmt.Sprintf("%s, %d a page", name, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := served(t, answer, jushuitan.WithClock(func() time.Time { return begin.Add(4 * time.Hour) }))
					loop, stream := read(t.Context(), c)
					ids, err := collect(t, loop)
					require.NoError(t, err)
					assert.Equal(t, []int64{0, 0, 0, 0, 0, 7, 7}, ids)
					if stream != nil {
						ids, err = collect(t, stream.Rows(t.Context()))
						require.NoError(t, err)
						assert.Empty(t, ids, "committed rows do not come again")
					}
				})
			})
		}
	}
}

// TestAllByCursorWithoutHasNext: a cursor is followed as long as it leads to rows.
func TestAllByCursorWithoutHasNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int64
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			var q struct{ Cursor int64 }
			assert.NoError(t, json.Unmarshal([]byte(r.PostForm.Get("biz")), &q))
			asked = append(asked, q.Cursor)
			if q.Cursor < 14 {
				_, _ = fmt.Fprintf(w, `{"code":0,"data":{"data":[{"fee_time":"2024-06-11 09:20:31"}],"cursor":%d,"has_next":null}}`, q.Cursor+7)
				return
			}
			_, _ = io.WriteString(w, `{"code":0,"data":{"data":[],"cursor":14}}`)
		})
		n := 0
		for _, err := range c.Finance.AllJournal(t.Context(), &jushuitan.JournalQuery{}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 2, n)
		assert.Equal(t, []int64{0, 7, 14}, asked)
	})
}
