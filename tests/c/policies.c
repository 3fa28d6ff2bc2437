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
  fetch_error(queue, conn, sql, code, words);
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

/* Whether no transaction is open. */
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
  static const rule rules[] = {{DENY, TO_READ, "t", "secret", NULL, NULL},
                               {DENY, TO_CREATE_TABLE, "u", NULL, NULL, NULL},
                               {DENY, TO_PRAGMA, NULL, NULL, NULL, NULL}};
  static const char *const pragmas[] = {"user_version=5"}; /* the host's own wish */
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_HARDENED);
  sidelite_value values[3 * RULE_COLUMNS];
  char table[2] = "t";
  reply replies[4];
  int i;
  memcpy(values, values_of(rules, 3), sizeof values);
  values[2] = sidelite_text(table);
  config.authorizer = values;
  config.authorizer_rules = 3;
  config.pragmas = pragmas;
  config.pragma_count = 1;
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
  expect_error("PRAGMA user_version", SQLITE_AUTH, "not authorized");
  authorize(NULL, 0);
  run("SELECT secret FROM t");
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA user_version"), 5);
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
  expect_error("SELECT random()", SQLITE_ERROR, "not authorized to use function: random");
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
  expect_error("SELECT SECRET FROM T", SQLITE_AUTH, "t.secret");
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

static void authorizer_rules_leave_what_runs_already(void) {
  static const rule rules[] = {{DENY, TO_READ, "t", "secret", NULL, NULL}};
  static const char *sql = "SELECT secret FROM t";
  reply r = reply_new();
  int64_t id;
  begin();
  run("INSERT INTO t(secret) VALUES (2), (3), (4)");
  id = sidelite_stream(conn, sql, NULL, 0, 1, on_reply, &r);
  TURN_UNTIL(queue, r.events == 2);
  AUTHORIZE(rules);
  expect_error(sql, SQLITE_AUTH, "t.secret");
  CHECK_EQ(sidelite_more(conn, id, 5), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(r.rows, 4);
  expect_error(sql, SQLITE_AUTH, "t.secret");
  reply_clear(&r);
  end();
}

/* What is looked up to carry out a statement that was allowed is no statement of its own. */
static void authorizer_rules_allow_a_pragma_with_one_value_alone(void) {
  static const rule rules[] = {{ALLOW, TO_PRAGMA, "busy_timeout", "1234", NULL, NULL},
                               {ALLOW, TO_PRAGMA, "wal_autocheckpoint", "77", NULL, NULL},
                               {DENY, TO_PRAGMA, NULL, NULL, NULL, NULL}};
  begin();
  AUTHORIZE(rules);
  run("PRAGMA busy_timeout = 1234");
  run("PRAGMA wal_autocheckpoint = 77");
  expect_error("PRAGMA busy_timeout", SQLITE_AUTH, "not authorized");
  expect_error("PRAGMA busy_timeout = 99", SQLITE_AUTH, "not authorized");
  expect_error("PRAGMA wal_autocheckpoint = 99", SQLITE_AUTH, "not authorized");
  authorize(NULL, 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 1234);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), 77);
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

/* Hooks: what one was asked, and what it answers. An INLINE one is called on the connection's thread, and is changed by
 * a test while nothing runs there. */
typedef struct hook {
  int calls;    /* INLINE: read with `calls_of` while something runs */
  char text[4096];
  sidelite_value answer;
  int32_t code;
  int64_t ends_at; /* INLINE: from this call on, from 1, the answer is `end` */
  sidelite_value end;
  /* HOST */
  int finals;
  int32_t defined;
  int64_t call, request; /* of the last call */
  int answers;           /* at once, or when the test wants to */
} hook;

static hook hook_new(sidelite_value answer) {
  hook h;
  memset(&h, 0, sizeof h);
  h.answer = answer;
  h.answers = 1;
  return h;
}

static int calls_of(const hook *h) { return __atomic_load_n(&h->calls, __ATOMIC_ACQUIRE); }

static void note(hook *h, uint32_t type, const char *text, uint32_t len, int64_t integer) {
  size_t used = strlen(h->text), room = sizeof h->text - used;
  if (type == SIDELITE_TEXT)
    snprintf(h->text + used, room, "%.*s ", (int)len, text);
  else if (type == SIDELITE_INTEGER)
    snprintf(h->text + used, room, "%" PRId64 " ", integer);
  else
    snprintf(h->text + used, room, "- ");
}

static int32_t on_inline(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  hook *h = (hook *)context;
  int calls = h->calls + 1;
  uint32_t i;
  CHECK(group == NULL);
  for (i = 0; i < n; i++)
    note(h, args[i].type, (const char *)args[i].as.data, args[i].len, args[i].as.integer);
  if (n > 1) note(h, SIDELITE_TEXT, ";", 1, 0);
  *value = h->ends_at && calls >= h->ends_at ? h->end : h->answer;
  __atomic_store_n(&h->calls, calls, __ATOMIC_RELEASE);
  return h->code;
}

