package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// catalogTypes returns the requests and answers of every method of the clients, and the
// pushes, in a fixed order.
func catalogTypes() []reflect.Type {
	seen := map[string]reflect.Type{}
	add := func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && !strings.Contains(t.Name(), "[") && strings.Contains(t.PkgPath(), "dianjia") {
			seen[t.PkgPath()+"."+t.Name()] = t
		}
	}
	for _, client := range []reflect.Type{reflect.TypeFor[jushuitan.Client](), reflect.TypeFor[qimen.Client]()} {
		for i := range client.NumField() {
			service := client.Field(i).Type
			if !client.Field(i).IsExported() || service.Kind() != reflect.Pointer {
				continue
			}
			for j := range service.NumMethod() {
				m := service.Method(j).Type
				for k := 2; k < m.NumIn(); k++ {
					add(m.In(k))
				}
				for k := range m.NumOut() {
					add(m.Out(k))
				}
			}
		}
	}
	for _, t := range []reflect.Type{
		reflect.TypeFor[jushuitan.ShipmentPush](), reflect.TypeFor[jushuitan.CancelPush](), reflect.TypeFor[jushuitan.GoodsReturnedPush](),
		reflect.TypeFor[jushuitan.StockPush](), reflect.TypeFor[row](), reflect.TypeFor[page](), reflect.TypeFor[jushuitan.Order](),
	} {
		add(t)
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	types := make([]reflect.Type, len(names))
	for i, name := range names {
		types[i] = seen[name]
	}
	return types
}

// samples returns the answers and requests of the catalog, and texts of odd shapes.
func samples(tb testing.TB) [][]byte {
	tb.Helper()
	ops, err := catalog.Operations()
	require.NoError(tb, err)
	out := [][]byte{
		[]byte(`{"int":"1","dec":"1.5","time":"2024-06-11 09:20:31","flag":1,"text":5,"x":null,"list":["a",1],"object":{"a":1.0}}`),
		[]byte(`{"data":{"orders":[{"dec":1e400,"time":1718068831000,"list":"","object":[]}]}}`),
		[]byte(`{"text":"\u0041\ud83d\ude00\ud83d \"","dec":-0.0,"int":-0,"time":"2024/1/2","flag":"TRUE","dec_ptr":"","x":{"y":[1,{"z":"\u0000"}]}}`),
	}
	for _, op := range ops {
		if len(op.SampleResponse) > 0 {
			out = append(out, op.SampleResponse)
			var m map[string]json.RawMessage
			if json.Unmarshal(op.SampleResponse, &m) == nil && len(m["data"]) > 0 {
				out = append(out, m["data"])
			}
		}
		if len(op.SampleRequest) > 0 {
			out = append(out, op.SampleRequest)
		}
	}
	return out
}

// forms replaces values of a sample.
var forms = []string{
	`12`, `"12"`, `""`, `null`, `{"x":1}`, `[1]`, `1234567890123456789`, `12345678901234567890`, `"1,234.5"`, `12.50`, `"12.00"`,
	`"0000-00-00 00:00:00"`, `"0001-01-01 00:00:00"`, `"2024-06-11 09:20:31"`, `"2023-01-03 09:43:26.487"`, `"2024-06-11"`, `1718068831`,
	`1718068831000`, `"无"`, `true`, `"True"`, `1`, `"0"`, `" 12 "`, `[]`, `{}`, `1e9999`, `"2024-02-29 00:00:00"`, `"2023-02-29 00:00:00"`,
	`-1.5e3`, `"a,b"`, `["a",2]`, `"1e2"`, `"-"`, `"+5"`, `1.0`, `"1970-01-01 00:00:00"`, `[{}]`, `[null]`, `[""]`, `"\u4e2d"`, "\"\xff\"", `fals`,
	`"2024-06-11T09:20:31Z"`, `"2024-1-2 03:04:05"`, `"1969-12-31 23:59:59"`, `"2024-04-31"`, `-5`, `" "`, `"\t"`, `01`, `1.`, `"`, `{"a":}`,
}

var scalars = regexp.MustCompile(`:\s*("(\\.|[^"\\])*"|-?\d+(\.\d+)?|true|false|null)`)

// update writes testdata/forms.tsv anew.
var update = flag.Bool("update", false, "write testdata/forms.tsv")

// TestForms: each form of a value is decoded into each kind of field as testdata/forms.tsv
// has it: the value, or after "error" what was wanted and found. The file was
// written by the reader and reviewed; a change of it is a change of what is accepted.
func TestForms(t *testing.T) {
	var got strings.Builder
	got.WriteString("form\tint\tdec\ttime\tflag\ttext\tlist\n")
	for _, form := range forms {
		fmt.Fprintf(&got, "%q", form)
		for _, field := range []string{"int", "dec", "time", "flag", "text", "list"} {
			var r row
			err := wire.Unmarshal([]byte(`{"`+field+`":`+form+`}`), &r)
			var value any
			if err == nil {
				value = map[string]any{
					"int": r.Int, "dec": r.Dec, "time": r.Time.Format("2006-01-02 15:04:05.999"), "flag": r.Flag,
					"text": strconv.Quote(r.Text), "list": fmt.Sprintf("%q", r.List),
				}[field]
			} else {
				value = "error " + strings.TrimPrefix(err.Error(), field+": ")
			}
			fmt.Fprintf(&got, "\t%v", value)
		}
		got.WriteByte('\n')
	}
	const file = "testdata/forms.tsv"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

// TestExpectedMembers: an object is decoded alike whether its members come in the order of
// the one before it, which has a shorter way through the reader, or it is the first.
func TestExpectedMembers(t *testing.T) {
	types, texts := catalogTypes(), samples(t)
	require.Greater(t, len(types), 200)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range racetest.Fewer(3_000) {
		text := texts[rnd.IntN(len(texts))]
		if text[0] != '{' {
			continue
		}
		odds := 1 + rnd.IntN(20)
		text = scalars.ReplaceAllFunc(text, func(v []byte) []byte {
			if rnd.IntN(odds) > 0 {
				return v
			}
			return append([]byte{':'}, forms[rnd.IntN(len(forms))]...)
		})
		compactText := bytes.NewBuffer(nil)
		if json.Compact(compactText, text) == nil {
			text = compactText.Bytes()
		}
		typ := types[rnd.IntN(len(types))]
		alone, twice := reflect.New(typ), reflect.New(reflect.SliceOf(typ))
		err := wire.Unmarshal(text, alone.Interface())
		errTwice := wire.Unmarshal(slices.Concat([]byte("["), text, []byte(","), text, []byte("]")), twice.Interface())
		require.Equal(t, err == nil, errTwice == nil, "%s: %v, %v\n%s", typ, err, errTwice, text)
		if err == nil {
			require.Equal(t, alone.Elem().Interface(), twice.Elem().Index(0).Interface(), "%s\n%s", typ, text)
			require.Equal(t, alone.Elem().Interface(), twice.Elem().Index(1).Interface(), "%s\n%s", typ, text)
		}
	}
}
