/* Contract 6: how long a result lives, and that its block may be moved.
 * Contract 7: what is passed in is copied before submit returns, or, under STATIC, only read. */
#include "harness.h"

#include <sys/mman.h>

/* Bytes that end exactly where the next page faults. */
typedef struct cliff {
  char *pages;
  size_t size; /* of the readable pages */
} cliff;

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

/* Copies `n` bytes to the edge of a cliff and returns where they are. */
static void *cliff_put(cliff *c, const void *bytes, size_t n) {
  size_t page = page_size();
  void *pages;
  c->size = (n + page - 1) / page * page;
  pages = mmap(NULL, c->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  CHECK_EQ(mprotect((char *)pages + c->size, page, PROT_NONE), 0);
  c->pages = (char *)pages;
  if (n) memcpy(c->pages + c->size - n, bytes, n);
  return c->pages + c->size - n;
}

static void cliff_protect(const cliff *c, int protection) {
  CHECK_EQ(mprotect(c->pages, c->size, protection), 0);
}

static void cliff_remove(const cliff *c) {
  CHECK_EQ(munmap(c->pages, c->size + page_size()), 0);
}

static const char *const every_type =
    "SELECT 42 AS i, 2.5 AS r, 'grüße' AS t, x'00ff00' AS b, NULL AS n, '' AS empty, x'' AS void"
    " UNION ALL SELECT -1, -0.5, 'a' || char(0) || 'b', x'01', NULL, '', x''";

/* Checks the answer to `every_type` through every row function. */
static void check_every_type(const sidelite_result *result) {
  CHECK_EQ(result->ncols, 7);
  CHECK_EQ(result->nrows, 2);
  CHECK_EQ(result->sql_offset, -1);
  CHECK(!strcmp(sidelite_column_name(result, 0), "i"));
  CHECK(!strcmp(sidelite_column_name(result, 6), "void"));
  CHECK_EQ(sidelite_row_int64(result, 0, 0), 42);
  CHECK(sidelite_row_real(result, 0, 1) == 2.5);
  CHECK(!strcmp(sidelite_row_text(result, 0, 2), "grüße"));
  CHECK_EQ(sidelite_row_len(result, 0, 2), strlen("grüße"));
  CHECK_EQ(sidelite_row_len(result, 0, 3), 3);
  CHECK(!memcmp(sidelite_row_blob(result, 0, 3), "\0\xff", 3));
  CHECK_EQ(sidelite_row_type(result, 0, 4), SIDELITE_NULL);
  CHECK_EQ(sidelite_row_type(result, 0, 5), SIDELITE_TEXT);
  CHECK(!strcmp(sidelite_row_text(result, 0, 5), ""));
  CHECK_EQ(sidelite_row_type(result, 0, 6), SIDELITE_BLOB);
  CHECK_EQ(sidelite_row_len(result, 0, 6), 0);
  CHECK_EQ(sidelite_row_len(result, 1, 2), 3);
  CHECK(!memcmp(sidelite_row_text(result, 1, 2), "a\0b", 4));
}

static void contract_06_a_result_lives_until_the_next_poll_and_longer_if_kept(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  const sidelite_result *kept;
  sidelite_event event;
  CHECK(sidelite_fetch(conn, every_type, NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1);
  check_every_type(event.result);
  kept = sidelite_keep(event.result);
  CHECK(kept == event.result);
  CHECK(sidelite_keep(kept) == kept);
  CHECK_EQ(sidelite_poll(queue, NULL, 0, 0), 0);
  check_every_type(kept);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  check_every_type(kept);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  check_every_type(kept);
  sidelite_release(kept);
  check_every_type(kept);
  sidelite_release(kept);
  CHECK(sidelite_keep(NULL) == NULL);
  sidelite_release(NULL);
}

static void contract_06_a_poll_frees_what_the_last_one_gave(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_event event;
  CHECK(sidelite_fetch(conn, "SELECT zeroblob(1000000)", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1);
  CHECK(event.result->bytes >= 1000000);
  CHECK_EQ(sidelite_poll(queue, NULL, 0, 0), 0);
  CHECK_EQ(stats_of(conn).bytes, 0);
  CHECK_EQ(stats_of(conn).outstanding, 0);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

typedef struct reader {
  const sidelite_result *result;
  pthread_t thread;
} reader;

static void *read_and_release(void *arg) {
  reader *r = (reader *)arg;
  int i;
  for (i = 0; i < 1000; i++) check_every_type(r->result);
  sidelite_release(r->result);
  return NULL;
}

static void contract_06_kept_results_are_read_and_released_by_any_thread(void) {
  enum { READERS = 8 };
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reader readers[READERS];
  reply r;
  int i;
  CHECK_EQ(fetch(queue, conn, every_type, &r), SIDELITE_OK);
  for (i = 0; i < READERS; i++) {
    readers[i].result = sidelite_keep(r.result);
    CHECK_EQ(pthread_create(&readers[i].thread, NULL, read_and_release, &readers[i]), 0);
  }
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  for (i = 0; i < READERS; i++) CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
}

/* Copies a result's block elsewhere and lets the original go. */
static sidelite_result *move_away(reply *r) {
  size_t bytes = (size_t)r->result->bytes;
  sidelite_result *moved = (sidelite_result *)malloc(bytes);
  CHECK(bytes >= sizeof *moved);
  CHECK(moved != NULL);
  memcpy((void *)moved, r->result, bytes);
  reply_clear(r);
  return moved;
}

static void contract_06_the_block_of_rows_works_where_it_is_copied_to(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_result *moved;
  reply r;
  CHECK_EQ(fetch(queue, conn, every_type, &r), SIDELITE_OK);
  moved = move_away(&r);
  check_every_type(moved);
  free(moved);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_06_the_block_of_an_error_works_where_it_is_copied_to(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  sidelite_result *moved;
  sidelite_event event;
  reply r;
  CHECK_EQ(fetch(queue, conn, "SELECT missing", &r), 1);
  memset(&event, 0, sizeof event);
  event.code = r.code;
  event.result = moved = move_away(&r);
  CHECK(!strcmp(sidelite_event_message(&event), "no such column: missing"));
  CHECK_EQ(moved->message_len, strlen("no such column: missing"));
  CHECK_EQ(moved->sqlite_code, 1);
  CHECK_EQ(moved->sql_offset, 7);
  CHECK_EQ(moved->nrows, 0);
  free(moved);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static const char *const take_all = "SELECT :text AS t, :blob AS b, :number AS n";
enum { INPUTS = 9, LONG_TEXT = 10000 };

/* One request and all that it points to, each before a cliff of its own. */
typedef struct inputs {
  cliff cliffs[INPUTS];
  const sidelite_request *request; /* the last of the cliffs */
} inputs;

/* The end of the SQL is known by a NUL or, without one, by its length. */
static void inputs_lay_out(inputs *in, uint32_t flags, int has_nul, const char *text, reply *r) {
  sidelite_request request = request_new(SIDELITE_FETCH, NULL, r);
  sidelite_value values[3];
  const char *names[3];
  values[0] = sidelite_text_n((const char *)cliff_put(&in->cliffs[0], text, LONG_TEXT), LONG_TEXT);
  values[1] = sidelite_blob(cliff_put(&in->cliffs[1], "\0\1\2", 3), 3);
  values[2] = sidelite_int(7);
  names[0] = (const char *)cliff_put(&in->cliffs[2], "text", 5);
  names[1] = (const char *)cliff_put(&in->cliffs[3], ":blob", 6);
  names[2] = (const char *)cliff_put(&in->cliffs[4], "number", 7);
  request.flags = flags;
  request.sql = (const char *)cliff_put(&in->cliffs[5], take_all, strlen(take_all) + (size_t)has_nul);
  request.sql_len = has_nul ? SIDELITE_NUL_TERMINATED : strlen(take_all);
  request.values = (const sidelite_value *)cliff_put(&in->cliffs[6], values, sizeof values);
  request.ncols = 3;
  request.names = (const char *const *)cliff_put(&in->cliffs[7], names, sizeof names);
  in->request = (const sidelite_request *)cliff_put(&in->cliffs[8], &request, sizeof request);
}

static void inputs_each(const inputs *in, void (*action)(const cliff *)) {
  int i;
  for (i = 0; i < INPUTS; i++) action(&in->cliffs[i]);
}

static void overwrite(const cliff *c) {
  memset(c->pages, 0xff, c->size);
}

static void forbid(const cliff *c) {
  cliff_protect(c, PROT_NONE);
}

static void forbid_writing(const cliff *c) {
  cliff_protect(c, PROT_READ);
}

static void check_inputs_arrived(const reply *r, const char *text) {
  CHECK_EQ(r->code, SIDELITE_OK);
  CHECK_EQ(sidelite_row_len(r->result, 0, 0), LONG_TEXT);
  CHECK(!memcmp(sidelite_row_text(r->result, 0, 0), text, LONG_TEXT));
  CHECK_EQ(sidelite_row_len(r->result, 0, 1), 3);
  CHECK(!memcmp(sidelite_row_blob(r->result, 0, 1), "\0\1\2", 3));
  CHECK_EQ(sidelite_row_int64(r->result, 0, 2), 7);
}

static const char *alphabets(void) {
  static char text[LONG_TEXT];
  int i;
  for (i = 0; i < LONG_TEXT; i++) text[i] = (char)('a' + i % 26);
  return text;
}

/* Submits behind a gate, spoils every input as soon as submit returned, and expects the request to be whole. */
static void check_inputs_are_copied(void (*spoil)(const cliff *)) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  inputs in;
  gate g;
  gate_shut(&g, conn);
  inputs_lay_out(&in, 0, 0, alphabets(), &r);
  CHECK(sidelite_submit(conn, in.request, 1) > 0);
  inputs_each(&in, spoil);
  gate_open(&g);
  TURN_UNTIL(queue, r.finals);
  check_inputs_arrived(&r, alphabets());
  reply_clear(&r);
  inputs_each(&in, cliff_remove);
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_07_inputs_may_be_overwritten_as_soon_as_submit_returned(void) {
  check_inputs_are_copied(overwrite);
}

static void contract_07_inputs_may_be_unmapped_as_soon_as_submit_returned(void) {
  check_inputs_are_copied(forbid);
}

static void contract_07_static_inputs_are_never_written_and_forgotten_after_the_final_event(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int round;
  /* The later rounds find the statement in the cache, whose SQL was unmapped with the first. */
  for (round = 0; round < 4; round++) {
    reply r = reply_new();
    inputs in;
    gate g;
    gate_shut(&g, conn);
    inputs_lay_out(&in, SIDELITE_STATIC, round % 2, alphabets(), &r);
    inputs_each(&in, forbid_writing);
    CHECK(sidelite_submit(conn, in.request, 1) > 0);
    forbid(&in.cliffs[8]); /* the array of requests is not needed after the call, whatever the flags */
    gate_open(&g);
    TURN_UNTIL(queue, r.finals);
    inputs_each(&in, cliff_remove);
    check_inputs_arrived(&r, alphabets());
    reply_clear(&r);
    gate_remove(&g, queue);
  }
  CHECK_EQ(stats_of(conn).cache_hits, 3);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_07_options_may_be_unmapped_as_soon_as_open_returned(void) {
  static const char *const strings[] = {":memory:", "unix", "user_version=41", "cache_size=-77"};
  sidelite_open_config config = open_config_new(0);
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn;
  const char *copies[4], *const *pragmas;
  cliff cliffs[4], of_pragmas, of_config;
  int i;
  for (i = 0; i < 4; i++) copies[i] = (const char *)cliff_put(&cliffs[i], strings[i], strlen(strings[i]) + 1);
  pragmas = (const char *const *)cliff_put(&of_pragmas, &copies[2], 2 * sizeof *copies);
  config.vfs = copies[1];
  config.pragmas = pragmas;
  config.pragma_count = 2;
  CHECK_EQ(sidelite_open(queue, copies[0],
                         (const sidelite_open_config *)cliff_put(&of_config, &config, sizeof config), NULL, NULL,
                         &conn),
           SIDELITE_OK);
  for (i = 0; i < 4; i++) forbid(&cliffs[i]);
  forbid(&of_pragmas);
  forbid(&of_config);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA user_version"), 41);
  CHECK_EQ(fetch_int(queue, conn, "PRAGMA cache_size"), -77);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  for (i = 0; i < 4; i++) cliff_remove(&cliffs[i]);
  cliff_remove(&of_pragmas);
  cliff_remove(&of_config);
}

static void contract_07_a_text_is_read_to_its_nul_and_no_further(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  static const char sql[] = "SELECT ?1";
  sidelite_value seven = sidelite_int(7);
  const sidelite_value *params;
  reply r[4] = {reply_new(), reply_new(), reply_new(), reply_new()};
  cliff of_sql, of_params;
  int i;
  const char *text = (const char *)cliff_put(&of_sql, sql, sizeof sql);
  params = (const sidelite_value *)cliff_put(&of_params, &seven, sizeof seven);
  CHECK(sidelite_execute(conn, text, params, 1, on_reply, &r[0]) > 0);
  CHECK(sidelite_fetch(conn, text, params, 1, on_reply, &r[1]) > 0);
  CHECK(sidelite_stream(conn, text, params, 1, 0, on_reply, &r[2]) > 0);
  CHECK(sidelite_script(conn, text + sizeof sql - 1, on_reply, &r[3]) > 0);
  cliff_protect(&of_sql, PROT_NONE);
  cliff_protect(&of_params, PROT_NONE);
  TURN_UNTIL(queue, r[3].finals);
  for (i = 0; i < 4; i++) {
    CHECK_EQ(r[i].finals, 1);
    CHECK_EQ(r[i].code, SIDELITE_OK);
    reply_clear(&r[i]);
  }
  cliff_remove(&of_sql);
  cliff_remove(&of_params);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Two requests of an older, shorter struct side by side at the edge. */
static void contract_07_a_short_struct_is_not_read_behind_its_size(void) {
  enum { SHORT = offsetof(sidelite_request, lane) };
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r[2] = {reply_new(), reply_new()};
  char both[2 * SHORT];
  cliff c;
  int i;
  for (i = 0; i < 2; i++) {
    sidelite_request request = request_new(SIDELITE_FETCH, i ? "SELECT 22" : "SELECT 11", &r[i]);
    request.struct_size = SHORT;
    memcpy(both + i * SHORT, &request, SHORT);
  }
  CHECK(sidelite_submit(conn, (const sidelite_request *)cliff_put(&c, both, sizeof both), 2) > 0);
  cliff_remove(&c);
  TURN_UNTIL(queue, r[1].finals);
  for (i = 0; i < 2; i++) {
    CHECK_EQ(r[i].code, SIDELITE_OK);
    CHECK_EQ(sidelite_row_int64(r[i].result, 0, 0), 11 * (i + 1));
    reply_clear(&r[i]);
  }
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void contract_07_outputs_are_not_written_behind_their_size(void) {
  sidelite_queue *queue = queue_new();
  sidelite_stats small;
  sidelite_conn *conn, **out;
  sidelite_event none[2], *events;
  sidelite_stats *stats;
  cliff of_conn, of_events, of_stats;
  int taken = 0, i;
  conn = NULL;
  out = (sidelite_conn **)cliff_put(&of_conn, &conn, sizeof conn);
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, NULL, NULL, out), SIDELITE_OK);
  conn = *out;
  for (i = 0; i < 5; i++) CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, NULL, NULL) > 0);
  memset(none, 0, sizeof none);
  events = (sidelite_event *)cliff_put(&of_events, none, sizeof none);
  while (taken < 6) {
    int32_t n = sidelite_poll(queue, events, 2, 60000);
    CHECK(n >= 1 && n <= 2);
    taken += n;
  }
  memset(&small, 0, sizeof small);
  small.struct_size = offsetof(sidelite_stats, completed);
  stats = (sidelite_stats *)cliff_put(&of_stats, &small, small.struct_size);
  CHECK_EQ(sidelite_stat(conn, stats), SIDELITE_OK);
  CHECK_EQ(stats->submitted, 5);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  cliff_remove(&of_conn);
  cliff_remove(&of_events);
  cliff_remove(&of_stats);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_06_a_result_lives_until_the_next_poll_and_longer_if_kept),
      TEST(contract_06_a_poll_frees_what_the_last_one_gave),
      TEST(contract_06_kept_results_are_read_and_released_by_any_thread),
      TEST(contract_06_the_block_of_rows_works_where_it_is_copied_to),
      TEST(contract_06_the_block_of_an_error_works_where_it_is_copied_to),
      TEST(contract_07_inputs_may_be_overwritten_as_soon_as_submit_returned),
      TEST(contract_07_inputs_may_be_unmapped_as_soon_as_submit_returned),
      TEST(contract_07_static_inputs_are_never_written_and_forgotten_after_the_final_event),
      TEST(contract_07_options_may_be_unmapped_as_soon_as_open_returned),
      TEST(contract_07_a_text_is_read_to_its_nul_and_no_further),
      TEST(contract_07_a_short_struct_is_not_read_behind_its_size),
      TEST(contract_07_outputs_are_not_written_behind_their_size),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
