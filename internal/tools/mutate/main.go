// Command mutate measures whether the tests notice when the code does something else. A
// change is one place of a file that decides: a condition turned, a boundary moved, a
// statement dropped, a number one higher. All changes of a seeded sample are compiled into
// the tests at once, in an overlay so that the tree stays as it is, and switched on one at a
// time, each under the tests that come by it:
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
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// target is a package whose files decide something.
type target struct {
	dir   string
	files []string // patterns
	name  string   // of the package
}

// scope is what is changed, and the packages whose tests are run.
type scope struct {
	targets []*target
	tests   []string
}

func ours(only string) scope {
	s := scope{tests: []string{
		"internal/call", "internal/pages", "internal/receive", "internal/wire", "internal/pushsign", "internal/dedupe", "internal/dedupe/inuse",
		"jushuitan", "callback", "mapping", "mapping/formula", "qimen", "dianjia", "qimen/qimentest", "jushuitan/jushuitantest",
	}}
	for _, t := range []*target{
		{dir: "internal/call", files: []string{"*.go"}},
		{dir: "internal/pages", files: []string{"*.go"}},
		{dir: "internal/receive", files: []string{"*.go"}},
		{dir: "internal/wire", files: []string{"*.go"}},
		{dir: "internal/pushsign", files: []string{"*.go"}},
		{dir: "internal/dedupe", files: []string{"*.go"}},
		{dir: "jushuitan", files: []string{"errors.go", "batch.go", "reply.go", "check.go", "verdict.go", "heard.go"}},
		{dir: "callback", files: []string{"*.go"}},
		{dir: "mapping", files: []string{"*.go"}},
		{dir: "qimen", files: []string{"reply.go", "mux*.go", "errors.go"}},
	} {
		if only == "" || slices.Contains(strings.Split(only, ","), t.dir) {
			s.targets = append(s.targets, t)
		}
	}
	return s
}

// lists is where the lists of changes are, below the root.
const lists = "internal/tools/mutate"

// options are the flags.
type options struct {
	root    string
	n       int
	seed    uint64
	only    string
	jobs    int
	slowest time.Duration
	named   string
	list    bool
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 500, "changes to try")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the sample")
	flag.StringVar(&o.only, "only", "", "directories, separated by commas")
	flag.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "test runs at a time")
	flag.DurationVar(&o.slowest, "slowest", 20*time.Second, "tests that take longer alone are not used")
	flag.StringVar(&o.root, "root", "../..", "root of the repository")
	flag.StringVar(&o.named, "named", "", "file with changes to try besides the sample, instead of named.txt")
	tests := flag.String("tests", "", "packages whose tests are run, separated by commas; by default all that reach the code")
	flag.BoolVar(&o.list, "list", false, "print every change, and try none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	s := ours(o.only)
	if *tests != "" {
		s.tests = strings.Split(*tests, ",")
	}
	err := run(ctx, os.Stdout, s, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, s scope, o options) error {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	equivalent, err := readKeys(filepath.Join(root, lists, "equivalents.txt"))
	if err != nil {
		return err
	}
	named, err := readKeys(cmp.Or(o.named, filepath.Join(root, lists, "named.txt")))
	if err != nil {
		return err
	}
	all, err := collect(root, s.targets)
	if err != nil {
		return err
	}
	if o.list {
		for _, c := range all {
			fmt.Fprintln(out, c.key(root))
		}
		return nil
	}
	if o.only == "" {
		if err := known(root, all, equivalent, named); err != nil {
			return err
		}
	}
	sample := choose(root, all, o.n, o.seed, equivalent, named)
	if len(sample) == 0 {
		return errors.New("there is nothing to change")
	}
	fmt.Fprintf(out, "%d changes of %d\n", len(sample), len(all))
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r := &runner{root: root, dir: dir, packages: s.tests, jobs: o.jobs, slowest: o.slowest, out: out}
	if err := r.build(ctx, s.targets, sample); err != nil {
		return err
	}
	if err := r.watch(ctx, len(sample)); err != nil {
		return err
	}
	results := make([]result, len(sample))
	err = each(ctx, o.jobs, len(sample), func(ctx context.Context, i int) error {
		var err error
		results[i], err = r.try(ctx, sample[i])
		if results[i].survived() {
			r.print("%s %s:%d %s\n", results[i], sample[i].file, sample[i].line, sample[i].key(root))
		}
		return err
	})
	if err != nil {
		return err
	}
	return report(out, sample, results, o.seed, len(equivalent))
}

// known fails if a list names a change that does not exist any more.
func known(root string, all []*change, lists ...map[string]string) error {
	keys := map[string]bool{}
	for _, c := range all {
		keys[c.key(root)] = true
	}
	for _, list := range lists {
		for key := range list {
			if !keys[key] {
				return fmt.Errorf("a list names a change that does not exist: %s", key)
			}
		}
	}
	return nil
}

// choose returns the named changes and a sample in which the packages take turns. Which changes
// a seed chooses depends on nothing but their keys, so that an edit leaves the others in the
// sample.
func choose(root string, all []*change, n int, seed uint64, equivalent, named map[string]string) []*change {
	order := make(map[*change][sha256.Size]byte, len(all))
	for _, c := range all {
		order[c] = sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, c.key(root)))
	}
	slices.SortFunc(all, func(a, b *change) int {
		x, y := order[a], order[b]
		return bytes.Compare(x[:], y[:])
	})
	all = slices.DeleteFunc(all, func(c *change) bool { return equivalent[c.key(root)] != "" })
	turns := map[*target]int{}
	for _, c := range all {
		c.round = turns[c.target]
		turns[c.target]++
	}
	slices.SortStableFunc(all, func(a, b *change) int { return cmp.Compare(a.round, b.round) })
	var must []*change
	all = slices.DeleteFunc(all, func(c *change) bool {
		isNamed := named[c.key(root)] != ""
		if isNamed {
			must = append(must, c)
		}
		return isNamed
	})
	all = append(must, all[:min(n, len(all))]...)
	for i, c := range all {
		c.id = i + 1
	}
	return all
}

