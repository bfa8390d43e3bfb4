package redisstate

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The defaults of [TokenConfig].
const (
	DefaultTokenKeep  = 180 * 24 * time.Hour
	DefaultTokenLease = 10 * time.Second
)

// ErrFenced means that a renewed token was not stored because another process has taken
// over the renewal lease. The client keeps the token and offers it again with its next
// call; it is then stored only if the other process stored none.
var ErrFenced = errors.New("another process has taken over the renewal")

// TokenConfig configures [State.TokenStore]. Its zero value is usable.
type TokenConfig struct {
	// Keep is how long a token is kept after it expires, and a token without expiry
	// after it was last read; a refresh token may outlive the access token. 0 means
	// [DefaultTokenKeep].
	Keep time.Duration
	// Lease is how long a process that renews a token may be silent before another
	// takes over. It reports three times in that time. 0 means [DefaultTokenLease].
	Lease time.Duration
}

// TokenStore is a [jushuitan.TokenStore] for any number of processes (分布式令牌存储).
//
// Compare-and-swap is one script. Tokens are encrypted if the State has a keyring.
// Renewal is leased, see [TokenStore.Lease]: of all processes that find a token
// expired, one asks the server, and the others take what it stored.
type TokenStore struct {
	state *State
	cfg   TokenConfig

	mu     sync.Mutex
	leases map[string]string // lease key -> owner, of renewals under way in this process
}

var _ jushuitan.TokenStore = (*TokenStore)(nil)

// TokenStore returns a token store. It serves any number of apps.
func (s *State) TokenStore(cfg TokenConfig) (*TokenStore, error) {
	if cfg.Keep < 0 || cfg.Lease < 0 {
		return nil, errors.New("redisstate: token store: Keep or Lease is negative / 时长不能为负")
	}
	cfg.Keep = cmp.Or(cfg.Keep, DefaultTokenKeep)
	cfg.Lease = cmp.Or(cfg.Lease, DefaultTokenLease)
	if cfg.Lease < 100*time.Millisecond {
		return nil, fmt.Errorf("redisstate: token store: Lease is %v, must be 100 ms at least", cfg.Lease)
	}
	return &TokenStore{state: s, cfg: cfg, leases: map[string]string{}}, nil
}

// Format shows no tokens, whatever the verb.
func (t *TokenStore) Format(f fmt.State, _ rune) { opaque(f, "redisstate.TokenStore") }

// tokenText is a token as it is stored.
type tokenText struct {
	Access  string `json:"a"`
	Refresh string `json:"r,omitempty"`
	Expires string `json:"e,omitempty"` // RFC 3339; absent: unknown or never
	Scope   string `json:"s,omitempty"`
}

//go:embed lua/token_load.lua
var tokenLoadLua string

//go:embed lua/token_swap.lua
var tokenSwapLua string

//go:embed lua/token_delete.lua
var tokenDeleteLua string

//go:embed lua/token_lease.lua
var tokenLeaseLua string

//go:embed lua/release.lua
var releaseLua string

//go:embed lua/extend.lua
var extendLua string

// A Script is its text and its checksum, and does not change.
var (
	tokenLoadScript   = redis.NewScript(tokenLoadLua)
	tokenSwapScript   = redis.NewScript(tokenSwapLua)
	tokenDeleteScript = redis.NewScript(tokenDeleteLua)
	tokenLeaseScript  = redis.NewScript(tokenLeaseLua)
	releaseScript     = redis.NewScript(releaseLua)
	extendScript      = redis.NewScript(extendLua)
)

func (t *TokenStore) fault(key jushuitan.TokenKey, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstate: token of merchant %q: %s: %w", key.Merchant, what, err)
}

func (t *TokenStore) keys(key jushuitan.TokenKey) (token, lease string) {
	return t.state.key("token", key.AppKey, key.Merchant), t.state.key("renew", key.AppKey, key.Merchant)
}

