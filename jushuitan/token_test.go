package jushuitan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// LockTokenFileForTest takes the lock of a token file, as another process would.
func LockTokenFileForTest(path string) (release func(), err error) {
	lock, ok, err := lockTokenFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("locked already")
	}
	var once sync.Once
	return func() { once.Do(func() { _ = lock.Close() }) }, nil
}

const (
	testApp      = "demoappkey"
	testMerchant = "10010"
)

var testKey = TokenKey{AppKey: testApp, Merchant: testMerchant}

// tokenLab is one process: a source, the server it asks, the store it shares. Use
// it in a synctest bubble, whose clock it goes by.
type tokenLab struct {
	t     *testing.T
	s     *tokenSource
	store *labStore

	mu      sync.Mutex
	asked   []Token                                                    // what Obtain was given
	running int                                                        // Obtains under way
	answer  func(ctx context.Context, n int, old Token) (Token, error) // of the n-th Obtain, from 1
	hooked  []error
}

// labStore is a memory store whose calls can be counted and made to fail.
type labStore struct {
	*MemoryTokenStore
	mu           sync.Mutex
	loads, swaps int
	onLoad       func(ctx context.Context, n int) error
	onSwap       func(ctx context.Context, n int, next Token) error // before the swap
	afterSwap    func(n int) error                                  // after it
}

func (s *labStore) Load(ctx context.Context, key TokenKey) (Token, error) {
	s.mu.Lock()
	s.loads++
	n, f := s.loads, s.onLoad
	s.mu.Unlock()
	if f != nil {
		if err := f(ctx, n); err != nil {
			return Token{}, err
		}
	}
	tok, err := s.MemoryTokenStore.Load(ctx, key)
	if err != nil {
		err = fmt.Errorf("lab: %w", err) // stores may wrap ErrNoToken
	}
	return tok, err
}

func (s *labStore) CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (Token, bool, error) {
	s.mu.Lock()
	s.swaps++
	n, before, after := s.swaps, s.onSwap, s.afterSwap
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, n, next); err != nil {
			return Token{}, false, err
		}
	}
	tok, ok, err := s.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
	if after != nil {
		if err := after(n); err != nil {
			return Token{}, false, err
		}
	}
	return tok, ok, err
}

func (s *labStore) setOnSwap(f func(ctx context.Context, n int, next Token) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onSwap = f
}

func (s *labStore) setOnLoad(f func(ctx context.Context, n int) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLoad = f
}

func newTokenLab(t *testing.T, change ...func(*tokenConfig)) *tokenLab {
	lab := &tokenLab{t: t, store: &labStore{MemoryTokenStore: NewMemoryTokenStore()}}
	cfg := tokenConfig{
		AppKey: testApp, Store: lab.store, SelfBuilt: true, Obtain: lab.obtain,
		Jitter: func() float64 { return 0 },
		OnReauthorize: func(_ context.Context, merchant string, reason error) {
			assert.Equal(t, testMerchant, merchant)
			lab.mu.Lock()
			defer lab.mu.Unlock()
			lab.hooked = append(lab.hooked, reason)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	lab.s = newTokenSource(cfg)
	return lab
}

func serviceProvider(c *tokenConfig) { c.SelfBuilt = false }

// beside is another process on the same store.
func (l *tokenLab) beside(change ...func(*tokenConfig)) *tokenLab {
	other := newTokenLab(l.t, change...)
	other.store = l.store
	other.s.cfg.Store = l.store
	return other
}

// testToken is the n-th token, living so long from now.
func testToken(n int, life time.Duration) Token {
	tok := Token{
		AccessToken:  fmt.Sprintf("canary-access-%08d", n),
		RefreshToken: fmt.Sprintf("canary-refresh-%08d", n),
		Scope:        "all",
	}
	if life != 0 {
		tok.ExpiresAt = time.Now().Add(life)
	}
	return tok
}

const testLife = 30 * 24 * time.Hour

func (l *tokenLab) obtain(ctx context.Context, merchant string, old Token) (Token, error) {
	l.mu.Lock()
	l.asked = append(l.asked, old)
	n, answer := len(l.asked), l.answer
	l.running++
	assert.Equal(l.t, 1, l.running, "one Obtain at a time for a merchant")
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running--
	}()
	assert.Equal(l.t, testMerchant, merchant)
	if answer != nil {
		return answer(ctx, n, old)
	}
	return testToken(n, testLife), nil
}

func (l *tokenLab) setAnswer(f func(ctx context.Context, n int, old Token) (Token, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = f
}

func (l *tokenLab) obtains() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

func (l *tokenLab) hooks() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.hooked)
}

// put stores a token behind the back of all sources, as another process would.
func (l *tokenLab) put(tok Token) Token {
	l.t.Helper()
	current, err := l.store.MemoryTokenStore.Load(l.t.Context(), testKey)
	if err != nil {
		current = Token{}
	}
	stored, ok, err := l.store.MemoryTokenStore.CompareAndSwap(l.t.Context(), testKey, current, tok)
	require.NoError(l.t, err)
	require.True(l.t, ok)
	return stored
}

func (l *tokenLab) token() Token {
	l.t.Helper()
	tok, err := l.s.Token(l.t.Context(), testMerchant)
	require.NoError(l.t, err)
	return tok
}

