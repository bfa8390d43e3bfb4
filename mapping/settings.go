package mapping

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// SyncSettings are a merchant's settings of the product download (商品类目自动下载).
// The zero value changes products that DianJia has, by SKU, and creates none.
//
// 尺码组反匹配 (size group reverse match) is not supported: the option was discontinued and no
// longer has an effect.
type SyncSettings struct {
	// AutoCreate 自动建档 creates products that DianJia does not have; otherwise they
	// are skipped.
	AutoCreate bool
	// PullSPU 拉取SPU: products come by style, with category properties, and the
	// merchant maintains them in 商品维护. Otherwise they come by SKU, and a style may
	// come in parts.
	PullSPU bool
	// SkipSalePrice 不同步销售价: the retail price is never synced; new products have
	// none.
	SkipSalePrice bool
	// OverwriteSalePrice 覆盖销售价 is a separate permission: without it, DianJia's
	// retail price is kept, and only a missing one is filled.
	OverwriteSalePrice bool
	// OnlyLabelled 仅同步含店加标签: products without Label are skipped. By SKU, each SKU
	// needs the label; by style, one of its SKUs does.
	OnlyLabelled bool
	// Label 标签 is the label that counts, matched exactly; empty means 店加.
	Label string
	// CategoryOnce 仅同步一次类目: a new product is put into InitialCategory;
	// afterwards its category is maintained by hand.
	CategoryOnce bool
	// InitialCategory is the category 其他 in DianJia; an empty name means 其他.
	InitialCategory dianjia.Category
	// MountCategory 挂载类目 is a first-level category of DianJia: downloaded
	// categories are placed below it, and products without a category in it.
	MountCategory dianjia.Category
	// SpecTemplate 规格模板 is assigned to new products.
	SpecTemplate string
}

// Validate returns an error for settings that contradict each other or lack what is
// required to create products. [SyncSettings.Plan] does not require valid settings.
func (s SyncSettings) Validate() error {
	var errs []error
	wrong := func(text string) { errs = append(errs, errors.New("mapping: sync settings: "+text)) }
	if s.SkipSalePrice && s.OverwriteSalePrice {
		wrong("SkipSalePrice and OverwriteSalePrice contradict each other / “不同步销售价”与“覆盖销售价”不能同时开启")
	}
	if s.AutoCreate && s.MountCategory.Code == "" {
		wrong("AutoCreate needs the code of a mount category / 自动建档需要先设置挂载类目（类目编码）")
	}
	if s.MountCategory.ParentCode != "" {
		wrong("the mount category must be on the first level / 挂载类目必须是一级类目")
	}
	if s.AutoCreate && s.SpecTemplate == "" {
		wrong("AutoCreate needs a spec template / 自动建档需要先设置规格模板")
	}
	if strings.ContainsAny(s.Label, ",，") || s.Label != strings.TrimSpace(s.Label) {
		wrong("the label must be a single label without commas, and without blanks at its ends / 标签只能填一个，不能有逗号或首尾空格")
	}
	if !s.CategoryOnce && s.InitialCategory != (dianjia.Category{}) {
		wrong("an initial category without CategoryOnce has no effect / 未开启“仅同步一次类目”时无需设置初始类目")
	}
	return errors.Join(errs...)
}

// HasSyncLabel reports whether labels contain the configured label as a whole: 店加二期
// is not 店加. An entry may be a comma-separated list.
func (s SyncSettings) HasSyncLabel(labels []string) bool {
	label := cmp.Or(s.Label, dianjia.LabelDianJia)
	return slices.ContainsFunc(labels, func(entry string) bool {
		for part := range strings.FieldsFuncSeq(entry, func(r rune) bool { return r == ',' || r == '，' }) {
			if propTrim(part) == label {
				return true
			}
		}
		return false
	})
}

// initialCategory returns InitialCategory with its default name.
func (s SyncSettings) initialCategory() dianjia.Category {
	c := s.InitialCategory
	c.Name = cmp.Or(c.Name, dianjia.CategoryOther)
	return c
}
