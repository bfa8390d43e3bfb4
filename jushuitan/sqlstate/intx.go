package sqlstate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// handle is a transaction in which a message is handled.
type handle struct {
	state  *State
	tx     *sql.Tx
	failed error // of a write that the transaction must not be committed without
}

type handleKey struct{}

// handleOf returns the transaction of the message that is being handled, or nil.
func handleOf(ctx context.Context, s *State) *handle {
	if h, ok := ctx.Value(handleKey{}).(*handle); ok && h.state == s {
		return h
	}
	return nil
}

// ErrNoTx means that a function of [InTx] or [MuxInTx] was called for a message that is not
// remembered in a transaction: the receiver lacks the [TxDeduper] of the same [State], or has
// NoDedupe. The message is answered as failed.
var ErrNoTx = errors.New("the message is not remembered in a transaction: set Deduper to State.TxDeduper / 未在事务中去重，请将 Deduper 设为 State.TxDeduper")

// InTx wraps a function of [callback.Config] that works in the database: it gets the
// transaction in which the message is remembered (事务内处理推送). If the function returns
// nil, its statements and the memory of the message are committed together and the message is
// acknowledged; otherwise both are rolled back and the message is answered as failed, so that
// the sender may repeat it.
//
//	state, err := sqlstate.New(db, sqlstate.Config{Dialect: sqlstate.PostgreSQL})
//	receiver, err := callback.New(callback.Config{
//		Shipment: sqlstate.InTx(state, func(ctx context.Context, tx *sql.Tx, env callback.Envelope, p *jushuitan.ShipmentPush) error {
//			_, err := tx.ExecContext(ctx, "UPDATE orders SET shipped = now() WHERE so_id = $1", p.SoID)
//			return err
//		}),
//		Deduper: state.TxDeduper(),
//		Secrets: secrets,
//	})
//
// Stock is a state, of which nothing is remembered: each push runs in a transaction of its
// own, and may run again. The function must not end the transaction, and should not call
// other systems in it: what is to be written there is a command, see [Commands.Enqueue].
func InTx[P any](
	s *State, fn func(ctx context.Context, tx *sql.Tx, env callback.Envelope, p *P) error,
) func(ctx context.Context, env callback.Envelope, p *P) error {
	return func(ctx context.Context, env callback.Envelope, p *P) error {
		return s.inTx(ctx, env.Method == jushuitan.PushStock, func(tx *sql.Tx) error { return fn(ctx, tx, env, p) })
	}
}

// MuxInTx wraps a function for [qimen.Handle] as [InTx] wraps those of a receiver
// (事务内处理奇门消息); MuxConfig.Deduper is State.TxDeduper. Queries, which are never
// deduplicated, run in a transaction of their own.
func MuxInTx[Req, Resp any](
	s *State, fn func(ctx context.Context, tx *sql.Tx, env qimen.Envelope, req *Req) (*Resp, error),
) func(ctx context.Context, env qimen.Envelope, req *Req) (*Resp, error) {
	return func(ctx context.Context, env qimen.Envelope, req *Req) (resp *Resp, err error) {
		m, ok := qimen.LookupMethod(env.Method)
		err = s.inTx(ctx, ok && m.Effect == jushuitan.Read, func(tx *sql.Tx) error {
			resp, err = fn(ctx, tx, env, req)
			return err
		})
		return resp, err
	}
}

// inTx runs f in the transaction of the message. A message of which nothing is remembered
// has a transaction of its own.
func (s *State) inTx(ctx context.Context, forgotten bool, f func(tx *sql.Tx) error) error {
	if h := handleOf(ctx, s); h != nil {
		return f(h.tx)
	}
	if !forgotten {
		return fmt.Errorf("sqlstate: %w", ErrNoTx)
	}
	tx, err := s.db.BeginTx(ctx, s.cfg.TxOptions)
	if err != nil {
		return fmt.Errorf("sqlstate: begin: %w", cause(ctx, err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstate: commit: %w", cause(ctx, err))
	}
	return nil
}
