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

// The defaults of [TokenStoreConfig].
const (
	DefaultTokenKeep  = 180 * 24 * time.Hour
	DefaultTokenLease = 10 * time.Second
)

// tokenKeepMost limits both durations that add up to the life of a stored token, Keep and the time
// until it expires: their sum must not overflow.
const tokenKeepMost = 100 * 365 * 24 * time.Hour

// ErrFenced means that a renewed token was not stored because another process has taken
// over the renewal lease. The client keeps the token and offers it again with its next
// call; it is then stored only if the other process stored none.
var ErrFenced = errors.New("another process has taken over the renewal")

// TokenStoreConfig configures [State.TokenStore]. Its zero value is usable.
type TokenStoreConfig struct {
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
// expired, one calls the server, and the others use what it stored.
type TokenStore struct {
	state *State
	cfg   TokenStoreConfig

	mu     sync.Mutex
	leases map[string]string // lease key -> owner, of renewals in progress in this process
}

var _ jushuitan.TokenStore = (*TokenStore)(nil)

// TokenStore returns a token store. It serves any number of apps.
func (s *State) TokenStore(cfg TokenStoreConfig) (*TokenStore, error) {
	if cfg.Keep < 0 || cfg.Lease < 0 {
		return nil, errors.New("redisstate: token store: Keep or Lease is negative / 时长不能为负")
	}
	cfg.Keep = min(cmp.Or(cfg.Keep, DefaultTokenKeep), tokenKeepMost)
	cfg.Lease = cmp.Or(cfg.Lease, DefaultTokenLease)
	if cfg.Lease < 100*time.Millisecond {
		return nil, fmt.Errorf("redisstate: token store: Lease is %v, must be at least 100 ms", cfg.Lease)
	}
	return &TokenStore{state: s, cfg: cfg, leases: map[string]string{}}, nil
}

// Format prints no tokens, for any verb.
func (t *TokenStore) Format(f fmt.State, _ rune) { opaque(f, "redisstate.TokenStore") }

// tokenText is the stored form of a token.
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

// A Script is immutable.
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

// token decodes the version and text that the scripts return.
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
	text, _, err := t.state.cfg.Keyring.Open(name, stored)
	if err != nil {
		return jushuitan.Token{}, err
	}
	var row tokenText
	if json.Unmarshal(text, &row) != nil || row.Access == "" { // the error may quote the text
		return jushuitan.Token{}, errors.New("the stored token is damaged; authorise the merchant again / 存储的令牌已损坏，请让商家重新授权")
	}
	tok := jushuitan.Token{AccessToken: row.Access, RefreshToken: row.Refresh, Scope: row.Scope, Version: version}
	if row.Expires != "" {
		at, err := wire.ParseStored(row.Expires)
		if err != nil {
			return jushuitan.Token{}, errors.New("the expiry of the stored token is damaged; authorise the merchant again / 存储的令牌过期时间已损坏，请让商家重新授权")
		}
		tok.ExpiresAt = at
	}
	return tok, nil
}

// CompareAndSwap implements [jushuitan.TokenStore]. If the client retries it after a
// lost answer, the retry returns the result of the first call.
//
// It fails with [ErrFenced] if this process holds the lease (see [TokenStore.Lease])
// and loses it to another.
func (t *TokenStore) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	if err := ctx.Err(); err != nil {
		return jushuitan.Token{}, false, err
	}
	if next.AccessToken == "" {
		return jushuitan.Token{}, false, t.fault(key, "store", errors.New("the token has no access token / access_token 为空，不予保存"))
	}
	for _, text := range []string{next.AccessToken, next.RefreshToken, next.Scope} {
		if !utf8.ValidString(text) { // JSON would alter it
			return jushuitan.Token{}, false, t.fault(key, "store", errors.New("the token is not valid UTF-8 / 令牌不是有效的 UTF-8"))
		}
	}
	row := tokenText{Access: next.AccessToken, Refresh: next.RefreshToken, Scope: next.Scope}
	keep, forever := t.cfg.Keep, 1
	if !next.ExpiresAt.IsZero() {
		next.ExpiresAt = next.ExpiresAt.Round(0).In(wire.CST)
		var err error
		if row.Expires, err = wire.FormatStored(next.ExpiresAt); err != nil {
			return jushuitan.Token{}, false, t.fault(key, "store", fmt.Errorf("expiry: %w / 令牌过期时间超出范围", err))
		}
		keep, forever = keep+min(max(time.Until(next.ExpiresAt), 0), tokenKeepMost), 0
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
		old.Version, t.state.cfg.Keyring.Seal(name, text), millis(keep), forever, nonce(), owner)
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
			fmt.Errorf("%w; this one was silent for longer than the lease of %v / 续期权已被其他进程接管", ErrFenced, t.cfg.Lease))
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

// Reencrypt encrypts the stored token with the keyring's current key, and reports whether
// that was necessary. The token gets a new version.
func (t *TokenStore) Reencrypt(ctx context.Context, key jushuitan.TokenKey) (bool, error) {
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
		_, id, err := t.state.cfg.Keyring.Open(name, stored)
		if err != nil || id == t.state.cfg.Keyring.Current() {
			return false, t.fault(key, "read", err)
		}
		if _, ok, err := t.CompareAndSwap(ctx, key, tok, tok); err != nil || ok {
			return ok, err
		}
	}
}

// The pauses between checks of a lease that another process holds.
const (
	leaseFirst = 5 * time.Millisecond
	leaseMost  = 50 * time.Millisecond
)

// Lease waits until only this process may renew the merchant's token, or until the
// stored token is no longer old because another process has renewed it; load it again
// in both cases. release ends the lease and must be called; the lease also expires some
// seconds ([TokenStoreConfig].Lease) after the process died or lost Redis.
//
// The lease keeps other processes out; a fence makes it safe: a process that was silent
// for longer and lost the lease can neither store its token before the new holder nor
// overwrite the new holder's.
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
				return // taken over
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
		// Without an answer the lease expires.
		bounded, done := context.WithTimeout(context.Background(), t.cfg.Lease/3)
		defer done()
		_, _ = t.state.run(bounded, releaseScript, []string{lease}, owner)
	})
}
