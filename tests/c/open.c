/* Opening: every option, the defaults, and what happens when it fails. */
#include "harness.h"

#include <fcntl.h>

enum { ERROR = 1, BUSY = 5, READONLY = 8, CANTOPEN = 14, TOOBIG = 18, NOTADB = 26, CANTOPEN_SYMLINK = 1550 };

static char path_of_file[4400];

/* A path in the scratch directory; valid until the next call. */
static const char *in_scratch(const char *scratch, const char *name) {
  snprintf(path_of_file, sizeof path_of_file, "%s/%s", scratch, name);
  return path_of_file;
}

static int exists(const char *path) {
  struct stat s;
  return lstat(path, &s) == 0;
}

static void write_file(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK_EQ(fwrite(bytes, 1, n, file), n);
  CHECK_EQ(fclose(file), 0);
}

/* Opens, checks the code of OPENED and that queued requests end with the same code and message, then closes. */
static void check_open_fails(sidelite_queue *queue, const char *path, const sidelite_open_config *config,
                             int32_t code) {
  reply opened = reply_new(), queued[2], closed = reply_new();
  sidelite_conn *conn;
  int i;
  CHECK_EQ(sidelite_open(queue, path, config, on_reply, &opened, &conn), SIDELITE_OK);
  for (i = 0; i < 2; i++) {
    queued[i] = reply_new();
    CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &queued[i]) > 0);
  }
  TURN_UNTIL(queue, queued[1].finals);
  CHECK_EQ(opened.events, 1);
  CHECK(opened.flags & SIDELITE_EVENT_OPENED);
  CHECK_EQ(opened.code, code);
  CHECK(opened.result != NULL && opened.result->message_len > 0);
  for (i = 0; i < 2; i++) {
    CHECK_EQ(queued[i].code, code);
    CHECK(!strcmp((const char *)queued[i].result + queued[i].result->message,
                  (const char *)opened.result + opened.result->message));
    reply_clear(&queued[i]);
  }
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_reply, &closed), SIDELITE_OK);
  TURN_UNTIL(queue, closed.finals);
  CHECK(closed.flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(closed.code, SIDELITE_OK);
  reply_clear(&opened);
  reply_clear(&closed);
}

/* Opens with options, runs one statement and closes; returns the statement's code. */
static int32_t exec_alone(sidelite_queue *queue, const char *path, uint32_t flags, const char *sql) {
  sidelite_open_config config = open_config_new(flags);
  sidelite_conn *conn = conn_open(queue, path, &config);
  int32_t code = exec(queue, conn, sql);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  return code;
}

/* Checks the text of a one-cell query. */
static void check_text(sidelite_queue *queue, sidelite_conn *conn, const char *sql, const char *expected) {
  reply r;
  CHECK_EQ(fetch(queue, conn, sql, &r), SIDELITE_OK);
  if (strcmp(sidelite_row_text(r.result, 0, 0), expected)) fprintf(stderr, "%s: not %s\n", sql, expected);
  CHECK(!strcmp(sidelite_row_text(r.result, 0, 0), expected));
  reply_clear(&r);
}

