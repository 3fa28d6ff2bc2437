/*
 * Transactions and savepoints: committed, rolled back, left by an exception, destroyed, refused.
 *
 * std: c++20
 */
#include "harness.hpp"

#include <atomic>
#include <stop_token>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sidelite::begin;
using sidelite::task;

struct table : fixture {
  table() { queue.wait(db.script("CREATE TABLE t(x)")); }
  int64_t rows() { return ask<int64_t>("SELECT count(*) FROM t"); }
};

void commit_keeps_what_was_done() {
  table f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto tx = co_await db.transaction(begin::immediate);
    CHECK(tx.id() > 0 && tx.get() == db.get());
    co_await tx.execute("INSERT INTO t VALUES (?)", 1);
    CHECK_EQ((co_await tx.fetch("SELECT count(*) FROM t")).value<int>(), 1);
    auto stream = tx.stream<int>("SELECT x FROM t");
    CHECK_EQ((co_await stream.next()).value(), 1);
    CHECK(!(co_await stream.next()));
    std::vector<int> more = {2, 3};
    co_await tx.execute_many("INSERT INTO t VALUES (?)", more);
    co_await tx.commit();
    CHECK_EQ((co_await tx.execute("SELECT 1").expected()).error().code(), SIDELITE_ERR_BAD_HANDLE);
    CHECK_EQ((co_await tx.commit().expected()).error().code(), SIDELITE_ERR_BAD_HANDLE);
  };
  f.queue.wait(all(f.db));
  CHECK_EQ(f.rows(), 3);
}

void rollback_undoes_it() {
  table f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto tx = co_await db.transaction();
    co_await tx.execute("INSERT INTO t VALUES (1)");
    co_await tx.rollback();
  };
  f.queue.wait(all(f.db));
  CHECK_EQ(f.rows(), 0);
}

void transaction_left_by_an_exception_is_rolled_back() {
  table f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto tx = co_await db.transaction(begin::immediate);
    co_await tx.execute("INSERT INTO t VALUES (1)");
    co_await tx.execute("nonsense");
    co_await tx.commit();
  };
  CHECK_EQ(code_of([&] { f.queue.wait(all(f.db)); }), 1);
  CHECK_EQ(f.rows(), 0);
  CHECK_EQ(f.queue.wait(f.db.fetch("INSERT INTO t VALUES (1) RETURNING x")).value<int>(), 1);
}

void others_wait_for_its_end() {
  table f;
  auto tx = std::optional(f.queue.wait(f.db.transaction(begin::immediate)));
  auto other = f.db.execute("INSERT INTO t VALUES ('other')");
  f.queue.wait(tx->execute("INSERT INTO t VALUES ('mine')"));
  CHECK(!other.has_ended());
  tx.reset();
  CHECK_EQ(f.queue.wait(other).changes, 1);
  CHECK_EQ(f.rows(), 1);
}

void transaction_destroyed_with_requests_out_is_rolled_back() {
  table f;
  {
    auto tx = f.queue.wait(f.db.transaction(begin::immediate));
    auto running = tx.fetch("INSERT INTO t VALUES (1) RETURNING x");
    tx.execute("INSERT INTO t VALUES (2)").detach();
  }
  CHECK_EQ(f.rows(), 0);
}

/* What was submitted before the end happens before it. */
void commit_that_is_detached_commits() {
  table f;
  {
    auto tx = f.queue.wait(f.db.transaction(begin::immediate));
    tx.execute("INSERT INTO t VALUES (1)").detach();
    tx.commit().detach();
  }
  CHECK_EQ(f.rows(), 1);
}

