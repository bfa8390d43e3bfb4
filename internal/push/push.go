// Package push lists the kinds of message that Jushuitan pushes, one row each. Everything
// that names, finds or deduplicates a kind uses this table. The message types are bound to
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

	// Record names what the memory of handled messages is kept of, together with the
	// merchant and the storage code: a document, or several that belong together. Without
	// it duplicates are not recognized.
	Record []Part
	// Document are further members that tell one document of a record from another, and
	// DocumentLines those of its lines, in any order of lines. RecordLines means that the
	// latter belong to the record already. Everything else that a message says is its
	// state.
	Document      []Part
	DocumentLines []string
	RecordLines   bool
	// Core and CoreLines are what identifies a message that was reconstructed from the
	// documents of the ERP, which have no more.
	Core, CoreLines []string
	// Members and LineMembers are all members of the messages.
	Members, LineMembers []string

	// Action is the member whose two values, Received and Revoked, undo each other.
	Action            string
	Received, Revoked string
	// Short means that a message is remembered only briefly, since the same may happen
	// again: its function has to read the document anyway.
	Short bool

	// ByWarehouse means that the URL is registered for a warehouse, not a shop, and has a
	// type.
	ByWarehouse bool
	// Harmless means that handling the message twice has no further effect.
	Harmless bool
}

// A Part of an identity is a member by its wire name. Of several names the first counts
// that has a value, and its first letter goes into the identity with it; the last one
// counts in any case.
type Part []string

// kinds is the table, in the order of the settings page.
var kinds = [...]Kind{
	{
		Method: Shipment, Path: "delivery_callback", Label: "物流同步", Name: "shipment",
		Record: []Part{{"o_id"}, {"so_id"}}, RecordLines: true,
		DocumentLines: []string{"outer_oi_id", "so_id", "sku_id", "qty", "oi_id"},
		Core:          []string{"l_id"},
		Members: []string{
			"o_id", "so_id", "l_id", "lc_id", "logistics_company", "send_date", "order_from", "wms_co_id", "is_send_all",
		},
		LineMembers: []string{"oi_id", "sku_id", "qty", "name", "outer_oi_id", "so_id"},
	},
	{
		Method: Cancel, Path: "cancal_callback", Label: "取消订单", Name: "cancel", // so spelled
		Record: []Part{{"so_id"}}, Document: []Part{{"remark"}}, Members: []string{"so_id", "remark"},
		Short: true, Harmless: true,
	},
	{
		Method: GoodsReturned, Path: "return_goods_callback", Label: "售后收货", Name: "goods returned",
		Record: []Part{{"as_id", "outer_as_id"}}, Document: []Part{{"unique_id"}}, DocumentLines: []string{"sku_id", "qty"},
		Core: []string{"action_name"}, CoreLines: []string{"sku_id", "qty"},
		Members: []string{
			"o_id", "as_id", "so_id", "outer_as_id", "shop_id", "action_name", "remark", "unique_id", "send_date",
		},
		LineMembers: []string{"sku_id", "qty"},
		Action:      "action_name", Received: GoodsReceived, Revoked: GoodsRevoked,
	},
	{
		Method: Stock, Path: "stock_callback", Label: "库存同步", Name: "stock",
		DocumentLines: []string{"sku_id", "shop_sku_id"},
		LineMembers: []string{
			"id", "shop_id", "sku_id", "shop_sku_id", "i_id", "shop_i_id", "qty", "sku_source", "modified",
		},
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
