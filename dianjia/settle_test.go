package dianjia_test

import (
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestSettle: the answer in one of its two forms settles a push; anything else leaves it
// unknown, since no endpoint shows it.
func TestSettle(t *testing.T) {
	for body, want := range map[string]jushuitan.Outcome{
		`{"code":"0","msg":"ok"}`:                             jushuitan.Applied,
		`{"resultCode":"success"}`:                            jushuitan.Applied,
		`{"code":"1","msg":"no such order"}`:                  jushuitan.NotApplied,
		`{"resultCode":"fail","resultMsg":"order not found"}`: jushuitan.NotApplied,
		`{"status":"ok"}`:                                     jushuitan.Unknown,
		``:                                                    jushuitan.Unknown,
	} {
		c := mocked(t, dianjia.Config{Retry: jushuitan.RetryPolicy{MaxAttempts: 1}}, httpmock.NewStringResponder(200, body))
		err := c.SendCancel(t.Context(), dianjia.Target{EntID: "10010", StorageCode: "133242"}, &jushuitan.CancelPush{SoID: "SO-1"})
		got := dianjia.Settle(err)
		assert.Equal(t, want, got.Outcome, "%s: %v", body, err)
		assert.True(t, got.Again.IsZero(), body)
	}
	lost := mocked(t, dianjia.Config{Retry: jushuitan.RetryPolicy{MaxAttempts: 1}}, httpmock.NewErrorResponder(errors.New("reset")))
	err := lost.SendCancel(t.Context(), dianjia.Target{EntID: "10010", StorageCode: "133242"}, &jushuitan.CancelPush{SoID: "SO-1"})
	assert.Equal(t, jushuitan.Unknown, dianjia.Settle(err).Outcome)
	assert.Equal(t, "10010", dianjia.Settle(err).Merchant)
	invalid := mocked(t, dianjia.Config{}, httpmock.NewStringResponder(200, ""))
	assert.Equal(t, jushuitan.NotApplied, dianjia.Settle(invalid.SendCancel(t.Context(), dianjia.Target{}, nil)).Outcome)
	assert.Equal(t, jushuitan.Unknown, dianjia.Settle(errors.New("another")).Outcome)
}
