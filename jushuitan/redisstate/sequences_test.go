package redisstate_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/pushcases"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

type sequenceArgs struct{ Redis, Prefix string }

// The headers with which the parent says what the host does, and the child what it saw.
const (
	hostFails   = "X-Host-Fails"
	hostSaw     = "X-Host-Saw"
	hostFlagged = "X-Host-Flagged"
	outcome     = "X-Outcome"
)

// exchange is a request of the parent and its answer.
type exchange struct {
	w     http.ResponseWriter
	fails bool
}

type exchangeKey struct{}

// sequenceChild serves pushes. The prefix of Redis is that of the path, so that each
// sequence has its own.
func sequenceChild(ctx context.Context, text []byte) error {
	var args sequenceArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return err
	}
	rdb := dial(args.Redis)
	saw := func(ctx context.Context, env callback.Envelope) error {
		x, _ := ctx.Value(exchangeKey{}).(*exchange)
		x.w.Header().Set(hostSaw, "1")
		x.w.Header().Set(hostFlagged, strconv.FormatBool(env.MayRepeat))
		if x.fails {
			return errors.New("the host fails")
		}
		return nil
	}
	handler := func(w http.ResponseWriter, req *http.Request) {
		s, err := redisstate.New(rdb, redisstate.Config{Prefix: args.Prefix + "-" + strings.Trim(req.URL.Path, "/")})
		if err != nil {
			panic(err)
		}
		r, err := callback.New(callback.Config{
			Shipment: func(ctx context.Context, env callback.Envelope, _ *jushuitan.ShipmentPush) error {
				return saw(ctx, env)
			},
			Cancel: func(ctx context.Context, env callback.Envelope, _ *jushuitan.CancelPush) error { return saw(ctx, env) },
			GoodsReturned: func(ctx context.Context, env callback.Envelope, _ *jushuitan.GoodsReturnedPush) error {
				return saw(ctx, env)
			},
			Stock:                func(ctx context.Context, env callback.Envelope, _ *jushuitan.StockPush) error { return saw(ctx, env) },
			AllowUnauthenticated: true, Checksum: callback.ChecksumOff, Deduper: s.Deduper(), CancelTTL: pushcases.CancelTTL,
			Now: func() time.Time { return time.Unix(1_700_100_000, 0) },
			OnResult: func(ctx context.Context, _ callback.Envelope, res callback.Result) {
				x, _ := ctx.Value(exchangeKey{}).(*exchange)
				x.w.Header().Set(outcome, res.Outcome.String())
			},
		})
		if err != nil {
			panic(err)
		}
		x := &exchange{w: w, fails: req.Header.Get(hostFails) != ""}
		r.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, x)))
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	go untilParentEnds()
	return (&http.Server{Handler: http.HandlerFunc(handler), ReadHeaderTimeout: time.Minute}).Serve(l)
}

// TestSequences: the sequences of package callback, over Redis, the steps in turn to two
// processes.
func TestSequences(t *testing.T) {
	client(t)
	args := sequenceArgs{Redis: shared.addr, Prefix: "test-" + rand.Text()}
	urls := []string{spawn(t, "sequence", args).next(t), spawn(t, "sequence", args).next(t)}
	all := pushcases.Sequences()
	require.GreaterOrEqual(t, len(all), 40)
	for n, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for i, step := range s.Steps {
				if step.Pause {
					<-time.After(pushcases.CancelTTL + 50*time.Millisecond)
					continue
				}
				got := sendStep(t, urls[i%2]+"/"+strconv.Itoa(n), step)
				what := fmt.Sprintf("step %d: %s", i+1, step.Body)
				require.Equal(t, step.Runs, got.Get(hostSaw) != "", "%s: whether the host saw it", what)
				if step.Runs {
					assert.Equal(t, strconv.FormatBool(step.MayRepeat), got.Get(hostFlagged), "%s: flagged", what)
				}
				want := callback.Repeat
				switch {
				case step.Fails:
					want = callback.Failed
				case step.Runs:
					want = callback.Handled
				case step.Stale:
					want = callback.Stale
				}
				assert.Equal(t, want.String(), got.Get(outcome), what)
			}
		})
	}
}

func sendStep(t *testing.T, address string, s pushcases.Step) http.Header {
	t.Helper()
	q := url.Values{"entId": {"10010"}, "storageCode": {"1"}, "method": {s.Method}}
	if s.EntID != "" {
		q.Set("entId", s.EntID)
		q.Set("storageCode", s.StorageCode)
	}
	if s.TS != 0 {
		q.Set("ts", strconv.FormatInt(s.TS, 10))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"?"+q.Encode(), strings.NewReader(s.Body))
	require.NoError(t, err)
	if s.Fails {
		req.Header.Set(hostFails, "1")
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, s.Fails, res.StatusCode != http.StatusOK)
	return res.Header
}
