package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func decode(t *testing.T, body []byte) any {
	t.Helper()
	text, _, _ := plain(body)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v), "%s", text)
	return v
}

// leaf is a text or number in an answer.
type leaf struct {
	name  string // of its member
	value string
	text  bool
}

// leaves returns the texts and numbers of a value, and the names that are data.
func leaves(name string, v any) []leaf {
	var out []leaf
	switch v := v.(type) {
	case string:
		return []leaf{{name, v, true}}
	case json.Number:
		return []leaf{{name, v.String(), false}}
	case []any:
		for _, e := range v {
			out = append(out, leaves(name, e)...)
		}
	case map[string]any:
		for _, n := range slices.Sorted(maps.Keys(v)) {
			if !nameOf.MatchString(n) && n != "TS" {
				out = append(out, leaf{name, n, true})
			}
			out = append(out, leaves(n, v[n])...)
		}
	}
	return out
}

// mayStay reports whether a value is one of the protocol, or has nothing to hide.
func mayStay(op *catalog.Operation, l leaf) bool {
	hides := false
	split(l.value, func(part string, word bool) {
		digit := len(part) == 1 && part >= "0" && part <= "9"
		hides = hides || word && !digit && strings.Trim(part, "0") != ""
	})
	return keptValues(op).keeps(l.name, l.value) || l.name == "msg" || l.name == "message" ||
		!hides || strings.HasPrefix(l.value, "0001-") || strings.HasPrefix(l.value, "9999-")
}

// answered is a set of answers of one account.
func answered(t *testing.T) map[string][]*result {
	t.Helper()
	out := map[string][]*result{}
	for _, names := range []string{"", "text-numbers", "pascal-case-always", "gbk", "bom,fractions", "payload-deeper", "rows-at-root"} {
		var dialects []jushuitantest.Dialect
		if names != "" {
			var err error
			dialects, err = jushuitantest.DialectsNamed(strings.Split(names, ",")...)
			require.NoError(t, err)
		}
		l := newLab(t, dialects...)
		if names != "" {
			l.only(typical...)
		}
		out["the fake with "+names] = l.verify(t)
	}
	others := map[string]*result{}
	for _, answers := range corpus(t) {
		op := answers[0].Op
		if op.Effect != "read" {
			continue
		}
		r := others[op.Name()]
		if r == nil {
			r = &result{Name: op.Name(), Path: op.Path, op: op}
			others[op.Name()] = r
		}
		r.answers = append(r.answers, answers...)
		r.sent = append(r.sent, make([]request, len(answers))...)
	}
	out["the corpus"] = slices.Collect(maps.Values(others))
	return out
}

// TestFixtures: what is made of answers hides them, and is read as they are.
func TestFixtures(t *testing.T) {
	of := answered(t)
	t.Run("scrubbed", func(t *testing.T) { testScrub(t, of) })
	t.Run("read", func(t *testing.T) { testFixturesAreRead(t, of) })
}

// testScrub: no value of an answer is in its fixture, which has the same shape, types and
// lengths, and the same value for the same value.
func testScrub(t *testing.T, of map[string][]*result) {
	for name, results := range of {
		s := newScrubber([]byte("a key"))
		for _, r := range results {
			for _, a := range r.answers {
				s.learn(a.Body)
			}
		}
		n := 0
		invented := map[string]string{}
		for _, r := range results {
			for _, a := range r.answers {
				body, ok := s.scrub(r.op, a.Body)
				if !ok {
					continue
				}
				n++
				before, after := decode(t, a.Body), decode(t, body)
				sameShape(t, r.op, "", before, after)
				was, is := leaves("", before), leaves("", after)
				require.Len(t, is, len(was), r.Name)
				for i, l := range was {
					if mayStay(r.op, l) {
						continue
					}
					assert.NotEqual(t, l.value, is[i].value, "%s: %s of %s", name, l.name, r.Name)
					if other, ok := invented[l.value]; ok {
						assert.Equal(t, other, is[i].value, "%s: the same value", name)
					}
					invented[l.value] = is[i].value
					if utf8.RuneCountInString(l.value) >= 4 {
						assert.NotContains(t, string(mustPlain(body)), l.value, "%s: %s of %s", name, l.name, r.Name)
					}
				}
			}
		}
		assert.Greater(t, n, 40, name)
		assert.NotEmpty(t, invented, name)
		backwards := map[string]string{}
		for was, is := range invented {
			if utf8.RuneCountInString(was) >= 4 {
				assert.Empty(t, backwards[is], "%s: two values became one", name)
				backwards[is] = was
			}
		}
	}
}

func mustPlain(body []byte) []byte {
	text, _, _ := plain(body)
	return text
}

