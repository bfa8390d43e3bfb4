package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// newStatus has orders in a status that no source shows.
var newStatus = jushuitantest.Dialect{Name: "new-status", Source: jushuitantest.Guess, Change: func(a *jushuitantest.Answer) {
	for _, row := range a.Rows() {
		if o, ok := row.(map[string]any); ok && a.Path == "/open/orders/single/query" {
			o["status"], o["pays"] = "WaitRobot", map[string]any{"pay_id": "P-1"}
		}
	}
}}

// drifted returns what an account with new members and other types shows.
func drifted(t *testing.T) []*result {
	t.Helper()
	l := newLab(t, newStatus)
	l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.TypeDrift})
	return l.verify(t)
}

// merge merges a patch into a copy of the catalog, as a person would: fields replace those of
// the same name, and others are added.
func merge(t *testing.T, patch []byte) []*catalog.Group {
	t.Helper()
	groups, err := catalog.Load()
	require.NoError(t, err)
	var lines []struct {
		Group      string               `json:"group"`
		Operations []*catalog.Operation `json:"operations"`
	}
	dec := json.NewDecoder(bytes.NewReader(patch))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&lines), "%s", patch)
	require.NotEmpty(t, lines)
	for _, l := range lines {
		g := slices.IndexFunc(groups, func(g *catalog.Group) bool { return g.Group == l.Group })
		require.GreaterOrEqual(t, g, 0, l.Group)
		for _, add := range l.Operations {
			i := slices.IndexFunc(groups[g].Operations, func(op *catalog.Operation) bool { return op.Path == add.Path })
			require.GreaterOrEqual(t, i, 0, "%s is in the group %s", add.Path, l.Group)
			op := groups[g].Operations[i]
			op.Notes = append(op.Notes, add.Notes...)
			for _, f := range add.Response {
				at := slices.IndexFunc(op.Response, func(o *catalog.Field) bool { return o.Name == f.Name })
				if at < 0 {
					op.Response = append(op.Response, f)
				} else {
					op.Response[at] = f
				}
			}
		}
	}
	return groups
}

// TestPatch: with the printed lines in the catalog, the catalog is valid and what they describe
// is no difference any more.
func TestPatch(t *testing.T) {
	results := drifted(t)
	var text bytes.Buffer
	require.NoError(t, writePatch(&text, patches(results, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))))
	groups := merge(t, text.Bytes())
	require.NoError(t, catalog.Check(groups))

	described, kinds := 0, map[string]int{}
	for _, g := range groups {
		for _, op := range g.Operations {
			if op.Effect != "read" || op.Go.Method == "" {
				continue
			}
			r := resultOf(t, results, op.Name())
			after := inspect(op, r.answers...)
			for _, f := range inspect(r.op, r.answers...).findings {
				if f.line == nil || strings.Contains(f.Path, every) && f.line.Sources == nil {
					continue
				}
				still := slices.ContainsFunc(after.findings, func(o *finding) bool { return o.Kind == f.Kind && o.Path == f.Path })
				if mixed := f.Kind == "other kind" && timesOf(r, f.Path) > 1; mixed {
					continue // in one answer of one kind, in another of another: no line has both
				}
				assert.False(t, still, "%s: %s", op.Name(), f)
				described++
				kinds[f.Kind]++
			}
		}
	}
	t.Logf("%d differences described: %v", described, kinds)
	for _, kind := range []string{"unknown member", "other kind", "new value"} {
		assert.NotZero(t, kinds[kind], kind)
	}
	for _, want := range []string{
		`{"name": "data.orders[].x_new_member", "type": "object", "sources": ["answers of an account, 2026-11-30"], "en": "undocumented; JSON object"}`,
		`{"name": "data.orders[].x_new_member.since", "type": "string", "sources": ["answers of an account, 2026-11-30"], "en": "undocumented; JSON text"}`,
		`{"name": "data.orders[].is_cod", "type": "bool", "wire": "number", "zh": "是否货到付款", "en": "cash on delivery"}`,
		`"WaitRobot"`, `"or_object": true`,
	} {
		assert.Contains(t, text.String(), want)
	}
}

// timesOf counts the kinds in which a member is reported.
func timesOf(r *result, path string) (n int) {
	for _, f := range r.Findings {
		if f.Kind == "other kind" && f.Path == path {
			n++
		}
	}
	return n
}

// TestPatchNotes: what the catalog has no word for becomes a note of the operation.
func TestPatchNotes(t *testing.T) {
	dialects, err := jushuitantest.DialectsNamed("rows-renamed", "no-has_next")
	require.NoError(t, err)
	l := newLab(t, dialects...).only("Orders.Query")
	groups := patches(l.verify(t), time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	require.Len(t, groups, 1)
	assert.Equal(t, "order", groups[0].Group)
	notes := strings.Join(groups[0].Operations[0].Notes, "\n")
	assert.Contains(t, notes, "rows data.orders: named rows, documented as orders (answers of an account, 2026-11-30)")
}

func TestPatchFlag(t *testing.T) {
	text, progress, err := start(t.Context(), few, "-patch", "-dialect", "text-numbers")
	require.NoError(t, err)
	assert.NotEmpty(t, progress)
	merge(t, []byte(text))
}

// TestPrivate: no value of an answer is in the report, its JSON or the patch.
func TestPrivate(t *testing.T) {
	dialects, err := jushuitantest.DialectsNamed("text-numbers", "verdict-in-data")
	require.NoError(t, err)
	l := newLab(t, dialects...)
	l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.TypeDrift, Path: "/open/orders/single/query"})
	l.srv.Inject(jushuitantest.Fault{Kind: jushuitantest.Refuse, Path: "/open/sku/query", Code: 130, Msg: "店铺 10200001 已停用，联系 13912345678"})
	results := l.verify(t)
	rep := l.report(results, nil)
	var text strings.Builder
	rep.print(&app.App{Out: &text})
	machine, err := rep.JSON()
	require.NoError(t, err)
	var patch bytes.Buffer
	require.NoError(t, writePatch(&patch, patches(results, rep.Time)))
	all := text.String() + string(machine) + patch.String()

	words, err := json.Marshal(operations(t)) // of the catalog, such as values of enumerations
	require.NoError(t, err)
	n := 0
	for _, r := range results {
		for _, a := range r.answers {
			for _, v := range leaves("", decode(t, a.Body)) {
				if utf8.RuneCountInString(v.value) < 3 || bytes.Contains(words, []byte(v.value)) || keptText(v.value) {
					continue
				}
				n++
				assert.NotContains(t, all, v.value, "%s of %s", v.name, r.Name)
			}
		}
	}
	assert.Greater(t, n, 200)
	for _, personal := range []string{"林一", "13900000000", "示例路", "13912345678", "10200001"} {
		assert.NotContains(t, all, personal)
	}
	assert.Contains(t, all, "request rejected")
}
