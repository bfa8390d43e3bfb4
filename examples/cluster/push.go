package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// pushPath is where pushes arrive: its last part is the kind, see dianjia.URLBuilder.
const pushPath = "/dex/jushuitan/"

// pushStream is the name of the pushes in the sink.
const pushStream = "pushes"

// pushes receives and processes pushes until ctx ends. A push is acknowledged when it is in
// the inbox; any process that is free processes it.
func (w *worker) pushes(ctx context.Context) error {
	inbox, err := w.inbox()
	if err != nil {
		return err
	}
	var working sync.WaitGroup
	defer working.Wait()
	if w.listen != "" {
		stop, err := w.receive(ctx, inbox)
		if err != nil {
			return err
		}
		defer stop()
	}
	working.Go(func() { _ = inbox.Run(ctx, w.concurrency, w.push) }) // until ctx ends
	<-ctx.Done()
	return nil
}

func (w *worker) inbox() (*redisstate.Inbox, error) {
	return w.state.Inbox(redisstate.InboxConfig{
		Ordered: true, Visibility: w.lease,
		OnError: func(_ context.Context, m redisstate.Message, err error) {
			if errors.Is(err, redisstate.ErrDeadExpired) {
				w.log.Error("pushes that nobody repaired were deleted / 死信已过保留期被删除", "error", err)
				return
			}
			if m.ID == "" {
				w.log.Warn("pushes paused: Redis is not available / 推送处理暂停，Redis 不可用", "error", err)
				return
			}
			w.log.Warn("push failed", "merchant", m.EntID, "stream", pushStream, "id", m.ID, "attempt", m.Attempt, "error", err)
		},
	})
}

// push processes a push. It may be repeated if its worker died before it recorded that it
// was done, or its receiver before it answered: the sink recognises it by its id. A real
// host calls redisstate.Handlers here, with a function for each kind, and records the id in
// the transaction of its work.
func (w *worker) push(ctx context.Context, m redisstate.Message) error {
	return w.sink.put(ctx, m.EntID, pushStream, 0, []row{{id: m.ID, version: 1}})
}

// receive serves the URLs that are registered in Jushuitan, in each process with -listen.
func (w *worker) receive(ctx context.Context, inbox *redisstate.Inbox) (stop func(), err error) {
	receiver, err := callback.New(callback.Config{
		Shipment: inbox.Shipment, Cancel: inbox.Cancel, GoodsReturned: inbox.GoodsReturned, Stock: inbox.Stock,
		Secrets: []string{w.pushSecret}, Deduper: w.state.Deduper(), ClaimTTL: w.lease,
		OnError: func(_ context.Context, env callback.Envelope, err error) {
			w.log.Warn("push refused", "merchant", env.EntID, "stream", pushStream, "error", err)
		},
	})
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", w.listen)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(pushPath, receiver)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("stopped receiving pushes", "error", err)
		}
	})
	w.log.Info("listening", "address", l.Addr().String())
	return func() {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		if server.Shutdown(ctx) != nil { // requests in progress are answered first
			_ = server.Close()
		}
		serving.Wait()
	}, nil
}
