/* bindings/loops/sidelite_libev.h.
 * libs: -lev */
#include "../c/harness.h"
#include "sidelite_libev.h"

typedef sidelite_libev adapter;

typedef struct loop {
  struct ev_loop *ev;
  ev_timer timer;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l && (l->ev = ev_loop_new(EVFLAG_AUTO)));
  return l;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  return sidelite_libev_attach(a, queue, l->ev, budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_libev_detach(a);
  free(a);
}

static void loop_close(loop *l) {
  ev_loop_destroy(l->ev);
}

static void loop_run(loop *l) { ev_run(l->ev, 0); }
static void loop_stop(loop *l) { ev_break(l->ev, EVBREAK_ONE); }

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events) {
  loop *l = (loop *)timer->data;
  (void)ev;
  (void)events;
  l->tick(l->context);
}

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  ev_timer_stop(l->ev, &l->timer);
  if (!ms) return;
  l->tick = tick;
  l->context = context;
  ev_timer_init(&l->timer, on_timer, ms / 1e3, ms / 1e3);
  l->timer.data = l;
  ev_timer_start(l->ev, &l->timer);
}

#include "suite.h"

/* ---- What libev has of its own ---- */

static void libev_loop_lives_while_attached_and_ends_when_detached(void) {
  stage s;
  stage_begin(&s);
  CHECK(ev_run(s.l->ev, EVRUN_NOWAIT));
  loop_detach(s.l);
  CHECK(!ev_run(s.l->ev, 0));
  loop_attach(s.l, s.queue, BUDGET_US);
  stage_end(&s);
}

static void libev_unref_lets_the_loop_end_while_requests_are_out(void) {
  stage s;
  stage_begin(&s);
  submit(&s, ENDLESS, 1);
  sidelite_libev_unref(s.l->attached);
  sidelite_libev_unref(s.l->attached);
  CHECK(!ev_run(s.l->ev, 0));
  CHECK_EQ(s.finals, 0);
  /* Detached without a ref before: the loop's own count is right again. */
  loop_detach(s.l);
  CHECK(!ev_run(s.l->ev, 0));
  loop_attach(s.l, s.queue, BUDGET_US);
  CHECK_EQ(sidelite_cancel(s.conn, 0), SIDELITE_OK);
  s.stop_at = 1;
  loop_run(s.l);
  CHECK_EQ(s.cancelled, 1);
  stage_end(&s);
}

static void libev_loop_destroyed_while_unref_during_work(void) {
  stage s;
  stage_begin(&s);
  submit(&s, ENDLESS, 1);
  sidelite_libev_unref(s.l->attached);
  loop_free(s.l);
  CHECK(sidelite_queue_free(s.queue, -1) >= 1);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(libev_loop_lives_while_attached_and_ends_when_detached),
      TEST(libev_unref_lets_the_loop_end_while_requests_are_out),
      TEST(libev_loop_destroyed_while_unref_during_work),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
