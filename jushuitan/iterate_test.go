package jushuitan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// orderQuery is what the tests' servers read of a query.
type orderQuery struct {
	PageIndex  int64  `json:"page_index"`
	PageSize   int64  `json:"page_size"`
	Begin      string `json:"modified_begin"`
	End        string `json:"modified_end"`
	StartTS    int64  `json:"start_ts"`
	IsGetTotal *bool  `json:"is_get_total"`
}

func readQuery(r *http.Request) orderQuery {
	_ = r.ParseForm()
	var q orderQuery
	_ = json.Unmarshal([]byte(r.PostForm.Get("biz")), &q)
	return q
}

func reply(w io.Writer, page map[string]any) {
	text, err := wire.MarshalExact(map[string]any{"code": 0, "msg": "", "data": page})
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(text)
}

// orderStore answers queries over rows that are in the order of ts and modified.
func orderStore(rows []jushuitan.Order, totals bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := readQuery(r)
		var hits []jushuitan.Order
		for _, o := range rows {
			m := o.Modified.In(wire.CST).Format(wire.TimeLayout)
			if q.StartTS > 0 && o.TS < q.StartTS || q.Begin != "" && (m < q.Begin || m > q.End) {
				continue
			}
			hits = append(hits, o)
		}
		from := min(int((q.PageIndex-1)*q.PageSize), len(hits))
		to := min(from+int(q.PageSize), len(hits))
		page := map[string]any{"page_index": q.PageIndex, "page_size": q.PageSize, "has_next": to < len(hits), "orders": hits[from:to]}
		if totals {
			page["data_count"] = len(hits)
			page["page_count"] = (len(hits) + int(q.PageSize) - 1) / int(q.PageSize)
		}
		reply(w, page)
	}
}

func someOrders(n int, gap time.Duration) []jushuitan.Order {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	rows := make([]jushuitan.Order, n)
	for i := range rows {
		rows[i] = jushuitan.Order{OID: int64(i + 1), TS: int64(1000 + 3*i), Modified: begin.Add(time.Duration(i) * gap)}
	}
	return rows
}

func collect(t *testing.T, seq func(func(*jushuitan.Order, error) bool)) ([]int64, error) {
	t.Helper()
	var ids []int64
	for o, err := range seq {
		if err != nil {
			return ids, err
		}
		ids = append(ids, o.OID)
	}
	return ids, nil
}

func idsOf(rows []jushuitan.Order) []int64 {
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].OID
	}
	return ids
}

// TestAll reads everything once and in order, over pages and windows, whatever
// the server says about totals and however far ahead is fetched.
func TestAll(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	for _, totals := range []bool{true, false} {
		for _, prefetch := range []int{1, 2, 8} {
			for _, n := range []int{0, 1, 9, 10, 11, 137} {
				t.Run(fmt.Sprintf("totals %v, prefetch %d, %d rows", totals, prefetch, n), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						rows := someOrders(n, 6*time.Hour) // 137 rows: 34 days, 5 windows
						c := served(t, orderStore(rows, totals), jushuitan.WithPrefetch(prefetch))
						got, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{
							ModifiedBegin: begin, ModifiedEnd: begin.Add(35 * 24 * time.Hour), PageSize: 10,
						}))
						require.NoError(t, err)
						if n == 0 {
							assert.Empty(t, got)
							return
						}
						assert.Equal(t, idsOf(rows), got, "rows on the boundary of two windows are given once")
					})
				})
			}
		}
	}
}

// TestAllWindows: no query asks for more than the server accepts, windows touch,
// and the end of an open range is now.
func TestAllWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
		var mu sync.Mutex
		var seen [][2]string
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			q := readQuery(r)
			mu.Lock()
			seen = append(seen, [2]string{q.Begin, q.End})
			mu.Unlock()
			reply(w, map[string]any{"has_next": false, "orders": []any{}})
		}, jushuitan.WithClock(func() time.Time { return begin.Add(15 * 24 * time.Hour) }))
		_, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: begin}))
		require.NoError(t, err)
		slices.SortFunc(seen, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
		assert.Equal(t, [][2]string{
			{"2024-06-01 00:00:00", "2024-06-08 00:00:00"},
			{"2024-06-08 00:00:00", "2024-06-15 00:00:00"},
			{"2024-06-15 00:00:00", "2024-06-16 00:00:00"},
		}, seen)
		_, err = collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(-time.Hour)}))
		assert.ErrorIs(t, err, jushuitan.ErrInvalid)
	})
}

