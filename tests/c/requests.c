/* The kinds of requests, their parameters and flags, and what is refused. */
#include "harness.h"

#include <math.h>

enum { RANGE = 25, CONSTRAINT_PRIMARYKEY = 1555 };

typedef struct fixture {
  sidelite_queue *queue;
  sidelite_conn *conn;
} fixture;

static fixture fixture_new(const char *schema) {
  fixture f;
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", NULL);
  if (schema) CHECK_EQ(exec(f.queue, f.conn, schema), SIDELITE_OK);
  return f;
}

static void fixture_free(fixture *f) {
  conn_close(f->queue, f->conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(f->queue, -1), 0);
}

/* Fetches `sql` with `n` values, named ones when `names` is given. */
static int32_t fetch_with(fixture *f, const char *sql, const sidelite_value *values, uint32_t n,
                          const char *const *names, reply *r) {
  sidelite_request request = request_new(SIDELITE_FETCH, sql, r);
  *r = reply_new();
  request.values = values;
  request.ncols = n;
  request.names = names;
  return run_request(f->queue, f->conn, &request, r);
}

static void request_binds_values_of_every_type(void) {
  fixture f = fixture_new(NULL);
  sidelite_value values[8] = {sidelite_int(INT64_MIN), sidelite_real(-0.5),  sidelite_text("grüße"),
                              sidelite_blob("\0\1", 2), sidelite_null(),      sidelite_text(NULL),
                              sidelite_text_n(NULL, 0), sidelite_blob(NULL, 0)};
  static const char *const types[8] = {"integer", "real", "text", "blob", "null", "null", "text", "blob"};
  reply r;
  uint32_t i;
  CHECK_EQ(fetch_with(&f,
                      "SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4), typeof(?5), typeof(?6), typeof(?7),"
                      " typeof(?8), ?1, ?2, ?3, ?4",
                      values, 8, NULL, &r),
           SIDELITE_OK);
  for (i = 0; i < 8; i++) CHECK(!strcmp(sidelite_row_text(r.result, 0, i), types[i]));
  CHECK(sidelite_row_int64(r.result, 0, 8) == INT64_MIN);
  CHECK(sidelite_row_real(r.result, 0, 9) == -0.5);
  CHECK(!strcmp(sidelite_row_text(r.result, 0, 10), "grüße"));
  CHECK_EQ(sidelite_row_len(r.result, 0, 11), 2);
  CHECK(!memcmp(sidelite_row_blob(r.result, 0, 11), "\0\1", 2));
  reply_clear(&r);
  fixture_free(&f);
}

static void request_binds_nan_as_null(void) {
  fixture f = fixture_new(NULL);
  sidelite_value value = sidelite_real(NAN);
  reply r;
  CHECK_EQ(fetch_with(&f, "SELECT ? IS NULL", &value, 1, NULL, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_numbered_parameters_take_values_by_number(void) {
  fixture f = fixture_new(NULL);
  sidelite_value values[2] = {sidelite_int(1), sidelite_int(2)};
  reply r;
  CHECK_EQ(fetch_with(&f, "SELECT ?2 * 10 + ?1, ?1", values, 2, NULL, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 21);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_named_parameters_with_and_without_their_prefix(void) {
  fixture f = fixture_new(NULL);
  sidelite_value values[4] = {sidelite_int(1), sidelite_int(2), sidelite_int(3), sidelite_int(4)};
  static const char *const names[4] = {"c", "@b", "ignored", "a"};
  reply r;
  CHECK_EQ(fetch_with(&f, "SELECT :a, @b, $c, :a", values, 4, names, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 4);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 2);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 2), 1);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 3), 4);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, "SELECT :a, :missing", values, 4, names, &r), RANGE);
  CHECK(strstr((const char *)r.result + r.result->message, ":missing") != NULL);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, "SELECT :a, ?", values, 4, names, &r), RANGE);
  reply_clear(&r);
  /* A name is not the beginning of a name, and has its own prefix or none. */
  CHECK_EQ(fetch_with(&f, "SELECT :ab", values, 4, names, &r), RANGE);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, "SELECT :b", values, 4, names, &r), RANGE);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_with_the_wrong_number_of_values_fails_and_does_nothing(void) {
  fixture f = fixture_new("CREATE TABLE t(a, b)");
  sidelite_value values[3] = {sidelite_int(1), sidelite_int(2), sidelite_int(3)};
  reply r;
  CHECK_EQ(fetch_with(&f, "INSERT INTO t VALUES (?, ?)", values, 1, NULL, &r), RANGE);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, "INSERT INTO t VALUES (?, ?)", values, 3, NULL, &r), RANGE);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, "INSERT INTO t VALUES (?, ?)", NULL, 0, NULL, &r), RANGE);
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 0);
  fixture_free(&f);
}

