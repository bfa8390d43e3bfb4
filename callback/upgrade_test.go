package callback_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// upgraded reads a fixture that an earlier version wrote.
func upgraded[T any](t *testing.T, name string) (v T) {
	t.Helper()
	text, err := os.ReadFile("testdata/upgrade/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// upgradePush is a push as it was sent to an earlier version, and the key under which that
// version remembered it.
type upgradePush struct {
	Name, Target, Type, Body, Key string
}

func (p upgradePush) serve(t *testing.T, h http.Handler) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, p.Target, strings.NewReader(p.Body))
	req.Header.Set("Content-Type", p.Type)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Body.String()
}

func upgradeTime() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("CST", 8*60*60))
}

// upgradeReceiver takes pushes to the URLs that an earlier version made, and counts them.
func upgradeReceiver(t *testing.T, d jushuitan.Deduper, j callback.Journal) (r *callback.Receiver, handled *int) {
	t.Helper()
	handled = new(int)
	count := func() error { *handled++; return nil }
	cfg := callback.Config{
		Shipment:      func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return count() },
		Cancel:        func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return count() },
		GoodsReturned: func(context.Context, callback.Envelope, *jushuitan.GoodsReturnedPush) error { return count() },
		Stock:         func(context.Context, callback.Envelope, *jushuitan.StockPush) error { return count() },
		Secrets:       []string{"made-up-secret-of-the-urls"}, Now: upgradeTime, Deduper: d,
	}
	if j != nil {
		cfg = callback.WithJournal(cfg, j)
	}
	return receiver(t, cfg), handled
}

// sharedStore is a store that survives an update of the program.
type sharedStore struct{ *jushuitan.MemoryDeduper }

// handled notes a push as an earlier version did: by its key alone.
func (s sharedStore) handled(t *testing.T, key string) {
	t.Helper()
	require.NoError(t, s.Commit(t.Context(), key, "", "an owner of before", "", time.Hour))
}

// TestUpgradeRepeats: a push that an earlier version handled, to a URL that it made, is a
// repeat where its key identifies the event; otherwise nothing follows from the key, and the
// push runs again. One that it did not handle is handled once.
func TestUpgradeRepeats(t *testing.T) {
	identified := map[string]bool{"goods received": true, "shipment": true, "shipment without o_id": true}
	pushes := upgraded[[]upgradePush](t, "pushes.json")
	require.Len(t, pushes, 8)
	for _, p := range pushes {
		t.Run(p.Name, func(t *testing.T) {
			if p.Key != "" {
				d := sharedStore{jushuitan.NewMemoryDeduper(0)}
				d.handled(t, p.Key)
				r, handled := upgradeReceiver(t, d, nil)
				for range 2 {
					assert.Contains(t, p.serve(t, r), `"code":"0"`)
				}
				want := 1
				if identified[p.Name] {
					want = 0
				}
				assert.Equal(t, want, *handled, "it was handled before, under %s", p.Key)
			}
			r, handled := upgradeReceiver(t, sharedStore{jushuitan.NewMemoryDeduper(0)}, nil)
			for range 2 {
				assert.Contains(t, p.serve(t, r), `"code":"0"`)
			}
			want := 1
			if p.Name == "stock" { // is never a repeat
				want = 2
			}
			assert.Equal(t, want, *handled)
		})
	}
}

// TestUpgradeBusy: while a process of an earlier version handles a push, this one waits.
func TestUpgradeBusy(t *testing.T) {
	for _, p := range upgraded[[]upgradePush](t, "pushes.json") {
		if p.Name != "shipment" {
			continue
		}
		d := sharedStore{jushuitan.NewMemoryDeduper(0)}
		_, _, err := d.Claim(t.Context(), p.Key, "", "an owner of before", time.Hour)
		require.NoError(t, err)
		r, handled := upgradeReceiver(t, d, nil)
		ended := make(chan string)
		go func() { ended <- p.serve(t, r) }()
		select {
		case <-ended:
			t.Error("it did not wait for the earlier version")
		case <-time.After(50 * time.Millisecond):
		}
		d.handled(t, p.Key)
		require.NoError(t, d.Release(t.Context(), p.Key, "an owner of before"))
		assert.Contains(t, <-ended, `"code":"0"`)
		assert.Zero(t, *handled)
	}
}

