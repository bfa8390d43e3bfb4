package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// report is what was found about an account.
type report struct {
	Merchant   string    `json:"merchant"`
	Time       time.Time `json:"time"`
	Complete   bool      `json:"complete"`                  // every operation was called, or is said not to be
	Offset     *int64    `json:"clock_offset_ms,omitempty"` // of the server's clock; absent: no answer has the time
	Median     int64     `json:"latency_median_ms"`
	Slowest    int64     `json:"latency_max_ms"`
	SlowestOp  string    `json:"latency_max_operation,omitempty"`
	Calls      int       `json:"calls"`
	Waited     int64     `json:"quota_wait_ms"` // for the client's own quota
	Throttled  int       `json:"throttled"`     // calls that the service refused for the quota
	Summary    []*shared `json:"summary"`       // the findings of all operations, alike ones together
	Operations []*result `json:"operations"`
	Unseen     []string  `json:"cannot_be_seen"` // what no read shows
}

// shared is a finding that several operations or members have.
type shared struct {
	Kind       string   `json:"kind"`
	Documented string   `json:"documented,omitempty"`
	Seen       string   `json:"seen"`
	Members    int      `json:"members,omitempty"` // with such a difference
	Operations []string `json:"operations"`
}

// unseen is what no read shows.
var unseen = []string{
	"how writes are answered: verdicts of rows, partial failures 写入的应答：逐行结果、部分失败",
	"how late rows, stock and pushes follow a change 变更后数据、库存与推送的延迟",
	"whether refused calls use up the quota 被拒绝的调用是否计入频率",
	"members that only other merchants or other kinds of documents have 其他商家或单据类型才有的字段",
}

// clockTolerance is how far the server's clock may be from this one before it is a finding.
const clockTolerance = time.Minute

func (v *verifier) report(results []*result, err error) *report {
	r := &report{
		Merchant: v.client.Merchant(), Time: v.now().In(wire.CST).Truncate(time.Second), Complete: err == nil,
		Summary: []*shared{}, Operations: results, Unseen: unseen,
	}
	var all []*answer
	for _, o := range results {
		all = append(all, o.answers...)
		r.Calls += o.Calls
	}
	if off, ok := offset(all); ok {
		r.Offset = new(off.Milliseconds())
		if off.Abs() > clockTolerance {
			r.Summary = append(r.Summary, &shared{Kind: kindClock, Seen: "the server's clock is " + ahead(off) + " this one"})
		}
	}
	v.timing(r, results)
	r.Summary = append(r.Summary, summary(results)...)
	return r
}

// ahead returns how far a clock is ahead of another, or behind it. The Date header has whole
// seconds only.
func ahead(off time.Duration) string {
	size := off.Abs().Round(time.Second)
	if size >= time.Minute {
		size = size.Round(10 * time.Second)
	}
	switch {
	case size < 2*time.Second:
		return "within 2s of"
	case off < 0:
		return size.String() + " behind"
	}
	return size.String() + " ahead of"
}

