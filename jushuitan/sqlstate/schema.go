package sqlstate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// versions are the statements that lead from each version of the schema to the next. They
// never change once released; each is safe to repeat, since MySQL commits DDL at once.
//
// Every column moves is a counter that each change of its row increments: MySQL does not
// count rows that an update leaves as they are, and an update can require that nobody has
// changed the row since it was read.
var versions = [][]string{{
	`CREATE TABLE IF NOT EXISTS {token} (
	app       {name} NOT NULL,
	merchant  {name} NOT NULL,
	version   BIGINT NOT NULL,             -- of the last token, which may be deleted
	content   {blob},                      -- sealed; NULL: there is none
	owner     {name} NOT NULL,             -- of the lease; '': none
	ends      BIGINT NOT NULL,             -- of the lease
	changed   BIGINT NOT NULL,
	moves     BIGINT NOT NULL,
	PRIMARY KEY (app, merchant)
){engine}`,
	`CREATE TABLE IF NOT EXISTS {seen} (
	id        {name} NOT NULL PRIMARY KEY, -- names a document
	said      {name} NOT NULL,             -- state that was handled last
	memory    {blob} NOT NULL,
	known     BIGINT NOT NULL,             -- until when both are remembered
	owner     {name} NOT NULL,            -- of the claim; '': none
	ends      BIGINT NOT NULL,             -- of the claim
	moves     BIGINT NOT NULL
){engine}`,
	`CREATE TABLE IF NOT EXISTS {checkpoint} (
	app       {name} NOT NULL,
	merchant  {name} NOT NULL,
	stream    {name} NOT NULL,
	head      {blob},                      -- JSON without the rows that are done; NULL: never saved
	done      {blob},                      -- JSON of these, as of the last whole save
	floor     BIGINT NOT NULL,             -- rows that are done below this mark do not count
	fence     BIGINT NOT NULL,             -- of the last lease
	owner     {name} NOT NULL,
	ends      BIGINT NOT NULL,
	used      BIGINT NOT NULL,
	moves     BIGINT NOT NULL,
	PRIMARY KEY (app, merchant, stream)
){engine}`,
	`CREATE TABLE IF NOT EXISTS {checkpoint_row} (
	app       {name} NOT NULL,
	merchant  {name} NOT NULL,
	stream    {name} NOT NULL,
	id        {name} NOT NULL,             -- hash of entry
	entry     {blob} NOT NULL,
	mark      BIGINT NOT NULL,
	moves     BIGINT NOT NULL,
	PRIMARY KEY (app, merchant, stream, id)
){engine}`,
	`CREATE TABLE IF NOT EXISTS {command} (
	id        {serial},                    -- the sequence
	app       {name} NOT NULL,
	merchant  {name} NOT NULL,
	document  {name} NOT NULL,             -- commands of one keep their order; '': none
	operation {name} NOT NULL,
	payload   {blob} NOT NULL,             -- sealed
	state     SMALLINT NOT NULL,           -- 0 waiting 1 unsettled 2 unknown 3 buried 4 done 5 dropped
	attempts  BIGINT NOT NULL,
	reason    {text} NOT NULL,             -- of the last failure
	created   BIGINT NOT NULL,
	due       BIGINT NOT NULL,             -- not before
	began     BIGINT NOT NULL,             -- first sent; 0: nothing of it is unsettled
	ended     BIGINT NOT NULL,             -- last returned; 0: it has not
	changed   BIGINT NOT NULL,
	moves     BIGINT NOT NULL
){engine}`,
	`CREATE INDEX {command}_state ON {command} (app, merchant, state, id)`,
	`CREATE INDEX {command}_document ON {command} (app, merchant, document, id)`,
	`CREATE TABLE IF NOT EXISTS {drain} (
	app       {name} NOT NULL,
	merchant  {name} NOT NULL,
	fence     BIGINT NOT NULL,
	owner     {name} NOT NULL,
	ends      BIGINT NOT NULL,
	moves     BIGINT NOT NULL,
	PRIMARY KEY (app, merchant)
){engine}`,
}}

const schemaTable = `CREATE TABLE IF NOT EXISTS {schema} (
	version   BIGINT NOT NULL PRIMARY KEY, -- of the tables of package sqlstate
	applied   BIGINT NOT NULL
){engine}`

// SchemaVersion is the version of the tables that this version of the package uses.
const SchemaVersion = 1

