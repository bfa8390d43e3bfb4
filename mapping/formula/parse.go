package formula

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Parse parses a formula, such as 实际库存+虚拟库存-订单占用 or max(qty-order_lock, 0).
//
// Terms are the Chinese words or the field names of [Term]; case is ignored. The syntax
// has + - * / ( ), the sign -, decimals, max and min of two or more arguments, and
// floor, ceil and round (half away from zero). The full-width forms （）＋－×÷＝，０-９
// and spaces are equivalent, and the text may begin with 库存下载取数逻辑=. Invisible
// characters, which are pasted along, are ignored. An empty text is 实际库存, the guide's
// default.
//
// A number has no separators: max(1,000,qty) is an error, since it would be the largest of
// 1, 0 and qty, and so is max(1,234,qty). With a blank after the comma they are two numbers.
//
// The error is a [*SyntaxError] with at most ten problems. The limits are [MaxChars],
// [MaxDepth], [MaxOperands] and [MaxNumberDigits].
func Parse(text string) (*Formula, error) {
	p := parser{text: text, line: 1, column: 1}
	if n := utf8.RuneCountInString(text); n > MaxChars {
		p.problem(token{line: 1, column: 1}, fmt.Sprint(n),
			fmt.Sprintf("at most %d characters", MaxChars), fmt.Sprintf("最多 %d 个字符", MaxChars))
		return nil, &SyntaxError{Problems: p.problems}
	}
	p.nodes = make([]node, 0, 16)
	p.next()
	p.leftSide()
	if p.token.kind == tokenEnd && len(p.problems) == 0 {
		p.push(node{op: opTerm, term: TermQty, terms: 1 << TermQty})
	} else {
		p.whole()
	}
	if len(p.problems) > 0 {
		return nil, &SyntaxError{Problems: p.problems}
	}
	f := &Formula{nodes: p.nodes}
	f.compile()
	return f, nil
}

// SyntaxError reports what is wrong with the text of a formula.
type SyntaxError struct {
	Problems []SyntaxProblem // in the order of the text, never empty
}

// Error returns all problems, in English and Chinese.
func (e *SyntaxError) Error() string {
	en, zh := make([]string, len(e.Problems)), make([]string, len(e.Problems))
	for i, p := range e.Problems {
		en[i], zh[i] = p.English(), p.Chinese()
	}
	return "mapping: stock expression: " + strings.Join(en, "; ") + " / 库存取数表达式有误：" + strings.Join(zh, "; ")
}

// SyntaxProblem is one error in the text of a formula.
type SyntaxProblem struct {
	Line, Column int    // where, from 1; columns are characters
	Found        string // what the text has there, "" at the end
	Expected     string // what is expected, in English
	ExpectedZH   string // the same in Chinese
	Nearest      string // the most similar known word, or ""
}

// English returns the position, what was found and what was expected.
func (p SyntaxProblem) English() string {
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

// Chinese returns the same as English in Chinese.
func (p SyntaxProblem) Chinese() string {
	found := "表达式结尾"
	if p.Found != "" {
		found = fmt.Sprintf("%q", p.Found)
	}
	s := fmt.Sprintf("第 %d 行第 %d 列：遇到 %s，应为%s", p.Line, p.Column, found, p.ExpectedZH)
	if p.Nearest != "" {
		s += fmt.Sprintf("，是否为 %q", p.Nearest)
	}
	return s
}

const maxProblems = 10

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenWord               // a term, a function or something unknown
	tokenNumber             // a number
	tokenOperator           // + - * / ( ) , =
	tokenBad                // a character that means nothing here
)

type token struct {
	kind         tokenKind
	op           byte
	opened       bool   // it comes right after a (
	comma        bool   // it comes right after a comma
	first        bool   // it begins an argument
	thousands    bool   // see inThousands
	text         string // as written
	word         string // in half-width lower case
	line, column int
}

type parser struct {
	text         string
	pos          int
	line, column int // of pos
	token        token

	nodes    []node
	operands int
	depth    int
	problems []SyntaxProblem
	failed   bool // a limit was passed: nothing more is read
}

