package clients

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var declaredTypes = []string{
	"", "INTEGER", "INT", "TEXT", "VARCHAR(20)", "CLOB", "BLOB", "REAL", "DOUBLE", "FLOAT", "NUMERIC", "DECIMAL(10,5)",
	"BOOLEAN", "BOOL", "boolean", "DATE", "DATETIME", "datetime", "TIMESTAMP", "TIMESTAMPTZ", "TIME",
}

// cells are SQL, so that the drivers' own writing plays no part.
var cells = []string{
	"NULL", "0", "1", "-1", "2", "42", "1257894000", "1257894000123", "-1257894000123", "9000000000000", "1.5",
	"-0.0", "9e999", "''", "'text'", "x''", "x'00ff'", "'1'", "'true'", "'2012-11-04'", "'2012-11-04 14:50'",
	"'2012-11-04T14:50'", "'2012-11-04 14:50:05'", "'2012-11-04T14:50:05Z'", "'2012-11-04 14:50:05.123456789'",
	"'2012-11-04T14:50:05.5+02:30'", "'2012-11-04 14:50:05-07:00'", "'14:50:05'", "'2012-13-45'",
}

func TestValuesByDeclaredType(t *testing.T) {
	for _, parameters := range []string{"", "?_loc=auto", "?_loc=Asia%2FTokyo", "?_loc=UTC"} {
		t.Run(parameters, func(t *testing.T) {
			compare(t, parameters, func(t *testing.T, db *sql.DB, notes *transcript) {
				for number, declared := range declaredTypes {
					table := fmt.Sprintf("t%d", number)
					_, err := db.Exec("CREATE TABLE " + table + "(v " + declared + ")")
					must(t, err)
					for _, cell := range cells {
						_, err := db.Exec("INSERT INTO " + table + " VALUES (" + cell + ")")
						must(t, err)
					}
					noteRows(notes, db, "SELECT v, v AS w, v || '' AS x, typeof(v) FROM "+table)
				}
			})
		})
	}
}

func TestParametersAreWritten(t *testing.T) {
	zone := time.FixedZone("far", -7*3600)
	values := []any{
		nil, int64(7), int8(-7), uint32(7), 1.25, float32(1.5), true, false, "", "text", "a\x00b", []byte(nil), []byte{},
		[]byte("bytes"), time.Date(2012, 11, 4, 14, 50, 5, 123456789, time.UTC), time.Date(2012, 11, 4, 0, 0, 0, 0, zone),
		time.Time{}, sql.NullString{}, sql.NullInt64{Int64: 5, Valid: true}, uint64(1) << 63, struct{}{},
	}
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		for _, value := range values {
			noteRows(notes, db, "SELECT ?, typeof(?1), hex(?1)", value)
		}
	})
}

func TestTimesComeBack(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		_, err := db.Exec("CREATE TABLE t(at DATETIME, day DATE, stamp TIMESTAMP)")
		must(t, err)
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 5*3600+1800), time.FixedZone("x", -3600)} {
			at := time.Date(2024, 2, 29, 23, 59, 59, 987654321, zone)
			_, err := db.Exec("INSERT INTO t VALUES (?, ?, ?)", at, at, at.Unix())
			must(t, err)
		}
		noteRows(notes, db, "SELECT at, day, stamp, datetime(at) FROM t")
		noteRows(notes, db, "SELECT count(*) FROM t WHERE at > ?", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	})
}

func TestNamesOfParameters(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteRows(notes, db, "SELECT :a, @b, $c", sql.Named("a", 1), sql.Named("b", "two"), sql.Named("c", 3.5))
		noteRows(notes, db, "SELECT :a, @a, $a", sql.Named("a", 1), sql.Named("x", 2), sql.Named("y", 3))
		noteRows(notes, db, "SELECT :a + :a", sql.Named("a", 21))
		noteRows(notes, db, "SELECT ?, :a", 1, sql.Named("a", 2))
		noteRows(notes, db, "SELECT :a", sql.Named("b", 2))
		noteRows(notes, db, "SELECT :a")
		noteRows(notes, db, "SELECT ?", 1, 2)
		noteRows(notes, db, "SELECT ?, ?", 1)
		noteRows(notes, db, "SELECT ?3, ?1", 1, 2, 3)
		noteRows(notes, db, "SELECT 1", 1)
		noteExec(notes, db, "CREATE TABLE t(a, b)")
		noteExec(notes, db, "INSERT INTO t VALUES (?, ?)", 1)
		noteExec(notes, db, "INSERT INTO t VALUES (:a, :b)", sql.Named("b", 2), sql.Named("a", 1))
		noteRows(notes, db, "SELECT * FROM t")
	})
}

