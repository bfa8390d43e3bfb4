package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

type result int

const (
	noticed  result = iota // a test failed
	late                   // the tests did not end
	survived               // all passed
	notMet                 // no test comes by
	broken                 // it does not compile
)

func (r result) survived() bool { return r == survived || r == notMet }

func (r result) String() string {
	return [...]string{"noticed", "late", "survived", "not met", "no build"}[r]
}

// runner builds the tests with the changes of a sample and runs them.
type runner struct {
	root, dir string
	packages  []string // whose tests are run
	jobs      int
	slowest   time.Duration
	out       io.Writer
	mu        sync.Mutex
	tests     []*test
	met       map[int][]*test // by change: tests that come by
	broken    map[int]bool
}

// test is a test function of a package, run by itself once.
type test struct {
	pkg, name string
	took      time.Duration
}

func (r *runner) print(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format, args...)
}

// where is a line of the compiler's errors.
var where = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):`)

// build compiles the tests with the changes. A change that does not compile is left out.
func (r *runner) build(ctx context.Context, list []*target, sample []*change) error {
	r.broken = map[int]bool{}
	byFile := map[string][]*change{}
	for _, c := range sample {
		byFile[c.file] = append(byFile[c.file], c)
	}
	for _, changes := range byFile { // outer places first, as they were found
		slices.SortFunc(changes, func(a, b *change) int { return a.edits[0].seq - b.edits[0].seq })
	}
	for {
		replace := map[string]string{}
		write := func(name, as string, text []byte) error {
			replace[name] = filepath.Join(r.dir, as)
			return os.WriteFile(replace[name], text, 0o600)
		}
		for name, changes := range byFile {
			source, err := readFile(name)
			if err != nil {
				return err
			}
			good := slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return r.broken[c.id] })
			if err := write(name, asOverlay(name), apply(source, good)); err != nil {
				return err
			}
		}
		for _, t := range list {
			text := strings.NewReplacer("PACKAGE", t.name, "COUNT", strconv.Itoa(len(sample))).Replace(switchText)
			if err := write(filepath.Join(r.root, t.dir, "mutate_switch.go"), strings.ReplaceAll(t.dir, "/", "_")+"_switch.go", []byte(text)); err != nil {
				return err
			}
		}
		overlay, err := json.Marshal(map[string]any{"Replace": replace})
		if err != nil {
			return err
		}
		if err := os.WriteFile(r.overlay(), overlay, 0o600); err != nil {
			return err
		}
		args := []string{"build", "-overlay", r.overlay(), "-gcflags=-e"}
		for _, t := range list {
			args = append(args, "./"+t.dir)
		}
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = r.root
		text, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if left := r.leaveOut(text, sample); left == 0 {
			return fmt.Errorf("the changes do not compile: %w\n%s", err, text)
		}
	}
	return each(ctx, r.jobs, len(r.packages), func(ctx context.Context, i int) error {
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", r.overlay(), "-o", r.binary(r.packages[i]), "./"+r.packages[i])
		cmd.Dir = r.root
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the tests of %s do not compile: %w\n%s", r.packages[i], err, text)
		}
		return nil
	})
}

// asOverlay is the name of a changed file, which the compiler's errors show.
func asOverlay(name string) string { return strings.ReplaceAll(filepath.ToSlash(name), "/", "_") }

// leaveOut marks the changes on the lines of the compiler's errors.
func (r *runner) leaveOut(text []byte, sample []*change) int {
	left := 0
	for _, m := range where.FindAllSubmatch(text, -1) {
		name, line := filepath.Base(string(m[1])), string(m[2])
		for _, c := range sample {
			if asOverlay(c.file) == name && strconv.Itoa(c.line) == line && !r.broken[c.id] {
				r.broken[c.id] = true
				left++
			}
		}
	}
	return left
}

func (r *runner) overlay() string { return filepath.Join(r.dir, "overlay.json") }

func (r *runner) binary(pkg string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(pkg, "/", "_")+".test")
}

// mayFail is how many tests may fail although no change is on: those that count allocations,
// which the switches add to.
const mayFail = 3

// watch runs each test by itself and notes the changes that it comes by.
func (r *runner) watch(ctx context.Context, count int) error {
	start := time.Now()
	for _, pkg := range r.packages {
		cmd := exec.CommandContext(ctx, r.binary(pkg), "-test.list", "^(Test|Example|Fuzz)")
		cmd.Dir = filepath.Join(r.root, pkg)
		text, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("list the tests of %s: %w", pkg, err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			if name := lines.Text(); name != "TestMain" {
				r.tests = append(r.tests, &test{pkg: pkg, name: name})
			}
		}
	}
	if len(r.tests) == 0 {
		return errors.New("no test found")
	}
	r.met = map[int][]*test{}
	slow, failing := 0, []string(nil)
	err := each(ctx, r.jobs, len(r.tests), func(ctx context.Context, i int) error {
		t := r.tests[i]
		record := filepath.Join(r.dir, "record"+strconv.Itoa(i))
		start := time.Now()
		passed, text, err := r.run(ctx, []*test{t}, r.slowest, "MUTATE_RECORD="+record)
		t.took = time.Since(start)
		switch {
		case errors.Is(err, errLate):
			r.mu.Lock()
			slow++
			r.mu.Unlock()
			return nil
		case err != nil:
			return err
		case !passed:
			r.mu.Lock()
			defer r.mu.Unlock()
			failing = append(failing, t.pkg+" "+t.name)
			if len(failing) > mayFail {
				return fmt.Errorf("too many tests fail although no change is on: %s; the last one:\n%s", strings.Join(failing, ", "), text)
			}
			return nil
		}
		came, err := os.ReadFile(record)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		seen := map[int]bool{}
		for line := range strings.Lines(string(came)) {
			id, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil || id < 1 || id > count || seen[id] {
				continue
			}
			seen[id] = true
			r.met[id] = append(r.met[id], t)
		}
		return nil
	})
	r.print("%d tests by themselves in %.0f s, %d of them too slow\n", len(r.tests), time.Since(start).Seconds(), slow)
	for _, name := range failing {
		r.print("not used, since it fails where no change is on: %s\n", name)
	}
	return err
}

// try runs the tests that come by a change, the quick ones first.
func (r *runner) try(ctx context.Context, c *change) (result, error) {
	if r.broken[c.id] {
		return broken, nil
	}
	tests := slices.Clone(r.met[c.id])
	if len(tests) == 0 {
		return notMet, nil
	}
	slices.SortFunc(tests, func(a, b *test) int { return int(a.took - b.took) })
	for len(tests) > 0 {
		batch, sum := 1, tests[0].took
		for batch < len(tests) && tests[batch].pkg == tests[0].pkg && sum+tests[batch].took < 3*time.Second {
			sum += tests[batch].took
			batch++
		}
		passed, _, err := r.run(ctx, tests[:batch], 10*time.Second+8*sum, "MUTATE_ON="+strconv.Itoa(c.id))
		switch {
		case errors.Is(err, errLate):
			return late, nil
		case err != nil:
			return 0, err
		case !passed:
			return noticed, nil
		}
		tests = tests[batch:]
	}
	return survived, nil
}

var errLate = errors.New("late")

// run runs tests of one package.
func (r *runner) run(ctx context.Context, tests []*test, limit time.Duration, env string) (passed bool, text []byte, err error) {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(limited, r.binary(tests[0].pkg), "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir = filepath.Join(r.root, tests[0].pkg)
	cmd.Env = append(os.Environ(), env)
	cmd.WaitDelay = 5 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, nil, ctx.Err()
	case limited.Err() != nil:
		return false, nil, errLate
	case errors.As(err, &exit):
		return false, output.Bytes(), nil
	}
	return err == nil, output.Bytes(), err
}
