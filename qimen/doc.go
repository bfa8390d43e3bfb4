// Package qimen speaks to the gateway of Qimen (奇门), through which merchants on
// Taobao and Tmall are served: it makes signed calls, and receives what the gateway
// forwards.
//
//	client, err := qimen.New(qimen.Config{AppKey: key, AppSecret: secret})
//	...
//	merchant := client.ForCustomer("10000001") // 奇门客户编码
//	req := &qimen.SaleoutListRequest{WMSCoID: warehouse, Status: jushuitan.OutboundStatusWaitConfirm, StartTime: since}
//	for doc, err := range merchant.Scene.AllSaleouts(ctx, req) {
//		if err != nil {
//			return err
//		}
//		ship(doc)
//	}
//
// # Three families of methods
//
// No public source says which methods the scene 奇门POS场景 of a merchant grants, so all
// three that come into question are here, on one transport, and told apart by
// configuration ([Config], [Route]):
//
//   - client.Scene: Jushuitan's own scene (jushuitan.*), and its old form (jst.*). It
//     returns the same rows as package jushuitan does, those of Taobao and Tmall too.
//   - client.POS: the open platform's POS methods (qimen.taobao.pos.*).
//   - client.Warehouse: the standard warehouse methods (taobao.qimen.*), with XML
//     documents. As a rule the ERP calls some of them and the warehouse the others;
//     the comment of each says which way it goes.
//
// [Client.Call] reaches every method by its name, [Methods] is the table of them.
//
// # Calls
//
// A form call has the system parameters in the query and the business parameters in
// the form ([WithAllInForm] for all in the form); a call with a document has the
// document alone in the body. Each attempt has a new time stamp, in UTC+8 whatever
// the host's zone, and a new signature ([Sign]). Parameters without a value are
// neither signed nor sent.
//
// Answers come in many forms (response, error_response or <method>_response around
// them, flag and message or code and msg, numbers as text): all are read. Members
// that are not known are kept in Extra.
//
// # Errors
//
// Every error of a call is an [*Error] (errors.As) of one of package jushuitan's
// classes (errors.Is). Failures of the platform (isp.*) and call limits are tried
// again, those of the request (isv.*) are not. A call limit that names how long it
// holds is waited out, as long as [jushuitan.RetryPolicy] allows. A write whose
// answer was lost is sent again only if its receiver must tell repeats by a key of
// the request (outBizCode, the document's number); otherwise it comes back as
// [jushuitan.ErrOutcomeUnknown].
//
// # Receiving
//
// [Mux] is an http.Handler for what the gateway forwards to a registered URL: it
// verifies the signature with the app's own secret, finds the merchant, hands the
// message to a function registered with [Handle], and answers in the caller's
// format. A repeat of a message that was taken is answered as the first was, and
// not run again; see [jushuitan.Deduper].
package qimen
