/* Contract 1: each accepted request ends with exactly one final event, a refused one with none.
 * Contract 2: submit runs no host code, and host code runs only where the header says. */
#include "harness.h"

#include <sys/resource.h>

enum { MANY = 1000, THREADS = 8 };

static int count_once(const reply *replies, int n) {
  int once = 0, i;
  for (i = 0; i < n; i++) once += replies[i].events == 1 && replies[i].finals == 1;
  return once;
}

static void clear_all(reply *replies, int n) {
  int i;
  for (i = 0; i < n; i++) reply_clear(&replies[i]);
}

static void submit_many(sidelite_conn *conn, const char *sql, reply *replies, int64_t *ids) {
  int i;
  for (i = 0; i < MANY; i++) {
    ids[i] = sidelite_execute(conn, sql, NULL, 0, on_reply, &replies[i]);
    CHECK(ids[i] > 0);
  }
}

static void contract_01_exactly_one_final_event_through_success_and_error(void) {
  enum { STATEMENTS = 8 };
  static const char *const sql[STATEMENTS] = {
      "CREATE TABLE t(a UNIQUE)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)",             "SELEC 1",
      "SELECT a FROM t",          "SELECT missing FROM t",    "SELECT abs(-9223372036854775807 - 1)", "",
  };
  static const int fails[STATEMENTS] = {0, 0, 1, 1, 0, 1, 1, 0};
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_request requests[STATEMENTS];
  reply replies[STATEMENTS];
  int64_t first;
  int i;
  for (i = 0; i < STATEMENTS; i++) {
    replies[i] = reply_new();
    requests[i] = request_new(i % 2 ? SIDELITE_EXECUTE : SIDELITE_FETCH, sql[i], &replies[i]);
  }
  first = sidelite_submit(conn, requests, STATEMENTS);
  CHECK(first > 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(count_once(replies, STATEMENTS), STATEMENTS);
  for (i = 0; i < STATEMENTS; i++) {
    CHECK_EQ(replies[i].code != SIDELITE_OK, fails[i]);
    CHECK_EQ(replies[i].id, first + i);
  }
  clear_all(replies, STATEMENTS);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Closes in `mode` with one request running and MANY behind it. */
static void check_close_with_work_queued(uint32_t mode, int32_t code) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  static reply replies[MANY];
  static int64_t ids[MANY];
  reply closed = reply_new();
  gate g;
  int i;
  gate_shut(&g, conn);
  submit_many(conn, "SELECT 1", replies, ids);
  CHECK_EQ(sidelite_close(conn, mode, on_reply, &closed), SIDELITE_OK);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &closed), SIDELITE_ERR_CLOSED);
  gate_open(&g);
  TURN_UNTIL(queue, closed.finals);
  CHECK_EQ(closed.events, 1);
  CHECK_EQ(count_once(replies, MANY), MANY);
  for (i = 0; i < MANY; i++) {
    CHECK_EQ(replies[i].code, code);
    CHECK_EQ(!!(replies[i].flags & SIDELITE_EVENT_NOT_RUN), code != SIDELITE_OK);
  }
  clear_all(replies, MANY);
  reply_clear(&closed);
  gate_remove(&g, queue);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_01_exactly_one_final_event_through_close_that_drains(void) {
  check_close_with_work_queued(SIDELITE_CLOSE_DRAIN, SIDELITE_OK);
}

static void contract_01_exactly_one_final_event_through_close_that_cancels(void) {
  check_close_with_work_queued(SIDELITE_CLOSE_CANCEL, SIDELITE_ERR_CANCELLED);
}

typedef struct canceller {
  pthread_t thread;
  sidelite_conn *conn;
  const int64_t *ids;
  int first, hits;
} canceller;

/* Cancels all ids, each thread beginning elsewhere, and counts those that were still out. */
static void *cancel_all(void *arg) {
  canceller *c = (canceller *)arg;
  int i;
  for (i = 0; i < MANY; i++) {
    int32_t status = sidelite_cancel(c->conn, c->ids[(c->first + i) % MANY]);
    CHECK(status == SIDELITE_OK || status == SIDELITE_ERR_BAD_HANDLE);
    c->hits += status == SIDELITE_OK;
  }
  return NULL;
}

