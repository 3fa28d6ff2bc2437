/* Contract 8: misuse of a handle is a code, never undefined. */
#include "harness.h"

enum { HANDLES_MAX = 16, THREADS = 8 };

static int ignored_events;

static void on_ignored(const sidelite_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  ignored_events++;
}

/* Each function, called on any handle with arguments that are otherwise good. */
static int64_t call_queue_fd(void *handle) {
  return sidelite_queue_fd((sidelite_queue *)handle);
}

static int64_t call_poll(void *handle) {
  sidelite_event event;
  return sidelite_poll((sidelite_queue *)handle, &event, 1, 0);
}

static int64_t call_poll_for_ever(void *handle) {
  sidelite_event event;
  return sidelite_poll((sidelite_queue *)handle, &event, 1, -1);
}

static int64_t call_look(void *handle) {
  sidelite_event event;
  return sidelite_look((sidelite_queue *)handle, &event, 1);
}

static int64_t call_dispatch(void *handle) {
  return sidelite_dispatch((sidelite_queue *)handle, 0, 0);
}

static int64_t call_dispatch_stop(void *handle) {
  return sidelite_dispatch_stop((sidelite_queue *)handle);
}

static int64_t call_queue_free(void *handle) {
  return sidelite_queue_free((sidelite_queue *)handle, -1);
}

static int64_t call_open(void *handle) {
  sidelite_conn *conn = (sidelite_conn *)handle;
  int32_t status = sidelite_open((sidelite_queue *)handle, ":memory:", NULL, on_ignored, NULL, &conn);
  CHECK(status != SIDELITE_OK && conn == NULL);
  return status;
}

static int64_t call_execute(void *handle) {
  return sidelite_execute((sidelite_conn *)handle, "SELECT 1", NULL, 0, on_ignored, NULL);
}

static int64_t call_fetch(void *handle) {
  return sidelite_fetch((sidelite_conn *)handle, "SELECT 1", NULL, 0, on_ignored, NULL);
}

static int64_t call_stream(void *handle) {
  return sidelite_stream((sidelite_conn *)handle, "SELECT 1", NULL, 0, 0, on_ignored, NULL);
}

static int64_t call_script(void *handle) {
  return sidelite_script((sidelite_conn *)handle, "SELECT 1", on_ignored, NULL);
}

static int64_t call_submit(void *handle) {
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  return sidelite_submit((sidelite_conn *)handle, &request, 1);
}

static int64_t call_more(void *handle) {
  return sidelite_more((sidelite_conn *)handle, 1, 1);
}

static int64_t call_cancel_one(void *handle) {
  return sidelite_cancel((sidelite_conn *)handle, 1);
}

static int64_t call_cancel_all(void *handle) {
  return sidelite_cancel((sidelite_conn *)handle, 0);
}

static int64_t call_withdraw(void *handle) {
  return sidelite_withdraw((sidelite_conn *)handle, 1);
}

static int64_t call_close(void *handle) {
  return sidelite_close((sidelite_conn *)handle, SIDELITE_CLOSE_CANCEL, on_ignored, NULL);
}

static int64_t call_stat(void *handle) {
  sidelite_stats stats;
  stats.struct_size = sizeof stats;
  return sidelite_stat(handle, &stats);
}

typedef struct entry {
  const char *name;
  int64_t (*call)(void *handle);
  int takes_queue, takes_conn;
} entry;

