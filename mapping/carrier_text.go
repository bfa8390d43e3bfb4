package mapping

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// carrierMaxText limits how much of an external text is compared and printed.
const carrierMaxText = 64

// carrierCode folds a code: no blanks, half width, upper case.
func carrierCode(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || 'a' <= c && c <= 'z' {
			return carrierFold(s, unicode.ToUpper)
		}
	}
	return s
}

// carrierName folds a name: no blanks, half width, lower case, without an optional ending
// such as 快递. Endings such as 快运 and 物流 stay, since they distinguish the services of
// one carrier. A name that consists of an ending keeps it. Folding is idempotent.
func carrierName(s string) string {
	s = carrierFold(s, unicode.ToLower)
	endings := [...]string{"有限责任公司", "股份有限公司", "有限公司", "公司", "(集团)", "集团", "快递", "速递", "速运", "express"}
	for i := 0; i < len(endings); i++ {
		if cut, ok := strings.CutSuffix(s, endings[i]); ok && cut != "" {
			s, i = cut, -1 // look for all of them again
		}
	}
	return s
}

// carrierWritten is the key of a name as it is written, which no folded name equals.
func carrierWritten(name string) string { return "\x00" + strings.TrimSpace(name) }

// carrierFold drops blanks and makes full-width characters half-width.
func carrierFold(s string, to func(rune) rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		}
		return to(r)
	}, s)
}

// carrierBase cuts a merchant's suffix off an lc_id.
func carrierBase(code string) (base string, suffixed bool) {
	base, _, suffixed = strings.Cut(code, ".")
	return base, suffixed
}

func carrierClip(s string) string {
	n := 0
	for i := range s {
		if n == carrierMaxText {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

func carrierQuote(code, name string) string {
	switch {
	case name == "":
		return strconv.Quote(carrierClip(code))
	case code == "":
		return strconv.Quote(carrierClip(name))
	}
	return strconv.Quote(carrierClip(code)) + " (" + strconv.Quote(carrierClip(name)) + ")"
}

// unknown returns the error for a code and name that no row has.
func (c Carriers) unknown(system CarrierSystem, code, name string) error {
	e := &UnknownCarrierError{System: system, Code: code, Name: name}
	type distance struct {
		row          int
		edits, share int // share: of the longer text, in thousandths
	}
	var near []distance
	wantCode, wantName := []rune(carrierClip(carrierCode(code))), []rune(carrierClip(carrierStem(name)))
	if system == CarrierQimen && string(wantCode) == QimenOther {
		wantCode = nil
	}
	for i := range c.rows() {
		best := distance{row: i, share: 1001}
		consider := func(want []rune, texts ...string) {
			for _, text := range texts {
				have := []rune(carrierClip(text))
				if len(want) == 0 || len(have) == 0 {
					continue
				}
				d := distance{row: i, edits: carrierEdits(want, have)}
				d.share = d.edits * 1000 / max(len(want), len(have))
				if carrierWithin(want, have) {
					d.share = min(d.share, carrierNear)
				}
				if d.share < best.share {
					best = d
				}
			}
		}
		r := &c.table.rows[i]
		consider(wantCode, carrierCode(r.Code), carrierCode(r.Qimen))
		for _, id := range r.LCIDs {
			consider(wantCode, carrierCode(id))
		}
		for _, text := range r.names() {
			consider(wantName, carrierStem(text))
		}
		if best.share <= carrierNear {
			near = append(near, best)
		}
	}
	slices.SortStableFunc(near, func(a, b distance) int {
		return cmp.Or(cmp.Compare(a.share, b.share), cmp.Compare(a.edits, b.edits))
	})
	for _, d := range near[:min(3, len(near))] {
		e.Nearest = append(e.Nearest, c.carrier(d.row))
	}
	return e
}

// carrierStem folds a name for similarity comparisons, without the kind of service: 同城配送
// and 京东配送 have nothing else in common.
func carrierStem(s string) string {
	s = carrierName(s)
	for _, ending := range [...]string{"物流", "配送", "快运", "专线", "包裹"} {
		if cut, ok := strings.CutSuffix(s, ending); ok && cut != "" {
			return cut
		}
	}
	return s
}

// carrierNear is the share of a text, in thousandths, by which similar texts may differ.
const carrierNear = 500

// carrierWithin reports whether one text is a part of the other, such as 圆通 of 圆通特快.
func carrierWithin(a, b []rune) bool {
	return min(len(a), len(b)) > 1 && (strings.Contains(string(a), string(b)) || strings.Contains(string(b), string(a)))
}

// carrierEdits counts the characters to insert, remove or replace to make one text
// into the other.
func carrierEdits(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			edits := diagonal
			if x != y {
				edits = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], edits
		}
	}
	return row[len(b)]
}
