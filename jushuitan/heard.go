package jushuitan

import (
	"strings"

	"github.com/dianjia/jushuitan-go/internal/pages"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// heard records what an answer with pages lacks: has_next, or the list of its rows.
func (a *answer) heard() pages.Heard {
	nulls := a.r.Nulls()
	h := pages.Heard{Left: len(a.r.Bad) - nulls, Nulls: nulls, NextAbsent: !a.r.Said("has_next") && !a.r.Said("HasNext"), Expected: a.op.rows}
	if a.op.rows == "" || a.r.Listed {
		return h
	}
	h.RowsAbsent = true
	h.Instead = a.instead(&a.root, deepestRows)
	return h
}

// deepestRows limits the depth at which rows are looked for that are not where they should be.
const deepestRows = 5

// instead returns the path of a value inside an object that may hold the rows that are missing: an
// array with elements, an object under their name, or the text of either.
func (a *answer) instead(of *place, depth int) (found string) {
	if of.kind != '{' || depth == 0 {
		return ""
	}
	r := a.aside(of)
	_ = r.Members(func(n []byte) error {
		name, p := string(n), place{at: r.Offset(), kind: r.Kind()}
		switch {
		case found != "" || isNothing(r.Look()):
		case p.kind == '[', p.kind == '{' && name == a.op.rows:
			found = name
		case p.kind == '{':
			if found = a.instead(&p, depth-1); found != "" {
				found = name + "." + found
			}
		case p.kind == '"' && name != "msg" && name != "message" && isJSONText(r.Look()):
			found = name
		}
		return nil
	})
	return found
}

// isJSONText reports whether a string holds an array or an object that is not empty.
func isJSONText(text []byte) bool {
	var s string
	if wire.Unmarshal(text, &s) != nil {
		return false
	}
	s = strings.TrimSpace(s)
	return s != "" && (s[0] == '[' || s[0] == '{') && !isNothing([]byte(s))
}
