/* Contract 17: the threads block all asynchronous signals, so that the host's handlers run on the host's threads, and
 * leave the synchronous ones to the host's crash reporter. */
#include <sys/syscall.h>
#include <sys/time.h>

#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static pid_t thread_id(void) { return (pid_t)syscall(SYS_gettid); }

/* RUN: tells which thread it is. */
static int32_t tell_thread(void *db, void *context) {
  (void)db;
  *(pid_t *)context = thread_id();
  return SIDELITE_OK;
}

static pid_t thread_of_conn(void) {
  pid_t thread = 0;
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_RUN, NULL, &r);
  request.run = tell_thread;
  request.context = &thread;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  reply_clear(&r);
  return thread;
}

/* The signals that a thread of this process blocks, as the kernel has it: bit 0 is signal 1. */
static uint64_t blocked_by(pid_t thread) {
  char path[64], line[256];
  uint64_t mask = 0;
  int found = 0;
  FILE *status;
  snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)thread);
  CHECK((status = fopen(path, "r")) != NULL);
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "SigBlk: %" SCNx64, &mask) == 1) found = 1;
  fclose(status);
  CHECK(found);
  return mask;
}

static int is_synchronous(int sig) {
  const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
  for (size_t i = 0; i < COUNT_OF(synchronous); i++)
    if (sig == synchronous[i]) return 1;
  return 0;
}

static void contract_17_worker_blocks_asynchronous_signals_alone(void) {
  uint64_t before = blocked_by(thread_id()), mask;
  pid_t worker;
  begin();
  worker = thread_of_conn();
  CHECK(worker != thread_id());
  mask = blocked_by(worker);
  for (int sig = 1; sig <= SIGRTMAX; sig++) {
    int blocked = (int)(mask >> (sig - 1) & 1);
    int is_system = sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < SIGRTMIN);
    if (is_system) continue;
    if (blocked == is_synchronous(sig)) fprintf(stderr, "signal %d\n", sig);
    CHECK_EQ(blocked, !is_synchronous(sig));
  }
  CHECK(mask >> (SIGXFSZ - 1) & 1);
  CHECK(blocked_by(thread_id()) == before);
  end();
}

static pid_t host_thread;
static int signals_taken, signals_elsewhere;

static void on_signal(int sig) {
  (void)sig;
  __atomic_fetch_add(&signals_taken, 1, __ATOMIC_RELAXED);
  if (thread_id() != host_thread) __atomic_fetch_add(&signals_elsewhere, 1, __ATOMIC_RELAXED);
}

static const int storm_signals[] = {SIGUSR1, SIGPROF, SIGCHLD, SIGALRM, SIGIO};

static void handlers_set(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  host_thread = thread_id();
  signals_taken = signals_elsewhere = 0;
  for (size_t i = 0; i < COUNT_OF(storm_signals); i++) CHECK_EQ(sigaction(storm_signals[i], &action, NULL), 0);
}

static void handlers_unset(void) {
  for (size_t i = 0; i < COUNT_OF(storm_signals); i++) signal(storm_signals[i], SIG_DFL);
}

/* When the host itself blocks a signal, it waits: there is no thread of ours to take it in the host's stead. */
static void contract_17_blocked_signals_wait_for_the_host(void) {
  sigset_t set, old, pending;
  reply running = reply_new();
  begin();
  handlers_set();
  CHECK(sidelite_execute(conn, ENDLESS, NULL, 0, on_reply, &running) > 0);
  sigemptyset(&set);
  for (size_t i = 0; i < COUNT_OF(storm_signals); i++) sigaddset(&set, storm_signals[i]);
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
  for (size_t i = 0; i < COUNT_OF(storm_signals); i++) CHECK_EQ(kill(getpid(), storm_signals[i]), 0);
  sleep_ms(50);
  CHECK_EQ(__atomic_load_n(&signals_taken, __ATOMIC_RELAXED), 0);
  CHECK_EQ(sigpending(&pending), 0);
  for (size_t i = 0; i < COUNT_OF(storm_signals); i++) CHECK(sigismember(&pending, storm_signals[i]));
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
  WAIT_UNTIL(__atomic_load_n(&signals_taken, __ATOMIC_RELAXED) == COUNT_OF(storm_signals));
  CHECK_EQ(__atomic_load_n(&signals_elsewhere, __ATOMIC_RELAXED), 0);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &running, SIDELITE_ERR_CANCELLED);
  reply_clear(&running);
  handlers_unset();
  end();
}

/* The profiler's timer counts the time of the worker too, and its signal prefers the thread that spends it. */
static void contract_17_signal_storm_never_reaches_a_worker(void) {
  enum { N = SCALED(2000) };
  static reply replies[N];
  const struct itimerval fast = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
  const char *directory = scratch_new();
  sidelite_open_config config = open_config_new(0);
  char path[4200];
  path_join(path, sizeof path, directory, "signals.db");
  config.synchronous = SIDELITE_SYNC_OFF;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id)"), SIDELITE_OK);
  handlers_set();
  CHECK_EQ(setitimer(ITIMER_PROF, &fast, NULL), 0);
  for (int i = 0; i < N; i++) {
    CHECK_EQ(kill(getpid(), storm_signals[(size_t)i % COUNT_OF(storm_signals)]), 0);
    execute(conn, i % 2 ? "INSERT INTO t VALUES (1)" : COUNT_TO("2000"), &replies[i]);
  }
  for (int i = 0; i < N; i++) {
    EXPECT(queue, &replies[i], SIDELITE_OK);
    reply_clear(&replies[i]);
  }
  CHECK_EQ(setitimer(ITIMER_PROF, &off, NULL), 0);
  CHECK(__atomic_load_n(&signals_taken, __ATOMIC_RELAXED) > 0);
  CHECK_EQ(__atomic_load_n(&signals_elsewhere, __ATOMIC_RELAXED), 0);
  handlers_unset();
  end();
  scratch_remove(directory);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_17_worker_blocks_asynchronous_signals_alone),
      TEST(contract_17_blocked_signals_wait_for_the_host),
      TEST(contract_17_signal_storm_never_reaches_a_worker),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
