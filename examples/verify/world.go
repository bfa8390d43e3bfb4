package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// demoOrders is how many orders the fake merchant has, more than a page of several rows.
const demoOrders = 7

// furnish makes goods and orders, some of them shipped, and has the fake speak the dialects.
func (s *settings) furnish(fake *jushuitantest.Server) error {
	if s.dialect != "" {
		dialects, err := jushuitantest.DialectsNamed(strings.Split(s.dialect, ",")...)
		if err != nil {
			return cli.Usagef("-dialect: %v", err)
		}
		fake.Speak("", dialects...)
	}
	var errs []error
	for i := range 4 {
		code := fmt.Sprintf("SCF24-%d", i+1)
		errs = append(errs, fake.AddSKU(jushuitan.SKU{SKUID: code, IID: "SCF24", Name: "羊毛围巾", PropertiesValue: "灰色", SalePrice: decimal.NewFromInt(129), Enabled: 1}),
			fake.SetStock(demo.MainWarehouse, code, decimal.NewFromInt(20)))
	}
	for i := range demoOrders {
		id, err := fake.ImportOrder(jushuitan.OrderUpload{
			ShopID: demo.PlatformShop, SoID: fmt.Sprintf("DY-2400%d", i+1), ReceiverName: "林一", ReceiverMobile: "13900000000", ReceiverAddress: "示例路1号",
			Items: []jushuitan.OrderUploadItem{{SKUID: demo.Cap, Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(39)}},
		})
		errs = append(errs, err)
		if i < 2 && err == nil {
			_, err = fake.AssignOrder(id, demo.MainWarehouse)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
