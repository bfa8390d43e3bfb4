package dianjia

import (
	"errors"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Settle (核实推送结果) returns the outcome of a push according to the error of its Send method,
// without a call. DianJia has no endpoint that shows a push, so nothing can be read back: the
// only evidence is a response in one of its two forms, or that nothing was sent.
//
//   - Applied: the error is nil. The endpoint accepted the push: a code of 0, or a resultCode
//     of success.
//   - NotApplied: the endpoint refused the push, or it provably never arrived. After a
//     refusal, fix what it reports; a push that never arrived may be sent again.
//   - Unknown: the response was lost, or has neither form. Again is zero, since waiting does
//     not help. Stock and cancel pushes may be sent again, since their figures and states are
//     absolute; for a shipment or returned goods check DianJia first, unless the receiver
//     deduplicates.
func Settle(err error) jushuitan.Settlement {
	s := jushuitan.Settlement{Outcome: jushuitan.Unknown, Reason: "the error does not come from a push / 该错误不是推送返回的"}
	if err == nil {
		s.Outcome, s.Reason = jushuitan.Applied, "the endpoint accepted the push / 店加已接收该推送"
		return s
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return s
	}
	s.Op, s.Merchant, s.Key = string(e.Kind), e.EntID, e.StorageCode
	switch e.Outcome {
	case jushuitan.Rejected:
		s.Outcome, s.Reason = jushuitan.NotApplied, "the endpoint refused the push / 店加拒绝了该推送"
	case jushuitan.NotSent:
		s.Outcome, s.Reason = jushuitan.NotApplied, "the push never arrived / 推送未送达"
	case jushuitan.Unknown:
		s.Reason = "no endpoint of DianJia shows whether the push was handled / 店加没有查询推送结果的接口"
	}
	return s
}
