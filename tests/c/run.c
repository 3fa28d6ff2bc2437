/* RUN functions, which call the SQLite inside through its table of functions. */
#include "faults.h"

/* From the system's headers, which are older than the SQLite inside: the table only grows. Its names of result codes are
 * macros, over those of faults.h. */
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1

typedef struct fixture {
  sidelite_queue *queue;
  sidelite_conn *conn;
} fixture;

static fixture fixture_new(void) {
  fixture f;
  SQLITE_EXTENSION_INIT2((const sqlite3_api_routines *)sidelite_sqlite_api());
  CHECK(sqlite3_api != NULL);
  f.queue = queue_new();
  f.conn = conn_open(f.queue, ":memory:", NULL);
  CHECK_EQ(exec(f.queue, f.conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"), SIDELITE_OK);
  return f;
}

static void fixture_free(fixture *f) {
  conn_close(f->queue, f->conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(f->queue, -1), 0);
}

static int64_t submit_run(fixture *f, sidelite_run_function run, void *context, uint32_t timeout_ms, reply *r) {
  sidelite_request request = request_new(SIDELITE_RUN, NULL, r);
  int64_t id;
  *r = reply_new();
  request.run = run;
  request.context = context;
  request.timeout_ms = timeout_ms;
  id = sidelite_submit(f->conn, &request, 1);
  CHECK(id > 0);
  return id;
}

static int32_t run(fixture *f, sidelite_run_function function, void *context, reply *r) {
  (void)submit_run(f, function, context, 0, r);
  TURN_UNTIL(f->queue, r->finals);
  CHECK_EQ(r->finals, 1);
  return r->code;
}

/* Prepares, binds and steps; the rows' sum is its answer. */
static int32_t sum_up(void *db, void *context) {
  int64_t *sum = (int64_t *)context;
  sqlite3_stmt *statement;
  int code;
  if (sqlite3_prepare_v2((sqlite3 *)db, "SELECT id, a FROM t WHERE id > ?1", -1, &statement, NULL))
    return SQLITE_ERROR;
  sqlite3_bind_int64(statement, 1, 1);
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    *sum += sqlite3_column_int64(statement, 0);
    if (strcmp((const char *)sqlite3_column_text(statement, 1), "text")) return SQLITE_MISMATCH;
  }
  (void)sqlite3_finalize(statement);
  return code == SQLITE_DONE ? SIDELITE_OK : code;
}

static void run_function_reads_rows(void) {
  fixture f = fixture_new();
  int64_t sum = 0;
  reply r;
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t SELECT i, 'text' FROM (" COUNT_TO("100") ")"), SIDELITE_OK);
  CHECK_EQ(run(&f, sum_up, &sum, &r), SIDELITE_OK);
  CHECK_EQ(sum, 5049);
  CHECK_EQ(r.changes, 0);
  reply_clear(&r);
  fixture_free(&f);
}

static void twice(sqlite3_context *context, int n, sqlite3_value **values) {
  (void)n;
  sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
}

/* As the init function of an extension that is linked into the program. */
static int extension_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)message;
  SQLITE_EXTENSION_INIT2(api);
  return sqlite3_create_function(db, "twice", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, twice, NULL, NULL);
}

static int32_t load_extension(void *db, void *context) {
  char *message = NULL;
  (void)context;
  return extension_init((sqlite3 *)db, &message, (const sqlite3_api_routines *)sidelite_sqlite_api());
}

static void run_function_adds_an_extension_to_its_connection(void) {
  fixture f = fixture_new();
  sidelite_conn *other = conn_open(f.queue, ":memory:", NULL);
  reply r;
  CHECK_EQ(exec(f.queue, f.conn, "SELECT twice(21)"), SQLITE_ERROR);
  CHECK_EQ(run(&f, load_extension, NULL, &r), SIDELITE_OK);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT twice(21)"), 42);
  CHECK_EQ(exec(f.queue, other, "SELECT twice(21)"), SQLITE_ERROR);
  conn_close(f.queue, other, SIDELITE_CLOSE_DRAIN);
  reply_clear(&r);
  fixture_free(&f);
}

static int32_t execute_all(void *db, void *sql) {
  return sqlite3_exec((sqlite3 *)db, (const char *)sql, NULL, NULL, NULL);
}

static char *sql_of(const char *sql) {
  static char text[1000];
  CHECK(snprintf(text, sizeof text, "%s", sql) < (int)sizeof text);
  return text;
}

