/* bindings/loops/sidelite_sdl.h, on SDL's own event queue, without a window.
 * pkg-config: sdl2 */
#define SDL_MAIN_HANDLED
#include "../c/harness.h"
#include "sidelite_sdl.h"

#define LOOP_ONE_PER_PROCESS
#define LOOP_QUEUE_NEW sdl_queue_new

typedef sidelite_sdl adapter;

typedef struct loop {
  SDL_TimerID timer;
  Uint32 tick_type;
  int is_stopped;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l && !SDL_Init(SDL_INIT_EVENTS | SDL_INIT_TIMER));
  l->tick_type = SDL_RegisterEvents(1);
  return l;
}

static sidelite_queue *sdl_queue_new(void) {
  sidelite_queue *queue;
  CHECK_EQ(sidelite_sdl_queue_new(&queue), SIDELITE_OK);
  return queue;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  (void)l;
  return sidelite_sdl_attach(a, queue, budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_sdl_detach(a);
  free(a);
}

/* SDL_Quit must wait until no queue can push any more: `main` does it. */
static void loop_close(loop *l) { l->is_stopped = 1; }

static void loop_stop(loop *l) { l->is_stopped = 1; }

static Uint32 on_timer(Uint32 interval, void *data) {
  SDL_Event event;
  SDL_zero(event);
  event.type = ((loop *)data)->tick_type;
  SDL_PushEvent(&event);
  return interval;
}

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  if (l->timer) SDL_RemoveTimer(l->timer);
  l->tick = tick;
  l->context = context;
  l->timer = ms ? SDL_AddTimer((Uint32)ms, on_timer, l) : 0;
}

static void loop_run(loop *l) {
  for (l->is_stopped = 0; !l->is_stopped;) {
    SDL_Event event;
    CHECK(SDL_WaitEventTimeout(&event, 60000));
    CHECK(l->attached != NULL);
    if (sidelite_sdl_event(l->attached, &event)) continue;
    if (event.type == l->tick_type && l->tick) l->tick(l->context);
  }
}

#include "suite.h"

/* ---- What SDL has of its own ---- */

/* SDL holds 65,535 events and drops the next: here all wakes. */
static void sdl_wake_that_was_dropped_is_made_up_for(void) {
  SDL_Event event;
  stage s;
  int pushed = 0;
  stage_begin(&s);
  SDL_zero(event);
  event.type = SDL_RegisterEvents(1);
  while (SDL_PushEvent(&event) == 1) pushed++;
  CHECK(pushed > 60000);
  submit(&s, "SELECT 1", 10);
  WAIT_UNTIL(stats_of(s.conn).completed == 10);
  s.stop_at = 10;
  loop_run(s.l);
  CHECK_EQ(s.finals, 10);
  SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
  stage_end(&s);
}

/* A flush takes the wake away as well: any event of the program's own makes up for it. */
static void sdl_wake_that_was_flushed_is_made_up_for(void) {
  SDL_Event event;
  stage s;
  stage_begin(&s);
  submit(&s, "SELECT 1", 10);
  WAIT_UNTIL(stats_of(s.conn).completed == 10);
  while (SDL_PollEvent(&event)) continue;
  SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
  SDL_zero(event);
  event.type = SDL_RegisterEvents(1);
  CHECK_EQ(SDL_PushEvent(&event), 1);
  s.stop_at = 10;
  loop_run(s.l);
  CHECK_EQ(s.finals, 10);
  stage_end(&s);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(sdl_wake_that_was_dropped_is_made_up_for),
      TEST(sdl_wake_that_was_flushed_is_made_up_for),
      {NULL, NULL},
  };
  int code = run_tests(tests, argc, argv);
  SDL_Quit();
  return code;
}
