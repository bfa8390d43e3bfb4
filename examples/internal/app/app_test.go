package app_test

import (
	"bytes"
	"context"
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func none(string) string { return "" }

func TestStart(t *testing.T) {
	shops := func(ctx context.Context, a *app.App) error {
		for shop, err := range a.Client.Shops.All(ctx, &jushuitan.ShopQuery{}) {
			if err != nil {
				return err
			}
			a.Printf("%s\n", shop.ShopName)
		}
		return nil
	}
	t.Run("fake", func(t *testing.T) {
		var out bytes.Buffer
		word := ""
		p := app.Program{Name: "x", Flags: func(fs *flag.FlagSet) { fs.StringVar(&word, "word", "", "a word") }, Run: shops,
			Furnish: func(s *jushuitantest.Server) error {
				return s.AddShop(jushuitan.Shop{ShopID: 9, ShopName: "另一店"})
			}}
		require.NoError(t, p.Start(t.Context(), []string{"-word", "w"}, none, &out))
		assert.Contains(t, out.String(), "另一店")
		assert.Equal(t, "w", word)
	})
	t.Run("real", func(t *testing.T) {
		srv := jushuitantest.NewServer()
		defer srv.Close()
		require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: 9, ShopName: "真店"}))
		cred := srv.Credentials()
		env := func(name string) string { return map[string]string{app.EnvAppSecret: cred.AppSecret}[name] }
		var out bytes.Buffer
		p := app.Program{Name: "x", Run: func(ctx context.Context, a *app.App) error {
			assert.True(t, a.Real())
			return shops(ctx, a)
		}}
		args := []string{"-app-key", cred.AppKey, "-base-url", srv.URL, "-token-file", t.TempDir() + "/tokens"}
		require.NoError(t, p.Start(t.Context(), args, env, &out))
		assert.Equal(t, "真店\n", out.String())
		require.ErrorContains(t, p.Start(t.Context(), args, none, &out), app.EnvAppSecret)
	})
	t.Run("dry run", func(t *testing.T) {
		var out bytes.Buffer
		p := app.Program{Name: "x", Run: func(ctx context.Context, a *app.App) error {
			return a.Client.Orders.AssignWarehouse(ctx, []jushuitan.OrderAssignWarehouseRequest{{OID: 1, WMSCoID: 2}})
		}}
		require.NoError(t, p.Start(t.Context(), []string{"-dry-run"}, none, &out))
		assert.Contains(t, out.String(), "dry run: Orders.AssignWarehouse")
	})
	t.Run("for machines", func(t *testing.T) {
		var out bytes.Buffer
		p := app.Program{Name: "x", Run: func(context.Context, *app.App) error { return cli.Usagef("-%s and -%s", "a", "b") }}
		p.Flags = func(fs *flag.FlagSet) { fs.Bool("patch", false, "") }
		err := p.Start(t.Context(), []string{"-patch"}, none, &out)
		require.EqualError(t, err, "-a and -b")
		assert.Empty(t, out.String())
	})
	for _, args := range [][]string{{"-no-such"}, {"word"}, {"-base-url", "http://127.0.0.1:1"}} {
		require.Error(t, app.Program{Name: "x", Run: shops}.Start(t.Context(), args, none, &bytes.Buffer{}))
	}
	require.ErrorIs(t, app.Program{Name: "x", Run: shops}.Start(t.Context(), []string{"-h"}, none, &bytes.Buffer{}), flag.ErrHelp)
}
