/* Sessions and changesets: what one connection recorded, applied, undone and rebased on another. */
#include "faults.h"

enum { MALFORMED = 11, SCHEMA_DIFFERS = 17, ARGUMENTS = 4 };

/* A changeset, or what came of applying one. */
typedef struct bytes {
  unsigned char *data;
  uint32_t len;
} bytes;

typedef struct fixture {
  sidelite_queue *queue;
  sidelite_conn *from, *to;
  reply r;
} fixture;

#define SCHEMA "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c UNIQUE)"
#define ROWS "SELECT ifnull(group_concat(id || ':' || quote(a) || ':' || quote(b) || ':' || quote(c), ' '), '')" \
             " FROM (SELECT * FROM t ORDER BY id)"

static fixture fixture_new(void) {
  fixture f;
  memset(&f, 0, sizeof f);
  f.queue = queue_new();
  f.from = conn_open(f.queue, ":memory:", NULL);
  f.to = conn_open(f.queue, ":memory:", NULL);
  return f;
}

static void fixture_free(fixture *f) {
  reply_clear(&f->r);
  conn_close(f->queue, f->from, SIDELITE_CLOSE_DRAIN);
  conn_close(f->queue, f->to, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(f->queue, -1), 0);
}

static void both(fixture *f, const char *sql) {
  CHECK_EQ(exec(f->queue, f->from, sql), SIDELITE_OK);
  CHECK_EQ(exec(f->queue, f->to, sql), SIDELITE_OK);
}

static void ok(fixture *f, sidelite_conn *conn, const char *sql) {
  int32_t code = exec(f->queue, conn, sql);
  if (code) fprintf(stderr, "%s\n", sql);
  CHECK_EQ(code, SIDELITE_OK);
}

/* Runs a request with arguments; its reply stays in `f->r`. */
static int32_t command(fixture *f, sidelite_conn *conn, uint32_t kind, const sidelite_value *values, uint32_t ncols,
                       uint32_t nrows) {
  sidelite_request request = request_new(kind, NULL, &f->r);
  reply_clear(&f->r);
  request.values = values;
  request.ncols = ncols;
  request.nrows = nrows;
  return run_request(f->queue, conn, &request, &f->r);
}

static const char *message(const fixture *f) {
  CHECK(f->r.result != NULL && f->r.result->message != 0);
  return (const char *)f->r.result + f->r.result->message;
}

static bytes blob_at(const fixture *f, uint32_t column) {
  bytes b;
  CHECK_EQ(f->r.code, SIDELITE_OK);
  CHECK_EQ(sidelite_row_type(f->r.result, 0, column), SIDELITE_BLOB);
  b.len = sidelite_row_len(f->r.result, 0, column);
  b.data = (unsigned char *)malloc(b.len + 1);
  CHECK(b.data != NULL);
  if (b.len) memcpy(b.data, sidelite_row_blob(f->r.result, 0, column), b.len);
  return b;
}

static sidelite_value value_of(bytes b) {
  return sidelite_blob(b.len ? (const void *)b.data : (const void *)"", b.len);
}

static int64_t session_open(fixture *f, sidelite_conn *conn, const char *table) {
  sidelite_value value = sidelite_text(table);
  CHECK_EQ(command(f, conn, SIDELITE_SESSION_OPEN, &value, 1, 1), SIDELITE_OK);
  CHECK(!strcmp(sidelite_column_name(f->r.result, 0), "session"));
  CHECK_EQ(sidelite_row_int64(f->r.result, 0, 0), f->r.id);
  return f->r.id;
}

static bytes session_changes(fixture *f, sidelite_conn *conn, int64_t session, int patchset) {
  sidelite_value values[2];
  values[0] = sidelite_int(session);
  values[1] = sidelite_int(patchset);
  CHECK_EQ(command(f, conn, SIDELITE_SESSION_CHANGES, values, 2, 1), SIDELITE_OK);
  CHECK(!strcmp(sidelite_column_name(f->r.result, 0), "changeset"));
  return blob_at(f, 0);
}

static int32_t session_close(fixture *f, sidelite_conn *conn, int64_t session) {
  sidelite_value value = sidelite_int(session);
  return command(f, conn, SIDELITE_SESSION_CLOSE, &value, 1, 1);
}

/* What `sql` changes on a connection. */
static bytes recorded(fixture *f, sidelite_conn *conn, const char *sql) {
  int64_t session = session_open(f, conn, NULL);
  reply r = reply_new();
  bytes b;
  CHECK(sidelite_script(conn, sql, on_reply, &r) > 0);
  EXPECT(f->queue, &r, SIDELITE_OK);
  reply_clear(&r);
  b = session_changes(f, conn, session, 0);
  CHECK_EQ(session_close(f, conn, session), SIDELITE_OK);
  return b;
}

static int32_t apply(fixture *f, sidelite_conn *conn, bytes changeset, uint32_t conflict) {
  sidelite_value values[2];
  values[0] = value_of(changeset);
  values[1] = sidelite_int(conflict);
  return command(f, conn, SIDELITE_CHANGESET_APPLY, values, 2, 1);
}

static int64_t conflicts(const fixture *f) {
  CHECK(!strcmp(sidelite_column_name(f->r.result, 0), "conflicts"));
  CHECK(!strcmp(sidelite_column_name(f->r.result, 1), "rebase"));
  return sidelite_row_int64(f->r.result, 0, 0);
}

static void expect_text(fixture *f, sidelite_conn *conn, const char *sql, const char *expected) {
  reply r;
  const char *actual;
  CHECK_EQ(fetch(f->queue, conn, sql, &r), SIDELITE_OK);
  actual = sidelite_row_text(r.result, 0, 0);
  CHECK(actual != NULL);
  if (strcmp(actual, expected)) fprintf(stderr, "%s\n  is: %s\n  expected: %s\n", sql, actual, expected);
  CHECK(!strcmp(actual, expected));
  reply_clear(&r);
}

static void expect_same_rows(fixture *f) {
  reply r;
  CHECK_EQ(fetch(f->queue, f->from, ROWS, &r), SIDELITE_OK);
  expect_text(f, f->to, ROWS, sidelite_row_text(r.result, 0, 0));
  reply_clear(&r);
}

#define BEFORE "INSERT INTO t VALUES (1, 'one', 1, NULL), (2, 'two', 2.5, 2), (3, NULL, x'00ff', 3)"
#define CHANGES                                                                                            \
  "INSERT INTO t VALUES (4, 'a' || char(0) || 'b', NULL, 4), (-9223372036854775808, 1e308, zeroblob(3), 'c');" \
  "UPDATE t SET a = 'more', c = 22 WHERE id = 2; DELETE FROM t WHERE id = 1; UPDATE t SET id = 33 WHERE id = 3"

