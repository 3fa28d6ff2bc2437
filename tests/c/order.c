/* Contract 5: requests start and finish in submit order, CLOSED is the last event, and nothing runs after the queue
 * was freed. */
#include "harness.h"

enum { PRODUCERS = 8, EACH = SCALED(10000), ARRAY = 10 };

/* What eight producers share: one connection, one place where the events arrive. */
typedef struct stage {
  sidelite_conn *conn;
  pthread_mutex_t mutex; /* held around each submit by those who want a common order */
  int64_t next;          /* the number that this order gives out */
  int64_t arrived;       /* events so far */
  int64_t last[PRODUCERS];
} stage;

typedef struct producer {
  stage *shared;
  pthread_t thread;
  int number;
} producer;

static void run_producers(stage *s, sidelite_queue *queue, void *(*produce)(void *), int64_t events) {
  producer producers[PRODUCERS];
  int i;
  CHECK_EQ(pthread_mutex_init(&s->mutex, NULL), 0);
  for (i = 0; i < PRODUCERS; i++) {
    producers[i].shared = s;
    producers[i].number = i;
    CHECK_EQ(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
  }
  TURN_UNTIL(queue, s->arrived == events);
  for (i = 0; i < PRODUCERS; i++) CHECK_EQ(pthread_join(producers[i].thread, NULL), 0);
  pthread_mutex_destroy(&s->mutex);
}

/* Submits, and waits for room when the connection is full. */
static int64_t submit_patiently(sidelite_conn *conn, const sidelite_request *requests, uint32_t n) {
  int64_t id;
  while ((id = sidelite_submit(conn, requests, n)) == SIDELITE_ERR_FULL) sleep_ms(1);
  CHECK(id > 0);
  return id;
}

/* A request of producer `number` with its own count `sequence`: the callback's argument carries both. */
static sidelite_request insert_of(int number, int sequence, sidelite_callback callback, sidelite_value values[2]) {
  sidelite_request request = request_new(SIDELITE_EXECUTE, "INSERT INTO log(producer, sequence) VALUES (?, ?)", NULL);
  values[0] = sidelite_int(number);
  values[1] = sidelite_int(sequence);
  request.values = values;
  request.ncols = 2;
  request.callback = callback;
  request.user_data = (void *)((uintptr_t)sequence * PRODUCERS + (uintptr_t)number);
  return request;
}

static stage *arrivals; /* for callbacks whose argument is a number */

static void on_sequence(const sidelite_event *event, void *user_data) {
  int number = (int)((uintptr_t)user_data % PRODUCERS);
  int64_t sequence = (int64_t)((uintptr_t)user_data / PRODUCERS);
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK_EQ(sequence, arrivals->last[number] + 1);
  arrivals->last[number] = sequence;
  arrivals->arrived++;
}

static void *produce_one_by_one(void *arg) {
  producer *p = (producer *)arg;
  int64_t last_id = 0;
  int i;
  for (i = 1; i <= EACH; i++) {
    sidelite_value values[2];
    sidelite_request request = insert_of(p->number, i, on_sequence, values);
    int64_t id = submit_patiently(p->shared->conn, &request, 1);
    CHECK(id > last_id);
    last_id = id;
  }
  return NULL;
}

static const char *const create_log = "CREATE TABLE log(place INTEGER PRIMARY KEY, producer, sequence)";

/* Rows in which a producer's sequence is not one more than before: each is a request that ran out of its order. */
static const char *const count_disorder =
    "SELECT count(*) FROM (SELECT sequence - lag(sequence, 1, 0) OVER (PARTITION BY producer ORDER BY place) AS step"
    " FROM log) WHERE step <> 1";

static void contract_05_eight_producers_keep_their_order(void) {
  sidelite_queue *queue = queue_new();
  stage s;
  memset(&s, 0, sizeof s);
  s.conn = conn_open(queue, ":memory:", NULL);
  arrivals = &s;
  CHECK_EQ(exec(queue, s.conn, create_log), SIDELITE_OK);
  run_producers(&s, queue, produce_one_by_one, PRODUCERS * EACH);
  CHECK_EQ(fetch_int(queue, s.conn, "SELECT count(*) FROM log"), PRODUCERS * EACH);
  CHECK_EQ(fetch_int(queue, s.conn, count_disorder), 0);
  conn_close(queue, s.conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void on_common_order(const sidelite_event *event, void *user_data) {
  stage *s = arrivals;
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK_EQ((int64_t)(uintptr_t)user_data, s->arrived);
  s->arrived++;
}

static void *produce_in_common_order(void *arg) {
  producer *p = (producer *)arg;
  stage *s = p->shared;
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  int i;
  request.callback = on_common_order;
  for (i = 0; i < EACH; i++) {
    pthread_mutex_lock(&s->mutex);
    request.user_data = (void *)(uintptr_t)s->next;
    submit_patiently(s->conn, &request, 1);
    s->next++;
    pthread_mutex_unlock(&s->mutex);
  }
  return NULL;
}

static void contract_05_across_threads_the_order_is_that_of_submits_returning(void) {
  sidelite_queue *queue = queue_new();
  stage s;
  memset(&s, 0, sizeof s);
  s.conn = conn_open(queue, ":memory:", NULL);
  arrivals = &s;
  run_producers(&s, queue, produce_in_common_order, PRODUCERS * EACH);
  conn_close(queue, s.conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void *produce_arrays(void *arg) {
  producer *p = (producer *)arg;
  int i, k;
  for (i = 1; i <= EACH; i += ARRAY) {
    sidelite_value values[ARRAY][2];
    sidelite_request requests[ARRAY];
    for (k = 0; k < ARRAY; k++) requests[k] = insert_of(p->number, i + k, on_sequence, values[k]);
    submit_patiently(p->shared->conn, requests, ARRAY);
  }
  return NULL;
}

static void contract_05_no_request_of_another_thread_comes_into_an_array(void) {
  sidelite_queue *queue = queue_new();
  stage s;
  memset(&s, 0, sizeof s);
  s.conn = conn_open(queue, ":memory:", NULL);
  arrivals = &s;
  CHECK_EQ(exec(queue, s.conn, create_log), SIDELITE_OK);
  run_producers(&s, queue, produce_arrays, PRODUCERS * EACH);
  CHECK_EQ(fetch_int(queue, s.conn, count_disorder), 0);
  CHECK_EQ(fetch_int(queue, s.conn,
                     "SELECT count(*) FROM (SELECT min(producer) <> max(producer) AS mixed FROM log"
                     " GROUP BY (place - 1) / 10) WHERE mixed"),
           0);
  conn_close(queue, s.conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* The ids of events, in the order in which they came. */
typedef struct journal {
  int64_t ids[32];
  int32_t codes[32];
  int events;
} journal;

static void on_journal(const sidelite_event *event, void *user_data) {
  journal *j = (journal *)user_data;
  CHECK(j->events < 32);
  j->ids[j->events] = event->id;
  j->codes[j->events++] = event->code;
}

static void contract_05_a_cancelled_request_completes_in_its_place(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  journal j;
  int64_t ids[10];
  gate g;
  int i;
  memset(&j, 0, sizeof j);
  gate_shut(&g, conn);
  for (i = 0; i < 10; i++) ids[i] = sidelite_execute(conn, i == 7 ? ENDLESS : "SELECT 1", NULL, 0, on_journal, &j);
  CHECK_EQ(sidelite_cancel(conn, ids[3]), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, ids[9]), SIDELITE_OK);
  gate_open(&g);
  TURN_UNTIL(queue, j.events == 7);
  CHECK_EQ(sidelite_cancel(conn, ids[7]), SIDELITE_OK);
  TURN_UNTIL(queue, j.events == 10);
  for (i = 0; i < 10; i++) {
    CHECK_EQ(j.ids[i], ids[i]);
    CHECK_EQ(j.codes[i], i == 3 || i == 7 || i == 9 ? SIDELITE_ERR_CANCELLED : SIDELITE_OK);
  }
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_05_a_paused_stream_finishes_when_it_finishes(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply stream = reply_new(), one = reply_new();
  int64_t id = sidelite_stream(conn, COUNT_TO("100"), NULL, 0, 10, on_reply, &stream);
  CHECK(id > 0);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &one) > id);
  TURN_UNTIL(queue, one.finals);
  CHECK_EQ(stream.finals, 0);
  CHECK_EQ(stream.events, 2);
  CHECK_EQ(sidelite_more(conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(queue, stream.finals);
  CHECK_EQ(stream.code, SIDELITE_OK);
  CHECK_EQ(stream.rows, 100);
  reply_clear(&stream);
  reply_clear(&one);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Counts events, and how many came after CLOSED. */
typedef struct last_words {
  int events, closed, after;
} last_words;

static void on_last_words(const sidelite_event *event, void *user_data) {
  last_words *w = (last_words *)user_data;
  w->events++;
  if (w->closed) w->after++;
  if (event->flags & SIDELITE_EVENT_CLOSED) w->closed++;
}

static void check_closed_is_last(uint32_t mode) {
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  last_words w = {0, 0, 0};
  int accepted = 0;
  config.max_requests = 50;
  CHECK_EQ(sidelite_open(queue, ":memory:", &config, on_last_words, &w, &conn), SIDELITE_OK);
  while (sidelite_execute(conn, "SELECT 1", NULL, 0, on_last_words, &w) > 0) accepted++;
  CHECK_EQ(accepted, 50);
  CHECK_EQ(sidelite_close(conn, mode, on_last_words, &w), SIDELITE_OK);
  TURN_UNTIL(queue, w.closed);
  /* OPENED and CLOSED beside the requests; a WRITABLE may come before CLOSED, nothing after it. */
  CHECK(w.events == accepted + 2 || w.events == accepted + 3);
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(w.after, 0);
  CHECK_EQ(w.closed, 1);
}

static void contract_05_closed_is_the_last_event_of_a_connection_that_drains(void) {
  check_closed_is_last(SIDELITE_CLOSE_DRAIN);
}

static void contract_05_closed_is_the_last_event_of_a_connection_that_cancels(void) {
  check_closed_is_last(SIDELITE_CLOSE_CANCEL);
}

static void count_event(const sidelite_event *event, void *user_data) {
  (void)event;
  __atomic_add_fetch((int *)user_data, 1, __ATOMIC_ACQ_REL);
}

static void count_wake(void *wake_data) {
  __atomic_add_fetch((int *)wake_data, 1, __ATOMIC_ACQ_REL);
}

/* Frees `queue` with work in flight; then `calls` must stand still. */
static void check_silence_after_free(sidelite_queue *queue, int *calls) {
  sidelite_conn *conns[4];
  int i, k, after;
  for (i = 0; i < 4; i++) {
    CHECK_EQ(sidelite_open(queue, ":memory:", NULL, count_event, calls, &conns[i]), SIDELITE_OK);
    for (k = 0; k < 200; k++) CHECK(sidelite_execute(conns[i], "SELECT 1", NULL, 0, count_event, calls) > 0);
    CHECK(sidelite_stream(conns[i], COUNT_TO("1000"), NULL, 0, 0, count_event, calls) > 0);
    CHECK(sidelite_execute(conns[i], ENDLESS, NULL, 0, count_event, calls) > 0);
    for (k = 0; k < 200; k++) CHECK(sidelite_execute(conns[i], "SELECT 1", NULL, 0, count_event, calls) > 0);
  }
  WAIT_UNTIL(__atomic_load_n(calls, __ATOMIC_ACQUIRE) > 0);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
  after = __atomic_load_n(calls, __ATOMIC_ACQUIRE);
  for (i = 0; i < 4; i++) CHECK_EQ(sidelite_cancel(conns[i], 0), SIDELITE_ERR_BAD_HANDLE);
  sleep_ms(100);
  CHECK_EQ(__atomic_load_n(calls, __ATOMIC_ACQUIRE), after);
}

static void contract_05_no_wake_function_runs_after_queue_free(void) {
  int calls = 0, round;
  for (round = 0; round < 5; round++) check_silence_after_free(queue_new_with(0, count_wake, &calls), &calls);
}

static void contract_05_no_direct_callback_runs_after_queue_free(void) {
  int calls = 0, round;
  for (round = 0; round < 5; round++)
    check_silence_after_free(queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL), &calls);
}

static void contract_05_queue_free_says_how_many_events_were_never_delivered(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int calls = 0, i;
  for (i = 0; i < 25; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  while (calls < 5) calls += sidelite_dispatch(queue, (uint32_t)(5 - calls), 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 26 - 5);
}

static void contract_05_queue_free_gives_up_in_time_and_may_be_called_again(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int calls = 0;
  gate g;
  gate_shut(&g, conn);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, count_event, &calls) > 0);
  CHECK_EQ(sidelite_queue_free(queue, 0), SIDELITE_ERR_TIMEOUT);
  CHECK_EQ(sidelite_queue_free(queue, 20), SIDELITE_ERR_TIMEOUT);
  gate_open(&g);
  CHECK(sidelite_queue_free(queue, -1) >= 2);
  CHECK_EQ(sidelite_queue_free(queue, -1), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(calls, 0);
  CHECK_EQ(g.run.events, 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_05_eight_producers_keep_their_order),
      TEST(contract_05_across_threads_the_order_is_that_of_submits_returning),
      TEST(contract_05_no_request_of_another_thread_comes_into_an_array),
      TEST(contract_05_a_cancelled_request_completes_in_its_place),
      TEST(contract_05_a_paused_stream_finishes_when_it_finishes),
      TEST(contract_05_closed_is_the_last_event_of_a_connection_that_drains),
      TEST(contract_05_closed_is_the_last_event_of_a_connection_that_cancels),
      TEST(contract_05_no_wake_function_runs_after_queue_free),
      TEST(contract_05_no_direct_callback_runs_after_queue_free),
      TEST(contract_05_queue_free_says_how_many_events_were_never_delivered),
      TEST(contract_05_queue_free_gives_up_in_time_and_may_be_called_again),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
