package jushuitan

import (
	"context"
	"errors"
	"log/slog"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// Attempt is what a hook and the log are told about one attempt of a call: this,
// and nothing else. It holds no form, body, token or signature.
type Attempt struct {
	Op       string // Orders.Query
	Path     string
	Merchant string
	Effect   Effect
	N        int // from 1

	// After the attempt.
	Waited     time.Duration // for the quota
	Took       time.Duration // all of the attempt, the wait included
	Sent       int           // bytes of biz
	Received   int           // bytes of the answer
	HTTPStatus int
	Code       int64
	RequestID  string
	Outcome    Outcome // of a failed attempt
	Err        error   // nil when it passed; an [*Error]
}

// Hook is called around every attempt, repeats included. Either function may be
// nil. They are called from many goroutines and must not block.
type Hook struct {
	Before func(ctx context.Context, a Attempt)
	After  func(ctx context.Context, a Attempt)
}

// WithHook calls h around every attempt. Hooks add up.
func WithHook(h Hook) Option {
	return func(s *settings) error { s.hooks = append(s.hooks, engine.Hook[Attempt](h)); return nil }
}

// WithLogger logs every attempt: failed ones as warnings, others for debugging,
// with the fields of [Attempt] and no other. There is no logging by default.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return errors.New("WithLogger: nil")
		}
		s.hooks = append(s.hooks, engine.Hook[Attempt](logHook(l)))
		return nil
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
		if a.Err != nil {
			level, text = slog.LevelWarn, "jushuitan call failed"
			attrs = append(attrs, slog.Int64("code", a.Code), slog.String("outcome", a.Outcome.String()), slog.String("error", a.Err.Error()))
		}
		l.LogAttrs(ctx, level, text, attrs...)
	}}
}

// attempt is what hooks are told.
func (k *oneCall) attempt(s *engine.Seen[Outcome]) Attempt {
	a := Attempt{
		Op: k.op.Name(), Path: k.path, Merchant: k.merchant, Effect: k.op.Effect, N: s.N, Sent: len(k.biz),
		Waited: s.Waited, Took: s.Took, Received: s.Received, HTTPStatus: s.Status,
	}
	if s.Failure != nil {
		e := k.failed(s.Failure)
		a.Err, a.Code, a.RequestID, a.Outcome = e, e.Code, e.RequestID, e.Outcome
	}
	return a
}
