package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// change is one place of a file that can do something else: the edits leave the place as it
// is until mutateOn says that the change is on.
type change struct {
	target   *target
	file     string // absolute
	function string
	line     int
	kind     string
	old      string // the text of the place
	new      string // what the change makes of it
	edits    []edit
	id       int // of the sample, from 1; NUM in the text of the edits
	round    int // in which its package has its turn in the sample
	nth      int // of the changes of its function with the same text
}

// edit replaces bytes of a file. With from == to it inserts: what opens stands before what
// stands there, what closes behind it.
type edit struct {
	from, to int
	text     string
	seq      int
	closes   bool
}

// key identifies a change whatever stands on the lines before it.
func (c *change) key(root string) string {
	rel, err := filepath.Rel(root, c.file)
	if err != nil {
		rel = c.file
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	key := fmt.Sprintf("%s %s %s: %.80s => %.80s", filepath.ToSlash(rel), c.function, c.kind, words(c.old), words(c.new))
	if c.nth > 0 {
		key += fmt.Sprintf(" #%d", c.nth+1)
	}
	return key
}

// collect returns the changes of the targets.
func collect(root string, targets []*target) ([]*change, error) {
	var all []*change
	for _, t := range targets {
		found, err := packages.Load(&packages.Config{
			Dir:  root,
			Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedExportFile,
		}, "./"+t.dir)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if len(p.Errors) > 0 {
				return nil, p.Errors[0]
			}
			t.name = p.Name
			for i, file := range p.Syntax {
				name := p.CompiledGoFiles[i]
				if t.decides(filepath.Base(name)) {
					list, err := changesOf(p, file, name)
					if err != nil {
						return nil, err
					}
					for _, c := range list {
						c.target = t
					}
					all = append(all, list...)
				}
			}
		}
	}
	seen := map[string]int{}
	for _, c := range all {
		key := c.key(root)
		c.nth = seen[key]
		seen[key]++
	}
	return all, nil
}

func (t *target) decides(name string) bool {
	return !strings.HasSuffix(name, "_gen.go") && slices.ContainsFunc(t.files, func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}

type maker struct {
	pkg      *packages.Package
	file     *ast.File
	name     string
	source   []byte
	function string
	out      []*change
}

func (m *maker) offset(p token.Pos) int { return m.pkg.Fset.Position(p).Offset }

func (m *maker) text(n ast.Node) string {
	return string(m.source[m.offset(n.Pos()):m.offset(n.End())])
}

// add adds a change of what stands from pos to end.
func (m *maker) add(kind string, n ast.Node, shown string, edits ...edit) {
	for i := range edits {
		edits[i].seq = len(m.out)
	}
	m.out = append(m.out, &change{
		file: m.name, function: m.function, line: m.pkg.Fset.Position(n.Pos()).Line, kind: kind,
		old: m.text(n), new: shown, edits: edits,
	})
}

// around puts text before and behind a node.
func (m *maker) around(n ast.Node, before, behind string) []edit {
	from, to := m.offset(n.Pos()), m.offset(n.End())
	return []edit{{from: from, to: from, text: before}, {from: to, to: to, text: behind, closes: true}}
}

// flipped turns a condition when the change is on. The comparison is untyped, so that it
// fits every boolean type.
const flipped = ") != (mutateOn(NUM) == 1))"

func changesOf(pkg *packages.Package, file *ast.File, name string) ([]*change, error) {
	source, err := readFile(name)
	if err != nil {
		return nil, err
	}
	m := &maker{pkg: pkg, file: file, name: name, source: source}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "String" && d.Name.Name != "Format" {
				m.function = d.Name.Name
				ast.Inspect(d.Body, m.visit)
			}
		case *ast.GenDecl: // tables
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
					m.function = v.Names[0].Name
					for _, value := range v.Values {
						ast.Inspect(value, m.visit)
					}
				}
			}
		}
	}
	return m.out, nil
}

// compared are the operators whose boundary moves.
var compared = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
}

// calculated are the operators that turn.
var calculated = map[token.Token]string{token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*"}

var functions = map[token.Token]string{
	token.LSS: "mutateLess", token.LEQ: "mutateAtMost", token.GTR: "mutateMore", token.GEQ: "mutateAtLeast",
	token.ADD: "mutateAdd", token.SUB: "mutateSub", token.MUL: "mutateMul", token.QUO: "mutateQuo",
}

func (m *maker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl: // constants are not computed when the program runs
		return n.Tok != token.CONST
	case *ast.ArrayType:
		return false
	case *ast.IfStmt:
		m.add("negate", n.Cond, "!", m.around(n.Cond, "((", flipped)...)
	case *ast.BlockStmt:
		m.statements(n.List)
	case *ast.CaseClause:
		m.alternative(n)
		m.statements(n.Body)
	case *ast.CommClause:
		m.statements(n.Body)
	case *ast.BinaryExpr:
		m.operator(n)
	case *ast.BasicLit:
		v, err := strconv.ParseInt(n.Value, 0, 64)
		if name, ok := m.typeName(n); n.Kind == token.INT && err == nil && ok {
			m.add("number", n, strconv.FormatInt(v+1, 10), m.around(n, "mutateNumber["+name+"](NUM, ", ")")...)
		}
	case *ast.Ident:
		if m.pkg.TypesInfo.Uses[n] == types.Universe.Lookup(n.Name) && (n.Name == "true" || n.Name == "false") {
			m.add("flag", n, "!", m.around(n, "((", flipped)...)
		}
	case *ast.ReturnStmt:
		if len(n.Results) > 0 {
			last := n.Results[len(n.Results)-1]
			if id, ok := last.(*ast.Ident); ok && id.Name == "err" && types.Identical(m.pkg.TypesInfo.TypeOf(id), types.Universe.Lookup("error").Type()) {
				m.add("forget error", last, "nil", m.around(last, "mutateForget(NUM, ", ")")...)
			}
		}
	}
	return true
}

