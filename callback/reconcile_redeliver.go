package callback

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/internal/dedupe"
	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ErrAlreadyHandled means that [Receiver.Redeliver] did not call the function because,
// according to the deduplication store, the message was handled before. Either the push
// arrived meanwhile, or the journal failed to record it.
var ErrAlreadyHandled = errors.New("the same push was handled already")

// Redeliver passes the message of a difference to the function of its kind, as if the
// push had arrived. It uses the deduplication store with the document of that push: if the
// push still arrives, it is answered as a duplicate, although it says more than the ERP's
// documents do; an older push of the document is stale; and if several processes redeliver
// the same message, it runs once. With [WithJournal] it is recorded. The envelope has no time
// stamp and no sender.
//
// It returns nil only after the function did, [ErrAlreadyHandled] if the message was
// handled before, and [jushuitan.ErrBusy] while it is being handled. Only stock that
// DropStaleStock drops is accepted without a call.
//
// Corrections that are no push of their own (another carrier for the same lines, more goods
// for the same case, the cancel of a further part of an order) run once for what they
// correct, although the push was handled; [Envelope].Raw then has a member corrects, with the
// values that differ and the time when the last push of the document was handled.
func (r *Receiver) Redeliver(ctx context.Context, d *Difference) error {
	if err := r.redeliver(ctx, d); err != nil {
		return fmt.Errorf("callback: redeliver %s of merchant %q, storage code %q, %s: %w", d.Method, d.EntID, d.StorageCode, d.Document(), err)
	}
	return nil
}

func (r *Receiver) redeliver(ctx context.Context, d *Difference) error {
	parser := jushuitan.PushParser{MaxRows: -1} // the messages are our own
	switch {
	case d.Shipment != nil:
		return redeliver(ctx, r, d, d.Shipment, parser.Shipment, r.cfg.Shipment)
	case d.Cancel != nil:
		return redeliver(ctx, r, d, d.Cancel, parser.Cancel, r.cfg.Cancel)
	case d.GoodsReturned != nil:
		return redeliver(ctx, r, d, d.GoodsReturned, knownAction(parser.GoodsReturned), r.cfg.GoodsReturned)
	case d.Stock != nil:
		return redeliver(ctx, r, d, d.Stock, parser.Stock, r.freshOnly(r.cfg.Stock))
	}
	return fmt.Errorf("the difference %q has no message: check the document in the ERP / 没有可补发的消息，请在聚水潭中核对单据", d.Kind)
}

// redeliver encodes the message as a push and handles it. The function receives a copy
// of its own.
func redeliver[P any, M pushPointer[P]](
	ctx context.Context, r *Receiver, d *Difference, message *P, parse func([]byte) (*P, error),
	function func(context.Context, Envelope, *P) error,
) error {
	if function == nil {
		return ErrNoFunction
	}
	doc, err := wire.MarshalExact(message)
	if err != nil {
		return err
	}
	p, err := parse(doc)
	if err != nil {
		return err
	}
	env := Envelope{EntID: d.EntID, StorageCode: d.StorageCode, Method: d.Method, Raw: doc}
	kind, ok := push.Of(string(d.Method))
	if !ok || kind.Record == nil || !r.in.Active() {
		if err := guarded(r, &env, p, function)(ctx, false); !errors.Is(err, errAllStale) {
			return err
		}
		return nil
	}
	event := r.event(&env, M(p))
	if event.Partial = true; !kind.Short { // such a message runs again when it is sent later
		event.At = d.AsOf
	}
	if d.corrects() {
		if err := correct(&env, event, d); err != nil {
			return err
		}
	}
	if outcome, err := r.in.Handle(ctx, &env, event, guarded(r, &env, p, function)); err != nil || outcome == dedupe.Ran {
		return err
	}
	return fmt.Errorf("%w: if it was not, call your function and record the entries of the difference in the journal / 去重记录显示该推送已处理；若确未处理，请直接调用处理函数并写入推送记录", ErrAlreadyHandled)
}

// correct makes an event one of its own: it says which values it corrects, and so does its
// Raw, in the member corrects.
func correct(env *Envelope, e *dedupe.Event, d *Difference) error {
	values, err := json.Marshal(struct {
		Fields      []FieldDifference
		LastHandled time.Time `json:",omitzero"`
	}{d.Fields, d.LastHandled.UTC()})
	if err != nil {
		return err
	}
	env.Raw = slices.Concat(env.Raw[:len(env.Raw)-1], []byte(`,"corrects":`), values, []byte("}"))
	id, _ := env.identified()
	e.Partial, e.Side, e.Whole = false, 0, false
	e.State = base64.RawURLEncoding.EncodeToString(id.said[:])
	copy(e.Said[:], id.said[:])
	copy(e.Core[:], id.said[:])
	return nil
}

// corrects reports whether the message is a correction that is no push of its own: more
// goods of a case, another carrier for lines that were pushed, or the cancel of a further part
// of an order. It is identified by the values that it corrects.
func (d *Difference) corrects() bool {
	switch {
	case d.Method == jushuitan.PushCancel:
		return len(d.Fields) > 0
	case d.Kind != Differs:
		return false
	}
	return d.Method == jushuitan.PushGoodsReturned ||
		!slices.ContainsFunc(d.Fields, func(f FieldDifference) bool { return f.Name != "lc_id" && f.Name != "logistics_company" })
}
