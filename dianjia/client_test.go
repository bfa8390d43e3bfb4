package dianjia_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

var (
	target   = dianjia.Target{EntID: "10010", StorageCode: "133242"}
	shipment = &jushuitan.ShipmentPush{
		OID: 200001, SoID: "SO-1", LID: "YT1", LCID: "YTO", LogisticsCompany: "圆通速递",
		SendDate: time.Date(2024, 1, 1, 4, 0, 0, 0, time.UTC),
		Items:    []jushuitan.ShipmentPushItem{{SKUID: "SKU-A", Qty: decimal.NewFromInt(2), OuterOIID: "SO-1-1"}},
	}
	cancel   = &jushuitan.CancelPush{SoID: "SO-1", Remark: "缺货"}
	returned = &jushuitan.GoodsReturnedPush{ASID: 400001, OuterASID: "RT-1", Action: jushuitan.GoodsReceived}
	stock    = &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "SKU-A", Qty: decimal.RequireFromString("15.5")}}}
)

const accepted = `{"code":"0","msg":"执行成功"}`

// all sends one push of each kind.
func all(ctx context.Context, c *dianjia.Client) map[jushuitan.PushMethod]error {
	return map[jushuitan.PushMethod]error{
		jushuitan.PushShipment: c.SendShipment(ctx, target, shipment), jushuitan.PushCancel: c.SendCancel(ctx, target, cancel),
		jushuitan.PushGoodsReturned: c.SendGoodsReturned(ctx, target, returned), jushuitan.PushStock: c.SendStock(ctx, target, stock),
	}
}

// A receiver that checks everything sees what Jushuitan would have sent.
func TestPushes(t *testing.T) {
	bodies := map[string]string{
		"delivery_callback":     `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","logistics_company":"圆通速递","send_date":"2024-01-01 12:00:00","items":[{"sku_id":"SKU-A","qty":2,"outer_oi_id":"SO-1-1"}]}`,
		"cancal_callback":       `{"so_id":"SO-1","remark":"缺货"}`,
		"return_goods_callback": `{"as_id":400001,"outer_as_id":"RT-1","action_name":"确认收货"}`,
		"stock_callback":        `{"datas":[{"sku_id":"SKU-A","qty":15.5}]}`,
	}
	for _, secret := range []string{"", canary} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			q := r.URL.Query()
			p, err := dianjia.ParseURL("http://" + r.Host + r.URL.String())
			assert.NoError(t, err)
			assert.Equal(t, string(p.Kind), q.Get("method"))
			assert.Equal(t, []string{"10010", "133242"}, []string{p.EntID, p.StorageCode})
			assert.Equal(t, p.Kind == jushuitan.PushStock, q.Get("type") == "2")
			assert.Equal(t, "erp", q.Get("partnerid"))
			assert.Equal(t, "1700000000", q.Get("ts"))
			form, ok := pushsign.Valid(q.Get("method"), r.URL.RawQuery, q.Get("sign"))
			assert.True(t, ok)
			assert.Equal(t, "sorted", form)
			if secret == "" {
				assert.False(t, q.Has("jstToken"))
			} else {
				assert.True(t, pushsign.ValidToken(q.Get("jstToken"), q.Get("method"), "10010", "133242", []string{secret}))
			}
			assert.Equal(t, http.MethodPost, r.Method)
			assert.True(t, strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"))
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			assert.Equal(t, bodies[name], string(body))
			_, _ = io.WriteString(w, accepted)
		}))
		c, err := dianjia.New(dianjia.Config{
			URLs: dianjia.URLBuilder{BaseURL: server.URL + "/dex", Secret: secret}, Now: func() time.Time { return time.Unix(1700000000, 0) },
		})
		require.NoError(t, err)
		for kind, err := range all(t.Context(), c) {
			assert.NoError(t, err, kind)
		}
		server.Close()
		assert.EqualValues(t, 4, calls.Load())
	}
}

// mocked makes a client whose endpoint is respond.
func mocked(t *testing.T, cfg dianjia.Config, respond httpmock.Responder) *dianjia.Client {
	t.Helper()
	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(respond)
	cfg.HTTPClient = &http.Client{Transport: transport}
	cfg.URLs.Secret = canary
	c, err := dianjia.New(cfg)
	require.NoError(t, err)
	return c
}

