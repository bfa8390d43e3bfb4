package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// isClass reports whether an error is of a class of the index.
func isClass(err error, class string) bool {
	var batch *jushuitan.BatchError
	switch class {
	case "any error":
		return err != nil
	case "BatchError":
		return errors.As(err, &batch)
	case "refused": // of a receiver
		return err != nil
	}
	classes := map[string]error{
		"ErrSign": jushuitan.ErrSign, "ErrTokenExpired": jushuitan.ErrTokenExpired, "ErrPermission": jushuitan.ErrPermission,
		"ErrRateLimited": jushuitan.ErrRateLimited, "ErrInvalid": jushuitan.ErrInvalid, "ErrUnavailable": jushuitan.ErrUnavailable,
		"ErrUnknownAction": errUnknownAction,
	}
	return classes[class] != nil && errors.Is(err, classes[class])
}

// answers is a transport that sends the payload's files, one an answer, and the last
// again where more is asked for.
func answers(t *testing.T, p *payload) *http.Client {
	t.Helper()
	transport := httpmock.NewMockTransport()
	sent := 0
	transport.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		file := p.Files[min(sent, len(p.Files)-1)]
		sent++
		status, contentType := p.HTTP.Status, p.HTTP.ContentType
		if status == 0 {
			status = http.StatusOK
		}
		if contentType == "" {
			contentType = "application/json;charset=utf-8"
		}
		resp := httpmock.NewBytesResponse(status, body(t, file))
		resp.Header.Set("Content-Type", contentType)
		resp.Request = req
		return resp, nil
	})
	return &http.Client{Transport: transport}
}

// runJushuitan calls the operation of the payload's path.
func runJushuitan(t *testing.T, p *payload) *result {
	t.Helper()
	client, err := jushuitan.New(
		jushuitan.Credentials{AppKey: "key", AppSecret: "secret"}, jushuitan.WithHTTPClient(answers(t, p)),
		jushuitan.WithToken("access-token-of-the-corpus"), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
		jushuitan.WithoutValidation(), // the requests of the index are shortened
	)
	require.NoError(t, err)
	r := &result{}
	switch op := operation(p.Target); {
	case p.Call == "Client.Call" || op == nil:
		var request any
		if p.Request != nil {
			request = tree(t, p.Request)
		}
		var out json.RawMessage
		if r.err = client.Call(t.Context(), p.Target, request, &out); out != nil {
			r.value = tree(t, out)
		}
	case p.Call == "All":
		r.value, r.rows, r.err = iterate(t, client, p)
	default:
		r.value, r.err = callTyped(t, client, op, p.Request)
		r.rows = rowsOf(r.value)
	}
	var e *jushuitan.Error
	if errors.As(r.err, &e) {
		r.code, r.msg = strconv.FormatInt(e.Code, 10), e.Msg
	}
	var batch *jushuitan.BatchError
	if errors.As(r.err, &batch) {
		for _, row := range batch.Failed {
			if errors.As(row.Err, &e) {
				r.msg += e.Msg
			}
			key := row.Key[strings.LastIndexByte(row.Key, '|')+1:] // shop_id|so_id
			r.failed = append(r.failed, key)
		}
	}
	return r
}

