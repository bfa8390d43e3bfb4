package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

// sink stands for the host's database (示例落库): it keeps the numbers and versions of rows,
// which shows what arrived. A real one stores the rows in a table by their number, if the
// version is newer, in one transaction with a check of the fencing token.
type sink struct {
	rdb    redis.UniversalClient
	prefix string
}

// row is what is kept of a row: no personal data.
type row struct {
	id      string
	version int64
}

// merchantKey is the prefix of a merchant's keys: in a cluster all of them are on one node.
func merchantKey(prefix, merchant string) string {
	return prefix + ":cluster:{" + url.QueryEscape(merchant) + "}:"
}

//go:embed sink.lua
var sinkLua string

var sinkScript = redis.NewScript(sinkLua)

func (s *sink) keys(merchant, stream string) []string {
	name := merchantKey(s.prefix, merchant)
	return []string{name + stream + ":rows", name + stream + ":numbers", name + "metrics"}
}

// put stores rows that are new or newer. It refuses those of a worker whose lease was taken
// over.
func (s *sink) put(ctx context.Context, merchant, stream string, fence int64, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	args := make([]any, 0, 1+2*len(rows))
	args = append(args, fence)
	for _, r := range rows {
		args = append(args, r.id, r.version)
	}
	fresh, err := sinkScript.Run(ctx, s.rdb, s.keys(merchant, stream), args...).Int()
	if err == nil && fresh < 0 {
		err = redisstate.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("sink: %s of merchant %q: %w", stream, merchant, err)
	}
	return nil
}

// rows returns everything that was stored, and how often something was stored.
func (s *sink) rows(ctx context.Context, merchant, stream string) (rows map[string]int64, stored int64, err error) {
	keys := s.keys(merchant, stream)
	all, err := s.rdb.HGetAll(ctx, keys[0]).Result()
	if err != nil {
		return nil, 0, err
	}
	rows = make(map[string]int64, len(all))
	for id, text := range all {
		if rows[id], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, 0, fmt.Errorf("sink: %s %s of merchant %q: %w", stream, id, merchant, err)
		}
	}
	stored, err = s.rdb.HGet(ctx, keys[1], "stored").Int64()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return rows, stored, err
}
