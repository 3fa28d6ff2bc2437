/*
 * What must not compile: this file compiles parts of itself, and looks for the words that the compiler should say.
 *
 * std: c++17
 */
#ifdef REFUSED
#include <complex>

#include "sidelite.hpp"

struct opaque {
  explicit opaque(int);
};
struct packed {
  int a : 4, b;
};
struct many {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y;
};

inline void refused(sidelite::lane &db, sidelite::rows &rows) {
  (void)db, (void)rows;
#if REFUSED == 1
  (void)db.fetch("SELECT ?", std::complex<double>());
#elif REFUSED == 2
  (void)db.fetch("SELECT ?", 'c');
#elif REFUSED == 3
  (void)db.fetch("SELECT ?", 1.0L);
#elif REFUSED == 4
  (void)db.fetch("SELECT ?, :b", 1, sidelite::named("b", 2));
#elif REFUSED == 5
  (void)rows[0][0].get<const char *>();
#elif REFUSED == 6
  (void)rows[0].as<opaque *>();
#elif REFUSED == 7
  (void)rows[0].as<many>();
#elif REFUSED == 8
  (void)sidelite::rows(rows).value<std::string_view>();
#elif REFUSED == 9
  db.fetch("SELECT 1").then([](int) {});
#elif REFUSED == 10
  db.fetch("SELECT 1");
#elif REFUSED == 11
  (void)db.fetch("SELECT ?", std::chrono::steady_clock::now());
#elif REFUSED == 12
  (void)db.execute_many("SELECT ?, ?", std::vector<packed>());
#endif
}

#else

#include "harness.hpp"

namespace {

std::string here() {
  std::string path = __FILE__;
  return path.substr(0, path.find_last_of('/') + 1);
}

/* What the compiler says to a part of this file; empty when it accepts it. */
std::string said_to(int part) {
  const char *compiler = getenv("CXX");
  std::string command = compiler ? compiler : "g++";
  command += " -std=c++17 -fsyntax-only -Wall -Werror -DREFUSED=" + std::to_string(part);
  command += " -I" + here() + "../../include -I" + here() + "../../bindings/cpp " + __FILE__ + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  std::string said;
  for (int c; (c = fgetc(pipe)) != EOF;) said += static_cast<char>(c);
  CHECK_EQ(pclose(pipe) == 0, said.empty());
  return said;
}

void check_refusal(int part, const char *words) {
  std::string said = said_to(part);
  bool found = said.find(words) != std::string::npos;
  if (!found) fprintf(stderr, "part %d, without \"%s\":\n%s\n", part, words, said.c_str());
  CHECK(found);
}

void what_is_left_compiles() { CHECK_TEXT(said_to(0), ""); }

void parameters_of_other_types_are_refused() {
  for (int part : {1, 2, 3, 11}) check_refusal(part, "a parameter cannot have this type. Known are integers, bool");
  check_refusal(4, "by position or by name, not both");
}

void cells_of_other_types_are_refused() {
  check_refusal(5, "a cell cannot be read as this type. Known are integers, bool");
  check_refusal(6, "a row is a tuple, an aggregate");
  check_refusal(7, "aggregates of 1 to 24 fields");
}

void views_of_a_temporary_are_refused() { check_refusal(8, "the view would outlive the rows"); }

void bit_fields_are_refused() { check_refusal(12, "bit-field"); }

void callbacks_of_other_values_are_refused() { check_refusal(9, "the callback takes an expected<T>"); }

void operation_that_is_ignored_is_warned_of() { check_refusal(10, "nodiscard"); }

}  // namespace

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(what_is_left_compiles),
      TEST(parameters_of_other_types_are_refused),
      TEST(cells_of_other_types_are_refused),
      TEST(views_of_a_temporary_are_refused),
      TEST(bit_fields_are_refused),
      TEST(callbacks_of_other_values_are_refused),
      TEST(operation_that_is_ignored_is_warned_of),
      {nullptr, nullptr},
  };
  return run_tests(tests, argc, argv);
}
#endif