// TestAllStops: breaking out of the loop, or an error in the middle, leaves no
// goroutine behind (the bubble would not end) and asks for nothing more.
func TestAllStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		store := orderStore(someOrders(1000, time.Minute), true)
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			store(w, r)
		}, jushuitan.WithPrefetch(3))
		n := 0
		for _, err := range c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 10}) {
			require.NoError(t, err)
			if n++; n == 15 {
				break
			}
		}
		synctest.Wait()
		assert.LessOrEqual(t, calls.Load(), int64(6), "no more than the pages read and those ahead")

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n = 0
		var last error
		for _, err := range c.Orders.All(ctx, &jushuitan.OrderQuery{PageSize: 10}) {
			if last = err; err != nil {
				break
			}
			if n++; n == 15 {
				cancel()
			}
		}
		assert.ErrorIs(t, last, context.Canceled)
	})
}

// TestAllError: rows before a failed page are given, then the error, then
// nothing.
func TestAllError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := orderStore(someOrders(50, time.Minute), true)
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if q := readQuery(r); q.PageIndex == 3 {
				_, _ = io.WriteString(w, `{"code":190,"msg":"没有权限"}`)
				return
			}
			store(w, r)
		})
		got, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 10}))
		assert.ErrorIs(t, err, jushuitan.ErrPermission)
		assert.Len(t, got, 20)
	})
}

// TestAllGuards: answers that make no sense end the loop with an error.
func TestAllGuards(t *testing.T) {
	page := func(n int64, next bool, ids ...int64) map[string]any {
		orders := []jushuitan.Order{}
		for _, id := range ids {
			orders = append(orders, jushuitan.Order{OID: id})
		}
		return map[string]any{"page_index": n, "has_next": next, "orders": orders}
	}
	tests := map[string]func(q orderQuery) map[string]any{
		"a page repeats":           func(q orderQuery) map[string]any { return page(q.PageIndex, true, 1, 2) },
		"empty pages promise more": func(q orderQuery) map[string]any { return page(q.PageIndex, true) },
		"an endless total": func(q orderQuery) map[string]any {
			p := page(q.PageIndex, false)
			p["data_count"] = int64(1) << 50
			return p
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := served(t, func(w http.ResponseWriter, r *http.Request) { reply(w, answer(readQuery(r))) })
				_, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 2}))
				assert.ErrorIs(t, err, jushuitan.ErrPaging)
			})
		})
	}
	t.Run("more pages than the server returns", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := served(t, func(w http.ResponseWriter, r *http.Request) {
				q := readQuery(r)
				reply(w, map[string]any{"page_count": 900, "datas": []any{map[string]any{"pay_id": q.PageIndex}}})
			})
			n := 0
			var last error
			for _, err := range c.AfterSales.AllPayments(t.Context(), &jushuitan.RefundPaymentQuery{PageSize: 1}) {
				if last = err; err == nil {
					n++
				}
			}
			assert.ErrorIs(t, last, jushuitan.ErrPaging)
			assert.Equal(t, 800, n)
		})
	})
}

// TestAllMovedRow: a row that slid to the next page while it was read is given
// once.
func TestAllMovedRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := map[int64][]int64{1: {1, 2, 3}, 2: {3, 4, 5}, 3: {6}}
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			q := readQuery(r)
			orders := []jushuitan.Order{}
			for _, id := range pages[q.PageIndex] {
				orders = append(orders, jushuitan.Order{OID: id})
			}
			reply(w, map[string]any{"has_next": q.PageIndex < 3, "orders": orders})
		})
		got, err := collect(t, c.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: 3}))
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 2, 3, 4, 5, 6}, got)
	})
}

