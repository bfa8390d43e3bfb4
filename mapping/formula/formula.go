package formula

import (
	"github.com/shopspring/decimal"
)

// The limits of a formula's text.
const (
	MaxChars        = 2000 // characters, not bytes
	MaxDepth        = 64   // nested parentheses, functions and signs; (- counts as one
	MaxOperands     = 200  // stock terms and numbers
	MaxNumberDigits = 40   // of a number in the text, before and after the point
)

// LeftSide is the optional left side of a formula.
const LeftSide = "库存下载取数逻辑"

// Formula 库存下载取数逻辑 computes a stock figure from the figures of an inventory
// row. [Parse] and the presets return one; it is immutable and safe for concurrent use.
// The zero value and nil are 实际库存, like an empty text.
//
// All arithmetic is exact, with fractions of arbitrary size; only the final result is
// rounded.
type Formula struct {
	nodes []node // operands before their operation; the last one is the root
	depth int    // maximum stack size of an evaluation
	lin   *linear
}

type operation uint8

const (
	opNumber operation = iota
	opTerm
	opNeg
	opFloor
	opCeil
	opRound
	opAdd
	opSub
	opMul
	opDiv
	opMax
	opMin
)

// node is a number, a term, or an operation on one or two nodes before it.
type node struct {
	op           operation
	term         Term
	terms        termSet // in the node and below
	left, right  int32
	line, column int32
	ratio        ratio           // of a number; d is zero if it does not fit
	number       decimal.Decimal // of a number
}

func (o operation) unary() bool  { return o >= opNeg && o <= opRound }
func (o operation) binary() bool { return o >= opAdd }

// functionNamed returns the function of a name.
func functionNamed(name string) (operation, bool) {
	switch name {
	case "max":
		return opMax, true
	case "min":
		return opMin, true
	case "floor":
		return opFloor, true
	case "ceil":
		return opCeil, true
	case "round":
		return opRound, true
	}
	return 0, false
}

// sign returns the operator or function name of an operation.
func (o operation) sign() string {
	switch o {
	case opNeg, opSub:
		return "-"
	case opAdd:
		return "+"
	case opMul:
		return "*"
	case opDiv:
		return "/"
	case opMax:
		return "max"
	case opMin:
		return "min"
	case opFloor:
		return "floor"
	case opCeil:
		return "ceil"
	case opRound:
		return "round"
	}
	return ""
}

// orActual returns e, or 实际库存 if nothing was parsed.
func (f *Formula) orActual() *Formula {
	if f == nil || len(f.nodes) == 0 {
		return Actual()
	}
	return f
}

func (f *Formula) root() int32 { return int32(len(f.nodes) - 1) }

// need returns the set of terms that an evaluation reads.
func (f *Formula) need() termSet { return f.nodes[f.root()].terms }

// Terms returns the figures that the formula needs.
func (f *Formula) Terms() []Term { return f.orActual().need().terms() }

// Added returns the figures that make the result larger, such as those of
// 实际库存+虚拟库存 but not the one of -订单占用.
func (f *Formula) Added() []Term {
	added, _ := f.orActual().directions()
	return added.terms()
}

// HasLockQty reports whether the formula needs lock_qty: use it as HasLockQty of
// jushuitan.InventoryQuery.
func (f *Formula) HasLockQty() bool { return f.orActual().need().has(TermLockQty) }

// String returns the formula in the guide's words, in a canonical form. Parsing it
// yields the same formula. (A text close to [MaxChars] may exceed it in this form, and
// is then refused.)
func (f *Formula) String() string {
	f = f.orActual()
	return f.text(f.root(), Term.String)
}

// Fields returns [Formula.String] with field names.
func (f *Formula) Fields() string {
	f = f.orActual()
	return f.text(f.root(), Term.Field)
}

// Actual returns the formula 实际库存: qty. It is the guide's default, and it oversells, since
// it includes stock that is reserved by orders.
func Actual() *Formula { return mustParse("实际库存") }

// Sellable returns the formula 可售: qty+virtual_qty-order_lock, which Jushuitan itself
// displays as 可用数.
func Sellable() *Formula { return mustParse("实际库存+虚拟库存-订单占用") }

// Available returns the formula 可用, with the six terms of the guide's example:
// qty+virtual_qty+purchase_qty+in_qty+return_qty-order_lock. It counts goods that
// cannot be shipped today.
func Available() *Formula {
	return mustParse("实际库存+虚拟库存+采购在途+进货仓库存+销退仓库存-订单占用")
}

// Allocatable returns the formula 可配货: qty-pick_lock, which the warehouse can still pick.
func Allocatable() *Formula { return mustParse("实际库存-仓库待发数") }

func mustParse(text string) *Formula {
	f, err := Parse(text)
	if err != nil {
		panic(err) // cannot happen: a constant of this package
	}
	return f
}
