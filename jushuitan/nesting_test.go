package jushuitan_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

// TestNesting puts the payload of every sample in each place where sources have
// seen payloads (data, data.data, the root) and the rows alone as a bare list: the
// same rows are read everywhere. Sources disagree about many endpoints.
func TestNesting(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	object := func(m map[string]json.RawMessage) json.RawMessage {
		text, err := json.Marshal(m)
		require.NoError(t, err)
		return text
	}
	proven := 0
	for _, op := range ops {
		if op.Go.Auth || op.Go.Raw || len(op.SampleResponse) == 0 || op.Rows == "" || op.Go.Response == "" {
			continue
		}
		payload := within(t, op.SampleResponse, op.Payload)
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(payload, &members), op.Path)
		rows := members[op.Rows]
		if len(rows) == 0 || rows[0] != '[' || string(rows) == "[]" {
			continue
		}
		for _, name := range []string{"code", "msg", "issuccess", "request_id", "requestId"} {
			delete(members, name)
		}
		code, bare := json.RawMessage("0"), op.Rows
		root := maps.Clone(members)
		root["code"] = code
		forms := map[string]json.RawMessage{
			"data":           object(map[string]json.RawMessage{"code": code, "data": object(members)}),
			"data.data":      object(map[string]json.RawMessage{"code": code, "data": object(map[string]json.RawMessage{"data": object(members)})}),
			"root":           object(root),
			"bare list":      object(map[string]json.RawMessage{"code": code, "data": rows}),
			"bare list deep": object(map[string]json.RawMessage{"code": code, "data": object(map[string]json.RawMessage{"data": rows})}),
		}
		want := map[string]string{}
		for path, v := range leaves(t, rows) {
			want[path] = v
		}
		for form, body := range forms {
			c := mocked(t, httpmock.NewStringResponder(200, string(body)))
			result, err := invoke(t, method(t, c, op), op.SampleRequest)
			if !assert.NoError(t, err, "%s in %s", op.Path, form) {
				continue
			}
			got := map[string]string{}
			for path, v := range resultLeaves(t, result) {
				if rest, ok := strings.CutPrefix(path, "."+bare); ok && strings.HasPrefix(rest, "[") {
					got[rest] = v
				} else if strings.HasPrefix(path, "[") {
					got[path] = v
				}
			}
			assert.Equal(t, want, got, "%s in %s", op.Path, form)
			proven++
		}
	}
	t.Logf("%d forms", proven)
	assert.Greater(t, proven, 250)
}

// TestCatalogDecisions holds what a person decided about each operation against
// the rules.
func TestCatalogDecisions(t *testing.T) {
	ops, err := catalog.Operations()
	require.NoError(t, err)
	methods := map[string]int{}
	for _, op := range ops {
		t.Run(op.Path, func(t *testing.T) {
			switch op.Effect {
			case "read":
			case "keyed":
				assert.NotEmpty(t, op.Why, "a keyed write says why a repeat is harmless")
				if !op.Go.Auth {
					assert.NotEmpty(t, op.Key)
				}
			case "unsafe":
				assert.NotEmpty(t, op.Why, "an unsafe write says why it is")
			default:
				t.Errorf("effect %q", op.Effect)
			}
			if op.Paging != nil {
				assert.Positive(t, op.Paging.Max)
				assert.Equal(t, "read", op.Effect)
			}
			if op.Batch != nil {
				assert.Positive(t, op.Batch.Max)
				assert.NotEqual(t, "read", op.Effect)
			}
			for _, f := range append(append([]*catalog.Field{}, op.Request...), op.Response...) {
				assert.True(t, f.ZH != "" || f.Leaf() == "", "%s has no Chinese label", f.Name)
				assert.True(t, f.EN != "" || f.ZH != "", "%s has no meaning", f.Name)
			}
		})
		if op.Go.Service != "" {
			methods[op.Go.Service]++
		}
	}
	for service, n := range methods {
		assert.LessOrEqual(t, n, 20, "service %s has %d operations", service, n)
	}
}
