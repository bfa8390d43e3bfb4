package jushuitan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// mocked is a client whose every call is answered by respond.
func mocked(t *testing.T, respond httpmock.Responder, opts ...jushuitan.Option) *jushuitan.Client {
	t.Helper()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(respond)
	opts = append([]jushuitan.Option{
		jushuitan.WithHTTPClient(&http.Client{Transport: mock}),
		jushuitan.WithToken("test-access-token-0001"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: 1}),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
	}, opts...)
	c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "secret"}, opts...)
	require.NoError(t, err)
	return c
}

// sentForm reads the form of a request.
func sentForm(t *testing.T, req *http.Request) url.Values {
	t.Helper()
	body, err := io.ReadAll(req.Body)
	if !assert.NoError(t, err) {
		return nil
	}
	form, err := url.ParseQuery(string(body))
	assert.NoError(t, err)
	return form
}

// method finds the Go method of an operation.
func method(t *testing.T, c *jushuitan.Client, op *catalog.Operation) reflect.Value {
	t.Helper()
	svc := reflect.ValueOf(c).Elem().FieldByName(op.Go.Service)
	require.True(t, svc.IsValid(), "Client has no service %s", op.Go.Service)
	m := svc.MethodByName(op.Go.Method)
	require.True(t, m.IsValid(), "%s has no method %s", op.Go.Service, op.Go.Method)
	return m
}

// invoke calls a method with the sample request and returns what it returned.
func invoke(t *testing.T, m reflect.Value, sample json.RawMessage) (any, error) {
	t.Helper()
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	if m.Type().NumIn() == 2 {
		arg := m.Type().In(1)
		switch arg.Kind() {
		case reflect.Interface: // untyped
			biz := map[string]any{}
			if len(sample) > 0 {
				require.NoError(t, json.Unmarshal(sample, &biz))
			}
			in = append(in, reflect.ValueOf(biz))
		case reflect.Pointer:
			p := reflect.New(arg.Elem())
			if len(sample) > 0 {
				require.NoError(t, wire.Unmarshal(sample, p.Interface()))
			}
			in = append(in, p)
		default:
			p := reflect.New(arg)
			if len(sample) > 0 {
				require.NoError(t, wire.Unmarshal(sample, p.Interface()))
			}
			in = append(in, p.Elem())
		}
	}
	out := m.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	if len(out) == 2 {
		return out[0].Interface(), err
	}
	return nil, err
}

// leaves lists the values of a JSON text by path, without those that say nothing
// (null, "", 0, false, empty lists), in one form for numbers, flags and times.
func leaves(t *testing.T, data []byte) map[string]string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v), "%s", data)
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for k, e := range x {
				walk(path+"."+k, e)
			}
		case []any:
			for i, e := range x {
				walk(fmt.Sprintf("%s[%d]", path, i), e)
			}
		default:
			if s := normal(x); s != "" {
				out[path] = s
			}
		}
	}
	walk("", v)
	return out
}

func normal(v any) string {
	var s string
	switch x := v.(type) {
	case nil:
		return ""
	case bool:
		if !x {
			return ""
		}
		return "true"
	case json.Number:
		s = x.String()
	case string:
		s = x
	}
	if d, err := decimal.NewFromString(s); err == nil {
		if d.IsZero() {
			return ""
		}
		return d.String()
	}
	if s == "false" || strings.HasPrefix(s, "0001-01-01") { // no date
		return ""
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		return s + " 00:00:00"
	}
	return s
}

// within returns the part of a JSON text at a dotted path.
func within(t *testing.T, data json.RawMessage, path string) json.RawMessage {
	t.Helper()
	for part := range strings.SplitSeq(path, ".") {
		if part == "" {
			continue
		}
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &m))
		data = m[part]
	}
	return data
}

// answered finds in a sample what the Go value must hold.
func answered(t *testing.T, op *catalog.Operation) map[string]string {
	t.Helper()
	payload := within(t, op.SampleResponse, op.Payload)
	if op.Batch != nil {
		payload = within(t, payload, op.Rows)
	}
	want := leaves(t, payload)
	if op.Payload == "" && op.Batch == nil {
		for _, name := range []string{".code", ".msg", ".issuccess", ".request_id", ".requestId"} {
			delete(want, name)
		}
	}
	return want
}

// resultLeaves lists the values of what a method returned.
func resultLeaves(t *testing.T, result any) map[string]string {
	t.Helper()
	v := reflect.ValueOf(result)
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct { // rows of an upload
		out := map[string]string{}
		for i := range v.Len() {
			text, err := wire.MarshalExact(v.Index(i).FieldByName("Result").Interface())
			require.NoError(t, err)
			for path, s := range leaves(t, text) {
				out[fmt.Sprintf("[%d]%s", i, path)] = s
			}
		}
		return out
	}
	text, err := wire.MarshalExact(result)
	require.NoError(t, err)
	return leaves(t, text)
}

