package corpus

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// payload is one row of the index.
type payload struct {
	ID          string            `json:"id"`
	Files       []string          `json:"files"`
	Kind        string            `json:"kind"`
	Target      string            `json:"target"` // path, kind of push or method
	Oddity      string            `json:"oddity"`
	Request     json.RawMessage   `json:"request"`
	Call        string            `json:"call"` // All, Client.Call, or the typed method
	RowKey      string            `json:"row_key"`
	Query       *string           `json:"query"` // of an inbound message
	HTTP        httpForm          `json:"http"`
	MustRead    map[string]string `json:"must_read"`
	MustFail    *failure          `json:"must_fail"`
	MustAnswer  string            `json:"must_answer"`
	MustBeEmpty bool              `json:"must_be_empty"`
	AcceptError bool              `json:"accept_error"` // an error is right too, an empty success is not
}

// httpForm is how the payload travels.
type httpForm struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
}

// failure is how a payload must be refused.
type failure struct {
	Class       string  `json:"class"`
	NotClass    string  `json:"not_class"`
	Code        *string `json:"code"`
	MsgContains *string `json:"msg_contains"`
	RowsFailed  string  `json:"rows_failed"`
}

// result is what became of a payload.
type result struct {
	value  any   // what was read; nil where nothing was
	err    error // of the call, or why a receiver refused
	failed []string
	code   string // of a refusal
	msg    string // the other side's words in it
	rows   int    // of a page or of an iteration
	answer string // that the sender of an inbound message gets: 0, not 0, success, failure
}

// runners run a payload of a kind through the public packages.
var runners = map[string]func(t *testing.T, p *payload) *result{
	"jushuitan-answer": runJushuitan,
	"push":             runPush,
	"qimen-answer":     runQimenAnswer,
	"qimen-inbound":    runQimenInbound,
}

// mostPending is how many payloads were known to fail when the corpus came in.
const mostPending = 21

// TestCorpus runs every payload of the index. Those listed in pending.tsv are known
// to fail, each with the work that makes it pass; one that passes must leave the list.
func TestCorpus(t *testing.T) {
	payloads := readIndex(t)
	pending := readPending(t)
	assert.LessOrEqual(t, len(pending), mostPending, "testdata/pending.tsv only shrinks")
	total, passed := map[string]int{}, map[string]int{}
	for _, p := range payloads {
		total[p.Kind]++
		problem := examine(t, p)
		work, listed := pending[p.ID]
		delete(pending, p.ID)
		switch {
		case problem == nil && listed:
			t.Errorf("%s passes: take it out of testdata/pending.tsv, where it waits for %q", p.ID, work)
		case problem != nil && !listed:
			t.Errorf("%s (%s): %v", p.ID, p.Oddity, problem)
		case problem != nil:
			t.Logf("pending: %s (%s): %v", p.ID, work, problem)
		}
		if problem == nil {
			passed[p.Kind]++
		}
	}
	assert.Empty(t, pending, "payloads of pending.tsv that the index does not have")
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%-17s %d/%d", kind, passed[kind], total[kind])
	}
	assert.Len(t, total, len(runners), "kinds of payload")
}

// TestCheckFails: the checks find what is wrong.
func TestCheckFails(t *testing.T) {
	read := &payload{MustRead: map[string]string{"rows[0].qty": "2"}}
	good := &result{value: map[string]any{"rows": []any{map[string]any{"Qty": json.Number("2.00")}}}}
	require.NoError(t, check(read, good))
	text := func(s string) *string { return &s }
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		payload payload
		result  result
	}{
		"an error":             {*read, result{err: boom}},
		"another value":        {payload{MustRead: map[string]string{"rows[0].qty": "3"}}, *good},
		"a missing member":     {payload{MustRead: map[string]string{"rows[0].price": "3"}}, *good},
		"a missing row":        {payload{MustRead: map[string]string{"rows[1].qty": "3"}}, *good},
		"no error":             {payload{MustFail: &failure{Class: "any error"}}, result{}},
		"another class":        {payload{MustFail: &failure{Class: "ErrSign"}}, result{err: boom}},
		"another code":         {payload{MustFail: &failure{Class: "any error", Code: text("10")}}, result{err: boom, code: "11"}},
		"another text":         {payload{MustFail: &failure{Class: "any error", MsgContains: text("bang")}}, result{err: errors.New("bang"), msg: "boom"}},
		"another failed row":   {payload{MustFail: &failure{Class: "any error", RowsFailed: "A"}}, result{err: boom, failed: []string{"B"}}},
		"one failed row more":  {payload{MustFail: &failure{Class: "any error", RowsFailed: "A"}}, result{err: boom, failed: []string{"A", "B"}}},
		"rows of an empty one": {payload{MustBeEmpty: true}, result{rows: 1}},
		"another answer":       {payload{MustAnswer: "0"}, result{answer: "not 0"}},
		"an empty success":     {payload{AcceptError: true, MustRead: read.MustRead}, result{}},
	} {
		assert.Error(t, check(&tt.payload, &tt.result), name)
	}
}

