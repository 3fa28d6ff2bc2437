/* Where two promises meet: a schema that changes between rows of values, savepoints across an ATOMIC array, queues
 * freed from unlikely places, streams beside other requests. */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Each run of a function that changes the table makes `SELECT *` of the next row of values another one. */
static void contract_06_rows_of_one_result_have_the_same_columns(void) {
  const char *scratch = scratch_new();
  const char *path;
  char name[4300];
  sidelite_conn *other;
  sidelite_value values[20000];
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT * FROM t WHERE a = ?", &r);
  sidelite_open_config config = open_config_new(0);
  CHECK(snprintf(name, sizeof name, "%s/columns.db", scratch) > 0);
  path = name;
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  other = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a, b)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1, 2)"), SIDELITE_OK);
  for (size_t i = 0; i < COUNT_OF(values); i++) values[i] = sidelite_int(1);
  request.values = values;
  request.ncols = 1;
  request.nrows = COUNT_OF(values);
  for (int round = 0; round < 5; round++) {
    CHECK(sidelite_submit(conn, &request, 1) > 0);
    CHECK_EQ(exec(queue, other, round % 2 ? "ALTER TABLE t DROP COLUMN c" : "ALTER TABLE t ADD COLUMN c"), SIDELITE_OK);
    TURN_UNTIL(queue, r.finals);
    CHECK(r.code == SIDELITE_OK || r.code == 17 /* SQLITE_SCHEMA */);
    if (r.code == SIDELITE_OK) {
      uint64_t cells = (uint64_t)r.result->nrows * r.result->ncols * sizeof(sidelite_value);
      CHECK(r.result->values + cells <= r.result->bytes);
    }
    reply_clear(&r);
  }
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static int64_t submit_atomic(const char *const *texts, uint32_t n, uint32_t kind, reply *r) {
  sidelite_request requests[4];
  for (uint32_t i = 0; i < n; i++) {
    requests[i] = request_new(kind, texts[i], r);
    requests[i].flags = SIDELITE_ATOMIC;
  }
  return sidelite_submit(conn, requests, n);
}

static void contract_10_atomic_array_leaves_savepoints_of_others_alone(void) {
  static const char *const release[] = {"INSERT INTO t VALUES (2)", "RELEASE s"};
  static const char *const roll_back[] = {"ROLLBACK TO s", "INSERT INTO t VALUES (2)"};
  static const char *const own[] = {"SAVEPOINT s", "INSERT INTO t VALUES (2)", "ROLLBACK TO s", "RELEASE s"};
  reply r = reply_new();
  begin();
  CHECK_EQ(exec(queue, conn, "SAVEPOINT s"), SIDELITE_OK);
  CHECK_EQ(submit_atomic(release, 2, SIDELITE_EXECUTE, &r), SIDELITE_ERR_MISUSE);
  CHECK_EQ(submit_atomic(roll_back, 2, SIDELITE_EXECUTE, &r), SIDELITE_ERR_MISUSE);
  CHECK_EQ(exec(queue, conn, "RELEASE s"), SIDELITE_OK);
  CHECK(submit_atomic(own, 4, SIDELITE_EXECUTE, &r) > 0);
  TURN_UNTIL(queue, r.finals == 4);
  CHECK_EQ(r.code, SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

static void contract_10_atomic_script_hides_no_commit_behind_a_name(void) {
  static const char *const script[] = {"INSERT INTO t VALUES (1); CREATE TABLE trigger(y); COMMIT; SELECT 1"};
  reply r = reply_new();
  begin();
  CHECK_EQ(submit_atomic(script, 1, SIDELITE_SCRIPT, &r), SIDELITE_ERR_MISUSE);
  end();
}

static void contract_07_static_without_values(void) {
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT 7", &r);
  request.flags = SIDELITE_STATIC;
  begin();
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  TURN_UNTIL(queue, r.finals);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 7);
  reply_clear(&r);
  end();
}

static int32_t free_the_queue(void *db, void *context) {
  (void)db;
  return sidelite_queue_free((sidelite_queue *)context, -1);
}

static void contract_03_freeing_its_queue_inside_a_run_function_is_misuse(void) {
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_RUN, NULL, &r);
  begin();
  request.run = free_the_queue;
  request.context = queue;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  TURN_UNTIL(queue, r.finals);
  CHECK_EQ(r.code, SIDELITE_ERR_MISUSE);
  reply_clear(&r);
  end();
}

#define COUNT_FOR_EVER "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

static void contract_05_freeing_a_reply_queue_ends_a_paused_stream(void) {
  sidelite_queue *other = queue_new();
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_STREAM, COUNT_FOR_EVER, &r);
  begin();
  request.reply_to = other;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  TURN_UNTIL(other, r.events == 2);
  CHECK(sidelite_queue_free(other, -1) >= 0);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  end();
}

static void contract_05_a_stream_without_back_pressure_lets_others_run(void) {
  reply stream = reply_new();
  sidelite_request request = request_new(SIDELITE_STREAM, COUNT_FOR_EVER, &stream);
  begin();
  request.window = SIDELITE_UNLIMITED;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  CHECK_EQ(stream.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  TURN_UNTIL(queue, stream.finals);
  CHECK_EQ(stream.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&stream);
  end();
}

/* A zeroed length means that the text ends with its NUL, not that there is none. */
static void request_sql_without_a_length_ends_with_its_nul(void) {
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &r);
  begin();
  request.sql_len = 0;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  TURN_UNTIL(queue, r.finals);
  CHECK_EQ(r.changes, 1);
  reply_clear(&r);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_03_freeing_its_queue_inside_a_run_function_is_misuse),
      TEST(contract_05_freeing_a_reply_queue_ends_a_paused_stream),
      TEST(contract_05_a_stream_without_back_pressure_lets_others_run),
      TEST(contract_06_rows_of_one_result_have_the_same_columns),
      TEST(contract_07_static_without_values),
      TEST(contract_10_atomic_array_leaves_savepoints_of_others_alone),
      TEST(contract_10_atomic_script_hides_no_commit_behind_a_name),
      TEST(request_sql_without_a_length_ends_with_its_nul),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
