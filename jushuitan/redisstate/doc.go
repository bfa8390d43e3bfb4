// Package redisstate keeps in Redis what the processes of an installation share
// (多进程共享状态): tokens, quotas, which pushes were handled, how far streams have been
// processed, and an inbox of pushes.
//
//	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, ContextTimeoutEnabled: true})
//	state, err := redisstate.New(rdb, redisstate.Config{Keyring: keyring, Replicas: 1})
//	store, err := state.TokenStore(redisstate.TokenConfig{})
//	limiter, err := state.Limiter(redisstate.LimiterConfig{})
//	client, err := jushuitan.New(cred, jushuitan.WithTokenStore(store), jushuitan.WithLimiter(limiter))
//	inbox, err := state.Inbox(redisstate.InboxConfig{Ordered: true})
//	receiver, err := callback.New(callback.Config{Shipment: inbox.Shipment, Deduper: state.Deduper(), Secrets: secrets})
//	err = inbox.Run(ctx, 8, redisstate.Handlers{Shipment: shipped}.Handle)
//
// It works on a single node, with Sentinel and on Cluster, from Redis 7.0 on. TLS and
// authentication are the client's. Every change is one script on keys that are on one
// node, which takes the time from Redis where it matters: the clocks of the processes
// need not agree.
//
// # Keys
//
// All keys begin with a prefix. What stands in braces decides on the cluster's node:
// all keys of a merchant are on one, those of the inbox are spread by partition. App
// keys, merchants and paths are escaped. None is without an end or a bound, and none
// is searched for (no KEYS, no SCAN):
//
//	jst:token:{app/merchant}             hash        ends TokenConfig.Keep after the token
//	jst:renew:{app/merchant}             string      ends after TokenConfig.Lease
//	jst:limit:{app/merchant}:path        sorted set  ends after the longest window and PermitTTL; as many members as the largest limit and those being told late
//	jst:limit:{app/merchant}:path:queue  sorted set  ends likewise; a member for each process that waits
//	jst:limit:{app/merchant}:path:wait   hash        ends likewise, or with a penalty; two fields for each process that waits
//	jst:seen:key                         string      ends with the claim or commit
//	jst:checkpoint:{app/merchant}:stream hash        ends the keep of State.Checkpoints after it was used last
//	jst:inbox:{name/n}                   stream      bound: InboxConfig.MaxWaiting entries
//	jst:inbox:{name/n}:due               sorted set  bound: a member for each entry in work or delayed
//	jst:inbox:{name/n}:tries             hash        bound: a field for each entry in work or delayed
//	jst:inbox:{name/n}:busy              hash        bound: if Ordered, a field for each order with an entry in work or delayed
//	jst:inbox:{name/n}:parked            sorted set  bound: if Ordered, a member for each entry that waits for another of its order
//	jst:inbox:{name/n}:dead              stream      bound: InboxConfig.MaxDead entries
//	jst:inbox:{name/n}:turn:document     string      ends after InboxConfig.CommitTTL; of cancels and of receipts of goods
//
// An idle merchant has its token and its checkpoints, nothing else: some 850 bytes of
// Redis's memory with an encrypted token and one checkpoint.
//
// Redis must not evict keys (maxmemory-policy noeviction): each of them matters.
//
// # What is promised
//
// As long as Redis keeps what it acknowledged, whatever becomes of the processes:
//
//   - A token is renewed by one process at a time, and none that was stored is
//     overwritten by one who did not know it ([TokenStore]).
//   - No more calls are sent than the quotas allow, by all processes together
//     ([Limiter]).
//   - Of a message that reaches several processes at once one runs it; who repeats it
//     later is answered without a run ([Deduper]).
//   - A checkpoint is moved by whoever has the lease, and nobody else ([Checkpoints]).
//   - A push that was stored is handled once at least, and then is done or a dead letter
//     ([Inbox]).
//
// A process may die at any time. Its permits count as sent after PermitTTL, its
// renewal goes to another after Lease, its claims end with their ttl, its stream goes
// to another after the lease, its messages after Visibility.
//
// # What is not
//
// A push may be handled twice (重复处理): the one in progress of a worker that dies, or that
// Redis does not answer, between the work and the note of it; and the one in progress of a
// receiver that dies, or that Redis does not answer, when it is stored and the sender,
// without an answer, sends it again. Both have the same [Message].ID: a sink that takes
// an ID once has each push exactly once. A row of a stream comes twice likewise, if its
// checkpoint was not acknowledged.
//
// Redis keeps what it acknowledged if appendonly is on and appendfsync is always; with
// everysec, its default, a crash of the machine loses up to about a second. Replication is
// asynchronous: a failover loses what the new primary had not received.
// [Config].Replicas makes the calls that matter wait for replicas, so that a push is
// not acknowledged before: with one more replica than that a failover leaves enough of
// them. That is no consensus: a replica that lagged can still be promoted where several
// fail, unless Sentinel or Cluster picks the most advanced, which they attempt. That a
// message is done is not waited for: after a failover those that ended shortly before,
// by as much as the replica lagged, are handled once more.
//
// What a loss means: a token that was lost is renewed again, or the merchant
// authorises again where the server ended the one before; permits that were lost may
// exceed a quota for one window (the server answers 199 or 200, and all processes
// pause); a commit that was lost lets a repeat run; a checkpoint that was lost yields
// rows again; a push that was lost is lost, and what tells its repeats with it.
//
// While Redis is away, tokens in memory are used on; limited calls wait, or have their
// local share, see [Outage]; receivers answer failure; workers wait.
//
// Experimental: this package may change in any minor version.
package redisstate
