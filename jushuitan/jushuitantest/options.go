package jushuitantest

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Option configures a [Server].
type Option func(*config) error

type config struct {
	app        jushuitan.Credentials
	quotas     []jushuitan.Quota
	slack      time.Duration
	tokenLife  time.Duration
	keepText   bool
	oneToken   bool
	now        func() time.Time
	latency    time.Duration
	allow      []netip.Prefix
	pushClient *http.Client
	pushRetry  []time.Duration
	middleware func(*Server, http.Handler) http.Handler
	dialects   []Dialect
}

func defaults() config {
	return config{
		app: jushuitan.Credentials{
			AppKey:    "demoappkey0000000000000000000001",
			AppSecret: "demosecret0000000000000000000001",
			Type:      jushuitan.SelfBuilt,
		},
		quotas:    []jushuitan.Quota{{Limit: 5, Per: time.Second}, {Limit: 100, Per: time.Minute}},
		tokenLife: 30 * 24 * time.Hour,
		now:       time.Now,
		pushRetry: []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond},
	}
}

// WithApp sets the server's app, by default a self-built demo app.
func WithApp(cred jushuitan.Credentials) Option {
	return func(c *config) error {
		if cred.AppKey == "" || cred.AppSecret == "" {
			return errors.New("WithApp: AppKey and AppSecret are required")
		}
		c.app = cred
		return nil
	}
}

// WithQuota sets the rate limits of each access token and path: 5 calls a second and
// 100 a minute by default. All of them apply at once. A call beyond a limit is refused
// with code 199, or 200 if the window is a minute or longer. [WithoutQuota] removes
// all limits.
func WithQuota(q ...jushuitan.Quota) Option {
	return func(c *config) error {
		if len(q) == 0 {
			return errors.New("WithQuota: no quota given; use WithoutQuota for none")
		}
		for _, x := range q {
			if x.Limit <= 0 || x.Per <= 0 {
				return errors.New("WithQuota: Limit and Per must be positive")
			}
		}
		c.quotas = slices.Clone(q)
		return nil
	}
}

// WithoutQuota removes all rate limits.
func WithoutQuota() Option {
	return func(c *config) error { c.quotas = nil; return nil }
}

// WithSlack shortens the windows of the quotas by d, for tests on machines where calls
// may arrive closer together than they were sent. Windows are exact by default.
func WithSlack(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return errors.New("WithSlack: negative")
		}
		c.slack = d
		return nil
	}
}

// WithTokenLife sets the lifetime of access tokens, 30 days by default.
func WithTokenLife(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return errors.New("WithTokenLife: less than a second")
		}
		c.tokenLife = d
		return nil
	}
}

// WithRefreshKeepsToken makes a refresh extend the token without changing its text, as
// one source reports. By default the text changes.
func WithRefreshKeepsToken() Option {
	return func(c *config) error { c.keepText = true; return nil }
}

// WithSingleToken makes a new token of a company invalidate the previous ones. Whether
// the platform does so is unknown; by default they are valid until they expire.
func WithSingleToken() Option {
	return func(c *config) error { c.oneToken = true; return nil }
}

// WithClock makes the server's clock begin at start.
func WithClock(start time.Time) Option {
	begin := time.Now()
	return WithNow(func() time.Time { return start.Add(time.Since(begin)) })
}

// WithNow makes the server read its time from now.
func WithNow(now func() time.Time) Option {
	return func(c *config) error {
		if now == nil {
			return errors.New("WithNow: nil")
		}
		c.now = now
		return nil
	}
}

// WithLatency delays every answer by d of real time.
func WithLatency(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return errors.New("WithLatency: negative")
		}
		c.latency = d
		return nil
	}
}

// WithIPAllowlist refuses callers from other addresses with code 110.
func WithIPAllowlist(prefixes ...netip.Prefix) Option {
	return func(c *config) error { c.allow = slices.Clone(prefixes); return nil }
}

// WithPushClient sends pushes with hc instead of a default client.
func WithPushClient(hc *http.Client) Option {
	return func(c *config) error {
		if hc == nil {
			return errors.New("WithPushClient: nil")
		}
		c.pushClient = hc
		return nil
	}
}

// WithPushRetry sets the delays before a push that was not accepted is retried: 50, 200
// and 500 ms of real time by default, no retries without arguments. That the platform
// retries pushes is an assumption: no source says so.
func WithPushRetry(waits ...time.Duration) Option {
	return func(c *config) error { c.pushRetry = slices.Clone(waits); return nil }
}
