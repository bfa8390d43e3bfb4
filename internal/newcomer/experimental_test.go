package newcomer

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// experimentalMark begins the paragraph that an experimental symbol or package ends with.
const experimentalMark = "\nExperimental: "

// TestExperimental: what the READMEs call experimental says so itself, and nothing else
// does.
func TestExperimental(t *testing.T) {
	for name, mark := range map[string]string{"README.md": "- Experimental,", "README.zh-CN.md": "- 以下为实验性内容，"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		_, item, found := strings.Cut(string(text), mark)
		require.True(t, found, "%s has no list of what is experimental", name)
		item, _, _ = strings.Cut(item, "\n- ")
		var names []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(item, -1) {
			names = append(names, m[1])
		}
		assert.ElementsMatch(t, []string{"qimen", "Raw", "json.RawMessage", "jushuitan/redisstate", "jushuitan/sqlstate", "jushuitan/keyring", "jushuitantest/console"}, names, name)
	}
	seen := map[string]int{}
	for dir, pkg := range publicPackages(t) {
		pkg, fset := pkg.pkg, pkg.fset
		whole := dir == "jushuitan/redisstate" || dir == "jushuitan/sqlstate" || dir == "jushuitan/keyring" || dir == "jushuitan/jushuitantest/console"
		assert.Equal(t, whole, strings.Contains("\n"+pkg.Doc, experimentalMark), "package %s", dir)
		check := func(file, name, text string, raw bool) {
			want := raw || dir == "qimen" && (file == "pos_gen.go" || file == "warehouse_gen.go" || file == "others_gen.go")
			seen[dir] += map[bool]int{want: 1}[true]
			assert.Equal(t, want, strings.Contains(text, experimentalMark), "%s.%s", dir, name)
		}
		for _, f := range pkg.Funcs {
			check("", f.Name, f.Doc, false)
		}
		for _, typ := range pkg.Types {
			file := filepath.Base(fset.Position(typ.Decl.Pos()).Filename)
			check(file, typ.Name, typ.Doc, false)
			for _, m := range typ.Methods {
				service := strings.HasSuffix(typ.Name, "Service")
				raw := strings.HasSuffix(m.Name, "Raw") || service && returnsRaw(m.Decl)
				if service || raw {
					check(file, typ.Name+"."+m.Name, m.Doc, raw)
				}
			}
		}
	}
	assert.Greater(t, seen["qimen"], 100)
	assert.Positive(t, seen["jushuitan"])
}

// returnsRaw reports whether the first result of a method is a json.RawMessage.
func returnsRaw(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	sel, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "RawMessage"
}

type publicPackage struct {
	pkg  *doc.Package
	fset *token.FileSet
}

// publicPackages returns the documentation of all packages that users import, by folder.
func publicPackages(t *testing.T) map[string]publicPackage {
	t.Helper()
	all := map[string]publicPackage{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch name := d.Name(); {
		case name == "internal", name == "examples", name == "testdata", strings.HasPrefix(name, ".") && path != root:
			return fs.SkipDir
		}
		names, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
		if len(files) == 0 {
			return nil
		}
		dir, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		pkg, err := doc.NewFromFiles(fset, files, dir)
		all[filepath.ToSlash(dir)] = publicPackage{pkg, fset}
		return err
	})
	require.NoError(t, err)
	return all
}
