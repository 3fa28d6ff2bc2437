/* A thermometer on a libuv loop: each tick of the loop's timer writes a reading, and no tick waits for the disk.
 * The same job in libuv.c, libev.c, libevent.c, glib.c and epoll.c; here as one coroutine. */
#include <cstdio>
#include <cstdlib>

#include "sidelite.hpp"
#include "sidelite_libuv.h"

namespace {

constexpr int readings = 100, tick_ms = 2;

/* A timer of the loop that can be awaited: each `co_await` returns with the next tick. libuv has it until the loop has
 * ended, so it lives as long. */
class ticker {
 public:
  ticker(uv_loop_t *loop, uint64_t ms) {
    uv_timer_init(loop, &timer_);
    timer_.data = this;
    uv_timer_start(&timer_, on_tick, ms, ms);
  }
  ticker(const ticker &) = delete;
  ticker &operator=(const ticker &) = delete;

  void stop() {
    if (!uv_is_closing(handle())) uv_close(handle(), nullptr);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void await_resume() const noexcept {}

 private:
  uv_handle_t *handle() { return reinterpret_cast<uv_handle_t *>(&timer_); }
  static void on_tick(uv_timer_t *timer) {
    auto waiting = std::exchange(static_cast<ticker *>(timer->data)->waiting_, nullptr);
    if (waiting) waiting.resume();
  }

  uv_timer_t timer_;
  std::coroutine_handle<> waiting_;
};

struct summary {
  int count;
  double average, highest;
};

struct reading {
  int tick;
  double celsius;
};

/* Hands the readings over, one with each tick, without waiting for any; then asks whether all were written. */
sidelite::task<> write_readings(sidelite::connection &db, ticker &clock) {
  std::vector<sidelite::operation<sidelite::execution>> written;
  for (int tick = 1; tick <= readings; tick++) {
    co_await clock;
    written.push_back(db.execute("INSERT INTO reading VALUES (?, ?)", tick, 20 + tick * 37 % 100 / 10.0));
  }
  clock.stop();
  for (auto &each : written) co_await each;
}

sidelite::task<> measure(sidelite::queue &queue, ticker &clock) {
  sidelite::connection db(queue, ":memory:");
  co_await db.script("CREATE TABLE reading(tick INTEGER PRIMARY KEY, celsius REAL NOT NULL)");
  co_await write_readings(db, clock);

  auto rows = co_await db.fetch("SELECT count(*), round(avg(celsius), 2), max(celsius) FROM reading");
  auto all = rows[0].as<summary>();
  std::printf("%d readings, %.2f degrees on average, %.1f at most\n", all.count, all.average, all.highest);

  auto warm =
      db.stream<reading>("SELECT tick, celsius FROM reading WHERE celsius > ? ORDER BY celsius DESC", 29.5);
  while (auto next = co_await warm.next()) std::printf("tick %d: %.1f\n", next->tick, next->celsius);
  co_await db.close();
}

}  // namespace

int main() {
  int code = EXIT_SUCCESS;
  uv_loop_t loop;
  uv_loop_init(&loop);
  {
    sidelite::queue queue;
    ticker clock(&loop, tick_ms);
    sidelite_libuv adapter;
    if (sidelite_libuv_attach(&adapter, queue.get(), &loop, 1000)) return EXIT_FAILURE;

    /* What is thrown anywhere above arrives here. Without timer and adapter nothing keeps the loop. */
    queue.spawn(measure(queue, clock), [&](auto &&outcome) {
      try {
        outcome.value();
      } catch (const std::exception &error) {
        std::fprintf(stderr, "coroutine: %s\n", error.what());
        code = EXIT_FAILURE;
      }
      clock.stop();
      sidelite_libuv_detach(&adapter, nullptr);
    });
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  uv_loop_close(&loop);
  return code;
}