void coroutine_is_destroyed_inside_its_transaction() {
  table f;
  int frames = 0;
  auto all = [](sidelite::connection &db, int &alive) -> task<> {
    counted frame(alive);
    auto tx = co_await db.transaction(begin::immediate);
    co_await tx.execute("INSERT INTO t VALUES (1)");
    co_await tx.fetch(ENDLESS);
    co_await tx.commit();
  };
  {
    auto t = std::make_optional(all(f.db, frames));
    sidelite::queue &queue = f.queue;
    f.db.fetch("SELECT 1").then([](auto &&) { throw std::runtime_error("leave the wait"); });
    try {
      queue.wait(*t);
    } catch (const std::runtime_error &) {
    }
    TURN_UNTIL(queue.get(), stats_of(f.db.get()).submitted == 5);
    CHECK_EQ(frames, 1);
    t.reset();
    CHECK_EQ(frames, 0);
  }
  CHECK_EQ(f.rows(), 0);
}

/* ---- A beginning that is not wanted any more ---- */

void begin_is_destroyed_while_it_waits() {
  table f;
  auto first = std::optional(f.queue.wait(f.db.transaction(begin::immediate)));
  { auto waiting = f.db.transaction(begin::immediate); }
  first.reset();
  CHECK_EQ(f.rows(), 0);
}

void begin_is_destroyed_when_it_was_granted() {
  table f;
  auto granted = std::optional(f.db.transaction(begin::immediate));
  WAIT_UNTIL(stats_of(f.db.get()).completed == 2);
  granted.reset();
  CHECK_EQ(f.rows(), 0);
}

void begin_is_detached_or_its_callback_takes_nothing() {
  table f;
  f.db.transaction(begin::immediate).detach();
  CHECK_EQ(f.rows(), 0);
  int called = 0;
  f.db.transaction(begin::immediate).then([&called](auto &&granted) { called += granted.has_value(); });
  CHECK_EQ(f.rows(), 0);
  CHECK_EQ(called, 1);
  { auto unread = f.db.transaction().future(); }
  CHECK_EQ(f.rows(), 0);
}

void begin_is_stopped_while_it_waits() {
  table f;
  std::stop_source stop;
  auto first = std::optional(f.queue.wait(f.db.transaction(begin::immediate)));
  auto waiting = f.db.with(stop.get_token()).transaction(begin::immediate);
  stop.request_stop();
  first.reset();
  CHECK_EQ(code_of([&] { (void)f.queue.wait(waiting); }), SIDELITE_ERR_CANCELLED);
  CHECK_EQ(f.rows(), 0);
}

void begin_is_stopped_when_it_was_granted() {
  table f;
  std::stop_source stop;
  auto granted = f.db.with(stop.get_token()).transaction(begin::immediate);
  WAIT_UNTIL(stats_of(f.db.get()).completed == 2);
  stop.request_stop();
  CHECK_EQ(code_of([&] { (void)f.queue.wait(granted); }), SIDELITE_ERR_CANCELLED);
  CHECK_EQ(f.rows(), 0);
}

void stop_of_the_beginning_does_not_reach_the_transaction() {
  table f;
  std::stop_source stop;
  auto tx = f.queue.wait(f.db.with(stop.get_token(), sidelite::timeout(1min)).transaction(begin::immediate));
  stop.request_stop();
  f.queue.wait(tx.execute("INSERT INTO t VALUES (1)"));
  f.queue.wait(tx.commit());
  CHECK_EQ(f.rows(), 1);
}

/* Whoever is first: the lease is never left open. */
void stops_race_with_beginnings() {
  table f;
  int begun = 0, stopped = 0, n = SCALED(1000);
  stopping_thread other;
  auto all = [&](sidelite::connection &db) -> task<> {
    for (int i = 0; i < n; i++) {
      std::stop_source stop;
      auto operation = db.with(stop.get_token()).transaction(begin::immediate);
      other.stop_soon(stop);
      auto outcome = co_await std::move(operation).expected();
      if (outcome) {
        co_await outcome->execute("INSERT INTO t VALUES (1)");
        co_await outcome->commit();
        begun++;
      } else {
        CHECK_EQ(outcome.error().code(), SIDELITE_ERR_CANCELLED);
        stopped++;
      }
    }
  };
  f.queue.wait(all(f.db));
  CHECK_EQ(begun + stopped, n);
  CHECK_EQ(f.rows(), begun);
  std::printf("%d begun, %d stopped\n", begun, stopped);
}

