/*
 * Streams: rows as they are wanted, by coroutines and by callbacks; left early, failed, destroyed.
 *
 * std: c++20
 */
#include "harness.hpp"

#include <stop_token>

namespace {

using namespace std::chrono_literals;
using sidelite::task;

#define ROWS_WITHOUT_END "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'row ' || i FROM n"
/* The 5,000th row cannot be made. */
#define ROWS_THAT_FAIL                                               \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) " \
  "SELECT i + abs(iif(i = 5000, -9223372036854775807 - 1, 0)) FROM n"

struct numbered {
  int64_t number;
  std::string text;
};

void settle(fixture &f) { TURN_UNTIL(f.queue.get(), stats_of(f.db.get()).outstanding == 0); }

void stream_gives_every_row_in_order() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<int> {
    auto stream = db.stream<numbered>("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) "
                                      "SELECT i, 'row ' || i FROM n", 10000);
    int n = 0;
    while (auto next = co_await stream.next()) {
      CHECK_EQ(next->number, ++n);
      CHECK_TEXT(next->text, "row " + std::to_string(n));
    }
    CHECK(!(co_await stream.next()));
    co_return n;
  };
  CHECK_EQ(f.queue.wait(all(f.db)), 10000);
}

void stream_of_no_rows_ends() {
  fixture f;
  auto stream = f.db.stream("SELECT 1 WHERE 0");
  CHECK(!f.queue.wait(stream.next()));
  CHECK(!f.queue.wait(stream.next()));
}

/* Whose number of rows fills chunks and window exactly: the end wants credit, too. */
void stream_of_every_number_of_rows_ends() {
  fixture f;
  for (int wanted : {1, 9, 10, 19, 20, 21, 30, 40})
    for (uint32_t window : {0u, 1u, 5u, SIDELITE_UNLIMITED}) {
      auto stream = f.db.with(sidelite::chunks(10, window))
                        .stream<int>("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) "
                                     "SELECT i FROM n", wanted);
      int n = 0;
      while (f.queue.wait(stream.next())) n++;
      CHECK_EQ(n, wanted);
    }
}

void rows_and_views_live_until_the_next() {
  fixture f;
  auto stream = f.db.stream(ROWS_WITHOUT_END);
  for (int i = 1; i <= 1000; i++) {
    auto row = f.queue.wait(stream.next());
    CHECK_EQ((*row)[0].get<int>(), i);
    CHECK_TEXT(std::string((*row)["'row ' || i"].get<std::string_view>()), "row " + std::to_string(i));
  }
  auto views = f.db.stream<std::tuple<int64_t, std::string_view>>(ROWS_WITHOUT_END);
  for (int i = 1; i <= 1000; i++)
    CHECK_TEXT(std::string(std::get<1>(*f.queue.wait(views.next()))), "row " + std::to_string(i));
}

/* It pauses when nobody reads, and others run meanwhile. */
void stream_without_end_is_left() {
  fixture f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto stream = db.stream<numbered>(ROWS_WITHOUT_END);
    for (int i = 1; i <= 3000; i++) {
      CHECK_EQ((co_await stream.next())->number, i);
      if (i % 500 == 0) CHECK_EQ((co_await db.fetch("SELECT ?", i)).value<int>(), i);
    }
  };
  f.queue.wait(all(f.db));
  settle(f);
  CHECK_EQ(f.ask<int>("SELECT 1"), 1);
}

void error_comes_after_the_rows_before_it() {
  fixture f;
  auto stream = f.db.stream<int>(ROWS_THAT_FAIL);
  int n = 0;
  std::string message = message_of([&] {
    while (auto next = f.queue.wait(stream.next())) CHECK_EQ(*next, ++n);
  });
  CHECK_TEXT(message, "integer overflow");
  CHECK(n > 0 && n < 5000);
  CHECK_TEXT(message_of([&] { f.queue.wait(stream.next()); }), "integer overflow");
  auto outcome = f.queue.wait(stream.next().expected());
  CHECK(!outcome && outcome.error().code() == 1);
}

