package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// SourceRow is the row of Jushuitan that a source reads. Either SKU is set (a SKU
// query), or Item and, where the style has one, ItemSKU (a style query), or Bundle.
// The rows must not be changed or kept.
type SourceRow struct {
	SKU     *jushuitan.SKU
	Item    *jushuitan.Item
	ItemSKU *jushuitan.ItemSKU
	Bundle  *jushuitan.Bundle
}

// Source says where a field comes from that merchants agree on one by one: year,
// season, wave, tier, style and series (年份 季节 波段 商品层 风格 系列). The zero value
// is no source: the field stays as it is in DianJia.
type Source struct {
	kind  sourceKind
	text  string
	n     int
	fn    func(SourceRow) string
	chain []Source
}

type sourceKind int

const (
	sourceNone sourceKind = iota
	sourceUps
	sourceOther
	sourceLabel
	sourceCategory
	sourceConstant
	sourceFunc
	sourceChain
)

// FromUps is the category property (商品属性, ups) with this name, such as 年份. Only
// a style query (拉取SPU) returns them.
func FromUps(name string) Source { return Source{kind: sourceUps, text: name} }

// FromOther is the custom text slot n (其它属性, other_1 to other_10). A SKU query
// returns ten of them; a style query and bundles five.
func FromOther(n int) Source { return Source{kind: sourceOther, n: n} }

// FromLabelPrefix is what follows the prefix in the first label (标签) that has it:
// with the prefix 年份: the label 年份:2026 gives 2026.
func FromLabelPrefix(prefix string) Source { return Source{kind: sourceLabel, text: prefix} }

// FromCategory is the name of the category (商品分类). Bundles have none.
func FromCategory() Source { return Source{kind: sourceCategory} }

// Constant is the same value for every product.
func Constant(value string) Source { return Source{kind: sourceConstant, text: value} }

// FromFunc asks the host. The function must be pure and safe for concurrent use. It
// is called once a row, for a style query once a SKU.
func FromFunc(f func(row SourceRow) string) Source { return Source{kind: sourceFunc, fn: f} }

// FirstOf is the first of the sources that has a value for a row.
func FirstOf(sources ...Source) Source { return Source{kind: sourceChain, chain: sources} }

// String names the source, as in errors.
func (s Source) String() string {
	switch s.kind {
	case sourceUps:
		return fmt.Sprintf("FromUps(%q)", s.text)
	case sourceOther:
		return fmt.Sprintf("FromOther(%d)", s.n)
	case sourceLabel:
		return fmt.Sprintf("FromLabelPrefix(%q)", s.text)
	case sourceCategory:
		return "FromCategory()"
	case sourceConstant:
		return fmt.Sprintf("Constant(%q)", s.text)
	case sourceFunc:
		return "FromFunc"
	case sourceChain:
		names := make([]string, len(s.chain))
		for i, c := range s.chain {
			names[i] = c.String()
		}
		return "FirstOf(" + strings.Join(names, ", ") + ")"
	}
	return "no source"
}

// value reads the row. It is "" where the row has none.
func (s *Source) value(row *SourceRow) string {
	switch s.kind {
	case sourceUps:
		if row.Item != nil {
			for i := range row.Item.Ups {
				if up := &row.Item.Ups[i]; up.PName == s.text && strings.TrimSpace(up.PVValue) != "" {
					return strings.TrimSpace(up.PVValue)
				}
			}
		}
	case sourceOther:
		return strings.TrimSpace(sourceOtherText(row, s.n))
	case sourceLabel:
		for _, label := range sourceLabels(row) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(label), s.text); ok && strings.TrimSpace(rest) != "" {
				return strings.TrimSpace(rest)
			}
		}
	case sourceCategory:
		return strings.TrimSpace(sourceCategoryName(row))
	case sourceConstant:
		return s.text
	case sourceFunc:
		return strings.TrimSpace(s.fn(*row))
	case sourceChain:
		for i := range s.chain {
			if v := s.chain[i].value(row); v != "" {
				return v
			}
		}
	}
	return ""
}

func sourceLabels(row *SourceRow) []string {
	switch {
	case row.SKU != nil:
		return row.SKU.Labels
	case row.ItemSKU != nil:
		return row.ItemSKU.Labels
	case row.Bundle != nil:
		return row.Bundle.Labels
	}
	return nil
}

