// Command gen writes the typed client of package jushuitan from the catalog:
// the Client with its services, one <group>_gen.go for each group, the table of
// operations, and the endpoint table of README.md and README.zh-CN.md. With -qimen it writes package qimen in the same way from
// the catalog of the Qimen methods.
//
//	go generate ./jushuitan ./qimen
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
	var readmes []string
	flag.Func("readme", "file with the endpoint table, in Chinese if its name ends in .zh-CN.md; may be repeated, none by default", func(name string) error {
		readmes = append(readmes, name)
		return nil
	})
	qimenDir := flag.String("qimen", "", "directory of package qimen, to be written in place of jushuitan")
	flag.Parse()
	write := run
	if *qimenDir != "" {
		*dir, write = *qimenDir, runQimen
	}
	if err := write(*dir, readmes); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(dir string, readmes []string) error {
	groups, err := catalog.Load()
	if err != nil {
		return err
	}
	if err := catalog.Check(groups); err != nil {
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
	if err := writeGo(filepath.Join(dir, "operations_gen.go"), api.operationsFile()); err != nil {
		return err
	}
	if err := writeGo(filepath.Join(dir, "client_gen.go"), api.clientFile()); err != nil {
		return err
	}
	fields, err := api.locatorsFile(filepath.Join(dir, pushFile))
	if err != nil {
		return err
	}
	if err := writeGo(filepath.Join(dir, "fields_gen.go"), fields); err != nil {
		return err
	}
	return writeTables(readmes, tableBegin, tableEnd, api.table)
}

func writeGo(name, text string) error {
	src, err := format.Source([]byte(text))
	if err != nil {
		_ = os.WriteFile(name+".broken", []byte(text), 0o600)
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, src, 0o644)
}
