/* What is told of a statement without running it, and of a connection. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, plain)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static sidelite_request describing(const char *sql, const sidelite_value *values, uint32_t n, reply *r) {
  sidelite_request request = request_new(SIDELITE_DESCRIBE, sql, r);
  request.values = values;
  request.ncols = n;
  return request;
}

static int32_t describe(const char *sql, const sidelite_value *values, uint32_t n, reply *r) {
  sidelite_request request = describing(sql, values, n, r);
  *r = reply_new();
  return run_request(queue, conn, &request, r);
}

/* A result as text: cells apart by '|', each row with a newline behind it; NULL is '-'. */
static void write_rows(const sidelite_result *result, char *text, size_t size) {
  size_t at = 0;
  uint32_t row, column;
  text[0] = 0;
  for (row = 0; result && row < result->nrows; row++) {
    for (column = 0; column < result->ncols; column++) {
      const char *end = column + 1 < result->ncols ? "|" : "\n";
      int n;
      switch (sidelite_row_type(result, row, column)) {
        case SIDELITE_NULL: n = snprintf(text + at, size - at, "-%s", end); break;
        case SIDELITE_INTEGER:
          n = snprintf(text + at, size - at, "%" PRId64 "%s", sidelite_row_int64(result, row, column), end);
          break;
        default: n = snprintf(text + at, size - at, "%s%s", sidelite_row_text(result, row, column), end);
      }
      at += (size_t)n;
      CHECK(n > 0 && at < size);
    }
  }
}

static void expect_rows(const reply *r, const char *expected) {
  char text[8192];
  if (r->code) fprintf(stderr, "%d: %s\n", r->code, message_of(r));
  CHECK_EQ(r->code, SIDELITE_OK);
  write_rows(r->result, text, sizeof text);
  if (!strcmp(text, expected)) return;
  fprintf(stderr, "answered:\n%sexpected:\n%s", text, expected);
  _exit(1);
}

static void expect_facts(const char *sql, const char *expected) {
  reply r;
  (void)describe(sql, NULL, 0, &r);
  expect_rows(&r, expected);
  reply_clear(&r);
}

static void describe_names_its_facts(void) {
  static const char *const names[] = {"item",  "position", "name",     "type", "schema",
                                      "table", "origin",   "readonly", "sql"};
  reply r;
  uint32_t i;
  begin();
  CHECK_EQ(describe("SELECT 1", NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, COUNT_OF(names));
  for (i = 0; i < COUNT_OF(names); i++) CHECK(!strcmp(sidelite_column_name(r.result, i), names[i]));
  CHECK_EQ(r.changes, 0);
  CHECK_EQ(r.events, 1);
  reply_clear(&r);
  end();
}

static void describe_tells_columns_and_where_they_come_from(void) {
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v AS SELECT name AS n, id + 1 AS s FROM t"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "ATTACH ':memory:' AS other"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE other.u(y REAL)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TEMP TABLE w(\"z z\" \"long TYPE\")"), SIDELITE_OK);
  expect_facts("SELECT rowid, name AS alias, t.plain, id + 1, (SELECT y FROM u) FROM t",
               "statement|-|-|-|-|-|-|1|SELECT rowid, name AS alias, t.plain, id + 1, (SELECT y FROM u) FROM t\n"
               "column|1|id|INTEGER|main|t|id|-|-\n"
               "column|2|alias|VARCHAR(20)|main|t|name|-|-\n"
               "column|3|plain|-|main|t|plain|-|-\n"
               "column|4|id + 1|-|-|-|-|-|-\n"
               "column|5|(SELECT y FROM u)|REAL|other|u|y|-|-\n");
  expect_facts("SELECT n, s AS t FROM v",
               "statement|-|-|-|-|-|-|1|SELECT n, s AS t FROM v\n"
               "column|1|n|VARCHAR(20)|main|t|name|-|-\n"
               "column|2|t|-|-|-|-|-|-\n");
  expect_facts("SELECT * FROM other.u AS x, w",
               "statement|-|-|-|-|-|-|1|SELECT * FROM other.u AS x, w\n"
               "column|1|y|REAL|other|u|y|-|-\n"
               "column|2|z z|long TYPE|temp|w|z z|-|-\n");
  expect_facts("INSERT INTO t VALUES (1, 2, 3) RETURNING id, id + 1 AS next",
               "statement|-|-|-|-|-|-|0|INSERT INTO t VALUES (1, 2, 3) RETURNING id, id + 1 AS next\n"
               "column|1|id|INTEGER|main|t|id|-|-\n"
               "column|2|next|-|-|-|-|-|-\n");
  end();
}

