package jushuitan

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A token is renewed only for texts about the access token or the grant, and a quota is
// held back only for texts about the rate of calls.
func TestAmbiguousCodes(t *testing.T) {
	for _, c := range []struct {
		code, msg string
		class     error
		window    time.Duration
	}{
		{"100", "access_token 无效或已过期", ErrTokenExpired, 0},
		{"100", "Access Token expired", ErrTokenExpired, 0},
		{"100", "无效token", ErrTokenExpired, 0},
		{"100", "无效的授权", ErrTokenExpired, 0},
		{"100", "授权已失效", ErrTokenExpired, 0},
		{"100", "授权已过期，请重新授权", ErrTokenExpired, 0},
		{"100", "令牌已过期", ErrTokenExpired, 0},
		{"100", "token已失效", ErrTokenExpired, 0},
		{"100", "invalid token", ErrTokenExpired, 0},
		{"100", "防重token重复", ErrInvalid, 0},
		{"100", "防重token已存在，请勿重复提交", ErrInvalid, 0},
		{"100", "商品Token编码不能为空", ErrInvalid, 0},
		{"100", "上架仓位不能为空", ErrInvalid, 0},
		{"100", "未授权店铺", ErrInvalid, 0},
		{"100", "", ErrInvalid, 0},
		{"150", "服务商应用不允许刷新token,请重新授权", ErrReauthorize, 0},
		{"150", "系统异常", ErrUnavailable, 0},
		{"200", "超过每分钟调用次数", ErrRateLimited, time.Minute},
		{"200", "调用频率过高", ErrRateLimited, time.Minute},
		{"200", "接口被限流", ErrRateLimited, time.Minute},
		{"200", "请求过于频繁，请稍后再试", ErrRateLimited, time.Minute},
		{"200", "接口调用超限", ErrRateLimited, time.Minute},
		{"200", "已超限", ErrRateLimited, time.Minute},
		{"200", "rate exceeded", ErrRateLimited, time.Minute},
		{"200", "API call limit exceeded", ErrRateLimited, time.Minute},
		{"200", "", ErrRateLimited, time.Minute},
		{"200", "每次最多50条", ErrInvalid, 0},
		{"200", "视频格式不正确", ErrInvalid, 0},
		{"200", "商品数量超限", ErrInvalid, 0},
		{"200", "cannot generate the document", ErrInvalid, 0},
		{"200", "the account is unlimited", ErrInvalid, 0},
		{"200", "参数错误", ErrInvalid, 0},
		{"200", "单次最多查询7天", ErrInvalid, 0},
	} {
		f := &failure{Code: c.code, Msg: c.msg}
		classify(&Operation{}, f)
		assert.Equal(t, c.class, f.Class, "%s %s", c.code, c.msg)
		assert.Equal(t, c.window, f.Window, "%s %s", c.code, c.msg)
	}
}