// timing adds latency and quota.
func (v *verifier) timing(r *report, results []*result) {
	var took []int64
	for _, o := range results {
		if o.Calls > 0 {
			took = append(took, o.Took)
			if o.Took >= r.Slowest {
				r.Slowest, r.SlowestOp = o.Took, o.Name
			}
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		r.Median = took[len(took)/2]
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	codes := map[int64]int{}
	for _, a := range v.attempts {
		r.Waited += a.Waited.Milliseconds()
		if throttled(a) {
			r.Throttled++
			codes[a.Code]++
		}
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		r.Summary = append(r.Summary, &shared{Kind: kindQuota, Seen: fmt.Sprintf("%s refused for the quota with code %d", demo.Count(codes[code], "call"), code)})
	}
}

// throttled reports whether an attempt was refused for the quota, by the service.
func throttled(a jushuitan.Attempt) bool {
	return a.Code == 199 || a.Code == 200 && a.Err != nil && strings.Contains(a.Err.Error(), jushuitan.ErrRateLimited.Error()) || a.HTTPStatus == 429
}

// summary puts alike findings of operations together, the most frequent first.
func summary(results []*result) []*shared {
	var out []*shared
	for _, r := range results {
		for _, f := range r.Findings {
			s := sharedOf(f)
			i := slices.IndexFunc(out, func(o *shared) bool { return o.Kind == s.Kind && o.Seen == s.Seen && o.Documented == s.Documented })
			if i < 0 {
				out, i = append(out, s), len(out)
			}
			if f.Path != "" && memberKinds[f.Kind] {
				out[i].Members++
			}
			if !slices.Contains(out[i].Operations, r.Name) {
				out[i].Operations = append(out[i].Operations, r.Name)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *shared) int { return len(b.Operations) - len(a.Operations) })
	return out
}

// memberKinds are the kinds of findings about single members.
var memberKinds = map[string]bool{
	kindUnknown: true, kindOther: true, kindValue: true, kindSpelling: true, kindUnread: true, kindNullRow: true, kindTime: true,
}

// sharedOf returns a finding without what differs between operations.
func sharedOf(f *finding) *shared {
	s := &shared{Kind: f.Kind, Documented: f.Documented, Seen: f.Seen}
	switch {
	case f.Kind == kindSpelling:
		s.Documented, s.Seen = "", "names that differ in case or underscores"
	case f.Kind == kindRows:
		s.Documented = ""
		if !strings.HasPrefix(s.Seen, "data") {
			s.Seen = "the list of rows is " + s.Seen
		}
	case f.Kind == kindPages && f.Path != "" && f.Path != "page_size":
		s.Seen = f.Path + " is " + s.Seen
	case f.Kind == kindVerdict, f.Kind == kindEnvelope:
		s.Seen = f.Path + " is " + s.Seen
	case f.Kind == kindRefusal:
		if s.Seen == "accepted" {
			s.Seen = s.Documented + ": accepted"
		}
		s.Documented = ""
	}
	return s
}

// JSON returns the report as indented JSON.
func (r *report) JSON() ([]byte, error) { return json.MarshalIndent(r, "", "  ") }

// line is what is printed as soon as an operation has been called.
func (r *result) line(done, of int) string {
	text := fmt.Sprintf("[%2d/%d] %s %s", done, of, demo.Pad(r.Result, 9), demo.Pad(r.Name+" "+r.Title, 58))
	if r.Calls > 0 {
		text += fmt.Sprintf(" %s, %s, %d ms", demo.Count(r.Calls, "call"), demo.Count(r.Rows, "row"), r.Took)
	}
	if n := len(r.Findings); n > 0 {
		text += ", " + demo.Count(n, "difference")
	}
	return strings.TrimRight(text, " ")
}

// print prints the report after the lines of the operations.
func (r *report) print(a *app.App) {
	count := map[string]int{}
	for _, o := range r.Operations {
		count[o.Result]++
	}
	a.Printf("\nOperations 接口: %d; with rows 有数据 %d, without rows 无数据 %d, no permission 无权限 %d, refused 被拒绝 %d, failed 失败 %d, not tried 未调用 %d\n",
		len(r.Operations), count[resultRows], count[resultEmpty], count[resultDenied], count[resultRefused], count[resultFailed], count[resultNotTried])
	if r.Offset == nil {
		a.Printf("Clock 时钟: unknown, no answer has the time 未知：应答中没有时间\n")
	} else {
		a.Printf("Clock 时钟: the server's is %s this one 服务器相对本机约 %+d ms\n", ahead(time.Duration(*r.Offset)*time.Millisecond), *r.Offset)
	}
	a.Printf("Latency 延迟: median %d ms, slowest %d ms (%s)\n", r.Median, r.Slowest, r.SlowestOp)
	a.Printf("Quota 限流: %s, waited %d ms, throttled by the service 被限流 %d\n", demo.Count(r.Calls, "call"), r.Waited, r.Throttled)

	r.printOpen(a)
	a.Printf("\nDifferences from the catalog 与目录的差异: %d\n", len(r.Summary))
	for _, s := range r.Summary {
		a.Printf("  %s\n", s)
	}
	for _, o := range r.Operations {
		o.printMembers(a)
	}
	a.Printf("\nNo read shows 查询无法验证:\n")
	for _, u := range r.Unseen {
		a.Printf("  %s\n", u)
	}
}

func (s *shared) String() string {
	text := s.Kind + ": " + s.Seen
	if s.Documented != "" {
		text += ", documented as " + s.Documented
	}
	var where []string
	if s.Members > 0 {
		where = append(where, demo.Count(s.Members, "member"))
	}
	switch n := len(s.Operations); {
	case n > 3:
		where = append(where, fmt.Sprintf("%d operations", n))
	case n > 0:
		where = append(where, strings.Join(s.Operations, ", "))
	}
	if where != nil {
		text += " (" + strings.Join(where, " of ") + ")"
	}
	return text
}

// printOpen lists what the report says nothing about: silence is not consent.
func (r *report) printOpen(a *app.App) {
	heads := map[string]string{
		resultDenied: "No permission 无权限", resultRefused: "Refused 被拒绝", resultFailed: "Failed 失败", resultNotTried: "Not tried 未调用",
	}
	for _, of := range []string{resultDenied, resultRefused, resultFailed, resultNotTried} {
		first := true
		for _, o := range r.Operations {
			if o.Result != of {
				continue
			}
			if first {
				a.Printf("\n%s:\n", heads[of])
				first = false
			}
			text := "  " + o.Name
			if of != resultDenied && o.Why != "" {
				text += ": " + o.Why
			}
			if o.Code != 0 {
				text += fmt.Sprintf(" (code %d)", o.Code)
			}
			a.Printf("%s\n", text)
		}
	}
	var empty []string
	for _, o := range r.Operations {
		if o.Result == resultEmpty {
			empty = append(empty, o.Name)
		}
	}
	if empty != nil {
		a.Printf("\nWithout rows, so that their members are unknown 无数据，字段未核对:\n  %s\n", strings.Join(empty, ", "))
	}
}

// mostLines is how many differences of an operation are printed.
const mostLines = 8

// printMembers prints the differences of single members.
func (r *result) printMembers(a *app.App) {
	var lines []string
	for _, f := range r.Findings {
		if memberKinds[f.Kind] {
			lines = append(lines, f.String())
		}
	}
	if len(lines) == 0 && len(r.Missing) == 0 {
		return
	}
	a.Printf("\n%s %s\n", r.Name, r.Path)
	for i, l := range lines {
		if i == mostLines {
			a.Printf("  and %d more, see -json 其余见 -json\n", len(lines)-i)
			break
		}
		a.Printf("  %s\n", l)
	}
	if n := len(r.Missing); n > 0 {
		a.Printf("  %s documented and not seen 未出现, see -json\n", demo.Count(n, "member"))
	}
}
