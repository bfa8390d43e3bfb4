package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/mapping"
)

// report is what one download did and why.
type report struct {
	rows       int
	decisions  []named
	collisions []mapping.Collision
	missing    []mapping.MissingFieldReport
	moved      map[string][]mapping.SyncReason // by 货号
}

// named is the decision about one style.
type named struct {
	styleNo string
	mapping.SyncDecision
}

// examples is how many cases of each kind are shown.
const examples = 3

func (r *report) print(a *app.App) {
	var created, updated, skipped int
	byRule := map[mapping.SyncRule][]string{}
	var rules []mapping.SyncRule
	for _, d := range r.decisions {
		switch d.Action {
		case mapping.ActionCreate:
			created++
		case mapping.ActionUpdate:
			updated++
		default:
			skipped++
		}
		for _, reason := range d.Reasons {
			if byRule[reason.Rule] == nil {
				rules = append(rules, reason.Rule)
			}
			byRule[reason.Rule] = append(byRule[reason.Rule], d.styleNo)
		}
	}
	a.Printf("%d rows, %d styles 款: %d created 新建, %d updated 更新, %d skipped 跳过\n", r.rows, len(r.decisions), created, updated, skipped)

	a.Printf("Why 原因\n")
	slices.Sort(rules)
	for _, rule := range rules {
		chinese, english := rule.Text()
		a.Printf("  %3d x %-22s %s / %s: %s\n", len(byRule[rule]), rule, chinese, english, first(byRule[rule]))
	}
	shown := map[mapping.SyncAction]bool{} // the first of each action is shown in full
	for _, d := range r.decisions {
		if d.Action == mapping.ActionSkip || shown[d.Action] {
			continue
		}
		shown[d.Action] = true
		a.Printf("For example 例如: %s\n", strings.ReplaceAll(d.String(), "\n", "\n  "))
	}

	if len(r.collisions) > 0 {
		a.Printf("To be fixed in Jushuitan 请在聚水潭修正\n")
	}
	byKind := map[mapping.CollisionKind][]mapping.Collision{}
	for _, c := range r.collisions {
		byKind[c.Kind] = append(byKind[c.Kind], c)
	}
	for _, c := range r.collisions {
		if all := byKind[c.Kind]; all != nil {
			a.Printf("  %3d x %s\n", len(all), all[0])
			delete(byKind, c.Kind)
		}
	}
	r.printMoved(a)
	for _, m := range r.missing {
		a.Printf("Missing 缺值: %s\n", m)
	}
}

// printMoved prints the SKUs that are in another style than DianJia has them in.
func (r *report) printMoved(a *app.App) {
	for _, styleNo := range slices.Sorted(maps.Keys(r.moved)) {
		for _, reason := range r.moved[styleNo] {
			a.Printf("Moved 换款 %s: %s\n", styleNo, reason)
		}
	}
}

// first joins the first examples.
func first(texts []string) string {
	if n := len(texts); n > examples {
		return strings.Join(texts[:examples], " ") + fmt.Sprintf(" … (%d)", n)
	}
	return strings.Join(texts, " ")
}
