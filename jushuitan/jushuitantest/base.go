package jushuitantest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// AddShop adds a shop (店铺), or replaces the one with the same shop_id. Without a site
// it is a self-owned mall (商家自有商城), which accepts uploads.
func (c *Company) AddShop(shop jushuitan.Shop) error {
	if shop.ShopID <= 0 {
		return problem("AddShop: shop_id is missing")
	}
	defer c.change()()
	shop.CoID = cmp.Or(shop.CoID, c.id)
	shop.ShopSite = cmp.Or(shop.ShopSite, "商家自有商城")
	if shop.Created.IsZero() {
		shop.Created = c.now
	}
	if old := c.shop(shop.ShopID); old != nil {
		*old = shop
		return nil
	}
	c.shops = append(c.shops, &shop)
	return nil
}

// AddWarehouse adds a warehouse (仓库), or replaces the one with the same wms_co_id.
// The main warehouse has IsMain set; its wms_co_id is the company's number by default.
func (c *Company) AddWarehouse(w jushuitan.Warehouse) error {
	defer c.change()()
	w.CoID = cmp.Or(w.CoID, c.id)
	if w.IsMain {
		w.WMSCoID = cmp.Or(w.WMSCoID, c.id)
	}
	if w.WMSCoID <= 0 {
		return problem("AddWarehouse: wms_co_id is missing")
	}
	if w.IsMain {
		if main := c.mainWarehouse(); main != nil && main.WMSCoID != w.WMSCoID {
			return problem("AddWarehouse: there is a main warehouse already: %d", main.WMSCoID)
		}
	}
	w.Status = cmp.Or(w.Status, "生效")
	for _, old := range c.warehouses {
		if old.WMSCoID == w.WMSCoID {
			*old = w
			return nil
		}
	}
	c.warehouses = append(c.warehouses, &w)
	return nil
}

// AddCarrier adds a carrier (物流公司), or replaces the one with the same lc_id. A
// company with carriers ships only with those; a company without any accepts every
// code.
func (c *Company) AddCarrier(carrier jushuitan.Carrier) error {
	if carrier.LCID == "" || carrier.LCName == "" {
		return problem("AddCarrier: lc_id or lc_name is missing")
	}
	defer c.change()()
	if carrier.Modified.IsZero() {
		carrier.Modified = c.now
	}
	for _, old := range c.carriers {
		if old.LCID == carrier.LCID {
			*old = carrier
			return nil
		}
	}
	c.carriers = append(c.carriers, &carrier)
	return nil
}

func (c *Company) shop(id int64) *jushuitan.Shop {
	for _, s := range c.shops {
		if s.ShopID == id {
			return s
		}
	}
	return nil
}

func (c *Company) mainWarehouse() *jushuitan.Warehouse {
	for _, w := range c.warehouses {
		if w.IsMain {
			return w
		}
	}
	return nil
}

// warehouse returns a warehouse; 0 means the main one.
func (c *Company) warehouse(id int64) (*jushuitan.Warehouse, error) {
	if id == 0 {
		if main := c.mainWarehouse(); main != nil {
			return main, nil
		}
		return nil, problem("there is no main warehouse: add one with IsMain, or name a warehouse")
	}
	for _, w := range c.warehouses {
		if w.WMSCoID == id {
			return w, nil
		}
	}
	return nil, problem("warehouse %d does not exist: AddWarehouse first", id)
}

// carrier fills in a carrier's name by its code, and refuses a carrier that the
// company does not use.
func (c *Company) carrier(lcID, name string) (string, error) {
	if len(c.carriers) == 0 {
		return cmp.Or(name, lcID), nil
	}
	for _, known := range c.carriers {
		if known.LCID == lcID || lcID == "" && known.LCName == name {
			return cmp.Or(name, known.LCName), nil
		}
	}
	return "", problem("carrier %q does not exist: AddCarrier first", cmp.Or(lcID, name))
}

func (c *Company) queryShops(q *call, req jushuitan.ShopQuery) answer {
	var rows []*jushuitan.Shop
	for _, s := range c.shops {
		if wanted(req.ShopIDs, s.ShopID) {
			rows = append(rows, s)
		}
	}
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize, usual: 100}, rows, nil)
}

func (c *Company) queryWarehouses(q *call, req jushuitan.WarehouseQuery) answer {
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, c.warehouses, map[string]string{"is_main": "false"})
}

func (c *Company) queryCarriers(q *call, req jushuitan.CarrierQuery) answer {
	within := span{req.ModifiedBegin, req.ModifiedEnd}
	var rows []*jushuitan.Carrier
	for _, l := range c.carriers {
		if within.holds(l.Modified) {
			rows = append(rows, l)
		}
	}
	rows = slices.Clone(rows)
	byModified(rows, func(l *jushuitan.Carrier) time.Time { return l.Modified }, func(l *jushuitan.Carrier) string { return l.LCID })
	return page(q, pageReq{index: req.PageIndex, size: req.PageSize}, rows, nil)
}

// takesUploads reports whether a shop of this site accepts uploaded orders:
// self-owned malls, offline and B2B shops do.
func takesUploads(site string) bool {
	for _, word := range []string{"自有", "线下", "B2B"} {
		if strings.Contains(site, word) {
			return true
		}
	}
	return false
}

// hidden reports whether orders/single/query omits the orders of a site:
// those of Taobao, Tmall and Pinduoduo need the Qimen twin.
func hidden(site string) bool {
	for _, word := range []string{"淘宝", "天猫", "拼多多"} {
		if strings.Contains(site, word) {
			return true
		}
	}
	return false
}
