package callbacktest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// alwaysClaims is a store that remembers nothing.
type alwaysClaims struct{}

func (alwaysClaims) Claim(context.Context, string, string, time.Duration) (jushuitan.ClaimState, error) {
	return jushuitan.Claimed, nil
}
func (alwaysClaims) Commit(context.Context, string, string, time.Duration) error { return nil }
func (alwaysClaims) Release(context.Context, string, string) error               { return nil }

// neverEnds is a store that ignores owners and times to live.
type neverEnds struct{ jushuitan.Deduper }

func (d neverEnds) Claim(ctx context.Context, key, _ string, _ time.Duration) (jushuitan.ClaimState, error) {
	return d.Deduper.Claim(ctx, key, "one", time.Hour)
}

func (d neverEnds) Release(ctx context.Context, key, _ string) error {
	return d.Deduper.Release(ctx, key, "one")
}

// TestDeduperChecksFail: the checks find what is wrong.
func TestDeduperChecksFail(t *testing.T) {
	for name, check := range map[string]func(context.Context, jushuitan.Deduper) error{
		"claim": checkDedupeClaim, "commit": checkDedupeCommit, "owner": checkDedupeOwner, "race": checkDedupeRace, "context": checkDedupeContext,
	} {
		require.Error(t, check(t.Context(), alwaysClaims{}), name)
	}
	for name, check := range map[string]func(context.Context, jushuitan.Deduper) error{
		"owner": checkDedupeOwner, "race": checkDedupeRace, "claim ends": checkDedupeClaimEnds,
	} {
		require.Error(t, check(t.Context(), neverEnds{jushuitan.NewMemoryDeduper(0)}), name)
	}
}

func TestRequest(t *testing.T) {
	m := Message{EntID: "1 &", StorageCode: "2", Type: "2", TS: time.Unix(1700000000, 0), Secret: "CANARY", Body: &jushuitan.StockPush{}}
	req, err := m.Request(t.Context(), "https://host/stock_callback?x=1")
	require.NoError(t, err)
	q := req.URL.Query()
	assert.Equal(t, "inventory.upload", q.Get("method"))
	assert.Equal(t, Token("CANARY", jushuitan.PushStock, "1 &", "2"), q.Get("token"))
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
