/*
 * Values: what goes in comes back as it was, and what cannot is an error before anything is sent.
 *
 * std: c++20
 */
#include "harness.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <span>

namespace {

using namespace std::chrono_literals;
using time_ms = std::chrono::sys_time<std::chrono::milliseconds>;

/* To SQLite and back, as the same type. */
template <class T>
T round_trip(fixture &f, const T &value) {
  return f.ask<T>("SELECT ?", value);
}

template <class T>
void integers_of() {
  fixture f;
  for (T value : {std::numeric_limits<T>::min(), T(0), T(1), T(100)}) CHECK(round_trip(f, value) == value);
  if constexpr (sizeof(T) < 8 || std::is_signed_v<T>)
    CHECK(round_trip(f, std::numeric_limits<T>::max()) == std::numeric_limits<T>::max());
}

void integers_keep_their_value() {
  integers_of<signed char>();
  integers_of<unsigned char>();
  integers_of<short>();
  integers_of<unsigned short>();
  integers_of<int>();
  integers_of<unsigned>();
  integers_of<long>();
  integers_of<unsigned long>();
  integers_of<long long>();
  integers_of<unsigned long long>();
}

void integer_above_int64_max_is_refused_before_anything_is_sent() {
  fixture f;
  f.queue.wait(f.db.opened());
  uint64_t submitted = stats_of(f.db.get()).submitted;
  auto ended = f.queue.wait(f.db.fetch("SELECT ?, ?", 1, uint64_t(INT64_MAX) + 1).expected());
  CHECK(!ended);
  CHECK_EQ(ended.error().code(), SIDELITE_ERR_MISUSE);
  CHECK_TEXT(ended.error().what(), "parameter 2: an integer above INT64_MAX");
  CHECK(ended.error().not_run());
  CHECK_EQ(stats_of(f.db.get()).submitted, submitted);
  CHECK(f.ask<uint64_t>("SELECT ?", uint64_t(INT64_MAX)) == uint64_t(INT64_MAX));
}

void integer_that_does_not_fit_is_an_error() {
  fixture f;
  auto wide = f.queue.wait(f.db.fetch("SELECT 128, -129, 256, -1, 2147483648, 2"));
  auto row = wide[0];
  CHECK_EQ(row[0].get<short>(), 128);
  CHECK_EQ(code_of([&] { row[0].get<signed char>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[1].get<signed char>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[2].get<unsigned char>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[3].get<unsigned char>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[3].get<uint64_t>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[4].get<int>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { row[5].get<bool>(); }), sidelite::mismatch);
  CHECK_TEXT(message_of([&] { row[4].get<int>(); }), "column '2147483648': INTEGER does not fit");
}

void bools_are_0_and_1() {
  fixture f;
  CHECK(round_trip(f, true));
  CHECK(!round_trip(f, false));
  CHECK_EQ(f.ask<int>("SELECT ?", true), 1);
}

void floating_numbers_keep_their_value() {
  fixture f;
  for (double value : {0.0, 0.1, -1e300, 5e-324, std::numeric_limits<double>::infinity()})
    CHECK(round_trip(f, value) == value);
  CHECK(round_trip(f, 0.1f) == 0.1f);
  CHECK(f.ask<float>("SELECT 0.1") == 0.1f);
  CHECK_EQ(code_of([&] { f.ask<float>("SELECT 1e300"); }), sidelite::mismatch);
  CHECK(std::isinf(f.ask<float>("SELECT 1e999")));
  CHECK(!f.ask<std::optional<double>>("SELECT ?", std::nan("")));
}

void integer_becomes_a_double_only_without_loss() {
  fixture f;
  CHECK(f.ask<double>("SELECT 9007199254740992") == 9007199254740992.0);
  CHECK(f.ask<double>("SELECT ?", INT64_MIN) == -9223372036854775808.0);
  CHECK(f.ask<float>("SELECT 16777216") == 16777216.0f);
  for (int64_t value : {int64_t(9007199254740993), INT64_MAX, -INT64_MAX})
    CHECK_EQ(code_of([&] { f.ask<double>("SELECT ?", value); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<float>("SELECT 16777217"); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<int>("SELECT 1.0"); }), sidelite::mismatch);
}

void text_of_every_kind_goes_in() {
  fixture f;
  char array[8] = "four";
  const char *pointer = "four";
  const std::string string = "four";
  const char *none = nullptr;
  CHECK_TEXT(f.ask<std::string>("SELECT ?", "four"), string);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", array), string);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", pointer), string);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", string), string);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", std::string_view(string).substr(1, 2)), "ou");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", std::string_view()), "");
  CHECK(!f.ask<std::optional<std::string>>("SELECT ?", none));
  std::string nul("a\0b", 3);
  CHECK(f.ask<std::string>("SELECT ?", nul) == nul);
  CHECK_EQ(code_of([&] { f.ask<std::string>("SELECT ?", "\xff"); }), SIDELITE_ERR_BAD_TEXT);
}

