package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// noSecrets checks that personal data and secrets are not printed.
func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"林一", "林二", "1390000000", "示例路", "buyer-0", "seller", "access_token", "sign=", "demosecret"} {
		assert.NotContains(t, text, secret)
	}
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
			require.NoError(t, run(t.Context(), &out, s), "%s", out.String())
			noSecrets(t, out.String())
			text := strings.TrimSpace(out.String())
			lines := strings.Split(text, "\n")
			assert.Contains(t, lines[len(lines)-1], "every check passed")
			for i, want := range []string{"线上订单线下发货", "线下订单线上发货", "总部配货", "店铺补货", "店铺退货", "店店调拨"} {
				assert.Contains(t, text, fmt.Sprintf("== Flow %d %s", i+1, want))
				assert.Regexp(t, fmt.Sprintf(`(?m)^%d     %s +\d+ +\d+ +\d+ +0 +\d+ +\d+ +\d+ +0 +\d+ +\d+$`, i+1, want), text)
			}
			for _, want := range []string{
				"push logistics.upload", "push cancel.order", "push refund.goods", "push inventory.upload",
				"found by callback.Reconcile, redelivered", "throttled 0.", "; 0 unexplained.", "Decided by rule 按规则处理: ask_again", "difference_document", "loss_in_transit", "reconcile_redelivers",
			} {
				assert.Contains(t, text, want)
			}
			assert.Equal(t, s.via == viaQimen, strings.Contains(text, "every call through Qimen was answered with success"))
		})
	}
	assert.ErrorContains(t, run(t.Context(), &strings.Builder{}, settings{via: "fax"}), `-via "fax": want open or qimen`)
}

// TestJSON: one document with the promised members, every flow with every scene, and a
// summary that is the sum of its flows.
func TestJSON(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, settings{via: viaOpen, json: true}))
	noSecrets(t, out.String())
	var loose map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(out.String()), &loose), "one document and nothing else")
	first := func(name string) map[string]any {
		var list []map[string]any
		require.NoError(t, json.Unmarshal(loose[name], &list))
		require.NotEmpty(t, list)
		for _, row := range list {
			require.Equal(t, slices.Sorted(maps.Keys(list[0])), slices.Sorted(maps.Keys(row)), "every row has every member")
		}
		return list[0]
	}
	numbers := "calls checks differences documents_in documents_out failed ms pushes retries throttled unexplained"
	for name, want := range map[string]string{
		"timeline": "call documents flow ms result scene step who", "scenes": "flow kind scene stands_in title why",
		"checks": "flow ms ok text", "differences": "document flow how item qty rule settled what",
	} {
		assert.Equal(t, want, strings.Join(slices.Sorted(maps.Keys(first(name))), " "), name)
	}
	assert.Equal(t, strings.Fields("checks differences flows ok scenes summary timeline"), slices.Sorted(maps.Keys(loose)))
	flow := first("flows")
	delete(flow, "flow")
	delete(flow, "title")
	assert.Equal(t, numbers, strings.Join(slices.Sorted(maps.Keys(flow)), " "))

	var doc tourDocument
	require.NoError(t, json.Unmarshal([]byte(out.String()), &doc))
	assert.True(t, doc.OK)
	require.Len(t, doc.Flows, 6)
	sum := doc.Flows[0].numbers
	for _, f := range doc.Flows[1:] {
		sum.add(f.numbers)
	}
	sum.MS = doc.Summary.MS
	assert.Equal(t, sum, doc.Summary)
	assert.Equal(t, [3]int{len(doc.Checks), len(doc.Differences), 0}, [3]int{sum.Checks, sum.Differences, sum.Throttled})
	for i := range reflect.ValueOf(sum).NumField() {
		switch name := reflect.TypeOf(sum).Field(i).Name; name {
		case "Throttled", "Unexplained", "Failed":
			assert.Zero(t, reflect.ValueOf(sum).Field(i).Int(), name)
		default:
			assert.Positive(t, reflect.ValueOf(sum).Field(i).Int(), name)
		}
	}

	// The seven failures in each flow; each substitute states its reason.
	standsIn := map[int]string{}
	for _, f := range doc.Flows {
		for _, kind := range flows.SceneKinds() {
			i := slices.IndexFunc(doc.Scenes, func(s demo.Scene) bool { return s.Flow == f.Flow && s.Kind == string(kind) })
			require.GreaterOrEqual(t, i, 0, "flow %d does not show %s", f.Flow, kind)
			s := doc.Scenes[i]
			assert.Equal(t, s.StandsIn, s.Why != "")
			if s.StandsIn {
				standsIn[f.Flow] += " " + s.Kind
			}
			assert.True(t, slices.ContainsFunc(doc.Timeline, func(e demo.Event) bool {
				return e.Flow == f.Flow && e.Scene == s.Number && e.Who == demo.DianJia && e.Step == 0
			}), "flow %d, %s: the host does something", f.Flow, kind)
		}
	}
	push := " duplicate_push push_lost_found_reconcile"
	assert.Equal(t, map[int]string{1: push, 3: push, 4: push, 5: push, 6: " carrier_unknown" + push}, standsIn)
}