static void answer(hook *h, const sidelite_value *value, int32_t code) {
  CHECK_EQ(sidelite_reply(conn, h->call, value, code), SIDELITE_OK);
}

static void on_host(const sidelite_event *event, void *user_data) {
  hook *h = (hook *)user_data;
  uint32_t i;
  if (!(event->flags & SIDELITE_EVENT_CALL)) {
    h->finals++;
    h->defined = event->code;
    return;
  }
  CHECK_EQ(event->code, SIDELITE_CALL_SCALAR);
  h->calls++;
  h->call = event->id;
  h->request = event->last_insert_rowid;
  for (i = 0; i < event->result->ncols; i++)
    note(h, sidelite_row_type(event->result, 0, i), sidelite_row_text(event->result, 0, i),
         sidelite_row_len(event->result, 0, i), sidelite_row_int64(event->result, 0, i));
  if (i > 1) note(h, SIDELITE_TEXT, ";", 1, 0);
  if (h->answers) answer(h, &h->answer, h->code);
}

enum { INLINE = 1, HOST = 0 };

static void define(uint32_t kind, int is_inline, int32_t n_args, uint32_t flags, hook *h) {
  sidelite_function_config config = function_new(kind, NULL, n_args, is_inline ? on_inline : NULL);
  hook none = hook_new(sidelite_null());
  if (!h) h = &none;
  config.flags = flags;
  config.context = h;
  h->finals = 0;
  CHECK(sidelite_create_function(conn, &config, on_host, h) > 0);
  TURN_UNTIL(queue, h->finals);
  CHECK_EQ(h->finals, 1);
  CHECK_EQ(h->defined, SIDELITE_OK);
}

static void undefine(uint32_t kind) { define(kind, HOST, 0, SIDELITE_FUNCTION_REMOVE, NULL); }

static void forget(hook *h) {
  h->calls = 0;
  h->text[0] = 0;
}

/* What a hook may not do: nothing runs inside of its call. */
static void expect_nothing_inside(const hook *h) {
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT 1", NULL);
  request.lane = h->call;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_HANDLE);
}

/* A HOST hook's call has come, for this request. */
static void wait_for_call(hook *h, int calls, int64_t request) {
  TURN_UNTIL(queue, h->calls == calls);
  CHECK_EQ(h->request, request);
}

/* The authorizer. */

static void authorizer_hook_sees_every_access(void) {
  static const struct {
    const char *sql, *seen[3];
  } cases[] = {{"SELECT a FROM t", {"21 - - - - ;", "20 t a main - ;", NULL}},
               {"SELECT count(*) FROM t", {"31 - count - - ;", "20 t  - - ;", NULL}},
               {"UPDATE t SET a = 1", {"23 t a main - ;", NULL, NULL}},
               {"DELETE FROM t", {"9 t - main - ;", NULL, NULL}},
               {"INSERT INTO t(a) VALUES (5)", {"18 t - main - ;", "18 log - main logs ;", "20 t id main logs ;"}},
               {"SELECT a FROM v", {"20 t a main v ;", "20 v a main - ;", NULL}},
               {"BEGIN", {"22 BEGIN - - - ;", NULL, NULL}},
               {"SAVEPOINT s", {"32 BEGIN s - - ;", NULL, NULL}},
               {"ROLLBACK", {"22 ROLLBACK - - - ;", NULL, NULL}},
               {"PRAGMA main.user_version = 7", {"19 user_version 7 main - ;", NULL, NULL}},
               {"SELECT upper('a')", {"31 - upper - - ;", NULL, NULL}},
               {"ATTACH ':memory:' AS other", {"24 :memory: - - - ;", NULL, NULL}},
               {"DETACH other", {"25 other - - - ;", NULL, NULL}},
               {"CREATE TABLE u(x)", {"2 u - main - ;", "18 sqlite_master - main - ;", NULL}},
               {"CREATE TEMP TABLE w(x)", {"4 w - temp - ;", NULL, NULL}},
               {"ALTER TABLE u ADD COLUMN y", {"26 main u - - ;", NULL, NULL}},
               {"DROP TABLE u", {"11 u - main - ;", NULL, NULL}}};
  int is_inline;
  size_t i, j;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_int(ALLOW));
    begin();
    run("CREATE VIEW v AS SELECT a FROM t");
    run("CREATE TABLE log(id)");
    run("CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END");
    define(SIDELITE_FUNCTION_AUTHORIZER, is_inline, 0, 0, &h);
    for (i = 0; i < COUNT_OF(cases); i++) {
      forget(&h);
      run(cases[i].sql);
      for (j = 0; j < 3 && cases[i].seen[j]; j++) {
        if (!strstr(h.text, cases[i].seen[j])) fprintf(stderr, "%s: %s\n", cases[i].sql, h.text);
        CHECK(strstr(h.text, cases[i].seen[j]));
      }
    }
    end();
  }
}

