package catalog

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/one_source.txt")

func load(t *testing.T) []*Operation {
	t.Helper()
	ops, err := Operations()
	require.NoError(t, err)
	return ops
}

// TestComplete: every operation and member has sources, every write states what proves it,
// and every read-back queries members that exist on both sides.
func TestComplete(t *testing.T) {
	groups, err := Load()
	require.NoError(t, err)
	require.NoError(t, Check(groups))
	writes, none, readBacks := 0, 0, 0
	for _, op := range load(t) {
		if op.Effect == "read" {
			continue
		}
		writes++
		if op.Evidence.None != "" {
			none++
			assert.Nil(t, op.ReadBack, op.Path)
		}
		if op.ReadBack != nil {
			readBacks++
		}
	}
	t.Logf("%d writes have evidence, %d say why there is none; %d have a read-back", writes-none, none, readBacks)
}

// TestUnknownMember: an unknown member in the catalog is an error, not ignored.
func TestUnknownMember(t *testing.T) {
	for _, text := range []string{
		`{"group": "g", "operation": []}`,
		`{"operations": [{"path": "/a", "evidense": {}}]}`,
		`{"operations": [{"path": "/a", "evidence": {"flag": ["ok"]}}]}`,
		`{"operations": [{"path": "/a", "request": [{"name": "a", "requires": true}]}]}`,
		`{"titles_without_path": [{"title": "a"}]}`,
	} {
		_, err := read(io.NopCloser(strings.NewReader(text)))
		assert.ErrorContains(t, err, "unknown field", text)
	}
}

// TestMistakes: what an entry leaves undecided is an error that says what to add.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(write *Operation)
		want   string
	}{
		{"no sources", func(op *Operation) { op.Sources = nil }, "/w: needs sources"},
		{"a source twice", func(op *Operation) { op.Sources = []string{"a", "a"} }, `sources of the operation: "a" is blank or a duplicate`},
		{"no evidence", func(op *Operation) { op.Evidence = nil }, "/w: needs evidence: what in the answer proves"},
		{"evidence of a read", func(op *Operation) { op.Effect = "read" }, "evidence and read_back are of writes"},
		{"empty evidence", func(op *Operation) { op.Evidence.Flags = nil }, "evidence names nothing"},
		{"none and something", func(op *Operation) { op.Evidence.None = "why" }, "evidence is none and something at once"},
		{"another place", func(op *Operation) { op.Evidence.Of = "rows" }, `evidence of "rows": want root, payload, row or lists`},
		{"no such flag", func(op *Operation) { op.Evidence.Flags = []string{"ok", "done"} }, "the answer has no data.datas.done"},
		{"no such id", func(op *Operation) { op.Evidence.IDs = []string{"o_id"} }, "the answer has no data.datas.o_id"},
		{"message without a source", func(op *Operation) { op.Evidence.Messages = []Message{{Text: "成功"}} }, `the message "成功" needs its source`},
		{"value of another form", func(op *Operation) { op.Evidence.Values = []string{"true"} }, "data is no true"},
		{"another flag than batch", func(op *Operation) { op.Batch = &Batch{OK: "success"} }, "lacks the flag success of batch"},
		{"query that is none", func(op *Operation) { op.ReadBack.Operation = "Orders.Write" }, "read_back: Orders.Write is no query"},
		{"filter that is none", func(op *Operation) { op.ReadBack.Ask["o_ids"] = "so_id" }, "Orders.Query has no filter o_ids"},
		{"filter from nothing", func(op *Operation) { op.ReadBack.Ask["so_ids"] = "so" }, "read_back: the request has no so"},
		{"row without it", func(op *Operation) { op.ReadBack.Key["o_id"] = "so_id" }, "a row of Orders.Query has no o_id"},
		{"no key", func(op *Operation) { op.ReadBack.Key = nil }, "read_back needs a key"},
		{"nothing that tells", func(op *Operation) { op.ReadBack.Creates = false }, "read_back needs what must be the same or what proves"},
		{"same as nothing", func(op *Operation) { op.ReadBack.Same = map[string]string{"status": "state"} }, "the request has no state"},
		{"no such manner", func(op *Operation) { op.ReadBack.How = map[string]string{"status": "like"} }, `how "like" of status`},
		{"case of nothing", func(op *Operation) { op.ReadBack.Cases = []Case{{If: map[string][]string{"kind": {"1"}}}} }, "the request has no kind"},
		{"without a filter", func(op *Operation) { op.ReadBack.Ask = nil }, "read_back without a filter needs fresh"},
		{"value that never comes", func(op *Operation) { op.ReadBack.Proof = map[string][]string{"status": {"Gone"}} }, "status of Orders.Query is never Gone"},
		{"required and inferred", func(op *Operation) { op.Request[0].Inferred = true }, "so_id is required or inferred, not both"},
	} {
		groups := pair()
		require.NoError(t, Check(groups))
		tc.change(groups[0].Operations[1])
		assert.ErrorContains(t, Check(groups), tc.want, tc.name)
	}
}

