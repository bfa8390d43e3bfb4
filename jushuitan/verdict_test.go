package jushuitan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// verdict is what a caller learns about a write: the class and the outcome of the error of
// the call or of its first row, or nil for a write that was applied.
type verdict struct {
	class   error
	outcome jushuitan.Outcome
}

func (v verdict) String() string {
	if v.class == nil {
		return "applied"
	}
	return fmt.Sprintf("%v, %v", v.class, v.outcome)
}

var (
	wasApplied  = verdict{}
	wasRefused  = verdict{jushuitan.ErrInvalid, jushuitan.Rejected}
	isUnknown   = verdict{jushuitan.ErrOutcomeUnknown, jushuitan.Unknown}
	undecodable = verdict{jushuitan.ErrDecode, jushuitan.Unknown}
	unavailable = verdict{jushuitan.ErrUnavailable, jushuitan.Unknown}
)

// verdictOf extracts the verdict from an error.
func verdictOf(t *testing.T, err error, classes ...error) verdict {
	t.Helper()
	if err == nil {
		return wasApplied
	}
	var e *jushuitan.Error
	require.ErrorAs(t, err, &e)
	for _, class := range classes {
		if errors.Is(e, class) {
			return verdict{class, e.Outcome}
		}
	}
	return verdict{e, e.Outcome}
}

// verdictCase is an answer to a write, and the verdict that every write must reach.
type verdictCase struct {
	name   string
	status int
	body   func(op *catalog.Operation) string // "": the case does not apply
	want   func(op *catalog.Operation) verdict
}

func always(v verdict) func(*catalog.Operation) verdict {
	return func(*catalog.Operation) verdict { return v }
}

func same(body string) func(*catalog.Operation) string {
	return func(*catalog.Operation) string { return body }
}

// altered returns the sample answer with a member at its root replaced.
func altered(name, value string) func(*catalog.Operation) string {
	return func(op *catalog.Operation) string {
		var root map[string]json.RawMessage
		if json.Unmarshal(op.SampleResponse, &root) != nil || root == nil {
			return ""
		}
		if root[name] = json.RawMessage(value); value == "" {
			delete(root, name)
		}
		text, err := json.Marshal(root)
		if err != nil {
			return ""
		}
		return string(text)
	}
}

// listed returns an answer without data whose message is the i-th of those that the catalog
// lists.
func listed(of func(*catalog.Evidence) []catalog.Message) func(*catalog.Operation) string {
	return func(op *catalog.Operation) string {
		messages := of(op.Evidence)
		if len(messages) == 0 || op.Evidence.Of == "row" || op.Evidence.Reason != "" {
			return ""
		}
		return fmt.Sprintf(`{"code":0,"msg":%q,"data":null}`, messages[len(messages)-1].Text)
	}
}

func verdictCases() []verdictCase {
	const page = "<html><body>403 Forbidden</body></html>"
	cases := []verdictCase{
		{"code null", 200, altered("code", "null"), always(undecodable)},
		{"code empty", 200, altered("code", `""`), always(undecodable)},
		{"code no number", 200, altered("code", `"ok"`), always(undecodable)},
		{"code absent", 200, altered("code", ""), always(undecodable)},
		{"another code without data", 200, same(`{"code":130,"msg":"校验失败","data":null}`), always(wasRefused)},
		{"null data, unlisted text", 200, same(`{"code":0,"msg":"已提交处理","data":null}`), always(isUnknown)},
		{"no data, unlisted text", 200, same(`{"code":0,"msg":"已提交处理"}`), always(isUnknown)},
		{"nothing but the code", 200, same(`{"code":0}`), always(isUnknown)},
		{"empty data, unlisted text", 200, same(`{"code":0,"msg":"已提交处理","data":""}`), always(isUnknown)},
		{"null data, listed text", 200, listed(func(e *catalog.Evidence) []catalog.Message { return e.Messages }), always(wasApplied)},
		{"null data, listed refusal", 200, listed(func(e *catalog.Evidence) []catalog.Message { return e.Refusals }), always(wasRefused)},
		{"flag null", 200, same(`{"code":0,"issuccess":null,"msg":"已提交处理","data":null}`), always(isUnknown)},
		{"flag empty", 200, same(`{"code":0,"issuccess":"","msg":"已提交处理","data":null}`), always(isUnknown)},
		{"code 130 beside the sample", 200, altered("code", "130"), func(op *catalog.Operation) verdict {
			if op.Evidence.Of == "row" && provesRow(op) {
				return wasApplied
			}
			return wasRefused
		}},
		{"a page", 200, same(page), always(unavailable)},
		{"nothing", 200, same(" "), always(unavailable)},
		{"a text", 200, same(`"ok"`), always(undecodable)},
	}
	for _, flag := range []string{"issuccess", "is_success", "isSuccess", "success", "Success"} {
		cases = append(cases, verdictCase{"refused by " + flag, 200, same(fmt.Sprintf(`{"code":0,%q:false,"msg":"已提交处理","data":null}`, flag)), always(wasRefused)})
		cases = append(cases, verdictCase{"refused by text in " + flag, 200, same(fmt.Sprintf(`{"code":"0",%q:"False","msg":"已提交处理","data":null}`, flag)), always(wasRefused)})
	}
	for _, status := range []int{302, 400, 404, 405, 413, 414, 500, 502, 504} {
		cases = append(cases, verdictCase{fmt.Sprintf("HTTP %d with a page", status), status, same(page), always(unavailable)})
	}
	return cases
}

