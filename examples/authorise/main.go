// Command authorise lets a merchant authorise an app 授权, part 1 of the guide:
//
//	go run ./examples/authorise
//	go run ./examples/authorise -again
//	go run ./examples/authorise -onboarding -company 青禾服饰有限公司
//	go run ./examples/authorise -app-key KEY -service-provider -merchant 10010 -token-file tokens -listen :8080
//
// A service provider's app 服务商应用 sends the merchant to Jushuitan's page and
// receives the redirect that follows; its tokens cannot be renewed: the merchant must
// authorise again. A self-built app 自研应用 needs no page: it acquires and renews its
// token itself. Tokens are printed masked.
//
// -onboarding prints the texts that a merchant receives 接入资料, ready to copy: how to authorise,
// the warehouse and the shop to create, the application for the Qimen POS scene, and the rule of
// the order assignment strategy.
package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

type settings struct {
	listen string
	again  bool
	texts  bool // print the texts for the merchant, and nothing else
	guide  dianjia.Onboarding
	kept   func() bool // in a file
}

func program() app.Program {
	s := &settings{}
	return app.Program{
		Name: "authorise", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&s.listen, "listen", "127.0.0.1:0", "address to listen on for the redirect; the app's registered address 授权回调地址 must lead to it")
			fs.BoolVar(&s.again, "again", false, "authorise again even if the token is still valid")
			fs.BoolVar(&s.texts, "onboarding", false, "print the texts for the merchant 接入资料 in Chinese, and do nothing else")
			fs.StringVar(&s.guide.Company, "company", "", "with -onboarding: the merchant's company 公司名称")
			fs.StringVar(&s.guide.Warehouse, "store-warehouse", dianjia.WarehouseName, "with -onboarding: name of the warehouse that represents the stores")
			fs.StringVar(&s.guide.MallShop, "mall-shop", "", "with -onboarding: name of the self-owned mall shop 自有商城店铺")
			s.kept = func() bool { return fs.Lookup("token-file").Value.String() != "" }
		},
		Options: []jushuitantest.Option{jushuitantest.WithApp(jushuitan.Credentials{
			AppKey: "demoserviceprovider0000000000001", AppSecret: "demosecret0000000000000000000002", Type: jushuitan.ServiceProvider,
		})},
		Furnish: func(fake *jushuitantest.Server) error {
			// The merchant's company, which an authorisation grants access to.
			return fake.Company(demo.Merchant).AddShop(jushuitan.Shop{ShopID: demo.MallShop, ShopName: "青禾微商城"})
		},
		Run: func(ctx context.Context, a *app.App) error {
			if s.texts {
				a.Printf("%s", s.guide.Text())
				return nil
			}
			if a.Real() {
				return s.authorise(ctx, a)
			}
			return s.play(ctx, a)
		},
	}
}

// authorise lets the merchant of a real account authorise the app.
func (s *settings) authorise(ctx context.Context, a *app.App) error {
	if !s.again {
		tok, err := a.Client.Token(ctx)
		if err == nil { // self-built, or already authorised
			return show(ctx, a, a.Client, tok)
		}
		if !errors.Is(err, jushuitan.ErrReauthorize) {
			return err
		}
	}
	if a.Client.Merchant() == "" {
		return cli.Usagef("-merchant is required: the token is stored under it / 请用 -merchant 指定商家")
	}
	r, err := receive(ctx, a.Client, s.listen, nil)
	if err != nil {
		return err
	}
	defer r.close()
	a.Printf("Waiting for the redirect on %s. Open this page, sign in with the main account 主账号 and confirm:\n请用主账号登录以下页面并确认授权：\n%s\n",
		r.address, r.handler.URL(a.Client.Merchant()))
	tok, err := r.granted(ctx, a)
	if err != nil {
		return err
	}
	if !s.kept() {
		a.Printf("Without -token-file the token is lost when this program exits. / 未指定 -token-file，令牌不会保存\n")
	}
	return show(ctx, a, a.Client, tok)
}

// show prints the token, masked, and makes a call with it.
func show(ctx context.Context, a *app.App, client *jushuitan.Client, tok jushuitan.Token) error {
	a.Printf("Merchant 商家 %q is authorised 已授权: %s\n", client.Merchant(), tok)
	page, err := client.Shops.Query(ctx, &jushuitan.ShopQuery{})
	if err != nil {
		return err
	}
	a.Printf("It works 令牌可用: %d shops 店铺\n", len(page.Shops))
	return nil
}

// receiver is the host's side of the authorisation: one handler on one address. In
// production it is served behind the host's own HTTPS.
type receiver struct {
	handler *callback.AuthorizeHandler
	address string
	server  *http.Server
	ended   chan struct{}
	failed  error // the reason, once ended is closed
	tokens  chan jushuitan.Token
	refused chan string
}

// receive starts a receiver. now is the clock for the age of states, nil for the real one.
func receive(ctx context.Context, client *jushuitan.Client, listen string, now func() time.Time) (*receiver, error) {
	r := &receiver{ended: make(chan struct{}), tokens: make(chan jushuitan.Token, 1), refused: make(chan string, 8)}
	var err error
	r.handler, err = callback.NewAuthorizeHandler(client, callback.AuthorizeConfig{
		// A host keeps the secret in its configuration: a state is valid for half an hour,
		// and may return to another process.
		StateSecrets: []string{rand.Text()},
		Now:          now,
		OnGranted: func(ctx context.Context, _ string, tok jushuitan.Token) {
			select {
			case r.tokens <- tok:
			case <-ctx.Done():
			}
		},
		OnError: func(_ context.Context, entID string, err error) {
			select {
			case r.refused <- fmt.Sprintf("refused 已拒绝 (entId %q): %v", entID, err):
			default: // anyone may call: excess failures are not reported
			}
		},
	})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	r.address = "http://" + fakeserver.Dialable(listener.Addr()) + "/authorised"
	mux := http.NewServeMux()
	mux.Handle("/authorised", r.handler)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		r.failed = r.server.Serve(listener)
		close(r.ended)
	}()
	return r, nil
}

// granted waits for the merchant, and meanwhile reports redirects that were refused.
func (r *receiver) granted(ctx context.Context, a *app.App) (jushuitan.Token, error) {
	for {
		select {
		case tok := <-r.tokens:
			return tok, nil
		case text := <-r.refused:
			a.Printf("%s\n", text)
		case <-r.ended:
			return jushuitan.Token{}, r.failed
		case <-ctx.Done():
			return jushuitan.Token{}, fmt.Errorf("the merchant has not authorised / 商家尚未授权: %w", ctx.Err())
		}
	}
}

// close completes the requests in progress and stops the server.
func (r *receiver) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		_ = r.server.Close()
	}
	<-r.ended
}
