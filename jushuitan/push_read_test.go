package jushuitan_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// checkPush: no push is taken without its key, and no row without its SKU and figure.
func checkPush(t *testing.T, body []byte) {
	t.Helper()
	p := jushuitan.PushParser{MaxRows: 100}
	if got, err := p.Shipment(body); err == nil {
		require.NotEmpty(t, got.LID)
		require.True(t, got.OID != 0 || got.SoID != "")
		require.LessOrEqual(t, len(got.Items), 100)
	}
	if got, err := p.Cancel(body); err == nil {
		require.NotEmpty(t, got.SoID)
	}
	if got, err := p.GoodsReturned(body); err == nil {
		require.True(t, got.ASID != 0 || got.OuterASID != "")
		require.LessOrEqual(t, len(got.Items), 100)
	}
	if got, err := p.Stock(body); err == nil {
		require.LessOrEqual(t, len(got.Rows), 100)
		for _, row := range got.Rows {
			require.True(t, row.SKUID != "" || row.ShopSKUID != "")
		}
	}
}

func TestPushShapes(t *testing.T) {
	for _, body := range pushShapes() {
		checkPush(t, []byte(body))
	}
}

// A value that is no key and no figure does not lose the push: it is kept as it is.
func TestPushKeepsWhatItCannotRead(t *testing.T) {
	p, err := jushuitan.ParseShipmentPush([]byte(`{"so_id":"S","l_id":"L","logistics_company":{"a":1},"wms_co_id":"x","items":[{"qty":1,"name":[2]}]}`))
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	assert.JSONEq(t, `{"a":1}`, string(p.Extra["logistics_company"]))
	assert.JSONEq(t, `"x"`, string(p.Extra["wms_co_id"]))
	assert.JSONEq(t, `[2]`, string(p.Items[0].Extra["name"]))
	assert.Equal(t, []string{"logistics_company", "wms_co_id", "items[0].name"}, p.Unread())
}

// A push of more rows than are allowed ends at the first row beyond them.
func TestPushRowLimit(t *testing.T) {
	rows := func(n int) []byte {
		return []byte(`{"so_id":"S","l_id":"L","as_id":1,"items":[` + strings.Repeat(`{"qty":1},`, n-1) + `{"qty":1}]}`)
	}
	_, err := jushuitan.ParseShipmentPush(rows(jushuitan.DefaultMaxRows))
	require.NoError(t, err)
	_, err = jushuitan.ParseShipmentPush(rows(jushuitan.DefaultMaxRows + 1))
	require.ErrorIs(t, err, jushuitan.ErrDecode)
	assert.ErrorContains(t, err, "more than 5000 rows")
	_, err = jushuitan.PushParser{MaxRows: 3}.GoodsReturned(rows(4))
	require.ErrorIs(t, err, jushuitan.ErrDecode)
	got, err := jushuitan.PushParser{MaxRows: -1}.Shipment(rows(6000))
	require.NoError(t, err)
	assert.Len(t, got.Items, 6000)
}

// A hostile push costs at most 8 bytes of memory for each of its own.
func TestPushMemory(t *testing.T) {
	const size = 4 << 20
	for name, body := range map[string][]byte{
		"empty rows":      []byte("[{}" + strings.Repeat(",{}", size/3) + "]"),
		"empty lines":     []byte(`{"so_id":"S","l_id":"L","items":[{}` + strings.Repeat(",{}", size/3) + "]}"),
		"nested lists":    bytes.Repeat([]byte("["), size),
		"unknown members": []byte(`{"so_id":"S","l_id":"L","x":[` + strings.Repeat("1,", size/2) + "1]}"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = jushuitan.ParseStockPush(body)
		_, _ = jushuitan.ParseShipmentPush(body)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(body)), name)
	}
}

func BenchmarkPushRead(b *testing.B) {
	body := []byte(strings.Replace(pushShapes()[0], ",{}]", "]", 1))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, err := jushuitan.ParseShipmentPush(body)
		require.NoError(b, err)
	}
}
