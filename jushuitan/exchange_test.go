package jushuitan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// exchanging returns a client whose exchanges are recorded.
func exchanging(t *testing.T, respond http.HandlerFunc, opts ...jushuitan.Option) (c *jushuitan.Client, seen func() []jushuitan.Exchange) {
	t.Helper()
	var mu sync.Mutex
	var all []jushuitan.Exchange
	c = served(t, respond, append(opts, jushuitan.WithoutValidation(), jushuitan.WithOnExchange(func(_ context.Context, x jushuitan.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, x)
	}))...)
	return c, func() []jushuitan.Exchange {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// everywhere returns an exchange in every form in which a host may keep it.
func everywhere(t *testing.T, x jushuitan.Exchange) string {
	t.Helper()
	text, err := json.Marshal(x)
	require.NoError(t, err)
	return fmt.Sprintf("%s\n%v\n%+v\n%#v\n%s", x, x, x.Params, x.Header, text)
}

const wireSecret, wireToken = "test-secret-0001", "test-access-token-0001"

// Whatever a service answers, an exchange contains no secret and no personal data of the
// request or of the answer.
func TestExchangeMasks(t *testing.T) {
	row := jushuitan.OrderUpload{ShopID: 7, SoID: "SHOWN-1", ReceiverName: "张小三", ReceiverMobile: "13900000001", ReceiverAddress: "canary street 9"}
	escaped := func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		return b.String()
	}
	for name, respond := range map[string]func(w http.ResponseWriter, form url.Values){
		"echo": func(w http.ResponseWriter, form url.Values) {
			text, _ := json.Marshal(form)
			_, _ = fmt.Fprintf(w, `{"code":130,"msg":"shown","request":%s}`, text)
		},
		"other people": func(w http.ResponseWriter, _ url.Values) {
			_, _ = io.WriteString(w, `{"code":130,"msg":"shown","data":{"receiver_name":"王canary","receiver_mobile":"13700000002","buyer_message":"canary"}}`)
		},
		"unicode escapes": func(w http.ResponseWriter, form url.Values) {
			_, _ = fmt.Fprintf(w, `{"code":130,"msg":"shown %s %s %s"}`, escaped("张小三"), escaped(wireToken), escaped("13900000001"))
		},
		"an error page": func(w http.ResponseWriter, form url.Values) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("X-Debug", wireToken)
			w.Header().Set("Set-Cookie", "canary=1")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = fmt.Fprintf(w, "<html><body>shown %s %s &#x5f20;&#x5c0f;&#x4e09; %s</body></html>", form.Encode(), form.Get("sign"), wireSecret)
		},
		"cut": func(w http.ResponseWriter, _ url.Values) {
			_, _ = io.WriteString(w, `{"code":130,"msg":"shown","receiver_name":"王canary`)
		},
		"XML": func(w http.ResponseWriter, form url.Values) {
			_, _ = fmt.Fprintf(w, `<response><msg>shown %s</msg><receiver_name>王canary</receiver_name><sign>%s</sign></response>`, wireToken, form.Get("sign"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var sign string
			c, seen := exchanging(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				sign = r.PostForm.Get("sign")
				respond(w, r.PostForm)
			}, jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
			_, err := c.WithToken(wireToken).Orders.Upload(t.Context(), []jushuitan.OrderUpload{row})
			require.Error(t, err)
			require.Len(t, seen(), 1)
			x := seen()[0]
			text := everywhere(t, x)
			for _, secret := range []string{
				wireSecret, wireToken, sign, "张小三", "13900000001", "13700000002", "canary", url.QueryEscape("张小三"), escaped("张小三"), "5f20",
			} {
				assert.NotContains(t, text, secret)
			}
			assert.Contains(t, x.Response, "shown")
			assert.Contains(t, x.Params.Get("biz"), "SHOWN-1")
			assert.Empty(t, x.Request, "a form is shown as its parameters")
			assert.Equal(t, "***", x.Params.Get("sign"))
			assert.Equal(t, "***", x.Params.Get("access_token"))
			assert.NotEmpty(t, x.Params.Get("timestamp"))
			assert.Equal(t, "Orders.Upload", x.Op)
			assert.Contains(t, x.URL, "/open/jushuitan/orders/upload")
			assert.NotZero(t, x.HTTPStatus)
			assert.Error(t, x.Err)
		})
	}
}

