package jushuitantest

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Option changes how a [Server] works.
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
	front      func(*Server, http.Handler) http.Handler
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

// WithApp sets the app that the server knows, a self-built demo app by default.
func WithApp(cred jushuitan.Credentials) Option {
	return func(c *config) error {
		if cred.AppKey == "" || cred.AppSecret == "" {
			return errors.New("WithApp: AppKey and AppSecret are needed")
		}
		c.app = cred
		return nil
	}
}

// WithQuota sets the rate limits of each access token and path: 5 calls a second and
// 100 a minute by default. All of them hold at once. A call beyond a limit is refused
// with code 199, or 200 where the window is a minute or longer. [WithoutQuota] removes
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

// WithSlack makes the windows of the quotas shorter by d, for tests on machines
// where calls that leave in time may arrive bunched. Windows are exact by default.
func WithSlack(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return errors.New("WithSlack: negative")
		}
		c.slack = d
		return nil
	}
}

// WithTokenLife sets how long access tokens live, 30 days by default.
func WithTokenLife(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return errors.New("WithTokenLife: less than a second")
		}
		c.tokenLife = d
		return nil
	}
}

// WithRefreshKeepsToken makes a refresh prolong the token without changing its
// text, as one source reports; by default the text changes.
func WithRefreshKeepsToken() Option {
	return func(c *config) error { c.keepText = true; return nil }
}

// WithSingleToken makes a company's new token end the ones before. Whether the
// platform does so is not known; by default they live until they expire.
func WithSingleToken() Option {
	return func(c *config) error { c.oneToken = true; return nil }
}

// WithClock starts the server's time at start. It runs on from there.
func WithClock(start time.Time) Option {
	begin := time.Now()
	return WithNow(func() time.Time { return start.Add(time.Since(begin)) })
}

// WithNow takes the server's time from now.
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

// WithIPAllowlist lets only callers of these addresses in (code 110 for others).
func WithIPAllowlist(prefixes ...netip.Prefix) Option {
	return func(c *config) error { c.allow = slices.Clone(prefixes); return nil }
}

// WithPushClient sends pushes with hc.
func WithPushClient(hc *http.Client) Option {
	return func(c *config) error {
		if hc == nil {
			return errors.New("WithPushClient: nil")
		}
		c.pushClient = hc
		return nil
	}
}

// WithPushRetry sets the waits before a push that was not taken is sent again,
// 50, 200 and 500 ms of real time by default; without arguments it is sent once.
// That the platform repeats pushes is an assumption: no source says so.
func WithPushRetry(waits ...time.Duration) Option {
	return func(c *config) error { c.pushRetry = slices.Clone(waits); return nil }
}
