package dedupe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneKey is a store with one key, in memory or not, that has transactions or not.
type oneKey struct {
	last      *Last
	abandoned bool // a claim ended without a commit or a release
}

func (s *oneKey) Claim(_ context.Context, _, state, _ string, _ time.Duration) (int, string, error) {
	abandoned := s.abandoned
	s.abandoned = false
	switch {
	case s.last == nil:
		return Claimed, "", nil
	case abandoned:
		return Unsettled, s.last.Memory, nil
	case s.last.State == state:
		return Committed, s.last.Memory, nil
	}
	return Claimed, s.last.Memory, nil
}

func (s *oneKey) Commit(_ context.Context, _, state, _, memory string, _ time.Duration) error {
	s.last, s.abandoned = &Last{Known: true, State: state, Memory: memory}, false
	return nil
}

func (s *oneKey) Release(context.Context, string, string) error { return nil }

// oneKeyTx is a oneKey whose records are stored in transactions.
type oneKeyTx struct {
	*oneKey
	t *testing.T
}

func (s oneKeyTx) Transact(ctx context.Context, _ string, fresh Record, _ time.Duration, run func(context.Context, *Last) (*Record, error)) error {
	var last *Last
	if s.last != nil {
		last = &Last{Known: true, State: s.last.State, Memory: s.last.Memory, Unsettled: s.abandoned}
	}
	rec, err := run(ctx, last)
	if err != nil || rec == nil {
		return err
	}
	if last == nil {
		assert.Equal(s.t, fresh, *rec, "what is stored at once where nothing is known")
	}
	assert.Equal(s.t, byte(textForm), rec.Memory[0], "a database stores text")
	return s.Commit(ctx, "", rec.State, "", rec.Memory, rec.TTL)
}

// seen is an event, and what the rule remembers of it.
type seen struct {
	document, word, core  int
	side                  uint8
	whole, partial, doubt bool
	at                    int64 // in milliseconds, 0 if unknown
}

func (a seen) says(b seen) bool {
	if a.partial || b.partial {
		return a.core == b.core && a.side == b.side
	}
	return a.document == b.document && a.word == b.word
}

func (a seen) concerns(b seen) bool {
	return a.document == b.document || (a.partial || b.partial) && a.core == b.core
}

func (a seen) undoes(b seen) bool { return a.side != b.side && (a.whole || b.whole) }

func (a seen) event(again time.Duration, limit int) *Event {
	e := &Event{
		Key: "k", State: fmt.Sprint("state ", a.document, a.word, a.partial), Partial: a.partial, Side: a.side, Whole: a.whole, Again: again, Limit: limit,
		Document: [documentSize]byte{7: byte(a.document)}, Said: [saidSize]byte{11: byte(a.word)}, Core: [coreSize]byte{5: byte(a.core)},
	}
	if a.at > 0 {
		e.At = time.UnixMilli(a.at)
	}
	return e
}

func (a seen) String() string {
	text := fmt.Sprintf("%d/%d/%d", a.document, a.word, a.core)
	if a.side > 0 {
		text += fmt.Sprint(" side ", a.side)
	}
	for _, is := range []struct {
		so   bool
		name string
	}{{a.whole, " whole"}, {a.partial, " partial"}, {a.doubt, " in doubt"}} {
		if is.so {
			text += is.name
		}
	}
	return text + fmt.Sprint(" @", a.at)
}

// record is the rule of what becomes of events, as one would say it.
type record struct {
	handled []seen // oldest first
	again   int64  // in milliseconds
	limit   int
}

// rule returns what becomes of an event.
func (r *record) rule(m seen, unknownLast bool) (out Outcome, mayRepeat bool, fills int) {
	// A message fills in the first of the reconstructed ones that it is, unless that was undone
	// since, or something older than the message came after it.
	if !m.partial && !unknownLast {
		for i, h := range r.handled {
			after := r.handled[i+1:]
			older := func(a seen) bool { return a.concerns(m) && a.at != 0 && a.at < m.at }
			if h.partial && !h.doubt && h.says(m) && !slices.ContainsFunc(after, m.undoes) && !slices.ContainsFunc(after, older) {
				return Repeat, false, i
			}
		}
	}
	// What is unknown may have been this message.
	lost := unknownLast || slices.ContainsFunc(r.handled, func(h seen) bool { return h.doubt })
	mayRepeat = lost || slices.ContainsFunc(r.handled, m.says)
	last := -1
	for i, h := range r.handled {
		if h.concerns(m) {
			last = i
		}
	}
	// What says the same as the last of its document is a repeat, unless it was undone, or comes
	// so much later that it is another.
	if last >= 0 && r.handled[last].says(m) && !slices.ContainsFunc(r.handled[last:], m.undoes) {
		h := r.handled[last]
		switch {
		case r.again > 0 && h.at != 0 && m.at != 0 && m.at >= h.at+r.again:
			return Ran, lost, -1
		case unknownLast || h.doubt:
			return Ran, true, -1
		}
		return Repeat, false, -1
	}
	for _, h := range r.handled {
		if m.at != 0 && m.at < h.at && (h.concerns(m) || h.undoes(m)) {
			return Stale, false, -1
		}
	}
	return Ran, mayRepeat, -1
}

