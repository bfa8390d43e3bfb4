// Package demo is a small host that plays DianJia (店加) against a Jushuitan
// server: stores, stock and orders in memory, and the flows of the
// implementation guide step by step. The programs in examples print it.
package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Timeline prints what happens and keeps count of it.
type Timeline struct {
	w      io.Writer
	begin  time.Time
	step   int
	Checks int
	Failed []string
}

// NewTimeline prints to w.
func NewTimeline(w io.Writer) *Timeline { return &Timeline{w: w, begin: time.Now()} }

// Flow starts a flow.
func (t *Timeline) Flow(title string) {
	t.step = 0
	fmt.Fprintf(t.w, "\n== %s\n", title)
	fmt.Fprintf(t.w, "%6s  %-3s %-9s %-24s %-38s %s\n", "ms", "#", "who", "call or push", "documents", "result")
}

// The parties.
const (
	DianJia   = "DianJia"   // our host
	Jushuitan = "Jushuitan" // somebody working in the ERP
)

// Step prints one line: who did what to which documents, and what came of it.
func (t *Timeline) Step(who, call, documents, result string) {
	t.step++
	fmt.Fprintf(t.w, "%6d  %-3d %-9s %-24s %s %s\n", time.Since(t.begin).Milliseconds(), t.step, who, call, pad(documents, 38), result)
}

// Check notes whether something that must hold does.
func (t *Timeline) Check(ok bool, format string, args ...any) {
	t.Checks++
	text := fmt.Sprintf(format, args...)
	if ok {
		fmt.Fprintf(t.w, "%6s      check ok: %s\n", "", text)
		return
	}
	t.Failed = append(t.Failed, text)
	fmt.Fprintf(t.w, "%6s      CHECK FAILED: %s\n", "", text)
}

// pad fills text to n columns; a Chinese character takes two.
func pad(text string, n int) string {
	for _, r := range text {
		if r >= 0x2e80 {
			n--
		}
		n--
	}
	return text + strings.Repeat(" ", max(n, 0))
}
