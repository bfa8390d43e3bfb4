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

	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/redis/go-redis/v9"
)

// DefaultPrefix begins the names of all keys unless [Config].Prefix says otherwise.
const DefaultPrefix = "jst"

// Config configures [New]. Its zero value is usable.
type Config struct {
	// Prefix begins the names of all keys (键前缀); [DefaultPrefix] by default.
	// Installations that share a Redis need different prefixes. It must not contain
	// braces.
	Prefix string

	// Keyring encrypts tokens and pushes at rest; nil stores them in plain text. See
	// [keyring.New].
	Keyring *keyring.Keyring
	// AcceptPlaintext also accepts plain text although a Keyring is set. Use it only
	// during a migration to encryption: anyone who can write to Redis can then store
	// tokens of their own.
	AcceptPlaintext bool

	// Replicas is how many replicas must confirm a token, a checkpoint, a deduplication
	// commit or a push before the call that wrote it succeeds (WAIT); 0 means none. A
	// write that too few confirm fails with [ErrNotReplicated], although the primary
	// has it. WAIT makes a loss by failover unlikely, not impossible; if a primary is replaced
	// although it lives, only the number of all replicas prevents one: see the package comment.
	Replicas int
	// ReplicaTimeout limits that wait; 0 means one second. The client's read timeout
	// must be longer.
	ReplicaTimeout time.Duration
}

// ErrNotReplicated means that the primary has a write but too few replicas confirmed it
// in time. It may be lost in a failover.
var ErrNotReplicated = errors.New("too few replicas have the write")

// State is the part of Redis that an installation uses. Create one per process. It is
// safe for concurrent use, has no connection of its own, runs nothing in the background
// and needs no closing.
type State struct {
	client redis.UniversalClient
	cfg    Config
}

// New returns a State that uses the client of a single node, Sentinel or Cluster. TLS,
// authentication and timeouts are configured in the client, which the caller closes.
//
// The client should have read and write timeouts of at most a few seconds, such as the
// defaults, and ContextTimeoutEnabled, so that calls end with their context.
func New(client redis.UniversalClient, cfg Config) (*State, error) {
	_, isRing := client.(*redis.Ring)
	switch {
	case client == nil:
		return nil, errors.New("redisstate: no client / 未提供 Redis 客户端")
	case isRing:
		return nil, errors.New("redisstate: a Ring moves keys between nodes: use Cluster, Sentinel or a single node / 不支持 Ring，请使用 Cluster、Sentinel 或单节点")
	case strings.ContainsAny(cfg.Prefix, "{}"):
		return nil, fmt.Errorf("redisstate: Prefix %q contains a brace / 键前缀不能含花括号", cfg.Prefix)
	case cfg.Replicas < 0:
		return nil, fmt.Errorf("redisstate: Replicas is %d, must not be negative", cfg.Replicas)
	case cfg.ReplicaTimeout < 0:
		return nil, fmt.Errorf("redisstate: ReplicaTimeout is %v, must not be negative", cfg.ReplicaTimeout)
	}
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	cfg.ReplicaTimeout = cmp.Or(cfg.ReplicaTimeout, time.Second)
	if cfg.AcceptPlaintext {
		cfg.Keyring = cfg.Keyring.AcceptPlaintext()
	}
	return &State{client: client, cfg: cfg}, nil
}

// Format prints neither the client nor keys, for any verb.
func (s *State) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.State{Prefix:%q Keyring:%v Replicas:%d}", s.cfg.Prefix, s.cfg.Keyring, s.cfg.Replicas)
}

// key returns the name of a key. Only the part in braces determines the node of a
// cluster, so that all keys of a merchant are on one node. The parts are escaped, so
// that no two merchants share a name.
func (s *State) key(kind, app, merchant string, more ...string) string {
	var b strings.Builder
	b.WriteString(s.cfg.Prefix + ":" + kind + ":{" + url.QueryEscape(app) + "/" + url.QueryEscape(merchant) + "}")
	for _, part := range more {
		b.WriteString(":" + url.QueryEscape(part))
	}
	return b.String()
}

// errScript returns the error for an unexpected answer of a script, such as one of an
// older version.
func errScript(what string) error {
	return fmt.Errorf("redisstate: %s: unexpected answer of the script; check that all processes run the same version / 脚本返回无法识别，请确认各进程版本一致", what)
}

// run runs a script on the node with the keys.
func (s *State) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := script.Run(ctx, s.client, keys, args...).Result()
	err = cause(ctx, err)
	s.relearn(ctx, err)
	return v, err
}

// relearn makes a cluster's client reload its slots after a call that no node answered:
// otherwise it may keep calling a dead node for a minute.
func (s *State) relearn(ctx context.Context, err error) {
	var refused redis.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &refused) && !moved(err) {
		return
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

// store runs a script whose write must not be lost, and waits for replicas.
func (s *State) store(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	if s.cfg.Replicas == 0 {
		return s.run(ctx, script, keys, args...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cluster, _ := s.client.(*redis.ClusterClient)
	for wait := movedFirst; ; wait *= 2 {
		// WAIT covers the writes of its own connection, and has no key by which a cluster
		// would find the node.
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

// The pauses while a cluster is resharded.
const (
	movedFirst = 25 * time.Millisecond
	movedMost  = 800 * time.Millisecond
)

// moved reports whether a node refused a call because it does not, or not yet, serve
// the keys.
func moved(err error) bool {
	for _, prefix := range []string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func (s *State) storeAt(ctx context.Context, node redis.Cmdable, script *redis.Script, keys []string, args ...any) (any, error) {
	// After an error of the script, including one that is not cached yet, there is nothing
	// to wait for.
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

// cause prefers the context's error to the connection's. A missing value is not an error
// of the connection.
func cause(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(err, ctxErr) {
		return fmt.Errorf("%w: %w", ctxErr, err)
	}
	return err
}

// millis returns d for PX and PEXPIRE, at least one.
func millis(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// nonce identifies a call, so that a retry by the client after a lost answer is
// recognized.
func nonce() string { return rand.Text()[:16] }

// pause waits and reports whether ctx is still alive.
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
