package jushuitan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// pipeServer serves handler without a network, so that it can live inside a
// synctest bubble, and returns a client of it.
func pipeServer(t *testing.T, handler http.Handler) *http.Client {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: handler}
	stopped := make(chan struct{})
	go func() { _ = srv.Serve(l); close(stopped) }()
	tr := &http.Transport{MaxIdleConnsPerHost: 100, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		a, b := net.Pipe()
		select {
		case l.conns <- b:
			return a, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.done:
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
	}}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-stopped
	})
	return &http.Client{Transport: tr}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// served is a client of a handler, for one fixed token.
func served(t *testing.T, handler http.HandlerFunc, opts ...jushuitan.Option) *jushuitan.Client {
	t.Helper()
	opts = append([]jushuitan.Option{
		jushuitan.WithHTTPClient(pipeServer(t, handler)), jushuitan.WithBaseURL("http://fake.example"), jushuitan.WithToken("test-access-token-0001"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1000, Per: time.Nanosecond}), jushuitan.WithoutValidation(),
	}, opts...)
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"}, opts...)
	require.NoError(t, err)
	return c
}

const okShops = `{"code":0,"msg":"执行成功","data":{"page_index":1,"page_size":100,"has_next":false,"datas":[{"shop_id":1,"shop_name":"a"}]}}`

// TestEveryAttemptIsFresh: a repeat is signed anew, with a new time stamp.
func TestEveryAttemptIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var forms []url.Values
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			forms = append(forms, r.PostForm)
			if len(forms) < 3 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = io.WriteString(w, okShops)
		}, jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 3, MinWait: 4 * time.Second}))
		page, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		assert.Len(t, page.Shops, 1)

		require.Len(t, forms, 3)
		stamps, signs := map[string]bool{}, map[string]bool{}
		for _, f := range forms {
			stamps[f.Get("timestamp")], signs[f.Get("sign")] = true, true
			params := map[string]string{}
			for name := range f {
				params[name] = f.Get(name)
				assert.NotEmpty(t, f.Get(name), "no empty parameter is sent")
			}
			assert.Equal(t, jushuitan.Sign("test-secret-0001", params), f.Get("sign"))
		}
		assert.Len(t, stamps, 3)
		assert.Len(t, signs, 3)
	})
}

// TestNeverMoreThanTheQuota: whatever fails and is repeated, no second sees more
// than five requests at the server.
func TestNeverMoreThanTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var arrivals []time.Time
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			arrivals = append(arrivals, time.Now())
			n := len(arrivals)
			mu.Unlock()
			time.Sleep(time.Duration(n%7) * 90 * time.Millisecond) // virtual: answers take their time
			switch n % 4 {
			case 0:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 1:
				panic(http.ErrAbortHandler) // connection cut
			default:
				_, _ = io.WriteString(w, okShops)
			}
		}, jushuitan.WithQuota(jushuitan.Quota{Limit: 5, Per: time.Second}, jushuitan.Quota{Limit: 100, Per: time.Minute}),
			jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 10, MinWait: 10 * time.Millisecond, MaxWait: 50 * time.Millisecond}))
		begin := time.Now()
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		require.Greater(t, len(arrivals), 100, "repeats happened")
		for i := range arrivals {
			perSecond, perMinute := 0, 0
			for _, a := range arrivals[i:] {
				if d := a.Sub(arrivals[i]); d < time.Second {
					perSecond++
				}
				if d := a.Sub(arrivals[i]); d < time.Minute {
					perMinute++
				}
			}
			assert.LessOrEqual(t, perSecond, 5)
			assert.LessOrEqual(t, perMinute, 100)
		}
		assert.Less(t, time.Since(begin), 4*time.Minute, "and the quota is used")
	})
}

