/*
 * sidelite_task.hpp - a small coroutine type, for programs that have none
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it where there are coroutines. What this library makes to be awaited works in
 * any coroutine type.
 */
#ifndef SIDELITE_TASK_HPP
#define SIDELITE_TASK_HPP

#include <coroutine>
#include <optional>

#include "sidelite_error.hpp"

namespace sidelite {
inline namespace SIDELITE_CXX {

template <class T>
class task;

namespace detail {

/* Who waits for a task. At its end the waiting coroutine takes its place, so that long chains need no stack. */
struct promise_base {
  struct at_end {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().waiting;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  at_end final_suspend() const noexcept { return {}; }

  std::coroutine_handle<> waiting = std::noop_coroutine();
  bool is_started = false;
};

template <class T>
struct promise : promise_base {
  task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U &&value) {
    outcome.emplace(T(std::forward<U>(value)));
  }
  void unhandled_exception() noexcept { outcome.emplace(std::current_exception()); }

  std::optional<expected<T, std::exception_ptr>> outcome;
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object() noexcept;
  void return_void() noexcept { outcome.emplace(); }
  void unhandled_exception() noexcept { outcome.emplace(std::current_exception()); }

  std::optional<expected<void, std::exception_ptr>> outcome;
};

}  // namespace detail

/* A coroutine that starts when it is awaited: by `co_await` in another, by queue::wait or by queue::spawn. Its value or
 * exception comes to the one who awaits it, once; `co_await std::move(t).expected()` gives either, as
 * expected<T, std::exception_ptr>. Destroying a task destroys the coroutine where it stands, with all that it waits
 * for. One that is running may not be destroyed. */
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;

  task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task &operator=(task other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  auto expected() && { return detail::as_expected<task>(std::move(*this)); }

  bool await_ready() const noexcept { return !handle_ || handle_.promise().is_started; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
    handle_.promise().is_started = true;
    handle_.promise().waiting = waiting;
    return handle_;
  }
  T await_resume() { return take().value(); }

 private:
  friend class queue;
  friend promise_type;
  friend detail::as_expected<task>;
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  void start() {
    if (!await_ready()) await_suspend(std::noop_coroutine()).resume();
  }
  bool is_done() const noexcept { return !handle_ || handle_.done(); }

  sidelite::expected<T, std::exception_ptr> take() {
    if (!handle_ || !handle_.done())
      return std::make_exception_ptr(error(SIDELITE_ERR_MISUSE, "the task is awaited already, or has been"));
    task ended(std::move(*this));
    return std::move(*ended.handle_.promise().outcome);
  }

  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
