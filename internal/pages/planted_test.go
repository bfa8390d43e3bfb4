package pages_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var planted = flag.Bool("pages.planted", false, "plant bugs in the package: the model must find each")

// TestPlantedBugs builds the package with one bug after another, and expects the model
// to fail. Run it with -pages.planted after a change of the model or of a rule; without,
// it only checks that each bug can still be planted.
func TestPlantedBugs(t *testing.T) {
	bugs := []struct{ name, file, old, new string }{
		{"off by one: the cursor's own version is not asked for", "version.go", "= max(c.at, 1)", "= max(c.at+1, 1)"},
		{"an absent has_next is false", "ends.go", "	}\n	return unsaid\n", "	}\n	return none\n"},
		{"the re-read is dropped", "moved.go", "	case atomic:\n		return true", "	case true:\n		return true"},
		{"a count that changed is believed", "moved.go", "t.total > 0 && t.moved:\n		return false", "t.total > 0 && t.moved:\n		return true"},
		{"rows of one key are one", "content.go", "		s.id = text(s.id, key)", "		s.id = text(0, key)"},
		{"rows without a key are one", "content.go", "	s := stamp{id: c.hash(reflect.ValueOf(row).Elem())}", "	s := stamp{id: 7}"},
		{"the host's clock ends a time range", "clock.go", "	if s.Clock != nil {", "	if false {"},
		{"commits up to the end of a range, beyond the margin", "times.go", "settled.Before(to) {", "settled.Before(to) && false {"},
		{"a slow host's clock ends a resumed stream at once", "times.go", "!known && !w.asked &&", "!known && w.asked &&"},
		{"commits beyond the overlap", "clock.go", "low.Add(-margin - s.Overlap)", "low.Add(-margin)"},
		{"the overlap of versions is not read again", "late.go", "	if v.p.Overlap == 0 {", "	if true {"},
		{"the pages of a cursor are read once", "version.go", "case pass > 1 && sum == before && c.fresh == fresh:", "case pass > 0 || sum == before && c.fresh == fresh:"},
		{"the row in progress is committed", "stream.go", "	s.open, s.row = true, done{entry, mark}\n", "	s.open, s.row = true, done{entry, mark}\n	s.commit()\n"},
		{"a row on a border whose time is unknown", "window.go", "when.IsZero() || ", ""},
		{"a range that is divided is left out", "window.go", "w.from, w.done, w.planned, w.whole = *begin, false, nil, first", "w.done, w.planned, w.whole = false, nil, first"},
		{"a page that was requested ahead is of another range", "window.go", "	w.planned = req\n", ""},
		{"a committed row whose time is unknown is forgotten", "times.go", "mark = max(mark, end.UnixMilli())", "mark = max(mark, end.UnixMilli()-5000)"},
		{"a committed row is forgotten", "checkpoint.go", "mark < floor", "mark <= floor"},
	}
	for _, bug := range bugs {
		t.Run(bug.name, func(t *testing.T) {
			text, err := os.ReadFile(bug.file)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), bug.old), "the place in %s to plant the bug", bug.file)
			if !*planted {
				return
			}
			dir := t.TempDir()
			changed, overlay := filepath.Join(dir, bug.file), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(text), bug.old, bug.new, 1)), 0o600))
			at, err := filepath.Abs(bug.file)
			require.NoError(t, err)
			replace, err := json.Marshal(map[string]any{"Replace": map[string]string{at: changed}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, replace, 0o600))
			out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", overlay, "-run", "^TestModel$", ".", "-pages.seeds=3000").CombinedOutput()
			assert.Error(t, err, "the model does not find it")
			assert.Contains(t, string(out), "-pages.seed=", "the model fails, and not the build")
		})
	}
}