// TestCancelReturnsAtOnce: from wherever a call waits.
func TestCancelReturnsAtOnce(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		opts    []jushuitan.Option
		busy    bool // the quota is used up before
		outcome jushuitan.Outcome
	}{
		"limiter wait": {
			handler: func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, okShops) },
			opts:    []jushuitan.Option{jushuitan.WithQuota(jushuitan.Quota{Limit: 1, Per: time.Hour})},
			busy:    true, outcome: jushuitan.NotSent,
		},
		"backoff": {
			handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			opts:    []jushuitan.Option{jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Hour, MaxWait: time.Hour})},
			outcome: jushuitan.Unknown,
		},
		"hanging response": {handler: hang, outcome: jushuitan.Unknown},
		"hanging body": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, okShops[:40])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			},
			outcome: jushuitan.Unknown,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := served(t, tt.handler, tt.opts...)
				if tt.busy {
					_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
					require.NoError(t, err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				begin := time.Now()
				time.AfterFunc(10*time.Second, cancel)
				_, err := c.Shops.Query(ctx, &jushuitan.ShopQuery{})
				assert.ErrorIs(t, err, context.Canceled)
				assert.LessOrEqual(t, time.Since(begin), 10*time.Second+5*time.Millisecond)
				var e *jushuitan.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tt.outcome, e.Outcome)
			})
		})
	}
}

// TestRetryAfterIsCapped: a server cannot put the caller to sleep for a day.
func TestRetryAfterIsCapped(t *testing.T) {
	tests := map[string]struct {
		header   string
		min, max time.Duration
	}{
		"seconds":  {"20", 20 * time.Second, 21 * time.Second},
		"a day":    {"86400", 30 * time.Second, 31 * time.Second},
		"a date":   {"Wed, 01 Jan 2070 00:00:00 GMT", 30 * time.Second, 31 * time.Second},
		"negative": {"-5", 0, time.Second},
		"nonsense": {"soon", 0, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c := served(t, func(w http.ResponseWriter, r *http.Request) {
					if n++; n == 1 {
						w.Header().Set("Retry-After", tt.header)
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					_, _ = io.WriteString(w, okShops)
				})
				begin := time.Now()
				_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(begin), tt.min)
				assert.Less(t, time.Since(begin), tt.max)
			})
		})
	}
}

