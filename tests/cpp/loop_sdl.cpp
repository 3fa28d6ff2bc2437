/*
 * Coroutines in an SDL program: one that waits for events, and one that draws frames.
 *
 * std: c++20
 * pkg-config: sdl2
 */
#include "loop_job.hpp"
#include "sidelite_sdl.h"

static void coroutine_runs_on_sdl_events() {
  bool done = false;
  sidelite_queue *made;
  sidelite_sdl adapter;
  CHECK_EQ(sidelite_sdl_queue_new(&made), SIDELITE_OK);
  sidelite::queue queue(made);
  CHECK_EQ(sidelite_sdl_attach(&adapter, queue.get(), 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_sdl_detach(&adapter); });
  while (!done) {
    SDL_Event event;
    CHECK_EQ(SDL_WaitEvent(&event), 1);
    sidelite_sdl_event(&adapter, &event);
  }
}

static void coroutine_runs_once_a_frame() {
  bool done = false;
  sidelite::queue queue;
  start_job(queue, done, [] {});
  while (!done) {
    CHECK(queue.dispatch(0, std::chrono::milliseconds(1)) >= 0);
    SDL_Delay(1);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(coroutine_runs_on_sdl_events),
      TEST(coroutine_runs_once_a_frame),
      {nullptr, nullptr},
  };
  SDL_SetMainReady();
  CHECK_EQ(SDL_Init(SDL_INIT_EVENTS), 0);
  int code = run_tests(tests, argc, argv);
  SDL_Quit();
  return code;
}
