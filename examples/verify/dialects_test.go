package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// The differences that several dialects have in common.
const (
	noHasNext  = "pages: has_next is absent or null"
	noCount    = "pages: data_count is absent"
	noMember   = "unknown member: number" // a dialect adds a page member to an operation that lacks it
	cannotRead = "reading failed: the SDK cannot read the answer"
	noNext     = "pages: page N of M rows cannot be read: service unavailable"                               // of a page that a gateway answered
	again      = "pages: the second page is the first again: the page number has no effect, or rows entered" // of a sample, whose pages do not turn
	badPage    = "pages: page N of M rows cannot be read: inconsistent pagination"
)

// notSeen are the dialects that no read shows, and why.
var notSeen = map[string]string{
	"flag-issuccess":       "it is the documented name",
	"row-code":             "only writes have verdicts of rows",
	"row-object":           "of uploads",
	"partial-130":          "of uploads",
	"payload-flatter":      "only writes are documented with data.data",
	"late-rows":            "only a write has rows appear late",
	"late-effects":         "only a write has effects",
	"quota-counts-refused": "the run stays within the quota",
}

// seen is what a dialect is reported as: all differences that the fake does not have without
// it, without what is documented and where.
var seen = map[string][]string{
	"flag-text":          {"verdict: issuccess is text"},
	"flag-is_success":    {"verdict: issuccess is named is_success"},
	"flag-success":       {"verdict: issuccess is named success"},
	"flag-isSuccess":     {"verdict: issuccess is named isSuccess"},
	"flag-root-absent":   {"verdict: issuccess is absent"},
	"flag-root-null":     {"verdict: issuccess is null"},
	"flag-root-empty":    {"verdict: issuccess is empty text"},
	"flag-absent":        {"verdict: issuccess is absent"},
	"flag-null":          {"verdict: issuccess is null"},
	"message":            {"envelope: msg is named message"},
	"msg-null":           {"envelope: msg is null"},
	"code-text":          {"verdict: code is text"},
	"code-null-success":  {"verdict: code is null", cannotRead},
	"code-null-failure":  {"verdict: code is null", "refusal: refused without a code"},
	"code-absent":        {"verdict: code is absent", cannotRead},
	"verdict-in-data":    {"verdict: data.code is the code of a refusal that has code 0"},
	"request-id-camel":   {"envelope: request_id is named requestId"},
	"request-id-in-data": {"envelope: request_id is named requestId in data"},
	"request-id-null":    {"envelope: request_id is null"},

	"bom":                 {"encoding: a byte order mark precedes the JSON"},
	"gbk":                 {"encoding: GBK", "encoding: content type says charset GBK"},
	"content-type-html":   {"encoding: content type text/html"},
	"content-type-binary": {"encoding: content type application/octet-stream"},
	"chunked":             {"transfer: in chunks"},
	"until-close":         {"transfer: without a length, until the connection closes"},
	"gzip":                {"transfer: compressed with gzip"},

	"rows-at-root":       {"place: the payload is in the root", "rows: data is an empty list where there are no rows"},
	"rows-are-data":      {"rows: data is the list of rows", "rows: data is an empty list where there are no rows"},
	"payload-deeper":     {"place: the payload is in data.data"},
	"no-rows-null":       {"rows: the list of rows is null where there are no rows", badPage},
	"no-rows-absent":     {"rows: the list of rows is absent where there are no rows", badPage},
	"rows-renamed":       {"rows: the list of rows is named rows"},
	"rows-null":          {"rows: the list of rows is null although rows are counted"},
	"rows-absent":        {"rows: the list of rows is absent although rows are counted"},
	"row-object-always":  {"rows: the list of rows is one object instead of a list", cannotRead},
	"pascal-case":        {"other spelling: names that differ in case or underscores"},
	"pascal-case-always": {"other spelling: names that differ in case or underscores"},
	"text-numbers":       {"other kind: text", "verdict: issuccess is text"},
	"data-null":          {"rows: data is null where there are no rows", "rows: the list of rows is null where there are no rows"},
	"data-text": {
		"rows: data is a text where there are no rows", "rows: the list of rows is a text where there are no rows", cannotRead,
		"pages: page N of M rows cannot be read: cannot decode the response", "unknown member: text",
	},
	"data-array": {"rows: data is an empty list where there are no rows", "unknown member: list"},
	"fractions":  {"time format: 0000-00-00 00:00:00.000"},

	"no-has_next":     {noHasNext},
	"has_next-false":  {"pages: has_next is false although another page follows", "unknown member: flag"},
	"has_next-true":   {"pages: has_next is true on the last page", noCount, "unknown member: flag"},
	"no-counts":       {noCount},
	"null-counts":     {"pages: data_count is null", "unknown member: null"},
	"pages-capped":    {"pages: pages hold at most 3 rows, 5 were requested"},
	"rows-repeat":     {"pages: the row of the first page is on the second too: rows entered while pages were read", "pages: data_count is another on another page: the data changed, or rows entered"},
	"rows-move":       {"pages: rows moved between pages while they were read"},
	"counts-of-page":  {"pages: data_count is the number of rows of the page, not of the query", noHasNext, noMember},
	"counts-too-high": {"pages: data_count is higher than the number of rows", noHasNext, noMember},
	"counts-stale":    {"pages: data_count is lower than the number of rows", noHasNext, noMember},
	"unsorted":        {"pages: rows have no recognisable order"},

	"clock-ahead":  {"clock: the server's clock is 6m0s ahead of this one"},
	"clock-behind": {"clock: the server's clock is 6m0s behind this one"},
	"business-100": {"refusal: code 100"},
	"business-150": {"refusal: code 150"},
	"business-200": {"refusal: code 200"},
	"page-502":     {"gateway: a page with status 502: not the API answers"},
	"page-200":     {"gateway: a page with status 200: not the API answers"},
	"firewall-200": {"gateway: a page with status 200: not the API answers"},
	"firewall-400": {"gateway: a page with status 400: not the API answers", noNext, again},
	"firewall-403": {"gateway: a page with status 403: not the API answers", noNext, again},
	"firewall-413": {"gateway: a page with status 413: not the API answers", noNext, again},
	"firewall-502": {"gateway: a page with status 502: not the API answers"},
}

