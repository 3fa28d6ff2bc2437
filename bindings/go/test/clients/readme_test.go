package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/sidelite/sidelite/bindings/go"
)

// tableOf is the table of README.md whose head is this.
func tableOf(t *testing.T, head string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	must(t, err)
	_, table, isThere := strings.Cut(string(text), "\n"+head+"\n")
	if !isThere {
		t.Fatalf("no table %s", head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n")[1:] {
		rows = append(rows, strings.Split(strings.Trim(row, "| "), " | "))
	}
	return rows
}

// What stands in the column of mattn/go-sqlite3 is right for the compiler, with these names.
func TestReadmeCodeOfMattn(t *testing.T) {
	var calls strings.Builder
	for _, row := range tableOf(t, "| mattn/go-sqlite3 | sidelite |") {
		for _, found := range regexp.MustCompile("`([^`]+\\(.*?)`").FindAllStringSubmatch(row[0], -1) {
			if strings.Contains(found[1], "==") {
				calls.WriteString("_ = ")
			}
			fmt.Fprintln(&calls, found[1])
		}
	}
	if strings.Count(calls.String(), "\n") < 15 {
		t.Errorf("the table has little code:\n%s", &calls)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	must(t, os.WriteFile(file, []byte(comingFrom+calls.String()+"}\n"), 0o600))
	if told, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("%s", told)
	}
}

const comingFrom = `package main

import (
	"database/sql"

	"github.com/mattn/go-sqlite3"
)

func main() {
	var (
		conn         *sqlite3.SQLiteConn
		target       *sqlite3.SQLiteConn
		err          error
		hook         func(*sqlite3.SQLiteConn) error
		plain        func(string) string
		newPlain     func() any
		compare      func(a, b string) int
		authorizer   func(int, string, string, string) int
		told         func(int, string, string, int64)
		toldBefore   func(sqlite3.SQLitePreUpdateData)
		rolledBack   func()
		image        []byte
		path         string
	)
`

// outcome is what the table says of an error.
func outcome(err error, success string) string {
	var left sqlite3.Error
	var right sidelite.Error
	switch {
	case err == nil:
		return success
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &left):
		return err.Error()
	case errors.As(err, &right) && right.Status == 0:
		return err.Error()
	}
	return "fails"
}

func pragma(t *testing.T, driver, parameters string) string {
	var level int
	must(t, openFor(t, driver, parameters).QueryRow("PRAGMA synchronous").Scan(&level))
	return []string{"OFF", "NORMAL", "FULL", "EXTRA"}[level]
}

func openFor(t *testing.T, driver, parameters string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, filepath.Join(t.TempDir(), "differ.db")+parameters)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE t(v UNIQUE ON CONFLICT ROLLBACK)")
	must(t, err)
	return db
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// afterFailure is what becomes of a write whose transaction SQLite has rolled back.
func afterFailure(t *testing.T, driver string, fail func(*sql.Tx) error) string {
	db := openFor(t, driver, "")
	tx, err := db.Begin()
	must(t, err)
	defer tx.Rollback()
	_, err = tx.Exec("INSERT INTO t VALUES (1)")
	must(t, err)
	if fail(tx) == nil {
		t.Fatal("it has not failed")
	}
	_, err = tx.Exec("INSERT INTO t VALUES (2)")
	if tx.Commit() == nil {
		t.Error("it is committed")
	}
	var count int
	must(t, db.QueryRow("SELECT count(*) FROM t").Scan(&count))
	if (count == 1) != (err == nil) {
		t.Errorf("%d rows after %v", count, err)
	}
	return outcome(err, "is committed by itself")
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n"

// differences are the rows of the table.
var differences = map[string]func(*testing.T, string) string{
	"`synchronous`, when the name says nothing": func(t *testing.T, driver string) string {
		return pragma(t, driver, "")
	},
	"`synchronous` with `_journal_mode=WAL`": func(t *testing.T, driver string) string {
		return pragma(t, driver, "?_journal_mode=WAL")
	},
	"a context that ends while a statement waits for a lock": func(t *testing.T, driver string) string {
		db := openFor(t, driver, "?_txlock=immediate&_busy_timeout=500")
		db.SetMaxOpenConns(2)
		tx, err := db.Begin()
		must(t, err)
		defer tx.Rollback()
		_, err = db.ExecContext(soon(t), "INSERT INTO t VALUES (1)")
		return outcome(err, "is done")
	},
	"after a write that was cancelled in a transaction, the next one": func(t *testing.T, driver string) string {
		return afterFailure(t, driver, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(soon(t), endless)
			return err
		})
	},
	"after a conflict that rolled the transaction back, the next write": func(t *testing.T, driver string) string {
		return afterFailure(t, driver, func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO t VALUES (1)")
			return err
		})
	},
	"a write in a read-only transaction": func(t *testing.T, driver string) string {
		tx, err := openFor(t, driver, "").BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
		must(t, err)
		defer tx.Rollback()
		_, err = tx.Exec("INSERT INTO t VALUES (1)")
		return outcome(err, "is done")
	},
	"isolation level Linearizable": func(t *testing.T, driver string) string {
		options := &sql.TxOptions{Isolation: sql.LevelLinearizable}
		tx, err := openFor(t, driver, "").BeginTx(context.Background(), options)
		if err == nil {
			must(t, tx.Rollback())
		}
		return outcome(err, "is passed over")
	},
	"the rows of `SELECT 1; SELECT 2`": func(t *testing.T, driver string) string {
		rows, err := openFor(t, driver, "").Query("SELECT 1; SELECT 2")
		must(t, err)
		defer rows.Close()
		var sets []string
		for isSet := true; isSet; isSet = rows.NextResultSet() {
			for rows.Next() {
				var value string
				must(t, rows.Scan(&value))
				sets = append(sets, value)
			}
		}
		return strings.Join(sets, ", and in the next result set ")
	},
	"a string that is no UTF-8": func(t *testing.T, driver string) string {
		_, err := openFor(t, driver, "").Exec("INSERT INTO t VALUES (?)", "\xff")
		return outcome(err, "is stored")
	},
}

func TestReadmeDifferences(t *testing.T) {
	rows := tableOf(t, "| | mattn/go-sqlite3 | sidelite |")
	if len(rows) != len(differences) {
		t.Errorf("%d rows, %d tests", len(rows), len(differences))
	}
	for _, row := range rows {
		difference, isThere := differences[row[0]]
		if !isThere {
			t.Errorf("no test for %q", row[0])
			continue
		}
		t.Run(row[0], func(t *testing.T) {
			for column, driver := range []string{theirs, ours} {
				if got := difference(t, driver); got != row[column+1] {
					t.Errorf("%s: %s; README.md: %s", driver, got, row[column+1])
				}
			}
		})
	}
}
