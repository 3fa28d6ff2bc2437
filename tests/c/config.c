/* Limits, switches, checkpoints, extensions; and how a kind takes its arguments. */
#include "command.h"
#include "faults.h"

enum { LIMIT_SQL_LENGTH = 1, LIMIT_PARAMETERS = 9, SWITCH_FOREIGN_KEYS = 1002, SWITCH_EXTENSIONS = 1005,
       SWITCH_DEFENSIVE = 1010 };

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *folder;
static char path[4200];

static void begin_with(uint32_t flags, uint32_t journal) {
  sidelite_open_config config = open_config_new(flags);
  config.journal_mode = journal;
  config.busy_timeout_ms = 20;
  folder = scratch_new();
  snprintf(path, sizeof path, "%s/file.db", folder);
  queue = queue_new();
  conn = conn_open(queue, path, &config);
}

static void begin(void) { begin_with(0, SIDELITE_JOURNAL_DEFAULT); }

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(folder);
}

static void expect_failure(uint32_t kind, const sidelite_value *values, uint32_t n, int32_t code, const char *words) {
  reply r;
  CHECK_EQ(command(queue, conn, kind, values, n, &r), code);
  if (!strstr(message_of(&r), words)) fprintf(stderr, "kind %u: %s\n", kind, message_of(&r));
  CHECK(strstr(message_of(&r), words));
  reply_clear(&r);
}

static void arguments_by_position_and_by_name(void) {
  static const char *const names[] = {"value", "limit"}, *const unknown[] = {"limit", "colour"};
  sidelite_value values[] = {sidelite_int(50), sidelite_int(LIMIT_PARAMETERS), sidelite_int(1)};
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_LIMIT, NULL, &r);
  begin();
  request.values = values;
  request.ncols = 2;
  request.names = names;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 32766);
  CHECK_EQ(sidelite_column_index(r.result, "value"), 0);
  reply_clear(&r);
  CHECK_EQ(command_int(queue, conn, SIDELITE_LIMIT, values + 1, 1), 50);
  request.names = unknown;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message_of(&r), "there is no argument colour, but: limit, value"));
  reply_clear(&r);
  expect_failure(SIDELITE_LIMIT, values, 3, SIDELITE_ERR_MISUSE, "3 arguments were given, there are 2: limit, value");
  expect_failure(SIDELITE_LIMIT, NULL, 0, SIDELITE_ERR_MISUSE, "argument limit must be an INTEGER");
  end();
}

static void arguments_of_the_wrong_type_are_named(void) {
  const sidelite_value text = sidelite_text("text"), integer = sidelite_int(1), nul = sidelite_text_n("a\0b", 3);
  begin();
  expect_failure(SIDELITE_LIMIT, &text, 1, SIDELITE_ERR_MISUSE, "argument limit must be an INTEGER");
  expect_failure(SIDELITE_SCRIPT_FILE, &integer, 1, SIDELITE_ERR_MISUSE, "argument path must be a TEXT");
  expect_failure(SIDELITE_SCRIPT_FILE, &nul, 1, SIDELITE_ERR_MISUSE, "argument path must be a TEXT without NUL");
  expect_failure(SIDELITE_DESERIALIZE, &integer, 1, SIDELITE_ERR_MISUSE, "argument image must be a BLOB");
  expect_failure(SIDELITE_CHECKPOINT, &text, 1, SIDELITE_ERR_MISUSE, "argument mode must be an INTEGER");
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  end();
}

/* What can be seen without running it is refused at once. */
static void arguments_that_can_never_be_right_are_refused(void) {
  reply r = reply_new();
  sidelite_value values[] = {sidelite_int(1), sidelite_int(2)};
  sidelite_request request;
  begin();
  request = request_new(SIDELITE_STATUS, "SELECT 1", &r);
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request = request_new(SIDELITE_LIMIT, NULL, &r);
  request.values = values;
  request.ncols = 1;
  request.nrows = 2;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request = request_new(SIDELITE_STATUS, NULL, &r);
  request.flags = SIDELITE_MULTI;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request = request_new(SIDELITE_SET_LAST_INSERT_ROWID + 1, NULL, &r);
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_UNSUPPORTED);
  CHECK_EQ(r.events, 0);
  end();
}

