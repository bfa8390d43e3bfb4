package callback

import "errors"

// The reasons of a refusal that [Config].OnError receives, and of a document that [Reconcile]
// could not compare; match them with errors.Is.
// Those shared with package qimen are in package jushuitan: ErrRequest (answered with
// HTTP 400, 405 or 408), ErrTooLarge (413), ErrSource and ErrWindow (403), ErrBusy and
// ErrDedupe. A body that cannot be decoded is a [*jushuitan.Error] of class
// jushuitan.ErrDecode.
var (
	// ErrKind means that the kind of the message is unknown (HTTP 404) or not the one
	// that its URL is for (HTTP 400).
	ErrKind = errors.New("kind of push refused")
	// ErrNoFunction means that the host has no function for this kind. HTTP 501.
	ErrNoFunction = errors.New("no function for this kind of push")
	// ErrChecksum means that the sign parameter is missing or matches no accepted
	// signing scheme. HTTP 403.
	ErrChecksum = errors.New("checksum refused")
	// ErrToken means that the token of the URL is missing or was not derived from one
	// of the secrets for this merchant, storage code and kind. HTTP 403.
	ErrToken = errors.New("token of the URL refused")
	// ErrMerchant means that the URL names no merchant (entId), so that its messages could be
	// taken for another's; see [Config].MerchantOf. HTTP 403.
	ErrMerchant = errors.New("no merchant: the URL has no entId, and MerchantOf names none / 回调地址缺少商家标识 entId")
	// ErrRate means that the merchant has used up its budget, see [Config].Rate. HTTP 429.
	ErrRate = errors.New("too many pushes of this merchant")
	// ErrRedirect means that an authorisation redirect was refused, see
	// [AuthorizeHandler].
	ErrRedirect = errors.New("authorisation redirect refused")
	// ErrState means that the state of a redirect was not issued here, has expired or
	// was already used.
	ErrState = errors.New("state refused")
	// ErrNotCompared means that [Reconcile] could not compare a document, since what the ERP
	// answers about it is unknown or contradicts itself. The others are compared: look at this
	// one in the ERP.
	ErrNotCompared = errors.New("document not compared")
	// ErrUnknownAction means that the action of a goods-returned push is neither
	// 确认收货 nor 取消收货. The function is not called, so that nothing is refunded or
	// restocked by mistake. HTTP 422.
	ErrUnknownAction = errors.New("unknown action of the goods-returned push")
)
