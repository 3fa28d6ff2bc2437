/* Transactions that begin by themselves, as Python's sqlite3 has them, and the state that every final event tells. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(uint32_t isolation) {
  sidelite_open_config config = open_config_new(0);
  config.isolation = isolation;
  queue = queue_new();
  conn = conn_open(queue, ":memory:", &config);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* The transaction state after one request of any kind that must succeed. */
static uint32_t state_after(uint32_t kind, const char *sql) {
  sidelite_request request = request_new(kind, sql, NULL);
  reply r = reply_new();
  uint32_t flags;
  request.callback = on_reply;
  request.user_data = &r;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  flags = r.flags & (SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING | SIDELITE_EVENT_WRITING);
  reply_clear(&r);
  return flags;
}

static uint32_t state_after_sql(const char *sql) { return state_after(SIDELITE_EXECUTE, sql); }

static int is_open_after(const char *sql) { return (state_after_sql(sql) & SIDELITE_EVENT_IN_TRANSACTION) != 0; }

static void set_isolation(uint32_t isolation) {
  sidelite_value mode = sidelite_int(isolation);
  CHECK_EQ(command_code(queue, conn, SIDELITE_ISOLATION, &mode, 1), SIDELITE_OK);
}

static void final_event_tells_the_transaction_state(void) {
  begin(SIDELITE_BEGIN_NONE);
  CHECK_EQ(state_after_sql("CREATE TABLE t(x)"), 0);
  CHECK_EQ(state_after_sql("BEGIN"), SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(state_after_sql("SELECT * FROM t"), SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING);
  CHECK_EQ(state_after_sql("INSERT INTO t VALUES (1)"), SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING);
  CHECK_EQ(state_after(SIDELITE_COMMIT, NULL), 0);
  CHECK_EQ(state_after_sql("BEGIN IMMEDIATE"), SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING);
  CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), 0);
  CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), 0);
  CHECK_EQ(state_after(SIDELITE_COMMIT, NULL), 0);
  end();
}

/* Python's table of what begins a transaction. */
static void isolation_begins_before_the_four_words_alone(void) {
  static const struct {
    const char *sql;
    int begins;
  } cases[] = {{"INSERT INTO t VALUES (1)", 1},
               {"-- a comment\n/* and one */ insert INTO t VALUES (1)", 1},
               {"REPLACE INTO t VALUES (1)", 1},
               {"UPDATE t SET x = 1", 1},
               {"DELETE FROM t", 1},
               {"INSERT INTO t VALUES (1) RETURNING x", 1},
               {"WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n", 0},
               {"SELECT * FROM t", 0},
               {"PRAGMA user_version", 0},
               {"EXPLAIN INSERT INTO t VALUES (1)", 0},
               {"VACUUM", 0},
               {"ANALYZE", 0},
               {"CREATE TABLE u(x)", 0},
               {"ALTER TABLE u ADD COLUMN y", 0},
               {"DROP TABLE u", 0},
               {"SAVEPOINT a", 1},
               {"BEGIN EXCLUSIVE", 1}};
  static const uint32_t modes[] = {SIDELITE_BEGIN_DEFERRED, SIDELITE_BEGIN_IMMEDIATE, SIDELITE_BEGIN_EXCLUSIVE};
  size_t i, m;
  for (m = 0; m < 3; m++) {
    begin(modes[m]);
    CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
      if (is_open_after(cases[i].sql) != cases[i].begins) fprintf(stderr, "%s\n", cases[i].sql);
      CHECK_EQ(is_open_after("SELECT 1"), cases[i].begins);
      CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), 0);
    }
    end();
  }
}

