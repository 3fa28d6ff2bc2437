/* The threads' stacks: whatever SQLite's default limits let in must not end the process. */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* `unit` again and again between `before` and `after`; the caller frees it. */
static char *repeated(const char *before, const char *unit, int n, const char *after) {
  size_t length = strlen(unit);
  char *text = (char *)malloc(strlen(before) + length * (size_t)n + strlen(after) + 1), *end;
  CHECK(text != NULL);
  end = text + sprintf(text, "%s", before);
  for (int i = 0; i < n; i++, end += length) memcpy(end, unit, length);
  strcpy(end, after);
  return text;
}

/* A pattern with a wildcard for each letter of the text, each of which is a level of recursion. */
static void match(const char *sql, const char *unit, int n) {
  char *text = repeated("", "a", n, ""), *pattern = repeated("", unit, n, "");
  sidelite_value values[] = {sidelite_text(text), sidelite_text(pattern)};
  reply r = reply_new();
  CHECK(sidelite_fetch(conn, sql, values, 2, on_reply, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  reply_clear(&r);
  free(text);
  free(pattern);
}

/* 40,000 bytes of pattern overflow a stack of 2 MiB; 50,000 are the most that SQLite takes. */
static void stack_holds_long_patterns(void) {
  begin();
  match("SELECT ? LIKE ?", "%a", 20000);
  match("SELECT ? LIKE ?", "%a", 25000);
  match("SELECT ? GLOB ?", "*a", 20000);
  match("SELECT ? GLOB ?", "*a", 25000);
  end();
}

static void stack_holds_deep_expressions(void) {
  char *sum = repeated("SELECT 0", "+1", 990, ""), *opened = repeated("SELECT ", "abs(", 90, "1");
  char *closed = repeated(opened, ")", 90, "");
  begin();
  CHECK_EQ(fetch_int(queue, conn, sum), 990);
  CHECK_EQ(fetch_int(queue, conn, closed), 1);
  free(sum);
  free(opened);
  free(closed);
  end();
}

static void stack_holds_long_compounds(void) {
  char *compound = repeated("SELECT count(*) FROM (SELECT 1 AS i", " UNION ALL SELECT 1", 499, ")");
  begin();
  CHECK_EQ(fetch_int(queue, conn, compound), 500);
  free(compound);
  end();
}

static void stack_holds_nested_views(void) {
  enum { DEEP = 400 };
  char sql[128];
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v0 AS SELECT 42 AS i"), SIDELITE_OK);
  for (int i = 1; i <= DEEP; i++) {
    snprintf(sql, sizeof sql, "CREATE VIEW v%d AS SELECT i FROM v%d", i, i - 1);
    CHECK_EQ(exec(queue, conn, sql), SIDELITE_OK);
  }
  snprintf(sql, sizeof sql, "SELECT i FROM v%d", DEEP);
  CHECK_EQ(fetch_int(queue, conn, sql), 42);
  end();
}

static void stack_holds_deep_json(void) {
  char *opened = repeated("SELECT json_valid('", "[", 1000, ""), *closed = repeated(opened, "]", 1000, "')");
  begin();
  CHECK_EQ(fetch_int(queue, conn, closed), 1);
  free(opened);
  free(closed);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(stack_holds_long_patterns),
      TEST(stack_holds_deep_expressions),
      TEST(stack_holds_long_compounds),
      TEST(stack_holds_nested_views),
      TEST(stack_holds_deep_json),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
