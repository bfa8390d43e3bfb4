package redisstate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// Any number of processes with this set-up share a merchant's token and quotas.
// 多进程共享令牌与限流。
func Example() {
	ctx := context.Background()
	fake := jushuitantest.NewServer() // Jushuitan, for this example
	defer fake.Close()
	rdb, closeRedis := exampleRedis()
	defer closeRedis()

	state, err := redisstate.New(rdb, redisstate.Config{Prefix: "shop"})
	if err != nil {
		panic(err)
	}
	store, err := state.TokenStore(redisstate.TokenStoreConfig{})
	if err != nil {
		panic(err)
	}
	limiter, err := state.Limiter(redisstate.LimiterConfig{})
	if err != nil {
		panic(err)
	}
	for range 2 { // two processes
		client, err := jushuitan.New(fake.Credentials(), jushuitan.WithBaseURL(fake.URL),
			jushuitan.WithTokenStore(store), jushuitan.WithLimiter(limiter))
		if err != nil {
			panic(err)
		}
		if _, err := client.ForMerchant("10010").Shops.Query(ctx, &jushuitan.ShopQuery{}); err != nil {
			panic(err)
		}
	}
	fmt.Println("calls for a token:", fake.Stats().TokenCalls)
	// Output:
	// calls for a token: 1
}

// A push is acknowledged once it is in the inbox, and worked by any process. 推送先入库再处理。
func ExampleInbox() {
	ctx, stop := context.WithCancel(context.Background())
	rdb, closeRedis := exampleRedis()
	defer closeRedis()
	state, err := redisstate.New(rdb, redisstate.Config{})
	if err != nil {
		panic(err)
	}
	inbox, err := state.Inbox(redisstate.InboxConfig{Ordered: true})
	if err != nil {
		panic(err)
	}
	// The receiver calls this one: callback.Config{Cancel: inbox.Cancel, ...}.
	env := callback.Envelope{EntID: "10010", Method: jushuitan.PushCancel, Raw: []byte(`{"so_id":"A1"}`)}
	if err := inbox.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "A1"}); err != nil {
		panic(err)
	}
	_ = inbox.Run(ctx, 4, redisstate.Handlers{
		Cancel: func(_ context.Context, env callback.Envelope, p *jushuitan.CancelPush) error {
			fmt.Println("merchant", env.EntID, "order", p.SoID, "is cancelled")
			stop()
			return nil
		},
	}.Handle)
	// Output:
	// merchant 10010 order A1 is cancelled
}

// A sink that takes each id once has a push exactly once, although it may be handled
// again. 按消息编号去重，恰好一次。
func ExampleHandlers_Handle() {
	ctx, stop := context.WithCancel(context.Background())
	rdb, closeRedis := exampleRedis()
	defer closeRedis()
	state, err := redisstate.New(rdb, redisstate.Config{})
	if err != nil {
		panic(err)
	}
	inbox, err := state.Inbox(redisstate.InboxConfig{Ordered: true})
	if err != nil {
		panic(err)
	}
	env := callback.Envelope{EntID: "10010", Method: jushuitan.PushCancel, Raw: []byte(`{"so_id":"A1"}`)}
	for range 2 { // its sender had no answer to the first
		if err := inbox.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "A1"}); err != nil {
			panic(err)
		}
	}
	handlers := redisstate.Handlers{
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			fmt.Println("order", p.SoID, "is cancelled")
			return nil
		},
	}
	done := map[string]bool{} // in real life a table, written in the transaction of the work
	_ = inbox.Run(ctx, 1, func(ctx context.Context, m redisstate.Message) error {
		if done[m.ID] {
			fmt.Println("known")
			stop()
			return nil
		}
		if err := handlers.Handle(ctx, m); err != nil {
			return err
		}
		done[m.ID] = true
		return nil
	})
	// Output:
	// order A1 is cancelled
	// known
}

// A worker that lost its lease cannot move the checkpoint. 失去租约的进程不能改写断点。
func ExampleCheckpoints() {
	ctx := context.Background()
	rdb, closeRedis := exampleRedis()
	defer closeRedis()
	state, err := redisstate.New(rdb, redisstate.Config{})
	if err != nil {
		panic(err)
	}
	checkpoints := state.Checkpoints(0)
	key := redisstate.StreamKey{AppKey: "app", Merchant: "10010", Stream: "orders"}
	lease, err := checkpoints.Acquire(ctx, key, time.Minute)
	if err != nil {
		panic(err)
	}
	cp := lease.Checkpoint() // where the stream goes on
	cp.Cursor = 42           // after the rows up to it were stored
	fmt.Println("saved:", lease.Save(ctx, cp) == nil)
	_, err = checkpoints.Acquire(ctx, key, time.Minute)
	fmt.Println(err != nil)
	// Output:
	// saved: true
	// true
}

func exampleRedis() (rdb *redis.Client, stop func()) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		panic(err)
	}
	rdb = dial(server.Addr())
	return rdb, func() {
		_ = rdb.Close()
		server.Close()
	}
}
