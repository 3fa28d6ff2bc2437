/* Adds one to the largest integer that came back: undefined in C, and no address is wrong.
 *
 * canary asan: signed integer overflow
 */
#include "harness.h"

int main(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  int64_t largest = fetch_int(queue, conn, "SELECT 9223372036854775807");
  largest += 1;
  printf("%" PRId64 "\n", largest);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  return 0;
}