// Load implements [jushuitan.TokenStore]. It reads from the primary.
func (t *TokenStore) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	name, _ := t.keys(key)
	answer, err := t.state.run(ctx, tokenLoadScript, []string{name}, millis(t.cfg.Keep))
	if err != nil {
		return jushuitan.Token{}, t.fault(key, "load", err)
	}
	tok, err := t.token(name, answer)
	if err == nil && tok.Version == 0 {
		return jushuitan.Token{}, jushuitan.ErrNoToken
	}
	return tok, t.fault(key, "load", err)
}

// token reads the pair of version and text that the scripts give.
func (t *TokenStore) token(name string, answer any) (jushuitan.Token, error) {
	pair, ok := answer.([]any)
	if !ok || len(pair) < 2 {
		return jushuitan.Token{}, errScript("token")
	}
	version, _ := pair[0].(int64)
	stored, _ := pair[1].(string)
	if version == 0 {
		return jushuitan.Token{}, nil
	}
	text, _, err := t.state.open(name, stored)
	if err != nil {
		return jushuitan.Token{}, err
	}
	var row tokenText
	if json.Unmarshal(text, &row) != nil || row.Access == "" { // its error may quote the text
		return jushuitan.Token{}, errors.New("what is stored is no token; authorise the merchant again / 存储的令牌已损坏，请让商家重新授权")
	}
	tok := jushuitan.Token{AccessToken: row.Access, RefreshToken: row.Refresh, Scope: row.Scope, Version: version}
	if row.Expires != "" {
		at, err := time.Parse(time.RFC3339Nano, row.Expires)
		if err != nil {
			return jushuitan.Token{}, errors.New("the stored token's end is not a time; authorise the merchant again / 存储的令牌过期时间已损坏，请让商家重新授权")
		}
		tok.ExpiresAt = at.In(wire.CST)
	}
	return tok, nil
}

// CompareAndSwap implements [jushuitan.TokenStore]. If the client repeats it, since
// the answer to the first was lost, the second finds what the first one did.
//
// While this process has the right to renew (see [TokenStore.Lease]) and loses it to
// another, it fails with [ErrFenced].
func (t *TokenStore) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	if err := ctx.Err(); err != nil {
		return jushuitan.Token{}, false, err
	}
	if next.AccessToken == "" {
		return jushuitan.Token{}, false, t.fault(key, "store", errors.New("a token without access token is not stored / access_token 为空，不予保存"))
	}
	for _, text := range []string{next.AccessToken, next.RefreshToken, next.Scope} {
		if !utf8.ValidString(text) { // JSON would change it
			return jushuitan.Token{}, false, t.fault(key, "store", errors.New("the token is not valid UTF-8 / 令牌不是有效的 UTF-8"))
		}
	}
	row := tokenText{Access: next.AccessToken, Refresh: next.RefreshToken, Scope: next.Scope}
	keep, forever := t.cfg.Keep, 1
	if !next.ExpiresAt.IsZero() {
		next.ExpiresAt = next.ExpiresAt.Round(0).In(wire.CST)
		row.Expires = next.ExpiresAt.Format(time.RFC3339Nano)
		keep, forever = keep+max(time.Until(next.ExpiresAt), 0), 0
	}
	text, err := json.Marshal(row)
	if err != nil {
		return jushuitan.Token{}, false, t.fault(key, "store", errors.New("the token cannot be encoded"))
	}
	name, lease := t.keys(key)
	t.mu.Lock()
	owner := t.leases[lease]
	t.mu.Unlock()
	answer, err := t.state.store(ctx, tokenSwapScript, []string{name, lease},
		old.Version, t.state.seal(name, text), millis(keep), forever, nonce(), owner)
	if err != nil {
		return jushuitan.Token{}, false, t.fault(key, "store", err)
	}
	row3, ok := answer.([]any)
	if !ok || len(row3) != 3 {
		return jushuitan.Token{}, false, errScript("token")
	}
	switch done, _ := row3[2].(int64); done {
	case 1:
		next.Version, _ = row3[0].(int64)
		return next, true, nil
	case 2:
		return jushuitan.Token{}, false, t.fault(key, "store",
			fmt.Errorf("%w; it was away for longer than the lease of %v / 续期权已被其他进程接管", ErrFenced, t.cfg.Lease))
	}
	current, err := t.token(name, answer)
	return current, false, t.fault(key, "read", err)
}