static void limit_is_read_and_lowered(void) {
  sidelite_value limit[] = {sidelite_int(LIMIT_PARAMETERS), sidelite_int(2)};
  begin();
  CHECK_EQ(command_int(queue, conn, SIDELITE_LIMIT, limit, 1), 32766);
  CHECK_EQ(command_int(queue, conn, SIDELITE_LIMIT, limit, 2), 32766);
  CHECK_EQ(command_int(queue, conn, SIDELITE_LIMIT, limit, 1), 2);
  CHECK_EQ(exec(queue, conn, "SELECT ?3"), SQLITE_ERROR);
  limit[0] = sidelite_int(LIMIT_SQL_LENGTH);
  limit[1] = sidelite_int(30);
  CHECK_EQ(command_int(queue, conn, SIDELITE_LIMIT, limit, 2), 1000000000);
  CHECK_EQ(exec(queue, conn, "SELECT 1 /* far too long for this limit */"), SQLITE_TOOBIG);
  CHECK_EQ(fetch_int(queue, conn, "SELECT 1"), 1);
  limit[1] = sidelite_int(-2);
  expect_failure(SIDELITE_LIMIT, limit, 2, SIDELITE_ERR_MISUSE, "value must not be below 0");
  limit[0] = sidelite_int(99);
  expect_failure(SIDELITE_LIMIT, limit, 1, SIDELITE_ERR_MISUSE, "there is no limit 99");
  limit[0] = sidelite_int(INT64_MAX);
  expect_failure(SIDELITE_LIMIT, limit, 1, SIDELITE_ERR_MISUSE, "there is no limit");
  end();
}

static void db_config_reads_and_sets_switches(void) {
  sidelite_value option[] = {sidelite_int(SWITCH_FOREIGN_KEYS), sidelite_int(1)};
  begin();
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 1), 0);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 1);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE p(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE c(p REFERENCES p)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO c VALUES (1)"), SQLITE_CONSTRAINT_FOREIGNKEY);
  option[1] = sidelite_int(0);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 0);
  CHECK_EQ(exec(queue, conn, "INSERT INTO c VALUES (1)"), SIDELITE_OK);
  option[1] = sidelite_int(2);
  expect_failure(SIDELITE_DB_CONFIG, option, 2, SIDELITE_ERR_MISUSE, "argument value: 2 is none of 0 to 1");
  option[0] = sidelite_int(SWITCH_DEFENSIVE);
  option[1] = sidelite_int(1);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 1);
  CHECK_EQ(exec(queue, conn, "PRAGMA writable_schema = ON"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "DELETE FROM sqlite_schema"), SQLITE_ERROR);
  option[0] = sidelite_int(1001);
  expect_failure(SIDELITE_DB_CONFIG, option, 2, SIDELITE_ERR_MISUSE, "there is no switch 1001");
  option[0] = sidelite_int(99999);
  expect_failure(SIDELITE_DB_CONFIG, option, 2, SIDELITE_ERR_MISUSE, "there is no switch 99999");
  end();
}

static void checkpoint_without_a_log(void) {
  reply r;
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, sidelite_column_index(r.result, "log")), -1);
  CHECK_EQ(sidelite_row_int64(r.result, 0, sidelite_column_index(r.result, "checkpointed")), -1);
  reply_clear(&r);
  end();
}

static int64_t log_size(void) {
  char log[4300];
  struct stat status;
  snprintf(log, sizeof log, "%s-wal", path);
  return stat(log, &status) ? -1 : (int64_t)status.st_size;
}

