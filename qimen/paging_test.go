package qimen_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// pageAsked is a request for a page of orders, as both services send it.
type pageAsked struct {
	n           int // 1 for the first request
	index, size int64
	cursor      int64
	begin, end  string
}

// pageGiven is the answer: rows, and what it says about other pages.
type pageGiven struct {
	orders  []order
	members map[string]any
	fails   bool
}

// order is a row. Its name tells apart rows of equal id and time.
type order struct {
	id, version int64
	modified    string // 2024-01-01 00:00:00 unless set
	name        string
}

func orders(ids ...int64) []order {
	rows := make([]order, len(ids))
	for i, id := range ids {
		rows[i] = order{id: id}
	}
	return rows
}

// versions is orders whose version is ten times their id.
func versions(ids ...int64) []order {
	rows := orders(ids...)
	for i := range rows {
		rows[i].version = 10 * rows[i].id
	}
	return rows
}

var (
	next   = map[string]any{"has_next": true}
	last   = map[string]any{"has_next": false}
	silent map[string]any
)

func counts(total, pages int) map[string]any {
	return map[string]any{"data_count": total, "page_count": pages}
}

// page is a page of orders without versions.
func page(members map[string]any, ids ...int64) pageGiven {
	return pageGiven{orders: orders(ids...), members: members}
}

// pagingServer answers both services from one script.
type pagingServer struct {
	answer func(pageAsked) pageGiven
	member map[string]string // names of the request's members
	wrap   string            // format of the answer

	before func() // each answer

	mu    sync.Mutex
	asked []pageAsked
}

// script changes how it answers.
func (s *pagingServer) script(answer func(pageAsked) pageGiven) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// forget starts the count of requests anew.
func (s *pagingServer) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

func (s *pagingServer) transport(biz func(url.Values) map[string]string) *http.Client {
	tr := httpmock.NewMockTransport()
	tr.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		if s.before != nil {
			s.before()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		q := biz(r.Form)
		num := func(name string) int64 { n, _ := strconv.ParseInt(q[name], 10, 64); return n }
		asked := pageAsked{
			n: len(s.asked) + 1, index: num("page_index"), size: num("page_size"), cursor: num("start_ts"),
			begin: q[s.member["begin"]], end: q[s.member["end"]],
		}
		s.asked = append(s.asked, asked)
		if len(s.asked) > 200 {
			return nil, errors.New("endless")
		}
		given := s.answer(asked)
		if given.fails {
			return httpmock.NewStringResponse(403, `{"code":190,"msg":"x"}`), nil
		}
		rows := []map[string]any{}
		for _, o := range given.orders {
			row := map[string]any{"o_id": o.id, "modified": "2024-01-01 00:00:00", "receiver_name": o.name}
			if o.modified != "" {
				row["modified"] = o.modified
			}
			if o.version != 0 {
				row["ts"] = o.version
			}
			rows = append(rows, row)
		}
		page := map[string]any{"orders": rows}
		maps.Copy(page, given.members)
		text, err := json.Marshal(page)
		if err != nil {
			return nil, err
		}
		return httpmock.NewStringResponse(200, fmt.Sprintf(s.wrap, text)), nil
	})
	return &http.Client{Transport: tr}
}

// orderStream is the Stream of either service.
type orderStream interface {
	Rows(ctx context.Context) iter.Seq2[*jushuitan.Order, error]
	Checkpoint() jushuitan.Checkpoint
}

// pagingFace is one of the services.
type pagingFace struct {
	all    func(begin, end time.Time) iter.Seq2[*jushuitan.Order, error]
	stream func(begin, end time.Time, from jushuitan.Checkpoint) orderStream
	since  func(version int64) iter.Seq2[*jushuitan.Order, error]
	server *pagingServer
}

var pagingNow = time.Date(2024, 1, 31, 0, 0, 0, 0, cst)

