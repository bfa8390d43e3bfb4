package jushuitan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// pushShapes are bodies in the ordinary shape and out of it.
func pushShapes() []string {
	return []string{
		`{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO.2","logistics_company":"圆通速递","send_date":"2024-01-01 12:00:00","order_from":"x","wms_co_id":7,"is_send_all":true,"items":[{"oi_id":3,"sku_id":"A","qty":2,"name":"Item","outer_oi_id":"1","so_id":"T"},{}]}`,
		`{"o_id":"200001","so_id":1,"l_id":2.50,"is_send_all":"1","send_date":1704081600,"items":[{"oi_id":"3","qty":"2.50","sku_id":null}]}`,
		`{"so_id":"S","l_id":"L","new":{"a":[1, 2]},"other":null,"items":null}`,
		`{"so_id":"S","l_id":"L","items":[]}`, `{"so_id":"S","l_id":"L","items":""}`, `{"so_id":"S","l_id":"L","items":[null,{"qty":1}]}`,
		`{"so_id":"S","l_id":"L","items":[{"sku_id":"A"}],"items":[{"qty":1}]}`, `{"so_id":"S","l_id":"L","x":1,"x":2,"l_id":null,"l_id":"M"}`,
		`{"so_id":"\u0053\n","l\u005fid":"L","l_id":"a\"b","\u0078":1}`, "{\"so_id\":\"\xff\",\"l_id\":\"L\",\"\xff\":1}",
		`{"so_id":"S","l_id":"L","o_id":1.5}`, `{"so_id":"S","l_id":{}}`, `{"so_id":"S","l_id":"L"`, `{"so_id":"S","l_id":"L"} x`, `{"so_id":"S","l_id":"L",}`, `{`, `[`, ``,
		`{"datas":[{"id":1,"shop_id":2,"sku_id":"A","shop_sku_id":"B","i_id":"C","shop_i_id":"D","qty":15,"sku_source":null,"modified":"2024-01-01 12:00:00.500","new":[]}]}`,
		`[{"sku_id":"A","qty":1},{"shop_sku_id":"B","qty":-2.5}]`, `[]`, `{"datas":[]}`, `{"datas":null,"sku_id":"A","qty":1}`, `{"sku_id":"A","qty":1}`,
		`{"datas":[{"sku_id":"A","qty":"1"}]}`, `{"datas":[{"sku_id":"A","qty":null}]}`, `{"datas":[{"sku_id":"A","qty":1,"qty":null}]}`, `[{"sku_id":"A"}]`, `[{"qty":1}]`, `[null]`,
		`{"datas":[{"sku_id":"A","qty":1}],"datas":[{"sku_id":"B","qty":2}]}`, `{"x":{"datas":1},"datas":[{"sku_id":"A","qty":1e2}]}`,
	}
}

// checkQuick: what is read member by member is what reflection reads.
func checkQuick(t *testing.T, body string) {
	t.Helper()
	var shipment jushuitan.ShipmentPush
	err := wire.Unmarshal([]byte(body), &shipment)
	isObject := strings.HasPrefix(strings.TrimSpace(body), "{")
	got, gotErr := jushuitan.ParseShipmentPush([]byte(body))
	if gotErr == nil {
		require.NoError(t, err)
		require.Equal(t, &shipment, got)
	} else {
		require.True(t, err != nil || !isObject || shipment.LID == "" || shipment.OID == 0 && shipment.SoID == "", "%v", gotErr)
	}

	stock, stockErr := jushuitan.ParseStockPush([]byte(body))
	if stockErr != nil {
		return
	}
	for _, row := range stock.Rows {
		require.True(t, row.SKUID != "" || row.ShopSKUID != "")
	}
	var rows []jushuitan.StockPushRow
	if isObject {
		var object jushuitan.StockPush
		require.NoError(t, wire.Unmarshal([]byte(body), &object))
		if rows = object.Rows; rows == nil { // a single row
			rows = make([]jushuitan.StockPushRow, 1)
			require.NoError(t, wire.Unmarshal([]byte(body), &rows[0]))
		}
	} else {
		require.NoError(t, wire.Unmarshal([]byte(body), &rows))
	}
	require.Equal(t, rows, stock.Rows)
}

func TestPushShapes(t *testing.T) {
	for _, body := range pushShapes() {
		checkQuick(t, body)
	}
}

// BenchmarkPushRead compares with reflection.
func BenchmarkPushRead(b *testing.B) {
	body := []byte(pushShapes()[0])
	b.Run("members", func(b *testing.B) {
		for b.Loop() {
			_, err := jushuitan.ParseShipmentPush(body)
			require.NoError(b, err)
		}
	})
	b.Run("reflection", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, wire.Unmarshal(body, new(jushuitan.ShipmentPush)))
		}
	})
}

func FuzzPushReaders(f *testing.F) {
	for _, body := range pushShapes() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		body = strings.TrimSpace(body)
		if strings.HasPrefix(body, "\xef\xbb\xbf") {
			return // wire reads none
		}
		checkQuick(t, body)
	})
}