static void open_defaults_are_sqlites_own(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  sidelite_conn *conn = conn_open(queue, in_scratch(scratch, "app.db"), NULL);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA synchronous"), 2);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA trusted_schema"), 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA cell_size_check"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 5000);
  check_text(queue, conn, "PRAGMA journal_mode", "delete");
  check_text(queue, conn, "SELECT \"double-quoted\"", "double-quoted");
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a DEFAULT \"text\")"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "PRAGMA writable_schema=ON"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA writable_schema"), 1);
  CHECK_EQ(exec(queue, conn, "SELECT load_extension('x')"), ERROR);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_read_only_refuses_to_write_and_to_create(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_READONLY);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  check_open_fails(queue, path, &config, CANTOPEN);
  CHECK(!exists(path));
  CHECK_EQ(exec_alone(queue, path, 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec_alone(queue, path, SIDELITE_OPEN_READONLY, "INSERT INTO t VALUES (1)"), READONLY);
  CHECK_EQ(exec_alone(queue, path, SIDELITE_OPEN_READONLY, "SELECT * FROM t"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_without_creating_wants_the_file_to_exist(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_NO_CREATE);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  check_open_fails(queue, path, &config, CANTOPEN);
  CHECK(!exists(path));
  CHECK_EQ(exec_alone(queue, path, 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec_alone(queue, path, SIDELITE_OPEN_NO_CREATE, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_takes_a_uri_by_its_flag_alone(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  char here[4096];
  CHECK(getcwd(here, sizeof here) != NULL);
  CHECK_EQ(chdir(scratch), 0);
  CHECK_EQ(exec_alone(queue, "file:a.db?mode=memory", SIDELITE_OPEN_URI, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK(!exists("a.db") && !exists("file:a.db?mode=memory"));
  CHECK_EQ(exec_alone(queue, "file:b.db", SIDELITE_OPEN_URI, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK(exists("b.db"));
  CHECK_EQ(exec_alone(queue, "file:a.db?mode=memory", 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK(exists("file:a.db?mode=memory"));
  /* ATTACH goes by the same flag. */
  CHECK_EQ(exec_alone(queue, ":memory:", 0, "ATTACH 'file:c.db?mode=memory' AS c"), SIDELITE_OK);
  CHECK(exists("file:c.db?mode=memory"));
  CHECK_EQ(chdir(here), 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_in_memory_makes_no_file(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_MEMORY);
  sidelite_conn *one = conn_open(queue, path, &config), *two = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, one, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, two, "SELECT * FROM t"), ERROR);
  CHECK(!exists(path));
  conn_close(queue, one, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, two, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_in_memory_with_a_shared_cache_is_one_database(void) {
  sidelite_queue *queue = queue_new();
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_MEMORY | SIDELITE_OPEN_SHARED_CACHE);
  sidelite_conn *one = conn_open(queue, "shared by two", &config);
  sidelite_conn *two = conn_open(queue, "shared by two", &config);
  sidelite_conn *stranger = conn_open(queue, "another name", &config);
  CHECK_EQ(exec(queue, one, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, two, "INSERT INTO t VALUES (7)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, one, "SELECT a FROM t"), 7);
  CHECK_EQ(exec(queue, stranger, "SELECT a FROM t"), ERROR);
  conn_close(queue, one, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, two, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, stranger, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_empty_path_is_a_database_of_its_own(void) {
  sidelite_queue *queue = queue_new();
  CHECK_EQ(exec_alone(queue, "", 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec_alone(queue, "", 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_nofollow_refuses_a_symbolic_link(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_NOFOLLOW);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  char link[4400];
  snprintf(link, sizeof link, "%s/link.db", scratch);
  CHECK_EQ(symlink("app.db", link), 0);
  CHECK_EQ(exec_alone(queue, link, 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK(exists(in_scratch(scratch, "app.db")));
  check_open_fails(queue, link, &config, CANTOPEN_SYMLINK);
  CHECK_EQ(exec_alone(queue, in_scratch(scratch, "app.db"), SIDELITE_OPEN_NOFOLLOW, "SELECT * FROM t"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_foreign_keys_flag_switches_them_on(void) {
  sidelite_queue *queue = queue_new();
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_FOREIGN_KEYS);
  sidelite_conn *conn = conn_open(queue, ":memory:", &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 1);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_busy_timeout_says_how_long_a_lock_is_waited_for(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  sidelite_conn *holder = conn_open(queue, path, NULL), *conn;
  reply patient = reply_new();
  double began;
  CHECK_EQ(exec(queue, holder, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, holder, "BEGIN EXCLUSIVE"), SIDELITE_OK);

  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  conn = conn_open(queue, path, &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 0);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), BUSY);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);

  config.busy_timeout_ms = 200;
  conn = conn_open(queue, path, &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 200);
  began = now_ms();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), BUSY);
  CHECK(now_ms() - began >= 199);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);

  conn = conn_open(queue, path, NULL);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES (1)", NULL, 0, on_reply, &patient) > 0);
  (void)turn(queue, 100);
  CHECK_EQ(patient.finals, 0);
  CHECK_EQ(exec(queue, holder, "COMMIT"), SIDELITE_OK);
  TURN_UNTIL(queue, patient.finals);
  CHECK_EQ(patient.code, SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, holder, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_busy_timeout_can_be_changed_by_its_pragma(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  sidelite_conn *holder = conn_open(queue, path, NULL), *conn;
  reply waiting = reply_new();
  int64_t id;
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  conn = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, holder, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout = 30000"), 30000);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 30000);
  /* And the wait can still be cancelled. */
  id = sidelite_execute(conn, "CREATE TABLE t(a)", NULL, 0, on_reply, &waiting);
  (void)turn(queue, 100);
  CHECK_EQ(waiting.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, waiting.finals);
  CHECK_EQ(waiting.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&waiting);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout = 0"), 0);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), BUSY);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, holder, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_sets_the_journal_mode(void) {
  static const char *const names[] = {"delete", "delete", "truncate", "persist", "memory", "wal", "off"};
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  char name[32];
  for (config.journal_mode = 0; config.journal_mode <= SIDELITE_JOURNAL_OFF; config.journal_mode++) {
    sidelite_conn *conn;
    snprintf(name, sizeof name, "%u.db", config.journal_mode);
    conn = conn_open(queue, in_scratch(scratch, name), &config);
    check_text(queue, conn, "PRAGMA journal_mode", names[config.journal_mode]);
    conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  }
  /* Without one a file keeps its own. */
  {
    sidelite_conn *conn = conn_open(queue, in_scratch(scratch, "5.db"), NULL);
    check_text(queue, conn, "PRAGMA journal_mode", "wal");
    conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  }
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_sets_the_synchronous_level(void) {
  static const int64_t levels[] = {2, 0, 1, 2, 3};
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  for (config.synchronous = 0; config.synchronous <= SIDELITE_SYNC_EXTRA; config.synchronous++) {
    sidelite_conn *conn = conn_open(queue, ":memory:", &config);
    CHECK_EQ(fetch_int(queue, conn, "PRAGMA synchronous"), levels[config.synchronous]);
    conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  }
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_runs_pragmas_after_all_other_options(void) {
  static const char *const pragmas[4] = {"cache_size=-1234", "temp_store=MEMORY", "synchronous=OFF",
                                         "busy_timeout=77"};
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  config.synchronous = SIDELITE_SYNC_EXTRA;
  config.pragmas = pragmas;
  config.pragma_count = 4;
  conn = conn_open(queue, ":memory:", &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA cache_size"), -1234);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA temp_store"), 2);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA synchronous"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA busy_timeout"), 77);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_fails_when_a_pragma_does(void) {
  static const char *const broken[] = {"cache_size=(", "user_version=1; DROP TABLE t"};
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  config.pragma_count = 1;
  config.pragmas = &broken[0];
  check_open_fails(queue, ":memory:", &config, ERROR);
  config.pragmas = &broken[1];
  check_open_fails(queue, ":memory:", &config, SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_takes_a_vfs_by_name(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  config.vfs = "unix-none";
  conn = conn_open(queue, ":memory:", &config);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  config.vfs = "no such vfs";
  check_open_fails(queue, ":memory:", &config, ERROR);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_hardened(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_HARDENED);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  sidelite_conn *conn = conn_open(queue, in_scratch(scratch, "app.db"), &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA trusted_schema"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA mmap_size"), 0);
  CHECK_EQ(exec(queue, conn, "SELECT \"double-quoted\""), ERROR);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE d(a, CHECK (a <> \"text\"))"), ERROR);
  CHECK_EQ(exec(queue, conn, "PRAGMA writable_schema=ON"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "UPDATE sqlite_schema SET name = 'x'"), ERROR);
  CHECK_EQ(exec(queue, conn, "SELECT load_extension('x')"), ERROR);
  /* What only UNTRUSTED forbids. */
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v AS SELECT a FROM t"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "SELECT * FROM v"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "ATTACH ':memory:' AS m"), SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

/* A database with a view and a trigger, made by somebody who is not trusted. */
static void make_file_of_a_stranger(sidelite_queue *queue, const char *path) {
  sidelite_conn *conn = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE log(a)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE VIEW v AS SELECT a FROM t"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END"),
           SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
}

static void open_untrusted_takes_the_teeth_out_of_a_file(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_UNTRUSTED);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  sidelite_conn *conn;
  make_file_of_a_stranger(queue, path);
  conn = conn_open(queue, path, &config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA trusted_schema"), 0);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA cell_size_check"), 1);
  CHECK_EQ(exec(queue, conn, "SELECT \"double-quoted\""), ERROR);
  CHECK_EQ(exec(queue, conn, "SELECT * FROM v"), ERROR);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM log"), 0);
  CHECK_EQ(exec(queue, conn, "ATTACH ':memory:' AS m"), ERROR);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

/* Builds "head part part ... tail" with `n` parts. */
static const char *repeated(const char *head, const char *part, int n, const char *tail) {
  static char sql[200000];
  size_t length = (size_t)snprintf(sql, sizeof sql, "%s", head);
  int i;
  for (i = 0; i < n; i++) length += (size_t)snprintf(sql + length, sizeof sql - length, "%s", part);
  snprintf(sql + length, sizeof sql - length, "%s", tail);
  return sql;
}

static void open_untrusted_limits_what_a_statement_may_ask_for(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_UNTRUSTED);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", &config);
  CHECK_EQ(exec(queue, conn, "SELECT length(zeroblob(1000000))"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "SELECT length(randomblob(1000001))"), TOOBIG);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", " ", 100000 - 8, "")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", " ", 100000, "")), TOOBIG);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 0", ",1", 99, "")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 0", ",1", 100, "")), ERROR);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", "+1", 8, "")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", "+1", 11, "")), ERROR);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", " UNION ALL SELECT 1", 2, "")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 1", " UNION ALL SELECT 1", 3, "")), ERROR);
  CHECK_EQ(exec(queue, conn, repeated("SELECT max(1", ",1", 7, ")")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT max(1", ",1", 8, ")")), ERROR);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 'a' LIKE '", "%", 50, "'")), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, repeated("SELECT 'a' LIKE '", "%", 51, "'")), ERROR);
  CHECK_EQ(exec(queue, conn, "SELECT ?11"), ERROR);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_untrusted_refuses_a_corrupt_file_before_the_first_request(void) {
  sidelite_open_config config = open_config_new(SIDELITE_OPEN_UNTRUSTED);
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "app.db");
  char noise[512];
  FILE *file;
  make_file_of_a_stranger(queue, path);
  CHECK_EQ(exec_alone(queue, path, 0, "INSERT INTO t " COUNT_TO("2000")), SIDELITE_OK);
  memset(noise, 0xa5, sizeof noise);
  file = fopen(path, "r+b");
  CHECK(file != NULL);
  CHECK_EQ(fseek(file, 4096, SEEK_SET), 0); /* the page of `t` */
  CHECK_EQ(fwrite(noise, 1, sizeof noise, file), sizeof noise);
  CHECK_EQ(fclose(file), 0);
  check_open_fails(queue, path, &config, 11);
  CHECK_EQ(exec_alone(queue, path, 0, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_fails_on_what_is_not_a_database(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  char garbage[4096];
  memset(garbage, 'x', sizeof garbage);
  write_file(in_scratch(scratch, "garbage.db"), garbage, sizeof garbage);
  check_open_fails(queue, path_of_file, NULL, NOTADB);
  check_open_fails(queue, in_scratch(scratch, "missing/app.db"), NULL, CANTOPEN);
  /* An empty file is an empty database. */
  write_file(in_scratch(scratch, "empty.db"), "", 0);
  CHECK_EQ(exec_alone(queue, path_of_file, 0, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

/* The code of OPENED for a path that is not a file. */
static int32_t code_of_opening(sidelite_queue *queue, const char *path, uint32_t flags) {
  sidelite_open_config config = open_config_new(flags);
  reply opened = reply_new();
  sidelite_conn *conn;
  int32_t code;
  CHECK_EQ(sidelite_open(queue, path, &config, on_opened, &opened, &conn), SIDELITE_OK);
  TURN_UNTIL(queue, opened.finals);
  code = opened.code;
  reply_clear(&opened);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  return code;
}

static void open_fails_on_a_directory(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  CHECK_EQ(code_of_opening(queue, scratch, 0) & 0xff, CANTOPEN);
  CHECK(code_of_opening(queue, scratch, SIDELITE_OPEN_READONLY) > 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_does_not_hang_on_a_fifo(void) {
  sidelite_queue *queue = queue_new();
  const char *scratch = scratch_new();
  const char *path = in_scratch(scratch, "fifo.db");
  CHECK_EQ(mkfifo(path, 0600), 0);
  CHECK(code_of_opening(queue, path, 0) > 0);
  CHECK(code_of_opening(queue, path, SIDELITE_OPEN_READONLY) > 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(scratch);
}

static void open_with_options_that_can_never_be_right_is_refused(void) {
  static const char *const null_pragma[1] = {NULL};
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  int i;
  for (i = 0; i < 11; i++) {
    sidelite_open_config config = open_config_new(0);
    const char *path = ":memory:";
    int32_t expected = i < 8 ? SIDELITE_ERR_MISUSE : SIDELITE_ERR_UNSUPPORTED, status;
    switch (i) {
      case 0: path = NULL; break;
      case 1: config.journal_mode = 7; break;
      case 2: config.synchronous = 5; break;
      case 3: config.busy_timeout_ms = -2; break;
      case 4: config.pragma_count = 1; break;
      case 5: config.pragma_count = 1; config.pragmas = null_pragma; break;
      case 6: config.struct_size = 3; break;
      case 7: config.journal_mode = UINT32_MAX; break;
      case 8: config.flags = 1 << 11; break;
      case 9: config.flags = UINT32_C(1) << 31; break;
      default: config.reserved[1] = 1; break;
    }
    conn = (sidelite_conn *)(uintptr_t)1;
    status = sidelite_open(queue, path, &config, NULL, NULL, &conn);
    if (status != expected) fprintf(stderr, "case %d\n", i);
    CHECK_EQ(status, expected);
    CHECK(conn == NULL);
  }
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(stats_of(queue).outstanding, 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Options of a later version of the header, whose struct goes on. */
typedef struct longer_config {
  sidelite_open_config known;
  uint64_t unknown[2];
} longer_config;

static void open_takes_shorter_and_longer_options(void) {
  sidelite_queue *queue = queue_new();
  longer_config config;
  sidelite_conn *conn;
  memset(&config, 0, sizeof config);
  config.known.struct_size = sizeof config;
  config.known.synchronous = SIDELITE_SYNC_OFF;
  conn = conn_open(queue, ":memory:", &config.known);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA synchronous"), 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  config.unknown[1] = 1;
  CHECK_EQ(sidelite_open(queue, ":memory:", &config.known, NULL, NULL, &conn), SIDELITE_ERR_UNSUPPORTED);
  /* Beyond its size nothing counts. */
  config.known.struct_size = offsetof(sidelite_open_config, synchronous);
  conn = conn_open(queue, ":memory:", &config.known);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA synchronous"), 2);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void open_queue_options_that_can_never_be_right_are_refused(void) {
  struct {
    sidelite_queue_config known;
    uint64_t unknown;
  } longer;
  sidelite_queue *queue = (sidelite_queue *)(uintptr_t)1;
  memset(&longer, 0, sizeof longer);
  longer.known.struct_size = sizeof longer.known;
  longer.known.flags = 1 << 1;
  CHECK_EQ(sidelite_queue_new(&longer.known, &queue), SIDELITE_ERR_UNSUPPORTED);
  CHECK(queue == NULL);
  longer.known.flags = 0;
  longer.known.reserved[1] = 1;
  CHECK_EQ(sidelite_queue_new(&longer.known, &queue), SIDELITE_ERR_UNSUPPORTED);
  longer.known.reserved[1] = 0;
  longer.known.struct_size = sizeof longer;
  longer.unknown = 1;
  CHECK_EQ(sidelite_queue_new(&longer.known, &queue), SIDELITE_ERR_UNSUPPORTED);
  longer.unknown = 0;
  CHECK_EQ(sidelite_queue_new(&longer.known, &queue), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(sidelite_queue_new(NULL, NULL), SIDELITE_ERR_MISUSE);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(open_defaults_are_sqlites_own),
      TEST(open_read_only_refuses_to_write_and_to_create),
      TEST(open_without_creating_wants_the_file_to_exist),
      TEST(open_takes_a_uri_by_its_flag_alone),
      TEST(open_in_memory_makes_no_file),
      TEST(open_in_memory_with_a_shared_cache_is_one_database),
      TEST(open_empty_path_is_a_database_of_its_own),
      TEST(open_nofollow_refuses_a_symbolic_link),
      TEST(open_foreign_keys_flag_switches_them_on),
      TEST(open_busy_timeout_says_how_long_a_lock_is_waited_for),
      TEST(open_busy_timeout_can_be_changed_by_its_pragma),
      TEST(open_sets_the_journal_mode),
      TEST(open_sets_the_synchronous_level),
      TEST(open_runs_pragmas_after_all_other_options),
      TEST(open_fails_when_a_pragma_does),
      TEST(open_takes_a_vfs_by_name),
      TEST(open_hardened),
      TEST(open_untrusted_takes_the_teeth_out_of_a_file),
      TEST(open_untrusted_limits_what_a_statement_may_ask_for),
      TEST(open_untrusted_refuses_a_corrupt_file_before_the_first_request),
      TEST(open_fails_on_what_is_not_a_database),
      TEST(open_fails_on_a_directory),
      TEST(open_does_not_hang_on_a_fifo),
      TEST(open_with_options_that_can_never_be_right_is_refused),
      TEST(open_takes_shorter_and_longer_options),
      TEST(open_queue_options_that_can_never_be_right_are_refused),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