func TestSeveralStatements(t *testing.T) {
	compare(t, "?_last_result_set=1", func(t *testing.T, db *sql.DB, notes *transcript) {
		db.SetMaxOpenConns(1)
		noteExec(notes, db, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, ?); INSERT INTO t VALUES (?, ?);", 10, 2, 20)
		noteRows(notes, db, "SELECT * FROM t")
		noteExec(notes, db, "INSERT INTO t VALUES (?, 0); INSERT INTO t VALUES (?, 0)", 3)
		noteRows(notes, db, "SELECT a FROM t ORDER BY a")
		noteRows(notes, db, "INSERT INTO t VALUES (?, ?); SELECT a, b FROM t WHERE a > ?", 5, 50, 1)
		noteRows(notes, db, "SELECT 1; SELECT 2 AS second")
		noteExec(notes, db, "INSERT INTO t VALUES (6, 60); nonsense; INSERT INTO t VALUES (7, 70)")
		noteRows(notes, db, "SELECT a FROM t ORDER BY a")
		noteEnd(notes, db, "")
		noteEnd(notes, db, " -- a comment")
		noteEnd(notes, db, ";;")
		noteRows(notes, db, "")
		noteEnd(notes, db, "CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET b = 1; SELECT 1; END; DROP TRIGGER x")
	})
}

func TestResults(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
		noteExec(notes, db, "INSERT INTO t(v) VALUES (1), (2), (3)")
		noteExec(notes, db, "UPDATE t SET v = v + 1 WHERE id < ?", 3)
		noteExec(notes, db, "UPDATE t SET v = 1 WHERE id > 10")
		noteExec(notes, db, "REPLACE INTO t VALUES (3, 9)")
		noteExec(notes, db, "DELETE FROM t WHERE id = 1")
		noteRows(notes, db, "INSERT INTO t(v) VALUES (7), (8) RETURNING id, v")
		noteRows(notes, db, "SELECT count(*), max(id) FROM t")
		noteRows(notes, db, "SELECT id FROM t WHERE id = 100")
		noteRows(notes, db, "PRAGMA table_info(t)")
		noteRows(notes, db, "EXPLAIN QUERY PLAN SELECT * FROM t")
	})
}

func TestErrors(t *testing.T) {
	compare(t, "?_foreign_keys=1", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL, c CHECK (c > 0))")
		noteExec(notes, db, "CREATE TABLE child(t REFERENCES t(id))")
		noteExec(notes, db, "INSERT INTO t VALUES (1, 1, 1, 1)")
		for _, query := range []string{
			"INSERT INTO t VALUES (1, 2, 1, 1)", "INSERT INTO t VALUES (2, 1, 1, 1)", "INSERT INTO t VALUES (2, 2, NULL, 1)",
			"INSERT INTO t VALUES (2, 2, 1, 0)", "INSERT INTO child VALUES (9)", "INSERT INTO t VALUES ('x', 2, 1, 1)",
			"SELEC", "SELECT * FROM missing", "SELECT missing FROM t", "INSERT INTO t VALUES (1)", "SELECT abs('a', 2)",
			"SELECT 'open", "COMMIT", "ROLLBACK TO nowhere", "CREATE TABLE t(x)", "SELECT json('{')",
			"SELECT abs(-9223372036854775808)", "ATTACH '/nowhere/at/all.db' AS x", "SELECT load_extension('x')",
		} {
			noteExec(notes, db, query)
			noteRows(notes, db, query)
			statement, err := db.Prepare(query)
			notes.note("prepare: %s", describe(err))
			if err == nil {
				notes.note("close: %s", describe(statement.Close()))
			}
		}
	})
}

// What goes wrong as a file is opened has the same code; our message names the file.
func TestErrorsOfFiles(t *testing.T) {
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.db")
	must(t, os.WriteFile(garbage, []byte(strings.Repeat("this is no database", 100)), 0o600))
	answers := map[string][]string{}
	for _, driver := range []string{theirs, ours} {
		notes := &transcript{}
		for _, name := range []string{
			filepath.Join(folder, "missing", "x.db"), folder, garbage, "file:" + garbage + "?mode=ro",
			"file:" + filepath.Join(folder, "missing.db") + "?mode=ro", "file:x?mode=nonsense", "file:x?vfs=nonsense",
		} {
			db, err := sql.Open(driver, name)
			must(t, err)
			_, err = db.Exec("SELECT * FROM sqlite_schema")
			found, _ := failureOf(err)
			notes.note("%s: %d, %d", name, found.code, found.extended)
			must(t, db.Close())
		}
		answers[driver] = notes.lines
	}
	reportDifferences(t, answers[theirs], answers[ours])
}

func TestBusy(t *testing.T) {
	compare(t, "?_busy_timeout=20&_txlock=immediate", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(v)")
		tx, err := db.Begin()
		must(t, err)
		_, err = db.Begin()
		notes.note("begin: %s", describe(err))
		noteExec(notes, db, "INSERT INTO t VALUES (1)")
		must(t, tx.Rollback())
		noteExec(notes, db, "INSERT INTO t VALUES (1)")
	})
}

