package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// PropertyConfidence is how certain a color and size are that were parsed from a text.
type PropertyConfidence int

// The degrees, from the least.
const (
	// ConfidenceNone: neither colour nor size was found.
	ConfidenceNone PropertyConfidence = iota
	// ConfidenceGuess: the form leaves it open, such as one part only (红色), a comma
	// list, more than two parts, or a size that stands first.
	ConfidenceGuess
	// ConfidencePositional: colour and size by their place, 红色;XL.
	ConfidencePositional
	// ConfidenceLabelled: by their labels, 颜色:红;尺码:XL.
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
	Text       string // as it came
	Color      string // 颜色
	Size       string // 尺码
	ColorLabel string // the label of the colour as it was written, "" where there was none
	SizeLabel  string
	Others     []Property // the other parts, in their order
	Confidence PropertyConfidence
}

// Property is a part of the text that is neither colour nor size.
type Property struct {
	Key   string // "" where the part has no label
	Value string
}

// PropertyLabels are the labels that say what a part of a properties_value is. An
// earlier label is better than a later one: with both 尺码 and 规格 in a text, 尺码 is
// the size and 规格 is among the others. Case does not matter.
type PropertyLabels struct {
	Color []string
	Size  []string
}

// DefaultPropertyLabels are the labels that were seen in practice.
func DefaultPropertyLabels() PropertyLabels {
	return PropertyLabels{
		Color: []string{"颜色", "颜色分类", "颜色名称", "主色", "color", "colour"},
		Size:  []string{"尺码", "尺寸", "码数", "码", "size", "规格"},
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
		case label != strings.TrimSpace(label) || strings.ContainsAny(label, ":：;；,，"):
			errs = append(errs, fmt.Errorf("mapping: property label %q has a separator or a blank at an end / 属性标签不能包含分隔符或首尾空格", label))
		case slices.ContainsFunc(seen, func(s string) bool { return strings.EqualFold(s, label) }):
			errs = append(errs, fmt.Errorf("mapping: duplicate property label %q / 属性标签重复", label))
		}
		seen = append(seen, label)
	}
	if len(l.Color) == 0 || len(l.Size) == 0 {
		errs = append(errs, errors.New("mapping: there must be a label for the colour and one for the size / 颜色与尺码至少各需一个标签"))
	}
	return errors.Join(errs...)
}

// ParseProperties parses text with [DefaultPropertyLabels].
func ParseProperties(text string) Properties { return DefaultPropertyLabels().Parse(text) }

// Parse reads a properties_value, which is free text. In this order:
//
//   - Parts are separated by semicolons, or by commas where there is none; full
//     width or not. A separator in brackets separates nothing.
//   - Where a part has a known label, labels decide. A part without one is what is
//     still missing, the rest are others.
//   - Where every part has a label and none is known, all are others.
//   - Else the first part is the colour and the second the size, unless only the
//     first looks like a size (XL, 36, 170/92A, 均码).
//   - One part alone is the size if it looks like one, else it is the colour; a
//     letter size at its end (红色-XL) is split off.
func (l PropertyLabels) Parse(text string) Properties {
	p := Properties{Text: text}
	if strings.TrimSpace(text) == "" {
		return p
	}
	var buf [8]propPart
	parts, comma, separated := propSplit(text, buf[:0])
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
		for i := range parts { // a colon without a known label is text like any other
			parts[i].key, parts[i].value = "", parts[i].text
		}
		p.byPlace(parts, comma, separated)
	}
	return p
}

// A propPart is one part of a text.
type propPart struct {
	start, end  int    // in the text
	text        string // without blanks at its ends
	key, value  string // before and after the colon; without one, all is value
	color, size int    // rank of the key among the labels, -1 where it is none
}

