/*
 * Operations without coroutines: callbacks, futures, waiting, outcomes; refused ones; destroyed ones.
 *
 * std: c++17
 */
#include "harness.hpp"

#include <iterator>
#include <sstream>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sidelite::expected;

/* Dispatches until nothing is out, whoever waits for it. */
void settle(fixture &f) { TURN_UNTIL(f.queue.get(), stats_of(f.db.get()).outstanding == 0); }

void callback_takes_the_value() {
  fixture f;
  int called = 0;
  f.db.fetch("SELECT 7").then([&called](expected<sidelite::rows> rows) {
    called++;
    CHECK_EQ(rows.value().value<int>(), 7);
  });
  CHECK_EQ(called, 0);
  settle(f);
  CHECK_EQ(called, 1);
}

void callback_takes_the_error() {
  fixture f;
  int called = 0;
  f.db.fetch("SELECT missing").then([&called](expected<sidelite::rows> rows) {
    called++;
    CHECK(!rows);
    CHECK_EQ(rows.error().code(), 1);
    CHECK_EQ(rows.error().sqlite_code(), 1);
    CHECK_TEXT(rows.error().what(), "no such column: missing");
    CHECK_EQ(rows.error().sql_offset(), 7);
    CHECK(!rows.error().not_run() && !rows.error().rolled_back() && !rows.error().in_transaction());
    CHECK_EQ(code_of([&] { (void)rows.value(); }), 1);
  });
  settle(f);
  CHECK_EQ(called, 1);
}

/* Such that it does not fit into the request, and such that it cannot be copied. */
void callbacks_of_every_size_are_freed() {
  fixture f;
  int alive = 0, called = 0;
  auto big = std::array<char, 500>();
  auto unique = std::make_unique<counted>(alive);
  f.db.fetch("SELECT 1").then([&called, c = counted(alive)](auto &&) { called++; });
  f.db.fetch("SELECT 1").then([&called, big, c = counted(alive)](auto &&) { called += 1 + big[0]; });
  f.db.fetch("SELECT 1").then([&called, u = std::move(unique)](auto &&) { called++; });
  CHECK_EQ(alive, 3);
  settle(f);
  CHECK_EQ(called, 3);
  CHECK_EQ(alive, 0);
}

void callback_after_the_end_is_called_at_once() {
  fixture f;
  auto operation = f.db.fetch("SELECT 7");
  settle(f);
  CHECK(operation.has_ended());
  int called = 0;
  std::move(operation).then([&called](expected<sidelite::rows> rows) { called += rows->value<int>(); });
  CHECK_EQ(called, 7);
}

void operations_pipeline() {
  fixture f;
  auto create = f.db.script("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
  auto insert = f.db.execute("INSERT INTO t VALUES (2)");
  auto count = f.db.fetch("SELECT count(*) FROM t");
  CHECK(create.id() > 0 && insert.id() == create.id() + 1 && count.id() == insert.id() + 1);
  CHECK_EQ(f.queue.wait(count).value<int>(), 2);
  CHECK(create.has_ended() && insert.has_ended());
  CHECK_EQ(f.queue.wait(insert).changes, 1);
  f.queue.wait(create);
}

void outcome_is_taken_once() {
  fixture f;
  auto operation = f.db.fetch("SELECT 1");
  CHECK_EQ(f.queue.wait(operation).value<int>(), 1);
  CHECK_EQ(code_of([&] { f.queue.wait(operation); }), SIDELITE_ERR_MISUSE);
  int called = 0;
  std::move(operation).then([&called](expected<sidelite::rows> rows) {
    called++;
    CHECK_EQ(rows.error().code(), SIDELITE_ERR_MISUSE);
  });
  CHECK_EQ(called, 1);
}

void wait_throws_or_gives_what_is_expected() {
  fixture f;
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.execute("nonsense")); }), 1);
  auto outcome = f.queue.wait(f.db.execute("nonsense").expected());
  CHECK(!outcome && outcome.error().code() == 1);
  auto good = f.queue.wait(f.db.fetch("SELECT 3").expected());
  CHECK(good.has_value() && (*good).value<int>() == 3 && good->size() == 1);
  CHECK(f.queue.wait(f.db.script("SELECT 1").expected()).has_value());
}

