package main

import (
	"cmp"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// vitalNames lists members of any answer that determine how it is handled.
var vitalNames = []string{"code", "status", "has_next"}

// markVital marks the members without which an answer or its rows must not be used: keys,
// row versions, flags of success, codes, statuses, and the members that control pagination.
// Amounts, quantities, flags and times are vital by their type, see package wire.
func (a *api) markVital(op *catalog.Operation) {
	reply, row := a.structs[op.Go.Response], a.structs[a.rowType(op)]
	mark := func(s *goStruct, names ...string) {
		for _, name := range names {
			if s == nil || name == "" {
				continue
			}
			if f := s.field(name); f != nil {
				f.vital = true
			}
		}
	}
	mark(reply, vitalNames...)
	mark(row, vitalNames...)
	mark(reply, op.OKFlag)
	mark(row, op.Key...)
	if row == nil { // the answer is the row
		mark(reply, op.Key...)
	}
	if p := op.Paging; p != nil {
		mark(reply, p.Cursor, cmp.Or(p.Total, "data_count"), cmp.Or(p.Pages, "page_count"))
	}
	if op.Cursor != nil {
		mark(row, op.Cursor.Field)
	}
	if b := op.Batch; b != nil {
		mark(row, append(append([]string{b.OK}, b.Key...), b.RowKey...)...)
	}
	if f := op.Fail; f != nil && reply != nil {
		if rows := reply.field(f.Rows); rows != nil {
			rows.vital = true
			mark(a.structs[rows.child], f.Key, f.OK)
		}
	}
}

// vitalByType reports whether package wire derives from the type that a member is vital.
func vitalByType(typ string) bool {
	return typ == "bool" || typ == "time.Time" || typ == "decimal.Decimal"
}
