package jushuitan

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

func benchLimiter(b *testing.B, per time.Duration) *MemoryLimiter {
	b.Helper()
	l, err := NewLimiter(LimiterConfig{
		Quotas: []Quota{{Limit: 1 << 30, Per: per}, {Limit: 1 << 30, Per: 2 * per}}, // never in the way
		Slack:  time.Nanosecond,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return l
}

func benchLimitKeys(n int) []LimitKey {
	keys := make([]LimitKey, n)
	for i := range keys {
		keys[i] = LimitKey{AppKey: "0123456789abcdef", Merchant: strconv.Itoa(10000 + i), Path: "/open/orders/single/query"}
	}
	return keys
}

// benchLimitCall is one uncontended call: a permit and its end.
func benchLimitCall(b *testing.B, ctx context.Context, l *MemoryLimiter, key LimitKey) {
	sent, err := l.Wait(ctx, key)
	if err != nil {
		b.Error(err)
		return
	}
	sent()
}

func BenchmarkLimiterWait(b *testing.B) {
	l, key, ctx := benchLimiter(b, time.Millisecond), benchLimitKeys(1)[0], b.Context()
	for b.Loop() {
		benchLimitCall(b, ctx, l, key)
	}
}

func BenchmarkLimiterWait10000Keys(b *testing.B) {
	l, keys, ctx := benchLimiter(b, time.Second), benchLimitKeys(10_000), b.Context()
	for _, key := range keys {
		benchLimitCall(b, ctx, l, key)
	}
	i := 0
	for b.Loop() {
		benchLimitCall(b, ctx, l, keys[i])
		if i++; i == len(keys) {
			i = 0
		}
	}
}

// BenchmarkLimiterNewKeys never uses a key twice: what keys cost that come, go
// idle and are dropped.
func BenchmarkLimiterNewKeys(b *testing.B) {
	l, ctx := benchLimiter(b, time.Millisecond), b.Context()
	key := benchLimitKeys(1)[0]
	i := 0
	for b.Loop() {
		i++
		key.Merchant = strconv.Itoa(i)
		benchLimitCall(b, ctx, l, key)
	}
	b.ReportMetric(float64(l.keys()), "keys-held")
}

func BenchmarkLimiterWaitParallel(b *testing.B) {
	b.Run("one key", func(b *testing.B) {
		l, key := benchLimiter(b, time.Millisecond), benchLimitKeys(1)[0]
		b.RunParallel(func(pb *testing.PB) {
			ctx := b.Context()
			for pb.Next() {
				benchLimitCall(b, ctx, l, key)
			}
		})
	})
	b.Run("10000 keys", func(b *testing.B) {
		l, keys := benchLimiter(b, time.Second), benchLimitKeys(10_000)
		var part atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			ctx := b.Context()
			i := int(part.Add(1)) * 1237 % len(keys)
			for pb.Next() {
				benchLimitCall(b, ctx, l, keys[i])
				if i++; i == len(keys) {
					i = 0
				}
			}
		})
	})
}

// BenchmarkLimiterQueued lets many goroutines queue for one place.
func BenchmarkLimiterQueued(b *testing.B) {
	l, err := NewLimiter(LimiterConfig{Quotas: []Quota{{Limit: 1, Per: time.Nanosecond}}, Slack: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	key := benchLimitKeys(1)[0]
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		ctx := b.Context()
		for pb.Next() {
			benchLimitCall(b, ctx, l, key)
		}
	})
}
