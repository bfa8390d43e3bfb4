package jushuitan_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// A path of Call stays on the host: nothing is sent anywhere else, with its token.
func TestPathStaysOnTheHost(t *testing.T) {
	sent := 0
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"}, jushuitan.WithToken("made-up-access-token"),
		jushuitan.WithHTTPClient(&http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			sent++
			assert.Equal(t, "openapi.jushuitan.com", r.URL.Host)
			return answering(func(string) string { return `{"code":0,"issuccess":true}` }).RoundTrip(r)
		})}))
	require.NoError(t, err)
	for _, path := range []string{
		"", "open/x", "//evil.example/x", "@evil.example/x", ".evil.example", `/\evil.example`, "/x?y=1", "/x#y", "/a/../b", "/%2e%2e/b", "/a\r\nb", "https://evil.example/",
	} {
		err := c.Call(t.Context(), path, nil, nil)
		e := &jushuitan.Error{}
		require.ErrorAs(t, err, &e, path)
		assert.ErrorIs(t, err, jushuitan.ErrInvalid, path)
		assert.Equal(t, jushuitan.NotSent, e.Outcome, path)
		assert.Contains(t, err.Error(), "the path ", path)
		assert.NotContains(t, err.Error(), "\n")
		_, err = jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"}, jushuitan.WithTokenPath(path))
		assert.ErrorContains(t, err, "WithTokenPath", path)
	}
	assert.Zero(t, sent)
	require.NoError(t, c.Call(t.Context(), "/open/x", nil, nil))
	assert.Equal(t, 1, sent)
}