// Schema returns the statements that create the tables, in order, to be reviewed or applied
// by the tools of the host (建表语句). Whoever applies them instead of [State.Migrate] also
// inserts [SchemaVersion] into the table schema, as the last statement does.
func Schema(d Dialect, prefix string) ([]string, error) {
	if d < PostgreSQL || d > SQLite || !prefixForm.MatchString(prefix) {
		return nil, fmt.Errorf("sqlstate: schema: unknown dialect %s, or invalid prefix %q / 方言或表前缀无效", d, prefix)
	}
	write := d.writer(prefix)
	out := []string{write(schemaTable)}
	for i, statements := range versions {
		for _, text := range statements {
			out = append(out, statement(d, prefix, text))
		}
		out = append(out, write(fmt.Sprintf("INSERT INTO {schema} (version, applied) VALUES (%d, {now})", i+1)))
	}
	return out, nil
}

// statement writes a statement of the schema. The name of an index has no schema of its own
// in PostgreSQL and MySQL, and MySQL has no IF NOT EXISTS for indexes.
func statement(d Dialect, prefix, text string) string {
	const create = "CREATE INDEX {command}"
	if rest, ok := strings.CutPrefix(text, create); ok {
		bare := prefix[strings.LastIndex(prefix, ".")+1:]
		text = "CREATE INDEX " + bare + "command" + rest
		if d != MySQL {
			text = strings.Replace(text, "CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1)
		}
	}
	return d.writer(prefix)(text)
}

// Migrate creates the tables, or brings those of an earlier version up to date (建表与升级).
// Any number of processes may call it at once: one works and the others wait. It never
// deletes data. A schema that is newer than this package is an error, so that an older
// process does not write to tables that it does not understand.
func (s *State) Migrate(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err == nil {
		defer func() { _ = conn.Close() }()
		err = s.locked(ctx, conn, func() error { return s.migrate(ctx, conn) })
	}
	if err != nil {
		return fmt.Errorf("sqlstate: migrate: %w", cause(ctx, err))
	}
	return nil
}

func (s *State) migrate(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, s.q(schemaTable)); err != nil {
		return err
	}
	var present sql.NullInt64
	if err := conn.QueryRowContext(ctx, s.q("SELECT MAX(version) FROM {schema}")).Scan(&present); err != nil {
		return err
	}
	if present.Int64 > SchemaVersion {
		return fmt.Errorf("the schema has version %d, this package knows %d: deploy the newer version of the program / 表结构版本高于当前程序，请升级程序",
			present.Int64, SchemaVersion)
	}
	for v := present.Int64; v < SchemaVersion; v++ {
		for _, text := range versions[v] {
			_, err := conn.ExecContext(ctx, statement(s.cfg.Dialect, s.cfg.Prefix, text))
			if err != nil && !(s.cfg.Dialect == MySQL && strings.Contains(err.Error(), "Error 1061")) { // the index exists
				return fmt.Errorf("version %d: %w", v+1, err)
			}
		}
		if _, err := conn.ExecContext(ctx, s.q("INSERT INTO {schema} (version, applied) VALUES (?, {now})"), v+1); err != nil {
			return err
		}
	}
	return nil
}

// migrateLock is the number of the advisory lock of PostgreSQL.
const migrateLock = 0x6a73745f73716c

// locked runs f while no other process migrates.
func (s *State) locked(ctx context.Context, conn *sql.Conn, f func() error) (err error) {
	// A lock whose release fails must not live on in the pool: the connection is closed then.
	end := func(query string, args ...any) {
		done := context.WithoutCancel(ctx)
		if _, endErr := conn.ExecContext(done, query, args...); endErr != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	switch s.cfg.Dialect {
	case PostgreSQL:
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
			return err
		}
		defer end("SELECT pg_advisory_unlock($1)", migrateLock)
		return f()
	case MySQL:
		lock := fmt.Sprintf("sqlstate %.16x", sha256.Sum256([]byte(s.cfg.Prefix))) // at most 64 characters
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 60)", lock).Scan(&got); err != nil {
			return err
		}
		if got.Int64 != 1 {
			return errors.New("another process has been migrating for a minute / 其他进程正在升级表结构")
		}
		defer end("DO RELEASE_LOCK(?)", lock)
		return f()
	}
	return s.again(ctx, func() error {
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		if err := f(); err != nil {
			end("ROLLBACK")
			return err
		}
		if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
			end("ROLLBACK")
			return err
		}
		return nil
	})
}