void sql_is_a_view_and_may_end_anywhere() {
  fixture f;
  std::string_view sql = "SELECT 12345";
  CHECK_EQ(f.queue.wait(f.db.fetch(sql.substr(0, 9))).value<int>(), 12);
  CHECK_EQ(f.queue.wait(f.db.fetch(sql.substr(0, 0)).expected()).has_value(),
           f.queue.wait(f.db.fetch("").expected()).has_value());
  CHECK_EQ(f.queue.wait(f.db.fetch(std::string_view()).expected()).has_value(),
           f.queue.wait(f.db.fetch("").expected()).has_value());
}

void blobs_of_every_kind_go_in_and_come_out() {
  fixture f;
  std::vector<std::byte> bytes = {std::byte(0), std::byte(255), std::byte(7)};
  const unsigned char raw[] = {0, 255, 7};
  CHECK(round_trip(f, bytes) == bytes);
  CHECK(f.ask<std::vector<std::byte>>("SELECT ?", std::span<const std::byte>(bytes)) == bytes);
  CHECK(f.ask<std::vector<std::byte>>("SELECT ?", std::span<std::byte>(bytes)) == bytes);
  CHECK(f.ask<std::vector<std::byte>>("SELECT ?", raw) == bytes);
  CHECK(f.ask<std::vector<unsigned char>>("SELECT ?", sidelite::blob_view{bytes.data(), bytes.size()})[1] == 255);
  CHECK(round_trip(f, std::vector<std::byte>()).empty());
  CHECK_EQ(f.ask<int>("SELECT typeof(?) = 'blob'", std::span<const std::byte>()), 1);
  CHECK(f.ask<std::vector<std::byte>>("SELECT ?", sidelite::zeroblob{5}) == std::vector<std::byte>(5));
  auto rows = f.queue.wait(f.db.fetch("SELECT x'0102', 'text', NULL"));
  auto view = rows[0][0].get<std::span<const std::byte>>();
  CHECK(view.size() == 2 && view[1] == std::byte(2));
  auto plain = rows[0][0].get<sidelite::blob_view>();
  CHECK(plain.size() == 2 && plain.data() == view.data());
  CHECK_EQ(code_of([&] { rows[0][1].get<std::vector<std::byte>>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { rows[0][0].get<std::string>(); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { rows[0][2].get<std::vector<std::byte>>(); }), sidelite::mismatch);
}

void null_is_none_and_nothing_else() {
  fixture f;
  CHECK_EQ(f.ask<int>("SELECT ? IS NULL", nullptr), 1);
  CHECK_EQ(f.ask<int>("SELECT ? IS NULL", std::nullopt), 1);
  CHECK_EQ(f.ask<int>("SELECT ? IS NULL", std::optional<int>()), 1);
  CHECK_EQ(f.ask<int>("SELECT ?", std::optional<int>(3)), 3);
  CHECK(f.ask<std::optional<int>>("SELECT 3") == 3);
  CHECK(!f.ask<std::optional<int>>("SELECT NULL"));
  CHECK_EQ(code_of([&] { f.ask<int>("SELECT NULL"); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<std::string>("SELECT NULL"); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<std::optional<int>>("SELECT 'three'"); }), sidelite::mismatch);
}

std::chrono::sys_days date(int year, unsigned month, unsigned day) {
  return std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
}

time_ms at(int year, unsigned month, unsigned day, std::chrono::milliseconds rest = 0ms) {
  return date(year, month, day) + rest;
}

void time_is_text_that_sqlite_reads() {
  fixture f;
  auto time = at(2026, 8, 1, 12h + 34min + 56s + 789ms);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", time), "2026-08-01 12:34:56.789");
  CHECK_TEXT(f.ask<std::string>("SELECT datetime(?, '+1 day')", time), "2026-08-02 12:34:56");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", time + 999us), "2026-08-01 12:34:56.789");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", at(1969, 12, 31, 23h) + 1us), "1969-12-31 23:00:00.000");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", date(2024, 2, 29)), "2024-02-29 00:00:00.000");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", at(0, 1, 1)), "0000-01-01 00:00:00.000");
  CHECK_TEXT(f.ask<std::string>("SELECT ?", at(9999, 12, 31, 24h - 1ms)), "9999-12-31 23:59:59.999");
}

