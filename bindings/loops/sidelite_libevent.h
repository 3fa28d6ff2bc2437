/*
 * sidelite_libevent.h - a completion queue on a libevent 2.1 base
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_libevent adapter;                                    the host's memory
 *   sidelite_libevent_attach(&adapter, queue, base, 1000);
 *   event_base_dispatch(base);                                    runs the callbacks
 *   sidelite_libevent_detach(&adapter);                           in a callback, or whenever the loop has ended
 *
 * An attached queue keeps event_base_dispatch going, as every pending event does; libevent has no other kind. Detach to
 * let it end while requests are out. All of it belongs to the base's thread. Detach before sidelite_queue_free.
 */
#ifndef SIDELITE_LIBEVENT_H
#define SIDELITE_LIBEVENT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sidelite.h>

typedef struct sidelite_libevent {
  struct event event;
  sidelite_queue *queue;
  uint32_t budget_us;
} sidelite_libevent;

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue for
 * whoever drains it next. After event_base_free, which takes all events off the base, it does not touch the base. */
static inline void sidelite_libevent_detach(sidelite_libevent *adapter) {
  const int pending = EVLIST_INSERTED | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER;
  sidelite_dispatch_stop(adapter->queue);
  if (adapter->event.ev_evcallback.evcb_flags & pending) event_del(&adapter->event);
  event_debug_unassign(&adapter->event);
}

static inline void sidelite_libevent_on_ready(evutil_socket_t fd, short events, void *data) {
  sidelite_libevent *adapter = (sidelite_libevent *)data;
  int32_t taken = sidelite_dispatch(adapter->queue, 0, adapter->budget_us);
  (void)fd, (void)events;
  if (taken == SIDELITE_ERR_BAD_HANDLE || taken == SIDELITE_ERR_FORKED) event_del(&adapter->event);
}

/* Runs the queue's callbacks inside the base's loop from now on; in each turn for about `budget_us` microseconds at
 * most, 0 for no limit. A queue is attached to one loop at a time.
 *
 * Returns 0, what sidelite_queue_fd returns, or NO_MEMORY. */
static inline int32_t sidelite_libevent_attach(sidelite_libevent *adapter, sidelite_queue *queue,
                                               struct event_base *base, uint32_t budget_us) {
  int64_t fd = sidelite_queue_fd(queue);
  if (fd < 0) return (int32_t)fd;
  adapter->queue = queue;
  adapter->budget_us = budget_us;
  if (event_assign(&adapter->event, base, (evutil_socket_t)fd, EV_READ | EV_PERSIST, sidelite_libevent_on_ready,
                   adapter) ||
      event_add(&adapter->event, NULL))
    return SIDELITE_ERR_NO_MEMORY;
  return SIDELITE_OK;
}

#endif /* SIDELITE_LIBEVENT_H */
