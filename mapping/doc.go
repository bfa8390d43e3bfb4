// Package mapping converts between the data of Jushuitan (聚水潭) and DianJia (店加). It
// consists of pure functions: no I/O, no clock, no state. A host may call them on
// millions of rows.
//
//   - Stock formulas (库存下载取数逻辑) are in package formula: [formula.Parse] parses the
//     merchant's formula in Chinese or English, its Lint method warns of formulas that
//     oversell, and Explain shows support staff how a figure was computed. [StockOf]
//     converts an inventory row, [BundleCapacity] computes the stock of a bundle (组合装).
//   - Warehouses: [SumDownloadedStock] computes the stock of DianJia's warehouses from
//     Jushuitan's, [SumStoreStock] the stock of the virtual warehouse 店加线下仓 from the
//     stores', [ChangedStock] and [ChangedVirtualStock] return the rows to push.
//   - Products (商品字段): [NewProductMapper] maps SKU rows, styles and bundles,
//     [ParseProperties] parses color and size from properties_value, [SyncSettings]
//     decides what a download creates, changes and leaves alone, [CheckProducts]
//     reports collisions, and [ProductMapper.SKUUploads] maps products back to
//     Jushuitan.
//   - Documents: [OrderUpload] builds the upload of a mall order, [PlanTransfer] the
//     documents of a transfer between stores and warehouses, and [TransferProgress]
//     reports its progress and differences.
//   - Carriers (物流公司): [Carriers] translates the codes and names of DianJia, Jushuitan
//     and Qimen; the error for an unknown carrier lists the most similar ones.
//   - [CheckRouting] finds settings that send orders in a circle. [OrderStateOf],
//     [RefundStateOf] and [OutboundStateOf] parse states and return Unknown for
//     undocumented ones.
//
// For example, the merchant's formula for the stock of a warehouse:
//
//	f, err := formula.Parse("库存下载取数逻辑=实际库存+虚拟库存-订单占用")
//	if err != nil {
//		return err // with line, column and the most similar known word
//	}
//	stock := mapping.StockOf(row) // a row of client.Inventory.Query
//	qty, err := f.EvalWith(&stock, formula.EvalPolicy{Negative: formula.NegativeZero})
package mapping
