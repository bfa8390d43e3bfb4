package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	callbackPath  = "/dex/jushuitan/"
	authorizePath = "/jushuitan/authorized"
	grace         = 10 * time.Second // for pushes in progress when the server stops
)

// config is what the server needs.
type config struct {
	out     io.Writer
	secrets []string
	journal callback.Journal
	deduper jushuitan.Deduper // nil: handled pushes are remembered in memory
	client  *jushuitan.Client // nil: authorisation redirects are not accepted
	now     func() time.Time  // nil is time.Now
}

// server receives pushes. This is the file to copy; where it prints, a real host does its
// work.
type server struct {
	receiver  *callback.Receiver
	authorize *callback.AuthorizeHandler

	mu               sync.Mutex
	out              io.Writer
	handled, refused atomic.Int64
}

func newServer(cfg config) (*server, error) {
	s := &server{out: cfg.out}
	var err error
	s.receiver, err = callback.New(callback.WithJournal(callback.Config{
		Shipment: s.shipment, Cancel: s.cancel, GoodsReturned: s.goodsReturned, Stock: s.stock,
		Secrets:        cfg.secrets,
		DropStaleStock: true,
		// A host with several processes passes a Deduper over its database here.
		Deduper: cfg.deduper,
		Now:     cfg.now,
		OnResult: func(_ context.Context, env callback.Envelope, res callback.Result) {
			switch res.Outcome {
			case callback.Repeat:
				s.printf("duplicate 重复推送: acknowledged, not handled again\n")
			case callback.Stale:
				s.printf("stale 过期推送 entId=%s storageCode=%s: acknowledged, not handled\n", env.EntID, env.StorageCode)
			default: // printed elsewhere
			}
		},
		OnError: func(_ context.Context, env callback.Envelope, err error) {
			s.refused.Add(1)
			s.printf("refused 拒绝 entId=%s storageCode=%s: %v\n", env.EntID, env.StorageCode, err)
		},
	}, cfg.journal))
	if err != nil || cfg.client == nil {
		return s, err
	}
	s.authorize, err = callback.NewAuthorizeHandler(cfg.client, callback.AuthorizeConfig{
		StateSecrets: cfg.secrets,
		Now:          cfg.now,
		OnGranted: func(_ context.Context, entID string, tok jushuitan.Token) {
			s.printf("authorised 授权成功 entId=%s: %v\n", entID, tok) // the token prints masked
		},
		OnError: func(_ context.Context, entID string, err error) {
			s.refused.Add(1)
			s.printf("refused 拒绝 entId=%s: %v\n", entID, err)
		},
	})
	return s, err
}

// handler returns the four push handlers, the authorisation redirect and the health check.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(callbackPath, s.receiver)
	if s.authorize != nil {
		mux.Handle("GET "+authorizePath, s.authorize)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":true,"handled":%d,"refused":%d}`+"\n", s.handled.Load(), s.refused.Load())
	})
	return mux
}

// serve answers until the context ends, and then finishes what is in progress.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	web := &http.Server{ // the receiver limits the bodies itself: 4 MiB, 30 s
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 40 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout:   40*time.Second + 2*jushuitan.DefaultClaimTTL, // a push is read, and handled within its claim
		MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	select {
	case err := <-served:
		return err // the server failed
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := web.Shutdown(last)
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	s.printf("stopped: %d pushes handled, %d refused / 已停止\n", s.handled.Load(), s.refused.Load())
	if err != nil {
		err = fmt.Errorf("pushes were still being handled after %v and are not acknowledged; reconcile them: %w", grace, errors.Join(err, web.Close()))
	}
	return err
}

// printf prints a line without interleaving it with others.
func (s *server) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

func (s *server) took(env callback.Envelope, title, format string, args ...any) error {
	s.handled.Add(1)
	s.printf("push %s %s entId=%s storageCode=%s: %s\n", env.Method, title, env.EntID, env.StorageCode, fmt.Sprintf(format, args...))
	return nil // acknowledged from here on
}

func (s *server) shipment(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
	var lines []string
	for _, it := range p.Items {
		lines = append(lines, fmt.Sprintf("%s x%s", it.SKUID, it.Qty))
	}
	return s.took(env, "物流同步", "%s by %s %s: %s", p.SoID, p.LogisticsCompany, p.LID, strings.Join(lines, ", "))
}

func (s *server) cancel(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
	// Before a refund a host queries the ERP (Orders.Query): the push does not prove its
	// origin.
	return s.took(env, "取消订单", "%s", p.SoID)
}

func (s *server) goodsReturned(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
	var lines []string
	for _, it := range p.Items {
		lines = append(lines, fmt.Sprintf("%s x%s", it.SKUID, it.Qty))
	}
	return s.took(env, "售后收货", "%s %s %s: %s", p.OuterASID, p.Action, p.SoID, strings.Join(lines, ", "))
}

func (s *server) stock(_ context.Context, env callback.Envelope, p *jushuitan.StockPush) error {
	var lines []string
	for _, row := range p.Rows {
		lines = append(lines, row.SKUID+"="+row.Qty.String())
	}
	return s.took(env, "库存同步", "%d rows: %s", len(p.Rows), strings.Join(lines, " "))
}
