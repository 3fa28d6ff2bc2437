/* Streams: chunks under credit. */
#include "harness.h"

enum { CHUNKS = 128 };

/* What a stream delivered: the rows and bytes of each event, the last being the final one. */
typedef struct record {
  uint32_t rows[CHUNKS];
  uint64_t bytes[CHUNKS];
  uint32_t flags[CHUNKS];
  int64_t rowids[CHUNKS];
  int events;
  int64_t next; /* the number that the next row must hold, when `counts` is set */
  int counts;
  reply r;
} record;

static void on_record(const sidelite_event *event, void *user_data) {
  record *rec = (record *)user_data;
  uint32_t row;
  CHECK(rec->events < CHUNKS);
  CHECK(event->result != NULL);
  for (row = 0; rec->counts && row < event->result->nrows; row++)
    CHECK_EQ(sidelite_row_int64(event->result, row, 0), ++rec->next);
  rec->rows[rec->events] = event->result->nrows;
  rec->flags[rec->events] = event->flags;
  rec->rowids[rec->events] = event->last_insert_rowid;
  rec->bytes[rec->events++] = event->result->bytes;
  on_reply(event, &rec->r);
}

typedef struct fixture {
  sidelite_queue *queue;
  sidelite_conn *conn;
  record rec;
} fixture;

static fixture fixture_new(void) {
  fixture f;
  memset(&f, 0, sizeof f);
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", NULL);
  return f;
}

static void fixture_free(fixture *f) {
  conn_close(f->queue, f->conn, SIDELITE_CLOSE_DRAIN);
  reply_clear(&f->rec.r);
  CHECK_EQ(sidelite_queue_free(f->queue, -1), 0);
}

static int64_t start(fixture *f, const char *sql, uint32_t chunk_rows, uint32_t window) {
  sidelite_request request = request_new(SIDELITE_STREAM, sql, NULL);
  int64_t id;
  reply_clear(&f->rec.r);
  memset(&f->rec, 0, sizeof f->rec);
  request.callback = on_record;
  request.user_data = &f->rec;
  request.chunk_rows = chunk_rows;
  request.window = window;
  id = sidelite_submit(f->conn, &request, 1);
  CHECK(id > 0);
  return id;
}

static void start_and_finish(fixture *f, const char *sql, uint32_t chunk_rows) {
  start(f, sql, chunk_rows, SIDELITE_UNLIMITED);
  TURN_UNTIL(f->queue, f->rec.r.finals);
}

/* All that the stream will send without further credit has come when a request submitted after it has ended. */
static void expect_to_pause_after(fixture *f, int events) {
  TURN_UNTIL(f->queue, f->rec.events >= events);
  CHECK_EQ(exec(f->queue, f->conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(exec(f->queue, f->conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(f->rec.events, events);
  CHECK_EQ(f->rec.r.finals, 0);
}

static void stream_ramps_up(void) {
  static const uint32_t ramp[] = {16, 64, 256, 512, 512, 512};
  fixture f = fixture_new();
  int i;
  start(&f, COUNT_TO("2000"), 0, SIDELITE_UNLIMITED);
  f.rec.counts = 1;
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.r.code, SIDELITE_OK);
  for (i = 0; i < 6; i++) CHECK_EQ(f.rec.rows[i], ramp[i]);
  CHECK_EQ(f.rec.r.rows, 2000);
  CHECK_EQ(f.rec.next, 2000);
  fixture_free(&f);
}

static void stream_chunks_of_wide_rows_end_at_64_kib(void) {
  enum { ROW = 10000, KIB64 = 64 << 10 };
  fixture f = fixture_new();
  int i;
  start_and_finish(&f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)"
                       " SELECT zeroblob(10000) FROM n", 0);
  CHECK_EQ(f.rec.r.rows, 100);
  for (i = 0; i < f.rec.events - 1; i++) {
    CHECK(f.rec.bytes[i] >= KIB64);
    CHECK(f.rec.bytes[i] < KIB64 + 2 * ROW);
  }
  /* A row that is larger than a chunk comes alone. */
  start_and_finish(&f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3)"
                       " SELECT zeroblob(100000) FROM n", 0);
  CHECK_EQ(f.rec.r.rows, 3);
  for (i = 0; i < 3; i++) CHECK_EQ(f.rec.rows[i], 1);
  fixture_free(&f);
}

static void stream_chunks_have_the_rows_that_were_asked_for(void) {
  fixture f = fixture_new();
  int i;
  start_and_finish(&f, COUNT_TO("2500"), 1000);
  CHECK_EQ(f.rec.rows[0], 1000);
  CHECK_EQ(f.rec.rows[1], 1000);
  CHECK_EQ(f.rec.r.rows, 2500);
  /* Then they end at 1 MiB, too. */
  start_and_finish(&f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60)"
                       " SELECT zeroblob(100000) FROM n", 1000);
  CHECK_EQ(f.rec.r.rows, 60);
  for (i = 0; i < f.rec.events - 1; i++) {
    CHECK(f.rec.bytes[i] >= 1 << 20);
    CHECK(f.rec.bytes[i] < (1 << 20) + 200000);
  }
  fixture_free(&f);
}

