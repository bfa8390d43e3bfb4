package jushuitan

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/internal/receive"
)

// The defaults of callback.Config and qimen.MuxConfig.
const (
	DefaultMaxBody     = receive.DefaultMaxBody     // 4 MiB
	DefaultBodyTimeout = receive.DefaultBodyTimeout // 30 seconds
	DefaultClaimTTL    = receive.DefaultClaimTTL    // one minute
	DefaultCommitTTL   = receive.DefaultCommitTTL   // 24 hours
	DefaultWait        = receive.DefaultWait        // 3 seconds
)

// The reasons for which callback.Receiver and qimen.Mux refuse a message, as OnError
// receives them; match them with errors.Is. Each package has further ones of its own. A body
// that cannot be decoded is [ErrDecode].
var (
	// ErrRequest: the HTTP request is not a push, or not a message of the Qimen gateway. Its
	// method or query is invalid, a parameter is duplicate, or the body is incomplete.
	ErrRequest = receive.ErrRequest
	// ErrTooLarge: the body is longer than MaxBody.
	ErrTooLarge = receive.ErrTooLarge
	// ErrSource: the sender is not in the networks of Sources.
	ErrSource = receive.ErrSource
	// ErrWindow: the time stamp is missing, older than MaxAge or further ahead than
	// MaxAhead.
	ErrWindow = receive.ErrWindow
	// ErrBusy: the same message is in progress. The answer is a failure, so that it is sent
	// again.
	ErrBusy = receive.ErrBusy
	// ErrDedupe: the [Deduper] failed. Before the host's function was called, the answer is
	// a failure. After the function returned nil, the error is only reported: the message is
	// acknowledged, and may run again if it is repeated.
	ErrDedupe = receive.ErrDedupe
)

// ClaimState is the answer of a [Deduper] to a claim.
type ClaimState int

// The states.
const (
	Claimed   ClaimState = dedupe.Claimed   // the key is the caller's: run, then Commit or Release
	Committed ClaimState = dedupe.Committed // this state was handled last: do not run
	Busy      ClaimState = dedupe.Busy      // another has the claim
	// Unsettled is Claimed after a claim that ended without Commit or Release: whether its
	// message was handled is unknown, and so is what was handled last.
	Unsettled ClaimState = dedupe.Unsettled
)

func (s ClaimState) String() string {
	switch s {
	case Claimed:
		return "claimed"
	case Committed:
		return "committed"
	case Busy:
		return "busy"
	case Unsettled:
		return "unsettled"
	}
	return fmt.Sprintf("ClaimState(%d)", int(s))
}

// Deduper (去重) remembers, for callback.Receiver and qimen.Mux, what was handled last of
// each document; one value may serve both, since their keys never collide. [MemoryDeduper] is
// for a single process, redisstate.Deduper for many, and callback/callbacktest.TestDeduper
// checks that any other implementation keeps this contract.
//
// A record has a key, which names a document, and two parts:
//
//   - what was handled last: its state and a memory, until a time. The state is a hash of
//     what the message says about the document, "" for messages without one; the memory is
//     text that only the receiver reads;
//   - a claim, while a message runs: its owner, until a time.
//
// # On a database of your own
//
//	CREATE TABLE handled (
//		key    VARCHAR(200) PRIMARY KEY, -- the name of a kind or method, and one or two hashes of 43 characters
//		state  VARCHAR(100),             -- of what was handled last; NULL: nothing is remembered
//		memory VARCHAR(2000),            -- ASCII
//		until  TIMESTAMP,                -- of both
//		owner  VARCHAR(64),              -- of the claim; NULL: none
//		ends   TIMESTAMP                 -- of the claim
//	)
//
// Times are those of the database's clock, which all processes share. An implementation must
// ensure that
//
//   - each method is one transaction, and of any number of claims of a free key exactly one
//     gets [Claimed]. SELECT ... FOR UPDATE finds no row to lock for a new key: insert it
//     first, and do nothing if it is there;
//   - what was handled is forgotten after until, and a claim can be taken over after ends,
//     whether the row is deleted or not. As long as something is remembered, a claim that
//     ended stays in the row: the next one is answered [Unsettled], not Committed, even for
//     the same state;
//   - Commit replaces what was handled last, whoever has a claim, since the message has been
//     handled. It and Release end a claim only if it is the owner's: a run that took longer
//     than its claim must not end that of the run that followed it;
//   - an error means that the state is unknown. The receiver answers with failure, so that
//     the message is sent again, and never runs a message without a claim;
//   - a method returns when its context ends.
type Deduper interface {
	// Claim reserves the key for the owner until ttl has passed, and returns the memory of
	// what was handled last, "" if nothing is remembered. The answer is [Busy] while
	// another has a claim, otherwise [Unsettled] if a claim ended by itself, [Committed],
	// without a claim, if state was handled last, or [Claimed]. The owner's own claim is
	// extended.
	Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (ClaimState, string, error)
	// Commit remembers that state was handled last, with a memory, for ttl, and ends the
	// owner's claim. With a ttl of 0 or less it forgets what was handled instead.
	Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error
	// Release ends the owner's claim and changes nothing else.
	Release(ctx context.Context, key, owner string) error
}

// PanicError is the error that callback.Receiver and qimen.Mux report if a function of
// the host panics. Its text contains the type of the value, but not the value itself, which
// may hold personal data, unless it is an error of the Go runtime.
type PanicError struct {
	Value any    // the value passed to panic
	Stack []byte // the goroutine's stack, as runtime/debug.Stack writes it
}

func (e *PanicError) Error() string {
	if err, ok := e.Value.(runtime.Error); ok {
		return "the function panicked: " + err.Error()
	}
	return fmt.Sprintf("the function panicked with a value of type %T", e.Value)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Format prints the text of the error, for every verb.
func (e *PanicError) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.Error())) }