/* executemany begins once, and its rows stand or fall with the transaction. */
static void isolation_begins_once_for_many_rows(void) {
  sidelite_value values[3];
  sidelite_request request = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?)", NULL);
  reply r = reply_new();
  begin(SIDELITE_BEGIN_DEFERRED);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
  values[0] = values[1] = values[2] = sidelite_int(1);
  request.values = values;
  request.ncols = 1;
  request.nrows = 3;
  request.callback = on_reply;
  request.user_data = &r;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.changes, 3);
  CHECK(r.flags & SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

static void isolation_commits_before_a_script(void) {
  const char *script = "SELECT 1; CREATE TABLE u(x)";
  begin(SIDELITE_BEGIN_DEFERRED);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (1)"), 1);
  CHECK_EQ(state_after(SIDELITE_SCRIPT, script), 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  /* In the script itself none begins: it says where it wants one. */
  CHECK_EQ(state_after(SIDELITE_SCRIPT, "INSERT INTO t VALUES (2)"), 0);
  CHECK(state_after(SIDELITE_SCRIPT, "BEGIN; INSERT INTO t VALUES (3)") & SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), 0);
  set_isolation(SIDELITE_BEGIN_NONE);
  CHECK_EQ(is_open_after("BEGIN"), 1);
  CHECK(state_after(SIDELITE_SCRIPT, "SELECT 1") & SIDELITE_EVENT_IN_TRANSACTION);
  end();
}

static void script_commits_first_when_it_is_told_to(void) {
  sidelite_request request = request_new(SIDELITE_SCRIPT, "INSERT INTO t VALUES (2)", NULL);
  reply r = reply_new();
  begin(SIDELITE_BEGIN_NONE);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
  CHECK_EQ(is_open_after("BEGIN"), 1);
  request.flags = SIDELITE_COMMIT_FIRST;
  request.callback = on_reply;
  request.user_data = &r;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  request.kind = SIDELITE_EXECUTE;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_MISUSE);
  end();
}

/* isolation_level = None commits at once. */
static void isolation_of_none_commits_what_is_open(void) {
  begin(SIDELITE_BEGIN_IMMEDIATE);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (1)"), 1);
  set_isolation(SIDELITE_BEGIN_EXCLUSIVE);
  CHECK_EQ(is_open_after("SELECT 1"), 1);
  set_isolation(SIDELITE_BEGIN_NONE);
  CHECK_EQ(is_open_after("SELECT 1"), 0);
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (2)"), 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 2);
  end();
}

/* autocommit=False: a transaction is open at any time. */
static void isolation_of_always_has_a_transaction_open_at_any_time(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_open_config config = open_config_new(0);
  reply opened = reply_new();
  path_join(path, sizeof path, directory, "always.db");
  config.isolation = SIDELITE_BEGIN_ALWAYS;
  queue = queue_new();
  CHECK_EQ(sidelite_open(queue, path, &config, on_reply, &opened, &conn), SIDELITE_OK);
  EXPECT(queue, &opened, SIDELITE_OK);
  CHECK_EQ(opened.flags & SIDELITE_EVENT_IN_TRANSACTION, SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 1);
  ask_expecting(path, "SELECT count(*) FROM sqlite_master", "0");
  CHECK_EQ(state_after(SIDELITE_COMMIT, NULL), SIDELITE_EVENT_IN_TRANSACTION);
  ask_expecting(path, "SELECT count(*) FROM sqlite_master", "1");
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (1)"), 1);
  CHECK_EQ(state_after(SIDELITE_ROLLBACK, NULL), SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  CHECK_EQ(state_after(SIDELITE_SCRIPT, "INSERT INTO t VALUES (2)"),
           SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING);
  set_isolation(SIDELITE_BEGIN_NONE); /* commits */
  ask_expecting(path, "SELECT x FROM t", "2");
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (3)"), 0);
  set_isolation(SIDELITE_BEGIN_ALWAYS); /* begins */
  CHECK_EQ(is_open_after("INSERT INTO t VALUES (4)"), 1);
  end(); /* rolls back */
  ask_expecting(path, "SELECT group_concat(x) FROM t", "2,3");
  scratch_remove(directory);
}

/* A lease takes the place of the transaction that is always open, if nothing has happened in it. */
static void isolation_of_always_lets_a_lease_in(void) {
  sidelite_value mode = sidelite_int(SIDELITE_BEGIN_IMMEDIATE);
  sidelite_request request;
  reply r = reply_new(), inside = reply_new();
  int64_t lane;
  begin(SIDELITE_BEGIN_ALWAYS);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 1);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LEASE, &mode, 1), SQLITE_ERROR);
  CHECK_EQ(state_after(SIDELITE_COMMIT, NULL), SIDELITE_EVENT_IN_TRANSACTION);
  lane = submit_command(conn, SIDELITE_LEASE, 0, &mode, 1, &r);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK(r.flags & SIDELITE_EVENT_WRITING);
  request = request_new(SIDELITE_COMMIT, NULL, &inside);
  request.lane = lane;
  CHECK_EQ(run_request(queue, conn, &request, &inside), SIDELITE_OK);
  CHECK_EQ(is_open_after("SELECT 1"), 1);
  end();
}