/* It is prepared anew each time. */
static void describe_sees_the_schema_as_it_is(void) {
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE u(a)"), SIDELITE_OK);
  expect_facts("SELECT * FROM u", "statement|-|-|-|-|-|-|1|SELECT * FROM u\ncolumn|1|a|-|main|u|a|-|-\n");
  CHECK_EQ(exec(queue, conn, "ALTER TABLE u RENAME a TO b"), SIDELITE_OK);
  expect_facts("SELECT * FROM u", "statement|-|-|-|-|-|-|1|SELECT * FROM u\ncolumn|1|b|-|main|u|b|-|-\n");
  end();
}

static void describe_tells_what_writes(void) {
  static const struct {
    const char *sql;
    int readonly;
  } statements[] = {{"SELECT * FROM t", 1},       {"VALUES (1)", 1},          {"BEGIN", 1},
                    {"ROLLBACK", 1},              {"SAVEPOINT s", 1},         {"PRAGMA table_info(t)", 1},
                    {"DELETE FROM t", 0},         {"UPDATE t SET plain = 1", 0}, {"CREATE TABLE u(x)", 0},
                    {"DROP TABLE t", 0},          {"BEGIN IMMEDIATE", 0},     {"PRAGMA user_version = 3", 0},
                    {"VACUUM", 0},                {"-- nothing", 1}};
  size_t i;
  reply r;
  begin();
  for (i = 0; i < COUNT_OF(statements); i++) {
    CHECK_EQ(describe(statements[i].sql, NULL, 0, &r), SIDELITE_OK);
    CHECK(text_is(&r, 0, 0, "statement"));
    if (sidelite_row_int64(r.result, 0, 7) != statements[i].readonly) fprintf(stderr, "%s\n", statements[i].sql);
    CHECK_EQ(sidelite_row_int64(r.result, 0, 7), statements[i].readonly);
    reply_clear(&r);
  }
  end();
}

static void describe_tells_parameters(void) {
  begin();
  expect_facts("SELECT 1 WHERE ? AND ?4 AND :a AND @a AND $a AND :a AND ?",
               "statement|-|-|-|-|-|-|1|SELECT 1 WHERE NULL AND NULL AND NULL AND NULL AND NULL AND NULL AND NULL\n"
               "column|1|1|-|-|-|-|-|-\n"
               "parameter|1|-|-|-|-|-|-|-\n"
               "parameter|2|-|-|-|-|-|-|-\n"
               "parameter|3|-|-|-|-|-|-|-\n"
               "parameter|4|?4|-|-|-|-|-|-\n"
               "parameter|5|:a|-|-|-|-|-|-\n"
               "parameter|6|@a|-|-|-|-|-|-\n"
               "parameter|7|$a|-|-|-|-|-|-\n"
               "parameter|8|-|-|-|-|-|-|-\n");
  expect_facts("DELETE FROM t WHERE id = $a::b(c)", "statement|-|-|-|-|-|-|0|DELETE FROM t WHERE id = NULL\n"
                                                    "parameter|1|$a::b(c)|-|-|-|-|-|-\n");
  end();
}

static void describe_fills_values_in(void) {
  sidelite_value values[7];
  reply r;
  begin();
  values[0] = sidelite_null();
  values[1] = sidelite_int(INT64_MIN);
  values[2] = sidelite_real(1.5);
  values[3] = sidelite_text("it's \xc3\xa9");
  values[4] = sidelite_blob("\0\xff", 2);
  values[5] = sidelite_zeroblob(3);
  values[6] = sidelite_text("");
  CHECK_EQ(describe("SELECT 1 WHERE ? AND ? AND ? AND ? AND ? AND ? AND ?", values, 7, &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 8,
                "SELECT 1 WHERE NULL AND -9223372036854775808 AND 1.5 AND 'it''s \xc3\xa9' AND x'00ff' AND zeroblob(3) "
                "AND ''"));
  CHECK_EQ(r.result->nrows, 9);
  reply_clear(&r);
  end();
}

