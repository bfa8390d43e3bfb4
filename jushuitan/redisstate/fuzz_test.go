package redisstate

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// FuzzToken: no stored text makes the reading panic, or a token without access token.
func FuzzToken(f *testing.F) {
	s, err := New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), Config{})
	if err != nil {
		f.Fatal(err)
	}
	store, err := s.TokenStore(TokenStoreConfig{})
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
		_, _ = box.read(0, "id", "", stored)
	})
}
