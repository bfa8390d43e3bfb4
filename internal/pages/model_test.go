package pages_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

var (
	modelSeeds = flag.Int("pages.seeds", 300, "runs of the model, from seed 0 on")
	modelSeed  = flag.Int("pages.seed", -1, "the one run to repeat, with its story")
)

var (
	errPaging   = errors.New("paging")
	errInvalid  = errors.New("invalid")
	errCanceled = errors.New("canceled")
)

// outcome is how a run ended.
type outcome int

const (
	complete outcome = iota
	failed           // with an error: the caller knows
	lost             // a row was not yielded, and no error was returned
	repeated         // a committed row was yielded again although that is not allowed
)

// loops are the ways to read.
var loops = []struct {
	name string
	run  func(m *run) (outcome, string)
}{
	{"All", (*run).all},
	{"Since", (*run).since},
	{"version stream", (*run).versions},
	{"time stream", (*run).times},
	{"one answer: Since", (*run).since},
	{"one answer: version stream", (*run).versions},
	{"client: All", (*run).all},
	{"client: Since", (*run).since},
	{"client: version stream", (*run).versions},
	{"client: time stream", (*run).times},
	{"scene: All", (*run).all},
	{"scene: Since", (*run).since},
	{"scene: version stream", (*run).versions},
	{"scene: time stream", (*run).times},
}

// run is a client that reads while the world changes.
type run struct {
	*world
	kind  string // of the client: "" for package pages alone
	size  int64  // of a page
	query pages.Query[request, reply, row]
	given map[int64]int // by content
	story []string
}

func (m *run) tell(format string, args ...any) {
	if *modelSeed >= 0 {
		m.story = append(m.story, m.now.Sub(epoch).String()+" "+fmt.Sprintf(format, args...))
	}
}

func play(seed int) (loop, dialect int, result outcome, why string, m *run) {
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	loop, dialect = seed%len(loops), seed/len(loops)%len(dialects)
	m = &run{world: newWorld(rng, dialects[dialect]), given: map[int64]int{}}
	m.kind, _, _ = strings.Cut(loops[loop].name, ": ")
	m.query = m.world.query(m.kind == "one answer")
	m.size = 2 + rng.Int64N(8)
	result, why = loops[loop].run(m)
	return loop, dialect, result, why, m
}

// TestModel runs the loops against the model: every row is yielded or an error is returned.
func TestModel(t *testing.T) {
	first, last := 0, *modelSeeds
	if *modelSeed >= 0 {
		first, last = *modelSeed, *modelSeed+1
	}
	table := map[[2]int][4]int{}
	truthful, ended, shown := 0, 0, 0
	for seed := first; seed < last; seed++ {
		loop, dialect, result, why, m := play(seed)
		counts := table[[2]int{loop, dialect}]
		counts[result]++
		table[[2]int{loop, dialect}] = counts
		if !dialects[dialect].lies() {
			truthful++
			if result == failed {
				ended++
			}
		}
		if *modelSeed >= 0 {
			t.Logf("outcome %d %s\n%s", result, why, strings.Join(m.story, "\n"))
		}
		if result == lost || result == repeated {
			t.Errorf("-pages.seed=%d, %s, %s: %s", seed, loops[loop].name, dialects[dialect].name, why)
			if shown++; shown == 10 {
				break
			}
		}
	}
	report(t, table)
	t.Logf("%d runs with truthful members, %d ended with an error; %d runs lost or repeated rows", truthful, ended, shown)
	if truthful > 100 && ended*20 > truthful {
		t.Errorf("%d of %d truthful runs ended with an error: more than 5 %%", ended, truthful)
	}
}

func report(t *testing.T, table map[[2]int][4]int) {
	var text strings.Builder
	fmt.Fprintf(&text, "%-28s %-32s %9s %6s %5s %9s\n", "loop", "members", "complete", "error", "lost", "repeated")
	for _, key := range slices.SortedFunc(maps.Keys(table), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
		c := table[key]
		fmt.Fprintf(&text, "%-28s %-32s %9d %6d %5d %9d\n", loops[key[0]].name, dialects[key[1]].name, c[complete], c[failed], c[lost], c[repeated])
	}
	t.Logf("\n%s", &text)
}

func (m *run) pager(lag time.Duration) reader {
	if m.kind == "client" || m.kind == "scene" {
		return m.client(lag)
	}
	return bare{&pages.Pages[request, reply, row]{Query: m.query, Service: m.service(lag)}}
}

// read runs a loop to its end.
func (m *run) read(rows iter.Seq2[*row, error]) error {
	for r, err := range rows {
		if err != nil {
			m.tell("error %v", err)
			return err
		}
		m.tell("row %s %d of %s, content %d", r.Key, r.Version, r.Modified.Sub(epoch), r.Content)
		m.given[r.Content]++
		m.mu.Lock()
		m.wait(30)
		m.mu.Unlock()
	}
	return nil
}

// missing returns a row that existed from before to now and was not yielded.
func (m *run) missing(req *request, before map[int]state, wanted func(state) bool) string {
	now := m.visible(req)
	for id, s := range before {
		if now[id] == s && wanted(s) && m.given[s.content] == 0 {
			return fmt.Sprintf("row %q, version %d, modified %s, visible %s was not given", s.key, s.version, s.modified.Sub(epoch), s.seen.Sub(epoch))
		}
	}
	return ""
}

