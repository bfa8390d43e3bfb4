package sqlstate

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// Retention is how long rows are kept that nothing needs any more; 0 means the default.
type Retention struct {
	Commands    time.Duration // done and dropped ones, since then; 30 days
	Tokens      time.Duration // rows of deleted tokens, which remember the last version; 180 days
	Checkpoints time.Duration // since they were last acquired or saved; 180 days
}

const day = 24 * time.Hour

func (r Retention) orDefaults() Retention {
	return Retention{
		Commands:    cmp.Or(r.Commands, 30*day),
		Tokens:      cmp.Or(r.Tokens, 180*day),
		Checkpoints: cmp.Or(r.Checkpoints, 180*day),
	}
}

func (r Retention) negative() bool { return r.Commands < 0 || r.Tokens < 0 || r.Checkpoints < 0 }

// cleanupBatch is how many rows one statement deletes, so that none holds locks for long.
const cleanupBatch = 500

// Cleanup deletes what nothing needs any more (清理过期数据) and returns how many rows that
// were: what is remembered of messages after its time, and the rest after [Config].Retention.
// It deletes no token, and no command that is not done or dropped. Call it once an hour or
// day, from any number of processes.
func (s *State) Cleanup(ctx context.Context) (int, error) {
	total := 0
	for _, c := range []struct {
		table, key, where string
		args              []any
	}{
		{"{seen}", "id", "known <= {now} AND ends <= {now}", nil},
		{"{command}", "id", "state >= 4 AND changed <= {now} - ?", []any{millis(s.cfg.Retention.Commands)}},
		{"{token}", "app, merchant", "content IS NULL AND ends <= {now} AND changed <= {now} - ?", []any{millis(s.cfg.Retention.Tokens)}},
		{"{checkpoint_row}", "app, merchant, stream", "EXISTS (SELECT 1 FROM {checkpoint} c WHERE c.app = {checkpoint_row}.app" +
			" AND c.merchant = {checkpoint_row}.merchant AND c.stream = {checkpoint_row}.stream AND c.ends <= {now} AND c.used <= {now} - ?)",
			[]any{millis(s.cfg.Retention.Checkpoints)}},
		{"{checkpoint}", "app, merchant, stream", "ends <= {now} AND used <= {now} - ?", []any{millis(s.cfg.Retention.Checkpoints)}},
	} {
		for {
			n, read, err := s.sweep(ctx, c.table, c.key, c.where, c.args)
			total += n
			if err != nil {
				return total, fmt.Errorf("sqlstate: cleanup: %w", cause(ctx, err))
			}
			if read < cleanupBatch {
				break
			}
		}
	}
	return total, nil
}

// sweep deletes a batch of rows. The databases do not agree on DELETE with LIMIT: the keys
// are read first, and the condition is checked again.
func (s *State) sweep(ctx context.Context, table, key, where string, args []any) (deleted, read int, err error) {
	rows, err := s.db.QueryContext(ctx, s.q("SELECT "+key+" FROM "+table+" WHERE "+where+fmt.Sprintf(" LIMIT %d", cleanupBatch)), args...)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	columns := strings.Split(key, ", ")
	var keys [][]any
	for rows.Next() {
		k := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range k {
			into[i] = &k[i]
		}
		if err := rows.Scan(into...); err != nil {
			return 0, 0, err
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		return 0, 0, err
	}
	_ = rows.Close()
	that := strings.Join(columns, " = ? AND ") + " = ? AND "
	for _, k := range keys {
		n, err := s.exec(ctx, s.db, "DELETE FROM "+table+" WHERE "+that+where, append(k, args...)...)
		deleted += int(n)
		if err != nil {
			return deleted, len(keys), err
		}
	}
	return deleted, len(keys), nil
}
