package wire_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// TestNoTimes: a day, an hour or a separator that does not exist makes a text undecodable; it
// is not taken for the time beside it.
func TestNoTimes(t *testing.T) {
	const good = "2024-06-11 09:20:31"
	texts := []string{
		"2024-06-11 24:20:31", "2024-06-11 09:60:31", "2024-06-11 09:20:60", "2024-13-11 09:20:31", "2024-00-11 09:20:31", "2024-06-00 09:20:31",
	}
	for _, year := range []int{2023, 2024, 2100} {
		for month := time.January; month <= time.December; month++ {
			last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
			texts = append(texts, fmt.Sprintf("%d-%02d-%02d", year, month, last+1), fmt.Sprintf("%d-%02d-%02d 09:20:31", year, month, last+1))
		}
	}
	for i := range good { // something else in place of a character
		for _, other := range []byte{'x', '-', ':', '5'} {
			text := good[:i] + string(other) + good[i+1:]
			if _, err := time.ParseInLocation(time.DateTime, text, wire.CST); err != nil {
				texts = append(texts, text)
			}
		}
	}
	require.Greater(t, len(texts), 100)
	for _, text := range texts {
		var r row
		err := wire.Unmarshal([]byte(`{"time":"`+text+`"}`), &r)
		assert.Error(t, err, text)
		assert.True(t, r.Time.IsZero(), text)
	}
}

// TestDaysInDigits: the days of each month are decoded from digits, and no day after them is.
func TestDaysInDigits(t *testing.T) {
	for _, year := range []int{2000, 2023, 2024} {
		for day := time.Date(year, 1, 1, 0, 0, 0, 0, wire.CST); day.Year() == year; day = day.AddDate(0, 0, 1) {
			got, err := wire.ParseTime(day.Format("20060102"))
			require.NoError(t, err)
			require.True(t, day.Equal(got), "%s: %s", day, got)
		}
		for month := time.January; month <= time.December; month++ {
			last := time.Date(year, month+1, 0, 0, 0, 0, 0, wire.CST)
			got, err := wire.ParseTime(strconv.Itoa(year*10000 + int(month)*100 + last.Day() + 1))
			assert.Error(t, err, "the day after %s: %s", last, got)
		}
	}
}
