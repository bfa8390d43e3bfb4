package jushuitantest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
)

// The sources that several dialects share.
const (
	fromManual   = "manual of a merchant, public file 67153159327"
	fromCarp     = "github flowerfine/carp, a typed client bound to a merchant's answers"
	fromIEU      = "github ieu/jst-java, fixtures of its tests"
	fromProgram  = "a merchant's program, public file 54519225402"
	fromOrders   = "official pages of the order interfaces, general rules"
	fromWebapi   = "official pages of the webapi interfaces"
	fromPractice = "reports of integrators"
	fromWeigh    = "public files 21241764043, 21171998679 (orders/weight/send/upload)"
	fromHTTP     = "RFC 9112, section 6"
)

// dialectLate is how late rows, stock and pushes are in the dialects of this package.
const dialectLate = 300 * time.Millisecond

// dialectSkew is how wrong the server's clock is in the dialects of this package: less than
// the 10 minutes that it accepts.
const dialectSkew = 6 * time.Minute

// Dialects returns the dialects that a public source shows. A client must do the right
// thing under each of them: return every row once, and report what was refused and what is
// unknown.
//
//nolint:funlen // a table
func Dialects() []Dialect {
	return []Dialect{
		// Flags.
		{Name: "flag-text", Source: fromIEU, EN: "success flags are texts", ZH: "成功标志为字符串", Change: flags(func(m map[string]any, name string, ok bool) {
			m[name] = strconv.FormatBool(ok)
			if ok {
				m[name] = "True"
			}
		})},
		{Name: "flag-is_success", Source: fromOrders, EN: "success flags are named is_success", ZH: "成功标志名为 is_success", Change: renameFlag("is_success")},
		{Name: "flag-issuccess", Source: fromOrders, EN: "success flags are named issuccess", ZH: "成功标志名为 issuccess", Change: renameFlag("issuccess")},
		{Name: "flag-success", Source: fromOrders, EN: "success flags are named success", ZH: "成功标志名为 success", Change: renameFlag("success")},
		{Name: "flag-root-absent", Source: fromOrders, EN: "the answer as a whole has no success flag", ZH: "外层没有成功标志", Change: rootFlag(func(root map[string]any, name string) { delete(root, name) })},
		{Name: "flag-root-null", Source: fromCarp, EN: "the success flag of the answer is null", ZH: "外层成功标志为 null", Change: rootFlag(func(root map[string]any, name string) { root[name] = nil })},
		{Name: "flag-root-empty", Source: fromIEU, EN: "the success flag of the answer is an empty text", ZH: "外层成功标志为空串", Change: rootFlag(func(root map[string]any, name string) { root[name] = "" })},
		{Name: "message", Source: fromOrders, EN: "msg is named message", ZH: "msg 名为 message", Change: message},
		{Name: "msg-null", Source: fromCarp, EN: "msg is null in answers to queries", ZH: "查询成功时 msg 为 null", Change: func(a *Answer) {
			if a.Accepted() && !a.Write {
				a.Root["msg"] = nil
			}
		}},
		{Name: "row-code", Source: fromWeigh, EN: "rows have a code instead of a flag", ZH: "行内用 code 代替成功标志", Change: rowCode},

		// Code, request id and encoding.
		{Name: "code-text", Source: "github damon-dai/jst-sdk, zmoyi/JsTan", EN: "code is a text", ZH: "code 为字符串", Change: func(a *Answer) { a.Root["code"] = fmt.Sprint(a.Root["code"]) }},
		{Name: "request-id-camel", Source: fromWebapi, EN: "the request id is named requestId", ZH: "请求号名为 requestId", Change: requestID(func(a *Answer, id any) { a.Root["requestId"] = id })},
		{Name: "request-id-in-data", Source: "official page of inventory/query", EN: "the request id is in data", ZH: "请求号在 data 内", Change: requestID(func(a *Answer, id any) {
			if data, ok := a.Root["data"].(map[string]any); ok {
				data["requestId"] = id
			}
		})},
		{Name: "request-id-null", Source: fromWebapi, EN: "the request id is null", ZH: "请求号为 null", Change: requestID(func(a *Answer, _ any) { a.Root["request_id"] = nil })},
		{Name: "bom", Source: fromPractice, EN: "a byte order mark precedes the JSON", ZH: "JSON 前有 BOM", manner: manner{encode: func(b []byte) []byte { return append([]byte("\ufeff"), b...) }}},
		{Name: "gbk", Source: "github ljh010704/JuShuiTan", EN: "answers are in GBK", ZH: "响应为 GBK 编码", manner: manner{contentType: "application/json; charset=GBK", encode: toGBK}},
		{Name: "chunked", Source: fromHTTP, EN: "answers come in chunks", ZH: "分块传输", manner: manner{transfer: fakeserver.Chunked}},
		{Name: "until-close", Source: fromHTTP, EN: "answers have no length and end with the connection", ZH: "响应无长度，以断开连接结束", manner: manner{transfer: fakeserver.UntilClose}},
		{Name: "gzip", Source: fromHTTP, EN: "answers are compressed", ZH: "响应经 gzip 压缩", manner: manner{transfer: fakeserver.Gzip}},

		// Shape.
		{Name: "rows-at-root", Source: "public files 54892819069, 43484401746", EN: "rows and counts are at the root", ZH: "数据行与分页信息在根上", Change: onRead(toRoot)},
		{Name: "rows-are-data", Source: fromProgram, EN: "data is the list of rows, the counts are at the root", ZH: "data 即数据行，分页信息在根上", Change: pageOnly(onRead(toData))},
		{Name: "payload-deeper", Source: fromProgram, EN: "the payload is nested once more, in data.data", ZH: "数据多嵌套一层 data.data", Change: deeper},
		{Name: "payload-flatter", Source: fromIEU, EN: "a payload of data.data is in data", ZH: "data.data 少一层", Change: flatter},
		{Name: "no-rows-null", Source: fromCarp, EN: "an empty list of rows is null", ZH: "无数据时列表为 null", Change: noRows(func(p map[string]any, rows string) { p[rows] = nil })},
		{Name: "no-rows-absent", Source: fromCarp, EN: "an empty list of rows is left out", ZH: "无数据时缺少列表", Change: noRows(func(p map[string]any, rows string) { delete(p, rows) })},
		{Name: "row-object", Source: fromIEU, EN: "an upload of one row is answered with an object instead of a list", ZH: "上传单行时返回对象而非数组", Change: oneRowObject},
		{Name: "pascal-case", Source: fromIEU, EN: "members of some operations are in UpperCamelCase", ZH: "部分接口字段为大驼峰", Change: func(a *Answer) {
			if slices.Contains(pascalPaths, a.Path) {
				pascalPayload(a)
			}
		}},
		{Name: "text-numbers", Source: fromCarp, EN: "numbers and flags are texts", ZH: "数字与布尔值为字符串", Change: textNumbers},

		// Pages.
		{Name: "no-has_next", Source: "public file 70441558120, which reads page_count", EN: "pages do not say whether another follows", ZH: "没有 has_next", Change: pageMembers(func(p map[string]any) { delete(p, "has_next") })},
		{Name: "has_next-false", Source: fromOrders + "; a user calls has_next unreliable", EN: "has_next is always false", ZH: "has_next 恒为 false", Change: pageMembers(func(p map[string]any) { p["has_next"] = false })},
		{Name: "has_next-true", Source: fromPractice, EN: "has_next of the last page is true, and the page after it is empty", ZH: "末页 has_next 仍为 true，其后为空页", Change: pageMembers(func(p map[string]any) {
			index, pages := number(p["page_index"]), number(p["page_count"])
			p["has_next"] = index <= max(pages, 1)
			delete(p, "data_count")
			delete(p, "page_count")
		})},
		{Name: "no-counts", Source: fromOrders, EN: "pages have no counts", ZH: "没有总数与页数", Change: pageMembers(func(p map[string]any) { delete(p, "data_count"); delete(p, "page_count") })},
		{Name: "null-counts", Source: fromOrders, EN: "counts are null", ZH: "总数与页数为 null", Change: pageMembers(func(p map[string]any) { p["data_count"], p["page_count"] = nil, nil })},
		{Name: "pages-capped", Source: "two documents of sku/query disagree about 50 and 100", EN: "pages hold at most 3 rows, whatever is requested", ZH: "每页最多 3 行，不论请求多少", manner: manner{cap: 3}},
		{Name: "rows-repeat", Source: fromPractice, EN: "a row enters while pages are read, and others repeat", ZH: "翻页时有新行插入，边界行重复", manner: manner{shift: 1}},

		// Time.
		{Name: "fractions", Source: fromOrders, EN: "times have fractions of a second", ZH: "时间带毫秒", Change: fractions},
		{Name: "clock-ahead", Source: "documents of both generations: 10 or 15 minutes are accepted", EN: "the server's clock is 6 minutes ahead", ZH: "服务器时钟快 6 分钟", manner: manner{skew: dialectSkew}},
		{Name: "clock-behind", Source: "documents of both generations: 10 or 15 minutes are accepted", EN: "the server's clock is 6 minutes behind", ZH: "服务器时钟慢 6 分钟", manner: manner{skew: -dialectSkew}},

		// Refusals.
		{Name: "business-100", Source: "public files (上架仓位不能为空, 指定箱不存在)", EN: "refusals for a reason of the business have code 100", ZH: "业务拒绝的 code 为 100", manner: manner{refusal: codeToken}},
		{Name: "business-200", Source: "a test in Go (参数错误)", EN: "refusals for a reason of the business have code 200", ZH: "业务拒绝的 code 为 200", manner: manner{refusal: codeTooManyMinute}},
		{Name: "partial-130", Source: "public files 21241764043, 21348144491", EN: "an upload that refuses some rows has code 130", ZH: "部分行失败时整体 code 为 130", manner: manner{partial: true}},
		{Name: "page-502", Source: fromPractice, EN: "a gateway answers some queries with a page and status 502", ZH: "部分查询返回网关 502 页面", manner: manner{status: http.StatusBadGateway}},
		{Name: "page-200", Source: fromPractice, EN: "a gateway answers some queries with a page and status 200", ZH: "部分查询返回 200 的 HTML 页面", manner: manner{status: http.StatusOK}},
	}
}

