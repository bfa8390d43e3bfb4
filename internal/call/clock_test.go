package call_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/call"
)

// TestClock: only the answers of the server bound its time.
func TestClock(t *testing.T) {
	host := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	dated := func(at time.Time, more ...string) http.Header {
		h := http.Header{"Date": {at.Format(http.TimeFormat)}}
		if len(more) > 0 {
			h.Set("Age", more[0])
		}
		return h
	}
	type seen struct {
		header     http.Header
		sent, took time.Duration
	}
	tests := map[string]struct {
		seen      []seen
		at        time.Duration
		known     bool
		low, high time.Duration // relative to the host's clock
	}{
		"nothing seen":           {},
		"no Date":                {seen: []seen{{header: http.Header{}}}},
		"server 5 minutes ahead": {seen: []seen{{dated(host.Add(5 * time.Minute)), 0, 300 * time.Millisecond}}, known: true, low: 5*time.Minute - 300*time.Millisecond, high: 5*time.Minute + time.Second},
		"two agree": {seen: []seen{
			{dated(host.Add(time.Minute)), 0, 2 * time.Second},
			{dated(host.Add(time.Minute + 3*time.Second)), 3 * time.Second, 100 * time.Millisecond},
		}, at: 4 * time.Second, known: true, low: time.Minute - 100*time.Millisecond, high: time.Minute + time.Second},
		"a slow answer says less": {seen: []seen{
			{dated(host.Add(time.Minute)), 0, 100 * time.Millisecond},
			{dated(host.Add(time.Minute + 3*time.Second)), 3 * time.Second, 2 * time.Second},
		}, at: 5 * time.Second, known: true, low: time.Minute - 100*time.Millisecond, high: time.Minute + time.Second},
		"the host's clock was set": {seen: []seen{
			{dated(host), 0, 0},
			{dated(host.Add(9 * time.Minute)), time.Second, 0},
		}, known: true, low: 9*time.Minute - time.Second, high: 9 * time.Minute},
		"from a cache":   {seen: []seen{{dated(host.Add(-time.Minute), "60"), 0, 0}}},
		"another server": {seen: []seen{{dated(host.Add(time.Hour)), 0, 0}}},
		"long ago":       {seen: []seen{{dated(host), 0, 0}}, at: time.Hour},
		"long before":    {seen: []seen{{dated(host), 0, 0}}, at: -time.Hour},
		"the beginning of what agrees": {seen: []seen{
			{dated(host.Add(time.Minute)), 0, 0}, {dated(host.Add(21 * time.Minute)), 20 * time.Minute, 0}, {dated(host.Add(51 * time.Minute)), 50 * time.Minute, 0},
		}, at: -9 * time.Minute, known: true, low: time.Minute, high: time.Minute + time.Second},
		"the beginning, drifted since": {seen: []seen{
			{dated(host.Add(time.Minute)), 0, 0}, {dated(host.Add(21*time.Minute + time.Second)), 20*time.Minute - time.Second/2, 0},
		}, known: true, low: time.Minute + 3*time.Second/2, high: time.Minute + 5*time.Second/2},
		"the beginning, before a clock was set": {seen: []seen{
			{dated(host.Add(time.Minute)), 0, 0}, {dated(host.Add(23 * time.Minute)), 20 * time.Minute, 0},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c call.Clock
			for _, s := range tt.seen {
				c.Observe(s.header, host.Add(s.sent), host.Add(s.sent+s.took))
			}
			low, high, ok := c.Server(host.Add(tt.at))
			assert.Equal(t, tt.known, ok)
			assert.Equal(t, tt.low, low.Sub(host.Add(tt.at)))
			assert.Equal(t, tt.high, high.Sub(host.Add(tt.at)))
		})
	}
}
