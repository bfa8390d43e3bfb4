// Package qimen speaks to the Qimen (奇门) gateway, through which merchants on Taobao
// and Tmall are served: it makes signed calls and receives what the gateway forwards.
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
// No public source states which methods a merchant's scene 奇门POS场景 grants, so the
// package has all three candidates on one transport, distinguished by configuration
// ([Config], [Route]):
//
//   - client.Scene: Jushuitan's own scene (jushuitan.*) and its old form (jst.*). It
//     returns the same rows as package jushuitan, including those of Taobao and Tmall.
//   - client.POS: the open platform's POS methods (qimen.taobao.pos.*).
//   - client.Warehouse: the standard warehouse methods (taobao.qimen.*), with XML
//     documents. Usually the ERP calls some of them and the warehouse the others; the
//     comment of each states the direction.
//
// [Client.Call] calls any method by name, and [Methods] lists them all.
//
// # Calls
//
// A form call has the system parameters in the query and the business parameters in the
// form ([WithAllInForm] puts all in the form); a call with a document has only the
// document in its body. Each attempt has a new time stamp, always in UTC+8, and a new
// signature ([Sign]). Parameters without a value are neither signed nor sent.
//
// Answers come in many forms (wrapped in response, error_response or <method>_response,
// with flag and message or code and msg, numbers as text); all are decoded. Unknown
// members are kept in Extra.
//
// # Errors
//
// Every error of a call is an [*Error] (errors.As) of one of package jushuitan's
// classes (errors.Is). Failures of the platform (isp.*) and rate limits are retried,
// errors of the request (isv.*) are not. If a rate limit states its duration, the
// client waits for its end, as long as [jushuitan.RetryPolicy] allows. A write whose
// answer was lost is retried only if its receiver must recognize repeats by a key of
// the request (outBizCode, the document's number); otherwise the call fails with
// [jushuitan.ErrOutcomeUnknown].
//
// # Receiving
//
// [Mux] is an http.Handler for what the gateway forwards to a registered URL: it
// verifies the signature with the app's secret, finds the merchant, passes the message
// to the function registered with [Handle], and answers in the caller's format. A
// duplicate of a handled message is answered like the first one without running your
// function again; see [jushuitan.Deduper].
package qimen
