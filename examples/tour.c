/* A tour of the interface beyond execute and fetch, on the 34,006 cities: each stop is a function, each prints a line.
 * To read as a story it waits for each answer; a program with a loop would go on meanwhile.
 *
 *   tour [FOLDER]    FOLDER: where cities.csv is; without it, examples/data */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sidelite.h"

enum { COLUMNS = 8, CITIES = 34006 };

static sidelite_queue *queue;
static sidelite_conn *db;
static int64_t changes_heard, calls_answered;

static void check(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "tour: %s\n", what);
  exit(EXIT_FAILURE);
}

/* Waits for the final event of a request, which must succeed. Callbacks of others run meanwhile. What it brings lives
 * until the next answer. */
typedef struct answer { int done; sidelite_event event; } answer;

static void on_answer(const sidelite_event *event, void *user_data) {
  if (event->flags & SIDELITE_EVENT_MORE) return;
  check(event->code == SIDELITE_OK, sidelite_event_message(event));
  *(answer *)user_data = (answer){1, *event};
  sidelite_keep(event->result);
}

static sidelite_event await(sidelite_conn *conn, sidelite_request request) {
  static const sidelite_result *kept;
  answer a = {0};
  request.struct_size = sizeof request;
  request.callback = on_answer;
  request.user_data = &a;
  check(sidelite_submit(conn, &request, 1) > 0, "submit was refused");
  while (!a.done) {
    sidelite_event event;
    check(sidelite_poll(queue, &event, 1, -1) == 1, "poll failed");
    if (event.callback) event.callback(&event, event.user_data);
  }
  sidelite_release(kept);
  kept = a.event.result;
  return a.event;
}

/* Runs SQL, and returns its first cell. */
static int64_t sql(sidelite_conn *conn, int64_t lane, const char *text) {
  sidelite_event event = await(conn, (sidelite_request){.kind = SIDELITE_FETCH, .sql = text, .lane = lane});
  return sidelite_row_int64(event.result, 0, 0);
}

static sidelite_value blob_of(const sidelite_event *event) {
  return sidelite_blob(sidelite_row_blob(event->result, 0, 0), sidelite_row_len(event->result, 0, 0));
}

/* A kind with its arguments. */
#define COMMAND(conn, number, ...)                                                                      \
  await(conn, (sidelite_request){.kind = number, .values = (sidelite_value[]){__VA_ARGS__},             \
                                 .ncols = sizeof((sidelite_value[]){__VA_ARGS__}) / sizeof(sidelite_value)})

static sidelite_conn *open_file(const char *path, uint32_t flags) {
  sidelite_open_config config = {.struct_size = sizeof config, .flags = flags, .journal_mode = SIDELITE_JOURNAL_WAL};
  sidelite_conn *conn;
  check(sidelite_open(queue, path, &config, NULL, NULL, &conn) == SIDELITE_OK, "open was refused");
  return conn;
}

/* One CSV record into values; quotes are taken off. */
static char *record(char *line, sidelite_value *values) {
  char *end = strchr(line, '\n');
  *end = 0;
  for (int column = 0; column < COLUMNS; column++) {
    char *field = line, *close;
    if (*field == '"') close = strchr(++field, '"'), line = close + 1;
    else line = close = strchrnul(field, ',');
    if (*line) line++;
    *close = 0;
    values[column] = sidelite_text(field);
  }
  return end + 1;
}

/* A lease: a transaction on a shared connection that nobody else gets into, with a savepoint inside. */
static void import_in_a_lease(char *csv) {
  sidelite_value *values = calloc(CITIES * COLUMNS, sizeof *values);
  int64_t lane = COMMAND(db, SIDELITE_LEASE, sidelite_int(SIDELITE_BEGIN_IMMEDIATE)).id;
  sidelite_event inserted;
  char *at = strchr(csv, '\n') + 1;
  for (int row = 0; row < CITIES; row++) at = record(at, values + row * COLUMNS);
  sql(db, lane, "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL, country TEXT, "
                "admin TEXT, population INTEGER, timezone TEXT)");
  inserted = await(db, (sidelite_request){.kind = SIDELITE_EXECUTE, .sql = "INSERT INTO city VALUES (?,?,?,?,?,?,?,?)",
                                          .flags = SIDELITE_STATIC, .lane = lane, .values = values, .ncols = COLUMNS,
                                          .nrows = CITIES});
  sql(db, lane, "SAVEPOINT doubt");
  sql(db, lane, "DELETE FROM city");
  sql(db, lane, "ROLLBACK TO doubt");
  await(db, (sidelite_request){.kind = SIDELITE_COMMIT, .lane = lane});
  free(values);
  printf("lease: %" PRId64 " cities came in, of which %" PRId64 " were heard of\n", inserted.changes, changes_heard);
}