void begin_that_fails_is_an_error() {
  const char *directory = scratch_new();
  {
    sidelite::queue queue;
    std::string path = std::string(directory) + "/busy.db";
    sidelite::open_options impatient;
    impatient.busy_timeout = 0ms;
    sidelite::connection holder(queue, path.c_str(), impatient);
    queue.wait(holder.script("CREATE TABLE t(x)"));
    /* Not before: its opening looks at the file, for which the impatient one would not wait. */
    sidelite::connection other(queue, path.c_str(), impatient);
    queue.wait(other.opened());
    auto tx = queue.wait(holder.transaction(begin::immediate));
    CHECK_EQ(code_of([&] { (void)queue.wait(other.transaction(begin::immediate)); }), 5);
    /* A commit that is refused for a reader's sake may be tried again. */
    auto reading = std::optional(queue.wait(other.transaction()));
    queue.wait(reading->fetch("SELECT * FROM t"));
    queue.wait(tx.execute("INSERT INTO t VALUES (1)"));
    CHECK_EQ(code_of([&] { queue.wait(tx.commit()); }), 5);
    reading.reset();
    queue.wait(other.fetch("SELECT 1"));
    queue.wait(tx.commit());
    CHECK_EQ(queue.wait(other.fetch("SELECT count(*) FROM t")).value<int>(), 1);
  }
  scratch_remove(directory);
}

void time_is_up_for_a_transaction_that_is_held() {
  table f;
  auto tx = f.queue.wait(f.db.transaction(begin::immediate, 30ms));
  /* On a slow machine its time may be up already. */
  (void)code_of([&] { f.queue.wait(tx.execute("INSERT INTO t VALUES (1)")); });
  CHECK_EQ(f.rows(), 0);
  CHECK(code_of([&] { f.queue.wait(tx.commit()); }) != 0);
}

void transactions_move() {
  table f;
  auto tx = f.queue.wait(f.db.transaction(begin::immediate));
  auto moved = std::move(tx);
  CHECK_EQ(tx.id(), 0);
  CHECK_EQ(code_of([&] { f.queue.wait(tx.execute("SELECT 1")); }), SIDELITE_ERR_BAD_HANDLE);
  f.queue.wait(moved.execute("INSERT INTO t VALUES (1)"));
  auto waiting = f.db.transaction(begin::immediate);
  f.queue.wait(moved.commit());
  moved = f.queue.wait(waiting);
  f.queue.wait(moved.execute("INSERT INTO t VALUES (2)"));
  f.queue.wait(moved.commit());
  CHECK_EQ(f.rows(), 2);
}

void transaction_outlives_connection_and_queue() {
  auto f = std::make_unique<table>();
  auto tx = f->queue.wait(f->db.transaction(begin::immediate));
  auto lane = tx.with(sidelite::no_cache);
  f.reset();
  CHECK(lane.execute("SELECT 1").has_ended());
}

/* The connection takes no more requests, and yet it ends. */
void transaction_is_released_when_the_connection_is_full() {
  sidelite::queue queue;
  sidelite::open_options options;
  options.max_requests = 2;
  sidelite::connection db(queue, ":memory:", options);
  queue.wait(db.script("CREATE TABLE t(x)"));
  auto tx = std::optional(queue.wait(db.transaction(begin::immediate)));
  queue.wait(tx->execute("INSERT INTO t VALUES (1)"));
  auto running = tx->fetch(ENDLESS);
  auto waiting = db.fetch("SELECT count(*) FROM t");
  CHECK(db.fetch("SELECT 1").has_ended());
  tx.reset();
  running.cancel();
  CHECK_EQ(code_of([&] { queue.wait(running); }), SIDELITE_ERR_CANCELLED);
  CHECK_EQ(queue.wait(waiting).value<int>(), 0);
}

