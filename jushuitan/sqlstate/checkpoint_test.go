package sqlstate_test

import (
	"database/sql"
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

var streamKey = sqlstate.StreamKey{AppKey: "app", Merchant: "商家 1", Stream: "Orders.Query"}

// TestCheckpoints: one worker at a time moves a checkpoint, and one that was taken over
// cannot, neither alone nor with its rows.
func TestCheckpoints(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.effects(t)
		ctx, c := t.Context(), l.state.Checkpoints()
		cp, err := c.Load(ctx, streamKey)
		require.NoError(t, err)
		assert.Equal(t, jushuitan.Checkpoint{}, cp)
		first, err := c.Acquire(ctx, streamKey, time.Minute)
		require.NoError(t, err)
		_, err = c.Acquire(ctx, streamKey, time.Minute)
		require.ErrorIs(t, err, sqlstate.ErrLeaseHeld)
		other := streamKey
		other.Merchant += " "
		_, err = c.Acquire(ctx, other, time.Minute)
		require.NoError(t, err, "streams are separate")

		want := jushuitan.Checkpoint{Version: 2, Cursor: 7, Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Done: map[string]int64{"a": 8, "b": 9}}
		require.NoError(t, first.Save(ctx, want))
		cp, err = c.Load(ctx, streamKey)
		require.NoError(t, err)
		assert.Equal(t, want, cp)
		require.NoError(t, first.Renew(ctx))
		require.NoError(t, first.Release(ctx))
		second, err := c.Acquire(ctx, streamKey, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, want, second.Checkpoint())
		assert.Greater(t, second.Fence(), first.Fence())

		require.ErrorIs(t, first.Save(ctx, jushuitan.Checkpoint{Cursor: 1}), sqlstate.ErrLeaseLost)
		require.ErrorIs(t, first.Renew(ctx), sqlstate.ErrLeaseLost)
		require.NoError(t, first.Release(ctx), "does nothing")
		err = l.inTx(t, func(tx *sql.Tx) error {
			return errors.Join(l.note(ctx, tx, "late"), first.SaveTx(ctx, tx, jushuitan.Checkpoint{Cursor: 1}))
		})
		require.ErrorIs(t, err, sqlstate.ErrLeaseLost)
		assert.Zero(t, l.noted(t), "its rows are rolled back")
		require.NoError(t, l.inTx(t, func(tx *sql.Tx) error {
			return errors.Join(l.note(ctx, tx, "row"), second.SaveTx(ctx, tx, jushuitan.Checkpoint{Cursor: 8}))
		}))
		cp, err = c.Load(ctx, streamKey)
		require.NoError(t, err)
		assert.Equal(t, jushuitan.Checkpoint{Cursor: 8}, cp)

		l.exec(t, "UPDATE {checkpoint} SET ends = 1")
		require.NoError(t, second.Renew(ctx), "an expired lease is valid as long as nobody else has acquired the stream")
		l.exec(t, "UPDATE {checkpoint} SET ends = 1")
		third, err := c.Acquire(ctx, streamKey, time.Minute)
		require.NoError(t, err, "the lease of a worker that died ends")
		require.ErrorIs(t, second.Renew(ctx), sqlstate.ErrLeaseLost)

		require.NoError(t, c.Forget(ctx, streamKey.AppKey, streamKey.Merchant))
		require.ErrorIs(t, third.Save(ctx, want), sqlstate.ErrLeaseLost)
		cp, err = c.Load(ctx, streamKey)
		require.NoError(t, err)
		assert.Equal(t, jushuitan.Checkpoint{}, cp)
		assert.Equal(t, 1, l.count(t, "SELECT COUNT(*) FROM {checkpoint}"), "that of the other merchant stays")
	})
}

// TestCheckpointDelta: saving deltas, with whole saves between, leads to the same checkpoint
// as keeping it in memory.
func TestCheckpointDelta(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		ctx := t.Context()
		lease, err := l.state.Checkpoints().Acquire(ctx, streamKey, time.Minute)
		require.NoError(t, err)
		model := jushuitan.Checkpoint{Done: map[string]int64{}}
		for step := range int64(60) {
			model.Cursor = step
			err := l.inTx(t, func(tx *sql.Tx) error {
				if r.IntN(8) == 0 {
					whole := model
					whole.Done = maps.Clone(model.Done)
					return lease.SaveTx(ctx, tx, whole)
				}
				d := jushuitan.CheckpointDelta{Head: model, Floor: max(0, step-int64(r.IntN(20)))}
				d.Head.Done = nil
				if r.IntN(5) > 0 {
					d.Entry, d.Mark = "row "+strconv.Itoa(r.IntN(30)), step
					model.Done[d.Entry] = d.Mark
				}
				maps.DeleteFunc(model.Done, func(_ string, mark int64) bool { return mark < d.Floor })
				return lease.SaveDelta(ctx, tx, d)
			})
			require.NoError(t, err)
			got, err := l.state.Checkpoints().Load(ctx, streamKey)
			require.NoError(t, err)
			if got.Done == nil {
				got.Done = map[string]int64{}
			}
			require.Equal(t, model, got, "step %d", step)
		}
	})
}
