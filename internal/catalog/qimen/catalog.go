// Package qimen is the catalog of the Qimen (奇门) methods: names, directions,
// effects, fields and limits, in one JSON file a family. The types and methods of
// package qimen, its table of methods and the table of the README are made from
// it. It is to Qimen what package catalog is to Jushuitan's open API.
package qimen

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

//go:embed *.json
var files embed.FS

// Family is one file of the catalog.
type Family struct {
	Family    string    `json:"family"`            // scene, pos, warehouse, others
	Service   string    `json:"service,omitempty"` // field of the client: Scene, POS, Warehouse
	ServiceZH string    `json:"service_zh,omitempty"`
	ServiceEN string    `json:"service_en,omitempty"` // what it is for; empty where its type is written by hand
	Shared    []*Shared `json:"shared,omitempty"`     // types that several methods use
	Extra     []string  `json:"extra,omitempty"`      // types of one method that keep unknown members
	Methods   []*Method `json:"methods"`
}

// Shared is a type that stands for the same element of several methods. Its
// fields are the union of what the methods list.
type Shared struct {
	Name  string `json:"name"`
	ZH    string `json:"zh"`
	EN    string `json:"en"`
	Extra bool   `json:"extra,omitempty"` // keeps unknown members
}

// Method is one method. What a person decided (names, direction, effect, key)
// stands beside what the sources say (fields, limits, confidence).
type Method struct {
	Family         string   `json:"-"`
	Method         string   `json:"method"`
	TitleZH        string   `json:"title_zh,omitempty"`
	TitleEN        string   `json:"title_en,omitempty"`
	Confidence     string   `json:"confidence"` // high, medium or low
	ConfidenceNote string   `json:"confidence_note,omitempty"`
	Go             GoNames  `json:"go"`
	Body           string   `json:"body"`      // form or xml
	Direction      string   `json:"direction"` // outbound (called by DianJia), inbound (received), both
	DirectionSays  string   `json:"direction_source"`
	Effect         string   `json:"effect"` // read, keyed or unsafe
	Key            []string `json:"key,omitempty"`
	Why            string   `json:"why,omitempty"` // reason of the effect
	FamilySays     string   `json:"family_source"`
	Sources        string   `json:"sources,omitempty"`
	Limits         []string `json:"limits"`
	Notes          []string `json:"notes"`
	Request        []*Field `json:"request"`
	Response       []*Field `json:"response"`
}

// GoNames places a method in the Go API. A method without a name is called by its
// wire name only.
type GoNames struct {
	Service  string `json:"service,omitempty"`
	Name     string `json:"name,omitempty"`     // of the types and the table: POSDeliveryOrderGet
	Method   string `json:"method,omitempty"`   // of the service; none where it is written by hand
	Request  string `json:"request,omitempty"`  // type
	Response string `json:"response,omitempty"` // type; none where the rows are those of another package
}

// Field is one member of a request or a response. Name is a path with [] for
// elements, from inside the root (<request> or the form).
type Field struct {
	Name     string `json:"name"`
	Go       string `json:"go,omitempty"` // where the rule of names does not fit
	Type     string `json:"type"`         // string, int, bool, decimal, time, date, map, any, object, commas, and lists []...
	Of       string `json:"of,omitempty"` // Go type of an object
	Enum     string `json:"enum,omitempty"`
	Quoted   bool   `json:"quoted,omitempty"` // number that the table calls a text
	Child    string `json:"child,omitempty"`  // XML element of one entry of a list
	Required bool   `json:"required,omitempty"`
	Always   bool   `json:"always,omitempty"`  // is sent also when zero: 0 says something
	Value    bool   `json:"value,omitempty"`   // an object that is no pointer: heads, and answers
	Pointer  bool   `json:"pointer,omitempty"` // zero and absent differ
	PII      bool   `json:"pii,omitempty"`     // personal data, masked when printed
	ByClient bool   `json:"by_client,omitempty"`
	Envelope bool   `json:"envelope,omitempty"` // of every reply: read by the call itself
	Inferred bool   `json:"inferred,omitempty"` // the source describes it with placeholder text
	Prose    bool   `json:"prose,omitempty"`    // named in a source's text, not in a table
	MaxLen   int    `json:"max_len,omitempty"`
	MaxItems int    `json:"max_items,omitempty"`
	Digits   int    `json:"digits,omitempty"` // of a number, with Decimals of them after the point
	Decimals int    `json:"decimals,omitempty"`
	EN       string `json:"en,omitempty"`
}

// Load reads the whole catalog, families in a fixed order.
func Load() ([]*Family, error) {
	var families []*Family
	for _, name := range []string{"scene", "pos", "warehouse", "others"} {
		file, err := files.Open(name + ".json")
		if err != nil {
			return nil, err
		}
		f, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("catalog qimen/%s.json: %w", name, err)
		}
		families = append(families, f)
	}
	return families, nil
}

// read takes no member that it does not know: a word misspelled in a catalog
// would be a decision lost.
func read(r io.ReadCloser) (*Family, error) {
	defer func() { _ = r.Close() }()
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	f := new(Family)
	if err := dec.Decode(f); err != nil {
		return nil, err
	}
	for _, m := range f.Methods {
		m.Family = f.Family
	}
	return f, nil
}

// Short is the name of a method as the gateway forwards it: deliveryorder.create.
func (m *Method) Short() string { return strings.TrimPrefix(m.Method, "taobao.qimen.") }
