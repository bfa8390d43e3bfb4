package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	tokenAdvisory  = 12 * time.Hour // one source says that a refresh has effect only in the last 12 hours
	tokenMandatory = 5 * time.Minute
	tokenTimeout   = 30 * time.Second

	tokenRecheck  = time.Minute      // a token read longer ago is looked up again while it is used
	tokenDistrust = 10 * time.Minute // one read longer ago is looked up before it is used
	tokenRetry    = time.Minute      // from a failed renewal to the next, while the token lives
	tokenProbe    = 10 * time.Minute // from a refusal that only the merchant can resolve to a trial of the same token

	tokenIdle   = time.Hour // merchants that are silent for one to two of these are dropped
	tokenGen    = 10_000    // or sooner, when so many others were
	tokenRounds = 8
)

// tokenConfig configures a tokenSource. Store is required, for self-built apps Obtain too.
type tokenConfig struct {
	AppKey    string
	Store     TokenStore
	Now       func() time.Time // time.Now by default
	SelfBuilt bool             // false: a service-provider app, which must never renew
	// Obtain requests a token from the server: by a refresh if old has a refresh token
	// (with a fallback to getInitToken), otherwise by getInitToken. There is at most one
	// call at a time for a merchant.
	Obtain func(ctx context.Context, merchant string, old Token) (Token, error)
	// OnReauthorize is called once for each token that only the merchant can replace. Its
	// context has the values of the call that noticed it, but not its cancellation.
	OnReauthorize func(ctx context.Context, merchant string, reason error)
	// A token that expires within Advisory is renewed in the background; calls wait for
	// the renewal of one that expires within Mandatory. 0 means 12 hours and 5 minutes.
	Advisory, Mandatory time.Duration
	Timeout             time.Duration // of one renewal, and of the hook; 0: 30 seconds
	// Jitter returns a number in [0, 1), which shortens Advisory by up to a tenth, so that
	// processes do not all renew at once. It is called once; rand.Float64 by default.
	Jitter func() float64
}

// tokenSource returns the tokens of all merchants of one app. The store is authoritative;
// a cache of bounded size is in front of it.
//
// A cached token is used without a lookup for one minute after it was read. After that it
// is still used, and looked up again in the background. A token that was not used for 10
// minutes is looked up before it is used, and a refused token at once.
//
// For each merchant, one flight at a time calls the store and the server. It is shared by
// all callers and independent of their contexts: a caller that gives up does not fail the
// others. A flight reads the store first, since another process may have renewed the
// token. A token that the server grants is stored before it is used. If storing fails, the
// token is kept in memory and stored first by the next flight, since the server may have
// invalidated the previous one.
type tokenSource struct {
	cfg      tokenConfig
	advisory time.Duration
	flights  singleflight.Group

	mu     sync.Mutex
	young  map[string]*tokenEntry // asked for since turned
	old    map[string]*tokenEntry // asked for in the generation before
	turned time.Time
}

// tokenEntry is the cached state of a merchant. Tokens behind its pointers are never
// changed.
type tokenEntry struct {
	tok    *Token    // as last read from or written to the store; nil: none
	readAt time.Time // of the last attempt to read it
	seq    int       // counts changes, so that a slow read does not undo a newer one

	refused    *Token    // the token that the server refused last
	trialAfter time.Time // time from which it is tried once more; zero: never
	retryAfter time.Time // time before which a valid token is not renewed
	notified   *Token    // the token for which the hook was called last; the zero Token stands for none
	accepted   *Token    // the token with which a call succeeded last
	unproven   int       // number of successive tokens with which no call succeeded before they were refused
	grantedAt  time.Time // of the last grant
	pending    *tokenPending
	forgotten  int // how often the merchant was forgotten: a renewal that began earlier stores nothing
}

// tokenPending is a token that was granted but not stored yet.
type tokenPending struct {
	old, next Token
	forgotten int // of the entry when the renewal began
}

func newTokenSource(cfg tokenConfig) *tokenSource {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Advisory == 0 {
		cfg.Advisory = tokenAdvisory
	}
	if cfg.Mandatory == 0 {
		cfg.Mandatory = tokenMandatory
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = tokenTimeout
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	shorter := min(max(cfg.Jitter(), 0), 1) / 10
	return &tokenSource{
		cfg:      cfg,
		advisory: cfg.Advisory - time.Duration(float64(cfg.Advisory)*shorter),
		young:    make(map[string]*tokenEntry),
		turned:   cfg.Now(),
	}
}

// Format shows no tokens, whatever the verb.
func (s *tokenSource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "tokenSource") }

