package newcomer

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFrontPageIsShort: it is read in five minutes; what is longer has a page of its own.
func TestFrontPageIsShort(t *testing.T) {
	for _, name := range readmes {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.LessOrEqual(t, strings.Count(string(text), "\n"), 300, "lines of %s", name)
		assert.Less(t, strings.Index(string(text), "```go"), 4000, "%s: the program stands on the first screen", name)
	}
	for name, words := range map[string][]string{
		"README.md":       {"webhook", "idempotent", "pagination", "rate limit", "quota", "OAuth", "retries", "exponential backoff", "timeout", "incremental sync", "dedup", "outbox", "graceful"},
		"README.zh-CN.md": {"推送", "回调", "webhook", "幂等", "分页", "限流", "令牌", "重试", "指数退避", "增量同步", "断点续传", "去重", "对账", "发件箱", "优雅停机", "事务"},
	} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		for _, word := range words {
			assert.Contains(t, strings.ToLower(string(text)), strings.ToLower(word), "%s: people search for this", name)
		}
	}
}

// TestPagesAgree: each page has the same parts, tables and diagrams in both languages.
func TestPagesAgree(t *testing.T) {
	diagrams := 0
	for _, name := range pages {
		en, zh := readDocument(t, name), readDocument(t, inChinese(name))
		agree(t, en, zh)
		diagrams += len(en.in("mermaid"))
	}
	assert.Equal(t, 6, diagrams, "a diagram for each flow")
}

func agree(t *testing.T, en, zh document) {
	t.Helper()
	level := func(headings []string) (out []int) {
		for _, h := range headings {
			out = append(out, len(h)-len(strings.TrimLeft(h, "#")))
		}
		return out
	}
	assert.Equal(t, level(en.headings), level(zh.headings), "headings of %s", en.name)
	require.Len(t, zh.rows, len(en.rows), "rows of tables of %s", en.name)
	require.Len(t, zh.fences, len(en.fences), "blocks of %s", en.name)
	for i, f := range en.fences {
		assert.Equal(t, f.language, zh.fences[i].language, "%s and %s", en.at(f), zh.at(zh.fences[i]))
		assert.Equal(t, f.file, zh.fences[i].file, "%s and %s", en.at(f), zh.at(zh.fences[i]))
		if f.language == "sh" {
			assert.Equal(t, f.text, zh.fences[i].text, "%s and %s", en.at(f), zh.at(zh.fences[i]))
		}
	}
	bold := func(d document) (n int) {
		for _, line := range d.prose {
			if strings.HasPrefix(line, "**") {
				n++
			}
		}
		return n
	}
	assert.Equal(t, bold(en), bold(zh), "%s: paragraphs with a bold beginning: flows, questions, terminals", en.name)

	// What stands in code in a table, such as names of options, is the same, and so are links to
	// tests.
	code := regexp.MustCompile("`[^`]+`|\\]\\([^)]*\\.go\\)")
	for i, row := range en.rows {
		assert.ElementsMatch(t, code.FindAllString(row, -1), code.FindAllString(zh.rows[i], -1), "%s: row %d: %s", en.name, i+1, row)
	}
}

var (
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pictured = regexp.MustCompile(`(?:src|srcset)="([^"]+)"`)
	function = regexp.MustCompile(`\[((?:Test|Example)\w*)\]\(([^)\s]+\.go)\)`)
)

// TestLinks: what the documents link to in this repository is there: files, headings, pictures,
// and functions in files.
func TestLinks(t *testing.T) {
	ids := map[string][]string{} // of headings, by document
	headings := func(name string) []string {
		if _, ok := ids[name]; !ok {
			ids[name] = []string{}
			for _, h := range readDocument(t, name).headings {
				ids[name] = append(ids[name], anchor(h))
			}
		}
		return ids[name]
	}
	found := 0
	for _, name := range append(documents(), "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md") {
		d := readDocument(t, name)
		for _, line := range append(d.prose, d.rows...) {
			for _, m := range append(linked.FindAllStringSubmatch(line, -1), pictured.FindAllStringSubmatch(line, -1)...) {
				if strings.Contains(m[1], "://") {
					continue
				}
				found++
				file, id, _ := strings.Cut(m[1], "#")
				file = cmp.Or(file, path.Base(name))
				file = path.Join(path.Dir(name), file)
				_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
				if assert.NoError(t, err, name) && id != "" {
					assert.Contains(t, headings(file), id, "%s links to a heading of %s that is not there", name, file)
				}
			}
			for _, m := range function.FindAllStringSubmatch(line, -1) {
				assert.True(t, testsOf(t, path.Join(path.Dir(name), m[2]))[m[1]], "%s links to %s, which is not in %s", name, m[1], m[2])
			}
		}
	}
	assert.Greater(t, found, 200)
}

// TestNames: what the pages call by a package's name exists.
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
	for _, readme := range documents() {
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
