/* Requests with arguments as such, and those that set the connection up: limits, switches, checkpoints, extensions. */
#include "command.h"
#include "faults.h"

enum { LIMIT_LENGTH = 0, LIMIT_SQL_LENGTH = 1, LIMIT_OPCODES = 5, LIMIT_PARAMETERS = 9 };
enum { SWITCH_FOREIGN_KEYS = 1002, SWITCH_EXTENSIONS = 1005, SWITCH_DEFENSIVE = 1010 };

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4096];

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void begin_file(uint32_t journal_mode) {
  sidelite_open_config config = open_config_new(0);
  config.journal_mode = journal_mode;
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  config.synchronous = SIDELITE_SYNC_OFF;
  directory = scratch_new();
  path_join(path, sizeof path, directory, "file");
  queue = queue_new();
  conn = conn_open(queue, path, &config);
}

static void end_file(void) {
  end();
  scratch_remove(directory);
}

static void expect_misuse(uint32_t kind, const sidelite_value *values, uint32_t n, const char *message) {
  reply r;
  CHECK_EQ(command(queue, conn, kind, values, n, &r), SIDELITE_ERR_MISUSE);
  if (!strstr(message_of(&r), message)) fprintf(stderr, "kind %u: %s\n", kind, message_of(&r));
  CHECK(strstr(message_of(&r), message));
  reply_clear(&r);
}

static int32_t named(uint32_t kind, const char *const *names, const sidelite_value *values, uint32_t n, reply *r) {
  sidelite_request request = request_new(kind, NULL, r);
  *r = reply_new();
  request.names = names;
  request.values = values;
  request.ncols = n;
  return run_request(queue, conn, &request, r);
}

/* What a kind with a number and perhaps a value answers. */
static int64_t set(uint32_t kind, int64_t number, int64_t value) {
  sidelite_value args[2] = {sidelite_int(number), sidelite_int(value)};
  return command_int(queue, conn, kind, args, 2);
}

static int64_t get(uint32_t kind, int64_t number) {
  sidelite_value arg = sidelite_int(number);
  return command_int(queue, conn, kind, &arg, 1);
}