// remember notes an event that was handled: each is remembered once, with the latest time that
// is known of it.
func (r *record) remember(m seen) {
	r.handled = slices.DeleteFunc(r.handled, func(h seen) bool {
		same := h.says(m)
		if same {
			m.at = max(m.at, h.at)
		}
		return same
	})
	r.handled = append(r.handled, m)
	r.handled = r.handled[max(0, len(r.handled)-max(1, r.limit)):]
}

// remembered writes what a store has as the rule would.
func remembered(s *oneKey) (rows []string) {
	if s.last == nil {
		return nil
	}
	h := parse(s.last.Memory)
	for i := range h.len() {
		e := h.at(i)
		rows = append(rows, seen{
			document: int(e.document()[7]), word: int(e[saidAt+11]), core: int(e.core()[5]), side: e.flags() & flagSide,
			whole: e.has(flagWhole), partial: e.has(flagPartial), doubt: e.has(flagDoubt), at: e.at(),
		}.String())
	}
	return rows
}

// TestJudgement: random events of a record, reconstructed ones too, some of which fail and some of
// which follow a run of which nothing is known, have the outcome that the rule says, and what is
// remembered is what it says, in a store of claims, in one in memory and in one with transactions.
func TestJudgement(t *testing.T) {
	failed := errors.New("not now")
	counts := map[string]int{}
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		store := &oneKey{}
		cfg := Config[string, int]{Deduper: store, ClaimTTL: time.Minute, CommitTTL: time.Hour, ErrBusy: errors.New("busy"), ErrStore: errors.New("store")}
		kind := []string{"claims", "local", "transactions"}[seed%3]
		switch kind {
		case "local":
			cfg.Local = true
		case "transactions":
			cfg.Deduper = oneKeyTx{store, t}
		}
		r := NewRunner(cfg)
		rule := record{limit: []int{0, 1, 2, 3, 8, 8}[rng.IntN(6)]}
		if rng.IntN(2) == 0 {
			rule.again = 2
		}
		sides, partials := rng.IntN(2) == 0, rng.IntN(2) == 0
		story := fmt.Sprintf("seed %d, %s, limit %d, again %d", seed, kind, rule.limit, rule.again)
		for range 10 {
			m := seen{document: rng.IntN(2), word: rng.IntN(2), at: max(0, rng.Int64N(8)-1)}
			m.core = 1 + m.word
			if partials && rng.IntN(3) == 0 {
				m.partial, m.document, m.word = true, rng.IntN(3), 100+m.word
			}
			if sides {
				m.side = uint8(1 + (m.document+m.word)%2)
				m.whole = m.document == 1
			}
			if rng.IntN(6) == 0 && store.last != nil {
				store.abandoned = true
				story += "\na run was lost"
			}
			unknownLast := store.abandoned
			want, mayRepeat, fills := rule.rule(m, unknownLast)
			fails := rng.IntN(5) == 0
			ran, flagged := false, false
			got, err := r.Handle(t.Context(), "", m.event(time.Duration(rule.again)*time.Millisecond, rule.limit), func(_ context.Context, may bool) error {
				ran, flagged = true, may
				if fails {
					return failed
				}
				return nil
			})
			story += fmt.Sprintf("\n%s: %d, %v, flagged %t", m, got, err, flagged)
			require.Equal(t, want, got, story)
			require.Equal(t, want == Ran, ran, story)
			require.Equal(t, mayRepeat && ran, flagged, story)
			switch {
			case fills >= 0:
				counts["filled"]++
				m.at = max(m.at, rule.handled[fills].at)
				rule.handled[fills] = m
			case unknownLast && (want == Ran && !fails || kind != "transactions"): // with them the claim that was lost stays
				for i := range rule.handled {
					rule.handled[i].doubt = true
				}
			}
			if want == Ran && !fails {
				require.NoError(t, err, story)
				rule.remember(m)
			}
			counts[fmt.Sprint(want, " ", mayRepeat)]++
			var rows []string
			for _, h := range rule.handled {
				rows = append(rows, h.String())
			}
			require.Equal(t, rows, remembered(store), "%s\nwhat is remembered", story)
		}
	}
	for _, of := range []string{"1 false", "1 true", "2 false", "3 false", "filled"} {
		assert.Greater(t, counts[of], 300, "%s: the events show nothing else", of)
	}
}

