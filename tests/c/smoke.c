/* The first program: what a stranger would write from the header alone. */
#include "harness.h"

static void smoke_open_insert_fetch_stream_cancel_close(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply insert, fetch, stream, endless;
  sidelite_value params[2] = {sidelite_int(1815), sidelite_text("ada")};
  int64_t id;
  memset(&insert, 0, sizeof insert);
  memset(&fetch, 0, sizeof fetch);
  memset(&stream, 0, sizeof stream);
  memset(&endless, 0, sizeof endless);

  CHECK_EQ(exec(queue, conn, "CREATE TABLE person(born INTEGER, name TEXT)"), SIDELITE_OK);
  CHECK(sidelite_execute(conn, "INSERT INTO person VALUES (?, ?)", params, 2, on_reply, &insert) > 0);
  CHECK(sidelite_fetch(conn, "SELECT name, born FROM person", NULL, 0, on_reply, &fetch) > 0);
  TURN_UNTIL(queue, fetch.finals);
  CHECK_EQ(insert.finals, 1);
  CHECK_EQ(insert.changes, 1);
  CHECK_EQ(insert.last_insert_rowid, 1);
  CHECK_EQ(fetch.code, SIDELITE_OK);
  CHECK_EQ(fetch.result->nrows, 1);
  CHECK(!strcmp(sidelite_row_text(fetch.result, 0, 0), "ada"));
  CHECK_EQ(sidelite_row_int64(fetch.result, 0, 1), 1815);
  CHECK(!strcmp(sidelite_column_name(fetch.result, 1), "born"));

  id = sidelite_stream(conn,
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT i FROM n",
                       NULL, 0, 100, on_reply, &stream);
  CHECK(id > 0);
  TURN_UNTIL(queue, stream.events == 2);
  CHECK_EQ(stream.rows, 200);
  CHECK_EQ(sidelite_more(conn, id, SIDELITE_UNLIMITED), SIDELITE_OK);
  TURN_UNTIL(queue, stream.finals);
  CHECK_EQ(stream.rows, 1000);
  CHECK_EQ(sidelite_more(conn, id, 1), SIDELITE_ERR_BAD_HANDLE);

  id = sidelite_execute(conn, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n",
                        NULL, 0, on_reply, &endless);
  sleep_ms(20);
  CHECK_EQ(sidelite_cancel(conn, id), SIDELITE_OK);
  TURN_UNTIL(queue, endless.finals);
  CHECK_EQ(endless.code, SIDELITE_ERR_CANCELLED);
  CHECK(!(endless.flags & SIDELITE_EVENT_NOT_RUN));

  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(insert.finals + fetch.finals + stream.finals + endless.finals, 4);
  reply_clear(&insert);
  reply_clear(&fetch);
  reply_clear(&stream);
  reply_clear(&endless);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(smoke_open_insert_fetch_stream_cancel_close),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
