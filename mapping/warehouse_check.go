package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping/formula"
)

// CheckWarehouseSlots checks the warehouses in DianJia of a merchant that uses
// Jushuitan's WMS (业务三): one needs the number of the head warehouse as its code,
// preferably with the same name, and the return warehouse 销退仓 needs the code 2. head
// is the head warehouse in Jushuitan. It also reports downloads that count the same goods,
// as [CheckRouting] does.
func CheckWarehouseSlots(head jushuitan.Warehouse, bindings []dianjia.WarehouseBinding) []SetupFinding {
	number := routingNumber(head)
	var found []SetupFinding
	var main, back []dianjia.WarehouseBinding
	for _, b := range bindings {
		if !warehouseSlotKnown(b.Slot) {
			found = append(found, warehouseSlotFinding(b))
		}
		if b.WarehouseCode == dianjia.ReturnWarehouseCode && b.Slot != dianjia.SlotSalesReturn {
			found = append(found, warehouseFinding(b).with(SetupReturnCodeTaken,
				fmt.Sprintf("warehouse code %s, which is for the return warehouse, is bound to slot %d", dianjia.ReturnWarehouseCode, b.Slot),
				fmt.Sprintf("编码 %s 应为销退仓，但绑定的仓位是 %d", dianjia.ReturnWarehouseCode, b.Slot),
				"bind it to slot 2, or give the warehouse another code", "请绑定到仓位 2（销退仓），或更换仓库编码"))
		}
		if b.WMSCoID != number {
			continue
		}
		switch b.Slot {
		case 0, dianjia.SlotMain:
			main = append(main, b)
		case dianjia.SlotSalesReturn:
			back = append(back, b)
		}
	}
	found = append(found, checkHeadWarehouse(head, number, main)...)
	found = append(found, checkReturnWarehouse(number, back)...)
	return append(found, warehouseTermFindings(bindings)...)
}

// checkHeadWarehouse checks the bindings of the head warehouse's main slot.
func checkHeadWarehouse(head jushuitan.Warehouse, number int64, main []dianjia.WarehouseBinding) (found []SetupFinding) {
	code := strconv.FormatInt(number, 10)
	coded := slices.IndexFunc(main, func(b dianjia.WarehouseBinding) bool { return b.WarehouseCode == code })
	switch {
	case len(main) == 0:
		found = append(found, SetupFinding{WMSCoID: number}.with(SetupHeadWarehouseMissing,
			fmt.Sprintf("no warehouse of DianJia is bound to the head warehouse %d", number),
			fmt.Sprintf("没有绑定聚水潭总仓 %d 的店加仓库", number),
			"create a warehouse with the code "+code+" and bind it", "请新建编码为 "+code+" 的仓库并绑定"))
	case coded < 0:
		found = append(found, warehouseFinding(main[0]).with(SetupHeadWarehouseCode,
			fmt.Sprintf("the code of the head warehouse is %q, in Jushuitan it is %s", main[0].WarehouseCode, code),
			fmt.Sprintf("总仓编码是 %q，聚水潭中是 %s", main[0].WarehouseCode, code),
			"create a warehouse with the code "+code, "请新建编码为 "+code+" 的仓库"))
	case head.Name != "" && main[coded].WarehouseName != "" && strings.TrimSpace(main[coded].WarehouseName) != strings.TrimSpace(head.Name):
		found = append(found, warehouseFinding(main[coded]).with(SetupHeadWarehouseName,
			fmt.Sprintf("the head warehouse is named %q, in Jushuitan %q", main[coded].WarehouseName, head.Name),
			fmt.Sprintf("总仓名称是 %q，聚水潭中是 %q", main[coded].WarehouseName, head.Name),
			"use the same name for both, so that people recognize the warehouse", "建议使用相同名称，便于识别"))
	}
	return found
}

// checkReturnWarehouse checks the bindings of the head warehouse's sales-return slot.
func checkReturnWarehouse(number int64, back []dianjia.WarehouseBinding) (found []SetupFinding) {
	if len(back) == 0 {
		found = append(found, SetupFinding{WMSCoID: number}.with(SetupReturnWarehouseMissing,
			fmt.Sprintf("no warehouse of DianJia is bound to the sales-return slot of the head warehouse %d", number),
			fmt.Sprintf("没有绑定聚水潭总仓 %d 销退仓的店加仓库", number),
			"create a return warehouse with the code "+dianjia.ReturnWarehouseCode, "请新建编码为 "+dianjia.ReturnWarehouseCode+" 的销退仓"))
	}
	for _, b := range back {
		if b.WarehouseCode != dianjia.ReturnWarehouseCode {
			found = append(found, warehouseFinding(b).with(SetupReturnWarehouseCode,
				fmt.Sprintf("the code of the return warehouse is %q, it must be %s", b.WarehouseCode, dianjia.ReturnWarehouseCode),
				fmt.Sprintf("销退仓编码是 %q，必须为 %s", b.WarehouseCode, dianjia.ReturnWarehouseCode),
				"create a return warehouse with the code "+dianjia.ReturnWarehouseCode, "请新建编码为 "+dianjia.ReturnWarehouseCode+" 的销退仓"))
		}
	}
	return found
}

