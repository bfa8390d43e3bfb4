// Package dianjia is DianJia's (店加) side of the link to Jushuitan: the four URLs
// that a merchant registers in Jushuitan, a client that sends pushes to DianJia's
// endpoints as Jushuitan does, and DianJia's own types.
//
// # How to
//
// Build the URLs, and print what the merchant pastes into the shop's message
// settings:
//
//	urls := dianjia.URLBuilder{Secret: secret} // the secret adds a token to each URL
//	text, err := urls.SettingsText(dianjia.ShopSettings{EntID: "10010", ShopID: 133242, WMSCoID: 12345})
//	...
//	client, err := dianjia.New(dianjia.Config{URLs: urls})
//	...
//	err = client.Cancel(ctx, dianjia.Target{EntID: "10010", StorageCode: "133242"},
//		&jushuitan.CancelPush{SoID: "SO-1", Remark: "缺货"})
//	if errors.Is(err, dianjia.ErrOutcomeUnknown) {
//		// it may have arrived: look before sending it again
//	}
//
// # Sending
//
// A push is a JSON body under the registered URL, to which method, partnerid, ts
// and sign are added. Every attempt has a time stamp and a signature of its own.
// The key of the signature is public: it proves nothing about the sender, which is
// what the token of [URLBuilder] is for.
//
// A push counts as accepted if the answer is HTTP 200 (or another 2xx) with a code
// of "0" or 0 (Jushuitan's form) or a resultCode of "success" (DianJia's form). An
// answer in neither form is a refusal. No refusal is sent again. A push that surely
// did not arrive (no connection) and one that was turned away (HTTP 408, 429) is;
// one whose answer was lost only for the kinds of [Config.RetryLostAnswers].
package dianjia
