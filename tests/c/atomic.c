/* ATOMIC arrays: one transaction, all of it or nothing. */
#include "harness.h"

enum { ARRAY = 5, BUSY = 5, CONSTRAINT_PRIMARYKEY = 1555, CONSTRAINT_FOREIGNKEY = 787 };

/* A connection with a table, and an array of inserts of 1 to 5. */
typedef struct fixture {
  sidelite_queue *queue;
  sidelite_conn *conn;
  sidelite_value values[ARRAY];
  sidelite_request requests[ARRAY];
  reply replies[ARRAY];
} fixture;

static void fixture_open(fixture *f, const char *path, const sidelite_open_config *config) {
  int i;
  f->queue = queue_new();
  f->conn = conn_open(f->queue, path, config);
  CHECK_EQ(exec(f->queue, f->conn, "CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY)"), SIDELITE_OK);
  for (i = 0; i < ARRAY; i++) {
    f->replies[i] = reply_new();
    f->values[i] = sidelite_int(i + 1);
    f->requests[i] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?)", &f->replies[i]);
    f->requests[i].values = &f->values[i];
    f->requests[i].ncols = 1;
  }
  f->requests[0].flags = SIDELITE_ATOMIC;
}

static void fixture_close(fixture *f) {
  int i;
  for (i = 0; i < ARRAY; i++) reply_clear(&f->replies[i]);
  conn_close(f->queue, f->conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(f->queue, -1), 0);
}

/* Submits the array and waits for all of it; each ends once. */
static void run_array(fixture *f) {
  int i;
  CHECK(sidelite_submit(f->conn, f->requests, ARRAY) > 0);
  TURN_UNTIL(f->queue, f->replies[ARRAY - 1].finals);
  for (i = 0; i < ARRAY; i++) CHECK_EQ(f->replies[i].events, 1);
}

static int64_t count_rows(fixture *f) {
  return fetch_int(f->queue, f->conn, "SELECT count(*) FROM t");
}

/* The culprit ends with its code, the others ABORTED; from `begun` on they did not run. */
static void check_failed(const fixture *f, int culprit, int32_t code, int begun) {
  int i;
  for (i = 0; i < ARRAY; i++) {
    CHECK_EQ(f->replies[i].code, i == culprit ? code : SIDELITE_ERR_ABORTED);
    if (i != culprit) CHECK_EQ(!!(f->replies[i].flags & SIDELITE_EVENT_NOT_RUN), i >= begun);
    CHECK_EQ(f->replies[i].rows, 0);
  }
}

static void request_atomic_array_commits_as_one(void) {
  fixture f;
  int i;
  fixture_open(&f, ":memory:", NULL);
  f.requests[2].kind = SIDELITE_FETCH;
  f.requests[2].sql = "SELECT count(*) + ? FROM t";
  f.requests[3].kind = SIDELITE_SCRIPT;
  f.requests[3].sql = "INSERT INTO t VALUES (40); INSERT INTO t VALUES (41)";
  f.requests[3].ncols = 0;
  run_array(&f);
  for (i = 0; i < ARRAY; i++) {
    CHECK_EQ(f.replies[i].code, SIDELITE_OK);
    CHECK(!(f.replies[i].flags & SIDELITE_EVENT_IN_TRANSACTION));
  }
  CHECK_EQ(sidelite_row_int64(f.replies[2].result, 0, 0), 5);
  CHECK_EQ(f.replies[0].last_insert_rowid, 1);
  CHECK_EQ(f.replies[1].last_insert_rowid, 2);
  CHECK_EQ(f.replies[1].changes, 1);
  CHECK_EQ(count_rows(&f), 5);
  fixture_close(&f);
}

static void request_atomic_error_in_the_middle_undoes_all_of_it(void) {
  fixture f;
  fixture_open(&f, ":memory:", NULL);
  f.values[2] = sidelite_int(1);
  run_array(&f);
  check_failed(&f, 2, CONSTRAINT_PRIMARYKEY, 3);
  CHECK_EQ(count_rows(&f), 0);
  /* Nothing of it lingers: the next request is nobody's. */
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "COMMIT"), 1);
  fixture_close(&f);
}

