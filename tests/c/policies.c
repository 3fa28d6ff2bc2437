/* What a host may forbid or steer: rules and hooks for accesses, running statements, locks and commits. */
#include "command.h"
#include "faults.h"

enum { SQLITE_CONSTRAINT_COMMITHOOK = 531 };

/* SQLite's action codes, as on sqlite.org/c3ref/c_alter_table.html. */
enum { ANY = -1, TO_CREATE_TABLE = 2, TO_DELETE = 9, TO_INSERT = 18, TO_PRAGMA = 19, TO_READ = 20, TO_SELECT = 21,
       TO_CONTROL = 22, TO_UPDATE = 23, TO_CALL = 31, TO_SAVE = 32 };

enum { ALLOW = SIDELITE_ALLOW, DENY = SIDELITE_DENY, IGNORE = SIDELITE_IGNORE, RULE_COLUMNS = 6, RULES_MAX = 8 };

static sidelite_queue *queue;
static sidelite_conn *conn;

static void run(const char *sql) {
  int32_t code = exec(queue, conn, sql);
  if (code) fprintf(stderr, "%s\n", sql);
  CHECK_EQ(code, SIDELITE_OK);
}

static void expect_error(const char *sql, int32_t code, const char *words) {
  reply r;
  int32_t ended = fetch(queue, conn, sql, &r);
  if (ended != code || !strstr(message_of(&r), words)) fprintf(stderr, "%s: %s\n", sql, message_of(&r));
  CHECK_EQ(ended, code);
  CHECK(strstr(message_of(&r), words));
  reply_clear(&r);
}

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  run("CREATE TABLE t(id INTEGER PRIMARY KEY, a, secret)");
  run("INSERT INTO t VALUES (1, 'one', 'hush')");
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Nothing is cut short by a hook that a test is through with. */
static int is_idle(void) {
  reply r;
  int idle;
  CHECK_EQ(fetch(queue, conn, "SELECT 1", &r), SIDELITE_OK);
  idle = !(r.flags & SIDELITE_EVENT_IN_TRANSACTION);
  reply_clear(&r);
  return idle;
}

typedef struct rule {
  int64_t decision, action;
  const char *first, *second, *schema, *trigger;
} rule;

/* The rules as values, which live until the next call. */
static const sidelite_value *values_of(const rule *rules, size_t n) {
  static sidelite_value values[RULES_MAX * RULE_COLUMNS];
  size_t i;
  CHECK(n <= RULES_MAX);
  for (i = 0; i < n; i++) {
    sidelite_value *row = values + i * RULE_COLUMNS;
    row[0] = sidelite_int(rules[i].decision);
    row[1] = rules[i].action == ANY ? sidelite_null() : sidelite_int(rules[i].action);
    row[2] = sidelite_text(rules[i].first);
    row[3] = sidelite_text(rules[i].second);
    row[4] = sidelite_text(rules[i].schema);
    row[5] = sidelite_text(rules[i].trigger);
  }
  return values;
}

static int32_t authorize_values(const sidelite_value *values, uint32_t ncols, uint32_t nrows) {
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_AUTHORIZE, NULL, &r);
  int32_t code;
  request.values = values;
  request.ncols = ncols;
  request.nrows = nrows;
  code = run_request(queue, conn, &request, &r);
  reply_clear(&r);
  return code;
}

static void authorize(const rule *rules, size_t n) {
  CHECK_EQ(authorize_values(n ? values_of(rules, n) : NULL, n ? RULE_COLUMNS : 0, (uint32_t)n), SIDELITE_OK);
}

#define AUTHORIZE(rules) authorize(rules, COUNT_OF(rules))

/* Rules. */