func warehouseSlotKnown(s dianjia.WarehouseSlot) bool {
	return s >= 0 && s <= dianjia.SlotDefective
}

func warehouseSlotFinding(b dianjia.WarehouseBinding) SetupFinding {
	return warehouseFinding(b).with(SetupSlotUnknown,
		fmt.Sprintf("warehouse %q is bound to slot %d, which has no figure of its own", b.WarehouseCode, b.Slot),
		fmt.Sprintf("仓库 %q 绑定的仓位 %d 没有对应的库存", b.WarehouseCode, b.Slot),
		"choose 1 main, 2 sales return, 3 purchase-in or 4 defective", "请选择 1 主仓、2 销退仓、3 进货仓或 4 次品仓")
}

// warehouseFinding returns a finding about a binding.
func warehouseFinding(b dianjia.WarehouseBinding) SetupFinding {
	return SetupFinding{EntID: b.EntID, WarehouseCode: b.WarehouseCode, WMSCoID: b.WMSCoID}
}

// warehouseMixed returns a finding if the bindings are of several merchants.
func warehouseMixed(ents []string) []SetupFinding {
	for _, ent := range ents {
		if ent != ents[0] {
			return []SetupFinding{SetupFinding{EntID: ent}.with(SetupMerchantsMixed,
				fmt.Sprintf("bindings of the merchants %q and %q are mixed", ents[0], ent),
				fmt.Sprintf("混有商家 %q 和 %q 的绑定", ents[0], ent),
				"pass the bindings of one merchant at a time", "请按商家分别处理")}
		}
	}
	return nil
}

// warehouseStoreFindings checks the bindings of stores against each other.
func warehouseStoreFindings(bindings []dianjia.StoreBinding) []SetupFinding {
	ents := make([]string, len(bindings))
	for i, b := range bindings {
		ents[i] = b.EntID
	}
	found := warehouseMixed(ents)
	bound := map[string][]int64{}
	for _, b := range bindings {
		f := SetupFinding{EntID: b.EntID, StoreCode: b.StoreCode, WMSCoID: b.WMSCoID}
		before := bound[b.StoreCode]
		switch {
		case b.StoreCode == "":
			found = append(found, f.with(SetupBindingCodeMissing,
				fmt.Sprintf("a store without a code is bound to warehouse %d", b.WMSCoID),
				fmt.Sprintf("绑定到电商仓 %d 的店仓没有编码", b.WMSCoID),
				"enter the store's code, or remove the binding", "请填写店仓编码或解除绑定"))
			continue
		case b.WMSCoID == 0:
			found = append(found, f.with(SetupStoreWithoutWarehouse,
				fmt.Sprintf("store %q is bound to no warehouse, so it ships no orders", b.StoreCode),
				fmt.Sprintf("店仓 %q 没有电商仓编码：不参与发货", b.StoreCode),
				"enter the wms_co_id of the virtual warehouse", "请填写电商仓编码（wms_co_id）"))
			continue
		case slices.Contains(before, b.WMSCoID):
			found = append(found, f.with(SetupStoreBoundTwice,
				fmt.Sprintf("store %q is bound to warehouse %d more than once; it counts once", b.StoreCode, b.WMSCoID),
				fmt.Sprintf("店仓 %q 重复绑定电商仓 %d，只计一次", b.StoreCode, b.WMSCoID),
				"remove all bindings but one", "请删除重复的绑定"))
			continue
		case len(before) > 0:
			found = append(found, f.with(SetupStoreShared,
				fmt.Sprintf("store %q is bound to warehouse %d and to %d: the same pieces would be offered twice", b.StoreCode, before[0], b.WMSCoID),
				fmt.Sprintf("店仓 %q 同时绑定电商仓 %d 和 %d：同一库存会重复计算", b.StoreCode, before[0], b.WMSCoID),
				"bind it to one warehouse, or choose SharedSplit or SharedFull", "请只绑定一个电商仓，或选择 SharedSplit、SharedFull"))
		}
		bound[b.StoreCode] = append(before, b.WMSCoID)
	}
	return found
}

// warehouseSources counts the warehouses of Jushuitan that are downloaded.
func warehouseSources(bindings []dianjia.WarehouseBinding) int {
	seen := map[int64]bool{}
	for _, b := range bindings {
		if b.DownloadStock && b.WarehouseCode != "" {
			seen[b.WMSCoID] = true
		}
	}
	return len(seen)
}

