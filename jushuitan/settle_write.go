package jushuitan

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// document is one document of a write: an element of its list, a number of a list of
// numbers, or the request as a whole.
type document struct {
	index  int
	root   json.RawMessage
	list   string          // member of the request that holds the element, if there is one
	item   json.RawMessage // the element
	number string          // member of the request that is a list of numbers, of which item is one
	others []string        // lists of other numbers, which do not belong to this document
	effect readEffect

	asked  bool              // a query was sent for it
	silent bool              // an answer has no list of rows
	loose  bool              // the query returned rows that were not asked for
	rows   []json.RawMessage // what was read for it
	err    error
}

// documents splits a request.
func (rb *readBack) documents(biz []byte) []*document {
	var docs []*document
	for _, item := range rb.items(biz) {
		item.index = len(docs)
		item.effect = rb.effectOf(item)
		docs = append(docs, item)
	}
	return docs
}

func (rb *readBack) items(biz json.RawMessage) (docs []*document) {
	if text := strings.TrimSpace(string(biz)); strings.HasPrefix(text, "[") {
		for _, e := range elements([]byte(text)) {
			docs = append(docs, &document{root: e.text})
		}
		return docs
	}
	for _, pair := range rb.key {
		list, _, ok := strings.Cut(pair[1], ".")
		if !ok {
			continue
		}
		for _, e := range spread(find(biz, list)) {
			docs = append(docs, &document{root: biz, list: list, item: e})
		}
		return docs
	}
	var lists []string
	for _, pair := range rb.key { // in the order of the members; the first list with numbers counts
		if v := find(biz, pair[1]); len(v) > 0 && v[0] == '[' {
			lists = append(lists, pair[1])
		}
	}
	for _, name := range lists {
		for _, e := range spread(find(biz, name)) {
			docs = append(docs, &document{root: biz, number: name, item: e, others: lists})
		}
		if docs != nil {
			return docs
		}
	}
	return []*document{{root: biz}}
}

// effectOf returns what a row must hold after the write of a document.
func (rb *readBack) effectOf(d *document) readEffect {
	e := rb.readEffect
	for _, c := range rb.cases {
		if !d.isCase(c.when) {
			continue
		}
		for to, from := range map[*map[string][]string]map[string][]string{&e.proof: c.proof, &e.undone: c.undone, &e.before: c.before} {
			if from != nil {
				*to = from
			}
		}
		if c.same != nil {
			e.same, e.how = c.same, c.how
		}
		if c.how != nil {
			e.how = c.how
		}
		e.unproven = c.unproven
		break
	}
	return e
}

func (d *document) isCase(when map[string][]string) bool {
	for name, values := range when {
		if text, _ := plain(d.value(name)); !slices.Contains(values, text) {
			return false
		}
	}
	return true
}

// value returns the value of a member of the write for this document.
func (d *document) value(name string) json.RawMessage {
	switch {
	case d.number == name:
		return d.item
	case slices.Contains(d.others, name):
		return nil
	case d.list != "" && strings.HasPrefix(name, d.list+"."):
		return find(d.item, name[len(d.list)+1:])
	}
	return find(d.root, name)
}

// lines returns the lines of a document with the name that a path has inside of a line.
func (d *document) lines(path string) (lines []json.RawMessage, name string) {
	if d.list != "" {
		path = strings.TrimPrefix(path, d.list+".")
	}
	list, name, _ := strings.Cut(path, ".")
	if d.list != "" {
		return spread(find(d.item, list)), name
	}
	return spread(find(d.root, list)), name
}

// name joins the values that name a document.
func (d *document) name(rb *readBack) string {
	var parts []string
	for _, pair := range rb.key {
		if text, ok := plain(d.value(pair[1])); ok {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "|")
}

// find returns a member of an object by a path, nil if there is none. As in the reader of
// answers, the exact name comes before one in another spelling.
func find(object json.RawMessage, path string) json.RawMessage {
	for part := range strings.SplitSeq(path, ".") {
		var members map[string]json.RawMessage
		if wire.Unmarshal(object, &members) != nil {
			return nil
		}
		v, ok := members[part]
		for name, other := range members {
			if !ok && folded([]byte(name)) == folded([]byte(part)) {
				v = other
			}
		}
		object = v
	}
	return object
}

// spread returns the elements of a list, or the single value in its place.
func spread(v json.RawMessage) []json.RawMessage {
	if len(v) == 0 || v[0] == 'n' {
		return nil
	}
	var list []json.RawMessage
	if v[0] != '[' {
		return []json.RawMessage{v}
	}
	if wire.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
}

// plain returns the text of a value; ok is false if it is absent, null, blank, or not a plain
// value.
func plain(v json.RawMessage) (text string, ok bool) {
	if len(v) == 0 || v[0] == 'n' || v[0] == '{' || v[0] == '[' {
		return "", false
	}
	text = string(v)
	if v[0] == '"' && wire.Unmarshal(v, &text) != nil {
		return "", false
	}
	return text, strings.TrimSpace(text) != ""
}
