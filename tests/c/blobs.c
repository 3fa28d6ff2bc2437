/* Incremental blobs, and BLOBs of zeros to write them into. */
#include "command.h"
#include "faults.h"

static sidelite_queue *queue;
static sidelite_conn *conn;

static void begin(void) {
  sidelite_value zeros = sidelite_zeroblob(10);
  reply r = reply_new();
  queue = queue_new();
  conn = conn_open(queue, ":memory:", NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, data)"), SIDELITE_OK);
  CHECK(sidelite_execute(conn, "INSERT INTO t VALUES (1, ?)", &zeros, 1, on_reply, &r) > 0);
  EXPECT(queue, &r, SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (2, 'a text'), (3, 7)"), SIDELITE_OK);
}

static void end(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static int32_t try_open(int64_t rowid, int writable, reply *r) {
  sidelite_value args[4] = {sidelite_text("t"), sidelite_text("data"), sidelite_int(rowid), sidelite_int(writable)};
  return command(queue, conn, SIDELITE_BLOB_OPEN, args, 4, r);
}

static int64_t open_blob(int64_t rowid, int writable, int64_t size) {
  reply r;
  int64_t blob;
  CHECK_EQ(try_open(rowid, writable, &r), SIDELITE_OK);
  blob = sidelite_row_int64(r.result, 0, 0);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), size);
  reply_clear(&r);
  return blob;
}

static int32_t write_at(int64_t blob, const char *text, int64_t offset) {
  sidelite_value args[3] = {sidelite_int(blob), sidelite_text(text), sidelite_int(offset)};
  return command_code(queue, conn, SIDELITE_BLOB_WRITE, args, 3);
}

static void expect_read(int64_t blob, int64_t offset, int64_t length, const char *expected) {
  sidelite_value args[3] = {sidelite_int(blob), sidelite_int(offset), sidelite_int(length)};
  reply r;
  CHECK_EQ(command(queue, conn, SIDELITE_BLOB_READ, args, 3, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_type(r.result, 0, 0), SIDELITE_BLOB);
  CHECK_EQ(sidelite_row_len(r.result, 0, 0), strlen(expected));
  CHECK(!memcmp(sidelite_row_blob(r.result, 0, 0), expected, strlen(expected)));
  reply_clear(&r);
}

static int32_t close_blob(int64_t blob) {
  sidelite_value handle = sidelite_int(blob);
  return command_code(queue, conn, SIDELITE_BLOB_CLOSE, &handle, 1);
}

static void blob_is_written_and_read_in_parts(void) {
  int64_t blob;
  begin();
  blob = open_blob(1, 1, 10);
  CHECK_EQ(write_at(blob, "hello", 0), SIDELITE_OK);
  CHECK_EQ(write_at(blob, "world", 5), SIDELITE_OK);
  expect_read(blob, 3, 4, "lowo");
  CHECK_EQ(close_blob(blob), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, conn, "SELECT CAST(data AS TEXT) = 'helloworld' FROM t WHERE id = 1"), 1);
  end();
}

/* The rest of a blob is what a read takes when it is not told how much; a text is as good as a BLOB. */
static void blob_of_a_text_is_read_to_its_end(void) {
  sidelite_value args[2];
  reply r;
  begin();
  args[0] = sidelite_int(open_blob(2, 0, 6));
  args[1] = sidelite_int(2);
  CHECK_EQ(command(queue, conn, SIDELITE_BLOB_READ, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_len(r.result, 0, 0), 4);
  CHECK(!memcmp(sidelite_row_blob(r.result, 0, 0), "text", 4));
  reply_clear(&r);
  end();
}

static void blob_moves_to_another_row(void) {
  sidelite_value args[2];
  reply r;
  int64_t blob;
  begin();
  blob = open_blob(1, 0, 10);
  args[0] = sidelite_int(blob);
  args[1] = sidelite_int(2);
  CHECK_EQ(command(queue, conn, SIDELITE_BLOB_REOPEN, args, 2, &r), SIDELITE_OK);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 0), blob);
  CHECK_EQ(sidelite_row_int64(r.result, 0, 1), 6);
  reply_clear(&r);
  expect_read(blob, 0, 6, "a text");
  args[1] = sidelite_int(3);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_REOPEN, args, 2), SQLITE_ERROR);
  end();
}

static void blob_outside_of_its_size_is_refused(void) {
  sidelite_value args[3];
  int64_t blob;
  int i;
  static const int64_t ranges[][2] = {{-1, 2}, {0, 11}, {11, 0}, {10, 1}, {0, -1}, {INT64_MAX, 1}, {1, INT64_MAX}};
  begin();
  blob = open_blob(1, 1, 10);
  args[0] = sidelite_int(blob);
  for (i = 0; i < 7; i++) {
    args[1] = sidelite_int(ranges[i][0]);
    args[2] = sidelite_int(ranges[i][1]);
    CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_READ, args, 3), SQLITE_ERROR);
  }
  CHECK_EQ(write_at(blob, "too long for it", 0), SQLITE_ERROR);
  CHECK_EQ(write_at(blob, "x", 10), SQLITE_ERROR);
  expect_read(blob, 10, 0, "");
  end();
}

static void blob_of_a_row_that_has_changed_is_aborted(void) {
  sidelite_value args[2];
  int64_t blob;
  begin();
  blob = open_blob(1, 1, 10);
  CHECK_EQ(exec(queue, conn, "UPDATE t SET data = 'other' WHERE id = 1"), SIDELITE_OK);
  CHECK_EQ(write_at(blob, "x", 0), SQLITE_ABORT);
  args[0] = sidelite_int(blob);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_READ, args, 1), SQLITE_ABORT);
  CHECK_EQ(close_blob(blob), SIDELITE_OK);
  end();
}