void time_outside_of_four_digit_years_is_refused() {
  fixture f;
  using days = std::chrono::sys_days;
  for (auto time : {date(0, 1, 1) - std::chrono::days(1), date(9999, 12, 31) + std::chrono::days(1),
                    days::max(), days::min()})
    CHECK_EQ(code_of([&] { f.ask<int>("SELECT ?", time); }), SIDELITE_ERR_MISUSE);
}

void time_is_read_in_the_forms_that_sqlite_writes() {
  fixture f;
  auto day = at(2026, 8, 1);
  for (const char *sql : {"SELECT '2026-08-01 12:34:56.789'", "SELECT '2026-08-01T12:34:56.789'",
                          "SELECT '2026-08-01 12:34:56.789Z'", "SELECT '2026-08-01T12:34:56.789000999Z'",
                          "SELECT strftime('%Y-%m-%d %H:%M:%f', '2026-08-01 12:34:56.789')"})
    CHECK(f.ask<time_ms>(sql) == day + 12h + 34min + 56s + 789ms);
  CHECK(f.ask<time_ms>("SELECT datetime('2026-08-01 12:34:56')") == day + 12h + 34min + 56s);
  CHECK(f.ask<time_ms>("SELECT date('2026-08-01')") == day);
  CHECK(f.ask<time_ms>("SELECT '2026-08-01 12:34'") == day + 12h + 34min);
  CHECK(f.ask<std::chrono::sys_days>("SELECT '2026-08-01 12:34'") == date(2026, 8, 1));
  CHECK(f.ask<std::chrono::sys_seconds>("SELECT '1969-12-31 23:59:59.5'").time_since_epoch() == -1s);
  using micro = std::chrono::sys_time<std::chrono::microseconds>;
  CHECK(f.ask<micro>("SELECT '1970-01-01 00:00:00.1234567'").time_since_epoch() == 123456us);
}

void text_that_is_no_time_is_an_error() {
  fixture f;
  for (const char *text : {"", "2026", "2026-13-01", "2026-02-29", "2026-08-01 ", "2026-08-01 24:00:00",
                           "2026-08-01 12:60", "2026-08-01 12:34:60", "2026-08-01 12:34:56.", "26-08-01",
                           "2026-08-01 12:34:56 ", "2026-08-01Z", "now", "-001-01-01", "2026-00-10", "2026-01-00"})
    CHECK_EQ(code_of([&] { f.ask<time_ms>("SELECT ?", text); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<time_ms>("SELECT 1"); }), sidelite::mismatch);
  CHECK_EQ(code_of([&] { f.ask<std::chrono::sys_time<std::chrono::nanoseconds>>("SELECT '2300-01-01'"); }),
           sidelite::mismatch);
  CHECK(f.ask<std::chrono::sys_time<std::chrono::nanoseconds>>("SELECT '2262-01-01'").time_since_epoch() > 0s);
}

