package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// record is what is kept of an order: no personal data of the buyer.
type record struct {
	OID      int64           `json:"o_id"` // 内部单号
	SoID     string          `json:"so_id"`
	ShopID   int64           `json:"shop_id"`
	Status   string          `json:"status"`
	Amount   decimal.Decimal `json:"pay_amount"`
	Modified time.Time       `json:"modified"`
}

// sink keeps orders in a file, each version once, however often it is received. In a
// database it is a table with the key o_id, and an upsert if modified is newer.
type sink struct {
	f       *os.File
	w       *bufio.Writer
	orders  map[int64]time.Time // the version that is kept
	repeats int64
}

func openSink(name string) (*sink, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &sink{f: f, w: bufio.NewWriter(f), orders: map[int64]time.Time{}}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return s, nil
}

// load reads what earlier runs wrote. A crash may have cut the last line: no checkpoint
// covers its order yet, so that it is read again.
func (s *sink) load() error {
	text, err := os.ReadFile(s.f.Name())
	if err != nil {
		return err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	n := 0
	for line := range bytes.Lines(whole) {
		n++
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("line %d is not an order / 第 %[1]d 行不是订单: %w", n, err)
		}
		s.orders[r.OID] = r.Modified
	}
	return s.f.Truncate(int64(len(whole)))
}

// put stores an order unless this version or a newer one is already stored.
func (s *sink) put(o *jushuitan.Order) error {
	if kept, ok := s.orders[o.OID]; ok && !o.Modified.After(kept) {
		s.repeats++
		return nil
	}
	line, err := json.Marshal(record{OID: o.OID, SoID: o.SoID, ShopID: o.ShopID, Status: o.Status, Amount: o.PayAmount, Modified: o.Modified})
	if err != nil {
		return err
	}
	s.orders[o.OID] = o.Modified
	_, err = s.w.Write(append(line, '\n'))
	return err
}

// flush writes everything to disk.
func (s *sink) flush() error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	return s.f.Sync()
}

func (s *sink) close() error { return errors.Join(s.w.Flush(), s.f.Close()) }
