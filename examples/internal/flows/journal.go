package flows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/examples/internal/file"
)

// Journal is a callback.Journal in a file, one line of JSON for each receipt, for one
// process. It also keeps the receipts in memory: a host with many receipts uses a table
// instead.
type Journal struct {
	*callback.MemoryJournal

	mu   sync.Mutex
	file *os.File
}

// journalHead is the first line: the time since which pushes are recorded.
type journalHead struct {
	Since time.Time `json:"since"`
}

// OpenJournal opens the journal in a file, or starts one at the time now, truncated to a
// whole second since the ERP's times have no fractions. A line that a crash cut short is
// dropped: reconcile finds its push, and the dedupe store remembers it.
func OpenJournal(path string, now time.Time) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: f}
	if err := j.load(now); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), f.Close())
	}
	return j, nil
}

func (j *Journal) load(now time.Time) error {
	lines, whole, err := file.Lines(j.file)
	if err != nil {
		return err
	}
	for n, line := range lines {
		if n == 0 {
			var head journalHead
			if err := json.Unmarshal(line, &head); err != nil || head.Since.IsZero() {
				return errors.New("the first line does not state since when the journal is kept")
			}
			j.MemoryJournal = callback.NewMemoryJournal(0, head.Since)
			continue
		}
		var r callback.JournalEntry
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
		if err := j.MemoryJournal.Record(context.Background(), r); err != nil {
			return err
		}
	}
	if err := j.file.Truncate(whole); err != nil || j.MemoryJournal != nil {
		return err
	}
	now = now.Truncate(time.Second)
	j.MemoryJournal = callback.NewMemoryJournal(0, now)
	return j.write(journalHead{now})
}

func (j *Journal) write(values ...any) error {
	var lines bytes.Buffer
	for _, v := range values {
		if err := json.NewEncoder(&lines).Encode(v); err != nil {
			return err
		}
	}
	return file.Append(j.file, lines.Bytes())
}

// Record implements callback.Journal. The receipts are on the disk when it returns.
func (j *Journal) Record(ctx context.Context, receipts ...callback.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	values := make([]any, len(receipts))
	for i := range receipts {
		values[i] = receipts[i]
	}
	if err := j.write(values...); err != nil {
		return err
	}
	return j.MemoryJournal.Record(ctx, receipts...)
}

// Close closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}
