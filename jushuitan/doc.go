// Package jushuitan is a typed client of the Jushuitan (聚水潭) open API, version 2: shops,
// goods, stock, orders, outbound documents and after-sales. It also defines the messages
// that Jushuitan pushes, such as [ShipmentPush].
//
//	client, err := jushuitan.New(jushuitan.Credentials{AppKey: key, AppSecret: secret})
//	...
//	merchant := client.ForMerchant("10010")
//	for order, err := range merchant.Orders.All(ctx, &jushuitan.OrderQuery{ModifiedBegin: since}) {
//		if err != nil {
//			return err
//		}
//		handle(order)
//	}
//
// # Services
//
// A [Client] has one service for each kind of resource, named as in the ERP: Shops,
// Warehouses, Items, SKUs, Inventory, Stocktakes, Orders, Outbounds, AfterSales and
// others. A method is one endpoint; its comment has the Chinese title, the limits, the
// effect on data and the documentation. Some methods recur:
//
//   - Query returns one page. All iterates over every page and splits time ranges that
//     are longer than the server accepts. Since, where it exists, follows the row version
//     (行版本): use it for incremental synchronization.
//   - Stream is All with a [Checkpoint]: after a crash it resumes without losing rows,
//     and only the row in progress may repeat.
//   - Upload methods take any number of rows, send them in batches of the size that the
//     server accepts, and return one result for each row, in input order. Code 0 does not
//     mean that every row was accepted: check the [*BatchError].
//   - Call reaches endpoints that have no method yet.
//
// # Errors
//
// Every error of a call is an [*Error] (errors.As) of one class (errors.Is): [ErrSign],
// [ErrTokenExpired], [ErrReauthorize], [ErrRateLimited], [ErrPermission],
// [ErrIPNotAllowed], [ErrTimestamp], [ErrInvalid], [ErrUnavailable] or [ErrDecode]. Its
// Outcome says whether the server may have applied the request. A write whose response
// was lost is retried only if it is idempotent ([Keyed]); otherwise the call fails with
// [ErrOutcomeUnknown]. [Client.SettleError] then reads back what the ERP has and says
// whether the write was applied; [Client.Settle] does so for a write that a host has stored.
//
// # Rate limits
//
// Jushuitan allows 5 calls a second and 100 a minute for each token and path. The client
// keeps to both, retries included; calls wait for their turn, but not beyond their
// context's deadline. Processes that serve the same merchants need a shared [Limiter].
//
// # Tokens
//
// Tokens are stored in a [TokenStore] by merchant, renewed before they expire by one
// caller for all, and replaced when the server rejects one. Apps of service providers
// ([ServiceProvider]) cannot renew tokens: their calls fail with [ErrReauthorize], and
// the function of [WithOnReauthorize] is called.
//
// # Troubleshooting
//
// [Client.Doctor] checks what commonly keeps an integration from working. [WithHook] and
// [WithLogger] report every attempt, [WithOnDrift] every difference between responses and
// their documentation. [WithDryRun] records writes instead of sending them.
//
// # Values
//
// Money and quantities are decimals, times are in UTC+8, document numbers (o_id, io_id,
// as_id) are int64, codes (sku_id, so_id, i_id) are strings. Requests omit zero values
// unless the field is required; where zero has a meaning, the field is a pointer:
// new(false). Requests are validated before they are sent ([ValidationError]);
// [WithoutValidation] leaves this to the server. In responses, numeric strings and
// numbers are both accepted; decode errors ([ErrDecode]) name the field. Printing a value
// masks the personal data in it (names, phones, addresses, buyer accounts); encoding it
// as JSON does not.
//
// # Sources
//
// The facts come from public material; no call was made to the real service. Where
// sources disagree, the client accepts every variant. Comments state the confidence of
// each endpoint that is not well attested.
package jushuitan

//go:generate go run ../internal/gen -dir . -readme README.md -readme README.zh-CN.md
