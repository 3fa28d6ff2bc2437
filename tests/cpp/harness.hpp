/* What the C++ tests share, beyond the harness of the C tests. */
#ifndef HARNESS_HPP
#define HARNESS_HPP

#include <atomic>
#include <string>
#include <thread>

#include "harness.h"
#include "sidelite.hpp"

/* The code of the sidelite::error that `call` throws, 0 when it throws none. */
template <class Call>
int32_t code_of(Call call) {
  try {
    call();
  } catch (const sidelite::error &error) {
    return error.code();
  }
  return 0;
}

/* Its message, "" when it throws none. */
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const sidelite::error &error) {
    return error.what();
  }
  return {};
}

/* A queue and a database in memory, which come and go with a test. */
struct fixture {
  sidelite::queue queue;
  sidelite::connection db{queue, ":memory:"};

  template <class T, class... Args>
  T ask(const char *sql, const Args &...args) {
    return queue.wait(db.fetch(sql, args...)).template value<T>();
  }
};

#ifdef SIDELITE_HAS_STOP_TOKEN
/* A thread that stops what it is given, unless something newer comes first. */
class stopping_thread {
 public:
  ~stopping_thread() {
    over_ = true;
    thread_.join();
    delete next_.load();
  }
  void stop_soon(const std::stop_source &source) { delete next_.exchange(new std::stop_source(source)); }

 private:
  std::atomic<std::stop_source *> next_ = nullptr;
  std::atomic<bool> over_ = false;
  std::jthread thread_{[this] {
    while (!over_)
      if (auto *source = next_.exchange(nullptr)) source->request_stop(), delete source;
  }};
};
#endif

#define CHECK_TEXT(actual, expected)                                                                     \
  do {                                                                                                   \
    std::string check_a(actual), check_e(expected);                                                      \
    if (check_a != check_e) {                                                                            \
      fprintf(stderr, "%s:%d: %s: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, __func__, #actual, \
              check_a.c_str(), check_e.c_str());                                                         \
      fflush(stderr);                                                                                    \
      _exit(1);                                                                                          \
    }                                                                                                    \
  } while (0)

/* Counts what it lives through: how many are alive, as a callback, a coroutine's local, a parameter. */
struct counted {
  explicit counted(int &alive) : alive_(&alive) { ++*alive_; }
  counted(const counted &other) : alive_(other.alive_) { ++*alive_; }
  counted &operator=(const counted &) = delete;
  ~counted() { --*alive_; }

 private:
  int *alive_;
};

#endif
