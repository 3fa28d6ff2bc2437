package sidelite_test

// The examples are those of README.md, whose text a test compares with this one's.

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	sidelite "github.com/sidelite/sidelite/bindings/go"
)

const people = `CREATE TABLE person(name TEXT UNIQUE, born INTEGER);
	INSERT INTO person VALUES ('Ada Lovelace', 1815), ('Grace Hopper', 1906), ('Alan Turing', 1912)`

const forever = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// pool is a database of three people, which is in memory: each connection would have its own.
func pool() *sql.DB {
	db, err := sql.Open("sidelite", ":memory:")
	check(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec(people)
	check(err)
	return db
}

// connection is the same database, natively.
func connection() (context.Context, *sidelite.Conn) {
	ctx := context.Background()
	db, err := sidelite.Open(ctx, ":memory:", nil)
	check(err)
	check(db.Script(ctx, people))
	return ctx, db
}

func folder() (path string, remove func()) {
	path, err := os.MkdirTemp("", "sidelite-example-")
	check(err)
	return path, func() { check(os.RemoveAll(path)) }
}

// ---- database/sql ----

func Example_queries() {
	db := pool()
	defer db.Close()
	rows, err := db.Query("SELECT name, born FROM person WHERE born > :year ORDER BY born", sql.Named("year", 1900))
	check(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var born int
		check(rows.Scan(&name, &born))
		fmt.Println(name, born)
	}
	check(rows.Err())
	// Output:
	// Grace Hopper 1906
	// Alan Turing 1912
}

func Example_contexts() {
	db := pool()
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var n int
	err := db.QueryRowContext(ctx, forever).Scan(&n)
	fmt.Println(err == context.DeadlineExceeded)
	check(db.QueryRow("SELECT count(*) FROM person").Scan(&n))
	fmt.Println(n)
	// Output:
	// true
	// 3
}

func Example_declaredTypes() {
	db := pool()
	defer db.Close()
	at := time.Date(2026, 8, 1, 12, 34, 56, 0, time.UTC)
	_, err := db.Exec("CREATE TABLE visit(at DATETIME, paid BOOLEAN); INSERT INTO visit VALUES (?, ?)", at, true)
	check(err)
	var when, paid, text any
	check(db.QueryRow("SELECT at, paid, at || '' FROM visit").Scan(&when, &paid, &text))
	fmt.Println(when, paid, text)
	// Output: 2026-08-01 12:34:56 +0000 UTC true 2026-08-01 12:34:56+00:00
}

func Example_severalStatements() {
	db := pool()
	defer db.Close()
	_, err := db.Exec("DELETE FROM person WHERE born = ?; UPDATE person SET born = born + ?", 1906, 100)
	check(err)
	rows, err := db.Query("SELECT count(*) FROM person; SELECT name FROM person")
	check(err)
	defer rows.Close()
	for isSet := true; isSet; isSet = rows.NextResultSet() {
		for rows.Next() {
			var value any
			check(rows.Scan(&value))
			fmt.Println(value)
		}
	}
	check(rows.Err())
	// Output:
	// 2
	// Ada Lovelace
	// Alan Turing
}

func ExampleMany() {
	db := pool()
	defer db.Close()
	result, err := db.Exec("INSERT INTO person VALUES (?, ?)", sidelite.Many{{"Hypatia", 355}, {"Emmy Noether", 1882}})
	check(err)
	count, err := result.RowsAffected()
	check(err)
	fmt.Println(count)
	// Output: 2
}

func Example_readOnly() {
	db := pool()
	defer db.Close()
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	check(err)
	defer tx.Rollback()
	_, err = tx.Exec("DELETE FROM person")
	fmt.Println(err)
	// Output: attempt to write a readonly database
}

func ExampleNewConnector() {
	connector, err := sidelite.NewConnector(":memory:?_hardened=1", func(conn *sidelite.Conn) error {
		return conn.CreateFunction(context.Background(), "initials", sidelite.FunctionOptions{Arguments: 1}, initials)
	})
	check(err)
	db := sql.OpenDB(connector)
	defer db.Close()

	var text string
	check(db.QueryRow("SELECT initials('Ada Lovelace')").Scan(&text))
	fmt.Println(text)
	// Output: AL
}

func ExampleRaw() {
	path, remove := folder()
	defer remove()
	db := pool()
	defer db.Close()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	check(err)
	defer conn.Close()
	check(sidelite.Raw(conn, func(native *sidelite.Conn) error {
		return native.Backup(ctx, filepath.Join(path, "copy.db"), sidelite.CopyOptions{})
	}))
	// Output:
}

// ---- Calls ----

func ExampleConn_Exec() {
	ctx, db := connection()
	defer db.Close()
	result, err := db.Exec(ctx, "INSERT INTO person VALUES (?, ?)", "Emmy Noether", 1882)
	check(err)
	fmt.Println(result.Changes, result.LastInsertRowID)

	row := db.QueryRow(ctx, "SELECT name, born FROM person WHERE born = :year", sql.Named("year", 1906))
	check(row.Err())
	fmt.Println(row.Text(0), row.Int64(1))
	// Output:
	// 1 4
	// Grace Hopper 1906
}

func ExampleConn_Query() {
	ctx, db := connection()
	defer db.Close()
	for row, err := range db.Query(ctx, "SELECT name FROM person ORDER BY born") {
		check(err)
		fmt.Println(row.Text(0))
		break // ends the query
	}
	// Output: Ada Lovelace
}

func ExampleConn_Batch() {
	ctx, db := connection()
	defer db.Close()
	outcomes, err := db.Batch(ctx,
		sidelite.Statement{SQL: "DELETE FROM person WHERE born > ?", Arguments: []any{1900}},
		sidelite.Statement{SQL: "SELECT count(*) FROM person"})
	check(err)
	fmt.Println(outcomes[0].Changes, outcomes[1].Rows[0].Int64(0))
	// Output: 2 1
}

func ExampleConn_ExecMany() {
	ctx, db := connection()
	defer db.Close()
	years := func(yield func([]any) bool) {
		row := make([]any, 2)
		for year := 1900; year < 2000; year++ {
			row[0], row[1] = fmt.Sprint("born in ", year), year
			if !yield(row) {
				return
			}
		}
	}
	result, err := db.ExecMany(ctx, "INSERT INTO person VALUES (?, ?)", years)
	check(err)
	fmt.Println(result.Changes)
	// Output: 100
}

func ExampleOpen() {
	path, remove := folder()
	defer remove()
	ctx := context.Background()
	db, err := sidelite.Open(ctx, filepath.Join(path, "people.db"), &sidelite.Options{
		JournalMode: "WAL",
		Synchronous: "NORMAL",
		BusyTimeout: time.Second,
	})
	check(err)
	defer db.Close()
	fmt.Println(db.QueryRow(ctx, "PRAGMA journal_mode").Text(0))
	// Output: wal
}

func ExampleRow_Scan() {
	ctx, db := connection()
	defer db.Close()
	var name *string
	var at time.Time
	row := db.QueryRow(ctx, "SELECT NULL, '2026-08-01 12:34:56'")
	check(row.Scan(&name, &at))
	fmt.Println(name, at)

	var small int8
	fmt.Println(db.QueryRow(ctx, "SELECT 300 AS n").Scan(&small))
	// Output:
	// <nil> 2026-08-01 12:34:56 +0000 UTC
	// sidelite: column 0, "n": 300 does not fit into a int8
}

// ---- Streams ----

func ExampleConn_Stream() {
	ctx, db := connection()
	defer db.Close()
	rows, err := db.Stream(ctx, "SELECT name, born FROM person")
	check(err)
	defer rows.Close()
	lines := json.NewEncoder(os.Stdout)
	for rows.Next() {
		check(lines.Encode(rows.Row().Values()))
	}
	check(rows.Err())
	// Output:
	// ["Ada Lovelace",1815]
	// ["Grace Hopper",1906]
	// ["Alan Turing",1912]
}

// ---- Transactions ----

func ExampleConn_Tx() {
	ctx, db := connection()
	defer db.Close()
	err := db.Tx(ctx, sidelite.Immediate, func(tx *sidelite.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE person SET born = born + 1"); err != nil {
			return err
		}
		undone := tx.Tx(ctx, func(inner *sidelite.Tx) error {
			if _, err := inner.Exec(ctx, "DELETE FROM person"); err != nil {
				return err
			}
			return errors.New("not this")
		})
		fmt.Println(undone)
		return nil
	})
	check(err)
	row := db.QueryRow(ctx, "SELECT count(*), min(born) FROM person")
	fmt.Println(row.Values()...)
	// Output:
	// not this
	// 3 1816
}

