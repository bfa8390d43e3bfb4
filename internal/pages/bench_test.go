package pages_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

// BenchmarkCheckpoint reads rows and stores a checkpoint for each, by time and by row
// version: the cost of a row must not grow with their number. Keys and versions have the same
// number of digits whatever the number of rows. delta is for a host with a
// table, whole encodes the complete checkpoint. The rows are of two days, so that the ranges
// must become shorter, or of a day for each 1,000 rows, so that there are more of them. With
// -short the most rows are left out.
func BenchmarkCheckpoint(b *testing.B) {
	sizes := []int{1_000, 10_000, 100_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, kind := range []string{"whole", "delta"} {
		for _, by := range []string{"time", "longer time", "version"} {
			for _, n := range sizes {
				begin := epoch.AddDate(0, 0, -2)
				if by == "longer time" {
					begin = epoch.AddDate(0, 0, -n/1000)
				}
				b.Run(fmt.Sprintf("%s/%s/%d", kind, by, n), func(b *testing.B) {
					p := archive(begin, n)
					req := &request{}
					if by != "version" {
						req.Begin, req.End = begin, epoch
					}
					bytes, rows := 0, 0
					for b.Loop() {
						s := p.Stream(req, pages.Checkpoint{})
						for _, err := range s.Rows(b.Context()) {
							if err != nil {
								b.Fatal(err)
							}
							s.Commit()
							var at any = s.Delta()
							if kind == "whole" {
								at = s.Checkpoint()
							}
							text, err := json.Marshal(at)
							if err != nil {
								b.Fatal(err)
							}
							bytes += len(text)
							rows++
						}
					}
					if rows != n*b.N {
						b.Fatalf("%d rows, not %d", rows, n*b.N)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
					b.ReportMetric(float64(bytes)/float64(rows), "bytes/row")
				})
			}
		}
	}
}

const firstVersion = 1_000_000_000

// archive is a server with n rows since begin; its pages are parts of a slice.
func archive(begin time.Time, n int) *pages.Pages[request, reply, row] {
	gap := epoch.Sub(begin) / time.Duration(n)
	return &pages.Pages[request, reply, row]{
		Query: pages.Query[request, reply, row]{
			PageSize: 100, WindowMax: 7 * 24 * time.Hour,
			Page:     func(q *request) (index, size *int64) { return &q.Index, &q.Size },
			Rows:     func(r *reply) []row { return r.rows },
			Info:     func(r *reply) pages.Info { return r.info },
			Window:   func(q *request) (begin, end *time.Time) { return &q.Begin, &q.End },
			Key:      func(r *row) string { return r.Key },
			Modified: func(r *row) time.Time { return r.Modified },
			Cursor:   func(q *request) *int64 { return &q.Cursor },
			Version:  func(r *row) int64 { return r.Version },
		},
		Service: pages.Service{
			Name: "Model.Query@1", Now: func() time.Time { return epoch.AddDate(0, 0, 1) }, Prefetch: 1,
			Fail: func(_ pages.Reason, cause error) error { return cause },
			Fetch: func(_ context.Context, asked any) (any, pages.Heard, error) {
				q := asked.(*request)
				low, high := max(q.Cursor-firstVersion, 0), int64(n)
				if !q.Begin.IsZero() {
					low = max(int64((q.Begin.Sub(begin)+gap-1)/gap), 0)
					high = min(int64(q.End.Sub(begin)/gap)+1, high)
				}
				total := max(high-low, 0)
				from := min((q.Index-1)*q.Size, total)
				to := min(from+q.Size, total)
				out := &reply{info: pages.Info{KnowsNext: true, HasNext: to < total, Total: total, Pages: (total + q.Size - 1) / q.Size}}
				for i := low + from; i < low+to; i++ {
					out.rows = append(out.rows, row{fmt.Sprintf("k%09d", i), firstVersion + i, begin.Add(time.Duration(i) * gap), i})
				}
				return out, pages.Heard{}, nil
			},
		},
	}
}
