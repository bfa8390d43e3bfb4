package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// Every time of the years 1 to 9999 is stored and read back as the same instant.
func TestStoredTime(t *testing.T) {
	for text, at := range map[string]time.Time{
		"2026-02-01T00:00:00+08:00":           time.Date(2026, 1, 31, 16, 0, 0, 0, time.UTC),
		"0001-01-01T08:00:01+08:00":           time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
		"9999-12-31T15:59:59+08:00":           time.Date(9999, 12, 31, 7, 59, 59, 0, time.UTC),
		"9999-12-31T23:59:59.999999999Z":      time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"2031-02-04T16:30:00.123456789+08:00": time.Date(2031, 2, 3, 23, 30, 0, 123456789, time.FixedZone("", -9*3600)),
	} {
		got, err := wire.FormatStored(at)
		require.NoError(t, err)
		assert.Equal(t, text, got)
		back, err := wire.ParseStored(got)
		require.NoError(t, err)
		assert.True(t, back.Equal(at), "%v, want %v", back, at)
	}
	for _, at := range []time.Time{
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(292277, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -9*3600)),
	} {
		_, err := wire.FormatStored(at)
		require.Error(t, err, "%v", at)
	}
	_, err := wire.ParseStored("10000-01-01T00:00:00Z")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "10000")
}
