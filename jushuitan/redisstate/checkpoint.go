package redisstate

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultCheckpointKeep is how long an unused checkpoint is kept.
const DefaultCheckpointKeep = 180 * 24 * time.Hour

// The errors of [Checkpoints].
var (
	// ErrLeaseHeld means that another worker has acquired the stream.
	ErrLeaseHeld = errors.New("another worker has the stream")
	// ErrLeaseLost means that another worker has taken over the stream: stop, and save
	// nothing.
	ErrLeaseLost = errors.New("another worker has taken over the stream")
)

// Checkpoints stores how far the streams of merchants have been processed (断点存储),
// by one worker per stream at a time. A worker acquires a stream, processes rows and
// saves. If it is silent for longer than its lease, another worker may acquire the
// stream; from then on the first can no longer move the checkpoint, however late it
// resumes.
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

// Format prints no keys, for any verb.
func (c *Checkpoints) Format(f fmt.State, _ rune) { opaque(f, "redisstate.Checkpoints") }

// StreamKey identifies a stream of a merchant by a name that you choose, such as the
// operation's.
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
// extends the lease by ttl. While another worker holds it, the error is [ErrLeaseHeld].
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
		return nil, streamFault(key, "acquire", fmt.Errorf("%w for at least %s ms / 该数据流正由其他进程处理", ErrLeaseHeld, left))
	}
	if text, _ := row[1].(string); text != "" {
		if err := json.Unmarshal([]byte(text), &l.found); err != nil {
			return nil, streamFault(key, "read", fmt.Errorf("the stored checkpoint is damaged: %w; delete the key %s to start over / 断点已损坏，删除该键可重新开始", err, l.name))
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

var _ jushuitan.Forgetter = (*Checkpoints)(nil)

// Forget implements [jushuitan.Forgetter]: it deletes the checkpoints of all streams of a
// merchant. A worker that holds one of them fails with [ErrLeaseLost] when it saves. It
// scans the keys of the merchant's node, so it takes time in proportion to their number.
// The fences of a merchant that returns are larger than all before, see [Lease.Fence].
func (c *Checkpoints) Forget(ctx context.Context, appKey, merchant string) error {
	tag := c.state.key("checkpoint", appKey, merchant)
	node := redis.Cmdable(c.state.client)
	if cluster, ok := c.state.client.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, tag)
		if err != nil {
			return fmt.Errorf("redisstate: checkpoints of merchant %q: forget: %w", merchant, cause(ctx, err))
		}
		node = master
	}
	keys := node.Scan(ctx, 0, globEscaper.Replace(tag)+":*", 1000).Iterator()
	for keys.Next(ctx) {
		if err := node.Unlink(ctx, keys.Val()).Err(); err != nil {
			return fmt.Errorf("redisstate: checkpoints of merchant %q: forget: %w", merchant, cause(ctx, err))
		}
	}
	if err := cause(ctx, keys.Err()); err != nil {
		return fmt.Errorf("redisstate: checkpoints of merchant %q: forget: %w", merchant, err)
	}
	return nil
}

// globEscaper escapes the pattern characters of SCAN, which only a Prefix may contain.
var globEscaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

// Checkpoint returns what was stored when the stream was acquired.
func (l *Lease) Checkpoint() jushuitan.Checkpoint { return l.found }

// Fence returns a number larger than those of all previous workers. A host that stores
// rows in its own database can reject smaller numbers there.
//
// A new fence is at least the time of Redis in microseconds since 1970: store it in 64 bits.
// So it is larger than earlier ones even if they are no longer stored, because the checkpoint
// expired or was forgotten or because a failover lost them, unless the clock of the new
// primary is behind by more than that took. Fences of versions that counted from 1 are
// smaller.
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
		return streamFault(l.key, what, fmt.Errorf("%w; stop processing the stream / 该数据流已被其他进程接管，请停止处理", ErrLeaseLost))
	}
	return nil
}

// Format prints only the stream, for any verb.
func (l *Lease) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.Lease{%q of merchant %q, fence %d}", l.key.Stream, l.key.Merchant, l.fence)
}
