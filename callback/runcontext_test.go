package callback_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

type contextKey struct{}

// TestRunContext: what a function may expect of its context, which it or something
// derived from it asks for its end, or nobody does.
func TestRunContext(t *testing.T) {
	stopped := errors.New("stopped")
	for name, tt := range map[string]struct {
		parent func(t *testing.T) context.Context
		run    func(t *testing.T, ctx context.Context)
	}{
		"a value, and no end yet": {nil, func(t *testing.T, ctx context.Context) {
			assert.Equal(t, "v", ctx.Value(contextKey{}))
			require.NoError(t, context.Cause(ctx))
			require.NoError(t, ctx.Err())
			assert.Equal(t, "v", ctx.Value(contextKey{}), "and once its end was asked for")
		}},
		"the deadline": {nil, func(t *testing.T, ctx context.Context) {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, 7*time.Second, time.Until(deadline))
		}},
		"the parent's deadline": {func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return ctx
		}, func(t *testing.T, ctx context.Context) {
			deadline, _ := ctx.Deadline()
			assert.Equal(t, time.Second, time.Until(deadline))
			<-ctx.Done()
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
		}},
		"derived": {nil, func(t *testing.T, ctx context.Context) {
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			start := time.Now()
			<-derived.Done()
			assert.Equal(t, 7*time.Second, time.Since(start))
			assert.Equal(t, context.DeadlineExceeded, derived.Err())
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
		}},
		"asked too late": {nil, func(t *testing.T, ctx context.Context) {
			time.Sleep(8 * time.Second)
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
			assert.Equal(t, context.DeadlineExceeded, context.Cause(ctx))
		}},
		"the parent's cause": {func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(stopped) })
			return ctx
		}, func(t *testing.T, ctx context.Context) {
			<-ctx.Done()
			assert.Equal(t, context.Canceled, ctx.Err())
			assert.Equal(t, stopped, context.Cause(ctx))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent := t.Context()
				if tt.parent != nil {
					parent = tt.parent(t)
				}
				var left []context.Context
				r := receiver(t, callback.Config{AllowUnauthenticated: true, ClaimTTL: 7 * time.Second,
					Cancel: func(ctx context.Context, _ callback.Envelope, _ *jushuitan.CancelPush) error {
						tt.run(t, ctx)
						left = append(left, ctx)
						return nil
					}})
				m := callbacktest.Message{Method: jushuitan.PushCancel, EntID: "1", Body: cancelBody}
				_, err := m.Serve(context.WithValue(parent, contextKey{}, "v"), r, "/")
				require.NoError(t, err)
				require.Len(t, left, 1)
				require.Error(t, left[0].Err(), "it has ended with the run")
				<-left[0].Done()
			})
		})
	}
	t.Run("nobody asked while it ran", func(t *testing.T) {
		var left context.Context
		r := receiver(t, callback.Config{AllowUnauthenticated: true,
			Cancel: func(ctx context.Context, _ callback.Envelope, _ *jushuitan.CancelPush) error {
				left = ctx
				return nil
			}})
		assertSuccess(t, send(t, r, "POST", "/?"+query(jushuitan.PushCancel), cancelBody))
		<-left.Done()
		assert.Equal(t, context.Canceled, left.Err())
	})
}
