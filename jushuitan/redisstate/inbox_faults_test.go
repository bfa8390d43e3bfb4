package redisstate_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// noted collects the runs of a handler.
type noted struct {
	mu  sync.Mutex
	all []redisstate.Message
}

func (n *noted) handle(_ context.Context, m redisstate.Message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, m)
	return nil
}

func (n *noted) ids() (ids []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.all {
		ids = append(ids, m.ID)
	}
	return ids
}

// A handler that ignores its context keeps its message until it has returned, also when the
// process was told to stop: no other worker runs it meanwhile.
func TestStoppingWorkerKeepsItsMessage(t *testing.T) {
	t.Parallel()
	s := state(t, redisstate.Config{})
	cfg := redisstate.InboxConfig{Partitions: 1, Visibility: 300 * time.Millisecond}
	i := inbox(t, s, cfg)
	require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: "long"}))
	ctx, cancel := context.WithCancel(t.Context())
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- i.Run(ctx, 1, func(context.Context, redisstate.Message) error {
			close(began)
			<-end
			return nil
		})
	}()
	<-began
	cancel()
	var other noted
	running(t, inbox(t, s, cfg), 2, other.handle)
	require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: "later"}))
	<-time.After(5 * cfg.Visibility)
	close(end)
	require.ErrorIs(t, <-done, context.Canceled)
	drained(t, i, 10*time.Second)
	assert.Equal(t, []string{"later"}, other.ids())
}

// An interruption is no attempt, however often it happens: neither of a handler that honors its
// context nor before the handler was called.
func TestInterruptionsAreNotCharged(t *testing.T) {
	t.Parallel()
	i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{Partitions: 1, MaxAttempts: 2, Ordered: true, FirstDelay: time.Millisecond})
	require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: "a", EntID: "1", SoID: "A"}))
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, i.Run(ctx, 2, func(ctx context.Context, m redisstate.Message) error {
			assert.Equal(t, 1, m.Attempt)
			assert.False(t, m.Again, "an interrupted attempt has a known end")
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}), context.Canceled)
	}
	var attempts []int
	running(t, i, 1, func(_ context.Context, m redisstate.Message) error {
		attempts = append(attempts, m.Attempt)
		assert.False(t, m.Again)
		return errors.New("of the handler")
	})
	drained(t, i, 10*time.Second)
	dead, err := i.DeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.Equal(t, 2, dead[0].Message.Attempt)
	assert.Equal(t, []int{1, 2}, attempts)
	assert.WithinDuration(t, time.Now(), dead[0].Since, time.Minute)
}

const poisonAttempts = 3

// poisonChild processes messages until one kills it.
func poisonChild(ctx context.Context, text []byte) error {
	var args inboxArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	s, err := redisstate.New(dial(args.Redis), redisstate.Config{Prefix: args.Prefix})
	if err != nil {
		return err
	}
	i, err := s.Inbox(redisstate.InboxConfig{Partitions: 1, Visibility: 300 * time.Millisecond, MaxAttempts: poisonAttempts, Ordered: true})
	if err != nil {
		return err
	}
	go untilParentEnds()
	return i.Run(ctx, 1, func(_ context.Context, m redisstate.Message) error {
		fmt.Println(m.ID, m.Attempt, m.Again)
		if m.ID == "poison" {
			os.Exit(1)
		}
		return nil
	})
}

