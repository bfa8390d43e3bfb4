package redisstate_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
	"github.com/dianjia/jushuitan-go/qimen"
)

// handled works an inbox off and returns the ids of its messages in their order.
func handled(t *testing.T, i *redisstate.Inbox, handle func(context.Context, redisstate.Message) error) (ids []string) {
	t.Helper()
	var mu sync.Mutex
	stop := running(t, i, 1, func(ctx context.Context, m redisstate.Message) error {
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, m.ID)
		return handle(ctx, m)
	})
	drained(t, i, 10*time.Second)
	stop()
	return ids
}

// A push that is sent again has the id that it had, though its ts and sign differ: here
// without dedupe, as after a receiver that died before it answered.
func TestRepeatsHaveOneID(t *testing.T) {
	ctx := t.Context()
	s := state(t, redisstate.Config{})
	i := inbox(t, s, redisstate.InboxConfig{Partitions: 1, CommitTTL: time.Hour})
	r, err := callback.New(callback.Config{
		Shipment: i.Shipment, Cancel: i.Cancel, GoodsReturned: i.GoodsReturned, Stock: i.Stock, AllowUnauthenticated: true, NoDedupe: true,
	})
	require.NoError(t, err)
	at := time.Unix(1_700_000_000, 0)
	send := func(m callbacktest.Message) {
		at = at.Add(time.Minute)
		m.TS = at
		reply, err := m.Serve(ctx, r, "/")
		require.NoError(t, err)
		require.True(t, reply.OK(), "%+v", reply)
	}
	const (
		shipment = `{"o_id":7,"so_id":"A","l_id":"L"}`
		cancel   = `{"so_id":"A"}`
		received = `{"as_id":9,"so_id":"A","action_name":"确认收货"}`
		revoked  = `{"as_id":9,"so_id":"A","action_name":"取消收货"}`
		other2   = `{"o_id":7,"so_id":"A","l_id":"M"}`
		part1    = `{"as_id":8,"so_id":"A","action_name":"确认收货","items":[{"sku_id":"A","qty":1}]}`
		part2    = `{"as_id":8,"so_id":"A","action_name":"确认收货","items":[{"sku_id":"B","qty":1}]}`
		undone   = `{"as_id":8,"action_name":"取消收货"}`
		dated    = `{"datas":[{"sku_id":"S","qty":5,"modified":"2026-01-02 03:04:05"}]}`
		undated  = `{"datas":[{"sku_id":"S","qty":5}]}`
	)
	push := func(method jushuitan.PushMethod, body string) callbacktest.Message {
		return callbacktest.Message{EntID: "10010", StorageCode: "1", Method: method, Body: body}
	}
	other := func(m callbacktest.Message, change func(*callbacktest.Message)) callbacktest.Message {
		change(&m)
		return m
	}
	ship := push(jushuitan.PushShipment, shipment)
	for name, c := range map[string]struct {
		pushes []callbacktest.Message
		want   []int // which of them are the same
	}{
		"again":            {[]callbacktest.Message{ship, ship, push(jushuitan.PushCancel, cancel), push(jushuitan.PushCancel, cancel)}, []int{0, 0, 1, 1}},
		"another merchant": {[]callbacktest.Message{ship, other(ship, func(m *callbacktest.Message) { m.EntID = "20020" })}, []int{0, 1}},
		"another shop":     {[]callbacktest.Message{ship, other(ship, func(m *callbacktest.Message) { m.StorageCode = "2" })}, []int{0, 1}},
		"another type":     {[]callbacktest.Message{ship, other(ship, func(m *callbacktest.Message) { m.Type = "2" })}, []int{0, 1}},
		"another body":     {[]callbacktest.Message{ship, push(jushuitan.PushShipment, shipment[:len(shipment)-1]+`,"lc_id":"SF"}`)}, []int{0, 1}},
		"a form":           {[]callbacktest.Message{other(ship, func(m *callbacktest.Message) { m.Form = true }), other(ship, func(m *callbacktest.Message) { m.Form = true })}, []int{0, 0}},
		"there and back": {
			[]callbacktest.Message{
				push(jushuitan.PushGoodsReturned, received), push(jushuitan.PushGoodsReturned, received), push(jushuitan.PushGoodsReturned, revoked),
				push(jushuitan.PushGoodsReturned, received), push(jushuitan.PushGoodsReturned, received), push(jushuitan.PushGoodsReturned, revoked),
			}, []int{0, 0, 1, 2, 2, 3},
		},
		"a waybill changed and changed back": {
			[]callbacktest.Message{ship, ship, push(jushuitan.PushShipment, other2), push(jushuitan.PushShipment, other2), ship, ship}, []int{0, 0, 1, 1, 2, 2},
		},
		"parts of a return, each repeated": {
			[]callbacktest.Message{
				push(jushuitan.PushGoodsReturned, part1), push(jushuitan.PushGoodsReturned, part2), push(jushuitan.PushGoodsReturned, part1),
				push(jushuitan.PushGoodsReturned, part2),
			}, []int{0, 1, 0, 1},
		},
		"all undone without lines, and received again": {
			[]callbacktest.Message{
				push(jushuitan.PushGoodsReturned, undone), push(jushuitan.PushGoodsReturned, part1), push(jushuitan.PushGoodsReturned, undone),
				push(jushuitan.PushGoodsReturned, undone), push(jushuitan.PushGoodsReturned, part1), push(jushuitan.PushGoodsReturned, part1),
			}, []int{0, 1, 2, 2, 3, 3},
		},
		"stock": {[]callbacktest.Message{push(jushuitan.PushStock, dated), push(jushuitan.PushStock, dated)}, []int{0, 0}},
		// The figure may have come back to what it was.
		"stock without a time": {[]callbacktest.Message{push(jushuitan.PushStock, undated), push(jushuitan.PushStock, undated)}, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range c.pushes {
				send(m)
			}
			handlers := redisstate.Handlers{
				Shipment: func(_ context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
					assert.NotEmpty(t, p.LID)
					return nil
				},
				Cancel:        func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil },
				GoodsReturned: func(context.Context, callback.Envelope, *jushuitan.GoodsReturnedPush) error { return nil },
				Stock:         func(context.Context, callback.Envelope, *jushuitan.StockPush) error { return nil },
			}
			number, got := map[string]int{}, []int(nil)
			for _, id := range handled(t, i, handlers.Handle) {
				if _, ok := number[id]; !ok {
					number[id] = len(number)
				}
				got = append(got, number[id])
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// What tells a repeat ends: a cancel that comes much later is another one, and so is a
// push at a time that nothing tells.
func TestRepeatsEnd(t *testing.T) {
	ctx := t.Context()
	const ttl = 100 * time.Millisecond
	i := inbox(t, state(t, redisstate.Config{}), redisstate.InboxConfig{CancelTTL: ttl})
	env := callback.Envelope{EntID: "10010", Method: jushuitan.PushCancel, Raw: []byte(`{"so_id":"A"}`)}
	require.NoError(t, i.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "A"}))
	<-time.After(3 * ttl)
	require.NoError(t, i.Cancel(ctx, env, &jushuitan.CancelPush{SoID: "A"}))
	stock := callback.Envelope{EntID: "10010", Method: jushuitan.PushStock, Raw: []byte(`[]`)}
	for range 2 {
		require.NoError(t, i.Stock(ctx, stock, &jushuitan.StockPush{}))
	}
	ids := map[string]bool{}
	for _, id := range handled(t, i, func(context.Context, redisstate.Message) error { return nil }) {
		ids[id] = true
	}
	assert.Len(t, ids, 4)
}

// The sequence received, revoked, received reaches the worker as three messages through
// the receiver's own dedupe as well, and a repeat of the last as none.
func TestThereAndBackThroughDedupe(t *testing.T) {
	s := state(t, redisstate.Config{})
	i := inbox(t, s, redisstate.InboxConfig{Ordered: true})
	r, err := callback.New(callback.Config{GoodsReturned: i.GoodsReturned, AllowUnauthenticated: true, Deduper: s.Deduper()})
	require.NoError(t, err)
	for _, action := range []jushuitan.GoodsAction{jushuitan.GoodsReceived, jushuitan.GoodsRevoked, jushuitan.GoodsReceived, jushuitan.GoodsReceived} {
		m := callbacktest.Message{EntID: "1", StorageCode: "1", Body: &jushuitan.GoodsReturnedPush{ASID: 9, SoID: "A", Action: action}}
		reply, err := m.Serve(t.Context(), r, "/return_goods_callback")
		require.NoError(t, err)
		require.True(t, reply.OK())
	}
	var actions []jushuitan.GoodsAction
	ids := handled(t, i, redisstate.Handlers{GoodsReturned: func(_ context.Context, _ callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
		actions = append(actions, p.Action)
		return nil
	}}.Handle)
	assert.Equal(t, []jushuitan.GoodsAction{jushuitan.GoodsReceived, jushuitan.GoodsRevoked, jushuitan.GoodsReceived}, actions)
	require.Len(t, ids, 3)
	assert.NotEqual(t, ids[0], ids[2])
}

// What cannot be handled says why.
func TestHandlersRefuse(t *testing.T) {
	var none redisstate.Handlers
	for text, m := range map[string]redisstate.Message{
		"unknown kind": {ID: "1", Method: "x"},
		"no function":  {ID: "1", Method: string(jushuitan.PushStock), Raw: []byte(`[]`)},
	} {
		require.ErrorContains(t, none.Handle(t.Context(), m), text)
	}
	some := redisstate.Handlers{Cancel: func(context.Context, callback.Envelope, *jushuitan.CancelPush) error { return nil }}
	require.Error(t, some.Handle(t.Context(), redisstate.Message{Method: string(jushuitan.PushCancel), Raw: []byte("{")}))
	goods := redisstate.Handlers{GoodsReturned: func(context.Context, callback.Envelope, *jushuitan.GoodsReturnedPush) error { return nil }}
	unknown := redisstate.Message{Method: string(jushuitan.PushGoodsReturned), Raw: []byte(`{"as_id":1,"action_name":"x"}`)}
	require.ErrorIs(t, goods.Handle(t.Context(), unknown), callback.ErrUnknownAction)
}

// claimArgs is what a process needs that serves pushes and the gateway.
type claimArgs struct {
	Redis, Prefix string
	TTL           time.Duration
	Hang          bool
}

const (
	claimSecret = "secret-of-the-tests"
	qimenPath   = "/qimen"
	pushesPath  = "/delivery_callback"
)

// claimChild serves both, says when it handles something, and hangs then if it is told
// to.
func claimChild(ctx context.Context, text []byte) error {
	var args claimArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	s, err := redisstate.New(dial(args.Redis), redisstate.Config{Prefix: args.Prefix})
	if err != nil {
		return err
	}
	work := func(what string) error {
		fmt.Println(what)
		if args.Hang {
			select {}
		}
		return nil
	}
	mux := http.NewServeMux()
	pushes, err := callback.New(callback.Config{
		Shipment:             func(context.Context, callback.Envelope, *jushuitan.ShipmentPush) error { return work("push") },
		AllowUnauthenticated: true, Deduper: s.Deduper(), ClaimTTL: args.TTL, Wait: -1,
	})
	if err != nil {
		return err
	}
	gateway, err := qimen.NewMux(qimen.MuxConfig{
		Secrets:  qimen.StaticSecrets(claimSecret),
		Merchant: func(context.Context, string) (string, error) { return "10010", nil },
		Deduper:  s.Deduper(), ClaimTTL: args.TTL, Wait: -1,
	})
	if err != nil {
		return err
	}
	qimen.Handle(gateway, func(context.Context, qimen.Envelope, *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		return nil, work("document")
	})
	mux.Handle(pushesPath, pushes)
	mux.Handle(qimenPath, gateway)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	go untilParentEnds()
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// sendPush sends a push and reports whether it was taken.
func sendPush(ctx context.Context, base string) (bool, error) {
	m := callbacktest.Message{EntID: "10010", StorageCode: "1", Body: &jushuitan.ShipmentPush{OID: 7, SoID: "A", LID: "L"}}
	reply, err := m.Send(ctx, http.DefaultClient, base+pushesPath)
	return err == nil && reply.OK(), err
}

// sendDocument sends a document as the gateway does.
func sendDocument(ctx context.Context, base string) (bool, error) {
	const body = `<request><deliveryOrder><deliveryOrderCode>SO-1</deliveryOrderCode></deliveryOrder></request>`
	params := map[string]string{
		"method": "deliveryorder.create", "app_key": "12345678", "customerId": "10000001", "format": "xml", "sign_method": "md5", "v": "2.0",
		"timestamp": time.Now().In(time.FixedZone("CST", 8*60*60)).Format("2006-01-02 15:04:05"),
	}
	sign, err := qimen.Sign(qimen.MD5, claimSecret, params, []byte(body))
	if err != nil {
		return false, err
	}
	query := url.Values{"sign": {sign}}
	for name, value := range params {
		query.Set(name, value)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+qimenPath+"?"+query.Encode(), strings.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "text/xml;charset=utf-8")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	w := httptest.NewRecorder()
	err = resp.Write(w)
	_ = resp.Body.Close()
	return strings.Contains(w.Body.String(), "<flag>success</flag>"), err
}

// A process dies while it handles a message of Jushuitan's or of the gateway's. Until
// its claim ends the message is answered with failure, then another process takes it
// over, once; after that it is known everywhere.
func TestClaimsOfDeadProcesses(t *testing.T) {
	t.Parallel()
	client(t)
	claimsOfDead(t, os.Args[0], os.Args[0])
}

// claimsOfDead has a process of one program die, and two of another take its claims over.
func claimsOfDead(t *testing.T, dies, takesOver string) {
	t.Helper()
	const ttl = 700 * time.Millisecond
	for what, send := range map[string]func(context.Context, string) (bool, error){"push": sendPush, "document": sendDocument} {
		t.Run(what, func(t *testing.T) {
			args := claimArgs{Redis: shared.addr, Prefix: "test-" + rand.Text(), TTL: ttl, Hang: true}
			victim := spawnProgram(t, dies, "claim", args)
			args.Hang = false
			heirs := []*process{spawnProgram(t, takesOver, "claim", args), spawnProgram(t, takesOver, "claim", args)}
			base := victim.next(t)
			urls := []string{heirs[0].next(t), heirs[1].next(t)}
			cut := make(chan error, 1)
			go func() {
				_, err := send(t.Context(), base)
				cut <- err
			}()
			require.Equal(t, what, victim.next(t))
			claimed := time.Now()
			for _, u := range urls {
				ok, err := send(t.Context(), u)
				require.NoError(t, err)
				if time.Since(claimed) < ttl {
					assert.False(t, ok, "it is being handled")
				}
			}
			victim.kill()
			require.Error(t, <-cut)
			eventually(t, 10*time.Second, "another takes it over", func() bool {
				ok, err := send(t.Context(), urls[0])
				require.NoError(t, err)
				return ok
			})
			assert.GreaterOrEqual(t, time.Since(claimed), ttl-100*time.Millisecond)
			assert.Equal(t, what, heirs[0].next(t))
			for _, u := range urls {
				ok, err := send(t.Context(), u)
				require.NoError(t, err)
				assert.True(t, ok, "a repeat is acknowledged")
			}
			for _, heir := range heirs {
				heir.kill()
				_, more := <-heir.lines
				assert.False(t, more, "it was handled once more")
			}
		})
	}
}