static void arguments_by_position_or_by_name(void) {
  static const char *const names[] = {"value", "limit"};
  static const char *const prefixed[] = {"$value", ":limit"};
  sidelite_value args[2] = {sidelite_int(50), sidelite_int(LIMIT_PARAMETERS)};
  sidelite_value rowid = sidelite_int(77);
  static const char *const rowid_name[] = {"@rowid"};
  reply r;
  begin();
  CHECK(set(SIDELITE_LIMIT, LIMIT_PARAMETERS, 40) > 50);
  CHECK_EQ(named(SIDELITE_LIMIT, names, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 40);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "value"));
  CHECK_EQ(r.result->nrows, 1);
  reply_clear(&r);
  args[0] = sidelite_null(); /* as if it were missing */
  CHECK_EQ(named(SIDELITE_LIMIT, prefixed, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 50);
  reply_clear(&r);
  CHECK_EQ(named(SIDELITE_LIMIT, prefixed + 1, args + 1, 1, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 50);
  reply_clear(&r);
  CHECK_EQ(named(SIDELITE_SET_LAST_INSERT_ROWID, rowid_name, &rowid, 1, &r), SIDELITE_OK);
  CHECK_EQ(r.last_insert_rowid, 77);
  reply_clear(&r);
  end();
}

static void arguments_that_are_wrong_are_told(void) {
  static const char *const unknown[] = {"limit", "vlaue"};
  static const char *const no_name[] = {"limit", NULL};
  static const char *const no_utf8[] = {"limit", "\xff"};
  sidelite_value args[3] = {sidelite_int(LIMIT_PARAMETERS), sidelite_int(1), sidelite_int(1)};
  sidelite_request request;
  reply r;
  begin();
  CHECK_EQ(named(SIDELITE_LIMIT, unknown, args, 2, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr(message_of(&r), "no argument vlaue"));
  CHECK(strstr(message_of(&r), "limit, value"));
  reply_clear(&r);
  request = request_new(SIDELITE_LIMIT, NULL, NULL);
  request.values = args;
  request.ncols = 2;
  request.names = no_name;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  request.names = no_utf8;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_TEXT);
  expect_misuse(SIDELITE_LIMIT, args, 3, "3 arguments were given, there are 2: limit, value");
  expect_misuse(SIDELITE_LIMIT, NULL, 0, "argument limit must be an INTEGER");
  args[0] = sidelite_text("9");
  expect_misuse(SIDELITE_LIMIT, args, 1, "argument limit must be an INTEGER");
  args[0] = sidelite_int(LIMIT_PARAMETERS);
  args[1] = sidelite_real(5);
  expect_misuse(SIDELITE_LIMIT, args, 2, "argument value must be an INTEGER");
  args[1] = sidelite_zeroblob(5);
  expect_misuse(SIDELITE_LIMIT, args, 2, "argument value must be an INTEGER");
  args[0] = sidelite_int(0);
  args[1] = sidelite_int(1);
  expect_misuse(SIDELITE_CHECKPOINT, args, 2, "argument schema must be a TEXT");
  args[1] = sidelite_text_n("ma\0in", 5);
  expect_misuse(SIDELITE_CHECKPOINT, args, 2, "argument schema must be a TEXT without NUL");
  args[1] = sidelite_blob("main", 4);
  expect_misuse(SIDELITE_CHECKPOINT, args, 2, "argument schema must be a TEXT");
  expect_misuse(SIDELITE_SET_LAST_INSERT_ROWID, NULL, 0, "argument rowid must be an INTEGER");
  expect_misuse(SIDELITE_LOAD_EXTENSION, NULL, 0, "argument path must be a TEXT");
  expect_misuse(SIDELITE_DESERIALIZE, NULL, 0, "argument image must be a BLOB");
  end();
}

static void arguments_of_kinds_without_are_refused(void) {
  sidelite_value arg = sidelite_int(1);
  begin();
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  expect_misuse(SIDELITE_COMMIT, &arg, 1, "it takes none");
  expect_misuse(SIDELITE_ROLLBACK, &arg, 1, "it takes none");
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(command_code(queue, conn, SIDELITE_COMMIT, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  end();
}

/* Every kind with arguments but those named: what has no meaning for it is refused, not ignored. */
static void contract_1_requests_that_make_no_sense_are_refused_at_once(void) {
  static const uint32_t senseless[] = {SIDELITE_MULTI, SIDELITE_COMMIT_FIRST};
  sidelite_value args[2] = {sidelite_int(1), sidelite_int(1)};
  uint32_t kind;
  size_t i;
  begin();
  for (kind = SIDELITE_LEASE; kind <= SIDELITE_SET_LAST_INSERT_ROWID; kind++) {
    sidelite_request request = request_new(kind, kind == SIDELITE_DESCRIBE ? "SELECT 1" : NULL, NULL);
    for (i = 0; i < COUNT_OF(senseless); i++) {
      request.flags = senseless[i];
      if (kind == SIDELITE_SCRIPT_FILE && senseless[i] == SIDELITE_COMMIT_FIRST) continue;
      CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
    }
    request.flags = 1u << 31;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_UNSUPPORTED);
    request.flags = 0;
    request.values = args;
    request.ncols = 1;
    request.nrows = 2;
    if (kind != SIDELITE_AUTHORIZE && kind != SIDELITE_SESSION_OPEN)
      CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
    request.nrows = 1;
    request.values = NULL;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
    request.values = args;
    request.sql = kind == SIDELITE_DESCRIBE ? NULL : "SELECT 1";
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
    request.sql = request.sql ? NULL : "SELECT 1";
    request.flags = SIDELITE_ATOMIC;
    if (kind == SIDELITE_BLOB_WRITE || kind == SIDELITE_CHANGESET_APPLY || kind == SIDELITE_SET_LAST_INSERT_ROWID) continue;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  }
  {
    sidelite_request request = request_new(SIDELITE_SET_LAST_INSERT_ROWID + 1, NULL, NULL);
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_UNSUPPORTED);
    request.kind = 0;
    CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_UNSUPPORTED);
  }
  CHECK_EQ(stats_of(conn).outstanding, 0);
  end();
}

/* Values that are left with the host. */
static void arguments_may_be_static(void) {
  static sidelite_value args[2];
  sidelite_request request;
  reply r = reply_new();
  begin();
  args[0] = sidelite_int(SWITCH_FOREIGN_KEYS);
  args[1] = sidelite_int(1);
  request = request_new(SIDELITE_DB_CONFIG, NULL, &r);
  request.flags = SIDELITE_STATIC;
  request.values = args;
  request.ncols = 2;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  reply_clear(&r);
  end();
}

static int32_t select_with(const char *sql, reply *r) {
  return fetch(queue, conn, sql, r);
}

