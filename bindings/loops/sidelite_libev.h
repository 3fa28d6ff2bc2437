/*
 * sidelite_libev.h - a completion queue on a libev loop
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_libev adapter;                                       the host's memory
 *   sidelite_libev_attach(&adapter, queue, EV_DEFAULT, 1000);
 *   ev_run(EV_DEFAULT, 0);                                        runs the callbacks
 *   sidelite_libev_detach(&adapter);                              in a callback, or whenever the loop has ended
 *
 * An attached queue keeps the loop alive, as every active watcher does; after sidelite_libev_unref it does not, even
 * while requests are out. All of it belongs to the loop's thread. Detach before sidelite_queue_free.
 */
#ifndef SIDELITE_LIBEV_H
#define SIDELITE_LIBEV_H

#include <ev.h>
#include <sidelite.h>

typedef struct sidelite_libev {
  ev_io io;
  ev_cleanup cleanup;   /* hears of ev_loop_destroy */
  struct ev_loop *loop; /* NULL when detached */
  sidelite_queue *queue;
  uint32_t budget_us;
  int is_unref;
} sidelite_libev;

/* Whether the queue keeps the loop alive. Attach says yes. */
static inline void sidelite_libev_ref(sidelite_libev *adapter) {
  if (adapter->is_unref) ev_ref(adapter->loop);
  adapter->is_unref = 0;
}
static inline void sidelite_libev_unref(sidelite_libev *adapter) {
  if (!adapter->is_unref) ev_unref(adapter->loop);
  adapter->is_unref = 1;
}

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue for
 * whoever drains it next. After ev_loop_destroy it does nothing. */
static inline void sidelite_libev_detach(sidelite_libev *adapter) {
  sidelite_dispatch_stop(adapter->queue);
  if (!adapter->loop) return;
  sidelite_libev_ref(adapter);
  ev_io_stop(adapter->loop, &adapter->io);
  ev_cleanup_stop(adapter->loop, &adapter->cleanup);
  adapter->loop = NULL;
}

static inline void sidelite_libev_on_ready(struct ev_loop *loop, ev_io *io, int events) {
  sidelite_libev *adapter = (sidelite_libev *)io->data;
  int32_t taken = sidelite_dispatch(adapter->queue, 0, adapter->budget_us);
  (void)loop, (void)events;
  if (taken == SIDELITE_ERR_BAD_HANDLE || taken == SIDELITE_ERR_FORKED) sidelite_libev_detach(adapter);
}

static inline void sidelite_libev_on_destroy(struct ev_loop *loop, ev_cleanup *cleanup, int events) {
  (void)loop, (void)events;
  sidelite_libev_detach((sidelite_libev *)cleanup->data);
}

/* Runs the queue's callbacks inside the loop from now on; in each turn for about `budget_us` microseconds at most, 0
 * for no limit. A queue is attached to one loop at a time. Returns 0, or what sidelite_queue_fd returns. */
static inline int32_t sidelite_libev_attach(sidelite_libev *adapter, sidelite_queue *queue, struct ev_loop *loop,
                                            uint32_t budget_us) {
  int64_t fd = sidelite_queue_fd(queue);
  adapter->loop = fd < 0 ? NULL : loop;
  adapter->queue = queue;
  if (fd < 0) return (int32_t)fd;
  adapter->budget_us = budget_us;
  adapter->is_unref = 0;
  ev_io_init(&adapter->io, sidelite_libev_on_ready, (int)fd, EV_READ);
  ev_cleanup_init(&adapter->cleanup, sidelite_libev_on_destroy);
  adapter->io.data = adapter->cleanup.data = adapter;
  ev_io_start(loop, &adapter->io);
  ev_cleanup_start(loop, &adapter->cleanup);
  return SIDELITE_OK;
}

#endif /* SIDELITE_LIBEV_H */
