package qimen

import (
	"slices"
	"strings"
)

// The enumerations are open: a value that is none of the constants is kept as received, and
// Known returns false for it. A receiver should accept unknown values.

// OrderType 单据类型 is the type of a document. Which values a method accepts depends on its
// kind: sales delivery, other outbound, inbound or return.
type OrderType string

// The values of [OrderType].
const (
	OrderTypeSalesOut        OrderType = "JYCK"  // 一般交易出库: ordinary sale
	OrderTypeExchangeOut     OrderType = "HHCK"  // 换货出库: exchange
	OrderTypeResendOut       OrderType = "BFCK"  // 补发出库: sent again
	OrderTypeOtherOut        OrderType = "QTCK"  // 其他出库: other outbound
	OrderTypeOrdinaryOut     OrderType = "PTCK"  // 普通出库: ordinary outbound, no sale
	OrderTypeTransferOut     OrderType = "DBCK"  // 调拨出库: transfer
	OrderTypeB2BOut          OrderType = "B2BCK" // B2B出库
	OrderTypePurchaseReturn  OrderType = "CGTH"  // 采购退货出库: back to the supplier
	OrderTypeVirtualOut      OrderType = "XNCK"  // 虚拟出库: virtual
	OrderTypeJITOut          OrderType = "JITCK" // 唯品出库: Vipshop JIT
	OrderTypeProductionOut   OrderType = "SCCK"  // 生产出库: production; of a third party's specification only
	OrderTypeProductionIn    OrderType = "SCRK"  // 生产入库: production
	OrderTypeRequisitionIn   OrderType = "LYRK"  // 领用入库: requisition
	OrderTypeDefectiveIn     OrderType = "CCRK"  // 残次品入库: defective goods
	OrderTypePurchaseIn      OrderType = "CGRK"  // 采购入库: purchase
	OrderTypeTransferIn      OrderType = "DBRK"  // 调拨入库: transfer
	OrderTypeOtherIn         OrderType = "QTRK"  // 其他入库: other inbound
	OrderTypeB2BIn           OrderType = "B2BRK" // B2B入库
	OrderTypeVirtualIn       OrderType = "XNRK"  // 虚拟入库: virtual
	OrderTypeReturnIn        OrderType = "THRK"  // 退货入库: return
	OrderTypeExchangeIn      OrderType = "HHRK"  // 换货入库: exchange
	OrderTypeSalesReturnIn   OrderType = "XTRK"  // 销退入库: sales return, in cancel, process and stockchange
	OrderTypeProcessing      OrderType = "CNJG"  // 仓内加工: processing in the warehouse
	OrderTypeReturnTransitIn OrderType = "THYRK" // of a third party's specification only
)

// Known reports whether v is one of the constants.
func (v OrderType) Known() bool {
	switch v {
	case OrderTypeSalesOut, OrderTypeExchangeOut, OrderTypeResendOut, OrderTypeOtherOut, OrderTypeOrdinaryOut, OrderTypeTransferOut, OrderTypeB2BOut, OrderTypePurchaseReturn, OrderTypeVirtualOut, OrderTypeJITOut, OrderTypeProductionOut, OrderTypeProductionIn, OrderTypeRequisitionIn, OrderTypeDefectiveIn, OrderTypePurchaseIn, OrderTypeTransferIn, OrderTypeOtherIn, OrderTypeB2BIn, OrderTypeVirtualIn, OrderTypeReturnIn, OrderTypeExchangeIn, OrderTypeSalesReturnIn, OrderTypeProcessing, OrderTypeReturnTransitIn:
		return true
	}
	return false
}

// RelatedOrderType 关联单据类型 is the type of a related document.
type RelatedOrderType string

// The values of [RelatedOrderType].
const (
	RelatedOrderTypePurchase RelatedOrderType = "CG" // 采购单: purchase
	RelatedOrderTypeTransfer RelatedOrderType = "DB" // 调拨单: transfer
	RelatedOrderTypeOutbound RelatedOrderType = "CK" // 出库单: outbound
	RelatedOrderTypeInbound  RelatedOrderType = "RK" // 入库单: inbound
)