// examine runs a payload and checks what became of it.
func examine(t *testing.T, p *payload) (problem error) {
	t.Helper()
	run := runners[p.Kind]
	if run == nil {
		return fmt.Errorf("no runner for the kind %q", p.Kind)
	}
	return check(p, run(t, p))
}

func check(p *payload, r *result) error {
	if undecided := strings.HasPrefix(p.MustAnswer, "undecided"); p.MustAnswer != "" && !undecided && r.answer != p.MustAnswer {
		return fmt.Errorf("answered %q, want %q: %w", r.answer, p.MustAnswer, cmpErr(r.err))
	}
	if p.MustFail != nil {
		if err := checkFailure(p.MustFail, r); err != nil {
			return err
		}
	} else if r.err != nil {
		if p.AcceptError {
			return nil
		}
		return fmt.Errorf("failed: %w", r.err)
	}
	if p.MustBeEmpty && r.rows != 0 {
		return fmt.Errorf("%d rows, want none", r.rows)
	}
	for _, path := range slices.Sorted(maps.Keys(p.MustRead)) {
		got, ok := lookup(r.value, path)
		if want := p.MustRead[path]; !ok || text(got) != want {
			return fmt.Errorf("%s is %q (there: %t), want %q", path, text(got), ok, want)
		}
	}
	return nil
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func checkFailure(f *failure, r *result) error {
	if r.err == nil {
		return errors.New("no error")
	}
	if !isClass(r.err, f.Class) {
		return fmt.Errorf("not %s: %w", f.Class, r.err)
	}
	if f.NotClass != "" && isClass(r.err, f.NotClass) {
		return fmt.Errorf("%s: %w", f.NotClass, r.err)
	}
	if f.Code != nil && r.code != *f.Code {
		return fmt.Errorf("code %q, want %q: %w", r.code, *f.Code, r.err)
	}
	if f.MsgContains != nil && !strings.Contains(r.msg, *f.MsgContains) {
		return fmt.Errorf("the message %q lacks %q: %w", r.msg, *f.MsgContains, r.err)
	}
	if f.RowsFailed != "" && !slices.Equal(r.failed, []string{f.RowsFailed}) {
		return fmt.Errorf("failed rows %q, want %q: %w", r.failed, f.RowsFailed, r.err)
	}
	return nil
}

func readIndex(t *testing.T) []*payload {
	t.Helper()
	data, err := os.ReadFile("testdata/index.json")
	require.NoError(t, err)
	var index struct {
		Payloads []*payload `json:"payloads"`
	}
	require.NoError(t, json.Unmarshal(data, &index))
	require.NotEmpty(t, index.Payloads)
	for _, p := range index.Payloads {
		require.NotEmpty(t, p.Files, p.ID)
	}
	return index.Payloads
}

// readPending reads the ids that are known to fail, and the work that each waits for.
func readPending(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/pending.tsv")
	require.NoError(t, err)
	out := map[string]string{}
	for line := range bytes.Lines(data) {
		id, work, ok := strings.Cut(strings.TrimSpace(string(line)), "\t")
		require.True(t, ok && work != "", "pending.tsv: want an id, a tab and the work: %q", line)
		out[id] = work
	}
	return out
}

// body is the bytes of one of a payload's files.
func body(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	require.NoError(t, err)
	return data
}

// tree reads JSON into maps, lists and [json.Number]s.
func tree(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bufio.NewReader(bytes.NewReader(data)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), "%s", data)
	return v
}

// lookup finds a path such as datas[0].qty. Names agree without case and
// underscores, since the index has the catalog's names and answers have others.
func lookup(v any, path string) (any, bool) {
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		if part == "" {
			continue
		}
		if at, ok := strings.CutPrefix(part, "["); ok {
			var i int
			list, isList := v.([]any)
			if _, err := fmt.Sscanf(at, "%d]", &i); err != nil || !isList || i >= len(list) {
				return nil, false
			}
			v = list[i]
			continue
		}
		members, isObject := v.(map[string]any)
		if !isObject {
			return nil, false
		}
		found := false
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if folded(name) == folded(part) {
				v, found = members[name], true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return v, true
}

func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// text writes a value as the index does: numbers without needless zeros.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case json.Number:
		s := v.String()
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return strings.Join(parts, ",")
	default:
		return fmt.Sprint(v)
	}
}
