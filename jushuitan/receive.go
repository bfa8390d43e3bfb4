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

// The reasons for which callback.Receiver and qimen.Mux refuse a message, as OnError is
// told them; find them with errors.Is. Each package has further ones of its own. A body
// that cannot be read is [ErrDecode].
var (
	// ErrRequest: the HTTP request is no push, or no message of the Qimen gateway: its
	// method, its query, a duplicate parameter, or a body that did not arrive whole.
	ErrRequest = receive.ErrRequest
	// ErrTooLarge: the body is longer than MaxBody.
	ErrTooLarge = receive.ErrTooLarge
	// ErrSource: the sender is not in the networks of Sources.
	ErrSource = receive.ErrSource
	// ErrWindow: the time stamp is missing, older than MaxAge or further ahead than
	// MaxAhead.
	ErrWindow = receive.ErrWindow
	// ErrBusy: the same message is being handled. Answered as failure, so that it is
	// sent again.
	ErrBusy = receive.ErrBusy
	// ErrDedupe: the [Deduper] failed. Before the host's function was called this is
	// answered as failure. After it returned nil it is only reported: the message is
	// acknowledged, and may run again if it is repeated.
	ErrDedupe = receive.ErrDedupe
)

// ClaimState is the answer of a [Deduper] to a claim.
type ClaimState int

// The states.
const (
	Claimed   ClaimState = dedupe.Claimed   // the key is the caller's: run, then Commit or Release
	Committed ClaimState = dedupe.Committed // it was done: do not run
	Busy      ClaimState = dedupe.Busy      // another is running it
)

func (s ClaimState) String() string {
	switch s {
	case Claimed:
		return "claimed"
	case Committed:
		return "committed"
	case Busy:
		return "busy"
	}
	return fmt.Sprintf("ClaimState(%d)", int(s))
}

// Deduper (去重) remembers which received messages were handled, by key, for
// callback.Receiver and qimen.Mux; one value may serve both, as their keys never meet.
// [MemoryDeduper] is one for a single process, redisstate.Deduper one for many, and
// callback/callbacktest.TestDeduper checks any other.
//
// # On a database of your own
//
// One table with a unique key, the owner, whether it is done, and when it ends:
//
//	CREATE TABLE handled (
//		key   VARCHAR(200) PRIMARY KEY, -- the name of a kind or method, and one or two hashes of 43 characters
//		owner VARCHAR(64)  NOT NULL,    -- '' once it is done
//		ends  TIMESTAMP    NOT NULL     -- by the database's clock, which all processes share
//	)
//
// An implementation must hold that
//
//   - of any number of claims of a free key exactly one gets [Claimed]: insert the row,
//     or update the one that has ended, in a single statement or transaction;
//   - a row that has ended counts as none, whether it is deleted or not;
//   - Release and a claim by the same owner act on a row only if it is not done and has
//     that owner: a run that took longer than its claim must not release the claim of
//     the run that followed it;
//   - Commit marks the key as done whoever has claimed it: what was done was done;
//   - an error means that nothing is known. The receiver answers failure, so that the
//     message is sent again, and never runs a message without a claim;
//   - a method returns when its context ends.
type Deduper interface {
	// Claim reserves a key for the owner until ttl has passed, unless another has it.
	// The owner's own claim is extended.
	Claim(ctx context.Context, key, owner string, ttl time.Duration) (ClaimState, error)
	// Commit marks the key as done for ttl, whoever has a claim. With a ttl of 0 or
	// less it forgets a key that is done; a claim stays.
	Commit(ctx context.Context, key, owner string, ttl time.Duration) error
	// Release ends the owner's claim. It does nothing to a key that is done or
	// claimed by another.
	Release(ctx context.Context, key, owner string) error
}

// PanicError is the error that callback.Receiver and qimen.Mux report if a function of
// the host panics. Its text has the type of the value and not the value, which may hold
// anything, unless it is an error of the Go runtime.
type PanicError struct {
	Value any    // what was given to panic
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
