package jushuitan_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

const dialectShop, dialectWMS = int64(10200001), int64(10100001)

// shopWith returns a server that speaks a dialect, with orders and SKUs in stock, and a
// client with a clock of its own.
func shopWith(t *testing.T, n int, d []jushuitantest.Dialect, opts ...jushuitantest.Option) (*jushuitantest.Server, *jushuitan.Client) {
	t.Helper()
	srv := jushuitantest.NewServer(append(opts, jushuitantest.WithoutQuota(), jushuitantest.WithDialect(d...))...)
	t.Cleanup(srv.Close)
	require.NoError(t, srv.AddShop(jushuitan.Shop{ShopID: dialectShop, ShopSite: "头条放心购"}))
	require.NoError(t, srv.AddWarehouse(jushuitan.Warehouse{WMSCoID: dialectWMS, IsMain: true}))
	for i := range n {
		if i%4 == 0 { // several rows share a second
			srv.Advance(30 * time.Hour)
		}
		sku := "SKU-" + strconv.Itoa(i)
		require.NoError(t, srv.AddSKU(jushuitan.SKU{SKUID: sku, Name: "短袖"}))
		require.NoError(t, srv.SetStock(dialectWMS, sku, decimal.NewFromInt(int64(i))))
		_, err := srv.ImportOrder(jushuitan.OrderUpload{
			ShopID: dialectShop, SoID: "SO-" + strconv.Itoa(i), Items: []jushuitan.OrderUploadItem{{SKUID: sku, Qty: decimal.NewFromInt(1)}},
		})
		require.NoError(t, err)
	}
	c, err := srv.Client(
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Millisecond}), jushuitan.WithStreamOverlap(time.Second),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 6, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond}))
	require.NoError(t, err)
	return srv, c
}

// once reads rows to the end. wrong is a row that is missing or that came twice without an
// error.
func once[Row any](rows iter.Seq2[*Row, error], key func(*Row) string, want int) (wrong, err error) {
	got := map[string]int{}
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		if got[key(r)]++; got[key(r)] > 1 {
			return fmt.Errorf("row %s came twice", key(r)), nil
		}
	}
	if len(got) != want {
		return fmt.Errorf("%d rows of %d came, and no error", len(got), want), nil
	}
	return nil, nil
}

// TestIteratorsUnderDialects: All, Since and streams return every row once, or an error.
func TestIteratorsUnderDialects(t *testing.T) {
	const n = 23
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		srv, c := shopWith(t, n, []jushuitantest.Dialect{d})
		if d.Name == "late-rows" { // All and Since return what is visible, a stream waits
			srv.Advance(time.Minute)
		}
		ctx, from, to := t.Context(), srv.Now().AddDate(0, -1, 0), srv.Now().Add(time.Hour)
		order := func(o *jushuitan.Order) string { return strconv.FormatInt(o.OID, 10) }
		stock := func(r *jushuitan.InventoryRow) string { return r.SKUID }
		byTime := jushuitan.OrderQuery{ModifiedBegin: from, ModifiedEnd: to, PageSize: 5}
		for _, loop := range []struct {
			name string
			run  func() (wrong, err error)
		}{
			{"Orders.All", func() (wrong, err error) { return once(c.Orders.All(ctx, &byTime), order, n) }},
			{"Orders.Since", func() (wrong, err error) {
				return once(c.Orders.Since(ctx, 0, &jushuitan.OrderQuery{PageSize: 5}), order, n)
			}},
			{"SKUs.All", func() (wrong, err error) {
				return once(c.SKUs.All(ctx, &jushuitan.SKUQuery{ModifiedBegin: from, ModifiedEnd: to, PageSize: 4}), func(s *jushuitan.SKU) string { return s.SKUID }, n)
			}},
			{"Inventory.Since", func() (wrong, err error) {
				return once(c.Inventory.Since(ctx, 0, &jushuitan.InventoryQuery{WMSCoID: dialectWMS, PageSize: 7}), stock, n)
			}},
			{"Orders.Stream by version", func() (wrong, err error) {
				return once(c.Orders.Stream(&jushuitan.OrderQuery{PageSize: 5}, jushuitan.Checkpoint{}).Rows(ctx), order, n)
			}},
			{"Orders.Stream by time", func() (wrong, err error) {
				return once(c.Orders.Stream(&byTime, jushuitan.Checkpoint{}).Rows(ctx), order, n)
			}},
		} {
			w, e := loop.run()
			if w != nil {
				wrong = errors.Join(wrong, fmt.Errorf("%s: %w", loop.name, w))
			}
			if e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", loop.name, e))
			}
		}
		return wrong, err
	})
}

// TestStreamUnderLateRows: a stream with an overlap returns rows that become visible after
// later ones.
func TestStreamUnderLateRows(t *testing.T) {
	late, err := jushuitantest.DialectsNamed("late-rows")
	require.NoError(t, err)
	now := time.Now()
	srv, c := shopWith(t, 8, nil, jushuitantest.WithNow(func() time.Time { return now }), jushuitantest.WithDialect(late...))
	stream := c.Orders.Stream(&jushuitan.OrderQuery{PageSize: 5}, jushuitan.Checkpoint{})
	got := map[int64]int{}
	read := func() {
		for o, err := range stream.Rows(t.Context()) {
			require.NoError(t, err)
			got[o.OID]++
		}
	}
	read()
	early := len(got)
	require.Less(t, early, 8, "a row is late")
	srv.Advance(time.Minute)
	read()
	require.Len(t, got, 8, "%d came at first, and the late ones afterwards", early)
	for id, times := range got {
		require.Equal(t, 1, times, "order %d", id)
	}
}