static void describe_fills_values_in_by_name(void) {
  static const char *const names[] = {"a", "@b", "unused", "$c"};
  static const char *const too_few[] = {"a"};
  sidelite_value values[4] = {sidelite_int(1), sidelite_text("two"), sidelite_int(0), sidelite_real(-0.5)};
  reply r = reply_new();
  sidelite_request request = describing("SELECT 1 WHERE :a AND @b AND $c AND :a", values, 4, &r);
  begin();
  request.names = names;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 8, "SELECT 1 WHERE 1 AND 'two' AND -0.5 AND 1"));
  reply_clear(&r);
  request.names = too_few;
  request.ncols = 1;
  CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_RANGE);
  CHECK(strstr(message_of(&r), "no value for parameter @b"));
  reply_clear(&r);
  request.sql = "SELECT ?";
  CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_RANGE);
  CHECK(strstr(message_of(&r), "no value for parameter ?1"));
  reply_clear(&r);
  end();
}

static void describe_with_a_wrong_number_of_values_is_an_error(void) {
  sidelite_value values[3] = {sidelite_int(1), sidelite_int(2), sidelite_int(3)};
  reply r;
  begin();
  CHECK_EQ(describe("SELECT ?, ?", values, 1, &r), SQLITE_RANGE);
  CHECK(strstr(message_of(&r), "has 2 parameters, but 1 values"));
  reply_clear(&r);
  CHECK_EQ(describe("SELECT ?, ?", values, 3, &r), SQLITE_RANGE);
  reply_clear(&r);
  CHECK_EQ(describe("SELECT 1", values, 1, &r), SQLITE_RANGE);
  reply_clear(&r);
  end();
}

