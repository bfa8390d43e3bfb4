// Command sandbox serves the fake Jushuitan and a fake Qimen (奇门) gateway on a TCP
// port, furnished with a small merchant, so that a program in any language can be
// tried against them:
//
//	go run ./examples/sandbox -addr 127.0.0.1:0
//
// The first line it prints is one JSON object with the addresses and keys. With
// -qimen-receiver the standard and POS methods of Qimen that are called go to that
// URL, signed with the same app's secret; without it they are refused. Under
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
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	remote := flag.Bool("remote", false, "let other machines use the operator's page, which has no password")
	receiver := flag.String("qimen-receiver", "", "URL that receives the standard and POS methods (奇门回传地址)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, settings{addr: *addr, remote: *remote, receiver: *receiver})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// access is how to reach the open API. These keys open nothing but the sandbox,
// which is why they are printed.
type access struct {
	URL         string `json:"url"`
	AppKey      string `json:"app_key"`
	AppSecret   string `json:"app_secret"`
	AccessToken string `json:"access_token"`
}

// qimenAccess is how to reach the gateway. Every method is called at the same URL.
type qimenAccess struct {
	URL          string `json:"url"`
	AppKey       string `json:"app_key"`
	AppSecret    string `json:"app_secret"`
	TargetAppKey string `json:"target_app_key"`
	CustomerID   string `json:"customer_id"`
}

// hello is the first line.
type hello struct {
	Jushuitan access      `json:"jushuitan"`
	Qimen     qimenAccess `json:"qimen"`
}

type settings struct {
	addr     string
	remote   bool   // other machines may use the operator's page
	receiver string // of Qimen; "": none
}

func run(ctx context.Context, out io.Writer, s settings) error {
	var gateway *qimentest.Server
	var gatewayErr error
	srv, err := jushuitantest.Start(ctx, s.addr, jushuitantest.WithFront(func(erp *jushuitantest.Server, api http.Handler) http.Handler {
		gateway, gatewayErr = qimentest.New(qimentest.WithERP(erp))
		both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if gatewayErr == nil && strings.HasPrefix(r.URL.Path, "/router/") {
				gateway.ServeHTTP(w, r)
				return
			}
			api.ServeHTTP(w, r)
		})
		return console.Front(console.Config{AllowRemote: s.remote})(erp, both) // its log shows both
	}))
	if err != nil {
		return err
	}
	defer srv.Close()
	if gatewayErr != nil {
		return gatewayErr
	}
	defer gateway.Close()
	if s.receiver != "" {
		if err := gateway.Register(qimentest.DefaultCustomer, qimentest.Receiver{URL: s.receiver}); err != nil {
			return fmt.Errorf("-qimen-receiver: %w", err)
		}
	}
	if err := demo.Furnish(srv); err != nil {
		return err
	}
	cred, qm := srv.Credentials(), gateway.Config()
	first := hello{
		Jushuitan: access{URL: srv.URL, AppKey: cred.AppKey, AppSecret: cred.AppSecret, AccessToken: srv.AccessToken("")},
		Qimen: qimenAccess{
			URL: srv.URL + "/router/qm", AppKey: qm.AppKey, AppSecret: qm.AppSecret, TargetAppKey: qm.TargetAppKey, CustomerID: qm.CustomerID,
		},
	}
	if err := json.NewEncoder(out).Encode(first); err != nil {
		return err
	}
	fmt.Fprintf(out, "The sandbox runs at %s until it is interrupted. / 沙箱已启动，按 Ctrl-C 结束。\n", srv.URL)
	fmt.Fprintf(out, "Play the ERP's staff at / 运营台: %s%s\n", srv.URL, console.Root)
	<-ctx.Done()
	return nil
}
