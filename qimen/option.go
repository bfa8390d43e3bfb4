package qimen

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Option configures a [Client].
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
	rate       *rate.Limiter
	onExchange func(context.Context, jushuitan.Exchange)
	personal   bool
	overlap    time.Duration
	onBadRow   func(jushuitan.BadRow)
}

// WithHTTPClient sends requests through a copy of hc: its transport, cookie jar and timeout
// are used, and hc is never changed. Redirects are always refused.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error { s.httpClient = hc; return engine.Given("WithHTTPClient", hc != nil) }
}

// WithLimiter limits calls with l instead of the client's own limiter. Its keys are app
// key, customer id and method.
func WithLimiter(l jushuitan.Limiter) Option {
	return func(s *settings) error { s.limiter = l; return engine.Given("WithLimiter", l != nil) }
}

// WithQuota sets the rate limits of the client's own limiter for each customer and
// method. The gateway's limits are not publicly documented: the default is that of
// Jushuitan's open API, 5 calls a second and 100 a minute. At least one quota is required.
func WithQuota(quotas ...jushuitan.Quota) Option {
	return func(s *settings) error {
		s.quotas = quotas
		return engine.Positive("WithQuota: number of quotas", len(quotas))
	}
}

// WithRate sets one budget for all calls of the app, beside the limits of each customer and
// method; see [jushuitan.WithRate], with which l may be shared.
func WithRate(l *rate.Limiter) Option {
	return func(s *settings) error { s.rate = l; return engine.Given("WithRate", l != nil) }
}

// WithOnExchange calls f with what went over the wire in each attempt, masked as in
// [jushuitan.WithOnExchange]. Op and Path are the method, Merchant is the customer id. If a
// request does not have the method's type, all of its values are masked, since it is unknown
// which of them are personal.
func WithOnExchange(f func(ctx context.Context, x jushuitan.Exchange)) Option {
	return func(s *settings) error {
		s.onExchange = f
		return engine.Given("WithOnExchange", f != nil)
	}
}

// WithPersonalData leaves personal data in what the function of [WithOnExchange] receives.
// Secrets are masked all the same.
func WithPersonalData() Option {
	return func(s *settings) error { s.personal = true; return nil }
}

// WithRetry sets the retry policy; zero fields keep their defaults.
func WithRetry(p jushuitan.RetryPolicy) Option {
	return func(s *settings) error { s.retry = p; return engine.Policy(p).Check("WithRetry") }
}

// WithTimeout limits each attempt, 45 s by default: the official client allows 15 s for
// connecting and 30 s for reading. The context limits the whole call.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error { s.timeout = d; return engine.Positive("WithTimeout", d) }
}

// WithMaxResponseBytes limits the size of an answer, 32 MiB by default.
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) error { s.maxBody = n; return engine.Positive("WithMaxResponseBytes", n) }
}

// WithClock sets the function that returns the current time, for time stamps, which are
// always written in UTC+8, and for the end of open time ranges. Delays use the real clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error { s.now = now; return engine.Given("WithClock", now != nil) }
}

// WithPrefetch sets how many pages an iterator of the scene fetches ahead, 4 by
// default; with 1 it fetches the next page only when it is needed.
func WithPrefetch(pages int) Option {
	return func(s *settings) error { s.prefetch = pages; return engine.Positive("WithPrefetch", pages) }
}

// WithStreamOverlap makes streams wait for rows that become visible up to d after they
// were written, because their transaction commits late: such rows have a lower row
// version or an earlier time than rows that were read already. A checkpoint then stays
// behind by d, rows of that time are read again, and those committed are dropped by
// their content. A row that appears later than d is missed. The default is 0; streams
// by time always stay 2 s behind the server's clock.
func WithStreamOverlap(d time.Duration) Option {
	return func(s *settings) error { s.overlap = d; return engine.NotNegative("WithStreamOverlap", d) }
}

// WithAllInForm sends all parameters of form calls in the form. By default the system
// parameters are in the query and the business parameters in the form, as in the
// official cloud client; the signature is the same.
func WithAllInForm() Option {
	return func(s *settings) error { s.allInForm = true; return nil }
}

// WithHook calls h around every attempt. Op and Path are the method, Merchant is the
// customer id, and Code is the code of the answer if it is a number. The option may be
// given several times.
func WithHook(h jushuitan.Hook) Option {
	return func(s *settings) error { s.hooks = append(s.hooks, engine.Hook[jushuitan.Attempt](h)); return nil }
}

// WithLogger logs every attempt with the fields of [jushuitan.Attempt] and no others:
// failed attempts and those with null rows as warnings, the rest at debug level. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		s.hooks = append(s.hooks, engine.Hook[jushuitan.Attempt](logHook(l)))
		return engine.Given("WithLogger", l != nil)
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
		if a.NullRows > 0 {
			level = slog.LevelWarn
			attrs = append(attrs, slog.Int("null_rows", a.NullRows))
		}
		if a.Err != nil {
			level, text = slog.LevelWarn, "qimen call failed"
			attrs = append(attrs, slog.Int64("code", a.Code), slog.String("outcome", a.Outcome.String()), slog.String("error", a.Err.Error()))
		}
		l.LogAttrs(ctx, level, text, attrs...)
	}}
}
