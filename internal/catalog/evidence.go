package catalog

// Evidence states what in the answer to a write proves that it was applied. Any one of the
// kinds is enough, unless another contradicts it. Without evidence the outcome is unknown:
// code 0 only says that the call was accepted.
type Evidence struct {
	Of string `json:"of,omitempty"` // where the evidence is: root, payload, row or lists

	Flags    []string  `json:"flags,omitempty"`      // success flags, in each spelling that a source shows
	Root     []string  `json:"root_flags,omitempty"` // success flags of the call as a whole, if Of is not root
	Codes    []string  `json:"codes,omitempty"`      // result codes, 0 for success
	IDs      []string  `json:"ids,omitempty"`        // what only an applied write has, such as the number of its document
	Values   []string  `json:"values,omitempty"`     // accepted forms of data itself: true, text, object or array
	Messages []Message `json:"messages,omitempty"`   // exact texts of the message; "" is an empty message, not an absent one
	Refusals []Message `json:"refusals,omitempty"`   // texts that mean a refusal if data is null
	Reason   string    `json:"reason,omitempty"`     // member that holds the reason of a refusal, according to a source
	Done     string    `json:"done,omitempty"`       // of lists: holds the applied rows
	Failed   string    `json:"failed,omitempty"`     // of lists: holds the other rows

	None string `json:"none,omitempty"` // why no answer proves anything
}

// Message is a text that a source shows.
type Message struct {
	Text   string `json:"text"`
	Source string `json:"source"`
}

// ReadBack names the query that shows whether a write was applied. Members of the write and
// of the row read are written without [], such as items.sku_id.
type ReadBack struct {
	Operation string              `json:"operation"`      // Orders.Query
	Ask       map[string]string   `json:"ask"`            // filter of the query: member of the write; empty: by time
	With      map[string][]string `json:"with,omitempty"` // filter of the query: the values it always has
	Key       map[string]string   `json:"key"`            // member of the row read: member of the write; together they say which document a row is

	// Creates: the write makes the document, so that one that is not there was not written.
	// Of another write it means that the query does not show the document.
	Creates bool `json:"creates,omitempty"`
	// Hidden: rows may leave the key out, so each document is asked for alone.
	Hidden bool `json:"hidden,omitempty"`
	// Fresh: the key names several documents; that of the write is newer than the write and
	// has its lines.
	Fresh bool `json:"fresh,omitempty"`
	// Together: one write may make several documents, or documents with more lines.
	Together bool                `json:"together,omitempty"`
	Made     string              `json:"made,omitempty"`  // member of the row that holds when the document was made
	Count    map[string][]string `json:"count,omitempty"` // values of the rows that count as documents of their own

	Effect
	Cases []Case `json:"cases,omitempty"` // the first that applies replaces members of the effect
	Note  string `json:"note,omitempty"`
}

// Effect is what a row read holds after a write.
type Effect struct {
	Same   map[string]string   `json:"same,omitempty"`   // member of the row: member of the write that it must equal
	How    map[string]string   `json:"how,omitempty"`    // member of Same or Key: contains, lacks, ends, magnitude, warehouse, or else and another member
	Proof  map[string][]string `json:"proof,omitempty"`  // member of the row: the values of which it must have one
	Undone map[string][]string `json:"undone,omitempty"` // values that it has if the write was applied and undone since
	Before map[string][]string `json:"before,omitempty"` // values that it never has again once the write was applied

	Unproven string `json:"unproven,omitempty"` // why no row tells
}

// Case is the effect of a write some of whose members have certain values.
type Case struct {
	If map[string][]string `json:"if"` // member of the write: the values of which it must have one, "" if it is absent
	Effect
}

// Title is an operation for which sources state the title but no path.
type Title struct {
	TitleZH    string   `json:"title_zh"`
	TitleEN    string   `json:"title_en"`
	Group      string   `json:"group"`
	Legacy     string   `json:"legacy_method,omitempty"`
	Confidence string   `json:"confidence"`
	Sources    []string `json:"sources"`
}
