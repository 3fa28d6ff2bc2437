/* Everything at once: threads that submit, cancel, grant credit, close and open at random, on several queues of every
 * kind. In the end each request that was accepted has had exactly one final event.
 *
 *   stress [SEED]     or SIDELITE_SEED=...; without one the seed comes from the clock, and is printed */
#include "harness.h"

#include <semaphore.h>

enum {
  DURATION_MS = 3000,
  PRODUCERS = 4,
  CONNS = 6,
  QUEUES = 4,
  TICKETS = 1 << 20, /* more than can be submitted in that time; the producers stop when they are used up */
  CONNS_EVER = 1 << 14
};

/* One request from submit to its end. */
typedef struct ticket {
  uint8_t accepted;
  uint8_t finals;
} ticket;

/* One connection from open to CLOSED. */
typedef struct life {
  sidelite_conn *conn;
  uint8_t opened, closed;
} life;

enum loop_kind { BY_DESCRIPTOR, BY_WAKE, BY_POLL, DIRECT };

/* A queue and the thread that drains it, unless it is DIRECT. */
typedef struct loop {
  sidelite_queue *queue;
  enum loop_kind kind;
  pthread_t thread;
  sem_t woken;
} loop;

static ticket tickets[TICKETS];
static life lives[CONNS_EVER];
static loop loops[QUEUES];
static life *slots[CONNS]; /* replaced now and then: read and written atomically */
static int tickets_used, lives_used, producers_stop, loops_stop;
static unsigned seed;

static int next_of(int *counter, int max) {
  int i = __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
  return i < max ? i : -1;
}

static int is_set(const int *flag) {
  return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* What a stream's reader does with a chunk, and what else a callback may do. The event's own numbers are the dice. */
static void react(const sidelite_event *event) {
  switch ((unsigned)(event->id * 7 + (event->result ? event->result->nrows : 0)) % 16) {
    case 0: (void)sidelite_cancel(event->conn, event->id); break;
    case 1: break; /* forgotten: whoever closes the connection ends it */
    case 2: (void)sidelite_cancel(event->conn, event->id + 1); break;
    case 3: sidelite_release(sidelite_keep(event->result)); break;
    default: (void)sidelite_more(event->conn, event->id, 1); break;
  }
}

static void on_ticket(const sidelite_event *event, void *user_data) {
  ticket *t = (ticket *)user_data;
  if (event->flags & SIDELITE_EVENT_MORE) {
    CHECK_EQ(event->code, SIDELITE_OK);
    CHECK(event->result != NULL);
    react(event);
    return;
  }
  CHECK_EQ(__atomic_add_fetch(&t->finals, 1, __ATOMIC_ACQ_REL), 1);
}

static void on_life(const sidelite_event *event, void *user_data) {
  life *l = (life *)user_data;
  CHECK_EQ(__atomic_load_n(&l->closed, __ATOMIC_ACQUIRE), 0);
  if (event->flags & SIDELITE_EVENT_OPENED) {
    /* A close may be faster than the opening. */
    CHECK(event->code == SIDELITE_OK || event->code == SIDELITE_ERR_CANCELLED);
    CHECK_EQ(__atomic_add_fetch(&l->opened, 1, __ATOMIC_ACQ_REL), 1);
  }
  if (event->flags & SIDELITE_EVENT_CLOSED) CHECK_EQ(__atomic_add_fetch(&l->closed, 1, __ATOMIC_ACQ_REL), 1);
}

static void post_wake(void *wake_data) {
  sem_post((sem_t *)wake_data);
}

/* Calls the callbacks of events that poll gave. */
static void take_by_poll(sidelite_queue *queue) {
  sidelite_event events[16];
  int32_t n = sidelite_poll(queue, events, 16, 5), i;
  CHECK(n >= 0);
  for (i = 0; i < n; i++)
    if (events[i].callback) events[i].callback(&events[i], events[i].user_data);
}

/* Dispatches when it was woken, and only then: a wake that is lost is a hang in the end. */
static void take_when_woken(loop *l) {
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 5000000;
  soon.tv_sec += soon.tv_nsec / 1000000000;
  soon.tv_nsec %= 1000000000;
  if (!sem_timedwait(&l->woken, &soon)) CHECK(sidelite_dispatch(l->queue, 50, 200) >= 0);
}

static void *run_loop(void *arg) {
  loop *l = (loop *)arg;
  while (!is_set(&loops_stop)) {
    if (l->kind == BY_DESCRIPTOR) (void)turn(l->queue, 5);
    if (l->kind == BY_WAKE) take_when_woken(l);
    if (l->kind == BY_POLL) take_by_poll(l->queue);
  }
  return NULL;
}

static void start_loops(void) {
  int i;
  for (i = 0; i < QUEUES; i++) {
    loop *l = &loops[i];
    l->kind = i == 0 ? BY_DESCRIPTOR : i == 1 ? BY_WAKE : i == 2 ? BY_POLL : DIRECT;
    CHECK_EQ(sem_init(&l->woken, 0, 0), 0);
    l->queue = l->kind == BY_WAKE  ? queue_new_with(0, post_wake, &l->woken)
               : l->kind == DIRECT ? queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL)
                                   : queue_new();
    if (l->kind != DIRECT) CHECK_EQ(pthread_create(&l->thread, NULL, run_loop, l), 0);
  }
}

