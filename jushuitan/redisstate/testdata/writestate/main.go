// Command writestate writes what a commit of this module stores, as fixtures for the tests of
// later ones. Put it into the tree of the commit whose forms are to be kept; README.md beside
// the fixtures has the commands.
//
// All values in it are made up.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

const (
	urlSecret     = "made-up-secret-of-the-urls"
	stateSecret   = "made-up-secret-of-the-states"
	gatewaySecret = "made-up-secret-of-the-gateway"
	customer      = "made-up-customer"
	entID         = "10010"
	shop          = "10200077"
)

// sent is the time of all messages.
func sent() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("CST", 8*60*60)) }

func main() {
	addr := flag.String("redis", "", "address of an empty Redis")
	root := flag.String("to", "", "root of the tree that gets the fixtures")
	sendTo := flag.String("send", "", "send the pushes to this receiver, and write nothing")
	flag.Parse()
	var err error
	if *sendTo != "" {
		err = send(context.Background(), *sendTo)
	} else {
		err = write(context.Background(), *addr, *root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, addr, root string) error {
	at := func(dir string) string { return filepath.Join(root, dir, "testdata", "upgrade") }
	messages, err := qimenMessages()
	if err != nil {
		return err
	}
	pushes, receipts, err := pushMessages(ctx)
	if err != nil {
		return err
	}
	state, err := authorizeState()
	if err != nil {
		return err
	}
	urls, err := registered()
	if err != nil {
		return err
	}
	stopped, err := streams(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		tokenFile(ctx, filepath.Join(at("jushuitan"), "tokens.json")),
		save(filepath.Join(at("jushuitan"), "checkpoints.json"), stopped),
		save(filepath.Join(at("callback"), "pushes.json"), pushes),
		save(filepath.Join(at("callback"), "receipts.json"), receipts),
		save(filepath.Join(at("callback"), "authorize.json"), state),
		save(filepath.Join(at("dianjia"), "urls.json"), urls),
		save(filepath.Join(at("qimen"), "messages.json"), messages),
		fill(ctx, addr, filepath.Join(at("jushuitan/redisstate"), "redis.json"), pushes, messages),
	)
}

func save(name string, v any) error {
	text, err := marshal(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", " "); err != nil {
		return err
	}
	return saveText(name, append(b.Bytes(), '\n'))
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func saveText(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// tokens are those of a self-built app and of a service provider's.
func tokens() []struct {
	key jushuitan.TokenKey
	tok jushuitan.Token
} {
	late := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)
	type row = struct {
		key jushuitan.TokenKey
		tok jushuitan.Token
	}
	own := func(merchant string) jushuitan.TokenKey {
		return jushuitan.TokenKey{AppKey: "made-up-own-app", Merchant: merchant}
	}
	isv := func(merchant string) jushuitan.TokenKey {
		return jushuitan.TokenKey{AppKey: "made-up-isv/app:1", Merchant: merchant}
	}
	return []row{
		{own(""), jushuitan.Token{AccessToken: "access-own", RefreshToken: "refresh-own", ExpiresAt: late, Scope: "all"}},
		{own("10010"), jushuitan.Token{AccessToken: "access-10010", RefreshToken: "refresh-10010", ExpiresAt: late.Add(123456789), Scope: "all"}},
		{own("expired"), jushuitan.Token{AccessToken: "access-expired", RefreshToken: "refresh-expired", ExpiresAt: time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC), Scope: "all"}},
		{own("no refresh token"), jushuitan.Token{AccessToken: "access-alone", ExpiresAt: late}},
		{isv("商家 20020/一"), jushuitan.Token{AccessToken: "access-20020", RefreshToken: "refresh-20020", ExpiresAt: late, Scope: "all"}},
		{isv("never ends"), jushuitan.Token{AccessToken: "access-never-ends"}},
		{isv("expired"), jushuitan.Token{AccessToken: "access-isv-expired", RefreshToken: "refresh-isv-expired", ExpiresAt: time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)}},
	}
}

// putTokens stores them, one of them three times, and deletes another merchant's.
func putTokens(ctx context.Context, store interface {
	jushuitan.TokenStore
	Delete(ctx context.Context, key jushuitan.TokenKey) error
},
) error {
	put := func(key jushuitan.TokenKey, old, next jushuitan.Token) (jushuitan.Token, error) {
		tok, ok, err := store.CompareAndSwap(ctx, key, old, next)
		if err == nil && !ok {
			err = errors.New("somebody else was first")
		}
		return tok, err
	}
	for _, row := range tokens() {
		tok, err := put(row.key, jushuitan.Token{}, row.tok)
		for range 2 {
			if err == nil && row.key.Merchant == "10010" {
				tok, err = put(row.key, tok, row.tok)
			}
		}
		if err != nil {
			return err
		}
	}
	left := jushuitan.TokenKey{AppKey: "made-up-own-app", Merchant: "left"}
	if _, err := put(left, jushuitan.Token{}, jushuitan.Token{AccessToken: "access-left"}); err != nil {
		return err
	}
	return store.Delete(ctx, left)
}

func tokenFile(ctx context.Context, name string) error {
	dir, err := os.MkdirTemp("", "writestate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := jushuitan.NewFileTokenStore(filepath.Join(dir, "tokens.json"))
	if err != nil {
		return err
	}
	if err := putTokens(ctx, store); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
	if err != nil {
		return err
	}
	return saveText(name, text)
}

// company is the world of the streams: as many orders, one a minute from a fixed time on.
func company(orders int) (*jushuitantest.Server, error) {
	fake := jushuitantest.NewServer(
		jushuitantest.WithApp(jushuitan.Credentials{AppKey: "made-up-own-app", AppSecret: "made-up-app-secret", Type: jushuitan.SelfBuilt}),
		jushuitantest.WithNow(sent), jushuitantest.WithQuota(),
	)
	err := fake.AddShop(jushuitan.Shop{ShopID: 10200077, ShopName: "一"})
	for n := range orders {
		fake.Advance(time.Minute)
		if err == nil {
			_, err = fake.ReceiveOrder(jushuitan.OrderUpload{
				ShopID: 10200077, SoID: fmt.Sprintf("SO-%02d", n+1),
				Items: []jushuitan.OrderUploadItem{{SKUID: "SKU", Qty: decimal.NewFromInt(1), Price: decimal.NewFromInt(59)}},
			})
		}
	}
	fake.Advance(time.Hour)
	return fake, err
}

// row is an order as far as a stream looks at it.
type row struct {
	OID      int64     `json:"o_id"`
	Modified time.Time `json:"modified"`
	TS       int64     `json:"ts"`
}

// streamed is a query, a checkpoint and how many of the rows were taken before it.
type streamed struct {
	Begin      time.Time            `json:"begin,omitzero"` // of the query's time range
	End        time.Time            `json:"end,omitzero"`
	Taken      int                  `json:"taken"`
	Checkpoint jushuitan.Checkpoint `json:"checkpoint"`
}

// checkpoints are those of some streams, and the rows that all of them go through.
type checkpoints struct {
	Rows    []row               `json:"rows"`
	Streams map[string]streamed `json:"streams"`
}

// streams are stopped at some of their rows.
func streams(ctx context.Context) (*checkpoints, error) {
	fake, err := company(30)
	if err != nil {
		return nil, err
	}
	defer fake.Close()
	client, err := fake.Client()
	if err != nil {
		return nil, err
	}
	all := &checkpoints{Streams: map[string]streamed{}}
	for order, err := range client.Orders.Since(ctx, 0, &jushuitan.OrderQuery{}) {
		if err != nil {
			return nil, err
		}
		all.Rows = append(all.Rows, row{order.OID, order.Modified, order.TS})
	}
	begin, end := sent(), sent().Add(3*time.Hour)
	for name, s := range map[string]streamed{
		"by row version":     {Taken: 17},
		"by modified time":   {Begin: begin, End: end, Taken: 13},
		"before its first":   {Begin: begin, End: end},
		"at its end":         {Begin: begin, End: end, Taken: len(all.Rows)},
		"over several steps": {Begin: begin.Add(-71 * time.Hour), End: end, Taken: 20},
	} {
		stream := client.Orders.Stream(&jushuitan.OrderQuery{PageSize: 10, ModifiedBegin: s.Begin, ModifiedEnd: s.End}, jushuitan.Checkpoint{})
		n := 0
		for _, err := range stream.Rows(ctx) {
			if err != nil {
				return nil, err
			}
			if n++; n > s.Taken {
				break
			}
		}
		s.Checkpoint = stream.Checkpoint()
		all.Streams[name] = s
	}
	return all, nil
}

// message is a request as it was sent, and the key under which it was committed.
type message struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Type   string `json:"type"` // Content-Type
	Body   string `json:"body"`
	Key    string `json:"key"` // "": none
}

func (m message) request(ctx context.Context) *http.Request {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, m.Target, strings.NewReader(m.Body))
	req.Header.Set("Content-Type", m.Type)
	return req
}

