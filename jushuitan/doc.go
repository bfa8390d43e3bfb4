// Package jushuitan is a typed client of the Jushuitan (聚水潭) open API, version
// 2: shops, goods, stock, orders, outbound documents, after-sales. See [New].
package jushuitan

//go:generate go run ../internal/gen -dir .
