package mapping_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/mapping"
)

// 物流设置: a fixed set of carriers, unknown ones are a clear error, the host adds rows.
func TestGuidePart5Carriers(t *testing.T) {
	table := mapping.DefaultCarriers()
	tests := []struct {
		lcID, company string
		want          string
		by            mapping.CarrierMatch
	}{
		{"YTO", "圆通速递", "YTO", mapping.CarrierByCode},
		{"SF", "", "SF", mapping.CarrierByCode},
		{"SF.9", "顺丰速运", "SF", mapping.CarrierByBaseCode},
		{"SF.1", "", "SF", mapping.CarrierByBaseCode},
		{"ZTO.8", "中通", "ZTO", mapping.CarrierByBaseCode},
		{"POSTB.5", "", "POSTB", mapping.CarrierByBaseCode},
		{"STO.1", "某某专线", "STO", mapping.CarrierByBaseCode},
		{"sf.9", "", "SF", mapping.CarrierByBaseCode},
		{"ＳＦ．９", "", "SF", mapping.CarrierByBaseCode},
		{" yto ", "", "YTO", mapping.CarrierByCode},
		{"", "圆通速递", "YTO", mapping.CarrierByName},
		{"", "圆通", "YTO", mapping.CarrierByName},
		{"", "圆通快递有限公司", "YTO", mapping.CarrierByName},
		{"", "顺丰速运（集团）有限公司", "SF", mapping.CarrierByName},
		{"", "　圆 通 速 递 ", "YTO", mapping.CarrierByName},
		{"", "ｅｍｓ", "EMS", mapping.CarrierByName},
		{"", "sf express", "SF", mapping.CarrierByName},
		{"", "百世汇通", "HTKY", mapping.CarrierByName},
		{"X-17", "顺丰", "SF", mapping.CarrierByName},
		{"", "京东物流", "JD", mapping.CarrierByName},
		{"YUNDA", "", "YUNDA", mapping.CarrierByQimen},
		{"YUNDA.3", "韵达快递", "YUNDA", mapping.CarrierByQimen},
	}
	for _, tt := range tests {
		t.Run(tt.lcID+" "+tt.company, func(t *testing.T) {
			got, err := table.FromJushuitan(tt.lcID, tt.company)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.Code)
			assert.Equal(t, tt.by, got.By)
			assert.Empty(t, got.Conflict)
		})
	}

	t.Run("every logisticsCode of Qimen", func(t *testing.T) {
		for code := range strings.FieldsSeq("SF EMS EYB ZJS YTO ZTO HTKY UC STO TTKDEX QFKD FAST POSTB GTO YUNDA JD DD AMAZON") {
			got, err := table.FromQimen(code, "")
			require.NoError(t, err, code)
			assert.Equal(t, code, got.Qimen)
			name, err := table.FromQimen(mapping.QimenOther, got.Name)
			require.NoError(t, err, code)
			assert.Equal(t, code, name.Qimen)
			own, err := table.FromDianJia(got.Code, got.Name)
			require.NoError(t, err)
			assert.Equal(t, code, own.Qimen)
			written, _, err := table.ToQimen(got.Code, "")
			require.NoError(t, err)
			assert.Equal(t, code, written)
		}
		assert.Len(t, table.Rows(), 38)
	})

	t.Run("unknown", func(t *testing.T) {
		_, err := table.Without("JT").FromJushuitan("JTSD.2", "极光速递")
		table := table.Without("JT")
		var unknown *mapping.UnknownCarrierError
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, mapping.CarrierJushuitan, unknown.System)
		assert.Empty(t, unknown.Nearest, "no row is alike")
		for _, part := range []string{"JTSD.2", "极光速递", "is not in the table", "不在对照表中", "Carriers.With"} {
			assert.Contains(t, err.Error(), part)
		}

		more, err := table.With(mapping.CarrierRow{Code: "JT", Name: "极兔速递", LCIDs: []string{"JTSD"}, Aliases: []string{"J&T"}, Qimen: mapping.QimenOther})
		require.NoError(t, err)
		got, err := more.FromJushuitan("JTSD.2", "极兔速递")
		require.NoError(t, err)
		assert.Equal(t, mapping.Carrier{Code: "JT", Name: "极兔速递", LCID: "JTSD", Company: "极兔速递", Qimen: "OTHER", By: mapping.CarrierByBaseCode}, got)
		_, err = more.FromQimen(mapping.QimenOther, "")
		require.ErrorAs(t, err, &unknown, "OTHER is nobody's code")
		_, err = table.FromJushuitan("JTSD.2", "")
		require.Error(t, err, "the table itself has not changed")
	})
}