// plain returns the half-width lower-case form of a character.
func plain(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ！ to ～
		return plain(r - 0xFEE0)
	case r == '×':
		return '*'
	case r == '÷':
		return '/'
	case r == '−', r == '﹣', r == '–': // minus sign, small hyphen, en dash
		return '-'
	}
	return r
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) }

// isInvisible reports whether a character is pasted along without being seen, such as a
// zero-width space, a byte order mark, a text direction or a filler. They have no meaning,
// also within a word or a number.
func isInvisible(r rune) bool {
	return r > 0x7f && (unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800')
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r == '_' || r > 0x7f && unicode.IsLetter(r)
}

// peek returns the plain form of the next character, and its size in bytes.
func (p *parser) peek() (r rune, size int) {
	if p.pos >= len(p.text) {
		return 0, 0
	}
	r, size = utf8.DecodeRuneInString(p.text[p.pos:])
	return plain(r), size
}

// next reads a token.
func (p *parser) next() {
	blank := p.skipSpace()
	t := token{line: p.line, column: p.column, opened: p.is('('), comma: p.is(','), first: p.is('(') || p.is(',')}
	r, size := p.peek()
	if size == 0 || p.failed {
		p.token = t
		return
	}
	start := p.pos
	switch {
	case strings.ContainsRune("+-*/(),=", r):
		t.kind, t.op = tokenOperator, byte(r)
		p.advance(size)
	case isDigit(r) || r == '.':
		t.kind = tokenNumber
		p.advanceWhile(func(r rune) bool { return isDigit(r) || r == '.' || isInvisible(r) })
	case isLetter(r):
		t.kind = tokenWord
		p.advanceWhile(func(r rune) bool { return isLetter(r) || isDigit(r) || isInvisible(r) })
	default:
		t.kind = tokenBad
		p.advance(size)
	}
	t.text = p.text[start:p.pos]
	if t.kind == tokenWord || t.kind == tokenNumber {
		t.word = plainText(t.text)
	}
	t.thousands = !blank && t.inThousands(&p.token)
	p.token = t
}

// inThousands reports whether a token right after another one continues a number with a thousands
// separator: a comma after one to three digits that begin an argument, or three digits after it.
func (t *token) inThousands(before *token) bool {
	switch {
	case t.kind == tokenOperator && t.op == ',':
		return before.kind == tokenNumber && before.first && len(before.word) <= 3 && before.word[0] != '0'
	case t.kind == tokenNumber:
		digits, _, _ := strings.Cut(t.word, ".")
		return before.thousands && len(digits) == 3
	}
	return false
}

// skipSpace reports whether there was a blank that is visible.
func (p *parser) skipSpace() (blank bool) {
	for r, size := p.peek(); size > 0 && isSpace(r); r, size = p.peek() {
		blank = blank || !isInvisible(r)
		p.advance(size)
		if r == '\n' {
			p.line, p.column = p.line+1, 1
		}
	}
	return blank
}

// advance moves past a character of the given size in bytes.
func (p *parser) advance(size int) {
	p.pos += size
	p.column++
}

func (p *parser) advanceWhile(part func(rune) bool) {
	for r, size := p.peek(); size > 0 && part(r); r, size = p.peek() {
		p.advance(size)
	}
}

func plainText(s string) string {
	for _, r := range s {
		if plain(r) != r || isInvisible(r) {
			return strings.Map(func(r rune) rune {
				if isInvisible(r) {
					return -1
				}
				return plain(r)
			}, s)
		}
	}
	return s
}

func (p *parser) is(op byte) bool { return p.token.kind == tokenOperator && p.token.op == op }

// starts reports whether the token can begin an operand.
func (p *parser) starts() bool {
	return p.token.kind == tokenWord || p.token.kind == tokenNumber || p.is('(')
}

// problem records what is wrong at a token. There is at most one problem for each place;
// those that follow from it are left out.
func (p *parser) problem(at token, found, expected, expectedZH string) {
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
	p.problems = append(p.problems, SyntaxProblem{
		Line: at.line, Column: at.column, Found: found, Expected: expected, ExpectedZH: expectedZH,
	})
	if len(p.problems) == maxProblems {
		p.stop()
	}
}

// stop ends parsing: the next token and all further ones are the end.
func (p *parser) stop() {
	p.failed = true
	p.token = token{line: p.token.line, column: p.token.column}
}

func (p *parser) unknown(at token, expected, expectedZH string, functions bool) {
	before := len(p.problems)
	p.problem(at, at.text, expected, expectedZH)
	if len(p.problems) > before {
		p.problems[before].Nearest = nearest(at.word, functions)
	}
}

// leftSide consumes 库存下载取数逻辑= if the text begins with it.
func (p *parser) leftSide() {
	if p.token.kind != tokenWord {
		return
	}
	mark := *p
	p.next()
	if !p.is('=') {
		*p = mark
		return
	}
	if word := mark.token; word.word != LeftSide {
		p.problem(word, word.text, LeftSide+" before =", "等号左边的 "+LeftSide)
		p.problems[0].Nearest = LeftSide
	}
	p.next()
}

// whole reads the text to its end.
func (p *parser) whole() {
	p.sum()
	for p.token.kind != tokenEnd {
		if p.token.kind == tokenBad {
			p.problem(p.token, p.token.text, "a term, a number or an operator", "库存项、数字或运算符")
		} else {
			p.problem(p.token, p.token.text, "an operator or the end", "运算符或结尾")
		}
		p.next()
		if p.is('+') || p.is('*') || p.is('/') {
			p.next() // continue as if the token were absent
		}
		if p.token.kind != tokenEnd {
			p.sum()
		}
	}
}

func (p *parser) push(n node) int32 {
	if n.op.unary() {
		n.terms = p.nodes[n.left].terms
	} else if n.op.binary() {
		n.terms = p.nodes[n.left].terms | p.nodes[n.right].terms
	}
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1)
}