static void authorizer_hook_decides(void) {
  int is_inline;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_int(ALLOW));
    static const char *sql = "SELECT secret IS NULL FROM t";
    begin();
    CHECK_EQ(fetch_int(queue, conn, sql), 0);
    define(SIDELITE_FUNCTION_AUTHORIZER, is_inline, 0, 0, &h);
    CHECK_EQ(fetch_int(queue, conn, sql), 0);
    CHECK(h.calls > 0); /* of a statement that was in the cache */
    forget(&h);
    CHECK_EQ(fetch_int(queue, conn, sql), 0);
    CHECK_EQ(h.calls, 0); /* what was judged once is judged */
    h.answer = sidelite_int(DENY);
    expect_error("SELECT secret FROM t", SQLITE_AUTH, "not authorized");
    h.answer = sidelite_int(IGNORE);
    run("UPDATE t SET secret = 'lost'");
    h.answer = sidelite_int(ALLOW);
    h.code = -1234;
    h.answer = sidelite_text("the host's own words");
    expect_error("SELECT 2 FROM t", -1234, "the host's own words");
    h.code = SQLITE_READONLY;
    expect_error("SELECT 3 FROM t", SQLITE_READONLY, "the host's own words");
    h.code = 0;
    h.answer = sidelite_int(ALLOW);
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t WHERE secret = 'hush'"), 1);
    undefine(SIDELITE_FUNCTION_AUTHORIZER);
    forget(&h);
    run("SELECT 4 FROM t");
    CHECK_EQ(h.calls, 0);
    end();
  }
}

static void authorizer_hook_whose_answer_cannot_be_denies(void) {
  const sidelite_value wrong[] = {sidelite_null(), sidelite_int(3), sidelite_int(-1), sidelite_text("0"), sidelite_real(0)};
  int is_inline;
  size_t i;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_null());
    begin();
    define(SIDELITE_FUNCTION_AUTHORIZER, is_inline, 0, 0, &h);
    for (i = 0; i < COUNT_OF(wrong); i++) {
      h.answer = wrong[i];
      expect_error("DELETE FROM t", SIDELITE_ERR_MISUSE, "an authorizer must return ALLOW, DENY or IGNORE");
    }
    if (is_inline) {
      h.code = -5; /* not one of the host's own */
      expect_error("DELETE FROM t", SIDELITE_ERR_MISUSE, "below -1000");
      h.code = 0;
    }
    h.answer = sidelite_int(ALLOW);
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
    end();
  }
}

static void authorizer_hook_is_asked_when_no_rule_decides(void) {
  static const rule rules[] = {{ALLOW, TO_SELECT, NULL, NULL, NULL, NULL},
                               {ALLOW, TO_READ, "t", "a", NULL, NULL},
                               {IGNORE, TO_READ, "t", "secret", NULL, NULL}};
  hook h = hook_new(sidelite_int(DENY));
  begin();
  AUTHORIZE(rules);
  define(SIDELITE_FUNCTION_AUTHORIZER, INLINE, 0, 0, &h);
  run("SELECT a, secret FROM t");
  CHECK_EQ(h.calls, 0);
  expect_error("SELECT a, id FROM t", SQLITE_AUTH, "t.id");
  CHECK(!strcmp(h.text, "20 t id main - ; "));
  authorize(NULL, 0);
  expect_error("SELECT a FROM t", SQLITE_AUTH, "not authorized"); /* the hook is still there */
  undefine(SIDELITE_FUNCTION_AUTHORIZER);
  run("SELECT id, secret FROM t");
  AUTHORIZE(rules);
  run("SELECT id FROM t"); /* and the rules without it */
  CHECK_EQ(fetch_int(queue, conn, "SELECT secret IS NULL FROM t"), 1);
  end();
}

