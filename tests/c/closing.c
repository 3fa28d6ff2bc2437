/* Contract 16: close never blocks, and in CANCEL mode CLOSED comes soon, whatever the connection is doing. Each
 * test prints how soon; it fails only where something has run to its end. */
#include "faults.h"

#define A_MINUTE 60000
#define NOT_SOON_MS 5000

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4200];

static sidelite_conn *open_file(void) {
  sidelite_open_config config = open_config_new(0);
  config.busy_timeout_ms = A_MINUTE;
  return conn_open(queue, path, &config);
}

static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "closing.db");
  queue = queue_new();
  conn = open_file();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
}

static void end(void) {
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  scratch_remove(directory);
}

static int closed;

/* Nothing comes behind CLOSED. */
static void on_event(const sidelite_event *event, void *user_data) {
  CHECK_EQ(closed, 0);
  on_reply(event, user_data);
}

static void on_closed(const sidelite_event *event, void *user_data) {
  (void)user_data;
  CHECK_EQ(event->id, 0);
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK(event->flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(closed++, 0);
}

static int64_t submit(uint32_t kind, const char *sql, reply *r) {
  sidelite_request request = request_new(kind, sql, r);
  int64_t id;
  request.callback = on_event;
  request.chunk_rows = 1;
  *r = reply_new();
  closed = 0;
  id = sidelite_submit(conn, &request, 1);
  CHECK(id > 0);
  return id;
}

/* Closes in CANCEL mode and waits for CLOSED, behind which nothing may come. */
static void close_soon(const char *out_of) {
  double start = now_ms(), took;
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_CANCEL, on_closed, NULL), SIDELITE_OK);
  TURN_UNTIL(queue, closed);
  took = now_ms() - start;
  printf("  closed out of %s in %.1f ms\n", out_of, took);
  CHECK(took < NOT_SOON_MS);
  sleep_ms(10);
  (void)turn(queue, 0);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
}

/* Each final event had come by CLOSED. */
static void check_ended(reply *r, int32_t code, uint32_t flags) {
  CHECK_EQ(r->finals, 1);
  CHECK_EQ(r->code, code);
  CHECK_EQ(r->flags & NOT_RUN, flags);
  reply_clear(r);
}

static void contract_16_close_out_of_an_endless_query(void) {
  reply running = reply_new(), queued;
  begin();
  (void)execute_until_it_runs(queue, conn, ENDLESS, &running);
  submit(SIDELITE_EXECUTE, "SELECT 1", &queued);
  close_soon("an endless query");
  check_ended(&running, SIDELITE_ERR_CANCELLED, 0);
  check_ended(&queued, SIDELITE_ERR_CANCELLED, NOT_RUN);
  end();
}

