package callbacktest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// alwaysClaims is a store that remembers nothing.
type alwaysClaims struct{}

func (alwaysClaims) Claim(context.Context, string, string, string, time.Duration) (jushuitan.ClaimState, string, error) {
	return jushuitan.Claimed, "", nil
}

func (alwaysClaims) Commit(context.Context, string, string, string, string, time.Duration) error {
	return nil
}
func (alwaysClaims) Release(context.Context, string, string) error { return nil }

// neverEnds is a store that ignores owners and times to live.
type neverEnds struct{ jushuitan.Deduper }

func (d neverEnds) Claim(ctx context.Context, key, state, _ string, _ time.Duration) (jushuitan.ClaimState, string, error) {
	return d.Deduper.Claim(ctx, key, state, "one", time.Hour)
}

func (d neverEnds) Release(ctx context.Context, key, _ string) error {
	return d.Deduper.Release(ctx, key, "one")
}

// stateless is a store that remembers that something was handled, not what.
type stateless struct{ jushuitan.Deduper }

func (d stateless) Claim(ctx context.Context, key, _, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	return d.Deduper.Claim(ctx, key, "", owner, ttl)
}

func (d stateless) Commit(ctx context.Context, key, _, owner, _ string, ttl time.Duration) error {
	return d.Deduper.Commit(ctx, key, "", owner, "", ttl)
}

// trusting is a store to which a claim that ended is none.
type trusting struct{ jushuitan.Deduper }

func (d trusting) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	got, memory, err := d.Deduper.Claim(ctx, key, state, owner, ttl)
	if got == jushuitan.Unsettled {
		got = jushuitan.Claimed
	}
	return got, memory, err
}

// TestDeduperChecksFail: the checks find what is wrong.
func TestDeduperChecksFail(t *testing.T) {
	for _, tt := range []struct {
		name   string
		d      jushuitan.Deduper
		checks []string
	}{
		{"always claims", alwaysClaims{}, []string{"claim", "commit", "last state", "memory", "not another's claim", "one of many", "done context"}},
		{"never ends", neverEnds{jushuitan.NewMemoryDeduper(0)}, []string{"not another's claim", "one of many", "claim ends"}},
		{"stateless", stateless{jushuitan.NewMemoryDeduper(0)}, []string{"last state", "memory", "many keys at once"}},
		{"trusting", trusting{jushuitan.NewMemoryDeduper(0)}, []string{"claim that ended is no commit"}},
	} {
		for _, c := range deduperChecks {
			if slices.Contains(tt.checks, c.name) {
				require.Error(t, c.check(t.Context(), tt.d), "%s: %s", tt.name, c.name)
			}
		}
	}
}

func TestRequest(t *testing.T) {
	m := Message{EntID: "1 &", StorageCode: "2", Type: "2", TS: time.Unix(1700000000, 0), Secret: "CANARY", Body: &jushuitan.StockPush{}}
	req, err := m.Request(t.Context(), "https://host/stock_callback?x=1")
	require.NoError(t, err)
	q := req.URL.Query()
	assert.Equal(t, "inventory.upload", q.Get("method"))
	assert.Equal(t, Token("CANARY", jushuitan.PushStock, "1 &", "2"), q.Get("jstToken"))
	assert.Equal(t, "1", q.Get("x"))
	assert.Equal(t, "1700000000", q.Get("ts"))
	assert.Len(t, q.Get("sign"), 32)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", m, &m, m)+m.LogValue().String(), "CANARY")

	_, err = Message{Body: 1}.Request(t.Context(), "/")
	require.Error(t, err)
	_, err = Message{}.Request(t.Context(), "%zz")
	require.Error(t, err)
	_, err = Message{}.Send(t.Context(), nil, "http://127.0.0.1:1/?token=CANARY")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "CANARY")
}
