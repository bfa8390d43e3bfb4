package main

import (
	"strings"
	"testing"

	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestReconcileUnderDialects: every lost push is found, in every dialect.
func TestReconcileUnderDialects(t *testing.T) {
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		p := program()
		p.Options = append(p.Options, jushuitantest.WithDialect(d))
		var out strings.Builder
		wrong, err = dialecttest.Caught(func() error {
			return p.Start(t.Context(), nil, func(string) string { return "" }, &out)
		})
		if err != nil && strings.Contains(err.Error(), "checks failed") {
			return err, nil
		}
		return wrong, err
	})
}
