/*
 * sidelite_operation.hpp - requests that are out, and their outcomes
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_OPERATION_HPP
#define SIDELITE_OPERATION_HPP

#include <future>
#include <new>

#include "sidelite_rows.hpp"

#ifdef SIDELITE_HAS_STOP_TOKEN
#include <stop_token>
#endif

namespace sidelite {
inline namespace SIDELITE_CXX {

/* What an execute did. */
struct execution {
  int64_t changes = 0;
  int64_t last_insert_rowid = 0;
};

namespace detail {

/* Lists whose members find out by themselves: a member that is destroyed is in none. */
struct link {
  link() noexcept = default;
  link(const link &) = delete;
  link &operator=(const link &) = delete;
  ~link() { unlink(); }

  bool is_alone() const noexcept { return after == this; }
  void unlink() noexcept {
    before->after = after;
    after->before = before;
    after = before = this;
  }
  void move_to(link &list) noexcept {
    unlink();
    after = &list;
    before = list.before;
    before->after = list.before = this;
  }

  link *after = this, *before = this;
};

/* What must hear of the end of its queue, after which no event comes any more. */
struct member : link {
  virtual ~member() = default;
  virtual void lose() noexcept = 0;

  static void lose_all(link &list) noexcept {
    while (!list.is_alone()) {
      auto &first = static_cast<member &>(*list.after);
      first.unlink();
      first.lose();
    }
  }
};

struct queue_state {
  sidelite_queue *handle = nullptr;
  link members;         /* requests that are out, connections that are not closed */
  link spawned;         /* coroutines */
  bool is_running = false;
  std::exception_ptr passing;        /* has left a spawned coroutine */
  std::shared_ptr<queue_state> self; /* of a queue that could not be freed */

  void let_pass() {
    if (passing) std::rethrow_exception(std::exchange(passing, nullptr));
  }
};

struct block;

/* A callable for the end of a request, called once or dropped. One that fits is kept inside: a request is one
 * allocation, and std::function, which wants copies, would not take a promise. */
class once {
 public:
  once() noexcept = default;
  once(const once &) = delete;
  once &operator=(const once &) = delete;
  ~once() { clear(); }

  template <class F>
  void set(F f) {
    if constexpr (sizeof(F) <= sizeof storage_ && alignof(F) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<F>) {
      ::new (static_cast<void *>(storage_)) F(std::move(f));
      run_ = run<F>;
    } else {
      set([held = std::make_unique<F>(std::move(f))](block &ended) { (*held)(ended); });
    }
  }
  explicit operator bool() const noexcept { return run_ != nullptr; }
  void operator()(block &ended) { std::exchange(run_, nullptr)(storage_, &ended); }
  void clear() noexcept {
    if (run_) std::exchange(run_, nullptr)(storage_, nullptr);
  }

 private:
  /* The callable is moved out first: the block may be destroyed while it runs. */
  template <class F>
  static void run(void *storage, block *ended) {
    F *placed = std::launder(static_cast<F *>(storage));
    F f(std::move(*placed));
    placed->~F();
    if (ended) f(*ended);
  }

  alignas(std::max_align_t) unsigned char storage_[6 * sizeof(void *)];
  void (*run_)(void *, block *) = nullptr;
};

struct stopper {
  sidelite_conn *conn;
  int64_t id;
  void operator()() const noexcept { sidelite_cancel(conn, id); }
};

/* The one allocation of a request: what the core calls back with. An operation or stream refers to it (`is_owned`); the
 * core does, until the final event (`is_out`). Whoever is last destroys it, so that an operation, or the coroutine
 * frame around it, may go at any time. */
struct block : member {
  /* Keeps the value of the final event, or its error. */
  virtual void read(const sidelite_event &event) noexcept = 0;
  virtual void fail(error reason) noexcept = 0;
  virtual bool has_ended() const noexcept = 0;

  virtual void take(const sidelite_event &event) {
    if (event.flags & SIDELITE_EVENT_MORE) return;
    disarm();
    read(event);
    finish();
  }

  /* From here on a stop reaches it no more. */
  void disarm() noexcept {
#ifdef SIDELITE_HAS_STOP_TOKEN
    stop.reset();
#endif
  }

  /* Tells who waits. The block may be gone afterwards. */
  void finish() {
    is_out = false;
    unlink();
    std::unique_ptr<block> last(is_owned ? nullptr : this);
    if (wake) tell();
  }

  /* A coroutine cannot throw to whoever resumes it, so that what has left one is thrown here. */
  void tell() {
    queue_state *of = queue;
    wake(*this);
    of->let_pass();
  }

  void cancel() const noexcept {
    if (is_out && id > 0) sidelite_cancel(conn, id);
  }

