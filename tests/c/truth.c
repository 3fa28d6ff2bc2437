/* Contract 9: OK means done: stepped to its end, its code checked and, outside a transaction, committed. */
#include "harness.h"

enum { SQLITE_BUSY_CODE = 5, SQLITE_CONSTRAINT_FOREIGNKEY_CODE = 787 };

/* A writer and a reader of one file. The reader has a queue of its own, so that a callback of the writer can ask
 * it. */
typedef struct pair {
  sidelite_queue *queue, *reading;
  sidelite_conn *writer, *reader;
  const char *scratch;
  char path[4200];
} pair;

static void pair_open(pair *p, uint32_t journal_mode) {
  sidelite_open_config config = open_config_new(0);
  config.journal_mode = journal_mode;
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  p->scratch = scratch_new();
  snprintf(p->path, sizeof p->path, "%s/app.db", p->scratch);
  p->queue = queue_new();
  p->reading = queue_new();
  p->writer = conn_open(p->queue, p->path, &config);
  CHECK_EQ(exec(p->queue, p->writer, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)"), SIDELITE_OK);
  p->reader = conn_open(p->reading, p->path, &config);
}

static void pair_close(pair *p) {
  conn_close(p->reading, p->reader, SIDELITE_CLOSE_DRAIN);
  conn_close(p->queue, p->writer, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(p->reading, -1), 0);
  CHECK_EQ(sidelite_queue_free(p->queue, -1), 0);
  scratch_remove(p->scratch);
}

static int64_t rows_seen_by_reader(pair *p) {
  return fetch_int(p->reading, p->reader, "SELECT count(*) FROM t");
}

/* What the reader of the file sees at the moment of a final event. */
typedef struct witness {
  pair *shared;
  int64_t rows;
  reply r;
} witness;

static void on_done_look(const sidelite_event *event, void *user_data) {
  witness *w = (witness *)user_data;
  on_reply(event, &w->r);
  if (!(event->flags & SIDELITE_EVENT_MORE)) w->rows = rows_seen_by_reader(w->shared);
}

/* Runs `requests`, whose last tells the witness, and returns the rows that were in the file when it ended. */
static int64_t rows_at_the_end(pair *p, sidelite_request *requests, uint32_t n, witness *w) {
  memset(w, 0, sizeof *w);
  w->shared = p;
  requests[n - 1].callback = on_done_look;
  requests[n - 1].user_data = w;
  CHECK(sidelite_submit(p->writer, requests, n) > 0);
  TURN_UNTIL(p->queue, w->r.finals);
  CHECK_EQ(w->r.code, SIDELITE_OK);
  CHECK(!(w->r.flags & SIDELITE_EVENT_IN_TRANSACTION));
  return w->rows;
}

static void check_ok_means_committed(uint32_t journal_mode) {
  static const char *const insert = "INSERT INTO t(b) VALUES (?)";
  sidelite_value values[3] = {sidelite_int(1), sidelite_int(2), sidelite_int(3)};
  sidelite_request requests[3];
  witness w;
  pair p;
  int i;
  pair_open(&p, journal_mode);

  requests[0] = request_new(SIDELITE_EXECUTE, insert, NULL);
  requests[0].values = values;
  requests[0].ncols = 1;
  CHECK_EQ(rows_at_the_end(&p, requests, 1, &w), 1);
  reply_clear(&w.r);

  requests[0].nrows = 3;
  CHECK_EQ(rows_at_the_end(&p, requests, 1, &w), 4);
  CHECK_EQ(w.r.changes, 3);
  reply_clear(&w.r);

  requests[0] = request_new(SIDELITE_FETCH, "INSERT INTO t(b) VALUES (1), (2), (3) RETURNING a", NULL);
  CHECK_EQ(rows_at_the_end(&p, requests, 1, &w), 7);
  CHECK_EQ(w.r.rows, 3);
  CHECK_EQ(w.r.changes, 3);
  reply_clear(&w.r);

  requests[0] = request_new(SIDELITE_STREAM, "INSERT INTO t(b) VALUES (1), (2), (3) RETURNING a", NULL);
  requests[0].chunk_rows = 2;
  CHECK_EQ(rows_at_the_end(&p, requests, 1, &w), 10);
  CHECK_EQ(w.r.rows, 3);
  reply_clear(&w.r);

  requests[0] = request_new(SIDELITE_SCRIPT, NULL, NULL);
  requests[0].sql = "BEGIN; INSERT INTO t(b) VALUES (1); COMMIT; INSERT INTO t(b) VALUES (2)";
  requests[0].sql_len = SIDELITE_NUL_TERMINATED;
  CHECK_EQ(rows_at_the_end(&p, requests, 1, &w), 12);
  reply_clear(&w.r);

  for (i = 0; i < 3; i++) requests[i] = request_new(SIDELITE_EXECUTE, "INSERT INTO t(b) VALUES (1)", NULL);
  requests[0].flags = SIDELITE_ATOMIC;
  CHECK_EQ(rows_at_the_end(&p, requests, 3, &w), 15);
  reply_clear(&w.r);

  requests[0] = request_new(SIDELITE_EXECUTE, "BEGIN", NULL);
  requests[2] = request_new(SIDELITE_EXECUTE, "COMMIT", NULL);
  CHECK_EQ(rows_at_the_end(&p, requests, 3, &w), 16);
  reply_clear(&w.r);
  pair_close(&p);
}

static void contract_09_ok_means_committed_for_a_second_connection_with_a_rollback_journal(void) {
  check_ok_means_committed(SIDELITE_JOURNAL_DELETE);
}

static void contract_09_ok_means_committed_for_a_second_connection_with_wal(void) {
  check_ok_means_committed(SIDELITE_JOURNAL_WAL);
}

static void contract_09_the_first_chunk_of_an_insert_returning_comes_after_its_end(void) {
  sidelite_request request = request_new(
      SIDELITE_STREAM,
      "INSERT INTO t(b) SELECT i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)"
      " SELECT i FROM n) RETURNING a",
      NULL);
  reply r = reply_new();
  int64_t id;
  pair p;
  pair_open(&p, SIDELITE_JOURNAL_DELETE);
  request.callback = on_reply;
  request.user_data = &r;
  request.window = 1;
  request.chunk_rows = 100;
  id = sidelite_submit(p.writer, &request, 1);
  CHECK(id > 0);
  TURN_UNTIL(p.queue, r.events == 1);
  /* Paused with nine chunks to go, and yet done: nothing that it wrote is locked or missing. */
  CHECK_EQ(rows_seen_by_reader(&p), 1000);
  CHECK_EQ(exec(p.reading, p.reader, "INSERT INTO t(b) VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_more(p.writer, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(p.queue, r.finals);
  CHECK_EQ(r.code, SIDELITE_OK);
  CHECK_EQ(r.rows, 1000);
  CHECK_EQ(r.changes, 1000);
  reply_clear(&r);
  pair_close(&p);
}

static void contract_09_rows_returned_before_a_commit_that_fails_are_not_a_success(void) {
  static const uint32_t kinds[2] = {SIDELITE_FETCH, SIDELITE_EXECUTE};
  sidelite_queue *queue = queue_new();
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_FOREIGN_KEYS);
  sidelite_conn *conn = conn_open(queue, ":memory:", &config);
  int i;
  CHECK_EQ(exec(queue, conn, "CREATE TABLE parent(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn,
                "CREATE TABLE child(id INTEGER PRIMARY KEY,"
                " parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"),
           SIDELITE_OK);
  for (i = 0; i < 2; i++) {
    reply r = reply_new();
    sidelite_request request = request_new(kinds[i], "INSERT INTO child(parent) VALUES (99) RETURNING id", &r);
    /* SQLite gives the row first and refuses the commit afterwards. */
    CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_CONSTRAINT_FOREIGNKEY_CODE);
    CHECK_EQ(r.rows, 0);
    reply_clear(&r);
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM child"), 0);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_09_a_commit_that_finds_the_file_locked_is_not_a_success(void) {
  reply r = reply_new(), stream = reply_new();
  pair p;
  int64_t id;
  pair_open(&p, SIDELITE_JOURNAL_DELETE);
  CHECK_EQ(exec(p.queue, p.writer, "INSERT INTO t(b) VALUES (1), (2), (3), (4)"), SIDELITE_OK);
  /* A paused reader holds its lock, so that the writer cannot commit. */
  id = sidelite_stream(p.reader, "SELECT a FROM t", NULL, 0, 1, on_reply, &stream);
  CHECK(id > 0);
  TURN_UNTIL(p.reading, stream.events == 2);
  CHECK_EQ(fetch(p.queue, p.writer, "INSERT INTO t(b) VALUES (9) RETURNING a", &r), SQLITE_BUSY_CODE);
  CHECK_EQ(r.rows, 0);
  reply_clear(&r);
  CHECK_EQ(exec(p.queue, p.writer, "INSERT INTO t(b) VALUES (9)"), SQLITE_BUSY_CODE);
  CHECK_EQ(sidelite_more(p.reader, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(p.reading, stream.finals);
  CHECK_EQ(stream.rows, 4);
  CHECK_EQ(rows_seen_by_reader(&p), 4);
  CHECK_EQ(exec(p.queue, p.writer, "INSERT INTO t(b) VALUES (9)"), SIDELITE_OK);
  CHECK_EQ(rows_seen_by_reader(&p), 5);
  reply_clear(&stream);
  pair_close(&p);
}

/* Fails at the 1,001st row, when many have been seen. */
static const char *const fails_late =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
    " SELECT CASE WHEN i <= 1000 THEN i ELSE abs(-9223372036854775807 - 1) END FROM n";

static void contract_09_rows_before_the_final_event_are_provisional(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_STREAM, fails_late, &r);
  request.chunk_rows = 100;
  request.window = SIDELITE_UNLIMITED;
  CHECK_EQ(run_request(queue, conn, &request, &r), 1);
  CHECK(r.rows >= 900 && r.rows <= 1000);
  CHECK_EQ(r.finals, 1);
  CHECK(strstr((const char *)r.result + r.result->message, "overflow") != NULL);
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, fails_late, &r), 1);
  CHECK_EQ(r.rows, 0);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, fails_late), 1);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_09_ok_means_committed_for_a_second_connection_with_a_rollback_journal),
      TEST(contract_09_ok_means_committed_for_a_second_connection_with_wal),
      TEST(contract_09_the_first_chunk_of_an_insert_returning_comes_after_its_end),
      TEST(contract_09_rows_returned_before_a_commit_that_fails_are_not_a_success),
      TEST(contract_09_a_commit_that_finds_the_file_locked_is_not_a_success),
      TEST(contract_09_rows_before_the_final_event_are_provisional),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
