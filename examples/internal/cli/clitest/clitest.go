// Package clitest tests what all examples have in common, for those that are modules of their
// own; internal/newcomer runs the others as processes.
package clitest

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
)

// Invocation is a line of a help text that shows how to run a program.
var Invocation = regexp.MustCompile(`(?m)^    (\w+=\S+ )*(go run |go test |\w+ -)`)

// Usage checks the help, the usage errors and the interrupt of a program, with which it runs
// args. command returns it anew.
func Usage(t *testing.T, command func() cli.Command, args ...string) {
	t.Helper()
	name := command().Name
	run := func(arg string) (status int, out, complaints string) {
		var o, c bytes.Buffer
		status = command().Status(t.Context(), []string{arg}, &o, &c)
		return status, o.String(), c.String()
	}
	status, out, complaints := run("-h")
	if status != 0 || complaints != "" || !strings.HasPrefix(out, name+" ") || len(Invocation.FindAllString(out, -1)) < 3 || !strings.Contains(out, "\nFlags / 参数:\n") {
		t.Errorf("%s -h: status %d, %q, want 0, what the program does, three invocations and its flags:\n%s", name, status, complaints, out)
	}
	for _, wrong := range []string{"-no-such-flag", "extra"} {
		status, out, complaints = run(wrong)
		if status != 2 || out != "" || !strings.HasPrefix(complaints, name+": ") || !strings.Contains(complaints, wrong[1:]) || !strings.Contains(complaints, name+" -h ") {
			t.Errorf("%s %s: status %d, %q, %q; want 2, the mistake and a hint, and nothing else", name, wrong, status, out, complaints)
		}
	}
	interrupted(t, command(), args)
}

func interrupted(t *testing.T, command cli.Command, args []string) {
	t.Helper()
	name := command.Name
	var o, c bytes.Buffer
	ended, end := context.WithCancel(t.Context())
	end()
	status := command.Status(ended, args, &o, &c)
	out, complaints := o.String(), c.String()
	if !(status == 0 && strings.HasSuffix(out, name+": stopped. / 已停止。\n")) &&
		!(status == 130 && strings.HasSuffix(complaints, name+": interrupted before it had finished. / 已中断，未完成。\n")) {
		t.Errorf("%s, interrupted: status %d, %q, %q; want 0 or 130 and a sentence", name, status, out, complaints)
	}
}