func TestCarrierNearest(t *testing.T) {
	table := mapping.DefaultCarriers()
	tests := []struct{ code, name, want string }{
		{"YT0", "", "YTO"},
		{"", "顺风速运", "SF"},
		{"", "宅急便", "ZJS"},
		{"YUNDAA", "", "YUNDA"},
		{"TTKDX", "", "TTKDEX"},
		{"", "圆通速递特快专送件", "YTO"},
	}
	for _, tt := range tests {
		_, err := table.FromJushuitan(tt.code, tt.name)
		var unknown *mapping.UnknownCarrierError
		require.ErrorAs(t, err, &unknown, tt.code+tt.name)
		require.NotEmpty(t, unknown.Nearest)
		require.LessOrEqual(t, len(unknown.Nearest), 3)
		assert.Equal(t, tt.want, unknown.Nearest[0].Code)
		assert.Contains(t, err.Error(), unknown.Nearest[0].Name)
	}

	var unknown *mapping.UnknownCarrierError
	for _, name := range []string{"菜鸟急送达", "某某专线", "同城配送", "XQ"} {
		_, err := table.FromJushuitan(name, name)
		require.ErrorAs(t, err, &unknown)
		assert.Empty(t, unknown.Nearest, "%s is like none", name)
		assert.NotContains(t, err.Error(), "most similar")
	}
	_, err := table.FromJushuitan("", "")
	require.ErrorAs(t, err, &unknown)
	assert.Empty(t, unknown.Nearest, "nothing is near nothing")
	_, err = mapping.Carriers{}.FromDianJia("SF", "顺丰")
	require.ErrorAs(t, err, &unknown)
	assert.Empty(t, unknown.Nearest, "an empty table")
	_, err = table.FromDianJia(strings.Repeat("长", 10000), "")
	require.ErrorAs(t, err, &unknown)
	assert.Less(t, len(err.Error()), 2000, "long texts are cut in the message")
}

func TestCarrierConflict(t *testing.T) {
	table := mapping.DefaultCarriers()
	_, err := table.FromJushuitan("SF.9", "圆通速递")
	var conflict *mapping.CarrierConflictError
	require.ErrorAs(t, err, &conflict)
	assert.Equal(t, "SF", conflict.ByCode.Code)
	assert.Equal(t, "YTO", conflict.ByName.Code)
	for _, part := range []string{"SF.9", "圆通速递", "顺丰速运", "the code belongs to", "编码属于", "OnConflict"} {
		assert.Contains(t, err.Error(), part)
	}

	got, err := table.OnConflict(mapping.CarrierPreferCode).FromJushuitan("SF.9", "圆通速递")
	require.NoError(t, err)
	assert.Equal(t, "SF", got.Code)
	assert.Equal(t, "YTO", got.Conflict)
	assert.Equal(t, mapping.CarrierByBaseCode, got.By)
	got, err = table.OnConflict(mapping.CarrierPreferName).FromJushuitan("SF.9", "圆通速递")
	require.NoError(t, err)
	assert.Equal(t, "YTO", got.Code)
	assert.Equal(t, "SF", got.Conflict)
	assert.Equal(t, mapping.CarrierByName, got.By)

	// The policy outlives a new row.
	more, err := table.OnConflict(mapping.CarrierPreferCode).With(mapping.CarrierRow{Code: "JT", Name: "极兔速递"})
	require.NoError(t, err)
	_, err = more.FromJushuitan("SF", "圆通速递")
	require.NoError(t, err)

	// A merchant's own carrier behind a suffix, which pushes still call by the plain name.
	city, err := table.With(mapping.CarrierRow{Code: "SFTC", Name: "顺丰同城", LCIDs: []string{"SF.9"}})
	require.NoError(t, err)
	for _, name := range []string{"顺丰同城", "顺丰速运", "别的名字", ""} {
		got, err := city.FromJushuitan("SF.9", name)
		require.NoError(t, err, name)
		assert.Equal(t, "SFTC", got.Code, name)
	}
	got, err = city.FromJushuitan("SF.8", "顺丰速运")
	require.NoError(t, err)
	assert.Equal(t, "SF", got.Code)
	_, err = city.FromJushuitan("SF.9", "圆通速递")
	require.ErrorAs(t, err, &conflict)
}

