package jushuitan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	canaryAccess  = "canary0access0000000000000000a1b2"
	canaryRefresh = "canary0refresh000000000000000c3d4"
)

func canaryToken() jushuitan.Token {
	return jushuitan.Token{
		AccessToken: canaryAccess, RefreshToken: canaryRefresh,
		ExpiresAt: time.Date(2026, 1, 31, 16, 0, 0, 0, time.UTC), Scope: "all", Version: 3,
	}
}

func openTokenFile(t *testing.T, path string) *jushuitan.FileTokenStore {
	t.Helper()
	s, err := jushuitan.NewFileTokenStore(path)
	require.NoError(t, err)
	return s
}

func TestTokenNeverShowsItself(t *testing.T) {
	tok := canaryToken()
	type nested struct {
		Name  string
		Token jushuitan.Token
	}
	type pointed struct{ Token *jushuitan.Token }
	store := jushuitan.NewMemoryTokenStore()
	_, _, err := store.CompareAndSwap(t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "m"}, jushuitan.Token{}, tok)
	require.NoError(t, err)

	values := map[string]any{
		"value":     tok,
		"pointer":   &tok,
		"nested":    nested{"x", tok},
		"&nested":   &nested{"x", tok},
		"pointed":   pointed{&tok},
		"&pointed":  &pointed{&tok},
		"slice":     []jushuitan.Token{tok},
		"pointers":  []*jushuitan.Token{&tok},
		"map":       map[string]jushuitan.Token{"m": tok},
		"interface": struct{ V any }{tok},
		"embedded":  struct{ jushuitan.Token }{tok},
		"store":     store,
		"*store":    struct{ S *jushuitan.MemoryTokenStore }{store},
	}
	clean := func(t *testing.T, what, text string) {
		t.Helper()
		for _, secret := range []string{canaryAccess, canaryRefresh} {
			for _, part := range []string{secret, secret[:8], secret[len(secret)-5:], fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
				if strings.Contains(text, part) {
					t.Errorf("%s shows a token: %s", what, strings.ReplaceAll(text, part, "<"+part+">"))
				}
			}
		}
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%t", "%T", "%10v", "%-40s", "%z"} {
			clean(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		clean(t, name+" Errorf", fmt.Errorf("failed: %v", v).Error())
		clean(t, name+" Sprint", fmt.Sprint(v))
		for handler, mk := range map[string]func(*bytes.Buffer) slog.Handler{
			"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var buf bytes.Buffer
			slog.New(mk(&buf)).Info("x", "v", v, slog.Group("g", slog.Any("v", v)))
			clean(t, name+" slog "+handler, buf.String())
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		clean(t, name+" JSON", string(data))
	}
}

func TestTokenShownMasked(t *testing.T) {
	const want = "Token{AccessToken:***a1b2 RefreshToken:***c3d4 ExpiresAt:2026-02-01T00:00:00+08:00 Scope:all Version:3}"
	tok := canaryToken()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		assert.Equal(t, want, fmt.Sprintf(verb, tok), verb)
		assert.Equal(t, want, fmt.Sprintf(verb, &tok), verb)
	}
	assert.Equal(t, want, tok.String())
	assert.Equal(t, want, tok.GoString())
	data, err := json.Marshal(tok)
	require.NoError(t, err)
	assert.JSONEq(t, `{"access_token":"***a1b2","refresh_token":"***c3d4","expires_at":"2026-02-01T00:00:00+08:00","scope":"all","version":3}`, string(data))
	assert.ErrorContains(t, json.Unmarshal(data, &tok), "masked", "what cannot come back must say so")

	for _, c := range []struct{ secret, want string }{
		{"", "AccessToken: R"},
		{"short", "AccessToken:*** R"},
		{"exactly15chars0", "AccessToken:*** R"},
		{"exactly16chars01", "AccessToken:***rs01 R"},
		{"十六个字的令牌十六个字的令牌四字", "AccessToken:***令牌四字 R"},
	} {
		assert.Contains(t, jushuitan.Token{AccessToken: c.secret}.String(), c.want)
	}
	assert.Contains(t, jushuitan.Token{}.String(), "ExpiresAt:never")
}

