package pushsign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// TokenParam is the query parameter of a registered URL that carries its token.
const TokenParam = "token"

// tokenBytes of the HMAC are kept: 128 bits.
const tokenBytes = 16

// Token makes the token of a registered push URL: only who has the secret can make
// one, and it is good for this merchant, this storage code and this kind of push
// alone. Lengths go in with the texts, so that no two triples sound the same.
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

// ValidToken compares in constant time with the tokens of all secrets, the present
// one and those before it.
func ValidToken(token, kind, entID, storageCode string, secrets []string) bool {
	ok := false
	for _, s := range secrets {
		ok = hmac.Equal([]byte(Token(s, kind, entID, storageCode)), []byte(token)) || ok
	}
	return ok
}
