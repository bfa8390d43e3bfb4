// Command release rehearses a release: it tags the modules that users import into a proxy in
// a directory, as CONTRIBUTING.md says, and builds and runs a program that uses them from an
// empty module, without a replace line.
//
//	go run -C internal/tools/release . ../../..
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const (
	root    = "github.com/dianjia/jushuitan-go"
	version = "v0.1.0"
)

// published are the modules that a release tags, by their directory.
var published = []string{".", "jushuitan/redisstate", "jushuitan/sqlstate"}

// user is a program that imports each module.
const user = `package main

import (
	"context"
	"fmt"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
	"github.com/dianjia/jushuitan-go/jushuitan/sqlstate"
)

func main() {
	srv := jushuitantest.NewServer()
	defer srv.Close()
	if err := srv.AddShop(jushuitan.Shop{ShopID: 1, ShopName: "shop"}); err != nil {
		panic(err)
	}
	client, err := srv.Client()
	if err != nil {
		panic(err)
	}
	page, err := client.Shops.Query(context.Background(), &jushuitan.ShopQuery{})
	if err != nil {
		panic(err)
	}
	_, err = redisstate.New(nil, redisstate.Config{})
	fmt.Println("shops:", len(page.Shops), "redisstate:", err != nil, "sqlstate:", sqlstate.SQLite)
}
`

func main() {
	begin := time.Now()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: release ROOT")
		os.Exit(2)
	}
	if err := rehearse(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Printf("%d modules of %s, used from an empty module, in %v\n", len(published), version, time.Since(begin).Round(time.Second))
}

func rehearse(tree string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	env := append(os.Environ(), strings.TrimSpace("GOFLAGS=-modcacherw -trimpath "+os.Getenv("GOFLAGS")), "GOWORK=off", "GONOSUMDB="+root+",example.com", "GOMODCACHE="+filepath.Join(dir, "cache"))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// What this machine has already is taken from there.
	known, err := run(tree, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return err
	}
	cache, proxy, _ := strings.Cut(strings.TrimSpace(known), "\n")
	local := filepath.Join(dir, "proxy")
	env = append(env, "GOPROXY=file://"+local+",file://"+filepath.Join(cache, "cache", "download")+","+proxy)
	for _, sub := range published {
		if err := tag(tree, sub, filepath.Join(dir, "src"), local); err != nil {
			return fmt.Errorf("tag %s: %w", sub, err)
		}
	}
	return use(filepath.Join(dir, "user"), env, out)
}

// tag writes a module to the proxy, with the files that git knows or would.
func tag(tree, sub, tmp, proxy string) error {
	path := root
	if sub != "." {
		path += "/" + sub
	}
	src := filepath.Join(tmp, strings.ReplaceAll(path, "/", "_"))
	list, err := run(filepath.Join(tree, sub), nil, "git", "ls-files", "-c", "-o", "--exclude-standard", ".")
	if err != nil {
		return err
	}
	for name := range strings.Lines(list) {
		name = strings.TrimSuffix(name, "\n")
		text, err := os.ReadFile(filepath.Join(tree, sub, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not committed yet
		}
		if err != nil {
			return err
		}
		if err := write(filepath.Join(src, name), text); err != nil {
			return err
		}
	}
	if sub != "." { // step 3 of a release
		if _, err := run(src, nil, "go", "mod", "edit", "-require="+root+"@"+version); err != nil {
			return err
		}
	}
	v := module.Version{Path: path, Version: version}
	at := filepath.Join(proxy, filepath.FromSlash(path), "@v", version)
	var archive bytes.Buffer
	if err := zip.CreateFromDir(&archive, v, src); err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(src, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC()})
	if err != nil {
		return err
	}
	return errors.Join(write(at+".zip", archive.Bytes()), write(at+".mod", mod), write(at+".info", info),
		write(filepath.Join(filepath.Dir(at), "list"), []byte(version+"\n")))
}

// use builds and runs a program that imports the modules.
func use(dir string, env []string, out io.Writer) error {
	if err := write(filepath.Join(dir, "main.go"), []byte(user)); err != nil {
		return err
	}
	if _, err := run(dir, env, "go", "mod", "init", "example.com/user"); err != nil {
		return err
	}
	get := []string{"get"}
	for _, sub := range published {
		get = append(get, strings.TrimSuffix(root+"/"+sub, "/.")+"@"+version)
	}
	for _, args := range [][]string{get, {"mod", "tidy"}, {"build", "-o", "program", "."}} {
		if _, err := run(dir, env, "go", args...); err != nil {
			return err
		}
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if n := strings.Count(string(mod), " "+version+"\n"); n != len(published) || strings.Contains(string(mod), "replace") {
		return fmt.Errorf("the user's go.mod requires %d of the %d modules:\n%s", n, len(published), mod)
	}
	got, err := run(dir, env, filepath.Join(dir, "program"))
	if err != nil {
		return err
	}
	if want := "shops: 1 redisstate: true sqlstate: "; !strings.HasPrefix(got, want) {
		return fmt.Errorf("the user's program prints %q", got)
	}
	_, err = fmt.Fprintf(out, "%s%s", mod, got)
	return err
}

func write(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// run runs a command and returns what it printed.
func run(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, complaints.String())
	}
	return out.String(), nil
}
