package jushuitan

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// ValidationError lists the issues found in a request before it is sent; the request is
// then not sent. errors.As finds it in the error of the call.
type ValidationError struct {
	Issues []Issue
}

// Issue is one problem of a request.
type Issue struct {
	Row   int    // index in the uploaded list, -1 for a field of the request itself
	Field string // path of JSON names, such as items[0].sku_id
	Rule  string // the rule that is violated
}

func (i Issue) String() string {
	if i.Row < 0 {
		return i.Field + " " + i.Rule
	}
	return fmt.Sprintf("row %d: %s %s", i.Row, i.Field, i.Rule)
}

// Error lists the first ten issues.
func (e *ValidationError) Error() string {
	var b strings.Builder
	for i, issue := range e.Issues {
		if i == 10 {
			fmt.Fprintf(&b, "; and %d more", len(e.Issues)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(issue.String())
	}
	return b.String()
}

// WithoutValidation turns off validation before calls and leaves it to the server. The
// checks follow public documentation, which may lag behind the server.
func WithoutValidation() Option {
	return func(s *settings) error { s.unchecked = true; return nil }
}

// checkedRequest is a request with rules across several fields.
type checkedRequest interface {
	check(c *checker)
}

// checker collects issues.
type checker struct {
	issues []Issue
	row    int
	path   []string
}

// add records an issue with the field name of the current value.
func (c *checker) add(name, format string, args ...any) {
	c.issues = append(c.issues, Issue{Row: c.row, Field: strings.Join(append(c.path[:len(c.path):len(c.path)], name), "."), Rule: fmt.Sprintf(format, args...)})
}

// check validates a request unless [WithoutValidation] is set.
func (k *oneCall) check(req any) error {
	if k.core.unchecked {
		return nil
	}
	if v := checkRequest(k.op, req); v != nil {
		return k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: v})
	}
	return nil
}

// WithStrictUploads sends nothing of an upload one of whose rows fails the check before
// sending. By default the other rows are sent.
func WithStrictUploads() Option {
	return func(s *settings) error { s.strict = true; return nil }
}

// rowOf returns the row of an upload that an issue is about, -1 for the request itself. The
// rows are in a member of the request unless list is "".
func (i Issue) rowOf(list string) int {
	if list == "" {
		return i.Row
	}
	index, ok := strings.CutPrefix(i.Field, list+"[")
	index, _, closed := strings.Cut(index, "]")
	row, err := strconv.Atoi(index)
	if !ok || !closed || err != nil {
		return -1
	}
	return row
}

// checkRows checks the rows of an upload and passes fail the error of each that is not to
// be sent. The error is that of the request itself, in which case no row is sent, and every
// row has it.
func (k *oneCall) checkRows(req any, list string, rows int, fail func(row int, err error)) error {
	if k.core.unchecked {
		return nil
	}
	v := checkRequest(k.op, req)
	if v == nil {
		return nil
	}
	invalid := func(v *ValidationError) error {
		return k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: v})
	}
	byRow := map[int][]Issue{}
	for _, i := range v.Issues {
		row := i.rowOf(list)
		byRow[row] = append(byRow[row], i)
	}
	if len(byRow[-1]) > 0 || k.core.strict {
		err := invalid(v)
		for i := range rows {
			fail(i, err)
		}
		return err
	}
	for i, issues := range byRow {
		fail(i, invalid(&ValidationError{Issues: issues}))
	}
	return nil
}

// callForRaw is callRaw for a request whose fields are known.
func callForRaw(ctx context.Context, c *Client, op *Operation, req any) (json.RawMessage, error) {
	k := &oneCall{Client: c, op: op, path: c.pathOf(op)}
	if err := k.check(req); err != nil {
		return nil, err
	}
	return callRaw(ctx, c, op, req)
}

// checkRequest validates a request before it is sent: required fields, lengths, list
// sizes, the time range, and rules across fields.
func checkRequest(op *Operation, req any) *ValidationError {
	c := &checker{row: -1}
	v := reflect.ValueOf(req)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			c.row = i
			c.value(v.Index(i))
		}
	case reflect.Struct:
		c.value(v)
		c.window(op, v)
	}
	if len(c.issues) == 0 {
		return nil
	}
	return &ValidationError{Issues: c.issues}
}

// checkPlan is what the checker knows of a type of request. It is created once for each
// type.
type checkPlan struct {
	fields []checkField
	times  []timeField
	own    bool // it is a checkedRequest
}

// checkField is a field with rules, or one that may contain fields with rules.
type checkField struct {
	index  int
	name   string
	rules  []checkRule
	nested bool
}

// checkRule is one rule of a check tag, such as max=20.
type checkRule struct {
	kind string
	n    int
}

type timeField struct {
	index int
	name  string
}

// checkPlans caches the plans by type. Its content affects only how long a check takes.
var checkPlans sync.Map

func checkPlanOf(t reflect.Type) *checkPlan {
	if p, ok := checkPlans.Load(t); ok {
		return p.(*checkPlan)
	}
	p := &checkPlan{own: reflect.PointerTo(t).Implements(reflect.TypeFor[checkedRequest]())}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		if f.Type == reflect.TypeFor[time.Time]() {
			p.times = append(p.times, timeField{i, name})
		}
		field := checkField{index: i, name: name, nested: mayNest(f.Type)}
		if tag := f.Tag.Get("check"); tag != "" {
			for rule := range strings.SplitSeq(tag, ",") {
				kind, arg, _ := strings.Cut(rule, "=")
				n, _ := strconv.Atoi(arg)
				field.rules = append(field.rules, checkRule{kind, n})
			}
		}
		if field.nested || len(field.rules) > 0 {
			p.fields = append(p.fields, field)
		}
	}
	made, _ := checkPlans.LoadOrStore(t, p)
	return made.(*checkPlan)
}

