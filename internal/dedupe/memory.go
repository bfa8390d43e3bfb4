package dedupe

import (
	"encoding/base64"
	"strings"
	"time"
)

// Outcome is what became of an event.
type Outcome int

// The outcomes.
const (
	Refused Outcome = iota // the store failed, or another run took too long
	Ran                    // it was passed to the host
	Repeat                 // the same was handled last: not passed on
	Stale                  // something newer was handled: not passed on
)

// The lengths of the hashes in a memory.
const (
	documentSize = 8
	saidSize     = 12
	coreSize     = 6
)

// Event is a message that says something about a document.
type Event struct {
	Key   string // of the record: the document, or what several documents have in common
	State string // the whole identity, as text

	Document [documentSize]byte
	Said     [saidSize]byte // the whole identity
	Core     [coreSize]byte // what is known of it where the message itself is not, see Partial

	// Partial is an event that was reconstructed without some of its members. It equals
	// any event of the same record with the same Core.
	Partial bool
	// Side is 1 or 2 for events that undo each other, otherwise 0. An event that is Whole
	// speaks of all documents of the record: what it undoes may happen again.
	Side  uint8
	Whole bool

	At time.Time // when it was sent; zero if unknown

	// Again, if positive, is the time after which the same event is a new one. TTL is how
	// long it is remembered; 0 means the runner's CommitTTL.
	Again, TTL time.Duration
	// Limit is how many events of the record are remembered, 1 to [MaxEntries].
	Limit int

	// Earlier is the key under which an earlier version of the module remembers the event, ""
	// for none. EarlierProves means that it identifies the event, so that it was handled if
	// that version committed it.
	Earlier       string
	EarlierProves bool

	next  entry  // what will be remembered of it
	alone string // the memory of a record with nothing else
}

func (e *Event) ttl(otherwise time.Duration) time.Duration {
	if e.TTL > 0 {
		return e.TTL
	}
	return otherwise
}

// MaxEntries is the maximum of [Event].Limit.
const MaxEntries = 32

// entry is what is remembered of an event, in binary form: the flags, the document, what was
// said, its core, and the time in milliseconds, 0 if unknown. It is a part of a memory, so
// that reading one costs nothing.
type entry string

// The places in an entry.
const (
	saidAt     = 1 + documentSize
	coreAt     = saidAt + saidSize
	timeAt     = coreAt + coreSize
	entryBytes = timeAt + 6
	entryText  = entryBytes / 3 * 4
)

// The flags: the lowest two bits are the side.
const (
	flagSide    = 3
	flagWhole   = 4
	flagPartial = 8
	flagDoubt   = 16 // whether something was handled after it is unknown
)

func (e entry) flags() byte        { return e[0] }
func (e entry) document() string   { return string(e[1:saidAt]) }
func (e entry) core() string       { return string(e[coreAt:timeAt]) }
func (e entry) has(flag byte) bool { return e[0]&flag != 0 }

func (e entry) at() (ms int64) {
	for i := timeAt; i < entryBytes; i++ {
		ms = ms<<8 | int64(e[i])
	}
	return ms
}

// notBefore returns the entry with the time of another, if that is later: what was sent before
// either of them is stale.
func (e entry) notBefore(of entry) entry {
	if of.at() > e.at() {
		return e[:timeAt] + of[timeAt:]
	}
	return e
}

// remember makes what is remembered of the event.
func (e *Event) remember() {
	var text [1 + entryBytes]byte
	text[0] = localForm
	b := text[1:]
	b[0] = e.Side & flagSide
	if e.Whole {
		b[0] |= flagWhole
	}
	if e.Partial {
		b[0] |= flagPartial
	}
	copy(b[1:], e.Document[:])
	copy(b[saidAt:], e.Said[:])
	copy(b[coreAt:], e.Core[:])
	if ms := e.At.UnixMilli(); ms > 0 && ms < 1<<48 { // the zero time is before 1970
		for i := entryBytes - 1; i >= timeAt; i-- {
			b[i] = byte(ms)
			ms >>= 8
		}
	}
	e.alone = string(text[:])
	e.next = entry(e.alone[1:])
}

// The first character of a memory says in which form its entries follow: as base64, or as they
// are, in the memory of this process.
const (
	textForm  = '1'
	localForm = '2'
)

// unknownState is the state of a record whose last event is unknown; no event has it.
const unknownState = "?"

// history is the memory of a record: what was handled, oldest first, each event once.
type history struct {
	memory  string // in localForm, "" if empty
	damaged bool   // written by a later version, or not by this package
}

func parse(memory string) history {
	switch {
	case memory == "":
		return history{}
	case memory[0] == localForm && len(memory)%entryBytes == 1:
		return history{memory: memory}
	case memory[0] != textForm || len(memory)%entryText != 1:
		return history{damaged: true}
	}
	b := append(make([]byte, 0, len(memory)), localForm)
	b, err := base64.RawURLEncoding.AppendDecode(b, []byte(memory[1:]))
	if err != nil || len(b)-1 != len(memory)/4*3 { // it skips line ends
		return history{damaged: true}
	}
	return history{memory: string(b)}
}

// text returns the history in the form for a store that is local or not.
func (h history) text(local bool) string {
	if local {
		return h.memory
	}
	b := append(make([]byte, 0, 1+h.len()*entryText), textForm)
	if h.memory != "" {
		b = base64.RawURLEncoding.AppendEncode(b, []byte(h.memory[1:]))
	}
	return string(b)
}

func (h history) len() int { return len(h.memory) / entryBytes }

func (h history) at(i int) entry {
	i = 1 + i*entryBytes
	return entry(h.memory[i : i+entryBytes])
}