// With the second option personal data stays, but secrets do not.
func TestExchangeKeepsPersonalData(t *testing.T) {
	c, seen := exchanging(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _ = fmt.Fprintf(w, `{"code":130,"msg":"%s %s","receiver_name":"王五"}`, r.PostForm.Get("access_token"), r.PostForm.Get("sign"))
	}, jushuitan.WithPersonalData())
	_, err := c.WithToken(wireToken).Orders.Upload(t.Context(), []jushuitan.OrderUpload{{ShopID: 7, SoID: "S", ReceiverName: "张小三"}})
	require.Error(t, err)
	x := seen()[0]
	assert.Contains(t, x.Params.Get("biz"), "张小三")
	assert.Contains(t, x.Response, "王五")
	assert.Contains(t, x.Response, `"msg":"*** ***"`)
	assert.NotContains(t, everywhere(t, x), wireToken)
}

// Token calls are shown too, without codes and tokens, which are secret even if they are
// short.
func TestExchangeOfTokenCalls(t *testing.T) {
	c, seen := exchanging(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "\xef\xbb\xbf"+`{"code":0,"data":{"access_token":"canary-1","refresh_token":"canary-2","expires_in":3600,"scope":"all"}}`)
	})
	_, err := c.ExchangeCode(t.Context(), "c4n4ry")
	require.NoError(t, err)
	x := seen()[0]
	assert.NotContains(t, everywhere(t, x), "c4n4ry")
	assert.NotContains(t, everywhere(t, x), "canary")
	assert.Contains(t, x.Response, `"expires_in":3600`)
	assert.Equal(t, "***", x.Params.Get("code"))
}

// Each attempt is one exchange, even without an answer; what a function keeps of it does
// not change with the next one.
func TestExchangeOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c, seen := exchanging(t, func(w http.ResponseWriter, _ *http.Request) {
			switch n++; n {
			case 1:
				panic(http.ErrAbortHandler) // no answer
			case 2:
				_, _ = io.WriteString(w, `{"code":160,"msg":"busy"}`)
			default:
				_, _ = io.WriteString(w, okShops)
			}
		})
		_, err := c.WithToken(wireToken).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		require.Len(t, seen(), 3)
		assert.Equal(t, []int{1, 2, 3}, []int{seen()[0].N, seen()[1].N, seen()[2].N})
		assert.Zero(t, seen()[0].HTTPStatus)
		assert.Empty(t, seen()[0].Response)
		assert.Equal(t, `{"code":160,"msg":"busy"}`, seen()[1].Response)
		assert.JSONEq(t, okShops, seen()[2].Response)
		assert.NoError(t, seen()[2].Err)
	})
}

type contextKey struct{}

// The function receives the caller's context; its panic is not swallowed; calls may
// overlap.
func TestExchangeFunction(t *testing.T) {
	respond := func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _ = fmt.Fprintf(w, `{"code":0,"issuccess":true,"data":%s}`, r.PostForm.Get("biz"))
	}
	var mu sync.Mutex
	mine := 0
	c := served(t, respond, jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Nanosecond}),
		jushuitan.WithOnExchange(func(ctx context.Context, x jushuitan.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if ctx.Value(contextKey{}) == x.Params.Get("biz") && strings.Contains(x.Response, x.Params.Get("biz")) {
				mine++
			}
		})).WithToken(wireToken)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx := context.WithValue(t.Context(), contextKey{}, fmt.Sprintf(`{"n":%d}`, i))
			assert.NoError(t, c.Call(ctx, "/open/x", map[string]int{"n": i}, nil))
		})
	}
	wg.Wait()
	assert.Equal(t, 32, mine)

	panicking := served(t, respond, jushuitan.WithOnExchange(func(context.Context, jushuitan.Exchange) { panic("the host's") })).WithToken(wireToken)
	assert.PanicsWithValue(t, "the host's", func() { _ = panicking.Call(t.Context(), "/open/x", nil, nil) })

	_, err := jushuitan.New(jushuitan.Credentials{AppKey: "a", AppSecret: "b"}, jushuitan.WithOnExchange(nil))
	assert.ErrorContains(t, err, "WithOnExchange")
}
