// Package qimen is the catalog of the Qimen (奇门) methods: names, directions, effects,
// fields and limits, in one JSON file per family. The types and methods of package qimen,
// its table of methods and the table in qimen/README.md are generated from it. It is for Qimen
// what package catalog is for Jushuitan's open API.
package qimen

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed *.json
var files embed.FS

// Family is one file of the catalog.
type Family struct {
	Family    string `json:"family"`            // scene, pos, warehouse, others
	Service   string `json:"service,omitempty"` // field of the client: Scene, POS, Warehouse
	ServiceZH string `json:"service_zh,omitempty"`
	ServiceEN string `json:"service_en,omitempty"` // its purpose; empty if its type is written by hand
	// Experimental families may change in any minor version: their symbols say so.
	Experimental bool `json:"experimental,omitempty"`

	Success []string  `json:"success,omitempty"` // of its methods that do not list their own
	Shared  []*Shared `json:"shared,omitempty"`  // types that several methods use
	Methods []*Method `json:"methods"`
}

// Shared is a type that represents the same element of several methods. Its fields are the
// union of those that the methods list.
type Shared struct {
	Name string `json:"name"`
	ZH   string `json:"zh"`
	EN   string `json:"en"`
}

// Method is one method. Decisions made by people (names, direction, effect, key) are beside
// what the sources say (fields, limits, confidence).
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
	Why            string   `json:"why,omitempty"`     // reason of the effect
	Success        []string `json:"success,omitempty"` // what an answer says if the call succeeded; see package qimen
	FamilySays     string   `json:"family_source"`
	Sources        string   `json:"sources,omitempty"`
	Limits         []string `json:"limits"`
	Notes          []string `json:"notes"`
	Request        []*Field `json:"request"`
	Response       []*Field `json:"response"`
}

// GoNames defines the names of a method in the Go API. A method without a name is called by
// its wire name only.
type GoNames struct {
	Service  string `json:"service,omitempty"`
	Name     string `json:"name,omitempty"`     // of the types and the table: POSDeliveryOrderGet
	Method   string `json:"method,omitempty"`   // method of the service; none if it is written by hand
	Request  string `json:"request,omitempty"`  // type
	Response string `json:"response,omitempty"` // type; none if the rows are those of another package
}

// Field is one member of a request or a response. Name is a path from inside the root
// (<request> or the form), with [] for elements.
type Field struct {
	Name     string `json:"name"`
	Go       string `json:"go,omitempty"` // if the naming rule does not fit
	Type     string `json:"type"`         // string, int, bool, decimal, time, date, map, any, object, commas, and lists []...
	Of       string `json:"of,omitempty"` // Go type of an object
	Enum     string `json:"enum,omitempty"`
	Quoted   bool   `json:"quoted,omitempty"` // a number that the source's table calls a text
	Child    string `json:"child,omitempty"`  // XML element of one entry of a list
	Required bool   `json:"required,omitempty"`
	Always   bool   `json:"always,omitempty"`  // is sent even when zero, since 0 has a meaning
	Value    bool   `json:"value,omitempty"`   // an object that is not a pointer: heads, and answers
	Pointer  bool   `json:"pointer,omitempty"` // zero and absent differ
	PII      bool   `json:"pii,omitempty"`     // personal data, masked when printed
	ByClient bool   `json:"by_client,omitempty"`
	Envelope bool   `json:"envelope,omitempty"` // of every reply: decoded by the call itself
	Inferred bool   `json:"inferred,omitempty"` // the source describes it with placeholder text
	Prose    bool   `json:"prose,omitempty"`    // named in a source's text, not in a table
	MaxLen   int    `json:"max_len,omitempty"`
	MaxItems int    `json:"max_items,omitempty"`
	Digits   int    `json:"digits,omitempty"` // of a number, with Decimals of them after the point
	Decimals int    `json:"decimals,omitempty"`
	ZH       string `json:"-"` // its label in labels.json
	EN       string `json:"en,omitempty"`
}

// Load reads the whole catalog, with the families in a fixed order.
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
	return families, label(families)
}

// label sets the Chinese labels of all fields. A key of labels.json is the end of
// "method.path" without the brackets of lists, the longest that fits: "itemCode", or
// "invoices.code" where a name has several meanings.
func label(families []*Family) error {
	data, err := files.ReadFile("labels.json")
	if err != nil {
		return err
	}
	var labels map[string]string
	if err := json.Unmarshal(data, &labels); err != nil {
		return fmt.Errorf("catalog qimen/labels.json: %w", err)
	}
	used := make(map[string]bool, len(labels))
	for _, family := range families {
		for _, m := range family.Methods {
			for _, f := range slices.Concat(m.Request, m.Response) {
				key := m.Method + "." + strings.ReplaceAll(f.Name, "[]", "")
				for found := true; found && f.ZH == ""; _, key, found = strings.Cut(key, ".") {
					f.ZH = labels[key]
					used[key] = used[key] || f.ZH != ""
				}
			}
		}
	}
	for key := range labels {
		if !used[key] {
			return fmt.Errorf("catalog qimen/labels.json: no field ends in %s", key)
		}
	}
	return nil
}

// read rejects unknown members: a misspelled name in a catalog would silently drop a
// decision.
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
		if m.Success == nil {
			m.Success = f.Success
		}
	}
	return f, nil
}

// Short returns the name of a method in the form that the gateway forwards:
// deliveryorder.create. The POS methods have it in two forms: the official client of Qimen
// cloud calls taobao.pos.*, the list of methods names qimen.taobao.pos.*.
func (m *Method) Short() string {
	if strings.HasPrefix(m.Method, "qimen.taobao.") {
		return strings.TrimPrefix(m.Method, "qimen.")
	}
	return strings.TrimPrefix(m.Method, "taobao.qimen.")
}
