package redisstate_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mathrand "math/rand/v2"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

func inbox(t testing.TB, s *redisstate.State, cfg redisstate.InboxConfig) *redisstate.Inbox {
	t.Helper()
	i, err := s.Inbox(cfg)
	require.NoError(t, err)
	return i
}

// running works an inbox until the test stops it.
func running(t testing.TB, i *redisstate.Inbox, workers int, handle func(context.Context, redisstate.Message) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx, workers, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
	t.Cleanup(stop)
	return stop
}

func drained(t testing.TB, i *redisstate.Inbox, within time.Duration) {
	t.Helper()
	eventually(t, within, "the inbox is processed", func() bool {
		st, err := i.Stats(t.Context())
		return err == nil && st.Waiting == 0
	})
}

func TestInboxHandsOver(t *testing.T) {
	ctx, rdb := t.Context(), client(t)
	prefix := "test-inbox-" + rand.Text()
	s := state(t, redisstate.Config{Prefix: prefix, Keyring: newKeyring(t, "k1")})
	i := inbox(t, s, redisstate.InboxConfig{Partitions: 2})
	r, err := callback.New(callback.Config{
		Shipment: i.Shipment, Cancel: i.Cancel, GoodsReturned: i.GoodsReturned, Stock: i.Stock,
		AllowUnauthenticated: true, Deduper: s.Deduper(),
	})
	require.NoError(t, err)
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	base := "http://" + l.Addr().String()
	push := callbacktest.Message{EntID: "10010", StorageCode: "133242", TS: time.Unix(1_700_000_000, 0), Body: &jushuitan.ShipmentPush{OID: 7, SoID: "CANARY-so", LID: "CANARY-waybill"}}
	for range 2 { // the second is a repeat
		_, err = push.Send(ctx, nil, base+"/delivery_callback")
		require.NoError(t, err)
	}
	st, err := i.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, redisstate.InboxStats{Waiting: 1}, st)
	for _, p := range []string{"0", "1"} {
		rows, err := rdb.XRange(ctx, prefix+":inbox:{/"+p+"}", "-", "+").Result()
		require.NoError(t, err)
		assert.NotContains(t, fmt.Sprint(rows), "CANARY")
	}
	got := make(chan string, 1)
	running(t, i, 2, redisstate.Handlers{Shipment: func(_ context.Context, env callback.Envelope, p *jushuitan.ShipmentPush) error {
		got <- fmt.Sprint(env.EntID, " ", env.StorageCode, " ", p.SoID, " ", p.LID, " ", env.TS.Unix())
		return nil
	}}.Handle)
	select {
	case text := <-got:
		assert.Equal(t, "10010 133242 CANARY-so CANARY-waybill 1700000000", text)
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was handed over")
	}
	drained(t, i, 5*time.Second)
}