static void changeset_applied_elsewhere_gives_the_same_rows(void) {
  fixture f = fixture_new();
  bytes changeset;
  both(&f, SCHEMA);
  both(&f, BEFORE);
  changeset = recorded(&f, f.from, CHANGES);
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(conflicts(&f), 0);
  CHECK_EQ(f.r.changes, 6);
  CHECK_EQ(f.r.flags & IN_TRANSACTION, 0);
  expect_same_rows(&f);
  free(changeset.data);
  fixture_free(&f);
}

static void changeset_as_patchset_is_smaller_and_does_the_same(void) {
  fixture f = fixture_new();
  bytes changeset, patchset;
  sidelite_value value;
  int64_t session;
  both(&f, SCHEMA);
  both(&f, "INSERT INTO t VALUES (1, hex(zeroblob(500)), 1, 1), (2, hex(zeroblob(500)), 1, 2)");
  session = session_open(&f, f.from, NULL);
  ok(&f, f.from, "DELETE FROM t WHERE id = 1");
  ok(&f, f.from, "UPDATE t SET a = 'new' WHERE id = 2");
  changeset = session_changes(&f, f.from, session, 0);
  patchset = session_changes(&f, f.from, session, 1);
  CHECK(patchset.len + 1000 < changeset.len);
  CHECK_EQ(apply(&f, f.to, patchset, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(sidelite_row_len(f.r.result, 0, 1), 0);
  expect_same_rows(&f);
  /* It does not know what was there before. */
  value = value_of(patchset);
  CHECK_EQ(command(&f, f.to, SIDELITE_CHANGESET_INVERT, &value, 1, 1), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message(&f), "patchset"));
  free(changeset.data);
  free(patchset.data);
  fixture_free(&f);
}

static void changeset_inverted_undoes(void) {
  fixture f = fixture_new();
  bytes changeset, inverted, again;
  sidelite_value value;
  both(&f, SCHEMA);
  both(&f, BEFORE);
  changeset = recorded(&f, f.from, CHANGES);
  value = value_of(changeset);
  CHECK_EQ(command(&f, f.to, SIDELITE_CHANGESET_INVERT, &value, 1, 1), SIDELITE_OK);
  CHECK(!strcmp(sidelite_column_name(f.r.result, 0), "changeset"));
  inverted = blob_at(&f, 0);
  CHECK_EQ(apply(&f, f.from, inverted, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  expect_same_rows(&f);
  value = value_of(inverted);
  CHECK_EQ(command(&f, f.to, SIDELITE_CHANGESET_INVERT, &value, 1, 1), SIDELITE_OK);
  again = blob_at(&f, 0);
  CHECK_EQ(again.len, changeset.len);
  CHECK(!memcmp(again.data, changeset.data, again.len));
  free(changeset.data);
  free(inverted.data);
  free(again.data);
  fixture_free(&f);
}

/* A change that does not fit, and what each policy makes of it. */
typedef struct conflict {
  const char *name, *change, *before; /* what is recorded; what the other has done */
  const char *refusal;                /* of ABORT */
  const char *omitted, *replaced;     /* the rows afterwards */
} conflict;

static void conflict_meets_each_policy(void) {
  static const conflict all[] = {
      {"DATA", "UPDATE t SET a = 'theirs' WHERE id = 1", "UPDATE t SET a = 'ours'", "the row has other values",
       "1:'ours':0:NULL", "1:'theirs':0:NULL"},
      {"DATA of DELETE", "DELETE FROM t WHERE id = 1", "UPDATE t SET a = 'ours'", "the row has other values",
       "1:'ours':0:NULL", ""},
      {"NOTFOUND", "UPDATE t SET a = 'theirs' WHERE id = 1", "DELETE FROM t", "the row is not there", "", ""},
      {"CONFLICT", "INSERT INTO t VALUES (2, 'theirs', 0, 5)", "INSERT INTO t VALUES (2, 'ours', 0, 6)",
       "a row with this key is there already", "1:'base':0:NULL 2:'ours':0:6", "1:'base':0:NULL 2:'theirs':0:5"},
      {"CONSTRAINT", "INSERT INTO t VALUES (2, 'theirs', 0, 5)", "INSERT INTO t VALUES (3, 'ours', 0, 5)",
       "it violates a constraint", "1:'base':0:NULL 3:'ours':0:5", "1:'base':0:NULL 3:'ours':0:5"},
  };
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    for (uint32_t policy = SIDELITE_CONFLICT_ABORT; policy <= SIDELITE_CONFLICT_REPLACE; policy++) {
      const conflict *c = &all[i];
      fixture f = fixture_new();
      bytes changeset;
      both(&f, SCHEMA);
      both(&f, "INSERT INTO t VALUES (1, 'base', 0, NULL)");
      changeset = recorded(&f, f.from, c->change);
      ok(&f, f.to, c->before);
      ok(&f, f.to, "CREATE TABLE kept AS SELECT * FROM t");
      if (policy == SIDELITE_CONFLICT_ABORT) {
        CHECK_EQ(apply(&f, f.to, changeset, policy), SQLITE_ABORT);
        CHECK(strstr(message(&f), c->refusal));
        CHECK(strstr(message(&f), "table t "));
        CHECK_EQ(f.r.flags & IN_TRANSACTION, 0);
        CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM kept)"), 0);
        CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM t)"), 0);
      } else {
        CHECK_EQ(apply(&f, f.to, changeset, policy), SIDELITE_OK);
        CHECK_EQ(conflicts(&f), 1);
        expect_text(&f, f.to, ROWS, policy == SIDELITE_CONFLICT_OMIT ? c->omitted : c->replaced);
      }
      free(changeset.data);
      fixture_free(&f);
    }
  }
}

static void conflict_with_a_foreign_key_is_kept_by_omit_alone(void) {
  fixture f = fixture_new();
  bytes changeset;
  both(&f, "CREATE TABLE parent(id INTEGER PRIMARY KEY)");
  both(&f, "CREATE TABLE child(id INTEGER PRIMARY KEY, parent REFERENCES parent)");
  both(&f, "INSERT INTO parent VALUES (1)");
  changeset = recorded(&f, f.from, "INSERT INTO child VALUES (7, 1), (8, NULL)");
  ok(&f, f.to, "DELETE FROM parent");
  ok(&f, f.to, "PRAGMA foreign_keys = ON");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_CONSTRAINT_FOREIGNKEY);
  CHECK(strstr(message(&f), "FOREIGN KEY"));
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_REPLACE), SQLITE_CONSTRAINT_FOREIGNKEY);
  CHECK_EQ(f.r.flags & IN_TRANSACTION, 0);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM child"), 0);
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_OMIT), SIDELITE_OK);
  CHECK_EQ(conflicts(&f), 1);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM child"), 2);
  free(changeset.data);
  fixture_free(&f);
}

