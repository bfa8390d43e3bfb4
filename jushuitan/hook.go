package jushuitan

import (
	"context"
	"log/slog"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// Attempt is what hooks and the log receive about one attempt of a call. It holds no
// form, body, token or signature.
type Attempt struct {
	Op       string // Orders.Query
	Path     string
	Merchant string
	Effect   Effect
	N        int // from 1

	// Set after the attempt.
	Waited     time.Duration // for the quota
	Took       time.Duration // duration of the attempt, including the wait
	Sent       int           // size of biz in bytes
	Received   int           // size of the response in bytes
	HTTPStatus int
	Code       int64
	RequestID  string
	NullRows   int     // rows of the response that are null and were left out
	Outcome    Outcome // outcome of a failed attempt
	Err        error   // nil if the attempt succeeded, else an [*Error]
}

// Hook is called around every attempt, retries included. Either function may be nil. Both
// are called from many goroutines and must not block.
type Hook struct {
	Before func(ctx context.Context, a Attempt)
	After  func(ctx context.Context, a Attempt)
}

// WithHook calls h around every attempt. Repeating the option adds hooks.
func WithHook(h Hook) Option {
	return func(s *settings) error { s.hooks = append(s.hooks, engine.Hook[Attempt](h)); return nil }
}

// WithLogger logs every attempt, at level warn if it failed or left out null rows and at
// level debug otherwise, with the fields of [Attempt] only. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		s.hooks = append(s.hooks, engine.Hook[Attempt](logHook(l)))
		return engine.Given("WithLogger", l != nil)
	}
}

func logHook(l *slog.Logger) Hook {
	return Hook{After: func(ctx context.Context, a Attempt) {
		level, text := slog.LevelDebug, "jushuitan call"
		attrs := []slog.Attr{
			slog.String("op", a.Op), slog.String("path", a.Path), slog.String("merchant", a.Merchant), slog.Int("attempt", a.N),
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
			level, text = slog.LevelWarn, "jushuitan call failed"
			attrs = append(attrs, slog.Int64("code", a.Code), slog.String("outcome", a.Outcome.String()), slog.String("error", a.Err.Error()))
		}
		l.LogAttrs(ctx, level, text, attrs...)
	}}
}

// attempt returns what hooks receive.
func (k *oneCall) attempt(s *engine.Seen[Outcome]) Attempt {
	a := Attempt{
		Op: k.op.Name(), Path: k.path, Merchant: k.merchant, Effect: k.op.Effect, N: s.N, Sent: len(k.biz),
		Waited: s.Waited, Took: s.Took, Received: s.Received, HTTPStatus: s.Status,
	}
	if s.Failure == nil {
		a.NullRows = k.nulls
		return a
	}
	e := k.failed(s.Failure)
	a.Err, a.Code, a.RequestID, a.Outcome = e, e.Code, e.RequestID, e.Outcome
	return a
}
