package qimen_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// host is what stands behind a mux: it counts, and assigns ids.
type host struct {
	mu    sync.Mutex
	calls []string
	fail  error
	run   func(ctx context.Context, call string)
}

func (h *host) call(ctx context.Context, what string) (id string, err error) {
	h.mu.Lock()
	h.calls = append(h.calls, what)
	n, fail := len(h.calls), h.fail
	h.mu.Unlock()
	if h.run != nil {
		h.run(ctx, what)
	}
	return fmt.Sprintf("ID-%d", n), fail
}

func (h *host) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

// mount registers the host's methods with a mux.
func (h *host) mount(m *qimen.Mux) {
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		id, err := h.call(ctx, "create "+r.DeliveryOrder.DeliveryOrderCode)
		return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: id}, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.DeliveryOrderBatchCreateRequest) (*qimen.DeliveryOrderBatchCreateResponse, error) {
		_, err := h.call(ctx, fmt.Sprint("batch ", len(r.Orders)))
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.EntryOrderCreateRequest) (*qimen.EntryOrderCreateResponse, error) {
		_, err := h.call(ctx, "entry "+r.EntryOrder.EntryOrderCode)
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.OrderCancelRequest) (*qimen.OrderCancelResponse, error) {
		_, err := h.call(ctx, "cancel "+r.OrderCode)
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.OrderPendingRequest) (*qimen.OrderPendingResponse, error) {
		_, err := h.call(ctx, "pending "+r.ActionType)
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.DeliveryOrderConfirmRequest) (*qimen.DeliveryOrderConfirmResponse, error) {
		_, err := h.call(ctx, "confirm "+r.DeliveryOrder.OutBizCode)
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.DeliveryOrderQueryRequest) (*qimen.DeliveryOrderQueryResponse, error) {
		_, err := h.call(ctx, "query "+r.OrderCode)
		return nil, err
	})
	qimen.Handle(m, func(ctx context.Context, _ qimen.Envelope, r *qimen.POSUpdateSalesOrderRequest) (*qimen.POSUpdateSalesOrderResponse, error) {
		_, err := h.call(ctx, "status "+r.Status)
		return nil, err
	})
	m.HandleRaw("own.method", func(ctx context.Context, _ qimen.Envelope, _ []byte) (any, error) {
		_, err := h.call(ctx, "raw")
		return nil, err
	})
}

func creation(code string) *forward {
	return message("deliveryorder.create", `<request><deliveryOrder><deliveryOrderCode>`+code+`</deliveryOrderCode><orderType>JYCK</orderType></deliveryOrder></request>`)
}

func cancellation(code, orderType string) *forward {
	return message("order.cancel", `<request><warehouseCode>W</warehouseCode><orderCode>`+code+`</orderCode><orderType>`+orderType+`</orderType></request>`)
}

func confirmation(confirmType, outBizCode string) *forward {
	return message("deliveryorder.confirm", `<request><deliveryOrder><deliveryOrderCode>SO</deliveryOrderCode><confirmType>`+confirmType+`</confirmType><outBizCode>`+outBizCode+`</outBizCode></deliveryOrder></request>`)
}

func entry(code string, lines ...string) *forward {
	text := `<request><entryOrder><entryOrderCode>` + code + `</entryOrderCode></entryOrder><orderLines>`
	for _, l := range lines {
		text += `<orderLine><orderLineNo>` + l + `</orderLineNo></orderLine>`
	}
	return message("entryorder.create", text+`</orderLines></request>`)
}

// entryForm is an entry order whose members are fields of a form.
func entryForm(code, quantity string) *forward {
	f := message("entryorder.create", "").with("format", "json")
	f.kind, f.form = "application/x-www-form-urlencoded", map[string]string{
		"entryOrder": `{"entryOrderCode":"` + code + `"}`, "orderLines": `[{"orderLineNo":"1","planQty":` + quantity + `}]`,
	}
	return f
}

func batch(codes ...string) *forward {
	text := `<request><orders>`
	for _, c := range codes {
		text += `<order><deliveryOrder><deliveryOrderCode>` + c + `</deliveryOrderCode></deliveryOrder></order>`
	}
	return message("deliveryorder.batchcreate", text+`</orders></request>`)
}

func later(f *forward) *forward { return f.with("timestamp", "2024-01-02 03:04:06") }

