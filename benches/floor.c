/* What any library pays that has a thread of its own and wakes the host through a descriptor. */
#include "bench.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct hop {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  uint32_t asked, count;
  int event;
} hop;

static void *answer(void *argument) {
  hop *h = argument;
  for (uint32_t answered = 0; answered < h->count; answered++) {
    uint64_t one = 1;
    pthread_mutex_lock(&h->mutex);
    while (h->asked == answered) pthread_cond_wait(&h->changed, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
    CHECK(write(h->event, &one, sizeof one) == sizeof one);
  }
  return NULL;
}

static void ask(hop *h, int epoll) {
  struct epoll_event ready;
  uint64_t n;
  pthread_mutex_lock(&h->mutex);
  h->asked++;
  pthread_cond_signal(&h->changed);
  pthread_mutex_unlock(&h->mutex);
  CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
  CHECK(read(h->event, &n, sizeof n) == sizeof n);
}

double floor_us(uint32_t count) {
  hop h = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .count = count};
  struct epoll_event interest = {.events = EPOLLIN};
  double *each = malloc(count * sizeof *each), us;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  pthread_t thread;
  h.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(each && epoll >= 0 && h.event >= 0);
  CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, h.event, &interest));
  CHECK(!pthread_create(&thread, NULL, answer, &h));
  for (uint32_t i = 0; i < count; i++) {
    double start = now_us();
    ask(&h, epoll);
    each[i] = now_us() - start;
  }
  pthread_join(thread, NULL);
  us = median(each, count);
  close(h.event);
  close(epoll);
  free(each);
  return us;
}
