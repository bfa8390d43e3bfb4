// Package demo is a small host that plays DianJia (店加) against a Jushuitan server, with
// stores, stock and orders in memory, and runs the retail flows of the implementation guide
// step by step. It also holds what every program of a flow prints: a timeline with its
// checks, deliberate failures and differences.
package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Timeline prints events and keeps them. It must be used by one goroutine only.
type Timeline struct {
	Title       string // of the flow
	Events      []Event
	Scenes      []Scene
	Checks      []Check
	Differences []Difference

	w          io.Writer
	begin      time.Time
	flow, step int
	scene      int // number of the current scene, 0: none
	scenes     int // number of scenes so far
}

// Event is one line of the timeline: a step of one of the parties, or what the library
// reported and the host did about a failure.
type Event struct {
	Flow      int    `json:"flow"`
	Step      int    `json:"step"` // 0: a remark, not a step
	Scene     int    `json:"scene"`
	MS        int64  `json:"ms"` // since the program began
	Who       string `json:"who"`
	Call      string `json:"call"`
	Documents string `json:"documents"`
	Result    string `json:"result"`
}

// Scene is a deliberate failure.
type Scene struct {
	Flow     int    `json:"flow"`
	Number   int    `json:"scene"`
	Kind     string `json:"kind"`      // one of those that every flow shows; "": specific to this flow
	Label    string `json:"-"`         // the kind as text for people
	StandsIn bool   `json:"stands_in"` // the flow cannot have this failure and shows this one instead
	Title    string `json:"title"`
	Why      string `json:"why"` // reason of StandsIn
}

// Check is something that must hold, and whether it does.
type Check struct {
	Flow int    `json:"flow"`
	MS   int64  `json:"ms"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// NewTimeline returns a timeline that prints to w. Times count from begin.
func NewTimeline(w io.Writer, begin time.Time) *Timeline { return &Timeline{w: w, begin: begin} }

func (t *Timeline) ms() int64 { return time.Since(t.begin).Milliseconds() }

// Flow starts a flow, by its number in the guide, or a further part of it.
func (t *Timeline) Flow(number int, title string) {
	if number != t.flow {
		t.flow, t.step, t.scenes = number, 0, 0
		t.Title = title
	}
	t.scene = 0
	fmt.Fprintf(t.w, "\n== Flow %d %s\n", number, title)
	t.head()
}

// Part starts a part of a program that is no flow of the guide.
func (t *Timeline) Part(title string) {
	t.scene = 0
	fmt.Fprintf(t.w, "\n== %s\n", title)
	t.head()
}

func (t *Timeline) head() {
	fmt.Fprintf(t.w, "%6s  %-3s %-9s %-24s %-38s %s\n", "ms", "#", "who", "call or push", "documents", "result")
}

// The parties.
const (
	DianJia   = "DianJia"   // our host
	Jushuitan = "Jushuitan" // somebody working in the ERP
	Library   = "library"   // this SDK, reporting something
)

// Step prints one line: who did what to which documents, and the result.
func (t *Timeline) Step(who, call, documents, result string) {
	t.step++
	e := Event{Flow: t.flow, Step: t.step, Scene: t.scene, MS: t.ms(), Who: who, Call: call, Documents: documents, Result: result}
	t.Events = append(t.Events, e)
	t.line("%6d  %-3d %-9s %s %s %s", e.MS, e.Step, who, Pad(call, 24), Pad(documents, 38), result)
}

// line prints a line without trailing blanks.
func (t *Timeline) line(format string, args ...any) {
	fmt.Fprintln(t.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// Scene begins a deliberate failure. Its number is filled in.
func (t *Timeline) Scene(s Scene) {
	t.scenes++
	t.scene = t.scenes
	s.Flow, s.Number = t.flow, t.scene
	t.Scenes = append(t.Scenes, s)
	kind := ""
	switch {
	case s.StandsIn:
		kind = " [instead of: " + s.Label + "]"
	case s.Kind != "":
		kind = " [" + s.Label + "]"
	}
	fmt.Fprintf(t.w, "\n-- Failure %d, on purpose%s: %s\n", s.Number, kind, s.Title)
	if s.Why != "" {
		why := s.Why
		if slices.ContainsFunc(t.Scenes[:len(t.Scenes)-1], func(old Scene) bool { return old.Why == why }) {
			why = "see above"
		}
		t.says("why instead:", why)
	}
}

// GoesOn ends a scene: the flow continues.
func (t *Timeline) GoesOn(title string) {
	t.scene = 0
	fmt.Fprintf(t.w, "\n-- The flow continues: %s\n", title)
}

// Says prints what the library reports about a failure.
func (t *Timeline) Says(text string) { t.remark(Library, "library says:", text) }

// Does prints what the host does about a failure.
func (t *Timeline) Does(text string) { t.remark(DianJia, "host does:", text) }

func (t *Timeline) remark(who, verb, text string) {
	t.Events = append(t.Events, Event{Flow: t.flow, Scene: t.scene, MS: t.ms(), Who: who, Result: text})
	t.says(verb, text)
}

func (t *Timeline) says(verb, text string) { fmt.Fprintf(t.w, "   %-13s %s\n", verb, text) }

// Check records whether something that must hold does.
func (t *Timeline) Check(ok bool, format string, args ...any) {
	c := Check{Flow: t.flow, MS: t.ms(), OK: ok, Text: fmt.Sprintf(format, args...)}
	t.Checks = append(t.Checks, c)
	if ok {
		fmt.Fprintf(t.w, "%6s      check ok: %s\n", "", c.Text)
		return
	}
	fmt.Fprintf(t.w, "%6s      CHECK FAILED: %s\n", "", c.Text)
}

// Failed returns the checks that did not hold.
func (t *Timeline) Failed() []string {
	var out []string
	for _, c := range t.Checks {
		if !c.OK {
			out = append(out, c.Text)
		}
	}
	return out
}

// Pad pads text to n columns; a Chinese character takes two.
func Pad(text string, n int) string { return text + blanks(text, n) }

// PadLeft pads text to n columns on the left.
func PadLeft(text string, n int) string { return blanks(text, n) + text }

func blanks(text string, n int) string {
	for _, r := range text {
		if r >= 0x2e80 {
			n--
		}
		n--
	}
	return strings.Repeat(" ", max(n, 0))
}

// Count returns a number with its noun, such as "1 document" or "2 documents".
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