static void contract_16_close_out_of_a_wait_for_a_lock(void) {
  sidelite_conn *other;
  reply waiting, queued;
  begin();
  other = open_file();
  CHECK_EQ(exec(queue, other, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  submit(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &waiting);
  submit(SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", &queued);
  sleep_ms(100);
  close_soon("a wait for a lock");
  check_ended(&waiting, SIDELITE_ERR_CANCELLED, 0);
  check_ended(&queued, SIDELITE_ERR_CANCELLED, NOT_RUN);
  CHECK_EQ(exec(queue, other, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, other, "SELECT count(*) FROM t"), 0);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
}

/* A COMMIT that waits for a reader: the transaction is rolled back, since it was never acknowledged. */
static void contract_16_close_out_of_a_commit_that_waits(void) {
  sidelite_conn *reader;
  reply stream = reply_new(), waiting;
  begin();
  CHECK_EQ(exec(queue, conn, "INSERT INTO t " COUNT_TO("100")), SIDELITE_OK);
  reader = open_file();
  CHECK(sidelite_stream(reader, "SELECT id FROM t", NULL, 0, 1, on_reply, &stream) > 0);
  TURN_UNTIL(queue, stream.events == 2);
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "DELETE FROM t"), SIDELITE_OK);
  submit(SIDELITE_EXECUTE, "COMMIT", &waiting);
  sleep_ms(100);
  close_soon("a COMMIT that waits for a reader");
  check_ended(&waiting, SIDELITE_ERR_CANCELLED, 0);
  conn_close(queue, reader, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(stream.finals, 1);
  reply_clear(&stream);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 100);
  end();
}

/* The opening itself waits: a change of the journal mode wants the file for itself. */
static void contract_16_close_out_of_an_opening_that_waits(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *other;
  reply opened = reply_new(), queued;
  begin();
  other = conn;
  CHECK_EQ(exec(queue, other, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  config.busy_timeout_ms = A_MINUTE;
  CHECK_EQ(sidelite_open(queue, path, &config, on_event, &opened, &conn), SIDELITE_OK);
  submit(SIDELITE_EXECUTE, "SELECT 1", &queued);
  sleep_ms(100);
  (void)turn(queue, 0);
  CHECK_EQ(opened.finals, 0);
  close_soon("an opening that waits for a lock");
  CHECK(opened.flags & SIDELITE_EVENT_OPENED);
  check_ended(&opened, SIDELITE_ERR_CANCELLED, 0);
  check_ended(&queued, SIDELITE_ERR_CANCELLED, NOT_RUN);
  CHECK_EQ(exec(queue, other, "COMMIT"), SIDELITE_OK);
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
}

/* A checkpoint waits for readers of the log, and tells in its row, not in its code, that it did not get through. */
static void contract_16_close_out_of_a_checkpoint_that_waits(void) {
  sidelite_conn *reader;
  reply stream = reply_new(), waiting;
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA journal_mode=WAL"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t " COUNT_TO("100")), SIDELITE_OK);
  reader = open_file();
  CHECK(sidelite_stream(reader, "SELECT id FROM t", NULL, 0, 1, on_reply, &stream) > 0);
  TURN_UNTIL(queue, stream.events == 2);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (101)"), SIDELITE_OK);
  submit(SIDELITE_FETCH, "PRAGMA wal_checkpoint(TRUNCATE)", &waiting);
  sleep_ms(100);
  (void)turn(queue, 0);
  CHECK_EQ(waiting.finals, 0);
  close_soon("a checkpoint that waits for a reader");
  CHECK_EQ(waiting.finals, 1);
  CHECK(waiting.code == SIDELITE_ERR_CANCELLED || sidelite_row_int64(waiting.result, 0, 0) == 1);
  reply_clear(&waiting);
  conn_close(queue, reader, SIDELITE_CLOSE_CANCEL);
  reply_clear(&stream);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 101);
  end();
}

/* Caught at three moments, because a sort first collects, then sorts, then hands out. */
static void contract_16_close_out_of_a_sort(void) {
  const int moments[] = {50, 400, 1000};
  begin();
  for (size_t i = 0; i < COUNT_OF(moments); i++) {
    reply sorting;
    submit(SIDELITE_EXECUTE, "SELECT * FROM (" COUNT_TO("20000000") ") ORDER BY i * 7919 % 1000003", &sorting);
    sleep_ms(moments[i]);
    close_soon("a sort");
    check_ended(&sorting, SIDELITE_ERR_CANCELLED, 0);
    conn = open_file();
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  end();
}

/* Without a temporary file the whole is sorted in one go, which is the longest that SQLite listens to nobody. */
static void contract_16_close_out_of_a_sort_in_memory(void) {
  reply sorting;
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA temp_store=MEMORY"), SIDELITE_OK);
  submit(SIDELITE_EXECUTE, "SELECT * FROM (" COUNT_TO("1000000") ") ORDER BY i * 7919 % 1000003", &sorting);
  sleep_ms(250);
  close_soon("a sort in memory");
  CHECK_EQ(sorting.finals, 1);
  reply_clear(&sorting);
  end();
}

static void contract_16_close_out_of_a_paused_stream(void) {
  reply paused;
  begin();
  submit(SIDELITE_STREAM, COUNT_TO("1000"), &paused);
  TURN_UNTIL(queue, paused.events == 2);
  close_soon("a paused stream");
  check_ended(&paused, SIDELITE_ERR_CANCELLED, 0);
  end();
}

static void contract_16_close_out_of_a_long_write(void) {
  reply writing;
  off_t quiet;
  begin();
  CHECK_EQ(exec(queue, conn, "PRAGMA cache_size=10"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "PRAGMA synchronous=OFF"), SIDELITE_OK);
  quiet = file_size(path);
  submit(SIDELITE_EXECUTE, "INSERT INTO t " COUNT_TO("20000000"), &writing);
  WAIT_UNTIL(file_size(path) > quiet + 1048576);
  close_soon("a long write");
  check_ended(&writing, SIDELITE_ERR_CANCELLED, 0);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 0);
  end();
}