  /* The owner goes, and nobody wants to know. */
  void abandon() noexcept {
    is_owned = false;
    is_abandoned = true;
    wake.clear();
    cancel();
    if (!is_out) delete this;
  }

  void lose() noexcept override {
    is_out = false;
    wake.clear();
    if (is_owned) fail(error(SIDELITE_ERR_ABORTED));
    else delete this;
  }

  queue_state *queue = nullptr;
  sidelite_conn *conn = nullptr;
  int64_t id = 0; /* 0: not a request that can be cancelled */
  bool is_out = false, is_owned = true, is_abandoned = false;
  once wake;
#ifdef SIDELITE_HAS_STOP_TOKEN
  std::optional<std::stop_callback<stopper>> stop;
#endif
};

inline void on_event(const sidelite_event *event, void *user_data) { static_cast<block *>(user_data)->take(*event); }

template <class T>
struct request : block {
  void read(const sidelite_event &event) noexcept override {
    if (event.code) fail(error(event));
    else if constexpr (std::is_void_v<T>) outcome.emplace();
    else if constexpr (std::is_same_v<T, execution>) outcome.emplace(T{event.changes, event.last_insert_rowid});
    else if constexpr (std::is_same_v<T, rows>) outcome.emplace(T(event));
  }
  void fail(error reason) noexcept override { outcome.emplace(std::move(reason)); }
  bool has_ended() const noexcept override { return outcome.has_value(); }

  std::optional<expected<T>> outcome;
};

inline void raise(int32_t status) {
  if (status < 0) throw error(status);
}

}  // namespace detail

/* A request that was submitted, and its outcome. Await it, once, in any coroutine; or give it a callback, or make a
 * future of it, or let it go with detach(). Destroyed while it is out it cancels the request, and nothing is called
 * back. */
template <class T>
class [[nodiscard]] operation {
 public:
  explicit operation(std::unique_ptr<detail::request<T>> block) noexcept : block_(block.release()) {}
  operation(operation &&other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  operation &operator=(operation other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~operation() {
    if (block_) block_->abandon();
  }

  /* The request's id, for sidelite_cancel; 0 when it was refused. */
  int64_t id() const noexcept { return block_ ? block_->id : 0; }
  bool has_ended() const noexcept { return block_ && block_->has_ended(); }
  /* Asks for its end: it ends with SIDELITE_ERR_CANCELLED, or, too late, with its value. */
  void cancel() const noexcept {
    if (block_) block_->cancel();
  }

  /* Calls `callback` with an expected<T> as it ends; here and now when it has. */
  template <class F>
  void then(F callback) && {
    static_assert(std::is_invocable_v<F &, sidelite::expected<T> &&>, "sidelite: the callback takes an expected<T>");
    if (!is_awaitable() || block_->has_ended()) return callback(take());
    block_->wake.set([callback = std::move(callback)](detail::block &ended) mutable {
      callback(std::move(*static_cast<detail::request<T> &>(ended).outcome));
    });
    std::exchange(block_, nullptr)->is_owned = false;
  }
  /* A future that becomes ready on the dispatching thread, or breaks with its queue. */
  std::future<T> future() && {
    std::promise<T> promise;
    auto future = promise.get_future();
    std::move(*this).then([promise = std::move(promise)](sidelite::expected<T> &&outcome) mutable {
      if (!outcome) promise.set_exception(std::make_exception_ptr(outcome.error()));
      else if constexpr (std::is_void_v<T>) promise.set_value();
      else promise.set_value(std::move(*outcome));
    });
    return future;
  }
  /* Lets it run to its end, which nobody hears of. */
  void detach() && {
    std::move(*this).then([](sidelite::expected<T> &&) {});
  }

  /* co_await operation: a T, or throws. co_await operation.expected(): an expected<T>. */
  auto expected() && { return detail::as_expected<operation>(std::move(*this)); }
  bool await_ready() const noexcept { return !is_awaitable() || block_->has_ended(); }
  template <class Handle>
  void await_suspend(Handle waiting) {
    block_->wake.set([waiting](detail::block &) { waiting.resume(); });
  }
  T await_resume() { return take().value(); }

 private:
  friend class queue;
  friend detail::as_expected<operation>;

  bool is_awaitable() const noexcept { return block_ && !block_->wake; }
  void start() const noexcept {}
  bool is_done() const noexcept { return await_ready(); }

  sidelite::expected<T> take() {
    if (!has_ended()) return error(SIDELITE_ERR_MISUSE, "the operation is awaited already, or has been");
    std::unique_ptr<detail::request<T>> ended(std::exchange(block_, nullptr));
    return std::move(*ended->outcome);
  }

  detail::request<T> *block_;
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
