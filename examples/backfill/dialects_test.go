package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestBackfillUnderDialects: a year of orders is in the sink once, in every dialect, whatever
// interrupts the runs.
func TestBackfillUnderDialects(t *testing.T) {
	orders := max(200, racetest.Fewer(1000))
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		p := program()
		p.Options = append(p.Options, jushuitantest.WithDialect(d))
		var out output
		wrong, err = dialecttest.Caught(func() error {
			return p.Start(t.Context(), []string{"-orders", strconv.Itoa(orders), "-every", "50"}, none, &out)
		})
		if wrong == nil && err == nil && !strings.Contains(out.String(), fmt.Sprintf("In Jushuitan %[1]d orders, in the sink %[1]d: missing 缺失 0, duplicate 重复 0", orders)) {
			wrong = errors.New("the sink does not hold every order once:\n" + out.String())
		}
		return wrong, err
	})
}
