package clients

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

var migrations = fstest.MapFS{
	"00001_create.sql": {Data: []byte(`-- +goose Up
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO users(name) VALUES ('ada'), ('bob');
-- +goose Down
DROP TABLE users;
`)},
	"00002_trigger.sql": {Data: []byte(`-- +goose Up
CREATE TABLE log(what TEXT);
-- +goose StatementBegin
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN
  INSERT INTO log VALUES ('new: ' || new.name);
  INSERT INTO log VALUES ('; in a text');
END;
-- +goose StatementEnd
INSERT INTO users(name) VALUES ('cy');
-- +goose Down
DROP TRIGGER users_log;
DROP TABLE log;
`)},
	"00003_outside.sql": {Data: []byte(`-- +goose NO TRANSACTION
-- +goose Up
PRAGMA user_version = 7;
CREATE INDEX users_name ON users(name);
-- +goose Down
DROP INDEX users_name;
`)},
	"00004_broken.sql": {Data: []byte(`-- +goose Up
CREATE TABLE half(x);
INSERT INTO nowhere VALUES (1);
-- +goose Down
DROP TABLE half;
`)},
}

func openGoose(t *testing.T) (*sql.DB, *goose.Provider) {
	t.Helper()
	db, err := sql.Open(ours, filepath.Join(t.TempDir(), "goose.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations)
	must(t, err)
	return db, provider
}

func count(t *testing.T, db *sql.DB, query string) (number int) {
	t.Helper()
	must(t, db.QueryRow(query).Scan(&number))
	return number
}

func TestGooseMigratesUpAndDown(t *testing.T) {
	db, provider := openGoose(t)
	ctx := context.Background()
	_, err := provider.UpTo(ctx, 3)
	must(t, err)
	equal(t, count(t, db, "SELECT count(*) FROM users"), 3)
	equal(t, count(t, db, "SELECT count(*) FROM log"), 2)
	equal(t, count(t, db, "PRAGMA user_version"), 7)
	version, err := provider.GetDBVersion(ctx)
	must(t, err)
	equal(t, version, int64(3))
	_, err = provider.DownTo(ctx, 0)
	must(t, err)
	equal(t, count(t, db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'users%' OR name = 'log'"), 0)
}

func TestGooseUndoesABrokenMigration(t *testing.T) {
	db, provider := openGoose(t)
	if _, err := provider.Up(context.Background()); err == nil {
		t.Error("the broken migration went through")
	}
	equal(t, count(t, db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0)
	equal(t, count(t, db, "SELECT max(version_id) FROM goose_db_version"), 3)
}