static void isolation_that_is_none_of_them_is_refused(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_value mode = sidelite_int(5);
  begin(SIDELITE_BEGIN_NONE);
  CHECK_EQ(command_code(queue, conn, SIDELITE_ISOLATION, &mode, 1), SIDELITE_ERR_MISUSE);
  mode = sidelite_text("DEFERRED");
  CHECK_EQ(command_code(queue, conn, SIDELITE_ISOLATION, &mode, 1), SIDELITE_ERR_MISUSE);
  {
    sidelite_conn *none;
    config.isolation = 5;
    CHECK_EQ(sidelite_open(queue, ":memory:", &config, NULL, NULL, &none), SIDELITE_ERR_MISUSE);
  }
  end();
}

/* The fence: what fails rolls back, and what was queued for it does not run on its own. */
static void contract_10_fence_holds_with_transactions_that_begin_by_themselves(void) {
  reply full = reply_new(), behind = reply_new(), commit = reply_new(), after = reply_new();
  sidelite_request request = request_new(SIDELITE_COMMIT, NULL, &commit);
  gate g;
  begin(SIDELITE_BEGIN_DEFERRED);
  CHECK_EQ(is_open_after("CREATE TABLE t(x)"), 0);
  CHECK_EQ(is_open_after("PRAGMA max_page_count = 5"), 0);
  CHECK_EQ(is_open_after("INSERT INTO t VALUES ('lost')"), 1);
  gate_shut(&g, conn);
  execute(conn, "INSERT OR ROLLBACK INTO t VALUES (zeroblob(1000000))", &full);
  execute(conn, "INSERT INTO t VALUES ('stray')", &behind);
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  execute(conn, "SELECT 1", &after);
  gate_open(&g);
  gate_remove(&g, queue);
  EXPECT(queue, &full, SQLITE_FULL);
  EXPECT(queue, &behind, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &commit, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &after, SIDELITE_OK);
  reply_clear(&full);
  reply_clear(&behind);
  reply_clear(&commit);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

/* Interrupt: everything that has begun, and nothing else. */
static void interrupt_hits_what_runs_and_not_what_is_queued(void) {
  reply endless = reply_new(), streamed = reply_new(), queued = reply_new();
  sidelite_request stream = request_new(SIDELITE_STREAM, COUNT_TO("100"), &streamed);
  begin(SIDELITE_BEGIN_NONE);
  CHECK_EQ(sidelite_cancel(conn, SIDELITE_RUNNING), SIDELITE_OK);
  CHECK_EQ(is_open_after("SELECT 1"), 0);
  stream.chunk_rows = 1;
  CHECK(sidelite_submit(conn, &stream, 1) > 0);
  TURN_UNTIL(queue, streamed.events == 2);
  execute_until_it_runs(queue, conn, ENDLESS, &endless);
  execute(conn, "SELECT 1", &queued);
  CHECK_EQ(sidelite_cancel(conn, SIDELITE_RUNNING), SIDELITE_OK);
  EXPECT(queue, &endless, SQLITE_INTERRUPT);
  EXPECT(queue, &streamed, SQLITE_INTERRUPT);
  EXPECT(queue, &queued, SIDELITE_OK);
  CHECK(!strcmp(message_of(&endless), "interrupted"));
  reply_clear(&endless);
  reply_clear(&streamed);
  end();
}

static void interrupt_ends_a_wait_for_a_lock(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_conn *locker;
  reply waiting = reply_new();
  path_join(path, sizeof path, directory, "lock.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
  locker = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, locker, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  execute(conn, "CREATE TABLE t(x)", &waiting);
  sleep_ms(10);
  while (!waiting.finals) {
    CHECK_EQ(sidelite_cancel(conn, SIDELITE_RUNNING), SIDELITE_OK);
    (void)turn(queue, 20);
  }
  EXPECT(queue, &waiting, SQLITE_INTERRUPT);
  reply_clear(&waiting);
  conn_close(queue, locker, SIDELITE_CLOSE_DRAIN);
  end();
  scratch_remove(directory);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(final_event_tells_the_transaction_state),
                               TEST(isolation_begins_before_the_four_words_alone),
                               TEST(isolation_begins_once_for_many_rows),
                               TEST(isolation_commits_before_a_script),
                               TEST(script_commits_first_when_it_is_told_to),
                               TEST(isolation_of_none_commits_what_is_open),
                               TEST(isolation_of_always_has_a_transaction_open_at_any_time),
                               TEST(isolation_of_always_lets_a_lease_in),
                               TEST(isolation_that_is_none_of_them_is_refused),
                               TEST(contract_10_fence_holds_with_transactions_that_begin_by_themselves),
                               TEST(interrupt_hits_what_runs_and_not_what_is_queued),
                               TEST(interrupt_ends_a_wait_for_a_lock),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