static void request_atomic_syntax_error_in_the_last_undoes_all_of_it(void) {
  fixture f;
  fixture_open(&f, ":memory:", NULL);
  f.requests[4].sql = "INSRT INTO t VALUES (?)";
  run_array(&f);
  check_failed(&f, 4, 1, 5);
  CHECK_EQ(f.replies[4].result->sql_offset, 0);
  CHECK_EQ(count_rows(&f), 0);
  fixture_close(&f);
}

static void request_atomic_inside_a_transaction_is_a_savepoint(void) {
  fixture f;
  int i;
  fixture_open(&f, ":memory:", NULL);
  CHECK_EQ(exec(f.queue, f.conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t VALUES (100)"), SIDELITE_OK);
  f.values[3] = sidelite_int(100);
  run_array(&f);
  check_failed(&f, 3, CONSTRAINT_PRIMARYKEY, 4);
  CHECK(f.replies[3].flags & SIDELITE_EVENT_IN_TRANSACTION);
  CHECK(!(f.replies[3].flags & SIDELITE_EVENT_ROLLED_BACK));
  CHECK_EQ(count_rows(&f), 1);
  for (i = 0; i < ARRAY; i++) reply_clear(&f.replies[i]);
  f.values[3] = sidelite_int(4);
  run_array(&f);
  for (i = 0; i < ARRAY; i++) {
    CHECK_EQ(f.replies[i].code, SIDELITE_OK);
    CHECK(f.replies[i].flags & SIDELITE_EVENT_IN_TRANSACTION);
  }
  CHECK_EQ(count_rows(&f), 6);
  CHECK_EQ(exec(f.queue, f.conn, "ROLLBACK"), SIDELITE_OK);
  CHECK_EQ(count_rows(&f), 0);
  fixture_close(&f);
}

static void request_atomic_refuses_transaction_statements_and_streams(void) {
  static const char *const statements[] = {"COMMIT", " /* x */ end", "ROLLBACK", "BEGIN", "begin immediate"};
  fixture f;
  size_t i;
  fixture_open(&f, ":memory:", NULL);
  f.requests[2].ncols = 0;
  for (i = 0; i < sizeof statements / sizeof *statements; i++) {
    f.requests[2].sql = statements[i];
    CHECK_EQ(sidelite_submit(f.conn, f.requests, ARRAY), SIDELITE_ERR_MISUSE);
  }
  f.requests[2].kind = SIDELITE_SCRIPT;
  f.requests[2].sql = "INSERT INTO t VALUES (9); COMMIT; SELECT 1";
  CHECK_EQ(sidelite_submit(f.conn, f.requests, ARRAY), SIDELITE_ERR_MISUSE);
  f.requests[2].kind = SIDELITE_EXECUTE;
  f.requests[2].flags = SIDELITE_MULTI;
  CHECK_EQ(sidelite_submit(f.conn, f.requests, ARRAY), SIDELITE_ERR_MISUSE);
  f.requests[2].kind = SIDELITE_STREAM;
  f.requests[2].flags = 0;
  f.requests[2].sql = "SELECT 1";
  CHECK_EQ(sidelite_submit(f.conn, f.requests, ARRAY), SIDELITE_ERR_MISUSE);
  CHECK_EQ(count_rows(&f), 0);
  CHECK_EQ(f.replies[0].events, 0);
  fixture_close(&f);
}

static void request_atomic_allows_the_words_of_transactions_elsewhere(void) {
  fixture f;
  fixture_open(&f, ":memory:", NULL);
  f.requests[1].kind = SIDELITE_SCRIPT;
  f.requests[1].ncols = 0;
  f.requests[1].sql = "CREATE TABLE \"commit\"(a); CREATE TRIGGER x AFTER INSERT ON \"commit\" BEGIN SELECT 1; END;"
                      " INSERT INTO \"commit\" VALUES ('; ROLLBACK;') -- ; COMMIT";
  run_array(&f);
  CHECK_EQ(f.replies[1].code, SIDELITE_OK);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM \"commit\""), 1);
  CHECK_EQ(count_rows(&f), 4);
  fixture_close(&f);
}

