package dianjia_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/internal/call/calltest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// faulty is this package for the tests that all services share. It has no reads;
// the pushes that are sent again after a lost answer are its keyed writes.
func faulty() *calltest.Service {
	do := func(run func(ctx context.Context, c *dianjia.Client) error) func(context.Context, calltest.Settings) error {
		return func(ctx context.Context, s calltest.Settings) error {
			c, err := dianjia.New(dianjia.Config{
				URLs: dianjia.URLBuilder{Secret: canary}, HTTPClient: &http.Client{Transport: s.Transport}, Timeout: s.Timeout,
				Retry: jushuitan.RetryPolicy{MaxAttempts: s.Attempts, MinWait: s.MinWait, MaxWait: s.MaxWait}, MaxReplyBytes: s.MaxBody,
			})
			if err != nil {
				return err
			}
			return run(ctx, c)
		}
	}
	return &calltest.Service{
		Calls: []calltest.Call{
			{Effect: "keyed", Do: do(func(ctx context.Context, c *dianjia.Client) error { return c.SendCancel(ctx, target, cancel) })},
			{Effect: "unsafe", Do: do(func(ctx context.Context, c *dianjia.Client) error { return c.SendShipment(ctx, target, shipment) })},
		},
		Success: accepted,
		Refusal: `{"code":"-1","msg":"订单不存在"}`,
		Silent:  `{"status":200}`,
		Bodies: map[string]string{
			"DianJia's form":          `{"resultCode":"success"}`,
			"DianJia's form, refused": `{"resultCode":"exception","exceptionMessage":"x"}`,
			"both codes, one refused": `{"code":0,"resultCode":"exception"}`,
			"code twice":              `{"code":0,"code":0}`,
			"cut JSON":                `{"code":"0","ms`,
		},
		Classes: map[string]error{
			"invalid": dianjia.ErrInvalid, "refused": dianjia.ErrRefused, "unavailable": dianjia.ErrUnavailable,
			"rate limited": jushuitan.ErrRateLimited, "permission": jushuitan.ErrPermission, "decode": jushuitan.ErrDecode,
			"outcome unknown": dianjia.ErrOutcomeUnknown, "deadline": context.DeadlineExceeded, "cancelled": context.Canceled,
		},
		See: func(err error) calltest.Seen {
			e, _ := errors.AsType[*dianjia.Error](err)
			return calltest.Seen{Outcome: e.Outcome, Code: e.Code, Status: e.HTTPStatus, Attempts: e.Attempts, Hint: e.Hint()}
		},
	}
}

// TestFaultTable: what a caller is told of every fault.
func TestFaultTable(t *testing.T) { calltest.Table(t, faulty()) }

// TestPromises: what every service holds whatever fails.
func TestPromises(t *testing.T) {
	calltest.Promises(t, faulty(), func(msg string) string { return `{"code":"-1","msg":"` + msg + `"}` })
}
