package arch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
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

const module = "github.com/dianjia/jushuitan-go"

// layers lists, for each layer, the layers it may import besides itself. A layer is the
// first element of a directory's path, except that "jushuitan/" and "qimen/" stand for the
// packages below those (fake servers, Redis state), which build on the client and which the
// client must not import.
var layers = map[string][]string{
	".":          {},
	"internal":   {},
	"jushuitan":  {"internal"},
	"jushuitan/": {"jushuitan", "internal"},
	// A nested module, which also keeps the state of the receivers.
	"jushuitan/redisstate": {"jushuitan", "jushuitan/", "callback", "qimen", "internal"},
	"jushuitan/sqlstate":   {"jushuitan", "jushuitan/", "callback", "qimen", "internal"},
	"callback":             {"jushuitan", "internal"},
	"qimen":                {"jushuitan", "internal"},
	"qimen/":               {"qimen", "jushuitan", "jushuitan/", "internal"},
	"dianjia":              {"jushuitan", "internal"},
	"mapping":              {"dianjia", "jushuitan", "internal"},
	"internal/dialecttest": {"jushuitan", "jushuitan/", "internal"}, // a helper of tests
	"examples":             {"mapping", "dianjia", "qimen", "qimen/", "callback", "jushuitan", "jushuitan/", "jushuitan/redisstate", "jushuitan/sqlstate", "internal", "internal/dialecttest"},
}

// libraries may be imported by any file of the root module.
var libraries = []string{
	"github.com/go-json-experiment/json",
	"github.com/google/go-querystring",
	"github.com/hashicorp/go-retryablehttp",
	"github.com/shopspring/decimal",
	"golang.org/x/sync",
	"golang.org/x/text/encoding/simplifiedchinese",
	"golang.org/x/time/rate",
}

// testLibraries may be imported by _test.go files only, in every module.
var testLibraries = []string{
	"github.com/jarcoal/httpmock",
	"github.com/stretchr/testify",
}

// impure lists what mapping may not import, since it only computes.
var impure = []string{"database/sql", "io/fs", "math/rand", "net", "os", "syscall"}

// banned names of the standard library, with the reason. They apply to library code only.
var banned = map[string]map[string]string{
	"os": {
		"Environ":   "the environment is read in FromEnv only",
		"ExpandEnv": "the environment is read in FromEnv only",
		"Getenv":    "the environment is read in FromEnv only",
		"LookupEnv": "the environment is read in FromEnv only",
	},
	"time": {
		"FixedZone":    "wire.CST is the only zone",
		"LoadLocation": "times are in a fixed zone, no time zone data is needed",
		"Local":        "the process's time zone must not matter",
	},
}

// zones lists the files that create a time zone: the one of this module, and a distant one
// for the tests of token stores.
var zones = []string{"internal/wire/wire.go", "jushuitan/jushuitantest/tokenstore.go"}

// caches lists the files with a package variable that caches what was computed from types,
// which affects nothing but time.
var caches = []string{"internal/wire/known.go", "internal/wire/plan.go", "jushuitan/check.go"}

// A source is one Go file, with its path relative to the root, separated by slashes.
type source struct {
	path   string
	nested bool // belongs to a module below the root module
	file   *ast.File
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// isLibrary reports whether users link the file: it is neither a test nor one of our
// programs.
func (s source) isLibrary() bool {
	return !s.isTest() && !within(s.dir(), "examples") && !within(s.dir(), "internal/gen") &&
		!within(s.dir(), "internal/dialecttest")
}

// within reports whether the slash-separated path p is prefix or lies below it.
func within(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

func withinAny(p string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return within(p, prefix) })
}

func layerOf(dir string) string {
	for layer := range layers {
		if strings.Contains(strings.TrimSuffix(layer, "/"), "/") && within(dir, layer) {
			return layer
		}
	}
	first, _, below := strings.Cut(dir, "/")
	if _, ok := layers[first+"/"]; ok && below {
		return first + "/"
	}
	return first
}

