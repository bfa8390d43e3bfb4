package qimen_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// lineMessage is a message of deliveryorder.confirm with a line, in the given form.
func lineMessage(line string) string {
	return `<request><deliveryOrder><deliveryOrderCode>DO1</deliveryOrderCode><outBizCode>B1</outBizCode></deliveryOrder>` +
		`<orderLines><orderLine><itemCode>SKU-A</itemCode>` + line + `</orderLine></orderLines></request>`
}

// received passes a body to a mux as the gateway does, and returns what the handler got.
func received(t *testing.T, body string) (*qimen.DeliveryOrderConfirmRequest, reply) {
	t.Helper()
	m := newMux(t, muxConfig(new(reasons)))
	var got *qimen.DeliveryOrderConfirmRequest
	qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
		got = req
		return nil, nil
	})
	return got2(t, m, body, &got)
}

func got2(t *testing.T, m *qimen.Mux, body string, got **qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmRequest, reply) {
	t.Helper()
	msg := message("deliveryorder.confirm", body)
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		msg = msg.with("format", "json")
	}
	r := serve(t, m, msg.request())
	return *got, r
}

// TestShapes: every form in which systems write a message is read.
func TestShapes(t *testing.T) {
	line := func(r *qimen.DeliveryOrderConfirmRequest) qimen.DeliveredLine {
		if r == nil || len(r.OrderLines) != 1 {
			return qimen.DeliveredLine{}
		}
		return r.OrderLines[0]
	}
	sns := func(r *qimen.DeliveryOrderConfirmRequest) string {
		if l := line(r).SNList; l != nil {
			return strings.Join(l.SNs, "+")
		}
		return "none"
	}
	props := func(r *qimen.DeliveryOrderConfirmRequest) string {
		return fmt.Sprint(r.ExtendProps, " ", string(r.Extra["extendProps"]))
	}
	when := func(r *qimen.DeliveryOrderConfirmRequest) string {
		return r.DeliveryOrder.OrderConfirmTime.Format(time.RFC3339)
	}
	remark := func(r *qimen.DeliveryOrderConfirmRequest) string { return line(r).Remark }
	timed := func(text string) string {
		return `<request><deliveryOrder><deliveryOrderCode>DO1</deliveryOrderCode><orderConfirmTime>` + text + `</orderConfirmTime></deliveryOrder></request>`
	}
	with := func(text string) string {
		return `<request><deliveryOrder><deliveryOrderCode>DO1</deliveryOrderCode></deliveryOrder><extendProps>` + text + `</extendProps></request>`
	}
	inJSON := func(lines string) string {
		return `{"request":{"deliveryOrder":{"deliveryOrderCode":"DO1"},` + lines + `}}`
	}
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(`<?xml version="1.0" encoding="GBK"?>` + lineMessage("<remark>易碎</remark>"))
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		body string
		get  func(*qimen.DeliveryOrderConfirmRequest) string
		want string
	}{
		"sn entries":            {lineMessage("<snList><sn>A</sn><sn>B</sn></snList>"), sns, "A+B"},
		"sn strings":            {lineMessage("<snList><sn><string>A</string><string>B</string></sn></snList>"), sns, "A+B"},
		"sn as text":            {lineMessage("<snList>A</snList>"), sns, "A"},
		"sn, JSON":              {inJSON(`"orderLines":[{"itemCode":"SKU-A","snList":{"sn":["A","B"]}}]`), sns, "A+B"},
		"sn strings, JSON":      {inJSON(`"orderLines":[{"itemCode":"SKU-A","snList":{"sn":{"string":["A","B"]}}}]`), sns, "A+B"},
		"sn list, JSON":         {inJSON(`"orderLines":[{"itemCode":"SKU-A","snList":["A","B"]}]`), sns, "A+B"},
		"sn text, JSON":         {inJSON(`"orderLines":[{"itemCode":"SKU-A","snList":"A"}]`), sns, "A"},
		"one sn, JSON":          {inJSON(`"orderLines":[{"itemCode":"SKU-A","snList":{"sn":"A"}}]`), sns, "A"},
		"lines in an object":    {inJSON(`"orderLines":{"orderLine":[{"itemCode":"SKU-A","remark":"x"}]}`), remark, "x"},
		"a line in an object":   {inJSON(`"orderLines":{"orderLine":{"itemCode":"SKU-A","remark":"x"}}`), remark, "x"},
		"lines in elements":     {inJSON(`"orderLines":[{"orderLine":{"itemCode":"SKU-A","remark":"x"}}]`), remark, "x"},
		"another entry name":    {inJSON(`"orderLines":{"order_line":[{"itemCode":"SKU-A","remark":"x"}]}`), remark, "x"},
		"another, in elements":  {inJSON(`"orderLines":[{"order_line":{"itemCode":"SKU-A","remark":"x"}}]`), remark, "x"},
		"a line without list":   {inJSON(`"orderLines":{"itemCode":"SKU-A","remark":"x"}`), remark, "x"},
		"lines as JSON text":    {inJSON(`"orderLines":"[{\"itemCode\":\"SKU-A\",\"remark\":\"x\"}]"`), remark, "x"},
		"other entry, XML":      {strings.ReplaceAll(lineMessage("<remark>x</remark>"), "orderLine>", "order_line>"), remark, "x"},
		"no entry, XML":         {strings.NewReplacer("<orderLine>", "", "</orderLine>", "").Replace(lineMessage("<remark>x</remark>")), remark, "x"},
		"raw breaks, JSON":      {inJSON("\"orderLines\":[{\"itemCode\":\"SKU-A\",\"remark\":\"a\tb\nc\"}]"), remark, "a\tb\nc"},
		"props":                 {with("<a>1</a><b>x</b>"), props, "map[a:1 b:x] "},
		"props as text":         {with("free text"), props, `map[] "free text"`},
		"props as JSON":         {with(`{"a":"1","b":2}`), props, "map[a:1 b:2] "},
		"props nested":          {with("<a><b>1</b></a>"), props, `map[] {"a":{"b":"1"}}`},
		"props repeated":        {with("<a>1</a><a>2</a>"), props, `map[] {"a":["1","2"]}`},
		"props as nested JSON":  {with(`{"a":{"b":1}}`), props, `map[] "{\"a\":{\"b\":1}}"`},
		"props as null":         {with("null"), props, "map[] "},
		"props, JSON":           {inJSON(`"extendProps":{"a":"1"}`), props, "map[a:1] "},
		"props, JSON text":      {inJSON(`"extendProps":"{\"a\":\"1\"}"`), props, "map[a:1] "},
		"props, text in JSON":   {inJSON(`"extendProps":"free text"`), props, `map[] "free text"`},
		"props, nested in JSON": {inJSON(`"extendProps":{"a":{"b":1}}`), props, `map[] {"a":{"b":1}}`},
		"8 digits":              {timed("20260102"), when, "2026-01-02T00:00:00+08:00"},
		"12 digits":             {timed("202601020304"), when, "2026-01-02T03:04:00+08:00"},
		"14 digits":             {timed("20260102030405"), when, "2026-01-02T03:04:05+08:00"},
		"slashes":               {timed("2026/1/2 3:04"), when, "2026-01-02T03:04:00+08:00"},
		"slashes, seconds":      {timed("2026/01/02 3:04:05"), when, "2026-01-02T03:04:05+08:00"},
		"zone":                  {timed("2026-01-02T03:04:05+00:00"), when, "2026-01-02T11:04:05+08:00"},
		"zone without colon":    {timed("2026-01-02T03:04:05.123+0800"), when, "2026-01-02T03:04:05+08:00"},
		"zone after a blank":    {timed("2026-01-02 03:04:05 +09:00"), when, "2026-01-02T02:04:05+08:00"},
		"UTC":                   {timed("2026-01-02T03:04:05Z"), when, "2026-01-02T11:04:05+08:00"},
		"null time":             {timed("null"), when, "0001-01-01T00:00:00Z"},
		"surrogates":            {lineMessage("<remark>&#xD83D;&#xDE00;&#55357;&#56832;</remark>"), remark, "😀😀"},
		"half a surrogate":      {lineMessage("<remark>a&#xD83D;b</remark>"), remark, "a\uFFFDb"},
		"control characters":    {lineMessage("<remark>a&#1;b&#x0B;c\x02d&#x41;</remark>"), remark, "abcdA"},
		"a reference in CDATA":  {lineMessage("<remark><![CDATA[a&#1;b]]></remark>"), remark, "a&#1;b"},
		"utf8":                  {`<?xml version="1.0" encoding="utf8"?>` + lineMessage("<remark>易碎</remark>"), remark, "易碎"},
		"UTF-16 over UTF-8":     {`<?xml version="1.0" encoding="utf-16"?>` + lineMessage("<remark>易碎</remark>"), remark, "易碎"},
		"GBK over UTF-8":        {`<?xml version="1.0" encoding="GBK"?>` + lineMessage("<remark>易碎</remark>"), remark, "易碎"},
		"GBK":                   {gbk, remark, "易碎"},
		"comment first":         {"<!-- made by x --><?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + lineMessage("<remark>x</remark>"), remark, "x"},
		"BOM and blanks first":  {"\n\xef\xbb\xbf <?xml version=\"1.0\"?>" + lineMessage("<remark>x</remark>"), remark, "x"},
		"twice the same member": {lineMessage("<remark>x</remark><remark>y</remark>"), func(r *qimen.DeliveryOrderConfirmRequest) string {
			return line(r).Remark + string(line(r).Extra["remark[1]"])
		}, `x"y"`},
		"twice the same member, JSON": {inJSON(`"orderLines":[{"itemCode":"SKU-A","remark":"x","remark":"y","remark":"z"}]`), func(r *qimen.DeliveryOrderConfirmRequest) string {
			return line(r).Remark + string(line(r).Extra["remark[1]"])
		}, `x["y","z"]`},
		"twice the same list, JSON": {inJSON(`"orderLines":[{"itemCode":"SKU-A","remark":"x"}],"orderLines":[{"itemCode":"SKU-B"}]`), func(r *qimen.DeliveryOrderConfirmRequest) string {
			return line(r).Remark + string(r.Extra["orderLines[1]"])
		}, `x[{"itemCode":"SKU-B"}]`},
		"props twice, JSON":    {inJSON(`"extendProps":{"a":"1","a":"2"}`), props, "map[a:1 a[1]:2] "},
		"beside the request":   {`{"x":{"y":1},"request":{"deliveryOrder":{"deliveryOrderCode":"DO1"}},"orderLines":[{"remark":"z"}]}`, func(r *qimen.DeliveryOrderConfirmRequest) string { return remark(r) + string(r.Extra["x"]) }, `z{"y":1}`},
		"beside an empty one":  {`{"request":{ },"deliveryOrder":{"deliveryOrderCode":"DO1"}}`, remark, ""},
		"the request as text":  {`{"request":"{\"deliveryOrder\":{\"deliveryOrderCode\":\"DO1\"}}"}`, remark, ""},
		"a date of the future": {timed("99991231"), when, "9999-12-31T00:00:00+08:00"},
		"text beside members":  {lineMessage("stray"), func(r *qimen.DeliveryOrderConfirmRequest) string { return string(line(r).Extra["#text"]) }, `"stray"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := received(t, tt.body)
			require.NotNil(t, got, "refused: %+v", r)
			assert.Equal(t, tt.want, tt.get(got))
			assert.Equal(t, "DO1", got.DeliveryOrder.DeliveryOrderCode)

			text, err := new(xmlwire.Codec).Marshal("request", got) // what was kept can be written again
			require.NoError(t, err)
			back := new(qimen.DeliveryOrderConfirmRequest)
			_, err = new(xmlwire.Codec).Unmarshal(text, back)
			require.NoError(t, err)
			plain, err := wire.Marshal(back)
			require.NoError(t, err)
			assert.True(t, json.Valid(plain))
		})
	}
}

// roundTrip is an [http.RoundTripper].
type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCharsets: the bytes of a text decide whether it is UTF-8 or GBK, whatever is declared. A
// few Chinese characters in GBK may be other characters in UTF-8; then the declaration decides,
// that of XML before that of the Content-Type.
func TestCharsets(t *testing.T) {
	n := 0
	for _, declared := range []string{"", "utf-8", "utf8", "UTF-16", "GBK", "gb2312", "gb18030"} {
		for _, kind := range []string{"", "utf-8", "GBK", `"gb2312"`} {
			for _, text := range []string{"plain", "值", "值 é", "易碎，小心轻放", "😀"} {
				for _, bytes := range []string{"UTF-8", "GBK"} {
					body := lineMessage("<remark>" + text + "</remark>")
					gbk := strings.HasPrefix(strings.ToLower(declared), "gb") || declared == "" && strings.Contains(strings.ToLower(kind), "gb")
					if bytes == "GBK" {
						if (text == "值" || text == "值 é") && !gbk {
							continue // nothing tells
						}
						var err error
						body, err = simplifiedchinese.GB18030.NewEncoder().String(body)
						require.NoError(t, err)
					}
					if declared != "" {
						body = `<?xml version="1.0" encoding="` + declared + `"?>` + body
					}
					n++
					what := fmt.Sprintf("%s in %s, declared %q and %q", text, bytes, declared, kind)
					contentType := "text/xml"
					if kind != "" {
						contentType += ";charset=" + kind
					}
					m := newMux(t, muxConfig(new(reasons)))
					var got *qimen.DeliveryOrderConfirmRequest
					qimen.Handle(m, func(_ context.Context, _ qimen.Envelope, req *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
						got = req
						return nil, nil
					})
					msg := message("deliveryorder.confirm", body)
					msg.kind = contentType
					serve(t, m, msg.request())
					if assert.NotNil(t, got, what) {
						assert.Equal(t, text, got.OrderLines[0].Remark, what)
					}

					answer := strings.Replace(strings.ReplaceAll(body, "request>", "response>"), "<deliveryOrder>", "<flag>success</flag><deliveryOrder>", 1)
					client := newClient(t, nil, config(), qimen.WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
					})}))
					var into struct {
						Lines []struct {
							Remark string `xml:"remark"`
						} `xml:"orderLines>orderLine"`
					}
					if assert.NoError(t, client.Call(t.Context(), "taobao.qimen.deliveryorder.query", nil, &into), what) {
						assert.Equal(t, text, into.Lines[0].Remark, what)
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
}

// TestShapesRefused: what is no message, or holds a number that is none, is refused and named.
func TestShapesRefused(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"empty":             {"", "the document is empty"},
		"blank":             {" \n ", "the document is empty"},
		"other root":        {`<response><flag>success</flag></response>`, "the root element is not request"},
		"other root, JSON":  {`{"response":{"flag":"success"}}`, "the root element is not request"},
		"UTF-16":            {"\xff\xfe<\x00r\x00/\x00>\x00", "neither XML nor"},
		"two requests":      {`{"request":{"deliveryOrder":{"deliveryOrderCode":"A"}},"request":{"deliveryOrder":{"deliveryOrderCode":"B"}}}`, "two members are named request"},
		"request as words":  {`{"request":"DO1"}`, "holds no object"},
		"request as XML":    {`{"request":"<request/>"}`, "holds no object"},
		"request null":      {`{"request":null}`, "holds no object"},
		"request as a list": {`{"request":[{}],"x":1}`, "holds no object"},
		"no such day":       {`<request><deliveryOrder><orderConfirmTime>20261302</orderConfirmTime></deliveryOrder></request>`, "orderConfirmTime: want time"},
		"cut off":           {`<request><deliveryOrder><deliveryOrderCode>DO1`, "cut off"},
		"cut off, JSON":     {`{"request":{"deliveryOrder":{"deliveryOrderCode":"DO`, "cut off"},
		"no number":         {lineMessage("<actualQty>two</actualQty>"), "actualQty"},
		"no number, JSON":   {`{"orderLines":{"orderLine":[{"itemCode":"SKU-A","actualQty":"two"}]}}`, "actualQty"},
		"text for the head": {`<request><deliveryOrder>DO1</deliveryOrder></request>`, "deliveryOrder: want object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := received(t, tt.body)
			assert.Nil(t, got)
			assert.Equal(t, "41", r.Code)
			assert.Contains(t, r.Message, tt.want)
		})
	}
}

// verdict is what a call's error says of the answer.
func verdict(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "success"
	}
	e := &qimen.Error{}
	require.ErrorAs(t, err, &e)
	assert.NotEmpty(t, err.Error())
	switch {
	case e.Outcome == jushuitan.Rejected:
		return "refused"
	case e.Outcome == jushuitan.Unknown && errors.Is(err, jushuitan.ErrDecode):
		return "unknown"
	case e.Outcome == jushuitan.Unknown && errors.Is(err, jushuitan.ErrUnavailable):
		return "unavailable"
	}
	return err.Error()
}

// TestSuccessOfEveryMethod: each method accepts the forms of success that the catalog states for
// it and no others, in every format and whatever the answer is decoded into; a refusal inside
// one is a refusal.
func TestSuccessOfEveryMethod(t *testing.T) {
	methods, answers := 0, 0
	for _, m := range qimen.Methods() {
		if len(m.Success) == 0 {
			continue
		}
		methods++
		root := strings.ReplaceAll(strings.TrimPrefix(m.Name, "taobao."), ".", "_") + "_response"
		forms := map[string][2]string{ // root and members
			"flag success": {"response", `"flag":"success"`}, "code 0": {"response", `"code":"0"`}, "code 1": {"response", `"code":"1"`},
			"issuccess true": {"response", `"issuccess":"true"`}, "method root": {root, `"request_id":"r1"`},
			"flag Success": {"response", `"flag":"Success","code":"0","issuccess":"true"`}, "nothing": {"response", `"request_id":"r1"`},
			"inside": {"response", `"flag":"success","result":{"flag":"failure","code":"S1","message":"no"}`},
		}
		for form, answer := range forms {
			members := jsontext.Value("{" + answer[1] + "}")
			inXML, err := new(xmlwire.Codec).Marshal(answer[0], &members)
			require.NoError(t, err)
			texts := map[string]string{"XML": string(inXML), "JSON": `{"` + answer[0] + `":{` + answer[1] + `}}`}
			if form != "method root" {
				texts["json2"] = "{" + answer[1] + "}"
			}
			for _, body := range texts {
				intos := []any{nil}
				if out := m.NewResponse(); out != nil {
					intos = append(intos, out)
				}
				for _, into := range intos {
					answers++
					cfg := config()
					cfg.Legacy = qimen.LegacyCredentials{PartnerID: "p", PartnerKey: "k", Token: "t"}
					c := newClient(t, text(body), cfg, qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
					got := verdict(t, c.Call(t.Context(), m.Name, nil, into))
					switch {
					case slices.Contains(m.Success, form):
						assert.Equal(t, "success", got, "%s: %s", m.Name, body)
					case form == "inside", form == "code 1":
						assert.Equal(t, "refused", got, "%s: %s", m.Name, body)
					default:
						assert.Equal(t, "unknown", got, "%s: %s", m.Name, body)
					}
				}
			}
		}
	}
	t.Logf("%d methods, %d answers", methods, answers)
	assert.Greater(t, methods, 100)
}

// TestVerdicts: an answer counts as success only if it says so as the method's documentation
// does; a refusal counts wherever it stands.
func TestVerdicts(t *testing.T) {
	const standard, pos, one, scene, top = "taobao.qimen.orderprocess.report", "qimen.taobao.pos.deliveryorder.consign",
		"qimen.taobao.pos.order.return.add", "jushuitan.order.list.query", "taobao.omniorder.dtd.consign"
	const dealer, adjust, update = "taobao.omni.dealer.oders.get", "taobao.jst.astrolabe.storeinventory.itemadjust", "taobao.qimen.orderstatus.update"
	ok, refused, unknown, nothing := "success", "refused", "unknown", "unavailable"
	for name, tt := range map[string]struct{ method, body, want string }{
		"standard":                             {standard, `<response><flag>success</flag><code>0</code></response>`, ok},
		"standard, whatever the code":          {standard, `<response><flag>success</flag><code>7</code></response>`, ok},
		"standard, indented":                   {standard, "<response>\n <flag> success </flag>\n</response>", ok},
		"standard, any root":                   {standard, `<qimen_response><flag>success</flag></qimen_response>`, ok},
		"standard, JSON":                       {standard, `{"response":{"flag":"success"}}`, ok},
		"standard, json2":                      {standard, `{"flag":"success","code":"0"}`, ok},
		"capital":                              {standard, `<response><flag>Success</flag><code>0</code></response>`, unknown},
		"upper case":                           {standard, `{"response":{"flag":"SUCCESS","code":"0"}}`, unknown},
		"another word":                         {standard, `<response><flag>ok</flag><code>0</code></response>`, unknown},
		"true":                                 {standard, `<response><flag>true</flag></response>`, unknown},
		"no flag":                              {standard, `<response><code>0</code><message>ok</message></response>`, unknown},
		"no flag, code success":                {standard, `<response><code>success</code></response>`, unknown},
		"no flag, another code":                {standard, `<response><code>S1</code><message>no</message></response>`, refused},
		"flag failure, code 0":                 {standard, `<response><flag>failure</flag><code>0</code><message>no</message></response>`, refused},
		"flag fail":                            {standard, `<response><flag>fail</flag></response>`, refused},
		"empty root":                           {standard, `<response/>`, unknown},
		"unknown root":                         {standard, `<result><id>1</id></result>`, unknown},
		"empty object":                         {standard, `{}`, unknown},
		"empty response":                       {standard, `{"response":{}}`, unknown},
		"null":                                 {standard, `null`, nothing},
		"list":                                 {standard, `[]`, nothing},
		"page":                                 {standard, `<html><body>login</body></html>`, nothing},
		"page with declaration":                {standard, `<?xml version="1.0"?><!-- x --><!DOCTYPE html><html/>`, nothing},
		"text":                                 {standard, `success`, nothing},
		"deeper":                               {standard, `{"x_response":{"response":{"flag":"failure","code":"S1","message":"no"}}}`, refused},
		"deeper, XML":                          {standard, `<x_response><response><flag>failure</flag><code>S1</code></response></x_response>`, refused},
		"deeper, success":                      {standard, `{"x_response":{"response":{"flag":"success"}}}`, ok},
		"JSON in a text":                       {standard, `{"response":"{\"flag\":\"failure\",\"code\":\"S1\"}"}`, refused},
		"JSON in a text, success":              {standard, `{"response":"{\"flag\":\"success\"}"}`, ok},
		"the whole in a text":                  {standard, `"{\"response\":{\"flag\":\"failure\"}}"`, refused},
		"JSON in XML":                          {standard, `<response>{"flag":"failure","code":"S1"}</response>`, refused},
		"inside a success":                     {standard, `{"response":{"flag":"success","data":{"flag":"failure","message":"no"}}}`, refused},
		"inside a success, XML":                {standard, `<response><flag>success</flag><response><flag>failure</flag></response></response>`, refused},
		"inside a success, text":               {standard, `{"response":{"flag":"success","result":"{\"success\":false,\"msg\":\"no\"}"}}`, refused},
		"inside a success, code":               {standard, `{"response":{"flag":"success","data":{"code":100,"msg":"no"}}}`, refused},
		"inside a success, another code":       {standard, `{"response":{"flag":"success","data":{"code":200,"message":"OK"}}}`, ok},
		"beside a success, another code":       {standard, `{"response":{"flag":"success"},"result":{"code":"10000","msg":"操作成功！"}}`, ok},
		"another code alone":                   {standard, `{"response":{"code":200,"message":"OK"}}`, refused},
		"success false":                        {standard, `{"success":false}`, refused},
		"success false beside a flag":          {standard, `{"response":{"flag":"success","success":false}}`, refused},
		"success true alone":                   {standard, `{"success":true}`, unknown},
		"status error":                         {standard, `{"status":"error"}`, refused},
		"status error, XML":                    {standard, `<response><status>ERROR</status></response>`, refused},
		"Flag in another spelling":             {standard, `{"response":{"Flag":"failure"}}`, refused},
		"POS":                                  {pos, `{"response":{"flag":"success","code":"0"}}`, ok},
		"POS without flag":                     {pos, `{"response":{"code":"0"}}`, unknown},
		"POS, store's code":                    {pos, `{"response":{"qimen_code":"STORE_CLOSED"}}`, refused},
		"POS, code 1 documented":               {one, `{"response":{"code":"1","message":"ok"}}`, ok},
		"POS, code 1 not documented":           {pos, `{"response":{"code":"1","message":"ok"}}`, refused},
		"POS, code 0 where 1 is success":       {one, `{"response":{"code":"0"}}`, unknown},
		"scene, flag":                          {scene, `{"response":{"flag":"success","orders":[]}}`, ok},
		"scene, code 0":                        {scene, `{"response":{"code":0,"orders":[]}}`, ok},
		"scene, issuccess":                     {scene, `{"response":{"issuccess":true,"orders":[]}}`, ok},
		"scene, issuccess false":               {scene, `{"response":{"code":0,"issuccess":false}}`, refused},
		"scene, no verdict":                    {scene, `{"response":{"has_next":false,"orders":[]}}`, unknown},
		"scene, refusal in a success":          {scene, `{"response":{"flag":"success","data":{"code":100,"msg":"no","issuccess":false}}}`, refused},
		"platform":                             {top, `{"omniorder_dtd_consign_response":{"result_code":"x"}}`, ok},
		"platform, another root":               {top, `{"whatever":{"result_code":"x"}}`, unknown},
		"platform, error":                      {top, `{"error_response":{"code":15,"msg":"x","sub_code":"isv.x"}}`, refused},
		"platform, success false inside":       {top, `{"omniorder_dtd_consign_response":{"result":{"success":false}}}`, refused},
		"in CDATA":                             {standard, `<response><flag><![CDATA[success]]></flag></response>`, ok},
		"around a comment":                     {standard, `<response><flag>suc<!-- x -->cess</flag></response>`, ok},
		"as an object":                         {standard, `{"response":{"flag":{"value":"success"}}}`, unknown},
		"as a list":                            {standard, `{"response":{"flag":["success"],"code":"0"}}`, unknown},
		"as a number":                          {standard, `{"response":{"flag":1}}`, unknown},
		"as a word of JSON":                    {standard, `{"response":{"flag":true}}`, unknown},
		"no, as a word of JSON":                {standard, `{"response":{"flag":false}}`, refused},
		"twice, yes and no":                    {standard, `{"response":{"flag":"success","flag":"failure"}}`, unknown},
		"twice, no and yes":                    {standard, `{"response":{"flag":"failure","flag":"success"}}`, unknown},
		"twice, no and yes, XML":               {standard, `<response><flag>failure</flag><flag>success</flag></response>`, unknown},
		"twice, yes and no, XML":               {standard, `<response><flag>success</flag><flag>failure</flag></response>`, unknown},
		"twice beside a code":                  {scene, `{"response":{"flag":"failure","flag":"success","code":0,"orders":[]}}`, unknown},
		"two answers":                          {standard, `{"response":{"flag":"failure"},"response":{"flag":"success"}}`, unknown},
		"two documents":                        {standard, `{"response":{"flag":"success"}}{"response":{"flag":"failure"}}`, unknown},
		"a page behind it":                     {standard, `<response><flag>success</flag></response><html/>`, unknown},
		"beside a refusal":                     {standard, `{"response":{"flag":"success"},"result":{"flag":"failure","message":"no"}}`, refused},
		"beside an error":                      {standard, `{"response":{"flag":"success"},"error_response":{"code":41,"msg":"no"}}`, refused},
		"beside an error's text":               {standard, `{"flag":"success","error_response":"no"}`, refused},
		"beside an error in broken XML":        {standard, `{"flag":"success","error_response":"<b>no"}`, refused},
		"beside no error":                      {standard, `{"flag":"success","error_response":null}`, ok},
		"below a flag":                         {standard, `{"flag":"success","response":{"flag":"failure"}}`, refused},
		"inside, with a capital":               {standard, `{"response":{"flag":"success","Data":{"Success":false}}}`, refused},
		"inside, with a capital, XML":          {standard, `<response><flag>success</flag><Result><flag>failure</flag></Result></response>`, refused},
		"XML in a text":                        {standard, `{"response":"<?xml version=\"1.0\"?><response><flag>failure</flag></response>"}`, refused},
		"XML in XML":                           {standard, `<string>&lt;response&gt;&lt;flag&gt;success&lt;/flag&gt;&lt;/response&gt;</string>`, ok},
		"JSON in an XML text":                  {standard, `<string>{"response":{"flag":"failure"}}</string>`, refused},
		"of another method":                    {standard, `{"deliveryorder_confirm_response":{"flag":"success"}}`, unknown},
		"of another method, XML":               {standard, `<qimen_deliveryorder_confirm_response><flag>success</flag></qimen_deliveryorder_confirm_response>`, unknown},
		"of another method, deeper":            {standard, `{"response":{"deliveryorder_confirm_response":{"flag":"success"}}}`, unknown},
		"of another POS method":                {pos, `{"pos_deliveryorder_get_response":{"flag":"success","code":"0"}}`, unknown},
		"platform, another method":             {top, `{"omniorder_dtd_query_response":{"result_code":"x"}}`, unknown},
		"platform, in full":                    {top, `<taobao_omniorder_dtd_consign_response><a>1</a></taobao_omniorder_dtd_consign_response>`, ok},
		"platform, declared data":              {dealer, `<omni_dealer_oders_get_response><data><success>false</success></data></omni_dealer_oders_get_response>`, refused},
		"platform, declared code":              {adjust, `<jst_astrolabe_storeinventory_itemadjust_response><qimen_code>CLOSED</qimen_code></jst_astrolabe_storeinventory_itemadjust_response>`, refused},
		"platform, declared is_success":        {update, `<qimen_orderstatus_update_response><is_success>false</is_success></qimen_orderstatus_update_response>`, refused},
		"scene, yes and a code":                {scene, `{"response":{"issuccess":true,"code":100,"msg":"no"}}`, refused},
		"scene, code null":                     {scene, `{"response":{"code":null,"orders":[]}}`, unknown},
		"scene, many zeros":                    {scene, `{"response":{"code":"000","orders":[]}}`, ok},
		"scene, issuccess 0":                   {scene, `{"response":{"code":0,"issuccess":0}}`, refused},
		"scene, issuccess 1":                   {scene, `{"response":{"issuccess":1,"orders":[]}}`, ok},
		"scene, issuccess beside another flag": {scene, `{"response":{"flag":"x","issuccess":true,"code":0}}`, unknown},
		"is_success 0":                         {standard, `{"response":{"flag":"success","is_success":"0"}}`, refused},
		"success 0":                            {standard, `{"response":{"flag":"success","success":0}}`, ok},
		"status failed":                        {standard, `{"response":{"flag":"success","status":"Failed"}}`, refused},
		"status of a document":                 {standard, `{"response":{"flag":"success","status":"0"}}`, ok},
		"sub_code alone":                       {standard, `{"response":{"sub_code":"isv.x"}}`, refused},
		"subCode beside code 0":                {scene, `{"response":{"code":0,"subCode":"isv.x"}}`, refused},
		"sub_code beside a success":            {standard, `{"response":{"flag":"success","sub_code":"isv.x"}}`, ok},
		"the answer beside others":             {standard, `{"request_id":"r","response":{"flag":"success"}}`, ok},
		"any root beside others":               {standard, `{"request_id":"r","whatever":{"flag":"success"}}`, unknown},
		"inside, at the fifth level":           {standard, `{"response":{"flag":"success","data":{"data":{"data":{"data":{"data":{"flag":"failure"}}}}}}}`, refused},
		"inside, code success":                 {standard, `{"response":{"flag":"success","body":{"code":"SUCCESS","msg":"x"}}}`, ok},
		"inside, code alone":                   {standard, `{"response":{"flag":"success","body":{"code":"7"}}}`, ok},
		"inside, sub_code":                     {standard, `{"response":{"flag":"success","ret":{"sub_code":"x"}}}`, refused},
		"inside, a name that holds none":       {standard, `{"response":{"flag":"success","extendProps":{"flag":"failure"}}}`, ok},
		"not in the table, standard name":      {"taobao.qimen.made.up", `<response><code>0</code></response>`, unknown},
		"not in the table, form":               {"made.up", `{"response":{"x":1}}`, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := qimen.LookupMethod(tt.method)
			intos := []any{nil, new(json.RawMessage)}
			if m != nil && m.NewResponse() != nil {
				intos = append(intos, m.NewResponse())
			}
			for _, into := range intos { // whatever it is decoded into
				err := newClient(t, text(tt.body), config(), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1})).Call(t.Context(), tt.method, nil, into)
				got := verdict(t, err)
				assert.Equal(t, tt.want, got, "into %T: %v", into, err)
				if err != nil && m != nil && m.Effect != jushuitan.Read && got != refused {
					assert.ErrorIs(t, err, jushuitan.ErrOutcomeUnknown)
				}
			}
		})
	}
	err := newClient(t, text(`<response><flag>Success</flag></response>`), config()).Call(t.Context(), standard, nil, nil)
	assert.ErrorContains(t, err, `has the flag "Success", which is not the text success`)
	for body, says := range map[string]string{
		`{"success":false}`: "the answer's member success says that the call failed",
		`{"response":{"flag":"success","status":"error"}}`: "the answer's member status says that the call failed",
		`{"success":false,"code":"S1"}`:                    "code S1",
		`{"success":false,"msg":"缺货"}`:                     `"缺货"`,
		`{"response":{"flag":"failure"}}`:                  "[outcome rejected",
	} {
		err = newClient(t, text(body), config()).Call(t.Context(), standard, nil, nil)
		require.ErrorContains(t, err, says)
		assert.Equal(t, strings.Contains(says, "member"), strings.Contains(err.Error(), "the answer's member"), "%s: %v", body, err)
	}
	err = newClient(t, text(`{"response":{"flag":"failure","code":"15","message":"Remote service error","sub_code":"isv.x","sub_message":"商家未授权"}}`), config()).
		Call(t.Context(), standard, nil, nil)
	assert.ErrorContains(t, err, "商家未授权")

	// No iterator takes an answer without a verdict for an empty page.
	for _, body := range []string{`{}`, `{"response":{}}`, `{"response":{"orders":[],"has_next":false}}`, `{"success":false}`, `<html/>`, ``} {
		c := newClient(t, text(body), config(), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
		n, failed := 0, false
		for _, err := range c.Scene.AllOrders(t.Context(), &qimen.OrderListRequest{}) {
			n++
			failed = err != nil
		}
		assert.True(t, n == 1 && failed, "%q: %d rows", body, n)
	}
}