// TestFaults: each fault ends in its class, with attempts and outcome, for a
// read, a keyed and an unsafe write.
func TestFaults(t *testing.T) {
	text := httpmock.NewStringResponder
	answer := func(code int, msg string) httpmock.Responder {
		return text(200, fmt.Sprintf(`{"code":%d,"msg":%q,"request_id":"r-1","data":null}`, code, msg))
	}
	const attempts = 3
	type want struct {
		class    error
		outcome  jushuitan.Outcome
		attempts int
	}
	both := func(class error, outcome jushuitan.Outcome, n int) [3]want {
		return [3]want{{class, outcome, n}, {class, outcome, n}, {class, outcome, n}}
	}
	lost := func(class error) [3]want { // may have been carried out
		return [3]want{{class, jushuitan.Unknown, attempts}, {class, jushuitan.Unknown, attempts}, {class, jushuitan.Unknown, 1}}
	}
	tests := map[string]struct {
		respond httpmock.Responder
		want    [3]want // read, keyed, unsafe
	}{
		"code 199":           {answer(199, "超过每秒调用次数"), both(jushuitan.ErrRateLimited, jushuitan.Rejected, attempts)},
		"code 200":           {answer(200, "超过每分钟调用次数"), both(jushuitan.ErrRateLimited, jushuitan.Rejected, attempts)},
		"code 200 parameter": {answer(200, "参数错误"), both(jushuitan.ErrInvalid, jushuitan.Rejected, 1)},
		"code 10":            {answer(10, "签名错误"), both(jushuitan.ErrSign, jushuitan.Rejected, 1)},
		"code 100 token":     {answer(100, "access_token 无效"), both(jushuitan.ErrTokenExpired, jushuitan.Rejected, 1)},
		"code 100 business":  {answer(100, "上架仓位不能为空"), both(jushuitan.ErrInvalid, jushuitan.Rejected, 1)},
		"code 110":           {answer(110, "IP不在白名单"), both(jushuitan.ErrIPNotAllowed, jushuitan.Rejected, 1)},
		"code 130":           {answer(130, "数据为空"), both(jushuitan.ErrInvalid, jushuitan.Rejected, 1)},
		"code 140 clock":     {answer(140, "时间戳无效"), both(jushuitan.ErrTimestamp, jushuitan.Rejected, attempts)},
		"code 140 parameter": {answer(140, "参数不符合规范"), both(jushuitan.ErrInvalid, jushuitan.Rejected, 1)},
		"code 150 internal":  {answer(150, "系统异常"), lost(jushuitan.ErrUnavailable)},
		"code 150 grant":     {answer(150, "服务商应用不允许刷新token,请重新授权"), both(jushuitan.ErrReauthorize, jushuitan.Rejected, 1)},
		"code 190":           {answer(190, "没有接口权限"), both(jushuitan.ErrPermission, jushuitan.Rejected, 1)},
		"code as text":       {text(200, `{"code":"10","msg":"sign"}`), both(jushuitan.ErrSign, jushuitan.Rejected, 1)},
		"unknown code":       {answer(-4, "非法值"), both(jushuitan.ErrInvalid, jushuitan.Rejected, 1)},
		"500":                {text(500, "oops"), lost(jushuitan.ErrUnavailable)},
		"503":                {text(503, ""), lost(jushuitan.ErrUnavailable)},
		"429":                {text(429, ""), lost(jushuitan.ErrRateLimited)},
		"403":                {text(403, "forbidden"), both(jushuitan.ErrUnavailable, jushuitan.Unknown, 1)},
		"404":                {text(404, ""), both(jushuitan.ErrUnavailable, jushuitan.Unknown, 1)},
		"403 with a code":    {text(403, `{"code":110,"msg":"IP"}`), both(jushuitan.ErrIPNotAllowed, jushuitan.Rejected, 1)},
		"redirect": {func(req *http.Request) (*http.Response, error) {
			r := httpmock.NewStringResponse(302, "")
			r.Header.Set("Location", "https://elsewhere.example/x")
			r.Request = req
			return r, nil
		}, both(jushuitan.ErrUnavailable, jushuitan.Unknown, 1)},
		"reset":     {httpmock.NewErrorResponder(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), lost(jushuitan.ErrUnavailable)},
		"refused":   {httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), both(jushuitan.ErrUnavailable, jushuitan.NotSent, attempts)},
		"cut body":  {func(*http.Request) (*http.Response, error) { return cutResponse(), nil }, lost(jushuitan.ErrUnavailable)},
		"cut JSON":  {text(200, `{"code":0,"data":{"datas":[{"shop_`), lost(jushuitan.ErrUnavailable)},
		"empty":     {text(200, ""), lost(jushuitan.ErrUnavailable)},
		"HTML":      {text(200, "<!DOCTYPE html><title>维护中</title>"), lost(jushuitan.ErrUnavailable)},
		"no code":   {text(200, `{"data":[]}`), [3]want{{jushuitan.ErrDecode, jushuitan.Unknown, 1}, {jushuitan.ErrDecode, jushuitan.Unknown, 1}, {jushuitan.ErrDecode, jushuitan.Unknown, 1}}},
		"too large": {text(200, `{"code":0,"msg":"`+strings.Repeat("x", 5000)+`"}`), [3]want{{jushuitan.ErrDecode, jushuitan.Unknown, 1}, {jushuitan.ErrDecode, jushuitan.Unknown, 1}, {jushuitan.ErrDecode, jushuitan.Unknown, 1}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := []func(c *jushuitan.Client) error{
				func(c *jushuitan.Client) error {
					_, err := c.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
					return err
				},
				func(c *jushuitan.Client) error {
					_, err := c.Stocktakes.Upload(context.Background(), &jushuitan.StocktakeUpload{SoID: "CNT-1"})
					return err
				},
				func(c *jushuitan.Client) error {
					_, err := c.Orders.Split(context.Background(), &jushuitan.OrderSplitRequest{OID: 1})
					return err
				},
			}
			for i, kind := range []string{"read", "keyed", "unsafe"} {
				synctest.Test(t, func(t *testing.T) {
					c := mocked(t, tt.respond, jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: attempts}), jushuitan.WithMaxResponseBytes(4000), jushuitan.WithoutValidation())
					err := calls[i](c.ForMerchant("10010").WithToken("test-access-token-0001"))
					require.Error(t, err)
					w := tt.want[i]
					assert.ErrorIs(t, err, w.class, kind)
					var e *jushuitan.Error
					require.ErrorAs(t, err, &e)
					assert.Equal(t, w.outcome, e.Outcome, kind)
					assert.Equal(t, w.attempts, e.Attempts, kind)
					assert.Equal(t, "10010", e.Merchant)
					assert.Equal(t, i > 0 && w.outcome == jushuitan.Unknown, errors.Is(err, jushuitan.ErrOutcomeUnknown), "a write whose outcome is open says so")
					assert.Contains(t, err.Error(), "10010")
					assert.Contains(t, err.Error(), e.Op)
					assert.NotContains(t, err.Error(), "test-access-token")
				})
			}
		})
	}
}

