package jushuitan

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
)

// soakServer grants tokens that last 20 minutes, refuses every 37th call's token, every
// 41st call for its rate and every 43rd for its data, and takes all others.
type soakServer struct{ calls, grants, refused atomic.Int64 }

func (s *soakServer) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"code":0,"msg":"","data":{"datas":[]}}`
	if strings.Contains(r.URL.Path, "/auth/") {
		body = fmt.Sprintf(`{"code":0,"data":{"access_token":"made-up-token-%d","refresh_token":"made-up-refresh","expires_in":1200}}`, s.grants.Add(1))
	} else {
		n := s.calls.Add(1)
		switch {
		case n%37 == 0:
			body = `{"code":100,"msg":"access_token 无效"}`
		case n%41 == 0:
			body = `{"code":199,"msg":"超过每秒调用次数"}`
		case n%43 == 0:
			body = `{"code":130,"msg":"数据为空"}`
		}
		if !strings.HasPrefix(body, `{"code":0`) {
			s.refused.Add(1)
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// soakState is what a process holds.
type soakState struct {
	heap                uint64
	goroutines          int
	tokens, limiterKeys int
}

func stateOf(c *Client) soakState {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := c.core.tokens
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := len(s.old)
	for merchant := range s.young {
		if s.old[merchant] == nil {
			tokens++
		}
	}
	l, _ := c.core.limiter.(*MemoryLimiter)
	return soakState{m.HeapAlloc, runtime.NumGoroutine(), tokens, l.keys()}
}

// TestSoak: 5,000 merchants in one process for an hour of virtual time, in which all have a
// token from the first minute on. 600 call every two minutes, and each minute 75 of the
// others, which are idle else. After the first ten minutes nothing grows; merchants that
// stay idle are dropped within the two hours after it. Under the race detector there are fewer
// merchants, and the heap, which is not that of a process, is not looked at.
func TestSoak(t *testing.T) {
	const workers = 8
	merchants := racetest.Fewer(5000)
	active, fresh := merchants*12/100, max(2, merchants*3/200)
	synctest.Test(t, func(t *testing.T) {
		server := &soakServer{}
		c, err := New(Credentials{AppKey: "app", AppSecret: "made-up-secret"}, WithHTTPClient(&http.Client{Transport: server}))
		require.NoError(t, err)
		all := func(from, to, step int) {
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					for m := from + w*step; m < to; m += workers * step {
						_, err := c.ForMerchant(fmt.Sprintf("m-%04d", m)).Shops.Query(t.Context(), &ShopQuery{})
						if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTokenExpired) {
							t.Errorf("merchant %d: %v", m, err)
						}
					}
				})
			}
			wg.Wait()
		}
		begin := time.Now()
		until := func(minute int) soakState {
			time.Sleep(time.Until(begin.Add(time.Duration(minute) * time.Minute)))
			s := stateOf(c)
			if minute%10 == 0 {
				t.Logf("minute %d: heap %.1f MiB, %d goroutines, %d merchants in memory, %d keys of the limiter; %d calls, %d grants, %d refusals",
					minute, float64(s.heap)/(1<<20), s.goroutines, s.tokens, s.limiterKeys, server.calls.Load(), server.grants.Load(), server.refused.Load())
			}
			return s
		}
		all(0, merchants, 1)
		var early soakState
		for minute := 1; minute <= 60; minute++ {
			all(minute%2, active, 2)
			from := active + minute*fresh%(merchants-active)
			all(from, min(from+fresh, merchants), 1)
			s := until(minute)
			if minute == 10 {
				early = s
			}
			if minute <= 10 {
				continue
			}
			if !racetest.Enabled {
				assert.Less(t, s.heap, early.heap+early.heap/4, "the heap is flat")
			}
			assert.LessOrEqual(t, s.goroutines, early.goroutines, "so are goroutines")
			assert.Equal(t, merchants, s.tokens, "and the merchants in memory")
			assert.Less(t, s.limiterKeys, 3*(active/2+fresh)*2, "and the keys of the limiter")
		}
		assert.Greater(t, server.grants.Load(), int64(merchants))
		for minute := 70; minute <= 180; minute += 10 {
			all(0, active, 1)
			until(minute)
		}
		assert.LessOrEqual(t, stateOf(c).tokens, active+fresh, "idle merchants are dropped")
	})
}
