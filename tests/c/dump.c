/* Dump: the SQL that makes a database again. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4096], sql_path[4096], copy[4096];

static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "source.db");
  path_join(sql_path, sizeof sql_path, directory, "dump.sql");
  path_join(copy, sizeof copy, directory, "copy.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static void script(const char *sql) {
  reply r = reply_new();
  CHECK(sidelite_script(conn, sql, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  if (r.code) fprintf(stderr, "%s\n", message_of(&r));
  CHECK_EQ(r.code, SIDELITE_OK);
  reply_clear(&r);
}

typedef struct lines {
  char *text;
  size_t used;
  reply r;
} lines;

static void on_lines(const sidelite_event *event, void *user_data) {
  lines *l = (lines *)user_data;
  uint32_t row;
  for (row = 0; event->result && !event->code && row < event->result->nrows; row++) {
    uint32_t len = sidelite_row_len(event->result, row, 0);
    CHECK_EQ(event->result->ncols, 1);
    l->text = (char *)realloc(l->text, l->used + len + 2);
    CHECK(l->text != NULL);
    memcpy(l->text + l->used, sidelite_row_text(event->result, row, 0), len);
    l->text[l->used + len] = '\n';
    l->used += len + 1;
    l->text[l->used] = 0;
  }
  on_reply(event, &l->r);
}

/* All lines, as one text that the caller frees. */
static char *dump(sidelite_conn *from, const sidelite_value *args, uint32_t n) {
  lines l;
  sidelite_request request = request_new(SIDELITE_DUMP, NULL, NULL);
  memset(&l, 0, sizeof l);
  request.values = args;
  request.ncols = n;
  request.window = SIDELITE_UNLIMITED;
  request.callback = on_lines;
  request.user_data = &l;
  CHECK(sidelite_submit(from, &request, 1) > 0);
  TURN_UNTIL(queue, l.r.finals);
  CHECK_EQ(l.r.code, SIDELITE_OK);
  reply_clear(&l.r);
  CHECK(l.text != NULL);
  return l.text;
}

static void expect_dump(const sidelite_value *args, uint32_t n, const char *expected) {
  char *text = dump(conn, args, n);
  if (strcmp(text, expected)) fprintf(stderr, "dump:\n%s\nexpected:\n%s\n", text, expected);
  CHECK(!strcmp(text, expected));
  free(text);
}

static void dump_is_that_of_python(void) {
  begin();
  script("CREATE TABLE \"it's\"(a, \"b c\"); INSERT INTO \"it's\" VALUES (1, 'x''y'), (NULL, x'00ff');"
         "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO b(v) VALUES (0.5), (9e999);"
         "CREATE INDEX i ON b(v); CREATE VIEW w AS SELECT v FROM b;"
         "CREATE TRIGGER r AFTER INSERT ON b BEGIN SELECT 1; SELECT 2; END");
  expect_dump(NULL, 0,
              "BEGIN TRANSACTION;\n"
              "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, v);\n"
              "INSERT INTO \"b\" VALUES(1,0.5);\n"
              "INSERT INTO \"b\" VALUES(2,9.0e+999);\n"
              "CREATE TABLE \"it's\"(a, \"b c\");\n"
              "INSERT INTO \"it's\" VALUES(1,'x''y');\n"
              "INSERT INTO \"it's\" VALUES(NULL,X'00FF');\n"
              "CREATE INDEX i ON b(v);\n"
              "CREATE VIEW w AS SELECT v FROM b;\n"
              "CREATE TRIGGER r AFTER INSERT ON b BEGIN SELECT 1; SELECT 2; END;\n"
              "DELETE FROM \"sqlite_sequence\";\n"
              "INSERT INTO \"sqlite_sequence\" VALUES('b',2);\n"
              "COMMIT;\n");
  end();
}

static void dump_is_filtered_by_name(void) {
  sidelite_value filter = sidelite_text("b%");
  begin();
  script("CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE ab(x); CREATE INDEX bi ON a(x); INSERT INTO b VALUES (1)");
  expect_dump(&filter, 1,
              "BEGIN TRANSACTION;\nCREATE TABLE b(x);\nINSERT INTO \"b\" VALUES(1);\nCREATE INDEX bi ON a(x);\nCOMMIT;\n");
  end();
}

