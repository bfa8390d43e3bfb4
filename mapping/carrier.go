package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// CarrierSystem is a system with its own carrier codes.
type CarrierSystem string

// The systems.
const (
	CarrierDianJia   CarrierSystem = "DianJia 店加"
	CarrierJushuitan CarrierSystem = "Jushuitan 聚水潭"
	CarrierQimen     CarrierSystem = "Qimen 奇门"
)

// QimenOther is the logisticsCode for carriers without a code of their own in Qimen.
// Several rows may have it, so that a lookup by this code finds none of them.
const QimenOther = "OTHER"

// CarrierRow 物流公司 is one row of a [Carriers] table.
type CarrierRow struct {
	Code string // 店加物流公司编码: the key of the row
	Name string // 店加物流公司名称

	// LCIDs 聚水潭物流公司编码: the lc_ids of the carrier. The first is written, all are
	// recognized. A code with a merchant's suffix (SF.9) is needed only if it is to be
	// written, or if it means another carrier than the code without the suffix.
	LCIDs   []string
	Company string   // 聚水潭物流公司名称: logistics_company as it is written; Name where it is empty
	Aliases []string // 别名: other names under which the carrier is known
	Qimen   string   // 奇门 logisticsCode; empty if there is none
}

// clone returns a deep copy of the row.
func (r CarrierRow) clone() CarrierRow {
	r.LCIDs, r.Aliases = slices.Clone(r.LCIDs), slices.Clone(r.Aliases)
	return r
}

// company returns the name to write to Jushuitan.
func (r *CarrierRow) company() string {
	if r.Company != "" {
		return r.Company
	}
	return r.Name
}

// names returns all names of the row.
func (r *CarrierRow) names() []string {
	return append([]string{r.Name, r.Company}, r.Aliases...)
}

// CarrierMatch states how a carrier was found.
type CarrierMatch string

// The ways to find a carrier, in the order in which they are tried.
const (
	CarrierByCode     CarrierMatch = "code"       // 编码
	CarrierByBaseCode CarrierMatch = "base code"  // 去后缀编码: SF.9 as SF
	CarrierByName     CarrierMatch = "name"       // 名称或别名
	CarrierByQimen    CarrierMatch = "Qimen code" // 奇门编码: an lc_id that is in the table as a logisticsCode only
)

// Carrier 物流公司 is the result of a lookup, with the codes and names of all three
// systems. An unknown code is empty.
type Carrier struct {
	Code    string // 店加物流公司编码
	Name    string // 店加物流公司名称
	LCID    string // 聚水潭物流公司编码: the one to write
	Company string // 聚水潭物流公司名称
	Qimen   string // 奇门 logisticsCode

	By CarrierMatch // how the carrier was found
	// Conflict is the code of the other carrier if code and name disagreed and the
	// policy chose one of them; otherwise empty.
	Conflict string
}

// CarrierConflictPolicy decides what happens when code and name belong to different
// carriers.
type CarrierConflictPolicy int

// The policies.
const (
	CarrierRejectConflict CarrierConflictPolicy = iota // a [*CarrierConflictError]; the default
	CarrierPreferCode                                  // the code's carrier; Conflict names the other
	CarrierPreferName                                  // the name's carrier; Conflict names the other
)

// Carriers 物流公司对照表 translates carriers between DianJia, Jushuitan and Qimen. It is
// immutable: methods that change it return a new table. The zero value is an empty
// table. It is safe for concurrent use.
type Carriers struct {
	table  *carrierTable
	policy CarrierConflictPolicy
	listed map[string]jushuitan.Carrier // the merchant's own carriers, by folded name and by carrierWritten
}

// carrierTable holds the rows and where to find them: positions by folded code or name.
type carrierTable struct {
	rows    []CarrierRow
	byCode  map[string]int
	byLCID  map[string]int
	byQimen map[string]int
	byName  map[string]int // also under the names as they are written
}

