package jushuitan_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// answering is a transport that answers each path's request with what answer returns.
type answering func(path string) string

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(f(r.URL.Path))), ContentLength: -1, Request: r,
	}, nil
}

// The life of a token is read in seconds or milliseconds; a token whose life cannot be read
// is used, in every store, until the server refuses it.
func TestTokenLife(t *testing.T) {
	for expiresIn, want := range map[string]time.Duration{
		`2592000`:                 30 * 24 * time.Hour,
		`"2592000"`:               30 * 24 * time.Hour,
		`2592000.0`:               30 * 24 * time.Hour,
		`15552000`:                180 * 24 * time.Hour,
		`1`:                       time.Second,
		`2592000000`:              30 * 24 * time.Hour, // milliseconds
		`"15552000000"`:           180 * 24 * time.Hour,
		`315360000`:               10 * 365 * 24 * time.Hour,
		`315360001`:               315360001 * time.Millisecond,
		`0`:                       0,
		`-1`:                      0,
		`null`:                    0,
		`""`:                      0,
		`"never"`:                 0,
		`{}`:                      0,
		`[3600]`:                  0,
		`true`:                    0,
		`315360000001`:            0,
		`9223372036`:              9223372036 * time.Millisecond,
		`9223372036854775807`:     0,
		`99999999999999999999999`: 0,
		`1e300`:                   0,
		`"2026-02-01 00:00:00"`:   0,
		`"0x10"`:                  0,
	} {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		file, err := jushuitan.NewFileTokenStore(filepath.Join(t.TempDir(), "tokens.json"))
		require.NoError(t, err)
		for name, store := range map[string]jushuitan.TokenStore{"memory": jushuitan.NewMemoryTokenStore(), "file": file} {
			var grants atomic.Int64
			open := func() *jushuitan.Client {
				c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"},
					jushuitan.WithTokenStore(store), jushuitan.WithClock(func() time.Time { return now }),
					jushuitan.WithHTTPClient(&http.Client{Transport: answering(func(path string) string {
						if strings.Contains(path, "/auth/") {
							return fmt.Sprintf(`{"code":0,"data":{"access_token":"made-up-access-%d","expires_in":%s}}`, grants.Add(1), expiresIn)
						}
						return `{"code":0,"data":{"shops":[],"has_next":false}}`
					})}))
				require.NoError(t, err)
				return c
			}
			tok, err := open().Token(t.Context())
			require.NoError(t, err, "%s in %s", expiresIn, name)
			if want == 0 {
				assert.True(t, tok.ExpiresAt.IsZero(), "%s in %s: %v", expiresIn, name, tok.ExpiresAt)
			} else {
				assert.Equal(t, want, tok.ExpiresAt.Sub(now), "%s in %s", expiresIn, name)
			}
			again, err := open().Token(t.Context())
			require.NoError(t, err, "%s in %s", expiresIn, name)
			if want > 24*time.Hour || want == 0 {
				assert.Equal(t, tok.AccessToken, again.AccessToken, "%s in %s: read back", expiresIn, name)
				assert.True(t, tok.ExpiresAt.Equal(again.ExpiresAt), "%s in %s", expiresIn, name)
			}
		}
	}
}

// A server that refuses every token it grants is asked for one a minute, not with every
// call; one call that succeeds ends that.
func TestRefusedGrantsAreBraked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var grants, refusals atomic.Int64
		var refuse atomic.Bool
		refuse.Store(true)
		c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "made-up-secret"},
			jushuitan.WithHTTPClient(&http.Client{Transport: answering(func(path string) string {
				switch {
				case strings.Contains(path, "/auth/"):
					return fmt.Sprintf(`{"code":0,"data":{"access_token":"made-up-access-%d","expires_in":2592000}}`, grants.Add(1))
				case refuse.Load():
					refusals.Add(1)
					return `{"code":100,"msg":"access_token无效"}`
				}
				return `{"code":0,"data":{"shops":[],"has_next":false}}`
			})}))
		require.NoError(t, err)
		const minutes = 10
		start := time.Now()
		for time.Since(start) < minutes*time.Minute {
			_, err := c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
			assert.NotContains(t, err.Error(), "made-up")
			time.Sleep(10 * time.Second)
		}
		assert.LessOrEqual(t, grants.Load(), int64(2+minutes), "grants in %d minutes", minutes)
		assert.GreaterOrEqual(t, grants.Load(), int64(minutes), "grants in %d minutes: it is asked again", minutes)
		refuse.Store(false)
		time.Sleep(time.Minute)
		_, err = c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		before := grants.Load()
		refuse.Store(true) // as a revocation does: the next token is granted at once
		_, err = c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
		assert.Equal(t, before+1, grants.Load())
	})
}
