// Command mutate measures whether the tests notice when the code changes. It changes one
// place of a file at a time, in an overlay so that the tree stays as it is, and runs the
// tests that reach the package:
//
//	go run -C internal/tools ./mutate -n 100 -seed 1 -only internal/pages
//
// It prints a line for each change that no test noticed and a table by package. Changes
// that have no effect are listed with the reason in equivalents.txt and do not count.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// target is a package whose files decide something, with the tests that reach it.
type target struct {
	dir   string
	files []string // patterns
	tests []string // arguments of go test
}

// slow are tests that need a minute or reach nothing that the others do not.
const slow = "-skip=Chaos|Soak|UnderDialects|Processes|BackfillRate|Memory|Walkthrough|Upgrade|Hammer|Fuzz"

var targets = []target{
	{"internal/call", []string{"*.go"}, []string{slow, "./internal/call", "./jushuitan"}},
	{"internal/pages", []string{"*.go"}, []string{"./internal/pages", "-pages.seeds=1000"}},
	{"internal/receive", []string{"*.go"}, []string{slow, "./internal/receive", "./callback"}},
	{"internal/wire", []string{"*.go"}, []string{"./internal/wire"}},
	{"internal/pushsign", []string{"*.go"}, []string{"./internal/pushsign", "./dianjia", "./callback"}},
	{"internal/dedupe", []string{"*.go"}, []string{"./internal/dedupe", "./callback"}},
	{"jushuitan", []string{"errors.go", "batch.go", "reply.go", "check.go", "verdict.go", "heard.go"}, []string{slow, "./jushuitan"}},
	{"callback", []string{"*.go"}, []string{slow, "./callback"}},
	{"mapping", []string{"*.go"}, []string{slow, "./mapping"}},
	{"qimen", []string{"reply.go", "mux*.go", "errors.go"}, []string{slow, "./qimen"}},
}

func main() {
	n := flag.Int("n", 500, "changes to try")
	seed := flag.Uint64("seed", 1, "seed of the sample")
	only := flag.String("only", "", "directories, separated by commas")
	jobs := flag.Int("jobs", max(1, runtime.NumCPU()/2), "test runs at a time")
	limit := flag.Duration("timeout", 3*time.Minute, "of one test run, with its build; a change that runs into it counts as noticed, and as late")
	root := flag.String("root", "../..", "root of the repository")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *root, *n, *seed, *only, *jobs, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, root string, n int, seed uint64, only string, jobs int, limit time.Duration) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	equivalent, err := readEquivalents(filepath.Join(root, "internal/tools/mutate/equivalents.txt"))
	if err != nil {
		return err
	}
	all, err := collect(root, only)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("there is nothing to change")
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	perTarget := map[*target]int{}
	for _, c := range all { // packages take turns
		c.round = perTarget[c.target]
		perTarget[c.target]++
	}
	slices.SortStableFunc(all, func(a, b *change) int { return cmp.Compare(a.round, b.round) })
	r := &runner{root: root, limit: limit, tally: map[string]*tally{}, out: out}
	slots := make(chan struct{}, jobs)
	var wait sync.WaitGroup
	for _, c := range all {
		if equivalent[c.key()] {
			continue
		}
		if n--; n < 0 {
			break
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			r.try(ctx, c)
		})
	}
	wait.Wait()
	return r.report(seed, len(equivalent))
}

// readEquivalents reads the keys of changes without an effect; the reason follows a tab.
func readEquivalents(name string) (map[string]bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	keys := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, "\t")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: %q has no reason", name, line)
		}
		keys[key] = true
	}
	return keys, lines.Err()
}

type tally struct{ noticed, late, survived, broken int }

type runner struct {
	root  string
	limit time.Duration
	out   io.Writer
	mu    sync.Mutex
	tally map[string]*tally
	last  error
}

// try runs the tests with a change.
func (r *runner) try(ctx context.Context, c *change) {
	result, err := r.test(ctx, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally[c.target.dir]
	if t == nil {
		t = &tally{}
		r.tally[c.target.dir] = t
	}
	switch {
	case err != nil:
		r.last = err
	case result == "broken":
		t.broken++
	case result == "noticed":
		t.noticed++
	case result == "late":
		t.noticed++
		t.late++
	default:
		t.survived++
		fmt.Fprintf(r.out, "survived %s:%d %s\n", c.file, c.line, c.key())
	}
}

func (r *runner) test(ctx context.Context, c *change) (string, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(r.root, c.file): changed}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(changed, c.apply(), 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	args := append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-timeout", r.limit.String()}, c.target.tests...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.WaitDelay = 5 * time.Second
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return "survived", nil
	case ctx.Err() != nil:
		return "late", nil
	case bytes.Contains(text, []byte("[build failed]")) || bytes.Contains(text, []byte("[setup failed]")):
		return "broken", nil // it does not compile
	}
	return "noticed", nil
}

func (r *runner) report(seed uint64, equivalents int) error {
	fmt.Fprintf(r.out, "%-20s %8s %8s %8s %8s %6s\n", "package", "noticed", "(late)", "survived", "no build", "score")
	noticed, tried := 0, 0
	row := func(name string, t *tally) {
		score := 0.0
		if n := t.noticed + t.survived; n > 0 {
			score = 100 * float64(t.noticed) / float64(n)
		}
		fmt.Fprintf(r.out, "%-20s %8d %8d %8d %8d %5.1f%%\n", name, t.noticed, t.late, t.survived, t.broken, score)
	}
	sum := &tally{}
	for _, t := range targets {
		if c := r.tally[t.dir]; c != nil {
			row(t.dir, c)
			noticed, tried = noticed+c.noticed, tried+c.noticed+c.survived
			sum.noticed, sum.late, sum.survived, sum.broken = sum.noticed+c.noticed, sum.late+c.late, sum.survived+c.survived, sum.broken+c.broken
		}
	}
	row("all", sum)
	fmt.Fprintf(r.out, "seed %d, %d changes listed as without effect\n", seed, equivalents)
	switch {
	case r.last != nil:
		return r.last
	case tried == 0:
		return errors.New("no change could be tried")
	case noticed*10 < tried*9:
		return fmt.Errorf("the tests noticed %d of %d changes, less than 90 %%", noticed, tried)
	}
	return nil
}
