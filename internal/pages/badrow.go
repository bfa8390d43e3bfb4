package pages

import (
	"encoding/json"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// RawKey joins the members of a key with "|", as far as a row that cannot be decoded has
// them.
func RawKey(row []byte, names ...string) string {
	var members map[string]json.RawMessage
	if wire.Unmarshal(row, &members) != nil {
		return ""
	}
	var parts []string
	for _, name := range names {
		var text string
		if wire.Unmarshal(members[name], &text) == nil && text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "|")
}