static void conflict_after_many_changes_undoes_them_all(void) {
  fixture f = fixture_new();
  bytes changeset;
  both(&f, SCHEMA);
  changeset = recorded(&f, f.from, "INSERT INTO t SELECT i, i, i, i FROM (" COUNT_TO("1000") ")");
  ok(&f, f.to, "INSERT INTO t VALUES (1000, 0, 0, 0)");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_ABORT);
  CHECK_EQ(f.r.changes, 0);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 1);
  /* In a transaction of the host's, which stays open, only they. */
  ok(&f, f.to, "BEGIN");
  ok(&f, f.to, "INSERT INTO t VALUES (2000, 0, 0, NULL)");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_ABORT);
  CHECK_EQ(f.r.flags & STEP_FLAGS, IN_TRANSACTION);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 2);
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_OMIT), SIDELITE_OK);
  CHECK_EQ(f.r.flags & STEP_FLAGS, IN_TRANSACTION);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 1001);
  ok(&f, f.to, "ROLLBACK");
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 1);
  free(changeset.data);
  fixture_free(&f);
}

/* Both sides changed the same row: what was applied here with a conflict is made to fit there. */
static void rebased_changeset_brings_both_sides_together(void) {
  for (uint32_t policy = SIDELITE_CONFLICT_OMIT; policy <= SIDELITE_CONFLICT_REPLACE; policy++) {
    fixture f = fixture_new();
    bytes ours, theirs, left, rebased;
    sidelite_value values[2];
    both(&f, SCHEMA);
    both(&f, BEFORE);
    ours = recorded(&f, f.from, "UPDATE t SET a = 'ours', b = 10 WHERE id = 2; INSERT INTO t VALUES (8, 'ours', 1, NULL)");
    theirs = recorded(&f, f.to, "UPDATE t SET a = 'theirs' WHERE id = 2; INSERT INTO t VALUES (8, 'theirs', 2, NULL)");
    CHECK_EQ(apply(&f, f.from, theirs, policy), SIDELITE_OK);
    CHECK_EQ(conflicts(&f), 2);
    left = blob_at(&f, 1);
    CHECK(left.len > 0);
    values[0] = value_of(ours);
    values[1] = value_of(left);
    CHECK_EQ(command(&f, f.to, SIDELITE_CHANGESET_REBASE, values, 2, 1), SIDELITE_OK);
    rebased = blob_at(&f, 0);
    CHECK_EQ(apply(&f, f.to, rebased, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
    CHECK_EQ(conflicts(&f), 0);
    expect_same_rows(&f);
    free(ours.data);
    free(theirs.data);
    free(left.data);
    free(rebased.data);
    fixture_free(&f);
  }
}

/* SQLite would read the rows of the one as if they were those of the other. */
static void rebase_of_another_table_with_the_same_name_is_refused(void) {
  fixture f = fixture_new();
  bytes ours, left;
  sidelite_value values[2];
  ok(&f, f.from, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c, d, e)");
  ok(&f, f.from, "INSERT INTO t VALUES (1, 2, 3, 4, 5, 6)");
  ours = recorded(&f, f.from, "UPDATE t SET a = 'ours', e = 'ours'");
  ok(&f, f.to, "CREATE TABLE T(id INTEGER PRIMARY KEY, a)");
  ok(&f, f.to, "INSERT INTO t VALUES (1, 2)");
  left = recorded(&f, f.to, "UPDATE t SET a = 'theirs'");
  ok(&f, f.to, "UPDATE t SET a = 'other'");
  CHECK_EQ(apply(&f, f.to, left, SIDELITE_CONFLICT_REPLACE), SIDELITE_OK);
  free(left.data);
  left = blob_at(&f, 1);
  CHECK(left.len > 0);
  values[0] = value_of(ours);
  values[1] = value_of(left);
  CHECK_EQ(command(&f, f.to, SIDELITE_CHANGESET_REBASE, values, 2, 1), SCHEMA_DIFFERS);
  free(ours.data);
  free(left.data);
  fixture_free(&f);
}

static void session_records_the_tables_that_it_was_told_of(void) {
  fixture f = fixture_new();
  sidelite_value two[2];
  int64_t all, one, both_tables, missing;
  bytes of_all, of_one, of_both, of_missing;
  CHECK_EQ(exec(f.queue, f.from, "CREATE TABLE a(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  ok(&f, f.from, "CREATE TABLE b(id TEXT PRIMARY KEY) WITHOUT ROWID");
  ok(&f, f.from, "CREATE TABLE keyless(id)");
  all = session_open(&f, f.from, NULL);
  one = session_open(&f, f.from, "A");
  missing = session_open(&f, f.from, "later");
  two[0] = sidelite_text("a");
  two[1] = sidelite_text("b");
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_OPEN, two, 1, 2), SIDELITE_OK);
  both_tables = f.r.id;
  ok(&f, f.from, "CREATE TABLE later(id INTEGER PRIMARY KEY)");
  ok(&f, f.from, "INSERT INTO a VALUES (1)");
  ok(&f, f.from, "INSERT INTO b VALUES ('x')");
  ok(&f, f.from, "INSERT INTO keyless VALUES (1)");
  ok(&f, f.from, "INSERT INTO later VALUES (5)");
  of_all = session_changes(&f, f.from, all, 0);
  of_one = session_changes(&f, f.from, one, 0);
  of_both = session_changes(&f, f.from, both_tables, 0);
  of_missing = session_changes(&f, f.from, missing, 0);
  CHECK(of_one.len < of_both.len && of_both.len < of_all.len && of_missing.len > 0);
  /* Tables that are not there are left out. */
  ok(&f, f.to, "CREATE TABLE a(id INTEGER PRIMARY KEY)");
  ok(&f, f.to, "CREATE TABLE b(id TEXT PRIMARY KEY) WITHOUT ROWID");
  CHECK_EQ(apply(&f, f.to, of_both, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(f.r.changes, 2);
  CHECK_EQ(apply(&f, f.to, of_missing, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(f.r.changes, 0);
  ok(&f, f.to, "CREATE TABLE later(id INTEGER PRIMARY KEY)");
  CHECK_EQ(apply(&f, f.to, of_all, SIDELITE_CONFLICT_OMIT), SIDELITE_OK);
  CHECK_EQ(conflicts(&f), 2);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT id FROM later"), 5);
  free(of_all.data);
  free(of_one.data);
  free(of_both.data);
  free(of_missing.data);
  fixture_free(&f);
}

static void session_records_the_database_that_it_was_told_of(void) {
  fixture f = fixture_new();
  sidelite_value values[4];
  int64_t session;
  bytes b;
  both(&f, SCHEMA);
  ok(&f, f.from, "ATTACH ':memory:' AS other");
  ok(&f, f.from, "CREATE TABLE other.t(id INTEGER PRIMARY KEY, a, b, c UNIQUE)");
  values[0] = sidelite_null();
  values[1] = sidelite_text("OTHER");
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_OPEN, values, 2, 1), SIDELITE_OK);
  session = f.r.id;
  ok(&f, f.from, "INSERT INTO main.t VALUES (1, 1, 1, 1)");
  ok(&f, f.from, "INSERT INTO other.t VALUES (2, 2, 2, 2)");
  b = session_changes(&f, f.from, session, 0);
  CHECK_EQ(apply(&f, f.to, b, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  expect_text(&f, f.to, ROWS, "2:2:2:2");
  values[1] = sidelite_text("nowhere");
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_OPEN, values, 2, 1), SQLITE_ERROR);
  CHECK(strstr(message(&f), "nowhere"));
  values[0] = values[2] = sidelite_text("t");
  values[1] = sidelite_text("main");
  values[3] = sidelite_text("other");
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_OPEN, values, 2, 2), SIDELITE_ERR_MISUSE);
  free(b.data);
  fixture_free(&f);
}

static void session_knows_nothing_of_what_was_rolled_back(void) {
  fixture f = fixture_new();
  int64_t session;
  bytes b;
  both(&f, SCHEMA);
  session = session_open(&f, f.from, "t");
  b = session_changes(&f, f.from, session, 0);
  CHECK_EQ(b.len, 0);
  CHECK_EQ(apply(&f, f.to, b, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  free(b.data);
  ok(&f, f.from, "BEGIN");
  ok(&f, f.from, "INSERT INTO t VALUES (1, 'gone', 0, NULL)");
  ok(&f, f.from, "ROLLBACK");
  b = session_changes(&f, f.from, session, 0);
  CHECK_EQ(b.len, 0);
  free(b.data);
  ok(&f, f.from, "BEGIN");
  ok(&f, f.from, "INSERT INTO t VALUES (2, 'stays', 0, NULL)");
  ok(&f, f.from, "SAVEPOINT s");
  ok(&f, f.from, "INSERT INTO t VALUES (3, 'gone', 0, NULL)");
  ok(&f, f.from, "UPDATE t SET a = 'gone'");
  ok(&f, f.from, "ROLLBACK TO s");
  CHECK_EQ(exec(f.queue, f.from, "INSERT INTO t VALUES (2, 'never', 0, NULL)"), SQLITE_CONSTRAINT_PRIMARYKEY);
  ok(&f, f.from, "COMMIT");
  ok(&f, f.from, "BEGIN");
  ok(&f, f.from, "INSERT INTO t VALUES (4, 'second', 0, NULL)");
  ok(&f, f.from, "COMMIT");
  b = session_changes(&f, f.from, session, 0);
  CHECK_EQ(apply(&f, f.to, b, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(f.r.changes, 2);
  expect_same_rows(&f);
  free(b.data);
  fixture_free(&f);
}

/* SQLite forgets all rows at once if nobody looks, and decides when it prepares the statement. */
static void session_sees_rows_deleted_by_a_statement_prepared_before_it(void) {
  fixture f = fixture_new();
  int64_t session;
  bytes changeset;
  both(&f, SCHEMA);
  ok(&f, f.from, "DELETE FROM t");
  both(&f, BEFORE);
  session = session_open(&f, f.from, NULL);
  ok(&f, f.from, "DELETE FROM t");
  changeset = session_changes(&f, f.from, session, 0);
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  expect_text(&f, f.to, ROWS, "");
  free(changeset.data);
  fixture_free(&f);
}

static void session_that_is_open_ends_with_its_connection(void) {
  for (uint32_t mode = SIDELITE_CLOSE_DRAIN; mode <= SIDELITE_CLOSE_CANCEL; mode++) {
    fixture f = fixture_new();
    int64_t sessions[3], closed;
    for (int i = 0; i < 3; i++) sessions[i] = session_open(&f, f.from, i ? "t" : NULL);
    both(&f, SCHEMA);
    both(&f, "INSERT INTO t SELECT i, hex(zeroblob(100)), 0, NULL FROM (" COUNT_TO("500") ")");
    closed = sessions[1];
    CHECK_EQ(session_close(&f, f.from, closed), SIDELITE_OK);
    CHECK_EQ(session_close(&f, f.from, closed), SIDELITE_ERR_MISUSE);
    ok(&f, f.from, "DELETE FROM t");
    reply_clear(&f.r);
    conn_close(f.queue, f.from, mode);
    conn_close(f.queue, f.to, mode);
    CHECK_EQ(sidelite_queue_free(f.queue, -1), 0);
  }
}

static void bad_arguments_are_misuse(void) {
  fixture f = fixture_new();
  sidelite_value wrong[ARGUMENTS], none = sidelite_null(), blob = sidelite_blob("", 0), number = sidelite_int(1);
  static const uint32_t kinds[] = {SIDELITE_SESSION_CHANGES, SIDELITE_SESSION_CLOSE, SIDELITE_CHANGESET_APPLY,
                                   SIDELITE_CHANGESET_INVERT, SIDELITE_CHANGESET_REBASE};
  int64_t session = session_open(&f, f.from, NULL);
  for (size_t i = 0; i < COUNT_OF(kinds); i++) {
    CHECK_EQ(command(&f, f.from, kinds[i], NULL, 0, 1), SIDELITE_ERR_MISUSE);
    CHECK_EQ(command(&f, f.from, kinds[i], &none, 1, 1), SIDELITE_ERR_MISUSE);
    wrong[0] = sidelite_text("text");
    CHECK_EQ(command(&f, f.from, kinds[i], wrong, 1, 1), SIDELITE_ERR_MISUSE);
    for (int k = 0; k < ARGUMENTS; k++) wrong[k] = sidelite_null();
    CHECK_EQ(command(&f, f.from, kinds[i], wrong, ARGUMENTS, 1), SIDELITE_ERR_MISUSE);
  }
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_OPEN, &number, 1, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(command(&f, f.from, SIDELITE_CHANGESET_APPLY, &number, 1, 1), SIDELITE_ERR_MISUSE);
  wrong[0] = blob;
  wrong[1] = sidelite_int(3);
  CHECK_EQ(command(&f, f.from, SIDELITE_CHANGESET_APPLY, wrong, 2, 1), SIDELITE_ERR_MISUSE);
  wrong[0] = sidelite_int(session);
  wrong[1] = sidelite_int(2);
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_CHANGES, wrong, 2, 1), SIDELITE_ERR_MISUSE);
  wrong[0] = sidelite_int(session + 100);
  CHECK_EQ(command(&f, f.from, SIDELITE_SESSION_CHANGES, wrong, 1, 1), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message(&f), "SESSION_OPEN"));
  /* Of another connection, which has not so many requests. */
  wrong[0] = sidelite_int(session);
  CHECK_EQ(command(&f, f.to, SIDELITE_SESSION_CLOSE, wrong, 1, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(session_close(&f, f.from, session), SIDELITE_OK);
  CHECK_EQ(session_close(&f, f.from, session), SIDELITE_ERR_MISUSE);
  fixture_free(&f);
}

#ifdef __SANITIZE_ADDRESS__
/* SQLite 3.54 loses a record of a rebase that names a row twice, which only a malformed one does. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:sessionChangeMerge\n";
}
#endif

/* Each bit may be wrong, and bytes may be missing: what cannot be read is refused, and what can is whole. */
static void malformed_changeset_is_refused_and_harms_nothing(void) {
  static const uint32_t kinds[] = {SIDELITE_CHANGESET_APPLY, SIDELITE_CHANGESET_INVERT, SIDELITE_CHANGESET_REBASE};
  const char *given = getenv("SIDELITE_SEED");
  uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)now_ms(), state = seed * 2 + 1;
  fixture f = fixture_new();
  int refused = 0, rounds = SCALED(6000);
  bytes good, left, bad;
  both(&f, SCHEMA);
  both(&f, "CREATE TABLE u(x, y, z, PRIMARY KEY(y, x)) WITHOUT ROWID");
  both(&f, BEFORE);
  both(&f, "INSERT INTO u VALUES (1, 'a', NULL), (2, 'b', 2.5)");
  good = recorded(&f, f.from, CHANGES "; INSERT INTO u VALUES (3, 'c', x'01'); UPDATE u SET z = 'z' WHERE x = 1;"
                              " DELETE FROM u WHERE x = 2");
  ok(&f, f.to, "UPDATE t SET a = 'other'");
  ok(&f, f.to, "CREATE TABLE kept AS SELECT * FROM t");
  ok(&f, f.to, "SAVEPOINT clean");
  CHECK_EQ(apply(&f, f.to, good, SIDELITE_CONFLICT_REPLACE), SIDELITE_OK);
  left = blob_at(&f, 1);
  ok(&f, f.to, "ROLLBACK TO clean");
  ok(&f, f.to, "RELEASE clean");
  bad.data = (unsigned char *)malloc(good.len + left.len);
  CHECK(bad.data != NULL && left.len > 0);
  printf("seed %" PRIu64 "\n", seed);
  fflush(stdout);
  for (int round = 0; round < rounds; round++) {
    uint32_t kind = kinds[round % 3];
    /* Of REBASE either may be wrong. */
    bytes source = kind == SIDELITE_CHANGESET_REBASE && round % 2 ? left : good;
    sidelite_value values[2];
    uint32_t flips;
    int32_t code;
#define RANDOM(n) (state = state * 6364136223846793005u + 1442695040888963407u, (uint32_t)((state >> 33) % (n)))
    bad.len = RANDOM(8) ? source.len : RANDOM(source.len);
    memcpy(bad.data, source.data, source.len);
    for (flips = 1 + RANDOM(4); flips; flips--) {
      uint32_t at = RANDOM(source.len);
      bad.data[at] = (unsigned char)(RANDOM(3) ? bad.data[at] ^ (1u << RANDOM(8)) : RANDOM(256));
    }
    values[0] = value_of(source.data == good.data ? bad : good);
    values[1] = kind == SIDELITE_CHANGESET_APPLY ? sidelite_int(round / 3 % 3)
                                                 : value_of(source.data == good.data ? left : bad);
    if (kind == SIDELITE_CHANGESET_APPLY) ok(&f, f.to, "SAVEPOINT clean");
    code = command(&f, f.to, kind, values, kind == SIDELITE_CHANGESET_INVERT ? 1 : 2, 1);
    refused += code != SIDELITE_OK;
    if (kind == SIDELITE_CHANGESET_APPLY) {
      if (code) CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM kept)"), 0);
      ok(&f, f.to, "ROLLBACK TO clean");
      ok(&f, f.to, "RELEASE clean");
    }
  }
  CHECK(refused > rounds / 4);
  expect_text(&f, f.to, "PRAGMA integrity_check", "ok");
  CHECK_EQ(apply(&f, f.to, good, SIDELITE_CONFLICT_REPLACE), SIDELITE_OK);
  memset(bad.data, 'x', bad.len = good.len);
  CHECK_EQ(apply(&f, f.to, bad, SIDELITE_CONFLICT_ABORT), MALFORMED);
  CHECK(strstr(message(&f), "changeset is malformed"));
  free(good.data);
  free(left.data);
  free(bad.data);
  fixture_free(&f);
}

static void changeset_beyond_the_limit_of_results_is_too_big(void) {
  fixture f = fixture_new();
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *conn;
  int64_t session;
  sidelite_value values[2];
  bytes changeset;
  config.max_result_bytes = 4096;
  conn = conn_open(f.queue, ":memory:", &config);
  both(&f, SCHEMA);
  ok(&f, conn, SCHEMA);
  session = session_open(&f, conn, NULL);
  ok(&f, conn, "INSERT INTO t VALUES (1, zeroblob(100000), 1, 1)");
  values[0] = sidelite_int(session);
  CHECK_EQ(command(&f, conn, SIDELITE_SESSION_CHANGES, values, 1, 1), SIDELITE_ERR_TOO_BIG);
  CHECK(strstr(message(&f), "max_result_bytes"));
  changeset = recorded(&f, f.from, "INSERT INTO t SELECT i, zeroblob(1000), 0, NULL FROM (" COUNT_TO("100") ")");
  values[0] = value_of(changeset);
  values[1] = sidelite_blob("", 0);
  CHECK_EQ(command(&f, conn, SIDELITE_CHANGESET_INVERT, values, 1, 1), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(command(&f, conn, SIDELITE_CHANGESET_REBASE, values, 2, 1), SIDELITE_ERR_TOO_BIG);
  /* What cannot be told is not done either. */
  ok(&f, conn, "DELETE FROM t");
  ok(&f, conn, "INSERT INTO t SELECT i, 0, 0, NULL FROM (" COUNT_TO("100") ")");
  CHECK_EQ(apply(&f, conn, changeset, SIDELITE_CONFLICT_REPLACE), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(fetch_int(f.queue, conn, "SELECT sum(a = 0) FROM t"), 100);
  ok(&f, conn, "BEGIN");
  CHECK_EQ(apply(&f, conn, changeset, SIDELITE_CONFLICT_REPLACE), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(f.r.flags & STEP_FLAGS, IN_TRANSACTION);
  CHECK_EQ(fetch_int(f.queue, conn, "SELECT sum(a = 0) FROM t"), 100);
  conn_close(f.queue, conn, SIDELITE_CLOSE_DRAIN);
  free(changeset.data);
  fixture_free(&f);
}

/* A function that SQL calls for each row that is applied: it counts, and waits at the first. */
typedef struct turnstile {
  gate g;
  int calls, waits, sleeps_ms;
} turnstile;

static int32_t turnstile_pass(void *context, void **group, const sidelite_value *args, uint32_t n,
                              sidelite_value *value) {
  turnstile *t = (turnstile *)context;
  (void)group, (void)args, (void)n, (void)value;
  if (t->calls++) return SIDELITE_OK;
  if (t->sleeps_ms) sleep_ms(t->sleeps_ms);
  return t->waits ? gate_pass(NULL, &t->g) : SIDELITE_OK;
}

static void turnstile_install(fixture *f, turnstile *t) {
  sidelite_function_config config;
  reply r = reply_new();
  memset(t, 0, sizeof *t);
  pthread_mutex_init(&t->g.mutex, NULL);
  pthread_cond_init(&t->g.changed, NULL);
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.kind = SIDELITE_FUNCTION_SCALAR;
  config.name = "turnstile";
  config.call = turnstile_pass;
  config.context = t;
  CHECK(sidelite_create_function(f->to, &config, on_reply, &r) > 0);
  EXPECT(f->queue, &r, SIDELITE_OK);
  reply_clear(&r);
  ok(f, f->to, "CREATE TRIGGER each AFTER INSERT ON t BEGIN SELECT turnstile(); END");
}

static void turnstile_wait(turnstile *t) {
  pthread_mutex_lock(&t->g.mutex);
  while (!t->g.reached) pthread_cond_wait(&t->g.changed, &t->g.mutex);
  pthread_mutex_unlock(&t->g.mutex);
}

static void apply_that_is_long_is_reached_by_cancel_and_by_its_deadline(void) {
  enum { MANY = 20000 };
  fixture f = fixture_new();
  sidelite_request request = request_new(SIDELITE_CHANGESET_APPLY, NULL, &f.r);
  sidelite_value value;
  turnstile t;
  int64_t id;
  bytes changeset;
  both(&f, SCHEMA);
  turnstile_install(&f, &t);
  changeset = recorded(&f, f.from, "INSERT INTO t SELECT i, i, i, i FROM (" COUNT_TO("20000") ")");
  value = value_of(changeset);
  request.values = &value;
  request.ncols = 1;
  reply_clear(&f.r);
  t.waits = 1;
  id = sidelite_submit(f.to, &request, 1);
  CHECK(id > 0);
  turnstile_wait(&t);
  CHECK_EQ(sidelite_cancel(f.to, id), SIDELITE_OK);
  gate_open(&t.g);
  EXPECT(f.queue, &f.r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(f.r.flags & (IN_TRANSACTION | NOT_RUN), 0);
  CHECK(t.calls < MANY);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 0);
  /* Small as each statement is: the deadline has passed when the first row is in. */
  t.calls = t.waits = 0;
  t.sleeps_ms = 60;
  reply_clear(&f.r);
  request.timeout_ms = 50;
  CHECK_EQ(run_request(f.queue, f.to, &request, &f.r), SIDELITE_ERR_TIMEOUT);
  CHECK(t.calls < MANY);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 0);
  /* Where every change is a conflict, too; the neighbour is not hit. */
  ok(&f, f.to, "INSERT INTO t SELECT i, 0, 0, NULL FROM (" COUNT_TO("20000") ")");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_OMIT), SIDELITE_OK);
  CHECK_EQ(conflicts(&f), MANY);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT sum(a) FROM t"), 0);
  free(changeset.data);
  fixture_free(&f);
}

static void apply_that_is_long_is_reached_by_close(void) {
  fixture f = fixture_new();
  sidelite_request request = request_new(SIDELITE_CHANGESET_APPLY, NULL, &f.r);
  sidelite_value value;
  reply closed = reply_new();
  turnstile t;
  bytes changeset;
  both(&f, SCHEMA);
  turnstile_install(&f, &t);
  changeset = recorded(&f, f.from, "INSERT INTO t SELECT i, i, i, i FROM (" COUNT_TO("20000") ")");
  value = value_of(changeset);
  request.values = &value;
  request.ncols = 1;
  reply_clear(&f.r);
  t.waits = 1;
  CHECK(sidelite_submit(f.to, &request, 1) > 0);
  turnstile_wait(&t);
  CHECK_EQ(sidelite_close(f.to, SIDELITE_CLOSE_CANCEL, on_reply, &closed), SIDELITE_OK);
  gate_open(&t.g);
  EXPECT(f.queue, &f.r, SIDELITE_ERR_CANCELLED);
  EXPECT(f.queue, &closed, SIDELITE_OK);
  CHECK(t.calls < 20000);
  reply_clear(&closed);
  reply_clear(&f.r);
  free(changeset.data);
  conn_close(f.queue, f.from, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(f.queue, -1), 0);
}

static void apply_that_finds_the_disk_full_leaves_nothing(void) {
  fixture f = fixture_new();
  bytes changeset;
  both(&f, SCHEMA);
  changeset = recorded(&f, f.from, "INSERT INTO t SELECT i, zeroblob(3000), 0, NULL FROM (" COUNT_TO("200") ")");
  ok(&f, f.to, "PRAGMA max_page_count = 50");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_REPLACE), SQLITE_FULL);
  CHECK_EQ(f.r.flags & IN_TRANSACTION, 0);
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), 0);
  ok(&f, f.to, "BEGIN");
  ok(&f, f.to, "INSERT INTO t VALUES (1000, 0, 0, 0)");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_REPLACE), SQLITE_FULL);
  /* The host's transaction is open as before, or it hears that it was lost. */
  CHECK(f.r.flags & (IN_TRANSACTION | ROLLED_BACK));
  CHECK((f.r.flags & (IN_TRANSACTION | ROLLED_BACK)) != (IN_TRANSACTION | ROLLED_BACK));
  CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), f.r.flags & IN_TRANSACTION ? 1 : 0);
  free(changeset.data);
  fixture_free(&f);
}