static const entry functions[] = {
    {"queue_fd", call_queue_fd, 1, 0},     {"poll", call_poll, 1, 0},
    {"poll_for_ever", call_poll_for_ever, 1, 0}, {"look", call_look, 1, 0},
    {"dispatch", call_dispatch, 1, 0},
    {"dispatch_stop", call_dispatch_stop, 1, 0},
    {"queue_free", call_queue_free, 1, 0}, {"open", call_open, 1, 0},
    {"execute", call_execute, 0, 1},       {"fetch", call_fetch, 0, 1},
    {"stream", call_stream, 0, 1},         {"script", call_script, 0, 1},
    {"submit", call_submit, 0, 1},         {"more", call_more, 0, 1},
    {"cancel_one", call_cancel_one, 0, 1}, {"cancel_all", call_cancel_all, 0, 1},
    {"withdraw", call_withdraw, 0, 1},
    {"close", call_close, 0, 1},           {"stat", call_stat, 1, 1},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void expect_bad_handle(const entry *function, const char *what, void *handle) {
  int64_t status = function->call(handle);
  if (status != SIDELITE_ERR_BAD_HANDLE) fprintf(stderr, "%s on a handle that is %s\n", function->name, what);
  CHECK_EQ(status, SIDELITE_ERR_BAD_HANDLE);
}

static void expect_bad_handle_everywhere(const char *what, void *handle) {
  int i;
  for (i = 0; i < FUNCTIONS; i++) expect_bad_handle(&functions[i], what, handle);
}

static void contract_08_null_and_made_up_handles_are_refused_by_every_function(void) {
  static const uint64_t numbers[] = {
      0, 1, 2, 8, 0xff, 4096, 0x7fffffff, 0xffffffff, UINT64_C(1) << 51, UINT64_C(1) << 52, (UINT64_C(1) << 52) + 1,
      (UINT64_C(1) << 53) - 1, UINT64_C(1) << 53, UINT64_C(1) << 63, INT64_MAX, UINT64_MAX - 1, UINT64_MAX,
  };
  size_t i;
  char *allocated = (char *)malloc(64);
  for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
    expect_bad_handle_everywhere("made up", (void *)(uintptr_t)numbers[i]);
  expect_bad_handle_everywhere("an address", allocated);
  expect_bad_handle_everywhere("an address", &i);
  free(allocated);
  CHECK_EQ(ignored_events, 0);
}

static void contract_08_stale_handles_are_refused_by_every_function(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  expect_bad_handle_everywhere("a closed connection", conn);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  expect_bad_handle_everywhere("a freed queue", queue);
  CHECK_EQ(ignored_events, 0);
}

static void contract_08_stale_handles_stay_stale_when_their_slots_are_used_again(void) {
  enum { ROUNDS = 1000 };
  static sidelite_queue *old[ROUNDS];
  int i, k;
  for (i = 0; i < ROUNDS; i++) {
    old[i] = queue_new();
    CHECK((uint64_t)(uintptr_t)old[i] < UINT64_C(1) << 53);
    for (k = 0; k < i; k++) CHECK(old[k] != old[i]);
    if (i) CHECK_EQ(sidelite_dispatch(old[i - 1], 0, 0), SIDELITE_ERR_BAD_HANDLE);
    CHECK_EQ(sidelite_queue_free(old[i], -1), 0);
  }
}

static void contract_08_a_handle_of_the_other_kind_is_refused_by_every_function(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int i;
  CHECK((uint64_t)(uintptr_t)conn < UINT64_C(1) << 53);
  for (i = 0; i < FUNCTIONS; i++) {
    if (!functions[i].takes_queue) expect_bad_handle(&functions[i], "a queue", queue);
    if (!functions[i].takes_conn) expect_bad_handle(&functions[i], "a connection", conn);
  }
  CHECK_EQ(fetch_int(queue, conn, "SELECT 7"), 7);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(ignored_events, 0);
}

static void contract_08_a_bad_handle_in_reply_to_is_refused(void) {
  sidelite_queue *queue = queue_new(), *freed = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  CHECK_EQ(sidelite_queue_free(freed, -1), 0);
  request.callback = on_ignored;
  request.reply_to = freed;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_HANDLE);
  request.reply_to = (sidelite_queue *)(void *)conn;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_HANDLE);
  request.reply_to = (sidelite_queue *)(uintptr_t)77;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_BAD_HANDLE);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(ignored_events, 0);
}

