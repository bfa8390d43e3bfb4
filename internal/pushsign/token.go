package pushsign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// TokenParam is the query parameter of a registered URL that carries its token: a name that
// neither the ERP nor a proxy uses for something of its own. OldTokenParam is the one of URLs
// that were registered before, which stay valid.
const (
	TokenParam    = "jstToken"
	OldTokenParam = "token"
)

// minSecret is the least length of a secret in bytes.
const minSecret = 16

// CheckSecret refuses secrets that are too short to keep the token from being guessed.
func CheckSecret(secret string) error {
	if len(secret) < minSecret {
		return fmt.Errorf("a secret is shorter than %d bytes / 密钥长度不足 %d 字节", minSecret, minSecret)
	}
	return nil
}

// tokenBytes of the HMAC are kept: 128 bits.
const tokenBytes = 16

// Token returns the token of a registered push URL: only a holder of the secret can compute
// it, and it is valid only for this merchant, storage code and kind of push. The lengths of
// the texts are included, so that different triples have different tokens.
func Token(secret, kind, entID, storageCode string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	for _, part := range []string{"jushuitan-push-url-v1", kind, entID, storageCode} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		mac.Write(n[:])
		mac.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tokenBytes])
}

// ValidToken compares in constant time with the tokens of all secrets, current and previous.
func ValidToken(token, kind, entID, storageCode string, secrets []string) bool {
	ok := false
	for _, s := range secrets {
		ok = hmac.Equal([]byte(Token(s, kind, entID, storageCode)), []byte(token)) || ok
	}
	return ok
}
