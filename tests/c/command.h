/* Requests with arguments: a kind, its values by position, and what comes back. */
#ifndef COMMAND_H
#define COMMAND_H

#include "harness.h"

/* Submits one and returns its id; `lane` is 0, a lease or a call. */
static inline int64_t submit_command(sidelite_conn *conn, uint32_t kind, int64_t lane, const sidelite_value *values,
                                     uint32_t n, reply *r) {
  return sidelite_command(conn, kind, lane, values, n, r ? on_reply : NULL, r);
}

/* Runs one to its end, into `r`, which the caller clears, and returns its code. */
static inline int32_t command(sidelite_queue *queue, sidelite_conn *conn, uint32_t kind, const sidelite_value *values,
                              uint32_t n, reply *r) {
  *r = reply_new();
  CHECK(submit_command(conn, kind, 0, values, n, r) > 0);
  TURN_UNTIL(queue, r->finals);
  CHECK_EQ(r->finals, 1);
  return r->code;
}

/* The same, of which only the code matters. */
static inline int32_t command_code(sidelite_queue *queue, sidelite_conn *conn, uint32_t kind,
                                   const sidelite_value *values, uint32_t n) {
  reply r;
  int32_t code = command(queue, conn, kind, values, n, &r);
  reply_clear(&r);
  return code;
}

/* The same, of which only the integer in the first cell matters; it must succeed. */
static inline int64_t command_int(sidelite_queue *queue, sidelite_conn *conn, uint32_t kind,
                                  const sidelite_value *values, uint32_t n) {
  reply r;
  int64_t integer;
  int32_t code = command(queue, conn, kind, values, n, &r);
  if (code) fprintf(stderr, "kind %u: %s\n", kind, (const char *)r.result + r.result->message);
  CHECK_EQ(code, SIDELITE_OK);
  CHECK(r.result && r.result->nrows >= 1);
  integer = sidelite_row_int64(r.result, 0, 0);
  reply_clear(&r);
  return integer;
}

/* What to register, with all else at its default. Without `call` it is HOST. */
static inline sidelite_function_config function_new(uint32_t kind, const char *name, int32_t n_args,
                                                    sidelite_inline_function call) {
  sidelite_function_config config;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.kind = kind;
  config.name = name;
  config.n_args = n_args;
  config.call = call;
  return config;
}

static inline const char *message_of(const reply *r) {
  return r->result && r->result->message ? (const char *)r->result + r->result->message : "";
}

static inline int text_is(const reply *r, uint32_t row, uint32_t column, const char *text) {
  const char *cell = sidelite_row_text(r->result, row, column);
  return cell && !strcmp(cell, text);
}

/* A statement that must fail with this code, and with these words in its message. */
static inline void fetch_error(sidelite_queue *queue, sidelite_conn *conn, const char *sql, int32_t code,
                               const char *words) {
  reply r;
  int32_t ended = fetch(queue, conn, sql, &r);
  if (ended != code || !strstr(message_of(&r), words)) fprintf(stderr, "%s: %s\n", sql, message_of(&r));
  CHECK_EQ(ended, code);
  CHECK(strstr(message_of(&r), words));
  reply_clear(&r);
}

#endif