// cutResponse promises more than it brings.
func cutResponse() *http.Response {
	r := httpmock.NewStringResponse(200, `{"code":0,`)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"code":0,`), errReader{}))
	r.ContentLength = 100
	return r
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestLostAnswerOfAWrite: the server does the work and the connection breaks.
func TestLostAnswerOfAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if n++; n == 1 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, `{"code":0,"msg":"","data":{"data":{"so_id":"CNT-1","io_id":7}}}`)
		})
		got, err := c.Stocktakes.Upload(t.Context(), &jushuitan.StocktakeUpload{SoID: "CNT-1"})
		require.NoError(t, err, "a keyed write is sent again")
		assert.EqualValues(t, 7, got.IOID)
		assert.Equal(t, 2, n)

		n = 0
		_, err = c.Purchases.Upload(t.Context(), &jushuitan.PurchaseUpload{})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "a keyed write without its key would be stored twice")
		assert.Equal(t, 1, n)
		n = 0
		_, _ = c.Purchases.Upload(t.Context(), &jushuitan.PurchaseUpload{ExternalID: "PO-1"})
		assert.Equal(t, 2, n)
		n = 0
		err = c.Inventory.SetVirtualQtys(t.Context(), &jushuitan.InventorySetVirtualQtysRequest{WMSCoID: 1, SKUAndQty: []jushuitan.VirtualQty{{SKUID: "A"}}})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "data is no text, which would prove it")
		assert.Equal(t, 2, n, "the key is in the rows")
		n = 0
		assert.ErrorIs(t, c.Inventory.SetVirtualQtys(t.Context(), &jushuitan.InventorySetVirtualQtysRequest{WMSCoID: 1, SKUAndQty: []jushuitan.VirtualQty{{SKUID: "A"}, {}}}), jushuitan.ErrOutcomeUnknown)

		n = 0
		_, err = c.Orders.Split(t.Context(), &jushuitan.OrderSplitRequest{OID: 1})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "an unsafe one is handed back")
		assert.ErrorIs(t, err, jushuitan.ErrUnavailable)
		assert.Equal(t, 1, n)

		n = 0
		err = c.Orders.SetRemark(t.Context(), &jushuitan.OrderSetRemarkRequest{OID: 1, Remark: "x", IsAppend: true})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "appending twice is not the same as once")
		n = 0
		err = c.Orders.SetRemark(t.Context(), &jushuitan.OrderSetRemarkRequest{OID: 1, Remark: "x"})
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, "the second answer has neither a flag nor a message")
		assert.Equal(t, 2, n, "replacing twice is the same as once")
	})
}

// TestLostThenThrottled: a lost answer is not forgotten because a later attempt
// was refused for another reason.
func TestLostThenThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := served(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, `{"code":199,"msg":"超过每秒调用次数"}`)
		}, jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 2}))
		_, err := c.Stocktakes.Upload(t.Context(), &jushuitan.StocktakeUpload{SoID: "CNT-1"})
		assert.ErrorIs(t, err, jushuitan.ErrRateLimited)
		assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
	})
}

// countingTransport is a caller's own.
type countingTransport struct {
	http.RoundTripper
	closed int
}

func (c *countingTransport) CloseIdleConnections() { c.closed++ }

// TestCallersClientIsUntouched: what the caller handed in is as it was.
func TestCallersClientIsUntouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &countingTransport{RoundTripper: httpmock.NewMockTransport()}
		tr.RoundTripper.(*httpmock.MockTransport).RegisterNoResponder(httpmock.NewStringResponder(500, ""))
		own := &http.Client{Transport: tr, Timeout: time.Minute}
		before := *own
		c := mocked(t, nil, jushuitan.WithHTTPClient(own), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 3}))
		_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.Error(t, err)
		assert.Equal(t, before.Timeout, own.Timeout)
		assert.Same(t, tr, own.Transport)
		assert.Nil(t, own.CheckRedirect)
		assert.Nil(t, own.Jar)
		assert.Zero(t, tr.closed, "the caller's idle connections are the caller's")
	})
}

// TestBizIsSentAsSigned: the bytes of biz survive the form for every troublesome
// character.
func TestBizIsSentAsSigned(t *testing.T) {
	for _, text := range []string{"<b>&+%/=", "中文", "😀", "a\u2028b\u2029c", `"quoted\`, "A&B=1,C+D%2F/E", " blanks ", "\t\n"} {
		var form url.Values
		c := mocked(t, func(req *http.Request) (*http.Response, error) {
			form = sentForm(t, req)
			return httpmock.NewStringResponse(200, `{"code":0,"msg":"执行成功","data":null}`), nil
		})
		require.NoError(t, c.Orders.SetRemark(context.Background(), &jushuitan.OrderSetRemarkRequest{OID: 1, Remark: text}))
		params := map[string]string{}
		for name := range form {
			params[name] = form.Get(name)
		}
		assert.Equal(t, jushuitan.Sign("secret", params), form.Get("sign"))
		var biz struct{ Remark string }
		require.NoError(t, json.Unmarshal([]byte(form.Get("biz")), &biz))
		assert.Equal(t, text, biz.Remark)
		assert.NotContains(t, form.Get("biz"), `\u003c`, "no escapes for HTML")
	}
}

