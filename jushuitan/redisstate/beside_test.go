package redisstate_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// earlier is the commit with whose processes those of this version work side by side: the last
// before the form of the stored state may have changed. Its own tests are the programs that are
// run, so the roles in this package's tests keep the arguments and words that they had then.
const earlier = "dbbad72db899ee014359c4501986ee907f847a72"

// earlierPrograms builds the tests of this package as they were in the earlier commit, and the
// program of testdata/swaptoken with the token file as it was. They are empty where this is no
// clone of the repository.
func earlierPrograms(t *testing.T) (state, swaptoken string) {
	t.Helper()
	run := func(dir string, env []string, name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const root = "../.."
	if out, err := run(root, nil, "git", "rev-parse", "--git-dir"); err != nil {
		t.Logf("this part was not run: it needs git and a clone of the repository: %v %s", err, out)
		return "", ""
	}
	_, err := run(root, nil, "git", "cat-file", "-e", earlier+"^{commit}")
	require.NoError(t, err, "the history has no commit %s, whose programs run beside those of this version: "+
		"git fetch --unshallow (in CI: check out with fetch-depth 0)", earlier)

	dir := t.TempDir()
	tree, tar := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.tar")
	require.NoError(t, os.Mkdir(tree, 0o700))
	out, err := run(root, nil, "git", "archive", "--output="+tar, earlier)
	require.NoError(t, err, out)
	out, err = run(tree, nil, "tar", "-xf", tar)
	require.NoError(t, err, out)
	module := filepath.Join(tree, "jushuitan", "redisstate")
	require.NoError(t, os.CopyFS(filepath.Join(module, "testdata", "swaptoken"), os.DirFS("testdata/swaptoken")))
	state, swaptoken = filepath.Join(dir, "state.test"), filepath.Join(dir, "swaptoken")
	for _, args := range [][]string{
		{"test", "-c", "-trimpath", "-o", state, "."}, // without its path, and with the flags of this test, most comes from the cache
		{"build", "-trimpath", "-o", swaptoken, "./testdata/swaptoken"},
	} {
		out, err := run(module, []string{"GOWORK=off"}, "go", args...)
		require.NoError(t, err, "go %s of commit %s: %s", args[0], earlier, out)
	}
	return state, swaptoken
}

// TestBesideEarlierVersion: while an installation is updated, processes of both versions work on
// one Redis, and on one token file.
func TestBesideEarlierVersion(t *testing.T) {
	client(t)
	if shared.mini {
		t.Log("this part was not run: it needs redis-server on PATH")
		return
	}
	before, swaptoken := earlierPrograms(t)
	if before == "" {
		return
	}
	now := os.Args[0]
	t.Run("pushes", func(t *testing.T) { pushesBeside(t, before, now) })
	t.Run("tokens", func(t *testing.T) { tokensBeside(t, before, now) })
	t.Run("quota", func(t *testing.T) {
		const tries = 3 // see TestProcessesShareTheQuota
		for try := 1; ; try++ {
			got := shareQuota(t, []jushuitan.Quota{{Limit: 30, Per: time.Second}, {Limit: 60, Per: 4 * time.Second}}, 2, before, now)
			t.Log(got)
			if try < tries && !got.good() {
				continue
			}
			assert.Zero(t, got.refused)
			assert.LessOrEqual(t, slices.Max(got.calls), 2*slices.Min(got.calls), "unfair")
			return
		}
	})
	t.Run("claims of the earlier version", func(t *testing.T) { claimsOfDead(t, before, now) })
	t.Run("claims of this version", func(t *testing.T) { claimsOfDead(t, now, before) })
	t.Run("token file", func(t *testing.T) { tokenFileBeside(t, swaptoken) })
}

// pushesBeside sends pushes to a receiver of each version, some to both at once. First a worker
// of the earlier version alone handles them, then workers of both, then one of this version.
func pushesBeside(t *testing.T, before, now string) {
	const pushes, steps = 3000, 3
	rdb := client(t)
	args := inboxArgs{Redis: shared.addr, Prefix: "test-" + rand.Text()}
	_, _, i, err := args.open()
	require.NoError(t, err)
	var urls []string
	for _, program := range []string{before, now} {
		urls = append(urls, spawnProgram(t, program, "receive", args).next(t))
	}
	hire := func(program string) *process {
		p := spawnProgram(t, program, "work", args)
		require.Equal(t, "ready", p.next(t))
		return p
	}
	old := hire(before)
	for step := range steps {
		switch step {
		case 1:
			hire(now)
		case 2:
			old.kill() // it has nothing in progress
		}
		sendBoth(t, urls, step*pushes/steps, (step+1)*pushes/steps)
		drained(t, i, time.Minute)
	}
	ctx := t.Context()
	sink, err := rdb.LRange(ctx, args.Prefix+":orders", 0, -1).Result()
	require.NoError(t, err)
	handled, err := rdb.Get(ctx, args.Prefix+":handled").Int()
	require.NoError(t, err)
	slices.Sort(sink)
	const poisoned = pushes / 50 // see workChild
	assert.Len(t, slices.Compact(slices.Clone(sink)), pushes-poisoned, "orders in the sink")
	// More often than once only where both versions received a push, which do not know each
	// other's memory, or where a worker was silent for its second of Visibility.
	assert.Less(t, handled, pushes-poisoned+pushes/5+pushes/100, "handled twice without need")
	dead, err := i.DeadLetters(ctx, "", pushes)
	require.NoError(t, err)
	orders := map[string]bool{}
	for _, d := range dead {
		orders[d.Message.SoID] = true
	}
	assert.Len(t, orders, poisoned)
	assert.LessOrEqual(t, len(dead), 2*poisoned, "both versions received each of them")
}

// sendBoth sends the pushes of the orders from one on up to another to the receivers in turn, and
// each fifth to all of them at once.
func sendBoth(t *testing.T, urls []string, from, to int) {
	const senders = 8
	hc := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * senders}}
	orders := make(chan int)
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for n := range orders {
				targets := urls[n%len(urls) : n%len(urls)+1]
				if n%5 == 0 {
					targets = urls
				}
				var each sync.WaitGroup
				for _, url := range targets {
					each.Go(func() {
						m := callbacktest.Message{EntID: "10010", StorageCode: "1", Body: &jushuitan.ShipmentPush{OID: int64(n), SoID: fmt.Sprint("so", n), LID: "l"}}
						reply, err := m.Send(t.Context(), hc, url)
						assert.NoError(t, err)
						assert.True(t, reply.OK(), "order %d: %+v", n, reply)
					})
				}
				each.Wait()
			}
		})
	}
	for n := from + 1; n <= to; n++ {
		orders <- n
	}
	close(orders)
	wg.Wait()
}