func (s *tokenSource) key(merchant string) TokenKey {
	return TokenKey{AppKey: s.cfg.AppKey, Merchant: merchant}
}

// sameToken reports whether two tokens are equal in text and version: a renewal may keep the
// text, and the versions of a deleted merchant may start again.
func sameToken(a, b *Token) bool {
	return a != nil && b != nil && a.Version == b.Version && a.AccessToken == b.AccessToken
}

// Token returns a token that is valid now.
func (s *tokenSource) Token(ctx context.Context, merchant string) (Token, error) {
	for range tokenRounds {
		if err := ctx.Err(); err != nil {
			return Token{}, s.gaveUp(merchant, err)
		}
		tok, state := s.look(merchant)
		switch state {
		case tokenFit:
			return tok, nil
		case tokenAging:
			s.fly(ctx, merchant)
			return tok, nil
		}
		select {
		case landed := <-s.fly(ctx, merchant):
			if landed.Err != nil {
				return s.fallback(ctx, merchant, landed.Err)
			}
		case <-ctx.Done():
			return Token{}, s.gaveUp(merchant, ctx.Err())
		}
	}
	// Every token that was found was refused before this call could use it.
	return Token{}, s.fault(merchant, "every new token is refused at once; check the app's permissions, and whether another program renews the tokens of this app",
		"每次获取的令牌都立即失效，请检查应用权限，以及是否有其他程序在刷新同一应用的令牌", ErrTokenExpired, nil)
}

// Rejected records that the server refused tok. The next call of Token replaces it, unless
// it has been replaced already.
func (s *tokenSource) Rejected(_ context.Context, merchant string, tok Token) {
	if tok.AccessToken == "" {
		return
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	if e.tok != nil && !sameToken(e.tok, &tok) {
		return
	}
	if sameToken(e.refused, &tok) && !e.onTrial(now) {
		return // known
	}
	e.refused, e.trialAfter = &tok, time.Time{}
	if !sameToken(e.accepted, &tok) {
		e.unproven++
	}
}

// Accepted records that a call succeeded with tok.
func (s *tokenSource) Accepted(merchant string, tok Token) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	if e.unproven = 0; !sameToken(e.accepted, &tok) {
		e.accepted = &tok
	}
}

// braked reports whether the server refused two new tokens in a row and granted the last one
// less than a minute ago. No further token is requested then, since the server would refuse it
// as well.
func (s *tokenSource) braked(merchant string) bool {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	return e.unproven >= 2 && now.Before(e.grantedAt.Add(tokenRetry))
}

// Put stores the token of a merchant's authorisation in place of any other.
func (s *tokenSource) Put(ctx context.Context, merchant string, tok Token) (Token, error) {
	if tok.AccessToken == "" {
		return Token{}, s.fault(merchant, "the authorisation returned no access token; authorise again",
			"授权未返回 access_token，请重新授权", nil, nil)
	}
	storing := func(err error) error {
		return s.fault(merchant, "the token cannot be stored; fix the token store and authorise again",
			"令牌保存失败，请修复令牌存储后重新授权", nil, err, tok)
	}
	_, seq := s.peek(merchant)
	old, err := s.cfg.Store.Load(ctx, s.key(merchant))
	if err != nil && !errors.Is(err, ErrNoToken) {
		return Token{}, storing(err)
	}
	if err != nil {
		old = Token{}
	}
	for { // in each round that is lost, another process has stored a token
		stored, ok, err := s.cfg.Store.CompareAndSwap(ctx, s.key(merchant), old, tok)
		if err == nil && !ok {
			err = ctx.Err()
		}
		if err != nil {
			return Token{}, storing(err)
		}
		if ok {
			now := s.cfg.Now()
			s.mu.Lock()
			defer s.mu.Unlock()
			e := s.entry(merchant, now)
			e.adopt(&stored, seq, now)
			e.pending = nil
			return stored, nil
		}
		old = stored
	}
}

type tokenState int

const (
	tokenUnfit tokenState = iota // not usable: wait for a flight
	tokenAging                   // usable; start a flight in the background
	tokenFit
)

func (s *tokenSource) look(merchant string) (Token, tokenState) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	state := s.judge(e, now)
	if state == tokenUnfit {
		return Token{}, state
	}
	return *e.tok, state
}

