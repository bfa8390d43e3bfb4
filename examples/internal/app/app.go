// Package app holds what the example programs share: their flags, and a client of a real
// account or of a fake Jushuitan that runs in the same process.
package app

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
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
	Name   string
	Source string              // of the file with the package comment, which -h prints
	Flags  func(*flag.FlagSet) // flags of this program; may be nil
	// Furnish adds to the fake what the program needs, after the demo merchant; it may be
	// nil.
	Furnish func(*jushuitantest.Server) error
	Options []jushuitantest.Option                 // for the fake
	Client  func(out io.Writer) []jushuitan.Option // for the client, once the flags are parsed; may be nil
	Run     func(ctx context.Context, a *App) error
}

// Main runs a program and ends the process, see [cli.Command.Main].
func Main(p Program) { p.Command(os.Getenv).Main() }

// Start runs a program with arguments and an environment.
func (p Program) Start(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	return p.Command(env).Start(ctx, args, out)
}

// account are the flags that all programs share.
type account struct {
	appKey, merchant, tokenFile, baseURL string
	provider, dryRun                     bool
}

func (c *account) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.appKey, "app-key", "", "app key 应用 of a real account; the secret is read from "+EnvAppSecret+". Without it a fake Jushuitan runs in this process")
	fs.BoolVar(&c.provider, "service-provider", false, "the app is a service provider's 服务商应用 (its token comes from "+EnvAccessToken+" or -token-file), not self-built 自研")
	fs.StringVar(&c.merchant, "merchant", "", "merchant 商家 (entId) whose token to use")
	fs.StringVar(&c.tokenFile, "token-file", "", "token file; plain text, readable only by you")
	fs.StringVar(&c.baseURL, "base-url", "", "base URL of the API; by default the real one")
	fs.BoolVar(&c.dryRun, "dry-run", false, "print writes instead of sending them")
}

// Command returns the program with an environment.
func (p Program) Command(env func(string) string) cli.Command {
	var of account
	c := cli.Command{Name: p.Name, Source: p.Source}
	var fs *flag.FlagSet
	c.Flags = func(all *flag.FlagSet) {
		fs = all
		of.flags(all)
		if p.Flags != nil {
			p.Flags(all)
		}
	}
	c.Run = func(ctx context.Context, out io.Writer) error {
		alone := isSet(fs, "json") || isSet(fs, "patch") || isSet(fs, "onboarding") // print nothing else
		return p.run(ctx, of, env, alone, out)
	}
	return c
}

// isSet reports whether a flag, if the program has it, is true.
func isSet(fs *flag.FlagSet, name string) bool {
	f := fs.Lookup(name)
	return f != nil && f.Value.String() == "true"
}

// run runs the program on a real account or a fake.
func (p Program) run(ctx context.Context, of account, env func(string) string, quiet bool, out io.Writer) error {
	a := &App{Out: out, DryRun: of.dryRun}
	var opts []jushuitan.Option
	if p.Client != nil {
		opts = p.Client(out)
	}
	if a.DryRun {
		opts = append(opts, jushuitan.WithDryRun(func(c jushuitan.DryCall) {
			fmt.Fprintf(out, "dry run: %s %s would be sent, %d bytes\n", c.Op, c.Path, len(c.Biz))
		}))
	}
	if of.baseURL != "" {
		opts = append(opts, jushuitan.WithBaseURL(of.baseURL))
	}
	if hook, ok := cli.Hook(ctx); ok {
		opts = append(opts, jushuitan.WithHook(hook))
	}
	if of.appKey == "" {
		if of.provider || of.tokenFile != "" || of.baseURL != "" {
			return cli.Usagef("-service-provider, -token-file and -base-url require -app-key / 这些参数需与 -app-key 同用")
		}
		return p.withFake(ctx, a, of.merchant, quiet, opts)
	}
	cred := jushuitan.Credentials{AppKey: of.appKey, AppSecret: env(EnvAppSecret), Type: jushuitan.SelfBuilt}
	if of.provider {
		cred.Type = jushuitan.ServiceProvider
	}
	client, err := connect(cred, of.tokenFile, opts)
	if err != nil {
		return err
	}
	a.Client = client.ForMerchant(of.merchant)
	if token := env(EnvAccessToken); token != "" {
		a.Client = a.Client.WithToken(token)
	}
	return p.Run(ctx, a)
}

// connect creates the client of a real app, which keeps its tokens in a file if one is
// named.
func connect(cred jushuitan.Credentials, tokenFile string, opts []jushuitan.Option) (*jushuitan.Client, error) {
	if cred.AppSecret == "" {
		return nil, cli.Usagef("set the app secret in %s / 请在该环境变量中设置应用密钥", EnvAppSecret)
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
