package newcomer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An edit puts a text in the place of another, which is there once. The mark itself is
// written as $, so that "$new" adds after it.
type edit struct{ file, mark, text string }

// A walkthrough is a task of CONTRIBUTING: how many files it may touch, what is done, and
// what a program that uses the result prints.
type walkthrough struct {
	task    string
	atMost  int
	edits   []edit
	prints  []string
	inRedis []string // printed by the program in package redisstate's module
}

var walkthroughs = []walkthrough{
	{
		task: "retry rule", atMost: 1,
		edits: []edit{{
			"internal/call/status.go", "\t{500, 999, unavailable, Unknown, true},\n",
			"\t{http.StatusTooEarly, http.StatusTooEarly, unavailable, Rejected, true},\n$",
		}},
		prints: []string{"jushuitan 2 <nil>", "qimen 2 <nil>", "dianjia 2 <nil>"},
	},
	{
		task: "dedupe key of a push", atMost: 1,
		edits:  []edit{{"internal/push/push.go", `{"o_id"}, {"so_id"}`, `$, {"lc_id"}`}},
		prints: []string{"another carrier is another shipment: true true"},
	},
	{
		task: "kind of push", atMost: 5,
		edits: []edit{
			{"internal/push/push.go", "\tStock         = \"inventory.upload\" // 库存同步\n", "$\tMadeUp = \"made.up\" // 示例\n"},
			{
				"internal/push/push.go", "\t\tByWarehouse: true, Harmless: true,\n\t},\n",
				"$\t{\n\t\tMethod: MadeUp, Path: \"made_up_callback\", Label: \"示例\", Name: \"made up\",\n\t\tRecord: []Part{{\"made_up_id\"}}, Members: []string{\"made_up_id\"},\n\t},\n",
			},
			{"jushuitan/push.go", "\tPushGoodsReturned PushMethod = push.GoodsReturned // refund.goods 售后收货\n", "$\tPushMadeUp PushMethod = push.MadeUp // made.up 示例\n"},
			{"jushuitan/push.go", "// SignPush returns", "made_up_push.txt"},
			{
				"callback/callback.go", "	Stock func(ctx context.Context, env Envelope, p *jushuitan.StockPush) error\n",
				"$	// MadeUp 示例: something was made up.\n	MadeUp func(ctx context.Context, env Envelope, p *jushuitan.MadeUpPush) error\n",
			},
			{"callback/callback.go", "	bind(r, parser.Stock, r.freshOnly(cfg.Stock))\n", "$	bind(r, jushuitan.ParseMadeUpPush, cfg.MadeUp)\n"},
			{
				"dianjia/client.go", "// onePush is a call",
				"// SendMadeUp sends 示例: something was made up.\n" +
					"func (c *Client) SendMadeUp(ctx context.Context, to Target, p *jushuitan.MadeUpPush) error {\n" +
					"	return push(ctx, c, jushuitan.PushMadeUp, to, p, jushuitan.ParseMadeUpPush)\n}\n\n$",
			},
			{
				"jushuitan/redisstate/sink.go", "// Handlers are functions like",
				"// MadeUp stores a push 示例: it is a function for callback.Config.\n" +
					"func (i *Inbox) MadeUp(ctx context.Context, env callback.Envelope, p *jushuitan.MadeUpPush) error {\n" +
					"	return i.push(ctx, env, \"\", \"\", p, i.cfg.CommitTTL)\n}\n\n$",
			},
			{
				"jushuitan/redisstate/sink.go", "	Stock         func(ctx context.Context, env callback.Envelope, p *jushuitan.StockPush) error\n",
				"$	MadeUp func(ctx context.Context, env callback.Envelope, p *jushuitan.MadeUpPush) error\n",
			},
			{
				"jushuitan/redisstate/sink.go", "		return dispatch(ctx, env, jushuitan.ParseStockPush, h.Stock)\n",
				"$	case jushuitan.PushMadeUp:\n		return dispatch(ctx, env, jushuitan.ParseMadeUpPush, h.MadeUp)\n",
			},
		},
		prints: []string{
			"handled made.up 9001 M-1", "sent M-1 <nil>", "sent M-1 <nil>", "handled made.up 9001 M-2", "sent M-2 <nil>",
			"registered as https://open.dianplus.cn/api/product/rs/dex/jushuitan/made_up_callback?entId=9001&storageCode=1",
			"on the page: true",
			"reconcile []: nothing was lost",
			`reconcile ["made.up"]: callback: reconcile: pushes of the kind "made.up" cannot be compared: leave it out of Methods / 不支持核对该类推送`,
		},
		inRedis: []string{"stored by Inbox.MadeUp <nil>", "handled made.up M-1", "<nil>"},
	},
	{
		task: "product field 商品字段", atMost: 3,
		edits: []edit{
			{"dianjia/types.go", "	Series string // 系列\n", "$	Fabric string // 面料\n"},
			{"mapping/product_config.go", "	FieldSeries      ProductField = \"series\"     // 系列\n", "$	FieldFabric ProductField = \"fabric\" // 面料\n"},
			{"mapping/product_config.go", "	Series FieldSource // 系列\n", "$	Fabric FieldSource // 面料\n"},
			{
				"mapping/product_config.go", "		func(c *ProductConfig) *FieldSource { return &c.Series },\n	},\n",
				"$	{\n		FieldFabric, \"面料\",\n		func(p *dianjia.Product) *string { return &p.Fabric },\n" +
					"		func(c *ProductConfig) *FieldSource { return &c.Fabric },\n	},\n",
			},
		},
		prints: []string{"planned fabric 面料 棉", "uploaded 棉"},
	},
}