static void contract_16_close_with_ten_thousand_queued(void) {
  enum { N = 10000 };
  static reply queued[N];
  reply running = reply_new();
  begin();
  (void)execute_until_it_runs(queue, conn, ENDLESS, &running);
  for (int i = 0; i < N; i++) submit(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &queued[i]);
  close_soon("10,000 queued");
  check_ended(&running, SIDELITE_ERR_CANCELLED, 0);
  for (int i = 0; i < N; i++) check_ended(&queued[i], SIDELITE_ERR_CANCELLED, NOT_RUN);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 0);
  end();
}

/* The connection's thread is held inside the host's own function, where nothing can reach it: close does not wait. */
static void contract_16_close_never_blocks(void) {
  reply queued;
  gate g;
  begin();
  gate_shut(&g, conn);
  submit(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &queued);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_CANCEL, on_closed, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, NULL), SIDELITE_ERR_CLOSED);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_closed, NULL), SIDELITE_ERR_CLOSED);
  CHECK_EQ(closed, 0);
  gate_open(&g);
  gate_remove(&g, queue);
  TURN_UNTIL(queue, closed);
  check_ended(&queued, SIDELITE_ERR_CANCELLED, NOT_RUN);
  end();
}

static void drain_with_a_paused_stream(reply *paused, reply *queued, int64_t *id) {
  begin();
  *id = submit(SIDELITE_STREAM, COUNT_TO("100"), paused);
  TURN_UNTIL(queue, paused->events == 2);
  submit(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", queued);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_closed, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_CLOSED);
  TURN_UNTIL(queue, queued->finals);
  sleep_ms(50);
  (void)turn(queue, 0);
  CHECK_EQ(closed, 0);
  CHECK_EQ(paused->events, 2);
}

static void drained(reply *paused, reply *queued, int32_t code, uint64_t rows) {
  TURN_UNTIL(queue, closed);
  CHECK_EQ(paused->rows, rows);
  check_ended(paused, code, 0);
  check_ended(queued, SIDELITE_OK, 0);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 1);
  end();
}

static void contract_16_drain_waits_for_a_paused_stream_to_be_read(void) {
  reply paused, queued;
  int64_t id;
  drain_with_a_paused_stream(&paused, &queued, &id);
  CHECK_EQ(sidelite_more(conn, id, 1), SIDELITE_OK);
  TURN_UNTIL(queue, paused.events == 3);
  CHECK_EQ(sidelite_more(conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  drained(&paused, &queued, SIDELITE_OK, 100);
}

static void contract_16_drain_waits_for_a_paused_stream_to_be_cancelled(void) {
  reply paused, queued;
  int64_t id;
  drain_with_a_paused_stream(&paused, &queued, &id);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  drained(&paused, &queued, SIDELITE_ERR_CANCELLED, 2);
}

static void contract_16_drain_is_hurried_by_cancel_of_all(void) {
  reply paused, queued;
  int64_t id;
  drain_with_a_paused_stream(&paused, &queued, &id);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  drained(&paused, &queued, SIDELITE_ERR_CANCELLED, 2);
}

static void contract_16_close_rolls_an_open_transaction_back(void) {
  const uint32_t modes[] = {SIDELITE_CLOSE_DRAIN, SIDELITE_CLOSE_CANCEL};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    begin();
    CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
    CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
    conn_close(queue, conn, modes[i]);
    CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 0);
    end();
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_16_close_out_of_an_endless_query),
      TEST(contract_16_close_out_of_a_wait_for_a_lock),
      TEST(contract_16_close_out_of_a_commit_that_waits),
      TEST(contract_16_close_out_of_an_opening_that_waits),
      TEST(contract_16_close_out_of_a_checkpoint_that_waits),
      TEST(contract_16_close_out_of_a_sort),
      TEST(contract_16_close_out_of_a_sort_in_memory),
      TEST(contract_16_close_out_of_a_paused_stream),
      TEST(contract_16_close_out_of_a_long_write),
      TEST(contract_16_close_with_ten_thousand_queued),
      TEST(contract_16_close_never_blocks),
      TEST(contract_16_drain_waits_for_a_paused_stream_to_be_read),
      TEST(contract_16_drain_waits_for_a_paused_stream_to_be_cancelled),
      TEST(contract_16_drain_is_hurried_by_cancel_of_all),
      TEST(contract_16_close_rolls_an_open_transaction_back),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
