package main

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/dianjia/jushuitan-go/internal/catalog"
	"github.com/dianjia/jushuitan-go/internal/wire"
)

// scrubber replaces the values of answers with invented ones of the same type, length and
// alphabet; the same value, or a part of one, such as an id in a list, becomes the same
// everywhere. It keeps what is of the protocol and not of the merchant: names of members, the
// code, page numbers and counts, flags, documented values of enumerations, numbers of one
// digit, zeros, and the usual messages. Times are moved, all by the same span.
//
// The replacements depend on a key that is never stored: nobody can compute the values back.
type scrubber struct {
	key   []byte
	shift time.Duration
	seen  map[string]bool   // the parts that occur in any answer
	made  map[string]string // replacement by part
	used  map[string]bool   // replacements
}

func newScrubber(key []byte) *scrubber {
	s := &scrubber{key: key, seen: map[string]bool{}, made: map[string]string{}, used: map[string]bool{}}
	n := s.hash("shift", 0)
	s.shift = -time.Duration(400+n[0]%1000)*24*time.Hour - time.Duration(n[1]%80000)*time.Second
	return s
}

func (s *scrubber) hash(part string, try byte) [4]uint64 {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte{try})
	h.Write([]byte(part))
	sum := h.Sum(nil)
	var out [4]uint64
	for i := range out {
		out[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return out
}

// learn notes the values of an answer, so that no replacement is one of them.
func (s *scrubber) learn(body []byte) {
	text, _, _ := plain(body)
	_, _ = s.each(text, func(name string, v jsontext.Value, _ bool) []byte {
		value := unquoted(v)
		if name == "msg" || name == "message" { // its words are the API's
			return v
		}
		s.seen[value] = true
		split(value, func(part string, word bool) {
			if word {
				s.seen[part] = true
			}
		})
		return v
	})
}

// scrub returns an answer with replaced values, in its encoding. It reports false if the answer
// is not JSON.
func (s *scrubber) scrub(op *catalog.Operation, body []byte) ([]byte, bool) {
	text, gbk, marked := plain(body)
	r := &replacer{scrubber: s, kept: keptValues(op), refused: isRefusal(text)}
	r.dataNames(text)
	out, ok := s.each(text, r.replace)
	if !ok {
		return nil, false
	}
	if gbk {
		var err error
		if out, err = simplifiedchinese.GB18030.NewEncoder().Bytes(out); err != nil {
			return nil, false
		}
	}
	if marked {
		out = append([]byte(bom), out...)
	}
	return out, true
}

// isRefusal reports whether an answer has a code other than 0.
func isRefusal(text []byte) bool {
	var head struct {
		Code json.RawMessage `json:"code"`
	}
	return json.Unmarshal(text, &head) == nil && strings.Trim(string(head.Code), `" 0nul`) != ""
}

// replacer replaces the values of an answer.
type replacer struct {
	*scrubber
	kept
	refused bool
}

func (r *replacer) replace(name string, v jsontext.Value, isName bool) []byte {
	value := unquoted(v)
	switch {
	case isName && (r.dictionaries[folded(name)] || !nameOf.MatchString(value) && !r.names[folded(value)]):
		return quoted(r.text(value))
	case isName || v.Kind() != '"' && v.Kind() != '0' || r.keeps(name, value):
		return v
	case v.Kind() == '0':
		return []byte(r.text(value))
	case r.refused && (name == "msg" || name == "message"):
		return quoted(r.message(value))
	}
	return quoted(r.text(value))
}

// keeps reports whether a value is of the protocol.
func (k kept) keeps(name, value string) bool {
	return keptText(value) || keptNames[folded(name)] && wholeNumber.MatchString(value) || k.values[folded(name)][value]
}

// each copies JSON with each name and each plain value replaced. name is that of the member
// that holds the value, or of the object that holds the name. It reports false at a syntax
// error.
func (s *scrubber) each(text []byte, replace func(name string, v jsontext.Value, isName bool) []byte) ([]byte, bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var out bytes.Buffer
	var names []string // of the open objects and lists; the last is of the next value
	name, from := "", int64(0)
	for dec.StackDepth() > 0 || from == 0 {
		kind := dec.PeekKind()
		var part []byte
		switch kind {
		case '{', '[', '}', ']':
			if _, err := dec.ReadToken(); err != nil {
				return nil, false
			}
			part = []byte{byte(kind)}
			if kind == '{' || kind == '[' {
				names = append(names, name)
			} else {
				name, names = names[len(names)-1], names[:len(names)-1]
			}
		default:
			in, n := dec.StackIndex(dec.StackDepth())
			isName := in == '{' && n%2 == 0
			v, err := dec.ReadValue()
			if err != nil {
				return nil, false
			}
			length := len(v)
			switch {
			case isName:
				name = unquoted(v)
				part = replace(names[len(names)-1], v, true)
			case len(names) == 0:
				part = replace("", v, false)
			default:
				part = replace(name, v, false)
			}
			kind = 0
			out.Write(text[from : dec.InputOffset()-int64(length)])
		}
		if kind != 0 {
			out.Write(text[from : dec.InputOffset()-1])
		}
		out.Write(part)
		from = dec.InputOffset()
	}
	out.Write(text[from:])
	return out.Bytes(), len(bytes.TrimSpace(text[from:])) == 0
}

func unquoted(v jsontext.Value) string {
	if v.Kind() != '"' {
		return string(v)
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	return string(text)
}

func quoted(text string) []byte {
	out, _ := jsontext.AppendQuote(nil, text) // invalid UTF-8 becomes U+FFFD
	return out
}

// kept are the values of an operation that stay.
type kept struct {
	values       map[string]map[string]bool // by folded name
	dictionaries map[string]bool            // folded names of members whose names are data
	names        map[string]bool            // documented names, folded
}

// dataNames adds the members of an answer that seem to be dictionaries and are not documented.
func (k kept) dataNames(text []byte) {
	var root any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&root) == nil {
		k.findDataNames("", root)
	}
}

func (k kept) findDataNames(name string, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			k.findDataNames(name, e)
		}
	case map[string]any:
		documented := name == "" || name == "data"
		for n, e := range v {
			documented = documented || k.names[folded(n)]
			k.findDataNames(n, e)
		}
		if !documented && isDictionary(v) {
			k.dictionaries[folded(name)] = true
		}
	}
}