func testInboxRetriesThenBuries(t *testing.T, rdb redis.UniversalClient) {
	ctx := t.Context()
	i := inbox(t, stateOn(t, rdb, redisstate.Config{}), redisstate.InboxConfig{FirstDelay: 20 * time.Millisecond, MaxDelay: 80 * time.Millisecond, MaxAttempts: 4, Visibility: 5 * time.Second})
	var mu sync.Mutex
	attempts := map[string][]time.Time{}
	var fixed atomic.Bool
	running(t, i, 3, func(_ context.Context, m redisstate.Message) error {
		mu.Lock()
		defer mu.Unlock()
		attempts[m.ID] = append(attempts[m.ID], time.Now())
		switch {
		case fixed.Load():
			return nil
		case m.ID == "panics":
			panic("of the handler")
		case m.ID == "fails", m.ID == "fails twice" && m.Attempt < 3:
			return errors.New("of the handler")
		}
		return nil
	})
	for _, id := range []string{"fails", "panics", "fails twice", "works"} {
		require.NoError(t, i.Put(ctx, redisstate.Message{ID: id, EntID: "1", Raw: []byte("CANARY")}))
	}
	drained(t, i, 20*time.Second)
	mu.Lock()
	assert.Len(t, attempts["works"], 1)
	assert.Len(t, attempts["fails twice"], 3)
	assert.Len(t, attempts["fails"], 4)
	for n, least := range []time.Duration{20, 40, 80} { // growing delays
		assert.GreaterOrEqual(t, attempts["fails"][n+1].Sub(attempts["fails"][n]), (least-1)*time.Millisecond) // Redis counts whole ones
	}
	mu.Unlock()
	dead, err := i.DeadLetters(ctx, "", 10)
	require.NoError(t, err)
	require.Len(t, dead, 2)
	first, err := i.DeadLetters(ctx, "", 1)
	require.NoError(t, err)
	second, err := i.DeadLetters(ctx, first[0].Place, 10)
	require.NoError(t, err)
	require.Len(t, second, 1)
	for _, d := range dead {
		assert.Equal(t, 4, d.Message.Attempt)
		assert.Contains(t, d.Reason, "of the handler")
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", d, d, d.Message), "CANARY")
	}
	fixed.Store(true)
	require.NoError(t, i.Replay(ctx, dead[0].Place))
	require.ErrorIs(t, i.Replay(ctx, dead[0].Place), redisstate.ErrNoDeadLetter)
	require.NoError(t, i.Drop(ctx, dead[1].Place))
	require.ErrorIs(t, i.Drop(ctx, "x"), redisstate.ErrNoDeadLetter)
	drained(t, i, 10*time.Second)
	st, err := i.Stats(ctx)
	require.NoError(t, err)
	assert.Zero(t, st)
	mu.Lock()
	defer mu.Unlock()
	assert.Len(t, attempts[dead[0].Message.ID], 5)
	assert.Len(t, attempts[dead[1].Message.ID], 4)
}

// The pushes of an order are worked in turn, whatever fails on the way.
func testInboxKeepsTheOrder(t *testing.T, rdb redis.UniversalClient) {
	const orders, pushes = 5, 12
	i := inbox(t, stateOn(t, rdb, redisstate.Config{}), redisstate.InboxConfig{Ordered: true, FirstDelay: 5 * time.Millisecond, MaxAttempts: 3, Partitions: 2})
	for n := range pushes {
		for o := range orders {
			require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: fmt.Sprintf("%d/%03d", o, n), EntID: "1", SoID: fmt.Sprint("so", o)}))
		}
	}
	var mu sync.Mutex
	seen, busy := map[string][]string{}, map[string]bool{}
	running(t, i, 8, func(_ context.Context, m redisstate.Message) error {
		mu.Lock()
		assert.False(t, busy[m.SoID], "two pushes of an order at once")
		busy[m.SoID] = true
		if m.Attempt == 1 {
			seen[m.SoID] = append(seen[m.SoID], m.ID)
		}
		mu.Unlock()
		defer func() {
			mu.Lock()
			busy[m.SoID] = false
			mu.Unlock()
		}()
		if strings.HasSuffix(m.ID, "5") && m.Attempt < 2 || strings.HasSuffix(m.ID, "7") {
			return errors.New("of the handler")
		}
		return nil
	})
	drained(t, i, 30*time.Second)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, seen, orders)
	for so, ids := range seen {
		assert.Len(t, ids, pushes)
		assert.True(t, slices.IsSorted(ids), "%s: %v", so, ids)
	}
	st, err := i.Stats(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, orders, st.Dead)
}

func TestInboxIsBounded(t *testing.T) {
	ctx := t.Context()
	i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{Partitions: 1, MaxWaiting: 3})
	for range 3 {
		require.NoError(t, i.Put(ctx, redisstate.Message{EntID: "1"}))
	}
	require.ErrorIs(t, i.Put(ctx, redisstate.Message{EntID: "1"}), redisstate.ErrInboxFull)
	s := state(t, redisstate.Config{Replicas: 1, ReplicaTimeout: 10 * time.Millisecond})
	if !shared.mini {
		require.ErrorIs(t, inbox(t, s, redisstate.InboxConfig{}).Put(ctx, redisstate.Message{}), redisstate.ErrNotReplicated)
	}
	for _, cfg := range []redisstate.InboxConfig{{Partitions: -1}, {Name: "a:b"}} {
		_, err := s.Inbox(cfg)
		require.Error(t, err)
	}
	require.Error(t, i.Run(ctx, 0, nil))
}

