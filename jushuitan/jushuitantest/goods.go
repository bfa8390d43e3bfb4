package jushuitantest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// AddSKU adds a product (普通商品), or replaces the one with the same sku_id. Without
// an i_id it is its own style; without Enabled it is enabled.
func (c *Company) AddSKU(sku jushuitan.SKU) error {
	if sku.SKUID == "" {
		return problem("AddSKU: sku_id is missing")
	}
	defer c.change()()
	sku = deepCopy(sku)
	sku.Enabled = cmp.Or(sku.Enabled, 1)
	c.putSKU(&sku)
	return nil
}

func (c *Company) putSKU(sku *jushuitan.SKU) {
	sku.IID = cmp.Or(sku.IID, sku.SKUID)
	sku.Name = cmp.Or(sku.Name, sku.SKUID)
	sku.SKUType = cmp.Or(sku.SKUType, "normal")
	old := c.skus[sku.SKUID]
	if sku.Modified.IsZero() || old != nil {
		sku.Modified = c.now
	}
	if old != nil {
		sku.Created = old.Created
	} else {
		c.skuOrder = append(c.skuOrder, sku.SKUID)
	}
	if sku.Created.IsZero() {
		sku.Created = sku.Modified
	}
	c.skus[sku.SKUID] = sku
	for _, k := range c.stockOrder {
		if k.sku == sku.SKUID {
			c.stock[k].IID, c.stock[k].Name = sku.IID, sku.Name
		}
	}
}

// AddItem adds the properties of a style (款) that its SKUs lack, such as category
// properties (Ups), or replaces those of the style with the same i_id. Its SKUs are
// added as by [Company.AddSKU]; existing SKUs of the style stay.
func (c *Company) AddItem(item jushuitan.Item) error {
	if item.IID == "" {
		return problem("AddItem: i_id is missing")
	}
	for i, s := range item.SKUs {
		if s.SKUID == "" {
			return problem("AddItem: skus[%d].sku_id is missing", i)
		}
	}
	defer c.change()()
	item = deepCopy(item)
	for _, s := range item.SKUs {
		c.putSKU(&jushuitan.SKU{
			SKUID: s.SKUID, IID: item.IID, Name: cmp.Or(s.Name, item.Name), ShortName: s.ShortName,
			SalePrice: s.SalePrice, CostPrice: s.CostPrice, MarketPrice: s.MarketPrice, PurchasePrice: s.PurchasePrice,
			PropertiesValue: s.PropertiesValue, CID: cmp.Or(s.CID, item.CID), Category: cmp.Or(s.Category, item.CName),
			VCName: cmp.Or(s.VCName, item.VCName), Brand: cmp.Or(s.Brand, item.Brand), Pic: s.Pic, PicBig: s.PicBig,
			Enabled: cmp.Or(s.Enabled, 1), Weight: s.Weight, SKUCode: s.SKUCode, Remark: s.Remark,
			ItemType: s.ItemType, Unit: s.Unit, Labels: s.Labels,
			SupplierName: s.SupplierName, SupplierSKUID: s.SupplierSKUID, SupplierIID: s.SupplierIID,
			OtherPrice1: s.OtherPrice1, OtherPrice2: s.OtherPrice2, OtherPrice3: s.OtherPrice3,
			OtherPrice4: s.OtherPrice4, OtherPrice5: s.OtherPrice5,
			Other1: s.Other1, Other2: s.Other2, Other3: s.Other3, Other4: s.Other4, Other5: s.Other5,
		})
	}
	item.SKUs = nil
	item.CoID = c.id
	item.Modified = c.now
	if old := c.items[item.IID]; old != nil {
		item.Created = old.Created
	}
	if item.Created.IsZero() {
		item.Created = c.now
	}
	c.items[item.IID] = &item
	return nil
}