func TestTokenStoresRefuseEmptyToken(t *testing.T) {
	for name, s := range map[string]jushuitan.TokenStore{
		"memory": jushuitan.NewMemoryTokenStore(),
		"file":   openTokenFile(t, filepath.Join(t.TempDir(), "tokens.json")),
	} {
		_, ok, err := s.CompareAndSwap(t.Context(), jushuitan.TokenKey{}, jushuitan.Token{}, jushuitan.Token{RefreshToken: canaryRefresh})
		assert.False(t, ok, name)
		assert.ErrorContains(t, err, "access token", name)
	}
}

// A version that was deleted does not come back: whoever still holds it cannot
// overwrite the grant that followed.
func TestTokenVersionsNeverComeBack(t *testing.T) {
	type deleter interface {
		jushuitan.TokenStore
		Delete(ctx context.Context, key jushuitan.TokenKey) error
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	for name, open := range map[string]func() deleter{
		"memory": func() func() deleter {
			s := jushuitan.NewMemoryTokenStore()
			return func() deleter { return s }
		}(),
		"file": func() deleter { return openTokenFile(t, path) },
	} {
		ctx, key := t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
		first, ok, err := open().CompareAndSwap(ctx, key, jushuitan.Token{}, canaryToken())
		require.NoError(t, err)
		require.True(t, ok)
		require.EqualValues(t, 1, first.Version, name)
		require.NoError(t, open().Delete(ctx, key))
		second, ok, err := open().CompareAndSwap(ctx, key, jushuitan.Token{}, canaryToken())
		require.NoError(t, err)
		require.True(t, ok)
		assert.EqualValues(t, 2, second.Version, name)
		_, ok, err = open().CompareAndSwap(ctx, key, first, canaryToken())
		require.NoError(t, err)
		assert.False(t, ok, name)
	}
}

func TestFileTokenStoreText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "on the way", "tokens.json")
	s := openTokenFile(t, path)
	_, err := os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist, "made with the first token")

	for _, merchant := range []string{"商家二", "10010", ""} {
		tok := canaryToken()
		if merchant == "" {
			tok = jushuitan.Token{AccessToken: "<a&b>"}
		}
		_, ok, err := s.CompareAndSwap(t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: merchant}, jushuitan.Token{}, tok)
		require.NoError(t, err)
		require.True(t, ok)
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, `{
  "format": 1,
  "floor": 0,
  "tokens": [
    {
      "app_key": "app",
      "merchant": "",
      "access_token": "\u003ca\u0026b\u003e",
      "version": 1
    },
    {
      "app_key": "app",
      "merchant": "10010",
      "access_token": "canary0access0000000000000000a1b2",
      "refresh_token": "canary0refresh000000000000000c3d4",
      "expires_at": "2026-02-01T00:00:00+08:00",
      "scope": "all",
      "version": 1
    },
    {
      "app_key": "app",
      "merchant": "商家二",
      "access_token": "canary0access0000000000000000a1b2",
      "refresh_token": "canary0refresh000000000000000c3d4",
      "expires_at": "2026-02-01T00:00:00+08:00",
      "scope": "all",
      "version": 1
    }
  ]
}
`, string(data))

	// A store opened later reads what is there.
	again, err := openTokenFile(t, path).Load(t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "商家二"})
	require.NoError(t, err)
	assert.Equal(t, canaryAccess, again.AccessToken)
	assert.True(t, again.ExpiresAt.Equal(canaryToken().ExpiresAt))

	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, names, 2, "the file and its lock, nothing left over")

	if runtime.GOOS != "windows" {
		for name, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			assert.Equal(t, want, info.Mode().Perm(), name)
		}
	}
}

func TestFileTokenStoreClosesItsFileToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes say nothing there
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	s := openTokenFile(t, path)
	_, _, err := s.CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	mode := func() os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	for name, touch := range map[string]func(){
		"open": func() { openTokenFile(t, path) },
		"load": func() {
			_, err := s.Load(t.Context(), key)
			require.NoError(t, err)
		},
		"swap": func() {
			_, _, err := s.CompareAndSwap(t.Context(), jushuitan.TokenKey{Merchant: "other"}, jushuitan.Token{}, canaryToken())
			require.NoError(t, err)
		},
	} {
		require.NoError(t, os.Chmod(path, 0o644))
		touch()
		assert.Equal(t, os.FileMode(0o600), mode(), name)
	}
}

func TestFileTokenStoreDamaged(t *testing.T) {
	row := `{"app_key":"a","merchant":"m","access_token":"` + canaryAccess + `","version":1}`
	for name, text := range map[string]string{
		"empty":             "",
		"blank":             "\n",
		"cut":               `{"format":1,"floor":0,"tokens":[{"app_key":"a","merchant":"m","access_token":"` + canaryAccess,
		"not JSON":          canaryAccess,
		"null":              "null",
		"no format":         `{}`,
		"a later format":    `{"format":2,"tokens":[]}`,
		"other types":       `{"format":1,"tokens":"` + canaryAccess + `"}`,
		"text after":        `{"format":1,"tokens":[]} ` + canaryAccess,
		"two texts":         `{"format":1,"tokens":[]}{"format":1,"tokens":[` + row + `]}`,
		"not UTF-8":         `{"format":1,"tokens":[{"app_key":"a","merchant":"m","access_token":"` + "\xff" + `","version":1}]}`,
		"zeros after crash": strings.Repeat("\x00", 200),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.json")
			s := openTokenFile(t, path)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, opening := jushuitan.NewFileTokenStore(path)
			_, loading := s.Load(t.Context(), jushuitan.TokenKey{AppKey: "a", Merchant: "m"})
			_, ok, swapping := s.CompareAndSwap(t.Context(), jushuitan.TokenKey{AppKey: "a", Merchant: "m"}, jushuitan.Token{}, canaryToken())
			deleting := s.Delete(t.Context(), jushuitan.TokenKey{AppKey: "a", Merchant: "m"})
			assert.False(t, ok)
			for what, err := range map[string]error{"open": opening, "load": loading, "swap": swapping, "delete": deleting} {
				require.Error(t, err, what)
				assert.Contains(t, err.Error(), filepath.Base(path), what)
				assert.Contains(t, err.Error(), "damaged", what)
				assert.NotErrorIs(t, err, jushuitan.ErrNoToken, what)
				assert.NotContains(t, err.Error(), "canary", what)
				assert.NotContains(t, err.Error(), "12345678", what)
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, text, string(data), "left as it is")
		})
	}
}

