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

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
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
	DefaultDeadTTL     = 30 * 24 * time.Hour
)

// The errors of [Inbox].
var (
	// ErrInboxFull means that a push was not stored because too many are waiting. The sender
	// should retry it.
	ErrInboxFull = errors.New("the inbox is full")
	// ErrNoDeadLetter means that there is no such dead letter.
	ErrNoDeadLetter = errors.New("no such dead letter")
	// ErrDeadExpired means that dead letters were deleted after [InboxConfig].DeadTTL. It is
	// passed to OnError with a zero Message.
	ErrDeadExpired = errors.New("dead letters were deleted")
)

// InboxConfig configures [State.Inbox]. All processes must use the same values. The zero
// value is usable.
type InboxConfig struct {
	// Name distinguishes the inboxes of one State.
	Name string
	// Ordered (按单有序) processes the pushes of an order, identified by entId and
	// so_id, one at a time in the order of arrival; a failing one blocks those behind
	// it until it succeeds or becomes a dead letter. Pushes of returned goods are ordered
	// by their after-sale instead, since a revoked receipt may come without so_id. Shipments
	// of one o_id have one order, that of the first of them, so that one without so_id is
	// in turn with the others; a cancel is not if that first one had no so_id. Other
	// pushes without so_id are not ordered. It may be changed at any time: messages that
	// wait for their turn are then processed in any order.
	Ordered bool
	// Partitions is the number of streams that pushes are spread over, across the nodes
	// of a cluster; 0 means [DefaultPartitions]. After a reduction, pushes in the
	// removed partitions are not processed: change it only while the inbox is empty.
	Partitions int
	// MaxWaiting and MaxDead limit each partition: further pushes are refused with
	// [ErrInboxFull], and a message that cannot become a dead letter keeps waiting. 0
	// means [DefaultMaxWaiting] and [DefaultMaxDead].
	MaxWaiting, MaxDead int
	// Visibility is how long a worker may be silent before its message is redelivered
	// to another worker. A live worker reports three times in that time. 0 means
	// [DefaultVisibility].
	Visibility time.Duration
	// FirstDelay is the delay after the first failure; further delays grow
	// exponentially up to MaxDelay. After MaxAttempts a message becomes a dead letter. An
	// attempt counts before it begins, so that a message that kills its process becomes
	// one as well; it is not counted if Run ends meanwhile and the handler returns an
	// error. 0 means [DefaultFirstDelay], [DefaultMaxDelay] and [DefaultMaxAttempts].
	FirstDelay, MaxDelay time.Duration
	MaxAttempts          int
	// DeadTTL is how long dead letters, which hold personal data, are kept; workers delete
	// older ones and report [ErrDeadExpired]. 0 means [DefaultDeadTTL]; a negative value
	// keeps them until [Inbox.Drop] or [Inbox.Clean]. Earlier ones are deleted by Clean.
	DeadTTL time.Duration
	// CommitTTL and CancelTTL are how long an identical push counts as the same message:
	// use the values of callback.Config. 0 means jushuitan.DefaultCommitTTL and
	// callback.DefaultCancelTTL.
	CommitTTL, CancelTTL time.Duration
	// OnError, if not nil, is called for each failed message with the handler's error,
	// with a zero Message when dead letters are deleted, and at most once a second with a
	// zero Message while Redis fails.
	OnError func(ctx context.Context, m Message, err error)
}

// Inbox stores pushes in Redis Streams (推送收件箱), so that they are acknowledged at
// once and processed by any number of processes: set [Inbox.Shipment] and its siblings
// in a callback.Config, and [Inbox.Run] workers.
//
// A push for which Put returned nil is handled at least once, if Redis keeps what it
// acknowledged, which depends on its appendfsync and on [Config].Replicas, see the
// package comment. It is handled again if its worker dies or is silent for longer than
// Visibility, or if an answer was lost and the push is sent again. [Message].ID is then
// the same. A handler whose sink accepts an ID only once, in the transaction of its
// work, processes each push exactly once. It must remember an ID for as long as the
// sender may retry, at least a day.
//
// Pushes hold personal data. They are stored as received unless the State has a
// [Config].Keyring.
type Inbox struct {
	state *State
	cfg   InboxConfig
	seal  string       // name that the encryption is bound to
	told  atomic.Int64 // when OnError was last called for a failing Redis, in nanoseconds
}

