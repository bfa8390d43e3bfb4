// Package flowstest runs example programs in tests.
package flowstest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/internal/dialecttest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// Run runs a program without an environment and returns what it printed. The program must
// succeed, and print no personal data.
func Run(t *testing.T, p app.Program, args ...string) string {
	t.Helper()
	text, err := Start(t, p, nil, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.Name, err, text)
	}
	return text
}

// Scenes checks that a program showed the failures that every flow shows: the named ones as
// substitutes for what the flow cannot have, the others as they are.
func Scenes(t *testing.T, text string, instead ...flows.SceneKind) {
	t.Helper()
	for _, kind := range flows.SceneKinds() {
		want := "[" + kind.Label() + "]: "
		if slices.Contains(instead, kind) {
			want = "[instead of: " + kind.Label() + "]: "
		}
		_, scene, ok := strings.Cut(text, want)
		scene, _, _ = strings.Cut(scene, "\n-- ")
		switch {
		case !ok:
			t.Errorf("there is no scene %q", want)
		case !strings.Contains(scene, "host does:") || !strings.Contains(scene, "check ok:"):
			t.Errorf("the scene %q does not say what the host does, or checks nothing:\n%s", want, scene)
		}
	}
	if !strings.Contains(text, "Differences 差异: ") || !strings.Contains(text, " found, 0 unexplained") {
		t.Error("the differences are not listed, or not explained")
	}
}

// UnderDialects runs a program in every dialect whose turn it is: each check must hold, or
// fail because the program saw an error.
func UnderDialects(t *testing.T, program func() app.Program) {
	t.Helper()
	dialecttest.Suite(t, func(t *testing.T, d jushuitantest.Dialect) (wrong, err error) {
		p := program()
		p.Options = append(slices.Clone(p.Options), jushuitantest.WithDialect(d), jushuitantest.WithQuota(jushuitan.Quota{Limit: 200, Per: time.Second}))
		wrong, err = dialecttest.Caught(func() error {
			_, err := Start(t, p, nil)
			return err
		})
		if checks, ok := errors.AsType[*flows.FailedChecks](err); ok && checks.Silent() {
			return checks, nil
		}
		return wrong, err
	})
}

// Start runs a program and returns what it printed, with its error.
func Start(t *testing.T, p app.Program, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := p.Start(t.Context(), args, func(name string) string { return env[name] }, &out)
	text := out.String()
	for _, secret := range []string{"林一", "林二", "1390000000", "示例路", "buyer-0", "seller-0", "access_token", "sign=", "demosecret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s printed %q", p.Name, secret)
		}
	}
	return text, err
}

// Account is a fake Jushuitan that a program sees as a real account.
func Account(key, secret, url string) (env map[string]string, args []string) {
	return map[string]string{app.EnvAppSecret: secret}, []string{"-app-key", key, "-base-url", url}
}