/* Two values fit, the text with both of them does not. */
static void describe_has_no_sql_that_is_too_long(void) {
  sidelite_value limit[2] = {sidelite_int(0), sidelite_int(100)}, values[2];
  char text[81];
  reply r;
  begin();
  CHECK(command_int(queue, conn, SIDELITE_LIMIT, limit, 2) > 100);
  memset(text, 'x', 80);
  text[80] = 0;
  values[0] = values[1] = sidelite_text(text);
  CHECK_EQ(describe("SELECT 1 WHERE ? AND ?", values, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_type(r.result, 0, 8), SIDELITE_NULL);
  CHECK_EQ(r.result->nrows, 4);
  reply_clear(&r);
  end();
}

static void describe_runs_nothing(void) {
  sidelite_stats before;
  reply r;
  begin();
  before = stats_of(conn);
  CHECK_EQ(describe("INSERT INTO t VALUES (1, 'a', 2) RETURNING id", NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(r.changes, 0);
  CHECK_EQ(r.last_insert_rowid, 0);
  CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  reply_clear(&r);
  CHECK_EQ(describe("BEGIN IMMEDIATE", NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  reply_clear(&r);
  CHECK_EQ(describe("DROP TABLE t", NULL, 0, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(describe("PRAGMA user_version = 7", NULL, 0, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(describe(ENDLESS, NULL, 0, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(stats_of(conn).total_changes, before.total_changes);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA user_version"), 0);
  end();
}

static void describe_of_wrong_sql_is_an_error(void) {
  reply r;
  begin();
  CHECK_EQ(describe("SELECT id FROM t WHERE nope = 1", NULL, 0, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "no such column: nope"));
  CHECK_EQ(r.result->sql_offset, 23);
  CHECK_EQ(r.result->sqlite_code, SQLITE_ERROR);
  CHECK_EQ(r.flags & SIDELITE_EVENT_NOT_RUN, 0);
  reply_clear(&r);
  CHECK_EQ(describe("SELEC 1", NULL, 0, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "near \"SELEC\": syntax error"));
  CHECK_EQ(r.result->sql_offset, 0);
  reply_clear(&r);
  CHECK_EQ(describe("SELECT (1", NULL, 0, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "incomplete input"));
  reply_clear(&r);
  CHECK_EQ(describe("SELECT 1; SELECT 2", NULL, 0, &r), SIDELITE_ERR_MISUSE);
  CHECK_EQ(r.result->sql_offset, 9);
  reply_clear(&r);
  CHECK_EQ(describe("SELECT 1;; -- and no more", NULL, 0, &r), SIDELITE_OK);
  reply_clear(&r);
  end();
}

static void describe_of_no_statement_has_one_row(void) {
  begin();
  expect_facts("", "statement|-|-|-|-|-|-|1|\n");
  expect_facts(" ; -- nothing", "statement|-|-|-|-|-|-|1| ; -- nothing\n");
  end();
}

static void describe_asks_the_authorizer(void) {
  sidelite_value rule[3] = {sidelite_int(SIDELITE_DENY), sidelite_int(20), sidelite_text("t")};
  reply r;
  begin();
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTHORIZE, rule, 3), SIDELITE_OK);
  CHECK_EQ(describe("SELECT name FROM t", NULL, 0, &r), SQLITE_AUTH);
  CHECK(strstr(message_of(&r), "t.name is prohibited"));
  reply_clear(&r);
  end();
}

static void describe_without_sql_is_refused(void) {
  static const uint32_t flags[] = {SIDELITE_MULTI, SIDELITE_ATOMIC, SIDELITE_COMMIT_FIRST};
  sidelite_value values[2] = {sidelite_int(1), sidelite_int(2)};
  sidelite_request request;
  reply r = reply_new();
  size_t i;
  begin();
  request = describing(NULL, NULL, 0, &r);
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request = describing("SELECT '\xff'", NULL, 0, &r);
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_TEXT);
  request = describing("SELECT ?", values, 1, &r);
  request.nrows = 2;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request.nrows = 1;
  for (i = 0; i < COUNT_OF(flags); i++) {
    request.flags = flags[i];
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  }
  request.flags = 1u << 30;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_UNSUPPORTED);
  request.flags = SIDELITE_STATIC | SIDELITE_NO_CACHE;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 8, "SELECT 1"));
  reply_clear(&r);
  CHECK_EQ(stats_of(conn).outstanding, 0);
  end();
}

static void describe_that_is_too_large_is_an_error(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *small;
  reply r = reply_new();
  sidelite_request request = describing("SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10", NULL, 0, &r);
  begin();
  config.max_result_bytes = 600;
  small = conn_open(queue, ":memory:", &config);
  CHECK_EQ(run_request(queue, small, &request, &r), SIDELITE_ERR_TOO_BIG);
  reply_clear(&r);
  request.sql = "SELECT 1";
  CHECK_EQ(run_request(queue, small, &request, &r), SIDELITE_OK);
  reply_clear(&r);
  conn_close(queue, small, SIDELITE_CLOSE_DRAIN);
  end();
}

static void describe_in_a_lease_sees_what_it_has_made(void) {
  sidelite_value mode = sidelite_int(SIDELITE_BEGIN_IMMEDIATE);
  reply lease, r = reply_new(), outside = reply_new();
  sidelite_request request;
  int64_t id;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_LEASE, &mode, 1, &lease), SIDELITE_OK);
  id = lease.id;
  reply_clear(&lease);
  request = request_new(SIDELITE_EXECUTE, "CREATE TABLE mine(x)", &r);
  request.lane = id;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  reply_clear(&r);
  request = describing("SELECT x FROM mine", NULL, 0, &outside);
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  request = describing("SELECT x FROM mine", NULL, 0, &r);
  request.lane = id;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & (SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING),
           SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING);
  CHECK_EQ(outside.finals, 0);
  reply_clear(&r);
  CHECK(submit_command(conn, SIDELITE_RELEASE, id, NULL, 0, NULL) > 0);
  EXPECT(queue, &outside, SQLITE_ERROR); /* what it had made is rolled back */
  reply_clear(&outside);
  end();
}

/* A HOST function that describes a statement, and asks for the status, before it answers. */
typedef struct inside {
  int64_t call;
  int created;
} inside;

static void on_call(const sidelite_event *event, void *user_data) {
  inside *in = (inside *)user_data;
  if (event->flags & SIDELITE_EVENT_CALL) {
    in->call = event->id;
  } else {
    CHECK_EQ(event->code, SIDELITE_OK);
    in->created++;
  }
}

static void describe_and_status_inside_a_call(void) {
  sidelite_function_config config = function_new(SIDELITE_FUNCTION_SCALAR, "f", 0, NULL);
  inside in;
  reply outer = reply_new(), r = reply_new(), status = reply_new();
  sidelite_request request;
  begin();
  memset(&in, 0, sizeof in);
  CHECK(sidelite_create_function(conn, &config, on_call, &in) > 0);
  CHECK(sidelite_fetch(conn, "SELECT f()", NULL, 0, on_reply, &outer) > 0);
  TURN_UNTIL(queue, in.call);
  CHECK_EQ(in.created, 1);
  /* The statement that calls is running, and may be described. */
  request = describing("SELECT f()", NULL, 0, &r);
  request.lane = in.call;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK(text_is(&r, 1, 2, "f()"));
  reply_clear(&r);
  CHECK(submit_command(conn, SIDELITE_STATUS, in.call, NULL, 0, &status) > 0);
  EXPECT(queue, &status, SIDELITE_OK);
  reply_clear(&status);
  CHECK_EQ(outer.finals, 0);
  CHECK_EQ(sidelite_reply(conn, in.call, NULL, 0), SIDELITE_OK);
  EXPECT(queue, &outer, SIDELITE_OK);
  reply_clear(&outer);
  end();
}

static void contract_12_describe_in_the_queue_is_cancelled(void) {
  gate g;
  reply r = reply_new(), late = reply_new();
  sidelite_request request = describing("SELECT 1", NULL, 0, &r);
  int64_t id;
  begin();
  gate_shut(&g, conn);
  id = sidelite_submit(conn, &request, 1);
  request = describing("SELECT 2", NULL, 0, &late);
  request.timeout_ms = 1;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  sleep_ms(2);
  gate_open(&g);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK(r.flags & SIDELITE_EVENT_NOT_RUN);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  CHECK(late.flags & SIDELITE_EVENT_NOT_RUN);
  reply_clear(&r);
  reply_clear(&late);
  gate_remove(&g, queue);
  end();
}

/* A file that another connection has locked cannot even be looked at. */
static void contract_12_describe_that_waits_for_a_lock_is_cancelled(void) {
  sidelite_open_config config = open_config_new(0);
  char path[4096];
  const char *directory = scratch_new();
  sidelite_conn *owner, *waiter;
  reply r = reply_new(), late = reply_new(), closed = reply_new();
  sidelite_request request = describing("SELECT * FROM u", NULL, 0, &r);
  int64_t id;
  queue = queue_new();
  path_join(path, sizeof path, directory, "file");
  config.busy_timeout_ms = 60000;
  owner = conn_open(queue, path, &config);
  waiter = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, owner, "CREATE TABLE u(x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, owner, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  id = sidelite_submit(waiter, &request, 1);
  request = describing("SELECT * FROM u", NULL, 0, &late);
  request.timeout_ms = 30;
  CHECK(sidelite_submit(waiter, &request, 1) > 0);
  sleep_ms(10);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_cancel(waiter, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  reply_clear(&r);
  reply_clear(&late);
  request = describing("SELECT * FROM u", NULL, 0, &r);
  CHECK(sidelite_submit(waiter, &request, 1) > 0);
  CHECK_EQ(sidelite_close(waiter, SIDELITE_CLOSE_CANCEL, on_reply, &closed), SIDELITE_OK);
  EXPECT(queue, &closed, SIDELITE_OK);
  CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  conn_close(queue, owner, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

/* The row of a status with this name. */
static uint32_t row_named(const reply *r, const char *name) {
  uint32_t row;
  for (row = 0; row < r->result->nrows; row++)
    if (text_is(r, row, 0, name)) return row;
  fprintf(stderr, "no %s in the status\n", name);
  _exit(1);
}

static int64_t number_named(const reply *r, const char *name) {
  uint32_t row = row_named(r, name);
  CHECK_EQ(sidelite_row_type(r->result, row, 1), SIDELITE_INTEGER);
  return sidelite_row_int64(r->result, row, 1);
}

static int64_t status(const char *name) {
  reply r;
  int64_t number;
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  number = number_named(&r, name);
  reply_clear(&r);
  return number;
}

static void status_tells_facts_and_counters(void) {
  static const char *const names[] = {
      "filename",       "readonly",            "autocommit",          "txn_state",   "changes",     "total_changes",
      "last_insert_rowid", "lookaside_used",   "cache_used",          "schema_used", "stmt_used",   "lookaside_hit",
      "lookaside_miss_size", "lookaside_miss_full", "cache_hit",      "cache_miss",  "cache_write", "deferred_fks",
      "cache_used_shared", "cache_spill"};
  reply r;
  uint32_t i;
  begin();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (5, 'a', 1), (7, 'b', 2)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "UPDATE t SET plain = 3 WHERE id = 5"), SIDELITE_OK);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(r.result->ncols, 3);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "name"));
  CHECK(!strcmp(sidelite_column_name(r.result, 1), "value"));
  CHECK(!strcmp(sidelite_column_name(r.result, 2), "highest"));
  CHECK(r.result->nrows >= COUNT_OF(names));
  for (i = 0; i < COUNT_OF(names); i++) {
    CHECK(text_is(&r, i, 0, names[i]));
    CHECK_EQ(sidelite_row_type(r.result, i, 2), i < 7 ? SIDELITE_NULL : SIDELITE_INTEGER);
  }
  CHECK(text_is(&r, row_named(&r, "filename"), 1, ""));
  CHECK_EQ(number_named(&r, "readonly"), 0);
  CHECK_EQ(number_named(&r, "autocommit"), 1);
  CHECK_EQ(number_named(&r, "changes"), 1);
  CHECK_EQ(number_named(&r, "total_changes"), 3);
  CHECK_EQ(number_named(&r, "last_insert_rowid"), 7);
  CHECK(number_named(&r, "cache_used") > 0);
  CHECK(number_named(&r, "schema_used") > 0);
  CHECK(number_named(&r, "stmt_used") > 0); /* the cache of statements */
  CHECK_EQ(r.last_insert_rowid, 7);
  CHECK_EQ(r.changes, 0);
  CHECK_EQ(stats_of(conn).total_changes, 3);
  reply_clear(&r);
  end();
}

static void status_of_a_file_that_is_only_read(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_READONLY);
  char path[4096];
  const char *directory = scratch_new();
  reply r;
  queue = queue_new();
  path_join(path, sizeof path, directory, "a file");
  ask_expecting(path, "CREATE TABLE u(x)", "");
  conn = conn_open(queue, path, &config);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 1, path));
  CHECK_EQ(number_named(&r, "readonly"), 1);
  reply_clear(&r);
  end();
  scratch_remove(directory);
}

