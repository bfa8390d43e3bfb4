package redact_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

type line struct {
	SKU  string
	Note string `pii:"true"`
}

type doc struct {
	ID    int64
	Name  string `pii:"true"`
	Paid  decimal.Decimal
	At    time.Time
	Lines []line
	One   *line
	Raw   []byte
	Extra map[string]string `pii:"true"`
	Any   any
	inner string
}

func (d doc) Format(s fmt.State, verb rune) { redact.Format(s, verb, d) }

func TestFormat(t *testing.T) {
	d := doc{
		ID: 7, Name: "canary", Paid: decimal.RequireFromString("1.50"), At: time.Date(2024, 6, 11, 0, 0, 0, 0, time.UTC),
		Lines: []line{{SKU: "A", Note: "canary"}, {}}, One: &line{Note: "canary"}, Raw: []byte("canary"),
		Extra: map[string]string{"x": "canary"}, Any: &line{SKU: "B"}, inner: "canary",
	}
	const want = `doc{ID:7 Name:*** Paid:1.5 At:2024-06-11T00:00:00Z Lines:[line{SKU:"A" Note:***} line{}] One:line{Note:***} Raw:(6 bytes) Extra:(1 members) Any:line{SKU:"B"}}`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		assert.Equal(t, want, fmt.Sprintf(verb, d), verb)
	}
	assert.Equal(t, want, redact.String(d))
	assert.Equal(t, want, redact.LogValue(d).String())
	assert.Equal(t, "nil", redact.String(nil))
	assert.Equal(t, "nil", redact.String((*doc)(nil)))
}

func TestFormatDeep(t *testing.T) {
	type node struct{ Next *node }
	n := &node{}
	n.Next = n // a loop ends
	assert.Contains(t, redact.String(n), "...")
}

func TestText(t *testing.T) {
	tests := map[string]struct {
		text   string
		values []string
		want   string
	}{
		"a value":          {"name 张三 is wrong", []string{"张三"}, "name *** is wrong"},
		"twice":            {"a1b2 a1b2", []string{"a1b2"}, "*** ***"},
		"too short":        {"a x b", []string{"x", ""}, "a x b"},
		"phone":            {"call 13900000001 now", nil, "call 139*** now"},
		"phone in Chinese": {"手机13900000001错误", nil, "手机139***错误"},
		"order number":     {"order 2024061113900000001", nil, "order 2024061113900000001"},
		"with country":     {"tel 8613900000001", nil, "tel 139***"},
		"one in another":   {"张三丰和张三", []string{"张三", "张三丰"}, "***和***"},
		"two phones":       {"13900000001,13900000002", nil, "139***,139***"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, redact.Text(tt.text, tt.values...))
		})
	}
}

func TestPersonal(t *testing.T) {
	got := redact.Personal([]doc{{Name: "a", Lines: []line{{Note: "b"}}, One: &line{Note: "c", SKU: "no"}}})
	assert.ElementsMatch(t, []string{"a", "b", "c"}, got)
	assert.Empty(t, redact.Personal(nil))
}

// Personal data is found whatever type holds it.
func TestPersonalOfEveryType(t *testing.T) {
	type named string
	type inside struct{ A, B string }
	v := struct {
		Names   []string                   `pii:"true"`
		Named   named                      `pii:"true"`
		Pointer *string                    `pii:"true"`
		Struct  inside                     `pii:"true"`
		Map     map[string]string          `pii:"true"`
		Extra   map[string]json.RawMessage `pii:"true"`
		Raw     json.RawMessage            `pii:"true"`
		Bytes   []byte                     `pii:"true"`
		Any     any                        `pii:"true"`
		Phone   int64                      `pii:"true"`
		Count   int64                      `pii:"true"`
		Shown   []string
		ByName  map[string]inside
	}{
		Names: []string{"list-1", "list-2"}, Named: "named", Pointer: new("pointer"), Struct: inside{"field-1", "field-2"},
		Map: map[string]string{"k": "map"}, Extra: map[string]json.RawMessage{"x": json.RawMessage(`{"a":["extra",12345678,7]}`)},
		Raw: json.RawMessage(`"raw"`), Bytes: []byte("bytes"), Any: []any{"any"}, Phone: 13900000001, Count: 3,
		Shown: []string{"shown"}, ByName: map[string]inside{"k": {"shown", "shown"}},
	}
	assert.ElementsMatch(t, []string{
		"list-1", "list-2", "named", "pointer", "field-1", "field-2", "map", "extra", "12345678", "raw", "bytes", "any", "13900000001",
	}, redact.Personal(&v))
}

func TestPersonalJSON(t *testing.T) {
	names := map[string]bool{"receiver_name": true, "card_info": true}
	got := redact.PersonalJSON([]byte(`{"so_id":"S1","receiver_name":"a","rows":[{"Receiver_Name":"b","card_info":{"no":"c","n":[55555]}}]}`), names)
	assert.ElementsMatch(t, []string{"a", "b", "c", "55555"}, got)
	assert.Empty(t, redact.PersonalJSON([]byte(`{"receiver_name":`), names))
}

func FuzzText(f *testing.F) {
	f.Add("call 13900000001 now", "now")
	f.Fuzz(func(t *testing.T, text, value string) {
		got := redact.Text(text, value)
		if len([]rune(value)) >= 2 && !strings.Contains(value, "*") && utf8.ValidString(value) && strings.Contains(got, value) {
			t.Fatalf("%q is still in %q", value, got)
		}
		for _, run := range regexp.MustCompile(`\d+`).FindAllString(got, -1) {
			if len(run) == 11 && run[0] == '1' && run[1] >= '3' {
				t.Fatalf("a mobile number is still in %q", got)
			}
		}
	})
}
