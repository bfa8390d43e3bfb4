package qimen

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// scope is the customer that a client calls for. [Client] itself, with its services, is
// generated.
type scope struct {
	core     *core
	customer string
	legacy   LegacyCredentials
}

// service is embedded in every service.
type service struct{ client *Client }

// core is shared by the clients of all customers.
type core struct {
	appKey     string
	secret     string
	session    string
	version    string
	posPrefix  bool
	routes     map[lane]*route
	gateways   map[string]string // of single methods
	engine     engine.Engine
	limiter    jushuitan.Limiter
	now        func() time.Time
	hooks      []engine.Hook[jushuitan.Attempt]
	allInForm  bool
	prefetch   int
	overlap    time.Duration
	onBadRow   func(jushuitan.BadRow)
	onExchange func(context.Context, jushuitan.Exchange)
	xml        *xmlwire.Codec

	verdictTypes sync.Map // reflect.Type -> bool, see declaresVerdict
}

// New returns a client for an app. It sends nothing.
func New(cfg Config, opts ...Option) (*Client, error) {
	s := settings{timeout: 45 * time.Second, maxBody: 32 << 20, now: time.Now, prefetch: 4}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return nil, fmt.Errorf("qimen: New: %w", err)
		}
	}
	routes, err := cfg.routes()
	if err != nil {
		return nil, fmt.Errorf("qimen: New: %w", err)
	}
	c := &core{
		appKey: cfg.AppKey, secret: cfg.AppSecret, session: cfg.Session, version: cfg.Version, posPrefix: cfg.POSPrefix,
		routes: routes, gateways: map[string]string{}, now: s.now, hooks: s.hooks, allInForm: s.allInForm, prefetch: s.prefetch, overlap: s.overlap, onExchange: s.onExchange,
		onBadRow: s.onBadRow,
		engine: engine.Engine{
			HTTP: engine.Client(s.httpClient), Timeout: s.timeout, MaxBody: s.maxBody, Retry: engine.Policy(s.retry).WithDefaults(), Now: s.now, Rules: rules,
			Clock: &engine.Clock{}, Rate: s.rate, Show: engine.Show{Personal: s.personal, Names: redact.Folded(personalNames)},
		},
		xml: &xmlwire.Codec{Limits: xmlwire.Limits{Bytes: int(min(s.maxBody, 1<<30))}},
	}
	if c.version == "" {
		c.version = "2.0"
	}
	for method, gateway := range cfg.MethodGateways {
		if c.gateways[method], err = parseGateway(gateway); err != nil {
			return nil, fmt.Errorf("qimen: New: %s: %w", method, err)
		}
	}
	if c.limiter = s.limiter; c.limiter == nil {
		if c.limiter, err = jushuitan.NewLimiter(jushuitan.LimiterConfig{Quotas: s.quotas}); err != nil {
			return nil, fmt.Errorf("qimen: New: %w", err)
		}
	}
	return newClient(scope{core: c, customer: cfg.CustomerID, legacy: cfg.Legacy}), nil
}

func newClient(s scope) *Client {
	c := &Client{scope: s}
	c.bind()
	return c
}

// ForCustomer returns a client for one merchant: id is the value of the routing
// parameter (奇门客户编码). It is cheap and shares everything else.
func (c *Client) ForCustomer(id string) *Client {
	return newClient(scope{core: c.core, customer: id, legacy: c.legacy})
}

// WithLegacy returns a client that makes the old jst.* calls with the given
// credentials.
func (c *Client) WithLegacy(cred LegacyCredentials) *Client {
	return newClient(scope{core: c.core, customer: c.customer, legacy: cred})
}

// Customer returns the value of the routing parameter.
func (c *Client) Customer() string { return c.customer }

// String identifies the client, without its secrets.
func (c *Client) String() string {
	return fmt.Sprintf("qimen.Client{app %s customer %q}", c.core.appKey, c.customer)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue is the client for slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c *Client) limitKey(m *Method) jushuitan.LimitKey {
	return jushuitan.LimitKey{AppKey: c.core.appKey, Merchant: c.customer, Path: m.Name}
}
