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

// The algorithms. A gateway verifies with the one that sign_method names.
const (
	MD5        SignMethod = "md5"         // the secret on both sides of the text
	HMACMD5    SignMethod = "hmac"        // keyed with the secret, which is not in the text
	HMACSHA256 SignMethod = "hmac-sha256" // the same with SHA-256; the default of the official cloud SDK
)

// Known reports whether the method is one of the three.
func (m SignMethod) Known() bool { return m == MD5 || m == HMACMD5 || m == HMACSHA256 }

// Sign returns the signature (签名) of a call or a message: the names and values of all
// parameters, sorted by name (bytewise), followed by the body as sent, hashed with MD5
// with the secret before and after the text, or with an HMAC keyed with the secret, in
// upper-case hexadecimal. The parameter sign itself and parameters whose name or value is
// empty or only white space are excluded, as in the official client, which does not send
// them either. Values are signed before URL encoding.
//
// For a form call, params has all system and business parameters, and there is no body.
// For a call with an XML or JSON body, params has the query.
//
// The example of the official Qimen page 118404 (secret "test") cannot be verified: it
// names two methods and two customers and shows no body, and no combination of them
// yields the printed signature.
func Sign(method SignMethod, secret string, params map[string]string, body []byte) (string, error) {
	return sign(method, secret, params, body, isBlank)
}

// sign is [Sign] with the rule by which parameters are left out for their values.
func sign(method SignMethod, secret string, params map[string]string, body []byte, omits func(value string) bool) (string, error) {
	var h hash.Hash
	switch method {
	case MD5:
		h = md5.New()
	case HMACMD5:
		h = hmac.New(md5.New, []byte(secret))
	case HMACSHA256:
		h = hmac.New(sha256.New, []byte(secret))
	default:
		return "", fmt.Errorf("qimen: sign method %q is unknown: use md5, hmac or hmac-sha256 / 不支持的签名方法", string(method))
	}
	names := make([]string, 0, len(params))
	size := 2 * len(secret)
	for name, value := range params {
		if name == "sign" || isBlank(name) || omits(value) {
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
	_, _ = h.Write(text) // never fails
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

// The other rules that verifiers and senders follow.
func omitsEmpty(value string) bool { return value == "" }
func omitsNone(string) bool        { return false }

// LegacySign returns the parameter jstsign of the old jst.* methods
// (旧版聚水潭奇门接口): the method without "jst.", the partner id, "token" with the
// merchant's token, "ts" with the Unix seconds, and the partner key, hashed with MD5,
// in lower-case hexadecimal. It is sent in addition to the gateway's signature.
func LegacySign(method, partnerID, token, ts, partnerKey string) string {
	short := method
	if len(short) > 4 && short[:4] == "jst." {
		short = short[4:]
	}
	sum := md5.Sum([]byte(short + partnerID + "token" + token + "ts" + ts + partnerKey))
	return hex.EncodeToString(sum[:])
}
