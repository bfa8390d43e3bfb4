// Package jushuitantest is a Jushuitan (聚水潭) for tests: a server that speaks the
// open platform's protocol over real HTTP and keeps shops, warehouses, products,
// stock, orders, outbound documents, after-sale cases, transfers, other in/out
// documents, purchases, receipts and purchase returns in memory.
//
//	srv := jushuitantest.NewServer()
//	defer srv.Close()
//	client, err := srv.Client()
//
// It refuses what the platform refuses (wrong sign, old time stamp, expired
// token, no permission, too many calls, missing fields, too many rows, too long
// time ranges), in the platform's words and codes. What a merchant's staff do in
// the ERP is done by methods: [Company.Assign], [Company.Ship],
// [Company.ReceiveReturn], [Company.ShipTransfer], [Company.ReceivePurchase] and so on; the pushes that follow go to the addresses
// given to [Company.RegisterPush]. [Server.Inject] makes things go wrong.
//
// Operations that the business flows need are answered from the state, every
// other one of the catalog checks its request and answers its sample.
//
// Nothing here talks to the real platform. Where no source says how it behaves
// the choice is marked as an assumption.
package jushuitantest
