/*
 * Rows: walked over, and decoded into tuples, aggregates and single values.
 *
 * std: c++17
 */
#include "harness.hpp"

#include <thread>

namespace {

struct person {
  std::string name;
  int born;
  std::optional<double> height;
};

struct viewed {
  std::string_view name;
  int64_t born;
  std::optional<double> height;
};

sidelite::rows people(fixture &f) {
  return f.queue.wait(f.db.fetch("SELECT 'Ada' AS name, 1815 AS born, NULL AS height UNION ALL "
                                 "SELECT 'Grace', 1906, 1.65 UNION ALL SELECT 'Hedy', 1914, 2"));
}

void rows_are_a_range() {
  fixture f;
  auto all = people(f);
  int64_t born = 0;
  std::string names;
  for (auto row : all) {
    names += row["name"].get<std::string_view>();
    born += row[1].get<int>();
    CHECK_EQ(row.size(), 3);
  }
  CHECK_TEXT(names, "AdaGraceHedy");
  CHECK_EQ(born, 1815 + 1906 + 1914);
  CHECK_EQ(all.size(), 3);
  CHECK_EQ(all.columns(), 3);
  CHECK_TEXT(std::string(all.column(2)), "height");
  CHECK(all.column(3).empty());
  CHECK(!all.empty());
  CHECK(all[0]["height"].is_null());
}

void rows_of_nothing() {
  fixture f;
  auto none = f.queue.wait(f.db.fetch("SELECT 1 AS a, 2 AS b WHERE 0"));
  CHECK(none.empty());
  CHECK_EQ(none.columns(), 2);
  CHECK(none.begin() == none.end());
  for (auto person : none.as<std::tuple<int, int>>()) CHECK(std::get<0>(person) != std::get<0>(person));
  sidelite::rows made;
  CHECK(made.empty() && made.columns() == 0 && made.get() == nullptr);
  CHECK_EQ(made.as<int>().size(), 0);
}

void what_is_not_there_is_out_of_range() {
  fixture f;
  auto all = people(f);
  CHECK_EQ(code_of([&] { (void)all[3]; }), sidelite::out_of_range);
  CHECK_EQ(code_of([&] { (void)all[0][3]; }), sidelite::out_of_range);
  CHECK_TEXT(message_of([&] { (void)all[0]["weight"]; }), "there is no column 'weight'");
  CHECK_EQ(code_of([&] { (void)all[0][size_t(-1)]; }), sidelite::out_of_range);
}

void rows_as_aggregates() {
  fixture f;
  auto all = people(f);
  std::vector<person> decoded;
  for (auto &&p : all.as<person>()) decoded.push_back(std::move(p));
  CHECK_EQ(decoded.size(), 3);
  CHECK_TEXT(decoded[1].name, "Grace");
  CHECK_EQ(decoded[2].born, 1914);
  CHECK(!decoded[0].height && decoded[1].height == 1.65 && decoded[2].height == 2.0);
  auto [name, born, height] = all[0].as<person>();
  CHECK_TEXT(name, "Ada");
  CHECK_EQ(born, 1815);
  CHECK(!height);
}

void rows_as_tuples_and_values() {
  fixture f;
  auto all = people(f);
  for (auto [name, born, height] : all.as<std::tuple<std::string_view, int, std::optional<double>>>())
    CHECK(!name.empty() && born > 1800 && height.value_or(1) >= 1);
  int64_t sum = 0;
  for (auto born : f.queue.wait(f.db.fetch("SELECT 1 UNION SELECT 2")).as<int64_t>()) sum += born;
  CHECK_EQ(sum, 3);
  auto pair = f.queue.wait(f.db.fetch("SELECT 1, 'one'"))[0].as<std::pair<int, std::string>>();
  CHECK_EQ(pair.first, 1);
  CHECK_TEXT(pair.second, "one");
  auto array = f.queue.wait(f.db.fetch("SELECT 1, 2, 3"))[0].as<std::array<int, 3>>();
  CHECK_EQ(array[2], 3);
}

/* The temporary is gone when the loop begins, its rows are not. */
void rows_of_a_temporary_live_as_long_as_the_loop() {
  fixture f;
  std::string names;
  for (auto p : people(f).as<viewed>()) names += p.name;
  CHECK_TEXT(names, "AdaGraceHedy");
}

void rows_outlive_connection_and_queue() {
  std::optional<sidelite::rows> kept;
  {
    fixture f;
    kept = people(f);
  }
  CHECK_TEXT((*kept)[1]["name"].get<std::string>(), "Grace");
  sidelite::rows copy = *kept;
  kept.reset();
  std::thread([moved = std::move(copy)] { CHECK_EQ(moved[2].as<person>().born, 1914); }).join();
}

void row_that_does_not_fit_its_type_is_an_error() {
  fixture f;
  auto all = people(f);
  CHECK_TEXT(message_of([&] { all[0].as<std::tuple<std::string, int>>(); }), "3 columns, where 2 are asked for");
  CHECK_TEXT(message_of([&] { all[0].as<std::tuple<int, int, int>>(); }), "column 'name': TEXT is no INTEGER");
  CHECK_TEXT(message_of([&] { all[0].as<std::tuple<std::string, int, double>>(); }),
             "column 'height': NULL is no REAL");
  CHECK_TEXT(message_of([&] { all[1].as<std::tuple<std::string, int, int>>(); }),
             "column 'height': REAL is no INTEGER");
  CHECK_EQ(code_of([&] {
             for (auto p : all.as<int>()) CHECK(p != p);
           }),
           sidelite::mismatch);
  auto tried = all[0].try_as<std::tuple<int, int, int>>();
  CHECK(!tried && tried.error().code() == sidelite::mismatch);
  CHECK(all[0].try_as<person>().has_value());
  CHECK(!all[0][0].try_get<int>());
  CHECK(all[0][1].try_get<int>().value() == 1815);
}

void value_is_of_one_row_and_one_column() {
  fixture f;
  CHECK_EQ(f.ask<int>("SELECT 42"), 42);
  CHECK_EQ(code_of([&] { f.ask<int>("SELECT 42 WHERE 0"); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<int>("SELECT 42, 43"); }), sidelite::mismatch);
  CHECK_TEXT(message_of([&] { f.ask<int>("SELECT 1 UNION SELECT 2"); }),
             "2 rows of 1 columns, where one value is asked for");
  auto named = f.queue.wait(f.db.fetch("SELECT 'a view'"));
  CHECK_TEXT(std::string(named.value<std::string_view>()), "a view");
  CHECK(named.try_value<std::string>().has_value());
  CHECK(!named.try_value<int>().has_value());
}

template <class T>
void last_field_is(fixture &f, int T::*last, int n) {
  std::string sql = "SELECT 0";
  for (int i = 1; i < n; i++) sql += ", " + std::to_string(i);
  CHECK_EQ(f.queue.wait(f.db.fetch(sql))[0].as<T>().*last, n - 1);
}

void aggregates_of_every_size() {
  fixture f;
#define FIELDS(n, last, ...)           \
  {                                    \
    struct s {                         \
      int __VA_ARGS__;                 \
    };                                 \
    last_field_is<s>(f, &s::last, n);  \
  }
  FIELDS(1, a, a)
  FIELDS(2, b, a, b)
  FIELDS(3, c, a, b, c)
  FIELDS(4, d, a, b, c, d)
  FIELDS(5, e, a, b, c, d, e)
  FIELDS(6, f, a, b, c, d, e, f)
  FIELDS(7, g, a, b, c, d, e, f, g)
  FIELDS(8, h, a, b, c, d, e, f, g, h)
  FIELDS(9, i, a, b, c, d, e, f, g, h, i)
  FIELDS(10, j, a, b, c, d, e, f, g, h, i, j)
  FIELDS(11, k, a, b, c, d, e, f, g, h, i, j, k)
  FIELDS(12, l, a, b, c, d, e, f, g, h, i, j, k, l)
  FIELDS(13, m, a, b, c, d, e, f, g, h, i, j, k, l, m)
  FIELDS(14, n, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
  FIELDS(15, o, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  FIELDS(16, p, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
  FIELDS(17, q, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  FIELDS(18, r, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r)
  FIELDS(19, s0, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0)
  FIELDS(20, t, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0, t)
  FIELDS(21, u, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0, t, u)
  FIELDS(22, v, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0, t, u, v)
  FIELDS(23, w, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0, t, u, v, w)
  FIELDS(24, x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s0, t, u, v, w, x)
#undef FIELDS
}

void returning_tells_rows_and_changes() {
  fixture f;
  f.queue.wait(f.db.script("CREATE TABLE t(x)"));
  auto rows = f.queue.wait(f.db.fetch("INSERT INTO t VALUES (5), (6) RETURNING x"));
  CHECK_EQ(rows.size(), 2);
  CHECK_EQ(rows.changes(), 2);
  CHECK_EQ(rows.last_insert_rowid(), 2);
  auto done = f.queue.wait(f.db.execute("DELETE FROM t"));
  CHECK_EQ(done.changes, 2);
  CHECK_EQ(f.queue.wait(f.db.execute("INSERT INTO t VALUES (7)")).last_insert_rowid, 1);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(rows_are_a_range),
      TEST(rows_of_nothing),
      TEST(what_is_not_there_is_out_of_range),
      TEST(rows_as_aggregates),
      TEST(rows_as_tuples_and_values),
      TEST(rows_of_a_temporary_live_as_long_as_the_loop),
      TEST(rows_outlive_connection_and_queue),
      TEST(row_that_does_not_fit_its_type_is_an_error),
      TEST(value_is_of_one_row_and_one_column),
      TEST(aggregates_of_every_size),
      TEST(returning_tells_rows_and_changes),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
