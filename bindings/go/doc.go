// Package sidelite is asynchronous SQLite: every connection has a thread of its own, calls put work on it, and the
// goroutine that waits for the answer costs no thread.
//
// It has two faces. The driver for database/sql is registered as "sidelite", opens with SQLite's own defaults and takes
// the names of databases, the errors and the types of mattn/go-sqlite3:
//
//	db, err := sql.Open("sidelite", "file:app.db?_journal_mode=WAL")
//
// The native interface has all that SQLite has, and opens hardened:
//
//	db, err := sidelite.Open(ctx, "app.db", nil)
//	for row, err := range db.Query(ctx, "SELECT name, born FROM person WHERE born > ?", 1800) { ... }
//
// # Values
//
// Arguments of statements, and values of functions:
//
//	nil                          NULL
//	bool                         0 or 1
//	integers of all sizes        INTEGER; beyond 64 bits an error
//	float32, float64             REAL; NaN is NULL, as SQLite has none
//	string                       TEXT; must be UTF-8
//	[]byte                       BLOB; nil is NULL
//	time.Time                    TEXT, as SQLite's own functions read it
//	ZeroBlob(n)                  a BLOB of n zero bytes
//	sql.Named("name", value)     the value of :name, @name or $name; all arguments of a statement have names, or none
//	sql.NullString, any Valuer   what their Value method gives
//	pointers                     NULL, or what they point to
//	types made of these          as these
//
// Whatever else is an error before anything is sent. All is copied before a call returns. Row tells how cells come out.
//
// # Contexts
//
// One that has ended already sends nothing. One that ends later cancels its request, and no other, also while it waits
// for a lock; the call returns when the request has ended. The error says whether it did not run, or was undone; a
// request that was already done is a success.
package sidelite
