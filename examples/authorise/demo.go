package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// play plays the merchant against the fake.
func (s *settings) play(ctx context.Context, a *app.App) (err error) {
	dir, err := os.MkdirTemp("", "authorise")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := playProvider(ctx, a, s.listen, filepath.Join(dir, "tokens.json")); err != nil {
		return err
	}
	return playSelfBuilt(ctx, a)
}

// playProvider shows a service provider's app from the authorisation to the day when the
// token has expired.
//
//nolint:gocyclo,funlen // a script, read from top to bottom; nearly all its branches are errors
func playProvider(ctx context.Context, a *app.App, listen, file string) error {
	a.Printf("== Service provider's app 服务商应用\n")
	// connect runs at each start of the host. All processes share the store.
	connect := func() (*jushuitan.Client, error) {
		store, err := jushuitan.NewFileTokenStore(file)
		if err != nil {
			return nil, err
		}
		return a.Fake.Client(jushuitan.WithTokenStore(store),
			jushuitan.WithOnReauthorize(func(_ context.Context, merchant string, reason error) {
				// A host writes to the merchant, or shows it on its page. The function is
				// called once.
				a.Printf("hook: ask merchant %q to authorise again 通知商家重新授权: %v\n", merchant, reason)
			}))
	}
	client, err := connect()
	if err != nil {
		return err
	}
	r, err := receive(ctx, client, listen, a.Fake.Now)
	if err != nil {
		return err
	}
	defer r.close()

	a.Printf("-- 1. DianJia redirects the merchant to Jushuitan's page with a signed state, valid once and for 30 minutes. / 跳转授权页\n")
	page, err := url.Parse(r.handler.URL(demo.Merchant))
	if err != nil {
		return err
	}
	query := page.Query()
	a.Printf("%s://%s%s?%s\n", page.Scheme, page.Host, page.Path, strings.Join(slices.Sorted(maps.Keys(query)), "=…&")+"=…")

	a.Printf("-- 2. The merchant confirms; Jushuitan calls the registered address, and the code becomes a token. / 商家确认，回调换取令牌\n")
	redirect := a.Fake.Authorize(demo.Merchant, query.Get("state"))
	if err := r.bring(ctx, a, redirect); err != nil {
		return err
	}
	tok, err := r.granted(ctx, a)
	if err != nil {
		return err
	}
	if err := show(ctx, a, client.ForMerchant(demo.Merchant), tok); err != nil {
		return err
	}

	a.Printf("-- 3. Failure scene: the same redirect again, a forged one, and one for a merchant that did not ask. / 重放与伪造的回调\n")
	forged := maps.Clone(redirect)
	forged.Set("code", "0123456789abcdef")
	for _, q := range []url.Values{redirect, forged, a.Fake.Authorize(demo.Merchant, "10010")} {
		if err := r.bring(ctx, a, q); err != nil {
			return err
		}
	}

	a.Printf("-- 4. The host restarts: the token is in the store. / 重启后令牌仍在\n")
	if client, err = connect(); err != nil {
		return err
	}
	merchant := client.ForMerchant(demo.Merchant)
	if tok, err = merchant.Token(ctx); err != nil {
		return err
	}
	if err := show(ctx, a, merchant, tok); err != nil {
		return err
	}

	a.Printf("-- 5. Failure scene: 31 days later the token has expired and cannot be renewed. / 31 天后令牌过期\n")
	a.Fake.Advance(31 * 24 * time.Hour)
	for range 2 {
		_, err := merchant.Shops.Query(ctx, &jushuitan.ShopQuery{})
		if !errors.Is(err, jushuitan.ErrReauthorize) {
			return errors.Join(errors.New("an expired token was used"), err)
		}
		a.Printf("%v\n", err)
	}

	a.Printf("-- 6. The merchant authorises again. / 商家重新授权\n")
	if page, err = url.Parse(r.handler.URL(demo.Merchant)); err != nil {
		return err
	}
	if err := r.bring(ctx, a, a.Fake.Authorize(demo.Merchant, page.Query().Get("state"))); err != nil {
		return err
	}
	if tok, err = r.granted(ctx, a); err != nil {
		return err
	}
	return show(ctx, a, merchant, tok)
}

// bring plays Jushuitan's call of the registered address.
func (r *receiver) bring(ctx context.Context, a *app.App, query url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.address+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return err
	}
	a.Printf("redirect answered 回调应答: %d %s\n", resp.StatusCode, body)
	select {
	case text := <-r.refused:
		a.Printf("  %s\n", text)
	default:
	}
	return nil
}

// playSelfBuilt shows how a self-built app's token is kept alive.
func playSelfBuilt(ctx context.Context, a *app.App) error {
	a.Printf("\n== Self-built app 自研应用\n")
	fake, err := jushuitantest.Start(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer fake.Close()
	if err := demo.Furnish(fake); err != nil {
		return err
	}
	client, err := fake.Client()
	if err != nil {
		return err
	}
	// look makes a call and prints what went over the wire.
	asked := 0
	look := func() error {
		page, err := client.Shops.Query(ctx, &jushuitan.ShopQuery{})
		if err != nil {
			return err
		}
		tok, err := client.Token(ctx)
		if err != nil {
			return err
		}
		var calls []string
		for _, r := range fake.Requests()[asked:] {
			calls = append(calls, fmt.Sprintf("%s %d", path.Base(r.Path), r.Code))
		}
		asked = len(fake.Requests())
		a.Printf("%d shops; calls and their codes 调用: %s\n%s\n", len(page.Shops), strings.Join(calls, ", "), tok)
		return nil
	}

	a.Printf("-- 1. The first call gets a token. / 首次调用自动获取令牌\n")
	if err := look(); err != nil {
		return err
	}
	a.Printf("-- 2. 4 minutes before it expires the token is refreshed before the call, once for 20 concurrent calls. / 到期前自动刷新，并发时只刷新一次\n")
	fake.Advance(30*24*time.Hour - 4*time.Minute)
	var calls errgroup.Group
	for range 20 {
		calls.Go(func() error {
			_, err := client.Token(ctx)
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return err
	}
	if err := look(); err != nil {
		return err
	}
	a.Printf("-- 3. Failure scene: the token is revoked in between. The call is retried with a new one. / 令牌中途失效，自动刷新后重试\n")
	fake.ExpireTokens("")
	return look()
}