// begin writes the beginning of a history, and makes room for n entries.
func begin(b *strings.Builder, n int) {
	b.Grow(1 + n*entryBytes)
	b.WriteByte(localForm)
}

// same reports whether two events say the same.
func (e entry) same(of entry) bool {
	if e.has(flagPartial) || of.has(flagPartial) {
		return e.core() == of.core() && e.flags()&flagSide == of.flags()&flagSide
	}
	return e[1:coreAt] == of[1:coreAt]
}

// about reports whether two events have one document.
func (e entry) about(of entry) bool {
	return e.document() == of.document() || (e.has(flagPartial) || of.has(flagPartial)) && e.core() == of.core()
}

// undoes reports whether two events of different documents undo each other.
func (e entry) undoes(of entry) bool {
	return e.flags()&flagSide != of.flags()&flagSide && (e.has(flagWhole) || of.has(flagWhole))
}

// verdict is what to do with an event.
type verdict struct {
	Outcome   Outcome
	MayRepeat bool // it runs, though it may be a repeat
	note      bool // it does not run, and is remembered
	fills     bool // as what was handled last
	unsettled bool
}

// judge decides about an event: a repeat says the same as what was handled last of its
// document, and nothing else is one; stale is what was sent before something that was
// handled, where both times are known. unsettled means that what was handled last is unknown.
func (h history) judge(e *Event, unsettled bool) verdict {
	next := e.next
	last, same := h.newest(next)
	if at := h.expected(next); at >= 0 && !unsettled {
		return verdict{Outcome: Repeat, note: true, fills: at == last}
	}
	v := verdict{Outcome: Ran, unsettled: unsettled || h.damaged}
	lost := v.unsettled || h.doubtful() // this event may have been handled by the run that was lost
	v.MayRepeat = same >= 0 || lost
	if same >= 0 && same == last && !h.since(last, next) {
		known := h.at(last)
		switch again := e.Again > 0 && known.at() > 0 && next.at()-known.at() >= e.Again.Milliseconds(); {
		case again:
			v.MayRepeat = lost
		case !v.unsettled && !known.has(flagDoubt):
			return verdict{Outcome: Repeat}
		}
		return v // the same as the newest cannot be older
	}
	if h.outdates(next) {
		v.Outcome, v.MayRepeat = Stale, false
	}
	return v
}

// newest returns the places of the newest entry about an event's document and of the newest
// that says the same as the event, or -1.
func (h history) newest(next entry) (last, same int) {
	last, same = -1, -1
	for i := range h.len() {
		known := h.at(i)
		if known.about(next) {
			last = i
		}
		if known.same(next) {
			same = i
		}
	}
	return last, same
}

// outdates reports whether something that was sent after an event was handled before it.
func (h history) outdates(next entry) bool {
	at := next.at()
	for i := range h.len() {
		if known := h.at(i); at > 0 && known.at() > at && (known.about(next) || known.undoes(next)) {
			return true
		}
	}
	return false
}

// expected returns the place of the event that was reconstructed because this one had not
// come, or -1. Something that was handled later and was sent earlier than this one shows that
// it is another event.
func (h history) expected(next entry) int {
	if next.has(flagPartial) {
		return -1
	}
	for i := range h.len() {
		known := h.at(i)
		if known.has(flagPartial) && !known.has(flagDoubt) && known.same(next) && !h.since(i, next) && !h.earlierAfter(i, next) {
			return i
		}
	}
	return -1
}

// earlierAfter reports whether something about an event's document was handled after the i-th
// entry and sent before the event.
func (h history) earlierAfter(i int, next entry) bool {
	for i++; i < h.len(); i++ {
		if e := h.at(i); e.about(next) && e.at() > 0 && next.at() > e.at() {
			return true
		}
	}
	return false
}

// since reports whether an event of another document undid the i-th one.
func (h history) since(i int, next entry) bool {
	for i++; i < h.len(); i++ {
		if h.at(i).undoes(next) {
			return true
		}
	}
	return false
}

// filled returns the history with an event in the place of the reconstructed one.
func (h history) filled(e *Event) history {
	place := h.expected(e.next)
	var b strings.Builder
	begin(&b, h.len()+1)
	for i := range h.len() {
		known := h.at(i)
		if i == place {
			known = e.next.notBefore(known)
		}
		b.WriteString(string(known))
	}
	if place < 0 {
		b.WriteString(string(e.next))
	}
	return history{memory: b.String()}
}

// with returns the history after an event. The event's own earlier entry is replaced, and
// what is beyond the limit is dropped, oldest first.
func (h history) with(e *Event) history {
	if h.len() == 0 {
		return history{memory: e.alone}
	}
	others, next := 0, e.next
	for i := range h.len() {
		if known := h.at(i); known.same(e.next) {
			next = next.notBefore(known)
		} else {
			others++
		}
	}
	dropped := max(0, others+1-max(1, min(e.Limit, MaxEntries)))
	var b strings.Builder
	begin(&b, others-dropped+1)
	for i := range h.len() {
		if h.at(i).same(e.next) {
			continue
		}
		if dropped--; dropped < 0 {
			b.WriteString(string(h.at(i)))
		}
	}
	b.WriteString(string(next))
	return history{memory: b.String()}
}

// after returns the history after an event that ran.
func (h history) after(e *Event, v verdict) history {
	if v.unsettled {
		h = h.doubted()
	}
	return h.with(e)
}

// doubtful reports whether an event is in doubt.
func (h history) doubtful() bool {
	for i := range h.len() {
		if h.at(i).has(flagDoubt) {
			return true
		}
	}
	return false
}

// doubted returns the history with every event in doubt.
func (h history) doubted() history {
	b := []byte(h.memory)
	for i := range h.len() {
		b[1+i*entryBytes] |= flagDoubt
	}
	return history{memory: string(b)}
}
