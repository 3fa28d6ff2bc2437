/* Runs the workloads on sidelite and on raw SQLite, interleaved in one process, and prints one table. The two never
 * open the same file: they are two copies of SQLite. */
#include "bench.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sidelite.h"

/* The best of three tries in a round counts: what else the machine does only ever makes slower. */
enum { ROUNDS_MAX = 25, TRIES = 3, QUICK = 25, ROWS = 1000000, BLOBS = 50, ALONE_ROWS = 1000 };

/* A driver and its file with the tables that are read. */
typedef enum { SIDE, TUNED, BUNDLED, ENGINES } engine_id;

typedef struct engine {
  const char *name;
  const driver *driver;
  int loaded;
} engine;

static engine engines[ENGINES] = {{"sidelite", &side_driver, 0}, {"tuned", NULL, 0}, {"bundled", NULL, 0}};

typedef enum { IN_FILE, IN_MEMORY, PLACES } place;

/* What a round measured: the engines' times come first. */
enum { FLOOR = ENGINES, WAKES, SERIES };

typedef double series[SERIES];

static series results[WORKLOADS][PLACES][ROUNDS_MAX];

/* How a workload is run. */
typedef struct plan {
  const char *name;  /* as --only has it */
  const char *reads; /* the table that must be there; NULL for one that writes, on a fresh database */
  uint32_t count;
  int pinned;  /* on one CPU, and beside the floor of a hop */
  int bundled; /* also against the engine with rusqlite's own flags; in a file only */
} plan;

static const plan plans[WORKLOADS] = {
    [BULK_INSERT] = {"W1", NULL, ROWS, 0, 0},      [INSERT_EACH] = {"W2", NULL, 100000, 0, 0},
    [INSERT_ARRAYS] = {"W2", NULL, 100000, 0, 0},  [READ_POLL] = {"W3", "t", 20000, 0, 0},
    [READ_FD] = {"W3", "t", 20000, 1, 0},          [READ_64_FD] = {"W4", "t", 100000, 0, 0},
    [READ_64_POLL] = {"W4", "t", 100000, 0, 0},    [FETCH_ALL] = {"W5", "t", ROWS, 0, 0},
    [STREAM_ALL] = {"W5", "t", ROWS, 0, 0},        [COMMIT_EACH] = {"W6", NULL, 5000, 0, 0},
    [READ_4_CONNS] = {"W7", "t", 25000, 0, 1},     [BLOB_WRITE] = {"W8", NULL, BLOBS, 0, 0},
    [BLOB_READ] = {"W8", "b", 4 * BLOBS, 0, 0},    [BLOB_WRITE_4] = {"W8", NULL, BLOBS, 0, 0},
    [BLOB_READ_4] = {"W8", "b", 4 * BLOBS, 0, 0},  [CALL_INLINE] = {"F1", "t", ROWS, 0, 0},
    [CALL_HOST] = {"F2", "t", 20000, 1, 0},        [CALL_HOST_POLL] = {"F2", "t", 20000, 0, 0},
};

/* A line of the table: how one number is made of a round, and how large it may be. */
typedef struct line {
  const char *label;
  workload workload;
  engine_id raw;
  double (*value)(const double *series, engine_id raw);
  double bar;
  const char *unit;
} line;

static double ratio(const double *s, engine_id raw) { return s[SIDE] / s[raw]; }
static double us_over(const double *s, engine_id raw) { return s[SIDE] - s[raw]; }
static double floors_over(const double *s, engine_id raw) { return (s[SIDE] - s[raw]) / s[FLOOR]; }
static double wakes(const double *s, engine_id raw) { return (void)raw, s[WAKES]; }