// A message that kills its process is run MaxAttempts times, then it is a dead letter without
// another run, and what was behind it is processed.
func TestPoisonIsBuried(t *testing.T) {
	t.Parallel()
	client(t)
	args := inboxArgs{Redis: shared.addr, Prefix: "test-" + rand.Text()}
	s := state(t, redisstate.Config{Prefix: args.Prefix})
	var mu sync.Mutex
	var reported []error
	i := inbox(t, s, redisstate.InboxConfig{Partitions: 1, MaxAttempts: poisonAttempts, OnError: func(_ context.Context, m redisstate.Message, err error) {
		mu.Lock()
		defer mu.Unlock()
		if m.ID == "poison" {
			reported = append(reported, err)
		}
	}})
	for _, id := range []string{"poison", "behind it"} {
		require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: id, EntID: "1", SoID: "A"}))
	}
	for n := 1; n <= poisonAttempts; n++ {
		victim := spawn(t, "poison", args)
		assert.Equal(t, fmt.Sprint("poison ", n, " ", n > 1), victim.next(t))
		_ = victim.wait()
	}
	last := spawn(t, "poison", args)
	assert.Equal(t, "behind it 1 false", last.next(t), "the poison must not run again")
	drained(t, i, 10*time.Second)
	dead, err := i.DeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.Equal(t, "poison", dead[0].Message.ID)
	assert.Equal(t, poisonAttempts, dead[0].Message.Attempt)
	assert.Contains(t, dead[0].Reason, "no further attempt")
	last.kill()

	// Replayed, it has all its attempts again, and says that it ran before.
	require.NoError(t, i.Replay(t.Context(), dead[0].Place))
	var again noted
	running(t, i, 1, again.handle)
	drained(t, i, 10*time.Second)
	require.Len(t, again.all, 1)
	assert.Equal(t, 1, again.all[0].Attempt)
	assert.True(t, again.all[0].Again)
}

// While the dead letters are full, a message that had all its attempts waits without being run,
// and becomes a dead letter when there is room.
func TestFullOfDeadLetters(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	full := make(chan struct{}, 1000)
	i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{
		Partitions: 1, MaxDead: 1, MaxAttempts: 2, FirstDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond,
		OnError: func(_ context.Context, _ redisstate.Message, err error) {
			if errors.Is(err, redisstate.ErrInboxFull) {
				select {
				case full <- struct{}{}:
				default:
				}
			}
		},
	})
	var mu sync.Mutex
	runs := map[string]int{}
	running(t, i, 2, func(_ context.Context, m redisstate.Message) error {
		mu.Lock()
		defer mu.Unlock()
		runs[m.ID]++
		return errors.New("of the handler")
	})
	require.NoError(t, i.Put(ctx, redisstate.Message{ID: "a"}))
	drained(t, i, 10*time.Second)
	require.NoError(t, i.Put(ctx, redisstate.Message{ID: "b"}))
	for range 5 {
		<-full
	}
	dead, err := i.DeadLetters(ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	require.NoError(t, i.Drop(ctx, dead[0].Place))
	drained(t, i, 10*time.Second)
	dead, err = i.DeadLetters(ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.Equal(t, "b", dead[0].Message.ID)
	assert.Equal(t, 2, dead[0].Message.Attempt)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, map[string]int{"a": 2, "b": 2}, runs)
}

// blocked puts three messages of one order into an inbox whose first one a dead process has, and
// the second waits for it.
func blocked(t *testing.T, cfg redisstate.InboxConfig) (rdb *redis.Client, stream string, s *redisstate.State) {
	t.Helper()
	rdb = client(t)
	args := inboxArgs{Redis: shared.addr, Prefix: "test-" + rand.Text()}
	_, s, i, err := args.open()
	require.NoError(t, err)
	for _, id := range []string{"1", "2", "3"} {
		require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: id, EntID: "10010", SoID: "A"}))
	}
	victim := spawn(t, "hang", args)
	require.Equal(t, "1", victim.next(t))
	keys, err := rdb.Keys(t.Context(), args.Prefix+":inbox:*:busy").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	stream = keys[0][:len(keys[0])-len(":busy")]
	eventually(t, 10*time.Second, "the others wait", func() bool { return rdb.ZCard(t.Context(), stream+":parked").Val() == 2 })
	victim.kill()
	return rdb, stream, s
}