// Inbox returns an inbox.
func (s *State) Inbox(cfg InboxConfig) (*Inbox, error) {
	for name, n := range map[string]int64{
		"Partitions": int64(cfg.Partitions), "MaxWaiting": int64(cfg.MaxWaiting), "MaxDead": int64(cfg.MaxDead), "Visibility": int64(cfg.Visibility),
		"FirstDelay": int64(cfg.FirstDelay), "MaxDelay": int64(cfg.MaxDelay), "MaxAttempts": int64(cfg.MaxAttempts), "CommitTTL": int64(cfg.CommitTTL),
		"CancelTTL": int64(cfg.CancelTTL),
	} {
		if n < 0 {
			return nil, fmt.Errorf("redisstate: inbox: %s is %d, must not be negative", name, n)
		}
	}
	if strings.ContainsAny(cfg.Name, "{}:") {
		return nil, fmt.Errorf("redisstate: inbox: Name %q contains a brace or a colon / 收件箱名称不能含花括号或冒号", cfg.Name)
	}
	cfg.Partitions = cmp.Or(cfg.Partitions, DefaultPartitions)
	cfg.MaxWaiting = cmp.Or(cfg.MaxWaiting, DefaultMaxWaiting)
	cfg.MaxDead = cmp.Or(cfg.MaxDead, DefaultMaxDead)
	cfg.Visibility = cmp.Or(cfg.Visibility, DefaultVisibility)
	cfg.FirstDelay = cmp.Or(cfg.FirstDelay, DefaultFirstDelay)
	cfg.MaxDelay = max(cmp.Or(cfg.MaxDelay, DefaultMaxDelay), cfg.FirstDelay)
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, DefaultMaxAttempts)
	cfg.DeadTTL = cmp.Or(cfg.DeadTTL, DefaultDeadTTL)
	cfg.CommitTTL = cmp.Or(cfg.CommitTTL, jushuitan.DefaultCommitTTL)
	cfg.CancelTTL = cmp.Or(cfg.CancelTTL, callback.DefaultCancelTTL)
	return &Inbox{state: s, cfg: cfg, seal: s.cfg.Prefix + ":inbox:" + cfg.Name}, nil
}

// Format prints no pushes, for any verb.
func (i *Inbox) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redisstate.Inbox{%q}", i.cfg.Name)
}

// Message is a push in the inbox. Its printed form contains neither body nor order.
type Message struct {
	ID          string    // the same for every delivery, and for a push that is sent again; generated by Put if empty
	EntID       string    // entId of the registered URL: the merchant
	StorageCode string    // storageCode of the registered URL: shop or warehouse
	Type        string    // type of the registered URL
	Method      string    // the kind, such as logistics.upload
	TS          time.Time // ts of the push, zero if missing
	SoID        string    // so_id 线上单号, by which pushes are ordered; may be empty
	Raw         []byte    // the body as received
	Received    time.Time // set by Put

	Attempt int // counted from 1; of a dead letter, the number of attempts
	// Again (可能重复执行) reports that the handler may have run to its end before: the last
	// attempt has no known end, since its worker died or lost Redis; or the same push was
	// stored before; or a dead letter is replayed. A failed attempt alone does not set it, nor
	// does one that Redis lost in a failover.
	Again bool
}

// Format prints the message without its body and its order, for every verb.
func (m Message) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "Message{ID:%q EntID:%q StorageCode:%q Method:%q Attempt:%d Raw:(%d bytes)}", m.ID, m.EntID, m.StorageCode, m.Method, m.Attempt, len(m.Raw))
}

// LogValue is the message for slog, without its body and its order.
func (m Message) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// messageText is the stored form of a message.
type messageText struct {
	EntID       string    `json:"ent,omitempty"`
	StorageCode string    `json:"storage,omitempty"`
	Type        string    `json:"type,omitempty"`
	Method      string    `json:"method,omitempty"`
	TS          time.Time `json:"ts,omitzero"`
	SoID        string    `json:"so,omitempty"`
	Raw         []byte    `json:"raw,omitempty"`
	Received    time.Time `json:"at,omitzero"`
	// For is what the text belongs to, see [Inbox.binding]; earlier versions did not store it.
	For string `json:"for,omitempty"`
}

//go:embed lua/inbox_order.lua
var inboxOrderLua string