static void apply_waits_for_locks_and_leaves_none_behind(void) {
  const char *directory = scratch_new();
  char path[4200];
  sidelite_open_config config = open_config_new(0);
  fixture f = fixture_new();
  sidelite_conn *conn, *other;
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_CHANGESET_APPLY, NULL, &r);
  sidelite_value value;
  bytes changeset;
  path_join(path, sizeof path, directory, "db");
  config.busy_timeout_ms = 60000;
  conn = conn_open(f.queue, path, &config);
  other = conn_open(f.queue, path, NULL);
  ok(&f, conn, SCHEMA);
  both(&f, SCHEMA);
  changeset = recorded(&f, f.from, BEFORE);
  value = value_of(changeset);
  request.values = &value;
  request.ncols = 1;
  /* Somebody writes: it waits for its turn, and begins then. */
  ok(&f, other, "BEGIN IMMEDIATE");
  ok(&f, other, "INSERT INTO t VALUES (2, 'theirs', 0, NULL)");
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  ok(&f, other, "COMMIT");
  EXPECT(f.queue, &r, SQLITE_ABORT);
  reply_clear(&r);
  ok(&f, other, "DELETE FROM t");
  /* Somebody reads: it cannot commit, and lets go. */
  ok(&f, other, "BEGIN");
  CHECK_EQ(fetch_int(f.queue, other, "SELECT count(*) FROM t"), 0);
  ok(&f, conn, "PRAGMA busy_timeout = 0");
  CHECK_EQ(apply(&f, conn, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_BUSY);
  CHECK_EQ(f.r.flags & IN_TRANSACTION, 0);
  ok(&f, other, "COMMIT");
  ok(&f, other, "INSERT INTO t VALUES (9, 'theirs', 0, NULL)");
  CHECK_EQ(apply(&f, conn, changeset, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 4);
  conn_close(f.queue, conn, SIDELITE_CLOSE_DRAIN);
  conn_close(f.queue, other, SIDELITE_CLOSE_DRAIN);
  free(changeset.data);
  fixture_free(&f);
  scratch_remove(directory);
}

static void apply_stands_in_an_atomic_array(void) {
  fixture f = fixture_new();
  sidelite_request requests[2];
  reply replies[2];
  sidelite_value value;
  bytes changeset;
  both(&f, SCHEMA);
  changeset = recorded(&f, f.from, BEFORE);
  value = value_of(changeset);
  for (int fails = 1; fails >= 0; fails--) {
    replies[0] = replies[1] = reply_new();
    requests[0] = request_new(SIDELITE_CHANGESET_APPLY, NULL, &replies[0]);
    requests[0].values = &value;
    requests[0].ncols = 1;
    requests[0].flags = SIDELITE_ATOMIC;
    requests[1] = request_new(SIDELITE_EXECUTE, fails ? "INSERT INTO t VALUES (1, 0, 0, 0)" : "UPDATE t SET a = 5",
                              &replies[1]);
    CHECK(sidelite_submit(f.to, requests, 2) > 0);
    EXPECT(f.queue, &replies[1], fails ? SQLITE_CONSTRAINT_PRIMARYKEY : SIDELITE_OK);
    EXPECT(f.queue, &replies[0], fails ? SIDELITE_ERR_ABORTED : SIDELITE_OK);
    CHECK_EQ(fetch_int(f.queue, f.to, "SELECT count(*) FROM t"), fails ? 0 : 3);
    reply_clear(&replies[0]);
    reply_clear(&replies[1]);
  }
  /* A session would outlive it. */
  requests[0] = request_new(SIDELITE_SESSION_OPEN, NULL, NULL);
  requests[0].flags = SIDELITE_ATOMIC;
  CHECK_EQ(sidelite_submit(f.to, requests, 1), SIDELITE_ERR_MISUSE);
  free(changeset.data);
  fixture_free(&f);
}

/* What a function of the host's was told, and what came of using the session meanwhile. */
typedef struct inner {
  fixture *f;
  int64_t session;
  reply changes, close, last;
  int calls;
} inner;

static void on_call(const sidelite_event *event, void *user_data) {
  inner *in = (inner *)user_data;
  sidelite_request requests[2];
  sidelite_value value = sidelite_int(in->session);
  if (!(event->flags & SIDELITE_EVENT_CALL)) {
    on_reply(event, &in->last);
    return;
  }
  in->calls++;
  requests[0] = request_new(SIDELITE_SESSION_CHANGES, NULL, &in->changes);
  requests[1] = request_new(SIDELITE_SESSION_CLOSE, NULL, &in->close);
  for (int i = 0; i < 2; i++) {
    requests[i].values = &value;
    requests[i].ncols = 1;
    requests[i].lane = event->id;
  }
  CHECK(sidelite_submit(event->conn, requests, 2) > 0);
  CHECK_EQ(sidelite_reply(event->conn, event->id, NULL, 0), SIDELITE_OK);
}

static void session_stays_while_a_statement_waits_for_the_host(void) {
  fixture f = fixture_new();
  sidelite_function_config config;
  inner in;
  bytes b;
  memset(&in, 0, sizeof in);
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.kind = SIDELITE_FUNCTION_SCALAR;
  config.name = "asks";
  CHECK(sidelite_create_function(f.from, &config, on_call, &in) > 0);
  EXPECT(f.queue, &in.last, SIDELITE_OK);
  both(&f, SCHEMA);
  in.session = session_open(&f, f.from, NULL);
  ok(&f, f.from, "CREATE TRIGGER each AFTER INSERT ON t BEGIN SELECT asks(); END");
  ok(&f, f.from, "INSERT INTO t VALUES (1, 1, 1, 1)");
  CHECK_EQ(in.calls, 1);
  EXPECT(f.queue, &in.changes, SIDELITE_ERR_MISUSE);
  EXPECT(f.queue, &in.close, SIDELITE_ERR_MISUSE);
  b = session_changes(&f, f.from, in.session, 0);
  CHECK(b.len > 0);
  free(b.data);
  reply_clear(&in.changes);
  reply_clear(&in.close);
  fixture_free(&f);
}

static void session_and_observation_exclude_each_other(void) {
  fixture f = fixture_new();
  sidelite_value what = sidelite_int(SIDELITE_OBSERVE_CHANGES);
  reply observed = reply_new(), second = reply_new();
  sidelite_request request = request_new(SIDELITE_OBSERVE, NULL, &observed);
  int64_t observer, session;
  bytes changeset;
  both(&f, SCHEMA);
  changeset = recorded(&f, f.from, BEFORE);
  request.values = &what;
  request.ncols = 1;
  observer = sidelite_submit(f.to, &request, 1);
  CHECK(observer > 0);
  CHECK_EQ(command(&f, f.to, SIDELITE_SESSION_OPEN, NULL, 0, 1), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message(&f), "observed"));
  /* Applying needs no session: it is observed as all else, and what it undoes is not. */
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SIDELITE_OK);
  CHECK_EQ(observed.rows, 3);
  CHECK_EQ(exec(f.queue, f.to, "DELETE FROM t WHERE id = 1"), SIDELITE_OK);
  CHECK_EQ(observed.rows, 4);
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_ABORT);
  ok(&f, f.to, "BEGIN");
  CHECK_EQ(apply(&f, f.to, changeset, SIDELITE_CONFLICT_ABORT), SQLITE_ABORT);
  ok(&f, f.to, "COMMIT");
  CHECK_EQ(observed.rows, 4);
  CHECK_EQ(sidelite_cancel(f.to, observer), SIDELITE_OK);
  EXPECT(f.queue, &observed, SIDELITE_ERR_CANCELLED);
  session = session_open(&f, f.to, NULL);
  request.callback = on_reply;
  request.user_data = &second;
  CHECK(sidelite_submit(f.to, &request, 1) > 0);
  EXPECT(f.queue, &second, SIDELITE_ERR_MISUSE);
  CHECK_EQ(session_close(&f, f.to, session), SIDELITE_OK);
  reply_clear(&observed);
  reply_clear(&second);
  free(changeset.data);
  fixture_free(&f);
}

