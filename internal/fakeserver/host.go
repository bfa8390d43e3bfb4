// Package fakeserver is shared by the fake servers of this module: the listener and its
// shutdown, the clock, pending faults, the bounded log, and the ways in which an exchange
// can end. Each fake defines its kinds of faults, the requests they match and its answers.
package fakeserver

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Host runs a fake: it listens, tracks what is in progress, and waits for it at the end.
type Host struct {
	// Transport is for the requests that the fake sends and for the clients that it
	// creates. It uses no proxy and ends with the host.
	Transport *http.Transport

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	once   sync.Once
	closed chan struct{} // closed when Close is done

	listener net.Listener
	http     *http.Server
	conns    sync.WaitGroup // open connections
	served   chan struct{}  // closed when nothing is accepted any more

	mu      sync.Mutex
	unhook  func() bool
	closing bool
	work    sync.WaitGroup // started by Enter and Go
}

// NewHost returns a host that does not listen yet.
func NewHost() *Host {
	h := &Host{closed: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.Transport = http.DefaultTransport.(*http.Transport).Clone()
	h.Transport.Proxy = nil
	h.Transport.MaxIdleConnsPerHost = 16
	return h
}

// Listen opens addr, such as "127.0.0.1:8080"; port 0 selects a free one. It returns the
// base URL, where callers wait until [Host.Serve] is called.
func (h *Host) Listen(ctx context.Context, addr string) (url string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	var lc net.ListenConfig
	if h.listener, err = lc.Listen(ctx, "tcp", addr); err != nil {
		return "", err
	}
	return "http://" + Dialable(h.listener.Addr()), nil
}

// Dialable returns an address at which a listener can be reached from this machine: one that
// accepts connections on all addresses is reached at the loopback address.
func Dialable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// Serve starts answering on the listener of Listen. When ctx ends, it calls end, which must
// close the host.
func (h *Host) Serve(ctx context.Context, handler http.Handler, end func()) {
	h.http = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ConnState: h.connState}
	h.served = make(chan struct{})
	go func() {
		defer close(h.served)
		_ = h.http.Serve(h.listener)
	}()
	stop := context.AfterFunc(ctx, end)
	h.mu.Lock()
	h.unhook = stop
	h.mu.Unlock()
}

// connState counts connections, so that Close can wait for them. A hijacked one is closed
// by its new owner.
func (h *Host) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		h.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		h.conns.Done()
	}
}

// Context returns a context that ends when [Host.Close] begins.
func (h *Host) Context() context.Context { return h.ctx }

// Enter begins something that Close waits for, and reports false if the host is closing.
// Call Leave at its end.
func (h *Host) Enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.work.Add(1)
	return true
}

// Leave ends what Enter began.
func (h *Host) Leave() { h.work.Done() }

// Go runs f in a goroutine that Close waits for. It may be called between Enter and Leave
// only.
func (h *Host) Go(f func()) { h.work.Go(f) }

// Wait waits for d of real time. It reports false if ctx or the host ended first.
func (h *Host) Wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-h.ctx.Done():
	}
	return false
}

// Close aborts everything in progress and returns when it has ended.
func (h *Host) Close() {
	h.once.Do(func() {
		h.mu.Lock()
		h.closing = true
		unhook := h.unhook
		h.mu.Unlock()
		if unhook != nil {
			unhook()
		}
		h.cancel()
		h.work.Wait()
		if h.http != nil {
			_ = h.http.Close()
			<-h.served
			h.conns.Wait()
		}
		h.Transport.CloseIdleConnections()
		close(h.closed)
	})
	<-h.closed
}
