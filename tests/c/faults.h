/* What the tests of faults need beside the harness: SQLite's codes, statements that run for long, lists of requests
 * with the outcome of each, and a second process that looks at the file. */
#ifndef FAULTS_H
#define FAULTS_H

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "harness.h"

/* As on sqlite.org/rescode.html. */
enum {
  SQLITE_ERROR = 1,
  SQLITE_ABORT = 4,
  SQLITE_BUSY = 5,
  SQLITE_LOCKED = 6,
  SQLITE_NOMEM = 7,
  SQLITE_READONLY = 8,
  SQLITE_INTERRUPT = 9,
  SQLITE_FULL = 13,
  SQLITE_CANTOPEN = 14,
  SQLITE_TOOBIG = 18,
  SQLITE_CONSTRAINT = 19,
  SQLITE_MISUSE = 21,
  SQLITE_AUTH = 23,
  SQLITE_RANGE = 25,
  SQLITE_NOTADB = 26,
  SQLITE_ERROR_MISSING_COLLSEQ = 257,
  SQLITE_CONSTRAINT_CHECK = 275,
  SQLITE_IOERR_WRITE = 778,
  SQLITE_CONSTRAINT_FOREIGNKEY = 787,
  SQLITE_CONSTRAINT_NOTNULL = 1299,
  SQLITE_CONSTRAINT_PRIMARYKEY = 1555,
  SQLITE_CONSTRAINT_UNIQUE = 2067
};

/* Waits for the final event and checks its code; what else the reply holds stays until `reply_clear`. */
#define EXPECT(queue, reply, expected)      \
  do {                                      \
    TURN_UNTIL(queue, (reply)->finals);     \
    CHECK_EQ((reply)->finals, 1);           \
    CHECK_EQ((reply)->code, expected);      \
  } while (0)

static inline int64_t submit_with_timeout(sidelite_conn *conn, uint32_t kind, const char *sql, uint32_t timeout_ms,
                                          reply *r) {
  sidelite_request request = request_new(kind, sql, r);
  int64_t id;
  request.timeout_ms = timeout_ms;
  request.chunk_rows = 1;
  id = sidelite_submit(conn, &request, 1);
  CHECK(id > 0);
  return id;
}

static inline int64_t execute(sidelite_conn *conn, const char *sql, reply *r) {
  int64_t id = sidelite_execute(conn, sql, NULL, 0, on_reply, r);
  CHECK(id > 0);
  return id;
}

/* RUN: the clock of the time for which the connection's thread has computed. */
static inline int32_t tell_clock(void *db, void *context) {
  (void)db;
  return pthread_getcpuclockid(pthread_self(), (clockid_t *)context);
}

static inline double computed_ms(clockid_t clock) {
  struct timespec t;
  CHECK_EQ(clock_gettime(clock, &t), 0);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Submits what runs for long, and returns when it runs: the idle thread has begun to compute. */
static inline int64_t execute_until_it_runs(sidelite_queue *queue, sidelite_conn *conn, const char *sql, reply *r) {
  reply told = reply_new();
  sidelite_request request = request_new(SIDELITE_RUN, NULL, &told);
  clockid_t clock;
  double idle;
  int64_t id;
  request.run = tell_clock;
  request.context = &clock;
  CHECK_EQ(run_request(queue, conn, &request, &told), SIDELITE_OK);
  reply_clear(&told);
  idle = computed_ms(clock);
  id = execute(conn, sql, r);
  WAIT_UNTIL(computed_ms(clock) > idle + 20);
  return id;
}

/* A request and how it is to end; `flags` are those of STEP_FLAGS, all of them. */
typedef struct step {
  uint32_t kind;
  const char *sql;
  int32_t code;
  uint32_t flags;
} step;

enum {
  IN_TRANSACTION = SIDELITE_EVENT_IN_TRANSACTION,
  NOT_RUN = SIDELITE_EVENT_NOT_RUN,
  ROLLED_BACK = SIDELITE_EVENT_ROLLED_BACK,
  STEP_FLAGS = IN_TRANSACTION | NOT_RUN | ROLLED_BACK,
  STEPS_MAX = 16
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Submits the steps as one array, so that all of them are queued before the first runs. Returns the first id. */
static inline int64_t steps_submit(sidelite_conn *conn, const step *steps, size_t n, reply *replies,
                                   uint32_t flags) {
  sidelite_request requests[STEPS_MAX];
  int64_t id;
  CHECK(n <= STEPS_MAX);
  for (size_t i = 0; i < n; i++) {
    replies[i] = reply_new();
    requests[i] = request_new(steps[i].kind, steps[i].sql, &replies[i]);
  }
  requests[0].flags = flags;
  id = sidelite_submit(conn, requests, (uint32_t)n);
  CHECK(id > 0);
  return id;
}

static inline void step_check(const step *expected, const reply *r) {
  if (r->finals == 1 && r->code == expected->code && (r->flags & STEP_FLAGS) == expected->flags) return;
  fprintf(stderr, "kind %" PRIu32 ": %s\n", expected->kind, expected->sql);
  fprintf(stderr, "  ended %d times with %d (%s), flags 0x%" PRIx32, r->finals, r->code,
          sidelite_status_string(r->code), r->flags & STEP_FLAGS);
  fprintf(stderr, "; expected %d, flags 0x%" PRIx32 "\n", expected->code, expected->flags);
  _exit(1);
}

static inline void steps_check(sidelite_queue *queue, const step *steps, size_t n, reply *replies) {
  for (size_t i = 0; i < n; i++) {
    TURN_UNTIL(queue, replies[i].finals);
    step_check(&steps[i], &replies[i]);
    reply_clear(&replies[i]);
  }
}

static inline void steps_run(sidelite_queue *queue, sidelite_conn *conn, const step *steps, size_t n) {
  reply replies[STEPS_MAX];
  (void)steps_submit(conn, steps, n, replies, 0);
  steps_check(queue, steps, n, replies);
}

/* What the system's `sqlite3` says about a file: a second process with a SQLite of its own. Its first line. */
static inline void ask(const char *path, const char *sql, char *answer, size_t size) {
  char command[8192];
  size_t length;
  FILE *tool;
  CHECK(snprintf(command, sizeof command, "sqlite3 -batch '%s' \"%s\" 2>&1", path, sql) < (int)sizeof command);
  CHECK((tool = popen(command, "r")) != NULL);
  length = fread(answer, 1, size - 1, tool);
  answer[length] = 0;
  answer[strcspn(answer, "\n")] = 0;
  (void)pclose(tool);
}

static inline void ask_expecting(const char *path, const char *sql, const char *expected) {
  char answer[16384];
  ask(path, sql, answer, sizeof answer);
  if (!strcmp(answer, expected)) return;
  fprintf(stderr, "%s: %s\n  answers: %s\n  expected: %s\n", path, sql, answer, expected);
  _exit(1);
}

static inline int64_t ask_int(const char *path, const char *sql) {
  char answer[256], *end;
  int64_t value;
  ask(path, sql, answer, sizeof answer);
  value = strtoll(answer, &end, 10);
  if (end == answer || *end) fprintf(stderr, "%s: %s\n  answers: %s\n", path, sql, answer);
  CHECK(end != answer && !*end);
  return value;
}

static inline off_t file_size(const char *path) {
  struct stat s;
  return stat(path, &s) ? 0 : s.st_size;
}

/* A path inside a directory; `size` bytes of `path` hold it. */
static inline void path_join(char *path, size_t size, const char *directory, const char *name) {
  CHECK(snprintf(path, size, "%s/%s", directory, name) < (int)size);
}

#endif
