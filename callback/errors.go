package callback

import "errors"

// The reasons of a refusal, as [Config].OnError is told them; find them with
// errors.Is. A body that cannot be read is a [*jushuitan.Error] of the class
// jushuitan.ErrDecode instead.
var (
	// ErrRequest: the HTTP request is no push: its method, its query, a parameter
	// that stands twice, or a body that did not arrive whole. Answered with HTTP
	// 400, 405 or 408.
	ErrRequest = errors.New("not the request of a push")
	// ErrTooLarge: the body is longer than the limit. HTTP 413.
	ErrTooLarge = errors.New("body too large")
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
	// ErrSource: the sender is not in the source networks. HTTP 403.
	ErrSource = errors.New("source address refused")
	// ErrWindow: the time stamp is missing, too old or too far ahead. HTTP 403.
	ErrWindow = errors.New("time stamp refused")
	// ErrBusy: the same message is being handled. Answered as failure, so that the
	// ERP sends it again.
	ErrBusy = errors.New("the same push is being handled")
	// ErrDedupe: the dedupe store failed. Before the function was called this is
	// answered as failure. After it returned nil it is only reported: the message is
	// acknowledged, and may run again if it is repeated.
	ErrDedupe = errors.New("dedupe store failed")
	// ErrRedirect: an authorisation redirect was refused, see [Authorize].
	ErrRedirect = errors.New("authorisation redirect refused")
	// ErrState: the state of a redirect is not one of ours, or too old, or used.
	ErrState = errors.New("state refused")
	// ErrUnknownAction: the action of a goods-returned push is neither 确认收货 nor
	// 取消收货. The function is not called, so that nothing is refunded or restocked
	// by mistake. HTTP 422.
	ErrUnknownAction = errors.New("action of the goods-returned push not known")
)
