package mapping

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/shopspring/decimal"
)

// StockExplanation 库存取数说明 shows support staff how a figure came about.
type StockExplanation struct {
	SKUID      string      // 商品编码
	Expression string      // in the guide's words
	Parts      []StockPart // what is added up, in the order of the expression
	// Exact is the sum of the contributions, as [StockExpression.Eval] gives it.
	Exact decimal.Decimal
	// Figure is the result under the policy.
	Figure decimal.Decimal
	Policy Policy
	// Err is why there is no figure; Exact and Figure mean nothing then. The terms
	// show what is known all the same.
	Err error
}

// StockPart is what an expression adds or subtracts: a term, or something that is
// computed of several, such as max(实际库存-订单占用,0).
type StockPart struct {
	Text  string // in the guide's words
	Sign  int    // 1 where it is added, -1 where it is subtracted
	Terms []StockPartTerm
	// Value is what the part comes to, and Contribution the same with its sign. They
	// are known only where every term is, or where the policy counts it as zero, and
	// nothing is divided by zero.
	Known               bool
	Value, Contribution decimal.Decimal
}

// StockPartTerm is a term of a part.
type StockPartTerm struct {
	Term  StockTerm
	Sign  int // 1 where more of it makes the result larger, -1 where smaller, 0 where it depends
	Known bool
	Value decimal.Decimal
}

// Explain computes a row as [StockExpression.EvalWith] does and tells how. It
// never fails: what went wrong is in Err.
func (e *StockExpression) Explain(s *Stock, p Policy) StockExplanation {
	e = e.orActual()
	x := StockExplanation{SKUID: s.SKUID, Expression: e.String(), Policy: p}
	exact := p
	exact.Rounding, exact.Negative = RoundNone, NegativeKeep
	if x.Exact, x.Err = e.EvalWith(s, exact); x.Err == nil {
		x.Figure, x.Err = e.EvalWith(s, p)
	}
	values := e.known(s, p)
	e.parts(e.root(), 1, func(i int32, sign int) {
		part := StockPart{Text: e.text(i, StockTerm.String), Sign: sign}
		e.signs(i, sign, func(t StockTerm, sign int) {
			v, known := s.Value(t)
			part.Terms = append(part.Terms, StockPartTerm{Term: t, Sign: sign, Known: known, Value: v})
		})
		if v := values[i]; v != nil {
			part.Known, part.Value = true, exprDecimal(v)
			part.Contribution = part.Value.Mul(decimal.New(int64(sign), 0))
		}
		x.Parts = append(x.Parts, part)
	})
	return x
}

// known computes every node that can be; the others are nil.
func (e *StockExpression) known(s *Stock, p Policy) []*big.Rat {
	values := make([]*big.Rat, len(e.nodes))
	for i := range e.nodes {
		n := &e.nodes[i]
		switch {
		case n.kind == exprNumber:
			values[i] = n.number.Rat()
		case n.kind == exprTerm:
			if v, ok := s.Value(n.term); (ok || p.Missing == MissingZero) && stockBounded(v) {
				values[i] = v.Rat()
			}
		case values[n.left] == nil:
		case n.kind.unary():
			values[i] = exprBigUnary(n.kind, values[n.left])
		case values[n.right] == nil || n.kind == exprDiv && values[n.right].Sign() == 0:
		default:
			values[i] = exprBigBinary(n.kind, values[n.left], values[n.right])
		}
	}
	return values
}

// parts gives what the node adds up.
func (e *StockExpression) parts(i int32, sign int, yield func(i int32, sign int)) {
	switch n := &e.nodes[i]; n.kind {
	case exprAdd:
		e.parts(n.left, sign, yield)
		e.parts(n.right, sign, yield)
	case exprSub:
		e.parts(n.left, sign, yield)
		e.parts(n.right, -sign, yield)
	case exprNeg:
		e.parts(n.left, -sign, yield)
	default:
		yield(i, sign)
	}
}

// signs gives every term of a node, as often as it is written, with the direction
// in which it moves the result; 0 where that depends on other figures.
func (e *StockExpression) signs(i int32, sign int, yield func(t StockTerm, sign int)) {
	n := &e.nodes[i]
	switch n.kind {
	case exprNumber:
	case exprTerm:
		yield(n.term, sign)
	case exprNeg:
		e.signs(n.left, -sign, yield)
	case exprFloor, exprCeil, exprRound:
		e.signs(n.left, sign, yield)
	case exprAdd, exprMax, exprMin:
		e.signs(n.left, sign, yield)
		e.signs(n.right, sign, yield)
	case exprSub:
		e.signs(n.left, sign, yield)
		e.signs(n.right, -sign, yield)
	case exprMul, exprDiv:
		e.signs(n.left, sign*e.constantSign(n.right), yield)
		right := 0
		if n.kind == exprMul {
			right = sign * e.constantSign(n.left)
		}
		e.signs(n.right, right, yield)
	}
}

// constantSign gives the sign of a node without terms, and 0 for any other.
func (e *StockExpression) constantSign(i int32) int {
	c, ok := e.constant(i)
	switch {
	case !ok || c.n == 0:
		return 0
	case c.n < 0:
		return -1
	}
	return 1
}

// String is the explanation in Chinese, a line for each part.
func (x StockExplanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "商品 %s: %s\n", x.SKUID, x.Expression)
	for _, part := range x.Parts {
		sign := "+"
		if part.Sign < 0 {
			sign = "-"
		}
		fmt.Fprintf(&b, "  %s %s = %s\n", sign, part.Text, part.describe())
	}
	if x.Err != nil {
		_, zh, _ := strings.Cut(x.Err.Error(), " / ")
		fmt.Fprintf(&b, "  无结果: %s", zh)
		return b.String()
	}
	fmt.Fprintf(&b, "  结果 %s", x.Exact)
	if !x.Figure.Equal(x.Exact) {
		fmt.Fprintf(&b, ", 按规则取 %s", x.Figure)
	}
	return b.String()
}

// describe is the value of the part, and of its terms where it is more than one.
func (part StockPart) describe() string {
	if len(part.Terms) == 1 && part.Text == part.Terms[0].Term.String() {
		switch {
		case part.Terms[0].Known:
			return part.Terms[0].Value.String()
		case part.Known:
			return part.Value.String() + " (未知, 按规则)"
		}
		return "未知"
	}
	value := "无法计算"
	if part.Known {
		value = part.Value.String()
	}
	if len(part.Terms) == 0 {
		return value
	}
	terms := make([]string, len(part.Terms))
	for i, t := range part.Terms {
		terms[i] = t.String()
	}
	return value + " (" + strings.Join(terms, ", ") + ")"
}

// String is the term and its value, in Chinese.
func (t StockPartTerm) String() string {
	if !t.Known {
		return t.Term.String() + " 未知"
	}
	return t.Term.String() + " " + t.Value.String()
}