// TestMuxRepeats: which messages of a sequence are repeats. All are signed anew
// but those marked the same.
func TestMuxRepeats(t *testing.T) {
	status := func(s string) *forward {
		return message("qimen.taobao.pos.update.salesorder", `{"orderBillCode":"A","status":"`+s+`"}`).with("format", "json")
	}
	pending := func(action string) *forward {
		return message("order.pending", `<request><actionType>`+action+`</actionType><orderCode>SO</orderCode></request>`)
	}
	anew := func(fs ...*forward) []*forward {
		for i := range fs {
			fs[i] = fs[i].with("timestamp", muxTime().Add(time.Duration(i)*time.Second).Format("2006-01-02 15:04:05"))
		}
		return fs
	}
	for name, tt := range map[string]struct {
		sends []*forward
		calls []string
	}{
		"the same document":           {anew(creation("SO"), creation("SO"), creation("SO")), []string{"create SO"}},
		"by its other name":           {anew(creation("SO"), creation("SO").with("method", "taobao.qimen.deliveryorder.create")), []string{"create SO"}},
		"another document":            {anew(creation("SO"), creation("SO2")), []string{"create SO", "create SO2"}},
		"another customer":            {anew(creation("SO"), creation("SO").with("customerId", "other-cust-code")), []string{"create SO", "create SO"}},
		"other spelling of customer":  {anew(creation("SO"), creation("SO").without("customerId").with("customer_id", muxCustomer)), []string{"create SO"}},
		"with another sign method":    {anew(creation("SO"), creation("SO").with("sign_method", "hmac")), []string{"create SO"}},
		"without a number":            {anew(creation(""), creation("")), []string{"create ", "create "}},
		"confirmations in parts":      {anew(confirmation("1", "B1"), confirmation("1", "B2"), confirmation("0", "B3"), confirmation("1", "B1")), []string{"confirm B1", "confirm B2", "confirm B3"}},
		"a document in parts":         {anew(entry("E", "1", "2"), entry("E", "3"), entry("E", "1", "2"), entry("E", "3")), []string{"entry E", "entry E"}},
		"a form in parts":             {anew(entryForm("E", "1"), entryForm("E", "2"), entryForm("E", "1"), entryForm("E2", "1")), []string{"entry E", "entry E", "entry E2"}},
		"cancelled twice":             {anew(creation("SO"), cancellation("SO", "JYCK"), cancellation("SO", "JYCK")), []string{"create SO", "cancel SO"}},
		"created again":               {anew(creation("SO"), cancellation("SO", "JYCK"), creation("SO"), cancellation("SO", "JYCK"), creation("SO"), creation("SO")), []string{"create SO", "cancel SO", "create SO", "cancel SO", "create SO"}},
		"created again, no type":      {anew(creation("SO"), cancellation("SO", ""), creation("SO"), cancellation("SO", "")), []string{"create SO", "cancel SO", "create SO", "cancel SO"}},
		"another document cancelled":  {anew(creation("SO"), cancellation("SO2", ""), creation("SO")), []string{"create SO", "cancel SO2"}},
		"another customer's cancel":   {anew(creation("SO"), cancellation("SO", "").with("customerId", "other-cust-code"), creation("SO")), []string{"create SO", "cancel SO"}},
		"parts created again":         {anew(entry("E", "1"), entry("E", "2"), cancellation("E", "CGRK"), entry("E", "1"), entry("E", "2"), entry("E", "1")), []string{"entry E", "entry E", "cancel E", "entry E", "entry E"}},
		"one of a batch":              {anew(batch("A", "B"), batch("A", "B"), cancellation("B", ""), batch("A", "B")), []string{"batch 2", "cancel B", "batch 2"}},
		"queries":                     {anew(message("deliveryorder.query", `<request><orderCode>SO</orderCode></request>`), message("deliveryorder.query", `<request><orderCode>SO</orderCode></request>`)), []string{"query SO", "query SO"}},
		"the same query":              {[]*forward{message("deliveryorder.query", `<request/>`), message("deliveryorder.query", `<request/>`)}, []string{"query ", "query "}},
		"back and forth":              {anew(status("1"), status("2"), status("1")), []string{"status 1", "status 2", "status 1"}},
		"the same state, played back": {[]*forward{status("1"), later(status("2")), status("1")}, []string{"status 1", "status 2"}},
		"without a key":               {anew(pending("pending"), pending("restore"), pending("pending")), []string{"pending pending", "pending restore", "pending pending"}},
		"played back":                 {[]*forward{pending("pending"), later(pending("restore")), pending("pending")}, []string{"pending pending", "pending restore"}},
		"raw":                         {anew(message("own.method", "<r/>"), message("own.method", "<r/>")), []string{"raw", "raw"}},
		"raw, played back":            {[]*forward{message("own.method", "<r/>"), message("own.method", "<r/>")}, []string{"raw"}},
	} {
		t.Run(name, func(t *testing.T) {
			var hook reasons
			m := newMux(t, muxConfig(&hook))
			h := &host{}
			h.mount(m)
			for _, f := range tt.sends {
				require.Equal(t, "success", serve(t, m, f.request()).Flag, "%v", hook.errs)
			}
			assert.Equal(t, tt.calls, h.calls)
			assert.Empty(t, hook.errs)
		})
	}
}

