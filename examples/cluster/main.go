// Command cluster keeps many merchants' data up to date with many processes
// (多进程同步): each process runs this program, and Redis holds what they share.
//
//	go run -C examples/cluster . -demo                   four processes, a fake Jushuitan and a Redis, all of this machine
//	cluster -redis 10.0.0.5:6379 -app-key KEY            one process of an installation; start as many as you like
//	cluster -redis 10.0.0.5:6379 -app-key KEY -status    what they have done so far
//
// asynq schedules a job for each merchant and stream: orders, outbound documents,
// after-sales, stock. Package redisstate keeps the tokens, the rate limits, the checkpoint
// of each stream, and the received pushes. A process may be stopped or die at any time:
// another continues where it stopped.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/keyring"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// The environment variables for what must not be in a shell's history.
const (
	envAppSecret     = "JUSHUITAN_APP_SECRET"
	envRedisPassword = "REDIS_PASSWORD"
	envStateKey      = "CLUSTER_STATE_KEY"   // 32 bytes in base64: tokens and pushes are encrypted with it
	envPushSecret    = "CLUSTER_PUSH_SECRET" // from which the registered URLs were made
)

//go:embed main.go
var source string

func main() { command(os.Getenv, self).Main() }

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

// settings are the same for all processes of an installation, except for the name.
type settings struct {
	demo, status bool

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

// command returns the program. again starts it once more, for the demonstration.
func command(env func(string) string, again starter) cli.Command {
	s := &settings{}
	return cli.Command{Name: "cluster", Source: source, Flags: s.flags, Run: func(ctx context.Context, out io.Writer) error {
		return s.start(ctx, env, out, again)
	}}
}

func (s *settings) flags(fs *flag.FlagSet) {
	fs.BoolVar(&s.demo, "demo", false, "run a demonstration on this machine; requires redis-server in PATH")
	fs.BoolVar(&s.status, "status", false, "print what the processes have done and exit")
	fs.StringVar(&s.name, "name", "", "name of this process in the log; by default host and process id")
	fs.StringVar(&s.redis, "redis", "", "address of Redis; for Cluster or Sentinel a comma-separated list. The password is read from "+envRedisPassword)
	fs.StringVar(&s.master, "sentinel-master", "", "name of the master; -redis then lists Sentinels")
	fs.BoolVar(&s.tls, "tls", false, "connect to Redis with TLS")
	fs.StringVar(&s.prefix, "prefix", "jst", "prefix of all key names")
	fs.StringVar(&s.appKey, "app-key", "", "app key 应用; its secret is read from "+envAppSecret)
	fs.BoolVar(&s.provider, "service-provider", false, "the app is a service provider's 服务商应用, not self-built 自研")
	fs.StringVar(&s.baseURL, "base-url", jushuitan.ProductionURL, "host of the API")
	fs.StringVar(&s.listen, "listen", "", "listen address for pushes 消息推送, under "+pushPath+"; the secret of their URLs is read from "+envPushSecret)
	fs.StringVar(&s.merchants, "merchants", "", "comma-separated merchants 商家 (entId) to add to those being synchronised")
	fs.IntVar(&s.concurrency, "concurrency", 32, "concurrent jobs in this process; they mostly wait for their merchant's rate limit")
	fs.DurationVar(&s.period, "period", time.Minute, "time between the jobs of a stream")
	fs.DurationVar(&s.lease, "lease", 30*time.Second, "how long a dead process keeps its streams")
	fs.DurationVar(&s.turn, "turn", 10*time.Minute, "maximum duration of a job; the next one continues")
	fs.DurationVar(&s.permit, "permit", redisstate.DefaultPermitTTL, "how long a call of a dead process counts as in progress")
	fs.DurationVar(&s.slack, "slack", redisstate.DefaultSlack, "added to the windows of the rate limits")
	fs.Int64Var(&s.page, "page", 0, "rows per page; 0 means the maximum of the API")
	fs.IntVar(&s.batch, "batch", 200, "rows between checkpoints")
}

func (s *settings) start(ctx context.Context, env func(string) string, out io.Writer, again starter) error {
	s.appSecret, s.password, s.stateKey, s.pushSecret = env(envAppSecret), env(envRedisPassword), env(envStateKey), env(envPushSecret)
	if s.demo {
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
	w, err := newWorker(*s, slog.New(slog.NewJSONHandler(out, nil)).With("worker", s.name))
	if err != nil {
		return err
	}
	defer w.close()
	if s.status {
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
		return cli.Usagef("-redis or -demo is required / 请用 -redis 指定地址，或用 -demo 演示")
	case s.appKey == "" || s.appSecret == "":
		return cli.Usagef("-app-key and %[1]s are required / 需要 -app-key 与环境变量 %[1]s", envAppSecret)
	case s.listen != "" && s.pushSecret == "":
		return cli.Usagef("-listen needs %[1]s / 接收推送需要环境变量 %[1]s", envPushSecret)
	case s.period < time.Second:
		return cli.Usagef("-period must be at least 1s")
	case s.lease < 500*time.Millisecond || s.turn <= 0 || s.concurrency < 1 || s.batch < 1 || s.page < 0:
		return cli.Usagef("-lease must be at least 500ms; -turn, -concurrency and -batch must be positive")
	}
	return nil
}

// dial connects to Redis, in any of its deployment modes.
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

// MakeRedisClient returns a connection of asynq's own, which asynq closes.
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
		if cfg.Keyring, err = keyring.New("1", map[string][]byte{"1": key}); err != nil {
			return shared{}, err
		}
	}
	state, err := redisstate.New(rdb, cfg)
	if err != nil {
		return shared{}, err
	}
	tokens, err := state.TokenStore(redisstate.TokenStoreConfig{})
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
