/* Observation: what happens on a connection, and the host's own hooks for it. */
#include "command.h"
#include "faults.h"

enum { CHANGES = SIDELITE_OBSERVE_CHANGES, VALUES = SIDELITE_OBSERVE_VALUES, COMMITS = SIDELITE_OBSERVE_COMMITS,
       ROLLBACKS = SIDELITE_OBSERVE_ROLLBACKS, WAL = SIDELITE_OBSERVE_WAL, TRACE = SIDELITE_OBSERVE_TRACE,
       PROFILE = SIDELITE_OBSERVE_PROFILE };

static sidelite_queue *queue;
static sidelite_conn *conn;

/* All that one observer heard, as text: "insert t 1;commit;". */
typedef struct heard {
  char text[8192];
  int events, finals;
  int32_t code;
  int64_t rows;
} heard;

static void note(heard *h, const char *text) {
  CHECK(strlen(h->text) + strlen(text) + 1 < sizeof h->text);
  strcat(h->text, text);
}

static void note_cell(heard *h, const sidelite_result *result, uint32_t row, uint32_t column) {
  char number[64];
  switch (sidelite_row_type(result, row, column)) {
    case SIDELITE_NULL: note(h, " -"); return;
    case SIDELITE_INTEGER:
      snprintf(number, sizeof number, " %" PRId64, sidelite_row_int64(result, row, column));
      note(h, number);
      return;
    case SIDELITE_REAL:
      snprintf(number, sizeof number, " %g", sidelite_row_real(result, row, column));
      note(h, number);
      return;
    default:
      note(h, " ");
      note(h, (const char *)sidelite_row_blob(result, row, column));
  }
}

/* Rows of changes are noted without their schema, which is told apart by a test of its own. */
static void on_heard(const sidelite_event *event, void *user_data) {
  heard *h = (heard *)user_data;
  uint32_t row, column;
  if (!(event->flags & SIDELITE_EVENT_MORE)) {
    h->finals++;
    h->code = event->code;
    return;
  }
  h->events++;
  h->rows += event->result->nrows;
  if (h->rows > 200) return;
  for (row = 0; row < event->result->nrows; row++) {
    const char *what = sidelite_row_text(event->result, row, 0);
    int is_change = !strcmp(what, "insert") || !strcmp(what, "update") || !strcmp(what, "delete");
    int is_statement = !strcmp(what, "trace") || !strcmp(what, "profile");
    CHECK_EQ((event->flags & SIDELITE_EVENT_CHANGE) != 0, !is_statement);
    note(h, what);
    for (column = is_change || is_statement ? 2 : 1; column < event->result->ncols; column++)
      if (strcmp(what, "profile") || column == 2) note_cell(h, event->result, row, column);
    note(h, ";");
  }
}

static int64_t observe(int what, heard *h) {
  sidelite_value argument = sidelite_int(what);
  sidelite_request request = request_new(SIDELITE_OBSERVE, NULL, NULL);
  int64_t id;
  memset(h, 0, sizeof *h);
  request.values = &argument;
  request.ncols = 1;
  request.callback = on_heard;
  request.user_data = h;
  id = sidelite_submit(conn, &request, 1);
  CHECK(id > 0);
  return id;
}

static void begin(void) {
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, x UNIQUE)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

/* Tells what went wrong. */
static void run(const char *sql) {
  reply r;
  int32_t code = fetch(queue, conn, sql, &r);
  if (code) fprintf(stderr, "%s: %s\n", sql, message_of(&r));
  CHECK_EQ(code, SIDELITE_OK);
  reply_clear(&r);
}

static void expect(heard *h, const char *text) {
  if (strcmp(h->text, text)) fprintf(stderr, "heard: %s\nexpected: %s\n", h->text, text);
  CHECK(!strcmp(h->text, text));
  h->text[0] = 0;
}

