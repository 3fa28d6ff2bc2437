/*
 * sidelite_queue.hpp - the queue that a loop dispatches
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_QUEUE_HPP
#define SIDELITE_QUEUE_HPP

#include "sidelite_operation.hpp"

#ifdef SIDELITE_HAS_COROUTINES
#include "sidelite_task.hpp"
#endif

namespace sidelite {
inline namespace SIDELITE_CXX {

/* A completion queue: one per loop. An adapter of the loop takes get(); without a loop there is wait(). */
class queue {
 public:
  /* With a descriptor on demand. Throws `error` only when memory or handles have run out. */
  queue() : queue(nullptr, nullptr) {}
  /* With a wake function, which runs on other threads: uv_async_send and the like. NULL for a descriptor. */
  queue(sidelite_wake_function wake, void *wake_data) : state_(std::make_shared<detail::queue_state>()) {
    sidelite_queue_config config{};
    config.struct_size = sizeof config;
    config.wake = wake;
    config.wake_data = wake_data;
    detail::raise(sidelite_queue_new(&config, &state_->handle));
  }
  /* Takes over one that was made with sidelite.h, or by an adapter. */
  explicit queue(sidelite_queue *made) : state_(std::make_shared<detail::queue_state>()) { state_->handle = made; }
  queue(queue &&) noexcept = default;
  queue &operator=(queue other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  /* Frees the queue: closes its connections in CANCEL mode and waits for their threads. What has not been dispatched is
   * dropped: callbacks are destroyed uncalled, futures break, spawned coroutines are destroyed where they stand.
   * sidelite_queue_free refuses a queue inside its own dispatch, which then lives on until
   * dispatch() or wait() has returned, or, under an adapter, for ever. */
  ~queue() {
    if (state_) end(state_);
  }

  sidelite_queue *get() const noexcept { return state_ ? state_->handle : nullptr; }
  /* The descriptor to wait on for readability, or a negative status: sidelite_queue_fd. */
  int fd() const noexcept { return static_cast<int>(sidelite_queue_fd(get())); }
  /* Runs callbacks and coroutines here: sidelite_dispatch, whose number of events or negative status it returns. */
  int32_t dispatch(uint32_t max_events = 0, std::chrono::microseconds budget = std::chrono::microseconds(0)) const {
    if (!state_ || state_->is_running) return state_ ? SIDELITE_ERR_MISUSE : SIDELITE_ERR_BAD_HANDLE;
    turn now(state_);
    return sidelite_dispatch(get(), max_events, static_cast<uint32_t>(budget.count()));
  }
  /* In a callback: starts no further one in this dispatch. */
  int32_t dispatch_stop() const noexcept { return sidelite_dispatch_stop(get()); }

  /* For programs without a loop: dispatches on this thread until an operation, a task or the next row of a stream is
   * there, and returns it, or throws. Not inside a callback (SIDELITE_ERR_MISUSE), and not for a task that waits for
   * something else than this queue. */
  template <class Awaitable>
  auto wait(Awaitable &&awaited) {
    awaited.start();
    dispatch_until([&awaited] { return awaited.is_done(); });
    return awaited.await_resume();
  }

#ifdef SIDELITE_HAS_COROUTINES
  /* Starts a coroutine, which belongs to the queue until it ends, and then calls `on_end` with its
   * expected<T, std::exception_ptr>. What `on_end` throws passes through the dispatch that ran it. If something else
   * than this queue resumed the coroutine last, it passes through the next dispatch that calls back. */
  template <class T, class F>
  void spawn(task<T> started, F on_end) {
    if (!state_) throw error(SIDELITE_ERR_BAD_HANDLE);
    auto state = state_; /* which `on_end` may destroy */
    run(state, std::move(started), std::move(on_end));
    state->let_pass();
  }
  /* The same, with its exception passing so. */
  void spawn(task<void> started) {
    spawn(std::move(started), [](expected<void, std::exception_ptr> &&ended) { std::move(ended).value(); });
  }
#endif

 private:
  friend class connection;

  static void end(const std::shared_ptr<detail::queue_state> &state) noexcept {
    if (state->is_running || sidelite_queue_free(state->handle, -1) == SIDELITE_ERR_MISUSE) {
      state->self = state;
      return;
    }
    detail::member::lose_all(state->spawned);
    detail::member::lose_all(state->members);
  }

  /* While callbacks run. A queue that was destroyed inside one is freed afterwards. */
  struct turn {
    explicit turn(std::shared_ptr<detail::queue_state> running) : state(std::move(running)) {
      state->is_running = true;
    }
    turn(const turn &) = delete;
    turn &operator=(const turn &) = delete;
    ~turn() {
      state->is_running = false;
      if (std::exchange(state->self, nullptr)) end(state);
    }
    std::shared_ptr<detail::queue_state> state;
  };

  template <class Done>
  void dispatch_until(Done is_done) const {
    if (is_done()) return;
    if (!state_) throw error(SIDELITE_ERR_BAD_HANDLE);
    if (state_->is_running) throw error(SIDELITE_ERR_MISUSE);
    /* One event alone: an exception that leaves its callback loses no other. The rest is dispatched, with the same
     * effect. */
    for (turn now(state_); !is_done();) {
      sidelite_event event;
      int32_t n = sidelite_poll(now.state->handle, &event, 1, -1);
      detail::raise(n);
      if (n > 0 && event.callback) event.callback(&event, event.user_data);
      if (!is_done()) detail::raise(sidelite_dispatch(now.state->handle, 0, 0));
    }
  }

#ifdef SIDELITE_HAS_COROUTINES
  /* A spawned coroutine. Throwing on would leave its frame behind in a state that compilers do not agree about. */
  struct spawned {
    struct promise_type : detail::member {
      template <class... Rest>
      explicit promise_type(const std::shared_ptr<detail::queue_state> &of, Rest &...) noexcept : state(*of) {
        move_to(state.spawned);
      }
      spawned get_return_object() const noexcept { return {}; }
      std::suspend_never initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }
      void return_void() const noexcept {}
      void unhandled_exception() noexcept {
        if (!state.passing) state.passing = std::current_exception();
      }
      void lose() noexcept override { std::coroutine_handle<promise_type>::from_promise(*this).destroy(); }

      detail::queue_state &state;
    };
  };

  /* From here on it is not the queue's to destroy: its end runs, and may destroy the queue. */
  struct farewell {
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<spawned::promise_type> ending) const noexcept {
      ending.promise().unlink();
      return false;
    }
    void await_resume() const noexcept {}
  };

  /* The frame has the state of the queue for as long as it runs. */
  template <class T, class F>
  static spawned run(std::shared_ptr<detail::queue_state>, task<T> started, F on_end) {
    auto outcome = co_await std::move(started).expected();
    co_await farewell{};
    on_end(std::move(outcome));
  }
#endif

  std::shared_ptr<detail::queue_state> state_;
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
