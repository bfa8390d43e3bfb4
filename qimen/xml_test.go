package qimen_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/qimen"
)

// TestXMLNames holds the names on the wire: those of the documents, misspelled or
// not, with the names of list entries.
func TestXMLNames(t *testing.T) {
	in := `<request><entryOrder><entryOrderCode>E1</entryOrderCode><ownerCode>O</ownerCode><warehouseCode>W</warehouseCode>` +
		`<outBizCode>B1</outBizCode><confirmType>0</confirmType><status>FULFILLED</status><operateTime>2024-01-02 03:04:05</operateTime>` +
		`<shopNick></shopNick><shopCode></shopCode></entryOrder>` +
		`<orderLines><orderLine><ownerCode>O</ownerCode><itemCode>S</itemCode><planQty>2</planQty><actualQty>0</actualQty>` +
		`<productDate>2023-12-31</productDate>` +
		`<batchs><batch><batchCode>L1</batchCode><expireDate>2025-06-30</expireDate><inventoryType>ZP</inventoryType><actualQty>1</actualQty></batch>` +
		`<batch><batchCode>L2</batchCode></batch></batchs><snList><sn>1</sn><sn>2</sn></snList></orderLine></orderLines></request>`
	codec := new(xmlwire.Codec)
	var req qimen.EntryOrderConfirmRequest
	_, err := codec.Unmarshal([]byte(in), &req)
	require.NoError(t, err)
	assert.Equal(t, "B1", req.IdempotencyKey())
	require.Len(t, req.OrderLines, 1)
	line := req.OrderLines[0]
	require.Len(t, line.Batches, 2)
	assert.Equal(t, qimen.InventoryTypeGood, line.Batches[0].InventoryType)
	assert.Equal(t, []string{"1", "2"}, line.SNList.SNs)
	assert.Equal(t, "2023-12-31", line.ProductDate.Format("2006-01-02"))

	out, err := codec.Marshal("request", &req)
	require.NoError(t, err)
	for _, part := range []string{
		"<operateTime>2024-01-02 03:04:05</operateTime>", "<productDate>2023-12-31</productDate>", "<expireDate>2025-06-30</expireDate>",
		"<actualQty>0</actualQty>", "<confirmType>0</confirmType>", "<snList><sn>1</sn><sn>2</sn></snList>", "<batchCode>L2</batchCode></batch></batchs>",
	} {
		assert.Contains(t, string(out), part)
	}
}
