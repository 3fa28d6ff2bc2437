/* Contract 20: nothing else. Nothing is printed, and nothing of what belongs to the process is changed. */
#include <locale.h>

#include "faults.h"

extern char **environ;

static void expect_code(sidelite_queue *queue, sidelite_conn *conn, const char *sql, int32_t code) {
  CHECK_EQ(exec(queue, conn, sql), code);
}

/* A bit of everything, errors and misuse among it; `look` is called while all is open. */
static void session(void (*look)(void)) {
  sidelite_open_config hardened = open_config_new(SIDELITE_OPEN_HARDENED);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_conn *other = conn_open(queue, ":memory:", &hardened), *failing;
  reply paused = reply_new(), running = reply_new();
  expect_code(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, x UNIQUE)", SIDELITE_OK);
  expect_code(queue, conn, "INSERT INTO t VALUES (1, 2)", SIDELITE_OK);
  expect_code(queue, conn, "INSERT INTO t VALUES (2, 2)", SQLITE_CONSTRAINT_UNIQUE);
  expect_code(queue, conn, "no statement", SQLITE_ERROR);
  expect_code(queue, conn, "SELECT \"a string\"", SIDELITE_OK);
  expect_code(queue, conn, "SELECT printf('%s', zeroblob(10))", SIDELITE_OK);
  CHECK(sidelite_stream(other, COUNT_TO("100"), NULL, 0, 1, on_reply, &paused) > 0);
  execute(conn, ENDLESS, &running);
  CHECK_EQ(sidelite_open(queue, "/no such directory/file", NULL, NULL, NULL, &failing), SIDELITE_OK);
  CHECK(sidelite_execute(failing, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  CHECK_EQ(sidelite_execute(conn, NULL, NULL, 0, NULL, NULL), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_execute(NULL, "SELECT 1", NULL, 0, NULL, NULL), SIDELITE_ERR_BAD_HANDLE);
  if (look) look();
  CHECK_EQ(sidelite_close(other, SIDELITE_CLOSE_CANCEL, NULL, NULL), SIDELITE_OK);
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(sidelite_queue_free(queue, -1) >= 0, 1);
  reply_clear(&running);
  reply_clear(&paused);
}

/* Both standard streams lead into a pipe while it runs; what the parent reads there is shown, and a failure. */
static void contract_20_nothing_is_printed(void) {
  char printed[4096];
  int fds[2], status;
  ssize_t n;
  pid_t child;
  fflush(NULL);
  CHECK_EQ(pipe(fds), 0);
  CHECK((child = fork()) >= 0);
  if (child == 0) {
    CHECK(dup2(fds[1], STDOUT_FILENO) >= 0 && dup2(fds[1], STDERR_FILENO) >= 0);
    close(fds[0]);
    close(fds[1]);
    session(NULL);
    exit(0);
  }
  close(fds[1]);
  n = read(fds[0], printed, sizeof printed);
  if (n > 0) fprintf(stderr, "printed: %.*s\n", (int)n, printed);
  CHECK_EQ(n, 0);
  close(fds[0]);
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct sigaction actions[65];
static sigset_t mask;

static void remember_signals(void) {
  for (int sig = 1; sig <= 64; sig++) (void)sigaction(sig, NULL, &actions[sig]);
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
}

static void check_signals(void) {
  struct sigaction action;
  sigset_t now;
  for (int sig = 1; sig <= 64; sig++) {
    if (sigaction(sig, NULL, &action)) continue;
    if (action.sa_handler != actions[sig].sa_handler) fprintf(stderr, "signal %d\n", sig);
    CHECK(action.sa_handler == actions[sig].sa_handler);
    CHECK_EQ(action.sa_flags, actions[sig].sa_flags);
  }
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
  for (int sig = 1; sig <= 64; sig++) CHECK_EQ(sigismember(&now, sig), sigismember(&mask, sig));
}

static void contract_20_signal_handlers_and_mask_stay(void) {
  remember_signals();
  session(check_signals);
  check_signals();
}

enum { VARIABLES_MAX = 512 };
static char directory_before[4096], locale_before[256], *variables[VARIABLES_MAX], *contents[VARIABLES_MAX];
static char **environment;
static mode_t umask_before;

static mode_t umask_now(void) {
  mode_t now = umask(0);
  (void)umask(now);
  return now;
}

static void remember_environment(void) {
  size_t n = 0;
  CHECK(getcwd(directory_before, sizeof directory_before) != NULL);
  snprintf(locale_before, sizeof locale_before, "%s", setlocale(LC_ALL, NULL));
  umask_before = umask_now();
  environment = environ;
  for (; environ[n]; n++) {
    CHECK(n + 1 < VARIABLES_MAX);
    variables[n] = environ[n];
    CHECK((contents[n] = strdup(environ[n])) != NULL);
  }
}

static void check_environment(void) {
  char directory[4096];
  size_t n = 0;
  CHECK(getcwd(directory, sizeof directory) != NULL);
  CHECK(!strcmp(directory, directory_before));
  CHECK(!strcmp(setlocale(LC_ALL, NULL), locale_before));
  CHECK_EQ(umask_now(), umask_before);
  CHECK(environ == environment);
  for (; environ[n]; n++) CHECK(environ[n] == variables[n] && !strcmp(environ[n], contents[n]));
  CHECK(variables[n] == NULL);
}

static void contract_20_directory_locale_umask_and_environment_stay(void) {
  remember_environment();
  session(check_environment);
  check_environment();
  for (size_t n = 0; contents[n]; n++) free(contents[n]);
}

static void contract_20_descriptors_and_threads_go_with_the_handles(void) {
  int descriptors, threads;
  session(NULL); /* what the first use sets up for good is not counted */
  descriptors = entries_in("/proc/self/fd");
  threads = entries_in("/proc/self/task");
  for (int i = 0; i < 10; i++) session(NULL);
  WAIT_UNTIL(entries_in("/proc/self/fd") <= descriptors);
  WAIT_UNTIL(entries_in("/proc/self/task") <= threads);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_20_nothing_is_printed),
      TEST(contract_20_signal_handlers_and_mask_stay),
      TEST(contract_20_directory_locale_umask_and_environment_stay),
      TEST(contract_20_descriptors_and_threads_go_with_the_handles),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
