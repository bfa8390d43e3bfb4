// Package dianjiajushuitan is the root of a module that links two worlds of
// Chinese retail: DianJia (店加), a store, OMS and WMS system, and Jushuitan
// (聚水潭), the ERP its merchants run. Import the packages below it:
//
//   - jushuitan: typed client of the Jushuitan open API. Signing, quotas, tokens,
//     retries, iterators, uploads with an error for each row.
//   - jushuitan/jushuitantest: a fake Jushuitan over real HTTP, for tests.
//   - dianjia: DianJia's side: the push URLs that a merchant registers, sending
//     pushes on, DianJia's types.
//   - mapping: the rules between the two, as pure functions: stock expressions,
//     product fields, sync settings, carriers, routing.
//   - callback: http.Handlers for what Jushuitan pushes, and finding what never came.
//
// A first call:
//
//	client, err := jushuitan.New(jushuitan.Credentials{AppKey: key, AppSecret: secret})
//	if err != nil {
//		return err
//	}
//	for shop, err := range client.ForMerchant("10010").Shops.All(ctx, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(shop.ShopID, shop.ShopName)
//	}
//
// The programs in examples show the business flows; examples/tour runs them
// against the fake.
package dianjiajushuitan
