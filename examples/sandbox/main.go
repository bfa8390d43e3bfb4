// Command sandbox serves the fake Jushuitan on a TCP port, furnished with a small
// merchant, so that a program in any language can be tried against it:
//
//	go run ./examples/sandbox -addr 127.0.0.1:0
//
// The first line it prints is one JSON object with the addresses and keys. Under
// /_sandbox/ a page lets you play the ERP's staff (运营台): pay, audit, ship, cancel
// and so on; the same by HTTP, see package console. It answers this machine only
// unless -remote is given. It ends on an interrupt. The state is in memory.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	remote := flag.Bool("remote", false, "let other machines use the operator's page, which has no password")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr, *remote, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// access is how to reach one of the services. These keys open nothing but the
// sandbox, which is why they are printed.
type access struct {
	URL         string `json:"url"`
	AppKey      string `json:"app_key"`
	AppSecret   string `json:"app_secret"`
	AccessToken string `json:"access_token"`
}

func run(ctx context.Context, addr string, remote bool, out io.Writer) error {
	srv, err := jushuitantest.Start(ctx, addr, jushuitantest.WithFront(console.Front(console.Config{AllowRemote: remote})))
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := demo.Furnish(srv); err != nil {
		return err
	}
	cred := srv.Credentials()
	hello := struct {
		Jushuitan access  `json:"jushuitan"`
		Qimen     *access `json:"qimen"` // null: this sandbox has no Qimen gateway
	}{Jushuitan: access{URL: srv.URL, AppKey: cred.AppKey, AppSecret: cred.AppSecret, AccessToken: srv.AccessToken("")}}
	if err := json.NewEncoder(out).Encode(hello); err != nil {
		return err
	}
	fmt.Fprintf(out, "The sandbox runs at %s until it is interrupted. / 沙箱已启动，按 Ctrl-C 结束。\n", srv.URL)
	fmt.Fprintf(out, "Play the ERP's staff at / 运营台: %s%s\n", srv.URL, console.Root)
	<-ctx.Done()
	return nil
}
