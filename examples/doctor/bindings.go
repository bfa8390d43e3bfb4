package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// storeFlag reads stores as CODE=wms_co_id or CODE=wms_co_id,order.
type storeFlag []dianjia.StoreBinding

func (f *storeFlag) String() string { return "" }

func (f *storeFlag) Set(text string) error {
	rest, order := strings.CutSuffix(text, ",order")
	code, wms, err := binding(rest)
	if err != nil {
		return err
	}
	*f = append(*f, dianjia.StoreBinding{StoreCode: code, WMSCoID: wms, OrderStore: order})
	return nil
}

// downloadFlag reads warehouses as CODE=wms_co_id.
type downloadFlag []dianjia.WarehouseBinding

func (f *downloadFlag) String() string { return "" }

func (f *downloadFlag) Set(text string) error {
	code, wms, err := binding(text)
	if err != nil {
		return err
	}
	*f = append(*f, dianjia.WarehouseBinding{WarehouseCode: code, WMSCoID: wms, DownloadStock: true})
	return nil
}

func binding(text string) (code string, wms int64, err error) {
	code, number, ok := strings.Cut(text, "=")
	if wms, err = strconv.ParseInt(number, 10, 64); !ok || code == "" || err != nil || wms <= 0 {
		return "", 0, fmt.Errorf("%q is not CODE=wms_co_id / 应为 店仓编码=聚水潭仓库编号", text)
	}
	return code, wms, nil
}
