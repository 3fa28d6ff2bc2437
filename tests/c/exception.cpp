// Contract 19: a C++ exception that leaves a callback passes through dispatch to the host. Guards on its way run, its
// event is taken, and the rest come with the next call.
#include <stdexcept>
#include <string>
#include <vector>

#include "faults.h"

namespace {

struct guard {
  int &count;
  explicit guard(int &c) : count(c) {}
  guard(const guard &) = delete;
  guard &operator=(const guard &) = delete;
  ~guard() { count++; }
};

// What the callbacks of one test have seen, and which of them throws.
struct log {
  std::vector<int64_t> ids;
  int64_t throw_at = 0;
  int guards = 0;
};

void on_event(const sidelite_event *event, void *user_data) {
  log &seen = *static_cast<log *>(user_data);
  guard on_the_way(seen.guards);
  seen.ids.push_back(event->id);
  if (event->id == seen.throw_at) throw std::runtime_error("event " + std::to_string(event->id));
}

sidelite_queue *queue;
sidelite_conn *conn;

void begin() {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", nullptr);
}

void end() {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

// Submits `n` requests and returns the first id.
int64_t submit(int n, log &seen) {
  int64_t first = 0;
  for (int i = 0; i < n; i++) {
    int64_t id = sidelite_fetch(conn, "SELECT 1", nullptr, 0, on_event, &seen);
    CHECK(id > 0);
    if (!first) first = id;
  }
  return first;
}

// Dispatches until something is thrown.
std::string wait_for_exception(int &guards) {
  guard in_the_host(guards);
  for (double give_up = now_ms() + 60000; now_ms() < give_up; sleep_ms(1)) {
    try {
      guard around_the_call(guards);
      (void)sidelite_dispatch(queue, 0, 0);
    } catch (const std::runtime_error &error) {
      return error.what();
    }
  }
  return {};
}

void contract_19_exception_passes_through_dispatch() {
  log seen;
  int guards = 0;
  begin();
  int64_t first = submit(5, seen);
  seen.throw_at = first + 1;
  CHECK(wait_for_exception(guards) == "event " + std::to_string(first + 1));
  CHECK(guards >= 2);
  CHECK_EQ(seen.guards, 2);
  CHECK_EQ(seen.ids.size(), 2);
  TURN_UNTIL(queue, seen.ids.size() == 5);
  for (size_t i = 0; i < seen.ids.size(); i++) CHECK_EQ(seen.ids[i], first + static_cast<int64_t>(i));
  end();
}

void contract_19_exception_from_each_event_in_turn() {
  log seen;
  int guards = 0;
  begin();
  int64_t first = submit(100, seen);
  for (int64_t id = first; id < first + 100; id++) {
    seen.throw_at = id;
    CHECK(wait_for_exception(guards) == "event " + std::to_string(id));
    CHECK_EQ(seen.ids.back(), id);
  }
  CHECK_EQ(sidelite_dispatch(queue, 0, 0), 0);
  CHECK_EQ(seen.ids.size(), 100);
  CHECK_EQ(stats_of(conn).outstanding, 0);
  end();
}

// With a wake function, what was left calls it again.
void count_wake(void *count) { __atomic_fetch_add(static_cast<int *>(count), 1, __ATOMIC_SEQ_CST); }

void contract_19_exception_calls_the_wake_function_for_the_rest() {
  log seen;
  int guards = 0, wakes = 0;
  sidelite_queue_config config = {};
  config.struct_size = sizeof config;
  config.wake = count_wake;
  config.wake_data = &wakes;
  CHECK_EQ(sidelite_queue_new(&config, &queue), SIDELITE_OK);
  CHECK_EQ(sidelite_open(queue, ":memory:", nullptr, nullptr, nullptr, &conn), SIDELITE_OK);
  seen.throw_at = submit(3, seen);
  WAIT_UNTIL(stats_of(conn).completed == 3);
  sleep_ms(50);
  int before = __atomic_load_n(&wakes, __ATOMIC_SEQ_CST);
  CHECK(!wait_for_exception(guards).empty());
  WAIT_UNTIL(__atomic_load_n(&wakes, __ATOMIC_SEQ_CST) > before);
  WAIT_UNTIL(sidelite_dispatch(queue, 0, 0) == 0 && seen.ids.size() == 3);
  CHECK(sidelite_queue_free(queue, -1) >= 0);
}

// Through two dispatches, one inside a callback of the other.
struct nest {
  sidelite_queue *inner;
  int inner_passed;
};

void dispatch_inner(const sidelite_event *, void *user_data) {
  nest &n = *static_cast<nest *>(user_data);
  guard passed(n.inner_passed);
  WAIT_UNTIL(sidelite_dispatch(n.inner, 0, 0));
}

void contract_19_exception_passes_through_nested_dispatches() {
  log seen;
  nest n = {queue_new(), 0};
  int guards = 0;
  begin();
  sidelite_conn *inner = conn_open(n.inner, ":memory:", nullptr);
  seen.throw_at = sidelite_fetch(inner, "SELECT 1", nullptr, 0, on_event, &seen);
  CHECK(sidelite_execute(conn, "SELECT 1", nullptr, 0, dispatch_inner, &n) > 0);
  CHECK(wait_for_exception(guards) == "event " + std::to_string(seen.throw_at));
  CHECK_EQ(n.inner_passed, 1);
  conn_close(n.inner, inner, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(n.inner, -1), 0);
  end();
}

// The first and the last event of a connection, with which it comes and goes.
void throw_flags(const sidelite_event *event, void *) { throw event->flags; }

uint32_t flags_thrown() {
  for (double give_up = now_ms() + 60000; now_ms() < give_up;) {
    try {
      (void)turn(queue, 100);
    } catch (uint32_t flags) {
      return flags;
    }
  }
  return 0;
}

void contract_19_exception_from_opened_and_closed() {
  queue = queue_new();
  CHECK_EQ(sidelite_open(queue, ":memory:", nullptr, throw_flags, nullptr, &conn), SIDELITE_OK);
  CHECK(flags_thrown() & SIDELITE_EVENT_OPENED);
  CHECK_EQ(exec(queue, conn, "SELECT 1"), SIDELITE_OK);
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, throw_flags, nullptr), SIDELITE_OK);
  CHECK(flags_thrown() & SIDELITE_EVENT_CLOSED);
  CHECK_EQ(sidelite_execute(conn, "SELECT 1", nullptr, 0, nullptr, nullptr), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int32_t throw_in_run(void *, void *context) {
  guard on_the_way(*static_cast<int *>(context));
  throw std::runtime_error("in a RUN function");
}

// It ends its request, and nobody else's.
void contract_19_exception_that_leaves_a_run_function_is_dropped() {
  int guards = 0;
  begin();
  for (int i = 1; i <= 3; i++) {
    reply run = reply_new(), behind = reply_new();
    sidelite_request request = request_new(SIDELITE_RUN, nullptr, &run);
    request.run = throw_in_run;
    request.context = &guards;
    CHECK(sidelite_submit(conn, &request, 1) > 0);
    CHECK(sidelite_fetch(conn, "SELECT 1", nullptr, 0, on_reply, &behind) > 0);
    EXPECT(queue, &run, SIDELITE_ERR_PANIC);
    EXPECT(queue, &behind, SIDELITE_OK);
    CHECK(strstr((const char *)run.result + run.result->message, "threw an exception"));
    CHECK_EQ(guards, i);
    reply_clear(&run);
    reply_clear(&behind);
  }
  end();
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_19_exception_passes_through_dispatch),
      TEST(contract_19_exception_from_each_event_in_turn),
      TEST(contract_19_exception_calls_the_wake_function_for_the_rest),
      TEST(contract_19_exception_passes_through_nested_dispatches),
      TEST(contract_19_exception_from_opened_and_closed),
#ifdef __x86_64__
      TEST(contract_19_exception_that_leaves_a_run_function_is_dropped),
#endif
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