func (s *tokenSource) judge(e *tokenEntry, now time.Time) tokenState {
	age := now.Sub(e.readAt)
	if !e.alive(now) || age >= tokenDistrust {
		return tokenUnfit
	}
	early, late := s.due(e, now)
	switch {
	case late:
		return tokenUnfit
	case early || age >= tokenRecheck:
		return tokenAging
	}
	return tokenFit
}

// due reports whether a valid token is to be renewed: early in the background, late before it
// is used.
func (s *tokenSource) due(e *tokenEntry, now time.Time) (early, late bool) {
	if !s.cfg.SelfBuilt || e.tok.ExpiresAt.IsZero() || now.Before(e.retryAfter) {
		return false, false
	}
	left := e.tok.ExpiresAt.Sub(now)
	return left <= s.advisory, left <= s.cfg.Mandatory
}

func (t *Token) expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// alive reports whether the token may be used as far as is known.
func (e *tokenEntry) alive(now time.Time) bool {
	return e.tok != nil && e.tok.AccessToken != "" && !e.tok.expired(now) &&
		(!sameToken(e.refused, e.tok) || e.onTrial(now))
}

// onTrial reports whether the token was refused and could not be replaced, but long enough ago
// to try it again: a temporary fault of the server must not end a valid token.
func (e *tokenEntry) onTrial(now time.Time) bool {
	return !e.trialAfter.IsZero() && !now.Before(e.trialAfter)
}

// adopt takes over the token of the store, nil for none, unless the entry has received a newer
// one since seq.
func (e *tokenEntry) adopt(tok *Token, seq int, now time.Time) {
	if seq != e.seq && (tok == nil || e.tok != nil && tok.Version <= e.tok.Version) {
		return
	}
	e.readAt = now
	if tok == e.tok || sameToken(tok, e.tok) {
		return
	}
	e.seq++
	e.tok = tok
	e.retryAfter = time.Time{}
	if tok != nil && !sameToken(tok, e.notified) {
		e.notified = nil
	}
}

// rest postpones the next renewal if the token is due again right after this one: the server
// does not extend it yet, or grants short lives.
func (s *tokenSource) rest(e *tokenEntry, now time.Time) {
	if e.tok == nil || e.tok.ExpiresAt.IsZero() {
		return
	}
	if left := e.tok.ExpiresAt.Sub(now); left <= max(s.advisory, s.cfg.Mandatory) {
		e.retryAfter = now.Add(max(tokenRetry, left/4))
	}
}

func (s *tokenSource) peek(merchant string) (*Token, int) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	return e.tok, e.seq
}

// entry returns the merchant's entry, which it creates if necessary. The caller holds mu and
// does not keep the entry after releasing it. Unused entries are dropped after two
// generations, unless they hold a token that is not stored yet.
func (s *tokenSource) entry(merchant string, now time.Time) *tokenEntry {
	if len(s.young) >= tokenGen || now.Sub(s.turned) >= tokenIdle {
		for m, e := range s.old {
			if e.pending != nil {
				s.young[m] = e
			}
		}
		s.old, s.young, s.turned = s.young, make(map[string]*tokenEntry), now
	}
	e := s.young[merchant]
	if e == nil {
		if e = s.old[merchant]; e == nil {
			e = new(tokenEntry)
		}
		s.young[merchant] = e
	}
	return e
}

// fly starts a flight for the merchant, or joins the one in progress.
func (s *tokenSource) fly(ctx context.Context, merchant string) <-chan singleflight.Result {
	ctx = context.WithoutCancel(ctx)
	return s.flights.DoChan(merchant, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
		defer cancel()
		return nil, s.flight(ctx, merchant)
	})
}

// flight updates the entry from the store, and renews the token if it is due or no longer
// valid.
func (s *tokenSource) flight(ctx context.Context, merchant string) error {
	forgotten := s.forgotten(merchant)
	before, seq, pending, needed := s.takeOff(merchant)
	if !needed { // another flight ended between the caller's look and this one
		return nil
	}
	if pending != nil {
		if err := s.storePending(ctx, merchant, *pending); err != nil {
			return err
		}
		before, seq = s.peek(merchant)
	}
	old, why, err := s.read(ctx, merchant, before, seq)
	if err != nil || why == tokenUsable {
		return err
	}
	if !s.cfg.SelfBuilt {
		return s.fault(merchant, why.english+"; ask the merchant to authorise the app again",
			why.chinese+"，请让商家重新授权", ErrReauthorize, nil)
	}
	if _, shared := s.cfg.Store.(TokenLeaser); shared {
		release, err := s.lease(ctx, merchant, old)
		if err != nil {
			return err
		}
		defer release()
		// Another process may have renewed it while this one waited.
		before, seq = s.peek(merchant)
		if old, why, err = s.read(ctx, merchant, before, seq); err != nil || why == tokenUsable {
			return err
		}
	}
	return s.renew(ctx, merchant, old, why, forgotten)
}

