// Package dianjia is DianJia's (店加) side of the link to Jushuitan: the four URLs that
// a merchant registers in Jushuitan, a client that sends pushes to DianJia's endpoints
// like Jushuitan, and DianJia's own types.
//
// # Usage
//
// Build the URLs, and print what the merchant pastes into the shop's message settings:
//
//	urls := dianjia.URLBuilder{Secret: secret} // the secret adds a token to each URL
//	text, err := urls.SettingsText(dianjia.ShopSettings{EntID: "10010", ShopID: 133242, WMSCoID: 12345})
//	...
//	client, err := dianjia.New(dianjia.Config{URLs: urls})
//	...
//	err = client.SendCancel(ctx, dianjia.Target{EntID: "10010", StorageCode: "133242"},
//		&jushuitan.CancelPush{SoID: "SO-1", Remark: "缺货"})
//	if errors.Is(err, dianjia.ErrOutcomeUnknown) {
//		// it may have been handled: check before sending it again
//	}
//
// # Sending
//
// A push is a JSON body sent to the registered URL, with method, partnerid, ts and sign
// added to the query. Every attempt has its own time stamp and signature. The key of
// the signature is public, so it proves nothing about the sender; the token of
// [URLBuilder] does.
//
// A push is accepted if the answer is HTTP 200 (or another 2xx) with a code of "0" or 0
// (Jushuitan's form) or a resultCode of "success" (DianJia's form). Any other answer is
// a refusal, which is never retried. A push that provably never arrived (no connection)
// or was rejected temporarily (HTTP 408, 429) is retried; one whose answer was lost is
// retried only for the kinds of [Config].RetryLostAnswers.
package dianjia
