package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/mapping"
)

func labels(texts ...string) jushuitan.CommaList { return texts }

func properties(pairs ...string) (out []jushuitan.ItemProperty) {
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, jushuitan.ItemProperty{PName: pair[0], PVValue: pair[1]})
	}
	return out
}

// dress is a style whose data is complete except for one SKU, which lacks the label 店加.
func dress(name string, price decimal.Decimal, sizes ...string) jushuitan.Item {
	barcodes := map[string]string{"S": "6901234567892", "M": "6901234567908", "L": "6901234567915"}
	style := jushuitan.Item{
		IID: "DRESS25", Name: name, CName: "连衣裙", Brand: "青禾",
		Ups: properties("年份", "2025", "季节", "夏季", "波段", "夏一波"),
		SKUs: []jushuitan.ItemSKU{{
			SKUID: "DRESS25-RED-M", PropertiesValue: "颜色:红色;尺码:M", SKUCode: "6901234567922",
			SalePrice: price, MarketPrice: money(399), CostPrice: money(92), Other1: "2025",
		}},
	}
	for _, size := range sizes {
		style.SKUs = append(style.SKUs, jushuitan.ItemSKU{
			SKUID: "DRESS25-BLU-" + size, PropertiesValue: "颜色:蓝色;尺码:" + size, SKUCode: barcodes[size],
			SalePrice: price, MarketPrice: money(399), CostPrice: money(92), Other1: "2025", Labels: labels(dianjia.LabelDianJia),
		})
	}
	return style
}

func money(yuan int64) decimal.Decimal { return decimal.NewFromInt(yuan) }

// furnish adds more goods to the fake, some of them with incomplete data.
func furnish(fake *jushuitantest.Server) error {
	return errors.Join(
		fake.AddItem(dress("碎花连衣裙", money(259), "S", "M")),
		fake.AddItem(jushuitan.Item{
			IID: "JEAN25", Name: "直筒牛仔裤", CName: "牛仔裤", Brand: "青禾", Ups: properties("年份", "2025"),
			SKUs: []jushuitan.ItemSKU{
				{SKUID: "JEAN25-28", PropertiesValue: "深蓝,28", SKUCode: "6901234567892", SalePrice: money(199), MarketPrice: money(299), Labels: labels(dianjia.LabelDianJia)}, // the barcode of another
				{SKUID: "JEAN25-29", PropertiesValue: "深蓝,29", SKUCode: "6901234567890", SalePrice: money(199), MarketPrice: money(299), Labels: labels(dianjia.LabelDianJia)}, // a wrong check digit
			},
		}),
		fake.AddItem(jushuitan.Item{
			IID: "COAT25", Name: "羊毛大衣", CName: "大衣", Brand: "青禾", Ups: properties("年份", "2025", "季节", "冬季"),
			SKUs: []jushuitan.ItemSKU{{SKUID: "COAT25-CAM-L", PropertiesValue: "驼色;L", SalePrice: money(1299), MarketPrice: money(1999), Labels: labels("店加二期")}},
		}),
		// A row whose style was never filled in: Jushuitan returns the SKU code instead.
		fake.AddSKU(jushuitan.SKU{SKUID: "GIFTBAG", Name: "赠品袋", SalePrice: money(0)}),
	)
}

// demo downloads twice more: after changes on both sides, and after none.
func (d *download) demo(ctx context.Context, a *app.App) error {
	a.Printf("\n-- In DianJia somebody moves DRESS25 to the category 夏装 and prices it at 239; in Jushuitan it gets a new name, " +
		"a price of 279 and a new size. / 店加改类目与售价，聚水潭改名、改价、加尺码\n")
	if dress := d.catalogue["DRESS25"]; dress != nil {
		own := *dress
		own.Category = dianjia.Category{Code: "C0102", Name: "夏装", ParentCode: d.MountCategory.Code}
		own.SKUs = slices.Clone(dress.SKUs)
		for i := range own.SKUs {
			own.SKUs[i].Price.Retail = decimal.NewNullDecimal(money(239))
		}
		d.catalogue["DRESS25"] = &own
	}
	if err := a.Fake.AddItem(dress("碎花连衣裙 新款", money(279), "S", "M", "L")); err != nil {
		return err
	}
	again, err := d.once(ctx, a)
	if err != nil {
		return err
	}
	again.collisions, again.missing = nil, nil // as in the first download
	again.print(a)

	a.Printf("\n-- Nothing changes, and it is downloaded again. / 没有任何变化，再下载一次\n")
	third, err := d.once(ctx, a)
	if err != nil {
		return err
	}
	for _, decision := range third.decisions {
		if decision.Action != mapping.ActionSkip {
			return fmt.Errorf("a download of the same data is not idempotent: %s", decision)
		}
	}
	a.Printf("%d styles: nothing to store; the download may be repeated at any time 可随时重复下载\n", len(third.decisions))

	a.Printf("\nFailure scenes 出错示例\n")
	a.Printf("-- 1. Contradictory settings are rejected before anything is read. / 设置互相矛盾\n")
	wrong := mapping.SyncSettings{AutoCreate: true, SkipSalePrice: true, OverwriteSalePrice: true}
	a.Printf("   %s\n", strings.ReplaceAll(wrong.Validate().Error(), "\n", "\n   "))
	a.Printf("-- 2. A field comes from category properties, which a download by SKU does not include. / 按 SKU 下载没有类目属性\n")
	_, err = mapping.NewProductMapper(mapping.ProductConfig{Year: mapping.FromUps("年份")})
	a.Printf("   %v\n", err)
	return nil
}
