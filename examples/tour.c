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

/* Waits for the final event of a request, which must succeed. Callbacks of others run meanwhile. The result is kept. */
typedef struct answer { int done; sidelite_event event; } answer;

static void on_answer(const sidelite_event *event, void *user_data) {
  answer *a = user_data;
  if (event->flags & SIDELITE_EVENT_MORE) return;
  check(event->code == SIDELITE_OK, sidelite_event_message(event));
  *a = (answer){1, *event};
  sidelite_keep(a->event.result);
}

static sidelite_event await(sidelite_conn *conn, sidelite_request request) {
  answer a = {0};
  request.struct_size = sizeof request;
  request.callback = on_answer;
  request.user_data = &a;
  check(sidelite_submit(conn, &request, 1) > 0, "submit was refused");
  while (!a.done) {
    sidelite_event events[16];
    int32_t n = sidelite_poll(queue, events, 16, -1);
    check(n > 0, "poll failed");
    for (int32_t i = 0; i < n; i++)
      if (events[i].callback) events[i].callback(&events[i], events[i].user_data);
  }
  return a.event;
}

/* SQL, or a kind with arguments, whose first cell is the answer. */
static int64_t sql(sidelite_conn *conn, int64_t lane, const char *text) {
  sidelite_event event = await(conn, (sidelite_request){.kind = SIDELITE_FETCH, .sql = text, .lane = lane});
  int64_t value = sidelite_row_int64(event.result, 0, 0);
  sidelite_release(event.result);
  return value;
}

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
  sidelite_request request = {.struct_size = sizeof request, .kind = SIDELITE_OBSERVE, .values = &what, .ncols = 1,
                              .callback = on_change, .user_data = &changes_heard};
  check(sidelite_submit(db, &request, 1) > 0, "observing was refused");
}

/* An INLINE function: pure C, on the connection's thread. Kilometres between two places. */
static int32_t distance(void *context, void **group, const sidelite_value *v, uint32_t n, sidelite_value *value) {
  double rad = acos(-1) / 180, a = v[0].as.real * rad, b = v[2].as.real * rad, l = (v[3].as.real - v[1].as.real) * rad;
  (void)context, (void)group, (void)n;
  *value = sidelite_real(6371 * acos(fmin(1, sin(a) * sin(b) + cos(a) * cos(b) * cos(l))));
  return SIDELITE_OK;
}

static void inline_function(void) {
  sidelite_function_config config = {.struct_size = sizeof config, .kind = SIDELITE_FUNCTION_SCALAR, .name = "distance",
                                     .n_args = 4, .flags = SIDELITE_FUNCTION_DETERMINISTIC, .call = distance};
  check(sidelite_create_function(db, &config, NULL, NULL) > 0, "the function was refused");
  printf("inline: %" PRId64 " cities within 100 km of Paris\n",
         sql(db, 0, "SELECT count(*) FROM city WHERE distance(latitude, longitude, 48.85341, 2.3488) < 100"));
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
  sidelite_function_config config = {.struct_size = sizeof config, .kind = SIDELITE_FUNCTION_SCALAR, .name = "people_of",
                                     .n_args = 1};
  int64_t people;
  check(sidelite_create_function(db, &config, on_call, NULL) > 0, "the function was refused");
  people = sql(db, 0, "SELECT sum(people_of(value)) FROM json_each('[\"FR\", \"DE\", \"IT\"]')");
  printf("host: %" PRId64 " people in the cities of three countries, asked %" PRId64 " times\n", people, calls_answered);
}

/* Rules: what statements may do from here on. No rules again: everything. */
static void authorize(void) {
  sidelite_value deny_delete[] = {sidelite_int(SIDELITE_DENY), sidelite_int(9)};
  answer refused = {0};
  await(db, (sidelite_request){.kind = SIDELITE_AUTHORIZE, .values = deny_delete, .ncols = 2, .nrows = 1});
  check(sidelite_execute(db, "DELETE FROM city", NULL, 0, NULL, &refused) > 0, "submit was refused");
  sidelite_event event;
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
  sidelite_request request = {.struct_size = sizeof request, .kind = SIDELITE_BACKUP, .values = args, .ncols = 2};
  sidelite_event changes;
  sidelite_conn *copy;
  int steps = 0;
  request.callback = on_progress;
  request.user_data = &steps;
  check(sidelite_submit(db, &request, 1) > 0, "the backup was refused");
  while (sql(db, 0, "SELECT 1") && !steps) continue; /* others run meanwhile */
  await(db, (sidelite_request){.kind = SIDELITE_CHECKPOINT});
  sidelite_cancel(db, 0); /* ends the observation, which excludes sessions, and what is left of the backup */
  COMMAND(db, SIDELITE_BACKUP, args[0]);
  copy = open_file(path, SIDELITE_OPEN_HARDENED);
  session = *sidelite_row_value(COMMAND(db, SIDELITE_SESSION_OPEN, sidelite_text("city")).result, 0, 0);
  sql(db, 0, "UPDATE city SET population = population + 1 WHERE country = 'FR'");
  changes = COMMAND(db, SIDELITE_SESSION_CHANGES, session);
  changes = COMMAND(copy, SIDELITE_CHANGESET_APPLY, sidelite_blob(sidelite_row_blob(changes.result, 0, 0),
                                                                 sidelite_row_len(changes.result, 0, 0)));
  COMMAND(db, SIDELITE_SESSION_CLOSE, session);
  printf("changeset: %" PRId64 " rows changed in the copy, as in the original\n", changes.changes);
  check(sql(copy, 0, "SELECT sum(population) FROM city") == sql(db, 0, "SELECT sum(population) FROM city"), "they differ");
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
  COMMAND(memory, SIDELITE_DESERIALIZE, sidelite_blob(sidelite_row_blob(image.result, 0, 0),
                                                      sidelite_row_len(image.result, 0, 0)));
  printf("dump: more than %d lines; image: %" PRId64 " cities in memory\n", CITIES,
         sql(memory, 0, "SELECT count(*) FROM city"));
  sidelite_close(memory, SIDELITE_CLOSE_DRAIN, NULL, NULL);
}

/* What is known of a statement without running it. */
static void describe(void) {
  sidelite_event told = await(db, (sidelite_request){.kind = SIDELITE_DESCRIBE, .sql = "SELECT name FROM city WHERE id = :id"});
  printf("describe: column %s is %s.%s, a %s; parameter %s\n", sidelite_row_text(told.result, 1, 2),
         sidelite_row_text(told.result, 1, 5), sidelite_row_text(told.result, 1, 6), sidelite_row_text(told.result, 1, 3),
         sidelite_row_text(told.result, 2, 2));
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
  inline_function();
  host_function();
  authorize();
  write_blob();
  backup_and_changeset(copy);
  dump_and_image();
  describe();
  sidelite_close(db, SIDELITE_CLOSE_DRAIN, NULL, NULL);
  check(sidelite_queue_free(queue, -1) >= 0, "the queue was not freed");
  free(csv);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) ? EXIT_FAILURE : EXIT_SUCCESS;
}
