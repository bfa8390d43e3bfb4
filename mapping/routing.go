package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// MallShopSite 商家自有商城 is the shop_site of a self-owned mall, the type of the shop
// that DianJia's orders go to.
const MallShopSite = "商家自有商城"

// routingEnabled is the status of a warehouse in use.
const routingEnabled = "生效"

// Routing 路由设置 is how a merchant has connected DianJia and Jushuitan: the settings
// that determine where orders go and where stock counts.
type Routing struct {
	Shops      []jushuitan.Shop           // 店铺: of the merchant in Jushuitan
	Warehouses []jushuitan.Warehouse      // 仓库: of the merchant in Jushuitan
	Stores     []dianjia.StoreBinding     // 绑定店仓
	Downloads  []dianjia.WarehouseBinding // 下载策略
	// MallShopID 自有商城店铺编号 is the shop_id that is configured for DianJia's orders;
	// zero if none. Shops whose site is [MallShopSite] are malls in any case.
	MallShopID int64
}

// CheckRouting looks for settings that lose, repeat or overstate orders and stock, and
// for misrouted orders. It reports:
//   - an order of the self-owned mall that was assigned to a virtual warehouse
//     (店加线下仓), from which it would return to the stores;
//   - stock that circulates: uploaded from a store to a warehouse of Jushuitan and
//     downloaded from there to the store;
//   - stock that is counted twice: a store bound to several warehouses, a warehouse
//     downloaded into several, a figure that two expressions count, or a downloaded
//     virtual warehouse;
//   - a binding to no warehouse, an unknown one, one that is out of use, or the main
//     one;
//   - a virtual warehouse with no or several order stores (指定下单店仓);
//   - a mall shop that is missing or of another type.
//
// An empty list of shops or warehouses means that it was not queried: nothing is
// reported as unknown then.
//
// A virtual warehouse is one to which a store is bound, or whose name is 店加线下仓,
// except the main warehouse. The findings are in a fixed order: shops, bindings, loops,
// then the orders in the given order. For a stream of orders use [NewRoutingChecker].
func CheckRouting(r Routing, orders ...*jushuitan.Order) []SetupFinding {
	check := NewRoutingChecker(r)
	found := check.Findings()
	for _, o := range orders {
		if f, bad := check.Order(o); bad {
			found = append(found, f)
		}
	}
	return found
}

// RoutingChecker is a [Routing] prepared for checking many orders. It is immutable and
// safe for concurrent use.
type RoutingChecker struct {
	r          Routing
	shops      map[int64]jushuitan.Shop
	warehouses map[int64]jushuitan.Warehouse
	main       map[int64]bool
	virtual    map[int64]bool
	ordered    []int64 // the virtual warehouses, ascending
}

// NewRoutingChecker returns a checker for r, which it copies.
func NewRoutingChecker(r Routing) *RoutingChecker {
	r.Shops, r.Warehouses = slices.Clone(r.Shops), slices.Clone(r.Warehouses)
	r.Stores, r.Downloads = slices.Clone(r.Stores), slices.Clone(r.Downloads)
	c := &RoutingChecker{
		r:          r,
		shops:      make(map[int64]jushuitan.Shop, len(r.Shops)),
		warehouses: make(map[int64]jushuitan.Warehouse, len(r.Warehouses)),
		main:       make(map[int64]bool),
		virtual:    make(map[int64]bool),
	}
	for _, s := range r.Shops {
		c.shops[s.ShopID] = s
	}
	for _, w := range r.Warehouses {
		number := routingNumber(w)
		c.warehouses[number] = w
		if w.IsMain {
			c.main[number] = true
		} else if strings.TrimSpace(w.Name) == dianjia.WarehouseName {
			c.virtual[number] = true
		}
	}
	for _, b := range r.Stores {
		if b.WMSCoID != 0 && !c.main[b.WMSCoID] {
			c.virtual[b.WMSCoID] = true
		}
	}
	c.ordered = warehouseKeys(c.virtual)
	return c
}

// routingNumber returns a warehouse's wms_co_id; the main one's is its company number.
func routingNumber(w jushuitan.Warehouse) int64 {
	if w.WMSCoID == 0 && w.IsMain {
		return w.CoID
	}
	return w.WMSCoID
}