// sameShape compares two answers without their values.
func sameShape(t *testing.T, op *catalog.Operation, path string, was, is any) {
	t.Helper()
	require.Equal(t, kindOf(was), kindOf(is), "%s: %s", op.Name(), path)
	switch was := was.(type) {
	case string:
		assert.Equal(t, utf8.RuneCountInString(was), utf8.RuneCountInString(is.(string)), "%s: characters of %s", op.Name(), path)
		assert.Len(t, is, len(was), "%s: bytes of %s", op.Name(), path)
		assert.Equal(t, typeOf(was), typeOf(is), "%s: %s", op.Name(), path)
	case json.Number:
		assert.Len(t, is.(json.Number).String(), len(was.String()), "%s: digits of %s", op.Name(), path)
		assert.Equal(t, typeOf(was), typeOf(is), "%s: %s", op.Name(), path)
	case bool:
		assert.Equal(t, was, is, path)
	case []any:
		list := is.([]any)
		require.Len(t, list, len(was), path)
		for i := range was {
			sameShape(t, op, path+"[]", was[i], list[i])
		}
	case map[string]any:
		o := is.(map[string]any)
		require.Len(t, o, len(was), path)
		for name, v := range was {
			if other, ok := o[name]; ok {
				sameShape(t, op, path+"."+name, v, other)
				continue
			}
			assert.Contains(t, folded(path), "skuhistorycostpricemaps", "%s: %s is data, which it is in dictionaries only", op.Name(), name)
		}
	}
}

// TestScrubValues shows what becomes of single values.
func TestScrubValues(t *testing.T) {
	op := &catalog.Operation{Response: []*catalog.Field{
		{Name: "data.datas[].status", Type: "string", Values: []string{"Sent"}},
		{Name: "data.maps.*[].price", Type: "decimal"},
	}}
	const body = "{ \"code\": 0,\"issuccess\":\"True\", \"msg\":\"\u6267\u884c\u6210\u529f\", \"data\":{\"page_index\":12,\"data_count\":\"345\",\"datas\":[" +
		`{"status":"Sent","so_id":"DY-24001","o_id":24001,"so_ids":"24001,DY-99","name":"林一 a","one":7,"zero":"0.00","none":"0001-01-01 00:00:00"},` +
		`{"status":"Gone","so_id":"DY-24001","o_id":"24001","flag":true,"nil":null,"at":"2026-11-30 08:00:00.497","qty":-12.50,"url":"https:\/\/x.cn\/p?id=24001"}],` +
		"\"maps\":{\"TEE-1\":[{\"price\":1.5}]}}}\n"
	s := newScrubber([]byte("key"))
	s.learn([]byte(body))
	out, ok := s.scrub(op, []byte(body))
	require.True(t, ok)
	text := string(out)
	for _, kept := range []string{
		"{ \"code\": 0,\"issuccess\":\"True\", \"msg\":\"\u6267\u884c\u6210\u529f\", \"data\":{\"page_index\":12,\"data_count\":\"345\"",
		`"status":"Sent"`, `"one":7,"zero":"0.00","none":"0001-01-01 00:00:00"`, `"flag":true,"nil":null`,
	} {
		assert.Contains(t, text, kept)
	}
	for _, gone := range []string{"Gone", "24001", "林一", "DY", "99", "2026-11-30", "12.50", "x.cn", "TEE"} {
		assert.NotContains(t, text, gone)
	}
	root, _ := decode(t, out).(map[string]any)
	data, _ := root["data"].(map[string]any)
	rows, _ := data["datas"].([]any)
	one, _ := rows[0].(map[string]any)
	two, _ := rows[1].(map[string]any)
	id := fmt.Sprint(one["o_id"])
	assert.Equal(t, id, two["o_id"], "as a number and as a text")
	assert.Equal(t, one["so_id"], two["so_id"])
	assert.True(t, strings.HasSuffix(fmt.Sprint(one["so_id"]), "-"+id) && strings.HasPrefix(fmt.Sprint(one["so_ids"]), id+",") &&
		strings.HasSuffix(fmt.Sprint(two["url"]), "="+id), "the id within other values: %s", text)

	_, ok = s.scrub(op, []byte(`{"code":0,"data":{"na`))
	assert.False(t, ok, "what is cut off is left out")
	_, ok = s.scrub(op, []byte(`<html>林一</html>`))
	assert.False(t, ok)
	other, _ := newScrubber([]byte("other key")).scrub(op, []byte(body))
	assert.NotEqual(t, text, string(other), "the key decides")
}

