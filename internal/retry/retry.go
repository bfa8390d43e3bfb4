// Package retry runs attempts until one passes. The loop, its waiting and its
// answer to a cancelled context are hashicorp/go-retryablehttp's; what an
// attempt does, whether another is made and after how long is the caller's.
//
// The attempt stands where that library expects a transport, so that everything
// that must happen anew each time (quota, token, time stamp, signature) happens
// in one place. The library sees neither the real request nor the real client:
// it cannot put a URL in an error, close the caller's idle connections or resend
// an old body.
package retry

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Attempt is one try, the first has n = 1.
type Attempt func(ctx context.Context, n int) error

// Again decides after attempt n has failed with err: whether to try once more,
// and how long to wait before.
type Again func(n int, err error) (wait time.Duration, again bool)

// Do calls attempt until it returns nil or again says no, and returns how many
// attempts were made and the last error. When ctx ends during a wait, the error
// of the last attempt is returned beside ctx's: cancelled is not nil then.
func Do(ctx context.Context, attempt Attempt, again Again) (n int, err, cancelled error) {
	run := &run{ctx: ctx, attempt: attempt}
	client := &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: run},
		RetryMax:   1 << 20, // again decides
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) {
			if run.err == nil || ctx.Err() != nil {
				return false, nil //nolint:nilerr // the error is in run
			}
			wait, more := again(run.n, run.err)
			run.wait = wait
			return more, nil
		},
		Backoff: func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return run.wait },
		ErrorHandler: func(resp *http.Response, err error, _ int) (*http.Response, error) {
			return resp, err
		},
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, "http://attempt.invalid/", nil)
	if err != nil {
		return 0, err, nil
	}
	resp, doErr := client.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if run.n == 0 { // the context had ended before the first attempt
		return 0, doErr, ctx.Err()
	}
	if run.err != nil {
		return run.n, run.err, ctx.Err()
	}
	return run.n, nil, nil
}

// run is one call of Do, seen by retryablehttp as a transport.
type run struct {
	ctx     context.Context
	attempt Attempt
	n       int
	err     error
	wait    time.Duration
}

func (r *run) RoundTrip(req *http.Request) (*http.Response, error) {
	r.n++
	if r.err = r.attempt(r.ctx, r.n); r.err != nil {
		return nil, r.err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req, Header: http.Header{}}, nil
}

// Backoff is the wait after attempt n: it doubles from low to high, and half of
// it is drawn by chance, so that many clients do not come back together.
func Backoff(n int, low, high time.Duration) time.Duration {
	d := low
	for i := 1; i < n && d < high; i++ {
		d *= 2
	}
	d = min(d, high)
	if d <= 1 {
		return d
	}
	return d/2 + rand.N(d/2+1)
}