// Order checks where an order was assigned; bad is false if nothing is wrong.
// Cancelled, merged and split orders are skipped.
func (c *RoutingChecker) Order(o *jushuitan.Order) (f SetupFinding, bad bool) {
	if o == nil || !c.virtual[o.WMSCoID] {
		return SetupFinding{}, false
	}
	switch OrderStateOf(o.Status) {
	case OrderCancelled, OrderReplaced:
		return SetupFinding{}, false
	}
	f = SetupFinding{ShopID: o.ShopID, WMSCoID: o.WMSCoID, OID: o.OID, SoID: o.SoID}
	shop, known := c.shops[o.ShopID]
	site := o.ShopSite
	if site == "" {
		site = shop.ShopSite
	}
	switch {
	case c.isMall(o.ShopID, shop.ShopSite), site == MallShopSite:
		return f.with(SetupMallOrderToVirtualWarehouse,
			fmt.Sprintf("order %d (so_id %q) of the self-owned mall shop %d was assigned to the virtual warehouse %d: it would come back to the stores",
				o.OID, o.SoID, o.ShopID, o.WMSCoID),
			fmt.Sprintf("自有商城店铺 %d 的订单 %d（线上单号 %q）分配到了店加线下仓 %d：订单会回流到门店",
				o.ShopID, o.OID, o.SoID, o.WMSCoID),
			"assign it to another warehouse, and exclude the shop from the virtual warehouse in Jushuitan's order assignment strategy",
			"请改派到其他仓库，并在聚水潭的订单分配策略中排除该店铺到店加线下仓的分配"), true
	case !known && site == "" && len(c.r.Shops) > 0:
		return f.with(SetupOrderShopUnknown,
			fmt.Sprintf("order %d (so_id %q) in the virtual warehouse %d belongs to shop %d, which is not in the list of shops: whether it is a mall is unknown",
				o.OID, o.SoID, o.WMSCoID, o.ShopID),
			fmt.Sprintf("店加线下仓 %d 中订单 %d（线上单号 %q）的店铺 %d 不在店铺列表中：无法判断是否为自有商城",
				o.WMSCoID, o.OID, o.SoID, o.ShopID),
			"query the shops again", "请重新查询店铺列表"), true
	}
	return SetupFinding{}, false
}

func (c *RoutingChecker) isMall(id int64, site string) bool {
	return site == MallShopSite || id != 0 && id == c.r.MallShopID
}

// Findings checks the settings without any order.
func (c *RoutingChecker) Findings() []SetupFinding {
	var found []SetupFinding
	found = append(found, c.shopFindings()...)
	found = append(found, c.storeFindings()...)
	found = append(found, c.downloadFindings()...)
	return append(found, c.loops()...)
}

func (c *RoutingChecker) shopFindings() []SetupFinding {
	if len(c.r.Shops) == 0 {
		return nil
	}
	id := c.r.MallShopID
	if id == 0 {
		for _, s := range c.r.Shops {
			if s.ShopSite == MallShopSite {
				return nil
			}
		}
		return []SetupFinding{SetupFinding{}.with(SetupMallShopMissing,
			"no shop is a self-owned mall: orders of stores and the mall cannot be shipped by a warehouse of Jushuitan",
			"没有“商家自有商城”类型的店铺：线下订单无法由电商仓发货",
			"create a shop of type 商家自有商城 in Jushuitan and enter its number in DianJia",
			"请在聚水潭新建“商家自有商城”店铺，并在店加填写其编号")}
	}
	shop, ok := c.shops[id]
	f := SetupFinding{ShopID: id}
	switch {
	case !ok:
		return []SetupFinding{f.with(SetupMallShopUnknown,
			fmt.Sprintf("the configured mall shop %d is not among the merchant's shops", id),
			fmt.Sprintf("配置的自有商城店铺编号 %d 不在商家的店铺中", id),
			"enter the shop_id of the merchant's shop of type 商家自有商城",
			"请填写商家“商家自有商城”店铺的编号")}
	case shop.ShopSite != "" && shop.ShopSite != MallShopSite:
		return []SetupFinding{f.with(SetupMallShopSiteWrong,
			fmt.Sprintf("the configured mall shop %d is of type %q", id, shop.ShopSite),
			fmt.Sprintf("配置的自有商城店铺 %d 的类型是 %q", id, shop.ShopSite),
			"enter the shop_id of the merchant's shop of type 商家自有商城",
			"请填写商家“商家自有商城”店铺的编号")}
	}
	return nil
}

