/*
 * sidelite_rows.hpp - rows, and what they are decoded into
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_ROWS_HPP
#define SIDELITE_ROWS_HPP

#include <tuple>

#include "sidelite_value.hpp"

namespace sidelite {
inline namespace SIDELITE_CXX {

namespace detail {

/* Stands for any field, so that the compiler tells how many an aggregate has. */
struct anything {
  template <class T>
  operator T() const noexcept;
};

template <class T, class Index, class = void>
struct takes_fields : std::false_type {};
template <class T, std::size_t... I>
struct takes_fields<T, std::index_sequence<I...>, std::void_t<decltype(T{(static_cast<void>(I), anything{})...})>>
    : std::true_type {};

inline constexpr std::size_t most_fields = 24;

template <class T, std::size_t N = most_fields + 1>
constexpr std::size_t count_fields() {
  if constexpr (N == 0 || takes_fields<T, std::make_index_sequence<N>>::value) return N;
  else return count_fields<T, N - 1>();
}

/* References to the fields of an aggregate. Only a structured binding takes one apart, and that wants its number
 * written down. */
template <class T>
auto fields_of(T &aggregate) noexcept {
  constexpr std::size_t n = count_fields<T>();
  static_assert(n > 0 && n <= most_fields, "sidelite: rows are decoded into aggregates of 1 to 24 fields");
#define SIDELITE_FIELDS(count, ...)        \
  else if constexpr (n == count) {         \
    auto &[__VA_ARGS__] = aggregate;       \
    return std::tie(__VA_ARGS__);          \
  }
  if constexpr (n == 0 || n > most_fields) return std::tie();
  SIDELITE_FIELDS(1, a)
  SIDELITE_FIELDS(2, a, b)
  SIDELITE_FIELDS(3, a, b, c)
  SIDELITE_FIELDS(4, a, b, c, d)
  SIDELITE_FIELDS(5, a, b, c, d, e)
  SIDELITE_FIELDS(6, a, b, c, d, e, f)
  SIDELITE_FIELDS(7, a, b, c, d, e, f, g)
  SIDELITE_FIELDS(8, a, b, c, d, e, f, g, h)
  SIDELITE_FIELDS(9, a, b, c, d, e, f, g, h, i)
  SIDELITE_FIELDS(10, a, b, c, d, e, f, g, h, i, j)
  SIDELITE_FIELDS(11, a, b, c, d, e, f, g, h, i, j, k)
  SIDELITE_FIELDS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  SIDELITE_FIELDS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  SIDELITE_FIELDS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, o)
  SIDELITE_FIELDS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p)
  SIDELITE_FIELDS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q)
  SIDELITE_FIELDS(17, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r)
  SIDELITE_FIELDS(18, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s)
  SIDELITE_FIELDS(19, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t)
  SIDELITE_FIELDS(20, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u)
  SIDELITE_FIELDS(21, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v)
  SIDELITE_FIELDS(22, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w)
  SIDELITE_FIELDS(23, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x)
  SIDELITE_FIELDS(24, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x, y)
#undef SIDELITE_FIELDS
}

template <class T, class = void>
struct is_tuple : std::false_type {};
template <class T>
struct is_tuple<T, std::void_t<decltype(std::tuple_size<T>::value)>> : std::true_type {};

/* References to what a row is taken apart into: the elements of a tuple, the fields of an aggregate, or one value. */
template <class T>
auto parts_of(T &whole) noexcept {
  using plain = std::remove_cv_t<T>;
  if constexpr (is_cell<plain>) {
    return std::tie(whole);
  } else if constexpr (is_tuple<plain>::value) {
    return std::apply([](auto &...element) { return std::tie(element...); }, whole);
  } else {
    static_assert(std::is_aggregate_v<plain>, "sidelite: a row is a tuple, an aggregate (a struct without "
                                              "constructors, base classes and private fields), or one value");
    return fields_of(whole);
  }
}

/* The same of what is sent, where more types are one value: zeroblobs, and arrays of bytes. Nothing is written; const
 * goes because a bit-field of a constant would be referred to as a temporary, and is refused otherwise. */
template <class T>
auto sent_parts_of(const T &whole) noexcept {
  auto &taken = const_cast<T &>(whole);
  if constexpr (std::is_same_v<T, zeroblob> || std::is_same_v<T, sidelite_value> || is_bytes<T>::value ||
                std::is_convertible_v<const T &, const char *>)
    return std::tie(taken);
  else return parts_of(taken);
}

/* Whether its elements stay where they are while it walks on. */
template <class Iterator, class = void>
struct is_multi_pass : std::false_type {};
template <class Iterator>
struct is_multi_pass<Iterator, std::void_t<typename std::iterator_traits<Iterator>::iterator_category>>
    : std::is_base_of<std::forward_iterator_tag, typename std::iterator_traits<Iterator>::iterator_category> {};

/* Walks over anything with operator[]. */
template <class Range, class Value>
class index_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Value;

  index_iterator() noexcept = default;
  index_iterator(const Range *range, uint32_t at) noexcept : range_(range), at_(at) {}
  Value operator*() const { return (*range_)[at_]; }
  index_iterator &operator++() noexcept {
    ++at_;
    return *this;
  }
  index_iterator operator++(int) noexcept {
    auto before = *this;
    ++at_;
    return before;
  }
  friend bool operator==(const index_iterator &a, const index_iterator &b) noexcept { return a.at_ == b.at_; }
  friend bool operator!=(const index_iterator &a, const index_iterator &b) noexcept { return a.at_ != b.at_; }

 private:
  const Range *range_ = nullptr;
  uint32_t at_ = 0;
};

}  // namespace detail