// provesRow reports whether the first row of the sample has a verdict of its own, rather
// than that of the answer's message or of the call's flag.
func provesRow(op *catalog.Operation) bool {
	own := *op
	e := *op.Evidence
	e.Root = nil
	own.Evidence = &e
	var v any
	return json.Unmarshal(op.SampleResponse, &v) == nil && own.Proves(v)
}

// filled invokes a method with the sample request, or with a request of a single empty row.
func filled(t *testing.T, m reflect.Value, op *catalog.Operation) error {
	t.Helper()
	if len(op.SampleRequest) > 0 || op.Batch == nil {
		_, err := invoke(t, m, op.SampleRequest)
		return err
	}
	biz := "[{}]"
	if op.Batch.List != "" {
		biz = fmt.Sprintf(`{%q:[{}]}`, op.Batch.List)
	}
	_, err := invoke(t, m, json.RawMessage(biz))
	return err
}

// TestVerdicts runs every write against every kind of answer. What an answer does not state
// is never taken as success.
func TestVerdicts(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	ops = slices.DeleteFunc(ops, func(op *catalog.Operation) bool { return op.Go.Auth || op.Effect == "read" })
	passed, total := 0, 0
	for _, c := range verdictCases() {
		t.Run(c.name, func(t *testing.T) {
			for _, op := range ops {
				body := c.body(op)
				if body == "" {
					continue
				}
				total++
				client := mocked(t, httpmock.NewStringResponder(c.status, body), jushuitan.WithoutValidation())
				got := verdictOf(t, filled(t, method(t, client, op), op),
					jushuitan.ErrUnavailable, jushuitan.ErrDecode, jushuitan.ErrInvalid, jushuitan.ErrOutcomeUnknown)
				if assert.Equal(t, c.want(op).String(), got.String(), "%s.%s: %s", op.Go.Service, op.Go.Method, body) {
					passed++
				}
			}
		})
	}
	t.Logf("%d of %d verdicts of %d writes", passed, total, len(ops))
	assert.Greater(t, total, 20*len(ops))
}

// TestVerdictsAfterALostAnswer: a refusal of the retry says nothing about the first
// attempt.
func TestVerdictsAfterALostAnswer(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	n := 0
	for _, op := range ops {
		if op.Go.Auth || op.Effect != "keyed" || len(op.SampleRequest) == 0 {
			continue
		}
		attempts := 0
		client := mocked(t, func(*http.Request) (*http.Response, error) {
			if attempts++; attempts == 1 {
				return nil, errors.New("connection reset")
			}
			return httpmock.NewStringResponse(200, `{"code":130,"msg":"单据已存在","data":null}`), nil
		}, jushuitan.WithoutValidation(), jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}))
		err := filled(t, method(t, client, op), op)
		if attempts == 1 { // the sample does not name its key
			continue
		}
		n++
		require.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown, op.Path)
		var e *jushuitan.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, jushuitan.Unknown, e.Outcome, op.Path)
		assert.Contains(t, err.Error(), "单据已存在", "the refusal is attached: %s", op.Path)
	}
	t.Logf("%d keyed writes", n)
	assert.Greater(t, n, 10)
}

