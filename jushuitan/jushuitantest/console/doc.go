// Package console is the operator's side of the fake Jushuitan: an HTTP API under
// /_sandbox/ and one web page (运营台), on which a person, or a test in any language,
// plays the ERP's staff. They pay, audit, assign, ship and cancel orders, receive
// returned goods, change stock, expire tokens and inject faults.
//
//	srv, err := jushuitantest.Start(ctx, addr, jushuitantest.WithMiddleware(console.Middleware(console.Config{})))
//
// It is meant for a sandbox on the developer's own machine: remote callers are refused
// unless [Config].AllowRemote is set, and so are web pages of other origins. It shows
// no personal data and no secrets.
//
// # The API
//
// All paths are below /_sandbox/. A POST has Content-Type application/json and a JSON
// object as its body, which is optional where none is shown; unknown members are
// refused. Quantities and prices are JSON numbers or strings in requests, and strings
// in answers. The query parameter merchant=NAME selects a company other than the
// default one; an unknown name creates a company. Times are in UTC+8.
//
// The endpoints with their body and, after the arrow, their answer:
//
//	GET  state                     -> {"now":"2026-01-02 15:04:05","started":"...","merchant":"","merchants":[""],"co_id":10000001,"stats":{...},"shops":[...],"warehouses":[...],"carriers":[...],"skus":[...],"orders":[...],"outbounds":[...],"after_sales":[...],"transfers":[...],"other_in_outs":[...],"stock":[...],"push_kinds":[...],"push_addresses":[...],"faults":[...],"fault_kinds":[...],"dialects":[...],"known_dialects":[...]}
//	GET  operations                -> [{"path":"/open/shops/query","title":"店铺查询","title_en":"Query shops"}]
//	GET  requests?after=0          -> [{"no":1,"time":"...","path":"/open/shops/query","method":"","status":200,"code":0,"msg":"","biz":{...},"answer":{...}}]
//	GET  pushes?after=0            -> [{"no":1,"time":"...","merchant":"","method":"logistics.upload","shop_id":1,"url":"...","done":true,"ok":true,"attempts":1,"status":200,"code":"0","error":"","body":{...},"answer":{...}}]
//	POST orders                    {"shop_id":10200077,"so_id":"","unpaid":false,"items":[{"sku_id":"CAP24-RED","qty":1,"price":"39"}]} -> {"o_id":910001,"so_id":"SB1"}
//	POST orders/{id}/pay           -> {"ok":true}
//	POST orders/{id}/audit         -> {"ok":true}
//	POST orders/{id}/resolve       -> {"ok":true}
//	POST orders/{id}/assign        {"wms_co_id":10100001} -> {"io_id":50001}
//	POST orders/{id}/cancel        {"remark":"缺货"} -> {"ok":true}
//	POST outbounds/{id}/ship       {"lc_id":"SF","l_id":"SF1","lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST aftersales                {"shop_id":10200077,"so_id":"SB1","outer_as_id":"","type":"普通退货","items":[{"sku_id":"CAP24-RED","qty":1,"price":"39"}]} -> {"as_id":1,"outer_as_id":"AS1"}
//	POST aftersales/{id}/receive   -> {"ok":true}
//	POST aftersales/{id}/revoke    -> {"ok":true}
//	POST transfers                 {"so_id":"","wms_co_id":10100001,"link_wms_co_id":10100088,"items":[{"sku_id":"CAP24-RED","qty":1}]} -> {"io_id":50002}
//	POST transfers/{id}/ship       {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST transfers/{id}/receive    {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST otherinouts               {"external_id":"","type":"in","wms_co_id":10100001,"warehouse":1,"items":[{"sku_id":"CAP24-RED","qty":1}]} -> {"io_id":50003}
//	POST otherinouts/{id}/confirm  {"lines":{"CAP24-RED":1}} -> {"ok":true}
//	POST stock                     {"wms_co_id":10100001,"sku_id":"CAP24-RED","qty":99} -> {"ok":true}
//	POST stock/push                {"shop_id":10200077,"wms_co_id":10100001,"sku_ids":["CAP24-RED"]} -> {"ok":true}
//	POST push-addresses            {"shop_id":10200077,"method":"logistics.upload","url":"http://127.0.0.1:8081/..."} -> {"ok":true}
//	POST tokens/expire             -> {"ok":true}
//	POST faults                    {"kind":"throttle","path":"/open/shops/query","times":1,"skip":0,"seconds":0,"retry_after":0,"status":0,"code":0,"msg":""} -> {"ok":true}
//	POST faults/clear              -> {"ok":true}
//	POST dialects                  {"names":["bom"]} -> {"ok":true}
//	POST advance                   {"seconds":3600} -> {"now":"2026-01-02 16:04:05"}
//
// orders places an order in a shop, with a fictitious receiver; a missing so_id is
// generated, and an existing one changes the order. pay, audit, resolve (转正常单),
// assign (指定仓库; 0 means the main one) and cancel take the o_id; a Delivering order
// is assigned again (改仓), which voids its outbound document. ship takes the io_id of
// the outbound document; lines are the quantities in the parcel by SKU, by default all
// outstanding. aftersales creates an after-sale case (售后单) of an order, by default a
// return; receive and revoke take its as_id. transfers creates a transfer (跨仓调拨) to
// link_wms_co_id, otherinouts another in/out document, whose type is in or out and whose
// warehouse is the slot: 1 main, 2 sales return, 3 purchase-in, 4 defective. Their actions
// take an io_id; lines are the actual quantities, by default those of the document.
//
// An action that is pushed to a shop (ship, cancel, receive, revoke) also answers
// "not_pushed":{"shop_id":10200077,"method":"logistics.upload"} if the shop has no
// address for it.
//
// stock sets qty, the actual stock (主仓实际库存). stock/push pushes available quantities of
// a warehouse to a shop; without sku_ids, of all its SKUs. push-addresses registers
// the address for one kind of push, named by a method of the state's push_kinds;
// without url it removes the address. tokens/expire expires the merchant's tokens:
// calls are answered with code 100. faults injects a fault for all merchants; kind is
// one of the state's fault_kinds, see [jushuitantest.FaultKind]; without path it
// affects all paths but those of tokens; times is the number of affected requests, 0
// for all, after skipping skip requests; seconds is the delay of slow, retry_after
// (seconds) applies to http-429 and http-5xx, status to http-5xx, code and msg to
// refuse. dialects makes the sandbox answer as the named known_dialects do and in no other
// way, see [jushuitantest.Dialect]; without names it answers plainly. advance moves the sandbox's clock forward.
//
// requests and pushes return the entries after the given one, out of the last 500;
// personal data and secrets are masked. status 0 means that the connection was cut;
// method is that of a Qimen gateway behind the console, of which nothing else is shown.
// A push that is not done changes later: query it again. body is its message, answer what
// the receiver answered last, a string if that is no JSON. A different value of started
// means that the sandbox was restarted and numbering began anew.
//
// Failures are answered with {"error":"...","error_zh":"..."}, in English and Chinese:
// 400 for an invalid request, 403 for a caller without access, 409 if the ERP refuses,
// such as shipping a cancelled order, in which case nothing changed; 415 for another
// Content-Type.
//
// Experimental: this package may change in any minor version.
package console
