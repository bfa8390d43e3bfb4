package sqlstate

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultTokenLease is the default of [State.TokenStore].
const DefaultTokenLease = 10 * time.Second

// ErrFenced means that a renewed token was not stored because another process has taken
// over the renewal lease. The client keeps the token and offers it again with its next
// call; it is then stored only if the other process stored none.
var ErrFenced = errors.New("another process has taken over the renewal")

// TokenStore is a [jushuitan.TokenStore] for any number of processes (令牌存储).
//
// Compare-and-swap is one statement. Tokens are encrypted if the State has a keyring.
// Renewal is leased, see [TokenStore.Lease]: of all processes that find a token expired,
// one calls the server, and the others use what it stored. It never takes part in a
// transaction of the host: a renewed token must survive a rollback.
type TokenStore struct {
	state *State
	lease time.Duration

	mu     sync.Mutex
	leases map[jushuitan.TokenKey]string // owner of renewals in progress in this process
}

var (
	_ jushuitan.TokenStore  = (*TokenStore)(nil)
	_ jushuitan.TokenLeaser = (*TokenStore)(nil)
)

// TokenStore returns a token store. It serves any number of apps. lease is how long a
// process that renews a token may be silent before another takes over; it reports three
// times in that time. 0 means [DefaultTokenLease]; at least 100 ms.
func (s *State) TokenStore(lease time.Duration) (*TokenStore, error) {
	lease = cmp.Or(lease, DefaultTokenLease)
	if lease < 100*time.Millisecond {
		return nil, fmt.Errorf("sqlstate: token store: the lease is %v, must be at least 100 ms / 租约过短", lease)
	}
	return &TokenStore{state: s, lease: lease, leases: map[jushuitan.TokenKey]string{}}, nil
}

// Format prints no tokens, for any verb.
func (t *TokenStore) Format(f fmt.State, _ rune) { opaque(f, "sqlstate.TokenStore") }

// tokenText is the stored form of a token.
type tokenText struct {
	Access  string `json:"a"`
	Refresh string `json:"r,omitempty"`
	Expires string `json:"e,omitempty"` // RFC 3339; absent: unknown or never
	Scope   string `json:"s,omitempty"`
}

func tokenFault(ctx context.Context, key jushuitan.TokenKey, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstate: token of merchant %q: %s: %w", key.Merchant, what, cause(ctx, err))
}

// tokenRow is a row of the table.
type tokenRow struct {
	version int64 // of the last token, 0 if there was none
	content []byte
	owner   string
	alive   bool // the lease of the owner has not ended
}

// current is the version that compare-and-swap compares.
func (r *tokenRow) current() int64 {
	if r.content == nil {
		return 0
	}
	return r.version
}

// was is the condition that the row has a token exactly if it had one.
func (r *tokenRow) was() string {
	if r.content == nil {
		return "IS NULL"
	}
	return "IS NOT NULL"
}

func (t *TokenStore) read(ctx context.Context, key jushuitan.TokenKey) (r tokenRow, found bool, err error) {
	var ends, now int64
	err = t.state.again(ctx, func() error {
		return t.state.db.QueryRowContext(ctx, t.state.q("SELECT version, content, owner, ends, {now} FROM {token} WHERE app = ? AND merchant = ?"),
			name(key.AppKey), name(key.Merchant)).Scan(&r.version, &r.content, &r.owner, &ends, &now)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return tokenRow{}, false, ctx.Err()
	}
	r.alive = r.owner != "" && ends > now
	return r, err == nil, err
}

// Load implements [jushuitan.TokenStore].
func (t *TokenStore) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	row, _, err := t.read(ctx, key)
	if err == nil && row.content == nil {
		return jushuitan.Token{}, jushuitan.ErrNoToken
	}
	var tok jushuitan.Token
	if err == nil {
		tok, err = t.token(key, &row)
	}
	return tok, tokenFault(ctx, key, "load", err)
}

func (t *TokenStore) sealed(key jushuitan.TokenKey) string {
	return t.state.sealed("token", key.AppKey, key.Merchant)
}

// token decodes a row; the zero Token if it has none.
func (t *TokenStore) token(key jushuitan.TokenKey, r *tokenRow) (jushuitan.Token, error) {
	if r.content == nil {
		return jushuitan.Token{}, nil
	}
	text, _, err := t.state.cfg.Keyring.Open(t.sealed(key), string(r.content))
	if err != nil {
		return jushuitan.Token{}, err
	}
	var row tokenText
	if json.Unmarshal(text, &row) != nil || row.Access == "" { // the error may quote the text
		return jushuitan.Token{}, errors.New("the stored token is damaged; authorise the merchant again / 存储的令牌已损坏，请让商家重新授权")
	}
	tok := jushuitan.Token{AccessToken: row.Access, RefreshToken: row.Refresh, Scope: row.Scope, Version: r.version}
	if row.Expires != "" {
		if tok.ExpiresAt, err = wire.ParseStored(row.Expires); err != nil {
			return jushuitan.Token{}, errors.New("the expiry of the stored token is damaged; authorise the merchant again / 存储的令牌过期时间已损坏，请让商家重新授权")
		}
	}
	return tok, nil
}

