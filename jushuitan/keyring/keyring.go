// Package keyring encrypts what shared stores keep (存储加密): tokens and pushes with
// personal data. redisstate and sqlstate use the same keyring, so that a value of one is
// protected like a value of the other.
//
//	ring, err := keyring.New("2026-11", map[string][]byte{"2026-11": key})
//	state, err := redisstate.New(rdb, redisstate.Config{Keyring: ring})
//
// Experimental: this package may change in any minor version.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the length of an encryption key (密钥长度) in bytes: AES-256.
const KeySize = 32

// ErrDecrypt means that a stored value cannot be decrypted: there is no keyring, the
// keyring lacks the key, or the value was altered or belongs to another name.
var ErrDecrypt = errors.New("the stored value cannot be decrypted")

// Keyring (密钥环) encrypts stored values with AES-256-GCM and a random nonce, bound to
// the name under which they are stored, so that a value copied to another merchant is
// refused. A value contains the id of its key. A nil *Keyring stores plain text.
//
// To rotate keys (轮换), first add the new key to the keyring of every process, so that
// all can decrypt it. Then make it the current key in every process, encrypt the stored
// values again (Reencrypt of the token stores), wait until no older push is stored, and
// remove the old key.
//
// A key should encrypt fewer than 2^32 values, since nonces are random: at a million
// pushes a day that takes 11 years.
type Keyring struct {
	present string
	keys    map[string]cipher.AEAD
	plain   bool
}

// New returns a keyring of keys by id. present is the id of the key that encrypts; the
// others only decrypt. Ids have 1 to 64 characters and are not secret; keys have
// [KeySize] bytes and come from a secret manager.
func New(present string, keys map[string][]byte) (*Keyring, error) {
	if _, ok := keys[present]; !ok {
		return nil, fmt.Errorf("keyring: the current key %q is not in the keyring / 当前密钥不在密钥环中", present)
	}
	ring := &Keyring{present: present, keys: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if id == "" || len(id) > 64 {
			return nil, errors.New("keyring: a key id must have 1 to 64 characters / 密钥编号长度须为 1 至 64")
		}
		if len(key) != KeySize {
			return nil, fmt.Errorf("keyring: key %q has %d bytes, must have %d / 密钥长度不符", id, len(key), KeySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("keyring: key %q: %w", id, err)
		}
		if ring.keys[id], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("keyring: key %q: %w", id, err)
		}
	}
	return ring, nil
}

// AcceptPlaintext returns a keyring that also opens values stored in plain text, for the
// time in which an installation begins to encrypt. Whoever can write to the store can
// then plant values, so do not keep it longer than needed.
func (k *Keyring) AcceptPlaintext() *Keyring {
	if k == nil {
		return nil
	}
	return &Keyring{present: k.present, keys: k.keys, plain: true}
}

// Current returns the id of the key that encrypts, "" for a nil keyring.
func (k *Keyring) Current() string {
	if k == nil {
		return ""
	}
	return k.present
}

// Format prints the id of the current key and no key, for any verb.
func (k *Keyring) Format(f fmt.State, _ rune) {
	id := k.Current()
	if k == nil {
		id = "none"
	}
	_, _ = io.WriteString(f, "Keyring{"+id+"}")
}

// The first byte of a stored value.
const (
	markPlain  = 'p'
	markSealed = 's' // then the length of the id, the id, the nonce, the text
)

// Seal returns the value to store for a text under the name.
func (k *Keyring) Seal(name string, text []byte) []byte {
	if k == nil {
		return append([]byte{markPlain}, text...)
	}
	aead := k.keys[k.present]
	out := make([]byte, 0, 2+len(k.present)+aead.NonceSize()+len(text)+aead.Overhead())
	out = append(out, markSealed, byte(len(k.present)))
	out = append(out, k.present...)
	head := len(out)
	out = out[:head+aead.NonceSize()]
	_, _ = rand.Read(out[head:]) // never fails
	return aead.Seal(out, out[head:], text, []byte(name))
}

// Open decodes the value stored under the name; id is the key that encrypted it, "" for
// none. Its errors wrap [ErrDecrypt] and do not quote the value.
func (k *Keyring) Open(name, stored string) (text []byte, id string, err error) {
	if stored == "" {
		return nil, "", fmt.Errorf("%w: it is empty / 存储内容为空", ErrDecrypt)
	}
	body := stored[1:]
	switch stored[0] {
	case markPlain:
		if k != nil && !k.plain {
			return nil, "", fmt.Errorf("%w: it is stored in plain text although a keyring is set; see AcceptPlaintext / 存储内容未加密", ErrDecrypt)
		}
		return []byte(body), "", nil
	case markSealed:
		if k == nil {
			return nil, "", fmt.Errorf("%w: it is encrypted, but no keyring is set / 存储内容已加密，但未配置密钥环", ErrDecrypt)
		}
		return k.unseal(name, body)
	}
	return nil, "", errDamaged()
}

func errDamaged() error { return fmt.Errorf("%w: it is damaged / 存储内容已损坏", ErrDecrypt) }

// unseal decrypts what follows the mark of a sealed value.
func (k *Keyring) unseal(name, body string) (text []byte, id string, err error) {
	if body == "" {
		return nil, "", errDamaged()
	}
	end := 1 + int(body[0])
	if len(body) < end {
		return nil, "", errDamaged()
	}
	id, body = body[1:end], body[end:]
	aead := k.keys[id]
	if aead == nil {
		return nil, "", fmt.Errorf("%w: key %q is not in the keyring / 密钥环中没有该密钥", ErrDecrypt, printable(id))
	}
	if len(body) < aead.NonceSize() {
		return nil, "", errDamaged()
	}
	text, err = aead.Open(nil, []byte(body[:aead.NonceSize()]), []byte(body[aead.NonceSize():]), []byte(name))
	if err != nil {
		return nil, "", fmt.Errorf("%w: key %q does not decrypt it: it was altered or belongs to another name / 内容被篡改或不属于该键", ErrDecrypt, id)
	}
	return text, id, nil
}

// printable keeps only letters, digits and signs of an id that anyone may have written.
func printable(id string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, id)
}
