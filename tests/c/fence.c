/* Contract 10: the rollback fence. Each test queues a whole transaction before its first statement runs. */
#include "faults.h"

#define E SIDELITE_EXECUTE
#define INSERT(id) "INSERT INTO t VALUES (" #id ")"
/* The quickest way to lose a transaction: row 1 is there, and the conflict rolls back everything. */
#define ROLL_BACK "INSERT OR ROLLBACK INTO t VALUES (1)"
#define LOSES_ALL {E, ROLL_BACK, SQLITE_CONSTRAINT_PRIMARYKEY, ROLLED_BACK}
#define BEGINS {E, "BEGIN", 0, IN_TRANSACTION}
#define FENCED(kind, sql) {kind, sql, SIDELITE_ERR_ABORTED, NOT_RUN}
#define RUNS(sql) {E, sql, 0, 0}
#define RUNS_INSIDE(sql) {E, sql, 0, IN_TRANSACTION}

/* Long enough to be caught running, and short enough to spare the disk when it is not. */
#define LONG_WRITE "INSERT INTO long_write " COUNT_TO("20000000")

static sidelite_queue *queue;
static sidelite_conn *conn;

/* A database in memory with row 1 in table t. */
static void begin_memory(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, INSERT(1)), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* The rows of t, as "1,2,3". */
static void check_rows(const char *expected) {
  reply r;
  const char *rows;
  CHECK_EQ(fetch(queue, conn, "SELECT ifnull(group_concat(id), '') FROM (SELECT id FROM t ORDER BY id)", &r), 0);
  rows = sidelite_row_text(r.result, 0, 0);
  if (strcmp(rows, expected)) fprintf(stderr, "rows are %s, expected %s\n", rows, expected);
  CHECK(!strcmp(rows, expected));
  reply_clear(&r);
}

#define RUN_STEPS(steps) steps_run(queue, conn, steps, COUNT_OF(steps))

static void contract_10_rollback_fence_after_an_error(void) {
  const step steps[] = {BEGINS,
                        RUNS_INSIDE(INSERT(2)),
                        LOSES_ALL,
                        FENCED(E, INSERT(3)),
                        FENCED(SIDELITE_FETCH, "SELECT * FROM t"),
                        FENCED(SIDELITE_STREAM, "SELECT * FROM t"),
                        FENCED(SIDELITE_SCRIPT, INSERT(4)),
                        FENCED(E, "COMMIT"),
                        RUNS(INSERT(5))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,5");
  end();
}

static void contract_10_rollback_fence_ends_with_commit_end_or_rollback(void) {
  const char *ends[] = {"COMMIT",
                        "commit transaction",
                        "END",
                        "End Transaction;",
                        "ROLLBACK",
                        "ROLLBACK TRANSACTION",
                        "  \n\t COMMIT",
                        "-- all of it\nCOMMIT",
                        "/* all of it; */ /**/ COMMIT -- now",
                        ";COMMIT"};
  begin_memory();
  for (size_t i = 0; i < COUNT_OF(ends); i++) {
    const step steps[] = {BEGINS, LOSES_ALL, FENCED(E, ends[i]), RUNS(INSERT(2)), RUNS("DELETE FROM t WHERE id = 2")};
    RUN_STEPS(steps);
  }
  end();
}

static void contract_10_rollback_fence_passes_what_only_looks_like_its_end(void) {
  const char *others[] = {"ROLLBACK TO a",
                          "ROLLBACK TRANSACTION TO SAVEPOINT a",
                          "ROLLBACK /* not all of it */ TO a",
                          "RELEASE a",
                          "SELECT 'COMMIT'",
                          "-- COMMIT\nSELECT 1",
                          "/* END; */ SELECT 1",
                          "EXPLAIN COMMIT",
                          "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END"};
  begin_memory();
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    const step steps[] = {BEGINS,
                          RUNS_INSIDE("SAVEPOINT a"),
                          LOSES_ALL,
                          FENCED(E, others[i]),
                          FENCED(SIDELITE_SCRIPT, others[i]),
                          FENCED(E, INSERT(2)),
                          FENCED(E, "COMMIT"),
                          RUNS(INSERT(3)),
                          RUNS("DELETE FROM t WHERE id = 3")};
    RUN_STEPS(steps);
    check_rows("1");
  }
  end();
}

