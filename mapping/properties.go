package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PropertyConfidence is how certain a color and size are that were parsed from a text.
type PropertyConfidence int

// The degrees, from lowest to highest.
const (
	// ConfidenceNone means that neither color nor size was found.
	ConfidenceNone PropertyConfidence = iota
	// ConfidenceGuess means that the form is ambiguous, such as a single part (红色), a
	// comma list, more than two parts, or a size in the first place.
	ConfidenceGuess
	// ConfidencePositional means color and size by position, 红色;XL.
	ConfidencePositional
	// ConfidenceLabelled means color and size by label, 颜色:红;尺码:XL.
	ConfidenceLabelled
)

func (c PropertyConfidence) String() string {
	switch c {
	case ConfidenceNone:
		return "none"
	case ConfidenceGuess:
		return "guess"
	case ConfidencePositional:
		return "positional"
	case ConfidenceLabelled:
		return "labelled"
	}
	return fmt.Sprintf("PropertyConfidence(%d)", int(c))
}

// Properties is the color and size parsed from a properties_value (颜色及规格). No text is
// lost: parts that are neither are in Others.
type Properties struct {
	Text       string // the original text
	Color      string // 颜色
	Size       string // 尺码
	ColorLabel string // the label of the color as written, "" if there was none
	SizeLabel  string
	Others     []Property // the other parts, in their order
	Confidence PropertyConfidence
}

// Property is a part of the text that is neither color nor size.
type Property struct {
	Key   string // "" if the part has no label
	Value string
}

// PropertyLabels are the labels that identify the parts of a properties_value. Earlier
// labels take precedence: if a text has both 尺码 and 规格, 尺码 is the size and 规格
// is among the others. Case is ignored, and so are brackets at the end: 尺码(欧码) is 尺码.
type PropertyLabels struct {
	Color []string
	Size  []string
}

// DefaultPropertyLabels returns the labels seen in practice.
func DefaultPropertyLabels() PropertyLabels {
	return PropertyLabels{
		Color: []string{"颜色", "颜色分类", "颜色名称", "主色", "主要颜色", "花色", "色号", "颜色规格", "color", "colour"},
		Size: []string{
			"尺码", "尺码名称", "参考尺码", "中国码", "尺寸", "码数", "鞋码", "鞋子尺码", "适用尺码", "身高", "参考身高", "适合身高", "适用身高",
			"号型", "码", "size", "规格",
		},
	}
}

// Validate returns an error for labels that are empty, contain a separator or are
// duplicate.
func (l PropertyLabels) Validate() error {
	var errs []error
	var seen []string
	for _, label := range slices.Concat(l.Color, l.Size) {
		switch {
		case strings.TrimSpace(label) == "":
			errs = append(errs, errors.New("mapping: a property label is empty / 属性标签不能为空"))
		case label != strings.TrimSpace(label) || strings.ContainsFunc(label, func(r rune) bool { return propColon(r) || propSemicolon(r) || propComma(r) }):
			errs = append(errs, fmt.Errorf("mapping: property label %q contains a separator, or starts or ends with a blank / 属性标签不能包含分隔符或首尾空格", label))
		case slices.ContainsFunc(seen, func(s string) bool { return strings.EqualFold(s, label) }):
			errs = append(errs, fmt.Errorf("mapping: duplicate property label %q / 属性标签重复", label))
		}
		seen = append(seen, label)
	}
	if len(l.Color) == 0 || len(l.Size) == 0 {
		errs = append(errs, errors.New("mapping: at least one label is required for the colour and one for the size / 颜色与尺码至少各需一个标签"))
	}
	return errors.Join(errs...)
}

// ParseProperties parses text with [DefaultPropertyLabels].
func ParseProperties(text string) Properties { return DefaultPropertyLabels().Parse(text) }