static void authorizer_hook_is_not_asked_about_what_frames_sql(void) {
  static const step failing[] = {{SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (2)", SIDELITE_ERR_ABORTED, 0},
                                 {SIDELITE_EXECUTE, "INSERT INTO missing VALUES (1)", SQLITE_ERROR, 0}};
  reply replies[2];
  hook h = hook_new(sidelite_int(ALLOW));
  begin();
  define(SIDELITE_FUNCTION_AUTHORIZER, HOST, 0, 0, &h);
  (void)steps_submit(conn, failing, 2, replies, SIDELITE_ATOMIC);
  steps_check(queue, failing, 2, replies);
  CHECK(h.calls > 0);
  CHECK(!strstr(h.text, "22 "));
  end();
}

static void authorizer_hook_is_answered_later(void) {
  hook h = hook_new(sidelite_int(ALLOW));
  reply r = reply_new(), next = reply_new();
  int64_t id;
  begin();
  h.answers = 0;
  define(SIDELITE_FUNCTION_AUTHORIZER, HOST, 0, 0, &h);
  id = execute(conn, "SELECT 1 FROM t", &r);
  execute(conn, "SELECT", &next);
  wait_for_call(&h, 1, id);
  expect_nothing_inside(&h);
  CHECK_EQ(r.finals + next.finals, 0);
  h.answers = 1;
  answer(&h, &h.answer, 0);
  EXPECT(queue, &r, SIDELITE_OK);
  EXPECT(queue, &next, SQLITE_ERROR);
  CHECK_EQ(sidelite_reply(conn, h.call, &h.answer, 0), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&r);
  reply_clear(&next);
  end();
}

static void contract_12_cancel_and_deadline_reach_an_authorizer_that_waits(void) {
  hook h = hook_new(sidelite_int(ALLOW));
  reply r = reply_new(), late = reply_new(), next = reply_new();
  int64_t id;
  begin();
  h.answers = 0;
  define(SIDELITE_FUNCTION_AUTHORIZER, HOST, 0, 0, &h);
  id = execute(conn, "DELETE FROM t", &r);
  execute(conn, "SELECT", &next);
  wait_for_call(&h, 1, id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &next, SQLITE_ERROR);
  CHECK_EQ(sidelite_reply(conn, h.call, &h.answer, 0), SIDELITE_ERR_BAD_HANDLE);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "DELETE FROM t", 20, &late);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  reply_clear(&r);
  reply_clear(&late);
  r = reply_new();
  id = sidelite_stream(conn, "SELECT a FROM t", NULL, 0, 1, on_reply, &r);
  wait_for_call(&h, 3, id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  wait_for_call(&h, 4, execute(conn, "DELETE FROM t", &r));
  CHECK_EQ(sidelite_cancel(conn, SIDELITE_RUNNING), SIDELITE_OK);
  EXPECT(queue, &r, SQLITE_INTERRUPT);
  reply_clear(&r);
  undefine(SIDELITE_FUNCTION_AUTHORIZER);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  reply_clear(&next);
  end();
}

static void contract_16_close_reaches_a_hook_that_waits(void) {
  static const uint32_t kinds[] = {SIDELITE_FUNCTION_AUTHORIZER, SIDELITE_FUNCTION_PROGRESS, SIDELITE_FUNCTION_COMMIT};
  size_t i;
  for (i = 0; i < COUNT_OF(kinds); i++) {
    hook h = hook_new(sidelite_int(0));
    reply r = reply_new();
    begin();
    h.answers = 0;
    define(kinds[i], HOST, 1, 0, &h);
    wait_for_call(&h, 1, execute(conn, "DELETE FROM t", &r));
    conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
    CHECK_EQ(r.finals, 1);
    CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
    reply_clear(&r);
    CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  }
}

/* Hooks may not be disturbed: what else ends meanwhile ends when they have answered. */
static void hook_that_waits_is_not_disturbed(void) {
  hook h = hook_new(sidelite_int(1));
  reply paused = reply_new(), late = reply_new(), r = reply_new();
  int64_t stream, commit;
  begin();
  run("INSERT INTO t(a) VALUES (2), (3), (4), (5)");
  h.answers = 0;
  define(SIDELITE_FUNCTION_COMMIT, HOST, 0, 0, &h);
  stream = sidelite_stream(conn, "SELECT a FROM t", NULL, 0, 1, on_reply, &paused);
  (void)submit_with_timeout(conn, SIDELITE_STREAM, "SELECT a FROM t", 100, &late);
  TURN_UNTIL(queue, paused.events == 2 && (late.events >= 2 || late.finals));
  run("BEGIN");
  run("DELETE FROM t WHERE id = 5");
  commit = execute(conn, "COMMIT", &r);
  wait_for_call(&h, 1, commit);
  CHECK_EQ(sidelite_cancel(conn, stream), SIDELITE_OK);
  sleep_ms(110); /* time to do what it must not */
  (void)turn(queue, 0);
  CHECK_EQ(h.calls, 1);
  CHECK_EQ(paused.finals, 0);
  answer(&h, &h.answer, 0);
  EXPECT(queue, &r, SQLITE_CONSTRAINT_COMMITHOOK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  CHECK_EQ(h.calls, 1);
  undefine(SIDELITE_FUNCTION_COMMIT);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 5);
  CHECK(is_idle());
  reply_clear(&r);
  reply_clear(&paused);
  reply_clear(&late);
  end();
}

/* The progress hook. */

static void progress_hook_is_called_as_often_as_it_wants(void) {
  static const int32_t periods[] = {0, 1, 10, 999, 1000, 1001, 1500, 7000, INT32_MAX};
  hook h = hook_new(sidelite_int(0));
  int64_t steps = 0;
  size_t i;
  begin();
  run(COUNT_TO("5000"));
  define(SIDELITE_FUNCTION_PROGRESS, INLINE, 1, 0, &h);
  run(COUNT_TO("5000"));
  steps = h.calls;
  CHECK(steps > 25000);
  for (i = 0; i < COUNT_OF(periods); i++) {
    int64_t period = periods[i] ? periods[i] : 1000;
    define(SIDELITE_FUNCTION_PROGRESS, INLINE, periods[i], 0, &h);
    forget(&h);
    run(COUNT_TO("5000"));
    if (h.calls < steps / period - 1 || h.calls > steps / period + 1)
      fprintf(stderr, "every %" PRId64 ": %d of %" PRId64 "\n", period, h.calls, steps);
    CHECK(h.calls >= steps / period - 1);
    CHECK(h.calls <= steps / period + 1);
  }
  undefine(SIDELITE_FUNCTION_PROGRESS);
  forget(&h);
  run(COUNT_TO("5000"));
  CHECK_EQ(h.calls, 0);
  end();
}

static void progress_hook_ends_a_statement(void) {
  const sidelite_value ends[] = {sidelite_int(1), sidelite_int(-1), sidelite_text(""), sidelite_real(0)};
  int is_inline;
  size_t i;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_null());
    begin();
    define(SIDELITE_FUNCTION_PROGRESS, is_inline, 500, 0, &h);
    for (i = 0; i < COUNT_OF(ends); i++) {
      h.answer = ends[i];
      expect_error("INSERT INTO t(a) " ENDLESS, SQLITE_INTERRUPT, "interrupted");
      h.answer = sidelite_int(0);
      CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
    }
    h.code = -1500;
    h.answer = sidelite_text("enough of this");
    expect_error(ENDLESS, -1500, "enough of this");
    h.code = 0;
    h.answer = sidelite_null();
    run(COUNT_TO("1000"));
    end();
  }
}

