/* Contract 14: one statement in each request unless MULTI is said; a tail is refused, not ignored. */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static int64_t rows(void) { return fetch_int(queue, conn, "SELECT count(*) FROM t"); }

/* Runs `sql` as a request of a kind and returns its code. */
static int32_t run_as(uint32_t kind, uint32_t flags, const char *sql) {
  reply r = reply_new();
  sidelite_request request = request_new(kind, sql, &r);
  int32_t code;
  request.flags = flags;
  code = run_request(queue, conn, &request, &r);
  CHECK_EQ(r.events, 1);
  if (code) CHECK(r.result && r.result->message_len);
  reply_clear(&r);
  return code;
}

static const uint32_t kinds[] = {SIDELITE_EXECUTE, SIDELITE_FETCH, SIDELITE_STREAM};

/* Refused means that the first statement did not run either. */
static void contract_14_tail_is_refused(void) {
  const char *texts[] = {"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
                         "INSERT INTO t VALUES (1); SELECT 2",
                         "INSERT INTO t VALUES (1);SELECT 2;",
                         "INSERT INTO t VALUES (1);;; SELECT 2",
                         "INSERT INTO t VALUES (1); -- and\nSELECT 2",
                         "INSERT INTO t VALUES (1); /* and */ SELECT 2",
                         "INSERT INTO t VALUES (1); no statement",
                         "INSERT INTO t VALUES (1); - not a comment",
                         "INSERT INTO t VALUES (1); / * nor this */",
                         "INSERT INTO t VALUES (1); '",
                         "INSERT INTO t VALUES (1); \xc3\xa4"};
  begin();
  for (size_t k = 0; k < COUNT_OF(kinds); k++)
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
      CHECK_EQ(run_as(kinds[k], 0, texts[i]), SIDELITE_ERR_MISUSE);
      CHECK_EQ(rows(), 0);
    }
  end();
}

static void contract_14_blank_or_comment_is_no_tail(void) {
  const char *texts[] = {"INSERT INTO t VALUES (1)",
                         "INSERT INTO t VALUES (1);",
                         "INSERT INTO t VALUES (1); \t\r\n\f ",
                         "INSERT INTO t VALUES (1);;",
                         "INSERT INTO t VALUES (1); ; ;",
                         "INSERT INTO t VALUES (1); -- comment",
                         "INSERT INTO t VALUES (1); -- comment; SELECT 2\n-- and another\n",
                         "INSERT INTO t VALUES (1); /* comment; SELECT 2 */",
                         "INSERT INTO t VALUES (1); /* comment */ ; /* **/ --",
                         "INSERT INTO t VALUES (1); /* comment that never ends",
                         "INSERT INTO t VALUES (1) /* before; */ ; --",
                         "-- before;\nINSERT INTO t VALUES (1)",
                         "/* before; */ INSERT INTO t VALUES (1)"};
  int64_t n = 0;
  begin();
  for (size_t k = 0; k < COUNT_OF(kinds); k++)
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
      CHECK_EQ(run_as(kinds[k], 0, texts[i]), SIDELITE_OK);
      CHECK_EQ(rows(), ++n);
    }
  end();
}

/* Semicolons inside a statement are not its end. */
static void contract_14_semicolon_inside_a_statement_is_no_tail(void) {
  begin();
  CHECK_EQ(run_as(SIDELITE_EXECUTE, 0, "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;"), 0);
  CHECK_EQ(run_as(SIDELITE_EXECUTE, 0, "CREATE TABLE \"a;b\"(\"c;d\", [e;f], `g;h`)"), SIDELITE_OK);
  CHECK_EQ(run_as(SIDELITE_FETCH, 0, "SELECT 'it''s; ' || ';'"), SIDELITE_OK);
  end();
}

/* A refused text must not leave a prepared statement behind that a later request takes from the cache. */
static void contract_14_tail_is_refused_each_time(void) {
  begin();
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(run_as(SIDELITE_FETCH, 0, "SELECT 1"), SIDELITE_OK);
    CHECK_EQ(run_as(SIDELITE_FETCH, 0, "SELECT 1; SELECT 2"), SIDELITE_ERR_MISUSE);
    CHECK_EQ(run_as(SIDELITE_FETCH, SIDELITE_NO_CACHE, "SELECT 1; SELECT 2"), SIDELITE_ERR_MISUSE);
  }
  end();
}

static void contract_14_multi_runs_them_all(void) {
  sidelite_value values[] = {sidelite_int(1), sidelite_int(2), sidelite_int(3)};
  reply r = reply_new();
  sidelite_request request = request_new(
      SIDELITE_FETCH, "INSERT INTO t VALUES (?); INSERT INTO t VALUES (?); SELECT id FROM t WHERE id < ?; --", &r);
  begin();
  request.flags = SIDELITE_MULTI;
  request.values = values;
  request.ncols = 3;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.rows, 2);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  CHECK_EQ(sidelite_row_int64(r.result, 1, 0), 2);
  reply_clear(&r);
  CHECK_EQ(run_as(SIDELITE_EXECUTE, SIDELITE_MULTI, "DELETE FROM t; INSERT INTO t VALUES (7)"), SIDELITE_OK);
  CHECK_EQ(rows(), 1);
  CHECK_EQ(run_as(SIDELITE_SCRIPT, 0, "DELETE FROM t; INSERT INTO t VALUES (8); INSERT INTO t VALUES (9)"), 0);
  CHECK_EQ(rows(), 2);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_14_tail_is_refused),
      TEST(contract_14_blank_or_comment_is_no_tail),
      TEST(contract_14_semicolon_inside_a_statement_is_no_tail),
      TEST(contract_14_tail_is_refused_each_time),
      TEST(contract_14_multi_runs_them_all),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