func keptValues(op *catalog.Operation) kept {
	k := kept{values: map[string]map[string]bool{}, dictionaries: map[string]bool{}, names: map[string]bool{}}
	for _, f := range op.Response {
		k.names[folded(f.Leaf())] = true
		if parent, _, ok := strings.Cut(f.Name, "."+every); ok {
			k.dictionaries[folded(parent[strings.LastIndexByte(parent, '.')+1:])] = true
		}
		if f.PII {
			continue
		}
		for _, v := range f.Values {
			name := folded(f.Leaf())
			if k.values[name] == nil {
				k.values[name] = map[string]bool{}
			}
			k.values[name][v] = true
		}
	}
	return k
}

// keptNames are the members whose numbers are of the protocol.
var keptNames = map[string]bool{
	"code": true, "pageindex": true, "pagesize": true, "datacount": true, "pagecount": true, "count": true, "total": true,
	"pages": true, "currentpage": true, "pagenum": true, "totalitems": true,
}

// usual are messages that name nothing.
var usual = []string{"执行成功", "操作成功", "查询成功", "成功", "未获取到数据", "success", "ok", "OK", "null"}

func keptText(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "":
		return true
	}
	return slices.Contains(usual, text)
}

// wireTimes are the layouts of times.
var wireTimes = []string{wire.TimeLayout, "2006-01-02", "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006/1/2 15:04:05"}

// text replaces a value.
func (s *scrubber) text(text string) string {
	if moved, ok := s.time(text); ok {
		return moved
	}
	var out strings.Builder
	split(text, func(part string, word bool) {
		if word {
			part = s.word(part)
		}
		out.WriteString(part)
	})
	return out.String()
}