// Parse parses a properties_value, which is free text, by these rules in this order:
//
//   - Parts are separated by semicolons or, if there is none, by commas, in half or
//     full width. Separators in brackets are ignored, and so are blanks and invisible
//     characters around a part.
//   - A known label inside a value starts a new part, with or without a blank, line break or
//     punctuation before it (颜色:红尺码:XL), except in brackets. Blanks within a label are
//     ignored (颜 色).
//   - If any part has a known label, labels decide. A part without a label is the one
//     that is still missing; the rest are others. A value with a further colon is a guess.
//   - If every part has a label but none is known, all are others.
//   - Otherwise the first part is the color and the second the size, unless only the
//     first looks like a size (XL, 36, 170/92A, 均码).
//   - A single part is the size if it looks like one, otherwise the color; a letter
//     size at its end (红色-XL) is split off.
func (l PropertyLabels) Parse(text string) Properties {
	p := Properties{Text: text}
	if propTrim(text) == "" {
		return p
	}
	var buf [8]propPart
	parts, comma, separated := propSplit(text, buf[:0])
	parts = l.splitLabels(text, parts)
	known, labelled := false, 0
	for i := range parts {
		part := &parts[i]
		part.color, part.size = propRank(l.Color, part.key), propRank(l.Size, part.key)
		known = known || part.color >= 0 || part.size >= 0
		if part.key != "" {
			labelled++
		}
	}
	switch {
	case len(parts) == 0: // separators only
	case known:
		if comma {
			parts = propContinue(text, parts)
		}
		p.byLabel(parts)
	case labelled == len(parts):
		p.others(parts, -1, -1)
	default:
		for i := range parts { // a colon without a known label is plain text
			parts[i].key, parts[i].value = "", parts[i].text
		}
		p.byPlace(parts, comma, separated)
	}
	return p
}

// A propPart is one part of a text.
type propPart struct {
	start, end  int    // in the text
	text        string // without surrounding blanks
	key, value  string // before and after the colon; without a colon only value
	color, size int    // rank of the key among the labels, or -1
}

func propMake(text string, start, end int) propPart {
	part := propPart{start: start, end: end, text: propTrim(text[start:end]), color: -1, size: -1}
	part.value = part.text
	if i := strings.IndexFunc(part.text, propColon); i >= 0 {
		_, width := utf8.DecodeRuneInString(part.text[i:])
		if key := propTrim(part.text[:i]); key != "" {
			part.key, part.value = key, propTrim(part.text[i+width:])
		}
	}
	return part
}

// propBlank reports whether a character is a blank or invisible, such as a byte order mark.
func propBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

func propTrim(s string) string { return strings.TrimFunc(s, propBlank) }

// propSeparator reports whether a character before a label in a value separates the two.
func propSeparator(r rune) bool {
	switch r {
	case '+', '＋', '|', '｜', '~', '～':
		return true
	case '"', '\'', '%', '％', '*', '#', '&', '@': // of the value
		return false
	}
	return propBlank(r) || unicode.IsPunct(r) && !unicode.In(r, unicode.Ps, unicode.Pe, unicode.Pf)
}

// splitLabels splits parts at the known labels within them.
func (l PropertyLabels) splitLabels(text string, parts []propPart) []propPart {
	if strings.IndexFunc(text, propColon) < 0 {
		return parts
	}
	var out []propPart
	for i, part := range parts {
		start, nested, depth := part.start, propBalanced(text[part.start:part.end]), 0
		for at, r := range text[part.start:part.end] {
			if nested {
				depth += propBracket(r)
			}
			if !propColon(r) || depth > 0 {
				continue
			}
			at += part.start
			label := l.labelBefore(text[start:at])
			if label == 0 {
				continue
			}
			head := strings.TrimRightFunc(text[start:at-label], propSeparator)
			if propTrim(head) == "" {
				continue
			}
			if out == nil {
				out = slices.Clone(parts[:i])
			}
			out = append(out, propMake(text, start, start+len(head)))
			start = at - label
		}
		if out != nil {
			out = append(out, propMake(text, start, part.end))
		}
	}
	if out == nil {
		return parts
	}
	return out
}

func propColon(r rune) bool { return strings.ContainsRune(":：﹕∶︰", r) }

func propSemicolon(r rune) bool { return r == ';' || r == '；' || r == '﹔' }

func propComma(r rune) bool { return r == ',' || r == '，' || r == '﹐' }

// labelBefore returns the length of the longest known label at the end of a text, including
// brackets and blanks after it, or 0. A part of a longer word is not a label: neither 码 in
// 条码 nor size in oversize.
func (l PropertyLabels) labelBefore(text string) (length int) {
	bare := propBare(strings.TrimRightFunc(text, propBlank))
	for _, labels := range [...][]string{l.Color, l.Size} {
		for _, label := range labels {
			if n := propSuffix(bare, label); n > 0 {
				length = max(length, len(text)-len(bare)+n)
			}
		}
	}
	return length
}