// What a stream's entry leaves behind when it vanishes, or a worker with another setting of
// Ordered, does not block the order, and nothing of it stays.
func TestOrderIsNeverBlocked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm    func(ctx context.Context, rdb *redis.Client, stream, holder string) error
		ordered bool
		want    []string
	}{
		"the one in progress vanishes": {func(ctx context.Context, rdb *redis.Client, stream, holder string) error {
			return rdb.XDel(ctx, stream, holder).Err()
		}, true, []string{"2", "3"}},
		"the next one vanishes": {func(ctx context.Context, rdb *redis.Client, stream, holder string) error {
			rows, err := rdb.XRangeN(ctx, stream, "("+holder, "+", 1).Result()
			if err != nil {
				return err
			}
			return rdb.XDel(ctx, stream, rows[0].ID).Err()
		}, true, []string{"1", "3"}},
		"a worker without order ended the first": {func(ctx context.Context, rdb *redis.Client, stream, holder string) error {
			pipe := rdb.TxPipeline()
			pipe.XAck(ctx, stream, "workers", holder)
			pipe.XDel(ctx, stream, holder)
			pipe.ZRem(ctx, stream+":due", holder)
			pipe.HDel(ctx, stream+":tries", holder)
			_, err := pipe.Exec(ctx)
			return err
		}, true, []string{"2", "3"}},
		"its record is lost": {func(ctx context.Context, rdb *redis.Client, stream, holder string) error {
			return rdb.Del(ctx, stream+":busy").Err()
		}, true, []string{"1", "2", "3"}},
		"no order any more": {func(context.Context, *redis.Client, string, string) error { return nil }, false, []string{"1", "2", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := redisstate.InboxConfig{Ordered: c.ordered, Visibility: time.Second}
			rdb, stream, s := blocked(t, cfg)
			holder := rdb.HVals(t.Context(), stream+":busy").Val()[0]
			require.NoError(t, c.harm(t.Context(), rdb, stream, holder))
			i := inbox(t, s, cfg)
			var got noted
			stop := running(t, i, 3, got.handle)
			drained(t, i, 20*time.Second)
			eventually(t, 10*time.Second, "nothing is left", func() bool {
				return rdb.Exists(t.Context(), stream+":due", stream+":tries", stream+":busy", stream+":parked").Val() == 0
			})
			stop()
			if c.ordered && name != "its record is lost" {
				assert.Equal(t, c.want, got.ids())
			} else {
				assert.ElementsMatch(t, c.want, got.ids())
			}
			pending, err := rdb.XPending(t.Context(), stream, "workers").Result()
			require.NoError(t, err)
			assert.Zero(t, pending.Count)
		})
	}
}

