// Package mapping holds the rules by which data of Jushuitan (聚水潭) becomes data of
// DianJia (店加), and the reverse, as pure functions: no input or output, no clock, no
// state. A host calls them on millions of rows.
//
//   - Stock formulas (库存下载取数逻辑) are in package formula: [formula.Parse] reads the
//     merchant's formula in Chinese or English words and computes exactly, Lint warns of
//     formulas that oversell, Explain shows support staff where a figure comes from.
//     [StockOf] makes its row of an inventory row. [BundleCapacity] is for 组合装.
//   - Warehouses: [CombineStock] makes the stock of DianJia's warehouses from that of
//     Jushuitan's, [SumStoreStock] the figure of the virtual warehouse 店加线下仓 from the
//     stores', [ChangedStock] and [ChangedVirtualStock] what has to be sent.
//   - Products (商品字段): [NewProductMapper] maps SKU rows, styles and bundles,
//     [ParseProperties] reads colour and size out of properties_value, [SyncSettings]
//     decides what a download creates, changes and leaves alone, [CheckProducts] finds what
//     collides, [SKUUploads] goes the other way.
//   - Documents: [OrderUpload] makes the upload of an order of the mall, [PlanTransfer]
//     the documents of a transfer between stores and warehouses, [TransferProgress] says
//     how far it is and what differs.
//   - Carriers (物流公司): [Carriers] knows DianJia's, Jushuitan's and Qimen's codes and
//     names; a carrier that is not known is an error that names the nearest ones.
//   - [CheckRouting] finds settings that send orders in a circle; [OrderStateOf] and
//     its like read states, and never take an unknown one for a known.
//
// An example: the merchant's formula for the stock of a warehouse.
//
//	f, err := formula.Parse("库存下载取数逻辑=实际库存+虚拟库存-订单占用")
//	if err != nil {
//		return err // says line and column, and the nearest known word
//	}
//	stock := mapping.StockOf(row) // a row of client.Inventory.Query
//	qty, err := f.EvalWith(&stock, formula.EvalPolicy{Negative: formula.NegativeZero})
package mapping
