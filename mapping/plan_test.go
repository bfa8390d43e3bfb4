package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/mapping"
)

// tee is a product as a mapper makes it.
func tee(change ...func(*dianjia.Product)) *dianjia.Product {
	p := &dianjia.Product{
		Name: "圆领T恤", StyleNo: "TEE24", Brand: "青禾", Year: "2026", Category: dianjia.Category{Code: "30011", Name: "T恤"},
		Labels: []string{"店加"},
		SKUs: []dianjia.SKU{
			{Code: "TEE24-M", Color: "白色", Size: "M", Labels: []string{"店加"}, Price: dianjia.Price{Retail: price("99"), Tag: price("199")}},
			{Code: "TEE24-L", Color: "白色", Size: "L", Price: dianjia.Price{Retail: price("99")}},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func retail(of map[string]string) func(*dianjia.Product) {
	return func(p *dianjia.Product) {
		if v, ok := of[""]; ok {
			p.Price.Retail = price(v)
		}
		for i := range p.SKUs {
			if v, ok := of[p.SKUs[i].Code]; ok {
				p.SKUs[i].Price.Retail = price(v)
			}
		}
	}
}

func category(c dianjia.Category) func(*dianjia.Product) {
	return func(p *dianjia.Product) { p.Category = c }
}

func labels(product []string, skus ...[]string) func(*dianjia.Product) {
	return func(p *dianjia.Product) {
		p.Labels = product
		for i := range p.SKUs {
			p.SKUs[i].Labels = nil
			if i < len(skus) {
				p.SKUs[i].Labels = skus[i]
			}
		}
	}
}

// Part 2.5 商品类目自动下载: each setting, on and off.
func TestGuidePart2_5ProductDownload(t *testing.T) {
	type (
		settings = mapping.SyncSettings
		cat      = dianjia.Category
	)
	mount := cat{Code: "9", Name: "聚水潭"}
	other := cat{Code: "8", Name: "其他"}
	gone := func(p *dianjia.Product) { p.SKUs = p.SKUs[:1] }
	tests := []struct {
		name     string
		settings settings
		existing *dianjia.Product
		incoming *dianjia.Product
		action   mapping.SyncAction
		rules    string // in order
		changes  string // "field[sku]:old>new", joined by blanks
	}{
		// 自动建档
		{"auto-create off", settings{}, nil, tee(), mapping.ActionSkip, "not_created", ""},
		{"auto-create on", settings{AutoCreate: true, SpecTemplate: "服装"}, nil, tee(gone), mapping.ActionCreate, "created spec_template",
			"style_no:>TEE24 name:>圆领T恤 brand:>青禾 year:>2026 category:>T恤_(30011) template:>服装 labels:>店加 sku_code[TEE24-M]:>TEE24-M"},
		{"auto-create off, product known", settings{}, tee(), tee(), mapping.ActionSkip, "unchanged", ""},
		{"auto-create off, change", settings{}, tee(), tee(func(p *dianjia.Product) { p.Name = "T恤"; p.SKUs[1].Size = "XL" }), mapping.ActionUpdate, "",
			"name:圆领T恤>T恤 size[TEE24-L]:L>XL"},
		// 不同步销售价, 覆盖销售价
		{"sale price without permission", settings{}, tee(), tee(retail(map[string]string{"TEE24-M": "89"})), mapping.ActionSkip, "sale_price_kept unchanged", ""},
		{"sale price with permission", settings{OverwriteSalePrice: true}, tee(), tee(retail(map[string]string{"TEE24-M": "89"})), mapping.ActionUpdate,
			"sale_price_overwritten", "retail[TEE24-M]:99>89"},
		{"same sale price in other digits", settings{OverwriteSalePrice: true}, tee(), tee(retail(map[string]string{"TEE24-M": "99.00"})), mapping.ActionSkip, "unchanged", ""},
		{"missing sale price is filled", settings{}, tee(retail(map[string]string{"TEE24-M": ""})), tee(), mapping.ActionUpdate, "", "retail[TEE24-M]:>99"},
		{"the style's sale price counts", settings{}, tee(retail(map[string]string{"": "79", "TEE24-M": ""})), tee(), mapping.ActionSkip, "sale_price_kept unchanged", ""},
		{"the style's sale price comes with the SKU's", settings{}, tee(retail(map[string]string{"TEE24-M": ""})), tee(retail(map[string]string{"": "79"})), mapping.ActionUpdate,
			"", "retail:>79 retail[TEE24-M]:>99"},
		{"sale price skipped", settings{SkipSalePrice: true}, tee(retail(map[string]string{"TEE24-M": ""})), tee(), mapping.ActionSkip, "sale_price_skipped unchanged", ""},
		{"skipping comes before overwriting", settings{SkipSalePrice: true, OverwriteSalePrice: true}, tee(), tee(retail(map[string]string{"TEE24-M": "89"})),
			mapping.ActionSkip, "sale_price_skipped unchanged", ""},
		{"other prices need no permission", settings{SkipSalePrice: true}, tee(), tee(func(p *dianjia.Product) { p.SKUs[0].Price.Tag = price("209") }),
			mapping.ActionUpdate, "", "tag[TEE24-M]:199>209"},
		{"a price that is not valid", settings{OverwriteSalePrice: true}, tee(), tee(func(p *dianjia.Product) { p.SKUs[0].Price = dianjia.Price{} }),
			mapping.ActionSkip, "unchanged", ""},
		{"zero is a price", settings{OverwriteSalePrice: true}, tee(), tee(retail(map[string]string{"TEE24-M": "0"})), mapping.ActionUpdate,
			"sale_price_overwritten", "retail[TEE24-M]:99>0"},
		// 仅同步含店加标签, by SKU
		{"no label", settings{AutoCreate: true, OnlyLabelled: true}, nil, tee(labels([]string{"店加二期"})), mapping.ActionSkip, "not_labelled", ""},
		{"no label, product known", settings{OnlyLabelled: true}, tee(), tee(labels(nil), func(p *dianjia.Product) { p.Name = "新" }), mapping.ActionSkip, "not_labelled", ""},
		{"one SKU has it", settings{OnlyLabelled: true}, tee(), tee(func(p *dianjia.Product) { p.SKUs[0].Size = "S"; p.SKUs[1].Size = "XL" }), mapping.ActionUpdate,
			"sku_not_labelled", "size[TEE24-M]:M>S"},
		{"the product has it", settings{OnlyLabelled: true}, tee(), tee(labels([]string{"新品,店加"}), func(p *dianjia.Product) { p.SKUs[1].Size = "XL" }), mapping.ActionUpdate,
			"", "labels:店加>店加,新品,店加 size[TEE24-L]:L>XL"},
		{"another label", settings{OnlyLabelled: true, Label: "门店"}, tee(), tee(), mapping.ActionSkip, "not_labelled", ""},
		// 拉取SPU
		{"by style the label of one SKU is enough", settings{OnlyLabelled: true, PullSPU: true}, tee(), tee(func(p *dianjia.Product) { p.SKUs[1].Size = "XL" }),
			mapping.ActionUpdate, "whole_style", "size[TEE24-L]:L>XL"},
		{"by style a SKU is gone", settings{PullSPU: true}, tee(), tee(gone), mapping.ActionSkip, "sku_gone unchanged", ""},
		{"by SKU a SKU did not come", settings{}, tee(), tee(gone), mapping.ActionSkip, "sku_absent unchanged", ""},
		{"a SKU is new", settings{}, tee(gone), tee(), mapping.ActionUpdate, "sku_added", "sku_code[TEE24-L]:>TEE24-L"},
		// 挂载类目
		{"category below the mount", settings{AutoCreate: true, MountCategory: mount}, nil, tee(), mapping.ActionCreate, "created category_mounted",
			"style_no:>TEE24 name:>圆领T恤 brand:>青禾 year:>2026 category:>T恤_(30011)_<_9 labels:>店加 sku_code[TEE24-M]:>TEE24-M sku_code[TEE24-L]:>TEE24-L"},
		{"a lower category keeps its parent", settings{MountCategory: mount}, tee(), tee(category(cat{Code: "30012", Name: "长袖", ParentCode: "30011"})), mapping.ActionUpdate,
			"category_mounted", "category:T恤_(30011)>长袖_(30012)_<_30011"},
		{"no category", settings{MountCategory: mount}, tee(category(cat{})), tee(category(cat{})), mapping.ActionUpdate, "category_mounted", "category:>聚水潭_(9)"},
		{"no category in Jushuitan", settings{MountCategory: mount}, tee(), tee(category(cat{})), mapping.ActionSkip, "empty_kept unchanged", ""},
		{"category by name only", settings{}, tee(category(cat{Code: "7", Name: "T恤", ParentCode: "9"})), tee(category(cat{Name: "T恤"})), mapping.ActionSkip, "unchanged", ""},
		// 仅同步一次类目
		{"another category without a name", settings{}, tee(category(cat{Code: "5", Name: "上衣"})), tee(category(cat{Code: "30011"})), mapping.ActionUpdate, "", "category:上衣_(5)>(30011)"},
		{"first sync uses the initial category", settings{AutoCreate: true, CategoryOnce: true, MountCategory: mount}, nil, tee(gone), mapping.ActionCreate, "created category_initial",
			"style_no:>TEE24 name:>圆领T恤 brand:>青禾 year:>2026 category:>其他 labels:>店加 sku_code[TEE24-M]:>TEE24-M"},
		{"still in the initial category", settings{CategoryOnce: true}, tee(category(other)), tee(), mapping.ActionSkip, "category_still_initial unchanged", ""},
		{"below the initial category", settings{CategoryOnce: true, InitialCategory: other}, tee(category(cat{Code: "81", Name: "待整理", ParentCode: "8"})), tee(), mapping.ActionSkip,
			"category_still_initial unchanged", ""},
		{"no longer in the initial category", settings{CategoryOnce: true, InitialCategory: other}, tee(category(cat{Code: "5", Name: "上衣"})), tee(), mapping.ActionSkip, "category_kept unchanged", ""},
		{"without the setting it follows", settings{}, tee(category(other)), tee(), mapping.ActionUpdate, "", "category:其他_(8)>T恤_(30011)"},
		// What no setting changes.
		{"empty fields stay", settings{}, tee(), tee(func(p *dianjia.Product) { p.Brand, p.SKUs[0].Color = "", "" }), mapping.ActionSkip, "empty_kept unchanged", ""},
		{"labels are added", settings{}, tee(), tee(func(p *dianjia.Product) { p.Labels = []string{"新品"} }), mapping.ActionUpdate, "", "labels:店加>店加,新品"},
		{"one code twice", settings{}, tee(), tee(func(p *dianjia.Product) { p.SKUs[1].Code = "TEE24-M" }), mapping.ActionSkip, "sku_repeated sku_absent unchanged", ""},
		{"no code", settings{}, tee(gone), tee(func(p *dianjia.Product) { p.SKUs[1].Code = "" }), mapping.ActionSkip, "sku_no_code unchanged", ""},
		{"gone", settings{}, tee(), nil, mapping.ActionSkip, "gone", ""},
		{"never there", settings{AutoCreate: true}, nil, nil, mapping.ActionSkip, "gone", ""},
		{"no style number", settings{AutoCreate: true}, nil, tee(func(p *dianjia.Product) { p.StyleNo = "" }), mapping.ActionSkip, "no_style_no", ""},
		{"another style", settings{}, tee(), tee(func(p *dianjia.Product) { p.StyleNo = "TEE25" }), mapping.ActionSkip, "other_style", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.settings.Plan(tt.existing, tt.incoming)
			var rules, changes []string
			for _, r := range d.Reasons {
				rules = append(rules, string(r.Rule))
				assert.True(t, d.Has(r.Rule))
				chinese, english := r.Rule.Text()
				assert.NotEqual(t, string(r.Rule), chinese)
				assert.NotEqual(t, chinese, english)
				assert.Contains(t, d.String(), chinese+" / "+english)
			}
			for _, c := range d.Changes {
				text := string(c.Field)
				if c.SKU != "" {
					text += "[" + c.SKU + "]"
				}
				changes = append(changes, strings.ReplaceAll(text+":"+c.Old+">"+c.New, " ", "_"))
			}
			assert.Equal(t, tt.action.String(), d.Action.String())
			assert.Equal(t, tt.rules, strings.Join(rules, " "))
			assert.Equal(t, tt.changes, strings.Join(changes, " "))
			assert.False(t, d.Has("no_such_rule"))
			again(t, tt.settings, tt.existing, tt.incoming, d)
		})
	}

	t.Run("what is stored", func(t *testing.T) {
		before := tee(func(p *dianjia.Product) { p.SKUs = append(p.SKUs, dianjia.SKU{Code: "TEE24-XS"}) })
		in := tee(retail(map[string]string{"TEE24-M": "89"}))
		d := settings{OverwriteSalePrice: true, PullSPU: true}.Plan(before, in)
		want := tee(retail(map[string]string{"TEE24-M": "89"}))
		want.SKUs = append(want.SKUs, dianjia.SKU{Code: "TEE24-XS"})
		assert.Equal(t, *want, d.Product)
		assert.Equal(t, "99", before.SKUs[0].Price.Retail.Decimal.String(), "what was planned from is not changed")
		assert.Equal(t, mapping.SyncReason{Rule: mapping.RuleSKUGone, SKUs: []string{"TEE24-XS"}}, d.Reasons[1])
		assert.Equal(t, mapping.SyncReason{Rule: mapping.RuleSalePriceOverwritten, Fields: []mapping.ProductField{mapping.FieldRetailPrice}, SKUs: []string{"TEE24-M"}}, d.Reasons[0])
	})
	t.Run("labels with room behind them", func(t *testing.T) {
		room := []string{"店加", "其后"}
		existing := tee(labels(room[:1]))
		d := settings{}.Plan(existing, tee(labels([]string{"新品"})))
		assert.Equal(t, []string{"店加", "新品"}, d.Product.Labels)
		assert.Equal(t, []string{"店加", "其后"}, room)
	})
	t.Run("a new product has no sale price where it is skipped", func(t *testing.T) {
		d := settings{AutoCreate: true, SkipSalePrice: true}.Plan(nil, tee(retail(map[string]string{"": "99"})))
		assert.False(t, d.Product.Price.Retail.Valid)
		for _, sku := range d.Product.SKUs {
			assert.False(t, sku.Price.Retail.Valid)
		}
		assert.True(t, d.Product.SKUs[0].Price.Tag.Valid)
	})
}

// again checks that a decision that was carried out leaves nothing to do.
func again(t *testing.T, s mapping.SyncSettings, existing, incoming *dianjia.Product, d mapping.SyncDecision) {
	t.Helper()
	stored, ok := d.ToStore()
	require.Equal(t, d.Action != mapping.ActionSkip, ok)
	if d.Action == mapping.ActionSkip {
		require.Empty(t, d.Changes)
		if existing == nil {
			require.Equal(t, dianjia.Product{}, d.Product)
		} else {
			require.Equal(t, *existing, d.Product)
		}
		require.Nil(t, stored, "nothing to store")
		stored = existing
	} else {
		require.NotEmpty(t, d.Changes)
		require.Equal(t, d.Product, *stored)
	}
	second := s.Plan(stored, incoming)
	require.Equal(t, mapping.ActionSkip.String(), second.Action.String(), "planned again: %s", second)
	require.Empty(t, second.Changes)
}

func TestSyncSettingsValidate(t *testing.T) {
	full := mapping.SyncSettings{
		AutoCreate: true, PullSPU: true, OverwriteSalePrice: true, OnlyLabelled: true, Label: "门店", CategoryOnce: true,
		InitialCategory: dianjia.Category{Code: "8"}, MountCategory: dianjia.Category{Code: "9"}, SpecTemplate: "服装",
	}
	require.NoError(t, full.Validate())
	require.NoError(t, mapping.SyncSettings{}.Validate())
	tests := []struct {
		want   string
		change func(*mapping.SyncSettings)
	}{
		{"contradict", func(s *mapping.SyncSettings) { s.SkipSalePrice = true }},
		{"mount category", func(s *mapping.SyncSettings) { s.MountCategory.Code = "" }},
		{"first level", func(s *mapping.SyncSettings) { s.MountCategory.ParentCode = "1" }},
		{"spec template", func(s *mapping.SyncSettings) { s.SpecTemplate = "" }},
		{"single label", func(s *mapping.SyncSettings) { s.Label = "店加,门店" }},
		{"single label", func(s *mapping.SyncSettings) { s.Label = " 店加" }},
		{"without CategoryOnce", func(s *mapping.SyncSettings) { s.CategoryOnce = false }},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			s := full
			tt.change(&s)
			require.ErrorContains(t, s.Validate(), tt.want)
		})
	}
}