func operation(path string) *jushuitan.Operation {
	all := jushuitan.Operations()
	i := slices.IndexFunc(all, func(op jushuitan.Operation) bool {
		return op.Service != "" && (op.Path == path || slices.Contains(op.AltPaths, path))
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

// callTyped calls the operation's method and returns its answer as a tree.
func callTyped(t *testing.T, client *jushuitan.Client, op *jushuitan.Operation, request json.RawMessage) (any, error) {
	t.Helper()
	method := reflect.ValueOf(client).Elem().FieldByName(op.Service).MethodByName(op.Method)
	require.True(t, method.IsValid(), op.Name())
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	if method.Type().NumIn() == 2 {
		arg := reflect.New(method.Type().In(1))
		if request != nil {
			require.NoError(t, wire.Unmarshal(request, arg.Interface()), op.Name())
		} else if arg.Elem().Kind() == reflect.Pointer {
			arg.Elem().Set(reflect.New(arg.Elem().Type().Elem()))
		}
		args = append(args, arg.Elem())
	}
	out := method.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	if len(out) == 1 {
		return nil, err
	}
	return treeOf(t, out[0]), err
}

// treeOf writes an answer with its wire names and reads it as a tree. Of the results
// of an upload it takes what the server answered for each row.
func treeOf(t *testing.T, v reflect.Value) any {
	t.Helper()
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
		if _, ok := v.Type().Elem().FieldByName("Result"); ok {
			rows := make([]any, v.Len())
			for i := range v.Len() {
				rows[i] = treeOf(t, v.Index(i).FieldByName("Result"))
			}
			return rows
		}
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	data, err := wire.Marshal(v.Interface())
	require.NoError(t, err)
	return tree(t, data)
}

// iterate goes through all pages and returns the rows' keys as the index writes them.
func iterate(t *testing.T, client *jushuitan.Client, p *payload) (value any, rows int, err error) {
	t.Helper()
	var req jushuitan.OrderQuery
	require.Equal(t, "/open/orders/single/query", p.Target, "the one operation whose pages are in the corpus")
	require.NoError(t, wire.Unmarshal(p.Request, &req))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var keys []any
	for order, err := range client.Orders.All(ctx, &req) {
		if err != nil {
			return nil, len(keys), err
		}
		keys = append(keys, json.Number(strconv.FormatInt(order.OID, 10)))
		require.Less(t, len(keys), 1000, "an endless loop")
	}
	return map[string]any{"rows": keys}, len(keys), nil
}

// rowsOf counts the rows of a page: the elements of its lists.
func rowsOf(v any) int {
	members, _ := v.(map[string]any)
	n := 0
	for _, m := range members {
		if list, ok := m.([]any); ok {
			n += len(list)
		}
	}
	return n
}

// runQimenAnswer calls the payload's method through the gateway.
func runQimenAnswer(t *testing.T, p *payload) *result {
	t.Helper()
	client, err := qimen.New(
		qimen.Config{AppKey: "key", AppSecret: "secret", CustomerID: "customer"}, qimen.WithHTTPClient(answers(t, p)),
		qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}),
	)
	require.NoError(t, err)
	r := &result{}
	switch p.Target {
	case "jushuitan.order.list.query":
		var req qimen.OrderListRequest
		require.NoError(t, wire.Unmarshal(p.Request, &req))
		var page *jushuitan.OrderPage
		page, r.err = client.Scene.OrderList(t.Context(), &req)
		r.value = treeOf(t, reflect.ValueOf(page))
	case "jushuitan.saleout.list.query":
		var req qimen.SaleoutListRequest
		require.NoError(t, wire.Unmarshal(p.Request, &req))
		var page *jushuitan.OutboundPage
		page, r.err = client.Scene.SaleoutList(t.Context(), &req)
		r.value = treeOf(t, reflect.ValueOf(page))
	default:
		r.value, r.err = callQimen(t, client, p)
	}
	var e *qimen.Error
	if errors.As(r.err, &e) {
		r.code, r.msg = e.Code, e.Msg+e.SubMsg
	}
	return r
}

func callQimen(t *testing.T, client *qimen.Client, p *payload) (any, error) {
	t.Helper()
	all := qimen.Methods()
	i := slices.IndexFunc(all, func(m qimen.Method) bool { return m.Name == p.Target })
	require.GreaterOrEqual(t, i, 0, p.Target)
	req, resp := all[i].NewRequest(), all[i].NewResponse()
	require.NotNil(t, req, p.Target)
	require.NoError(t, wire.Unmarshal(p.Request, req))
	if err := client.Call(t.Context(), p.Target, req, resp); err != nil {
		return nil, err
	}
	return treeOf(t, reflect.ValueOf(resp)), nil
}
