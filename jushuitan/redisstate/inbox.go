package redisstate

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// The defaults of [InboxConfig].
const (
	DefaultPartitions  = 8
	DefaultMaxWaiting  = 100_000
	DefaultMaxDead     = 10_000
	DefaultVisibility  = 30 * time.Second
	DefaultFirstDelay  = time.Second
	DefaultMaxDelay    = 10 * time.Minute
	DefaultMaxAttempts = 12
)

// The errors of [Inbox].
var (
	// ErrFull means that a push was not stored because too many are waiting. The sender
	// should retry it.
	ErrFull = errors.New("the inbox is full")
	// ErrNoLetter means that there is no such dead letter.
	ErrNoLetter = errors.New("no such dead letter")
)

// InboxConfig configures [State.Inbox]. All processes need the same. Its zero value
// is usable.
type InboxConfig struct {
	// Name tells inboxes on one State apart.
	Name string
	// Ordered (按单有序) works the pushes of one order, by entId and so_id, one at a time
	// and in the order of their arrival; one that fails holds up those behind it until
	// it succeeds or is a dead letter. Pushes without so_id are not ordered.
	Ordered bool
	// Partitions is the number of streams that pushes are spread over, across the nodes
	// of a cluster; 0 means [DefaultPartitions]. After a reduction, pushes in the
	// removed partitions are not processed: change it only while the inbox is empty.
	Partitions int
	// MaxWaiting and MaxDead bound each partition: a push beyond is refused with
	// [ErrFull], and a message that cannot become a dead letter waits on. 0 is
	// [DefaultMaxWaiting] and [DefaultMaxDead].
	MaxWaiting, MaxDead int
	// Visibility is how long a worker may be silent before its message is redelivered
	// to another worker. A live worker reports three times in that time. 0 means
	// [DefaultVisibility].
	Visibility time.Duration
	// FirstDelay is the delay after the first failure; further delays grow
	// exponentially up to MaxDelay. After MaxAttempts a message becomes a dead letter.
	// 0 means [DefaultFirstDelay], [DefaultMaxDelay] and [DefaultMaxAttempts].
	FirstDelay, MaxDelay time.Duration
	MaxAttempts          int
	// CommitTTL is how long a cancel or a receipt of goods with the same content is
	// the same message, see [Inbox.Cancel] and [Inbox.GoodsReturned]: give it what
	// callback.Config has. 0 is jushuitan.DefaultCommitTTL.
	CommitTTL time.Duration
	// OnError, if not nil, is called for each failed message with the handler's error,
	// and at most once a second with a zero Message while Redis fails.
	OnError func(ctx context.Context, m Message, err error)
}

// Inbox stores pushes in Redis Streams (推送收件箱), so that they are acknowledged at
// once and worked by any number of processes: plug [Inbox.Shipment] and its like into
// a callback.Config, and [Inbox.Run] workers.
//
// A push for which Put returned nil is handled at least once, if Redis keeps what it
// acknowledged: that is up to its appendfsync and to [Config].Replicas, see the
// package comment. It is handled again when its worker dies or is away for longer than
// Visibility, and when the answer to Put, or that to the sender, was lost and the push
// is sent again; [Message].ID is the same then, by which a handler knows it. A handler
// whose sink takes an ID once, in the transaction of its work, has each push exactly
// once. It must remember an ID for as long as the sender repeats, a day at least.
//
// Pushes hold personal data. They are in Redis as they came unless the State has a
// [Keyring].
type Inbox struct {
	state *State
	cfg   InboxConfig
	seal  string       // what their encryption is bound to
	told  atomic.Int64 // when OnError was told that Redis fails, in nanoseconds
}

