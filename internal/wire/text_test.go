package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

func TestPlainText(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "\t7": 7, "-3": -3, "12.0": 12, "1.2e1": 12, "9223372036854775807": 1<<63 - 1} {
		got, err := wire.ParseInt([]byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{"": "0", "\n2.50": "2.5", "-0.01": "-0.01", "123456789012345678901234.5": "123456789012345678901234.5", "1e3": "1000"} {
		got, err := wire.ParseDecimal([]byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, got.String(), text)
	}
	for text, want := range map[string]bool{"": false, "0": false, "FALSE": false, "\ttrue": true, "1": true} {
		got, err := wire.ParseBool([]byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"x", "1.5", "9223372036854775808", "1 2", "１"} {
		_, err := wire.ParseInt([]byte(text))
		field := &wire.FieldError{}
		require.ErrorAs(t, err, &field, text)
		assert.Equal(t, "integer", field.Want)
	}
	_, err := wire.ParseDecimal([]byte("1e999999999"))
	assert.EqualError(t, err, "(root): want number, got text of 11 characters")
	_, err = wire.ParseBool([]byte("是"))
	assert.EqualError(t, err, "(root): want true or false, got text of 1 characters")
}