// Known reports whether v is one of the constants.
func (v RelatedOrderType) Known() bool {
	switch v {
	case RelatedOrderTypePurchase, RelatedOrderTypeTransfer, RelatedOrderTypeOutbound, RelatedOrderTypeInbound:
		return true
	}
	return false
}

// OrderStatus 单据状态 is the progress of a delivery or inbound document.
type OrderStatus string

// The values of [OrderStatus].
const (
	OrderStatusNew           OrderStatus = "NEW"           // 未开始处理: not begun
	OrderStatusAccepted      OrderStatus = "ACCEPT"        // 仓库接单: accepted by the warehouse
	OrderStatusPartDelivered OrderStatus = "PARTDELIVERED" // 部分发货完成: shipped in part
	OrderStatusDelivered     OrderStatus = "DELIVERED"     // 发货完成: shipped
	OrderStatusPartFulfilled OrderStatus = "PARTFULFILLED" // 部分收货完成: received in part
	OrderStatusFulfilled     OrderStatus = "FULFILLED"     // 收货完成: received
	OrderStatusException     OrderStatus = "EXCEPTION"     // 异常: something is wrong
	OrderStatusCanceled      OrderStatus = "CANCELED"      // 取消: cancelled
	OrderStatusClosed        OrderStatus = "CLOSED"        // 关闭: closed
	OrderStatusRejected      OrderStatus = "REJECT"        // 拒单: refused by the warehouse
	OrderStatusCancelFailed  OrderStatus = "CANCELEDFAIL"  // 取消失败: could not be cancelled
)

// Known reports whether v is one of the constants.
func (v OrderStatus) Known() bool {
	switch v {
	case OrderStatusNew, OrderStatusAccepted, OrderStatusPartDelivered, OrderStatusDelivered, OrderStatusPartFulfilled, OrderStatusFulfilled, OrderStatusException, OrderStatusCanceled, OrderStatusClosed, OrderStatusRejected, OrderStatusCancelFailed:
		return true
	}
	return false
}

// ProcessStatus 流水状态 is a step in the life of a document.
type ProcessStatus string

// The values of [ProcessStatus].
const (
	ProcessStatusNew               ProcessStatus = "NEW"             // 未开始处理: not begun; in queries only
	ProcessStatusAccepted          ProcessStatus = "ACCEPT"          // 仓库接单: accepted
	ProcessStatusPrinted           ProcessStatus = "PRINT"           // 打印: printed
	ProcessStatusPicked            ProcessStatus = "PICK"            // 捡货: picked
	ProcessStatusChecked           ProcessStatus = "CHECK"           // 复核: checked
	ProcessStatusPacked            ProcessStatus = "PACKAGE"         // 打包: packed
	ProcessStatusWeighed           ProcessStatus = "WEIGH"           // 称重: weighed
	ProcessStatusReady             ProcessStatus = "READY"           // 待提货: ready for pick-up
	ProcessStatusDelivered         ProcessStatus = "DELIVERED"       // 已发货: shipped
	ProcessStatusPartDelivered     ProcessStatus = "PARTDELIVERED"   // 部分发货完成: shipped in part
	ProcessStatusPartFulfilled     ProcessStatus = "PARTFULFILLED"   // 部分收货完成: received in part
	ProcessStatusFulfilled         ProcessStatus = "FULFILLED"       // 收货完成: received
	ProcessStatusRefused           ProcessStatus = "REFUSE"          // 买家拒签: the buyer refused it
	ProcessStatusSigned            ProcessStatus = "SIGN"            // 签收: signed for
	ProcessStatusException         ProcessStatus = "EXCEPTION"       // 异常: something is wrong
	ProcessStatusClosed            ProcessStatus = "CLOSED"          // 关闭: closed
	ProcessStatusCanceled          ProcessStatus = "CANCELED"        // 取消: cancelled
	ProcessStatusCancelFailed      ProcessStatus = "CANCELEDFAIL"    // 取消失败: could not be cancelled; in queries only
	ProcessStatusRejected          ProcessStatus = "REJECT"          // 仓库拒单: refused by the warehouse
	ProcessStatusParcelIntercepted ProcessStatus = "TMSCANCELED"     // 快递拦截: the parcel was intercepted
	ProcessStatusInterceptFailed   ProcessStatus = "TMSCANCELFAILED" // 快递拦截失败: the parcel could not be intercepted
	ProcessStatusOther             ProcessStatus = "OTHER"           // 其他: other
)