static void contract_10_progress_hook_rolls_back_the_transaction_of_a_writer(void) {
  hook h = hook_new(sidelite_int(0));
  static const step steps[] = {
      {SIDELITE_EXECUTE, "BEGIN", SIDELITE_OK, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "DELETE FROM t", SIDELITE_OK, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT INTO t(a) " COUNT_TO("100000"), SQLITE_INTERRUPT, ROLLED_BACK},
      {SIDELITE_EXECUTE, "DELETE FROM t", SIDELITE_ERR_ABORTED, NOT_RUN},
      {SIDELITE_EXECUTE, "COMMIT", SIDELITE_ERR_ABORTED, NOT_RUN},
      {SIDELITE_EXECUTE, "SELECT 1", SIDELITE_OK, 0}};
  begin();
  h.ends_at = 3;
  h.end = sidelite_int(1);
  define(SIDELITE_FUNCTION_PROGRESS, INLINE, 2000, 0, &h);
  steps_run(queue, conn, steps, COUNT_OF(steps));
  undefine(SIDELITE_FUNCTION_PROGRESS);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  end();
}

static void progress_hook_does_not_stop_what_must_be(void) {
  hook h = hook_new(sidelite_int(0));
  sidelite_value mode = sidelite_int(SIDELITE_BEGIN_IMMEDIATE);
  reply leased = reply_new(), deleted = reply_new(), released = reply_new();
  sidelite_request request = request_new(SIDELITE_EXECUTE, "DELETE FROM t", &deleted);
  begin();
  define(SIDELITE_FUNCTION_PROGRESS, INLINE, 1, 0, &h);
  request.lane = submit_command(conn, SIDELITE_LEASE, 0, &mode, 1, &leased);
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  EXPECT(queue, &deleted, SIDELITE_OK);
  h.answer = sidelite_int(1);
  CHECK(submit_command(conn, SIDELITE_RELEASE, request.lane, NULL, 0, &released) > 0);
  EXPECT(queue, &released, SIDELITE_OK);
  CHECK_EQ(released.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  undefine(SIDELITE_FUNCTION_PROGRESS);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  reply_clear(&leased);
  reply_clear(&deleted);
  reply_clear(&released);
  end();
}

static void contract_12_cancel_and_deadline_pass_a_progress_hook(void) {
  static const int32_t periods[] = {1, 100, INT32_MAX};
  size_t i;
  for (i = 0; i < COUNT_OF(periods); i++) {
    hook h = hook_new(sidelite_int(0));
    reply r = reply_new(), late = reply_new(), next = reply_new();
    int64_t id;
    begin();
    define(SIDELITE_FUNCTION_PROGRESS, INLINE, periods[i], 0, &h);
    id = execute_until_it_runs(queue, conn, ENDLESS, &r);
    execute(conn, "SELECT 1", &next);
    CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
    EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
    EXPECT(queue, &next, SIDELITE_OK);
    (void)submit_with_timeout(conn, SIDELITE_EXECUTE, ENDLESS, 20, &late);
    EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
    reply_clear(&r);
    reply_clear(&late);
    reply_clear(&next);
    end();
  }
}

static void progress_hook_is_answered_later(void) {
  hook h = hook_new(sidelite_int(1));
  reply r = reply_new(), late = reply_new();
  int64_t id;
  begin();
  h.answers = 0;
  define(SIDELITE_FUNCTION_PROGRESS, HOST, 5000, 0, &h);
  id = execute(conn, ENDLESS, &r);
  wait_for_call(&h, 1, id);
  expect_nothing_inside(&h);
  answer(&h, NULL, 0);
  wait_for_call(&h, 2, id);
  answer(&h, &h.answer, 0);
  EXPECT(queue, &r, SQLITE_INTERRUPT);
  reply_clear(&r);
  id = execute(conn, ENDLESS, &r);
  wait_for_call(&h, 3, id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, ENDLESS, 20, &late);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  reply_clear(&late);
  undefine(SIDELITE_FUNCTION_PROGRESS);
  CHECK(is_idle());
  end();
}

/* The busy hook: another connection has the lock. */

static sidelite_conn *other;
static const char *scratch;

static void begin_busy(void) {
  char path[4096];
  sidelite_open_config config = open_config_new(0);
  scratch = scratch_new();
  path_join(path, sizeof path, scratch, "busy.db");
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  other = conn_open(queue, path, &config);
  run("CREATE TABLE t(a)");
  CHECK_EQ(exec(queue, other, "BEGIN IMMEDIATE"), SIDELITE_OK);
}

/* A commit wants the file for itself: it is BUSY while the one who waits for the lock takes a look at it. */
static void commit_other(void) {
  int32_t code;
  do code = exec(queue, other, "COMMIT");
  while (code == SQLITE_BUSY);
  CHECK_EQ(code, SIDELITE_OK);
}

static void end_busy(void) {
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
  scratch_remove(scratch);
}

static void busy_hook_counts_and_gives_up(void) {
  hook h = hook_new(sidelite_int(0));
  begin_busy();
  h.ends_at = 4;
  h.end = sidelite_null();
  define(SIDELITE_FUNCTION_BUSY, INLINE, 0, 0, &h);
  expect_error("BEGIN IMMEDIATE", SQLITE_BUSY, "database is locked");
  CHECK(!strcmp(h.text, "0 1 2 3 "));
  forget(&h);
  expect_error("INSERT INTO t VALUES (1)", SQLITE_BUSY, "database is locked");
  CHECK(!strcmp(h.text, "0 1 2 3 "));
  forget(&h);
  run("PRAGMA busy_timeout = 1"); /* for when the hook is gone */
  CHECK_EQ(exec(queue, conn, "BEGIN IMMEDIATE"), SQLITE_BUSY);
  CHECK_EQ(h.calls, 4);
  run("PRAGMA busy_timeout = 0");
  undefine(SIDELITE_FUNCTION_BUSY);
  forget(&h);
  CHECK_EQ(exec(queue, conn, "BEGIN IMMEDIATE"), SQLITE_BUSY);
  CHECK_EQ(h.calls, 0);
  end_busy();
}

static void busy_hook_that_is_removed_gives_the_timeout_back(void) {
  hook h = hook_new(sidelite_null());
  reply r = reply_new();
  begin_busy();
  run("PRAGMA busy_timeout = 600000");
  define(SIDELITE_FUNCTION_BUSY, INLINE, 0, 0, &h);
  CHECK_EQ(exec(queue, conn, "BEGIN IMMEDIATE"), SQLITE_BUSY);
  CHECK_EQ(h.calls, 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 600000);
  undefine(SIDELITE_FUNCTION_BUSY);
  execute(conn, "BEGIN IMMEDIATE", &r);
  commit_other();
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(h.calls, 1);
  reply_clear(&r);
  end_busy();
}

static void busy_hook_waits_for_the_lock(void) {
  hook h = hook_new(sidelite_int(1));
  reply r = reply_new();
  begin_busy();
  define(SIDELITE_FUNCTION_BUSY, INLINE, 0, 0, &h);
  execute(conn, "INSERT INTO t VALUES (1)", &r);
  WAIT_UNTIL(calls_of(&h) > 2);
  commit_other();
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  reply_clear(&r);
  end_busy();
}

static void busy_hook_whose_answer_cannot_be_ends_the_statement(void) {
  const sidelite_value wrong[] = {sidelite_int(-1), sidelite_text("1"), sidelite_real(1), sidelite_blob("", 0)};
  int is_inline;
  size_t i;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_null());
    begin_busy();
    define(SIDELITE_FUNCTION_BUSY, is_inline, 0, 0, &h);
    for (i = 0; i < COUNT_OF(wrong); i++) {
      h.answer = wrong[i];
      expect_error("BEGIN IMMEDIATE", SIDELITE_ERR_MISUSE, "a busy hook must return the milliseconds to wait");
    }
    h.code = -2000;
    h.answer = sidelite_text("somebody has it");
    expect_error("BEGIN IMMEDIATE", -2000, "somebody has it");
    h.code = 0;
    commit_other();
    run("BEGIN IMMEDIATE");
    end_busy();
  }
}

