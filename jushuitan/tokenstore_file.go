package jushuitan

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// FileTokenStore keeps tokens in one file, shared by the processes of one machine.
// See [NewFileTokenStore].
type FileTokenStore struct {
	path string
	turn chan struct{} // one operation at a time within the process; a channel, to heed contexts
}

// The file's layout.
type (
	tokenFile struct {
		Format int               `json:"format"` // tokenFileFormat
		Floor  int64             `json:"floor"`  // highest version ever deleted: versions never come back
		Tokens []json.RawMessage `json:"tokens"` // of [tokenFileRow], sorted by key; damaged ones first
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
	floor   int64
	tokens  map[TokenKey]Token
	damaged []damagedRow // in the order of the file
}

// damagedRow is a row that cannot be read. It is kept as it is until its merchant's token
// is deleted.
type damagedRow struct {
	key     TokenKey // as far as it can be read
	version int64    // likewise
	why     error
	text    json.RawMessage
}

// damage returns why the row of a key cannot be read, or nil.
func (t *tokenTable) damage(key TokenKey) error {
	for _, row := range t.damaged {
		if row.key == key {
			return row.why
		}
	}
	return nil
}

// NewFileTokenStore opens the token file at path, or creates it when the first token is
// stored. Missing directories are created with mode 0700.
//
// The tokens in the file are plain text, and whoever can read them can act for the
// merchants. The file has mode 0600; a wider mode is reset to 0600 (on Windows, keep it
// in a directory of the service's own account). If that is not enough, implement
// [TokenStore] with a secret manager or an encrypted database column.
// 文件中的令牌是明文，请限制目录权限；要求加密时请用密钥管理服务或加密数据库字段实现 TokenStore。
//
// Several stores and processes may use one path at the same time: changes hold an
// operating system lock on a second file, path + ".lock", which is released when its
// holder ends and is never removed. The file is replaced by an atomic rename after fsync,
// so that a crash leaves the old or the new one. A file that cannot be read or decoded,
// even an empty one, is an error that names the path; it is never taken for an empty
// store and never overwritten. A damaged entry is an error for its merchant only, and is
// kept until Delete removes it. Waiting for a lock ends with the context.
//
// If several processes find a token expired, one of them renews it, see
// [FileTokenStore.Lease].
//
// Every call reads the whole file and every change writes it, which suits a few hundred
// merchants. The path should be on a local disk. Linux, macOS, the BSDs, illumos and
// Windows are supported.
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
	// Two paths of one file must share one lock, and a rename would replace a symbolic link.
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
	// Fail now, not at the first renewal, if locks or the file do not work.
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
	if why := table.damage(key); why != nil {
		return Token{}, s.damagedRow(key, why)
	}
	return Token{}, ErrNoToken
}