func TestCarrierTo(t *testing.T) {
	table := mapping.DefaultCarriers()
	lcID, company, err := table.ToJushuitan("YTO", "")
	require.NoError(t, err)
	assert.Equal(t, []string{"YTO", "圆通速递"}, []string{lcID, company})
	code, name, err := table.ToQimen("", "韵达快递")
	require.NoError(t, err)
	assert.Equal(t, []string{"YUNDA", "韵达速递"}, []string{code, name})

	var unknown *mapping.UnknownCarrierError
	_, _, err = table.ToJushuitan("YUNDA", "")
	require.ErrorAs(t, err, &unknown, "its lc_id is unknown")
	assert.Equal(t, mapping.CarrierJushuitan, unknown.Target)
	assert.Contains(t, err.Error(), "YUNDA")
	assert.Contains(t, err.Error(), "WithJushuitan")
	assert.Contains(t, err.Error(), "没有")
	_, _, err = table.ToJushuitan("nobody", "")
	require.ErrorAs(t, err, &unknown)
	assert.Empty(t, unknown.Target)
	more, err := table.With(mapping.CarrierRow{Code: "JT", Name: "极兔速递", LCIDs: []string{"JTSD"}})
	require.NoError(t, err)
	_, _, err = more.ToQimen("JT", "")
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, mapping.CarrierQimen, unknown.Target)
	_, _, err = more.ToQimen("nobody", "")
	require.ErrorAs(t, err, &unknown)
}