func pagingFaces(t *testing.T, answer func(pageAsked) pageGiven, size int64) map[string]*pagingFace {
	t.Helper()
	once := jushuitan.RetryPolicy{MaxAttempts: 1}
	clock := func() time.Time { return pagingNow }

	open := &pagingServer{answer: answer, member: map[string]string{"begin": "modified_begin", "end": "modified_end"}, wrap: `{"code":0,"data":%s}`}
	o, err := jushuitan.New(jushuitan.Credentials{AppKey: "a", AppSecret: "b"}, jushuitan.WithToken("t"), jushuitan.WithoutValidation(),
		jushuitan.WithRetry(once), jushuitan.WithLimiter(&freeLimiter{}), jushuitan.WithClock(clock),
		jushuitan.WithHTTPClient(open.transport(func(form url.Values) map[string]string {
			var members map[string]any
			assert.NoError(t, json.Unmarshal([]byte(form.Get("biz")), &members))
			q := map[string]string{}
			for name, v := range members {
				if f, ok := v.(float64); ok {
					v = int64(f)
				}
				q[name] = fmt.Sprint(v)
			}
			return q
		})))
	require.NoError(t, err)

	gateway := &pagingServer{answer: answer, member: map[string]string{"begin": "start_time", "end": "end_time"}, wrap: `{"response":{"flag":"success","code":0,"data":%s}}`}
	q, err := qimen.New(config(), qimen.WithRetry(once), qimen.WithLimiter(&freeLimiter{}), qimen.WithClock(clock),
		qimen.WithHTTPClient(gateway.transport(func(form url.Values) map[string]string {
			q := map[string]string{}
			for name := range form {
				q[name] = form.Get(name)
			}
			return q
		})))
	require.NoError(t, err)

	return map[string]*pagingFace{
		"jushuitan": {
			server: open,
			all: func(begin, end time.Time) iter.Seq2[*jushuitan.Order, error] {
				return o.Orders.All(t.Context(), &jushuitan.OrderQuery{PageSize: size, ModifiedBegin: begin, ModifiedEnd: end})
			},
			stream: func(begin, end time.Time, from jushuitan.Checkpoint) orderStream {
				return o.Orders.Stream(&jushuitan.OrderQuery{PageSize: size, ModifiedBegin: begin, ModifiedEnd: end}, from)
			},
			since: func(version int64) iter.Seq2[*jushuitan.Order, error] {
				return o.Orders.Since(t.Context(), version, &jushuitan.OrderQuery{PageSize: size})
			},
		},
		"qimen": {
			server: gateway,
			all: func(begin, end time.Time) iter.Seq2[*jushuitan.Order, error] {
				return q.Scene.AllOrders(t.Context(), &qimen.OrderListRequest{PageSize: size, StartTime: begin, EndTime: end})
			},
			stream: func(begin, end time.Time, from jushuitan.Checkpoint) orderStream {
				return q.Scene.StreamOrders(&qimen.OrderListRequest{PageSize: size, StartTime: begin, EndTime: end}, from)
			},
			since: func(version int64) iter.Seq2[*jushuitan.Order, error] {
				return q.Scene.OrdersSince(t.Context(), version, &qimen.OrderListRequest{PageSize: size})
			},
		},
	}
}

// told is what a loop gave, as text: the ids, and the class of the error.
func told(rows iter.Seq2[*jushuitan.Order, error]) string {
	var words []string
	for o, err := range rows {
		switch {
		case err == nil:
			words = append(words, strconv.FormatInt(o.OID, 10)+o.ReceiverName)
		case errors.Is(err, jushuitan.ErrPaging):
			words = append(words, "ErrPaging")
		case errors.Is(err, jushuitan.ErrInvalid):
			words = append(words, "ErrInvalid")
		case errors.Is(err, jushuitan.ErrPermission):
			words = append(words, "ErrPermission")
		case strings.Contains(err.Error(), "endless"):
			words = append(words, "endless")
		default:
			words = append(words, "error: "+err.Error())
		}
	}
	return strings.Join(words, " ")
}

// pages answers with the pages of a list, empty ones behind its end.
func pages(list ...pageGiven) func(pageAsked) pageGiven {
	return func(q pageAsked) pageGiven {
		if int(q.index) <= len(list) {
			return list[q.index-1]
		}
		return pageGiven{members: last}
	}
}

// versionStore answers with the rows from the cursor on, in the order of the list.
func versionStore(rows ...order) func(pageAsked) pageGiven {
	return func(q pageAsked) pageGiven {
		found := slices.DeleteFunc(slices.Clone(rows), func(o order) bool { return o.version < q.cursor })
		from := min((q.index-1)*q.size, int64(len(found)))
		to := min(from+q.size, int64(len(found)))
		return pageGiven{orders: found[from:to], members: map[string]any{"has_next": to < int64(len(found))}}
	}
}

