/*
 * sidelite_error.hpp - why something failed, and what is expected to succeed
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_ERROR_HPP
#define SIDELITE_ERROR_HPP

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#if __cplusplus >= 202002L
#include <version>
#endif

#include "sidelite.h"

#if defined(__cpp_impl_coroutine) && defined(__cpp_lib_coroutine)
#define SIDELITE_HAS_COROUTINES 1
#endif
#ifdef __cpp_lib_jthread
#define SIDELITE_HAS_STOP_TOKEN 1
#endif
#ifdef __cpp_lib_span
#define SIDELITE_HAS_SPAN 1
#endif

/* What C++17 and C++20 see differs in layout. Under two names both may be linked into one program. */
#if __cplusplus >= 202002L
#define SIDELITE_CXX cxx20
#else
#define SIDELITE_CXX cxx17
#endif

namespace sidelite {
inline namespace SIDELITE_CXX {

namespace detail {

/* A result that was kept. Copying keeps it once more; no row is ever copied. */
class kept {
 public:
  kept() noexcept = default;
  explicit kept(const sidelite_result *result) noexcept : result_(sidelite_keep(result)) {}
  kept(const kept &other) noexcept : kept(other.result_) {}
  kept(kept &&other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
  kept &operator=(kept other) noexcept {
    std::swap(result_, other.result_);
    return *this;
  }
  ~kept() { sidelite_release(result_); }
  const sidelite_result *get() const noexcept { return result_; }

 private:
  const sidelite_result *result_ = nullptr;
};

}  // namespace detail

/* SQLite's codes for what this face finds out itself: a cell of another type, a column that is not there. */
inline constexpr int32_t mismatch = 20, out_of_range = 25;

/* Why a request failed, or was refused. It holds on to the event's result, so that telling of an error needs no memory
 * and copying one never fails. */
class error : public std::exception {
 public:
  /* A refusal, or a failure without an event. */
  explicit error(int32_t code) noexcept : code_(code) {}
  error(int32_t code, std::string text)
      : code_(code), text_(std::make_shared<const std::string>(std::move(text))) {}
  explicit error(const sidelite_event &event) noexcept
      : code_(event.code), flags_(event.flags), result_(event.result) {}

  /* A SIDELITE_ERR_ code (below 0) or one of SQLite's extended result codes. */
  int32_t code() const noexcept { return code_; }
  /* SQLite's own words where it has some, else the text of the code. */
  const char *what() const noexcept override {
    if (text_) return text_->c_str();
    if (result() && result()->message) return reinterpret_cast<const char *>(result()) + result()->message;
    return sidelite_status_string(code_);
  }
  /* The code with its name: "SIDELITE_ERR_FULL: ...". */
  const char *name() const noexcept { return sidelite_status_string(code_); }
  /* Byte offset into the SQL where the error is, or -1. */
  int32_t sql_offset() const noexcept { return result() ? result()->sql_offset : -1; }
  /* SQLite's extended code behind it, or 0: SQLITE_INTERRUPT under SIDELITE_ERR_CANCELLED, for example. */
  int32_t sqlite_code() const noexcept { return result() ? result()->sqlite_code : 0; }
  /* `errno` of the system call that failed behind an I/O error, or 0. */
  int32_t system_errno() const noexcept { return result() ? result()->system_errno : 0; }
  /* SIDELITE_EVENT_ flags of the final event; NOT_RUN for a refusal. */
  uint32_t flags() const noexcept { return flags_; }
  bool not_run() const noexcept { return (flags_ & SIDELITE_EVENT_NOT_RUN) != 0; }
  bool rolled_back() const noexcept { return (flags_ & SIDELITE_EVENT_ROLLED_BACK) != 0; }
  bool in_transaction() const noexcept { return (flags_ & SIDELITE_EVENT_IN_TRANSACTION) != 0; }

 private:
  const sidelite_result *result() const noexcept { return result_.get(); }

  int32_t code_;
  uint32_t flags_ = SIDELITE_EVENT_NOT_RUN;
  detail::kept result_;
  std::shared_ptr<const std::string> text_;
};

/* A value or the reason why there is none; a small part of C++23's std::expected, with its names. */
template <class T, class E = error>
class [[nodiscard]] expected {
  using held = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  using value_type = T;
  using error_type = E;

  expected() : state_(std::in_place_index<0>) {}
  expected(held value) : state_(std::in_place_index<0>, std::move(value)) {}
  expected(E reason) : state_(std::in_place_index<1>, std::move(reason)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /* The value, or throws the error (std::exception_ptr: what it points to). */
  T value() && {
    check();
    if constexpr (!std::is_void_v<T>) return std::move(**this);
  }
  std::add_lvalue_reference_t<T> value() & {
    check();
    if constexpr (!std::is_void_v<T>) return **this;
  }
  std::add_lvalue_reference_t<const T> value() const & {
    check();
    if constexpr (!std::is_void_v<T>) return **this;
  }
  template <class U>
  T value_or(U &&otherwise) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(otherwise));
  }

  /* As with a pointer: only when there is one. */
  held &operator*() noexcept { return *std::get_if<0>(&state_); }
  const held &operator*() const noexcept { return *std::get_if<0>(&state_); }
  held *operator->() noexcept { return std::get_if<0>(&state_); }
  const held *operator->() const noexcept { return std::get_if<0>(&state_); }
  E &error() noexcept { return *std::get_if<1>(&state_); }
  const E &error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (has_value()) return;
    if constexpr (std::is_same_v<E, std::exception_ptr>) std::rethrow_exception(error());
    else throw error();
  }

  std::variant<held, E> state_;
};

namespace detail {

/* `co_await operation.expected()`: what is awaited, with an outcome instead of a value or an exception. */
template <class Awaitable>
class [[nodiscard]] as_expected {
 public:
  explicit as_expected(Awaitable &&awaited) : awaited_(std::move(awaited)) {}
  bool await_ready() { return awaited_.await_ready(); }
  template <class Handle>
  auto await_suspend(Handle waiting) {
    return awaited_.await_suspend(waiting);
  }
  auto await_resume() { return awaited_.take(); }
  void start() { awaited_.start(); }
  bool is_done() { return awaited_.is_done(); }

 private:
  Awaitable awaited_;
};

}  // namespace detail

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