// TestUpgradeTurns: goods that an earlier version noted as received and that are given back are
// received anew after that.
func TestUpgradeTurns(t *testing.T) {
	var received upgradePush
	for _, p := range upgraded[[]upgradePush](t, "pushes.json") {
		if p.Name == "goods received" {
			received = p
		}
	}
	d := sharedStore{jushuitan.NewMemoryDeduper(0)}
	d.handled(t, received.Key)
	r, handled := upgradeReceiver(t, d, nil)
	revoked := received
	revoked.Body = strings.Replace(received.Body, string(jushuitan.GoodsReceived), string(jushuitan.GoodsRevoked), 1)
	for i, step := range []struct {
		push upgradePush
		want int
	}{{received, 0}, {revoked, 1}, {received, 2}, {received, 2}} {
		assert.Contains(t, step.push.serve(t, r), `"code":"0"`)
		assert.Equal(t, step.want, *handled, "push %d", i)
	}
}

// listJournal keeps receipts in their order.
type listJournal struct {
	*callback.MemoryJournal
	noted []callback.JournalEntry
}

func (j *listJournal) Record(ctx context.Context, receipts ...callback.JournalEntry) error {
	j.noted = append(j.noted, receipts...)
	return j.MemoryJournal.Record(ctx, receipts...)
}

// TestUpgradeReceipts: receipts that an earlier version noted are read, and are found where
// those of the same pushes are noted now, so that Reconcile knows what was handled before.
func TestUpgradeReceipts(t *testing.T) {
	before := upgraded[[]callback.JournalEntry](t, "receipts.json")
	require.Len(t, before, 9)
	j := &listJournal{MemoryJournal: callback.NewMemoryJournal(0, time.Time{})}
	r, _ := upgradeReceiver(t, nil, j)
	for _, p := range upgraded[[]upgradePush](t, "pushes.json") {
		require.Contains(t, p.serve(t, r), `"code":"0"`)
	}
	want, err := json.Marshal(before)
	require.NoError(t, err)
	known := slices.Clone(j.noted)
	for i := range known { // what earlier versions did not note
		known[i].Sent, known[i].Carrier, known[i].ShopID = time.Time{}, "", 0
	}
	got, err := json.Marshal(known)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))

	kept := callback.NewMemoryJournal(0, time.Time{})
	require.NoError(t, kept.Record(t.Context(), before...))
	for _, noted := range j.noted {
		found, err := kept.Find(t.Context(), noted.JournalScope, noted.Document)
		require.NoError(t, err)
		assert.Len(t, found, 1, "receipt of %s %s", noted.Method, noted.Document)
	}
}

// TestUpgradeState: a merchant who opened the page of authorisation from an earlier version may
// come back to this one, in time and once.
func TestUpgradeState(t *testing.T) {
	state := upgraded[struct {
		EntID string `json:"ent_id"`
		Made  time.Time
		State string
	}](t, "authorize.json")
	fake := jushuitantest.NewServer(jushuitantest.WithoutQuota(),
		jushuitantest.WithApp(jushuitan.Credentials{AppKey: "isv", AppSecret: "isv-secret", Type: jushuitan.ServiceProvider}))
	t.Cleanup(fake.Close)
	require.NoError(t, fake.Company(state.EntID).AddShop(jushuitan.Shop{ShopID: 1, ShopName: "一"}))
	client, err := fake.Client()
	require.NoError(t, err)
	now := state.Made.Add(30 * time.Minute)
	handler, err := callback.NewAuthorizeHandler(client, callback.AuthorizeConfig{
		StateSecrets: []string{"a-secret-of-today-0001", "made-up-secret-of-the-states"}, Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	visit := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+fake.Authorize(state.EntID, state.State).Encode(), nil))
		return w.Code
	}
	assert.Equal(t, http.StatusForbidden, visit(), "too late")
	now = now.Add(-time.Second)
	assert.Equal(t, http.StatusOK, visit())
	_, err = client.ForMerchant(state.EntID).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, visit(), "it was used")
}