// TestChaosUnderDialects reads orders while everything goes wrong in turn, in every dialect.
func TestChaosUnderDialects(t *testing.T) {
	const n = 120
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		srv, c := shopWith(t, n, []jushuitantest.Dialect{d})
		srv.Advance(time.Minute)
		for i, kind := range []jushuitantest.FaultKind{
			jushuitantest.Throttle, jushuitantest.Reset, jushuitantest.CutBody, jushuitantest.LostAnswer, jushuitantest.HTTP5xx,
			jushuitantest.HTMLPage, jushuitantest.ExpiredToken, jushuitantest.TypeDrift, jushuitantest.BadCode,
		} {
			srv.Inject(jushuitantest.Fault{Kind: kind, Skip: 2 + 5*i, Times: 1, Path: "/open/orders/single/query"})
		}
		ctx := context.WithoutCancel(t.Context())
		order := func(o *jushuitan.Order) string { return strconv.FormatInt(o.OID, 10) }
		w1, e1 := once(c.Orders.All(ctx, &jushuitan.OrderQuery{ModifiedBegin: srv.Now().AddDate(0, -3, 0), ModifiedEnd: srv.Now().Add(time.Hour), PageSize: 10}), order, n)
		w2, e2 := once(c.Orders.Since(ctx, 0, &jushuitan.OrderQuery{PageSize: 10}), order, n)
		return errors.Join(w1, w2), errors.Join(e1, e2)
	})
}

// TestMixedDialects reads and uploads in several dialects at once, chosen by a seed: every
// row is returned once or an error is, and no refused document is reported as uploaded.
// DIALECTS=all runs more seeds, and DIALECTS_SEED=n one.
func TestMixedDialects(t *testing.T) {
	first, last := 0, racetest.Fewer(30)
	if os.Getenv("DIALECTS") == "all" {
		last = 600
	}
	if n, err := strconv.Atoi(os.Getenv("DIALECTS_SEED")); err == nil {
		first, last = n, n+1
	}
	right, ended := 0, 0
	for seed := first; seed < last; seed++ {
		names, wrong, err := mixed(t, seed)
		switch {
		case wrong != nil:
			t.Errorf("DIALECTS_SEED=%d, %s: %v", seed, names, wrong)
		case err != nil:
			ended++
			t.Logf("seed %d, %s: %.200s", seed, names, err)
		default:
			right++
		}
	}
	t.Logf("%d mixtures: %d right, %d ended with an error", last-first, right, ended)
	if last-first > 1 && right*3 < last-first {
		t.Errorf("only %d of %d mixtures ended right", right, last-first)
	}
}

func mixed(t *testing.T, seed int) (names string, wrong, err error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(seed), 19))
	all := append(jushuitantest.Dialects(), jushuitantest.Dialects()...) // guesses are rarer
	all = append(all, jushuitantest.Guesses()...)
	var list []jushuitantest.Dialect
	var chosen []string
	for range 1 + rng.IntN(3) {
		d := all[rng.IntN(len(all))]
		if !slices.Contains(chosen, d.Name) {
			list, chosen = append(list, d), append(chosen, d.Name)
		}
	}
	names = strings.Join(chosen, "+")
	has := func(of ...string) bool {
		return slices.ContainsFunc(of, func(name string) bool { return slices.Contains(chosen, name) })
	}
	if has("pages-capped") && has("has_next-false") && has("no-counts", "null-counts", "has_next-true", "counts-of-page") {
		return names, nil, nil // it says that short pages are the last ones: nothing shows that it lies
	}
	n := rng.IntN(30)
	srv, c := shopWith(t, n, list)
	defer srv.Close()
	srv.Advance(time.Minute)
	ctx, size := t.Context(), 2+rng.Int64N(9)
	order := func(o *jushuitan.Order) string { return strconv.FormatInt(o.OID, 10) }
	query := jushuitan.OrderQuery{ModifiedBegin: srv.Now().AddDate(0, 0, -20), ModifiedEnd: srv.Now().Add(time.Hour), PageSize: size}
	runs := []func() (wrong, err error){
		func() (wrong, err error) { return once(c.Orders.All(ctx, &query), order, n) },
		func() (wrong, err error) {
			return once(c.Orders.Since(ctx, 0, &jushuitan.OrderQuery{PageSize: size}), order, n)
		},
		func() (wrong, err error) {
			return once(c.Orders.Stream(&query, jushuitan.Checkpoint{}).Rows(ctx), order, n)
		},
	}
	wrong, err = runs[rng.IntN(len(runs))]()
	item := []jushuitan.OrderUploadItem{{SKUID: "SKU-0", ShopSKUID: "SKU-0", Name: "短袖", Qty: decimal.NewFromInt(1), OuterOIID: "1"}}
	upload := func(shop int64, so string) jushuitan.OrderUpload {
		return jushuitan.OrderUpload{
			ShopID: shop, SoID: so, OrderDate: srv.Now(), ShopStatus: "WAIT_SELLER_SEND_GOODS", ShopBuyerID: "buyer", ReceiverAddress: "示例路8号",
			ReceiverName: "林一", ReceiverMobile: "13900000001", Items: item,
		}
	}
	results, _ := c.Orders.Upload(ctx, []jushuitan.OrderUpload{upload(dialectShop, "UP-1"), upload(1, "UP-2")})
	known := map[string]bool{}
	for _, o := range srv.Orders() {
		known[o.SoID] = true
	}
	for i, so := range []string{"UP-1", "UP-2"} {
		if i < len(results) && results[i].Err == nil && !known[so] {
			wrong = errors.Join(wrong, fmt.Errorf("%s was refused and reported as uploaded", so))
		}
	}
	return names, wrong, err
}
