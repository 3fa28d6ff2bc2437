/* Contract 18: fork with work in flight. In the child every old handle answers FORKED and new ones work; the parent
 * goes on as if nothing had been.
 * sanitizers: none (a child of a process with threads starts threads of its own, which they do not follow) */
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *busy, *paused, *locking;
static reply running, streamed, queued[8];
static int64_t running_id, streamed_id;
static const sidelite_result *kept;
static const char *directory;
static char path[4200];

/* The parent: one connection runs for ever, one is paused, one holds the lock of a file, and one result is kept. */
static void begin(void) {
  reply r;
  directory = scratch_new();
  path_join(path, sizeof path, directory, "fork.db");
  queue = queue_new();
  busy = conn_open(queue, ":memory:", NULL);
  paused = conn_open(queue, ":memory:", NULL);
  locking = conn_open(queue, path, NULL);
  running = streamed = reply_new();
  CHECK_EQ(exec(queue, locking, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, locking, "BEGIN IMMEDIATE"), SIDELITE_OK);
  CHECK_EQ(exec(queue, locking, "INSERT INTO t VALUES (1)"), SIDELITE_OK);
  CHECK_EQ(fetch(queue, locking, "SELECT 'kept'", &r), SIDELITE_OK);
  kept = r.result;
  streamed_id = sidelite_stream(paused, COUNT_TO("100"), NULL, 0, 1, on_reply, &streamed);
  running_id = execute_until_it_runs(queue, busy, ENDLESS, &running);
  for (size_t i = 0; i < COUNT_OF(queued); i++) {
    queued[i] = reply_new();
    execute(busy, "SELECT 1", &queued[i]);
  }
  TURN_UNTIL(queue, streamed.events == 2);
}

/* The parent goes on: all that was in flight ends as it would have. */
static void end(void) {
  CHECK_EQ(sidelite_more(paused, streamed_id, SIDELITE_UNLIMITED), SIDELITE_OK);
  EXPECT(queue, &streamed, SIDELITE_OK);
  CHECK_EQ(streamed.rows, 100);
  CHECK_EQ(sidelite_cancel(busy, running_id), SIDELITE_OK);
  EXPECT(queue, &running, SIDELITE_ERR_CANCELLED);
  for (size_t i = 0; i < COUNT_OF(queued); i++) {
    EXPECT(queue, &queued[i], SIDELITE_OK);
    reply_clear(&queued[i]);
  }
  CHECK_EQ(exec(queue, locking, "COMMIT"), SIDELITE_OK);
  CHECK(!strcmp(sidelite_row_text(kept, 0, 0), "kept"));
  sidelite_release(kept);
  reply_clear(&streamed);
  reply_clear(&running);
  conn_close(queue, busy, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, paused, SIDELITE_CLOSE_DRAIN);
  conn_close(queue, locking, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 1);
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  scratch_remove(directory);
}

/* Runs `body` in a child, which SIGALRM ends when it hangs, and which leaves through exit, as a program does. */
static void in_child(void (*body)(void)) {
  int status;
  pid_t child;
  fflush(NULL);
  CHECK((child = fork()) >= 0);
  if (child == 0) {
    alarm(60);
    body();
    exit(0);
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) fprintf(stderr, "the child died of signal %d\n", WTERMSIG(status));
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
}

static void check_every_old_handle(void) {
  sidelite_conn *none = (sidelite_conn *)&none;
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", NULL);
  sidelite_event event;
  sidelite_stats stats;
  stats.struct_size = sizeof stats;
  CHECK_EQ(sidelite_queue_fd(queue), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_poll(queue, &event, 1, -1), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_look(queue, &event, 1), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_queue_free(queue, -1), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, &none), SIDELITE_ERR_FORKED);
  CHECK(none == NULL);
  CHECK_EQ(sidelite_stat(queue, &stats), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_stat(busy, &stats), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_execute(busy, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_fetch(busy, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_stream(busy, "SELECT 1", NULL, 0, 0, NULL, NULL), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_script(busy, "SELECT 1", NULL, NULL), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_submit(busy, &request, 1), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_more(paused, streamed_id, 1), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_cancel(busy, running_id), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_cancel(busy, 0), SIDELITE_ERR_FORKED);
  CHECK_EQ(sidelite_close(busy, SIDELITE_CLOSE_CANCEL, NULL, NULL), SIDELITE_ERR_FORKED);
}

static void contract_18_old_handles_answer_forked(void) {
  begin();
  in_child(check_every_old_handle);
  end();
}

/* A queue and a connection from beginning to end. */
static void work_anew(const char *file) {
  sidelite_queue *fresh = queue_new();
  sidelite_conn *conn = conn_open(fresh, file, NULL);
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_EXECUTE, "SELECT 1", &r);
  CHECK_EQ(exec(fresh, conn, "CREATE TABLE t(id)"), SIDELITE_OK);
  CHECK_EQ(exec(fresh, conn, "INSERT INTO t VALUES (42)"), SIDELITE_OK);
  CHECK_EQ(fetch_int(fresh, conn, "SELECT id FROM t"), 42);
  request.reply_to = queue;
  if (queue) CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_FORKED);
  conn_close(fresh, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(fresh, -1), 0);
}

