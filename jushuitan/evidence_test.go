package jushuitan

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// TestEvidenceTables: what the client knows of writes is what the catalog states.
func TestEvidenceTables(t *testing.T) {
	entries, err := catalog.Operations()
	require.NoError(t, err)
	texts := func(messages []catalog.Message) (out []string) {
		for _, m := range messages {
			out = append(out, m.Text)
		}
		return out
	}
	for _, entry := range entries {
		op := operationAt(entry.Path)
		require.NotNil(t, op, entry.Path)
		if op.Effect == Read {
			assert.Nil(t, op.evidence, "%s: evidence of a read", entry.Path)
			continue
		}
		require.NotNil(t, op.evidence, "%s: a write without evidence", entry.Path)
		assert.Equal(t, entry.Evidence, &catalog.Evidence{
			Of: op.evidence.of, Flags: op.evidence.flags, Root: op.evidence.rootFlags, Codes: op.evidence.codes, IDs: op.evidence.ids,
			Values: op.evidence.values, Reason: op.evidence.reason, Done: op.evidence.done, Failed: op.evidence.failed,
			Messages: entry.Evidence.Messages, Refusals: entry.Evidence.Refusals, None: entry.Evidence.None,
		}, entry.Path)
		assert.Equal(t, texts(entry.Evidence.Messages), op.evidence.messages, entry.Path)
		assert.Equal(t, texts(entry.Evidence.Refusals), op.evidence.refusals, entry.Path)
		if entry.ReadBack == nil {
			assert.Nil(t, op.readBack, entry.Path)
			continue
		}
		require.NotNil(t, op.readBack, entry.Path)
		assert.Equal(t, entry.ReadBack.Operation, op.readBack.query.Name(), entry.Path)
		assert.Equal(t, Read, op.readBack.query.Effect, entry.Path)
		var asked [][2]string
		for _, a := range op.readBack.ask {
			asked = append(asked, [2]string{a.filter, a.member})
		}
		assert.Equal(t, pairs(entry.ReadBack.Ask), asked, entry.Path)
		assert.Equal(t, pairs(entry.ReadBack.Key), op.readBack.key, entry.Path)
		assert.Equal(t, pairs(entry.ReadBack.Same), op.readBack.same, entry.Path)
		assert.Equal(t, entry.ReadBack.Proof, op.readBack.proof, entry.Path)
		assert.Len(t, op.readBack.cases, len(entry.ReadBack.Cases), entry.Path)
		assert.NotNil(t, readerOf(op.readBack.query), "%s: no reader of %s", entry.Path, entry.ReadBack.Operation)
	}
}

func pairs(m map[string]string) (out [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, [2]string{name, m[name]})
	}
	return out
}