// encodeToken returns the stored form of a token, and the token as it will be read.
func encodeToken(tok jushuitan.Token) ([]byte, jushuitan.Token, error) {
	if tok.AccessToken == "" {
		return nil, tok, errors.New("the token has no access token / access_token 为空，不予保存")
	}
	for _, text := range []string{tok.AccessToken, tok.RefreshToken, tok.Scope} {
		if !utf8.ValidString(text) { // JSON would alter it
			return nil, tok, errors.New("the token is not valid UTF-8 / 令牌不是有效的 UTF-8")
		}
	}
	row := tokenText{Access: tok.AccessToken, Refresh: tok.RefreshToken, Scope: tok.Scope}
	if !tok.ExpiresAt.IsZero() {
		tok.ExpiresAt = tok.ExpiresAt.Round(0).In(wire.CST)
		var err error
		if row.Expires, err = wire.FormatStored(tok.ExpiresAt); err != nil {
			return nil, tok, fmt.Errorf("expiry: %w / 令牌过期时间超出范围", err)
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		return nil, tok, errors.New("the token cannot be encoded")
	}
	return text, tok, nil
}

// CompareAndSwap implements [jushuitan.TokenStore]. It fails with [ErrFenced] if this
// process holds the lease (see [TokenStore.Lease]) and loses it to another.
func (t *TokenStore) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	text, next, err := encodeToken(next)
	if err == nil {
		err = checkNames(key.AppKey, key.Merchant)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return jushuitan.Token{}, false, tokenFault(ctx, key, "store", err)
	}
	t.mu.Lock()
	owner := t.leases[key]
	t.mu.Unlock()
	content := t.state.cfg.Keyring.Seal(t.sealed(key), text)
	for {
		row, found, err := t.read(ctx, key)
		switch {
		case err != nil:
			return jushuitan.Token{}, false, tokenFault(ctx, key, "store", err)
		case row.current() != old.Version:
			current, err := t.token(key, &row)
			return current, false, tokenFault(ctx, key, "read", err)
		case owner != "" && row.alive && row.owner != owner:
			return jushuitan.Token{}, false, tokenFault(ctx, key, "store",
				fmt.Errorf("%w; this one was silent for longer than the lease of %v / 续期权已被其他进程接管", ErrFenced, t.lease))
		}
		next.Version = row.version + 1
		if done, err := t.swap(ctx, key, &row, found, content, owner); err != nil || done {
			return next, done, tokenFault(ctx, key, "store", err)
		}
	}
}

// swap stores a token after the row that was read, unless it has changed or, for the owner
// of a lease, another has a lease.
func (t *TokenStore) swap(ctx context.Context, key jushuitan.TokenKey, r *tokenRow, found bool, content []byte, owner string) (bool, error) {
	if !found {
		n, err := t.state.exec(ctx, t.state.db, "INSERT INTO {token} (app, merchant, version, content, owner, ends, changed, moves)"+
			" VALUES (?, ?, 1, ?, '', 0, {now}, 0) {ignore}", name(key.AppKey), name(key.Merchant), content)
		return n == 1, err
	}
	n, err := t.state.exec(ctx, t.state.db, "UPDATE {token} SET version = version + 1, content = ?, changed = {now}, moves = moves + 1"+
		" WHERE app = ? AND merchant = ? AND version = ? AND content "+r.was()+" AND (? = '' OR owner IN ('', ?) OR ends <= {now})",
		content, name(key.AppKey), name(key.Merchant), r.version, owner, owner)
	return n == 1, err
}

// Delete deletes a merchant's token. It does nothing if there is none. Until [State.Cleanup]
// deletes the row, the next token gets a version that was not used before.
func (t *TokenStore) Delete(ctx context.Context, key jushuitan.TokenKey) error {
	return tokenFault(ctx, key, "delete", t.state.deleteToken(ctx, t.state.db, key))
}

func (s *State) deleteToken(ctx context.Context, on runner, key jushuitan.TokenKey) error {
	_, err := s.exec(ctx, on, "UPDATE {token} SET content = NULL, changed = {now}, moves = moves + 1 WHERE app = ? AND merchant = ? AND content IS NOT NULL",
		name(key.AppKey), name(key.Merchant))
	return err
}

