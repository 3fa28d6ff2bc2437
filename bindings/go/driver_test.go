package sidelite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sidelite/sidelite/bindings/go"
)

func TestDriver_open_takes_options(t *testing.T) {
	db := openDB(t, "?_busy_timeout=1234&_fk=1&_journal_mode=WAL&_cache_size=-777&_secure_delete=fast&_txlock=exclusive")
	for pragma, want := range map[string]any{
		"busy_timeout": int64(1234), "foreign_keys": int64(1), "journal_mode": "wal", "cache_size": int64(-777),
		"secure_delete": int64(2), "synchronous": int64(1),
	} {
		same(t, one[any](t, db, "PRAGMA "+pragma), want)
	}
}

// A program that was written for another driver must find what it found there.
func TestDriver_defaults_are_those_of_sqlite(t *testing.T) {
	db := openDB(t, "")
	for pragma, want := range map[string]any{
		"busy_timeout": int64(5000), "foreign_keys": int64(0), "journal_mode": "delete", "synchronous": int64(2),
		"trusted_schema": int64(1),
	} {
		same(t, one[any](t, db, "PRAGMA "+pragma), want)
	}
	same(t, one[string](t, db, `SELECT "a text"`), "a text")
	hardened := openDB(t, "?_hardened=1")
	same(t, one[any](t, hardened, "PRAGMA foreign_keys"), any(int64(1)))
	same(t, one[any](t, hardened, "PRAGMA trusted_schema"), any(int64(0)))
}

func TestDriver_open_that_fails_tells_why(t *testing.T) {
	folder := t.TempDir()
	for name, code := range map[string]sidelite.ErrNo{
		filepath.Join(folder, "no", "such.db"):                       sidelite.ErrCantOpen,
		"file:" + filepath.Join(folder, "missing.db") + "?mode=ro":   sidelite.ErrCantOpen,
		"file:" + filepath.Join(folder, "x.db") + "?vfs=nonsense":    sidelite.ErrError,
		"file:" + filepath.Join(folder, "x.db") + "?mode=memory&a=1": 0,
	} {
		db := openFile(t, name, "")
		if err := db.Ping(); code == 0 {
			ok(t, err)
		} else {
			wantCode(t, err, code)
		}
	}
	for _, parameters := range []string{"?_fk=maybe", "?_txlock=x", "?_loc=Nowhere", "?_auth&_auth_user=ada", "?%zz"} {
		db := openDB(t, parameters)
		if err := db.Ping(); err == nil {
			t.Errorf("%s was opened", parameters)
		}
		if _, err := sidelite.NewConnector("x"+parameters, nil); err == nil {
			t.Errorf("%s made a connector", parameters)
		}
	}
}

func TestDriver_memory_databases(t *testing.T) {
	alone := openFile(t, ":memory:", "")
	alone.SetMaxOpenConns(1)
	execute(t, alone, "CREATE TABLE t(v)")
	shared := openFile(t, "file:"+t.Name(), "?mode=memory&cache=shared")
	execute(t, shared, "CREATE TABLE t(v)")
	first, err := shared.Conn(context.Background())
	ok(t, err)
	defer first.Close()
	_, err = first.ExecContext(context.Background(), "INSERT INTO t VALUES (1)")
	ok(t, err)
	same(t, one[int](t, shared, "SELECT count(*) FROM t"), 1)
}

func TestDriver_errors_carry_their_codes(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(v UNIQUE)")
	execute(t, db, "INSERT INTO t VALUES (1)")
	_, err := db.Exec("INSERT INTO t VALUES (1)")
	failure, isValue := err.(sidelite.Error)
	if !isValue {
		t.Fatalf("%T is no Error", err)
	}
	same(t, failure.Code, sidelite.ErrConstraint)
	same(t, failure.ExtendedCode, sidelite.ErrConstraintUnique)
	same(t, failure.Error(), "UNIQUE constraint failed: t.v")
	wantError(t, err, sidelite.ErrConstraint)
	wantError(t, err, sidelite.ErrConstraintUnique)
	same(t, errors.Is(err, sidelite.ErrBusy), false)
}

func TestDriver_several_statements_in_one_exec(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(a, b); INSERT INTO t VALUES (?, ?); INSERT INTO t VALUES (?, :b); -- done",
		1, 2, 3, sql.Named("b", 4))
	same(t, one[string](t, db, "SELECT group_concat(a || b) FROM t"), "12,34")
	if _, err := db.Exec("INSERT INTO t VALUES (?, ?); INSERT INTO t VALUES (?, ?)", 5, 6, 7); err == nil ||
		err.Error() != "not enough args to execute query: want 2 got 1" {
		t.Errorf("got %v", err)
	}
	if _, err := db.Prepare("SELECT 1; SELECT 2"); err == nil {
		t.Error("two statements were prepared as one")
	}
}