// inboxArgs is what receivers and workers need; Attempts is 3 by default.
type inboxArgs struct {
	Redis, Prefix string
	Attempts      int
}

func (a inboxArgs) open() (*redis.Client, *redisstate.State, *redisstate.Inbox, error) {
	rdb := dial(a.Redis)
	s, err := redisstate.New(rdb, redisstate.Config{Prefix: a.Prefix})
	if err != nil {
		return nil, nil, nil, err
	}
	i, err := s.Inbox(redisstate.InboxConfig{Visibility: time.Second, FirstDelay: 20 * time.Millisecond, MaxAttempts: cmp.Or(a.Attempts, 3), Ordered: true})
	return rdb, s, i, err
}

// receiveChild receives pushes until it is killed.
func receiveChild(ctx context.Context, text []byte) error {
	var args inboxArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	_, s, i, err := args.open()
	if err != nil {
		return err
	}
	r, err := callback.New(callback.Config{Shipment: i.Shipment, AllowUnauthenticated: true, Deduper: s.Deduper(), ClaimTTL: time.Second})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String() + "/delivery_callback")
	go untilParentEnds()
	return (&http.Server{Handler: r, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// workChild works the inbox until it is killed. Its sink takes each id of a message
// once, in one transaction with the work, which is a list of orders. Every fiftieth
// order cannot be worked.
func workChild(ctx context.Context, text []byte) error {
	var args inboxArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	rdb, _, i, err := args.open()
	if err != nil {
		return err
	}
	fmt.Println("ready")
	go untilParentEnds()
	sink := redis.NewScript(`
		redis.call('INCR', KEYS[3])
		if redis.call('SADD', KEYS[1], ARGV[1]) == 1 then
			redis.call('RPUSH', KEYS[2], ARGV[2])
		end
		return 1`)
	return i.Run(ctx, killedWorkers, func(ctx context.Context, m redisstate.Message) error {
		return redisstate.Handlers{Shipment: func(ctx context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			if p.OID%50 == 0 {
				return errors.New("cannot be worked")
			}
			return sink.Run(ctx, rdb, []string{args.Prefix + ":ids", args.Prefix + ":orders", args.Prefix + ":handled"}, m.ID, p.OID).Err()
		}}.Handle(ctx, m)
	})
}

// hangChild takes messages and never ends with them.
func hangChild(ctx context.Context, text []byte) error {
	var args inboxArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	_, _, i, err := args.open()
	if err != nil {
		return err
	}
	go untilParentEnds()
	return i.Run(ctx, 4, func(_ context.Context, m redisstate.Message) error {
		fmt.Println(m.ID)
		select {}
	})
}

// The order is kept when the worker of a push dies: what is behind it waits until
// another worker is done with it.
func TestOrderSurvivesKill(t *testing.T) {
	t.Parallel()
	client(t)
	args := inboxArgs{Redis: shared.addr, Prefix: "test-" + rand.Text()}
	_, _, i, err := args.open()
	require.NoError(t, err)
	ids := []string{"1", "2", "3"}
	for _, id := range ids {
		require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: id, EntID: "10010", SoID: "A"}))
	}
	require.NoError(t, i.Put(t.Context(), redisstate.Message{ID: "other merchant", EntID: "20020", SoID: "A"}))
	victim := spawn(t, "hang", args)
	assert.ElementsMatch(t, []string{"1", "other merchant"}, []string{victim.next(t), victim.next(t)})
	victim.kill()
	var mu sync.Mutex
	var got []string
	running(t, i, 4, func(_ context.Context, m redisstate.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if m.EntID == "10010" {
			got = append(got, m.ID)
			assert.Equal(t, m.ID == "1", m.Attempt == 2, "message %s, attempt %d", m.ID, m.Attempt)
		}
		return nil
	})
	drained(t, i, 20*time.Second)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, ids, got)
}