/* One row; it refers to the rows and lives as long as they. */
class row {
 public:
  row(const sidelite_result *result, uint32_t index) noexcept : result_(result), index_(index) {}

  std::size_t size() const noexcept { return result_->ncols; }

  /* A cell by its column, from 0, or by the column's name. SQLITE_RANGE (25) when there is none. */
  cell operator[](std::size_t column) const {
    if (column >= size()) throw error(out_of_range, "there is no column " + std::to_string(column));
    return at(static_cast<uint32_t>(column));
  }
  cell operator[](std::string_view name) const {
    for (uint32_t column = 0; column < size(); column++)
      if (name == sidelite_column_name(result_, column)) return at(column);
    throw error(out_of_range, "there is no column '" + std::string(name) + "'");
  }

  /* The row as a tuple or an aggregate of as many parts as there are columns, by position, or, with one column, as a
   * value. SQLITE_MISMATCH (20) when it is none. */
  template <class T>
  T as() const {
    return try_as<T>().value();
  }
  template <class T>
  expected<T> try_as() const {
    if constexpr (std::is_same_v<T, row>) {
      return *this;
    } else {
      T out{};
      auto parts = detail::parts_of(out);
      constexpr std::size_t n = std::tuple_size_v<decltype(parts)>;
      if (n != size())
        return error(mismatch, std::to_string(size()) + " columns, where " + std::to_string(n) + " are asked for");
      return fill(std::move(out), parts, std::make_index_sequence<n>());
    }
  }

 private:
  cell at(uint32_t column) const noexcept { return cell(result_, sidelite_row_value(result_, index_, column)); }

  template <class T, class Parts, std::size_t... I>
  expected<T> fill(T &&out, Parts &parts, std::index_sequence<I...>) const {
    const char *why = nullptr;
    uint32_t column = 0;
    bool filled = ((why = at(column = I).read(std::get<I>(parts)), !why) && ...);
    if (!filled) return at(column).failure(why);
    return std::move(out);
  }

  const sidelite_result *result_;
  uint32_t index_;
};

/* Rows decoded one by one as they are walked over. It shares the rows, so that it may be made of a temporary. */
template <class T>
class decoded_rows {
 public:
  using iterator = detail::index_iterator<decoded_rows, T>;

  explicit decoded_rows(detail::kept result) noexcept : result_(std::move(result)) {}
  std::size_t size() const noexcept { return result_.get() ? result_.get()->nrows : 0; }
  T operator[](std::size_t index) const {
    if (index >= size()) throw error(out_of_range, "there is no row " + std::to_string(index));
    return row(result_.get(), static_cast<uint32_t>(index)).template as<T>();
  }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, static_cast<uint32_t>(size())}; }

 private:
  detail::kept result_;
};

/* The rows of a fetch, or of a chunk: the result as the core made it, kept. Copies share it. It may be read on any
 * thread, and outlive its connection. */
class rows {
 public:
  using iterator = detail::index_iterator<rows, row>;

  rows() noexcept = default;
  explicit rows(const sidelite_event &event) noexcept
      : result_(event.result), changes_(event.changes), last_insert_rowid_(event.last_insert_rowid) {}

  std::size_t size() const noexcept { return result_.get() ? result_.get()->nrows : 0; }
  bool empty() const noexcept { return size() == 0; }
  std::size_t columns() const noexcept { return result_.get() ? result_.get()->ncols : 0; }
  /* The name of a column, from 0; empty when there is none. */
  std::string_view column(std::size_t index) const noexcept {
    return index < columns() ? sidelite_column_name(result_.get(), static_cast<uint32_t>(index)) : std::string_view();
  }

  row operator[](std::size_t index) const {
    if (index >= size()) throw error(out_of_range, "there is no row " + std::to_string(index));
    return row(get(), static_cast<uint32_t>(index));
  }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, static_cast<uint32_t>(size())}; }

  /* A range of T: see row::as. */
  template <class T>
  decoded_rows<T> as() const noexcept {
    return decoded_rows<T>(result_);
  }
  /* The one cell of the one row; anything else is SQLITE_MISMATCH. */
  template <class T>
  T value() const & {
    return try_value<T>().value();
  }
  template <class T>
  T value() && {
    static_assert(!std::is_same_v<T, std::string_view> && !detail::is_byte_view<T>,
                  "sidelite: the view would outlive the rows, which are a temporary: name them");
    return try_value<T>().value();
  }
  template <class T>
  expected<T> try_value() const {
    if (size() != 1 || columns() != 1)
      return error(mismatch, std::to_string(size()) + " rows of " + std::to_string(columns()) +
                                 " columns, where one value is asked for");
    return (*this)[0][0].try_get<T>();
  }

  /* As for execute: what INSERT ... RETURNING, for example, changed. */
  int64_t changes() const noexcept { return changes_; }
  int64_t last_insert_rowid() const noexcept { return last_insert_rowid_; }
  const sidelite_result *get() const noexcept { return result_.get(); }

 private:
  detail::kept result_;
  int64_t changes_ = 0, last_insert_rowid_ = 0;
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