// DefaultCarriers returns the built-in table: the carriers of Qimen's logisticsCode
// list, of which five have a known lc_id, equal to the code in Qimen: SF, STO, YTO, ZTO and
// POSTB; and large carriers that the list lacks, with the lc_id of Jushuitan's standard
// carriers (one public source) and without a logisticsCode, for which Qimen has
// [QimenOther]. The lc_id of the others depends on the merchant, see
// [Carriers.WithJushuitan].
//
// DianJia's own codes are not public, so the table uses Qimen's codes, or the lc_id, in
// their place. Replace them with [Carriers.Recode] or [Carriers.With].
func DefaultCarriers() Carriers {
	table, err := newCarrierTable(carrierDefaults())
	if err != nil {
		panic(err) // cannot happen: a test builds it
	}
	return Carriers{table: table}
}

func carrierDefaults() []CarrierRow {
	known := func(code, name string, aliases ...string) CarrierRow {
		return CarrierRow{Code: code, Name: name, LCIDs: []string{code}, Aliases: aliases, Qimen: code}
	}
	qimen := func(code, name string, aliases ...string) CarrierRow {
		return CarrierRow{Code: code, Name: name, Aliases: aliases, Qimen: code}
	}
	large := func(code, lcID, name string, aliases ...string) CarrierRow {
		return CarrierRow{Code: code, Name: name, LCIDs: []string{lcID}, Aliases: aliases}
	}
	return []CarrierRow{
		known("SF", "顺丰速运", "SF Express"),
		known("YTO", "圆通速递", "YTO Express"),
		known("ZTO", "中通快递", "ZTO Express"),
		known("STO", "申通快递", "STO Express"),
		known("POSTB", "邮政小包", "邮政国内小包", "邮政快递包裹", "中国邮政"),
		qimen("YUNDA", "韵达速递"),
		qimen("EMS", "EMS", "邮政EMS", "中国邮政EMS", "邮政特快专递", "特快专递"),
		qimen("EYB", "EMS经济快递", "邮政经济快递"),
		qimen("ZJS", "宅急送"),
		qimen("HTKY", "百世快递", "百世汇通", "汇通快递"),
		qimen("UC", "优速快递"),
		qimen("TTKDEX", "天天快递"),
		qimen("QFKD", "全峰快递"),
		qimen("FAST", "快捷快递"),
		qimen("GTO", "国通快递"),
		qimen("JD", "京东快递", "京东物流", "京东配送"),
		qimen("DD", "当当物流", "当当配送", "当当"),
		qimen("AMAZON", "亚马逊物流", "亚马逊配送", "亚马逊"),
		large("JT", "JTSD", "极兔速递", "极兔", "J&T", "J&T Express"),
		large("DBKD", "DBKD", "德邦快递", "德邦"),
		large("DBL", "DBL", "德邦物流"),
		large("KYE", "KYE", "跨越速运", "跨越", "跨越物流"),
		large("ANE", "ANE", "安能快运", "安能", "安能物流"),
		large("SFKY", "SFKY", "顺丰快运"),
		large("JDKY", "JDKY", "京东快运"),
		large("BESTQJT", "BESTQJT", "百世快运"),
		large("YMDD", "YMDD", "壹米滴答"),
		large("SXJD", "SXJD", "顺心捷达"),
		large("FENGWANG", "FENGWANG", "丰网速运", "丰网"),
		large("ZYKD", "ZYKD", "众邮快递", "众邮"),
		large("DANNIAO", "CP570969", "丹鸟", "丹鸟物流", "丹鸟快递"),
		large("HOAU", "HOAU", "天地华宇"),
		large("RRS", "RRS", "日日顺", "日日顺物流"),
		large("SUNING", "SUNING", "苏宁快递", "苏宁物流"),
		large("SURE", "SURE", "速尔快递", "速尔"),
		large("PINGJUN", "PINGJUN", "品骏快递", "品骏"),
		large("JYM", "JYM", "加运美"),
		large("LTS", "LTS", "联昊通", "联昊通速递"),
	}
}

