/* Contract 4: while a queue holds events and nobody drains it, a wake is outstanding; a partial drain re-arms
 * itself. */
#include "harness.h"

#include <semaphore.h>

enum { MANY = 1000, ROUNDS = SCALED(20000) };

static int readable(sidelite_queue *queue, int timeout_ms) {
  struct pollfd p;
  p.fd = (int)sidelite_queue_fd(queue);
  p.events = POLLIN;
  CHECK(p.fd >= 0);
  return poll(&p, 1, timeout_ms) == 1;
}

/* Submits `n` requests and shuts a gate behind them: when its thread stands there, their events wait in the queue. */
static void submit_and_stop(sidelite_conn *conn, int n, gate *g) {
  int i;
  for (i = 0; i < n; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  gate_shut(g, conn);
}

static void contract_04_the_descriptor_is_readable_while_events_wait_and_not_when_none_do(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_event events[8];
  int i;
  CHECK_EQ(sidelite_queue_fd(queue), sidelite_queue_fd(queue));
  for (i = 0; i < 100; i++) {
    gate g;
    submit_and_stop(conn, 10, &g);
    CHECK(readable(queue, 0));
    CHECK(readable(queue, 0));
    CHECK_EQ(sidelite_poll(queue, events, 8, 0), 8);
    CHECK(readable(queue, 0));
    CHECK_EQ(sidelite_poll(queue, events, 8, 0), 2);
    /* Spurious readability is allowed, but a look that finds nothing ends it. */
    if (readable(queue, 0)) CHECK_EQ(sidelite_poll(queue, events, 8, 0), 0);
    CHECK(!readable(queue, 0));
    gate_open(&g);
    gate_remove(&g, queue);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_04_a_descriptor_made_while_events_wait_is_readable(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  gate g;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  submit_and_stop(conn, 10, &g);
  CHECK(readable(queue, 0));
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 11);
  gate_open(&g);
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void count_wake(void *wake_data) {
  __atomic_add_fetch((int *)wake_data, 1, __ATOMIC_ACQ_REL);
}

static int wakes_of(const int *wakes) {
  return __atomic_load_n(wakes, __ATOMIC_ACQUIRE);
}

static void contract_04_one_wake_for_many_completions(void) {
  int wakes = 0, before;
  sidelite_queue *queue = queue_new_with(0, count_wake, &wakes);
  sidelite_conn *conn;
  gate first, second;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  submit_and_stop(conn, 1, &first);
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 2);
  before = wakes_of(&wakes);
  CHECK(before >= 1);
  gate_open(&first);
  submit_and_stop(conn, MANY, &second);
  CHECK_EQ(wakes_of(&wakes), before + 1);
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), MANY + 1);
  CHECK_EQ(wakes_of(&wakes), before + 1);
  CHECK_EQ(stats_of(queue).wakes, before + 1);
  gate_open(&second);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
}

/* Takes ten events in pieces, one way, and expects a wake for what each piece leaves. */
static void check_partial_drain(int32_t (*take)(sidelite_queue *)) {
  int wakes = 0, taken = 0;
  sidelite_queue *queue = queue_new_with(0, count_wake, &wakes);
  sidelite_conn *conn;
  gate g;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  submit_and_stop(conn, 9, &g);
  CHECK_EQ(wakes_of(&wakes), 1);
  while (taken < 9) {
    int before = wakes_of(&wakes);
    CHECK_EQ(take(queue), 3);
    taken += 3;
    CHECK(wakes_of(&wakes) > before);
  }
  CHECK_EQ(take(queue), 1);
  gate_open(&g);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
}

static int32_t poll_three(sidelite_queue *queue) {
  sidelite_event events[3];
  return sidelite_poll(queue, events, 3, 0);
}

static int32_t dispatch_three(sidelite_queue *queue) {
  return sidelite_dispatch(queue, 3, 0);
}

static void contract_04_a_partial_poll_calls_the_wake_function_again(void) {
  check_partial_drain(poll_three);
}

static void contract_04_a_partial_dispatch_calls_the_wake_function_again(void) {
  check_partial_drain(dispatch_three);
}

static void on_slow(const sidelite_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  sleep_ms(2);
}