// statements drops one of them.
func (m *maker) statements(list []ast.Stmt) {
	for _, s := range list {
		kind := ""
		switch s := s.(type) {
		case *ast.ExprStmt:
			if call, ok := s.X.(*ast.CallExpr); ok && m.text(call.Fun) != "panic" {
				kind = "drop call"
			}
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE && slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool { return m.text(e) != "_" }) {
				kind = "drop assignment"
			}
		case *ast.IncDecStmt:
			kind = "drop statement"
		case *ast.DeferStmt:
			kind = "drop defer"
		}
		if kind != "" {
			m.add(kind, s, "", m.around(s, "if mutateOn(NUM) == 0 { ", " }")...)
		}
	}
}

// alternative drops the last one of a case.
func (m *maker) alternative(n *ast.CaseClause) {
	if len(n.List) < 2 {
		return
	}
	last := n.List[len(n.List)-1]
	of := m.pkg.TypesInfo.Types[last]
	if of.IsType() || of.IsNil() {
		return
	}
	if b, ok := of.Type.Underlying().(*types.Basic); ok {
		if b.Info()&types.IsBoolean != 0 {
			m.add("drop case", last, "", m.around(last, "((", ") && mutateOn(NUM) == 0)")...)
		} else if name, ok := m.typeName(last); ok && b.Info()&types.IsString != 0 {
			m.add("drop case", last, "", m.around(last, "mutateNeverText["+name+"](NUM, ", ")")...)
		} else if ok && b.Info()&(types.IsInteger|types.IsFloat) != 0 {
			m.add("drop case", last, "", m.around(last, "mutateNeverNumber["+name+"](NUM, ", ")")...)
		}
	}
}

func (m *maker) operator(n *ast.BinaryExpr) {
	of := m.pkg.TypesInfo.Types[n]
	if of.Value != nil || of.Type == nil { // a constant
		return
	}
	op := edit{from: m.offset(n.OpPos), to: m.offset(n.OpPos) + len(n.Op.String())}
	switch n.Op {
	case token.EQL, token.NEQ:
		m.add("operator", n, map[token.Token]string{token.EQL: "!=", token.NEQ: "=="}[n.Op], m.around(n, "((", flipped)...)
	case token.LAND, token.LOR: // by De Morgan
		edits := append(m.around(n.X, "((((", flipped), m.around(n.Y, "((", flipped)...)
		to := m.offset(n.End())
		edits = append(edits, edit{from: to, to: to, text: flipped, closes: true})
		m.add("operator", n, map[token.Token]string{token.LAND: "||", token.LOR: "&&"}[n.Op], edits...)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		op.text = ","
		m.add("operator", n, compared[n.Op], append(m.around(n, functions[n.Op]+"(NUM, ", ")"), op)...)
	case token.ADD, token.SUB, token.MUL, token.QUO:
		if b, ok := of.Type.Underlying().(*types.Basic); ok && b.Info()&types.IsNumeric != 0 {
			op.text = ","
			m.add("operator", n, calculated[n.Op], append(m.around(n, functions[n.Op]+"(NUM, ", ")"), op)...)
		}
	}
}

// typeName returns a type as the file can write it.
func (m *maker) typeName(e ast.Expr) (string, bool) {
	t := m.pkg.TypesInfo.TypeOf(e)
	if t == nil { // the tag of a member
		return "", false
	}
	t = types.Default(t)
	if _, ok := t.Underlying().(*types.Basic); !ok {
		return "", false
	}
	known := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == m.pkg.Types {
			return ""
		}
		for _, i := range m.file.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err == nil && path == p.Path() {
				if i.Name != nil {
					return i.Name.Name
				}
				return p.Name()
			}
		}
		known = false
		return ""
	})
	return name, known
}

// apply writes changes into the text of a file.
func apply(source []byte, changes []*change) []byte {
	var edits []edit
	for _, c := range changes {
		for _, e := range c.edits {
			e.text = strings.ReplaceAll(e.text, "NUM", strconv.Itoa(c.id))
			edits = append(edits, e)
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int {
		switch {
		case a.from != b.from:
			return a.from - b.from
		case a.closes != b.closes: // what ends here ends before something begins
			if a.closes {
				return -1
			}
			return 1
		case a.closes: // the inner one ends first
			return b.seq - a.seq
		}
		return a.seq - b.seq
	})
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(out, source[at:e.from]...)
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, source[at:]...)
}
