package jushuitan

// evidence states what in the answer to a write proves that it was applied, as the catalog
// lists it. Any one of the kinds is enough, unless another contradicts it.
type evidence struct {
	of        string   // where the evidence is: root, payload, row or lists; empty if no answer proves anything
	flags     []string // success flags, in each spelling that a source shows
	rootFlags []string // success flags of the call as a whole, if the others are nested deeper
	codes     []string // result codes, 0 for success
	ids       []string // members that only an applied write has
	values    []string // accepted forms of data itself: true, text, object or array
	messages  []string // exact messages; "" is an empty message, not an absent one
	refusals  []string // messages that mean a refusal if data is null

	done, failed string // of lists: the members that hold the applied rows, and the others
	reason       string // member that holds the reason of a refusal
	key          string // of row: member that identifies the row
	codeZero     bool   // code 0 is enough, as the caller states
}

// readBack describes the query that shows whether a write was applied, as the catalog lists
// it. Pairs are a member of the row read and a member of the write.
type readBack struct {
	query *Operation
	ask   []ask               // filters of the query; if empty, the query is by time
	with  map[string][]string // filters with values of their own
	key   [][2]string         // members that identify the document of a row

	creates  bool                // the write creates the document
	hidden   bool                // rows may lack the key, so each document has a query of its own
	fresh    bool                // several documents may have the key; that of the write is newer and has its lines
	together bool                // one write may create several documents, or documents with more lines
	made     string              // member of the row with the creation time of the document
	count    map[string][]string // values of the rows that count as documents of their own

	readEffect
	cases []readCase // the first that applies replaces members of the effect
}

// ask is a filter of a query.
type ask struct {
	filter, member string
	most           int // maximum number of values, 0 if it is not a list
}

// readEffect is what a row holds after the write.
type readEffect struct {
	same     [][2]string
	how      map[string]string   // of members of same or key that are not compared for equality
	proof    map[string][]string // members of the row, each with the values that prove the write
	undone   map[string][]string // values after the write was applied and undone
	before   map[string][]string // values that it never has again once the write was applied
	unproven string              // why no row can prove the write
}

// readCase is the effect of a write some of whose members have certain values.
type readCase struct {
	when map[string][]string
	readEffect
}
