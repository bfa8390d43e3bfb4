// Package callback receives the messages that Jushuitan pushes (消息推送) to a
// self-owned mall shop (商家自有商城): shipment 物流同步, cancel 取消订单, goods
// returned 售后收货 and stock 库存同步.
//
// # Usage
//
// Pass [New] a function for each kind of message that you handle, mount the [Receiver]
// (all kinds) or the handlers of single kinds, and enter the URLs in the shop's message
// push settings:
//
//	receiver, err := callback.New(callback.Config{
//		Shipment: func(ctx context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
//			return orders.MarkShipped(ctx, env.EntID, p)
//		},
//		Secrets: []string{secret},
//	})
//	mux.Handle("/dex/jushuitan/", receiver)
//
// The Receiver identifies the kind by the query parameter method or, if it is missing,
// by the last element of the path: delivery_callback, cancal_callback (the documented
// spelling), return_goods_callback, stock_callback.
//
// A message is acknowledged with {"code":"0","msg":"执行成功"} only after your function
// returned nil. Any other outcome is answered with a nonzero code and, unless
// configured otherwise, an HTTP status other than 200. It is not documented which of
// the two the ERP evaluates, how often it retries a message, or how long it waits for
// the answer, so your function should return quickly.
//
// Deduplication compares a message with the one handled last for the same document.
// [Envelope.Document] identifies the document, and [Envelope.Key] everything that the message
// says, except ts, sign and transport. A message that says the same is a duplicate: it is
// acknowledged without invoking your function. One that was sent before the message handled
// last is stale, and is acknowledged as well. One that repeats an earlier state, after
// another was handled, runs with [Envelope].MayRepeat set. Stock is never deduplicated, see
// [Config].DropStaleStock. A duplicate that arrives while the first message is in progress
// waits, and is answered as failed if that takes too long. After a crash between your commit
// and the deduplication commit, a message is handled again: your function must be idempotent.
//
// A GET or POST without any body and without the query of a push counts as the probe that
// the ERP sends when a URL is saved; it is answered with success without invoking your
// function. That the ERP probes URLs is inferred from other receivers, not documented.
//
// # Lost pushes
//
// A push can be lost: the receiver was down, a URL was not registered, or the ERP gave
// up. [WithJournal] records what was handled, [Reconcile] compares the journal with the
// ERP's documents of a time window, and [Receiver.Redeliver] passes a missed message to
// the same function, through the same deduplication.
//
// # Trust
//
// The key of the sign parameter is the public text erp, and the body is not signed. A
// valid sign is a checksum of the query and proves nothing about the sender: anyone can
// compute one. Therefore each registered URL carries a token, derived from a secret of
// yours and the URL's entId, storageCode and kind (package dianjia builds such URLs).
// Anyone who learns the URL can send messages: serve over TLS only and keep queries out
// of access logs. Before irreversible steps such as a refund, query the document in the
// ERP instead of trusting the message.
//
// Messages of the newer message subscription (新版消息订阅), which sign a form instead
// of the query, are refused by a [Receiver]. [NewSubscription] receives them, as far as
// anything is known of them.
//
// # Authorisation
//
// [AuthorizeHandler] receives the redirect that follows a merchant's authorisation and
// issues the states that protect it.
//
// # Slow senders
//
// A body is read until the request's context ends, if the server allows reads to be
// interrupted (net/http does, except within [http.TimeoutHandler]). Set
// ReadHeaderTimeout and ReadTimeout of [http.Server] in any case. Your function
// receives the request's context, which ends when the sender disconnects.
package callback