func (c *RoutingChecker) storeFindings() []SetupFinding {
	found := warehouseStoreFindings(c.r.Stores)
	seen := map[int64]bool{}
	type designated struct{ stores, chosen int }
	chosen := map[int64]*designated{}
	for _, b := range c.r.Stores {
		if b.WMSCoID == 0 {
			continue
		}
		d := chosen[b.WMSCoID]
		if d == nil {
			d = &designated{}
			chosen[b.WMSCoID] = d
		}
		d.stores++
		if b.OrderStore {
			d.chosen++
		}
		if seen[b.WMSCoID] {
			continue
		}
		seen[b.WMSCoID] = true
		found = append(found, c.warehouseFindings(b.EntID, b.WMSCoID)...)
		if c.main[b.WMSCoID] {
			f := SetupFinding{EntID: b.EntID, StoreCode: b.StoreCode, WMSCoID: b.WMSCoID}
			found = append(found, f.with(SetupMainWarehouseBound,
				fmt.Sprintf("store %q is bound to the main warehouse %d: its stock would be added to that of the main warehouse", b.StoreCode, b.WMSCoID),
				fmt.Sprintf("店仓 %q 绑定到了主仓 %d：门店库存会并入主仓", b.StoreCode, b.WMSCoID),
				"bind the stores to a warehouse of their own, usually named "+dianjia.WarehouseName,
				"请把店仓绑定到单独的仓库，通常名为"+dianjia.WarehouseName))
		}
	}
	for _, id := range warehouseKeys(chosen) {
		f := SetupFinding{WMSCoID: id}
		switch n := chosen[id].chosen; {
		case n == 0:
			found = append(found, f.with(SetupOrderStoreMissing,
				fmt.Sprintf("none of the stores bound to warehouse %d is the order store", id),
				fmt.Sprintf("电商仓 %d 绑定的店仓中没有指定下单店仓", id),
				"designate the store in whose name online orders are entered", "请设置指定下单店仓"))
		case n > 1:
			found = append(found, f.with(SetupOrderStoreAmbiguous,
				fmt.Sprintf("%d of the stores bound to warehouse %d are order stores", n, id),
				fmt.Sprintf("电商仓 %d 有 %d 个指定下单店仓", id, n),
				"keep one order store", "请只保留一个指定下单店仓"))
		}
	}
	for _, id := range c.ordered {
		if chosen[id] != nil {
			continue
		}
		f := SetupFinding{WMSCoID: id}
		found = append(found, f.with(SetupVirtualWarehouseUnbound,
			fmt.Sprintf("no store is bound to the virtual warehouse %d: its orders would be shipped by nobody", id),
			fmt.Sprintf("店加线下仓 %d 没有绑定店仓：其订单无人发货", id),
			"bind the stores that take part", "请绑定参与发货的店仓"))
	}
	return found
}

// warehouseFindings checks a warehouse that a binding names.
func (c *RoutingChecker) warehouseFindings(entID string, id int64) []SetupFinding {
	if len(c.r.Warehouses) == 0 {
		return nil
	}
	f := SetupFinding{EntID: entID, WMSCoID: id}
	w, ok := c.warehouses[id]
	switch {
	case !ok:
		return []SetupFinding{f.with(SetupWarehouseUnknown,
			fmt.Sprintf("a binding names warehouse %d, which is not among the merchant's warehouses", id),
			fmt.Sprintf("绑定的仓库 %d 不在商家的仓库中", id),
			"correct the wms_co_id, or enable the warehouse in Jushuitan", "请更正电商仓编码，或在聚水潭启用该仓库")}
	case w.Status != "" && w.Status != routingEnabled:
		return []SetupFinding{f.with(SetupWarehouseDisabled,
			fmt.Sprintf("a binding names warehouse %d, which has the status %q", id, w.Status),
			fmt.Sprintf("绑定的仓库 %d 的状态是 %q", id, w.Status),
			"activate the warehouse in Jushuitan, or remove the binding", "请在聚水潭使该仓库生效，或解除绑定")}
	}
	return nil
}

