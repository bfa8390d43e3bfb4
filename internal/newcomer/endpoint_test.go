package newcomer

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endpointFiles are those that change with an endpoint; the first is written by hand.
var endpointFiles = []string{
	"internal/catalog/order.json",
	"jushuitan/client_gen.go", "jushuitan/fields_gen.go", "jushuitan/operations_gen.go", "jushuitan/order_gen.go", "jushuitan/README.md", "jushuitan/README.zh-CN.md",
}

// addEndpoint does what CONTRIBUTING says: an entry in the catalog for an operation of a
// service that there is, one for an operation of a new service, and go generate. Nothing
// else is written by hand, and a program that calls both gets their samples from the
// fake. (The package's tests ask for an example of a new service besides.)
func addEndpoint(t *testing.T, tree string) {
	t.Helper()
	catalog := filepath.Join(tree, "internal", "catalog", "order.json")
	text := string(readFile(t, catalog))
	for _, entry := range []string{"operation.json", "service_operation.json"} {
		text = insertAfter(t, text, "\n \"operations\": [\n", string(readFile(t, filepath.Join("testdata", entry)))+",\n")
	}
	text = insertAfter(t, text, "\n \"services\": [\n", `{"name": "MadeUps", "zh": "示例", "en": "rows that nobody has"},`+"\n")
	require.NoError(t, os.WriteFile(catalog, []byte(text), 0o600))

	goTool(t, tree, "generate", "./jushuitan", "./qimen")
	assert.ElementsMatch(t, endpointFiles, changedFiles(t, tree))
	readme := string(readFile(t, filepath.Join(tree, "jushuitan", "README.md")))
	assert.Contains(t, readme, "| `/open/made/up/upload` | `Orders.UploadMadeUp` |")
	assert.Contains(t, readme, "| `/open/made/up/query` | `MadeUps.Query` |")
}

// endpointPrints is what the program prints that calls the new operations.
var endpointPrints = []string{
	"uploaded 1 M-1 <nil>",
	"queried M-1 2 示例 <nil>",
	`printed MadeUp{MadeUpID:"M-1" ReceiverName:*** Qty:2 Modified:2024-05-01T08:00:00+08:00}`,
	"listed MadeUps.Query read",
	"listed Orders.UploadMadeUp keyed",
}

// goFlags are those of the tests, so that what did not change comes from their cache, though
// the folder is another.
func goFlags() string { return strings.TrimSpace("GOFLAGS=-trimpath " + os.Getenv("GOFLAGS")) }

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), goFlags())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), out)
	return string(out)
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}

func insertAfter(t *testing.T, text, mark, more string) string {
	t.Helper()
	before, after, ok := strings.Cut(text, mark)
	require.True(t, ok, "no %q", mark)
	return before + mark + more + after
}

// runProgram runs a program of testdata in a module and returns the lines that it prints.
func runProgram(t *testing.T, module, name string) []string {
	t.Helper()
	require.NoError(t, os.CopyFS(filepath.Join(module, name), os.DirFS(filepath.Join("testdata", name))))
	return strings.Split(strings.TrimSuffix(goTool(t, module, "run", "./"+name), "\n"), "\n")
}

// copyTree copies modules of the tree, without those that are nested in them.
func copyTree(t *testing.T, modules ...string) string {
	t.Helper()
	tree := t.TempDir()
	for _, module := range modules {
		from := filepath.Join(root, filepath.FromSlash(module))
		require.NoError(t, filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			if entry.IsDir() {
				_, nested := os.Stat(filepath.Join(name, "go.mod"))
				if name != from && (strings.HasPrefix(entry.Name(), ".") || nested == nil) {
					return filepath.SkipDir
				}
				return os.MkdirAll(filepath.Join(tree, rel), 0o700)
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			return os.WriteFile(filepath.Join(tree, rel), readFile(t, name), 0o600)
		}))
	}
	return tree
}

// changedFiles are those of a copy that differ from the original or are new.
func changedFiles(t *testing.T, tree string) []string {
	t.Helper()
	var changed []string
	require.NoError(t, filepath.WalkDir(tree, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(tree, name)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(filepath.Join(root, rel)); err != nil || !bytes.Equal(old, readFile(t, name)) {
			changed = append(changed, filepath.ToSlash(rel))
		}
		return nil
	}))
	return changed
}
