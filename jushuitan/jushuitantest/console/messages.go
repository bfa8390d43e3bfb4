package console

import (
	"regexp"
	"strings"
)

// message rewords an error for the person at the page: the fake's own errors address Go
// programmers.
type message struct {
	found  *regexp.Regexp
	en, zh string // with $1, $2 for the matched groups; en "" keeps the original
}

func says(pattern, en, zh string) message { return message{regexp.MustCompile(pattern), en, zh} }

var messages = []message{
	says(`^the console answers this machine only$`, "", `控制台只允许本机访问`),
	says(`^the request comes from a page of another origin$`, "", `请求来自其他站点的页面，已拒绝`),
	says(`^the Content-Type must be application/json$`, "", `Content-Type 应为 application/json`),
	says(`^cannot read the body: (.*)$`, "", `读取请求内容失败：$1`),
	says(`^the body does not match the endpoint: (.*)$`, "", `请求内容与接口不符：$1`),
	says(`^("[^"]*") is not a document number$`, "", `$1 不是单据编号`),
	says(`^lc_id \(carrier\) and l_id \(waybill\) are required$`, "", `请填写物流公司 (lc_id) 与快递单号 (l_id)`),
	says(`^sku_id and qty are required$`, "", `请填写商品编码 (sku_id) 与数量 (qty)`),
	says(`^times, skip, seconds or retry_after is out of range$`, "", `times、skip、seconds 或 retry_after 超出范围`),
	says(`^status must be from 500 to 599$`, "", `HTTP 状态应在 500 到 599 之间`),
	says(`^no operation has the path ("[^"]*")$`, "", `没有路径为 $1 的接口`),
	says(`^slow requires seconds$`, "", `选择延迟时请填写秒数`),
	says(`^refuse requires a code other than 0$`, "", `选择拒绝时请填写非 0 的错误码`),
	says(`^there is no fault ("[^"]*")$`, "", `没有 $1 这种故障`),
	says(`^there is no dialect ("[^"]*")$`, "", `没有 $1 这种方言`),
	says(`^seconds must be from 1 to ten years$`, "", `秒数应在 1 秒到十年之间`),
	says(`^after must be a number$`, "", `after 应为数字`),

	says(`^order (\d+) does not exist$`, "", `订单 $1 不存在`),
	says(`^order (\d+) is (\w+), not (\w+)$`, `order $1 is $2; this is only possible while it is $3`, `订单 $1 的状态是 $2，只有 $3 状态才能这样操作`),
	says(`^order (\d+) is shipped in part$`, `order $1 is shipped in part and stays with its warehouse`, `订单 $1 已部分发货，不能改仓`),
	says(`^order (\d+) is shipped in part and cannot be cancelled$`, "", `订单 $1 已部分发货，不能取消`),
	says(`^order (\d+) is (\w+) and cannot be cancelled$`, "", `订单 $1 的状态是 $2，不能取消`),
	says(`^there is no main warehouse.*$`, `the company has no main warehouse: choose one`, `没有主仓，请指定仓库`),
	says(`^(?:\w+: )?warehouse (\d+) does not exist.*$`, `warehouse $1 does not exist`, `仓库 $1 不存在`),
	says(`^(?:\w+: )?shop (\d+) does not exist.*$`, `shop $1 does not exist`, `店铺 $1 不存在`),
	says(`^ImportOrder: so_id or items are missing$`, `the order has no items`, `订单没有商品明细`),
	says(`^ImportOrder: items\[(\d+)\]: sku_id or qty is missing$`, `items[$1]: sku_id is missing, or qty is not above 0`, `第 $1 行（从 0 起）缺少商品编码，或数量不大于 0`),
	says(`^ImportOrder: 店铺编号 (\d+) 不存在$`, `shop $1 does not exist`, `店铺 $1 不存在`),
	says(`^ImportOrder: (.*)$`, `the order is refused: $1`, `订单被拒绝：$1`),
	says(`^(?:ImportAfterSale|CreateTransfer|CreateOtherInOut): \w+ or items are missing$`, `the document has no items`, `单据没有商品明细`),
	says(`^ImportAfterSale: items\[(\d+)\]: qty is missing$`, `items[$1]: qty is not above 0`, `第 $1 行（从 0 起）数量不大于 0`),
	says(`^ImportAfterSale: the order has no line of ("[^"]*")$`, `the order has no line of $1`, `订单中没有商品 $1`),
	says(`^ImportAfterSale: 店铺编号 (\d+) 不存在$`, `shop $1 does not exist`, `店铺 $1 不存在`),
	says(`^ImportAfterSale: 线上单号不存在.*$`, `the order does not exist: so_id is its platform number`, `订单不存在，so_id 应为线上单号`),
	says(`^CreateTransfer: 调出仓与调入仓相同.*$`, `both warehouses are the same`, `调出仓与调入仓相同`),
	says(`^CreateTransfer: 调([出入])仓 (\d+) 不存在$`, `warehouse $2 does not exist`, `调${1}仓 $2 不存在`),
	says(`^CreateOtherInOut: 参数 type 应为 in 或 out$`, `type must be in or out`, `类型应为 in 或 out`),
	says(`^CreateOtherInOut: 参数 wms_co_id：分仓 (\d+) 不存在.*$`, `warehouse $1 does not exist`, `仓库 $1 不存在`),
	says(`^(?:CreateTransfer|CreateOtherInOut): (?:items\[\d+\]：)?商品编码 (.+) 不存在$`, `SKU $1 does not exist`, `商品 $1 不存在`),
	says(`^(?:CreateTransfer|CreateOtherInOut): (?:items\[\d+\]：)?商品 (.+) 的数量必须大于0$`, `the quantity of $1 is not above 0`, `商品 $1 的数量必须大于 0`),
	says(`^(?:ImportAfterSale|CreateTransfer|CreateOtherInOut): (.*)$`, `the document is refused: $1`, `单据被拒绝：$1`),
	says(`^outbound document (\d+) does not exist$`, "", `出库单 $1 不存在`),
	says(`^outbound document (\d+) is (\w+), not (\w+)$`, `outbound document $1 is $2; it can only be shipped while it is $3`, `出库单 $1 的状态是 $2，只有 $3 状态才能发货`),
	says(`^carrier ("[^"]*") does not exist.*$`, `carrier $1 does not exist`, `物流公司 $1 不存在`),
	says(`^waybill (.*) is a parcel of order (\d+) already$`, "", `快递单号 $1 已是订单 $2 的包裹`),
	says(`^Parcel: quantity of ("[^"]*") is not positive$`, `the quantity of $1 is not above 0`, `商品 $1 的数量必须大于 0`),
	says(`^Parcel: (\S+) more of ("[^"]*") than outbound document (\d+) has left$`, `outbound document $3 has less of $2 left: $1 too many`, `商品 $2 超出出库单 $3 的待发数量，多了 $1`),
	says(`^Parcel: empty$`, `the parcel is empty`, `包裹是空的，请填写发货数量`),
	says(`^after-sale case (\d+) does not exist$`, "", `售后单 $1 不存在`),
	says(`^after-sale case (\d+) is cancelled$`, "", `售后单 $1 已取消`),
	says(`^after-sale case (\d+) has no goods left to receive$`, "", `售后单 $1 没有待收的商品`),
	says(`^after-sale case (\d+): nothing was received$`, `nothing was received for after-sale case $1`, `售后单 $1 还没有收货，无法取消收货`),
	says(`^transfer (\d+) does not exist$`, "", `调拨单 $1 不存在`),
	says(`^transfer (\d+) is the incoming document: ship the outgoing document (\d+)$`, "", `$1 是调入单，请对调出单 $2 出库`),
	says(`^transfer (\d+) is (\w+): it was not shipped$`, "", `调拨单 $1 的状态是 $2，尚未出库`),
	says(`^transfer (\d+) is (\w+), not .*$`, `transfer $1 is $2 already`, `调拨单 $1 的状态已是 $2`),
	says(`^(\w[\w/ ]*) (\d+): 商品 (.+) 库存不足：需要 (\S+)，现有 (\S+)$`, `$1 $2: not enough stock of $3: $4 needed, $5 there`, `单据 $2：商品 $3 库存不足，需要 $4，现有 $5`),
	says(`^transfer (\d+): (.*)$`, "", `调拨单 $1：$2`),
	says(`^other in/out document (\d+) does not exist$`, "", `其它出入库单 $1 不存在`),
	says(`^other in/out document (\d+) is (\w+), not .*$`, `other in/out document $1 is $2 already`, `其它出入库单 $1 的状态已是 $2`),
	says(`^other in/out document (\d+): (.*)$`, "", `其它出入库单 $1：$2`),
	says(`^quantity of ("[^"]*") is negative$`, "", `商品 $1 的数量不能为负`),
	says(`^the document has no line of ("[^"]*")$`, "", `单据中没有商品 $1`),
	says(`^(\S+) more of ("[^"]*") than the document has$`, "", `商品 $2 比单据多了 $1`),
	says(`^all quantities are 0$`, "", `所有数量都是 0`),
	says(`^(?:SetStock|PushStock): SKU ("[^"]*") does not exist.*$`, `SKU $1 does not exist`, `商品 $1 不存在`),
	says(`^PushStock: shop (\d+) has no address for (\S+): .*$`, `shop $1 has no push address for $2: register one`, `店铺 $1 没有登记 $2 的推送地址，请先登记`),
	says(`^PushStock: warehouse (\d+) has no stock rows$`, `warehouse $1 has no stock`, `仓库 $1 没有库存`),
	says(`^RegisterPush: method ("[^"]*") is unknown$`, `there is no push $1`, `没有 $1 这种推送`),
	says(`^RegisterPush: invalid address.*$`, `the address must be http(s)://host/path?query`, `地址应为 http(s)://主机/路径?参数`),
	says(`^RegisterPush: the parameter (\w+) is Jushuitan's own$`, `the address must not have the parameter $1: Jushuitan adds it`, `地址中不能含参数 $1，它由聚水潭添加`),
}

// explain rewords an error for the person at the page. Unknown errors are unchanged.
func explain(text string) (en, zh string) {
	text = strings.TrimPrefix(text, "jushuitantest: ")
	text = strings.Replace(text, ": jushuitantest: ", ": ", 1)
	for _, m := range messages {
		at := m.found.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		en = text
		if m.en != "" {
			en = string(m.found.ExpandString(nil, m.en, text, at))
		}
		return en, string(m.found.ExpandString(nil, m.zh, text, at))
	}
	return text, text
}
