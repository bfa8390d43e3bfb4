package newcomer

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// examples are the programs of the root module, and what they print when nobody sets
// them anything. Tests beside each look closer.
var examples = map[string][]string{
	"authorise": {
		`(?m)^Merchant 商家 "10010" is authorised 已授权: Token\{AccessToken:\*\*\*`,
		`refused 已拒绝`, `ask merchant "10010" to authorise again`, `getInitToken 0, query 0`, `query 100, refreshToken 100, getInitToken 0, query 0`,
	},
	"backfill":                   {`resumed at 续传自`, `missing 缺失 0, duplicate 重复 0\n`},
	"doctor":                     {`ok +token 令牌`, `ok +bindings 绑定`},
	"download-products":          {`\[sale_price_kept\]`, `nothing to store; the download may be repeated`, `Contradictory settings`},
	"download-stock":             {`库存下载取数逻辑=`, `2 of 12 figures changed`, `did you mean "实际库存"`},
	"head-office-allocates":      {`Our reading`, `every check passed\n$`},
	"mall-order-warehouse-ships": {`Flow 2 线下订单线上发货`, `every check passed\n$`},
	"online-order-store-ships":   {`Flow 1 线上订单线下发货`, `every check passed\n$`},
	"receive-callbacks":          {`push logistics.upload 物流同步 entId=10010`, `token of the URL refused`, `stopped: \d+ pushes handled`},
	"reconcile":                  {`every check passed\n$`},
	"store-replenishes":          {`Our reading`, `every check passed\n$`},
	"store-returns":              {`Our reading`, `every check passed\n$`},
	"store-to-store":             {`Our reading`, `every check passed\n$`},
	"tour":                       {`Flow 1 .*\n(.*\n)*.*Flow 2 .*\n(.*\n)*.*Flow 6 `, `throttled`, `every check passed\n$`},
	"verify": {
		`(?m)^\[74/74\] `, `(?m)^Operations 接口: 74; with rows 有数据 3\d,`, `within 2s of this one`, `throttled by the service 被限流 0`,
		`Not tried 未调用:\n  Bins\.RecommendForPack: no answer had a value for pack_id`, `No read shows 查询无法验证`,
	},
}

// nested are examples that are modules of their own and run their own tests; sandbox
// runs until it is stopped, see TestTutorial.
var nested = []string{"browser", "cluster", "opentelemetry", "outbox", "routers"}

// secrets must not be printed by any program: keys of the demo merchant, what makes up a
// token in a URL, people.
var secrets = regexp.MustCompile(`demosecret|access_token=\w|sign=\w|林一|林二|1390000|示例路|buyer-0`)

// outcome is what became of a program.
type outcome struct {
	text string
	err  error
	took time.Duration
}

// TestExamples builds every example and runs it as the READMEs say: without arguments,
// in an empty folder.
func TestExamples(t *testing.T) {
	bin := programs(t)
	// They mostly wait, for the quotas.
	outcomes := make(map[string]*outcome, len(examples))
	var running errgroup.Group
	running.SetLimit(6)
	for name := range examples {
		o := &outcome{}
		outcomes[name] = o
		dir := t.TempDir()
		running.Go(func() error {
			begin := time.Now()
			o.text, o.err = execute(t.Context(), dir, []string{"JUSHUITAN_APP_SECRET=", "JUSHUITAN_ACCESS_TOKEN="}, filepath.Join(bin, name))
			o.took = time.Since(begin)
			return nil
		})
	}
	require.NoError(t, running.Wait())
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		t.Run(name, func(t *testing.T) {
			text := outcomes[name].text
			require.NoError(t, outcomes[name].err)
			t.Logf("%d lines in %v", strings.Count(text, "\n"), outcomes[name].took.Round(time.Millisecond))
			for _, want := range examples[name] {
				assert.Regexp(t, want, text)
			}
			assert.NotRegexp(t, secrets, text)
			assert.NotContains(t, text, "CHECK FAILED")
		})
	}
}

// TestExamplesAreListed: the page of examples lists each, and the table above has each.
func TestExamplesAreListed(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "examples"))
	require.NoError(t, err)
	var dirs []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "internal" {
			dirs = append(dirs, e.Name())
		}
	}
	known := append(slices.Collect(maps.Keys(examples)), append(nested, "sandbox")...)
	assert.ElementsMatch(t, dirs, known)
	for _, name := range []string{"examples/README.md", "examples/README.zh-CN.md"} {
		d := readDocument(t, name)
		for _, dir := range dirs {
			if dir == "browser" { // a test, not a program
				continue
			}
			assert.True(t, slices.ContainsFunc(d.rows, func(row string) bool { return strings.HasPrefix(row, "| `"+dir+"` |") }), "%s does not list %s", name, dir)
		}
	}
}