// Known reports whether v is one of the constants.
func (v ProcessStatus) Known() bool {
	switch v {
	case ProcessStatusNew, ProcessStatusAccepted, ProcessStatusPrinted, ProcessStatusPicked, ProcessStatusChecked, ProcessStatusPacked, ProcessStatusWeighed, ProcessStatusReady, ProcessStatusDelivered, ProcessStatusPartDelivered, ProcessStatusPartFulfilled, ProcessStatusFulfilled, ProcessStatusRefused, ProcessStatusSigned, ProcessStatusException, ProcessStatusClosed, ProcessStatusCanceled, ProcessStatusCancelFailed, ProcessStatusRejected, ProcessStatusParcelIntercepted, ProcessStatusInterceptFailed, ProcessStatusOther:
		return true
	}
	return false
}

// POSOrderStatus 门店发货单状态 is the progress of a delivery order in a store.
type POSOrderStatus string

// The values of [POSOrderStatus].
const (
	POSOrderStatusNew       POSOrderStatus = "NEW"       // new
	POSOrderStatusAccepted  POSOrderStatus = "ACCEPT"    // accepted by the store
	POSOrderStatusPickedUp  POSOrderStatus = "PICKED"    // picked up by the buyer
	POSOrderStatusDelivered POSOrderStatus = "DELIVERED" // shipped
	POSOrderStatusRejected  POSOrderStatus = "REJECT"    // refused by the store
	POSOrderStatusCanceled  POSOrderStatus = "CANCELED"  // cancelled
)

// Known reports whether v is one of the constants.
func (v POSOrderStatus) Known() bool {
	switch v {
	case POSOrderStatusNew, POSOrderStatusAccepted, POSOrderStatusPickedUp, POSOrderStatusDelivered, POSOrderStatusRejected, POSOrderStatusCanceled:
		return true
	}
	return false
}

// TransportMode 提货方式 is how a store delivers goods.
type TransportMode string

// The values of [TransportMode].
const (
	TransportModePickUp  TransportMode = "ZT" // 自提: the buyer picks them up
	TransportModeExpress TransportMode = "KD" // 快递: by carrier
)

// Known reports whether v is one of the constants.
func (v TransportMode) Known() bool {
	switch v {
	case TransportModePickUp, TransportModeExpress:
		return true
	}
	return false
}

// LogisticsCode 物流公司编码 is the code of a carrier. The list is old and lacks newer carriers
// such as JT.
type LogisticsCode string

// The values of [LogisticsCode].
const (
	LogisticsCodeSF     LogisticsCode = "SF"     // 顺丰
	LogisticsCodeEMS    LogisticsCode = "EMS"    // 标准快递 EMS
	LogisticsCodeEYB    LogisticsCode = "EYB"    // 经济快件 EMS
	LogisticsCodeZJS    LogisticsCode = "ZJS"    // 宅急送
	LogisticsCodeYTO    LogisticsCode = "YTO"    // 圆通
	LogisticsCodeZTO    LogisticsCode = "ZTO"    // 中通
	LogisticsCodeHTKY   LogisticsCode = "HTKY"   // 百世汇通
	LogisticsCodeUC     LogisticsCode = "UC"     // 优速
	LogisticsCodeSTO    LogisticsCode = "STO"    // 申通
	LogisticsCodeTTKDEX LogisticsCode = "TTKDEX" // 天天快递
	LogisticsCodeQFKD   LogisticsCode = "QFKD"   // 全峰
	LogisticsCodeFAST   LogisticsCode = "FAST"   // 快捷
	LogisticsCodePOSTB  LogisticsCode = "POSTB"  // 邮政小包: postal packet
	LogisticsCodeGTO    LogisticsCode = "GTO"    // 国通
	LogisticsCodeYUNDA  LogisticsCode = "YUNDA"  // 韵达
	LogisticsCodeJD     LogisticsCode = "JD"     // 京东配送
	LogisticsCodeDD     LogisticsCode = "DD"     // 当当宅配
	LogisticsCodeAMAZON LogisticsCode = "AMAZON" // 亚马逊物流
	LogisticsCodeOther  LogisticsCode = "OTHER"  // 其他: other
)

