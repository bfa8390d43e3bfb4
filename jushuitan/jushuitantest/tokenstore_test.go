package jushuitantest

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

func TestTokenStoreConformance(t *testing.T) {
	shared := jushuitan.NewMemoryTokenStore()
	path := filepath.Join(t.TempDir(), "shared.json")
	file := func(t *testing.T, path string) jushuitan.TokenStore {
		s, err := jushuitan.NewFileTokenStore(path)
		require.NoError(t, err)
		return s
	}
	for name, mk := range map[string]func(t *testing.T) jushuitan.TokenStore{
		"memory":        func(*testing.T) jushuitan.TokenStore { return jushuitan.NewMemoryTokenStore() },
		"memory shared": func(*testing.T) jushuitan.TokenStore { return shared },
		"file":          func(t *testing.T) jushuitan.TokenStore { return file(t, filepath.Join(t.TempDir(), "tokens.json")) },
		"file shared":   func(t *testing.T) jushuitan.TokenStore { return file(t, path) },
		"two files on one path": func(t *testing.T) jushuitan.TokenStore {
			path := filepath.Join(t.TempDir(), "tokens.json")
			return &inTurns{stores: [2]jushuitan.TokenStore{file(t, path), file(t, path)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			TestTokenStore(t, mk)
		})
	}
}

// inTurns sends every other call to the other store, as two processes would.
type inTurns struct {
	mu     sync.Mutex
	n      int
	stores [2]jushuitan.TokenStore
}

func (s *inTurns) next() jushuitan.TokenStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.stores[s.n%2]
}

func (s *inTurns) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	return s.next().Load(ctx, key)
}

func (s *inTurns) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	return s.next().CompareAndSwap(ctx, key, old, next)
}

// broken is a good store with faults put in.
type broken struct {
	*jushuitan.MemoryTokenStore
	load   func(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error)
	swap   func(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error)
	delete func(ctx context.Context, key jushuitan.TokenKey) error
}

func (b *broken) Load(ctx context.Context, key jushuitan.TokenKey) (jushuitan.Token, error) {
	if b.load != nil {
		return b.load(ctx, key)
	}
	return b.MemoryTokenStore.Load(ctx, key)
}

func (b *broken) CompareAndSwap(ctx context.Context, key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, bool, error) {
	if b.swap != nil {
		return b.swap(ctx, key, old, next)
	}
	return b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
}

func (b *broken) Delete(ctx context.Context, key jushuitan.TokenKey) error {
	if b.delete != nil {
		return b.delete(ctx, key)
	}
	return b.MemoryTokenStore.Delete(ctx, key)
}

