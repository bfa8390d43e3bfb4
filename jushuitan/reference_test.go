package jushuitan_test

import (
	"bufio"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestReference holds the package against a list of every endpoint and member
// that public material shows: each path is an operation, each member is on its
// Go types, of the envelope, or of a token call.
func TestReference(t *testing.T) {
	f, err := os.Open("testdata/reference.txt")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	byPath := map[string]*catalog.Operation{}
	ops, err := catalog.Operations()
	require.NoError(t, err)
	for _, op := range ops {
		byPath[op.Path] = op
	}
	table := map[string]jushuitan.Operation{}
	for _, op := range jushuitan.Operations() {
		table[op.Path] = op
	}
	c := mocked(t, nil)
	paths, members, found := map[string]bool{}, 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if words[0] == "#" {
			continue
		}
		path, side, names := words[0], words[1], words[2:]
		paths[path] = true
		op := byPath[path]
		if _, ok := table[path]; !assert.True(t, ok && op != nil, "%s is not in Operations()", path) {
			continue
		}
		for _, name := range names {
			members++
			switch {
			case op.Go.Auth, hasMember(t, c, op, side, name):
				found++
			default:
				t.Errorf("%s %s: %s is on no Go type", path, side, name)
			}
		}
	}
	t.Logf("paths %d/%d, members %d/%d", len(paths), len(table), found, members)
	assert.NotEmpty(t, paths)
	assert.Len(t, table, len(ops))
	assert.Equal(t, members, found)
}

// hasMember finds a member of the reference on the types of an operation. Upload
// answers are seen row by row, and what is beside the rows is of the envelope.
func hasMember(t *testing.T, c *jushuitan.Client, op *catalog.Operation, side, name string) bool {
	t.Helper()
	if op.Go.Raw {
		return true
	}
	envelope := []string{"code", "msg", "issuccess", "request_id", "requestId", "data", "data.data", "msg_type", "cookie", "act", "success"}
	m := method(t, c, op).Type()
	if side == "request" {
		return m.NumIn() == 2 && hasField(m.In(1), strings.Split(strings.TrimPrefix(name, "[]."), "."))
	}
	if slices.Contains(envelope, name) {
		return true
	}
	if op.Batch != nil && slices.Contains([]string{"data.page_size", "data.page_index", "data.data_count", "data.page_count", "data.has_next"}, name) {
		return true // of an upload's answer, where pages mean nothing
	}
	if op.Path == "/open/api/goods/inneropen/goods/querygoodslist" { // its sources leave the list out
		name = strings.Replace(name, "data.", "data.list[].", 1)
	}
	// Whatever the nesting in the sources, the member stands below one of these.
	for _, prefix := range []string{"", "data.", "data.data.", "data[].", "data.data[].", op.Rows + "[].", "data." + op.Rows + "[]."} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || m.NumOut() != 2 {
			continue
		}
		if rest == op.Rows || rest == "" {
			return true
		}
		if hasField(m.Out(0), strings.Split(rest, ".")) {
			return true
		}
		if op.Batch != nil && hasField(m.Out(0).Elem().Field(2).Type, strings.Split(rest, ".")) {
			return true
		}
	}
	return op.Batch != nil && (name == "data."+op.Rows || strings.Count(name, ".") == 1 && m.NumOut() == 1)
}

func TestWithPath(t *testing.T) {
	var called string
	c := mocked(t, func(req *http.Request) (*http.Response, error) {
		called = req.URL.Path
		return httpmock.NewStringResponse(200, `{"code":"0","issuccess":"true","msg":""}`), nil
	}, jushuitan.WithPath("Bundles.Upload", "/open/jushuitan/item/combinesku/upload"), jushuitan.WithoutValidation())
	req := &jushuitan.BundleUploadRequest{Items: []jushuitan.BundleUpload{{SKUID: "A"}}}
	require.NoError(t, c.Bundles.Upload(t.Context(), req))
	assert.Equal(t, "/open/jushuitan/item/combinesku/upload", called)
	require.NoError(t, mocked(t, func(req *http.Request) (*http.Response, error) {
		called = req.URL.Path
		return httpmock.NewStringResponse(200, `{"code":"0","issuccess":"true","msg":""}`), nil
	}, jushuitan.WithoutValidation()).Bundles.Upload(t.Context(), req))
	assert.Equal(t, "/open/item/combinesku/upload", called)

	for name, opt := range map[string]jushuitan.Option{
		"no operation":  jushuitan.WithPath("Bundles.Nothing", "/x"),
		"foreign paths": jushuitan.WithPath("Bundles.Upload", "/open/shops/query"),
	} {
		_, err := jushuitan.New(jushuitan.Credentials{AppKey: "a", AppSecret: "b"}, opt)
		assert.Error(t, err, name)
	}
}
