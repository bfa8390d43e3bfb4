package mapping

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// ParseStockExpression reads an expression, such as
// 实际库存+虚拟库存-订单占用 or max(qty-order_lock, 0).
//
// Terms are the Chinese words or the field names of [StockTerm], in any letter
// case. There are + - * / ( ), the sign -, decimals, max and min of two or more,
// and floor, ceil and round (a half away from zero). Full-width forms （）＋－×÷＝，
// ０-９ and spaces mean the same, and the text may begin with 库存下载取数逻辑=.
// An empty text is 实际库存, the guide's default.
//
// The error is an [*ExpressionError]. It lists what is wrong, ten problems at most.
// The limits are [MaxExpressionChars], [MaxExpressionDepth], [MaxExpressionTerms]
// and [MaxNumberDigits].
func ParseStockExpression(text string) (*StockExpression, error) {
	p := exprParser{text: text, line: 1, column: 1}
	if n := utf8.RuneCountInString(text); n > MaxExpressionChars {
		p.problem(exprToken{line: 1, column: 1}, fmt.Sprint(n),
			fmt.Sprintf("at most %d characters", MaxExpressionChars), fmt.Sprintf("最多 %d 个字符", MaxExpressionChars))
		return nil, &ExpressionError{Problems: p.problems}
	}
	p.nodes = make([]exprNode, 0, 16)
	p.next()
	p.leftSide()
	if p.token.kind == exprEnd && len(p.problems) == 0 {
		p.push(exprNode{kind: exprTerm, term: TermQty, terms: 1 << TermQty})
	} else {
		p.whole()
	}
	if len(p.problems) > 0 {
		return nil, &ExpressionError{Problems: p.problems}
	}
	e := &StockExpression{nodes: p.nodes}
	e.compile()
	return e, nil
}

// ExpressionError says what is wrong with the text of an expression.
type ExpressionError struct {
	Problems []ExpressionProblem // in the order of the text, never empty
}

// Error gives all problems, in English and Chinese.
func (e *ExpressionError) Error() string {
	en, zh := make([]string, len(e.Problems)), make([]string, len(e.Problems))
	for i, p := range e.Problems {
		en[i], zh[i] = p.English(), p.Chinese()
	}
	return "mapping: stock expression: " + strings.Join(en, "; ") + " / 库存取数表达式有误: " + strings.Join(zh, "; ")
}

// ExpressionProblem is one thing that is wrong.
type ExpressionProblem struct {
	Line, Column int    // where, from 1; columns are characters
	Found        string // what the text has there, "" at its end
	Expected     string // what it should have, in English
	ExpectedZH   string // the same in Chinese
	Nearest      string // the known word that is most like it, "" where none is
}

// English says where it is, what was found and what was expected.
func (p ExpressionProblem) English() string {
	found := "the end of the text"
	if p.Found != "" {
		found = fmt.Sprintf("%q", p.Found)
	}
	s := fmt.Sprintf("line %d, column %d: found %s, expected %s", p.Line, p.Column, found, p.Expected)
	if p.Nearest != "" {
		s += fmt.Sprintf(" (did you mean %q?)", p.Nearest)
	}
	return s
}

// Chinese says the same as English.
func (p ExpressionProblem) Chinese() string {
	found := "表达式结尾"
	if p.Found != "" {
		found = fmt.Sprintf("%q", p.Found)
	}
	s := fmt.Sprintf("第 %d 行第 %d 列: 遇到 %s, 应为%s", p.Line, p.Column, found, p.ExpectedZH)
	if p.Nearest != "" {
		s += fmt.Sprintf(", 是否为 %q", p.Nearest)
	}
	return s
}

const exprMaxProblems = 10

type exprTokenKind uint8

const (
	exprEnd      exprTokenKind = iota
	exprWord                   // a term, a function or something unknown
	exprDigits                 // a number
	exprOperator               // + - * / ( ) , =
	exprBad                    // a character that means nothing here
)

type exprToken struct {
	kind         exprTokenKind
	op           byte
	opened       bool   // it comes right after a (
	text         string // as written
	word         string // in half-width lower case
	line, column int
}