// Known reports whether v is one of the constants.
func (v LogisticsCode) Known() bool {
	switch v {
	case LogisticsCodeSF, LogisticsCodeEMS, LogisticsCodeEYB, LogisticsCodeZJS, LogisticsCodeYTO, LogisticsCodeZTO, LogisticsCodeHTKY, LogisticsCodeUC, LogisticsCodeSTO, LogisticsCodeTTKDEX, LogisticsCodeQFKD, LogisticsCodeFAST, LogisticsCodePOSTB, LogisticsCodeGTO, LogisticsCodeYUNDA, LogisticsCodeJD, LogisticsCodeDD, LogisticsCodeAMAZON, LogisticsCodeOther:
		return true
	}
	return false
}

// InventoryType 库存类型 is the condition of stock.
type InventoryType string

// The values of [InventoryType].
const (
	InventoryTypeGood       InventoryType = "ZP" // 正品: good
	InventoryTypeDefective  InventoryType = "CC" // 残次: defective
	InventoryTypeDamaged    InventoryType = "JS" // 机损: damaged
	InventoryTypeBoxDamaged InventoryType = "XS" // 箱损: its box is damaged
	InventoryTypeInTransit  InventoryType = "ZT" // 在途: in transit
	InventoryTypeFrozen     InventoryType = "DJ" // 冻结: frozen; in orderexception only
)

// Known reports whether v is one of the constants.
func (v InventoryType) Known() bool {
	switch v {
	case InventoryTypeGood, InventoryTypeDefective, InventoryTypeDamaged, InventoryTypeBoxDamaged, InventoryTypeInTransit, InventoryTypeFrozen:
		return true
	}
	return false
}

// ItemType 商品类型 is the kind of an item.
type ItemType string

// The values of [ItemType].
const (
	ItemTypeNormal       ItemType = "ZC"    // 正常商品
	ItemTypeDistribution ItemType = "FX"    // 分销商品
	ItemTypeCombined     ItemType = "ZH"    // 组合商品: made of others
	ItemTypeGift         ItemType = "ZP"    // 赠品
	ItemTypePacking      ItemType = "BC"    // 包材
	ItemTypeConsumable   ItemType = "HC"    // 耗材
	ItemTypeAuxiliary    ItemType = "FL"    // 辅料
	ItemTypeVirtual      ItemType = "XN"    // 虚拟品
	ItemTypeAttached     ItemType = "FS"    // 附属品
	ItemTypeDefective    ItemType = "CC"    // 残次品
	ItemTypeOther        ItemType = "OTHER" // 其它
)

// Known reports whether v is one of the constants.
func (v ItemType) Known() bool {
	switch v {
	case ItemTypeNormal, ItemTypeDistribution, ItemTypeCombined, ItemTypeGift, ItemTypePacking, ItemTypeConsumable, ItemTypeAuxiliary, ItemTypeVirtual, ItemTypeAttached, ItemTypeDefective, ItemTypeOther:
		return true
	}
	return false
}

// SourcePlatform 订单来源平台编码 is the platform that an order came from.
type SourcePlatform string

