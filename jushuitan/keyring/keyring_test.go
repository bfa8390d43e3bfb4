package keyring_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
)

func ring(t *testing.T, present string, ids ...string) *keyring.Keyring {
	keys := map[string][]byte{}
	for _, id := range ids {
		keys[id] = bytes.Repeat([]byte(id[:1]), keyring.KeySize)
	}
	k, err := keyring.New(present, keys)
	require.NoError(t, err)
	return k
}

func TestKeyringRefuses(t *testing.T) {
	for _, keys := range []map[string][]byte{{}, {"k": make([]byte, 16)}, {"k": make([]byte, 32), "": make([]byte, 32)}, {"k": make([]byte, 32), strings.Repeat("x", 65): make([]byte, 32)}} {
		_, err := keyring.New("k", keys)
		require.Error(t, err)
	}
}

func TestKeyringPlaintext(t *testing.T) {
	var none *keyring.Keyring
	plain := string(none.Seal("name", []byte("text")))
	text, id, err := none.Open("name", plain)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
	assert.Empty(t, id)
	assert.Nil(t, none.AcceptPlaintext())

	k := ring(t, "a", "a")
	_, _, err = k.Open("name", plain)
	require.ErrorIs(t, err, keyring.ErrDecrypt, "plain text is refused where a keyring is set")
	text, _, err = k.AcceptPlaintext().Open("name", plain)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
	_, _, err = none.Open("name", string(k.Seal("name", []byte("text"))))
	require.ErrorIs(t, err, keyring.ErrDecrypt)
}

func TestKeyringRotates(t *testing.T) {
	before, both, after := ring(t, "a", "a"), ring(t, "b", "a", "b"), ring(t, "b", "b")
	old := string(before.Seal("name", []byte("text")))
	_, id, err := both.Open("name", old)
	require.NoError(t, err)
	assert.Equal(t, "a", id)
	assert.Equal(t, "b", both.Current())
	_, _, err = after.Open("name", old)
	require.ErrorIs(t, err, keyring.ErrDecrypt)
	require.NotContains(t, err.Error(), "text")
}

func TestKeyringPrintsNoKey(t *testing.T) {
	k := ring(t, "k1", "k1")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		assert.Equal(t, "Keyring{k1}", fmt.Sprintf(verb, k))
	}
	assert.Equal(t, "Keyring{none}", fmt.Sprint((*keyring.Keyring)(nil)))
}

// FuzzOpen: what is sealed is read back, and what is changed is refused, whatever the
// bytes; nothing else that somebody wrote to the store is taken for a value.
func FuzzOpen(f *testing.F) {
	key := make([]byte, keyring.KeySize)
	_, _ = rand.Read(key)
	ring, err := keyring.New("k1", map[string][]byte{"k1": key})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "p", "s", "s\x02k1", "s\xffk", "p{}", "s\x02k10123456789ab", "s\xff" + strings.Repeat("k", 255)} {
		f.Add([]byte(seed), 0)
	}
	f.Add(ring.Seal("name", []byte("text")), 7)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		if _, _, err := ring.Open("name", string(text)); err == nil && len(text) < 1+1+2+12+16 || err != nil && !errors.Is(err, keyring.ErrDecrypt) {
			t.Fatalf("%q: error %v", text, err)
		}
		sealed := ring.Seal("name", text)
		back, id, err := ring.Open("name", string(sealed))
		if err != nil || id != "k1" || !bytes.Equal(back, text) {
			t.Fatalf("not read back: %v", err)
		}
		if _, _, err := ring.Open("other", string(sealed)); err == nil {
			t.Fatal("opened under another name")
		}
		if at < 0 {
			at = -(at + 1)
		}
		sealed[at%len(sealed)] ^= 1
		if _, _, err := ring.Open("name", string(sealed)); err == nil {
			t.Fatal("opened although it was changed")
		}
	})
}