static void request_values_of_one_run_are_not_seen_by_the_next(void) {
  fixture f = fixture_new(NULL);
  static const char *const sql = "SELECT :a";
  static const char *const names[1] = {"a"};
  sidelite_value value = sidelite_int(1);
  reply r;
  CHECK_EQ(fetch_with(&f, sql, &value, 1, names, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_with(&f, sql, &value, 0, NULL, &r), RANGE);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_reports_its_own_changes_and_the_last_rowid(void) {
  static const struct {
    const char *sql;
    int64_t changes, rowid;
  } steps[] = {
      {"CREATE TABLE t(a INTEGER PRIMARY KEY, b)", 0, 0},
      {"INSERT INTO t(b) VALUES (1), (2), (3)", 3, 3},
      {"SELECT * FROM t", 0, 3},
      {"UPDATE t SET b = 9 WHERE a > 1", 2, 3},
      {"UPDATE t SET b = 9 WHERE a > 99", 0, 3},
      {"INSERT INTO t VALUES (70, 1)", 1, 70},
      {"DELETE FROM t", 4, 70},
      {"DROP TABLE t", 0, 70},
      {"", 0, 70},
  };
  fixture f = fixture_new(NULL);
  size_t i;
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    reply r = reply_new();
    sidelite_request request = request_new(i % 2 ? SIDELITE_EXECUTE : SIDELITE_FETCH, steps[i].sql, &r);
    CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
    CHECK_EQ(r.changes, steps[i].changes);
    CHECK_EQ(r.last_insert_rowid, steps[i].rowid);
    reply_clear(&r);
  }
  fixture_free(&f);
}

/* A statement that runs once for each of `nrows` rows of two values. */
static sidelite_request many_rows(uint32_t kind, const char *sql, const sidelite_value *values, uint32_t nrows,
                                  reply *r) {
  sidelite_request request = request_new(kind, sql, r);
  *r = reply_new();
  request.values = values;
  request.ncols = 2;
  request.nrows = nrows;
  return request;
}

static void request_runs_once_for_each_row_of_values(void) {
  enum { ROWS = 1000 };
  static sidelite_value values[2 * ROWS];
  fixture f = fixture_new("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  sidelite_request request;
  reply r;
  uint32_t i;
  for (i = 0; i < ROWS; i++) {
    values[2 * i] = sidelite_int(i);
    values[2 * i + 1] = sidelite_text("row");
  }
  request = many_rows(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?, ?)", values, ROWS, &r);
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.changes, ROWS);
  CHECK_EQ(r.last_insert_rowid, ROWS - 1);
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT sum(a) FROM t WHERE b = 'row'"), ROWS * (ROWS - 1) / 2);

  /* The rows of all runs come together. */
  for (i = 0; i < ROWS; i++) values[2 * i] = sidelite_int(ROWS + (int64_t)i);
  request = many_rows(SIDELITE_FETCH, "INSERT INTO t VALUES (?, ?) RETURNING a", values, ROWS, &r);
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.result->nrows, ROWS);
  for (i = 0; i < ROWS; i++) CHECK_EQ(sidelite_row_int64(r.result, i, 0), ROWS + i);
  reply_clear(&r);

  request = request_new(SIDELITE_EXECUTE, "INSERT INTO t DEFAULT VALUES", &r);
  request.nrows = 3;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.changes, 3);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_of_many_rows_keeps_what_ran_before_an_error_unless_atomic(void) {
  sidelite_value values[8] = {sidelite_int(1), sidelite_null(), sidelite_int(2), sidelite_null(),
                              sidelite_int(1), sidelite_null(), sidelite_int(3), sidelite_null()};
  fixture f = fixture_new("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  reply r;
  sidelite_request request = many_rows(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?, ?)", values, 4, &r);
  request.flags = SIDELITE_ATOMIC;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), CONSTRAINT_PRIMARYKEY);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 0);
  reply_clear(&r);
  request = many_rows(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?, ?)", values, 4, &r);
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), CONSTRAINT_PRIMARYKEY);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 2);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_multi_spreads_positional_values_over_its_statements(void) {
  fixture f = fixture_new("CREATE TABLE t(a, b)");
  sidelite_value values[4] = {sidelite_int(1), sidelite_int(2), sidelite_int(3), sidelite_int(4)};
  reply r = reply_new();
  sidelite_request request = request_new(
      SIDELITE_FETCH, "INSERT INTO t VALUES (?, ?); -- two\n SELECT 'unseen'; SELECT a, b, ?, ? FROM t;", &r);
  request.flags = SIDELITE_MULTI;
  request.values = values;
  request.ncols = 4;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.result->nrows, 1);
  CHECK_EQ(r.result->ncols, 4);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 2);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 3), 4);
  CHECK_EQ(r.changes, 1);
  reply_clear(&r);
  request.ncols = 3;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), RANGE);
  reply_clear(&r);
  request.sql = "SELECT ?; SELECT ?";
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), RANGE);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_multi_looks_named_values_up_in_each_statement(void) {
  fixture f = fixture_new("CREATE TABLE t(a, b)");
  sidelite_value values[2] = {sidelite_int(7), sidelite_int(8)};
  static const char *const names[2] = {"a", "b"};
  reply r = reply_new();
  sidelite_request request =
      request_new(SIDELITE_FETCH, "INSERT INTO t VALUES (:b, :a); SELECT a * 10 + b + :a FROM t", &r);
  request.flags = SIDELITE_MULTI;
  request.values = values;
  request.ncols = 2;
  request.names = names;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 94);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_multi_returns_the_rows_of_the_last_statement_alone(void) {
  fixture f = fixture_new("CREATE TABLE t(a)");
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT 1, 2; INSERT INTO t VALUES (1)", &r);
  request.flags = SIDELITE_MULTI;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.result->nrows, 0);
  CHECK_EQ(r.result->ncols, 0);
  reply_clear(&r);
  fixture_free(&f);
}

