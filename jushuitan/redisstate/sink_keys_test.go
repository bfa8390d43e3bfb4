package redisstate

import (
	"regexp"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestSinkKeysStay: what Redis holds outlives an update of the program, which must
// find the names, orders and documents that the one before it wrote.
func TestSinkKeysStay(t *testing.T) {
	env := func(method jushuitan.PushMethod, ts int64) callback.Envelope {
		e := callback.Envelope{EntID: "9001", StorageCode: "10101010", Type: "2", Method: method, Raw: []byte("raw " + method)}
		if ts > 0 {
			e.TS = time.Unix(ts, 0)
		}
		return e
	}
	for _, tt := range []struct {
		name  string
		store func(t *testing.T, i *Inbox) error
		id    string // without the time since when it is known
		order string
		turn  string // the document, and what was done last with it
	}{
		{name: "shipment", store: func(t *testing.T, i *Inbox) error {
			return i.Shipment(t.Context(), env(jushuitan.PushShipment, 0), &jushuitan.ShipmentPush{OID: 200001, SoID: "SO-1", LID: "YT1"})
		}, id: "logistics.upload:vOINk7syM8hPiO9pYxd-JsHc", order: "IvnvhPIAoBsEbWMVucOr_U1F"},
		{name: "cancel", store: func(t *testing.T, i *Inbox) error {
			return i.Cancel(t.Context(), env(jushuitan.PushCancel, 0), &jushuitan.CancelPush{SoID: "SO-1", Remark: "x"})
		}, id: "cancel.order:GHGS1WTdvR6R_heABxCbqTYk", order: "IvnvhPIAoBsEbWMVucOr_U1F", turn: "Z_VPk5aFRqVm6W8ZjlxtIU9d "},
		{name: "goods received", store: func(t *testing.T, i *Inbox) error {
			return i.GoodsReturned(t.Context(), env(jushuitan.PushGoodsReturned, 0),
				&jushuitan.GoodsReturnedPush{ASID: 400001, OuterASID: "RT-1", SoID: "SO-1", Action: jushuitan.GoodsReceived, UniqueID: "U"})
		}, id: "refund.goods:QBfErV4hElPC9uawm5F-Tta1", order: "IvnvhPIAoBsEbWMVucOr_U1F", turn: "vO8mRX0Wzd9-56Q1AhDQMPxW 确认收货"},
		{name: "goods revoked, no as_id", store: func(t *testing.T, i *Inbox) error {
			return i.GoodsReturned(t.Context(), env(jushuitan.PushGoodsReturned, 0),
				&jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsRevoked})
		}, id: "refund.goods:QBfErV4hElPC9uawm5F-Tta1", turn: "SozxxvAvNYyyHzWHd1-pngHY 取消收货"},
		{name: "stock", store: func(t *testing.T, i *Inbox) error {
			return i.Stock(t.Context(), env(jushuitan.PushStock, 1700000000),
				&jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A", Modified: time.Unix(1, 0)}}})
		}, id: "inventory.upload:9ZdSXXpVhcEfQ9s_Jg8Kc3dZ"},
		{name: "stock without modified", store: func(t *testing.T, i *Inbox) error {
			return i.Stock(t.Context(), env(jushuitan.PushStock, 1700000000), &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A"}}})
		}, id: "inventory.upload:sM0of4qJfaeJxyMpq1gio5PD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mini := miniredis.RunT(t)
			s, err := New(redis.NewClient(&redis.Options{Addr: mini.Addr()}), Config{Prefix: "p"})
			require.NoError(t, err)
			i, err := s.Inbox(InboxConfig{Ordered: true, Partitions: 1})
			require.NoError(t, err)
			require.NoError(t, tt.store(t, i))
			turn := ""
			for _, key := range mini.Keys() {
				if m := regexp.MustCompile(`:turn:(.*)$`).FindStringSubmatch(key); m != nil {
					v, err := mini.Get(key)
					require.NoError(t, err)
					turn = m[1] + " " + regexp.MustCompile(`^\d+ `).ReplaceAllString(v, "")
				}
			}
			rows, err := mini.Stream(i.keys(0)[0])
			require.NoError(t, err)
			require.Len(t, rows, 1)
			assert.Equal(t, []string{tt.id, tt.order, tt.turn},
				[]string{regexp.MustCompile(`-\d+$`).ReplaceAllString(rows[0].Values[1], ""), rows[0].Values[3], turn})
		})
	}
}