// With returns a table with the rows added. A row whose Code is already in the table
// replaces that row as a whole. Rows without a code or name, and rows that share an
// lc_id, logisticsCode or name with another carrier, are errors: one [*CarrierRowError]
// each, joined. Names are compared without spaces, case, character width and endings
// such as 快递.
func (c Carriers) With(rows ...CarrierRow) (Carriers, error) {
	merged := c.Rows()
	at := make(map[string]int, len(merged)+len(rows))
	for i := range merged {
		at[carrierCode(merged[i].Code)] = i
	}
	given := make(map[string]bool, len(rows))
	var errs []error
	for _, row := range rows {
		key := carrierCode(row.Code)
		if given[key] && key != "" {
			errs = append(errs, &CarrierRowError{Code: row.Code, Field: "Code", Value: row.Code, Other: row.Code})
			continue
		}
		given[key] = true
		if i, ok := at[key]; ok {
			merged[i] = row.clone()
			continue
		}
		at[key] = len(merged)
		merged = append(merged, row.clone())
	}
	if len(errs) > 0 {
		return Carriers{}, errors.Join(errs...)
	}
	return c.with(merged)
}

// Without returns a table without the rows that have these DianJia codes. Unknown codes
// are ignored.
func (c Carriers) Without(codes ...string) Carriers {
	drop := make(map[string]bool, len(codes))
	for _, code := range codes {
		drop[carrierCode(code)] = true
	}
	rows := slices.DeleteFunc(c.Rows(), func(r CarrierRow) bool { return drop[carrierCode(r.Code)] })
	out, err := c.with(rows)
	if err != nil {
		panic(err) // cannot happen: a subset of a valid table is valid
	}
	return out
}

// Recode returns a table with DianJia's codes replaced: the keys of codes are the codes
// in the table, the values those in DianJia. A key that is not in the table is a
// [*CarrierRowError].
func (c Carriers) Recode(codes map[string]string) (Carriers, error) {
	rows := c.Rows()
	at := make(map[string]int, len(rows))
	for i := range rows {
		at[carrierCode(rows[i].Code)] = i
	}
	var errs []error
	for _, from := range slices.Sorted(maps.Keys(codes)) {
		i, ok := at[carrierCode(from)]
		if !ok {
			errs = append(errs, &CarrierRowError{Code: from, Field: "Code", Value: from})
			continue
		}
		rows[i].Code = codes[from]
	}
	if len(errs) > 0 {
		return Carriers{}, errors.Join(errs...)
	}
	return c.with(rows)
}

// WithJushuitan returns a table that includes the carriers that a merchant has set up (the
// rows of client.Carriers.All), and the merchant's carriers that match no row of this table
// by lc_id, lc_id without suffix, or name. Carriers that the merchant has not set up remain
// unchanged.
//
// The merchant's settings take precedence over the table. A name that is an alias of another
// row moves to the row with the merchant's lc_id. [Carriers.ToJushuitan] writes the
// merchant's lc_id in place of the table's, preferably one without suffix, and with the
// merchant's name for it; if called with a name that the merchant uses, it writes the lc_id of
// that name, even if the table treats both names as one carrier (京东快递 and 京东物流, or 顺丰速运 and
// 顺丰快递). Names that the merchant uses for several carriers are ignored.
func (c Carriers) WithJushuitan(merchant []jushuitan.Carrier) (Carriers, []jushuitan.Carrier, error) {
	c = c.yieldAliases(merchant)
	rows := c.Rows()
	fits, rest := c.fit(merchant)
	listed := maps.Clone(c.listed)
	if listed == nil {
		listed = make(map[string]jushuitan.Carrier)
	}
	for i, own := range fits {
		if len(own) == 0 {
			continue
		}
		slices.SortStableFunc(own, func(a, b jushuitan.Carrier) int {
			return strings.Count(a.LCID, ".") - strings.Count(b.LCID, ".")
		})
		r := &rows[i]
		var lcIDs []string
		r.Aliases = append(r.Aliases, r.Company)
		for _, m := range own {
			lcIDs, r.Aliases = append(lcIDs, m.LCID), append(r.Aliases, m.LCName)
			if name := carrierName(m.LCName); name != "" && !slices.ContainsFunc(own, func(o jushuitan.Carrier) bool {
				return o.LCID != m.LCID && carrierName(o.LCName) == name && listed[name].LCID == o.LCID
			}) {
				listed[name] = m
			}
			if key := carrierWritten(m.LCName); m.LCName != "" && (listed[key].LCID == "" || !slices.ContainsFunc(own, func(o jushuitan.Carrier) bool {
				return o.LCID != m.LCID && o.LCID == listed[key].LCID
			})) {
				listed[key] = m
			}
		}
		r.LCIDs = carrierUnique(append(lcIDs, r.LCIDs...), carrierCode)
		r.Aliases = carrierUnique(r.Aliases, carrierName)
		if carrierName(own[0].LCName) != "" {
			r.Company = own[0].LCName
		}
	}
	out, err := c.with(rows)
	out.listed = listed
	return out, rest, err
}