func TestLabelled(t *testing.T) {
	tests := []struct {
		label  string
		labels []string
		want   bool
	}{
		{"", []string{"店加"}, true},
		{"", []string{"新品", " 店加 "}, true},
		{"", []string{"新品,店加"}, true},
		{"", []string{"\ufeff店加\u200b"}, true},
		{"", []string{"新品，店加，爆款"}, true},
		{"", []string{"店加二期", "非店加"}, false},
		{"", []string{""}, false},
		{"", nil, false},
		{"门店", []string{"店加"}, false},
		{"门店", []string{"门店"}, true},
		{"vip", []string{"VIP"}, false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, mapping.SyncSettings{Label: tt.label}.HasSyncLabel(tt.labels), "%q in %q", tt.label, tt.labels)
	}
}

// randomProduct is small and drawn from few values, so that two of them collide.
func randomProduct(r *rand.Rand) *dianjia.Product {
	text := func(of ...string) string { return of[r.IntN(len(of))] }
	money := func() dianjia.Price {
		one := func() string { return text("", "", "0", "99", "99.00", "89") }
		return dianjia.Price{Cost: price(one()), Tag: price(one()), Retail: price(one())}
	}
	list := func() []string {
		return [][]string{nil, {"店加"}, {"新品"}, {"新品", "店加"}, {"店加", "店加"}}[r.IntN(5)]
	}
	cat := func() dianjia.Category {
		return dianjia.Category{Code: text("", "1", "2", "8", "9"), Name: text("", "T恤", "其他"), ParentCode: text("", "1", "8", "9")}
	}
	p := &dianjia.Product{
		StyleNo: "A", Name: text("", "甲", "乙"), Brand: text("", "青禾"), Year: text("", "2025", "2026"), Series: text("", "海岸"),
		Category: cat(), Price: money(), Labels: list(), SpecTemplate: text("", "服装"),
	}
	for range r.IntN(4) {
		p.SKUs = append(p.SKUs, dianjia.SKU{
			Code: text("", "1", "2", "3"), Barcode: text("", "x"), Color: text("", "红", "蓝"), Size: text("", "S", "M"),
			Price: money(), Labels: list(), PropertiesText: text("", "红;S"),
		})
	}
	return p
}

