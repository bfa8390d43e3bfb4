package jushuitantest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// AddBundle adds a bundle (组合装), or replaces the one with the same sku_id. A bundle has no
// stock of its own. Its components must exist; without an i_id it is its own style, without
// Enabled it is enabled.
func (c *Company) AddBundle(b jushuitan.Bundle) error {
	defer c.change()()
	b = deepCopy(b)
	if why := c.bundleProblem(&b); why != "" {
		return problem("AddBundle: %s", why)
	}
	b.Enabled = cmp.Or(b.Enabled, 1)
	c.putBundle(&b)
	return nil
}

// bundleProblem returns why a bundle cannot be kept. That components must exist is an
// assumption.
func (c *Company) bundleProblem(b *jushuitan.Bundle) string {
	switch {
	case b.SKUID == "":
		return "sku_id is missing"
	case c.skus[b.SKUID] != nil:
		return "商品编码 " + b.SKUID + " 已是普通商品"
	case len(b.Items) == 0:
		return "组合装 " + b.SKUID + " 没有子商品"
	}
	for _, it := range b.Items {
		switch {
		case c.skus[it.SrcSKUID] == nil:
			return "子商品编码 " + it.SrcSKUID + " 不存在"
		case !it.Qty.IsPositive():
			return "子商品 " + it.SrcSKUID + " 的数量必须大于0"
		}
	}
	if b.EntitySKUID == "" {
		return ""
	}
	used := slices.ContainsFunc(c.bundles, func(o *jushuitan.Bundle) bool { return o.EntitySKUID == b.EntitySKUID && o.SKUID != b.SKUID })
	if c.skus[b.EntitySKUID] == nil || used {
		return "实体编码 " + b.EntitySKUID + " 不存在或已被其他组合装使用"
	}
	return ""
}

func (c *Company) putBundle(b *jushuitan.Bundle) {
	b.IID, b.Name = cmp.Or(b.IID, b.SKUID), cmp.Or(b.Name, b.SKUID)
	b.SKUQty = decimal.NewFromInt(int64(len(b.Items)))
	b.Modified = c.now
	for i := range b.Items {
		b.Items[i].CombineSKUID, b.Items[i].Modified = b.SKUID, c.now
	}
	i := slices.IndexFunc(c.bundles, func(o *jushuitan.Bundle) bool { return o.SKUID == b.SKUID })
	if i >= 0 {
		b.Created = c.bundles[i].Created
		c.bundles[i] = b
		return
	}
	b.Created = c.now
	c.bundles = append(c.bundles, b)
}

func (c *Company) bundle(skuID string) *jushuitan.Bundle {
	for _, b := range c.bundles {
		if b.SKUID == skuID {
			return b
		}
	}
	return nil
}

func (c *Company) queryBundles(q *call, req jushuitan.BundleQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Bundle
	for _, b := range c.bundles {
		if within.holds(b.Modified) && wanted(req.SKUIDs, b.SKUID) && wanted(req.IIDs, b.IID) {
			rows = append(rows, b)
		}
	}
	byModified(rows, func(b *jushuitan.Bundle) time.Time { return b.Modified }, func(b *jushuitan.Bundle) string { return b.SKUID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{"labels": `""`, "items": "[]"})
}

// bundleStates are the texts of enabled in an upload, see the catalog.
var bundleStates = map[string]int64{"启用": 1, "备用": 0, "禁用": -1}

// uploadBundles keeps all bundles of a call or none.
func (c *Company) uploadBundles(_ *call, req jushuitan.BundleUploadRequest) answer {
	taken := make([]*jushuitan.Bundle, 0, len(req.Items))
	for i := range req.Items {
		u := &req.Items[i]
		old := c.bundle(u.SKUID)
		if old != nil && req.IsCover != nil && !*req.IsCover {
			continue
		}
		b := uploadedBundle(old, u, req.IsAddLabels != "false")
		if _, ok := bundleStates[u.Enabled]; !ok && u.Enabled != "" {
			return refuse(codeBadData, "items[%d].enabled：应为 启用、备用 或 禁用", i)
		}
		if why := c.bundleProblem(b); why != "" {
			return refuse(codeBadData, "items[%d]：%s", i, why)
		}
		taken = append(taken, b)
	}
	for _, b := range taken {
		c.putBundle(b)
	}
	return done(nil)
}

// uploadedBundle returns a bundle with the values of an upload; empty ones change nothing.
func uploadedBundle(old *jushuitan.Bundle, u *jushuitan.BundleUpload, addLabels bool) *jushuitan.Bundle {
	b := jushuitan.Bundle{SKUID: u.SKUID, Enabled: 1}
	if old != nil {
		b = deepCopy(*old)
	}
	for _, p := range []struct{ to, from *string }{
		{&b.IID, &u.IID}, {&b.EntitySKUID, &u.EntitySKUID}, {&b.Name, &u.Name}, {&b.PropertiesValue, &u.PropertiesValue},
		{&b.Brand, &u.Brand}, {&b.Pic, &u.Pic}, {&b.ShortName, &u.ShortName}, {&b.Remark, &u.Remark},
		{&b.Other1, &u.Other1}, {&b.Other2, &u.Other2}, {&b.Other3, &u.Other3}, {&b.Other4, &u.Other4}, {&b.Other5, &u.Other5},
	} {
		*p.to = cmp.Or(*p.from, *p.to)
	}
	for _, p := range []struct{ to, from *decimal.Decimal }{
		{&b.CostPrice, u.CostPrice}, {&b.SalePrice, u.ComposeSalePrice}, {&b.OtherPrice1, u.OtherPrice1}, {&b.OtherPrice2, u.OtherPrice2},
		{&b.OtherPrice3, u.OtherPrice3}, {&b.OtherPrice4, u.OtherPrice4}, {&b.OtherPrice5, u.OtherPrice5},
	} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
	if state, ok := bundleStates[u.Enabled]; ok {
		b.Enabled = state
	}
	if u.IsAddLabels != nil {
		addLabels = *u.IsAddLabels
	}
	if !addLabels && len(u.Labels) > 0 {
		b.Labels = nil
	}
	for _, l := range u.Labels {
		if !slices.Contains(b.Labels, l) {
			b.Labels = append(b.Labels, l)
		}
	}
	b.Labels = slices.DeleteFunc(b.Labels, func(l string) bool {
		return slices.Contains(u.DeletedLabels, l) || slices.Contains(u.DeleteLabelsAlt, l)
	})
	b.Items = nil
	for _, part := range u.Components {
		b.Items = append(b.Items, jushuitan.BundleComponent{SrcSKUID: part.SrcSKUID, Qty: part.Qty, SalePrice: part.SalePrice})
	}
	return &b
}
