package jushuitantest

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// driftCode changes the code of an answer to a string.
func driftCode(body []byte) []byte {
	var root map[string]jsontext.Value
	if json.Unmarshal(body, &root) != nil || root["code"].Kind() != '0' {
		return body
	}
	root["code"] = jsontext.Value(`"` + string(root["code"]) + `"`)
	return mustJSON(root)
}

// driftTypes changes the types of an answer's payload, see [TypeDrift].
func driftTypes(op *operation, body []byte) []byte {
	var root map[string]jsontext.Value
	if json.Unmarshal(body, &root) != nil {
		return body
	}
	known := map[string][]string{}
	if op != nil {
		known = op.members
	}
	for name, v := range root {
		switch name {
		case "code", "msg", "message", "request_id", "requestId", "issuccess":
		default:
			root[name] = driftValue(v, name, known)
		}
	}
	return mustJSON(root)
}

// driftValue changes one value; path is its place, without [].
func driftValue(v jsontext.Value, path string, known map[string][]string) jsontext.Value {
	switch v.Kind() {
	case '0':
		return jsontext.Value(`"` + string(v) + `"`)
	case 't':
		return jsontext.Value("1")
	case 'f':
		return jsontext.Value("0")
	case '"':
		text := string(v[1 : len(v)-1])
		if text != "" && len(text) <= 15 && strings.Trim(text, "0123456789") == "" && (text == "0" || text[0] != '0') {
			return jsontext.Value(text)
		}
	case '[':
		var list []jsontext.Value
		if json.Unmarshal(v, &list) != nil {
			return v
		}
		for i := range list {
			list[i] = driftValue(list[i], path, known)
		}
		return mustJSON(list)
	case '{':
		return driftObject(v, path, known)
	}
	return v
}

func driftObject(v jsontext.Value, path string, known map[string][]string) jsontext.Value {
	var m map[string]jsontext.Value
	if json.Unmarshal(v, &m) != nil {
		return v
	}
	for name, x := range m {
		m[name] = driftValue(x, path+"."+name, known)
	}
	for _, name := range known[path] {
		if _, ok := m[name]; !ok {
			m[name] = jsontext.Value("null")
		}
	}
	m["x_new_member"] = jsontext.Value(`{"since":"drift"}`)
	return mustJSON(m)
}

func mustJSON(v any) jsontext.Value {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // cannot happen: the values were decoded from JSON
	}
	return b
}
