// Command outbox is a host whose orders reach the ERP (发件箱): each order is committed together
// with the command that uploads it, workers process the commands, and nothing is lost if the
// process dies in between.
//
//	go run -C examples/outbox .                                    a fake Jushuitan and SQLite in a temporary directory: one command, no server
//	go run -C examples/outbox . -database outbox.db                keeps the database: stop the program and start it again
//	go run -C examples/outbox . -database postgres://user@host/db  the same on PostgreSQL
//
// Package sqlstate has the commands and their guarantees. The engine, riverqueue/river, wakes
// the workers, spreads them over processes, retries and shows jobs; it decides nothing about a
// command.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/cli"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

//go:embed main.go
var source string

func main() { command().Main() }

type settings struct {
	database  string
	orders    int
	merchants string
	workers   int
	lost      int
	every     time.Duration
}

func command() cli.Command {
	s := &settings{}
	return cli.Command{Name: "outbox", Source: source, Flags: s.flags, Run: s.run}
}

func (s *settings) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.database, "database", "", "file of SQLite, or postgres://...; by default a temporary file")
	fs.IntVar(&s.orders, "orders", 60, "orders that the host commits")
	fs.StringVar(&s.merchants, "merchants", "10010,10086,10000", "comma-separated merchants 商家")
	fs.IntVar(&s.workers, "workers", 4, "concurrent workers of this process")
	fs.IntVar(&s.lost, "lost", 5, "answers of the fake Jushuitan that are lost")
	fs.DurationVar(&s.every, "every", time.Second, "time between metrics")
}

func (s *settings) run(ctx context.Context, out io.Writer) error {
	if s.database == "" {
		dir, err := os.MkdirTemp("", "outbox")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		s.database = filepath.Join(dir, "outbox.db")
	}
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := prepare(srv, s.lost); err != nil {
		return err
	}
	waits := &quotaWaits{}
	client, err := srv.Client(jushuitan.WithHook(jushuitan.Hook{After: waits.after}))
	if err != nil {
		return err
	}
	return s.work(ctx, out, srv, client, waits)
}

// prepare sets up the fake Jushuitan: a shop, a SKU, and answers that are lost.
func prepare(srv *jushuitantest.Server, lost int) error {
	err := errors.Join(
		srv.AddShop(jushuitan.Shop{ShopID: shopID, ShopName: "商城", ShopSite: "商家自有商城"}),
		srv.AddSKU(jushuitan.SKU{SKUID: "TS-BLK-M", Name: "短袖"}),
	)
	if lost > 0 {
		srv.Inject(jushuitantest.Fault{Kind: jushuitantest.LostAnswer, Path: uploadPath, Skip: 3, Times: lost})
	}
	return err
}

// work commits orders while workers drain them, until all have arrived or ctx ends.
func (s *settings) work(ctx context.Context, out io.Writer, srv *jushuitantest.Server, client *jushuitan.Client, waits *quotaWaits) (err error) {
	h, err := openHost(ctx, s.database, client, s.workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.river.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	m := &metrics{commands: h.commands, waits: waits, out: out}
	merchants := strings.Split(s.merchants, ",")
	for n := range s.orders {
		if ctx.Err() != nil {
			break
		}
		if err := h.take(ctx, merchants[n%len(merchants)], n); err != nil && ctx.Err() == nil {
			return err
		}
	}
	left, err := m.until(ctx, s.every)
	if err != nil {
		return err
	}
	if err := h.stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	n, err := h.orders(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if left == 0 {
		fmt.Fprintf(out, "%d orders are committed, and all of them are in the ERP, which has %d\n", n, len(srv.Orders()))
		return nil
	}
	fmt.Fprintf(out, "stopped: %d orders are committed, %d commands are unfinished\n", n, left)
	return nil
}
