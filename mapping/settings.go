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
// There is no 尺码组反匹配 (size group reverse match): the option has expired, and a
// merchant who has it on gets what one who has it off gets.
type SyncSettings struct {
	// AutoCreate 自动建档: products that DianJia does not have are created. Off, they
	// are skipped.
	AutoCreate bool
	// PullSPU 拉取SPU: products come by style, with category properties, and the
	// merchant maintains them in 商品维护. Off, they come by SKU, and a style may come
	// in parts.
	PullSPU bool
	// SkipSalePrice 不同步销售价: the retail price is never taken, new products have none.
	SkipSalePrice bool
	// OverwriteSalePrice 覆盖销售价 is a permission of its own: without it a retail
	// price that DianJia has stays, and only a missing one is filled.
	OverwriteSalePrice bool
	// OnlyLabelled 仅同步含店加标签: products without Label are skipped. By SKU, each SKU
	// needs the label; by style, one of its SKUs does.
	OnlyLabelled bool
	// Label 标签 is the one that counts, whole and case-sensitive; empty is 店加.
	Label string
	// CategoryOnce 仅同步一次类目: a new product goes to ParkingCategory, and from then on
	// its category is left to people.
	CategoryOnce bool
	// ParkingCategory is the category 其他 in DianJia; with an empty name it is that name.
	ParkingCategory dianjia.Category
	// MountCategory 挂载类目 is a first-level category of DianJia, below which
	// downloaded categories hang, and in which products without one are.
	MountCategory dianjia.Category
	// SpecTemplate 规格模板 is given to new products.
	SpecTemplate string
}

// Validate reports settings that contradict each other, and what DianJia needs to be
// told before products can be created. [SyncSettings.Plan] works without it.
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
		wrong("the label must be one label, without commas and blanks at its ends / 标签只能填一个，不能有逗号或首尾空格")
	}
	if !s.CategoryOnce && s.ParkingCategory != (dianjia.Category{}) {
		wrong("a parking category without CategoryOnce has no effect / 未开启“仅同步一次类目”时无需设置暂存类目")
	}
	return errors.Join(errs...)
}

// HasSyncLabel reports whether labels contain the configured label as a whole: 店加二期
// is not 店加. An entry may be a comma-separated list.
func (s SyncSettings) HasSyncLabel(labels []string) bool {
	label := cmp.Or(s.Label, dianjia.LabelDianJia)
	return slices.ContainsFunc(labels, func(entry string) bool {
		for part := range strings.FieldsFuncSeq(entry, func(r rune) bool { return r == ',' || r == '，' }) {
			if strings.TrimSpace(part) == label {
				return true
			}
		}
		return false
	})
}

// parking is the parking category.
func (s SyncSettings) parking() dianjia.Category {
	c := s.ParkingCategory
	c.Name = cmp.Or(c.Name, dianjia.CategoryOther)
	return c
}