func TestDriver_many_rows_in_one_exec(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
	many := make(sidelite.Many, 1000)
	for i := range many {
		many[i] = []any{i, fmt.Sprint("text ", i)}
	}
	changes, err := execute(t, db, "INSERT INTO t VALUES (?, ?)", many).RowsAffected()
	ok(t, err)
	same(t, changes, 1000)
	same(t, one[string](t, db, "SELECT b FROM t WHERE a = 999"), "text 999")
	same(t, many[7][0], any(7))
	_, err = db.Exec("INSERT INTO t VALUES (?, ?)", sidelite.Many{{5000, "new"}, {1, "twice"}})
	wantError(t, err, sidelite.ErrConstraintPrimaryKey)
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 1000)
	tx, err := db.Begin()
	ok(t, err)
	execute(t, tx, "INSERT INTO t VALUES (6000, 'before')")
	_, err = tx.Exec("INSERT INTO t VALUES (?, ?)", sidelite.Many{{5000, "new"}, {1, "twice"}})
	wantError(t, err, sidelite.ErrConstraintPrimaryKey)
	ok(t, tx.Commit())
	same(t, one[int](t, db, "SELECT count(*) FROM t"), 1001)
	for _, bad := range []sidelite.Many{{{1, 2}, {3}}, {{1, struct{}{}}}} {
		if _, err := db.Exec("INSERT INTO t VALUES (?, ?)", bad); err == nil {
			t.Errorf("%v was written", bad)
		}
	}
	execute(t, db, "INSERT INTO t VALUES (?, ?)", sidelite.Many{})
}

func TestDriver_read_only_transactions(t *testing.T) {
	db := openDB(t, "?_txlock=immediate")
	db.SetMaxOpenConns(1)
	execute(t, db, "CREATE TABLE t(v)")
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	ok(t, err)
	same(t, one[int](t, tx, "SELECT count(*) FROM t"), 0)
	_, err = tx.Exec("INSERT INTO t VALUES (1)")
	wantCode(t, err, sidelite.ErrReadonly)
	ok(t, tx.Commit())
	execute(t, db, "INSERT INTO t VALUES (2)")
	tx, err = db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	ok(t, err)
	ok(t, tx.Rollback())
	execute(t, db, "INSERT INTO t VALUES (3)")
	ctx, cancel := context.WithCancel(context.Background())
	_, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	ok(t, err)
	cancel()
	execute(t, db, "INSERT INTO t VALUES (4)")
	same(t, one[int](t, db, "SELECT sum(v) FROM t"), 9)
}

func TestDriver_isolation(t *testing.T) {
	db := openDB(t, "")
	for level := sql.LevelDefault; level <= sql.LevelLinearizable+1; level++ {
		tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: level})
		if level > sql.LevelSerializable {
			if err == nil {
				t.Errorf("%v was begun", level)
			}
			continue
		}
		ok(t, err)
		ok(t, tx.Rollback())
	}
}

func TestDriver_transaction_locks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock.db")
	deferred := openFile(t, path, "?_busy_timeout=0")
	immediate := openFile(t, path, "?_busy_timeout=0&_txlock=immediate")
	execute(t, deferred, "CREATE TABLE t(v)")
	first, err := deferred.Begin()
	ok(t, err)
	second, err := immediate.Begin()
	ok(t, err)
	_, err = immediate.Begin()
	wantCode(t, err, sidelite.ErrBusy)
	ok(t, second.Rollback())
	ok(t, first.Rollback())
}

// A COMMIT that finds the file locked leaves the transaction open in SQLite, but database/sql is done with it.
func TestDriver_commit_that_fails_leaves_nothing_open(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commit.db")
	db := openFile(t, path, "?_busy_timeout=0")
	db.SetMaxOpenConns(1)
	other := openFile(t, path, "?_busy_timeout=0")
	execute(t, db, "CREATE TABLE t(v)")
	execute(t, db, "INSERT INTO t VALUES (0)")
	rows, err := other.Query("SELECT v FROM t, (" + manyRows + ")")
	ok(t, err)
	tx, err := db.Begin()
	ok(t, err)
	execute(t, tx, "INSERT INTO t VALUES (1)")
	wantCode(t, tx.Commit(), sidelite.ErrBusy)
	ok(t, rows.Close())
	execute(t, db, "INSERT INTO t VALUES (2)")
	same(t, one[int](t, other, "SELECT sum(v) FROM t"), 2)
}

func TestDriver_a_transaction_left_in_the_session_stays(t *testing.T) {
	db := openDB(t, "")
	db.SetMaxOpenConns(1)
	execute(t, db, "BEGIN")
	execute(t, db, "CREATE TABLE t(v)")
	execute(t, db, "ROLLBACK")
	same(t, one[int](t, db, "SELECT count(*) FROM sqlite_schema"), 0)
}

