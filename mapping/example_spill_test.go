package mapping_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// spill sorts rows by i_id in bounded memory: runs of a few rows are sorted and written to
// files of dir, and then merged.
func spill(rows iter.Seq2[*jushuitan.SKU, error], dir string, run int) (iter.Seq2[*jushuitan.SKU, error], error) {
	byStyle := func(a, b *jushuitan.SKU) int { return cmp.Or(cmp.Compare(a.IID, b.IID), cmp.Compare(a.SKUID, b.SKUID)) }
	var names []string
	var held []*jushuitan.SKU
	write := func() (err error) {
		slices.SortStableFunc(held, byStyle)
		name := filepath.Join(dir, fmt.Sprint("run-", len(names)))
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w := bufio.NewWriter(f)
		for _, row := range held {
			if err := json.NewEncoder(w).Encode(row); err != nil {
				return err
			}
		}
		names, held = append(names, name), held[:0]
		return w.Flush()
	}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if held = append(held, row); len(held) == run {
			if err := write(); err != nil {
				return nil, err
			}
		}
	}
	if err := write(); err != nil {
		return nil, err
	}
	return func(yield func(*jushuitan.SKU, error) bool) {
		var next []*jushuitan.SKU // of each run; nil after its end
		var runs []*json.Decoder
		for _, name := range names {
			f, err := os.Open(name)
			if err != nil {
				yield(nil, err)
				return
			}
			defer f.Close()
			runs, next = append(runs, json.NewDecoder(bufio.NewReader(f))), append(next, nil)
		}
		advance := func(i int) (err error) {
			next[i] = &jushuitan.SKU{}
			if err = runs[i].Decode(next[i]); errors.Is(err, io.EOF) {
				next[i], err = nil, nil
			}
			return err
		}
		for i := range runs {
			if err := advance(i); err != nil {
				yield(nil, err)
				return
			}
		}
		for {
			least := -1
			for i, row := range next {
				if row != nil && (least < 0 || byStyle(row, next[least]) < 0) {
					least = i
				}
			}
			if least < 0 || !yield(next[least], nil) {
				return
			}
			if err := advance(least); err != nil {
				yield(nil, err)
				return
			}
		}
	}, nil
}

// A catalog of a million SKUs is sorted by style in files, and planned with one style in
// memory. rows would be client.SKUs.All(ctx, query).
func ExampleProductMapper_GroupSorted() {
	rows := func(yield func(*jushuitan.SKU, error) bool) {
		for i := range 9 { // three styles, mixed
			if !yield(&jushuitan.SKU{SKUID: fmt.Sprint("SKU-", i), IID: fmt.Sprint("STYLE-", i%3), Name: "短袖", PropertiesValue: fmt.Sprint("白色;", i)}, nil) {
				return
			}
		}
	}
	dir, err := os.MkdirTemp("", "spill")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	sorted, err := spill(rows, dir, 4)
	if err != nil {
		panic(err)
	}
	mapper, err := mapping.NewProductMapper(mapping.ProductConfig{})
	if err != nil {
		panic(err)
	}
	for product, err := range mapper.GroupSorted(sorted) {
		if err != nil {
			panic(err)
		}
		fmt.Println(product.StyleNo, len(product.SKUs), "SKUs")
	}
	// Output:
	// STYLE-0 3 SKUs
	// STYLE-1 3 SKUs
	// STYLE-2 3 SKUs
}