// Order is kept among the shipments of one o_id although one of them has no so_id, whichever
// comes first, and with the cancel of their order if the first had it.
func TestOrderWithoutSoID(t *testing.T) {
	t.Parallel()
	with := &jushuitan.ShipmentPush{OID: 7, SoID: "A", LID: "L1"}
	without := &jushuitan.ShipmentPush{OID: 7, LID: "L2"}
	ofLine := &jushuitan.ShipmentPush{LID: "L3", Items: []jushuitan.ShipmentPushItem{{SoID: "A"}, {SoID: "A"}}}
	cancel := &jushuitan.CancelPush{SoID: "A"}
	received := &jushuitan.GoodsReturnedPush{ASID: 9, SoID: "A", Action: jushuitan.GoodsReceived}
	revoked := &jushuitan.GoodsReturnedPush{ASID: 9, Action: jushuitan.GoodsRevoked}
	for name, pushes := range map[string][]jushuitan.PushMessage{
		"with first":    {with, without, cancel},
		"without first": {without, with, without},
		"of the line":   {cancel, ofLine},
		"after-sale":    {received, revoked},
		"revoked first": {revoked, received},
	} {
		t.Run(name, func(t *testing.T) {
			i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{Ordered: true})
			var want []string
			for n, p := range pushes {
				env := callback.Envelope{EntID: "1", Method: p.PushMethod(), Raw: fmt.Append(nil, n)}
				want = append(want, string(env.Raw))
				var err error
				switch p := p.(type) {
				case *jushuitan.ShipmentPush:
					err = i.Shipment(t.Context(), env, p)
				case *jushuitan.CancelPush:
					err = i.Cancel(t.Context(), env, p)
				case *jushuitan.GoodsReturnedPush:
					err = i.GoodsReturned(t.Context(), env, p)
				}
				require.NoError(t, err)
			}
			var mu sync.Mutex
			var got []string
			began := make(chan struct{}, 1)
			end := make(chan struct{})
			running(t, i, 8, func(_ context.Context, m redisstate.Message) error {
				mu.Lock()
				first := len(got) == 0
				got = append(got, string(m.Raw))
				mu.Unlock()
				if first {
					began <- struct{}{}
					<-end
				}
				return nil
			})
			<-began
			<-time.After(500 * time.Millisecond) // idle workers look for messages at least each 200 ms
			mu.Lock()
			assert.Len(t, got, 1, "the others wait for the first")
			mu.Unlock()
			close(end)
			drained(t, i, 10*time.Second)
			assert.Equal(t, want, got)
		})
	}
}

// Whoever can write to Redis cannot make one message of another: a body that was copied to
// another entry, another ID or another order is not handled.
func TestBodiesBelongToTheirMessage(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	prefix := "test-bound-" + rand.Text()
	rdb := client(t)
	ring := newKeyring(t, "k1")
	s := state(t, redisstate.Config{Prefix: prefix, Keyring: ring})
	i := inbox(t, s, redisstate.InboxConfig{Partitions: 1, MaxAttempts: 1, Ordered: true})
	env := callback.Envelope{EntID: "1", Method: jushuitan.PushGoodsReturned, Raw: []byte("receipt")}
	require.NoError(t, i.GoodsReturned(ctx, env, &jushuitan.GoodsReturnedPush{ASID: 9, Action: jushuitan.GoodsReceived}))
	require.NoError(t, i.Put(ctx, redisstate.Message{ID: "own", EntID: "1", SoID: "A", Raw: []byte("own")}))
	stream := prefix + ":inbox:{/0}"
	rows, err := rdb.XRange(ctx, stream, "-", "+").Result()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	receipt, own := rows[0].Values, rows[1].Values
	name, _ := receipt["m"].(string)
	body, _ := own["b"].(string)
	text, _, err := ring.Open(prefix+":inbox:", body)
	require.NoError(t, err, "processes of earlier versions, which know this name, read it")
	assert.Contains(t, string(text), `"raw":"b3du"`)
	add := func(m, o, b any) {
		require.NoError(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"m", m, "o", o, "b", b}}).Err())
	}
	add(name, receipt["o"], own["b"])
	add("own", own["o"], receipt["b"])
	add(name[:len(name)-1]+"x", receipt["o"], receipt["b"]) // the receipt, as if it had been received again
	add("own", "another order", own["b"])
	old := ring.Seal(prefix+":inbox:", []byte(`{"ent":"1","raw":"b2xk"}`)) // as earlier versions stored it
	add("old", "", old)

	var got noted
	running(t, i, 2, got.handle)
	drained(t, i, 10*time.Second)
	var raws []string
	for _, m := range got.all {
		raws = append(raws, m.ID+" "+string(m.Raw))
	}
	assert.ElementsMatch(t, []string{name + " receipt", "own own", "old old"}, raws)
	dead, err := i.DeadLetters(ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 4)
	for _, d := range dead {
		assert.Contains(t, d.Reason, keyring.ErrDecrypt.Error())
		assert.Empty(t, d.Message.Raw)
	}
}

