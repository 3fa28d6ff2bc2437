/* The static library beside the system's SQLite in one program: each works on a file of its own, and they are two. */
#include <poll.h>
#include <sidelite.h>
#include <sqlite3.h>
#include <stdio.h>

static int fail(const char *what) {
  fprintf(stderr, "two_sqlites: %s\n", what);
  return 1;
}

static void on_event(const sidelite_event *event, void *user_data) {
  int *succeeded = (int *)user_data;
  *succeeded += event->code == SIDELITE_OK;
}

static int with_sidelite(const char *path) {
  sidelite_queue *queue;
  sidelite_conn *conn;
  int succeeded = 0;
  sidelite_event last = {0};
  if (sidelite_queue_new(NULL, &queue)) return fail("no queue");
  if (sidelite_open(queue, path, NULL, on_event, &succeeded, &conn)) return fail("no connection");
  sidelite_script(conn, "CREATE TABLE t(i); INSERT INTO t VALUES (1)", on_event, &succeeded);
  sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_event, &succeeded);
  while (!(last.flags & SIDELITE_EVENT_CLOSED)) {
    if (sidelite_poll(queue, &last, 1, 60000) != 1) return fail("no event");
    last.callback(&last, last.user_data);
  }
  return sidelite_queue_free(queue, -1) || succeeded != 3 ? fail("sidelite failed") : 0;
}

static int with_system(const char *path) {
  sqlite3 *db;
  int code = sqlite3_open(path, &db);
  if (!code) code = sqlite3_exec(db, "CREATE TABLE t(i); INSERT INTO t VALUES (2)", NULL, NULL, NULL);
  return sqlite3_close(db) || code ? fail("the system's SQLite failed") : 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return fail("usage: two_sqlites FILE FILE");
  printf("sidelite has SQLite %s, the system %s\n", sidelite_sqlite_version(), sqlite3_libversion());
  return with_sidelite(argv[1]) || with_system(argv[2]) || with_sidelite(":memory:") || with_system(":memory:");
}
