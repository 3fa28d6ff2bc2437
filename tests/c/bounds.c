/* Contract 13: FULL comes at once, by count and by bytes; one WRITABLE follows when half of it has drained. */
#include <sys/mman.h>

#include "faults.h"

enum { MAX_REQUESTS = 8, MAX_BYTES = 65536 };

/* What the callback of `sidelite_open` hears. */
typedef struct news {
  int opened, writable;
} news;

static void on_news(const sidelite_event *event, void *user_data) {
  news *n = (news *)user_data;
  CHECK_EQ(event->id, 0);
  CHECK_EQ(event->code, SIDELITE_OK);
  if (event->flags & SIDELITE_EVENT_OPENED) n->opened++;
  if (event->flags & SIDELITE_EVENT_WRITABLE) n->writable++;
}

static sidelite_queue *queue;
static sidelite_conn *conn;
static news heard;

static void begin(uint32_t max_requests, uint64_t max_bytes) {
  sidelite_open_config config = open_config_new(0);
  config.max_requests = max_requests;
  config.max_bytes = max_bytes;
  memset(&heard, 0, sizeof heard);
  queue = queue_new();
  CHECK_EQ(sidelite_open(queue, ":memory:", &config, on_news, &heard, &conn), SIDELITE_OK);
  TURN_UNTIL(queue, heard.opened);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void take_what_is_there(void) {
  while (turn(queue, 20) > 0) continue;
}

/* All are complete before the first is taken, so that each turn of the test takes one and looks. */
static void contract_13_full_by_count_then_writable_at_half(void) {
  reply refused = reply_new();
  gate g;
  begin(MAX_REQUESTS, 0);
  for (int round = 1; round <= 2; round++) {
    reply queued[MAX_REQUESTS];
    gate_shut(&g, conn);
    for (int i = 1; i < MAX_REQUESTS; i++) {
      queued[i] = reply_new();
      execute(conn, "SELECT 1", &queued[i]);
    }
    CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &refused), SIDELITE_ERR_FULL);
    CHECK_EQ(sidelite_fetch(conn, "SELECT 1", NULL, 0, on_reply, &refused), SIDELITE_ERR_FULL);
    CHECK_EQ(stats_of(conn).outstanding, MAX_REQUESTS);
    CHECK_EQ(heard.writable, round - 1);
    gate_open(&g);
    WAIT_UNTIL(stats_of(conn).completed == stats_of(conn).submitted);
    for (uint32_t left = MAX_REQUESTS; left > MAX_REQUESTS / 2; left--) {
      CHECK_EQ(stats_of(conn).outstanding, left);
      CHECK_EQ(heard.writable, round - 1);
      WAIT_UNTIL(sidelite_dispatch(queue, 1, 0) == 1);
    }
    TURN_UNTIL(queue, heard.writable == round);
    take_what_is_there();
    CHECK_EQ(heard.writable, round);
    CHECK_EQ(stats_of(conn).outstanding, 0);
    for (int i = 1; i < MAX_REQUESTS; i++) {
      EXPECT(queue, &queued[i], SIDELITE_OK);
      reply_clear(&queued[i]);
    }
    gate_remove(&g, queue);
  }
  CHECK_EQ(refused.events, 0);
  end();
}

/* All of an array or none of it, and an array that can never fit is not told to wait. */
static void contract_13_full_for_an_array(void) {
  const step step_of_each = {SIDELITE_EXECUTE, "SELECT 1", 0, 0};
  step steps[MAX_REQUESTS + 1];
  sidelite_request requests[MAX_REQUESTS + 1];
  reply replies[STEPS_MAX], refused = reply_new();
  gate g;
  begin(MAX_REQUESTS, 0);
  for (int i = 0; i <= MAX_REQUESTS; i++) {
    steps[i] = step_of_each;
    requests[i] = request_new(SIDELITE_EXECUTE, "SELECT 1", &refused);
  }
  CHECK_EQ(sidelite_submit(conn, requests, MAX_REQUESTS + 1), SIDELITE_ERR_TOO_BIG);
  gate_shut(&g, conn);
  CHECK_EQ(sidelite_submit(conn, requests, MAX_REQUESTS), SIDELITE_ERR_FULL);
  CHECK_EQ(stats_of(conn).outstanding, 1);
  (void)steps_submit(conn, steps, MAX_REQUESTS - 1, replies, 0);
  CHECK_EQ(sidelite_submit(conn, requests, 1), SIDELITE_ERR_FULL);
  gate_open(&g);
  steps_check(queue, steps, MAX_REQUESTS - 1, replies);
  gate_remove(&g, queue);
  TURN_UNTIL(queue, heard.writable);
  (void)steps_submit(conn, steps, MAX_REQUESTS, replies, 0);
  steps_check(queue, steps, MAX_REQUESTS, replies);
  take_what_is_there();
  CHECK_EQ(heard.writable, 1);
  CHECK_EQ(refused.events, 0);
  end();
}

static int64_t submit_bytes(uint32_t n, reply *r) {
  static char bytes[MAX_BYTES * 2];
  sidelite_value blob = sidelite_blob(bytes, n);
  return sidelite_execute(conn, "SELECT ?", &blob, 1, on_reply, r);
}

