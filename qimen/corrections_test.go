package qimen_test

import (
	"bufio"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/qimen"
)

// TestCorrections: every path that two independent SDKs describe is on the types: a list in
// the catalog where the description has one, or where it has the element around its entries.
func TestCorrections(t *testing.T) {
	file, err := os.Open("testdata/corrections.txt")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	paths, found, methods := 0, 0, map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if words[0] == "#" {
			continue
		}
		m, ok := qimen.LookupMethod(words[0])
		if !assert.True(t, ok, "%s is not in the table", words[0]) {
			continue
		}
		methods[m.Name] = true
		value := m.NewRequest()
		if words[1] == "response" {
			value = m.NewResponse()
		}
		for _, path := range words[2:] {
			if sentByClient(m, path) || words[1] == "response" && envelope(strings.TrimPrefix(path, "response.")) {
				continue
			}
			paths++
			if assert.NotNil(t, value, "%s has no type", words[0]) && assert.True(t, described(reflect.TypeOf(value), "", strings.Split(path, ".")),
				"%s %s: %s is on no Go type", words[0], words[1], path) {
				found++
			}
		}
	}
	require.NoError(t, lines.Err())
	t.Logf("methods %d, described paths %d/%d", len(methods), found, paths)
	assert.Greater(t, paths, 2500)
	assert.Equal(t, paths, found)
}

// described reports whether a type has a path of wire names. child is the name of the entries
// of the list that the type is the element of.
func described(t reflect.Type, child string, path []string) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name := strings.TrimSuffix(path[0], "[]")
	if name == child || name == "response" {
		if len(path) == 1 || described(t, "", path[1:]) {
			return true
		}
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		xmlName, inner, _ := strings.Cut(f.Tag.Get("xml"), ">")
		if jsonName == name && xmlName == name {
			return len(path) == 1 || described(f.Type, inner, path[1:])
		}
	}
	return false
}
