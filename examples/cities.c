/* The demo: 34,006 cities go into SQLite, are indexed, streamed and asked about on ONE thread. Its heartbeat, due
 * every 2 ms, stands for what a program owes the world meanwhile: a frame, a socket, a button. No loop library, just
 * poll(2) on the queue's descriptor. Then the same work again, each call waiting for its end, as with blocking calls.
 *
 *   cities [DATABASE [FOLDER]]    DATABASE: a new file, which stays; without it, or with "", a temporary one
 *                                 FOLDER: where cities.csv and countries.csv are; without it, examples/data */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sidelite.h"

enum {
  BEAT_MS = 2,
  DISPATCH_US = 500, /* callbacks give way to the heartbeat after so long */
  AHEAD = 8,         /* requests kept out, so that neither side waits for the other */
  BATCH_ROWS = 500,
  COLUMNS_MAX = 8,
  CITIES = 34006,    /* what examples/data holds */
  COUNTRIES = 252
};

/* A CSV file in memory, taken record by record. */
typedef struct csv {
  const char *name, *insert;
  uint32_t columns, population; /* how many there are, and which of them is summed into `people` */
  char *text, *at;
  int64_t rows, people; /* taken so far */
} csv;

/* What must end with exactly one final event: a request, an open, a close. */
typedef struct task {
  struct demo *demo;
  struct task *next;
  const char *what;
  int64_t id;
  double began, ended;
  int32_t wanted; /* the code to end with */
  int finals;
  const sidelite_result *result; /* of the final event, kept */
  const char *failure;           /* why it ended otherwise */
} task;

typedef struct demo {
  bool blocking;
  char path[4096]; /* of the file that clean_up removes */
  csv countries, cities;
  sidelite_queue *queue;
  sidelite_conn *conn, *busy; /* the endless query keeps `busy` so */
  task *tasks, *failed, *answers[3], *counts, *stream, *endless;
  uint32_t outstanding, finished;
  int64_t imported, streamed, streamed_people;
  double last_beat, longest_gap, chapter_ms[3], cancelled;
} demo;

static demo runs[2]; /* beside the loop, and blocking it */
static bool on_terminal, in_colour;
static volatile sig_atomic_t interrupted;

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Says why and exits; clean_up runs at exit. Not for callbacks: a queue cannot be freed inside its own dispatch. */
static _Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs(on_terminal ? "\r\033[K" : "", stdout); /* away with the progress bar */
  fflush(stdout);
  fputs("cities: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(EXIT_FAILURE);
}

static void expect(const char *what, int64_t actual, int64_t expected) {
  if (actual != expected) fail("%s: %" PRId64 " instead of %" PRId64, what, actual, expected);
}

/* ---- The loop, and what it is compared with ---- */

static void beat(demo *d) {
  double now = now_ms(), gap = now - d->last_beat;
  if (gap < BEAT_MS) return;
  if (gap > d->longest_gap) d->longest_gap = gap;
  d->last_beat = now;
}

/* One turn of an event loop: sleeps until events wait or the next beat is due, then runs callbacks. */
static void turn(demo *d) {
  double left = d->last_beat + BEAT_MS - now_ms();
  struct pollfd ready = {.fd = (int)sidelite_queue_fd(d->queue), .events = POLLIN};
  if (ready.fd < 0) fail("descriptor: %s", sidelite_status_string(ready.fd));
  if (poll(&ready, 1, left > 0 ? (int)left + 1 : 0) < 0 && errno != EINTR) fail("poll: %s", strerror(errno));
  beat(d);
  sidelite_dispatch(d->queue, 0, DISPATCH_US);
}

/* One blocking call: the thread does nothing else until all that was handed over has ended. */
static void block(demo *d) {
  sidelite_event events[64];
  while (d->outstanding && !d->failed) {
    int32_t taken = sidelite_poll(d->queue, events, 64, -1);
    if (taken < 0) fail("poll: %s", sidelite_status_string(taken));
    for (int32_t i = 0; i < taken; i++) events[i].callback(&events[i], events[i].user_data);
  }
  beat(d);
}

