package qimentest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// suites are those of this package whose client reads what the gateway answers.
var suites = []struct {
	name    string
	patient bool // every call is repeated after a ban or a page
	run     func(t *testing.T, opts ...qimentest.Option)
}{
	{"the same documents", true, func(t *testing.T, opts ...qimentest.Option) { sameDocuments(t, 60, opts...) }},
	{"only through the scene", true, onlyThroughTheScene},
	{"customers", true, customers},
	{"reconcile", true, reconcile},
	{"routing parameter", true, routingParam},
	{"clock", true, clock},
	{"some methods there and back", true, func(t *testing.T, opts ...qimentest.Option) { roundTrip(t, 20, opts...) }},
	{"methods there and back", false, func(t *testing.T, opts ...qimentest.Option) { roundTrip(t, 3, opts...) }},
	{"forwarded form", false, forwardedForm},
	{"both sides", false, bothSides},
	{"receiver fails", false, receiverFails},
	{"faults", false, faults},
	{"selected faults", false, faultSelection},
	{"call limit", false, callLimit},
}

// TestSuitesUnderDialects: every suite ends alike under every dialect that says the same in
// other words; a ban or a page is waited out where the client repeats its calls.
func TestSuitesUnderDialects(t *testing.T) {
	var mu sync.Mutex
	right, wrong := map[string]int{}, 0
	all := append(qimentest.Dialects(), qimentest.Guesses()...)
	t.Run("under", func(t *testing.T) {
		for _, s := range suites {
			for i, d := range all {
				if testing.Short() && i%3 != 0 {
					continue // -short is for another time zone, with a third of them
				}
				if d.Name == "verdict-less" || !s.patient && (d.Name == "ban" || d.Name == "page") {
					continue // see TestRefusedUnderDialects
				}
				t.Run(s.name+"/"+d.Name, func(t *testing.T) {
					if d.Name == "ban" {
						t.Parallel() // most of it is waiting
					}
					defer func() {
						mu.Lock()
						defer mu.Unlock()
						if t.Failed() {
							wrong++
							return
						}
						right[d.Name]++
					}()
					s.run(t, qimentest.WithDialect(d))
				})
			}
		}
	})
	t.Logf("%d suites, %d dialects; right: %v, wrong: %d", len(suites), len(all), right, wrong)
}

// tally counts how calls ended under a dialect.
type tally struct {
	t                     *testing.T
	d                     qimentest.Dialect
	right, refused, wrong int
}

// ends judges a call: without an error its result must be right, and an error must be what the
// dialect stands for.
func (y *tally) ends(what string, write bool, err error, isRight func() error) {
	y.t.Helper()
	if err == nil {
		bad := isRight()
		if y.d.Name == "verdict-less" {
			bad = errors.New("a success that the answer does not state")
		}
		if bad == nil {
			y.right++
			return
		}
		y.wrong++
		y.t.Errorf("%s under %s: %v", what, y.d.Name, bad)
		return
	}
	class, outcome := jushuitan.ErrDecode, jushuitan.Unknown
	switch y.d.Name {
	case "ban":
		class, outcome = jushuitan.ErrRateLimited, jushuitan.Rejected
	case "page":
		class = jushuitan.ErrUnavailable
	}
	e := &qimen.Error{}
	if errors.Is(err, class) && errors.As(err, &e) && e.Outcome == outcome &&
		errors.Is(err, jushuitan.ErrOutcomeUnknown) == (write && outcome == jushuitan.Unknown) && e.Until.IsZero() == (y.d.Name != "ban") {
		y.refused++
		return
	}
	y.wrong++
	y.t.Errorf("%s under %s ended with %v", what, y.d.Name, err)
}

// loop reads rows, and judges how that ended.
func loop[Row any](y *tally, what string, rows iter.Seq2[*Row, error], want int) {
	y.t.Helper()
	n, failures, last := 0, 0, error(nil)
	for _, err := range rows {
		if err != nil {
			failures++
			last = err
			continue
		}
		n++
	}
	if failures > 1 || y.d.Name == "verdict-less" && n > 0 {
		last = fmt.Errorf("%d rows and %d errors", n, failures)
	}
	y.ends(what, false, last, func() error {
		if n != want {
			return fmt.Errorf("%d rows of %d, and no error", n, want)
		}
		return nil
	})
}

