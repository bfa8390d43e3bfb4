// Package callback receives the messages that Jushuitan pushes (消息推送) to a
// self-owned mall shop (商家自有商城): shipment 物流同步, cancel 取消订单, goods
// returned 售后收货 and stock 库存同步.
//
// # How to
//
// Give [New] a function for each kind of message that is wanted, mount the
// [Receiver] (all kinds) or the handlers of single kinds, and enter the URLs in
// the shop's message push settings:
//
//	receiver, err := callback.New(callback.Config{
//		Shipment: func(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
//			return orders.MarkShipped(ctx, env.EntID, p)
//		},
//		Secrets: []string{secret},
//	})
//	mux.Handle("/dex/jushuitan/", receiver)
//
// The Receiver tells the kinds apart by the query parameter method, and by the
// end of the path where that is missing: delivery_callback, cancal_callback (so
// spelled), return_goods_callback, stock_callback.
//
// A message is acknowledged, with {"code":"0","msg":"执行成功"}, only after the
// function returned nil; all else is answered with a code that is not 0 and, unless
// configured, an HTTP status that is not 200. Which of the two the ERP looks at, how
// often it repeats a message and how long it waits is not known. So a function
// should be quick.
//
// A repeat of a message that was taken is acknowledged without invoking your function. The keys are
// entId, storageCode and: o_id, l_id and the lines of a shipment; so_id of a cancel;
// as_id (or outer_as_id), action and unique_id of returned goods. Stock has no key,
// see [Config].DropStaleStock. Of two at once one runs; the other waits, and is
// answered as failed if that takes too long. After a crash between the host's commit
// and the note of it, a message runs again: a function must bear that.
//
// A GET, and a request without a body, is taken for the probe that the ERP makes
// when a URL is saved, and answered with success without a call. That it makes
// one is inferred from the work of other receivers, not documented.
//
// # What never came
//
// Pushes get lost: the receiver was down, an address was not registered, the ERP
// gave up. [Journaled] notes what was handled, [Reconcile] compares that with what the
// ERP has for a window of time, and [Receiver.Redeliver] hands what was missed to the
// same function, through the same dedupe.
//
// # Trust
//
// The key of the sign parameter is the public text erp and the body is not
// signed. A right sign is a checksum of the query and says nothing about the
// sender: anyone can make one. So each registered URL carries a token, made of a
// secret of the host and the URL's entId, storageCode and kind (package dianjia
// builds such URLs). Who sees the URL can send what he likes: serve over TLS only
// and keep queries out of access logs. Where it matters, before a refund above all,
// ask the ERP for the document instead of believing the message.
//
// Messages of the newer message subscription (新版消息订阅), which sign a form instead
// of the query, are refused; what is known of them is too little to check them.
//
// # Authorisation
//
// [Authorize] receives the redirect that follows a grant and mints the states.
//
// # Slow senders
//
// A body is read until the request's context ends, where the server lets the
// read be stopped (net/http's own does; within [http.TimeoutHandler] it cannot
// be). Set ReadHeaderTimeout and ReadTimeout of [http.Server] in any case. The
// function gets the request's context, which ends when the sender hangs up.
package callback