void wait_inside_a_callback_is_misuse() {
  fixture f;
  int32_t code = 0;
  f.db.fetch("SELECT 1").then([&](auto &&) { code = code_of([&] { f.queue.wait(f.db.fetch("SELECT 1")); }); });
  settle(f);
  CHECK_EQ(code, SIDELITE_ERR_MISUSE);
  code = 0;
  f.db.fetch("SELECT 1").then([&](auto &&) { code = code_of([&] { f.queue.wait(f.db.fetch("SELECT 1")); }); });
  f.queue.wait(f.db.fetch("SELECT 1"));
  CHECK_EQ(code, SIDELITE_ERR_MISUSE);
}

void futures_have_values_and_errors() {
  fixture f;
  auto value = f.db.fetch("SELECT 7").future();
  auto none = f.db.script("SELECT 1").future();
  auto failure = f.db.execute("nonsense").future();
  std::thread reader([&value] { CHECK_EQ(value.get().value<int>(), 7); });
  settle(f);
  reader.join();
  none.get();
  CHECK_EQ(code_of([&] { failure.get(); }), 1);
}

void future_breaks_with_its_queue() {
  std::future<sidelite::rows> future;
  {
    fixture f;
    future = f.db.fetch(ENDLESS).future();
  }
  bool broken = false;
  try {
    future.get();
  } catch (const std::future_error &error) {
    broken = error.code() == std::future_errc::broken_promise;
  }
  CHECK(broken);
}

