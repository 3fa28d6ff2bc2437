package sidelite_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sidelite/sidelite/bindings/go"
)

func filled(t testing.TB, rows int) *sidelite.Conn {
	t.Helper()
	db := native(t)
	run(t, db, "CREATE TABLE t(x, filler)")
	run(t, db, "INSERT INTO t SELECT i, zeroblob(500) FROM ("+series(rows)+")")
	return db
}

func Test_backup_to_a_file_tells_how_far_it_is(t *testing.T) {
	db, path := filled(t, 2000), scratchFile(t)
	var seen [][2]int64
	ok(t, db.Backup(bg, path, sidelite.CopyOptions{Pages: 50, Progress: func(remaining, total int64) {
		seen = append(seen, [2]int64{remaining, total})
	}}))
	if len(seen) == 0 {
		t.Error("it tells nothing")
	}
	for i, step := range seen {
		if step[0] > step[1] || i > 0 && step[0] >= seen[i-1][0] {
			t.Errorf("got %v", seen)
		}
	}
	same(t, cellOf[int](t, nativeFile(t, path, nil), "SELECT count(*) FROM t"), 2000)
}

func Test_backup_whose_progress_panics_is_cancelled(t *testing.T) {
	db, path := filled(t, 2000), scratchFile(t)
	func() {
		defer func() { same(t, recover(), any("why")) }()
		_ = db.Backup(bg, path, sidelite.CopyOptions{Pages: 1, Progress: func(_, _ int64) { panic("why") }})
	}()
	same(t, cellOf[int](t, db, "SELECT 1"), 1)
}

func Test_backup_to_another_connection(t *testing.T) {
	db, other := filled(t, 100), native(t)
	ok(t, db.BackupTo(bg, other, sidelite.CopyOptions{}))
	same(t, cellOf[int](t, other, "SELECT count(*) FROM t"), 100)
	ok(t, other.Close())
	wantError(t, db.BackupTo(bg, other, sidelite.CopyOptions{}), sidelite.ErrClosed)
}

func Test_backup_is_cancelled_and_leaves_the_target_as_it_was(t *testing.T) {
	db, path := filled(t, 3000), scratchFile(t)
	target := nativeFile(t, path, nil)
	run(t, target, "CREATE TABLE old(x)")
	ctx, cancel := context.WithCancel(bg)
	err := db.Backup(ctx, path, sidelite.CopyOptions{
		Pages: 1, Sleep: time.Millisecond, Progress: func(_, _ int64) { cancel() },
	})
	wantError(t, err, context.Canceled)
	same(t, cellOf[string](t, target, "SELECT name FROM sqlite_schema"), "old")
}

func Test_restore_replaces_the_database(t *testing.T) {
	path := scratchFile(t)
	ok(t, filled(t, 10).Backup(bg, path, sidelite.CopyOptions{Pages: -1}))
	db := native(t)
	run(t, db, "CREATE TABLE old(x)")
	ok(t, db.Restore(bg, path, sidelite.CopyOptions{}))
	same(t, cellOf[int](t, db, "SELECT count(*) FROM t"), 10)
	same(t, cellOf[int](t, db, "SELECT count(*) FROM sqlite_schema"), 1)
	wantError(t, db.Restore(bg, path+".none", sidelite.CopyOptions{}), sidelite.ErrCantOpen)
}

func Test_image_is_a_file_and_a_database_again(t *testing.T) {
	db, path := filled(t, 50), scratchFile(t)
	image, err := db.Serialize(bg, "")
	ok(t, err)
	ok(t, os.WriteFile(path, image, 0o600))
	same(t, cellOf[int](t, nativeFile(t, path, nil), "SELECT count(*) FROM t"), 50)
	other := native(t)
	ok(t, other.Deserialize(bg, image, sidelite.DeserializeOptions{ReadOnly: true}))
	same(t, cellOf[int](t, other, "SELECT count(*) FROM t"), 50)
	_, err = other.Exec(bg, "DELETE FROM t")
	wantError(t, err, sidelite.ErrReadonly)
	if other.Deserialize(bg, []byte("nothing of that kind"), sidelite.DeserializeOptions{}) == nil {
		t.Error("it is taken")
	}
}

func Test_script_file_runs_the_sql_in_a_file(t *testing.T) {
	db, path := native(t), scratchFile(t)
	ok(t, os.WriteFile(path, []byte("CREATE TABLE t(x); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"), 0o600))
	ok(t, db.ScriptFile(bg, path))
	equal(t, contents(t, db), []int{1, 2})
}

func Test_blob_is_written_and_read_in_parts(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "INSERT INTO t VALUES (?)", sidelite.ZeroBlob(10))
	blob, err := db.OpenBlob(bg, "t", "x", 1, sidelite.BlobOptions{Writable: true})
	ok(t, err)
	same(t, blob.Size(), 10)
	n, err := blob.Write([]byte("abc"))
	ok(t, err)
	same(t, n, 3)
	_, err = blob.WriteAt([]byte("xyz"), 7)
	ok(t, err)
	at, err := blob.Seek(-8, io.SeekEnd)
	ok(t, err)
	same(t, at, 2)
	all, err := io.ReadAll(blob)
	ok(t, err)
	equal(t, all, []byte("c\x00\x00\x00\x00xyz"))
	part := make([]byte, 4)
	n, err = blob.ReadAt(part, 8)
	same(t, n, 2)
	same(t, err, io.EOF)
	_, err = blob.Seek(0, io.SeekStart)
	ok(t, err)
	ok(t, iotest.TestReader(blob, []byte("abc\x00\x00\x00\x00xyz")))
	ok(t, blob.Close())
	equal(t, cellOf[[]byte](t, db, "SELECT x FROM t"), []byte("abc\x00\x00\x00\x00xyz"))
	if _, err := blob.ReadAt(part, 0); err == nil {
		t.Error("it is read after its end")
	}
}

