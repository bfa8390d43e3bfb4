package callback_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// modelERP answers queries from documents in memory: those of one shop, by time or number.
type modelERP struct {
	now  time.Time
	docs map[string][]*modelDoc // by path
}

// modelDoc is a row of an answer.
type modelDoc struct {
	row               map[string]any
	modified, shipped time.Time
	key               string // the value of so_ids or as_ids that finds it
}

const modelTime = "2006-01-02 15:04:05"

var modelLists = map[string]string{logisticPath: "orders", ordersPath: "orders", stockPath: "inventorys"}

// readQuery decodes the parameters of a query.
func readQuery(req *http.Request, q any) error {
	if err := req.ParseForm(); err != nil {
		return err
	}
	return json.Unmarshal([]byte(req.PostForm.Get("biz")), q)
}

func (e *modelERP) RoundTrip(req *http.Request) (*http.Response, error) {
	var q struct {
		Page  int    `json:"page_index"`
		Size  int    `json:"page_size"`
		Begin string `json:"modified_begin"`
		End   string `json:"modified_end"`
		Date  int    `json:"date_type"`
		SoIDs []any  `json:"so_ids"`
		ASIDs []any  `json:"as_ids"`
	}
	if err := readQuery(req, &q); err != nil {
		return nil, err
	}
	var rows []*modelDoc
	for _, d := range e.docs[req.URL.Path] {
		t := d.modified
		if q.Date == 3 {
			t = d.shipped
		}
		at := t.Format(modelTime)
		if keys := slices.Concat(q.SoIDs, q.ASIDs); len(keys) > 0 {
			if slices.ContainsFunc(keys, func(k any) bool { return fmt.Sprint(k) == d.key }) {
				rows = append(rows, d)
			}
		} else if at >= q.Begin && at <= q.End {
			rows = append(rows, d)
		}
	}
	slices.SortStableFunc(rows, func(a, b *modelDoc) int { return a.modified.Compare(b.modified) })
	size := cmp.Or(q.Size, 30)
	total := len(rows)
	from := min((max(q.Page, 1)-1)*size, total)
	page := []any{}
	for _, d := range rows[from:min(from+size, total)] {
		row := maps.Clone(d.row)
		row["modified"] = d.modified.Format(modelTime)
		page = append(page, row)
	}
	body, err := json.Marshal(map[string]any{"code": 0, "msg": "", "data": map[string]any{
		"page_index": q.Page, "page_size": size, "has_next": from+size < total, "data_count": total, "page_count": (total + size - 1) / size,
		cmp.Or(modelLists[req.URL.Path], "datas"): page,
	}})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body))), Request: req,
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {e.now.UTC().Format(http.TimeFormat)}},
	}, nil
}

// world is an ERP, a host and the messages between them, on a virtual clock.
type world struct {
	t        *testing.T
	rng      *rand.Rand
	seed     string
	erp      *modelERP
	skew     time.Duration // the host's clock minus the ERP's
	client   *jushuitan.Client
	journal  callback.Journal
	receiver *callback.Receiver
	start    time.Time
	latest   time.Duration // of a push of a document that changes
	undated  bool          // pushes have no ts
	serial   int
	delayed  []onItsWay

	// What the host knows.
	shipped   map[string]string // waybill and carrier, by order and lines
	cancelled map[string]bool   // parts, as the host saw them when it read an order
	returned  map[string]int64  // by after-sale
	stock     map[string]string // by SKU
	handled   map[string]bool   // texts of messages
}