// propSuffix returns the length of the label at the end of a text, with the blanks between its
// characters, or 0: also if it is a part of a longer word.
func propSuffix(text, label string) int {
	if text == "" || label == "" || !propEndsAlike(text[len(text)-1], label) {
		return 0
	}
	at := len(text)
	for rest := label; rest != ""; {
		want, width := utf8.DecodeLastRuneInString(rest)
		if rest = rest[:len(rest)-width]; propBlank(want) {
			continue
		}
		have, n := utf8.DecodeLastRuneInString(text[:at])
		for at < len(text) && n > 0 && propBlank(have) {
			at -= n
			have, n = utf8.DecodeLastRuneInString(text[:at])
		}
		if n == 0 || unicode.ToLower(propHalf(have)) != unicode.ToLower(want) {
			return 0
		}
		at -= n
	}
	if propWordEnds(text[:at], label) {
		return len(text) - at
	}
	return 0
}

// propEndsAlike reports whether a text with this last byte may end with a label: most do not.
func propEndsAlike(end byte, label string) bool {
	switch last := label[len(label)-1]; {
	case last >= utf8.RuneSelf && len(label) >= 3 && label[len(label)-3] >= 0xe0: // neither another case nor another width
		return end == last
	case last < utf8.RuneSelf && end < utf8.RuneSelf:
		return end|0x20 == last|0x20
	}
	return true
}

// propWordEnds reports whether a label after a text is a word of its own.
func propWordEnds(text, label string) bool {
	before, _ := utf8.DecodeLastRuneInString(text)
	first, width := utf8.DecodeRuneInString(label)
	switch {
	case !unicode.IsLetter(before) || before == utf8.RuneError:
		return true
	case width == len(label): // 码 in 条码
		return false
	}
	return first >= utf8.RuneSelf || before >= utf8.RuneSelf
}

// propHalf returns the half-width form of a character.
func propHalf(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}

// propBare returns a label without the brackets at its end, such as 尺码 for 尺码(欧码).
func propBare(key string) string {
	if !strings.HasSuffix(key, ")") && !strings.HasSuffix(key, "）") {
		return key
	}
	if i := strings.LastIndexAny(key, "(（"); i > 0 {
		return strings.TrimRightFunc(key[:i], propBlank)
	}
	return key
}

// propRank returns the index of key among the labels, or -1.
func propRank(labels []string, key string) int {
	if key = propBare(key); key == "" {
		return -1
	}
	for i, label := range labels {
		if propSuffix(key, label) == len(key) {
			return i
		}
	}
	return -1
}

// propSplit splits text into parts. An empty first part is kept, since it is the place of
// the color; other empty parts are dropped.
func propSplit(text string, parts []propPart) (_ []propPart, comma, separated bool) {
	nested := propBalanced(text)
	comma = !propHas(text, nested, propSemicolon)
	separator := propSemicolon
	if comma {
		separator = propComma
	}
	start, depth := 0, 0
	add := func(end int) {
		if part := propMake(text, start, end); part.text != "" || len(parts) == 0 && end < len(text) {
			parts = append(parts, part)
		}
	}
	for i, r := range text {
		if nested {
			depth += propBracket(r)
		}
		if depth == 0 && separator(r) {
			separated = true
			add(i)
			start = i + utf8.RuneLen(r)
		}
	}
	add(len(text))
	if len(parts) == 1 && parts[0].text == "" {
		parts = parts[:0]
	}
	return parts, comma, separated
}

func propHas(text string, nested bool, is func(rune) bool) bool {
	depth := 0
	for _, r := range text {
		if nested {
			depth += propBracket(r)
		}
		if depth == 0 && is(r) {
			return true
		}
	}
	return false
}

// propBracket returns +1 for an opening and -1 for a closing bracket.
func propBracket(r rune) int {
	switch r {
	case '(', '（', '[', '【', '{', '｛':
		return 1
	case ')', '）', ']', '】', '}', '｝':
		return -1
	}
	return 0
}

// propBalanced reports whether brackets are balanced.
func propBalanced(text string) bool {
	depth := 0
	for _, r := range text {
		if depth += propBracket(r); depth < 0 {
			return false
		}
	}
	return depth == 0
}

