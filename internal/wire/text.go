package wire

import (
	"strings"

	"github.com/shopspring/decimal"
)

// The functions here read a value from plain text, as formats other than JSON
// carry it, with the tolerance that JSON text has in this package. An empty text
// is no value: the zero. Their errors are of type [*FieldError].

// ParseInt reads an integer, also one written 12.0 or 1.2e1, as long as nothing
// is lost.
func ParseInt(text []byte) (int64, error) {
	var n int64
	if text = trimSpace(text); len(text) == 0 {
		return 0, nil
	}
	if err := parseInt(text, &n); err != nil {
		return 0, badText("integer", text)
	}
	return n, nil
}

// ParseDecimal reads a number.
func ParseDecimal(text []byte) (decimal.Decimal, error) {
	var d decimal.Decimal
	if text = trimSpace(text); len(text) == 0 {
		return d, nil
	}
	if err := parseDecimal(text, &d); err != nil {
		return decimal.Decimal{}, badText("number", text)
	}
	return d, nil
}

// ParseBool reads true, false, 1 and 0, in any case.
func ParseBool(text []byte) (bool, error) {
	switch strings.ToLower(string(trimSpace(text))) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, badText("true or false", text)
}

func badText(want string, text []byte) error {
	return &FieldError{Want: want, Got: textOf(len([]rune(string(text))))}
}
