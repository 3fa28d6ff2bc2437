/* Contract 3: no lock is held while host code runs, so that every function may be called in every callback; what may
 * not is answered with MISUSE. */
#include "harness.h"

enum { CHAIN = SCALED(100000) };

/* A callback that submits the next request, which submits the next, ... */
typedef struct chain {
  int left;
  int depth;      /* callbacks of this chain on the stack */
  uintptr_t low;  /* lowest and highest stack address that a callback ran at */
  uintptr_t high;
} chain;

static void on_link(const sidelite_event *event, void *user_data) {
  chain *c = (chain *)user_data;
  uintptr_t here = (uintptr_t)&event;
  int left = __atomic_load_n(&c->left, __ATOMIC_RELAXED) - 1;
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK_EQ(c->depth++, 0);
  if (!c->low || here < c->low) c->low = here;
  if (here > c->high) c->high = here;
  if (left) CHECK(sidelite_execute(event->conn, "SELECT 1", NULL, 0, on_link, c) > 0);
  c->depth--;
  __atomic_store_n(&c->left, left, __ATOMIC_RELEASE);
}

static chain chain_new(void) {
  chain c = {CHAIN, 0, 0, 0};
  return c;
}

static int chain_left(const chain *c) {
  return __atomic_load_n(&c->left, __ATOMIC_ACQUIRE);
}

static void contract_03_submit_in_a_callback_a_hundred_thousand_deep(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  chain c = chain_new();
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_link, &c) > 0);
  TURN_UNTIL(queue, chain_left(&c) == 0);
  CHECK(c.high - c.low < 65536);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_03_submit_in_a_direct_callback_a_hundred_thousand_deep(void) {
  sidelite_queue *queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  sidelite_conn *conn;
  chain c = chain_new();
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_link, &c) > 0);
  WAIT_UNTIL(chain_left(&c) == 0);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK(c.high - c.low < 65536);
}

/* Counts final events of work begun inside a callback; they may come on other threads. */
static void on_inner(const sidelite_event *event, void *user_data) {
  if (!(event->flags & (SIDELITE_EVENT_MORE | SIDELITE_EVENT_WRITABLE)))
    __atomic_add_fetch((int *)user_data, 1, __ATOMIC_ACQ_REL);
}

/* Final events that `call_every_function` leads to. */
enum { INNER_FINALS = 8 };

/* Calls every function there is, from wherever the caller stands, on a connection of its own that is closed again. */
static void call_every_function(sidelite_queue *queue, int *finals) {
  sidelite_conn *conn;
  sidelite_queue *other = queue_new();
  sidelite_event event;
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 4", NULL);
  int64_t id;
  request.callback = on_inner;
  request.user_data = finals;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, on_inner, finals, &conn), SIDELITE_OK);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_inner, finals) > 0);
  CHECK(sidelite_fetch(conn, "SELECT 2", NULL, 0, on_inner, finals) > 0);
  CHECK(sidelite_script(conn, "SELECT 3; SELECT 4", on_inner, finals) > 0);
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  id = sidelite_stream(conn, COUNT_TO("100000"), NULL, 0, 10, on_inner, finals);
  CHECK(id > 0);
  CHECK_EQ(sidelite_more(conn, id, 2), SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  id = sidelite_execute(conn, ENDLESS, NULL, 0, on_inner, finals);
  CHECK(sidelite_withdraw(conn, id) >= SIDELITE_OK);
  CHECK(stats_of(conn).submitted == 6);
  CHECK(stats_of(queue).outstanding >= 1);
  CHECK(sidelite_queue_fd(other) >= 0);
  CHECK_EQ(sidelite_poll(other, &event, 1, 0), 0);
  CHECK_EQ(sidelite_dispatch(other, 0, 0), 0);
  CHECK_EQ(sidelite_dispatch_stop(other), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_free(other, -1), 0);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_inner, finals), SIDELITE_OK);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_inner, finals), SIDELITE_ERR_CLOSED);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_inner, finals) == SIDELITE_ERR_CLOSED);
}

