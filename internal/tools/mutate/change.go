package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// change is one place of a file with other text.
type change struct {
	target   *target
	file     string // below the root
	function string
	line     int
	from, to int // bytes of the file
	text     string
	kind     string
	source   []byte
	round    int // in which its package has its turn in the sample
}

// key identifies a change whatever stands on the lines before it.
func (c *change) key() string {
	old := strings.Join(strings.Fields(string(c.source[c.from:c.to])), " ")
	return fmt.Sprintf("%s %s %s: %.80s => %.80s", c.file, c.function, c.kind, old, strings.Join(strings.Fields(c.text), " "))
}

func (c *change) apply() []byte {
	out := append([]byte{}, c.source[:c.from]...)
	return append(append(out, c.text...), c.source[c.to:]...)
}

// collect returns the changes of the targets.
func collect(root, only string) ([]*change, error) {
	var all []*change
	for i := range targets {
		t := &targets[i]
		if only != "" && !strings.Contains(","+only+",", ","+t.dir+",") {
			continue
		}
		seen := map[string]bool{}
		for _, pattern := range t.files {
			names, err := filepath.Glob(filepath.Join(root, t.dir, pattern))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if seen[name] || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_gen.go") {
					continue
				}
				seen[name] = true
				list, err := changesOf(root, name, t)
				if err != nil {
					return nil, err
				}
				all = append(all, list...)
			}
		}
	}
	return all, nil
}

func changesOf(root, name string, t *target) ([]*change, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	m := &maker{files: files, source: source}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Name.Name == "String" || f.Name.Name == "Format" {
			continue
		}
		m.function = f.Name.Name
		ast.Inspect(f.Body, m.visit)
	}
	for _, c := range m.out {
		c.target, c.file = t, filepath.ToSlash(rel)
	}
	return m.out, nil
}

type maker struct {
	files    *token.FileSet
	source   []byte
	function string
	out      []*change
}

func (m *maker) text(n ast.Node) string {
	return string(m.source[m.files.Position(n.Pos()).Offset:m.files.Position(n.End()).Offset])
}

func (m *maker) add(kind string, pos, end token.Pos, text string) {
	from, to := m.files.Position(pos), m.files.Position(end)
	m.out = append(m.out, &change{
		function: m.function, line: from.Line, from: from.Offset, to: to.Offset, text: text, kind: kind, source: m.source,
	})
}

// swapped are the operators and what stands in their place: the boundary moves, or the
// meaning turns.
var swapped = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*",
}

func (m *maker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.add("negate", n.Cond.Pos(), n.Cond.End(), "!("+m.text(n.Cond)+")")
	case *ast.CaseClause:
		if len(n.List) > 1 { // one alternative less
			m.add("drop case", n.List[len(n.List)-2].End(), n.List[len(n.List)-1].End(), "")
		}
	case *ast.BinaryExpr:
		if to := swapped[n.Op]; to != "" {
			m.add("operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to)
		}
	case *ast.ExprStmt:
		m.add("drop call", n.Pos(), n.End(), "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			m.add("drop assignment", n.Pos(), n.End(), blank(m, n))
		}
	case *ast.IncDecStmt:
		m.add("drop statement", n.Pos(), n.End(), "")
	case *ast.DeferStmt:
		m.add("drop defer", n.Pos(), n.End(), "")
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
			m.add("number", n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			m.add("flag", n.Pos(), n.End(), "false")
		case "false":
			m.add("flag", n.Pos(), n.End(), "true")
		}
	case *ast.ReturnStmt:
		if len(n.Results) > 0 {
			last := n.Results[len(n.Results)-1]
			if id, ok := last.(*ast.Ident); ok && id.Name == "err" {
				m.add("forget error", last.Pos(), last.End(), "nil")
			}
		}
	}
	return true
}

// blank keeps the variables of a dropped assignment in use.
func blank(m *maker, n *ast.AssignStmt) string {
	var out []string
	for _, e := range n.Rhs {
		out = append(out, "_ = "+m.text(e))
	}
	return strings.Join(out, "; ")
}
