package jushuitan

import (
	"github.com/dianjia/jushuitan-go/internal/pages"
)

// heard records what an answer with pages lacks: has_next, or the list of its rows.
func (a *answer) heard() pages.Heard {
	nulls := a.r.Nulls()
	h := pages.Heard{Left: len(a.r.Bad) - nulls, Nulls: nulls, NextAbsent: !a.r.Said("has_next") && !a.r.Said("HasNext"), Expected: a.op.rows}
	if a.op.rows == "" || a.r.Listed {
		return h
	}
	h.RowsAbsent = true
	for _, p := range []*place{&a.data, &a.deep, &a.root} {
		if p.kind != '{' || h.Instead != "" {
			continue
		}
		r := a.aside(p)
		_ = r.Members(func(name []byte) error {
			if r.Kind() == '[' && h.Instead == "" && !isNothing(r.Look()) {
				h.Instead = string(name)
			}
			return nil
		})
	}
	return h
}
