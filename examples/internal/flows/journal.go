package flows

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
)

// Journal is a callback.Journal in a file, a line of JSON for each receipt, for one
// process. It keeps the receipts in memory too: a host with many has a table instead.
type Journal struct {
	*callback.MemoryJournal

	mu   sync.Mutex
	file *os.File
}

// journalHead is the first line: since when pushes are noted.
type journalHead struct {
	Since time.Time `json:"since"`
}

// OpenJournal opens the journal in a file, or begins one at the time now, cut to a whole
// second since the ERP's times have no fractions. A line that a crash cut short is
// dropped: reconcile finds its push, and the dedupe store knows it.
func OpenJournal(path string, now time.Time) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: file}
	if err := j.load(now); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *Journal) load(now time.Time) error {
	in := bufio.NewReader(j.file)
	whole := int64(0) // bytes of lines that are complete
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if n == 1 {
			var head journalHead
			if err := json.Unmarshal(line, &head); err != nil || head.Since.IsZero() {
				return errors.New("the first line does not say since when it is kept")
			}
			j.MemoryJournal = callback.NewMemoryJournal(0, head.Since)
		} else {
			var r callback.Receipt
			if err := json.Unmarshal(line, &r); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if err := j.MemoryJournal.Note(context.Background(), r); err != nil {
				return err
			}
		}
		whole += int64(len(line))
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	if j.MemoryJournal != nil {
		return nil
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
	if _, err := j.file.Write(lines.Bytes()); err != nil {
		return err
	}
	return j.file.Sync()
}

// Note is callback.Journal's: the receipts are on the disk when it returns.
func (j *Journal) Note(ctx context.Context, receipts ...callback.Receipt) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	values := make([]any, len(receipts))
	for i := range receipts {
		values[i] = receipts[i]
	}
	if err := j.write(values...); err != nil {
		return err
	}
	return j.MemoryJournal.Note(ctx, receipts...)
}

// Close closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}