static void authorizer_rules_hold_from_the_opening_on(void) {
  static const rule rules[] = {{DENY, TO_READ, "t", "secret", NULL, NULL}, {DENY, TO_CREATE_TABLE, "u", NULL, NULL, NULL}};
  sidelite_open_config config = open_config_new(0);
  sidelite_value values[2 * RULE_COLUMNS];
  char table[2] = "t";
  reply replies[4];
  int i;
  memcpy(values, values_of(rules, 2), sizeof values);
  values[2] = sidelite_text(table);
  config.authorizer = values;
  config.authorizer_rules = 2;
  queue = queue_new();
  CHECK_EQ(sidelite_open(queue, ":memory:", &config, NULL, NULL, &conn), SIDELITE_OK);
  memset(values, 0xff, sizeof values);
  table[0] = '?';
  for (i = 0; i < 4; i++) replies[i] = reply_new();
  execute(conn, "CREATE TABLE u(x)", &replies[0]);
  execute(conn, "CREATE TABLE t(a, secret)", &replies[1]);
  execute(conn, "SELECT secret FROM t", &replies[2]);
  execute(conn, "SELECT a FROM t", &replies[3]);
  EXPECT(queue, &replies[0], SQLITE_AUTH);
  CHECK(!strcmp(message_of(&replies[0]), "not authorized"));
  EXPECT(queue, &replies[1], SIDELITE_OK);
  EXPECT(queue, &replies[2], SQLITE_AUTH);
  CHECK(!strcmp(message_of(&replies[2]), "access to t.secret is prohibited"));
  EXPECT(queue, &replies[3], SIDELITE_OK);
  for (i = 0; i < 4; i++) reply_clear(&replies[i]);
  authorize(NULL, 0);
  run("SELECT secret FROM t");
  end();
}

static void authorizer_rules_that_cannot_be_are_refused_by_open(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_value values[RULE_COLUMNS];
  static const rule right = {DENY, TO_READ, "t", NULL, NULL, NULL};
  size_t i;
  queue = queue_new();
  config.authorizer_rules = 1;
  for (i = 0; i < 7; i++) {
    int32_t code = SIDELITE_ERR_MISUSE;
    memcpy(values, values_of(&right, 1), sizeof values);
    config.authorizer = values;
    switch (i) {
      case 0: values[0] = sidelite_null(); break;
      case 1: values[0] = sidelite_int(3); break;
      case 2: values[1] = sidelite_text("20"); break;
      case 3: values[2] = sidelite_int(1); break;
      case 4: values[5].type = 99; break;
      case 5: config.authorizer = NULL; break;
      default: values[4] = sidelite_text("\xff"); code = SIDELITE_ERR_BAD_TEXT;
    }
    conn = (sidelite_conn *)1;
    CHECK_EQ(sidelite_open(queue, ":memory:", &config, NULL, NULL, &conn), code);
    CHECK(conn == NULL);
  }
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void authorizer_rules_deny_what_they_name(void) {
  static const rule rules[] = {{DENY, TO_DELETE, NULL, NULL, NULL, NULL},
                               {DENY, TO_UPDATE, "t", "secret", NULL, NULL},
                               {DENY, TO_CALL, NULL, "random", NULL, NULL},
                               {DENY, TO_PRAGMA, "user_version", NULL, NULL, NULL},
                               {DENY, TO_CONTROL, "COMMIT", NULL, NULL, NULL}};
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_DESCRIBE, "DELETE FROM t", &r);
  begin();
  AUTHORIZE(rules);
  expect_error("DELETE FROM t", SQLITE_AUTH, "not authorized");
  expect_error("UPDATE t SET secret = 1", SQLITE_AUTH, "not authorized");
  expect_error("SELECT random()", SQLITE_AUTH, "not authorized to use function: random");
  expect_error("PRAGMA user_version", SQLITE_AUTH, "not authorized");
  CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_AUTH);
  reply_clear(&r);
  run("UPDATE t SET a = abs(1)");
  run("BEGIN");
  expect_error("COMMIT", SQLITE_AUTH, "not authorized");
  run("ROLLBACK");
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t WHERE secret = 'hush'"), 1);
  end();
}