// The values of [SourcePlatform].
const (
	SourcePlatformTB        SourcePlatform = "TB"      // 淘宝
	SourcePlatformTM        SourcePlatform = "TM"      // 天猫
	SourcePlatformMAOCHAO   SourcePlatform = "MAOCHAO" // 猫超: Tmall supermarket
	SourcePlatformTMGJZY    SourcePlatform = "TMGJZY"  // 天猫国际直营
	SourcePlatformPTTMKLDJK SourcePlatform = "PTTMKLDJK"
	SourcePlatformTMYPDQ    SourcePlatform = "TMYPDQ"
	SourcePlatformJD        SourcePlatform = "JD"     // 京东
	SourcePlatformDD        SourcePlatform = "DD"     // 当当
	SourcePlatformPP        SourcePlatform = "PP"     // 拍拍
	SourcePlatformYX        SourcePlatform = "YX"     // 易讯
	SourcePlatformEBAY      SourcePlatform = "EBAY"   // ebay
	SourcePlatformQQ        SourcePlatform = "QQ"     // QQ网购
	SourcePlatformAMAZON    SourcePlatform = "AMAZON" // 亚马逊
	SourcePlatformSN        SourcePlatform = "SN"     // 苏宁
	SourcePlatformGM        SourcePlatform = "GM"     // 国美
	SourcePlatformWPH       SourcePlatform = "WPH"    // 唯品会
	SourcePlatformJM        SourcePlatform = "JM"     // 聚美
	SourcePlatformLF        SourcePlatform = "LF"     // 乐蜂
	SourcePlatformMGJ       SourcePlatform = "MGJ"    // 蘑菇街
	SourcePlatformJS        SourcePlatform = "JS"     // 聚尚
	SourcePlatformPX        SourcePlatform = "PX"     // 拍鞋
	SourcePlatformYT        SourcePlatform = "YT"     // 银泰
	SourcePlatformYHD       SourcePlatform = "YHD"    // 1号店
	SourcePlatformVANCL     SourcePlatform = "VANCL"  // 凡客
	SourcePlatformYL        SourcePlatform = "YL"     // 邮乐
	SourcePlatformYG        SourcePlatform = "YG"     // 优购
	SourcePlatform1688      SourcePlatform = "1688"   // 1688
	SourcePlatformPOS       SourcePlatform = "POS"    // POS门店: a store
	SourcePlatformMIA       SourcePlatform = "MIA"    // 蜜芽
	SourcePlatformKLZY      SourcePlatform = "KLZY"   // 考拉自营
	SourcePlatformWPHMP     SourcePlatform = "WPHMP"  // 唯品会MP
	SourcePlatformKLZF      SourcePlatform = "KLZF"
	SourcePlatformDYXD      SourcePlatform = "DYXD"    // 抖音
	SourcePlatformOFFLINE   SourcePlatform = "OFFLINE" // 线下店铺: an offline shop
	SourcePlatformXHS       SourcePlatform = "XHS"     // 小红书
	SourcePlatformDW        SourcePlatform = "DW"      // 得物
	SourcePlatformDWZF      SourcePlatform = "DWZF"
	SourcePlatformGW        SourcePlatform = "GW" // 商家官网: the merchant's own site
	SourcePlatformCT        SourcePlatform = "CT"
	SourcePlatformYJWD      SourcePlatform = "YJWD"   // 云集微店
	SourcePlatformPDD       SourcePlatform = "PDD"    // 拼多多
	SourcePlatformOTHER     SourcePlatform = "OTHER"  // 其他: other
	SourcePlatformOTHERS    SourcePlatform = "OTHERS" // 其他: other, as some spell it
)

// Known reports whether v is one of the constants.
func (v SourcePlatform) Known() bool {
	switch v {
	case SourcePlatformTB, SourcePlatformTM, SourcePlatformMAOCHAO, SourcePlatformTMGJZY, SourcePlatformPTTMKLDJK, SourcePlatformTMYPDQ, SourcePlatformJD, SourcePlatformDD, SourcePlatformPP, SourcePlatformYX, SourcePlatformEBAY, SourcePlatformQQ, SourcePlatformAMAZON, SourcePlatformSN, SourcePlatformGM, SourcePlatformWPH, SourcePlatformJM, SourcePlatformLF, SourcePlatformMGJ, SourcePlatformJS, SourcePlatformPX, SourcePlatformYT, SourcePlatformYHD, SourcePlatformVANCL, SourcePlatformYL, SourcePlatformYG, SourcePlatform1688, SourcePlatformPOS, SourcePlatformMIA, SourcePlatformKLZY, SourcePlatformWPHMP, SourcePlatformKLZF, SourcePlatformDYXD, SourcePlatformOFFLINE, SourcePlatformXHS, SourcePlatformDW, SourcePlatformDWZF, SourcePlatformGW, SourcePlatformCT, SourcePlatformYJWD, SourcePlatformPDD, SourcePlatformOTHER, SourcePlatformOTHERS:
		return true
	}
	return false
}

