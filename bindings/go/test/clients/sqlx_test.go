package clients

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/sidelite/sidelite/bindings/go"
)

type place struct {
	ID      int64          `db:"id"`
	Name    string         `db:"name"`
	Country sql.NullString `db:"country"`
	Founded time.Time      `db:"founded"`
	Capital bool           `db:"capital"`
}

const schemaOfPlaces = `
CREATE TABLE place(id INTEGER PRIMARY KEY, name TEXT UNIQUE, country TEXT, founded DATETIME, capital BOOLEAN);
CREATE INDEX place_country ON place(country);`

func init() {
	// sqlx has to be told how a driver that it does not know writes parameters.
	sqlx.BindDriver(ours, sqlx.QUESTION)
}

func openSqlx(t *testing.T) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Connect(ours, filepath.Join(t.TempDir(), "sqlx.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.MustExec(schemaOfPlaces)
	return db
}

var places = []place{
	{1, "Paris", sql.NullString{String: "FR", Valid: true}, time.Date(987, 7, 3, 0, 0, 0, 0, time.UTC), true},
	{2, "Lyon", sql.NullString{String: "FR", Valid: true}, time.Date(1312, 1, 1, 12, 30, 0, 0, time.UTC), false},
	{3, "Atlantis", sql.NullString{}, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), false},
}

const insertPlace = "INSERT INTO place(id, name, country, founded, capital) " +
	"VALUES (:id, :name, :country, :founded, :capital)"

func TestSqlxNamesAndStructs(t *testing.T) {
	db := openSqlx(t)
	_, err := db.NamedExec(insertPlace, places)
	must(t, err)
	var read []place
	must(t, db.Select(&read, "SELECT * FROM place ORDER BY id"))
	for i := range read {
		if !read[i].Founded.Equal(places[i].Founded) {
			t.Errorf("founded %v", read[i].Founded)
		}
		read[i].Founded = places[i].Founded
	}
	equal(t, read, places)
	rows, err := db.NamedQuery("SELECT name FROM place WHERE country = :country", map[string]any{"country": "FR"})
	must(t, err)
	defer rows.Close()
	found := 0
	for rows.Next() {
		cells, err := rows.SliceScan()
		must(t, err)
		equal(t, cells[0], any(places[found].Name))
		found++
	}
	equal(t, found, 2)
}

func TestSqlxInAndMaps(t *testing.T) {
	db := openSqlx(t)
	_, err := db.NamedExec(insertPlace, places)
	must(t, err)
	query, arguments, err := sqlx.In("SELECT name FROM place WHERE id IN (?) ORDER BY id", []int{1, 3})
	must(t, err)
	var names []string
	must(t, db.Select(&names, db.Rebind(query), arguments...))
	equal(t, names, []string{"Paris", "Atlantis"})
	cells := map[string]any{}
	must(t, db.QueryRowx("SELECT name, capital, country FROM place WHERE id = 1").MapScan(cells))
	equal(t, cells, map[string]any{"name": "Paris", "capital": true, "country": "FR"})
}

func TestSqlxTransactionsAndErrors(t *testing.T) {
	db := openSqlx(t)
	tx := db.MustBegin()
	statement, err := tx.PrepareNamed(insertPlace)
	must(t, err)
	for _, place := range places {
		_, err := statement.Exec(place)
		must(t, err)
	}
	_, err = statement.Exec(place{ID: 9, Name: "Paris"})
	var failure sidelite.Error
	if !errors.As(err, &failure) || failure.ExtendedCode != sidelite.ErrConstraintUnique {
		t.Errorf("a second Paris: %v", err)
	}
	must(t, tx.Rollback())
	var left int
	must(t, db.Get(&left, "SELECT count(*) FROM place"))
	equal(t, left, 0)
}