static void stream_sends_two_chunks_by_itself_and_one_for_each_credit(void) {
  fixture f = fixture_new();
  int64_t id = start(&f, COUNT_TO("1000"), 10, 0);
  f.rec.counts = 1;
  expect_to_pause_after(&f, 2);
  CHECK_EQ(sidelite_more(f.conn, id, 1), SIDELITE_OK);
  expect_to_pause_after(&f, 3);
  CHECK_EQ(sidelite_more(f.conn, id, 2), SIDELITE_OK);
  CHECK_EQ(sidelite_more(f.conn, id, 3), SIDELITE_OK);
  expect_to_pause_after(&f, 8);
  CHECK_EQ(f.rec.r.rows, 80);
  CHECK_EQ(sidelite_cancel(f.conn, id), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.r.code, SIDELITE_ERR_CANCELLED);
  fixture_free(&f);
}

static void stream_window_says_how_many_chunks_come_by_themselves(void) {
  fixture f = fixture_new();
  int64_t id = start(&f, COUNT_TO("1000"), 10, 1);
  expect_to_pause_after(&f, 1);
  CHECK_EQ(sidelite_cancel(f.conn, id), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  id = start(&f, COUNT_TO("1000"), 10, 5);
  expect_to_pause_after(&f, 5);
  CHECK_EQ(sidelite_cancel(f.conn, id), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  fixture_free(&f);
}

static void stream_credit_may_be_granted_before_the_stream_begins(void) {
  fixture f = fixture_new();
  int64_t id;
  gate g;
  gate_shut(&g, f.conn);
  id = start(&f, COUNT_TO("1000"), 10, 1);
  CHECK_EQ(sidelite_more(f.conn, id, 3), SIDELITE_OK);
  gate_open(&g);
  gate_remove(&g, f.queue);
  expect_to_pause_after(&f, 4);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED - 1), SIDELITE_OK);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  fixture_free(&f);
}