//go:embed lua/inbox_clean.lua
var inboxCleanLua string

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
	inboxTakeScript   = redis.NewScript(inboxOrderLua + inboxTakeLua)
	inboxSettleScript = redis.NewScript(inboxOrderLua + inboxSettleLua)
	inboxReplayScript = redis.NewScript(inboxReplayLua)
	inboxCleanScript  = redis.NewScript(inboxCleanLua)
)

// All workers are one consumer of the group: the due set has the message of each worker,
// and a consumer per worker would outlive it.
const (
	inboxGroup    = "workers"
	inboxConsumer = "worker"
)

// keys returns the keys of a partition: stream, due, tries, busy, parked, dead, runs.
func (i *Inbox) keys(partition int) []string {
	base := i.state.cfg.Prefix + ":inbox:{" + i.cfg.Name + "/" + strconv.Itoa(partition) + "}"
	return []string{base, base + ":due", base + ":tries", base + ":busy", base + ":parked", base + ":dead", base + ":runs"}
}

// binding is what a stored push belongs to: its partition, its ID and its order. It is part of
// the encrypted text, so that a body that was moved to another entry is refused.
func binding(partition int, id, order string) string {
	return digest(strconv.Itoa(partition), id, order)
}

// digest returns a hash of the parts and their lengths.
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

// turn is the state of a document that a push reports. The same state again is a duplicate
// until another one is stored for the document, or for all documents of its record.
type turn struct {
	record, document, state string
	side                    uint8 // 1 or 2: pushes that undo each other
	whole                   bool  // it concerns all documents of the record
	keep                    time.Duration
	part                    string // part of an order, whose pushes have one order
}

// place returns the partition of a message, and its order: the after-sale of pushes that
// undo each other, otherwise the order of the mall.
func (i *Inbox) place(ctx context.Context, m *Message, t *turn) (partition int, order string, err error) {
	switch {
	case t != nil && t.side != 0:
		order = digest(m.EntID, "after-sale", t.record)
	case m.SoID != "":
		order = digest(m.EntID, m.SoID)
	}
	if i.cfg.Ordered && t != nil && t.part != "" {
		part := digest(m.EntID, "part", t.part)
		key := i.keys(i.partition(part))[0] + ":order:" + part
		order = cmp.Or(order, part)
		first, err := i.state.client.SetArgs(ctx, key, order, redis.SetArgs{Mode: "NX", Get: true, TTL: max(i.cfg.CommitTTL, time.Millisecond)}).Result()
		if err = cause(ctx, err); err != nil {
			return 0, "", err
		}
		order = cmp.Or(first, order)
	}
	switch {
	case order != "":
		return i.partition(order), order, nil
	case t != nil:
		return i.partition(digest(t.document)), "", nil
	}
	return i.partition(digest(m.ID)), "", nil
}

func (i *Inbox) partition(by string) int {
	h := fnv.New64a()
	_, _ = io.WriteString(h, by)
	return int(h.Sum64() % uint64(i.cfg.Partitions))
}

// Put stores a push. It returns nil once Redis and as many replicas as
// [Config].Replicas have it. After an error it may be stored nevertheless: putting it
// again yields the same ID.
func (i *Inbox) Put(ctx context.Context, m Message) error { return i.put(ctx, m, nil) }

func (i *Inbox) put(ctx context.Context, m Message, t *turn) error {
	m.ID = cmp.Or(m.ID, nonce())
	partition, order, err := i.place(ctx, &m, t)
	if err == nil {
		err = i.add(ctx, m, t, partition, order)
	}
	if err != nil {
		return fmt.Errorf("redisstate: inbox: push of merchant %q: %w", m.EntID, err)
	}
	return nil
}

// inboxNames limits how often a push is named again because others of its document are stored
// at the same moment.
const inboxNames = 100