/* Against the calendar of the standard library, and of SQLite. */
void random_times_come_back() {
  unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937_64 random(seed);
  auto first = at(0, 1, 1).time_since_epoch().count(), last = at(9999, 12, 31).time_since_epoch().count();
  std::uniform_int_distribution<int64_t> any(first, last);
  fixture f;
  for (int i = 0; i < SCALED(2000); i++) {
    time_ms time{std::chrono::milliseconds(any(random))};
    auto rows = f.queue.wait(f.db.fetch("SELECT ?1, strftime('%s', ?1), date(?1)", time));
    CHECK(rows[0][0].get<time_ms>() == time);
    auto day = std::chrono::floor<std::chrono::days>(time);
    CHECK_TEXT(rows[0][1].get<std::string>(),
               std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()));
    CHECK(rows[0][2].get<std::chrono::sys_days>() == day);
  }
}

void parameters_by_name() {
  fixture f;
  using sidelite::named;
  CHECK_EQ(f.ask<int>("SELECT :a - $b - @c", named("c", 1), named(":a", 10), named("b", 2)), 7);
  std::string name = "x";
  CHECK_EQ(f.ask<int>("SELECT :x", named(name.c_str(), std::optional<int>(4))), 4);
  CHECK(code_of([&] { f.ask<int>("SELECT :a, :b", named("a", 1)); }) != 0);
}

void cells_and_values_are_parameters() {
  fixture f;
  auto rows = f.queue.wait(f.db.fetch("SELECT 7, 'seven', x'07', NULL, 7.5"));
  for (size_t i = 0; i < rows.columns(); i++) {
    auto again = f.queue.wait(f.db.fetch("SELECT ?", rows[0][i]));
    CHECK_EQ(again[0][0].type(), rows[0][i].type());
    CHECK_EQ(again[0][0].size(), rows[0][i].size());
  }
  CHECK_TEXT(f.ask<std::string>("SELECT ?", rows[0][1]), "seven");
  CHECK_EQ(f.ask<int>("SELECT ?", sidelite_int(9)), 9);
}

struct point {
  int x, y;
};

}  // namespace

/* A type of one's own: two coordinates as one text. */
template <>
struct sidelite::conversion<point> {
  static std::string to(const point &p) { return std::to_string(p.x) + " and " + std::to_string(p.y); }
  static point from(std::string_view text) {
    point p{};
    if (sscanf(std::string(text).c_str(), "%d and %d", &p.x, &p.y) != 2) throw std::invalid_argument("no point");
    return p;
  }
};

namespace {

void types_of_ones_own() {
  fixture f;
  point p = round_trip(f, point{-1000000, 2000000});
  CHECK_EQ(p.x, -1000000);
  CHECK_EQ(p.y, 2000000);
  CHECK_TEXT(f.ask<std::string>("SELECT ?", std::optional<point>(point{1, 2})), "1 and 2");
  CHECK(!f.ask<std::optional<point>>("SELECT NULL"));
  CHECK_EQ(code_of([&] { f.ask<point>("SELECT 1"); }), sidelite::mismatch);
  bool thrown = false;
  try {
    f.ask<point>("SELECT 'nowhere'");
  } catch (const std::invalid_argument &) {
    thrown = true;
  }
  CHECK(thrown);
}

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(integers_keep_their_value),
      TEST(integer_above_int64_max_is_refused_before_anything_is_sent),
      TEST(integer_that_does_not_fit_is_an_error),
      TEST(bools_are_0_and_1),
      TEST(floating_numbers_keep_their_value),
      TEST(integer_becomes_a_double_only_without_loss),
      TEST(text_of_every_kind_goes_in),
      TEST(sql_is_a_view_and_may_end_anywhere),
      TEST(blobs_of_every_kind_go_in_and_come_out),
      TEST(null_is_none_and_nothing_else),
      TEST(time_is_text_that_sqlite_reads),
      TEST(time_outside_of_four_digit_years_is_refused),
      TEST(time_is_read_in_the_forms_that_sqlite_writes),
      TEST(text_that_is_no_time_is_an_error),
      TEST(random_times_come_back),
      TEST(parameters_by_name),
      TEST(cells_and_values_are_parameters),
      TEST(types_of_ones_own),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
