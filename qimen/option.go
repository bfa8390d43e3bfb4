package qimen

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Option changes how a [Client] works.
type Option func(*settings) error

type settings struct {
	httpClient *http.Client
	limiter    jushuitan.Limiter
	quotas     []jushuitan.Quota
	retry      jushuitan.RetryPolicy
	timeout    time.Duration
	maxBody    int64
	now        func() time.Time
	hooks      []engine.Hook[jushuitan.Attempt]
	allInForm  bool
	prefetch   int
}

// WithHTTPClient sends through a copy of hc: its transport, jar and timeout are
// used and never changed. Redirects are refused whatever hc says.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return errors.New("WithHTTPClient: nil")
		}
		s.httpClient = hc
		return nil
	}
}

// WithLimiter counts calls with l instead of the client's own limiter. Its keys are
// app key, customer id and method.
func WithLimiter(l jushuitan.Limiter) Option {
	return func(s *settings) error {
		if l == nil {
			return errors.New("WithLimiter: nil")
		}
		s.limiter = l
		return nil
	}
}

// WithQuota sets the quotas of the client's own limiter for each customer and
// method. The gateway's limits are not documented in public: by default they are
// those of Jushuitan's open API, 5 calls a second and 100 a minute.
func WithQuota(quotas ...jushuitan.Quota) Option {
	return func(s *settings) error { s.quotas = quotas; return nil }
}

// WithRetry changes the retry policy; zero members keep their defaults.
func WithRetry(p jushuitan.RetryPolicy) Option {
	return func(s *settings) error {
		if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxRetryAfter < 0 {
			return errors.New("WithRetry: negative value")
		}
		s.retry = p
		return nil
	}
}

// WithTimeout bounds each attempt, 45 s by default: the official client allows 15 s
// to connecting and 30 s to reading. The context bounds the whole call.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("WithTimeout: not positive")
		}
		s.timeout = d
		return nil
	}
}

// WithMaxResponseBytes bounds the answers that are read, 32 MiB by default.
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) error {
		if n <= 0 {
			return errors.New("WithMaxResponseBytes: not positive")
		}
		s.maxBody = n
		return nil
	}
}

// WithClock takes the time of day from now: for time stamps, which are written in
// UTC+8 whatever its zone, and for the end of open time ranges. Waits use the real
// clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error {
		if now == nil {
			return errors.New("WithClock: nil")
		}
		s.now = now
		return nil
	}
}

// WithPrefetch sets how many pages an iterator of the scene fetches ahead, 4 by default; 1
// fetches the next page only when it is asked for.
func WithPrefetch(pages int) Option {
	return func(s *settings) error {
		if pages < 1 {
			return errors.New("WithPrefetch: not positive")
		}
		s.prefetch = pages
		return nil
	}
}

// WithAllInForm sends all parameters of form calls in the form. By default the
// system's are in the query and the business's in the form, as the official cloud
// client has it; the signature is the same.
func WithAllInForm() Option {
	return func(s *settings) error { s.allInForm = true; return nil }
}

// WithHook calls h around every attempt; its Op and Path are the method, its
// Merchant the customer id and its Code that of the answer where it is a number.
// Hooks add up.
func WithHook(h jushuitan.Hook) Option {
	return func(s *settings) error { s.hooks = append(s.hooks, engine.Hook[jushuitan.Attempt](h)); return nil }
}

// WithLogger logs every attempt: failed ones as warnings, others for debugging,
// with the fields of [jushuitan.Attempt] and no other. There is no logging by
// default.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return errors.New("WithLogger: nil")
		}
		s.hooks = append(s.hooks, engine.Hook[jushuitan.Attempt](logHook(l)))
		return nil
	}
}

func logHook(l *slog.Logger) jushuitan.Hook {
	return jushuitan.Hook{After: func(ctx context.Context, a jushuitan.Attempt) {
		level, text := slog.LevelDebug, "qimen call"
		attrs := []slog.Attr{
			slog.String("method", a.Path), slog.String("customer", a.Merchant), slog.Int("attempt", a.N),
			slog.Duration("waited", a.Waited), slog.Duration("took", a.Took), slog.Int("sent", a.Sent), slog.Int("received", a.Received),
		}
		if a.HTTPStatus != 0 {
			attrs = append(attrs, slog.Int("status", a.HTTPStatus))
		}
		if a.RequestID != "" {
			attrs = append(attrs, slog.String("request_id", a.RequestID))
		}
		if a.Err != nil {
			level, text = slog.LevelWarn, "qimen call failed"
			attrs = append(attrs, slog.Int64("code", a.Code), slog.String("outcome", a.Outcome.String()), slog.String("error", a.Err.Error()))
		}
		l.LogAttrs(ctx, level, text, attrs...)
	}}
}