// forgotten returns how often the merchant was forgotten.
func (s *tokenSource) forgotten(merchant string) int {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry(merchant, now).forgotten
}

// Forget drops the entry of a merchant and deletes its token from the store. A renewal in
// progress ends without storing a token.
func (s *tokenSource) Forget(ctx context.Context, merchant string) error {
	now := s.cfg.Now()
	s.mu.Lock()
	e := s.entry(merchant, now)
	*e = tokenEntry{seq: e.seq + 1, forgotten: e.forgotten + 1}
	s.mu.Unlock()
	return s.remove(ctx, merchant)
}

func (s *tokenSource) remove(ctx context.Context, merchant string) error {
	d, ok := s.cfg.Store.(interface {
		Delete(ctx context.Context, key TokenKey) error
	})
	if !ok {
		return s.fault(merchant, "the token store has no method Delete; delete the token there",
			"令牌存储没有 Delete 方法，请自行删除该商家的令牌", errors.ErrUnsupported, nil)
	}
	if err := d.Delete(ctx, s.key(merchant)); err != nil {
		return s.fault(merchant, "the token cannot be deleted; fix the token store and call again",
			"令牌删除失败，请修复令牌存储后重试", nil, err)
	}
	return nil
}

// storePending stores the token that was granted before and could not be stored.
func (s *tokenSource) storePending(ctx context.Context, merchant string, p tokenPending) error {
	release, err := s.lease(ctx, merchant, p.old)
	if err != nil {
		return err
	}
	defer release()
	_, err = s.persist(ctx, merchant, p)
	return err
}

// read takes over the token of the store; see arrive for the results.
func (s *tokenSource) read(ctx context.Context, merchant string, before *Token, seq int) (old Token, why tokenWhy, err error) {
	stored, err := s.load(ctx, merchant)
	if err != nil {
		return Token{}, tokenUsable, err
	}
	old, why = s.arrive(merchant, before, stored, seq)
	return old, why, nil
}

// renew requests a token from the server to replace old, and stores it.
func (s *tokenSource) renew(ctx context.Context, merchant string, old Token, why tokenWhy, forgotten int) error {
	next, err := s.obtain(ctx, merchant, old, why)
	if err != nil {
		s.putOff(merchant)
		return err
	}
	alive, err := s.persist(ctx, merchant, tokenPending{old, next, forgotten})
	if err == nil && !alive && next.expired(s.cfg.Now()) {
		return s.fault(merchant, "the server grants a token that has expired already; check this machine's clock",
			"服务器返回的令牌已过期，请检查本机时钟", ErrTokenExpired, nil)
	}
	return err
}

// load returns the token of the store, or nil if there is none.
func (s *tokenSource) load(ctx context.Context, merchant string) (*Token, error) {
	tok, err := s.cfg.Store.Load(ctx, s.key(merchant))
	switch {
	case err == nil:
		return &tok, nil
	case errors.Is(err, ErrNoToken):
		return nil, nil
	}
	s.putOff(merchant)
	return nil, s.fault(merchant, "the token store cannot be read; fix it and call again",
		"令牌存储读取失败，请修复后重试", nil, err)
}

// lease acquires the renewal lease of old, if the store has leases.
func (s *tokenSource) lease(ctx context.Context, merchant string, old Token) (release func(), err error) {
	l, ok := s.cfg.Store.(TokenLeaser)
	if !ok {
		return func() {}, nil
	}
	if release, err = l.Lease(ctx, s.key(merchant), old); err != nil {
		s.putOff(merchant)
		return nil, s.fault(merchant, "could not acquire the renewal lease from the token store; fix it and call again",
			"无法从令牌存储取得续期权，请修复后重试", nil, err, old)
	}
	return release, nil
}

func (s *tokenSource) takeOff(merchant string) (before *Token, seq int, pending *tokenPending, needed bool) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	if s.judge(e, now) == tokenFit {
		return nil, 0, nil, false
	}
	return e.tok, e.seq, e.pending, true
}

