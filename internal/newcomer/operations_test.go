package newcomer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestOperationsInTexts: an operation that an error, a hint or a comment of the library
// names, as AfterSales.Query, exists.
func TestOperationsInTexts(t *testing.T) {
	methods := map[string]map[string]bool{} // by service
	client := exported(t, "jushuitan")
	for _, op := range jushuitan.Operations() {
		if methods[op.Service] == nil {
			methods[op.Service] = map[string]bool{}
		}
		methods[op.Service][op.Method] = true
	}
	delete(methods, "Carriers") // is a type of mapping too
	name := regexp.MustCompile(`\b([A-Z]\w+)\.([A-Z]\w+)\b`)
	found := 0
	check := func(file, text string) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			if known := methods[m[1]]; known != nil {
				found++
				// Iterators and streams are no operations of their own.
				assert.True(t, known[m[2]] || client[m[2]], "%s names %s, which is not there", file, m[0])
			}
		}
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			check(path, group.Text())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				check(path, lit.Value)
			}
			return true
		})
		return nil
	}))
	assert.Greater(t, found, 100)
}
