package redact

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var wired = Wire{Names: Folded(map[string]bool{"receiver_name": true, "card": true}), Values: []string{"canary-secret", "张小三", "13.5元"}}

func TestWireBody(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"members by name":      {`{"receiver_name":"李四","so_id":"A1","n":1.50}`, `{"receiver_name":"***","so_id":"A1","n":1.50}`},
		"empty members":        {`{"receiver_name":"","access_token":null,"card":[]}`, `{"receiver_name":"","access_token":null,"card":"***"}`},
		"secrets by name":      {`{"accessToken":"x1","refresh_token":"x2","SIGN":"x3","a":{"Session-Key":"x4"}}`, `{"accessToken":"***","refresh_token":"***","SIGN":"***","a":{"Session-Key":"***"}}`},
		"objects by name":      {`[{"card":{"no":"6222","bank":["x"]}},2]`, `[{"card":"***"},2]`},
		"values anywhere":      {`{"msg":"order of 张小三, canary-secret"}`, `{"msg":"order of ***, ***"}`},
		"values in names":      {`{"张小三":1,"13800138000":2}`, `{"***":1,"***":2}`},
		"unicode escapes":      {`{"msg":"\u5f20\u5c0f\u4e09 c\u0061nary-secret","receiver\u005fname":"x"}`, `{"msg":"*** ***","receiver_name":"***"}`},
		"escaped twice":        {`{"msg":"{\"a\":\"\\u5f20\\u5c0f\\u4e09\"}"}`, `{"msg":"{\"a\":\"***\"}"}`},
		"a document in a text": {`{"data":"{\"receiver_name\":\"李四\",\"q\":1}"}`, `{"data":"{\"receiver_name\":\"***\",\"q\":1}"}`},
		"percent in a text":    {`{"url":"x?n=%E5%BC%A0%E5%B0%8F%E4%B8%89&y=1"}`, `{"url":"x?n=***&y=1"}`},
		"mobile numbers":       {`{"a":"call 13800138000","b":13800138000,"c":"8613800138000","o_id":138001380001}`, `{"a":"call ***","b":"***","c":"***","o_id":138001380001}`},
		"a text with brackets": {`{"a":"[1] remark","b":"[张小三]"}`, `{"a":"[1] remark","b":"[***]"}`},
		"twice the same name":  {`{"a":1,"a":2}`, `{"a":1,"a":2}`},
		"cut":                  {`{"a":1,"receiver_name":"李`, `{"a":1,"receiver_name":"..."}... (5 bytes after a syntax error left out)`},
		"garbage behind":       {`{"a":[1,{"b":2 李四`, `{"a":[1,{"b":2}]}... (7 bytes after a syntax error left out)`},
		"a mark before":        {"\xef\xbb\xbf" + `{"receiver_name":"李四"}`, `{"receiver_name":"***"}`},
		"XML":                  {`<?xml version="1.0" encoding="utf-8"?><r><receiver_name a="1">李四</receiver_name><q>张小三</q><e/></r>`, `<?xml version="1.0" encoding="utf-8"?><r><receiver_name a="1">***</receiver_name><q>***</q><e/></r>`},
		"XML, nested, CDATA":   {`<r><card><no>6222</no></card><receiver_name><![CDATA[李四]]></receiver_name><z>&#x5f20;小&#19977;</z></r>`, `<r><card><no>***</no></card><receiver_name>***</receiver_name><z>***</z></r>`},
		"XML, cut":             {`<r><q>1</q><receiver_name>李四</r`, `<r><q>1</q><receiver_name>***... (3 bytes after a syntax error left out)`},
		"page":                 {`<!DOCTYPE html><p>张小三 13800138000 &#x5f20;&#x5c0f;&#x4e09; canary%2Dsecret<br>`, `<!DOCTYPE html><p>*** *** *** ***<br>`},
		"text":                 {"no, 张小三+canary-secret \\u5f20\\u5C0F\\u4e09", "no, ***+*** ***"},
		"empty":                {" \n", ""},
	} {
		assert.Equal(t, c.want, wired.Body([]byte(c.in)), name)
	}
}

func TestWirePersonal(t *testing.T) {
	w := Wire{Names: wired.Names, Values: []string{"canary-secret"}, Personal: true}
	assert.Equal(t, `{"receiver_name":"李四 13800138000","token":"***","m":"***"}`,
		w.Body([]byte(`{"receiver_name":"李四 13800138000","token":"t","m":"canary-secret"}`)))
	assert.Equal(t, url.Values{"biz": {`{"receiver_name":"李四"}`}, "sign": {"***"}}, w.Params(url.Values{"biz": {`{"receiver_name":"李四"}`}, "sign": {"ABC"}}))
	h := w.Header(http.Header{"Set-Cookie": {"a=b"}, "X-Trace": {"canary-secret 1"}, "Date": {"now"}})
	assert.Equal(t, http.Header{"Set-Cookie": {"***"}, "X-Trace": {"*** 1"}, "Date": {"now"}}, h)
}

// Whatever arrives, no known value appears in the output.
func FuzzWire(f *testing.F) {
	f.Add(`{"a":"\u0063anary-secret`, 3)
	f.Add(`<a b="`, 4)
	f.Add(`%25`, 1)
	f.Fuzz(func(t *testing.T, around string, at int) {
		at = min(max(at, 0), len(around))
		in := around[:at] + "canary-secret" + around[at:]
		out := wired.Body([]byte(in))
		if strings.Contains(out, "canary-secret") {
			t.Errorf("%q became %q", in, out)
		}
	})
}
