/*
 * sidelite_value.hpp - what goes into a request, and the cells that come out of it
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it. The types and their limits stand in a table of README.md.
 */
#ifndef SIDELITE_VALUE_HPP
#define SIDELITE_VALUE_HPP

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <forward_list>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "sidelite_error.hpp"

#ifdef SIDELITE_HAS_SPAN
#include <span>
#endif

namespace sidelite {
inline namespace SIDELITE_CXX {

/* Bytes that live elsewhere, as std::span<const std::byte>, which C++17 has not. */
struct blob_view {
  const std::byte *bytes = nullptr;
  std::size_t length = 0;

  const std::byte *data() const noexcept { return bytes; }
  std::size_t size() const noexcept { return length; }
  const std::byte *begin() const noexcept { return bytes; }
  const std::byte *end() const noexcept { return bytes + length; }
};

/* A parameter of so many zero bytes, to be written in parts. */
struct zeroblob {
  int64_t length;
};

/* A named parameter: db.fetch("... WHERE id = :id", named("id", 42)). The name may have its `:`, `@` or `$`. */
template <class T>
struct named_value {
  const char *name;
  const T &value;
};
template <class T>
named_value<T> named(const char *name, const T &value) noexcept {
  return {name, value};
}

/* To be specialised for types of your own: `static X to(const T &)` makes one of the types that are known,
 * `static T from(X)` takes it back. What `from` throws passes through to whoever reads the cell. */
template <class T>
struct conversion;

namespace detail {

template <class T, class = void>
struct is_converted : std::false_type {};
template <class T>
struct is_converted<T, std::void_t<decltype(sizeof(conversion<T>))>> : std::true_type {};

template <class T>
using converted = std::decay_t<decltype(conversion<T>::to(std::declval<const T &>()))>;

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/* The types of single characters are no numbers here: a 'a' that is stored as 97 is a mistake. */
template <class T>
inline constexpr bool is_integer =
    std::is_integral_v<T> && sizeof(T) <= sizeof(int64_t) && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
#ifdef __cpp_char8_t
    !std::is_same_v<T, char8_t> &&
#endif
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

/* Not long double, which would lose digits. */
template <class T>
inline constexpr bool is_real = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T>
inline constexpr bool is_byte = std::is_same_v<T, std::byte> || std::is_same_v<T, unsigned char>;

template <class T>
using element = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T &>()))>>;

/* vector, span, array, blob_view of bytes. */
template <class T, class = void>
struct is_bytes : std::false_type {};
template <class T>
struct is_bytes<T, std::void_t<element<T>>> : std::bool_constant<is_byte<element<T>>> {};

template <class T>
struct is_time : std::false_type {};
template <class D>
struct is_time<std::chrono::time_point<std::chrono::system_clock, D>> : std::true_type {};

template <class T>
struct is_named : std::false_type {};
template <class T>
struct is_named<named_value<T>> : std::true_type {};

/* Bytes that can be given, and not only borrowed from the rows. */
template <class T>
inline constexpr bool is_byte_vector =
    std::is_same_v<T, std::vector<std::byte>> || std::is_same_v<T, std::vector<unsigned char>>;

template <class T>
inline constexpr bool is_byte_view = std::is_same_v<T, blob_view>;
#ifdef SIDELITE_HAS_SPAN
template <class B>
inline constexpr bool is_byte_view<std::span<B>> = std::is_const_v<B> && is_byte<std::remove_cv_t<B>>;
#endif

/* What one cell can be read as. */
template <class T>
inline constexpr bool is_cell = is_integer<T> || is_real<T> || std::is_same_v<T, std::string> ||
                                std::is_same_v<T, std::string_view> || is_byte_vector<T> || is_byte_view<T> ||
                                is_time<T>::value || is_optional<T>::value || is_converted<T>::value;

template <class>
inline constexpr bool never = false;

/* ---- Time, as SQLite's date functions read and write it ---- */

inline constexpr int64_t day_seconds = 86400;
inline constexpr double first_second = -62167219200.0, end_second = 253402300800.0; /* of the years 0000 to 9999 */

/* The proleptic Gregorian calendar in eras of 400 years that begin with March, so that the leap day comes last. */
inline constexpr int64_t era_days = 146097, epoch_day = 719468;

constexpr int64_t days_of(int64_t year, int64_t month, int64_t day) noexcept {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400, in_era = year - era * 400;
  int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * era_days + in_era * 365 + in_era / 4 - in_era / 100 + in_year - epoch_day;
}

inline void put_digits(char *&out, int64_t number, int width) noexcept {
  for (int i = width; i-- > 0; number /= 10) out[i] = static_cast<char>('0' + number % 10);
  out += width;
}

/* "2026-08-01 12:00:00.000", of milliseconds since the epoch. */
inline std::string time_text(int64_t ms) {
  int64_t day = ms / (day_seconds * 1000) - (ms % (day_seconds * 1000) < 0);
  int64_t rest = ms - day * day_seconds * 1000;
  int64_t since = day + epoch_day, era = (since >= 0 ? since : since - era_days + 1) / era_days;
  int64_t in_era = since - era * era_days;
  int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * year + year / 4 - year / 100), from_march = (5 * in_year + 2) / 153;
  int64_t month = from_march + (from_march < 10 ? 3 : -9);
  std::string text = "0000-00-00 00:00:00.000";
  char *out = text.data();
  put_digits(out, year + era * 400 + (month <= 2), 4);
  put_digits(++out, month, 2);
  put_digits(++out, in_year - (153 * from_march + 2) / 5 + 1, 2);
  put_digits(++out, rest / 3600000, 2);
  put_digits(++out, rest / 60000 % 60, 2);
  put_digits(++out, rest / 1000 % 60, 2);
  put_digits(++out, rest % 1000, 3);
  return text;
}