static void limit_is_in_force_for_the_next_statement(void) {
  int64_t before;
  reply r;
  begin();
  before = get(SIDELITE_LIMIT, LIMIT_PARAMETERS);
  CHECK(before >= 32766);
  CHECK_EQ(set(SIDELITE_LIMIT, LIMIT_PARAMETERS, 2), before);
  CHECK_EQ(get(SIDELITE_LIMIT, LIMIT_PARAMETERS), 2);
  CHECK_EQ(select_with("SELECT ?3", &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "variable number must be between ?1 and ?2"));
  reply_clear(&r);
  CHECK_EQ(select_with("SELECT :a, :b, :c", &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "too many SQL variables"));
  reply_clear(&r);
  CHECK_EQ(set(SIDELITE_LIMIT, LIMIT_PARAMETERS, INT64_MAX), 2); /* as much as SQLite was built for */
  CHECK_EQ(get(SIDELITE_LIMIT, LIMIT_PARAMETERS), before);
  CHECK_EQ(set(SIDELITE_LIMIT, LIMIT_PARAMETERS, 0), before);
  CHECK_EQ(exec(queue, conn, "SELECT ?"), SQLITE_ERROR);
  end();
}

/* A statement that is kept was prepared under the old limit. */
static void limit_holds_for_statements_that_are_kept(void) {
  static const char *const sql = "SELECT 1 /* and a good deal of text */";
  int64_t before;
  reply r;
  begin();
  CHECK_EQ(exec(queue, conn, sql), SIDELITE_OK);
  before = set(SIDELITE_LIMIT, LIMIT_SQL_LENGTH, 20);
  CHECK(before > 20);
  CHECK_EQ(select_with(sql, &r), SQLITE_TOOBIG);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(set(SIDELITE_LIMIT, LIMIT_SQL_LENGTH, before), 20);
  CHECK_EQ(exec(queue, conn, sql), SIDELITE_OK);
  end();
}

static void limit_holds_for_values(void) {
  sidelite_value text = sidelite_text("one hundred and more bytes are what this text is long, which is more than a "
                                      "value may have from now on, as it was said");
  reply r = reply_new();
  begin();
  CHECK(set(SIDELITE_LIMIT, LIMIT_LENGTH, 50) > 50);
  CHECK(sidelite_fetch(conn, "SELECT ?", &text, 1, on_reply, &r) > 0);
  EXPECT(queue, &r, SQLITE_TOOBIG);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "SELECT zeroblob(51)"), SQLITE_TOOBIG);
  end();
}

/* What a lease has not committed is rolled back, though no statement can be prepared any more. */
static void limit_does_not_reach_what_must_be_run(void) {
  static const int64_t limits[] = {LIMIT_SQL_LENGTH, LIMIT_OPCODES};
  sidelite_value mode = sidelite_int(SIDELITE_BEGIN_IMMEDIATE), args[2];
  int64_t before;
  size_t i;
  begin();
  for (i = 0; i < COUNT_OF(limits); i++) {
    reply lease, r = reply_new();
    sidelite_request request = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &r);
    CHECK_EQ(command(queue, conn, SIDELITE_LEASE, &mode, 1, &lease), SIDELITE_OK);
    request.lane = lease.id;
    CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
    reply_clear(&r);
    args[0] = sidelite_int(limits[i]);
    args[1] = sidelite_int(1);
    CHECK(submit_command(conn, SIDELITE_LIMIT, lease.id, args, 2, &r) > 0);
    EXPECT(queue, &r, SIDELITE_OK);
    before = sidelite_row_int64(r.result, 0, 0);
    reply_clear(&r);
    CHECK(submit_command(conn, SIDELITE_RELEASE, lease.id, NULL, 0, &r) > 0);
    EXPECT(queue, &r, SIDELITE_OK);
    CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
    reply_clear(&r);
    reply_clear(&lease);
    CHECK(exec(queue, conn, "SELECT count(*) FROM t") != SIDELITE_OK);
    CHECK_EQ(set(SIDELITE_LIMIT, limits[i], before), 1);
    CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  }
  end();
}

static void limit_that_is_none_is_misuse(void) {
  static const int64_t numbers[] = {99, -1, INT64_MAX, INT64_MIN, INT64_C(1) << 32};
  sidelite_value args[2] = {sidelite_int(LIMIT_PARAMETERS), sidelite_int(-1)};
  size_t i;
  begin();
  expect_misuse(SIDELITE_LIMIT, args, 2, "argument value must not be below 0");
  for (i = 0; i < COUNT_OF(numbers); i++) {
    args[0] = sidelite_int(numbers[i]);
    expect_misuse(SIDELITE_LIMIT, args, 1, "there is no limit");
    args[1] = sidelite_int(5);
    expect_misuse(SIDELITE_LIMIT, args, 2, "there is no limit");
  }
  end();
}

