/* bindings/loops/sidelite_libevent.h.
 * pkg-config: libevent */
#include "../c/harness.h"
#include "sidelite_libevent.h"

typedef sidelite_libevent adapter;

typedef struct loop {
  struct event_base *base;
  struct event *timer;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static void on_timer(evutil_socket_t fd, short events, void *data) {
  loop *l = (loop *)data;
  (void)fd;
  (void)events;
  l->tick(l->context);
}

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l && (l->base = event_base_new()));
  CHECK((l->timer = event_new(l->base, -1, EV_PERSIST, on_timer, l)));
  return l;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  return sidelite_libevent_attach(a, queue, l->base, budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_libevent_detach(a);
  free(a);
}

static void loop_close(loop *l) {
  event_free(l->timer);
  event_base_free(l->base);
}

static void loop_run(loop *l) { event_base_dispatch(l->base); }
static void loop_stop(loop *l) { event_base_loopbreak(l->base); }

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  struct timeval each;
  each.tv_sec = ms / 1000;
  each.tv_usec = ms % 1000 * 1000;
  l->tick = tick;
  l->context = context;
  CHECK(!(ms ? event_add(l->timer, &each) : event_del(l->timer)));
}

#include "suite.h"

/* ---- What libevent has of its own ---- */

static void libevent_loop_lives_while_attached_and_ends_when_detached(void) {
  stage s;
  stage_begin(&s);
  submit(&s, ENDLESS, 1);
  CHECK_EQ(event_base_loop(s.l->base, EVLOOP_NONBLOCK), 0);
  loop_detach(s.l);
  CHECK_EQ(event_base_dispatch(s.l->base), 1);
  CHECK_EQ(s.finals, 0);
  loop_attach(s.l, s.queue, BUDGET_US);
  CHECK_EQ(sidelite_cancel(s.conn, 0), SIDELITE_OK);
  stage_end(&s);
}

/* The base has looked and found the queue ready, and another callback of the same turn takes the adapter away. */
static void detach_in_other_event(evutil_socket_t fd, short events, void *data) {
  stage *s = (stage *)data;
  (void)fd;
  (void)events;
  loop_detach(s->l);
}

static void libevent_detach_by_another_event_of_the_same_turn(void) {
  stage s;
  struct event *other;
  gate g;
  CHECK(event_get_version_number() >= 0x02010000);
  stage_begin(&s);
  submit(&s, "SELECT 1", 10);
  gate_shut(&g, s.conn);
  CHECK((other = event_new(s.l->base, -1, EV_PERSIST, detach_in_other_event, &s)));
  event_active(other, EV_TIMEOUT, 1);
  CHECK(event_base_loop(s.l->base, EVLOOP_ONCE) >= 0);
  CHECK_EQ(s.finals, 0);
  event_free(other);
  loop_attach(s.l, s.queue, BUDGET_US);
  gate_open(&g);
  stage_end(&s);
  reply_clear(&g.run);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(libevent_loop_lives_while_attached_and_ends_when_detached),
      TEST(libevent_detach_by_another_event_of_the_same_turn),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