func (c *Company) querySKUs(q *call, req jushuitan.SKUQuery) answer {
	var rows []*jushuitan.SKU
	for _, id := range c.skuOrder {
		s := c.skus[id]
		if !wantsSKU(&req, s) {
			continue
		}
		row := *s
		if !slices.Contains(req.Fields, "purchase_price") {
			row.PurchasePrice = decimal.Decimal{}
		}
		if !slices.Contains(req.Fields, "pics") {
			row.Pics = nil
		}
		rows = append(rows, &row)
	}
	byModified(rows, func(s *jushuitan.SKU) time.Time { return s.Modified }, func(s *jushuitan.SKU) string { return s.SKUID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{
		"sale_price": "0", "cost_price": "0", "market_price": "0", "labels": `""`, "properties_value": `""`, "sku_code": `""`, "brand": `""`,
	})
}

func wantsSKU(req *jushuitan.SKUQuery, s *jushuitan.SKU) bool {
	t := s.Modified
	if req.DateField == "created" {
		t = s.Created
	}
	return span{req.ModifiedBegin, req.ModifiedEnd}.holds(t) && wanted(req.SKUIDs, s.SKUID) && wanted(req.IIDs, s.IID) &&
		matches(req.ExactlyName, s.Name) && strings.Contains(s.Name, req.Name) &&
		(len(req.SKUCodes) == 0 || overlap(req.SKUCodes, append(slices.Clone(s.SKUCodes), s.SKUCode))) &&
		wanted(req.Brand, s.Brand) && (len(req.Labels) == 0 || overlap(req.Labels, s.Labels)) && !overlap(req.NotLabels, s.Labels)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// styles returns the items, composed of the SKUs, AddItem and uploads.
func (c *Company) styles() []*jushuitan.Item {
	byIID := map[string]*jushuitan.Item{}
	var rows []*jushuitan.Item
	style := func(id string) *jushuitan.Item {
		it := byIID[id]
		if it == nil {
			it = &jushuitan.Item{IID: id, CoID: c.id}
			if head := c.items[id]; head != nil {
				copied := *head
				it = &copied
			}
			byIID[id] = it
			rows = append(rows, it)
		}
		return it
	}
	for _, id := range c.skuOrder {
		s := c.skus[id]
		it := style(s.IID)
		it.Name = cmp.Or(it.Name, s.Name)
		it.Brand, it.CName, it.VCName = cmp.Or(it.Brand, s.Brand), cmp.Or(it.CName, s.Category), cmp.Or(it.VCName, s.VCName)
		it.CID, it.Pic, it.Unit = cmp.Or(it.CID, s.CID), cmp.Or(it.Pic, s.Pic), cmp.Or(it.Unit, s.Unit)
		it.ItemType, it.Remark = cmp.Or(it.ItemType, s.ItemType), cmp.Or(it.Remark, s.Remark)
		for _, p := range []struct{ to, from *decimal.Decimal }{
			{&it.SPrice, &s.SalePrice}, {&it.CPrice, &s.CostPrice}, {&it.MarketPrice, &s.MarketPrice}, {&it.Weight, &s.Weight},
		} {
			if p.to.IsZero() {
				*p.to = *p.from
			}
		}
		if it.Created.IsZero() || s.Created.Before(it.Created) {
			it.Created = s.Created
		}
		if s.Modified.After(it.Modified) {
			it.Modified = s.Modified
		}
		it.SKUs = append(it.SKUs, jushuitan.ItemSKU{
			CoID: c.id, SKUID: s.SKUID, IID: s.IID, Name: s.Name, CID: s.CID, Brand: s.Brand,
			MarketPrice: s.MarketPrice, SalePrice: s.SalePrice, CostPrice: s.CostPrice, PurchasePrice: s.PurchasePrice,
			Enabled: s.Enabled, Category: s.Category, PropertiesValue: s.PropertiesValue, SKUCode: s.SKUCode,
			Pic: s.Pic, PicBig: s.PicBig, Weight: s.Weight, ShortName: s.ShortName, ItemType: s.ItemType,
			SupplierName: s.SupplierName, SupplierSKUID: s.SupplierSKUID, SupplierIID: s.SupplierIID,
			Remark: s.Remark, VCName: s.VCName, Labels: s.Labels, Unit: s.Unit,
			OtherPrice1: s.OtherPrice1, OtherPrice2: s.OtherPrice2, OtherPrice3: s.OtherPrice3,
			OtherPrice4: s.OtherPrice4, OtherPrice5: s.OtherPrice5,
			Other1: s.Other1, Other2: s.Other2, Other3: s.Other3, Other4: s.Other4, Other5: s.Other5,
		})
	}
	for id := range c.items {
		style(id)
	}
	return rows
}

func (c *Company) queryItems(q *call, req jushuitan.ItemQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var ids []string
	for _, id := range req.IIDs {
		ids = append(ids, strings.Split(id, ",")...)
	}
	var rows []*jushuitan.Item
	for _, it := range c.styles() {
		t := it.Modified
		if req.DateField == "created" {
			t = it.Created
		}
		if !within.holds(t) || !wanted(ids, it.IID) {
			continue
		}
		if req.OnlyItem {
			it.SKUs = nil
		}
		rows = append(rows, it)
	}
	byModified(rows, func(it *jushuitan.Item) time.Time { return it.Modified }, func(it *jushuitan.Item) string { return it.IID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, map[string]string{"skus": "[]", "ups": "[]", "brand": `""`})
}

func (c *Company) uploadSKUs(_ *call, req jushuitan.SKUUploadRequest) answer {
	results := []map[string]any{}
	for _, u := range req.Items {
		sku := jushuitan.SKU{SKUID: u.SKUID, Enabled: 1}
		if old := c.skus[u.SKUID]; old != nil {
			sku = deepCopy(*old)
		}
		sku.IID, sku.Name = u.IID, u.Name
		for _, p := range []struct{ to, from *string }{
			{&sku.Brand, &u.Brand}, {&sku.VCName, &u.VCName}, {&sku.Category, &u.CName}, {&sku.ItemType, &u.ItemType},
			{&sku.Pic, &u.Pic}, {&sku.PicBig, &u.PicBig}, {&sku.Remark, &u.Remark}, {&sku.PropertiesValue, &u.PropertiesValue},
			{&sku.ShortName, &u.ShortName}, {&sku.SupplierName, &u.SupplierName}, {&sku.SupplierSKUID, &u.SupplierSKUID},
			{&sku.SupplierIID, &u.SupplierIID}, {&sku.SKUCode, &u.SKUCode}, {&sku.Unit, &u.Unit},
			{&sku.ProductionLicence, &u.ProductionLicence},
			{&sku.Other1, &u.Other1}, {&sku.Other2, &u.Other2}, {&sku.Other3, &u.Other3}, {&sku.Other4, &u.Other4}, {&sku.Other5, &u.Other5},
		} {
			*p.to = cmp.Or(*p.from, *p.to)
		}
		for _, p := range []struct{ to, from *decimal.Decimal }{
			{&sku.SalePrice, u.SPrice}, {&sku.CostPrice, u.CPrice}, {&sku.MarketPrice, u.MarketPrice}, {&sku.PurchasePrice, u.PurchasePrice},
			{&sku.Length, u.Length}, {&sku.Width, u.Width}, {&sku.Height, u.Height}, {&sku.Weight, u.Weight},
			{&sku.OtherPrice1, u.OtherPrice1}, {&sku.OtherPrice2, u.OtherPrice2}, {&sku.OtherPrice3, u.OtherPrice3},
			{&sku.OtherPrice4, u.OtherPrice4}, {&sku.OtherPrice5, u.OtherPrice5},
		} {
			if p.from != nil {
				*p.to = *p.from
			}
		}
		if u.Enabled != nil {
			sku.Enabled = *u.Enabled
		}
		sku.ShelfLife = cmp.Or(u.ShelfLife, sku.ShelfLife)
		if u.OtherCode != "" {
			sku.SKUCodes = strings.Split(u.OtherCode, ",")
		}
		for _, l := range u.Labels {
			if !slices.Contains(sku.Labels, l) {
				sku.Labels = append(sku.Labels, l)
			}
		}
		sku.Labels = slices.DeleteFunc(sku.Labels, func(l string) bool { return slices.Contains(u.DeletedLabels, l) })
		c.putSKU(&sku)
		if len(u.CategoryProperties) > 0 {
			c.setProperties(&sku, u.CategoryProperties)
		}
		results = append(results, map[string]any{"is_success": true, "sku_id": u.SKUID, "msg": ""})
	}
	return done(map[string]any{"datas": results})
}

// setProperties stores category properties in the style, where queries show them.
func (c *Company) setProperties(sku *jushuitan.SKU, props map[string]any) {
	head := c.items[sku.IID]
	if head == nil {
		head = &jushuitan.Item{IID: sku.IID, CoID: c.id, Created: c.now}
		c.items[sku.IID] = head
	}
	head.Modified = c.now
	names := make([]string, 0, len(props))
	for name := range props {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := fmt.Sprint(props[name])
		i := slices.IndexFunc(head.Ups, func(u jushuitan.ItemProperty) bool { return u.PName == name })
		if i < 0 {
			head.Ups = append(head.Ups, jushuitan.ItemProperty{PID: next(&c.nextLine), PName: name})
			i = len(head.Ups) - 1
		}
		head.Ups[i].PVID, head.Ups[i].PVValue = next(&c.nextLine), value
	}
}

func (c *Company) queryShopSKUs(q *call, req jushuitan.ShopSKUQuery) answer {
	modified := span{req.ModifiedBegin, req.ModifiedEnd}
	linked := span{req.LinkModifiedBegin, req.LinkModifiedEnd}
	created := span{req.CreatedBegin, req.CreatedEnd}
	var rows []*jushuitan.ShopSKU
	for _, s := range c.shopSKUs {
		if modified.holds(s.Modified) && linked.holds(s.LinkModified) && created.holds(s.Created) &&
			wanted(req.SKUIDs, s.SKUID) && (req.ShopID == 0 || s.ShopID == req.ShopID) {
			rows = append(rows, s)
		}
	}
	byModified(rows, func(s *jushuitan.ShopSKU) time.Time { return s.Modified }, func(s *jushuitan.ShopSKU) string { return s.ShopSKUID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, nil)
}

func (c *Company) uploadShopSKUs(_ *call, req jushuitan.ShopSKUUploadRequest) answer {
	for i, u := range req.Items {
		if c.shop(u.ShopID) == nil {
			return refuse(codeIntegrity, "items[%d]：店铺编号 %d 不存在", i, u.ShopID)
		}
	}
	for _, u := range req.Items {
		i := slices.IndexFunc(c.shopSKUs, func(s *jushuitan.ShopSKU) bool { return s.ShopID == u.ShopID && s.ShopSKUID == u.ShopSKUID })
		if i < 0 {
			c.shopSKUs = append(c.shopSKUs, &jushuitan.ShopSKU{
				CoID: c.id, ShopID: u.ShopID, ShopSKUID: u.ShopSKUID, Created: c.now, ShopCreated: c.now, Enabled: true,
				Channel: c.shop(u.ShopID).ShopSite,
			})
			i = len(c.shopSKUs) - 1
		}
		s := c.shopSKUs[i]
		s.SKUID, s.IID, s.ShopIID = u.SKUID, cmp.Or(u.IID, s.IID), u.ShopIID
		s.Name, s.PropertiesValue = cmp.Or(u.Name, s.Name), cmp.Or(u.ShopPropertiesValue, s.PropertiesValue)
		s.RawSKUID, s.OuterSKUCode = cmp.Or(u.OriginalSKUID, s.RawSKUID), cmp.Or(u.SKUCode, s.OuterSKUCode)
		s.Modified, s.LinkModified = c.now, c.now
		if c.skus[u.SKUID] != nil {
			s.LinkSKUID = u.SKUID
		}
	}
	return done(nil)
}

// bindShopSKUs is 绑定商品关系: the shop SKUs with these codes are mapped to one SKU.
func (c *Company) bindShopSKUs(_ *call, req jushuitan.ShopSKUBindRequest) answer {
	if c.skus[req.SKUID] == nil {
		return refuse(codeIntegrity, "商品编码 %s 不存在", req.SKUID)
	}
	for _, s := range c.shopSKUs {
		if slices.Contains(req.SKUCodes, s.ShopSKUID) && (req.SourceShopID == 0 || s.ShopID == req.SourceShopID) {
			s.SKUID, s.LinkSKUID, s.Modified, s.LinkModified = req.SKUID, req.SKUID, c.now, c.now
		}
	}
	return done(nil)
}

// shelve is 批量上架 or 批量下架: a row needs a bin or a box, whose member no source names,
// so one that has nothing but its SKU is refused as the platform was seen to refuse it.
func shelve(why string) func(*Company, *call, map[string]any) answer {
	return func(_ *Company, _ *call, req map[string]any) answer {
		for _, row := range objectsIn(req["items"]) {
			if len(row) < 2 {
				return refuse(codeToken, "%s", why) // code 100, which is also that of a token
			}
		}
		return done(map[string]any{})
	}
}