func imports(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// checkImports reports the imports that a file may not have.
func checkImports(s source) []string {
	var bad []string
	report := func(format string, args ...any) {
		bad = append(bad, s.path+": "+fmt.Sprintf(format, args...))
	}
	from := layerOf(s.dir())
	allowed, known := layers[from]
	if !known && !s.nested {
		report("layer %q is not in the table of internal/arch", from)
		return bad
	}
	for _, imp := range imports(s.file) {
		first, _, _ := strings.Cut(imp, "/")
		switch {
		case within(imp, module):
			to := layerOf(strings.TrimPrefix(strings.TrimPrefix(imp, module), "/"))
			if to == "" {
				to = "."
			}
			switch {
			case !known, to == from, slices.Contains(allowed, to):
			case s.isTest() && (from == "internal" || from == "."):
				// Tests that span packages are there.
			case s.isTest() && (to == "jushuitan/" || to == from+"/" || to == "internal/dialecttest"):
				// Any test may use the fake server, and that of its own layer.
			default:
				report("%s may not import %s", s.dir(), imp)
			}
		case withinAny(imp, testLibraries):
			if !s.isTest() {
				report("only _test.go files may import %s", imp)
			}
		case !strings.Contains(first, "."):
			if !s.isTest() && from == "mapping" && withinAny(imp, impure) {
				report("mapping does no I/O: it may not import %s", imp)
			}
		case !s.nested && !withinAny(imp, libraries):
			report("%s is not among the modules this one may use", imp)
		}
	}
	return bad
}

// checkCode reports forbidden constructs in library code and tests.
func checkCode(fset *token.FileSet, s source) []string {
	var bad []string
	report := func(pos token.Pos, format string, args ...any) {
		bad = append(bad, fmt.Sprintf("%s:%d: ", s.path, fset.Position(pos).Line)+fmt.Sprintf(format, args...))
	}
	names := map[string]string{} // local name -> import path
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil {
			names[spec.Name.Name] = p
		} else {
			names[path.Base(p)] = p
		}
	}
	selector := func(e ast.Expr) (x, sel string) {
		if se, ok := e.(*ast.SelectorExpr); ok {
			if id, ok := se.X.(*ast.Ident); ok {
				return id.Name, se.Sel.Name
			}
		}
		return "", ""
	}
	for _, decl := range s.file.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		if isFunc && s.isLibrary() && fn.Recv == nil && fn.Name.Name == "init" {
			report(fn.Pos(), "no init functions")
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			x, sel := selector(e)
			if why := banned[names[x]][sel]; why != "" && s.isLibrary() {
				fromEnv := names[x] == "os" && isFunc && fn.Name.Name == "FromEnv"
				zone := sel == "FixedZone" && slices.Contains(zones, s.path)
				if !fromEnv && !zone {
					report(e.Pos(), "%s.%s: %s", x, sel, why)
				}
			}
			if s.isTest() && slices.Contains([]string{"t", "tb", "b", "f"}, x) &&
				slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel) {
				report(e.Pos(), "%s.%s: a test that does not run proves nothing", x, sel)
			}
			return true
		})
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR || !s.isLibrary() {
			continue
		}
		for _, spec := range gen.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || value.Type == nil {
				continue
			}
			x, sel := selector(value.Type)
			if p := names[x]; (p == "sync/atomic" || p == "sync" && sel != "Pool") && !slices.Contains(caches, s.path) {
				report(value.Pos(), "package variable of type %s.%s: no globals that change", x, sel)
			}
		}
	}
	return bad
}

// checkGlobals reports where functions change package variables, of their own or of another
// package. The files are those of one package.
func checkGlobals(fset *token.FileSet, files []source) []string {
	var asts []*ast.File
	for _, s := range files {
		asts = append(asts, s.file)
	}
	// Names of this package resolve without its imports; unresolved names do not matter
	// here.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := conf.Check(files[0].dir(), fset, asts, info)

	var bad []string
	for _, s := range files {
		changed := func(target ast.Expr) {
			for {
				switch e := target.(type) {
				case *ast.ParenExpr:
					target = e.X
				case *ast.IndexExpr:
					target = e.X
				case *ast.SliceExpr:
					target = e.X
				case *ast.SelectorExpr:
					target = e.X
				case *ast.StarExpr:
					target = e.X
				case *ast.Ident:
					switch obj := info.Uses[e].(type) {
					case *types.Var:
						if obj.Parent() != pkg.Scope() {
							return
						}
					case *types.PkgName:
					default:
						return
					}
					bad = append(bad, fmt.Sprintf("%s:%d: changes the package variable %s",
						s.path, fset.Position(e.Pos()).Line, e.Name))
					return
				default:
					return
				}
			}
		}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok != token.DEFINE {
						for _, lhs := range n.Lhs {
							changed(lhs)
						}
					}
				case *ast.IncDecStmt:
					changed(n.X)
				case *ast.RangeStmt:
					if n.Tok == token.ASSIGN {
						changed(n.Key)
						changed(n.Value)
					}
				case *ast.CallExpr:
					if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 {
						if b, ok := info.Uses[id].(*types.Builtin); ok &&
							slices.Contains([]string{"clear", "copy", "delete"}, b.Name()) {
							changed(n.Args[0])
						}
					}
				}
				return true
			})
		}
	}
	return bad
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) {
	return nil, errors.New("imports are not needed")
}