// TestSince follows the row version: every newer row once, the boundary row not
// again, and no totals asked for.
func TestSince(t *testing.T) {
	for _, n := range []int{0, 1, 10, 11, 95} {
		for _, since := range []int64{0, 1000, 1010} {
			t.Run(fmt.Sprintf("%d rows since %d", n, since), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rows := someOrders(n, time.Minute)
					store := orderStore(rows, false)
					c := served(t, func(w http.ResponseWriter, r *http.Request) {
						body, _ := io.ReadAll(r.Body)
						r.Body = io.NopCloser(bytes.NewReader(body))
						q := readQuery(r)
						assert.NotNil(t, q.IsGetTotal)
						assert.Positive(t, q.StartTS)
						assert.Empty(t, q.Begin)
						r.PostForm, r.Form = nil, nil
						r.Body = io.NopCloser(bytes.NewReader(body))
						store(w, r)
					})
					got, err := collect(t, c.Orders.Since(t.Context(), since, &jushuitan.OrderQuery{PageSize: 10, ModifiedBegin: time.Now()}))
					require.NoError(t, err)
					want := slices.DeleteFunc(slices.Clone(rows), func(o jushuitan.Order) bool { return o.TS <= since })
					assert.Equal(t, idsOf(want), append([]int64{}, got...))
				})
			})
		}
	}
}

// TestSinceSameVersion: more rows than a page at one version, and pages out of
// order, lose nothing.
func TestSinceSameVersion(t *testing.T) {
	tests := map[string]func(i int) int64{
		"one version for all": func(int) int64 { return 77 },
		"backwards":           func(i int) int64 { return int64(200 - i) },
		"in steps":            func(i int) int64 { return int64(10 + i/7) },
	}
	for name, version := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows := someOrders(35, time.Minute)
				for i := range rows {
					rows[i].TS = version(i)
				}
				c := served(t, orderStore(rows, false))
				got, err := collect(t, c.Orders.Since(t.Context(), 0, &jushuitan.OrderQuery{PageSize: 5}))
				require.NoError(t, err)
				slices.Sort(got)
				assert.Equal(t, idsOf(rows), got)
			})
		})
	}
}

// TestSinceWithoutVersions: rows that carry no row version cannot be followed, and
// are not passed over in silence.
func TestSinceWithoutVersions(t *testing.T) {
	c := mocked(t, httpmock.NewStringResponder(200, `{"code":0,"data":{"datas":[{"io_id":7}]}}`))
	var last error
	for _, err := range c.OtherInOuts.Since(t.Context(), 0, nil) {
		last = err
	}
	assert.ErrorIs(t, last, jushuitan.ErrPaging)
}

// TestUpload: chunks in order, results in the caller's order whatever order the
// server answers in, failed rows and failed chunks told apart.
func TestUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			var orders []struct {
				SoID string `json:"so_id"`
			}
			assert.NoError(t, json.Unmarshal([]byte(r.PostForm.Get("biz")), &orders))
			sizes = append(sizes, len(orders))
			if orders[0].SoID == "SO-50" { // the second chunk
				_, _ = io.WriteString(w, `{"code":130,"msg":"数据为空"}`)
				return
			}
			rows := []map[string]any{}
			for i, o := range slices.Backward(orders) {
				switch o.SoID {
				case "SO-3":
					rows = append(rows, map[string]any{"so_id": o.SoID, "issuccess": "false", "msg": "店铺不存在，收货人13900000001"})
				case "SO-4": // not mentioned
				default:
					rows = append(rows, map[string]any{"so_id": o.SoID, "o_id": fmt.Sprint(1000 + i), "issuccess": true, "msg": nil})
				}
			}
			reply(w, map[string]any{"datas": rows})
		})
		orders := uploads()
		for i := 50; i < 120; i++ {
			orders = append(orders, sampleUpload(fmt.Sprintf("SO-%d", i)))
		}
		results, err := c.Orders.Upload(t.Context(), orders)
		assert.Equal(t, []int{50, 50, 20}, sizes)
		require.Len(t, results, 120)
		for i, r := range results {
			assert.Equal(t, i, r.Index)
			assert.Equal(t, fmt.Sprintf("SO-%d", i), r.Key)
			switch {
			case i == 3, i == 4, i >= 50 && i < 100:
				assert.Error(t, r.Err)
			default:
				assert.NoError(t, r.Err)
				assert.Equal(t, r.Key, r.Result.SoID)
			}
		}
		var batch *jushuitan.BatchError
		require.ErrorAs(t, err, &batch)
		assert.Equal(t, 120, batch.Total)
		assert.Len(t, batch.Failed, 52)
		assert.ErrorIs(t, err, jushuitan.ErrInvalid)
		var row *jushuitan.Error
		require.ErrorAs(t, results[3].Err, &row)
		assert.Equal(t, jushuitan.Rejected, row.Outcome)
		assert.Contains(t, row.Msg, "店铺不存在")
		assert.NotContains(t, err.Error(), "13900000001", "personal data of the request is masked in the server's words")
		assert.ErrorIs(t, results[4].Err, jushuitan.ErrOutcomeUnknown, "a row that the answer does not mention may have been stored")
	})
}

