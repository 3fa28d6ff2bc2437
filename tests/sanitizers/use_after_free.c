/* Breaks contract 7: a value given under STATIC is freed before its request has run. SQLite's hex() reads it, so the
 * report proves that the tool sees into the SQLite inside the library.
 *
 * canary asan: hexFunc
 * canary memcheck: hexFunc
 */
#include "harness.h"

int main(void) {
  sidelite_queue *queue = queue_new();
  sidelite_conn *conn = conn_open(queue, ":memory:", NULL);
  reply r = reply_new();
  sidelite_request request = request_new(SIDELITE_FETCH, "SELECT hex(?)", &r);
  char *bytes = (char *)calloc(1, 64);
  sidelite_value value = sidelite_blob(bytes, 64);
  gate g;
  request.flags = SIDELITE_STATIC;
  request.values = &value;
  request.ncols = 1;
  gate_shut(&g, conn);
  CHECK(sidelite_submit(conn, &request, 1) > 0);
  free(bytes);
  gate_open(&g);
  TURN_UNTIL(queue, r.finals);
  reply_clear(&r);
  gate_remove(&g, queue);
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
  return 0;
}
