package jushuitantest

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// codeLife is how long an authorisation code is valid.
const codeLife = 15 * time.Minute

// authority issues tokens and verifies them.
type authority struct {
	s       *Server
	mu      sync.Mutex
	access  map[string]*grant
	refresh map[string]*grant
	codes   map[string]*grant
}

// grant is a token, or a code that is exchanged for one.
type grant struct {
	company *Company
	access  string
	refresh string
	expires time.Time
	ended   bool
}

func (a *authority) init(s *Server) {
	a.s = s
	a.access, a.refresh, a.codes = map[string]*grant{}, map[string]*grant{}, map[string]*grant{}
}

// randomText returns 32 hexadecimal characters, like a token of the platform.
func randomText() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// tokenEndpoint recognises the token paths of both hosts.
func tokenEndpoint(path string) (name string, ok bool) {
	for _, prefix := range []string{"/openWeb/auth/", "/openWebIsv/auth/"} {
		if rest, found := strings.CutPrefix(path, prefix); found {
			switch rest {
			case "getInitToken", "accessToken", "refreshToken":
				return rest, true
			}
		}
	}
	return "", false
}

func tokenParams(endpoint string) []string {
	if endpoint == "refreshToken" {
		return []string{"app_key", "timestamp", "grant_type", "charset", "refresh_token", "scope", "sign"}
	}
	return []string{"app_key", "timestamp", "grant_type", "charset", "code", "sign"}
}

// answer serves the token endpoints.
func (a *authority) answer(endpoint string, form url.Values) answer {
	now := a.s.Now()
	kind := a.s.cfg.app.Type
	wantGrant := "authorization_code"
	if endpoint == "refreshToken" {
		wantGrant = "refresh_token"
	}
	if form.Get("grant_type") != wantGrant {
		return refuse(codeBadData, "参数 grant_type 应为 %s", wantGrant)
	}
	switch endpoint {
	case "getInitToken":
		if kind != jushuitan.SelfBuilt {
			return refuse(codeSelfBuiltOnly, "只有自有商城类型的应用才能调用 getInitToken")
		}
		return a.give(a.mint(a.s.operator, now), now)
	case "accessToken":
		c := a.redeem(form.Get("code"), now)
		if c == nil {
			return refuse(codeBadData, "参数 code 无效、已使用或已过期，请商家重新授权")
		}
		return a.give(a.mint(c, now), now)
	default:
		if kind != jushuitan.SelfBuilt {
			return refuse(codeNoRefresh, "服务商应用不允许刷新 token，请商家重新授权")
		}
		g := a.renew(form.Get("refresh_token"), now)
		if g == nil {
			return refuse(codeToken, "refresh_token 无效或已过期")
		}
		return a.give(g, now)
	}
}

func (a *authority) give(g *grant, now time.Time) answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return done(map[string]any{"data": map[string]any{
		"access_token": g.access, "refresh_token": g.refresh,
		"expires_in": int64(g.expires.Sub(now).Round(time.Second) / time.Second), "scope": "all",
	}})
}

// mint issues a new token of a company.
func (a *authority) mint(c *Company, now time.Time) *grant {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.s.cfg.oneToken {
		a.end(c)
	}
	g := &grant{company: c, access: randomText(), refresh: randomText(), expires: now.Add(a.s.cfg.tokenLife)}
	a.access[g.access], a.refresh[g.refresh] = g, g
	return g
}

func (a *authority) end(c *Company) {
	for _, g := range a.access {
		if g.company == c {
			g.ended = true
		}
	}
}

func (a *authority) redeem(code string, now time.Time) *Company {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.codes[code]
	if g == nil || !now.Before(g.expires) {
		return nil
	}
	delete(a.codes, code)
	return g.company
}

// renew extends a token. Its refresh token becomes invalid unless texts are kept.
func (a *authority) renew(refresh string, now time.Time) *grant {
	a.mu.Lock()
	g := a.refresh[refresh]
	if g == nil || g.ended {
		a.mu.Unlock()
		return nil
	}
	if a.s.cfg.keepText {
		g.expires = now.Add(a.s.cfg.tokenLife)
		a.mu.Unlock()
		return g
	}
	delete(a.refresh, refresh)
	a.mu.Unlock()
	return a.mint(g.company, now)
}

// owner returns whose token it is, valid or not.
func (a *authority) owner(token string) *Company {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.access[token]; g != nil {
		return g.company
	}
	return nil
}

// check returns the company of a valid token, or says why it is not.
func (a *authority) check(token string, now time.Time) (c *Company, why string) {
	if token == "" {
		return nil, "缺少 access_token"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.access[token]
	switch {
	case g == nil:
		return nil, "access_token 无效"
	case g.ended || !now.Before(g.expires):
		return nil, "access_token 已过期"
	}
	return g.company, ""
}

// AccessToken returns a valid token of a merchant, and issues one if there is none: for
// calls with client.WithToken, or without the SDK. "" is the default company.
func (s *Server) AccessToken(merchant string) string {
	c, now := s.Company(merchant), s.Now()
	s.auth.mu.Lock()
	var best *grant
	for _, g := range s.auth.access {
		if g.company == c && !g.ended && now.Before(g.expires) && (best == nil || g.expires.After(best.expires)) {
			best = g
		}
	}
	s.auth.mu.Unlock()
	if best == nil {
		best = s.auth.mint(c, now)
	}
	return best.access
}

// ExpireTokens expires all tokens of a merchant, refresh tokens included: calls with
// them are refused with code 100. "" is the default company.
func (s *Server) ExpireTokens(merchant string) {
	c := s.Company(merchant)
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	s.auth.end(c)
}

// Authorize plays a merchant who authorises the app: it returns the signed query with
// which Jushuitan redirects to the app's address, for client.ParseRedirect. Its code
// may be exchanged once within 15 minutes.
func (s *Server) Authorize(merchant, state string) (redirectQuery url.Values) {
	c := s.Company(merchant)
	code := randomText()
	s.auth.mu.Lock()
	s.auth.codes[code] = &grant{company: c, expires: s.Now().Add(codeLife)}
	s.auth.mu.Unlock()
	params := map[string]string{"app_key": s.cfg.app.AppKey, "code": code, "state": state}
	q := url.Values{}
	for name, v := range params {
		if v != "" {
			q.Set(name, v)
		}
	}
	q.Set("sign", jushuitan.Sign(s.cfg.app.AppSecret, params))
	return q
}
