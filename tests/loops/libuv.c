/* bindings/loops/sidelite_libuv.h.
 * pkg-config: libuv */
#include "../c/harness.h"
#include "sidelite_libuv.h"

typedef sidelite_libuv adapter;

typedef struct loop {
  uv_loop_t uv;
  uv_timer_t timer;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l && !uv_loop_init(&l->uv));
  CHECK(!uv_timer_init(&l->uv, &l->timer));
  return l;
}

static void on_detached(adapter *a) { free(a); }

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  return sidelite_libuv_attach(a, queue, &l->uv, budget_us);
}

/* libuv has it until it is closed, which the loop's own end may have been. */
static void adapter_free(adapter *a) {
  int is_closed = uv_is_closing((uv_handle_t *)&a->poll);
  sidelite_libuv_detach(a, on_detached);
  if (is_closed) free(a);
}

static void close_any(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* As programs close a loop of which they do not know every handle. */
static void loop_close(loop *l) {
  uv_walk(&l->uv, close_any, NULL);
  CHECK_EQ(uv_run(&l->uv, UV_RUN_DEFAULT), 0);
  CHECK_EQ(uv_loop_close(&l->uv), 0);
}

static void loop_run(loop *l) { uv_run(&l->uv, UV_RUN_DEFAULT); }
static void loop_stop(loop *l) { uv_stop(&l->uv); }

static void on_timer(uv_timer_t *timer) {
  loop *l = (loop *)timer->data;
  l->tick(l->context);
}

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  l->tick = tick;
  l->context = context;
  l->timer.data = l;
  CHECK(!(ms ? uv_timer_start(&l->timer, on_timer, (uint64_t)ms, (uint64_t)ms) : uv_timer_stop(&l->timer)));
}

#include "suite.h"

/* ---- What libuv has of its own ---- */

static void libuv_loop_lives_while_attached_and_ends_when_detached(void) {
  stage s;
  stage_begin(&s);
  CHECK(uv_loop_alive(&s.l->uv));
  CHECK_EQ(uv_run(&s.l->uv, UV_RUN_NOWAIT) != 0, 1);
  loop_detach(s.l);
  CHECK_EQ(uv_run(&s.l->uv, UV_RUN_DEFAULT), 0);
  loop_attach(s.l, s.queue, BUDGET_US);
  stage_end(&s);
}

static void libuv_unref_lets_the_loop_end_while_requests_are_out(void) {
  stage s;
  stage_begin(&s);
  submit(&s, ENDLESS, 1);
  sidelite_libuv_unref(s.l->attached);
  CHECK_EQ(uv_run(&s.l->uv, UV_RUN_DEFAULT), 0);
  CHECK_EQ(s.finals, 0);
  sidelite_libuv_ref(s.l->attached);
  CHECK_EQ(sidelite_cancel(s.conn, 0), SIDELITE_OK);
  s.stop_at = 1;
  loop_run(s.l);
  CHECK_EQ(s.cancelled, 1);
  stage_end(&s);
}

static void libuv_second_attach_to_the_same_loop_is_misuse(void) {
  sidelite_libuv second;
  stage s;
  stage_begin(&s);
  CHECK_EQ(sidelite_libuv_attach(&second, s.queue, &s.l->uv, 0), SIDELITE_ERR_MISUSE);
  stage_end(&s);
}

static void libuv_detach_twice_is_once(void) {
  stage s;
  stage_begin(&s);
  sidelite_libuv_detach(s.l->attached, on_detached);
  sidelite_libuv_detach(s.l->attached, on_detached);
  s.l->attached = NULL;
  loop_free(s.l);
  CHECK(sidelite_queue_free(s.queue, -1) >= 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(libuv_loop_lives_while_attached_and_ends_when_detached),
      TEST(libuv_unref_lets_the_loop_end_while_requests_are_out),
      TEST(libuv_second_attach_to_the_same_loop_is_misuse),
      TEST(libuv_detach_twice_is_once),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
