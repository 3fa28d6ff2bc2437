/* Keeps results and forgets them: memory that the library allocated leaks. They are many, because a forgotten pointer
 * may still lie about on some stack.
 *
 * canary asan: LeakSanitizer: detected memory leaks
 * canary memcheck: definitely lost
 */
#include "harness.h"

int main(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r;
  for (int i = 0; i < 32; i++) CHECK_EQ(fetch(queue, conn, "SELECT 1", &r), SIDELITE_OK);
  r = reply_new();
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  return 0;
}