// TestUnexplained: a difference that no decision explains, a lost push and a throttled
// call fail the tour.
func TestUnexplained(t *testing.T) {
	t.Parallel()
	erp := jushuitantest.NewServer()
	defer erp.Close()
	res := &result{}
	res.report = flows.New(&res.out)
	res.report.Flow(3, "总部配货: test")
	res.report.Differs("PH-1", "A", demo.NotShipped, decimal.NewFromInt(3))
	res.report.Settles("PH-1", "A", demo.NotShipped, decimal.NewFromInt(2), "asked again")
	res.close(erp, []qimentest.RequestRecord{{Flag: "failure"}}, demo.Traffic{Calls: 5}, time.Second)
	doc := document([]*result{res}, time.Second)
	assert.False(t, doc.OK)
	assert.Equal(t, []string{
		"flow 3: every difference is explained: 0 of 1", "flow 3: the host and the ERP counted the same calls: 5 and 1",
		"flow 3: every call through Qimen was answered with success: 1",
	}, doc.failed())
	assert.Equal(t, [2]int{1, 3}, [2]int{doc.Summary.Unexplained, doc.Summary.Failed})
	assert.Contains(t, res.out.String(), "asked again; UNEXPLAINED: 1")

	var out strings.Builder
	doc.print(&out)
	assert.Contains(t, out.String(), "; 1 unexplained.")

	failing := settings{via: viaOpen, look: func(erp *jushuitantest.Server) {
		erp.Inject(jushuitantest.Fault{Kind: jushuitantest.HTTP429, Times: 1})
		resp, err := http.Post(erp.URL+"/open/shops/query", "", nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}}
	out.Reset()
	err := run(t.Context(), &out, failing)
	require.ErrorContains(t, err, "flow 1: no call was throttled")
	assert.NotContains(t, out.String(), "every check passed\n")
}

// TestViaQimen: flow 1 has the same result whichever way the documents are read: the same
// steps, and the same state of the ERP at its end.
func TestViaQimen(t *testing.T) {
	t.Parallel()
	type result struct{ steps, calls, state []string }
	results := map[string]result{}
	call := regexp.MustCompile(`(Outbounds\.Since|Scene\.SaleoutsSince) +`)
	request := regexp.MustCompile(`request fake-\d+`) // the open API numbers its own
	for _, via := range []string{viaOpen, viaQimen} {
		var r result
		var out strings.Builder
		require.NoError(t, run(t.Context(), &out, settings{via: via, look: func(erp *jushuitantest.Server) { r.state = stateOf(erp) }}), "%s", out.String())
		_, flow, ok := strings.Cut(out.String(), "== Flow 1")
		require.True(t, ok)
		flow, _, ok = strings.Cut(flow, "check ok: every difference is explained")
		require.True(t, ok)
		for _, line := range strings.Split(flow, "\n")[2:] {
			if len(line) > 8 && strings.TrimSpace(line[:6]) != "" {
				line = line[6:] // without the time
			}
			if name := call.FindStringSubmatch(line); name != nil {
				r.calls = append(r.calls, name[1])
			}
			r.steps = append(r.steps, request.ReplaceAllString(call.ReplaceAllString(line, "read documents "), ""))
		}
		results[via] = r
	}
	open, viaScene := results[viaOpen], results[viaQimen]
	assert.Equal(t, open.steps, viaScene.steps)
	assert.Greater(t, len(open.steps), 60)
	assert.Equal(t, open.state, viaScene.state)
	assert.Greater(t, len(open.state), 8)
	assert.Contains(t, open.calls, "Outbounds.Since")
	assert.Contains(t, viaScene.calls, "Scene.SaleoutsSince")
	assert.NotContains(t, viaScene.calls, "Outbounds.Since")
}

// stateOf returns the relevant parts of the ERP's state.
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
