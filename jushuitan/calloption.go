package jushuitan

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	engine "github.com/dianjia/jushuitan-go/internal/call"
)

// CallOption changes single calls. Pass it to [Client.Call], or to [Client.With] for the
// typed methods, iterators, streams and uploads.
type CallOption interface{ apply(o *callOptions) }

// callOptions holds what the options of a call set; zero values keep the client's settings.
type callOptions struct {
	effect  *Effect // for Call only
	code    bool    // code 0 proves a write
	retry   RetryPolicy
	timeout time.Duration
	header  func(http.Header)
	badRow  func(BadRow)
	seen    func(rows []element, sure bool) // the rows of each page, as they were sent; sure: the answer has their list or says that there are none
	err     error                           // of an option with an invalid value
}

type callOption func(o *callOptions)

func (f callOption) apply(o *callOptions) { f(o) }

func effectOption(e Effect) CallOption {
	return callOption(func(o *callOptions) { o.effect = &e })
}

// AsRead states that a [Client.Call] changes nothing, so that it may be retried. The typed
// methods know their effect and ignore it.
func AsRead() CallOption { return effectOption(Read) }

// AsKeyed states that a [Client.Call] is idempotent. If [Operations] already lists the path
// as [Keyed], biz must still contain its keys. The typed methods ignore it.
func AsKeyed() CallOption { return effectOption(Keyed) }

// CodeZeroIsApplied states that code 0 proves that the write was applied, for an endpoint
// for which this package knows no evidence. Without it such a write fails with
// [ErrOutcomeUnknown] unless the response has a success flag: code 0 says that the call was
// accepted, which for most endpoints of Jushuitan does not mean that anything was stored.
func CodeZeroIsApplied() CallOption { return callOption(func(o *callOptions) { o.code = true }) }

// WithCallRetry changes the retry policy of the call; zero fields keep the client's values.
// It does not change which calls may be retried at all. RetryPolicy{MaxAttempts: 1} never
// retries.
func WithCallRetry(p RetryPolicy) CallOption {
	return callOption(func(o *callOptions) {
		o.retry, o.err = p, errors.Join(o.err, engine.Policy(p).Check("WithCallRetry"))
	})
}

// WithCallTimeout limits each attempt of the call, instead of [WithTimeout].
func WithCallTimeout(d time.Duration) CallOption {
	return callOption(func(o *callOptions) {
		o.timeout, o.err = d, errors.Join(o.err, engine.Positive("WithCallTimeout", d))
	})
}

// WithResponseHeader calls f with a copy of the header of each answer: of every attempt,
// page or part of an upload, from the goroutine that reads it. It is not called if no
// answer arrives, nor for the calls that renew a token.
func WithResponseHeader(f func(http.Header)) CallOption {
	return callOption(func(o *callOptions) {
		o.header, o.err = f, errors.Join(o.err, engine.Given("WithResponseHeader", f != nil))
	})
}

// WithCallBadRow calls f for each row that cannot be decoded and continues without it, instead
// of the function of [WithOnBadRow]. A loop that reads a page again reports its rows again. f
// may be called from several goroutines.
func WithCallBadRow(f func(BadRow)) CallOption {
	return callOption(func(o *callOptions) {
		o.badRow, o.err = f, errors.Join(o.err, engine.Given("WithCallBadRow", f != nil))
	})
}

// With returns a client whose calls use the options: every typed method, iterator, stream
// and upload, and Call. It is cheap to create and shares everything else with c. With can
// be combined with [Client.ForMerchant] and [Client.WithToken] in any order, and with
// itself: a later option replaces an earlier one of its kind. Calls with an invalid option
// return an error.
func (c *Client) With(opts ...CallOption) *Client {
	s := c.scope
	for _, opt := range opts {
		opt.apply(&s.options)
	}
	return newClient(s)
}

// engineOf returns the engine of a call: the client's, unless an option changes it.
func (c *Client) engineOf() *engine.Engine {
	o := &c.options
	if o.retry == (RetryPolicy{}) && o.timeout == 0 && o.header == nil {
		return &c.core.engine
	}
	e := c.core.engine
	e.Retry = engine.Policy(o.retry).Over(e.Retry)
	e.Header = o.header
	if o.timeout != 0 {
		e.Timeout = o.timeout
	}
	return &e
}

// optionsError returns the error of a call with an invalid option.
func (k *oneCall) optionsError() error {
	if k.options.err == nil {
		return nil
	}
	return k.fail(&Error{Outcome: NotSent, class: ErrInvalid, cause: fmt.Errorf("call option: %w", k.options.err)})
}
