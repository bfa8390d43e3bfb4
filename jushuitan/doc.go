// Package jushuitan is a typed client of the Jushuitan (聚水潭) open API, version
// 2: shops, goods, stock, orders, outbound documents, after-sales. It is also the
// vocabulary of what Jushuitan pushes ([ShipmentPush] and others).
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
// A [Client] has one service for each kind of thing, named as in the ERP: Shops,
// Warehouses, Items, SKUs, Inventory, Stocktakes, Orders, Outbounds, AfterSales and
// others. A method is one endpoint; its comment has the Chinese title, the limits,
// what it does to the data and where it is documented. Three kinds recur:
//
//   - Query gives one page, All goes through every page, and splits time ranges
//     that are longer than the server accepts. Since, where there is one, follows
//     the row version (行版本): use it to keep up with changes.
//   - Stream is the same with a [Checkpoint]: it can be resumed after a crash and
//     loses and repeats nothing but the row at hand.
//   - Upload methods take any number of rows, send them in calls of the size that
//     the server takes and give a result for each row, in the order of the input.
//     A code 0 does not mean that every row passed: look at the [*BatchError].
//   - Call reaches endpoints that have no method yet.
//
// # Errors
//
// Every error of a call is an [*Error] (errors.As) of one class (errors.Is):
// [ErrSign], [ErrTokenExpired], [ErrReauthorize], [ErrRateLimited],
// [ErrPermission], [ErrIPNotAllowed], [ErrTimestamp], [ErrInvalid],
// [ErrUnavailable], [ErrDecode]. Its Outcome says whether the server may have done
// what was asked. A write whose answer was lost is sent again only if a repeat
// changes nothing ([Keyed]); otherwise it comes back as [ErrOutcomeUnknown]: ask
// for the document before you write again.
//
// # Quotas
//
// Jushuitan counts 5 calls a second and 100 a minute for each token and path. The
// client keeps to both, repeats included; calls wait their turn, and not longer
// than their context allows. Processes that serve the same merchants need a shared
// [Limiter].
//
// # Tokens
//
// Tokens are kept in a [TokenStore] for each merchant, renewed before they end by
// one caller for all, and replaced when the server refuses one. Apps of service
// providers ([ServiceProvider]) cannot renew: calls fail with [ErrReauthorize] and
// the hook of [WithOnReauthorize] is told.
//
// # When something is wrong
//
// [Client.Doctor] looks at all that commonly keeps an integration from working.
// [WithHook] and [WithLogger] show every attempt, [WithOnDrift] every difference
// between answers and their documentation. [WithDryRun] hands writes over instead
// of sending them.
//
// # Values
//
// Money and quantities are decimals, times are in UTC+8, document numbers (o_id,
// io_id, as_id) int64, codes (sku_id, so_id, i_id) strings. In requests a zero is
// left out unless the field is required; where zero means something the field is a
// pointer: new(false). What is plainly wrong with a request is found before it is
// sent ([ValidationError]; [WithoutValidation] leaves it to the server). Replies mix numbers and text, which is read either way;
// what cannot be read is [ErrDecode] and names the field. Printing a value with
// personal data in it (names, phones, addresses, buyer accounts) masks them;
// encoding it as JSON does not.
//
// # What could be checked
//
// The facts come from public material; no call was made to the real service. Where
// sources disagree the client accepts what each says. The comments give the
// confidence of each endpoint that is not well attested.
package jushuitan

//go:generate go run ../internal/gen -dir . -readme ../README.md -readme ../README.zh-CN.md
