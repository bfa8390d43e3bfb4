package formula

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/shopspring/decimal"
)

// Explanation 库存取数说明 shows support staff how a figure was computed.
type Explanation struct {
	SKUID   string            // 商品编码
	Formula string            // in the words of the guide
	Parts   []ExplanationPart // the summands, in the order of the formula
	// Exact is the sum of the contributions, as [Formula.Eval] returns it.
	Exact decimal.Decimal
	// Figure is the result under the policy.
	Figure     decimal.Decimal
	EvalPolicy EvalPolicy
	// Err is why there is no figure; Exact and Figure are then meaningless. The terms
	// still show the known figures.
	Err error
}

// ExplanationPart is one summand of a formula: a term, or a computed value such as
// max(实际库存-订单占用,0).
type ExplanationPart struct {
	Text  string // in the words of the guide
	Sign  int    // 1 if it is added, -1 if it is subtracted
	Terms []ExplanationTerm
	// Value is the value of the part, and Contribution the value with its sign. They
	// are known only if every term is known, or counted as zero by the policy, and no
	// divisor is zero.
	Known               bool
	Value, Contribution decimal.Decimal
}

// ExplanationTerm is a term of an [ExplanationPart].
type ExplanationTerm struct {
	Term  Term
	Sign  int // 1 if it increases the result, -1 if it decreases it, 0 if that depends
	Known bool
	Value decimal.Decimal
}

// Explain computes a row like [Formula.EvalWith] and shows the steps. It never fails:
// an error is in Err.
func (f *Formula) Explain(row *Row, p EvalPolicy) Explanation {
	f = f.orActual()
	x := Explanation{SKUID: row.SKUID, Formula: f.String(), EvalPolicy: p}
	exact := p
	exact.Rounding, exact.Negative = RoundNone, NegativeKeep
	if x.Exact, x.Err = f.EvalWith(row, exact); x.Err == nil {
		x.Figure, x.Err = f.EvalWith(row, p)
	}
	values := f.known(row, p)
	f.parts(f.root(), 1, func(i int32, sign int) {
		part := ExplanationPart{Text: f.text(i, Term.String), Sign: sign}
		f.signs(i, sign, func(t Term, sign int) {
			v, known := row.Value(t)
			part.Terms = append(part.Terms, ExplanationTerm{Term: t, Sign: sign, Known: known, Value: v})
		})
		if v := values[i]; v != nil {
			part.Known, part.Value = true, decimalOf(v)
			part.Contribution = part.Value.Mul(decimal.New(int64(sign), 0))
		}
		x.Parts = append(x.Parts, part)
	})
	return x
}

// known computes every node that can be computed; the others are nil.
func (f *Formula) known(row *Row, p EvalPolicy) []*big.Rat {
	values := make([]*big.Rat, len(f.nodes))
	for i := range f.nodes {
		n := &f.nodes[i]
		switch {
		case n.op == opNumber:
			values[i] = n.number.Rat()
		case n.op == opTerm:
			if v, ok := row.Value(n.term); (ok || p.Missing == MissingZero) && InRange(v) {
				values[i] = v.Rat()
			}
		case values[n.left] == nil:
		case n.op.unary():
			values[i] = applyBigUnary(n.op, values[n.left])
		case values[n.right] == nil || n.op == opDiv && values[n.right].Sign() == 0:
		default:
			values[i] = applyBigBinary(n.op, values[n.left], values[n.right])
		}
	}
	return values
}

// parts returns the summands of the node.
func (f *Formula) parts(i int32, sign int, yield func(i int32, sign int)) {
	switch n := &f.nodes[i]; n.op {
	case opAdd:
		f.parts(n.left, sign, yield)
		f.parts(n.right, sign, yield)
	case opSub:
		f.parts(n.left, sign, yield)
		f.parts(n.right, -sign, yield)
	case opNeg:
		f.parts(n.left, -sign, yield)
	default:
		yield(i, sign)
	}
}

// signs returns every occurrence of a term in a node, with the direction in which it
// changes the result; 0 if that depends on other figures.
func (f *Formula) signs(i int32, sign int, yield func(t Term, sign int)) {
	n := &f.nodes[i]
	switch n.op {
	case opNumber:
	case opTerm:
		yield(n.term, sign)
	case opNeg:
		f.signs(n.left, -sign, yield)
	case opFloor, opCeil, opRound:
		f.signs(n.left, sign, yield)
	case opAdd, opMax, opMin:
		f.signs(n.left, sign, yield)
		f.signs(n.right, sign, yield)
	case opSub:
		f.signs(n.left, sign, yield)
		f.signs(n.right, -sign, yield)
	case opMul, opDiv:
		f.signs(n.left, sign*f.constantSign(n.right), yield)
		right := 0
		if n.op == opMul {
			right = sign * f.constantSign(n.left)
		}
		f.signs(n.right, right, yield)
	}
}

// constantSign returns the sign of a node without terms, and 0 for any other.
func (f *Formula) constantSign(i int32) int {
	c, ok := f.constant(i)
	switch {
	case !ok || c.n == 0:
		return 0
	case c.n < 0:
		return -1
	}
	return 1
}

// String returns the explanation in Chinese, one line per part.
func (x Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "商品 %s: %s\n", x.SKUID, x.Formula)
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

// describe returns the value of the part, and of its terms if there are several.
func (part ExplanationPart) describe() string {
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

// String returns the term and its value in Chinese.
func (t ExplanationTerm) String() string {
	if !t.Known {
		return t.Term.String() + " 未知"
	}
	return t.Term.String() + " " + t.Value.String()
}
