/*
 * Coroutines on libevent.
 *
 * std: c++20
 * pkg-config: libevent
 */
#include "loop_job.hpp"
#include "sidelite_libevent.h"

static void coroutine_runs_on_libevent() {
  bool done = false;
  sidelite::queue queue;
  sidelite_libevent adapter;
  event_base *base = event_base_new();
  CHECK(base != nullptr);
  CHECK_EQ(sidelite_libevent_attach(&adapter, queue.get(), base, 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_libevent_detach(&adapter); });
  event_base_dispatch(base);
  CHECK(done);
  event_base_free(base);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(coroutine_runs_on_libevent), {nullptr, nullptr}};
  return run_tests(tests, argc, argv);
}
