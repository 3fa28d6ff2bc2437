/* What co_await costs over a plain callback: the same point reads in memory by both, on the same connection and loop.
 *
 *   await [READS [ROUNDS]] */
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sidelite.hpp"

namespace {

constexpr int64_t rows = 1000;
constexpr const char *read_sql = "SELECT i * 2 FROM t WHERE i = ?";

double now_us() {
  using namespace std::chrono;
  return duration<double, std::micro>(steady_clock::now().time_since_epoch()).count();
}

void check(bool holds, const char *what) {
  if (holds) return;
  std::fprintf(stderr, "await: %s\n", what);
  std::exit(1);
}

/* The host's loop: waits for the descriptor, then runs what has come back. */
template <class Done>
void loop_until(sidelite::queue &queue, Done is_done) {
  pollfd ready{queue.fd(), POLLIN, 0};
  while (!is_done()) {
    check(poll(&ready, 1, -1) == 1, "poll");
    check(queue.dispatch() >= 0, "dispatch");
  }
}

/* Reads by callback: each one that ends begins the next. */
struct callbacks {
  sidelite_conn *conn;
  int64_t submitted = 0, finished = 0, reads, sum = 0;

  void submit() {
    sidelite_value id = sidelite_int(submitted++ % rows);
    check(sidelite_fetch(conn, read_sql, &id, 1, on_read, this) > 0, "fetch");
  }
  static void on_read(const sidelite_event *event, void *user_data) {
    auto &all = *static_cast<callbacks *>(user_data);
    check(event->code == SIDELITE_OK, sidelite_event_message(event));
    all.sum += sidelite_row_int64(event->result, 0, 0);
    all.finished++;
    if (all.submitted < all.reads) all.submit();
  }
};

int64_t read_by_callback(sidelite::queue &queue, sidelite::connection &db, int64_t reads, int depth) {
  callbacks all{db.get(), 0, 0, reads, 0};
  while (all.submitted < depth) all.submit();
  loop_until(queue, [&] { return all.finished == reads; });
  return all.sum;
}

/* Reads by coroutine: each of them awaits one after the other. */
struct coroutines {
  sidelite::connection &db;
  int64_t submitted = 0, finished = 0, reads, sum = 0;

  sidelite::task<> read() {
    while (submitted < reads) {
      sidelite::rows found = co_await db.fetch(read_sql, submitted++ % rows);
      sum += sidelite_row_int64(found.get(), 0, 0);
      finished++;
    }
  }
};

int64_t read_by_coroutine(sidelite::queue &queue, sidelite::connection &db, int64_t reads, int depth) {
  coroutines all{db, 0, 0, reads, 0};
  for (int i = 0; i < depth; i++) queue.spawn(all.read());
  loop_until(queue, [&] { return all.finished == reads; });
  return all.sum;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void compare(sidelite::queue &queue, sidelite::connection &db, int64_t reads, int rounds, int depth) {
  std::vector<double> plain, awaited, ratio;
  for (int round = 0; round < rounds; round++) {
    double start = now_us(), middle, end;
    int64_t expected = read_by_callback(queue, db, reads, depth);
    middle = now_us();
    check(read_by_coroutine(queue, db, reads, depth) == expected, "the sums differ");
    end = now_us();
    plain.push_back((middle - start) / static_cast<double>(reads));
    awaited.push_back((end - middle) / static_cast<double>(reads));
    ratio.push_back(awaited.back() / plain.back());
  }
  std::printf("co_await, %2d in flight   callback %6.2f us   co_await %6.2f us   ratio %5.2f\n", depth, median(plain),
              median(awaited), median(ratio));
}

}  // namespace

int main(int argc, char **argv) {
  int64_t reads = argc > 1 ? std::atoll(argv[1]) : 100000;
  int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  check(reads >= 64 && rounds > 0, "usage: await [READS [ROUNDS]]");
  sidelite::queue queue;
  sidelite::connection db(queue, ":memory:");
  queue.wait(db.script("CREATE TABLE t(i INTEGER PRIMARY KEY); INSERT INTO t SELECT value FROM "
                       "(WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n LIMIT 1000) SELECT * FROM n)"));
  compare(queue, db, reads / 10, rounds, 1);
  compare(queue, db, reads, rounds, 64);
  return 0;
}
