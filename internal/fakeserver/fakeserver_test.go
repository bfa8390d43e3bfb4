package fakeserver_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
)

// TestPick: which of several faults affects which of six requests; a, b and c are the
// faults in the order of their injection, and + marks a delay.
func TestPick(t *testing.T) {
	const a, b, c = "a", "b", "c"
	type plans map[string]fakeserver.Plan
	slow := fakeserver.Plan{Slows: true, Delay: time.Second}
	for _, tt := range []struct {
		name  string
		plans plans
		want  string
	}{
		{"no fault", plans{}, ". . . . . ."},
		{"all", plans{a: {}}, "a a a a a a"},
		{"some", plans{a: {Times: 2}}, "a a . . . ."},
		{"later", plans{a: {Skip: 2, Times: 1}}, ". . a . . ."},
		{"two in turn", plans{a: {Times: 1}, b: {Times: 2}}, "a b b . . ."},
		{"the first one counts", plans{a: {}, b: {Times: 1}}, "a a a a a a"},
		{"skipping starts behind the first", plans{a: {Times: 2}, b: {Skip: 1, Times: 1}}, "a a . b . ."},
		{"a delay alone", plans{a: slow}, "+ + + + + +"},
		{"a delay joins", plans{a: {Times: 1}, b: slow, c: {Times: 1}}, "a+ c+ + + + +"},
		{"a delay for one", plans{a: {Slows: true, Delay: time.Second, Skip: 1, Times: 1}}, ". + . . . ."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var faults fakeserver.Faults[string]
			for _, name := range []string{a, b, c} {
				if plan, ok := tt.plans[name]; ok {
					faults.Inject(name, plan)
				}
			}
			var got []string
			for range 6 {
				delay, fault := faults.Pick(func(string) bool { return true })
				text := ""
				if fault != nil {
					text = *fault
				}
				if delay > 0 {
					text += "+"
				}
				if text == "" {
					text = "."
				}
				got = append(got, text)
			}
			assert.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

// TestFaultsOfOthers: a request that does not match a fault does not use it up.
func TestFaultsOfOthers(t *testing.T) {
	var faults fakeserver.Faults[string]
	remove := faults.Inject("a", fakeserver.Plan{Skip: 1, Times: 1})
	for range 3 {
		_, fault := faults.Pick(func(f string) bool { return f != "a" })
		require.Nil(t, fault)
	}
	left := map[string]fakeserver.Plan{}
	faults.Each(func(f string, plan fakeserver.Plan) { left[f] = plan })
	assert.Equal(t, map[string]fakeserver.Plan{"a": {Skip: 1, Times: 1}}, left)
	remove()
	faults.Each(func(f string, _ fakeserver.Plan) { t.Errorf("%s was removed", f) })
}

func TestLogIsBounded(t *testing.T) {
	var log fakeserver.Log[int]
	for i := range 10_000 {
		log.Add(i)
	}
	assert.Len(t, log.All(), 10_000)
	log.Add(10_000)
	all := log.All()
	assert.Len(t, all, 9001)
	assert.Equal(t, []int{1000, 10_000}, []int{all[0], all[9000]}, "the oldest are dropped")
}

func TestClock(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := fakeserver.NewClock(func() time.Time { return begin })
	clock.Advance(time.Hour)
	clock.Advance(time.Minute)
	assert.Equal(t, begin.Add(61*time.Minute), clock.Now())
	for off, want := range map[time.Duration]bool{
		0: true, 10 * time.Minute: true, -10 * time.Minute: true, 10*time.Minute + 1: false, -10*time.Minute - 1: false,
	} {
		assert.Equal(t, want, fakeserver.InTime(begin, begin.Add(off)), "a stamp %s from now", off)
	}
}

// TestCloseWaits: Close ends the context, waits for what is in progress, and nothing
// begins after it.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeserver.NewHost()
		require.True(t, h.Enter())
		ended, closed := false, make(chan struct{})
		h.Go(func() {
			assert.False(t, h.Wait(context.Background(), time.Hour), "the wait is cut short")
			time.Sleep(time.Second)
			ended = true
		})
		go func() {
			defer close(closed)
			h.Close()
		}()
		synctest.Wait()
		assert.False(t, h.Enter(), "nothing begins while it closes")
		h.Leave()
		<-closed
		assert.True(t, ended, "Close waits for what Go began")
		h.Close()
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeserver.NewHost()
		defer h.Close()
		begin := time.Now()
		assert.True(t, h.Wait(t.Context(), time.Minute))
		assert.Equal(t, time.Minute, time.Since(begin))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.False(t, h.Wait(ctx, time.Minute))
		assert.Equal(t, time.Minute+time.Second, time.Since(begin))
	})
}