type exprParser struct {
	text         string
	pos          int
	line, column int // of pos
	token        exprToken

	nodes    []exprNode
	operands int
	depth    int
	problems []ExpressionProblem
	failed   bool // a limit was passed: nothing more is read
}

// exprPlain gives the half-width lower-case form of a character.
func exprPlain(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ！ to ～
		return exprPlain(r - 0xFEE0)
	case r == '×':
		return '*'
	case r == '÷':
		return '/'
	case r == '−', r == '﹣', r == '–': // minus sign, small hyphen, en dash
		return '-'
	}
	return r
}

func exprSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' // what is pasted along
}

func exprDigit(r rune) bool { return r >= '0' && r <= '9' }

func exprLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r == '_' || r > 0x7f && unicode.IsLetter(r)
}

// peek gives the plain form of the next character, and its size in bytes.
func (p *exprParser) peek() (r rune, size int) {
	if p.pos >= len(p.text) {
		return 0, 0
	}
	r, size = utf8.DecodeRuneInString(p.text[p.pos:])
	return exprPlain(r), size
}

// next reads a token.
func (p *exprParser) next() {
	r, size := p.peek()
	for size > 0 && exprSpace(r) {
		p.pos += size
		p.column++
		if r == '\n' {
			p.line, p.column = p.line+1, 1
		}
		r, size = p.peek()
	}
	t := exprToken{line: p.line, column: p.column, opened: p.is('(')}
	if size == 0 || p.failed {
		p.token = t
		return
	}
	start := p.pos
	take := func() {
		p.pos += size
		p.column++
		r, size = p.peek()
	}
	switch {
	case strings.ContainsRune("+-*/(),=", r):
		t.kind, t.op = exprOperator, byte(r)
		take()
	case exprDigit(r) || r == '.':
		t.kind = exprDigits
		for size > 0 && (exprDigit(r) || r == '.') {
			take()
		}
	case exprLetter(r):
		t.kind = exprWord
		for size > 0 && (exprLetter(r) || exprDigit(r)) {
			take()
		}
	default:
		t.kind = exprBad
		take()
	}
	t.text = p.text[start:p.pos]
	if t.kind == exprWord || t.kind == exprDigits {
		t.word = exprPlainText(t.text)
	}
	p.token = t
}

func exprPlainText(s string) string {
	for _, r := range s {
		if exprPlain(r) != r {
			return strings.Map(exprPlain, s)
		}
	}
	return s
}

func (p *exprParser) is(op byte) bool { return p.token.kind == exprOperator && p.token.op == op }

// starts tells whether the token can begin an operand.
func (p *exprParser) starts() bool {
	return p.token.kind == exprWord || p.token.kind == exprDigits || p.is('(')
}

// problem records what is wrong at a token. One problem is told for a place: what
// follows from it is not.
func (p *exprParser) problem(at exprToken, found, expected, expectedZH string) {
	if p.failed {
		return
	}
	if n := len(p.problems); n > 0 {
		last := p.problems[n-1]
		if at.line < last.Line || at.line == last.Line && at.column <= last.Column {
			return
		}
	}
	if r := []rune(found); len(r) > 20 {
		found = string(r[:20]) + "..."
	}
	p.problems = append(p.problems, ExpressionProblem{
		Line: at.line, Column: at.column, Found: found, Expected: expected, ExpectedZH: expectedZH,
	})
	if len(p.problems) == exprMaxProblems {
		p.stop()
	}
}

// stop ends the reading: the next token is the end, and so are all after it.
func (p *exprParser) stop() {
	p.failed = true
	p.token = exprToken{line: p.token.line, column: p.token.column}
}

func (p *exprParser) unknown(at exprToken, expected, expectedZH string, functions bool) {
	before := len(p.problems)
	p.problem(at, at.text, expected, expectedZH)
	if len(p.problems) > before {
		p.problems[before].Nearest = exprNearest(at.word, functions)
	}
}

// leftSide takes 库存下载取数逻辑= where the text begins with it.
func (p *exprParser) leftSide() {
	if p.token.kind != exprWord {
		return
	}
	mark := *p
	p.next()
	if !p.is('=') {
		*p = mark
		return
	}
	if word := mark.token; word.word != StockExpressionName {
		p.problem(word, word.text, StockExpressionName+" before =", "等号左边的 "+StockExpressionName)
		p.problems[0].Nearest = StockExpressionName
	}
	p.next()
}

