package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
	"time"
)

// front stands for the load balancer in front of the processes that receive pushes.
type front struct {
	addr   string
	server *http.Server
	ended  chan struct{}

	mu    sync.Mutex
	hosts []string
	turn  int
}

func newFront(ctx context.Context) (*front, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{addr: l.Addr().String(), ended: make(chan struct{})}
	f.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", f.next()
		},
		ErrorLog: log.New(io.Discard, "", 0), // about processes that are gone
	}}
	go func() {
		defer close(f.ended)
		if err := f.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Print(err)
		}
	}()
	return f, nil
}

func (f *front) close() {
	_ = f.server.Close()
	<-f.ended
}

// next returns the process whose turn it is; without one the push fails, and is sent again.
func (f *front) next() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hosts) == 0 {
		return "127.0.0.1:0"
	}
	f.turn++
	return f.hosts[f.turn%len(f.hosts)]
}

func (f *front) add(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts = append(f.hosts, host)
}

func (f *front) remove(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts = slices.DeleteFunc(f.hosts, func(h string) bool { return h == host })
}