static void switch_of_foreign_keys_is_in_force(void) {
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE child(p REFERENCES parent)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE parent(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_FOREIGN_KEYS), 0);
  CHECK_EQ(exec(queue, conn, "INSERT INTO child VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_FOREIGN_KEYS, 1), 1);
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_FOREIGN_KEYS), 1);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA foreign_keys"), 1);
  CHECK_EQ(exec(queue, conn, "INSERT INTO child VALUES (1)"), SQLITE_CONSTRAINT_FOREIGNKEY);
  CHECK_EQ(exec(queue, conn, "PRAGMA foreign_keys = OFF"), SIDELITE_OK);
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_FOREIGN_KEYS), 0);
  CHECK_EQ(exec(queue, conn, "INSERT INTO child VALUES (1)"), SIDELITE_OK);
  end();
}

static void switch_to_the_defensive_mode_is_in_force(void) {
  static const char *const change = "UPDATE sqlite_master SET sql = 'CREATE TABLE t(y)' WHERE name = 't'";
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA writable_schema = ON"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, change), SIDELITE_OK);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_DEFENSIVE, 1), 1);
  CHECK_EQ(exec(queue, conn, change), SQLITE_ERROR);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_DEFENSIVE, 0), 0);
  CHECK_EQ(exec(queue, conn, change), SIDELITE_OK);
  end();
}

static void switch_that_is_none_is_misuse(void) {
  static const int64_t options[] = {0, 1000, 1001, 1023, 9999, -1, INT64_MAX, INT64_MIN, (INT64_C(1) << 32) + 1002};
  sidelite_value args[2];
  size_t i;
  begin();
  for (i = 0; i < COUNT_OF(options); i++) {
    args[0] = sidelite_int(options[i]);
    args[1] = sidelite_int(1);
    expect_misuse(SIDELITE_DB_CONFIG, args, 1, "there is no switch");
    expect_misuse(SIDELITE_DB_CONFIG, args, 2, "there is no switch");
  }
  args[0] = sidelite_int(SWITCH_FOREIGN_KEYS);
  args[1] = sidelite_int(2);
  expect_misuse(SIDELITE_DB_CONFIG, args, 2, "argument value: 2 is none of 0 to 1");
  args[1] = sidelite_int(-1);
  expect_misuse(SIDELITE_DB_CONFIG, args, 2, "argument value: -1 is none of 0 to 1");
  args[0] = sidelite_int(SWITCH_EXTENSIONS);
  args[1] = sidelite_int(3);
  expect_misuse(SIDELITE_DB_CONFIG, args, 2, "argument value: 3 is none of 0 to 2");
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_FOREIGN_KEYS), 0);
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS), 0);
  end();
}

static void expect_checkpoint(int64_t mode, int64_t log, int64_t checkpointed) {
  sidelite_value arg = sidelite_int(mode);
  reply r;
  int32_t code = command(queue, conn, SIDELITE_CHECKPOINT, &arg, 1, &r);
  if (code) fprintf(stderr, "checkpoint %d: %s\n", (int)mode, message_of(&r));
  CHECK_EQ(code, SIDELITE_OK);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "log"));
  CHECK(!strcmp(sidelite_column_name(r.result, 1), "checkpointed"));
  CHECK_EQ(r.result->nrows, 1);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), log);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), checkpointed);
  reply_clear(&r);
}

static off_t log_size(void) {
  char log[4200];
  snprintf(log, sizeof log, "%s-wal", path);
  return file_size(log);
}

/* A file with a table in its log: two frames. */
static void begin_log(void) {
  sidelite_value never = sidelite_int(0);
  begin_file(SIDELITE_JOURNAL_WAL);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &never, 1), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
}

static void insert(int times) {
  while (times--) CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
}

static void checkpoint_without_a_log(void) {
  begin();
  expect_checkpoint(SIDELITE_CHECKPOINT_PASSIVE, -1, -1);
  expect_checkpoint(SIDELITE_CHECKPOINT_TRUNCATE, -1, -1);
  end();
  begin_file(SIDELITE_JOURNAL_DELETE);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  expect_checkpoint(SIDELITE_CHECKPOINT_RESTART, -1, -1);
  end_file();
}

static void checkpoint_copies_the_log_back(void) {
  off_t before;
  begin_log();
  insert(1);
  before = log_size();
  CHECK(before > 0);
  expect_checkpoint(SIDELITE_CHECKPOINT_PASSIVE, 3, 3);
  expect_checkpoint(SIDELITE_CHECKPOINT_FULL, 3, 3);
  insert(1); /* and begins the log anew */
  CHECK_EQ(log_size(), before);
  expect_checkpoint(SIDELITE_CHECKPOINT_FULL, 1, 1);
  insert(2);
  expect_checkpoint(SIDELITE_CHECKPOINT_RESTART, 2, 2);
  CHECK_EQ(log_size(), before);
  insert(1);
  expect_checkpoint(SIDELITE_CHECKPOINT_TRUNCATE, 0, 0);
  CHECK_EQ(log_size(), 0);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 5);
  end_file();
}