// fails wants an error of this class that names the merchant, says this and what to
// do in English and Chinese, and shows no token.
func (l *tokenLab) fails(class error, says ...string) {
	l.t.Helper()
	tok, err := l.s.Token(l.t.Context(), testMerchant)
	require.Error(l.t, err)
	assert.Equal(l.t, Token{}, tok)
	assert.ErrorIs(l.t, err, class)
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		assert.Contains(l.t, text, `merchant "10010"`)
		assert.Regexp(l.t, `[a-z]+ / \p{Han}+`, text)
		assert.NotContains(l.t, text, "canary")
	}
	for _, text := range says {
		require.ErrorContains(l.t, err, text)
	}
}

// stored is what the store holds.
func (l *tokenLab) stored() Token {
	l.t.Helper()
	tok, err := l.store.MemoryTokenStore.Load(l.t.Context(), testKey)
	require.NoError(l.t, err)
	return tok
}

// crowd calls Token in n goroutines and waits for all.
func (l *tokenLab) crowd(n int, before func()) []Token {
	l.t.Helper()
	tokens := make([]Token, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if before != nil {
				before()
			}
			tokens[i], errs[i] = l.s.Token(l.t.Context(), testMerchant)
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(l.t, err)
	}
	return tokens
}

func slowly(d time.Duration) func(ctx context.Context, n int, old Token) (Token, error) {
	return func(ctx context.Context, n int, _ Token) (Token, error) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return testToken(n, testLife), nil
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
	}
}

func TestTokenThousandCallersOneObtain(t *testing.T) {
	for name, stored := range map[string]func() (Token, bool){
		"none":    func() (Token, bool) { return Token{}, false },
		"expired": func() (Token, bool) { return testToken(900, -time.Second), true },
		"ends now": func() (Token, bool) {
			tok := testToken(900, 0)
			tok.ExpiresAt = time.Now()
			return tok, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t)
				lab.setAnswer(slowly(3 * time.Second))
				old, ok := stored()
				if ok {
					old = lab.put(old)
				}
				for _, tok := range lab.crowd(1000, nil) {
					assert.Equal(t, testToken(1, 0).AccessToken, tok.AccessToken)
					assert.Equal(t, old.Version+1, tok.Version)
				}
				require.Equal(t, 1, lab.obtains())
				assert.Equal(t, old.RefreshToken, lab.asked[0].RefreshToken)
				assert.Equal(t, lab.stored(), lab.token())
				assert.Equal(t, 1, lab.store.loads)
				assert.Equal(t, 1, lab.store.swaps)
			})
		})
	}
}

func TestTokenMerchantsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t, func(c *tokenConfig) {
			c.Obtain = func(_ context.Context, merchant string, _ Token) (Token, error) {
				time.Sleep(time.Second) // the bubble's clock
				if merchant == "bad" {
					return Token{}, errors.New("refused")
				}
				return Token{AccessToken: "of " + merchant}, nil
			}
		})
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				m := fmt.Sprint(i % 20)
				tok, err := lab.s.Token(t.Context(), m)
				assert.NoError(t, err)
				assert.Equal(t, "of "+m, tok.AccessToken)
			})
		}
		wg.Go(func() {
			_, err := lab.s.Token(t.Context(), "bad")
			assert.Error(t, err)
		})
		wg.Wait()
		assert.Equal(t, time.Second, time.Since(began), "none waits for another merchant")
	})
}

func TestTokenCancelledFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(10 * time.Second))
		type traceKey struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace-1"))
		began := time.Now()
		first := make(chan error, 1)
		go func() {
			_, err := lab.s.Token(ctx, testMerchant)
			first <- err
		}()
		synctest.Wait() // its flight is under way
		require.Equal(t, 1, lab.obtains())
		second := make(chan Token, 1)
		go func() { second <- lab.token() }()
		time.Sleep(time.Second)
		cancel()
		err := <-first
		require.ErrorIs(t, err, context.Canceled)
		assert.Contains(t, err.Error(), `merchant "10010"`)
		assert.Equal(t, time.Second, time.Since(began), "at once")
		assert.EqualValues(t, 1, (<-second).Version)
		assert.Equal(t, 10*time.Second, time.Since(began))
		assert.Equal(t, 1, lab.obtains())

		_, err = lab.s.Token(ctx, testMerchant)
		require.ErrorIs(t, err, context.Canceled, "an ended context gets nothing, not even a cached token")
	})
}

func TestTokenWaiterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(10 * time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := lab.s.Token(ctx, testMerchant)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(began))
		time.Sleep(9 * time.Second)
		assert.EqualValues(t, 1, lab.token().Version, "what it asked for is there for the next")
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenFlightTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(time.Hour))
		began := time.Now()
		lab.fails(context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(began))
	})
}

func TestTokenRejectedIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		bad := lab.put(testToken(900, testLife))
		require.Equal(t, bad, lab.token())
		lab.setAnswer(slowly(time.Second))
		for _, tok := range lab.crowd(1000, func() { lab.s.Rejected(t.Context(), testMerchant, bad) }) {
			assert.Equal(t, testToken(1, 0).AccessToken, tok.AccessToken)
		}
		require.Equal(t, 1, lab.obtains())
		assert.Equal(t, bad, lab.asked[0])

		// Reports that come late do not evict the new one.
		fresh := lab.token()
		for range 1000 {
			lab.s.Rejected(t.Context(), testMerchant, bad)
			lab.s.Rejected(t.Context(), testMerchant, Token{})
		}
		assert.Equal(t, fresh, lab.token())
		assert.Equal(t, 1, lab.obtains())
		assert.Equal(t, bad.Version+1, fresh.Version)
	})
}

func TestTokenRejectedUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		bad := lab.put(testToken(900, testLife))
		lab.s.Rejected(t.Context(), testMerchant, bad) // this source has not read it yet
		assert.Equal(t, testToken(1, 0).AccessToken, lab.token().AccessToken)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenRejectedDuringFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		bad := lab.put(testToken(900, testLife))
		hold := make(chan struct{})
		lab.store.setOnLoad(func(_ context.Context, n int) error {
			if n == 1 {
				<-hold
			}
			return nil
		})
		got := make(chan Token, 1)
		go func() { got <- lab.token() }()
		synctest.Wait()
		lab.s.Rejected(t.Context(), testMerchant, bad) // another client object was told
		close(hold)
		assert.Equal(t, testToken(1, 0).AccessToken, (<-got).AccessToken)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenOtherProcessRenewed(t *testing.T) {
	for name, before := range map[string]func(lab *tokenLab, old Token){
		"rejected": func(lab *tokenLab, old Token) { lab.s.Rejected(lab.t.Context(), testMerchant, old) },
		"expired":  func(_ *tokenLab, old Token) { time.Sleep(time.Until(old.ExpiresAt)) },
		"mandatory": func(_ *tokenLab, old Token) {
			time.Sleep(time.Until(old.ExpiresAt) - tokenMandatory)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t)
				old := lab.put(testToken(900, 20*time.Hour))
				require.Equal(t, old, lab.token())
				newer := lab.put(testToken(901, testLife))
				before(lab, old)
				assert.Equal(t, newer, lab.token())
				assert.Zero(t, lab.obtains())
			})
		})
	}
}

// Two processes renew at the same time: both end up with what was stored first.
func TestTokenLostRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTokenLab(t)
		b := a.beside()
		a.put(testToken(900, -time.Hour))
		a.setAnswer(slowly(2 * time.Second))
		b.setAnswer(func(context.Context, int, Token) (Token, error) {
			time.Sleep(time.Second)
			return testToken(777, testLife), nil
		})
		var wg sync.WaitGroup
		var fromA, fromB Token
		wg.Go(func() { fromA = a.token() })
		wg.Go(func() { fromB = b.token() })
		wg.Wait()
		assert.Equal(t, testToken(777, 0).AccessToken, fromB.AccessToken)
		assert.Equal(t, fromB, fromA)
		assert.Equal(t, a.stored(), fromA)
		assert.Equal(t, 1, a.obtains())
		assert.Equal(t, 1, b.obtains())
		assert.EqualValues(t, 2, fromA.Version)
	})
}

func TestTokenLostRaceToUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.store.setOnSwap(func(_ context.Context, n int, _ Token) error {
			if n == 1 {
				lab.put(testToken(800, -time.Minute))
			}
			return nil
		})
		assert.Equal(t, testToken(1, 0).AccessToken, lab.token().AccessToken)
		assert.EqualValues(t, 2, lab.stored().Version)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenDeletedDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.put(testToken(900, -time.Hour))
		lab.setAnswer(func(ctx context.Context, n int, _ Token) (Token, error) {
			if n == 1 {
				require.NoError(t, lab.store.Delete(ctx, testKey))
			}
			return testToken(n, testLife), nil
		})
		lab.fails(ErrNoToken)
		_, err := lab.store.MemoryTokenStore.Load(t.Context(), testKey)
		require.ErrorIs(t, err, ErrNoToken, "a merchant that left does not come back by itself")
		assert.Equal(t, testToken(2, 0).AccessToken, lab.token().AccessToken)
		assert.Equal(t, Token{}, lab.asked[1])
	})
}

func TestTokenPersistedBeforeUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		old := lab.put(testToken(900, -time.Hour))
		down := errors.New("store is down, it was asked to keep canary-access-00000001")
		lab.store.setOnSwap(func(context.Context, int, Token) error { return down })
		lab.fails(down)
		lab.fails(down)
		time.Sleep(time.Hour)
		lab.fails(down)
		require.Equal(t, 1, lab.obtains(), "the server may have ended the old one: it is not asked again")
		require.Equal(t, old, lab.stored())

		lab.store.setOnSwap(nil)
		got := lab.token()
		assert.Equal(t, testToken(1, 0).AccessToken, got.AccessToken)
		assert.Equal(t, lab.stored(), got)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenPending(t *testing.T) {
	down := errors.New("store is down")
	// Each begins with a token that was granted and could not be stored.
	for name, c := range map[string]struct {
		then    func(lab *tokenLab)
		want    int // the token in use in the end
		obtains int
	}{
		"stored although the store said no": {
			then: func(lab *tokenLab) { lab.put(testToken(1, testLife)) },
			want: 1, obtains: 1,
		},
		"another process was first": {
			then: func(lab *tokenLab) { lab.put(testToken(500, testLife)) },
			want: 500, obtains: 1,
		},
		"what another process stored is unusable": {
			then: func(lab *tokenLab) { lab.put(testToken(500, -time.Second)) },
			want: 1, obtains: 1,
		},
		"the merchant authorised again": {
			then: func(lab *tokenLab) {
				_, err := lab.s.Put(lab.t.Context(), testMerchant, testToken(500, testLife))
				require.NoError(lab.t, err)
			},
			want: 500, obtains: 1,
		},
		"the merchant authorised again, and left": {
			then: func(lab *tokenLab) {
				require.NoError(lab.t, lab.store.Delete(lab.t.Context(), testKey))
				_, err := lab.s.Put(lab.t.Context(), testMerchant, testToken(500, testLife))
				require.NoError(lab.t, err)
				require.NoError(lab.t, lab.store.Delete(lab.t.Context(), testKey))
				time.Sleep(tokenDistrust)
			},
			want: 2, obtains: 2,
		},
		"it expired while it waited": {
			then: func(*tokenLab) { time.Sleep(2 * testLife) },
			want: 2, obtains: 2,
		},
		"many other merchants were served meanwhile": {
			then: func(lab *tokenLab) {
				for i := range 3 * tokenGen {
					lab.s.look(fmt.Sprint("other", i))
				}
			},
			want: 1, obtains: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t)
				if name != "the merchant authorised again, and left" {
					lab.put(testToken(900, -time.Hour))
				}
				lab.store.setOnSwap(func(context.Context, int, Token) error { return down })
				lab.fails(down)
				lab.store.setOnSwap(nil)
				c.then(lab)
				assert.Equal(t, testToken(c.want, 0).AccessToken, lab.token().AccessToken)
				assert.Equal(t, testToken(c.want, 0).AccessToken, lab.stored().AccessToken)
				require.Equal(t, c.obtains, lab.obtains())
				if name == "it expired while it waited" {
					assert.Equal(t, testToken(1, 0).RefreshToken, lab.asked[1].RefreshToken, "the newest refresh token")
				}
			})
		})
	}
}

func TestTokenStoreAnswersTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the swap is done, its answer is lost
		lab := newTokenLab(t)
		lab.store.afterSwap = func(n int) error {
			if n == 1 {
				return errors.New("connection reset")
			}
			return nil
		}
		_, err := lab.s.Token(t.Context(), testMerchant)
		require.Error(t, err)
		assert.EqualValues(t, 1, lab.token().Version)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenAdvisory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(time.Second))
		old := lab.put(testToken(900, 12*time.Hour+time.Second))
		require.Equal(t, old, lab.token())
		synctest.Wait()
		require.Zero(t, lab.obtains(), "not yet")
		time.Sleep(time.Second)
		for range 100 {
			assert.Equal(t, old, lab.token(), "nobody waits")
		}
		synctest.Wait()
		assert.Equal(t, 1, lab.obtains())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, old.Version+1, lab.token().Version)
		synctest.Wait()
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenAdvisoryOnFirstSight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(20 * time.Second))
		old := lab.put(testToken(900, time.Hour))
		began := time.Now()
		assert.Equal(t, old, lab.token())
		assert.Zero(t, time.Since(began), "a fresh process does not wait for a renewal that is not pressing")
		time.Sleep(21 * time.Second)
		assert.Equal(t, old.Version+1, lab.token().Version)
	})
}

func TestTokenAdvisoryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(func(context.Context, int, Token) (Token, error) { return Token{}, errors.New("HTTP 502") })
		old := lab.put(testToken(900, 10*time.Hour))
		for range 59 { // one call a second
			assert.Equal(t, old, lab.token())
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, lab.obtains())
		for range 9 * 60 { // nine hours, one call a minute
			assert.Equal(t, old, lab.token())
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		assert.InDelta(t, 9*60, lab.obtains(), 10, "once a minute")
		lab.setAnswer(nil)
		lab.token()
		time.Sleep(time.Minute)
		lab.token()
		synctest.Wait()
		assert.Equal(t, old.Version+1, lab.token().Version)
	})
}

func TestTokenAdvisoryStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		old := lab.put(testToken(900, 10*time.Hour))
		require.Equal(t, old, lab.token())
		synctest.Wait()
		require.EqualValues(t, 2, lab.token().Version)
		lab.store.setOnLoad(func(context.Context, int) error { return errors.New("store is down") })
		for range 100 { // both while it is asked for all the time and after a pause
			time.Sleep(time.Minute)
			assert.EqualValues(t, 2, lab.token().Version)
		}
		time.Sleep(5 * time.Hour)
		assert.EqualValues(t, 2, lab.token().Version)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenMandatory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(slowly(2 * time.Second))
		old := lab.put(testToken(900, 5*time.Minute))
		began := time.Now()
		assert.Equal(t, old.Version+1, lab.token().Version)
		assert.Equal(t, 2*time.Second, time.Since(began), "waited for")
	})
}

func TestTokenMandatoryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		down := errors.New("HTTP 502 for canary-refresh-00000900")
		lab.setAnswer(func(context.Context, int, Token) (Token, error) {
			time.Sleep(time.Second)
			return Token{}, down
		})
		old := lab.put(testToken(900, 3*time.Minute))
		for range 1000 {
			assert.Equal(t, old, lab.token(), "it lives")
		}
		require.Equal(t, 1, lab.obtains(), "and is not asked for all the time")
		for time.Until(old.ExpiresAt) > 2*time.Second {
			assert.Equal(t, old, lab.token())
			time.Sleep(time.Second)
		}
		assert.Equal(t, 3, lab.obtains())
		time.Sleep(time.Until(old.ExpiresAt))
		lab.fails(down)
		lab.setAnswer(nil)
		assert.Equal(t, old.Version+1, lab.token().Version)
	})
}

