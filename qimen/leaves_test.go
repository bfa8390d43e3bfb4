package qimen_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// leaf is a text of a message, and where it stands.
type leaf struct{ path, text string }

// leavesOf collects every leaf of a JSON value. Blank ones say nothing.
func leavesOf(out []leaf, path string, v any) []leaf {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			out = leavesOf(out, path+"."+name, inner)
		}
	case []any:
		for i, inner := range v {
			out = leavesOf(out, fmt.Sprintf("%s[%d]", path, i), inner)
		}
	case nil:
	default:
		text := strings.TrimSpace(fmt.Sprint(v))
		if inner := any(nil); strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &inner) == nil {
			return leavesOf(out, path, inner)
		}
		for part := range strings.SplitSeq(text, ",") { // lists of numbers are written so
			if part != "" {
				out = append(out, leaf{path, part})
			}
		}
	}
	return out
}

// same writes a text so that two ways of writing one value are equal.
func same(text string) string {
	if d, err := decimal.NewFromString(text); err == nil && len(text) < 30 {
		return d.String()
	}
	if at, err := wire.ParseTime(text); err == nil && !at.IsZero() {
		return at.Format(wire.TimeLayout)
	}
	return text
}

// lost returns the leaves of a message that a value does not hold, in a field or in Extra: each
// leaf must be there as often as in the message.
func lost(t *testing.T, message, value any) []leaf {
	t.Helper()
	text, err := wire.MarshalExact(value)
	require.NoError(t, err)
	there := map[string]int{}
	for _, l := range leavesOf(nil, "", decoded(t, text)) {
		there[same(l.text)]++
	}
	var out []leaf
	for _, l := range leavesOf(nil, "", message) {
		if there[same(l.text)]--; there[same(l.text)] < 0 {
			out = append(out, l)
		}
	}
	return out
}

func decoded(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), "%s", text)
	return v
}

// inElements puts every entry of the lists of a message into an element of its own:
// items[].item.
func inElements(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			members, isObject := inner.(map[string]any)
			if isObject && len(members) == 1 {
				for child, list := range members {
					if entries, isList := list.([]any); isList && strings.HasPrefix(name, child[:1]) {
						wrapped := make([]any, len(entries))
						for i := range entries {
							wrapped[i] = map[string]any{child: inElements(entries[i])}
						}
						inner = wrapped
					}
				}
			}
			out[name] = inner
			if !isObject || len(members) != 1 {
				out[name] = inElements(inner)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = inElements(v[i])
		}
		return out
	}
	return v
}

// TestEveryLeafOfTypes: of a message with every member of its type, and an unknown one in each
// object, nothing is dropped, in whatever shape it comes.
func TestEveryLeafOfTypes(t *testing.T) {
	codec := new(xmlwire.Codec)
	total, found, types := 0, 0, 0
	for _, m := range qimen.Methods() {
		for side, value := range map[string]any{"request": m.NewRequest(), "response": m.NewResponse()} {
			if value == nil {
				continue
			}
			types++
			n := 0
			fill(reflect.ValueOf(value).Elem(), &n, 0)
			document, err := codec.Marshal("request", value)
			require.NoError(t, err)
			var raw jsontext.Value
			_, err = codec.Unmarshal(document, &raw)
			require.NoError(t, err)
			message := decoded(t, raw)
			plain, err := wire.Marshal(value)
			require.NoError(t, err)
			elements, err := json.Marshal(inElements(message))
			require.NoError(t, err)
			for shape, text := range map[string][]byte{"XML": document, "JSON": plain, "JSON in XML's shape": raw, "JSON, entries in elements": elements} {
				back := reflect.New(reflect.TypeOf(value).Elem()).Interface()
				if shape == "XML" {
					_, err = codec.Unmarshal(text, back)
				} else {
					err = codec.UnmarshalText(text, back)
				}
				if !assert.NoError(t, err, "%s %s, %s", m.Name, side, shape) {
					continue
				}
				missing := lost(t, message, back)
				assert.Empty(t, missing, "%s %s, %s", m.Name, side, shape)
				count := len(leavesOf(nil, "", message))
				total, found = total+count, found+count-len(missing)
				got, err := wire.Marshal(back)
				require.NoError(t, err)
				assert.JSONEq(t, string(plain), string(got), "%s %s, %s", m.Name, side, shape)
			}
		}
	}
	t.Logf("%d types in four shapes: leaves found %d/%d", types, found, total)
	assert.Equal(t, total, found)
}

// TestEveryLeafOfTheCorpus: nothing of a stranger's message is dropped.
func TestEveryLeafOfTheCorpus(t *testing.T) {
	index, err := os.ReadFile("../internal/corpus/testdata/index.json")
	require.NoError(t, err)
	var all struct {
		Payloads []struct {
			Files  []string          `json:"files"`
			Kind   string            `json:"kind"`
			Target string            `json:"target"`
			Fail   *struct{}         `json:"must_fail"`
			Read   map[string]string `json:"must_read"`
		} `json:"payloads"`
	}
	require.NoError(t, json.Unmarshal(index, &all))
	codec := new(xmlwire.Codec)
	messages, total, found := 0, 0, 0
	for _, p := range all.Payloads {
		m, ok := qimen.LookupMethod(p.Target)
		if !ok || !strings.HasPrefix(p.Kind, "qimen-") || p.Fail != nil {
			continue
		}
		value := m.NewResponse()
		if p.Kind == "qimen-inbound" {
			value = m.NewRequest()
		}
		if value == nil {
			continue // rows of package jushuitan
		}
		text, err := os.ReadFile(filepath.Join("../internal/corpus/testdata", p.Files[0]))
		require.NoError(t, err)
		text = xmlwire.TrimBOM(text)
		var message any
		if text[0] == '<' {
			var raw jsontext.Value
			_, err := codec.Unmarshal(text, &raw)
			require.NoError(t, err)
			message = decoded(t, raw)
			_, err = codec.Unmarshal(text, value)
			require.NoError(t, err, p.Files[0])
		} else {
			message = decoded(t, text)
			for _, root := range []string{"request", "response"} {
				if inner, ok := message.(map[string]any)[root]; ok {
					message = inner
				}
			}
			inner, err := json.Marshal(message)
			require.NoError(t, err)
			require.NoError(t, codec.UnmarshalText(inner, value), p.Files[0])
		}
		missing := lost(t, message, value)
		assert.Empty(t, missing, p.Files[0])
		count := len(leavesOf(nil, "", message))
		messages, total, found = messages+1, total+count, found+count-len(missing)
	}
	t.Logf("%d messages: leaves found %d/%d", messages, found, total)
	assert.Greater(t, messages, 15)
	assert.Equal(t, total, found)
}

// TestEveryTypeKeepsUnknownMembers: all have Extra.
func TestEveryTypeKeepsUnknownMembers(t *testing.T) {
	types, kept := map[reflect.Type]bool{}, 0
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice}, typ.Kind()) {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != "github.com/dianjia/jushuitan-go/qimen" || types[typ] {
			return
		}
		types[typ] = true
		if _, ok := typ.FieldByName("Extra"); assert.True(t, ok, "%v", typ) {
			kept++
		}
		for i := range typ.NumField() {
			walk(typ.Field(i).Type)
		}
	}
	for _, m := range qimen.Methods() {
		for _, v := range []any{m.NewRequest(), m.NewResponse()} {
			if v != nil {
				walk(reflect.TypeOf(v))
			}
		}
	}
	t.Logf("types with Extra %d/%d", kept, len(types))
	assert.Greater(t, len(types), 209)
}
