package callback

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Checksum is which way of signing is demanded of the parameter sign. Public
// receivers differ, and no document says which one the ERP uses: see
// [Envelope].ChecksumForm of live messages, then pin it.
type Checksum int

// The policies.
const (
	ChecksumAny            Checksum = iota // any known way
	ChecksumTS                             // only ts is signed
	ChecksumSorted                         // all parameters, sorted by name
	ChecksumArrivalTSFirst                 // all parameters, ts first, the others as they stand in the URL
	ChecksumArrival                        // all parameters as they stand in the URL
	ChecksumOff                            // not demanded
)

func (c Checksum) String() string {
	switch c {
	case ChecksumAny:
		return "any"
	case ChecksumTS:
		return "ts"
	case ChecksumSorted:
		return "sorted"
	case ChecksumArrivalTSFirst:
		return "arrival-ts-first"
	case ChecksumArrival:
		return "arrival"
	case ChecksumOff:
		return "off"
	}
	return fmt.Sprintf("Checksum(%d)", int(c))
}

// Sign makes the parameter sign in this way, [ChecksumSorted] where none is
// named, of a method and the raw query of a URL without sign.
func (c Checksum) Sign(method jushuitan.PushMethod, rawQuery string) (string, error) {
	query, err := pushsign.Parse(rawQuery)
	if err != nil {
		return "", errors.New("callback: the query cannot be read")
	}
	if c == ChecksumAny || c == ChecksumOff {
		c = ChecksumSorted
	}
	return c.of(method, query).String(), nil
}

func (c Checksum) of(method jushuitan.PushMethod, query pushsign.Params) pushsign.Sum {
	switch c {
	case ChecksumTS:
		return query.TimeOnly(string(method))
	case ChecksumArrivalTSFirst:
		return query.Arrival(string(method), true)
	case ChecksumArrival:
		return query.Arrival(string(method), false)
	default:
		return query.Sorted(string(method))
	}
}

// trust is what is demanded of a request before its body is believed.
type trust struct {
	checksum Checksum
	secrets  []string

	mu    sync.Mutex
	known map[registered]*knownURL // that proved right
}

// registered is what the token of a URL is made of.
type registered struct {
	method             jushuitan.PushMethod
	entID, storageCode string
}

// knownURL is what is remembered of a URL, since each serves many messages.
type knownURL struct {
	tokens   []string     // what the secrets make
	checksum atomic.Int64 // the Checksum of the last message
}

// knownURLs is how many registered URLs are remembered.
const knownURLs = 10_000

func newTrust(cfg *Config) *trust {
	return &trust{known: map[registered]*knownURL{}, checksum: cfg.Checksum, secrets: slices.Clone(cfg.Secrets)}
}

// check checks the query of a message of a known kind.
func (t *trust) check(query pushsign.Params, env *Envelope) error {
	url := &knownURL{}
	if len(t.secrets) > 0 {
		token := query.Get(pushsign.TokenParam)
		if token == "" {
			return fmt.Errorf("%w: it is missing", ErrToken)
		}
		if url = t.made(token, registered{env.Method, env.EntID, env.StorageCode}); url == nil {
			return fmt.Errorf("%w: none of the secrets made it for this URL", ErrToken)
		}
	}
	sign := query.Get("sign")
	if c, ok := t.form(env.Method, query, sign, Checksum(url.checksum.Load())); ok {
		url.checksum.Store(int64(c))
		env.ChecksumForm = c.String()
	}
	switch {
	case env.ChecksumForm != "" || t.checksum == ChecksumOff:
		return nil
	case sign == "":
		return fmt.Errorf("%w: the parameter sign is missing", ErrChecksum)
	case t.checksum == ChecksumAny:
		return fmt.Errorf("%w: the parameter sign matches no known way of signing", ErrChecksum)
	}
	return fmt.Errorf("%w: the parameter sign does not match the way of signing %s", ErrChecksum, t.checksum)
}

// made is the URL if, compared in constant time, one of the secrets made its token.
func (t *trust) made(token string, u registered) *knownURL {
	t.mu.Lock()
	url := t.known[u]
	t.mu.Unlock()
	isNew := url == nil
	if isNew {
		url = &knownURL{}
		for _, secret := range t.secrets {
			url.tokens = append(url.tokens, pushsign.Token(secret, string(u.method), u.entID, u.storageCode))
		}
	}
	ok := 0
	for _, want := range url.tokens {
		ok |= subtle.ConstantTimeCompare([]byte(want), []byte(token))
	}
	if ok != 1 {
		return nil
	}
	if isNew {
		t.mu.Lock()
		if len(t.known) >= knownURLs {
			clear(t.known)
		}
		t.known[u] = url
		t.mu.Unlock()
	}
	return url
}

// form is the way of signing that matches, of those that are accepted. The last
// one of the URL is tried first.
func (t *trust) form(method jushuitan.PushMethod, query pushsign.Params, sign string, last Checksum) (Checksum, bool) {
	given, ok := pushsign.ParseSum(sign)
	if !ok {
		return 0, false
	}
	if t.checksum != ChecksumAny && t.checksum != ChecksumOff {
		return t.checksum, given.Equal(t.checksum.of(method, query))
	}
	if last != ChecksumAny && given.Equal(last.of(method, query)) {
		return last, true
	}
	for c := ChecksumTS; c <= ChecksumArrival; c++ {
		if c != last && given.Equal(c.of(method, query)) {
			return c, true
		}
	}
	return 0, false
}