// serve sends the message, and fails unless it is answered with the text.
func (m message) serve(ctx context.Context, h http.Handler, want string) error {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, m.request(ctx))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
		return fmt.Errorf("%s: %d %s", m.Name, w.Code, w.Body)
	}
	return nil
}

const (
	taken  = `"code":"0"`
	passed = "success"
)

// keys is a deduper that notes the last key.
type keys struct {
	callback.Deduper
	last string
}

func (k *keys) Commit(ctx context.Context, key, owner string, ttl time.Duration) error {
	if ttl > 0 {
		k.last = key
	}
	return k.Deduper.Commit(ctx, key, owner, ttl)
}

// pushes are of every kind, and of every form of a key.
func pushes() map[string]callbacktest.Message {
	const (
		parcel   = `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","lc_id":"YTO","items":[{"oi_id":2,"sku_id":"B","qty":"1.50","outer_oi_id":"2"},{"oi_id":1,"sku_id":"A","qty":2,"so_id":"SO-2"}]}`
		received = `{"as_id":400001,"so_id":"SO-1","o_id":200001,"action_name":"确认收货","unique_id":"u1","items":[{"sku_id":"A","qty":1}]}`
	)
	push := func(kind jushuitan.PushMethod, body string) callbacktest.Message {
		return callbacktest.Message{Method: kind, EntID: entID, StorageCode: shop, TS: sent(), Body: body, Secret: urlSecret}
	}
	form := push(jushuitan.PushShipment, `{"o_id":200003,"so_id":"SO-3","l_id":"YT3"}`)
	form.Form = true
	stock := push(jushuitan.PushStock, `{"datas":[{"sku_id":"A","shop_sku_id":"a","qty":7,"modified":"2026-01-02 03:04:00"},{"shop_sku_id":"b","qty":"0"}]}`)
	stock.StorageCode, stock.Type = "12345678", "2"
	return map[string]callbacktest.Message{
		"shipment":                      push(jushuitan.PushShipment, parcel),
		"shipment without o_id":         push(jushuitan.PushShipment, `{"so_id":"SO-4","l_id":"YT4"}`),
		"shipment as a form":            form,
		"cancel":                        push(jushuitan.PushCancel, `{"so_id":"SO-5","remark":"不要了"}`),
		"goods received":                push(jushuitan.PushGoodsReturned, received),
		"goods received, without as_id": push(jushuitan.PushGoodsReturned, `{"outer_as_id":"AS-6","so_id":"SO-6","action_name":"确认收货"}`),
		"goods revoked":                 push(jushuitan.PushGoodsReturned, `{"as_id":400007,"so_id":"SO-7","action_name":"取消收货"}`),
		"stock":                         stock,
	}
}