// twice returns a row that was yielded more often than it exists.
func (m *run) twice() string {
	for _, s := range m.states {
		if m.given[s.content] > 1 && s.key != "" {
			return fmt.Sprintf("row %q, version %d was given %d times", s.key, s.version, m.given[s.content])
		}
	}
	return ""
}

func (m *run) verdict(err error, missing string) (outcome, string) {
	switch {
	case errors.Is(err, errPaging):
		return failed, err.Error()
	case err != nil:
		return lost, err.Error()
	case missing != "":
		return lost, missing
	}
	if again := m.twice(); again != "" {
		return repeated, again
	}
	return complete, ""
}

func (m *run) all() (outcome, string) {
	req := request{Size: m.size, Begin: epoch.Add(-48 * time.Hour), End: epoch.Add(-time.Duration(m.rng.IntN(3)) * time.Hour)}
	ask := req
	if m.rng.IntN(3) == 0 { // until now
		m.now = epoch.Add(time.Duration(m.rng.IntN(200)) * time.Second)
		req.End, ask.End = m.now.Add(-3*time.Second), time.Time{}
		if m.noDate {
			req.End = req.End.Add(min(m.offset, 0))
		}
	}
	ctx := context.Background()
	if m.rng.IntN(2) == 0 {
		ctx = pages.InParts(ctx, 1+m.rng.Int64N(10))
	}
	before := m.visible(&req)
	err := m.read(m.pager(0).All(ctx, &ask))
	return m.verdict(err, m.missing(&req, before, func(state) bool { return true }))
}

func (m *run) since() (outcome, string) {
	m.late = 0
	var version int64
	if len(m.states) > 0 && m.rng.IntN(2) == 0 {
		version = m.states[m.rng.IntN(len(m.states))].version
	}
	req := request{Cursor: version + 1}
	before := m.visible(&req)
	err := m.read(m.pager(0).Since(context.Background(), version, &request{Size: m.size}))
	return m.verdict(err, m.missing(&req, before, func(state) bool { return true }))
}

func (m *run) versions() (outcome, string) {
	return m.follow(request{Size: m.size}, func(state, time.Time) bool { return true })
}

func (m *run) times() (outcome, string) {
	req := request{Size: m.size, Begin: epoch.Add(-48 * time.Hour)}
	if m.rng.IntN(2) == 0 { // a future end
		req.End = epoch.Add(time.Hour)
	}
	return m.follow(req, func(s state, start time.Time) bool {
		end := start.Add(-3 * time.Second)
		if m.noDate {
			end = end.Add(min(m.offset, 0))
		}
		return s.modified.Before(end)
	})
}

// follow polls a stream until nothing happens any more; the process dies now and then.
func (m *run) follow(req request, wanted func(s state, start time.Time) bool) (outcome, string) {
	var lag time.Duration
	if m.late > 0 {
		lag = m.late + time.Second
	}
	stored, durable := []byte("{}"), map[int64]bool{}
	until := m.last().Add(2*lag + 25*time.Minute)
	fixed := until.Add(-24 * time.Minute)
	if !m.noDate {
		until = fixed
	}
	deaths, every := m.rng.IntN(8), 1+m.rng.IntN(3)
	stream := m.open(req, stored, lag)
	for polls := 0; m.now.Before(until) && polls < 60; polls++ {
		before, start := m.visible(&request{Begin: req.Begin, End: m.now.Add(time.Hour)}), m.now
		n, life, died := 0, -1, false
		if deaths > 0 && m.rng.IntN(2) == 0 {
			life = m.rng.IntN(12)
		}
		m.tell("poll from %s", stored)
		var err error
		var batch []int64
		for r, failure := range stream.Rows(context.Background()) {
			if err = failure; err != nil {
				break
			}
			m.tell("row %s %d of %s, content %d", r.Key, r.Version, r.Modified.Sub(epoch), r.Content)
			if durable[r.Content] && r.Key != "" {
				return repeated, fmt.Sprintf("row %q, version %d was committed", r.Key, r.Version)
			}
			if n%every == 0 {
				stored = m.save(stream, durable, &batch)
			}
			if died = n == life; died {
				break
			}
			n++
			m.given[r.Content]++
			batch = append(batch, r.Content)
			m.mu.Lock()
			m.wait(30)
			m.mu.Unlock()
		}
		switch {
		case err != nil:
			return m.verdict(err, "")
		case died:
			deaths--
			stream = m.open(req, stored, lag)
			continue
		}
		stored = m.save(stream, durable, &batch)
		check := request{Begin: req.Begin, End: start.Add(time.Hour)}
		if gone := m.missing(&check, before, func(s state) bool { return wanted(s, start) }); gone != "" {
			return lost, gone
		}
		m.now = m.now.Add(time.Duration(1+m.rng.IntN(20_000*max(1, int(until.Sub(fixed)/(4*time.Minute))))) * time.Millisecond)
	}
	return complete, ""
}

func (m *run) save(stream feed, durable map[int64]bool, batch *[]int64) []byte {
	text, err := json.Marshal(stream.Checkpoint())
	if err != nil {
		panic(err)
	}
	for _, content := range *batch {
		durable[content] = true
	}
	*batch = nil
	return text
}

func (m *run) open(req request, stored []byte, lag time.Duration) feed {
	var from pages.Checkpoint
	if err := json.Unmarshal(stored, &from); err != nil {
		panic(err)
	}
	return m.pager(lag).Stream(&req, from)
}