func ExampleConn_Begin() {
	ctx, db := connection()
	defer db.Close()
	tx, err := db.Begin(ctx, sidelite.Deferred)
	check(err)
	defer tx.Rollback() // does nothing after Commit
	_, err = tx.Exec(ctx, "DELETE FROM person WHERE born < 1900")
	check(err)
	check(tx.Commit(ctx))
	// Output:
}

// ---- Cancelling ----

func ExampleConn_cancel() {
	ctx, db := connection()
	defer db.Close()
	counting, cancel := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	err := db.QueryRow(counting, forever).Err()
	fmt.Println(errors.Is(err, sidelite.ErrCancelled), errors.Is(err, context.Canceled))

	fmt.Println(db.QueryRow(ctx, "SELECT count(*) FROM person").Int64(0))
	// Output:
	// true true
	// 3
}

// ---- Functions ----

func initials(_ *sidelite.Call, arguments sidelite.Row) (any, error) {
	var text strings.Builder
	for _, word := range strings.Fields(arguments.Text(0)) {
		text.WriteString(word[:1])
	}
	return text.String(), nil
}

type longest struct{ text string }

func (l *longest) Step(_ *sidelite.Call, arguments sidelite.Row) error {
	if text := arguments.Text(0); len(text) > len(l.text) {
		l.text = text
	}
	return nil
}

