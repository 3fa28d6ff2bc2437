/* Backup and restore: copies of a database, to files and to other connections. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4096], copy[4096];

#define FILL "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) " \
             "INSERT INTO t SELECT i, hex(zeroblob(500)) FROM n"

static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "source.db");
  path_join(copy, sizeof copy, directory, "copy.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id, x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, FILL), SIDELITE_OK);
}

static void end(void) {
  CHECK_EQ(stats_of(conn).outstanding, 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static int64_t submit_backup(sidelite_conn *from, sidelite_value to, int64_t pages, int64_t sleep_ms, reply *r) {
  sidelite_value args[3];
  args[0] = to;
  args[1] = sidelite_int(pages);
  args[2] = sidelite_int(sleep_ms);
  return submit_command(from, SIDELITE_BACKUP, 0, args, 3, r);
}

static sidelite_value handle_of(sidelite_conn *c) { return sidelite_int((int64_t)(intptr_t)c); }

static void expect_copy(const char *file, const char *count) {
  ask_expecting(file, "PRAGMA integrity_check", "ok");
  ask_expecting(file, "SELECT count(*) FROM t", count);
}

static void backup_to_a_file_tells_how_far_it_is(void) {
  reply r = reply_new();
  begin();
  CHECK(submit_backup(conn, sidelite_text(copy), 100, 0, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK(r.events > 3);
  CHECK_EQ(r.rows, r.events);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 0);
  CHECK(sidelite_row_int64(r.result, 0, 1) > 300);
  reply_clear(&r);
  expect_copy(copy, "2000");
  end();
}

static void backup_of_all_pages_is_one_step(void) {
  reply r = reply_new();
  begin();
  CHECK(submit_backup(conn, sidelite_text(copy), -1, 0, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK_EQ(r.events, 1);
  reply_clear(&r);
  expect_copy(copy, "2000");
  end();
}

static void backup_lets_others_run_and_copies_what_they_write(void) {
  reply r = reply_new();
  int i;
  begin();
  CHECK(submit_backup(conn, sidelite_text(copy), 20, 1, &r) > 0);
  for (i = 0; i < 10; i++) CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (-1, 'more')"), SIDELITE_OK);
  CHECK_EQ(r.finals, 0);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  expect_copy(copy, "2010");
  end();
}

static void backup_of_memory_and_of_attached_databases(void) {
  sidelite_value args[5];
  sidelite_conn *memory;
  reply r;
  begin();
  memory = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, memory, "ATTACH ':memory:' AS other"), SIDELITE_OK);
  CHECK_EQ(exec(queue, memory, "CREATE TABLE other.t(x)"), SIDELITE_OK);
  args[0] = sidelite_text(copy);
  args[1] = args[2] = sidelite_null();
  args[3] = sidelite_text("other");
  args[4] = sidelite_text("main");
  CHECK_EQ(command(queue, memory, SIDELITE_BACKUP, args, 5, &r), SIDELITE_OK);
  reply_clear(&r);
  expect_copy(copy, "0");
  args[3] = sidelite_text("missing");
  CHECK_EQ(command(queue, memory, SIDELITE_BACKUP, args, 5, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "missing"));
  reply_clear(&r);
  conn_close(queue, memory, SIDELITE_CLOSE_DRAIN);
  end();
}

static void contract_12_backup_is_cancelled_and_leaves_the_target_as_it_was(void) {
  reply r = reply_new();
  int64_t id;
  begin();
  id = submit_backup(conn, sidelite_text(copy), 10, 60000, &r);
  TURN_UNTIL(queue, r.events == 1);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  CHECK(access(copy, F_OK)); /* it was made for nothing */
  ask_expecting(copy, "CREATE TABLE mine(x); INSERT INTO mine VALUES (7)", "");
  id = submit_backup(conn, sidelite_text(copy), 10, 60000, &r);
  TURN_UNTIL(queue, r.events == 1);
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  ask_expecting(copy, "SELECT x FROM mine", "7");
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static void backup_waits_for_a_target_that_is_locked(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *locker, *hasty;
  reply r = reply_new();
  begin();
  locker = conn_open(queue, copy, NULL);
  CHECK_EQ(exec(queue, locker, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  CHECK(submit_backup(conn, sidelite_text(copy), 100, 0, &r) > 0);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(exec(queue, locker, "COMMIT"), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(exec(queue, locker, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  hasty = conn_open(queue, path, &config);
  CHECK(submit_backup(hasty, sidelite_text(copy), 100, 0, &r) > 0);
  EXPECT(queue, &r, SQLITE_BUSY);
  reply_clear(&r);
  conn_close(queue, hasty, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, locker, SIDELITE_CLOSE_DRAIN);
  expect_copy(copy, "2000");
  end();
}

static void backup_to_what_cannot_be_written_is_an_error(void) {
  sidelite_value args[3];
  char missing[4200];
  reply r;
  begin();
  snprintf(missing, sizeof missing, "%s/missing/copy.db", directory);
  args[0] = sidelite_text(missing);
  CHECK_EQ(command(queue, conn, SIDELITE_BACKUP, args, 1, &r) & 0xff, SQLITE_CANTOPEN);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "PRAGMA busy_timeout = 0"), SIDELITE_OK);
  args[0] = sidelite_text(path); /* its own file */
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, args, 1), SQLITE_BUSY);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, NULL, 0), SIDELITE_ERR_MISUSE);
  args[0] = sidelite_text(copy);
  args[1] = sidelite_int(0);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, args, 2), SIDELITE_ERR_MISUSE);
  args[1] = sidelite_text("all");
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, args, 2), SIDELITE_ERR_MISUSE);
  args[0] = handle_of(conn);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, args, 1), SIDELITE_ERR_MISUSE);
  args[0] = sidelite_int(12345);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BACKUP, args, 1), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 2000);
  end();
}