// TestMuxRepeatAnswers: a repeat has the first answer while that is remembered,
// then what the host looks up, then success alone.
func TestMuxRepeatAnswers(t *testing.T) {
	cfg := muxConfig(new(reasons))
	cfg.Answers = 1
	shared := jushuitan.NewMemoryDeduper(0) // one store for both packages
	cfg.Deduper = shared
	m, h := newMux(t, cfg), &host{}
	h.mount(m)
	first := serve(t, m, creation("SO").request())
	require.Equal(t, "ID-1", first.OrderID)
	assert.Equal(t, first, serve(t, m, later(creation("SO")).request()))
	inJSON := serve(t, m, later(creation("SO")).with("format", "json").request())
	assert.True(t, inJSON.JSON)
	assert.Equal(t, "ID-1", inJSON.OrderID)
	assert.Equal(t, "ok", inJSON.Message)

	require.Equal(t, "ID-2", serve(t, m, creation("SO2").request()).OrderID) // the memory of answers is full
	forgotten := serve(t, m, later(creation("SO")).request())
	assert.Equal(t, "success", forgotten.Flag)
	assert.Equal(t, "message repeated", forgotten.Message)
	assert.Empty(t, forgotten.OrderID)

	// Another process with the same store.
	var hook reasons
	cfg.OnError = hook.note
	other, h2 := newMux(t, cfg), &host{}
	var fail error
	qimen.HandleRepeat(other, func(_ context.Context, env qimen.Envelope, r *qimen.DeliveryOrderCreateRequest) (*qimen.DeliveryOrderCreateResponse, error) {
		assert.Equal(t, "merchant-1", env.Merchant)
		return &qimen.DeliveryOrderCreateResponse{DeliveryOrderID: "of " + r.DeliveryOrder.DeliveryOrderCode}, fail
	})
	h2.mount(other)
	looked := serve(t, other, later(creation("SO")).request())
	assert.Equal(t, reply{XMLName: first.XMLName, Flag: "success", Code: "0", Message: "ok", OrderID: "of SO", Body: looked.Body}, looked)
	fail = errors.New("down")
	assert.Equal(t, "isp.remote-service-error", serve(t, other, later(creation("SO")).request()).SubCode)
	require.ErrorIs(t, hook.errs[0], fail)
	assert.Zero(t, h2.count(), "the handler was called")
	assert.Equal(t, 2, h.count())

	// A cancel there, and the document may be created here.
	require.Equal(t, "success", serve(t, other, cancellation("SO", "JYCK").request()).Flag)
	assert.Equal(t, "ID-3", serve(t, m, later(creation("SO")).request()).OrderID)
}

// TestMuxForgottenAnswers: what a cancellation undoes does not depend on the answers that are
// remembered.
func TestMuxForgottenAnswers(t *testing.T) {
	cfg := muxConfig(new(reasons))
	cfg.Answers = 1
	m, h := newMux(t, cfg), &host{}
	h.mount(m)
	for _, f := range []*forward{creation("SO"), creation("SO2"), cancellation("SO", "JYCK"), creation("SO3"), creation("SO"), creation("SO2"), creation("SO")} {
		require.Equal(t, "success", serve(t, m, f.request()).Flag)
	}
	assert.Equal(t, []string{"create SO", "create SO2", "cancel SO", "create SO3", "create SO"}, h.calls)
}

// TestMuxFailedRunsAgain: only what succeeded is remembered.
func TestMuxFailedRunsAgain(t *testing.T) {
	m, h := newMux(t, muxConfig(new(reasons))), &host{fail: errors.New("down")}
	h.mount(m)
	for range 2 {
		assert.Equal(t, "failure", serve(t, m, creation("SO").request()).Flag)
	}
	h.fail = &qimen.Failure{Code: "X"}
	assert.Equal(t, "X", serve(t, m, creation("SO").request()).Code)
	h.fail = nil
	assert.Equal(t, "ID-4", serve(t, m, creation("SO").request()).OrderID)
	assert.Equal(t, "ID-4", serve(t, m, creation("SO").request()).OrderID)
	assert.Equal(t, 4, h.count())

	cfg := muxConfig(new(reasons))
	cfg.NoDedupe = true
	m, h = newMux(t, cfg), &host{}
	h.mount(m)
	for range 2 {
		serve(t, m, creation("SO").request())
	}
	assert.Equal(t, 2, h.count())
}