func TestTokenWindows(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    func(*tokenConfig)
		left   time.Duration
		renews bool
		waits  bool
	}{
		{"default, early", nil, 12*time.Hour + time.Second, false, false},
		{"default, advisory", nil, 12 * time.Hour, true, false},
		{"default, before mandatory", nil, 5*time.Minute + time.Second, true, false},
		{"default, mandatory", nil, 5 * time.Minute, true, true},
		{"unknown end", nil, 0, false, false},
		{"configured, early", func(c *tokenConfig) { c.Advisory, c.Mandatory = time.Hour, time.Minute }, time.Hour + time.Second, false, false},
		{"configured, advisory", func(c *tokenConfig) { c.Advisory, c.Mandatory = time.Hour, time.Minute }, time.Hour, true, false},
		{"configured, mandatory", func(c *tokenConfig) { c.Advisory, c.Mandatory = time.Hour, time.Minute }, time.Minute, true, true},
		{"jitter, early", func(c *tokenConfig) { c.Jitter = func() float64 { return 0.5 } }, 12*time.Hour - 36*time.Minute + time.Second, false, false},
		{"jitter, advisory", func(c *tokenConfig) { c.Jitter = func() float64 { return 0.5 } }, 12*time.Hour - 36*time.Minute, true, false},
		{"jitter is held to a tenth", func(c *tokenConfig) { c.Jitter = func() float64 { return 7 } }, 12*time.Hour - 72*time.Minute, true, false},
		{"service provider", serviceProvider, time.Minute, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				change := c.cfg
				if change == nil {
					change = func(*tokenConfig) {}
				}
				lab := newTokenLab(t, change)
				lab.setAnswer(slowly(time.Second))
				old := lab.put(testToken(900, c.left))
				began := time.Now()
				got := lab.token()
				assert.Equal(t, c.waits, time.Since(began) > 0)
				assert.Equal(t, c.waits, got.Version > old.Version)
				time.Sleep(2 * time.Second)
				assert.Equal(t, c.renews, lab.obtains() > 0)
			})
		})
	}
	random := newTokenSource(tokenConfig{Store: NewMemoryTokenStore()})
	assert.LessOrEqual(t, random.advisory, 12*time.Hour)
	assert.GreaterOrEqual(t, random.advisory, 12*time.Hour*9/10)
}

// The server keeps the text and extends the life; or does not extend it yet; or
// grants lives shorter than the windows. None of it makes a call ask each time.
func TestTokenGrantsInsideTheWindow(t *testing.T) {
	for _, c := range []struct {
		name   string
		life   func(n int, old Token) time.Duration
		runs   time.Duration
		atMost int
	}{
		{"text kept, life extended", func(int, Token) time.Duration { return testLife }, 5 * time.Hour, 1},
		{"life not extended", func(_ int, old Token) time.Duration { return time.Until(old.ExpiresAt) }, 10 * time.Hour, 30},
		{"two hours", func(int, Token) time.Duration { return 2 * time.Hour }, 10 * time.Hour, 25},
		{"two minutes", func(int, Token) time.Duration { return 2 * time.Minute }, time.Hour, 61},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t)
				lab.setAnswer(func(_ context.Context, n int, old Token) (Token, error) {
					next := testToken(900, c.life(n, old))
					return next, nil
				})
				first := lab.put(testToken(900, 11*time.Hour))
				for began := time.Now(); time.Since(began) < c.runs; time.Sleep(10 * time.Second) {
					assert.Equal(t, first.AccessToken, lab.token().AccessToken)
				}
				synctest.Wait()
				assert.NotZero(t, lab.obtains())
				assert.LessOrEqual(t, lab.obtains(), c.atMost)
			})
		})
	}
}

// A process that finds a short-lived token that another has just renewed leaves it.
func TestTokenRenewedElsewhereInsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		old := lab.put(testToken(900, 12*time.Hour+time.Second))
		require.Equal(t, old, lab.token())
		newer := lab.put(testToken(901, 8*time.Hour))
		time.Sleep(time.Minute)
		lab.token()
		synctest.Wait()
		assert.Equal(t, newer, lab.token())
		synctest.Wait()
		assert.Zero(t, lab.obtains())
	})
}

func TestTokenRejectedAndTheSameAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		refresh string
		answer  func(n int, old Token) Token
		want    string // "" for ErrTokenExpired
		asked   []string
	}{
		{"a new one on request", "r", func(_ int, old Token) Token {
			if old.RefreshToken != "" {
				return Token{AccessToken: "same", RefreshToken: "r"}
			}
			return Token{AccessToken: "new"}
		}, "new", []string{"r", ""}},
		{"always the same", "r", func(int, Token) Token { return Token{AccessToken: "same", RefreshToken: "r"} }, "", []string{"r", ""}},
		{"nothing to refresh with", "", func(int, Token) Token { return Token{AccessToken: "same"} }, "", []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t)
				lab.setAnswer(func(_ context.Context, n int, old Token) (Token, error) { return c.answer(n, old), nil })
				bad := lab.put(Token{AccessToken: "same", RefreshToken: c.refresh})
				require.Equal(t, bad, lab.token())
				lab.s.Rejected(t.Context(), testMerchant, bad)
				if c.want != "" {
					assert.Equal(t, c.want, lab.token().AccessToken)
				} else {
					lab.fails(ErrTokenExpired)
					for range 1000 { // the other callers who had used it
						lab.s.Rejected(t.Context(), testMerchant, bad)
						lab.fails(ErrTokenExpired)
					}
				}
				var asked []string
				for _, old := range lab.asked {
					asked = append(asked, old.RefreshToken)
				}
				assert.Equal(t, c.asked, asked)
			})
		})
	}
}