static void authorizer_rules_ignore_a_column(void) {
  static const rule rules[] = {{IGNORE, TO_READ, "t", "secret", NULL, NULL}, {IGNORE, TO_UPDATE, "t", "a", NULL, NULL}};
  begin();
  AUTHORIZE(rules);
  CHECK_EQ(fetch_int(queue, conn, "SELECT secret IS NULL AND a = 'one' FROM t"), 1);
  run("UPDATE t SET a = 'two', secret = 'new'");
  CHECK_EQ(fetch_int(queue, conn, "SELECT a = 'one' FROM t"), 1);
  authorize(NULL, 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT a = 'one' AND secret = 'new' FROM t"), 1);
  end();
}

static void authorizer_rules_decide_in_their_order(void) {
  static const rule allowing[] = {{ALLOW, TO_READ, "t", "secret", NULL, NULL}, {DENY, TO_READ, "t", NULL, NULL, NULL}};
  static const rule denying[] = {{DENY, TO_READ, "t", NULL, NULL, NULL}, {ALLOW, TO_READ, "t", "secret", NULL, NULL}};
  static const rule nothing[] = {{ALLOW, TO_READ, NULL, NULL, NULL, NULL}, {DENY, ANY, NULL, NULL, NULL, NULL}};
  begin();
  AUTHORIZE(allowing);
  run("SELECT secret FROM t");
  expect_error("SELECT a FROM t", SQLITE_AUTH, "t.a");
  AUTHORIZE(denying);
  expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
  run("SELECT 1");
  AUTHORIZE(nothing);
  expect_error("SELECT 1", SQLITE_AUTH, "not authorized");
  expect_error("PRAGMA user_version", SQLITE_AUTH, "not authorized");
  authorize(NULL, 0);
  run("SELECT secret FROM t");
  end();
}

static void authorizer_rules_compare_names_without_case(void) {
  static const rule rules[] = {{DENY, TO_READ, "T", "SECRET", "MAIN", NULL}};
  begin();
  AUTHORIZE(rules);
  expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
  expect_error("SELECT SECRET FROM T", SQLITE_AUTH, "SECRET");
  run("SELECT a FROM t");
  end();
}

static void authorizer_rules_know_schemas(void) {
  static const rule rules[] = {{DENY, TO_READ, "t", "a", "other", NULL}, {DENY, TO_INSERT, NULL, NULL, "temp", NULL}};
  begin();
  run("ATTACH ':memory:' AS other");
  run("CREATE TABLE other.t(a)");
  run("CREATE TEMP TABLE scratch(a)");
  AUTHORIZE(rules);
  run("SELECT a FROM main.t");
  run("INSERT INTO other.t VALUES (1)");
  expect_error("SELECT a FROM other.t", SQLITE_AUTH, "other.t.a");
  expect_error("INSERT INTO scratch VALUES (1)", SQLITE_AUTH, "not authorized");
  end();
}

static void authorizer_rules_allow_from_within_a_view_or_trigger_alone(void) {
  static const rule rules[] = {{ALLOW, TO_READ, "t", "secret", NULL, "lengths"}, {DENY, TO_READ, "t", "secret", NULL, NULL},
                               {ALLOW, TO_INSERT, "log", NULL, NULL, "logs"}, {DENY, TO_INSERT, "log", NULL, NULL, NULL}};
  begin();
  run("CREATE VIEW lengths AS SELECT length(secret) AS n FROM t");
  run("CREATE VIEW leaks AS SELECT secret FROM t");
  run("CREATE TABLE log(id)");
  run("CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END");
  AUTHORIZE(rules);
  CHECK_EQ(fetch_int(queue, conn, "SELECT n FROM lengths"), 4);
  expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
  expect_error("SELECT * FROM leaks", SQLITE_AUTH, "t.secret");
  run("INSERT INTO t(a) VALUES ('two')");
  expect_error("INSERT INTO log VALUES (9)", SQLITE_AUTH, "not authorized");
  CHECK_EQ(fetch_int(queue, conn, "SELECT group_concat(id) = '2' FROM log"), 1);
  end();
}

/* What was prepared under other rules is judged by the present ones, in both directions. */
static void authorizer_rules_reach_cached_statements(void) {
  static const rule denying[] = {{DENY, TO_READ, "t", "secret", NULL, NULL}};
  static const rule ignoring[] = {{IGNORE, TO_READ, "t", "secret", NULL, NULL}};
  static const char *sql = "SELECT secret IS NULL FROM t";
  sidelite_stats before;
  begin();
  CHECK_EQ(fetch_int(queue, conn, sql), 0);
  before = stats_of(conn);
  CHECK_EQ(fetch_int(queue, conn, sql), 0);
  CHECK_EQ(stats_of(conn).cache_hits, before.cache_hits + 1);
  AUTHORIZE(denying);
  expect_error(sql, SQLITE_AUTH, "t.secret");
  AUTHORIZE(ignoring);
  CHECK_EQ(fetch_int(queue, conn, sql), 1);
  authorize(NULL, 0);
  CHECK_EQ(fetch_int(queue, conn, sql), 0);
  AUTHORIZE(ignoring);
  CHECK_EQ(fetch_int(queue, conn, sql), 1);
  end();
}

static void authorizer_rules_that_cannot_be_leave_the_old_ones(void) {
  static const rule right = {DENY, TO_READ, "t", "secret", NULL, NULL};
  sidelite_value rows[2 * RULE_COLUMNS + 2];
  const struct {
    uint32_t column;
    sidelite_value value;
  } wrong[] = {{0, sidelite_null()},      {0, sidelite_int(3)},         {0, sidelite_int(-1)},
               {0, sidelite_text("1")},   {0, sidelite_real(1)},        {0, sidelite_int(INT64_C(1) << 32)},
               {1, sidelite_text("20")},  {1, sidelite_real(20)},       {1, sidelite_blob("", 0)},
               {2, sidelite_int(1)},      {3, sidelite_blob("a", 1)},   {4, sidelite_real(0)},
               {5, sidelite_zeroblob(1)}};
  size_t i;
  begin();
  authorize(&right, 1);
  for (i = 0; i < COUNT_OF(wrong); i++) { /* in the second of two */
    memcpy(rows, values_of(&right, 1), RULE_COLUMNS * sizeof *rows);
    memcpy(rows + RULE_COLUMNS, values_of(&right, 1), RULE_COLUMNS * sizeof *rows);
    rows[3] = sidelite_text("a");
    rows[RULE_COLUMNS + wrong[i].column] = wrong[i].value;
    if (authorize_values(rows, RULE_COLUMNS, 2) != SIDELITE_ERR_MISUSE) fprintf(stderr, "case %zu\n", i);
    CHECK_EQ(authorize_values(rows, RULE_COLUMNS, 2), SIDELITE_ERR_MISUSE);
    expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
    run("SELECT a FROM t");
  }
  rows[RULE_COLUMNS] = sidelite_null();
  CHECK_EQ(authorize_values(rows, RULE_COLUMNS + 1, 1), SIDELITE_ERR_MISUSE);
  expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
  rows[0] = sidelite_int(ALLOW); /* what is not given is any */
  CHECK_EQ(authorize_values(rows, 1, 1), SIDELITE_OK);
  run("SELECT secret FROM t");
  end();
}

static void authorizer_rules_are_given_by_name(void) {
  static const char *const names[] = {"second", "decision", "action"};
  sidelite_value values[3];
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_AUTHORIZE, NULL, &r);
  begin();
  values[0] = sidelite_text("secret");
  values[1] = sidelite_int(DENY);
  values[2] = sidelite_int(TO_READ);
  request.values = values;
  request.names = names;
  request.ncols = 3;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  reply_clear(&r);
  expect_error("SELECT secret FROM t", SQLITE_AUTH, "t.secret");
  run("SELECT a FROM t");
  end();
}

