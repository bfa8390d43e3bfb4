// Command cluster keeps many merchants' data up to date with many processes
// (多进程同步): each process runs this program, and Redis holds what they share.
//
//	go run . -demo                                       four processes, a fake Jushuitan and a Redis, all of this machine
//	cluster -redis 10.0.0.5:6379 -app-key KEY            one process of an installation; start as many as you like
//	cluster -redis 10.0.0.5:6379 -app-key KEY -status    what they have done so far
//
// asynq schedules a job for each merchant and stream: orders, outbound documents,
// after-sales, stock. Package redisstate has the tokens, the quotas, how far each stream
// is, and the pushes that came in. A process may be stopped or die at any time: another goes on where it was.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// The environment variables that hold what must not stand in a shell's history.
const (
	envAppSecret     = "JUSHUITAN_APP_SECRET"
	envRedisPassword = "REDIS_PASSWORD"
	envStateKey      = "CLUSTER_STATE_KEY"   // 32 bytes in base64: tokens and pushes are encrypted with it
	envPushSecret    = "CLUSTER_PUSH_SECRET" // with which the registered URLs were made
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, self)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// self starts this program once more.
func self(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = os.Environ()
	return cmd, nil
}

// settings are what all processes of an installation have alike, but for the name.
type settings struct {
	name      string
	redis     string
	master    string
	tls       bool
	password  string
	prefix    string
	appKey    string
	appSecret string
	provider  bool
	baseURL   string
	stateKey  string

	listen     string
	pushSecret string

	merchants   string
	concurrency int
	period      time.Duration
	lease       time.Duration
	turn        time.Duration
	permit      time.Duration
	slack       time.Duration
	page        int64
	batch       int
}

func run(ctx context.Context, args []string, env func(string) string, out io.Writer, again starter) error {
	var s settings
	fs := flag.NewFlagSet("cluster", flag.ContinueOnError)
	fs.SetOutput(out)
	runDemo := fs.Bool("demo", false, "show it all on this machine; needs redis-server on PATH")
	status := fs.Bool("status", false, "print what the processes have done and end")
	fs.StringVar(&s.name, "name", "", "name of this process in its log; host and process id by default")
	fs.StringVar(&s.redis, "redis", "", "address of Redis; of a cluster or of Sentinels, several with commas. A password is read from "+envRedisPassword)
	fs.StringVar(&s.master, "sentinel-master", "", "-redis are Sentinels, and this is the name of their master")
	fs.BoolVar(&s.tls, "tls", false, "connect to Redis with TLS")
	fs.StringVar(&s.prefix, "prefix", "jst", "begins the names of all keys")
	fs.StringVar(&s.appKey, "app-key", "", "app key 应用; its secret is read from "+envAppSecret)
	fs.BoolVar(&s.provider, "service-provider", false, "the app is a service provider's 服务商应用, not self-built 自研")
	fs.StringVar(&s.baseURL, "base-url", jushuitan.ProductionURL, "host of the API")
	fs.StringVar(&s.listen, "listen", "", "receive pushes 消息推送 at this address, under "+pushPath+"; the secret of their URLs is read from "+envPushSecret)
	fs.StringVar(&s.merchants, "merchants", "", "merchants 商家 (entId) with commas, to be added to those that are synchronised")
	fs.IntVar(&s.concurrency, "concurrency", 32, "jobs at once in this process; most of their time they wait for their merchant's quota")
	fs.DurationVar(&s.period, "period", time.Minute, "time from one job of a stream to the next")
	fs.DurationVar(&s.lease, "lease", 30*time.Second, "how long the stream of a process that died stays its own")
	fs.DurationVar(&s.turn, "turn", 10*time.Minute, "longest time of a job; what is left is for the next")
	fs.DurationVar(&s.permit, "permit", redisstate.DefaultPermitTTL, "how long a call of a process that died counts as under way")
	fs.DurationVar(&s.slack, "slack", redisstate.DefaultSlack, "added to the quotas' windows")
	fs.Int64Var(&s.page, "page", 0, "rows a page; 0 is as many as the API allows")
	fs.IntVar(&s.batch, "batch", 200, "rows from one checkpoint to the next")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", fs.Arg(0))
	}
	s.appSecret, s.password, s.stateKey, s.pushSecret = env(envAppSecret), env(envRedisPassword), env(envStateKey), env(envPushSecret)
	if *runDemo {
		return demonstrate(ctx, out, again)
	}
	if err := s.check(); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "process"
	}
	s.name = cmp.Or(s.name, fmt.Sprintf("%s-%d", host, os.Getpid()))
	w, err := newWorker(s, slog.New(slog.NewJSONHandler(out, nil)).With("worker", s.name))
	if err != nil {
		return err
	}
	defer w.close()
	if *status {
		if err := w.status(ctx, out); err != nil {
			return err
		}
		_, err := io.WriteString(out, legend)
		return err
	}
	return w.run(ctx)
}