func TestAnswers(t *testing.T) {
	const rejected, unknown, notSent = jushuitan.Rejected, jushuitan.Unknown, jushuitan.NotSent
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	tests := map[string]struct {
		status   int
		body     string
		err      error // of the transport
		class    error // nil: accepted
		code     string
		msg      string
		outcome  jushuitan.Outcome
		repeated bool // cancel is sent again
		all      bool // and so are the others
	}{
		"Jushuitan's form":       {status: 200, body: accepted},
		"numeric":                {status: 200, body: `{"code":0}`},
		"DianJia's form":         {status: 200, body: `{"resultCode":"success"}`},
		"201":                    {status: 201, body: accepted},
		"refused":                {status: 200, body: `{"code":"-1","msg":"x"}`, class: dianjia.ErrRefused, code: "-1", msg: "x", outcome: rejected},
		"refused, DianJia":       {status: 200, body: `{"resultCode":"exception"}`, class: dianjia.ErrRefused, code: "exception", outcome: rejected},
		"no code":                {status: 200, body: `{"status":200}`, class: dianjia.ErrRefused, outcome: unknown},
		"page":                   {status: 200, body: `<html>`, class: dianjia.ErrRefused, outcome: unknown},
		"too long":               {status: 200, body: strings.Repeat(" ", 64<<10) + accepted, class: dianjia.ErrRefused, outcome: unknown},
		"empty":                  {status: 200, class: dianjia.ErrUnavailable, outcome: unknown, repeated: true},
		"204":                    {status: 204, class: dianjia.ErrUnavailable, outcome: unknown, repeated: true},
		"redirect":               {status: 302, class: dianjia.ErrUnavailable, outcome: unknown},
		"403":                    {status: 403, body: `{"code":"-1"}`, class: dianjia.ErrRefused, code: "-1", outcome: rejected},
		"404, accepted by whom?": {status: 404, body: accepted, class: dianjia.ErrUnavailable, outcome: unknown},
		"408":                    {status: 408, class: dianjia.ErrUnavailable, outcome: unknown, repeated: true},
		"429":                    {status: 429, body: `{"code":"-1"}`, class: dianjia.ErrUnavailable, code: "-1", outcome: rejected, repeated: true, all: true},
		"500":                    {status: 500, body: `<html>`, class: dianjia.ErrUnavailable, outcome: unknown, repeated: true},
		"500, refused":           {status: 500, body: `{"code":"-1"}`, class: dianjia.ErrUnavailable, code: "-1", outcome: unknown, repeated: true},
		"503 with a text":        {status: 503, body: `{"msg":"系统维护中"}`, class: dianjia.ErrUnavailable, msg: "系统维护中", outcome: unknown, repeated: true},
		"503":                    {status: 503, body: `{"code":"-1"}`, class: dianjia.ErrUnavailable, code: "-1", outcome: unknown, repeated: true},
		"no connection":          {err: dial, class: dianjia.ErrUnavailable, outcome: notSent, repeated: true, all: true},
		"answer lost":            {err: io.ErrUnexpectedEOF, class: dianjia.ErrUnavailable, outcome: unknown, repeated: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := mocked(t, dianjia.Config{}, func(*http.Request) (*http.Response, error) {
					if tt.err != nil {
						return nil, tt.err
					}
					res := httpmock.NewStringResponse(tt.status, tt.body)
					res.Header.Set("Location", "https://elsewhere.example/?token="+canary)
					return res, nil
				})
				for kind, err := range all(t.Context(), c) {
					if tt.class == nil {
						assert.NoError(t, err, kind)
						continue
					}
					require.ErrorIs(t, err, tt.class, kind)
					e, ok := errors.AsType[*dianjia.Error](err)
					require.True(t, ok)
					attempts := 1
					if tt.all || tt.repeated && (kind == jushuitan.PushCancel || kind == jushuitan.PushStock) {
						attempts = 4
					}
					assert.Equal(t, attempts, e.Attempts, kind)
					assert.Equal(t, tt.outcome, e.Outcome, kind)
					assert.Equal(t, tt.outcome == unknown, errors.Is(err, dianjia.ErrOutcomeUnknown))
					assert.Equal(t, []string{tt.code, "10010", "133242", string(kind)}, []string{e.Code, e.EntID, e.StorageCode, string(e.Kind)})
					assert.Equal(t, tt.status, e.HTTPStatus)
					assert.Equal(t, tt.msg, e.Msg)
					assert.Equal(t, tt.class == dianjia.ErrUnavailable, e.Temporary())
					assert.Contains(t, e.Hint(), " / ")
					assert.NotContains(t, shown(err), canary)
				}
			})
		})
	}
}

func TestRetryLostAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		kinds []jushuitan.PushMethod
		want  map[jushuitan.PushMethod]int
	}{
		"none":     {[]jushuitan.PushMethod{}, map[jushuitan.PushMethod]int{}},
		"shipment": {[]jushuitan.PushMethod{jushuitan.PushShipment}, map[jushuitan.PushMethod]int{jushuitan.PushShipment: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := mocked(t, dianjia.Config{RetryLostAnswers: tt.kinds}, httpmock.NewStringResponder(500, ""))
				for kind, err := range all(t.Context(), c) {
					e, ok := errors.AsType[*dianjia.Error](err)
					require.True(t, ok)
					assert.Equal(t, max(1, tt.want[kind]), e.Attempts, kind)
				}
			})
		})
	}
}

// Each attempt has its own stamp and signature and the same body; Retry-After is
// kept up to the cap.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var signs, bodies []string
		begin := time.Now()
		var at []time.Duration
		c := mocked(t, dianjia.Config{}, func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			_, ok := pushsign.Valid(q.Get("method"), r.URL.RawQuery, q.Get("sign"))
			assert.True(t, ok)
			assert.Equal(t, strconv.FormatInt(time.Now().Unix(), 10), q.Get("ts"))
			body, _ := io.ReadAll(r.Body)
			signs, bodies, at = append(signs, q.Get("sign")), append(bodies, string(body)), append(at, time.Since(begin))
			res := httpmock.NewStringResponse(503, "")
			switch len(signs) {
			case 1:
				res.Header.Set("Retry-After", "7")
			case 2:
				res.Header.Set("Retry-After", "86400")
			case 3:
				return httpmock.NewStringResponse(200, accepted), nil
			}
			return res, nil
		})
		require.NoError(t, c.SendCancel(t.Context(), target, cancel))
		require.Len(t, signs, 3)
		assert.Equal(t, []time.Duration{0, 7 * time.Second, 37 * time.Second}, at)
		assert.NotEqual(t, signs[0], signs[1])
		assert.Equal(t, []string{bodies[0], bodies[0], bodies[0]}, bodies)
	})
}

// A refusal after a lost answer may be that of a repeat.
func TestRefusedAfterLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := mocked(t, dianjia.Config{}, func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return httpmock.NewStringResponse(200, `{"code":"-1","msg":"重复"}`), nil
		})
		err := c.SendCancel(t.Context(), target, cancel)
		require.ErrorIs(t, err, dianjia.ErrRefused)
		require.ErrorIs(t, err, dianjia.ErrOutcomeUnknown)
		assert.Equal(t, 2, n)
	})
}

func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		c := mocked(t, dianjia.Config{Timeout: time.Second}, hang)
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(1200*time.Millisecond, stop) // while waiting
		begin := time.Now()
		err := c.SendCancel(ctx, target, cancel)
		assert.Equal(t, 1200*time.Millisecond, time.Since(begin))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, dianjia.ErrOutcomeUnknown)

		err = c.SendCancel(ctx, target, cancel)
		require.ErrorIs(t, err, context.Canceled)
		e, _ := errors.AsType[*dianjia.Error](err)
		assert.Equal(t, jushuitan.NotSent, e.Outcome)
		assert.Zero(t, e.Attempts)

		begin = time.Now()
		err = c.SendShipment(t.Context(), target, shipment)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begin), "the attempt's own timeout")
	})
}