/* One path: the callback of a refused one hears of it as of a failure. */
void refused_requests_end_as_failed_ones_do() {
  fixture f;
  int32_t code = 0;
  auto hear = [&code](auto &&outcome) {
    CHECK(outcome.error().not_run());
    code = outcome.error().code();
  };
  f.db.fetch("SELECT '\xff'").then(hear);
  CHECK_EQ(code, SIDELITE_ERR_BAD_TEXT);
  f.db.fetch("SELECT ?", "\xff").then(hear);
  CHECK_EQ(code, SIDELITE_ERR_BAD_TEXT);
  f.db.fetch(std::string("SELECT 1\0", 9)).then(hear);
  CHECK_EQ(code, SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(f.db.command(0xffff).has_ended(), true);
  f.db.command(0xffff).then(hear);
  CHECK_EQ(code, SIDELITE_ERR_UNSUPPORTED);
  auto future = f.db.fetch("SELECT '\xff'").future();
  CHECK_EQ(code_of([&] { future.get(); }), SIDELITE_ERR_BAD_TEXT);
  CHECK_EQ(f.db.fetch("SELECT '\xff'").id(), 0);
  auto closed = f.db.close();
  f.db.fetch("SELECT 1").then(hear);
  CHECK_EQ(code, SIDELITE_ERR_CLOSED);
  f.queue.wait(closed);
  f.db.fetch("SELECT 1").then(hear);
  CHECK_EQ(code, SIDELITE_ERR_BAD_HANDLE);
  sidelite::lane().fetch("SELECT 1").then(hear);
  CHECK_EQ(code, SIDELITE_ERR_BAD_HANDLE);
}

void full_is_an_error_and_writable_tells_when_it_is_over() {
  sidelite::queue queue;
  sidelite::open_options options;
  options.max_requests = 8;
  sidelite::connection db(queue, ":memory:", options);
  queue.wait(db.writable());
  int ended = 0, full = 0, writable = 0;
  for (int i = 0; i < 20; i++)
    db.fetch("SELECT 1").then([&](auto &&outcome) {
      if (outcome) ended++;
      else if (outcome.error().code() == SIDELITE_ERR_FULL) full++;
    });
  CHECK_EQ(ended, 0);
  CHECK_EQ(full, 12);
  db.writable().then([&](auto &&outcome) { writable += outcome.has_value(); });
  auto second = db.writable();
  { auto gone = db.writable(); }
  CHECK_EQ(writable, 0);
  queue.wait(second);
  CHECK_EQ(writable, 1);
  CHECK(db.writable().has_ended());
  queue.wait(db.fetch("SELECT 1"));
  CHECK_EQ(ended, 8);
}

void writable_ends_with_the_connection() {
  sidelite::queue queue;
  sidelite::open_options options;
  options.max_requests = 1;
  sidelite::connection db(queue, ":memory:", options);
  gate g;
  gate_shut(&g, db.get());
  CHECK(db.fetch("SELECT 1").has_ended());
  auto waiting = db.writable();
  CHECK(!waiting.has_ended());
  auto closed = db.close();
  gate_open(&g);
  queue.wait(closed);
  gate_remove(&g, queue.get());
  CHECK(waiting.has_ended());
}

void opened_tells_why_not_and_so_does_each_request() {
  sidelite::queue queue;
  sidelite::connection db(queue, "/nowhere/at/all.db");
  auto request = db.fetch("SELECT 1");
  auto opened = db.opened(), again = db.opened();
  { auto gone = db.opened(); }
  CHECK_EQ(code_of([&] { queue.wait(opened); }), 14);
  CHECK_EQ(code_of([&] { queue.wait(again); }), 14);
  CHECK_EQ(code_of([&] { queue.wait(request); }), 14);
  CHECK_EQ(code_of([&] { queue.wait(db.opened()); }), 14);
}

void opening_that_is_refused_is_told_by_each_request() {
  sidelite::queue queue;
  sidelite::open_options options;
  options.flags = 1u << 31;
  sidelite::connection db(queue, ":memory:", options);
  CHECK(db.get() == nullptr);
  CHECK_EQ(code_of([&] { queue.wait(db.opened()); }), SIDELITE_ERR_UNSUPPORTED);
  CHECK_EQ(code_of([&] { queue.wait(db.fetch("SELECT 1")); }), SIDELITE_ERR_UNSUPPORTED);
  CHECK_EQ(code_of([&] { queue.wait(db.close()); }), SIDELITE_ERR_BAD_HANDLE);
  queue.wait(db.writable());
  sidelite::connection no_path(queue, nullptr);
  CHECK_EQ(code_of([&] { queue.wait(no_path.opened()); }), SIDELITE_ERR_MISUSE);
}

void opens_hardened_unless_said_otherwise() {
  sidelite::queue queue;
  sidelite::connection hardened(queue, ":memory:");
  CHECK_EQ(queue.wait(hardened.fetch("PRAGMA foreign_keys")).value<int>(), 1);
  CHECK_EQ(code_of([&] { queue.wait(hardened.fetch("SELECT \"no such column\"")); }), 1);
  sidelite::open_options options;
  options.flags = 0;
  options.pragmas = {"cache_size=-123", "temp_store=MEMORY"};
  options.busy_timeout = 0ms;
  sidelite::connection plain(queue, ":memory:", options);
  CHECK_EQ(queue.wait(plain.fetch("PRAGMA foreign_keys")).value<int>(), 0);
  CHECK_TEXT(queue.wait(plain.fetch("SELECT \"a text\"")).value<std::string>(), "a text");
  CHECK_EQ(queue.wait(plain.fetch("PRAGMA cache_size")).value<int>(), -123);
}

void destroyed_operation_cancels_and_is_not_heard_of() {
  fixture f;
  {
    auto running = f.db.fetch(ENDLESS);
    auto queued = f.db.fetch("SELECT 1");
    WAIT_UNTIL(stats_of(f.db.get()).submitted == 2);
  }
  settle(f);
  CHECK_EQ(f.ask<int>("SELECT 1"), 1);
}

void destroyed_when_it_has_ended() {
  fixture f;
  {
    auto ended = f.db.fetch("SELECT 1");
    settle(f);
    CHECK(ended.has_ended());
  }
  auto first = f.db.fetch(ENDLESS);
  first = f.db.fetch("SELECT 2");
  CHECK_EQ(f.queue.wait(first).value<int>(), 2);
}

void cancelled_operation_ends_with_cancelled() {
  fixture f;
  auto running = f.db.fetch(ENDLESS);
  auto queued = f.db.fetch("SELECT 1");
  queued.cancel();
  running.cancel();
  CHECK_EQ(code_of([&] { f.queue.wait(running); }), SIDELITE_ERR_CANCELLED);
  auto outcome = f.queue.wait(std::move(queued).expected());
  CHECK_EQ(outcome.error().code(), SIDELITE_ERR_CANCELLED);
  CHECK(outcome.error().not_run());
  auto by_id = f.db.fetch(ENDLESS);
  CHECK_EQ(f.db.cancel(by_id.id()), SIDELITE_OK);
  CHECK_EQ(code_of([&] { f.queue.wait(by_id); }), SIDELITE_ERR_CANCELLED);
}

void detached_operation_runs() {
  fixture f;
  f.db.script("CREATE TABLE t(x)").detach();
  f.db.execute("INSERT INTO t VALUES (1)").detach();
  f.db.execute("nonsense").detach();
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t"), 1);
}

void timeout_ends_one_call() {
  fixture f;
  auto slow = f.db.with(sidelite::timeout(20ms)).fetch(ENDLESS);
  auto next = f.db.fetch("SELECT 1");
  CHECK_EQ(code_of([&] { f.queue.wait(slow); }), SIDELITE_ERR_TIMEOUT);
  CHECK_EQ(f.queue.wait(next).value<int>(), 1);
  for (auto time : {sidelite::timeout(0ms), sidelite::timeout(-1h), sidelite::timeout(1us)}) CHECK_EQ(time.ms, 1);
  CHECK_EQ(sidelite::timeout(1500us).ms, 2);
  CHECK_EQ(sidelite::timeout(std::chrono::hours(1000000)).ms, UINT32_MAX);
}

void options_of_a_call() {
  fixture f;
  f.queue.wait(f.db.opened());
  uint64_t hits = stats_of(f.db.get()).cache_hits;
  for (int i = 0; i < 3; i++) f.queue.wait(f.db.with(sidelite::no_cache).fetch("SELECT 1"));
  CHECK_EQ(stats_of(f.db.get()).cache_hits, hits);
  for (int i = 0; i < 3; i++) f.queue.wait(f.db.fetch("SELECT 1"));
  CHECK_EQ(stats_of(f.db.get()).cache_hits, hits + 2);
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.fetch("SELECT 1; SELECT 2")); }), SIDELITE_ERR_MISUSE);
  auto lane = f.db.with(sidelite::multi, sidelite::timeout(1h));
  CHECK_EQ(f.queue.wait(lane.fetch("SELECT 1; SELECT 2")).value<int>(), 2);
}

