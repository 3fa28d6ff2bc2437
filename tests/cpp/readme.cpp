/*
 * The code of bindings/cpp/README.md, word for word, compiled and run.
 *
 * std: c++20
 * pkg-config: libuv
 */
#include "readme.hpp"

#include <stop_token>

#include "sidelite_libuv.h"

namespace program {

/* README */
#include <cstdio>
#include "sidelite.hpp"

struct person { std::string name; int born; };

sidelite::task<> greet(sidelite::connection &db) {
  co_await db.execute("CREATE TABLE person(name TEXT, born INTEGER)");
  co_await db.execute("INSERT INTO person VALUES (?, ?)", "Ada Lovelace", 1815);
  auto rows = co_await db.fetch("SELECT name, born FROM person");
  for (auto [name, born] : rows.as<person>()) std::printf("%s, %d\n", name.c_str(), born);
  co_await db.close();
}

int main() {
  sidelite::queue queue;
  sidelite::connection db(queue, ":memory:");
  queue.wait(greet(db));
  return 0;
}
/* end */

}  // namespace program

using namespace std::chrono_literals;

/* README */
enum class mood { calm, merry };

template <>
struct sidelite::conversion<mood> {
  static std::string_view to(mood m) { return m == mood::calm ? "calm" : "merry"; }
  static mood from(std::string_view text) { return text == "calm" ? mood::calm : mood::merry; }
};
/* end */

