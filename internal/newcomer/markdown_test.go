package newcomer

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var root = filepath.Join("..", "..")

// readmes are the front page in two languages.
var readmes = []string{"README.md", "README.zh-CN.md"}

// pages say the same in two languages: this one and the one whose name ends in .zh-CN.md.
var pages = []string{"README.md", "callback/README.md", "examples/README.md", "examples/TUTORIAL.md", "jushuitan/README.md", "qimen/README.md"}

// inChinese is the name of the Chinese page beside an English one.
func inChinese(name string) string { return strings.TrimSuffix(name, ".md") + ".zh-CN.md" }

// documents are all pages in both languages.
func documents() (names []string) {
	for _, name := range pages {
		names = append(names, name, inChinese(name))
	}
	return names
}

// snippets is how many blocks of Go the pages of one language have that are no whole file.
const snippets = 1

// fence is a block of a Markdown file between ``` lines.
type fence struct {
	line     int    // of its first ```
	language string // go, sh, json, mermaid
	text     string
	before   string // the last line before it
	file     string // the name of a file that this line names, such as main.go
}

var fileName = regexp.MustCompile("`([a-z]+\\.go)`")

// document is a Markdown file, read by its lines.
type document struct {
	name     string
	fences   []fence
	headings []string // with their #
	rows     []string // of tables
	prose    []string // all other lines
}

func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	d := document{name: name}
	var open *fence
	before := ""
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case open != nil && line == "```":
			d.fences = append(d.fences, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			open = &fence{line: i + 1, language: strings.TrimPrefix(line, "```"), before: before}
			if m := fileName.FindStringSubmatch(before); m != nil {
				open.file = m[1]
			}
		case strings.HasPrefix(line, "#"):
			d.headings = append(d.headings, line)
		case strings.HasPrefix(line, "|"):
			d.rows = append(d.rows, line)
		default:
			d.prose = append(d.prose, line)
		}
		if strings.TrimSpace(line) != "" {
			before = line
		}
	}
	require.Nil(t, open, "%s: a ``` is not closed", name)
	return d
}

// in returns the blocks in a language.
func (d document) in(language string) []fence {
	var out []fence
	for _, f := range d.fences {
		if f.language == language {
			out = append(out, f)
		}
	}
	return out
}

func (d document) at(f fence) string { return fmt.Sprintf("%s:%d", d.name, f.line) }

// anchor is the id that a heading gets on a page.
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimLeft(heading, "# ")) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x4e00 && r <= 0x9fff:
			b.WriteRune(r)
		}
	}
	return b.String()
}