/* SQL may be kept from touching a transaction, while arrays, leases and kinds go on using theirs. */
static void authorizer_rules_are_for_sql_and_not_for_what_frames_it(void) {
  static const rule rules[] = {{DENY, TO_CONTROL, NULL, NULL, NULL, NULL}, {DENY, TO_SAVE, NULL, NULL, NULL, NULL}};
  static const step failing[] = {{SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (2)", SIDELITE_ERR_ABORTED, 0},
                                 {SIDELITE_EXECUTE, "INSERT INTO missing VALUES (1)", SQLITE_ERROR, 0}};
  static const step working[] = {{SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (3)", SIDELITE_OK, 0},
                                 {SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (4)", SIDELITE_OK, 0}};
  sidelite_value mode = sidelite_int(SIDELITE_BEGIN_IMMEDIATE);
  reply replies[2], leased = reply_new(), inserted = reply_new(), sneaked = reply_new();
  sidelite_request request;
  int64_t lane;
  begin();
  run("BEGIN");
  run("COMMIT");
  AUTHORIZE(rules);
  expect_error("BEGIN", SQLITE_AUTH, "not authorized");
  (void)steps_submit(conn, failing, 2, replies, SIDELITE_ATOMIC);
  steps_check(queue, failing, 2, replies);
  (void)steps_submit(conn, working, 2, replies, SIDELITE_ATOMIC);
  steps_check(queue, working, 2, replies);
  CHECK_EQ(fetch_int(queue, conn, "SELECT group_concat(a) = 'one,3,4' FROM t"), 1);
  lane = submit_command(conn, SIDELITE_LEASE, 0, &mode, 1, &leased);
  request = request_new(SIDELITE_EXECUTE, "DELETE FROM t", &inserted);
  request.lane = lane;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  request = request_new(SIDELITE_EXECUTE, "COMMIT", &sneaked);
  request.lane = lane;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  EXPECT(queue, &leased, SIDELITE_OK);
  EXPECT(queue, &inserted, SIDELITE_OK);
  EXPECT(queue, &sneaked, SQLITE_AUTH);
  CHECK(submit_command(conn, SIDELITE_RELEASE, lane, NULL, 0, NULL) > 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 3);
  CHECK(is_idle());
  CHECK_EQ(command_code(queue, conn, SIDELITE_ISOLATION, &mode, 1), SIDELITE_OK);
  run("DELETE FROM t");
  CHECK(!is_idle());
  CHECK_EQ(command_code(queue, conn, SIDELITE_ROLLBACK, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 3);
  expect_error("COMMIT", SQLITE_AUTH, "not authorized"); /* what framed them was not left in the cache */
  expect_error("BEGIN IMMEDIATE", SQLITE_AUTH, "not authorized");
  expect_error("ROLLBACK", SQLITE_AUTH, "not authorized");
  reply_clear(&leased);
  reply_clear(&inserted);
  reply_clear(&sneaked);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(authorizer_rules_hold_from_the_opening_on),
                               TEST(authorizer_rules_that_cannot_be_are_refused_by_open),
                               TEST(authorizer_rules_deny_what_they_name),
                               TEST(authorizer_rules_ignore_a_column),
                               TEST(authorizer_rules_decide_in_their_order),
                               TEST(authorizer_rules_compare_names_without_case),
                               TEST(authorizer_rules_know_schemas),
                               TEST(authorizer_rules_allow_from_within_a_view_or_trigger_alone),
                               TEST(authorizer_rules_reach_cached_statements),
                               TEST(authorizer_rules_that_cannot_be_leave_the_old_ones),
                               TEST(authorizer_rules_are_given_by_name),
                               TEST(authorizer_rules_are_for_sql_and_not_for_what_frames_it),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
