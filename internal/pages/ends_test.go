package pages_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dianjia/jushuitan-go/internal/pages"
)

var (
	silent = pages.Info{}
	more   = pages.Info{KnowsNext: true, HasNext: true}
	last   = pages.Info{KnowsNext: true}
)

// counting is an answer that counts rows, and has has_next if it has a value.
func counting(total int64, next ...bool) pages.Info {
	i := pages.Info{Total: total, KnowsNext: len(next) > 0}
	for _, v := range next {
		i.HasNext = v
	}
	return i
}

// TestWhichPageIsTheLast: what the answers of a list say decides which pages are requested.
// Several pages without a count are read twice.
func TestWhichPageIsTheLast(t *testing.T) {
	for name, tt := range map[string]struct {
		size  int64
		pages []page
		asked string
		rows  string
		says  string // the error
	}{
		// has_next
		"no more, short":                  {2, []page{{rows: "a", info: last}}, "1", "a", ""},
		"no more, full: is no evidence":   {2, []page{{rows: "a b", info: last}}, "1212", "ab", ""},
		"no more, full, but there is one": {2, []page{{rows: "a b", info: last}, {rows: "c", info: last}}, "1212", "abc", ""},
		"no more, full, counts agree":     {2, []page{{rows: "a b", info: counting(2, false)}}, "1", "ab", ""},
		"no more, but counts say more":    {2, []page{{rows: "a b", info: counting(3, false)}, {rows: "c", info: counting(3, false)}}, "12", "abc", ""},
		"more, short":                     {2, []page{{rows: "a", info: more}, {rows: "b", info: last}}, "1212", "ab", ""},
		"more, but counts say none":       {2, []page{{rows: "a", info: counting(1, true)}, {rows: "b", info: last}}, "1212", "ab", ""},
		"nothing at all":                  {2, []page{{info: silent}}, "1", "", ""},
		"an empty page, no more":          {2, []page{{info: last}}, "1", "", ""},

		// counts
		"count reached, short":                    {2, []page{{rows: "a", info: counting(1)}}, "1", "a", ""},
		"count reached, full: is no evidence":     {2, []page{{rows: "a b", info: counting(2)}}, "1212", "ab", ""},
		"count not reached on a short page":       {2, []page{{rows: "a b", info: counting(4)}, {rows: "c", info: counting(4)}, {rows: "d", info: counting(4)}}, "123", "abcd", ""},
		"an empty page among those counted":       {2, []page{{rows: "a b", info: counting(5)}, {info: counting(5)}, {rows: "c", info: counting(5)}}, "12341234", "abc", ""},
		"the last one counted is empty":           {2, []page{{rows: "a b", info: counting(3)}, {info: counting(3)}}, "1212", "ab", ""},
		"it promises more and is the last":        {2, []page{{rows: "a b", info: counting(3, true)}, {info: counting(3, true)}, {rows: "c", info: counting(3, false)}}, "123", "abc", ""},
		"it promises more behind the last":        {2, []page{{rows: "a b", info: counting(2, true)}, {info: counting(2, true)}, {rows: "c", info: last}}, "1212", "ab", ""},
		"two full pages counted":                  {2, []page{{rows: "a b", info: counting(4, true)}, {rows: "c d", info: counting(4, true)}, {info: counting(4, true)}, {rows: "x"}}, "123", "abcd", ""},
		"one row more than two full pages":        {2, []page{{rows: "a b", info: counting(5, true)}, {rows: "c d", info: counting(5, true)}, {info: counting(5, true)}, {rows: "e", info: counting(5, false)}}, "1234", "abcde", ""},
		"page_count alone":                        {2, []page{{rows: "a b", info: pages.Info{Pages: 2}}, {rows: "c", info: pages.Info{Pages: 2}}}, "1212", "abc", ""},
		"page_count alone, full to the end":       {2, []page{{rows: "a b", info: pages.Info{Pages: 2}}, {rows: "c d", info: pages.Info{Pages: 2}}}, "123123", "abcd", ""},
		"page_count says more than data_count":    {2, []page{{rows: "a b", info: pages.Info{Total: 2, Pages: 2}}, {rows: "c", info: pages.Info{Total: 2, Pages: 2}}}, "1212", "abc", ""},
		"a count that changes from page to page":  {2, []page{{rows: "a b", info: counting(3)}, {rows: "c", info: counting(4)}}, strings.Repeat("123", 8), "abc", "8 passes over them do not agree"},
		"an empty first page of some":             {2, []page{{info: counting(3)}}, "1", "", "counts 3 rows, but its first page is empty"},
		"a first page that cannot be decoded":     {2, []page{{rows: "?", info: counting(1)}}, "1", "", ""},
		"a first page of null rows":               {2, []page{{rows: "-", info: counting(1, false)}}, "1212", "", ""},
		"a null row that is one of those counted": {3, []page{{rows: "a b -", info: counting(3, false)}}, "1212", "ab", ""},
		"a null row that is not counted":          {3, []page{{rows: "a b -", info: counting(2, false)}}, "1", "ab", ""},
		"a row that cannot be decoded counts":     {3, []page{{rows: "a b ?", info: counting(3, false)}}, "1", "ab", ""},

		"page_count 1 and no more, full":   {2, []page{{rows: "a b", info: pages.Info{Pages: 1, KnowsNext: true}}}, "1", "ab", ""},
		"pages of one row, one is counted": {1, []page{{rows: "a", info: counting(1, false)}}, "1", "a", ""},
		"pages of one row, no more":        {1, []page{{rows: "a", info: last}}, "1212", "a", ""},
		"an empty first page of one row":   {2, []page{{info: counting(1)}}, "1", "", "counts 1 rows, but its first page is empty"},

		// nothing is said
		"silent, short":                      {2, []page{{rows: "a"}}, "1212", "a", ""},
		"silent, full":                       {2, []page{{rows: "a b"}, {rows: "c"}}, "123123", "abc", ""},
		"no page size":                       {0, []page{{rows: "a"}, {rows: "b"}}, "1", "a", ""},
		"no page size, counted":              {0, []page{{rows: "a", info: counting(1)}}, "1", "a", ""},
		"no page size, but more is promised": {0, []page{{rows: "a", info: more}, {rows: "b"}}, "1212", "ab", ""},

		// the server's page size
		"the server's pages are shorter, full":  {4, []page{{rows: "a b", info: pages.Info{KnowsNext: true, Size: 2}}, {rows: "c", info: pages.Info{KnowsNext: true, Size: 2}}}, "1212", "abc", ""},
		"the server's pages are shorter, short": {4, []page{{rows: "a", info: pages.Info{KnowsNext: true, Size: 2}}}, "1", "a", ""},
		"the server names a longer page":        {2, []page{{rows: "a b", info: pages.Info{KnowsNext: true, Size: 9}}, {rows: "c", info: last}}, "1212", "abc", ""},
		"the server's pages have one row":       {4, []page{{rows: "a", info: pages.Info{KnowsNext: true, Size: 1}}, {rows: "b", info: pages.Info{KnowsNext: true, Size: 1}}}, "123123", "ab", ""},
		"shorter pages counted":                 {4, []page{{rows: "a b", info: pages.Info{Total: 3, Size: 2}}, {rows: "c", info: pages.Info{Total: 3, Size: 2}}}, "12", "abc", ""},

		// empty pages that promise more
		"two of them":                 {2, []page{{info: more}, {info: more}, {rows: "a", info: last}}, "123123", "a", ""},
		"three of them":               {2, []page{{rows: "a", info: more}, {info: more}, {info: more}, {info: more}, {rows: "b"}}, "1234", "a", "3 empty pages in a row promise more"},
		"two, a row, two":             {2, []page{{info: more}, {info: more}, {rows: "a", info: more}, {info: more}, {info: more}, {rows: "b", info: last}}, "123456123456", "ab", ""},
		"three with null rows":        {2, []page{{rows: "-", info: more}, {rows: "- -", info: more}, {rows: "-", info: more}, {rows: "a", info: last}}, "123", "", "3 empty pages in a row promise more"},
		"rows that cannot be decoded": {2, []page{{rows: "?", info: more}, {rows: "? -", info: more}, {rows: "?", info: more}, {rows: "a", info: last}}, "12341234", "a", ""},

		// repeated pages
		"the same page":                        {2, []page{{rows: "a b", info: more}, {rows: "a b", info: more}}, "12", "ab", "page 2 repeats the page before"},
		"the same page in another order":       {2, []page{{rows: "a b", info: more}, {rows: "b a", info: more}}, "12", "ab", "page 2 repeats"},
		"the same page of one row":             {1, []page{{rows: "a", info: more}, {rows: "a", info: more}}, "12", "a", "page 2 repeats"},
		"the same full page, silent":           {2, []page{{rows: "a b"}, {rows: "a b"}}, "12", "ab", "page 2 repeats"},
		"the same short page, silent":          {2, []page{{rows: "a"}, {rows: "a"}, {rows: "b"}}, "1212", "a", ""},
		"the same keys on short pages, silent": {3, []page{{rows: "a b"}, {rows: "A B"}, {rows: "c"}}, "12", "ab", "page 2 has the keys of the page before"},
		"the same page later":                  {2, []page{{rows: "a b", info: more}, {rows: "c d", info: more}, {rows: "d c", info: more}}, "123", "abcd", "page 3 repeats"},
		"the same keys, other contents":        {2, []page{{rows: "a b", info: more}, {rows: "A B", info: more}}, "12", "ab", "page 2 has the keys of the page before"},
		"one key, other contents":              {2, []page{{rows: "a", info: more}, {rows: "A", info: last}}, "1212", "aA", ""},
		"some rows of the page before":         {3, []page{{rows: "a b c", info: more}, {rows: "b c", info: last}}, "1212", "abc", ""},
		"some rows of it, and another":         {3, []page{{rows: "a b c", info: more}, {rows: "b c d", info: last}, {rows: "e"}}, "12341234", "abcde", ""},
		"some of its keys, and another":        {2, []page{{rows: "a b", info: more}, {rows: "A c", info: more}, {rows: "d", info: last}}, "123123", "abAcd", ""},
		"all of its keys, and another":         {3, []page{{rows: "a b", info: more}, {rows: "A B c", info: more}, {rows: "d", info: last}}, "123123", "abABcd", ""},
		"a row twice in the page":              {3, []page{{rows: "a b", info: more}, {rows: "a a b", info: more}}, "12", "ab", "page 2 repeats"},
		"one key twice, another not":           {3, []page{{rows: "a b", info: more}, {rows: "A A", info: last}}, "1212", "abA", ""},
		"a key twice in the page before":       {3, []page{{rows: "a A b", info: more}, {rows: "a B", info: more}, {rows: "d", info: last}}, "123123", "aAbBd", ""},
		"rows without keys, the same":          {2, []page{{rows: ".a .b", info: more}, {rows: ".b .a", info: more}}, "12", "ab", "page 2 repeats"},
		"rows without keys, more of the same":  {3, []page{{rows: ".a", info: more}, {rows: ".a .a", info: last}}, "1212", "aaa", ""},
		"no key is no key in common":           {2, []page{{rows: ".a b", info: more}, {rows: ".c B", info: last}, {rows: "d"}}, "12341234", "abcBd", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(inTurn(tt.pages...))
			s.PageSize = 0
			got, err := letters(s.All(t.Context(), &request{Size: tt.size}))
			assertEnd(t, tt.says, err)
			assert.Equal(t, tt.rows, got)
			assert.Equal(t, tt.asked, s.indexes(), "pages requested")
		})
	}
}

