// Package console is the operator's side of the fake Jushuitan: an HTTP API under
// /_sandbox/ and one web page (运营台), on which a person, or a test in any language,
// plays the ERP's staff. They pay, audit, assign, ship and cancel orders, receive
// returned goods, change stock, end tokens and make requests go wrong.
//
//	srv, err := jushuitantest.Start(ctx, addr, jushuitantest.WithFront(console.Front(console.Config{})))
//
// It is for a sandbox on the developer's own machine: callers from elsewhere are
// refused unless [Config].AllowRemote says otherwise, and so are web pages of other
// origins. It shows no personal data and no secrets.
//
// # The API
//
// All paths are below /_sandbox/. A POST has Content-Type application/json and a JSON
// object as its body, which may be missing where none is shown; a member that is not
// known is refused. Quantities and prices are JSON numbers or texts, and texts in
// answers. The query merchant=NAME chooses a company other than the default one; a
// name that is new makes one. Times are in UTC+8.
//
// What every endpoint takes, and after the arrow what it answers:
//
//	GET  state                     -> {"now":"2026-01-02 15:04:05","started":"...","merchant":"","merchants":[""],"co_id":10000001,"stats":{...},"shops":[...],"warehouses":[...],"carriers":[...],"skus":[...],"orders":[...],"outbounds":[...],"after_sales":[...],"transfers":[...],"other_in_outs":[...],"stock":[...],"push_addresses":[...],"faults":[...],"fault_kinds":[...]}
//	GET  operations                -> [{"path":"/open/shops/query","title":"店铺查询","title_en":"Query shops"}]
//	GET  requests?after=0          -> [{"no":1,"time":"...","path":"/open/shops/query","method":"","status":200,"code":0,"msg":"","biz":{...},"answer":{...}}]
//	GET  pushes?after=0            -> [{"no":1,"time":"...","merchant":"","method":"logistics.upload","shop_id":1,"url":"...","done":true,"ok":true,"attempts":1,"status":200,"code":"0","error":""}]
//	POST orders                    {"shop_id":10200077,"so_id":"","unpaid":false,"items":[{"sku_id":"CAP24-RED","qty":1,"price":"39"}]} -> {"o_id":910001,"so_id":"SB1"}
//	POST orders/{id}/pay           -> {"ok":true}
//	POST orders/{id}/audit         -> {"ok":true}
//	POST orders/{id}/resolve       -> {"ok":true}
//	POST orders/{id}/assign        {"wms_co_id":10100001} -> {"io_id":50001}
//	POST orders/{id}/cancel        {"remark":"缺货"} -> {"ok":true}
//	POST outbounds/{id}/ship       {"lc_id":"SF","l_id":"SF1","lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST aftersales/{id}/receive   -> {"ok":true}
//	POST aftersales/{id}/revoke    -> {"ok":true}
//	POST transfers/{id}/ship       {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST transfers/{id}/receive    {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST otherinouts/{id}/confirm  {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST stock                     {"wms_co_id":10100001,"sku_id":"CAP24-RED","qty":99} -> {"ok":true}
//	POST stock/push                {"shop_id":10200077,"wms_co_id":10100001,"sku_ids":["CAP24-RED"]} -> {"ok":true}
//	POST push-addresses            {"shop_id":10200077,"method":"logistics.upload","url":"http://127.0.0.1:8081/..."} -> {"ok":true}
//	POST tokens/expire             -> {"ok":true}
//	POST faults                    {"kind":"throttle","path":"/open/shops/query","times":1,"skip":0,"seconds":0,"retry_after":0,"status":0,"code":0,"msg":""} -> {"ok":true}
//	POST faults/clear              -> {"ok":true}
//	POST advance                   {"seconds":3600} -> {"now":"2026-01-02 16:04:05"}
//
// orders places an order of a shop, of which the receiver is made up; without so_id it
// gets one, with one that exists the order is changed. pay, audit, resolve (转正常单),
// assign (指定仓库; 0 is the main one) and cancel take the o_id; an order that is
// Delivering already is assigned anew (改仓), its outbound document is voided. ship
// takes the io_id of the outbound document; lines say how much of which SKU is in the
// parcel, none is all that is left. receive and revoke take the as_id of an after-sale
// case (售后单), which a client uploads. transfers and otherinouts take an io_id, lines
// are what was really picked or received, none is what the document says.
//
// stock sets qty, the real stock (主仓实际库存). stock/push pushes available figures of
// a warehouse to a shop; without sku_ids of all it has. push-addresses registers where
// one kind of push goes (logistics.upload, cancel.order, refund.goods,
// inventory.upload); without url it takes that back. tokens/expire ends the merchant's
// tokens: calls are answered 100. faults makes requests of all merchants go wrong; kind
// is one of the state's fault_kinds, see [jushuitantest.FaultKind]; without path on
// every path but those of tokens; times is how many requests it meets and 0 all of
// them, skip how many it lets pass before; seconds is the delay of slow, retry_after
// (seconds) is for http-429 and http-5xx, status for http-5xx, code and msg are for
// refuse. advance moves the sandbox's clock forward.
//
// requests and pushes give what came after an entry, of the last 500; personal data
// and secrets are masked. status 0 is a connection that was cut; method is that of a
// Qimen gateway behind the console, of which no more is shown. A push that is not done changes later: ask from before it
// again. started differs when the sandbox was started anew, and numbers begin again.
//
// What cannot be done is answered with {"error":"...","error_zh":"..."}, in English and
// Chinese: 400 for a request that makes no sense, 403 for a caller who may not, 409
// where the ERP refuses, such as shipping a cancelled order, and then nothing changed;
// 415 for another Content-Type.
//
// Experimental: this package may change in any minor version.
package console
