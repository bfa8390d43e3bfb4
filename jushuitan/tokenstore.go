package jushuitan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dianjia/jushuitan-go/internal/wire"
)

// ErrNoToken is what [TokenStore.Load] returns for a merchant without a token.
var ErrNoToken = errors.New("no token stored")

// Token is what Jushuitan grants a merchant (令牌).
//
// Printed with any verb of fmt, logged with slog or marshalled to JSON it shows
// masked values only: the last 4 characters of tokens of 16 and more, else "***".
// It therefore cannot be read back from JSON; a store saves the fields one by one.
// Two gaps are left that no method can close: fmt and slog print a struct that holds
// a Token in an unexported field without asking the Token, and so does the verb %w,
// which is for errors only (go vet reports it).
type Token struct {
	AccessToken  string    // access_token
	RefreshToken string    // refresh_token 刷新令牌, "" if none was given
	ExpiresAt    time.Time // end of AccessToken's life 过期时间; zero: unknown or never
	Scope        string    // scope, "all"
	Version      int64     // set by the store: 0 = not stored, one more with every change
}

// TokenKey says whose token it is: one app serves many merchants.
type TokenKey struct {
	AppKey   string
	Merchant string // 商家, the host's own name for it, such as entId
}

// TokenStore keeps tokens (令牌存储), shared by every process that serves the app.
// Its methods are called by many goroutines at a time. Package jushuitantest has a
// conformance test for it, TestTokenStore.
//
// A store may also have a method Delete(ctx, key) error, for a merchant that left;
// deleting what is not there is no error.
type TokenStore interface {
	// Load returns an error that is ErrNoToken when there is none.
	Load(ctx context.Context, key TokenKey) (Token, error)
	// CompareAndSwap stores next under the version after old's if the stored
	// version is still old.Version, 0 meaning that nothing is stored; the first
	// version is 1, or after Delete any that was not used before, if the store can
	// tell. Other fields of old, and next.Version, do not count. It returns what is
	// stored now, with its version: next if ok, else the token of whoever was first,
	// or the zero Token if there is none. Losing is no error.
	//
	// It must be atomic among all processes, and must have made next durable before
	// it returns: the token may be the only one that is still valid.
	CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (current Token, ok bool, err error)
}

// TokenLeaser is an optional interface of a [TokenStore], found by type assertion.
// With it a token is renewed once (单次续期), however many processes find it expired:
// compare-and-swap alone lets each of them ask the server, which may end the tokens
// of all but one.
type TokenLeaser interface {
	// Lease waits until the caller alone may renew the key's token or until the stored
	// version is no longer old.Version, 0 meaning that nothing is stored; the caller
	// loads it again in either case. It fails when ctx ends. When err is nil, release
	// is not nil and must be called once the renewed token is stored or the renewal
	// has failed. The right of a process that died must end by itself.
	Lease(ctx context.Context, key TokenKey, old Token) (release func(), err error)
}

// maskToken shows at most the last 4 characters of a secret.
func maskToken(secret string) string {
	if secret == "" {
		return ""
	}
	if r := []rune(secret); len(r) >= 16 {
		return "***" + string(r[len(r)-4:])
	}
	return "***"
}

func (t Token) expiry() string {
	if t.ExpiresAt.IsZero() {
		return "never"
	}
	return t.ExpiresAt.In(wire.CST).Format(time.RFC3339)
}

// String shows the token masked.
func (t Token) String() string {
	return fmt.Sprintf("Token{AccessToken:%s RefreshToken:%s ExpiresAt:%s Scope:%s Version:%d}",
		maskToken(t.AccessToken), maskToken(t.RefreshToken), t.expiry(), t.Scope, t.Version)
}

// GoString shows the token masked.
func (t Token) GoString() string { return t.String() }

// Format shows the token masked, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue shows the token masked.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("access_token", maskToken(t.AccessToken)),
		slog.String("refresh_token", maskToken(t.RefreshToken)),
		slog.String("expires_at", t.expiry()),
		slog.String("scope", t.Scope),
		slog.Int64("version", t.Version),
	)
}

// MarshalJSON shows the token masked, since loggers marshal what they are given.
func (t Token) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresAt    string `json:"expires_at"`
		Scope        string `json:"scope"`
		Version      int64  `json:"version"`
	}{maskToken(t.AccessToken), maskToken(t.RefreshToken), t.expiry(), t.Scope, t.Version})
}

