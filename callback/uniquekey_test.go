package callback_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/push"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestUniqueKeyTable: the table of what to store as a unique key is right for every member of
// every kind, in both languages: those of its second column make another document, every other
// makes another key of the same document.
func TestUniqueKeyTable(t *testing.T) {
	name := regexp.MustCompile("`([a-z_]+)`")
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, kind := range push.Kinds() {
			row := ""
			for line := range strings.SplitSeq(string(text), "\n") {
				if cells := strings.Split(line, "|"); len(cells) == 5 && strings.Contains(cells[1], kind.Label) && strings.Contains(cells[1], kind.Name) {
					row = cells[2]
				}
			}
			require.NotEmpty(t, row, "%s has no row for %s", file, kind.Label)
			listed := map[string]bool{}
			for _, m := range name.FindAllStringSubmatch(row, -1) {
				listed[m[1]] = true
			}
			checkUniqueKey(t, file, &kind, listed)
		}
	}
}

func checkUniqueKey(t *testing.T, file string, kind *push.Kind, listed map[string]bool) {
	t.Helper()
	whole, line := map[string]any{}, map[string]any{}
	for i, member := range kind.Members {
		whole[member] = memberValue(member, i)
	}
	for i, member := range kind.LineMembers {
		line[member] = memberValue(member, 50+i)
	}
	before := envelopeOf(t, kind, whole, line)
	change := func(members map[string]any, member string) {
		others := maps.Clone(members)
		others[member] = memberValue(member, 900)
		var after callback.Envelope
		if _, ofLine := line[member]; ofLine && members[member] == line[member] {
			after = envelopeOf(t, kind, whole, others)
		} else {
			after = envelopeOf(t, kind, others, line)
		}
		inDocument := listed[member] && member != "outer_as_id" // which counts where as_id is missing
		assert.Equal(t, inDocument, before.Document() != after.Document(), "%s: %s of %s: whether it makes another document", file, member, kind.Name)
		assert.NotEqual(t, before.Key(), after.Key(), "%s of %s makes another key", member, kind.Name)
	}
	for _, member := range kind.Members {
		change(whole, member)
	}
	for _, member := range kind.LineMembers {
		change(line, member)
	}
	if kind.Method == push.GoodsReturned { // instead of as_id
		delete(whole, "as_id")
		one := envelopeOf(t, kind, whole, line)
		whole["outer_as_id"] = "another"
		assert.NotEqual(t, one.Document(), envelopeOf(t, kind, whole, line).Document(), "outer_as_id where as_id is missing")
	}
}

// memberValue returns a value for a member that differs for every n.
func memberValue(member string, n int) any {
	switch member {
	case "action_name":
		if n == 900 {
			return push.GoodsRevoked
		}
		return push.GoodsReceived
	case "is_send_all":
		return n == 900
	case "modified", "send_date":
		return fmt.Sprintf("2024-01-02 12:%02d:00", n%60)
	}
	return fmt.Sprint(1000 + n) // numbers are accepted as text
}

func envelopeOf(t *testing.T, kind *push.Kind, whole, line map[string]any) callback.Envelope {
	t.Helper()
	body := maps.Clone(whole)
	list := "items"
	if kind.Method == push.Stock {
		list = "datas"
	}
	if len(line) > 0 {
		body[list] = []any{line}
	}
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	env := callback.Envelope{EntID: "1", StorageCode: "2", Method: jushuitan.PushMethod(kind.Method), Raw: raw}
	require.NotEmpty(t, env.Key(), string(raw))
	return env
}
