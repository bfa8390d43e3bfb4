package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// FieldSourceRow is the Jushuitan row that a source reads. SKU is set for a SKU query,
// Item and, if the style has SKUs, ItemSKU for a style query, and Bundle for a bundle.
// Functions must neither change nor keep the rows.
type FieldSourceRow struct {
	SKU     *jushuitan.SKU
	Item    *jushuitan.Item
	ItemSKU *jushuitan.ItemSKU
	Bundle  *jushuitan.Bundle
}

// FieldSource is the source of a field that each merchant chooses, such as the season (see
// [FieldsWithSource]). The zero value means no source: the field keeps its value in
// DianJia.
type FieldSource struct {
	kind  sourceKind
	text  string
	n     int
	fn    func(FieldSourceRow) string
	chain []FieldSource
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

// FromUps reads the category property (商品属性, ups) with this name, such as 年份. Only a
// style query (拉取SPU) returns them.
func FromUps(name string) FieldSource { return FieldSource{kind: sourceUps, text: name} }

// FromOther reads the custom text field n (其它属性, other_1 to other_10). A SKU query
// returns ten of them, a style query and bundles five.
func FromOther(n int) FieldSource { return FieldSource{kind: sourceOther, n: n} }

// FromLabelPrefix reads the rest of the first label (标签) with the prefix: with the
// prefix 年份: the label 年份:2026 has the value 2026.
func FromLabelPrefix(prefix string) FieldSource { return FieldSource{kind: sourceLabel, text: prefix} }

// FromCategory reads the name of the category (商品分类). Bundles have none.
func FromCategory() FieldSource { return FieldSource{kind: sourceCategory} }

// FromConstant returns a source with the same value for every product.
func FromConstant(value string) FieldSource { return FieldSource{kind: sourceConstant, text: value} }

// FromFunc calls f for each row, in a style query for each SKU. The function must be
// pure and safe for concurrent use.
func FromFunc(f func(row FieldSourceRow) string) FieldSource {
	return FieldSource{kind: sourceFunc, fn: f}
}

// FromFirst reads the first of the sources that has a value for the row.
func FromFirst(sources ...FieldSource) FieldSource {
	return FieldSource{kind: sourceChain, chain: sources}
}

// String returns the source as written in code, as errors show it.
func (s FieldSource) String() string {
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
		return fmt.Sprintf("FromConstant(%q)", s.text)
	case sourceFunc:
		return "FromFunc"
	case sourceChain:
		names := make([]string, len(s.chain))
		for i, c := range s.chain {
			names[i] = c.String()
		}
		return "FromFirst(" + strings.Join(names, ", ") + ")"
	}
	return "no source"
}

// value returns the value of a row, or "".
func (s *FieldSource) value(row *FieldSourceRow) string {
	switch s.kind {
	case sourceUps:
		return sourceProperty(row.Item, s.text)
	case sourceOther:
		return strings.TrimSpace(sourceOtherText(row, s.n))
	case sourceLabel:
		return sourceLabelled(row, s.text)
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

// read returns the source that has a value for the row: of FromFirst, the member.
func (s *FieldSource) read(row *FieldSourceRow) string {
	for i := range s.chain {
		if s.chain[i].value(row) != "" {
			return s.chain[i].read(row)
		}
	}
	return s.String()
}

// sourceProperty returns the first value of the category property with this name.
func sourceProperty(item *jushuitan.Item, name string) string {
	if item == nil {
		return ""
	}
	for i := range item.Ups {
		if up := &item.Ups[i]; up.PName == name && strings.TrimSpace(up.PVValue) != "" {
			return strings.TrimSpace(up.PVValue)
		}
	}
	return ""
}

// sourceLabelled returns what follows the prefix in the first label that has it.
func sourceLabelled(row *FieldSourceRow, prefix string) string {
	for _, label := range sourceLabels(row) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(label), prefix)
		if rest = strings.TrimSpace(rest); ok && rest != "" {
			return rest
		}
	}
	return ""
}

func sourceLabels(row *FieldSourceRow) []string {
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

func sourceCategoryName(row *FieldSourceRow) string {
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

// sourceOtherText returns the custom text n. Only a SKU query has more than five.
func sourceOtherText(row *FieldSourceRow, n int) string {
	var slots [10]string
	switch {
	case row.SKU != nil:
		r := row.SKU
		slots = [10]string{r.Other1, r.Other2, r.Other3, r.Other4, r.Other5, r.Other6, r.Other7, r.Other8, r.Other9, r.Other10}
	case row.ItemSKU != nil:
		r := row.ItemSKU
		slots = [10]string{r.Other1, r.Other2, r.Other3, r.Other4, r.Other5}
	case row.Bundle != nil:
		r := row.Bundle
		slots = [10]string{r.Other1, r.Other2, r.Other3, r.Other4, r.Other5}
	}
	return slots[n-1] // check ensures that n is 1 to 10
}

// check returns what is wrong with the source of a field.
func (s *FieldSource) check(field ProductField, nested bool) error {
	if s.kind == sourceChain && len(s.chain) > 0 {
		var errs []error
		for i := range s.chain {
			errs = append(errs, s.chain[i].check(field, true))
		}
		return errors.Join(errs...)
	}
	if s.kind == sourceNone && !nested {
		return nil
	}
	if en, zh := s.problem(); en != "" {
		return fmt.Errorf("mapping: source of %s (%s): %s: %s / %s", field, field.Title(), s, en, zh)
	}
	return nil
}

// problem returns what is wrong with a source, in English and Chinese.
func (s *FieldSource) problem() (en, zh string) {
	switch {
	case s.kind == sourceNone:
		return "a member of FromFirst is the zero source", "FromFirst 中有空来源"
	case s.kind == sourceUps && strings.TrimSpace(s.text) == "":
		return "the property needs a name", "请填写属性名"
	case s.kind == sourceOther && (s.n < 1 || s.n > 10):
		return "the number must be 1 to 10, for other_1 to other_10", "序号必须为 1 至 10（other_1 至 other_10）"
	case s.kind == sourceLabel && (strings.TrimSpace(s.text) == "" || strings.ContainsAny(s.text, ",，")):
		return "the prefix must not be empty or contain a comma", "标签前缀不能为空，也不能包含逗号"
	case s.kind == sourceConstant && strings.TrimSpace(s.text) == "":
		return "the constant is empty: leave the source out instead", "常量不能为空，不需要时请勿设置来源"
	case s.kind == sourceFunc && s.fn == nil:
		return "the function is nil", "函数为 nil"
	case s.kind == sourceChain:
		return "FromFirst has no members", "FromFirst 没有任何来源"
	}
	return "", ""
}

// dead returns the members of the source that cannot have a value in this kind of sync.
// all means that the whole source cannot.
func (s *FieldSource) dead(pullSPU bool) (members []FieldSource, all bool) {
	switch {
	case s.kind == sourceUps && !pullSPU, s.kind == sourceOther && s.n > 5 && pullSPU:
		return []FieldSource{*s}, true
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

// member returns the source with this text among the source and its members, or the zero
// source.
func (s *FieldSource) member(text string) FieldSource {
	if s.kind != sourceChain && s.String() == text {
		return *s
	}
	for i := range s.chain {
		if m := s.chain[i].member(text); m.kind != sourceNone {
			return m
		}
	}
	return FieldSource{}
}

// reverse returns the member of the source through which a value is written back: the
// first that is read in this kind of sync and can be uploaded, otherwise the first.
func (s *FieldSource) reverse(pullSPU bool) FieldSource {
	if s.kind != sourceChain {
		return *s
	}
	var first FieldSource
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
