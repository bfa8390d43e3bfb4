package receive

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// sources are the networks from which requests are accepted, and the trusted proxies.
type sources struct {
	networks, proxies []netip.Prefix
	header            string
}

// Source returns the sender's address: the connection's, or the one reported by trusted
// proxies. It is invalid if unknown.
func (r *Receiver[S, C]) Source(req *http.Request) netip.Addr { return r.sources.of(req) }

// FromSource checks an address that [Receiver.Source] returned.
func (r *Receiver[S, C]) FromSource(addr netip.Addr) error {
	if len(r.sources.networks) > 0 && !contains(r.sources.networks, addr) {
		return ErrSource
	}
	return nil
}

func (s *sources) of(req *http.Request) netip.Addr {
	addr := address(req.RemoteAddr)
	if s.header == "" || !contains(s.proxies, addr) {
		return addr
	}
	hops := strings.Split(strings.Join(req.Header[s.header], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" && len(hops) == 1 {
			return addr // the proxy's own request
		}
		addr = address(hop)
		if !contains(s.proxies, addr) {
			return addr
		}
	}
	return addr
}

// address parses an address with or without a port.
func address(text string) netip.Addr {
	var addr netip.Addr
	if withPort, err := netip.ParseAddrPort(text); err == nil { // a connection's has one
		addr = withPort.Addr()
	} else if addr, err = netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// unmapped returns networks with IPv4-mapped ones converted to IPv4.
func unmapped(networks []netip.Prefix) []netip.Prefix {
	networks = slices.Clone(networks)
	for i, p := range networks {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			networks[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
	}
	return networks
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
