/*
 * Coroutines: awaiting, stopping, spawning, and above all being destroyed while a request is out.
 *
 * std: c++20
 */
#include "harness.hpp"

#include <atomic>
#include <cstdlib>
#include <random>
#include <stop_token>
#include <thread>

/* Counts what is allocated with new, so that a request costs what it should. */
static std::atomic<int64_t> allocations;

/* Not inlined: g++ would take free, seen beside new, for a mistake. */
__attribute__((noinline)) void *operator new(size_t size) {
  allocations++;
  if (void *memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void *memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

using namespace std::chrono_literals;
using sidelite::task;

void settle(fixture &f) { TURN_UNTIL(f.queue.get(), stats_of(f.db.get()).outstanding == 0); }

task<int> number(sidelite::lane db, int i) { co_return (co_await db.fetch("SELECT ?", i)).value<int>(); }

task<> fails(sidelite::lane db) {
  co_await db.fetch("SELECT 1");
  throw std::runtime_error("mine");
}

void task_awaits_values() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<int> {
    co_await db.script("CREATE TABLE t(x)");
    auto done = co_await db.execute("INSERT INTO t VALUES (?), (?)", 1, 2);
    CHECK_EQ(done.changes, 2);
    co_return (co_await db.fetch("SELECT sum(x) FROM t")).value<int>() + co_await number(db, 4);
  };
  CHECK_EQ(f.queue.wait(all(f.db)), 7);
}

void errors_are_thrown_or_expected() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<> {
    int32_t code = 0;
    try {
      co_await db.execute("nonsense");
    } catch (const sidelite::error &error) {
      code = error.code();
    }
    CHECK_EQ(code, 1);
    auto outcome = co_await db.fetch("SELECT '\xff'").expected();
    CHECK(!outcome && outcome.error().code() == SIDELITE_ERR_BAD_TEXT);
    auto good = co_await db.fetch("SELECT 2").expected();
    CHECK_EQ(good->value<int>(), 2);
    auto mine = co_await fails(db).expected();
    CHECK(!mine && mine.error());
    CHECK((co_await number(db, 2).expected()).value() == 2);
  };
  f.queue.wait(all(f.db));
}

void operations_pipeline_and_are_awaited_in_any_order() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto a = db.fetch("SELECT 1"), b = db.fetch("SELECT 2"), c = db.fetch("nonsense");
    CHECK_EQ((co_await b).value<int>(), 2);
    CHECK(a.has_ended());
    CHECK_EQ((co_await a).value<int>(), 1);
    CHECK(!(co_await std::move(c).expected()));
    CHECK((co_await std::move(a).expected()).error().code() == SIDELITE_ERR_MISUSE);
  };
  f.queue.wait(all(f.db));
}

/* Options and parameters are temporaries with destructors inside of the awaiting expression. */
void temporaries_of_an_await_are_destroyed_once() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<> {
    for (int i = 0; i < 3; i++) {
      std::stop_source stop;
      auto rows = co_await db.with(sidelite::timeout(1min), stop.get_token(), sidelite::no_cache)
                      .fetch("SELECT ? || ?", std::string(40, 'a'), std::optional<std::string>(std::string(40, 'b')));
      CHECK_EQ(rows.value<std::string>().size(), 80);
    }
  };
  f.queue.wait(all(f.db));
}

void exception_reaches_who_awaits() {
  fixture f;
  auto outer = [](sidelite::connection &db) -> task<> { co_await fails(db); };
  for (int i = 0; i < 2; i++) {
    std::string thrown;
    try {
      f.queue.wait(outer(f.db));
    } catch (const std::runtime_error &error) {
      thrown = error.what();
    }
    CHECK_TEXT(thrown, "mine");
  }
}

void task_is_lazy_and_awaited_once() {
  fixture f;
  int started = 0;
  auto one = [](int &count) -> task<std::unique_ptr<int>> {
    count++;
    co_return std::make_unique<int>(3);
  };
  { auto never = one(started); }
  CHECK_EQ(started, 0);
  auto t = one(started);
  CHECK_EQ(*f.queue.wait(t), 3);
  CHECK_EQ(code_of([&] { f.queue.wait(t); }), SIDELITE_ERR_MISUSE);
}

