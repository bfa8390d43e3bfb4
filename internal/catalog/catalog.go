// Package catalog describes the Jushuitan API once: operations, fields, limits and samples,
// in one JSON file per group. The generated client, the table of operations, the fake
// server and the golden tests are all derived from it.
package catalog

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

// Group is one file of the catalog.
type Group struct {
	Group      string       `json:"group"`
	Services   []*Service   `json:"services,omitempty"` // of the Go API, each in the first group that has operations of it
	Operations []*Operation `json:"operations"`
	Titles     []*Title     `json:"titles_without_path,omitempty"`
}

// Service is a field of the Go client: the operations on one kind of thing.
type Service struct {
	Name string `json:"name"` // Orders
	ZH   string `json:"zh"`   // 订单
	EN   string `json:"en"`   // what it is for, without the full stop
}

// Operation is one endpoint. Decisions made by people (names, effect, keys) are beside what
// the sources say (fields, limits, samples).
type Operation struct {
	Group      string   `json:"-"`
	Path       string   `json:"path"`
	AltPaths   []string `json:"alt_paths,omitempty"` // other paths that sources name
	TitleZH    string   `json:"title_zh"`
	TitleEN    string   `json:"title_en"`
	Doc        string   `json:"doc,omitempty"` // official page
	Legacy     string   `json:"legacy_method,omitempty"`
	Confidence string   `json:"confidence"`
	Sources    []string `json:"sources"` // public programs and documents that show it
	Go         GoNames  `json:"go"`

	Effect     string   `json:"effect"` // read, keyed or unsafe
	Key        []string `json:"key,omitempty"`
	Why        string   `json:"why,omitempty"`         // reason of the effect
	UnsafeWhen string   `json:"unsafe_when,omitempty"` // a flag of the request that makes it unsafe

	Biz     string `json:"biz"` // object or array
	Payload string `json:"payload"`
	Rows    string `json:"rows,omitempty"` // member of the payload that holds the rows

	// RowPayload: one source shows the row itself as the payload, without a list.
	RowPayload bool `json:"row_payload,omitempty"`

	Paging *Paging `json:"paging,omitempty"`
	Window *Window `json:"window,omitempty"`
	Cursor *Cursor `json:"cursor,omitempty"`
	Batch  *Batch  `json:"batch,omitempty"`
	Fail   *Fail   `json:"fail,omitempty"`

	Evidence *Evidence `json:"evidence,omitempty"` // of a write
	ReadBack *ReadBack `json:"read_back,omitempty"`

	InnerCode      bool   `json:"inner_code,omitempty"` // data.code inside code 0
	NullIsFailure  bool   `json:"null_data_is_failure,omitempty"`
	FalseIsFailure bool   `json:"false_data_is_failure,omitempty"` // data is a flag; false is a refusal
	OKFlag         string `json:"ok_flag,omitempty"`               // success flag or error text inside data
	Extra          bool   `json:"extra,omitempty"`                 // rows keep unknown members

	Types    map[string]string `json:"types,omitempty"` // request:path or response:path -> Go type
	Limits   []string          `json:"limits"`
	Notes    []string          `json:"notes"`
	Request  []*Field          `json:"request"`
	Response []*Field          `json:"response"`

	SampleRequest  json.RawMessage `json:"sample_request,omitempty"`
	SampleResponse json.RawMessage `json:"sample_response,omitempty"`
}

// GoNames defines the names of an operation in the Go API.
type GoNames struct {
	Service  string `json:"service,omitempty"`
	Method   string `json:"method,omitempty"`
	Request  string `json:"request,omitempty"`
	Response string `json:"response,omitempty"`
	Raw      bool   `json:"raw,omitempty"`  // the fields of the answer are unknown, and without Request those of the request too: untyped
	Auth     bool   `json:"auth,omitempty"` // token endpoint: written by hand
}

// Paging names the members that control pagination.
type Paging struct {
	Index    string `json:"index,omitempty"`  // path in the request
	Cursor   string `json:"cursor,omitempty"` // instead of Index: cursor of the request, and of the answer for the next page
	Size     string `json:"size"`
	Max      int    `json:"max"`
	MaxPages int    `json:"max_pages,omitempty"`
	Total    string `json:"total,omitempty"` // path in the payload, data_count by default
	Pages    string `json:"pages,omitempty"` // path in the payload, page_count by default
}

// Window is the time filter of a query and its maximum span.
type Window struct {
	Begin string `json:"begin"`
	End   string `json:"end"`
	Days  int    `json:"days,omitempty"` // 0: no known limit
}

