package formula

import "strings"

func (f *Formula) text(i int32, name func(Term) string) string {
	var b strings.Builder
	f.write(&b, i, name)
	return b.String()
}

// binding is how tightly an operation holds its operands: sums less than products, and
// those less than what needs no parentheses.
func (o operation) binding() int {
	switch o {
	case opAdd, opSub:
		return 1
	case opMul, opDiv, opNeg:
		return 2
	}
	return 3
}

// write prints a node without a parenthesis that is not needed.
func (f *Formula) write(b *strings.Builder, i int32, name func(Term) string) {
	n := &f.nodes[i]
	switch {
	case n.op == opNumber:
		b.WriteString(n.number.String())
	case n.op == opTerm:
		b.WriteString(name(n.term))
	case n.op == opNeg:
		b.WriteByte('-')
		f.writeRight(b, n.op, n.left, name)
	case n.op.binding() < 3:
		f.writeOperand(b, n.left, f.nodes[n.left].op.binding() < n.op.binding(), name)
		b.WriteString(n.op.sign())
		f.writeRight(b, n.op, n.right, name)
	default:
		b.WriteString(n.op.sign())
		b.WriteByte('(')
		f.writeList(b, n.op, i, name)
		b.WriteByte(')')
	}
}

// writeRight prints what stands right of an operator. A sign there is always in
// parentheses: a-(-b).
func (f *Formula) writeRight(b *strings.Builder, operator operation, i int32, name func(Term) string) {
	op := f.nodes[i].op
	f.writeOperand(b, i, op == opNeg || op.binding() <= operator.binding(), name)
}

func (f *Formula) writeOperand(b *strings.Builder, i int32, parentheses bool, name func(Term) string) {
	if parentheses {
		b.WriteByte('(')
	}
	f.write(b, i, name)
	if parentheses {
		b.WriteByte(')')
	}
}

// writeList prints the arguments of a function: max(max(a,b),c) is max(a,b,c).
func (f *Formula) writeList(b *strings.Builder, function operation, i int32, name func(Term) string) {
	n := &f.nodes[i]
	switch {
	case n.op != function:
		f.write(b, i, name)
	case function.unary():
		f.write(b, n.left, name)
	default:
		f.writeList(b, function, n.left, name)
		b.WriteByte(',')
		before := &f.nodes[n.left]
		if before.op == function {
			before = &f.nodes[before.right]
		}
		if right := &f.nodes[n.right]; before.op == opNumber && right.op == opNumber && right.number.Truncate(0).NumDigits() == 3 {
			b.WriteByte(' ') // 1, 234 are two numbers; 1,234 is refused
		}
		f.write(b, n.right, name)
	}
}
