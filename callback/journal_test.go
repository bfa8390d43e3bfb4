package callback_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

var (
	noon      = time.Date(2024, 1, 2, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	shipScope = callback.JournalScope{Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "10350"}
)

func documentsIn(t *testing.T, j callback.Journal, of callback.JournalScope, from, to time.Time) []string {
	t.Helper()
	out := []string{}
	for r, err := range j.Between(t.Context(), of, from, to) {
		require.NoError(t, err)
		out = append(out, r.Document)
	}
	return out
}

// What each kind of push leaves in the journal, and what is left out.
func TestWithJournal(t *testing.T) {
	journal := callback.NewMemoryJournal(0, time.Time{})
	h := &host{}
	cfg := h.config()
	cfg.Now = func() time.Time { return noon }
	r := receiver(t, callback.WithJournal(cfg, journal))
	for method, body := range bodies {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, signedRequest(t, method, body))
		require.Equal(t, success, w.Body.String())
	}
	scope := func(m jushuitan.PushMethod) callback.JournalScope {
		return callback.JournalScope{Method: m, EntID: "10010", StorageCode: "10350"}
	}
	for _, want := range []callback.JournalEntry{
		{
			JournalScope: scope(jushuitan.PushShipment), Document: "o_id 200001", At: noon, SoID: "SO-1", OID: 200001, LID: "YT1", LCID: "YTO", Carrier: "圆通速递",
			Lines: []callback.JournalLine{{SoID: "SO-1", OuterOIID: "SO-1-1", SKUID: "SKU-A", Qty: dec("2")}},
		},
		{JournalScope: scope(jushuitan.PushCancel), Document: "so_id SO-1", At: noon, SoID: "SO-1"},
		{
			JournalScope: scope(jushuitan.PushGoodsReturned), Document: "as_id 400001", At: noon, SoID: "SO-1", OID: 200001, ASID: 400001,
			OuterASID: "RT-1", Action: jushuitan.GoodsReceived, Lines: []callback.JournalLine{{SoID: "SO-1", SKUID: "SKU-A", Qty: dec("1")}},
		},
		{
			JournalScope: scope(jushuitan.PushStock), Document: "sku_id SKU-A", At: noon, ShopID: 1, SKUID: "SKU-A", ShopSKUID: "SKU-B", Figure: dec("15"),
			Modified: time.Date(2023, 11, 14, 12, 0, 0, 0, noon.Location()),
		},
	} {
		found, err := journal.Find(t.Context(), want.JournalScope, want.Document)
		require.NoError(t, err)
		require.Len(t, found, 1, want.Document)
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(found[0]))
	}
	require.Equal(t, 4, journal.Len())
	for _, c := range []struct{ method, body, document string }{
		{string(jushuitan.PushShipment), `{"so_id":"SO-2","l_id":"YT1"}`, "so_id SO-2"},
		{string(jushuitan.PushGoodsReturned), `{"outer_as_id":"RT-2","action_name":"取消收货"}`, "outer_as_id RT-2"},
		{string(jushuitan.PushStock), `[{"shop_sku_id":"S","qty":1}]`, "shop_sku_id S"},
	} {
		r.ServeHTTP(httptest.NewRecorder(), signedRequest(t, jushuitan.PushMethod(c.method), c.body))
		found, err := journal.Find(t.Context(), scope(jushuitan.PushMethod(c.method)), c.document)
		require.NoError(t, err)
		assert.Len(t, found, 1, c.document)
	}

	// What the host does not take is not noted; nor is an empty push.
	n := journal.Len()
	h.reply = func() error { return errors.New("no database") }
	r.ServeHTTP(httptest.NewRecorder(), signedRequest(t, jushuitan.PushCancel, `{"so_id":"SO-9"}`))
	h.reply = nil
	r.ServeHTTP(httptest.NewRecorder(), signedRequest(t, jushuitan.PushStock, `[]`))
	assert.Equal(t, n, journal.Len())

	only := callback.WithJournal(callback.Config{Cancel: cfg.Cancel, AllowUnauthenticated: true}, journal)
	assert.Nil(t, only.Shipment, "a function that is missing stays so")
	assert.NotNil(t, only.Cancel)
}

// A journal that fails is reported; the push is acknowledged, since it is done.
func TestWithJournalReports(t *testing.T) {
	h := &host{}
	r := receiver(t, callback.WithJournal(h.config(), brokenJournal{}))
	w := httptest.NewRecorder()
	r.ServeHTTP(w, signedRequest(t, jushuitan.PushCancel, `{"so_id":"SO-9"}`))
	assert.Equal(t, success, w.Body.String())
	require.Len(t, h.errs, 1)
	require.ErrorIs(t, h.errs[0], callback.ErrJournal)
	require.ErrorIs(t, h.errs[0], errBroken)
	assert.Contains(t, h.errs[0].Error(), `push cancel.order of merchant "10010", so_id SO-9`)
}

// A sender that hangs up while the function runs does not keep the note away.
func TestWithJournalAfterHangUp(t *testing.T) {
	journal := callback.NewMemoryJournal(0, time.Time{})
	ctx, hangUp := context.WithCancel(t.Context())
	cfg := callback.WithJournal(callback.Config{Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { hangUp(); return nil }}, journal)
	require.NoError(t, cfg.Cancel(ctx, callback.Envelope{Method: jushuitan.PushCancel}, &jushuitan.CancelPush{SoID: "SO-1"}))
	assert.Equal(t, 1, journal.Len())
}

