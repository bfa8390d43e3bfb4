package main

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// recorded is an answer of the project's corpus.
type recorded struct {
	ID     string   `json:"id"`
	Files  []string `json:"files"`
	Kind   string   `json:"kind"`
	Target string   `json:"target"`
	HTTP   struct {
		Status      int    `json:"status"`
		ContentType string `json:"content_type"`
	} `json:"http"`
}

// corpus returns the answers of the project's corpus and their operations.
func corpus(t *testing.T) map[string][]*answer {
	t.Helper()
	const dir = "../../internal/corpus/testdata"
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	var index struct {
		Payloads []recorded `json:"payloads"`
	}
	require.NoError(t, json.Unmarshal(text, &index))
	out := map[string][]*answer{}
	for _, p := range index.Payloads {
		if p.Kind != "jushuitan-answer" {
			continue
		}
		i := slices.IndexFunc(operations(t), func(op *catalog.Operation) bool {
			return op.Path == p.Target || slices.Contains(op.AltPaths, p.Target)
		})
		require.GreaterOrEqual(t, i, 0, p.Target)
		for _, name := range p.Files {
			body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			require.NoError(t, err)
			a := &answer{Op: operations(t)[i], Status: p.HTTP.Status, ContentType: p.HTTP.ContentType, Body: body}
			if a.Status == 0 {
				a.Status = http.StatusOK
			}
			out[p.ID] = append(out[p.ID], a)
		}
	}
	return out
}

var update = flag.Bool("update", false, "write testdata/corpus.tsv anew")

// TestCorpus: of every answer that other programs show, the differences are those in
// testdata/corpus.tsv. They were read there by eye: change them deliberately.
func TestCorpus(t *testing.T) {
	const name = "testdata/corpus.tsv"
	answers := corpus(t)
	var lines []string
	reads, rows := 0, 0
	for _, id := range slices.Sorted(maps.Keys(answers)) {
		op := answers[id][0].Op
		s := inspect(op, answers[id]...) // those of writes must not panic either
		if op.Effect != "read" {
			continue
		}
		reads++
		rows += s.rows
		if len(s.findings) == 0 {
			lines = append(lines, id+"\tnone\n")
		}
		for _, f := range s.sorted() {
			lines = append(lines, id+"\t"+f.String()+"\n")
		}
	}
	t.Logf("%d/%d answers to reads, %d rows", reads, reads, rows)
	got := strings.Join(lines, "")
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o600))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
	assert.GreaterOrEqual(t, reads, 50)
}
