package newcomer

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// promises are sentences of the documents that users rely on, with the tests that fail when one
// is broken. A sentence that changes must be read again here.
var promises = []struct {
	document, text string
	tests          []string // file: function
}{
	// The sections of the front page; its table of promises names its tests itself.
	{"README.md", "One renewal serves all callers and processes", []string{"jushuitan/token_processes_test.go: TestTokenFileRenewsOnceAmongProcesses", "jushuitan/redisstate/tokenstore_test.go: TestProcessesRenewOnce"}},
	{"README.md", "return a result for each, in your order; code 0 alone does not count as success", []string{"jushuitan/verdict_test.go: TestVerdictsOfRows", "jushuitan/verdict_test.go: TestVerdicts"}},
	{"README.md", "`jushuitan.WithDryRun` sends no writes", []string{"jushuitan/drift_test.go: TestDryRun"}},
	{"README.md", "The client waits for its turn, but never beyond your context", []string{"jushuitan/limiter_test.go: TestLimiterDeadline", "jushuitan/limiter_test.go: TestLimiterDeadlineInQueue"}},
	{"README.md", "Processes share a quota by Redis", []string{"jushuitan/redisstate/limiter_test.go: TestProcessesShareTheQuota"}},
	{"README.md", "Reads and idempotent writes are retried with exponential backoff", []string{"jushuitan/faults_test.go: TestPromises", "qimen/faults_test.go: TestPromises", "dianjia/faults_test.go: TestPromises"}},
	{"README.md", "`Reconcile` finds pushes that never arrived", []string{"callback/reconcile_test.go: TestReconcileFindsExactlyWhatWasLost"}},
	{"README.md", "Hooks and a `slog` logger of `jushuitan` and `qimen` see every attempt, without secrets and personal data", []string{"jushuitan/leak_test.go: TestSecretsAreMasked", "qimen/call_test.go: TestHooks"}},

	// Security.
	{"SECURITY.md", "are not in errors, logs", []string{"jushuitan/leak_test.go: TestSecretsAreMasked", "qimen/call_test.go: TestSecrets", "dianjia/url_test.go: TestNothingSecretIsShown", "internal/redact/redact_test.go: TestPersonalOfEveryType"}},
	{"SECURITY.md", "Redirects are not followed with a signed form", []string{"jushuitan/faults_test.go: TestFaultTable", "dianjia/client_test.go: TestRedirectAndCallersClient"}},
	{"SECURITY.md", "XML from the Qimen gateway is read without document types", []string{"internal/xmlwire/xmlwire_test.go: TestHostile"}},
	{"SECURITY.md", "`callback` compares checksums and tokens in constant time", []string{"internal/newcomer/promises_test.go: TestConstantTime", "callback/trust_test.go: TestRefusalsLookAlike"}},
	{"SECURITY.md", "encrypts tokens and pushes at rest with AES-GCM", []string{"jushuitan/redisstate/tokenstore_test.go: TestTokenStoreRotatesKeys"}},
}

// TestPromises: every promise stands in its document as it is quoted here, and the tests that
// guard it exist.
func TestPromises(t *testing.T) {
	documents := map[string]string{}
	functions := map[string]map[string]bool{}
	for _, p := range promises {
		if _, ok := documents[p.document]; !ok {
			text, err := os.ReadFile(filepath.Join(root, p.document))
			require.NoError(t, err)
			documents[p.document] = strings.Join(strings.Fields(string(text)), " ")
		}
		assert.Contains(t, documents[p.document], strings.Join(strings.Fields(p.text), " "), "%s no longer promises this", p.document)
		assert.NotEmpty(t, p.tests, p.text)
		for _, name := range p.tests {
			file, function, ok := strings.Cut(name, ": ")
			require.True(t, ok, name)
			if functions[file] == nil {
				functions[file] = testsOf(t, file)
			}
			assert.True(t, functions[file][function], "%q is guarded by %s, which does not exist", p.text, name)
		}
	}
}

// TestPromisesOfPackages: each row of the front page's table of promises names its tests, with at
// least one in each package for which it is said to hold.
func TestPromisesOfPackages(t *testing.T) {
	folders := map[string]string{"redisstate": "jushuitan/redisstate/", "sqlstate": "jushuitan/sqlstate/"}
	for _, name := range readmes {
		n := 0
		for _, row := range readDocument(t, name).rows {
			cells := strings.Split(strings.Trim(row, "| "), " | ")
			tests := function.FindAllStringSubmatch(cells[len(cells)-1], -1)
			if len(tests) == 0 || len(cells) != 3 {
				continue
			}
			n++
			packages := regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(cells[1], -1)
			assert.NotEmpty(t, packages, row)
			for _, p := range packages {
				assert.True(t, slices.ContainsFunc(tests, func(m []string) bool {
					folder := cmp.Or(folders[p[1]], p[1]+"/")
					return strings.HasPrefix(m[2], folder) && (p[1] != "jushuitan" || !strings.Contains(m[2], "state/"))
				}), "%s: no test in package %s: %s", name, p[1], row)
			}
		}
		assert.Equal(t, 16, n, "%s: promises with tests", name)
	}
}

// testsOf returns the names of the tests and examples in a file.
func testsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Example")) {
			names[f.Name.Name] = true
		}
	}
	return names
}

// TestConstantTime: the functions that compare what a sender knows only with a secret do so
// in constant time, and with nothing else.
func TestConstantTime(t *testing.T) {
	for _, file := range []string{"callback/trust.go", "callback/authorize.go", "internal/pushsign/token.go", "internal/pushsign/params.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
		require.NoError(t, err)
		calls := 0
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if n.Sel.Name == "ConstantTimeCompare" || n.Sel.Name == "Equal" {
					if x, ok := n.X.(*ast.Ident); ok && (x.Name == "subtle" || x.Name == "hmac") {
						calls++
					}
				}
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					for _, side := range []ast.Expr{n.X, n.Y} {
						id, ok := side.(*ast.Ident)
						literal := false
						for _, other := range []ast.Expr{n.X, n.Y} {
							_, basic := other.(*ast.BasicLit)
							literal = literal || basic
						}
						assert.False(t, ok && !literal && (id.Name == "token" || id.Name == "sign" || id.Name == "mac" || id.Name == "given" || id.Name == "want"),
							"%s compares %s with ==", file, types(id))
					}
				}
			}
			return true
		})
		assert.Positive(t, calls, "%s compares nothing in constant time", file)
	}
}

func types(id *ast.Ident) string {
	if id == nil {
		return ""
	}
	return id.Name
}
