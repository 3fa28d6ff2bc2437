/*
 * sidelite_lane.hpp - where requests are submitted
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A part of sidelite.hpp, which includes it.
 */
#ifndef SIDELITE_LANE_HPP
#define SIDELITE_LANE_HPP

#include "sidelite_queue.hpp"
#include "sidelite_stream.hpp"

namespace sidelite {
inline namespace SIDELITE_CXX {

class transaction;
class savepoint;

/* How a transaction begins. `none`: it does not, and the lease is only the sole use of the connection. */
enum class begin : int64_t {
  none = SIDELITE_BEGIN_NONE,
  deferred = SIDELITE_BEGIN_DEFERRED,
  immediate = SIDELITE_BEGIN_IMMEDIATE,
  exclusive = SIDELITE_BEGIN_EXCLUSIVE
};

/* ---- Options of one call: db.with(timeout(250ms), stop_token, no_cache).fetch(...) ---- */

/* The request ends with SIDELITE_ERR_TIMEOUT after this time, rounded up to milliseconds, but at least one. */
struct timeout {
  template <class Rep, class Period>
  explicit timeout(std::chrono::duration<Rep, Period> time) {
    double wanted = std::ceil(std::chrono::duration<double, std::milli>(time).count());
    ms = wanted >= UINT32_MAX ? UINT32_MAX : wanted >= 1 ? static_cast<uint32_t>(wanted) : 1;
  }
  uint32_t ms;
};

/* Request flags of the header that make sense for one call. */
struct request_flag {
  uint32_t bits;
};
inline constexpr request_flag no_cache{SIDELITE_NO_CACHE}, multi{SIDELITE_MULTI};

/* Streams: rows in a chunk, and chunks that may come before one was read; 0 is the core's default. */
struct chunks {
  explicit chunks(uint32_t of_rows, uint32_t before_credit = 0) noexcept : rows(of_rows), window(before_credit) {}
  uint32_t rows, window;
};

namespace detail {

struct lease_request;

/* A connection, from open to CLOSED; shared by all lanes of it, which may outlive it. */
struct connection_state : member {
  /* Waits for OPENED or WRITABLE, of which many may want to hear. */
  struct waiter : request<void> {
    uint32_t flag = 0;
  };

  void lose() noexcept override {
    over = SIDELITE_ERR_ABORTED;
    member::lose_all(waiters);
    auto last = std::move(self);
  }

  /* Tells all who wait for `flag`. Returns the first exception that one of them threw, once all have been told. */
  std::exception_ptr tell(uint32_t flag, const expected<void> &outcome) {
    std::exception_ptr thrown;
    link told;
    for (link *at = waiters.after, *next = at->after; at != &waiters; at = next, next = at->after)
      if (static_cast<waiter *>(at)->flag == flag) at->move_to(told);
    while (!told.is_alone()) {
      auto &first = static_cast<waiter &>(*told.after);
      first.outcome = outcome;
      try {
        first.finish();
      } catch (...) {
        if (!thrown) thrown = std::current_exception();
      }
    }
    return thrown;
  }

  /* CLOSED: no event comes any more. */
  std::exception_ptr end() {
    auto last = std::move(self);
    unlink();
    over = SIDELITE_ERR_CLOSED;
    return tell(SIDELITE_EVENT_WRITABLE, error(SIDELITE_ERR_CLOSED));
  }

  std::shared_ptr<queue_state> queue;
  std::shared_ptr<connection_state> self; /* the core refers to it */
  sidelite_conn *handle = nullptr;
  int32_t refused = SIDELITE_ERR_BAD_HANDLE; /* why there is no handle */
  int32_t over = 0; /* why no event comes any more */
  bool is_full = false;
  int64_t savepoints = 0;
  std::optional<expected<void>> opened;
  link waiters;
};

inline void on_connection(const sidelite_event *event, void *user_data) {
  auto &state = *static_cast<connection_state *>(user_data);
  std::exception_ptr thrown;
  if (event->flags & SIDELITE_EVENT_OPENED) {
    state.opened = event->code ? expected<void>(error(*event)) : expected<void>();
    thrown = state.tell(SIDELITE_EVENT_OPENED, *state.opened);
  } else if (event->flags & SIDELITE_EVENT_WRITABLE) {
    state.is_full = false;
    thrown = state.tell(SIDELITE_EVENT_WRITABLE, {});
  } else if (event->flags & SIDELITE_EVENT_CLOSED) {
    thrown = state.end();
  }
  if (thrown) std::rethrow_exception(thrown);
}

/* The parameters of one statement. */
template <std::size_t N>
class parameters {
 public:
  template <class... Args>
  explicit parameters(const Args &...args) {
    constexpr std::size_t named = (std::size_t{0} + ... + (is_named<Args>::value ? 1 : 0));
    static_assert(named == 0 || named == N, "sidelite: parameters are given by position or by name, not both");
    std::size_t i = 0;
    (put(i++, args), ...);
    is_named_ = named > 0;
  }

  void give_to(sidelite_request &request) const noexcept {
    request.values = N ? values_.data() : nullptr;
    request.ncols = static_cast<uint32_t>(N);
    request.names = is_named_ ? names_.data() : nullptr;
  }
  std::optional<error> failure() const {
    if (!failed_) return std::nullopt;
    return error(SIDELITE_ERR_MISUSE, "parameter " + std::to_string(failed_) + ": " + made_.failure());
  }

 private:
  template <class T>
  void put(std::size_t i, const T &value) {
    if constexpr (is_named<T>::value) {
      names_[i] = value.name;
      made_.put(values_[i], value.value);
    } else {
      made_.put(values_[i], value);
    }
    if (made_.failure() && !failed_) failed_ = i + 1;
  }

  std::array<sidelite_value, N> values_;
  std::array<const char *, N> names_;
  encoder made_;
  std::size_t failed_ = 0;
  bool is_named_ = false;
};

/* SQL with its length; an empty one would be taken for one that ends with a NUL. */
inline void set_sql(sidelite_request &request, std::string_view sql) noexcept {
  request.sql = sql.empty() ? "" : sql.data();
  request.sql_len = sql.size();
}

inline sidelite_request request_of(uint32_t kind) noexcept {
  sidelite_request request{};
  request.struct_size = sizeof request;
  request.kind = kind;
  return request;
}

/* An array: each of its requests has a final event, and the last of these is the end of all. */
struct batch_request : request<std::vector<rows>> {
  void take(const sidelite_event &event) override {
    /* What failed is the reason, not what was aborted because of it. */
    if (event.code && (!reason || reason->code() == SIDELITE_ERR_ABORTED)) reason.emplace(event);
    else if (!event.code) results[static_cast<std::size_t>(event.id - id)] = rows(event);
    if (--left) return;
    disarm();
    if (reason) fail(std::move(*reason));
    else outcome.emplace(std::move(results));
    finish();
  }
  std::vector<rows> results;
  std::size_t left = 0;
  std::optional<error> reason;
};

}  // namespace detail

/* Several statements that happen as one transaction, or not at all: lane::run. It owns its parameters, to which its
 * statements point: it moves, and is not copied. */
class batch {
 public:
  batch() = default;
  batch(batch &&) = default;
  batch &operator=(batch &&) = default;

  template <class... Args>
  batch &add(std::string_view sql, const Args &...args) {
    statement next{std::string(sql), {}, {}};
    detail::parameters<sizeof...(Args)> given(args...);
    if (!failure_) failure_ = given.failure();
    sidelite_request request{};
    given.give_to(request);
    for (std::size_t i = 0; i < sizeof...(Args); i++) {
      next.values.push_back(own(request.values[i]));
      if (request.names) next.names.push_back(own(request.names[i]));
    }
    statements_.push_back(std::move(next));
    return *this;
  }
  std::size_t size() const noexcept { return statements_.size(); }

 private:
  friend class lane;
  struct statement {
    std::string sql;
    std::vector<sidelite_value> values;
    std::vector<const char *> names;
  };

  const char *own(const char *name) { return bytes_.emplace_front(name).c_str(); }
  sidelite_value own(sidelite_value value) {
    bool points = (value.type == SIDELITE_TEXT || value.type == SIDELITE_BLOB) && value.as.data;
    if (points) value.as.data = bytes_.emplace_front(static_cast<const char *>(value.as.data), value.len).data();
    return value;
  }

  std::vector<statement> statements_;
  std::forward_list<std::string> bytes_;
  std::optional<error> failure_;
};

/* What requests are submitted to: a connection, a transaction, a savepoint, and what with() makes of them. Copies are
 * cheap and own nothing; one whose connection or transaction is over gives operations that fail.
 *
 * Every call copies what it is given and submits at once, so that several pipeline; an operation that is destroyed
 * cancels. Parameters are by position, or all named("id", value). */
class lane {
 public:
  /* One that refuses everything, with SIDELITE_ERR_BAD_HANDLE. */
  lane() noexcept = default;

  /* The same lane with options for the calls made on it: timeout(250ms), a std::stop_token, no_cache, multi,
   * chunks(100). A stop ends the one request, as cancel does; what is stopped already is not sent. */
  template <class... Options>
  lane with(const Options &...options) const {
    lane changed(*this);
    (changed.set(options), ...);
    return changed;
  }

  /* Runs one statement to its end. */
  template <class... Args>
  operation<execution> execute(std::string_view sql, const Args &...args) const {
    return submit_sql<execution>(SIDELITE_EXECUTE, sql, args...);
  }
  /* The same, and collects its rows. */
  template <class... Args>
  operation<rows> fetch(std::string_view sql, const Args &...args) const {
    return submit_sql<rows>(SIDELITE_FETCH, sql, args...);
  }
  /* Runs all the statements of a text, without parameters; what ran before an error stays. */
  operation<void> script(std::string_view sql) const { return submit_sql<void>(SIDELITE_SCRIPT, sql); }

  /* Rows as they are wanted: see `stream`. */
  template <class T = row, class... Args>
  sidelite::stream<T> stream(std::string_view sql, const Args &...args) const {
    auto request = detail::request_of(SIDELITE_STREAM);
    detail::set_sql(request, sql);
    detail::parameters<sizeof...(Args)> given(args...);
    given.give_to(request);
    return sidelite::stream<T>(launch(std::make_unique<detail::stream_request>(), &request, 1, given.failure()));
  }

  /* Runs one statement for each row of a range of tuples, aggregates or single values, in one request and one
   * transaction: all rows or none. `changes` is their sum. */
  template <class Range>
  operation<execution> execute_many(std::string_view sql, Range &&range) const {
    using element = std::decay_t<decltype(*std::begin(range))>;
    std::vector<sidelite_value> values;
    using iterator = std::decay_t<decltype(std::begin(range))>;
    /* Elements that the range makes as it goes, or keeps in one place, must live until they were submitted. */
    std::deque<element> made;
    constexpr bool stays =
        std::is_lvalue_reference_v<decltype(*std::begin(range))> && detail::is_multi_pass<iterator>::value;
    detail::encoder encoder;
    std::optional<error> failure;
    std::size_t count = 0;
    uint32_t columns = 0;
    for (auto &&item : range) {
      const element *at;
      if constexpr (stays) at = &item;
      else at = &made.emplace_back(std::forward<decltype(item)>(item));
      auto parts = detail::sent_parts_of(*at);
      columns = static_cast<uint32_t>(std::tuple_size_v<decltype(parts)>);
      std::apply([&](const auto &...part) { (encoder.put(values.emplace_back(), part), ...); }, parts);
      if (encoder.failure() && !failure)
        failure.emplace(SIDELITE_ERR_MISUSE, "row " + std::to_string(count) + ": " + encoder.failure());
      count++;
    }
    auto block = std::make_unique<detail::request<execution>>();
    if (count == 0) return operation<execution>((block->outcome.emplace(execution{}), std::move(block)));
    if (count > UINT32_MAX) failure.emplace(SIDELITE_ERR_TOO_BIG);
    auto request = detail::request_of(SIDELITE_EXECUTE);
    request.flags = SIDELITE_ATOMIC;
    detail::set_sql(request, sql);
    request.values = values.data();
    request.ncols = columns;
    request.nrows = static_cast<uint32_t>(count);
    return operation<execution>(launch(std::move(block), &request, 1, std::move(failure)));
  }

  /* Runs a batch, and gives the rows of each of its statements. */
  operation<std::vector<rows>> run(const batch &statements) const {
    std::vector<sidelite_request> requests;
    for (auto &statement : statements.statements_) {
      auto request = detail::request_of(SIDELITE_FETCH);
      if (requests.empty()) request.flags = SIDELITE_ATOMIC;
      detail::set_sql(request, statement.sql);
      request.values = statement.values.data();
      request.ncols = static_cast<uint32_t>(statement.values.size());
      request.names = statement.names.empty() ? nullptr : statement.names.data();
      requests.push_back(request);
    }
    auto block = std::make_unique<detail::batch_request>();
    block->results.resize(requests.size());
    block->left = requests.size();
    return operation<std::vector<rows>>(
        launch(std::move(block), requests.data(), requests.size(), statements.failure_));
  }

  /* A request of a kind with arguments (SIDELITE_BACKUP, SIDELITE_BLOB_READ, SIDELITE_STATUS, ...), by position or
   * named. Its rows are those of the final event. */
  template <class... Args>
  operation<rows> command(uint32_t kind, const Args &...args) const {
    auto request = detail::request_of(kind);
    detail::parameters<sizeof...(Args)> given(args...);
    given.give_to(request);
    return operation<rows>(launch(std::make_unique<detail::request<rows>>(), &request, 1, given.failure()));
  }

  /* Any one request, as the header has it. Its callback and user_data are this library's; `struct_size` and `lane` may
   * be 0. */
  operation<rows> submit(sidelite_request request) const {
    if (!request.struct_size) request.struct_size = sizeof request;
    return operation<rows>(launch(std::make_unique<detail::request<rows>>(), &request, 1));
  }
  /* The same for kinds with several events: SIDELITE_DUMP, SIDELITE_OBSERVE, the steps of a SIDELITE_BACKUP. */
  template <class T = row>
  sidelite::stream<T> stream(sidelite_request request) const {
    if (!request.struct_size) request.struct_size = sizeof request;
    return sidelite::stream<T>(launch(std::make_unique<detail::stream_request>(), &request, 1));
  }

  /* Takes the connection for one task: see `transaction`. Options of with() hold for its beginning alone.
   *
   * - `hold`: how long at most, after which it is rolled back; 0 is without limit. */
  operation<sidelite::transaction> transaction(begin mode = begin::deferred,
                                     std::chrono::milliseconds hold = std::chrono::milliseconds(0)) const;

  /* The connection's handle, for the functions of sidelite.h; NULL when there is none. */
  sidelite_conn *get() const noexcept { return state_ ? state_->handle : nullptr; }
  /* The id of its lease, or 0. */
  int64_t id() const noexcept { return lane_; }

 protected:
  explicit lane(std::shared_ptr<detail::connection_state> state, int64_t id = 0) noexcept
      : state_(std::move(state)), lane_(id) {}

  template <class T, class... Args>
  operation<T> submit_sql(uint32_t kind, std::string_view sql, const Args &...args) const {
    auto request = detail::request_of(kind);
    detail::set_sql(request, sql);
    detail::parameters<sizeof...(Args)> given(args...);
    given.give_to(request);
    return operation<T>(launch(std::make_unique<detail::request<T>>(), &request, 1, given.failure()));
  }

  /* Submits `n` requests that end in one block. What refuses them is an outcome as any other. */
  template <class Block>
  std::unique_ptr<Block> launch(std::unique_ptr<Block> block, sidelite_request *requests, std::size_t n,
                                std::optional<error> failure = std::nullopt) const {
    if (failure) {
      block->fail(std::move(*failure));
      return block;
    }
#ifdef SIDELITE_HAS_STOP_TOKEN
    if (stop_.stop_requested()) {
      block->fail(error(SIDELITE_ERR_CANCELLED));
      return block;
    }
#endif
    for (std::size_t i = 0; i < n; i++) {
      auto &request = requests[i];
      request.flags |= flags_;
      request.timeout_ms = timeout_ms_ ? timeout_ms_ : request.timeout_ms;
      request.lane = lane_ ? lane_ : request.lane;
      request.chunk_rows = rows_ ? rows_ : request.chunk_rows;
      request.window = window_ ? window_ : request.window;
      request.callback = detail::on_event;
      request.user_data = static_cast<detail::block *>(block.get());
    }
    int64_t id = sidelite_submit(get(), requests, n < UINT32_MAX ? static_cast<uint32_t>(n) : UINT32_MAX);
    if (id < 0) {
      if (id == SIDELITE_ERR_FULL) state_->is_full = true;
      bool never_opened = id == SIDELITE_ERR_BAD_HANDLE && state_ && !state_->handle;
      block->fail(error(never_opened ? state_->refused : static_cast<int32_t>(id)));
      return block;
    }
    block->queue = state_->queue.get();
    block->conn = get();
    block->id = id;
    block->is_out = true;
    block->move_to(state_->queue->members);
#ifdef SIDELITE_HAS_STOP_TOKEN
    if (stop_.stop_possible()) block->stop.emplace(stop_, detail::stopper{get(), id});
#endif
    return block;
  }

  /* Submits what nobody waits for and memory may lack for. False: it will not happen. */
  bool post(uint32_t kind, const char *sql = nullptr) const noexcept {
    auto request = detail::request_of(kind);
    request.sql = sql;
    request.lane = lane_;
    int64_t id = sidelite_submit(get(), &request, 1);
    return id > 0 || id == SIDELITE_ERR_BAD_HANDLE;
  }

  std::shared_ptr<detail::connection_state> state_;

 private:
  friend struct detail::lease_request;

  void set(const timeout &option) noexcept { timeout_ms_ = option.ms; }
  void set(const request_flag &option) noexcept { flags_ |= option.bits; }
  void set(const chunks &option) noexcept {
    rows_ = option.rows;
    window_ = option.window;
  }
#ifdef SIDELITE_HAS_STOP_TOKEN
  void set(const std::stop_token &option) noexcept { stop_ = option; }
  std::stop_token stop_;
#endif

  int64_t lane_ = 0;
  uint32_t flags_ = 0, timeout_ms_ = 0, rows_ = 0, window_ = 0;
};

}  // namespace SIDELITE_CXX
}  // namespace sidelite

#endif