// TestPaging holds both services to the same rules of turning pages.
func TestPaging(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, cst) }
	since := func(version int64) func(*pagingFace) iter.Seq2[*jushuitan.Order, error] {
		return func(f *pagingFace) iter.Seq2[*jushuitan.Order, error] { return f.since(version) }
	}
	tests := map[string]struct {
		answer func(pageAsked) pageGiven
		loop   func(*pagingFace) iter.Seq2[*jushuitan.Order, error] // all rows without a time range unless set
		want   string
	}{
		"has_next leads to the end": {
			answer: pages(page(next, 1, 2), page(next, 3, 4), page(last, 5)),
			want:   "1 2 3 4 5",
		},
		"counts lead to the end": {
			answer: pages(page(counts(5, 3), 1, 2), page(counts(5, 3), 3, 4), page(counts(5, 3), 5)),
			want:   "1 2 3 4 5",
		},
		"a total alone leads to the end": {
			answer: pages(page(counts(3, 0), 1, 2), page(counts(3, 0), 3)),
			want:   "1 2 3",
		},
		"no rows": {
			answer: pages(page(last)),
			want:   "",
		},
		"has_next false and counts with more": {
			answer: pages(page(map[string]any{"has_next": false, "page_count": 2}, 1, 2), page(last, 3)),
			want:   "1 2 3",
		},
		"a short page that promises more": {
			answer: pages(page(next, 1), page(last, 2)),
			want:   "1 2",
		},
		"a short page that says nothing": {
			answer: pages(page(silent, 1), page(last, 2)),
			want:   "1 2",
		},
		"a full page that says nothing": {
			answer: pages(page(silent, 1, 2), page(silent, 3)),
			want:   "1 2 3",
		},
		"an error after the first page": {
			answer: pages(page(next, 1, 2), pageGiven{fails: true}),
			want:   "1 2 ErrPermission",
		},
		"a page repeats": {
			answer: pages(page(next, 1, 2), page(next, 1, 2)),
			want:   "1 2 ErrPaging",
		},
		"a page repeats in another order": {
			answer: pages(page(next, 1, 2), page(next, 2, 1)),
			want:   "1 2 ErrPaging",
		},
		"pages of one row twice repeat": {
			answer: func(pageAsked) pageGiven { return page(next, 1, 1) },
			want:   "1 ErrPaging",
		},
		"empty pages promise more": {
			answer: func(pageAsked) pageGiven { return page(next) },
			want:   "ErrPaging",
		},
		"two empty pages before rows": {
			answer: pages(page(next), page(next), page(last, 1)),
			want:   "1",
		},
		"a row moved to the next page": {
			answer: pages(page(next, 1, 2), page(last, 2, 3)),
			want:   "1 2 3",
		},
		"a row moved two pages on": {
			answer: pages(page(next, 1, 2), page(next, 3, 4), page(last, 1, 5)),
			want:   "1 2 3 4 5",
		},
		"a row changed on its way": {
			answer: pages(page(next, 1, 2), pageGiven{orders: []order{{id: 2, modified: "2024-01-02 00:00:00"}, {id: 3}}, members: last}),
			want:   "1 2 2 3",
		},
		"a row twice on a page": {
			answer: pages(page(last, 1, 1)),
			want:   "1",
		},
		"two rows of one key on a page": {
			answer: pages(pageGiven{orders: []order{{id: 1, name: "a"}, {id: 1, name: "b"}}, members: last}),
			want:   "1a 1b",
		},
		"rows moved to a page that was read": {
			answer: func(q pageAsked) pageGiven {
				if q.n > 1 { // row 1 has left the range, all others moved up
					return pages(page(counts(3, 2), 2, 3), page(counts(3, 2), 4))(q)
				}
				return page(counts(4, 2), 1, 2)
			},
			want: "1 2 4 3",
		},
		"the time range ends before it begins": {
			answer: pages(),
			loop:   func(f *pagingFace) iter.Seq2[*jushuitan.Order, error] { return f.all(day(2), day(1)) },
			want:   "ErrInvalid",
		},
		"a row on the boundary of two ranges": {
			answer: func(q pageAsked) pageGiven {
				first, second := order{id: 1, modified: "2024-01-08 00:00:00.500"}, order{id: 2, modified: "2024-01-08 00:00:00.700"}
				switch {
				case q.begin != "2024-01-08 00:00:00":
					return pageGiven{orders: []order{first}, members: last}
				case q.index == 1:
					return pageGiven{orders: []order{first, second}, members: next}
				default:
					return pageGiven{orders: []order{{id: 3, modified: "2024-01-09 00:00:00"}}, members: last}
				}
			},
			loop: func(f *pagingFace) iter.Seq2[*jushuitan.Order, error] { return f.all(day(1), day(15)) },
			want: "1 2 3",
		},
		"a row on a boundary, many pages before": {
			answer: func(q pageAsked) pageGiven {
				edge := order{id: 1, modified: "2024-01-08 00:00:00"}
				switch {
				case q.begin == "2024-01-08 00:00:00":
					return pageGiven{orders: []order{edge}, members: last}
				case q.index == 1:
					return pageGiven{orders: []order{edge}, members: next}
				case q.index < 7:
					return page(next, q.index)
				default:
					return page(last, q.index)
				}
			},
			loop: func(f *pagingFace) iter.Seq2[*jushuitan.Order, error] { return f.all(day(1), day(15)) },
			want: "1 2 3 4 5 6 7",
		},
		"since: pages in order": {
			answer: versionStore(versions(1, 2, 3, 4, 5)...),
			loop:   since(0),
			want:   "1 2 3 4 5",
		},
		"since: a full last page": {
			answer: versionStore(versions(1, 2, 3, 4)...),
			loop:   since(0),
			want:   "1 2 3 4",
		},
		"since: the version itself": {
			answer: versionStore(versions(1, 2, 3)...),
			loop:   since(20),
			want:   "3",
		},
		"since: nothing newer": {
			answer: versionStore(versions(1, 2)...),
			loop:   since(20),
			want:   "",
		},
		"since: one version, many pages": {
			answer: versionStore(order{id: 1, version: 7}, order{id: 2, version: 7}, order{id: 3, version: 7}, order{id: 4, version: 7}, order{id: 5, version: 8}),
			loop:   since(0),
			want:   "1 2 3 4 5",
		},
		"since: newest first": {
			answer: versionStore(versions(5, 4, 3, 2, 1)...),
			loop:   since(0),
			want:   "5 4 3 2 1",
		},
		"since: no version": {
			answer: pages(page(last, 1)),
			loop:   since(0),
			want:   "ErrPaging",
		},
		"since: fewer rows a page than asked": {
			answer: func(q pageAsked) pageGiven { q.size = 1; return versionStore(versions(1, 2, 3)...)(q) },
			loop:   since(0),
			want:   "1 2 3",
		},
		"since: a row changes meanwhile": {
			answer: func(q pageAsked) pageGiven {
				if q.n == 1 {
					return versionStore(versions(1, 2, 3)...)(q)
				}
				return versionStore(order{id: 2, version: 20}, order{id: 3, version: 30}, order{id: 1, version: 40})(q)
			},
			loop: since(0),
			want: "1 2 3 1",
		},
		"since: an error after the first page": {
			answer: func(q pageAsked) pageGiven {
				given := versionStore(versions(1, 2, 3)...)(q)
				given.fails = q.n == 2
				return given
			},
			loop: since(0),
			want: "1 2 ErrPermission",
		},
	}
	for name, tt := range tests {
		for service, face := range pagingFaces(t, tt.answer, 2) {
			t.Run(name+"/"+service, func(t *testing.T) {
				loop := tt.loop
				if loop == nil {
					loop = func(f *pagingFace) iter.Seq2[*jushuitan.Order, error] { return f.all(time.Time{}, time.Time{}) }
				}
				assert.Equal(t, tt.want, told(loop(face)))
			})
		}
	}
}