// tokensBeside has processes of both versions find the same tokens expired, at once or one
// after the other: the server hears of one renewal each, and what is stored is what it granted.
func tokensBeside(t *testing.T, before, now string) {
	const merchants = 12
	fake := renewals(t)
	args := renewArgs{Redis: shared.addr, URL: fake.URL, Prefix: "test-" + rand.Text(), Lease: 5 * time.Second}
	store, err := args.store()
	require.NoError(t, err)
	var all []*process
	for _, program := range []string{before, now, before, now} {
		p := spawnProgram(t, program, "renew", args)
		require.Equal(t, "ready", p.next(t))
		all = append(all, p)
	}
	for n := range merchants {
		merchant := fmt.Sprint(n)
		expired(t, store, merchant)
		if n%3 > 0 { // one version is first
			all[n%3-1].tell(t, merchant)
			require.Contains(t, all[n%3-1].next(t), "done")
		}
		for _, p := range all {
			p.tell(t, merchant)
		}
		for _, p := range all {
			require.Contains(t, p.next(t), "done")
		}
		require.Equal(t, n+1, grants(fake), "merchant %s: one renewal", merchant)
		tok, err := store.Load(t.Context(), jushuitan.TokenKey{AppKey: testApp().AppKey, Merchant: merchant})
		require.NoError(t, err)
		require.Equal(t, fake.AccessToken(""), tok.AccessToken, "merchant %s: the token that was granted is lost", merchant)
		require.EqualValues(t, 2, tok.Version)
	}
}

// tokenFileBeside has two processes of the earlier version and two stores of this one change one
// token of one file: no change is lost.
func tokenFileBeside(t *testing.T, before string) {
	const swaps = 50
	path := filepath.Join(t.TempDir(), "tokens.json")
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	other := jushuitan.TokenKey{AppKey: "app", Merchant: "其他"}
	store, err := jushuitan.NewFileTokenStore(path)
	require.NoError(t, err)
	kept, ok, err := store.CompareAndSwap(t.Context(), other, jushuitan.Token{}, jushuitan.Token{AccessToken: "kept", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour), Scope: "all"})
	require.NoError(t, err)
	require.True(t, ok)

	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			out, err := exec.CommandContext(t.Context(), before, path, strconv.Itoa(swaps)).CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
		wg.Go(func() { assert.NoError(t, swapTokens(t.Context(), path, key, swaps)) })
	}
	wg.Wait()
	got, err := store.Load(t.Context(), key)
	require.NoError(t, err)
	assert.EqualValues(t, 4*swaps, got.Version, "changes that both versions made")
	still, err := store.Load(t.Context(), other)
	require.NoError(t, err)
	assert.True(t, still == kept, "%v, want %v", still, kept)
}

// swapTokens replaces the token so many times.
func swapTokens(ctx context.Context, path string, key jushuitan.TokenKey, times int) error {
	s, err := jushuitan.NewFileTokenStore(path)
	if err != nil {
		return err
	}
	var current jushuitan.Token
	for range times {
		for ok := false; !ok; {
			if current, ok, err = s.CompareAndSwap(ctx, key, current, jushuitan.Token{AccessToken: "of this version"}); err != nil {
				return err
			}
		}
	}
	return nil
}