static void backup_to_another_connection(void) {
  sidelite_conn *target;
  reply r = reply_new(), waiting = reply_new();
  begin();
  target = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, target, "CREATE TABLE old(x)"), SIDELITE_OK);
  CHECK(submit_backup(conn, handle_of(target), 20, 1, &r) > 0);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  TURN_UNTIL(queue, r.events >= 1);
  CHECK(sidelite_fetch(target, "SELECT count(*) FROM t", NULL, 0, on_reply, &waiting) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  EXPECT(queue, &waiting, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(waiting.result, 0, 0), 2000);
  CHECK_EQ(exec(queue, target, "SELECT * FROM old"), SQLITE_ERROR);
  reply_clear(&r);
  reply_clear(&waiting);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  end();
}

static void backup_to_a_connection_in_a_transaction_is_an_error(void) {
  sidelite_conn *target;
  reply r = reply_new();
  begin();
  target = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, target, "CREATE TABLE old(x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, target, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(queue, target, "INSERT INTO old VALUES (1)"), SIDELITE_OK);
  CHECK(submit_backup(conn, handle_of(target), 20, 0, &r) > 0);
  EXPECT(queue, &r, SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "in use"));
  reply_clear(&r);
  CHECK_EQ(exec(queue, target, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, target, "SELECT x FROM old"), 1);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  end();
}

/* A target that closes wants its database back; one that was lent to is given back when the source closes. */
static void backup_ends_when_its_target_closes(void) {
  sidelite_conn *target;
  reply r = reply_new();
  int i;
  begin();
  for (i = 0; i < 2; i++) {
    target = conn_open(queue, ":memory:", NULL);
    CHECK(submit_backup(conn, handle_of(target), 10, 60000, &r) > 0);
    TURN_UNTIL(queue, r.events == 1);
    if (i) break;
    conn_close(queue, target, SIDELITE_CLOSE_CANCEL);
    EXPECT(queue, &r, SIDELITE_ERR_ABORTED);
    CHECK(strstr(message_of(&r), "target"));
    reply_clear(&r);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(exec(queue, target, "SELECT 1"), SIDELITE_OK);
  reply_clear(&r);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static void backup_that_waits_for_its_target_is_cancelled(void) {
  sidelite_conn *target;
  reply r = reply_new(), closing = reply_new();
  gate g;
  int64_t id;
  begin();
  target = conn_open(queue, ":memory:", NULL);
  gate_shut(&g, target);
  id = submit_backup(conn, handle_of(target), 10, 0, &r);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  /* One that waits for a target that closes hears of it. */
  CHECK(sidelite_close(target, SIDELITE_CLOSE_DRAIN, on_reply, &closing) == SIDELITE_OK);
  CHECK(submit_backup(conn, handle_of(target), 10, 0, &r) > 0);
  EXPECT(queue, &r, SIDELITE_ERR_CLOSED);
  reply_clear(&r);
  gate_open(&g);
  gate_remove(&g, queue);
  EXPECT(queue, &closing, SIDELITE_OK);
  end();
}

/* A lease of the target comes to its end first. */
static void backup_waits_for_a_lease_of_its_target(void) {
  sidelite_conn *target;
  reply r = reply_new(), leased = reply_new(), released = reply_new();
  sidelite_request request = request_new(SIDELITE_RELEASE, NULL, &released);
  begin();
  target = conn_open(queue, ":memory:", NULL);
  request.lane = submit_command(target, SIDELITE_LEASE, 0, NULL, 0, &leased);
  EXPECT(queue, &leased, SIDELITE_OK);
  CHECK(submit_backup(conn, handle_of(target), 100, 0, &r) > 0);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(run_request(queue, target, &request, &released), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, target, "SELECT count(*) FROM t"), 2000);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  end();
}

/* Each copies to the next, and the last to the first: at least one is refused, and nobody waits for ever. */
static void backup_in_a_circle_ends(void) {
  enum { N = 3, ROUNDS = 20 };
  sidelite_queue *queues[N];
  sidelite_conn *conns[N];
  int i, round;
  for (i = 0; i < N; i++) {
    queues[i] = queue_new();
    conns[i] = conn_open(queues[i], ":memory:", NULL);
    CHECK_EQ(exec(queues[i], conns[i], "CREATE TABLE t(id, x)"), SIDELITE_OK);
    CHECK_EQ(exec(queues[i], conns[i], FILL), SIDELITE_OK);
  }
  for (round = 0; round < ROUNDS; round++) {
    reply r[N];
    for (i = 0; i < N; i++) r[i] = reply_new();
    for (i = 0; i < N; i++) CHECK(submit_backup(conns[i], handle_of(conns[(i + 1) % N]), 50, 0, &r[i]) > 0);
    for (i = 0; i < N; i++) {
      TURN_UNTIL(queues[i], r[i].finals);
      CHECK(r[i].code == SIDELITE_OK || r[i].code == SQLITE_BUSY);
      reply_clear(&r[i]);
    }
  }
  for (i = 0; i < N; i++) {
    CHECK_EQ(fetch_int(queues[i], conns[i], "SELECT count(*) FROM t"), 2000);
    conn_close(queues[i], conns[i], SIDELITE_CLOSE_DRAIN);
    CHECK_EQ(sidelite_queue_free(queues[i], -1), 0);
  }
}

static void restore_replaces_the_database(void) {
  sidelite_value args[2];
  sidelite_conn *target;
  reply r;
  begin();
  target = conn_open(queue, copy, NULL);
  CHECK_EQ(exec(queue, target, "CREATE TABLE old(x)"), SIDELITE_OK);
  args[0] = sidelite_text(path);
  args[1] = sidelite_int(100);
  CHECK_EQ(command(queue, target, SIDELITE_RESTORE, args, 2, &r), SIDELITE_OK);
  CHECK(r.events > 3);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 0);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, target, "SELECT count(*) FROM t"), 2000);
  CHECK_EQ(exec(queue, target, "SELECT * FROM old"), SQLITE_ERROR);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  expect_copy(copy, "2000");
  end();
}

