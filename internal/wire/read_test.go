package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// TestDigitTimes: 8, 12 or 14 digits are a date, as a number or as text, and an error if there
// is no such day; all others are Unix time.
func TestDigitTimes(t *testing.T) {
	for text, want := range map[string]string{
		"20240611": "2024-06-11 00:00:00", "202406110920": "2024-06-11 09:20:00", "20240611092031": "2024-06-11 09:20:31",
		"19700101": "1970-01-01 00:00:00", "20991231235959": "2099-12-31 23:59:59", "20240229": "2024-02-29 00:00:00",
		"1718068831": "2024-06-11 09:20:31", "1718068831487": "2024-06-11 09:20:31.487",
		"21000101": "2100-01-01 00:00:00", "99991231": "9999-12-31 00:00:00", "99991231235959": "9999-12-31 23:59:59",
	} {
		for _, form := range []string{text, `"` + text + `"`} {
			var r row
			require.NoError(t, wire.Unmarshal([]byte(`{"time":`+form+`}`), &r), form)
			assert.Equal(t, want, r.Time.Format("2006-01-02 15:04:05.999"), form)
		}
		got, err := wire.ParseTime(text)
		require.NoError(t, err)
		assert.Equal(t, want, got.Format("2006-01-02 15:04:05.999"), "in XML")
	}
	for _, zeros := range []string{"00000000", "00000000000000"} {
		got, err := wire.ParseTime(zeros)
		require.NoError(t, err)
		assert.Zero(t, got)
	}
	for _, text := range []string{"20230229", "20261302", "202613020304", "202601022504", "20260102030460", "12345678", "19691231"} {
		_, err := wire.ParseTime(text)
		require.Error(t, err, text)
	}
}

// TestCivil: every day of the years that are decoded without the standard library is the
// one that the standard library returns.
func TestCivil(t *testing.T) {
	for day := time.Date(1969, 12, 25, 23, 59, 58, 0, wire.CST); day.Year() < 2110; day = day.AddDate(0, 0, 1) {
		got, err := wire.ParseTime(day.Format("2006-01-02 15:04:05.000"))
		require.NoError(t, err)
		require.True(t, day.Equal(got), "%s", day)
	}
	for _, wrong := range []string{"2024-02-30 00:00:00", "2024-13-01 00:00:00", "2024-00-10", "2024-01-01 24:00:00", "2024-01-01 00:60:00", "2100-02-29"} {
		_, err := wire.ParseTime(wrong)
		require.Error(t, err, wrong)
	}
}

// TestNames: an exact match of the name counts first, then a match except for case and
// underscores; the last of duplicates counts.
func TestNames(t *testing.T) {
	for body, want := range map[string]string{
		`{"dec_ptr":1}`: "1", `{"decPtr":1}`: "1", `{"DEC_PTR":1}`: "1", `{"DecPtr":1,"dec_ptr":2}`: "2", `{"dec_ptr":2,"DecPtr":1}`: "2",
		`{"dec_ptr":1,"dec_ptr":2}`: "2", `{"dec_ptr":[],"dec_ptr":2}`: "", "\xef\xbb\xbf {\"dec\\u005fptr\":3}": "3",
	} {
		var r row
		err := wire.Unmarshal([]byte(body), &r)
		if want == "" {
			require.Error(t, err, body)
			continue
		}
		require.NoError(t, err, body)
		require.NotNil(t, r.DecPtr, body)
		assert.Equal(t, want, r.DecPtr.String(), body)
	}
	r := wire.NewReader([]byte(`{"o_id":1}`))
	r.Drift = true
	var got struct {
		Orders []struct {
			OID int64 `json:"o_id"`
		} `json:"orders"`
	}
	require.NoError(t, r.Into(&got, nil))
	assert.Equal(t, []wire.Note{{Path: "o_id", Kind: wire.DriftUnknown}}, r.Notes)

	r = wire.NewReader([]byte(`{"Orders":[{"OId":1},{"oid":"2"},{"o_id":"3"}]}`))
	r.Drift = true
	require.NoError(t, r.Into(&got, nil))
	require.Len(t, got.Orders, 3)
	assert.Equal(t, int64(2), got.Orders[1].OID)
	assert.ElementsMatch(t, []wire.Note{
		{Path: "Orders", Kind: wire.DriftName}, {Path: "orders[].OId", Kind: wire.DriftName}, {Path: "orders[].oid", Kind: wire.DriftName},
		{Path: "orders[].o_id", Kind: wire.DriftKindOf},
	}, r.Notes)
}

