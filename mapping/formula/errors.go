package formula

import (
	"errors"
	"fmt"
	"strings"
)

// The classes of [RowError]; match them with errors.Is.
var (
	// ErrMissing means that a figure needed by the formula is unknown.
	ErrMissing = errors.New("stock figure is unknown")
	// ErrDivisionByZero means that a divisor of the formula is zero for this row.
	ErrDivisionByZero = errors.New("division by zero")
	// ErrRange means that a figure is too long (40 digits, exponent 40) or that a result
	// overflows an int64.
	ErrRange = errors.New("figure out of range")
	// ErrFraction means that whole pieces were requested and the number is not whole.
	ErrFraction = errors.New("figure is not whole")
)

// ErrShortDst means that dst of a batch is shorter than its rows.
var ErrShortDst = errors.New("dst is shorter than rows")

// RowError reports why the stock of one SKU cannot be computed. Such a figure is never
// returned as zero.
type RowError struct {
	SKUID string // 商品编码
	Row   int    // index in the batch, 0 for a single row
	Term  Term   // the figure concerned, if any
	// Line and Column of the division in the formula, counted from 1 in
	// characters; zero for other errors.
	Line, Column int

	class error
	whole bool // it concerns the result, not Term
}

// Error returns what failed, for which SKU, and what to do, in English and Chinese.
func (e *RowError) Error() string {
	en, zh := e.texts()
	hintEN, hintZH, _ := strings.Cut(e.Hint(), " / ")
	return fmt.Sprintf("mapping: stock of SKU %q: %s; %s / 商品 %q 的库存：%s；%s",
		e.SKUID, en, hintEN, e.SKUID, zh, hintZH)
}

func (e *RowError) texts() (en, zh string) {
	name := e.Term.String() + " " + e.Term.Field()
	switch {
	case e.class == ErrMissing:
		return name + " is unknown", name + " 未知"
	case e.class == ErrDivisionByZero:
		return fmt.Sprintf("division by zero at line %d, column %d of the expression", e.Line, e.Column),
			fmt.Sprintf("表达式第 %d 行第 %d 列的除数为零", e.Line, e.Column)
	case e.class == ErrRange && e.whole:
		return "the result does not fit in 64 bits", "结果超出 64 位整数范围"
	case e.class == ErrRange:
		return name + " is out of range", name + " 超出范围"
	case e.whole:
		return "the result is not whole", "结果不是整数"
	}
	return name + " is not whole", name + " 不是整数"
}

// Hint returns what to do, in English and Chinese.
func (e *RowError) Hint() string {
	switch {
	case e.class == ErrMissing && e.Term == TermLockQty:
		return "ask for has_lock_qty in the inventory query / 查询库存时请传 has_lock_qty"
	case e.class == ErrMissing:
		return "leave it out of the expression, or let what is missing count as zero / 请从表达式中去掉该项，或设置缺失按 0 计"
	case e.class == ErrDivisionByZero:
		return "change the expression so that the divisor is never zero / 请修改表达式，保证除数不为零"
	case e.class == ErrRange:
		return "check the figures of this SKU / 请核对该商品的库存数据"
	}
	return "compute with decimals, or choose a rounding / 请用小数计算，或指定取整方式"
}

// Unwrap returns the class.
func (e *RowError) Unwrap() error { return e.class }

// RowErrors are the rows of a batch that have no figure, in the order of the
// rows. errors.Is and errors.As look at each.
type RowErrors []*RowError

// Error returns the number of rows and the first errors.
func (e RowErrors) Error() string {
	const shown = 3
	var b strings.Builder
	fmt.Fprintf(&b, "mapping: %d stock rows have no figure / %d 行库存无法计算", len(e), len(e))
	for i, row := range e {
		if i == shown {
			b.WriteString("; ...")
			break
		}
		fmt.Fprintf(&b, "; [%d] %s", row.Row, row.Error())
	}
	return b.String()
}

// Unwrap returns the error of each row.
func (e RowErrors) Unwrap() []error {
	list := make([]error, len(e))
	for i, row := range e {
		list[i] = row
	}
	return list
}
