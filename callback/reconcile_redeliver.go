package callback

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ErrHandled says that [Receiver.Redeliver] did not call the function, because by
// the dedupe store the same message was handled. Either it came meanwhile, or the
// journal failed to note it.
var ErrHandled = errors.New("the same push was handled already")

// Redeliver hands the message of a difference to the function of its kind, as if
// the push had come: through the dedupe store, with the key of that push, so that
// the push itself is answered as a repeat should it still come, and another process
// that redelivers the same runs it once. With [Journaled] it is noted. The envelope
// has no time stamp and no sender.
//
// It returns nil only after the function did, [ErrHandled] where the message was
// handled before, and [jushuitan.ErrBusy] where it is being handled. Only stock that
// DropStaleStock leaves out is taken without a call.
//
// Corrections that the key does not tell from the push (another carrier for the same
// lines, more goods for the same case) are run once each although the push was
// handled. A push of returned goods with a unique_id is not known as a repeat, since
// only the push names it.
func (r *Receiver) Redeliver(ctx context.Context, d *Difference) error {
	if err := r.redeliver(ctx, d); err != nil {
		return fmt.Errorf("callback: redeliver %s of merchant %q, storage code %q, %s: %w", d.Method, d.EntID, d.StorageCode, d.Document(), err)
	}
	return nil
}

func (r *Receiver) redeliver(ctx context.Context, d *Difference) error {
	switch {
	case d.Shipment != nil:
		return redeliver(ctx, r, d, d.Shipment, jushuitan.ParseShipmentPush, r.cfg.Shipment)
	case d.Cancel != nil:
		return redeliver(ctx, r, d, d.Cancel, jushuitan.ParseCancelPush, r.cfg.Cancel)
	case d.GoodsReturned != nil:
		return redeliver(ctx, r, d, d.GoodsReturned, parseGoodsReturned, turning(r, r.cfg.GoodsReturned))
	case d.Stock != nil:
		return redeliver(ctx, r, d, d.Stock, jushuitan.ParseStockPush, r.freshOnly(r.cfg.Stock))
	}
	return fmt.Errorf("it is %s and has no message: look at the document in the ERP / 没有可补发的消息，请在聚水潭中核对单据", d.Kind)
}

// redeliver makes the push that a message would be and handles it as one. The
// function gets a message of its own.
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
	ran := false
	run := func(ctx context.Context) error {
		ran = true
		return guarded(r, env, p, function)(ctx)
	}
	key := keyOf(env, M(p))
	if err := r.once(ctx, env, key, run); err != nil || ran {
		return err
	}
	if d.sameKey() {
		sum := sha256.Sum256(doc)
		if err := r.once(ctx, env, key+"+"+base64.RawURLEncoding.EncodeToString(sum[:]), run); err != nil || ran {
			return err
		}
	}
	return fmt.Errorf("%w: should the host not have it, call the function itself and note the difference in the journal / 去重记录显示该推送已处理，若确未处理请直接调用处理函数", ErrHandled)
}

// sameKey reports whether the message is a correction with the dedupe key of the
// push that it corrects.
func (d *Difference) sameKey() bool {
	if d.Kind != Differs {
		return false
	}
	return d.Method == jushuitan.PushGoodsReturned ||
		!slices.ContainsFunc(d.Fields, func(f FieldDifference) bool { return f.Name != "lc_id" })
}
