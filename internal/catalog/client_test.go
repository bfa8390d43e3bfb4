package catalog

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const typedClient = "ieu/jst-java" // as the catalog names it among its sources

// exception is a name that differs between the client and the catalog, with a reason.
type exception struct {
	client, ours string // "-" if one has none
	used         bool
}

// TestTypedClient compares the catalog with the one public client that models the members
// of its operations, in both directions: each has the members of the other, except for the
// listed exceptions. Members that only other sources show name those sources.
func TestTypedClient(t *testing.T) {
	exceptions := readExceptions(t)
	byPath := map[string]*Operation{}
	for _, op := range load(t) {
		byPath[op.Path] = op
	}
	paths, names, missing := map[string]bool{}, 0, 0
	for _, words := range lines(t, "testdata/typed_client.txt", strings.Fields) {
		path, side := words[0], words[1]
		op := byPath[path]
		paths[path] = true
		if !assert.NotNil(t, op, "the catalog has no %s", path) {
			missing++
			continue
		}
		key := path + " " + side
		want := map[string]bool{}
		for _, name := range words[2:] {
			want[ourName(name, exceptions[key])] = true
		}
		fields := map[string][]*Field{"request": op.Request, "response": op.Response}[side]
		names += len(want)
		for name := range want {
			if !slices.ContainsFunc(fields, func(f *Field) bool { return f.Name == name }) {
				missing++
				t.Errorf("%s: the catalog has no %s", key, name)
			}
		}
		for _, f := range fields {
			inClient := slices.Contains(op.SourcesOf(f), typedClient)
			if inClient && !want[f.Name] && !excused(f.Name, exceptions[key]) {
				missing++
				t.Errorf("%s: the client has no %s", key, f.Name)
			}
			assert.True(t, inClient || !want[f.Name], "%s %s: its sources lack the client", key, f.Name)
		}
	}
	for key, list := range exceptions {
		for _, e := range list {
			assert.True(t, e.used, "the exception %s %s %s is of no use", key, e.client, e.ours)
		}
	}
	for path, op := range byPath {
		if slices.Contains(op.Sources, typedClient) && !op.Go.Auth {
			assert.True(t, paths[path], "the client has no %s", path)
		}
	}
	t.Logf("%d operations, %d names, %d missing", len(paths), names, missing)
	assert.NotEmpty(t, paths)
}

// ourName returns the catalog's name of a member of the client: an exception also applies
// to the members below it.
func ourName(name string, list []*exception) string {
	for _, e := range list {
		rest, ok := strings.CutPrefix(name, e.client)
		switch {
		case !ok:
		case rest == "" && strings.HasPrefix(e.ours, e.client): // what holds the deeper place
			return name
		case rest == "", rest[0] == '.', strings.HasPrefix(rest, "[]."):
			e.used = true
			if rest == "" { // the list itself, not its elements
				return strings.TrimSuffix(e.ours, "[]")
			}
			return e.ours + rest
		}
	}
	return name
}

func excused(name string, list []*exception) bool {
	for _, e := range list {
		if e.client == "-" && e.ours == name {
			e.used = true
			return true
		}
	}
	return false
}

func readExceptions(t *testing.T) map[string][]*exception {
	t.Helper()
	out := map[string][]*exception{}
	for _, cols := range lines(t, "testdata/typed_client_exceptions.tsv", func(s string) []string { return strings.Split(s, "\t") }) {
		require.Len(t, cols, 5, "%q: want path, side, name in the client, name here, reason", cols)
		require.NotEmpty(t, cols[4], "%q needs a reason", cols)
		key := cols[0] + " " + cols[1]
		out[key] = append(out[key], &exception{client: cols[2], ours: cols[3]})
	}
	return out
}

// lines returns the lines of a file that are not comments.
func lines(t *testing.T, name string, split func(string) []string) (out [][]string) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if line := scan.Text(); !strings.HasPrefix(line, "#") {
			out = append(out, split(line))
		}
	}
	return out
}