/* Takes a text apart from the front; once something is missing, `ok` stays false. */
struct time_reader {
  std::string_view left;
  bool ok = true;

  bool skip(char c) noexcept {
    if (left.empty() || left[0] != c) return false;
    left.remove_prefix(1);
    return true;
  }
  int64_t digits(std::size_t width, int64_t least, int64_t most) noexcept {
    int64_t number = 0;
    ok = ok && left.size() >= width;
    for (std::size_t i = 0; ok && i < width; i++) {
      ok = left[i] >= '0' && left[i] <= '9';
      number = number * 10 + (left[i] - '0');
    }
    ok = ok && number >= least && number <= most;
    if (ok) left.remove_prefix(width);
    return number;
  }
  /* What follows the point, however long, in nanoseconds. */
  int64_t fraction() noexcept {
    int64_t number = 0, unit = 100000000;
    ok = ok && !left.empty() && left[0] >= '0' && left[0] <= '9';
    for (; ok && !left.empty() && left[0] >= '0' && left[0] <= '9'; left.remove_prefix(1), unit /= 10)
      number += (left[0] - '0') * unit;
    return number;
  }
};

/* Seconds and nanoseconds of what SQLite writes: a date, then, if it likes, a time, a fraction, a Z. */
inline bool read_time(std::string_view text, int64_t &seconds, int64_t &nanoseconds) noexcept {
  time_reader in{text};
  int64_t year = in.digits(4, 0, 9999), month = (in.ok = in.ok && in.skip('-'), in.digits(2, 1, 12));
  int64_t day = (in.ok = in.ok && in.skip('-'), in.digits(2, 1, 31));
  int64_t next_month = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
  int64_t days = in.ok ? days_of(year, month, day) : 0;
  in.ok = in.ok && days < next_month;
  seconds = days * day_seconds;
  nanoseconds = 0;
  if (in.skip(' ') || in.skip('T')) {
    seconds += in.digits(2, 0, 23) * 3600;
    in.ok = in.ok && in.skip(':');
    seconds += in.digits(2, 0, 59) * 60;
    if (in.skip(':')) {
      seconds += in.digits(2, 0, 59);
      if (in.skip('.')) nanoseconds = in.fraction();
    }
    in.skip('Z');
  }
  return in.ok && in.left.empty();
}

}  // namespace detail

/* ---- Out: cells ---- */

/* One cell of a row; it refers to the rows and lives as long as they. */
class cell {
 public:
  /* SIDELITE_NULL, SIDELITE_INTEGER, SIDELITE_REAL, SIDELITE_TEXT or SIDELITE_BLOB. */
  uint32_t type() const noexcept { return value_->type; }
  bool is_null() const noexcept { return type() == SIDELITE_NULL; }
  /* As it stands in the result; the bytes of TEXT and BLOB. */
  const sidelite_value &raw() const noexcept { return *value_; }
  const void *data() const noexcept { return reinterpret_cast<const char *>(result_) + value_->as.offset; }
  std::size_t size() const noexcept { return value_->len; }

