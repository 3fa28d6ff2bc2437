/*
 * sidelite_glib.h - a completion queue as a GSource
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_glib adapter;                                        the host's memory
 *   sidelite_glib_attach(&adapter, queue, NULL, 1000);            NULL: the default context
 *   g_main_loop_run(loop);                                        runs the callbacks
 *   sidelite_glib_detach(&adapter);                               in a callback, or whenever the loop has ended
 *
 * It keeps no loop alive: a GMainLoop runs until g_main_loop_quit. `adapter.source` is an ordinary source, of default
 * priority; g_source_set_priority puts it behind what is to be drawn first. All of it belongs to the thread that runs
 * the context. Detach before sidelite_queue_free.
 */
#ifndef SIDELITE_GLIB_H
#define SIDELITE_GLIB_H

#include <glib-unix.h>
#include <sidelite.h>

typedef struct sidelite_glib {
  GSource *source; /* NULL when detached */
  sidelite_queue *queue;
} sidelite_glib;

/* GLib keeps it alive while it is dispatched, also when a callback has detached it. */
typedef struct sidelite_glib_source {
  GSource source;
  sidelite_queue *queue;
  uint32_t budget_us;
} sidelite_glib_source;

static inline gboolean sidelite_glib_on_ready(GSource *source, GSourceFunc callback, gpointer data) {
  sidelite_glib_source *ours = (sidelite_glib_source *)(void *)source;
  int32_t taken = sidelite_dispatch(ours->queue, 0, ours->budget_us);
  (void)callback, (void)data;
  return taken == SIDELITE_ERR_BAD_HANDLE || taken == SIDELITE_ERR_FORKED ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* Runs the queue's callbacks inside the context from now on; in each turn for about `budget_us` microseconds at most, 0
 * for no limit. A queue is attached to one loop at a time.
 *
 * Returns 0, or what sidelite_queue_fd returns. */
static inline int32_t sidelite_glib_attach(sidelite_glib *adapter, sidelite_queue *queue, GMainContext *context,
                                           uint32_t budget_us) {
  static GSourceFuncs functions = {NULL, NULL, sidelite_glib_on_ready, NULL, NULL, NULL};
  sidelite_glib_source *source;
  int64_t fd = sidelite_queue_fd(queue);
  adapter->source = NULL;
  adapter->queue = queue;
  if (fd < 0) return (int32_t)fd;
  source = (sidelite_glib_source *)(void *)g_source_new(&functions, sizeof *source);
  source->queue = queue;
  source->budget_us = budget_us;
  g_source_set_name(&source->source, "sidelite");
  g_source_add_unix_fd(&source->source, (int)fd, G_IO_IN);
  g_source_attach(&source->source, context);
  adapter->source = &source->source;
  return SIDELITE_OK;
}

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue for
 * whoever drains it next. The context may be gone already. */
static inline void sidelite_glib_detach(sidelite_glib *adapter) {
  sidelite_dispatch_stop(adapter->queue);
  if (!adapter->source) return;
  g_source_destroy(adapter->source);
  g_source_unref(adapter->source);
  adapter->source = NULL;
}

#endif /* SIDELITE_GLIB_H */