// whole reads the text to its end.
func (p *exprParser) whole() {
	p.sum()
	for p.token.kind != exprEnd {
		if p.token.kind == exprBad {
			p.problem(p.token, p.token.text, "a term, a number or an operator", "库存项、数字或运算符")
		} else {
			p.problem(p.token, p.token.text, "an operator or the end", "运算符或结尾")
		}
		p.next()
		if p.is('+') || p.is('*') || p.is('/') {
			p.next() // it goes on as if the token were not there
		}
		if p.token.kind != exprEnd {
			p.sum()
		}
	}
}

func (p *exprParser) push(n exprNode) int32 {
	if n.kind.unary() {
		n.terms = p.nodes[n.left].terms
	} else if n.kind.binary() {
		n.terms = p.nodes[n.left].terms | p.nodes[n.right].terms
	}
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1)
}

func (p *exprParser) operate(kind exprKind, at exprToken, left, right int32) int32 {
	return p.push(exprNode{kind: kind, left: left, right: right, line: int32(at.line), column: int32(at.column)})
}

func (p *exprParser) sum() int32 {
	left := p.product()
	for p.is('+') || p.is('-') {
		at := p.token
		p.next()
		right := p.product()
		kind := exprAdd
		if at.op == '-' {
			kind = exprSub
		}
		left = p.operate(kind, at, left, right)
	}
	return left
}

func (p *exprParser) product() int32 {
	left := p.signed()
	for {
		at := p.token
		kind := exprMul
		switch {
		case p.is('*'):
			p.next()
		case p.is('/'):
			kind = exprDiv
			p.next()
		case p.starts():
			p.problem(at, at.text, "an operator", "运算符")
		case at.kind == exprBad:
			p.problem(at, at.text, "an operator", "运算符")
			p.next()
			if !p.starts() {
				continue
			}
		default:
			return left
		}
		left = p.operate(kind, at, left, p.signed())
	}
}

// deeper counts a nesting, and tells whether there may be one more.
func (p *exprParser) deeper() bool {
	p.depth++
	if p.depth <= MaxExpressionDepth {
		return true
	}
	p.problem(p.token, p.token.text, fmt.Sprintf("at most %d nestings", MaxExpressionDepth), fmt.Sprintf("嵌套不超过 %d 层", MaxExpressionDepth))
	p.stop()
	return false
}

func (p *exprParser) signed() int32 {
	if !p.is('-') {
		return p.operand()
	}
	at := p.token
	// A sign right after a ( is one nesting with it, so that 2*(-a), the canonical
	// form of 2*-a, is as deep.
	if !at.opened {
		defer func() { p.depth-- }()
		if !p.deeper() {
			return p.push(exprNode{})
		}
	}
	p.next()
	return p.operate(exprNeg, at, p.signed(), 0)
}

func (p *exprParser) operand() int32 {
	at := p.token
	if p.starts() && !p.is('(') {
		p.operands++
		if p.operands > MaxExpressionTerms {
			p.problem(at, at.text, fmt.Sprintf("at most %d terms", MaxExpressionTerms), fmt.Sprintf("最多 %d 个库存项和数字", MaxExpressionTerms))
			p.stop()
			return p.push(exprNode{})
		}
	}
	switch {
	case at.kind == exprDigits:
		p.next()
		return p.number(at)
	case at.kind == exprWord:
		p.next()
		if p.is('(') {
			return p.call(at)
		}
		return p.term(at)
	case p.is('('):
		defer func() { p.depth-- }()
		if !p.deeper() {
			return p.push(exprNode{})
		}
		p.next()
		i := p.sum()
		p.closing(at)
		return i
	}
	p.problem(at, at.text, "a term, a number or (", "库存项、数字或 (")
	if at.kind == exprBad || p.is('=') || p.is('*') || p.is('/') || p.is('+') {
		p.next()
		if p.starts() {
			return p.operand()
		}
	}
	return p.push(exprNode{})
}