// add stores a push in its partition. The body is bound to the push's ID, which contains the
// time since when its document has this state. Redis decides about it: it accepts the proposed
// time or answers another one.
func (i *Inbox) add(ctx context.Context, m Message, t *turn, partition int, order string) error {
	keys := i.keys(partition)[:1]
	if t != nil {
		keys = append(keys, keys[0]+":turn:"+t.document)
		if t.side != 0 {
			keys = append(keys, keys[0]+":sides:"+t.record)
		}
	}
	since := strconv.FormatInt(time.Now().UnixMicro(), 10)
	for range inboxNames {
		id := m.ID
		if t != nil {
			id += "-" + since
		}
		text, err := json.Marshal(messageText{
			EntID: m.EntID, StorageCode: m.StorageCode, Type: m.Type, Method: m.Method, TS: m.TS, SoID: m.SoID, Raw: m.Raw,
			Received: time.Now().In(wire.CST), For: binding(partition, id, order),
		})
		if err != nil {
			return err
		}
		args := []any{i.cfg.MaxWaiting, m.ID, order, i.state.cfg.Keyring.Seal(i.seal, text)}
		if t != nil {
			args = append(args, t.state, millis(t.keep), since)
		}
		if t != nil && t.side != 0 {
			args = append(args, int(t.side), t.whole)
		}
		answer, err := i.state.store(ctx, inboxPutScript, keys, args...)
		if err != nil {
			return err
		}
		place, ok := answer.(string)
		switch {
		case !ok:
			return errScript("inbox")
		case place == "":
			return i.full()
		case place[0] != '=':
			return nil
		}
		since = place[1:]
	}
	return errors.New("others of the same document are stored all the time; send it again / 同一单据的推送过于频繁，请重新推送")
}

func (i *Inbox) full() error {
	return fmt.Errorf("%w: %d are waiting; run more workers / 收件箱已满，请增加处理进程", ErrInboxFull, i.cfg.MaxWaiting)
}

// read decodes a message stored in a partition.
func (i *Inbox) read(partition int, id, order, body string) (Message, error) {
	m := Message{ID: id}
	text, _, err := i.state.cfg.Keyring.Open(i.seal, body)
	if err != nil {
		return m, err
	}
	var row messageText
	if json.Unmarshal(text, &row) != nil { // the error may quote the text
		return m, errors.New("the stored push is damaged / 存储的推送已损坏")
	}
	if row.For != "" && row.For != binding(partition, id, order) {
		return m, fmt.Errorf("%w: it belongs to another message of the inbox / 内容属于另一条推送", keyring.ErrDecrypt)
	}
	m.EntID, m.StorageCode, m.Type, m.Method, m.TS = row.EntID, row.StorageCode, row.Type, row.Method, row.TS
	m.SoID, m.Raw, m.Received = row.SoID, row.Raw, row.Received
	return m, nil
}

// The pauses of a worker without messages or without Redis.
const (
	inboxFirst = 10 * time.Millisecond
	inboxIdle  = 200 * time.Millisecond
	inboxAway  = time.Second
	inboxTell  = 5 * time.Second // to take or settle a message, also after the worker was stopped
)

