package receive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

type (
	config   = receive.Config[string, jushuitan.ClaimState]
	receiver = receive.Receiver[string, jushuitan.ClaimState]
)

func newReceiver(t *testing.T, cfg config) *receiver {
	t.Helper()
	cfg.Memory = jushuitan.NewMemoryDeduper(0)
	r, err := receive.New(cfg)
	require.NoError(t, err)
	return r
}

func networks(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// TestConfig: what cannot work is refused, in words that name the field.
func TestConfig(t *testing.T) {
	for name, cfg := range map[string]config{
		"ProxyHeader and Proxies need each other":        {ProxyHeader: "X-Real-Ip"},
		"须同时设置":                                          {Proxies: networks("10.0.0.0/8")},
		"both Deduper and NoDedupe are set":              {NoDedupe: true, Deduper: jushuitan.NewMemoryDeduper(0)},
		"a network of Sources or Proxies is not valid":   {Sources: []netip.Prefix{{}}},
		"MaxBody is -1, must not be negative":            {MaxBody: -1},
		"BodyTimeout is -1, must not be negative":        {BodyTimeout: -1},
		"ClaimTTL is -1000000000, must not be negative":  {ClaimTTL: -time.Second},
		"CommitTTL is -1000000000, must not be negative": {CommitTTL: -time.Second},
	} {
		_, err := receive.New(cfg)
		require.ErrorContains(t, err, name)
	}
	r := newReceiver(t, config{})
	assert.EqualValues(t, 4<<20, r.MaxBody())
	assert.Equal(t, 3*time.Second, r.Wait())
	assert.True(t, r.Active(), "repeats are known without a word about it")
	assert.False(t, newReceiver(t, config{NoDedupe: true}).Active())
	assert.WithinDuration(t, time.Now(), r.Now(), time.Minute)
	assert.True(t, r.Local())
	assert.False(t, newReceiver(t, config{Deduper: broken{jushuitan.NewMemoryDeduper(0)}}).Local(), "a store of the host")
	mapped := networks("::ffff:203.0.113.0/120")
	newReceiver(t, config{Sources: mapped})
	assert.Equal(t, networks("::ffff:203.0.113.0/120"), mapped, "the caller's list stays as it is")
}

// TestWindow: a time stamp at a bound is taken, one beyond is refused, and a bound of 0
// or less is none.
func TestWindow(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const age, ahead = 10 * time.Minute, 2 * time.Minute
	for _, tt := range []struct {
		name       string
		age, ahead time.Duration
		stamp      time.Time
		refused    string
	}{
		{"now", age, ahead, now, ""},
		{"as old as may be", age, ahead, now.Add(-age), ""},
		{"too old", age, ahead, now.Add(-age - time.Millisecond), "10m0s old"},
		{"as early as may be", age, ahead, now.Add(ahead), ""},
		{"too early", age, ahead, now.Add(ahead + time.Second), "2m1s ahead"},
		{"missing", age, ahead, time.Time{}, "it is missing"},
		{"missing, one bound", age, 0, time.Time{}, "it is missing"},
		{"years old, only ahead is bound", 0, ahead, now.AddDate(-3, 0, 0), ""},
		{"years ahead, only age is bound", age, 0, now.AddDate(3, 0, 0), ""},
		{"nothing is bound", 0, 0, time.Time{}, ""},
		{"a negative bound is none", -1, -1, now.AddDate(-3, 0, 0), ""},
		{"the smallest age", 1, 0, now.Add(-2), "0s old"},
		{"as old as the smallest", 1, 0, now.Add(-1), ""},
		{"the smallest ahead", 0, 1, now.Add(2), "0s ahead"},
		{"as early as the smallest", 0, 1, now.Add(1), ""},
		{"the smallest age, missing", 1, 0, time.Time{}, "it is missing"},
		{"the smallest ahead, missing", 0, 1, time.Time{}, "it is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, config{MaxAge: tt.age, MaxAhead: tt.ahead, Now: func() time.Time { return now }})
			assert.Equal(t, tt.age > 0 || tt.ahead > 0, r.Dated())
			err := r.InTime(tt.stamp)
			if tt.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, receive.ErrWindow)
			require.ErrorContains(t, err, tt.refused)
		})
	}
}