func (l *longest) Value(*sidelite.Call) (any, error) { return l.text, nil }

func ExampleConn_CreateFunction() {
	ctx, db := connection()
	defer db.Close()
	check(db.CreateFunction(ctx, "initials", sidelite.FunctionOptions{Arguments: 1, Deterministic: true}, initials))
	check(db.CreateFunction(ctx, "nth", sidelite.FunctionOptions{Arguments: 1},
		func(call *sidelite.Call, arguments sidelite.Row) (any, error) {
			row := call.QueryRow(ctx, "SELECT count(*) FROM person WHERE born <= ?", arguments.Int64(0))
			return row.Int64(0), row.Err()
		}))
	for row, err := range db.Query(ctx, "SELECT initials(name), nth(born) FROM person") {
		check(err)
		fmt.Println(row.Text(0), row.Int64(1))
	}
	// Output:
	// AL 1
	// GH 2
	// AT 3
}

func ExampleConn_CreateAggregate() {
	ctx, db := connection()
	defer db.Close()
	options := sidelite.FunctionOptions{Arguments: 1}
	check(db.CreateAggregate(ctx, "longest", options, func() sidelite.Aggregate { return &longest{} }))
	check(db.CreateCollation(ctx, "by_length", func(a, b string) int { return len(a) - len(b) }))
	fmt.Println(db.QueryRow(ctx, "SELECT longest(name) FROM person").Text(0))
	fmt.Println(db.QueryRow(ctx, "SELECT name FROM person ORDER BY name COLLATE by_length").Text(0))
	// Output:
	// Ada Lovelace
	// Alan Turing
}

// ---- Copies, blobs, sessions ----

func ExampleConn_Backup() {
	path, remove := folder()
	defer remove()
	ctx, db := connection()
	defer db.Close()
	check(db.Backup(ctx, filepath.Join(path, "copy.db"), sidelite.CopyOptions{Pages: 100}))
	image, err := db.Serialize(ctx, "")
	check(err)

	copied, err := sidelite.Open(ctx, filepath.Join(path, "copy.db"), nil)
	check(err)
	defer copied.Close()
	_, err = copied.Exec(ctx, "DELETE FROM person")
	check(err)
	check(copied.Deserialize(ctx, image, sidelite.DeserializeOptions{}))
	fmt.Println(copied.QueryRow(ctx, "SELECT count(*) FROM person").Int64(0))
	// Output: 3
}

