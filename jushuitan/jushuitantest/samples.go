package jushuitantest

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// sample answers an operation that has no state: with its sample from the
// catalog, or empty. An upload is answered row by row, each with its own key.
func sample(op *operation, q *call) answer {
	if len(op.SampleResponse) == 0 {
		return emptyAnswer(op)
	}
	var body map[string]any
	if json.Unmarshal(op.SampleResponse, &body) != nil {
		return emptyAnswer(op)
	}
	if op.NullIsFailure && lookup(body, op.Payload) == nil {
		body["data"] = "执行成功"
	}
	if op.Batch != nil && op.Rows != "" {
		echoRows(op, q, body)
	}
	return answer{raw: mustJSON(body)}
}

// echoRows answers each row of an upload with the sample's row, with the row's key.
func echoRows(op *operation, q *call, body map[string]any) {
	holder := body
	if op.Payload != "" {
		for part := range strings.SplitSeq(op.Payload, ".") {
			next, ok := holder[part].(map[string]any)
			if !ok {
				return
			}
			holder = next
		}
	}
	var template map[string]any
	if list, ok := holder[op.Rows].([]any); ok && len(list) > 0 {
		template, _ = list[0].(map[string]any)
	}
	keys := op.Batch.RowKey
	if keys == nil {
		keys = op.Batch.Key
	}
	rows := make([]any, len(q.rows))
	for i, row := range q.rows {
		out := make(map[string]any, len(template)+2)
		for k, v := range template {
			out[k] = v
		}
		for j, name := range op.Batch.Key {
			if j < len(keys) {
				if v, ok := row[name]; ok {
					out[keys[j]] = v
				}
			}
		}
		if op.Batch.OK != "" {
			out[op.Batch.OK] = true
		}
		if op.Batch.Msg != "" {
			out[op.Batch.Msg] = ""
		}
		rows[i] = out
	}
	holder[op.Rows] = rows
}

// emptyAnswer is code 0 without rows.
func emptyAnswer(op *operation) answer {
	if op.Rows == "" {
		return answer{msg: "执行成功", payload: map[string]any{}}
	}
	return answer{msg: "执行成功", payload: map[string]any{op.Rows: []jsontext.Value{}}}
}
