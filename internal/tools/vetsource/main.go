// The command vetsource is go vet for another system: with GOOS and GOARCH set it reads
// packages, their tests and all that they import from source, where go vet would first
// compile everything for that system.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"
	"golang.org/x/tools/go/analysis/suite/vet"
)

func main() { multichecker.Main(vet.Suite...) }