// Guesses returns dialects that no source shows and none excludes. A client under one of
// them may end in an error, but must never lose a row or report success without evidence.
//
//nolint:funlen // a table
func Guesses() []Dialect {
	list := []Dialect{
		// Flags.
		{Name: "flag-isSuccess", EN: "success flags are named isSuccess", ZH: "成功标志名为 isSuccess", Change: renameFlag("isSuccess")},
		{Name: "flag-absent", EN: "there are no success flags at all", ZH: "没有任何成功标志", Change: flags(func(m map[string]any, name string, _ bool) { delete(m, name) })},
		{Name: "flag-null", EN: "all success flags are null", ZH: "成功标志均为 null", Change: flags(func(m map[string]any, name string, _ bool) { m[name] = nil })},
		{Name: "verdict-in-data", EN: "refusals have code 0, and their code is in data", ZH: "拒绝时外层 code 为 0，错误码在 data 内", Change: func(a *Answer) {
			if a.made && !a.Accepted() {
				a.Root["data"] = map[string]any{"code": a.Root["code"], "msg": a.Root["msg"], "issuccess": false}
				a.Root["code"], a.Root["msg"] = json.Number("0"), "执行成功"
				delete(a.Root, "issuccess")
			}
		}},

		// Code and encoding.
		{Name: "code-null-success", EN: "code is null beside success", ZH: "成功时 code 为 null", Change: codeNull(true)},
		{Name: "code-null-failure", EN: "code is null beside a refusal", ZH: "拒绝时 code 为 null", Change: codeNull(false)},
		{Name: "code-absent", EN: "there is no code", ZH: "没有 code", Change: func(a *Answer) { delete(a.Root, "code") }},
		{Name: "content-type-html", EN: "the content type of JSON is text/html", ZH: "JSON 的 Content-Type 为 text/html", manner: manner{contentType: "text/html"}},
		{Name: "content-type-binary", EN: "the content type of JSON is application/octet-stream", ZH: "JSON 的 Content-Type 为 application/octet-stream", manner: manner{contentType: "application/octet-stream"}},

		// Shape.
		{Name: "rows-renamed", EN: "rows are under the name rows", ZH: "数据行名为 rows", Change: withRows(func(p map[string]any, name string) { p["rows"] = p[name]; delete(p, name) })},
		{Name: "rows-null", EN: "rows that are counted are null", ZH: "有总数但列表为 null", Change: withRows(func(p map[string]any, name string) { p[name] = nil })},
		{Name: "rows-absent", EN: "rows that are counted are left out", ZH: "有总数但缺少列表", Change: withRows(func(p map[string]any, name string) { delete(p, name) })},
		{Name: "row-object-always", EN: "one row is an object instead of a list, in queries too", ZH: "单行数据均返回对象而非数组", Change: rowObject},
		{Name: "pascal-case-always", EN: "all members of data are in UpperCamelCase", ZH: "data 内字段均为大驼峰", Change: pascalPayload},
		{Name: "data-null", EN: "data is null where there are no rows", ZH: "无数据行时 data 为 null", Change: withoutRows(func(a *Answer) { a.Root["data"] = nil })},
		{Name: "data-text", EN: "data is a text where there are no rows", ZH: "无数据行时 data 为字符串", Change: withoutRows(func(a *Answer) { a.Root["data"] = "执行成功" })},
		{Name: "data-array", EN: "data is an empty array where there are no rows", ZH: "无数据行时 data 为空数组", Change: withoutRows(func(a *Answer) { a.Root["data"] = []any{} })},

		// Pages.
		{Name: "counts-of-page", EN: "counts are those of the page", ZH: "总数为当前页行数", Change: countsOf(func(rows int64, _ int64) int64 { return rows })},
		{Name: "counts-too-high", EN: "the counts include one row more than there are", ZH: "总数多 1", Change: countsOf(func(_, total int64) int64 { return total + 1 })},
		{Name: "counts-stale", EN: "the counts are out of date and lack the last row", ZH: "总数未含最新一行", Change: countsOf(func(_, total int64) int64 { return max(total-1, 0) })},
		{Name: "unsorted", EN: "rows have no recognisable order", ZH: "数据行无序", manner: manner{unsorted: true}},
		{Name: "rows-move", EN: "a row changes while pages are read, and others move to earlier pages", ZH: "翻页时有行变更，其余行前移", manner: manner{shift: -1}},

		// Time.
		{Name: "late-rows", EN: "half of the rows are visible 0.3 s after its version was assigned", ZH: "部分行在版本生成 0.3 秒后才可见", manner: manner{late: dialectLate}},
		{Name: "late-effects", EN: "stock and pushes follow 0.3 s after the answer", ZH: "库存与推送比响应晚 0.3 秒", manner: manner{after: dialectLate}},

		// Refusals.
		{Name: "business-150", EN: "refusals for a reason of the business have code 150", ZH: "业务拒绝的 code 为 150", manner: manner{refusal: codeNoRefresh}},
		{Name: "quota-counts-refused", EN: "refused calls use up the quota", ZH: "被拒绝的调用也计入频率", manner: manner{counts: true}},
	}
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusBadGateway} {
		code := strconv.Itoa(status)
		list = append(list, Dialect{
			Name: "firewall-" + code, EN: "a firewall answers some calls, writes too, with a page and status " + code,
			ZH: "部分调用（含写入）被防火墙拦截，返回 " + code + " 页面", manner: manner{status: status, writes: true},
		})
	}
	for i := range list {
		list[i].Source = Guess
	}
	return list
}