// Run processes the inbox with the given number of workers until ctx ends, and returns
// ctx's error after all workers have stopped. If the handler honors its context,
// messages in progress are returned to the inbox at once, without counting the attempt.
// No other worker has a message before the handler returned, however long that takes.
//
// The handler's context also ends if its message was redelivered to another worker. An
// error or panic of the handler counts as a failed attempt.
func (i *Inbox) Run(ctx context.Context, workers int, handle func(ctx context.Context, m Message) error) error {
	if workers <= 0 || handle == nil {
		return errors.New("redisstate: inbox: Run requires workers and a handler")
	}
	var wg sync.WaitGroup
	if i.cfg.DeadTTL > 0 {
		wg.Go(func() { i.tidy(ctx) })
	}
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

// away reports a failing Redis once for all workers.
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

// held is a message in progress.
type held struct {
	keys    []string
	place   string
	number  int64 // of the delivery
	attempt int   // deliveries that count
	order   string
	bury    bool // it had all attempts
}

// errNoEnd is the reason of a dead letter whose last attempt has no known end.
var errNoEnd = errors.New("no further attempt: the worker died or lost Redis in the last one, or no dead letter could be stored after it" +
	" / 已达最大次数：最后一次处理的进程中断或失联，或当时死信已满")

// take takes a message of a partition. readErr is why its body cannot be read.
func (i *Inbox) take(ctx context.Context, partition int) (h *held, m Message, readErr, err error) {
	keys, ordered := i.keys(partition), 0
	if i.cfg.Ordered {
		ordered = 1
	}
	answer, err := i.state.run(ctx, inboxTakeScript, append(keys[:5:5], keys[6]), inboxGroup, inboxConsumer, millis(i.cfg.Visibility), ordered, i.cfg.MaxAttempts)
	if err != nil {
		return nil, m, nil, fmt.Errorf("redisstate: inbox: take: %w", err)
	}
	row, _ := answer.([]any)
	if len(row) == 0 {
		return nil, m, nil, nil
	}
	if len(row) != 8 {
		return nil, m, nil, errScript("inbox")
	}
	text := func(n int) string { s, _ := row[n].(string); return s }
	number := func(n int) int64 { v, _ := row[n].(int64); return v }
	// The order is let go even if Ordered was unset meanwhile.
	h = &held{keys: keys, place: text(0), number: number(1), attempt: int(number(5)), order: text(3), bury: number(7) == 1}
	m, readErr = i.read(partition, text(2), h.order, text(4))
	m.Attempt, m.Again = h.attempt, number(6) == 1
	return h, m, readErr, nil
}

// one takes and processes a message; the error is one of Redis.
func (i *Inbox) one(ctx context.Context, partition int, handle func(context.Context, Message) error) (found bool, err error) {
	// A message must not be taken without this worker knowing, so the end of ctx does not matter.
	taking, done := context.WithTimeout(context.WithoutCancel(ctx), inboxTell)
	h, m, failed, err := i.take(taking, partition)
	done()
	if err != nil || h == nil {
		return false, err
	}
	switch {
	case h.bury:
		failed = errNoEnd
	case ctx.Err() != nil:
		failed = ctx.Err()
	case failed == nil:
		failed = i.attend(ctx, h, m, handle)
	}
	settling, done := context.WithTimeout(context.WithoutCancel(ctx), inboxTell)
	defer done()
	switch {
	case failed == nil:
		return true, i.settle(settling, h, m, "done", 0, nil)
	case ctx.Err() != nil && !h.bury:
		return true, i.settle(settling, h, m, "back", 0, nil)
	}
	i.report(ctx, m, failed)
	delay := i.delay(h.attempt)
	if h.bury || h.attempt >= i.cfg.MaxAttempts {
		return true, i.settle(settling, h, m, "dead", delay, failed)
	}
	return true, i.settle(settling, h, m, "later", delay, nil)
}

// delay returns the time between a failed attempt and the next.
func (i *Inbox) delay(attempt int) time.Duration {
	d := i.cfg.FirstDelay
	for n := 1; n < attempt && d < i.cfg.MaxDelay; n++ {
		d *= 2
	}
	return min(d, i.cfg.MaxDelay)
}

// attend calls the handler and reports to Redis that the worker is alive until it returns, also
// after the end of ctx.
func (i *Inbox) attend(ctx context.Context, h *held, m Message, handle func(context.Context, Message) error) (err error) {
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(beating, i.cfg.Visibility/3) {
			bounded, done := context.WithTimeout(beating, i.cfg.Visibility/3)
			state, err := i.tell(bounded, h, m, "beat", i.cfg.Visibility, nil)
			done()
			if err == nil && state == 0 {
				cancel() // redelivered to another worker
				return
			}
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", v, debug.Stack())
		}
		cancel()
		stop()
		<-ended
	}()
	return handle(ctx, m)
}

// reasonSeal is the name that the encryption of a dead letter's reason is bound to.
func (i *Inbox) reasonSeal(id string) string { return i.seal + ":reason:" + id }

// tell runs the script that ends or extends a delivery.
func (i *Inbox) tell(ctx context.Context, h *held, m Message, what string, delay time.Duration, reason error) (int64, error) {
	text := ""
	if reason != nil {
		text = reason.Error()
		text = string(i.state.cfg.Keyring.Seal(i.reasonSeal(m.ID), []byte(text[:min(len(text), 1000)])))
	}
	answer, err := i.state.run(ctx, inboxSettleScript, h.keys,
		inboxGroup, h.place, h.number, what, delay.Milliseconds(), h.order, i.cfg.MaxDead, h.attempt, text)
	if err != nil {
		return 0, fmt.Errorf("redisstate: inbox: settle: %w", err)
	}
	state, _ := answer.(int64)
	return state, nil
}

