package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// fill stores something of each kind in Redis and dumps it while this process is at work.
func fill(ctx context.Context, addr, name string, pushes, messages []message) error {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	if n, err := rdb.DBSize(ctx).Result(); err != nil || n != 0 {
		return errors.Join(fmt.Errorf("Redis at %s has %d keys, must have none", addr, n), err)
	}
	plain, err := redisstate.New(rdb, redisstate.Config{Prefix: "plain"})
	if err != nil {
		return err
	}
	claimed, err := redisstate.New(rdb, redisstate.Config{Prefix: "claimed"})
	if err != nil {
		return err
	}
	key := make([]byte, redisstate.KeySize)
	copy(key, "made-up key of the fixtures")
	ring, err := redisstate.NewKeyring("k1", map[string][]byte{"k1": key})
	if err != nil {
		return err
	}
	sealed, err := redisstate.New(rdb, redisstate.Config{Prefix: "sealed", Keyring: ring})
	if err != nil {
		return err
	}
	for _, m := range append(pushes[:len(pushes):len(pushes)], messages...) {
		if m.Key != "" {
			if _, err := claimed.Deduper().Claim(ctx, m.Key, "owner-that-died", time.Second); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(
		storeTokens(ctx, plain), storeTokens(ctx, sealed),
		storeQuota(ctx, rdb, plain), storeCheckpoints(ctx, plain),
		storeMessages(ctx, plain, messages),
		storePushes(ctx, rdb, plain, pushes), storePushes(ctx, rdb, sealed, pushes),
	); err != nil {
		return err
	}
	all, err := dump(ctx, rdb)
	if err != nil {
		return err
	}
	return save(name, all)
}

// storeTokens stores the tokens; a process that renews one does not come to an end.
func storeTokens(ctx context.Context, s *redisstate.State) error {
	store, err := s.TokenStore(redisstate.TokenConfig{Lease: time.Second})
	if err != nil {
		return err
	}
	if err := putTokens(ctx, store); err != nil {
		return err
	}
	renewed := jushuitan.TokenKey{AppKey: "made-up-own-app", Merchant: "expired"}
	tok, err := store.Load(ctx, renewed)
	if err != nil {
		return err
	}
	_, err = store.Lease(ctx, renewed, tok)
	return err
}

// storeQuota uses up one quota, with a permit of which nothing was heard yet and a process
// that waits, uses a part of another, and has a third penalised.
func storeQuota(ctx context.Context, rdb *redis.Client, s *redisstate.State) error {
	l, err := s.Limiter(redisstate.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 3, Per: time.Minute}}})
	if err != nil {
		return err
	}
	key := func(path string) jushuitan.LimitKey {
		return jushuitan.LimitKey{AppKey: "made-up-own-app", Merchant: "10010", Path: path}
	}
	for n := range 3 {
		sent, err := l.Wait(ctx, key("/open/used/up"))
		if err != nil {
			return err
		}
		if n < 2 {
			sent()
		}
	}
	sent, err := l.Wait(ctx, key("/open/used/once"))
	if err != nil {
		return err
	}
	sent()
	if err := l.Penalize(ctx, key("/open/penalised"), time.Minute); err != nil {
		return err
	}
	for { // until Redis was told of what was sent
		told, err := rdb.ZCount(ctx, "plain:limit:{made-up-own-app/10010}:%2Fopen%2Fused%2Fup", "-inf", "4503599627370495").Result()
		if err != nil {
			return err
		}
		if told == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	go func() { _, _ = l.Wait(ctx, key("/open/used/up")) }()
	for {
		waiting, err := rdb.ZCard(ctx, "plain:limit:{made-up-own-app/10010}:%2Fopen%2Fused%2Fup:queue").Result()
		if err != nil || waiting == 1 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// storeCheckpoints stores that of each stream; one stream is a worker's.
func storeCheckpoints(ctx context.Context, s *redisstate.State) error {
	all, err := streams(ctx)
	if err != nil {
		return err
	}
	for name, row := range all.Streams {
		lease, err := s.Checkpoints(0).Acquire(ctx, redisstate.StreamKey{AppKey: "made-up-own-app", Merchant: "10010", Stream: name}, time.Second)
		if err != nil {
			return err
		}
		if err := lease.Save(ctx, row.Checkpoint); err != nil {
			return err
		}
		if name != "by row version" {
			if err := lease.Release(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func storeMessages(ctx context.Context, s *redisstate.State, messages []message) error {
	mux, err := gateway(s.Deduper())
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := m.serve(ctx, mux, passed); err != nil {
			return err
		}
	}
	return nil
}

// storePushes leaves in the inbox a dead letter, a message that waits for another attempt,
// messages that workers have, one behind another of its order, and those of the pushes.
func storePushes(ctx context.Context, rdb *redis.Client, s *redisstate.State, pushes []message) error {
	one := func(id, so string) redisstate.Message {
		return redisstate.Message{
			ID: id, EntID: entID, StorageCode: shop, Type: "1", Method: string(jushuitan.PushCancel), TS: sent(), SoID: so,
			Raw: []byte(`{"so_id":"` + so + `"}`),
		}
	}
	fails := func(attempts int, m redisstate.Message) error {
		ctx, cancel := context.WithCancel(ctx)
		i, err := s.Inbox(redisstate.InboxConfig{
			Ordered: true, Partitions: 2, FirstDelay: time.Second, MaxAttempts: attempts,
			OnError: func(context.Context, redisstate.Message, error) { cancel() },
		})
		if err != nil {
			return err
		}
		if err := i.Put(ctx, m); err != nil {
			return err
		}
		if err := i.Run(ctx, 1, func(context.Context, redisstate.Message) error { return errors.New("made-up failure") }); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
	if err := errors.Join(fails(1, one("dead", "SO-DEAD")), fails(2, one("delayed", "SO-DELAYED"))); err != nil {
		return err
	}
	i, err := s.Inbox(redisstate.InboxConfig{Ordered: true, Partitions: 2, Visibility: time.Second})
	if err != nil {
		return err
	}
	if err := errors.Join(i.Put(ctx, one("held", "SO-HELD")), i.Put(ctx, one("behind it", "SO-HELD"))); err != nil {
		return err
	}
	go func() {
		_ = i.Run(ctx, 2, func(context.Context, redisstate.Message) error { select {} })
	}()
	for parked := int64(0); parked == 0; time.Sleep(time.Millisecond) {
		for p := range 2 {
			n, err := rdb.ZCard(ctx, fmt.Sprintf("%v:inbox:{/%d}:parked", prefix(s), p)).Result()
			if err != nil {
				return err
			}
			parked += n
		}
	}
	cfg := config(i)
	cfg.Deduper = s.Deduper()
	r, err := receiver(cfg)
	if err != nil {
		return err
	}
	for _, m := range pushes {
		if err := m.serve(ctx, r, taken); err != nil {
			return err
		}
	}
	return nil
}

// text is a value of Redis's, in base64 where it is no text.
type text string

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return marshal(string(t))
	}
	return marshal(map[string][]byte{"base64": []byte(t)})
}

// entry is a key of Redis's.
type entry struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	TTL   int64  `json:"ttl_ms,omitempty"` // 0: none
	Value any    `json:"value"`
}

type (
	member struct {
		Member text    `json:"member"`
		Score  float64 `json:"score"`
	}
	streamEntry struct {
		ID     string          `json:"id"`
		Fields map[string]text `json:"fields"`
	}
	pending struct {
		ID       string `json:"id"`
		Consumer string `json:"consumer"`
		Times    int64  `json:"times"`
	}
	group struct {
		Name    string    `json:"name"`
		Last    string    `json:"last"`
		Pending []pending `json:"pending"`
	}
	stream struct {
		Entries []streamEntry `json:"entries"`
		Groups  []group       `json:"groups"`
	}
)

func dump(ctx context.Context, rdb *redis.Client) (any, error) {
	now, err := rdb.Time(ctx).Result()
	if err != nil {
		return nil, err
	}
	names, err := rdb.Keys(ctx, "*").Result()
	if err != nil {
		return nil, err
	}
	byName := map[string]bool{}
	for _, name := range names {
		byName[name] = true
	}
	var all []entry
	for _, name := range sortedNames(byName) {
		e := entry{Key: name}
		ttl, err := rdb.PTTL(ctx, name).Result()
		if err == nil {
			e.Type, err = rdb.Type(ctx, name).Result()
		}
		if err == nil {
			e.TTL = max(ttl.Milliseconds(), 0)
			e.Value, err = value(ctx, rdb, e.Type, name)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return map[string]any{"taken": now.UTC(), "keys": all}, nil
}

func value(ctx context.Context, rdb *redis.Client, kind, name string) (any, error) {
	switch kind {
	case "string":
		v, err := rdb.Get(ctx, name).Result()
		return text(v), err
	case "hash":
		all, err := rdb.HGetAll(ctx, name).Result()
		return texts(all), err
	case "zset":
		rows, err := rdb.ZRangeWithScores(ctx, name, 0, -1).Result()
		out := []member{}
		for _, row := range rows {
			out = append(out, member{text(fmt.Sprint(row.Member)), row.Score})
		}
		return out, err
	case "stream":
		return streamValue(ctx, rdb, name)
	}
	return nil, fmt.Errorf("%s is a %s", name, kind)
}

func texts(all map[string]string) map[string]text {
	out := map[string]text{}
	for name, v := range all {
		out[name] = text(v)
	}
	return out
}

func streamValue(ctx context.Context, rdb *redis.Client, name string) (any, error) {
	out := stream{Entries: []streamEntry{}, Groups: []group{}}
	rows, err := rdb.XRange(ctx, name, "-", "+").Result()
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		fields := map[string]text{}
		for n, v := range row.Values {
			fields[n] = text(fmt.Sprint(v))
		}
		out.Entries = append(out.Entries, streamEntry{row.ID, fields})
	}
	groups, err := rdb.XInfoGroups(ctx, name).Result()
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		waiting, err := rdb.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: name, Group: g.Name, Start: "-", End: "+", Count: 1000}).Result()
		if err != nil {
			return nil, err
		}
		row := group{Name: g.Name, Last: g.LastDeliveredID, Pending: []pending{}}
		for _, p := range waiting {
			row.Pending = append(row.Pending, pending{p.ID, p.Consumer, p.RetryCount})
		}
		out.Groups = append(out.Groups, row)
	}
	return out, nil
}

// prefix is that of a State's keys.
func prefix(s *redisstate.State) string {
	_, rest, _ := strings.Cut(fmt.Sprint(s), `Prefix:"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}
