package qimen

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// FuzzText: what is made of a body never breaks a text that was right, and is the same when it
// is done again.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"<a>&#xD83D;&#xDE00;&#1;</a>", "{\"a\":\"b\tc\"}", "<!-- x --><?xml version=\"1.0\" encoding=\"gbk\"?><a/>", "\xef\xbb\xbf {}",
		"<a><![CDATA[&#1;]]>&#55357;</a>", "\xc4\xe3\xba\xc3", "<?xml encoding=", "&#", "<&#x110000;>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text := trimBOM(clean(utf8Of(body, "")))
		_, charset := xmlwire.Prolog(text)
		if again := trimBOM(clean(utf8Of(text, ""))); !xmlwire.IsGBK(charset) && utf8.Valid(text) && !bytes.Contains(text, []byte("&#")) && string(again) != string(text) {
			t.Fatalf("%q becomes %q and then %q", body, text, again)
		}
		if at, _ := xmlwire.Prolog(text); at > len(text) {
			t.Fatal("a prolog longer than the text")
		}
		fixed := repaired(text)
		if jsontext.Value(text).IsValid() && string(fixed) != string(text) {
			t.Fatalf("%q was right and becomes %q", text, fixed)
		}
		isBlank(string(text))
	})
}

// FuzzShapes: whatever a JSON text holds, its reader neither panics nor takes a text for right
// that package wire refuses as no JSON; what it reads can be written and read again.
func FuzzShapes(f *testing.F) {
	for _, s := range []string{
		`{"orderLines":{"orderLine":[{"itemCode":"A","snList":{"sn":{"string":["1"]}}}]}}`, `{"orderLines":[{"orderLine":{"itemCode":"A"}}]}`,
		`{"extendProps":"{\"a\":1}"}`, `{"extendProps":{"a":{"b":1}}}`, `{"orderLines":"null","packages":{"package":{"items":[{"item":{"quantity":1}}]}}}`,
	} {
		f.Add([]byte(s))
	}
	codec := new(xmlwire.Codec)
	f.Fuzz(func(t *testing.T, text []byte) {
		var req DeliveryOrderConfirmRequest
		if codec.UnmarshalText(text, &req) != nil {
			return
		}
		var raw jsontext.Value
		if err := wire.Unmarshal(text, &raw); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if out, err := wire.Marshal(&req); err == nil {
			var again DeliveryOrderConfirmRequest
			if err := codec.UnmarshalText(out, &again); err != nil {
				t.Fatalf("%q is written as %q, which is refused: %v", text, out, err)
			}
		}
	})
}

// FuzzAnswer: an answer counts as success only if the word stands in it, and whatever it is
// decoded into.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`<response><flag>success</flag></response>`, `{"x_response":{"response":{"flag":"failure"}}}`, `{"response":"{\"flag\":\"success\"}"}`,
		`{"response":{"flag":"success","data":{"success":false}}}`, `"{}"`, `<r>{"flag":"success"}</r>`, `<html/>`, `{"flag":"su\u0063cess"}`,
		`<response><flag>failure</flag><flag>success</flag></response>`, `{"flag":"failure","flag":"success"}`, `{"response":{"flag":"success"},"result":{"flag":"fail"}}`,
	} {
		f.Add([]byte(s))
	}
	c := &core{xml: new(xmlwire.Codec)}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, bare := c.decode(opDeliveryOrderConfirm, "", body, nil)
		for _, out := range []any{nil, new(DeliveryOrderConfirmResponse), new(jsontext.Value)} {
			head, fail := c.decode(opDeliveryOrderConfirm, "", body, out)
			if applied := fail == nil || fail.Outcome == jushuitan.Applied; applied != (bare == nil) {
				t.Fatalf("%q: %v into nothing, %v into %T", body, bare, fail, out)
			}
			if fail == nil && head.flag() != "success" {
				t.Fatalf("%q is taken for a success, flag %q", body, head.Flag)
			}
			if fail != nil && fail.Class == nil {
				t.Fatalf("%q fails without a class", body)
			}
		}
	})
}