// Forget implements [jushuitan.Forgetter]: it is Delete.
func (t *TokenStore) Forget(ctx context.Context, appKey, merchant string) error {
	return t.Delete(ctx, jushuitan.TokenKey{AppKey: appKey, Merchant: merchant})
}

// Reencrypt encrypts the stored token with the keyring's current key, and reports whether
// that was necessary. The token gets a new version.
func (t *TokenStore) Reencrypt(ctx context.Context, key jushuitan.TokenKey) (bool, error) {
	for {
		row, _, err := t.read(ctx, key)
		if err != nil || row.content == nil {
			return false, tokenFault(ctx, key, "load", err)
		}
		_, id, err := t.state.cfg.Keyring.Open(t.sealed(key), string(row.content))
		if err != nil || id == t.state.cfg.Keyring.Current() {
			return false, tokenFault(ctx, key, "read", err)
		}
		tok, err := t.token(key, &row)
		if err != nil {
			return false, tokenFault(ctx, key, "read", err)
		}
		if _, ok, err := t.CompareAndSwap(ctx, key, tok, tok); err != nil || ok {
			return ok, err
		}
	}
}

// The pauses between checks of a lease that another process holds.
const (
	leaseFirst = 10 * time.Millisecond
	leaseMost  = 100 * time.Millisecond
)

// Lease waits until only this process may renew the merchant's token, or until the stored
// token is no longer old because another process has renewed it; load it again in both
// cases. release ends the lease and must be called; the lease also expires some seconds
// after the process died or lost the database.
//
// The lease keeps other processes out; a fence makes it safe: a process that was silent
// for longer and lost the lease can neither store its token before the new holder nor
// overwrite the new holder's.
func (t *TokenStore) Lease(ctx context.Context, key jushuitan.TokenKey, old jushuitan.Token) (release func(), err error) {
	if err := checkNames(key.AppKey, key.Merchant); err != nil {
		return nil, tokenFault(ctx, key, "lease", err)
	}
	owner := nonce()
	for wait := leaseFirst; ; wait = min(2*wait, leaseMost) {
		row, found, err := t.read(ctx, key)
		if err == nil && !found {
			_, err = t.state.exec(ctx, t.state.db, "INSERT INTO {token} (app, merchant, version, content, owner, ends, changed, moves)"+
				" VALUES (?, ?, 0, NULL, '', 0, {now}, 0) {ignore}", name(key.AppKey), name(key.Merchant))
		}
		var n int64
		if err == nil && row.current() == old.Version && !row.alive {
			n, err = t.state.exec(ctx, t.state.db, "UPDATE {token} SET owner = ?, ends = {now} + ?, moves = moves + 1"+
				" WHERE app = ? AND merchant = ? AND version = ? AND content "+row.was()+" AND (owner = '' OR ends <= {now})",
				owner, millis(t.lease), name(key.AppKey), name(key.Merchant), row.version)
		}
		switch {
		case err != nil:
			return nil, tokenFault(ctx, key, "lease", err)
		case n == 1:
			return t.hold(key, owner), nil
		case row.current() != old.Version:
			return func() {}, nil
		}
		if !pause(ctx, wait) {
			return nil, tokenFault(ctx, key, "waiting for another process that renews it", ctx.Err())
		}
	}
}

// hold keeps a lease alive until it is released.
func (t *TokenStore) hold(key jushuitan.TokenKey, owner string) (release func()) {
	t.mu.Lock()
	t.leases[key] = owner
	t.mu.Unlock()
	extend := func(ctx context.Context, ttl int64) (n int64, err error) {
		return t.state.exec(ctx, t.state.db, "UPDATE {token} SET ends = {now} + ?, moves = moves + 1 WHERE app = ? AND merchant = ? AND owner = ?",
			ttl, name(key.AppKey), name(key.Merchant), owner)
	}
	stop := keepAlive(t.lease, func(ctx context.Context) bool {
		n, err := extend(ctx, millis(t.lease))
		return err != nil || n > 0
	})
	return sync.OnceFunc(func() {
		stop()
		t.mu.Lock()
		if t.leases[key] == owner {
			delete(t.leases, key)
		}
		t.mu.Unlock()
		// Without an answer the lease expires.
		bounded, done := context.WithTimeout(context.Background(), t.lease/3)
		defer done()
		_, _ = t.state.exec(bounded, t.state.db, "UPDATE {token} SET owner = '', ends = 0, moves = moves + 1 WHERE app = ? AND merchant = ? AND owner = ?",
			name(key.AppKey), name(key.Merchant), owner)
	})
}

// keepAlive calls extend three times per lease until stop is called or it returns false.
// stop waits for it.
func keepAlive(lease time.Duration, extend func(ctx context.Context) bool) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, lease/3) {
			bounded, done := context.WithTimeout(ctx, lease/3)
			alive := extend(bounded)
			done()
			if !alive {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