// A damaged entry fails its own merchant only, survives every change of the others, and
// goes with Delete.
func TestFileTokenStoreDamagedEntry(t *testing.T) {
	good := `{"app_key":"a","merchant":"good","access_token":"good-access","version":4}`
	row := `{"app_key":"a","merchant":"m","access_token":"` + canaryAccess + `","version":7}`
	for name, bad := range map[string][]string{
		"twice":             {row, row},
		"no token":          {`{"app_key":"a","merchant":"m","version":7}`},
		"no version":        {`{"app_key":"a","merchant":"m","access_token":"x"}`},
		"not a time":        {`{"app_key":"a","merchant":"m","access_token":"x","version":7,"expires_at":"` + canaryAccess + `"}`},
		"a time after 9999": {`{"app_key":"a","merchant":"m","access_token":"x","version":7,"expires_at":"10000-01-01T00:00:00+08:00"}`},
		"number for token":  {`{"app_key":"a","merchant":"m","access_token":12345678,"version":7}`},
		"text for version":  {`{"app_key":"a","merchant":"m","access_token":"x","version":"` + canaryAccess + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.json")
			text := `{"format":1,"floor":2,"tokens":[` + strings.Join(append(bad, good), ",") + `]}`
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			s := openTokenFile(t, path)
			key, other := jushuitan.TokenKey{AppKey: "a", Merchant: "m"}, jushuitan.TokenKey{AppKey: "a", Merchant: "good"}
			got, err := s.Load(t.Context(), other)
			require.NoError(t, err)
			got, ok, err := s.CompareAndSwap(t.Context(), other, got, canaryToken())
			require.NoError(t, err)
			require.True(t, ok)
			assert.EqualValues(t, 5, got.Version)

			_, loading := s.Load(t.Context(), key)
			_, ok, swapping := s.CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
			assert.False(t, ok)
			for what, err := range map[string]error{"load": loading, "swap": swapping} {
				require.Error(t, err, what)
				assert.Contains(t, err.Error(), `merchant "m"`, what)
				assert.Contains(t, err.Error(), "damaged", what)
				assert.NotErrorIs(t, err, jushuitan.ErrNoToken, what)
				assert.NotContains(t, err.Error(), "canary", what)
				assert.NotContains(t, err.Error(), "12345678", what)
			}
			require.NoError(t, s.Delete(t.Context(), key))
			_, err = s.Load(t.Context(), key)
			require.ErrorIs(t, err, jushuitan.ErrNoToken)
			_, ok, err = s.CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
			require.NoError(t, err)
			require.True(t, ok)
			got, err = s.Load(t.Context(), other)
			require.NoError(t, err)
			assert.EqualValues(t, 5, got.Version)
		})
	}
}

func TestFileTokenStoreBadPaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, path := range map[string]string{"none": "", "a directory": dir, "below a file": filepath.Join(file, "tokens.json")} {
		_, err := jushuitan.NewFileTokenStore(path)
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), path, name)
	}
	_, _, err := openTokenFile(t, filepath.Join(dir, "tokens.json")).CompareAndSwap(
		t.Context(), jushuitan.TokenKey{Merchant: "\xff"}, jushuitan.Token{}, canaryToken())
	assert.ErrorContains(t, err, "UTF-8")
}

// What a crash in the middle of a write leaves behind does no harm.
func TestFileTokenStoreAfterCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	s := openTokenFile(t, path)
	first, _, err := s.CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".new", []byte(`{"format":1,"tok`), 0o644))
	got, err := openTokenFile(t, path).Load(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, canaryAccess, got.AccessToken)
	_, ok, err := s.CompareAndSwap(t.Context(), key, first, canaryToken())
	require.NoError(t, err)
	assert.True(t, ok)
	assert.NoFileExists(t, path+".new")
}

// Two names of one file are one store, and a link stays a link.
func TestFileTokenStoreThroughLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "tokens.json"), filepath.Join(dir, "link.json")
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	_, _, err := openTokenFile(t, path).CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	if err := os.Symlink(path, link); err != nil {
		t.Logf("no symbolic links here: %v", err)
		return
	}
	_, ok, err := openTokenFile(t, link).CompareAndSwap(t.Context(), key, jushuitan.Token{Version: 1}, canaryToken())
	require.NoError(t, err)
	assert.True(t, ok)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)
	got, err := openTokenFile(t, path).Load(t.Context(), key)
	require.NoError(t, err)
	assert.EqualValues(t, 2, got.Version)
}

const (
	tokenChildPath = "JUSHUITAN_TEST_TOKEN_FILE"
	tokenChildWork = "JUSHUITAN_TEST_TOKEN_WORK"
	tokenSwaps     = 20
)

// TestFileTokenStoreChild is not a test: the tests below run it as a process.
func TestFileTokenStoreChild(t *testing.T) {
	path := os.Getenv(tokenChildPath)
	if path == "" {
		return
	}
	s := openTokenFile(t, path)
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	switch os.Getenv(tokenChildWork) {
	case "swap":
		var current jushuitan.Token
		for range tokenSwaps {
			for ok := false; !ok; {
				var err error
				current, ok, err = s.CompareAndSwap(t.Context(), key, current, canaryToken())
				require.NoError(t, err)
			}
		}
	case "die": // in the middle of a change
		release, err := jushuitan.LockTokenFileForTest(path)
		require.NoError(t, err)
		defer release()
		require.NoError(t, os.WriteFile(path+".new", []byte(`{"form`), 0o600))
		process, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, process.Kill())
		select {}
	}
}

