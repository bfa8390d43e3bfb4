package redisstate

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// FuzzOpen: what is sealed is read back, and what is changed is refused, whatever the
// bytes; nothing else that somebody wrote to Redis is taken for a value.
func FuzzOpen(f *testing.F) {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	ring, err := NewKeyring("k1", map[string][]byte{"k1": key})
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), Config{Keyring: ring})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "p", "s", "s\x02k1", "s\xffk", "p{}", "s\x02k10123456789ab"} {
		f.Add([]byte(seed), 0)
	}
	f.Add(s.seal("name", []byte("text")), 7)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		if _, _, err := s.open("name", string(text)); err == nil && len(text) < 1+1+2+12+16 || err != nil && !errors.Is(err, ErrSealed) {
			t.Fatalf("%q: error %v", text, err)
		}
		sealed := s.seal("name", text)
		back, id, err := s.open("name", string(sealed))
		if err != nil || id != "k1" || !bytes.Equal(back, text) {
			t.Fatalf("not read back: %v", err)
		}
		if _, _, err := s.open("other", string(sealed)); err == nil {
			t.Fatal("opened under another name")
		}
		if at < 0 {
			at = -(at + 1)
		}
		sealed[at%len(sealed)] ^= 1
		if _, _, err := s.open("name", string(sealed)); err == nil {
			t.Fatal("opened although it was changed")
		}
	})
}

// FuzzToken: no stored text makes the reading panic, or a token without access token.
func FuzzToken(f *testing.F) {
	s, err := New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), Config{})
	if err != nil {
		f.Fatal(err)
	}
	store, err := s.TokenStore(TokenConfig{})
	if err != nil {
		f.Fatal(err)
	}
	box, err := s.Inbox(InboxConfig{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`p{"a":"t"}`, `p{"a":"t","e":"x"}`, `p{"a":""}`, `p[]`, "p", `p{"raw":"e30=","ts":"2026-01-02T03:04:05Z"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		tok, err := store.token("name", []any{int64(3), stored})
		if (err == nil) != (tok.AccessToken != "") {
			t.Fatalf("%q: error %v, access token given: %t", stored, err, tok.AccessToken != "")
		}
		_, _ = box.read("id", stored)
	})
}
