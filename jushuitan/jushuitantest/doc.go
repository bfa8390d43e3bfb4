// Package jushuitantest is a fake Jushuitan (聚水潭) for tests: a server that speaks
// the open platform's protocol over real HTTP and keeps shops, warehouses, products,
// stock, orders, outbound documents, after-sale cases, transfers, other in/out
// documents, purchases, receipts and purchase returns in memory.
//
//	srv := jushuitantest.NewServer()
//	defer srv.Close()
//	client, err := srv.Client()
//
// It refuses what the platform refuses (invalid sign, old time stamp, expired token,
// missing permission, exceeded rate limit, missing fields, too many rows, too long time
// ranges), with the platform's messages and codes. Methods play the merchant's staff in
// the ERP: [Company.AssignOrder], [Company.ShipOutbound], [Company.ReceiveReturn],
// [Company.ShipTransfer], [Company.ReceivePurchase] and so on; the resulting pushes are
// sent to the addresses registered with [Company.RegisterPush]. [Server.Inject] injects
// faults.
//
// [WithDialect] and [Server.Speak] make it answer in other ways that public sources show
// ([Dialects]) or that none excludes ([Guesses]): other names of flags, other nesting,
// pages without counts, late rows, a wrong clock and so on.
//
// Operations that the business flows need are answered from the state. All others of
// the catalog validate the request and answer with their sample.
//
// The package never contacts the real platform. Behaviour that no source documents is
// marked as an assumption.
package jushuitantest