void refused_stream_fails_at_its_first_row() {
  fixture f;
  auto stream = f.db.stream<int>("SELECT '\xff'");
  CHECK_EQ(stream.id(), 0);
  CHECK_EQ(code_of([&] { f.queue.wait(stream.next()); }), SIDELITE_ERR_BAD_TEXT);
  auto bad = f.db.stream<int>("SELECT ?", uint64_t(UINT64_MAX));
  CHECK_EQ(code_of([&] { f.queue.wait(bad.next()); }), SIDELITE_ERR_MISUSE);
  auto moved = std::move(bad);
  CHECK_EQ(code_of([&] { f.queue.wait(bad.next()); }), SIDELITE_ERR_MISUSE);
  CHECK_EQ(code_of([&] { f.queue.wait(std::move(bad).for_each([](int) {})); }), SIDELITE_ERR_MISUSE);
}

/* The stream is not over by it. */
void row_that_is_no_t_is_an_error() {
  fixture f;
  auto stream = f.db.stream<int>("SELECT 1 UNION ALL SELECT 'two' UNION ALL SELECT 3");
  CHECK_EQ(f.queue.wait(stream.next()).value(), 1);
  CHECK_EQ(code_of([&] { f.queue.wait(stream.next()); }), sidelite::mismatch);
  CHECK_EQ(f.queue.wait(stream.next()).value(), 3);
  CHECK(!f.queue.wait(stream.next()));
}

void coroutine_is_destroyed_while_it_waits_for_a_row() {
  int frames = 0, rows = 0;
  fixture f;
  auto all = [](sidelite::connection &db, int &alive, int &n) -> task<> {
    counted frame(alive);
    auto stream = db.stream<int>("SELECT 1 UNION ALL SELECT * FROM (" ENDLESS ")");
    while (co_await stream.next()) n++;
  };
  {
    sidelite::connection other(f.queue, ":memory:");
    std::optional<task<>> t(all(other, frames, rows));
    f.db.fetch("SELECT 1").then([](auto &&) { throw std::runtime_error("leave the wait"); });
    try {
      f.queue.wait(*t);
    } catch (const std::runtime_error &) {
    }
    CHECK_EQ(frames, 1);
    t.reset();
    CHECK_EQ(frames, 0);
    TURN_UNTIL(f.queue.get(), stats_of(other.get()).outstanding == 0);
  }
  CHECK_EQ(rows, 0);
}

void stream_is_destroyed_by_the_coroutine_that_it_resumed() {
  fixture f;
  int ended = 0;
  auto first_row = [](sidelite::connection &db) -> task<int64_t> {
    auto stream = db.with(sidelite::chunks(1)).stream<numbered>(ROWS_WITHOUT_END);
    co_return (co_await stream.next())->number;
  };
  for (int i = 0; i < 20; i++) f.queue.spawn(first_row(f.db), [&](auto &&one) { ended += one.has_value(); });
  settle(f);
  CHECK_EQ(ended, 20);
}

void stream_is_stopped() {
  fixture f;
  std::stop_source stop;
  auto stream = f.db.with(stop.get_token()).stream<numbered>(ROWS_WITHOUT_END);
  CHECK_EQ(f.queue.wait(stream.next())->number, 1);
  stop.request_stop();
  int32_t code = 0;
  for (int n = 0; !code && n < 100000; n++) code = code_of([&] { f.queue.wait(stream.next()); });
  CHECK_EQ(code, SIDELITE_ERR_CANCELLED);
  auto late = f.db.with(sidelite::timeout(1ms)).stream<numbered>(ROWS_WITHOUT_END);
  code = 0;
  for (int n = 0; !code && n < 10000000; n++) code = code_of([&] { f.queue.wait(late.next()); });
  CHECK_EQ(code, SIDELITE_ERR_TIMEOUT);
}