/* Goes on until at most `most` tasks are out. */
static void settle(demo *d, uint32_t most) {
  while (d->outstanding > most) {
    if (d->blocking) block(d);
    else turn(d);
    if (d->failed) fail("%s: %s", d->failed->what, d->failed->failure);
    if (interrupted) fail("interrupted");
  }
}

static task *task_new(demo *d, const char *what) {
  task *t = malloc(sizeof *t);
  if (!t) fail("out of memory");
  *t = (task){.demo = d, .next = d->tasks, .what = what, .began = now_ms()};
  d->outstanding++;
  return d->tasks = t;
}

/* After each call a blocking program waits for its end; a loop goes on, and turns when enough is out. */
static task *handed_over(task *t, int64_t id_or_status) {
  t->id = id_or_status;
  if (id_or_status < 0) fail("%s: %s", t->what, sidelite_status_string((int32_t)id_or_status));
  settle(t->demo, t->demo->blocking ? 0 : AHEAD);
  return t;
}

static void on_final(const sidelite_event *event, void *user_data) {
  task *t = user_data;
  if (t->finals++) return; /* `check` will tell */
  t->ended = now_ms();
  t->result = sidelite_keep(event->result);
  t->demo->outstanding--;
  t->demo->finished++;
  if (event->code == t->wanted) return;
  t->failure = sidelite_event_message(event); /* inside the kept result, or static */
  if (!t->demo->failed) t->demo->failed = t;
}

static task *execute(demo *d, const char *what, const char *sql) {
  task *t = task_new(d, what);
  return handed_over(t, sidelite_execute(d->conn, sql, NULL, 0, on_final, t));
}

static task *fetch(demo *d, const char *what, const char *sql, const sidelite_value *params, uint32_t n) {
  task *t = task_new(d, what);
  return handed_over(t, sidelite_fetch(d->conn, sql, params, n, on_final, t));
}

/* ---- What it shows, in 80 columns ---- */

static const char *style(const char *code) { return in_colour ? code : ""; }
#define BOLD style("\033[1m")
#define DIM style("\033[2m")
#define RED style("\033[31m")
#define GREEN style("\033[32m")
#define PLAIN style("\033[0m")

/* A bar that fills `share` of `width` cells, one at least; `rest` stands in the others. */
static void print_bar(const char *colour, double share, int width, const char *rest) {
  int cells = (int)(share * width + 0.5);
  fputs(colour, stdout);
  for (int i = 0; i < width; i++) fputs(i < cells || i == 0 ? "█" : rest, stdout);
  fputs(PLAIN, stdout);
}

static void show_progress(const demo *d) {
  double share = (double)d->imported / (CITIES + COUNTRIES);
  if (!on_terminal) return;
  printf("\r  %s%-11s%s%3d %%  ", BOLD, d->blocking ? "blocking" : "importing", PLAIN, (int)(share * 100));
  print_bar(GREEN, share, 58, "░");
  fputs(share < 1 ? "" : "\r\033[K", stdout);
  fflush(stdout);
}

/* Columns that UTF-8 takes on the screen: its code points, as long as the script is Latin. */
static int width(const char *text) {
  int n = 0;
  for (; *text; text++) n += (*text & 0xC0) != 0x80;
  return n;
}

/* A cell of an answer, all TEXT; row 0 holds the names of the columns. */
static const char *cell(const sidelite_result *answer, uint32_t row, uint32_t column) {
  return row ? sidelite_row_text(answer, row - 1, column) : sidelite_column_name(answer, column);
}

static void print_cell(const sidelite_result *answer, uint32_t row, uint32_t column) {
  const char *text = cell(answer, row, column), *first = cell(answer, 1, column);
  bool number = *first >= '0' && *first <= '9'; /* to the right */
  int wide = 0, gap;
  for (uint32_t r = 0; r <= answer->nrows; r++)
    if (width(cell(answer, r, column)) > wide) wide = width(cell(answer, r, column));
  gap = wide - width(text);
  printf("  %*s%s%*s", number ? gap : 0, "", text, number ? 0 : gap, "");
}