static void contract_04_a_dispatch_out_of_budget_keeps_the_descriptor_readable(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  gate g;
  int i;
  for (i = 0; i < 10; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_slow, NULL) > 0);
  gate_shut(&g, conn);
  for (i = 0; i < 10; i++) {
    CHECK(readable(queue, 0));
    CHECK_EQ(sidelite_dispatch(queue, 0, 1000), 1);
  }
  gate_open(&g);
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void on_stop(const sidelite_event *event, void *user_data) {
  (void)event;
  CHECK_EQ(sidelite_dispatch_stop((sidelite_queue *)user_data), SIDELITE_OK);
}

static void contract_04_a_dispatch_that_is_stopped_keeps_the_descriptor_readable(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  gate g;
  int i;
  for (i = 0; i < 3; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_stop, queue) > 0);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &r) > 0);
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_dispatch_stop(queue), SIDELITE_ERR_MISUSE);
  for (i = 0; i < 3; i++) {
    CHECK(readable(queue, 0));
    CHECK_EQ(sidelite_dispatch(queue, 0, 0), 1);
  }
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 1);
  CHECK_EQ(r.finals, 1);
  gate_open(&g);
  gate_remove(&g, queue);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Stops the dispatch of the queue in which it runs, from a callback of another that it dispatches meanwhile. */
typedef struct nested {
  sidelite_queue *outer, *inner;
  int inner_finals;
} nested;

static void on_inner_stop(const sidelite_event *event, void *user_data) {
  nested *n = (nested *)user_data;
  (void)event;
  n->inner_finals++;
  CHECK_EQ(sidelite_dispatch_stop(n->outer), SIDELITE_OK);
}

static void on_outer(const sidelite_event *event, void *user_data) {
  nested *n = (nested *)user_data;
  (void)event;
  WAIT_UNTIL(sidelite_dispatch(n->inner, 0, 0) >= 0 && n->inner_finals == 2);
  CHECK_EQ(sidelite_dispatch_stop(n->inner), SIDELITE_ERR_MISUSE);
}

static void contract_04_a_nested_dispatch_stops_the_outer_one_alone(void) {
  sidelite_conn *outer_conn, *inner_conn;
  reply r = reply_new();
  nested n;
  gate g;
  int i;
  memset(&n, 0, sizeof n);
  n.outer = queue_new();
  n.inner = queue_new();
  outer_conn = conn_open(n.outer, ":memory:", NULL);
  inner_conn = conn_open(n.inner, ":memory:", NULL);
  CHECK(sidelite_execute(outer_conn, "SELECT 1", NULL, 0, on_outer, &n) > 0);
  CHECK(sidelite_execute(outer_conn, "SELECT 1", NULL, 0, on_reply, &r) > 0);
  gate_shut(&g, outer_conn);
  for (i = 0; i < 2; i++) CHECK(sidelite_execute(inner_conn, "SELECT 1", NULL, 0, on_inner_stop, &n) > 0);
  CHECK_EQ(sidelite_dispatch(n.outer, 0, 0), 1);
  CHECK_EQ(r.finals, 0);
  CHECK_EQ(sidelite_dispatch(n.outer, 0, 0), 1);
  CHECK_EQ(r.finals, 1);
  gate_open(&g);
  gate_remove(&g, n.outer);
  reply_clear(&r);
  CHECK(sidelite_queue_free(n.outer, -1) >= 0);
  CHECK(sidelite_queue_free(n.inner, -1) >= 0);
}

/* Does not return before the event of what it submits is in the queue. */
static void on_submit_more(const sidelite_event *event, void *user_data) {
  CHECK(sidelite_execute(event->conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  gate_shut((gate *)user_data, event->conn);
}

static void contract_04_events_that_arrive_during_a_dispatch_are_announced(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  gate g;
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_submit_more, &g) > 0);
  CHECK(readable(queue, 60000));
  /* Only what was there when it started: a callback that submits for ever does not keep the loop for itself. */
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 1);
  CHECK(readable(queue, 0));
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 1);
  gate_open(&g);
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Producers and one consumer that drains when it was woken and never otherwise: a lost wake-up is a hang. */
typedef struct traffic {
  sidelite_conn *conn;
  sem_t woken;
  sem_t room; /* keeps the producers just ahead, so that queue and wake meet in every state */
  int finals;
} traffic;