// settle ends an attempt and retries if Redis is briefly unavailable: otherwise the
// message would be handled again.
func (i *Inbox) settle(ctx context.Context, h *held, m Message, what string, delay time.Duration, reason error) error {
	for wait := inboxFirst; ; wait = min(2*wait, inboxIdle) {
		state, err := i.tell(ctx, h, m, what, delay, reason)
		if err == nil {
			if state == 2 {
				i.report(ctx, m, fmt.Errorf("%w: it has %d dead letters; replay or drop some / 死信已满，请重放或清理", ErrInboxFull, i.cfg.MaxDead))
			}
			return nil
		}
		if !pause(ctx, wait) {
			return err
		}
	}
}

// InboxStats are the counts of an inbox.
type InboxStats struct {
	Waiting int64 // stored and not done, including those in progress
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
	Place   string  // identifies it for DeadLetters, Replay and Drop
	Message Message // with the number of attempts
	Reason  string  // first 1,000 bytes of the last error; may hold personal data
	Since   time.Time
}

// Format prints the dead letter without its reason and body, for every verb.
func (d DeadLetter) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "DeadLetter{%s %v}", d.Place, d.Message)
}

// LogValue is the dead letter for slog, without its reason and body.
func (d DeadLetter) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// DeadLetters returns up to limit dead letters after the given place, "" for the first,
// oldest first within each partition. Fewer than limit means that there are no more.
func (i *Inbox) DeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error) {
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
			millis, _, _ := strings.Cut(row.ID, "-")
			if at, err := strconv.ParseInt(millis, 10, 64); err == nil {
				d.Since = time.UnixMilli(at).In(wire.CST)
			}
			if d.Message, err = i.read(partition, text("m"), text("o"), text("b")); err != nil {
				d.Reason = err.Error()
			} else {
				d.Reason = i.reason(d.Message.ID, text("e"))
			}
			d.Message.Attempt, _ = strconv.Atoi(text("n"))
			all = append(all, d)
		}
	}
	return all, nil
}

// reason decodes why a message became a dead letter.
func (i *Inbox) reason(id, stored string) string {
	for _, name := range []string{i.reasonSeal(id), i.seal} { // the second is that of earlier versions
		if text, _, err := i.state.cfg.Keyring.Open(name, stored); err == nil {
			return string(text)
		}
	}
	return ""
}

// Clean deletes the dead letters that are older than age, and returns how many. Workers do so
// by themselves, see [InboxConfig].DeadTTL.
func (i *Inbox) Clean(ctx context.Context, age time.Duration) (int64, error) {
	if age < 0 {
		return 0, fmt.Errorf("redisstate: inbox: clean: age is %v, must not be negative", age)
	}
	var all int64
	for p := range i.cfg.Partitions {
		answer, err := i.state.run(ctx, inboxCleanScript, i.keys(p)[5:6], age.Milliseconds())
		if err != nil {
			return all, fmt.Errorf("redisstate: inbox: clean: %w", err)
		}
		n, _ := answer.(int64)
		all += n
	}
	return all, nil
}

// tidy deletes expired dead letters until ctx ends.
func (i *Inbox) tidy(ctx context.Context) {
	every := min(max(i.cfg.DeadTTL/10, 100*time.Millisecond), time.Hour)
	for {
		n, err := i.Clean(ctx, i.cfg.DeadTTL)
		switch {
		case n > 0:
			i.report(ctx, Message{}, fmt.Errorf("redisstate: inbox: %w: %d that were older than %v / 死信已过保留期，已删除", ErrDeadExpired, n, i.cfg.DeadTTL))
		case err != nil && ctx.Err() == nil:
			i.away(ctx, err)
		}
		if !pause(ctx, every) {
			return
		}
	}
}

func (i *Inbox) locate(place string) (partition int, entry string, err error) {
	number, entry, ok := strings.Cut(place, "/")
	if partition, err = strconv.Atoi(number); !ok || err != nil || partition < 0 || partition >= i.cfg.Partitions {
		return 0, "", fmt.Errorf("redisstate: inbox: %w: invalid place %q", ErrNoDeadLetter, place)
	}
	return partition, entry, nil
}

// Replay puts a dead letter at the end of the queue with its attempts reset. It returns
// [ErrInboxFull] if MaxWaiting pushes are waiting.
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
		err = ErrNoDeadLetter
	case n == 2:
		err = i.full()
	}
	if err != nil {
		return fmt.Errorf("redisstate: inbox: dead letter %q: %w", place, err)
	}
	return nil
}