static void status_counts_anew_when_it_is_reset(void) {
  sidelite_value reset = sidelite_int(1);
  reply r;
  int64_t hits, highest;
  begin();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t SELECT value, value, value FROM json_each('[1,2,3,4,5,6,7,8,9]')"), SIDELITE_OK);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, &reset, 1, &r), SIDELITE_OK);
  hits = number_named(&r, "cache_hit");
  highest = sidelite_row_int64(r.result, row_named(&r, "lookaside_used"), 2);
  CHECK(hits > 0);
  CHECK(highest >= number_named(&r, "lookaside_used"));
  reply_clear(&r);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK(number_named(&r, "cache_hit") < hits);
  CHECK(sidelite_row_int64(r.result, row_named(&r, "lookaside_used"), 2) <= highest);
  CHECK_EQ(number_named(&r, "total_changes"), 9);
  reply_clear(&r);
  end();
}

static void status_refuses_what_it_does_not_know(void) {
  sidelite_value args[2] = {sidelite_int(2), sidelite_int(0)};
  reply r;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, args, 1, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message_of(&r), "argument reset: 2 is none of 0 to 1"));
  reply_clear(&r);
  args[0] = sidelite_text("yes");
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, args, 1, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message_of(&r), "argument reset must be an INTEGER"));
  reply_clear(&r);
  args[0] = sidelite_int(1);
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, args, 2, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message_of(&r), "2 arguments were given"));
  reply_clear(&r);
  end();
}