static const line lines[] = {
    {"W1  bulk insert, 1,000 rows a request", BULK_INSERT, TUNED, ratio, 1.25, "x"},
    {"W2  insert, 64 in flight", INSERT_EACH, TUNED, ratio, 1.7, "x"},
    {"W2  the same, 32 requests a submit", INSERT_ARRAYS, TUNED, ratio, 1.3, "x"},
    {"W3  point read, host in poll, p50", READ_POLL, TUNED, ratio, 2.0, "x"},
    {"      the same, over raw", READ_POLL, TUNED, us_over, 3.0, "us"},
    {"W3  point read, host on fd, 1 CPU, p50", READ_FD, TUNED, floors_over, 1.3, "hops"},
    {"      wake-ups a request", READ_FD, TUNED, wakes, 1.0, ""},
    {"W4  point read, 64 in flight, on fd", READ_64_FD, TUNED, ratio, 1.5, "x"},
    {"      wake-ups a request", READ_64_FD, TUNED, wakes, 0.1, ""},
    {"W4  the same, host in poll", READ_64_POLL, TUNED, ratio, 1.5, "x"},
    {"W5  read 4 columns, fetch", FETCH_ALL, TUNED, ratio, 1.3, "x"},
    {"W5  the same, stream", STREAM_ALL, TUNED, ratio, 1.3, "x"},
    {"W6  insert and commit, p50, over raw", COMMIT_EACH, TUNED, us_over, 3.0, "us"},
    {"W7  4 connections, rusqlite's flags", READ_4_CONNS, BUNDLED, ratio, 0.9, "x"},
    {"W7  4 connections, sidelite's flags", READ_4_CONNS, TUNED, ratio, 2.2, "x"},
    {"W8w write 1 MiB, 1 in flight", BLOB_WRITE, TUNED, ratio, 1.3, "x"},
    {"W8r read 1 MiB, 1 in flight", BLOB_READ, TUNED, ratio, 1.3, "x"},
    {"W8w write 1 MiB, 4 in flight", BLOB_WRITE_4, TUNED, ratio, 1.3, "x"},
    {"W8r read 1 MiB, 4 in flight", BLOB_READ_4, TUNED, ratio, 1.3, "x"},
    {"F1  INLINE function, a call for each row", CALL_INLINE, TUNED, ratio, 1.15, "x"},
    {"F2  HOST function, host on fd, 1 CPU", CALL_HOST, TUNED, floors_over, 1.3, "hops"},
    {"F2  HOST function, host in poll", CALL_HOST_POLL, TUNED, us_over, 10.0, "us"},
};

typedef struct options {
  uint32_t rounds, tries, divisor;
  const char *only;
} options;

static const char *rows_path(const engine *e) {
  static char path[64];
  snprintf(path, sizeof path, "data/%s-rows.db", e->name);
  return path;
}

static void remove_file(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  char name[80];
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
    CHECK(!unlink(name) || errno == ENOENT);
  }
}

static void *open_fresh(const driver *d, const char *path) {
  void *db;
  if (strcmp(path, ":memory:")) remove_file(path);
  db = d->open(path);
  d->script(db, SQL_SCHEMA);
  return db;
}

/* Makes the file with the tables that are read; once, since nothing changes it. */
static void load(engine *e, uint32_t divisor) {
  task rows = {NULL, ROWS / divisor, 0}, blobs = {NULL, BLOBS / divisor, 0};
  void *db = open_fresh(e->driver, rows_path(e));
  e->driver->run[BULK_INSERT](db, &rows);
  e->driver->run[BLOB_WRITE](db, &blobs);
  e->driver->close(db);
  e->loaded = 1;
}

/* Opens a database as the plan wants it. */
static void *open_for(engine *e, const plan *p, place where, const char *path, uint32_t divisor) {
  char copy[256];
  void *db;
  if (!p->reads) return open_fresh(e->driver, path);
  if (!e->loaded) load(e, divisor);
  if (where == IN_FILE) return e->driver->open(path);
  snprintf(copy, sizeof copy, "ATTACH '%s' AS source; INSERT INTO %s SELECT * FROM source.%s; DETACH source",
           rows_path(e), p->reads, p->reads);
  db = open_fresh(e->driver, path);
  e->driver->script(db, copy);
  return db;
}

static const char *path_for(const engine *e, const plan *p, place where) {
  static char path[64];
  if (where == IN_MEMORY) return ":memory:";
  if (p->reads) return rows_path(e);
  snprintf(path, sizeof path, "data/%s.db", e->name);
  return path;
}

static uint64_t written(const driver *d, void *db) {
  return (uint64_t)d->integer(
      db, "SELECT (SELECT count(*) + coalesce(sum(id * unicode(name) + length(payload) + score), 0) FROM t)"
          " + (SELECT coalesce(sum(id + length(data)), 0) FROM b)");
}