// TestNotesOfElements: an element of a list, or an entry of a map, is noted besides the list or
// map itself.
func TestNotesOfElements(t *testing.T) {
	var got struct {
		Rows []struct {
			List []row          `json:"list"`
			Map  map[string]row `json:"map"`
		} `json:"rows"`
	}
	r := wire.NewReader([]byte(`{"rows":[{"list":[[]],"map":{"a":""}},{"list":"","map":[]},{"list":[""],"map":{"b":[]}}]}`))
	r.Drift = true
	require.NoError(t, r.Into(&got, nil))
	assert.Equal(t, []wire.Note{
		{Path: "rows[].list[]", Kind: wire.DriftKindOf}, {Path: "rows[].map.*", Kind: wire.DriftKindOf},
		{Path: "rows[].list", Kind: wire.DriftKindOf}, {Path: "rows[].map", Kind: wire.DriftKindOf},
	}, r.Notes)
}

// TestKeysAreExact: a key with bytes that are not UTF-8, or with half a surrogate pair, is not
// decoded, since two different keys would become equal. In other texts they are replaced.
func TestKeysAreExact(t *testing.T) {
	type object struct {
		Key    string `json:"key" wire:"vital"`
		Remark string `json:"remark"`

		Extra map[string]json.RawMessage `json:",embed"`
	}
	for text, exact := range map[string]bool{
		`"a"`: true, `"示例"`: true, `"\u4e2d\ud83d\ude00"`: true, `"\ufffd"`: true, "\"\ufffd\"": true,
		"\"a\xff\"": false, `"\ud800"`: false, `"a\udc00b"`: false, `"\ud83d\u4e2d"`: false, "\"\xff\\n\"": false,
	} {
		for _, keep := range []bool{false, true} {
			var got object
			r := wire.NewReader([]byte(`{"remark":` + text + `,"key":` + text + `}`))
			r.Keep = keep
			err := r.Into(&got, nil)
			if exact {
				require.NoError(t, err, "%q", text)
				assert.Equal(t, got.Remark, got.Key, "%q", text)
				continue
			}
			require.EqualError(t, err, "key: want text, got text that is not UTF-8", "%q", text)
			assert.Contains(t, got.Remark, "\ufffd", "%q", text)
		}
	}
}

// TestKindsNoted: a value is noted as of another kind exactly if its JSON kind is not the
// documented one, in the first row as in those that look like it.
func TestKindsNoted(t *testing.T) {
	for value, noted := range map[string]bool{
		`"int":1`: false, `"int":"1"`: true, `"quoted":"1"`: false, `"quoted":1`: true, `"text":"a"`: false, `"text":1`: true,
		`"flag":true`: false, `"flag":false`: false, `"flag":"true"`: true, `"flag":1`: true,
		`"dec":1.5`: false, `"dec":"1.5"`: true, `"dec_ptr":2`: false, `"dec_ptr":"2"`: true,
		`"time":"2024-01-02 03:04:05"`: false, `"time":"2024-01-02"`: false, `"time":1704164645`: true,
	} {
		r := wire.NewReader([]byte(`{"data":{"orders":[{` + value + `},{` + value + `},{` + value + `}]}}`))
		r.Drift = true
		var p page
		require.NoError(t, r.Into(&p, nil), value)
		kinds := map[wire.DriftKind]int{}
		for _, n := range r.Notes {
			kinds[n.Kind]++
		}
		assert.Equal(t, noted, kinds[wire.DriftKindOf] == 1, "%s: %v", value, r.Notes)
	}
}

// TestSaid: a member that is absent, null or a blank text says nothing; zero says zero.
func TestSaid(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: false, `{"int":null}`: false, `{"int":""}`: false, `{"int":" "}`: false, `{"int":"null"}`: false, `{"int":1,"int":null}`: false,
		`{"int":0}`: true, `{"Int":"0"}`: true, `{"int":null,"int":0}`: true, `{"x":{"int":0}}`: false, `{"list":[],"int":5}`: true,
	} {
		reader := wire.NewReader([]byte(body))
		for range 2 { // the second time, the order of the members is expected
			var r row
			reader.Back(0)
			require.NoError(t, reader.Into(&r, nil), body)
			assert.Equal(t, want, reader.Said("int"), body)
			assert.False(t, reader.Said("no such member"), body)
		}
	}
}