/* The state by three ways: flags of the statement's own event, those of the status's, and its rows. */
static void expect_state(const char *sql, uint32_t flags, int64_t txn_state) {
  static const uint32_t mask = SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING | SIDELITE_EVENT_WRITING;
  reply r;
  if (sql) {
    int32_t code = fetch(queue, conn, sql, &r);
    if (code || (r.flags & mask) != flags) fprintf(stderr, "%s: %s\n", sql, message_of(&r));
    CHECK_EQ(code, SIDELITE_OK);
    CHECK_EQ(r.flags & mask, flags);
    reply_clear(&r);
  }
  CHECK_EQ(command(queue, conn, SIDELITE_STATUS, NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & mask, flags);
  CHECK_EQ(number_named(&r, "txn_state"), txn_state);
  CHECK_EQ(number_named(&r, "autocommit"), !(flags & SIDELITE_EVENT_IN_TRANSACTION));
  reply_clear(&r);
}

static void contract_11_flags_and_status_agree_about_the_transaction(void) {
  static const uint32_t open = SIDELITE_EVENT_IN_TRANSACTION;
  static const uint32_t reading = SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING;
  static const uint32_t writing = SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING;
  begin();
  expect_state(NULL, 0, 0);
  expect_state("SELECT * FROM t", 0, 0);
  expect_state("INSERT INTO t VALUES (1, 'a', 1)", 0, 0);
  expect_state("BEGIN", open, 0);
  expect_state("SELECT 1", open, 0);
  expect_state("SELECT * FROM t", reading, 1);
  expect_state("INSERT INTO t VALUES (2, 'b', 2)", writing, 2);
  expect_state("SELECT * FROM t", writing, 2);
  expect_state("COMMIT", 0, 0);
  expect_state("BEGIN IMMEDIATE", writing, 2);
  expect_state("ROLLBACK", 0, 0);
  expect_state("BEGIN EXCLUSIVE", writing, 2);
  expect_state("COMMIT", 0, 0);
  expect_state("SAVEPOINT s", open, 0);
  expect_state("DELETE FROM t", writing, 2);
  expect_state("ROLLBACK TO s", writing, 2);
  expect_state("RELEASE s", 0, 0);
  CHECK_EQ(status("total_changes"), 4);
  end();
}

/* A statement that is paused outside of a transaction reads, which is none of a transaction's flags. */
static void contract_11_paused_stream_reads_without_a_transaction(void) {
  reply paused = reply_new();
  begin();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)"), SIDELITE_OK);
  CHECK(sidelite_stream(conn, "SELECT * FROM t", NULL, 0, 1, on_reply, &paused) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  expect_state(NULL, 0, 1);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  reply_clear(&paused);
  expect_state(NULL, 0, 0);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(describe_names_its_facts),
                               TEST(describe_tells_columns_and_where_they_come_from),
                               TEST(describe_sees_the_schema_as_it_is),
                               TEST(describe_tells_what_writes),
                               TEST(describe_tells_parameters),
                               TEST(describe_fills_values_in),
                               TEST(describe_fills_values_in_by_name),
                               TEST(describe_with_a_wrong_number_of_values_is_an_error),
                               TEST(describe_has_no_sql_that_is_too_long),
                               TEST(describe_runs_nothing),
                               TEST(describe_of_wrong_sql_is_an_error),
                               TEST(describe_of_no_statement_has_one_row),
                               TEST(describe_asks_the_authorizer),
                               TEST(describe_without_sql_is_refused),
                               TEST(describe_that_is_too_large_is_an_error),
                               TEST(describe_in_a_lease_sees_what_it_has_made),
                               TEST(describe_and_status_inside_a_call),
                               TEST(contract_12_describe_in_the_queue_is_cancelled),
                               TEST(contract_12_describe_that_waits_for_a_lock_is_cancelled),
                               TEST(status_tells_facts_and_counters),
                               TEST(status_of_a_file_that_is_only_read),
                               TEST(status_counts_anew_when_it_is_reset),
                               TEST(status_refuses_what_it_does_not_know),
                               TEST(contract_11_flags_and_status_agree_about_the_transaction),
                               TEST(contract_11_paused_stream_reads_without_a_transaction),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