// putOff records a failed renewal: a token that is still valid is used for a while before the
// next attempt.
func (s *tokenSource) putOff(merchant string) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	e.readAt, e.retryAfter = now, now.Add(tokenRetry)
}

// tokenWhy is why a token is to be replaced, for messages.
type tokenWhy struct{ english, chinese string }

var (
	tokenUsable  = tokenWhy{}
	tokenDue     = tokenWhy{"the token is about to expire", "令牌即将过期"}
	tokenAbsent  = tokenWhy{"there is no token", "没有令牌"}
	tokenRefused = tokenWhy{"the server refused the token", "令牌被服务器拒绝"}
	tokenEnded   = tokenWhy{"the token has expired", "令牌已过期"}
)

// arrive takes over the token that the flight read, and decides whether to renew it; old is the
// token to replace.
func (s *tokenSource) arrive(merchant string, before, stored *Token, seq int) (old Token, why tokenWhy) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	e.adopt(stored, seq, now)
	if e.tok == nil {
		return Token{}, tokenAbsent
	}
	switch {
	case e.alive(now):
		early, late := s.due(e, now)
		switch {
		case late:
			return *e.tok, tokenDue
		case !early, before == nil: // a token that was just read for the first time is used without waiting
			return Token{}, tokenUsable
		case !sameToken(before, e.tok): // another process has just renewed it
			s.rest(e, now)
			return Token{}, tokenUsable
		}
		return *e.tok, tokenDue
	case sameToken(e.refused, e.tok) && !e.onTrial(now):
		if !s.cfg.SelfBuilt && e.trialAfter.IsZero() {
			e.trialAfter = now.Add(tokenProbe)
		}
		return *e.tok, tokenRefused
	}
	return *e.tok, tokenEnded
}

// obtain requests a token from the server. A refused token must not be replaced by itself.
func (s *tokenSource) obtain(ctx context.Context, merchant string, old Token, why tokenWhy) (Token, error) {
	unchanged := func() error {
		return s.fault(merchant, "the server refuses the token and grants the same again; check in the console that the app is still authorised and call again in a minute",
			"令牌被拒绝，但重新获取到的仍是同一个令牌，请在开放平台确认授权仍然有效，一分钟后重试", ErrTokenExpired, nil)
	}
	if why == tokenRefused && s.stuck(merchant, old, false) {
		return Token{}, unchanged()
	}
	if why == tokenRefused && s.braked(merchant) {
		return Token{}, s.fault(merchant, "the server refuses every new token; check the app's permissions and whether another program"+
			" renews the tokens of this app, and call again in a minute",
			"服务器拒绝每一个新令牌，请检查应用权限，以及是否有其他程序在刷新同一应用的令牌，一分钟后重试", ErrTokenExpired, nil)
	}
	next, err := s.ask(ctx, merchant, old, old)
	if err != nil || why != tokenRefused || next.AccessToken != old.AccessToken {
		return next, err
	}
	if old.RefreshToken != "" {
		next, err = s.ask(ctx, merchant, Token{}, old) // a new token instead of a renewal
		if err != nil || next.AccessToken != old.AccessToken {
			return next, err
		}
	}
	s.stuck(merchant, old, true)
	return Token{}, unchanged()
}

func (s *tokenSource) ask(ctx context.Context, merchant string, from, old Token) (Token, error) {
	const (
		english = "the token cannot be renewed; check the app key, the app secret and the network, and call again"
		chinese = "令牌获取失败，请检查 app_key、app_secret 和网络后重试"
	)
	if s.cfg.Obtain == nil {
		return Token{}, s.fault(merchant, english, chinese, nil, errors.New("the client has no way to request a token"))
	}
	next, err := s.cfg.Obtain(ctx, merchant, from)
	if err == nil && next.AccessToken == "" {
		err = errors.New("the answer has no access token")
	}
	if err != nil {
		return Token{}, s.fault(merchant, english, chinese, nil, err, old, next)
	}
	return next, nil
}

// stuck reports, or with note records, that the server refuses old and grants no other token.
// No further token is requested for a minute; then old is tried once more.
func (s *tokenSource) stuck(merchant string, old Token, note bool) bool {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(merchant, now)
	if !sameToken(e.refused, &old) {
		return false
	}
	if note {
		e.trialAfter = now.Add(tokenRetry)
	}
	return now.Before(e.trialAfter)
}

