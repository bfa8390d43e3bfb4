package jushuitantest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
)

// Guess is the [Dialect.Source] of a dialect that no source shows and none excludes.
const Guess = "guess"

// Dialect is one variant of how the service may answer: how it nests its answers, which
// members it leaves out, how its clock and its pages behave. The state of the fake is the same
// in every dialect. [Dialects] and [Guesses] list those of this package; a program may define
// others with Change.
type Dialect struct {
	Name   string
	Source string // the public source that shows it, or [Guess]
	EN, ZH string // description in one line

	// Change changes the decoded answer, after the operation has been carried out and
	// before faults. It may be nil.
	Change func(*Answer)

	manner
}

// manner is the effect of a dialect other than changing the decoded answer.
type manner struct {
	cap      int64         // maximum rows of a page, whatever is requested; 0: no maximum
	unsorted bool          // rows have no recognisable order
	shift    int64         // while pages are read: 1 inserts a row before the others, -1 moves the first one to the end
	late     time.Duration // about half of the rows are visible only this long after its version was assigned
	after    time.Duration // stock and pushes follow this long after the answer
	skew     time.Duration // of the server's clock
	counts   bool          // refused calls use up the quota
	status   int           // a page of a gateway answers some requests with this status, before they are carried out
	writes   bool          // it also answers writes
	refusal  int64         // code of refusals for a reason of the business
	partial  bool          // an upload that refuses some of its rows has code 130

	transfer    fakeserver.Transfer
	contentType string
	encode      func([]byte) []byte // of the encoded answer
}

// Answer is a decoded answer, for [Dialect.Change].
type Answer struct {
	Path  string         // main path of the operation
	Write bool           // the operation changes something
	Root  map[string]any // numbers are [encoding/json.Number]

	op   *operation
	made bool // the operation was carried out, so code 0 is not the protocol's
}

// Accepted reports whether the code of the answer is 0.
func (a *Answer) Accepted() bool { return fmt.Sprint(a.Root["code"]) == "0" }

// Payload returns the object that holds the rows and counts, or what else the operation
// answers; nil if there is none.
func (a *Answer) Payload() map[string]any {
	at := a.Root
	if a.op == nil {
		return nil
	}
	if a.op.Payload != "" {
		for part := range strings.SplitSeq(a.op.Payload, ".") {
			at, _ = at[part].(map[string]any)
		}
	}
	return at
}

// Rows returns the rows of the answer; nil if it has no list of rows.
func (a *Answer) Rows() []any {
	if a.op == nil || a.op.Rows == "" {
		return nil
	}
	rows, _ := a.Payload()[a.op.Rows].([]any)
	return rows
}

// spoken is a dialect in use at some path.
type spoken struct {
	Dialect
	path string // of the requests it applies to; "" all but those for tokens
	n    atomic.Int64
}

// WithDialect makes the server speak the dialects from the start, at all paths.
func WithDialect(dialects ...Dialect) Option {
	return func(c *config) error {
		for _, d := range dialects {
			if d.Name == "" || d.Source == "" {
				return errors.New("WithDialect: a dialect needs a name and a source")
			}
		}
		c.dialects = append(slices.Clone(c.dialects), dialects...)
		return nil
	}
}

// Speak makes the server speak the dialects at a path until undo is called, in addition to
// those it speaks already; "" means all paths but those for tokens. Only a dialect for all
// paths changes the server's clock or delays stock and pushes.
func (s *Server) Speak(path string, dialects ...Dialect) (undo func()) {
	added := make([]*spoken, len(dialects))
	for i, d := range dialects {
		added[i] = &spoken{Dialect: d, path: s.ops.canonical(path)}
	}
	s.mu.Lock()
	companies := s.companyList()
	s.mu.Unlock()
	for _, c := range companies { // what is known before a change follows late
		c.mu.Lock()
		c.baseline()
		c.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialects = append(slices.Clone(s.dialects), added...)
	s.retune()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dialects = slices.DeleteFunc(slices.Clone(s.dialects), func(d *spoken) bool { return slices.Contains(added, d) })
		s.retune()
	}
}

// ClearDialects ends all dialects, those of [WithDialect] too.
func (s *Server) ClearDialects() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialects = nil
	s.retune()
}

// Speaking returns the dialects in use, in the order in which they are applied, and their
// paths.
func (s *Server) Speaking() (dialects []Dialect, paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.dialects {
		dialects, paths = append(dialects, d.Dialect), append(paths, d.path)
	}
	return dialects, paths
}

// retune sets what dialects change in the whole server. The caller holds the lock.
func (s *Server) retune() {
	var skew, late, after time.Duration
	for _, d := range s.dialects {
		late = max(late, d.late)
		if d.path == "" {
			skew += d.skew
			after = max(after, d.after)
		}
	}
	s.clock.SetSkew(skew)
	s.late.Store(int64(late))
	s.after.Store(int64(after))
}

// speech is the combined effect of the dialects at a path.
type speech struct {
	manner
	changes []func(*Answer)
	pages   []*spoken
	shifts  []*spoken
	encodes []func([]byte) []byte
}

