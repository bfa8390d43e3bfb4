// Package dialecttest runs suites under the dialects of package jushuitantest. In a usual
// run each suite takes some of them, in turn from one commit to the next, and with -short a
// third of those; DIALECTS=all in the environment runs all, and a list of names separated by
// commas those.
package dialecttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// share is how many commits it takes until every dialect had its turn.
const share = 12

// Result is how a suite ended.
type Result int

// The results.
const (
	Right  Result = iota // everything was read and reported as it is
	Failed               // with an error, so that the caller knows
	Wrong                // something was lost, repeated, or reported although it was not so
)

// Suite runs a suite under each dialect whose turn it is. The suite returns what is wrong,
// or the error it ended with: under a dialect that a source shows both must be nil, under a
// guess it may end with an error.
func Suite(t *testing.T, run func(t *testing.T, d jushuitantest.Dialect) (wrong, err error)) {
	t.Helper()
	var mu sync.Mutex
	counts := map[Result]int{}
	dialects := chosen(t)
	t.Run("under", func(t *testing.T) {
		for _, d := range dialects {
			t.Run(d.Name, func(t *testing.T) {
				t.Parallel()
				wrong, err := run(t, d)
				result := Right
				switch {
				case wrong != nil:
					result = Wrong
					t.Errorf("under %s (%s: %s): %v", d.Name, d.Source, d.EN, wrong)
				case err != nil && d.Source != jushuitantest.Guess:
					result = Wrong
					t.Errorf("under %s (%s: %s), which a source shows: %v", d.Name, d.Source, d.EN, err)
				case err != nil:
					result = Failed
					t.Logf("ended with an error: %.300s", err)
				}
				mu.Lock()
				defer mu.Unlock()
				counts[result]++
			})
		}
	})
	t.Logf("%d dialects: %d right, %d ended with an error, %d wrong", len(dialects), counts[Right], counts[Failed], counts[Wrong])
}

// chosen returns the dialects whose turn it is.
func chosen(t *testing.T) []jushuitantest.Dialect {
	t.Helper()
	all := append(jushuitantest.Dialects(), jushuitantest.Guesses()...)
	switch names := os.Getenv("DIALECTS"); names {
	case "all":
		return all
	case "":
	default:
		list, err := jushuitantest.DialectsNamed(strings.Split(names, ",")...)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	turn, of := turn(), share
	if testing.Short() {
		of *= 3
	}
	var list []jushuitantest.Dialect
	for i, d := range all {
		if (i+turn)%of == 0 {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		t.Fatal("no dialect has its turn")
	}
	return list
}

// turn is the number of commits, or DIALECTS_TURN; 0 outside of a repository.
var turn = sync.OnceValue(func() int {
	text := os.Getenv("DIALECTS_TURN")
	if text == "" {
		out, err := exec.Command("git", "rev-list", "--count", "HEAD").Output() //nolint:noctx // ends at once
		if err != nil {
			return 0
		}
		text = string(out)
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return n
})

// Caught runs f and returns its panic as something wrong.
func Caught(f func() error) (wrong, err error) {
	defer func() {
		if p := recover(); p != nil {
			wrong = errors.Join(wrong, fmt.Errorf("panic: %v", p))
		}
	}()
	return nil, f()
}
