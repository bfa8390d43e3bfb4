package jushuitan_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestRepeatable: a write may be repeated if it is keyed and every document names its key,
// whether the request is a value or its JSON.
func TestRepeatable(t *testing.T) {
	ops := map[string]jushuitan.Operation{}
	for _, op := range jushuitan.Operations() {
		ops[op.Name()] = op
	}
	for _, tt := range []struct {
		op      string
		request any
		want    bool
	}{
		{"Orders.Query", jushuitan.OrderQuery{}, true},
		{"Orders.Upload", []jushuitan.OrderUpload{{ShopID: 1, SoID: "S"}}, true},
		{"Orders.Upload", []jushuitan.OrderUpload{{ShopID: 1, SoID: "S"}, {ShopID: 1}}, false},
		{"Orders.Upload", json.RawMessage(`[{"shop_id":1,"so_id":"S"}]`), true},
		{"Orders.Upload", json.RawMessage(`[{"shop_id":1}]`), false},
		{"Orders.SetRemark", jushuitan.OrderSetRemarkRequest{OID: 1, Remark: "r"}, true},
		{"Orders.SetRemark", jushuitan.OrderSetRemarkRequest{OID: 1, Remark: "r", IsAppend: true}, false},
		{"Outbounds.Ship", []jushuitan.OutboundShipRequest{{IOID: 1}}, false},
		{"Orders.Upload", json.RawMessage(`[`), false},
	} {
		op := ops[tt.op]
		assert.Equal(t, tt.want, op.Repeatable(tt.request), "%s %+v", tt.op, tt.request)
	}
}