// OrderSourceType 出库单渠道类型 is the channel of an outbound order that is not a sale.
type OrderSourceType string

// The values of [OrderSourceType].
const (
	OrderSourceTypeVipshop      OrderSourceType = "VIP"  // 唯品会
	OrderSourceTypeDistribution OrderSourceType = "FX"   // 分销
	OrderSourceTypeStore        OrderSourceType = "SHOP" // 门店
)

// Known reports whether v is one of the constants.
func (v OrderSourceType) Known() bool {
	switch v {
	case OrderSourceTypeVipshop, OrderSourceTypeDistribution, OrderSourceTypeStore:
		return true
	}
	return false
}

// OrderFlag 订单标记 is a mark of an order.
type OrderFlag string

// The values of [OrderFlag].
const (
	OrderFlagCOD               OrderFlag = "COD"              // 货到付款: cash on delivery
	OrderFlagLimited           OrderFlag = "LIMIT"            // 限时配送: to be delivered within a time
	OrderFlagPresell           OrderFlag = "PRESELL"          // 预售: sold in advance
	OrderFlagComplained        OrderFlag = "COMPLAIN"         // 已投诉: there was a complaint
	OrderFlagSplit             OrderFlag = "SPLIT"            // 拆单: made of a split order
	OrderFlagExchange          OrderFlag = "EXCHANGE"         // 换货: exchange
	OrderFlagVisit             OrderFlag = "VISIT"            // 上门: at the door
	OrderFlagCarrierChangeable OrderFlag = "MODIFYTRANSPORT"  // 是否可改配送方式: the carrier may be changed
	OrderFlagConsign           OrderFlag = "CONSIGN"          // 是否物流宝代理发货: the warehouse ships for the seller by itself
	OrderFlagSellerPaysFreight OrderFlag = "SELLER_AFFORD"    // 是否卖家承担运费: the seller bears the freight
	OrderFlagDistribution      OrderFlag = "FENXIAO"          // 分销订单
	OrderFlagSyncReturnBill    OrderFlag = "SYNC_RETURN_BILL" // 同时退回发票: of returns
)

// Known reports whether v is one of the constants.
func (v OrderFlag) Known() bool {
	switch v {
	case OrderFlagCOD, OrderFlagLimited, OrderFlagPresell, OrderFlagComplained, OrderFlagSplit, OrderFlagExchange, OrderFlagVisit, OrderFlagCarrierChangeable, OrderFlagConsign, OrderFlagSellerPaysFreight, OrderFlagDistribution, OrderFlagSyncReturnBill:
		return true
	}
	return false
}

// InvoiceType 发票类型 is the kind of an invoice.
type InvoiceType string

// The values of [InvoiceType].
const (
	InvoiceTypeOrdinary   InvoiceType = "INVOICE"   // 普通发票
	InvoiceTypeVAT        InvoiceType = "VINVOICE"  // 增值税普通发票: VAT ordinary
	InvoiceTypeElectronic InvoiceType = "EVINVOICE" // 电子增票: electronic
)

// Known reports whether v is one of the constants.
func (v InvoiceType) Known() bool {
	switch v {
	case InvoiceTypeOrdinary, InvoiceTypeVAT, InvoiceTypeElectronic:
		return true
	}
	return false
}

// DeliveryType 发货服务类型 is a delivery service.
type DeliveryType string