// TestLimit: at most as many events of a record are remembered as was asked for, 1 to 32, and that
// fits into the column that the contract of stores names.
func TestLimit(t *testing.T) {
	for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 31: 31, 32: 32, 33: 32, 1000: 32} {
		store := &oneKey{}
		r := NewRunner(Config[string, int]{Deduper: store, ClaimTTL: time.Minute, CommitTTL: time.Hour})
		for word := range 40 {
			out, err := r.Handle(t.Context(), "", seen{word: word}.event(0, limit), func(context.Context, bool) error { return nil })
			require.NoError(t, err)
			require.Equal(t, Ran, out)
		}
		rows := remembered(store)
		require.Len(t, rows, want, "limit %d", limit)
		assert.Equal(t, seen{word: 39}.String(), rows[want-1], "the newest")
		assert.Equal(t, seen{word: 40 - want}.String(), rows[0], "the oldest that fits")
		assert.LessOrEqual(t, len(store.last.Memory), 2000)
	}
}

// TestTimes: a time is remembered to the millisecond; one that no message has is unknown, and
// makes nothing stale.
func TestTimes(t *testing.T) {
	const most = 1<<48 - 1
	for _, c := range []struct {
		name string
		at   time.Time
		want int64
	}{
		{"none", time.Time{}, 0},
		{"before 1970", time.Unix(-1, 0), 0},
		{"1970", time.UnixMilli(0), 0},
		{"the first", time.UnixMilli(1), 1},
		{"each byte", time.UnixMilli(0x010203040506), 0x010203040506},
		{"high bytes", time.UnixMilli(0xF1F2F3F4F5F6), 0xF1F2F3F4F5F6},
		{"part of a millisecond", time.Unix(1_700_000_000, 123_999_999), 1_700_000_000_123},
		{"the last", time.UnixMilli(most), most},
		{"beyond", time.UnixMilli(most + 1), 0},
		{"far beyond", time.UnixMilli(most + 1<<40), 0},
	} {
		e := &Event{At: c.at}
		e.remember()
		assert.Equal(t, c.want, e.next.at(), c.name)
		h := parse(history{}.with(e).text(false))
		require.Equal(t, 1, h.len(), c.name)
		assert.Equal(t, c.want, h.at(0).at(), "%s, from a store", c.name)
	}
}

// TestForeignMemory: of a record whose memory nobody here wrote nothing is concluded: its events
// run, flagged, until one was handled; the memory stays as it is until then. Only the state that was
// handled last is a repeat.
func TestForeignMemory(t *testing.T) {
	var own history
	for word := range 2 {
		e := seen{word: word, at: 5}.event(0, 8)
		e.remember()
		own = own.with(e)
	}
	text := own.text(false)
	for name, memory := range map[string]string{
		"a later form": "3" + text[1:],
		"cut":          text[:len(text)-1],
		"longer":       text + "A",
		"no base64":    text[:len(text)-1] + "!",
		"line ends":    text[:len(text)-4] + "\r\n\r\n",
		"a letter":     "x",
		"local, cut":   own.memory[:len(own.memory)-1],
	} {
		for _, kind := range []string{"claims", "transactions"} {
			open := func(state string) (*oneKey, *Runner[string, int]) {
				store := &oneKey{last: &Last{Known: true, State: state, Memory: memory}}
				cfg := Config[string, int]{Deduper: store, ClaimTTL: time.Minute, CommitTTL: time.Hour}
				if kind == "transactions" {
					cfg.Deduper = oneKeyTx{store, t}
				}
				return store, NewRunner(cfg)
			}
			e := seen{at: 1}
			for _, state := range []string{"of another", unknownState} {
				store, r := open(state)
				for _, fail := range []error{errors.New("not now"), errors.New("not yet"), nil} {
					out, err := r.Handle(t.Context(), "", e.event(0, 8), func(_ context.Context, mayRepeat bool) error {
						assert.True(t, mayRepeat, "%s: flagged", name)
						assert.Equal(t, memory, store.last.Memory, "%s: nothing was handled", name)
						return fail
					})
					require.ErrorIs(t, err, fail)
					require.Equal(t, Ran, out, name)
				}
				assert.Equal(t, []string{e.String()}, remembered(store), name)
				out, err := r.Handle(t.Context(), "", e.event(0, 8), nil)
				require.NoError(t, err)
				assert.Equal(t, Repeat, out, name)
			}

			store, r := open(e.event(0, 8).State)
			out, err := r.Handle(t.Context(), "", e.event(0, 8), nil)
			require.NoError(t, err)
			assert.Equal(t, Repeat, out, "%s: the state says it", name)
			assert.Equal(t, memory, store.last.Memory, name)
			ran := false
			out, err = r.Handle(t.Context(), "", e.event(time.Millisecond, 8), func(_ context.Context, mayRepeat bool) error {
				ran = mayRepeat
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, Ran, out, "%s: when it was sent is unknown", name)
			assert.True(t, ran, name)
		}
	}
	assert.Equal(t, own, parse(text), "what is written can be read")
	assert.Equal(t, own, parse(own.text(true)))
}
