package callback

import "errors"

// The reasons of a refusal, as [Config].OnError is told them; find them with errors.Is.
// Those that package qimen has too are in package jushuitan: ErrRequest (answered with
// HTTP 400, 405 or 408), ErrTooLarge (413), ErrSource and ErrWindow (403), ErrBusy and
// ErrDedupe. A body that cannot be read is a [*jushuitan.Error] of the class
// jushuitan.ErrDecode.
var (
	// ErrKind: the message is of no known kind (HTTP 404), or not of the one that
	// its URL is for (HTTP 400).
	ErrKind = errors.New("kind of push refused")
	// ErrNoFunction: the host has no function for this kind. HTTP 501.
	ErrNoFunction = errors.New("no function for this kind of push")
	// ErrChecksum: the sign parameter is missing or matches no known way of
	// signing. HTTP 403.
	ErrChecksum = errors.New("checksum refused")
	// ErrToken: the token of the URL is missing, or not made with one of the secrets
	// for this merchant, storage code and kind. HTTP 403.
	ErrToken = errors.New("token of the URL refused")
	// ErrRedirect: an authorisation redirect was refused, see [Authorize].
	ErrRedirect = errors.New("authorisation redirect refused")
	// ErrState: the state of a redirect is not one of ours, or too old, or used.
	ErrState = errors.New("state refused")
	// ErrUnknownAction: the action of a goods-returned push is neither 确认收货 nor
	// 取消收货. The function is not called, so that nothing is refunded or restocked
	// by mistake. HTTP 422.
	ErrUnknownAction = errors.New("action of the goods-returned push not known")
)
