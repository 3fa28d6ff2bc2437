/* Whole databases: as one BLOB, and as SQL in a file. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4096];

static void begin(void) {
  directory = scratch_new();
  path_join(path, sizeof path, directory, "file");
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(x)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1), (2)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  scratch_remove(directory);
}

static void write_file(const void *bytes, size_t len) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK_EQ(fwrite(bytes, 1, len, file), len);
  fclose(file);
}

static int32_t deserialize(const void *bytes, uint32_t len, int readonly) {
  sidelite_value args[3];
  args[0] = sidelite_blob(bytes, len);
  args[1] = sidelite_null();
  args[2] = sidelite_int(readonly);
  return command_code(queue, conn, SIDELITE_DESERIALIZE, args, 3);
}

static void image_is_a_file_and_a_database_again(void) {
  sidelite_value schema = sidelite_text("main");
  reply r;
  begin();
  CHECK_EQ(command(queue, conn, SIDELITE_SERIALIZE, &schema, 1, &r), SIDELITE_OK);
  CHECK(!strcmp(sidelite_column_name(r.result, 0), "image"));
  CHECK_EQ(sidelite_row_len(r.result, 0, 0) % 512, 0);
  write_file(sidelite_row_blob(r.result, 0, 0), sidelite_row_len(r.result, 0, 0));
  ask_expecting(path, "PRAGMA integrity_check; ", "ok");
  ask_expecting(path, "SELECT sum(x) FROM t", "3");
  CHECK_EQ(exec(queue, conn, "DELETE FROM t"), SIDELITE_OK);
  CHECK_EQ(deserialize(sidelite_row_blob(r.result, 0, 0), sidelite_row_len(r.result, 0, 0), 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(x) FROM t"), 3);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t SELECT zeroblob(100000)"), SIDELITE_OK); /* it grows */
  CHECK_EQ(deserialize(sidelite_row_blob(r.result, 0, 0), sidelite_row_len(r.result, 0, 0), 1), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "DELETE FROM t"), SQLITE_READONLY);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(x) FROM t"), 3);
  reply_clear(&r);
  end();
}

