package redisstate_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// dumpText is a value of a dump: text, or bytes in base64.
type dumpText string

func (t *dumpText) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, (*string)(t))
	}
	var raw struct{ Base64 string }
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(raw.Base64)
	*t = dumpText(b)
	return err
}

// dumpKey is a key of a dump.
type dumpKey struct {
	Key   string
	Type  string
	TTL   int64 `json:"ttl_ms"`
	Value json.RawMessage
}

type dumpStream struct {
	Entries []struct {
		ID     string
		Fields map[string]dumpText
	}
	Groups []struct {
		Name, Last string
		Pending    []struct {
			ID, Consumer string
			Times        int64
		}
	}
}

// restored is a Redis of the test's own that holds what an earlier version left, as if that had
// ended a moment ago. It is nil where there is no redis-server on PATH.
func restored(t *testing.T) *redis.Client {
	t.Helper()
	s := ownServer(t)
	if s == nil {
		return nil
	}
	rdb := dial(s.addr)
	t.Cleanup(func() { _ = rdb.Close() })
	text, err := os.ReadFile("testdata/upgrade/redis.json")
	require.NoError(t, err)
	var dump struct {
		Taken time.Time
		Keys  []dumpKey
	}
	require.NoError(t, json.Unmarshal(text, &dump))
	require.NotEmpty(t, dump.Keys)
	now, err := rdb.Time(t.Context()).Result()
	require.NoError(t, err)
	for _, k := range dump.Keys {
		require.NoError(t, k.restore(t.Context(), rdb, now.Sub(dump.Taken)), k.Key)
	}
	return rdb
}

// restore writes the key, with the times in it moved by a while.
func (k dumpKey) restore(ctx context.Context, rdb *redis.Client, moved time.Duration) error {
	parts := strings.Split(k.Key, ":")
	kind, last := parts[1], parts[len(parts)-1]
	var err error
	switch k.Type {
	case "string":
		var v dumpText
		err = errors.Join(json.Unmarshal(k.Value, &v), rdb.Set(ctx, k.Key, string(v), 0).Err())
	case "hash":
		var fields map[string]dumpText
		err = json.Unmarshal(k.Value, &fields)
		for name, v := range fields {
			switch {
			case kind == "checkpoint" && name == "u":
				v, err = later(v, moved.Milliseconds())
			case kind == "limit" && !strings.HasPrefix(name, "n:"):
				v, err = later(v, moved.Microseconds())
			}
			err = errors.Join(err, rdb.HSet(ctx, k.Key, name, string(v)).Err())
		}
	case "zset":
		var members []struct {
			Member dumpText
			Score  float64
		}
		err = json.Unmarshal(k.Value, &members)
		for _, m := range members {
			switch {
			case kind == "limit":
				m.Score += float64(moved.Microseconds())
			case last == "due":
				m.Score += float64(moved.Milliseconds())
			}
			err = errors.Join(err, rdb.ZAdd(ctx, k.Key, redis.Z{Score: m.Score, Member: string(m.Member)}).Err())
		}
	case "stream":
		var s dumpStream
		err = errors.Join(json.Unmarshal(k.Value, &s), s.restore(ctx, rdb, k.Key))
	default:
		err = fmt.Errorf("type %s", k.Type)
	}
	if k.TTL > 0 {
		err = errors.Join(err, rdb.PExpire(ctx, k.Key, time.Duration(k.TTL)*time.Millisecond).Err())
	}
	return err
}

func later(v dumpText, moved int64) (dumpText, error) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return dumpText(strconv.FormatInt(n+moved, 10)), err
}