// UnmarshalJSON refuses, so that a store which marshals Tokens as they are is
// noticed at once and not when the server refuses "***".
func (*Token) UnmarshalJSON([]byte) error {
	return errors.New("jushuitan: a Token is masked in JSON and cannot be read back; store its fields one by one" +
		" / Token 的 JSON 已脱敏，不能还原，请逐个字段存取")
}

// checkToken refuses what no store should keep.
func checkToken(t Token) error {
	if t.AccessToken == "" {
		return errors.New("jushuitan: a token without access token is not stored / access_token 为空，不予保存")
	}
	return nil
}

// MemoryTokenStore keeps tokens in memory: for tests and for single processes that
// may lose them. See [NewMemoryTokenStore].
type MemoryTokenStore struct {
	mu     sync.Mutex
	tokens map[TokenKey]*Token
	floor  int64 // highest version ever deleted: versions never come back
}

// NewMemoryTokenStore returns an empty store. Two processes that each have one
// renew without knowing of each other and may end each other's tokens.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{tokens: make(map[TokenKey]*Token)}
}

// Load implements [TokenStore].
func (s *MemoryTokenStore) Load(ctx context.Context, key TokenKey) (Token, error) {
	if err := ctx.Err(); err != nil {
		return Token{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[key]; t != nil {
		return *t, nil
	}
	return Token{}, ErrNoToken
}

// CompareAndSwap implements [TokenStore].
func (s *MemoryTokenStore) CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (Token, bool, error) {
	if err := cmp.Or(ctx.Err(), checkToken(next)); err != nil {
		return Token{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var current Token
	version := s.floor
	if t := s.tokens[key]; t != nil {
		current, version = *t, t.Version
	}
	if current.Version != old.Version {
		return current, false, nil
	}
	next.Version = version + 1
	next.ExpiresAt = next.ExpiresAt.Round(0) // no monotonic reading, as if read back
	s.tokens[key] = &next
	return next, true, nil
}

// Delete forgets the token of a merchant that left. It is no error if there is none.
func (s *MemoryTokenStore) Delete(ctx context.Context, key TokenKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[key]; t != nil {
		s.floor = max(s.floor, t.Version)
		delete(s.tokens, key)
	}
	return nil
}

// Format shows no tokens, whatever the verb.
func (s *MemoryTokenStore) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "MemoryTokenStore") }

// FileTokenStore keeps tokens in one file, shared by the processes of one machine.
// See [NewFileTokenStore].
type FileTokenStore struct {
	path string
	turn chan struct{} // one operation at a time within the process; a channel, to heed contexts
}

// The file's layout.
type (
	tokenFile struct {
		Format int            `json:"format"` // tokenFileFormat
		Floor  int64          `json:"floor"`  // highest version ever deleted: versions never come back
		Tokens []tokenFileRow `json:"tokens"` // sorted by key
	}
	tokenFileRow struct {
		AppKey       string `json:"app_key"`
		Merchant     string `json:"merchant"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token,omitzero"`
		ExpiresAt    string `json:"expires_at,omitzero"` // RFC 3339, absent: unknown or never
		Scope        string `json:"scope,omitzero"`
		Version      int64  `json:"version"`
	}
)

const (
	tokenFileFormat = 1
	tokenFileMax    = 64 << 20
)

// tokenTable is the file in memory.
type tokenTable struct {
	floor  int64
	tokens map[TokenKey]Token
}

// NewFileTokenStore opens the token file at path, or prepares to make it with the
// first token; missing directories are made with mode 0700.
//
// The tokens in it are plain text. Whoever can read the file can act for the
// merchants: it has mode 0600, and a file found with more is set back to 0600
// (Windows: keep it in a directory of the service's own account). Where that is not
// enough, implement [TokenStore] on a secret manager or an encrypted database
// column.
// 文件中的令牌是明文，请限制目录权限；要求加密时请用密钥管理服务或加密数据库字段实现 TokenStore。
//
// Several stores and processes may use one path at a time: changes are made under
// an operating system lock on a second file, path + ".lock", which ends with its
// holder and is left in place. The file is replaced by an atomic rename after fsync,
// so that a crash leaves the old or the new one. A file that cannot be read, an
// empty one too, is an error that names the path; it is never taken for an empty
// store, and never overwritten. Waiting for the lock ends with the context.
//
// Every call reads the whole file and every change writes it: fit for a few hundred
// merchants. The path should be on a local disk. Linux, macOS, the BSDs, illumos
// and Windows are supported.
func NewFileTokenStore(path string) (*FileTokenStore, error) {
	s := &FileTokenStore{turn: make(chan struct{}, 1)}
	if path == "" {
		return nil, errors.New("jushuitan: token file: no path given / 未指定令牌文件路径")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("jushuitan: token file %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return nil, fmt.Errorf("jushuitan: token file %s: %w", abs, err)
	}
	// Two names of one file must have one lock, and a rename would replace a link.
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return nil, fmt.Errorf("jushuitan: token file %s: %w", abs, err)
	}
	s.path = filepath.Join(dir, filepath.Base(abs))
	if target, err := filepath.EvalSymlinks(s.path); err == nil {
		s.path = target
	}
	if info, err := os.Stat(s.path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("jushuitan: token file %s: not a regular file / 不是普通文件", s.path)
	}
	// Find out now, not at the first renewal, that locks or the file do not work.
	lock, ok, err := lockTokenFile(s.path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("jushuitan: token file %s: lock: %w", s.path, err)
	}
	if !ok { // somebody else is at work, so it works
		return s, nil
	}
	defer lock.Close()
	if _, err := s.read(); err != nil {
		return nil, err
	}
	return s, nil
}

// Load implements [TokenStore].
func (s *FileTokenStore) Load(ctx context.Context, key TokenKey) (Token, error) {
	table, done, err := s.open(ctx, tokenFileReadLock)
	if err != nil {
		return Token{}, err
	}
	defer done()
	if t, ok := table.tokens[key]; ok {
		return t, nil
	}
	return Token{}, ErrNoToken
}

// CompareAndSwap implements [TokenStore].
func (s *FileTokenStore) CompareAndSwap(ctx context.Context, key TokenKey, old, next Token) (Token, bool, error) {
	if err := checkToken(next); err != nil {
		return Token{}, false, err
	}
	for _, text := range []string{key.AppKey, key.Merchant, next.AccessToken, next.RefreshToken, next.Scope} {
		if !utf8.ValidString(text) { // JSON would change it
			return Token{}, false, fmt.Errorf("jushuitan: token file %s: key or token is not valid UTF-8 / 键或令牌不是有效的 UTF-8", s.path)
		}
	}
	table, done, err := s.open(ctx, true)
	if err != nil {
		return Token{}, false, err
	}
	defer done()
	current, found := table.tokens[key]
	if current.Version != old.Version {
		return current, false, nil
	}
	version := current.Version
	if !found {
		version = table.floor
	}
	next.Version = version + 1
	if !next.ExpiresAt.IsZero() {
		next.ExpiresAt = next.ExpiresAt.Round(0).In(wire.CST)
	}
	table.tokens[key] = next
	if err := s.write(table); err != nil {
		return Token{}, false, err
	}
	return next, true, nil
}

// Delete forgets the token of a merchant that left. It is no error if there is none.
func (s *FileTokenStore) Delete(ctx context.Context, key TokenKey) error {
	table, done, err := s.open(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	current, found := table.tokens[key]
	if !found {
		return nil
	}
	table.floor = max(table.floor, current.Version)
	delete(table.tokens, key)
	return s.write(table)
}

// open takes the turn, and the lock if the file is to be changed or this system
// cannot replace a file that is being read, and reads the file.
func (s *FileTokenStore) open(ctx context.Context, lock bool) (_ tokenTable, done func(), err error) {
	if err := ctx.Err(); err != nil {
		return tokenTable{}, nil, err
	}
	if !lock {
		table, err := s.read()
		return table, func() {}, err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return tokenTable{}, nil, fmt.Errorf("jushuitan: token file %s: waiting for its turn: %w", s.path, ctx.Err())
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		<-s.turn
		return tokenTable{}, nil, err
	}
	done = func() {
		_ = unlock.Close()
		<-s.turn
	}
	table, err := s.read()
	if err != nil {
		done()
		return tokenTable{}, nil, err
	}
	return table, done, nil
}

// lock asks for the lock of all processes until it gets it or ctx ends.
func (s *FileTokenStore) lock(ctx context.Context) (io.Closer, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		lock, ok, err := lockTokenFile(s.path + ".lock")
		if err != nil {
			return nil, fmt.Errorf("jushuitan: token file %s: lock: %w", s.path, err)
		}
		if ok {
			return lock, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("jushuitan: token file %s: waiting for the lock: %w", s.path, ctx.Err())
		}
	}
}

// read reads the file; one that does not exist is an empty store.
func (s *FileTokenStore) read() (tokenTable, error) {
	table := tokenTable{tokens: make(map[TokenKey]Token)}
	data, err := s.readAll()
	if errors.Is(err, fs.ErrNotExist) {
		return table, nil
	}
	if err != nil {
		return table, fmt.Errorf("jushuitan: token file %s: %w", s.path, err)
	}
	if err := table.decode(data); err != nil {
		return table, fmt.Errorf("jushuitan: token file %s is damaged: %w; restore it, or remove it and authorise the merchants again"+
			" / 令牌文件已损坏，请恢复备份，或删除后让商家重新授权", s.path, err)
	}
	return table, nil
}

func (s *FileTokenStore) readAll() ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if runtime.GOOS != "windows" { // where the mode says nothing about others
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			if err := f.Chmod(0o600); err != nil {
				return nil, fmt.Errorf("others can read it, and its mode cannot be set to 0600: %w", err)
			}
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, tokenFileMax+1))
	if err == nil && len(data) > tokenFileMax {
		err = fmt.Errorf("larger than %d bytes", tokenFileMax)
	}
	return data, err
}

