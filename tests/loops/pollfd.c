/* bindings/loops/sidelite_pollfd.h, in the loop of one's own for which it is. */
#include "../c/harness.h"
#include "sidelite_pollfd.h"

typedef sidelite_pollfd adapter;

typedef struct loop {
  int tick_ms, is_stopped;
  double next_tick;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l != NULL);
  return l;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  (void)l;
  return sidelite_pollfd_attach(a, queue, budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_pollfd_detach(a);
  free(a);
}

static void loop_close(loop *l) { l->is_stopped = 1; }

static void loop_stop(loop *l) { l->is_stopped = 1; }

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  l->tick_ms = ms;
  l->next_tick = now_ms() + ms;
  l->tick = tick;
  l->context = context;
}

static void loop_run(loop *l) {
  for (l->is_stopped = 0; !l->is_stopped;) {
    struct pollfd entry;
    CHECK(l->attached != NULL);
    sidelite_pollfd_prepare(l->attached, &entry);
    CHECK(poll(&entry, 1, l->tick_ms ? l->tick_ms : 60000) >= 0);
    CHECK(sidelite_pollfd_ready(l->attached, &entry) >= 0);
    if (!l->tick_ms || now_ms() < l->next_tick) continue;
    l->next_tick = now_ms() + l->tick_ms;
    l->tick(l->context);
  }
}

#include "suite.h"

/* ---- What poll has of its own ---- */

static void pollfd_entry_of_a_detached_queue_is_passed_over(void) {
  struct pollfd entry;
  stage s;
  stage_begin(&s);
  submit(&s, "SELECT 1", 1);
  WAIT_UNTIL(stats_of(s.conn).completed == 1);
  sidelite_pollfd_prepare(s.l->attached, &entry);
  CHECK_EQ(poll(&entry, 1, 60000), 1);
  sidelite_pollfd_detach(s.l->attached);
  /* poll has returned already: it is not to run callbacks any more. */
  CHECK_EQ(sidelite_pollfd_ready(s.l->attached, &entry), 0);
  sidelite_pollfd_prepare(s.l->attached, &entry);
  CHECK_EQ(poll(&entry, 1, 0), 0);
  CHECK_EQ(s.finals, 0);
  loop_detach(s.l);
  loop_attach(s.l, s.queue, BUDGET_US);
  stage_end(&s);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(pollfd_entry_of_a_detached_queue_is_passed_over),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