static void blob_for_reading_cannot_be_written(void) {
  begin();
  CHECK_EQ(write_at(open_blob(1, 0, 10), "x", 0), SQLITE_READONLY);
  end();
}

static void blob_that_is_not_there_is_an_error(void) {
  sidelite_value args[3] = {sidelite_text("no_table"), sidelite_text("data"), sidelite_int(1)};
  reply r;
  begin();
  CHECK_EQ(try_open(99, 0, &r), SQLITE_ERROR);
  reply_clear(&r);
  CHECK_EQ(try_open(3, 0, &r), SQLITE_ERROR);
  CHECK(strstr(message_of(&r), "cannot open value of type integer"));
  reply_clear(&r);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_OPEN, args, 3), SQLITE_ERROR);
  end();
}

static void blob_handle_is_checked(void) {
  sidelite_value args[2] = {sidelite_int(12345), sidelite_int(1)};
  int64_t blob;
  begin();
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_READ, args, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_REOPEN, args, 2), SIDELITE_ERR_MISUSE);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_CLOSE, args, 1), SIDELITE_ERR_MISUSE);
  CHECK_EQ(command_code(queue, conn, SIDELITE_BLOB_READ, NULL, 0), SIDELITE_ERR_MISUSE);
  blob = open_blob(1, 0, 10);
  CHECK_EQ(close_blob(blob), SIDELITE_OK);
  CHECK_EQ(close_blob(blob), SIDELITE_ERR_MISUSE);
  end();
}

/* Outside of a transaction what is written is committed when the blob is closed, and that may fail. */
static void blob_is_committed_as_it_is_closed(void) {
  const char *directory = scratch_new();
  char path[4096];
  sidelite_conn *other;
  int64_t blob;
  path_join(path, sizeof path, directory, "blobs.db");
  queue = queue_new();
  conn = conn_open(queue, path, NULL);
  other = conn_open(queue, path, NULL);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, data)"), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "INSERT INTO t VALUES (1, zeroblob(5))"), SIDELITE_OK);
  blob = open_blob(1, 1, 5);
  CHECK_EQ(write_at(blob, "later", 0), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, other, "SELECT data = zeroblob(5) FROM t"), 1);
  CHECK_EQ(close_blob(blob), SIDELITE_OK);
  CHECK_EQ(fetch_int(queue, other, "SELECT data = CAST('later' AS BLOB) FROM t"), 1);
  ask_expecting(path, "SELECT CAST(data AS TEXT) FROM t", "later");
  conn_close(queue, other, SIDELITE_CLOSE_DRAIN);
  end();
  scratch_remove(directory);
}

static void blob_that_is_open_does_not_keep_a_connection_from_closing(void) {
  begin();
  (void)open_blob(1, 1, 10);
  (void)open_blob(2, 0, 6);
  end();
  begin();
  (void)open_blob(1, 1, 10);
  conn_close(queue, conn, SIDELITE_CLOSE_CANCEL);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

static void zeroblob_is_a_blob_of_zeros(void) {
  sidelite_value rows[3];
  sidelite_request request = request_new(SIDELITE_EXECUTE, "INSERT INTO t(data) VALUES (?)", NULL);
  reply r = reply_new();
  begin();
  rows[0] = sidelite_zeroblob(0);
  rows[1] = sidelite_zeroblob(100000);
  rows[2] = sidelite_zeroblob(1);
  request.values = rows;
  request.ncols = 1;
  request.nrows = 3;
  request.flags = SIDELITE_STATIC | SIDELITE_ATOMIC;
  request.callback = on_reply;
  request.user_data = &r;
  CHECK_EQ(run_request(queue, conn, &request, &r), SIDELITE_OK);
  reply_clear(&r);
  CHECK_EQ(fetch_int(queue, conn, "SELECT group_concat(length(data)) = '0,100000,1' FROM t WHERE id > 3"), 1);
  CHECK_EQ(fetch_int(queue, conn, "SELECT min(typeof(data) = 'blob' AND data = zeroblob(length(data))) FROM t "
                                  "WHERE id > 3"), 1);
  end();
}

static void zeroblob_that_cannot_be_is_refused(void) {
  sidelite_value value = sidelite_zeroblob(-1);
  reply r = reply_new();
  begin();
  CHECK_EQ(sidelite_execute(conn, "SELECT ?", &value, 1, NULL, NULL), SIDELITE_ERR_TOO_BIG);
  value = sidelite_zeroblob(INT64_C(1) << 31);
  CHECK_EQ(sidelite_execute(conn, "SELECT ?", &value, 1, NULL, NULL), SIDELITE_ERR_TOO_BIG);
  value = sidelite_zeroblob(INT32_MAX);
  CHECK(sidelite_execute(conn, "INSERT INTO t(data) VALUES (?)", &value, 1, on_reply, &r) > 0);
  EXPECT(queue, &r, SQLITE_TOOBIG);
  reply_clear(&r);
  end();
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(blob_is_written_and_read_in_parts),
                               TEST(blob_of_a_text_is_read_to_its_end),
                               TEST(blob_moves_to_another_row),
                               TEST(blob_outside_of_its_size_is_refused),
                               TEST(blob_of_a_row_that_has_changed_is_aborted),
                               TEST(blob_for_reading_cannot_be_written),
                               TEST(blob_that_is_not_there_is_an_error),
                               TEST(blob_handle_is_checked),
                               TEST(blob_is_committed_as_it_is_closed),
                               TEST(blob_that_is_open_does_not_keep_a_connection_from_closing),
                               TEST(zeroblob_is_a_blob_of_zeros),
                               TEST(zeroblob_that_cannot_be_is_refused),
                               {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