// readRepository parses the Go files of the root module and of the modules below it, except
// the tools.
func readRepository(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	root := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "module "+module+"\n")

	fset := token.NewFileSet()
	var all []source
	nested := map[string]bool{}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			base := d.Name()
			if rel != "." && (base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") ||
				strings.HasPrefix(base, "_") || rel == "internal/tools") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && rel != "." {
				nested[rel] = true
			}
			nested[rel] = nested[rel] || nested[path.Dir(rel)] && rel != "."
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: rel, nested: nested[path.Dir(rel)], file: file})
		return nil
	})
	require.NoError(t, err)
	return fset, all
}

func TestRepository(t *testing.T) {
	fset, all := readRepository(t)
	require.Greater(t, len(all), 2, "no Go files found besides this package's")

	packages := map[string][]source{}
	for _, s := range all {
		for _, bad := range checkImports(s) {
			t.Error(bad)
		}
		for _, bad := range checkCode(fset, s) {
			t.Error(bad)
		}
		if s.isLibrary() {
			key := s.dir() + " " + s.file.Name.Name
			packages[key] = append(packages[key], s)
		}
	}
	for _, files := range packages {
		for _, bad := range checkGlobals(fset, files) {
			t.Error(bad)
		}
	}
}

func TestCheckImports(t *testing.T) {
	tests := []struct {
		path, imports string
		nested        bool
		want          string // part of the one report; empty for none
	}{
		{path: "jushuitan/a.go", imports: "internal/wire"},
		{path: "jushuitan/a.go", imports: "qimen", want: "may not import"},
		{path: "jushuitan/a.go", imports: "jushuitan/jushuitantest", want: "may not import"},
		{path: "jushuitan/a_test.go", imports: "jushuitan/jushuitantest"},
		{path: "jushuitan/a_test.go", imports: "mapping", want: "may not import"},
		{path: "jushuitan/jushuitantest/a.go", imports: "jushuitan"},
		{path: "jushuitan/jushuitantest/a.go", imports: "internal/catalog"},
		{path: "jushuitan/jushuitantest/a.go", imports: "callback", want: "may not import"},
		{path: "internal/wire/a.go", imports: "internal/redact"},
		{path: "internal/wire/a.go", imports: "jushuitan", want: "may not import"},
		{path: "internal/wire/a_test.go", imports: "jushuitan"},
		{path: "callback/a.go", imports: "jushuitan"},
		{path: "callback/a.go", imports: "dianjia", want: "may not import"},
		{path: "callback/a_test.go", imports: "jushuitan/jushuitantest"},
		{path: "qimen/qimentest/a.go", imports: "qimen"},
		{path: "qimen/a.go", imports: "callback", want: "may not import"},
		{path: "qimen/a.go", imports: "qimen/qimentest", want: "may not import"},
		{path: "qimen/a_test.go", imports: "qimen/qimentest"},
		{path: "dianjia/a.go", imports: "mapping", want: "may not import"},
		{path: "mapping/a.go", imports: "dianjia"},
		{path: "mapping/a.go", imports: "qimen", want: "may not import"},
		{path: "mapping/a.go", imports: "!net/http", want: "does no I/O"},
		{path: "mapping/a.go", imports: "!strings"},
		{path: "examples/tour/main.go", imports: "mapping"},
		{path: "doc.go", imports: "jushuitan", want: "may not import"},
		{path: "example_test.go", imports: "jushuitan"},
		{path: "dianjia/a.go", imports: "", want: "may not import"},
		{path: "other/a.go", imports: "!fmt", want: "not in the table"},
		{path: "other/a.go", imports: "jushuitan", nested: true},
		{path: "dianjia/a.go", imports: "!github.com/shopspring/decimal"},
		{path: "dianjia/a.go", imports: "!golang.org/x/time/rate"},
		{path: "dianjia/a.go", imports: "!example.com/other", want: "not among the modules"},
		{path: "dianjia/a_test.go", imports: "!example.com/other", want: "not among the modules"},
		{path: "jushuitan/redisstate/a.go", imports: "!example.com/other", nested: true},
		{path: "dianjia/a.go", imports: "!github.com/stretchr/testify/assert", want: "only _test.go"},
		{path: "jushuitan/jushuitantest/a.go", imports: "!github.com/jarcoal/httpmock", want: "only _test.go"},
		{path: "jushuitan/redisstate/a.go", imports: "!github.com/stretchr/testify/require", nested: true, want: "only _test.go"},
		{path: "dianjia/a_test.go", imports: "!github.com/stretchr/testify/assert"},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.imports, func(t *testing.T) {
			imp, foreign := strings.CutPrefix(tt.imports, "!")
			if !foreign {
				imp = path.Join(module, imp)
			}
			file, err := parser.ParseFile(token.NewFileSet(), tt.path, "package p\nimport "+strconv.Quote(imp), 0)
			require.NoError(t, err)
			checkReports(t, tt.want, checkImports(source{path: tt.path, nested: tt.nested, file: file}))
		})
	}
}

