package jushuitan_test

import (
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestErrorTexts: the whole text of an error, which is what an engineer has at night.
func TestErrorTexts(t *testing.T) {
	const (
		later   = "; try again later / 服务暂不可用，请稍后重试 [outcome unknown, attempts 1]"
		between = `: the answer has no verdict of the API (content type "text/html", host "openapi.jushuitan.com"): something between here and it answered`
	)
	answer := func(status int, body string, header ...string) httpmock.Responder {
		r := httpmock.NewStringResponse(status, body)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return httpmock.ResponderFromResponse(r)
	}
	for name, c := range map[string]struct {
		respond httpmock.Responder
		want    string
	}{
		"no connection": {httpmock.NewErrorResponder(errors.New("connection reset")), "service unavailable: connection reset" + later},
		"redirect": {
			answer(302, "", "Location", "https://login.example.com/x?token=hidden"),
			`service unavailable, HTTP 302: the server redirects to host "login.example.com", which is not followed with a signed request: check the address` + later,
		},
		"redirect to nowhere":   {answer(302, ""), "service unavailable, HTTP 302: the server redirects, which is not followed with a signed request: check the address" + later},
		"a proxy's page":        {answer(404, "<html>", "Content-Type", "text/html"), "service unavailable, HTTP 404" + between + later},
		"a proxy's error":       {answer(502, "<html>", "Content-Type", "text/html"), "service unavailable, HTTP 502" + between + later},
		"code 0 with an error":  {answer(500, `{"code":0,"msg":"x"}`, "Content-Type", "text/html"), "service unavailable, HTTP 500" + between + later},
		"cut off":               {answer(200, `{"code":0`), "service unavailable: JSON cut off at byte 9" + later},
		"refused":               {answer(200, `{"code":100,"msg":"店铺不存在","requestId":"r-2"}`), `request rejected, code 100, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1, request r-2]`},
		"refused with code 1":   {answer(200, `{"code":1,"msg":"店铺不存在"}`), `request rejected, code 1, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1]`},
		"refused, another HTTP": {answer(400, `{"code":100,"msg":"店铺不存在"}`), `request rejected, code 100, HTTP 400, "店铺不存在"; fix the request, retrying will not help / 请修正请求数据，重试无效 [outcome rejected, attempts 1]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mocked(t, c.respond).Shops.Query(t.Context(), &jushuitan.ShopQuery{})
			require.EqualError(t, err, "jushuitan: Shops.Query (店铺查询): "+c.want)
		})
	}
}

// TestValidationErrorText: ten issues are listed, and the others counted.
func TestValidationErrorText(t *testing.T) {
	text := func(n int) string {
		e := &jushuitan.ValidationError{}
		for i := range n {
			e.Issues = append(e.Issues, jushuitan.Issue{Row: i - 1, Field: "so_id", Rule: "is required"})
		}
		return e.Error()
	}
	assert.Contains(t, text(2), "so_id is required; row 0: so_id is required")
	assert.Contains(t, text(10), "row 8: so_id is required")
	assert.NotContains(t, text(10), "more")
	assert.Contains(t, text(11), "row 8: so_id is required; and 1 more")
	assert.Contains(t, text(12), "; and 2 more")
	assert.NotContains(t, text(12), "row 9")
}
