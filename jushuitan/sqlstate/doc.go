// Package sqlstate keeps the state of an installation in the database that the host has
// already (状态存于业务数据库): PostgreSQL, MariaDB, MySQL or SQLite, by database/sql. Its
// point are transactions: what a message changes and that it was handled commit together, rows
// and checkpoint commit together, and an order and the write that tells the ERP of it commit
// together.
//
//	state, err := sqlstate.New(db, sqlstate.Config{Dialect: sqlstate.PostgreSQL, Keyring: keyring})
//	err = state.Migrate(ctx)
//	tokens, err := state.TokenStore(0)
//	client, err := jushuitan.New(cred, jushuitan.WithTokenStore(tokens))
//	receiver, err := callback.New(callback.Config{Shipment: sqlstate.InTx(state, shipped), Deduper: state.TxDeduper(), Secrets: secrets})
//	commands, err := state.Commands(sqlstate.CommandsConfig{AppKey: cred.AppKey, Client: client, Handlers: handlers})
//
// The caller opens the database with a driver of its own choice and closes it. The tests run on
// PostgreSQL (pgx), MariaDB (go-sql-driver/mysql) and SQLite (modernc.org/sqlite). MySQL 8 uses
// the statements of MariaDB and is not tested. MySQL's driver needs fewer round trips with
// interpolateParams=true. SQLite needs a busy timeout, should have journal_mode WAL, and
// transactions that begin immediate (_txlock=immediate of modernc.org/sqlite); one process at a
// time writes.
//
// # Tables
//
// [State.Migrate] creates the tables, [Schema] prints them. Their names begin with a prefix, by
// default jst_:
//
//	token           a row per app and merchant      primary key (app, merchant)
//	seen            a row per document              primary key (id)
//	checkpoint      a row per stream                primary key (app, merchant, stream)
//	checkpoint_row  rows done beyond a checkpoint   primary key (app, merchant, stream, id)
//	command         a row per write                 primary key (id), (app, merchant, state, id), (app, merchant, document, id)
//	drain           a row per merchant              primary key (app, merchant)
//	schema          the version
//
// Every statement that runs for a message, a row or a command finds its rows by one of these
// keys. Those that read more are [State.Cleanup], [Commands.Stats], [Commands.Due] and
// [Commands.List] without a merchant: they read the table of commands, which Cleanup keeps
// short. Names are stored escaped as in a URL, so that no collation confuses them.
//
// Times are milliseconds since 1970 by the clock of the database, which all processes share.
// The exception are the times at which a command was sent: [jushuitan.Client.Settle] compares
// them with the clock of the ERP and expects the clock of the process.
//
// # Guarantees
//
// As long as the database keeps what it committed, no matter at which instruction a process
// dies:
//
//   - A push under [InTx], or a Qimen message under [MuxInTx], has its effect in the database
//     exactly once, however often it is sent, and is acknowledged only then.
//   - A row of a stream is stored together with the checkpoint after it.
//   - A committed command is sent at least once. It has exactly one effect if its write is
//     keyed ([jushuitan.Operation.Repeatable]) or can be read back ([jushuitan.Client.Settle]);
//     otherwise it may end as [Unknown], in a list for a person.
//   - A token is renewed by one process at a time ([TokenStore]).
//
// # What a crash leaves
//
// Of a push or message, a process may die
//
//   - before the transaction is committed: the database rolls it back; nothing was changed or
//     remembered, and the sender repeats the message, which then runs;
//   - after the commit and before the answer: the sender repeats the message, which is
//     acknowledged without invoking the function;
//   - while the commit is in progress: one of these two.
//
// Of a stream, before the commit of a row: the row is read again. After it: it is not. The
// lease lasts until its time is over, then another worker acquires the stream.
//
// Of a command in [Commands.Drain]
//
//   - before it is stored that it will be sent: it is waiting, and is sent;
//   - between that and the request, while the request is in progress, or before its result is
//     stored: which of these is unknown. When the lease has ended, another worker reads the
//     write back before anything is sent again, see [Commands.Drain];
//   - after its result is stored: it is done, or in the list for a person.
//
// A worker that is not dead but was paused for longer than its lease stops when it resumes; a
// request that it was about to send in that very moment can still arrive, while another worker
// reads the write back. Settling waits for [CommandsConfig].SettleAfter after the lease has
// changed hands, so that this needs a pause of both together.
//
// Nothing else is guaranteed: effects of a function outside the transaction, such as calls of
// other systems, may happen again or without it.
//
// # Retention
//
// What is remembered of a message is deleted by [State.Cleanup] after the receiver's
// CommitTTL, done and dropped commands after 30 days, unused checkpoints and the rows of deleted
// tokens after 180 days, see [Retention]. Nothing that waits for work or for a person is
// deleted. [State.Forget] deletes what there is of a merchant.
//
// Experimental: this package may change in any minor version.
package sqlstate
