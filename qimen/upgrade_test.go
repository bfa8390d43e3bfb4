package qimen_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// upgradeMessage is a message as it was sent to an earlier version, and the key under which
// that version remembered it.
type upgradeMessage struct {
	Name, Target, Type, Body, Key string
}

func upgradeMessages(t *testing.T) map[string]upgradeMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/upgrade/messages.json")
	require.NoError(t, err)
	var list []upgradeMessage
	require.NoError(t, json.Unmarshal(text, &list))
	require.Len(t, list, 19)
	all := map[string]upgradeMessage{}
	for _, m := range list {
		all[m.Name] = m
	}
	return all
}

func (m upgradeMessage) serve(t *testing.T, h http.Handler) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, m.Target, strings.NewReader(m.Body))
	req.Header.Set("Content-Type", m.Type)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Body.String()
}

// upgradeMux takes the messages and counts them.
func upgradeMux(t *testing.T, d jushuitan.Deduper) (m *qimen.Mux, handled *int) {
	t.Helper()
	m, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets("made-up-secret-of-the-gateway"),
		Merchant: func(context.Context, string) (string, error) { return "10010", nil },
		Deduper:  d, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, cst) },
	})
	require.NoError(t, err)
	handled = new(int)
	counted[qimen.DeliveryOrderCreateRequest, qimen.DeliveryOrderCreateResponse](m, handled)
	counted[qimen.DeliveryOrderBatchCreateRequest, qimen.DeliveryOrderBatchCreateResponse](m, handled)
	counted[qimen.DeliveryOrderConfirmRequest, qimen.DeliveryOrderConfirmResponse](m, handled)
	counted[qimen.DeliveryOrderQueryRequest, qimen.DeliveryOrderQueryResponse](m, handled)
	counted[qimen.EntryOrderCreateRequest, qimen.EntryOrderCreateResponse](m, handled)
	counted[qimen.EntryOrderConfirmRequest, qimen.EntryOrderConfirmResponse](m, handled)
	counted[qimen.ReturnOrderCreateRequest, qimen.ReturnOrderCreateResponse](m, handled)
	counted[qimen.StockOutCreateRequest, qimen.StockOutCreateResponse](m, handled)
	counted[qimen.StoreProcessCreateRequest, qimen.StoreProcessCreateResponse](m, handled)
	counted[qimen.OrderCancelRequest, qimen.OrderCancelResponse](m, handled)
	counted[qimen.InventoryReportRequest, qimen.InventoryReportResponse](m, handled)
	counted[qimen.POSUpdateSalesOrderRequest, qimen.POSUpdateSalesOrderResponse](m, handled)
	m.HandleRaw("made.up.method", func(context.Context, qimen.Envelope, []byte) (any, error) {
		*handled++
		return nil, nil
	})
	return m, handled
}

func counted[Req, Resp any](m *qimen.Mux, handled *int) {
	qimen.Handle(m, func(context.Context, qimen.Envelope, *Req) (*Resp, error) {
		*handled++
		return nil, nil
	})
}

// TestUpgradeRepeats: a message that an earlier version handled is a repeat, whatever tells its
// repeats; one that it did not handle is handled once, and a query always.
func TestUpgradeRepeats(t *testing.T) {
	for name, m := range upgradeMessages(t) {
		t.Run(name, func(t *testing.T) {
			d := jushuitan.NewMemoryDeduper(0)
			mux, handled := upgradeMux(t, d)
			assert.Equal(t, name == "query", m.Key == "")
			if m.Key != "" {
				require.NoError(t, d.Commit(t.Context(), m.Key, "", "an owner of before", "", time.Hour))
				assert.Contains(t, m.serve(t, mux), "success")
				assert.Zero(t, *handled, "it was handled before, under %s", m.Key)
				require.NoError(t, d.Commit(t.Context(), m.Key, "", "an owner of before", "", 0))
			}
			assert.Contains(t, m.serve(t, mux), "success")
			assert.Equal(t, 1, *handled)
		})
	}
}

// TestUpgradeTurns: what an earlier version remembers of a document ends when the document is
// cancelled or created again.
func TestUpgradeTurns(t *testing.T) {
	all := upgradeMessages(t)
	for name, tt := range map[string]struct{ remembered, next string }{
		"created again after a cancel":                     {"cancel", "create X-1"},
		"created again after a cancel that names no type":  {"cancel without a type", "create X-2"},
		"a delivery order is cancelled, and created again": {"delivery order", "cancel SO-1"},
		"a return order is cancelled, and created again":   {"return order", "cancel R-1"},
		"a process order is cancelled, and created again":  {"process order", "cancel P-1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := jushuitan.NewMemoryDeduper(0)
			mux, handled := upgradeMux(t, d)
			m := all[tt.remembered]
			require.NoError(t, d.Commit(t.Context(), m.Key, "", "an owner of before", "", time.Hour))
			assert.Contains(t, m.serve(t, mux), "success")
			require.Zero(t, *handled, "a repeat")
			kind, code, _ := strings.Cut(tt.next, " ")
			next := creation(code)
			if kind == "cancel" {
				next = cancellation(code, "JYCK")
			}
			next = next.with("timestamp", "2026-01-02 03:04:05").with("customerId", "made-up-customer")
			next.secret = "made-up-secret-of-the-gateway"
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, next.request())
			require.Contains(t, w.Body.String(), "success")
			require.Equal(t, 1, *handled)
			assert.Contains(t, m.serve(t, mux), "success")
			assert.Equal(t, 2, *handled, "it is no repeat any more")
		})
	}
}
