/* Contract 12: cancel and deadline, in each state of a request, and never its neighbour. */
#include "command.h"
#include "faults.h"

#define A_MINUTE 60000

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4200];

static sidelite_conn *open_file(void) {
  sidelite_open_config config = open_config_new(0);
  config.busy_timeout_ms = A_MINUTE;
  return conn_open(queue, path, &config);
}

/* A file in SQLite's default journal mode, where readers and writers lock each other out. */
static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "cancel.db");
  queue = queue_new();
  conn = open_file();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static int64_t rows(void) { return fetch_int(queue, conn, "SELECT count(*) FROM t"); }

/* What a request that was aborted after its start must look like; `clear` it afterwards. */
static void check_aborted(reply *r, int32_t code, uint32_t flags) {
  EXPECT(queue, r, code);
  CHECK_EQ(r->flags & STEP_FLAGS, flags);
  CHECK(r->result != NULL);
  reply_clear(r);
}

static void contract_12_cancel_while_queued(void) {
  const step steps[] = {{SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 0, 0},
                        {SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        {SIDELITE_FETCH, "SELECT * FROM t", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        {SIDELITE_STREAM, "SELECT * FROM t", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        {SIDELITE_SCRIPT, "INSERT INTO t VALUES (3)", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        {SIDELITE_EXECUTE, "INSERT INTO t VALUES (4)", 0, 0}};
  reply replies[STEPS_MAX];
  gate g;
  int64_t id;
  begin();
  gate_shut(&g, conn);
  id = steps_submit(conn, steps, COUNT_OF(steps), replies, 0);
  for (int64_t i = 1; i <= 4; i++) CHECK_EQ(sidelite_cancel(conn, id + i), SIDELITE_OK);
  gate_open(&g);
  steps_check(queue, steps, COUNT_OF(steps), replies);
  gate_remove(&g, queue);
  CHECK_EQ(rows(), 2);
  end();
}

static void contract_12_withdraw_tells_what_will_never_run(void) {
  reply r = reply_new(), ran = reply_new(), behind = reply_new();
  sidelite_request lease = request_new(SIDELITE_LEASE, NULL, NULL), release = request_new(SIDELITE_RELEASE, NULL, NULL);
  gate g;
  int64_t id;
  begin();
  gate_shut(&g, conn);
  id = sidelite_execute(conn, "INSERT INTO t VALUES (1)", NULL, 0, on_reply, &r);
  CHECK_EQ(sidelite_withdraw(conn, id), 1);
  CHECK_EQ(sidelite_withdraw(conn, id), 1);
  CHECK_EQ(r.events, 0);
  gate_open(&g);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(sidelite_withdraw(conn, id), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_withdraw(conn, 0), SIDELITE_ERR_BAD_HANDLE);
  gate_remove(&g, queue);
  reply_clear(&r);
  id = execute_until_it_runs(queue, conn, ENDLESS, &ran);
  CHECK_EQ(sidelite_withdraw(conn, id), 0);
  check_aborted(&ran, SIDELITE_ERR_CANCELLED, 0);
  /* Behind a lease, with others that run meanwhile. */
  lease.lane = 0;
  release.lane = sidelite_submit(conn, &lease, 1);
  id = sidelite_execute(conn, "INSERT INTO t VALUES (2)", NULL, 0, on_reply, &behind);
  lease = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (3)", &r);
  lease.lane = release.lane;
  CHECK_EQ(run_request(queue, conn, &lease, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_withdraw(conn, id), 1);
  CHECK_EQ(sidelite_withdraw(conn, release.lane + 100), SIDELITE_ERR_BAD_HANDLE);
  CHECK(sidelite_submit(conn, &release, 1) > 0);
  EXPECT(queue, &behind, SIDELITE_ERR_CANCELLED);
  CHECK(behind.flags & SIDELITE_EVENT_NOT_RUN);
  CHECK_EQ(rows(), 0);
  reply_clear(&r);
  reply_clear(&behind);
  end();
}

/* In the order of submission, each event in the place that it would have had. */
static int64_t last_id;

static void on_ordered(const sidelite_event *event, void *user_data) {
  CHECK_EQ(event->id, last_id + 1);
  last_id = event->id;
  on_reply(event, user_data);
}

static void contract_12_cancelled_requests_complete_in_their_place(void) {
  enum { N = 100 };
  static reply replies[N];
  gate g;
  int64_t first = 0;
  begin();
  gate_shut(&g, conn);
  for (int i = 0; i < N; i++) {
    int64_t id;
    replies[i] = reply_new();
    id = sidelite_execute(conn, "SELECT 1", NULL, 0, on_ordered, &replies[i]);
    if (i == 0) first = id;
  }
  last_id = first - 1;
  for (int i = N - 1; i >= 0; i -= 3) CHECK_EQ(sidelite_cancel(conn, first + i), SIDELITE_OK);
  gate_open(&g);
  for (int i = 0; i < N; i++) {
    EXPECT(queue, &replies[i], (N - 1 - i) % 3 ? SIDELITE_OK : SIDELITE_ERR_CANCELLED);
    reply_clear(&replies[i]);
  }
  gate_remove(&g, queue);
  end();
}

static void contract_12_cancel_while_running(void) {
  reply running = reply_new(), next = reply_new();
  int64_t id;
  begin();
  id = execute_until_it_runs(queue, conn, ENDLESS, &running);
  execute(conn, "INSERT INTO t VALUES (1)", &next);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, running.finals);
  CHECK_EQ(running.result->sqlite_code, SQLITE_INTERRUPT);
  check_aborted(&running, SIDELITE_ERR_CANCELLED, 0);
  EXPECT(queue, &next, SIDELITE_OK);
  CHECK_EQ(rows(), 1);
  reply_clear(&next);
  end();
}

/* A statement that is aborted outside a transaction leaves nothing behind. */
static void contract_12_cancel_of_a_running_write_undoes_it(void) {
  const char *const pragmas[] = {"cache_size=10", "synchronous=OFF"};
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *writer;
  reply write = reply_new();
  int64_t id;
  off_t quiet;
  begin();
  config.pragmas = pragmas;
  config.pragma_count = COUNT_OF(pragmas);
  writer = conn_open(queue, path, &config);
  quiet = file_size(path);
  id = execute(writer, "INSERT INTO t " COUNT_TO("20000000"), &write);
  WAIT_UNTIL(file_size(path) > quiet + 65536);
  CHECK_EQ(sidelite_cancel(writer, id), SIDELITE_OK);
  check_aborted(&write, SIDELITE_ERR_CANCELLED, 0);
  CHECK_EQ(rows(), 0);
  conn_close(queue, writer, SIDELITE_CLOSE_DRAIN);
  end();
}

/* The other connection holds the file for as long as `statement` of ours waits, and its transaction succeeds. */
static void cancel_in_lock_wait(const char *lock, const char *statement, uint32_t flags) {
  sidelite_conn *other = open_file();
  reply waiting = reply_new();
  int64_t id;
  CHECK_EQ(exec(queue, other, lock), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, other, "SELECT count(*) FROM t"), 0);
  id = execute(conn, statement, &waiting);
  sleep_ms(100);
  CHECK_EQ(waiting.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  check_aborted(&waiting, SIDELITE_ERR_CANCELLED, flags);
  CHECK_EQ(exec(queue, other, "COMMIT"), SIDELITE_OK);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
}

static void contract_12_cancel_while_waiting_for_a_lock(void) {
  begin();
  cancel_in_lock_wait("BEGIN EXCLUSIVE", "INSERT INTO t VALUES (1)", 0);
  CHECK_EQ(rows(), 0);
  cancel_in_lock_wait("BEGIN EXCLUSIVE", "SELECT * FROM t", 0);
  cancel_in_lock_wait("BEGIN IMMEDIATE", "BEGIN IMMEDIATE", 0);
  end();
}

/* A COMMIT that cannot have the file is only a COMMIT that did not happen: the transaction is open and can commit. */
static void contract_12_cancel_of_a_commit_that_waits_for_readers(void) {
  begin();
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  cancel_in_lock_wait("BEGIN", "COMMIT", IN_TRANSACTION);
  CHECK_EQ(exec(queue, conn, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(rows(), 1);
  end();
}

/* A checkpoint waits for readers of the log. It tells in its row, not in its code, that it did not get through. */
static void contract_12_cancel_of_a_checkpoint_that_waits_for_readers(void) {
  sidelite_conn *reader;
  reply stream = reply_new(), waiting = reply_new();
  int64_t id;
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA journal_mode=WAL"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t " COUNT_TO("100")), SIDELITE_OK);
  reader = open_file();
  CHECK(sidelite_stream(reader, "SELECT id FROM t", NULL, 0, 1, on_reply, &stream) > 0);
  TURN_UNTIL(queue, stream.events == 2);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (101)"), SIDELITE_OK);
  id = sidelite_fetch(conn, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0, on_reply, &waiting);
  CHECK(id > 0);
  sleep_ms(100);
  (void)turn(queue, 0);
  CHECK_EQ(waiting.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, waiting.finals);
  CHECK(waiting.code == SIDELITE_ERR_CANCELLED || sidelite_row_int64(waiting.result, 0, 0) == 1);
  CHECK_EQ(rows(), 101);
  reply_clear(&waiting);
  conn_close(queue, reader, SIDELITE_CLOSE_CANCEL);
  reply_clear(&stream);
  end();
}

/* A paused stream holds its read lock, so a writer cannot commit: cancelling it sets the file free. */
static void contract_12_cancel_of_a_paused_stream(void) {
  sidelite_conn *writer;
  reply stream = reply_new(), write = reply_new(), beside = reply_new();
  int64_t id;
  begin();
  writer = open_file();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t " COUNT_TO("1000")), SIDELITE_OK);
  id = sidelite_stream(conn, "SELECT id FROM t", NULL, 0, 10, on_reply, &stream);
  TURN_UNTIL(queue, stream.events == 2);
  execute(writer, "DELETE FROM t WHERE id = 1000", &write);
  execute(conn, "SELECT 1", &beside);
  EXPECT(queue, &beside, SIDELITE_OK);
  sleep_ms(50);
  (void)turn(queue, 0);
  CHECK_EQ(write.finals, 0);
  CHECK_EQ(stream.events, 2);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, stream.finals);
  CHECK_EQ(stream.rows, 20);
  check_aborted(&stream, SIDELITE_ERR_CANCELLED, 0);
  EXPECT(queue, &write, SIDELITE_OK);
  CHECK_EQ(sidelite_more(conn, id, 1), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&write);
  reply_clear(&beside);
  conn_close(queue, writer, SIDELITE_CLOSE_DRAIN);
  end();
}

/* An id that is done is no handle any more, and the request that runs now is not hit in its stead. */
static void contract_12_cancel_of_what_is_done_hits_nobody(void) {
  reply done = reply_new(), running = reply_new();
  int64_t id, endless;
  begin();
  id = execute(conn, "SELECT 1", &done);
  EXPECT(queue, &done, SIDELITE_OK);
  endless = execute_until_it_runs(queue, conn, ENDLESS, &running);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_cancel(conn, endless + 1), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_cancel(conn, INT64_MAX), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_cancel(conn, -2), SIDELITE_ERR_BAD_HANDLE);
  sleep_ms(50);
  (void)turn(queue, 0);
  CHECK_EQ(running.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, endless), SIDELITE_OK);
  check_aborted(&running, SIDELITE_ERR_CANCELLED, 0);
  reply_clear(&done);
  end();
}

/* Done, but its event not yet taken: the cancel comes too late, whatever it answers, and the event says so. */
static void contract_12_cancel_that_comes_too_late(void) {
  reply write = reply_new();
  int64_t id;
  begin();
  id = execute(conn, "INSERT INTO t VALUES (1)", &write);
  WAIT_UNTIL(stats_of(conn).completed == stats_of(conn).submitted);
  (void)sidelite_cancel(conn, id);
  EXPECT(queue, &write, SIDELITE_OK);
  CHECK_EQ(write.flags & STEP_FLAGS, 0);
  CHECK_EQ(rows(), 1);
  reply_clear(&write);
  end();
}

static void contract_12_cancel_of_all(void) {
  enum { N = 50 };
  reply paused = reply_new(), running = reply_new(), queued[N], later = reply_new();
  begin();
  CHECK(sidelite_stream(conn, COUNT_TO("1000"), NULL, 0, 1, on_reply, &paused) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  (void)execute_until_it_runs(queue, conn, ENDLESS, &running);
  for (int i = 0; i < N; i++) {
    queued[i] = reply_new();
    execute(conn, "INSERT INTO t VALUES (1)", &queued[i]);
  }
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  execute(conn, "INSERT INTO t VALUES (2)", &later);
  check_aborted(&paused, SIDELITE_ERR_CANCELLED, 0);
  check_aborted(&running, SIDELITE_ERR_CANCELLED, 0);
  for (int i = 0; i < N; i++) check_aborted(&queued[i], SIDELITE_ERR_CANCELLED, NOT_RUN);
  EXPECT(queue, &later, SIDELITE_OK);
  CHECK_EQ(rows(), 1);
  reply_clear(&later);
  end();
}

static void contract_12_cancel_of_one_in_an_array_ends_it_whole(void) {
  const step steps[] = {{SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", SIDELITE_ERR_ABORTED, NOT_RUN},
                        {SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", SIDELITE_ERR_CANCELLED, NOT_RUN},
                        {SIDELITE_EXECUTE, "INSERT INTO t VALUES (3)", SIDELITE_ERR_ABORTED, NOT_RUN}};
  reply replies[STEPS_MAX], next = reply_new();
  gate g;
  begin();
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_cancel(conn, steps_submit(conn, steps, 3, replies, SIDELITE_ATOMIC) + 1), SIDELITE_OK);
  execute(conn, "INSERT INTO t VALUES (4)", &next);
  gate_open(&g);
  steps_check(queue, steps, 3, replies);
  EXPECT(queue, &next, SIDELITE_OK);
  gate_remove(&g, queue);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(id) FROM t"), 4);
  reply_clear(&next);
  end();
}

/* Cancel of a write that was queued inside a transaction takes that write away and nothing else. */
static void contract_12_cancel_inside_a_transaction(void) {
  const step steps[] = {
      {SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", SIDELITE_ERR_CANCELLED, NOT_RUN | IN_TRANSACTION},
      {SIDELITE_EXECUTE, "INSERT INTO t VALUES (3)", 0, IN_TRANSACTION},
      {SIDELITE_EXECUTE, "COMMIT", 0, 0}};
  reply replies[STEPS_MAX];
  gate g;
  begin();
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_cancel(conn, steps_submit(conn, steps, 5, replies, 0) + 2), SIDELITE_OK);
  gate_open(&g);
  steps_check(queue, steps, 5, replies);
  gate_remove(&g, queue);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(id) FROM t"), 4);
  end();
}

static void contract_12_deadline_while_queued(void) {
  reply late = reply_new(), in_time = reply_new();
  gate g;
  begin();
  gate_shut(&g, conn);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 1, &late);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", A_MINUTE, &in_time);
  sleep_ms(20);
  gate_open(&g);
  check_aborted(&late, SIDELITE_ERR_TIMEOUT, NOT_RUN);
  EXPECT(queue, &in_time, SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(id) FROM t"), 2);
  gate_remove(&g, queue);
  reply_clear(&in_time);
  end();
}

static void contract_12_deadline_while_running(void) {
  reply late = reply_new(), next = reply_new();
  begin();
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, ENDLESS, 200, &late);
  execute(conn, "INSERT INTO t VALUES (1)", &next);
  TURN_UNTIL(queue, late.finals);
  CHECK_EQ(late.result->sqlite_code, SQLITE_INTERRUPT);
  check_aborted(&late, SIDELITE_ERR_TIMEOUT, 0);
  EXPECT(queue, &next, SIDELITE_OK);
  reply_clear(&next);
  end();
}

static void contract_12_deadline_while_waiting_for_a_lock(void) {
  sidelite_conn *other;
  reply late = reply_new();
  begin();
  other = open_file();
  CHECK_EQ(exec(queue, other, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 200, &late);
  check_aborted(&late, SIDELITE_ERR_TIMEOUT, 0);
  CHECK_EQ(exec(queue, other, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(rows(), 0);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
}

static void contract_12_deadline_of_a_paused_stream(void) {
  reply stream = reply_new();
  begin();
  (void)submit_with_timeout(conn, SIDELITE_STREAM, COUNT_TO("1000"), 200, &stream);
  TURN_UNTIL(queue, stream.finals);
  CHECK_EQ(stream.rows, 2);
  check_aborted(&stream, SIDELITE_ERR_TIMEOUT, 0);
  end();
}

/* A deadline that its own request has met is gone with it, though the next one runs over that moment. */
static void contract_12_deadline_spares_the_next_request(void) {
  reply quick = reply_new(), running = reply_new();
  int64_t id;
  begin();
  (void)submit_with_timeout(conn, SIDELITE_EXECUTE, "SELECT 1", 100, &quick);
  EXPECT(queue, &quick, SIDELITE_OK);
  id = execute_until_it_runs(queue, conn, ENDLESS, &running);
  sleep_ms(200);
  (void)turn(queue, 0);
  CHECK_EQ(running.finals, 0);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  check_aborted(&running, SIDELITE_ERR_CANCELLED, 0);
  reply_clear(&quick);
  end();
}

/* INLINE: cancels the request that calls it. */
static int32_t cancel_own(void *id, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)group, (void)args, (void)n;
  *value = sidelite_int(1);
  return sidelite_cancel(conn, *(int64_t *)id);
}

/* SQLite asks whether to go on after a statement has committed, too, if the thousandth instruction is its last one. */
static void contract_12_cancel_of_what_has_committed_comes_too_late(void) {
  enum { N = SCALED(3000) };
  sidelite_function_config config = function_new(SIDELITE_FUNCTION_SCALAR, "cancel_own", 0, cancel_own);
  int64_t id;
  int done = 0;
  begin();
  config.context = &id;
  id = sidelite_create_function(conn, &config, NULL, NULL);
  CHECK(id > 0);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE u(a)"), SIDELITE_OK);
  id += 2;
  for (int i = 0; i < N; i++, id++) {
    reply r = reply_new();
    CHECK_EQ(sidelite_execute(conn, "INSERT INTO u VALUES (cancel_own())", NULL, 0, on_reply, &r), id);
    TURN_UNTIL(queue, r.finals);
    CHECK(r.code == SIDELITE_OK || r.code == SIDELITE_ERR_CANCELLED);
    done += r.code == SIDELITE_OK;
    reply_clear(&r);
  }
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM u"), done);
  printf("  %d of %d were done\n", done, N);
  end();
}

/* Four threads cancel odd ids, over and over, among those that are just being submitted and completed. What the
 * events say must be what the table holds, and even ids must not feel any of it. */
enum { STORM = SCALED(8000), CANCELLERS = 4 };
static int64_t storm_newest;
static int storm_over;
static char storm_withdrawn[STORM + 16]; /* by id */

static void *storm_cancel(void *thread) {
  uint64_t random = (uint64_t)(uintptr_t)thread;
  while (!__atomic_load_n(&storm_over, __ATOMIC_ACQUIRE)) {
    int64_t id;
    int32_t code;
    random = random * 6364136223846793005u + 1442695040888963407u;
    id = (__atomic_load_n(&storm_newest, __ATOMIC_ACQUIRE) - (int64_t)(random >> 58)) | 1;
    code = random >> 57 & 1 ? sidelite_withdraw(conn, id) : sidelite_cancel(conn, id);
    CHECK(code == 1 || code == SIDELITE_OK || code == SIDELITE_ERR_BAD_HANDLE);
    if (code == 1) __atomic_store_n(&storm_withdrawn[id], 1, __ATOMIC_RELEASE);
    if (random >> 58 == 0) sleep_ms(1);
  }
  return NULL;
}

static void storm_submit(reply *replies) {
  for (int i = 0; i < STORM; i++) {
    sidelite_value n = sidelite_int(i);
    int64_t id = sidelite_execute(conn, "INSERT INTO t VALUES (?)", &n, 1, on_reply, &replies[i]);
    CHECK(id > 0);
    __atomic_store_n(&storm_newest, id, __ATOMIC_RELEASE);
    if (i % 64 == 0) (void)turn(queue, 0);
  }
}

/* Table t holds the number of each request that said it was done, and no other. What a cancel said would never run did
 * not. */
static void storm_check(const reply *replies) {
  reply all;
  uint32_t row = 0;
  int withdrawn = 0;
  for (int i = 0; i < STORM; i++) {
    if (!storm_withdrawn[replies[i].id]) continue;
    CHECK_EQ(replies[i].code, SIDELITE_ERR_CANCELLED);
    CHECK(replies[i].flags & SIDELITE_EVENT_NOT_RUN);
    withdrawn++;
  }
  CHECK_EQ(fetch(queue, conn, "SELECT id FROM t ORDER BY id", &all), SIDELITE_OK);
  for (int i = 0; i < STORM; i++)
    if (replies[i].code == SIDELITE_OK) CHECK_EQ(sidelite_row_int64(all.result, row++, 0), i);
  CHECK_EQ(all.rows, row);
  printf("  %" PRIu32 " of %d were done, %d withdrawn\n", row, STORM, withdrawn);
  reply_clear(&all);
}

static void contract_12_cancel_storm_while_requests_complete(void) {
  static reply replies[STORM];
  pthread_t cancellers[CANCELLERS];
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  for (int i = 0; i < CANCELLERS; i++)
    CHECK_EQ(pthread_create(&cancellers[i], NULL, storm_cancel, (void *)(uintptr_t)(i + 1)), 0);
  storm_submit(replies);
  for (int i = 0; i < STORM; i++) {
    TURN_UNTIL(queue, replies[i].finals);
    CHECK_EQ(replies[i].events, 1);
    if (replies[i].id % 2 == 0) CHECK_EQ(replies[i].code, SIDELITE_OK);
    CHECK(replies[i].code == SIDELITE_OK || replies[i].code == SIDELITE_ERR_CANCELLED);
  }
  __atomic_store_n(&storm_over, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < CANCELLERS; i++) CHECK_EQ(pthread_join(cancellers[i], NULL), 0);
  storm_check(replies);
  for (int i = 0; i < STORM; i++) reply_clear(&replies[i]);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_12_cancel_while_queued),
      TEST(contract_12_withdraw_tells_what_will_never_run),
      TEST(contract_12_cancelled_requests_complete_in_their_place),
      TEST(contract_12_cancel_while_running),
      TEST(contract_12_cancel_of_a_running_write_undoes_it),
      TEST(contract_12_cancel_while_waiting_for_a_lock),
      TEST(contract_12_cancel_of_a_commit_that_waits_for_readers),
      TEST(contract_12_cancel_of_a_checkpoint_that_waits_for_readers),
      TEST(contract_12_cancel_of_a_paused_stream),
      TEST(contract_12_cancel_of_what_is_done_hits_nobody),
      TEST(contract_12_cancel_that_comes_too_late),
      TEST(contract_12_cancel_of_what_has_committed_comes_too_late),
      TEST(contract_12_cancel_of_all),
      TEST(contract_12_cancel_of_one_in_an_array_ends_it_whole),
      TEST(contract_12_cancel_inside_a_transaction),
      TEST(contract_12_deadline_while_queued),
      TEST(contract_12_deadline_while_running),
      TEST(contract_12_deadline_while_waiting_for_a_lock),
      TEST(contract_12_deadline_of_a_paused_stream),
      TEST(contract_12_deadline_spares_the_next_request),
      TEST(contract_12_cancel_storm_while_requests_complete),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