static void contract_08_random_handles_beside_live_ones(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  uint64_t live[2] = {(uint64_t)(uintptr_t)queue, (uint64_t)(uintptr_t)conn};
  unsigned seed = 8;
  int i, bit;
  /* Every handle that differs from a live one in one bit, then numbers from everywhere. */
  for (i = 0; i < 2; i++) {
    for (bit = 0; bit < 64; bit++)
      expect_bad_handle_everywhere("one bit off", (void *)(uintptr_t)(live[i] ^ UINT64_C(1) << bit));
  }
  for (i = 0; i < 2000; i++) {
    uint64_t number = (uint64_t)rand_r(&seed) << 42 ^ (uint64_t)rand_r(&seed) << 21 ^ (uint64_t)rand_r(&seed);
    number >>= rand_r(&seed) % 64;
    if (number == live[0] || number == live[1]) continue;
    expect_bad_handle_everywhere("random", (void *)(uintptr_t)number);
  }
  CHECK_EQ(fetch_int(queue, conn, "SELECT 7"), 7);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_08_ids_that_are_not_out_are_refused(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  int64_t id = sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &r);
  int64_t ids[6] = {id, id + 1, -2, INT64_MAX, INT64_MIN, id + (INT64_C(1) << 32)};
  int i;
  TURN_UNTIL(queue, r.finals);
  for (i = 0; i < 6; i++) {
    CHECK_EQ(sidelite_cancel(conn, ids[i]), SIDELITE_ERR_BAD_HANDLE);
    CHECK_EQ(sidelite_more(conn, ids[i], 1), SIDELITE_ERR_BAD_HANDLE);
  }
  CHECK_EQ(sidelite_more(conn, 0, 1), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(r.events, 1);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_08_double_close_is_a_code(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply closed = reply_new(), second = reply_new();
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_reply, &closed), SIDELITE_OK);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_reply, &second), SIDELITE_ERR_CLOSED);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_CANCEL, on_reply, &second), SIDELITE_ERR_CLOSED);
  TURN_UNTIL(queue, closed.finals);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_reply, &second), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(closed.events, 1);
  CHECK_EQ(second.events, 0);
}

static void contract_08_double_queue_free_is_a_code(void) {
  sidelite_queue *queue = queue_new();
  CHECK_EQ(sidelite_queue_free(queue, 0), 0);
  CHECK_EQ(sidelite_queue_free(queue, 0), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_queue_free(queue, -1), SIDELITE_ERR_BAD_HANDLE);
}

/* Many threads that end one handle at the same moment. */
typedef struct crowd {
  pthread_barrier_t start;
  sidelite_queue *queue;
  sidelite_conn *conn;
  reply closed;
  int winners;
} crowd;

static void *close_with_the_crowd(void *arg) {
  crowd *c = (crowd *)arg;
  int32_t status;
  pthread_barrier_wait(&c->start);
  status = sidelite_close(c->conn, SIDELITE_CLOSE_DRAIN, on_reply, &c->closed);
  CHECK(status == SIDELITE_OK || status == SIDELITE_ERR_CLOSED);
  if (status == SIDELITE_OK) __atomic_add_fetch(&c->winners, 1, __ATOMIC_RELAXED);
  return NULL;
}

static void *free_with_the_crowd(void *arg) {
  crowd *c = (crowd *)arg;
  int32_t status;
  pthread_barrier_wait(&c->start);
  status = sidelite_queue_free(c->queue, -1);
  CHECK(status >= 0 || status == SIDELITE_ERR_BAD_HANDLE);
  if (status >= 0) __atomic_add_fetch(&c->winners, 1, __ATOMIC_RELAXED);
  return NULL;
}

static int count_winners(crowd *c, void *(*rush)(void *)) {
  pthread_t threads[THREADS];
  int i;
  c->winners = 0;
  CHECK_EQ(pthread_barrier_init(&c->start, NULL, THREADS), 0);
  for (i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, rush, c), 0);
  for (i = 0; i < THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&c->start);
  return c->winners;
}

