// Package formula computes stock figures with a merchant's formula (库存下载取数逻辑),
// such as 实际库存+虚拟库存-订单占用. It knows the words of the formula and their field
// names, but neither Jushuitan's nor DianJia's types: mapping.StockOf converts an
// inventory row of Jushuitan to a [Row].
//
//   - [Parse] parses a formula in Chinese or English words; a [*SyntaxError] states
//     line, column and the most similar known word.
//   - [Formula.Eval] and [Formula.EvalWith] compute exactly, [Formula.EvalInto] and
//     [Formula.EvalInt64] in batches of millions; an [EvalPolicy] determines how
//     fractions, negative results and unknown figures are treated.
//   - [Formula.Lint] warns of formulas that oversell, and [Formula.Explain] shows
//     support staff how a figure was computed.
//   - [Actual], [Sellable], [Available] and [Allocatable] are the usual formulas.
//
// For example, what the merchant's warehouse can sell:
//
//	f, err := formula.Parse("库存下载取数逻辑=实际库存+虚拟库存-订单占用")
//	if err != nil {
//		return err // with line, column and the most similar known word
//	}
//	row := mapping.StockOf(inventory) // a row of client.Inventory.Query
//	qty, err := f.EvalWith(&row, formula.EvalPolicy{Negative: formula.NegativeZero})
package formula
