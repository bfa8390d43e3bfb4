package redisstate_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
)

// universal connects as an installation should, to whatever it runs.
func universal(t testing.TB, master string, addrs ...string) redis.UniversalClient {
	t.Helper()
	c := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: addrs, MasterName: master, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// cluster is a Redis Cluster of a test's own.
type cluster struct {
	nodes []*server // the masters, then their replicas in the same order, then one more of the first
	rdb   redis.UniversalClient
}

// ownCluster starts three masters, with a replica each and two of the first or none, and
// joins them. It is nil where there is no redis-server on PATH.
func ownCluster(t testing.TB, replicas bool) *cluster {
	t.Helper()
	const masters = 3
	n := masters
	if replicas {
		n = 2*masters + 1
	}
	ctx := t.Context()
	var c cluster
	var buses, ids, addrs []string
	var direct []*redis.Client
	for i := range n {
		bus, err := freeAddr()
		require.NoError(t, err)
		s := ownServer(t, "--cluster-enabled", "yes", "--cluster-port", port(bus), "--cluster-node-timeout", millis(quick), "--repl-diskless-sync-delay", "0")
		if s == nil {
			return nil
		}
		d := dial(s.addr)
		t.Cleanup(func() { _ = d.Close() })
		id, err := d.Do(ctx, "CLUSTER", "MYID").Text()
		require.NoError(t, err)
		require.NoError(t, d.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		if i < masters {
			const slots = 16384
			require.NoError(t, d.ClusterAddSlotsRange(ctx, i*slots/masters, (i+1)*slots/masters-1).Err())
		}
		c.nodes, direct = append(c.nodes, s), append(direct, d)
		buses, ids, addrs = append(buses, port(bus)), append(ids, id), append(addrs, s.addr)
	}
	for i := 1; i < n; i++ {
		require.NoError(t, direct[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", port(addrs[i]), buses[i]).Err())
	}
	agree := func(what string, lines ...string) {
		eventually(t, 30*time.Second, what, func() bool {
			for _, d := range direct {
				info, err := d.ClusterInfo(ctx).Result()
				require.NoError(t, err)
				for _, line := range lines {
					if !strings.Contains(info, line+"\r\n") {
						return false
					}
				}
			}
			return true
		})
	}
	agree("the nodes know each other", "cluster_known_nodes:"+strconv.Itoa(n), "cluster_state:ok", "cluster_slots_assigned:16384")
	for i := masters; i < n; i++ {
		eventually(t, 10*time.Second, "a replica knows its master", func() bool {
			return direct[i].Do(ctx, "CLUSTER", "REPLICATE", ids[(i-masters)%masters]).Err() == nil
		})
	}
	for i := masters; i < n; i++ {
		following(t, direct[(i-masters)%masters], 1+(i-masters)/masters)
	}
	c.patience(t, slow)
	c.rdb = universal(t, "", addrs[0], addrs[1])
	return &c
}

// patience sets for how long a node must be silent to be replaced.
func (c *cluster) patience(t testing.TB, d time.Duration) {
	t.Helper()
	c.every(t, func(node *redis.Client) {
		require.NoError(t, node.ConfigSet(t.Context(), "cluster-node-timeout", millis(d)).Err())
	})
}

// failover kills the first master and waits until the cluster has made a replica one.
func (c *cluster) failover(t testing.TB) {
	t.Helper()
	before := len(c.masters(t))
	c.nodes[0].kill()
	c.patience(t, quick)
	eventually(t, time.Minute, "a replica is a master", func() bool { return len(c.masters(t)) == before })
	c.patience(t, slow)
}

// The silence after which a node is replaced: quick while a test waits for that, otherwise
// slow, since on a busy machine a node that lives is silent for a second, too.
const (
	quick = 1500 * time.Millisecond
	slow  = time.Minute
)

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// every calls fn with a connection to each node that runs.
func (c *cluster) every(t testing.TB, fn func(c *redis.Client)) {
	t.Helper()
	for _, n := range c.nodes {
		if n.cmd == nil {
			continue
		}
		d := dial(n.addr)
		fn(d)
		require.NoError(t, d.Close())
	}
}

// chosen are the addresses of the masters.
func (c *cluster) chosen(t testing.TB) string {
	t.Helper()
	return strings.Join(c.masters(t), " ")
}

func (c *cluster) masters(t testing.TB) (addrs []string) {
	t.Helper()
	c.every(t, func(d *redis.Client) {
		info, err := d.Info(t.Context(), "replication").Result()
		require.NoError(t, err)
		if strings.Contains(info, "role:master") {
			addrs = append(addrs, d.Options().Addr)
		}
	})
	return addrs
}

// following waits until so many replicas follow.
func following(t testing.TB, primary *redis.Client, replicas int) {
	t.Helper()
	eventually(t, 30*time.Second, "the replicas follow", func() bool {
		n, err := primary.Do(t.Context(), "WAIT", replicas, 100).Int()
		return err == nil && n >= replicas
	})
}

// sentinels are a primary, its replicas and the Sentinels that watch them.
type sentinels struct {
	nodes []*server // the primary, then its replicas
	rdb   redis.UniversalClient
	watch []*redis.SentinelClient
}

const watched = "main" // the primary's name

// ownSentinels starts a primary with two replicas and three Sentinels. It is nil where
// there is no redis-server on PATH.
func ownSentinels(t testing.TB, args ...string) *sentinels {
	t.Helper()
	ctx := t.Context()
	args = append(args, "--repl-diskless-sync-delay", "0")
	primary := ownServer(t, args...)
	if primary == nil {
		return nil
	}
	s := &sentinels{nodes: []*server{primary}}
	for range 2 {
		s.nodes = append(s.nodes, ownServer(t, append(args[:len(args):len(args)], "--replicaof", "127.0.0.1 "+port(primary.addr))...))
	}
	direct := dial(primary.addr)
	following(t, direct, 2)
	require.NoError(t, direct.Close())
	var addrs []string
	for range 3 {
		w, err := startReady("Sentinel ID is", fmt.Appendf(nil,
			"sentinel monitor %s 127.0.0.1 %s 2\nsentinel down-after-milliseconds %[1]s %[3]s\nsentinel failover-timeout %[1]s 5000\n",
			watched, port(primary.addr), millis(slow)), "--sentinel")
		require.NoError(t, err)
		t.Cleanup(w.close)
		addrs = append(addrs, w.addr)
		c := redis.NewSentinelClient(&redis.Options{Addr: w.addr})
		t.Cleanup(func() { _ = c.Close() })
		s.watch = append(s.watch, c)
	}
	eventually(t, 30*time.Second, "the Sentinels know each other and the replicas", func() bool {
		for _, w := range s.watch {
			others, err := w.Sentinels(ctx, watched).Result()
			replicas, err2 := w.Replicas(ctx, watched).Result()
			if errors.Join(err, err2) != nil || len(others) != 2 || len(replicas) != 2 {
				return false
			}
			for _, r := range replicas {
				if r["flags"] != "slave" || r["master-link-status"] != "ok" {
					return false
				}
			}
		}
		return true
	})
	s.rdb = universal(t, watched, addrs...)
	return s
}

// patience sets for how long the primary must be silent to be replaced.
func (s *sentinels) patience(t testing.TB, d time.Duration) {
	t.Helper()
	for _, w := range s.watch {
		require.NoError(t, w.Set(t.Context(), watched, "down-after-milliseconds", millis(d)).Err())
	}
}

// failover kills the primary and waits until the Sentinels have made another.
func (s *sentinels) failover(t testing.TB) {
	t.Helper()
	s.nodes[0].kill()
	s.replaced(t)
}

// silence pauses the primary until the Sentinels have made another.
func (s *sentinels) silence(t testing.TB) {
	t.Helper()
	require.NoError(t, s.nodes[0].pause())
	s.replaced(t)
	require.NoError(t, s.nodes[0].resume())
}

func (s *sentinels) replaced(t testing.TB) {
	t.Helper()
	s.patience(t, quick)
	eventually(t, time.Minute, "a replica is the primary", func() bool { return s.chosen(t) != port(s.nodes[0].addr) })
	s.patience(t, slow)
}

// chosen is the port of the primary, as the Sentinels say.
func (s *sentinels) chosen(t testing.TB) string {
	t.Helper()
	addr, err := s.watch[0].GetMasterAddrByName(t.Context(), watched).Result()
	require.NoError(t, err)
	return addr[1]
}

// deployments are the ways of running Redis that the parts are tested on.
func deployments() map[string]func(t *testing.T) redis.UniversalClient {
	return map[string]func(t *testing.T) redis.UniversalClient{
		"single node": func(t *testing.T) redis.UniversalClient { return client(t) },
		"cluster": func(t *testing.T) redis.UniversalClient {
			if c := ownCluster(t, false); c != nil {
				return c.rdb
			}
			return nil
		},
		"sentinel": func(t *testing.T) redis.UniversalClient {
			if s := ownSentinels(t); s != nil {
				return s.rdb
			}
			return nil
		},
	}
}

// Every part works on a single node, on Redis Cluster and with Sentinel.
func TestParts(t *testing.T) {
	t.Parallel()
	for name, start := range deployments() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := start(t)
			if rdb == nil {
				return
			}
			for part, run := range map[string]func(*testing.T, redis.UniversalClient){
				"token store": testTokenStore, "limiter": testLimiter, "penalty": testPenaltyIsShared, "dedupe": testDeduper, "checkpoints": testCheckpoints,
				"inbox": testInboxRetriesThenBuries, "inbox in order": testInboxKeepsTheOrder, "keys": testKeys,
			} {
				t.Run(part, func(t *testing.T) { run(t, rdb) })
			}
		})
	}
}

// each calls fn on every node that has keys.
func each(ctx context.Context, rdb redis.UniversalClient, fn func(ctx context.Context, c *redis.Client) error) error {
	if c, ok := rdb.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, fn)
	}
	return fn(ctx, rdb.(*redis.Client))
}