static void print_answer(const task *t) {
  printf("\n  %s%s%s %s(%.1f ms)\n", BOLD, t->what, PLAIN, DIM, t->ended - t->began);
  for (uint32_t row = 0; row <= t->result->nrows; row++) {
    for (uint32_t column = 0; column < t->result->ncols; column++) print_cell(t->result, row, column);
    printf("%s\n", PLAIN);
  }
}

/* ---- Before the first chapter: open ---- */

static sidelite_conn *open_connection(demo *d) {
  sidelite_conn *conn = NULL;
  sidelite_open_config config = {.struct_size = sizeof config, .flags = SIDELITE_OPEN_HARDENED,
                                 .journal_mode = SIDELITE_JOURNAL_WAL, .synchronous = SIDELITE_SYNC_NORMAL};
  task *t = task_new(d, d->path);
  handed_over(t, sidelite_open(d->queue, d->path, &config, on_final, t, &conn));
  return conn;
}

static void open_database(demo *d) {
  expect("queue", sidelite_queue_new(NULL, &d->queue), SIDELITE_OK);
  d->conn = open_connection(d);
  task *t = task_new(d, "tables");
  handed_over(t, sidelite_script(d->conn,
      "CREATE TABLE country(code TEXT PRIMARY KEY, name TEXT, continent TEXT, capital TEXT, population INTEGER,"
      "  currency TEXT, languages TEXT) STRICT;"
      "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL,"
      "  country TEXT REFERENCES country, admin1 TEXT, population INTEGER, timezone TEXT) STRICT;"
      "CREATE TABLE batch(file TEXT, rows INTEGER) STRICT;"
      "CREATE VIRTUAL TABLE city_search USING fts5(name, content = 'city', content_rowid = 'id',"
      "  tokenize = 'unicode61 remove_diacritics 2')", on_final, t));
  settle(d, 0);
}

/* ---- Chapter 1: import ---- */

/* Takes one field, unquoted in place (RFC 4180): NULL when it is empty, `last` when its record ends with it. */
static sidelite_value take_field(csv *file, bool *last) {
  char *start = file->at, *end;
  if (*start == '"') {
    char *from = end = ++start;
    while (*from && (*from != '"' || *++from == '"')) *end++ = *from++;
    file->at = from;
  } else {
    file->at = end = start + strcspn(start, ",\r\n");
  }
  *last = *file->at != ',';
  file->at += *last ? strspn(file->at, "\r\n") : 1;
  return end > start ? sidelite_text_n(start, (uint32_t)(end - start)) : sidelite_null();
}

static bool take_record(csv *file, sidelite_value *fields) {
  uint32_t n = 0;
  if (!*file->at) return false;
  for (bool last = false; !last; n++) {
    sidelite_value field = take_field(file, &last);
    if (n < file->columns) fields[n] = field;
    if (n == file->population && field.len) file->people += strtoll(field.as.data, NULL, 10);
  }
  file->rows++;
  if (n != file->columns) fail("%s: row %" PRId64 " has %" PRIu32 " fields", file->name, file->rows, n);
  return true;
}

static void on_batch(const sidelite_event *event, void *user_data) {
  demo *d = ((task *)user_data)->demo;
  d->imported += event->changes;
  show_progress(d);
  on_final(event, user_data);
}

/* Rows and their entry in `batch` commit together or not at all. All values go in as text: the columns make
 * numbers of them, and STRICT refuses what is none. */
static bool submit_batch(demo *d, csv *file) {
  sidelite_value rows[BATCH_ROWS * COLUMNS_MAX], entry[2];
  uint32_t n = 0;
  while (n < BATCH_ROWS && take_record(file, rows + n * file->columns)) n++;
  if (!n) return false;
  entry[0] = sidelite_text(file->name);
  entry[1] = sidelite_int(n);
  sidelite_request requests[] = {
      {.struct_size = sizeof *requests, .kind = SIDELITE_EXECUTE, .flags = SIDELITE_ATOMIC, .sql = file->insert,
       .sql_len = SIDELITE_NUL_TERMINATED, .values = rows, .ncols = file->columns, .nrows = n, .callback = on_batch,
       .user_data = task_new(d, file->name)},
      {.struct_size = sizeof *requests, .kind = SIDELITE_EXECUTE, .sql = "INSERT INTO batch VALUES (?, ?)",
       .sql_len = SIDELITE_NUL_TERMINATED, .values = entry, .ncols = 2, .callback = on_final,
       .user_data = task_new(d, "batch")}};
  handed_over(requests->user_data, sidelite_submit(d->conn, requests, 2));
  return true;
}