func untilParentEnds() {
	var b [1]byte
	for {
		if _, err := os.Stdin.Read(b[:]); err != nil {
			os.Exit(0)
		}
	}
}

// What is in progress when a process of TestInboxSurvivesKills is killed.
const (
	killedSenders = 8 // in all receivers together
	killedWorkers = 8 // in a process
)

// Receivers and workers are killed at random while pushes come in: each is handled,
// the sink has each once, and what cannot be worked is among the dead letters. More
// than once is handled only what was in progress when a process was killed.
func TestInboxSurvivesKills(t *testing.T) {
	pushes, every := 3000, 200*time.Millisecond
	if *long {
		pushes, every = 20_000, 150*time.Millisecond
	}
	rdb := client(t)
	// A kill that meets a message costs it an attempt: with 3, one in 100,000 dies of kills alone.
	args := inboxArgs{Redis: shared.addr, Prefix: "test-" + rand.Text(), Attempts: 8}
	var mu sync.Mutex
	var receivers, workers [2]*process
	var urls [2]string
	start := func(n int) { // the caller holds mu
		receivers[n] = spawn(t, "receive", args)
		urls[n] = receivers[n].next(t)
	}
	hire := func(n int) {
		workers[n] = spawn(t, "work", args)
		require.Equal(t, "ready", workers[n].next(t))
	}
	mu.Lock()
	for n := range 2 {
		start(n)
		hire(n)
	}
	mu.Unlock()

	var next, repeats atomic.Int64
	var senders sync.WaitGroup
	hc := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for range killedSenders {
		senders.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(pushes) {
					return
				}
				m := callbacktest.Message{EntID: "10010", StorageCode: "1", TS: time.Now(), Body: &jushuitan.ShipmentPush{OID: n, SoID: fmt.Sprint("so", n), LID: "l"}}
				for try := range 1000 { // as the sender of the pushes does
					mu.Lock()
					url := urls[(int(n)+try)%2]
					mu.Unlock()
					if reply, err := m.Send(t.Context(), hc, url); err == nil && reply.OK() {
						break
					}
					repeats.Add(1)
				}
			}
		})
	}
	sent := make(chan struct{})
	go func() { defer close(sent); senders.Wait() }()
	kills, most := 0, 0
	tick := time.NewTicker(every)
	defer tick.Stop()
	for sending := true; sending; {
		select {
		case <-tick.C:
			n := mathrand.IntN(2)
			mu.Lock()
			if mathrand.IntN(2) == 0 {
				receivers[n].kill()
				start(n)
				most += killedSenders
			} else {
				workers[n].kill()
				hire(n)
				most += killedWorkers
			}
			mu.Unlock()
			kills++
		case <-sent:
			sending = false
		}
	}
	workers[0].kill()
	hire(0)
	most += killedWorkers
	_, _, i, err := args.open()
	require.NoError(t, err)
	drained(t, i, time.Minute)
	poisoned := pushes / 50
	ctx := t.Context()
	sink, err := rdb.LRange(ctx, args.Prefix+":orders", 0, -1).Result()
	require.NoError(t, err)
	handled, err := rdb.Get(ctx, args.Prefix+":handled").Int()
	require.NoError(t, err)
	slices.Sort(sink)
	assert.Len(t, sink, pushes-poisoned)
	assert.Len(t, slices.Compact(slices.Clone(sink)), len(sink), "the sink has an order twice")
	assert.LessOrEqual(t, handled, len(sink)+most, "handled twice without need")
	dead, err := i.DeadLetters(ctx, "", pushes)
	require.NoError(t, err)
	orders, ids := map[string]bool{}, map[string]bool{}
	for _, d := range dead {
		orders[d.Message.SoID], ids[d.Message.ID] = true, true
	}
	assert.Len(t, orders, poisoned)
	assert.Len(t, ids, poisoned, "a repeat has another id")
	t.Logf("%d pushes, %d kills, %d repeated by the sender: %d orders in the sink by %d runs, %d dead letters of %d orders",
		pushes, kills, repeats.Load(), len(sink), handled, len(dead), len(orders))
}