static void contract_12_cancel_and_deadline_reach_a_busy_hook(void) {
  int is_inline;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_int(INT64_MAX)); /* as long as it takes */
    reply r = reply_new(), late = reply_new(), next = reply_new();
    int64_t id;
    begin_busy();
    h.answers = 0;
    define(SIDELITE_FUNCTION_BUSY, is_inline, 0, 0, &h);
    id = execute(conn, "BEGIN IMMEDIATE", &r);
    execute(conn, "SELECT 1", &next);
    TURN_UNTIL(queue, calls_of(&h) == 1);
    if (!is_inline) expect_nothing_inside(&h);
    CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
    EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
    EXPECT(queue, &next, SIDELITE_ERR_ABORTED); /* behind a BEGIN that did not */
    (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 20, &late);
    EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
    reply_clear(&r);
    reply_clear(&late);
    reply_clear(&next);
    r = reply_new();
    forget(&h);
    id = execute(conn, "INSERT INTO t VALUES (1)", &r);
    TURN_UNTIL(queue, calls_of(&h) == 1);
    CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_CANCEL, NULL, NULL), SIDELITE_OK);
    EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
    reply_clear(&r);
    conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
    CHECK(sidelite_queue_free(queue, -1) >= 0);
    scratch_remove(scratch);
  }
}

