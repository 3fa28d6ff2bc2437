/* INLINE functions, aggregates, windows and collations: the host's own, on the connection's thread. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin_with(uint32_t flags) {
  sidelite_open_config config = open_config_new(flags);
  queue = queue_new();
  conn = conn_open(queue, ":memory:", &config);
}

static void begin(void) { begin_with(0); }

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Registers, and returns the code of its final event. */
static int32_t create(const sidelite_function_config *config) {
  reply r = reply_new();
  int32_t code;
  CHECK(sidelite_create_function(conn, config, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  reply_clear(&r);
  return code;
}

static int32_t create_scalar(const char *name, int32_t n_args, sidelite_inline_function call, void *context,
                             uint32_t flags) {
  sidelite_function_config config = function_new(SIDELITE_FUNCTION_SCALAR, name, n_args, call);
  config.context = context;
  config.flags = flags;
  return create(&config);
}

static void expect_error(const char *sql, int32_t code, const char *words) {
  fetch_error(queue, conn, sql, code, words);
}

static int32_t half(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  CHECK_EQ(n, 1);
  CHECK(group == NULL);
  if (context) ++*(int *)context;
  *value = sidelite_int(args[0].as.integer / 2);
  return SIDELITE_OK;
}

static void function_inline_scalar(void) {
  int calls = 0;
  begin();
  CHECK_EQ(create_scalar("half", 1, half, &calls, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT half(84)"), 42);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(half(i)) FROM (" COUNT_TO("100") ")"), 2500);
  CHECK_EQ(calls, 101);
  expect_error("SELECT half(1, 2)", SQLITE_ERROR, "wrong number of arguments");
  end();
}

/* What it gets is what it gives. */
static int32_t same(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context;
  (void)group;
  if (n) *value = args[n - 1];
  return SIDELITE_OK;
}

static void function_inline_takes_and_gives_every_value(void) {
  begin();
  CHECK_EQ(create_scalar("same", 1, same, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn,
                     "SELECT count(*) FROM (SELECT NULL AS v UNION ALL VALUES (9223372036854775807), "
                     "(-9223372036854775808), (0.5), (9e999), (''), ('a' || char(0) || 'b'), (x''), (x'00ff')) "
                     "WHERE same(v) IS v AND typeof(same(v)) = typeof(v)"),
           9);
  CHECK_EQ(fetch_int(queue, conn, "SELECT length(same(zeroblob(100000)))"), 100000);
  end();
}

static int32_t five_zeros(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context;
  (void)group;
  (void)args;
  (void)n;
  *value = sidelite_zeroblob(5);
  return SIDELITE_OK;
}

static int32_t nothing(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context;
  (void)group;
  (void)args;
  (void)n;
  CHECK_EQ(value->type, SIDELITE_NULL);
  return SIDELITE_OK;
}

static void function_inline_gives_zeros_and_null(void) {
  begin();
  CHECK_EQ(create_scalar("zeros", 0, five_zeros, NULL, 0), SIDELITE_OK);
  CHECK_EQ(create_scalar("no_value", 0, nothing, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT zeros() = x'0000000000' AND no_value() IS NULL"), 1);
  end();
}

/* The sum of all arguments. */
static int32_t total(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  int64_t sum = 0;
  uint32_t i;
  (void)context;
  (void)group;
  for (i = 0; i < n; i++) sum += args[i].as.integer;
  *value = sidelite_int(sum * 1000 + n);
  return SIDELITE_OK;
}

/* Those with few arguments go other ways through the library than those with many. */
static void function_inline_has_any_number_of_arguments(void) {
  int n, i;
  begin();
  CHECK_EQ(create_scalar("total", -1, total, NULL, 0), SIDELITE_OK);
  for (n = 0; n <= 100; n += n < 12 ? 1 : 44) {
    char name[32], sql[1024];
    size_t len;
    snprintf(name, sizeof name, "total_%d", n);
    CHECK_EQ(create_scalar(name, n, total, NULL, 0), SIDELITE_OK);
    len = (size_t)snprintf(sql, sizeof sql, "SELECT %s(", name);
    for (i = 1; i <= n; i++) len += (size_t)snprintf(sql + len, sizeof sql - len, "%s%d", i > 1 ? ", " : "", i);
    snprintf(sql + len, sizeof sql - len, ")");
    CHECK_EQ(fetch_int(queue, conn, sql), (int64_t)n * (n + 1) / 2 * 1000 + n);
    memmove(sql + 12, sql + 7 + strlen(name), strlen(sql) - 6 - strlen(name));
    CHECK_EQ(fetch_int(queue, conn, sql), (int64_t)n * (n + 1) / 2 * 1000 + n);
  }
  /* A name may stand for several functions, one for each number of arguments. */
  CHECK_EQ(create_scalar("total", 1, half, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT total(8) + total(0, 1)"), 1006);
  end();
}

/* Fails with the code that is its argument. */
static int32_t fail_with(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)group;
  (void)n;
  if (context) *value = sidelite_text((const char *)context);
  return (int32_t)args[0].as.integer;
}

static void function_fails_with_its_own_code_and_words(void) {
  static char words[] = "the host's own words";
  static const int32_t codes[] = {SQLITE_ERROR, SQLITE_BUSY, SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_CONSTRAINT_UNIQUE,
                                  -1001, -2000000000};
  size_t i;
  begin();
  CHECK_EQ(create_scalar("fail", 1, fail_with, words, 0), SIDELITE_OK);
  CHECK_EQ(create_scalar("fail_mute", 1, fail_with, NULL, 0), SIDELITE_OK);
  for (i = 0; i < sizeof codes / sizeof *codes; i++) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT fail(%d)", codes[i]);
    expect_error(sql, codes[i], words);
    snprintf(sql, sizeof sql, "SELECT fail_mute(%d)", codes[i]);
    expect_error(sql, codes[i], "");
  }
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t SELECT fail(i / 3) FROM (" COUNT_TO("5") ")"), SQLITE_ERROR);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

/* What no function may return: told apart, never a crash. */
static int32_t wrong(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context;
  (void)group;
  (void)n;
  switch (args[0].as.integer) {
    case 0: value->type = 99; return SIDELITE_OK;
    case 1: *value = sidelite_blob(NULL, 5); return SIDELITE_OK;
    case 2: *value = sidelite_text_n(NULL, 5); return SIDELITE_OK;
    case 3: *value = sidelite_zeroblob(-1); return SIDELITE_OK;
    case 4: *value = sidelite_zeroblob(INT64_C(1) << 40); return SIDELITE_OK;
    default: return -5;
  }
}

static void function_that_returns_what_cannot_be(void) {
  static const int32_t codes[] = {SIDELITE_ERR_MISUSE, SIDELITE_ERR_MISUSE, SIDELITE_ERR_MISUSE, SQLITE_TOOBIG, SQLITE_TOOBIG};
  int i;
  begin();
  CHECK_EQ(create_scalar("wrong", 1, wrong, NULL, 0), SIDELITE_OK);
  for (i = 0; i < 5; i++) {
    char sql[32];
    snprintf(sql, sizeof sql, "SELECT wrong(%d)", i);
    CHECK_EQ(exec(queue, conn, sql), codes[i]);
  }
  expect_error("SELECT wrong(9)", SIDELITE_ERR_MISUSE, "-5");
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  end();
}

static void function_that_is_deterministic(void) {
  int calls = 0;
  begin();
  CHECK_EQ(create_scalar("half", 1, half, &calls, SIDELITE_FUNCTION_DETERMINISTIC), SIDELITE_OK);
  CHECK_EQ(create_scalar("unsteady", 1, half, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM (" COUNT_TO("50") ") WHERE half(84) = 42"), 50);
  CHECK_EQ(calls, 1);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE INDEX i ON t(half(x))"), SIDELITE_OK);
  expect_error("CREATE INDEX j ON t(unsteady(x))", SQLITE_ERROR, "non-deterministic");
  end();
}

static void function_that_is_directonly_or_innocuous(void) {
  begin();
  CHECK_EQ(create_scalar("plain", 1, half, NULL, 0), SIDELITE_OK);
  CHECK_EQ(create_scalar("direct", 1, half, NULL, SIDELITE_FUNCTION_DIRECTONLY), SIDELITE_OK);
  CHECK_EQ(create_scalar("harmless", 1, half, NULL, SIDELITE_FUNCTION_INNOCUOUS), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v1 AS SELECT plain(4)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v2 AS SELECT direct(4)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v3 AS SELECT harmless(4)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT * FROM v1"), 2);
  expect_error("SELECT * FROM v2", SQLITE_ERROR, "unsafe use of direct()");
  CHECK_EQ(exec(queue, conn, "PRAGMA trusted_schema = OFF"), SIDELITE_OK);
  expect_error("SELECT * FROM v1", SQLITE_ERROR, "unsafe use of plain()");
  CHECK_EQ(fetch_int(queue, conn, "SELECT * FROM v3"), 2);
  CHECK_EQ(fetch_int(queue, conn, "SELECT plain(4) + direct(4)"), 4);
  end();
}

/* What a stranger's schema could call must be said to be harmless. */
static void function_on_a_hardened_connection_is_directonly(void) {
  static const uint32_t flags[] = {SIDELITE_OPEN_HARDENED, SIDELITE_OPEN_UNTRUSTED};
  int i;
  for (i = 0; i < 2; i++) {
    begin_with(flags[i]);
    CHECK_EQ(create_scalar("plain", 1, half, NULL, SIDELITE_FUNCTION_DETERMINISTIC), SIDELITE_OK);
    CHECK_EQ(create_scalar("harmless", 1, half, NULL, SIDELITE_FUNCTION_DETERMINISTIC | SIDELITE_FUNCTION_INNOCUOUS),
             SIDELITE_OK);
    expect_error("CREATE TABLE t(x, y AS (plain(x)))", SQLITE_ERROR, "unsafe use of plain()");
    CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x, y AS (harmless(x)))"), SIDELITE_OK);
    CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (4)"), SIDELITE_OK);
    CHECK_EQ(fetch_int(queue, conn, "SELECT y + plain(x) FROM t"), 4);
    end();
  }
}

static void function_is_replaced_and_removed(void) {
  int first = 0, second = 0;
  begin();
  CHECK_EQ(create_scalar("half", 1, half, &first, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT half(2)"), 1);
  CHECK_EQ(create_scalar("half", 1, half, &second, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT half(2)"), 1);
  CHECK_EQ(first, 1);
  CHECK_EQ(second, 1);
  CHECK_EQ(create_scalar("half", 1, NULL, NULL, SIDELITE_FUNCTION_REMOVE), SIDELITE_OK);
  expect_error("SELECT half(2)", SQLITE_ERROR, "no such function: half");
  CHECK_EQ(create_scalar("half", 1, NULL, NULL, SIDELITE_FUNCTION_REMOVE), SIDELITE_OK);
  /* One of SQLite's own is replaced, too. */
  CHECK_EQ(create_scalar("upper", 1, half, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT upper(4)"), 2);
  end();
}

static void function_in_use_is_busy(void) {
  reply r = reply_new();
  int64_t id;
  begin();
  CHECK_EQ(create_scalar("half", 1, half, NULL, 0), SIDELITE_OK);
  id = sidelite_stream(conn, "SELECT half(i) FROM (" COUNT_TO("100") ")", NULL, 0, 1, on_reply, &r);
  TURN_UNTIL(queue, r.events == 2);
  CHECK_EQ(create_scalar("half", 1, half, NULL, 0), SQLITE_BUSY);
  CHECK_EQ(create_scalar("half", 1, NULL, NULL, SIDELITE_FUNCTION_REMOVE), SQLITE_BUSY);
  CHECK_EQ(sidelite_more(conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(create_scalar("half", 1, NULL, NULL, SIDELITE_FUNCTION_REMOVE), SIDELITE_OK);
  end();
}

/* A group's memory: made at its first row, freed at its end, whatever that is. */
typedef struct groups {
  int made, freed, fails_at_row, fails_at_last;
} groups;

typedef struct sum {
  int64_t rows, sum;
} sum;

static sum *sum_of(groups *g, void **group) {
  if (!*group) {
    *group = calloc(1, sizeof(sum));
    CHECK(*group != NULL);
    g->made++;
  }
  return (sum *)*group;
}

static int32_t sum_step(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  groups *g = (groups *)context;
  sum *s = sum_of(g, group);
  (void)n;
  s->sum += args[0].as.integer;
  if (++s->rows != g->fails_at_row) return SIDELITE_OK;
  *value = sidelite_text("no further");
  return -1002;
}

static int32_t sum_inverse(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  sum *s = sum_of((groups *)context, group);
  (void)n;
  (void)value;
  s->sum -= args[0].as.integer;
  s->rows--;
  return SIDELITE_OK;
}

static int32_t sum_value(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)args;
  CHECK_EQ(n, 0);
  *value = sidelite_int(sum_of((groups *)context, group)->sum);
  return SIDELITE_OK;
}

static int32_t sum_last(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  groups *g = (groups *)context;
  sum *s = (sum *)*group;
  (void)args;
  CHECK_EQ(n, 0);
  *value = s ? sidelite_int(s->sum) : sidelite_null();
  g->freed += s != NULL;
  free(s);
  if (g->fails_at_last) *value = sidelite_text("no value");
  return g->fails_at_last ? -1003 : SIDELITE_OK;
}

static void create_sum(uint32_t kind, groups *g) {
  sidelite_function_config config = function_new(kind, "total_of", 1, sum_step);
  config.last = sum_last;
  if (kind == SIDELITE_FUNCTION_WINDOW) {
    config.value = sum_value;
    config.inverse = sum_inverse;
  }
  config.context = g;
  CHECK_EQ(create(&config), SIDELITE_OK);
}

static void function_inline_aggregate(void) {
  groups g = {0, 0, 0, 0};
  begin();
  create_sum(SIDELITE_FUNCTION_AGGREGATE, &g);
  CHECK_EQ(fetch_int(queue, conn,
                     "SELECT count(*) FROM (SELECT total_of(i) AS own, sum(i) AS theirs FROM (" COUNT_TO("3000")
                     ") GROUP BY i % 1000) WHERE own = theirs"),
           1000);
  CHECK_EQ(g.made, 1000);
  CHECK_EQ(g.freed, 1000);
  CHECK_EQ(fetch_int(queue, conn, "SELECT total_of(1) IS NULL FROM (SELECT 1) WHERE 0"), 1);
  CHECK_EQ(fetch_int(queue, conn, "SELECT total_of(i) FILTER (WHERE i > 1) + total_of(DISTINCT 1) FROM (" COUNT_TO("3") ")"), 6);
  CHECK_EQ(g.made, g.freed);
  expect_error("SELECT total_of(i) OVER (ORDER BY i) FROM (" COUNT_TO("3") ")", SQLITE_ERROR, "may not be used as a window");
  end();
}

static void function_inline_aggregate_frees_its_group_when_it_fails(void) {
  groups g = {0, 0, 3, 0};
  begin();
  create_sum(SIDELITE_FUNCTION_AGGREGATE, &g);
  expect_error("SELECT total_of(i) FROM (" COUNT_TO("5") ")", -1002, "no further");
  CHECK_EQ(g.made, 1);
  CHECK_EQ(g.freed, 1);
  g.fails_at_row = 0;
  g.fails_at_last = 1;
  expect_error("SELECT total_of(i) FROM (" COUNT_TO("5") ")", -1003, "no value");
  CHECK_EQ(g.made, 2);
  CHECK_EQ(g.freed, 2);
  /* The statement fails elsewhere. */
  g.fails_at_last = 0;
  CHECK_EQ(exec(queue, conn, "SELECT total_of(i), max(abs(-9223372036854775807 - (i > 2))) FROM (" COUNT_TO("5") ")"),
           SQLITE_ERROR);
  CHECK_EQ(g.made, g.freed);
  end();
}

static void contract_12_cancel_ends_an_inline_group(void) {
  groups g = {0, 0, 0, 0};
  reply r = reply_new();
  int64_t id;
  begin();
  create_sum(SIDELITE_FUNCTION_AGGREGATE, &g);
  id = sidelite_fetch(conn, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT total_of(i % 2) FROM n", NULL,
                      0, on_reply, &r);
  CHECK(id > 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  end();
  CHECK_EQ(g.made, g.freed);
}

static void function_inline_window(void) {
  groups g = {0, 0, 0, 0};
  reply r = reply_new();
  int64_t id;
  begin();
  create_sum(SIDELITE_FUNCTION_WINDOW, &g);
  CHECK_EQ(fetch_int(queue, conn,
                     "SELECT count(*) FROM (SELECT total_of(i) OVER w AS own, sum(i) OVER w AS theirs FROM (" COUNT_TO(
                         "40") ") WINDOW w AS (PARTITION BY i % 3 ORDER BY i ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)) "
                               "WHERE own = theirs"),
           40);
  CHECK_EQ(g.made, 3);
  CHECK_EQ(g.freed, 3);
  CHECK_EQ(fetch_int(queue, conn, "SELECT total_of(i) FROM (" COUNT_TO("4") ")"), 10);
  /* Put away in the middle. */
  id = sidelite_stream(conn, "SELECT total_of(i) OVER (ORDER BY i) FROM (" COUNT_TO("100") ")", NULL, 0, 1, on_reply, &r);
  TURN_UNTIL(queue, r.events == 2);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  end();
  CHECK_EQ(g.made, g.freed);
}

/* Texts by their length; those that are equally long are alike. */
static int32_t by_length(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)group;
  CHECK_EQ(n, 2);
  CHECK(args[0].type == SIDELITE_TEXT && args[1].type == SIDELITE_TEXT);
  if (context && args[0].len == 3) {
    *value = sidelite_text("three is too long");
    return -1004;
  }
  *value = sidelite_int((int64_t)args[0].len - args[1].len);
  return SIDELITE_OK;
}

static int32_t without_order(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context;
  (void)group;
  (void)args;
  (void)n;
  *value = sidelite_text("before");
  return SIDELITE_OK;
}

static void function_inline_collation(void) {
  sidelite_function_config config = function_new(SIDELITE_FUNCTION_COLLATION, "by_length", 0, by_length);
  reply r;
  int context = 0;
  begin();
  CHECK_EQ(create(&config), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x COLLATE by_length UNIQUE)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES ('ccc'), ('a'), (''), ('bb')"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES ('b')"), SQLITE_CONSTRAINT_UNIQUE);
  CHECK_EQ(fetch(queue, conn, "SELECT x FROM t ORDER BY x DESC", &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 0, "ccc") && text_is(&r, 1, 0, "bb") && text_is(&r, 2, 0, "a") && text_is(&r, 3, 0, ""));
  reply_clear(&r);
  config.context = &context;
  CHECK_EQ(create(&config), SIDELITE_OK);
  expect_error("SELECT 'ccc' < 'b' COLLATE by_length", -1004, "three is too long");
  expect_error("SELECT x FROM t ORDER BY x || '' COLLATE by_length", -1004, "three is too long");
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES ('dddd')"), -1004);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t NOT INDEXED"), 4);
  config.call = without_order;
  CHECK_EQ(create(&config), SIDELITE_OK);
  expect_error("SELECT 'a' < 'b' COLLATE by_length", SIDELITE_ERR_MISUSE, "must return an INTEGER");
  config.call = NULL;
  config.flags = SIDELITE_FUNCTION_REMOVE;
  CHECK_EQ(create(&config), SIDELITE_OK);
  expect_error("SELECT 'a' < 'b' COLLATE by_length", SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: by_length");
  end();
}

static void function_that_can_never_be_right_is_refused(void) {
  const uint32_t scalar = SIDELITE_FUNCTION_SCALAR, aggregate = SIDELITE_FUNCTION_AGGREGATE,
                 window = SIDELITE_FUNCTION_WINDOW, collation = SIDELITE_FUNCTION_COLLATION;
  const struct {
    uint32_t kind;
    const char *name;
    int32_t n_args;
    uint32_t flags;
    sidelite_inline_function call, last, value, inverse;
    int32_t code;
  } cases[] = {
      {0, "f", 1, 0, half, NULL, NULL, NULL, SIDELITE_ERR_UNSUPPORTED},
      {99, "f", 1, 0, half, NULL, NULL, NULL, SIDELITE_ERR_UNSUPPORTED},
      {scalar, NULL, 1, 0, half, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {scalar, "\xff", 1, 0, half, NULL, NULL, NULL, SIDELITE_ERR_BAD_TEXT},
      {scalar, "f", 1, 1u << 31, half, NULL, NULL, NULL, SIDELITE_ERR_UNSUPPORTED},
      {scalar, "f", 1001, 0, half, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {scalar, "f", -2, 0, half, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {scalar, "f", 1, 0, half, sum_last, NULL, NULL, SIDELITE_ERR_MISUSE},
      {scalar, "f", 1, 0, half, NULL, sum_value, NULL, SIDELITE_ERR_MISUSE},
      {aggregate, "f", 1, 0, sum_step, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {aggregate, "f", 1, 0, NULL, sum_last, NULL, NULL, SIDELITE_ERR_MISUSE},
      {aggregate, "f", 1, 0, sum_step, sum_last, sum_value, NULL, SIDELITE_ERR_MISUSE},
      {window, "f", 1, 0, sum_step, sum_last, NULL, NULL, SIDELITE_ERR_MISUSE},
      {window, "f", 1, 0, sum_step, sum_last, sum_value, NULL, SIDELITE_ERR_MISUSE},
      {window, "f", 1, 0, sum_step, NULL, sum_value, sum_inverse, SIDELITE_ERR_MISUSE},
      {collation, NULL, 0, 0, by_length, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {collation, "c", 0, SIDELITE_FUNCTION_DETERMINISTIC, by_length, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {SIDELITE_FUNCTION_UPDATE, NULL, 0, 0, NULL, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {SIDELITE_FUNCTION_PREUPDATE, NULL, 0, 0, NULL, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {SIDELITE_FUNCTION_ROLLBACK, NULL, 0, 0, NULL, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {SIDELITE_FUNCTION_WAL, NULL, 0, 0, NULL, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
      {SIDELITE_FUNCTION_COMMIT, "commit", 0, 0, half, NULL, NULL, NULL, SIDELITE_ERR_MISUSE},
  };
  sidelite_function_config config = function_new(scalar, "f", 1, half);
  char name[300];
  size_t i;
  begin();
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    config = function_new(cases[i].kind, cases[i].name, cases[i].n_args, cases[i].call);
    config.flags = cases[i].flags;
    config.last = cases[i].last;
    config.value = cases[i].value;
    config.inverse = cases[i].inverse;
    if (sidelite_create_function(conn, &config, NULL, NULL) != cases[i].code) fprintf(stderr, "case %zu\n", i);
    CHECK_EQ(sidelite_create_function(conn, &config, NULL, NULL), cases[i].code);
  }
  CHECK_EQ(sidelite_create_function(conn, NULL, NULL, NULL), SIDELITE_ERR_MISUSE);
  config = function_new(scalar, "f", 1, half);
  CHECK_EQ(sidelite_create_function(NULL, &config, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
  config.reserved[0] = 1;
  CHECK_EQ(sidelite_create_function(conn, &config, NULL, NULL), SIDELITE_ERR_UNSUPPORTED);
  config.reserved[0] = 0;
  config.struct_size = 3;
  CHECK_EQ(sidelite_create_function(conn, &config, NULL, NULL), SIDELITE_ERR_MISUSE);
  /* What SQLite alone knows comes with the event. */
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  CHECK_EQ(create_scalar(name, 1, half, NULL, 0), SQLITE_MISUSE);
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(function_inline_scalar),
                               TEST(function_inline_takes_and_gives_every_value),
                               TEST(function_inline_gives_zeros_and_null),
                               TEST(function_inline_has_any_number_of_arguments),
                               TEST(function_fails_with_its_own_code_and_words),
                               TEST(function_that_returns_what_cannot_be),
                               TEST(function_that_is_deterministic),
                               TEST(function_that_is_directonly_or_innocuous),
                               TEST(function_on_a_hardened_connection_is_directonly),
                               TEST(function_is_replaced_and_removed),
                               TEST(function_in_use_is_busy),
                               TEST(function_inline_aggregate),
                               TEST(function_inline_aggregate_frees_its_group_when_it_fails),
                               TEST(contract_12_cancel_ends_an_inline_group),
                               TEST(function_inline_window),
                               TEST(function_inline_collation),
                               TEST(function_that_can_never_be_right_is_refused),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
