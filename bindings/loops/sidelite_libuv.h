/*
 * sidelite_libuv.h - a completion queue on a libuv loop
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_libuv adapter;                                       the host's memory
 *   sidelite_libuv_attach(&adapter, queue, uv_default_loop(), 1000);
 *   uv_run(uv_default_loop(), UV_RUN_DEFAULT);                    runs the callbacks
 *   sidelite_libuv_detach(&adapter, NULL);                        in a callback, or when the loop has ended
 *
 * An attached queue keeps the loop alive, as every active handle does; after sidelite_libuv_unref it does not, even
 * while requests are out. All of it belongs to the loop's thread. Detach before sidelite_queue_free.
 */
#ifndef SIDELITE_LIBUV_H
#define SIDELITE_LIBUV_H

#include <sidelite.h>
#include <uv.h>

typedef struct sidelite_libuv sidelite_libuv;

struct sidelite_libuv {
  uv_poll_t poll; /* first, so that a handle is its adapter */
  sidelite_queue *queue;
  uint32_t budget_us;
  void (*on_detached)(sidelite_libuv *adapter);
  void *data; /* for the host; attach sets it to NULL */
};

static inline void sidelite_libuv_on_ready(uv_poll_t *poll, int status, int events) {
  sidelite_libuv *adapter = (sidelite_libuv *)poll;
  int32_t taken = sidelite_dispatch(adapter->queue, 0, adapter->budget_us);
  (void)status, (void)events;
  if (taken == SIDELITE_ERR_BAD_HANDLE || taken == SIDELITE_ERR_FORKED) uv_poll_stop(poll);
}

static inline void sidelite_libuv_on_closed(uv_handle_t *handle) {
  sidelite_libuv *adapter = (sidelite_libuv *)handle;
  if (adapter->on_detached) adapter->on_detached(adapter);
}

/* Runs the queue's callbacks inside the loop from now on; in each turn for about `budget_us` microseconds at most, 0
 * for no limit. A queue is attached to one loop at a time.
 *
 * Returns 0, what sidelite_queue_fd returns, NO_MEMORY, or MISUSE: the loop has this queue already. */
static inline int32_t sidelite_libuv_attach(sidelite_libuv *adapter, sidelite_queue *queue, uv_loop_t *loop,
                                            uint32_t budget_us) {
  int64_t fd = sidelite_queue_fd(queue);
  int error;
  if (fd < 0) return (int32_t)fd;
  adapter->queue = queue;
  adapter->budget_us = budget_us;
  adapter->on_detached = NULL;
  adapter->data = NULL;
  error = uv_poll_init(loop, &adapter->poll, (int)fd);
  if (!error) error = uv_poll_start(&adapter->poll, UV_READABLE, sidelite_libuv_on_ready);
  if (error) return error == UV_ENOMEM ? SIDELITE_ERR_NO_MEMORY : SIDELITE_ERR_MISUSE;
  return SIDELITE_OK;
}

/* Whether the queue keeps the loop alive. Attach says yes. */
static inline void sidelite_libuv_ref(sidelite_libuv *adapter) { uv_ref((uv_handle_t *)&adapter->poll); }
static inline void sidelite_libuv_unref(sidelite_libuv *adapter) { uv_unref((uv_handle_t *)&adapter->poll); }

/* Ends it, also inside a callback: none runs after it. Events wait in the queue for whoever drains it next.
 *
 * The adapter is the loop's until `on_detached` (may be NULL), a turn later, and may be freed there. A host that has
 * closed the handle itself, as with uv_walk, may detach before and after uv_loop_close; its own close callback is the
 * last then, and `on_detached` is not called. Of two detaches the first decides. */
static inline void sidelite_libuv_detach(sidelite_libuv *adapter, void (*on_detached)(sidelite_libuv *adapter)) {
  sidelite_dispatch_stop(adapter->queue);
  if (uv_is_closing((uv_handle_t *)&adapter->poll)) return;
  adapter->on_detached = on_detached;
  uv_close((uv_handle_t *)&adapter->poll, sidelite_libuv_on_closed);
}

#endif /* SIDELITE_LIBUV_H */
