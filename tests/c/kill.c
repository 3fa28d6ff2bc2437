/* Contract 17: SIGKILL while transactions are written, again and again on one file. What was acknowledged is there,
 * and no transaction by half.
 * sanitizers: none (what is killed cannot report) */
#include "faults.h"

enum { ROUNDS = 12, IN_FLIGHT = 32, INSERTS = 3 };

/* The process that is killed. Each of its transactions is so many rows with one number. */
static sidelite_queue *queue;
static sidelite_conn *conn;
static int acknowledge_to;
static int64_t next_number;

static void on_committed(const sidelite_event *event, void *user_data);

/* One by one, as a host does that shares nothing: the COMMIT carries the number. */
static void submit_pipelined(int64_t number) {
  sidelite_value value = sidelite_int(number);
  CHECK(sidelite_execute(conn, "BEGIN", NULL, 0, NULL, NULL) > 0);
  for (int i = 0; i < INSERTS; i++)
    CHECK(sidelite_execute(conn, "INSERT INTO t VALUES (?, randomblob(2000))", &value, 1, NULL, NULL) > 0);
  CHECK(sidelite_execute(conn, "COMMIT", NULL, 0, on_committed, (void *)(intptr_t)number) > 0);
}

/* As one ATOMIC array, whose last event carries the number. */
static void submit_atomic(int64_t number) {
  sidelite_value value = sidelite_int(number);
  sidelite_request requests[INSERTS];
  for (int i = 0; i < INSERTS; i++) {
    requests[i] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (?, randomblob(2000))", NULL);
    requests[i].values = &value;
    requests[i].ncols = 1;
  }
  requests[0].flags = SIDELITE_ATOMIC;
  requests[INSERTS - 1].callback = on_committed;
  requests[INSERTS - 1].user_data = (void *)(intptr_t)number;
  CHECK(sidelite_submit(conn, requests, INSERTS) > 0);
}

static void submit_next(void) {
  if (next_number % 2)
    submit_pipelined(next_number);
  else
    submit_atomic(next_number);
  next_number++;
}

static void on_committed(const sidelite_event *event, void *user_data) {
  int64_t number = (intptr_t)user_data;
  CHECK_EQ(event->code, SIDELITE_OK);
  CHECK_EQ(write(acknowledge_to, &number, sizeof number), (ssize_t)sizeof number);
  submit_next();
}

static void write_until_killed(const char *path, uint32_t journal_mode, int64_t first_number) {
  sidelite_open_config config = open_config_new(0);
  config.journal_mode = journal_mode;
  config.synchronous = SIDELITE_SYNC_OFF;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE IF NOT EXISTS t(number INTEGER, body BLOB)"), SIDELITE_OK);
  next_number = first_number;
  for (int i = 0; i < IN_FLIGHT; i++) submit_next();
  for (;;) (void)turn(queue, 100);
}

/* The process that kills, after `enough` acknowledgements. Returns the last number that was acknowledged. */
static int64_t kill_a_writer(const char *path, uint32_t journal_mode, int64_t first_number, int enough) {
  int fds[2], status;
  int64_t number, last = first_number - 1;
  pid_t writer;
  fflush(NULL);
  CHECK_EQ(pipe(fds), 0);
  CHECK((writer = fork()) >= 0);
  if (writer == 0) {
    alarm(60);
    close(fds[0]);
    acknowledge_to = fds[1];
    write_until_killed(path, journal_mode, first_number);
  }
  close(fds[1]);
  while (read(fds[0], &number, sizeof number) == (ssize_t)sizeof number) {
    CHECK_EQ(number, ++last);
    if (last - first_number == enough) CHECK_EQ(kill(writer, SIGKILL), 0);
  }
  close(fds[0]);
  CHECK_EQ(waitpid(writer, &status, 0), writer);
  CHECK(WIFSIGNALED(status));
  CHECK_EQ(WTERMSIG(status), SIGKILL);
  return last;
}

/* Numbers start at 1 and are consecutive; what was written but not acknowledged in time may be there, whole. */
static int64_t check_file(const char *path, int64_t acknowledged) {
  char sql[256];
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  snprintf(sql, sizeof sql, "SELECT count(DISTINCT number) FROM t WHERE number <= %" PRId64, acknowledged);
  CHECK_EQ(ask_int(path, sql), acknowledged);
  snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT 1 FROM t GROUP BY number HAVING count(*) <> %d)", INSERTS);
  CHECK_EQ(ask_int(path, sql), 0);
  CHECK_EQ(ask_int(path, "SELECT max(number) - count(DISTINCT number) FROM t"), 0);
  return ask_int(path, "SELECT max(number) FROM t");
}

static void kill_rounds(uint32_t journal_mode) {
  const char *directory = scratch_new();
  char path[4200];
  int64_t present = 0;
  path_join(path, sizeof path, directory, "kill.db");
  for (int round = 0; round < ROUNDS; round++) {
    int64_t acknowledged = kill_a_writer(path, journal_mode, present + 1, 1 + round * round * 2);
    present = check_file(path, acknowledged);
  }
  printf("  %d kills, %" PRId64 " transactions, none lost, none by half\n", ROUNDS, present);
  scratch_remove(directory);
}

static void contract_17_kill_during_writes_with_a_journal(void) {
  kill_rounds(SIDELITE_JOURNAL_DELETE);
  kill_rounds(SIDELITE_JOURNAL_PERSIST);
}

static void contract_17_kill_during_writes_with_a_log(void) { kill_rounds(SIDELITE_JOURNAL_WAL); }

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_17_kill_during_writes_with_a_journal),
      TEST(contract_17_kill_during_writes_with_a_log),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