static void stop_loops(void) {
  int i;
  __atomic_store_n(&loops_stop, 1, __ATOMIC_RELEASE);
  for (i = 0; i < QUEUES; i++) {
    if (loops[i].kind != DIRECT) CHECK_EQ(pthread_join(loops[i].thread, NULL), 0);
    CHECK_EQ(sidelite_queue_free(loops[i].queue, -1), 0);
    sem_destroy(&loops[i].woken);
  }
}

/* Opens a connection for a slot: every other one on the file, the rest in memory. */
static void open_slot(int slot, const char *path) {
  sidelite_open_config config = open_config_new(slot % 3 ? 0 : SIDELITE_OPEN_HARDENED);
  int number = next_of(&lives_used, CONNS_EVER);
  life *l = &lives[number];
  CHECK(number >= 0);
  config.synchronous = SIDELITE_SYNC_OFF;
  config.max_requests = slot % 2 ? 64 : 0;
  CHECK_EQ(sidelite_open(loops[slot % QUEUES].queue, slot % 2 ? path : ":memory:", &config, on_life, l, &l->conn),
           SIDELITE_OK);
  CHECK(sidelite_script(l->conn, "CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b TEXT)", NULL, NULL) > 0);
  __atomic_store_n(&slots[slot], l, __ATOMIC_RELEASE);
}

static void close_life(life *l, uint32_t mode) {
  CHECK_EQ(sidelite_close(l->conn, mode, on_life, l), SIDELITE_OK);
  /* Streams that nobody reads on would hold a close that drains for ever. */
  if (mode == SIDELITE_CLOSE_DRAIN) (void)sidelite_cancel(l->conn, 0);
}

static int32_t run_nothing(void *db, void *context) {
  (void)context;
  CHECK(db != NULL);
  return SIDELITE_OK;
}

static const char *const statements[] = {
    "INSERT INTO t(b) VALUES (?1)",
    "SELECT * FROM t WHERE a > ?1 LIMIT 50",
    "INSERT INTO t(b) SELECT ?1 FROM t LIMIT 3 RETURNING a",
    "DELETE FROM t WHERE a IN (SELECT a FROM t ORDER BY a LIMIT 5) AND ?1 IS NOT NULL",
    "SELECT count(*), max(b), ?1 FROM t",
    "INSERT INTO t(a, b) VALUES (1, ?1)", /* often a constraint */
    "SELEC ?1",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) SELECT i, ?1 FROM n",
    "UPDATE t SET b = ?1 WHERE a % 7 = 0",
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