// After a minute the refused token is tried again: the refusal may have been a
// passing fault. If not, the server is asked again.
func TestTokenRejectedTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		same := testToken(900, testLife)
		lab.setAnswer(func(context.Context, int, Token) (Token, error) { return same, nil })
		bad := lab.put(same)
		require.Equal(t, bad, lab.token())
		lab.s.Rejected(t.Context(), testMerchant, bad)
		lab.fails(ErrTokenExpired)
		time.Sleep(59 * time.Second)
		lab.fails(ErrTokenExpired)
		require.Equal(t, 2, lab.obtains())
		time.Sleep(time.Second)
		require.Equal(t, bad, lab.token())
		synctest.Wait()
		require.Equal(t, 2, lab.obtains())
		lab.s.Rejected(t.Context(), testMerchant, bad)
		lab.fails(ErrTokenExpired)
		require.Equal(t, 4, lab.obtains())

		lab.s.Rejected(t.Context(), testMerchant, testToken(800, testLife)) // late, of another one
		lab.fails(ErrTokenExpired)
		require.Equal(t, 4, lab.obtains())

		newer := lab.put(testToken(901, testLife)) // somebody repaired it
		assert.Equal(t, newer, lab.token(), "a refused token is looked up at once")
		assert.Equal(t, 4, lab.obtains())
	})
}

// A token that is refused and has expired too may keep its text: its life begins anew.
func TestTokenExpiredKeepsItsText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.setAnswer(func(context.Context, int, Token) (Token, error) { return testToken(900, testLife), nil })
		old := lab.put(testToken(900, 30*time.Second))
		lab.s.Rejected(t.Context(), testMerchant, old)
		lab.fails(ErrTokenExpired)
		time.Sleep(time.Minute)
		got := lab.token()
		assert.Equal(t, old.AccessToken, got.AccessToken)
		assert.Equal(t, old.Version+1, got.Version)
	})
}

func TestTokenObtainFails(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(ctx context.Context, n int, old Token) (Token, error)
		change func(*tokenConfig)
		class  error
	}{
		"error":          {answer: func(context.Context, int, Token) (Token, error) { return Token{}, ErrReauthorize }, class: ErrReauthorize},
		"no token":       {answer: func(context.Context, int, Token) (Token, error) { return Token{}, nil }},
		"only a refresh": {answer: func(context.Context, int, Token) (Token, error) { return Token{RefreshToken: "canary-refresh"}, nil }},
		"expired already": {
			answer: func(context.Context, int, Token) (Token, error) { return testToken(1, -time.Second), nil },
			class:  ErrTokenExpired,
		},
		"no Obtain": {change: func(c *tokenConfig) { c.Obtain = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				change := c.change
				if change == nil {
					change = func(*tokenConfig) {}
				}
				lab := newTokenLab(t, change)
				lab.setAnswer(c.answer)
				tok, err := lab.s.Token(t.Context(), testMerchant)
				require.Error(t, err)
				if c.class != nil {
					lab.fails(c.class)
				}
				assert.Equal(t, Token{}, tok)
				assert.Contains(t, err.Error(), `merchant "10010"`)
				assert.NotContains(t, err.Error(), "canary")
			})
		})
	}
}

func TestTokenStoreCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		down := errors.New("store is down")
		lab.store.setOnLoad(func(context.Context, int) error { return down })
		lab.fails(down)
		assert.Zero(t, lab.obtains(), "what could not be stored is not asked for")
		lab.store.setOnLoad(nil)
		lab.token()
	})
}

func TestTokenReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		first := lab.put(testToken(900, 0))
		for range 590 { // ten a second
			require.Equal(t, first, lab.token())
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 1, lab.store.loads)
		second := lab.put(testToken(901, 0))
		time.Sleep(time.Second)
		require.Equal(t, first, lab.token(), "in the background")
		synctest.Wait()
		require.Equal(t, second, lab.token())
		require.Equal(t, 2, lab.store.loads)

		third := lab.put(testToken(902, 0))
		time.Sleep(10 * time.Minute)
		assert.Equal(t, third, lab.token(), "one not asked for in a while is looked up first")

		require.NoError(t, lab.store.Delete(t.Context(), testKey))
		time.Sleep(10 * time.Minute)
		assert.Equal(t, testToken(1, 0).AccessToken, lab.token().AccessToken)
		assert.Equal(t, 1, lab.obtains())
	})
}

func TestTokenReadDoesNotUndoPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The source's read is answered from before Put's write.
		lab := newTokenLab(t, serviceProvider)
		lab.put(testToken(900, 0))
		slow := &slowReads{labStore: lab.store}
		lab.s.cfg.Store = slow
		lab.token()
		time.Sleep(tokenRecheck)
		slow.delay(time.Second)
		lab.token() // starts the read
		synctest.Wait()
		slow.delay(0)
		put, err := lab.s.Put(t.Context(), testMerchant, testToken(901, 0))
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, put, lab.token())
	})
}

// slowReads hands over what it read late.
type slowReads struct {
	*labStore
	mu sync.Mutex
	by time.Duration
}

func (s *slowReads) delay(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by = by
}