static void checkpoint_of_one_schema(void) {
  sidelite_value args[2] = {sidelite_int(SIDELITE_CHECKPOINT_TRUNCATE), sidelite_text("nope")};
  char other[4096];
  reply r;
  begin_log();
  path_join(other, sizeof other, directory, "other");
  args[1] = sidelite_text(other);
  r = reply_new();
  CHECK(sidelite_execute(conn, "ATTACH ? AS other", args + 1, 1, on_reply, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "PRAGMA other.journal_mode = WAL"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE other.u(x)"), SIDELITE_OK);
  insert(1);
  args[1] = sidelite_text("other");
  CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 0);
  reply_clear(&r);
  CHECK(log_size() > 0); /* that of "main" */
  args[1] = sidelite_text("main");
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, args, 2), SIDELITE_OK);
  CHECK_EQ(log_size(), 0);
  args[1] = sidelite_text("temp");
  CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), -1);
  reply_clear(&r);
  args[1] = sidelite_text("nope");
  CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, args, 2, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "unknown database: nope"));
  reply_clear(&r);
  end_file();
}

static void checkpoint_mode_that_is_none_is_misuse(void) {
  sidelite_value mode = sidelite_int(4);
  begin();
  expect_misuse(SIDELITE_CHECKPOINT, &mode, 1, "argument mode: 4 is none of 0 to 3");
  mode = sidelite_int(-1);
  expect_misuse(SIDELITE_CHECKPOINT, &mode, 1, "argument mode: -1 is none of 0 to 3");
  end();
}

static void checkpoint_inside_of_a_transaction_is_locked(void) {
  static const char *const begins[] = {"BEGIN IMMEDIATE", "BEGIN; SELECT * FROM t"};
  reply r, paused = reply_new();
  size_t i;
  begin_log();
  insert(4);
  for (i = 0; i < COUNT_OF(begins); i++) {
    r = reply_new();
    CHECK(sidelite_script(conn, begins[i], on_reply, &r) > 0);
    EXPECT(queue, &r, SIDELITE_OK);
    CHECK_EQ(command(queue, conn, SIDELITE_CHECKPOINT, NULL, 0, &r), SQLITE_LOCKED);
    CHECK(r.flags & SIDELITE_EVENT_IN_TRANSACTION);
    CHECK_EQ(r.flags & SIDELITE_EVENT_ROLLED_BACK, 0);
    reply_clear(&r);
    CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (2)"), SIDELITE_OK);
    CHECK_EQ(exec(queue, conn, "COMMIT"), SIDELITE_OK);
  }
  CHECK(sidelite_stream(conn, "SELECT * FROM t", NULL, 0, 1, on_reply, &paused) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, NULL, 0), SQLITE_LOCKED);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  reply_clear(&paused);
  expect_checkpoint(SIDELITE_CHECKPOINT_PASSIVE, 8, 8);
  CHECK_EQ(ask_int(path, "SELECT sum(x) FROM t"), 8);
  end_file();
}

/* Another connection that reads what the log is about to lose. */
static sidelite_conn *reader_new(void) {
  sidelite_conn *reader = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, reader, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, reader, "SELECT count(*) FROM t"), 1);
  return reader;
}

static void checkpoint_that_others_are_in_the_way_of_is_busy(void) {
  sidelite_value mode = sidelite_int(SIDELITE_CHECKPOINT_RESTART);
  sidelite_conn *reader;
  begin_log();
  insert(1);
  reader = reader_new();
  insert(1);
  expect_checkpoint(SIDELITE_CHECKPOINT_PASSIVE, 4, 3); /* what it could */
  CHECK_EQ(command_code(queue, conn, SIDELITE_CHECKPOINT, &mode, 1), SQLITE_BUSY);
  CHECK_EQ(exec(queue, reader, "COMMIT"), SIDELITE_OK);
  expect_checkpoint(SIDELITE_CHECKPOINT_RESTART, 4, 4);
  conn_close(queue, reader, SIDELITE_CLOSE_DRAIN);
  end_file();
}

