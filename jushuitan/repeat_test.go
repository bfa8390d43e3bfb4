package jushuitan_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

var recordRepeats = flag.Bool("record-repeats", false, "write testdata/repeats.txt from what the client does")

// repeatCase is one way to fill in the request of an operation.
type repeatCase struct {
	name string
	send func(*repeatLab) (ok bool) // whether the operation has such a request
}

// The columns of testdata/repeats.txt. A typed request comes first, then the same
// request by Call: as a map, as the caller's own struct, as JSON text.
var repeatCases = []repeatCase{
	{"keys", func(l *repeatLab) bool { return l.method(l.full()) }},
	{"no-key", func(l *repeatLab) bool { return l.method(l.unnamed(0)) }},
	{"blank-key", func(l *repeatLab) bool { return l.method(l.blank()) }},
	{"one-without", func(l *repeatLab) bool { return l.method(l.unnamed(1)) }},
	{"no-rows", func(l *repeatLab) bool { return l.method(l.noRows()) }},
	{"nil", func(l *repeatLab) bool { return l.method(reflect.Zero(l.request), true) }},
	{"flag", func(l *repeatLab) bool { return l.method(l.flagged()) }},
	{"map", func(l *repeatLab) bool { return l.call(l.asMap(l.full())) }},
	{"map-no-key", func(l *repeatLab) bool { return l.call(l.asMap(l.unnamed(0))) }},
	{"map-flag", func(l *repeatLab) bool { return l.call(l.asMap(l.flagged())) }},
	{"map-as-keyed", func(l *repeatLab) bool {
		biz, ok := l.asMap(l.unnamed(0))
		return l.call(biz, ok, jushuitan.AsKeyed())
	}},
	{"map-one-without", func(l *repeatLab) bool { return l.call(l.asMap(l.unnamed(1))) }},
	{"struct", func(l *repeatLab) bool { return l.call(asForeign(l.full())) }},
	{"struct-no-key", func(l *repeatLab) bool { return l.call(asForeign(l.unnamed(0))) }},
	{"struct-as-keyed", func(l *repeatLab) bool {
		biz, ok := asForeign(l.unnamed(0))
		return l.call(biz, ok, jushuitan.AsKeyed())
	}},
	{"text", func(l *repeatLab) bool { return l.call(l.asText(l.full())) }},
	{"text-no-key", func(l *repeatLab) bool { return l.call(l.asText(l.unnamed(0))) }},
	{"text-foreign", func(l *repeatLab) bool { return l.call(json.RawMessage(`"text"`), true) }},
}

// TestRepeats: a call whose first answer was lost (502) is sent again if a repeat
// changes nothing. Reads always are, unsafe writes never; keyed writes are when
// every document in the request names its key, as testdata/repeats.txt says for
// each of them. An operation that is not in the file behaves like Orders.Upload.
func TestRepeats(t *testing.T) {
	want := readRepeats(t)
	var text strings.Builder
	record := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(record, repeatHead())
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		if op.Go.Auth || op.Go.Raw {
			continue
		}
		name := op.Go.Service + "." + op.Go.Method
		lab := newRepeatLab(t, op)
		got := make([]string, len(repeatCases))
		for i, c := range repeatCases {
			got[i] = lab.answer(c)
			switch {
			case got[i] == "-" || got[i] == "not-sent" || strings.HasSuffix(c.name, "as-keyed"):
			case op.Effect == "read":
				assert.Equal(t, "yes", got[i], "%s is a read: %s", name, c.name)
			case op.Effect == "unsafe":
				assert.Equal(t, "no", got[i], "%s is unsafe: %s", name, c.name)
			}
		}
		if op.Effect != "keyed" {
			continue
		}
		fmt.Fprintf(record, "%s\t%s\t\n", name, strings.Join(got, "\t"))
		if *recordRepeats {
			continue
		}
		for i, c := range repeatCases {
			wanted := want["Orders.Upload"][i]
			if row := want[name]; row != nil {
				wanted = row[i]
			} else if got[i] == "-" || got[i] == "not-sent" || wanted == "-" || wanted == "not-sent" {
				continue
			}
			assert.Equal(t, wanted, got[i], "%s: is a request sent again: %s", name, c.name)
		}
	}
	if *recordRepeats {
		require.NoError(t, record.Flush())
		require.NoError(t, os.WriteFile("testdata/repeats.txt", []byte(text.String()), 0o600))
	}
}

func repeatHead() string {
	names := make([]string, len(repeatCases))
	for i, c := range repeatCases {
		names[i] = c.name
	}
	return "operation\t" + strings.Join(names, "\t") + "\t"
}

func readRepeats(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/repeats.txt")
	if *recordRepeats {
		return nil
	}
	require.NoError(t, err)
	head, rows, _ := strings.Cut(string(data), "\n")
	require.Equal(t, strings.Fields(repeatHead()), strings.Fields(head))
	out := map[string][]string{}
	for line := range strings.Lines(rows) {
		words := strings.Fields(line)
		require.Len(t, words, len(repeatCases)+1, line)
		out[words[0]] = words[1:]
	}
	return out
}

// repeatLab sends requests of one operation and counts how often they arrive.
type repeatLab struct {
	t        *testing.T
	op       *catalog.Operation
	client   *jushuitan.Client
	request  reflect.Type // nil: the method takes none
	arrivals int
}