/* The text of a savepoint from its beginning to its release is a transaction of its own, which loses only itself. */
static void contract_10_rollback_fence_not_raised_by_a_script_that_releases_its_savepoint(void) {
  const step steps[] = {
      {SIDELITE_SCRIPT, "SAVEPOINT a; " INSERT(2) ";" ROLL_BACK "; RELEASE a", SQLITE_CONSTRAINT_PRIMARYKEY, 0},
      RUNS(INSERT(3))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,3");
  end();
}

static void contract_10_rollback_fence_ends_inside_a_script(void) {
  const step steps[] = {BEGINS, LOSES_ALL,
                        FENCED(SIDELITE_SCRIPT, INSERT(2) "; SELECT ';COMMIT'; COMMIT; " INSERT(3)),
                        RUNS(INSERT(4))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,4");
  end();
}

/* The script would have ended the lost transaction and begun the next: a BEGIN that did not run has failed. */
static void contract_10_rollback_fence_goes_on_where_a_script_begins_again(void) {
  const step steps[] = {BEGINS,
                        LOSES_ALL,
                        FENCED(SIDELITE_SCRIPT, "COMMIT; BEGIN; " INSERT(2)),
                        FENCED(E, INSERT(3)),
                        FENCED(E, "COMMIT"),
                        RUNS(INSERT(4))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,4");
  end();
}

/* A script that begins a transaction and loses it before its own text ends it. */
static void contract_10_rollback_fence_after_a_script_that_began_and_lost(void) {
  const step steps[] = {
      {SIDELITE_SCRIPT, INSERT(2) "; BEGIN; " INSERT(3) ";" ROLL_BACK, SQLITE_CONSTRAINT_PRIMARYKEY, 0},
      FENCED(E, INSERT(4)),
      FENCED(E, "COMMIT"),
      RUNS(INSERT(5))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,2,5");
  end();
}

/* A script that holds its transaction from BEGIN to COMMIT loses only itself. */
static void contract_10_rollback_fence_not_raised_by_a_script_with_its_own_end(void) {
  const step steps[] = {
      {SIDELITE_SCRIPT, "BEGIN; " INSERT(2) ";" ROLL_BACK "; COMMIT", SQLITE_CONSTRAINT_PRIMARYKEY, 0},
      RUNS(INSERT(3)),
      BEGINS,
      RUNS_INSIDE(INSERT(4)),
      {SIDELITE_SCRIPT, ROLL_BACK "; " INSERT(5) "; COMMIT; " INSERT(6), SQLITE_CONSTRAINT_PRIMARYKEY, ROLLED_BACK},
      RUNS(INSERT(7))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,3,7");
  end();
}

/* What was committed was not rolled back: the error that came after belongs to the script alone. */
static void contract_10_rollback_fence_not_raised_by_a_script_that_fails_behind_its_commit(void) {
  const step steps[] = {BEGINS,
                        RUNS_INSIDE(INSERT(2)),
                        {SIDELITE_SCRIPT, INSERT(3) "; COMMIT; " ROLL_BACK, SQLITE_CONSTRAINT_PRIMARYKEY, 0},
                        RUNS(INSERT(4))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,2,3,4");
  end();
}

/* A whole transaction in one text, taken out of the queue. */
static void contract_10_rollback_fence_not_raised_by_a_cancelled_script_with_its_own_end(void) {
  const step steps[] = {{SIDELITE_SCRIPT, "BEGIN; " INSERT(2) "; COMMIT", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        RUNS(INSERT(3))};
  reply replies[2];
  gate g;
  begin_memory();
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_cancel(conn, steps_submit(conn, steps, 2, replies, 0)), SIDELITE_OK);
  gate_open(&g);
  steps_check(queue, steps, 2, replies);
  gate_remove(&g, queue);
  check_rows("1,3");
  end();
}

static void contract_10_rollback_fence_after_a_writing_stream(void) {
  const step steps[] = {
      BEGINS,
      {SIDELITE_STREAM, ROLL_BACK " RETURNING id", SQLITE_CONSTRAINT_PRIMARYKEY, ROLLED_BACK},
      FENCED(E, INSERT(2)),
      FENCED(E, "COMMIT"),
      RUNS(INSERT(3))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,3");
  end();
}

static void contract_10_rollback_fence_spares_the_next_transaction(void) {
  const step steps[] = {BEGINS,
                        LOSES_ALL,
                        FENCED(E, "COMMIT"),
                        BEGINS,
                        RUNS_INSIDE(INSERT(2)),
                        RUNS("COMMIT"),
                        BEGINS,
                        RUNS_INSIDE(INSERT(3)),
                        LOSES_ALL,
                        FENCED(E, INSERT(4)),
                        FENCED(E, "ROLLBACK"),
                        RUNS(INSERT(5))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,2,5");
  end();
}

/* Nothing that was queued ends the transaction: everything queued is fenced, and nothing that comes later. */
static void contract_10_rollback_fence_spares_what_is_submitted_after_its_event(void) {
  const step before[] = {BEGINS, LOSES_ALL, FENCED(E, INSERT(2)), FENCED(E, INSERT(3))};
  const step after[] = {RUNS(INSERT(4)), {E, "COMMIT", SQLITE_ERROR, 0}};
  begin_memory();
  RUN_STEPS(before);
  RUN_STEPS(after);
  check_rows("1,4");
  end();
}

static void contract_10_rollback_fence_not_raised_where_the_transaction_stays(void) {
  const step steps[] = {BEGINS,
                        RUNS_INSIDE(INSERT(2)),
                        {E, INSERT(1), SQLITE_CONSTRAINT_PRIMARYKEY, IN_TRANSACTION},
                        {E, "no such statement", SQLITE_ERROR, IN_TRANSACTION},
                        RUNS_INSIDE(INSERT(3)),
                        RUNS("COMMIT"),
                        {E, ROLL_BACK, SQLITE_CONSTRAINT_PRIMARYKEY, 0},
                        RUNS(INSERT(4))};
  begin_memory();
  RUN_STEPS(steps);
  check_rows("1,2,3,4");
  end();
}

/* The second of three rows loses the transaction: the third must not run outside it. */
static void contract_10_rollback_fence_between_the_rows_of_one_request(void) {
  sidelite_value ids[] = {sidelite_int(2), sidelite_int(1), sidelite_int(3)};
  reply replies[4];
  const step steps[] = {BEGINS, LOSES_ALL, FENCED(E, "COMMIT"), RUNS(INSERT(4))};
  sidelite_request requests[4];
  begin_memory();
  for (size_t i = 0; i < 4; i++) {
    replies[i] = reply_new();
    requests[i] = request_new(E, steps[i].sql, &replies[i]);
  }
  requests[1].sql = "INSERT OR ROLLBACK INTO t VALUES (?)";
  requests[1].values = ids;
  requests[1].ncols = 1;
  requests[1].nrows = 3;
  CHECK(sidelite_submit(conn, requests, 4) > 0);
  steps_check(queue, steps, 4, replies);
  check_rows("1,4");
  end();
}

/* Holds the connection while three arrays are queued, the middle one ATOMIC, then checks them all. */
static void run_around_an_array(const step *before, const step *array, const step *after, size_t n) {
  reply replies[3][STEPS_MAX];
  gate g;
  gate_shut(&g, conn);
  (void)steps_submit(conn, before, n, replies[0], 0);
  (void)steps_submit(conn, array, n, replies[1], SIDELITE_ATOMIC);
  (void)steps_submit(conn, after, n, replies[2], 0);
  gate_open(&g);
  steps_check(queue, before, n, replies[0]);
  steps_check(queue, array, n, replies[1]);
  steps_check(queue, after, n, replies[2]);
  gate_remove(&g, queue);
}

static void contract_10_rollback_fence_after_an_array_that_loses_the_transaction(void) {
  const step before[] = {BEGINS, RUNS_INSIDE(INSERT(2)), RUNS_INSIDE(INSERT(3))};
  const step array[] = {{E, INSERT(4), SIDELITE_ERR_ABORTED, 0}, LOSES_ALL, FENCED(E, INSERT(5))};
  const step after[] = {FENCED(E, INSERT(6)), FENCED(E, "COMMIT"), RUNS(INSERT(7))};
  begin_memory();
  run_around_an_array(before, array, after, 3);
  check_rows("1,7");
  end();
}

static void contract_10_rollback_fence_not_raised_by_an_array_that_undoes_itself(void) {
  const step before[] = {BEGINS, RUNS_INSIDE(INSERT(2)), RUNS_INSIDE(INSERT(3))};
  const step array[] = {{E, INSERT(4), SIDELITE_ERR_ABORTED, IN_TRANSACTION},
                        {E, INSERT(1), SQLITE_CONSTRAINT_PRIMARYKEY, IN_TRANSACTION},
                        {E, INSERT(5), SIDELITE_ERR_ABORTED, NOT_RUN | IN_TRANSACTION}};
  const step after[] = {RUNS_INSIDE(INSERT(6)), RUNS("COMMIT"), RUNS(INSERT(7))};
  begin_memory();
  run_around_an_array(before, array, after, 3);
  check_rows("1,2,3,6,7");
  end();
}

/* An array that opens a savepoint in its own transaction, and fails, leaves nothing open that others belong to. */
static void contract_10_rollback_fence_not_raised_by_an_array_with_a_savepoint(void) {
  const step before[] = {RUNS("SELECT 1"), RUNS("SELECT 1"), RUNS("SELECT 1")};
  const step array[] = {{E, "SAVEPOINT a", SIDELITE_ERR_ABORTED, 0},
                        {E, INSERT(1), SQLITE_CONSTRAINT_PRIMARYKEY, 0},
                        FENCED(E, INSERT(2))};
  const step after[] = {RUNS(INSERT(3)), RUNS(INSERT(4)), RUNS(INSERT(5))};
  begin_memory();
  run_around_an_array(before, array, after, 3);
  check_rows("1,3,4,5");
  end();
}

/* A file in WAL mode with tables t and long_write; its cache is so small that a running write shows in the -wal. */
static char path[4200], wal[4210];
static const char *directory;

static sidelite_conn *open_file(int32_t busy_timeout_ms) {
  const char *const pragmas[] = {"cache_size=10"};
  sidelite_open_config config = open_config_new(0);
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  config.synchronous = SIDELITE_SYNC_OFF;
  config.busy_timeout_ms = busy_timeout_ms;
  config.pragmas = pragmas;
  config.pragma_count = 1;
  return conn_open(queue, path, &config);
}

static void begin_file(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "fence.db");
  path_join(wal, sizeof wal, directory, "fence.db-wal");
  queue = queue_new();
  conn = open_file(SIDELITE_NO_WAIT);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE long_write(id INTEGER)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, INSERT(1)), SIDELITE_OK);
}

static void end_file(void) {
  end();
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  scratch_remove(directory);
}

static void contract_10_rollback_fence_after_a_begin_that_is_busy(void) {
  const step steps[] = {{E, "BEGIN IMMEDIATE", SQLITE_BUSY, 0}, FENCED(E, INSERT(2)), FENCED(E, "COMMIT"),
                        RUNS("SELECT * FROM t")};
  sidelite_conn *other;
  begin_file();
  other = open_file(0);
  CHECK_EQ(exec(queue, other, "BEGIN IMMEDIATE"), SIDELITE_OK);
  RUN_STEPS(steps);
  CHECK_EQ(exec(queue, other, "COMMIT"), SIDELITE_OK);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  check_rows("1");
  end_file();
}

/* A BEGIN taken out of the queue leaves its transaction without a beginning: the rest of it must not run alone. */
static void contract_10_rollback_fence_after_a_begin_that_is_cancelled_or_late(void) {
  const step cancelled[] = {{E, "BEGIN", SIDELITE_ERR_CANCELLED, NOT_RUN}, FENCED(E, INSERT(2)), FENCED(E, "COMMIT"),
                            RUNS(INSERT(3))};
  const step late[] = {FENCED(E, INSERT(4)), FENCED(E, "COMMIT"), RUNS(INSERT(5))};
  const step begin = {E, "BEGIN", SIDELITE_ERR_TIMEOUT, NOT_RUN};
  reply replies[4], timed_out = reply_new();
  gate g;
  begin_memory();
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_cancel(conn, steps_submit(conn, cancelled, 4, replies, 0)), SIDELITE_OK);
  gate_open(&g);
  steps_check(queue, cancelled, 4, replies);
  gate_remove(&g, queue);

  gate_shut(&g, conn);
  (void)submit_with_timeout(conn, begin.kind, begin.sql, 1, &timed_out);
  (void)steps_submit(conn, late, 3, replies, 0);
  sleep_ms(20);
  gate_open(&g);
  steps_check(queue, &begin, 1, &timed_out);
  steps_check(queue, late, 3, replies);
  gate_remove(&g, queue);
  check_rows("1,3,5");
  end();
}

/* Who has withdrawn a BEGIN knows it, and submits the rest without it. */
static void contract_10_rollback_fence_after_a_begin_that_is_withdrawn_ends_with_what_was_submitted(void) {
  const step before[] = {{E, "BEGIN", SIDELITE_ERR_CANCELLED, NOT_RUN}, FENCED(E, INSERT(2))};
  const step after[] = {RUNS(INSERT(3)), RUNS(INSERT(4))};
  reply uninformed[2], informed[2];
  gate g;
  begin_memory();
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_withdraw(conn, steps_submit(conn, before, 2, uninformed, 0)), 1);
  (void)steps_submit(conn, after, 2, informed, 0);
  gate_open(&g);
  steps_check(queue, before, 2, uninformed);
  steps_check(queue, after, 2, informed);
  gate_remove(&g, queue);
  check_rows("1,3,4");
  end();
}

static void contract_10_rollback_fence_after_cancel_of_a_running_write(void) {
  const step steps[] = {{E, "BEGIN IMMEDIATE", 0, IN_TRANSACTION},
                        RUNS_INSIDE(INSERT(2)),
                        {E, LONG_WRITE, SIDELITE_ERR_CANCELLED, ROLLED_BACK},
                        FENCED(E, INSERT(3)),
                        FENCED(E, "COMMIT"),
                        RUNS(INSERT(4))};
  reply replies[STEPS_MAX];
  off_t quiet;
  int64_t id;
  begin_file();
  quiet = file_size(wal);
  id = steps_submit(conn, steps, COUNT_OF(steps), replies, 0);
  WAIT_UNTIL(file_size(wal) > quiet + 65536);
  CHECK_EQ(sidelite_cancel(conn, id + 2), SIDELITE_OK);
  steps_check(queue, steps, COUNT_OF(steps), replies);
  check_rows("1,4");
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM long_write"), 0);
  end_file();
}

static void contract_10_rollback_fence_after_timeout_of_a_running_write(void) {
  const step begin[] = {{E, "BEGIN IMMEDIATE", 0, IN_TRANSACTION}, RUNS_INSIDE(INSERT(2))};
  const step write = {E, LONG_WRITE, SIDELITE_ERR_TIMEOUT, ROLLED_BACK};
  const step rest[] = {FENCED(E, INSERT(3)), FENCED(E, "COMMIT"), RUNS(INSERT(4))};
  reply begun[2], written = reply_new(), ended[3];
  begin_file();
  (void)steps_submit(conn, begin, 2, begun, 0);
  (void)submit_with_timeout(conn, write.kind, write.sql, 300, &written);
  (void)steps_submit(conn, rest, 3, ended, 0);
  steps_check(queue, begin, 2, begun);
  steps_check(queue, &write, 1, &written);
  steps_check(queue, rest, 3, ended);
  check_rows("1,4");
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM long_write"), 0);
  end_file();
}

/* Aborting a statement that only reads undoes nothing, so the transaction goes on. */
static void contract_10_rollback_fence_not_raised_by_a_cancelled_read(void) {
  const step before[] = {BEGINS, RUNS_INSIDE(INSERT(2))};
  const step read = {E, ENDLESS, SIDELITE_ERR_CANCELLED, IN_TRANSACTION};
  const step after[] = {RUNS_INSIDE(INSERT(3)), RUNS("COMMIT")};
  reply reading = reply_new(), ended[2];
  int64_t id;
  begin_memory();
  RUN_STEPS(before);
  id = execute_until_it_runs(queue, conn, read.sql, &reading);
  (void)steps_submit(conn, after, 2, ended, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  steps_check(queue, &read, 1, &reading);
  steps_check(queue, after, 2, ended);
  check_rows("1,2,3");
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_10_rollback_fence_after_an_error),
      TEST(contract_10_rollback_fence_ends_with_commit_end_or_rollback),
      TEST(contract_10_rollback_fence_passes_what_only_looks_like_its_end),
      TEST(contract_10_rollback_fence_not_raised_by_a_script_that_releases_its_savepoint),
      TEST(contract_10_rollback_fence_ends_inside_a_script),
      TEST(contract_10_rollback_fence_goes_on_where_a_script_begins_again),
      TEST(contract_10_rollback_fence_after_a_script_that_began_and_lost),
      TEST(contract_10_rollback_fence_not_raised_by_a_script_with_its_own_end),
      TEST(contract_10_rollback_fence_not_raised_by_a_script_that_fails_behind_its_commit),
      TEST(contract_10_rollback_fence_not_raised_by_a_cancelled_script_with_its_own_end),
      TEST(contract_10_rollback_fence_after_a_writing_stream),
      TEST(contract_10_rollback_fence_spares_the_next_transaction),
      TEST(contract_10_rollback_fence_spares_what_is_submitted_after_its_event),
      TEST(contract_10_rollback_fence_not_raised_where_the_transaction_stays),
      TEST(contract_10_rollback_fence_between_the_rows_of_one_request),
      TEST(contract_10_rollback_fence_after_an_array_that_loses_the_transaction),
      TEST(contract_10_rollback_fence_not_raised_by_an_array_that_undoes_itself),
      TEST(contract_10_rollback_fence_not_raised_by_an_array_with_a_savepoint),
      TEST(contract_10_rollback_fence_after_a_begin_that_is_busy),
      TEST(contract_10_rollback_fence_after_a_begin_that_is_cancelled_or_late),
      TEST(contract_10_rollback_fence_after_a_begin_that_is_withdrawn_ends_with_what_was_submitted),
      TEST(contract_10_rollback_fence_after_cancel_of_a_running_write),
      TEST(contract_10_rollback_fence_after_timeout_of_a_running_write),
      TEST(contract_10_rollback_fence_not_raised_by_a_cancelled_read),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
