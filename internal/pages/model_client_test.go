package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// The model also runs the clients that users have: package jushuitan's orders and the orders
// of qimen's scene, over answers in JSON. A row of the model is an order: its key is o_id
// (empty: absent), its content is paid in cents.

// reader is what the loops of the model read from.
type reader interface {
	All(ctx context.Context, req *request) iter.Seq2[*row, error]
	Since(ctx context.Context, since int64, req *request) iter.Seq2[*row, error]
	Stream(req *request, from pages.Checkpoint) feed
}

// feed is a stream of it.
type feed interface {
	Rows(ctx context.Context) iter.Seq2[*row, error]
	Checkpoint() pages.Checkpoint
}

// bare is package pages without a client.
type bare struct {
	*pages.Pages[request, reply, row]
}

func (b bare) Stream(req *request, from pages.Checkpoint) feed { return b.Pages.Stream(req, from) }

// open is a client of the open API.
type open struct{ c *jushuitan.Client }

func (o open) query(req *request) *jushuitan.OrderQuery {
	return &jushuitan.OrderQuery{PageSize: req.Size, ModifiedBegin: req.Begin, ModifiedEnd: req.End}
}

func (o open) All(ctx context.Context, req *request) iter.Seq2[*row, error] {
	return rowsOf(o.c.Orders.All(ctx, o.query(req)))
}

func (o open) Since(ctx context.Context, since int64, req *request) iter.Seq2[*row, error] {
	return rowsOf(o.c.Orders.Since(ctx, since, o.query(req)))
}

func (o open) Stream(req *request, from pages.Checkpoint) feed {
	return orderFeed{o.c.Orders.Stream(o.query(req), jushuitan.Checkpoint(from))}
}

// scene is a client of the gateway.
type scene struct{ c *qimen.Client }

func (s scene) query(req *request) *qimen.OrderListRequest {
	return &qimen.OrderListRequest{PageSize: req.Size, StartTime: req.Begin, EndTime: req.End}
}

func (s scene) All(ctx context.Context, req *request) iter.Seq2[*row, error] {
	return rowsOf(s.c.Scene.AllOrders(ctx, s.query(req)))
}

func (s scene) Since(ctx context.Context, since int64, req *request) iter.Seq2[*row, error] {
	return rowsOf(s.c.Scene.OrdersSince(ctx, since, s.query(req)))
}

func (s scene) Stream(req *request, from pages.Checkpoint) feed {
	return orderFeed{s.c.Scene.StreamOrders(s.query(req), jushuitan.Checkpoint(from))}
}

// orderFeed is a stream of either client.
type orderFeed struct {
	s interface {
		Rows(ctx context.Context) iter.Seq2[*jushuitan.Order, error]
		Checkpoint() jushuitan.Checkpoint
	}
}

func (f orderFeed) Rows(ctx context.Context) iter.Seq2[*row, error] { return rowsOf(f.s.Rows(ctx)) }
func (f orderFeed) Checkpoint() pages.Checkpoint                    { return pages.Checkpoint(f.s.Checkpoint()) }

// rowsOf converts orders to rows of the model, and the errors of a client to the model's.
func rowsOf(orders iter.Seq2[*jushuitan.Order, error]) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for o, err := range orders {
			if errors.Is(err, jushuitan.ErrPaging) {
				err = fmt.Errorf("%w: %w", errPaging, err)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			r := &row{Version: o.TS, Modified: o.Modified, Content: o.PayAmount.Shift(2).IntPart()}
			if o.OID != 0 {
				r.Key = strconv.FormatInt(o.OID, 10)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// unlimited grants every call: the model has its own clock.
type unlimited struct{}

func (unlimited) Wait(context.Context, jushuitan.LimitKey) (func(), error)          { return func() {}, nil }
func (unlimited) Penalize(context.Context, jushuitan.LimitKey, time.Duration) error { return nil }

// client returns the client of a loop.
func (m *run) client(lag time.Duration) reader {
	now := func() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.now.Add(m.offset) }
	once, hc, ahead := jushuitan.RetryPolicy{MaxAttempts: 1}, &http.Client{Transport: m}, 1+m.rng.IntN(3)
	if m.kind == "scene" {
		c, err := qimen.New(qimen.Config{AppKey: "1", AppSecret: "2", CustomerID: "3"}, qimen.WithHTTPClient(hc), qimen.WithRetry(once),
			qimen.WithLimiter(unlimited{}), qimen.WithClock(now), qimen.WithStreamOverlap(lag), qimen.WithPrefetch(ahead))
		if err != nil {
			panic(err)
		}
		return scene{c}
	}
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "1", AppSecret: "2"}, jushuitan.WithToken("3"), jushuitan.WithoutValidation(),
		jushuitan.WithHTTPClient(hc), jushuitan.WithRetry(once), jushuitan.WithLimiter(unlimited{}), jushuitan.WithClock(now),
		jushuitan.WithStreamOverlap(lag), jushuitan.WithPrefetch(ahead))
	if err != nil {
		panic(err)
	}
	return open{c}
}