// decode reads the file's text. Its errors quote nothing from it: it holds tokens.
func (t *tokenTable) decode(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	var file tokenFile
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&file); err != nil {
		return fmt.Errorf("not a token file, from byte %d on", dec.InputOffset())
	}
	if file.Format != tokenFileFormat {
		return fmt.Errorf("its format is %d, this version reads %d", file.Format, tokenFileFormat)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the tokens, from byte %d on", dec.InputOffset())
	}
	t.floor = file.Floor
	for i, row := range file.Tokens {
		key := TokenKey{AppKey: row.AppKey, Merchant: row.Merchant}
		if _, twice := t.tokens[key]; twice {
			return fmt.Errorf("row %d repeats a merchant", i)
		}
		if row.AccessToken == "" || row.Version <= 0 {
			return fmt.Errorf("row %d has no access token or no version", i)
		}
		var at time.Time
		if row.ExpiresAt != "" {
			var err error
			if at, err = time.Parse(time.RFC3339Nano, row.ExpiresAt); err != nil {
				return fmt.Errorf("row %d: expires_at is not a time", i)
			}
			at = at.In(wire.CST)
		}
		t.tokens[key] = Token{
			AccessToken: row.AccessToken, RefreshToken: row.RefreshToken, ExpiresAt: at, Scope: row.Scope, Version: row.Version,
		}
	}
	return nil
}

