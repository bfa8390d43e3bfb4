package pages_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// TestInParts: a range with many rows is read in parts, each row once. A server whose counts
// ignore the range, or whose rows have one second, costs a few requests more and not one for
// each second.
func TestInParts(t *testing.T) {
	const rows, part = 20_000, 1_000
	begin := epoch.AddDate(0, 0, -7)
	for _, tt := range []struct {
		name  string
		begin time.Time // of the rows, which end at epoch
		count int64     // what the server counts; 0: what there is

		longest int // the most pages of a range that were read
		spent   int // requests in all, of which a row each takes at least 200
	}{
		{name: "rows of a week", begin: begin, longest: 11, spent: 280},
		{name: "rows of its last minutes", begin: epoch.Add(-10 * time.Minute), longest: 11, spent: 320},
		{name: "rows of a second", begin: epoch.Add(-time.Second), longest: 200, spent: 300},
		{name: "counts of all times", begin: begin, count: rows, longest: 200, spent: 450},
		{name: "no counts", begin: begin, count: -1, longest: 202, spent: 450},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := archive(tt.begin, rows)
			fetch, spent, longest := p.Fetch, 0, 0
			p.Fetch = func(ctx context.Context, req any) (any, pages.Heard, error) {
				out, heard, err := fetch(ctx, req)
				spent, longest = spent+1, max(longest, int(req.(*request).Index))
				info := &out.(*reply).info
				switch {
				case tt.count > 0:
					info.Total, info.Pages = tt.count, 0
				case tt.count < 0:
					info.Total, info.Pages = 0, 0
				}
				return out, heard, err
			}
			met := map[string]bool{}
			for r, err := range p.All(pages.InParts(t.Context(), part), &request{Begin: begin, End: epoch}) {
				require.NoError(t, err)
				require.False(t, met[r.Key], "row %s twice", r.Key)
				met[r.Key] = true
			}
			assert.Len(t, met, rows)
			assert.LessOrEqual(t, longest, tt.longest, "pages of a range")
			assert.LessOrEqual(t, spent, tt.spent, "requests")
		})
	}
}