// fit returns the merchant's carriers that match each row, and those that match none. Names
// that several carriers share are ignored.
func (c Carriers) fit(merchant []jushuitan.Carrier) (fits [][]jushuitan.Carrier, rest []jushuitan.Carrier) {
	strict := c.OnConflict(CarrierRejectConflict)
	at := make([]int, len(merchant)) // the row of each, or -1
	owner := make(map[string]int)    // by folded name
	shared := make(map[string]bool)  // names of several carriers
	for i, m := range merchant {
		row, _, _, err := strict.find(CarrierJushuitan, m.LCID, m.LCName)
		if base, _ := carrierBase(carrierCode(m.LCID)); err != nil || base == "" {
			at[i], rest = -1, append(rest, m)
			continue
		}
		at[i] = row
		name := carrierName(m.LCName)
		if other, ok := owner[name]; ok && other != row {
			shared[name] = true
		}
		owner[name] = row
	}
	fits = make([][]jushuitan.Carrier, len(c.rows()))
	for i, m := range merchant {
		if at[i] < 0 {
			continue
		}
		if shared[carrierName(m.LCName)] {
			m.LCName = ""
		}
		fits[at[i]] = append(fits[at[i]], m)
	}
	return fits, rest
}

// yieldAliases returns the table without the aliases that the merchant uses for another
// carrier, as its lc_id shows.
func (c Carriers) yieldAliases(merchant []jushuitan.Carrier) Carriers {
	rows, changed := c.Rows(), false
	strict := c.OnConflict(CarrierRejectConflict)
	for _, m := range merchant {
		var conflict *CarrierConflictError
		if _, _, _, err := strict.find(CarrierJushuitan, m.LCID, m.LCName); !errors.As(err, &conflict) {
			continue
		}
		name := carrierName(m.LCName)
		i := c.table.named(m.LCName)
		if carrierName(rows[i].Name) == name || carrierName(rows[i].Company) == name {
			continue
		}
		rows[i].Aliases = slices.DeleteFunc(rows[i].Aliases, func(alias string) bool { return carrierName(alias) == name })
		changed = true
	}
	if !changed {
		return c
	}
	out, err := c.with(rows)
	if err != nil {
		panic(err) // cannot happen: fewer names cannot collide
	}
	return out
}

// carrierUnique removes empty and duplicate texts.
func carrierUnique(texts []string, fold func(string) string) []string {
	seen := make(map[string]bool, len(texts))
	return slices.DeleteFunc(texts, func(s string) bool {
		key := fold(s)
		if key == "" || seen[key] {
			return true
		}
		seen[key] = true
		return false
	})
}

// OnConflict returns the table with another policy for codes and names that disagree.
func (c Carriers) OnConflict(policy CarrierConflictPolicy) Carriers {
	c.policy = policy
	return c
}

// Rows returns a copy of the rows, in their order.
func (c Carriers) Rows() []CarrierRow {
	t := c.rows()
	out := make([]CarrierRow, len(t))
	for i := range t {
		out[i] = t[i].clone()
	}
	return out
}

