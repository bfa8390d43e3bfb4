// Command download-products downloads products from Jushuitan into DianJia
// 商品类目自动下载, with all settings of the guide:
//
//	go run ./examples/download-products
//	go run ./examples/download-products -spu -only-labelled -category-once -source 'year=ups:年份'
//	JUSHUITAN_APP_SECRET=... go run ./examples/download-products -app-key KEY -days 7
//
// It streams Jushuitan's rows, groups them by style, maps the fields, and decides for each
// style what DianJia has to store and why. DianJia's catalogue is a map in memory here. It
// reads Jushuitan and changes nothing there.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

// settings are what a merchant chooses on DianJia's page.
type settings struct {
	mapping.SyncSettings
	config mapping.ProductConfig
	days   int
}

func program() app.Program {
	s := &settings{}
	return app.Program{
		Name: "download-products", Source: source,
		Flags:   s.flags,
		Furnish: furnish,
		Run:     s.run,
	}
}

func (s *settings) flags(fs *flag.FlagSet) {
	s.MountCategory = dianjia.Category{Code: "C01", Name: "服装"}
	fs.BoolVar(&s.AutoCreate, "auto-create", true, "自动建档: create products that DianJia does not have")
	fs.BoolVar(&s.PullSPU, "spu", false, "拉取SPU: by style, with category properties, instead of by SKU")
	fs.BoolVar(&s.SkipSalePrice, "skip-sale-price", false, "不同步销售价: do not sync sale prices")
	fs.BoolVar(&s.OverwriteSalePrice, "overwrite-sale-price", false, "覆盖销售价: allow overwriting DianJia's sale prices")
	fs.BoolVar(&s.OnlyLabelled, "only-labelled", false, "仅同步含店加标签: only products with the label")
	fs.StringVar(&s.Label, "label", dianjia.LabelDianJia, "标签: the label to look for")
	fs.BoolVar(&s.CategoryOnce, "category-once", false, "仅同步一次类目: the first sync assigns 其他, later ones keep the category")
	fs.Func("mount-category", "挂载类目 as CODE or CODE:NAME, of DianJia's first level (default C01:服装)", func(text string) error {
		s.MountCategory.Code, s.MountCategory.Name, _ = strings.Cut(text, ":")
		return nil
	})
	fs.StringVar(&s.SpecTemplate, "spec-template", "颜色尺码", "规格模板 of new products")
	fs.Func("source", "source of a field, such as year=ups:年份 or season=other:2|label:季节-; may be repeated. "+
		"Fields: "+sourceFields()+". Sources: ups:NAME (with -spu), other:1 to other:10, label:PREFIX, category, const:VALUE; separated by |, the first with a value counts", s.source)
	fs.IntVar(&s.days, "days", 7, "products changed within this many days")
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	if err := s.Validate(); err != nil {
		return err // reports contradicting settings before anything is read
	}
	s.config.PullSPU = s.PullSPU
	for row, err := range a.Client.Categories.All(ctx, &jushuitan.CategoryQuery{}) {
		if err != nil {
			return err
		}
		s.config.Categories = append(s.config.Categories, *row)
	}
	mapper, err := mapping.NewProductMapper(s.config)
	if err != nil {
		return err
	}
	for _, w := range mapper.Warnings() {
		a.Printf("warning 提示: %s\n", w)
	}
	d := &download{settings: s, mapper: mapper, catalogue: map[string]*dianjia.Product{}}
	report, err := d.once(ctx, a)
	if err != nil {
		return err
	}
	report.print(a)
	if a.Real() {
		return nil
	}
	return d.demo(ctx, a)
}

// download is the work for one merchant.
type download struct {
	*settings
	mapper    *mapping.ProductMapper
	catalogue map[string]*dianjia.Product // DianJia's products by 货号
}

// once downloads what changed and stores what the settings determine.
func (d *download) once(ctx context.Context, a *app.App) (*report, error) {
	r := &report{}
	products := d.mapper.Grouper()
	begin := time.Now().AddDate(0, 0, -max(d.days, 1))
	if d.PullSPU {
		for item, err := range a.Client.Items.All(ctx, &jushuitan.ItemQuery{ModifiedBegin: begin}) {
			if err != nil {
				return nil, err
			}
			r.rows++
			products.AddItem(item)
		}
	} else {
		for sku, err := range a.Client.SKUs.All(ctx, &jushuitan.SKUQuery{ModifiedBegin: begin}) {
			if err != nil {
				return nil, err
			}
			r.rows++
			products.AddSKU(sku)
		}
	}

	stored := func(styleNo string) bool { return d.catalogue[styleNo] != nil }
	if !d.PullSPU && d.AutoCreate {
		// Rows of a window may be a part of a new style's SKUs: it is created with all of them.
		for _, query := range mapping.SiblingQueries(slices.Collect(products.Products()), stored) {
			for sku, err := range a.Client.SKUs.All(ctx, query) {
				if err != nil {
					return nil, err
				}
				products.AddSKU(sku)
			}
		}
	}
	r.moved = mapping.MovedSKUs(slices.Collect(maps.Values(d.catalogue)), slices.Collect(products.Products()))

	checker := mapping.NewCollisionChecker(0)
	for p := range products.Products() {
		r.collisions = checker.Append(r.collisions, p)
		decision := d.Plan(d.catalogue[p.StyleNo], p)
		r.decisions = append(r.decisions, named{cmp.Or(p.StyleNo, "("+p.Name+")"), decision})
		if product, ok := decision.ToStore(); ok {
			// A host stores the product in a transaction with its log of reasons.
			d.catalogue[p.StyleNo] = product
		}
	}
	r.missing = d.mapper.MissingReports(products.Products())
	return r, nil
}

// sourceFields lists the fields that have a source, such as "year 年份, season 季节".
func sourceFields() string {
	var names []string
	for _, field := range mapping.FieldsWithSource() {
		names = append(names, fmt.Sprintf("%s %s", field, field.Title()))
	}
	return strings.Join(names, ", ")
}

// source reads a -source flag.
func (s *settings) source(text string) error {
	field, from, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q is not FIELD=SOURCE / 应为 字段=来源", text)
	}
	var sources []mapping.FieldSource
	for part := range strings.SplitSeq(from, "|") {
		source, err := parseSource(part)
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	source := sources[0]
	if len(sources) > 1 {
		source = mapping.FromFirst(sources...)
	}
	target := s.config.Source(mapping.ProductField(field))
	if target == nil {
		return fmt.Errorf("field %q is not one of %s / 字段应为其中之一", field, sourceFields())
	}
	*target = source
	return nil
}

func parseSource(text string) (mapping.FieldSource, error) {
	kind, arg, _ := strings.Cut(text, ":")
	switch {
	case kind == "ups" && arg != "":
		return mapping.FromUps(arg), nil
	case kind == "other":
		var n int
		if _, err := fmt.Sscanf(arg, "%d", &n); err == nil && n >= 1 && n <= 10 && arg == fmt.Sprint(n) {
			return mapping.FromOther(n), nil
		}
	case kind == "label" && arg != "":
		return mapping.FromLabelPrefix(arg), nil
	case text == "category":
		return mapping.FromCategory(), nil
	case kind == "const" && arg != "":
		return mapping.FromConstant(arg), nil
	}
	return mapping.FieldSource{}, fmt.Errorf("source %q is not ups:NAME, other:1 to other:10, label:PREFIX, category or const:VALUE / 来源写法有误", text)
}