static void contract_08_one_of_eight_threads_closes_the_connection_and_frees_the_queue(void) {
  int round;
  for (round = 0; round < 50; round++) {
    crowd c;
    memset(&c, 0, sizeof c);
    c.queue = queue_new();
    c.conn = conn_open(c.queue, ":memory:", NULL);
    CHECK_EQ(count_winners(&c, close_with_the_crowd), 1);
    TURN_UNTIL(c.queue, c.closed.finals);
    CHECK_EQ(c.closed.events, 1);
    /* With a connection, so that freeing takes its time. */
    c.conn = conn_open(c.queue, ":memory:", NULL);
    CHECK_EQ(count_winners(&c, free_with_the_crowd), 1);
    CHECK_EQ(sidelite_cancel(c.conn, 0), SIDELITE_ERR_BAD_HANDLE);
  }
}

static int threads_now(void) {
  return entries_in("/proc/self/task");
}

/* The number of threads once it has come to rest: those of earlier tests may be about to end. */
static int threads_at_rest(void) {
  int before = -1, now;
  while ((now = threads_now()) != before) {
    before = now;
    sleep_ms(50);
  }
  return now;
}

static int descriptors_now(void) {
  return entries_in("/proc/self/fd");
}

/* Opens `n` connections to one path, uses each and closes them. */
static void come_and_go(sidelite_queue *queue, const char *path, int n) {
  sidelite_conn **conns = (sidelite_conn **)calloc((size_t)n, sizeof *conns);
  reply r = reply_new();
  int i;
  CHECK(conns != NULL);
  for (i = 0; i < n; i++) {
    CHECK_EQ(sidelite_open(queue, path, NULL, on_reply, &r, &conns[i]), SIDELITE_OK);
    CHECK(sidelite_execute(conns[i], "SELECT count(*) FROM sqlite_schema", NULL, 0, on_reply, &r) > 0);
  }
  TURN_UNTIL(queue, r.finals == 2 * n);
  CHECK_EQ(r.code, SIDELITE_OK);
  for (i = 0; i < n; i++) CHECK_EQ(sidelite_close(conns[i], SIDELITE_CLOSE_DRAIN, on_reply, &r), SIDELITE_OK);
  TURN_UNTIL(queue, r.finals == 3 * n);
  free(conns);
}

static void contract_08_a_thousand_connections_leave_no_thread_and_no_descriptor(void) {
  enum { AT_ONCE = SCALED(1000), ROUNDS = 10, EACH_ROUND = SCALED(100) };
  sidelite_queue *queue = queue_new();
  char path[4200];
  const char *scratch = scratch_new();
  int threads, descriptors, round;
  snprintf(path, sizeof path, "%s/app.db", scratch);
  come_and_go(queue, path, 1);
  CHECK(sidelite_queue_fd(queue) >= 0);
  threads = threads_at_rest();
  descriptors = descriptors_now();
  come_and_go(queue, ":memory:", AT_ONCE);
  for (round = 0; round < ROUNDS; round++) come_and_go(queue, path, EACH_ROUND);
  /* A thread ends some moments after its connection's CLOSED. */
  WAIT_UNTIL(threads_now() <= threads);
  CHECK_EQ(descriptors_now(), descriptors);
  CHECK_EQ(stats_of(queue).outstanding, 0);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(descriptors_now(), descriptors - 1);
  scratch_remove(scratch);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_08_null_and_made_up_handles_are_refused_by_every_function),
      TEST(contract_08_stale_handles_are_refused_by_every_function),
      TEST(contract_08_stale_handles_stay_stale_when_their_slots_are_used_again),
      TEST(contract_08_a_handle_of_the_other_kind_is_refused_by_every_function),
      TEST(contract_08_a_bad_handle_in_reply_to_is_refused),
      TEST(contract_08_random_handles_beside_live_ones),
      TEST(contract_08_ids_that_are_not_out_are_refused),
      TEST(contract_08_double_close_is_a_code),
      TEST(contract_08_double_queue_free_is_a_code),
      TEST(contract_08_one_of_eight_threads_closes_the_connection_and_frees_the_queue),
      TEST(contract_08_a_thousand_connections_leave_no_thread_and_no_descriptor),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