func (c Carriers) rows() []CarrierRow {
	if c.table == nil {
		return nil
	}
	return c.table.rows
}

func (c Carriers) with(rows []CarrierRow) (Carriers, error) {
	table, err := newCarrierTable(rows)
	if err != nil {
		return Carriers{}, err
	}
	return Carriers{table: table, policy: c.policy, listed: c.listed}, nil
}

// newCarrierTable indexes the rows, which it keeps.
func newCarrierTable(rows []CarrierRow) (*carrierTable, error) {
	t := &carrierTable{
		rows:    rows,
		byCode:  make(map[string]int, len(rows)),
		byLCID:  make(map[string]int, len(rows)),
		byQimen: make(map[string]int, len(rows)),
		byName:  make(map[string]int, 4*len(rows)),
	}
	var errs []error
	bad := func(row int, field, value, other string) {
		errs = append(errs, &CarrierRowError{Code: rows[row].Code, Field: field, Value: value, Other: other})
	}
	put := func(index map[string]int, row int, field, key, value string) {
		if key == "" {
			bad(row, field, value, "")
			return
		}
		if other, ok := index[key]; ok && other != row {
			bad(row, field, value, rows[other].Code)
			return
		}
		index[key] = row
	}
	for i := range rows {
		r := &rows[i]
		put(t.byCode, i, "Code", carrierCode(r.Code), r.Code)
		for _, id := range r.LCIDs {
			key := carrierCode(id)
			if base, _ := carrierBase(key); base == "" {
				key = ""
			}
			put(t.byLCID, i, "LCIDs", key, id)
		}
		if q := carrierCode(r.Qimen); q != "" && q != QimenOther {
			put(t.byQimen, i, "Qimen", q, r.Qimen)
		}
		put(t.byName, i, "Name", carrierName(r.Name), r.Name)
		if r.Company != "" {
			put(t.byName, i, "Company", carrierName(r.Company), r.Company)
		}
		for _, alias := range r.Aliases {
			put(t.byName, i, "Aliases", carrierName(alias), alias)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	// Names are also indexed as written. None of them is another carrier's folded name,
	// since folding that changes nothing.
	for i := range rows {
		for _, name := range rows[i].names() {
			if name != "" {
				t.byName[name] = i
			}
		}
	}
	return t, nil
}

// FromJushuitan finds the carrier of an order, outbound document or shipment push. It
// tries the full lc_id, the lc_id without the merchant's suffix (SF.9 as SF),
// logistics_company, and finally the lc_id as a Qimen code. Either argument may be
// empty. Errors are [*UnknownCarrierError] and [*CarrierConflictError].
//
// A name that is not in the table does not conflict: the code decides. Neither does the
// name of the carrier without the suffix if the row was found by the full lc_id.
func (c Carriers) FromJushuitan(lcID, company string) (Carrier, error) {
	return c.from(CarrierJushuitan, lcID, company)
}

// FromQimen finds the carrier of a Qimen message by logisticsCode, then by
// logisticsName. For [QimenOther] only the name is used.
func (c Carriers) FromQimen(logisticsCode, logisticsName string) (Carrier, error) {
	return c.from(CarrierQimen, logisticsCode, logisticsName)
}

// FromDianJia finds the carrier of an order of DianJia by its code, then by its name.
func (c Carriers) FromDianJia(code, name string) (Carrier, error) {
	return c.from(CarrierDianJia, code, name)
}

// ToJushuitan returns the lc_id and logistics_company to write to Jushuitan for a
// DianJia carrier. A carrier without a known lc_id is an [*UnknownCarrierError].
func (c Carriers) ToJushuitan(code, name string) (lcID, company string, err error) {
	found, err := c.FromDianJia(code, name)
	if err != nil {
		return "", "", err
	}
	for _, key := range [...]string{carrierWritten(name), carrierName(name)} {
		own, ok := c.listed[key]
		row, still := c.table.byLCID[carrierCode(own.LCID)]
		if ok && still && row == c.table.byCode[carrierCode(found.Code)] {
			return own.LCID, own.LCName, nil
		}
	}
	if found.LCID == "" {
		return "", "", &UnknownCarrierError{System: CarrierDianJia, Target: CarrierJushuitan, Code: found.Code, Name: found.Name}
	}
	return found.LCID, found.Company, nil
}

// ToQimen returns the logisticsCode and logisticsName to write to Qimen for a DianJia
// carrier. A carrier without a logisticsCode is an [*UnknownCarrierError]; set its
// row's Qimen to [QimenOther] if the receiver accepts that.
func (c Carriers) ToQimen(code, name string) (logisticsCode, logisticsName string, err error) {
	found, err := c.FromDianJia(code, name)
	if err != nil {
		return "", "", err
	}
	if found.Qimen == "" {
		return "", "", &UnknownCarrierError{System: CarrierDianJia, Target: CarrierQimen, Code: found.Code, Name: found.Name}
	}
	return found.Qimen, found.Name, nil
}

func (c Carriers) from(system CarrierSystem, code, name string) (Carrier, error) {
	row, other, by, err := c.find(system, code, name)
	if err != nil {
		return Carrier{}, err
	}
	found := c.carrier(row)
	found.By = by
	if other >= 0 {
		found.Conflict = c.table.rows[other].Code
	}
	return found, nil
}

// carrier returns a row as a Carrier.
func (c Carriers) carrier(row int) Carrier {
	r := &c.table.rows[row]
	found := Carrier{Code: r.Code, Name: r.Name, Company: r.company(), Qimen: r.Qimen}
	if len(r.LCIDs) > 0 {
		found.LCID = r.LCIDs[0]
	}
	return found
}

// find returns the row, and the row that lost a conflict, or -1.
func (c Carriers) find(system CarrierSystem, code, name string) (row, other int, by CarrierMatch, err error) {
	t := c.table
	if t == nil {
		t = &carrierTable{}
	}
	coded, by := t.byCodeOf(system, code)
	named := t.named(name)
	switch {
	case coded < 0 && named < 0:
		return -1, -1, "", c.unknown(system, code, name)
	case coded < 0:
		return named, -1, CarrierByName, nil
	case named < 0 || named == coded:
		return coded, -1, by, nil
	}
	if base, suffixed := carrierBase(carrierCode(code)); system == CarrierJushuitan && suffixed && by == CarrierByCode {
		if i, ok := t.byLCID[base]; ok && i == named {
			return coded, -1, by, nil
		}
	}
	switch c.policy {
	case CarrierPreferCode:
		return coded, named, by, nil
	case CarrierPreferName:
		return named, coded, CarrierByName, nil
	}
	return -1, -1, "", &CarrierConflictError{System: system, Code: code, Name: name,
		ByCode: c.carrier(coded), ByName: c.carrier(named)}
}

// byCodeOf returns the row of a party's code, or -1.
func (t *carrierTable) byCodeOf(system CarrierSystem, code string) (int, CarrierMatch) {
	if code == "" {
		return -1, ""
	}
	key := carrierCode(code)
	switch system {
	case CarrierJushuitan:
		if i, ok := t.byLCID[key]; ok {
			return i, CarrierByCode
		}
		base, _ := carrierBase(key)
		if i, ok := t.byLCID[base]; ok {
			return i, CarrierByBaseCode
		}
		if i, ok := t.byQimen[base]; ok {
			return i, CarrierByQimen
		}
	case CarrierQimen:
		if i, ok := t.byQimen[key]; ok {
			return i, CarrierByCode
		}
	case CarrierDianJia:
		if i, ok := t.byCode[key]; ok {
			return i, CarrierByCode
		}
	}
	return -1, ""
}

// named returns the row of a name, or -1.
func (t *carrierTable) named(name string) int {
	if name == "" {
		return -1
	}
	if i, ok := t.byName[name]; ok {
		return i
	}
	if key := carrierName(name); key != "" {
		if i, ok := t.byName[key]; ok {
			return i
		}
	}
	return -1
}

// UnknownCarrierError reports a carrier that is not in the table, or that has no code
// in the target system.
type UnknownCarrierError struct {
	System  CarrierSystem // the system that Code and Name come from
	Target  CarrierSystem // the system whose code is missing; empty if the table does not have the carrier at all
	Code    string
	Name    string
	Nearest []Carrier // up to three similar rows, the most similar first; empty if no row is similar
}

// Error names the carrier and the most similar ones, and says what to do, in English and
// Chinese.
func (e *UnknownCarrierError) Error() string {
	carrier := carrierQuote(e.Code, e.Name)
	if e.Target != "" {
		return fmt.Sprintf("mapping: carrier %s has no code for %s in the table: add one to its row with Carriers.With,"+
			" or load the merchant's carriers with Carriers.WithJushuitan"+
			" / 物流公司 %s 在对照表中没有%s编码：请用 Carriers.With 补充，或用 Carriers.WithJushuitan 载入商家的物流公司",
			carrier, e.Target, carrier, e.Target)
	}
	var en, zh string
	if len(e.Nearest) > 0 {
		names := make([]string, len(e.Nearest))
		for i, n := range e.Nearest {
			names[i] = carrierQuote(n.Code, n.Name)
		}
		list := strings.Join(names, ", ")
		en, zh = "; most similar: "+list, "；最接近的是："+list
	}
	return fmt.Sprintf("mapping: carrier %s of %s is not in the table%s: add a row or an alias with Carriers.With"+
		" / %s的物流公司 %s 不在对照表中%s：请用 Carriers.With 增加一行或别名",
		carrier, e.System, en, e.System, carrier, zh)
}

// CarrierConflictError reports a code and a name that belong to different carriers.
type CarrierConflictError struct {
	System CarrierSystem
	Code   string
	Name   string
	ByCode Carrier // the carrier with this code
	ByName Carrier // the carrier with this name
}

// Error names both carriers and says what to do, in English and Chinese.
func (e *CarrierConflictError) Error() string {
	carrier := carrierQuote(e.Code, e.Name)
	byCode, byName := carrierQuote(e.ByCode.Code, e.ByCode.Name), carrierQuote(e.ByName.Code, e.ByName.Name)
	return fmt.Sprintf("mapping: carrier %s of %s: the code belongs to %s, the name to %s: correct it at the source,"+
		" or choose one with Carriers.OnConflict"+
		" / %s的物流公司 %s：编码属于 %s，名称属于 %s：请在源头更正，或用 Carriers.OnConflict 选择其一",
		carrier, e.System, byCode, byName, e.System, carrier, byCode, byName)
}

// CarrierRowError reports an invalid row of a [Carriers] table.
type CarrierRowError struct {
	Code  string // 店加物流公司编码 of the row
	Field string // the invalid field of [CarrierRow]
	Value string
	Other string // the code of the row that already has the value; empty if the value itself is invalid
}

// Error names the row and the value, in English and Chinese.
func (e *CarrierRowError) Error() string {
	row, value := carrierClip(e.Code), carrierClip(e.Value)
	switch {
	case e.Other != "":
		other := carrierClip(e.Other)
		return fmt.Sprintf("mapping: carrier row %q: %s %q is already used by row %q: a value may belong to one carrier only"+
			" / 物流公司 %q 的 %s %q 与 %q 重复：一个值只能对应一家物流公司", row, e.Field, value, other, row, e.Field, value, other)
	case e.Value != "":
		return fmt.Sprintf("mapping: carrier row %q: %s %q is not in the table or cannot be used"+
			" / 物流公司 %q 的 %s %q 不在对照表中或无法使用", row, e.Field, value, row, e.Field, value)
	default:
		return fmt.Sprintf("mapping: carrier row %q: %s is empty / 物流公司 %q 缺少 %s", row, e.Field, row, e.Field)
	}
}
