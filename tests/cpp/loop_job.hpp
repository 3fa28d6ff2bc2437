/* What a coroutine does on every loop: requests one after another and side by side, a transaction, a stream. */
#ifndef LOOP_JOB_HPP
#define LOOP_JOB_HPP

#include <pthread.h>

#include "harness.hpp"

inline sidelite::task<int64_t> loop_job(sidelite::queue &queue) {
  pthread_t thread = pthread_self();
  sidelite::connection db(queue, ":memory:");
  co_await db.opened();
  co_await db.script("CREATE TABLE t(x INTEGER)");
  {
    auto tx = co_await db.transaction(sidelite::begin::immediate);
    for (int i = 1; i <= 100; i++) co_await tx.execute("INSERT INTO t VALUES (?)", i);
    co_await tx.commit();
  }
  auto first = db.fetch("SELECT max(x) FROM t"), second = db.fetch("SELECT count(*) FROM t");
  CHECK_EQ((co_await second).value<int>(), 100);
  CHECK_EQ((co_await first).value<int>(), 100);
  int64_t sum = 0;
  auto stream = db.with(sidelite::chunks(7)).stream<int>("SELECT x FROM t");
  while (auto x = co_await stream.next()) sum += *x;
  co_await db.close();
  CHECK(pthread_equal(thread, pthread_self()));
  co_return sum;
}

/* Starts it; at its end, inside a callback of the loop, `detach` is called. */
template <class Detach>
void start_job(sidelite::queue &queue, bool &done, Detach detach) {
  queue.spawn(loop_job(queue), [&done, detach](auto &&sum) {
    CHECK_EQ(std::move(sum).value(), 5050);
    detach();
    done = true;
  });
}

#endif