static void stream_credit_for_what_is_not_a_stream_is_refused(void) {
  fixture f = fixture_new();
  reply r = reply_new();
  int64_t stream = start(&f, COUNT_TO("1000"), 10, 0), other;
  gate g;
  CHECK_EQ(sidelite_more(f.conn, stream, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_more(f.conn, stream, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(sidelite_more(f.conn, stream, 1), SIDELITE_ERR_BAD_HANDLE);
  gate_shut(&g, f.conn);
  other = sidelite_execute(f.conn, "SELECT 1", NULL, 0, on_reply, &r);
  CHECK_EQ(sidelite_more(f.conn, other, 1), SIDELITE_ERR_BAD_HANDLE);
  gate_open(&g);
  gate_remove(&g, f.queue);
  fixture_free(&f);
}

static void stream_that_is_paused_lets_other_requests_run(void) {
  fixture f = fixture_new();
  int64_t id;
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t " COUNT_TO("100")), SIDELITE_OK);
  id = start(&f, "SELECT a FROM t", 10, 1);
  f.rec.counts = 1;
  expect_to_pause_after(&f, 1);
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE u(a)"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO u VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 100);
  /* The same text again, while the first is on its row. */
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT a FROM t"), 1);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.r.code, SIDELITE_OK);
  CHECK_EQ(f.rec.next, 100);
  /* At its end it lets go of the table at once. */
  CHECK_EQ(exec(f.queue, f.conn, "DROP TABLE t"), SIDELITE_OK);
  fixture_free(&f);
}

static void stream_several_run_side_by_side(void) {
  enum { STREAMS = 10 };
  fixture f[STREAMS];
  int64_t ids[STREAMS];
  int i, done = 0;
  f[0] = fixture_new();
  for (i = 0; i < STREAMS; i++) {
    if (i) f[i] = f[0];
    memset(&f[i].rec, 0, sizeof f[i].rec);
    ids[i] = start(&f[i], COUNT_TO("300"), 10, 1);
    f[i].rec.counts = 1;
  }
  while (done < STREAMS) {
    (void)turn(f[0].queue, 100);
    for (done = i = 0; i < STREAMS; i++) {
      done += f[i].rec.r.finals;
      if (!f[i].rec.r.finals) (void)sidelite_more(f[0].conn, ids[i], 1);
    }
  }
  for (i = 0; i < STREAMS; i++) {
    CHECK_EQ(f[i].rec.r.code, SIDELITE_OK);
    CHECK_EQ(f[i].rec.next, 300);
    if (i) reply_clear(&f[i].rec.r);
  }
  fixture_free(&f[0]);
}

/* The rows 1 to 6, and an error in the seventh. */
static const char *const breaks =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9)"
    " SELECT CASE i WHEN 7 THEN abs(-9223372036854775807 - 1) ELSE i END FROM n";

static void stream_rows_before_an_error_come_before_it(void) {
  fixture f = fixture_new();
  start(&f, breaks, 4, 2);
  f.rec.counts = 1;
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.events, 3);
  CHECK_EQ(f.rec.rows[0], 4);
  CHECK_EQ(f.rec.rows[1], 2);
  CHECK_EQ(f.rec.rows[2], 0);
  CHECK_EQ(f.rec.r.code, 1);
  CHECK(!strcmp((const char *)f.rec.r.result + f.rec.r.result->message, "integer overflow"));
  /* What it has read is no longer locked. */
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  fixture_free(&f);
}

static void stream_chunks_tell_the_transaction_and_the_last_rowid(void) {
  fixture f = fixture_new();
  int64_t id;
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE t(a INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(f.queue, f.conn, "BEGIN"), SIDELITE_OK);
  id = start(&f, "INSERT INTO t VALUES (41), (42), (43) RETURNING a", 2, 1);
  expect_to_pause_after(&f, 1);
  CHECK_EQ(f.rec.flags[0],
           SIDELITE_EVENT_MORE | SIDELITE_EVENT_IN_TRANSACTION | SIDELITE_EVENT_WRITING);
  CHECK_EQ(f.rec.rowids[0], 43);
  CHECK_EQ(exec(f.queue, f.conn, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.r.rows, 3);
  CHECK_EQ(f.rec.r.flags, 0);
  fixture_free(&f);
}

static void stream_of_no_rows_has_column_names(void) {
  fixture f = fixture_new();
  start_and_finish(&f, "SELECT 1 AS one WHERE 0", 0);
  CHECK_EQ(f.rec.events, 1);
  CHECK_EQ(f.rec.r.code, SIDELITE_OK);
  CHECK_EQ(f.rec.r.rows, 0);
  CHECK(!strcmp(sidelite_column_name(f.rec.r.result, 0), "one"));
  fixture_free(&f);
}

static void stream_of_a_statement_that_writes_reports_its_changes(void) {
  fixture f = fixture_new();
  int64_t id;
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE t(a INTEGER PRIMARY KEY)"), SIDELITE_OK);
  id = start(&f, "INSERT INTO t " COUNT_TO("100") " RETURNING a", 10, 1);
  f.rec.counts = 1;
  expect_to_pause_after(&f, 1);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 100);
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t VALUES (777)"), SIDELITE_OK);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.r.code, SIDELITE_OK);
  CHECK_EQ(f.rec.next, 100);
  CHECK_EQ(f.rec.r.changes, 100);
  fixture_free(&f);
}

static void stream_keeps_its_values_while_it_is_paused(void) {
  fixture f = fixture_new();
  sidelite_request request =
      request_new(SIDELITE_STREAM, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?1)"
                                   " SELECT i FROM n WHERE ?2 = 'kept'", NULL);
  char text[8] = "kept";
  sidelite_value values[2] = {sidelite_int(500), sidelite_text(text)};
  int64_t id;
  request.values = values;
  request.ncols = 2;
  request.chunk_rows = 10;
  request.callback = on_record;
  request.user_data = &f.rec;
  f.rec.counts = 1;
  id = sidelite_submit(f.conn, &request, 1);
  CHECK(id > 0);
  memset(text, 0, sizeof text);
  memset(values, 0, sizeof values);
  expect_to_pause_after(&f, 2);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, f.rec.r.finals);
  CHECK_EQ(f.rec.next, 500);
  fixture_free(&f);
}