func ExampleConn_OpenBlob() {
	ctx, db := connection()
	defer db.Close()
	check(db.Script(ctx, "CREATE TABLE file(data)"))
	result, err := db.Exec(ctx, "INSERT INTO file VALUES (?)", sidelite.ZeroBlob(1e6))
	check(err)
	blob, err := db.OpenBlob(ctx, "file", "data", result.LastInsertRowID, sidelite.BlobOptions{Writable: true})
	check(err)
	defer blob.Close()
	_, err = blob.WriteAt([]byte("the end"), blob.Size()-7)
	check(err)
	end, err := io.ReadAll(io.NewSectionReader(blob, blob.Size()-3, 3))
	check(err)
	fmt.Println(string(end))
	// Output: end
}

func ExampleConn_OpenSession() {
	ctx, db := connection()
	defer db.Close()
	_, copied := connection()
	defer copied.Close()
	for _, each := range []*sidelite.Conn{db, copied} {
		check(each.Script(ctx, "CREATE TABLE note(id INTEGER PRIMARY KEY, text)"))
	}
	session, err := db.OpenSession(ctx, "note")
	check(err)
	defer session.Close()
	_, err = db.Exec(ctx, "INSERT INTO note(text) VALUES ('one'), ('two')")
	check(err)
	changeset, err := session.Changeset(ctx)
	check(err)
	_, err = copied.ApplyChangeset(ctx, changeset, sidelite.ConflictAbort)
	check(err)
	fmt.Println(copied.QueryRow(ctx, "SELECT count(*) FROM note").Int64(0))
	// Output: 2
}

func ExampleConn_Dump() {
	ctx, db := connection()
	defer db.Close()
	rows, err := db.Dump(ctx, "person")
	check(err)
	defer rows.Close()
	var text bytes.Buffer
	for rows.Next() {
		fmt.Fprintln(&text, rows.Row().Text(0))
	}
	check(rows.Err())
	fmt.Println(strings.Count(text.String(), "INSERT"))
	// Output: 3
}

// ---- Observation, rules ----

func ExampleConn_Observe() {
	ctx, db := connection()
	defer db.Close()
	notices, err := db.Observe(ctx, sidelite.Changes)
	check(err)
	_, err = db.Exec(ctx, "INSERT INTO person VALUES (?, ?)", "Emmy Noether", 1882)
	check(err)
	notice := <-notices
	fmt.Println(notice.Kind, notice.Table, notice.RowID)
	// Output: insert person 4
}

func ExampleConn_Authorize() {
	ctx, db := connection()
	defer db.Close()
	check(db.Authorize(ctx,
		sidelite.Rule{Action: sidelite.ActionRead, First: "person", Second: "born", Decision: sidelite.Ignore},
		sidelite.Rule{Action: sidelite.ActionDelete, Decision: sidelite.Deny}))
	fmt.Println(db.QueryRow(ctx, "SELECT name, born FROM person").Values()...)
	_, err := db.Exec(ctx, "DELETE FROM person")
	fmt.Println(err)
	// Output:
	// Ada Lovelace <nil>
	// not authorized
}

// ---- Errors ----

func ExampleError() {
	ctx, db := connection()
	defer db.Close()
	_, err := db.Exec(ctx, "INSERT INTO person VALUES (?, ?)", "Ada Lovelace", 1852)
	fmt.Println(err)
	fmt.Println(errors.Is(err, sidelite.ErrConstraint), errors.Is(err, sidelite.ErrConstraintUnique))

	err = db.QueryRow(ctx, "SELECT nme FROM person").Err()
	var failed sidelite.Error
	fmt.Println(errors.As(err, &failed), failed.Code == sidelite.ErrError, failed, "at", failed.Offset)
	// Output:
	// UNIQUE constraint failed: person.name
	// true true
	// true true no such column: nme at 7
}