func newRepeatLab(t *testing.T, op *catalog.Operation) *repeatLab {
	t.Helper()
	l := &repeatLab{t: t, op: op}
	l.client = mocked(t, func(*http.Request) (*http.Response, error) {
		l.arrivals++
		return httpmock.NewStringResponse(http.StatusBadGateway, ""), nil
	}, jushuitan.WithoutValidation(), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}))
	if m := method(t, l.client, op); m.Type().NumIn() == 2 {
		l.request = m.Type().In(1)
	}
	return l
}

// answer is yes when the request was sent again, no when it was sent once, "-"
// when the operation has no such request.
func (l *repeatLab) answer(c repeatCase) (answer string) {
	defer func() {
		if recover() != nil {
			answer = "panic"
		}
	}()
	l.arrivals = 0
	if l.request == nil || !c.send(l) {
		return "-"
	}
	return [...]string{"not-sent", "no", "yes"}[l.arrivals]
}

func (l *repeatLab) method(req reflect.Value, ok bool) bool {
	if ok {
		method(l.t, l.client, l.op).Call([]reflect.Value{reflect.ValueOf(context.Background()), req})
	}
	return ok
}

func (l *repeatLab) call(biz any, ok bool, opts ...jushuitan.CallOption) bool {
	if ok {
		_ = l.client.Call(context.Background(), l.op.Path, biz, nil, opts...)
	}
	return ok
}

// full is a request with every member filled in, two elements in each list, and
// every flag off.
func (l *repeatLab) full() (req reflect.Value, ok bool) {
	v := reflect.New(l.request).Elem()
	fill(v)
	return v, true
}

// unnamed is a full request in which the rows from this one on, or the document
// itself where from is 0, have no key.
func (l *repeatLab) unnamed(from int) (req reflect.Value, ok bool) {
	req, _ = l.full()
	return req, l.eachKey(req, from == 0, from, func(key reflect.Value) { key.SetZero() })
}

func (l *repeatLab) blank() (req reflect.Value, ok bool) {
	req, _ = l.full()
	texts := false
	l.eachKey(req, true, 0, func(key reflect.Value) {
		if key.Kind() == reflect.String {
			key.SetString(" ")
			texts = true
			return
		}
		key.SetZero()
	})
	return req, texts
}

func (l *repeatLab) noRows() (req reflect.Value, ok bool) {
	req, _ = l.full()
	if req.Kind() == reflect.Slice {
		req.SetLen(0)
		return req, true
	}
	fields := reflect.Indirect(req)
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct && !l.eachKey(req, true, -1, nil) {
			f.SetLen(0)
			ok = true
		}
	}
	return req, ok
}

func (l *repeatLab) flagged() (req reflect.Value, ok bool) {
	req, _ = l.full()
	if l.op.UnsafeWhen == "" {
		return req, false
	}
	fields := reflect.Indirect(req)
	for i := range fields.NumField() {
		if wireName(fields.Type().Field(i)) == l.op.UnsafeWhen {
			fields.Field(i).SetBool(true)
		}
	}
	return req, true
}

// eachKey visits the members of the key: of the document itself if own is set, of
// the elements of lists from this one on. With from -1 it looks at no list.
func (l *repeatLab) eachKey(v reflect.Value, own bool, from int, visit func(reflect.Value)) (found bool) {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && l.eachKey(v.Elem(), own, from, visit)
	case reflect.Slice:
		for i := range v.Len() {
			if from >= 0 && i >= from && v.Index(i).Kind() == reflect.Struct {
				found = l.eachKey(v.Index(i), true, from, visit) || found
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case own && l.names(wireName(v.Type().Field(i))):
				if visit != nil {
					visit(f)
				}
				found = true
			case f.Kind() == reflect.Slice:
				found = l.eachKey(f, own, from, visit) || found
			}
		}
	}
	return found
}

// names reports whether a member says which document it is, not only where it is
// or of what kind.
func (l *repeatLab) names(member string) bool {
	return slices.Contains(l.op.Key, member) && !slices.Contains([]string{"shop_id", "wms_co_id", "supplier_id", "type"}, member)
}

func wireName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fill sets every member of a value but its flags.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.RequireFromString("1.5")))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`"raw"`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}

func (l *repeatLab) asText(req reflect.Value, ok bool) (biz any, known bool) {
	text, err := wire.Marshal(req.Interface())
	require.NoError(l.t, err)
	return json.RawMessage(text), ok
}

func (l *repeatLab) asMap(req reflect.Value, ok bool) (biz any, known bool) {
	text, _ := l.asText(req, ok)
	require.NoError(l.t, json.Unmarshal(text.(json.RawMessage), &biz))
	return biz, ok
}

// asForeign is the same request in a type that the package does not know.
func asForeign(req reflect.Value, ok bool) (biz any, known bool) {
	switch req.Kind() {
	case reflect.Pointer:
		foreign := reflect.New(foreignType(req.Type().Elem()))
		foreign.Elem().Set(req.Elem().Convert(foreign.Type().Elem()))
		return foreign.Interface(), ok
	case reflect.Slice:
		foreign := reflect.MakeSlice(reflect.SliceOf(foreignType(req.Type().Elem())), 0, req.Len())
		for i := range req.Len() {
			foreign = reflect.Append(foreign, req.Index(i).Convert(foreign.Type().Elem()))
		}
		return foreign.Interface(), ok
	}
	return nil, false
}

func foreignType(typ reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, typ.NumField())
	for i := range fields {
		fields[i] = typ.Field(i)
	}
	return reflect.StructOf(fields)
}