// mayNest reports whether values of a type may contain structs with rules.
func mayNest(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() && t != reflect.TypeFor[decimal.Decimal]()
}

// value checks the fields of a struct.
func (c *checker) value(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	p := checkPlanOf(v.Type())
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.index)
		for _, rule := range f.rules {
			c.rule(f.name, fv, rule)
		}
		if f.nested {
			c.deeper(f.name, fv)
		}
	}
	if p.own && v.CanAddr() {
		v.Addr().Interface().(checkedRequest).check(c)
	}
}

func (c *checker) rule(name string, v reflect.Value, rule checkRule) {
	n := rule.n
	switch rule.kind {
	case "required":
		if empty(v) {
			c.add(name, "is required")
		}
	case "max": // characters
		if long := utf8.RuneCountInString(v.String()); v.Kind() == reflect.String && long > n {
			c.add(name, "has %d characters, maximum %d", long, n)
		}
	case "items":
		if v.Kind() == reflect.Slice && v.Len() > n {
			c.add(name, "has %d items, maximum %d", v.Len(), n)
		}
	}
}

// empty reports whether a required field has no value. A decimal of 0 is a value. An
// integer of 0 is not: required integers are the numbers of documents, shops and
// warehouses.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.String:
		return strings.TrimSpace(v.String()) == ""
	case reflect.Struct:
		switch x := v.Interface().(type) {
		case decimal.Decimal:
			return false
		case time.Time:
			return x.IsZero()
		}
	}
	return v.IsZero()
}

func (c *checker) deeper(name string, v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		c.path = append(c.path, name)
		c.value(v)
		c.path = c.path[:len(c.path)-1]
	case reflect.Slice:
		for i := range v.Len() {
			c.deeper(fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	}
}

// check validates that the amount paid equals pay_amount, else the order counts as
// unpaid, and that the address parts are complete or absent.
func (o *OrderUpload) check(c *checker) {
	if o.Pay != nil && o.ShopStatus != ShopStatusWaitBuyerPay && !o.Pay.Amount.Equal(o.PayAmount) {
		c.add("pay.amount", "differs from pay_amount: the order would count as unpaid")
	}
	allOrNone(c, "together with receiver_state, receiver_city and receiver_district", map[string]string{
		"receiver_state": o.ReceiverState, "receiver_city": o.ReceiverCity, "receiver_district": o.ReceiverDistrict,
	})
	if o.Card != nil && (o.Card.Name == "" || o.Card.CardID == "") {
		c.add("card", "requires both name and card_id")
	}
	seen := map[string]bool{}
	for i := range o.Items {
		id := o.Items[i].OuterOIID
		if id != "" && seen[id] {
			c.add(fmt.Sprintf("items[%d].outer_oi_id", i), "is a duplicate in this order")
		}
		seen[id] = true
	}
}

func allOrNone(c *checker, rule string, parts map[string]string) {
	given := 0
	for _, v := range parts {
		if v != "" {
			given++
		}
	}
	if given == 0 || given == len(parts) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if parts[name] == "" {
			c.add(name, "is missing: set it %s, or none of them", rule)
		}
	}
}

// check validates that a cross-border shipment names its channel.
func (s *OutboundShipRequest) check(c *checker) {
	if s.IsUnLID && (s.TrackingCode == "" || s.TrackingInfo == "") {
		c.add("is_un_lid", "requires tracking_code and tracking_info")
	}
}

// check validates that labels have at most 10 characters and that the order is
// identified.
func (l *OrderSetLabelsRequest) check(c *checker) {
	for i, text := range l.Labels {
		if utf8.RuneCountInString(text) > 10 {
			c.add(fmt.Sprintf("labels[%d]", i), "has more than 10 characters")
		}
	}
	if l.OID == 0 && (l.ShopID == 0 || l.SoID == "") {
		c.add("o_id", "is required, unless shop_id and so_id are set")
	}
}

// window checks the time range of a query: both ends or neither, and at most the length
// that the server accepts. The iterators split longer ranges; a single query cannot.
func (c *checker) window(op *Operation, v reflect.Value) {
	if op.window[0] == "" || v.Kind() != reflect.Struct {
		return
	}
	begin, end := timeMember(v, op.window[0]), timeMember(v, op.window[1])
	name := op.window[0] + " and " + op.window[1]
	switch {
	case begin.IsZero() && end.IsZero():
	case begin.IsZero() || end.IsZero():
		c.add(name, "must be set together")
	case end.Before(begin):
		c.add(name, "are in the wrong order")
	case op.WindowMax > 0 && end.Sub(begin) > op.WindowMax:
		c.add(name, "span more than %d days: use All, which splits the range", int(op.WindowMax/day))
	}
}

func timeMember(v reflect.Value, wire string) time.Time {
	for _, f := range checkPlanOf(v.Type()).times {
		if f.name == wire {
			t, _ := v.Field(f.index).Interface().(time.Time)
			return t
		}
	}
	return time.Time{}
}
