/* Functions that the host answers on its own loop, while the statement that called them waits. */
#include "command.h"
#include "faults.h"

/* What a test's function has been asked, and how it answers. */
typedef struct host {
  sidelite_queue *queue;
  sidelite_conn *conn;
  int created, calls, ends, finals_of_groups;
  int64_t call, group, request;       /* of the last call */
  int64_t rows;                       /* of all calls */
  uint64_t sum;                       /* of their first column; it may wrap */
  void (*answer)(struct host *, const sidelite_event *);
  int32_t code;                       /* what `fail` answers with */
  int32_t fails_at;                   /* the SIDELITE_CALL_ that fails */
  char log[4096];
} host;

static void reply_int(host *h, int64_t call, int64_t integer) {
  sidelite_value value = sidelite_int(integer);
  CHECK_EQ(sidelite_reply(h->conn, call, &value, SIDELITE_OK), SIDELITE_OK);
}

static void on_call(const sidelite_event *event, void *user_data) {
  host *h = (host *)user_data;
  uint32_t row;
  if (!(event->flags & SIDELITE_EVENT_CALL)) {
    CHECK_EQ(event->code, SIDELITE_OK);
    h->created++;
    return;
  }
  CHECK(event->flags & SIDELITE_EVENT_MORE);
  CHECK(event->conn == h->conn);
  if (event->code == SIDELITE_CALL_END) {
    CHECK_EQ(event->id, 0);
    h->ends++;
    return;
  }
  h->calls++;
  h->finals_of_groups += event->code == SIDELITE_CALL_FINAL;
  h->call = event->id;
  h->group = event->changes;
  h->request = event->last_insert_rowid;
  for (row = 0; row < event->result->nrows; row++) h->sum += (uint64_t)sidelite_row_int64(event->result, row, 0);
  h->rows += event->result->nrows;
  if (h->answer) h->answer(h, event);
}

/* Twice the argument, at once. */
static void answer_twice(host *h, const sidelite_event *event) {
  reply_int(h, event->id, 2 * sidelite_row_int64(event->result, 0, 0));
}

static void fail(host *h, const sidelite_event *event) {
  sidelite_value message = sidelite_text("the host's own words");
  CHECK_EQ(sidelite_reply(h->conn, event->id, &message, h->code), SIDELITE_OK);
}

static int64_t create(host *h, uint32_t kind, const char *name, int32_t n_args, uint32_t batch_rows, uint32_t flags) {
  sidelite_function_config config = function_new(kind, name, n_args, NULL);
  config.batch_rows = batch_rows;
  config.flags = flags;
  return sidelite_create_function(h->conn, &config, on_call, h);
}

static host host_new(void (*answer)(host *, const sidelite_event *)) {
  host h;
  memset(&h, 0, sizeof h);
  h.queue = queue_new();
  h.conn = conn_open(h.queue, ":memory:", NULL);
  h.answer = answer;
  h.fails_at = -1;
  return h;
}

/* `h` must not move from here on: its functions know its address. */
static void host_begin(host *h) {
  CHECK(create(h, SIDELITE_FUNCTION_SCALAR, "f", 1, 0, SIDELITE_FUNCTION_DETERMINISTIC) > 0);
  TURN_UNTIL(h->queue, h->created == 1);
}

static void host_end(host *h) {
  conn_close(h->queue, h->conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(h->queue, -1), 0);
}

static int64_t submit_in(host *h, int64_t lane, uint32_t kind, const char *sql, reply *r) {
  sidelite_request request = request_new(kind, sql, r);
  request.lane = lane;
  return sidelite_submit(h->conn, &request, 1);
}

static void host_function_is_answered_at_once(void) {
  host h = host_new(answer_twice);
  host_begin(&h);
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT f(21)"), 42);
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT sum(f(value)) FROM json_each('[1, 2, 3]')"), 12);
  CHECK_EQ(h.calls, 4);
  CHECK(h.call > INT64_C(1) << 52);
  CHECK(h.request > 0 && h.group == 0);
  host_end(&h);
}

