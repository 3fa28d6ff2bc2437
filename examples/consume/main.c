/* What the projects beside this file build: inserts rows, fetches one and prints it. */
#include <sidelite.h>
#include <stdio.h>

typedef struct app {
  int failed, closed;
} app;

static void on_event(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  if (event->code) fprintf(stderr, "consume: %s\n", sidelite_event_message(event));
  a->failed |= event->code != SIDELITE_OK;
  a->closed |= (event->flags & SIDELITE_EVENT_CLOSED) != 0;
}

static void on_row(const sidelite_event *event, void *user_data) {
  const char *name = event->code ? NULL : sidelite_row_text(event->result, 0, 0);
  on_event(event, user_data);
  if (name) printf("%s is the largest of %d moons\n", name, (int)sidelite_row_int64(event->result, 0, 1));
}

static int submit(sidelite_conn *conn, app *a) {
  const sidelite_value moons[] = {sidelite_text("Io"), sidelite_real(1821.6), sidelite_text("Europa"),
                                  sidelite_real(1560.8), sidelite_text("Ganymede"), sidelite_real(2634.1)};
  const sidelite_request insert = {.struct_size = sizeof insert, .kind = SIDELITE_EXECUTE, .flags = SIDELITE_ATOMIC,
                                   .sql = "INSERT INTO moon VALUES (?, ?)", .values = moons, .ncols = 2, .nrows = 3,
                                   .callback = on_event, .user_data = a};
  return sidelite_script(conn, "CREATE TABLE moon(name TEXT, radius_km REAL)", on_event, a) < 0 ||
         sidelite_submit(conn, &insert, 1) < 0 ||
         sidelite_fetch(conn, "SELECT name, count(*), max(radius_km) FROM moon", NULL, 0, on_row, a) < 0;
}

int main(void) {
  app a = {0, 0};
  sidelite_queue *queue;
  sidelite_conn *conn;
  sidelite_event event;
  const sidelite_open_config config = {.struct_size = sizeof config, .flags = SIDELITE_OPEN_HARDENED};
  if (sidelite_abi_version() != SIDELITE_ABI_VERSION) return 1; /* the library is not the header's */
  if (sidelite_queue_new(NULL, &queue) || sidelite_open(queue, ":memory:", &config, on_event, &a, &conn)) return 1;
  a.failed = submit(conn, &a);
  sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_event, &a);
  while (!a.closed && sidelite_poll(queue, &event, 1, -1) == 1) event.callback(&event, event.user_data);
  return sidelite_queue_free(queue, -1) || a.failed;
}