// closing takes the ) of a ( at the place given.
func (p *exprParser) closing(open exprToken) {
	if p.is(')') {
		p.next()
		return
	}
	at := p.token
	p.problem(at, at.text, fmt.Sprintf("a ) for the ( of line %d, column %d", open.line, open.column),
		fmt.Sprintf("与第 %d 行第 %d 列 ( 配对的 )", open.line, open.column))
}

func (p *exprParser) number(at exprToken) int32 {
	n := exprNode{kind: exprNumber, ratio: exprWhole(0)}
	points := strings.Count(at.word, ".")
	switch {
	case points > 1 || at.word[0] == '.' || at.word[len(at.word)-1] == '.':
		p.problem(at, at.text, "a number such as 12 or 0.5", "数字, 如 12 或 0.5")
		return p.push(n)
	case len(at.word)-points > MaxNumberDigits:
		p.problem(at, at.text, fmt.Sprintf("at most %d digits", MaxNumberDigits), fmt.Sprintf("数字最多 %d 位", MaxNumberDigits))
		return p.push(n)
	}
	v, err := decimal.NewFromString(at.word)
	if err != nil {
		p.problem(at, at.text, "a number such as 12 or 0.5", "数字, 如 12 或 0.5")
		return p.push(n)
	}
	n.number = v
	if r, ok := exprOfDecimal(v); ok {
		n.ratio = r.reduced()
	} else {
		n.ratio = exprRatio{}
	}
	return p.push(n)
}

func (p *exprParser) term(at exprToken) int32 {
	if t, ok := stockTermOf(at.word); ok {
		return p.push(exprNode{kind: exprTerm, term: t, terms: 1 << t})
	}
	if _, ok := exprFunction(at.word); ok {
		p.problem(p.token, p.token.text, "( after "+at.text, at.text+" 之后的 (")
	} else {
		p.unknown(at, "a stock term", "库存项", false)
	}
	return p.push(exprNode{})
}

// call reads the arguments of a function; the token is its (.
func (p *exprParser) call(name exprToken) int32 {
	p.operands-- // its arguments count
	kind, known := exprFunction(name.word)
	if !known {
		if _, term := stockTermOf(name.word); term {
			p.problem(p.token, p.token.text, "an operator", "运算符")
		} else {
			p.unknown(name, "one of max, min, floor, ceil, round", "函数 max、min、floor、ceil、round 之一", true)
		}
	}
	open := p.token
	defer func() { p.depth-- }()
	if !p.deeper() {
		return p.push(exprNode{})
	}
	p.next()
	i := p.sum()
	switch {
	case kind.unary():
		i = p.operate(kind, name, i, 0)
	case known && !p.is(','):
		at := p.token
		p.problem(at, at.text, ", and one more argument of "+name.text, name.text+" 的逗号和下一个参数")
	}
	for p.is(',') {
		if kind.unary() {
			p.problem(p.token, p.token.text, ") since "+name.text+" has one argument", "), "+name.text+" 只有一个参数")
		}
		p.next()
		j := p.sum()
		if kind.binary() {
			i = p.operate(kind, name, i, j)
		}
	}
	p.closing(open)
	return i
}

// exprNearest gives the known word that is most like s, in the language of s, or ""
// where none is like it. Of two that are, the guide's word comes first.
func exprNearest(s string, functions bool) string {
	word := []rune(s)
	if len(word) > 40 {
		return ""
	}
	best, distance := "", len(word)/2+1
	try := func(name, suggestion string) {
		if name == "" {
			return
		}
		if d := exprDistance(word, []rune(name)); d < distance {
			best, distance = suggestion, d
		}
	}
	if functions {
		for _, k := range []exprKind{exprMax, exprMin, exprFloor, exprCeil, exprRound} {
			try(k.sign(), k.sign())
		}
		return best
	}
	for t := range StockTerm(stockTerms) {
		n := stockTermName(t)
		try(n.label, n.label)
		try(n.field, n.field)
	}
	for t := range StockTerm(stockTerms) {
		n := stockTermName(t)
		try(n.also, n.label)
	}
	return best
}

// exprDistance counts the characters to add, drop or change to make b of a.
func exprDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			d := diagonal
			if x != y {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
