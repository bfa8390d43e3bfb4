package callback

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultStateAge is the default of [AuthorizeConfig].MaxAge.
const DefaultStateAge = 30 * time.Minute

// AuthorizeConfig configures [NewAuthorizeHandler].
type AuthorizeConfig struct {
	// StateSecrets sign the states: the current one first, then previous ones that are
	// still accepted. Each has at least 16 bytes.
	StateSecrets []string
	// MaxAge is how long a state is valid, from opening the page to completing the
	// merchant's login. 0 means [DefaultStateAge].
	MaxAge time.Duration
	// Now returns the current time; nil means time.Now.
	Now func() time.Time
	// Deduper remembers used states and codes; nil means a [jushuitan.MemoryDeduper].
	// Processes that serve the same address should share one.
	Deduper jushuitan.Deduper

	// OnGranted is called after a merchant's token was stored. If it panics, OnError is
	// called and nothing else changes. May be nil.
	OnGranted func(ctx context.Context, entID string, tok jushuitan.Token)
	// OnError receives the reason of every refusal and failure, which the answer does
	// not show; entID is "" if the state was refused. May be nil.
	OnError func(ctx context.Context, entID string, err error)
}

// Format prints the config without its secrets, for every verb.
func (c AuthorizeConfig) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "callback.AuthorizeConfig{StateSecrets:(%d) MaxAge:%s}", len(c.StateSecrets), c.MaxAge)
}

// LogValue is the config for slog, without its secrets.
func (c AuthorizeConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// AuthorizeHandler receives the authorisation redirect (授权回调): it verifies the
// signature and the state, exchanges the code for the merchant's token, which the
// client stores, and answers {"code":0}. Codes and states are valid once; if the
// exchange failed without being refused, both may be used again. The exchange does not end
// with the caller's connection: after a caller that hung up, the token is stored and the
// repeat of the redirect is answered with success.
type AuthorizeHandler struct {
	client *jushuitan.Client
	cfg    AuthorizeConfig
}

// NewAuthorizeHandler returns a handler for the app of the client.
func NewAuthorizeHandler(client *jushuitan.Client, cfg AuthorizeConfig) (*AuthorizeHandler, error) {
	if client == nil {
		return nil, errors.New("callback: no client")
	}
	if len(cfg.StateSecrets) == 0 {
		return nil, errors.New("callback: no secret for the states")
	}
	for _, s := range cfg.StateSecrets {
		if err := pushsign.CheckSecret(s); err != nil {
			return nil, fmt.Errorf("callback: %w", err)
		}
	}
	if cfg.MaxAge < 0 {
		return nil, fmt.Errorf("callback: MaxAge is %v, must not be negative", cfg.MaxAge)
	}
	cfg.StateSecrets = slices.Clone(cfg.StateSecrets)
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultStateAge
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Deduper == nil {
		cfg.Deduper = jushuitan.NewMemoryDeduper(0)
	}
	return &AuthorizeHandler{client: client, cfg: cfg}, nil
}

// URL returns the page on which the merchant authorises the app, with a new state. Call
// it when the merchant is about to open the page, and only for the merchant who is
// signed in: the token is stored under this entID.
func (a *AuthorizeHandler) URL(entID string) string { return a.client.AuthorizeURL(a.State(entID)) }

const (
	stateNonce = 16 // bytes
	stateMAC   = 16
	stateHead  = 8 + stateNonce // time of the end, nonce; the entID follows
	codeMemory = time.Hour      // longer than a code lives
)

// State returns a signed state for a merchant. It is valid once, for MaxAge.
func (a *AuthorizeHandler) State(entID string) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(a.cfg.Now().Add(a.cfg.MaxAge).Unix()))
	nonce := make([]byte, stateNonce)
	_, _ = rand.Read(nonce) // never fails
	b = append(append(b, nonce...), entID...)
	return base64.RawURLEncoding.EncodeToString(append(b, a.mac(a.cfg.StateSecrets[0], b)...))
}

func (a *AuthorizeHandler) mac(secret string, b []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("jushuitan-authorize-state-v1\n"))
	_, _ = mac.Write(b)
	return mac.Sum(nil)[:stateMAC]
}

// verify returns the merchant of a state.
func (a *AuthorizeHandler) verify(state string) (entID string, err error) {
	all, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(all) < stateHead+stateMAC {
		return "", fmt.Errorf("%w: not issued here, or altered", ErrState)
	}
	b, given := all[:len(all)-stateMAC], all[len(all)-stateMAC:]
	ok := false
	for _, s := range a.cfg.StateSecrets {
		ok = hmac.Equal(a.mac(s, b), given) || ok
	}
	if !ok {
		return "", fmt.Errorf("%w: not issued here, or altered", ErrState)
	}
	if now := a.cfg.Now().Unix(); now < 0 || uint64(now) >= binary.BigEndian.Uint64(b) {
		return "", fmt.Errorf("%w: expired", ErrState)
	}
	return string(b[stateHead:]), nil
}

// ServeHTTP handles a redirect.
func (a *AuthorizeHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	entID, status, err := a.receive(req)
	if err == nil {
		receive.Answer(w, http.StatusOK, contentType, `{"code":0}`)
		return
	}
	a.report(req.Context(), entID, err)
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET")
	}
	receive.Answer(w, status, contentType, `{"code":-1}`)
}