// Delete deletes a merchant's token. It does nothing if there is none. Within Keep, the
// next token gets a version that was not used before.
func (t *TokenStore) Delete(ctx context.Context, key jushuitan.TokenKey) error {
	name, _ := t.keys(key)
	_, err := t.state.store(ctx, tokenDeleteScript, []string{name}, millis(t.cfg.Keep))
	return t.fault(key, "delete", err)
}

// Reseal encrypts the stored token with the keyring's current key, and reports whether
// that was necessary. The token gets a new version.
func (t *TokenStore) Reseal(ctx context.Context, key jushuitan.TokenKey) (bool, error) {
	for {
		name, _ := t.keys(key)
		answer, err := t.state.run(ctx, tokenLoadScript, []string{name}, millis(t.cfg.Keep))
		if err != nil {
			return false, t.fault(key, "load", err)
		}
		tok, err := t.token(name, answer)
		if err != nil || tok.Version == 0 {
			return false, t.fault(key, "load", err)
		}
		pair, _ := answer.([]any)
		stored, _ := pair[1].(string)
		_, id, err := t.state.open(name, stored)
		present := ""
		if t.state.cfg.Keyring != nil {
			present = t.state.cfg.Keyring.present
		}
		if err != nil || id == present {
			return false, t.fault(key, "read", err)
		}
		if _, ok, err := t.CompareAndSwap(ctx, key, tok, tok); err != nil || ok {
			return ok, err
		}
	}
}

// The waits between looks at a lease that another process has.
const (
	leaseFirst = 5 * time.Millisecond
	leaseMost  = 50 * time.Millisecond
)

// Lease waits until this process alone may renew the merchant's token, or until the
// stored one is no longer old, as somebody else has renewed it: load it again in
// either case. release returns the right, and must be called; the right also ends
// some seconds ([TokenConfig].Lease) after the process died or lost Redis.
//
// The lease keeps other processes away; what makes it safe is the fence: a process
// that was away for longer and whose right went to another cannot store its token
// before the other did, nor over the other's.
func (t *TokenStore) Lease(ctx context.Context, key jushuitan.TokenKey, old jushuitan.Token) (release func(), err error) {
	name, lease := t.keys(key)
	owner := nonce()
	for wait := leaseFirst; ; wait = min(2*wait, leaseMost) {
		answer, err := t.state.run(ctx, tokenLeaseScript, []string{lease, name}, owner, millis(t.cfg.Lease), old.Version)
		if err != nil {
			return nil, t.fault(key, "lease", err)
		}
		switch state, _ := answer.(int64); state {
		case 1:
			return t.hold(lease, owner), nil
		case 2:
			return func() {}, nil
		}
		if !pause(ctx, wait) {
			return nil, t.fault(key, "waiting for another process that renews it", ctx.Err())
		}
	}
}

// hold keeps a lease alive until it is released.
func (t *TokenStore) hold(lease, owner string) (release func()) {
	t.mu.Lock()
	t.leases[lease] = owner
	t.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, t.cfg.Lease/3) {
			bounded, done := context.WithTimeout(ctx, t.cfg.Lease/3)
			answer, err := t.state.run(bounded, extendScript, []string{lease}, owner, millis(t.cfg.Lease))
			done()
			if state, _ := answer.(int64); err == nil && state == 0 {
				return // it is another's
			}
		}
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-ended
		t.mu.Lock()
		if t.leases[lease] == owner {
			delete(t.leases, lease)
		}
		t.mu.Unlock()
		// Without an answer the lease ends by itself.
		bounded, done := context.WithTimeout(context.Background(), t.cfg.Lease/3)
		defer done()
		_, _ = t.state.run(bounded, releaseScript, []string{lease}, owner)
	})
}