static void contract_12_checkpoint_that_waits_is_ended(void) {
  sidelite_value mode = sidelite_int(SIDELITE_CHECKPOINT_TRUNCATE);
  sidelite_request request;
  reply r = reply_new(), closed = reply_new();
  sidelite_conn *reader;
  int64_t id;
  begin_log();
  insert(1);
  reader = reader_new();
  insert(1);
  CHECK_EQ(exec(queue, conn, "PRAGMA busy_timeout = 60000"), SIDELITE_OK);
  id = submit_command(conn, SIDELITE_CHECKPOINT, 0, &mode, 1, &r);
  sleep_ms(10);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  request = request_new(SIDELITE_CHECKPOINT, NULL, &r);
  request.values = &mode;
  request.ncols = 1;
  request.timeout_ms = 20;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_ERR_TIMEOUT);
  reply_clear(&r);
  insert(1);
  CHECK(submit_command(conn, SIDELITE_CHECKPOINT, 0, &mode, 1, &r) > 0);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_CANCEL, on_reply, &closed), SIDELITE_OK);
  EXPECT(queue, &closed, SIDELITE_OK);
  CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  conn = reader;
  end_file();
}

static int64_t frames(void) {
  return command_int(queue, conn, SIDELITE_CHECKPOINT, NULL, 0);
}

static void autocheckpoint_never(void) {
  begin_log();
  insert(1100); /* more than by default */
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), 0);
  CHECK(frames() > 1100);
  end_file();
}

static void autocheckpoint_by_default(void) {
  begin_log();
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, NULL, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), 1000);
  insert(1100);
  CHECK(frames() < 1000);
  end_file();
}

static void autocheckpoint_after_a_few_pages(void) {
  sidelite_value pages = sidelite_int(5);
  begin_log();
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &pages, 1), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), 5);
  insert(20);
  CHECK(frames() <= 5);
  CHECK(log_size() < 8 * 4200);
  end_file();
}

static void autocheckpoint_and_its_pragma_agree(void) {
  static const int32_t wrong[] = {-1, INT32_MIN};
  sidelite_value pages;
  size_t i;
  begin_log();
  CHECK_EQ(exec(queue, conn, "PRAGMA wal_autocheckpoint = 5"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), 5);
  insert(20);
  CHECK(frames() <= 5);
  CHECK_EQ(fetch_int(queue, conn, "/* off */ PRAGMA main.WAL_AutoCheckpoint(-3)"), 0);
  insert(20);
  CHECK(frames() >= 20);
  pages = sidelite_int(INT32_MAX);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &pages, 1), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), INT32_MAX);
  for (i = 0; i < COUNT_OF(wrong); i++) {
    pages = sidelite_int(wrong[i]);
    expect_misuse(SIDELITE_AUTOCHECKPOINT, &pages, 1, "argument pages");
  }
  pages = sidelite_int(INT64_C(1) << 31);
  expect_misuse(SIDELITE_AUTOCHECKPOINT, &pages, 1, "argument pages");
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA wal_autocheckpoint"), INT32_MAX);
  end_file();
}

/* It is one connection's, and needs no others to be asked: a reader leaves it to the next commit. */
static void autocheckpoint_gives_way_to_readers(void) {
  sidelite_value pages = sidelite_int(3);
  sidelite_conn *reader;
  begin_log();
  insert(1);
  reader = reader_new();
  CHECK_EQ(fetch_int(queue, reader, "PRAGMA wal_autocheckpoint"), 1000);
  CHECK_EQ(command_code(queue, conn, SIDELITE_AUTOCHECKPOINT, &pages, 1), SIDELITE_OK);
  insert(20);
  CHECK(frames() >= 20);
  CHECK_EQ(exec(queue, reader, "COMMIT"), SIDELITE_OK);
  conn_close(queue, reader, SIDELITE_CLOSE_DRAIN);
  insert(5);
  CHECK(frames() < 20);
  end_file();
}

/* The extension of these tests: tiny() is 42; another entry point has tiny2(), and one has no luck. */
static const char extension_source[] =
    "#include <sqlite3ext.h>\n"
    "SQLITE_EXTENSION_INIT1\n"
    "static void tiny(sqlite3_context *c, int n, sqlite3_value **v) { (void)n; (void)v; sqlite3_result_int(c, 42); }\n"
    "int sqlite3_tiny_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {\n"
    "  SQLITE_EXTENSION_INIT2(api);\n"
    "  (void)message;\n"
    "  return sqlite3_create_function(db, \"tiny\", 0, SQLITE_UTF8, 0, tiny, 0, 0);\n"
    "}\n"
    "int another(sqlite3 *db, char **message, const sqlite3_api_routines *api) {\n"
    "  SQLITE_EXTENSION_INIT2(api);\n"
    "  (void)message;\n"
    "  return sqlite3_create_function(db, \"tiny2\", 0, SQLITE_UTF8, 0, tiny, 0, 0);\n"
    "}\n"
    "int unlucky(sqlite3 *db, char **message, const sqlite3_api_routines *api) {\n"
    "  SQLITE_EXTENSION_INIT2(api);\n"
    "  (void)db;\n"
    "  *message = sqlite3_mprintf(\"no luck today\");\n"
    "  return SQLITE_ERROR;\n"
    "}\n";

