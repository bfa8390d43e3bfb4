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

// ValidationError lists what is wrong with a request. It is found with errors.As
// in the error of a call, which was not sent then.
type ValidationError struct {
	Issues []Issue
}

// Issue is one thing that is wrong with a request.
type Issue struct {
	Row   int    // of the list that is uploaded, -1 where there is none
	Field string // items[0].sku_id, by the wire's names
	Rule  string // what must hold
}

func (i Issue) String() string {
	if i.Row < 0 {
		return i.Field + " " + i.Rule
	}
	return fmt.Sprintf("row %d: %s %s", i.Row, i.Field, i.Rule)
}

// Error names up to ten issues.
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

// WithoutValidation sends requests as they are: what is wrong with them is left to
// the server to say. The checks of this package follow public documentation, which
// may be behind the server.
func WithoutValidation() Option {
	return func(s *settings) error { s.unchecked = true; return nil }
}

// checked requests have rules beyond those of their fields.
type checkedRequest interface {
	check(c *checker)
}

// checker collects issues.
type checker struct {
	issues []Issue
	row    int
	path   []string
}

// add notes an issue of the member name of the value at hand.
func (c *checker) add(name, format string, args ...any) {
	c.issues = append(c.issues, Issue{Row: c.row, Field: strings.Join(append(c.path[:len(c.path):len(c.path)], name), "."), Rule: fmt.Sprintf(format, args...)})
}

// check looks at a request unless the client is told not to.
func (k *oneCall) check(req any) error {
	if k.core.unchecked {
		return nil
	}
	if v := checkRequest(k.op, req); v != nil {
		return k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: v})
	}
	return nil
}

// checkRequest looks at a request before it is sent: required fields, lengths,
// list sizes, the time range, and rules between fields.
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

// value looks at a struct.
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
			c.add(name, "has %d characters, %d are allowed", utf8.RuneCountInString(v.String()), n)
		}
		if l, ok := v.Interface().(CommaList); ok && utf8.RuneCountInString(l.String()) > n {
			c.add(name, "has %d characters, %d are allowed", utf8.RuneCountInString(l.String()), n)
		}
	case "items":
		if v.Kind() == reflect.Slice && v.Len() > n {
			c.add(name, "has %d elements, %d are allowed", v.Len(), n)
		}
	}
}

// empty tells whether a required field says nothing. A number that is 0 says
// something, unless it is that of a document, shop or warehouse; those are tagged
// required too, and others are not.
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

// check: an order counts as paid only when what was paid is what is to be paid,
// and address parts come all or none.
func (o *OrderUpload) check(c *checker) {
	if o.Pay != nil && o.ShopStatus != ShopStatusWaitBuyerPay && !o.Pay.Amount.Equal(o.PayAmount) {
		c.add("pay.amount", "differs from pay_amount: the order would count as unpaid")
	}
	allOrNone(c, "with the others of receiver_state, receiver_city, receiver_district", map[string]string{
		"receiver_state": o.ReceiverState, "receiver_city": o.ReceiverCity, "receiver_district": o.ReceiverDistrict,
	})
	if o.Card != nil && (o.Card.Name == "" || o.Card.CardID == "") {
		c.add("card", "needs both name and card_id")
	}
	seen := map[string]bool{}
	for i := range o.Items {
		id := o.Items[i].OuterOIID
		if id != "" && seen[id] {
			c.add(fmt.Sprintf("items[%d].outer_oi_id", i), "is not unique in the order")
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
			c.add(name, "is missing: it comes %s or not at all", rule)
		}
	}
}

// check: a cross-border shipment names its channel.
func (s *OutboundShipRequest) check(c *checker) {
	if s.IsUnLID && (s.TrackingCode == "" || s.TrackingInfo == "") {
		c.add("is_un_lid", "needs tracking_code and tracking_info")
	}
}

// check: a label has at most 10 characters, and the order is named in one of two
// ways.
func (l *OrderSetLabelsRequest) check(c *checker) {
	for i, text := range l.Labels {
		if utf8.RuneCountInString(text) > 10 {
			c.add(fmt.Sprintf("labels[%d]", i), "has more than 10 characters")
		}
	}
	if l.OID == 0 && (l.ShopID == 0 || l.SoID == "") {
		c.add("o_id", "is required, or shop_id with so_id")
	}
}

// window looks at the time range of a query: both ends or none, and not more than
// the server accepts. The iterators split longer ranges, a single query cannot.
func (c *checker) window(op *Operation, v reflect.Value) {
	if op.window[0] == "" || v.Kind() != reflect.Struct {
		return
	}
	begin, end := timeMember(v, op.window[0]), timeMember(v, op.window[1])
	name := op.window[0] + " and " + op.window[1]
	switch {
	case begin.IsZero() && end.IsZero():
	case begin.IsZero() || end.IsZero():
		c.add(name, "need each other: both ends of the range or none")
	case end.Before(begin):
		c.add(name, "are in the wrong order")
	case op.WindowMax > 0 && end.Sub(begin) > op.WindowMax:
		c.add(name, "span more than %d days: use the iterator, which splits the range", int(op.WindowMax/day))
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
