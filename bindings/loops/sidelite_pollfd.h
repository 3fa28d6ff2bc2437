/*
 * sidelite_pollfd.h - a completion queue in a loop of one's own over poll(2)
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite_pollfd adapter;                                      the host's memory
 *   sidelite_pollfd_attach(&adapter, queue, 1000);
 *   sidelite_pollfd_prepare(&adapter, &fds[i]);                   before each poll
 *   poll(fds, n, timeout);
 *   sidelite_pollfd_ready(&adapter, &fds[i]);                     after it: runs the callbacks
 *   sidelite_pollfd_detach(&adapter);                             in a callback, or whenever the loop has ended
 *
 * How long the loop goes on is the host's to say. All of it belongs to the loop's thread. Detach before
 * sidelite_queue_free.
 */
#ifndef SIDELITE_POLLFD_H
#define SIDELITE_POLLFD_H

#include <poll.h>
#include <sidelite.h>

typedef struct sidelite_pollfd {
  int fd; /* -1 when detached, which poll passes over */
  sidelite_queue *queue;
  uint32_t budget_us;
} sidelite_pollfd;

/* Begins; in each turn callbacks run for about `budget_us` microseconds at most, 0 for no limit. A queue is attached to
 * one loop at a time.
 *
 * Returns 0, or what sidelite_queue_fd returns. */
static inline int32_t sidelite_pollfd_attach(sidelite_pollfd *adapter, sidelite_queue *queue, uint32_t budget_us) {
  int64_t fd = sidelite_queue_fd(queue);
  adapter->fd = fd < 0 ? -1 : (int)fd;
  adapter->queue = queue;
  adapter->budget_us = budget_us;
  return fd < 0 ? (int32_t)fd : SIDELITE_OK;
}

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue for
 * whoever drains it next. */
static inline void sidelite_pollfd_detach(sidelite_pollfd *adapter) {
  sidelite_dispatch_stop(adapter->queue);
  adapter->fd = -1;
}

/* Fills the entry that is the queue's in the array for poll. */
static inline void sidelite_pollfd_prepare(const sidelite_pollfd *adapter, struct pollfd *entry) {
  entry->fd = adapter->fd;
  entry->events = POLLIN;
  entry->revents = 0;
}

/* Runs callbacks here if poll has found the queue ready. The adapter is not looked at after them, so that one of them
 * may detach and free it.
 *
 * Returns as sidelite_dispatch, 0 when it was not ready. */
static inline int32_t sidelite_pollfd_ready(sidelite_pollfd *adapter, const struct pollfd *entry) {
  return adapter->fd >= 0 && entry->revents ? sidelite_dispatch(adapter->queue, 0, adapter->budget_us) : 0;
}

#endif /* SIDELITE_POLLFD_H */
