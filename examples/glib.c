/* A thermometer on a GLib loop: each tick of the loop's timer writes a reading, and no tick waits for the disk.
 * The same job in libuv.c, libev.c, libevent.c, glib.c, epoll.c and coroutine.cpp. */
#include <stdio.h>
#include <stdlib.h>

#include "sidelite_glib.h"

enum { READINGS = 100, TICK_MS = 2 };

typedef struct app {
  GMainLoop *loop;
  sidelite_glib adapter;
  sidelite_queue *queue;
  sidelite_conn *conn;
  int ticks;
} app;

/* Every status and every event passes through one of these two. */
static void expect(int64_t id_or_status) {
  if (id_or_status >= 0) return;
  fprintf(stderr, "glib: %s\n", sidelite_status_string((int32_t)id_or_status));
  exit(EXIT_FAILURE);
}

static void on_done(const sidelite_event *event, void *user_data) {
  (void)user_data;
  if (event->code == SIDELITE_OK) return;
  fprintf(stderr, "glib: %s\n", sidelite_event_message(event));
  exit(EXIT_FAILURE);
}

/* The connection's last event. A GMainLoop ends when it is told to. */
static void on_closed(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  on_done(event, a);
  sidelite_glib_detach(&a->adapter);
  g_main_loop_quit(a->loop);
}

/* Some rows at a time; each chunk that was read gives credit for the next. */
static void on_warm(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  on_done(event, a);
  for (uint32_t row = 0; event->result && row < event->result->nrows; row++)
    printf("tick %d: %.1f\n", (int)sidelite_row_int64(event->result, row, 0), sidelite_row_real(event->result, row, 1));
  if (event->flags & SIDELITE_EVENT_MORE) sidelite_more(a->conn, event->id, 1);
  else expect(sidelite_close(a->conn, SIDELITE_CLOSE_DRAIN, on_closed, a));
}

static void on_summary(const sidelite_event *event, void *user_data) {
  app *a = user_data;
  sidelite_value warm = sidelite_real(29.5);
  on_done(event, a);
  printf("%d readings, %.2f degrees on average, %.1f at most\n", (int)sidelite_row_int64(event->result, 0, 0),
         sidelite_row_real(event->result, 0, 1), sidelite_row_real(event->result, 0, 2));
  expect(sidelite_stream(a->conn, "SELECT tick, celsius FROM reading WHERE celsius > ? ORDER BY celsius DESC", &warm, 1,
                         0, on_warm, a));
}

/* Hands the reading over and returns at once. */
static void read_thermometer(app *a) {
  sidelite_value reading[] = {sidelite_int(++a->ticks), sidelite_real(20 + a->ticks * 37 % 100 / 10.0)};
  expect(sidelite_execute(a->conn, "INSERT INTO reading VALUES (?, ?)", reading, 2, on_done, a));
  if (a->ticks < READINGS) return;
  expect(sidelite_fetch(a->conn, "SELECT count(*), round(avg(celsius), 2), max(celsius) FROM reading", NULL, 0,
                        on_summary, a));
}

static gboolean on_tick(gpointer data) {
  app *a = data;
  read_thermometer(a);
  return a->ticks < READINGS ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

int main(void) {
  app a = {.ticks = 0};
  sidelite_open_config config = {.struct_size = sizeof config, .flags = SIDELITE_OPEN_HARDENED};
  expect(sidelite_queue_new(NULL, &a.queue));
  a.loop = g_main_loop_new(NULL, FALSE);
  g_timeout_add(TICK_MS, on_tick, &a);
  expect(sidelite_glib_attach(&a.adapter, a.queue, NULL, 1000));
  expect(sidelite_open(a.queue, ":memory:", &config, on_done, &a, &a.conn));
  expect(sidelite_script(a.conn, "CREATE TABLE reading(tick INTEGER PRIMARY KEY, celsius REAL NOT NULL)", on_done, &a));
  g_main_loop_run(a.loop);
  g_main_loop_unref(a.loop);
  return sidelite_queue_free(a.queue, -1) ? EXIT_FAILURE : EXIT_SUCCESS;
}