func (s dumpStream) restore(ctx context.Context, rdb *redis.Client, key string) error {
	for _, e := range s.Entries {
		// The scripts read the fields by their place.
		var values []string
		for _, name := range []string{"m", "o", "b", "n", "e"} {
			if v, ok := e.Fields[name]; ok {
				values = append(values, name, string(v))
			}
		}
		if len(values) != 2*len(e.Fields) {
			return fmt.Errorf("entry %s has an unknown field", e.ID)
		}
		if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: e.ID, Values: values}).Err(); err != nil {
			return err
		}
	}
	for _, g := range s.Groups {
		if err := rdb.XGroupCreateMkStream(ctx, key, g.Name, g.Last).Err(); err != nil {
			return err
		}
		for _, p := range g.Pending {
			if err := rdb.Do(ctx, "XCLAIM", key, g.Name, p.Consumer, 0, p.ID, "RETRYCOUNT", p.Times, "FORCE", "JUSTID").Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// upgradeState is a State on the keys of an earlier version with this prefix.
func upgradeState(t *testing.T, rdb *redis.Client, prefix string) *redisstate.State {
	t.Helper()
	cfg := redisstate.Config{Prefix: prefix}
	if prefix == "sealed" {
		key := make([]byte, keyring.KeySize)
		copy(key, "made-up key of the fixtures")
		var err error
		cfg.Keyring, err = keyring.New("k2", map[string][]byte{"k1": key, "k2": make([]byte, keyring.KeySize)})
		require.NoError(t, err)
	}
	return stateOn(t, rdb, cfg)
}

func upgradeFixture[T any](t *testing.T, dir, name string) (v T) {
	t.Helper()
	text, err := os.ReadFile("../../" + dir + "/testdata/upgrade/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// TestUpgradeTokens: tokens that an earlier version stored, in the clear and encrypted, are
// read; one whose renewal died with its process is renewed once, when the lease has ended.
func TestUpgradeTokens(t *testing.T) {
	t.Parallel()
	rdb := restored(t)
	if rdb == nil {
		return
	}
	type row struct {
		AppKey   string `json:"app_key"`
		Merchant string
		Access   string    `json:"access_token"`
		Refresh  string    `json:"refresh_token"`
		Expires  time.Time `json:"expires_at"`
		Scope    string
		Version  int64
	}
	file := upgradeFixture[struct{ Tokens []row }](t, "jushuitan", "tokens.json")
	require.Len(t, file.Tokens, 7)
	for _, prefix := range []string{"plain", "sealed"} {
		t.Run(prefix, func(t *testing.T) {
			store := tokenStore(t, upgradeState(t, rdb, prefix), redisstate.TokenStoreConfig{Lease: time.Second})
			for _, want := range file.Tokens {
				got, err := store.Load(t.Context(), jushuitan.TokenKey{AppKey: want.AppKey, Merchant: want.Merchant})
				require.NoError(t, err, want.Merchant)
				assert.Equal(t, []string{want.Access, want.Refresh, want.Scope}, []string{got.AccessToken, got.RefreshToken, got.Scope})
				assert.True(t, got.ExpiresAt.Equal(want.Expires), "%s expires at %v, want %v", want.Merchant, got.ExpiresAt, want.Expires)
				assert.Equal(t, want.Version, got.Version, want.Merchant)
			}
			left := jushuitan.TokenKey{AppKey: "made-up-own-app", Merchant: "left"}
			_, err := store.Load(t.Context(), left)
			require.ErrorIs(t, err, jushuitan.ErrNoToken)
			again, ok, err := store.CompareAndSwap(t.Context(), left, jushuitan.Token{}, jushuitan.Token{AccessToken: "returned"})
			require.NoError(t, err)
			assert.True(t, ok)
			assert.EqualValues(t, 2, again.Version, "version 1 was the deleted token's")

			app := jushuitan.Credentials{AppKey: "made-up-own-app", AppSecret: "made-up-app-secret", Type: jushuitan.SelfBuilt}
			fake := jushuitantest.NewServer(jushuitantest.WithApp(app))
			t.Cleanup(fake.Close)
			c, err := jushuitan.New(app, jushuitan.WithBaseURL(fake.URL), jushuitan.WithTokenStore(store))
			require.NoError(t, err)
			tok, err := c.ForMerchant("10010").Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "access-10010", tok.AccessToken)
			assert.Empty(t, fake.Requests(), "a living token needs no server")
			tok, err = c.ForMerchant("expired").Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, fake.AccessToken(""), tok.AccessToken)
			assert.EqualValues(t, 2, tok.Version)
			assert.Equal(t, 1, grants(fake))
		})
	}
}

// TestUpgradeQuota: calls and penalties of an earlier version count.
func TestUpgradeQuota(t *testing.T) {
	t.Parallel()
	rdb := restored(t)
	if rdb == nil {
		return
	}
	l := limiter(t, upgradeState(t, rdb, "plain"), redisstate.LimiterConfig{Quotas: []jushuitan.Quota{{Limit: 3, Per: time.Minute}}})
	for path, free := range map[string]int{"/open/used/up": 0, "/open/used/once": 2, "/open/penalised": 0, "/open/other": 3} {
		key := jushuitan.LimitKey{AppKey: "made-up-own-app", Merchant: "10010", Path: path}
		for n := range free {
			sent, err := l.Wait(t.Context(), key)
			require.NoError(t, err, "%s: permit %d of %d", path, n+1, free)
			sent()
		}
		bounded, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := l.Wait(bounded, key)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, "%s: more than %d permits", path, free)
	}
}

// TestUpgradeCheckpoints: the checkpoints of an earlier version are read, and its leases hold
// until they end.
func TestUpgradeCheckpoints(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	rdb := restored(t)
	if rdb == nil {
		return
	}
	all := upgradeFixture[struct {
		Streams map[string]struct{ Checkpoint jushuitan.Checkpoint }
	}](t, "jushuitan", "checkpoints.json").Streams
	require.Len(t, all, 5)
	store := upgradeState(t, rdb, "plain").Checkpoints(0)
	same := func(stream string, want, got jushuitan.Checkpoint) {
		t.Helper()
		a, err := json.Marshal(want)
		require.NoError(t, err)
		b, err := json.Marshal(got)
		require.NoError(t, err)
		assert.JSONEq(t, string(a), string(b), stream)
	}
	for stream, want := range all {
		key := redisstate.StreamKey{AppKey: "made-up-own-app", Merchant: "10010", Stream: stream}
		got, err := store.Load(t.Context(), key)
		require.NoError(t, err)
		same(stream, want.Checkpoint, got)
		lease, err := store.Acquire(t.Context(), key, time.Minute)
		if stream == "by row version" { // it is another worker's, for a second
			if err == nil {
				require.GreaterOrEqual(t, time.Since(begin), 900*time.Millisecond, "acquired while another worker has it")
			} else {
				require.ErrorIs(t, err, redisstate.ErrLeaseHeld)
			}
			eventually(t, 5*time.Second, "the lease ends", func() bool {
				if lease == nil {
					lease, err = store.Acquire(t.Context(), key, time.Minute)
				}
				return err == nil
			})
		}
		require.NoError(t, err)
		assert.Greater(t, lease.Fence(), int64(1), "larger than that of the worker before")
		same(stream, want.Checkpoint, lease.Checkpoint())
		require.NoError(t, lease.Save(t.Context(), lease.Checkpoint()))
	}
}

// TestUpgradeDedupe: what an earlier version handled is known by its key, and what it was
// handling when it died is held back until its claim ends. That messages have these keys,
// packages callback and qimen test.
func TestUpgradeDedupe(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	rdb := restored(t)
	if rdb == nil {
		return
	}
	handled, claimed := upgradeState(t, rdb, "plain").Deduper(), upgradeState(t, rdb, "claimed").Deduper()
	type sent struct{ Name, Key string }
	all := append(upgradeFixture[[]sent](t, "callback", "pushes.json"), upgradeFixture[[]sent](t, "qimen", "messages.json")...)
	all = slices.DeleteFunc(all, func(m sent) bool { return m.Key == "" })
	require.Len(t, all, 25)
	claim := func(d jushuitan.Deduper, m sent) jushuitan.ClaimState {
		state, _, err := d.Claim(t.Context(), m.Key, "", "of now", time.Minute)
		require.NoError(t, err)
		return state
	}
	for _, m := range all {
		assert.Equal(t, jushuitan.Committed, claim(handled, m), m.Name)
		if claim(claimed, m) != jushuitan.Busy {
			assert.GreaterOrEqual(t, time.Since(begin), 900*time.Millisecond, "%s is being handled", m.Name)
		}
	}
	for _, m := range all {
		eventually(t, 5*time.Second, "the claim of "+m.Name+" ends", func() bool { return claim(claimed, m) == jushuitan.Claimed })
	}
}

// TestUpgradeInbox: what an earlier version stored in the inbox and did not handle is handled
// once, each order in turn; its dead letters are there; and a push that is sent again has the
// ID that it had.
func TestUpgradeInbox(t *testing.T) {
	t.Parallel()
	rdb := restored(t)
	if rdb == nil {
		return
	}
	for _, prefix := range []string{"plain", "sealed"} {
		t.Run(prefix, func(t *testing.T) {
			s := upgradeState(t, rdb, prefix)
			i := inbox(t, s, redisstate.InboxConfig{Ordered: true, Partitions: 2, Visibility: time.Second})
			st, err := i.Stats(t.Context())
			require.NoError(t, err)
			require.Equal(t, redisstate.InboxStats{Waiting: 11, Dead: 1}, st)

			upgradePushes(t, s.Deduper(), i)
			st, err = i.Stats(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 16, st.Waiting, "a push of before is a repeat where its key identifies it: three; stock never is one")
			upgradePushes(t, nil, i)
			st, err = i.Stats(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 24, st.Waiting, "without a deduper each is stored again")

			times := map[string]int{}
			var order []string
			var mu sync.Mutex
			note := func(_ context.Context, m redisstate.Message) error {
				mu.Lock()
				defer mu.Unlock()
				times[m.ID]++
				if m.SoID == "SO-HELD" {
					order = append(order, m.ID)
				}
				assert.NotEmpty(t, m.Raw)
				if m.ID == "held" {
					assert.True(t, m.Again, "a process of the earlier version had it and did not end with it")
				}
				assert.Equal(t, "10010", m.EntID)
				return nil
			}
			stop := running(t, i, 4, note)
			drained(t, i, 20*time.Second)
			stop()
			assert.Equal(t, []string{"held", "behind it"}, order)
			once, twice, thrice := 0, 0, 0
			for _, n := range times {
				switch n {
				case 1:
					once++
				case 2:
					twice++
				case 3:
					thrice++
				}
			}
			assert.Equal(t, []int{14, 5, 0}, []int{once, twice, thrice},
				"what was stored before once, under its ID of before; of what was stored anew, what ran again twice: %v", times)
			assert.Equal(t, 1, times["delayed"])

			dead, err := i.DeadLetters(t.Context(), "", 10)
			require.NoError(t, err)
			require.Len(t, dead, 1)
			assert.Equal(t, "dead SO-DEAD 1 made-up failure",
				fmt.Sprint(dead[0].Message.ID, " ", dead[0].Message.SoID, " ", dead[0].Message.Attempt, " ", dead[0].Reason))
			require.NoError(t, i.Replay(t.Context(), dead[0].Place))
			running(t, i, 1, note)
			drained(t, i, 20*time.Second)
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, 1, times["dead"])
		})
	}
}

// upgradePushes sends the pushes that an earlier version took to a receiver that stores them.
func upgradePushes(t *testing.T, d jushuitan.Deduper, i *redisstate.Inbox) {
	t.Helper()
	r, err := callback.New(callback.Config{
		Shipment: i.Shipment, Cancel: i.Cancel, GoodsReturned: i.GoodsReturned, Stock: i.Stock,
		Secrets: []string{"made-up-secret-of-the-urls"}, Deduper: d, NoDedupe: d == nil,
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("CST", 8*60*60)) },
	})
	require.NoError(t, err)
	for _, p := range upgradeFixture[[]struct{ Name, Target, Type, Body string }](t, "callback", "pushes.json") {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, p.Target, strings.NewReader(p.Body))
		req.Header.Set("Content-Type", p.Type)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		require.Contains(t, w.Body.String(), `"code":"0"`, p.Name)
	}
}