// TestSamples sends the sample request of every operation through its method and
// answers with the sample response: nothing of either may get lost.
func TestSamples(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	withRequest, withResponse := 0, 0
	for _, op := range ops {
		if op.Go.Auth {
			continue // see oauth_test.go
		}
		t.Run(op.Path, func(t *testing.T) {
			sample := op.SampleResponse
			if len(sample) == 0 {
				sample = json.RawMessage(`{"code":0,"msg":"","data":{}}`)
			}
			var biz string
			c := mocked(t, func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, op.Path, req.URL.Path)
				biz = sentForm(t, req).Get("biz")
				return httpmock.NewStringResponse(200, string(sample)), nil
			})
			result, err := invoke(t, method(t, c, op), op.SampleRequest)
			switch {
			case op.NullIsFailure: // its sample is a refusal inside code 0
				require.ErrorIs(t, err, jushuitan.ErrInvalid)
			case op.Evidence != nil && !op.Proves(decoded(t, sample)):
				require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
			default:
				require.NoError(t, err)
			}
			if len(op.SampleRequest) > 0 {
				withRequest++
				assert.Equal(t, leaves(t, op.SampleRequest), leaves(t, []byte(biz)), "request")
			}
			if len(op.SampleResponse) > 0 && result != nil && !op.Go.Raw {
				withResponse++
				assert.Equal(t, answered(t, op), resultLeaves(t, result), "response")
			}
		})
	}
	t.Logf("%d sample requests and %d sample responses", withRequest, withResponse)
	assert.NotZero(t, withRequest)
	assert.NotZero(t, withResponse)
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// TestFieldCoverage holds the Go types against the catalog: every field of every
// operation is a member of its types.
func TestFieldCoverage(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	c := mocked(t, nil)
	total := 0
	for _, op := range ops {
		if op.Go.Auth {
			continue
		}
		m := method(t, c, op)
		if m.Type().NumIn() == 2 {
			arg := m.Type().In(1)
			assert.Equal(t, op.Go.Request == "", arg.Kind() == reflect.Interface, "%s: a request is untyped if no field is known", op.Path)
			for _, f := range op.Request {
				total++
				assert.True(t, hasField(arg, strings.Split(f.Name, ".")), "%s request %s", op.Path, f.Name)
			}
		}
		if m.Type().NumOut() != 2 || op.Batch != nil || op.Go.Raw {
			continue
		}
		for _, f := range op.Response {
			name := f.Name
			if op.Payload != "" {
				var ok bool
				if name, ok = strings.CutPrefix(name, op.Payload+"."); !ok {
					continue // the envelope
				}
			}
			if strings.Count(name, ".") == 0 && slices.Contains([]string{"code", "msg", "issuccess", "request_id", "requestId"}, name) && op.Payload == "" {
				continue
			}
			total++
			assert.True(t, hasField(m.Type().Out(0), strings.Split(name, ".")), "%s response %s", op.Path, f.Name)
		}
	}
	t.Logf("%d fields of %d operations", total, len(ops))
	assert.NotZero(t, total)
}

// TestInferredIsNotEnforced: what is only inferred to be required is neither asked for
// before the call nor sent when it is zero.
func TestInferredIsNotEnforced(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	n := 0
	for _, op := range ops {
		for _, f := range op.Request {
			if !f.Inferred {
				continue
			}
			n++
			c := mocked(t, func(*http.Request) (*http.Response, error) {
				return httpmock.NewStringResponse(200, `{"code":0,"msg":"","data":null}`), nil
			})
			zero := oneOfEach(method(t, c, op).Type().In(1))
			biz, err := wire.Marshal(zero.Interface())
			require.NoError(t, err)
			if f.Type != "object" { // which oneOfEach sets
				assert.NotContains(t, string(biz), `"`+f.Leaf()+`":`, "%s %s is sent when zero", op.Path, f.Name)
			}
			_, err = invoke(t, method(t, c, op), biz)
			var invalid *jushuitan.ValidationError
			if errors.As(err, &invalid) {
				for _, issue := range invalid.Issues {
					assert.False(t, strings.HasSuffix("."+issue.Field, "."+f.Leaf()), "%s: %s", op.Path, issue)
				}
			}
		}
	}
	t.Logf("%d members", n)
	assert.NotZero(t, n)
}

// oneOfEach is a zero value whose lists have one zero element and whose pointers to
// objects are set.
func oneOfEach(typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Pointer:
		if typ.Elem().Kind() == reflect.Struct && typ.Elem() != reflect.TypeFor[decimal.Decimal]() {
			v.Set(oneOfEach(typ.Elem()).Addr())
		}
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Struct {
			v.Set(reflect.Append(v, oneOfEach(typ.Elem())))
		}
	case reflect.Struct:
		if typ != reflect.TypeFor[decimal.Decimal]() && typ != reflect.TypeFor[time.Time]() {
			for i := range typ.NumField() {
				if typ.Field(i).IsExported() {
					v.Field(i).Set(oneOfEach(typ.Field(i).Type))
				}
			}
		}
	}
	return v
}