// pair is a query and a write that it reads back.
func pair() []*Group {
	rows := func(more ...*Field) []*Field {
		return append([]*Field{{Name: "data", Type: "object"}, {Name: "data.datas", Type: "[]object"}}, more...)
	}
	query := &Operation{
		Path: "/q", Effect: "read", Sources: []string{"a"}, Payload: "data", Rows: "datas",
		Go:      GoNames{Service: "Orders", Method: "Query", Response: "OrderPage"},
		Request: []*Field{{Name: "so_ids", Type: "[]string"}},
		Response: rows(&Field{Name: "data.datas[].so_id", Type: "string"},
			&Field{Name: "data.datas[].status", Type: "string", Values: []string{"Sent"}}),
	}
	write := &Operation{
		Path: "/w", Effect: "keyed", Sources: []string{"a", "b"}, Payload: "data", Rows: "datas",
		Go:       GoNames{Service: "Orders", Method: "Write", Response: "OrderWriteReply"},
		Evidence: &Evidence{Of: "row", Flags: []string{"ok"}},
		ReadBack: &ReadBack{Operation: "Orders.Query", Ask: map[string]string{"so_ids": "so_id"}, Key: map[string]string{"so_id": "so_id"}, Creates: true},
		Request:  []*Field{{Name: "so_id", Type: "string", Required: true}},
		Response: rows(&Field{Name: "data.datas[].ok", Type: "bool"}),
	}
	return []*Group{{Group: "order", Operations: []*Operation{query, write}}}
}

// TestSamplesProve: the sample answer of every write contains its evidence.
func TestSamplesProve(t *testing.T) {
	n := 0
	for _, op := range load(t) {
		e := op.Evidence
		if e == nil || e.None != "" || len(op.SampleResponse) == 0 {
			continue
		}
		n++
		var answer any
		require.NoError(t, json.Unmarshal(op.SampleResponse, &answer))
		proved := op.Proves(answer)
		if op.NullIsFailure { // its sample is a refusal
			root, _ := answer.(map[string]any)
			assert.True(t, !proved && slices.ContainsFunc(e.Refusals, func(m Message) bool { return m.Text == root["msg"] }), op.Path)
			continue
		}
		assert.True(t, proved, "%s: the evidence %+v is not in its sample", op.Path, *e)
	}
	t.Logf("%d samples", n)
	assert.NotZero(t, n)
}

// TestOneSource lists what rests on one source, and is only right if that source is. Change
// the list deliberately when the catalog changes.
func TestOneSource(t *testing.T) {
	var b strings.Builder
	for _, op := range load(t) {
		if len(op.Sources) == 1 {
			fmt.Fprintf(&b, "%s\t%s\n", op.Path, op.Sources[0])
		}
		for side, fields := range [][]*Field{op.Request, op.Response} {
			for _, f := range fields {
				if list := op.SourcesOf(f); len(list) == 1 && !(len(op.Sources) == 1 && list[0] == op.Sources[0]) {
					fmt.Fprintf(&b, "%s %s %s\t%s\n", op.Path, [...]string{"request", "response"}[side], f.Name, list[0])
				}
			}
		}
	}
	const name = "testdata/one_source.txt"
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String(), "go test ./internal/catalog -run OneSource -update writes the list")
}
