/* Breaks contract 7: a value given under STATIC is written while SQLite may read it. The report proves that the tool
 * sees into the SQLite inside the library.
 *
 * canary tsan: hexFunc
 */
#include "harness.h"

int main(void) {
  static char bytes[64];
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT hex(?)", &r);
  sidelite_value value = sidelite_blob(bytes, sizeof bytes);
  request.flags = SIDELITE_STATIC;
  request.values = &value;
  request.ncols = 1;
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  memset(bytes, 1, sizeof bytes);
  TURN_UNTIL(queue, r.finals);
  reply_clear(&r);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  return 0;
}