/* One try of a workload on one engine, whose database stays open for the next when the workload only reads. */
static sample run(engine *e, workload w, place where, const options *o, void **db) {
  const plan *p = &plans[w];
  uint32_t rows = p->reads && *p->reads == 'b' ? BLOBS : ROWS;
  task task = {path_for(e, p, where), p->count / o->divisor, rows / o->divisor};
  sample s;
  if (!*db) *db = open_for(e, p, where, task.path, o->divisor);
  s = e->driver->run[w](*db, &task);
  if (p->reads) return s;
  s.checksum = written(e->driver, *db);
  e->driver->close(*db);
  *db = NULL;
  return s;
}

/* Keeps this thread, and those that it starts, on the CPU where it is. Returns what was allowed before. */
static cpu_set_t pin(void) {
  cpu_set_t before, one;
  CPU_ZERO(&one);
  CPU_SET((unsigned)sched_getcpu(), &one);
  CHECK(!sched_getaffinity(0, sizeof before, &before));
  CHECK(!sched_setaffinity(0, sizeof one, &one));
  return before;
}

/* The tries of all engines, in turns. Both sides must have read, or written, the same. */
static void run_tries(workload w, place where, const options *o, uint32_t n, double *result) {
  void *dbs[ENGINES] = {NULL};
  uint64_t checksum = 0;
  for (uint32_t i = 0; i < n * o->tries; i++) {
    uint32_t id = i % n;
    sample s = run(&engines[id], w, where, o, &dbs[id]);
    if (i) CHECK(s.checksum == checksum);
    checksum = s.checksum;
    if (i < n || s.us < result[id]) result[id] = s.us;
    if (id == SIDE) result[WAKES] = s.wakes;
  }
  for (uint32_t id = 0; id < n; id++)
    if (dbs[id]) engines[id].driver->close(dbs[id]);
}

static void run_round(workload w, place where, const options *o, double *result) {
  const plan *p = &plans[w];
  cpu_set_t before;
  if (p->pinned) before = pin();
  run_tries(w, where, o, p->bundled ? ENGINES : BUNDLED, result);
  if (!p->pinned) return;
  result[FLOOR] = floor_us(p->count / o->divisor);
  CHECK(!sched_setaffinity(0, sizeof before, &before));
}

static int selected(workload w, place where, const options *o) {
  if (plans[w].bundled && where == IN_MEMORY) return 0;
  return !o->only || !strcmp(o->only, plans[w].name);
}

static void run_all(const options *o) {
  for (uint32_t round = 0; round < o->rounds; round++) {
    fprintf(stderr, "round %" PRIu32 " of %" PRIu32 "\n", round + 1, o->rounds);
    for (int where = 0; where < PLACES; where++)
      for (int w = 0; w < WORKLOADS; w++)
        if (selected((workload)w, (place)where, o)) run_round((workload)w, (place)where, o, results[w][where][round]);
  }
}

static double series_median(workload w, place where, int which, uint32_t rounds) {
  double values[ROUNDS_MAX];
  for (uint32_t i = 0; i < rounds; i++) values[i] = results[w][where][i][which];
  return median(values, rounds);
}

/* What is printed is what is judged. */
static const char *verdict(double value, double bar) { return value < bar + 0.005 ? "met" : "MISSED"; }

static void print_cell(const line *l, place where, uint32_t rounds) {
  double values[ROUNDS_MAX], middle;
  char spread[32];
  for (uint32_t i = 0; i < rounds; i++) values[i] = l->value(results[l->workload][where][i], l->raw);
  middle = median(values, rounds);
  snprintf(spread, sizeof spread, "%.2f-%.2f", values[0], values[rounds - 1]);
  if (*l->label == ' ') printf(" |%18s", "");
  else
    printf(" |%9.2f%9.2f", series_median(l->workload, where, SIDE, rounds),
           series_median(l->workload, where, (int)l->raw, rounds));
  printf("%8.2f %-11s %-6s", middle, spread, verdict(middle, l->bar));
}

static void print_line(const line *l, const options *o) {
  printf("%-39s <=%5.2f %-4s", l->label, l->bar, l->unit);
  for (int where = 0; where < PLACES; where++) {
    if (selected(l->workload, (place)where, o)) print_cell(l, (place)where, o->rounds);
    else printf(" |%44s", "");
  }
  putchar('\n');
}