func sourceCategoryName(row *SourceRow) string {
	switch {
	case row.SKU != nil:
		return row.SKU.Category
	case row.Item != nil && row.Item.CName != "":
		return row.Item.CName
	case row.ItemSKU != nil:
		return row.ItemSKU.Category
	}
	return ""
}

func sourceOtherText(row *SourceRow, n int) string {
	switch {
	case row.SKU != nil:
		r := row.SKU
		switch n {
		case 1:
			return r.Other1
		case 2:
			return r.Other2
		case 3:
			return r.Other3
		case 4:
			return r.Other4
		case 5:
			return r.Other5
		case 6:
			return r.Other6
		case 7:
			return r.Other7
		case 8:
			return r.Other8
		case 9:
			return r.Other9
		case 10:
			return r.Other10
		}
	case row.ItemSKU != nil:
		r := row.ItemSKU
		switch n {
		case 1:
			return r.Other1
		case 2:
			return r.Other2
		case 3:
			return r.Other3
		case 4:
			return r.Other4
		case 5:
			return r.Other5
		}
	case row.Bundle != nil:
		r := row.Bundle
		switch n {
		case 1:
			return r.Other1
		case 2:
			return r.Other2
		case 3:
			return r.Other3
		case 4:
			return r.Other4
		case 5:
			return r.Other5
		}
	}
	return ""
}

// check reports what is wrong with the source of a field.
func (s *Source) check(field ProductField, nested bool) error {
	wrong := func(en, zh string) error {
		return fmt.Errorf("mapping: source of %s (%s): %s: %s / %s", field, field.Title(), s, en, zh)
	}
	switch s.kind {
	case sourceNone:
		if nested {
			return wrong("a member of FirstOf is no source", "FirstOf 中有空来源")
		}
	case sourceUps:
		if strings.TrimSpace(s.text) == "" {
			return wrong("the property needs a name", "请填写属性名")
		}
	case sourceOther:
		if s.n < 1 || s.n > 10 {
			return wrong("there are other_1 to other_10 only", "仅有 other_1 至 other_10")
		}
	case sourceLabel:
		if strings.TrimSpace(s.text) == "" || strings.ContainsAny(s.text, ",，") {
			return wrong("the prefix must be a text without a comma", "标签前缀不能为空，也不能包含逗号")
		}
	case sourceConstant:
		if strings.TrimSpace(s.text) == "" {
			return wrong("the constant is empty, leave the source out instead", "常量为空，不需要请留空来源")
		}
	case sourceFunc:
		if s.fn == nil {
			return wrong("the function is nil", "函数为 nil")
		}
	case sourceChain:
		if len(s.chain) == 0 {
			return wrong("it has no members", "没有任何来源")
		}
		var errs []error
		for i := range s.chain {
			errs = append(errs, s.chain[i].check(field, true))
		}
		return errors.Join(errs...)
	}
	return nil
}

// dead lists the members of the source that can have no value in this kind of sync.
// All tells that the whole source has none.
func (s *Source) dead(pullSPU bool) (members []Source, all bool) {
	switch {
	case s.kind == sourceUps && !pullSPU, s.kind == sourceOther && s.n > 5 && pullSPU:
		return []Source{*s}, true
	case s.kind == sourceChain:
		all = true
		for i := range s.chain {
			sub, subAll := s.chain[i].dead(pullSPU)
			members = append(members, sub...)
			all = all && subAll
		}
		return members, all
	}
	return nil, false
}

// reverse is the member of the source through which a value is written back: the
// first that is read in this kind of sync and has a place in an upload, else the
// first.
func (s *Source) reverse(pullSPU bool) Source {
	if s.kind != sourceChain {
		return *s
	}
	var first Source
	for i := range s.chain {
		r := s.chain[i].reverse(pullSPU)
		_, dead := r.dead(pullSPU)
		if !dead && (r.kind == sourceUps || r.kind == sourceOther && r.n <= 5 || r.kind == sourceLabel) {
			return r
		}
		if first.kind == sourceNone {
			first = r
		}
	}
	return first
}