func TestCarriersWith(t *testing.T) {
	table := mapping.DefaultCarriers()
	t.Run("replaces the whole row", func(t *testing.T) {
		more, err := table.With(mapping.CarrierRow{Code: "sf", Name: "顺丰特快", LCIDs: []string{"SF.7", "SF"}, Company: "顺丰"})
		require.NoError(t, err)
		assert.Len(t, more.Rows(), len(table.Rows()))
		lcID, company, err := more.ToJushuitan("SF", "")
		require.NoError(t, err)
		assert.Equal(t, []string{"SF.7", "顺丰"}, []string{lcID, company})
		_, err = more.FromQimen("SF", "")
		require.Error(t, err, "the new row has no logisticsCode")
	})
	t.Run("is not changed by its caller", func(t *testing.T) {
		row := mapping.CarrierRow{Code: "JT", Name: "极兔速递", LCIDs: []string{"JTSD"}, Aliases: []string{"J&T"}}
		more, err := table.With(row)
		require.NoError(t, err)
		row.LCIDs[0] = "YTO"
		rows := more.Rows()
		rows[len(rows)-1].LCIDs[0], rows[len(rows)-1].Aliases[0] = "YTO", "圆通"
		got, err := more.FromJushuitan("JTSD", "J&T")
		require.NoError(t, err)
		assert.Equal(t, "JTSD", got.LCID)
	})
	t.Run("nothing into nothing", func(t *testing.T) {
		empty, err := mapping.Carriers{}.With()
		require.NoError(t, err)
		assert.Empty(t, empty.Rows())
		one, err := empty.With(mapping.CarrierRow{Code: "A", Name: "甲"})
		require.NoError(t, err)
		assert.Len(t, one.Rows(), 1)
	})

	tests := []struct {
		name                string
		rows                []mapping.CarrierRow
		field, value, other string
	}{
		{"no code", []mapping.CarrierRow{{Name: "极兔速递"}}, "Code", "", ""},
		{"blank code", []mapping.CarrierRow{{Code: " \t", Name: "极兔速递"}}, "Code", " \t", ""},
		{"no name", []mapping.CarrierRow{{Code: "JT"}}, "Name", "", ""},
		{"empty lc_id", []mapping.CarrierRow{{Code: "JT", Name: "极兔速递", LCIDs: []string{""}}}, "LCIDs", "", ""},
		{"only a suffix", []mapping.CarrierRow{{Code: "JT", Name: "极兔速递", LCIDs: []string{".9"}}}, "LCIDs", ".9", ""},
		{"empty alias", []mapping.CarrierRow{{Code: "JT", Name: "极兔速递", Aliases: []string{"　"}}}, "Aliases", "　", ""},
		{"lc_id of another", []mapping.CarrierRow{{Code: "JT", Name: "极兔速递", LCIDs: []string{"sf"}}}, "LCIDs", "sf", "SF"},
		{"logisticsCode of another", []mapping.CarrierRow{{Code: "JT", Name: "极兔速递", Qimen: "ems"}}, "Qimen", "ems", "EMS"},
		{"name of another", []mapping.CarrierRow{{Code: "JT", Name: "圆通"}}, "Name", "圆通", "YTO"},
		{"company of another", []mapping.CarrierRow{{Code: "JT", Name: "极兔", Company: "申通 快递"}}, "Company", "申通 快递", "STO"},
		{"alias of another", []mapping.CarrierRow{{Code: "JT", Name: "极兔", Aliases: []string{"中通速递"}}}, "Aliases", "中通速递", "ZTO"},
		{"among the new", []mapping.CarrierRow{{Code: "JT", Name: "极兔", Qimen: "JT"}, {Code: "JT2", Name: "极兔二", Qimen: "JT"}}, "Qimen", "JT", "JT"},
		{"given twice", []mapping.CarrierRow{{Code: "JT", Name: "极兔"}, {Code: "jt", Name: "极兔速递"}}, "Code", "jt", "jt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := table.With(tt.rows...)
			var row *mapping.CarrierRowError
			require.ErrorAs(t, err, &row)
			assert.Equal(t, []string{tt.field, tt.value, tt.other}, []string{row.Field, row.Value, row.Other})
			says := "is already used by row"
			switch {
			case tt.other == "" && tt.value == "":
				says = "is empty"
			case tt.other == "":
				says = "is not in the table or cannot be used"
			}
			assert.Contains(t, err.Error(), tt.field)
			assert.Contains(t, err.Error(), says)
			assert.Contains(t, err.Error(), " / 物流公司")
			assert.Empty(t, got.Rows())
		})
	}

	t.Run("all that is wrong", func(t *testing.T) {
		_, err := table.With(mapping.CarrierRow{Code: "A", Name: "圆通", Qimen: "SF"}, mapping.CarrierRow{})
		joined, ok := err.(interface{ Unwrap() []error })
		require.True(t, ok)
		assert.Len(t, joined.Unwrap(), 4)
	})
}