func randomSettings(r *rand.Rand) mapping.SyncSettings {
	flip := func() bool { return r.IntN(2) == 0 }
	s := mapping.SyncSettings{
		AutoCreate: flip(), PullSPU: flip(), SkipSalePrice: flip(), OverwriteSalePrice: flip(), OnlyLabelled: flip(), CategoryOnce: flip(),
	}
	if flip() {
		s.InitialCategory = dianjia.Category{Code: "8", Name: "其他"}
	}
	if flip() {
		s.MountCategory, s.SpecTemplate = dianjia.Category{Code: "9", Name: "聚水潭"}, "服装"
	}
	return s
}

func TestPlanIsIdempotent(t *testing.T) {
	actions := map[mapping.SyncAction]int{}
	for seed := range uint64(racetest.Fewer(20_000)) {
		r := rand.New(rand.NewPCG(seed, 5))
		s, incoming := randomSettings(r), randomProduct(r)
		var existing *dianjia.Product
		if r.IntN(4) > 0 {
			existing = randomProduct(r)
		}
		d := s.Plan(existing, incoming)
		actions[d.Action]++
		again(t, s, existing, incoming, d)
		if t.Failed() {
			t.Fatalf("seed %d: %+v\n%+v\n%+v", seed, s, existing, incoming)
		}
	}
	require.Len(t, actions, 3)
}

func ExampleSyncSettings_Plan() {
	settings := mapping.SyncSettings{OnlyLabelled: true}
	existing := &dianjia.Product{StyleNo: "TEE24", Name: "圆领T恤", SKUs: []dianjia.SKU{{Code: "TEE24-M", Price: dianjia.Price{Retail: price("99")}}}}
	incoming := &dianjia.Product{StyleNo: "TEE24", Name: "圆领纯棉T恤", Labels: []string{"店加"}, SKUs: []dianjia.SKU{{Code: "TEE24-M", Price: dianjia.Price{Retail: price("89")}}}}
	decision := settings.Plan(existing, incoming)
	fmt.Println(decision)
	fmt.Println(settings.Plan(&decision.Product, incoming).Action)
	// Output:
	// update TEE24
	//   商品名称: "圆领T恤" -> "圆领纯棉T恤"
	//   标签: "" -> "店加"
	//   [sale_price_kept] 未授权覆盖销售价，保留店加零售价 / no permission to overwrite: DianJia's sale price stays: 标准零售价, TEE24-M
	// skip
}