// persist stores a granted token, unless another process has stored a usable one first. It
// reports whether the token in the store is then valid.
func (s *tokenSource) persist(ctx context.Context, merchant string, p tokenPending) (alive bool, err error) {
	for range tokenRounds {
		_, seq := s.peek(merchant)
		stored, ok, err := s.cfg.Store.CompareAndSwap(ctx, s.key(merchant), p.old, p.next)
		now := s.cfg.Now()
		if s.forgotten(merchant) != p.forgotten {
			if ok {
				err = s.remove(ctx, merchant)
			}
			return false, s.fault(merchant, "the merchant was forgotten while its token was renewed", "续期期间该商家已被注销", ErrNoToken, err)
		}
		if err != nil {
			s.mu.Lock()
			e := s.entry(merchant, now)
			e.pending, e.readAt, e.retryAfter = &p, now, now.Add(tokenRetry)
			s.mu.Unlock()
			return false, s.fault(merchant, "the renewed token cannot be stored, it is kept in memory and stored first by the next call; fix the token store",
				"新令牌保存失败，已暂存在内存，下次调用时先行保存，请修复令牌存储", nil, err, p.old, p.next)
		}
		gone := !ok && stored.AccessToken == ""
		s.mu.Lock()
		e := s.entry(merchant, now)
		e.pending, e.grantedAt = nil, now
		if gone {
			e.adopt(nil, seq, now)
		} else {
			e.adopt(&stored, seq, now)
			s.rest(e, now)
		}
		alive = e.alive(now)
		s.mu.Unlock()
		switch {
		case gone:
			return false, s.fault(merchant, "the token was deleted while it was renewed; call again if the merchant is still served",
				"令牌在续期时被删除，如仍为该商家服务请重试", ErrNoToken, nil)
		case ok, alive:
			return alive, nil
		}
		p.old = stored // the other token is unusable: replace it
	}
	return false, s.fault(merchant, "another program keeps storing unusable tokens; check which programs write to the token store",
		"其他程序不断写入不可用的令牌，请检查还有谁在写令牌存储", ErrTokenExpired, nil)
}

// fallback decides what a failed flight means for a caller: nothing while the token is valid.
// Otherwise the hook is called if only the merchant can help.
func (s *tokenSource) fallback(ctx context.Context, merchant string, failure error) (Token, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	e := s.entry(merchant, now)
	if e.alive(now) {
		defer s.mu.Unlock()
		return *e.tok, nil
	}
	subject := e.tok
	if subject == nil {
		subject = new(Token)
	}
	first := s.cfg.OnReauthorize != nil && errors.Is(failure, ErrReauthorize) && !sameToken(e.notified, subject)
	if first {
		e.notified = subject
	}
	s.mu.Unlock()
	if first {
		s.notify(ctx, merchant, failure)
	}
	return Token{}, failure
}

// notify runs the hook outside of any flight, so that it may ask for tokens itself,
// and waits for it no longer than the caller would.
func (s *tokenSource) notify(ctx context.Context, merchant string, reason error) {
	hookCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Timeout)
	go func() {
		defer cancel()
		s.cfg.OnReauthorize(hookCtx, merchant, reason)
	}()
	select {
	case <-hookCtx.Done():
	case <-ctx.Done():
	}
}

func (s *tokenSource) gaveUp(merchant string, err error) error {
	return s.fault(merchant, "the call ended while it waited for the token", "等待令牌时调用已被取消或超时", nil, err)
}

// tokenError is an error of this file. Its text holds no token, not even one that
// the cause's text holds.
type tokenError struct {
	text   string
	causes []error
}

func (e *tokenError) Error() string    { return e.text }
func (e *tokenError) GoString() string { return e.text }
func (e *tokenError) Unwrap() []error  { return e.causes }

func (s *tokenSource) fault(merchant, english, chinese string, class, cause error, secrets ...Token) error {
	e := &tokenError{text: fmt.Sprintf("jushuitan: token of merchant %q: %s / %s", merchant, english, chinese)}
	if class != nil {
		e.causes = append(e.causes, class)
	}
	if cause != nil {
		text := cause.Error()
		for _, t := range secrets {
			for _, secret := range []string{t.AccessToken, t.RefreshToken} {
				if secret != "" {
					text = strings.ReplaceAll(text, secret, maskToken(secret))
				}
			}
		}
		e.text += ": " + text
		e.causes = append(e.causes, cause)
	}
	return e
}