/* Cancels all ids from eight threads at once; returns how many cancels hit a request that was out. */
static int cancel_from_all_threads(sidelite_conn *conn, const int64_t *ids) {
  canceller cancellers[THREADS];
  int i, hits = 0;
  for (i = 0; i < THREADS; i++) {
    cancellers[i].conn = conn;
    cancellers[i].ids = ids;
    cancellers[i].first = i * MANY / THREADS;
    cancellers[i].hits = 0;
    CHECK_EQ(pthread_create(&cancellers[i].thread, NULL, cancel_all, &cancellers[i]), 0);
  }
  for (i = 0; i < THREADS; i++) {
    CHECK_EQ(pthread_join(cancellers[i].thread, NULL), 0);
    hits += cancellers[i].hits;
  }
  return hits;
}

static void contract_01_exactly_one_final_event_through_cancel_from_eight_threads(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  static reply replies[MANY];
  static int64_t ids[MANY];
  gate g;
  int i;
  gate_shut(&g, conn);
  submit_many(conn, "SELECT 1", replies, ids);
  CHECK_EQ(cancel_from_all_threads(conn, ids), THREADS * MANY);
  gate_open(&g);
  gate_remove(&g, queue);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(count_once(replies, MANY), MANY);
  for (i = 0; i < MANY; i++) {
    CHECK_EQ(replies[i].code, SIDELITE_ERR_CANCELLED);
    CHECK(replies[i].flags & SIDELITE_EVENT_NOT_RUN);
  }
  clear_all(replies, MANY);
  CHECK_EQ(cancel_from_all_threads(conn, ids), 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_01_exactly_one_final_event_when_cancel_races_with_completion(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  static reply replies[MANY];
  static int64_t ids[MANY];
  int i, done = 0;
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a)"), SIDELITE_OK);
  submit_many(conn, "INSERT INTO t VALUES (1)", replies, ids);
  cancel_from_all_threads(conn, ids);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(count_once(replies, MANY), MANY);
  for (i = 0; i < MANY; i++) {
    CHECK(replies[i].code == SIDELITE_OK || replies[i].code == SIDELITE_ERR_CANCELLED);
    done += replies[i].code == SIDELITE_OK;
  }
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), done);
  clear_all(replies, MANY);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_01_exactly_one_final_event_through_timeout(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply queued = reply_new(), running = reply_new();
  sidelite_request late = request_new(SIDELITE_EXECUTE, "SELECT 1", &queued);
  sidelite_request endless = request_new(SIDELITE_EXECUTE, ENDLESS, &running);
  gate g;
  late.timeout_ms = 1;
  endless.timeout_ms = 50;
  gate_shut(&g, conn);
  CHECK(sidelite_submit(conn, &late, 1) > 0);
  sleep_ms(20);
  gate_open(&g);
  gate_remove(&g, queue);
  CHECK_EQ(run_request(queue, conn, &endless, &running), SIDELITE_ERR_TIMEOUT);
  CHECK(!(running.flags & SIDELITE_EVENT_NOT_RUN));
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(queued.events, 1);
  CHECK_EQ(queued.code, SIDELITE_ERR_TIMEOUT);
  CHECK(queued.flags & SIDELITE_EVENT_NOT_RUN);
  CHECK_EQ(running.events, 1);
  reply_clear(&queued);
  reply_clear(&running);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* The sanitizers' own allocators cannot live within a limit on the address space. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

enum { HEADROOM = 96 << 20 };

static rlim_t address_space_now(void) {
  unsigned long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  CHECK(f != NULL);
  CHECK_EQ(fscanf(f, "%lu", &pages), 1);
  fclose(f);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void contract_01_exactly_one_final_event_through_memory_exhaustion(void) {
  /* One value that SQLite cannot allocate, and a result of modest rows that sidelite cannot. */
  static const char *const sql[2] = {"SELECT randomblob(500000000)",
                                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
                                     " SELECT zeroblob(1000000) FROM n"};
  static const int32_t codes[2] = {7 /* SQLITE_NOMEM */, SIDELITE_ERR_NO_MEMORY};
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  struct rlimit before, limited;
  reply r;
  int i;
  CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
  limited = before;
  limited.rlim_cur = address_space_now() + HEADROOM;
  CHECK_EQ(setrlimit(RLIMIT_AS, &limited), 0);
  for (i = 0; i < 2; i++) {
    CHECK_EQ(fetch(queue, conn, sql[i], &r), codes[i]);
    CHECK_EQ(r.events, 1);
    reply_clear(&r);
    CHECK_EQ(fetch_int(queue, conn, "SELECT 7"), 7);
  }
  CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}
#endif

static void contract_01_a_refused_submit_gives_no_event(void) {
  enum { REFUSALS = 7 };
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  sidelite_value no_data = sidelite_text_n(NULL, 3), not_utf8 = sidelite_text("\xff");
  reply refused = reply_new();
  sidelite_request requests[2];
  int64_t status[REFUSALS];
  int i;
  requests[0] = request_new(SIDELITE_EXECUTE, "SELECT 1", &refused);
  requests[1] = request_new(99, "SELECT 1", &refused);
  config.max_bytes = 4096;
  conn = conn_open(queue, ":memory:", &config);
  status[0] = sidelite_execute(conn, NULL, NULL, 0, on_reply, &refused);
  status[1] = sidelite_fetch(conn, "SELECT ?", &no_data, 1, on_reply, &refused);
  status[2] = sidelite_fetch(conn, "SELECT ?", &not_utf8, 1, on_reply, &refused);
  status[3] = sidelite_script(conn, "SELECT '\xc3'", on_reply, &refused);
  /* The first of the array is good, and still nothing of it is taken. */
  status[4] = sidelite_submit(conn, requests, 2);
  {
    static char long_text[8192];
    sidelite_value value = sidelite_text_n(long_text, sizeof long_text);
    status[5] = sidelite_fetch(conn, "SELECT ?", &value, 1, on_reply, &refused);
  }
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  status[6] = sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &refused);
  CHECK_EQ(status[0], SIDELITE_ERR_MISUSE);
  CHECK_EQ(status[1], SIDELITE_ERR_MISUSE);
  CHECK_EQ(status[2], SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(status[3], SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(status[4], SIDELITE_ERR_UNSUPPORTED);
  CHECK_EQ(status[5], SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(status[6], SIDELITE_ERR_BAD_HANDLE);
  for (i = 0; i < REFUSALS; i++) CHECK(status[i] < 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(refused.events, 0);
}

static void on_ticket(const sidelite_event *event, void *user_data) {
  unsigned char *finals = (unsigned char *)user_data;
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK(!(event->flags & SIDELITE_EVENT_MORE));
  (*finals)++;
}

static void on_connection_news(const sidelite_event *event, void *user_data) {
  if (event->flags & SIDELITE_EVENT_WRITABLE) ++*(int *)user_data;
}

static void contract_01_a_million_requests_through_a_bounded_queue(void) {
  enum { REQUESTS = SCALED(1000000), BOUND = 256 };
  static unsigned char finals[REQUESTS];
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  int accepted = 0, refused = 0, writable = 0, i;
  config.max_requests = BOUND;
  CHECK_EQ(sidelite_open(queue, ":memory:", &config, on_connection_news, &writable, &conn), SIDELITE_OK);
  while (accepted < REQUESTS) {
    int64_t id = sidelite_execute(conn, "SELECT 1", NULL, 0, on_ticket, &finals[accepted]);
    if (id > 0) {
      accepted++;
      continue;
    }
    CHECK_EQ(id, SIDELITE_ERR_FULL);
    refused++;
    CHECK(stats_of(conn).outstanding <= BOUND);
    TURN_UNTIL(queue, writable == refused);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK(refused > 0);
  CHECK_EQ(writable, refused);
  for (i = 0; i < REQUESTS; i++) CHECK_EQ(finals[i], 1);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Where host code ran. Written by one thread, read by another. */
typedef struct trace {
  pthread_mutex_t mutex;
  pthread_t threads[MANY];
  int calls;
  int nested; /* callbacks on the stack; touched by the thread that runs them alone */
} trace;

static void trace_init(trace *t) {
  memset(t, 0, sizeof *t);
  CHECK_EQ(pthread_mutex_init(&t->mutex, NULL), 0);
}

static void trace_call(trace *t) {
  pthread_mutex_lock(&t->mutex);
  if (t->calls < MANY) t->threads[t->calls] = pthread_self();
  t->calls++;
  pthread_mutex_unlock(&t->mutex);
}

static int trace_calls(trace *t) {
  int calls;
  pthread_mutex_lock(&t->mutex);
  calls = t->calls;
  pthread_mutex_unlock(&t->mutex);
  return calls;
}

/* How many of the calls ran on `thread`. */
static int trace_calls_on(const trace *t, pthread_t thread) {
  int i, n = 0;
  for (i = 0; i < t->calls && i < MANY; i++) n += !!pthread_equal(t->threads[i], thread);
  return n;
}

static void on_trace(const sidelite_event *event, void *user_data) {
  trace *t = (trace *)user_data;
  (void)event;
  CHECK_EQ(t->nested, 0);
  trace_call(t);
}

static int32_t run_trace(void *db, void *context) {
  CHECK(db != NULL);
  trace_call((trace *)context);
  return SIDELITE_OK;
}

static void wake_trace(void *wake_data) {
  trace_call((trace *)wake_data);
}

static void contract_02_callbacks_wait_for_dispatch_and_run_on_its_thread(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  trace t;
  int i;
  trace_init(&t);
  for (i = 0; i < MANY; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_trace, &t) > 0);
  WAIT_UNTIL(stats_of(conn).completed == MANY);
  CHECK_EQ(trace_calls(&t), 0);
  TURN_UNTIL(queue, t.calls == MANY);
  CHECK_EQ(trace_calls_on(&t, pthread_self()), MANY);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_02_direct_callbacks_and_run_functions_run_on_the_connections_thread(void) {
  sidelite_queue *queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  sidelite_conn *conns[2];
  sidelite_request run = request_new(SIDELITE_RUN, NULL, NULL);
  trace t[2];
  int i, k;
  for (k = 0; k < 2; k++) {
    trace_init(&t[k]);
    run.run = run_trace;
    run.context = &t[k];
    run.callback = on_trace;
    run.user_data = &t[k];
    CHECK_EQ(sidelite_open(queue, ":memory:", NULL, on_trace, &t[k], &conns[k]), SIDELITE_OK);
    CHECK(sidelite_execute(conns[k], "SELECT 1", NULL, 0, on_trace, &t[k]) > 0);
    CHECK(sidelite_submit(conns[k], &run, 1) > 0);
    CHECK_EQ(sidelite_close(conns[k], SIDELITE_CLOSE_DRAIN, on_trace, &t[k]), SIDELITE_OK);
  }
  /* OPENED, the statement's end, the function, its end, CLOSED. */
  for (k = 0; k < 2; k++) WAIT_UNTIL(trace_calls(&t[k]) == 5);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  for (k = 0; k < 2; k++) {
    CHECK_EQ(t[k].calls, 5);
    CHECK_EQ(trace_calls_on(&t[k], pthread_self()), 0);
    for (i = 1; i < 5; i++) CHECK(pthread_equal(t[k].threads[i], t[k].threads[0]));
  }
}

static void on_trace_submit(const sidelite_event *event, void *user_data) {
  trace *t = (trace *)user_data;
  CHECK_EQ(t->nested++, 0);
  CHECK(sidelite_execute(event->conn, t->calls % 3 ? "SELECT 1" : "SELEC 1", NULL, 0, on_trace, t) > 0);
  sleep_ms(1);
  t->nested--;
  trace_call(t);
}

static void contract_02_a_direct_callback_that_submits_is_not_called_back_inside_it(void) {
  sidelite_queue *queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  sidelite_conn *conn;
  trace t;
  int i;
  trace_init(&t);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  for (i = 0; i < 100; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_trace_submit, &t) > 0);
  WAIT_UNTIL(trace_calls(&t) == 200);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(t.calls, 200);
}

static void contract_02_the_wake_function_never_runs_inside_submit(void) {
  sidelite_queue *queue;
  sidelite_conn *conn;
  sidelite_event events[64];
  trace t;
  int taken = 0, i;
  trace_init(&t);
  queue = queue_new_with(0, wake_trace, &t);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  for (i = 0; i < MANY; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  WAIT_UNTIL(trace_calls(&t) >= 1);
  /* This thread has only submitted so far: no wake can have run on it. */
  pthread_mutex_lock(&t.mutex);
  CHECK_EQ(trace_calls_on(&t, pthread_self()), 0);
  pthread_mutex_unlock(&t.mutex);
  while (taken < MANY + 1) taken += sidelite_poll(queue, events, 64, 60000);
  CHECK_EQ(taken, MANY + 1);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_poll(queue, events, 64, 60000), 1);
  CHECK(events[0].flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_01_exactly_one_final_event_through_success_and_error),
      TEST(contract_01_exactly_one_final_event_through_close_that_drains),
      TEST(contract_01_exactly_one_final_event_through_close_that_cancels),
      TEST(contract_01_exactly_one_final_event_through_cancel_from_eight_threads),
      TEST(contract_01_exactly_one_final_event_when_cancel_races_with_completion),
      TEST(contract_01_exactly_one_final_event_through_timeout),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
      TEST(contract_01_exactly_one_final_event_through_memory_exhaustion),
#endif
      TEST(contract_01_a_refused_submit_gives_no_event),
      TEST(contract_01_a_million_requests_through_a_bounded_queue),
      TEST(contract_02_callbacks_wait_for_dispatch_and_run_on_its_thread),
      TEST(contract_02_direct_callbacks_and_run_functions_run_on_the_connections_thread),
      TEST(contract_02_a_direct_callback_that_submits_is_not_called_back_inside_it),
      TEST(contract_02_the_wake_function_never_runs_inside_submit),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
