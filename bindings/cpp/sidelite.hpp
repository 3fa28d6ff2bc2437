/*
 * sidelite.hpp - asynchronous SQLite for C++: coroutines (C++20), futures and callbacks (C++17)
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   sidelite::task<> greet(sidelite::connection &db) {
 *     co_await db.execute("INSERT INTO person VALUES (?, ?)", "Ada Lovelace", 1815);
 *     for (auto [name, born] : (co_await db.fetch("SELECT name, born FROM person")).as<person>())
 *       std::printf("%s, %d\n", name.c_str(), born);
 *   }
 *
 * A face of sidelite.h, and of nothing else: what it lacks is reached through get(), and the contract there holds here.
 *
 * THREADS. A queue is used on the thread that dispatches it: there requests are submitted, callbacks called, coroutines
 * resumed and operations destroyed. Three things may happen on any thread: a std::stop_source may stop, rows may be
 * read and released, a future may be waited for.
 *
 * ERRORS. An operation has one outcome: its value, or a sidelite::error, no matter whether the request failed, was
 * refused, or had a parameter that cannot be sent. `co_await` and futures throw it, expected() and then() hand it over.
 * Submitting throws nothing but std::bad_alloc.
 *
 * LIFETIME. Everything may be destroyed at any time, in any order, also inside a callback: an operation or stream that
 * is out cancels its request and is not heard of again; a connection closes in CANCEL mode; neither waits. Two things
 * may not: a coroutine that is running, and a queue inside its own dispatch, which stays.
 *
 * EXCEPTIONS that leave a callback pass through the dispatch to the host. What belonged to the callback is freed.
 */
#ifndef SIDELITE_HPP
#define SIDELITE_HPP

#include <cstdio>

#include "sidelite_lane.hpp"

