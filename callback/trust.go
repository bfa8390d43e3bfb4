package callback

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

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
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", errors.New("callback: the query cannot be read")
	}
	if c == ChecksumAny || c == ChecksumOff {
		c = ChecksumSorted
	}
	return c.of(method, rawQuery, query), nil
}

func (c Checksum) of(method jushuitan.PushMethod, raw string, query url.Values) string {
	switch c {
	case ChecksumTS:
		return pushsign.TimeOnly(string(method), query)
	case ChecksumArrivalTSFirst:
		return pushsign.Arrival(string(method), raw, true)
	case ChecksumArrival:
		return pushsign.Arrival(string(method), raw, false)
	default:
		return pushsign.Sorted(string(method), query)
	}
}

// trust is what is demanded of a request before its body is believed.
type trust struct {
	checksum         Checksum
	secrets          []string
	sources, proxies []netip.Prefix
	header           string
	maxAge, maxAhead time.Duration
	now              func() time.Time

	mu     sync.Mutex
	tokens map[registered][]string // what the secrets make, of URLs that proved right
}

// registered is what the token of a URL is made of.
type registered struct {
	method             jushuitan.PushMethod
	entID, storageCode string
}

// knownURLs is how many registered URLs are remembered.
const knownURLs = 10_000

func newTrust(cfg *Config) *trust {
	t := &trust{
		tokens:   map[registered][]string{},
		checksum: cfg.Checksum, secrets: slices.Clone(cfg.Secrets),
		sources: slices.Clone(cfg.Sources), proxies: slices.Clone(cfg.Proxies), header: cfg.ProxyHeader,
		maxAge: cfg.MaxAge, maxAhead: cfg.MaxAhead, now: cfg.Now,
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t
}

// source finds the sender's address: the connection's, or the one that trusted
// proxies name. It is not valid where it cannot be told.
func (t *trust) source(req *http.Request) netip.Addr {
	addr := address(req.RemoteAddr)
	if t.header == "" || !contains(t.proxies, addr) {
		return addr
	}
	hops := strings.Split(strings.Join(req.Header.Values(t.header), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" && len(hops) == 1 {
			return addr // the proxy's own request
		}
		addr = address(hop)
		if !contains(t.proxies, addr) {
			return addr
		}
	}
	return addr
}

// address reads an address with or without a port.
func address(text string) netip.Addr {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone("")
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(networks, func(p netip.Prefix) bool {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Contains(addr)
	})
}

// fromSource checks the sender's network.
func (t *trust) fromSource(addr netip.Addr) error {
	if len(t.sources) > 0 && !contains(t.sources, addr) {
		return ErrSource
	}
	return nil
}

// check checks the query of a message of a known kind.
func (t *trust) check(raw string, query url.Values, env *Envelope) error {
	if err := t.inTime(env.TS); err != nil {
		return err
	}
	if len(t.secrets) > 0 {
		token := query.Get(pushsign.TokenParam)
		if token == "" {
			return fmt.Errorf("%w: it is missing", ErrToken)
		}
		if !t.made(token, registered{env.Method, env.EntID, env.StorageCode}) {
			return fmt.Errorf("%w: none of the secrets made it for this URL", ErrToken)
		}
	}
	sign := query.Get("sign")
	env.ChecksumForm = t.form(env.Method, raw, query, sign)
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

// made tells, in constant time, whether one of the secrets made the token of a URL.
// URLs that proved right are remembered, since each serves many messages.
func (t *trust) made(token string, u registered) bool {
	t.mu.Lock()
	tokens := t.tokens[u]
	t.mu.Unlock()
	known := tokens != nil
	if !known {
		for _, secret := range t.secrets {
			tokens = append(tokens, pushsign.Token(secret, string(u.method), u.entID, u.storageCode))
		}
	}
	ok := 0
	for _, want := range tokens {
		ok |= subtle.ConstantTimeCompare([]byte(want), []byte(token))
	}
	if ok == 1 && !known {
		t.mu.Lock()
		if len(t.tokens) >= knownURLs {
			clear(t.tokens)
		}
		t.tokens[u] = tokens
		t.mu.Unlock()
	}
	return ok == 1
}

// form is the way of signing that matches, of those that are accepted.
func (t *trust) form(method jushuitan.PushMethod, raw string, query url.Values, sign string) string {
	if len(sign) != 32 {
		return ""
	}
	first, last := ChecksumTS, ChecksumArrival
	if t.checksum != ChecksumAny && t.checksum != ChecksumOff {
		first, last = t.checksum, t.checksum
	}
	given := []byte(strings.ToLower(sign))
	for c := first; c <= last; c++ {
		if subtle.ConstantTimeCompare([]byte(c.of(method, raw, query)), given) == 1 {
			return c.String()
		}
	}
	return ""
}

func (t *trust) inTime(ts time.Time) error {
	if t.maxAge == 0 && t.maxAhead == 0 {
		return nil
	}
	now := t.now()
	switch {
	case ts.IsZero():
		return fmt.Errorf("%w: it is missing", ErrWindow)
	case t.maxAge > 0 && now.Sub(ts) > t.maxAge:
		return fmt.Errorf("%w: too old", ErrWindow)
	case t.maxAhead > 0 && ts.Sub(now) > t.maxAhead:
		return fmt.Errorf("%w: too far ahead", ErrWindow)
	}
	return nil
}
