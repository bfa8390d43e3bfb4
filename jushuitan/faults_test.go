package jushuitan_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/call/calltest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// faulty is this package for the tests that all services share.
func faulty() *calltest.Service {
	do := func(run func(ctx context.Context, c *jushuitan.Client) error) func(context.Context, calltest.Settings) error {
		return func(ctx context.Context, s calltest.Settings) error {
			c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"},
				jushuitan.WithHTTPClient(&http.Client{Transport: s.Transport}), jushuitan.WithToken("test-access-token-0001"),
				jushuitan.WithQuota(jushuitan.Quota{Limit: 1 << 20, Per: time.Nanosecond}), jushuitan.WithTimeout(s.Timeout),
				jushuitan.WithRetry(jushuitan.RetryPolicy{MaxAttempts: s.Attempts, MinWait: s.MinWait, MaxWait: s.MaxWait}),
				jushuitan.WithMaxResponseBytes(s.MaxBody), jushuitan.WithoutValidation())
			if err != nil {
				return err
			}
			return run(ctx, c)
		}
	}
	return &calltest.Service{
		Calls: []calltest.Call{
			{Effect: "read", Do: do(func(ctx context.Context, c *jushuitan.Client) error {
				_, err := c.Shops.Query(ctx, &jushuitan.ShopQuery{})
				return err
			})},
			{Effect: "keyed", Do: do(func(ctx context.Context, c *jushuitan.Client) error {
				_, err := c.Stocktakes.Upload(ctx, &jushuitan.StocktakeUpload{SoID: "SO-1"})
				return err
			})},
			{Effect: "keyed rows", Do: do(func(ctx context.Context, c *jushuitan.Client) error {
				_, err := c.Orders.Upload(ctx, []jushuitan.OrderUpload{{SoID: "SO-1"}})
				return err
			})},
			{Effect: "keyed, failures listed", Do: do(func(ctx context.Context, c *jushuitan.Client) error {
				_, err := c.Orders.MarkQuestion(ctx, &jushuitan.OrderMarkQuestionRequest{OIDs: []int64{7}})
				return err
			})},
			{Effect: "unsafe", Do: do(func(ctx context.Context, c *jushuitan.Client) error {
				return c.Call(ctx, "/open/endpoint/without/a/method", map[string]int{"o_id": 1}, nil)
			})},
		},
		Success: `{"code":0,"msg":"","issuccess":true,"data":{"success":1,"datas":[{"so_id":"SO-1","o_id":1,"issuccess":true,"msg":""}]}}`,
		Refusal: `{"code":130,"msg":"数据为空","request_id":"r-1","data":null}`,
		Silent:  `{"data":[]}`,
		Bodies: map[string]string{
			"code 10 signature":   `{"code":10,"msg":"签名错误"}`,
			"code 100 data":       `{"code":100,"msg":"上架仓位不能为空"}`,
			"code 100 token":      `{"code":100,"msg":"access_token 无效"}`,
			"code 110 address":    `{"code":110,"msg":"IP不在白名单"}`,
			"code 120 signature":  `{"code":120,"msg":"签名错误"}`,
			"code 140 clock":      `{"code":140,"msg":"时间戳无效"}`,
			"code 140 data":       `{"code":140,"msg":"参数不符合规范"}`,
			"code 140 signature":  `{"code":140,"msg":"sign 校验失败"}`,
			"code 150 grant":      `{"code":150,"msg":"服务商应用不允许刷新token,请重新授权"}`,
			"code 150 internal":   `{"code":150,"msg":"系统异常"}`,
			"code 160":            `{"code":160,"msg":"系统繁忙"}`,
			"code 180 clock":      `{"code":180,"msg":"x"}`,
			"code 190 permission": `{"code":190,"msg":"没有接口权限"}`,
			"code 199 a second":   `{"code":199,"msg":"超过每秒调用次数"}`,
			"code 200 a minute":   `{"code":200,"msg":"超过每分钟调用次数"}`,
			"code 200 data":       `{"code":200,"msg":"参数错误"}`,
			"code 21024":          `{"code":21024,"msg":"没有权限"}`,
			"code of another day": `{"code":-4,"msg":"非法值"}`,
			"cut JSON":            `{"code":0,"data":{"datas":[{"so_`,
			"bad JSON":            `{"code" 0}`,
			"flag says no":        `{"code":0,"issuccess":false,"msg":"失败","data":null}`,
			"row refused":         `{"code":0,"data":{"datas":[{"so_id":"SO-1","issuccess":false,"msg":"店铺不存在"}]}}`,
			"row missing":         `{"code":0,"data":{"datas":[{"so_id":"SO-2","issuccess":true,"msg":""},{"so_id":"SO-3","issuccess":true,"msg":""}]}}`,
			"failures listed":     `{"code":0,"data":{"success":0,"fail":1,"message":[{"id":7,"msg":"订单已取消"}]}}`,
			"unreadable":          `{"code":0,"data":{"datas":5,"success":"x","message":"y","io_id":"z"}}`,
		},
		Classes: map[string]error{
			"sign": jushuitan.ErrSign, "token": jushuitan.ErrTokenExpired, "reauthorize": jushuitan.ErrReauthorize,
			"rate limited": jushuitan.ErrRateLimited, "permission": jushuitan.ErrPermission, "address": jushuitan.ErrIPNotAllowed,
			"timestamp": jushuitan.ErrTimestamp, "invalid": jushuitan.ErrInvalid, "unavailable": jushuitan.ErrUnavailable,
			"decode": jushuitan.ErrDecode, "outcome unknown": jushuitan.ErrOutcomeUnknown, "deadline": context.DeadlineExceeded, "cancelled": context.Canceled,
		},
		See: func(err error) calltest.Seen {
			e, _ := errors.AsType[*jushuitan.Error](err)
			code := ""
			if e.Code != 0 {
				code = strconv.FormatInt(e.Code, 10)
			}
			return calltest.Seen{Outcome: e.Outcome, Code: code, Status: e.HTTPStatus, Attempts: e.Attempts, Hint: e.Hint()}
		},
	}
}

// TestFaultTable: what a caller is told of every fault.
func TestFaultTable(t *testing.T) { calltest.Table(t, faulty()) }

// TestPromises: what every service holds whatever fails.
func TestPromises(t *testing.T) {
	calltest.Promises(t, faulty(), func(msg string) string { return `{"code":130,"msg":"` + msg + `"}` })
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
		c, err := jushuitan.New(jushuitan.Credentials{AppKey: "app", AppSecret: "test-secret-0001"}, jushuitan.WithToken("test-access-token-0001"),
			jushuitan.WithHTTPClient(&http.Client{Transport: s.Transport}), jushuitan.WithTimeout(s.Timeout), jushuitan.WithLimiter(slowLimiter(wait)))
		if err != nil {
			return err
		}
		return c.Call(ctx, "/open/endpoint/without/a/method", nil, nil)
	}, faulty().Success)
}
