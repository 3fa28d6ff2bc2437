/* A DIRECT callback writes, on the connection's thread, what the main thread reads without any lock.
 *
 * canary tsan: WARNING: ThreadSanitizer: data race
 */
#include "harness.h"

static volatile int done; /* volatile keeps the loop below; it orders nothing */

static void on_done(const sidelite_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  done++;
}

int main(void) {
  sidelite_queue *queue = queue_new_with(SIDELITE_QUEUE_DIRECT, NULL, NULL);
  sidelite_conn *conn = NULL;
  CHECK_EQ(sidelite_open(queue, ":memory:", NULL, on_done, NULL, &conn), SIDELITE_OK);
  /* Many, since one may happen to be ordered by what the library does for itself. */
  for (int i = 1; i <= 1000; i++) {
    CHECK(sidelite_execute(conn, "SELECT 1", NULL, 0, on_done, NULL) > 0);
    if (i % 100 == 0) while (done <= i) sleep_ms(1);
  }
  CHECK_EQ(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL), SIDELITE_OK);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  return 0;
}