// TestSource: IPv4 is one family, however a connection, a proxy or a network writes it,
// and only a trusted proxy is believed.
func TestSource(t *testing.T) {
	const sender = "203.0.113.9"
	for _, tt := range []struct {
		name     string
		sources  []netip.Prefix
		proxies  []netip.Prefix
		remote   string
		header   []string
		source   string // "": unknown
		accepted bool
	}{
		{"no networks", nil, nil, sender + ":1", nil, sender, true},
		{"its network", networks("203.0.113.0/24"), nil, sender + ":1", nil, sender, true},
		{"another network", networks("198.51.100.0/24"), nil, sender + ":1", nil, sender, false},
		{"mapped network", networks("::ffff:203.0.113.0/120"), nil, sender + ":1", nil, sender, true},
		{"mapped network of all", networks("::ffff:0.0.0.0/96"), nil, sender + ":1", nil, sender, true},
		{"mapped network of others", networks("::ffff:198.51.100.0/120"), nil, sender + ":1", nil, sender, false},
		{"mapped connection", networks("203.0.113.0/24"), nil, "[::ffff:203.0.113.9]:1", nil, sender, true},
		{"mapped proxy", nil, networks("::ffff:10.0.0.0/104"), "10.0.0.1:1", []string{sender}, sender, true},
		{"IPv6 with a zone", networks("fe80::/10"), nil, "[fe80::1%eth0]:1", nil, "fe80::1", true},
		{"IPv6 network", networks("2001:db8::/120"), nil, "[2001:db8::9]:1", nil, "2001:db8::9", true},
		{"beside an IPv6 network", networks("2001:db8::/120"), nil, "[2001:db8:1::9]:1", nil, "2001:db8:1::9", false},
		{"unknown connection", networks("0.0.0.0/0", "::/0"), nil, "@", nil, "", false},
		{"unknown connection, no networks", nil, nil, "@", nil, "", true},
		{"not a proxy", networks("203.0.113.0/24"), networks("10.0.0.0/8"), "192.0.2.1:1", []string{sender}, "192.0.2.1", false},
		{"by a proxy", networks("203.0.113.0/24"), networks("10.0.0.0/8"), "10.0.0.1:1", []string{sender}, sender, true},
		{"by two proxies", nil, networks("10.0.0.0/8"), "10.0.0.1:1", []string{"6.6.6.6, " + sender + ", 10.0.0.2"}, sender, true},
		{"by two headers", nil, networks("10.0.0.0/8"), "10.0.0.1:1", []string{"6.6.6.6", sender}, sender, true},
		{"by a proxy, with a port", nil, networks("10.0.0.0/8"), "10.0.0.1:1", []string{sender + ":4711"}, sender, true},
		{"the proxy itself", nil, networks("10.0.0.0/8"), "10.0.0.1:1", nil, "10.0.0.1", true},
		{"a proxy that names nobody", networks("203.0.113.0/24"), networks("10.0.0.0/8"), "10.0.0.1:1", []string{sender + ", unknown"}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config{Sources: tt.sources, Proxies: tt.proxies}
			if tt.proxies != nil {
				cfg.ProxyHeader = "x-forwarded-for"
			}
			r := newReceiver(t, cfg)
			source := r.Source(&http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.header}})
			assert.Equal(t, tt.source != "", source.IsValid())
			if tt.source != "" {
				assert.Equal(t, tt.source, source.String())
			}
			if err := r.FromSource(source); !tt.accepted {
				require.ErrorIs(t, err, receive.ErrSource)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func request(body io.Reader) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/", body)
}

// TestBody: as long as the limit is read, one byte more is not, whatever length is
// announced.
func TestBody(t *testing.T) {
	const limit = 1000
	r := newReceiver(t, config{})
	for _, length := range []int{0, 1, limit - 1, limit, limit + 1, 3 * limit} {
		for _, announced := range []int64{-1, 1, int64(length), 1 << 40} {
			text := strings.Repeat("x", length)
			req := request(io.MultiReader(strings.NewReader(text))) // no type that tells its length
			req.ContentLength = announced
			body, err := r.Body(httptest.NewRecorder(), req, limit)
			if length <= limit {
				require.NoError(t, err)
				assert.Equal(t, text, string(body))
				continue
			}
			require.ErrorIs(t, err, receive.ErrTooLarge)
			require.ErrorContains(t, err, "more than 1000 bytes")
			assert.Empty(t, body)
		}
	}
	for _, none := range []io.ReadCloser{nil, http.NoBody} {
		req := request(nil)
		req.Body = none
		body, err := r.Body(httptest.NewRecorder(), req, limit)
		require.NoError(t, err)
		assert.Empty(t, body)
	}
	w := httptest.NewRecorder()
	_, err := r.Body(w, request(io.MultiReader(strings.NewReader("x"), &failing{io.ErrUnexpectedEOF})), limit)
	require.ErrorIs(t, err, receive.ErrRequest)
	require.NotErrorIs(t, err, receive.ErrLate)
	require.ErrorContains(t, err, "did not arrive whole")
	assert.Empty(t, w.Header().Get("Connection"))
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// connection is a writer whose read deadline ends a body that never comes.
type connection struct {
	*httptest.ResponseRecorder
	ended chan struct{}
}

func (c *connection) SetReadDeadline(at time.Time) error {
	if time.Until(at) <= 0 {
		close(c.ended)
	}
	return nil
}

func (c *connection) Read([]byte) (int, error) { <-c.ended; return 0, os.ErrDeadlineExceeded }

// wrapped is a writer of a middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestBodyThatNeverEnds: it ends with the context of the request, also one that a
// middleware cancels, and with the timeout; the connection is closed then.
func TestBodyThatNeverEnds(t *testing.T) {
	stopped := errors.New("the host stops")
	for _, tt := range []struct {
		name   string
		ctx    func(context.Context) (context.Context, func())
		middle bool // a middleware wraps the writer
		after  time.Duration
		cause  error
	}{
		{"timeout", func(ctx context.Context) (context.Context, func()) { return context.WithoutCancel(ctx), func() {} }, false, 30 * time.Second, context.DeadlineExceeded},
		{"timeout, wrapped writer", func(ctx context.Context) (context.Context, func()) { return ctx, func() {} }, true, 30 * time.Second, context.DeadlineExceeded},
		{"cancelled", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(2*time.Second, func() { cancel(stopped) })
			return ctx, func() {}
		}, false, 2 * time.Second, stopped},
		{"deadline of a middleware, wrapped writer", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(ctx, time.Second, stopped)
			return ctx, cancel
		}, true, time.Second, stopped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &connection{ResponseRecorder: httptest.NewRecorder(), ended: make(chan struct{})}
				var w http.ResponseWriter = c
				if tt.middle {
					w = wrapped{wrapped{c}}
				}
				ctx, end := tt.ctx(t.Context())
				defer end()
				begin := time.Now()
				_, err := newReceiver(t, config{}).Body(w, request(io.MultiReader(strings.NewReader("x"), c)).WithContext(ctx), 1000)
				assert.Equal(t, tt.after, time.Since(begin))
				require.ErrorIs(t, err, receive.ErrLate)
				require.ErrorIs(t, err, receive.ErrRequest)
				require.ErrorIs(t, err, tt.cause)
				assert.Equal(t, "close", c.Header().Get("Connection"))
			})
		})
	}
}

