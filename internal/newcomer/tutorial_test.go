package newcomer

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTutorial follows the tutorial in each language, block by block, each in a shell of its
// own: a reader who opens a new terminal for every block gets to the end.
func TestTutorial(t *testing.T) {
	compile(t)
	for _, name := range []string{"examples/TUTORIAL.md", "examples/TUTORIAL.zh-CN.md"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			d := readDocument(t, name)
			s := newShell(t)
			var printed strings.Builder
			running := map[string]*program{}
			folder := filepath.Join(s.home, "jushuitan-tutorial", "shop")
			for _, f := range d.fences {
				switch {
				case f.file != "":
					require.NoError(t, os.WriteFile(filepath.Join(folder, f.file), []byte(s.here.Replace(f.text)), 0o600))
				case f.language == "sh":
					m := terminal.FindStringSubmatch(f.before)
					require.NotNil(t, m, "%s: the block does not say its terminal", d.at(f))
					require.Nil(t, running[m[1]], "%s: terminal %s is in use", d.at(f), m[1])
					if !strings.Contains(f.before, "stays open") && !strings.Contains(f.before, "保持打开") {
						printed.WriteString(s.run(t, d.at(f), f.text))
						continue
					}
					running[m[1]] = start(t, s.command(f.text, true))
					running[m[1]].line(t, `/_sandbox/|go run \. url`)
				}
			}
			for _, want := range []string{
				`10200077 青禾微商城 商家自有商城`, `AccessToken:\*\*\*`, `create TEE24 圆领纯棉T恤 2`, // authorise, products
				`\n\{"ok":true\}\n.*o_id 910001\n\{"io_id":50001\}\n\{"ok":true\}\n`, // registered, uploaded, assigned, shipped
				`\n\{"o_id":910002,"so_id":"DY-1"\}\n\{"io_id":50002\}\n.* io_id 50002 DY-1\n$`,
			} {
				assert.Regexp(t, want, printed.String())
			}
			assert.NotContains(t, printed.String(), "demosecret")
			running["3"].line(t, `MALL-1 TEE24-WHT-M x 1 .* 顺丰速运 SF0001`)
			assertFormatted(t, folder)
		})
	}
}

// elsewhere are commands that need a published module or a real account, or that other tests run.
var elsewhere = regexp.MustCompile(`(?m)^(go get |go -C jushuitan-go (run ./examples/tour|test \./\.\.\.|run ./examples/verify)$|go -C jushuitan-go run ./examples/verify -app-key |read -rs )`)

// TestFrontDoor does in each language what the front page says before anything is published:
// a module beside the clone, and the program of the first screen in it, with the sandbox.
func TestFrontDoor(t *testing.T) {
	compile(t)
	for _, name := range readmes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := readDocument(t, name)
			s := newShell(t)
			var blocks []string
			for _, f := range d.in("sh") {
				block := ""
				for line := range strings.Lines(f.text) {
					if !elsewhere.MatchString(line) {
						block += line
					}
				}
				if block != "" {
					blocks = append(blocks, block)
				}
			}
			require.Len(t, blocks, 4, "the clone, a module, the sandbox, the program")
			s.run(t, name, blocks[0])
			s.run(t, name, blocks[1])
			require.Equal(t, "main.go", d.in("go")[0].file)
			require.NoError(t, os.WriteFile(filepath.Join(s.home, "shop", "main.go"), []byte(d.in("go")[0].text), 0o600))
			assertFormatted(t, filepath.Join(s.home, "shop"))
			erp := start(t, s.command(blocks[2], true))
			erp.line(t, `/_sandbox/`)
			nested := regexp.MustCompile("`(go -C shop work use \\S+)`").FindStringSubmatch(strings.Join(d.prose, "\n"))
			require.NotNil(t, nested, "%s does not say how to use a nested module", name)
			s.run(t, name, nested[1]+"\ngo -C shop list github.com/dianjia/jushuitan-go/jushuitan/sqlstate")
			assert.Regexp(t, `(?m)^TEE24-WHT-M .*T恤.* 59$`, s.run(t, name, blocks[3]))
		})
	}
}

// TestBlocksCanBePasted: an interactive zsh takes a comment for arguments.
func TestBlocksCanBePasted(t *testing.T) {
	n := 0
	for _, name := range documents() {
		d := readDocument(t, name)
		for _, f := range d.in("sh") {
			n++
			assert.NotContains(t, " "+f.text, " #", "%s: a comment", d.at(f))
			assert.NotContains(t, f.text, "$ ", "%s: a prompt", d.at(f))
		}
	}
	assert.Greater(t, n, 15)
}

// compile fills the cache, so that no block waits for the compiler.
func compile(t *testing.T) {
	t.Helper()
	goTool(t, root, "build", "-o", os.DevNull, "./examples/sandbox")
}

// TestQuickStartStoresNoSkip: code that readers copy cannot store what the rules skip, since it
// takes the product of a decision only from ToStore.
func TestQuickStartStoresNoSkip(t *testing.T) {
	n := 0
	for _, name := range documents() {
		d := readDocument(t, name)
		for _, f := range d.in("go") {
			plan := regexp.MustCompile(`(\w+) := \w+\.Plan\(`).FindStringSubmatch(f.text)
			if plan == nil {
				assert.NotContains(t, f.text, ".Plan(", d.at(f))
				continue
			}
			n++
			assert.Contains(t, f.text, ":= "+plan[1]+".ToStore(); ok {", d.at(f))
			assert.NotRegexp(t, `\b`+plan[1]+`\.Product\b`, f.text, d.at(f))
		}
	}
	assert.Equal(t, 2, n, "the tutorial in both languages")
}

// terminal begins the line before a block of the tutorial.
var terminal = regexp.MustCompile(`^\*\*(?:Terminal|终端) (\d)\*\*`)

// shell runs blocks of a document, each in a shell that knows nothing of the others.
type shell struct {
	home string
	env  []string
	here *strings.Replacer // addresses that are free, and the clone
}

func newShell(t *testing.T) *shell {
	t.Helper()
	clone, err := filepath.Abs(root)
	require.NoError(t, err)
	s := &shell{home: t.TempDir(), here: strings.NewReplacer(
		"127.0.0.1:8080", freeAddress(t), "127.0.0.1:8090", freeAddress(t),
		"git clone https://github.com/dianjia/jushuitan-go\n", "ln -s '"+clone+"' jushuitan-go\n",
	)}
	s.env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOROOT"} {
		s.env = append(s.env, name+"="+strings.TrimSpace(goTool(t, ".", "env", name)))
	}
	s.env = append(s.env, goFlags())
	return s
}

// command is a block in a new shell, which begins in the home folder. One that stays open
// gets Ctrl-C when its input ends.
func (s *shell) command(block string, stays bool) *exec.Cmd {
	script := "set -euo pipefail\n" + s.here.Replace(block)
	cmd := exec.Command("bash", "-c", script)
	if stays {
		cmd = exec.Command("bash", "-c", `set -m; bash -c "$0" </dev/null & cat >/dev/null; kill -INT -- -$!; wait $!`, script)
	}
	cmd.Env, cmd.Dir = s.env, s.home
	return cmd
}

// run runs a block to its end and returns what it prints.
func (s *shell) run(t *testing.T, at, block string) string {
	t.Helper()
	cmd := s.command(block, false)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s\n%s", at, out, complaints.String())
	return string(out)
}

func assertFormatted(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gofmt", "-l", ".")
	cmd.Dir = dir
	unformatted, err := cmd.Output()
	require.NoError(t, err)
	assert.Empty(t, string(unformatted), "gofmt")
}
