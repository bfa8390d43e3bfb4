package jushuitan

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// ErrNoToken is returned by [TokenStore.Load] for a merchant without a token.
var ErrNoToken = errors.New("no token stored")

// Token is the access token of a merchant (令牌).
//
// Printed with any verb of fmt, logged with slog or encoded as JSON, it shows only
// masked values: the last 4 characters of tokens of 16 and more, otherwise "***". It
// therefore cannot be decoded from JSON; a store saves the fields one by one. Two gaps
// remain that no method can close: fmt and slog do not call the methods of a Token in
// an unexported field of a struct, and fmt does not call them for the verb %w, which is
// for errors only (go vet reports it).
type Token struct {
	AccessToken  string    // access_token
	RefreshToken string    // refresh_token 刷新令牌, "" if there is none
	ExpiresAt    time.Time // expiry of AccessToken 过期时间; zero: unknown or never
	Scope        string    // scope, "all"
	Version      int64     // set by the store: 0 means not stored; each change increases it
}

// TokenKey identifies a token: one app serves many merchants.
type TokenKey struct {
	AppKey   string
	Merchant string // 商家: the host's own id of the merchant, such as entId
}

// TokenStore keeps tokens (令牌存储); all processes that serve the app share it. It must be
// safe for concurrent use. jushuitantest.TestTokenStore is a conformance test for
// implementations.
//
// A store may also have a method Delete(ctx, key) error, for a merchant that left.
// Deleting a token that does not exist is not an error.
type TokenStore interface {
	// Load returns the token, or an error that matches ErrNoToken if there is none.
	Load(ctx context.Context, key TokenKey) (Token, error)
	// CompareAndSwap stores next with the version after old's if the stored version is
	// still old.Version; 0 means that nothing is stored. The first version is 1 or, after
	// Delete, one that was not used before, if the store remembers it. Other fields of
	// old, and next.Version, are ignored. It returns what is stored now, with its version:
	// next if ok, otherwise the token that another caller stored first, or the zero Token
	// if there is none. Losing this race is not an error.
	//
	// It must be atomic among all processes and make next durable before it returns,
	// since it may be the only token that is still valid. Every ExpiresAt of the years 1
	// to 9999 (UTC) is stored to the nanosecond.
	CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (current Token, ok bool, err error)
}

// TokenLeaser is an optional interface of a [TokenStore], found by type assertion.
// With it a token is renewed once (单次续期), however many processes find it expired.
// With compare-and-swap alone each of them requests a token from the server, which may
// invalidate the tokens of all but one.
type TokenLeaser interface {
	// Lease waits until the caller alone may renew the key's token or until the stored
	// version is no longer old.Version; 0 means that nothing is stored. The caller loads
	// the token again in either case. Lease returns an error when ctx ends. If err is nil,
	// release is not nil and must be called once the renewed token is stored or the
	// renewal has failed. The lease of a process that died must expire by itself.
	Lease(ctx context.Context, key TokenKey, old Token) (release func(), err error)
}

// maskToken returns a secret masked except for at most its last 4 characters.
func maskToken(secret string) string {
	if secret == "" {
		return ""
	}
	if r := []rune(secret); len(r) >= 16 {
		return "***" + string(r[len(r)-4:])
	}
	return "***"
}

func (t Token) expiry() string {
	if t.ExpiresAt.IsZero() {
		return "never"
	}
	return t.ExpiresAt.In(wire.CST).Format(time.RFC3339)
}

// String returns the token, masked.
func (t Token) String() string {
	return fmt.Sprintf("Token{AccessToken:%s RefreshToken:%s ExpiresAt:%s Scope:%s Version:%d}",
		maskToken(t.AccessToken), maskToken(t.RefreshToken), t.expiry(), t.Scope, t.Version)
}

// GoString returns the token, masked.
func (t Token) GoString() string { return t.String() }

// Format prints the token, masked, for every verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue is the token for slog, masked.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("access_token", maskToken(t.AccessToken)),
		slog.String("refresh_token", maskToken(t.RefreshToken)),
		slog.String("expires_at", t.expiry()),
		slog.String("scope", t.Scope),
		slog.Int64("version", t.Version),
	)
}

// MarshalJSON masks the token, since loggers encode values as JSON.
func (t Token) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresAt    string `json:"expires_at"`
		Scope        string `json:"scope"`
		Version      int64  `json:"version"`
	}{maskToken(t.AccessToken), maskToken(t.RefreshToken), t.expiry(), t.Scope, t.Version})
}

// UnmarshalJSON always returns an error: a store that encodes Tokens directly is noticed at
// once, and not only when the server refuses "***".
func (*Token) UnmarshalJSON([]byte) error {
	return errors.New("jushuitan: a Token is masked in JSON and cannot be read back; store its fields one by one" +
		" / Token 的 JSON 已脱敏，不能还原，请逐个字段存取")
}

// checkToken returns an error for a token that no store should keep.
func checkToken(t Token) error {
	if t.AccessToken == "" {
		return errors.New("jushuitan: a token without access token is not stored / access_token 为空，不予保存")
	}
	if t.ExpiresAt.IsZero() {
		return nil
	}
	if _, err := wire.FormatStored(t.ExpiresAt); err != nil {
		return fmt.Errorf("jushuitan: a token whose expiry cannot be stored: %w / 令牌过期时间超出范围（公元 1 至 9999 年），不予保存", err)
	}
	return nil
}

// MemoryTokenStore keeps tokens in memory, for tests and for a single process that may
// lose them. See [NewMemoryTokenStore].
type MemoryTokenStore struct {
	mu     sync.Mutex
	tokens map[TokenKey]*Token
	floor  int64 // highest version ever deleted: versions never come back
}

// NewMemoryTokenStore returns an empty store. Processes with a store each renew tokens
// independently and may invalidate each other's.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{tokens: make(map[TokenKey]*Token)}
}

// Load implements [TokenStore].
func (s *MemoryTokenStore) Load(ctx context.Context, key TokenKey) (Token, error) {
	if err := ctx.Err(); err != nil {
		return Token{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[key]; t != nil {
		return *t, nil
	}
	return Token{}, ErrNoToken
}

// CompareAndSwap implements [TokenStore].
func (s *MemoryTokenStore) CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (Token, bool, error) {
	if err := cmp.Or(ctx.Err(), checkToken(next)); err != nil {
		return Token{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var current Token
	version := s.floor
	if t := s.tokens[key]; t != nil {
		current, version = *t, t.Version
	}
	if current.Version != old.Version {
		return current, false, nil
	}
	next.Version = version + 1
	next.ExpiresAt = next.ExpiresAt.Round(0) // no monotonic reading, as if read back
	s.tokens[key] = &next
	return next, true, nil
}

// Delete deletes the token of a merchant that left. It is not an error if there is none.
func (s *MemoryTokenStore) Delete(ctx context.Context, key TokenKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[key]; t != nil {
		s.floor = max(s.floor, t.Version)
		delete(s.tokens, key)
	}
	return nil
}

// Format shows no tokens, whatever the verb.
func (s *MemoryTokenStore) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "MemoryTokenStore") }