// The values of [DeliveryType].
const (
	DeliveryTypeNormal    DeliveryType = "PTPS" // 普通配送
	DeliveryTypeColdChain DeliveryType = "LLPS" // 冷链配送: kept cold
	DeliveryTypeEco       DeliveryType = "HBP"  // 环保配
)

// Known reports whether v is one of the constants.
func (v DeliveryType) Known() bool {
	switch v {
	case DeliveryTypeNormal, DeliveryTypeColdChain, DeliveryTypeEco:
		return true
	}
	return false
}

// ReceiverScene 解密场景 is the purpose of decrypted receiver data.
type ReceiverScene string

// The values of [ReceiverScene].
const (
	ReceiverSceneSFWaybill      ReceiverScene = "1001" // 顺丰电子面单
	ReceiverSceneExpressWaybill ReceiverScene = "1002" // 三通一达电子面单: STO, YTO, ZTO, Yunda
	ReceiverSceneEMSWaybill     ReceiverScene = "1003" // EMS电子面单
	ReceiverSceneOtherWaybill   ReceiverScene = "1004" // 其他电子面单
	ReceiverSceneAfterSale      ReceiverScene = "2001" // 售后服务: after-sale service
)

// Known reports whether v is one of the constants.
func (v ReceiverScene) Known() bool {
	switch v {
	case ReceiverSceneSFWaybill, ReceiverSceneExpressWaybill, ReceiverSceneEMSWaybill, ReceiverSceneOtherWaybill, ReceiverSceneAfterSale:
		return true
	}
	return false
}

// ExceptionType 异常类型 is the problem of an order, according to a third party's specification.
type ExceptionType string

// The values of [ExceptionType].
const (
	ExceptionTypeSystemShortage   ExceptionType = "101"  // 系统缺货: the system has too little stock
	ExceptionTypePhysicalShortage ExceptionType = "102"  // 实物缺货: the shelf has too little
	ExceptionTypeDelayed          ExceptionType = "201"  // 延迟
	ExceptionTypeRefused          ExceptionType = "202"  // 拒收
	ExceptionTypeLost             ExceptionType = "203"  // 丢失
	ExceptionTypeEpidemicStop     ExceptionType = "1778" // 疫情停发: stopped by an epidemic
)

// Known reports whether v is one of the constants.
func (v ExceptionType) Known() bool {
	switch v {
	case ExceptionTypeSystemShortage, ExceptionTypePhysicalShortage, ExceptionTypeDelayed, ExceptionTypeRefused, ExceptionTypeLost, ExceptionTypeEpidemicStop:
		return true
	}
	return false
}

// OrderFlags 订单标记 are the marks of an order as sent, joined by ^.
type OrderFlags string

// JoinOrderFlags returns several marks as one text.
func JoinOrderFlags(flags ...OrderFlag) OrderFlags {
	parts := make([]string, len(flags))
	for i, f := range flags {
		parts[i] = string(f)
	}
	return OrderFlags(strings.Join(parts, "^"))
}

// All returns the marks one by one, without empty ones.
func (v OrderFlags) All() []OrderFlag {
	var out []OrderFlag
	for part := range strings.SplitSeq(string(v), "^") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, OrderFlag(part))
		}
	}
	return out
}

// Has reports whether flag is among the marks.
func (v OrderFlags) Has(flag OrderFlag) bool { return slices.Contains(v.All(), flag) }

// The values of confirmType (多次发货/收货标记) in confirmations.
const (
	ConfirmFinal   int64 = 0 // 最终确认: nothing more follows
	ConfirmPartial int64 = 1 // 中间确认: more follows; quantities are those of this message
)

// The values of scheduleType (投递时延要求).
const (
	ScheduleWorkday     int64 = 1   // 工作日
	ScheduleHoliday     int64 = 2   // 节假日
	ScheduleSameDay     int64 = 101 // 当日达
	ScheduleNextMorning int64 = 102 // 次晨达
	ScheduleNextDay     int64 = 103 // 次日达
	ScheduleAppointment int64 = 104 // 预约达
	ScheduleDayAfter    int64 = 105 // 隔日达: the day after the next
)
