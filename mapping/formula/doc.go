// Package formula computes stock figures by a merchant's formula (库存下载取数逻辑),
// such as 实际库存+虚拟库存-订单占用. It knows the words of the formula and their field
// names, and neither Jushuitan's nor DianJia's types: mapping.StockOf makes a [Row] of
// Jushuitan's inventory row.
//
//   - [Parse] reads a formula in Chinese or English words; a [*SyntaxError] says line and
//     column, and the nearest known word.
//   - [Formula.Eval] and [Formula.EvalWith] compute exactly, [Formula.EvalInto] and
//     [Formula.EvalInt64] by the million; a [EvalPolicy] says what becomes of fractions, of
//     what is below zero and of figures that are unknown.
//   - [Formula.Lint] warns of formulas that oversell, [Formula.Explain] shows support
//     staff where a figure comes from.
//   - [Actual], [Sellable], [Available] and [Allocatable] are the usual formulas.
//
// An example: what the merchant's warehouse can sell.
//
//	f, err := formula.Parse("库存下载取数逻辑=实际库存+虚拟库存-订单占用")
//	if err != nil {
//		return err // says line and column, and the nearest known word
//	}
//	row := mapping.StockOf(inventory) // a row of client.Inventory.Query
//	qty, err := f.EvalWith(&row, formula.EvalPolicy{Negative: formula.NegativeZero})
package formula
