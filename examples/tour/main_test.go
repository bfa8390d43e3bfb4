package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// slack is for a machine so busy that calls which leave in time arrive bunched.
func slack() []jushuitantest.Option {
	return []jushuitantest.Option{jushuitantest.WithSlack(200 * time.Millisecond)}
}

// TestTour runs the tour each way and reads what it prints.
func TestTour(t *testing.T) {
	for name, s := range map[string]settings{
		"stocktake":          {via: viaOpen},
		"virtual quantities": {via: viaOpen, virtual: true},
		"qimen":              {via: viaQimen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s.erp = slack()
			require.NoError(t, run(t.Context(), &out, s), "%s", out.String())
			text := strings.TrimSpace(out.String())
			lines := strings.Split(text, "\n")
			assert.Contains(t, lines[len(lines)-1], "every check passed")
			for _, want := range []string{"Flow 1", "Flow 2", "push logistics.upload", "push cancel.order", "push refund.goods", "push inventory.upload", "throttled = 0"} {
				assert.Contains(t, text, want)
			}
			for _, secret := range []string{"林一", "13900000001", "示例路", "access_token", "sign="} {
				assert.NotContains(t, text, secret, "personal data and secrets are not printed")
			}
		})
	}
	assert.ErrorContains(t, run(t.Context(), &strings.Builder{}, settings{via: "fax"}), `-via "fax": want open or qimen`)
}

// TestViaQimen: flow 1 comes to the same result whichever way the documents are
// read: the same steps, and the same state of the ERP at its end.
func TestViaQimen(t *testing.T) {
	type result struct{ steps, calls, state []string }
	results := map[string]result{}
	call := regexp.MustCompile(`Outbounds\.Since +|Scene\.SaleoutsSince +`)
	for _, via := range []string{viaOpen, viaQimen} {
		var r result
		var out strings.Builder
		require.NoError(t, run(t.Context(), &out, settings{via: via, erp: slack(), look: func(erp *jushuitantest.Server) { r.state = stateOf(erp) }}), "%s", out.String())
		_, flow, ok := strings.Cut(out.String(), "Flow 1")
		require.True(t, ok)
		flow, _, ok = strings.Cut(flow, "Flow 2")
		require.True(t, ok)
		for _, line := range strings.Split(flow, "\n")[2:] {
			if len(line) > 8 {
				line = line[8:] // without the time
			}
			r.calls = append(r.calls, strings.TrimSpace(call.FindString(line)))
			r.steps = append(r.steps, call.ReplaceAllString(line, "read documents "))
		}
		results[via] = r
	}
	open, viaScene := results[viaOpen], results[viaQimen]
	assert.Equal(t, open.steps, viaScene.steps)
	assert.Equal(t, open.state, viaScene.state)
	assert.Greater(t, len(open.state), 8)
	assert.Contains(t, open.calls, "Outbounds.Since")
	assert.Contains(t, viaScene.calls, "Scene.SaleoutsSince")
	assert.NotContains(t, viaScene.calls, "Outbounds.Since")
}

// stateOf is what matters of the ERP's state.
func stateOf(erp *jushuitantest.Server) []string {
	var out []string
	for _, o := range erp.Orders() {
		out = append(out, fmt.Sprintf("order %d %s %s wms %s by %s %s", o.OID, o.SoID, o.Status, fmt.Sprint(o.WMSCoID), o.LCID, o.LID))
	}
	for _, d := range erp.Outbounds() {
		out = append(out, fmt.Sprintf("outbound %d of %d %s wms %d by %s %s, version %d", d.IOID, d.OID, d.Status, d.WMSCoID, d.LCID, d.LID, d.TS))
	}
	for _, row := range erp.Stock(demo.StoreWarehouse) {
		out = append(out, fmt.Sprintf("stock %s %s", row.SKUID, row.Qty))
	}
	return out
}