static void busy_hook_is_answered_later(void) {
  hook h = hook_new(sidelite_int(0));
  reply r = reply_new();
  int64_t id;
  begin_busy();
  h.answers = 0;
  define(SIDELITE_FUNCTION_BUSY, HOST, 0, 0, &h);
  id = execute(conn, "BEGIN IMMEDIATE", &r);
  wait_for_call(&h, 1, id);
  answer(&h, &h.answer, 0);
  wait_for_call(&h, 2, id);
  answer(&h, NULL, 0);
  EXPECT(queue, &r, SQLITE_BUSY);
  CHECK(!strcmp(h.text, "0 1 "));
  reply_clear(&r);
  id = execute(conn, "INSERT INTO t VALUES (1)", &r);
  wait_for_call(&h, 3, id);
  commit_other();
  answer(&h, &h.answer, 0);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(h.calls, 3);
  reply_clear(&r);
  end_busy();
}

/* The commit hook. */

static void commit_hook_decides_over_a_transaction(void) {
  static const step refused[] = {{SIDELITE_EXECUTE, "BEGIN", SIDELITE_OK, IN_TRANSACTION},
                                 {SIDELITE_EXECUTE, "DELETE FROM t", SIDELITE_OK, IN_TRANSACTION},
                                 {SIDELITE_EXECUTE, "COMMIT", SQLITE_CONSTRAINT_COMMITHOOK, ROLLED_BACK},
                                 {SIDELITE_EXECUTE, "SELECT 1", SIDELITE_OK, 0}};
  static const step array[] = {{SIDELITE_EXECUTE, "DELETE FROM t", SIDELITE_ERR_ABORTED, 0},
                               {SIDELITE_EXECUTE, "SELECT 1", SQLITE_CONSTRAINT_COMMITHOOK, 0}};
  static const step committed[] = {{SIDELITE_EXECUTE, "BEGIN", SIDELITE_OK, IN_TRANSACTION},
                                   {SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (2)", SIDELITE_OK, IN_TRANSACTION},
                                   {SIDELITE_EXECUTE, "COMMIT", SIDELITE_OK, 0}};
  const sidelite_value no[] = {sidelite_int(1), sidelite_int(-1), sidelite_text("no")};
  int is_inline;
  size_t i;
  for (is_inline = HOST; is_inline <= INLINE; is_inline++) {
    hook h = hook_new(sidelite_int(0)), rollbacks = hook_new(sidelite_null());
    reply replies[2];
    begin();
    define(SIDELITE_FUNCTION_COMMIT, is_inline, 0, 0, &h);
    define(SIDELITE_FUNCTION_ROLLBACK, INLINE, 0, 0, &rollbacks);
    for (i = 0; i < COUNT_OF(no); i++) {
      h.answer = no[i];
      steps_run(queue, conn, refused, COUNT_OF(refused));
      CHECK_EQ(rollbacks.calls, 2 * (int)i + 1);
      (void)steps_submit(conn, array, COUNT_OF(array), replies, SIDELITE_ATOMIC);
      steps_check(queue, array, COUNT_OF(array), replies);
      CHECK_EQ(rollbacks.calls, 2 * (int)i + 2);
    }
    h.code = -4321;
    h.answer = sidelite_text("not today");
    expect_error("DELETE FROM t", -4321, "not today");
    h.code = 0;
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
    forget(&rollbacks);
    h.answer = sidelite_null();
    steps_run(queue, conn, committed, COUNT_OF(committed));
    h.answer = sidelite_int(0);
    steps_run(queue, conn, committed, COUNT_OF(committed));
    CHECK_EQ(rollbacks.calls, 0);
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 3);
    end();
  }
}