/* Opens with the flags, and leaves the extension's path in `path`. */
static void begin_extension(uint32_t flags) {
  sidelite_open_config config = open_config_new(flags);
  char source[4096], compile[12400];
  FILE *file;
  directory = scratch_new();
  path_join(path, sizeof path, directory, "tiny.so");
  path_join(source, sizeof source, directory, "tiny.c");
  CHECK((file = fopen(source, "w")) != NULL);
  CHECK(fputs(extension_source, file) >= 0);
  CHECK_EQ(fclose(file), 0);
  snprintf(compile, sizeof compile, "cc -shared -fPIC -o '%s' '%s'", path, source);
  CHECK_EQ(system(compile), 0);
  queue = queue_new();
  conn = conn_open(queue, ":memory:", &config);
}

static int32_t load(const char *file, const char *entry, reply *r) {
  sidelite_value args[2] = {sidelite_text(file), sidelite_text(entry)};
  return command(queue, conn, SIDELITE_LOAD_EXTENSION, args, 2, r);
}

static int32_t load_by_sql(void) {
  sidelite_value file = sidelite_text(path);
  reply r = reply_new();
  int32_t code;
  CHECK(sidelite_fetch(conn, "SELECT load_extension(?)", &file, 1, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  if (code) CHECK(strstr(message_of(&r), "not authorized"));
  reply_clear(&r);
  return code;
}

static void extension_is_loaded(void) {
  reply r;
  begin_extension(SIDELITE_OPEN_EXTENSIONS);
  CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS), 1);
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  CHECK_EQ(load(path, NULL, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT tiny()"), 42);
  CHECK_EQ(exec(queue, conn, "SELECT tiny2()"), SQLITE_ERROR);
  CHECK_EQ(load(path, "another", &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT tiny2()"), 42);
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  path[strlen(path) - 3] = 0; /* SQLite finds it without its ".so", too */
  CHECK_EQ(load(path, NULL, &r), SIDELITE_OK);
  reply_clear(&r);
  end_file();
}

static void extension_that_fails_tells_why(void) {
  char missing[4096];
  reply r;
  begin_extension(SIDELITE_OPEN_EXTENSIONS);
  CHECK_EQ(load(path, "nope", &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "nope"));
  CHECK(strstr(message_of(&r), path));
  reply_clear(&r);
  CHECK_EQ(load(path, "unlucky", &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "no luck today"));
  reply_clear(&r);
  path_join(missing, sizeof missing, directory, "missing");
  CHECK_EQ(load(missing, NULL, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), missing));
  reply_clear(&r);
  CHECK_EQ(load(directory, NULL, &r), SQLITE_ERROR);
  reply_clear(&r);
  CHECK_EQ(load("", NULL, &r), SQLITE_ERROR);
  reply_clear(&r);
  path_join(missing, sizeof missing, directory, "tiny.c"); /* no library */
  CHECK_EQ(load(missing, NULL, &r), SQLITE_ERROR);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "SELECT tiny()"), SQLITE_ERROR);
  end_file();
}

static void extension_is_refused_while_switched_off(void) {
  static const uint32_t flags[] = {0, SIDELITE_OPEN_HARDENED, SIDELITE_OPEN_UNTRUSTED};
  reply r;
  size_t i;
  for (i = 0; i < COUNT_OF(flags); i++) {
    begin_extension(flags[i]);
    CHECK_EQ(get(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS), 0);
    CHECK_EQ(load(path, NULL, &r), SQLITE_ERROR);
    CHECK(strstr(message_of(&r), "SIDELITE_OPEN_EXTENSIONS"));
    reply_clear(&r);
    CHECK_EQ(load_by_sql(), SQLITE_ERROR);
    CHECK_EQ(exec(queue, conn, "SELECT tiny()"), SQLITE_ERROR);
    end_file();
  }
}

static void extension_switch_is_set_at_any_time(void) {
  reply r;
  begin_extension(0);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 1), 1);
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  CHECK_EQ(load(path, "another", &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 0), 0);
  CHECK_EQ(load(path, NULL, &r), SQLITE_ERROR);
  reply_clear(&r);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 2), 1);
  CHECK_EQ(load_by_sql(), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT tiny() + tiny2()"), 84);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 1), 1); /* SQL's is off again */
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  CHECK_EQ(load(path, NULL, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 2), 1);
  CHECK_EQ(set(SIDELITE_DB_CONFIG, SWITCH_EXTENSIONS, 0), 0);
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  CHECK_EQ(load(path, NULL, &r), SQLITE_ERROR);
  reply_clear(&r);
  end_file();
}