// onItsWay is a push on its way.
type onItsWay struct {
	req *http.Request
	at  time.Time // of arrival
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 20)), seed: fmt.Sprint("seed ", seed), start: noon.Truncate(time.Second),
		erp:     &modelERP{docs: map[string][]*modelDoc{}},
		shipped: map[string]string{}, cancelled: map[string]bool{}, returned: map[string]int64{}, stock: map[string]string{}, handled: map[string]bool{},
	}
	w.erp.now = w.start.Add(time.Minute)
	w.journal = callback.NewMemoryJournal(0, w.start)
	var err error
	w.client, err = jushuitan.New(jushuitan.Credentials{AppKey: "key", AppSecret: "secret", Type: jushuitan.SelfBuilt},
		jushuitan.WithHTTPClient(&http.Client{Transport: w.erp}), jushuitan.WithClock(w.now), jushuitan.WithToken("token"),
		jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 30, Per: time.Nanosecond}))
	require.NoError(t, err)
	w.receiver = receiver(t, callback.WithJournal(callback.Config{
		AllowUnauthenticated: true, Now: w.now, DropStaleStock: true,
		Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			w.handled[shipText(p)] = true
			w.shipped[parcelName(p)] = p.LID + " " + p.LCID
			return nil
		},
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			w.handled["cancel "+p.SoID] = true
			for _, d := range w.erp.docs[ordersPath] { // the host reads the order
				if d.key == p.SoID && d.row["status"] == "Cancelled" {
					w.cancelled[fmt.Sprint(d.row["o_id"])] = true
				}
			}
			return nil
		},
		GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			w.handled[goodsText(p)] = true
			for _, it := range p.Items {
				if p.Action == jushuitan.GoodsRevoked {
					it.Qty = it.Qty.Neg()
				}
				asID := strconv.FormatInt(p.ASID, 10)
				w.returned[asID] = max(0, w.returned[asID]+it.Qty.IntPart()) // what was not received cannot be undone
			}
			return nil
		},
		Stock: func(_ context.Context, _ callback.Envelope, p *jushuitan.StockPush) error {
			for _, row := range p.Rows {
				w.handled["stock "+row.SKUID+" "+row.Qty.String()] = true
				w.stock[row.SKUID] = row.Qty.String()
			}
			return nil
		},
		OnError: func(_ context.Context, _ callback.Envelope, err error) { assert.NoError(t, err, w.seed) },
	}, w.journal))
	return w
}

func (w *world) now() time.Time { return w.erp.now.Add(w.skew) }

func parcelName(p *jushuitan.ShipmentPush) string {
	name := fmt.Sprint(p.OID)
	for _, it := range p.Items {
		name += " " + it.OuterOIID + it.SKUID + it.Qty.String()
	}
	return name
}

func shipText(p *jushuitan.ShipmentPush) string {
	return "ship " + parcelName(p) + " " + p.LID + " " + p.LCID
}

func goodsText(p *jushuitan.GoodsReturnedPush) string {
	return fmt.Sprintf("goods %d %s %s", p.ASID, p.Action, p.Items[0].Qty)
}

// text names what a difference is about, as the host would note its message.
func (w *world) text(d *callback.Difference) string {
	switch {
	case d.Shipment != nil:
		return shipText(d.Shipment)
	case d.Cancel != nil:
		return "cancel " + d.Cancel.SoID
	case d.GoodsReturned != nil:
		return goodsText(d.GoodsReturned)
	}
	return "stock " + d.Stock.Rows[0].SKUID + " " + d.Stock.Rows[0].Qty.String()
}

// config compares all kinds, with windows from the given time on.
func (w *world) config(from time.Time) callback.ReconcileConfig {
	return callback.ReconcileConfig{
		Client: w.client, Journal: w.journal, EntID: "10010", From: from, Now: w.now,
		Shops: []callback.ReconcileShop{{ShopID: mallShop}},
		Stocks: []callback.ReconcileStock{{WMSCoID: mainWMS, ShopID: mallShop, Figure: func(row *jushuitan.InventoryRow) (decimal.Decimal, bool) {
			return row.Qty, true
		}}},
	}
}

// pass lets time pass, and delayed messages arrive.
func (w *world) pass(d time.Duration) {
	until := w.erp.now.Add(d)
	slices.SortStableFunc(w.delayed, func(a, b onItsWay) int { return a.at.Compare(b.at) })
	for len(w.delayed) > 0 && !w.delayed[0].at.After(until) {
		m := w.delayed[0]
		w.delayed = w.delayed[1:]
		w.erp.now = m.at
		w.arrive(m)
	}
	w.erp.now = until
}

func (w *world) arrive(m onItsWay) {
	rec := httptest.NewRecorder()
	w.receiver.ServeHTTP(rec, m.req)
	assert.Equal(w.t, success, rec.Body.String(), w.seed)
}

// request is a message as it is sent now.
func (w *world) request(method jushuitan.PushMethod, body any) *http.Request {
	text, err := json.Marshal(body)
	require.NoError(w.t, err)
	code := "10350"
	if method == jushuitan.PushStock {
		code = strconv.FormatInt(mainWMS, 10)
	}
	q := url.Values{"entId": {"10010"}, "storageCode": {code}, "method": {string(method)}, "ts": {strconv.FormatInt(w.erp.now.Unix(), 10)}}
	if w.undated {
		q.Del("ts")
	}
	q.Set("sign", jushuitan.SignPush(method, q))
	return httptest.NewRequest(http.MethodPost, "http://mall.invalid"+paths[method]+"?"+q.Encode(), strings.NewReader(string(text)))
}