void none_is_the_sole_use_of_the_connection() {
  table f;
  auto sole = std::optional(f.queue.wait(f.db.transaction(begin::none)));
  auto other = f.db.execute("INSERT INTO t VALUES (2)");
  f.queue.wait(sole->execute("INSERT INTO t VALUES (1)"));
  CHECK(!other.has_ended());
  sole.reset();
  f.queue.wait(other);
  CHECK_EQ(f.rows(), 2);
}

/* ---- Savepoints ---- */

void savepoints_are_kept_or_undone() {
  table f;
  auto all = [](sidelite::connection &db) -> task<> {
    auto tx = co_await db.transaction(begin::immediate);
    co_await tx.execute("INSERT INTO t VALUES (1)");
    {
      auto kept = co_await tx.savepoint();
      co_await kept.execute("INSERT INTO t VALUES (2)");
      co_await kept.release();
    }
    try {
      auto undone = co_await tx.savepoint();
      co_await undone.execute("INSERT INTO t VALUES (3)");
      auto inner = co_await tx.savepoint();
      co_await inner.execute("INSERT INTO t VALUES (4)");
      co_await inner.release();
      throw std::runtime_error("mine");
    } catch (const std::runtime_error &) {
    }
    auto moved = co_await tx.savepoint();
    auto last = std::move(moved);
    co_await last.execute("INSERT INTO t VALUES (5)");
    co_await last.release();
    co_await tx.commit();
  };
  f.queue.wait(all(f.db));
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(x) FROM t"), "1,2,5");
}

void savepoint_that_is_left_undoes_itself_alone() {
  table f;
  auto tx = f.queue.wait(f.db.transaction(begin::immediate));
  f.queue.wait(tx.execute("INSERT INTO t VALUES (1)"));
  {
    auto outer = f.queue.wait(tx.savepoint());
    f.queue.wait(outer.execute("INSERT INTO t VALUES (2)"));
    auto inner = f.queue.wait(tx.savepoint());
    f.queue.wait(inner.execute("INSERT INTO t VALUES (3)"));
  }
  { auto unwanted = tx.savepoint(); }
  f.queue.wait(tx.commit());
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(x) FROM t"), "1");
}

void savepoint_of_no_transaction_is_refused() {
  table f;
  auto tx = f.queue.wait(f.db.transaction(begin::immediate));
  f.queue.wait(tx.rollback());
  CHECK_EQ(code_of([&] { (void)f.queue.wait(tx.savepoint()); }), SIDELITE_ERR_BAD_HANDLE);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(commit_keeps_what_was_done),
      TEST(rollback_undoes_it),
      TEST(transaction_left_by_an_exception_is_rolled_back),
      TEST(others_wait_for_its_end),
      TEST(transaction_destroyed_with_requests_out_is_rolled_back),
      TEST(commit_that_is_detached_commits),
      TEST(coroutine_is_destroyed_inside_its_transaction),
      TEST(begin_is_destroyed_while_it_waits),
      TEST(begin_is_destroyed_when_it_was_granted),
      TEST(begin_is_detached_or_its_callback_takes_nothing),
      TEST(begin_is_stopped_while_it_waits),
      TEST(begin_is_stopped_when_it_was_granted),
      TEST(stop_of_the_beginning_does_not_reach_the_transaction),
      TEST(stops_race_with_beginnings),
      TEST(begin_that_fails_is_an_error),
      TEST(time_is_up_for_a_transaction_that_is_held),
      TEST(transactions_move),
      TEST(transaction_outlives_connection_and_queue),
      TEST(transaction_is_released_when_the_connection_is_full),
      TEST(none_is_the_sole_use_of_the_connection),
      TEST(savepoints_are_kept_or_undone),
      TEST(savepoint_that_is_left_undoes_itself_alone),
      TEST(savepoint_of_no_transaction_is_refused),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