void exception_of_a_callback_passes_through_dispatch() {
  fixture f;
  int alive = 0, second = 0;
  f.db.fetch("SELECT 1").then([c = counted(alive)](auto &&) { throw std::runtime_error("mine"); });
  f.db.fetch("SELECT 1").then([&second](auto &&) { second++; });
  std::string thrown;
  for (double end = now_ms() + 60000; thrown.empty() && now_ms() < end;) {
    try {
      turn(f.queue.get(), 100);
    } catch (const std::runtime_error &error) {
      thrown = error.what();
    }
  }
  CHECK_TEXT(thrown, "mine");
  CHECK_EQ(alive, 0);
  settle(f);
  CHECK_EQ(second, 1);
}

void exception_of_a_callback_passes_through_wait() {
  fixture f;
  f.db.fetch("SELECT 1").then([](auto &&) { throw std::runtime_error("mine"); });
  auto second = f.db.fetch("SELECT 2");
  bool thrown = false;
  try {
    f.queue.wait(second);
  } catch (const std::runtime_error &error) {
    thrown = !strcmp(error.what(), "mine");
  }
  CHECK(thrown);
  CHECK_EQ(f.queue.wait(second).value<int>(), 2);
}

void operation_is_destroyed_in_the_callback_of_another() {
  fixture f;
  std::optional<sidelite::operation<sidelite::rows>> other;
  f.db.fetch("SELECT 1").then([&other](auto &&) { other.reset(); });
  other.emplace(f.db.fetch(ENDLESS));
  settle(f);
  CHECK(!other);
}

void connection_is_destroyed_with_requests_out() {
  sidelite::queue queue;
  int32_t code = 0;
  std::optional<sidelite::connection> db;
  db.emplace(queue, ":memory:");
  auto held = db->fetch(ENDLESS);
  db->fetch("SELECT 1").then([&code](auto &&outcome) { code = outcome.error().code(); });
  db.reset();
  CHECK_EQ(code_of([&] { queue.wait(held); }), SIDELITE_ERR_CANCELLED);
  TURN_UNTIL(queue.get(), code);
  CHECK_EQ(code, SIDELITE_ERR_CANCELLED);
}

void connection_is_destroyed_in_its_own_callback() {
  sidelite::queue queue;
  std::optional<sidelite::connection> db;
  db.emplace(queue, ":memory:");
  db->fetch("SELECT 1").then([&db](auto &&) { db.reset(); });
  TURN_UNTIL(queue.get(), !db && stats_of(queue.get()).outstanding == 0);
}

