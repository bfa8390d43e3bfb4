package jushuitantest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// TestGoldenUnderDialects: the client reads every sample of the catalog in every dialect as
// it reads it without one.
func TestGoldenUnderDialects(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	var golden []*catalog.Operation
	plain := map[string]typedReply{}
	for _, op := range ops {
		if op.Go.Auth || op.Go.Raw || len(op.SampleRequest) == 0 {
			continue
		}
		golden = append(golden, op)
		plain[op.Path] = askTyped(t, op)
	}
	require.Greater(t, len(golden), 100)
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		for _, op := range golden {
			want, got := plain[op.Path], askTyped(t, op, d)
			guessed := d.Source == jushuitantest.Guess && op.Effect != "read" // the answer may prove the write and lack the rest
			switch {
			case got.err != nil && want.err == nil:
				err = errors.Join(err, fmt.Errorf("%s: %w", op.Path, got.err))
			case got.err == nil && want.err != nil:
				wrong = errors.Join(wrong, fmt.Errorf("%s: no error, without the dialect: %w", op.Path, want.err))
			case got.err == nil && !guessed && got.text != want.text:
				wrong = errors.Join(wrong, fmt.Errorf("%s: read as %.600s, without the dialect %.600s", op.Path, got.text, want.text))
			}
		}
		return wrong, err
	})
}

type typedReply struct {
	text string
	err  error
}

// askTyped sends the sample request of an operation with its Go method.
func askTyped(t *testing.T, op *catalog.Operation, d ...jushuitantest.Dialect) typedReply {
	t.Helper()
	s := jushuitantest.NewServer(jushuitantest.WithoutQuota(), jushuitantest.WithDialect(d...),
		jushuitantest.WithClock(time.Date(2024, 6, 11, 9, 0, 0, 0, wire.CST)))
	defer s.Close()
	jushuitantest.SeedSamples(t, s, op.Path)
	s.Advance(time.Minute) // late rows are visible then
	client, err := s.Client(jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond}))
	require.NoError(t, err)
	method := reflect.ValueOf(client).Elem().FieldByName(op.Go.Service).MethodByName(op.Go.Method)
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	if method.Type().NumIn() == 2 {
		req := reflect.New(method.Type().In(1))
		into := req.Interface()
		if in := req.Elem(); in.Kind() == reflect.Pointer {
			in.Set(reflect.New(in.Type().Elem()))
			into = in.Interface()
		}
		require.NoError(t, wire.Unmarshal(op.SampleRequest, into))
		args = append(args, req.Elem())
	}
	out := method.Call(args)
	err, _ = out[len(out)-1].Interface().(error)
	var r typedReply
	if r.err = err; len(out) == 2 {
		text, err := wire.MarshalExact(out[0].Interface())
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(text, &v))
		text, err = json.Marshal(essence(v))
		require.NoError(t, err)
		r.text = string(text)
	}
	return r
}

// essence is what a reply says of documents: without what describes the answer itself,
// empty values and the server's time, and with lists in one order.
func essence(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			switch e = essence(e); {
			case e == nil, strings.Contains(" page_index page_size page_count data_count has_next page total count pages current_page date_count issuccess is_success isSuccess success code msg message requestId request_id ", " "+name+" "): //nolint:gocritic // the name is looked for in the list
				delete(v, name)
			default:
				v[name] = e
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		var kept []any
		for _, e := range v {
			if e = essence(e); e != nil {
				kept = append(kept, e)
			}
		}
		slices.SortFunc(kept, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		if kept == nil {
			return nil
		}
		return kept
	case string:
		if v == "" || serverTime.MatchString(v) {
			return nil
		}
		return strings.TrimSuffix(v, ".497")
	}
	return v
}

var serverTime = regexp.MustCompile(`^2024-06-11 (08:5|09:0)`)
