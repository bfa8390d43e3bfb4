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
	options  callOptions
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
	overlap     time.Duration
	now         func() time.Time
	hooks       []engine.Hook[Attempt]
	unchecked   bool
	strict      bool // of uploads
	dryRun      func(DryCall)
	onDrift     func(Drift)
	onBadRow    func(BadRow)
	onExchange  func(context.Context, Exchange)
	onOutcome   func(OutcomeEvent)
	paths       map[*Operation]string // paths set by WithPath
	token       string                // set by WithToken
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
	c := &core{
		cred: cred, tokenPrefix: s.tokenPrefix, now: s.now, prefetch: s.prefetch, overlap: s.overlap, hooks: s.hooks, unchecked: s.unchecked, strict: s.strict,
		dryRun: s.dryRun, onDrift: s.onDrift, onBadRow: s.onBadRow, onExchange: s.onExchange, onOutcome: s.onOutcome, paths: s.paths, token: s.token,
	}
	var err error
	if c.baseURL, err = parseHost("base URL", s.baseURL); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	if c.authorize, err = parseHost("authorise URL", s.authorize); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	c.engine = engine.Engine{
		HTTP: engine.Client(s.httpClient), Timeout: s.timeout, MaxBody: s.maxBody, Retry: engine.Policy(s.retry).WithDefaults(), Now: s.now, Rules: rules,
		Rate: s.rate, Show: engine.Show{Personal: s.personalData, Names: redact.Folded(personalNames)},
		Clock: &engine.Clock{},
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
//
// A token of the option [WithToken] applies to every merchant; one of [Client.WithToken] is
// dropped, since it belongs to another merchant.
func (c *Client) ForMerchant(id string) *Client {
	s := c.scope
	s.merchant, s.token = id, c.core.token
	return newClient(s)
}

// WithToken returns a client that calls with this access token and never renews it: if
// the server rejects the token, calls fail with [ErrTokenExpired].
func (c *Client) WithToken(accessToken string) *Client {
	s := c.scope
	s.token = accessToken
	return newClient(s)
}

// Forgetter is a store that can delete what it keeps for a merchant, such as the checkpoints
// of redisstate. Forgetting a merchant that it does not have is not an error.
type Forgetter interface {
	Forget(ctx context.Context, appKey, merchant string) error
}

// Forget ends the service of a merchant that left (商家解约): it drops the merchant's token
// from memory, deletes it from the token store if that has a method Delete (else the error
// is [errors.ErrUnsupported]), keeps a renewal in progress from storing another, and has
// each of stores delete what it keeps. It tries all of them and joins their errors, so
// that it may be called again.
//
// What remains: state of the rate limit until its windows have passed; what a [Deduper]
// remembers until it expires (DefaultCommitTTL); pushes that an inbox holds until they are
// processed; tokens in the memory of other processes, for up to ten minutes; and the grant
// itself, which only the merchant can withdraw, in Jushuitan's console. A call for the
// merchant after Forget obtains a token again if the app is [SelfBuilt].
func (c *Client) Forget(ctx context.Context, merchant string, stores ...Forgetter) error {
	errs := []error{c.core.tokens.Forget(ctx, merchant)}
	for _, s := range stores {
		if err := s.Forget(ctx, c.core.cred.AppKey, merchant); err != nil {
			errs = append(errs, fmt.Errorf("jushuitan: forget merchant %q: %w", merchant, err))
		}
	}
	return errors.Join(errs...)
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

// MarshalJSON masks the secret, since loggers marshal what they are given.
func (c Credentials) MarshalJSON() ([]byte, error) { return redact.JSON(c) }

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
