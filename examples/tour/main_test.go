package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTour runs the tour both ways and reads what it prints.
func TestTour(t *testing.T) {
	for name, virtual := range map[string]bool{"stocktake": false, "virtual quantities": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			require.NoError(t, run(t.Context(), &out, virtual), "%s", out.String())
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
}
