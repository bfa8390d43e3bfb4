package qimen_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// TestReconcilePOS: the delivery orders of a store are read to the end that the answers show;
// where they show none, the comparison is incomplete, and never endless.
func TestReconcilePOS(t *testing.T) {
	page := func(total string, codes ...string) string {
		rows := []string{}
		for _, code := range codes {
			rows = append(rows, `{"orderCode":"`+code+`","createTime":"2024-01-01 12:00:00"}`)
		}
		return `{"response":{"flag":"success",` + total + `"order":[` + strings.Join(rows, ",") + `]}}`
	}
	for name, tt := range map[string]struct {
		pages []string
		want  string // the numbers that are missing, or the error
	}{
		"one page":           {[]string{page(`"total":2,`, "A", "B")}, "A B"},
		"two pages":          {[]string{page(`"total":3,`, "A", "B"), page(`"total":3,`, "C")}, "A B C"},
		"no total":           {[]string{page("", "A", "B"), page("", "C"), page("")}, "A B C"},
		"none":               {[]string{page("")}, ""},
		"a page is empty":    {[]string{page(`"total":3,`, "A", "B"), page(`"total":3,`)}, "page 2 is empty after 2 of 3"},
		"the same page":      {[]string{page(`"total":4,`, "A", "B"), page(`"total":4,`, "A", "B")}, "page 2 repeats the pages before after 2 of 4"},
		"the same, no total": {[]string{page("", "A"), page("", "A")}, "page 2 repeats"},
		"a row shifted":      {[]string{page(`"total":3,`, "A", "B"), page(`"total":3,`, "B", "C")}, "A B C"},
		"another name":       {[]string{`{"response":{"flag":"success","orders":[{"orderCode":"A"}]}}`}, "another name than order"},
		"inside something":   {[]string{`{"response":{"flag":"success","page":{"order":[{"orderCode":"A"}]}}}`}, "another name than order"},
		"no number":          {[]string{page(`"total":1,`, "")}, "no number"},
		"no verdict":         {[]string{`{"response":{"order":[]}}`}, "no verdict"},
		"refusal":            {[]string{`{"response":{"flag":"failure","code":"S1","message":"no"}}`}, "S1"},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, text(tt.pages...), config(), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
			got := ""
			for missed, err := range qimen.Reconcile(t.Context(), qimen.ReconcileConfig{
				Client: client, Journal: noJournal{}, From: time.Date(2024, 1, 1, 0, 0, 0, 0, cst),
				Sources: []qimen.ReconcileSource{qimen.ReconcilePOSDeliveryOrders("weborder.sync", qimen.POSDeliveryOrderGetRequest{StoreCode: "S"})},
			}) {
				if err != nil {
					assert.NotEmpty(t, tt.want, "%v", err)
					assert.ErrorContains(t, err, tt.want)
					assert.ErrorContains(t, err, "incomplete")
					return
				}
				got = strings.TrimSpace(got + " " + missed.Document)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// noJournal is a journal in which nothing is.
type noJournal struct{}

func (noJournal) Record(context.Context, ...qimen.JournalEntry) error { return nil }
func (noJournal) Handled(context.Context, string, string, []string) (map[string]bool, error) {
	return nil, nil
}
