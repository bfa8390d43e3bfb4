package call_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/call"
)

var (
	errUnavailable = errors.New("unavailable")
	errRefused     = errors.New("refused")
)

// scripted is a service whose verdict is that of a function.
type scripted struct {
	accepting
	judge func() *call.Failure[outcome]
}

func (s *scripted) Judge(int, []byte) *call.Failure[outcome] { return s.judge() }

type roundTrip func(req *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// lab returns a call that may be repeated, through a transport.
func lab(rt http.RoundTripper, s call.Service[outcome], p call.Policy) *call.Call[outcome] {
	return &call.Call[outcome]{
		Engine: &call.Engine{
			HTTP: call.Client(&http.Client{Transport: rt}), Timeout: time.Minute, MaxBody: 1 << 20, Retry: p.WithDefaults(), Now: time.Now,
			Rules: &call.Rules{Classes: call.Classes{Unavailable: errUnavailable}},
		},
		Service: s, URL: "http://fake.example/x", Repeatable: true,
	}
}

// TestDefaults: a policy has the documented defaults, each of which can be replaced alone.
func TestDefaults(t *testing.T) {
	defaults := call.Policy{MaxAttempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 10 * time.Second, MaxRetryAfter: 30 * time.Second}
	assert.Equal(t, defaults, call.Policy{}.WithDefaults())
	own := call.Policy{MaxAttempts: 1, MinWait: 2, MaxWait: 3, MaxRetryAfter: 4}
	assert.Equal(t, own, own.WithDefaults())
	for _, tt := range []struct {
		give call.Policy
		set  func(p *call.Policy)
	}{
		{call.Policy{MaxAttempts: 9}, func(p *call.Policy) { p.MaxAttempts = 9 }},
		{call.Policy{MinWait: 9}, func(p *call.Policy) { p.MinWait = 9 }},
		{call.Policy{MaxWait: 9}, func(p *call.Policy) { p.MaxWait = 9 }},
		{call.Policy{MaxRetryAfter: 9}, func(p *call.Policy) { p.MaxRetryAfter = 9 }},
	} {
		want := defaults
		tt.set(&want)
		assert.Equal(t, want, tt.give.WithDefaults())
	}
}

// TestClient: the caller's client is copied, and the default one ends idle connections before a
// server does. Neither follows redirects.
func TestClient(t *testing.T) {
	own := &http.Client{Transport: &http.Transport{}}
	got := call.Client(own)
	assert.Same(t, own.Transport, got.Transport)
	assert.Nil(t, own.CheckRedirect, "the caller's is not changed")
	require.ErrorIs(t, got.CheckRedirect(nil, nil), http.ErrUseLastResponse)

	got = call.Client(nil)
	require.ErrorIs(t, got.CheckRedirect(nil, nil), http.ErrUseLastResponse)
	transport, ok := got.Transport.(*http.Transport)
	require.True(t, ok)
	assert.NotSame(t, http.DefaultTransport, transport)
	assert.Equal(t, 30*time.Second, transport.IdleConnTimeout)
	assert.Equal(t, 32, transport.MaxIdleConnsPerHost)
}

// TestContextEndsWithTheAnswer: a refusal that has arrived is reported as such even if the
// context ended meanwhile. Only a call that would have been tried again is one that the
// context ended.
func TestContextEndsWithTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		verdict call.Failure[outcome]
		class   error
		cause   string
	}{
		"final refusal":     {call.Failure[outcome]{Class: errRefused, Outcome: call.Rejected}, errRefused, ""},
		"final, with cause": {call.Failure[outcome]{Class: errRefused, Outcome: call.Applied, Cause: io.ErrNoProgress}, errRefused, io.ErrNoProgress.Error()},
		"to be retried":     {call.Failure[outcome]{Class: errRefused, Outcome: call.Rejected, Retry: true}, nil, "context canceled before another attempt, after: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c := lab(canned{}, &scripted{judge: func() *call.Failure[outcome] {
				cancel()
				f := tt.verdict
				return &f
			}}, call.Policy{})
			f := c.Do(ctx)
			require.NotNil(t, f)
			assert.Equal(t, tt.class, f.Class)
			assert.Equal(t, tt.verdict.Outcome, f.Outcome)
			assert.Equal(t, 1, f.Attempts)
			if tt.cause == "" {
				require.NoError(t, f.Cause)
				return
			}
			assert.EqualError(t, f.Cause, tt.cause)
		})
	}
}