func TestCarriersRecodeAndWithout(t *testing.T) {
	table := mapping.DefaultCarriers()
	own, err := table.Recode(map[string]string{"SF": "0001", "YTO": "SF"})
	require.NoError(t, err)
	got, err := own.FromDianJia("SF", "")
	require.NoError(t, err)
	assert.Equal(t, "YTO", got.LCID, "codes are exchanged all at once")
	got, err = own.FromJushuitan("SF.9", "顺丰速运")
	require.NoError(t, err)
	assert.Equal(t, "0001", got.Code)

	var row *mapping.CarrierRowError
	_, err = table.Recode(map[string]string{"nobody": "x"})
	require.ErrorAs(t, err, &row)
	assert.Equal(t, "nobody", row.Value)
	_, err = table.Recode(map[string]string{"SF": "YTO"})
	require.ErrorAs(t, err, &row)
	assert.NotEmpty(t, row.Other)
	_, err = table.Recode(map[string]string{"SF": ""})
	require.ErrorAs(t, err, &row)

	fewer := table.Without("sf", "nobody")
	assert.Len(t, fewer.Rows(), len(table.Rows())-1)
	_, err = fewer.FromJushuitan("SF", "顺丰")
	require.Error(t, err)
	assert.Empty(t, mapping.Carriers{}.Without("SF").Rows())
}

func TestCarriersWithJushuitan(t *testing.T) {
	merchant := []jushuitan.Carrier{
		{LCID: "SF.9", LCName: "顺丰（杭州）"},
		{LCID: "SF", LCName: "顺丰速运"},
		{LCID: "ZTO.8", LCName: "中通快递"},
		{LCID: "YD17", LCName: "韵达快递"},
		{LCID: "JTSD", LCName: "极兔速递"},
		{LCID: "STO", LCName: "圆通速递"},
		{LCID: "", LCName: "申通快递"},
		{LCID: "EMS", LCName: "邮政"},
		{LCID: "EYB", LCName: "邮政"},
	}
	table, rest, err := mapping.DefaultCarriers().WithJushuitan(merchant)
	require.NoError(t, err)
	assert.Equal(t, []jushuitan.Carrier{merchant[5], merchant[6]}, rest)

	for _, tt := range []struct{ code, lcID, company string }{
		{"SF", "SF", "顺丰速运"},
		{"ZTO", "ZTO.8", "中通快递"},
		{"YUNDA", "YD17", "韵达快递"},
		{"YTO", "YTO", "圆通速递"}, // not set up by the merchant
		{"EMS", "EMS", "EMS"},  // its name is two carriers': it is not taken
	} {
		lcID, company, err := table.ToJushuitan(tt.code, "")
		require.NoError(t, err, tt.code)
		assert.Equal(t, []string{tt.lcID, tt.company}, []string{lcID, company})
	}
	for _, tt := range []struct{ lcID, company, want string }{
		{"", "顺丰（杭州）", "SF"},
		{"YD17", "", "YUNDA"},
		{"ZTO", "", "ZTO"},
		{"", "韵达速递", "YUNDA"},
	} {
		got, err := table.FromJushuitan(tt.lcID, tt.company)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got.Code)
	}
	_, err = table.FromJushuitan("", "邮政")
	require.Error(t, err)

	again, rest, err := table.WithJushuitan(merchant)
	require.NoError(t, err)
	assert.Len(t, rest, 2)
	assert.Equal(t, table.Rows(), again.Rows(), "doing it twice changes nothing more")
}

// A found carrier's own words find it again.
func TestCarrierRoundTrip(t *testing.T) {
	table := mapping.DefaultCarriers()
	for _, r := range table.Rows() {
		for _, name := range append([]string{r.Name, r.Name + "快递", " " + strings.ToLower(r.Name) + " 公司"}, r.Aliases...) {
			got, err := table.FromDianJia("", name)
			require.NoError(t, err, name)
			assert.Equal(t, r.Code, got.Code, name)
		}
		for _, id := range r.LCIDs {
			for _, form := range []string{id, id + ".12", strings.ToLower(id), id + ".1.2"} {
				got, err := table.FromJushuitan(form, r.Name)
				require.NoError(t, err, form)
				assert.Equal(t, r.Code, got.Code, form)
			}
		}
	}
}