func TestTransactions(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(v)")
		tx, err := db.Begin()
		must(t, err)
		noteExec(notes, tx, "INSERT INTO t VALUES (?)", 1)
		noteRows(notes, tx, "SELECT v FROM t")
		notes.note("rollback: %s", describe(tx.Rollback()))
		noteRows(notes, db, "SELECT v FROM t")
		tx, err = db.Begin()
		must(t, err)
		statement, err := tx.Prepare("INSERT INTO t VALUES (?)")
		must(t, err)
		for value := range 3 {
			_, err := statement.Exec(value)
			must(t, err)
		}
		notes.note("commit: %s", describe(tx.Commit()))
		notes.note("again: %s", describe(tx.Commit()))
		noteRows(notes, db, "SELECT v FROM t")
	})
}

func TestRowsWhileWriting(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
		noteExec(notes, db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "+
			"INSERT INTO t SELECT i, 0 FROM n")
		tx, err := db.Begin()
		must(t, err)
		rows, err := tx.Query("SELECT id FROM t WHERE v = 0 ORDER BY id")
		must(t, err)
		for rows.Next() {
			var id int64
			must(t, rows.Scan(&id))
			_, err := tx.Exec("INSERT INTO t(v) VALUES (?)", -id)
			must(t, err)
		}
		notes.note("rows: %s", describe(rows.Err()))
		must(t, tx.Commit())
		noteRows(notes, db, "SELECT count(*), sum(v) FROM t")
	})
}

func TestPreparedStatements(t *testing.T) {
	compare(t, "", func(t *testing.T, db *sql.DB, notes *transcript) {
		noteExec(notes, db, "CREATE TABLE t(v BOOLEAN)")
		statement, err := db.Prepare("SELECT v, ? FROM t")
		must(t, err)
		_, err = statement.Query()
		notes.note("too few: %s", describe(err))
		_, err = statement.Query(1, 2)
		notes.note("too many: %s", describe(err))
		noteExec(notes, db, "INSERT INTO t VALUES (1)")
		for range 2 {
			var truth, other any
			must(t, statement.QueryRow("x").Scan(&truth, &other))
			notes.note("%s %s", show(truth), show(other))
			noteEnd(notes, db, "DROP TABLE t")
			noteEnd(notes, db, "CREATE TABLE t(v INTEGER)")
			noteExec(notes, db, "INSERT INTO t VALUES (1)")
		}
		must(t, statement.Close())
	})
}

func TestNamesOfDatabases(t *testing.T) {
	booleans := []string{"0", "1", "true", "no", "OFF", "2", "maybe"}
	keys := map[string][]string{
		"_auto_vacuum": {"none", "1", "FULL", "incremental", "3"}, "_vacuum": {"2", "x"},
		"_busy_timeout": {"0", "123", "-1", "x", "1.5"}, "_timeout": {"7", "y"},
		"_case_sensitive_like": booleans, "_cslike": booleans, "_defer_foreign_keys": booleans, "_defer_fk": booleans,
		"_foreign_keys": booleans, "_fk": booleans, "_ignore_check_constraints": booleans,
		"_journal_mode": {"wal", "MEMORY", "off", "TRUNCATE", "persist", "delete", "x"}, "_journal": {"WAL", "y"},
		"_locking_mode": {"normal", "EXCLUSIVE"}, "_locking": {"exclusive"}, "_query_only": booleans,
		"_recursive_triggers": booleans, "_rt": booleans, "_secure_delete": append(booleans, "fast"),
		"_synchronous": {"0", "off", "1", "NORMAL", "2", "full", "3", "extra", "4"}, "_sync": {"OFF", "x"},
		"_writable_schema": booleans, "_cache_size": {"-4000", "77", "x"}, "_stmt_cache_size": {"0", "5", "-1", "x"},
		"_loc": {"auto", "UTC", "Nowhere/AtAll"}, "_mutex": {"no", "full", "x"},
		"_txlock": {"immediate", "Deferred", "EXCLUSIVE", "x"}, "_unknown": {"x"},
	}
	pragmas := []string{
		"auto_vacuum", "busy_timeout", "foreign_keys", "ignore_check_constraints", "journal_mode", "locking_mode",
		"query_only", "recursive_triggers", "secure_delete", "writable_schema", "cache_size",
	}
	for key, values := range keys {
		for _, value := range values {
			parameters := "?_synchronous=NORMAL&" + url.Values{key: {value}}.Encode()
			t.Run(key+"="+value, func(t *testing.T) {
				compare(t, parameters, func(t *testing.T, db *sql.DB, notes *transcript) {
					db.SetMaxOpenConns(1)
					ctx := context.Background()
					connection, err := db.Conn(ctx)
					notes.note("open: %s", describe(err))
					if err != nil {
						return
					}
					defer connection.Close()
					for _, pragma := range append(pragmas, "synchronous") {
						var set any
						err := connection.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&set)
						notes.note("%s: %s %s", pragma, show(set), describe(err))
					}
					var like any
					must(t, connection.QueryRowContext(ctx, "SELECT 'a' LIKE 'A'").Scan(&like))
					notes.note("like: %s", show(like))
				})
			})
		}
	}
}
