// Package dianjiajushuitan is the root of a module that links two worlds of
// Chinese retail: DianJia (店加), a store, OMS and WMS system, and Jushuitan
// (聚水潭), the ERP its merchants run. Import the packages below it:
//
//   - jushuitan: typed client of the Jushuitan open API. Signing, quotas, tokens,
//     retries, iterators, uploads with an error for each row.
//   - jushuitan/jushuitantest: a fake Jushuitan over real HTTP, for tests; its
//     console is the ERP staff's side of it.
//   - jushuitan/redisstate: a module of its own: tokens, quotas, dedupe, checkpoints
//     and an inbox of pushes for many processes, on Redis.
//   - jushuitan/sqlstate: a module of its own: tokens, dedupe, checkpoints and an
//     outbox of writes in the host's database and transactions.
//   - qimen: signed calls through the Qimen gateway (奇门), and receiving what it
//     forwards; qimen/qimentest is a fake gateway.
//   - dianjia: DianJia's side: the push URLs that a merchant registers, sending
//     pushes on, DianJia's types.
//   - mapping: the rules between the two, as pure functions: stock formulas,
//     product fields, sync settings, transfers, carriers, routing.
//   - callback: http.Handlers for what Jushuitan pushes, and finding what never came.
//
// A first call:
//
//	client, err := jushuitan.New(jushuitan.Credentials{AppKey: key, AppSecret: secret})
//	if err != nil {
//		return err
//	}
//	for shop, err := range client.ForMerchant("10010").Shops.All(ctx, &jushuitan.ShopQuery{}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(shop.ShopID, shop.ShopName)
//	}
//
// The programs in examples show the business flows, each with what goes wrong in it;
// examples/tour runs all six against the fake. The README says what is promised
// and what is not, and what could not be verified; examples/TUTORIAL.md is a tutorial.
package dianjiajushuitan
