// Package flowstest runs example programs in tests.
package flowstest

import (
	"strings"
	"testing"

	"github.com/dianjia/jushuitan-go/examples/internal/app"
)

// Run runs a program without an environment and gives what it printed. The program must
// end well, and print nothing personal.
func Run(t *testing.T, p app.Program, args ...string) string {
	t.Helper()
	text, err := Start(t, p, nil, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.Name, err, text)
	}
	return text
}

// Start runs a program and gives what it printed, with its error.
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
