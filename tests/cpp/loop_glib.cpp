/*
 * Coroutines on GLib.
 *
 * std: c++20
 * pkg-config: glib-2.0
 */
#include "loop_job.hpp"
#include "sidelite_glib.h"

static void coroutine_runs_on_glib() {
  bool done = false;
  sidelite::queue queue;
  sidelite_glib adapter;
  GMainContext *context = g_main_context_new();
  GMainLoop *loop = g_main_loop_new(context, FALSE);
  CHECK_EQ(sidelite_glib_attach(&adapter, queue.get(), context, 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter, loop] {
    sidelite_glib_detach(&adapter);
    g_main_loop_quit(loop);
  });
  g_main_loop_run(loop);
  CHECK(done);
  g_main_loop_unref(loop);
  g_main_context_unref(context);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(coroutine_runs_on_glib), {nullptr, nullptr}};
  return run_tests(tests, argc, argv);
}
