/* Contract 17: a process may end at any moment, with work in flight. Nothing hangs, and the file is as after a
 * SIGKILL: every row that was acknowledged is there. The program starts itself anew for each way to leave. */
#include "faults.h"

enum { ENOUGH = 200, IN_FLIGHT = 64, LEFT = 7 };

/* The process that leaves: its connections and what they have in flight. */
static sidelite_queue *queue;
static sidelite_conn *writer, *endless;
static int64_t next_row = 1;
static int acknowledged;
static const char *leaving;

static void on_inserted(const sidelite_event *event, void *user_data);

static void insert_row(void) {
  sidelite_value row = sidelite_int(next_row++);
  CHECK(sidelite_execute(writer, "INSERT INTO t VALUES (?)", &row, 1, on_inserted, NULL) > 0);
}

/* Prints the row as one write, so that no acknowledgement is lost in a buffer. */
static void on_inserted(const sidelite_event *event, void *user_data) {
  char line[32];
  int n = snprintf(line, sizeof line, "%" PRId64 "\n", event->last_insert_rowid);
  (void)user_data;
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK_EQ(write(STDOUT_FILENO, line, (size_t)n), n);
  acknowledged++;
  insert_row();
  if (acknowledged == ENOUGH && !strcmp(leaving, "exit in a callback")) exit(LEFT);
}

static void *submit_for_ever(void *conn) {
  for (;;) {
    if (sidelite_execute((sidelite_conn *)conn, "SELECT 1", NULL, 0, NULL, NULL) < 0) sleep_ms(1);
  }
  return NULL;
}

static void *exit_on_a_thread(void *unused) {
  (void)unused;
  exit(LEFT);
}

static int32_t exit_on_a_worker(void *db, void *context) {
  (void)db;
  (void)context;
  exit(LEFT);
}

/* Calls that come after the end of main are as good as any. */
static void at_exit(void) {
  sidelite_conn *late = NULL;
  (void)sidelite_execute(writer, "SELECT 1", NULL, 0, NULL, NULL);
  (void)sidelite_open(queue, ":memory:", NULL, NULL, NULL, &late);
  (void)sidelite_cancel(endless, 0);
}

/* One connection for each thing that can be in flight. */
static void start_work(const char *path) {
  static reply stream;
  sidelite_open_config config = open_config_new(0);
  char locked[4300];
  pthread_t thread;
  sidelite_conn *conn;
  config.synchronous = SIDELITE_SYNC_OFF;
  CHECK(snprintf(locked, sizeof locked, "%s-locked", path) < (int)sizeof locked);
  queue = queue_new();
  writer = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, writer, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  endless = conn_open(queue, ":memory:", NULL);
  CHECK(sidelite_execute(endless, ENDLESS, NULL, 0, NULL, NULL) > 0);
  conn = conn_open(queue, ":memory:", NULL);
  CHECK(sidelite_stream(conn, COUNT_TO("1000"), NULL, 0, 1, on_reply, &stream) > 0);
  TURN_UNTIL(queue, stream.events == 2);
  conn = conn_open(queue, locked, NULL);
  CHECK_EQ(exec(queue, conn, "BEGIN EXCLUSIVE"), SIDELITE_OK);
  conn = conn_open(queue, locked, NULL);
  CHECK(sidelite_execute(conn, "CREATE TABLE t(id)", NULL, 0, NULL, NULL) > 0);
  conn = conn_open(queue, ":memory:", NULL);
  CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(pthread_create(&thread, NULL, submit_for_ever, conn), 0);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &conn), SIDELITE_OK);
}

static void leave_on_another_thread(void) {
  if (!strcmp(leaving, "exit on a thread")) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, exit_on_a_thread, NULL), 0);
  } else {
    sidelite_request request = request_new(SIDELITE_RUN, NULL, NULL);
    request.run = exit_on_a_worker;
    CHECK(sidelite_submit(writer, &request, 1) > 0);
  }
  for (;;) (void)turn(queue, 100);
}

/* Does not come back, except to return from main. SIGALRM ends a process that hangs. */
static int leave(const char *how, const char *path) {
  leaving = how;
  alarm(60);
  CHECK_EQ(atexit(at_exit), 0);
  start_work(path);
  for (int i = 0; i < IN_FLIGHT; i++) insert_row();
  while (acknowledged < ENOUGH) (void)turn(queue, 100);
  if (!strcmp(how, "exit")) exit(LEFT);
  if (!strcmp(how, "_exit")) _exit(LEFT);
  if (!strcmp(how, "quick_exit")) quick_exit(LEFT);
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "return")) return LEFT;
  leave_on_another_thread();
  return 0;
}

/* The process that watches. */
static const char *self;

/* Starts the other, counts the rows that it has acknowledged, which are consecutive, and returns its wait status. */
static int watch(const char *how, const char *path, int64_t *rows) {
  char command[9000], line[64];
  FILE *child;
  CHECK(snprintf(command, sizeof command, "exec '%s' leave '%s' '%s'", self, how, path) < (int)sizeof command);
  CHECK((child = popen(command, "r")) != NULL);
  for (*rows = 0; fgets(line, sizeof line, child);)
    if (strchr(line, '\n')) CHECK_EQ(strtoll(line, NULL, 10), ++*rows);
  return pclose(child);
}

static void check_leaving(const char *how, int is_signal, int expected) {
  const char *directory = scratch_new();
  char path[4200], sql[128];
  int64_t rows;
  double start = now_ms();
  int status;
  path_join(path, sizeof path, directory, "exit.db");
  status = watch(how, path, &rows);
  printf("  %s: %" PRId64 " rows acknowledged, over in %.0f ms\n", how, rows, now_ms() - start);
  CHECK_EQ(is_signal, WIFSIGNALED(status) != 0);
  CHECK_EQ(is_signal ? WTERMSIG(status) : WEXITSTATUS(status), expected);
  CHECK(rows >= ENOUGH);
  snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE id <= %" PRId64, rows);
  CHECK_EQ(ask_int(path, sql), rows);
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  scratch_remove(directory);
}

static void contract_17_exit_with_work_in_flight(void) {
  check_leaving("return", 0, LEFT);
  check_leaving("exit", 0, LEFT);
  check_leaving("_exit", 0, LEFT);
  check_leaving("quick_exit", 0, LEFT);
  check_leaving("abort", 1, SIGABRT);
}

static void contract_17_exit_inside_a_callback_with_work_in_flight(void) {
  check_leaving("exit in a callback", 0, LEFT);
}

static void contract_17_exit_on_another_thread_with_work_in_flight(void) {
  check_leaving("exit on a thread", 0, LEFT);
  check_leaving("exit on a worker", 0, LEFT);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_17_exit_with_work_in_flight),
      TEST(contract_17_exit_inside_a_callback_with_work_in_flight),
      TEST(contract_17_exit_on_another_thread_with_work_in_flight),
      {NULL, NULL},
  };
  char *path;
  int code;
  if (argc == 4 && !strcmp(argv[1], "leave")) return leave(argv[2], argv[3]);
  CHECK((path = realpath("/proc/self/exe", NULL)) != NULL);
  self = path;
  code = run_tests(tests, argc, argv);
  free(path);
  return code;
}
