package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
)

// numbers are counted for each flow, and for all.
type numbers struct {
	Calls        int   `json:"calls"`
	Pushes       int   `json:"pushes"`
	Retries      int   `json:"retries"`
	Throttled    int   `json:"throttled"`
	DocumentsIn  int   `json:"documents_in"`
	DocumentsOut int   `json:"documents_out"`
	Differences  int   `json:"differences"`
	Unexplained  int   `json:"unexplained"`
	Checks       int   `json:"checks"`
	Failed       int   `json:"failed"`
	MS           int64 `json:"ms"`
}

// add adds up everything except the time, since flows run at the same time.
func (n *numbers) add(m numbers) {
	n.Calls += m.Calls
	n.Pushes += m.Pushes
	n.Retries += m.Retries
	n.Throttled += m.Throttled
	n.DocumentsIn += m.DocumentsIn
	n.DocumentsOut += m.DocumentsOut
	n.Differences += m.Differences
	n.Unexplained += m.Unexplained
	n.Checks += m.Checks
	n.Failed += m.Failed
}

// flowNumbers holds the numbers of one flow.
type flowNumbers struct {
	Flow  int    `json:"flow"`
	Title string `json:"title"`
	numbers
}

// tourDocument is what -json prints.
type tourDocument struct {
	OK          bool              `json:"ok"`
	Timeline    []demo.Event      `json:"timeline"`
	Scenes      []demo.Scene      `json:"scenes"`
	Checks      []demo.Check      `json:"checks"`
	Differences []demo.Difference `json:"differences"`
	Flows       []flowNumbers     `json:"flows"`
	Summary     numbers           `json:"summary"`
}

func document(results []*result, took time.Duration) *tourDocument {
	doc := &tourDocument{Summary: numbers{MS: took.Milliseconds()}}
	for i, res := range results {
		r := res.report
		doc.Timeline = append(doc.Timeline, r.Events...)
		doc.Scenes = append(doc.Scenes, r.Scenes...)
		doc.Checks = append(doc.Checks, r.Checks...)
		doc.Differences = append(doc.Differences, r.Differences...)
		doc.Flows = append(doc.Flows, flowNumbers{i + 1, r.Title, res.numbers})
		doc.Summary.add(res.numbers)
	}
	s := doc.Summary
	doc.OK = s.Failed == 0 && s.Throttled == 0 && s.Unexplained == 0
	return doc
}

func (doc *tourDocument) failed() (out []string) {
	for _, c := range doc.Checks {
		if !c.OK {
			out = append(out, fmt.Sprintf("flow %d: %s", c.Flow, c.Text))
		}
	}
	return out
}

// print prints the summary for people.
func (doc *tourDocument) print(out io.Writer) {
	row := func(flow, title string, cells ...string) {
		fmt.Fprintf(out, "%s %s", demo.Pad(flow, 5), demo.Pad(title, 17))
		for i, cell := range cells {
			fmt.Fprint(out, demo.PadLeft(cell, []int{6, 7, 8, 10, 6, 6, 12, 12, 7, 7}[i]))
		}
		fmt.Fprintln(out)
	}
	cells := func(n numbers) []string {
		var out []string
		for _, v := range []int{n.Calls, n.Pushes, n.Retries, n.Throttled, n.DocumentsIn, n.DocumentsOut, n.Differences, n.Unexplained, n.Checks, int(n.MS)} {
			out = append(out, strconv.Itoa(v))
		}
		return out
	}
	fmt.Fprint(out, "\n== Summary 汇总\n")
	row("flow", "流程", "calls", "pushes", "retries", "throttled", "in", "out", "differences", "unexplained", "checks", "ms")
	for _, f := range doc.Flows {
		row(strconv.Itoa(f.Flow), chinese(f.Title), cells(f.numbers)...)
	}
	s := doc.Summary
	row("all", "合计", cells(s)...)
	fmt.Fprintf(out, "\n%d calls, %d pushes, %d retries (answers lost on purpose, expired tokens, pushes sent again), throttled %d.\n", s.Calls, s.Pushes, s.Retries, s.Throttled)
	fmt.Fprintf(out, "Documents: %d in (read by the host or pushed to it), %d out (sent by the host and accepted by Jushuitan).\n", s.DocumentsIn, s.DocumentsOut)
	rules := map[string]int{}
	for _, d := range doc.Differences {
		rules[d.Rule]++
	}
	var decided []string
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		decided = append(decided, fmt.Sprintf("%s %d", rule, rules[rule]))
	}
	fmt.Fprintf(out, "Decided by rule 按规则处理: %s.\n", strings.Join(decided, ", "))
	fmt.Fprintf(out, "Differences: %d, each decided in the flow above; %d unexplained.\n", s.Differences, s.Unexplained)
}

// chinese returns the first word of a title: the flow's name in the guide.
func chinese(title string) string {
	for i, r := range title {
		if r == ':' {
			return title[:i]
		}
	}
	return title
}
