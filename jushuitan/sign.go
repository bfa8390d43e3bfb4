package jushuitan

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"
)

// Sign returns the signature (签名) of a call: the MD5, in lower-case hexadecimal, of the
// secret followed by the name and value of every parameter, sorted by name (official page
// docId=70). The parameter sign itself and parameters without a value are left out. Values
// are signed before URL encoding.
func Sign(secret string, params map[string]string) string {
	names := make([]string, 0, len(params))
	size := len(secret)
	for name, value := range params {
		if name == "sign" || value == "" {
			continue
		}
		names = append(names, name)
		size += len(name) + len(value)
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(size)
	b.WriteString(secret)
	for _, name := range names {
		b.WriteString(name)
		b.WriteString(params[name])
	}
	sum := md5.Sum([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}
