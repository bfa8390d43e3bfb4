package newcomer

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPackageDocs: the documentation of every package that users import begins with
// what it is for, and has an example; that of every program says how to run it.
func TestPackageDocs(t *testing.T) {
	n := 0
	for _, module := range []string{root, filepath.Join(root, "jushuitan", "redisstate"), filepath.Join(root, "jushuitan", "sqlstate")} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Name,GoFiles,Doc", "./...")
		cmd.Dir = module
		out, err := cmd.Output()
		require.NoError(t, err)
		for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
			var pkg struct {
				Dir, ImportPath, Name, Doc string
				GoFiles                    []string
			}
			require.NoError(t, dec.Decode(&pkg))
			short := strings.TrimPrefix(pkg.ImportPath, "github.com/dianjia/jushuitan-go")
			if strings.Contains(short, "/internal") || len(pkg.GoFiles) == 0 {
				continue
			}
			if strings.HasPrefix(short, "/examples/") && pkg.Name != "main" {
				continue // parts of programs
			}
			n++
			text := packageDoc(t, pkg.Dir, pkg.ImportPath)
			if pkg.Name == "main" {
				assert.True(t, strings.HasPrefix(text, "Command "+filepath.Base(pkg.Dir)+" "), "%s: its comment does not begin with Command", short)
				assert.Contains(t, text, "\tgo run ./examples/"+filepath.Base(pkg.Dir), "%s: its comment does not say how to run it", short)
				continue
			}
			assert.True(t, strings.HasPrefix(text, "Package "+pkg.Name+" "), "%s: its comment does not begin with Package", short)
			assert.Regexp(t, `\n\n\t\S`, text, "%s: its comment has no example", short)
		}
	}
	assert.Greater(t, n, 20)
}

func packageDoc(t *testing.T, dir, importPath string) string {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, importPath)
	require.NoError(t, err)
	return p.Doc
}

// TestGoVersions: the versions of Go that the READMEs name are those that the workflow
// tests, and go.mod names the older of them.
func TestGoVersions(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		return string(text)
	}
	older := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read("go.mod"))
	require.NotNil(t, older)
	matrix := regexp.MustCompile(`go: \["(\d+\.\d+)\.x", "(\d+\.\d+)\.x"\]`).FindStringSubmatch(read(".github/workflows/ci.yml"))
	require.NotNil(t, matrix)
	assert.Equal(t, older[1], matrix[1])
	for _, name := range readmes {
		assert.Regexp(t, regexp.QuoteMeta(matrix[1])+` (and|与) `+regexp.QuoteMeta(matrix[2]), read(name), name)
		assert.Contains(t, read(name), "![Go "+matrix[1]+", "+matrix[2]+"](https://img.shields.io/badge/Go-"+matrix[1]+"%20%7C%20"+matrix[2]+"-", "%s: the badge", name)
	}
}