// TestNoListOfRows: an answer without the list of rows is an error if anything says that there
// are rows, on whatever page and in whatever pass.
func TestNoListOfRows(t *testing.T) {
	for name, tt := range map[string]struct {
		page page
		says string
	}{
		"nothing says so":  {page{absent: true}, ""},
		"no more":          {page{absent: true, info: last}, ""},
		"another array":    {page{absent: true, other: "order_list"}, `no list "orders" where it is documented, but "order_list"`},
		"a count of rows":  {page{absent: true, info: counting(1)}, `no "orders", but counts 1 rows`},
		"a count of pages": {page{absent: true, info: pages.Info{Pages: 1}}, `no "orders", but counts 1 rows`},
		"has_next":         {page{absent: true, info: more}, `no "orders", but has_next`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := letters(scripted(inTurn(tt.page)).All(t.Context(), &request{Size: 2}))
			assertEnd(t, tt.says, err)
			if tt.says == "" {
				return
			}
			for n := 1; n <= 4; n++ { // pages 1 and 2, twice
				answer := func(at int, q request) page {
					if at == n {
						return tt.page
					}
					return inTurn(page{rows: "a5 b5", info: more}, page{rows: "c5 d5", info: last})(at, q)
				}
				_, err := letters(scripted(answer).All(t.Context(), &request{Size: 3}))
				assertEnd(t, tt.says, err)
				_, err = letters(scripted(answer).Since(t.Context(), 4, &request{Size: 3}))
				assertEnd(t, tt.says, err)
			}
		})
	}
}
