package jushuitan

// Statuses of an order (订单状态). The server may send others.
const (
	OrderStatusWaitPay       = "WaitPay"       // 待付款
	OrderStatusWaitConfirm   = "WaitConfirm"   // 已付款待审核
	OrderStatusWaitFConfirm  = "WaitFConfirm"  // 待财审
	OrderStatusQuestion      = "Question"      // 异常
	OrderStatusDelivering    = "Delivering"    // 发货中
	OrderStatusWaitOuterSent = "WaitOuterSent" // 等待供销商或外仓发货
	OrderStatusSent          = "Sent"          // 已发货
	OrderStatusMerged        = "Merged"        // 被合并
	OrderStatusSplit         = "Split"         // 被拆分
	OrderStatusCancelled     = "Cancelled"     // 被取消
)

// Statuses that a shop assigns to an order it uploads (店铺状态, shop_status).
const (
	ShopStatusWaitBuyerPay         = "WAIT_BUYER_PAY"           // 等待买家付款
	ShopStatusWaitSellerSendGoods  = "WAIT_SELLER_SEND_GOODS"   // 等待卖家发货: counts as paid when pay.amount equals pay_amount
	ShopStatusWaitBuyerConfirm     = "WAIT_BUYER_CONFIRM_GOODS" // 等待买家确认收货
	ShopStatusTradeFinished        = "TRADE_FINISHED"           // 交易成功
	ShopStatusTradeClosed          = "TRADE_CLOSED"             // 付款后关闭
	ShopStatusTradeClosedBeforePay = "TRADE_CLOSED_BY_TAOBAO"   // 付款前关闭
)

// Statuses of an outbound document (销售出库单状态).
const (
	OutboundStatusWaitConfirm     = "WaitConfirm"     // 待出库
	OutboundStatusConfirmed       = "Confirmed"       // 已出库
	OutboundStatusDelete          = "Delete"          // 作废: the order was cancelled while it was being shipped
	OutboundStatusCancelled       = "Cancelled"       // 取消: the shipment was undone
	OutboundStatusOuterConfirming = "OuterConfirming" // 外部发货中
)

// Statuses of an after-sale case (售后单状态).
const (
	AfterSaleStatusWaitConfirm = "WaitConfirm" // 待确认
	AfterSaleStatusConfirmed   = "Confirmed"   // 已确认
	AfterSaleStatusCancelled   = "Cancelled"   // 已作废
	AfterSaleStatusMerged      = "Merged"      // 被合并
)

// Statuses of the goods of an after-sale case (货物状态, good_status).
const (
	GoodStatusBuyerNotReceived   = "BUYER_NOT_RECEIVED"   // 买家未收到货
	GoodStatusBuyerReceived      = "BUYER_RECEIVED"       // 买家已收到货
	GoodStatusBuyerReturnedGoods = "BUYER_RETURNED_GOODS" // 买家已退货
	GoodStatusSellerReceived     = "SELLER_RECEIVED"      // 卖家已收到退货
)

// Kinds of an after-sale line (售后类型).
const (
	AfterSaleTypeReturn   = "退货"
	AfterSaleTypeExchange = "换货"
	AfterSaleTypeResend   = "补发"
	AfterSaleTypeOther    = "其它"
)

// Slots of a warehouse (仓位类型, wh_id).
const (
	SlotMain        = 1 // 主仓
	SlotSalesReturn = 2 // 销退仓
	SlotPurchaseIn  = 3 // 进货仓
	SlotDefective   = 4 // 次品仓
)

// Types of a stocktake upload (盘点类型).
const (
	StocktakeCheck  = "check"  // 全量: the quantity replaces the stock of the SKU
	StocktakeAdjust = "adjust" // 增量: the quantity is added to it
)