func hasField(typ reflect.Type, path []string) bool {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if len(path) == 0 {
		return true
	}
	name := strings.TrimRight(path[0], "[]")
	if name == "*" {
		return hasField(typ, path[1:])
	}
	if typ.Kind() != reflect.Struct {
		return false
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return hasField(f.Type, path[1:])
		}
	}
	return false
}

// TestVariants answers with each sample in the forms that servers were seen to
// use: numbers as text, ids as numbers, null lists, unknown members, members left
// out. Nothing that is there may get lost, nothing may fail.
func TestVariants(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	variants := map[string]func(name string, v any) (any, bool){
		"numbers as text": func(_ string, v any) (any, bool) {
			if n, ok := v.(json.Number); ok {
				return n.String(), true
			}
			return v, true
		},
		"digits as numbers": func(_ string, v any) (any, bool) {
			if s, ok := v.(string); ok && s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == "" && len(s) < 18 {
				return json.Number(s), true
			}
			return v, true
		},
		"flags as numbers": func(_ string, v any) (any, bool) {
			if b, ok := v.(bool); ok {
				return map[bool]json.Number{true: "1", false: "0"}[b], true
			}
			return v, true
		},
		"empty is null": func(_ string, v any) (any, bool) {
			if a, ok := v.([]any); ok && len(a) == 0 || v == "" {
				return nil, true
			}
			return v, true
		},
		"empty is missing": func(_ string, v any) (any, bool) {
			a, ok := v.([]any)
			return v, v != nil && v != "" && !(ok && len(a) == 0)
		},
		"unknown members": func(name string, v any) (any, bool) {
			if m, ok := v.(map[string]any); ok && !strings.HasSuffix(name, "_maps") {
				m = maps.Clone(m)
				m["zz_new_member"] = map[string]any{"a": []any{json.Number("1")}}
				return m, true
			}
			return v, true
		},
	}
	// These take values away: what is left must be there. Uploads are left out,
	// since rows without an answer or a flag are failures.
	poorer := map[string]func(name string, v any) (any, bool){
		"lists are null": func(_ string, v any) (any, bool) {
			if _, ok := v.([]any); ok {
				return nil, true
			}
			return v, true
		},
		"members are missing": func(name string, v any) (any, bool) {
			switch v.(type) {
			case map[string]any, []any:
				return v, true
			}
			return v, name == "" || name == "code" || len(name)%2 == 0
		},
	}
	maps.Copy(variants, poorer)
	for name, change := range variants {
		t.Run(name, func(t *testing.T) {
			for _, op := range ops {
				if op.Go.Auth || op.Go.Raw || op.NullIsFailure || len(op.SampleResponse) == 0 {
					continue
				}
				if poorer[name] != nil && (op.Batch != nil || op.InnerCode || op.OKFlag != "" || op.FalseIsFailure || op.Fail != nil) {
					continue
				}
				body := rewrite(t, op.SampleResponse, change)
				c := mocked(t, httpmock.NewStringResponder(200, string(body)))
				result, err := invoke(t, method(t, c, op), op.SampleRequest)
				if (poorer[name] != nil || strings.HasPrefix(name, "empty is ")) && op.Evidence != nil && !op.Proves(decoded(t, body)) { // the variant took it away
					assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, op.Path)
					continue
				}
				if (name == "lists are null" || strings.HasPrefix(name, "empty is ")) && errors.Is(err, jushuitan.ErrPaging) {
					continue // it counts rows that it lacks
				}
				if !assert.NoError(t, err, op.Path) || result == nil {
					continue
				}
				got := resultLeaves(t, result)
				maps.DeleteFunc(got, func(path, _ string) bool { return strings.Contains(path, "zz_new_member") })
				want := answered(t, op)
				if poorer[name] != nil {
					less := *op
					less.SampleResponse = body
					want = answered(t, &less)
				}
				assert.Equal(t, want, got, op.Path)
			}
		})
	}
}

func rewrite(t *testing.T, data json.RawMessage, change func(name string, v any) (any, bool)) []byte {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v))
	var walk func(name string, v any) (any, bool)
	walk = func(name string, v any) (any, bool) {
		v, keep := change(name, v)
		switch x := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, e := range x {
				if k == "zz_new_member" {
					out[k] = e
				} else if n, ok := walk(k, e); ok {
					out[k] = n
				}
			}
			return out, keep
		case []any:
			out := []any{}
			for _, e := range x {
				n, _ := walk(name, e)
				out = append(out, n)
			}
			return out, keep
		}
		return v, keep
	}
	v, _ = walk("", v)
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return out
}
