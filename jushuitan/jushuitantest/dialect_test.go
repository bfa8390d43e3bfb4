package jushuitantest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestDialectsAreNamed: every dialect has a name of its own, a source and a line in both
// languages, and only the guesses are guesses.
func TestDialectsAreNamed(t *testing.T) {
	seen := map[string]bool{}
	check := func(d jushuitantest.Dialect, guess bool) {
		assert.False(t, seen[d.Name], "%s is there twice", d.Name)
		seen[d.Name] = true
		assert.NotEmpty(t, d.EN, d.Name)
		assert.Regexp(t, `\p{Han}`, d.ZH, d.Name)
		assert.Equal(t, guess, d.Source == jushuitantest.Guess, d.Name)
		assert.NotEmpty(t, d.Source, d.Name)
	}
	for _, d := range jushuitantest.Dialects() {
		check(d, false)
	}
	for _, d := range jushuitantest.Guesses() {
		check(d, true)
	}
	assert.Greater(t, len(seen), 60)
	_, err := jushuitantest.DialectsNamed("klingon")
	assert.ErrorContains(t, err, `"klingon"`)
}

// TestEveryDialectSpeaks: each dialect changes an answer, its headers, its pages or its
// clock: none is the plain answer under another name.
func TestEveryDialectSpeaks(t *testing.T) {
	plain := conversation(t)
	later := map[string]string{ // what this conversation cannot show has a test of its own
		"late-rows": "TestStreamUnderLateRows in package jushuitan", "late-effects": "TestLateEffects", "quota-counts-refused": "TestRefusedCallsCount",
		"pascal-case": "TestGoldenUnderDialects", "payload-flatter": "TestGoldenUnderDialects", "flag-root-absent": "TestGoldenUnderDialects",
		"flag-root-null": "TestGoldenUnderDialects", "flag-root-empty": "TestGoldenUnderDialects", "request-id-camel": "TestGoldenUnderDialects",
	}
	for _, d := range append(jushuitantest.Dialects(), jushuitantest.Guesses()...) {
		t.Run(d.Name, func(t *testing.T) {
			if where := later[d.Name]; where != "" {
				t.Logf("see %s", where)
				return
			}
			assert.NotEqual(t, plain, conversation(t, d))
		})
	}
}

// conversation is what a caller sees who uploads, queries and is refused.
func conversation(t *testing.T, d ...jushuitantest.Dialect) string {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota(), jushuitantest.WithNow(func() time.Time { return now }), jushuitantest.WithDialect(d...))
	defer srv.Close()
	furnish(t, srv.Company(""))
	var b strings.Builder
	raw := func(path, biz string) {
		form := url.Values{}
		for name, v := range signed(srv, rawForm(srv, biz)) {
			form.Set(name, v)
		}
		resp, err := http.PostForm(srv.URL+path, form) //nolint:noctx // the server closes with the test
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		b.WriteString(resp.Status + resp.Header.Get("Content-Type") + resp.Header.Get("Date") + strings.Join(resp.TransferEncoding, "") + "\n")
		if resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 {
			b.WriteString("without a length\n")
		}
		if resp.Uncompressed {
			b.WriteString("compressed\n")
		}
		b.Write(body)
	}
	good, bad := mallOrder("A", now), mallOrder("B", now)
	bad.ShopID = 1
	upload := func(orders ...jushuitan.OrderUpload) {
		biz, err := json.Marshal(orders)
		require.NoError(t, err)
		raw("/open/jushuitan/orders/upload", string(biz))
	}
	upload(good)
	upload(good, bad)
	raw("/open/orders/wms/sent/upload", `[{"io_id":1,"lc_id":"YTO","l_id":"1","items":[{"sku_id":"TS-BLK-M","qty":1}]}]`)
	raw("/open/shops/query", `{"shop_ids":[9]}`)
	raw("/open/shops/query", `{}`)
	for _, page := range []string{"1", "2", "3"} {
		raw("/open/inventory/query", `{"wms_co_id":11200901,"modified_begin":"2026-01-02 00:00:00","modified_end":"2026-01-03 00:00:00","page_size":1,"page_index":`+page+`}`)
	}
	raw("/open/inventory/query", `{"wms_co_id":11200901,"modified_begin":"2026-01-02 00:00:00","modified_end":"2026-01-03 00:00:00"}`)
	raw("/open/wms/partner/query", `{}`)
	raw("/open/logisticscompany/query", `{"modified_begin":"2020-01-02 00:00:00","modified_end":"2020-01-03 00:00:00"}`)
	raw("/open/jushuitan/orderbyoid/cancel", `{"o_ids":[1],"cancel_type":"x"}`)
	raw("/open/jushuitan/inventoryv2/upload", `{"so_id":"C1","warehouse":1,"type":"check","is_confirm":true,"items":[{"sku_id":"TS-BLK-M","qty":3}]}`)
	return b.String()
}

