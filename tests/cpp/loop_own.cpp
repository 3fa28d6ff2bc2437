/*
 * Coroutines on loops of one's own, over epoll and poll, and without any loop.
 *
 * std: c++20
 */
#include "loop_job.hpp"
#include "sidelite_epoll.h"
#include "sidelite_pollfd.h"

static void coroutine_runs_on_epoll() {
  bool done = false;
  sidelite::queue queue;
  sidelite_epoll adapter;
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll_fd >= 0);
  CHECK_EQ(sidelite_epoll_attach(&adapter, queue.get(), epoll_fd, epoll_data_t{}, 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_epoll_detach(&adapter); });
  while (!done) {
    epoll_event event;
    CHECK_EQ(epoll_wait(epoll_fd, &event, 1, 60000), 1);
    CHECK(sidelite_epoll_ready(&adapter) >= 0);
  }
  close(epoll_fd);
}

static void coroutine_runs_on_poll() {
  bool done = false;
  sidelite::queue queue;
  sidelite_pollfd adapter;
  CHECK_EQ(sidelite_pollfd_attach(&adapter, queue.get(), 1000), SIDELITE_OK);
  start_job(queue, done, [&adapter] { sidelite_pollfd_detach(&adapter); });
  while (!done) {
    pollfd entry;
    sidelite_pollfd_prepare(&adapter, &entry);
    CHECK_EQ(poll(&entry, 1, 60000), 1);
    CHECK(sidelite_pollfd_ready(&adapter, &entry) >= 0);
  }
}

static void coroutine_runs_on_dispatch_by_hand() {
  bool done = false;
  sidelite::queue queue;
  start_job(queue, done, [] {});
  while (!done) {
    pollfd entry{queue.fd(), POLLIN, 0};
    CHECK_EQ(poll(&entry, 1, 60000), 1);
    CHECK(queue.dispatch() >= 0);
  }
}

static void coroutine_runs_without_a_loop() {
  sidelite::queue queue;
  CHECK_EQ(queue.wait(loop_job(queue)), 5050);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(coroutine_runs_on_epoll),
      TEST(coroutine_runs_on_poll),
      TEST(coroutine_runs_on_dispatch_by_hand),
      TEST(coroutine_runs_without_a_loop),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
