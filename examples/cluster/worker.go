package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

const (
	queue   = "sync"        // of asynq
	jobType = "stream:sync" // of asynq's tasks
	retries = 3             // of a job, before it is dead; the stream's next job is enqueued all the same
)

// job is the payload of a task: a merchant's stream.
type job struct {
	Merchant string `json:"merchant"`
	Stream   string `json:"stream"`
}

// worker is one process of the installation.
type worker struct {
	settings
	shared
	rdb     redis.UniversalClient
	client  *jushuitan.Client
	streams []stream
	sink    *sink
	metrics *metrics
	log     *slog.Logger
	ending  context.Context // done when the process is told to stop
}

func newWorker(s settings, log *slog.Logger) (_ *worker, err error) {
	w := &worker{settings: s, rdb: s.dial(), streams: streams(s.page), log: log}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.shared, err = s.share(w.rdb); err != nil {
		return nil, err
	}
	w.sink = &sink{rdb: w.rdb, prefix: s.prefix}
	w.metrics = &metrics{rdb: w.rdb, prefix: s.prefix, counts: map[string]map[string]int64{}}
	w.client, err = w.shared.client(&s, jushuitan.WithHook(jushuitan.Hook{After: w.metrics.attempt}))
	return w, err
}

func (w *worker) close() { _ = w.rdb.Close() }

// run works until ctx ends. Then it takes no more jobs, and those in progress stop at the
// current row: everything before it is saved, and any process may continue at once.
func (w *worker) run(ctx context.Context) error {
	if err := w.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis at %s does not answer: %w / 无法连接 Redis", w.redis, err)
	}
	if w.merchants != "" {
		if err := w.rdb.SAdd(ctx, w.merchantsKey(), strings.Split(w.merchants, ",")).Err(); err != nil {
			return err
		}
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	w.ending = ctx
	server := asynq.NewServer(&w.settings, asynq.Config{
		Concurrency: w.concurrency, Queues: map[string]int{queue: 1},
		RetryDelayFunc:           func(n int, _ error, _ *asynq.Task) time.Duration { return min(w.period<<min(n, 10), time.Hour) },
		DelayedTaskCheckInterval: time.Second,
		ErrorHandler:             asynq.ErrorHandlerFunc(w.failed),
		Logger:                   asynqLog{w.log}, LogLevel: asynq.ErrorLevel, // failed reports failed jobs
	})
	if err := server.Start(asynq.HandlerFunc(w.handle)); err != nil {
		return err
	}
	w.log.Info("started")
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return w.pushes(ctx) })
	all.Go(func() error { w.schedule(ctx); return nil })
	err := all.Wait()
	end() // if an error ends this process
	server.Shutdown()
	w.log.Info("stopped")
	return err
}

// handle runs a job of asynq.
func (w *worker) handle(ctx context.Context, t *asynq.Task) error {
	var j job
	if err := json.Unmarshal(t.Payload(), &j); err != nil {
		return fmt.Errorf("%w: the payload is not a job: %w", asynq.SkipRetry, err)
	}
	i := slices.IndexFunc(w.streams, func(s stream) bool { return s.name == j.Stream })
	if i < 0 {
		return fmt.Errorf("%w: unknown stream %q; run the same version in all processes / 请确认各进程版本一致", asynq.SkipRetry, j.Stream)
	}
	if n, _ := asynq.GetRetryCount(ctx); n > 0 {
		w.metrics.add(j.Merchant, metricRetries, 1)
	}
	// If a token is refused, it is this one or a later one.
	tok, err := w.tokens.Load(ctx, w.tokenKey(j.Merchant))
	if err != nil && !errors.Is(err, jushuitan.ErrNoToken) {
		return err
	}
	err = w.sync(ctx, j.Merchant, w.streams[i])
	if errors.Is(err, jushuitan.ErrReauthorize) {
		// A retry cannot succeed: the merchant's jobs pause until there is another token.
		if err := w.rdb.HSet(ctx, w.refusedKey(), j.Merchant, tok.Version).Err(); err != nil {
			return err
		}
		err = fmt.Errorf("%w: %w", asynq.SkipRetry, err)
	}
	return err
}

// failed is called for every job that failed.
func (w *worker) failed(ctx context.Context, t *asynq.Task, err error) {
	var j job
	_ = json.Unmarshal(t.Payload(), &j)
	n, _ := asynq.GetRetryCount(ctx)
	most, _ := asynq.GetMaxRetry(ctx)
	dead := n >= most || errors.Is(err, asynq.SkipRetry)
	what := "job failed, will be retried"
	if dead {
		what = "job given up"
		w.metrics.add(j.Merchant, metricDead, 1)
	}
	w.log.Warn(what, "merchant", j.Merchant, "stream", j.Stream, "error", strings.TrimPrefix(err.Error(), asynq.SkipRetry.Error()+": "))
	if err := w.metrics.flush(context.WithoutCancel(ctx), j.Merchant); err != nil {
		w.log.Warn("could not store metrics", "merchant", j.Merchant, "error", err)
	}
}

