/* What a fetch brings: columns, cells and the functions that read them. */
#include "harness.h"

static void request_rows_of_no_columns(void) {
  static const char *const statements[] = {"CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 2",
                                           "BEGIN", "COMMIT", "DROP TABLE t"};
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  size_t i;
  for (i = 0; i < sizeof statements / sizeof *statements; i++) {
    reply r;
    CHECK_EQ(fetch(queue, conn, statements[i], &r), SIDELITE_OK);
    CHECK_EQ(r.result->ncols, 0);
    CHECK_EQ(r.result->nrows, 0);
    CHECK_EQ(r.result->names, 0);
    CHECK_EQ(r.result->values, 0);
    reply_clear(&r);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void request_rows_of_no_rows_have_column_names(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(fetch(queue, conn, "SELECT 1 AS one, 2 AS two WHERE 0", &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 2);
  CHECK_EQ(r.result->nrows, 0);
  CHECK(!strcmp(sidelite_column_name(r.result, 1), "two"));
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void request_rows_keep_duplicate_and_odd_column_names(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(fetch(queue, conn, "SELECT 1 AS a, 2 AS a, 3 AS \"\", 4 AS 'grüße; --', 5", &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 5);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "a"));
  CHECK(!strcmp(sidelite_column_name(r.result, 1), "a"));
  CHECK(!strcmp(sidelite_column_name(r.result, 2), ""));
  CHECK(!strcmp(sidelite_column_name(r.result, 3), "grüße; --"));
  CHECK(!strcmp(sidelite_column_name(r.result, 4), "5"));
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 2);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void check_type(const reply *r, uint32_t column, const char *type) {
  const char *found = sidelite_column_type(r->result, column);
  CHECK(type ? found && !strcmp(found, type) : !found);
}

static void request_rows_tell_the_declared_types_of_their_columns(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a, made DATETIME, \"price\" DECIMAL(10, 2))"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, "SELECT made AS m, a, made || '', price FROM t", &r), SIDELITE_OK);
  check_type(&r, 0, "DATETIME");
  check_type(&r, 1, NULL);
  check_type(&r, 2, NULL);
  check_type(&r, 3, "DECIMAL(10, 2)");
  check_type(&r, 4, NULL);
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, "SELECT 1, 2", &r), SIDELITE_OK);
  CHECK_EQ(r.result->types, 0);
  check_type(&r, 0, NULL);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "DROP TABLE t"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a, made DATE, price)"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, "SELECT made AS m, a, made || '', price FROM t", &r), SIDELITE_OK);
  check_type(&r, 0, "DATE");
  check_type(&r, 3, NULL);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void request_rows_follow_a_changed_schema(void) {
  static const char *const all = "SELECT * FROM t";
  const char *scratch = scratch_new();
  char path[4200];
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn, *other;
  reply r;
  snprintf(path, sizeof path, "%s/app.db", scratch);
  conn = conn_open(queue, path, NULL);
  other = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, all, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 1);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "ALTER TABLE t ADD COLUMN b DEFAULT 2"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, all, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 2);
  CHECK(!strcmp(sidelite_column_name(r.result, 1), "b"));
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 2);
  reply_clear(&r);
  /* By somebody else: the statement in the cache learns of it when it is stepped. */
  CHECK_EQ(exec(queue, other, "ALTER TABLE t ADD COLUMN c DEFAULT 3"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, all, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 3);
  CHECK(!strcmp(sidelite_column_name(r.result, 2), "c"));
  CHECK_EQ(sidelite_row_int64(r.result, 0, 2), 3);
  reply_clear(&r);
  CHECK_EQ(exec(queue, other, "DROP TABLE t"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, conn, all, &r), 1);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void request_rows_of_two_thousand_columns(void) {
  enum { COLUMNS = 2000 };
  static char sql[COLUMNS * 6 + 16] = "SELECT 0";
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  size_t length = strlen(sql);
  uint32_t i;
  reply r;
  for (i = 1; i < COLUMNS; i++) length += (size_t)snprintf(sql + length, sizeof sql - length, ",%u", i);
  CHECK_EQ(fetch(queue, conn, sql, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, COLUMNS);
  for (i = 0; i < COLUMNS; i++) CHECK_EQ(sidelite_row_int64(r.result, 0, i), i);
  CHECK(!strcmp(sidelite_column_name(r.result, COLUMNS - 1), "1999"));
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void request_rows_by_the_hundred_thousand(void) {
  enum { ROWS = 100000 };
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  char text[16];
  uint32_t i;
  reply r;
  CHECK_EQ(fetch(queue, conn,
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)"
                 " SELECT i, 'row ' || i, i / 2.0 FROM n",
                 &r),
           SIDELITE_OK);
  CHECK_EQ(r.result->nrows, ROWS);
  for (i = 0; i < ROWS; i++) {
    snprintf(text, sizeof text, "row %u", i + 1);
    CHECK_EQ(sidelite_row_int64(r.result, i, 0), i + 1);
    CHECK(!strcmp(sidelite_row_text(r.result, i, 1), text));
    CHECK(sidelite_row_real(r.result, i, 2) == (i + 1) / 2.0);
  }
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Every row function on a cell that is not there. */
static void check_no_cell(const sidelite_result *result, uint32_t row, uint32_t column) {
  CHECK(sidelite_row_value(result, row, column) == NULL);
  CHECK_EQ(sidelite_row_type(result, row, column), SIDELITE_NULL);
  CHECK_EQ(sidelite_row_int64(result, row, column), 0);
  CHECK(sidelite_row_real(result, row, column) == 0.0);
  CHECK(sidelite_row_text(result, row, column) == NULL);
  CHECK(sidelite_row_blob(result, row, column) == NULL);
  CHECK_EQ(sidelite_row_len(result, row, column), 0);
}

static void request_row_functions_find_no_cell_out_of_range(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(fetch(queue, conn, "SELECT 1, 2 UNION ALL SELECT 3, 4", &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 1, 1), 4);
  check_no_cell(r.result, 2, 0);
  check_no_cell(r.result, 0, 2);
  check_no_cell(r.result, UINT32_MAX, UINT32_MAX);
  check_no_cell(NULL, 0, 0);
  CHECK(sidelite_column_name(r.result, 2) == NULL);
  CHECK(sidelite_column_name(NULL, 0) == NULL);
  reply_clear(&r);
  CHECK_EQ(fetch(queue, conn, "SELEC", &r), 1);
  check_no_cell(r.result, 0, 0);
  CHECK(sidelite_column_name(r.result, 0) == NULL);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void request_row_functions_convert_numbers_and_nothing_else(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(fetch(queue, conn, "SELECT 2.9, -2.9, 1e30, -1e30, 9223372036854775807, '77', x'37', NULL, 1e999", &r),
           SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 2);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), -2);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 2), 0);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 3), 0);
  CHECK(sidelite_row_int64(r.result, 0, 4) == INT64_MAX);
  CHECK(sidelite_row_real(r.result, 0, 4) == 9223372036854775807.0);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 5), 0);
  CHECK(sidelite_row_real(r.result, 0, 5) == 0.0);
  CHECK(!memcmp(sidelite_row_blob(r.result, 0, 5), "77", 2));
  CHECK(sidelite_row_text(r.result, 0, 6) == NULL);
  CHECK(!memcmp(sidelite_row_blob(r.result, 0, 6), "7", 1));
  CHECK_EQ(sidelite_row_type(r.result, 0, 7), SIDELITE_NULL);
  CHECK(sidelite_row_text(r.result, 0, 7) == NULL);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 8), 0);
  CHECK(sidelite_row_text(r.result, 0, 0) == NULL);
  CHECK_EQ(sidelite_row_len(r.result, 0, 0), 0);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void on_error_message(const sidelite_event *event, void *user_data) {
  CHECK_EQ(event->code, 1);
  CHECK(!strcmp(sidelite_event_message(event), "near \"SELEC\": syntax error"));
  ++*(int *)user_data;
}

static void request_message_of_an_event_is_never_null(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_event event;
  int seen = 0;
  CHECK(sidelite_execute(conn, "SELEC 1", NULL, 0, on_error_message, &seen) > 0);
  TURN_UNTIL(queue, seen);
  memset(&event, 0, sizeof event);
  event.code = 5;
  CHECK(!strcmp(sidelite_event_message(&event), sidelite_status_string(5)));
  event.code = 12345678;
  CHECK(sidelite_event_message(&event) != NULL);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(request_rows_of_no_columns),
      TEST(request_rows_of_no_rows_have_column_names),
      TEST(request_rows_keep_duplicate_and_odd_column_names),
      TEST(request_rows_tell_the_declared_types_of_their_columns),
      TEST(request_rows_follow_a_changed_schema),
      TEST(request_rows_of_two_thousand_columns),
      TEST(request_rows_by_the_hundred_thousand),
      TEST(request_row_functions_find_no_cell_out_of_range),
      TEST(request_row_functions_convert_numbers_and_nothing_else),
      TEST(request_message_of_an_event_is_never_null),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
