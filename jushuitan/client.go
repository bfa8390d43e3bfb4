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

// scope is whom a client calls for. [Client] itself, with its services, is
// generated.
type scope struct {
	core     *core
	merchant string
	token    string // fixed, never renewed
}

// service is what every service holds.
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
	paths       map[*Operation]string // other than the usual ones
}

// New makes a client of an app. It sends nothing.
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
		return nil, errors.New("jushuitan: New: AppKey and AppSecret are needed / 缺少 AppKey 或 AppSecret")
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

// ForMerchant gives a client that calls for one merchant (the host's own id for
// it, such as entId): with that merchant's token, under its own quota. It is
// cheap and shares everything else. A self-built app has one company behind it, so
// that one id, or none, is enough for it: each further id would get a token of its
// own, which may end the one before.
func (c *Client) ForMerchant(id string) *Client {
	return newClient(scope{core: c.core, merchant: id})
}

// WithToken gives a client that calls with this access token, which is never
// renewed: a refusal is [ErrTokenExpired].
func (c *Client) WithToken(accessToken string) *Client {
	return newClient(scope{core: c.core, merchant: c.merchant, token: accessToken})
}

// pathOf is the path under which an operation is called.
func (c *Client) pathOf(op *Operation) string {
	if path, ok := c.core.paths[op]; ok {
		return path
	}
	return op.Path
}

// Merchant is the id given to [Client.ForMerchant].
func (c *Client) Merchant() string { return c.merchant }

// limitKey names the quota of a path: the server counts for each token.
func (c *Client) limitKey(path string) LimitKey {
	key := LimitKey{AppKey: c.core.cred.AppKey, Merchant: c.merchant, Path: path}
	if c.token != "" {
		sum := sha256.Sum256([]byte(c.token))
		key.Merchant += "#" + hex.EncodeToString(sum[:6])
	}
	return key
}

// String names the client without its secrets.
func (c *Client) String() string {
	return fmt.Sprintf("jushuitan.Client{%s merchant %q}", c.core.baseURL.Host, c.merchant)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue is the client for slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Format prints the credentials without the secret.
func (c Credentials) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue is the credentials for slog, without the secret.
func (c Credentials) LogValue() slog.Value { return redact.LogValue(c) }

// obtain asks for a token, see token.go. It uses the fixed merchant's quota.
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