func (s *slowReads) Load(ctx context.Context, key TokenKey) (Token, error) {
	s.mu.Lock()
	by := s.by
	s.mu.Unlock()
	tok, err := s.labStore.Load(ctx, key)
	time.Sleep(by)
	return tok, err
}

func TestTokenServiceProvider(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(lab *tokenLab)
		says    string
	}{
		"absent":  {func(*tokenLab) {}, "there is no token"},
		"expired": {func(lab *tokenLab) { lab.put(testToken(900, -time.Second)) }, "the token has expired"},
		"rejected": {func(lab *tokenLab) {
			lab.s.Rejected(lab.t.Context(), testMerchant, lab.put(testToken(900, testLife)))
		}, "refused the token"},
		"expires": {func(lab *tokenLab) {
			tok := lab.put(testToken(900, time.Hour))
			for time.Until(tok.ExpiresAt) > 0 {
				require.Equal(lab.t, tok, lab.token(), "used to its end")
				time.Sleep(time.Minute)
			}
		}, "the token has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := newTokenLab(t, serviceProvider)
				c.prepare(lab)
				for range 20 {
					lab.fails(ErrReauthorize, c.says)
				}
				require.Equal(t, 1, lab.hooks(), "once, not once a call")
				require.ErrorIs(t, lab.hooked[0], ErrReauthorize)
				require.Contains(t, lab.hooked[0].Error(), c.says)

				put, err := lab.s.Put(t.Context(), testMerchant, testToken(901, testLife))
				require.NoError(t, err)
				assert.Equal(t, put, lab.token())
				assert.Equal(t, lab.stored(), put)

				lab.s.Rejected(t.Context(), testMerchant, put)
				for range 20 {
					lab.fails(ErrReauthorize)
				}
				require.Equal(t, 2, lab.hooks(), "again for another token")

				// Authorised in another process.
				other := lab.put(testToken(902, testLife))
				assert.Equal(t, other, lab.token())

				// The merchant leaves.
				require.NoError(t, lab.store.Delete(t.Context(), testKey))
				time.Sleep(tokenDistrust)
				lab.fails(ErrReauthorize)
				assert.Equal(t, 3, lab.hooks())
				assert.Zero(t, lab.obtains(), "never")
			})
		})
	}
}

// The merchant leaves, and comes and leaves once more.
func TestTokenServiceProviderLeavesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t, serviceProvider)
		for n := 1; n <= 3; n++ {
			lab.fails(ErrReauthorize)
			lab.fails(ErrReauthorize)
			require.Equal(t, n, lab.hooks())
			put, err := lab.s.Put(t.Context(), testMerchant, testToken(n, testLife))
			require.NoError(t, err)
			require.Equal(t, put, lab.token())
			require.NoError(t, lab.store.Delete(t.Context(), testKey))
			time.Sleep(tokenDistrust)
		}
	})
}

func TestTokenServiceProviderTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t, serviceProvider)
		tok := lab.put(testToken(900, testLife))
		lab.s.Rejected(t.Context(), testMerchant, tok)
		lab.fails(ErrReauthorize)
		time.Sleep(10*time.Minute - time.Second)
		lab.fails(ErrReauthorize)
		time.Sleep(time.Second)
		require.Equal(t, tok, lab.token(), "a passing fault does not cost the grant")
		lab.s.Rejected(t.Context(), testMerchant, tok)
		lab.fails(ErrReauthorize)
		assert.Equal(t, 1, lab.hooks())
	})
}

func TestTokenHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		var s *tokenSource
		type traceKey struct{}
		lab := newTokenLab(t, serviceProvider, func(c *tokenConfig) {
			c.OnReauthorize = func(ctx context.Context, merchant string, _ error) {
				calls++
				assert.Equal(t, "trace-1", ctx.Value(traceKey{}))
				// A hook may use the client it belongs to.
				_, err := s.Token(ctx, merchant)
				assert.ErrorIs(t, err, ErrReauthorize)
				<-ctx.Done() // it is not waited for beyond its time, or the caller's
			}
		})
		s = lab.s
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), traceKey{}, "trace-1"), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := s.Token(ctx, testMerchant)
		require.ErrorIs(t, err, ErrReauthorize)
		assert.Equal(t, 3*time.Second, time.Since(began))
		lab.fails(ErrReauthorize)
		assert.Equal(t, 3*time.Second, time.Since(began))
		time.Sleep(time.Minute)
		assert.Equal(t, 1, calls)

		// Without a hook.
		lab.s.cfg.OnReauthorize = nil
		lab.put(testToken(900, -time.Second))
		lab.fails(ErrReauthorize)
	})
}

func TestTokenPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		_, err := lab.s.Put(t.Context(), testMerchant, Token{RefreshToken: "canary"})
		require.ErrorContains(t, err, `merchant "10010"`)
		require.NotContains(t, err.Error(), "canary")

		// Whoever gets in between does not keep it from being stored.
		lab.store.setOnSwap(func(_ context.Context, n int, _ Token) error {
			if n <= 3 {
				lab.put(testToken(800+n, testLife))
			}
			return nil
		})
		given := testToken(500, testLife)
		given.Version = 42
		put, err := lab.s.Put(t.Context(), testMerchant, given)
		require.NoError(t, err)
		assert.EqualValues(t, 4, put.Version)
		assert.Equal(t, lab.stored(), put)
		assert.Equal(t, put, lab.token())
		assert.Equal(t, 1, lab.store.loads, "Put's own")

		// What cannot be stored is not used.
		down := errors.New("store is down, it was asked to keep canary-access-00000501")
		lab.store.setOnSwap(func(context.Context, int, Token) error { return down })
		_, err = lab.s.Put(t.Context(), testMerchant, testToken(501, testLife))
		require.ErrorIs(t, err, down)
		assert.NotContains(t, err.Error(), "canary")
		assert.Equal(t, put, lab.token())
		lab.store.setOnLoad(func(context.Context, int) error { return down })
		_, err = lab.s.Put(t.Context(), testMerchant, testToken(501, testLife))
		require.ErrorIs(t, err, down)

		// A store that always says that somebody else was first.
		lab.store.setOnLoad(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		lab.store.setOnSwap(func(_ context.Context, n int, _ Token) error {
			time.Sleep(time.Millisecond)
			lab.put(testToken(800+n, testLife))
			return nil
		})
		_, err = lab.s.Put(ctx, testMerchant, testToken(501, testLife))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// The merchant authorises while a renewal is under way: the grant stands.
func TestTokenPutDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.put(testToken(900, -time.Hour))
		lab.setAnswer(slowly(time.Second))
		got := make(chan Token, 1)
		go func() { got <- lab.token() }()
		synctest.Wait()
		put, err := lab.s.Put(t.Context(), testMerchant, testToken(500, testLife))
		require.NoError(t, err)
		assert.Equal(t, put, <-got)
		assert.Equal(t, put, lab.stored())
		assert.Equal(t, put, lab.token())
	})
}

func TestTokenCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		held := func() int { return len(lab.s.young) + len(lab.s.old) }
		for i := range 5 * tokenGen {
			lab.s.look(fmt.Sprint(i))
			if i%100 == 0 {
				lab.s.look("busy")
			}
		}
		assert.LessOrEqual(t, held(), 2*tokenGen)
		_, young := lab.s.young["busy"]
		_, old := lab.s.old["busy"]
		assert.True(t, young || old, "who is served stays")
		for range 2 {
			time.Sleep(tokenIdle)
			lab.s.look("busy")
		}
		assert.LessOrEqual(t, held(), 2, "who is not served is dropped")
	})
}

func TestTokenSourceShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lab := newTokenLab(t)
		lab.put(testToken(900, testLife))
		lab.token()
		synctest.Wait()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			assert.Equal(t, "tokenSource", fmt.Sprintf(verb, lab.s))
			// Where fmt cannot ask, what it prints ends at pointers.
			assert.NotContains(t, fmt.Sprintf(verb, struct{ s *tokenSource }{lab.s}), "canary")
			assert.NotContains(t, fmt.Sprintf(verb, struct{ s *MemoryTokenStore }{lab.store.MemoryTokenStore}), "canary")
		}
	})
}

// Everything at once, on the real clock and under the race detector: no caller ever
// gets a token that was not stored first, and the last one works.
func TestTokenHammer(t *testing.T) {
	stored := NewMemoryTokenStore()
	var mu sync.Mutex
	known := map[string]bool{}
	store := &recordingStore{MemoryTokenStore: stored, kept: func(tok Token) {
		mu.Lock()
		defer mu.Unlock()
		known[tok.AccessToken] = true
	}}
	var granted int
	var sources []*tokenSource
	for range 3 {
		sources = append(sources, newTokenSource(tokenConfig{
			AppKey: testApp, Store: store, SelfBuilt: true,
			Obtain: func(context.Context, string, Token) (Token, error) {
				mu.Lock()
				defer mu.Unlock()
				granted++
				if granted%7 == 0 {
					return Token{}, errors.New("HTTP 502")
				}
				return testToken(granted, testLife), nil
			},
		}))
	}
	var wg sync.WaitGroup
	for g := range 24 {
		s := sources[g%len(sources)]
		wg.Go(func() {
			for i := range 200 {
				tok, err := s.Token(t.Context(), testMerchant)
				if err != nil {
					continue
				}
				mu.Lock()
				ok := known[tok.AccessToken]
				mu.Unlock()
				if !ok {
					t.Error("a token was handed out before it was stored")
				}
				switch (g + i) % 40 {
				case 0, 20:
					s.Rejected(t.Context(), testMerchant, tok)
				case 10:
					_, err := s.Put(t.Context(), testMerchant, testToken(10_000+g*1000+i, testLife))
					assert.NoError(t, err)
				case 30:
					if g == 0 {
						assert.NoError(t, store.Delete(t.Context(), testKey))
					}
				}
			}
		})
	}
	wg.Wait()
	for _, s := range sources {
		_, err := s.Put(t.Context(), testMerchant, testToken(1, testLife))
		require.NoError(t, err)
		_, err = s.Token(t.Context(), testMerchant)
		require.NoError(t, err)
	}
}

// recordingStore notes a token in the very moment it is stored, or just before.
type recordingStore struct {
	*MemoryTokenStore
	kept func(Token)
}

func (s *recordingStore) CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (Token, bool, error) {
	s.kept(next)
	return s.MemoryTokenStore.CompareAndSwap(ctx, key, old, next)
}

func BenchmarkTokenCached(b *testing.B) {
	s := newTokenSource(tokenConfig{AppKey: testApp, Store: NewMemoryTokenStore()})
	_, err := s.Put(b.Context(), testMerchant, testToken(1, testLife))
	require.NoError(b, err)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(b.Context(), testMerchant); err != nil {
				b.Error(err)
			}
		}
	})
}