func (t *tokenTable) encode() ([]byte, error) {
	file := tokenFile{Format: tokenFileFormat, Floor: t.floor, Tokens: []tokenFileRow{}}
	for _, key := range slices.SortedFunc(maps.Keys(t.tokens), func(a, b TokenKey) int {
		return cmp.Or(cmp.Compare(a.AppKey, b.AppKey), cmp.Compare(a.Merchant, b.Merchant))
	}) {
		tok := t.tokens[key]
		row := tokenFileRow{
			AppKey: key.AppKey, Merchant: key.Merchant,
			AccessToken: tok.AccessToken, RefreshToken: tok.RefreshToken, Scope: tok.Scope, Version: tok.Version,
		}
		if !tok.ExpiresAt.IsZero() {
			row.ExpiresAt = tok.ExpiresAt.In(wire.CST).Format(time.RFC3339Nano)
		}
		file.Tokens = append(file.Tokens, row)
	}
	data, err := json.MarshalIndent(file, "", "  ")
	return append(data, '\n'), err
}

// write replaces the file. The caller holds the lock, so the name of the new one
// can be fixed, and what a crash left under it is cleared away here.
func (s *FileTokenStore) write(table tokenTable) error {
	data, err := table.encode()
	if err != nil {
		return fmt.Errorf("jushuitan: token file %s: %w", s.path, err)
	}
	next := s.path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("jushuitan: token file %s: %w", s.path, err)
	}
	if err := writeNewFile(next, data); err != nil {
		_ = os.Remove(next)
		return fmt.Errorf("jushuitan: token file %s: %w", s.path, err)
	}
	if err := os.Rename(next, s.path); err != nil {
		_ = os.Remove(next)
		return fmt.Errorf("jushuitan: token file %s: %w", s.path, err)
	}
	// The change is made and seen by all. Where directories cannot be synced, only
	// its survival of a power cut within moments is uncertain.
	if dir, err := os.Open(filepath.Dir(s.path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// writeNewFile makes a file that must not exist, and sees it to the disk.
func writeNewFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return cmp.Or(err, f.Close())
}