static void host_function_is_answered_later(void) {
  host h = host_new(NULL);
  reply r = reply_new(), other = reply_new();
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  CHECK(sidelite_fetch(h.conn, "SELECT 2", NULL, 0, on_reply, &other) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  sleep_ms(5);
  (void)turn(h.queue, 0);
  CHECK_EQ(r.finals + other.finals, 0);
  reply_int(&h, h.call, 7);
  EXPECT(h.queue, &r, SIDELITE_OK);
  EXPECT(h.queue, &other, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 7);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, SIDELITE_OK), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&r);
  reply_clear(&other);
  host_end(&h);
}

static void *reply_from_thread(void *argument) {
  host *h = (host *)argument;
  reply_int(h, h->call, 8);
  return NULL;
}

static void host_function_is_answered_from_another_thread(void) {
  host h = host_new(NULL);
  reply r = reply_new();
  pthread_t thread;
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK_EQ(pthread_create(&thread, NULL, reply_from_thread, &h), 0);
  EXPECT(h.queue, &r, SIDELITE_OK);
  pthread_join(thread, NULL);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 8);
  reply_clear(&r);
  host_end(&h);
}

static void host_function_fails_with_its_own_code_and_words(void) {
  static const int32_t codes[] = {SQLITE_CONSTRAINT, SQLITE_CONSTRAINT_CHECK, -1001, -2000000000, SQLITE_BUSY,
                                  SQLITE_INTERRUPT};
  host h = host_new(fail);
  reply r;
  size_t i;
  host_begin(&h);
  for (i = 0; i < sizeof codes / sizeof *codes; i++) {
    h.code = codes[i];
    CHECK_EQ(fetch(h.queue, h.conn, "SELECT f(1)", &r), codes[i]);
    CHECK(!strcmp(message_of(&r), "the host's own words"));
    reply_clear(&r);
  }
  CHECK_EQ(exec(h.queue, h.conn, "SELECT 1"), SIDELITE_OK);
  host_end(&h);
}