// speechAt returns the speech at a path, nil if it has no dialect.
func (s *Server) speechAt(path string, token bool) *speech {
	s.mu.Lock()
	active := s.dialects
	s.mu.Unlock()
	if len(active) == 0 {
		return nil
	}
	canonical, out := s.ops.canonical(path), &speech{}
	for _, d := range active {
		if d.path == canonical || d.path == "" && !token {
			out.add(d)
		}
	}
	return out
}

func (sp *speech) add(d *spoken) {
	if d.Change != nil {
		sp.changes = append(sp.changes, d.Change)
	}
	if d.encode != nil {
		sp.encodes = append(sp.encodes, d.encode)
	}
	if d.status != 0 {
		sp.pages = append(sp.pages, d)
	}
	if d.cap > 0 && (sp.cap == 0 || d.cap < sp.cap) {
		sp.cap = d.cap
	}
	if d.refusal != 0 {
		sp.refusal = d.refusal
	}
	if d.contentType != "" {
		sp.contentType = d.contentType
	}
	sp.transfer = max(sp.transfer, d.transfer)
	sp.unsorted = sp.unsorted || d.unsorted
	if d.shift != 0 {
		sp.shifts = append(sp.shifts, d)
	}
	sp.late = max(sp.late, d.late)
	sp.after = max(sp.after, d.after)
	sp.counts = sp.counts || d.counts
	sp.partial = sp.partial || d.partial
}

// gatewayEvery is the number of requests from one that a gateway's page answers to the next.
// It is larger than the number of attempts of a call.
const gatewayEvery = 5

// gatewayPage answers instead of the API if a gateway does; it reports whether it did.
func (x *exchange) gatewayPage(op *operation) bool {
	if x.speech == nil || op == nil {
		return false
	}
	for _, d := range x.speech.pages {
		if op.Effect != "read" && !d.writes || d.n.Add(1)%gatewayEvery != 2 {
			continue
		}
		x.Page(d.status, gatewayText)
		return true
	}
	return false
}

const gatewayText = "<!DOCTYPE html><html><head><title>Request blocked</title></head><body>" +
	"<h1>您的请求可能存在风险，已被拦截</h1><p>gateway</p></body></html>"

// shiftedPages is how often rows shift while pages are read.
const shiftedPages = 2

// shifted returns by how many rows a page is shifted to later pages, as if rows had been
// inserted before all others, and how many of the first rows have changed since the first
// page was read and are the last now. A row that moved stays where it is.
func (sp *speech) shifted(index int64) (later, moved int64) {
	if sp == nil {
		return 0, 0
	}
	for _, d := range sp.shifts {
		again := false
		if index > 1 {
			again = d.n.Add(1) <= shiftedPages
		}
		switch {
		case d.shift < 0:
			moved += min(d.n.Load(), shiftedPages)
		case again:
			later += d.shift
		}
	}
	return later, moved
}

// speak changes an encoded answer as the dialects do.
func (x *exchange) speak(op *operation, made bool, body []byte) ([]byte, error) {
	sp := x.speech
	if sp == nil || len(sp.changes) == 0 && sp.refusal == 0 && !sp.partial {
		return body, nil
	}
	a := &Answer{Path: x.s.ops.canonical(x.R.URL.Path), op: op, made: made}
	if op != nil {
		a.Write = op.Effect != "read"
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&a.Root); err != nil {
		return nil, err
	}
	if sp.refusal != 0 {
		a.refuseWith(sp.refusal)
	}
	if sp.partial {
		a.refusePartly()
	}
	for _, change := range sp.changes {
		change(a)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(a.Root)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// finish sends an answer as the dialects do.
func (x *exchange) finish(body []byte) {
	kind := contentType
	if sp := x.speech; sp != nil {
		for _, encode := range sp.encodes {
			body = encode(body)
		}
		if sp.contentType != "" {
			kind = sp.contentType
		}
		x.Transfer = sp.transfer
	}
	x.Answer(kind, body)
}

// refuseWith changes the code of a refusal whose reason is one of the business and not of
// the protocol.
func (a *Answer) refuseWith(code int64) {
	if a.made && !a.Accepted() {
		a.Root["code"] = json.Number(text(code))
	}
}

// refusePartly sets the code and the message of the whole answer to those of a refused row,
// if another row was accepted.
func (a *Answer) refusePartly() {
	var yes bool
	var reason any
	a.eachRow(func(row map[string]any) {
		for name, v := range row {
			ok, flag := isFlag(name, v)
			yes = yes || flag && ok
			if flag && !ok {
				reason = row["msg"]
			}
		}
	})
	if yes && reason != nil && a.Accepted() {
		a.Root["code"], a.Root["msg"] = json.Number(text(codeBadData)), reason
	}
}

// hides returns a function that reports whether a row version is not yet visible to queries.
// The caller holds the lock of the company.
func (c *Company) hides(sp *speech) func(version int64) bool {
	if sp == nil || sp.late == 0 {
		return nil
	}
	now := c.s.Now()
	return func(version int64) bool {
		at, ok := c.written[version]
		return ok && isLate(version) && now.Before(at.Add(sp.late))
	}
}

// isLate selects about half of the versions, in no regular pattern.
func isLate(version int64) bool { return uint32(version)*2654435761>>16&1 == 1 }
