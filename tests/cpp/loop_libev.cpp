/*
 * Coroutines on libev.
 *
 * std: c++20
 * libs: -lev
 */
#include "loop_job.hpp"
#include "sidelite_libev.h"

static void coroutine_runs_on_libev() {
  bool done = false;
  sidelite::queue queue;
  sidelite_libev adapter;
  struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
  CHECK(loop != nullptr);
  CHECK_EQ(sidelite_libev_attach(&adapter, queue.get(), loop, 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_libev_detach(&adapter); });
  ev_run(loop, 0);
  CHECK(done);
  ev_loop_destroy(loop);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(coroutine_runs_on_libev), {nullptr, nullptr}};
  return run_tests(tests, argc, argv);
}