static void checkpoint_copies_the_log_back(void) {
  sidelite_value args[] = {sidelite_int(SIDELITE_CHECKPOINT_PASSIVE), sidelite_text("main")};
  int64_t frames;
  int mode;
  begin_with(0, SIDELITE_JOURNAL_WAL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  for (mode = SIDELITE_CHECKPOINT_PASSIVE; mode <= SIDELITE_CHECKPOINT_TRUNCATE; mode++) {
    reply r;
    CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (randomblob(20000))"), SIDELITE_OK);
    args[0] = sidelite_int(mode);
    CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, args, 2, &r), SIDELITE_OK);
    frames = sidelite_row_int64(r.result, 0, 0);
    CHECK_EQ(sidelite_row_int64(r.result, 0, 1), frames);
    CHECK(mode == SIDELITE_CHECKPOINT_TRUNCATE ? frames == 0 : frames > 4);
    reply_clear(&r);
  }
  CHECK_EQ(log_size(), 0);
  args[0] = sidelite_int(4);
  expect_failure(SIDELITE_CHECKPOINT, args, 2, SIDELITE_ERR_MISUSE, "argument mode: 4 is none of 0 to 3");
  args[0] = sidelite_null();
  args[1] = sidelite_text("missing");
  expect_failure(SIDELITE_CHECKPOINT, args, 2, SQLITE_ERROR, "unknown database: missing");
  end();
}

static void checkpoint_that_others_are_in_the_way_of_is_busy(void) {
  sidelite_value mode = sidelite_int(SIDELITE_CHECKPOINT_RESTART);
  sidelite_conn *reader;
  begin_with(0, SIDELITE_JOURNAL_WAL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  reader = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, reader, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, reader, "SELECT count(*) FROM t"), 0);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  expect_failure(SIDELITE_CHECKPOINT, &mode, 1, SQLITE_BUSY, "locked");
  CHECK_EQ(exec(queue, reader, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, &mode, 1), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "BEGIN IMMEDIATE"), SIDELITE_OK);
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, &mode, 1), SQLITE_LOCKED);
  CHECK_EQ(exec(queue, conn, "COMMIT"), SIDELITE_OK);
  conn_close(queue, reader, SIDELITE_CLOSE_DRAIN);
  end();
}

/* Writes so much that the log has 40 pages and more, unless a checkpoint lets it begin anew. */
static int64_t log_after_writing(void) {
  sidelite_value truncate = sidelite_int(SIDELITE_CHECKPOINT_TRUNCATE);
  int i;
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, &truncate, 1), SIDELITE_OK);
  for (i = 0; i < 40; i++) CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  return log_size() / 4096;
}

static void autocheckpoint_keeps_the_log_short(void) {
  sidelite_value pages = sidelite_int(5), wrong = sidelite_int(-1);
  begin_with(0, SIDELITE_JOURNAL_WAL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK(log_after_writing() >= 40);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &pages, 1), SIDELITE_OK);
  CHECK(log_after_writing() < 10);
  pages = sidelite_int(0);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &pages, 1), SIDELITE_OK);
  CHECK(log_after_writing() >= 40);
  /* The PRAGMA has the last word, too. */
  CHECK_EQ(exec(queue, conn, "PRAGMA wal_autocheckpoint = 5"), SIDELITE_OK);
  CHECK(log_after_writing() < 10);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, NULL, 0), SIDELITE_OK);
  CHECK(log_after_writing() >= 40);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &wrong, 1), SIDELITE_ERR_MISUSE);
  end();
}

/* A shared library with the function `answer()`, compiled here. */
static const char *extension_new(void) {
  static const char source[] =
      "#include <sqlite3ext.h>\n"
      "SQLITE_EXTENSION_INIT1\n"
      "static void answer(sqlite3_context *c, int n, sqlite3_value **v) { (void)n; (void)v; sqlite3_result_int(c, 42); }\n"
      "int own_entry(sqlite3 *db, char **error, const sqlite3_api_routines *api) {\n"
      "  (void)error; SQLITE_EXTENSION_INIT2(api);\n"
      "  return sqlite3_create_function(db, \"answer\", 0, SQLITE_UTF8, 0, answer, 0, 0);\n"
      "}\n"
      "int sqlite3_answer_init(sqlite3 *db, char **e, const sqlite3_api_routines *api) { return own_entry(db, e, api); }\n"
      "int failing_entry(sqlite3 *db, char **error, const sqlite3_api_routines *api) {\n"
      "  (void)db; SQLITE_EXTENSION_INIT2(api);\n"
      "  *error = sqlite3_mprintf(\"not today\"); return SQLITE_ERROR;\n"
      "}\n";
  static char library[4300];
  char file[4300], compile[13000];
  FILE *f;
  snprintf(file, sizeof file, "%s/answer.c", folder);
  snprintf(library, sizeof library, "%s/answer.so", folder);
  f = fopen(file, "w");
  CHECK(f && fputs(source, f) >= 0 && fclose(f) == 0);
  snprintf(compile, sizeof compile, "cc -shared -fPIC -o '%s' '%s'", library, file);
  CHECK_EQ(system(compile), 0);
  return library;
}

