/* The smallest harness that C tests need: checks that say where, named tests, and a way to wait for events.
 * Every program is compiled as C11 and as C++17. */
#ifndef HARNESS_H
#define HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sidelite.h"

#define CHECK(condition)                                                                       \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      fprintf(stderr, "%s:%d: %s: check failed: %s\n", __FILE__, __LINE__, __func__, #condition); \
      fflush(stderr);                                                                          \
      _exit(1);                                                                                \
    }                                                                                          \
  } while (0)

/* Compares two integers and prints both when they differ. */
#define CHECK_EQ(actual, expected)                                                                            \
  do {                                                                                                        \
    int64_t check_a = (int64_t)(actual), check_e = (int64_t)(expected);                                       \
    if (check_a != check_e) {                                                                                 \
      fprintf(stderr, "%s:%d: %s: %s is %" PRId64 " (%s), expected %s = %" PRId64 "\n", __FILE__, __LINE__,    \
              __func__, #actual, check_a, sidelite_status_string((int32_t)check_a), #expected, check_e);      \
      fflush(stderr);                                                                                         \
      _exit(1);                                                                                               \
    }                                                                                                         \
  } while (0)

/* What came back for one request: filled by `on_reply`, released by `reply_clear`. */
typedef struct reply {
  int events;                    /* all of them */
  int finals;                    /* those without MORE: must end at 1 */
  int32_t code;                  /* of the final event, like the rest */
  uint32_t flags;
  int64_t id, changes, last_insert_rowid;
  uint64_t rows;                 /* of all its events */
  const sidelite_result *result; /* of the final event, kept */
} reply;

static void on_reply(const sidelite_event *event, void *user_data) {
  reply *r = (reply *)user_data;
  r->events++;
  if (event->result) r->rows += event->result->nrows;
  if (event->flags & SIDELITE_EVENT_MORE) return;
  r->finals++;
  r->code = event->code;
  r->flags = event->flags;
  r->id = event->id;
  r->changes = event->changes;
  r->last_insert_rowid = event->last_insert_rowid;
  if (event->result) r->result = sidelite_keep(event->result);
}

static inline void reply_clear(reply *r) {
  sidelite_release(r->result);
  memset(r, 0, sizeof *r);
}

static inline double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static inline void sleep_ms(int ms) {
  struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
  nanosleep(&t, NULL);
}

/* Waits on the queue's descriptor, then dispatches. Returns what dispatch returned, 0 when the time passed. */
static inline int32_t turn(sidelite_queue *queue, int timeout_ms) {
  struct pollfd p;
  p.fd = (int)sidelite_queue_fd(queue);
  p.events = POLLIN;
  CHECK(p.fd >= 0);
  if (poll(&p, 1, timeout_ms) <= 0) return 0;
  return sidelite_dispatch(queue, 0, 0);
}

/* Turns until `condition`; a minute without it is a hang, and fails. */
#define TURN_UNTIL(queue, condition)                       \
  do {                                                     \
    double turn_end = now_ms() + 60000;                    \
    while (!(condition)) {                                 \
      CHECK(now_ms() < turn_end);                          \
      (void)turn(queue, 100);                              \
    }                                                      \
  } while (0)

static inline sidelite_queue *queue_new(void) {
  sidelite_queue *queue = NULL;
  CHECK_EQ(sidelite_queue_new(NULL, &queue), SIDELITE_OK);
  return queue;
}

/* The callback of open gets WRITABLE too, when the reply on `conn_open`'s stack is long gone. */
static void on_opened(const sidelite_event *event, void *user_data) {
  if (event->flags & SIDELITE_EVENT_OPENED) on_reply(event, user_data);
}

static inline sidelite_conn *conn_open(sidelite_queue *queue, const char *path, const sidelite_open_config *config) {
  sidelite_conn *conn = NULL;
  reply opened;
  memset(&opened, 0, sizeof opened);
  CHECK_EQ(sidelite_open(queue, path, config, on_opened, &opened, &conn), SIDELITE_OK);
  TURN_UNTIL(queue, opened.finals);
  if (opened.code) fprintf(stderr, "open %s: %s\n", path, sidelite_status_string(opened.code));
  CHECK_EQ(opened.code, SIDELITE_OK);
  CHECK(opened.flags & SIDELITE_EVENT_OPENED);
  reply_clear(&opened);
  return conn;
}

static inline void conn_close(sidelite_queue *queue, sidelite_conn *conn, uint32_t mode) {
  reply closed;
  memset(&closed, 0, sizeof closed);
  CHECK_EQ(sidelite_close(conn, mode, on_reply, &closed), SIDELITE_OK);
  TURN_UNTIL(queue, closed.finals);
  CHECK_EQ(closed.finals, 1);
  CHECK(closed.flags & SIDELITE_EVENT_CLOSED);
  reply_clear(&closed);
}

/* Runs one statement to its end and returns its code. */
static inline int32_t exec(sidelite_queue *queue, sidelite_conn *conn, const char *sql) {
  reply r;
  int32_t code;
  memset(&r, 0, sizeof r);
  CHECK(sidelite_execute(conn, sql, NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  reply_clear(&r);
  return code;
}

/* Fetches the integer in the first cell of a query that must succeed. */
static inline int64_t fetch_int(sidelite_queue *queue, sidelite_conn *conn, const char *sql) {
  reply r;
  int64_t value;
  memset(&r, 0, sizeof r);
  CHECK(sidelite_fetch(conn, sql, NULL, 0, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  if (r.code) fprintf(stderr, "%s: %s\n", sql, sidelite_status_string(r.code));
  CHECK_EQ(r.code, SIDELITE_OK);
  value = sidelite_row_int64(r.result, 0, 0);
  reply_clear(&r);
  return value;
}

/* A fresh empty directory below $TMPDIR; `scratch_remove` takes it away with all that is in it. */
static inline const char *scratch_new(void) {
  static char path[4096];
  const char *tmp = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/sidelite-test-XXXXXX", tmp ? tmp : "/tmp");
  CHECK(mkdtemp(path) != NULL);
  return path;
}

static inline void scratch_remove(const char *path) {
  char command[4200];
  snprintf(command, sizeof command, "rm -rf '%s'", path);
  CHECK_EQ(system(command), 0);
}

typedef struct test {
  const char *name;
  void (*run)(void);
} test;

#define TEST(function) {#function, function}

/* Runs all tests, or those whose name holds argv[1]; `--list` names them. Ends with "N passed, 0 failed". */
static inline int run_tests(const test *tests, int argc, char **argv) {
  int passed = 0;
  for (; tests->name; tests++) {
    if (argc > 1 && !strcmp(argv[1], "--list")) {
      puts(tests->name);
      continue;
    }
    if (argc > 1 && !strstr(tests->name, argv[1])) continue;
    tests->run();
    passed++;
    printf("ok %s\n", tests->name);
    fflush(stdout);
  }
  if (argc > 1 && !strcmp(argv[1], "--list")) return 0;
  printf("%d passed, 0 failed\n", passed);
  return passed ? 0 : 1;
}

/* A reply before anything came back. */
static inline reply reply_new(void) {
  reply r;
  memset(&r, 0, sizeof r);
  return r;
}

/* A request in the general form, with all else at its default. `sql` may be NULL for RUN, `r` for no callback. */
static inline sidelite_request request_new(uint32_t kind, const char *sql, reply *r) {
  sidelite_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.kind = kind;
  request.sql = sql;
  request.sql_len = sql ? SIDELITE_NUL_TERMINATED : 0;
  request.callback = r ? on_reply : NULL;
  request.user_data = r;
  return request;
}

/* A queue with flags, or with a wake function. */
static inline sidelite_queue *queue_new_with(uint32_t flags, sidelite_wake_function wake, void *wake_data) {
  sidelite_queue_config config;
  sidelite_queue *queue = NULL;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.flags = flags;
  config.wake = wake;
  config.wake_data = wake_data;
  CHECK_EQ(sidelite_queue_new(&config, &queue), SIDELITE_OK);
  return queue;
}

static inline sidelite_open_config open_config_new(uint32_t flags) {
  sidelite_open_config config;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.flags = flags;
  return config;
}

/* Submits one request of the general form, waits for its end and returns its code; `r` is the reply it was made with. */
static inline int32_t run_request(sidelite_queue *queue, sidelite_conn *conn, const sidelite_request *request,
                                  const reply *r) {
  CHECK(sidelite_submit(conn, request, 1) > 0);
  TURN_UNTIL(queue, r->finals);
  return r->code;
}

/* Fetches into `r`, which the caller clears, and returns the code. */
static inline int32_t fetch(sidelite_queue *queue, sidelite_conn *conn, const char *sql, reply *r) {
  sidelite_request request = request_new(SIDELITE_FETCH, sql, r);
  *r = reply_new();
  return run_request(queue, conn, &request, r);
}

static inline sidelite_stats stats_of(const void *queue_or_conn) {
  sidelite_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_EQ(sidelite_stat(queue_or_conn, &stats), SIDELITE_OK);
  return stats;
}

/* Waits for what other threads do; a minute without it is a hang, and fails. */
#define WAIT_UNTIL(condition)                 \
  do {                                        \
    double wait_end = now_ms() + 60000;       \
    while (!(condition)) {                    \
      CHECK(now_ms() < wait_end);             \
      sleep_ms(1);                            \
    }                                         \
  } while (0)

/* A gate across a connection's thread: a RUN request that stays inside until the test opens it. What is submitted
 * behind it is queued for certain. */
typedef struct gate {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int reached, opened;
  reply run;
} gate;

static inline int32_t gate_pass(void *db, void *context) {
  gate *g = (gate *)context;
  (void)db;
  pthread_mutex_lock(&g->mutex);
  g->reached = 1;
  pthread_cond_broadcast(&g->changed);
  while (!g->opened) pthread_cond_wait(&g->changed, &g->mutex);
  pthread_mutex_unlock(&g->mutex);
  return SIDELITE_OK;
}

/* Returns when the connection's thread stands before the gate. */
static inline void gate_shut(gate *g, sidelite_conn *conn) {
  sidelite_request request = request_new(SIDELITE_RUN, NULL, &g->run);
  memset(g, 0, sizeof *g);
  pthread_mutex_init(&g->mutex, NULL);
  pthread_cond_init(&g->changed, NULL);
  request.run = gate_pass;
  request.context = g;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  pthread_mutex_lock(&g->mutex);
  while (!g->reached) pthread_cond_wait(&g->changed, &g->mutex);
  pthread_mutex_unlock(&g->mutex);
}

static inline void gate_open(gate *g) {
  pthread_mutex_lock(&g->mutex);
  g->opened = 1;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->mutex);
}

/* Takes the gate away once its own event has come, which it must outlive. */
static inline void gate_remove(gate *g, sidelite_queue *queue) {
  TURN_UNTIL(queue, g->run.finals);
  CHECK_EQ(g->run.finals, 1);
  reply_clear(&g->run);
  pthread_cond_destroy(&g->changed);
  pthread_mutex_destroy(&g->mutex);
}

/* Entries of a directory such as /proc/self/task or /proc/self/fd. */
static inline int entries_in(const char *directory) {
  DIR *d = opendir(directory);
  int n = 0;
  CHECK(d != NULL);
  while (readdir(d)) n++;
  closedir(d);
  return n;
}

/* The integers from 1 to `limit`, which is a string. */
#define COUNT_TO(limit) \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT " limit ") SELECT i FROM n"

/* A query that never ends by itself. */
#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"

/* The sanitizers slow everything down, up to tenfold: long runs are shorter under them. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALED(n) ((n) / 10)
#else
#define SCALED(n) (n)
#endif

#endif
