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

// Checksum selects the signing scheme of the parameter sign. Public receivers differ,
// and it is not documented which scheme the ERP uses: look at [Envelope].ChecksumForm
// of live messages, then select it.
type Checksum int

// The schemes.
const (
	ChecksumAny            Checksum = iota // any known scheme
	ChecksumTS                             // only ts is signed
	ChecksumSorted                         // all parameters, sorted by name
	ChecksumArrivalTSFirst                 // all parameters, ts first, the others in the order of the URL
	ChecksumArrival                        // all parameters in the order of the URL
	ChecksumOff                            // not checked
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

// Sign returns the value of the parameter sign for a method and the raw query of a URL
// without sign. ChecksumAny and ChecksumOff sign as [ChecksumSorted].
func (c Checksum) Sign(method jushuitan.PushMethod, rawQuery string) (string, error) {
	query, err := pushsign.Parse(rawQuery)
	if err != nil {
		return "", errors.New("callback: invalid query")
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

// trust verifies a request before its body is processed.
type trust struct {
	checksum Checksum
	secrets  []string

	mu    sync.Mutex
	known map[registered]*knownURL // with a valid token
}

// registered is what the token of a URL is derived from.
type registered struct {
	method             jushuitan.PushMethod
	entID, storageCode string
}

// knownURL caches the tokens of a URL, since each URL receives many messages.
type knownURL struct {
	tokens   []string     // the tokens that the secrets derive
	checksum atomic.Int64 // the Checksum of the last message
}

// knownURLs is how many registered URLs are cached.
const knownURLs = 10_000

func newTrust(cfg *Config) *trust {
	return &trust{known: map[registered]*knownURL{}, checksum: cfg.Checksum, secrets: slices.Clone(cfg.Secrets)}
}

// foreign are the parameters of registered URLs that the ERP or a proxy may add as well, with
// another meaning: type, and token, the earlier name of the URL's token.
var foreign = []string{pushsign.OldTokenParam, "type"}

// check verifies the query of a message of a known kind.
func (t *trust) check(query pushsign.Params, env *Envelope) error {
	url := &knownURL{}
	own := -1 // the index of the token's parameter
	if len(t.secrets) > 0 {
		if url, own = t.token(query, env); url == nil {
			if own < 0 {
				return fmt.Errorf("%w: missing", ErrToken)
			}
			return fmt.Errorf("%w: it was not derived from any of the secrets for this URL", ErrToken)
		}
	}
	sign := query.Get("sign")
	if c, ok := t.form(env.Method, query, own, sign, Checksum(url.checksum.Load())); ok {
		url.checksum.Store(int64(c))
		env.ChecksumForm = c.String()
	}
	switch {
	case env.ChecksumForm != "" || t.checksum == ChecksumOff:
		return nil
	case sign == "":
		return fmt.Errorf("%w: the parameter sign is missing", ErrChecksum)
	case t.checksum == ChecksumAny:
		return fmt.Errorf("%w: the parameter sign matches no known signing scheme", ErrChecksum)
	}
	return fmt.Errorf("%w: the parameter sign does not match the signing scheme %s", ErrChecksum, t.checksum)
}

// token returns the URL whose token is in the query, and the index of that parameter. For an
// invalid token the URL is nil; without any token the index is -1. If there is a token with the
// current name, only that one counts.
func (t *trust) token(query pushsign.Params, env *Envelope) (*knownURL, int) {
	name := pushsign.TokenParam
	if _, present := query.Lookup(name); !present {
		name = pushsign.OldTokenParam
	}
	place := -1
	for i, tried := 0, 0; i < len(query) && tried < maxTokens; i++ {
		if query[i][0] != name || query[i][1] == "" {
			continue
		}
		tried++
		place = i
		if url := t.made(query[i][1], registered{env.Method, env.EntID, env.StorageCode}); url != nil {
			return url, place
		}
	}
	return nil, place
}

// maxTokens is how many parameters of a query are tried as its token.
const maxTokens = 4

// made returns the URL if token was derived from one of the secrets. The comparison takes
// constant time.
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

// form returns the accepted signing scheme that matches. The last one of the URL is
// tried first. What may have been added after the query was signed is left out in turn.
func (t *trust) form(method jushuitan.PushMethod, query pushsign.Params, own int, sign string, last Checksum) (Checksum, bool) {
	given, ok := pushsign.ParseSum(sign)
	if !ok {
		return 0, false
	}
	if c, ok := t.matching(method, query, given, last); ok {
		return c, true
	}
	var added []int // places
	for i := range query {
		if i != own && slices.Contains(foreign, query[i][0]) {
			added = append(added, i)
		}
	}
	added = added[:min(len(added), maxTokens)]
	for some := 1; some < 1<<len(added); some++ { // each set of them
		signed := query.Without(func(i int) bool {
			n := slices.Index(added, i)
			return n >= 0 && some&(1<<n) != 0
		})
		if c, ok := t.matching(method, signed, given, last); ok {
			return c, true
		}
	}
	return 0, false
}

// matching returns the accepted signing scheme that matches these parameters.
func (t *trust) matching(method jushuitan.PushMethod, query pushsign.Params, given pushsign.Sum, last Checksum) (Checksum, bool) {
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
