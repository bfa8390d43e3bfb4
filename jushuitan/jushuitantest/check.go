package jushuitantest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// check validates biz against the catalog: its root, required fields, types, lengths,
// sizes of lists and pages, time ranges. Unknown members are ignored, as the platform
// does.
func (op *operation) check(q *call) *answer {
	root, objects, err := op.objects(q.biz)
	if err != nil {
		return refused(codeBadData, "%v", err)
	}
	for i, m := range objects {
		prefix := ""
		if op.Biz == "array" {
			prefix = fmt.Sprintf("[%d].", i)
		}
		if err := op.fields.checkObject(m, prefix, op.Path); err != nil {
			return refused(codeBadData, "%v", err)
		}
	}
	if b := op.Batch; b != nil {
		if q.rows = objects; b.List != "" {
			q.rows = objectsIn(root[b.List])
		}
		if b.Max > 0 && !b.MaxIsOurs && len(q.rows) > b.Max {
			return refused(codeBadData, "一次最多上传%d条，实际%d条", b.Max, len(q.rows))
		}
	}
	return op.checkQuery(root)
}

// checkQuery validates page, time range and keys of an object; nil passes.
func (op *operation) checkQuery(root map[string]any) *answer {
	if root == nil {
		return nil
	}
	if err := cmp.Or(op.checkPage(root), op.checkWindow(root)); err != nil {
		return refused(codeBadData, "%v", err)
	}
	if len(op.either) > 0 && !slices.ContainsFunc(op.either, func(name string) bool { return present(root[name]) }) {
		code := int64(codeBadData)
		if op.Path == "/open/inventory/query" { // observed
			code = codeIntegrity
		}
		return refused(code, "查询条件至少传一项：%s", strings.Join(op.either, "、"))
	}
	return nil
}

// objects returns the objects of biz: itself or its elements; root is nil for a list.
func (op *operation) objects(biz []byte) (root map[string]any, all []map[string]any, err error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(biz))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, nil, errors.New("biz 不是合法的 JSON")
	}
	switch v := v.(type) {
	case map[string]any:
		if op.Biz == "array" {
			return nil, nil, errors.New("biz 应为 JSON 数组")
		}
		return v, []map[string]any{v}, nil
	case []any:
		if op.Biz != "array" {
			return nil, nil, errors.New("biz 应为 JSON 对象")
		}
		if len(v) == 0 {
			return nil, nil, errors.New("biz 不能为空数组")
		}
		for i, e := range v {
			m, ok := e.(map[string]any)
			if !ok {
				return nil, nil, fmt.Errorf("biz[%d] 应为 JSON 对象", i)
			}
			all = append(all, m)
		}
		return nil, all, nil
	default:
		return nil, nil, errors.New("biz 应为 JSON 对象或数组")
	}
}

// objectsIn returns the objects in a list.
func objectsIn(v any) []map[string]any {
	var out []map[string]any
	list, _ := v.([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case json.Number:
		return v != "0"
	}
	return true
}

func lookup(root map[string]any, path string) any {
	var at any = root
	for part := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[part]
	}
	return at
}

func (op *operation) checkPage(root map[string]any) error {
	p := op.Paging
	if p == nil {
		return nil
	}
	size, sizeOK := wholeNumber(lookup(root, p.Size))
	index, indexOK := wholeNumber(lookup(root, p.Index))
	switch {
	case sizeOK && (size < 0 || p.Max > 0 && size > int64(p.Max)):
		return fmt.Errorf("参数 %s 超出范围：最大%d", p.Size, p.Max)
	case indexOK && index < 0:
		return fmt.Errorf("参数 %s 应从1开始", p.Index)
	case indexOK && p.MaxPages > 0 && index > int64(p.MaxPages):
		return fmt.Errorf("参数 %s 超出范围：最大%d", p.Index, p.MaxPages)
	}
	return nil
}

func (op *operation) checkWindow(root map[string]any) error {
	w := op.Window
	if w == nil {
		return nil
	}
	begin, end := timeOf(lookup(root, w.Begin)), timeOf(lookup(root, w.End))
	switch {
	case begin.IsZero() && end.IsZero():
		return nil
	case begin.IsZero() || end.IsZero():
		return fmt.Errorf("参数 %s 与 %s 必须同时传", w.Begin, w.End)
	case end.Before(begin):
		return fmt.Errorf("参数 %s 不能早于 %s", w.End, w.Begin)
	case w.Days > 0 && end.Sub(begin) > time.Duration(w.Days)*24*time.Hour:
		return fmt.Errorf("参数 %s 与 %s 的间隔不能超过%d天", w.Begin, w.End, w.Days)
	}
	return nil
}

