package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// The hosts.
const (
	// ProductionURL is the host of the open API.
	ProductionURL = "https://openapi.jushuitan.com"
	// TestURL is the host of the sandbox. It sends no pushes.
	TestURL = "https://dev-api.jushuitan.com"
	// AuthorizePageURL is the page on which a merchant authorises an app.
	AuthorizePageURL = "https://openweb.jushuitan.com/auth"
)

// AppType is the kind of app, which decides how tokens are renewed.
type AppType int

// The kinds of app.
const (
	// SelfBuilt (自有商城, 商家自研): tokens are obtained and renewed without the merchant.
	SelfBuilt AppType = iota
	// ServiceProvider (服务商, ISV): each merchant authorises the app on a page, and again
	// when the authorisation has expired; renewing tokens is forbidden since 2023-08-15.
	ServiceProvider
)

// Credentials identify an app. The open platform's console shows them.
type Credentials struct {
	AppKey    string
	AppSecret string `pii:"true"`
	// Type is [SelfBuilt] 自研应用 by default; [ServiceProvider] for 服务商应用, whose tokens cannot
	// be renewed.
	Type AppType
}

// Option configures a [Client].
type Option func(*settings) error

type settings struct {
	baseURL      string
	authorize    string
	tokenPrefix  string
	httpClient   *http.Client
	store        TokenStore
	limiter      Limiter
	quotas       []Quota
	retry        RetryPolicy
	timeout      time.Duration
	maxBody      int64
	now          func() time.Time
	prefetch     int
	overlap      time.Duration
	onReauth     func(ctx context.Context, merchant string, reason error)
	token        string
	hooks        []engine.Hook[Attempt]
	unchecked    bool
	strict       bool // of uploads
	dryRun       func(DryCall)
	onDrift      func(Drift)
	onBadRow     func(BadRow)
	paths        map[*Operation]string
	rate         *rate.Limiter
	onExchange   func(context.Context, Exchange)
	personalData bool
	onOutcome    func(OutcomeEvent)
}

// RetryPolicy configures how often and when a failed call is sent again. Whether it may be
// sent again at all depends on the operation's [Effect] and the failure.
type RetryPolicy struct {
	MaxAttempts   int           // number of attempts, including the first; 4 by default, 1 never retries
	MinWait       time.Duration // wait before the second attempt, doubled for each further one; 500 ms by default
	MaxWait       time.Duration // longest wait between attempts, 10 s by default
	MaxRetryAfter time.Duration // longest wait for a server's Retry-After, 30 s by default
}

// WithBaseURL sets the host of the API, [ProductionURL] by default.
func WithBaseURL(u string) Option {
	return func(s *settings) error { s.baseURL = u; return nil }
}

// WithAuthorizeURL sets the authorisation page, [AuthorizePageURL] by default.
func WithAuthorizeURL(u string) Option {
	return func(s *settings) error { s.authorize = u; return nil }
}

// WithTokenPath sets the first part of the token endpoints' paths, "/openWeb" by
// default. Some clients use "/openWebIsv" on the test host.
func WithTokenPath(prefix string) Option {
	return func(s *settings) error {
		if err := engine.CheckPath(prefix); err != nil {
			return fmt.Errorf("WithTokenPath: %q: %w", prefix, err)
		}
		s.tokenPrefix = strings.TrimRight(prefix, "/")
		return nil
	}
}

// WithPath calls an operation (by its name, such as Bundles.Upload) under another
// path that public sources name for it, see [Operation.AltPaths]. The first path of
// an operation is the one that most sources, or the newest, agree on.
func WithPath(operation, path string) Option {
	return func(s *settings) error {
		for _, op := range operations {
			if op.Name() != operation && op.Path != operation {
				continue
			}
			if path != op.Path && !slices.Contains(op.AltPaths, path) {
				return fmt.Errorf("WithPath: %s is unknown under %s; its paths are %s %s", operation, path, op.Path, op.AltPaths)
			}
			if s.paths == nil {
				s.paths = map[*Operation]string{}
			}
			s.paths[op] = path
			return nil
		}
		return fmt.Errorf("WithPath: unknown operation %s", operation)
	}
}

