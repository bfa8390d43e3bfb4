//go:build !unix

package callback_test

import "time"

var begun = time.Now()

// cpu is the time that has passed: what a process has computed is not measured here.
func cpu() time.Duration { return time.Since(begun) }
