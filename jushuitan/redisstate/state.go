package redisstate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultPrefix begins the names of all keys unless [Config].Prefix says otherwise.
const DefaultPrefix = "jst"

// Config is what all parts of a [State] have in common. Its zero value is usable.
type Config struct {
	// Prefix begins the names of all keys (键前缀), [DefaultPrefix] by default. Two
	// installations that share a Redis need different ones. It holds no braces.
	Prefix string

	// Keyring encrypts tokens and pushes at rest; nil stores them in the clear. See
	// [NewKeyring].
	Keyring *Keyring
	// AcceptPlain reads, with a Keyring, also what is stored in the clear: while an
	// installation moves to encryption, and no longer, since who can write to Redis
	// can then put tokens of his own there.
	AcceptPlain bool

	// Replicas is how many replicas must have a token, a checkpoint, a dedupe commit
	// or a push before the call that wrote it succeeds (WAIT); 0 is none. A write
	// that too few of them have fails with [ErrNotReplicated], although the primary
	// has it. WAIT makes a loss by failover unlikely and not impossible: see the
	// package comment.
	Replicas int
	// ReplicaTimeout bounds that wait; 0 is a second. The client's read timeout is
	// longer.
	ReplicaTimeout time.Duration
}

// ErrNotReplicated means that the primary has a write but too few replicas confirmed it
// in time. It may be lost in a failover.
var ErrNotReplicated = errors.New("too few replicas have the write")

// State is the part of Redis that an installation uses. Make one per process. It is
// safe for concurrent use, holds no connection of its own, runs nothing in the
// background and needs no closing.
type State struct {
	client redis.UniversalClient
	cfg    Config
}

// New makes a State on a client: of a single node, of Sentinel or of Cluster. TLS,
// authentication and timeouts are the client's. The client stays the caller's to
// close.
//
// The client should have read and write timeouts of a few seconds at most, its
// defaults will do, and ContextTimeoutEnabled, so that calls end with their context.
func New(client redis.UniversalClient, cfg Config) (*State, error) {
	_, isRing := client.(*redis.Ring)
	switch {
	case client == nil:
		return nil, errors.New("redisstate: no client given / 未提供 Redis 客户端")
	case isRing:
		return nil, errors.New("redisstate: a Ring has no node for a merchant that stays: use Cluster, Sentinel or a single node / 不支持 Ring，请使用 Cluster、Sentinel 或单节点")
	case strings.ContainsAny(cfg.Prefix, "{}"):
		return nil, fmt.Errorf("redisstate: Prefix %q holds a brace / 键前缀不能含花括号", cfg.Prefix)
	case cfg.Replicas < 0:
		return nil, fmt.Errorf("redisstate: Replicas is %d, must not be negative", cfg.Replicas)
	case cfg.ReplicaTimeout < 0:
		return nil, fmt.Errorf("redisstate: ReplicaTimeout is %v, must not be negative", cfg.ReplicaTimeout)
	}
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	cfg.ReplicaTimeout = cmp.Or(cfg.ReplicaTimeout, time.Second)
	return &State{client: client, cfg: cfg}, nil
}

// Format shows neither the client nor keys, whatever the verb.
func (s *State) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.State{Prefix:%q Keyring:%v Replicas:%d}", s.cfg.Prefix, s.cfg.Keyring, s.cfg.Replicas)
}

// key names a key. What stands in braces alone decides on the node of a cluster:
// all keys of a merchant are on one. The parts are escaped, so that no two
// merchants share a name.
func (s *State) key(kind, app, merchant string, more ...string) string {
	var b strings.Builder
	b.WriteString(s.cfg.Prefix + ":" + kind + ":{" + url.QueryEscape(app) + "/" + url.QueryEscape(merchant) + "}")
	for _, part := range more {
		b.WriteString(":" + url.QueryEscape(part))
	}
	return b.String()
}

// errScript is what a script answers that this package did not write, or an older
// one did.
func errScript(what string) error {
	return fmt.Errorf("redisstate: %s: the script's answer is not understood; do all processes run the same version? / 脚本返回无法识别，请确认各进程版本一致", what)
}

// run runs a script on the node that has the keys.
func (s *State) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := script.Run(ctx, s.client, keys, args...).Result()
	err = cause(ctx, err)
	s.relearn(ctx, err)
	return v, err
}

// relearn lets a cluster's client ask again which node has what, after a call that no
// node answered: by itself it may call a node that is gone for a minute.
func (s *State) relearn(ctx context.Context, err error) {
	var refused redis.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &refused) && !moved(err) {
		return
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

// store runs a script that writes what must not be lost, and waits for replicas.
func (s *State) store(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	if s.cfg.Replicas == 0 {
		return s.run(ctx, script, keys, args...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cluster, _ := s.client.(*redis.ClusterClient)
	for wait := movedFirst; ; wait *= 2 {
		// WAIT speaks of the writes of its own connection, and names no key by which a
		// cluster would find the node.
		node := s.client
		if cluster != nil {
			master, err := cluster.MasterForKey(ctx, keys[0])
			if err != nil {
				return nil, cause(ctx, err)
			}
			node = master
		}
		v, err := s.storeAt(ctx, node, script, keys, args...)
		if err == nil || cluster == nil || errors.Is(err, ErrNotReplicated) {
			return v, err
		}
		s.relearn(ctx, err)
		if !moved(err) || wait > movedMost || !pause(ctx, wait) {
			return nil, err
		}
	}
}

// The waits for a cluster that is being rearranged.
const (
	movedFirst = 25 * time.Millisecond
	movedMost  = 800 * time.Millisecond
)

// moved reports whether a node refused a call because the keys are another's, or nobody's
// for the moment.
func moved(err error) bool {
	for _, prefix := range []string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func (s *State) storeAt(ctx context.Context, node redis.Cmdable, script *redis.Script, keys []string, args ...any) (any, error) {
	// An error of the script's leaves nothing to wait for; that the script is not
	// cached yet is one.
	for _, run := range []func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd{script.EvalSha, script.Eval} {
		pipe := node.Pipeline()
		answer := run(ctx, pipe, keys, args...)
		acked := pipe.Do(ctx, "WAIT", s.cfg.Replicas, s.cfg.ReplicaTimeout.Milliseconds())
		_, _ = pipe.Exec(ctx)
		v, err := answer.Result()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			continue
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, cause(ctx, err)
		}
		n, waitErr := acked.Int()
		if waitErr != nil {
			return nil, fmt.Errorf("%w: WAIT: %w", ErrNotReplicated, cause(ctx, waitErr))
		}
		if n < s.cfg.Replicas {
			return nil, fmt.Errorf("%w: %d of %d within %v; check the replicas / 副本确认不足，请检查 Redis 副本",
				ErrNotReplicated, n, s.cfg.Replicas, s.cfg.ReplicaTimeout)
		}
		return v, cause(ctx, err)
	}
	return nil, errScript("WAIT")
}

// cause prefers the context's error over what the connection made of it. An absent
// value is no error of the connection's.
func cause(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(err, ctxErr) {
		return fmt.Errorf("%w: %w", ctxErr, err)
	}
	return err
}

// millis is d for PX and PEXPIRE, at least one.
func millis(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// nonce tells one call from all others, so that a call that the client repeats
// after a lost answer is known for the same.
func nonce() string { return rand.Text()[:16] }

// pause waits, and says whether ctx lasted.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// opaque prints a type's name only.
func opaque(f fmt.State, name string) { _, _ = io.WriteString(f, name) }
