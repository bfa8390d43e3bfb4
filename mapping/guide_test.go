package mapping_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGuide reads testdata/guide.tsv: every statement of the implementation guide is a rule of
// this module, with the test that holds it, or the host's, with the reason.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("testdata/guide.tsv")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	parts, seen, rules := map[string]bool{}, map[string]bool{}, 0
	for n, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		require.Len(t, cells, 4, "line %d", n+2)
		part, statement, owner, reason := cells[0], cells[1], cells[2], cells[3]
		top, _, _ := strings.Cut(part, ".")
		parts[top] = true
		assert.False(t, seen[part+statement], "line %d: %s is there already", n+2, statement)
		seen[part+statement] = true
		require.NotEmpty(t, statement, "line %d", n+2)
		require.NotEmpty(t, reason, "line %d", n+2)
		switch owner {
		case "host":
		case "rule":
			rules++
			assert.True(t, testExists(t, reason), "line %d: %s: there is no test %s", n+2, statement, reason)
		default:
			t.Errorf("line %d: owner %q is neither rule nor host", n+2, owner)
		}
	}
	assert.Len(t, parts, 7, "the guide has seven parts")
	assert.Greater(t, rules, 45)
}

// testExists reports whether a package of this module has the test, such as mapping.TestGuide.
func testExists(t *testing.T, name string) bool {
	t.Helper()
	dir, test, ok := strings.Cut(name, ".")
	require.True(t, ok, name)
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(source), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
