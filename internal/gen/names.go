package main

import (
	"strings"
	"unicode"
)

// initialisms are written in capitals, or in the spelling that is usual in the field.
var initialisms = map[string]string{
	"id": "ID", "ids": "IDs", "sku": "SKU", "skus": "SKUs", "url": "URL", "sn": "SN", "sns": "SNs",
	"so": "So", "o": "O", "io": "IO", "oi": "OI", "ioi": "IOI", "as": "AS", "asi": "ASI", "l": "L", "lc": "LC",
	"i": "I", "c": "C", "p": "P", "pv": "PV", "u": "U", "ug": "UG", "vc": "VC", "wms": "WMS", "lwh": "LWH", "lp": "LP",
	"oa": "OA", "po": "PO", "ts": "TS", "bom": "BOM", "boms": "BOMs", "json": "JSON", "imei": "IMEI", "cb": "CB",
	"f": "F", "s": "S", "en": "En", "cn": "CN", "un": "Un", "lid": "LID", "oaid": "OAID", "wh": "Wh", "rm": "RM", "r": "R",
	"cbfinance": "CBFinance", "cblogistic": "CBLogistic", "ispvname": "IsPVName", "coid": "CoID", "outerwms": "OuterWMS",
	"wmscoid": "WMSCoID", "oid": "OID", "drp": "Drp", "pwd": "Password", "flds": "Fields",
}

// goName returns the Go name of a wire name: so_id SoID, wms_co_id WMSCoID.
func goName(wire string) string {
	var b strings.Builder
	for _, part := range words(wire) {
		lower := strings.ToLower(part)
		if s, ok := initialisms[lower]; ok {
			b.WriteString(s)
			continue
		}
		r := []rune(part)
		b.WriteRune(unicode.ToUpper(r[0]))
		b.WriteString(string(r[1:]))
	}
	return b.String()
}

// words splits a name at underscores and before capitals.
func words(name string) []string {
	var out []string
	for part := range strings.SplitSeq(name, "_") {
		start := 0
		for i := 1; i < len(part); i++ {
			if unicode.IsUpper(rune(part[i])) && !unicode.IsUpper(rune(part[i-1])) {
				out = append(out, part[start:i])
				start = i
			}
		}
		if part[start:] != "" {
			out = append(out, part[start:])
		}
	}
	return out
}

// singular returns the name of one element of a list.
func singular(name string) string {
	switch {
	case strings.HasSuffix(name, "ies"):
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "ches"):
		return strings.TrimSuffix(name, "es")
	case strings.HasSuffix(name, "ss"), !strings.HasSuffix(name, "s"):
		return name
	default:
		return strings.TrimSuffix(name, "s")
	}
}
