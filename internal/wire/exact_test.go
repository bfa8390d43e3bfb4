package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// TestExactNameFirst: a member with the documented name wins over other spellings of it,
// wherever they stand; of several with the same name the last one counts.
func TestExactNameFirst(t *testing.T) {
	for text, want := range map[string]int64{
		`{"OId":10,"oId":0}`:            10,
		`{"oId":0,"OId":10}`:            10,
		`{"o_id":7}`:                    7,
		`{"OID":7,"OId":10,"o_id":8}`:   10,
		`{"OId":1,"OId":10}`:            10,
		`{"OId":null,"o_id":8}`:         0,
		`{"o_id":8,"OId":"","OID":"9"}`: 0,
	} {
		var row struct {
			OID int64 `json:"OId"`
		}
		require.NoError(t, wire.Unmarshal([]byte(text), &row), text)
		assert.Equal(t, want, row.OID, text)
	}
}