// DialectsNamed returns dialects by their names, of both lists.
func DialectsNamed(names ...string) ([]Dialect, error) {
	all := append(Dialects(), Guesses()...)
	var out []Dialect
	for _, name := range names {
		i := slices.IndexFunc(all, func(d Dialect) bool { return d.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("jushuitantest: no dialect is named %q", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// isFlag reports whether a member is a success flag, and which.
func isFlag(name string, v any) (ok, flag bool) {
	switch name {
	case "issuccess", "is_success", "isSuccess", "success":
		switch v {
		case true, "true":
			return true, true
		case false, "false":
			return false, true
		}
	}
	return false, false
}

// objects visits the root, the payload and its rows.
func (a *Answer) objects(visit func(m map[string]any)) {
	visit(a.Root)
	if p := a.Payload(); p != nil && a.op.Payload != "" {
		visit(p)
	} else if data, ok := a.Root["data"].(map[string]any); ok {
		visit(data)
	}
	a.eachRow(visit)
}

func (a *Answer) eachRow(visit func(row map[string]any)) {
	rows := a.Rows()
	if rows == nil {
		rows, _ = a.Root["data"].([]any)
	}
	for _, row := range rows {
		if m, ok := row.(map[string]any); ok {
			visit(m)
		}
	}
}

func flags(change func(m map[string]any, name string, ok bool)) func(*Answer) {
	return func(a *Answer) {
		a.objects(func(m map[string]any) {
			for _, name := range []string{"issuccess", "is_success", "isSuccess", "success"} {
				if ok, flag := isFlag(name, m[name]); flag {
					change(m, name, ok)
				}
			}
		})
	}
}

func renameFlag(to string) func(*Answer) {
	return flags(func(m map[string]any, name string, ok bool) {
		delete(m, name)
		m[to] = ok
	})
}

func rootFlag(change func(root map[string]any, name string)) func(*Answer) {
	return func(a *Answer) {
		for _, name := range []string{"issuccess", "is_success", "isSuccess", "success"} {
			if _, flag := isFlag(name, a.Root[name]); flag && a.hasOtherVerdict() {
				change(a.Root, name)
			}
		}
	}
}

// hasOtherVerdict reports whether the answer states its outcome in another way than by its
// success flag.
func (a *Answer) hasOtherVerdict() bool {
	e := a.op.Evidence
	return !a.Write || e == nil || e.Of != "root" || len(e.IDs)+len(e.Values)+len(e.Messages) > 0
}

func message(a *Answer) {
	a.objects(func(m map[string]any) {
		if v, ok := m["msg"]; ok {
			delete(m, "msg")
			m["message"] = v
		}
	})
}

func rowCode(a *Answer) {
	a.eachRow(func(row map[string]any) {
		for name, v := range row {
			if ok, flag := isFlag(name, v); flag {
				delete(row, name)
				row["code"] = json.Number("0")
				if !ok {
					row["code"] = json.Number("130")
				}
			}
		}
	})
}

func requestID(place func(a *Answer, id any)) func(*Answer) {
	return func(a *Answer) {
		for _, name := range []string{"request_id", "requestId"} {
			if id, ok := a.Root[name]; ok {
				delete(a.Root, name)
				place(a, id)
			}
		}
	}
}

func toGBK(body []byte) []byte {
	out, err := simplifiedchinese.GBK.NewEncoder().Bytes(body)
	if err != nil { // characters that GBK lacks
		return body
	}
	return out
}

func onRead(change func(a *Answer, payload map[string]any)) func(*Answer) {
	return func(a *Answer) {
		if p := a.Payload(); !a.Write && a.Accepted() && p != nil && a.op.Payload == "data" && a.Rows() != nil {
			change(a, p)
		}
	}
}

// pageOnly changes answers whose payload has a page number.
func pageOnly(change func(*Answer)) func(*Answer) {
	return func(a *Answer) {
		if a.Payload()["page_index"] != nil {
			change(a)
		}
	}
}

func toRoot(a *Answer, payload map[string]any) {
	delete(a.Root, "data")
	for name, v := range payload {
		a.Root[name] = v
	}
}

func toData(a *Answer, payload map[string]any) {
	toRoot(a, payload)
	delete(a.Root, a.op.Rows)
	a.Root["data"] = payload[a.op.Rows]
}

func deeper(a *Answer) {
	if p := a.Payload(); a.Accepted() && p != nil && a.op.Payload == "data" {
		a.Root["data"] = map[string]any{"data": p}
	}
}

func flatter(a *Answer) {
	if p := a.Payload(); a.Accepted() && p != nil && a.op.Payload == "data.data" {
		a.Root["data"] = p
	}
}

// holder returns the payload of an accepted answer that has a list of rows.
func (a *Answer) holder() map[string]any {
	if a.op == nil || !a.Accepted() || a.Rows() == nil {
		return nil
	}
	return a.Payload()
}

func noRows(change func(payload map[string]any, rows string)) func(*Answer) {
	return func(a *Answer) {
		if p := a.holder(); p != nil && len(a.Rows()) == 0 {
			change(p, a.op.Rows)
		}
	}
}

// withRows changes a page that counts its rows.
func withRows(change func(payload map[string]any, rows string)) func(*Answer) {
	return func(a *Answer) {
		if p := a.holder(); p != nil && len(a.Rows()) > 0 && p["page_index"] != nil && number(p["data_count"]) > 0 {
			change(p, a.op.Rows)
		}
	}
}

func withoutRows(change func(*Answer)) func(*Answer) {
	return func(a *Answer) {
		list := a.op != nil && a.op.Rows != "" && a.Rows() != nil
		if a.made && a.Accepted() && len(a.Rows()) == 0 && (list || a.Write) {
			change(a)
		}
	}
}

func rowObject(a *Answer) {
	if p := a.holder(); p != nil && len(a.Rows()) == 1 {
		p[a.op.Rows] = a.Rows()[0]
	}
}

func oneRowObject(a *Answer) {
	if a.op != nil && a.op.Batch != nil {
		rowObject(a)
	}
}

// pascalPaths are the operations whose members a source shows in UpperCamelCase.
var pascalPaths = []string{
	"/open/jushuitan/quicksale/arrival", "/open/jushuitan/shengsuan/payable/query", "/open/jushuitan/shengsuan/payment/query",
	"/open/jushuitan/skusn/load",
}

func pascalPayload(a *Answer) {
	if data, ok := a.Root["data"]; ok {
		a.Root["data"] = pascal(data)
	}
}

func pascal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			var camel strings.Builder
			for part := range strings.SplitSeq(name, "_") {
				if part != "" {
					camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
				}
			}
			out[camel.String()] = pascal(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = pascal(v[i])
		}
		return out
	}
	return v
}

// textNumbers changes the scalars of the payload. An answer whose data is a flag is left as
// it is, since there the value itself is the verdict.
func textNumbers(a *Answer) {
	for name, v := range a.Root {
		switch name {
		case "code", "msg", "request_id", "requestId":
		default:
			a.Root[name] = asText(v)
		}
	}
}

func asText(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		for name, e := range v {
			v[name] = asText(e)
		}
	case []any:
		for i := range v {
			v[i] = asText(v[i])
		}
	}
	return v
}

// pageMembers changes the members that describe a page.
func pageMembers(change func(payload map[string]any)) func(*Answer) {
	return func(a *Answer) {
		if p := a.holder(); p != nil && !a.Write && p["page_index"] != nil {
			change(p)
		}
	}
}

func number(v any) int64 {
	n, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return n
}

func countsOf(total func(rows, total int64) int64) func(*Answer) {
	return func(a *Answer) {
		pageMembers(func(p map[string]any) {
			if p["data_count"] == nil {
				return
			}
			n, size := total(int64(len(a.Rows())), number(p["data_count"])), max(number(p["page_size"]), 1)
			p["data_count"], p["page_count"] = json.Number(text(n)), json.Number(text((n+size-1)/size))
			delete(p, "has_next")
		})(a)
	}
}

func codeNull(accepted bool) func(*Answer) {
	return func(a *Answer) {
		if a.Accepted() == accepted {
			a.Root["code"] = nil
		}
	}
}

var wholeSeconds = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// fractions adds the fraction that the server dropped when it compared the time with whole
// seconds.
func fractions(a *Answer) { a.Root["data"] = fraction(a.Root["data"]) }

func fraction(v any) any {
	switch v := v.(type) {
	case string:
		if wholeSeconds.MatchString(v) {
			return v + ".497"
		}
	case map[string]any:
		for name, e := range v {
			v[name] = fraction(e)
		}
	case []any:
		for i := range v {
			v[i] = fraction(v[i])
		}
	}
	return v
}