// TestUnreadLeavesNothing: of a value that cannot be decoded nothing is in the field, not even
// the part before its fault; all of it is kept.
func TestUnreadLeavesNothing(t *testing.T) {
	reader := wire.NewReader([]byte(`{"list":["a","b",{"x":1}],"text":"abc"}`))
	reader.Keep = true
	var r row
	require.NoError(t, reader.Into(&r, nil))
	assert.Nil(t, r.List)
	assert.Equal(t, json.RawMessage(`["a","b",{"x":1}]`), r.Extra["list"])
	assert.Equal(t, "abc", r.Text)
}

// Decoded texts do not keep the whole body in memory, and neither do raw values.
func TestNothingKeepsTheBody(t *testing.T) {
	body := []byte(`{"text":"abc","new":{"a":"b"},"list":["x"]}`)
	var r row
	require.NoError(t, wire.Unmarshal(body, &r))
	clear(body)
	assert.Equal(t, "abc", r.Text)
	assert.Equal(t, []string{"x"}, r.List)
	assert.Equal(t, json.RawMessage(`{"a":"b"}`), r.Extra["new"])
}

func TestFromGBK(t *testing.T) {
	gbk := []byte("{\"msg\":\"\xc7\xa9\xc3\xfb\xb4\xed\xce\xf3\"}") // 签名错误
	got, ok := wire.FromGBK(gbk)
	require.True(t, ok)
	assert.Equal(t, `{"msg":"签名错误"}`, string(got))
	for _, text := range []string{"", "abc", "签名错误", "签名错误签名\xff错误", "\xff\xff", "签名\xc7\xa9"} {
		_, ok := wire.FromGBK([]byte(text))
		assert.False(t, ok, "%q", text)
	}
}

// TestRepeatedValues: values that are allocated once for many rows are correct in each row.
func TestRepeatedValues(t *testing.T) {
	body := []byte(`[` + strings.Repeat(`{"dec":1.50,"text":"same","int":7},`, 500) + `{"dec":1.5,"text":"other"}]`)
	var rows []row
	require.NoError(t, wire.Unmarshal(body, &rows))
	require.Len(t, rows, 501)
	rows[0].Dec = rows[0].Dec.Add(decimal.NewFromInt(1))
	assert.Equal(t, "1.5", rows[1].Dec.String())
	assert.Equal(t, int32(-2), rows[1].Dec.Exponent())
	assert.Equal(t, int32(-1), rows[500].Dec.Exponent())
	assert.Equal(t, "same", rows[499].Text)
}

// hostile returns texts of about n bytes that are meant to be expensive.
func hostile(n int) map[string][]byte {
	fill := func(from, each, to string) []byte {
		return []byte(from + strings.Repeat(each, n/len(each)) + to)
	}
	return map[string][]byte{
		"rows":            fill(`{"data":{"orders":[{}`, `,{}`, `]}}`),
		"text rows":       fill(`{"data":{"orders":[""`, `,""`, `]}}`),
		"bad values":      fill(`{"data":{"orders":[{}`, `,{"list":{"a":1}}`, `]}}`),
		"bad rows":        fill(`{"data":{"orders":[{}`, `,{"dec":"x"}`, `]}}`),
		"unknown members": fill(`{"x":1`, `,"y":[1,2]`, `}`),
		"many names":      manyNames(n),
		"rows of names":   fill(`{"data":{"orders":[{}`, ","+strings.TrimSuffix(strings.TrimPrefix(string(manyNames(min(n, 100<<10))), `{"data":{"orders":[`), `]}}`), `]}}`),
		"one name":        fill(`{"data":{"orders":[]}`, `,"data":{"orders":[{"dec":1}]}`, `}`),
		"lists":           bytes.Repeat([]byte(`[`), n),
		"objects":         bytes.Repeat([]byte(`{"data":`), n/8),
		"escapes":         fill(`{"x":"`, `\u4e2d`, `"}`),
		"no UTF-8":        fill(`{"data":{"orders":[{"text":"`, "\xff", `"}]}}`),
		"long number":     fill(`{"data":{"orders":[{"dec":1`, `1`, `}]}}`),
	}
}

func manyNames(n int) []byte {
	b := []byte(`{"data":{"orders":[{"int":1`)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, `,"n%d":1`, i)
	}
	return append(b, "}]}}"...)
}