/* Rows of a FETCH that wants no more than `rows_max`. */
static int32_t fetch_at_most(fixture *f, const char *sql, uint32_t rows_max, reply *r) {
  sidelite_request request = request_new(SIDELITE_FETCH, sql, r);
  *r = reply_new();
  request.chunk_rows = rows_max;
  return run_request(f->queue, f->conn, &request, r);
}

static void request_fetch_ends_with_the_last_row_that_is_wanted(void) {
  fixture f = fixture_new("CREATE TABLE t(a)");
  reply r;
  /* Endless, and yet done; nor does it hold a lock afterwards. */
  CHECK_EQ(fetch_at_most(&f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", 3, &r),
           SIDELITE_OK);
  CHECK_EQ(r.rows, 3);
  CHECK_EQ(sidelite_row_int64(r.result, 2, 0), 3);
  reply_clear(&r);
  CHECK_EQ(exec(f.queue, f.conn, "DROP TABLE t"), SIDELITE_OK);
  CHECK_EQ(fetch_at_most(&f, "SELECT 1 UNION SELECT 2", 3, &r), SIDELITE_OK);
  CHECK_EQ(r.rows, 2);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_fetch_that_writes_runs_to_its_end_whatever_is_wanted(void) {
  fixture f = fixture_new("CREATE TABLE t(a)");
  reply r;
  CHECK_EQ(fetch_at_most(&f, "INSERT INTO t VALUES (1), (2), (3) RETURNING a", 1, &r), SIDELITE_OK);
  CHECK_EQ(r.rows, 3);
  CHECK_EQ(r.changes, 3);
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 3);
  fixture_free(&f);
}

static void request_script_runs_every_statement(void) {
  fixture f = fixture_new(NULL);
  reply r = reply_new();
  CHECK(sidelite_script(f.conn,
                        "-- a comment; with a semicolon\n"
                        "CREATE TABLE t(a); CREATE TABLE log(a);;\n"
                        "CREATE TRIGGER copy AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a);"
                        " INSERT INTO log VALUES (';'); END;\n"
                        "INSERT INTO t VALUES (1); SELECT * FROM t;"
                        "BEGIN; INSERT INTO t VALUES (2); COMMIT /* end */",
                        on_reply, &r) > 0);
  TURN_UNTIL(f.queue, r.finals);
  CHECK_EQ(r.code, SIDELITE_OK);
  CHECK_EQ(r.rows, 0);
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM log"), 4);
  CHECK(sidelite_script(f.conn, "  -- nothing\n ; ", on_reply, &r) > 0);
  TURN_UNTIL(f.queue, r.finals);
  CHECK_EQ(r.code, SIDELITE_OK);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_script_stops_at_its_first_error_and_says_where(void) {
  static const char *const script =
      "CREATE TABLE t(a); -- ü\nINSERT INTO t VALUES (1);\n INSERT INTO t VALUES (oops); INSERT INTO t VALUES (2)";
  fixture f = fixture_new(NULL);
  reply r = reply_new();
  CHECK(sidelite_script(f.conn, script, on_reply, &r) > 0);
  TURN_UNTIL(f.queue, r.finals);
  CHECK_EQ(r.code, 1);
  CHECK_EQ(r.result->sql_offset, strstr(script, "oops") - script);
  CHECK(!strcmp((const char *)r.result + r.result->message, "no such column: oops"));
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 1);
  fixture_free(&f);
}

static void request_script_that_came_to_its_end_is_a_success_whatever_the_time(void) {
  fixture f = fixture_new("CREATE TABLE t(a)");
  reply r = reply_new();
  /* One instruction that takes longer than the deadline, at which SQLite does not look meanwhile. */
  sidelite_request request = request_new(
      SIDELITE_SCRIPT, "SELECT 1; INSERT INTO t SELECT length(randomblob(50000000)); -- the last\n", &r);
  request.timeout_ms = 20;
  CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 1);
  fixture_free(&f);
}