// Inbox returns an inbox.
func (s *State) Inbox(cfg InboxConfig) (*Inbox, error) {
	for name, n := range map[string]int64{
		"Partitions": int64(cfg.Partitions), "MaxWaiting": int64(cfg.MaxWaiting), "MaxDead": int64(cfg.MaxDead), "Visibility": int64(cfg.Visibility),
		"FirstDelay": int64(cfg.FirstDelay), "MaxDelay": int64(cfg.MaxDelay), "MaxAttempts": int64(cfg.MaxAttempts), "CommitTTL": int64(cfg.CommitTTL),
	} {
		if n < 0 {
			return nil, fmt.Errorf("redisstate: inbox: %s is %d, must not be negative", name, n)
		}
	}
	if strings.ContainsAny(cfg.Name, "{}:") {
		return nil, fmt.Errorf("redisstate: inbox: Name %q holds a brace or colon", cfg.Name)
	}
	cfg.Partitions = cmp.Or(cfg.Partitions, DefaultPartitions)
	cfg.MaxWaiting = cmp.Or(cfg.MaxWaiting, DefaultMaxWaiting)
	cfg.MaxDead = cmp.Or(cfg.MaxDead, DefaultMaxDead)
	cfg.Visibility = cmp.Or(cfg.Visibility, DefaultVisibility)
	cfg.FirstDelay = cmp.Or(cfg.FirstDelay, DefaultFirstDelay)
	cfg.MaxDelay = max(cmp.Or(cfg.MaxDelay, DefaultMaxDelay), cfg.FirstDelay)
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, DefaultMaxAttempts)
	cfg.CommitTTL = cmp.Or(cfg.CommitTTL, jushuitan.DefaultCommitTTL)
	return &Inbox{state: s, cfg: cfg, seal: s.cfg.Prefix + ":inbox:" + cfg.Name}, nil
}

// Format shows no pushes, whatever the verb.
func (i *Inbox) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.Inbox{%q}", i.cfg.Name)
}

// Message is a push in the inbox. Printed, it shows neither its body nor the order.
type Message struct {
	ID          string    // the same whenever it is handled, and for a push that is sent again; Put makes one up where it is empty
	EntID       string    // entId of the registered URL: the merchant
	StorageCode string    // storageCode of the registered URL: shop or warehouse
	Type        string    // type of the registered URL
	Method      string    // the kind, such as logistics.upload
	TS          time.Time // ts of the push, zero where that was missing
	SoID        string    // so_id 线上单号, by which pushes are ordered; may be empty
	Raw         []byte    // the body as it came
	Received    time.Time // set by Put

	Attempt int // counts from 1; of a dead letter: how many there were
}

// Format prints the message without its body and its order, for every verb.
func (m Message) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "Message{ID:%q EntID:%q StorageCode:%q Method:%q Attempt:%d Raw:(%d bytes)}", m.ID, m.EntID, m.StorageCode, m.Method, m.Attempt, len(m.Raw))
}

// LogValue is the message for slog, without its body and its order.
func (m Message) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// messageText is a message as it is stored.
type messageText struct {
	EntID       string    `json:"ent,omitempty"`
	StorageCode string    `json:"storage,omitempty"`
	Type        string    `json:"type,omitempty"`
	Method      string    `json:"method,omitempty"`
	TS          time.Time `json:"ts,omitzero"`
	SoID        string    `json:"so,omitempty"`
	Raw         []byte    `json:"raw,omitempty"`
	Received    time.Time `json:"at,omitzero"`
}

//go:embed lua/inbox_put.lua
var inboxPutLua string

//go:embed lua/inbox_take.lua
var inboxTakeLua string

//go:embed lua/inbox_settle.lua
var inboxSettleLua string

//go:embed lua/inbox_replay.lua
var inboxReplayLua string

var (
	inboxPutScript    = redis.NewScript(inboxPutLua)
	inboxTakeScript   = redis.NewScript(inboxTakeLua)
	inboxSettleScript = redis.NewScript(inboxSettleLua)
	inboxReplayScript = redis.NewScript(inboxReplayLua)
)

// All workers are one consumer of the group: which of them has a message is in the
// due set, and a consumer for each worker would outlive it.
const (
	inboxGroup    = "workers"
	inboxConsumer = "worker"
)

// keys are those of a partition: stream, due, tries, busy, parked, dead.
func (i *Inbox) keys(partition int) []string {
	base := i.state.cfg.Prefix + ":inbox:{" + i.cfg.Name + "/" + strconv.Itoa(partition) + "}"
	return []string{base, base + ":due", base + ":tries", base + ":busy", base + ":parked", base + ":dead"}
}

// digest is a hash of parts, with their lengths.
func digest(parts ...string) string {
	return digestOf(appendParts(make([]byte, 0, 512), parts...))
}