// propContinue joins parts of a comma list to the labelled part before them, since a
// value may have commas (颜色:红,白). A part that looks like a size is not joined.
func propContinue(text string, parts []propPart) []propPart {
	out := parts[:1]
	for _, part := range parts[1:] {
		last := &out[len(out)-1]
		if last.key == "" || part.key != "" || propIsSize(part.value) {
			out = append(out, part)
			continue
		}
		color, size := last.color, last.size
		*last = propMake(text, last.start, part.end)
		last.color, last.size = color, size
	}
	return out
}

// byLabel fills p from parts of which at least one has a known label.
func (p *Properties) byLabel(parts []propPart) {
	color := propBest(parts, func(part *propPart) int { return part.color })
	size := propBest(parts, func(part *propPart) int { return part.size })
	p.Confidence = ConfidenceLabelled
	for i, part := range parts {
		if part.text != "" && part.color < 0 && part.size < 0 {
			p.Confidence = ConfidencePositional // a part has an unknown label
		}
		if part.key != "" || part.text == "" {
			continue
		}
		if color < 0 {
			color, p.Confidence = i, ConfidencePositional
		} else if size < 0 {
			size, p.Confidence = i, ConfidencePositional
		}
	}
	if color >= 0 {
		p.Color, p.ColorLabel = parts[color].value, parts[color].key
	}
	if size >= 0 {
		p.Size, p.SizeLabel = parts[size].value, parts[size].key
	}
	for _, value := range [...]string{p.Color, p.Size} {
		if propHas(value, propBalanced(value), propColon) { // possibly another label
			p.Confidence = ConfidenceGuess
		}
	}
	if p.Color == "" && p.Size == "" {
		p.Confidence = ConfidenceNone
	}
	p.others(parts, color, size)
}

// propBest returns the index of the part with the best label, or -1.
func propBest(parts []propPart, rank func(*propPart) int) int {
	best := -1
	for i := range parts {
		if r := rank(&parts[i]); r >= 0 && (best < 0 || r < rank(&parts[best])) {
			best = i
		}
	}
	return best
}

// byPlace fills p from parts without labels.
func (p *Properties) byPlace(parts []propPart, comma, separated bool) {
	if len(parts) == 1 {
		p.byItself(parts[0], separated && !comma)
		return
	}
	color, size := 0, 1
	p.Confidence = ConfidencePositional
	switch {
	case len(parts) == 2:
		if parts[1].text != "" && propIsSize(parts[0].text) && !propIsSize(parts[1].text) {
			color, size = 1, 0
			p.Confidence = ConfidenceGuess
		} else if comma && !propIsSize(parts[1].text) || propIsColor(parts[1].text) && !propIsColor(parts[0].text) {
			p.Confidence = ConfidenceGuess
		}
	default:
		p.Confidence = ConfidenceGuess
		if i := slices.IndexFunc(parts, func(part propPart) bool { return propIsSize(part.text) }); i == 0 {
			color, size = 1, 0
		} else if i > 0 {
			size = i
		}
	}
	p.Color, p.Size = parts[color].text, parts[size].text
	p.others(parts, color, size)
}

// byItself fills p from a single part without a label. closed means that a semicolon ends
// it, as in 红色; which leaves the size open.
func (p *Properties) byItself(part propPart, closed bool) {
	p.Confidence = ConfidenceGuess
	head, tail, ok := propTail(part.text)
	switch {
	case closed:
		p.Color, p.Confidence = part.text, ConfidencePositional
	case propIsSize(part.text):
		p.Size = part.text
	case ok:
		p.Color, p.Size = head, tail
	default:
		p.Color = part.text
	}
}

// others keeps the parts that are neither the color nor the size.
func (p *Properties) others(parts []propPart, color, size int) {
	for i, part := range parts {
		if i != color && i != size && part.text != "" {
			p.Others = append(p.Others, Property{Key: part.key, Value: part.value})
		}
	}
}

// propTail splits a letter size off the end of a text.
func propTail(s string) (head, tail string, ok bool) {
	i := strings.LastIndexFunc(s, propSeparator)
	if i <= 0 {
		return "", "", false
	}
	_, width := utf8.DecodeRuneInString(s[i:])
	head, tail = strings.TrimRightFunc(s[:i], propSeparator), s[i+width:]
	return head, tail, head != "" && propIsLetterSize(propNarrow(tail))
}