// Cursor is the row-version filter of a query.
type Cursor struct {
	Param     string `json:"param"`
	Field     string `json:"field"`
	TotalFlag string `json:"total_flag,omitempty"` // is sent false with the cursor
}

// Batch states how many rows one call accepts and how answers correspond to rows.
type Batch struct {
	List       string   `json:"list"` // member of the request; empty: biz is the list
	Max        int      `json:"max"`
	MaxIsOurs  bool     `json:"max_is_ours,omitempty"` // no source states a maximum
	Key        []string `json:"key"`
	RowKey     []string `json:"row_key,omitempty"` // members of the answer row, Key by default
	OK         string   `json:"ok,omitempty"`      // success flag of a row
	OKOptional bool     `json:"ok_optional,omitempty"`
	Msg        string   `json:"msg,omitempty"`
}

// Fail names the list of failed rows in an answer. Rows that are plain texts are their own
// keys. With OK the list holds all rows, and those without that flag have failed.
type Fail struct {
	Rows string `json:"rows"`
	Key  string `json:"key,omitempty"`
	Msg  string `json:"msg,omitempty"`
	OK   string `json:"ok,omitempty"`
}

// Field is one member of a request or a response. Name is a path from the root of biz or of
// the reply, with [] for elements.
type Field struct {
	Name        string   `json:"name"`
	Go          string   `json:"go,omitempty"`
	Type        string   `json:"type"`
	Wire        string   `json:"wire,omitempty"`   // documented type if ours differs
	Quoted      bool     `json:"quoted,omitempty"` // number sent as text
	Required    bool     `json:"required,omitempty"`
	Conditional bool     `json:"conditional,omitempty"` // one of a group is required
	Inferred    bool     `json:"inferred,omitempty"`    // required according to one client's code: not enforced
	OrObject    bool     `json:"or_object,omitempty"`   // a list, or one object in its place
	Pointer     bool     `json:"pointer,omitempty"`     // zero has a meaning
	ZeroOK      bool     `json:"zero_ok,omitempty"`     // required, but 0 has a meaning
	MaxLen      int      `json:"max_len,omitempty"`
	MaxItems    int      `json:"max_items,omitempty"`
	Values      []string `json:"values,omitempty"`  // known from the sources; there may be others
	PII         bool     `json:"pii,omitempty"`     // personal data, masked when printed
	Sources     []string `json:"sources,omitempty"` // if they are not those of the operation
	ZH          string   `json:"zh,omitempty"`
	EN          string   `json:"en,omitempty"`
}

// Leaf returns the last part of the name.
func (f *Field) Leaf() string {
	name := strings.TrimRight(f.Name, "[]")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// Name returns Service.Method, or the path of an operation without a method.
func (op *Operation) Name() string {
	if op.Go.Method == "" {
		return op.Path
	}
	return op.Go.Service + "." + op.Go.Method
}

// RequestField returns a member of the request by its path, nil if there is none.
func (op *Operation) RequestField(path string) *Field { return find(op.Request, path) }

// SourcesOf returns the sources of a member.
func (op *Operation) SourcesOf(f *Field) []string {
	if f.Sources != nil {
		return f.Sources
	}
	return op.Sources
}

// Load reads the whole catalog, with the groups in a fixed order.
func Load() ([]*Group, error) {
	order := []string{
		"auth", "base", "goods", "inventory", "order", "outbound", "logistics", "aftersale",
		"purchase", "inbound", "purchasereturn", "otherinout", "transfer", "wms", "sortingwall",
		"distribution", "crossborder", "finance", "workorder", "other",
	}
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var groups []*Group
	for _, e := range entries {
		file, err := files.Open(e.Name())
		if err != nil {
			return nil, err
		}
		g, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("catalog %s: %w", e.Name(), err)
		}
		groups = append(groups, g)
	}
	slices.SortStableFunc(groups, func(a, b *Group) int {
		return rank(order, a.Group) - rank(order, b.Group)
	})
	return groups, nil
}

// read rejects unknown members: a misspelled name in a catalog would silently drop a
// decision.
func read(r io.ReadCloser) (*Group, error) {
	defer func() { _ = r.Close() }()
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	g := new(Group)
	if err := dec.Decode(g); err != nil {
		return nil, err
	}
	for _, op := range g.Operations {
		op.Group = g.Group
	}
	return g, nil
}

func rank(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// Operations returns every operation of the catalog.
func Operations() ([]*Operation, error) {
	groups, err := Load()
	if err != nil {
		return nil, err
	}
	var ops []*Operation
	for _, g := range groups {
		ops = append(ops, g.Operations...)
	}
	return ops, nil
}
