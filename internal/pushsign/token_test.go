package pushsign_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
)

func TestToken(t *testing.T) {
	const kind, ent, storage = "logistics.upload", "10010", "133242"
	token := pushsign.Token("secret-a", kind, ent, storage)
	// Computed with Python's hmac: another value would end every URL that is registered.
	assert.Equal(t, "Ih_S8bxEKPfNhtoLL5yviA", token)
	assert.True(t, pushsign.ValidToken(token, kind, ent, storage, []string{"secret-a"}))
	assert.True(t, pushsign.ValidToken(token, kind, ent, storage, []string{"secret-b", "secret-a"}), "the secret before is still good")
	for name, ok := range map[string]bool{
		"other secret":   pushsign.ValidToken(token, kind, ent, storage, []string{"secret-b"}),
		"no secret":      pushsign.ValidToken(token, kind, ent, storage, nil),
		"other kind":     pushsign.ValidToken(token, "cancel.order", ent, storage, []string{"secret-a"}),
		"other merchant": pushsign.ValidToken(token, kind, "10011", storage, []string{"secret-a"}),
		"moved border":   pushsign.ValidToken(token, kind, ent+"1", storage[1:], []string{"secret-a"}),
		"empty":          pushsign.ValidToken("", kind, ent, storage, []string{"secret-a"}),
	} {
		assert.False(t, ok, name)
	}
}

func FuzzToken(f *testing.F) {
	f.Add("s", "cancel.order", "1", "2", "1", "2")
	f.Fuzz(func(t *testing.T, secret, kind, ent, storage, ent2, storage2 string) {
		token := pushsign.Token(secret, kind, ent, storage)
		same := ent == ent2 && storage == storage2
		if pushsign.ValidToken(token, kind, ent2, storage2, []string{secret}) != same {
			t.Fatalf("token of %q %q and %q %q", ent, storage, ent2, storage2)
		}
	})
}