/* Callbacks are dropped; operations that are held end ABORTED, and can be waited for no more. */
void queue_is_destroyed_first() {
  int alive = 0, called = 0;
  auto queue = std::make_unique<sidelite::queue>();
  sidelite::connection db(*queue, ":memory:");
  auto held = db.fetch(ENDLESS);
  auto opened = db.opened();
  auto closed = db.close();
  db.fetch("SELECT 1").detach();
  held.cancel();
  { auto gone = sidelite::lane(db).fetch("SELECT 1"); }
  db.with(sidelite::no_cache).fetch("SELECT 1").then([&called, c = counted(alive)](auto &&) { called++; });
  queue.reset();
  CHECK_EQ(alive, 0);
  CHECK_EQ(called, 1);
  CHECK(held.has_ended() && opened.has_ended() && closed.has_ended());
  std::move(held).then([](auto &&outcome) { CHECK_EQ(outcome.error().code(), SIDELITE_ERR_ABORTED); });
  CHECK_EQ(db.fetch("SELECT 1").has_ended(), true);
}

void queue_is_destroyed_with_callbacks_out() {
  int alive = 0, called = 0;
  {
    fixture f;
    f.db.fetch(ENDLESS).then([&called, c = counted(alive)](auto &&) { called++; });
    f.db.writable().detach();
    f.db.opened().then([&called, c = counted(alive)](auto &&) { called++; });
    CHECK_EQ(alive, 2);
  }
  CHECK_EQ(alive, 0);
  CHECK_EQ(called, 0);
}

void queue_that_is_destroyed_inside_its_wait_is_freed_after_it() {
  auto queue = std::make_unique<sidelite::queue>();
  sidelite::queue &alias = *queue;
  sidelite_queue *handle = queue->get();
  sidelite::connection db(*queue, ":memory:");
  db.fetch("SELECT 1").then([&queue](auto &&) { queue.reset(); });
  auto second = db.fetch("SELECT 2");
  CHECK_EQ(alias.wait(second).value<int>(), 2);
  CHECK_EQ(sidelite_dispatch(handle, 0, 0), SIDELITE_ERR_BAD_HANDLE);
}

void queues_and_connections_move() {
  sidelite::queue queue, moved(std::move(queue));
  CHECK(queue.get() == nullptr);
  CHECK_EQ(queue.dispatch(), SIDELITE_ERR_BAD_HANDLE);
  CHECK_EQ(code_of([&] { queue.wait(sidelite::lane().fetch("SELECT 1")); }), SIDELITE_ERR_BAD_HANDLE);
  sidelite::connection first(moved, ":memory:"), second(std::move(first));
  CHECK(first.get() == nullptr);
  CHECK(first.fetch("SELECT 1").has_ended());
  CHECK_EQ(moved.wait(second.fetch("SELECT 1")).value<int>(), 1);
  second = sidelite::connection(moved, ":memory:");
  CHECK_EQ(moved.wait(second.fetch("SELECT 2")).value<int>(), 2);
  sidelite::connection on_none(queue, ":memory:");
  CHECK_EQ(code_of([&] { moved.wait(on_none.opened()); }), SIDELITE_ERR_BAD_HANDLE);
}

void close_drains() {
  fixture f;
  int ended = 0;
  for (int i = 0; i < 10; i++) f.db.fetch("SELECT 1").then([&](auto &&outcome) { ended += outcome.has_value(); });
  f.queue.wait(f.db.close());
  CHECK_EQ(ended, 10);
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.close()); }), SIDELITE_ERR_BAD_HANDLE);
}

/* Closing goes on, and cancels nothing. */
void close_that_is_destroyed_drains_all_the_same() {
  fixture f;
  auto before = f.db.fetch("SELECT 5");
  { auto gone = f.db.close(); }
  CHECK_EQ(f.queue.wait(before).value<int>(), 5);
  TURN_UNTIL(f.queue.get(), stats_of(f.queue.get()).outstanding == 0);
}

struct item {
  int64_t id;
  std::string name;
};

