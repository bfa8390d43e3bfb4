package qimen_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// fill sets every field of v to a value of its own.
func fill(v reflect.Value, n *int, depth int) {
	*n++
	switch v.Interface().(type) {
	case decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.New(int64(*n)*10+5, -2)))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2024, 1, 1, 0, 0, *n, 0, wire.CST)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"inner":"v%d"}`, *n))))
		return
	case map[string]json.RawMessage:
		v.Set(reflect.ValueOf(map[string]json.RawMessage{"unknownMember": json.RawMessage(fmt.Sprintf(`"v%d"`, *n))}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("值 <%d>", *n))
	case reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		if depth < 6 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), n, depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n, depth+1)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, n, depth+1)
		m.SetMapIndex(reflect.ValueOf("key1").Convert(v.Type().Key()), e)
		v.Set(m)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case f.Tag.Get("time") == "date":
				*n++
				v.Field(i).Set(reflect.ValueOf(time.Date(2024, 1, *n, 0, 0, 0, 0, wire.CST)))
			case f.IsExported():
				fill(v.Field(i), n, depth+1)
			}
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// TestTypesRoundTrip: every field of every typed request and answer survives XML and
// JSON, and comes back through a call.
func TestTypesRoundTrip(t *testing.T) {
	codec := &xmlwire.Codec{}
	for _, m := range qimen.Methods() {
		for what, value := range map[string]any{"request": m.NewRequest(), "response": m.NewResponse()} {
			if value == nil {
				continue
			}
			t.Run(m.Name+" "+what, func(t *testing.T) {
				n := 0
				fill(reflect.ValueOf(value).Elem(), &n, 0)
				plain, err := wire.Marshal(value)
				require.NoError(t, err)

				document, err := codec.Marshal("request", value)
				require.NoError(t, err)
				back := reflect.New(reflect.TypeOf(value).Elem()).Interface()
				_, err = codec.Unmarshal(document, back)
				require.NoError(t, err)
				got, err := wire.Marshal(back)
				require.NoError(t, err)
				assert.JSONEq(t, string(plain), string(got), "XML loses something")

				if what == "request" {
					return
				}
				document, err = codec.Marshal("response", value)
				require.NoError(t, err)
				success := strings.Replace(string(document), "<response>", "<response><flag>success</flag><code>0</code><message>ok</message>", 1)
				jsonText := `{"response":{"flag":"success","code":"0","message":"ok"` + strings.TrimSuffix(","+string(plain[1:]), ",}")
				if string(plain) == "{}" {
					jsonText += "}"
				}
				jsonText += "}"
				for _, body := range []string{success, jsonText} {
					f := &fake{answer: func(int, sent) (*http.Response, error) { return httpmock.NewStringResponse(200, body), nil }}
					out := reflect.New(reflect.TypeOf(value).Elem()).Interface()
					require.NoError(t, newClient(t, f, config()).Call(t.Context(), m.Name, nil, out))
					got, err := wire.Marshal(out)
					require.NoError(t, err)
					assert.JSONEq(t, string(plain), string(got))
				}
			})
		}
	}
}