/* An observation: what is committed, as it happens. */
static void on_change(const sidelite_event *event, void *user_data) {
  if (event->flags & SIDELITE_EVENT_CHANGE) *(int64_t *)user_data += event->result->nrows;
}

static void observe(void) {
  sidelite_value what = sidelite_int(SIDELITE_OBSERVE_CHANGES);
  check(sidelite_command(db, SIDELITE_OBSERVE, 0, &what, 1, on_change, &changes_heard) > 0, "observing was refused");
}

/* An INLINE function: pure C, on the connection's thread. Kilometres between two places. */
static int32_t distance(void *context, void **group, const sidelite_value *v, uint32_t n, sidelite_value *value) {
  double rad = acos(-1) / 180, a = v[0].as.real * rad, b = v[2].as.real * rad, l = (v[3].as.real - v[1].as.real) * rad;
  (void)context, (void)group, (void)n;
  *value = sidelite_real(6371 * acos(fmin(1, sin(a) * sin(b) + cos(a) * cos(b) * cos(l))));
  return SIDELITE_OK;
}

/* An aggregate: `group` is its own place for each group; its last call comes in any case. */
static int32_t width_step(void *context, void **group, const sidelite_value *v, uint32_t n, sidelite_value *value) {
  int64_t *range = *group = *group ? *group : memcpy(malloc(16), (int64_t[]){INT64_MAX, INT64_MIN}, 16);
  (void)context, (void)n, (void)value;
  if (v->as.integer < range[0]) range[0] = v->as.integer;
  if (v->as.integer > range[1]) range[1] = v->as.integer;
  return SIDELITE_OK;
}

static int32_t width_last(void *context, void **group, const sidelite_value *v, uint32_t n, sidelite_value *value) {
  int64_t *range = *group;
  (void)context, (void)v, (void)n;
  if (range) *value = sidelite_int(range[1] - range[0]);
  free(range);
  return SIDELITE_OK;
}

static int32_t by_length(void *context, void **group, const sidelite_value *v, uint32_t n, sidelite_value *value) {
  (void)context, (void)group, (void)n;
  *value = sidelite_int((int64_t)v[0].len - v[1].len);
  return SIDELITE_OK;
}

/* With `call` a function is INLINE; without, it is HOST, and on_call hears of its calls. */
static void on_call(const sidelite_event *event, void *user_data);

static void create(uint32_t kind, const char *name, int32_t n_args, sidelite_inline_function call,
                   sidelite_inline_function last) {
  sidelite_function_config config = {sizeof config, kind, 0, n_args, name, call, last, 0, 0, 0, 0, 0, {0}};
  check(sidelite_create_function(db, &config, call ? NULL : on_call, NULL) > 0, "a function was refused");
}

static void inline_functions(void) {
  create(SIDELITE_FUNCTION_SCALAR, "distance", 4, distance, NULL);
  create(SIDELITE_FUNCTION_AGGREGATE, "width_of", 1, width_step, width_last);
  create(SIDELITE_FUNCTION_COLLATION, "by_length", 0, by_length, NULL);
  printf("inline: %" PRId64 " cities within 100 km of Paris, ",
         sql(db, 0, "SELECT count(*) FROM city WHERE distance(latitude, longitude, 48.85341, 2.3488) < 100"));
  printf("populations %" PRId64 " apart, the longest name has %" PRId64 " bytes\n",
         sql(db, 0, "SELECT width_of(population) FROM city"),
         sql(db, 0, "SELECT octet_length(name) FROM city ORDER BY name COLLATE by_length DESC LIMIT 1"));
}

/* A HOST function: answered here, whenever, and it may ask its own connection, in its own lane. */
static void on_population(const sidelite_event *event, void *user_data) {
  check(event->code == SIDELITE_OK, sidelite_event_message(event));
  sidelite_reply(db, (int64_t)(intptr_t)user_data, sidelite_row_value(event->result, 0, 0), SIDELITE_OK);
}

static void on_call(const sidelite_event *event, void *user_data) {
  sidelite_value country;
  sidelite_request request = {.struct_size = sizeof request, .kind = SIDELITE_FETCH, .lane = event->id, .ncols = 1,
                              .sql = "SELECT sum(population) FROM city WHERE country = ?", .callback = on_population,
                              .user_data = (void *)(intptr_t)event->id, .values = &country};
  (void)user_data;
  if (!(event->flags & SIDELITE_EVENT_CALL)) return;
  country = sidelite_text(sidelite_row_text(event->result, 0, 0));
  check(sidelite_submit(db, &request, 1) > 0, "a request inside a call was refused");
  calls_answered++;
}

