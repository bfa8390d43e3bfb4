package mapping_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pureImports are all that the package may import: what computes and does nothing else.
func pureImports() []string {
	return []string{
		"bytes", "cmp", "container/heap", "encoding/json", "errors", "fmt", "hash/maphash", "iter", "log/slog", "maps", "math", "math/big", "math/bits",
		"reflect", "regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
		"github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext", "github.com/shopspring/decimal",
		"github.com/dianjia/jushuitan-go/dianjia", "github.com/dianjia/jushuitan-go/jushuitan",
		"github.com/dianjia/jushuitan-go/internal/redact", "github.com/dianjia/jushuitan-go/mapping/formula",
	}
}

// pureNames are all that may be used of a package of which not everything is pure. A
// name with a star at its end stands for all that begin so; one with an exclamation
// mark before it must not be used, and all others may.
func pureNames() map[string][]string {
	return map[string][]string{
		"log/slog": {"Value", "*Value", "Attr", "String", "Int", "Group"},
		"fmt":      {"!Print*", "!Scan*"}, // Fprint goes to a writer, of which none does I/O here
		"time":     {"!Now", "!Since", "!Until", "!Sleep", "!After", "!AfterFunc", "!Tick", "!New*", "!LoadLocation", "!Local"},
		"github.com/dianjia/jushuitan-go/jushuitan": {"!New*", "!Client", "!FromEnv"},
		"github.com/dianjia/jushuitan-go/dianjia":   {"!New*", "!Client"},
		"github.com/shopspring/decimal":             {"!DivisionPrecision", "!MarshalJSONWithoutQuotes"},
	}
}

func pureMatches(name, pattern string) bool {
	if begin, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, begin)
	}
	if end, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, end)
	}
	return name == pattern
}

func pureAllowed(pkg, name string) bool {
	patterns, ok := pureNames()[pkg]
	if !ok {
		return true
	}
	allowed := strings.HasPrefix(patterns[0], "!")
	for _, pattern := range patterns {
		if denied, no := strings.CutPrefix(pattern, "!"); no {
			allowed = allowed && !pureMatches(name, denied)
		} else {
			allowed = allowed || pureMatches(name, pattern)
		}
	}
	return allowed
}

// impurities reports what a file does besides computing.
func impurities(fset *token.FileSet, file *ast.File) []string {
	var bad []string
	report := func(pos token.Pos, format string, args ...any) {
		bad = append(bad, fmt.Sprintf("%s: ", fset.Position(pos))+fmt.Sprintf(format, args...))
	}
	names := map[string]string{}
	for _, spec := range file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !slices.Contains(pureImports(), imp) {
			report(spec.Pos(), "imports %s", spec.Path.Value)
			continue
		}
		name := path.Base(imp)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." || name == "_" {
			report(spec.Pos(), "imports %s as %s", imp, name)
		}
		names[name] = imp
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "starts a goroutine")
		case *ast.ChanType:
			report(n.Pos(), "has a channel")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && names[x.Name] != "" && !pureAllowed(names[x.Name], n.Sel.Name) {
				report(n.Pos(), "uses %s.%s", x.Name, n.Sel.Name)
			}
		case *ast.CallExpr:
			if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println") {
				report(n.Pos(), "calls %s", x.Name)
			}
		}
		return true
	})
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			report(fn.Pos(), "has an init function")
		}
	}
	return bad
}

// The packages compute and do nothing else: no I/O, clock, logging, goroutines.
func TestPackagesArePure(t *testing.T) {
	for _, dir := range []string{".", "formula"} {
		t.Run(dir, func(t *testing.T) {
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			files := 0
			fset := token.NewFileSet()
			for _, e := range entries {
				if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
					continue
				}
				file, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
				require.NoError(t, err)
				files++
				assert.Empty(t, impurities(fset, file))
				if dir == "formula" {
					for _, spec := range file.Imports {
						assert.NotContains(t, spec.Path.Value, "jushuitan-go/", "formula knows terms, not types of merchants' systems")
					}
				}
			}
			assert.Greater(t, files, 3)
		})
	}
}

func TestPurityTestFinds(t *testing.T) {
	tests := []struct{ code, want string }{
		{`import "strings"; var x = strings.ToUpper("a")`, ""},
		{`import "fmt"; var x = fmt.Sprintf("a")`, ""},
		{`import "time"; var x = time.UnixMilli(1).Add(time.Hour)`, ""},
		{`import "log/slog"; func f() slog.Value { return slog.StringValue("a") }`, ""},
		{`import "github.com/dianjia/jushuitan-go/jushuitan"; var x jushuitan.Order`, ""},
		{`import "net/http"`, "imports"},
		{`import "os"`, "imports"},
		{`import "context"`, "imports"},
		{`import "sync"`, "imports"},
		{`import "log"`, "imports"},
		{`import "math/rand/v2"`, "imports"},
		{`import "crypto/rand"`, "imports"},
		{`import "github.com/dianjia/jushuitan-go/qimen"`, "imports"},
		{`import _ "strings"`, "imports strings as _"},
		{`import . "fmt"`, "imports fmt as ."},
		{`import "time"; var x = time.Now()`, "uses time.Now"},
		{`import clock "time"; var x = clock.Since`, "uses clock.Since"},
		{`import "time"; var x = time.NewTimer`, "uses time.NewTimer"},
		{`import "fmt"; func f() { fmt.Println(1) }`, "uses fmt.Println"},
		{`import "log/slog"; func f() { slog.Info("a") }`, "uses slog.Info"},
		{`import "github.com/dianjia/jushuitan-go/jushuitan"; var x *jushuitan.Client`, "uses jushuitan.Client"},
		{`import "github.com/shopspring/decimal"; func f() { decimal.DivisionPrecision = 4 }`, "uses decimal.DivisionPrecision"},
		{`func f() { go f() }`, "starts a goroutine"},
		{`func f(c chan int) {}`, "has a channel"},
		{`func f() { println(1) }`, "calls println"},
		{`func init() {}`, "has an init function"},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "a.go", "package p; "+tt.code, parser.SkipObjectResolution)
			require.NoError(t, err)
			bad := impurities(fset, file)
			if tt.want == "" {
				assert.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], tt.want)
		})
	}
}