namespace sidelite {
inline namespace SIDELITE_CXX {

/* ---- Transactions ---- */

namespace detail {

struct savepoint_request;

}  // namespace detail

/* A lease: until it ends, requests of others wait, and none can get into it. Left without a commit, as by an exception,
 * it is rolled back. A commit that fails with SQLITE_BUSY may be tried again. */
class [[nodiscard]] transaction : public lane {
 public:
  transaction(transaction &&other) noexcept : lane(std::exchange(static_cast<lane &>(other), lane())) {}
  transaction &operator=(transaction other) noexcept {
    std::swap(static_cast<lane &>(*this), static_cast<lane &>(other));
    return *this;
  }
  /* Submits RELEASE, which waits for what was submitted before; without memory for it the lease is cancelled. After a
   * commit it is refused, and nothing happens. */
  ~transaction() {
    if (id() && !post(SIDELITE_RELEASE)) sidelite_cancel(get(), id());
  }

  operation<void> commit() const { return end(SIDELITE_COMMIT); }
  operation<void> rollback() const { return end(SIDELITE_ROLLBACK); }
  /* A part of it that can be undone alone. */
  operation<sidelite::savepoint> savepoint() const;

 private:
  friend struct detail::lease_request;
  explicit transaction(lane leased) noexcept : lane(std::move(leased)) {}

  operation<void> end(uint32_t kind) const {
    auto request = detail::request_of(kind);
    return operation<void>(launch(std::make_unique<detail::request<void>>(), &request, 1));
  }
};

/* A savepoint inside a transaction. Left without a release it undoes what was done on it, and nothing else. Inner ones
 * end before outer ones. */
class [[nodiscard]] savepoint : public lane {
 public:
  savepoint(savepoint &&other) noexcept
      : lane(std::exchange(static_cast<lane &>(other), lane())), number_(other.number_) {}
  savepoint &operator=(savepoint other) noexcept {
    std::swap(static_cast<lane &>(*this), static_cast<lane &>(other));
    std::swap(number_, other.number_);
    return *this;
  }
  /* After a release there is no savepoint of the name, and the script ends there. If it cannot be submitted, the
   * whole transaction is rolled back: it would be half of one otherwise. */
  ~savepoint() {
    auto number = static_cast<long long>(number_);
    char undo[96];
    std::snprintf(undo, sizeof undo, "ROLLBACK TO sidelite_%lld; RELEASE sidelite_%lld", number, number);
    if (id() && !post(SIDELITE_SCRIPT, undo)) sidelite_cancel(get(), id());
  }

  /* Makes what was done on it a part of the transaction. */
  operation<void> release() const {
    return submit_sql<void>(SIDELITE_EXECUTE, "RELEASE sidelite_" + std::to_string(number_));
  }

 private:
  friend struct detail::savepoint_request;
  savepoint(lane inside, int64_t number) noexcept : lane(std::move(inside)), number_(number) {}

  int64_t number_;
};

namespace detail {

struct lease_request : request<transaction> {
  void read(const sidelite_event &event) noexcept override {
    if (event.code) return fail(error(event));
    transaction granted{lane(state, event.id)};
#ifdef SIDELITE_HAS_STOP_TOKEN
    /* It was stopped after it was granted, and may have been ended by that. */
    if (token.stop_requested()) return fail(error(SIDELITE_ERR_CANCELLED));
#endif
    outcome.emplace(std::move(granted));
  }
  std::shared_ptr<connection_state> state;
#ifdef SIDELITE_HAS_STOP_TOKEN
  std::stop_token token;
#endif
};

struct savepoint_request : request<savepoint> {
  void read(const sidelite_event &event) noexcept override {
    if (event.code) fail(error(event));
    else outcome.emplace(savepoint(inside, number));
  }
  lane inside;
  int64_t number = 0;
};

}  // namespace detail

inline operation<transaction> lane::transaction(begin mode, std::chrono::milliseconds hold) const {
  auto block = std::make_unique<detail::lease_request>();
  block->state = state_;
#ifdef SIDELITE_HAS_STOP_TOKEN
  block->token = stop_;
#endif
  auto request = detail::request_of(SIDELITE_LEASE);
  sidelite_value arguments[] = {sidelite_int(static_cast<int64_t>(mode)), sidelite_int(hold.count())};
  request.values = arguments;
  request.ncols = hold.count() ? 2 : 1;
  return operation<sidelite::transaction>(launch(std::move(block), &request, 1));
}

inline operation<savepoint> transaction::savepoint() const {
  auto block = std::make_unique<detail::savepoint_request>();
  block->inside = *this;
  block->number = state_ ? ++state_->savepoints : 0;
  std::string sql = "SAVEPOINT sidelite_" + std::to_string(block->number);
  auto request = detail::request_of(SIDELITE_EXECUTE);
  detail::set_sql(request, sql);
  return operation<sidelite::savepoint>(launch(std::move(block), &request, 1));
}

/* ---- Connections ---- */

/* How to open. HARDENED unless said otherwise; `flags` 0 are SQLite's own defaults. 0 elsewhere is the core's default,
 * which sidelite_open_config tells. */
struct open_options {
  uint32_t flags = SIDELITE_OPEN_HARDENED;
  std::chrono::milliseconds busy_timeout{5000}; /* 0 does not wait for locks */
  uint32_t journal_mode = SIDELITE_JOURNAL_DEFAULT;
  uint32_t synchronous = SIDELITE_SYNC_DEFAULT;
  std::vector<std::string> pragmas{};
  begin isolation = begin::none;
  uint32_t statement_cache = 0;
  uint32_t max_requests = 0;
  uint64_t max_bytes = 0;
  uint64_t max_result_bytes = 0;
  const char *vfs = nullptr;
  const sidelite_value *authorizer = nullptr; /* `authorizer_rules` rows of six values */
  uint32_t authorizer_rules = 0;
};

namespace detail {

/* A close that somebody waits for. */
struct closing : request<void> {
  void take(const sidelite_event &event) override {
    std::exception_ptr thrown = std::exchange(state, nullptr)->end();
    request<void>::take(event);
    if (thrown) std::rethrow_exception(thrown);
  }
  std::shared_ptr<connection_state> state;
};

}  // namespace detail

/* A connection. Its requests may be submitted at once; when the opening fails each of them ends with its error. Several
 * tasks may use one connection; what belongs together wants a transaction. */
class connection : public lane {
 public:
  /* Opens `path` without waiting; see sidelite_open. A refusal is told as a failure is: by opened(), and by each
   * request. */
  connection(queue &on, const char *path, const open_options &options = {})
      : lane(std::make_shared<detail::connection_state>()) {
    auto &state = *state_;
    state.queue = on.state_;
    std::vector<const char *> pragmas;
    for (auto &pragma : options.pragmas) pragmas.push_back(pragma.c_str());
    auto config = config_of(options, pragmas);
    int32_t status = sidelite_open(on.get(), path, &config, detail::on_connection, &state, &state.handle);
    if (status < 0) {
      state.refused = status;
      state.opened.emplace(error(status));
      return;
    }
    state.self = state_;
    state.move_to(state.queue->members);
  }
  connection(connection &&) noexcept = default;
  connection &operator=(connection other) noexcept {
    std::swap(static_cast<lane &>(*this), static_cast<lane &>(other));
    return *this;
  }
  /* Closes in CANCEL mode, unless close() was called, and waits for nothing. Operations that are out end CANCELLED. */
  ~connection() {
    if (get()) sidelite_close(get(), SIDELITE_CLOSE_CANCEL, detail::on_connection, state_.get());
  }

  /* Ends when the database is open, or with the reason why not. */
  operation<void> opened() const {
    return hear(SIDELITE_EVENT_OPENED, state_ ? state_->opened : error(SIDELITE_ERR_BAD_HANDLE));
  }
  /* After SIDELITE_ERR_FULL: ends when requests are taken again; at once when they are. */
  operation<void> writable() const {
    using outcome = sidelite::expected<void>;
    return hear(SIDELITE_EVENT_WRITABLE, state_ && state_->is_full ? std::nullopt : std::optional<outcome>(outcome()));
  }
  /* Closes once all that was submitted has ended; streams must be read to their end, or destroyed. */
  operation<void> close() const {
    auto block = std::make_unique<detail::closing>();
    auto *user_data = static_cast<detail::block *>(block.get());
    int32_t status = sidelite_close(get(), SIDELITE_CLOSE_DRAIN, detail::on_event, user_data);
    if (status < 0) {
      block->fail(error(status));
    } else {
      block->is_out = true;
      block->queue = state_->queue.get();
      block->state = state_;
      block->move_to(state_->queue->members);
    }
    return operation<void>(std::move(block));
  }
  /* Cancels one request, by its id, or 0 for all: sidelite_cancel, whose status it returns. */
  int32_t cancel(int64_t request) const noexcept { return sidelite_cancel(get(), request); }

 private:
  static sidelite_open_config config_of(const open_options &options,
                                        const std::vector<const char *> &pragmas) noexcept {
    sidelite_open_config config{};
    config.struct_size = sizeof config;
    config.flags = options.flags;
    config.vfs = options.vfs;
    auto wait = options.busy_timeout.count();
    config.busy_timeout_ms = wait <= 0 ? SIDELITE_NO_WAIT : wait < INT32_MAX ? static_cast<int32_t>(wait) : INT32_MAX;
    config.statement_cache = options.statement_cache;
    config.max_requests = options.max_requests;
    config.journal_mode = options.journal_mode;
    config.max_bytes = options.max_bytes;
    config.max_result_bytes = options.max_result_bytes;
    config.synchronous = options.synchronous;
    config.pragma_count = static_cast<uint32_t>(pragmas.size());
    config.pragmas = pragmas.data();
    config.isolation = static_cast<uint32_t>(options.isolation);
    config.authorizer_rules = options.authorizer_rules;
    config.authorizer = options.authorizer;
    return config;
  }

  /* An operation that ends with an event of the connection, or has ended. */
  operation<void> hear(uint32_t flag, std::optional<sidelite::expected<void>> known) const {
    auto block = std::make_unique<detail::connection_state::waiter>();
    block->flag = flag;
    block->outcome = std::move(known);
    if (!block->outcome && state_->over) block->fail(error(state_->over));
    if (!block->outcome) {
      block->queue = state_->queue.get();
      block->move_to(state_->waiters);
    }
    return operation<void>(std::move(block));
  }
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
