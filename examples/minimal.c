/* Opens a database, inserts, fetches and prints. The loop is poll(2); any other will do. */
#include <poll.h>
#include <stdio.h>
#include "sidelite.h"

struct app { int failed, closed; };

static void on_event(const sidelite_event *event, void *user_data) {
  struct app *app = user_data;
  if (event->code) fprintf(stderr, "%s\n", sidelite_event_message(event));
  app->failed |= event->code != SIDELITE_OK;
  app->closed |= (event->flags & SIDELITE_EVENT_CLOSED) != 0;
  for (uint32_t row = 0; event->result && row < event->result->nrows; row++)
    printf("%s, %d\n", sidelite_row_text(event->result, row, 0), (int)sidelite_row_int64(event->result, row, 1));
}

int main(void) {
  struct app app = {0, 0};
  sidelite_queue *queue;
  sidelite_conn *conn;
  sidelite_open_config config = {.struct_size = sizeof config, .flags = SIDELITE_OPEN_HARDENED};
  sidelite_value ada[] = {sidelite_text("Ada Lovelace"), sidelite_int(1815)};
  if (sidelite_queue_new(NULL, &queue) || sidelite_open(queue, ":memory:", &config, on_event, &app, &conn)) return 1;
  if (sidelite_execute(conn, "CREATE TABLE person(name TEXT, born INTEGER)", NULL, 0, on_event, &app) < 0 ||
      sidelite_execute(conn, "INSERT INTO person VALUES (?, ?)", ada, 2, on_event, &app) < 0 ||
      sidelite_fetch(conn, "SELECT name, born FROM person", NULL, 0, on_event, &app) < 0) return 1;
  sidelite_close(conn, SIDELITE_CLOSE_DRAIN, on_event, &app);
  struct pollfd ready = {.fd = (int)sidelite_queue_fd(queue), .events = POLLIN};
  while (!app.closed && ready.fd >= 0 && poll(&ready, 1, -1) > 0) sidelite_dispatch(queue, 0, 0);
  return sidelite_queue_free(queue, -1) || app.failed;
}