// config is one whose functions store pushes in the inbox.
func config(i *redisstate.Inbox) callback.Config {
	return callback.Config{Shipment: i.Shipment, Cancel: i.Cancel, GoodsReturned: i.GoodsReturned, Stock: i.Stock}
}

func receiver(cfg callback.Config) (*callback.Receiver, error) {
	cfg.Secrets, cfg.Now = []string{urlSecret}, sent
	return callback.New(cfg)
}

// pushMessages are the pushes with their keys, and what the journal notes of them.
func pushMessages(ctx context.Context) (all []message, receipts []callback.Receipt, err error) {
	for _, name := range sortedNames(pushes()) {
		push := pushes()[name]
		address := map[jushuitan.PushMethod]string{
			jushuitan.PushShipment: "/delivery_callback", jushuitan.PushCancel: "/cancal_callback",
			jushuitan.PushGoodsReturned: "/return_goods_callback", jushuitan.PushStock: "/stock_callback",
		}[push.Method]
		req, err := push.Request(ctx, address)
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, nil, err
		}
		m := message{Name: name, Target: req.URL.String(), Type: req.Header.Get("Content-Type"), Body: string(body)}
		k := &keys{Deduper: callback.NewMemoryDeduper(0)}
		j := &journal{MemoryJournal: callback.NewMemoryJournal(0, time.Time{})}
		r, err := receiver(callback.Journaled(callback.Config{
			Shipment:      func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return nil },
			Cancel:        func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil },
			GoodsReturned: func(context.Context, callback.Envelope, *jushuitan.GoodsReturnedPush) error { return nil },
			Stock:         func(context.Context, callback.Envelope, *jushuitan.StockPush) error { return nil },
			Deduper:       k, Now: sent,
		}, j))
		if err != nil {
			return nil, nil, err
		}
		if err := m.serve(ctx, r, taken); err != nil {
			return nil, nil, err
		}
		m.Key = k.last
		all, receipts = append(all, m), append(receipts, j.noted...)
	}
	return all, receipts, nil
}