func TestMemoryJournal(t *testing.T) {
	ctx := t.Context()
	j := callback.NewMemoryJournal(3, noon)
	since := func(of callback.JournalScope) time.Time {
		s, err := j.Since(ctx, of)
		require.NoError(t, err)
		return s
	}
	for i := range 3 {
		require.NoError(t, j.Record(ctx, callback.JournalEntry{JournalScope: shipScope, Document: fmt.Sprintf("o_id %d", i%2), LID: fmt.Sprint(i), At: noon.Add(time.Duration(i) * time.Minute)}))
	}
	found, err := j.Find(ctx, shipScope, "o_id 0")
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, []string{"0", "2"}, []string{found[0].LID, found[1].LID}, "oldest first")
	other := shipScope
	other.EntID = "10011"
	found, err = j.Find(ctx, other, "o_id 0")
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Equal(t, []string{"o_id 0", "o_id 1"}, documentsIn(t, j, shipScope, noon, noon.Add(2*time.Minute)), "the end is not in it")
	assert.Empty(t, documentsIn(t, j, other, noon, noon.Add(time.Hour)))
	assert.Equal(t, noon, since(shipScope))

	// When it is full, the first is forgotten, and what it knows begins later.
	require.NoError(t, j.Record(ctx, callback.JournalEntry{JournalScope: shipScope, Document: "o_id 9", At: noon.Add(time.Hour)}))
	assert.Equal(t, 3, j.Len())
	found, err = j.Find(ctx, shipScope, "o_id 0")
	require.NoError(t, err)
	assert.Len(t, found, 1)
	assert.Equal(t, noon.Add(1), since(shipScope))
	cancel := shipScope
	cancel.Method = jushuitan.PushCancel
	assert.Equal(t, noon, since(cancel), "of another kind nothing was forgotten")

	// What was found is the caller's.
	require.NoError(t, j.Record(ctx, callback.JournalEntry{JournalScope: shipScope, Document: "lines", Lines: []callback.JournalLine{{SKUID: "A"}}}))
	found, err = j.Find(ctx, shipScope, "lines")
	require.NoError(t, err)
	found[0].Lines[0].SKUID = "changed"
	for entry, err := range j.Between(ctx, shipScope, time.Time{}, noon) {
		require.NoError(t, err)
		require.Len(t, entry.Lines, 1)
		assert.Equal(t, "A", entry.Lines[0].SKUID)
		entry.Lines[0].SKUID = "changed"
	}
	found, err = j.Find(ctx, shipScope, "lines")
	require.NoError(t, err)
	assert.Equal(t, "A", found[0].Lines[0].SKUID)

	ended, end := context.WithCancel(ctx)
	end()
	require.ErrorIs(t, j.Record(ended, callback.JournalEntry{}), context.Canceled)
	_, err = j.Find(ended, shipScope, "o_id 9")
	require.ErrorIs(t, err, context.Canceled)
	_, err = j.Since(ended, shipScope)
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range j.Between(ended, shipScope, noon, noon.Add(time.Hour)) {
		require.ErrorIs(t, err, context.Canceled)
	}
	for _, err := range j.Between(ctx, shipScope, time.Time{}, noon.Add(time.Hour)) {
		require.NoError(t, err)
		break
	}
}

// Of stock the latest figure of a SKU is kept, whatever order they come in.
func TestMemoryJournalStock(t *testing.T) {
	of := callback.JournalScope{Method: jushuitan.PushStock, EntID: "10010", StorageCode: "1"}
	at := func(minutes int, figure string) callback.JournalEntry {
		r := callback.JournalEntry{JournalScope: of, Document: "sku_id A", SKUID: "A", Figure: dec(figure)}
		if minutes >= 0 {
			r.Modified = noon.Add(time.Duration(minutes) * time.Minute)
		}
		return r
	}
	for _, c := range []struct {
		name string
		in   []callback.JournalEntry
		want string
	}{
		{"in order", []callback.JournalEntry{at(1, "1"), at(2, "2")}, "2"},
		{"late", []callback.JournalEntry{at(2, "2"), at(1, "1")}, "2"},
		{"the same time", []callback.JournalEntry{at(1, "1"), at(1, "2")}, "2"},
		{"without times", []callback.JournalEntry{at(-1, "1"), at(-1, "2")}, "2"},
		{"a time after none", []callback.JournalEntry{at(-1, "1"), at(1, "2")}, "2"},
		{"none after a time", []callback.JournalEntry{at(1, "1"), at(-1, "2")}, "2"},
	} {
		j := callback.NewMemoryJournal(0, time.Time{})
		require.NoError(t, j.Record(t.Context(), c.in...))
		found, err := j.Find(t.Context(), of, "sku_id A")
		require.NoError(t, err)
		require.Len(t, found, 1, c.name)
		assert.Equal(t, c.want, found[0].Figure.String(), c.name)
		assert.Equal(t, 1, j.Len(), c.name)
	}
}

func TestMemoryJournalConcurrent(t *testing.T) {
	j := callback.NewMemoryJournal(100, time.Time{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				doc := fmt.Sprintf("o_id %d", i%20)
				assert.NoError(t, j.Record(context.Background(), callback.JournalEntry{JournalScope: shipScope, Document: doc, LID: fmt.Sprint(w, i), At: noon}))
				_, err := j.Find(context.Background(), shipScope, doc)
				assert.NoError(t, err)
				for _, err := range j.Between(context.Background(), shipScope, noon, noon.Add(1)) {
					assert.NoError(t, err)
					break
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 100, j.Len())
	n := 0
	for i := range 20 {
		found, err := j.Find(t.Context(), shipScope, fmt.Sprintf("o_id %d", i))
		require.NoError(t, err)
		n += len(found)
	}
	assert.Equal(t, 100, n, "what is found is what is kept")
}
