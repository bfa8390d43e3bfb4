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
		}, id: "logistics.upload:ZgwsN2Igk4RIICZy5jiIB-_2", order: "IvnvhPIAoBsEbWMVucOr_U1F", turn: "EDPlMQhOMjpDqZczCskcgTu0 ZgwsN2Igk4RIICZy5jiIB-_2"},
		{name: "cancel", store: func(t *testing.T, i *Inbox) error {
			return i.Cancel(t.Context(), env(jushuitan.PushCancel, 0), &jushuitan.CancelPush{SoID: "SO-1", Remark: "x"})
		}, id: "cancel.order:BuN6Cc0MQ3A0bwUpX7s-Z3RD", order: "IvnvhPIAoBsEbWMVucOr_U1F", turn: "g4Nfqe8kTheYLvA5_2yjnc-G BuN6Cc0MQ3A0bwUpX7s-Z3RD"},
		{name: "goods received", store: func(t *testing.T, i *Inbox) error {
			return i.GoodsReturned(t.Context(), env(jushuitan.PushGoodsReturned, 0),
				&jushuitan.GoodsReturnedPush{ASID: 400001, OuterASID: "RT-1", SoID: "SO-1", Action: jushuitan.GoodsReceived, UniqueID: "U"})
		}, id: "refund.goods:F1Fy7s-cDwAMgmd7GTc2U4t4", order: "WVaFaDBYAlEiAh7jkZW_POsf", turn: "Y_irs8vLaE6ifMx4txvqMImt F1Fy7s-cDwAMgmd7GTc2U4t4"},
		{name: "goods revoked, no as_id", store: func(t *testing.T, i *Inbox) error {
			return i.GoodsReturned(t.Context(), env(jushuitan.PushGoodsReturned, 0),
				&jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsRevoked})
		}, id: "refund.goods:Uz-eWkEwVtsUxLdp16AQIHM5", order: "Lj9gQKcvlDH9tg9AXUdOGC5m", turn: "h8ZPqB2ZIa5UgjWJZQLw-9nF Uz-eWkEwVtsUxLdp16AQIHM5"},
		{name: "stock", store: func(t *testing.T, i *Inbox) error {
			return i.Stock(t.Context(), env(jushuitan.PushStock, 1700000000),
				&jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A", Modified: time.Unix(1, 0)}}})
		}, id: "inventory.upload:StcNJ9gjn7oOUMqjy569oX4x"},
		{name: "stock without modified", store: func(t *testing.T, i *Inbox) error {
			return i.Stock(t.Context(), env(jushuitan.PushStock, 1700000000), &jushuitan.StockPush{Rows: []jushuitan.StockPushRow{{SKUID: "A"}}})
		}, id: "inventory.upload:v0V7xlPKuyEappu8M6QcIDhf"},
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