// journal notes what was noted.
type journal struct {
	*callback.MemoryJournal
	noted []callback.Receipt
}

func (j *journal) Note(ctx context.Context, receipts ...callback.Receipt) error {
	j.noted = append(j.noted, receipts...)
	return j.MemoryJournal.Note(ctx, receipts...)
}

// send sends the pushes to a receiver that runs elsewhere.
func send(ctx context.Context, base string) error {
	all, _, err := pushMessages(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+m.Target, strings.NewReader(m.Body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", m.Type)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if !strings.Contains(string(text), taken) {
			return fmt.Errorf("%s: %d %s", m.Name, resp.StatusCode, text)
		}
	}
	return nil
}

// authorizeState is of a page that a merchant has open.
func authorizeState() (any, error) {
	client, err := jushuitan.New(jushuitan.Credentials{AppKey: "made-up-isv", AppSecret: "made-up-isv-secret", Type: jushuitan.ServiceProvider})
	if err != nil {
		return nil, err
	}
	a, err := callback.NewAuthorize(client, callback.AuthorizeConfig{StateSecrets: []string{stateSecret}, MaxAge: 30 * time.Minute, Now: sent})
	if err != nil {
		return nil, err
	}
	return map[string]any{"ent_id": "商家 1", "made": sent(), "max_age": "30m", "state": a.State("商家 1")}, nil
}

// registeredURL is a URL as it stands in Jushuitan's settings.
type registeredURL struct {
	Secret      string               `json:"secret"`
	Kind        jushuitan.PushMethod `json:"kind"`
	EntID       string               `json:"ent_id"`
	StorageCode string               `json:"storage_code"`
	Type        string               `json:"type"`
	URL         string               `json:"url"`
}

func registered() (all []registeredURL, err error) {
	for _, secret := range []string{"", urlSecret, "另一个编造的密钥——第二个"} {
		for _, kind := range []jushuitan.PushMethod{jushuitan.PushShipment, jushuitan.PushCancel, jushuitan.PushGoodsReturned, jushuitan.PushStock} {
			for _, to := range [][2]string{{entID, shop}, {"商家 1 & 2", "a+b/c"}} {
				r := registeredURL{Secret: secret, Kind: kind, EntID: to[0], StorageCode: to[1]}
				if kind == jushuitan.PushStock {
					r.Type = dianjia.DefaultStockType
				}
				r.URL, err = dianjia.URLBuilder{BaseURL: "https://shop.example.com/hooks/", Secret: secret}.URL(
					dianjia.PushURL{Kind: kind, EntID: r.EntID, StorageCode: r.StorageCode, Type: r.Type})
				if err != nil {
					return nil, err
				}
				all = append(all, r)
			}
		}
	}
	return all, nil
}
