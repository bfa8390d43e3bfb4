package redact

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Wire masks what was sent and received, for people who investigate it: members by their
// names, the values that the caller knows, and mobile numbers wherever they occur.
type Wire struct {
	Names    map[string]bool // [Folded], the names of the members with personal data
	Values   []string        // masked however they are escaped
	Personal bool            // personal data stays: Names and mobile numbers are not masked
}

// secretNames lists the members whose values are always masked, in lower case and without
// underscores and hyphens.
var secretNames = map[string]bool{
	"accesstoken": true, "refreshtoken": true, "token": true, "jsttoken": true, "appsecret": true, "secret": true, "password": true,
	"sign": true, "session": true, "sessionkey": true, "partnerkey": true,
	"authorization": true, "proxyauthorization": true, "cookie": true, "setcookie": true,
}

var separators = strings.NewReplacer("_", "", "-", "")

func fold(name string) string { return separators.Replace(strings.ToLower(name)) }

// Folded returns a set of names in which case, underscores and hyphens make no difference.
func Folded(names map[string]bool) map[string]bool {
	out := make(map[string]bool, len(names))
	for name := range names {
		out[fold(name)] = true
	}
	return out
}

func (w *Wire) hides(name string) bool {
	name = fold(name)
	return secretNames[name] || !w.Personal && w.Names[name]
}

// Params masks the parameters of a query or a form.
func (w *Wire) Params(params url.Values) url.Values {
	return w.values(params)
}

// Header masks the header of an answer.
func (w *Wire) Header(h http.Header) http.Header { return w.values(h) }

func (w *Wire) values(all map[string][]string) map[string][]string {
	out := make(map[string][]string, len(all))
	for name, values := range all {
		masked := make([]string, len(values))
		for i, v := range values {
			if masked[i] = Mask; !w.hides(name) {
				masked[i] = w.inner(v)
			}
		}
		out[w.Text(name)] = masked
	}
	return out
}

// Body masks a body, or a text that may be one: JSON and XML member by member, and
// everything else as [Wire.Text] does. What follows a syntax error is left out, since its
// structure is unknown.
func (w *Wire) Body(body []byte) string {
	switch text := bytes.TrimLeft(body, "\ufeff \t\r\n"); {
	case len(text) == 0:
		return ""
	case text[0] == '{' || text[0] == '[':
		return w.json(text)
	case text[0] == '<' && !isPage(text):
		return w.xml(text)
	}
	return w.Text(string(body))
}

// inner masks a text within another, such as a document in a parameter. A text that only
// looks like JSON, such as "[1] remark", is masked as a text.
func (w *Wire) inner(s string) string {
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "[") && !strings.Contains(t, `"`) && !jsontext.Value(t).IsValid() {
		return w.Text(s)
	}
	return w.Body([]byte(s))
}

// isPage reports whether a text is HTML, which need not be XML.
func isPage(text []byte) bool {
	low := strings.ToLower(string(text[:min(len(text), 64)]))
	return strings.HasPrefix(low, "<!doctype") || strings.HasPrefix(low, "<html")
}

// leftOut returns the note that a text was cut.
func leftOut(n int) string { return fmt.Sprintf("... (%d bytes after a syntax error left out)", n) }

// json copies JSON token by token.
func (w *Wire) json(text []byte) string {
	var out bytes.Buffer
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	enc := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	hide := false // mask the next value
	for {
		err := w.jsonToken(dec, enc, &hide)
		if errors.Is(err, io.EOF) && dec.StackDepth() == 0 {
			return strings.TrimSuffix(out.String(), "\n")
		}
		if err != nil {
			closeAll(enc)
			return strings.TrimSuffix(out.String(), "\n") + leftOut(len(text)-int(dec.InputOffset()))
		}
	}
}

func (w *Wire) jsonToken(dec *jsontext.Decoder, enc *jsontext.Encoder, hide *bool) error {
	if kind := dec.PeekKind(); *hide && kind != 'n' && kind != jsontext.KindInvalid {
		*hide = false
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if string(v) == `""` {
			return enc.WriteToken(jsontext.String(""))
		}
		return enc.WriteToken(jsontext.String(Mask))
	}
	*hide = false
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch tok.Kind() {
	case '"':
		text := tok.String()
		if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n%2 == 1 {
			*hide = w.hides(text)
			return enc.WriteToken(jsontext.String(w.Text(text)))
		}
		return enc.WriteToken(jsontext.String(w.inner(text)))
	case '0':
		if text := tok.String(); w.Text(text) != text {
			return enc.WriteToken(jsontext.String(Mask))
		}
	}
	return enc.WriteToken(tok)
}

