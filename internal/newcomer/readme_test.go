package newcomer

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmesAgree: both have the same parts, tables and diagrams.
func TestReadmesAgree(t *testing.T) {
	en, zh := readDocument(t, readmes[0]), readDocument(t, readmes[1])
	level := func(headings []string) (out []int) {
		for _, h := range headings {
			out = append(out, len(h)-len(strings.TrimLeft(h, "#")))
		}
		return out
	}
	assert.Equal(t, level(en.headings), level(zh.headings), "headings")
	assert.Len(t, zh.rows, len(en.rows), "rows of tables")
	require.Len(t, zh.fences, len(en.fences), "blocks")
	for i, f := range en.fences {
		assert.Equal(t, f.language, zh.fences[i].language, "%s and %s", en.at(f), zh.at(zh.fences[i]))
		assert.Equal(t, f.file, zh.fences[i].file, "%s and %s", en.at(f), zh.at(zh.fences[i]))
	}
	assert.Len(t, en.in("mermaid"), 6, "a diagram for each flow")
	questions := func(d document) (n int) {
		for _, line := range d.prose {
			if strings.HasPrefix(line, "**") {
				n++
			}
		}
		return n
	}
	assert.Equal(t, questions(en), questions(zh), "paragraphs with a bold beginning: flows, promises, questions")

	// What stands in code in a table, such as names of options, is the same.
	code := regexp.MustCompile("`[^`]+`")
	for i, row := range en.rows {
		assert.ElementsMatch(t, code.FindAllString(row, -1), code.FindAllString(zh.rows[i], -1), "row %d: %s", i+1, row)
	}
}

// TestLinks: what the documents link to in this repository is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, name := range append(slices.Clone(readmes), "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md") {
		d := readDocument(t, name)
		var ids []string
		for _, h := range d.headings {
			ids = append(ids, anchor(h))
		}
		for _, line := range append(d.prose, d.rows...) {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if id, ok := strings.CutPrefix(m[1], "#"); ok {
					assert.Contains(t, ids, id, "%s links to a heading that is not there", name)
				} else if !strings.Contains(m[1], "://") {
					_, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1])))
					assert.NoError(t, err, name)
				}
			}
		}
	}
}

// TestNames: what the READMEs call by a package's name exists.
func TestNames(t *testing.T) {
	bare := regexp.MustCompile("`((?:With|Err)[A-Z]\\w*)`") // of package jushuitan
	name := regexp.MustCompile("`(jushuitan|qimen|dianjia|mapping|callback|redisstate|sqlstate|jushuitantest|qimentest)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?")
	dirs := map[string]string{
		"redisstate": "jushuitan/redisstate", "sqlstate": "jushuitan/sqlstate", "jushuitantest": "jushuitan/jushuitantest", "qimentest": "qimen/qimentest",
	}
	known := map[string]map[string]bool{} // by package
	check := func(readme, pkg, name string) {
		if known[pkg] == nil {
			known[pkg] = exported(t, cmp.Or(dirs[pkg], pkg))
		}
		assert.True(t, known[pkg][name], "%s speaks of %s in %s, which is not there", readme, name, pkg)
	}
	found := 0
	for _, readme := range readmes {
		text, err := os.ReadFile(filepath.Join(root, readme))
		require.NoError(t, err)
		for _, m := range bare.FindAllStringSubmatch(string(text), -1) {
			found++
			check(readme, "jushuitan", m[1])
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			found++
			check(readme, m[1], m[2])
			if m[3] != "" {
				check(readme, m[1], m[3])
			}
		}
	}
	assert.Greater(t, found, 50)
}

// exported are the exported names in the files of a directory: of declarations, methods
// and fields.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	names := map[string]bool{}
	note := func(ids ...*ast.Ident) {
		for _, id := range ids {
			names[id.Name] = names[id.Name] || id.IsExported()
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				note(fn.Name)
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					note(n.Name)
				case *ast.ValueSpec:
					note(n.Names...)
				case *ast.Field:
					note(n.Names...)
				}
				return true
			})
		}
	}
	return names
}
