package jushuitan

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// AuthorizeURL is the page (授权页) on which a merchant's main account grants a
// service-provider app. Jushuitan then calls the app's registered address with a
// code and the state, see [Client.ParseRedirect]. The URL carries a time stamp:
// make it when the merchant is about to open it.
func (c *Client) AuthorizeURL(state string) string {
	params := map[string]string{
		"app_key":   c.core.cred.AppKey,
		"timestamp": strconv.FormatInt(c.core.now().Unix(), 10),
		"charset":   "utf-8",
		"state":     state,
	}
	q := url.Values{}
	for name, v := range params {
		if v != "" {
			q.Set(name, v)
		}
	}
	q.Set("sign", Sign(c.core.cred.AppSecret, params))
	u := *c.core.authorize
	u.RawQuery = q.Encode()
	return u.String()
}

// Redirect is what Jushuitan brings back after a merchant has granted the app.
type Redirect struct {
	Code  string `pii:"true"` // usable once, for 15 minutes
	State string // as given to [Client.AuthorizeURL]
}

// ParseRedirect reads and verifies the query of the call that follows a grant:
// GET with app_key, code, state and sign. Answer it with {"code":0}, or it is
// repeated up to ten times (one source). The signature proves that Jushuitan
// made the code for this app; that the state is one you gave out is for you to
// check.
func (c *Client) ParseRedirect(query url.Values) (Redirect, error) {
	refuse := func(why string) (Redirect, error) {
		return Redirect{}, &Error{
			Op: "ParseRedirect", Title: "授权回调", Merchant: c.merchant, Outcome: Rejected, class: ErrSign, cause: errors.New(why),
		}
	}
	params := make(map[string]string, len(query))
	for name, values := range query {
		if len(values) != 1 {
			return refuse("a parameter is repeated")
		}
		params[name] = values[0]
	}
	if params["app_key"] != c.core.cred.AppKey {
		return refuse("it is for another app_key")
	}
	if params["code"] == "" {
		return refuse("the code is missing")
	}
	want := Sign(c.core.cred.AppSecret, params)
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(params["sign"]))) != 1 {
		return refuse("the signature does not match")
	}
	return Redirect{Code: params["code"], State: params["state"]}, nil
}

// ExchangeCode turns the code of a redirect into the token of this client's
// merchant and stores it (accessToken, official page docId=25). The code works
// once: when the answer is lost ([ErrOutcomeUnknown]) the merchant must authorise
// again.
func (c *Client) ExchangeCode(ctx context.Context, code string) (Token, error) {
	tok, err := c.tokenCall(ctx, opAccessToken, "accessToken", map[string]string{
		"grant_type": "authorization_code", "code": code,
	})
	if err != nil {
		return Token{}, err
	}
	return c.core.tokens.Put(ctx, c.merchant, tok)
}

// Token is the token in use for this client's merchant; it is got or renewed
// first if need be. Printing it shows no more than its end.
func (c *Client) Token(ctx context.Context) (Token, error) {
	if c.token != "" {
		return Token{AccessToken: c.token}, nil
	}
	return c.core.tokens.Token(ctx, c.merchant)
}

// initToken asks for a token of a self-built app (getInitToken, docId=23).
func (c *Client) initToken(ctx context.Context) (Token, error) {
	return c.tokenCall(ctx, opGetInitToken, "getInitToken", map[string]string{
		"grant_type": "authorization_code", "code": strings.ToLower(rand.Text()[:6]),
	})
}

// refreshToken renews a token of a self-built app. Sources disagree about when it
// has effect and whether the token's text changes; both are accepted.
func (c *Client) refreshToken(ctx context.Context, refresh string) (Token, error) {
	return c.tokenCall(ctx, opRefreshToken, "refreshToken", map[string]string{
		"grant_type": "refresh_token", "refresh_token": refresh, "scope": "all",
	})
}

// tokenAnswer is the payload of the three token endpoints.
type tokenAnswer struct {
	AccessToken  string `json:"access_token" pii:"true"`  // access_token
	RefreshToken string `json:"refresh_token" pii:"true"` // 刷新token
	ExpiresIn    int64  `json:"expires_in"`               // seconds; 30 and 180 days were reported
	Scope        string `json:"scope"`                    // all
}

func (c *Client) tokenCall(ctx context.Context, op *Operation, endpoint string, params map[string]string) (Token, error) {
	k := &oneCall{
		Client: c, op: op, path: c.core.tokenPrefix + "/auth/" + endpoint, auth: true, params: params,
		repeatable: op.Effect == Keyed,
	}
	var answer *tokenAnswer
	k.into = func(body []byte) (f *failure) {
		answer, f = decodeReply[tokenAnswer](op, body)
		if f == nil && answer.AccessToken == "" {
			return &failure{Outcome: Applied, Class: ErrDecode, Cause: errors.New("the answer holds no access_token")}
		}
		return f
	}
	if err := k.do(ctx); err != nil {
		return Token{}, fmt.Errorf("token of merchant %q: %w", c.merchant, err)
	}
	tok := Token{AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, Scope: answer.Scope}
	if answer.ExpiresIn > 0 {
		tok.ExpiresAt = c.core.now().Add(time.Duration(answer.ExpiresIn) * time.Second).In(wire.CST)
	}
	return tok, nil
}

// Format prints the redirect without its code.
func (r Redirect) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue is the redirect for slog, without its code.
func (r Redirect) LogValue() slog.Value { return redact.LogValue(r) }