static void contract_13_full_by_bytes_then_writable_at_half(void) {
  reply queued[MAX_REQUESTS], refused = reply_new();
  int accepted = 0;
  gate g;
  begin(0, MAX_BYTES);
  CHECK_EQ(submit_bytes(MAX_BYTES * 2, &refused), SIDELITE_ERR_TOO_BIG);
  for (int i = 0; i < MAX_REQUESTS; i++) queued[i] = reply_new();
  gate_shut(&g, conn);
  while (submit_bytes(MAX_BYTES / 5, &queued[accepted]) > 0) CHECK(++accepted < MAX_REQUESTS);
  CHECK(accepted >= 3);
  CHECK_EQ(submit_bytes(MAX_BYTES / 5, &refused), SIDELITE_ERR_FULL);
  CHECK(stats_of(conn).bytes > MAX_BYTES / 2);
  CHECK(stats_of(conn).bytes <= MAX_BYTES);
  CHECK_EQ(heard.writable, 0);
  gate_open(&g);
  gate_remove(&g, queue);
  for (int i = 0; i < accepted; i++) {
    EXPECT(queue, &queued[i], SIDELITE_OK);
    reply_clear(&queued[i]);
  }
  TURN_UNTIL(queue, heard.writable);
  CHECK(stats_of(conn).bytes <= MAX_BYTES / 2);
  CHECK(submit_bytes(MAX_BYTES / 5, &queued[0]) > 0);
  EXPECT(queue, &queued[0], SIDELITE_OK);
  take_what_is_there();
  CHECK_EQ(heard.writable, 1);
  CHECK_EQ(refused.events, 0);
  reply_clear(&queued[0]);
  end();
}

/* A result is never refused for its size, but until it is taken it keeps requests out. */
static void contract_13_full_by_results_that_are_not_taken(void) {
  reply large = reply_new(), refused = reply_new(), next = reply_new();
  begin(0, MAX_BYTES);
  CHECK(sidelite_fetch(conn, "SELECT zeroblob(1000000)", NULL, 0, on_reply, &large) > 0);
  WAIT_UNTIL(stats_of(conn).completed == stats_of(conn).submitted);
  CHECK(stats_of(conn).bytes >= 1000000);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", NULL, 0, on_reply, &refused), SIDELITE_ERR_FULL);
  EXPECT(queue, &large, SIDELITE_OK);
  CHECK_EQ(sidelite_row_len(large.result, 0, 0), 1000000);
  reply_clear(&large);
  TURN_UNTIL(queue, heard.writable);
  execute(conn, "SELECT 1", &next);
  EXPECT(queue, &next, SIDELITE_OK);
  take_what_is_there();
  CHECK_EQ(heard.writable, 1);
  CHECK_EQ(refused.events, 0);
  reply_clear(&next);
  end();
}

/* What can never fit is refused by its length alone: all these lengths lead into memory that may not be read. */
static void contract_13_too_big_is_refused_unread(void) {
  const size_t size = (size_t)UINT32_MAX + 1;
  void *unreadable = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  sidelite_value text = sidelite_text_n((const char *)unreadable, UINT32_MAX);
  sidelite_value blob = sidelite_blob(unreadable, UINT32_MAX);
  sidelite_request request;
  reply refused = reply_new();
  CHECK(unreadable != MAP_FAILED);
  begin(0, 0);
  CHECK_EQ(sidelite_execute(conn, "SELECT ?", &text, 1, on_reply, &refused), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(sidelite_execute(conn, "SELECT ?", &blob, 1, on_reply, &refused), SIDELITE_ERR_TOO_BIG);
  request = request_new(SIDELITE_EXECUTE, (const char *)unreadable, &refused);
  request.sql_len = UINT32_MAX;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_TOO_BIG);
  request.sql_len = (uint64_t)INT64_MAX + 1;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_TOO_BIG);
  request.sql_len = UINT64_MAX - 1;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_TOO_BIG);
  request = request_new(SIDELITE_EXECUTE, "SELECT ?", &refused);
  request.values = (const sidelite_value *)unreadable;
  request.ncols = request.nrows = UINT32_MAX;
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_TOO_BIG);
  request.ncols = request.nrows = 65536; /* whose product is 0 in 32 bits */
  CHECK_EQ(sidelite_submit(conn, &request, 1), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(sidelite_submit(conn, (const sidelite_request *)unreadable, UINT32_MAX), SIDELITE_ERR_TOO_BIG);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(refused.events, 0);
  CHECK_EQ(munmap(unreadable, size), 0);
  end();
}

/* WRITABLE answers FULL: who was never refused never hears it. */
static void contract_13_no_writable_without_full(void) {
  begin(MAX_REQUESTS, 0);
  for (int round = 0; round < 3; round++) {
    reply replies[MAX_REQUESTS];
    for (int i = 0; i < MAX_REQUESTS; i++) {
      replies[i] = reply_new();
      execute(conn, "SELECT 1", &replies[i]);
    }
    for (int i = 0; i < MAX_REQUESTS; i++) {
      EXPECT(queue, &replies[i], SIDELITE_OK);
      reply_clear(&replies[i]);
    }
  }
  take_what_is_there();
  CHECK_EQ(heard.writable, 0);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_13_full_by_count_then_writable_at_half),
      TEST(contract_13_full_for_an_array),
      TEST(contract_13_full_by_bytes_then_writable_at_half),
      TEST(contract_13_full_by_results_that_are_not_taken),
      TEST(contract_13_too_big_is_refused_unread),
      TEST(contract_13_no_writable_without_full),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