func appendParts(b []byte, parts ...string) []byte {
	for _, part := range parts {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return b
}

func digestOf(parts []byte) string {
	sum := sha256.Sum256(parts)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// turn is a document whose messages may come round: what was done last with it. The
// same again is a repeat.
type turn struct{ document, action string }

// place is the partition of a message, and its order.
func (i *Inbox) place(m *Message, t *turn) (partition int, order string) {
	by := ""
	switch {
	case m.SoID != "":
		order = digest(m.EntID, m.SoID)
		by = order
	case t != nil:
		by = digest(t.document)
	default:
		by = digest(m.ID)
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, by)
	return int(h.Sum64() % uint64(i.cfg.Partitions)), order
}

// Put stores a push. It returns nil once Redis has it, and the replicas that
// [Config].Replicas asks for. After an error it may be stored nevertheless: whoever
// puts it again gets the same ID.
func (i *Inbox) Put(ctx context.Context, m Message) error { return i.put(ctx, m, nil) }

func (i *Inbox) put(ctx context.Context, m Message, t *turn) error {
	m.ID = cmp.Or(m.ID, nonce())
	text, err := json.Marshal(messageText{
		EntID: m.EntID, StorageCode: m.StorageCode, Type: m.Type, Method: m.Method, TS: m.TS, SoID: m.SoID, Raw: m.Raw,
		Received: time.Now().In(wire.CST),
	})
	if err != nil {
		return fmt.Errorf("redisstate: inbox: push of merchant %q: %w", m.EntID, err)
	}
	partition, order := i.place(&m, t)
	keys := i.keys(partition)[:1]
	args := []any{i.cfg.MaxWaiting, m.ID, order, i.state.seal(i.seal, text)}
	if t != nil {
		keys = append(keys, keys[0]+":turn:"+t.document)
		args = append(args, t.action, millis(i.cfg.CommitTTL))
	}
	answer, err := i.state.store(ctx, inboxPutScript, keys, args...)
	if err == nil && answer == "" {
		err = i.full()
	}
	if err != nil {
		return fmt.Errorf("redisstate: inbox: push of merchant %q: %w", m.EntID, err)
	}
	return nil
}

func (i *Inbox) full() error {
	return fmt.Errorf("%w: %d are waiting; run more workers / 收件箱已满，请增加处理进程", ErrFull, i.cfg.MaxWaiting)
}

// read makes a message of what is stored.
func (i *Inbox) read(id, body string) (Message, error) {
	m := Message{ID: id}
	text, _, err := i.state.open(i.seal, body)
	if err != nil {
		return m, err
	}
	var row messageText
	if json.Unmarshal(text, &row) != nil { // its error may quote the text
		return m, errors.New("the stored push is damaged / 存储的推送已损坏")
	}
	m.EntID, m.StorageCode, m.Type, m.Method, m.TS = row.EntID, row.StorageCode, row.Type, row.Method, row.TS
	m.SoID, m.Raw, m.Received = row.SoID, row.Raw, row.Received
	return m, nil
}

// The pauses of a worker that finds nothing, or no Redis.
const (
	inboxFirst = 10 * time.Millisecond
	inboxIdle  = 200 * time.Millisecond
	inboxAway  = time.Second
	inboxTell  = 5 * time.Second // to settle a message after the worker was told to stop
)

// Run processes the inbox with the given number of workers until ctx ends, and returns
// ctx's error after all workers have stopped. If the handler honors its context,
// messages in progress are returned to the inbox at once.
//
// The handler's context also ends if its message was redelivered to another worker. An
// error or panic of the handler counts as a failed attempt.
func (i *Inbox) Run(ctx context.Context, workers int, handle func(ctx context.Context, m Message) error) error {
	if workers <= 0 || handle == nil {
		return errors.New("redisstate: inbox: Run needs workers and a handler")
	}
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() { i.work(ctx, n, handle) })
	}
	wg.Wait()
	return ctx.Err()
}

func (i *Inbox) work(ctx context.Context, n int, handle func(context.Context, Message) error) {
	wait := inboxFirst
	for at, empty := n, 0; ctx.Err() == nil; at++ {
		found, err := i.one(ctx, at%i.cfg.Partitions, handle)
		switch {
		case err != nil:
			if ctx.Err() != nil {
				return
			}
			i.away(ctx, err)
			pause(ctx, wait)
			wait, empty = min(2*wait, inboxAway), 0
			continue
		case found:
			wait, empty = inboxFirst, 0
			continue
		default:
			if empty++; empty < i.cfg.Partitions {
				continue
			}
		}
		pause(ctx, wait)
		wait, empty = min(2*wait, inboxIdle), 0
	}
}

