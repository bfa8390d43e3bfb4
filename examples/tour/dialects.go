package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// manyCalls are allowed while the flows run in many dialects.
var manyCalls = jushuitan.Quota{Limit: 200, Per: time.Second}

// inDialect runs the tour in a dialect. wrong is a check that failed although no call
// reported an error, or a panic; err is the error that ended the tour.
func inDialect(ctx context.Context, s settings, d jushuitantest.Dialect) (wrong, err error) {
	var out bytes.Buffer
	s.dialect, s.json = &d, false
	err = run(ctx, &out, s)
	if checks, ok := errors.AsType[*flows.FailedChecks](err); ok && checks.Silent() {
		return checks, nil
	}
	if p, ok := errors.AsType[*panicked](err); ok {
		return p, nil
	}
	return nil, err
}

// panicked is the panic of a host.
type panicked struct {
	flow  int
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("flow %d: the host panics: %v\n%s", p.flow, p.value, p.stack)
}

// inEachDialect runs the tour in every dialect and prints how it ended.
func inEachDialect(ctx context.Context, out io.Writer, s settings) error {
	all := append(jushuitantest.Dialects(), jushuitantest.Guesses()...)
	type line struct {
		wrong, err error
		ms         int64
		done       chan struct{}
	}
	lines := make([]line, len(all))
	for i := range lines {
		lines[i].done = make(chan struct{})
	}
	var g errgroup.Group
	g.SetLimit(4)
	go func() {
		for i, d := range all {
			g.Go(func() error {
				defer close(lines[i].done)
				begin := time.Now()
				lines[i].wrong, lines[i].err = inDialect(ctx, s, d)
				lines[i].ms = time.Since(begin).Milliseconds()
				return nil
			})
		}
	}()
	right, ended, wrong := 0, 0, 0
	fmt.Fprintf(out, "%-22s %-7s %-8s %6s  %s\n", "dialect", "source", "result", "ms", "answers")
	defer cli.Doing(ctx, "")
	for i, d := range all {
		cli.Doing(ctx, "%d of %d dialects are done", i, len(all))
		<-lines[i].done
		l, source, result := &lines[i], "shown", "right"
		if d.Source == jushuitantest.Guess {
			source = jushuitantest.Guess
		}
		switch {
		case l.wrong != nil, l.err != nil && source != jushuitantest.Guess:
			result = "WRONG"
			wrong++
		case l.err != nil:
			result = "error"
			ended++
		default:
			right++
		}
		fmt.Fprintf(out, "%-22s %-7s %-8s %6d  %s\n", d.Name, source, result, l.ms, d.EN)
		if err := errors.Join(l.wrong, l.err); err != nil {
			fmt.Fprintf(out, "    %.300s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d dialects: %d right, %d ended with an error as a guess may, %d wrong\n", len(all), right, ended, wrong)
	if wrong > 0 {
		return fmt.Errorf("the flows are wrong in %d of %d dialects", wrong, len(all))
	}
	return nil
}
