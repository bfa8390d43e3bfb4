package flows_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/flows"
)

// TestMatrix: the table of the package has every scene, and marks the substitutes as the
// tour's test expects: flow 1 and 3 to 6 have no push, flow 6 no carrier.
func TestMatrix(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	marks := map[flows.SceneKind]int{}
	for _, kind := range flows.SceneKinds() {
		_, row, ok := strings.Cut(string(doc), "//\t"+string(kind)+" ")
		require.True(t, ok, "%s is not in the table", kind)
		row, _, _ = strings.Cut(row, "\n")
		marks[kind] = strings.Count(row, "* ")
		assert.NotEqual(t, string(kind), kind.Label())
	}
	assert.Equal(t, map[flows.SceneKind]int{
		flows.Partial: 0, flows.CancelAfterShipping: 0, flows.CarrierUnknown: 1, flows.SKUUnknown: 0, flows.TokenExpired: 0, flows.DuplicatePush: 5, flows.LostPush: 5,
	}, marks)
}

func TestScenes(t *testing.T) {
	var out bytes.Buffer
	r := flows.New(&out)
	r.Flow(3, "总部配货: test")
	r.Shows(flows.Partial, "one")
	r.Instead(flows.LostPush, "two", "no push")
	r.Instead(flows.DuplicatePush, "three", "no push")
	r.Failure("four")
	assert.Contains(t, out.String(), "-- Failure 1, on purpose [partial shipment 部分发货]: one\n")
	assert.Contains(t, out.String(), "-- Failure 2, on purpose [instead of: push lost, found by reconcile 推送丢失、核对补发]: two\n   why instead:  no push\n")
	assert.Contains(t, out.String(), ": three\n   why instead:  see above\n")
	assert.Contains(t, out.String(), "-- Failure 4, on purpose: four\n")
	require.Len(t, r.Scenes, 4)
	assert.Equal(t, "no push", r.Scenes[2].Why)
}
