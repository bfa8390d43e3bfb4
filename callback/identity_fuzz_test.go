package callback_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

func keyOf(method jushuitan.PushMethod, body []byte) string {
	return callback.Envelope{EntID: "1", StorageCode: "2", Method: method, Raw: body}.Key()
}

// changed changes a value, and reports whether its type is one that it knows.
func changed(v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p += " changed"
	case *int64:
		*p ^= 1 << 20
	case *bool:
		*p = !*p
	case *decimal.Decimal:
		*p = p.Add(decimal.New(1, 0))
	case *time.Time:
		if p.IsZero() {
			*p = time.Unix(1_700_000_000, 0)
		}
		*p = p.Add(time.Second)
	default:
		return false
	}
	return true
}

// lines returns the lists of lines of a message, a pointer to a struct.
func lines(message any) (out []reflect.Value) {
	v := reflect.ValueOf(message).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct && f.CanSet() {
			out = append(out, f)
		}
	}
	return out
}

// ordered is a JSON object with its members in the order of their names.
func ordered(t *testing.T, text []byte) []byte {
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &members))
	text, err := json.Marshal(members)
	require.NoError(t, err)
	return text
}

// holdsIdentity checks that a message that is written and read back has the same identity,
// whatever the order of its members and lines, and another one once a value changes.
func holdsIdentity[P any](t *testing.T, method jushuitan.PushMethod, parse func([]byte) (*P, error), body []byte, random *rand.Rand) {
	p, err := parse(body)
	if err != nil {
		return
	}
	if u, ok := any(p).(interface{ Unread() []string }); ok && len(u.Unread()) > 0 {
		return
	}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	again, err := parse(text)
	if err != nil || !reflect.DeepEqual(p, again) {
		return // such as a member in another spelling
	}
	key := keyOf(method, body)
	require.NotEmpty(t, key)
	require.Equal(t, key, keyOf(method, text), "%s: equal messages: %s and %s", method, body, text)

	values := []reflect.Value{reflect.ValueOf(again).Elem()}
	for _, list := range lines(again) {
		random.Shuffle(list.Len(), reflect.Swapper(list.Interface()))
		if n := list.Len(); n > 0 {
			values = append(values, list.Index(random.IntN(n)))
		}
	}
	text, err = json.Marshal(again)
	require.NoError(t, err)
	text = ordered(t, text)
	require.Equal(t, key, keyOf(method, text), "%s: permuted: %s and %s", method, body, text)

	v := values[random.IntN(len(values))]
	field := random.IntN(v.NumField())
	if !v.Field(field).CanSet() || !changed(v.Field(field)) {
		return
	}
	text, err = json.Marshal(again)
	require.NoError(t, err)
	if other, err := parse(text); err != nil || !reflect.DeepEqual(other, again) {
		return // cannot be written
	}
	require.NotEqual(t, key, keyOf(method, text), "%s: %s changed: %s and %s", method, v.Type().Field(field).Name, body, text)
}

// FuzzIdentity: messages with equal identity decode to equal messages, the order of members
// and lines does not matter, and any other change does.
func FuzzIdentity(f *testing.F) {
	kinds := jushuitan.PushMethods()
	for i, kind := range kinds {
		f.Add([]byte(bodies[kind]), uint64(i), uint8(i))
	}
	for i, body := range []string{
		shipmentOf(3),
		`{"so_id":"S","l_id":"L","new":{"b":1,"a":[2]},"items":[{"qty":"1.50","so_id":"T"},{"qty":1e1,"x":null}]}`,
		`{"as_id":1,"action_name":"确认收货","unique_id":"u","items":[{"sku_id":"A","qty":1},{"sku_id":"A","qty":"2","x":[1]}]}`,
		`{"so_id":"S","remark":"取消","new":null}`,
		`{"sku_id":"A","qty":0,"shop_id":2,"modified":"2024-05-06 07:08:09"}`,
	} {
		for kind := range kinds {
			f.Add([]byte(body), uint64(10+i), uint8(kind))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64, kind uint8) {
		random := rand.New(rand.NewPCG(seed, 1))
		switch method := kinds[int(kind)%len(kinds)]; method {
		case jushuitan.PushShipment:
			holdsIdentity(t, method, jushuitan.ParseShipmentPush, body, random)
		case jushuitan.PushCancel:
			holdsIdentity(t, method, jushuitan.ParseCancelPush, body, random)
		case jushuitan.PushGoodsReturned:
			holdsIdentity(t, method, jushuitan.ParseGoodsReturnedPush, body, random)
		case jushuitan.PushStock:
			holdsIdentity(t, method, jushuitan.ParseStockPush, body, random)
		default:
			t.Fatalf("no parser for %s", method)
		}
	})
}

// TestUnknownMembers: a member that no type knows is part of what a push says, beside its lines
// and in them.
func TestUnknownMembers(t *testing.T) {
	for method, body := range map[jushuitan.PushMethod]string{
		jushuitan.PushShipment:      `{"so_id":"S","l_id":"L"%[1]s,"items":[{"sku_id":"A","qty":1%[2]s}]}`,
		jushuitan.PushCancel:        `{"so_id":"S"%[1]s,"items":[{"sku_id":"A"%[2]s}]}`,
		jushuitan.PushGoodsReturned: `{"as_id":1,"action_name":"确认收货"%[1]s,"items":[{"sku_id":"A","qty":1%[2]s}]}`,
		jushuitan.PushStock:         `{"datas":[{"sku_id":"A","qty":1%[2]s}]%[1]s}`,
	} {
		keys := map[string]string{}
		for _, extra := range [][2]any{{"", ""}, {`,"x":1`, ""}, {`,"x":2`, ""}, {`,"y":1`, ""}, {`,"x":null`, ""}, {"", `,"x":1`}, {"", `,"x":2`}, {`,"x":1`, `,"x":1`}} {
			text := fmt.Sprintf(body, extra[:]...)
			key := keyOf(method, []byte(text))
			require.NotEmpty(t, key, text)
			require.Empty(t, keys[key], "%s has the key of this", text)
			keys[key] = text
		}
	}
	rows := keyOf(jushuitan.PushStock, []byte(`{"datas":[{"sku_id":"A","qty":1,"x":1}]}`))
	require.Equal(t, rows, keyOf(jushuitan.PushStock, []byte(`{"sku_id":"A","qty":1,"x":1}`)), "a row that is not in a list")
}