/* A callback that calls every function, and what it may not call. */
typedef struct visitor {
  sidelite_queue *queue;
  int finals; /* of the inner work of all visits */
  int visits;
  int ended; /* visits by an event that was its request's last, or its connection's news */
  int seen;  /* flags of all visits */
} visitor;

static int visitor_read(const int *counter) {
  return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void on_visit(const sidelite_event *event, void *user_data) {
  visitor *v = (visitor *)user_data;
  const sidelite_result *kept = sidelite_keep(event->result);
  sidelite_event other;
  CHECK(kept == event->result);
  sidelite_release(kept);
  call_every_function(v->queue, &v->finals);
  CHECK_EQ(sidelite_poll(v->queue, &other, 1, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_look(v->queue, &other, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_dispatch(v->queue, 0, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_free(v->queue, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_free(v->queue, -1), SIDELITE_ERR_MISUSE);
  v->seen |= (int)event->flags;
  __atomic_add_fetch(&v->visits, 1, __ATOMIC_ACQ_REL);
  if (!(event->flags & SIDELITE_EVENT_MORE)) __atomic_add_fetch(&v->ended, 1, __ATOMIC_ACQ_REL);
}

static int32_t run_visit(void *db, void *context) {
  visitor *v = (visitor *)context;
  CHECK(db != NULL);
  call_every_function(v->queue, &v->finals);
  __atomic_add_fetch(&v->visits, 1, __ATOMIC_ACQ_REL);
  return SIDELITE_OK;
}

/* Leads to OPENED and the ends of four requests, one of them a function that visits, one a stream of chunks. */
static sidelite_conn *provoke_visits(visitor *v) {
  sidelite_open_config config = open_config_new(0);
  sidelite_request run = request_new(SIDELITE_RUN, NULL, NULL);
  sidelite_conn *conn;
  config.max_requests = 4;
  run.run = run_visit;
  run.context = v;
  run.callback = on_visit;
  run.user_data = v;
  CHECK_EQ(sidelite_open(v->queue, ":memory:", &config, on_visit, v, &conn), SIDELITE_OK);
  CHECK(sidelite_submit(conn, &run, 1) > 0);
  CHECK(sidelite_fetch(conn, "SELECT 1", NULL, 0, on_visit, v) > 0);
  CHECK(sidelite_execute(conn, "SELEC 1", NULL, 0, on_visit, v) > 0);
  CHECK(sidelite_stream(conn, COUNT_TO("15"), NULL, 0, 10, on_visit, v) > 0);
  return conn;
}

static void contract_03_every_function_is_legal_in_every_callback(void) {
  const int all = SIDELITE_EVENT_MORE | SIDELITE_EVENT_OPENED | SIDELITE_EVENT_CLOSED | SIDELITE_EVENT_WRITABLE;
  visitor v;
  sidelite_conn *conn;
  memset(&v, 0, sizeof v);
  v.queue = queue_new();
  conn = provoke_visits(&v);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, on_visit, &v), SIDELITE_ERR_FULL);
  TURN_UNTIL(v.queue, v.ended == 6);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_visit, &v), SIDELITE_OK);
  TURN_UNTIL(v.queue, v.ended == 7 && v.finals == v.visits * INNER_FINALS);
  CHECK_EQ(v.seen & all, all);
  CHECK_EQ(sidelite_queue_free(v.queue, -1), 0);
}

static void contract_03_every_function_is_legal_in_every_direct_callback(void) {
  visitor v;
  sidelite_conn *conn;
  memset(&v, 0, sizeof v);
  v.queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  conn = provoke_visits(&v);
  WAIT_UNTIL(visitor_read(&v.ended) == 5);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_visit, &v), SIDELITE_OK);
  WAIT_UNTIL(visitor_read(&v.ended) == 6);
  WAIT_UNTIL(visitor_read(&v.finals) == visitor_read(&v.visits) * INNER_FINALS);
  CHECK_EQ(sidelite_queue_free(v.queue, -1), 0);
}

static void on_close_self(const sidelite_event *event, void *user_data) {
  CHECK_EQ(sidelite_close(event->conn, SIDELITE_CLOSE_CANCEL, on_reply, user_data), SIDELITE_OK);
}