// TestBodyOfAConnection: the same over a real connection, where nothing but the
// deadline ends the reading.
func TestBodyOfAConnection(t *testing.T) {
	r := newReceiver(t, config{})
	stopped, result := errors.New("the host stops"), make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithCancelCause(req.Context())
		defer cancel(nil)
		first := &first{Reader: req.Body, read: func() { cancel(stopped) }}
		req.Body = io.NopCloser(first)
		_, err := r.Body(w, req.WithContext(ctx), 1000)
		result <- err
	}))
	defer server.Close()
	body, end := io.Pipe()
	defer func() { _ = end.Close() }()
	go func() { _, _ = end.Write([]byte("x")) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	require.NoError(t, err)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.ErrorIs(t, <-result, stopped)
	assert.True(t, resp.Close, "the connection is not used again")
}

// first calls a function when something was read.
type first struct {
	io.Reader
	read func()
}

func (f *first) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	f.read()
	return n, err
}

// TestBodyLeavesTheConnection: nothing is done to a connection whose body was read.
func TestBodyLeavesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &connection{ResponseRecorder: httptest.NewRecorder(), ended: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := newReceiver(t, config{}).Body(c, request(strings.NewReader("x")).WithContext(ctx), 1000)
		require.NoError(t, err)
		cancel()
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case <-c.ended:
			t.Error("its read deadline was set after the body was read")
		default:
		}
	})
}

// answered is a writer whose handler has returned when it is told so.
type answered struct {
	*httptest.ResponseRecorder
	mu    sync.Mutex
	ended bool
	late  bool // its read deadline was set after that
}

func (a *answered) SetReadDeadline(time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.late = a.late || a.ended
	return nil
}