  /* The cell as a T, without loss; throws `error` with SQLITE_MISMATCH (20) when it is no T. Views live as long as the
   * rows. */
  template <class T>
  T get() const {
    T out{};
    if (const char *why = read(out)) throw failure(why);
    return out;
  }
  template <class T>
  expected<T> try_get() const {
    T out{};
    if (const char *why = read(out)) return failure(why);
    return out;
  }

 private:
  friend class row;
  cell(const sidelite_result *result, const sidelite_value *value) noexcept : result_(result), value_(value) {}

  std::string_view text() const noexcept { return {static_cast<const char *>(data()), size()}; }
  error failure(const char *why) const;

  /* Sets `out`, or says why not. */
  template <class T>
  const char *read(T &out) const {
    if constexpr (detail::is_converted<T>::value) {
      detail::converted<T> stored{};
      const char *why = read(stored);
      if (!why) out = conversion<T>::from(std::move(stored));
      return why;
    } else if constexpr (detail::is_optional<T>::value) {
      out.reset();
      return is_null() ? nullptr : read(out.emplace());
    } else if constexpr (std::is_same_v<T, bool>) {
      if (type() != SIDELITE_INTEGER) return "is no INTEGER";
      out = value_->as.integer == 1;
      return value_->as.integer == 0 || out ? nullptr : "is neither 0 nor 1";
    } else if constexpr (detail::is_integer<T>) {
      return read_integer(out);
    } else if constexpr (detail::is_real<T>) {
      return read_real(out);
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
      if (type() != SIDELITE_TEXT) return "is no TEXT";
      out = text();
      return nullptr;
    } else if constexpr (detail::is_byte_vector<T>) {
      if (type() != SIDELITE_BLOB) return "is no BLOB";
      auto bytes = static_cast<const typename T::value_type *>(data());
      out.assign(bytes, bytes + size());
      return nullptr;
    } else if constexpr (detail::is_byte_view<T>) {
      if (type() != SIDELITE_BLOB) return "is no BLOB";
      out = T{static_cast<std::remove_reference_t<decltype(*out.data())> *>(data()), size()};
      return nullptr;
    } else if constexpr (detail::is_time<T>::value) {
      return read_time(out);
    } else {
      static_assert(detail::never<T>, "sidelite: a cell cannot be read as this type. Known are integers, bool, float, "
                                      "double, std::string, std::string_view, std::vector and std::span<const> of "
                                      "std::byte or unsigned char, sidelite::blob_view, time points of "
                                      "std::chrono::system_clock, std::optional of these, and types for which "
                                      "sidelite::conversion is specialised");
    }
  }

  template <class T>
  const char *read_integer(T &out) const noexcept {
    if (type() != SIDELITE_INTEGER) return "is no INTEGER";
    int64_t integer = value_->as.integer;
    out = static_cast<T>(integer);
    bool fits = static_cast<int64_t>(out) == integer && (std::is_signed_v<T> || integer >= 0);
    return fits ? nullptr : "does not fit";
  }

  template <class T>
  const char *read_real(T &out) const noexcept {
    if (type() == SIDELITE_REAL) {
      out = static_cast<T>(value_->as.real);
      return std::isinf(out) && !std::isinf(value_->as.real) ? "does not fit" : nullptr;
    }
    if (type() != SIDELITE_INTEGER) return "is no REAL";
    out = static_cast<T>(value_->as.integer);
    bool exact = out < static_cast<T>(9223372036854775808.0) && static_cast<int64_t>(out) == value_->as.integer;
    return exact ? nullptr : "has more digits than the floating type";
  }

  template <class D>
  const char *read_time(std::chrono::time_point<std::chrono::system_clock, D> &out) const noexcept {
    using std::chrono::seconds;
    int64_t whole = 0, rest = 0;
    if (type() != SIDELITE_TEXT || !detail::read_time(text(), whole, rest)) return "is no time as SQLite writes it";
    std::chrono::duration<double> least = D::min(), most = D::max();
    if (static_cast<double>(whole) - 1 < least.count() || static_cast<double>(whole) + 1 > most.count())
      return "does not fit";
    if constexpr (std::ratio_less_equal_v<typename D::period, std::ratio<1>>)
      out = std::chrono::time_point<std::chrono::system_clock, D>(
          std::chrono::duration_cast<D>(seconds(whole)) +
          std::chrono::duration_cast<D>(std::chrono::nanoseconds(rest)));
    else
      out = std::chrono::time_point<std::chrono::system_clock, D>(std::chrono::floor<D>(seconds(whole)));
    return nullptr;
  }