// push sends a message: it arrives now, late, or never.
func (w *world) push(method jushuitan.PushMethod, body any, latest time.Duration) {
	m := onItsWay{req: w.request(method, body), at: w.erp.now}
	switch w.rng.IntN(4) {
	case 0: // lost
		return
	case 1:
		m.at = m.at.Add(time.Duration(w.rng.Int64N(int64(latest))))
		w.delayed = append(w.delayed, m)
	default:
		w.arrive(m)
	}
}

func (w *world) next() int {
	w.serial++
	return w.serial
}

// put adds a document, or dates it anew.
func (w *world) put(path string, d *modelDoc) *modelDoc {
	d.modified = w.erp.now.Truncate(time.Second)
	if !slices.Contains(w.erp.docs[path], d) {
		d.shipped = d.modified
		w.erp.docs[path] = append(w.erp.docs[path], d)
	}
	return d
}

// ship ships an order as a parcel with lines of its own.
func (w *world) ship(oID, line int, latest time.Duration) *modelDoc {
	so := fmt.Sprint("SO-", oID)
	d := w.put(logisticPath, &modelDoc{key: so, row: map[string]any{
		"o_id": oID, "so_id": so, "shop_id": mallShop, "l_id": fmt.Sprint("YT", oID, "-", line), "lc_id": "YTO",
		"items": []map[string]any{{"sku_id": "A", "qty": 1, "outer_oi_id": fmt.Sprint(so, "-", line)}},
	}})
	d.row["send_date"] = d.shipped.Format(modelTime)
	w.push(jushuitan.PushShipment, d.row, latest)
	return d
}

// correct changes the waybill or the carrier of a parcel, maybe back.
func (w *world) correct(d *modelDoc) {
	if w.rng.IntN(2) == 0 {
		d.row["lc_id"] = []string{"YTO", "SF", "ZTO"}[w.rng.IntN(3)]
	} else {
		base, _, _ := strings.Cut(d.row["l_id"].(string), "/")
		d.row["l_id"] = base + []string{"", "/2", "/3"}[w.rng.IntN(3)]
	}
	w.put(logisticPath, d)
	w.push(jushuitan.PushShipment, d.row, w.latest)
}

// cancel cancels an order, or a part of it.
func (w *world) cancel(soID string, latest time.Duration) {
	w.put(ordersPath, &modelDoc{key: soID, row: map[string]any{"o_id": w.next(), "so_id": soID, "shop_id": mallShop, "status": "Cancelled"}})
	w.push(jushuitan.PushCancel, map[string]any{"so_id": soID}, latest)
}

// goods receives some goods of an after-sale.
func (w *world) goods(asID int, latest time.Duration) *modelDoc {
	qty := 1 + w.rng.IntN(3)
	d := w.put(receivedPath, &modelDoc{key: fmt.Sprint(asID), row: map[string]any{
		"io_id": w.next(), "as_id": asID, "shop_id": mallShop, "so_id": fmt.Sprint("SO-", asID), "status": "Confirmed",
		"io_date": w.erp.now.Format(modelTime), "items": []map[string]any{{"sku_id": "A", "qty": qty}},
	}})
	w.push(jushuitan.PushGoodsReturned, map[string]any{
		"as_id": asID, "outer_as_id": fmt.Sprint("RF-", asID), "so_id": d.row["so_id"], "action_name": "确认收货", "items": d.row["items"],
	}, latest)
	if len(w.erp.docs[casesPath]) == 0 || !slices.ContainsFunc(w.erp.docs[casesPath], func(c *modelDoc) bool { return c.key == d.key }) {
		w.put(casesPath, &modelDoc{key: d.key, row: map[string]any{"as_id": asID, "outer_as_id": fmt.Sprint("RF-", asID), "shop_id": mallShop, "so_id": d.row["so_id"]}})
	}
	return d
}

// revoke undoes a receipt.
func (w *world) revoke(d *modelDoc) {
	d.row["status"] = "Cancelled"
	w.put(receivedPath, d)
	w.push(jushuitan.PushGoodsReturned, map[string]any{
		"as_id": d.row["as_id"], "outer_as_id": "RF-" + d.key, "so_id": d.row["so_id"], "action_name": "取消收货", "items": d.row["items"],
	}, w.latest)
}

// count sets the stock of a SKU.
func (w *world) count(d *modelDoc, latest time.Duration) {
	d.row["qty"] = w.rng.IntN(1000)
	w.put(stockPath, d)
	w.push(jushuitan.PushStock, []map[string]any{{"shop_id": mallShop, "sku_id": d.key, "qty": d.row["qty"], "modified": d.modified.Format(modelTime)}}, latest)
}