// timeStore answers with the rows of a time range, whose ends belong to it and have
// whole seconds.
func timeStore(rows ...order) func(pageAsked) pageGiven {
	return func(q pageAsked) pageGiven {
		var found []order
		for _, o := range rows {
			if second := o.modified[:len("2024-01-01 00:00:00")]; second >= q.begin && second <= q.end {
				found = append(found, o)
			}
		}
		from := min((q.index-1)*q.size, int64(len(found)))
		to := min(from+q.size, int64(len(found)))
		return pageGiven{orders: found[from:to], members: map[string]any{"has_next": to < int64(len(found))}}
	}
}

// TestPagingResumes ends the process with each row in the loop body, once, and goes on
// from the stored checkpoint: every row is committed once, and only the row in
// progress is met twice.
func TestPagingResumes(t *testing.T) {
	begin, end := time.Date(2024, 1, 1, 0, 0, 0, 0, cst), time.Date(2024, 1, 10, 0, 0, 0, 0, cst)
	var timed []order
	for i := range 14 { // two rows in the last second of each range, and one in its first
		at := begin.Add(time.Duration(i/3+1)*24*time.Hour + time.Duration(i%3)*400*time.Millisecond)
		timed = append(timed, order{id: int64(i + 1), modified: at.Format("2006-01-02 15:04:05.000")})
	}
	alike := versions(1, 2, 3, 4, 5, 6, 7)
	for i := range alike {
		alike[i].version = 70
	}
	tests := map[string]struct {
		answer     func(pageAsked) pageGiven
		begin, end time.Time
		want       []int64
	}{
		"by row version":      {answer: versionStore(versions(1, 2, 3, 4, 5)...), want: upTo(5)},
		"one version for all": {answer: versionStore(alike...), want: upTo(7)},
		"newest first":        {answer: versionStore(versions(5, 4, 3, 2, 1)...), want: upTo(5)},
		"by time":             {answer: timeStore(timed...), begin: begin, end: end, want: upTo(14)},
		"by time, open end":   {answer: timeStore(timed...), begin: begin, want: upTo(14)},
	}
	for name, tt := range tests {
		for service, face := range pagingFaces(t, tt.answer, 2) {
			t.Run(name+"/"+service, func(t *testing.T) {
				stored, committed := []byte("{}"), []int64{}
				died := map[int64]bool{}
				for crashed := true; crashed; {
					crashed = false
					face.server.forget()
					var from jushuitan.Checkpoint
					require.NoError(t, json.Unmarshal(stored, &from))
					stream := face.stream(tt.begin, tt.end, from)
					for o, err := range stream.Rows(t.Context()) {
						require.NoError(t, err)
						var err2 error
						stored, err2 = json.Marshal(stream.Checkpoint())
						require.NoError(t, err2)
						if crashed = !died[o.OID]; crashed {
							died[o.OID] = true
							break
						}
						committed = append(committed, o.OID)
					}
				}
				slices.Sort(committed)
				assert.Equal(t, tt.want, committed, "every row is committed once")
			})
		}
	}
}

