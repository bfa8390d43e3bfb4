package newcomer

import (
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

// TestNames: what the READMEs call by a package's name exists. They speak of too many
// options to compile each, so that the name is looked for in the package's files.
func TestNames(t *testing.T) {
	bare := regexp.MustCompile("`((?:With|Err)[A-Z]\\w*)`") // of package jushuitan
	name := regexp.MustCompile("`(jushuitan|qimen|dianjia|mapping|callback|redisstate|jushuitantest|qimentest)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?")
	dirs := map[string]string{
		"redisstate": "jushuitan/redisstate", "jushuitantest": "jushuitan/jushuitantest", "qimentest": "qimen/qimentest",
	}
	found := 0
	for _, readme := range readmes {
		text, err := os.ReadFile(filepath.Join(root, readme))
		require.NoError(t, err)
		for _, m := range bare.FindAllStringSubmatch(string(text), -1) {
			found++
			assert.Regexp(t, `(?m)^(func|\t)`+m[1]+`\b|^func `+m[1], packageText(t, "jushuitan"), "%s speaks of %s", readme, m[1])
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			dir := dirs[m[1]]
			if dir == "" {
				dir = m[1]
			}
			source := packageText(t, dir)
			for _, part := range m[2:] {
				if part != "" {
					found++
					assert.Regexp(t, `(?m)^(func( \([^)]*\))?|type|\t|var|const) ?(\w+, )*`+part+`\b`, source, "%s speaks of %s.%s", readme, m[1], strings.Join(m[2:], "."))
				}
			}
		}
	}
	assert.Greater(t, found, 20)
}

func packageText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	var b strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		b.Write(text)
	}
	return b.String()
}
