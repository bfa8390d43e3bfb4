package jushuitan

import "github.com/dianjia/jushuitan-go/internal/wire"

// The pushes that come often are read member by member, see [wire.Reader].

func readShipment(r wire.Reader, p *ShipmentPush) error {
	return r.Object(func(name []byte) error {
		switch string(name) {
		case "o_id":
			return r.Int(&p.OID)
		case "so_id":
			return r.Text(&p.SoID)
		case "l_id":
			return r.Text(&p.LID)
		case "lc_id":
			return r.Text(&p.LCID)
		case "logistics_company":
			return r.Text(&p.LogisticsCompany)
		case "send_date":
			return r.Time(&p.SendDate)
		case "order_from":
			return r.Text(&p.OrderFrom)
		case "wms_co_id":
			return r.Int(&p.WMSCoID)
		case "is_send_all":
			return r.Bool(&p.IsSendAll)
		case "items":
			return wire.ReadSlice(r, &p.Items, readShipmentItem)
		}
		return r.Extra(name, &p.Extra)
	})
}

func readShipmentItem(r wire.Reader, item *ShipmentPushItem) error {
	return r.Object(func(name []byte) error {
		switch string(name) {
		case "oi_id":
			return r.Int(&item.OIID)
		case "sku_id":
			return r.Text(&item.SKUID)
		case "qty":
			return r.Decimal(&item.Qty)
		case "name":
			return r.Text(&item.Name)
		case "outer_oi_id":
			return r.Text(&item.OuterOIID)
		case "so_id":
			return r.Text(&item.SoID)
		}
		return r.Skip()
	})
}

// readStock reads an array of rows, or the object around it.
func readStock(r wire.Reader, p *StockPush) error {
	if r.AtArray() {
		return wire.ReadSlice(r, &p.Rows, readStockRow)
	}
	err := r.Object(func(name []byte) error {
		if string(name) == "datas" {
			return wire.ReadSlice(r, &p.Rows, readStockRow)
		}
		return r.Skip()
	})
	if err == nil && p.Rows == nil {
		return wire.ErrNotPlain
	}
	return err
}

// readStockRow reads a row that has a SKU and a figure that is a number.
func readStockRow(r wire.Reader, row *StockPushRow) error {
	counted := false
	err := r.Object(func(name []byte) error {
		switch string(name) {
		case "id":
			return r.Int(&row.ID)
		case "shop_id":
			return r.Int(&row.ShopID)
		case "sku_id":
			return r.Text(&row.SKUID)
		case "shop_sku_id":
			return r.Text(&row.ShopSKUID)
		case "i_id":
			return r.Text(&row.IID)
		case "shop_i_id":
			return r.Text(&row.ShopIID)
		case "qty":
			counted = r.AtNumber()
			return r.Decimal(&row.Qty)
		case "sku_source":
			return r.Text(&row.SKUSource)
		case "modified":
			return r.Time(&row.Modified)
		}
		return r.Extra(name, &row.Extra)
	})
	if err == nil && (!counted || row.SKUID == "" && row.ShopSKUID == "") {
		return wire.ErrNotPlain
	}
	return err
}