// TestTooManyMembers: an object with more than 20,000 unknown members, or a map with more
// entries, is undecodable as a whole: a row is bad and kept, in other places it is an error
// that names the object, or a kept value.
func TestTooManyMembers(t *testing.T) {
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"n%d":1`, i)
		}
		return b.String()[1:]
	}
	most, more := "{"+members(20_000)+"}", "{"+members(20_001)+"}"
	type object struct {
		Rows []row             `json:"rows"`
		Map  map[string]string `json:"map"`

		Extra map[string]json.RawMessage `json:",embed"`
	}
	tests := map[string]struct {
		text       string
		rows, maps int
		extra      []string
		bad, err   string
	}{
		"a row of the most":    {text: `{"rows":[` + most + `,{"int":1}]}`, rows: 2},
		"a row of more":        {text: `{"rows":[` + more + `,{"int":1}]}`, rows: 1, bad: "rows[0]: want at most 20000 unknown members, got more"},
		"the object":           {text: more, err: "(root): want at most 20000 unknown members, got more"},
		"one name many times":  {text: `{"rows":[{` + strings.Repeat(`"n":1,`, 30_000) + `"n":1}]}`, rows: 1},
		"a map of the most":    {text: `{"map":` + most + `}`, maps: 20_000},
		"a map of more":        {text: `{"map":` + more + `,"rows":[{}]}`, rows: 1, extra: []string{"map"}},
		"the same in a member": {text: `{"new":` + more + `,"rows":[{}]}`, rows: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got object
			r := wire.NewReader([]byte(tt.text))
			r.Keep, r.Skip, r.Rows = true, true, "rows"
			err := r.Into(&got, nil)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.NoError(t, r.End())
			assert.Len(t, got.Rows, tt.rows)
			assert.Len(t, got.Map, tt.maps)
			assert.Equal(t, tt.extra, wire.Unread(&got))
			if tt.bad == "" {
				assert.Empty(t, r.Bad)
				return
			}
			require.Len(t, r.Bad, 1)
			require.EqualError(t, r.Bad[0].Err, tt.bad)
			assert.Contains(t, string(r.Bad[0].Raw), `"n20000":1`, "the row is kept as it was")
		})
	}
}

// TestLinearTime: a byte of a long hostile text costs no more than one of a short one.
func TestLinearTime(t *testing.T) {
	perByte := func(text []byte) float64 {
		best := time.Duration(1 << 62)
		for range racetest.Fewer(3) {
			begin := time.Now()
			for range max(1, (256<<10)/len(text)) {
				r := wire.NewReader(text)
				r.Keep, r.Skip, r.Drift = true, true, true
				_ = r.Into(new(page), nil)
			}
			best = min(best, time.Since(begin)/time.Duration(max(1, (256<<10)/len(text))))
		}
		return float64(best) / float64(len(text))
	}
	size := 4 << 20
	if racetest.Enabled {
		size = 128 << 10
	}
	small, large := hostile(16<<10), hostile(size)
	for name := range small {
		short, long := perByte(small[name]), perByte(large[name])
		t.Logf("%-16s %7.2f ns a byte of 16 KB, %7.2f of %d KB", name, short, long, size>>10)
		assert.Less(t, long, 20*short+50, name)
	}
}

// BenchmarkHostile prints what a byte of hostile texts of 1 KB to 32 MB costs.
func BenchmarkHostile(b *testing.B) {
	sizes := []int{1 << 10, 32 << 10, 1 << 20, 32 << 20}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, size := range sizes {
		for name, text := range hostile(size) {
			b.Run(fmt.Sprintf("%s/%dKB", strings.ReplaceAll(name, " ", "_"), size>>10), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					r := wire.NewReader(text)
					r.Keep, r.Skip, r.Drift = true, true, true
					_ = r.Into(new(page), nil)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
			})
		}
	}
}

// FuzzRead: whatever the input, the reader does not panic, enforces the limit of rows,
// reports undecodable values as such, and decodes the same with notes and without.
func FuzzRead(f *testing.F) {
	for _, text := range hostile(200) {
		f.Add(text)
	}
	for _, text := range samples(f)[:3] {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read := func(drift bool) (page, *wire.Reader, error) {
			var p page
			r := wire.NewReader(text)
			r.Keep, r.Skip, r.Drift, r.MaxRows = true, true, drift, 10
			err := r.Into(&p, nil)
			if err == nil {
				err = r.End()
			}
			return p, r, err
		}
		p, _, err := read(false)
		q, r, noted := read(true)
		require.Equal(t, err, noted)
		if err != nil {
			return
		}
		assert.Equal(t, p, q)
		assert.LessOrEqual(t, len(p.Data.Orders), 10)
		for _, n := range r.Notes {
			assert.NotContains(t, n.Path, "[0]")
		}
		for i := range p.Data.Orders {
			for _, name := range wire.Unread(&p.Data.Orders[i]) {
				assert.NotEmpty(t, p.Data.Orders[i].Extra[name])
			}
		}
	})
}
