/*
 * sidelite_stream.hpp - rows that come as they are wanted
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_STREAM_HPP
#define SIDELITE_STREAM_HPP

#include <deque>

#include "sidelite_operation.hpp"

namespace sidelite {
inline namespace SIDELITE_CXX {

namespace detail {

/* A stream: the chunks that have come and not been read, and where in the first of them the reader is. */
struct stream_request : request<uint64_t> {
  struct reader {
    virtual ~reader() = default;
    /* Takes one row; false when it wants no more. */
    virtual bool take(const row &next, stream_request &from) = 0;
  };

  /* The next row, or nullptr. The chunk before is released, and one more asked for. */
  std::optional<row> peek() noexcept {
    while (!chunks.empty() && at == chunks.front().get()->nrows) {
      chunks.pop_front();
      at = 0;
      if (is_out && !has_ended()) sidelite_more(conn, id, 1);
    }
    if (chunks.empty()) return std::nullopt;
    return row(chunks.front().get(), at);
  }
  void step() noexcept {
    at++;
    taken++;
  }

  void take(const sidelite_event &event) override {
    bool is_final = !(event.flags & SIDELITE_EVENT_MORE);
    if (is_final) disarm();
    keep(event);
    auto failure = event.code ? std::optional<error>(error(event)) : std::nullopt;
    if (is_reading) {
      /* A row's callback has turned the loop: these rows have their turn after it. */
      has_come = is_final;
      late = std::move(failure);
      return;
    }
    if (each) {
      try {
        read_all();
      } catch (...) {
        if (is_final) end(failure);
        throw;
      }
    }
    if (is_final) end(failure);
    else if (wake && peek()) tell();
  }

  /* Gives what is there to `each`, for as long as it wants. An exception of it is the end of the stream. */
  void read_all() {
    try {
      while (auto next = is_left() ? std::nullopt : peek()) {
        step();
        if (!each->take(*next, *this)) leave();
      }
    } catch (...) {
      reason.emplace(SIDELITE_ERR_CANCELLED);
      leave();
      throw;
    }
  }

  /* From here on `reader` gets the rows, first those that are here already. */
  void read_with(std::unique_ptr<reader> given) {
    struct reading {
      explicit reading(stream_request &of) noexcept : stream(of) { stream.is_reading = true; }
      reading(const reading &) = delete;
      reading &operator=(const reading &) = delete;
      ~reading() {
        stream.is_reading = false;
        if (stream.has_come) stream.end(stream.late);
        else if (stream.has_ended()) stream.settle();
      }
      stream_request &stream;
    } now(*this);
    each = std::move(given);
    read_all();
  }

 private:
  /* Wants no more. */
  void leave() noexcept {
    has_left = true;
    cancel();
  }
  bool is_left() const noexcept { return has_left || is_abandoned; }
  void keep(const sidelite_event &event) noexcept {
    if (is_left() || !event.result || event.result->message) return;
    try {
      chunks.emplace_back(event.result);
    } catch (const std::bad_alloc &) {
      reason.emplace(SIDELITE_ERR_NO_MEMORY);
      leave();
    }
  }
  void end(const std::optional<error> &failure) {
    if (failure && !has_left) fail(*failure);
    else outcome.emplace(taken);
    settle();
    finish();
  }
  void settle() noexcept {
    if (reason) fail(*reason);
    else if (outcome->has_value()) outcome.emplace(taken);
  }

  std::unique_ptr<reader> each;
  std::deque<kept> chunks;
  uint32_t at = 0;
  uint64_t taken = 0;
  bool has_left = false;
  bool is_reading = false, has_come = false; /* outside of a dispatch; the end, meanwhile */
  std::optional<error> late;

 public:
  std::optional<error> reason; /* of our own, for not reading on */
};

}  // namespace detail

/* Rows that come in chunks, each asked for as the one before is used up, so that no more than a few are in memory.
 *
 *   auto cities = db.stream<city>("SELECT name, population FROM city");
 *   while (auto next = co_await cities.next()) use(*next);
 *
 * Destroying it stops the query. T is `row`, or what row::as takes; its views, and a row, live until the next call of
 * next(). Rows before the end are provisional: an error may still follow. */
template <class T>
class [[nodiscard]] stream {
 public:
  /* What next() returns: awaited it is an optional<T>, empty at the end; expected() as for an operation. */
  class [[nodiscard]] next_row {
   public:
    explicit next_row(detail::stream_request *block) noexcept : block_(block) {}
    auto expected() && { return detail::as_expected<next_row>(std::move(*this)); }
    bool await_ready() const noexcept { return !block_ || block_->wake || block_->peek() || block_->has_ended(); }
    template <class Handle>
    void await_suspend(Handle waiting) {
      block_->wake.set([waiting](detail::block &) { waiting.resume(); });
    }
    std::optional<T> await_resume() { return take().value(); }

   private:
    friend class queue;
    friend detail::as_expected<next_row>;

    void start() const noexcept {}
    bool is_done() const noexcept { return await_ready(); }

    sidelite::expected<std::optional<T>> take() {
      if (!block_ || block_->wake)
        return error(SIDELITE_ERR_MISUSE, "the stream is awaited already, or was moved from");
      if (auto found = block_->peek()) {
        block_->step();
        auto decoded = found->template try_as<T>();
        if (!decoded) return std::move(decoded.error());
        return std::optional<T>(std::move(*decoded));
      }
      if (!*block_->outcome) return block_->outcome->error();
      return std::optional<T>();
    }

    detail::stream_request *block_;
  };

  explicit stream(std::unique_ptr<detail::stream_request> block) noexcept : block_(block.release()) {}
  stream(stream &&other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  stream &operator=(stream other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~stream() {
    if (block_) block_->abandon();
  }

  int64_t id() const noexcept { return block_ ? block_->id : 0; }

  /* The next row; one at a time. */
  next_row next() { return next_row(block_); }

  /* Without coroutines: calls `on_row` with each T until it returns false (one that returns nothing goes on). The
   * operation ends with the number of rows that were given. An exception of `on_row` passes through the dispatch, and
   * the operation ends CANCELLED. */
  template <class F>
  operation<uint64_t> for_each(F on_row) && {
    struct each final : detail::stream_request::reader {
      explicit each(F f) : on_row(std::move(f)) {}
      bool take(const row &next, detail::stream_request &from) override {
        auto decoded = next.template try_as<T>();
        if (!decoded) {
          from.reason.emplace(std::move(decoded.error()));
          return false;
        }
        if constexpr (std::is_void_v<std::invoke_result_t<F &, T>>) return on_row(std::move(*decoded)), true;
        else return static_cast<bool>(on_row(std::move(*decoded)));
      }
      F on_row;
    };
    auto reader = std::make_unique<each>(std::move(on_row));
    if (!block_ || block_->wake) {
      auto refused = std::make_unique<detail::request<uint64_t>>();
      refused->fail(error(SIDELITE_ERR_MISUSE, "the stream is awaited already, or was moved from"));
      return operation<uint64_t>(std::move(refused));
    }
    auto *block = std::exchange(block_, nullptr);
    operation<uint64_t> all{std::unique_ptr<detail::request<uint64_t>>(block)};
    block->read_with(std::move(reader));
    return all;
  }

 private:
  detail::stream_request *block_;
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