static void request_atomic_refused_commit_undoes_all_of_it(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_FOREIGN_KEYS);
  fixture f;
  fixture_open(&f, ":memory:", &config);
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE child(t REFERENCES t DEFERRABLE INITIALLY DEFERRED)"), SIDELITE_OK);
  f.requests[1].sql = "INSERT INTO child VALUES (? + 90)";
  run_array(&f);
  /* Every statement was fine and the COMMIT was not: its error is that of the last request. */
  check_failed(&f, 4, CONSTRAINT_FOREIGNKEY, 5);
  CHECK_EQ(count_rows(&f), 0);
  CHECK_EQ(exec(f.queue, f.conn, "COMMIT"), 1);
  fixture_close(&f);
}

static void request_atomic_that_cannot_begin_runs_nothing(void) {
  const char *scratch = scratch_new();
  sidelite_open_config config = open_config_new(0);
  char path[4200];
  fixture f;
  sidelite_conn *other;
  snprintf(path, sizeof path, "%s/app.db", scratch);
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  fixture_open(&f, path, &config);
  other = conn_open(f.queue, path, &config);
  CHECK_EQ(exec(f.queue, other, "BEGIN IMMEDIATE"), SIDELITE_OK);
  run_array(&f);
  check_failed(&f, 0, BUSY, 0);
  CHECK_EQ(exec(f.queue, other, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(count_rows(&f), 0);
  conn_close(f.queue, other, SIDELITE_CLOSE_DRAIN);
  fixture_close(&f);
  scratch_remove(scratch);
}

static void request_atomic_ends_whole_when_one_of_it_is_cancelled(void) {
  fixture f;
  int64_t first;
  gate g;
  int i;
  fixture_open(&f, ":memory:", NULL);
  gate_shut(&g, f.conn);
  first = sidelite_submit(f.conn, f.requests, ARRAY);
  CHECK(first > 0);
  CHECK_EQ(sidelite_cancel(f.conn, first + 2), SIDELITE_OK);
  gate_open(&g);
  gate_remove(&g, f.queue);
  TURN_UNTIL(f.queue, f.replies[ARRAY - 1].finals);
  for (i = 0; i < ARRAY; i++) {
    CHECK_EQ(f.replies[i].events, 1);
    CHECK_EQ(f.replies[i].code, i == 2 ? SIDELITE_ERR_CANCELLED : SIDELITE_ERR_ABORTED);
    CHECK(f.replies[i].flags & SIDELITE_EVENT_NOT_RUN);
  }
  CHECK_EQ(count_rows(&f), 0);
  fixture_close(&f);
}

static void request_atomic_events_come_after_the_commit(void) {
  const char *scratch = scratch_new();
  char path[4200];
  fixture f;
  sidelite_queue *reading = queue_new();
  sidelite_conn *reader;
  snprintf(path, sizeof path, "%s/app.db", scratch);
  fixture_open(&f, path, NULL);
  reader = conn_open(reading, path, NULL);
  CHECK(sidelite_submit(f.conn, f.requests, ARRAY) > 0);
  while (!f.replies[0].finals) CHECK(sidelite_dispatch(f.queue, 1, 0) >= 0);
  CHECK_EQ(fetch_int(reading, reader, "SELECT count(*) FROM t"), ARRAY);
  TURN_UNTIL(f.queue, f.replies[ARRAY - 1].finals);
  conn_close(reading, reader, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(reading, -1), 0);
  fixture_close(&f);
  scratch_remove(scratch);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(request_atomic_array_commits_as_one),
      TEST(request_atomic_error_in_the_middle_undoes_all_of_it),
      TEST(request_atomic_syntax_error_in_the_last_undoes_all_of_it),
      TEST(request_atomic_inside_a_transaction_is_a_savepoint),
      TEST(request_atomic_refuses_transaction_statements_and_streams),
      TEST(request_atomic_allows_the_words_of_transactions_elsewhere),
      TEST(request_atomic_refused_commit_undoes_all_of_it),
      TEST(request_atomic_that_cannot_begin_runs_nothing),
      TEST(request_atomic_ends_whole_when_one_of_it_is_cancelled),
      TEST(request_atomic_events_come_after_the_commit),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