func (c *RoutingChecker) downloadFindings() []SetupFinding {
	found := append(warehouseDownloadFindings(c.r.Downloads), warehouseTermFindings(c.r.Downloads)...)
	seen := map[int64]bool{}
	for _, b := range c.r.Downloads {
		if !b.DownloadStock {
			continue
		}
		if c.virtual[b.WMSCoID] {
			f := SetupFinding{EntID: b.EntID, WarehouseCode: b.WarehouseCode, WMSCoID: b.WMSCoID}
			found = append(found, f.with(SetupVirtualWarehouseDownloaded,
				fmt.Sprintf("the stock of the virtual warehouse %d is downloaded into %q: it is the stores' own stock, which DianJia already has", b.WMSCoID, b.WarehouseCode),
				fmt.Sprintf("店加线下仓 %d 的库存被下载到 %q：这是门店自己的库存，店加已有", b.WMSCoID, b.WarehouseCode),
				"do not download this warehouse", "请取消该仓库的库存下载"))
		}
		if b.WMSCoID != 0 && !seen[b.WMSCoID] {
			seen[b.WMSCoID] = true
			found = append(found, c.warehouseFindings(b.EntID, b.WMSCoID)...)
		}
	}
	return found
}

// A routingPlace is a warehouse of Jushuitan or a store or warehouse of DianJia.
type routingPlace struct {
	wms  int64
	ent  string
	code string
}

func (p routingPlace) String() string {
	if p.code == "" {
		return strconv.FormatInt(p.wms, 10)
	}
	return strconv.Quote(p.code)
}

func (p routingPlace) compare(q routingPlace) int {
	return cmp.Or(cmp.Compare(p.wms, q.wms), cmp.Compare(p.ent, q.ent), cmp.Compare(p.code, q.code))
}

// loops finds cycles of stock: a shortest one for each warehouse that is not yet part of a
// reported one.
func (c *RoutingChecker) loops() []SetupFinding {
	next, starts := c.flows()
	var found []SetupFinding
	inLoop := map[routingPlace]bool{}
	for _, start := range starts {
		if inLoop[start] {
			continue
		}
		path := routingLoop(next, start)
		if path == nil {
			continue
		}
		texts := make([]string, len(path))
		for i, p := range path {
			inLoop[p] = true
			texts[i] = p.String()
		}
		way := strings.Join(texts, " -> ")
		f := SetupFinding{EntID: path[1].ent, WMSCoID: start.wms, StoreCode: path[1].code, Path: texts}
		found = append(found, f.with(SetupStockLoop,
			fmt.Sprintf("stock circulates and grows with every sync: %s", way),
			fmt.Sprintf("库存循环累加：%s", way),
			"do not download this warehouse into a store or warehouse that feeds it", "请不要把该仓库的库存下载到为它供货的店仓"))
	}
	return found
}

// flows returns the places to which stock flows from each place, and Jushuitan's warehouses
// that supply any of them, both sorted.
func (c *RoutingChecker) flows() (next map[routingPlace][]routingPlace, starts []routingPlace) {
	next = map[routingPlace][]routingPlace{}
	add := func(from, to routingPlace) { next[from] = append(next[from], to) }
	for _, b := range c.r.Stores {
		if b.WMSCoID != 0 && b.StoreCode != "" {
			add(routingPlace{ent: b.EntID, code: b.StoreCode}, routingPlace{wms: b.WMSCoID})
		}
	}
	for _, b := range c.r.Downloads {
		if !b.DownloadStock || b.WarehouseCode == "" {
			continue
		}
		to := routingPlace{ent: b.EntID, code: b.WarehouseCode}
		if b.WMSCoID != 0 {
			add(routingPlace{wms: b.WMSCoID}, to)
			continue
		}
		for _, s := range c.r.Stores { // no wms_co_id is the sum of all warehouses
			if s.WMSCoID != 0 {
				add(routingPlace{wms: s.WMSCoID}, to)
			}
		}
	}
	for from := range next {
		slices.SortFunc(next[from], routingPlace.compare)
		next[from] = slices.Compact(next[from])
		if from.code == "" {
			starts = append(starts, from)
		}
	}
	slices.SortFunc(starts, routingPlace.compare)
	return next, starts
}

// routingLoop returns a shortest path from start back to start, both ends included, or nil.
func routingLoop(next map[routingPlace][]routingPlace, start routingPlace) []routingPlace {
	came := map[routingPlace]routingPlace{}
	queue := []routingPlace{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, to := range next[at] {
			if to == start {
				path := []routingPlace{start}
				for p := at; p != start; p = came[p] {
					path = append(path, p)
				}
				path = append(path, start)
				slices.Reverse(path)
				return path
			}
			if _, ok := came[to]; !ok {
				came[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil
}