// TestPagingCheckpoints: a checkpoint of another stream, kind or form is refused, and
// one in the form of today is read and written again.
func TestPagingCheckpoints(t *testing.T) {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, cst)
	names := map[string]string{"jushuitan": "Orders.Query@", "qimen": "jushuitan.order.list.query@" + customer}
	for service, face := range pagingFaces(t, pages(page(last)), 2) {
		t.Run(service, func(t *testing.T) {
			for name, from := range map[string]jushuitan.Checkpoint{
				"newer form":     {Version: 2},
				"other stream":   {Version: 1, Stream: "Outbounds.Query@"},
				"other merchant": {Version: 1, Stream: names[service] + "another"},
				"by time":        {Version: 1, Time: begin},
			} {
				assert.Equal(t, "ErrInvalid", told(face.stream(time.Time{}, time.Time{}, from).Rows(t.Context())), name)
			}
			assert.Equal(t, "ErrInvalid", told(face.stream(begin, time.Time{}, jushuitan.Checkpoint{Cursor: 5}).Rows(t.Context())), "by version")

			const form = `{"version":1,"stream":%q,"cursor":20,"done":{"2":20}}` // as earlier versions stored it
			var from jushuitan.Checkpoint
			require.NoError(t, json.Unmarshal(fmt.Appendf(nil, form, names[service]), &from))
			face.server.script(versionStore(versions(1, 2, 3)...))
			stream := face.stream(time.Time{}, time.Time{}, from)
			assert.Equal(t, "3", told(stream.Rows(t.Context())))
			text, err := json.Marshal(stream.Checkpoint())
			require.NoError(t, err)
			assert.Regexp(t, fmt.Sprintf(`^{"version":1,"stream":%q,"filter":"\w+","cursor":30,"done":{"3#\w+":30}}$`, names[service]), string(text))
		})
	}
}

// TestPagingPrefetch: pages that are known to exist are fetched side by side, four
// ahead.
func TestPagingPrefetch(t *testing.T) {
	for _, service := range []string{"jushuitan", "qimen"} {
		t.Run(service, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				flying, most := 0, 0
				face := pagingFaces(t, func(q pageAsked) pageGiven {
					return page(map[string]any{"data_count": 18, "page_count": 9, "has_next": q.index < 9}, 2*q.index-1, 2*q.index)
				}, 2)[service]
				face.server.before = func() {
					mu.Lock()
					flying++
					most = max(most, flying)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					flying--
					mu.Unlock()
				}
				began := time.Now()
				assert.Equal(t, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", told(face.all(time.Time{}, time.Time{})))
				assert.Equal(t, 4, most)
				assert.Equal(t, 3*time.Second, time.Since(began), "page 1, then 2 to 5, then 6 to 9")
			})
		})
	}
}
