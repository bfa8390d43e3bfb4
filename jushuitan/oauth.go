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

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// AuthorizeURL returns the URL of the page (授权页) on which a merchant's main account
// authorises a service-provider app. Jushuitan then calls the app's registered address
// with a code and the state, see [Client.ParseRedirect]. The URL contains a time stamp:
// call AuthorizeURL when the merchant is about to open the page.
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

// Redirect holds the parameters of the call that Jushuitan makes after a merchant has
// authorised the app.
type Redirect struct {
	Code  string `pii:"true"` // valid once, for 15 minutes
	State string // the state passed to [Client.AuthorizeURL]
}

// ParseRedirect parses and verifies the query of the call that follows an authorisation:
// GET with app_key, code, state and sign. Answer it with {"code":0}; otherwise Jushuitan
// repeats it up to ten times (one source). The signature proves that Jushuitan issued the
// code for this app. Check that the state is one that you issued.
func (c *Client) ParseRedirect(query url.Values) (Redirect, error) {
	refuse := func(why string) (Redirect, error) {
		return Redirect{}, &Error{
			Op: "ParseRedirect", Title: "授权回调", Merchant: c.merchant, Outcome: Rejected, class: ErrSign, cause: errors.New(why),
		}
	}
	params := make(map[string]string, len(query))
	for name, values := range query {
		if len(values) != 1 {
			return refuse("duplicate parameter")
		}
		params[name] = values[0]
	}
	if params["app_key"] != c.core.cred.AppKey {
		return refuse("the redirect is for another app_key")
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

// ExchangeCode exchanges the code of a redirect for the token of this client's merchant and
// stores the token (accessToken, official page docId=25). A code is valid once: if the
// response is lost ([ErrOutcomeUnknown]), the merchant must authorise again.
func (c *Client) ExchangeCode(ctx context.Context, code string) (Token, error) {
	tok, err := c.tokenCall(ctx, opAccessToken, "accessToken", map[string]string{
		"grant_type": "authorization_code", "code": code,
	})
	if err != nil {
		return Token{}, err
	}
	return c.core.tokens.Put(ctx, c.merchant, tok)
}

// Token returns the token in use for this client's merchant, and obtains or renews it first
// if necessary. Printing a token shows at most its last characters.
func (c *Client) Token(ctx context.Context) (Token, error) {
	if c.token != "" {
		return Token{AccessToken: c.token}, nil
	}
	return c.core.tokens.Token(ctx, c.merchant)
}

// initToken requests a token of a self-built app (getInitToken, docId=23).
func (c *Client) initToken(ctx context.Context) (Token, error) {
	return c.tokenCall(ctx, opGetInitToken, "getInitToken", map[string]string{
		"grant_type": "authorization_code", "code": strings.ToLower(rand.Text()[:6]),
	})
}

// refreshToken renews a token of a self-built app. Sources disagree about when a renewal
// takes effect and whether the text of the token changes; both are accepted.
func (c *Client) refreshToken(ctx context.Context, refresh string) (Token, error) {
	return c.tokenCall(ctx, opRefreshToken, "refreshToken", map[string]string{
		"grant_type": "refresh_token", "refresh_token": refresh, "scope": "all",
	})
}

// tokenAnswer is the payload of the three token endpoints.
type tokenAnswer struct {
	AccessToken  string         `json:"access_token" pii:"true"`  // access_token
	RefreshToken string         `json:"refresh_token" pii:"true"` // 刷新token
	ExpiresIn    jsontext.Value `json:"expires_in"`               // seconds, see [tokenLife]
	Scope        string         `json:"scope"`                    // all
}

// tokenLifeMost is the longest plausible life of a token. Jushuitan's last 30 or 180 days.
const tokenLifeMost = 10 * 365 * 24 * time.Hour

// tokenLife returns the life that expires_in states in seconds, or in milliseconds if as many
// seconds would be more than ten years. It returns 0, which means unknown, for anything else:
// a token is not lost because its life cannot be decoded.
func tokenLife(expiresIn jsontext.Value) time.Duration {
	var n decimal.Decimal
	if len(expiresIn) == 0 || wire.Unmarshal(expiresIn, &n) != nil || !n.IsPositive() {
		return 0
	}
	for _, unit := range []time.Duration{time.Second, time.Millisecond} {
		if n.LessThanOrEqual(decimal.NewFromInt(int64(tokenLifeMost / unit))) {
			return time.Duration(n.Mul(decimal.NewFromInt(int64(unit))).IntPart())
		}
	}
	return 0
}

func (c *Client) tokenCall(ctx context.Context, op *Operation, endpoint string, params map[string]string) (Token, error) {
	k := &oneCall{
		Client: c, op: op, path: c.core.tokenPrefix + "/auth/" + endpoint, auth: true, params: params,
		repeatable: op.Effect == Keyed,
	}
	var answer tokenAnswer
	k.into = func(body []byte) *failure {
		answer = tokenAnswer{}
		f := k.decode(body, &answer)
		if f == nil && answer.AccessToken == "" {
			return &failure{Outcome: Applied, Class: ErrDecode, Cause: errors.New("the answer holds no access_token")}
		}
		return f
	}
	if err := k.do(ctx); err != nil {
		return Token{}, fmt.Errorf("token of merchant %q: %w", c.merchant, err)
	}
	tok := Token{AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, Scope: answer.Scope}
	if life := tokenLife(answer.ExpiresIn); life > 0 {
		tok.ExpiresAt = c.core.now().Add(life).In(wire.CST)
	}
	return tok, nil
}

// Format prints the redirect without its code.
func (r Redirect) Format(s fmt.State, verb rune) { redact.Format(s, verb, r) }

// LogValue is the redirect for slog, without its code.
func (r Redirect) LogValue() slog.Value { return redact.LogValue(r) }

// MarshalJSON masks the code, since loggers marshal what they are given.
func (r Redirect) MarshalJSON() ([]byte, error) { return redact.JSON(r) }