func TestCarrierLookupDoesNotAllocate(t *testing.T) {
	table := mapping.DefaultCarriers()
	for _, q := range [][2]string{{"YTO", "圆通速递"}, {"SF.9", "顺丰速运"}, {"", "圆通"}} {
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := table.FromJushuitan(q[0], q[1]); err != nil {
				t.Error(err)
			}
		}), q)
	}
}

// No text makes a look-up panic; what is found is in the table; a row for the text is
// found by it, in the forms that are told alike.
func FuzzCarriers(f *testing.F) {
	for _, seed := range [][2]string{{"SF.9", "顺丰速运"}, {"", "圆 通"}, {"JTSD", "极兔"}, {".", "快递快递"}, {"ＯＴＨＥＲ", "\xff"}, {"ǆ", "İExpress公司"}, {"00\xae", "速运"}} {
		f.Add(seed[0], seed[1])
	}
	table := mapping.DefaultCarriers().OnConflict(mapping.CarrierPreferCode)
	f.Fuzz(func(t *testing.T, code, name string) {
		got, err := table.FromJushuitan(code, name)
		if err == nil {
			if _, err := table.FromDianJia(got.Code, ""); err != nil {
				t.Errorf("%q %q: %v", code, name, err)
			}
			return
		}
		var unknown *mapping.UnknownCarrierError
		if !errors.As(err, &unknown) || err.Error() == "" {
			t.Fatalf("%q %q: %v", code, name, err)
		}
		_, _ = table.FromQimen(code, name)
		if strings.ContainsAny(code, ".．") {
			return // what follows the first one is the merchant's
		}
		more, err := table.With(mapping.CarrierRow{Code: code, Name: name, LCIDs: []string{code}})
		if err != nil {
			return // it has no letters, or is another's in DianJia
		}
		for _, q := range [][2]string{{code, ""}, {code + ".5", ""}, {" " + code, ""}, {"", name}, {"", " " + name + "快递"}, {"", name + "速运公司"}} {
			found, err := more.FromJushuitan(q[0], q[1])
			if err != nil || found.Code != code {
				t.Errorf("%q %q: found %+v, %v", q[0], q[1], found, err)
			}
		}
	})
}

func BenchmarkCarriers(b *testing.B) {
	table := mapping.DefaultCarriers()
	for _, q := range [][2]string{{"YTO", "圆通速递"}, {"SF.9", "顺丰速运"}, {"", "圆通速递"}, {"", " 圆通 快递"}} {
		b.Run(fmt.Sprintf("%s|%s", q[0], strings.TrimSpace(q[1])), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.FromJushuitan(q[0], q[1]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := table.FromJushuitan("NOPE", "某某速递"); err == nil {
				b.Fatal("found")
			}
		}
	})
}

