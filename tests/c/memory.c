/* Contract 1 and 10, when memory runs out: a code, a fence where a transaction was lost, and a connection that works.
 * sanitizers: none (they reserve address space of their own, which is what these tests limit) */
#include <sys/resource.h>

#include "faults.h"

#define LARGE 500000000
#define TO_STRING_(x) #x
#define TO_STRING(x) TO_STRING_(x)

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  sidelite_open_config config = open_config_new(0);
  config.max_bytes = UINT64_C(4) * LARGE;
  queue = queue_new();
  conn = conn_open(queue, ":memory:", &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Leaves room for everything but what is LARGE. */
static void limit_memory(void) {
  struct rlimit limit;
  long pages;
  FILE *statm = fopen("/proc/self/statm", "r");
  CHECK(statm != NULL);
  CHECK_EQ(fscanf(statm, "%ld", &pages), 1);
  fclose(statm);
  CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + LARGE / 2;
  CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static void unlimit_memory(void) {
  struct rlimit limit;
  CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static void contract_01_memory_exhaustion_in_a_statement_is_an_event(void) {
  const uint32_t kinds[] = {SIDELITE_EXECUTE, SIDELITE_FETCH, SIDELITE_STREAM, SIDELITE_SCRIPT};
  begin();
  limit_memory();
  for (size_t i = 0; i < COUNT_OF(kinds); i++) {
    reply r = reply_new();
    sidelite_request request = request_new(kinds[i], "SELECT randomblob(" TO_STRING(LARGE) ")", &r);
    CHECK_EQ(run_request(queue, conn, &request, &r), SQLITE_NOMEM);
    CHECK_EQ(r.events, 1);
    CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
    reply_clear(&r);
  }
  unlimit_memory();
  end();
}

/* SQLite rolls back for want of memory even where a statement only reads. */
static void contract_10_rollback_fence_after_memory_exhaustion(void) {
  const uint32_t kinds[] = {SIDELITE_EXECUTE, SIDELITE_FETCH, SIDELITE_STREAM, SIDELITE_SCRIPT};
  begin();
  limit_memory();
  for (size_t i = 0; i < COUNT_OF(kinds); i++) {
    const step steps[] = {{SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
                          {SIDELITE_EXECUTE, "INSERT INTO t VALUES (1)", 0, IN_TRANSACTION},
                          {kinds[i], "SELECT randomblob(" TO_STRING(LARGE) ") FROM t", SQLITE_NOMEM, ROLLED_BACK},
                          {SIDELITE_EXECUTE, "INSERT INTO t VALUES (2)", SIDELITE_ERR_ABORTED, NOT_RUN},
                          {SIDELITE_EXECUTE, "COMMIT", SIDELITE_ERR_ABORTED, NOT_RUN},
                          {SIDELITE_EXECUTE, "SELECT 1", 0, 0}};
    steps_run(queue, conn, steps, COUNT_OF(steps));
  }
  unlimit_memory();
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 0);
  end();
}

static void contract_01_memory_exhaustion_in_submit_is_refused(void) {
  char *bytes = (char *)calloc(1, LARGE);
  sidelite_value blob = sidelite_blob(bytes, LARGE);
  reply r = reply_new();
  CHECK(bytes != NULL);
  begin();
  limit_memory();
  CHECK_EQ(sidelite_execute(conn, "SELECT length(?)", &blob, 1, on_reply, &r), SIDELITE_ERR_NO_MEMORY);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  unlimit_memory();
  CHECK_EQ(r.events, 0);
  CHECK_EQ(stats_of(conn).outstanding, 0);
  CHECK_EQ(stats_of(conn).bytes, 0);
  free(bytes);
  end();
}

/* The statement succeeds; what has no room is the result. */
static void contract_01_memory_exhaustion_in_a_result_is_an_event(void) {
  reply r = reply_new();
  begin();
  CHECK_EQ(exec(queue, conn, "CREATE TABLE large AS SELECT zeroblob(" TO_STRING(LARGE) "/ 4) AS body "
                             "FROM (SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1)"), SIDELITE_OK);
  limit_memory();
  CHECK_EQ(fetch(queue, conn, "SELECT body FROM large", &r), SIDELITE_ERR_NO_MEMORY);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM large"), 3);
  unlimit_memory();
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_01_memory_exhaustion_in_a_statement_is_an_event),
      TEST(contract_10_rollback_fence_after_memory_exhaustion),
      TEST(contract_01_memory_exhaustion_in_submit_is_refused),
      TEST(contract_01_memory_exhaustion_in_a_result_is_an_event),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
