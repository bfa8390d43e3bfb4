package redisstate

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultCheckpointKeep is how long a checkpoint is kept that nobody moves.
const DefaultCheckpointKeep = 180 * 24 * time.Hour

// The errors of [Checkpoints].
var (
	// ErrHeld means that another worker has acquired the stream.
	ErrHeld = errors.New("another worker has the stream")
	// ErrLeaseLost means that another worker has taken over the stream: stop, and save
	// nothing.
	ErrLeaseLost = errors.New("another worker has taken the stream over")
)

// Checkpoints keeps how far the streams of merchants have been processed (断点存储),
// one worker at a time each. A worker acquires a stream, works and saves; if it is
// away for longer than its lease, another may acquire the stream, and from then on
// the first can move the checkpoint neither back nor forward, however late it wakes.
type Checkpoints struct {
	state *State
	keep  time.Duration
}

// Checkpoints returns a store for checkpoints. A checkpoint that is neither acquired
// nor saved expires after keep, and its stream starts over; 0 means
// [DefaultCheckpointKeep].
func (s *State) Checkpoints(keep time.Duration) *Checkpoints {
	if keep <= 0 {
		keep = DefaultCheckpointKeep
	}
	return &Checkpoints{state: s, keep: cmp.Or(keep, DefaultCheckpointKeep)}
}

// Format shows no keys, whatever the verb.
func (c *Checkpoints) Format(f fmt.State, _ rune) { opaque(f, "redisstate.Checkpoints") }

// StreamKey names a stream: one of a merchant's, under a name that the host chooses,
// such as the operation's.
type StreamKey struct {
	AppKey   string
	Merchant string
	Stream   string
}

// Lease (租约) entitles one worker to move a checkpoint. It is safe for concurrent use.
type Lease struct {
	c     *Checkpoints
	key   StreamKey
	name  string
	owner string
	ttl   time.Duration
	fence int64
	found jushuitan.Checkpoint
}

//go:embed lua/checkpoint_acquire.lua
var checkpointAcquireLua string

//go:embed lua/checkpoint_save.lua
var checkpointSaveLua string

var (
	checkpointAcquireScript = redis.NewScript(checkpointAcquireLua)
	checkpointSaveScript    = redis.NewScript(checkpointSaveLua)
)

func (c *Checkpoints) name(key StreamKey) string {
	return c.state.key("checkpoint", key.AppKey, key.Merchant, key.Stream)
}

func streamFault(key StreamKey, what string, err error) error {
	return fmt.Errorf("redisstate: checkpoint of stream %q of merchant %q: %s: %w", key.Stream, key.Merchant, what, err)
}

// Acquire leases the stream to a worker for ttl. Each [Lease.Save] and [Lease.Renew]
// extends the lease by ttl. While another worker holds it, the error is [ErrHeld].
func (c *Checkpoints) Acquire(ctx context.Context, key StreamKey, ttl time.Duration) (*Lease, error) {
	if ttl < time.Millisecond {
		return nil, streamFault(key, "acquire", fmt.Errorf("the lease of %v is too short", ttl))
	}
	l := &Lease{c: c, key: key, name: c.name(key), owner: nonce(), ttl: ttl}
	answer, err := c.state.store(ctx, checkpointAcquireScript, []string{l.name}, l.owner, millis(ttl), millis(c.keep))
	if err != nil {
		return nil, streamFault(key, "acquire", err)
	}
	row, ok := answer.([]any)
	if !ok || len(row) != 2 {
		return nil, errScript("checkpoint")
	}
	if l.fence, _ = row[0].(int64); l.fence == 0 {
		left, _ := row[1].(string)
		return nil, streamFault(key, "acquire", fmt.Errorf("%w, for %s ms at least / 该数据流正由其他进程处理", ErrHeld, left))
	}
	if text, _ := row[1].(string); text != "" {
		if err := json.Unmarshal([]byte(text), &l.found); err != nil {
			return nil, streamFault(key, "read", fmt.Errorf("it is damaged: %w; delete the key %s to begin anew / 断点已损坏，删除该键可重新开始", err, l.name))
		}
	}
	return l, nil
}

// Load reads a checkpoint without acquiring the stream; the zero one if there is none.
func (c *Checkpoints) Load(ctx context.Context, key StreamKey) (jushuitan.Checkpoint, error) {
	var cp jushuitan.Checkpoint
	text, err := c.state.client.HGet(ctx, c.name(key), "d").Result()
	if errors.Is(err, redis.Nil) {
		return cp, nil
	}
	if err = cause(ctx, err); err == nil {
		err = json.Unmarshal([]byte(text), &cp)
	}
	if err != nil {
		return jushuitan.Checkpoint{}, streamFault(key, "load", err)
	}
	return cp, nil
}

// Checkpoint is what was stored when the stream was acquired.
func (l *Lease) Checkpoint() jushuitan.Checkpoint { return l.found }

// Fence is larger than that of every worker before. Hosts that store rows in a
// database of their own can refuse smaller ones there.
func (l *Lease) Fence() int64 { return l.fence }

// Save stores a checkpoint and extends the lease. It fails with [ErrLeaseLost] once
// another worker has acquired the stream. An expired lease is still valid as long as
// nobody else has acquired the stream.
func (l *Lease) Save(ctx context.Context, cp jushuitan.Checkpoint) error {
	text, err := json.Marshal(cp)
	if err != nil {
		return streamFault(l.key, "save", err)
	}
	return l.move(ctx, "save", string(text), l.ttl)
}

// Renew extends the lease.
func (l *Lease) Renew(ctx context.Context) error { return l.move(ctx, "renew", "", l.ttl) }

// Release ends the lease, so that another worker can acquire the stream. It does
// nothing if another worker holds it.
func (l *Lease) Release(ctx context.Context) error {
	err := l.move(ctx, "release", "", 0)
	if errors.Is(err, ErrLeaseLost) {
		return nil
	}
	return err
}

func (l *Lease) move(ctx context.Context, what, text string, ttl time.Duration) error {
	answer, err := l.c.state.store(ctx, checkpointSaveScript, []string{l.name}, l.owner, l.fence, ttl.Milliseconds(), millis(l.c.keep), text)
	if err != nil {
		return streamFault(l.key, what, err)
	}
	if done, _ := answer.(int64); done != 1 {
		return streamFault(l.key, what, fmt.Errorf("%w; stop processing it / 该数据流已被其他进程接管，请停止处理", ErrLeaseLost))
	}
	return nil
}

// Format shows the stream only, whatever the verb.
func (l *Lease) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.Lease{%q of merchant %q, fence %d}", l.key.Stream, l.key.Merchant, l.fence)
}
