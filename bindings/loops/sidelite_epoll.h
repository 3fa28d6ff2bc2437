/*
 * sidelite_epoll.h - a completion queue in a loop of one's own over epoll(7)
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_epoll adapter;                                       the host's memory
 *   sidelite_epoll_attach(&adapter, queue, epoll_fd, data, 1000);
 *   n = epoll_wait(epoll_fd, events, capacity, timeout);
 *   sidelite_epoll_ready(&adapter);                               for an event with that `data`: runs the callbacks
 *   sidelite_epoll_detach(&adapter);                              in a callback, or whenever the loop has ended
 *
 * How long the loop goes on is the host's to say. All of it belongs to the loop's thread. Detach before
 * sidelite_queue_free.
 */
#ifndef SIDELITE_EPOLL_H
#define SIDELITE_EPOLL_H

#include <errno.h>
#include <sidelite.h>
#include <sys/epoll.h>

typedef struct sidelite_epoll {
  int epoll_fd; /* -1 when detached */
  sidelite_queue *queue;
  uint32_t budget_us;
} sidelite_epoll;

/* Adds the queue to the set; `data` comes back with its events, as the host tells its descriptors apart. In each turn
 * callbacks run for about `budget_us` microseconds at most, 0 for no limit. A queue is attached to one loop at a time.
 *
 * Returns 0, what sidelite_queue_fd returns, NO_MEMORY, or MISUSE: `epoll_fd` is none, or has this queue already. */
static inline int32_t sidelite_epoll_attach(sidelite_epoll *adapter, sidelite_queue *queue, int epoll_fd,
                                            epoll_data_t data, uint32_t budget_us) {
  struct epoll_event interest;
  int64_t fd = sidelite_queue_fd(queue);
  adapter->epoll_fd = -1;
  adapter->queue = queue;
  adapter->budget_us = budget_us;
  if (fd < 0) return (int32_t)fd;
  interest.events = EPOLLIN;
  interest.data = data;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, (int)fd, &interest))
    return errno == ENOMEM || errno == ENOSPC ? SIDELITE_ERR_NO_MEMORY : SIDELITE_ERR_MISUSE;
  adapter->epoll_fd = epoll_fd;
  return SIDELITE_OK;
}

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue for
 * whoever drains it next. `epoll_fd` may be closed already. */
static inline void sidelite_epoll_detach(sidelite_epoll *adapter) {
  struct epoll_event unused; /* Linux before 2.6.9 wants one */
  int64_t fd = sidelite_queue_fd(adapter->queue);
  sidelite_dispatch_stop(adapter->queue);
  if (adapter->epoll_fd >= 0 && fd >= 0) epoll_ctl(adapter->epoll_fd, EPOLL_CTL_DEL, (int)fd, &unused);
  adapter->epoll_fd = -1;
}

/* Runs callbacks here, and returns as sidelite_dispatch; 0 after detach, which may have come with the same epoll_wait.
 * The adapter is not looked at after the callbacks, so that one of them may detach and free it. */
static inline int32_t sidelite_epoll_ready(sidelite_epoll *adapter) {
  return adapter->epoll_fd < 0 ? 0 : sidelite_dispatch(adapter->queue, 0, adapter->budget_us);
}

#endif /* SIDELITE_EPOLL_H */