func (a *AuthorizeHandler) report(ctx context.Context, entID string, err error) {
	if a.cfg.OnError != nil {
		a.cfg.OnError(ctx, entID, fmt.Errorf("callback: authorisation redirect: %w", err))
	}
}

func (a *AuthorizeHandler) receive(req *http.Request) (entID string, status int, err error) {
	if req.Method != http.MethodGet {
		return "", http.StatusMethodNotAllowed, fmt.Errorf("%w: not a GET", ErrRedirect)
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("%w: invalid query", ErrRedirect)
	}
	redirect, err := a.client.ParseRedirect(query)
	if err != nil {
		return "", http.StatusForbidden, fmt.Errorf("%w: %w", ErrRedirect, err)
	}
	if entID, err = a.verify(redirect.State); err != nil {
		return "", http.StatusForbidden, fmt.Errorf("%w: %w", ErrRedirect, err)
	}
	return a.exchange(req.Context(), entID, redirect)
}

// exchangeLimit limits an exchange, which outlives the caller's connection: a code is valid
// once, so that an exchange that was cut off would lose it.
const exchangeLimit = time.Minute

// unanswered marks a redirect whose caller hung up before it was answered.
const unanswered = "unanswered"

// exchange consumes the state and the code.
func (a *AuthorizeHandler) exchange(caller context.Context, entID string, redirect jushuitan.Redirect) (_ string, status int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), exchangeLimit)
	defer cancel()
	pair := stateKey("pair", redirect.State+" "+redirect.Code)
	uses := [...]*use{
		{AuthorizeHandler: a, what: "state", key: stateKey("state", redirect.State), pair: pair, memory: a.cfg.MaxAge + time.Minute},
		{AuthorizeHandler: a, what: "code", key: stateKey("code", redirect.Code), pair: pair, memory: codeMemory},
	}
	owner, claimed := rand.Text(), 0
	used, told := false, "" // consumed for good; the memory to store
	defer func() {
		for _, u := range uses[:claimed] {
			u.settle(ctx, entID, owner, used, told)
		}
	}()
	for _, u := range uses {
		repeat, status, err := u.claim(caller, owner)
		switch {
		case err != nil:
			return entID, status, err
		case repeat: // of the redirect whose caller did not wait for the answer: the token is stored
			u.settle(ctx, entID, owner, true, "")
			return entID, 0, nil
		}
		claimed++
	}
	tok, err := a.client.ForMerchant(entID).ExchangeCode(ctx, redirect.Code)
	if err != nil {
		failure, isCall := errors.AsType[*jushuitan.Error](err)
		used = isCall && failure.Outcome == jushuitan.Rejected && !failure.Temporary()
		return entID, http.StatusBadGateway, err
	}
	used = true
	if a.granted(ctx, entID, tok); caller.Err() != nil {
		told = unanswered
	}
	return entID, 0, nil
}

// use is the single use of a state or a code.
type use struct {
	*AuthorizeHandler
	what, key, pair string
	memory          time.Duration
}

// claim claims the use. It waits while another request has it. It reports a repeat of a
// redirect that was used and not answered.
func (u *use) claim(ctx context.Context, owner string) (repeat bool, status int, err error) {
	for waited := time.Duration(0); ; waited += usePause {
		state, memory, err := u.cfg.Deduper.Claim(ctx, u.key, u.pair, owner, exchangeLimit+detached)
		switch {
		case err != nil:
			return false, http.StatusInternalServerError, fmt.Errorf("%w: %s: %w", jushuitan.ErrDedupe, u.what, err)
		case state == jushuitan.Committed && memory == unanswered:
			return true, 0, nil
		case state == jushuitan.Committed:
			return false, http.StatusForbidden, fmt.Errorf("%w: the %s was already used", ErrRedirect, u.what)
		case state != jushuitan.Busy && memory == "":
			return false, 0, nil
		case state != jushuitan.Busy: // used with another code or state
			u.settle(ctx, "", owner, false, "")
			return false, http.StatusForbidden, fmt.Errorf("%w: the %s was already used", ErrRedirect, u.what)
		case waited >= jushuitan.DefaultWait:
			return false, http.StatusServiceUnavailable, fmt.Errorf("%w: the %s is being used: %w", ErrRedirect, u.what, jushuitan.ErrBusy)
		}
		timer := time.NewTimer(usePause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, http.StatusServiceUnavailable, fmt.Errorf("%w: the %s is being used: %w", ErrRedirect, u.what, context.Cause(ctx))
		}
	}
}

// usePause is the pause between checks of a use that another request has.
const usePause = 20 * time.Millisecond

// settle remembers that the state or code was used, or releases it.
func (u *use) settle(ctx context.Context, entID, owner string, used bool, told string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detached)
	defer cancel()
	var failed error
	if used {
		failed = u.cfg.Deduper.Commit(ctx, u.key, u.pair, owner, cmp.Or(told, "answered"), u.memory)
	} else {
		failed = u.cfg.Deduper.Release(ctx, u.key, owner)
	}
	if failed != nil {
		u.report(ctx, entID, fmt.Errorf("%w: %s: %w", jushuitan.ErrDedupe, u.what, failed))
	}
}

// granted calls OnGranted.
func (a *AuthorizeHandler) granted(ctx context.Context, entID string, tok jushuitan.Token) {
	if a.cfg.OnGranted == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			a.report(ctx, entID, &jushuitan.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	a.cfg.OnGranted(ctx, entID, tok)
}

func stateKey(what, text string) string {
	sum := sha256.Sum256([]byte(text))
	return "authorize." + what + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}
