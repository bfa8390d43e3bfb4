package qimen_test

import (
	"bufio"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	catalog "github.com/dianjia/jushuitan-go/internal/catalog/qimen"
	"github.com/dianjia/jushuitan-go/qimen"
)

// TestReference holds the package against a list of every method and member that
// public material shows: each method is in the table, each member of a typed
// method is on its Go types under the same name, of the envelope, or sent by the
// client itself.
func TestReference(t *testing.T) {
	f, err := os.Open("testdata/reference.txt")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	listed, typed, members, found := map[string]bool{}, map[string]bool{}, 0, 0
	families, err := catalog.Load()
	require.NoError(t, err)
	inCatalog := 0
	for _, f := range families {
		inCatalog += len(f.Methods)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if words[0] == "#" {
			continue
		}
		name, side, names := words[0], words[1], words[2:]
		listed[name] = true
		m, ok := qimen.LookupMethod(name)
		if !assert.True(t, ok, "%s is not in the table", name) {
			continue
		}
		value := m.NewRequest()
		if side == "response" {
			value = m.NewResponse()
		}
		if value == nil {
			continue // called by name; or rows of package jushuitan
		}
		typed[name] = true
		for _, member := range names {
			path := strings.TrimPrefix(strings.TrimPrefix(member, side+"."), side)
			if sentByClient(m, path) || side == "response" && envelope(path) {
				continue
			}
			members++
			if assert.True(t, hasMember(reflect.TypeOf(value), strings.Split(path, ".")), "%s %s: %s is on no Go type", name, side, member) {
				found++
			}
		}
	}
	t.Logf("methods %d/%d, typed %d, members %d/%d", len(listed), len(qimen.Methods()), len(typed), found, members)
	assert.Len(t, qimen.Methods(), inCatalog)
	for _, m := range qimen.Methods() {
		if listed[m.Name] && m.NewRequest() != nil {
			assert.True(t, typed[m.Name], "%s: no line of the reference was compared with its types", m.Name)
		}
	}
	assert.Greater(t, members, 1400)
	assert.Equal(t, members, found)
}

// sentByClient is what the client adds to every call of a family.
func sentByClient(m *qimen.Method, path string) bool {
	switch path {
	case "customer_id", "customerid", "partnerid", "token", "ts", "jstsign":
		return m.Family == qimen.FamilyScene || m.Family == qimen.FamilyPOS
	}
	return path == "" // the wrapper itself
}

// envelope members are read by the call.
func envelope(path string) bool {
	switch path {
	case "", "flag", "code", "message", "qimen_code":
		return true
	}
	return false
}

// hasMember finds a path of wire names below a type: a list where the path says
// so, and the same name in the JSON and in the XML tag.
func hasMember(t reflect.Type, path []string) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	name, list := strings.CutSuffix(path[0], "[]")
	for i := range t.NumField() {
		f := t.Field(i)
		jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		xmlName, _, _ := strings.Cut(f.Tag.Get("xml"), ">")
		if jsonName != name || xmlName != name {
			continue
		}
		if list && f.Type.Kind() != reflect.Slice {
			return false
		}
		return len(path) == 1 || hasMember(f.Type, path[1:])
	}
	return false
}
