package sqlstate

import (
	"errors"
	"fmt"
	"strings"
)

// Dialect is the SQL that a database understands (数据库方言).
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // 12 and later
	MySQL                         // MariaDB 10.6 and later, MySQL 8
	SQLite                        // 3.35 and later
)

func (d Dialect) String() string {
	if d < PostgreSQL || d > SQLite {
		return fmt.Sprintf("Dialect(%d)", int(d))
	}
	return [...]string{"PostgreSQL", "MySQL", "SQLite"}[d-1]
}

// words are what stands for the words in braces of a statement. Statements are written once;
// everything in which the databases differ is in this file.
func (d Dialect) words() []string {
	return [...][]string{
		PostgreSQL - 1: {
			"{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
			"{lock}", " FOR UPDATE",
			"{ignore}", "ON CONFLICT DO NOTHING",
			"{name}", "TEXT", "{text}", "TEXT", "{blob}", "BYTEA", "{engine}", "",
			"{serial}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		},
		MySQL - 1: {
			"{now}", "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)",
			"{lock}", " FOR UPDATE",
			// Changes the row, so that the number of affected rows is 2 with every driver
			// setting, and locks it at once: INSERT IGNORE would share the lock first.
			"{ignore}", "ON DUPLICATE KEY UPDATE moves = moves + 1",
			// Other types ignore case or trailing spaces.
			"{name}", "VARBINARY(500)", "{text}", "LONGTEXT CHARACTER SET utf8mb4", "{blob}", "LONGBLOB",
			"{engine}", " ENGINE=InnoDB",
			"{serial}", "BIGINT AUTO_INCREMENT PRIMARY KEY",
		},
		SQLite - 1: {
			"{now}", "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
			"{lock}", "",
			"{ignore}", "ON CONFLICT DO NOTHING",
			"{name}", "TEXT", "{text}", "TEXT", "{blob}", "BLOB", "{engine}", "",
			"{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT",
		},
	}[d-1]
}

// nameMost is the longest stored name, in bytes.
const nameMost = 500

// tables are the tables after the prefix.
var tables = [...]string{"schema", "token", "seen", "checkpoint", "checkpoint_row", "command", "drain"}

// writer returns what makes a statement of the dialect: words in braces are replaced, and in
// PostgreSQL question marks are numbered.
func (d Dialect) writer(prefix string) func(text string) string {
	words := d.words()
	for _, t := range tables {
		words = append(words, "{"+t+"}", prefix+t)
	}
	replace := strings.NewReplacer(words...)
	return func(text string) string {
		text = replace.Replace(text)
		if d != PostgreSQL {
			return text
		}
		var b strings.Builder
		n := 0
		for {
			before, after, found := strings.Cut(text, "?")
			b.WriteString(before)
			if !found {
				return b.String()
			}
			n++
			fmt.Fprintf(&b, "$%d", n)
			text = after
		}
	}
}

// passing reports whether a statement or transaction failed because of others that ran at the
// same time, so that it changed nothing and may be repeated: deadlocks, serialization
// failures, and SQLite's locks. Drivers are known by their texts only, or by SQLState, which
// those of PostgreSQL have.
func (d Dialect) passing(err error) bool {
	if err == nil {
		return false
	}
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		code := coded.SQLState()
		return code == "40001" || code == "40P01" || code == "55P03"
	}
	text := err.Error()
	switch d {
	case MySQL:
		// Error 1020 of MariaDB: the record has changed since it was last read.
		return strings.Contains(text, "Error 1213") || strings.Contains(text, "Error 1205") || strings.Contains(text, "Error 1020")
	case SQLite:
		return strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "SQLITE_LOCKED") || strings.Contains(text, "database is locked") ||
			strings.Contains(text, "table is locked")
	}
	return false
}
