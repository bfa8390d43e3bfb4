// Command gen writes the typed client of package jushuitan from the catalog:
// one <group>_gen.go for each group and the table of operations.
//
//	go generate ./jushuitan
package main

import (
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"

	"github.com/dianjia/jushuitan-go/internal/catalog"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", ".", "directory of package jushuitan")
	flag.Parse()
	if err := run(*dir); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(dir string) error {
	groups, err := catalog.Load()
	if err != nil {
		return err
	}
	api, err := build(groups)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := writeGo(filepath.Join(dir, g.Group+"_gen.go"), api.groupFile(g)); err != nil {
			return err
		}
	}
	return writeGo(filepath.Join(dir, "operations_gen.go"), api.operationsFile())
}

func writeGo(name, text string) error {
	src, err := format.Source([]byte(text))
	if err != nil {
		_ = os.WriteFile(name+".broken", []byte(text), 0o600)
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, src, 0o644)
}