void many_rows_in_one_request() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)"));
  std::vector<item> items = {{1, "one"}, {2, "two"}, {3, "a name that is longer than small strings are"}};
  CHECK_EQ(f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?, ?)", items)).changes, 3);
  std::vector<std::tuple<int, std::optional<std::string>>> tuples = {{4, "four"}, {5, std::nullopt}};
  CHECK_EQ(f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?, ?)", tuples)).last_insert_rowid, 5);
  CHECK_EQ(f.queue.wait(f.db.execute_many("DELETE FROM t WHERE id = ?", std::vector<int>{1, 2})).changes, 2);
  CHECK_EQ(f.queue.wait(f.db.execute_many("DELETE FROM t WHERE id = ?", std::vector<int>{})).changes, 0);
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(id || ifnull(name, '-')) FROM t"),
             "3a name that is longer than small strings are,4four,5-");
}

/* The elements are made as the range is walked over, and their texts with them. */
void many_rows_of_a_range_that_makes_them() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)"));
  auto rows = f.queue.wait(f.db.fetch("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) "
                                      "SELECT i, 'a name that is not stored inside the string ' || i FROM n"));
  CHECK_EQ(f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?, ?)", rows.as<item>())).changes, 1000);
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t WHERE name = 'a name that is not stored inside the string ' || id"),
           1000);
}

void many_rows_or_none() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x UNIQUE)"));
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", std::vector<int>{1, 2, 1})); }),
           2067);
  std::vector<uint64_t> numbers = {1, UINT64_MAX};
  CHECK_TEXT(message_of([&] { f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", numbers)); }),
             "row 1: an integer above INT64_MAX");
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t"), 0);
}

void batch_is_one_transaction() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x UNIQUE)"));
  sidelite::batch batch;
  {
    std::string gone = "a text that the batch must own, since this one is gone";
    batch.add("INSERT INTO t VALUES (?)", gone).add("INSERT INTO t VALUES (:x)", sidelite::named("x", 2));
    batch.add("SELECT count(*) FROM t");
  }
  CHECK_EQ(batch.size(), 3);
  auto rows = f.queue.wait(f.db.run(batch));
  CHECK_EQ(rows.size(), 3);
  CHECK_EQ(rows[0].changes(), 1);
  CHECK_EQ(rows[2].value<int>(), 2);
  batch.add("DELETE FROM t");
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.run(batch)); }), 2067);
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t"), 2);
  CHECK_TEXT(f.ask<std::string>("SELECT x FROM t WHERE typeof(x) = 'text'"),
             "a text that the batch must own, since this one is gone");
}

void batch_tells_of_the_failure_and_not_of_the_aborted() {
  fixture f;
  sidelite::batch batch;
  batch.add("SELECT 1").add("nonsense").add("SELECT 2");
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.run(batch)); }), 1);
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.run(sidelite::batch())); }), SIDELITE_ERR_MISUSE);
  sidelite::batch bad;
  bad.add("SELECT ?", uint64_t(UINT64_MAX));
  CHECK_EQ(code_of([&] { f.queue.wait(f.db.run(bad)); }), SIDELITE_ERR_MISUSE);
  auto cancelled = f.db.run(batch);
  cancelled.cancel();
  CHECK(code_of([&] { f.queue.wait(cancelled); }) != 0);
  { auto gone = f.db.run(batch); }
  f.db.run(batch).detach();
  settle(f);
}

int32_t forty_two(void *, void *context) {
  *static_cast<int *>(context) = 42;
  return SIDELITE_OK;
}

void everything_of_the_header_is_reached() {
  fixture f;
  auto status = f.queue.wait(f.db.command(SIDELITE_STATUS));
  CHECK_TEXT(status[0][0].get<std::string>(), "filename");
  CHECK_EQ(f.queue.wait(f.db.command(SIDELITE_LIMIT, sidelite::named("limit", 9))).value<int>(), 32766);
  int answer = 0;
  sidelite_request run{};
  run.kind = SIDELITE_RUN;
  run.run = forty_two;
  run.context = &answer;
  f.queue.wait(f.db.submit(run));
  CHECK_EQ(answer, 42);
  CHECK_EQ(fetch_int(f.queue.get(), f.db.get(), "SELECT 3"), 3);
  CHECK_EQ(f.queue.fd(), sidelite_queue_fd(f.queue.get()));
  CHECK_EQ(f.queue.dispatch_stop(), SIDELITE_ERR_MISUSE);
}

