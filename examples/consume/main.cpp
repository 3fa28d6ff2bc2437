/* main.c in C++20: rows go in, one comes out. */
#include <cstdio>
#include <exception>
#include <sidelite.hpp>
#include <string>
#include <vector>

struct moon {
  std::string name;
  double radius_km;
};

struct largest {
  std::string name;
  int count;
  double radius_km;
};

static sidelite::task<> print_largest(sidelite::connection &db) {
  const std::vector<moon> moons{{"Io", 1821.6}, {"Europa", 1560.8}, {"Ganymede", 2634.1}};
  co_await db.script("CREATE TABLE moon(name TEXT, radius_km REAL)");
  co_await db.execute_many("INSERT INTO moon VALUES (?, ?)", moons);
  auto rows = co_await db.fetch("SELECT name, count(*), max(radius_km) FROM moon");
  auto found = rows[0].as<largest>();
  std::printf("%s is the largest of %d moons\n", found.name.c_str(), found.count);
  co_await db.close();
}

int main() {
  try {
    sidelite::queue queue;
    sidelite::connection db(queue, ":memory:");
    queue.wait(print_largest(db));
  } catch (const std::exception &e) {
    std::fprintf(stderr, "consume: %s\n", e.what());
    return 1;
  }
}
