package qimen

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
)

// SignMethod is the algorithm of a signature, the parameter sign_method.
type SignMethod string

// The algorithms. All are in use; a gateway verifies with the one that is named.
const (
	MD5        SignMethod = "md5"         // the secret on both sides of the text
	HMACMD5    SignMethod = "hmac"        // keyed with the secret, which is not in the text
	HMACSHA256 SignMethod = "hmac-sha256" // the same with SHA-256; the default of the official cloud SDK
)

// Known reports whether the method is one of the three.
func (m SignMethod) Known() bool { return m == MD5 || m == HMACMD5 || m == HMACSHA256 }

// Sign makes the signature (签名) of a call or of a message: name and value of
// every parameter in the order of the names (by byte), then the body as it is
// sent, through MD5 with the secret before and behind, or through an HMAC that is
// keyed with the secret; in upper-case hexadecimal. The parameter sign itself and
// parameters without a name or a value take no part. Values are signed as they
// are, before URL encoding.
//
// A form call has its fields in params, system and business parameters together,
// and no body. A call with an XML or JSON body has its query in params.
//
// The example of the official Qimen page 118404 (secret "test") is not one to test
// with: it names two methods and two customers and shows no body, and no
// combination of them yields the signature it prints.
func Sign(method SignMethod, secret string, params map[string]string, body []byte) (string, error) {
	return sign(method, secret, params, body, false)
}

// sign is [Sign]; with empties, the names of parameters without a value take part,
// as some verifiers have it.
func sign(method SignMethod, secret string, params map[string]string, body []byte, empties bool) (string, error) {
	var h hash.Hash
	switch method {
	case MD5:
		h = md5.New()
	case HMACMD5:
		h = hmac.New(md5.New, []byte(secret))
	case HMACSHA256:
		h = hmac.New(sha256.New, []byte(secret))
	default:
		return "", fmt.Errorf("qimen: sign method %q is not known: use md5, hmac or hmac-sha256 / 不支持的签名方法", string(method))
	}
	names := make([]string, 0, len(params))
	size := 2 * len(secret)
	for name, value := range params {
		if name == "sign" || name == "" || value == "" && !empties {
			continue
		}
		names = append(names, name)
		size += len(name) + len(value)
	}
	slices.Sort(names)
	text := make([]byte, 0, size)
	if method == MD5 {
		text = append(text, secret...)
	}
	for _, name := range names {
		text = append(append(text, name...), params[name]...)
	}
	_, _ = h.Write(text) // a hash takes everything
	_, _ = h.Write(body)
	if method == MD5 {
		_, _ = h.Write([]byte(secret))
	}
	const digits = "0123456789ABCDEF"
	sum := h.Sum(nil)
	out := make([]byte, hex.EncodedLen(len(sum)))
	for i, c := range sum {
		out[2*i], out[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(out), nil
}

// LegacySign makes the parameter jstsign of the old jst.* methods (旧版聚水潭奇门接口):
// the method without "jst.", the partner id, "token" with the merchant's token,
// "ts" with the Unix seconds, and the partner key, through MD5 in lower-case
// hexadecimal. It is beside the gateway's own signature, not instead of it.
func LegacySign(method, partnerID, token, ts, partnerKey string) string {
	short := method
	if len(short) > 4 && short[:4] == "jst." {
		short = short[4:]
	}
	sum := md5.Sum([]byte(short + partnerID + "token" + token + "ts" + ts + partnerKey))
	return hex.EncodeToString(sum[:])
}
