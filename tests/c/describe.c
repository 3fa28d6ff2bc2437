/* What is known of a statement without running it, and of a connection. */
#include "command.h"
#include "faults.h"

/* The columns of DESCRIBE. */
enum { ITEM, POSITION, NAME, TYPE, SCHEMA, TABLE, ORIGIN, READONLY, SQL, FACTS };

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, x VARCHAR(9))"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static int32_t describe(const char *sql, const sidelite_value *values, uint32_t n, const char *const *names, reply *r) {
  sidelite_request request = request_new(SIDELITE_DESCRIBE, sql, r);
  *r = reply_new();
  request.values = values;
  request.ncols = n;
  request.names = names;
  return run_request(queue, conn, &request, r);
}

/* A row of facts as text, "-" for NULL: "column 1 x - main t". */
static const char *row_text(const reply *r, uint32_t row) {
  static char text[1000];
  size_t len = 0;
  uint32_t column;
  for (column = 0; column < r->result->ncols; column++) {
    const char *separator = column ? "|" : "", *cell = sidelite_row_text(r->result, row, column);
    if (sidelite_row_type(r->result, row, column) == SIDELITE_INTEGER)
      len += (size_t)snprintf(text + len, sizeof text - len, "%s%" PRId64, separator,
                              sidelite_row_int64(r->result, row, column));
    else
      len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", separator, cell ? cell : "-");
  }
  return text;
}

static void expect_row(const reply *r, uint32_t row, const char *text) {
  CHECK(row < r->result->nrows);
  if (strcmp(row_text(r, row), text)) fprintf(stderr, "row %u: %s\nexpected: %s\n", row, row_text(r, row), text);
  CHECK(!strcmp(row_text(r, row), text));
}