static void host_function_whose_reply_cannot_be_still_waits(void) {
  host h = host_new(NULL);
  sidelite_value value = sidelite_text("\xff");
  sidelite_conn *other;
  reply r = reply_new();
  host_begin(&h);
  other = conn_open(h.queue, ":memory:", NULL);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK_EQ(sidelite_reply(h.conn, h.call, &value, 0), SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, -1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, -1000), SIDELITE_ERR_MISUSE);
  value.type = 77;
  CHECK_EQ(sidelite_reply(h.conn, h.call, &value, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_reply(h.conn, h.call + 1, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_reply(other, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_reply(NULL, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_OK);
  EXPECT(h.queue, &r, SIDELITE_OK);
  CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_NULL);
  reply_clear(&r);
  conn_close(h.queue, other, SIDELITE_CLOSE_DRAIN);
  host_end(&h);
}

/* The argument, whatever it is. */
static void answer_same(host *h, const sidelite_event *event) {
  sidelite_value value = *sidelite_row_value(event->result, 0, 0);
  if (value.type == SIDELITE_TEXT || value.type == SIDELITE_BLOB)
    value.as.data = sidelite_row_blob(event->result, 0, 0);
  CHECK_EQ(sidelite_reply(h->conn, event->id, &value, 0), SIDELITE_OK);
}

static void answer_zeros(host *h, const sidelite_event *event) {
  sidelite_value value = sidelite_zeroblob(5);
  CHECK_EQ(sidelite_reply(h->conn, event->id, &value, 0), SIDELITE_OK);
}

static void host_function_takes_and_gives_every_value(void) {
  host h = host_new(answer_same);
  host_begin(&h);
  CHECK_EQ(fetch_int(h.queue, h.conn,
                     "SELECT count(*) FROM (SELECT NULL AS v UNION ALL VALUES (9223372036854775807), "
                     "(-9223372036854775808), (0.5), (''), ('a' || char(0) || 'b'), (x''), (x'00ff')) "
                     "WHERE f(v) IS v AND typeof(f(v)) = typeof(v)"),
           8);
  h.answer = answer_zeros;
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT f(1) = x'0000000000'"), 1);
  host_end(&h);
}

static void contract_12_cancel_reaches_a_call_that_waits(void) {
  host h = host_new(NULL);
  reply r = reply_new(), late = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT f(2)", &late);
  int64_t id;
  host_begin(&h);
  id = sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK_EQ(sidelite_cancel(h.conn, id), SIDELITE_OK);
  EXPECT(h.queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  request.timeout_ms = 20;
  CHECK(sidelite_submit(h.conn, &request, 1) > 0);
  EXPECT(h.queue, &late, SIDELITE_ERR_TIMEOUT);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&r);
  reply_clear(&late);
  r = reply_new();
  CHECK(sidelite_fetch(h.conn, "SELECT f(3)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 3);
  CHECK_EQ(sidelite_cancel(h.conn, SIDELITE_RUNNING), SIDELITE_OK);
  EXPECT(h.queue, &r, SQLITE_INTERRUPT);
  reply_clear(&r);
  CHECK_EQ(exec(h.queue, h.conn, "SELECT 1"), SIDELITE_OK);
  host_end(&h);
}

static void host_function_may_be_given_a_time_to_answer(void) {
  host h = host_new(NULL);
  sidelite_function_config config = function_new(SIDELITE_FUNCTION_SCALAR, "slow", 0, NULL);
  reply r;
  config.reply_timeout_ms = 20;
  CHECK(sidelite_create_function(h.conn, &config, on_call, &h) > 0);
  CHECK_EQ(fetch(h.queue, h.conn, "SELECT slow()", &r), SIDELITE_ERR_TIMEOUT);
  CHECK(strstr(message_of(&r), "did not reply in time"));
  reply_clear(&r);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  host_end(&h);
}

static void contract_16_close_reaches_a_call_that_waits(void) {
  host h = host_new(NULL);
  reply r = reply_new();
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  conn_close(h.queue, h.conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(r.finals, 1);
  CHECK_EQ(r.code, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&r);
  CHECK_EQ(sidelite_queue_free(h.queue, -1), 0);
}

static void host_function_is_answered_while_its_connection_drains(void) {
  host h = host_new(NULL);
  reply r = reply_new(), closed = reply_new();
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK_EQ(sidelite_close(h.conn, SIDELITE_CLOSE_DRAIN, on_reply, &closed), SIDELITE_OK);
  CHECK_EQ(submit_in(&h, h.call, SIDELITE_FETCH, "SELECT 1", NULL), SIDELITE_ERR_CLOSED);
  reply_int(&h, h.call, 5);
  EXPECT(h.queue, &r, SIDELITE_OK);
  EXPECT(h.queue, &closed, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(sidelite_queue_free(h.queue, -1), 0);
}

/* The queue that was to answer is freed: the statement ends, and says so on the queue that asked. */
static void host_function_dies_with_its_queue(void) {
  host h = host_new(NULL);
  sidelite_queue *other = queue_new();
  sidelite_request request;
  reply r = reply_new();
  host_begin(&h);
  request = request_new(SIDELITE_FETCH, "SELECT f(1)", &r);
  request.reply_to = other;
  CHECK(sidelite_submit(h.conn, &request, 1) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK(sidelite_queue_free(h.queue, -1) >= 0);
  EXPECT(other, &r, SIDELITE_ERR_ABORTED);
  CHECK_EQ(sidelite_reply(h.conn, h.call, NULL, 0), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&r);
  CHECK_EQ(sidelite_queue_free(other, -1), 0);
}

/* A function that queries its own connection: the answer of its query is its own. */
static void on_inner(const sidelite_event *event, void *user_data) {
  host *h = (host *)user_data;
  CHECK_EQ(event->code, SIDELITE_OK);
  if (event->flags & SIDELITE_EVENT_MORE) return;
  reply_int(h, h->call, sidelite_row_int64(event->result, 0, 0));
}

static void answer_by_query(host *h, const sidelite_event *event) {
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT x * 100 FROM t WHERE x = ?", NULL);
  sidelite_value value = sidelite_int(sidelite_row_int64(event->result, 0, 0));
  request.lane = event->id;
  request.values = &value;
  request.ncols = 1;
  request.callback = on_inner;
  request.user_data = h;
  CHECK(sidelite_submit(h->conn, &request, 1) > 0);
}

static void host_function_queries_its_own_connection(void) {
  host h = host_new(answer_by_query);
  host_begin(&h);
  CHECK_EQ(exec(h.queue, h.conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK_EQ(exec(h.queue, h.conn, "INSERT INTO t VALUES (1), (2), (3)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT sum(f(x)) FROM t"), 600);
  CHECK_EQ(exec(h.queue, h.conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(exec(h.queue, h.conn, "UPDATE t SET x = f(x) WHERE x = 2"), SIDELITE_OK);
  CHECK_EQ(exec(h.queue, h.conn, "COMMIT"), SIDELITE_OK);
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT max(x) FROM t"), 200);
  host_end(&h);
}

static void host_function_takes_every_kind_inside_and_others_wait(void) {
  host h = host_new(NULL);
  reply outer = reply_new(), behind = reply_new(), inside[5];
  sidelite_request array[2];
  int i;
  host_begin(&h);
  CHECK_EQ(exec(h.queue, h.conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &outer) > 0);
  CHECK(sidelite_fetch(h.conn, "SELECT count(*) FROM t", NULL, 0, on_reply, &behind) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  for (i = 0; i < 5; i++) inside[i] = reply_new();
  CHECK(submit_in(&h, h.call, SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", &inside[0]) > 0);
  CHECK(submit_in(&h, h.call, SIDELITE_SCRIPT, "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)", &inside[1]) > 0);
  array[0] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (4)", &inside[2]);
  array[1] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (5)", &inside[3]);
  array[0].flags = SIDELITE_ATOMIC;
  array[0].lane = array[1].lane = h.call;
  CHECK(sidelite_submit(h.conn, array, 2) > 0);
  CHECK(submit_in(&h, h.call, SIDELITE_STREAM, "SELECT x FROM t", &inside[4]) > 0);
  for (i = 0; i < 5; i++) EXPECT(h.queue, &inside[i], SIDELITE_OK);
  CHECK_EQ(inside[4].rows, 5);
  CHECK_EQ(behind.finals + outer.finals, 0);
  reply_clear(&inside[4]);
  reply_int(&h, h.call, 1);
  EXPECT(h.queue, &outer, SIDELITE_OK);
  EXPECT(h.queue, &behind, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(behind.result, 0, 0), 5);
  CHECK_EQ(submit_in(&h, h.call, SIDELITE_FETCH, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  reply_clear(&outer);
  reply_clear(&behind);
  host_end(&h);
}

static void host_function_whose_query_fails_or_is_cancelled_still_waits(void) {
  host h = host_new(NULL);
  reply outer = reply_new(), failed = reply_new(), cancelled = reply_new(), parked = reply_new();
  sidelite_request stream;
  int64_t id;
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &outer) > 0);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK(submit_in(&h, h.call, SIDELITE_FETCH, "SELECT * FROM missing", &failed) > 0);
  EXPECT(h.queue, &failed, SQLITE_ERROR);
  id = submit_in(&h, h.call, SIDELITE_FETCH, ENDLESS, &cancelled);
  CHECK_EQ(sidelite_cancel(h.conn, id), SIDELITE_OK);
  EXPECT(h.queue, &cancelled, SIDELITE_ERR_CANCELLED);
  /* A stream that is not read to its end does not outlive the call. */
  stream = request_new(SIDELITE_STREAM, COUNT_TO("100"), &parked);
  stream.lane = h.call;
  stream.chunk_rows = 1;
  CHECK(sidelite_submit(h.conn, &stream, 1) > 0);
  TURN_UNTIL(h.queue, parked.events == 2);
  reply_int(&h, h.call, 9);
  EXPECT(h.queue, &outer, SIDELITE_OK);
  EXPECT(h.queue, &parked, SIDELITE_ERR_ABORTED);
  CHECK_EQ(sidelite_row_int64(outer.result, 0, 0), 9);
  reply_clear(&outer);
  reply_clear(&failed);
  reply_clear(&cancelled);
  reply_clear(&parked);
  host_end(&h);
}

/* Cancelling what waits ends what runs inside of it. */
static void contract_12_cancel_of_the_outer_request_ends_the_inner(void) {
  host h = host_new(NULL);
  reply outer = reply_new(), inner = reply_new();
  int64_t id;
  host_begin(&h);
  id = sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &outer);
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK(submit_in(&h, h.call, SIDELITE_FETCH, ENDLESS, &inner) > 0);
  sleep_ms(5);
  CHECK_EQ(sidelite_cancel(h.conn, id), SIDELITE_OK);
  EXPECT(h.queue, &inner, SIDELITE_ERR_CANCELLED);
  EXPECT(h.queue, &outer, SIDELITE_ERR_CANCELLED);
  reply_clear(&outer);
  reply_clear(&inner);
  host_end(&h);
}

/* Calls itself for ever. */
static void answer_by_calling_again(host *h, const sidelite_event *event) {
  CHECK(submit_in(h, event->id, SIDELITE_FETCH, "SELECT f(1)", NULL) > 0);
}

static void host_function_that_calls_itself_for_ever_is_stopped(void) {
  host h = host_new(answer_by_calling_again);
  reply r = reply_new();
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(1)", NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(h.queue, h.calls == 16);
  sleep_ms(5);
  (void)turn(h.queue, 0);
  CHECK_EQ(h.calls, 16);
  CHECK_EQ(sidelite_cancel(h.conn, 0), SIDELITE_OK);
  EXPECT(h.queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  host_end(&h);
}

static void host_function_works_in_an_array_a_lease_and_a_stream(void) {
  host h = host_new(answer_twice);
  reply replies[2], streamed = reply_new(), leased = reply_new(), inside = reply_new();
  sidelite_request array[2];
  int64_t lane;
  host_begin(&h);
  CHECK_EQ(exec(h.queue, h.conn, "CREATE TABLE t(x CHECK (f(x) > 0))"), SIDELITE_OK);
  replies[0] = replies[1] = reply_new();
  array[0] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (f(1))", &replies[0]);
  array[1] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (f(2))", &replies[1]);
  array[0].flags = SIDELITE_ATOMIC;
  CHECK(sidelite_submit(h.conn, array, 2) > 0);
  EXPECT(h.queue, &replies[0], SIDELITE_OK);
  EXPECT(h.queue, &replies[1], SIDELITE_OK);
  lane = submit_command(h.conn, SIDELITE_LEASE, 0, NULL, 0, &leased);
  CHECK(submit_in(&h, lane, SIDELITE_EXECUTE, "INSERT INTO t SELECT f(x) FROM t", &inside) > 0);
  EXPECT(h.queue, &inside, SIDELITE_OK);
  CHECK(submit_in(&h, lane, SIDELITE_COMMIT, NULL, NULL) > 0);
  CHECK(sidelite_stream(h.conn, "SELECT f(x) FROM t", NULL, 0, 1, on_reply, &streamed) > 0);
  TURN_UNTIL(h.queue, streamed.events == 2);
  CHECK_EQ(streamed.finals, 0);
  CHECK_EQ(fetch_int(h.queue, h.conn, "SELECT count(*) FROM t"), 4);
  conn_close(h.queue, h.conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(streamed.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&streamed);
  CHECK_EQ(sidelite_queue_free(h.queue, -1), 0);
}

static void host_function_answers_on_the_connections_thread(void) {
  host h;
  memset(&h, 0, sizeof h);
  h.queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  h.answer = answer_twice;
  CHECK_EQ(sidelite_open(h.queue, ":memory:", NULL, NULL, NULL, &h.conn), SIDELITE_OK);
  CHECK(create(&h, SIDELITE_FUNCTION_SCALAR, "f", 1, 0, 0) > 0);
  {
    sidelite_queue *other = queue_new();
    reply r = reply_new();
    sidelite_request request = request_new(SIDELITE_FETCH, "SELECT f(20) + f(1)", &r);
    request.reply_to = other;
    CHECK(sidelite_submit(h.conn, &request, 1) > 0);
    EXPECT(other, &r, SIDELITE_OK);
    CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 42);
    reply_clear(&r);
    CHECK_EQ(sidelite_queue_free(other, -1), 0);
  }
  CHECK(sidelite_queue_free(h.queue, -1) >= 0);
}

static void host_function_is_polled(void) {
  host h = host_new(NULL);
  sidelite_event event;
  host_begin(&h);
  CHECK(sidelite_fetch(h.conn, "SELECT f(4)", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_poll(h.queue, &event, 1, 60000), 1);
  CHECK(event.flags & SIDELITE_EVENT_CALL);
  CHECK(event.user_data == &h);
  CHECK_EQ(event.code, SIDELITE_CALL_SCALAR);
  reply_int(&h, event.id, 40 + sidelite_row_int64(event.result, 0, 0));
  CHECK_EQ(sidelite_poll(h.queue, &event, 1, 60000), 1);
  CHECK_EQ(sidelite_row_int64(event.result, 0, 0), 44);
  host_end(&h);
}

/* Aggregates: what the host keeps for each group. */
enum { GROUPS = 4096 };

typedef struct sums {
  host h;
  int64_t of[GROUPS];
  int open[GROUPS];
} sums;

/* Adds up each group; fails where it is told to. */
static void answer_sum(host *h, const sidelite_event *event) {
  sums *s = (sums *)h;
  int64_t group = event->changes;
  uint32_t row;
  CHECK(group > 0 && group < GROUPS);
  if (event->code == h->fails_at) {
    fail(h, event);
    return;
  }
  s->open[group] = 1;
  for (row = 0; row < event->result->nrows; row++) {
    int64_t x = sidelite_row_int64(event->result, row, 0);
    s->of[group] += event->code == SIDELITE_CALL_INVERSE ? -x : x;
  }
  if (event->code == SIDELITE_CALL_FINAL) s->open[group] = 0;
  reply_int(h, event->id, s->of[group]);
}

static sums *sums_new(uint32_t kind, uint32_t batch_rows) {
  sums *s = (sums *)calloc(1, sizeof *s);
  CHECK(s != NULL);
  s->h = host_new(answer_sum);
  CHECK(create(&s->h, kind, "total_of", 1, batch_rows, 0) > 0);
  TURN_UNTIL(s->h.queue, s->h.created == 1);
  return s;
}

static void sums_free(sums *s) {
  host_end(&s->h);
  free(s);
}

static void host_aggregate_has_one_final_for_each_group(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_AGGREGATE, 0);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn,
                     "SELECT count(*) FROM (SELECT total_of(i) AS own, sum(i) AS theirs FROM (" COUNT_TO("3000")
                     ") GROUP BY i % 1000) WHERE own = theirs"),
           1000);
  CHECK_EQ(s->h.finals_of_groups, 1000);
  CHECK_EQ(s->h.ends, 0);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn, "SELECT total_of(1) IS 0 FROM (SELECT 1) WHERE 0"), 1);
  CHECK_EQ(s->h.finals_of_groups, 1001);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn, "SELECT total_of(DISTINCT i % 3) * 10 + total_of(i) FROM (" COUNT_TO("4") ")"),
           40);
  sums_free(s);
}

static void host_aggregate_gets_many_rows_at_a_time(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_AGGREGATE, 0);
  int64_t n = SCALED(1000000);
  char sql[200];
  snprintf(sql, sizeof sql, "SELECT total_of(value) = sum(value) FROM generate_series(1, %" PRId64 ")", n);
  /* Not in every build: a recursive query does the same. */
  snprintf(sql, sizeof sql,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %" PRId64
           ") SELECT total_of(i) = sum(i) FROM n", n);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn, sql), 1);
  CHECK_EQ(s->h.rows, n);
  CHECK_EQ(s->h.calls, n / 512 + 1);
  sums_free(s);
}

static void host_aggregate_gets_as_few_rows_as_it_wants(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_AGGREGATE, 1);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn, "SELECT total_of(i) FROM (" COUNT_TO("5") ")"), 15);
  CHECK_EQ(s->h.calls, 6);
  sums_free(s);
}

static void host_aggregate_fails_in_step_and_in_final(void) {
  static const int32_t places[] = {SIDELITE_CALL_STEP, SIDELITE_CALL_FINAL};
  int i;
  for (i = 0; i < 2; i++) {
    sums *s = sums_new(SIDELITE_FUNCTION_AGGREGATE, 2);
    reply r;
    s->h.fails_at = places[i];
    s->h.code = -1234;
    CHECK_EQ(fetch(s->h.queue, s->h.conn, "SELECT total_of(i) FROM (" COUNT_TO("5") ")", &r), -1234);
    CHECK(!strcmp(message_of(&r), "the host's own words"));
    reply_clear(&r);
    CHECK_EQ(s->h.ends, i ? 0 : 1); /* a group whose step failed is ended; one whose final failed has had its last call */
    CHECK_EQ(exec(s->h.queue, s->h.conn, "SELECT 1"), SIDELITE_OK);
    sums_free(s);
  }
}

static void host_aggregate_group_ends_when_its_statement_is_cancelled(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_AGGREGATE, 2);
  reply r = reply_new();
  int64_t id;
  s->h.answer = NULL;
  id = sidelite_fetch(s->h.conn, "SELECT total_of(i) FROM (" COUNT_TO("100") ")", NULL, 0, on_reply, &r);
  TURN_UNTIL(s->h.queue, s->h.calls == 1);
  CHECK_EQ(sidelite_cancel(s->h.conn, id), SIDELITE_OK);
  EXPECT(s->h.queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(s->h.ends, 1);
  CHECK_EQ(s->h.finals_of_groups, 0);
  reply_clear(&r);
  sums_free(s);
}

/* A window that is put away in the middle asks nobody for a value. */
static void host_window_group_ends_when_its_stream_is_put_away(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_WINDOW, 0);
  reply r = reply_new();
  int64_t id = sidelite_stream(s->h.conn, "SELECT total_of(i) OVER (ORDER BY i) FROM (" COUNT_TO("100") ")", NULL, 0, 1,
                               on_reply, &r);
  TURN_UNTIL(s->h.queue, r.events == 2);
  CHECK_EQ(sidelite_cancel(s->h.conn, id), SIDELITE_OK);
  EXPECT(s->h.queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(s->h.finals_of_groups, 0);
  CHECK_EQ(s->h.ends, 1);
  reply_clear(&r);
  sums_free(s);
}

static void host_window_moves(void) {
  sums *s = sums_new(SIDELITE_FUNCTION_WINDOW, 0);
  CHECK_EQ(fetch_int(s->h.queue, s->h.conn,
                     "SELECT count(*) FROM (SELECT total_of(i) OVER w AS own, sum(i) OVER w AS theirs FROM (" COUNT_TO(
                         "40") ") WINDOW w AS (PARTITION BY i % 3 ORDER BY i ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)) "
                               "WHERE own = theirs"),
           40);
  CHECK_EQ(s->h.finals_of_groups, 3);
  sums_free(s);
}

/* A collation that the host answers: texts by their length. */
static void answer_order(host *h, const sidelite_event *event) {
  reply_int(h, event->id, (int64_t)sidelite_row_len(event->result, 0, 0) - sidelite_row_len(event->result, 0, 1));
}

static void host_collation_sorts(void) {
  host h = host_new(answer_order);
  reply r;
  CHECK(create(&h, SIDELITE_FUNCTION_COLLATION, "by_length", 0, 0, 0) > 0);
  CHECK_EQ(fetch(h.queue, h.conn, "SELECT value FROM json_each('[\"ccc\", \"a\", \"bb\"]') ORDER BY value COLLATE by_length",
                 &r), SIDELITE_OK);
  CHECK(text_is(&r, 0, 0, "a") && text_is(&r, 1, 0, "bb") && text_is(&r, 2, 0, "ccc"));
  reply_clear(&r);
  h.answer = fail;
  h.code = -1111;
  CHECK_EQ(fetch(h.queue, h.conn, "SELECT 'a' < 'b' COLLATE by_length", &r), -1111);
  CHECK(!strcmp(message_of(&r), "the host's own words"));
  reply_clear(&r);
  /* Nothing runs inside of a comparison. */
  h.answer = NULL;
  r = reply_new();
  CHECK(sidelite_fetch(h.conn, "SELECT 'a' < 'b' COLLATE by_length", NULL, 0, on_reply, &r) > 0);
  h.calls = 0;
  TURN_UNTIL(h.queue, h.calls == 1);
  CHECK_EQ(submit_in(&h, h.call, SIDELITE_FETCH, "SELECT 1", NULL), SIDELITE_ERR_BAD_HANDLE);
  reply_int(&h, h.call, -1);
  EXPECT(h.queue, &r, SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 1);
  reply_clear(&r);
  host_end(&h);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(host_function_is_answered_at_once),
                               TEST(host_function_is_answered_later),
                               TEST(host_function_is_answered_from_another_thread),
                               TEST(host_function_fails_with_its_own_code_and_words),
                               TEST(host_function_whose_reply_cannot_be_still_waits),
                               TEST(host_function_takes_and_gives_every_value),
                               TEST(contract_12_cancel_reaches_a_call_that_waits),
                               TEST(host_function_may_be_given_a_time_to_answer),
                               TEST(contract_16_close_reaches_a_call_that_waits),
                               TEST(host_function_is_answered_while_its_connection_drains),
                               TEST(host_function_dies_with_its_queue),
                               TEST(host_function_queries_its_own_connection),
                               TEST(host_function_takes_every_kind_inside_and_others_wait),
                               TEST(host_function_whose_query_fails_or_is_cancelled_still_waits),
                               TEST(contract_12_cancel_of_the_outer_request_ends_the_inner),
                               TEST(host_function_that_calls_itself_for_ever_is_stopped),
                               TEST(host_function_works_in_an_array_a_lease_and_a_stream),
                               TEST(host_function_answers_on_the_connections_thread),
                               TEST(host_function_is_polled),
                               TEST(host_aggregate_has_one_final_for_each_group),
                               TEST(host_aggregate_gets_many_rows_at_a_time),
                               TEST(host_aggregate_gets_as_few_rows_as_it_wants),
                               TEST(host_aggregate_fails_in_step_and_in_final),
                               TEST(host_aggregate_group_ends_when_its_statement_is_cancelled),
                               TEST(host_window_group_ends_when_its_stream_is_put_away),
                               TEST(host_window_moves),
                               TEST(host_collation_sorts),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