func TestInvalid(t *testing.T) {
	c := mocked(t, dianjia.Config{}, func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, io.EOF
	})
	ctx := t.Context()
	for name, err := range map[string]error{
		"nil":            c.SendShipment(ctx, target, nil),
		"no merchant":    c.SendCancel(ctx, dianjia.Target{StorageCode: "1"}, cancel),
		"no storage":     c.SendCancel(ctx, dianjia.Target{EntID: "1"}, cancel),
		"no waybill":     c.SendShipment(ctx, target, &jushuitan.ShipmentPush{SoID: "SO-1"}),
		"no order":       c.SendCancel(ctx, target, &jushuitan.CancelPush{}),
		"no after-sale":  c.SendGoodsReturned(ctx, target, &jushuitan.GoodsReturnedPush{Action: jushuitan.GoodsReceived}),
		"no action":      c.SendGoodsReturned(ctx, target, &jushuitan.GoodsReturnedPush{ASID: 1}),
		"unknown action": c.SendGoodsReturned(ctx, target, &jushuitan.GoodsReturnedPush{ASID: 1, Action: "其他"}),
		"no SKU":         c.SendStock(ctx, target, &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{}}}),
	} {
		require.ErrorIs(t, err, dianjia.ErrInvalid, name)
		e, ok := errors.AsType[*dianjia.Error](err)
		require.True(t, ok)
		assert.Equal(t, jushuitan.NotSent, e.Outcome, name)
	}
	for name, cfg := range map[string]dianjia.Config{
		"base":    {URLs: dianjia.URLBuilder{BaseURL: "h"}},
		"timeout": {Timeout: -1}, "limit": {MaxReplyBytes: -1}, "retry": {Retry: jushuitan.RetryPolicy{MaxWait: -1}},
		"kind": {RetryLostAnswers: []jushuitan.PushMethod{"x"}},
	} {
		_, err := dianjia.New(cfg)
		assert.Error(t, err, name)
	}
}

// Whatever the endpoint or the transport says, no query, token or sign gets out.
func TestNoLeaks(t *testing.T) {
	const mobile = "13800138000"
	var query, token, sign string
	see := func(r *http.Request) {
		query, token, sign = r.URL.RawQuery, r.URL.Query().Get("jstToken"), r.URL.Query().Get("sign")
	}
	for name, respond := range map[string]httpmock.Responder{
		"transport": func(r *http.Request) (*http.Response, error) {
			see(r)
			return nil, fmt.Errorf("proxy: POST %s failed", r.URL)
		},
		"message": func(r *http.Request) (*http.Response, error) {
			see(r)
			return httpmock.NewStringResponse(200, `{"code":"`+sign+`","msg":"bad `+query+` `+token+` `+sign+` `+mobile+`"}`), nil
		},
		"redirect": func(r *http.Request) (*http.Response, error) {
			see(r)
			res := httpmock.NewStringResponse(301, "")
			res.Header.Set("Location", r.URL.String())
			return res, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := mocked(t, dianjia.Config{}, respond).SendShipment(t.Context(), target, shipment)
			require.Error(t, err)
			for e := err; e != nil; e = errors.Unwrap(e) {
				text := shown(e)
				for _, secret := range []string{canary, query, token, sign, mobile, "partnerid"} {
					assert.NotContains(t, text, secret)
				}
			}
		})
	}
}

func TestRedirectAndCallersClient(t *testing.T) {
	var followed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/else" {
			followed.Add(1)
		}
		http.Redirect(w, r, "/else", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	mine := &http.Client{Timeout: time.Minute}
	c, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: server.URL}, HTTPClient: mine})
	require.NoError(t, err)
	err = c.SendStock(t.Context(), target, stock)
	require.ErrorIs(t, err, dianjia.ErrUnavailable)
	assert.Zero(t, followed.Load())
	assert.Nil(t, mine.CheckRedirect)
	assert.Nil(t, mine.Transport)
}

// A client for DianJia's four endpoints: with tokens in its URLs, and at most ten pushes a
// second.
func ExampleNew() {
	client, err := dianjia.New(dianjia.Config{
		URLs:    dianjia.URLBuilder{Secret: "from the host's configuration"}, // of DianJia
		Limiter: rate.NewLimiter(10, 1),
	})
	fmt.Println(client != nil, err)
	_, err = dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: "open.dianplus.cn"}})
	fmt.Println(err != nil)
	// Output:
	// true <nil>
	// true
}

func ExampleClient_SendCancel() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.URL.Query().Get("method"))
		_, _ = io.WriteString(w, `{"resultCode":"success"}`)
	}))
	defer server.Close()
	client, err := dianjia.New(dianjia.Config{URLs: dianjia.URLBuilder{BaseURL: server.URL}}) // without BaseURL: DianJia
	if err != nil {
		fmt.Println(err)
		return
	}
	err = client.SendCancel(context.Background(), dianjia.Target{EntID: "10010", StorageCode: "133242"},
		&jushuitan.CancelPush{SoID: "SO-1", Remark: "缺货"})
	fmt.Println(err)
	// Output:
	// POST /cancal_callback cancel.order
	// <nil>
}