static void describe_names_columns_and_where_they_come_from(void) {
  static const char *const names[FACTS] = {"item", "position", "name", "type", "schema", "table", "origin", "readonly", "sql"};
  reply r;
  int32_t column;
  begin();
  CHECK_EQ(exec(queue, conn, "ATTACH ':memory:' AS other"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE other.u(y REAL)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v AS SELECT x AS seen FROM t"), SIDELITE_OK);
  CHECK_EQ(describe("SELECT id, x AS alias, 1 + 1, y, seen FROM t, u, v", NULL, 0, NULL, &r), SIDELITE_OK);
  for (column = 0; column < FACTS; column++) CHECK_EQ(sidelite_column_index(r.result, names[column]), column);
  CHECK_EQ(sidelite_column_index(r.result, "colour"), -1);
  CHECK_EQ(r.result->nrows, 6);
  expect_row(&r, 0, "statement|-|-|-|-|-|-|1|SELECT id, x AS alias, 1 + 1, y, seen FROM t, u, v");
  expect_row(&r, 1, "column|1|id|INTEGER|main|t|id|-|-");
  expect_row(&r, 2, "column|2|alias|VARCHAR(9)|main|t|x|-|-");
  expect_row(&r, 3, "column|3|1 + 1|-|-|-|-|-|-");
  expect_row(&r, 4, "column|4|y|REAL|other|u|y|-|-");
  expect_row(&r, 5, "column|5|seen|VARCHAR(9)|main|t|x|-|-");
  reply_clear(&r);
  end();
}

static void describe_names_parameters(void) {
  reply r;
  begin();
  CHECK_EQ(describe("SELECT ?, ?4, :a, @b, $c, :a", NULL, 0, NULL, &r), SIDELITE_OK);
  CHECK_EQ(r.result->nrows, 1 + 6 + 7);
  expect_row(&r, 7, "parameter|1|-|-|-|-|-|-|-");
  expect_row(&r, 8, "parameter|2|-|-|-|-|-|-|-");
  expect_row(&r, 10, "parameter|4|?4|-|-|-|-|-|-");
  expect_row(&r, 11, "parameter|5|:a|-|-|-|-|-|-");
  expect_row(&r, 12, "parameter|6|@b|-|-|-|-|-|-");
  expect_row(&r, 13, "parameter|7|$c|-|-|-|-|-|-");
  reply_clear(&r);
  end();
}

static void describe_fills_values_in(void) {
  static const char *const names[] = {"a", ":b"};
  const sidelite_value values[] = {sidelite_int(-7), sidelite_real(0.5), sidelite_text("it's"), sidelite_blob("\x01\xff", 2),
                                   sidelite_null(), sidelite_zeroblob(2)};
  reply r;
  begin();
  CHECK_EQ(describe("SELECT ?, ?, ?, ?, ?, ?", values, 6, NULL, &r), SIDELITE_OK);
  expect_row(&r, 0, "statement|-|-|-|-|-|-|1|SELECT -7, 0.5, 'it''s', x'01ff', NULL, zeroblob(2)");
  reply_clear(&r);
  CHECK_EQ(describe("SELECT :b, :a", values, 2, names, &r), SIDELITE_OK);
  expect_row(&r, 0, "statement|-|-|-|-|-|-|1|SELECT 0.5, -7");
  reply_clear(&r);
  CHECK_EQ(describe("SELECT ?, ?", values, 1, NULL, &r), SQLITE_RANGE);
  reply_clear(&r);
  end();
}

static void describe_does_not_run_the_statement(void) {
  reply r;
  begin();
  CHECK_EQ(describe("INSERT INTO t VALUES (1, 'a') RETURNING x", NULL, 0, NULL, &r), SIDELITE_OK);
  expect_row(&r, 0, "statement|-|-|-|-|-|-|0|INSERT INTO t VALUES (1, 'a') RETURNING x");
  CHECK_EQ(r.changes, 0);
  reply_clear(&r);
  CHECK_EQ(describe("DROP TABLE t", NULL, 0, NULL, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(describe("BEGIN", NULL, 0, NULL, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

static void describe_what_cannot_be_described(void) {
  reply r;
  begin();
  CHECK_EQ(describe("SELECT id FROM missing", NULL, 0, NULL, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "no such table: missing"));
  reply_clear(&r);
  CHECK_EQ(describe("SELECT 1 nonsense here", NULL, 0, NULL, &r), SQLITE_ERROR);
  CHECK_EQ(r.result->sql_offset, 18);
  reply_clear(&r);
  CHECK_EQ(describe("SELECT 1; SELECT 2", NULL, 0, NULL, &r), SIDELITE_ERR_MISUSE);
  reply_clear(&r);
  CHECK_EQ(describe(" -- nothing", NULL, 0, NULL, &r), SIDELITE_OK);
  CHECK_EQ(r.result->nrows, 1);
  reply_clear(&r);
  CHECK_EQ(submit_command(conn, SIDELITE_DESCRIBE, 0, NULL, 0, &r), SIDELITE_ERR_MISUSE);
  end();
}

static void describe_inside_of_a_lease(void) {
  reply leased = reply_new(), r = reply_new();
  sidelite_request request = request_new(SIDELITE_DESCRIBE, "SELECT x FROM t", &r);
  begin();
  request.lane = submit_command(conn, SIDELITE_LEASE, 0, NULL, 0, &leased);
  EXPECT(queue, &leased, SIDELITE_OK);
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  expect_row(&r, 1, "column|1|x|VARCHAR(9)|main|t|x|-|-");
  CHECK(submit_command(conn, SIDELITE_RELEASE, request.lane, NULL, 0, NULL) > 0);
  reply_clear(&r);
  reply_clear(&leased);
  end();
}

/* A fact of STATUS, by its name. */
static int64_t fact(const char *name) {
  reply r;
  uint32_t row;
  int64_t value = -1;
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  for (row = 0; row < r.result->nrows; row++)
    if (text_is(&r, row, 0, name)) value = sidelite_row_int64(r.result, row, 1);
  reply_clear(&r);
  return value;
}

static void status_tells_of_the_connection(void) {
  begin();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (41, 'a'), (42, 'b')"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "UPDATE t SET x = 'c' WHERE id = 41"), SIDELITE_OK);
  CHECK_EQ(fact("changes"), 1);
  CHECK_EQ(fact("total_changes"), 3);
  CHECK_EQ(fact("last_insert_rowid"), 42);
  CHECK_EQ(fact("readonly"), 0);
  CHECK_EQ(fact("autocommit"), 1);
  CHECK(fact("cache_used") > 0);
  CHECK(fact("schema_used") > 0);
  CHECK(fact("stmt_used") > 0);
  CHECK_EQ(fact("nonsense"), -1);
  end();
}

static void status_names_the_file(void) {
  const char *folder = scratch_new();
  char path[4200];
  reply r;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 0, "filename") && text_is(&r, 0, 1, ""));
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  snprintf(path, sizeof path, "%s/file.db", folder);
  conn = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE u(y)"), SIDELITE_OK);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK(strstr(sidelite_row_text(r.result, 0, 1), "/file.db"));
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  {
    sidelite_open_config config = open_config_new(SIDELITE_OPEN_READONLY);
    conn = conn_open(queue, path, &config);
    CHECK_EQ(fact("readonly"), 1);
  }
  end();
  scratch_remove(folder);
}

/* The request's own state, by the flags of its final event. */
static uint32_t state_after(const char *sql) {
  reply r;
  uint32_t flags;
  CHECK_EQ(fetch(queue, conn, sql, &r), SIDELITE_OK);
  flags = r.flags & (SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING | SIDELITE_EVENT_WRITING);
  reply_clear(&r);
  return flags;
}

static void contract_11_transaction_state_is_none_read_or_written(void) {
  static const struct {
    const char *sql;
    uint32_t flags;
    int64_t txn_state, autocommit;
  } steps[] = {{"SELECT 1", 0, 0, 1},
               {"INSERT INTO t VALUES (1, 'a')", 0, 0, 1},
               {"BEGIN", SIDELITE_EVENT_IN_TRANSACTION, 0, 0},
               {"SELECT * FROM t", SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING, 1, 0},
               {"INSERT INTO t VALUES (2, 'b')", SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING, 2, 0},
               {"SELECT * FROM t", SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING, 2, 0},
               {"COMMIT", 0, 0, 1},
               {"BEGIN IMMEDIATE", SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING, 2, 0},
               {"ROLLBACK", 0, 0, 1},
               {"SAVEPOINT s", SIDELITE_EVENT_IN_TRANSACTION, 0, 0},
               {"RELEASE s", 0, 0, 1}};
  size_t i;
  begin();
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    CHECK_EQ(state_after(steps[i].sql), steps[i].flags);
    CHECK_EQ(fact("txn_state"), steps[i].txn_state);
    CHECK_EQ(fact("autocommit"), steps[i].autocommit);
  }
  end();
}

static void status_resets_the_highest_values(void) {
  sidelite_value reset = sidelite_int(1), wrong = sidelite_int(2);
  reply r;
  uint32_t row;
  int64_t hits = -1;
  begin();
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  CHECK(fact("cache_hit") > 0);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, &reset, 1, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  for (row = 0; row < r.result->nrows; row++)
    if (text_is(&r, row, 0, "cache_hit")) hits = sidelite_row_int64(r.result, row, 1);
  CHECK_EQ(hits, 0);
  reply_clear(&r);
  CHECK_EQ(command_code(queue, conn, SIDELITE_STATUS, &wrong, 1), SIDELITE_ERR_MISUSE);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(describe_names_columns_and_where_they_come_from),
                               TEST(describe_names_parameters),
                               TEST(describe_fills_values_in),
                               TEST(describe_does_not_run_the_statement),
                               TEST(describe_what_cannot_be_described),
                               TEST(describe_inside_of_a_lease),
                               TEST(status_tells_of_the_connection),
                               TEST(status_names_the_file),
                               TEST(contract_11_transaction_state_is_none_read_or_written),
                               TEST(status_resets_the_highest_values),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