static void stream_holds_a_close_that_drains_until_it_is_read_to_its_end(void) {
  fixture f = fixture_new();
  reply closed = reply_new();
  int64_t id = start(&f, COUNT_TO("1000"), 10, 0);
  f.rec.counts = 1;
  TURN_UNTIL(f.queue, f.rec.events == 2);
  CHECK_EQ(sidelite_close(f.conn, SIDELITE_CLOSE_DRAIN, on_reply, &closed), SIDELITE_OK);
  (void)turn(f.queue, 50);
  CHECK_EQ(closed.finals, 0);
  CHECK_EQ(sidelite_more(f.conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(f.queue, closed.finals);
  CHECK_EQ(f.rec.r.code, SIDELITE_OK);
  CHECK_EQ(f.rec.next, 1000);
  reply_clear(&f.rec.r);
  CHECK_EQ(sidelite_queue_free(f.queue, -1), 0);
}

static void stream_of_a_million_rows_holds_little_memory(void) {
  fixture f = fixture_new();
  int64_t id = start(&f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)"
                         " SELECT i FROM n", 0, 0);
  uint64_t rows = 0, most = 0;
  f.rec.counts = 1;
  while (!f.rec.r.finals) {
    uint64_t bytes = stats_of(f.conn).bytes;
    if (bytes > most) most = bytes;
    f.rec.events = 0;
    (void)turn(f.queue, 60000);
    CHECK(f.rec.r.rows > rows);
    rows = f.rec.r.rows;
    if (f.rec.events && !f.rec.r.finals) CHECK_EQ(sidelite_more(f.conn, id, (uint32_t)f.rec.events), SIDELITE_OK);
  }
  CHECK_EQ(f.rec.next, 1000000);
  CHECK(most < 1 << 20);
  fixture_free(&f);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(stream_ramps_up),
      TEST(stream_chunks_of_wide_rows_end_at_64_kib),
      TEST(stream_chunks_have_the_rows_that_were_asked_for),
      TEST(stream_sends_two_chunks_by_itself_and_one_for_each_credit),
      TEST(stream_window_says_how_many_chunks_come_by_themselves),
      TEST(stream_credit_may_be_granted_before_the_stream_begins),
      TEST(stream_credit_for_what_is_not_a_stream_is_refused),
      TEST(stream_that_is_paused_lets_other_requests_run),
      TEST(stream_several_run_side_by_side),
      TEST(stream_rows_before_an_error_come_before_it),
      TEST(stream_chunks_tell_the_transaction_and_the_last_rowid),
      TEST(stream_of_no_rows_has_column_names),
      TEST(stream_of_a_statement_that_writes_reports_its_changes),
      TEST(stream_keeps_its_values_while_it_is_paused),
      TEST(stream_holds_a_close_that_drains_until_it_is_read_to_its_end),
      TEST(stream_of_a_million_rows_holds_little_memory),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
