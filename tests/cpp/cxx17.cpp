/*
 * C++17, without coroutines, spans and stop tokens: the program of README.md, and what it needs from day to day.
 *
 * std: c++17
 */
#include "harness.hpp"
#include "readme.hpp"

#ifdef SIDELITE_HAS_COROUTINES
#error "no C++17"
#endif

namespace program {

/* README */
#include <cstdio>
#include "sidelite.hpp"

struct person { std::string name; int born; };

int main() {
  sidelite::queue queue;
  sidelite::connection db(queue, ":memory:");
  db.execute("CREATE TABLE person(name TEXT, born INTEGER)").detach();
  db.execute("INSERT INTO person VALUES (?, ?)", "Ada Lovelace", 1815).detach();
  db.fetch("SELECT name, born FROM person").then([](sidelite::expected<sidelite::rows> rows) {
    if (!rows) return (void)std::fprintf(stderr, "%s\n", rows.error().what());
    for (auto [name, born] : rows->as<person>()) std::printf("%s, %d\n", name.c_str(), born);
  });
  queue.wait(db.close());
  return 0;
}
/* end */

}  // namespace program

namespace {

void readme_program_prints_ada() { CHECK_TEXT(printed_by(program::main), "Ada Lovelace, 1815\n"); }

void transaction_with_wait() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x)"));
  auto tx = f.queue.wait(f.db.transaction(sidelite::begin::immediate));
  f.queue.wait(tx.execute("INSERT INTO t VALUES (1)"));
  f.queue.wait(tx.commit());
  { auto left = f.queue.wait(f.db.transaction()), moved = std::move(left); }
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t"), 1);
}

/* Each step begins the next in its callback, as on a loop. */
void transaction_with_callbacks() {
  fixture f;
  f.db.script("CREATE TABLE t(x)").detach();
  bool committed = false;
  f.db.transaction(sidelite::begin::immediate).then([&committed](sidelite::expected<sidelite::transaction> begun) {
    auto tx = std::make_shared<sidelite::transaction>(std::move(begun).value());
    tx->execute("INSERT INTO t VALUES (1)").then([tx, &committed](auto &&) {
      tx->commit().then([tx, &committed](auto &&done) { committed = done.has_value(); });
    });
  });
  TURN_UNTIL(f.queue.get(), committed);
  CHECK_EQ(f.ask<int>("SELECT count(*) FROM t"), 1);
}

void stream_with_wait() {
  fixture f;
  int64_t sum = 0;
  auto stream = f.db.stream<int64_t>(COUNT_TO("1000"));
  while (auto next = f.queue.wait(stream.next())) sum += *next;
  CHECK_EQ(sum, 500500);
}

void times_and_bytes() {
  fixture f;
  auto now = std::chrono::system_clock::now();
  auto ms = std::chrono::time_point_cast<std::chrono::milliseconds>(now);
  CHECK(f.ask<decltype(ms)>("SELECT ?", ms) == ms);
  auto rows = f.queue.wait(f.db.fetch("SELECT x'0001ff'"));
  auto view = rows.value<sidelite::blob_view>();
  CHECK_EQ(std::to_integer<int>(*(view.end() - 1)), 255);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(readme_program_prints_ada),
      TEST(transaction_with_wait),
      TEST(transaction_with_callbacks),
      TEST(stream_with_wait),
      TEST(times_and_bytes),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