static void restore_that_fails_leaves_the_database_as_it_was(void) {
  sidelite_value args[2];
  reply r, paused = reply_new();
  char garbage[4096];
  FILE *file;
  begin();
  path_join(garbage, sizeof garbage, directory, "garbage");
  file = fopen(garbage, "w");
  CHECK(file != NULL);
  fputs("This is no database, though it is long enough to be looked at as if it were one. ", file);
  for (int i = 0; i < 100; i++) fputs("It goes on and on.", file);
  fclose(file);
  args[0] = sidelite_text(garbage);
  CHECK_EQ(command(queue, conn, SIDELITE_RESTORE, args, 1, &r), SQLITE_NOTADB);
  reply_clear(&r);
  args[0] = sidelite_text(copy);
  CHECK_EQ(command_code(queue, conn, SIDELITE_RESTORE, args, 1) & 0xff, SQLITE_CANTOPEN);
  ask_expecting(copy, "CREATE TABLE fresh(x)", "");
  CHECK(sidelite_stream(conn, "SELECT * FROM t", NULL, 0, 1, on_reply, &paused) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  CHECK_EQ(command(queue, conn, SIDELITE_RESTORE, args, 1, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "in use"));
  reply_clear(&r);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  reply_clear(&paused);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 2000);
  end();
}

static void contract_12_restore_is_cancelled(void) {
  sidelite_value args[2];
  sidelite_conn *target, *locker;
  reply r = reply_new();
  int64_t id;
  begin();
  target = conn_open(queue, copy, NULL);
  CHECK_EQ(exec(queue, target, "CREATE TABLE old(x)"), SIDELITE_OK);
  locker = conn_open(queue, copy, NULL);
  CHECK_EQ(exec(queue, locker, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  args[0] = sidelite_text(path);
  id = submit_command(target, SIDELITE_RESTORE, 0, args, 1, &r);
  sleep_ms(20);
  CHECK_EQ(sidelite_cancel(target, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  conn_close(queue, locker, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(fetch_int(queue, target, "SELECT count(*) FROM old"), 0);
  conn_close(queue, target, SIDELITE_CLOSE_DRAIN);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(backup_to_a_file_tells_how_far_it_is),
                               TEST(backup_of_all_pages_is_one_step),
                               TEST(backup_lets_others_run_and_copies_what_they_write),
                               TEST(backup_of_memory_and_of_attached_databases),
                               TEST(contract_12_backup_is_cancelled_and_leaves_the_target_as_it_was),
                               TEST(backup_waits_for_a_target_that_is_locked),
                               TEST(backup_to_what_cannot_be_written_is_an_error),
                               TEST(backup_to_another_connection),
                               TEST(backup_to_a_connection_in_a_transaction_is_an_error),
                               TEST(backup_ends_when_its_target_closes),
                               TEST(backup_that_waits_for_its_target_is_cancelled),
                               TEST(backup_waits_for_a_lease_of_its_target),
                               TEST(backup_in_a_circle_ends),
                               TEST(restore_replaces_the_database),
                               TEST(restore_that_fails_leaves_the_database_as_it_was),
                               TEST(contract_12_restore_is_cancelled),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
