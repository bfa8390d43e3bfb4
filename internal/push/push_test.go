package push_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/push"
)

// message has members by name, and lines.
type message struct {
	whole map[string]string
	lines []map[string]string
	extra map[string]json.RawMessage
}

func (m message) Unknown(line int) map[string]json.RawMessage {
	if line == push.Whole {
		return m.extra
	}
	return nil
}

func (m message) Lines() int { return len(m.lines) }

func (m message) AppendMember(b []byte, line int, name string) []byte {
	if line == push.Whole {
		return append(b, m.whole[name]...)
	}
	return append(b, m.lines[line][name]...)
}

func kind(t *testing.T, method string) *push.Kind {
	t.Helper()
	k, ok := push.Of(method)
	require.True(t, ok, method)
	return k
}

// TestKinds: every row is complete, and no two are taken for each other.
func TestKinds(t *testing.T) {
	kinds := push.Kinds()
	seen := map[string]string{}
	for _, k := range kinds {
		assert.Regexp(t, regexp.MustCompile(`^[a-z]+\.[a-z]+$`), k.Method)
		assert.Regexp(t, regexp.MustCompile(`^[a-z_]+_callback$`), k.Path)
		assert.Regexp(t, regexp.MustCompile(`^\p{Han}+$`), k.Label)
		assert.Regexp(t, regexp.MustCompile(`^[a-z ]+$`), k.Name)
		for _, name := range []string{k.Method, k.Path, k.Label, k.Name} {
			assert.NotContains(t, seen, name, "of %s too", seen[name])
			seen[name] = k.Method
		}
		assert.Equal(t, k, *kind(t, k.Method))

		keyed := len(k.Record) > 0
		assert.True(t, keyed || k.Harmless, "%s: without a record it runs again, which must be harmless", k.Method)
		assert.False(t, !keyed && (k.RecordLines || k.Short), "%s: without a record", k.Method)
		assert.True(t, !k.Short || k.Harmless, "%s: what is soon forgotten must be harmless", k.Method)
		for _, part := range slices.Concat(k.Record, k.Document) {
			assert.NotEmpty(t, part, k.Method)
		}
		assert.Equal(t, k.Action == "", k.Received == k.Revoked, k.Method)
	}
	kinds[0].Method = "changed"
	assert.Equal(t, push.Shipment, push.Kinds()[0].Method, "the table is the caller's to change")
	for _, method := range []string{"", "logistics", "LOGISTICS.UPLOAD", "changed"} {
		_, ok := push.Of(method)
		assert.False(t, ok, "%q is a kind", method)
	}
}

// TestLinesInAnyOrder: the order of the lines is no part of an identity, a line more or
// another quantity is.
func TestLinesInAnyOrder(t *testing.T) {
	k := kind(t, push.Shipment)
	for what, of := range map[string]func([]byte, push.Message) []byte{"record": k.AppendRecord, "state": k.AppendState} {
		text := func(lines ...string) string {
			m := message{whole: map[string]string{"o_id": "7", "l_id": "YT1"}}
			for _, sku := range lines {
				m.lines = append(m.lines, map[string]string{"sku_id": sku, "qty": fmt.Sprint(len(sku))})
			}
			return string(of(nil, m))
		}
		assert.Equal(t, text("A", "BB", "A"), text("A", "A", "BB"), what)
		assert.Equal(t, text("A", "BB", "CCC"), text("CCC", "A", "BB"), what)
		for _, other := range [][]string{{"A"}, {"A", "B"}, {"A", "BB", "BB"}, {"A", "BB", ""}, nil} {
			assert.NotEqual(t, text("A", "BB"), text(other...), "%s: %q", what, other)
		}
	}
}

// TestUnknownMembers: what the type does not know is part of the state, in one form for all
// orders of its members, and with its numbers as they are written.
func TestUnknownMembers(t *testing.T) {
	state := func(extra ...string) string {
		m := message{extra: map[string]json.RawMessage{}}
		for i := 0; i < len(extra); i += 2 {
			m.extra[extra[i]] = json.RawMessage(extra[i+1])
		}
		return string(kind(t, push.Cancel).AppendState(nil, m))
	}
	assert.Equal(t, state("a", `{"x":1,"y":"\u0041"}`, "b", "2"), state("b", "2", "a", `{ "y" : "A", "x":1 }`))
	for _, other := range [][]string{
		nil, {"a", "9007199254740992"}, {"a", "9007199254740993.0"}, {"a", `"9007199254740993"`}, {"b", "9007199254740993"},
		{"a", "9007199254740993", "b", "null"}, {"a", "{"},
	} {
		assert.NotEqual(t, state("a", "9007199254740993"), state(other...), "%q", other)
	}
}

// TestParts: no two lists of parts are alike.
func TestParts(t *testing.T) {
	parts := func(texts ...string) string {
		var b []byte
		for _, text := range texts {
			b = push.AppendPart(b, text)
		}
		return string(b)
	}
	assert.Equal(t, "\x02ab\x01c", parts("ab", "c"))
	assert.Equal(t, parts("ab"), string(push.AppendPart(nil, []byte("ab"))))
	assert.NotEqual(t, parts("a", "bc"), parts("ab", "c"))
	assert.NotEqual(t, parts("ab", ""), parts("ab"))
}