// away reports that Redis fails: all workers find out at once.
func (i *Inbox) away(ctx context.Context, err error) {
	now, last := time.Now().UnixNano(), i.told.Load()
	if time.Duration(now-last) >= time.Second && i.told.CompareAndSwap(last, now) {
		i.report(ctx, Message{}, err)
	}
}

func (i *Inbox) report(ctx context.Context, m Message, err error) {
	if i.cfg.OnError != nil {
		i.cfg.OnError(ctx, m, err)
	}
}

// held is a message in the hands of a worker.
type held struct {
	keys    []string
	place   string
	attempt int64
	order   string
}

// one takes a message and works it; the error is one of Redis.
func (i *Inbox) one(ctx context.Context, partition int, handle func(context.Context, Message) error) (found bool, err error) {
	keys, ordered := i.keys(partition), "0"
	if i.cfg.Ordered {
		ordered = "1"
	}
	answer, err := i.state.run(ctx, inboxTakeScript, keys[:5], inboxGroup, inboxConsumer, millis(i.cfg.Visibility), ordered)
	if err != nil {
		return false, fmt.Errorf("redisstate: inbox: take: %w", err)
	}
	row, _ := answer.([]any)
	if len(row) == 0 {
		return false, nil
	}
	if len(row) != 5 {
		return false, errScript("inbox")
	}
	h := held{keys: keys}
	h.place, _ = row[0].(string)
	h.attempt, _ = row[1].(int64)
	id, _ := row[2].(string)
	if i.cfg.Ordered {
		h.order, _ = row[3].(string)
	}
	body, _ := row[4].(string)
	m, err := i.read(id, body)
	m.Attempt = int(h.attempt)
	if err == nil {
		err = i.attend(ctx, h, m, handle)
	}
	settleCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), inboxTell)
	defer cancel()
	switch {
	case err == nil:
		return true, i.settle(settleCtx, h, m, "done", 0, nil)
	case ctx.Err() != nil:
		return true, i.settle(settleCtx, h, m, "later", 0, nil)
	}
	i.report(ctx, m, err)
	delay := i.delay(h.attempt)
	if m.Attempt >= i.cfg.MaxAttempts {
		return true, i.settle(settleCtx, h, m, "dead", delay, err)
	}
	return true, i.settle(settleCtx, h, m, "later", delay, nil)
}

// delay is from a failed attempt to the next.
func (i *Inbox) delay(attempt int64) time.Duration {
	d := i.cfg.FirstDelay
	for n := int64(1); n < attempt && d < i.cfg.MaxDelay; n++ {
		d *= 2
	}
	return min(d, i.cfg.MaxDelay)
}

// attend calls the handler, and tells Redis meanwhile that the worker lives.
func (i *Inbox) attend(ctx context.Context, h held, m Message, handle func(context.Context, Message) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, i.cfg.Visibility/3) {
			bounded, done := context.WithTimeout(ctx, i.cfg.Visibility/3)
			state, err := i.tell(bounded, h, "later", i.cfg.Visibility, nil)
			done()
			if err == nil && state == 0 {
				cancel() // it is another's
			}
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", v, debug.Stack())
		}
		cancel()
		<-ended
	}()
	return handle(ctx, m)
}

// tell runs the script that ends an attempt or prolongs it.
func (i *Inbox) tell(ctx context.Context, h held, what string, delay time.Duration, reason error) (int64, error) {
	text := ""
	if reason != nil {
		text = reason.Error()
		text = string(i.state.seal(i.seal, []byte(text[:min(len(text), 1000)])))
	}
	answer, err := i.state.run(ctx, inboxSettleScript, h.keys, inboxGroup, h.place, h.attempt, what, delay.Milliseconds(), h.order, i.cfg.MaxDead, text)
	if err != nil {
		return 0, fmt.Errorf("redisstate: inbox: settle: %w", err)
	}
	state, _ := answer.(int64)
	return state, nil
}

// settle ends an attempt, and tries again where Redis is away for a moment: else the
// message would be handled once more.
func (i *Inbox) settle(ctx context.Context, h held, m Message, what string, delay time.Duration, reason error) error {
	for wait := inboxFirst; ; wait = min(2*wait, inboxIdle) {
		state, err := i.tell(ctx, h, what, delay, reason)
		if err == nil {
			if state == 2 {
				i.report(ctx, m, fmt.Errorf("%w of dead letters: %d; replay or drop some / 死信已满，请重放或清理", ErrFull, i.cfg.MaxDead))
			}
			return nil
		}
		if !pause(ctx, wait) {
			return err
		}
	}
}

