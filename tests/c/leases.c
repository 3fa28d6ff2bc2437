/* Leases: a transaction on a shared connection that no other task gets into. */
#include "command.h"
#include "faults.h"

enum { NONE = SIDELITE_BEGIN_NONE, DEFERRED = SIDELITE_BEGIN_DEFERRED, IMMEDIATE = SIDELITE_BEGIN_IMMEDIATE,
       EXCLUSIVE = SIDELITE_BEGIN_EXCLUSIVE };

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4096];

static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "leases.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
}

static void end(void) {
  sidelite_stats stats = stats_of(conn);
  CHECK_EQ(stats.outstanding, 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static int64_t submit_lease(int mode, int64_t hold_ms, reply *r) {
  sidelite_value args[2] = {sidelite_int(mode), sidelite_int(hold_ms)};
  int64_t id = submit_command(conn, SIDELITE_LEASE, 0, args, 2, r);
  CHECK(id > 0);
  return id;
}

static int64_t lease(int mode) {
  reply r = reply_new();
  int64_t id = submit_lease(mode, 0, &r);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  return id;
}

static int64_t submit_in(int64_t lane, uint32_t kind, const char *sql, reply *r) {
  sidelite_request request = request_new(kind, sql, r);
  request.lane = lane;
  return sidelite_submit(conn, &request, 1);
}

static int32_t run_in(int64_t lane, const char *sql) {
  reply r = reply_new();
  int32_t code;
  CHECK(submit_in(lane, SIDELITE_EXECUTE, sql, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  reply_clear(&r);
  return code;
}

static int32_t run_kind_in(int64_t lane, uint32_t kind) {
  reply r = reply_new();
  int32_t code;
  CHECK(submit_in(lane, kind, NULL, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  reply_clear(&r);
  return code;
}

static int64_t rows(void) { return fetch_int(queue, conn, "SELECT count(*) FROM t"); }

static void lease_keeps_others_waiting_until_its_commit(void) {
  reply other = reply_new(), inside = reply_new();
  int64_t lane;
  begin();
  lane = lease(IMMEDIATE);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES ('other')", NULL, 0, on_reply, &other) > 0);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES ('mine')", &inside) > 0);
  EXPECT(queue, &inside, SIDELITE_OK);
  CHECK_EQ(inside.flags & SIDELITE_EVENT_IN_TRANSACTION, SIDELITE_EVENT_IN_TRANSACTION);
  CHECK_EQ(inside.flags & SIDELITE_EVENT_WRITING, SIDELITE_EVENT_WRITING);
  CHECK_EQ(other.finals, 0);
  CHECK_EQ(run_in(lane, "COMMIT"), SIDELITE_OK);
  EXPECT(queue, &other, SIDELITE_OK);
  CHECK_EQ(other.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0, 1);
  CHECK_EQ(rows(), 2);
  ask_expecting(path, "SELECT group_concat(x) FROM t", "mine,other");
  end();
}

static void lease_that_has_ended_is_no_lane_any_more(void) {
  int64_t lane;
  begin();
  lane = lease(DEFERRED);
  CHECK_EQ(run_kind_in(lane, SIDELITE_ROLLBACK), SIDELITE_OK);
  (void)rows();
  CHECK_EQ(submit_in(lane, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(submit_in(lane, SIDELITE_RELEASE, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(submit_in(lane + 1000, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(submit_in(-1, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_cancel(conn, lane), SIDELITE_ERR_BAD_HANDLE);
  end();
}

static void lease_requests_queued_behind_its_end_are_aborted(void) {
  reply late = reply_new(), release = reply_new(), commit = reply_new();
  int64_t lane;
  gate g;
  begin();
  lane = lease(IMMEDIATE);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  {
    sidelite_request request = request_new(SIDELITE_RUN, NULL, &g.run);
    memset(&g, 0, sizeof g);
    pthread_mutex_init(&g.mutex, NULL);
    pthread_cond_init(&g.changed, NULL);
    request.run = gate_pass;
    request.context = &g;
    request.lane = lane;
    CHECK(sidelite_submit(conn, &request, 1) > 0);
  }
  CHECK(submit_in(lane, SIDELITE_COMMIT, NULL, &commit) > 0);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", &late) > 0);
  CHECK(submit_in(lane, SIDELITE_RELEASE, NULL, &release) > 0);
  gate_open(&g);
  gate_remove(&g, queue);
  EXPECT(queue, &commit, SIDELITE_OK);
  EXPECT(queue, &late, SIDELITE_ERR_ABORTED);
  CHECK_EQ(late.flags & SIDELITE_EVENT_NOT_RUN, SIDELITE_EVENT_NOT_RUN);
  EXPECT(queue, &release, SIDELITE_OK);
  reply_clear(&late);
  CHECK_EQ(rows(), 1);
  end();
}

static void lease_takes_requests_before_it_is_granted(void) {
  reply first = reply_new(), second = reply_new(), inside = reply_new(), commit = reply_new(), other = reply_new();
  int64_t one, two;
  begin();
  one = submit_lease(IMMEDIATE, 0, &first);
  two = submit_lease(IMMEDIATE, 0, &second);
  CHECK(submit_in(two, SIDELITE_EXECUTE, "INSERT INTO t SELECT count(*) FROM t", &inside) > 0);
  CHECK(submit_in(two, SIDELITE_COMMIT, NULL, &commit) > 0);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES ('last')", NULL, 0, on_reply, &other) > 0);
  EXPECT(queue, &first, SIDELITE_OK);
  CHECK_EQ(run_in(one, "INSERT INTO t VALUES ('first')"), SIDELITE_OK);
  CHECK_EQ(inside.finals + second.finals + other.finals, 0);
  CHECK_EQ(run_in(one, "COMMIT"), SIDELITE_OK);
  EXPECT(queue, &second, SIDELITE_OK);
  EXPECT(queue, &inside, SIDELITE_OK);
  EXPECT(queue, &commit, SIDELITE_OK);
  EXPECT(queue, &other, SIDELITE_OK);
  ask_expecting(path, "SELECT group_concat(x) FROM t", "first,1,last");
  end();
}

static void lease_that_is_released_is_rolled_back(void) {
  int64_t lane;
  begin();
  lane = lease(DEFERRED);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "SAVEPOINT a"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (2)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "ROLLBACK TO a"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "RELEASE a"), SIDELITE_OK);
  CHECK_EQ(run_kind_in(lane, SIDELITE_RELEASE), SIDELITE_OK);
  CHECK_EQ(rows(), 0);
  end();
}

static void lease_of_savepoints_commits_what_they_left(void) {
  int64_t lane;
  begin();
  lane = lease(DEFERRED);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "SAVEPOINT a"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (2)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "ROLLBACK TO a"), SIDELITE_OK);
  CHECK_EQ(run_kind_in(lane, SIDELITE_COMMIT), SIDELITE_OK);
  CHECK_EQ(rows(), 1);
  end();
}

static void lease_without_a_transaction_lasts_until_its_release(void) {
  reply other = reply_new();
  int64_t lane;
  begin();
  lane = lease(NONE);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (2)"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (3)"), SIDELITE_OK);
  CHECK(sidelite_fetch(conn, "SELECT count(*) FROM t", NULL, 0, on_reply, &other) > 0);
  CHECK_EQ(run_kind_in(lane, SIDELITE_RELEASE), SIDELITE_OK);
  EXPECT(queue, &other, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(other.result, 0, 0), 2);
  reply_clear(&other);
  end();
}

static void lease_that_is_held_too_long_is_rolled_back(void) {
  reply r = reply_new(), other = reply_new(), endless = reply_new();
  int64_t lane;
  begin();
  lane = submit_lease(IMMEDIATE, 30, &r);
  EXPECT(queue, &r, SIDELITE_OK);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", NULL) > 0);
  CHECK(sidelite_fetch(conn, "SELECT count(*) FROM t", NULL, 0, on_reply, &other) > 0);
  EXPECT(queue, &other, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(other.result, 0, 0), 0);
  reply_clear(&other);
  CHECK_EQ(submit_in(lane, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  /* In the middle of a request, too. */
  lane = submit_lease(IMMEDIATE, 30, &r);
  CHECK(submit_in(lane, SIDELITE_FETCH, ENDLESS, &endless) > 0);
  EXPECT(queue, &endless, SIDELITE_ERR_TIMEOUT);
  reply_clear(&endless);
  CHECK_EQ(rows(), 0);
  end();
}

static void lease_that_is_cancelled_is_rolled_back(void) {
  reply endless = reply_new();
  int64_t lane;
  begin();
  lane = lease(IMMEDIATE);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, lane), SIDELITE_OK);
  CHECK_EQ(rows(), 0);
  CHECK_EQ(sidelite_cancel(conn, lane), SIDELITE_ERR_BAD_HANDLE);
  /* cancel(0) ends all that was submitted, the lease among them. */
  lane = lease(IMMEDIATE);
  CHECK(submit_in(lane, SIDELITE_FETCH, ENDLESS, &endless) > 0);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &endless, SIDELITE_ERR_CANCELLED);
  reply_clear(&endless);
  CHECK_EQ(rows(), 0);
  CHECK_EQ(submit_in(lane, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  end();
}

static void lease_that_waits_can_be_cancelled_with_those_behind_it(void) {
  reply waiting = reply_new(), inside = reply_new(), other = reply_new();
  int64_t one, two;
  begin();
  one = lease(IMMEDIATE);
  two = submit_lease(IMMEDIATE, 0, &waiting);
  CHECK(submit_in(two, SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", &inside) > 0);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES (3)", NULL, 0, on_reply, &other) > 0);
  CHECK_EQ(sidelite_cancel(conn, two), SIDELITE_OK);
  CHECK_EQ(run_in(one, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(run_in(one, "COMMIT"), SIDELITE_OK);
  EXPECT(queue, &waiting, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &inside, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &other, SIDELITE_OK);
  reply_clear(&waiting);
  reply_clear(&inside);
  ask_expecting(path, "SELECT group_concat(x) FROM t", "1,3");
  end();
}

static void lease_that_cannot_begin_lets_the_others_go_on(void) {
  reply failed = reply_new(), inside = reply_new(), other = reply_new();
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *locker;
  sidelite_value mode = sidelite_int(IMMEDIATE);
  sidelite_request request = request_new(SIDELITE_LEASE, NULL, &failed);
  int64_t lane;
  begin();
  locker = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, locker, "BEGIN IMMEDIATE"), SIDELITE_OK);
  request.values = &mode;
  request.ncols = 1;
  request.timeout_ms = 40;
  lane = sidelite_submit(conn, &request, 1);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &inside) > 0);
  CHECK(sidelite_fetch(conn, "SELECT 7", NULL, 0, on_reply, &other) > 0);
  EXPECT(queue, &failed, SIDELITE_ERR_TIMEOUT);
  EXPECT(queue, &inside, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &other, SIDELITE_OK);
  CHECK_EQ(submit_in(lane, SIDELITE_EXECUTE, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&failed);
  reply_clear(&inside);
  reply_clear(&other);
  conn_close(queue, locker, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(rows(), 0);
  end();
}

/* FULL rolls the transaction back: it is over, and with it the lease. Nobody's work lands outside of it by mistake. */
static void contract_10_lease_that_loses_its_transaction_ends(void) {
  reply full = reply_new(), behind = reply_new(), commit = reply_new(), other = reply_new();
  int64_t lane;
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA max_page_count = 10"), SIDELITE_OK);
  lane = lease(IMMEDIATE);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES ('lost')"), SIDELITE_OK);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT OR ROLLBACK INTO t VALUES (zeroblob(1000000))", &full) > 0);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES ('stray')", &behind) > 0);
  CHECK(submit_in(lane, SIDELITE_COMMIT, NULL, &commit) > 0);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES ('other')", NULL, 0, on_reply, &other) > 0);
  EXPECT(queue, &full, SQLITE_FULL);
  CHECK_EQ(full.flags & SIDELITE_EVENT_ROLLED_BACK, SIDELITE_EVENT_ROLLED_BACK);
  EXPECT(queue, &behind, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &commit, SIDELITE_ERR_ABORTED);
  EXPECT(queue, &other, SIDELITE_OK);
  reply_clear(&full);
  reply_clear(&behind);
  reply_clear(&commit);
  ask_expecting(path, "SELECT group_concat(x) FROM t", "other");
  end();
}

static void lease_inside_of_a_lease_is_refused(void) {
  sidelite_value mode = sidelite_int(DEFERRED);
  reply r = reply_new();
  int64_t lane;
  begin();
  lane = lease(DEFERRED);
  CHECK(submit_command(conn, SIDELITE_LEASE, lane, &mode, 1, &r) > 0);
  EXPECT(queue, &r, SIDELITE_ERR_MISUSE);
  reply_clear(&r);
  CHECK_EQ(run_kind_in(lane, SIDELITE_RELEASE), SIDELITE_OK);
  mode = sidelite_int(4);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LEASE, &mode, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(command_code(queue, conn, SIDELITE_LEASE, NULL, 0), SQLITE_ERROR);
  CHECK_EQ(exec(queue, conn, "ROLLBACK"), SIDELITE_OK);
  end();
}

static void lease_holds_arrays_and_streams(void) {
  sidelite_request array[2], stream;
  reply replies[2], rows_inside = reply_new();
  int64_t lane;
  begin();
  lane = lease(IMMEDIATE);
  replies[0] = replies[1] = reply_new();
  array[0] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &replies[0]);
  array[1] = request_new(SIDELITE_EXECUTE, "INSERT INTO missing VALUES (1)", &replies[1]);
  array[0].flags = SIDELITE_ATOMIC;
  array[0].lane = lane;
  CHECK_EQ(sidelite_submit(conn, array, 2), SIDELITE_ERR_MISUSE); /* of two lanes */
  array[1].lane = lane;
  CHECK(sidelite_submit(conn, array, 2) > 0);
  EXPECT(queue, &replies[1], SQLITE_ERROR);
  EXPECT(queue, &replies[0], SIDELITE_ERR_ABORTED);
  reply_clear(&replies[0]);
  reply_clear(&replies[1]);
  CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (2), (3)"), SIDELITE_OK);
  stream = request_new(SIDELITE_STREAM, "SELECT x FROM t", &rows_inside);
  stream.lane = lane;
  CHECK(sidelite_submit(conn, &stream, 1) > 0);
  EXPECT(queue, &rows_inside, SIDELITE_OK);
  CHECK_EQ(rows_inside.rows, 2);
  reply_clear(&rows_inside);
  CHECK_EQ(run_in(lane, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(rows(), 2);
  end();
}

/* A stream that others have begun pauses, and one of the lease ends with its rollback. */
static void lease_pauses_the_streams_of_others(void) {
  reply paused = reply_new(), own = reply_new();
  sidelite_request stream = request_new(SIDELITE_STREAM, COUNT_TO("10"), &paused);
  int64_t lane, id, own_id;
  begin();
  stream.chunk_rows = 1;
  stream.window = 1;
  id = sidelite_submit(conn, &stream, 1);
  TURN_UNTIL(queue, paused.events == 1);
  lane = lease(DEFERRED);
  CHECK_EQ(sidelite_more(conn, id, 1), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(run_in(lane, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(paused.events, 1);
  stream.lane = lane;
  stream.user_data = &own;
  own_id = sidelite_submit(conn, &stream, 1);
  CHECK(own_id > 0);
  TURN_UNTIL(queue, own.events == 1);
  CHECK_EQ(run_kind_in(lane, SIDELITE_RELEASE), SIDELITE_OK);
  EXPECT(queue, &own, SIDELITE_ERR_ABORTED);
  TURN_UNTIL(queue, paused.events == 2);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  reply_clear(&own);
  reply_clear(&paused);
  end();
}

static void lease_ends_as_its_connection_closes(void) {
  static const uint32_t modes[] = {SIDELITE_CLOSE_DRAIN, SIDELITE_CLOSE_CANCEL};
  int i;
  for (i = 0; i < 2; i++) {
    reply inside = reply_new(), other = reply_new();
    int64_t lane;
    begin();
    lane = lease(IMMEDIATE);
    CHECK_EQ(run_in(lane, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
    CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", &inside) > 0);
    CHECK(sidelite_execute(conn, "INSERT INTO t VALUES ('other')", NULL, 0, on_reply, &other) > 0);
    conn_close(queue, conn, modes[i]);
    CHECK_EQ(inside.finals, 1);
    CHECK_EQ(other.finals, 1);
    CHECK_EQ(other.code, i ? SIDELITE_ERR_CANCELLED : SIDELITE_OK);
    reply_clear(&inside);
    reply_clear(&other);
    CHECK_EQ(sidelite_queue_free(queue, -1), 0);
    ask_expecting(path, "SELECT coalesce(group_concat(x), '') FROM t", i ? "" : "other");
    scratch_remove(directory);
  }
}

static void lease_dies_with_its_queue(void) {
  reply r = reply_new();
  int64_t lane;
  begin();
  lane = lease(IMMEDIATE);
  CHECK(submit_in(lane, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &r) > 0);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
  ask_expecting(path, "SELECT count(*) FROM t", "0");
  scratch_remove(directory);
}

enum { TASKS = 50, THREADS = 4 };

/* A second process may do what the mode leaves to others; without WAL, EXCLUSIVE leaves nothing. */
static void lease_begins_as_deferred_immediate_and_exclusive(void) {
  static const struct {
    int mode;
    uint32_t state;
    int others_read, others_write;
  } modes[] = {{NONE, 0, 1, 1},
               {DEFERRED, SIDELITE_EVENT_IN_TRANSACTION, 1, 1},
               {IMMEDIATE, SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING, 1, 0},
               {EXCLUSIVE, SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING, 0, 0}};
  size_t i;
  begin();
  for (i = 0; i < sizeof modes / sizeof *modes; i++) {
    reply r = reply_new();
    char answer[256];
    int64_t lane = submit_lease(modes[i].mode, 0, &r);
    EXPECT(queue, &r, SIDELITE_OK);
    CHECK_EQ(r.flags & (SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_READING | SIDELITE_EVENT_WRITING), modes[i].state);
    ask(path, "SELECT count(*) FROM t", answer, sizeof answer);
    CHECK_EQ(!strstr(answer, "locked"), modes[i].others_read);
    ask(path, "INSERT INTO t VALUES (1)", answer, sizeof answer);
    CHECK_EQ(!strstr(answer, "locked"), modes[i].others_write);
    reply_clear(&r);
    CHECK_EQ(run_kind_in(lane, SIDELITE_RELEASE), SIDELITE_OK);
  }
  CHECK_EQ(rows(), 2);
  end();
}

/* A task reads a counter and writes it back, with everybody else's requests in between. */
static void *count_up(void *argument) {
  sidelite_conn *shared = (sidelite_conn *)argument;
  sidelite_queue *own = queue_new();
  int i;
  for (i = 0; i < SCALED(TASKS); i++) {
    reply leased = reply_new(), read = reply_new(), written = reply_new(), plain = reply_new();
    sidelite_value args[1] = {sidelite_int(IMMEDIATE)}, value;
    sidelite_request request = request_new(SIDELITE_LEASE, NULL, &leased);
    int64_t lane;
    request.reply_to = own;
    request.values = args;
    request.ncols = 1;
    lane = sidelite_submit(shared, &request, 1);
    CHECK(lane > 0);
    EXPECT(own, &leased, SIDELITE_OK);
    request = request_new(SIDELITE_FETCH, "SELECT n FROM counter", &read);
    request.reply_to = own;
    request.lane = lane;
    CHECK(sidelite_submit(shared, &request, 1) > 0);
    EXPECT(own, &read, SIDELITE_OK);
    value = sidelite_int(sidelite_row_int64(read.result, 0, 0) + 1);
    reply_clear(&read);
    request = request_new(SIDELITE_SCRIPT, "UPDATE counter SET n = -1000", NULL);
    request.reply_to = own;
    request.lane = lane;
    CHECK(sidelite_submit(shared, &request, 1) > 0);
    request = request_new(SIDELITE_EXECUTE, "UPDATE counter SET n = ?", NULL);
    request.reply_to = own;
    request.lane = lane;
    request.values = &value;
    request.ncols = 1;
    CHECK(sidelite_submit(shared, &request, 1) > 0);
    request = request_new(SIDELITE_COMMIT, NULL, &written);
    request.reply_to = own;
    request.lane = lane;
    CHECK(sidelite_submit(shared, &request, 1) > 0);
    request = request_new(SIDELITE_FETCH, "SELECT n >= 0 FROM counter", &plain);
    request.reply_to = own;
    CHECK(sidelite_submit(shared, &request, 1) > 0);
    EXPECT(own, &written, SIDELITE_OK);
    EXPECT(own, &plain, SIDELITE_OK);
    CHECK_EQ(sidelite_row_int64(plain.result, 0, 0), 1);
    reply_clear(&plain);
  }
  CHECK_EQ(sidelite_queue_free(own, -1), 0);
  return NULL;
}

static void lease_loses_no_update_of_many_tasks(void) {
  pthread_t threads[THREADS];
  int i;
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE counter(n)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO counter VALUES (0)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "PRAGMA synchronous = OFF"), SIDELITE_OK);
  for (i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, count_up, conn), 0);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(fetch_int(queue, conn, "SELECT n FROM counter"), THREADS * SCALED(TASKS));
  end();
}

/* One that waits for a lease is cancelled, or too late, in its place: it does not run. */
static void contract_12_request_that_waits_for_a_lease_is_cancelled(void) {
  reply cancelled = reply_new(), late = reply_new(), other = reply_new();
  int64_t lane, id;
  begin();
  lane = lease(IMMEDIATE);
  id = execute(conn, "INSERT INTO t VALUES ('cancelled')", &cancelled);
  submit_with_timeout(conn, SIDELITE_EXECUTE, "INSERT INTO t VALUES ('late')", 1, &late);
  execute(conn, "INSERT INTO t VALUES ('other')", &other);
  CHECK_EQ(run_in(lane, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  sleep_ms(2);
  CHECK_EQ(run_in(lane, "COMMIT"), SIDELITE_OK);
  EXPECT(queue, &cancelled, SIDELITE_ERR_CANCELLED);
  EXPECT(queue, &late, SIDELITE_ERR_TIMEOUT);
  EXPECT(queue, &other, SIDELITE_OK);
  CHECK_EQ(cancelled.flags & late.flags & SIDELITE_EVENT_NOT_RUN, SIDELITE_EVENT_NOT_RUN);
  reply_clear(&cancelled);
  reply_clear(&late);
  ask_expecting(path, "SELECT group_concat(x) FROM t", "other");
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(lease_keeps_others_waiting_until_its_commit),
                               TEST(lease_that_has_ended_is_no_lane_any_more),
                               TEST(lease_requests_queued_behind_its_end_are_aborted),
                               TEST(lease_takes_requests_before_it_is_granted),
                               TEST(lease_that_is_released_is_rolled_back),
                               TEST(lease_of_savepoints_commits_what_they_left),
                               TEST(lease_without_a_transaction_lasts_until_its_release),
                               TEST(lease_that_is_held_too_long_is_rolled_back),
                               TEST(lease_that_is_cancelled_is_rolled_back),
                               TEST(lease_that_waits_can_be_cancelled_with_those_behind_it),
                               TEST(lease_that_cannot_begin_lets_the_others_go_on),
                               TEST(contract_10_lease_that_loses_its_transaction_ends),
                               TEST(lease_inside_of_a_lease_is_refused),
                               TEST(lease_holds_arrays_and_streams),
                               TEST(lease_pauses_the_streams_of_others),
                               TEST(lease_ends_as_its_connection_closes),
                               TEST(lease_dies_with_its_queue),
                               TEST(lease_begins_as_deferred_immediate_and_exclusive),
                               TEST(lease_loses_no_update_of_many_tasks),
                               TEST(contract_12_request_that_waits_for_a_lease_is_cancelled),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
