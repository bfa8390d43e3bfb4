// Command sandbox serves the fake Jushuitan and a fake Qimen (奇门) gateway on a TCP
// port, with the data of a small merchant, so that programs in any language can be
// tested against them:
//
//	go run ./examples/sandbox                          on a free port of this machine
//	go run ./examples/sandbox -addr :8080 -remote      for a trusted network
//	go run ./examples/sandbox -dialect text-numbers    answering in another way
//
// The first line it prints is a JSON object with the addresses and keys. With
// -qimen-receiver, calls of Qimen's standard and POS methods are forwarded to that URL,
// signed with the same app's secret; without it they are refused. With -dialect name,... the
// fake answers in other ways that public sources show or that are guesses, see
// jushuitantest.Dialects and Guesses; -dialect list prints them. A page at /_sandbox/
// lets you play the ERP's staff (运营台): pay, audit, ship, cancel and so on, also by HTTP,
// see package console. It only accepts connections from this machine unless -remote is
// set. It exits on an interrupt. The state is in memory.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest/console"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

//go:embed main.go
var source string

func main() { command().Main() }

func command() cli.Command {
	var s settings
	return cli.Command{
		Name: "sandbox", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&s.addr, "addr", "127.0.0.1:0", "address to listen on")
			fs.BoolVar(&s.remote, "remote", false, "allow other machines to use the operator's page, which has no password")
			fs.StringVar(&s.receiver, "qimen-receiver", "", "URL that receives the standard and POS methods (奇门回传地址)")
			fs.StringVar(&s.dialects, "dialect", "", "names of dialects in which the fake answers, separated by commas (应答方言); list prints them")
		},
		Run: func(ctx context.Context, out io.Writer) error {
			if s.dialects == "list" {
				for _, d := range append(jushuitantest.Dialects(), jushuitantest.Guesses()...) {
					fmt.Fprintf(out, "%-22s %s / %s (%s)\n", d.Name, d.EN, d.ZH, d.Source)
				}
				return nil
			}
			return run(ctx, out, s)
		},
	}
}

// access says how to reach the open API. These keys are valid for the sandbox only, which
// is why they are printed.
type access struct {
	URL         string `json:"url"`
	AppKey      string `json:"app_key"`
	AppSecret   string `json:"app_secret"`
	AccessToken string `json:"access_token"`
}

// qimenAccess says how to reach the gateway. Every method is called at the same URL.
type qimenAccess struct {
	URL          string `json:"url"`
	AppKey       string `json:"app_key"`
	AppSecret    string `json:"app_secret"`
	TargetAppKey string `json:"target_app_key"`
	CustomerID   string `json:"customer_id"`
}

// hello is the first line of output.
type hello struct {
	Jushuitan access      `json:"jushuitan"`
	Qimen     qimenAccess `json:"qimen"`
}

type settings struct {
	addr     string
	remote   bool   // other machines may use the operator's page
	receiver string // Qimen receiver; "": none
	dialects string // names, separated by commas
}

func run(ctx context.Context, out io.Writer, s settings) error {
	var gateway *qimentest.Server
	var gatewayErr error
	srv, err := jushuitantest.Start(ctx, s.addr, jushuitantest.WithMiddleware(func(erp *jushuitantest.Server, api http.Handler) http.Handler {
		gateway, gatewayErr = qimentest.New(qimentest.WithERP(erp))
		both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if gatewayErr == nil && strings.HasPrefix(r.URL.Path, "/router/") {
				gateway.ServeHTTP(w, r)
				return
			}
			api.ServeHTTP(w, r)
		})
		return console.Middleware(console.Config{AllowRemote: s.remote})(erp, both) // its log shows both services
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
			return cli.Usagef("-qimen-receiver: %w", err)
		}
	}
	if err := demo.Furnish(srv); err != nil {
		return err
	}
	if s.dialects != "" {
		dialects, err := jushuitantest.DialectsNamed(strings.Split(s.dialects, ",")...)
		if err != nil {
			return cli.Usagef("-dialect: %w", err)
		}
		srv.Speak("", dialects...)
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
	fmt.Fprintf(out, "The sandbox runs at %s; stop it with Ctrl-C. / 沙箱已启动，按 Ctrl-C 结束。\n", srv.URL)
	fmt.Fprintf(out, "Play the ERP's staff at / 运营台: %s%s\n", srv.URL, console.Root)
	<-ctx.Done()
	return nil
}