static void import(demo *d) {
  while (submit_batch(d, &d->countries)) continue;
  while (submit_batch(d, &d->cities)) continue;
}

/* ---- Chapter 2: index ---- */

static void build_index(demo *d) {
  execute(d, "index", "CREATE INDEX city_by_latitude ON city(latitude)");
  execute(d, "full-text index", "INSERT INTO city_search(city_search) VALUES ('rebuild')");
}

/* ---- Chapter 3: a stream, questions and an endless query at the same time ---- */

/* Each chunk that was read grants credit for one more, so the table never waits in memory. */
static void on_chunk(const sidelite_event *event, void *user_data) {
  demo *d = ((task *)user_data)->demo;
  uint32_t rows = event->code ? 0 : event->result->nrows;
  for (uint32_t row = 0; row < rows; row++) d->streamed_people += sidelite_row_int64(event->result, row, 6);
  d->streamed += rows;
  if (!(event->flags & SIDELITE_EVENT_MORE)) on_final(event, user_data);
  else (void)sidelite_more(event->conn, event->id, 1); /* refused when the stream has ended meanwhile: no matter */
}

static void stream_cities(demo *d) {
  task *t = d->stream = task_new(d, "stream");
  handed_over(t, sidelite_stream(d->conn, "SELECT * FROM city", NULL, 0, 0, on_chunk, t));
}

static void ask_questions(demo *d) {
  const sidelite_value copenhagen[] = {sidelite_real(55.676), sidelite_real(12.568)};
  const sidelite_value words[] = {sidelite_text("munchen"), sidelite_text("sao paulo"), sidelite_text("México"),
                                  sidelite_text("ÖREBRO")};
  d->answers[0] = fetch(d, "The large cities near 55.676 N, 12.568 E",
      "SELECT city.name AS city, country.name AS country, format('%,d', city.population) AS population,"
      "  format('%.1f', 2 * 6371 * asin(sqrt(pow(sin(radians(latitude - ?1) / 2), 2)"
      "    + cos(radians(?1)) * cos(radians(latitude)) * pow(sin(radians(longitude - ?2) / 2), 2)))) AS km "
      "FROM city JOIN country ON country.code = city.country "
      "WHERE latitude BETWEEN ?1 - 1 AND ?1 + 1 AND longitude BETWEEN ?2 - 2 AND ?2 + 2 AND city.population > 80000 "
      "ORDER BY CAST(km AS REAL) LIMIT 5", copenhagen, 2);
  d->answers[1] = fetch(d, "Full-text search, where accents fold both ways",
      "WITH wanted(n, words) AS (VALUES (1, ?), (2, ?), (3, ?), (4, ?)) "
      "SELECT words AS \"search for\", format('%,d', count(*)) AS found, city.name AS \"largest of them\","
      "  country.name AS country, format('%,d', max(city.population)) AS population "
      "FROM wanted JOIN city_search(words) AS hit JOIN city ON city.id = hit.rowid"
      "  JOIN country ON country.code = city.country GROUP BY n ORDER BY n", words, 4);
  d->answers[2] = fetch(d, "The largest city of each of the six largest countries",
      "SELECT country.name AS country, format('%,d', count(*)) AS cities, city.name AS \"largest city\","
      "  format('%,d', max(city.population)) AS population "
      "FROM country JOIN city ON city.country = country.code "
      "GROUP BY country.code ORDER BY country.population DESC LIMIT 6", NULL, 0);
}

static void start_endless_query(demo *d) {
  d->busy = open_connection(d);
  task *t = d->endless = task_new(d, "endless query");
  t->wanted = SIDELITE_ERR_CANCELLED;
  handed_over(t, sidelite_execute(d->busy, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                                           "SELECT max(i) FROM n", NULL, 0, on_final, t));
}

