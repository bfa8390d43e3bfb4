package mapping

import (
	"strings"

	"github.com/shopspring/decimal"
)

// The limits of an expression's text.
const (
	MaxExpressionChars = 2000 // characters, not bytes
	MaxExpressionDepth = 64   // parentheses, functions and signs inside one another; (- is one
	MaxExpressionTerms = 200  // stock terms and numbers
	MaxNumberDigits    = 40   // of a number in the text, before and after the point
)

// StockExpressionName is the left side that an expression may have.
const StockExpressionName = "库存下载取数逻辑"

// StockExpression 库存下载取数逻辑 computes a stock figure from the figures of an
// inventory row. It is made by [ParseStockExpression] and the presets, never
// changes, and may be used by many goroutines at once. The zero value and nil are
// 实际库存, as an empty text is.
//
// All arithmetic is exact: numbers are fractions of whole numbers of any size, and
// nothing is rounded before the end.
type StockExpression struct {
	nodes []exprNode // operands before their operation; the last one is the root
	depth int        // entries that an evaluation stacks at most
	lin   *exprLinear
}

type exprKind uint8

const (
	exprNumber exprKind = iota
	exprTerm
	exprNeg
	exprFloor
	exprCeil
	exprRound
	exprAdd
	exprSub
	exprMul
	exprDiv
	exprMax
	exprMin
)

// exprNode is a number, a term, or an operation on one or two nodes before it.
type exprNode struct {
	kind         exprKind
	term         StockTerm
	terms        stockMask // in the node and below
	left, right  int32
	line, column int32
	ratio        exprRatio       // of a number, d zero where it does not fit
	number       decimal.Decimal // of a number
}

func (k exprKind) unary() bool  { return k >= exprNeg && k <= exprRound }
func (k exprKind) binary() bool { return k >= exprAdd }

// exprFunction gives the function of a name.
func exprFunction(name string) (exprKind, bool) {
	switch name {
	case "max":
		return exprMax, true
	case "min":
		return exprMin, true
	case "floor":
		return exprFloor, true
	case "ceil":
		return exprCeil, true
	case "round":
		return exprRound, true
	}
	return 0, false
}

// sign is how an operation is written: its operator or the name of its function.
func (k exprKind) sign() string {
	switch k {
	case exprNeg, exprSub:
		return "-"
	case exprAdd:
		return "+"
	case exprMul:
		return "*"
	case exprDiv:
		return "/"
	case exprMax:
		return "max"
	case exprMin:
		return "min"
	case exprFloor:
		return "floor"
	case exprCeil:
		return "ceil"
	case exprRound:
		return "round"
	}
	return ""
}

// orActual is e, or 实际库存 where nothing was parsed.
func (e *StockExpression) orActual() *StockExpression {
	if e == nil || len(e.nodes) == 0 {
		return StockActual()
	}
	return e
}

func (e *StockExpression) root() int32 { return int32(len(e.nodes) - 1) }

// need is the set of terms that an evaluation reads.
func (e *StockExpression) need() stockMask { return e.nodes[e.root()].terms }

// Terms gives the figures that the expression needs.
func (e *StockExpression) Terms() []StockTerm { return e.orActual().need().terms() }

// HasLockQty tells whether the inventory query must ask for lock_qty: it is what
// HasLockQty of jushuitan.InventoryQuery has to be.
func (e *StockExpression) HasLockQty() bool { return e.orActual().need().has(TermLockQty) }

// String is the expression in the guide's words, in one form for all ways of
// writing it. Parsed again it is the same expression. (A text that is close to
// [MaxExpressionChars] may grow beyond it, and is then refused.)
func (e *StockExpression) String() string {
	e = e.orActual()
	return e.text(e.root(), StockTerm.String)
}

// Fields is [StockExpression.String] with the names of the fields.
func (e *StockExpression) Fields() string {
	e = e.orActual()
	return e.text(e.root(), StockTerm.Field)
}

func (e *StockExpression) text(i int32, name func(StockTerm) string) string {
	var b strings.Builder
	e.write(&b, i, name)
	return b.String()
}

// write prints a node without a parenthesis that is not needed.
func (e *StockExpression) write(b *strings.Builder, i int32, name func(StockTerm) string) {
	n := &e.nodes[i]
	operand := func(i int32, parens bool) {
		if parens {
			b.WriteByte('(')
		}
		e.write(b, i, name)
		if parens {
			b.WriteByte(')')
		}
	}
	kind := func(i int32) exprKind { return e.nodes[i].kind }
	sum := func(k exprKind) bool { return k == exprAdd || k == exprSub }
	product := func(k exprKind) bool { return k == exprMul || k == exprDiv }
	switch n.kind {
	case exprNumber:
		b.WriteString(n.number.String())
	case exprTerm:
		b.WriteString(name(n.term))
	case exprNeg:
		k := kind(n.left)
		b.WriteByte('-')
		operand(n.left, sum(k) || product(k) || k == exprNeg)
	case exprAdd, exprSub:
		operand(n.left, false)
		b.WriteString(n.kind.sign())
		k := kind(n.right)
		operand(n.right, sum(k) || k == exprNeg)
	case exprMul, exprDiv:
		operand(n.left, sum(kind(n.left)))
		b.WriteString(n.kind.sign())
		k := kind(n.right)
		operand(n.right, sum(k) || product(k) || k == exprNeg)
	case exprFloor, exprCeil, exprRound:
		b.WriteString(n.kind.sign())
		operand(n.left, true)
	case exprMax, exprMin:
		b.WriteString(n.kind.sign())
		b.WriteByte('(')
		e.writeList(b, n.kind, i, name)
		b.WriteByte(')')
	}
}

// writeList prints the arguments of max or min: max(max(a,b),c) is max(a,b,c).
func (e *StockExpression) writeList(b *strings.Builder, k exprKind, i int32, name func(StockTerm) string) {
	n := &e.nodes[i]
	if n.kind != k {
		e.write(b, i, name)
		return
	}
	e.writeList(b, k, n.left, name)
	b.WriteByte(',')
	e.write(b, n.right, name)
}
