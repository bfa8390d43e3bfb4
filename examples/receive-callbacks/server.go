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
	grace         = 10 * time.Second // for pushes that are being handled when the server ends
)

// config is what the server needs.
type config struct {
	out     io.Writer
	secrets []string
	journal callback.Journal
	deduper jushuitan.Deduper // nil: what was handled is remembered in memory
	client  *jushuitan.Client // nil: no authorisation redirects are taken
	now     func() time.Time  // nil is time.Now
}

// server receives pushes. This file is what to copy; where it prints, a host works.
type server struct {
	receiver  *callback.Receiver
	authorize *callback.Authorize

	mu               sync.Mutex
	out              io.Writer
	handled, refused atomic.Int64
}

func newServer(cfg config) (*server, error) {
	s := &server{out: cfg.out}
	if cfg.deduper == nil {
		cfg.deduper = jushuitan.NewMemoryDeduper(0)
	}
	var err error
	s.receiver, err = callback.New(callback.Journaled(callback.Config{
		Shipment: s.shipment, Cancel: s.cancel, GoodsReturned: s.goodsReturned, Stock: s.stock,
		Secrets:        cfg.secrets,
		DropStaleStock: true,
		// A host with several processes passes a Deduper over its database here.
		Deduper: &tellingDeduper{Deduper: cfg.deduper, repeat: func() {
			s.printf("repeat 重复推送: acknowledged, not handled again\n")
		}},
		Now: cfg.now,
		OnError: func(_ context.Context, env callback.Envelope, err error) {
			s.refused.Add(1)
			s.printf("refused 拒绝 entId=%s storageCode=%s: %v\n", env.EntID, env.StorageCode, err)
		},
	}, cfg.journal))
	if err != nil || cfg.client == nil {
		return s, err
	}
	s.authorize, err = callback.NewAuthorize(cfg.client, callback.AuthorizeConfig{
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

// handler has the four pushes, the authorisation redirect and the health check.
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

// serve answers until the context ends, and then finishes what is being handled.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	web := &http.Server{ // the receiver bounds the bodies by itself: 4 MiB, 30 s
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 40 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout:   40*time.Second + 2*jushuitan.DefaultClaimTTL, // a push is read, and handled within its claim
		MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	select {
	case err := <-served:
		return err // it could not go on
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
		err = fmt.Errorf("pushes were still being handled after %v and are not acknowledged, reconcile them: %w", grace, errors.Join(err, web.Close()))
	}
	return err
}

// printf prints a line whole, whoever else prints.
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
	// Before a refund a host asks the ERP (Orders.Query): the push is not signed.
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

// tellingDeduper tells of repeats.
type tellingDeduper struct {
	jushuitan.Deduper
	repeat func()
}

func (d *tellingDeduper) Claim(ctx context.Context, key, owner string, ttl time.Duration) (jushuitan.ClaimState, error) {
	state, err := d.Deduper.Claim(ctx, key, owner, ttl)
	if state == jushuitan.Committed {
		d.repeat()
	}
	return state, err
}