static void observe_changes_after_their_commit(void) {
  heard h;
  begin();
  observe(CHANGES | COMMITS, &h);
  run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  expect(&h, "insert t - 1;insert t - 2;commit;");
  run("BEGIN");
  run("UPDATE t SET x = 'c' WHERE id = 1");
  run("UPDATE t SET id = 9 WHERE id = 2");
  run("DELETE FROM t WHERE id = 1");
  expect(&h, "");
  run("COMMIT");
  expect(&h, "update t 1 1;update t 2 9;delete t 1 -;commit;");
  run("SELECT * FROM t");
  run("BEGIN");
  run("COMMIT");
  expect(&h, "");
  end();
  CHECK_EQ(h.finals, 1);
  CHECK_EQ(h.code, SIDELITE_OK);
}

static void observe_values_before_and_after(void) {
  heard h;
  begin();
  observe(VALUES, &h);
  run("INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 0.5), (4, -7)");
  expect(&h, "insert t - 1 - - 1 a;insert t - 2 - - 2 -;insert t - 3 - - 3 0.5;insert t - 4 - - 4 -7;");
  run("UPDATE t SET x = 'b' WHERE id = 1");
  expect(&h, "update t 1 1 1 a 1 b;");
  run("DELETE FROM t WHERE id = 1");
  expect(&h, "delete t 1 - 1 b - -;");
  end();
}

static void observe_names_schema_and_columns(void) {
  sidelite_value what = sidelite_int(VALUES);
  sidelite_request request = request_new(SIDELITE_OBSERVE, NULL, NULL);
  sidelite_event event;
  begin();
  run("ATTACH ':memory:' AS other");
  run("CREATE TABLE other.u(a, b)");
  request.values = &what;
  request.ncols = 1;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  CHECK(sidelite_execute(conn, "INSERT INTO other.u VALUES (5, 6)", NULL, 0, NULL, NULL) > 0);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1);
  CHECK_EQ(event.flags, SIDELITE_EVENT_MORE | SIDELITE_EVENT_CHANGE);
  CHECK_EQ(event.result->ncols, 9);
  CHECK(!strcmp(sidelite_column_name(event.result, 0), "event"));
  CHECK(!strcmp(sidelite_column_name(event.result, 4), "rowid"));
  CHECK(!strcmp(sidelite_column_name(event.result, 6), "old_2"));
  CHECK(!strcmp(sidelite_column_name(event.result, 8), "new_2"));
  CHECK(!strcmp(sidelite_row_text(event.result, 0, 1), "other"));
  CHECK_EQ(sidelite_row_int64(event.result, 0, 8), 6);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1); /* and then the end of the request that committed */
  CHECK_EQ(event.flags & SIDELITE_EVENT_MORE, 0);
  end();
}

static void observe_nothing_of_a_transaction_that_is_rolled_back(void) {
  heard h;
  begin();
  observe(CHANGES | COMMITS | ROLLBACKS, &h);
  run("BEGIN");
  run("INSERT INTO t VALUES (1, 'a')");
  run("ROLLBACK");
  expect(&h, "rollback;");
  run("INSERT INTO t VALUES (2, 'b')");
  expect(&h, "insert t - 2;commit;");
  end();
}

static void observe_nothing_of_what_comes_after_a_savepoint_that_is_rolled_back(void) {
  heard h;
  begin();
  observe(CHANGES, &h);
  run("SAVEPOINT a");
  run("INSERT INTO t VALUES (1, 1)");
  run("SAVEPOINT B");
  run("INSERT INTO t VALUES (2, 2)");
  run("SAVEPOINT c");
  run("INSERT INTO t VALUES (3, 3)");
  run("ROLLBACK TO b");
  run("INSERT INTO t VALUES (4, 4)");
  run("ROLLBACK TO b");
  run("INSERT INTO t VALUES (5, 5)");
  run("RELEASE \"b\"");
  run("INSERT INTO t VALUES (6, 6)");
  expect(&h, "");
  run("RELEASE a");
  expect(&h, "insert t - 1;insert t - 5;insert t - 6;");
  end();
}

