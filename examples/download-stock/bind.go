package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// bindFlag reads warehouses as wms_co_id=CODE or wms_co_id/SLOT=CODE, each optionally
// followed by :NAME.
type bindFlag []dianjia.WarehouseBinding

func (f *bindFlag) String() string { return "" }

func (f *bindFlag) Set(text string) error {
	source, target, _ := strings.Cut(text, "=")
	number, slot, hasSlot := strings.Cut(source, "/")
	code, name, _ := strings.Cut(target, ":")
	b := dianjia.WarehouseBinding{WarehouseCode: code, WarehouseName: name, DownloadStock: true}
	var err error
	if b.WMSCoID, err = strconv.ParseInt(number, 10, 64); err != nil || b.WMSCoID <= 0 || code == "" {
		return fmt.Errorf("%q is not wms_co_id=CODE / 应为 聚水潭仓库编号=店加仓库编码", text)
	}
	if hasSlot {
		n, err := strconv.Atoi(slot)
		b.Slot = dianjia.WarehouseSlot(n)
		if err != nil || b.Slot < dianjia.SlotMain || b.Slot > dianjia.SlotDefective {
			return fmt.Errorf("slot %q is not 1 to 4 / 仓位应为 1 主仓、2 销退仓、3 进货仓、4 次品仓", slot)
		}
	}
	*f = append(*f, b)
	return nil
}