// TestSpeak: a dialect applies to its path until it is undone, and Change is given the
// decoded answer.
func TestSpeak(t *testing.T) {
	srv, client := furnished(t)
	var seen []string
	undo := srv.Speak("/open/shops/query", jushuitantest.Dialect{Name: "own", Source: jushuitantest.Guess, Change: func(a *jushuitantest.Answer) {
		seen = append(seen, a.Path)
		a.Payload()["datas"] = a.Rows()[:1]
		a.Payload()["data_count"] = 1
	}})
	shops := func() int {
		page, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
		return len(page.Shops)
	}
	assert.Equal(t, 1, shops())
	_, err := client.Warehouses.Query(t.Context(), &jushuitan.WarehouseQuery{})
	require.NoError(t, err)
	undo()
	assert.Equal(t, 2, shops())
	assert.Equal(t, []string{"/open/shops/query"}, seen)
}

// TestClientsHaveTheirOwnClock: the server's clock may be wrong by less than it tolerates,
// and a client whose clock is right is answered; by more, it is refused.
func TestClientsHaveTheirOwnClock(t *testing.T) {
	for _, name := range []string{"clock-ahead", "clock-behind"} {
		d, err := jushuitantest.DialectsNamed(name)
		require.NoError(t, err)
		srv, client := furnished(t, jushuitantest.WithDialect(d...))
		off := time.Until(srv.Now()).Round(time.Minute)
		assert.Equal(t, 6*time.Minute, off.Abs(), name)
		_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err, name)
		require.NoError(t, srv.SetStock(mainWMS, "TS-BLK-M", d1))
		assert.WithinDuration(t, srv.Now(), stockOf(t, srv.Company(""), mainWMS, "TS-BLK-M").Modified, 5*time.Second, "stamps follow the server's clock")
		srv.Speak("", d...) // 12 minutes
		_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.ErrorIs(t, err, jushuitan.ErrTimestamp, name)
	}
}

var d1 = d("1")

// TestAdvanceKeepsOtherProcesses: a caller whose clock does not follow Advance is answered.
func TestAdvanceKeepsOtherProcesses(t *testing.T) {
	srv, client := furnished(t)
	other, err := srv.Client(jushuitan.WithClock(time.Now))
	require.NoError(t, err)
	srv.Advance(24 * time.Hour)
	for _, c := range []*jushuitan.Client{client, other} {
		_, err = c.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		require.NoError(t, err)
	}
}

// TestLateEffects: stock that a write changes is visible later, and the write is answered
// at once.
func TestLateEffects(t *testing.T) {
	now := time.Now()
	late, err := jushuitantest.DialectsNamed("late-effects")
	require.NoError(t, err)
	srv, client := furnished(t, jushuitantest.WithNow(func() time.Time { return now }), jushuitantest.WithDialect(late...))
	srv.Advance(time.Minute)
	qty := func() string {
		page, err := client.Inventory.Query(t.Context(), &jushuitan.InventoryQuery{WMSCoID: mainWMS, SKUIDs: []string{"TS-BLK-M"}})
		require.NoError(t, err)
		require.Len(t, page.Rows, 1)
		return page.Rows[0].Qty.String()
	}
	require.Equal(t, "10", qty())
	require.NoError(t, srv.SetStock(mainWMS, "TS-BLK-M", d("7")))
	assert.Equal(t, "10", qty(), "not yet")
	srv.Advance(time.Second)
	assert.Equal(t, "7", qty())
}

// TestRefusedCallsCount: under the dialect a refused call keeps the window full.
func TestRefusedCallsCount(t *testing.T) {
	for _, counts := range []bool{false, true} {
		now := time.Now()
		opts := []jushuitantest.Option{
			jushuitantest.WithNow(func() time.Time { return now }), jushuitantest.WithQuota(jushuitan.Quota{Limit: 1, Per: time.Second}),
		}
		if counts {
			list, err := jushuitantest.DialectsNamed("quota-counts-refused")
			require.NoError(t, err)
			opts = append(opts, jushuitantest.WithDialect(list...))
		}
		srv, _ := furnished(t, opts...)
		srv.Advance(time.Minute)
		ask := func() string { return string(call(t, srv, "/open/shops/query", "{}").Code) }
		require.Equal(t, "0", ask())
		srv.Advance(900 * time.Millisecond)
		require.Equal(t, "199", ask())
		srv.Advance(900 * time.Millisecond)
		assert.Equal(t, map[bool]string{false: "0", true: "199"}[counts], ask(), "refused calls count: %v", counts)
	}
}