namespace {

using program::greet;

/* README */
sidelite::task<> ways_to_an_outcome(sidelite::connection &db) {
  auto first = db.fetch("SELECT 1"), second = db.fetch("SELECT 2");  // both are on their way
  sidelite::rows one = co_await first;                               // throws sidelite::error
  auto two = co_await std::move(second).expected();                  // throws nothing
  if (!two) std::fprintf(stderr, "%s\n", two.error().what());
  db.fetch("SELECT 3").then([](sidelite::expected<sidelite::rows>) {});
  std::future<sidelite::rows> future = db.fetch("SELECT 4").future();
  db.execute("DELETE FROM session WHERE expired").detach();          // nobody hears of it
}
/* end */

/* README */
sidelite::task<int> count(sidelite::connection &db, std::stop_token stop) {
  auto limited = db.with(sidelite::timeout(250ms), stop);
  auto rows = co_await limited.fetch("SELECT count(*) FROM city WHERE name LIKE ?", "San %");
  co_return rows.value<int>();
}
/* end */

/* README */
void read(const sidelite::rows &rows) {
  for (sidelite::row row : rows) std::printf("%d\n", row["born"].get<int>());
  for (auto [name, born] : rows.as<std::tuple<std::string_view, std::optional<int>>>())
    std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
}
/* end */

/* README */
sidelite::task<> transfer(sidelite::connection &db, int from, int to, int amount) {
  auto tx = co_await db.transaction(sidelite::begin::immediate);
  co_await tx.execute("UPDATE account SET balance = balance - ? WHERE id = ?", amount, from);
  co_await tx.execute("UPDATE account SET balance = balance + ? WHERE id = ?", amount, to);
  co_await tx.commit();
}
/* end */

/* README */
sidelite::task<> transfer_at_once(sidelite::connection &db, int from, int to, int amount) {
  sidelite::batch both;
  both.add("UPDATE account SET balance = balance - ? WHERE id = ?", amount, from);
  both.add("UPDATE account SET balance = balance + ? WHERE id = ?", amount, to);
  co_await db.run(both);
  std::vector<std::tuple<int, std::string>> notes = {{from, "paid"}, {to, "was paid"}};
  co_await db.execute_many("INSERT INTO note VALUES (?, ?)", notes);
}
/* end */

/* README */
struct city { std::string_view name; int64_t population; };

sidelite::task<int64_t> people(sidelite::connection &db) {
  int64_t sum = 0;
  auto cities = db.stream<city>("SELECT name, population FROM city");
  while (auto next = co_await cities.next()) sum += next->population;
  co_return sum;
}
/* end */

/* README */
sidelite::operation<uint64_t> print_cities(sidelite::connection &db) {
  return db.stream<city>("SELECT name, population FROM city").for_each([](const city &next) {
    std::printf("%.*s\n", static_cast<int>(next.name.size()), next.name.data());
  });
}
/* end */

/* README */
int run_on(uv_loop_t *loop) {
  sidelite::queue queue;
  sidelite::connection db(queue, ":memory:");
  sidelite_libuv adapter;
  sidelite_libuv_attach(&adapter, queue.get(), loop, 1000);
  queue.spawn(greet(db), [&](auto &&) { sidelite_libuv_detach(&adapter, nullptr); });
  return uv_run(loop, UV_RUN_DEFAULT);
}
/* end */

/* README */
sidelite::connection open_as_sqlite_does(sidelite::queue &queue, const char *path) {
  sidelite::open_options options;
  options.flags = 0;
  options.journal_mode = SIDELITE_JOURNAL_WAL;
  options.pragmas = {"cache_size=-8000"};
  return sidelite::connection(queue, path, options);
}
/* end */

/* Each block of code stands in this file or in that for C++17. */
void every_block_is_tested() {
  std::string readme = text_of("../../bindings/cpp/README.md"), tests = text_of("readme.cpp") + text_of("cxx17.cpp");
  size_t blocks = 0;
  for (size_t at = 0; (at = readme.find("```cpp\n", at)) != std::string::npos; blocks++) {
    size_t begin = at + strlen("```cpp\n"), end = readme.find("```", begin);
    CHECK(end != std::string::npos);
    std::string block = "/* README */\n" + readme.substr(begin, end - begin) + "/* end */\n";
    if (tests.find(block) == std::string::npos) fprintf(stderr, "not tested:\n%s", block.c_str());
    CHECK(tests.find(block) != std::string::npos);
    at = end + 3;
  }
  CHECK(blocks > 0);
}

void first_program_prints_ada() { CHECK_TEXT(printed_by(program::main), "Ada Lovelace, 1815\n"); }

void outcomes() {
  fixture f;
  f.queue.wait(ways_to_an_outcome(f.db));
}

struct cities : fixture {
  cities() {
    queue.wait(db.script("CREATE TABLE city(name TEXT, population INTEGER);"
                         "INSERT INTO city VALUES ('San Marino', 4040), ('Rome', 2700000), ('San Jose', 970000)"));
  }
};

void cancellation() {
  cities f;
  std::stop_source stop;
  CHECK_EQ(f.queue.wait(count(f.db, stop.get_token())), 2);
  stop.request_stop();
  CHECK_EQ(code_of([&] { f.queue.wait(count(f.db, stop.get_token())); }), SIDELITE_ERR_CANCELLED);
}

void conversions() {
  fixture f;
  CHECK(f.ask<mood>("SELECT ?", mood::merry) == mood::merry);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", mood::calm), "calm");
}

void reading() {
  fixture f;
  read(f.queue.wait(f.db.fetch("SELECT 'Ada' AS name, 1815 AS born")));
}

void transactions() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER CHECK (balance >= 0));"
                           "CREATE TABLE note(account INTEGER, text TEXT);"
                           "INSERT INTO account VALUES (1, 100), (2, 0)"));
  f.queue.wait(transfer(f.db, 1, 2, 30));
  f.queue.wait(transfer_at_once(f.db, 1, 2, 30));
  CHECK_EQ(code_of([&] { f.queue.wait(transfer(f.db, 1, 2, 100)); }), 275);
  CHECK_EQ(code_of([&] { f.queue.wait(transfer_at_once(f.db, 1, 2, 100)); }), 275);
  CHECK_TEXT(f.ask<std::string>("SELECT group_concat(balance) || (SELECT count(*) FROM note) FROM account"), "40,602");
}

void streams() {
  cities f;
  CHECK_EQ(f.queue.wait(people(f.db)), 4040 + 2700000 + 970000);
  CHECK_EQ(f.queue.wait(print_cities(f.db)), 3);
}

void loops() {
  uv_loop_t loop;
  CHECK_EQ(uv_loop_init(&loop), 0);
  CHECK_EQ(run_on(&loop), 0);
  CHECK_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  CHECK_EQ(uv_loop_close(&loop), 0);
}

void options() {
  const char *directory = scratch_new();
  {
    sidelite::queue queue;
    auto db = open_as_sqlite_does(queue, (std::string(directory) + "/plain.db").c_str());
    CHECK_TEXT(queue.wait(db.fetch("PRAGMA journal_mode")).value<std::string>(), "wal");
    CHECK_EQ(queue.wait(db.fetch("PRAGMA foreign_keys")).value<int>(), 0);
  }
  scratch_remove(directory);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(every_block_is_tested),
      TEST(first_program_prints_ada),
      TEST(outcomes),
      TEST(cancellation),
      TEST(conversions),
      TEST(reading),
      TEST(transactions),
      TEST(streams),
      TEST(loops),
      TEST(options),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