/* One random request with its ticket; the value it points to is the caller's. */
static sidelite_request draw_request(unsigned *dice, const sidelite_value *value, ticket *t) {
  sidelite_request request = request_new(SIDELITE_EXECUTE, statements[rand_r(dice) % STATEMENTS], NULL);
  request.values = value;
  request.ncols = 1;
  request.callback = on_ticket;
  request.user_data = t;
  if (rand_r(dice) % 8 == 0) request.timeout_ms = 1 + (uint32_t)rand_r(dice) % 5;
  if (rand_r(dice) % 8 == 0) request.flags |= SIDELITE_NO_CACHE;
  switch (rand_r(dice) % 10) {
    case 0: case 1: case 2: request.kind = SIDELITE_FETCH; break;
    case 3: case 4:
      request.kind = SIDELITE_STREAM;
      request.chunk_rows = (uint32_t)rand_r(dice) % 40;
      request.window = (uint32_t)rand_r(dice) % 4;
      break;
    case 5:
      request.kind = SIDELITE_SCRIPT;
      request.sql = "INSERT INTO t(b) VALUES ('x'); SELECT * FROM t LIMIT 3; UPDATE t SET b = 'y' WHERE a = 3";
      request.ncols = 0;
      break;
    case 6:
      request.kind = SIDELITE_RUN;
      request.run = run_nothing;
      request.ncols = 0;
      break;
    default: break;
  }
  if (rand_r(dice) % 16 == 0) request.reply_to = loops[rand_r(dice) % QUEUES].queue;
  return request;
}

/* Streams and functions have no place in a transaction of an array. */
static void make_atomic(sidelite_request *requests, uint32_t n) {
  uint32_t i;
  requests[0].flags |= SIDELITE_ATOMIC;
  for (i = 0; i < n; i++) {
    if (requests[i].kind != SIDELITE_STREAM && requests[i].kind != SIDELITE_RUN) continue;
    requests[i].kind = SIDELITE_EXECUTE;
    requests[i].ncols = 1;
  }
}

static void look_at_counters(sidelite_conn *conn) {
  sidelite_stats stats;
  int32_t status;
  stats.struct_size = sizeof stats;
  status = sidelite_stat(conn, &stats);
  CHECK(status == SIDELITE_ERR_BAD_HANDLE || (status == SIDELITE_OK && stats.completed <= stats.submitted));
}

/* Submits one request or an array; 0 when the tickets are used up. */
static int64_t submit_random(unsigned *dice, sidelite_conn *conn) {
  enum { ARRAY = 6 };
  static const char text[] = "some text that goes along";
  sidelite_value value = sidelite_text_n(text, (uint32_t)rand_r(dice) % (sizeof text));
  sidelite_request requests[ARRAY];
  ticket *drawn[ARRAY];
  uint32_t n = rand_r(dice) % 4 ? 1 : 1 + (uint32_t)rand_r(dice) % ARRAY, i;
  int64_t id;
  for (i = 0; i < n; i++) {
    int number = next_of(&tickets_used, TICKETS);
    if (number < 0) return 0;
    drawn[i] = &tickets[number];
    requests[i] = draw_request(dice, &value, drawn[i]);
  }
  if (rand_r(dice) % 3 == 0) make_atomic(requests, n);
  id = sidelite_submit(conn, requests, n);
  if (id < 0) CHECK(id == SIDELITE_ERR_FULL || id == SIDELITE_ERR_CLOSED || id == SIDELITE_ERR_BAD_HANDLE);
  for (i = 0; i < n; i++) drawn[i]->accepted = id > 0;
  return id;
}

static void *produce(void *arg) {
  unsigned dice = seed + (unsigned)(uintptr_t)arg * 7919;
  int64_t id = 1, last = 1;
  while (id != 0 && !is_set(&producers_stop)) {
    life *l = __atomic_load_n(&slots[rand_r(&dice) % CONNS], __ATOMIC_ACQUIRE);
    id = submit_random(&dice, l->conn);
    if (id > 0) last = id;
    if (id == SIDELITE_ERR_FULL) sleep_ms(1);
    if (rand_r(&dice) % 10 == 0) (void)sidelite_cancel(l->conn, last - rand_r(&dice) % 4);
    if (rand_r(&dice) % 500 == 0) (void)sidelite_cancel(l->conn, 0);
    if (rand_r(&dice) % 50 == 0) look_at_counters(l->conn);
  }
  return NULL;
}