/* The blocking program has no endless query: once inside it, nobody would be left to cancel. */
static void do_all_at_once(demo *d) {
  if (!d->blocking) start_endless_query(d);
  stream_cities(d);
  ask_questions(d);
  settle(d, d->endless ? 1 : 0);
  d->cancelled = now_ms();
  if (d->endless) expect("cancel", sidelite_cancel(d->busy, d->endless->id), SIDELITE_OK);
}

/* ---- After the last chapter: count, close, check ---- */

static void close_database(demo *d) {
  sidelite_conn *const all[] = {d->conn, d->busy};
  d->counts = fetch(d, "counts", "SELECT (SELECT count(*) FROM city), (SELECT sum(population) FROM city),"
                    " (SELECT count(*) FROM country), (SELECT sum(population) FROM country),"
                    " (SELECT sum(rows) FROM batch), (SELECT count(*) FROM city_search_docsize)", NULL, 0);
  for (int i = 0; i < 2 && all[i]; i++) {
    task *t = task_new(d, "close");
    handed_over(t, sidelite_close(all[i], SIDELITE_CLOSE_DRAIN, on_final, t));
  }
  settle(d, 0);
}

static void check(demo *d) {
  const struct { const char *what; int64_t expected; } counts[] = {
      {"cities in the table", CITIES}, {"people in cities", d->cities.people},
      {"countries in the table", COUNTRIES}, {"people in countries", d->countries.people},
      {"rows in batches", CITIES + COUNTRIES}, {"names in the index", CITIES}};
  for (uint32_t i = 0; i < 6; i++)
    expect(counts[i].what, sidelite_row_int64(d->counts->result, 0, i), counts[i].expected);
  for (int i = 0; i < 3; i++) expect(d->answers[i]->what, d->answers[i]->result->nrows, (const int[]){5, 4, 6}[i]);
  expect("cities in the file", d->cities.rows, CITIES);
  expect("cities streamed", d->streamed, CITIES);
  expect("people streamed", d->streamed_people, d->cities.people);
  for (task *t = d->tasks; t; t = t->next) expect(t->what, t->finals, 1);
  expect("events never taken", sidelite_queue_free(d->queue, -1), 0);
  d->queue = NULL;
}

static void perform(demo *d) {
  static const struct { const char *verb, *what; void (*tell)(demo *); } chapters[] = {
      {"imported", "countries and cities, 500 rows in each ATOMIC batch", import},
      {"indexed", "latitudes, and names for full-text search", build_index},
      {"all at once", "the table streamed, questions, an endless query", do_all_at_once}};
  d->last_beat = now_ms();
  open_database(d);
  for (int i = 0; i < 3; i++) {
    double began = now_ms();
    chapters[i].tell(d);
    settle(d, 0);
    d->chapter_ms[i] = now_ms() - began;
    if (!d->blocking)
      printf("  %s%-13s%s%-53s%7.0f ms\n", BOLD, chapters[i].verb, PLAIN, chapters[i].what, d->chapter_ms[i]);
  }
  close_database(d);
  check(d);
}

/* ---- The report ---- */

static double longest_gap(void) {
  return runs[0].longest_gap > runs[1].longest_gap ? runs[0].longest_gap : runs[1].longest_gap;
}

static void report(void) {
  static const char *const names[] = {"beside the loop", "blocking the loop"};
  for (int i = 0; i < 3; i++) print_answer(runs[0].answers[i]);
  printf("\n  %s%-17s%17s%9s%17s%12s%s\n", BOLD, "The same work", "import", "index", "stream", "cancel", PLAIN);
  for (int i = 0; i < 2; i++) {
    const demo *d = &runs[i];
    printf("  %-17s%8.2f M rows/s%6.0f ms%8.2f M rows/s", names[i], (double)d->imported / d->chapter_ms[0] / 1e3,
           d->chapter_ms[1], (double)d->streamed / (d->stream->ended - d->stream->began) / 1e3);
    if (d->endless) printf("%9.2f ms\n", d->endless->ended - d->cancelled);
    else printf("%12s\n", "impossible");
  }
  printf("  %sBeside the loop the questions ran between the stream's chunks.%s\n", DIM, PLAIN);
  printf("\n  %sThe longest gap between two heartbeats%s\n", BOLD, PLAIN);
  for (int i = 0; i < 2; i++) {
    printf("  %-19s", names[i]);
    print_bar(i ? RED : GREEN, runs[i].longest_gap / longest_gap(), 48, "");
    printf(" %.1f ms\n", runs[i].longest_gap);
  }
  printf("\n  %sAll counts are right%s: %d,%03d cities, %d countries, %.2f billion people,\n"
         "  %" PRIu32 " requests, opens and closes with one final event each.\n", GREEN, PLAIN, CITIES / 1000,
         CITIES % 1000, COUNTRIES, (double)runs[0].streamed_people / 1e9, runs[0].finished + runs[1].finished);
}