// TestMuxAtOnce: of many at once one runs, and all have its answer.
func TestMuxAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := muxConfig(new(reasons))
		cfg.OnError = nil
		m, h := newMux(t, cfg), &host{run: func(context.Context, string) { time.Sleep(time.Second) }}
		h.mount(m)
		var wg sync.WaitGroup
		var same atomic.Int64
		for i := range 20 {
			wg.Go(func() {
				r := creation("SO").with("timestamp", muxTime().Add(time.Duration(i)*time.Second).Format("2006-01-02 15:04:05")).request()
				if serve(t, m, r).OrderID == "ID-1" {
					same.Add(1)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, int64(20), same.Load())
		assert.Equal(t, 1, h.count())
	})
}

// TestMuxBusy: a repeat that waits in vain is answered as failed, to be sent again.
func TestMuxBusy(t *testing.T) {
	for name, wait := range map[string]time.Duration{"default": 0, "short": time.Second, "none": -1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hook reasons
				cfg := muxConfig(&hook)
				cfg.Wait = wait
				m, h := newMux(t, cfg), &host{run: func(context.Context, string) { time.Sleep(10 * time.Second) }}
				h.mount(m)
				go func() { assert.Equal(t, "success", serve(t, m, creation("SO").request()).Flag) }()
				synctest.Wait()
				begin := time.Now()
				r := serve(t, m, later(creation("SO")).request())
				want := map[string]time.Duration{"default": jushuitan.DefaultWait, "short": time.Second, "none": 0}[name]
				assert.Equal(t, want, time.Since(begin))
				assert.Equal(t, []string{"10", "isp.remote-service-unavailable"}, []string{r.Code, r.SubCode})
				require.ErrorIs(t, hook.errs[0], jushuitan.ErrBusy)
				time.Sleep(11 * time.Second)
				assert.Equal(t, "ID-1", serve(t, m, later(creation("SO")).request()).OrderID)
			})
		})
	}
}

// TestMuxCrash: a process dies in a handler. The message is held back for the claim's
// time and then runs in another process.
func TestMuxCrash(t *testing.T) {
	for name, die := range map[string]func(){
		"without a word":              func() { select {} },
		"the goroutine alone, tidied": func() { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := muxConfig(new(reasons))
				cfg.Deduper, cfg.ClaimTTL, cfg.Wait = jushuitan.NewMemoryDeduper(0), 10*time.Second, -1
				dead := make(chan struct{})
				defer close(dead)
				first, h := newMux(t, cfg), &host{run: func(context.Context, string) {
					if name == "without a word" {
						<-dead
						runtime.Goexit()
					}
					die()
				}}
				h.mount(first)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go first.ServeHTTP(nil, creation("SO").request().WithContext(ctx))
				synctest.Wait()
				second, h2 := newMux(t, cfg), &host{}
				h2.mount(second)
				r := serve(t, second, later(creation("SO")).request())
				if name == "without a word" {
					assert.Equal(t, "10", r.Code)
					time.Sleep(10 * time.Second)
					r = serve(t, second, later(creation("SO")).request())
				}
				assert.Equal(t, "ID-1", r.OrderID)
				assert.Equal(t, 1, h2.count())
			})
		})
	}
}

// brokenStore fails at what it is told to.
type brokenStore struct {
	jushuitan.Deduper
	claim, commit, release error
}

func (s *brokenStore) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	if s.claim != nil {
		return 0, "", s.claim
	}
	return s.Deduper.Claim(ctx, key, state, owner, ttl)
}

func (s *brokenStore) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	if s.commit != nil {
		return s.commit
	}
	return s.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

func (s *brokenStore) Release(ctx context.Context, key, owner string) error {
	if s.release != nil {
		return s.release
	}
	return s.Deduper.Release(ctx, key, owner)
}

// heedfulStore does nothing once the context has ended, as a store across a network.
type heedfulStore struct{ jushuitan.Deduper }

func (s heedfulStore) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	if ctx.Err() != nil {
		return 0, "", ctx.Err()
	}
	return s.Deduper.Claim(ctx, key, state, owner, ttl)
}

func (s heedfulStore) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

func (s heedfulStore) Release(ctx context.Context, key, owner string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Deduper.Release(ctx, key, owner)
}

