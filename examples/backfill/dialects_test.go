package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestBackfillUnderDialects: a year of orders is in the sink once, in every dialect, whatever
// interrupts the runs.
func TestBackfillUnderDialects(t *testing.T) {
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		p := program()
		p.Options = append(p.Options, jushuitantest.WithDialect(d))
		var out output
		wrong, err = dialecttest.Caught(func() error {
			return p.Start(t.Context(), []string{"-orders", "1000", "-every", "50"}, none, &out)
		})
		if wrong == nil && err == nil && !strings.Contains(out.String(), "In Jushuitan 1000 orders, in the sink 1000: missing 缺失 0, duplicate 重复 0") {
			wrong = errors.New("the sink does not hold every order once:\n" + out.String())
		}
		return wrong, err
	})
}
