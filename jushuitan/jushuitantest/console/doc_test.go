package console

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// documented is a line of the package's comment: method, path, body, answer.
var documented = regexp.MustCompile(`(?m)^//\t(GET|POST) +(\S+) +(\{.*\} )?-> (.+)$`)

// TestDocument: the package's comment lists every endpoint and no other, its bodies
// are understood, and the answers of the state and the logs have the members that it
// names.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	s := jushuitantest.NewServer(jushuitantest.WithMiddleware(Middleware(Config{})))
	defer s.Close()
	handler := s.Handler()

	var routes, lines []string
	for _, r := range (&console{srv: s, log: newRequestLog()}).routes() {
		routes = append(routes, r.method+" "+r.path)
	}
	for _, m := range documented.FindAllStringSubmatch(string(text), -1) {
		method, target, body, answer := m[1], m[2], m[3], strings.ReplaceAll(m[4], "...}", "}")
		path, _, _ := strings.Cut(target, "?")
		lines = append(lines, method+" "+path)

		req := httptest.NewRequestWithContext(t.Context(), method, Root+strings.ReplaceAll(target, "{id}", "1"), strings.NewReader(body))
		req.RemoteAddr, req.Host = "127.0.0.1:5000", "127.0.0.1:80"
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		assert.Contains(t, []int{http.StatusOK, http.StatusConflict}, w.Code, "%s %s: %s", method, target, w.Body)
		if path == "state" || path == "advance" {
			assert.Equal(t, members(t, strings.ReplaceAll(answer, "[...]", "[]")), members(t, w.Body.String()), target)
		}
	}
	assert.Equal(t, routes, lines)
	assert.Equal(t, structMembers(t, entry{Method: "m", Code: []byte("0"), Msg: "m", Biz: []byte("{}"), Answer: []byte("{}")}), listed(t, string(text), "requests"))
	assert.Equal(t, structMembers(t, pushEntry{Error: "e", Body: []byte("{}"), Answer: []byte("{}")}), listed(t, string(text), "pushes"))
	assert.Equal(t, structMembers(t, operation{}), listed(t, string(text), "operations"))
}

// members are the names in a JSON object, sorted.
func members(t *testing.T, text string) []string {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	var names []string
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func structMembers(t *testing.T, v any) []string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return members(t, string(text))
}

// listed are the members that the comment names of the rows of a list.
func listed(t *testing.T, text, path string) []string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^//\tGET +` + path + `\S* +-> \[(.*)\]$`).FindStringSubmatch(text)
	require.NotNil(t, m, path)
	return members(t, strings.ReplaceAll(m[1], "{...}", "{}"))
}

// TestTexts: the page has every text in both languages, uses all of them, and none
// that it does not have.
func TestTexts(t *testing.T) {
	read := func(name string) string {
		b, err := web.ReadFile("web/" + name)
		require.NoError(t, err)
		return string(b)
	}
	script, page := read("app.js"), read("index.html")
	text := strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(read("texts.js"), "const texts = ")), ";")
	var texts map[string]map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &texts))
	require.Len(t, texts, 2)
	zh, en := texts["zh"], texts["en"]

	han := regexp.MustCompile(`\p{Han}`)
	same := regexp.MustCompile(`^(fault\.http-5xx|other)$`) // no word in it, or the other language on purpose
	for key, v := range zh {
		assert.Contains(t, en, key, "no English")
		assert.True(t, han.MatchString(v) || same.MatchString(key), "zh %s: %s", key, v)
	}
	for key, v := range en {
		assert.Contains(t, zh, key, "no Chinese")
		assert.NotEmpty(t, v, key)
		assert.True(t, !han.MatchString(v) || same.MatchString(key), "en %s: %s", key, v)
	}

	// What is used: by its name, or as a value of the ERP in a group of texts.
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bdata-(?:t|label)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		used[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`\bt\("([^"]+)"\)|"data-t": "([^"]+)"|\b(?:button|add)\("([^"]+)"|\["(\w+)", (?:"(?:number)?"|r\.)`).FindAllStringSubmatch(script, -1) {
		used[m[1]+m[2]+m[3]+m[4]] = true
	}
	for _, m := range regexp.MustCompile(`<section id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		used[m[1]], used[m[1]+".empty"] = true, true
	}
	for _, k := range jushuitantest.FaultKinds() {
		used["fault."+k.String()] = true
	}
	for _, k := range push.Kinds() { // served with the state
		assert.NotContains(t, script+page+text, k.Method)
	}
	for _, s := range []string{
		jushuitan.OrderStatusWaitPay, jushuitan.OrderStatusWaitConfirm, jushuitan.OrderStatusWaitFConfirm, jushuitan.OrderStatusQuestion, jushuitan.OrderStatusDelivering,
		jushuitan.OrderStatusWaitOuterSent, jushuitan.OrderStatusSent, jushuitan.OrderStatusMerged, jushuitan.OrderStatusSplit, jushuitan.OrderStatusCancelled,
	} {
		used["order."+s] = true
	}
	for _, s := range []string{
		jushuitan.OutboundStatusWaitConfirm, jushuitan.OutboundStatusConfirmed, jushuitan.OutboundStatusDelete, jushuitan.OutboundStatusCancelled, jushuitan.OutboundStatusOuterConfirming,
	} {
		used["outbound."+s] = true
	}
	for _, s := range []string{jushuitan.GoodStatusBuyerNotReceived, jushuitan.GoodStatusBuyerReceived, jushuitan.GoodStatusBuyerReturnedGoods, jushuitan.GoodStatusSellerReceived} {
		used["good."+s] = true
	}
	delete(used, "") // what the pattern found of another kind
	for key := range used {
		assert.Contains(t, zh, key, "used, but there is no text")
	}
	values := regexp.MustCompile(`^(aftersale|document|type|slot)\.`) // their values are no constants of the library
	for key := range zh {
		about := strings.TrimSuffix(key, ".help")
		assert.True(t, used[about] || values.MatchString(key), "%s is not used", key)
		if about != key {
			assert.Contains(t, zh, about, "help for a button that is not there")
		}
	}
	for _, m := range regexp.MustCompile(`word\("(\w+)"`).FindAllStringSubmatch(script, -1) {
		found := false
		for key := range zh {
			found = found || strings.HasPrefix(key, m[1]+".")
		}
		assert.True(t, found, "no texts of %s", m[1])
	}
}