static void image_of_a_file_and_of_an_attached_database(void) {
  sidelite_value schema = sidelite_text("other");
  reply r;
  begin();
  ask_expecting(path, "CREATE TABLE u(y); INSERT INTO u VALUES (7)", "");
  {
    sidelite_value name = sidelite_text(path);
    reply attached = reply_new();
    CHECK(sidelite_execute(conn, "ATTACH ? AS other", &name, 1, on_reply, &attached) > 0);
    EXPECT(queue, &attached, SIDELITE_OK);
  }
  CHECK_EQ(command(queue, conn, SIDELITE_SERIALIZE, &schema, 1, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_len(r.result, 0, 0), file_size(path));
  reply_clear(&r);
  schema = sidelite_text("missing");
  CHECK_EQ(command(queue, conn, SIDELITE_SERIALIZE, &schema, 1, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "missing"));
  reply_clear(&r);
  end();
}

/* It needs no log any more. */
static void image_of_a_database_in_wal_mode(void) {
  sidelite_open_config config = open_config_new(0);
  sidelite_conn *file;
  reply r;
  begin();
  config.journal_mode = SIDELITE_JOURNAL_WAL;
  file = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, file, "CREATE TABLE u(y)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, file, "INSERT INTO u VALUES (8)"), SIDELITE_OK);
  CHECK_EQ(command(queue, file, SIDELITE_SERIALIZE, NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(deserialize(sidelite_row_blob(r.result, 0, 0), sidelite_row_len(r.result, 0, 0), 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT y FROM u"), 8);
  CHECK_EQ(exec(queue, conn, "INSERT INTO u VALUES (9)"), SIDELITE_OK);
  reply_clear(&r);
  conn_close(queue, file, SIDELITE_CLOSE_DRAIN);
  end();
}

static void image_of_an_empty_database(void) {
  sidelite_conn *empty;
  reply r;
  begin();
  empty = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(command(queue, empty, SIDELITE_SERIALIZE, NULL, 0, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_BLOB);
  CHECK_EQ(deserialize(sidelite_row_blob(r.result, 0, 0), sidelite_row_len(r.result, 0, 0), 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM sqlite_master"), 0);
  reply_clear(&r);
  conn_close(queue, empty, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE again(x)"), SIDELITE_OK);
  CHECK_EQ(deserialize("", 0, 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM sqlite_master"), 0);
  end();
}

static void image_that_is_none_leaves_the_database_as_it_was(void) {
  reply paused = reply_new();
  begin();
  CHECK_EQ(deserialize("no database", 11, 0), SQLITE_NOTADB);
  CHECK_EQ(command_code(queue, conn, SIDELITE_DESERIALIZE, NULL, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  CHECK_EQ(deserialize("", 0, 0), SIDELITE_ERR_MISUSE);
  CHECK_EQ(exec(queue, conn, "COMMIT"), SIDELITE_OK);
  CHECK(sidelite_stream(conn, "SELECT a.x FROM t AS a, t AS b, t AS c", NULL, 0, 1, on_reply, &paused) > 0);
  TURN_UNTIL(queue, paused.events == 2);
  CHECK(deserialize("", 0, 0) != SIDELITE_OK);
  CHECK_EQ(sidelite_cancel(conn, 0), SIDELITE_OK);
  EXPECT(queue, &paused, SIDELITE_ERR_CANCELLED);
  reply_clear(&paused);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(x) FROM t"), 3);
  end();
}

static int32_t run_file(reply *r) {
  sidelite_value args[1];
  args[0] = sidelite_text(path);
  return command(queue, conn, SIDELITE_SCRIPT_FILE, args, 1, r);
}

static int32_t run_text(const char *text, reply *r) {
  write_file(text, strlen(text));
  return run_file(r);
}

static void sql_file_is_run(void) {
  reply r;
  begin();
  CHECK_EQ(run_text("\xef\xbb\xbf-- a comment\nCREATE TABLE u(y);\nINSERT INTO u VALUES (5);\nINSERT INTO u VALUES (6)", &r),
           SIDELITE_OK);
  CHECK_EQ(r.changes, 2);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT sum(y) FROM u"), 11);
  CHECK_EQ(run_text("", &r), SIDELITE_OK);
  reply_clear(&r);
  end();
}

static void sql_file_stops_at_its_first_error(void) {
  reply r;
  begin();
  CHECK_EQ(run_text("INSERT INTO t VALUES (3);\nSELECT nope FROM t;\nINSERT INTO t VALUES (4);", &r), SQLITE_ERROR);
  CHECK_EQ(r.result->sql_offset, 33);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT max(x) FROM t"), 3);
  end();
}

static void sql_file_commits_first_when_it_is_told_to(void) {
  sidelite_value args[1];
  sidelite_request request;
  reply r = reply_new();
  begin();
  write_file("SELECT 1", 8);
  CHECK_EQ(exec(queue, conn, "BEGIN"), SIDELITE_OK);
  request = request_new(SIDELITE_SCRIPT_FILE, NULL, &r);
  args[0] = sidelite_text(path);
  request.values = args;
  request.ncols = 1;
  request.flags = SIDELITE_COMMIT_FIRST;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  CHECK_EQ(r.flags & SIDELITE_EVENT_IN_TRANSACTION, 0);
  end();
}

static void sql_file_that_cannot_be_read_is_an_error(void) {
  reply r;
  begin();
  CHECK_EQ(run_file(&r), SQLITE_CANTOPEN);
  CHECK(strstr(message_of(&r), path));
  CHECK_EQ(r.result->system_errno, ENOENT);
  reply_clear(&r);
  write_file("SELECT 1\0;", 10);
  CHECK_EQ(run_file(&r), SIDELITE_ERR_BAD_TEXT);
  reply_clear(&r);
  CHECK_EQ(run_text("SELECT '\xff'", &r), SIDELITE_ERR_BAD_TEXT);
  reply_clear(&r);
  CHECK_EQ(unlink(path), 0);
  CHECK_EQ(mkfifo(path, 0600), 0);
  CHECK_EQ(run_file(&r), SQLITE_CANTOPEN);
  reply_clear(&r);
  end();
}

static void contract_12_sql_file_is_cancelled(void) {
  sidelite_value args[1];
  reply r = reply_new();
  int64_t id;
  begin();
  write_file("INSERT INTO t VALUES (3);" ENDLESS, strlen("INSERT INTO t VALUES (3);" ENDLESS));
  args[0] = sidelite_text(path);
  id = submit_command(conn, SIDELITE_SCRIPT_FILE, 0, args, 1, &r);
  sleep_ms(10);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  EXPECT(queue, &r, SIDELITE_ERR_CANCELLED);
  reply_clear(&r);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(image_is_a_file_and_a_database_again),
                               TEST(image_of_a_file_and_of_an_attached_database),
                               TEST(image_of_a_database_in_wal_mode),
                               TEST(image_of_an_empty_database),
                               TEST(image_that_is_none_leaves_the_database_as_it_was),
                               TEST(sql_file_is_run),
                               TEST(sql_file_stops_at_its_first_error),
                               TEST(sql_file_commits_first_when_it_is_told_to),
                               TEST(sql_file_that_cannot_be_read_is_an_error),
                               TEST(contract_12_sql_file_is_cancelled),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