// warehouseDownloadFindings checks the bindings that download stock against each other.
func warehouseDownloadFindings(bindings []dianjia.WarehouseBinding) []SetupFinding {
	var ents []string
	for _, b := range bindings {
		if b.DownloadStock {
			ents = append(ents, b.EntID)
		}
	}
	found := warehouseMixed(ents)
	targets := map[warehouseSource][]string{}
	for _, b := range bindings {
		if !b.DownloadStock {
			continue
		}
		source := warehouseSourceOf(b)
		before := targets[source]
		f := warehouseFinding(b)
		switch {
		case b.WarehouseCode == "":
			found = append(found, f.with(SetupBindingCodeMissing,
				fmt.Sprintf("warehouse %d of Jushuitan is downloaded into a warehouse without a code", b.WMSCoID),
				fmt.Sprintf("聚水潭仓库 %d 对应的店加仓库没有编码", b.WMSCoID),
				"enter the warehouse's code, or remove the binding", "请填写仓库编码或解除绑定"))
			continue
		case slices.Contains(before, b.WarehouseCode):
			found = append(found, f.with(SetupDownloadBoundTwice,
				fmt.Sprintf("warehouse %d, slot %d is downloaded into %q more than once; the first binding counts", b.WMSCoID, source.slot, b.WarehouseCode),
				fmt.Sprintf("聚水潭仓库 %d 仓位 %d 重复下载到 %q，以第一条为准", b.WMSCoID, source.slot, b.WarehouseCode),
				"remove all bindings but one", "请删除重复的绑定"))
			continue
		case len(before) > 0:
			found = append(found, f.with(SetupDownloadShared,
				fmt.Sprintf("warehouse %d, slot %d is downloaded into %q and into %q: the same pieces would be counted twice", b.WMSCoID, source.slot, before[0], b.WarehouseCode),
				fmt.Sprintf("聚水潭仓库 %d 仓位 %d 同时下载到 %q 和 %q：同一库存会重复计算", b.WMSCoID, source.slot, before[0], b.WarehouseCode),
				"download it into one warehouse, or choose SharedSplit or SharedFull", "请只下载到一个仓库，或选择 SharedSplit、SharedFull"))
		}
		if b.WMSCoID == 0 {
			found = append(found, f.with(SetupDownloadOfAll,
				fmt.Sprintf("the download into %q names no warehouse of Jushuitan: it takes the sum of all, including the virtual one with the stores' stock", b.WarehouseCode),
				fmt.Sprintf("下载到 %q 的策略没有聚水潭仓库编号：取的是全部仓库之和，包括店加线下仓的门店库存", b.WarehouseCode),
				"enter a wms_co_id", "请填写聚水潭仓库编号（wms_co_id）"))
		}
		targets[source] = append(before, b.WarehouseCode)
	}
	return found
}

// A warehouseFigure is what a download counts.
type warehouseFigure struct {
	binding dianjia.WarehouseBinding
	added   []formula.Term
}

func (w *warehouseFigure) String() string {
	text := strings.TrimSpace(w.binding.StockExpression)
	if text == "" {
		text = warehouseSlotTerm(w.binding.Slot)
	}
	return fmt.Sprintf("%q (%s)", w.binding.WarehouseCode, text)
}

// warehouseTermFindings reports pairs of downloads of one warehouse of Jushuitan that count
// the same figure, such as 销退仓库存 in the expression of the main warehouse and in the
// return warehouse 销退仓. Two downloads of the same slot are [SetupDownloadShared].
func warehouseTermFindings(bindings []dianjia.WarehouseBinding) (found []SetupFinding) {
	var figures []warehouseFigure
	for _, b := range bindings {
		text := b.StockExpression
		if strings.TrimSpace(text) == "" {
			text = warehouseSlotTerm(b.Slot)
		}
		f, err := formula.Parse(text)
		if !b.DownloadStock || b.WarehouseCode == "" || err != nil || !warehouseSlotKnown(b.Slot) {
			continue
		}
		now := warehouseFigure{b, slices.DeleteFunc(f.Added(), func(t formula.Term) bool {
			return t == formula.TermMinQty || t == formula.TermMaxQty // limits, not goods
		})}
		for i := range figures {
			if f, ok := now.twice(&figures[i]); ok {
				found = append(found, f)
			}
		}
		figures = append(figures, now)
	}
	return found
}

// twice returns the finding that two downloads count the same figures.
func (w *warehouseFigure) twice(first *warehouseFigure) (SetupFinding, bool) {
	a, b := first.binding, w.binding
	if a.WMSCoID != b.WMSCoID || warehouseSourceOf(a) == warehouseSourceOf(b) {
		return SetupFinding{}, false
	}
	var en, zh []string
	for _, t := range w.added {
		if slices.Contains(first.added, t) {
			en, zh = append(en, t.Field()), append(zh, t.String())
		}
	}
	if len(en) == 0 {
		return SetupFinding{}, false
	}
	return warehouseFinding(b).with(SetupTermCountedTwice,
		fmt.Sprintf("%s of warehouse %d is counted twice, by the download into %s and by the one into %s", strings.Join(en, ", "), b.WMSCoID, first, w),
		fmt.Sprintf("聚水潭仓库 %d 的%s 同时计入 %s 和 %s：同一批货重复计算", b.WMSCoID, strings.Join(zh, "、"), first, w),
		"remove the term from one expression, or do not download the other slot", "请从其中一个取数逻辑去掉该库存项，或取消另一仓位的库存下载"), true
}