void next_is_awaited_one_at_a_time() {
  fixture f;
  gate g;
  gate_shut(&g, f.db.get());
  auto stream = f.db.stream<int>("SELECT 4");
  int got = 0;
  auto reader = [](sidelite::stream<int> &shared, int &out) -> task<> { out = (co_await shared.next()).value(); };
  f.queue.spawn(reader(stream, got));
  CHECK_EQ(code_of([&] { f.queue.wait(stream.next()); }), SIDELITE_ERR_MISUSE);
  gate_open(&g);
  gate_remove(&g, f.queue.get());
  settle(f);
  CHECK_EQ(got, 4);
}

/* ---- By callbacks ---- */

void for_each_calls_with_every_row() {
  fixture f;
  int64_t sum = 0;
  auto all = f.db.stream<numbered>("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) "
                                   "SELECT i, 'row ' || i FROM n")
                 .for_each([&sum](const numbered &next) { sum += next.number; });
  CHECK_EQ(f.queue.wait(all), 5000);
  CHECK_EQ(sum, 5000 * 5001 / 2);
}

void for_each_stops_when_it_is_told() {
  fixture f;
  int n = 0;
  CHECK_EQ(f.queue.wait(f.db.stream(ROWS_WITHOUT_END).for_each([&n](sidelite::row) { return ++n < 700; })), 700);
  CHECK_EQ(n, 700);
}

void for_each_of_rows_that_are_here_already() {
  fixture f;
  auto stream = f.db.stream<int>("SELECT 1 UNION ALL SELECT 2");
  settle(f);
  int sum = 0;
  auto all = std::move(stream).for_each([&sum](int i) { sum += i; });
  CHECK_EQ(sum, 3);
  CHECK(all.has_ended());
  CHECK_EQ(f.queue.wait(all), 2);
  auto stopped = f.db.stream<int>("SELECT 1 UNION ALL SELECT 2");
  settle(f);
  CHECK_EQ(f.queue.wait(std::move(stopped).for_each([](int) { return false; })), 1);
}

void for_each_fails_with_the_stream() {
  fixture f;
  int n = 0;
  CHECK_TEXT(message_of([&] { f.queue.wait(f.db.stream<int>(ROWS_THAT_FAIL).for_each([&n](int) { n++; })); }),
             "integer overflow");
  CHECK(n > 0);
  CHECK_EQ(code_of([&] {
             f.queue.wait(f.db.stream<int>("SELECT 1 UNION ALL SELECT 'two'").for_each([](int) {}));
           }),
           sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.stream<int>("SELECT '\xff'").for_each([](int) {})); }),
           SIDELITE_ERR_BAD_TEXT);
}

void exception_in_for_each_passes_through_and_ends_it() {
  fixture f;
  for (const char *sql : {ROWS_WITHOUT_END, "SELECT 1, 'row 1'"}) {
    int alive = 0, called = 0;
    auto all = f.db.stream<numbered>(sql).for_each([&called, c = counted(alive)](const numbered &) {
      called++;
      throw std::runtime_error("mine");
    });
    bool thrown = false;
    try {
      f.queue.wait(all);
    } catch (const std::runtime_error &error) {
      thrown = !strcmp(error.what(), "mine");
    }
    CHECK(thrown);
    CHECK_EQ(code_of([&] { f.queue.wait(all); }), SIDELITE_ERR_CANCELLED);
    CHECK_EQ(called, 1);
    CHECK_EQ(alive, 0);
  }
}

void for_each_is_destroyed_in_its_own_callback() {
  fixture f;
  int alive = 0, called = 0;
  for (const char *sql : {ROWS_WITHOUT_END, "SELECT 1, 'row 1' UNION ALL SELECT 2, 'row 2'"}) {
    std::optional<sidelite::operation<uint64_t>> all;
    called = 0;
    all.emplace(f.db.stream(sql).for_each([&, c = counted(alive)](sidelite::row) {
      called++;
      all.reset();
    }));
    settle(f);
    CHECK_EQ(called, 1);
    CHECK_EQ(alive, 0);
  }
}