static int32_t return_number(void *db, void *context) {
  (void)db;
  return *(int32_t *)context;
}

static void run_function_that_fails_gives_its_code_to_the_event(void) {
  int32_t own = -1001, reserved = SIDELITE_ERR_CANCELLED;
  fixture f = fixture_new();
  reply r;
  CHECK_EQ(exec(f.queue, f.conn, "INSERT INTO t VALUES (1, NULL)"), SIDELITE_OK);
  CHECK_EQ(run(&f, execute_all, sql_of("INSERT INTO t VALUES (1, 2)"), &r), SQLITE_CONSTRAINT_PRIMARYKEY);
  CHECK_EQ(r.flags & STEP_FLAGS, 0);
  reply_clear(&r);
  CHECK_EQ(run(&f, execute_all, sql_of("nonsense"), &r), SQLITE_ERROR);
  CHECK(strstr((const char *)r.result + r.result->message, "near \"nonsense\": syntax error"));
  reply_clear(&r);
  CHECK_EQ(run(&f, return_number, &own, &r), own);
  reply_clear(&r);
  CHECK_EQ(run(&f, return_number, &reserved, &r), SIDELITE_ERR_MISUSE);
  CHECK(strstr((const char *)r.result + r.result->message, "returned -201"));
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 1);
  fixture_free(&f);
}

static void run_function_has_its_changes_counted(void) {
  fixture f = fixture_new();
  reply r;
  CHECK_EQ(run(&f, execute_all, sql_of("INSERT INTO t VALUES (5, 1), (6, 2), (7, 3); DELETE FROM t WHERE id = 5"), &r),
           SIDELITE_OK);
  CHECK_EQ(r.changes, 4);
  CHECK_EQ(r.last_insert_rowid, 7);
  CHECK_EQ(stats_of(f.conn).total_changes, 4);
  reply_clear(&r);
  fixture_free(&f);
}

static void run_function_may_leave_a_transaction_open(void) {
  fixture f = fixture_new();
  reply r;
  CHECK_EQ(run(&f, execute_all, sql_of("BEGIN; INSERT INTO t VALUES (1, 2)"), &r), SIDELITE_OK);
  CHECK_EQ(r.flags & STEP_FLAGS, IN_TRANSACTION);
  reply_clear(&r);
  /* One that fails inside leaves it as it is. */
  CHECK_EQ(run(&f, execute_all, sql_of("INSERT INTO t VALUES (1, 2)"), &r), SQLITE_CONSTRAINT_PRIMARYKEY);
  CHECK_EQ(r.flags & STEP_FLAGS, IN_TRANSACTION);
  reply_clear(&r);
  CHECK_EQ(run(&f, execute_all, sql_of("ROLLBACK"), &r), SIDELITE_OK);
  CHECK_EQ(r.flags & STEP_FLAGS, 0);
  reply_clear(&r);
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 0);
  fixture_free(&f);
}

/* Says that it runs, and then has SQLite run for ever. */
static int32_t run_for_ever(void *db, void *context) {
  gate *g = (gate *)context;
  pthread_mutex_lock(&g->mutex);
  g->reached = 1;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->mutex);
  return sqlite3_exec((sqlite3 *)db, "INSERT INTO t VALUES (NULL, 'kept'); " ENDLESS, NULL, NULL, NULL);
}

static void gate_init(gate *g) {
  memset(g, 0, sizeof *g);
  pthread_mutex_init(&g->mutex, NULL);
  pthread_cond_init(&g->changed, NULL);
}

static void wait_until_it_runs(gate *g) {
  pthread_mutex_lock(&g->mutex);
  while (!g->reached) pthread_cond_wait(&g->changed, &g->mutex);
  pthread_mutex_unlock(&g->mutex);
}

static void gate_destroy(gate *g) {
  pthread_cond_destroy(&g->changed);
  pthread_mutex_destroy(&g->mutex);
}