// TestRefusedUnderDialects: an answer that says nothing, a ban and a page are errors of their
// class for every call that is not repeated: none is a success, an empty page or the end of a
// loop, and no checkpoint moves.
func TestRefusedUnderDialects(t *testing.T) {
	for _, d := range append(qimentest.Dialects(), qimentest.Guesses()...) {
		if d.Name != "verdict-less" && d.Name != "ban" && d.Name != "page" {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			const n = 24
			y := &tally{t: t, d: d}
			gateway, _ := started(t, qimentest.WithDialect(d))
			company := gateway.ERP.Company("")
			furnish(t, company)
			busy(t, gateway.ERP, company, n)
			outbounds := len(company.Outbounds())
			gateway.Advance(time.Hour) // before, Reconcile does not miss them
			cfg := gateway.Config()
			cfg.Other.RoutingParam = "customerId"
			client, err := qimen.New(cfg, qimen.WithClock(gateway.Now), qimen.WithLimiter(free{}), qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: 1}))
			require.NoError(t, err)

			ctx, scene := t.Context(), client.Scene
			begin := gateway.Now().Add(-6 * 24 * time.Hour)
			for range 3 { // so that each meets a ban and a page
				loop(y, "AllOrders", scene.AllOrders(ctx, &qimen.OrderListRequest{PageSize: 5, StartTime: begin}), n)
				loop(y, "OrdersSince", scene.OrdersSince(ctx, 0, &qimen.OrderListRequest{PageSize: 5}), n)
				loop(y, "AllLegacyOrders", scene.AllLegacyOrders(ctx, &qimen.LegacyOrdersRequest{PageSize: 5, ModifiedBegin: begin}), n)
				loop(y, "AllSaleouts", scene.AllSaleouts(ctx, &qimen.SaleoutListRequest{PageSize: 5, StartTime: begin}), outbounds)
				loop(y, "SaleoutsSince", scene.SaleoutsSince(ctx, 0, &qimen.SaleoutListRequest{PageSize: 5}), outbounds)
				loop(y, "AllLegacyOutbounds", scene.AllLegacyOutbounds(ctx, &qimen.LegacyOutboundsRequest{PageSize: 5, ModifiedBegin: begin}), outbounds)
				loop(y, "RefundsSince", scene.RefundsSince(ctx, 0, nil), 0)
				loop(y, "AllLegacyRefunds", scene.AllLegacyRefunds(ctx, &qimen.LegacyRefundsRequest{ModifiedBegin: begin}), 0)
				stream := scene.StreamOrders(&qimen.OrderListRequest{PageSize: 5}, jushuitan.Checkpoint{})
				before := stream.Checkpoint()
				loop(y, "StreamOrders", stream.Rows(ctx), n)
				if d.Name == "verdict-less" {
					assert.Equal(t, before, stream.Checkpoint(), "a checkpoint that moved past nothing")
				}
			}
			reconciled := qimen.Reconcile(ctx, qimen.ReconcileConfig{
				Client: client, Journal: &journal{}, From: begin, Now: gateway.Now,
				Sources: []qimen.ReconcileSource{qimen.ReconcileSaleouts("deliveryorder.create", qimen.SaleoutListRequest{PageSize: 5},
					func(o *jushuitan.Outbound) string { return strconv.FormatInt(o.IOID, 10) })},
			})
			loop(y, "Reconcile", reconciled, outbounds)

			peer := newSide(t, gateway, false, qimen.MD5)
			for _, m := range qimen.Methods() {
				if m.NewResponse() == nil {
					continue
				}
				request := reflect.New(reflect.TypeOf(m.NewRequest()).Elem())
				reply := reflect.New(reflect.TypeOf(m.NewResponse()).Elem())
				f := &filler{}
				f.fill(request.Elem(), 0)
				f.fill(reply.Elem(), 0)
				peer.reply, peer.err = reply.Interface(), nil
				call, ok := method(client, m.Service, request.Type().Elem())
				require.True(t, ok, m.Name)
				out := call.Call([]reflect.Value{reflect.ValueOf(ctx), request})
				err, _ := out[1].Interface().(error)
				y.ends(m.Name, m.Effect != jushuitan.Read, err, func() error {
					if diff := differ(reply, out[0], "answer"); diff != "" {
						return errors.New(diff)
					}
					return nil
				})
			}
			t.Logf("%s: %d right, %d refused as said, %d wrong", d.Name, y.right, y.refused, y.wrong)
			assert.Greater(t, y.refused, 10)
		})
	}
}

// free is a limiter that holds nothing back.
type free struct{}

func (free) Wait(context.Context, jushuitan.LimitKey) (func(), error) { return func() {}, nil }