// Dead letters are deleted after DeadTTL, which is reported, and by Clean.
func TestDeadLettersExpire(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := state(t, redisstate.Config{})
	fails := func(context.Context, redisstate.Message) error { return errors.New("of the handler") }
	expired := make(chan error, 10)
	i := inbox(t, s, redisstate.InboxConfig{Partitions: 2, MaxAttempts: 1, DeadTTL: 300 * time.Millisecond, OnError: func(_ context.Context, m redisstate.Message, err error) {
		if errors.Is(err, redisstate.ErrDeadExpired) && m.ID == "" {
			expired <- err
		}
	}})
	require.NoError(t, i.Put(ctx, redisstate.Message{EntID: "1", Raw: []byte("CANARY")}))
	running(t, i, 1, fails)
	assert.ErrorContains(t, <-expired, ": 1 that were older than 300ms")
	st, err := i.Stats(ctx)
	require.NoError(t, err)
	assert.Zero(t, st)

	for name, c := range map[string]struct {
		ttl  time.Duration
		kept int64
	}{"default": {0, 2}, "kept": {-1, 2}} {
		i := inbox(t, s, redisstate.InboxConfig{Name: name, Partitions: 2, MaxAttempts: 1, DeadTTL: c.ttl})
		for range 2 {
			require.NoError(t, i.Put(ctx, redisstate.Message{EntID: "1"}))
		}
		running(t, i, 1, fails)
		drained(t, i, 10*time.Second)
		n, err := i.Clean(ctx, time.Hour)
		require.NoError(t, err)
		assert.Zero(t, n, name)
		st, err := i.Stats(ctx)
		require.NoError(t, err)
		assert.Equal(t, c.kept, st.Dead, name)
		<-time.After(2 * time.Millisecond)
		n, err = i.Clean(ctx, time.Millisecond)
		require.NoError(t, err)
		assert.EqualValues(t, 2, n, name)
		_, err = i.Clean(ctx, -1)
		require.Error(t, err)
	}
}

// A push that is stored again says so, and one that failed does not.
func TestSecondRunsAreReported(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{Partitions: 1, FirstDelay: time.Millisecond})
	env := callback.Envelope{EntID: "1", Method: jushuitan.PushCancel, Raw: []byte(`{}`)}
	for range 2 {
		require.NoError(t, i.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "A"}))
	}
	var got []string
	running(t, i, 1, func(_ context.Context, m redisstate.Message) error {
		got = append(got, fmt.Sprint(m.Attempt, " ", m.Again))
		if m.Attempt == 1 {
			return errors.New("of the handler")
		}
		return nil
	})
	drained(t, i, 10*time.Second)
	assert.ElementsMatch(t, []string{"1 false", "2 false", "1 true", "2 true"}, got)
}

// Pushes of one document that many receivers store at the same moment are all stored, under one
// ID if they say the same, although the ID is part of what is encrypted.
func TestPutsAtOnce(t *testing.T) {
	t.Parallel()
	s := state(t, redisstate.Config{Keyring: newKeyring(t, "k1")})
	i := inbox(t, s, redisstate.InboxConfig{Ordered: true})
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			action := []jushuitan.GoodsAction{jushuitan.GoodsReceived, jushuitan.GoodsRevoked}[n%2]
			env := callback.Envelope{EntID: "1", Method: jushuitan.PushGoodsReturned, Raw: []byte(action)}
			assert.NoError(t, i.GoodsReturned(t.Context(), env, &jushuitan.GoodsReturnedPush{ASID: 9, Action: action}))
		})
	}
	all.Wait()
	var got noted
	running(t, i, 4, got.handle)
	drained(t, i, 20*time.Second)
	require.Len(t, got.all, 40)
	for n, m := range got.all[1:] {
		before := got.all[n]
		assert.Equal(t, string(m.Raw) == string(before.Raw), m.ID == before.ID, "in turn, the same again has one ID, a change a new one")
	}
}
