package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample is a package with a place of every kind of change, and tests that notice all of
// them but those that "missed" names.
var sample = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26.0\n",
	"p/p.go": `package p

import "errors"

var table = []struct {
	code int
	ok   bool
}{{code: 7, ok: true}}

func lookup(code int) bool {
	for _, row := range table {
		if row.code == code {
			return row.ok
		}
	}
	return false
}

type counter struct{ n, undone int }

func (c *counter) add(by int) {
	defer c.done()
	c.n += by
	c.n = c.n + 2*by - by
	c.undone++
	c.note()
}

func (c *counter) done() { c.undone-- }

func (c *counter) note() {} // missed: nobody sees the call

func adult(age int) bool { return age >= 18 } // missed: nobody asks for 18

func kind(s string) string {
	switch s {
	case "a", "b":
		return "letter"
	case "1":
		return "digit"
	}
	return ""
}

func both(a, b bool) bool { return a && (b || !a) }

func open(name string) error {
	if err := check(name); err != nil {
		return err
	}
	return nil
}

func check(name string) error {
	if name == "" {
		return errors.New("no name")
	}
	return nil
}

func untested(n int) int { return n * 2 }
`,
	"p/p_test.go": `package p

import "testing"

func TestAll(t *testing.T) {
	if !lookup(7) || lookup(8) {
		t.Fatal("lookup")
	}
	c := &counter{}
	c.add(2)
	if c.n != 4 || c.undone != 0 {
		t.Fatal("counter", c)
	}
	if !adult(20) || adult(10) {
		t.Fatal("adult")
	}
	if kind("a") != "letter" || kind("b") != "letter" || kind("1") != "digit" || kind("-") != "" {
		t.Fatal("kind")
	}
	for i, want := range []bool{false, false, false, true} {
		if both(i > 1, i%2 == 1) != want {
			t.Fatal("both", i)
		}
	}
	if open("") == nil || open("x") != nil {
		t.Fatal("open")
	}
}
`,
	lists + "/equivalents.txt": "# none\np/p.go note drop call: x => \tan example\n",
	lists + "/named.txt":       "p/p.go add drop statement: c.undone++ => \tthe count is wrong\n",
}

// TestOurLists: the lists name changes that there are, so that an edit of such a place is noticed at
// once.
func TestOurLists(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := collect(root, ours("").targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"equivalents.txt", "named.txt"} {
		keys, err := readKeys(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			t.Errorf("%s is empty", name)
		}
		if err := known(root, all, keys); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRun(t *testing.T) {
	root := t.TempDir()
	write(t, root, sample)
	s := scope{targets: []*target{{dir: "p", files: []string{"*.go"}}}, tests: []string{"p"}}
	var out bytes.Buffer
	err := run(t.Context(), &out, s, options{root: root, n: 1000, seed: 1, only: "p", jobs: 2, slowest: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "less than 90 %") {
		t.Errorf("untested lines pass: %v\n%s", err, &out)
	}
	missed := regexp.MustCompile(`(?m)^(?:survived|not met) \S+ p/p.go (.*)$`)
	got := map[string]bool{}
	for _, m := range missed.FindAllStringSubmatch(out.String(), -1) {
		got[strings.TrimSpace(m[1])] = true
	}
	for _, want := range []string{
		"add drop call: c.note() =>",
		"adult operator: age >= 18 => >",
		"adult number: 18 => 19",
		"untested operator: n * 2 => /",
		"untested number: 2 => 3",
	} {
		if !got[want] {
			t.Errorf("no test notices %q, but it does not say so", want)
		}
		delete(got, want)
	}
	for other := range got {
		t.Errorf("a test notices %q", other)
	}
	for _, kind := range []string{"negate", "operator", "number", "flag", "drop call", "drop assignment", "drop statement", "drop defer", "drop case", "forget error"} {
		found, err := collect(root, s.targets)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, c := range found {
			if c.kind == kind {
				n++
			}
		}
		if n == 0 {
			t.Errorf("no change of the kind %q", kind)
		}
	}
	if !regexp.MustCompile(`(?m)^all +\d+ +0 +2 +3 +0 `).MatchString(out.String()) {
		t.Errorf("the table:\n%s", &out)
	}
}

// TestLists: a list that names a change which is not there any more is refused.
func TestLists(t *testing.T) {
	root := t.TempDir()
	write(t, root, sample)
	s := scope{targets: []*target{{dir: "p", files: []string{"*.go"}}}, tests: []string{"p"}}
	err := run(t.Context(), new(bytes.Buffer), s, options{root: root, n: 1, jobs: 1, slowest: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "p/p.go note drop call: x") {
		t.Errorf("a list that names what does not exist: %v", err)
	}
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