// WithHTTPClient sends requests through a copy of hc: its transport, cookie jar and timeout
// are used, and hc is never changed. Redirects are always refused.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error { s.httpClient = hc; return engine.Given("WithHTTPClient", hc != nil) }
}

// WithTokenStore keeps tokens in store; by default they are kept in memory. Processes of the
// same app must share one store.
func WithTokenStore(store TokenStore) Option {
	return func(s *settings) error { s.store = store; return engine.Given("WithTokenStore", store != nil) }
}

// WithLimiter limits calls with l instead of the client's own limiter. Processes of the same
// app should share one.
func WithLimiter(l Limiter) Option {
	return func(s *settings) error { s.limiter = l; return engine.Given("WithLimiter", l != nil) }
}

// WithQuota sets the quotas of the client's own limiter for each merchant and
// path: 5 calls a second and 100 a minute by default. All of them apply at once; at least
// one is required.
func WithQuota(quotas ...Quota) Option {
	return func(s *settings) error {
		s.quotas = quotas
		return engine.Positive("WithQuota: number of quotas", len(quotas))
	}
}

// WithRate sets one budget for all calls of the app, beside the exact quota of each merchant
// and path. Each attempt, retries and token calls included, waits for its quota first and
// then for the budget; a wait that would outlast the context's deadline is [ErrRateLimited],
// and nothing is sent. l may be shared with other clients, of packages qimen and dianjia
// too. A burst of 0 lets nothing through.
func WithRate(l *rate.Limiter) Option {
	return func(s *settings) error { s.rate = l; return engine.Given("WithRate", l != nil) }
}

// WithRetry sets the retry policy; zero fields keep their defaults.
func WithRetry(p RetryPolicy) Option {
	return func(s *settings) error { s.retry = p; return engine.Policy(p).Check("WithRetry") }
}

// WithTimeout limits each attempt, 90 s by default, since some first pages take more than
// 30 s. The context limits the whole call.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error { s.timeout = d; return engine.Positive("WithTimeout", d) }
}

// WithMaxResponseBytes limits the size of a response, 32 MiB by default.
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) error { s.maxBody = n; return engine.Positive("WithMaxResponseBytes", n) }
}

// WithClock sets the function that returns the current time, for time stamps, token
// lifetimes and the end of open time ranges. Waits use the real clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error { s.now = now; return engine.Given("WithClock", now != nil) }
}

// WithPrefetch sets how many pages an iterator fetches ahead, 4 by default; 1
// fetches the next page only when it is asked for.
func WithPrefetch(pages int) Option {
	return func(s *settings) error { s.prefetch = pages; return engine.Positive("WithPrefetch", pages) }
}

// WithStreamOverlap makes streams wait for rows that become visible up to d after they
// were written, because their transaction commits late: such rows have a lower row
// version or an earlier time than rows that were read already. A checkpoint then stays
// behind by d, rows of that time are read again, and those committed are dropped by
// their content. A row that appears later than d is missed. The default is 0; streams
// by time always stay 2 s behind the server's clock.
func WithStreamOverlap(d time.Duration) Option {
	return func(s *settings) error { s.overlap = d; return engine.NotNegative("WithStreamOverlap", d) }
}

// WithOnReauthorize calls f when a merchant of a service-provider app must authorise the app
// again: once for each token that expired or was refused.
func WithOnReauthorize(f func(ctx context.Context, merchant string, reason error)) Option {
	return func(s *settings) error { s.onReauth = f; return nil }
}

// WithToken uses one fixed access token for all calls, whatever merchant they are for, and
// never renews it. See [Client.WithToken] for one merchant's.
func WithToken(accessToken string) Option {
	return func(s *settings) error {
		if accessToken == "" {
			return errors.New("WithToken: empty")
		}
		s.token = accessToken
		return nil
	}
}

func parseHost(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: not a URL", what)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: want http(s)://host[/path]", what)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}