  const sidelite_result *result_;
  const sidelite_value *value_;
};

inline error cell::failure(const char *why) const {
  static const char *const types[] = {"NULL", "INTEGER", "REAL", "TEXT", "BLOB"};
  auto first = sidelite_row_value(result_, 0, 0);
  auto column = static_cast<uint32_t>((value_ - first) % result_->ncols);
  return error(mismatch, std::string("column '") + sidelite_column_name(result_, column) + "': " +
                             (type() <= SIDELITE_BLOB ? types[type()] : "?") + " " + why);
}

/* ---- In: parameters ---- */

namespace detail {

/* Sets values, and owns what has to be made for them until the request was submitted. */
class encoder {
 public:
  template <class T>
  void put(sidelite_value &slot, const T &value) {
    if constexpr (is_converted<T>::value) {
      const auto &stored = conversion<T>::to(value);
      put(slot, stored);
      if (slot.type == SIDELITE_TEXT || slot.type == SIDELITE_BLOB) own(slot);
    } else if constexpr (std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>) {
      slot = sidelite_null();
    } else if constexpr (is_optional<T>::value) {
      if (value) put(slot, *value);
      else slot = sidelite_null();
    } else if constexpr (is_integer<T>) {
      if (std::is_unsigned_v<T> && sizeof(T) >= 8 && static_cast<uint64_t>(value) > INT64_MAX)
        failure_ = "an integer above INT64_MAX";
      slot = sidelite_int(static_cast<int64_t>(value));
    } else if constexpr (is_real<T>) {
      slot = sidelite_real(value);
    } else if constexpr (is_time<T>::value) {
      put_time(slot, value);
    } else if constexpr (std::is_convertible_v<const T &, const char *>) {
      slot = sidelite_text(value);
    } else if constexpr (std::is_convertible_v<const T &, std::string_view>) {
      std::string_view text = value;
      slot = sidelite_text_n(text.data(), length(text.size()));
    } else if constexpr (is_bytes<T>::value) {
      slot = sidelite_blob(std::data(value), length(std::size(value)));
    } else if constexpr (std::is_same_v<T, zeroblob>) {
      slot = sidelite_zeroblob(value.length);
    } else if constexpr (std::is_same_v<T, cell>) {
      slot = value.raw();
      if (slot.type == SIDELITE_TEXT || slot.type == SIDELITE_BLOB) slot.as.data = value.data();
    } else if constexpr (std::is_same_v<T, sidelite_value>) {
      slot = value;
    } else {
      static_assert(never<T>, "sidelite: a parameter cannot have this type. Known are integers, bool, float, double, "
                              "text (const char *, std::string, std::string_view), bytes (containers of std::byte or "
                              "unsigned char), sidelite::zeroblob, nullptr, std::nullopt, std::optional, time points "
                              "of std::chrono::system_clock, sidelite::cell, sidelite_value, and types for which "
                              "sidelite::conversion is specialised");
    }
  }

  /* Why one of the values cannot be, or nullptr. */
  const char *failure() const noexcept { return failure_; }

 private:
  /* What does not fit is refused by submit: no value is 4 GiB long. */
  static uint32_t length(std::size_t size) noexcept {
    return size < UINT32_MAX ? static_cast<uint32_t>(size) : UINT32_MAX;
  }

  void own(sidelite_value &slot) {
    if (slot.len == 0 || slot.len == UINT32_MAX) return;
    made_.emplace_front(static_cast<const char *>(slot.as.data), slot.len);
    slot.as.data = made_.front().data();
  }

  template <class D>
  void put_time(sidelite_value &slot, std::chrono::time_point<std::chrono::system_clock, D> time) {
    /* As a double first: converting a coarse count to milliseconds could overflow. */
    double seconds = std::chrono::duration<double>(time.time_since_epoch()).count();
    bool fits = seconds >= first_second && seconds < end_second;
    if (!fits) failure_ = "a time outside of the years 0000 to 9999";
    auto ms = fits ? std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count() : 0;
    made_.push_front(time_text(static_cast<int64_t>(ms)));
    slot = sidelite_text_n(made_.front().data(), static_cast<uint32_t>(made_.front().size()));
  }

  const char *failure_ = nullptr;
  std::forward_list<std::string> made_; /* whose nodes stay where they are */
};

}  // namespace detail

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