// closeAll closes the objects and arrays that are open.
func closeAll(enc *jsontext.Encoder) {
	for enc.StackDepth() > 0 {
		kind, n := enc.StackIndex(enc.StackDepth())
		if kind == '[' {
			_ = enc.WriteToken(jsontext.EndArray)
			continue
		}
		if n%2 == 1 {
			_ = enc.WriteToken(jsontext.String("..."))
		}
		_ = enc.WriteToken(jsontext.EndObject)
	}
}

// xml copies XML token by token.
func (w *Wire) xml(text []byte) string {
	var out strings.Builder
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.Strict = false
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var hidden []bool // of each open element
	for {
		from := dec.InputOffset()
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			return out.String() + leftOut(len(text)-int(from))
		}
		raw := string(text[from:dec.InputOffset()])
		within := len(hidden) > 0 && hidden[len(hidden)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			hidden = append(hidden, within || w.hides(tok.Name.Local))
		case xml.EndElement:
			hidden = hidden[:max(0, len(hidden)-1)]
			within = false
		case xml.CharData:
			within = within && strings.TrimSpace(raw) != ""
		}
		switch _, isText := tok.(xml.CharData); {
		case within && isText:
			out.WriteString(Mask)
		default:
			out.WriteString(w.Text(raw))
		}
	}
}

// Text masks the values and mobile numbers in a text, including those that are escaped as
// in a query, in JSON or in HTML, even twice.
func (w *Wire) Text(s string) string {
	s = Values(s, w.Values)
	plain, from := unescaped(s)
	var cuts [][2]int // in plain
	for _, v := range slices.SortedFunc(slices.Values(w.Values), func(a, b string) int { return cmp.Compare(len(b), len(a)) }) {
		if utf8.RuneCountInString(v) < 2 {
			continue
		}
		for at := 0; ; {
			i := strings.Index(plain[at:], v)
			if i < 0 {
				break
			}
			cuts = append(cuts, [2]int{at + i, at + i + len(v)})
			at += i + len(v)
		}
	}
	if !w.Personal {
		for _, m := range digits.FindAllStringIndex(plain, -1) {
			if run := plain[m[0]:m[1]]; maskPhone(run) != run {
				cuts = append(cuts, [2]int{m[0], m[1]})
			}
		}
	}
	if len(cuts) == 0 {
		return s
	}
	slices.SortFunc(cuts, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	var out strings.Builder
	at := 0
	for _, c := range cuts {
		begin, end := from(c[0]), from(c[1])
		if begin >= at {
			out.WriteString(s[at:begin] + Mask)
		}
		at = max(at, end)
	}
	return out.String() + s[at:]
}

// unescaped returns a text with its escapes resolved, including nested ones, and the
// position in the text that each byte comes from.
func unescaped(s string) (plain string, from func(int) int) {
	from = func(i int) int { return i }
	for range 3 {
		if !strings.ContainsAny(s, `%&\+`) {
			break
		}
		var at []int
		s, at = unescapedOnce(s)
		before := from
		from = func(i int) int { return before(at[i]) }
	}
	return s, from
}

func unescapedOnce(s string) (plain string, at []int) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c, n := unescapedAt(s[i:])
		for range c {
			at = append(at, i)
		}
		out = append(out, c...)
		i += n
	}
	return string(out), append(at, len(s))
}

// unescapedAt returns the first character of a text, as bytes, and its length there.
func unescapedAt(s string) (c []byte, n int) {
	switch {
	case s[0] == '+':
		return []byte{' '}, 1
	case s[0] == '%' && len(s) >= 3:
		if b, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			return []byte{byte(b)}, 3
		}
	case s[0] == '\\' && len(s) >= 2:
		return unescapedJSON(s)
	case s[0] == '&':
		if end := strings.IndexByte(s[:min(len(s), 12)], ';'); end > 0 {
			if text := html.UnescapeString(s[:end+1]); text != s[:end+1] {
				return []byte(text), end + 1
			}
		}
	}
	return []byte{s[0]}, 1
}

func unescapedJSON(s string) (c []byte, n int) {
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		u, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(u), err == nil
	}
	if high, ok := unit(s); ok {
		if low, ok := unit(s[6:]); ok && utf16.IsSurrogate(high) {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return utf8.AppendRune(nil, r), 12
			}
		}
		return utf8.AppendRune(nil, high), 6
	}
	if strings.IndexByte(`"\/`, s[1]) >= 0 {
		return []byte{s[1]}, 2
	}
	return []byte{s[0]}, 1
}
