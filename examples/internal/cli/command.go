// Package cli is how every example meets its user: flags, help, usage errors, progress and
// Ctrl-C. It needs no more than the client, so that examples with a module of their own use it
// too.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A Command is one of the examples.
type Command struct {
	Name   string
	Source string                                         // of the file with the package comment, which -h prints
	Flags  func(*flag.FlagSet)                            // may be nil
	Run    func(ctx context.Context, out io.Writer) error // once the flags are parsed
}

// The exit statuses of the examples.
const (
	statusOK          = 0
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130 // as a shell reports SIGINT
)

// Main runs the command and ends the process: with status 0 on success, 1 on failure, 2 for
// flags or arguments that are wrong, 130 after an interrupt before the work was done. A
// second interrupt ends it at once.
func (c Command) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	p := newProgress(c.Name, os.Stdout)
	end := p.report(os.Stderr)
	status := c.Status(withProgress(ctx, p), os.Args[1:], p, os.Stderr)
	end()
	os.Exit(status)
}

// Status runs the command and returns its exit status. What went wrong is written to
// complaints, everything else to out.
func (c Command) Status(ctx context.Context, args []string, out, complaints io.Writer) int {
	err := c.Start(ctx, args, out)
	usage, isUsage := errors.AsType[*usageError](err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case isUsage:
		fmt.Fprintf(complaints, "%s: %v\n%s -h describes the flags. / 用 -h 查看用法。\n", c.Name, usage, c.Name)
		return statusUsage
	case ctx.Err() != nil && err == nil:
		fmt.Fprintf(out, "%s: stopped. / 已停止。\n", c.Name)
		return statusOK
	case ctx.Err() != nil:
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintf(complaints, "%s: %v\n", c.Name, err)
		}
		fmt.Fprintf(complaints, "%s: interrupted before it had finished. / 已中断，未完成。\n", c.Name)
		return statusInterrupted
	case err != nil:
		fmt.Fprintf(complaints, "%s: %v\n", c.Name, err)
		return statusFailed
	}
	return statusOK
}

// Start parses the flags and runs the command.
func (c Command) Start(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if c.Flags != nil {
		c.Flags(fs)
	}
	if err := c.parse(fs, args, out); err != nil {
		return err
	}
	return c.Run(ctx, out)
}

// parse parses the flags, refuses other arguments, and prints the help if it is asked for.
func (c Command) parse(fs *flag.FlagSet, args []string, out io.Writer) error {
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "%s\nFlags / 参数:\n", about(c.Source))
		fs.SetOutput(out)
		fs.PrintDefaults()
		fmt.Fprint(out, "  -h\tprint this help / 显示本帮助\n")
		return err
	case err != nil:
		return &usageError{err}
	case fs.NArg() > 0:
		return Usagef("unexpected argument %q: there are only flags / 多余的参数", fs.Arg(0))
	}
	return nil
}

// about returns the package comment of a source file as plain text.
func about(source string) string {
	comment, _, _ := strings.Cut(source, "\npackage ")
	var b strings.Builder
	for line := range strings.Lines(comment + "\n") {
		text := strings.TrimPrefix(strings.TrimPrefix(line, "//"), " ")
		b.WriteString(strings.Replace(text, "\t", "    ", 1))
	}
	return strings.TrimPrefix(b.String(), "Command ")
}

// usageError is a mistake in the flags, not a failure of the work.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// Usagef returns an error about flags that are wrong together; the process ends with
// status 2.
func Usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
