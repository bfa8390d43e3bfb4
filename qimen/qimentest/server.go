package qimentest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
)

// Server is a fake Qimen gateway. It is safe for concurrent use.
type Server struct {
	// URL is the base URL, such as http://127.0.0.1:34567; "" if the server does not
	// listen. The gateway is below it, at every path that begins with /router/.
	URL string

	// ERP returns the fake Jushuitan behind the scene, which is also the clock.
	ERP *jushuitantest.Server

	cfg    config
	ownERP bool
	host   *fakeserver.Host
	faults fakeserver.Faults[Fault]
	log    fakeserver.Log[RequestRecord]

	requestNo atomic.Int64

	mu        sync.Mutex
	customers map[string]string
	receivers map[string][]*receiver // by customer, the newest first
	spoken    []*spoken
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
	s, err := New(opts...)
	if err != nil {
		return nil, err
	}
	if s.URL, err = s.host.Listen(ctx, addr); err != nil {
		s.Close()
		return nil, fmt.Errorf("qimentest: Start: %w", err)
	}
	s.host.Serve(ctx, s, s.Close)
	return s, nil
}

// New returns a server that does not listen: it is an [http.Handler] to be mounted elsewhere
// under the path /router/. The caller must close it.
func New(opts ...Option) (*Server, error) {
	cfg := defaults()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, fmt.Errorf("qimentest: %w", err)
		}
	}
	s := &Server{ERP: cfg.erp, cfg: cfg, host: fakeserver.NewHost(), customers: cfg.customers, receivers: map[string][]*receiver{}}
	if s.ERP == nil {
		erp, err := jushuitantest.Start(context.Background(), "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("qimentest: %w", err)
		}
		s.ERP, s.ownERP = erp, true
	}
	s.Speak("", cfg.dialects...)
	return s, nil
}

// Close stops the server: it aborts calls and messages in progress, and returns when
// all of them have ended.
func (s *Server) Close() {
	s.host.Close()
	if s.ownERP {
		s.ERP.Close()
	}
}

// Now returns the time of the server and of its ERP.
func (s *Server) Now() time.Time { return s.ERP.Now() }

// Advance moves that time forward.
func (s *Server) Advance(d time.Duration) { s.ERP.Advance(d) }

// AddCustomer assigns the customer id (奇门客户编码) id to a merchant; "" is the default
// company.
func (s *Server) AddCustomer(id, merchant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.customers[id] = merchant
}

// customer finds a merchant.
func (s *Server) customer(id string) (merchant string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	merchant, ok = s.customers[id]
	return merchant, ok
}

// Config returns the access of this server's app for [DefaultCustomer], with the server's own
// gateways if it listens.
func (s *Server) Config() qimen.Config {
	cfg := qimen.Config{
		AppKey: s.cfg.appKey, AppSecret: s.cfg.appSecret, CustomerID: DefaultCustomer, TargetAppKey: s.cfg.target,
		RoutingParam: s.cfg.routing, Legacy: s.LegacyCredentials(DefaultCustomer),
	}
	if s.URL != "" {
		cfg.Gateway = s.URL + "/router/qm"
		cfg.Warehouse.Gateway = s.URL + "/router/qimen/service"
		cfg.Other.Gateway = s.URL + "/router/rest"
	}
	return cfg
}

// LegacyCredentials returns the credentials with which the old jst.* methods read the documents
// of a customer.
func (s *Server) LegacyCredentials(customerID string) qimen.LegacyCredentials {
	return qimen.LegacyCredentials{PartnerID: demoPartner, PartnerKey: demoPartnerKey, Token: demoToken(customerID)}
}

func demoToken(customerID string) string { return "demotoken-" + customerID }

// byToken finds the merchant whose token it is.
func (s *Server) byToken(token string) (merchant string, ok bool) {
	id, ok := strings.CutPrefix(token, demoToken(""))
	if !ok {
		return "", false
	}
	return s.customer(id)
}

// Client returns a client of this server's app for [DefaultCustomer], with its gateways and
// clock, and with a quota that is never reached. Options may override all of them;
// [qimen.Client.ForCustomer] returns a client for another customer.
func (s *Server) Client(opts ...qimen.Option) (*qimen.Client, error) {
	if s.URL == "" {
		return nil, errors.New("qimentest: Client: the server does not listen")
	}
	all := []qimen.Option{
		qimen.WithClock(s.Now),
		qimen.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Second}),
		qimen.WithHTTPClient(&http.Client{Transport: s.host.Transport}),
	}
	return qimen.New(s.Config(), append(all, opts...)...)
}

// RequestRecord is one call that was answered. It holds no secret, signature or
// body.
type RequestRecord struct {
	Time      time.Time // server's, of arrival
	Method    string
	Customer  string // routing parameter; "" for the old jst.* methods
	Flag      string // answered: success or failure; "" where no answer was made
	Code      string // answered
	Status    int    // HTTP status answered, 0 when the connection was cut
	Forwarded bool   // a receiver was asked
	Fault     FaultKind
}

// Requests returns the calls so far, oldest first. At least the last 9,000 are kept.
func (s *Server) Requests() []RequestRecord { return s.log.All() }

func (s *Server) nextRequestID() string { return fmt.Sprintf("qmfake%06d", s.requestNo.Add(1)) }

// Format prints the server without its secrets, for every verb.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "qimentest.Server{%s}", s.URL) }

// LogValue is the server for slog.
func (s *Server) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
