package dianjia_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/dianjia"
)

// TestOnboarding: the texts for a merchant name what the guide asks for.
func TestOnboarding(t *testing.T) {
	o := dianjia.Onboarding{Company: "青禾服饰有限公司"}
	subject, body := o.QimenMail()
	assert.Equal(t, "申请开通奇门POS场景 - 青禾服饰有限公司", subject)
	for _, want := range []string{"公司名称：青禾服饰有限公司", "仓库：店加线下仓", "APPKEY：30043143", "场景名称：POS场景", "奇门客户编码"} {
		assert.Contains(t, body, want)
	}
	for _, want := range []string{"主账号", "不要选择分仓", "默认为主仓授权"} {
		assert.Contains(t, o.AuthorizeHint(), want)
	}
	assert.Contains(t, o.WarehouseText(), "店加线下仓")
	assert.Contains(t, o.ShopText(), "商家自有商城")
	assert.Contains(t, o.ShopText(), "同步发货")
	o.Warehouse, o.MallShop = "门店仓", "青禾商城"
	rule := o.AssignmentRule()
	assert.Contains(t, rule, "“青禾商城”（商家自有商城）的订单禁止分配到仓库“门店仓”")
	assert.Contains(t, o.Text(), rule)
	assert.Contains(t, dianjia.Onboarding{}.Text(), "（公司名称）")
}