static void host_function(void) {
  create(SIDELITE_FUNCTION_SCALAR, "people_of", 1, NULL, NULL);
  printf("host: %" PRId64 " people in the cities of three countries, ",
         sql(db, 0, "SELECT sum(people_of(value)) FROM json_each('[\"FR\", \"DE\", \"IT\"]')"));
  printf("asked %" PRId64 " times\n", calls_answered);
}

/* Rules: what statements may do from here on. No rules again: everything. */
static void authorize(void) {
  sidelite_value deny_delete[] = {sidelite_int(SIDELITE_DENY), sidelite_int(9)};
  sidelite_event event;
  await(db, (sidelite_request){.kind = SIDELITE_AUTHORIZE, .values = deny_delete, .ncols = 2, .nrows = 1});
  check(sidelite_execute(db, "DELETE FROM city", NULL, 0, NULL, NULL) > 0, "submit was refused");
  check(sidelite_poll(queue, &event, 1, -1) == 1 && event.code == 23, "the DELETE was not refused");
  printf("authorizer: %s\n", sidelite_event_message(&event));
  await(db, (sidelite_request){.kind = SIDELITE_AUTHORIZE});
}

/* An incremental blob: room first, bytes later. */
static void write_blob(void) {
  sidelite_value blob;
  sidelite_event read;
  sql(db, 0, "CREATE TABLE picture(id INTEGER PRIMARY KEY, data)");
  await(db, (sidelite_request){.kind = SIDELITE_EXECUTE, .sql = "INSERT INTO picture VALUES (1, ?)", .ncols = 1,
                               .values = (sidelite_value[]){sidelite_zeroblob(1 << 20)}});
  blob = *sidelite_row_value(COMMAND(db, SIDELITE_BLOB_OPEN, sidelite_text("picture"), sidelite_text("data"),
                                     sidelite_int(1), sidelite_int(1)).result, 0, 0);
  COMMAND(db, SIDELITE_BLOB_WRITE, blob, sidelite_text("in the middle"), sidelite_int(500000));
  read = COMMAND(db, SIDELITE_BLOB_READ, blob, sidelite_int(500003), sidelite_int(3));
  printf("blob: 'the' is %.3s, read out of a mebibyte\n", (const char *)sidelite_row_blob(read.result, 0, 0));
  COMMAND(db, SIDELITE_BLOB_CLOSE, blob);
}

/* Backup while others run; then a session's changes, applied to the copy. */
static void on_progress(const sidelite_event *event, void *user_data) {
  if (event->flags & SIDELITE_EVENT_MORE) ++*(int *)user_data;
}

static void backup_and_changeset(const char *path) {
  sidelite_value session, args[] = {sidelite_text(path), sidelite_int(100)};
  sidelite_event changes;
  sidelite_conn *copy;
  int steps = 0;
  check(sidelite_command(db, SIDELITE_BACKUP, 0, args, 2, on_progress, &steps) > 0, "the backup was refused");
  while (sql(db, 0, "SELECT 1") && !steps) continue; /* others run meanwhile */
  sidelite_cancel(db, 0); /* ends the observation, which excludes sessions, and what is left of the backup */
  COMMAND(db, SIDELITE_BACKUP, args[0]);
  copy = open_file(path, SIDELITE_OPEN_HARDENED);
  session = *sidelite_row_value(COMMAND(db, SIDELITE_SESSION_OPEN, sidelite_text("city")).result, 0, 0);
  sql(db, 0, "UPDATE city SET population = population + 1 WHERE country = 'FR'");
  changes = COMMAND(db, SIDELITE_SESSION_CHANGES, session);
  changes = COMMAND(copy, SIDELITE_CHANGESET_APPLY, blob_of(&changes));
  COMMAND(db, SIDELITE_SESSION_CLOSE, session);
  printf("changeset: %" PRId64 " rows changed in the copy, as in the original\n", changes.changes);
  check(sql(copy, 0, "SELECT sum(population) FROM city") == sql(db, 0, "SELECT sum(population) FROM city"),
        "the copy differs");
  sidelite_close(copy, SIDELITE_CLOSE_DRAIN, NULL, NULL);
}

/* A dump is a stream of SQL; an image is the whole database in one value. */
static void on_line(const sidelite_event *event, void *user_data) {
  *(int64_t *)user_data += event->result ? event->result->nrows : 0;
}

static void dump_and_image(void) {
  int64_t lines = 0;
  sidelite_request request = {.struct_size = sizeof request, .kind = SIDELITE_DUMP, .window = SIDELITE_UNLIMITED,
                              .callback = on_line, .user_data = &lines};
  sidelite_event image;
  sidelite_conn *memory = open_file(":memory:", 0);
  check(sidelite_submit(db, &request, 1) > 0, "the dump was refused");
  while (sql(db, 0, "SELECT 1") && lines < CITIES) continue;
  image = await(db, (sidelite_request){.kind = SIDELITE_SERIALIZE});
  COMMAND(memory, SIDELITE_DESERIALIZE, blob_of(&image));
  printf("dump: more than %d lines; image: %" PRId64 " cities in memory\n", CITIES,
         sql(memory, 0, "SELECT count(*) FROM city"));
  sidelite_close(memory, SIDELITE_CLOSE_DRAIN, NULL, NULL);
}

