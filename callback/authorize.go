package callback

import (
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

	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultStateAge is how long a state is good where [AuthorizeConfig] says
// nothing.
const DefaultStateAge = 30 * time.Minute

// AuthorizeConfig is how authorisation redirects are received.
type AuthorizeConfig struct {
	// StateSecrets sign the states: the present one first, then previous ones that
	// are still accepted. Each has at least 16 bytes.
	StateSecrets []string
	// MaxAge is how long a state is good: from the opening of the page to the end of
	// the merchant's login. 0 is [DefaultStateAge].
	MaxAge time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Deduper remembers states and codes that were used; nil is a [jushuitan.MemoryDeduper].
	// Processes that serve the same address should share one.
	Deduper jushuitan.Deduper

	// OnGranted hears of a merchant whose token was stored. A panic of it is told to
	// OnError and changes nothing. May be nil.
	OnGranted func(ctx context.Context, entID string, tok jushuitan.Token)
	// OnError is told the reason of every refusal and failure, which the answer does
	// not show; entID is "" where the state was refused. May be nil.
	OnError func(ctx context.Context, entID string, err error)
}

// Format prints the config without its secrets, for every verb.
func (c AuthorizeConfig) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "callback.AuthorizeConfig{StateSecrets:(%d) MaxAge:%s}", len(c.StateSecrets), c.MaxAge)
}

// LogValue is the config for slog, without its secrets.
func (c AuthorizeConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Authorize receives the authorisation redirect (授权回调): it verifies the sign and
// the state, exchanges the code for the merchant's token, which the client stores,
// and answers {"code":0}. A code or a state is good once; where the exchange
// failed without being refused both may come again.
type Authorize struct {
	client *jushuitan.Client
	cfg    AuthorizeConfig
}

// NewAuthorize makes the handler for the app of this client.
func NewAuthorize(client *jushuitan.Client, cfg AuthorizeConfig) (*Authorize, error) {
	if client == nil {
		return nil, errors.New("callback: no client")
	}
	if len(cfg.StateSecrets) == 0 {
		return nil, errors.New("callback: no secret for the states")
	}
	for _, s := range cfg.StateSecrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("callback: a secret is shorter than %d bytes", minSecret)
		}
	}
	if cfg.MaxAge < 0 {
		return nil, fmt.Errorf("callback: MaxAge is %d", cfg.MaxAge)
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
	return &Authorize{client: client, cfg: cfg}, nil
}

// URL is the page on which the merchant grants the app, with a fresh state. Make
// it when the merchant is about to open it, and only for the merchant who is
// signed in: the token is stored under this entID.
func (a *Authorize) URL(entID string) string { return a.client.AuthorizeURL(a.State(entID)) }

const (
	stateNonce = 16 // bytes
	stateMAC   = 16
	stateHead  = 8 + stateNonce // time of the end, nonce; the entID follows
	codeMemory = time.Hour      // longer than a code lives
)

// State makes a state for a merchant: signed, good once and until MaxAge has
// passed.
func (a *Authorize) State(entID string) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(a.cfg.Now().Add(a.cfg.MaxAge).Unix()))
	nonce := make([]byte, stateNonce)
	_, _ = rand.Read(nonce) // it never fails
	b = append(append(b, nonce...), entID...)
	return base64.RawURLEncoding.EncodeToString(append(b, a.mac(a.cfg.StateSecrets[0], b)...))
}

func (a *Authorize) mac(secret string, b []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("jushuitan-authorize-state-v1\n"))
	_, _ = mac.Write(b)
	return mac.Sum(nil)[:stateMAC]
}

// verify reads a state.
func (a *Authorize) verify(state string) (entID string, err error) {
	all, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(all) < stateHead+stateMAC {
		return "", fmt.Errorf("%w: it is not one of ours", ErrState)
	}
	b, given := all[:len(all)-stateMAC], all[len(all)-stateMAC:]
	ok := false
	for _, s := range a.cfg.StateSecrets {
		ok = hmac.Equal(a.mac(s, b), given) || ok
	}
	if !ok {
		return "", fmt.Errorf("%w: it is not one of ours", ErrState)
	}
	if now := a.cfg.Now().Unix(); now < 0 || uint64(now) >= binary.BigEndian.Uint64(b) {
		return "", fmt.Errorf("%w: too old", ErrState)
	}
	return string(b[stateHead:]), nil
}

// ServeHTTP receives a redirect.
func (a *Authorize) ServeHTTP(w http.ResponseWriter, req *http.Request) {
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

func (a *Authorize) report(ctx context.Context, entID string, err error) {
	if a.cfg.OnError != nil {
		a.cfg.OnError(ctx, entID, fmt.Errorf("callback: authorisation redirect: %w", err))
	}
}

func (a *Authorize) receive(req *http.Request) (entID string, status int, err error) {
	if req.Method != http.MethodGet {
		return "", http.StatusMethodNotAllowed, fmt.Errorf("%w: not a GET", ErrRedirect)
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("%w: the query cannot be read", ErrRedirect)
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

// exchange uses the state and the code, once.
func (a *Authorize) exchange(ctx context.Context, entID string, redirect jushuitan.Redirect) (_ string, status int, err error) {
	owner := rand.Text()
	uses := []struct {
		key, what string
		memory    time.Duration
	}{
		{stateKey("state", redirect.State), "state", a.cfg.MaxAge + time.Minute},
		{stateKey("code", redirect.Code), "code", codeMemory},
	}
	claimed := 0
	used := false // never to be used again
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detached)
		defer cancel()
		for _, u := range uses[:claimed] {
			var failed error
			if used {
				failed = a.cfg.Deduper.Commit(ctx, u.key, owner, u.memory)
			} else {
				failed = a.cfg.Deduper.Release(ctx, u.key, owner)
			}
			if failed != nil {
				a.report(ctx, entID, fmt.Errorf("%w: %s: %w", jushuitan.ErrDedupe, u.what, failed))
			}
		}
	}()
	for _, u := range uses {
		state, err := a.cfg.Deduper.Claim(ctx, u.key, owner, u.memory)
		switch {
		case err != nil:
			return entID, http.StatusInternalServerError, fmt.Errorf("%w: %s: %w", jushuitan.ErrDedupe, u.what, err)
		case state != jushuitan.Claimed:
			return entID, http.StatusForbidden, fmt.Errorf("%w: its %s is used", ErrRedirect, u.what)
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
	a.granted(ctx, entID, tok)
	return entID, 0, nil
}

// granted calls the host.
func (a *Authorize) granted(ctx context.Context, entID string, tok jushuitan.Token) {
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
