/* The crossing between Go and sidelite: few calls, each for many requests or events.
 *
 * Go keeps handles and ids as numbers; a pointer of Go's is never kept here. Requests come in as records, with their
 * values and, for text, offsets into `data`; the pointers that the library wants are made here, on C's side. */
#ifndef SIDELITE_GO_SHIM_H
#define SIDELITE_GO_SHIM_H

#if !__has_include("sidelite.h")
#error "no sidelite.h: run `make go` in a checkout of sidelite; or `make install` and leave out -tags sidelite_static"
#endif
#include "sidelite.h"

/* A queue, and who looks at it. Its wake is a bit and a write to a descriptor, which a goroutine waits for. */
typedef struct sl_queue sl_queue;

/* A request, as Go writes it. `values` and `names` are indexes into the values, `sql` is an offset into the data. */
typedef struct sl_record {
  uint32_t kind, flags, timeout_ms, ncols, nrows, chunk_rows, window;
  uint32_t has_sql, has_names, values, names;
  uint32_t unused;
  uint64_t key; /* comes back with each event */
  uint64_t sql, sql_len;
  int64_t lane;
} sl_record;

/* What looking has found. */
typedef struct sl_look {
  uint32_t rounds;  /* in: how often to look at most; 0 looks once */
  int32_t taken;    /* out: events */
  uint32_t missed;  /* out: more may have come, for which nobody was woken */
  uint32_t is_long; /* out: others had the CPU meanwhile */
} sl_look;

/* How to open. Text is an offset into the data, NUL-terminated; rules are values. */
typedef struct sl_open_record {
  uint32_t flags, statement_cache, max_requests, journal_mode, synchronous, isolation;
  int32_t busy_timeout_ms;
  uint32_t has_vfs, pragma_count, rules;
  uint64_t vfs, key, max_bytes, max_result_bytes;
} sl_open_record;

typedef struct sl_function_record {
  uint32_t kind, flags;
  int32_t n_args;
  uint32_t batch_rows, reply_timeout_ms, has_name;
  uint64_t key;
} sl_function_record;

int sl_watch_begin(void);
void sl_watch_end(void);
uint32_t sl_take_ready(uint32_t *numbers, uint32_t capacity);

int32_t sl_queue_new(uint32_t number, sl_queue **out);
void sl_queue_free(sl_queue *queue);
int64_t sl_open(sl_queue *queue, const sl_open_record *record, const char *path, const char *data,
                const sidelite_value *pragmas, const sidelite_value *rules);
int32_t sl_close(uint64_t conn, uint32_t mode, uint64_t key);

int64_t sl_submit(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values, uint32_t n_values,
                  const char *data);
int64_t sl_submit_and_look(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values,
                           uint32_t n_values, const char *data, sl_queue *queue, sl_look *look, sidelite_event *events,
                           uint32_t capacity);
int32_t sl_more_and_look(uint64_t conn, int64_t id, uint32_t chunks, sl_queue *queue, sl_look *look,
                         sidelite_event *events, uint32_t capacity);
void sl_look_at(sl_queue *queue, sl_look *look, sidelite_event *events, uint32_t capacity);
void sl_let_go(sl_queue *queue);

int32_t sl_more(uint64_t conn, int64_t id, uint32_t chunks);
int32_t sl_cancel(uint64_t conn, int64_t id);
int32_t sl_withdraw(uint64_t conn, int64_t id);
int32_t sl_stat(uint64_t conn, sidelite_stats *out);
int64_t sl_create_function(uint64_t conn, const sl_function_record *record, const char *name);
int32_t sl_reply(uint64_t conn, int64_t call, const sidelite_value *value, const char *data, int32_t code);

#endif