func (w *world) sku() *modelDoc {
	id := fmt.Sprint("SKU-", w.next())
	return &modelDoc{key: id, row: map[string]any{"sku_id": id}}
}

// shortOfGrace is the longest delay of a push that arrives before its window is compared.
const shortOfGrace = 4 * time.Minute

var graces = []time.Duration{-1, 0, time.Minute, 7 * time.Minute, 19 * time.Minute}

const stockPath = "/open/inventory/query"

// window compares one window and returns its end, or its beginning if it has to be compared
// again.
func (w *world) window(from time.Time, grace time.Duration, found func(*callback.Difference)) time.Time {
	cfg := w.config(from)
	cfg.Grace = grace
	if cfg.To = cfg.End(); w.rng.IntN(3) == 0 {
		cfg.To = from.Add(time.Duration(w.rng.Int64N(int64(cfg.To.Sub(from)) + 1)))
	}
	complete := true
	for d, err := range callback.Reconcile(w.t.Context(), cfg) {
		if err != nil {
			require.ErrorContains(w.t, err, "clock is behind", w.seed)
			complete = false
			continue
		}
		found(d)
	}
	if !complete {
		return from
	}
	return cfg.End()
}

// TestReconcileWindowsFindAll: windows of any length and grace that follow one another, each
// from the end of the one before, find every push that was lost or not handled when its window
// was compared: these and no other, each once, also while the clocks differ.
func TestReconcileWindowsFindAll(t *testing.T) {
	for seed := range uint64(racetest.Fewer(40)) {
		w := newWorld(t, seed)
		w.skew = []time.Duration{0, 0, 3 * time.Minute, -3 * time.Minute}[seed%4]
		if w.skew > 0 { // the journal begins by the host's clock
			w.pass(w.skew)
		}
		sent := map[string]time.Time{} // texts of messages, by the times of their documents
		missed := map[string]bool{}    // that were not handled when their window was compared
		found := map[string]int{}
		from := w.start
		compare := func() {
			texts := map[string]int{}
			end := w.window(from, graces[w.rng.IntN(len(graces))], func(d *callback.Difference) { texts[w.text(d)]++ })
			if end.Equal(from) { // not over by the ERP's clock, or too short
				return
			}
			for text, n := range texts {
				found[text] += n
			}
			for text, at := range sent {
				if !at.Before(from) && at.Before(end) && !w.handled[text] {
					missed[text] = true
				}
			}
			from = end
		}
		for range 150 {
			w.pass(time.Duration(w.rng.Int64N(int64(4 * time.Minute))))
			at := w.erp.now.Truncate(time.Second)
			switch w.rng.IntN(5) {
			case 0:
				d := w.ship(w.next(), 1, 20*time.Minute)
				sent[fmt.Sprintf("ship %v %s-1A1 %s YTO", d.row["o_id"], d.key, d.row["l_id"])] = at
			case 1:
				so := fmt.Sprint("C-", w.next())
				w.cancel(so, 20*time.Minute)
				sent["cancel "+so] = at
			case 2:
				d := w.goods(w.next(), 20*time.Minute)
				sent[fmt.Sprintf("goods %s 确认收货 %v", d.key, d.row["items"].([]map[string]any)[0]["qty"])] = at
			case 3:
				d := w.sku()
				w.count(d, 20*time.Minute)
				sent[fmt.Sprintf("stock %s %v", d.key, d.row["qty"])] = at
			default:
				compare()
			}
		}
		w.pass(time.Hour)
		for range 30 {
			compare()
			w.pass(30 * time.Minute)
		}
		require.True(t, from.After(w.erp.now.Add(-10*time.Hour)), "%s: the windows do not move on", w.seed)
		for text := range sent {
			require.True(t, w.handled[text] || missed[text], "%s: %s is in no window", w.seed, text)
		}
		want := map[string]int{}
		for text := range missed {
			want[text] = 1
		}
		require.Equal(t, want, found, "%s: findings are not the pushes that were lost", w.seed)
		require.Greater(t, len(found), 10, w.seed)
	}
}