static void on_traffic(const sidelite_event *event, void *user_data) {
  traffic *t = (traffic *)user_data;
  CHECK_EQ(event->code, SIDELITE_OK);
  t->finals++;
  sem_post(&t->room);
}

static void *produce_traffic(void *arg) {
  traffic *t = (traffic *)arg;
  int i;
  for (i = 0; i < ROUNDS; i++) {
    while (sem_wait(&t->room)) CHECK_EQ(errno, EINTR);
    CHECK(sidelite_execute(t->conn, "SELECT 1", NULL, 0, on_traffic, t) > 0);
  }
  return NULL;
}

static void post_wake(void *wake_data) {
  sem_post((sem_t *)wake_data);
}

static void await_post(sem_t *semaphore) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 60;
  while (sem_timedwait(semaphore, &end)) CHECK_EQ(errno, EINTR);
}

/* Every third drain is a partial one. */
static void dispatch_some(sidelite_queue *queue, int turn) {
  CHECK(sidelite_dispatch(queue, turn % 3 ? 0 : 1, 0) >= 0);
}

static void look_a_few_times(sidelite_queue *queue, int turn) {
  sidelite_event events[4];
  int look;
  for (look = 0; look < 4; look++) {
    int32_t i, n = sidelite_look(queue, events, (turn + look) % 3 ? 4 : 1);
    CHECK(n >= 0);
    for (i = 0; i < n; i++)
      if (events[i].callback) events[i].callback(&events[i], events[i].user_data);
  }
}

static void check_no_wake_is_lost(int by_function, void (*drain)(sidelite_queue *, int turn)) {
  enum { PRODUCERS = 2 };
  traffic t;
  sidelite_queue *queue;
  pthread_t producers[PRODUCERS];
  int i;
  memset(&t, 0, sizeof t);
  CHECK_EQ(sem_init(&t.woken, 0, 0), 0);
  CHECK_EQ(sem_init(&t.room, 0, 3), 0);
  queue = by_function ? queue_new_with(0, post_wake, &t.woken) : queue_new();
  if (!by_function) CHECK(sidelite_queue_fd(queue) >= 0);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &t.conn), SIDELITE_OK);
  for (i = 0; i < PRODUCERS; i++) CHECK_EQ(pthread_create(&producers[i], NULL, produce_traffic, &t), 0);
  for (i = 0; t.finals < PRODUCERS * ROUNDS; i++) {
    if (by_function)
      await_post(&t.woken);
    else
      CHECK(readable(queue, 60000));
    drain(queue, i);
  }
  for (i = 0; i < PRODUCERS; i++) CHECK_EQ(pthread_join(producers[i], NULL), 0);
  CHECK_EQ(t.finals, PRODUCERS * ROUNDS);
  CHECK_EQ(sidelite_close(t.conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
  sem_destroy(&t.woken);
  sem_destroy(&t.room);
}

static void contract_04_no_wake_of_the_descriptor_is_lost(void) {
  check_no_wake_is_lost(0, dispatch_some);
}

static void contract_04_no_call_of_the_wake_function_is_lost(void) {
  check_no_wake_is_lost(1, dispatch_some);
}

static void contract_04_a_look_takes_what_comes_and_leaves_the_descriptor_unreadable(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_event event;
  int i;
  CHECK(sidelite_queue_fd(queue) >= 0);
  for (i = 0; i < MANY; i++) {
    int64_t id = sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL);
    CHECK(id > 0);
    WAIT_UNTIL(sidelite_look(queue, &event, 1) == 1);
    CHECK_EQ(event.id, id);
    CHECK_EQ(event.code, SIDELITE_OK);
    /* As after a poll: a spurious wake, made before it looked, ends with the next. */
    if (readable(queue, 0)) CHECK_EQ(sidelite_look(queue, &event, 1), 0);
    CHECK(!readable(queue, 0));
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_04_a_look_that_finds_nothing_ends_soon_and_the_wake_comes_later(void) {
  int wakes = 0;
  sidelite_queue *queue = queue_new_with(0, count_wake, &wakes);
  sidelite_conn *conn;
  sidelite_event events[4];
  gate g;
  int i, before;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_poll(queue, events, 4, 60000), 1);
  for (i = 0; i < MANY; i++) CHECK_EQ(sidelite_look(queue, events, 4), 0);
  before = wakes_of(&wakes);
  gate_open(&g);
  WAIT_UNTIL(wakes_of(&wakes) == before + 1);
  CHECK_EQ(sidelite_look(queue, events, 4), 1);
  /* What a partial one leaves is announced. */
  submit_and_stop(conn, 5, &g);
  WAIT_UNTIL(wakes_of(&wakes) >= before + 2);
  before = wakes_of(&wakes);
  CHECK_EQ(sidelite_look(queue, events, 4), 4);
  CHECK_EQ(wakes_of(&wakes), before + 1);
  CHECK_EQ(sidelite_look(queue, events, 4), 1);
  CHECK_EQ(sidelite_look(queue, NULL, 0), 0);
  CHECK_EQ(sidelite_look(queue, NULL, 1), SIDELITE_ERR_MISUSE);
  gate_open(&g);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
}

static void contract_04_no_wake_of_the_descriptor_is_lost_beside_looks(void) {
  check_no_wake_is_lost(0, look_a_few_times);
}

static void contract_04_no_call_of_the_wake_function_is_lost_beside_looks(void) {
  check_no_wake_is_lost(1, look_a_few_times);
}

/* A thread that sleeps in poll. */
typedef struct sleeper {
  sidelite_queue *queue;
  sidelite_event event;
  int32_t taken;
} sleeper;

static void *sleep_in_poll(void *arg) {
  sleeper *s = (sleeper *)arg;
  s->taken = sidelite_poll(s->queue, &s->event, 1, -1);
  return NULL;
}

static void contract_04_an_event_ends_the_sleep_of_a_poll(void) {
  sleeper s;
  sidelite_conn *conn;
  int64_t id;
  int i;
  s.queue = queue_new();
  conn = conn_open(s.queue, ":memory:", NULL);
  for (i = 0; i < 50; i++) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, sleep_in_poll, &s), 0);
    if (i % 2) sleep_ms(2);
    id = sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(s.taken, 1);
    CHECK_EQ(s.event.id, id);
  }
  conn_close(s.queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(s.queue, -1), 0);
}