// propIsSize reports whether s looks like a size rather than a color.
func propIsSize(s string) bool {
	s = propNarrow(s)
	if i := strings.IndexAny(s, "(（[【"); i > 0 {
		s = strings.TrimSpace(s[:i]) // XL(建议120斤)
	}
	if propIsLetterSize(s) || propIsMarkedSize(strings.ToUpper(s)) {
		return true
	}
	if a, b, ok := strings.Cut(s, "/"); ok && (propIsLetterSize(a) && propIsNumber(b) || propIsNumber(a) && propIsLetterSize(b)) {
		return true // XL/180
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "码"), "号")
	if n := len(s); n > 0 && (s[n-1] >= 'A' && s[n-1] <= 'G') && strings.ContainsRune(s, '/') {
		s = s[:n-1] // 170/92A
	}
	first, second, slash := strings.Cut(s, "/")
	return propIsNumber(first) && (!slash || propIsNumber(second))
}

// propNarrow returns a text with its full-width characters in half width.
func propNarrow(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return propHalf(r) != r }) < 0 {
		return s
	}
	return strings.Map(propHalf, s)
}

// propIsMarkedSize: FREE SIZE, EUR 38, 90CM.
func propIsMarkedSize(upper string) bool {
	switch upper {
	case "FREE", "FREE SIZE", "FREESIZE", "ONE SIZE", "ONESIZE":
		return true
	}
	for _, prefix := range [...]string{"EUR", "EU", "US", "UK"} {
		if number, ok := strings.CutPrefix(upper, prefix); ok && propIsNumber(strings.TrimSpace(number)) {
			return true
		}
	}
	number, ok := strings.CutSuffix(upper, "CM")
	return ok && propIsNumber(strings.TrimSpace(number))
}

// propIsColor reports whether s looks like a color: it ends in 色 or consists of words for
// colors, such as 深蓝 or 黑白.
func propIsColor(s string) bool {
	if strings.HasSuffix(s, "色") {
		return true
	}
	s = strings.TrimLeft(s, "深浅大亮暗纯正")
	return s != "" && strings.Trim(s, "红橙黄绿青蓝紫黑白灰粉棕褐米杏咖") == ""
}

// propIsNumber: 36, 36.5, 170.
func propIsNumber(s string) bool {
	s = strings.TrimSuffix(s, ".5")
	if len(s) == 0 || len(s) > 3 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// propIsLetterSize: S, XL, 3XL, XXS, F, 均码.
func propIsLetterSize(s string) bool {
	switch s {
	case "均码", "通码", "大码", "中码", "小码", "大号", "中号", "小号":
		return true
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "码"), "号")
	if len(s) == 0 || len(s) > 6 {
		return false
	}
	if len(s) > 2 && s[0] >= '2' && s[0] <= '9' && s[1]|0x20 == 'x' {
		s = s[1:]
	}
	switch s[len(s)-1] | 0x20 {
	case 's', 'l':
		return strings.Trim(s[:len(s)-1], "xX") == ""
	case 'm', 'f':
		return len(s) == 1
	}
	return false
}

// withColor uses Jushuitan's own color (color of a SKU query) if the text is ambiguous.
func (p *Properties) withColor(color string) {
	color = strings.TrimSpace(color)
	if color == "" || p.Confidence == ConfidenceLabelled {
		return
	}
	switch {
	case p.Color == color:
		p.Confidence = max(p.Confidence, ConfidencePositional)
	case p.Color == "":
		if p.Size == color { // a color that looks like a size
			p.Size = ""
		}
		p.Color = color
		p.Confidence = max(p.Confidence, ConfidenceGuess)
	case p.Size == color: // in the other order
		p.Color, p.Size = color, p.Color
		p.Confidence = max(p.Confidence, ConfidencePositional)
	default:
		// The color may contain separators: 红,白 in 红,白,XL.
		rest, ok := strings.CutPrefix(strings.TrimSpace(p.Text), color)
		if trimmed := strings.TrimLeft(rest, " 　;；,，"); ok && trimmed != rest || ok && rest == "" {
			p.Color, p.Size, p.Others = color, strings.TrimSpace(trimmed), nil
			p.Confidence = ConfidencePositional
		} else if p.Confidence <= ConfidenceGuess { // what Jushuitan says is better than a guess
			p.Others = append([]Property{{Value: p.Color}}, p.Others...)
			p.Color = color
		}
	}
}