static void observe_nothing_of_a_statement_that_fails(void) {
  heard h;
  begin();
  run("INSERT INTO t VALUES (100, 'taken')");
  observe(CHANGES, &h);
  CHECK(exec(queue, conn, "INSERT INTO t VALUES (1, 1), (2, 2), (3, 'taken')") == SQLITE_CONSTRAINT_UNIQUE);
  expect(&h, "");
  run("BEGIN");
  run("INSERT INTO t VALUES (4, 4)");
  CHECK(exec(queue, conn, "INSERT INTO t VALUES (5, 5), (6, 'taken')") == SQLITE_CONSTRAINT_UNIQUE);
  CHECK(exec(queue, conn, "INSERT OR FAIL INTO t VALUES (7, 7), (8, 'taken')") == SQLITE_CONSTRAINT_UNIQUE);
  run("INSERT OR IGNORE INTO t VALUES (9, 'taken'), (10, 10)");
  run("INSERT OR REPLACE INTO t VALUES (11, 'taken')");
  run("COMMIT");
  expect(&h, "insert t - 4;insert t - 7;insert t - 10;delete t 100 -;insert t - 11;");
  CHECK_EQ(fetch_int(queue, conn, "SELECT group_concat(id) = '4,7,10,11' FROM (SELECT id FROM t ORDER BY id)"), 1);
  CHECK(exec(queue, conn, "INSERT OR ROLLBACK INTO t VALUES (12, 12), (13, 10)") == SQLITE_CONSTRAINT_UNIQUE);
  expect(&h, "");
  end();
}

static void observe_nothing_of_an_array_that_fails(void) {
  heard h;
  sidelite_request array[2];
  reply replies[2];
  int i;
  begin();
  observe(CHANGES | COMMITS, &h);
  for (i = 0; i < 2; i++) { /* by itself, and inside of a transaction */
    replies[0] = replies[1] = reply_new();
    array[0] = request_new(SIDELITE_EXECUTE, "INSERT INTO t VALUES (1, 1)", &replies[0]);
    array[1] = request_new(SIDELITE_EXECUTE, "INSERT INTO missing VALUES (1)", &replies[1]);
    array[0].flags = SIDELITE_ATOMIC;
    if (i) run("BEGIN");
    if (i) run("INSERT INTO t VALUES (2, 2)");
    CHECK(sidelite_submit(conn, array, 2) > 0);
    EXPECT(queue, &replies[1], SQLITE_ERROR);
    reply_clear(&replies[0]);
    reply_clear(&replies[1]);
  }
  run("COMMIT");
  expect(&h, "insert t - 2;commit;");
  end();
}