func Test_blob_outside_of_its_size_is_refused(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "INSERT INTO t VALUES ('text'), (5)")
	blob, err := db.OpenBlob(bg, "t", "x", 1, sidelite.BlobOptions{})
	ok(t, err)
	for _, call := range []func() error{
		func() error { _, err := blob.ReadAt(make([]byte, 1), -1); return err },
		func() error { _, err := blob.ReadAt(make([]byte, 1), 4); return err },
		func() error { _, err := blob.WriteAt([]byte("ab"), 3); return err },
		func() error { _, err := blob.WriteAt([]byte("ab"), -1); return err },
		func() error { _, err := blob.WriteAt([]byte("ab"), 0); return err }, // it was opened for reading
		func() error { _, err := blob.Seek(-1, io.SeekStart); return err },
		func() error { _, err := blob.Seek(0, 7); return err },
	} {
		if call() == nil {
			t.Error("it is taken")
		}
	}
	_, err = db.OpenBlob(bg, "t", "x", 2, sidelite.BlobOptions{})
	wantError(t, err, sidelite.ErrError)
	_, err = db.OpenBlob(bg, "t", "x", 99, sidelite.BlobOptions{})
	wantError(t, err, sidelite.ErrError)
	// Its close tells once more of the write that failed.
	wantError(t, blob.Close(), sidelite.ErrReadonly)
}

func Test_blob_moves_to_another_row(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "INSERT INTO t VALUES ('one'), ('three')")
	blob, err := db.OpenBlob(bg, "t", "x", 1, sidelite.BlobOptions{})
	ok(t, err)
	ok(t, blob.Reopen(bg, 2))
	all, err := io.ReadAll(blob)
	ok(t, err)
	same(t, string(all), "three")
	ok(t, blob.Close())
}

func Test_blob_of_a_row_that_has_changed_is_aborted(t *testing.T) {
	db := native(t)
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "INSERT INTO t VALUES ('one')")
	blob, err := db.OpenBlob(bg, "t", "x", 1, sidelite.BlobOptions{})
	ok(t, err)
	run(t, db, "UPDATE t SET x = 'two'")
	_, err = io.ReadAll(blob)
	wantError(t, err, sidelite.ErrAbort)
	_ = blob.Close()
}

func Test_a_large_blob_in_parts(t *testing.T) {
	db := native(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	run(t, db, "CREATE TABLE t(x)")
	run(t, db, "INSERT INTO t VALUES (?)", sidelite.ZeroBlob(len(content)))
	blob, err := db.OpenBlob(bg, "t", "x", 1, sidelite.BlobOptions{Writable: true})
	ok(t, err)
	written, err := io.Copy(blob, bytes.NewReader(content))
	ok(t, err)
	same(t, written, int64(len(content)))
	_, err = blob.Seek(0, io.SeekStart)
	ok(t, err)
	var read bytes.Buffer
	_, err = io.Copy(&read, blob)
	ok(t, err)
	same(t, bytes.Equal(read.Bytes(), content), true)
	ok(t, blob.Close())
}

func Test_changesets_are_applied_undone_and_rebased(t *testing.T) {
	schema := "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(id INTEGER PRIMARY KEY)"
	from, to := native(t), native(t)
	ok(t, from.Script(bg, schema))
	ok(t, to.Script(bg, schema))
	session, err := from.OpenSession(bg, "t")
	ok(t, err)
	run(t, from, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
	run(t, from, "INSERT INTO u VALUES (1)")
	changeset, err := session.Changeset(bg)
	ok(t, err)
	patchset, err := session.Patchset(bg)
	ok(t, err)
	ok(t, session.Close())
	same(t, len(changeset) > 0 && len(patchset) > 0, true)

	run(t, to, "INSERT INTO t VALUES (2, 'mine')")
	_, err = to.ApplyChangeset(bg, changeset, sidelite.ConflictAbort)
	wantError(t, err, sidelite.ErrAbort)
	same(t, cellOf[int](t, to, "SELECT count(*) FROM t"), 1)
	applied, err := to.ApplyChangeset(bg, changeset, sidelite.ConflictReplace)
	ok(t, err)
	same(t, applied.Conflicts, 1)
	equal(t, column[string](t, to, "SELECT x FROM t"), []string{"a", "b"})
	same(t, cellOf[int](t, to, "SELECT count(*) FROM u"), 0)
	_, err = to.RebaseChangeset(bg, changeset, applied.Rebase)
	ok(t, err)
	inverse, err := to.InvertChangeset(bg, changeset)
	ok(t, err)
	_, err = to.ApplyChangeset(bg, inverse, sidelite.ConflictAbort)
	ok(t, err)
	same(t, cellOf[int](t, to, "SELECT count(*) FROM t"), 0)
	_, err = to.ApplyChangeset(bg, []byte("no changeset"), sidelite.ConflictAbort)
	wantError(t, err, sidelite.ErrCorrupt)
}
