package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/dianjia/jushuitan-go/examples/internal/file"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// state is the content of the checkpoint file. A host with a database keeps it there, and
// writes it in the transaction that stores the orders.
type state struct {
	Shop       int64                `json:"shop,omitempty"`
	Begin      time.Time            `json:"begin"`
	Until      time.Time            `json:"until"` // stays the same when it is resumed on another day
	Done       bool                 `json:"done,omitempty"`
	Checkpoint jushuitan.Checkpoint `json:"checkpoint"`
}

// readState returns the content of the file, or fresh if there is none.
func readState(name string, fresh state) (s state, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s is not a checkpoint file / 不是断点文件: %w", name, err)
	}
	if s.Shop != fresh.Shop {
		return s, fmt.Errorf("%s is the checkpoint of shop %d, not of %d; use another file / 断点文件属于另一店铺", name, s.Shop, fresh.Shop)
	}
	return s, nil
}

func (s state) write(name string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return file.Replace(name, text)
}