static void contract_04_freeing_the_queue_ends_the_sleep_of_a_poll(void) {
  sleeper s;
  pthread_t thread;
  s.queue = queue_new();
  CHECK_EQ(pthread_create(&thread, NULL, sleep_in_poll, &s), 0);
  sleep_ms(20);
  CHECK_EQ(sidelite_queue_free(s.queue, -1), 0);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  CHECK_EQ(s.taken, SIDELITE_ERR_BAD_HANDLE);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_04_the_descriptor_is_readable_while_events_wait_and_not_when_none_do),
      TEST(contract_04_a_descriptor_made_while_events_wait_is_readable),
      TEST(contract_04_one_wake_for_many_completions),
      TEST(contract_04_a_partial_poll_calls_the_wake_function_again),
      TEST(contract_04_a_partial_dispatch_calls_the_wake_function_again),
      TEST(contract_04_a_dispatch_out_of_budget_keeps_the_descriptor_readable),
      TEST(contract_04_a_dispatch_that_is_stopped_keeps_the_descriptor_readable),
      TEST(contract_04_a_nested_dispatch_stops_the_outer_one_alone),
      TEST(contract_04_events_that_arrive_during_a_dispatch_are_announced),
      TEST(contract_04_no_wake_of_the_descriptor_is_lost),
      TEST(contract_04_no_call_of_the_wake_function_is_lost),
      TEST(contract_04_a_look_takes_what_comes_and_leaves_the_descriptor_unreadable),
      TEST(contract_04_a_look_that_finds_nothing_ends_soon_and_the_wake_comes_later),
      TEST(contract_04_no_wake_of_the_descriptor_is_lost_beside_looks),
      TEST(contract_04_no_call_of_the_wake_function_is_lost_beside_looks),
      TEST(contract_04_an_event_ends_the_sleep_of_a_poll),
      TEST(contract_04_freeing_the_queue_ends_the_sleep_of_a_poll),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