static void work_anew_on_a_file(void) {
  char file[4300];
  check_every_old_handle();
  path_join(file, sizeof file, directory, "child.db");
  work_anew(file);
  check_every_old_handle();
}

static void contract_18_new_handles_work_in_the_child(void) {
  char file[4300];
  begin();
  in_child(work_anew_on_a_file);
  path_join(file, sizeof file, directory, "child.db");
  CHECK_EQ(ask_int(file, "SELECT id FROM t"), 42);
  end();
}

/* The child becomes a parent: what was new to it is old to its own child. */
static void be_a_parent(void) {
  begin();
  in_child(work_anew_on_a_file);
  end();
}

static void contract_18_child_of_a_child(void) {
  begin();
  in_child(be_a_parent);
  end();
}

static void release_what_was_kept(void) {
  CHECK(!strcmp(sidelite_row_text(kept, 0, 0), "kept"));
  CHECK(sidelite_keep(kept) == kept);
  sidelite_release(kept);
  sidelite_release(kept);
  CHECK(strstr(sidelite_status_string(SIDELITE_ERR_FORKED), "FORKED") != NULL);
  CHECK_EQ(sidelite_abi_version(), SIDELITE_ABI_VERSION);
}

static void contract_18_kept_results_live_in_the_child(void) {
  begin();
  in_child(release_what_was_kept);
  end();
}

static void leave(void) {}

/* The child's end closes its descriptors; the parent's lock and its transaction must not go with them. */
static void contract_18_locks_of_the_parent_outlive_the_child(void) {
  char answer[256];
  begin();
  in_child(leave);
  ask(path, "BEGIN IMMEDIATE", answer, sizeof answer);
  CHECK(strstr(answer, "locked") != NULL);
  end();
}

/* Nothing of ours goes on into a program that the host starts. */
static void contract_18_descriptors_close_on_exec(void) {
  char before[1024];
  int ours = 0;
  for (int fd = 0; fd < (int)sizeof before; fd++) before[fd] = fcntl(fd, F_GETFD) >= 0;
  begin();
  for (int fd = 0; fd < (int)sizeof before; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (before[fd] || flags < 0) continue;
    CHECK(flags & FD_CLOEXEC);
    ours++;
  }
  CHECK(ours >= 2);
  end();
}

/* Forks while other threads are anywhere inside the library: no lock may stay shut in the child. */
enum { HOSTS = 2, FORKS = 60 };
static int storm_over;

static void *open_and_close_for_ever(void *file) {
  sidelite_open_config config = open_config_new(0);
  config.synchronous = SIDELITE_SYNC_OFF;
  while (!__atomic_load_n(&storm_over, __ATOMIC_ACQUIRE)) {
    sidelite_queue *mine = queue_new();
    sidelite_conn *conn = conn_open(mine, (const char *)file, &config);
    CHECK_EQ(exec(mine, conn, "CREATE TABLE IF NOT EXISTS t(id)"), SIDELITE_OK);
    for (int i = 0; i < 5; i++) CHECK_EQ(exec(mine, conn, "INSERT INTO t VALUES (random())"), SIDELITE_OK);
    conn_close(mine, conn, SIDELITE_CLOSE_DRAIN);
    CHECK_EQ(sidelite_queue_free(mine, -1), 0);
  }
  return NULL;
}

static void work_anew_on_a_file_of_its_own(void) {
  char file[4400];
  CHECK_EQ(sidelite_queue_fd(queue), SIDELITE_ERR_FORKED);
  CHECK(snprintf(file, sizeof file, "%s-%d", path, (int)getpid()) < (int)sizeof file);
  work_anew(file);
}

static void contract_18_fork_while_other_threads_work(void) {
  pthread_t hosts[HOSTS];
  static char files[HOSTS][4300];
  begin();
  storm_over = 0;
  for (int i = 0; i < HOSTS; i++) {
    CHECK(snprintf(files[i], sizeof files[i], "%s-host-%d", path, i) < (int)sizeof files[i]);
    CHECK_EQ(pthread_create(&hosts[i], NULL, open_and_close_for_ever, files[i]), 0);
  }
  for (int i = 0; i < FORKS; i++) in_child(work_anew_on_a_file_of_its_own);
  __atomic_store_n(&storm_over, 1, __ATOMIC_RELEASE);
  for (int i = 0; i < HOSTS; i++) CHECK_EQ(pthread_join(hosts[i], NULL), 0);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_18_old_handles_answer_forked),
      TEST(contract_18_new_handles_work_in_the_child),
      TEST(contract_18_child_of_a_child),
      TEST(contract_18_kept_results_live_in_the_child),
      TEST(contract_18_locks_of_the_parent_outlive_the_child),
      TEST(contract_18_descriptors_close_on_exec),
      TEST(contract_18_fork_while_other_threads_work),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