func ExampleCarriers_FromJushuitan() {
	table, err := mapping.DefaultCarriers().With(mapping.CarrierRow{
		Code: "JT", Name: "极兔速递", LCIDs: []string{"JTSD"}, Qimen: mapping.QimenOther,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	push := jushuitan.ShipmentPush{LCID: "SF.9", LogisticsCompany: "顺丰速运"}
	carrier, err := table.FromJushuitan(push.LCID, push.LogisticsCompany)
	fmt.Println(carrier.Code, carrier.Name, carrier.Qimen, carrier.By, err)

	_, err = table.FromJushuitan("YT0", "")
	var unknown *mapping.UnknownCarrierError
	if errors.As(err, &unknown) {
		fmt.Println("unknown:", unknown.Code, "nearest:", unknown.Nearest[0].Name)
	}
	// Output:
	// SF 顺丰速运 SF base code <nil>
	// unknown: YT0 nearest: 圆通速递
}

func ExampleCarriers_WithJushuitan() {
	merchant := []jushuitan.Carrier{ // the rows of client.Carriers.All
		{LCID: "SF.1", LCName: "顺丰速运"},
		{LCID: "SDWL", LCName: "闪电物流"},
	}
	table, rest, err := mapping.DefaultCarriers().WithJushuitan(merchant)
	if err != nil {
		fmt.Println(err)
		return
	}
	lcID, company, err := table.ToJushuitan("SF", "")
	fmt.Println(lcID, company, err)
	fmt.Println("no row for:", rest[0].LCName)
	// Output:
	// SF.1 顺丰速运 <nil>
	// no row for: 闪电物流
}

// TestMerchantsCarriersWin: the carriers that a merchant's ERP lists win over the aliases of
// the built-in table, in any order.
func TestMerchantsCarriersWin(t *testing.T) {
	names := []string{"顺丰速运", "顺丰快递", "圆通速递", "圆通", "京东快递", "京东物流", "我的专线", "德邦快递", "德邦物流", "极兔", "邮政", "中国邮政", "安能", "跨越物流", "韵达", "ＥＭＳ"}
	codes := []string{"SF", "SF.1", "SF.9", "YTO", "yto.2", "JD", "JDWL", "X1", "DBKD", "DBL", "JTSD", "POSTB", "YZXB", "ANE", "KYE", "YUNDA", "YD"}
	for seed := range uint64(racetest.Fewer(3000)) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var rows []jushuitan.Carrier
		code, name := rng.Perm(len(codes)), rng.Perm(len(names))
		for i := range 1 + rng.IntN(5) {
			rows = append(rows, jushuitan.Carrier{LCID: codes[code[i]], LCName: names[name[i]]})
		}
		table, rest, err := mapping.DefaultCarriers().WithJushuitan(rows)
		require.NoError(t, err, "seed %d", seed)
		for _, row := range rows {
			if slices.Contains(rest, row) {
				continue // code and name are those of different carriers, or neither is known
			}
			got, err := table.FromJushuitan(row.LCID, row.LCName)
			require.NoError(t, err, "seed %d: %v of %v", seed, row, rows)
			lcID, company, err := table.ToJushuitan(got.Code, row.LCName)
			require.NoError(t, err, "seed %d: %v", seed, row)
			require.Equal(t, row.LCID+" "+row.LCName, lcID+" "+company, "seed %d: the name as the merchant writes it, of %v", seed, rows)
		}
	}

	merchant := []jushuitan.Carrier{
		{LCID: "JD", LCName: "京东快递"}, {LCID: "JDWL", LCName: "京东物流"}, // one carrier with two codes
		{LCID: "EMS", LCName: "中国邮政"}, // an alias of POSTB
	}
	for range 4 {
		merchant = append(merchant[1:], merchant[0])
		table, rest, err := mapping.DefaultCarriers().WithJushuitan(merchant)
		require.NoError(t, err)
		assert.Empty(t, rest)
		for _, m := range merchant {
			lcID, company, err := table.ToJushuitan("", m.LCName)
			require.NoError(t, err, m.LCName)
			assert.Equal(t, []string{m.LCID, m.LCName}, []string{lcID, company}, "the merchant's own row is written")
			_, err = table.FromJushuitan(m.LCID, m.LCName)
			require.NoError(t, err, "the merchant's own row is read")
		}
		for code, want := range map[string]string{"EMS": "EMS", "JDWL": "JD"} {
			got, err := table.FromJushuitan(code, "")
			require.NoError(t, err)
			assert.Equal(t, want, got.Code)
		}
		got, err := table.FromJushuitan("", "中国邮政")
		require.NoError(t, err)
		assert.Equal(t, "EMS", got.Code)
	}
	for _, name := range []string{"极兔速递", "极兔", "德邦快递", "德邦物流", "跨越速运", "安能物流", "顺丰快运", "京东快运", "百世快运", "壹米滴答", "丰网", "众邮快递", "丹鸟", "苏宁物流"} {
		lcID, _, err := mapping.DefaultCarriers().ToJushuitan("", name)
		require.NoError(t, err, name)
		assert.NotEmpty(t, lcID)
	}
}