func TestCallUntyped(t *testing.T) {
	c := mocked(t, func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "/open/some/new/path", req.URL.Path)
		assert.JSONEq(t, `{"a":1}`, sentForm(t, req).Get("biz"))
		return httpmock.NewStringResponse(200, `{"code":0,"data":{"n":"12","t":"2024-06-11 09:20:31"}}`), nil
	})
	var out struct {
		N int64     `json:"n"`
		T time.Time `json:"t"`
	}
	require.NoError(t, c.Call(t.Context(), "/open/some/new/path", map[string]int{"a": 1}, &out, jushuitan.CodeZeroIsApplied()))
	assert.EqualValues(t, 12, out.N)
	assert.Equal(t, 2024, out.T.Year())
	var raw json.RawMessage
	require.NoError(t, c.Call(t.Context(), "/open/some/new/path", map[string]int{"a": 1}, &raw, jushuitan.AsRead()))
	assert.JSONEq(t, `{"n":"12","t":"2024-06-11 09:20:31"}`, string(raw))
	assert.Error(t, c.Call(t.Context(), "/open/some/new/path", nil, out), "out must be a pointer")
	raw = nil
	require.ErrorIs(t, c.Call(t.Context(), "/open/some/new/path", map[string]int{"a": 1}, &raw), jushuitan.ErrOutcomeUnknown, "code 0 is no evidence")
	assert.JSONEq(t, `{"n":"12","t":"2024-06-11 09:20:31"}`, string(raw), "what was answered is kept")
}

// TestWrongDataNamesThePath: a decode error names the field.
func TestWrongDataNamesThePath(t *testing.T) {
	body := `{"code":0,"msg":"","data":{"orders":[{"o_id":1},{"o_id":2},{"o_id":3},{"o_id":4,"pay_amount":"十元"}]}}`
	c := mocked(t, httpmock.NewStringResponder(200, body))
	_, err := c.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"x"}})
	require.ErrorIs(t, err, jushuitan.ErrDecode)
	assert.ErrorContains(t, err, "data.orders[3].pay_amount")
	assert.NotContains(t, err.Error(), "十元")
}