// TestListenFails: an address that is taken, and a context that has ended, are errors.
func TestListenFails(t *testing.T) {
	first := fakeserver.NewHost()
	defer first.Close()
	url, err := first.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	first.Serve(t.Context(), http.NotFoundHandler(), first.Close)

	second := fakeserver.NewHost()
	defer second.Close()
	_, err = second.Listen(t.Context(), strings.TrimPrefix(url, "http://"))
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = second.Listen(ctx, "127.0.0.1:0")
	require.ErrorIs(t, err, context.Canceled)
}

// TestExchange: each way to end an exchange, as the caller sees it, and that it was
// recorded once before that.
func TestExchange(t *testing.T) {
	const kind = "text/plain"
	body := []byte("0123456789")
	for _, tt := range []struct {
		name       string
		run        func(x *fakeserver.Exchange)
		status     int    // seen by the caller and recorded, 0: no answer
		read       string // the body as it is read
		cut        bool   // reading it ends in an error
		retryAfter string
	}{
		{name: "answer", run: func(x *fakeserver.Exchange) { x.Answer(kind, body) }, status: 200, read: "0123456789"},
		{name: "fail", run: func(x *fakeserver.Exchange) { x.RetryAfter(1500 * time.Millisecond); x.Fail(503, "busy") }, status: 503, read: "busy\n", retryAfter: "2"},
		{name: "no retry after", run: func(x *fakeserver.Exchange) { x.RetryAfter(0); x.Fail(429, "busy") }, status: 429, read: "busy\n"},
		{name: "redirect", run: func(x *fakeserver.Exchange) { x.Redirect("http://there.invalid/") }, status: 302},
		{name: "page", run: func(x *fakeserver.Exchange) { x.HTMLPage() }, status: 200, read: "<!DOCTYPE html>"},
		{name: "cut body", run: func(x *fakeserver.Exchange) { x.CutBody(kind, body) }, status: 200, read: "01234", cut: true},
		{name: "padded", run: func(x *fakeserver.Exchange) { x.Pad(kind, body, 100_000) }, status: 200, read: "0123456789" + strings.Repeat(" ", 99_990)},
		{name: "reset", run: func(x *fakeserver.Exchange) { x.Reset() }},
		{name: "nothing", run: func(*fakeserver.Exchange) {}, status: 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := fakeserver.NewHost()
			defer h.Close()
			records := make(chan int, 9)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var x *fakeserver.Exchange
				x = h.Begin(w, r, func() { records <- x.Status })
				defer x.End()
				tt.run(x)
			}))
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, http.NoBody)
			require.NoError(t, err)
			resp, err := h.Transport.RoundTrip(req)
			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				defer func() { _ = resp.Body.Close() }()
				assert.Equal(t, tt.status, resp.StatusCode)
				assert.Equal(t, tt.retryAfter, resp.Header.Get("Retry-After"))
				text, err := io.ReadAll(resp.Body)
				assert.Equal(t, tt.cut, err != nil, "%v", err)
				if tt.name == "page" {
					text = text[:len(tt.read)]
				}
				assert.Equal(t, tt.read, string(text))
			}
			assert.Equal(t, tt.status, <-records, "recorded")
			srv.Close()
			assert.Empty(t, records, "recorded once")
		})
	}
}
