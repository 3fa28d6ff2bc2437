/* bindings/loops/sidelite_glib.h.
 * pkg-config: glib-2.0 */
#include "../c/harness.h"
#include "sidelite_glib.h"

typedef sidelite_glib adapter;

typedef struct loop {
  GMainContext *context;
  GMainLoop *main;
  GSource *timer;
  adapter *attached;
  void (*tick)(void *context);
  void *tick_context;
} loop;

static loop *loop_new(void) {
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l != NULL);
  l->context = g_main_context_new();
  l->main = g_main_loop_new(l->context, FALSE);
  return l;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  return sidelite_glib_attach(a, queue, l->context, budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_glib_detach(a);
  free(a);
}

static void loop_close(loop *l) {
  g_main_loop_unref(l->main);
  g_main_context_unref(l->context);
}

static void loop_run(loop *l) { g_main_loop_run(l->main); }
static void loop_stop(loop *l) { g_main_loop_quit(l->main); }

static gboolean on_timer(gpointer data) {
  loop *l = (loop *)data;
  l->tick(l->tick_context);
  return G_SOURCE_CONTINUE;
}

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  if (l->timer) {
    g_source_destroy(l->timer);
    g_source_unref(l->timer);
    l->timer = NULL;
  }
  if (!ms) return;
  l->tick = tick;
  l->tick_context = context;
  l->timer = g_timeout_source_new((guint)ms);
  g_source_set_callback(l->timer, on_timer, l, NULL);
  g_source_attach(l->timer, l->context);
}

#include "suite.h"

/* ---- What GLib has of its own ---- */

/* A source of higher priority goes first, turn after turn, until it has had enough. */
static gboolean on_urgent(gpointer data) {
  stage *s = (stage *)data;
  CHECK_EQ(s->finals, 0);
  return ++s->opened < 50 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void glib_priority_is_that_of_any_source(void) {
  stage s;
  gate g;
  GSource *urgent = g_idle_source_new();
  stage_begin(&s);
  submit(&s, "SELECT 1", 10);
  gate_shut(&g, s.conn);
  g_source_set_priority(s.l->attached->source, G_PRIORITY_LOW);
  g_source_set_priority(urgent, G_PRIORITY_HIGH);
  g_source_set_callback(urgent, on_urgent, &s, NULL);
  g_source_attach(urgent, s.l->context);
  s.stop_at = 10;
  loop_run(s.l);
  /* Fifty times the urgent one, then OPENED. */
  CHECK_EQ(s.opened, 51);
  CHECK_EQ(s.finals, 10);
  g_source_unref(urgent);
  gate_open(&g);
  stage_end(&s);
  reply_clear(&g.run);
}

static void glib_source_has_a_name(void) {
  stage s;
  stage_begin(&s);
  CHECK(!strcmp(g_source_get_name(s.l->attached->source), "sidelite"));
  stage_end(&s);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(glib_priority_is_that_of_any_source),
      TEST(glib_source_has_a_name),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