static void contract_12_cancel_reaches_an_array_whose_commit_waits(void) {
  static const step array[] = {{SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (2)", SIDELITE_ERR_CANCELLED, 0},
                               {SIDELITE_EXECUTE, "INSERT INTO t(a) VALUES (3)", SIDELITE_ERR_ABORTED, 0}};
  hook h = hook_new(sidelite_int(0));
  reply replies[2];
  int64_t id;
  begin();
  h.answers = 0;
  define(SIDELITE_FUNCTION_COMMIT, HOST, 0, 0, &h);
  id = steps_submit(conn, array, COUNT_OF(array), replies, SIDELITE_ATOMIC);
  wait_for_call(&h, 1, id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  steps_check(queue, array, COUNT_OF(array), replies);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  CHECK(is_idle());
  end();
}

/* Nothing of it is there, on disk either, and what was sent behind it goes on. */
static void contract_12_cancel_and_deadline_reach_a_commit_hook_that_waits(void) {
  const char *directory = scratch_new();
  char path[4096];
  hook h = hook_new(sidelite_int(0));
  reply r = reply_new(), next = reply_new(), late = reply_new();
  int64_t id;
  path_join(path, sizeof path, directory, "commit.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
  run("CREATE TABLE t(a)");
  h.answers = 0;
  define(SIDELITE_FUNCTION_COMMIT, HOST, 0, 0, &h);
  id = execute(conn, "INSERT INTO t VALUES (1), (2)", &r); /* commits by itself */
  execute(conn, "SELECT 1", &next);
  wait_for_call(&h, 1, id);
  expect_nothing_inside(&h);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(r.flags & STEP_FLAGS, 0);
  EXPECT(queue, &next, SIDELITE_OK);
  reply_clear(&r);
  reply_clear(&next);
  run("BEGIN");
  run("INSERT INTO t VALUES (3)");
  id = execute(conn, "COMMIT", &r);
  execute(conn, "SELECT 1", &next);
  wait_for_call(&h, 2, id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(r.flags & STEP_FLAGS, ROLLED_BACK);
  EXPECT(queue, &next, SIDELITE_OK);
  reply_clear(&r);
  reply_clear(&next);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES (4)", 20, &late);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  reply_clear(&late);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 0);
  id = execute(conn, "INSERT INTO t VALUES (5)", &r);
  wait_for_call(&h, 4, id);
  answer(&h, NULL, 0);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(ask_int(path, "SELECT group_concat(a) FROM t"), 5);
  reply_clear(&r);
  end();
  scratch_remove(directory);
}

static void hook_takes_no_name_no_traits_and_no_more_functions(void) {
  static const uint32_t kinds[] = {SIDELITE_FUNCTION_AUTHORIZER, SIDELITE_FUNCTION_PROGRESS, SIDELITE_FUNCTION_BUSY,
                                   SIDELITE_FUNCTION_COMMIT};
  size_t i;
  begin();
  for (i = 0; i < COUNT_OF(kinds); i++) {
    const sidelite_function_config config = function_new(kinds[i], NULL, 0, on_inline);
    sidelite_function_config wrong = config;
    wrong.name = "hook";
    CHECK_EQ(sidelite_create_function(conn, &wrong, NULL, NULL), SIDELITE_ERR_MISUSE);
    wrong = config;
    wrong.flags = SIDELITE_FUNCTION_INNOCUOUS;
    CHECK_EQ(sidelite_create_function(conn, &wrong, NULL, NULL), SIDELITE_ERR_MISUSE);
    wrong = config;
    wrong.last = on_inline;
    CHECK_EQ(sidelite_create_function(conn, &wrong, NULL, NULL), SIDELITE_ERR_MISUSE);
    undefine(kinds[i]); /* of one that there is not */
  }
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
                               TEST(authorizer_rules_leave_what_runs_already),
                               TEST(authorizer_rules_allow_a_pragma_with_one_value_alone),
                               TEST(authorizer_rules_that_cannot_be_leave_the_old_ones),
                               TEST(authorizer_rules_are_given_by_name),
                               TEST(authorizer_rules_are_for_sql_and_not_for_what_frames_it),
                               TEST(authorizer_hook_sees_every_access),
                               TEST(authorizer_hook_decides),
                               TEST(authorizer_hook_whose_answer_cannot_be_denies),
                               TEST(authorizer_hook_is_asked_when_no_rule_decides),
                               TEST(authorizer_hook_is_not_asked_about_what_frames_sql),
                               TEST(authorizer_hook_is_answered_later),
                               TEST(contract_12_cancel_and_deadline_reach_an_authorizer_that_waits),
                               TEST(contract_16_close_reaches_a_hook_that_waits),
                               TEST(hook_that_waits_is_not_disturbed),
                               TEST(progress_hook_is_called_as_often_as_it_wants),
                               TEST(progress_hook_ends_a_statement),
                               TEST(contract_10_progress_hook_rolls_back_the_transaction_of_a_writer),
                               TEST(progress_hook_does_not_stop_what_must_be),
                               TEST(contract_12_cancel_and_deadline_pass_a_progress_hook),
                               TEST(progress_hook_is_answered_later),
                               TEST(busy_hook_counts_and_gives_up),
                               TEST(busy_hook_that_is_removed_gives_the_timeout_back),
                               TEST(busy_hook_waits_for_the_lock),
                               TEST(busy_hook_whose_answer_cannot_be_ends_the_statement),
                               TEST(contract_12_cancel_and_deadline_reach_a_busy_hook),
                               TEST(busy_hook_is_answered_later),
                               TEST(commit_hook_decides_over_a_transaction),
                               TEST(contract_12_cancel_reaches_an_array_whose_commit_waits),
                               TEST(contract_12_cancel_and_deadline_reach_a_commit_hook_that_waits),
                               TEST(hook_takes_no_name_no_traits_and_no_more_functions),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