static void print_table(const options *o) {
  printf("%-51s | %-43s | %s\n", "", "file, WAL, synchronous NORMAL", ":memory:");
  printf("%-39s %-10s ", "us per operation", "    bar");
  for (int where = 0; where < PLACES; where++)
    printf(" |%9s%9s%8s %-11s %-6s", "sidelite", "raw", "value", "min-max", "");
  putchar('\n');
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (selected(lines[i].workload, IN_FILE, o)) print_line(&lines[i], o);
}

static void print_syscalls(const char *program, workload w, const char *label, double bar) {
  double calls = syscalls_per_operation(program, w);
  printf("%-39s <=%5.2f      |%44s |", label, bar, "");
  if (calls < 0) puts(" not counted: strace is missing or may not trace");
  else printf("%26.2f %-11s %-6s\n", calls, "", verdict(calls, bar));
}

/* The run that is traced: one workload on sidelite alone, on a small table in memory. */
static int run_alone(int w, uint32_t count) {
  task rows = {NULL, ALONE_ROWS, 0}, task = {NULL, count, ALONE_ROWS};
  void *db;
  CHECK(w >= 0 && w < WORKLOADS);
  if (plans[w].pinned) pin();
  db = open_fresh(&side_driver, ":memory:");
  if (plans[w].reads) side_driver.run[BULK_INSERT](db, &rows);
  side_driver.run[w](db, &task);
  side_driver.close(db);
  return 0;
}

/* Loads a raw copy of SQLite with its driver; its symbols stay its own. */
static void load_engine(engine *e, int armored) {
  char path[64];
  void *library, *db;
  snprintf(path, sizeof path, "./raw-%s.so", e->name);
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library);
  e->driver = dlsym(library, "raw_driver");
  CHECK(e->driver);
  db = e->driver->open(":memory:");
  CHECK(e->driver->integer(db, "SELECT sqlite_compileoption_used('ENABLE_API_ARMOR')") == armored);
  e->driver->close(db);
}

static int usage(void) {
  fputs("usage: benches/run.sh [--quick] [--only W1..W8|F1|F2] [--rounds N]\n", stderr);
  return 2;
}

static int is_known(const char *name) {
  for (int w = 0; w < WORKLOADS; w++)
    if (!strcmp(plans[w].name, name)) return 1;
  return 0;
}

static int parse(int argc, char **argv, options *o) {
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--quick")) *o = (options){1, 1, QUICK, o->only};
    else if (!strcmp(argv[i], "--only") && i + 1 < argc) o->only = argv[++i];
    else if (!strcmp(argv[i], "--rounds") && i + 1 < argc) o->rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
    else return 0;
  }
  return o->rounds >= 1 && o->rounds <= ROUNDS_MAX && (!o->only || is_known(o->only));
}

int main(int argc, char **argv) {
  options o = {5, TRIES, 1, NULL};
  if (argc == 4 && !strcmp(argv[1], "--alone")) return run_alone(atoi(argv[2]), (uint32_t)strtoul(argv[3], NULL, 10));
  if (!parse(argc, argv, &o)) return usage();
  load_engine(&engines[TUNED], 0);
  load_engine(&engines[BUNDLED], 1);
  CHECK(!mkdir("data", 0777) || errno == EEXIST);
  run_all(&o);
  printf("sidelite %s, SQLite %s, %ld CPUs, median of %" PRIu32 " rounds\n\n", sidelite_version(),
         sidelite_sqlite_version(), sysconf(_SC_NPROCESSORS_ONLN), o.rounds);
  print_table(&o);
  if (selected(READ_64_FD, IN_FILE, &o)) print_syscalls(argv[0], READ_64_FD, "W4  system calls a request", 0.3);
  if (!selected(READ_FD, IN_FILE, &o)) return 0;
  print_syscalls(argv[0], READ_FD, "W3  system calls a request, on fd", 4);
  printf("\nA hop (condition variable out, eventfd and epoll back, 1 CPU) took %.2f us.\n",
         series_median(READ_FD, IN_FILE, FLOOR, o.rounds));
  return 0;
}