// schedule lets one of all processes enqueue the jobs: the one that holds a lease. If two
// processes believe for a moment that they hold it, asynq still accepts each job only once.
func (w *worker) schedule(ctx context.Context) {
	tick := time.NewTicker(w.lease / 3)
	defer tick.Stop()
	key := redisstate.StreamKey{AppKey: w.appKey, Stream: "scheduler"}
	for {
		lease, err := w.checkpoints.Acquire(ctx, key, w.lease)
		switch {
		case err == nil:
			if err := w.lead(ctx, lease, tick.C); err != nil {
				w.log.Warn("scheduling ended", "error", err)
			}
		case !errors.Is(err, redisstate.ErrLeaseHeld) && ctx.Err() == nil:
			w.log.Warn("could not start the scheduler", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lead runs asynq's scheduler while the process holds the lease.
func (w *worker) lead(ctx context.Context, lease *redisstate.Lease, tick <-chan time.Time) (err error) {
	defer func() {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), w.lease)
		defer done()
		err = errors.Join(err, lease.Release(ctx))
	}()
	manager, err := asynq.NewPeriodicTaskManager(asynq.PeriodicTaskManagerOpts{
		RedisConnOpt: &w.settings, PeriodicTaskConfigProvider: w, SyncInterval: w.period,
		SchedulerOpts: &asynq.SchedulerOpts{
			Logger: asynqLog{w.log}, LogLevel: asynq.WarnLevel,
			PostEnqueueFunc: func(_ *asynq.TaskInfo, err error) {
				// The previous job is still waiting or running: nothing to add.
				if err != nil && !errors.Is(err, asynq.ErrDuplicateTask) {
					w.log.Warn("could not enqueue the job", "error", err)
				}
			},
		},
	})
	if err != nil {
		return err
	}
	if err := manager.Start(); err != nil {
		return err
	}
	defer manager.Shutdown()
	w.log.Info("scheduling the jobs of all processes / 负责调度")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
			if err := lease.Renew(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// GetConfigs returns the jobs for asynq's scheduler: those of all merchants that have a
// token which was not refused. Merchants are added and removed while the processes run.
func (w *worker) GetConfigs() ([]*asynq.PeriodicTaskConfig, error) {
	ctx, done := context.WithTimeout(w.ending, w.lease)
	defer done()
	merchants, err := w.rdb.SMembers(ctx, w.merchantsKey()).Result()
	if err != nil {
		return nil, err
	}
	refused, err := w.rdb.HGetAll(ctx, w.refusedKey()).Result()
	if err != nil {
		return nil, err
	}
	var all []*asynq.PeriodicTaskConfig
	for _, merchant := range merchants {
		tok, err := w.tokens.Load(ctx, w.tokenKey(merchant))
		if err != nil && (!errors.Is(err, jushuitan.ErrNoToken) || w.provider) {
			if !errors.Is(err, jushuitan.ErrNoToken) {
				w.log.Warn("skipped a merchant", "merchant", merchant, "error", err)
			}
			continue
		}
		if refused[merchant] == strconv.FormatInt(tok.Version, 10) {
			continue
		}
		for _, s := range w.streams {
			payload, err := json.Marshal(job{Merchant: merchant, Stream: s.name})
			if err != nil {
				return nil, err
			}
			all = append(all, &asynq.PeriodicTaskConfig{
				Cronspec: "@every " + w.period.String(), Task: asynq.NewTask(jobType, payload),
				Opts: []asynq.Option{
					// Only one job of a stream may wait or run at a time; the job of a
					// process that died blocks the next one no longer than the stream's
					// lease lasts.
					asynq.Queue(queue), asynq.Unique(max(w.lease, time.Second)),
					asynq.MaxRetry(retries), asynq.Timeout(2 * w.turn),
				},
			})
		}
	}
	return all, nil
}

func (w *worker) tokenKey(merchant string) jushuitan.TokenKey {
	return jushuitan.TokenKey{AppKey: w.appKey, Merchant: merchant}
}

// The keys of this program, beside those of redisstate and asynq: a set of all
// merchants, and a hash of the tokens' versions that were refused.
func (s *settings) merchantsKey() string { return s.prefix + ":cluster:merchants" }
func (s *settings) refusedKey() string   { return s.prefix + ":cluster:refused" }

// asynqLog writes asynq's log to ours.
type asynqLog struct{ *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.Logger.Debug("asynq", "says", fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.Logger.Info("asynq", "says", fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.Logger.Warn("asynq", "says", fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.Logger.Error("asynq", "says", fmt.Sprint(args...)) }

// Fatal ends the process, as asynq requires.
func (l asynqLog) Fatal(args ...any) {
	l.Error(args...)
	os.Exit(1)
}