// The code of a row decides, whatever its message says; rows without a verdict have that of
// the call.
func TestVerdictsOfRows(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"flags":                      {`{"code":0,"data":{"datas":[{"so_id":"A","issuccess":true},{"so_id":"B","issuccess":false,"msg":"店铺不存在"}]}}`, "applied; refused 店铺不存在"},
		"other spellings":            {`{"code":0,"data":{"datas":[{"so_id":"A","isSuccess":"true"},{"so_id":"B","is_success":0,"msg":"x"}]}}`, "applied; refused x"},
		"codes":                      {`{"code":0,"data":{"datas":[{"so_id":"A","code":"0","msg":"失败"},{"so_id":"B","code":100,"msg":"成功"}]}}`, "applied; refused 成功"},
		"ids":                        {`{"code":0,"data":{"datas":[{"so_id":"A","o_id":7},{"so_id":"B","o_id":0}]}}`, "applied; unknown"},
		"nothing":                    {`{"code":0,"issuccess":true,"msg":"执行成功","data":{"datas":[{"so_id":"A","msg":""},{"so_id":"B","msg":"成功"}]}}`, "unknown; unknown 成功"},
		"null rows":                  {`{"code":0,"data":{"datas":[null,{"so_id":"B","issuccess":true}]}}`, "unknown; applied"},
		"a flag that is none":        {`{"code":0,"data":{"datas":[{"so_id":"A","issuccess":"maybe"},{"so_id":"B","issuccess":null}]}}`, "unknown; unknown"},
		"no says more than yes":      {`{"code":0,"data":{"datas":[{"so_id":"A","issuccess":true,"code":5},{"so_id":"B","issuccess":false,"o_id":3}]}}`, "refused; refused"},
		"another code, own verdicts": {`{"code":130,"msg":"部分失败","data":{"datas":[{"so_id":"A","issuccess":true},{"so_id":"B","msg":"重复"}]}}`, "applied; refused 重复"},
		"another code, root's words": {`{"code":130,"msg":"部分失败","data":{"datas":[{"so_id":"A","issuccess":true},{"so_id":"B"}]}}`, "applied; refused 部分失败"},
		"flag false, own verdicts":   {`{"code":0,"issuccess":false,"data":{"datas":[{"so_id":"A","issuccess":true},{"so_id":"B","issuccess":false}]}}`, "applied; refused"},
	} {
		t.Run(name, func(t *testing.T) {
			client := mocked(t, httpmock.NewStringResponder(200, c.body), jushuitan.WithoutValidation())
			rows, _ := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{SoID: "A"}, {SoID: "B"}})
			require.Len(t, rows, 2)
			for i, want := range strings.Split(c.want, "; ") {
				want, msg, _ := strings.Cut(want, " ")
				var e *jushuitan.Error
				switch {
				case want == "applied":
					require.NoError(t, rows[i].Err, "row %d", i)
					continue
				case !assert.ErrorAs(t, rows[i].Err, &e, "row %d", i):
					continue
				}
				assert.Equal(t, map[string]jushuitan.Outcome{"refused": jushuitan.Rejected, "unknown": jushuitan.Unknown}[want], e.Outcome, "row %d", i)
				if msg != "" {
					assert.Equal(t, msg, e.Msg, "row %d", i)
				}
			}
		})
	}
}

// Where the flag of the call proves its rows, a row may still say no.
func TestVerdictsOfACallWithRows(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want verdict
	}{
		"the row's own proof":     {`{"code":0,"data":[{"io_id":7}]}`, wasApplied},
		"the call's flag":         {`{"code":0,"issuccess":true,"data":[{"io_id":0}]}`, wasApplied},
		"a row without a verdict": {`{"code":0,"data":[{"io_id":0}]}`, isUnknown},
		"a row refused":           {`{"code":0,"issuccess":true,"msg":"已提交处理","data":[{"issuccess":false,"msg":"已提交处理"}]}`, wasRefused},
		"the second row refused":  {`{"code":0,"issuccess":true,"msg":"已提交处理","data":[{"io_id":7},{"issuccess":false,"msg":"已提交处理"}]}`, wasRefused},
	} {
		t.Run(name, func(t *testing.T) {
			client := mocked(t, httpmock.NewStringResponder(200, c.body), jushuitan.WithoutValidation())
			_, err := client.Transfers.CreateDifference(t.Context(), &jushuitan.TransferCreateDifferenceRequest{})
			got := verdictOf(t, err, jushuitan.ErrUnavailable, jushuitan.ErrDecode, jushuitan.ErrInvalid, jushuitan.ErrOutcomeUnknown)
			assert.Equal(t, c.want.String(), got.String(), "%v", err)
			var rows *jushuitan.BatchError
			if errors.As(err, &rows) {
				require.Len(t, rows.Failed, 1)
				assert.Equal(t, -1, rows.Failed[0].Index, "which row of the request it was is not said")
			}
		})
	}
}