func TestDriver_prepared_statements(t *testing.T) {
	db := openDB(t, "")
	execute(t, db, "CREATE TABLE t(a, b)")
	insert, err := db.Prepare("INSERT INTO t VALUES (:a, :b)")
	ok(t, err)
	defer insert.Close()
	_, err = insert.Exec(sql.Named("b", 2), sql.Named("a", 1))
	ok(t, err)
	_, err = insert.Exec(1, 2)
	ok(t, err)
	if _, err := insert.Exec(1); err == nil {
		t.Error("a parameter had no value")
	}
	query, err := db.Prepare("SELECT count(*) FROM t WHERE a = ?")
	ok(t, err)
	defer query.Close()
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 50 {
				var count int
				if err := query.QueryRow(1).Scan(&count); err != nil || count != 2 {
					t.Errorf("%d rows, %v", count, err)
				}
			}
		}()
	}
	group.Wait()
	_, err = db.Prepare("SELEC")
	wantCode(t, err, sidelite.ErrError)
}

func TestDriver_the_native_connection_is_reached(t *testing.T) {
	connector, err := sidelite.NewConnector(filepath.Join(t.TempDir(), "raw.db"), func(conn *sidelite.Conn) error {
		_, err := conn.Exec(context.Background(), "CREATE TEMP TABLE of_the_hook(v)")
		return err
	})
	ok(t, err)
	db := sql.OpenDB(connector)
	defer db.Close()
	same(t, one[int](t, db, "SELECT count(*) FROM of_the_hook"), 0)
	conn, err := db.Conn(context.Background())
	ok(t, err)
	defer conn.Close()
	ok(t, sidelite.Raw(conn, func(native *sidelite.Conn) error {
		_, err := native.Exec(context.Background(), "INSERT INTO of_the_hook VALUES (1)")
		return err
	}))
	var count int
	ok(t, conn.QueryRowContext(context.Background(), "SELECT count(*) FROM of_the_hook").Scan(&count))
	same(t, count, 1)
	failure := errors.New("the hook says no")
	refusing, err := sidelite.NewConnector(":memory:", func(*sidelite.Conn) error { return failure })
	ok(t, err)
	refused := sql.OpenDB(refusing)
	defer refused.Close()
	wantError(t, refused.Ping(), failure)
}

// A connection that is gone must be told to the pool, which then takes another; but never for a statement that may
// have run.
func TestDriver_a_closed_connection_leaves_the_pool(t *testing.T) {
	db := openDB(t, "")
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	ok(t, err)
	ok(t, sidelite.Raw(conn, func(native *sidelite.Conn) error { return native.Close() }))
	_, err = conn.ExecContext(context.Background(), "SELECT 1")
	wantError(t, err, driver.ErrBadConn)
	_ = conn.Close()
	same(t, one[int](t, db, "SELECT 1"), 1)
}

func TestDriver_close_with_queries_in_flight(t *testing.T) {
	db := openDB(t, "")
	var group sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			rows, err := db.Query(manyRows)
			started <- struct{}{}
			if err != nil {
				return
			}
			defer rows.Close()
			for rows.Next() {
			}
		}()
	}
	for range 4 {
		<-started
	}
	ok(t, db.Close())
	group.Wait()
}

func TestDriver_words_that_are_no_statement(t *testing.T) {
	db := openDB(t, "")
	for _, blank := range []string{"", "  ", "-- nothing", "/* nothing */", ";", ";;"} {
		execute(t, db, blank)
		rows, err := db.Query(blank)
		ok(t, err)
		same(t, rows.Next(), false)
		ok(t, rows.Err())
		ok(t, rows.Close())
	}
	_, err := db.Exec("SELECT 1\x00")
	if err == nil || strings.Contains(err.Error(), "panic") {
		t.Errorf("a NUL in a statement: %v", err)
	}
}

// Each of database/sql's optional interfaces that applies.
func TestDriver_interfaces(t *testing.T) {
	conn, err := (&sidelite.Driver{}).Open(":memory:")
	ok(t, err)
	defer conn.Close()
	_, isExecer := conn.(driver.ExecerContext)
	_, isQueryer := conn.(driver.QueryerContext)
	_, isPreparer := conn.(driver.ConnPrepareContext)
	_, isBeginner := conn.(driver.ConnBeginTx)
	_, isPinger := conn.(driver.Pinger)
	_, isResetter := conn.(driver.SessionResetter)
	_, isValidator := conn.(driver.Validator)
	_, isChecker := conn.(driver.NamedValueChecker)
	same(t, isExecer && isQueryer && isPreparer && isBeginner && isPinger && isResetter && isValidator && isChecker, true)
}