static void request_that_is_blank_or_comment_does_nothing_and_succeeds(void) {
  static const char *const blanks[] = {"", " ", ";", " -- nothing", "/* nothing */ ;; ", "\n\t"};
  fixture f = fixture_new(NULL);
  size_t i;
  uint32_t kind;
  for (i = 0; i < sizeof blanks / sizeof *blanks; i++) {
    for (kind = SIDELITE_EXECUTE; kind <= SIDELITE_SCRIPT; kind++) {
      reply r = reply_new();
      sidelite_request request = request_new(kind, blanks[i], &r);
      CHECK_EQ(run_request(f.queue, f.conn, &request, &r), SIDELITE_OK);
      CHECK_EQ(r.events, 1);
      CHECK_EQ(r.rows, 0);
      CHECK_EQ(r.changes, 0);
      if (kind == SIDELITE_FETCH) CHECK(r.result != NULL && r.result->ncols == 0);
      reply_clear(&r);
    }
  }
  fixture_free(&f);
}

typedef struct called {
  int32_t answer;
  int calls;
} called;

static int32_t run_called(void *db, void *context) {
  called *c = (called *)context;
  CHECK(db != NULL);
  c->calls++;
  return c->answer;
}

static void request_run_calls_the_function_in_its_place_and_returns_its_code(void) {
  static const int32_t answers[] = {0, 1, 2067, -1001, -9999};
  fixture f = fixture_new(NULL);
  size_t i;
  for (i = 0; i < sizeof answers / sizeof *answers; i++) {
    reply r = reply_new();
    called c = {answers[i], 0};
    sidelite_request request = request_new(SIDELITE_RUN, NULL, &r);
    request.run = run_called;
    request.context = &c;
    CHECK_EQ(run_request(f.queue, f.conn, &request, &r), answers[i]);
    CHECK_EQ(c.calls, 1);
    CHECK_EQ(r.events, 1);
    reply_clear(&r);
  }
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT 7"), 7);
  fixture_free(&f);
}

static void request_reply_to_delivers_to_another_queue(void) {
  fixture f = fixture_new(NULL);
  sidelite_queue *other = queue_new();
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_STREAM, COUNT_TO("100"), &r);
  sidelite_event event;
  request.reply_to = other;
  request.chunk_rows = 10;
  request.window = SIDELITE_UNLIMITED;
  CHECK(sidelite_submit(f.conn, &request, 1) > 0);
  TURN_UNTIL(other, r.finals);
  CHECK_EQ(r.rows, 100);
  CHECK_EQ(sidelite_poll(f.queue, &event, 1, 0), 0);
  /* An event that nobody takes goes with its queue; the connection is none the worse. */
  CHECK(sidelite_submit(f.conn, &request, 1) > 0);
  CHECK_EQ(exec(f.queue, f.conn, "SELECT 1"), SIDELITE_OK);
  CHECK(sidelite_queue_free(other, -1) >= 1);
  CHECK_EQ(sidelite_submit(f.conn, &request, 1), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT 7"), 7);
  CHECK_EQ(stats_of(f.conn).bytes, 0);
  CHECK_EQ(r.finals, 1);
  reply_clear(&r);
  fixture_free(&f);
}

