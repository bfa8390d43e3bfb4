// Command receive-callbacks is an HTTP server for what Jushuitan pushes (消息推送): 物流同步
// shipment, 取消订单 cancel, 售后收货 goods returned, 库存同步 stock, and for the redirect
// that follows an authorisation 授权.
//
//	go run ./examples/receive-callbacks
//
// shows all of it against a fake Jushuitan. As a server:
//
//	go run ./examples/receive-callbacks -new-secret             # once
//	export JUSHUITAN_PUSH_SECRET=...
//	go run ./examples/receive-callbacks -listen 127.0.0.1:8081 -public-url https://shop.example.com
//
// It prints a line for each push. The registered URLs contain tokens, which do not belong
// in logs: -new-secret and -show-urls print them, as does a run without a secret, whose
// URLs are valid only for that run. Beside the sandbox (examples/sandbox) it registers them
// by itself with -sandbox http://127.0.0.1:8080; ship an order on the sandbox's page, and
// the push appears here.
//
// Handled pushes are remembered in memory, unless -seen names a file: then a push that is
// repeated after a restart is acknowledged without being handled again. -journal names a
// file that records what was handled, for the program reconcile. After a crash between the
// two, a push is handled again, so the work of a host must be idempotent.
//
// Serve over TLS if others can reach it (behind a proxy), and keep query strings out of the
// proxy's access logs too. On an interrupt or SIGTERM it accepts no more pushes and
// finishes those in progress.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

// options are the program's own flags.
type options struct {
	listen, publicURL, secretEnv, journal, seen, sandbox string
	shop, warehouse                                      int64
	newSecret, showURLs                                  bool
}

func program() app.Program {
	var o options
	return app.Program{
		Name: "receive-callbacks", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&o.listen, "listen", "", "listen address such as 127.0.0.1:8081, to serve until interrupted; without it the demonstration runs")
			fs.StringVar(&o.publicURL, "public-url", "", "public base URL of this server, for the URLs to register; by default http:// and the listen address")
			fs.StringVar(&o.secretEnv, "secret-env", "JUSHUITAN_PUSH_SECRET", "environment variable with the secrets of the URLs' tokens, comma-separated, the current one first")
			fs.StringVar(&o.journal, "journal", "", "journal file of handled pushes, for reconcile; by default in memory")
			fs.StringVar(&o.seen, "seen", "", "file of handled pushes, so that duplicates are recognized after a restart; by default in memory")
			fs.StringVar(&o.sandbox, "sandbox", "", "URL of a sandbox in which to register the four URLs")
			fs.Int64Var(&o.shop, "storage-code", demo.MallShop, "storageCode of the URLs: the shop_id 店铺编号 of the self-owned mall")
			fs.Int64Var(&o.warehouse, "warehouse", demo.MainWarehouse, "storageCode of the stock URL: the wms_co_id 仓库编号 whose stock is pushed")
			fs.BoolVar(&o.showURLs, "show-urls", false, "print the URLs to register, with their tokens, at start")
			fs.BoolVar(&o.newSecret, "new-secret", false, "create a secret, print it with the URLs to register, and exit")
		},
		// The demonstration authorises the app, which service providers' apps need.
		Options: []jushuitantest.Option{jushuitantest.WithApp(jushuitan.Credentials{AppKey: "demo-isv", AppSecret: rand.Text(), Type: jushuitan.ServiceProvider})},
		Run: func(ctx context.Context, a *app.App) error {
			switch {
			case o.newSecret:
				return newSecret(a, o)
			case o.listen != "":
				return listen(ctx, a, o)
			}
			return demonstrate(ctx, a)
		},
	}
}