// RoundTrip answers a request of either client as the model's server does.
func (m *run) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	header := http.Header{}
	out, err := m.exchange(r, header)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(out)), Request: r}, nil
}

func (m *run) exchange(r *http.Request, header http.Header) (string, error) {
	params := map[string]string{}
	for name := range r.Form {
		params[name] = r.Form.Get(name)
	}
	begin, end, wrap := "start_time", "end_time", `{"response":{"flag":"success","code":0,"data":%s}}`
	if biz, ok := params["biz"]; ok {
		begin, end, wrap = "modified_begin", "modified_end", `{"code":0,"data":%s}`
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(biz), &members); err != nil {
			return "", err
		}
		for name, v := range members {
			params[name] = strings.Trim(string(v), `"`)
		}
	}
	number := func(name string) int64 { n, _ := strconv.ParseInt(params[name], 10, 64); return n }
	at := func(name string) time.Time {
		t, _ := time.ParseInLocation(time.DateTime, params[name], epoch.Location())
		return t
	}
	req := &request{
		Index: number("page_index"), Size: number("page_size"), Cursor: number("start_ts"), Begin: at(begin), End: at(end),
		NoTotal: params["is_get_total"] == "false",
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fetches++; m.fetches > 20_000 {
		return "", errors.New("the loop does not end")
	}
	m.wait(700) // before the call, since the client measures its duration by the real clock
	out := m.answer(req)
	if !m.noDate {
		jitter := time.Duration(m.rng.IntN(1_000)-500) * time.Millisecond
		header.Set("Date", m.now.Add(jitter).UTC().Format(http.TimeFormat))
	}
	text, err := json.Marshal(m.spell(out))
	return fmt.Sprintf(wrap, text), err
}

// spell writes an answer in the members that its server has; those it lacks are absent,
// null, blank or misspelled.
func (m *run) spell(out *reply) map[string]any {
	page := map[string]any{"page_index": 1}
	lack := func(name string) {
		switch m.rng.IntN(4) {
		case 0:
			page[name] = nil
		case 1:
			page[name] = ""
		case 2:
			page[name+"s"] = 0
		}
	}
	if m.members.next {
		page[[]string{"has_next", "hasNext", "Has_Next"}[m.rng.IntN(3)]] = []any{out.info.HasNext, strconv.FormatBool(out.info.HasNext)}[m.rng.IntN(2)]
	} else {
		lack("has_next")
	}
	if out.info.Total > 0 || m.members.counts && out.info.Pages == 0 && m.rng.IntN(2) == 0 {
		page["data_count"], page["page_count"] = out.info.Total, strconv.FormatInt(out.info.Pages, 10)
	} else {
		lack("data_count")
		lack("page_count")
	}
	if m.members.size {
		page["page_size"] = out.info.Size
	} else {
		lack("page_size")
	}
	rows := []any{}
	for _, r := range out.rows {
		order := map[string]any{
			"ts": r.Version, "modified": r.Modified.Format("2006-01-02 15:04:05.000"), "pay_amount": fmt.Sprintf("%d.%02d", r.Content/100, r.Content%100),
		}
		if r.Key != "" {
			order["o_id"] = strings.TrimPrefix(r.Key, "k") + "1" // none is 0
		}
		rows = append(rows, order)
	}
	page["orders"] = rows
	return page
}