static void run_function_has_its_statements_interrupted_by_cancel(void) {
  fixture f = fixture_new();
  gate g;
  reply r, next = reply_new();
  int64_t id;
  gate_init(&g);
  id = submit_run(&f, run_for_ever, &g, 0, &r);
  wait_until_it_runs(&g);
  (void)execute(f.conn, "SELECT 1", &next);
  CHECK_EQ(sidelite_cancel(f.conn, id), SIDELITE_OK);
  EXPECT(f.queue, &r, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(r.flags & NOT_RUN, 0);
  EXPECT(f.queue, &next, SIDELITE_OK);
  /* What it had committed before stays. */
  CHECK_EQ(fetch_int(f.queue, f.conn, "SELECT count(*) FROM t"), 1);
  reply_clear(&r);
  reply_clear(&next);
  gate_destroy(&g);
  fixture_free(&f);
}

static void run_function_has_its_statements_interrupted_by_its_deadline(void) {
  fixture f = fixture_new();
  gate g;
  reply r;
  gate_init(&g);
  (void)submit_run(&f, run_for_ever, &g, 50, &r);
  EXPECT(f.queue, &r, SIDELITE_ERR_TIMEOUT);
  reply_clear(&r);
  gate_destroy(&g);
  fixture_free(&f);
}

static void run_function_has_its_statements_interrupted_by_close(void) {
  fixture f = fixture_new();
  gate g;
  reply r, closed = reply_new();
  gate_init(&g);
  (void)submit_run(&f, run_for_ever, &g, 0, &r);
  wait_until_it_runs(&g);
  CHECK_EQ(sidelite_close(f.conn, SIDELITE_CLOSE_CANCEL, on_reply, &closed), SIDELITE_OK);
  EXPECT(f.queue, &r, SIDELITE_ERR_CANCELLED);
  EXPECT(f.queue, &closed, SIDELITE_OK);
  reply_clear(&r);
  reply_clear(&closed);
  gate_destroy(&g);
  CHECK_EQ(sidelite_queue_free(f.queue, -1), 0);
}

/* Several ask at once, before anybody knew it. It runs first, and before any connection opens. */
enum { ASKING = 8 };

static void *ask_for_api(void *answer) {
  *(const void **)answer = sidelite_sqlite_api();
  return NULL;
}

static void api_is_one_for_all_threads(void) {
  pthread_t threads[ASKING];
  const void *answers[ASKING];
  for (int i = 0; i < ASKING; i++) CHECK_EQ(pthread_create(&threads[i], NULL, ask_for_api, &answers[i]), 0);
  for (int i = 0; i < ASKING; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < ASKING; i++) CHECK(answers[i] != NULL && answers[i] == sidelite_sqlite_api());
}

static void api_is_that_of_the_sqlite_inside(void) {
  SQLITE_EXTENSION_INIT2((const sqlite3_api_routines *)sidelite_sqlite_api());
  CHECK(!strcmp(sqlite3_libversion(), sidelite_sqlite_version()));
}

/* Wakes may come from several threads at once. */
typedef struct wakes {
  pthread_mutex_t mutex;
  int all, answered;
} wakes;

static void on_wake(void *data) {
  wakes *w = (wakes *)data;
  pthread_mutex_lock(&w->mutex);
  w->all++;
  w->answered += sidelite_sqlite_api() != NULL;
  pthread_mutex_unlock(&w->mutex);
}

static void api_is_out_of_reach_of_a_wake_function(void) {
  wakes w;
  sidelite_queue *queue;
  sidelite_conn *conn;
  reply opened = reply_new(), closed = reply_new();
  double end = now_ms() + 60000;
  memset(&w, 0, sizeof w);
  pthread_mutex_init(&w.mutex, NULL);
  queue = queue_new_with(0, on_wake, &w);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, on_reply, &opened, &conn), SIDELITE_OK);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_reply, &closed), SIDELITE_OK);
  while (!closed.finals && now_ms() < end) (void)sidelite_dispatch(queue, 0, 0);
  CHECK_EQ(closed.finals, 1);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK(w.all > 0);
  CHECK_EQ(w.answered, 0);
  pthread_mutex_destroy(&w.mutex);
  reply_clear(&opened);
  reply_clear(&closed);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(api_is_one_for_all_threads),
      TEST(api_is_that_of_the_sqlite_inside),
      TEST(api_is_out_of_reach_of_a_wake_function),
      TEST(run_function_reads_rows),
      TEST(run_function_adds_an_extension_to_its_connection),
      TEST(run_function_that_fails_gives_its_code_to_the_event),
      TEST(run_function_has_its_changes_counted),
      TEST(run_function_may_leave_a_transaction_open),
      TEST(run_function_has_its_statements_interrupted_by_cancel),
      TEST(run_function_has_its_statements_interrupted_by_its_deadline),
      TEST(run_function_has_its_statements_interrupted_by_close),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