void for_each_runs_detached() {
  fixture f;
  int rows = 0, ended = 0;
  f.db.stream<int>(COUNT_TO("3000")).for_each([&rows](int) { rows++; }).then([&](auto &&outcome) {
    ended = static_cast<int>(outcome.value());
  });
  settle(f);
  CHECK_EQ(rows, 3000);
  CHECK_EQ(ended, 3000);
}

void streams_end_with_their_queue() {
  int alive = 0, called = 0;
  std::optional<sidelite::stream<numbered>> held;
  {
    fixture f;
    held.emplace(f.db.stream<numbered>(ROWS_WITHOUT_END));
    f.db.stream(ROWS_WITHOUT_END).for_each([&called, c = counted(alive)](sidelite::row) { called++; }).detach();
    CHECK_EQ(f.queue.wait(held->next())->number, 1);
  }
  CHECK_EQ(alive, 0);
  sidelite::queue other;
  int32_t code = 0;
  for (int n = 0; !code && n < 100000; n++) code = code_of([&] { other.wait(held->next()); });
  CHECK_EQ(code, SIDELITE_ERR_ABORTED);
}

/* ---- Other kinds with several events ---- */

void dump_and_observation_are_streams() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x); INSERT INTO t VALUES (1)"));
  sidelite_request dump{};
  dump.kind = SIDELITE_DUMP;
  std::string text;
  auto lines = f.db.stream<std::string>(dump);
  while (auto line = f.queue.wait(lines.next())) text += *line;
  CHECK(text.find("CREATE TABLE t(x)") != std::string::npos);

  sidelite_value what = sidelite_int(SIDELITE_OBSERVE_CHANGES);
  sidelite_request observe{};
  observe.kind = SIDELITE_OBSERVE;
  observe.values = &what;
  observe.ncols = 1;
  auto changes = f.db.stream(observe);
  f.queue.wait(f.db.execute("INSERT INTO t VALUES (2)"));
  auto change = f.queue.wait(changes.next());
  CHECK_TEXT((*change)["event"].get<std::string>(), "insert");
  CHECK_EQ((*change)["rowid"].get<int>(), 2);
}

/* Rows that are here already are given at once, and a callback that waits for something lets more of them come. */
void for_each_waits_for_the_callback_that_waits() {
  fixture f;
  auto rows = f.db.with(sidelite::chunks(10)).stream<sidelite::row>(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 55) SELECT i FROM n");
  f.queue.wait(f.db.execute("SELECT 1"));
  int64_t last = 0, depth = 0;
  auto all = std::move(rows).for_each([&](const sidelite::row &next) {
    CHECK_EQ(++depth, 1);
    if (last < 10) f.queue.wait(f.db.execute("SELECT 2"));
    CHECK_EQ(next[0].get<int64_t>(), last + 1);
    last++;
    depth--;
  });
  CHECK_EQ(f.queue.wait(std::move(all)), 55);
  CHECK_EQ(last, 55);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(stream_gives_every_row_in_order),
      TEST(stream_of_no_rows_ends),
      TEST(for_each_waits_for_the_callback_that_waits),
      TEST(stream_of_every_number_of_rows_ends),
      TEST(rows_and_views_live_until_the_next),
      TEST(stream_without_end_is_left),
      TEST(error_comes_after_the_rows_before_it),
      TEST(refused_stream_fails_at_its_first_row),
      TEST(row_that_is_no_t_is_an_error),
      TEST(coroutine_is_destroyed_while_it_waits_for_a_row),
      TEST(stream_is_destroyed_by_the_coroutine_that_it_resumed),
      TEST(stream_is_stopped),
      TEST(next_is_awaited_one_at_a_time),
      TEST(for_each_calls_with_every_row),
      TEST(for_each_stops_when_it_is_told),
      TEST(for_each_of_rows_that_are_here_already),
      TEST(for_each_fails_with_the_stream),
      TEST(exception_in_for_each_passes_through_and_ends_it),
      TEST(for_each_is_destroyed_in_its_own_callback),
      TEST(for_each_runs_detached),
      TEST(streams_end_with_their_queue),
      TEST(dump_and_observation_are_streams),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