// newSecret prints a secret and the URLs derived from it.
func newSecret(a *app.App, o options) error {
	secret := rand.Text()
	a.Printf("# Set this in the server's environment only. / 仅配置在接收服务的环境变量中\nexport %s=%s\n\n", o.secretEnv, secret)
	urls := dianjia.URLBuilder{BaseURL: base(cmp.Or(o.publicURL, "https://your-host.example.com")), Secret: secret}
	return urls.WriteSettings(a.Out, settings(a, o))
}

func base(public string) string { return strings.TrimRight(public, "/") + callbackPath }

func settings(a *app.App, o options) dianjia.ShopSettings {
	return dianjia.ShopSettings{
		EntID: cmp.Or(a.Client.Merchant(), demo.Merchant), ShopID: o.shop, WMSCoID: o.warehouse,
	}
}

// listen serves until the context ends.
func listen(ctx context.Context, a *app.App, o options) error {
	secrets := strings.FieldsFunc(os.Getenv(o.secretEnv), func(r rune) bool { return r == ',' })
	if len(secrets) == 0 {
		secrets = []string{rand.Text()}
		o.showURLs = o.showURLs || o.sandbox == "" // they are not shown anywhere else
		a.Printf("There is no secret in %s: the URLs below are valid until this program exits. Create one with -new-secret. / 未设置密钥，以下地址仅本次运行有效，请用 -new-secret 生成。\n", o.secretEnv)
	}
	var journal callback.Journal = callback.NewMemoryJournal(0, time.Now())
	if o.journal != "" {
		file, err := flows.OpenJournal(o.journal, time.Now())
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // each record was synced
		journal = file
	}
	var deduper jushuitan.Deduper = jushuitan.NewMemoryDeduper(0)
	if o.seen != "" {
		file, err := openSeen(o.seen)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // each commit was synced
		deduper = file
	}
	cfg := config{out: a.Out, secrets: secrets, journal: journal, deduper: deduper}
	if a.Real() {
		cfg.client = a.Client
	} else {
		a.Printf("Without -app-key only pushes are received, not authorisations. / 未指定 -app-key，仅接收推送，不处理授权回调。\n")
	}
	s, err := newServer(cfg)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	public := cmp.Or(o.publicURL, "http://"+fakeserver.Dialable(l.Addr()))
	urls := dianjia.URLBuilder{BaseURL: base(public), Secret: secrets[0]}
	s.printf("receiving at %s, health at %s/healthz, stop with Ctrl-C / 接收地址，按 Ctrl-C 结束\n\n", public, public)
	text, err := urls.SettingsText(settings(a, o))
	if err != nil {
		return closing(l, err)
	}
	if !o.showURLs {
		text = tokens.ReplaceAllString(text, "${1}***") + "\nThe tokens are hidden, since output ends up in logs; -show-urls shows them. / 令牌已隐藏，以免进入日志；-show-urls 显示完整地址。\n"
	}
	s.printf("%s", text)
	if o.sandbox != "" {
		if err := registerInSandbox(ctx, o.sandbox, urls, settings(a, o)); err != nil {
			return closing(l, err)
		}
		s.printf("\nregistered in the sandbox / 已在沙箱中登记: %s\n", o.sandbox)
	}
	s.printf("\n")
	return s.serve(ctx, l)
}

var tokens = regexp.MustCompile(`([?&](?:jstT|t)oken=)[^&\s]+`)

func closing(l net.Listener, err error) error {
	_ = l.Close()
	return err
}

// registerInSandbox enters the URLs with the sandbox's operator API.
func registerInSandbox(ctx context.Context, sandbox string, urls dianjia.URLBuilder, s dianjia.ShopSettings) error {
	all, err := urls.URLs(s)
	if err != nil {
		return err
	}
	for kind, address := range all {
		body, err := json.Marshal(map[string]any{"shop_id": s.ShopID, "method": kind, "url": address})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(sandbox, "/")+"/_sandbox/push-addresses", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("register %s in the sandbox: %w", kind, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("register %s in the sandbox: HTTP %d", kind, resp.StatusCode)
		}
	}
	return nil
}
