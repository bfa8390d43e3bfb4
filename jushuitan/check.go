package jushuitan

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
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

// value checks the fields of a struct.
func (c *checker) value(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		fv := v.Field(i)
		for rule := range strings.SplitSeq(f.Tag.Get("check"), ",") {
			c.rule(name, fv, rule)
		}
		c.deeper(name, fv)
	}
	if v.CanAddr() {
		if r, ok := v.Addr().Interface().(checkedRequest); ok {
			r.check(c)
		}
	}
}

func (c *checker) rule(name string, v reflect.Value, rule string) {
	kind, arg, _ := strings.Cut(rule, "=")
	n, _ := strconv.Atoi(arg)
	switch kind {
	case "required":
		if empty(v) {
			c.add(name, "is required")
		}
	case "max": // characters
		if v.Kind() == reflect.String && utf8.RuneCountInString(v.String()) > n {
			c.add(name, "has %d characters, maximum %d", utf8.RuneCountInString(v.String()), n)
		}
		if l, ok := v.Interface().(CommaList); ok && utf8.RuneCountInString(l.String()) > n {
			c.add(name, "has %d characters, maximum %d", utf8.RuneCountInString(l.String()), n)
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
	}
	if _, ok := v.Interface().(decimal.Decimal); ok {
		return false
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.IsZero()
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
		switch v.Interface().(type) {
		case time.Time, decimal.Decimal:
			return
		}
		c.path = append(c.path, name)
		c.value(v)
		c.path = c.path[:len(c.path)-1]
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k != reflect.Struct && k != reflect.Slice {
			return
		}
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
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name == wire {
			t, _ := v.Field(i).Interface().(time.Time)
			return t
		}
	}
	return time.Time{}
}
