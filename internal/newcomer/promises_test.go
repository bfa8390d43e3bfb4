package newcomer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// promises are the sentences of the documents that users rely on, with the tests that fail
// when one is broken. A sentence that changes must be read again here.
var promises = []struct {
	document, text string
	tests          []string // file: function
}{
	// What is retried.
	{"README.md", "Reads; writes that the catalogue marks as keyed and whose key you filled in;", []string{"jushuitan/faults_test.go: TestFaultTable", "jushuitan/repeat_test.go: TestRepeats"}},
	{"README.md", "provably never reached the server", []string{"jushuitan/call_test.go: TestLostAnswerOfAWrite", "jushuitan/between_test.go: TestPageOfAProxy"}},
	{"README.md", "or that the server refused for its quota or for a token or timestamp that can be renewed", []string{"jushuitan/oauth_test.go: TestExpiredTokenIsRenewedOnce", "jushuitan/faults_test.go: TestFaultTable"}},
	{"README.md", "`Retry-After` is honoured up to a limit, and never beyond your context", []string{"jushuitan/call_test.go: TestRetryAfterIsCapped"}},
	{"README.md", "A write that may have been applied is never sent twice", []string{"jushuitan/call_test.go: TestLostAnswerOfAWrite", "jushuitan/repeat_test.go: TestRepeats"}},

	// What is never lost.
	{"README.md", "A row of a query: `All`, `Since` and `Stream` return it at least once or end with an error", []string{
		"internal/pages/model_test.go: TestModel", "jushuitan/dialects_test.go: TestIteratorsUnderDialects", "jushuitan/chaos_test.go: TestChaos"}},
	{"README.md", "A `Checkpoint` never passes a row that you did not commit", []string{"internal/pages/model_test.go: TestModel", "jushuitan/stream_test.go: TestStreamResumes"}},
	{"README.md", "rows that become visible late need `WithStreamOverlap`", []string{"jushuitan/dialects_test.go: TestStreamUnderLateRows"}},
	{"README.md", "each row of an upload has its own result", []string{"jushuitan/verdict_test.go: TestVerdictsOfRows"}},
	{"README.md", "A write counts as applied only on evidence", []string{"jushuitan/verdict_test.go: TestVerdicts", "jushuitan/jushuitantest/dialect_golden_test.go: TestGoldenUnderDialects"}},
	{"README.md", "If an answer is lost or proves nothing, the error is", []string{"jushuitan/verdict_test.go: TestVerdictsAfterALostAnswer"}},
	{"README.md", "it is acknowledged only after your function has returned nil", []string{"callback/dedupe_test.go: TestFailedIsRunAgain", "callback/crash_test.go: TestCrash"}},
	{"README.md", "`Reconcile` finds pushes that never arrived", []string{"callback/reconcile_test.go: TestReconcileFindsExactlyWhatWasLost", "examples/reconcile/dialects_test.go: TestReconcileUnderDialects"}},
	{"README.md", "it is stored before it is used, renewed only once for all callers and all processes", []string{
		"jushuitan/token_processes_test.go: TestTokenFileRenewsOnceAmongProcesses", "jushuitan/redisstate/tokenstore_test.go: TestProcessesRenewOnce", "jushuitan/token_lease_test.go: TestTokenLeaseRenewsOnce"}},
	{"README.md", "never overwritten by an older one", []string{"jushuitan/token_test.go: TestTokenLostRace"}},

	// The table at the beginning.
	{"README.md", "5 a second **and** 100 a minute for each merchant and endpoint, counted exactly and including retries", []string{"jushuitan/limiter_test.go: TestLimiterWindows", "jushuitan/redisstate/limiter_test.go: TestProcessesShareTheQuota"}},
	{"README.md", "code 0 is not taken for success", []string{"jushuitan/verdict_test.go: TestVerdicts"}},
	{"README.md", "No secrets or personal data in them", []string{"jushuitan/leak_test.go: TestSecretsAreMasked"}},
	{"README.md", "`WithDryRun` sends no write", []string{"jushuitan/drift_test.go: TestDryRun"}},
	{"README.md", "after a crash it resumes, nothing is lost, and only the row in progress may repeat", []string{"internal/pages/model_test.go: TestModel", "examples/backfill/dialects_test.go: TestBackfillUnderDialects"}},

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

// TestEveryPromiseIsListed: each sentence under "What is never lost" has a test.
func TestEveryPromiseIsListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	_, part, ok := strings.Cut(string(text), "**What is never lost.**")
	require.True(t, ok)
	part, _, ok = strings.Cut(part, "**What is not promised.**")
	require.True(t, ok)
	items := strings.Split(strings.Join(strings.Fields(part), " "), "- ")[1:]
	require.Len(t, items, 4, "rows, writes, pushes and tokens: a new promise needs a test")
	for _, item := range items {
		found := false
		for _, p := range promises {
			found = found || strings.Contains(item, strings.Join(strings.Fields(p.text), " "))
		}
		assert.True(t, found, "no test is named for: %s", item)
	}
}

// testsOf returns the names of the tests in a file.
func testsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
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
