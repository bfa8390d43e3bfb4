// Package app holds what the example programs share: their flags, and a client of a real
// account or of a fake Jushuitan that runs in the same process.
package app

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The environment variables for what must not be in a shell's history.
const (
	EnvAppSecret   = "JUSHUITAN_APP_SECRET"
	EnvAccessToken = "JUSHUITAN_ACCESS_TOKEN"
)

// App is what a program works with.
type App struct {
	Client *jushuitan.Client     // of one merchant
	Fake   *jushuitantest.Server // nil with a real account
	Out    io.Writer
	DryRun bool // print writes instead of sending them
}

// Printf prints for the person who runs the program.
func (a *App) Printf(format string, args ...any) { fmt.Fprintf(a.Out, format, args...) }

// Real reports whether the program works on a real account.
func (a *App) Real() bool { return a.Fake == nil }

// Program is one of the examples.
type Program struct {
	Name  string
	Flags func(*flag.FlagSet) // flags of this program; may be nil
	// Furnish adds to the fake what the program needs, after the demo merchant; it may be
	// nil.
	Furnish func(*jushuitantest.Server) error
	Options []jushuitantest.Option                 // for the fake
	Client  func(out io.Writer) []jushuitan.Option // for the client, once the flags are parsed; may be nil
	Run     func(ctx context.Context, a *App) error
}

// Main runs a program and ends the process with status 0 on success, 1 on failure, and 2
// for invalid flags.
func Main(p Program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.Start(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

// Usage returns the error of flags that contradict each other: the process ends with status 2.
func Usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// Start runs a program with arguments and an environment.
func (p Program) Start(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(out)
	appKey := fs.String("app-key", "", "app key 应用 of a real account; the secret is read from "+EnvAppSecret+". Without it a fake Jushuitan runs in this process")
	provider := fs.Bool("service-provider", false, "the app is a service provider's 服务商应用 (its token comes from "+EnvAccessToken+" or -token-file), not self-built 自研")
	merchant := fs.String("merchant", "", "merchant 商家 (entId) whose token to use")
	tokenFile := fs.String("token-file", "", "token file; plain text, readable only by you")
	baseURL := fs.String("base-url", "", "base URL of the API; by default the real one")
	dryRun := fs.Bool("dry-run", false, "print writes instead of sending them")
	if p.Flags != nil {
		p.Flags(fs)
	}
	if err := parse(fs, args); err != nil {
		return err
	}
	a := &App{Out: out, DryRun: *dryRun}
	var opts []jushuitan.Option
	if p.Client != nil {
		opts = p.Client(out)
	}
	if a.DryRun {
		opts = append(opts, jushuitan.WithDryRun(func(c jushuitan.DryCall) {
			fmt.Fprintf(out, "dry run: %s %s would be sent, %d bytes\n", c.Op, c.Path, len(c.Biz))
		}))
	}
	if *baseURL != "" {
		opts = append(opts, jushuitan.WithBaseURL(*baseURL))
	}
	if *appKey == "" {
		if *provider || *tokenFile != "" || *baseURL != "" {
			return fmt.Errorf("%w: -service-provider, -token-file and -base-url require -app-key", errUsage)
		}
		return p.withFake(ctx, a, *merchant, isSet(fs, "json") || isSet(fs, "patch"), opts) // print nothing but JSON
	}
	cred := jushuitan.Credentials{AppKey: *appKey, AppSecret: env(EnvAppSecret), Type: jushuitan.SelfBuilt}
	if *provider {
		cred.Type = jushuitan.ServiceProvider
	}
	client, err := connect(cred, *tokenFile, opts)
	if err != nil {
		return err
	}
	a.Client = client.ForMerchant(*merchant)
	if token := env(EnvAccessToken); token != "" {
		a.Client = a.Client.WithToken(token)
	}
	return p.Run(ctx, a)
}

// isSet reports whether the program has a boolean flag, and it is set.
func isSet(fs *flag.FlagSet, name string) bool {
	f := fs.Lookup(name)
	return f != nil && f.Value.String() == "true"
}

// parse parses the flags, and refuses any other arguments.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	case fs.NArg() > 0:
		return fmt.Errorf("%w: %q is not a flag", errUsage, fs.Arg(0))
	}
	return nil
}

// connect creates the client of a real app, which keeps its tokens in a file if one is
// named.
func connect(cred jushuitan.Credentials, tokenFile string, opts []jushuitan.Option) (*jushuitan.Client, error) {
	if cred.AppSecret == "" {
		return nil, fmt.Errorf("%w: set the app secret in %s", errUsage, EnvAppSecret)
	}
	if tokenFile != "" {
		store, err := jushuitan.NewFileTokenStore(tokenFile)
		if err != nil {
			return nil, err
		}
		opts = append(opts, jushuitan.WithTokenStore(store))
	}
	return jushuitan.New(cred, opts...)
}

// withFake runs the program against a fake Jushuitan in this process.
func (p Program) withFake(ctx context.Context, a *App, merchant string, quiet bool, opts []jushuitan.Option) error {
	fake, err := jushuitantest.Start(ctx, "127.0.0.1:0", p.Options...)
	if err != nil {
		return err
	}
	defer fake.Close()
	a.Fake = fake
	if err := demo.Furnish(fake); err != nil {
		return err
	}
	if p.Furnish != nil {
		if err := p.Furnish(fake); err != nil {
			return err
		}
	}
	client, err := fake.Client(opts...)
	if err != nil {
		return err
	}
	a.Client = client.ForMerchant(cmp.Or(merchant, demo.Merchant))
	if !quiet {
		a.Printf("A fake Jushuitan runs in this process; use -app-key for a real account. / 已启动进程内的模拟聚水潭；连接真实账号请用 -app-key。\n\n")
	}
	return p.Run(ctx, a)
}