/* What is known of a statement without running it, of the connection, and what it may be told. */
static void facts(void) {
  sidelite_event told = await(db, (sidelite_request){.kind = SIDELITE_DESCRIBE,
                                                     .sql = "SELECT name AS n FROM city WHERE id = :id"});
  const sidelite_result *rows = told.result;
  printf("describe: column %s is %s.%s, a %s; parameter %s\n", sidelite_row_text(rows, 1, 2),
         sidelite_row_text(rows, 1, 5), sidelite_row_text(rows, 1, 6), sidelite_row_text(rows, 1, 3),
         sidelite_row_text(rows, 2, 2));
  told = COMMAND(db, SIDELITE_LIMIT, sidelite_int(9), sidelite_int(100));
  printf("limit: %" PRId64 " parameters, now 100\n", sidelite_row_int64(told.result, 0, 0));
  told = await(db, (sidelite_request){.kind = SIDELITE_STATUS});
  printf("status: %s is %" PRId64 "\n", sidelite_row_text(told.result, 5, 0), sidelite_row_int64(told.result, 5, 1));
}

/* Isolation as Python has it: a transaction begins by itself before the first change. MULTI: several statements. */
static void isolation(void) {
  sidelite_value two[] = {sidelite_int(1), sidelite_int(2)};
  sidelite_event event;
  COMMAND(db, SIDELITE_ISOLATION, sidelite_int(SIDELITE_BEGIN_DEFERRED));
  event = await(db, (sidelite_request){.kind = SIDELITE_EXECUTE, .flags = SIDELITE_MULTI, .values = two, .ncols = 2,
                                       .sql = "DELETE FROM city WHERE id > ?; DELETE FROM city WHERE id = ?"});
  check(event.flags & SIDELITE_EVENT_WRITING, "no transaction began");
  await(db, (sidelite_request){.kind = SIDELITE_ROLLBACK});
  printf("isolation: %" PRId64 " rows deleted, and back again\n", event.changes);
  COMMAND(db, SIDELITE_ISOLATION, sidelite_int(SIDELITE_BEGIN_NONE));
}

/* Interrupt ends all that runs; a function of one's own runs on the connection's thread, with SQLite's own handle. */
static int32_t on_thread(void *sqlite, void *context) {
  *(void **)context = sqlite;
  return SIDELITE_OK;
}

static void interrupt_and_run(void) {
  sidelite_event event;
  void *sqlite = NULL;
  check(sidelite_execute(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n",
                         NULL, 0, NULL, NULL) > 0, "submit was refused");
  do check(sidelite_cancel(db, SIDELITE_RUNNING) == SIDELITE_OK, "nothing was there to interrupt");
  while (sidelite_poll(queue, &event, 1, 1) == 0);
  printf("interrupt: %s\n", sidelite_event_message(&event));
  await(db, (sidelite_request){.kind = SIDELITE_RUN, .run = on_thread, .context = &sqlite});
  check(sqlite && sidelite_sqlite_api(), "RUN had no handle");
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/sidelite-tour-XXXXXX", path[64], copy[64], source[4096], command[128];
  char *csv = NULL;
  size_t size = 0;
  FILE *file;
  snprintf(source, sizeof source, "%s/cities.csv", argc > 1 ? argv[1] : "examples/data");
  file = fopen(source, "rb");
  check(file && getdelim(&csv, &size, 0, file) > 0, "there is no cities.csv: say in which folder it is");
  fclose(file);
  check(mkdtemp(folder) != NULL, "no temporary folder");
  snprintf(path, sizeof path, "%s/cities.db", folder);
  snprintf(copy, sizeof copy, "%s/copy.db", folder);
  check(sidelite_queue_new(NULL, &queue) == SIDELITE_OK, "no queue");
  db = open_file(path, SIDELITE_OPEN_HARDENED);
  observe();
  import_in_a_lease(csv);
  inline_functions();
  host_function();
  authorize();
  write_blob();
  backup_and_changeset(copy);
  dump_and_image();
  facts();
  isolation();
  interrupt_and_run();
  sidelite_close(db, SIDELITE_CLOSE_DRAIN, NULL, NULL);
  check(sidelite_queue_free(queue, -1) >= 0, "the queue was not freed");
  free(csv);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) ? EXIT_FAILURE : EXIT_SUCCESS;
}
