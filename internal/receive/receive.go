// Package receive is shared by callback.Receiver and qimen.Mux: it checks the sender and the
// time of a request, reads its body, runs a message once, and turns a panic of the host into
// an error.
package receive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
)

// The defaults, which package jushuitan exports.
const (
	DefaultMaxBody     = 4 << 20
	DefaultBodyTimeout = 30 * time.Second
	DefaultClaimTTL    = time.Minute
	DefaultCommitTTL   = 24 * time.Hour
	DefaultWait        = 3 * time.Second
)

// The reasons of a refusal, which package jushuitan exports.
var (
	ErrRequest  = errors.New("not the request of a message")
	ErrTooLarge = errors.New("body too large")
	ErrSource   = errors.New("source address refused")
	ErrWindow   = errors.New("time stamp refused")
	ErrBusy     = errors.New("the same message is being handled")
	ErrDedupe   = errors.New("dedupe store failed")
)

// Config has the fields that callback.Config and qimen.MuxConfig share and document.
type Config[S any, C ~int] struct {
	Sources, Proxies []netip.Prefix
	ProxyHeader      string

	MaxAge, MaxAhead time.Duration // 0 or less: not checked
	Now              func() time.Time

	MaxBody     int64
	BodyTimeout time.Duration

	Deduper                   dedupe.Deduper[C] // nil: Memory
	Memory                    dedupe.Deduper[C] // whose type cannot block
	NoDedupe                  bool
	ClaimTTL, CommitTTL, Wait time.Duration

	Panic  func(value any, stack []byte) error             // makes the error of a panic
	Report func(ctx context.Context, subject S, err error) // is told what the store fails at after a run
}

// A Receiver receives with one config. It is safe for concurrent use.
type Receiver[S any, C ~int] struct {
	*dedupe.Runner[S, C]
	cfg     Config[S, C]
	sources sources
	local   bool
}

// New validates the config and fills in its defaults.
func New[S any, C ~int](cfg Config[S, C]) (*Receiver[S, C], error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.MaxBody = cmp.Or(cfg.MaxBody, DefaultMaxBody)
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, DefaultBodyTimeout)
	cfg.ClaimTTL = cmp.Or(cfg.ClaimTTL, DefaultClaimTTL)
	cfg.CommitTTL = cmp.Or(cfg.CommitTTL, DefaultCommitTTL)
	cfg.Wait = cmp.Or(cfg.Wait, DefaultWait)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	switch {
	case cfg.NoDedupe:
		cfg.Deduper = nil
	case cfg.Deduper == nil:
		cfg.Deduper = cfg.Memory
	}
	local := reflect.TypeOf(cfg.Deduper) == reflect.TypeOf(cfg.Memory)
	return &Receiver[S, C]{
		cfg:     cfg,
		local:   local,
		sources: sources{networks: unmapped(cfg.Sources), proxies: unmapped(cfg.Proxies), header: http.CanonicalHeaderKey(cfg.ProxyHeader)},
		Runner: dedupe.NewRunner(dedupe.Config[S, C]{
			Deduper: cfg.Deduper, Local: local,
			ClaimTTL: cfg.ClaimTTL, CommitTTL: cfg.CommitTTL, Wait: cfg.Wait,
			ErrBusy: ErrBusy, ErrStore: ErrDedupe, Report: cfg.Report,
		}),
	}, nil
}

func (c *Config[S, C]) check() error {
	switch {
	case (c.ProxyHeader == "") != (len(c.Proxies) == 0):
		return errors.New("ProxyHeader and Proxies need each other / ProxyHeader 与 Proxies 须同时设置")
	case c.NoDedupe && c.Deduper != nil:
		return errors.New("both Deduper and NoDedupe are set / Deduper 与 NoDedupe 不能同时设置")
	}
	for _, p := range slices.Concat(c.Sources, c.Proxies) {
		if !p.IsValid() {
			return errors.New("a network of Sources or Proxies is not valid / Sources 或 Proxies 中有无效网段")
		}
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"MaxBody", c.MaxBody}, {"BodyTimeout", int64(c.BodyTimeout)}, {"ClaimTTL", int64(c.ClaimTTL)}, {"CommitTTL", int64(c.CommitTTL)},
	} {
		if n.value < 0 {
			return fmt.Errorf("%s is %d, must not be negative / 不能为负数", n.name, n.value)
		}
	}
	return nil
}

// MaxBody returns the maximum size of a body.
func (r *Receiver[S, C]) MaxBody() int64 { return r.cfg.MaxBody }

// Wait returns how long a duplicate waits for the message in progress; 0 or less means not at
// all.
func (r *Receiver[S, C]) Wait() time.Duration { return r.cfg.Wait }

// Now returns the current time.
func (r *Receiver[S, C]) Now() time.Time { return r.cfg.Now() }

// Local reports whether the store is in the memory of this process.
func (r *Receiver[S, C]) Local() bool { return r.local }

// Dated reports whether a time stamp is required.
func (r *Receiver[S, C]) Dated() bool { return r.cfg.MaxAge > 0 || r.cfg.MaxAhead > 0 }

// InTime compares a time stamp, zero if missing, with the clock.
func (r *Receiver[S, C]) InTime(stamp time.Time) error {
	if !r.Dated() {
		return nil
	}
	if stamp.IsZero() {
		return fmt.Errorf("%w: it is missing", ErrWindow)
	}
	switch age := r.cfg.Now().Sub(stamp); {
	case r.cfg.MaxAge > 0 && age > r.cfg.MaxAge:
		return fmt.Errorf("%w: %v old", ErrWindow, age.Round(time.Second))
	case r.cfg.MaxAhead > 0 && -age > r.cfg.MaxAhead:
		return fmt.Errorf("%w: %v ahead: check this machine's clock", ErrWindow, -age.Round(time.Second))
	}
	return nil
}

// Guard calls a function and turns a panic into an error.
func (r *Receiver[S, C]) Guard(f func() error) (err error) {
	defer r.Recover(&err)
	return f()
}

// Recover turns a panic into an error. It must be deferred.
func (r *Receiver[S, C]) Recover(err *error) {
	if v := recover(); v != nil {
		*err = r.cfg.Panic(v, debug.Stack())
	}
}
