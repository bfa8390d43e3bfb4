package call

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckPath(t *testing.T) {
	for _, path := range []string{"/", "/open/orders/single/query", "/openWeb/auth/getInitToken", "/a/b/", "/a-b_c.d~e", "/..a/b.."} {
		assert.NoError(t, CheckPath(path), path)
	}
	for path, why := range map[string]string{
		"":                     "does not begin with a slash",
		"open/x":               "does not begin with a slash",
		"@evil.example/x":      "does not begin with a slash",
		".evil.example/x":      "does not begin with a slash",
		":80@evil.example/x":   "does not begin with a slash",
		"https://evil.example": "does not begin with a slash",
		"//evil.example/x":     "empty segment",
		"/open//x":             "empty segment",
		"//":                   "empty segment",
		`/\evil.example/x`:     `holds '\\'`,
		"/open?x=1":            "holds '?'",
		"/open#x":              "holds '#'",
		"/open@evil":           "holds '@'",
		"/open/../x":           `segment ".."`,
		"/./x":                 `segment "."`,
		"/open/..":             `segment ".."`,
		"/%2e%2e/x":            "holds '%'",
		"/open%2f%2fx":         "holds '%'",
		"/open x":              "holds ' '",
		"/open\r\nHost: x":     `holds '\r'`,
		"/open\x00":            `holds '\x00'`,
		"/open\x7f":            `holds '\x7f'`,
		"/订单":                  "holds",
	} {
		assert.ErrorContains(t, CheckPath(path), why, path)
	}
}
