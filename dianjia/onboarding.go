package dianjia

import (
	"fmt"
	"strings"
)

// QimenAppKey is the APPKEY of DianJia's Taobao app, which the application for the Qimen POS
// scene must contain (guide, part 2).
const QimenAppKey = "30043143"

// Onboarding 接入资料 holds the data for the texts that a merchant receives. Its methods return
// the texts in Chinese, ready to copy.
type Onboarding struct {
	Company   string // 商家公司名称
	Warehouse string // 线下仓名称: empty means 店加线下仓
	MallShop  string // 自有商城店铺名称: empty means 店加微商城
	Scene     string // 奇门场景名称: empty means POS场景
}

func (o Onboarding) warehouse() string { return onboardingOr(o.Warehouse, WarehouseName) }
func (o Onboarding) mallShop() string  { return onboardingOr(o.MallShop, "店加微商城") }

func onboardingOr(text, usual string) string {
	if strings.TrimSpace(text) == "" {
		return usual
	}
	return strings.TrimSpace(text)
}

// QimenMail returns the application for the Qimen POS scene (奇门POS场景), which the merchant
// sends to Jushuitan.
func (o Onboarding) QimenMail() (subject, body string) {
	company, scene := onboardingOr(o.Company, "（公司名称）"), onboardingOr(o.Scene, "POS场景")
	return fmt.Sprintf("申请开通奇门%s - %s", scene, company), fmt.Sprintf(`您好：

我司申请开通奇门%s，信息如下：

公司名称：%s
仓库：%s
APPKEY：%s
场景名称：%s

联调请与店加确认，开通后请提供奇门客户编码，谢谢。
`, scene, company, o.warehouse(), QimenAppKey, scene)
}

// AuthorizeHint returns the instructions for authorising DianJia (授权).
func (o Onboarding) AuthorizeHint() string {
	return `授权说明：
1. 在店加授权页面选择“聚水潭”，跳转到聚水潭登录页。
2. 请使用聚水潭主账号登录并确认授权，不要使用子账号。
3. 不要选择分仓：默认为主仓授权。
4. 返回店加授权页面，看到令牌即授权成功。
`
}

// WarehouseText returns the instructions for creating the warehouse in Jushuitan (业务一).
func (o Onboarding) WarehouseText() string {
	return fmt.Sprintf(`新建仓库：
在聚水潭新建仓库，名称：%s。
店加汇总门店库存推送到该仓，线上订单分配到该仓后由门店发货。
请把该仓库的编号（wms_co_id）填写到店加，作为电商仓编码绑定店仓，并设置指定下单店仓。
`, o.warehouse())
}

// ShopText returns the instructions for creating the shop in Jushuitan (业务二).
func (o Onboarding) ShopText() string {
	return fmt.Sprintf(`新建店铺：
在聚水潭新建店铺，店铺类型：商家自有商城，名称：%s。
编辑店铺时请勾选“同步发货”，并在消息推送设置中登记四个地址。
请把店铺编号（shop_id）填写到店加。
`, o.mallShop())
}

// AssignmentRule returns the rule for the order assignment strategy (订单分配策略).
func (o Onboarding) AssignmentRule() string {
	return fmt.Sprintf(`订单分配策略：
店铺“%s”（商家自有商城）的订单禁止分配到仓库“%s”，否则订单会回流到门店，形成循环派单。
`, o.mallShop(), o.warehouse())
}

// Text returns all texts, in the order of the steps.
func (o Onboarding) Text() string {
	subject, body := o.QimenMail()
	return strings.Join([]string{
		o.AuthorizeHint(), o.WarehouseText(), "奇门申请邮件：\n主题：" + subject + "\n\n" + body, o.ShopText(), o.AssignmentRule(),
	}, "\n")
}