static void request_ids_count_on_through_an_array(void) {
  enum { REQUESTS = 5 };
  fixture f = fixture_new(NULL);
  sidelite_request requests[REQUESTS];
  reply replies[REQUESTS];
  int64_t first, next;
  int i;
  for (i = 0; i < REQUESTS; i++) {
    replies[i] = reply_new();
    requests[i] = request_new(SIDELITE_EXECUTE, "SELECT 1", &replies[i]);
  }
  first = sidelite_submit(f.conn, requests, REQUESTS);
  CHECK(first > 0);
  next = sidelite_execute(f.conn, "SELECT 1", NULL, 0, NULL, NULL);
  CHECK_EQ(next, first + REQUESTS);
  TURN_UNTIL(f.queue, replies[REQUESTS - 1].finals);
  for (i = 0; i < REQUESTS; i++) CHECK_EQ(replies[i].id, first + i);
  fixture_free(&f);
}

/* What one execution adds to the counters of the cache. */
static void check_cache(fixture *f, const char *sql, uint32_t flags, int hits, int misses) {
  sidelite_stats before = stats_of(f->conn), after;
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_EXECUTE, sql, &r);
  request.flags = flags;
  CHECK_EQ(run_request(f->queue, f->conn, &request, &r), SIDELITE_OK);
  after = stats_of(f->conn);
  CHECK_EQ(after.cache_hits - before.cache_hits, hits);
  CHECK_EQ(after.cache_misses - before.cache_misses, misses);
}

static fixture fixture_with_cache(uint32_t statements) {
  sidelite_open_config config = open_config_new(0);
  fixture f;
  config.statement_cache = statements;
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", &config);
  return f;
}

static void request_finds_its_statement_in_the_cache(void) {
  fixture f = fixture_new(NULL);
  check_cache(&f, "SELECT 1", 0, 0, 1);
  check_cache(&f, "SELECT 1", 0, 1, 0);
  check_cache(&f, "SELECT 1 ", 0, 0, 1);
  check_cache(&f, "SELECT 1", SIDELITE_NO_CACHE, 0, 1);
  check_cache(&f, "SELECT 2", SIDELITE_NO_CACHE, 0, 1);
  check_cache(&f, "SELECT 2", 0, 0, 1);
  check_cache(&f, "SELECT 1", 0, 1, 0);
  fixture_free(&f);
}

static void request_cache_forgets_what_was_used_longest_ago(void) {
  fixture f = fixture_with_cache(2);
  check_cache(&f, "SELECT 1", 0, 0, 1);
  check_cache(&f, "SELECT 2", 0, 0, 1);
  check_cache(&f, "SELECT 1", 0, 1, 0);
  check_cache(&f, "SELECT 3", 0, 0, 1);
  check_cache(&f, "SELECT 1", 0, 1, 0);
  check_cache(&f, "SELECT 2", 0, 0, 1);
  fixture_free(&f);
}

static void request_cache_can_be_switched_off(void) {
  fixture f = fixture_with_cache(SIDELITE_NO_STATEMENT_CACHE);
  check_cache(&f, "SELECT 1", 0, 0, 1);
  check_cache(&f, "SELECT 1", 0, 0, 1);
  fixture_free(&f);
}

static void request_pragma_is_neither_skipped_nor_stale(void) {
  fixture f = fixture_new(NULL);
  int round;
  /* SQLite runs some pragmas while it prepares them: a statement from the cache would not have run. */
  for (round = 0; round < 2; round++) {
    CHECK_EQ(exec(f.queue, f.conn, "PRAGMA cache_size=11"), SIDELITE_OK);
    CHECK_EQ(fetch_int(f.queue, f.conn, "PRAGMA cache_size"), 11);
    CHECK_EQ(exec(f.queue, f.conn, "PRAGMA cache_size=22"), SIDELITE_OK);
    CHECK_EQ(fetch_int(f.queue, f.conn, "PRAGMA cache_size"), 22);
    CHECK_EQ(exec(f.queue, f.conn, "PRAGMA foreign_keys=ON"), SIDELITE_OK);
    CHECK_EQ(fetch_int(f.queue, f.conn, "PRAGMA foreign_keys"), 1);
    CHECK_EQ(exec(f.queue, f.conn, "PRAGMA foreign_keys=OFF"), SIDELITE_OK);
    CHECK_EQ(fetch_int(f.queue, f.conn, "PRAGMA foreign_keys"), 0);
  }
  fixture_free(&f);
}