func (s *settings) check() error {
	switch {
	case s.redis == "":
		return errors.New("-redis is needed, or -demo / 请用 -redis 指定地址，或用 -demo 演示")
	case s.appKey == "" || s.appSecret == "":
		return errors.New("-app-key and " + envAppSecret + " are needed / 需要 -app-key 与环境变量 " + envAppSecret)
	case s.listen != "" && s.pushSecret == "":
		return errors.New("-listen needs " + envPushSecret + " / 接收推送需要环境变量 " + envPushSecret)
	case s.period < time.Second:
		return errors.New("-period is a second at least")
	case s.lease < 500*time.Millisecond || s.turn <= 0 || s.concurrency < 1 || s.batch < 1 || s.page < 0:
		return errors.New("-lease is 500ms at least, -turn, -concurrency and -batch are positive")
	}
	return nil
}

// dial connects to Redis, whichever way it is run.
func (s *settings) dial() redis.UniversalClient {
	opts := &redis.UniversalOptions{
		Addrs: strings.Split(s.redis, ","), MasterName: s.master, Password: s.password, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if s.tls {
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.NewUniversalClient(opts)
}

// MakeRedisClient returns asynq connections of its own, which it closes.
func (s *settings) MakeRedisClient() any { return s.dial() }

func (s *settings) credentials() jushuitan.Credentials {
	cred := jushuitan.Credentials{AppKey: s.appKey, AppSecret: s.appSecret, Type: jushuitan.SelfBuilt}
	if s.provider {
		cred.Type = jushuitan.ServiceProvider
	}
	return cred
}

// shared is what the processes of an installation share.
type shared struct {
	state       *redisstate.State
	tokens      *redisstate.TokenStore
	limiter     *redisstate.Limiter
	checkpoints *redisstate.Checkpoints
}

func (s *settings) share(rdb redis.UniversalClient) (shared, error) {
	cfg := redisstate.Config{Prefix: s.prefix}
	if s.stateKey != "" {
		key, err := base64.StdEncoding.DecodeString(s.stateKey)
		if err != nil {
			return shared{}, errors.New(envStateKey + " is not base64 / 不是 base64 编码")
		}
		if cfg.Keyring, err = redisstate.NewKeyring("1", map[string][]byte{"1": key}); err != nil {
			return shared{}, err
		}
	}
	state, err := redisstate.New(rdb, cfg)
	if err != nil {
		return shared{}, err
	}
	tokens, err := state.TokenStore(redisstate.TokenConfig{})
	if err != nil {
		return shared{}, err
	}
	limiter, err := state.Limiter(redisstate.LimiterConfig{Slack: s.slack, PermitTTL: s.permit})
	if err != nil {
		return shared{}, err
	}
	return shared{state: state, tokens: tokens, limiter: limiter, checkpoints: state.Checkpoints(0)}, nil
}

func (sh shared) client(s *settings, opts ...jushuitan.Option) (*jushuitan.Client, error) {
	return jushuitan.New(s.credentials(), append([]jushuitan.Option{
		jushuitan.WithBaseURL(s.baseURL), jushuitan.WithTokenStore(sh.tokens), jushuitan.WithLimiter(sh.limiter),
	}, opts...)...)
}