static void extension_is_loaded_if_it_is_switched_on(void) {
  sidelite_value args[2];
  begin_with(SIDELITE_OPEN_EXTENSIONS, SIDELITE_JOURNAL_DEFAULT);
  args[0] = sidelite_text(extension_new());
  CHECK_EQ(exec(queue, conn, "SELECT answer()"), SQLITE_ERROR);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LOAD_EXTENSION, args, 1), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT answer()"), 42);
  args[1] = sidelite_text("own_entry");
  CHECK_EQ(command_code(queue, conn, SIDELITE_LOAD_EXTENSION, args, 2), SIDELITE_OK);
  args[1] = sidelite_text("failing_entry");
  expect_failure(SIDELITE_LOAD_EXTENSION, args, 2, SQLITE_ERROR, "not today");
  args[1] = sidelite_text("no_such_entry");
  expect_failure(SIDELITE_LOAD_EXTENSION, args, 2, SQLITE_ERROR, "no_such_entry");
  args[0] = sidelite_text("/no/such/library");
  expect_failure(SIDELITE_LOAD_EXTENSION, args, 1, SQLITE_ERROR, "/no/such/library");
  /* For C alone: SQL could be a stranger's. */
  CHECK_EQ(exec(queue, conn, "SELECT load_extension('x')"), SQLITE_ERROR);
  end();
}

static void extension_is_refused_if_it_is_switched_off(void) {
  sidelite_value args[1], option[] = {sidelite_int(SWITCH_EXTENSIONS), sidelite_int(1)};
  char sql[4400];
  begin();
  args[0] = sidelite_text(extension_new());
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 1), 0);
  expect_failure(SIDELITE_LOAD_EXTENSION, args, 1, SQLITE_ERROR, "switched off: open with SIDELITE_OPEN_EXTENSIONS");
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 1);
  snprintf(sql, sizeof sql, "SELECT load_extension('%s')", (const char *)args[0].as.data);
  CHECK_EQ(exec(queue, conn, sql), SQLITE_ERROR);
  option[1] = sidelite_int(2);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 1);
  CHECK_EQ(exec(queue, conn, sql), SIDELITE_OK);
  option[1] = sidelite_int(1);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 1);
  CHECK_EQ(exec(queue, conn, sql), SQLITE_ERROR);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LOAD_EXTENSION, args, 1), SIDELITE_OK);
  option[1] = sidelite_int(0);
  CHECK_EQ(command_int(queue, conn, SIDELITE_DB_CONFIG, option, 2), 0);
  CHECK_EQ(exec(queue, conn, sql), SQLITE_ERROR);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LOAD_EXTENSION, args, 1), SQLITE_ERROR);
  end();
}

static void set_last_insert_rowid(void) {
  sidelite_value rowid = sidelite_int(INT64_MIN);
  reply r;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_SET_LAST_INSERT_ROWID, &rowid, 1, &r), SIDELITE_OK);
  CHECK_EQ(r.last_insert_rowid, INT64_MIN);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT last_insert_rowid()"), INT64_MIN);
  CHECK_EQ(command_code(queue, conn, SIDELITE_SET_LAST_INSERT_ROWID, NULL, 0), SIDELITE_ERR_MISUSE);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(arguments_by_position_and_by_name),
                               TEST(arguments_of_the_wrong_type_are_named),
                               TEST(arguments_that_can_never_be_right_are_refused),
                               TEST(limit_is_read_and_lowered),
                               TEST(db_config_reads_and_sets_switches),
                               TEST(checkpoint_without_a_log),
                               TEST(checkpoint_copies_the_log_back),
                               TEST(checkpoint_that_others_are_in_the_way_of_is_busy),
                               TEST(autocheckpoint_keeps_the_log_short),
                               TEST(extension_is_loaded_if_it_is_switched_on),
                               TEST(extension_is_refused_if_it_is_switched_off),
                               TEST(set_last_insert_rowid),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