// InboxStats says how much is in an inbox.
type InboxStats struct {
	Waiting int64 // stored and not done, those in work included
	Dead    int64 // dead letters
}

// Stats returns the counts of the inbox.
func (i *Inbox) Stats(ctx context.Context) (InboxStats, error) {
	var st InboxStats
	for p := range i.cfg.Partitions {
		keys := i.keys(p)
		waiting, err := i.state.client.XLen(ctx, keys[0]).Result()
		if err == nil {
			st.Waiting += waiting
			waiting, err = i.state.client.XLen(ctx, keys[5]).Result()
			st.Dead += waiting
		}
		if err != nil {
			return InboxStats{}, fmt.Errorf("redisstate: inbox: count: %w", cause(ctx, err))
		}
	}
	return st, nil
}

// DeadLetter (死信) is a push that failed too often.
type DeadLetter struct {
	Place   string  // names it for Replay and Drop
	Message Message // with how often it was tried
	Reason  string  // the last error, its first 1,000 bytes; it may hold personal data
}

// Format prints the dead letter without its reason and body, for every verb.
func (d DeadLetter) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "DeadLetter{%s %v}", d.Place, d.Message)
}

// LogValue is the dead letter for slog, without its reason and body.
func (d DeadLetter) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// Dead lists up to limit dead letters behind the place after, "" for the first, oldest
// first in each partition. Fewer than limit: there are no more.
func (i *Inbox) Dead(ctx context.Context, after string, limit int) ([]DeadLetter, error) {
	partition, from := 0, "-"
	if after != "" {
		p, place, err := i.locate(after)
		if err != nil {
			return nil, err
		}
		partition, from = p, "("+place
	}
	var all []DeadLetter
	for ; partition < i.cfg.Partitions && len(all) < limit; partition++ {
		rows, err := i.state.client.XRangeN(ctx, i.keys(partition)[5], from, "+", int64(limit-len(all))).Result()
		if err != nil {
			return nil, fmt.Errorf("redisstate: inbox: dead letters: %w", cause(ctx, err))
		}
		from = "-"
		for _, row := range rows {
			text := func(name string) string { s, _ := row.Values[name].(string); return s }
			d := DeadLetter{Place: strconv.Itoa(partition) + "/" + row.ID}
			if d.Message, err = i.read(text("m"), text("b")); err != nil {
				d.Reason = err.Error()
			} else if reason, _, err := i.state.open(i.seal, text("e")); err == nil {
				d.Reason = string(reason)
			}
			d.Message.Attempt, _ = strconv.Atoi(text("n"))
			all = append(all, d)
		}
	}
	return all, nil
}

func (i *Inbox) locate(place string) (partition int, entry string, err error) {
	number, entry, ok := strings.Cut(place, "/")
	if partition, err = strconv.Atoi(number); !ok || err != nil || partition < 0 || partition >= i.cfg.Partitions {
		return 0, "", fmt.Errorf("redisstate: inbox: %w: %q is no place", ErrNoLetter, place)
	}
	return partition, entry, nil
}

// Replay puts a dead letter at the end of the queue with its attempts reset. It returns
// [ErrFull] if MaxWaiting pushes are waiting.
func (i *Inbox) Replay(ctx context.Context, place string) error { return i.bury(ctx, place, "1") }

// Drop deletes a dead letter.
func (i *Inbox) Drop(ctx context.Context, place string) error { return i.bury(ctx, place, "0") }

func (i *Inbox) bury(ctx context.Context, place, back string) error {
	partition, entry, err := i.locate(place)
	if err != nil {
		return err
	}
	keys := i.keys(partition)
	answer, err := i.state.store(ctx, inboxReplayScript, []string{keys[0], keys[5]}, entry, back, i.cfg.MaxWaiting)
	switch n, _ := answer.(int64); {
	case err != nil:
	case n == 0:
		err = ErrNoLetter
	case n == 2:
		err = i.full()
	}
	if err != nil {
		return fmt.Errorf("redisstate: inbox: dead letter %q: %w", place, err)
	}
	return nil
}