/* Replaces connections until the time is over. */
static void come_and_go(const char *path) {
  unsigned dice = seed;
  double end = now_ms() + DURATION_MS;
  while (now_ms() < end) {
    int slot = rand_r(&dice) % CONNS;
    life *old = slots[slot];
    sleep_ms(rand_r(&dice) % 20);
    open_slot(slot, path);
    close_life(old, rand_r(&dice) % 2 ? SIDELITE_CLOSE_CANCEL : SIDELITE_CLOSE_DRAIN);
  }
}

/* How many requests are owed their final event; none may have had one that was not accepted. */
static int count_owed(void) {
  int used = __atomic_load_n(&tickets_used, __ATOMIC_ACQUIRE), owed = 0, i;
  for (i = 0; i < used && i < TICKETS; i++) {
    int finals = __atomic_load_n(&tickets[i].finals, __ATOMIC_ACQUIRE);
    CHECK(finals <= tickets[i].accepted);
    owed += tickets[i].accepted - finals;
  }
  return owed;
}

static int count_open(void) {
  int open = 0, i;
  for (i = 0; i < lives_used; i++) open += !__atomic_load_n(&lives[i].closed, __ATOMIC_ACQUIRE);
  return open;
}

static int count_accepted(void) {
  int accepted = 0, i;
  for (i = 0; i < TICKETS; i++) accepted += tickets[i].accepted;
  return accepted;
}

/* The file that some of the connections share. */
static void make_file(const char *path) {
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  conn = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)"), SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void check_file(const char *path) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, path, NULL);
  reply r;
  CHECK_EQ(fetch(queue, conn, "PRAGMA integrity_check", &r), SIDELITE_OK);
  CHECK(!strcmp(sidelite_row_text(r.result, 0, 0), "ok"));
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_01_exactly_one_final_event_under_stress(void) {
  const char *scratch = scratch_new();
  pthread_t producers[PRODUCERS];
  char path[4400];
  int i;
  snprintf(path, sizeof path, "%s/app.db", scratch);
  printf("seed %u\n", seed);
  fflush(stdout);
  make_file(path);
  start_loops();
  for (i = 0; i < CONNS; i++) open_slot(i, path);
  for (i = 0; i < PRODUCERS; i++)
    CHECK_EQ(pthread_create(&producers[i], NULL, produce, (void *)(uintptr_t)(i + 1)), 0);
  come_and_go(path);
  __atomic_store_n(&producers_stop, 1, __ATOMIC_RELEASE);
  for (i = 0; i < PRODUCERS; i++) CHECK_EQ(pthread_join(producers[i], NULL), 0);
  for (i = 0; i < CONNS; i++) close_life(slots[i], SIDELITE_CLOSE_CANCEL);
  WAIT_UNTIL(count_owed() == 0 && count_open() == 0);
  stop_loops();
  CHECK_EQ(count_owed(), 0);
  for (i = 0; i < lives_used; i++) CHECK(lives[i].opened == 1 && lives[i].closed == 1);
  check_file(path);
  printf("%d requests accepted of %d, %d connections\n", count_accepted(), tickets_used, lives_used);
  CHECK(count_accepted() > 1000);
  scratch_remove(scratch);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_01_exactly_one_final_event_under_stress),
      {NULL, NULL},
  };
  const char *given = argc > 1 && argv[1][0] >= '0' && argv[1][0] <= '9' ? argv[1] : getenv("SIDELITE_SEED");
  seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)(now_ms() * 1000);
  return run_tests(tests, given == argv[1] ? 1 : argc, argv);
}