func (p *parser) operate(kind operation, at token, left, right int32) int32 {
	return p.push(node{op: kind, left: left, right: right, line: int32(at.line), column: int32(at.column)})
}

func (p *parser) sum() int32 {
	left := p.product()
	for p.is('+') || p.is('-') {
		at := p.token
		p.next()
		right := p.product()
		kind := opAdd
		if at.op == '-' {
			kind = opSub
		}
		left = p.operate(kind, at, left, right)
	}
	return left
}

func (p *parser) product() int32 {
	left := p.signed()
	for {
		at := p.token
		kind := opMul
		switch {
		case p.is('*'):
			p.next()
		case p.is('/'):
			kind = opDiv
			p.next()
		case p.starts():
			p.problem(at, at.text, "an operator", "运算符")
		case at.kind == tokenBad:
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

// deeper counts a nesting, and reports whether there may be one more.
func (p *parser) deeper() bool {
	p.depth++
	if p.depth <= MaxDepth {
		return true
	}
	p.problem(p.token, p.token.text, fmt.Sprintf("at most %d nestings", MaxDepth), fmt.Sprintf("嵌套不超过 %d 层", MaxDepth))
	p.stop()
	return false
}

func (p *parser) signed() int32 {
	if !p.is('-') {
		return p.operand()
	}
	at := p.token
	// A sign right after a ( is one nesting with it, so that 2*(-a), the canonical
	// form of 2*-a, is as deep.
	if !at.opened {
		defer func() { p.depth-- }()
		if !p.deeper() {
			return p.push(node{})
		}
	}
	p.next()
	return p.operate(opNeg, at, p.signed(), 0)
}

func (p *parser) operand() int32 {
	at := p.token
	if p.starts() && !p.is('(') {
		p.operands++
		if p.operands > MaxOperands {
			p.problem(at, at.text, fmt.Sprintf("at most %d terms", MaxOperands), fmt.Sprintf("最多 %d 个库存项和数字", MaxOperands))
			p.stop()
			return p.push(node{})
		}
	}
	switch {
	case at.kind == tokenNumber:
		p.next()
		return p.number(at)
	case at.kind == tokenWord:
		p.next()
		if p.is('(') {
			return p.call(at)
		}
		return p.term(at)
	case p.is('('):
		defer func() { p.depth-- }()
		if !p.deeper() {
			return p.push(node{})
		}
		p.next()
		i := p.sum()
		p.closing(at)
		return i
	}
	p.problem(at, at.text, "a term, a number or (", "库存项、数字或 (")
	if at.kind == tokenBad || p.is('=') || p.is('*') || p.is('/') || p.is('+') {
		p.next()
		if p.starts() {
			return p.operand()
		}
	}
	return p.push(node{})
}

// closing consumes the ) that matches the given (.
func (p *parser) closing(open token) {
	if p.is(')') {
		p.next()
		return
	}
	at := p.token
	p.problem(at, at.text, fmt.Sprintf("a ) for the ( of line %d, column %d", open.line, open.column),
		fmt.Sprintf("与第 %d 行第 %d 列 ( 配对的 )", open.line, open.column))
}

func (p *parser) number(at token) int32 {
	n := node{op: opNumber, ratio: wholeRatio(0)}
	points := strings.Count(at.word, ".")
	switch {
	case points > 1 || at.word[0] == '.' || at.word[len(at.word)-1] == '.':
		p.problem(at, at.text, "a number such as 12 or 0.5", "数字，如 12 或 0.5")
		return p.push(n)
	case at.comma && len(at.word) > 1 && at.word[0] == '0' && at.word[1] != '.': // 1,000 would be 1 and 0
		p.problem(at, at.text, "a number without leading zeros after a comma: thousands have no separator, as in 1000", "逗号后不以 0 开头的数字, 千位不加逗号, 如 1000")
		return p.push(n)
	case at.thousands && (p.is(',') || p.is(')')): // 1,234 would be 1 and 234
		p.problem(at, at.text, "a number without separators, as in 1234, or a blank after the comma of two numbers", "千位不加逗号的数字, 如 1234; 若是两个数字, 请在逗号后加空格")
		return p.push(n)
	case len(at.word)-points > MaxNumberDigits:
		p.problem(at, at.text, fmt.Sprintf("at most %d digits", MaxNumberDigits), fmt.Sprintf("数字最多 %d 位", MaxNumberDigits))
		return p.push(n)
	}
	v, err := decimal.NewFromString(at.word)
	if err != nil {
		p.problem(at, at.text, "a number such as 12 or 0.5", "数字，如 12 或 0.5")
		return p.push(n)
	}
	n.number = v
	if r, ok := ratioOf(v); ok {
		n.ratio = r.reduced()
	} else {
		n.ratio = ratio{}
	}
	return p.push(n)
}

func (p *parser) term(at token) int32 {
	if t, ok := termNamed(at.word); ok {
		return p.push(node{op: opTerm, term: t, terms: 1 << t})
	}
	if _, ok := functionNamed(at.word); ok {
		p.problem(p.token, p.token.text, "( after "+at.text, at.text+" 之后的 (")
	} else {
		p.unknown(at, "a stock term", "库存项", false)
	}
	return p.push(node{})
}

// call reads the arguments of a function; the token is its (.
func (p *parser) call(name token) int32 {
	p.operands-- // its arguments count
	kind, known := functionNamed(name.word)
	if !known {
		if _, term := termNamed(name.word); term {
			p.problem(p.token, p.token.text, "an operator", "运算符")
		} else {
			p.unknown(name, "one of max, min, floor, ceil, round", "函数 max、min、floor、ceil、round 之一", true)
		}
	}
	open := p.token
	defer func() { p.depth-- }()
	if !p.deeper() {
		return p.push(node{})
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

// nearest returns the known word that is most similar to s, in the language of s, or "" if
// none is similar. Of equally similar words the guide's comes first.
func nearest(s string, functions bool) string {
	word := []rune(s)
	if len(word) > 40 {
		return ""
	}
	best, distance := "", len(word)/2+1
	try := func(name, suggestion string) {
		if name == "" {
			return
		}
		if d := editDistance(word, []rune(name)); d < distance {
			best, distance = suggestion, d
		}
	}
	if functions {
		for _, k := range []operation{opMax, opMin, opFloor, opCeil, opRound} {
			try(k.sign(), k.sign())
		}
		return best
	}
	for t := range Term(termCount) {
		n := &termNames[t]
		try(n.label, n.label)
		try(n.field, n.field)
	}
	for t := range Term(termCount) {
		n := &termNames[t]
		try(n.also, n.label)
	}
	return best
}

// editDistance counts the characters to insert, remove or replace to turn a into b.
func editDistance(a, b []rune) int {
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