// typical are operations of every shape: pages at the root and in data, rows in data itself,
// flags, members in UpperCamelCase, dictionaries, no rows, a refusal for its content.
var typical = []string{
	"Shops.Query", "Warehouses.Query", "Users.Query", "Distribution.QuerySuppliers", "Items.Query", "SKUs.Query", "SKUs.QueryCostPrices", "BOMs.Query",
	"Inventory.Query", "VirtualWarehouses.QueryStock", "Orders.Query", "Orders.QueryActions", "Outbounds.Query", "AfterSales.Query",
	"AfterSales.QueryPayments", "AfterSales.QueryReturnParcels", "Purchases.Query", "Manufactures.Query", "QuickSale.QueryLabels", "Bins.Recommend",
	"CrossBorder.QueryOrders", "Finance.QueryPayables", "SerialNumbers.QueryTrackLog", "SerialNumbers.QueryMoves",
}

// TestDialects: each way in which the service may answer is reported as what it is, and as
// nothing else.
func TestDialects(t *testing.T) {
	plain := newLab(t).only(typical...)
	require.Len(t, plain.ops, len(typical))
	before := differences(plain.report(plain.verify(t), nil))
	names := map[string]bool{}
	for i, d := range append(jushuitantest.Dialects(), jushuitantest.Guesses()...) {
		names[d.Name] = true
		if testing.Short() && i%3 != 0 {
			continue // -short is for another time zone, with a third of them
		}
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, d).only(typical...)
			if d.Name == "rows-move" { // it moves rows of the first queries only
				l.only("SKUs.Query")
			}
			results := l.verify(t)
			got := map[string]bool{}
			for key, text := range differences(l.report(results, nil)) {
				if before[key] == "" {
					got[text] = true
				}
			}
			want, invisible := seen[d.Name], notSeen[d.Name]
			require.NotEqual(t, invisible == "", want == nil, "%s (%s) is in one of the tables", d.Name, d.EN)
			assert.ElementsMatch(t, want, slices.Collect(maps.Keys(got)), "%s: %s", d.Name, d.EN)
			l.agrees(t, results)
		})
	}
	for name := range seen {
		assert.True(t, names[name], "no dialect is named %s", name)
	}
}

// differences returns the differences of a report, by their text and an operation.
func differences(r *report) map[string]string {
	out := map[string]string{}
	for _, s := range r.Summary {
		text := s.Kind + ": " + pageNumber.ReplaceAllString(s.Seen, "page N of M rows")
		if len(s.Operations) == 0 {
			out[text] = text
		}
		for _, op := range s.Operations {
			out[text+" "+op] = text
		}
	}
	return out
}

// agrees checks that the comparison sees what the SDK's reader notes, and nothing else, of the
// answers whose payload is in its place. The reader skips the envelope.
func (l *lab) agrees(t *testing.T, results []*result) {
	t.Helper()
	for _, r := range results {
		ours, theirs := map[string]bool{}, map[string]bool{}
		elsewhere := false
		for _, f := range r.Findings {
			elsewhere = elsewhere || f.Kind == kindPlace || f.Kind == kindRows || f.Kind == kindReading
			if memberKinds[f.Kind] && f.Kind != kindTime {
				ours[f.Kind+" "+folded(f.Path)] = true
			}
		}
		for _, d := range l.drift {
			if d.Op != r.Name {
				continue
			}
			leaf := d.Path[strings.LastIndexByte(d.Path, '.')+1:]
			silent := d.Path == "data" && r.op.Payload == ""                                                           // data that is null, beside a payload at the root
			oneRow := d.Kind == jushuitan.OtherKind && r.op.Rows == leaf && documented(r.op).at(d.Path).field.OrObject // as the catalog says
			if !slices.Contains(envelopeNames, leaf) && !silent && !oneRow {
				theirs[string(d.Kind)+" "+folded(d.Path)] = true
			}
		}
		delete(ours, "unknown member data")
		if !elsewhere {
			assert.Equal(t, theirs, ours, "%s: what the reader notes", r.Name)
		}
	}
}

var pageNumber = regexp.MustCompile(`page \d+ of \d+ rows`)