func TestCheckCode(t *testing.T) {
	tests := []struct {
		name, path, code string
		want             string
	}{
		{"init", "jushuitan/a.go", `func init() {}`, "no init functions"},
		{"init of an example", "examples/tour/main.go", `func init() {}`, ""},
		{"method init", "jushuitan/a.go", `type T int; func (T) init() {}`, ""},
		{"environment", "jushuitan/a.go", `import "os"; func f() string { return os.Getenv("A") }`, "FromEnv only"},
		{"environment in FromEnv", "jushuitan/a.go", `import "os"; func FromEnv() string { return os.Getenv("A") }`, ""},
		{"environment in a test", "jushuitan/a_test.go", `import "os"; func f() string { return os.Getenv("A") }`, ""},
		{"renamed import", "jushuitan/a.go", `import env "os"; var x = env.Environ()`, "FromEnv only"},
		{"location", "mapping/a.go", `import "time"; func f() { time.LoadLocation("X") }`, "fixed zone"},
		{"local zone", "mapping/a.go", `import "time"; func f(t time.Time) { t.In(time.Local) }`, "must not matter"},
		{"second zone", "mapping/a.go", `import "time"; var z = time.FixedZone("CST", 28800)`, "wire.CST"},
		{"the zone", "internal/wire/wire.go", `import "time"; var z = time.FixedZone("CST", 28800)`, ""},
		{"zone in a test", "mapping/a_test.go", `import "time"; var z = time.FixedZone("CST", 28800)`, ""},
		{"atomic global", "jushuitan/a.go", `import "sync/atomic"; var n atomic.Int64`, "no globals that change"},
		{"mutex global", "jushuitan/a.go", `import "sync"; var mu sync.Mutex`, "no globals that change"},
		{"pool", "jushuitan/a.go", `import "sync"; var p sync.Pool`, ""},
		{"skip", "jushuitan/a_test.go", `import "testing"; func TestX(t *testing.T) { t.Skip("later") }`, "proves nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, tt.path, "package p\n"+tt.code, 0)
			require.NoError(t, err)
			checkReports(t, tt.want, checkCode(fset, source{path: tt.path, file: file}))
		})
	}
}

func TestCheckGlobals(t *testing.T) {
	const vars = `package p
import "example.com/decimal"
type box struct{ n int }
var (
	m = map[string]int{}
	s = []int{1}
	b box
	n int
)
`
	tests := []struct {
		name, body string
		want       string
	}{
		{"assign", `n = 1`, "package variable n"},
		{"increment", `n++`, "package variable n"},
		{"map element", `m["a"] = 1`, "package variable m"},
		{"slice element", `s[0] += 1`, "package variable s"},
		{"field", `(b).n = 1`, "package variable b"},
		{"delete", `delete(m, "a")`, "package variable m"},
		{"range", `for n = range 3 {}`, "package variable n"},
		{"inside a function value", `_ = func() { n = 2 }`, "package variable n"},
		{"another package's", `decimal.DivisionPrecision = 4`, "package variable decimal"},
		{"local of the same name", `n := 0; n = 1; _ = n`, ""},
		{"parameter", `_ = func(m map[string]int) { m["a"] = 1 }`, ""},
		{"reading", `_ = m["a"] + s[0]`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fset := token.NewFileSet()
			// The variables are in one file and their use in another.
			decls, err := parser.ParseFile(fset, "jushuitan/vars.go", vars, parser.SkipObjectResolution)
			require.NoError(t, err)
			use, err := parser.ParseFile(fset, "jushuitan/use.go",
				"package p\nimport \"example.com/decimal\"\nfunc f() { "+tt.body+" }", parser.SkipObjectResolution)
			require.NoError(t, err)
			checkReports(t, tt.want, checkGlobals(fset, []source{
				{path: "jushuitan/vars.go", file: decls}, {path: "jushuitan/use.go", file: use},
			}))
		})
	}
}

// checkReports expects one report that contains want, or none if want is empty.
func checkReports(t *testing.T, want string, got []string) {
	t.Helper()
	if want == "" {
		assert.Empty(t, got)
		return
	}
	require.Len(t, got, 1)
	assert.Contains(t, got[0], want)
}