func propMake(text string, start, end int) propPart {
	part := propPart{start: start, end: end, text: strings.TrimSpace(text[start:end]), color: -1, size: -1}
	part.value = part.text
	if i := strings.IndexAny(part.text, ":："); i >= 0 {
		_, width := utf8.DecodeRuneInString(part.text[i:])
		if key := strings.TrimSpace(part.text[:i]); key != "" {
			part.key, part.value = key, strings.TrimSpace(part.text[i+width:])
		}
	}
	return part
}

// propRank is the index of key among the labels, or -1.
func propRank(labels []string, key string) int {
	if key == "" {
		return -1
	}
	for i, label := range labels {
		if strings.EqualFold(label, key) {
			return i
		}
	}
	return -1
}

// propSplit cuts text into parts. A first part that is empty stays, since it is the
// place of the colour; other empty ones go.
func propSplit(text string, parts []propPart) (_ []propPart, comma, separated bool) {
	nested := propBalanced(text)
	comma = !propHas(text, nested, ';', '；')
	half, full := ';', '；'
	if comma {
		half, full = ',', '，'
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
		if depth == 0 && (r == half || r == full) {
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

func propHas(text string, nested bool, half, full rune) bool {
	depth := 0
	for _, r := range text {
		if nested {
			depth += propBracket(r)
		}
		if depth == 0 && (r == half || r == full) {
			return true
		}
	}
	return false
}

// propBracket is +1 for an opening and -1 for a closing bracket.
func propBracket(r rune) int {
	switch r {
	case '(', '（', '[', '【', '{', '｛':
		return 1
	case ')', '）', ']', '】', '}', '｝':
		return -1
	}
	return 0
}

// propBalanced reports whether brackets can be trusted.
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
// value may have commas (颜色:红,白). What looks like a size stands for itself.
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
	if p.Color == "" && p.Size == "" {
		p.Confidence = ConfidenceNone
	}
	p.others(parts, color, size)
}

// propBest is the index of the part with the best label, or -1.
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
		} else if comma && !propIsSize(parts[1].text) {
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

// byItself fills p from one part without a label. Closed tells that a semicolon ends it,
// as in 红色; which leaves the size open.
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
	i := strings.LastIndexAny(s, " 　/-_|")
	if i <= 0 {
		return "", "", false
	}
	_, width := utf8.DecodeRuneInString(s[i:])
	head, tail = strings.TrimRight(s[:i], " 　/-_|"), s[i+width:]
	return head, tail, head != "" && propIsLetterSize(tail)
}

// propIsSize reports whether s looks like a size and hardly like a colour.
func propIsSize(s string) bool {
	if i := strings.IndexAny(s, "(（[【"); i > 0 {
		s = strings.TrimSpace(s[:i]) // XL(建议120斤)
	}
	if propIsLetterSize(s) {
		return true
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "码"), "号")
	if n := len(s); n > 0 && (s[n-1] >= 'A' && s[n-1] <= 'G') && strings.ContainsRune(s, '/') {
		s = s[:n-1] // 170/92A
	}
	first, second, slash := strings.Cut(s, "/")
	return propIsNumber(first) && (!slash || propIsNumber(second))
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

// withColor takes the colour that Jushuitan itself tells apart (color of a SKU
// query) where the text leaves it open.
func (p *Properties) withColor(color string) {
	color = strings.TrimSpace(color)
	if color == "" || p.Confidence == ConfidenceLabelled {
		return
	}
	switch {
	case p.Color == color:
		p.Confidence = max(p.Confidence, ConfidencePositional)
	case p.Color == "":
		if p.Size == color { // a colour that looks like a size
			p.Size = ""
		}
		p.Color = color
		p.Confidence = max(p.Confidence, ConfidenceGuess)
	default:
		// The colour may itself have separators: 红,白 in 红,白,XL.
		rest, ok := strings.CutPrefix(strings.TrimSpace(p.Text), color)
		if trimmed := strings.TrimLeft(rest, " 　;；,，"); ok && trimmed != rest || ok && rest == "" {
			p.Color, p.Size, p.Others = color, strings.TrimSpace(trimmed), nil
			p.Confidence = ConfidencePositional
		}
	}
}