// TestOutcomeOfAFailedRequest: without a connection, nothing was sent; with one, or if the
// transport does not say, the server may have received the request.
func TestOutcomeOfAFailedRequest(t *testing.T) {
	dial, read := &net.OpError{Op: "dial", Err: errors.New("refused")}, &net.OpError{Op: "read", Err: errors.New("reset")}
	for name, tt := range map[string]struct {
		asked, got bool // for a connection
		err        error
		want       outcome
	}{
		"no connection":             {asked: true, err: io.EOF, want: call.NotSent},
		"connection lost":           {asked: true, got: true, err: io.EOF, want: call.Unknown},
		"transport says nothing":    {err: io.EOF, want: call.Unknown},
		"only of a connection got":  {got: true, err: io.EOF, want: call.Unknown},
		"dial failed":               {err: dial, want: call.NotSent},
		"dial failed, again":        {asked: true, got: true, err: dial, want: call.NotSent},
		"read failed":               {err: read, want: call.Unknown},
		"read failed after connect": {asked: true, got: true, err: read, want: call.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := lab(roundTrip(func(req *http.Request) (*http.Response, error) {
				trace := httptrace.ContextClientTrace(req.Context())
				if tt.asked {
					trace.GetConn("fake.example:80")
				}
				if tt.got {
					trace.GotConn(httptrace.GotConnInfo{})
				}
				return nil, tt.err
			}), accepting{}, call.Policy{MaxAttempts: 1})
			f := c.Do(t.Context())
			require.NotNil(t, f)
			assert.Equal(t, tt.want, f.Outcome)
			assert.Equal(t, errUnavailable, f.Class)
			assert.ErrorIs(t, f.Cause, tt.err)
		})
	}
}

// TestLateConnection: a transport that still connects after the request has failed, as one
// that tries several ways at once, is not blocked for ever.
func TestLateConnection(t *testing.T) {
	failed, done := make(chan struct{}), make(chan struct{})
	c := lab(roundTrip(func(req *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(req.Context())
		trace.GetConn("fake.example:80")
		go func() {
			<-failed
			trace.GetConn("fake.example:80")
			trace.GotConn(httptrace.GotConnInfo{})
			close(done)
		}()
		return nil, io.ErrUnexpectedEOF
	}), accepting{}, call.Policy{MaxAttempts: 1})
	f := c.Do(t.Context())
	require.NotNil(t, f)
	assert.EqualValues(t, call.NotSent, f.Outcome)
	close(failed)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the transport is blocked")
	}
}

// TestBackoff: the waits between attempts double from the shortest to the longest, and half
// of each is random.
func TestBackoff(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		policy call.Policy
		waits  []time.Duration // at most
	}{
		"doubles":           {call.Policy{MaxAttempts: 5, MinWait: s, MaxWait: 100 * s}, []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		"up to the longest": {call.Policy{MaxAttempts: 5, MinWait: 2 * s, MaxWait: 7 * s}, []time.Duration{2 * s, 4 * s, 7 * s, 7 * s}},
		"exactly":           {call.Policy{MaxAttempts: 5, MinWait: s, MaxWait: 4 * s}, []time.Duration{s, 2 * s, 4 * s, 4 * s}},
		"longest first":     {call.Policy{MaxAttempts: 3, MinWait: 9 * s, MaxWait: 3 * s}, []time.Duration{3 * s, 3 * s}},
		"never":             {call.Policy{MaxAttempts: 1, MinWait: s, MaxWait: s}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			least, most := make([]time.Duration, len(tt.waits)), make([]time.Duration, len(tt.waits))
			synctest.Test(t, func(t *testing.T) {
				for range 60 {
					var at []time.Time
					c := lab(roundTrip(func(*http.Request) (*http.Response, error) {
						at = append(at, time.Now())
						return nil, io.EOF
					}), accepting{}, tt.policy)
					f := c.Do(t.Context())
					require.NotNil(t, f)
					assert.Equal(t, tt.policy.MaxAttempts, f.Attempts)
					require.Len(t, at, len(tt.waits)+1)
					for i := range tt.waits {
						wait := at[i+1].Sub(at[i])
						if least[i] == 0 || wait < least[i] {
							least[i] = wait
						}
						most[i] = max(most[i], wait)
					}
				}
			})
			for i, d := range tt.waits {
				assert.GreaterOrEqual(t, least[i], d/2, "wait %d", i+1)
				assert.LessOrEqual(t, most[i], d, "wait %d", i+1)
				assert.Greater(t, most[i]-least[i], d/4, "wait %d is not random", i+1)
			}
		})
	}
}

// TestClean: no error shows a hidden text, whichever way it is escaped.
func TestClean(t *testing.T) {
	hide := []string{"s€cret/1 x", "k"}
	for text, want := range map[string]string{
		"":                          "",
		"sign is wrong":             "sign is wrong",
		"100 % wrong":               "100 % wrong", // no escape
		"of s€cret/1 x!":            "of ***!",
		"of s%E2%82%ACcret%2F1+x!":  "of ***!", // as Go escapes it
		"of s%e2%82%accret%2f1%20x": "***",     // otherwise
		"of s€cret/1%20x":           "***",
		"k and a=%6b":               "k and a=%6b", // a single character is everywhere
		"a%20b":                     "a%20b",
		"a+b":                       "a+b",
		strings.Repeat("错", 300):    strings.Repeat("错", 300),
		strings.Repeat("错", 301):    strings.Repeat("错", 300) + "...",
	} {
		assert.Equal(t, want, call.Clean(text, hide))
	}
	assert.Equal(t, "***", call.Clean("of %73%E2%82%AC", []string{"s€"}), "two characters")
	assert.Equal(t, "5%E2%82%AC", call.Clean("5%E2%82%AC", []string{"€"}), "one")
	assert.Equal(t, "of x", call.Clean("of x", nil))
}
