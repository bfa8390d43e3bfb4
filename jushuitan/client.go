package jushuitan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
)

// scope is the merchant that a client calls for. [Client] itself, with its services, is
// generated.
type scope struct {
	core     *core
	merchant string
	token    string // fixed token, never renewed
}

// service is the state that every service shares.
type service struct{ client *Client }

// core is shared by the clients of all merchants.
type core struct {
	cred        Credentials
	baseURL     *url.URL
	authorize   *url.URL
	tokenPrefix string
	engine      engine.Engine
	limiter     Limiter
	tokens      *tokenSource
	prefetch    int
	now         func() time.Time
	hooks       []engine.Hook[Attempt]
	unchecked   bool
	dryRun      func(DryCall)
	onDrift     func(Drift)
	paths       map[*Operation]string // paths set by WithPath
}

// New returns a client of an app. It sends no request.
func New(cred Credentials, opts ...Option) (*Client, error) {
	s := settings{
		baseURL: ProductionURL, authorize: AuthorizePageURL, tokenPrefix: "/openWeb",
		timeout: 90 * time.Second, maxBody: 32 << 20, now: time.Now, prefetch: 4,
	}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return nil, fmt.Errorf("jushuitan: New: %w", err)
		}
	}
	if cred.AppKey == "" || cred.AppSecret == "" {
		return nil, errors.New("jushuitan: New: AppKey and AppSecret are required / 缺少 AppKey 或 AppSecret")
	}
	c := &core{cred: cred, tokenPrefix: s.tokenPrefix, now: s.now, prefetch: s.prefetch, hooks: s.hooks, unchecked: s.unchecked, dryRun: s.dryRun, onDrift: s.onDrift, paths: s.paths}
	var err error
	if c.baseURL, err = parseHost("base URL", s.baseURL); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	if c.authorize, err = parseHost("authorise URL", s.authorize); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	c.engine = engine.Engine{
		HTTP: engine.Client(s.httpClient), Timeout: s.timeout, MaxBody: s.maxBody, Retry: engine.Policy(s.retry).WithDefaults(), Now: s.now, Rules: rules,
	}
	if c.limiter = s.limiter; c.limiter == nil {
		if c.limiter, err = NewLimiter(LimiterConfig{Quotas: s.quotas}); err != nil {
			return nil, fmt.Errorf("jushuitan: New: %w", err)
		}
	}
	if s.store == nil {
		s.store = NewMemoryTokenStore()
	}
	client := newClient(scope{core: c, token: s.token})
	c.tokens = newTokenSource(tokenConfig{
		AppKey: cred.AppKey, Store: s.store, Now: s.now, SelfBuilt: cred.Type == SelfBuilt,
		Obtain: client.obtain, OnReauthorize: s.onReauth,
	})
	return client, nil
}

func newClient(s scope) *Client {
	c := &Client{scope: s}
	c.bind()
	return c
}

// ForMerchant returns a client that calls for one merchant, with that merchant's token
// and its own quota. The id is the caller's own for the merchant, such as the entId. The
// client is cheap to create and shares everything else. A self-built app belongs to one
// company, so use one id or none for it: each further id would obtain a token of its own,
// which may invalidate the previous one.
func (c *Client) ForMerchant(id string) *Client {
	return newClient(scope{core: c.core, merchant: id})
}

// WithToken returns a client that calls with this access token and never renews it: if
// the server rejects the token, calls fail with [ErrTokenExpired].
func (c *Client) WithToken(accessToken string) *Client {
	return newClient(scope{core: c.core, merchant: c.merchant, token: accessToken})
}

// pathOf returns the path under which an operation is called.
func (c *Client) pathOf(op *Operation) string {
	if path, ok := c.core.paths[op]; ok {
		return path
	}
	return op.Path
}

// Merchant returns the id passed to [Client.ForMerchant].
func (c *Client) Merchant() string { return c.merchant }

// limitKey returns the rate limit key of a path; the server counts calls by token.
func (c *Client) limitKey(path string) LimitKey {
	key := LimitKey{AppKey: c.core.cred.AppKey, Merchant: c.merchant, Path: path}
	if c.token != "" {
		sum := sha256.Sum256([]byte(c.token))
		key.Merchant += "#" + hex.EncodeToString(sum[:6])
	}
	return key
}

// String returns a description of the client without its secrets.
func (c *Client) String() string {
	return fmt.Sprintf("jushuitan.Client{%s merchant %q}", c.core.baseURL.Host, c.merchant)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue implements [slog.LogValuer] without secrets.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Format prints the credentials without the secret.
func (c Credentials) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue implements [slog.LogValuer] without the secret.
func (c Credentials) LogValue() slog.Value { return redact.LogValue(c) }

// obtain requests a token under the quota of the fixed merchant, see token.go.
func (c *Client) obtain(ctx context.Context, merchant string, old Token) (Token, error) {
	m := c.ForMerchant(merchant)
	if old.RefreshToken != "" {
		tok, err := m.refreshToken(ctx, old.RefreshToken)
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrSign) || errors.Is(err, ErrIPNotAllowed) {
			return tok, err
		}
	}
	return m.initToken(ctx)
}