static void observe_what_a_commit_that_had_to_wait_commits(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *reader;
  reply paused = reply_new();
  int64_t id;
  heard h;
  path_join(path, sizeof path, directory, "busy.db");
  config.busy_timeout_ms = SIDELITE_NO_WAIT;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  reader = conn_open(queue, path, &config);
  run("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
  run("INSERT INTO t VALUES (1, 1), (2, 2)");
  observe(CHANGES | COMMITS | ROLLBACKS, &h);
  id = sidelite_stream(reader, "SELECT * FROM t", NULL, 0, 1, on_reply, &paused);
  TURN_UNTIL(queue, paused.events == 2);
  run("BEGIN");
  run("INSERT INTO t VALUES (3, 3)");
  CHECK_EQ(exec(queue, conn, "COMMIT"), SQLITE_BUSY);
  expect(&h, "");
  CHECK_EQ(sidelite_cancel(reader, id), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  run("COMMIT");
  expect(&h, "insert t - 3;commit;");
  reply_clear(&paused);
  conn_close(queue, reader, SIDELITE_CLOSE_DRAIN);
  end();
  scratch_remove(directory);
}

/* SQLite empties a table without looking at its rows, unless somebody wants to know; also with what was prepared before. */
static void observe_each_row_of_a_table_that_is_emptied(void) {
  heard h;
  begin();
  run("INSERT INTO t VALUES (1, 1), (2, 2)");
  run("DELETE FROM t");
  run("INSERT INTO t VALUES (1, 1), (2, 2)");
  observe(CHANGES, &h);
  run("DELETE FROM t");
  expect(&h, "delete t 1 -;delete t 2 -;");
  end();
}

static void observe_tables_without_rowids_triggers_and_cascades(void) {
  heard h;
  begin();
  run("CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID");
  run("CREATE TRIGGER more AFTER INSERT ON w BEGIN INSERT INTO t(x) VALUES (new.v); END");
  observe(VALUES, &h);
  run("INSERT INTO w VALUES ('k', 'v')");
  expect(&h, "insert w - - - - k v;insert t - 1 - - 1 v;");
  end();
}

static void observe_with_several_masks_and_on_several_queues(void) {
  heard changes, ends, all;
  sidelite_queue *other = queue_new();
  sidelite_value what = sidelite_int(CHANGES);
  sidelite_request request = request_new(SIDELITE_OBSERVE, NULL, NULL);
  int64_t id;
  begin();
  id = observe(CHANGES, &changes);
  observe(COMMITS | ROLLBACKS, &ends);
  memset(&all, 0, sizeof all);
  request.values = &what;
  request.ncols = 1;
  request.callback = on_heard;
  request.user_data = &all;
  request.reply_to = other;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  run("INSERT INTO t VALUES (1, 1)");
  expect(&changes, "insert t - 1;");
  expect(&ends, "commit;");
  TURN_UNTIL(other, all.events == 1);
  expect(&all, "insert t - 1;");
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, changes.finals == 1);
  CHECK_EQ(changes.code, SIDELITE_ERR_CANCELLED);
  run("INSERT INTO t VALUES (2, 2)");
  expect(&changes, "");
  expect(&ends, "commit;");
  CHECK_EQ(sidelite_queue_free(other, -1) >= 0, 1);
  run("INSERT INTO t VALUES (3, 3)");
  expect(&ends, "commit;");
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(ends.finals, 1);
  CHECK_EQ(ends.code, SIDELITE_ERR_CANCELLED);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void observe_many_rows_in_few_events(void) {
  heard h;
  begin();
  observe(CHANGES, &h);
  run("INSERT INTO t(x) " COUNT_TO("10000"));
  CHECK_EQ(h.rows, 10000);
  CHECK_EQ(h.events, 20);
  end();
}

static void observe_the_log_as_it_grows(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_open_config config = open_config_new(0);
  heard h;
  path_join(path, sizeof path, directory, "wal.db");
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  run("CREATE TABLE t(x)");
  observe(WAL | COMMITS, &h);
  run("INSERT INTO t VALUES (1)");
  expect(&h, "commit;wal main 3;");
  end();
  scratch_remove(directory);
}

static void observe_statements_as_they_begin_and_end(void) {
  heard h;
  sidelite_value value = sidelite_text("it's");
  reply r = reply_new();
  begin();
  run("CREATE TRIGGER more AFTER INSERT ON t BEGIN SELECT 1; END");
  observe(TRACE, &h);
  CHECK(sidelite_execute(conn, "SELECT ?", &value, 1, on_reply, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  expect(&h, "trace SELECT 'it''s';");
  run("INSERT INTO t VALUES (1, 1)");
  CHECK(!strncmp(h.text, "trace INSERT INTO t VALUES (1, 1);trace -- ", 43));
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  observe(PROFILE, &h);
  run("SELECT 1");
  expect(&h, "profile SELECT 1;");
  end();
}

static void observe_tells_whose_statement_it_was_and_what_it_took(void) {
  sidelite_value what = sidelite_int(PROFILE);
  sidelite_request request = request_new(SIDELITE_OBSERVE, NULL, NULL);
  sidelite_event event;
  int64_t id;
  begin();
  request.values = &what;
  request.ncols = 1;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  id = sidelite_execute(conn, COUNT_TO("1000"), NULL, 0, NULL, NULL);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1);
  CHECK_EQ(sidelite_row_int64(event.result, 0, 1), id);
  CHECK(sidelite_row_int64(event.result, 0, 3) > 0);    /* nanoseconds */
  CHECK(sidelite_row_int64(event.result, 0, 4) > 5000); /* vm_steps */
  CHECK_EQ(event.result->ncols, 7);
  CHECK_EQ(sidelite_poll(queue, &event, 1, 60000), 1);
  end();
}

static void observe_and_sessions_exclude_each_other(void) {
  heard h;
  sidelite_value session;
  int64_t id;
  begin();
  id = observe(CHANGES, &h);
  CHECK_EQ(command_code(queue, conn, SIDELITE_SESSION_OPEN, NULL, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  session = sidelite_int(command_int(queue, conn, SIDELITE_SESSION_OPEN, NULL, 0));
  observe(VALUES, &h);
  TURN_UNTIL(queue, h.finals == 1);
  CHECK_EQ(h.code, SIDELITE_ERR_MISUSE);
  observe(COMMITS, &h);
  run("INSERT INTO t VALUES (1, 1)");
  expect(&h, "commit;");
  CHECK_EQ(command_code(queue, conn, SIDELITE_SESSION_CLOSE, &session, 1), SIDELITE_OK);
  end();
}

static void observe_wants_to_know_what(void) {
  sidelite_value what = sidelite_int(0);
  begin();
  CHECK_EQ(command_code(queue, conn, SIDELITE_OBSERVE, &what, 1), SIDELITE_ERR_MISUSE);
  what = sidelite_int(128);
  CHECK_EQ(command_code(queue, conn, SIDELITE_OBSERVE, &what, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(command_code(queue, conn, SIDELITE_OBSERVE, NULL, 0), SIDELITE_ERR_MISUSE);
  end();
}

/* The host's own hooks, on the connection's thread; read when a request behind them has ended. */
typedef struct hooked {
  int calls;
  char text[4096];
  int64_t answer;
  int32_t code;
} hooked;

static int32_t on_hook(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  hooked *h = (hooked *)context;
  uint32_t i;
  (void)group;
  h->calls++;
  for (i = 0; i < n; i++) {
    size_t used = strlen(h->text);
    if (args[i].type == SIDELITE_TEXT)
      snprintf(h->text + used, sizeof h->text - used, "%.*s ", (int)args[i].len, (const char *)args[i].as.data);
    else if (args[i].type == SIDELITE_INTEGER)
      snprintf(h->text + used, sizeof h->text - used, "%" PRId64 " ", args[i].as.integer);
    else
      snprintf(h->text + used, sizeof h->text - used, "- ");
  }
  *value = h->code ? sidelite_text("not so") : sidelite_int(h->answer);
  return h->code;
}

static int32_t hook(uint32_t kind, uint32_t flags, hooked *h) {
  sidelite_function_config config = function_new(kind, NULL, 0, flags ? NULL : on_hook);
  reply r = reply_new();
  int32_t code;
  config.flags = flags;
  config.context = h;
  CHECK(sidelite_create_function(conn, &config, on_reply, &r) > 0);
  TURN_UNTIL(queue, r.finals);
  code = r.code;
  reply_clear(&r);
  return code;
}

static void hook_hears_of_each_change(void) {
  hooked updates, preupdates;
  memset(&updates, 0, sizeof updates);
  memset(&preupdates, 0, sizeof preupdates);
  begin();
  CHECK_EQ(hook(SIDELITE_FUNCTION_UPDATE, 0, &updates), SIDELITE_OK);
  CHECK_EQ(hook(SIDELITE_FUNCTION_PREUPDATE, 0, &preupdates), SIDELITE_OK);
  run("INSERT INTO t VALUES (1, 'a')");
  run("UPDATE t SET x = 'b'");
  run("DELETE FROM t WHERE 1");
  CHECK(!strcmp(updates.text, "18 main t 1 23 main t 1 9 main t 1 "));
  CHECK(!strcmp(preupdates.text, "18 main t - 1 2 1 a 23 main t 1 1 2 1 a 1 b 9 main t 1 - 2 1 b "));
  CHECK_EQ(hook(SIDELITE_FUNCTION_UPDATE, SIDELITE_FUNCTION_REMOVE, NULL), SIDELITE_OK);
  CHECK_EQ(hook(SIDELITE_FUNCTION_PREUPDATE, SIDELITE_FUNCTION_REMOVE, NULL), SIDELITE_OK);
  run("INSERT INTO t VALUES (1, 'a')");
  CHECK_EQ(updates.calls, 3);
  CHECK_EQ(preupdates.calls, 3);
  end();
}

static void hook_turns_a_commit_into_a_rollback(void) {
  hooked commits, rollbacks;
  heard h;
  reply r;
  memset(&commits, 0, sizeof commits);
  memset(&rollbacks, 0, sizeof rollbacks);
  begin();
  CHECK_EQ(hook(SIDELITE_FUNCTION_COMMIT, 0, &commits), SIDELITE_OK);
  CHECK_EQ(hook(SIDELITE_FUNCTION_ROLLBACK, 0, &rollbacks), SIDELITE_OK);
  observe(CHANGES | COMMITS | ROLLBACKS, &h);
  run("INSERT INTO t VALUES (1, 1)");
  CHECK_EQ(commits.calls, 1);
  expect(&h, "insert t - 1;commit;");
  commits.answer = 1;
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (2, 2)"), 531); /* SQLITE_CONSTRAINT_COMMITHOOK */
  CHECK_EQ(rollbacks.calls, 1);
  expect(&h, "rollback;");
  commits.code = -5555;
  CHECK_EQ(fetch(queue, conn, "INSERT INTO t VALUES (3, 3)", &r), -5555);
  CHECK(!strcmp(message_of(&r), "not so"));
  reply_clear(&r);
  CHECK_EQ(hook(SIDELITE_FUNCTION_COMMIT, SIDELITE_FUNCTION_REMOVE, NULL), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  end();
}

static void hook_hears_of_the_log(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_open_config config = open_config_new(0);
  hooked h;
  path_join(path, sizeof path, directory, "wal.db");
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  memset(&h, 0, sizeof h);
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  CHECK_EQ(hook(SIDELITE_FUNCTION_WAL, 0, &h), SIDELITE_OK);
  run("CREATE TABLE t(x)");
  CHECK(!strcmp(h.text, "main 2 "));
  end();
  scratch_remove(directory);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(observe_changes_after_their_commit),
                               TEST(observe_values_before_and_after),
                               TEST(observe_names_schema_and_columns),
                               TEST(observe_nothing_of_a_transaction_that_is_rolled_back),
                               TEST(observe_nothing_of_what_comes_after_a_savepoint_that_is_rolled_back),
                               TEST(observe_nothing_of_a_statement_that_fails),
                               TEST(observe_nothing_of_an_array_that_fails),
                               TEST(observe_what_a_commit_that_had_to_wait_commits),
                               TEST(observe_each_row_of_a_table_that_is_emptied),
                               TEST(observe_tables_without_rowids_triggers_and_cascades),
                               TEST(observe_with_several_masks_and_on_several_queues),
                               TEST(observe_many_rows_in_few_events),
                               TEST(observe_the_log_as_it_grows),
                               TEST(observe_statements_as_they_begin_and_end),
                               TEST(observe_tells_whose_statement_it_was_and_what_it_took),
                               TEST(observe_and_sessions_exclude_each_other),
                               TEST(observe_wants_to_know_what),
                               TEST(hook_hears_of_each_change),
                               TEST(hook_turns_a_commit_into_a_rollback),
                               TEST(hook_hears_of_the_log),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
