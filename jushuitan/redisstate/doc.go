// Package redisstate keeps the shared state of an installation's processes in Redis
// (多进程共享状态): tokens, rate limits, deduplication of pushes, checkpoints of
// streams, and an inbox of pushes.
//
//	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, ContextTimeoutEnabled: true})
//	state, err := redisstate.New(rdb, redisstate.Config{Keyring: keyring, Replicas: 1})
//	store, err := state.TokenStore(redisstate.TokenStoreConfig{})
//	limiter, err := state.Limiter(redisstate.LimiterConfig{})
//	client, err := jushuitan.New(cred, jushuitan.WithTokenStore(store), jushuitan.WithLimiter(limiter))
//	inbox, err := state.Inbox(redisstate.InboxConfig{Ordered: true})
//	receiver, err := callback.New(callback.Config{Shipment: inbox.Shipment, Deduper: state.Deduper(), Secrets: secrets})
//	err = inbox.Run(ctx, 8, redisstate.Handlers{Shipment: shipped}.Handle)
//
// It works on a single node, with Sentinel and with Cluster, from Redis 7.0 on. Valkey is
// untested. TLS and authentication are configured in the client. Every change is one script on keys of
// the same node and uses the time of Redis where time matters: the clocks of the
// processes need not agree.
//
// # Keys
//
// All keys begin with a prefix. The part in braces determines the node of a cluster:
// all keys of a merchant are on the same node, those of the inbox are spread by
// partition. App keys, merchants and paths are escaped. Every key either expires or is
// bounded. Only [Checkpoints.Forget] searches for keys, with SCAN on one node:
//
//	jst:token:{app/merchant}             hash        expires TokenStoreConfig.Keep after the token
//	jst:renew:{app/merchant}             string      expires after TokenStoreConfig.Lease
//	jst:limit:{app/merchant}:path        sorted set  expires after the longest window and PermitTTL; at most as many members as the largest limit, plus those of one call and late reports
//	jst:limit:{app/merchant}:path:queue  sorted set  expires likewise; one member per waiting process
//	jst:limit:{app/merchant}:path:wait   hash        expires likewise, or with a penalty; two fields per waiting process
//	jst:seen:key                         string      expires with the claim or commit; of messages without a state
//	jst:seen:key                         hash        expires likewise; of documents: at most about 1,600 bytes
//	jst:checkpoint:{app/merchant}:stream hash        expires the keep of State.Checkpoints after its last use
//	jst:inbox:{name/n}                   stream      bounded: InboxConfig.MaxWaiting entries
//	jst:inbox:{name/n}:due               sorted set  bounded: one member per entry in progress or delayed
//	jst:inbox:{name/n}:tries             hash        bounded: one field per entry in progress or delayed
//	jst:inbox:{name/n}:busy              hash        bounded: if Ordered, one field per order with an entry in progress or delayed
//	jst:inbox:{name/n}:parked            sorted set  bounded: if Ordered, one member per entry that waits for another of its order
//	jst:inbox:{name/n}:dead              stream      bounded: InboxConfig.MaxDead entries, which are deleted after InboxConfig.DeadTTL
//	jst:inbox:{name/n}:runs              hash        expires 30 days after the last failure or interruption; one field per entry that had one
//	jst:inbox:{name/n}:order:document    string      expires after InboxConfig.CommitTTL; if Ordered, one per o_id of shipments
//	jst:inbox:{name/n}:turn:document     string      expires after InboxConfig.CommitTTL or CancelTTL
//	jst:inbox:{name/n}:sides:after-sale  hash        expires after InboxConfig.CommitTTL; at most 4 fields
//
// An idle merchant has only its token and its checkpoints: about 850 bytes of Redis
// memory with an encrypted token and one checkpoint.
//
// Redis must not evict keys (maxmemory-policy noeviction), since each of them matters.
//
// # Guarantees
//
// As long as Redis keeps what it acknowledged, no matter what happens to the processes:
//
//   - A token is renewed by one process at a time, and a stored token is never
//     overwritten by a process that did not know it ([TokenStore]).
//   - All processes together send no more calls than the rate limits allow ([Limiter]).
//   - If several processes receive a message at once, one handles it; a later duplicate
//     is answered without being handled ([Deduper]).
//   - Only the holder of the lease moves a checkpoint ([Checkpoints]).
//   - A stored push is handled at least once, and is then done or a dead letter
//     ([Inbox]). One that kills its process is a dead letter after MaxAttempts. Dead letters
//     are deleted after InboxConfig.DeadTTL.
//
// A process may die at any time. Its permits count as used after PermitTTL, its renewal
// passes to another process after Lease, its claims expire with their ttl, its stream
// can be acquired after the lease, and its messages are redelivered after Visibility.
//
// # Limits
//
// A push may be handled twice (重复处理): the one in progress if a worker dies or loses
// Redis between handling it and settling it, and the one in progress if a receiver dies
// or loses Redis while storing it and the unanswered sender retries. Both have the same
// [Message].ID: a sink that accepts an ID only once processes each push exactly once.
// [Message].Again reports that a run may be a second one, as far as Redis knows.
// Likewise a row of a stream may repeat if its checkpoint was not acknowledged.
//
// Redis keeps what it acknowledged if appendonly is on and appendfsync is always; with
// everysec, the default, a crash of the machine loses up to about a second. Replication
// is asynchronous: a failover loses what the new primary had not received. With
// [Config].Replicas, important calls wait for replicas, so that a push is acknowledged
// only after they have it. This is not consensus: if several nodes fail, a lagging
// replica may still be promoted, unless Sentinel or Cluster picks the most advanced
// one, which they attempt. Taking and settling a message do not wait: after a failover,
// the messages that were done within the replica's lag are handled again, without
// [Message].Again.
//
// Sentinel and Cluster also replace a primary that lives, if it was silent for too long.
// It keeps serving its clients until it is demoted, which takes seconds; what only it and
// replicas that still follow it have is then lost, acknowledged or not. A push survives
// that if Replicas is the number of all replicas, since the new primary has confirmed it
// then; the loss of any replica stops the inbox, though. With min-replicas-to-write set to
// the same number, a primary that a replica has left refuses writes, which stops its
// workers: less is handled again.
//
// Consequences of a loss: a lost token is renewed again, or the merchant authorises
// again if the server invalidated the previous one; lost permits may exceed a rate
// limit for one window (the server answers 199 or 200, and all processes pause); a lost
// commit lets a duplicate run; a lost checkpoint repeats rows; a lost push is lost,
// together with the memory of its duplicates.
//
// While Redis is unavailable, tokens in memory stay in use; limited calls wait or use
// their local share, see [Outage]; receivers answer failure; workers wait.
//
// # Updates
//
// Processes of this version and of earlier ones may work side by side, and this version reads what
// they stored. What is new holds once all processes are updated: an earlier one counts
// interrupted attempts, runs a message that killed its process once more, starts a forgotten
// fence at 1, and does not check that a body belongs to its message. Bodies that an earlier
// version stored are not bound to a message.
//
// Experimental: this package may change in any minor version.
package redisstate
