package main

// switchText is added to each changed package: which change is on, and, when asked, which
// changes the program comes by.
const switchText = `package PACKAGE

import (
	"cmp"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

var (
	mutateActive, _ = strconv.Atoi(os.Getenv("MUTATE_ON"))
	mutateRecord    = os.Getenv("MUTATE_RECORD")
	mutateCame      [COUNT + 1]atomic.Bool
	mutateFile      sync.Mutex
)

func mutateOn(n int) int {
	if mutateActive == n {
		return 1
	}
	if mutateRecord != "" && !mutateCame[n].Load() {
		mutateNote(n)
	}
	return 0
}

func mutateNote(n int) {
	mutateFile.Lock()
	defer mutateFile.Unlock()
	if mutateCame[n].Swap(true) {
		return
	}
	f, err := os.OpenFile(mutateRecord, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.WriteString(strconv.Itoa(n) + "\n"); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}

type mutateNumeric interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
}

func mutateLess[T cmp.Ordered](n int, a, b T) bool {
	return a < b || a == b && mutateOn(n) == 1
}

func mutateAtMost[T cmp.Ordered](n int, a, b T) bool {
	return a < b || a == b && mutateOn(n) == 0
}

func mutateMore[T cmp.Ordered](n int, a, b T) bool {
	return a > b || a == b && mutateOn(n) == 1
}

func mutateAtLeast[T cmp.Ordered](n int, a, b T) bool {
	return a > b || a == b && mutateOn(n) == 0
}

func mutateAdd[T mutateNumeric](n int, a, b T) T {
	if mutateOn(n) == 1 {
		return a - b
	}
	return a + b
}

func mutateSub[T mutateNumeric](n int, a, b T) T {
	if mutateOn(n) == 1 {
		return a + b
	}
	return a - b
}

func mutateMul[T mutateNumeric](n int, a, b T) T {
	if mutateOn(n) == 1 {
		return a / b
	}
	return a * b
}

func mutateQuo[T mutateNumeric](n int, a, b T) T {
	if mutateOn(n) == 1 {
		return a * b
	}
	return a / b
}

func mutateNumber[T mutateNumeric](n int, a T) T { return a + T(mutateOn(n)) }

// What nothing is equal to.

func mutateNeverText[T ~string](n int, a T) T {
	if mutateOn(n) == 1 {
		return a + "\x00never"
	}
	return a
}

func mutateNeverNumber[T mutateNumeric](n int, a T) T { return a + 113*T(mutateOn(n)) }

func mutateForget(n int, err error) error {
	if mutateOn(n) == 1 {
		return nil
	}
	return err
}
`