// TestMuxSenderLeaves: what was done is remembered even if the sender hung up meanwhile.
func TestMuxSenderLeaves(t *testing.T) {
	var hook reasons
	cfg := muxConfig(&hook)
	cfg.Deduper = heedfulStore{jushuitan.NewMemoryDeduper(0)}
	leave := func() {}
	m, h := newMux(t, cfg), &host{run: func(context.Context, string) { leave() }}
	h.mount(m)
	send := func(f *forward) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		leave = cancel
		serve(t, m, f.request().WithContext(ctx))
	}
	for i, f := range []*forward{creation("SO"), cancellation("SO", ""), later(creation("SO")), later(cancellation("SO", ""))} {
		send(f)
		send(f)
		assert.Equal(t, i+1, h.count(), "each once")
	}
	assert.Empty(t, hook.errs)
}

func TestMuxStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hook reasons
		cfg := muxConfig(&hook)
		down := errors.New("store down")
		s := &brokenStore{Deduper: jushuitan.NewMemoryDeduper(0), claim: down}
		cfg.Deduper = s
		m, h := newMux(t, cfg), &host{}
		h.mount(m)
		assert.Equal(t, "10", serve(t, m, creation("SO").request()).Code)
		assert.Zero(t, h.count(), "it ran without a claim")
		require.ErrorIs(t, hook.errs[0], jushuitan.ErrDedupe)
		require.ErrorIs(t, hook.errs[0], down)

		hook = reasons{}
		s.claim, s.commit = nil, down
		assert.Equal(t, "ID-1", serve(t, m, creation("SO").request()).OrderID, "it is done, whatever the store says")
		require.NotEmpty(t, hook.errs)
		require.ErrorIs(t, hook.errs[0], jushuitan.ErrDedupe)

		hook = reasons{}
		s.commit, s.release, h.fail = nil, down, errors.New("host down")
		time.Sleep(jushuitan.DefaultClaimTTL)
		assert.Equal(t, "15", serve(t, m, creation("SO").request()).Code)
		require.Len(t, hook.errs, 3)
		require.ErrorIs(t, hook.errs[0], jushuitan.ErrDedupe, "the document's claim, as an earlier version has it")
		require.ErrorIs(t, hook.errs[1], jushuitan.ErrDedupe, "the message's")
		require.ErrorIs(t, hook.errs[2], h.fail)
	})
}

// TestMuxRunContext: a handler's context ends with its claim, and with the request.
func TestMuxRunContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := muxConfig(new(reasons))
		cfg.ClaimTTL = 7 * time.Second
		var took time.Duration
		m, h := newMux(t, cfg), &host{run: func(ctx context.Context, _ string) {
			begin := time.Now()
			<-ctx.Done()
			took = time.Since(begin)
		}}
		h.mount(m)
		serve(t, m, creation("SO").request())
		assert.Equal(t, 7*time.Second, took)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		serve(t, m, creation("SO2").request().WithContext(ctx))
		assert.Equal(t, time.Second, took)
		serve(t, m, message("deliveryorder.query", "<request/>").request().WithContext(func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			t.Cleanup(cancel)
			return ctx
		}()))
		assert.Equal(t, 2*time.Second, took, "of a query as well")
	})
}

var _ http.Handler = (*qimen.Mux)(nil)

// lastKey notes the key that was committed last: that of the message.
type lastKey struct {
	jushuitan.Deduper
	key string
}

func (s *lastKey) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	s.key = key
	return s.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

// TestMuxKeysStay: a store outlives the version of this package that filled it. Other keys than
// these would make a message run once more after an upgrade.
func TestMuxKeysStay(t *testing.T) {
	cfg, store := muxConfig(new(reasons)), &lastKey{Deduper: jushuitan.NewMemoryDeduper(0)}
	cfg.Deduper = store
	m, h := newMux(t, cfg), &host{}
	h.mount(m)
	for _, tt := range []struct {
		f   *forward
		key string
	}{
		{creation("SO"), "deliveryorder.create:MS-SBGpSneKmdDZ5OYhGu9A0fpiB2dXrQiOQ3QqKoao"},
		{entryForm("E", "1"), "entryorder.create:zn7qWLSf0Dk07qd7TpuNlg1f0SOeEYtdGHXLJy1JhQs"},
		{message("own.method", "<r/>"), "own.method:ngVKnO6PzFoB7OMAAcBYCnbtmEl70vv_067Njwg3BRo"},
		{cancellation("SO", "JYCK"), "order.cancel:08UrcJdIyIcMq_VVp7J1euBrCSivJlia8AVtLRkOwfc"},
		{creation("SO"), "deliveryorder.create:21QMXZICGtWJNk3JBMzIqKrLBYHTmSb9FkeH6bpXwHU"},
	} {
		require.Equal(t, "success", serve(t, m, tt.f.request()).Flag)
		assert.Equal(t, tt.key, store.key)
	}
}