static void contract_03_close_in_a_callback_of_the_same_connection(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply closed = reply_new(), behind = reply_new();
  gate g;
  gate_shut(&g, conn);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_close_self, &closed) > 0);
  CHECK(sidelite_execute(conn, ENDLESS, NULL, 0, on_reply, &behind) > 0);
  gate_open(&g);
  TURN_UNTIL(queue, closed.finals);
  CHECK(closed.flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(closed.code, SIDELITE_OK);
  CHECK_EQ(behind.finals, 1);
  CHECK_EQ(behind.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&closed);
  reply_clear(&behind);
  gate_remove(&g, queue);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_03_close_in_the_opened_callback(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  reply closed = reply_new();
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, on_close_self, &closed, &conn), SIDELITE_OK);
  TURN_UNTIL(queue, closed.finals);
  CHECK(closed.flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void on_closed_handle_is_gone(const sidelite_event *event, void *user_data) {
  CHECK(event->flags & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(sidelite_close(event->conn, SIDELITE_CLOSE_CANCEL, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_execute(event->conn, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
  ++*(int *)user_data;
}

static void contract_03_close_in_the_closed_callback_is_a_code(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int closed = 0;
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_closed_handle_is_gone, &closed), SIDELITE_OK);
  TURN_UNTIL(queue, closed);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void on_done_cancel_self(const sidelite_event *event, void *user_data) {
  CHECK_EQ(sidelite_cancel(event->conn, event->id), SIDELITE_ERR_BAD_HANDLE);
  ++*(int *)user_data;
}

static void on_done_cancel_other(const sidelite_event *event, void *user_data) {
  CHECK_EQ(sidelite_cancel(event->conn, *(int64_t *)user_data), SIDELITE_OK);
}

static void contract_03_cancel_in_a_callback(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply endless = reply_new();
  int done = 0;
  int64_t id = sidelite_execute(conn, "SELECT 1", NULL, 0, on_done_cancel_other, &id);
  CHECK(id > 0);
  id = sidelite_execute(conn, ENDLESS, NULL, 0, on_reply, &endless);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_done_cancel_self, &done) > 0);
  TURN_UNTIL(queue, done);
  CHECK_EQ(endless.finals, 1);
  CHECK_EQ(endless.code, SIDELITE_ERR_CANCELLED);
  reply_clear(&endless);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* A loop of its own on another thread, whose callback stays inside until it is let go. */
typedef struct stuck_loop {
  sidelite_queue *queue;
  int entered, let_go, left;
} stuck_loop;

static void on_stuck(const sidelite_event *event, void *user_data) {
  stuck_loop *loop = (stuck_loop *)user_data;
  (void)event;
  __atomic_store_n(&loop->entered, 1, __ATOMIC_RELEASE);
  WAIT_UNTIL(__atomic_load_n(&loop->let_go, __ATOMIC_ACQUIRE));
  loop->left = 1;
}

static void *run_stuck_loop(void *arg) {
  stuck_loop *loop = (stuck_loop *)arg;
  TURN_UNTIL(loop->queue, loop->left);
  return NULL;
}

static void contract_03_a_callback_that_does_not_return_holds_up_its_own_queue_alone(void) {
  stuck_loop loop = {queue_new(), 0, 0, 0};
  sidelite_queue *queue = queue_new();
  sidelite_conn *stuck = conn_open(loop.queue, ":memory:", NULL);
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_event event;
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT 8", &r);
  pthread_t thread;
  CHECK(sidelite_execute(stuck, "SELECT 1", NULL, 0, on_stuck, &loop) > 0);
  CHECK_EQ(pthread_create(&thread, NULL, run_stuck_loop, &loop), 0);
  WAIT_UNTIL(__atomic_load_n(&loop.entered, __ATOMIC_ACQUIRE));
  CHECK_EQ(sidelite_poll(loop.queue, &event, 1, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_look(loop.queue, &event, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(fetch_int(queue, conn, "SELECT 7"), 7);
  /* The stuck queue's connection works on, too: its events go elsewhere. */
  request.reply_to = queue;
  CHECK_EQ(run_request(queue, stuck, &request, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), 8);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_close(stuck, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  __atomic_store_n(&loop.let_go, 1, __ATOMIC_RELEASE);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  reply_clear(&r);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK(sidelite_queue_free(loop.queue, -1) >= 0);
}

/* What the wake function works with, and how often it ran. */
typedef struct waker {
  sidelite_queue *queue;
  sidelite_conn *conn;
  int armed, calls;
} waker;

static void wake_and_call_every_function(void *wake_data) {
  waker *w = (waker *)wake_data;
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  sidelite_queue *queue;
  sidelite_conn *conn;
  sidelite_event event;
  sidelite_stats stats;
  if (!__atomic_load_n(&w->armed, __ATOMIC_ACQUIRE)) return;
  stats.struct_size = sizeof stats;
  CHECK_EQ(sidelite_queue_new(NULL, &queue), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_fd(w->queue), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_poll(w->queue, &event, 1, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_look(w->queue, &event, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_dispatch(w->queue, 0, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_queue_free(w->queue, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_open(w->queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_execute(w->conn, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_fetch(w->conn, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_stream(w->conn, "SELECT 1", NULL, 0, 0, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_script(w->conn, "SELECT 1", NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_submit(w->conn, &request, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_more(w->conn, 1, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_cancel(w->conn, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_withdraw(w->conn, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_close(w->conn, SIDELITE_CLOSE_CANCEL, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_stat(w->conn, &stats), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_abi_version(), SIDELITE_ABI_VERSION);
  CHECK(strlen(sidelite_version()) > 0);
  CHECK(strlen(sidelite_sqlite_version()) > 0);
  CHECK(strstr(sidelite_status_string(SIDELITE_ERR_FULL), "SIDELITE_ERR_FULL") != NULL);
  __atomic_add_fetch(&w->calls, 1, __ATOMIC_RELEASE);
}

static void contract_03_everything_inside_the_wake_function_is_misuse(void) {
  waker w = {NULL, NULL, 0, 0};
  reply r = reply_new();
  int i;
  w.queue = queue_new_with(0, wake_and_call_every_function, &w);
  CHECK_EQ(sidelite_open(w.queue, ":memory:", NULL, NULL, NULL, &w.conn), SIDELITE_OK);
  __atomic_store_n(&w.armed, 1, __ATOMIC_RELEASE);
  for (i = 0; i < 10; i++) CHECK(sidelite_execute(w.conn, "SELECT 1", NULL, 0, on_reply, &r) > 0);
  WAIT_UNTIL(stats_of(w.conn).completed == 10);
  /* Partial drains call it on this thread, inside dispatch. */
  while (r.finals < 10) CHECK(sidelite_dispatch(w.queue, 1, 0) >= 0);
  CHECK(__atomic_load_n(&w.calls, __ATOMIC_ACQUIRE) >= 9);
  /* Nothing that was refused has left a trace. */
  CHECK_EQ(stats_of(w.conn).submitted, 10);
  CHECK_EQ(sidelite_close(w.conn, SIDELITE_CLOSE_DRAIN, on_reply, &r), SIDELITE_OK);
  WAIT_UNTIL(sidelite_dispatch(w.queue, 0, 0) >= 0 && r.finals == 11);
  CHECK_EQ(sidelite_queue_free(w.queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_03_submit_in_a_callback_a_hundred_thousand_deep),
      TEST(contract_03_submit_in_a_direct_callback_a_hundred_thousand_deep),
      TEST(contract_03_every_function_is_legal_in_every_callback),
      TEST(contract_03_every_function_is_legal_in_every_direct_callback),
      TEST(contract_03_close_in_a_callback_of_the_same_connection),
      TEST(contract_03_close_in_the_opened_callback),
      TEST(contract_03_close_in_the_closed_callback_is_a_code),
      TEST(contract_03_cancel_in_a_callback),
      TEST(contract_03_a_callback_that_does_not_return_holds_up_its_own_queue_alone),
      TEST(contract_03_everything_inside_the_wake_function_is_misuse),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
