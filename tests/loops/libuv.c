/* bindings/loops/sidelite_libuv.h.
 * pkg-config: libuv */
#include "../c/harness.h"
#include "sidelite_libuv.h"

typedef struct loop {
  uv_loop_t uv;
  uv_timer_t timer;
  sidelite_libuv *adapter;
  void (*tick)(void *context);
  void *context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l && !uv_loop_init(&l->uv));
  CHECK(!uv_timer_init(&l->uv, &l->timer));
  return l;
}

static sidelite_queue *loop_queue_new(void) { return queue_new(); }

static void on_detached(sidelite_libuv *adapter) { free(adapter); }

static void loop_detach(loop *l) {
  if (!l->adapter) return;
  sidelite_libuv_detach(l->adapter, on_detached);
  l->adapter = NULL;
}

static int32_t loop_try_attach(loop *l, sidelite_queue *queue) {
  sidelite_libuv *adapter = (sidelite_libuv *)malloc(sizeof *adapter);
  int32_t code = sidelite_libuv_attach(adapter, queue, &l->uv, 1000);
  if (code) free(adapter);
  else l->adapter = adapter;
  return code;
}

static void loop_attach(loop *l, sidelite_queue *queue, uint32_t budget_us) {
  CHECK_EQ(loop_try_attach(l, queue), SIDELITE_OK);
  l->adapter->budget_us = budget_us;
}

static void close_any(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* As programs close a loop of which they do not know every handle. */
static void loop_free(loop *l) {
  uv_walk(&l->uv, close_any, NULL);
  CHECK_EQ(uv_run(&l->uv, UV_RUN_DEFAULT), 0);
  CHECK_EQ(uv_loop_close(&l->uv), 0);
  if (l->adapter) {
    sidelite_libuv_detach(l->adapter, on_detached);
    free(l->adapter);
  }
  free(l);
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
  sidelite_libuv_unref(s.l->adapter);
  CHECK_EQ(uv_run(&s.l->uv, UV_RUN_DEFAULT), 0);
  CHECK_EQ(s.finals, 0);
  sidelite_libuv_ref(s.l->adapter);
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
  sidelite_libuv_detach(s.l->adapter, on_detached);
  sidelite_libuv_detach(s.l->adapter, on_detached);
  s.l->adapter = NULL;
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
