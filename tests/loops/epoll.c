/* bindings/loops/sidelite_epoll.h, in the loop of one's own for which it is. */
#include "../c/harness.h"
#include "sidelite_epoll.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

enum { TIMER = 1, QUEUE = 2 }; /* what `data` says */

typedef sidelite_epoll adapter;

typedef struct loop {
  int epoll, timer, is_stopped;
  adapter *attached;
  void (*tick)(void *context);
  void *context;
} loop;

static epoll_data_t data_of(uint32_t what) {
  epoll_data_t data;
  data.u64 = what;
  return data;
}

static loop *loop_new(void) {
  struct epoll_event interest;
  loop *l = (loop *)calloc(1, sizeof *l);
  CHECK(l != NULL);
  interest.events = EPOLLIN;
  interest.data = data_of(TIMER);
  l->epoll = epoll_create1(EPOLL_CLOEXEC);
  l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  CHECK(l->epoll >= 0 && l->timer >= 0);
  CHECK(!epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &interest));
  return l;
}

static int32_t adapter_attach(adapter *a, sidelite_queue *queue, loop *l, uint32_t budget_us) {
  return sidelite_epoll_attach(a, queue, l->epoll, data_of(QUEUE), budget_us);
}

static void adapter_free(adapter *a) {
  sidelite_epoll_detach(a);
  free(a);
}

static void loop_close(loop *l) {
  close(l->epoll);
  close(l->timer);
}

static void loop_stop(loop *l) { l->is_stopped = 1; }

static void on_ready(loop *l, const struct epoll_event *event) {
  uint64_t expirations;
  if (event->data.u64 == QUEUE) {
    if (l->attached) CHECK(sidelite_epoll_ready(l->attached) >= 0);
  } else if (read(l->timer, &expirations, sizeof expirations) > 0) {
    l->tick(l->context);
  }
}

static void loop_run(loop *l) {
  for (l->is_stopped = 0; !l->is_stopped;) {
    struct epoll_event events[8];
    int i, n = epoll_wait(l->epoll, events, 8, 60000);
    CHECK(n > 0);
    for (i = 0; i < n; i++) on_ready(l, &events[i]);
  }
}

static void loop_tick(loop *l, int ms, void (*tick)(void *context), void *context) {
  struct itimerspec each;
  memset(&each, 0, sizeof each);
  each.it_interval.tv_nsec = each.it_value.tv_nsec = ms * 1000000L;
  l->tick = tick;
  l->context = context;
  CHECK(!timerfd_settime(l->timer, 0, &each, NULL));
}

#include "suite.h"

/* ---- What epoll has of its own ---- */

static void epoll_attach_refuses_what_is_no_epoll_and_a_second_time(void) {
  sidelite_epoll second;
  stage s;
  stage_begin(&s);
  CHECK_EQ(sidelite_epoll_attach(&second, s.queue, s.l->epoll, data_of(QUEUE), 0), SIDELITE_ERR_MISUSE);
  sidelite_epoll_detach(&second); /* which has nothing to take off */
  submit(&s, "SELECT 1", 1);
  s.stop_at = 1;
  loop_run(s.l);
  CHECK_EQ(s.finals, 1);
  CHECK_EQ(sidelite_epoll_attach(&second, s.queue, s.l->timer, data_of(QUEUE), 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_epoll_attach(&second, s.queue, -1, data_of(QUEUE), 0), SIDELITE_ERR_MISUSE);
  stage_end(&s);
}

/* epoll_wait has told of the queue, and what came before it in the same array takes it off the loop. */
static void epoll_ready_of_a_detached_queue_runs_nothing(void) {
  struct epoll_event ready;
  stage s;
  stage_begin(&s);
  submit(&s, "SELECT 1", 1);
  WAIT_UNTIL(stats_of(s.conn).completed == 1);
  CHECK_EQ(epoll_wait(s.l->epoll, &ready, 1, 60000), 1);
  sidelite_epoll_detach(s.l->attached);
  CHECK_EQ(sidelite_epoll_ready(s.l->attached), 0);
  CHECK_EQ(s.finals, 0);
  loop_detach(s.l);
  loop_attach(s.l, s.queue, BUDGET_US);
  stage_end(&s);
}

/* A freed queue's descriptor may be another file's by now, which must stay in the set. */
static void epoll_detach_after_the_queue_is_freed_touches_nobody_else(void) {
  struct epoll_event interest, ready;
  uint64_t one = 1;
  sidelite_epoll adapter;
  sidelite_queue *queue = queue_new();
  int epoll = epoll_create1(EPOLL_CLOEXEC), other = eventfd(0, EFD_CLOEXEC), fd = (int)sidelite_queue_fd(queue);
  CHECK_EQ(sidelite_epoll_attach(&adapter, queue, epoll, data_of(QUEUE), 0), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  CHECK_EQ(fcntl(other, F_DUPFD_CLOEXEC, fd), fd);
  interest.events = EPOLLIN;
  interest.data = data_of(TIMER);
  CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest));
  sidelite_epoll_detach(&adapter);
  CHECK_EQ(write(fd, &one, sizeof one), sizeof one);
  CHECK_EQ(epoll_wait(epoll, &ready, 1, 60000), 1);
  close(epoll);
  close(other);
  close(fd);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      SUITE,
      TEST(epoll_attach_refuses_what_is_no_epoll_and_a_second_time),
      TEST(epoll_ready_of_a_detached_queue_runs_nothing),
      TEST(epoll_detach_after_the_queue_is_freed_touches_nobody_else),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