void second_who_awaits_is_refused() {
  fixture f;
  auto operation = f.db.fetch("SELECT 3");
  int got = 0;
  f.queue.spawn([](sidelite::operation<sidelite::rows> &shared, int &out) -> task<> {
    out = (co_await shared).value<int>();
  }(operation, got));
  CHECK_EQ(code_of([&] { f.queue.wait(operation); }), SIDELITE_ERR_MISUSE);
  settle(f);
  CHECK_EQ(got, 3);
  auto slow = number(f.db, 1);
  f.queue.spawn([](task<int> &shared, int &out) -> task<> { out = co_await shared; }(slow, got));
  CHECK_EQ(code_of([&] { f.queue.wait(slow); }), SIDELITE_ERR_MISUSE);
  settle(f);
  CHECK_EQ(got, 1);
}

/* A coroutine type of somebody else: it starts at once, and is destroyed by hand. */
struct foreign {
  struct promise_type {
    foreign get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
  std::coroutine_handle<promise_type> handle;
};

/* What a coroutine says about itself. */
struct witness {
  int frames = 0, resumed = 0;
};

foreign wait_for(sidelite::lane db, const char *sql, witness &seen) {
  counted frame(seen.frames);
  (void)co_await db.fetch(sql).expected();
  seen.resumed++;
}

void any_coroutine_type_awaits() {
  fixture f;
  witness seen;
  auto c = wait_for(f.db, "SELECT 1", seen);
  CHECK_EQ(seen.frames, 1);
  settle(f);
  CHECK(c.handle.done());
  CHECK_EQ(seen.resumed, 1);
  c.handle.destroy();
}

void coroutine_is_destroyed_while_its_request_is_running() {
  fixture f;
  witness seen;
  auto c = wait_for(f.db, ENDLESS, seen);
  WAIT_UNTIL(stats_of(f.db.get()).submitted == 1);
  c.handle.destroy();
  CHECK_EQ(seen.frames, 0);
  settle(f);
  CHECK_EQ(seen.resumed, 0);
  sidelite_stats stats = stats_of(f.db.get());
  CHECK_EQ(stats.submitted, stats.completed);
}

void coroutine_is_destroyed_while_its_request_is_queued() {
  fixture f;
  witness seen;
  gate g;
  gate_shut(&g, f.db.get());
  f.queue.wait(f.db.opened());
  auto c = wait_for(f.db, "CREATE TABLE should_not_be(x)", seen);
  c.handle.destroy();
  gate_open(&g);
  gate_remove(&g, f.queue.get());
  settle(f);
  CHECK_EQ(seen.frames + seen.resumed, 0);
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM sqlite_schema"), 0);
}

void coroutine_is_destroyed_when_its_event_waits_to_be_dispatched() {
  fixture f;
  f.queue.wait(f.db.opened());
  witness seen;
  auto c = wait_for(f.db, "SELECT 1", seen);
  WAIT_UNTIL(stats_of(f.db.get()).completed == 1);
  c.handle.destroy();
  settle(f);
  CHECK_EQ(seen.frames + seen.resumed, 0);
}

void coroutine_is_destroyed_inside_a_callback() {
  fixture f;
  witness seen;
  foreign c{};
  f.db.fetch("SELECT 1").then([&c](auto &&) { c.handle.destroy(); });
  c = wait_for(f.db, "SELECT 2", seen);
  settle(f);
  CHECK_EQ(seen.frames + seen.resumed, 0);
}

/* All of these in any order, many times. */
void coroutines_are_destroyed_at_random() {
  unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  fixture f;
  witness seen;
  std::vector<foreign> out;
  int destroyed_waiting = 0, started = SCALED(3000);
  for (int i = 0; i < started; i++) {
    out.push_back(wait_for(f.db, random() % 4 ? "SELECT 1" : COUNT_TO("1000"), seen));
    if (random() % 3 == 0) f.queue.dispatch(random() % 4);
    if (random() % 2) continue;
    std::swap(out[random() % out.size()], out.back());
    destroyed_waiting += !out.back().handle.done();
    out.back().handle.destroy();
    out.pop_back();
  }
  settle(f);
  CHECK_EQ(seen.resumed, started - destroyed_waiting);
  for (auto &c : out) {
    CHECK(c.handle.done());
    c.handle.destroy();
  }
  CHECK_EQ(seen.frames, 0);
}

void task_is_destroyed_where_it_stands_with_those_that_it_awaits() {
  fixture f;
  witness seen;
  auto inner = [](sidelite::connection &db, witness &w) -> task<> {
    counted frame(w.frames);
    co_await db.fetch(ENDLESS);
    w.resumed++;
  };
  auto outer = [&inner](sidelite::connection &db, witness &w) -> task<> {
    counted frame(w.frames);
    co_await inner(db, w);
    w.resumed++;
  };
  {
    std::optional<task<>> t(outer(f.db, seen));
    f.db.fetch("SELECT 1").then([](auto &&) { throw std::runtime_error("leave the wait"); });
    try {
      f.queue.wait(*t);
    } catch (const std::runtime_error &) {
    }
    CHECK_EQ(seen.frames, 2);
  }
  CHECK_EQ(seen.frames, 0);
  settle(f);
  CHECK_EQ(seen.resumed, 0);
}

void request_is_one_allocation() {
  fixture f;
  int64_t counted_from = 0;
  constexpr int n = 100;
  auto all = [](sidelite::connection &db, int64_t &from) -> task<int64_t> {
    int64_t sum = 0;
    for (int i = -5; i < n; i++) {
      if (i == 0) from = allocations;
      auto rows = co_await db.fetch("SELECT ?, ?", i, "text");
      sum += rows[0][0].get<int>();
      auto done = co_await db.execute("SELECT 1");
      sum += done.changes;
    }
    from = allocations - from;
    co_return sum;
  };
  CHECK_EQ(f.queue.wait(all(f.db, counted_from)), n * (n - 1) / 2 - 15);
  CHECK_EQ(counted_from, 2 * n);
}

void callback_is_in_the_allocation_of_its_request() {
  fixture f;
  int called = 0;
  f.queue.wait(f.db.opened());
  int64_t before = allocations;
  f.db.fetch("SELECT 1").then([&called, &f](auto &&) { called += f.db.get() != nullptr; });
  CHECK_EQ(allocations - before, 1);
  settle(f);
  CHECK_EQ(allocations - before, 1);
  CHECK_EQ(called, 1);
}

/* ---- Stopping ---- */

void stopped_before_it_is_submitted() {
  fixture f;
  std::stop_source stop;
  stop.request_stop();
  auto next = f.db.fetch("SELECT 1");
  auto stopped = f.db.with(stop.get_token()).fetch(ENDLESS);
  CHECK_EQ(code_of([&] { f.queue.wait(stopped); }), SIDELITE_ERR_CANCELLED);
  /* However fast its thread is. */
  f.queue.wait(f.db.execute("CREATE TABLE stopped(n)"));
  for (int i = 0; i < 100; i++)
    CHECK_EQ(code_of([&] { f.queue.wait(f.db.with(stop.get_token()).execute("INSERT INTO stopped VALUES (?)", i)); }),
             SIDELITE_ERR_CANCELLED);
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM stopped"), 0);
  CHECK_EQ(f.queue.wait(next).value<int>(), 1);
}

void stopped_while_queued_and_its_neighbour_is_not() {
  fixture f;
  std::stop_source stop;
  gate g;
  gate_shut(&g, f.db.get());
  auto before = f.db.fetch("SELECT 1");
  auto stopped = f.db.with(stop.get_token()).fetch("SELECT 2");
  auto after = f.db.fetch("SELECT 3");
  stop.request_stop();
  gate_open(&g);
  auto outcome = f.queue.wait(std::move(stopped).expected());
  CHECK_EQ(outcome.error().code(), SIDELITE_ERR_CANCELLED);
  CHECK(outcome.error().not_run());
  CHECK_EQ(f.queue.wait(before).value<int>() + f.queue.wait(after).value<int>(), 4);
  gate_remove(&g, f.queue.get());
}

void stopped_while_running_by_another_thread() {
  fixture f;
  std::stop_source stop;
  auto running = f.db.with(stop.get_token()).fetch(ENDLESS);
  std::jthread thread([stop]() mutable {
    sleep_ms(20);
    stop.request_stop();
  });
  auto outcome = f.queue.wait(std::move(running).expected());
  CHECK_EQ(outcome.error().code(), SIDELITE_ERR_CANCELLED);
  CHECK(!outcome.error().not_run());
  CHECK_EQ(f.ask<int>("SELECT 1"), 1);
}

void stopped_while_waiting_for_a_lock() {
  const char *directory = scratch_new();
  {
    sidelite::queue queue;
    std::string path = std::string(directory) + "/locked.db";
    sidelite::open_options patient;
    patient.busy_timeout = 1h;
    sidelite::connection holder(queue, path.c_str()), waiter(queue, path.c_str(), patient);
    queue.wait(holder.script("CREATE TABLE t(x)"));
    auto tx = queue.wait(holder.transaction(sidelite::begin::exclusive));
    std::stop_source stop;
    auto waiting = waiter.with(stop.get_token()).execute("INSERT INTO t VALUES (1)");
    sleep_ms(50);
    CHECK_EQ(queue.dispatch() >= 0 && !waiting.has_ended(), 1);
    stop.request_stop();
    CHECK_EQ(code_of([&] { queue.wait(waiting); }), SIDELITE_ERR_CANCELLED);
  }
  scratch_remove(directory);
}

void stop_after_the_end_does_nothing() {
  fixture f;
  std::stop_source stop;
  auto ended = f.db.with(stop.get_token()).fetch("SELECT 1");
  CHECK_EQ(f.queue.wait(ended).value<int>(), 1);
  auto dropped = std::optional(f.db.with(stop.get_token()).fetch("SELECT 2"));
  dropped.reset();
  settle(f);
  stop.request_stop();
  CHECK_EQ(f.ask<int>("SELECT 3"), 3);
}

/* Each ends once, with its value or CANCELLED, whoever was first. */
void stops_race_with_their_requests() {
  fixture f;
  int done = 0, cancelled = 0, n = SCALED(2000);
  stopping_thread other;
  auto all = [&](sidelite::connection &db) -> task<> {
    for (int i = 0; i < n; i++) {
      std::stop_source stop;
      auto operation = db.with(stop.get_token()).fetch("SELECT 1");
      other.stop_soon(stop);
      auto outcome = co_await std::move(operation).expected();
      CHECK(outcome || outcome.error().code() == SIDELITE_ERR_CANCELLED);
      (outcome ? done : cancelled)++;
    }
  };
  f.queue.wait(all(f.db));
  CHECK_EQ(done + cancelled, n);
  std::printf("%d done, %d cancelled\n", done, cancelled);
}

/* The same, with coroutines destroyed meanwhile. */
void stops_race_with_destruction() {
  fixture f;
  int n = SCALED(2000);
  stopping_thread other;
  for (int i = 0; i < n; i++) {
    std::stop_source stop;
    auto operation = std::optional(f.db.with(stop.get_token()).fetch("SELECT 1"));
    other.stop_soon(stop);
    if (i % 3 == 0) f.queue.dispatch();
    operation.reset();
  }
  settle(f);
}

/* ---- Spawning ---- */

void spawned_task_tells_its_end() {
  fixture f;
  int value = 0, failed = 0;
  f.queue.spawn(number(f.db, 5), [&](auto &&outcome) { value = std::move(outcome).value(); });
  f.queue.spawn(fails(f.db), [&](auto &&outcome) { failed += !outcome.has_value(); });
  f.queue.spawn([]() -> task<> { co_return; }(), [&](auto &&outcome) { value += 100 * outcome.has_value(); });
  CHECK_EQ(value, 100);
  settle(f);
  CHECK_EQ(value, 5);
  CHECK_EQ(failed, 1);
}

template <class Call>
bool throws(Call call) {
  try {
    call();
  } catch (const std::runtime_error &) {
    return true;
  }
  return false;
}

void exception_of_a_spawned_task_passes_through_the_dispatch() {
  fixture f;
  int alive = 0, after = 0;
  f.queue.spawn(fails(f.db));
  f.queue.spawn(number(f.db, 5), [&after, c = counted(alive)](auto &&) {
    after++;
    throw std::runtime_error("in the callback");
  });
  int thrown = 0;
  for (double end = now_ms() + 60000; thrown < 2 && now_ms() < end;)
    thrown += throws([&] { turn(f.queue.get(), 100); });
  CHECK_EQ(thrown, 2);
  CHECK_EQ(after, 1);
  CHECK_EQ(alive, 0);
  CHECK(throws([&] { f.queue.spawn([]() -> task<> { throw std::runtime_error("at once"); co_return; }()); }));
}

/* Suspends until somebody else than a queue resumes it. */
struct elsewhere {
  std::coroutine_handle<> &waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { waiting = handle; }
  void await_resume() const noexcept {}
};

void exception_of_a_task_resumed_elsewhere_passes_with_the_next() {
  fixture f;
  std::coroutine_handle<> waiting;
  f.queue.spawn([](std::coroutine_handle<> &w) -> task<> {
    co_await elsewhere{w};
    throw std::runtime_error("mine");
  }(waiting));
  waiting.resume();
  CHECK(throws([&] { f.queue.wait(number(f.db, 1)); }));
}

void spawned_tasks_are_destroyed_with_their_queue() {
  witness seen;
  int ended = 0, alive = 0;
  auto endless = [](sidelite::connection &db, witness &w) -> task<> {
    counted frame(w.frames);
    co_await db.fetch(ENDLESS);
    w.resumed++;
  };
  {
    fixture f;
    for (int i = 0; i < 3; i++)
      f.queue.spawn(endless(f.db, seen), [&ended, c = counted(alive)](auto &&) { ended++; });
    CHECK_EQ(seen.frames, 3);
  }
  CHECK_EQ(seen.frames + seen.resumed + ended + alive, 0);
}

void spawned_task_owns_its_connection() {
  sidelite::queue queue;
  int done = 0;
  queue.spawn([](sidelite::queue &on, int &out) -> task<> {
    sidelite::connection db(on, ":memory:");
    co_await db.opened();
    out = (co_await db.fetch("SELECT 1")).value<int>();
    co_await db.close();
    out++;
  }(queue, done));
  TURN_UNTIL(queue.get(), done == 2);
}

void many_awaits_in_a_row_need_no_stack() {
  fixture f;
  auto nothing = []() -> task<int> { co_return 1; };
  auto all = [&nothing](sidelite::connection &db) -> task<int> {
    int sum = 0;
    for (int i = 0; i < 1000; i++) sum += co_await nothing();
    for (int i = 0; i < 1000; i++) sum += co_await number(db, 1);
    co_return sum;
  };
  CHECK_EQ(f.queue.wait(all(f.db)), 2000);
}

void queue_that_is_destroyed_inside_its_dispatch_is_freed_after_it() {
  auto queue = std::make_unique<sidelite::queue>();
  sidelite::queue &alias = *queue;
  sidelite_queue *handle = queue->get();
  sidelite::connection db(*queue, ":memory:");
  db.fetch("SELECT 1").then([&queue](auto &&) { queue.reset(); });
  WAIT_UNTIL(alias.dispatch() >= 0 && !queue);
  CHECK_EQ(sidelite_dispatch(handle, 0, 0), SIDELITE_ERR_BAD_HANDLE);
}

/* A task that never slept ends on the caller's stack, outside of any dispatch. */
void end_of_a_task_destroys_its_queue() {
  auto queue = std::make_unique<sidelite::queue>();
  sidelite::connection db(*queue, ":memory:");
  auto nothing = []() -> sidelite::task<> { co_return; };
  bool ended = false;
  queue->spawn(nothing(), [&](auto &&outcome) {
    outcome.value();
    queue.reset();
    ended = true;
  });
  CHECK(ended && !queue);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(task_awaits_values),
      TEST(end_of_a_task_destroys_its_queue),
      TEST(errors_are_thrown_or_expected),
      TEST(operations_pipeline_and_are_awaited_in_any_order),
      TEST(temporaries_of_an_await_are_destroyed_once),
      TEST(exception_reaches_who_awaits),
      TEST(task_is_lazy_and_awaited_once),
      TEST(second_who_awaits_is_refused),
      TEST(any_coroutine_type_awaits),
      TEST(coroutine_is_destroyed_while_its_request_is_running),
      TEST(coroutine_is_destroyed_while_its_request_is_queued),
      TEST(coroutine_is_destroyed_when_its_event_waits_to_be_dispatched),
      TEST(coroutine_is_destroyed_inside_a_callback),
      TEST(coroutines_are_destroyed_at_random),
      TEST(task_is_destroyed_where_it_stands_with_those_that_it_awaits),
      TEST(request_is_one_allocation),
      TEST(callback_is_in_the_allocation_of_its_request),
      TEST(stopped_before_it_is_submitted),
      TEST(stopped_while_queued_and_its_neighbour_is_not),
      TEST(stopped_while_running_by_another_thread),
      TEST(stopped_while_waiting_for_a_lock),
      TEST(stop_after_the_end_does_nothing),
      TEST(stops_race_with_their_requests),
      TEST(stops_race_with_destruction),
      TEST(spawned_task_tells_its_end),
      TEST(exception_of_a_spawned_task_passes_through_the_dispatch),
      TEST(exception_of_a_task_resumed_elsewhere_passes_with_the_next),
      TEST(spawned_tasks_are_destroyed_with_their_queue),
      TEST(spawned_task_owns_its_connection),
      TEST(many_awaits_in_a_row_need_no_stack),
      TEST(queue_that_is_destroyed_inside_its_dispatch_is_freed_after_it),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