/* ---- Around the story ---- */

static void load(csv *file, const char *folder) {
  char path[4096];
  size_t size = 0;
  snprintf(path, sizeof path, "%s/%s", folder, file->name);
  FILE *stream = fopen(path, "rb");
  if (!stream) fail("%s: %s", path, strerror(errno));
  if (getdelim(&file->text, &size, 0, stream) < 0) fail("%s: cannot be read", path);
  fclose(stream);
  file->at = file->text + strcspn(file->text, "\n"); /* below the names of the columns */
  file->at += strspn(file->at, "\n");
}

/* Makes the empty file that SQLite will fill: always a new one. The blocking run has its own beside it. */
static void create_file(demo *d, const char *path) {
  const char *folder = getenv("TMPDIR");
  char name[sizeof d->path];
  bool named = *path && !d->blocking;
  int file;
  if (*path) snprintf(name, sizeof name, "%s%s", path, named ? "" : "-XXXXXX");
  else snprintf(name, sizeof name, "%s/sidelite-cities-XXXXXX", folder ? folder : "/tmp");
  file = named ? open(name, O_CREAT | O_EXCL | O_RDWR, 0666) : mkstemp(name);
  if (file < 0) fail("%s: %s", name, strerror(errno));
  close(file);
  snprintf(d->path, sizeof d->path, "%s", name);
}

static void run(demo *d, const char *path, const char *folder) {
  d->blocking = d == &runs[1];
  d->countries = (csv){.name = "countries.csv", .columns = 7, .population = 4,
                       .insert = "INSERT INTO country VALUES (?, ?, ?, ?, ?, ?, ?)"};
  d->cities = (csv){.name = "cities.csv", .columns = 8, .population = 6,
                    .insert = "INSERT INTO city VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
  load(&d->countries, folder);
  load(&d->cities, folder);
  create_file(d, path);
  perform(d);
}

static void clean_up(void) {
  static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
  for (demo *d = runs; d < runs + 2; d++) {
    if (d->queue) sidelite_queue_free(d->queue, -1);
    for (task *t = d->tasks, *next; t; t = next) {
      next = t->next;
      sidelite_release(t->result);
      free(t);
    }
    free(d->countries.text);
    free(d->cities.text);
    for (int i = 0; i < 4 && d->path[0]; i++) {
      char path[sizeof d->path + 8];
      snprintf(path, sizeof path, "%s%s", d->path, suffixes[i]);
      unlink(path);
    }
  }
}

static void on_signal(int number) {
  (void)number;
  interrupted = 1;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "", *folder = argc > 2 ? argv[2] : "examples/data";
  const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
  if (argc > 3 || *path == '-') fail("usage: %s [DATABASE [FOLDER]]", argv[0]);
  on_terminal = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
  in_colour = on_terminal && !(no_color && *no_color);
  atexit(clean_up);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  signal(SIGPIPE, SIG_IGN); /* `cities | head` cleans up too */
  printf("%ssidelite %s%s, SQLite %s: one thread, poll(2), a heartbeat every %d ms\n\n", BOLD,
         sidelite_version(), PLAIN, sidelite_sqlite_version(), BEAT_MS);
  run(&runs[0], path, folder);
  run(&runs[1], path, folder);
  report();
  if (fflush(stdout)) fail("standard output: %s", strerror(errno));
  if (*path) runs[0].path[0] = 0; /* it stays */
  return EXIT_SUCCESS;
}