func tokenChild(t *testing.T, path, work string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFileTokenStoreChild$", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), tokenChildPath+"="+path, tokenChildWork+"="+work)
	return cmd
}

func TestFileTokenStoreAmongProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	children := []*exec.Cmd{tokenChild(t, path, "swap"), tokenChild(t, path, "swap"), tokenChild(t, path, "swap")}
	outputs := make([]bytes.Buffer, len(children))
	for i, c := range children {
		c.Stdout, c.Stderr = &outputs[i], &outputs[i]
		require.NoError(t, c.Start())
	}
	for i, c := range children {
		require.NoError(t, c.Wait(), "%s", &outputs[i])
	}
	got, err := openTokenFile(t, path).Load(t.Context(), jushuitan.TokenKey{AppKey: "app", Merchant: "m"})
	require.NoError(t, err)
	assert.EqualValues(t, len(children)*tokenSwaps, got.Version)
}

func TestFileTokenStoreLockEndsWithItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	out, err := tokenChild(t, path, "die").CombinedOutput()
	require.Error(t, err, "%s", out)
	require.FileExists(t, path+".new", "it died holding the lock: %s", out)
	_, ok, err := openTokenFile(t, path).CompareAndSwap(t.Context(), jushuitan.TokenKey{}, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	assert.True(t, ok)
}

// waitingContext says when it is being waited for.
type waitingContext struct {
	context.Context
	waits chan struct{}
}

func (c waitingContext) Done() <-chan struct{} {
	select {
	case c.waits <- struct{}{}:
	default:
	}
	return c.Context.Done()
}

func TestFileTokenStoreWaitEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	s := openTokenFile(t, path)
	release, err := jushuitan.LockTokenFileForTest(path)
	require.NoError(t, err)
	defer release()
	openTokenFile(t, path) // opening does not wait
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	swap := func(waits int) (failed chan error) {
		failed = make(chan error, 1)
		waiting := waitingContext{ctx, make(chan struct{}, 100)}
		go func() {
			_, _, err := s.CompareAndSwap(waiting, jushuitan.TokenKey{}, jushuitan.Token{}, canaryToken())
			failed <- err
		}()
		for range waits {
			select {
			case <-waiting.waits:
			case err := <-failed:
				t.Fatal("did not wait:", err)
			}
		}
		return failed
	}
	forLock := swap(4) // its turn comes at once, then it asks for the lock again and again
	forTurn := swap(1)
	if runtime.GOOS != "windows" { // readers do not wait
		_, err = s.Load(t.Context(), jushuitan.TokenKey{})
		require.ErrorIs(t, err, jushuitan.ErrNoToken)
	}
	began := time.Now()
	cancel()
	err = <-forLock
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), "lock")
	err = <-forTurn
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), "turn")
	assert.Less(t, time.Since(began), 2*time.Second)
	release()
	_, ok, err := s.CompareAndSwap(t.Context(), jushuitan.TokenKey{}, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	assert.True(t, ok)
}

// A change that cannot be written is an error, and the file stays as it was.
func TestFileTokenStoreCannotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	key := jushuitan.TokenKey{AppKey: "app", Merchant: "m"}
	s := openTokenFile(t, path)
	first, _, err := s.CompareAndSwap(t.Context(), key, jushuitan.Token{}, canaryToken())
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700))
	_, ok, err := s.CompareAndSwap(t.Context(), key, first, jushuitan.Token{AccessToken: "next"})
	require.ErrorContains(t, err, "tokens.json")
	assert.False(t, ok)
	require.ErrorContains(t, s.Delete(t.Context(), key), "tokens.json")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}