/* What a HARDENED connection does not trust a schema with is none of what the host loads itself. */
static void extension_on_a_hardened_connection(void) {
  reply r;
  begin_extension(SIDELITE_OPEN_EXTENSIONS | SIDELITE_OPEN_HARDENED);
  CHECK_EQ(load(path, NULL, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT tiny()"), 42);
  CHECK_EQ(load_by_sql(), SQLITE_ERROR);
  end_file();
}

static void last_insert_rowid_is_set(void) {
  sidelite_value rowid = sidelite_int(INT64_MIN);
  reply r;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_SET_LAST_INSERT_ROWID, &rowid, 1, &r), SIDELITE_OK);
  CHECK_EQ(r.last_insert_rowid, INT64_MIN);
  CHECK_EQ(r.changes, 0);
  reply_clear(&r);
  CHECK(fetch_int(queue, conn, "SELECT last_insert_rowid()") == INT64_MIN);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT last_insert_rowid()"), 1);
  end();
}

/* In an ATOMIC array, between an INSERT and who asks. */
static void last_insert_rowid_is_set_within_an_array(void) {
  sidelite_request requests[3];
  sidelite_value rowid = sidelite_int(99);
  reply r[3];
  int i;
  begin();
  for (i = 0; i < 3; i++) r[i] = reply_new();
  requests[0] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &r[0]);
  requests[0].flags = SIDELITE_ATOMIC;
  requests[1] = request_new(SIDELITE_SET_LAST_INSERT_ROWID, NULL, &r[1]);
  requests[1].values = &rowid;
  requests[1].ncols = 1;
  requests[2] = request_new(SIDELITE_FETCH, "SELECT last_insert_rowid()", &r[2]);
  CHECK(sidelite_submit(conn, requests, 3) > 0);
  EXPECT(queue, &r[0], SIDELITE_OK);
  EXPECT(queue, &r[1], SIDELITE_OK);
  EXPECT(queue, &r[2], SIDELITE_OK);
  CHECK_EQ(r[0].last_insert_rowid, 1);
  CHECK_EQ(r[1].last_insert_rowid, 99);
  CHECK_EQ(sidelite_row_int64(r[2].result, 0, 0), 99);
  for (i = 0; i < 3; i++) reply_clear(&r[i]);
  end();
}

/* Triggers and cascades count, too, and what was rolled back. */
static void total_changes_are_told_by_stat(void) {
  begin();
  CHECK_EQ(stats_of(conn).total_changes, 0);
  CHECK_EQ(exec(queue, conn, "CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET x = x + 1; END"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(stats_of(conn).total_changes, 2);
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "DELETE FROM t"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "ROLLBACK"), SIDELITE_OK);
  CHECK_EQ(stats_of(conn).total_changes, 3);
  CHECK_EQ(fetch_int(queue, conn, "SELECT total_changes()"), 3);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(arguments_by_position_or_by_name),
                               TEST(arguments_that_are_wrong_are_told),
                               TEST(arguments_of_kinds_without_are_refused),
                               TEST(contract_1_requests_that_make_no_sense_are_refused_at_once),
                               TEST(arguments_may_be_static),
                               TEST(limit_is_in_force_for_the_next_statement),
                               TEST(limit_holds_for_statements_that_are_kept),
                               TEST(limit_holds_for_values),
                               TEST(limit_does_not_reach_what_must_be_run),
                               TEST(limit_that_is_none_is_misuse),
                               TEST(switch_of_foreign_keys_is_in_force),
                               TEST(switch_to_the_defensive_mode_is_in_force),
                               TEST(switch_that_is_none_is_misuse),
                               TEST(checkpoint_without_a_log),
                               TEST(checkpoint_copies_the_log_back),
                               TEST(checkpoint_of_one_schema),
                               TEST(checkpoint_mode_that_is_none_is_misuse),
                               TEST(checkpoint_inside_of_a_transaction_is_locked),
                               TEST(checkpoint_that_others_are_in_the_way_of_is_busy),
                               TEST(contract_12_checkpoint_that_waits_is_ended),
                               TEST(autocheckpoint_never),
                               TEST(autocheckpoint_by_default),
                               TEST(autocheckpoint_after_a_few_pages),
                               TEST(autocheckpoint_and_its_pragma_agree),
                               TEST(autocheckpoint_gives_way_to_readers),
                               TEST(extension_is_loaded),
                               TEST(extension_that_fails_tells_why),
                               TEST(extension_is_refused_while_switched_off),
                               TEST(extension_switch_is_set_at_any_time),
                               TEST(extension_on_a_hardened_connection),
                               TEST(last_insert_rowid_is_set),
                               TEST(last_insert_rowid_is_set_within_an_array),
                               TEST(total_changes_are_told_by_stat),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