// Each fault that stores in the wild have is found by the check made for it.
func TestTokenStoreChecksFail(t *testing.T) {
	type token = jushuitan.Token
	type tokenKey = jushuitan.TokenKey
	for _, c := range []struct {
		check string
		fault func(b *broken)
	}{
		{"absent", func(b *broken) { // no error for nothing
			b.load = func(ctx context.Context, key tokenKey) (token, error) {
				tok, err := b.MemoryTokenStore.Load(ctx, key)
				if errors.Is(err, jushuitan.ErrNoToken) {
					err = nil
				}
				return tok, err
			}
		}},
		{"absent", func(b *broken) { // an error of its own for nothing
			b.load = func(ctx context.Context, key tokenKey) (token, error) {
				tok, err := b.MemoryTokenStore.Load(ctx, key)
				if err != nil {
					err = errors.New("not found")
				}
				return tok, err
			}
		}},
		{"create", func(b *broken) { // the caller's version is stored
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				cur, ok, err := b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
				if ok {
					cur.Version = next.Version
				}
				return cur, ok, err
			}
		}},
		{"create", func(b *broken) { // losing is an error
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				cur, ok, err := b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
				if err == nil && !ok {
					err = errors.New("conflict")
				}
				return cur, ok, err
			}
		}},
		{"create", func(b *broken) { // the loser does not get the winner's token
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				cur, ok, err := b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
				if !ok {
					cur = next
				}
				return cur, ok, err
			}
		}},
		{"swap", func(b *broken) { // last writer wins
			b.swap = func(ctx context.Context, key tokenKey, _, next token) (token, bool, error) {
				cur, _ := b.MemoryTokenStore.Load(ctx, key)
				return b.MemoryTokenStore.CompareAndSwap(ctx, key, cur, next)
			}
		}},
		{"swap", func(b *broken) { // compares the text too
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				if cur, err := b.MemoryTokenStore.Load(ctx, key); err == nil && cur.AccessToken != old.AccessToken {
					return cur, false, nil
				}
				return b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
			}
		}},
		{"fields", func(b *broken) { // the refresh token is lost
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				next.RefreshToken = ""
				return b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
			}
		}},
		{"fields", func(b *broken) { // zero time becomes 1970
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				if next.ExpiresAt.IsZero() {
					next.ExpiresAt = time.Unix(0, 0)
				}
				return b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
			}
		}},
		{"fields", func(b *broken) { // the zone is dropped
			b.load = func(ctx context.Context, key tokenKey) (token, error) {
				tok, err := b.MemoryTokenStore.Load(ctx, key)
				if text := tok.ExpiresAt.Format(time.DateTime); err == nil && !tok.ExpiresAt.IsZero() {
					tok.ExpiresAt, err = time.ParseInLocation(time.DateTime, text, time.UTC)
				}
				return tok, err
			}
		}},
		{"keys", func(b *broken) { // a joined key
			join := func(k tokenKey) tokenKey { return tokenKey{AppKey: k.AppKey + ":" + k.Merchant} }
			b.load = func(ctx context.Context, key tokenKey) (token, error) {
				return b.MemoryTokenStore.Load(ctx, join(key))
			}
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				return b.MemoryTokenStore.CompareAndSwap(ctx, join(key), old, next)
			}
		}},
		{"keys", func(b *broken) { // case folded, as some databases do
			fold := func(k tokenKey) tokenKey { k.Merchant = strings.ToLower(k.Merchant); return k }
			b.load = func(ctx context.Context, key tokenKey) (token, error) {
				return b.MemoryTokenStore.Load(ctx, fold(key))
			}
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				return b.MemoryTokenStore.CompareAndSwap(ctx, fold(key), old, next)
			}
		}},
		{"one creator", func(b *broken) { // everybody is told that they won
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				_, _, err := b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
				next.Version = 1
				return next, true, err
			}
		}},
		{"no lost swap", func(b *broken) { // said to be stored, and is not
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				if key.Merchant == "10010" && old.Version == 7 {
					next.Version = 8
					return next, true, nil
				}
				return b.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
			}
		}},
		{"context", func(b *broken) { // contexts are ignored
			b.swap = func(ctx context.Context, key tokenKey, old, next token) (token, bool, error) {
				return b.MemoryTokenStore.CompareAndSwap(context.WithoutCancel(ctx), key, old, next)
			}
		}},
		{"delete", func(b *broken) { // nothing is deleted
			b.delete = func(ctx context.Context, _ tokenKey) error { return ctx.Err() }
		}},
		{"delete", func(b *broken) { // deleting nothing is an error
			b.delete = func(ctx context.Context, key tokenKey) error {
				if _, err := b.MemoryTokenStore.Load(ctx, key); err != nil {
					return err
				}
				return b.MemoryTokenStore.Delete(ctx, key)
			}
		}},
	} {
		found := false
		for _, check := range tokenStoreChecks {
			if check.name != c.check {
				continue
			}
			b := &broken{MemoryTokenStore: jushuitan.NewMemoryTokenStore()}
			require.NoError(t, check.run(t.Context(), b), "%s: without a fault", check.name)
			b = &broken{MemoryTokenStore: jushuitan.NewMemoryTokenStore()}
			c.fault(b)
			err := check.run(t.Context(), b)
			assert.Error(t, err, "%s", check.name)
			found = true
		}
		require.True(t, found, c.check)
	}
}
