package main

import (
	"testing"

	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestTourUnderDialects: the six flows hold in every dialect.
func TestTourUnderDialects(t *testing.T) {
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		return inDialect(t.Context(), settings{via: viaOpen}, d)
	})
}
