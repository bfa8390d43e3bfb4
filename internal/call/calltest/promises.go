package calltest

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder keeps what was sent, and when, and answers as next does.
type recorder struct {
	next   http.RoundTripper
	sent   []string // query and body
	at     []time.Time
	url    string
	closed int
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.sent, r.at, r.url = append(r.sent, req.URL.RawQuery+"\n"+string(body)), append(r.at, time.Now()), req.URL.String()
	if int64(len(body)) != req.ContentLength {
		return nil, errors.New("the length is not that of the body")
	}
	return r.next.RoundTrip(req)
}

// CloseIdleConnections is called by whoever takes the caller's connections for its own.
func (r *recorder) CloseIdleConnections() { r.closed++ }

// patient are settings whose waits are long enough to be told apart.
func patient(rt http.RoundTripper, attempts int) Settings {
	return Settings{Transport: rt, Attempts: attempts, MinWait: 4 * time.Second, MaxWait: 10 * time.Second, Timeout: timeout, MaxBody: maxBody}
}

// Promises checks what the table cannot show, for every call of s: words is the body
// of a refusal with these words in it.
func Promises(t *testing.T, s *Service, words func(msg string) string) { //nolint:gocyclo,funlen // a list of promises, each a subtest
	for _, c := range s.Calls {
		run := func(name string, test func(t *testing.T)) {
			t.Run(c.Effect+"/"+name, func(t *testing.T) { synctest.Test(t, test) })
		}
		run("repeats are signed anew and wait longer each time", func(t *testing.T) {
			r := &recorder{next: broken(true, false, errors.New("no route"))}
			_ = c.Do(t.Context(), patient(r, 4))
			if len(r.sent) != 4 {
				t.Fatalf("sent %d times, want 4", len(r.sent))
			}
			for i, most := range []time.Duration{4 * time.Second, 8 * time.Second, 10 * time.Second} {
				if r.sent[i+1] == r.sent[i] {
					t.Errorf("request %d is request %d sent again, with its old time stamp", i+2, i+1)
				}
				if d := r.at[i+1].Sub(r.at[i]); d < most/2 || d > most {
					t.Errorf("wait %d is %s, want %s to %s", i+1, d, most/2, most)
				}
			}
		})
		run("the caller's idle connections survive, and no error names the URL", func(t *testing.T) {
			for _, fault := range []http.RoundTripper{broken(false, false, errors.New("something failed")), Answer(http.StatusBadGateway, "")} {
				r := &recorder{next: fault}
				err := c.Do(t.Context(), patient(r, 2))
				if err == nil || strings.Contains(everything(err), r.url) || strings.Contains(everything(err), "http://") {
					t.Errorf("the error is %v", err)
				}
				if r.closed != 0 {
					t.Errorf("idle connections were closed %d times", r.closed)
				}
			}
		})
		run("a cancelled wait ends at once, says why it was, and is the caller's", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			err := c.Do(ctx, patient(&recorder{next: broken(true, false, errors.New("no route"))}, 4))
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no route") || errors.Is(err, s.Classes["unavailable"]) || time.Since(begin) != time.Second {
				t.Errorf("after %s: %v", time.Since(begin), err)
			}
		})
		run("a call that was cancelled before it began is not sent", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r := &recorder{next: Lost}
			err := c.Do(ctx, patient(r, 2))
			if seen := s.See(err); !errors.Is(err, context.Canceled) || len(r.sent) != 0 || seen.Outcome.String() != "not sent" {
				t.Errorf("sent %d times: %v", len(r.sent), err)
			}
		})
		run("a mark before the answer is read over, under the largest limit", func(t *testing.T) {
			settings := patient(Answer(http.StatusOK, "\xef\xbb\xbf"+s.Success), 1)
			settings.MaxBody = math.MaxInt64
			if err := c.Do(t.Context(), settings); err != nil {
				t.Error(err)
			}
		})
		run("an announced length takes no memory", func(t *testing.T) {
			settings := patient(streamed(1<<40, func(context.Context) io.Reader { return strings.NewReader(s.Success) }), 1)
			settings.MaxBody = math.MaxInt64
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.Do(t.Context(), settings)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; err != nil || n > 8<<20 {
				t.Errorf("%d bytes were allocated: %v", n, err)
			}
		})
		run("a server's words are masked and cut", func(t *testing.T) {
			err := c.Do(t.Context(), patient(&recorder{next: Answer(http.StatusOK, words("13800138000 "+strings.Repeat("长", 600)))}, 1))
			text := everything(err)
			if err == nil || strings.Contains(text, "13800138000") || strings.Contains(text, strings.Repeat("长", 301)) || !strings.Contains(text, "长长长") {
				t.Errorf("the error is %s", text)
			}
		})
	}
}

// everything is all that an error and what it wraps shows.
func everything(err error) string {
	var b strings.Builder
	for ; err != nil; err = errors.Unwrap(err) {
		b.WriteString(err.Error() + "\n")
	}
	return b.String()
}

// Held checks that the time that a permit takes counts for no attempt: do makes a
// call whose limiter waits that long.
func Held(t *testing.T, do func(ctx context.Context, s Settings, wait time.Duration) error, success string) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := do(t.Context(), patient(&recorder{next: Answer(http.StatusOK, success)}, 1), 3*timeout); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 3*timeout {
			t.Errorf("the call took %s, want the wait of %s", d, 3*timeout)
		}
	})
}