/* A second process with the system's SQLite, which applies a file with a changeset. */
static const char APPLIER[] =
    "#include <sqlite3.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "static int conflict(void *context, int kind, sqlite3_changeset_iter *change) {\n"
    "  (void)context; (void)kind; (void)change;\n"
    "  return SQLITE_CHANGESET_ABORT;\n"
    "}\n"
    "int main(int argc, char **argv) {\n"
    "  static char changeset[1 << 20];\n"
    "  FILE *file = argc == 3 ? fopen(argv[2], \"rb\") : NULL;\n"
    "  sqlite3 *db;\n"
    "  int code, size;\n"
    "  if (!file || sqlite3_open(argv[1], &db)) return 100;\n"
    "  size = (int)fread(changeset, 1, sizeof changeset, file);\n"
    "  code = sqlite3changeset_apply(db, size, changeset, NULL, conflict, NULL);\n"
    "  fclose(file);\n"
    "  sqlite3_close(db);\n"
    "  return code;\n"
    "}\n";

static void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK(fwrite(data, 1, size, file) == size);
  CHECK_EQ(fclose(file), 0);
}

static void systems_sqlite_applies_what_we_recorded(void) {
  const char *directory = scratch_new();
  char source[4200], path[4200], command_line[13000];
  fixture f = fixture_new();
  reply r;
  bytes changeset;
  path_join(source, sizeof source, directory, "applier.c");
  write_file(source, APPLIER, sizeof APPLIER - 1);
  CHECK(snprintf(command_line, sizeof command_line,
                 "cd '%s' && cc -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_PREUPDATE_HOOK applier.c -lsqlite3 -o applier",
                 directory) < (int)sizeof command_line);
  CHECK_EQ(system(command_line), 0);
  both(&f, SCHEMA);
  both(&f, BEFORE);
  path_join(path, sizeof path, directory, "theirs.db");
  ask_expecting(path, SCHEMA "; " BEFORE, "");
  changeset = recorded(&f, f.from, CHANGES);
  path_join(path, sizeof path, directory, "changeset");
  write_file(path, changeset.data, changeset.len);
  CHECK(snprintf(command_line, sizeof command_line, "cd '%s' && ./applier theirs.db changeset", directory) <
        (int)sizeof command_line);
  CHECK_EQ(system(command_line), 0);
  path_join(path, sizeof path, directory, "theirs.db");
  CHECK_EQ(fetch(f.queue, f.from, ROWS, &r), SIDELITE_OK);
  ask_expecting(path, ROWS, sidelite_row_text(r.result, 0, 0));
  reply_clear(&r);
  /* A second time it does not fit. */
  CHECK(system(command_line) != 0);
  free(changeset.data);
  fixture_free(&f);
  scratch_remove(directory);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(changeset_applied_elsewhere_gives_the_same_rows),
      TEST(changeset_as_patchset_is_smaller_and_does_the_same),
      TEST(changeset_inverted_undoes),
      TEST(conflict_meets_each_policy),
      TEST(conflict_with_a_foreign_key_is_kept_by_omit_alone),
      TEST(conflict_after_many_changes_undoes_them_all),
      TEST(rebased_changeset_brings_both_sides_together),
      TEST(rebase_of_another_table_with_the_same_name_is_refused),
      TEST(session_records_the_tables_that_it_was_told_of),
      TEST(session_records_the_database_that_it_was_told_of),
      TEST(session_knows_nothing_of_what_was_rolled_back),
      TEST(session_sees_rows_deleted_by_a_statement_prepared_before_it),
      TEST(session_that_is_open_ends_with_its_connection),
      TEST(session_stays_while_a_statement_waits_for_the_host),
      TEST(session_and_observation_exclude_each_other),
      TEST(bad_arguments_are_misuse),
      TEST(malformed_changeset_is_refused_and_harms_nothing),
      TEST(changeset_beyond_the_limit_of_results_is_too_big),
      TEST(apply_that_is_long_is_reached_by_cancel_and_by_its_deadline),
      TEST(apply_that_is_long_is_reached_by_close),
      TEST(apply_that_finds_the_disk_full_leaves_nothing),
      TEST(apply_waits_for_locks_and_leaves_none_behind),
      TEST(apply_stands_in_an_atomic_array),
      TEST(systems_sqlite_applies_what_we_recorded),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