// each calls a function for 0 to n-1, jobs at a time, until one fails.
func each(ctx context.Context, jobs, n int, do func(context.Context, int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	slots := make(chan struct{}, jobs)
	var wait sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := do(ctx, i); err != nil {
				stop(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// readKeys reads keys of changes; after a tab follows why they are listed.
func readKeys(name string) (map[string]string, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, "\t")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: %q has no reason", name, line)
		}
		keys[key] = reason
	}
	return keys, lines.Err()
}

func readFile(name string) ([]byte, error) { return os.ReadFile(name) }

func report(out io.Writer, sample []*change, results []result, seed uint64, equivalents int) error {
	type tally [broken + 1]int
	var names []string
	byName := map[string]*tally{}
	sum := &tally{}
	for i, c := range sample {
		if byName[c.target.dir] == nil {
			names = append(names, c.target.dir)
			byName[c.target.dir] = &tally{}
		}
		byName[c.target.dir][results[i]]++
		sum[results[i]]++
	}
	fmt.Fprintf(out, "%-20s %8s %8s %8s %8s %8s %6s\n", "package", "noticed", "late", "survived", "not met", "no build", "score")
	slices.Sort(names)
	byName["all"] = sum
	for _, name := range append(names, "all") {
		t := byName[name]
		killed := t[noticed] + t[late]
		score := 100 * float64(killed) / max(1, float64(killed+t[survived]+t[notMet]))
		fmt.Fprintf(out, "%-20s %8d %8d %8d %8d %8d %5.1f%%\n", name, t[noticed], t[late], t[survived], t[notMet], t[broken], score)
	}
	fmt.Fprintf(out, "seed %d, %d changes listed as without effect\n", seed, equivalents)
	killed := sum[noticed] + sum[late]
	tried := killed + sum[survived] + sum[notMet]
	if killed*10 < tried*9 || tried == 0 {
		return fmt.Errorf("the tests noticed %d of %d changes, less than 90 %%", killed, tried)
	}
	return nil
}