static void dump_of_an_attached_database(void) {
  sidelite_value args[2] = {sidelite_null(), sidelite_text("other")};
  begin();
  script("CREATE TABLE a(x); ATTACH ':memory:' AS other; CREATE TABLE other.o(x); INSERT INTO other.o VALUES (2)");
  expect_dump(args, 2, "BEGIN TRANSACTION;\nCREATE TABLE o(x);\nINSERT INTO \"o\" VALUES(2);\nCOMMIT;\n");
  args[1] = sidelite_text("missing");
  CHECK_EQ(command_code(queue, conn, SIDELITE_DUMP, args, 2), SQLITE_ERROR);
  end();
}

static void dump_warns_of_violated_foreign_keys(void) {
  char *text;
  begin();
  script("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p); INSERT INTO c VALUES (9)");
  text = dump(conn, NULL, 0);
  CHECK(!strncmp(text, "PRAGMA foreign_keys=OFF;\nBEGIN", 30));
  free(text);
  end();
}

/* The shell reads it, and what it has made dumps to the same text: of everything that a database may hold. */
static void dump_is_read_back_by_sqlite3(void) {
  char command_line[13000], *first, *second;
  sidelite_conn *other;
  FILE *file;
  begin();
  script("CREATE TABLE plain(a, b); INSERT INTO plain VALUES (9223372036854775807, -9223372036854775808),"
         " ('line\none', 'a' || char(0) || 'b'), (-0.0, 1e-300), (0.1, 123456789012345678.0), ('', x''), (-9e999, 'ü€');"
         "CREATE TABLE \"we\"\"ird 'name'\"(\"c\"\"ol\", \"select\"); INSERT INTO \"we\"\"ird 'name'\" VALUES (1, 2);"
         "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('b', 1), ('a', 2);"
         "CREATE TABLE g(a, b AS (a * 2) STORED, c AS (a * 3), d); INSERT INTO g(a, d) VALUES (5, 6);"
         "CREATE TABLE s(i INT, t TEXT) STRICT; INSERT INTO s VALUES (1, 'x');"
         "CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO n VALUES (41); DELETE FROM n;"
         "CREATE VIRTUAL TABLE f USING fts5(text); INSERT INTO f VALUES ('the quick brown fox'), ('jumps; over');"
         "CREATE INDEX i ON plain(a) WHERE b IS NOT NULL; ANALYZE;"
         "CREATE TRIGGER r AFTER INSERT ON w BEGIN INSERT INTO plain VALUES (new.k, 'x;y'); END");
  first = dump(conn, NULL, 0);
  file = fopen(sql_path, "w");
  CHECK(file != NULL);
  fputs(first, file);
  fclose(file);
  snprintf(command_line, sizeof command_line, "sqlite3 -bail '%s' < '%s'", copy, sql_path);
  CHECK_EQ(system(command_line), 0);
  ask_expecting(copy, "PRAGMA integrity_check", "ok");
  ask_expecting(copy, "SELECT count(*) FROM f WHERE f MATCH 'fox'", "1");
  ask_expecting(copy, "SELECT length(CAST(b AS BLOB)) FROM plain WHERE a LIKE 'line%'", "3");
  other = conn_open(queue, copy, NULL);
  second = dump(other, NULL, 0);
  if (strcmp(first, second)) fprintf(stderr, "first:\n%s\nsecond:\n%s\n", first, second);
  CHECK(!strcmp(first, second));
  free(first);
  free(second);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
}

static void dump_waits_for_credit_and_is_cancelled(void) {
  sidelite_request request;
  reply r = reply_new();
  int64_t id;
  begin();
  script("CREATE TABLE t(x); INSERT INTO t " COUNT_TO("1000"));
  request = request_new(SIDELITE_DUMP, NULL, &r);
  request.chunk_rows = 100;
  id = sidelite_submit(conn, &request, 1);
  TURN_UNTIL(queue, r.events == 2);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(r.events, 2);
  CHECK_EQ(sidelite_more(conn, id, 3), SIDELITE_OK);
  TURN_UNTIL(queue, r.events == 5);
  CHECK_EQ(r.rows, 500);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(dump_is_that_of_python),
                               TEST(dump_is_filtered_by_name),
                               TEST(dump_of_an_attached_database),
                               TEST(dump_warns_of_violated_foreign_keys),
                               TEST(dump_is_read_back_by_sqlite3),
                               TEST(dump_waits_for_credit_and_is_cancelled),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
