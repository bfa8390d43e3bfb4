package qimen_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/call/calltest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// faulty is this package for the tests that all services share.
func faulty() *calltest.Service {
	do := func(run func(ctx context.Context, c *qimen.Client) error) func(context.Context, calltest.Settings) error {
		return func(ctx context.Context, s calltest.Settings) error {
			c, err := qimen.New(config(),
				qimen.WithHTTPClient(&http.Client{Transport: s.Transport}), qimen.WithTimeout(s.Timeout),
				qimen.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Nanosecond}), qimen.WithMaxResponseBytes(s.MaxBody),
				qimen.WithRetry(jushuitan.RetryPolicy{MaxAttempts: s.Attempts, MinWait: s.MinWait, MaxWait: s.MaxWait}))
			if err != nil {
				return err
			}
			return run(ctx, c)
		}
	}
	return &calltest.Service{
		Calls: []calltest.Call{
			{Effect: "read", Do: do(func(ctx context.Context, c *qimen.Client) error {
				return c.Call(ctx, "jushuitan.order.list.query", nil, nil)
			})},
			{Effect: "keyed", Do: do(func(ctx context.Context, c *qimen.Client) error {
				req := &qimen.DeliveryOrderConfirmRequest{}
				req.DeliveryOrder.DeliveryOrderCode, req.DeliveryOrder.OutBizCode = "d1", "biz1"
				_, err := c.Warehouse.DeliveryOrderConfirm(ctx, req)
				return err
			})},
			{Effect: "unsafe", Do: do(func(ctx context.Context, c *qimen.Client) error {
				return c.Call(ctx, "taobao.qimen.orderprocess.report", nil, nil)
			})},
		},
		Success: `{"response":{"flag":"success","code":"0","message":"ok"}}`,
		Refusal: `{"response":{"flag":"failure","code":"S003","message":"数据为空","request_id":"r-1"}}`,
		Silent:  `{"response":{"total":"1"}}`,
		Bodies: map[string]string{
			"code 4 limit":              `{"error_response":{"code":4,"msg":"x"}}`,
			"code 7 limit":              `{"error_response":{"code":7,"msg":"App Call Limited","sub_code":"accesscontrol.limited-by-api-access-count","sub_msg":"This ban will last for 3 more seconds"}}`,
			"code 7 limit, an hour":     `{"error_response":{"code":7,"msg":"App Call Limited","sub_code":"accesscontrol.limited-by-api-access-count","sub_msg":"This ban will last for 3600 more seconds"}}`,
			"code 10":                   `{"error_response":{"code":10,"msg":"x"}}`,
			"code 12 permission":        `{"error_response":{"code":12,"msg":"x"}}`,
			"code 15 behind, at a loss": `{"error_response":{"code":15,"msg":"x","sub_code":"isp.null-pointer-exception"}}`,
			"code 15 behind, busy":      `{"error_response":{"code":15,"msg":"x","sub_code":"isp.remote-service-timeout"}}`,
			"code 15 data":              `{"error_response":{"code":15,"msg":"x","sub_code":"isv.item-not-exist"}}`,
			"code 15 signature":         `{"error_response":{"code":15,"msg":"x","sub_code":"isv.sign-check-failure"}}`,
			"code 25 signature":         `<response><flag>failure</flag><code>25</code><message>Invalid signature</message></response>`,
			"code 27 session":           `{"error_response":{"code":27,"msg":"x","sub_code":"invalid-sessionkey"}}`,
			"code 110 address":          `{"response":{"code":110,"issuccess":false,"msg":"x"}}`,
			"code 150":                  `{"response":{"code":150,"msg":"x"}}`,
			"code 180 clock":            `{"response":{"code":180,"issuccess":false,"msg":"x"}}`,
			"code 190 permission":       `{"response":{"code":190,"msg":"x"}}`,
			"code 199 limit":            `{"response":{"code":199,"msg":"x"}}`,
			"flag alone":                `<response><flag>failure</flag></response>`,
			"timestamp":                 `{"response":{"flag":"failure","code":"x1","message":"Illegal timestamp"}}`,
			"cut JSON":                  `{"response":{"flag":"succ`,
			"cut XML":                   `<response><flag>success</flag><del`,
			"bad JSON":                  `{"response":{"flag" "success"}}`,
			"text":                      `Bad Gateway`,
		},
		Classes: map[string]error{
			"sign": jushuitan.ErrSign, "token": jushuitan.ErrTokenExpired,
			"rate limited": jushuitan.ErrRateLimited, "permission": jushuitan.ErrPermission, "address": jushuitan.ErrIPNotAllowed,
			"timestamp": jushuitan.ErrTimestamp, "invalid": jushuitan.ErrInvalid, "unavailable": jushuitan.ErrUnavailable,
			"decode": jushuitan.ErrDecode, "outcome unknown": jushuitan.ErrOutcomeUnknown, "deadline": context.DeadlineExceeded, "cancelled": context.Canceled,
		},
		See: func(err error) calltest.Seen {
			e, _ := errors.AsType[*qimen.Error](err)
			return calltest.Seen{Outcome: e.Outcome, Code: e.Code, Status: e.HTTPStatus, Attempts: e.Attempts, Hint: e.Hint()}
		},
	}
}

// TestFaultTable: what a caller is told of every fault.
func TestFaultTable(t *testing.T) { calltest.Table(t, faulty()) }

// TestPromises: what every service holds whatever fails.
func TestPromises(t *testing.T) {
	calltest.Promises(t, faulty(), func(msg string) string {
		return `{"response":{"flag":"failure","code":"S003","message":"` + msg + `"}}`
	})
}

// slowLimiter takes its time with every permit.
type slowLimiter time.Duration

func (l slowLimiter) Wait(ctx context.Context, _ jushuitan.LimitKey) (func(), error) {
	time.Sleep(time.Duration(l)) // virtual
	return func() {}, ctx.Err()
}

// TestTimeoutIsTheNetworks: the wait for the quota is no part of it.
func TestTimeoutIsTheNetworks(t *testing.T) {
	calltest.Held(t, func(ctx context.Context, s calltest.Settings, wait time.Duration) error {
		c, err := qimen.New(config(), qimen.WithHTTPClient(&http.Client{Transport: s.Transport}), qimen.WithTimeout(s.Timeout),
			qimen.WithLimiter(slowLimiter(wait)))
		if err != nil {
			return err
		}
		return c.Call(ctx, "jushuitan.order.list.query", nil, nil)
	}, faulty().Success)
}