// TestWalkthroughs does in one copy of the tree, task after task, what CONTRIBUTING says
// of it, within the files that it promises, and runs programs that need each. That the
// tree is one saves compiling the library for each task.
func TestWalkthroughs(t *testing.T) {
	tree := copyTree(t, ".", "jushuitan/redisstate")
	contributing := string(readFile(t, filepath.Join(root, "CONTRIBUTING.md")))
	promised := func(task string, files int) {
		assert.Regexp(t, fmt.Sprintf(`(?m)^\| %s \|.*\| %d \|$`, task, files), contributing, "the table of CONTRIBUTING")
	}
	addEndpoint(t, tree)
	promised("endpoint of Jushuitan", 1)
	touched := slices.Clone(endpointFiles)
	var prints, inRedis []string
	for _, w := range walkthroughs {
		_, section, ok := strings.Cut(contributing, " "+w.task+"\n")
		require.True(t, ok, "CONTRIBUTING has no task %q", w.task)
		section, _, _ = strings.Cut(section, "\n## ")
		files := map[string]bool{}
		for _, e := range w.edits {
			assert.Contains(t, section, "`"+e.file+"`", "%s: CONTRIBUTING does not name the file", w.task)
			e.apply(t, tree)
			files[e.file] = true
		}
		assert.LessOrEqual(t, len(files), w.atMost, "%s: files touched", w.task)
		promised(w.task, len(files))
		touched = slices.AppendSeq(touched, maps.Keys(files))
		prints, inRedis = append(prints, w.prints...), append(inRedis, w.inRedis...)
	}
	slices.Sort(touched)
	assert.ElementsMatch(t, slices.Compact(touched), changedFiles(t, tree))

	assert.Equal(t, endpointPrints, runProgram(t, tree, "endpoints"))
	assert.Equal(t, prints, runProgram(t, tree, "walkthroughs"))
	assert.Equal(t, inRedis, runProgram(t, filepath.Join(tree, "jushuitan", "redisstate"), "walkthroughs_redis"))
}

func (e edit) apply(t *testing.T, tree string) {
	t.Helper()
	if strings.HasSuffix(e.text, ".txt") {
		e.text = string(readFile(t, filepath.Join("testdata", "walkthroughs", e.text))) + "$"
	}
	name := filepath.Join(tree, filepath.FromSlash(e.file))
	text := string(readFile(t, name))
	require.Equal(t, 1, strings.Count(text, e.mark), "%s: %q", e.file, e.mark)
	text = strings.Replace(text, e.mark, strings.Replace(e.text, "$", e.mark, 1), 1)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}
