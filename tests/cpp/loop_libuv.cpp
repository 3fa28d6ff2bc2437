/*
 * Coroutines on libuv.
 *
 * std: c++20
 * pkg-config: libuv
 */
#include "loop_job.hpp"
#include "sidelite_libuv.h"

static void coroutine_runs_on_libuv() {
  bool done = false;
  sidelite::queue queue;
  uv_loop_t loop;
  sidelite_libuv adapter;
  CHECK_EQ(uv_loop_init(&loop), 0);
  CHECK_EQ(sidelite_libuv_attach(&adapter, queue.get(), &loop, 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_libuv_detach(&adapter, nullptr); });
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(done);
  CHECK_EQ(uv_loop_close(&loop), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(coroutine_runs_on_libuv), {nullptr, nullptr}};
  return run_tests(tests, argc, argv);
}