// TestDataNames: names that are data are neither printed nor written, although they look like
// names.
func TestDataNames(t *testing.T) {
	op := &catalog.Operation{Path: "/q", Go: catalog.GoNames{Response: "X"}, Payload: "data", Response: []*catalog.Field{{Name: "data.TS", Type: "int"}}}
	body := []byte(`{"code":0,"data":{"TS":12,"by_user":{"zhangsan":{"qty":11},"lisi":{"qty":12}},"by_sku":{"TEE":55,"张三":66},"A-1":"x"}}`)
	var lines []string
	for _, f := range inspect(op, &answer{Op: op, Status: 200, Body: body}).sorted() {
		lines = append(lines, f.String())
	}
	assert.Equal(t, []string{
		"unknown member data.*: text", "unknown member data.by_sku: object", "unknown member data.by_sku.*: number",
		"unknown member data.by_user: object", "unknown member data.by_user.*: object", "unknown member data.by_user.*.qty: number",
	}, lines)
	out, ok := newScrubber([]byte("key")).scrub(op, body)
	require.True(t, ok)
	assert.Regexp(t, `^\{"code":0,"data":\{"TS":\d\d,"by_user":\{"[a-z]{8}":\{"qty":\d\d\},"[a-z]{4}":\{"qty":\d\d\}\},"by_sku":\{"[A-Z]{3}":\d\d,"\p{Han}{2}":\d\d\},"[A-Z]-1":"[a-z]"\}\}$`, string(out))
	for _, name := range []string{"zhangsan", "lisi", "TEE", "张三", "A-1"} {
		assert.NotContains(t, string(out), name)
	}
}

// TestScrubRefusal: the message of a refusal stays readable, without data.
func TestScrubRefusal(t *testing.T) {
	s := newScrubber([]byte("key"))
	s.learn([]byte(`{"data":{"shop_name":"青禾微商城","shop_id":10200077}}`))
	out, ok := s.scrub(&catalog.Operation{}, []byte(`{"code":130,"msg":"店铺 青禾微商城(10200077)的 access_token 无效：page_size","data":null}`))
	require.True(t, ok)
	assert.Regexp(t, `"msg":"店铺 \p{Han}{5}\(\d{8}\)的 access_token 无效：page_size"`, string(out))
	assert.NotContains(t, string(out), "青禾微商城")
	assert.NotContains(t, string(out), "10200077")
}

// replayed is what the client reads from an answer.
type replayed struct {
	rows  string // number of the rows, or what failed
	drift []string
}

// replay has the client read an answer.
func replay(t *testing.T, op *catalog.Operation, a *answer, body []byte) replayed {
	t.Helper()
	var r replayed
	transport := roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: a.Status, Header: http.Header{"Content-Type": {a.ContentType}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req,
		}, nil
	})
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret"},
		jushuitan.WithHTTPClient(&http.Client{Transport: transport}), jushuitan.WithToken("token"), jushuitan.WithoutValidation(),
		jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
		jushuitan.WithOnDrift(func(d jushuitan.Drift) { r.drift = append(r.drift, string(d.Kind)+" "+d.Path) }))
	require.NoError(t, err)
	err = invoke(context.Background(), client, op, request{})
	s := inspect(op, &answer{Op: op, Status: a.Status, ContentType: a.ContentType, Body: body})
	r.rows = fmt.Sprintf("%d rows", s.rows)
	if e := (*jushuitan.Error)(nil); errors.As(err, &e) {
		r.rows = fmt.Sprintf("code %d, outcome %v", e.Code, e.Outcome)
		for _, class := range append([]error{jushuitan.ErrPaging, jushuitan.ErrPermission, jushuitan.ErrInvalid, jushuitan.ErrRateLimited, jushuitan.ErrUnavailable, jushuitan.ErrDecode}, fatal...) {
			if errors.Is(err, class) {
				r.rows += ", " + class.Error()
			}
		}
	} else if err != nil {
		r.rows = fmt.Sprintf("%T", err)
	}
	for _, f := range s.sorted() {
		r.drift = append(r.drift, "ours "+f.Kind+" "+f.Path)
	}
	slices.Sort(r.drift)
	return r
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// testFixturesAreRead: the client reads a fixture as it read the answer.
func testFixturesAreRead(t *testing.T, of map[string][]*result) {
	for name, results := range of {
		f, err := makeFixtures(results, []byte("key"))
		require.NoError(t, err)
		require.Equal(t, len(f.index), len(f.files))
		n := 0
		for _, r := range results {
			for i, a := range r.answers {
				file := fmt.Sprintf("jushuitan-answer/%s-%d.json", r.Name, i+1)
				body, ok := f.files[file]
				if !ok {
					continue
				}
				n++
				assert.Equal(t, replay(t, r.op, a, a.Body), replay(t, r.op, a, body), "%s: %s", name, file)
			}
		}
		assert.Greater(t, n, 40, name)
	}
}