func (s *FileTokenStore) damagedRow(key TokenKey, why error) error {
	return fmt.Errorf("jushuitan: token file %s: the entry of merchant %q is damaged: %w; restore it, or remove it with Delete and"+
		" authorise the merchant again / 该商家的令牌记录已损坏，请恢复备份，或删除后让商家重新授权", s.path, key.Merchant, why)
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
	if why := table.damage(key); why != nil {
		return Token{}, false, s.damagedRow(key, why)
	}
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

// Delete deletes the token of a merchant that left. It is not an error if there is none.
func (s *FileTokenStore) Delete(ctx context.Context, key TokenKey) error {
	table, done, err := s.open(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	current, found := table.tokens[key]
	if !found && table.damage(key) == nil {
		return nil
	}
	table.floor = max(table.floor, current.Version)
	delete(table.tokens, key)
	table.damaged = slices.DeleteFunc(table.damaged, func(row damagedRow) bool {
		if row.key != key {
			return false
		}
		table.floor = max(table.floor, row.version)
		return true
	})
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

// lock tries to acquire the lock shared by all processes until it succeeds or ctx ends.
func (s *FileTokenStore) lock(ctx context.Context) (io.Closer, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		lock, ok, err := lockTokenFile(s.path + ".lock")
		if err != nil {
			return nil, fmt.Errorf("jushuitan: token file %s: lock: %w", s.path, err)
		}
		if ok {
			return lock, nil
		}
		if err := pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("jushuitan: token file %s: waiting for the lock: %w", s.path, err)
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
	rows := make(map[TokenKey]int, len(file.Tokens))
	for _, text := range file.Tokens {
		key, _, _ := decodeRow(text)
		rows[key]++
	}
	for i, text := range file.Tokens {
		key, tok, why := decodeRow(text)
		if why == nil && rows[key] > 1 { // which one is right is unknown
			why = errors.New("the merchant has several rows")
		}
		if why != nil {
			t.damaged = append(t.damaged, damagedRow{key, tok.Version, fmt.Errorf("row %d: %w", i, why), text})
			continue
		}
		t.tokens[key] = tok
	}
	return nil
}

// decodeRow returns the key of a row as far as it can be read, and its token.
func decodeRow(text []byte) (TokenKey, Token, error) {
	var key struct {
		AppKey   string `json:"app_key"`
		Merchant string `json:"merchant"`
	}
	_ = json.Unmarshal(text, &key) // an error leaves empty what it could not read
	var row tokenFileRow
	if json.Unmarshal(text, &row) != nil {
		return TokenKey(key), Token{}, errors.New("a field has another type")
	}
	tok := Token{AccessToken: row.AccessToken, RefreshToken: row.RefreshToken, Scope: row.Scope, Version: row.Version}
	if tok.AccessToken == "" || tok.Version <= 0 {
		return TokenKey(key), tok, errors.New("no access token or no version")
	}
	if row.ExpiresAt != "" {
		var err error
		if tok.ExpiresAt, err = wire.ParseStored(row.ExpiresAt); err != nil {
			return TokenKey(key), tok, fmt.Errorf("expires_at: %w", err)
		}
	}
	return TokenKey(key), tok, nil
}

func (t *tokenTable) encode() ([]byte, error) {
	file := tokenFile{Format: tokenFileFormat, Floor: t.floor, Tokens: []json.RawMessage{}}
	for _, row := range t.damaged {
		file.Tokens = append(file.Tokens, row.text)
	}
	for _, key := range slices.SortedFunc(maps.Keys(t.tokens), func(a, b TokenKey) int {
		return cmp.Or(cmp.Compare(a.AppKey, b.AppKey), cmp.Compare(a.Merchant, b.Merchant))
	}) {
		tok := t.tokens[key]
		row := tokenFileRow{
			AppKey: key.AppKey, Merchant: key.Merchant,
			AccessToken: tok.AccessToken, RefreshToken: tok.RefreshToken, Scope: tok.Scope, Version: tok.Version,
		}
		if !tok.ExpiresAt.IsZero() {
			var err error
			if row.ExpiresAt, err = wire.FormatStored(tok.ExpiresAt); err != nil {
				return nil, err
			}
		}
		text, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		file.Tokens = append(file.Tokens, text)
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

// writeNewFile creates a file that must not exist, and syncs it to disk.
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

var _ TokenLeaser = (*FileTokenStore)(nil)

// leaseFiles limits the number of files that renewals leave beside the token file. Merchants
// that share one wait for each other.
const leaseFiles = 64

// The waits between attempts to acquire a lease that another process holds.
const (
	leaseFirst = 2 * time.Millisecond
	leaseMost  = 50 * time.Millisecond
)

// Lease implements [TokenLeaser] among the processes of one machine. The lease is an
// operating system lock on a file beside the token file (path + ".renew-" and a number, 64
// of them at most, left in place), which ends with its holder.
func (s *FileTokenStore) Lease(ctx context.Context, key TokenKey, old Token) (release func(), err error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", key.AppKey, key.Merchant))
	path := fmt.Sprintf("%s.renew-%02d", s.path, sum[0]%leaseFiles)
	for wait := leaseFirst; ; wait = min(2*wait, leaseMost) {
		current, err := s.Load(ctx, key)
		if err != nil && !errors.Is(err, ErrNoToken) {
			return nil, err
		}
		if current.Version != old.Version { // somebody else has renewed it
			return func() {}, nil
		}
		lock, ok, err := lockTokenFile(path)
		if err != nil {
			return nil, fmt.Errorf("jushuitan: token file %s: renewal lease: %w", s.path, err)
		}
		if ok {
			return sync.OnceFunc(func() { _ = lock.Close() }), nil
		}
		if err := pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("jushuitan: token file %s: waiting for another process that renews the token: %w", s.path, err)
		}
	}
}

// pause waits for d, or fails when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