void dispatch_stop_ends_the_dispatch_after_this_callback() {
  fixture f;
  int called = 0;
  for (int i = 0; i < 3; i++)
    f.db.fetch("SELECT 1").then([&](auto &&) {
      called++;
      CHECK_EQ(f.queue.dispatch_stop(), SIDELITE_OK);
    });
  WAIT_UNTIL(stats_of(f.db.get()).completed == 3);
  while (called < 3) {
    int before = called;
    f.queue.dispatch();
    CHECK(called <= before + 1);
  }
}

void dispatch_takes_as_many_as_it_is_told() {
  fixture f;
  int called = 0;
  f.queue.wait(f.db.opened());
  for (int i = 0; i < 3; i++) f.db.fetch("SELECT 1").then([&](auto &&) { called++; });
  WAIT_UNTIL(stats_of(f.db.get()).completed == 3);
  CHECK_EQ(f.queue.dispatch(1), 1);
  CHECK_EQ(called, 1);
  TURN_UNTIL(f.queue.get(), called == 3);
}

void wake(void *count) { __atomic_fetch_add(static_cast<int *>(count), 1, __ATOMIC_SEQ_CST); }

void queue_with_a_wake_function() {
  int wakes = 0, called = 0;
  sidelite::queue queue(wake, &wakes);
  sidelite::connection db(queue, ":memory:");
  CHECK_EQ(queue.fd(), SIDELITE_ERR_MISUSE);
  db.fetch("SELECT 1").then([&](auto &&) { called++; });
  WAIT_UNTIL(__atomic_load_n(&wakes, __ATOMIC_SEQ_CST) > 0);
  WAIT_UNTIL(queue.dispatch() >= 0 && called);
  CHECK_EQ(queue.wait(db.fetch("SELECT 2")).value<int>(), 2);
}

void errors_are_copied_and_kept() {
  std::vector<sidelite::error> errors;
  {
    fixture f;
    try {
      f.queue.wait(f.db.fetch("SELECT * FROM nowhere"));
    } catch (const std::exception &error) {
      errors.push_back(dynamic_cast<const sidelite::error &>(error));
    }
    errors.push_back(f.queue.wait(f.db.fetch("SELECT '\xff'").expected()).error());
  }
  errors.push_back(errors[0]);
  CHECK_TEXT(errors[2].what(), "no such table: nowhere");
  CHECK_TEXT(errors[2].name(), sidelite_status_string(1));
  CHECK_TEXT(errors[1].what(), sidelite_status_string(SIDELITE_ERR_BAD_TEXT));
  CHECK_EQ(errors[1].sql_offset(), -1);
  CHECK_EQ(errors[1].sqlite_code() + errors[1].system_errno(), 0);
}

void expected_has_a_value_or_an_error() {
  expected<int> seven(7), none(sidelite::error(SIDELITE_ERR_FULL));
  CHECK(seven && seven.has_value() && *seven == 7 && seven.value() == 7);
  CHECK(!none && none.error().code() == SIDELITE_ERR_FULL);
  CHECK_EQ(std::move(none).value_or(3), 3);
  CHECK_EQ(std::move(seven).value_or(3), 7);
  expected<void, std::exception_ptr> thrown(std::make_exception_ptr(std::runtime_error("x")));
  bool caught = false;
  try {
    thrown.value();
  } catch (const std::runtime_error &) {
    caught = true;
  }
  CHECK(caught);
  expected<void>().value();
}

/* Walks once, and shows every element in one place. */
struct words {
  std::istringstream text{"a-text-too-long-for-the-string-itself another-text-too-long-for-the-string-itself c"};
  auto begin() { return std::istream_iterator<std::string>(text); }
  auto end() { return std::istream_iterator<std::string>(); }
};

void many_are_sent_of_ranges_that_walk_once() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x)"));
  f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", words()));
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(x, ' ') FROM t"), words().text.str());
}

void many_are_sent_of_bytes_and_of_zeros() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x)"));
  std::vector<sidelite::zeroblob> zeros{{5}, {6}};
  f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", zeros));
  std::vector<std::array<unsigned char, 16>> keys(2);
  f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", keys));
  std::vector<const char *> texts{"one", "two"};
  f.queue.wait(f.db.execute_many("INSERT INTO t VALUES (?)", texts));
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(typeof(x) || length(x)) FROM t"),
             "blob5,blob6,blob16,blob16,text3,text3");
}

static_assert(!std::is_copy_constructible_v<sidelite::batch>, "its statements point into it");