// TestUploadStops: an error that concerns the app and not the rows ends the
// upload; the rest is reported as not sent.
func TestUploadStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			n++
			_, _ = io.WriteString(w, `{"code":190,"msg":"没有权限"}`)
		})
		orders := append(uploads(), uploads()...)
		results, err := c.Orders.Upload(t.Context(), orders)
		assert.ErrorIs(t, err, jushuitan.ErrPermission)
		assert.Equal(t, 1, n)
		var e *jushuitan.Error
		require.ErrorAs(t, results[99].Err, &e)
		assert.Equal(t, jushuitan.NotSent, e.Outcome)
		require.ErrorAs(t, results[0].Err, &e)
		assert.Equal(t, jushuitan.Rejected, e.Outcome)
	})
}

func TestUploadNothing(t *testing.T) {
	c := mocked(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("no call is needed") })
	results, err := c.Orders.Upload(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, results)
	assert.Error(t, c.Inventory.SetVirtualQtys(t.Context(), nil))
}

// TestAllByCursor: answers that name the cursor of the next page.
func TestAllByCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int64
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			var q struct{ Cursor int64 }
			assert.NoError(t, json.Unmarshal([]byte(r.PostForm.Get("biz")), &q))
			asked = append(asked, q.Cursor)
			rows := []any{map[string]any{"fee_time": "2024-06-11 09:20:31"}, map[string]any{"fee_time": "2024-06-11 09:20:32"}}
			reply(w, map[string]any{"data": rows, "cursor": q.Cursor + 7, "has_next": len(asked) < 3})
		})
		n := 0
		for _, err := range c.Finance.AllJournal(t.Context(), &jushuitan.JournalQuery{}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 6, n)
		assert.Equal(t, []int64{0, 7, 14}, asked)
	})
	synctest.Test(t, func(t *testing.T) {
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			reply(w, map[string]any{"data": []any{}, "cursor": 5, "has_next": true})
		})
		var last error
		for _, err := range c.Finance.AllJournal(t.Context(), &jushuitan.JournalQuery{}) {
			last = err
		}
		assert.ErrorIs(t, last, jushuitan.ErrPaging, "a cursor that stands still")
	})
}

// TestAllWithoutPages: an answer in one piece, whose time range is limited.
func TestAllWithoutPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
		var mu sync.Mutex
		var asked []string
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			q := readQuery(r)
			mu.Lock()
			asked = append(asked, q.Begin+" "+q.End)
			id := len(asked)
			mu.Unlock()
			_, _ = fmt.Fprintf(w, `{"code":0,"data":[{"wave_id":%d,"modified":%q}]}`, id, q.Begin)
		})
		n := 0
		for _, err := range c.Waves.All(t.Context(), &jushuitan.WaveQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(8 * 24 * time.Hour)}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 3, n)
		slices.Sort(asked)
		assert.Equal(t, []string{"2024-06-01 00:00:00 2024-06-04 00:00:00", "2024-06-04 00:00:00 2024-06-07 00:00:00", "2024-06-07 00:00:00 2024-06-09 00:00:00"}, asked)
	})
}
