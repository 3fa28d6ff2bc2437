/*
 * sidelite_sdl.h - a completion queue that wakes SDL_WaitEvent
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * For programs that wait for events. One that draws frames calls sidelite_dispatch(queue, 0, 1000) in each instead.
 *
 *   sidelite_sdl adapter;                                         the host's memory
 *   sidelite_sdl_queue_new(&queue);                               a queue that pushes an event to wake the loop
 *   sidelite_sdl_attach(&adapter, queue, 1000);
 *   SDL_WaitEvent(&event);
 *   sidelite_sdl_event(&adapter, &event);                         for every event: runs the callbacks
 *   sidelite_sdl_detach(&adapter);                                in a callback, or whenever the loop has ended
 *
 * SDL has one event queue in a process, and none before SDL_Init(SDL_INIT_EVENTS). How long the loop goes on is the
 * host's to say. All of it belongs to the thread that waits. Free the queue before SDL_Quit.
 */
#ifndef SIDELITE_SDL_H
#define SIDELITE_SDL_H

#include <SDL.h>
#include <sidelite.h>

typedef struct sidelite_sdl {
  sidelite_queue *queue; /* NULL when detached */
  uint32_t budget_us;
} sidelite_sdl;

/* The type of the events that wake; (Uint32)-1 when SDL has no more types. Each file that includes this has its own. */
static inline Uint32 sidelite_sdl_type(void) {
  static Uint32 type;
  if (!type) type = SDL_RegisterEvents(1);
  return type;
}

/* The wake function. `wake_data` is the type itself, and no memory: what the adapter was may be gone. */
static inline void sidelite_sdl_wake(void *wake_data) {
  SDL_Event event;
  SDL_zero(event);
  event.type = (Uint32)(uintptr_t)wake_data;
  SDL_PushEvent(&event);
}

/* Makes a queue whose wake function pushes an SDL event. Returns as sidelite_queue_new, and NO_MEMORY when SDL has no
 * more event types. */
static inline int32_t sidelite_sdl_queue_new(sidelite_queue **out) {
  Uint32 type = sidelite_sdl_type();
  sidelite_queue_config config = {sizeof config, 0, sidelite_sdl_wake, (void *)(uintptr_t)type, {0, 0}};
  return type == (Uint32)-1 ? SIDELITE_ERR_NO_MEMORY : sidelite_queue_new(&config, out);
}

/* Begins, with a queue of sidelite_sdl_queue_new; one event gives callbacks about `budget_us` microseconds at most, 0
 * for no limit. Returns 0, BAD_HANDLE or FORKED. */
static inline int32_t sidelite_sdl_attach(sidelite_sdl *adapter, sidelite_queue *queue, uint32_t budget_us) {
  sidelite_stats stats;
  int32_t code;
  stats.struct_size = sizeof stats, code = sidelite_stat(queue, &stats);
  adapter->queue = code ? NULL : queue;
  adapter->budget_us = budget_us;
  /* The wake for what waits already may have come and gone while nobody was attached. */
  if (!code) sidelite_sdl_wake((void *)(uintptr_t)sidelite_sdl_type());
  return code;
}

/* Gives the queue its turn. Returns whether `event` was only there to wake.
 *
 * Every event gives it one: a wake that SDL dropped, being full or flushed, is made up for by the next event. The
 * adapter is not looked at after the callbacks, so that one of them may detach and free it. */
static inline int sidelite_sdl_event(sidelite_sdl *adapter, const SDL_Event *event) {
  if (adapter->queue) sidelite_dispatch(adapter->queue, 0, adapter->budget_us);
  return event->type == sidelite_sdl_type();
}

/* Ends it, also inside a callback: none runs after it, and the adapter may be freed. Events wait in the queue. */
static inline void sidelite_sdl_detach(sidelite_sdl *adapter) {
  sidelite_dispatch_stop(adapter->queue);
  adapter->queue = NULL;
}

#endif /* SIDELITE_SDL_H */
