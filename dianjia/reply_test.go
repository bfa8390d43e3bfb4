package dianjia

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseReply(t *testing.T) {
	for body, want := range map[string]reply{
		`{"code":"0","msg":"执行成功"}`:                 {known: true, accepted: true, code: "0", msg: "执行成功"},
		"\n{\"code\":0,\"msg\":\"success\"}\n":      {known: true, accepted: true, code: "0", msg: "success"},
		"\xef\xbb\xbf" + `{"code":0}`:               {known: true, accepted: true, code: "0"},
		`{"resultCode":"success","resultObject":1}`: {known: true, accepted: true, code: "success"},
		`{"resultCode":"success","code":null}`:      {known: true, accepted: true, code: "success"},
		`{"resultCode":"success","code":"0"}`:       {known: true, accepted: true, code: "success"},
		`{"resultCode":"fail","code":"0"}`:          {known: true, code: "fail"},
		`{"resultCode":"success","code":"-1"}`:      {known: true, code: "-1"},
		`{"code":"-1","msg":"x"}`:                   {known: true, code: "-1", msg: "x"},
		`{"code":-1,"err_msg":"x"}`:                 {known: true, code: "-1", msg: "x"},
		`{"resultCode":"exception","message":"x"}`:  {known: true, code: "exception", msg: "x"},
		`{"resultCode":"SUCCESS"}`:                  {known: true, code: "SUCCESS"},
		`{"code":"00"}`:                             {known: true, code: "00"},
		`{"code":0.0}`:                              {known: true, code: "0.0"},
		`{"code":""}`:                               {known: true},
		`{"code":false}`:                            {known: true, code: "false"},
		`{"code":{}}`:                               {known: true},
		`{"code":null,"msg":"x"}`:                   {msg: "x"},
		`{"Code":"0"}`:                              {},
		`{"status":200,"msg":"ok"}`:                 {msg: "ok"},
		`{"code":"-1","code":"0"}`:                  {},
		`{"code":"0"`:                               {},
		`{"code":"0"}{}`:                            {},
		`[{"code":"0"}]`:                            {},
		`"success"`:                                 {},
		`<html>0</html>`:                            {},
		``:                                          {},
	} {
		assert.Equal(t, want, parseReply([]byte(body)), body)
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"code":"0","msg":"执行成功"}`))
	f.Add([]byte(`{"resultCode":"success","code":0}`))
	f.Add([]byte(`{"code":"-1","code":"0"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := parseReply(body)
		if !r.accepted {
			return
		}
		require.True(t, r.known)
		if len(body) > 3 && string(body[:3]) == "\xef\xbb\xbf" || !json.Valid(body) {
			return
		}
		var m map[string]any
		require.NoError(t, json.Unmarshal(body, &m))
		code, result := m["code"], m["resultCode"]
		require.True(t, code == nil || code == "0" || code == float64(0))
		require.True(t, result == nil || result == "success")
		require.False(t, code == nil && result == nil)
	})
}
