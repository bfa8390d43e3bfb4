package redisstate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the length of an encryption key (密钥长度) in bytes: AES-256.
const KeySize = 32

// ErrSealed is the cause of a failure to read what is stored encrypted: there is no
// keyring, the key it names is not in the keyring, or the text was changed or belongs
// to another merchant.
var ErrSealed = errors.New("the stored value cannot be decrypted")

// Keyring (密钥环) encrypts what is stored: AES-256-GCM with a random nonce, bound to
// the name of the Redis key, so that a value which somebody copies to another
// merchant is refused. A value names the key it was sealed with.
//
// To rotate (轮换), make the new key the present one in every process while the old
// one stays in the ring, call [TokenStore.Reseal] for each merchant, wait until the
// inbox has no older push, and drop the old key. In the first step give it as an
// additional key to all processes, lest one meets a value that it cannot read.
//
// A key should seal fewer than 2^32 values, as nonces are random: at a million
// pushes a day that is 11 years.
type Keyring struct {
	present string
	keys    map[string]cipher.AEAD
}

// NewKeyring makes a ring of keys by their ids. present is the id of the key that
// seals; the others only open. Ids have 1 to 64 characters and may be seen by
// anybody; keys have [KeySize] bytes and come from a secret manager.
func NewKeyring(present string, keys map[string][]byte) (*Keyring, error) {
	if _, ok := keys[present]; !ok {
		return nil, fmt.Errorf("redisstate: keyring: the present key %q is not among the keys / 当前密钥不在密钥环中", present)
	}
	ring := &Keyring{present: present, keys: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if id == "" || len(id) > 64 {
			return nil, errors.New("redisstate: keyring: a key id has no or more than 64 characters / 密钥编号长度须为 1 至 64")
		}
		if len(key) != KeySize {
			return nil, fmt.Errorf("redisstate: keyring: key %q has %d bytes, must have %d / 密钥长度不符", id, len(key), KeySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("redisstate: keyring: key %q: %w", id, err)
		}
		if ring.keys[id], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("redisstate: keyring: key %q: %w", id, err)
		}
	}
	return ring, nil
}

// Format shows the id of the present key and no key, whatever the verb.
func (k *Keyring) Format(f fmt.State, _ rune) {
	if k == nil {
		opaque(f, "none")
		return
	}
	_, _ = fmt.Fprintf(f, "Keyring{%s}", k.present)
}

// The first byte of what is stored.
const (
	markPlain  = 'p'
	markSealed = 's' // then the length of the id, the id, the nonce, the text
)

// seal makes of a text what is stored under the name.
func (s *State) seal(name string, text []byte) []byte {
	k := s.cfg.Keyring
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

// open reads what is stored under the name; id is of the key it was sealed with,
// empty for none. Its errors quote nothing of it.
func (s *State) open(name, stored string) (text []byte, id string, err error) {
	if stored == "" {
		return nil, "", fmt.Errorf("%w: it is empty / 存储内容为空", ErrSealed)
	}
	k := s.cfg.Keyring
	body := stored[1:]
	switch stored[0] {
	case markPlain:
		if k != nil && !s.cfg.AcceptPlain {
			return nil, "", fmt.Errorf("%w: it is stored in the clear, and a keyring is set; see Config.AcceptPlain / 存储内容未加密", ErrSealed)
		}
		return []byte(body), "", nil
	case markSealed:
		if k == nil {
			return nil, "", fmt.Errorf("%w: it is encrypted, and no keyring is set / 存储内容已加密，但未配置密钥环", ErrSealed)
		}
		if body == "" || len(body) < 1+int(body[0]) {
			break
		}
		id, body = body[1:1+body[0]], body[1+body[0]:]
		aead := k.keys[id]
		if aead == nil {
			return nil, "", fmt.Errorf("%w: key %q is not in the keyring / 密钥环中没有该密钥", ErrSealed, printable(id))
		}
		if len(body) < aead.NonceSize() {
			break
		}
		text, err = aead.Open(nil, []byte(body[:aead.NonceSize()]), []byte(body[aead.NonceSize():]), []byte(name))
		if err != nil {
			return nil, "", fmt.Errorf("%w: key %q does not open it: it was changed or belongs elsewhere / 内容被篡改或不属于该键", ErrSealed, id)
		}
		return text, id, nil
	}
	return nil, "", fmt.Errorf("%w: it is damaged / 存储内容已损坏", ErrSealed)
}

// printable leaves only letters, digits and signs of an id that anybody may have
// written.
func printable(id string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, id)
}
