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

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// The hosts.
const (
	// ProductionURL is the host of the open API.
	ProductionURL = "https://openapi.jushuitan.com"
	// TestURL is the host of the sandbox. It sends no pushes.
	TestURL = "https://dev-api.jushuitan.com"
	// AuthorizePageURL is the page on which a merchant grants an app.
	AuthorizePageURL = "https://openweb.jushuitan.com/auth"
)

// AppType is the kind of app, which decides how tokens are renewed.
type AppType int

// The kinds of app.
const (
	// SelfBuilt (自有商城, 商家自研): tokens are got and renewed without the merchant.
	SelfBuilt AppType = iota
	// ServiceProvider (服务商, ISV): each merchant grants the app on a page, and
	// again when the grant has run out; renewing is forbidden since 2023-08-15.
	ServiceProvider
)

// Credentials are an app's, from the open platform's console.
type Credentials struct {
	AppKey    string
	AppSecret string `pii:"true"`
	Type      AppType
}

// Option changes how a [Client] works.
type Option func(*settings) error

type settings struct {
	baseURL     string
	authorize   string
	tokenPrefix string
	httpClient  *http.Client
	store       TokenStore
	limiter     Limiter
	quotas      []Quota
	retry       RetryPolicy
	timeout     time.Duration
	maxBody     int64
	now         func() time.Time
	prefetch    int
	onReauth    func(ctx context.Context, merchant string, reason error)
	token       string
	hooks       []engine.Hook[Attempt]
	unchecked   bool
	dryRun      func(DryCall)
	onDrift     func(Drift)
	paths       map[*Operation]string
}

// RetryPolicy says how often and when a failed call is sent again. What may be
// sent again at all depends on the operation's [Effect] and the failure.
type RetryPolicy struct {
	MaxAttempts   int           // all attempts together, 4 by default; 1 never repeats
	MinWait       time.Duration // before the second attempt, then doubling; 500 ms by default
	MaxWait       time.Duration // 10 s by default
	MaxRetryAfter time.Duration // most that a server's Retry-After may ask, 30 s by default
}

// WithBaseURL sets the host of the API, [ProductionURL] by default.
func WithBaseURL(u string) Option {
	return func(s *settings) error { s.baseURL = u; return nil }
}

// WithAuthorizeURL sets the page of the authorisation, [AuthorizePageURL] by default.
func WithAuthorizeURL(u string) Option {
	return func(s *settings) error { s.authorize = u; return nil }
}

// WithTokenPath sets the first part of the token endpoints' paths, "/openWeb" by
// default. Some clients use "/openWebIsv" on the test host.
func WithTokenPath(prefix string) Option {
	return func(s *settings) error {
		if !strings.HasPrefix(prefix, "/") {
			return fmt.Errorf("WithTokenPath: %q does not start with a slash", prefix)
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
				return fmt.Errorf("WithPath: %s is not known under %s; its paths are %s %s", operation, path, op.Path, op.AltPaths)
			}
			if s.paths == nil {
				s.paths = map[*Operation]string{}
			}
			s.paths[op] = path
			return nil
		}
		return fmt.Errorf("WithPath: no operation %s", operation)
	}
}

// WithHTTPClient sends through a copy of hc: its transport, jar and timeout are
// used and never changed. Redirects are refused whatever hc says.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return errors.New("WithHTTPClient: nil")
		}
		s.httpClient = hc
		return nil
	}
}

// WithTokenStore keeps tokens in store, in memory by default. Processes of the
// same app must share one store.
func WithTokenStore(store TokenStore) Option {
	return func(s *settings) error {
		if store == nil {
			return errors.New("WithTokenStore: nil")
		}
		s.store = store
		return nil
	}
}

// WithLimiter counts calls with l instead of the client's own limiter. Processes
// of the same app should share one.
func WithLimiter(l Limiter) Option {
	return func(s *settings) error {
		if l == nil {
			return errors.New("WithLimiter: nil")
		}
		s.limiter = l
		return nil
	}
}

// WithQuota sets the quotas of the client's own limiter for each merchant and
// path: 5 calls a second and 100 a minute by default. All of them hold at once.
func WithQuota(quotas ...Quota) Option {
	return func(s *settings) error { s.quotas = quotas; return nil }
}

// WithRetry changes the retry policy; zero members keep their defaults.
func WithRetry(p RetryPolicy) Option {
	return func(s *settings) error {
		if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxRetryAfter < 0 {
			return errors.New("WithRetry: negative value")
		}
		s.retry = p
		return nil
	}
}

// WithTimeout bounds each attempt, 90 s by default: some first pages take more
// than 30 s. The context bounds the whole call.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("WithTimeout: not positive")
		}
		s.timeout = d
		return nil
	}
}

// WithMaxResponseBytes bounds the answers that are read, 32 MiB by default.
func WithMaxResponseBytes(n int64) Option {
	return func(s *settings) error {
		if n <= 0 {
			return errors.New("WithMaxResponseBytes: not positive")
		}
		s.maxBody = n
		return nil
	}
}

// WithClock takes the time of day from now: for time stamps, token lifetimes and
// the end of open time ranges. Waits use the real clock.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error {
		if now == nil {
			return errors.New("WithClock: nil")
		}
		s.now = now
		return nil
	}
}

// WithPrefetch sets how many pages an iterator fetches ahead, 4 by default; 1
// fetches the next page only when it is asked for.
func WithPrefetch(pages int) Option {
	return func(s *settings) error {
		if pages < 1 {
			return errors.New("WithPrefetch: not positive")
		}
		s.prefetch = pages
		return nil
	}
}

// WithOnReauthorize calls f when a merchant of a service-provider app must grant
// the app again: once for each token that ran out or was refused.
func WithOnReauthorize(f func(ctx context.Context, merchant string, reason error)) Option {
	return func(s *settings) error { s.onReauth = f; return nil }
}

// WithToken uses one fixed access token for all calls; it is never renewed. See
// [Client.WithToken].
func WithToken(accessToken string) Option {
	return func(s *settings) error { s.token = accessToken; return nil }
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
