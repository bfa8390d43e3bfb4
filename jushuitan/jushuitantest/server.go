package jushuitantest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// operator is [Company] under a name that does not clash with [Server.Company].
type operator = Company

// Server is a fake Jushuitan. It is safe for concurrent use.
//
// It has the methods of [Company], which act on the default company: the one that a
// self-built app works for. [Server.Company] returns the others.
type Server struct {
	*operator

	// URL is the base URL, such as http://127.0.0.1:34567.
	URL string

	cfg    config
	host   *fakeserver.Host
	clock  *fakeserver.Clock
	faults fakeserver.Faults[Fault]
	log    fakeserver.Log[RequestRecord]
	ops    *table
	quota  quotas
	auth   authority
	pushes pushHub

	requestNo   atomic.Int64
	late, after atomic.Int64 // durations of the dialects in use, see manner

	mu        sync.Mutex
	companies map[string]*Company
	names     []string // of the companies, in the order of creation
	denied    map[string]bool
	dialects  []*spoken // is replaced, never changed
	stats     Stats
}

// NewServer starts a server on a free port of 127.0.0.1. Like
// [net/http/httptest.NewServer] it panics if it cannot listen. The caller must close
// it.
func NewServer(opts ...Option) *Server {
	s, err := Start(context.Background(), "127.0.0.1:0", opts...)
	if err != nil {
		panic(err)
	}
	return s
}

// Start starts a server on addr, such as "127.0.0.1:8080"; port 0 chooses a free one.
// The server closes when ctx ends or [Server.Close] is called.
func Start(ctx context.Context, addr string, opts ...Option) (*Server, error) {
	s, err := newServer(opts...)
	if err != nil {
		return nil, err
	}
	if s.URL, err = s.host.Listen(ctx, addr); err != nil {
		s.Close()
		return nil, fmt.Errorf("jushuitantest: Start: %w", err)
	}
	s.host.Serve(ctx, s.Handler(), s.Close)
	return s, nil
}

func newServer(opts ...Option) (*Server, error) {
	cfg := defaults()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, fmt.Errorf("jushuitantest: %w", err)
		}
	}
	ops, err := loadTable()
	if err != nil {
		return nil, fmt.Errorf("jushuitantest: %w", err)
	}
	s := &Server{
		cfg: cfg, host: fakeserver.NewHost(), clock: fakeserver.NewClock(cfg.now), ops: ops,
		companies: map[string]*Company{}, denied: map[string]bool{},
	}
	s.quota.limits = cfg.quotas
	s.quota.slack = cfg.slack
	s.auth.init(s)
	s.pushes.init(s)
	s.operator = s.Company("")
	s.Speak("", cfg.dialects...)
	return s, nil
}

// Handler returns the server as a handler, to mount it elsewhere. It works until
// [Server.Close].
func (s *Server) Handler() http.Handler {
	if s.cfg.middleware != nil {
		return s.cfg.middleware(s, http.HandlerFunc(s.serve))
	}
	return http.HandlerFunc(s.serve)
}

// Close stops the server: it aborts requests in progress, discards undelivered pushes,
// and returns when all of them have ended. Call [Server.WaitPushes] first if the pushes
// matter.
func (s *Server) Close() { s.host.Close() }

// Credentials returns the credentials of the server's app.
func (s *Server) Credentials() jushuitan.Credentials { return s.cfg.app }

// Client returns a client of this server's app with its URL and rate limits. Its clock follows
// [Server.Advance], but is not changed by a [Dialect]. Options may override all of them. The
// client of a self-built app obtains its tokens itself and works for the default company; that
// of a service provider's app requires [Server.Authorize] and ExchangeCode for each merchant,
// or client.WithToken(srv.AccessToken(merchant)).
func (s *Server) Client(opts ...jushuitan.Option) (*jushuitan.Client, error) {
	if s.URL == "" {
		return nil, errors.New("jushuitantest: Client: the server does not listen")
	}
	quotas := slices.Clone(s.cfg.quotas)
	if len(quotas) == 0 { // no limit: one that is never reached
		quotas = []jushuitan.Quota{{Limit: 1 << 20, Per: time.Second}}
	}
	all := []jushuitan.Option{
		jushuitan.WithBaseURL(s.URL),
		jushuitan.WithClock(s.clock.Host),
		jushuitan.WithQuota(quotas...),
		jushuitan.WithHTTPClient(&http.Client{Transport: s.host.Transport}),
	}
	return jushuitan.New(s.cfg.app, append(all, opts...)...)
}

// Company returns the company of a merchant, and creates it on first use. "" is the
// default company.
func (s *Server) Company(merchant string) *Company {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.companies[merchant]
	if c == nil {
		c = newCompany(s, merchant, int64(len(s.names)))
		s.companies[merchant] = c
		s.names = append(s.names, merchant)
	}
	return c
}

// Now returns the server's time: real time (or that of [WithNow]) plus what
// [Server.Advance] and the dialects in use added.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the server's time forward: tokens expire, quota windows pass, and later
// changes get later time stamps. Requests of callers whose clocks did not advance, such as
// other processes, are still accepted: their timestamps are compared with the time before
// the advance.
func (s *Server) Advance(d time.Duration) { s.clock.Advance(d) }

// companyList returns the companies, in the order of creation. The caller holds the lock.
func (s *Server) companyList() []*Company {
	out := make([]*Company, len(s.names))
	for i, name := range s.names {
		out[i] = s.companies[name]
	}
	return out
}

// RevokePermission revokes the app's permission to call a path (code 190).
func (s *Server) RevokePermission(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[s.ops.canonical(path)] = true
}

// GrantPermission restores what [Server.RevokePermission] revoked.
func (s *Server) GrantPermission(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.denied, s.ops.canonical(path))
}

// RequestRecord is one request that was answered. It holds no secret, token,
// signature or body.
type RequestRecord struct {
	Time     time.Time // server's, of arrival
	Path     string
	Merchant string // owner of its token; "" for the default company or none
	Code     int64  // code of the answer; also 0 without JSON
	Status   int    // HTTP status of the answer; 0 if the connection was cut
	Fault    FaultKind
}

// Stats are counters since the start.
type Stats struct {
	Calls        int // all requests
	Accepted     int // answered with code 0
	Refused      int // answered with another code
	Throttled    int // of them, by rate limits, including injected ones
	Faults       int // requests affected by an injected fault
	TokenCalls   int // requests for a token
	Pushes       int // pushes that were delivered
	PushAttempts int // POSTs of pushes
	PushFailures int // pushes given up
}

// Requests returns the requests so far, oldest first. At least the last 9,000 are kept.
func (s *Server) Requests() []RequestRecord { return s.log.All() }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	st := s.stats
	s.mu.Unlock()
	s.pushes.count(&st)
	return st
}

func (s *Server) record(r RequestRecord, token bool) {
	s.log.Add(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Calls++
	switch {
	case r.Code != 0:
		s.stats.Refused++
	case r.Status == http.StatusOK && r.Fault != HTMLPage:
		s.stats.Accepted++
	}
	if r.Code == codeTooManySecond || r.Code == codeTooManyMinute || r.Status == http.StatusTooManyRequests {
		s.stats.Throttled++
	}
	if r.Fault != NoFault {
		s.stats.Faults++
	}
	if token {
		s.stats.TokenCalls++
	}
}

// Format prints the server without its secrets, for every verb.
func (s *Server) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "jushuitantest.Server{%s}", s.URL)
}

// LogValue is the server for slog.
func (s *Server) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