static void request_whose_result_is_too_big_says_so(void) {
  sidelite_open_config config = open_config_new(0);
  fixture f;
  reply r;
  config.max_result_bytes = 100000;
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", &config);
  CHECK_EQ(fetch(f.queue, f.conn, "SELECT zeroblob(90000)", &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch(f.queue, f.conn, "SELECT zeroblob(100001)", &r), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(r.result->nrows, 0);
  reply_clear(&r);
  CHECK_EQ(fetch(f.queue, f.conn, COUNT_TO("100000"), &r), SIDELITE_ERR_TOO_BIG);
  reply_clear(&r);
  /* Rows that nobody keeps may be as many as they like. */
  CHECK_EQ(exec(f.queue, f.conn, COUNT_TO("100000")), SIDELITE_OK);
  fixture_free(&f);
}

/* Each case spoils one good request. */
static int64_t submit_spoilt(fixture *f, int which) {
  static const char *const null_names[1] = {NULL}, *const bad_names[1] = {"\xff"};
  static const sidelite_value one = {SIDELITE_INTEGER, 0, {1}};
  static const char with_nul[] = "SELECT 1\0";
  sidelite_value value = sidelite_int(1);
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT ?", NULL);
  request.values = &value;
  request.ncols = 1;
  switch (which) {
    case 0: request.sql = NULL; break;
    case 1: request.values = NULL; break;
    case 2: value = sidelite_text_n(NULL, 1); break;
    case 3: value = sidelite_blob(NULL, 1); break;
    case 4: value.type = 6; break;
    case 5: value.type = UINT32_MAX; break;
    case 6: request.kind = SIDELITE_RUN; request.ncols = 0; break; /* without a function */
    case 7: request.names = null_names; break;
    case 8: request.kind = SIDELITE_STREAM; request.values = &one; request.nrows = 2; break;
    case 9: request.flags = SIDELITE_MULTI; request.nrows = 2; break;
    case 10: request.kind = SIDELITE_STREAM; request.flags = SIDELITE_MULTI; break;
    case 11: request.kind = SIDELITE_SCRIPT; break; /* with a value */
    case 12: request.struct_size = 3; break;
    case 13: request.kind = 0; break;
    case 14: request.kind = 1000; break;
    case 15: request.flags = 1 << 5; break;
    case 16: request.flags = UINT32_C(1) << 31; break;
    case 17: request.reserved[0] = 1; break;
    case 18: request.reserved[1] = 1; break;
    case 19: value = sidelite_text("\xc3\x28"); break;
    case 20: request.sql = "SELECT ?, '\xff'"; break;
    case 21: request.sql = with_nul; request.sql_len = sizeof with_nul; break;
    case 22: request.names = bad_names; break;
    case 23: value = sidelite_text_n("", UINT32_MAX); break;
    case 24: request.sql_len = UINT64_C(1) << 63; break;
    case 25: request.nrows = UINT32_MAX; request.ncols = UINT32_MAX; break;
    case 26: request.nrows = 1 << 30; request.ncols = 1 << 30; break; /* 2^64 bytes */
    default: break;
  }
  return sidelite_submit(f->conn, &request, 1);
}

static void request_that_can_never_be_right_is_refused(void) {
  fixture f = fixture_new(NULL);
  int i;
  for (i = 0; i < 27; i++) {
    int32_t expected = i < 13   ? SIDELITE_ERR_MISUSE
                       : i < 19 ? SIDELITE_ERR_UNSUPPORTED
                       : i < 23 ? SIDELITE_ERR_BAD_TEXT
                                : SIDELITE_ERR_TOO_BIG;
    int64_t status = submit_spoilt(&f, i);
    if (status != expected) fprintf(stderr, "case %d\n", i);
    CHECK_EQ(status, expected);
  }
  CHECK_EQ(sidelite_submit(f.conn, NULL, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(stats_of(f.conn).submitted, 0);
  CHECK(submit_spoilt(&f, 27) > 0);
  fixture_free(&f);
}

static void request_array_is_taken_whole_or_not_at_all(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_request requests[5];
  fixture f;
  reply r = reply_new();
  int i;
  config.max_requests = 4;
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", &config);
  for (i = 0; i < 5; i++) requests[i] = request_new(SIDELITE_EXECUTE, "SELECT 1", &r);
  CHECK_EQ(sidelite_submit(f.conn, requests, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_submit(f.conn, requests, 5), SIDELITE_ERR_TOO_BIG);
  requests[3].kind = 77;
  CHECK_EQ(sidelite_submit(f.conn, requests, 4), SIDELITE_ERR_UNSUPPORTED);
  requests[3].kind = SIDELITE_EXECUTE;
  CHECK(sidelite_submit(f.conn, requests, 4) > 0);
  TURN_UNTIL(f.queue, r.finals == 4);
  CHECK_EQ(stats_of(f.conn).submitted, 4);
  fixture_free(&f);
}

static void request_that_was_refused_leaves_nothing_out(void) {
  fixture f = fixture_new(NULL);
  sidelite_value value = sidelite_text("some bytes that would count");
  sidelite_request requests[2];
  int i;
  requests[0] = request_new(SIDELITE_EXECUTE, "SELECT ?", NULL);
  requests[0].values = &value;
  requests[0].ncols = 1;
  requests[1] = request_new(77, "SELECT 1", NULL);
  for (i = 0; i < 1000; i++) CHECK_EQ(sidelite_submit(f.conn, requests, 2), SIDELITE_ERR_UNSUPPORTED);
  CHECK_EQ(stats_of(f.conn).bytes, 0);
  CHECK_EQ(stats_of(f.conn).outstanding, 0);
  CHECK_EQ(stats_of(f.conn).submitted, 0);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT 7"), 7);
  fixture_free(&f);
}

/* A request of a later version of the header, whose struct goes on. */
typedef struct longer_request {
  sidelite_request known;
  uint64_t unknown[3];
} longer_request;

static void request_of_a_longer_struct_is_taken_while_its_tail_is_zero(void) {
  fixture f = fixture_new(NULL);
  longer_request requests[2];
  reply r = reply_new();
  int i;
  memset(requests, 0, sizeof requests);
  for (i = 0; i < 2; i++) {
    requests[i].known = request_new(SIDELITE_EXECUTE, "SELECT 1", &r);
    requests[i].known.struct_size = sizeof requests[i];
  }
  CHECK(sidelite_submit(f.conn, &requests[0].known, 2) > 0);
  TURN_UNTIL(f.queue, r.finals == 2);
  CHECK_EQ(r.code, SIDELITE_OK);
  requests[1].unknown[2] = UINT64_C(1) << 63;
  CHECK_EQ(sidelite_submit(f.conn, &requests[0].known, 2), SIDELITE_ERR_UNSUPPORTED);
  fixture_free(&f);
}

static void request_of_a_shorter_struct_has_defaults_for_the_rest(void) {
  fixture f = fixture_new(NULL);
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  sidelite_event event;
  int64_t id;
  request.struct_size = offsetof(sidelite_request, values);
  /* Beyond its size nothing counts: with these it would be refused. */
  request.lane = 5;
  request.reserved[0] = 5;
  id = sidelite_submit(f.conn, &request, 1);
  CHECK(id > 0);
  CHECK_EQ(sidelite_poll(f.queue, &event, 1, 60000), 1);
  CHECK_EQ(event.id, id);
  CHECK_EQ(event.code, SIDELITE_OK);
  CHECK(event.callback == NULL);
  fixture_free(&f);
}

static void request_poll_takes_events_in_order_and_no_more_than_there_is_room(void) {
  enum { EVENTS = 10, ROOM = 3 };
  fixture f = fixture_new(NULL);
  sidelite_event events[ROOM];
  reply r = reply_new();
  int64_t first = 0;
  int taken = 0, i, n;
  for (i = 0; i < EVENTS; i++) {
    int64_t id = sidelite_fetch(f.conn, "SELECT 1", NULL, 0, on_reply, &r);
    if (!first) first = id;
  }
  while (taken < EVENTS) {
    n = sidelite_poll(f.queue, events, ROOM, 60000);
    CHECK(n >= 1 && n <= ROOM);
    for (i = 0; i < n; i++) {
      CHECK_EQ(events[i].id, first + taken++);
      CHECK(events[i].callback == on_reply && events[i].user_data == &r && events[i].conn == f.conn);
      CHECK_EQ(sidelite_row_int64(events[i].result, 0, 0), 1);
    }
  }
  CHECK_EQ(r.events, 0);
  CHECK_EQ(sidelite_poll(f.queue, NULL, 1, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_poll(f.queue, NULL, 0, 0), 0);
  fixture_free(&f);
}

static void request_poll_waits_as_long_as_it_is_told(void) {
  fixture f = fixture_new(NULL);
  sidelite_event event;
  double began = now_ms();
  CHECK_EQ(sidelite_poll(f.queue, &event, 1, 0), 0);
  CHECK_EQ(sidelite_poll(f.queue, &event, 1, 50), 0);
  CHECK(now_ms() - began >= 49);
  CHECK(sidelite_execute(f.conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_poll(f.queue, &event, 1, -1), 1);
  fixture_free(&f);
}

static void request_dispatch_counts_events_without_a_callback(void) {
  fixture f = fixture_new(NULL);
  reply r = reply_new();
  int32_t taken = 0;
  CHECK(sidelite_execute(f.conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  CHECK(sidelite_execute(f.conn, "SELECT 1", NULL, 0, on_reply, &r) > 0);
  CHECK(sidelite_execute(f.conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_dispatch(f.queue, 1, 0) <= 1, 1);
  WAIT_UNTIL((taken += sidelite_dispatch(f.queue, 1, 0)) >= 2);
  CHECK_EQ(r.finals, 1);
  fixture_free(&f);
}

static void request_counters_tell_what_happened(void) {
  fixture f = fixture_new(NULL);
  sidelite_stats before = stats_of(f.queue), of_queue, of_conn;
  sidelite_stats small;
  CHECK_EQ(exec(f.queue, f.conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "SELEC"), 1);
  of_conn = stats_of(f.conn);
  of_queue = stats_of(f.queue);
  CHECK_EQ(of_conn.submitted, 2);
  CHECK_EQ(of_conn.completed, 2);
  CHECK_EQ(of_queue.outstanding, 1);
  CHECK_EQ(of_queue.events - before.events, 2);
  CHECK(of_queue.wakes > before.wakes);
  CHECK(of_queue.polls >= before.polls + 2);
  memset(&small, 0, sizeof small);
  small.struct_size = 7;
  CHECK_EQ(sidelite_stat(f.conn, &small), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_stat(f.conn, NULL), SIDELITE_ERR_MISUSE);
  fixture_free(&f);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(request_binds_values_of_every_type),
      TEST(request_binds_nan_as_null),
      TEST(request_numbered_parameters_take_values_by_number),
      TEST(request_named_parameters_with_and_without_their_prefix),
      TEST(request_with_the_wrong_number_of_values_fails_and_does_nothing),
      TEST(request_values_of_one_run_are_not_seen_by_the_next),
      TEST(request_reports_its_own_changes_and_the_last_rowid),
      TEST(request_runs_once_for_each_row_of_values),
      TEST(request_of_many_rows_keeps_what_ran_before_an_error_unless_atomic),
      TEST(request_multi_spreads_positional_values_over_its_statements),
      TEST(request_multi_looks_named_values_up_in_each_statement),
      TEST(request_multi_returns_the_rows_of_the_last_statement_alone),
      TEST(request_fetch_ends_with_the_last_row_that_is_wanted),
      TEST(request_fetch_that_writes_runs_to_its_end_whatever_is_wanted),
      TEST(request_script_runs_every_statement),
      TEST(request_script_stops_at_its_first_error_and_says_where),
      TEST(request_script_that_came_to_its_end_is_a_success_whatever_the_time),
      TEST(request_that_is_blank_or_comment_does_nothing_and_succeeds),
      TEST(request_run_calls_the_function_in_its_place_and_returns_its_code),
      TEST(request_reply_to_delivers_to_another_queue),
      TEST(request_ids_count_on_through_an_array),
      TEST(request_finds_its_statement_in_the_cache),
      TEST(request_cache_forgets_what_was_used_longest_ago),
      TEST(request_cache_can_be_switched_off),
      TEST(request_pragma_is_neither_skipped_nor_stale),
      TEST(request_whose_result_is_too_big_says_so),
      TEST(request_that_can_never_be_right_is_refused),
      TEST(request_array_is_taken_whole_or_not_at_all),
      TEST(request_that_was_refused_leaves_nothing_out),
      TEST(request_of_a_longer_struct_is_taken_while_its_tail_is_zero),
      TEST(request_of_a_shorter_struct_has_defaults_for_the_rest),
      TEST(request_poll_takes_events_in_order_and_no_more_than_there_is_room),
      TEST(request_poll_waits_as_long_as_it_is_told),
      TEST(request_dispatch_counts_events_without_a_callback),
      TEST(request_counters_tell_what_happened),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