// TestReconcileFindsLastState: documents that change several times (waybills and carriers that
// are changed and changed back, parts of orders that are cancelled one by one, goods that come
// in parts and are undone, stock) with pushes that are lost or come late, within the grace or
// when their window was compared already: after all windows the host knows what the ERP knows.
func TestReconcileFindsLastState(t *testing.T) {
	for seed := range uint64(racetest.Fewer(120)) {
		w := newWorld(t, seed)
		if w.latest = shortOfGrace; seed%2 == 1 {
			w.latest, w.undated = 90*time.Minute, seed%4 == 1
		}
		var parcels, receipts, skus []*modelDoc
		var orders []string
		from := w.start
		repair := func(d *callback.Difference) {
			before := w.state()
			err := w.receiver.Redeliver(t.Context(), d)
			require.NoError(t, err, "%s: %s %s %v", w.seed, d.Kind, w.text(d), d.Fields)
			if d.Method != jushuitan.PushCancel {
				require.NotEqual(t, before, w.state(), "%s: %s was not missed", w.seed, w.text(d))
			}
		}
		for range 150 {
			if w.rng.IntN(4) > 0 {
				w.pass(time.Duration(w.rng.Int64N(int64(6 * time.Minute))))
			} // else in the same second
			switch w.rng.IntN(10) {
			case 0:
				oID := w.next()
				for line := range 1 + w.rng.IntN(2) {
					parcels = append(parcels, w.ship(oID, line+1, w.latest))
				}
			case 1, 2:
				if len(parcels) > 0 {
					w.pass(time.Second) // two changes in one second have no order
					w.correct(parcels[w.rng.IntN(len(parcels))])
				}
			case 3:
				orders = append(orders, fmt.Sprint("C-", w.next()))
				w.cancel(orders[len(orders)-1], w.latest)
			case 4:
				if len(orders) > 0 {
					w.cancel(orders[w.rng.IntN(len(orders))], w.latest)
				}
			case 5:
				asID := w.next()
				if len(receipts) > 0 && w.rng.IntN(2) > 0 {
					asID, _ = strconv.Atoi(receipts[w.rng.IntN(len(receipts))].key)
				}
				receipts = append(receipts, w.goods(asID, w.latest))
			case 6:
				if i := w.rng.IntN(len(receipts) + 1); i < len(receipts) && receipts[i].row["status"] == "Confirmed" {
					w.revoke(receipts[i])
				}
			case 7:
				skus = append(skus, w.sku())
				w.count(skus[len(skus)-1], w.latest)
			case 8:
				if len(skus) > 0 {
					w.pass(time.Second)
					w.count(skus[w.rng.IntN(len(skus))], w.latest)
				}
			case 9:
				from = w.window(from, []time.Duration{0, 20 * time.Minute}[w.rng.IntN(2)], repair)
				w.pass(time.Second) // the times of the ERP have no order within a second
			}
		}
		w.pass(2 * time.Hour)
		cfg := w.config(from)
		for d, err := range callback.Reconcile(t.Context(), cfg) {
			require.NoError(t, err, w.seed)
			repair(d)
		}
		require.Equal(t, w.truth(), w.state(), "%s: the host does not know what the ERP knows", w.seed)
		cfg.From = w.start
		for d, err := range callback.Reconcile(t.Context(), cfg) {
			require.NoError(t, err, w.seed)
			require.Equal(t, jushuitan.PushCancel, d.Method, "%s: %s is found again %v", w.seed, w.text(d), d.Fields)
		}
	}
}

// state is what the host knows.
func (w *world) state() []string {
	var out []string
	for name, v := range w.shipped {
		out = append(out, "ship "+name+" "+v)
	}
	for name := range w.cancelled {
		out = append(out, "cancelled "+name)
	}
	for name, qty := range w.returned {
		if qty != 0 {
			out = append(out, fmt.Sprint("returned ", name, " ", qty))
		}
	}
	for name, qty := range w.stock {
		out = append(out, "stock "+name+" "+qty)
	}
	slices.Sort(out)
	return out
}

// truth is what the ERP knows.
func (w *world) truth() []string {
	var out []string
	for _, d := range w.erp.docs[logisticPath] {
		item := d.row["items"].([]map[string]any)[0]
		out = append(out, fmt.Sprintf("ship %v %vA1 %v %v", d.row["o_id"], item["outer_oi_id"], d.row["l_id"], d.row["lc_id"]))
	}
	for _, d := range w.erp.docs[ordersPath] {
		out = append(out, fmt.Sprint("cancelled ", d.row["o_id"]))
	}
	returned := map[string]int{}
	for _, d := range w.erp.docs[receivedPath] {
		if d.row["status"] == "Confirmed" {
			returned[d.key] += d.row["items"].([]map[string]any)[0]["qty"].(int)
		}
	}
	for key, qty := range returned {
		out = append(out, fmt.Sprint("returned ", key, " ", qty))
	}
	for _, d := range w.erp.docs[stockPath] {
		out = append(out, fmt.Sprintf("stock %s %v", d.key, d.row["qty"]))
	}
	slices.Sort(out)
	return out
}