// TestBodyEndsWithTheContext: where the context ends just when the body does, nothing is done to the
// connection once the body was returned.
func TestBodyEndsWithTheContext(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			w := &answered{ResponseRecorder: httptest.NewRecorder()}
			body := &first{Reader: strings.NewReader(""), read: cancel} // it has ended with the first reading
			text, err := newReceiver(t, config{}).Body(w, request(io.NopCloser(body)).WithContext(ctx), 1000)
			w.mu.Lock()
			w.ended = true
			w.mu.Unlock()
			require.NoError(t, err)
			assert.Empty(t, text)
			time.Sleep(time.Hour) // virtual
			synctest.Wait()
			require.False(t, w.late, "its read deadline was set after the body was returned")
		})
	}
}

// TestGuard: a panic of the host is an error that it makes itself; errors pass.
func TestGuard(t *testing.T) {
	r := newReceiver(t, config{Panic: func(value any, stack []byte) error {
		return &jushuitan.PanicError{Value: value, Stack: stack}
	}})
	failed := errors.New("fails")
	require.NoError(t, r.Guard(func() error { return nil }))
	require.ErrorIs(t, r.Guard(func() error { return failed }), failed)
	err := r.Guard(func() error { panic("host") })
	panicked, ok := errors.AsType[*jushuitan.PanicError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "host", panicked.Value)
	assert.Contains(t, string(panicked.Stack), "TestGuard", "where it panicked")
}

// TestDedupe: a message runs until it was done, then no more, for as long as it is
// remembered.
func TestDedupe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("fails")
		for _, tt := range []struct {
			name string
			cfg  config
			key  string
			then time.Duration // between the messages
			runs int           // of three messages, the first of which fails
		}{
			{"a repeat", config{}, "k", 0, 2},
			{"without a key", config{}, "", 0, 3},
			{"without dedupe", config{NoDedupe: true}, "k", 0, 3},
			{"within the default", config{}, "k", 23 * time.Hour, 2},
			{"after the default", config{}, "k", 25 * time.Hour, 3},
			{"after what was asked for", config{CommitTTL: time.Minute}, "k", time.Hour, 3},
			{"a store of the host", config{Deduper: jushuitan.NewMemoryDeduper(1)}, "k", 0, 2},
		} {
			r, runs := newReceiver(t, tt.cfg), 0
			for i := range 3 {
				err := r.Once(t.Context(), "subject", tt.key, func(context.Context) error {
					runs++
					if i == 0 {
						return failed
					}
					return nil
				})
				assert.Equal(t, i == 0, errors.Is(err, failed), "%s: message %d: %v", tt.name, i, err)
				time.Sleep(tt.then)
			}
			assert.Equal(t, tt.runs, runs, tt.name)
		}

		// Two at once: the second gives up after the wait, the first has its time.
		r := newReceiver(t, config{Wait: time.Second})
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, r.Once(t.Context(), "", "k", func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				assert.Equal(t, time.Minute, time.Until(deadline), "the default claim bounds the run")
				time.Sleep(10 * time.Second)
				return nil
			}))
		})
		synctest.Wait()
		begin := time.Now()
		require.ErrorIs(t, r.Once(t.Context(), "", "k", nil), receive.ErrBusy)
		assert.Equal(t, time.Second, time.Since(begin))
		wg.Wait()
	})
}

// broken is a store that fails after a run.
type broken struct{ *jushuitan.MemoryDeduper }

var errDown = errors.New("down")

func (broken) Commit(context.Context, string, string, string, string, time.Duration) error {
	return errDown
}

// TestDedupeReports: what fails after a run is reported, and does not undo it.
func TestDedupeReports(t *testing.T) {
	var told []string
	r := newReceiver(t, config{Deduper: broken{jushuitan.NewMemoryDeduper(0)}, Report: func(_ context.Context, subject string, err error) {
		require.ErrorIs(t, err, receive.ErrDedupe)
		require.ErrorIs(t, err, errDown)
		told = append(told, subject)
	}})
	require.NoError(t, r.Once(t.Context(), "order", "k", func(context.Context) error { return nil }))
	assert.Equal(t, []string{"order"}, told)
}

// TestTrimAndAnswer: what a probe is, and how an answer looks.
func TestTrimAndAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \r\n\t": "", "\xef\xbb\xbf": "", " \xef\xbb\xbf \n": "", " {} ": "{}", "\xef\xbb\xbf{}\n": "{}", "a b": "a b",
	} {
		assert.Equal(t, want, string(receive.Trim([]byte(text))), "%q", text)
	}
	w := httptest.NewRecorder()
	receive.Answer(w, http.StatusTeapot, "text/plain", "short")
	assert.Equal(t, http.StatusTeapot, w.Code)
	assert.Equal(t, "text/plain", w.Header().Get("Content-Type"))
	assert.True(t, bytes.Equal([]byte("short"), w.Body.Bytes()))
}