void batch_that_was_moved_runs() {
  fixture f;
  sidelite::batch first;
  first.add("SELECT ?", "short").add("SELECT ?", "a text that is too long to lie in the string itself");
  sidelite::batch second(std::move(first));
  auto rows = f.queue.wait(f.db.run(second));
  CHECK_TEXT(rows[0].value<std::string>(), "short");
  CHECK_EQ(rows[1].value<std::string>().size(), 51);
}

void decoded_row_that_is_not_there_is_an_error() {
  fixture f;
  auto rows = f.queue.wait(f.db.fetch("SELECT 1"));
  bool thrown = false;
  try {
    (void)rows.as<std::tuple<int>>()[1];
  } catch (const sidelite::error &) {
    thrown = true;
  }
  CHECK(thrown);
}

void news_of_a_connection_that_is_over_is_an_error() {
  auto queue = std::make_unique<sidelite::queue>();
  sidelite::connection lost(*queue, ":memory:");
  queue.reset();
  int32_t code = 0;
  lost.opened().then([&code](expected<void> outcome) { code = outcome ? 0 : outcome.error().code(); });
  CHECK_EQ(code, SIDELITE_ERR_ABORTED);

  fixture f;
  sidelite::open_options narrow;
  narrow.max_requests = 1;
  sidelite::connection full(f.queue, ":memory:", narrow);
  auto first = full.execute("SELECT 1");
  CHECK_EQ(code_of([&] { f.queue.wait(full.execute("SELECT 2")); }), SIDELITE_ERR_FULL);
  f.queue.wait(first);
  f.queue.wait(full.close());
  CHECK(full.writable().has_ended());
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(callback_takes_the_value),
      TEST(news_of_a_connection_that_is_over_is_an_error),
      TEST(many_are_sent_of_ranges_that_walk_once),
      TEST(many_are_sent_of_bytes_and_of_zeros),
      TEST(batch_that_was_moved_runs),
      TEST(decoded_row_that_is_not_there_is_an_error),
      TEST(callback_takes_the_error),
      TEST(callbacks_of_every_size_are_freed),
      TEST(callback_after_the_end_is_called_at_once),
      TEST(operations_pipeline),
      TEST(outcome_is_taken_once),
      TEST(wait_throws_or_gives_what_is_expected),
      TEST(wait_inside_a_callback_is_misuse),
      TEST(futures_have_values_and_errors),
      TEST(future_breaks_with_its_queue),
      TEST(refused_requests_end_as_failed_ones_do),
      TEST(full_is_an_error_and_writable_tells_when_it_is_over),
      TEST(writable_ends_with_the_connection),
      TEST(opened_tells_why_not_and_so_does_each_request),
      TEST(opening_that_is_refused_is_told_by_each_request),
      TEST(opens_hardened_unless_said_otherwise),
      TEST(destroyed_operation_cancels_and_is_not_heard_of),
      TEST(destroyed_when_it_has_ended),
      TEST(cancelled_operation_ends_with_cancelled),
      TEST(detached_operation_runs),
      TEST(timeout_ends_one_call),
      TEST(options_of_a_call),
      TEST(exception_of_a_callback_passes_through_dispatch),
      TEST(exception_of_a_callback_passes_through_wait),
      TEST(operation_is_destroyed_in_the_callback_of_another),
      TEST(connection_is_destroyed_with_requests_out),
      TEST(connection_is_destroyed_in_its_own_callback),
      TEST(queue_is_destroyed_first),
      TEST(queue_is_destroyed_with_callbacks_out),
      TEST(queue_that_is_destroyed_inside_its_wait_is_freed_after_it),
      TEST(queues_and_connections_move),
      TEST(close_drains),
      TEST(close_that_is_destroyed_drains_all_the_same),
      TEST(many_rows_in_one_request),
      TEST(many_rows_of_a_range_that_makes_them),
      TEST(many_rows_or_none),
      TEST(batch_is_one_transaction),
      TEST(batch_tells_of_the_failure_and_not_of_the_aborted),
      TEST(everything_of_the_header_is_reached),
      TEST(dispatch_stop_ends_the_dispatch_after_this_callback),
      TEST(dispatch_takes_as_many_as_it_is_told),
      TEST(queue_with_a_wake_function),
      TEST(errors_are_copied_and_kept),
      TEST(expected_has_a_value_or_an_error),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