// time moves a time. That of no year is none, and that of the year 9999 is for ever.
func (s *scrubber) time(text string) (string, bool) {
	whole, fraction, hasFraction := strings.Cut(text, ".")
	for _, layout := range wireTimes {
		t, err := time.Parse(layout, whole)
		if err != nil {
			continue
		}
		if t.Year() > 1 && t.Year() < 9999 {
			whole = t.Add(s.shift).Format(layout)
		}
		if hasFraction {
			if !wholeNumber.MatchString(fraction) {
				return "", false
			}
			whole += "." + fraction
		}
		return whole, true
	}
	return "", false
}

// split divides a text into words and what is between them. A word has letters or digits of
// one alphabet.
func split(text string, each func(part string, word bool)) {
	class := func(r rune) int {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return 1
		case r < utf8.RuneSelf, unicode.IsPunct(r), unicode.IsSpace(r):
			return 0
		}
		return 2
	}
	for len(text) > 0 {
		first, _ := utf8.DecodeRuneInString(text)
		c := class(first)
		end := strings.IndexFunc(text, func(r rune) bool { return class(r) != c })
		if end < 0 {
			end = len(text)
		}
		each(text[:end], c != 0)
		text = text[end:]
	}
}

// tries is how often another replacement is made if one is taken.
const tries = 64

// word replaces a word.
func (s *scrubber) word(word string) string {
	if len(word) == 1 && word[0] <= '9' || strings.Trim(word, "0") == "" {
		return word
	}
	if made, ok := s.made[word]; ok {
		return made
	}
	made := ""
	for try := range byte(tries) {
		made = s.invent(word, try)
		if made != word && !s.seen[made] && !s.used[made] {
			break
		}
	}
	for try := byte(tries); made == word; try++ { // a word so short that all others are taken
		made = s.invent(word, try)
	}
	s.made[word], s.used[made] = made, true
	return made
}

// hans are the characters of invented texts, all of which GBK has.
var hans = []rune("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃寒来暑往秋收冬藏金木水火土山石田禾竹米丝")

// invent makes a word of the same length, both in characters and bytes.
func (s *scrubber) invent(word string, try byte) string {
	var out strings.Builder
	n := 0
	var random [4]uint64
	for _, r := range word {
		if n%16 == 0 {
			random = s.hash(word+"|"+strconv.Itoa(n), try)
		}
		x := random[n%16/4] >> (16 * (n % 4)) & 0xffff
		out.WriteRune(likeIt(r, n == 0, rune(x)))
		n++
	}
	return out.String()
}

// likeIt returns a character of the kind and size of another, by a random number. A word stays
// a number: its first digit is 0 if it was.
func likeIt(r rune, first bool, x rune) rune {
	switch {
	case first && r == '0':
		return r
	case first && r > '0' && r <= '9':
		return '1' + x%9
	case r >= '0' && r <= '9':
		return '0' + x%10
	case r >= 'a' && r <= 'z':
		return 'a' + x%26
	case r >= 'A' && r <= 'Z':
		return 'A' + x%26
	}
	switch utf8.RuneLen(r) {
	case 2:
		return 'à' + x%16
	case 4:
		return '𠀀' + x%64
	}
	return hans[int(x)%len(hans)]
}

// apiWord matches the words of a refusal that are the API's.
var apiWord = regexp.MustCompile(`^(token|access|refresh|sign|timestamp|app|key|biz|version|charset|code|page|size|index|modified|begin|end|start|time|ts|id|ids|sku|shop|wms|co|so|io|as|ip|IP|json|JSON|int|type|data|is|not|invalid|expired|error|null)$`)

// message replaces in the message of a refusal what may be data: values of any answer, words
// with digits, and words that are not the API's.
func (s *scrubber) message(text string) string {
	values := make([]string, 0, len(s.seen))
	for v := range s.seen {
		if utf8.RuneCountInString(v) >= 2 && v != text && !keptText(v) && strings.Contains(text, v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, v := range values {
		if !apiWord.MatchString(v) {
			text = strings.ReplaceAll(text, v, s.text(v))
		}
	}
	var out strings.Builder
	split(text, func(part string, word bool) {
		if word && part[0] < utf8.RuneSelf && !apiWord.MatchString(part) && !s.used[part] {
			part = s.word(part)
		}
		out.WriteString(part)
	})
	return out.String()
}
