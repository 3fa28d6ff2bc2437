/* How the code of bindings/cpp/README.md is tested: each block stands in a test, word for word. */
#ifndef README_HPP
#define README_HPP

#include <fstream>
#include <sstream>

#include "harness.hpp"

/* What a program writes to its standard output. */
inline std::string printed_by(int (*program)()) {
  fflush(stdout);
  int kept = dup(STDOUT_FILENO);
  FILE *file = tmpfile();
  CHECK(kept >= 0 && file && dup2(fileno(file), STDOUT_FILENO) >= 0);
  CHECK_EQ(program(), 0);
  fflush(stdout);
  CHECK(dup2(kept, STDOUT_FILENO) >= 0);
  close(kept);
  char text[4096];
  rewind(file);
  size_t n = fread(text, 1, sizeof text, file);
  fclose(file);
  return std::string(text, n);
}

/* The text of a file that is found from this one. */
inline std::string text_of(const std::string &path) {
  std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.find_last_of('/') + 1) + path);
  std::stringstream text;
  CHECK(file.good());
  text << file.rdbuf();
  return text.str();
}

#endif