// TestPlacesOfThePayload reads rows wherever sources have seen them.
func TestPlacesOfThePayload(t *testing.T) {
	row := `{"sku_id":"A","stocks":[{"lwh_id":5,"qty":2}]}`
	for name, body := range map[string]string{
		"root":            `{"code":0,"has_next":false,"data":[` + row + `]}`,
		"data":            `{"code":0,"data":{"data":[` + row + `],"has_next":false}}`,
		"numbers as text": `{"code":"0","data":{"data":[{"sku_id":"A","stocks":[{"lwh_id":"5","qty":"2"}]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := mocked(t, httpmock.NewStringResponder(200, body))
			page, err := c.VirtualWarehouses.QueryStock(t.Context(), &jushuitan.VirtualStockQuery{})
			require.NoError(t, err)
			require.Len(t, page.VirtualStocks, 1)
			assert.Equal(t, "2", page.VirtualStocks[0].Stocks[0].Qty.String())
		})
	}
	for name, body := range map[string]string{
		"data":      `{"code":0,"data":{"datas":[{"shop_id":7}]}}`,
		"data.data": `{"code":0,"data":{"data":{"datas":[{"shop_id":7}]}}}`,
		"root":      `{"code":0,"data":null,"datas":[{"shop_id":7}]}`,
		"bare":      `{"code":0,"data":[{"shop_id":7}]}`,
		"bare deep": `{"code":0,"data":{"data":[{"shop_id":7}]}}`,
	} {
		t.Run("shops in "+name, func(t *testing.T) {
			c := mocked(t, httpmock.NewStringResponder(200, body))
			page, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.NoError(t, err)
			require.Len(t, page.Shops, 1)
			assert.EqualValues(t, 7, page.Shops[0].ShopID)
		})
	}
}

// TestCodeZeroIsNotEnough: refusals that hide behind code 0.
func TestCodeZeroIsNotEnough(t *testing.T) {
	tests := map[string]struct {
		body string
		call func(c *jushuitan.Client) error
	}{
		"null data where there must be some": {`{"code":0,"msg":"未获取到有效的传入数据","data":null}`, func(c *jushuitan.Client) error {
			return c.Inventory.SetVirtualQtys(context.Background(), &jushuitan.InventorySetVirtualQtysRequest{WMSCoID: 1, SKUAndQty: []jushuitan.VirtualQty{{SKUID: "A"}}})
		}},
		"code inside data": {`{"code":0,"msg":"","data":{"code":1,"msg":"库存不足","io_id":0}}`, func(c *jushuitan.Client) error {
			_, err := c.VirtualWarehouses.CreateAllocation(context.Background(), &jushuitan.VirtualAllocationCreateRequest{SoID: "x"})
			return err
		}},
		"issuccess false": {`{"code":0,"issuccess":false,"msg":"订单不存在"}`, func(c *jushuitan.Client) error {
			return c.Orders.SetLabels(context.Background(), &jushuitan.OrderSetLabelsRequest{OID: 1})
		}},
		"issuccess as text": {`{"code":0,"issuccess":"false","msg":"订单不存在","data":{}}`, func(c *jushuitan.Client) error {
			return c.Orders.SetLabels(context.Background(), &jushuitan.OrderSetLabelsRequest{OID: 1})
		}},
		"failed rows": {`{"code":0,"data":{"success":[],"fail":[{"as_id":3,"message":"未找到售后单"}],"fail_count":1}}`, func(c *jushuitan.Client) error {
			_, err := c.AfterSales.Confirm(context.Background(), &jushuitan.AfterSaleConfirmRequest{ASIDs: []int64{3}})
			return err
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.call(mocked(t, httpmock.NewStringResponder(200, tt.body), jushuitan.WithoutValidation()))
			require.ErrorIs(t, err, jushuitan.ErrInvalid)
			var e *jushuitan.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, jushuitan.Rejected, e.Outcome)
		})
	}
}
