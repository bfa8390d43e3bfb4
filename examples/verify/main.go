// Command verify spends the first hour with a real account 真实账号首次核对: it calls every
// query that the account may use and reports where the service differs from what public
// sources say.
//
//	go run ./examples/verify                              a fake that answers as documented
//	go run ./examples/verify -dialect text-numbers        a fake that answers in another way
//	JUSHUITAN_APP_SECRET=... go run ./examples/verify -app-key KEY -fixtures answers
//
// It only reads: its HTTP client refuses every request that the catalog does not call a read.
// Each operation is asked for the first page of one row, in the widest time range that is
// allowed and ends now, and for up to four more pages if there are rows, within the quota.
// Operations that require an id take it from an earlier answer; one for which there is none is
// reported as not tried.
//
// It prints no data of the merchant: names of members, JSON types, counts, and new values of
// enumerations only. -json prints the same for machines. -fixtures writes each answer with
// invented values in place of all values (same shape, types and lengths, the same id for the
// same id), and an index, so that it can become a test. -patch prints the lines that would
// describe in internal/catalog what was seen.
//
// It exits with status 0 if every operation was called or is reported as not tried, whatever
// the differences are, and with status 1 if the account cannot call or the run was interrupted.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { app.Main(program()) }

type settings struct {
	asJSON     bool
	patch      bool
	fixtures   string
	operations string
	dialect    string

	progress io.Writer // where progress goes if the output is for machines
	verifier *verifier
}

func program() app.Program { return (&settings{progress: os.Stderr}).program() }

func (s *settings) program() app.Program {
	return app.Program{
		Name: "verify", Source: source,
		Flags: func(fs *flag.FlagSet) {
			fs.BoolVar(&s.asJSON, "json", false, "print JSON")
			fs.BoolVar(&s.patch, "patch", false, "print the lines of the catalog that would describe what was seen, as JSON")
			fs.StringVar(&s.fixtures, "fixtures", "", "directory for the answers with invented values 脱敏后的应答")
			fs.StringVar(&s.operations, "operations", "", "call only these operations 接口, such as Orders.Query,SKUs.Query")
			fs.StringVar(&s.dialect, "dialect", "", "ways in which the fake answers, see jushuitantest.Dialects and Guesses; separated by commas")
		},
		Options: []jushuitantest.Option{jushuitantest.WithSlack(300 * time.Millisecond)},
		Client:  s.client,
		Furnish: s.furnish,
		Run:     s.run,
	}
}

// client returns the options of a client that sends reads only.
func (s *settings) client(io.Writer) []jushuitan.Option {
	ops, err := catalog.Operations()
	if err != nil { // cannot happen: it is part of the program
		panic(err)
	}
	s.verifier = newVerifier(ops)
	return s.verifier.options()
}

func (s *settings) run(ctx context.Context, a *app.App) error {
	v := s.verifier
	if err := s.check(a); err != nil {
		return err
	}
	v.client = a.Client
	quiet := s.asJSON || s.patch
	a.Out = &shareable{w: a.Out} // a slow operation is reported from another goroutine
	out := a.Out
	if quiet {
		out = &shareable{w: s.progress}
	}
	v.say = func(done, of int, r *result) { fmt.Fprintln(out, r.line(done, of)) }
	v.slow = func(op *catalog.Operation) {
		fmt.Fprintf(out, "        %s takes longer 应答较慢，请稍候\n", op.Name())
	}
	results, failed := v.run(ctx)
	report := v.report(results, failed)
	if err := s.print(a, report); err != nil {
		return err
	}
	if s.fixtures != "" {
		if err := s.write(out, results); err != nil {
			return err
		}
	}
	switch {
	case failed != nil && ctx.Err() != nil:
		return errors.New("interrupted: the report covers what was called until then / 已中断，报告仅含中断前的结果")
	case failed != nil:
		return fmt.Errorf("the account cannot call; run examples/doctor / 账号无法调用，请运行 examples/doctor 排查: %w", failed)
	}
	return nil
}

// shareable is a writer for several goroutines.
type shareable struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shareable) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// check checks the flags against each other and selects the operations.
func (s *settings) check(a *app.App) error {
	switch {
	case s.asJSON && s.patch:
		return cli.Usagef("-json and -patch exclude each other / -json 与 -patch 只能选一个")
	case s.dialect != "" && a.Real():
		return cli.Usagef("-dialect is for the fake only / -dialect 仅用于内置模拟环境")
	case s.operations == "":
		return nil
	}
	var chosen []*catalog.Operation
	for _, name := range strings.Split(s.operations, ",") {
		i := slices.IndexFunc(s.verifier.ops, func(op *catalog.Operation) bool { return op.Name() == name || op.Path == name })
		if i < 0 {
			return cli.Usagef("-operations: %q is no query, see jushuitan.Operations / %q 不是查询接口", name, name)
		}
		chosen = append(chosen, s.verifier.ops[i])
	}
	s.verifier.ops = chosen
	return nil
}

func (s *settings) print(a *app.App, r *report) error {
	switch {
	case s.asJSON:
		text, err := r.JSON()
		if err != nil {
			return err
		}
		a.Printf("%s\n", text)
	case s.patch:
		var text bytes.Buffer
		if err := writePatch(&text, patches(r.Operations, r.Time)); err != nil {
			return err
		}
		a.Printf("%s", text.String())
	default:
		r.print(a)
	}
	return nil
}

func (s *settings) write(out io.Writer, results []*result) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := makeFixtures(results, key)
	if err != nil {
		return err
	}
	if err := f.write(s.fixtures); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d answers with invented values are in %s 已写入脱敏应答; %d that are not JSON were left out 非 JSON 未写入\n", len(f.files), s.fixtures, f.left)
	return nil
}