func timeOf(v any) time.Time {
	text, _ := v.(string)
	t, err := wire.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return t
}

func wholeNumber(v any) (int64, bool) {
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// mayBeEmpty are required texts for which "" is valid: it clears the text.
func mayBeEmpty(name string) bool { return name == "remark" || name == "node" }

// takesText reports whether a list is also accepted as comma-separated text.
func takesText(path, name string) bool {
	return path == "/open/mall/item/query" && name == "i_ids"
}

func (m *member) checkObject(obj map[string]any, prefix, path string) error {
	for _, c := range m.children {
		if err := c.checkValue(obj[c.name], prefix+c.name, path); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) checkValue(v any, name, path string) error {
	f := m.field
	if f == nil { // a parent that is not listed itself
		if obj, ok := v.(map[string]any); ok {
			return m.checkObject(obj, name+".", path)
		}
		return nil
	}
	if v == nil || v == "" && !(f.Required && f.Type == "string" && mayBeEmpty(m.name)) {
		if f.Required {
			return fmt.Errorf("缺少必填参数 %s", name)
		}
		return nil
	}
	wrong := fmt.Errorf("参数 %s 无法转换为 %s", name, f.Type)
	switch f.Type {
	case "object":
		obj, ok := v.(map[string]any)
		if !ok {
			return wrong
		}
		return m.checkObject(obj, name+".", path)
	case "[]string", "[]int", "[]object", "[][]object":
		list, ok := v.([]any)
		if !ok {
			if _, text := v.(string); text && takesText(path, m.name) {
				return nil
			}
			return wrong
		}
		return m.checkList(list, name, path)
	}
	return m.checkScalar(v, name, wrong)
}

func (m *member) checkList(list []any, name, path string) error {
	f := m.field
	if f.Required && len(list) == 0 {
		return fmt.Errorf("必填参数 %s 不能为空", name)
	}
	if f.MaxItems > 0 && len(list) > f.MaxItems {
		return fmt.Errorf("参数 %s 最多%d项，实际%d项", name, f.MaxItems, len(list))
	}
	for i, e := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		switch f.Type {
		case "[]object":
			obj, ok := e.(map[string]any)
			if !ok {
				return fmt.Errorf("参数 %s 应为对象", at)
			}
			if err := m.checkObject(obj, at+".", path); err != nil {
				return err
			}
		case "[]int":
			if _, ok := wholeNumber(e); !ok {
				return fmt.Errorf("参数 %s 无法转换为 int", at)
			}
		}
	}
	return nil
}

//nolint:gocyclo // one case for each type of the catalog, none of which needs another
func (m *member) checkScalar(v any, name string, wrong error) error {
	f := m.field
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	_, isBool := v.(bool)
	if isNumber {
		text = number.String()
	}
	switch f.Type {
	case "int":
		d, err := decimal.NewFromString(strings.TrimSpace(text))
		if err != nil || len(text) > 32 || !d.IsInteger() {
			return wrong
		}
	case "decimal":
		if len(text) > 64 {
			return wrong
		}
		if _, err := decimal.NewFromString(strings.TrimSpace(text)); err != nil {
			return wrong
		}
	case "bool":
		if !isBool {
			switch strings.ToLower(text) {
			case "true", "false", "0", "1":
			default:
				return wrong
			}
		}
	case "time":
		if !isText {
			return wrong
		}
		if _, err := wire.ParseTime(text); err != nil {
			return wrong
		}
	case "commas":
		if !isText && !isNumber {
			return wrong
		}
		if n := strings.Count(text, ",") + 1; f.MaxItems > 0 && n > f.MaxItems {
			return fmt.Errorf("参数 %s 最多%d项，实际%d项", name, f.MaxItems, n)
		}
	case "string":
		if !isText && !isNumber && !isBool {
			return wrong
		}
		if n := utf8.RuneCountInString(text); f.MaxLen > 0 && n > f.MaxLen {
			return fmt.Errorf("参数 %s 最长%d个字符，实际%d个", name, f.MaxLen, n)
		}
	}
	return nil
}
