package jushuitan_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestStreamResumes breaks off at random rows, throws the process's memory away
// and goes on from the stored checkpoint, until all is read: every row is processed
// once, and only the row in the loop body at a break is met twice.
func TestStreamResumes(t *testing.T) {
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	tests := map[string]struct {
		query  jushuitan.OrderQuery
		adjust func(rows []jushuitan.Order)
	}{
		"by row version":        {query: jushuitan.OrderQuery{}},
		"rows share a version":  {query: jushuitan.OrderQuery{}, adjust: func(rows []jushuitan.Order) { spread(rows, func(i int) int64 { return int64(100 + i/4) }) }},
		"one version for all":   {query: jushuitan.OrderQuery{}, adjust: func(rows []jushuitan.Order) { spread(rows, func(int) int64 { return 9 }) }},
		"versions out of order": {query: jushuitan.OrderQuery{}, adjust: func(rows []jushuitan.Order) { spread(rows, func(i int) int64 { return int64(900 - i) }) }},
		"by time":               {query: jushuitan.OrderQuery{ModifiedBegin: begin, ModifiedEnd: begin.Add(40 * 24 * time.Hour)}},
		"by time, open end":     {query: jushuitan.OrderQuery{ModifiedBegin: begin}},
		"rows on the boundaries": {query: jushuitan.OrderQuery{ModifiedBegin: begin}, adjust: func(rows []jushuitan.Order) {
			for i := range rows {
				rows[i].Modified = begin.Add(time.Duration(i/5) * 24 * time.Hour)
			}
		}},
	}
	for name, tt := range tests {
		for seed := range uint64(max(2, racetest.Fewer(4))) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rows := someOrders(137, 6*time.Hour)
					if tt.adjust != nil {
						tt.adjust(rows)
					}
					rng := rand.New(rand.NewPCG(seed, 1))
					c := served(t, orderStore(rows, seed%2 == 0), jushuitan.WithClock(func() time.Time { return begin.Add(41 * 24 * time.Hour) }))
					stored := []byte(`{}`)
					done := map[int64]int{}
					met, crashes := 0, 0
					for lives := 0; ; lives++ {
						require.Less(t, lives, 500)
						var cp jushuitan.Checkpoint
						require.NoError(t, json.Unmarshal(stored, &cp))
						q := tt.query
						q.PageSize = 10
						stream := c.Orders.Stream(&q, cp)
						crash := false
						n, life := 0, rng.IntN(25)
						for row, err := range stream.Rows(t.Context()) {
							require.NoError(t, err)
							met++
							var err2 error
							stored, err2 = json.Marshal(stream.Checkpoint())
							require.NoError(t, err2)
							if n++; n > life { // dies with this row in the loop body
								crash = true
								break
							}
							done[row.OID]++
						}
						if !crash {
							break
						}
						crashes++
					}
					assert.Len(t, done, 137, "none is missing")
					for id, times := range done {
						assert.Equal(t, 1, times, "row %d is processed once", id)
					}
					assert.Equal(t, 137+crashes, met, "only rows in the loop body are met twice")
				})
			})
		}
	}
}

func spread(rows []jushuitan.Order, version func(i int) int64) {
	for i := range rows {
		rows[i].TS = version(i)
	}
}

// TestStreamKeepsUp: a stream by row version goes on where it ended, and a row
// that changed comes again.
func TestStreamKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := someOrders(15, time.Hour)
		c := served(t, func(w http.ResponseWriter, r *http.Request) { orderStore(rows, false)(w, r) })
		stream := c.Orders.Stream(&jushuitan.OrderQuery{PageSize: 10}, jushuitan.Checkpoint{})
		read := func() []int64 {
			ids, err := collect(t, stream.Rows(t.Context()))
			require.NoError(t, err)
			return ids
		}
		assert.Len(t, read(), 15)
		assert.Empty(t, read())
		moved := rows[3]
		moved.TS = 5000
		rows = append(append(rows[:3:3], rows[4:]...), moved)
		assert.Equal(t, []int64{moved.OID}, read())

		cp := stream.Checkpoint()
		assert.EqualValues(t, 5000, cp.Cursor)
		assert.Len(t, cp.Done, 1, "the checkpoint stays small")
		again := c.Orders.Stream(nil, cp)
		ids, err := collect(t, again.Rows(t.Context()))
		require.NoError(t, err)
		assert.Empty(t, ids)
	})
}

func TestStreamRefusesForeignCheckpoints(t *testing.T) {
	c := mocked(t, nil)
	begin := time.Date(2024, 6, 1, 0, 0, 0, 0, wire.CST)
	tests := map[string]struct {
		from jushuitan.Checkpoint
		req  *jushuitan.OrderQuery
	}{
		"newer form":       {jushuitan.Checkpoint{Version: 2}, nil},
		"other stream":     {jushuitan.Checkpoint{Version: 1, Stream: "Outbounds.Query@"}, nil},
		"other merchant":   {jushuitan.Checkpoint{Version: 1, Stream: "Orders.Query@10010"}, nil},
		"time for version": {jushuitan.Checkpoint{Version: 1, Time: begin}, nil},
		"version for time": {jushuitan.Checkpoint{Version: 1, Cursor: 5}, &jushuitan.OrderQuery{ModifiedBegin: begin}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := collect(t, c.Orders.Stream(tt.req, tt.from).Rows(t.Context()))
			assert.ErrorIs(t, err, jushuitan.ErrInvalid)
		})
	}
	for _, err := range c.SKUs.Stream(nil, jushuitan.Checkpoint{}).Rows(t.Context()) {
		assert.ErrorIs(t, err, jushuitan.ErrInvalid, "no row version and no time range: nothing to follow")
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"version":1,"stream":"Orders.Query@","cursor":7,"done":{"1":7}}`))
	f.Add([]byte(`{"time":"2024-06-01T00:00:00+08:00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var cp jushuitan.Checkpoint
		if json.Unmarshal(data, &cp) != nil {
			return
		}
		text, err := json.Marshal(cp)
		if err != nil {
			return // a time beyond the year 9999
		}
		var again jushuitan.Checkpoint
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
	})
}
