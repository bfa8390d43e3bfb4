// Package push lists the kinds of message that Jushuitan pushes, one row each: all
// that names, finds or deduplicates a kind reads it. The message types are bound to
// their rows in jushuitan/push.go.
package push

// The kinds: the query parameter method of a push.
const (
	Shipment      = "logistics.upload" // 物流同步
	Cancel        = "cancel.order"     // 取消订单
	GoodsReturned = "refund.goods"     // 售后收货
	Stock         = "inventory.upload" // 库存同步
)

// The values of action_name of a goods-returned push.
const (
	GoodsReceived = "确认收货"
	GoodsRevoked  = "取消收货"
)

// A Kind is one row.
type Kind struct {
	Method string // query parameter method
	Path   string // last element of the path of DianJia's endpoint
	Label  string // in the shop's message settings
	Name   string // in English

	// Key is what a repeat has in common with the first message, besides the URL's
	// entId and storageCode. Without a key nothing tells a repeat. Stored keys outlive
	// an update: a change makes messages from before it run again.
	Key []Part
	// Lines is what of each line belongs to the key, in any order of the lines.
	Lines []Part
	// Recurs: after some time, or after its opposite, a message with the same key is
	// meant: an order is cancelled again, goods are received again. What it is about,
	// the document, is the key without the opposite's member.
	Recurs bool
	// Opposite is how two messages about one document undo each other.
	Opposite Opposite

	// ByWarehouse: the URL is registered for a warehouse, not a shop, and has a type.
	ByWarehouse bool
	// Harmless: to take the message twice changes nothing, whoever takes it.
	Harmless bool
}

// A Part of a key is a member by its wire name. Of several names the first counts
// that has a value, and its first letter goes into the key with it; the last one
// counts in any case.
type Part []string

// Opposite is a member with two values that undo each other.
type Opposite struct {
	Member string
	Values [2]string
}

// kinds is the table, in the order of the settings page.
var kinds = [...]Kind{
	{
		Method: Shipment, Path: "delivery_callback", Label: "物流同步", Name: "shipment",
		Key:   []Part{{"o_id", "so_id"}, {"l_id"}},
		Lines: []Part{{"outer_oi_id"}, {"so_id"}, {"sku_id"}, {"qty"}, {"oi_id"}},
	},
	{
		Method: Cancel, Path: "cancal_callback", Label: "取消订单", Name: "cancel", // so spelled
		Key: []Part{{"so_id"}}, Recurs: true, Harmless: true,
	},
	{
		Method: GoodsReturned, Path: "return_goods_callback", Label: "售后收货", Name: "goods returned",
		Key: []Part{{"as_id", "outer_as_id"}, {"action_name"}, {"unique_id"}}, Recurs: true,
		Opposite: Opposite{Member: "action_name", Values: [2]string{GoodsReceived, GoodsRevoked}},
	},
	{
		Method: Stock, Path: "stock_callback", Label: "库存同步", Name: "stock",
		ByWarehouse: true, Harmless: true,
	},
}

// Kinds returns all kinds, in the order of the settings page.
func Kinds() []Kind { return append([]Kind(nil), kinds[:]...) }

// Of returns the kind of a method.
func Of(method string) (*Kind, bool) {
	for i := range kinds {
		if kinds[i].Method == method {
			return &kinds[i], true
		}
	}
	return nil, false
}
