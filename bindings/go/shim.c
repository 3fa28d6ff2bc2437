#include "shim.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
  NUMBERS_MAX = 1 << 16, /* linksMax of watch.go */
  FEW = 32,              /* so many values, and requests, need no memory of their own */
  ROUNDS_WITHOUT_YIELD = 3,
  LOOK_NS = 50000,  /* how long a look takes at most, while nobody else wants the CPU */
  LONG_NS = 200000  /* where others do, a yield gives it away for milliseconds */
};

struct sl_queue {
  sidelite_queue *queue;
  uint32_t number;
  atomic_uint looking;  /* somebody looks, and need not be woken */
  atomic_uint withheld; /* wakes that were not made for that reason */
};

/* ---- Waking ----
 *
 * One descriptor serves all queues: a bit says which of them has events. */

static int descriptor = -1;
static _Atomic uint64_t ready[NUMBERS_MAX / 64];
static atomic_uint words; /* of `ready` that were ever used */

/* Returns the descriptor to wait for, or -1 with errno. There are no queues: what is announced of former ones, to a
 * descriptor that is gone, would keep theirs from being announced. */
int sl_watch_begin(void) {
  for (uint32_t word = 0, used = atomic_load(&words); word < used; word++) atomic_store(&ready[word], 0);
  return descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* No queue is left that could be woken. The descriptor itself belongs to Go. */
void sl_watch_end(void) { descriptor = -1; }

static void announce(uint32_t number) {
  uint64_t bit = (uint64_t)1 << number % 64, one = 1;
  if (atomic_fetch_or(&ready[number / 64], bit) & bit) return;
  /* It fails only when it is full, and so readable. */
  if (write(descriptor, &one, sizeof one) < 0) return;
}

/* Takes the numbers of queues that were announced. */
uint32_t sl_take_ready(uint32_t *numbers, uint32_t capacity) {
  uint32_t n = 0, used = atomic_load(&words);
  for (uint32_t word = 0; word < used; word++)
    while (n < capacity && atomic_load(&ready[word])) {
      uint32_t bit = (uint32_t)__builtin_ctzll(atomic_load(&ready[word]));
      atomic_fetch_and(&ready[word], ~((uint64_t)1 << bit));
      numbers[n++] = word * 64 + bit;
    }
  return n;
}

/* Waking a thread costs more than most requests take. Who looks anyway is not woken; if it leaves at the same moment,
 * it finds the wake counted, or the wake finds that it has left. */
static void on_wake(void *data) {
  sl_queue *queue = (sl_queue *)data;
  if (atomic_load(&queue->looking)) {
    atomic_fetch_add(&queue->withheld, 1);
    if (atomic_load(&queue->looking)) return;
  }
  announce(queue->number);
}

static void pause_for(uint32_t times) {
  for (; times; times--) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
  }
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Takes what there is; if it is nothing, looks for a while. */
void sl_look_at(sl_queue *queue, sl_look *look, sidelite_event *events, uint32_t capacity) {
  uint32_t seen, round = 0;
  uint64_t began = 0, took = 0;
  atomic_store(&queue->looking, 1);
  for (;;) {
    seen = atomic_load(&queue->withheld);
    look->taken = sidelite_poll(queue->queue, events, capacity, 0);
    if (began) took = now_ns() - began;
    if (look->taken || round >= look->rounds || took > LOOK_NS) break;
    pause_for(1u << (round < ROUNDS_WITHOUT_YIELD ? round : ROUNDS_WITHOUT_YIELD - 1));
    if (round++ < ROUNDS_WITHOUT_YIELD) continue;
    if (!began) began = now_ns();
    sched_yield();
  }
  atomic_store(&queue->looking, 0);
  look->missed = atomic_load(&queue->withheld) != seen;
  look->is_long = took > LONG_NS;
}

/* Gives the memory of the results back, of which all that was wanted is copied. */
void sl_let_go(sl_queue *queue) { sidelite_poll(queue->queue, NULL, 0, 0); }

/* ---- Life ---- */

int32_t sl_queue_new(uint32_t number, sl_queue **out) {
  sidelite_queue_config config = {.struct_size = sizeof config, .wake = on_wake};
  sl_queue *queue = (sl_queue *)calloc(1, sizeof *queue);
  int32_t status;
  if (!queue) return SIDELITE_ERR_NO_MEMORY;
  queue->number = number;
  config.wake_data = queue;
  for (uint32_t used = atomic_load(&words); used <= number / 64;)
    if (atomic_compare_exchange_weak(&words, &used, number / 64 + 1)) break;
  status = sidelite_queue_new(&config, &queue->queue);
  if (status) free(queue);
  else *out = queue;
  return status;
}

/* Its connection is closed: this waits for a thread that is at its end. */
void sl_queue_free(sl_queue *queue) {
  sidelite_queue_free(queue->queue, -1);
  free(queue);
}

static sidelite_conn *conn_of(uint64_t handle) { return (sidelite_conn *)(uintptr_t)handle; }

static void *key_of(uint64_t key) { return (void *)(uintptr_t)key; }

/* Copies a value, with a pointer in place of its offset. */
static sidelite_value placed(sidelite_value value, const char *data) {
  if (value.type == SIDELITE_TEXT || value.type == SIDELITE_BLOB)
    value.as.data = value.len ? data + value.as.offset : NULL;
  return value;
}

/* Returns the handle, or a negative status. */
int64_t sl_open(sl_queue *queue, const sl_open_record *r, const char *path, const char *data,
                const sidelite_value *pragmas, const sidelite_value *rules) {
  sidelite_open_config config = {.struct_size = sizeof config,
                                 .flags = r->flags,
                                 .vfs = r->has_vfs ? data + r->vfs : NULL,
                                 .busy_timeout_ms = r->busy_timeout_ms,
                                 .statement_cache = r->statement_cache,
                                 .max_requests = r->max_requests,
                                 .journal_mode = r->journal_mode,
                                 .max_bytes = r->max_bytes,
                                 .max_result_bytes = r->max_result_bytes,
                                 .synchronous = r->synchronous,
                                 .pragma_count = r->pragma_count,
                                 .isolation = r->isolation,
                                 .authorizer_rules = r->rules};
  const char **texts = (const char **)calloc(r->pragma_count + 1, sizeof *texts);
  sidelite_value *values = (sidelite_value *)calloc((size_t)r->rules * 6 + 1, sizeof *values);
  sidelite_conn *conn = NULL;
  int32_t status = SIDELITE_ERR_NO_MEMORY;
  if (texts && values) {
    for (uint32_t i = 0; i < r->pragma_count; i++) texts[i] = data + pragmas[i].as.offset;
    for (uint32_t i = 0; i < r->rules * 6; i++) values[i] = placed(rules[i], data);
    config.pragmas = texts;
    config.authorizer = r->rules ? values : NULL;
    status = sidelite_open(queue->queue, path, &config, NULL, key_of(r->key), &conn);
  }
  free(texts);
  free(values);
  return status ? status : (int64_t)(uintptr_t)conn;
}

int32_t sl_close(uint64_t conn, uint32_t mode, uint64_t key) {
  return sidelite_close(conn_of(conn), mode, NULL, key_of(key));
}

/* ---- Requests ---- */

/* What becomes of records: requests, and behind them what they point to. */
typedef struct parts {
  sidelite_request *requests;
  sidelite_value *values;
  const char **names;
} parts;

static void place(const parts *p, const sl_record *records, uint32_t n, const sidelite_value *values, uint32_t n_values,
                  const char *data) {
  for (uint32_t i = 0; i < n_values; i++) p->values[i] = placed(values[i], data);
  for (uint32_t i = 0; i < n; i++) {
    const sl_record *r = &records[i];
    if (r->has_names)
      for (uint32_t k = r->names; k < r->names + r->ncols; k++) p->names[k] = data + values[k].as.offset;
    p->requests[i] = (sidelite_request){.struct_size = sizeof(sidelite_request),
                                        .kind = r->kind,
                                        .flags = r->flags,
                                        .timeout_ms = r->timeout_ms,
                                        .sql = r->has_sql ? data + r->sql : NULL,
                                        .sql_len = r->sql_len,
                                        .values = r->ncols ? p->values + r->values : NULL,
                                        .ncols = r->ncols,
                                        .nrows = r->nrows,
                                        .names = r->has_names ? p->names + r->names : NULL,
                                        .user_data = key_of(r->key),
                                        .lane = r->lane,
                                        .chunk_rows = r->chunk_rows,
                                        .window = r->window};
  }
}

static int64_t submit_few(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values,
                          uint32_t n_values, const char *data) {
  sidelite_request requests[FEW];
  sidelite_value placed_values[FEW];
  const char *names[FEW];
  parts p = {requests, placed_values, names};
  place(&p, records, n, values, n_values, data);
  return sidelite_submit(conn_of(conn), requests, n);
}

static int64_t submit_many(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values,
                           uint32_t n_values, const char *data) {
  parts p = {(sidelite_request *)malloc(n * sizeof *p.requests),
             (sidelite_value *)malloc((n_values + 1) * sizeof *p.values),
             (const char **)malloc((n_values + 1) * sizeof *p.names)};
  int64_t id = SIDELITE_ERR_NO_MEMORY;
  if (p.requests && p.values && p.names) {
    place(&p, records, n, values, n_values, data);
    id = sidelite_submit(conn_of(conn), p.requests, n);
  }
  free(p.requests);
  free(p.values);
  free(p.names);
  return id;
}

/* Submits records as one array. Returns the id of the first, or why none was taken. */
int64_t sl_submit(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values, uint32_t n_values,
                  const char *data) {
  if (n <= FEW && n_values <= FEW) return submit_few(conn, records, n, values, n_values, data);
  return submit_many(conn, records, n, values, n_values, data);
}

int64_t sl_submit_and_look(uint64_t conn, const sl_record *records, uint32_t n, const sidelite_value *values,
                           uint32_t n_values, const char *data, sl_queue *queue, sl_look *look, sidelite_event *events,
                           uint32_t capacity) {
  int64_t id = sl_submit(conn, records, n, values, n_values, data);
  if (id > 0) sl_look_at(queue, look, events, capacity);
  return id;
}

int32_t sl_more(uint64_t conn, int64_t id, uint32_t chunks) { return sidelite_more(conn_of(conn), id, chunks); }

int32_t sl_more_and_look(uint64_t conn, int64_t id, uint32_t chunks, sl_queue *queue, sl_look *look,
                         sidelite_event *events, uint32_t capacity) {
  int32_t status = sl_more(conn, id, chunks);
  sl_look_at(queue, look, events, capacity);
  return status;
}

int32_t sl_cancel(uint64_t conn, int64_t id) { return sidelite_cancel(conn_of(conn), id); }

int32_t sl_withdraw(uint64_t conn, int64_t id) { return sidelite_withdraw(conn_of(conn), id); }

int32_t sl_stat(uint64_t conn, sidelite_stats *out) {
  out->struct_size = sizeof *out;
  return sidelite_stat(conn_of(conn), out);
}

/* ---- Functions ---- */

int64_t sl_create_function(uint64_t conn, const sl_function_record *r, const char *name) {
  sidelite_function_config config = {.struct_size = sizeof config,
                                     .kind = r->kind,
                                     .flags = r->flags,
                                     .n_args = r->n_args,
                                     .name = r->has_name ? name : NULL,
                                     .batch_rows = r->batch_rows,
                                     .reply_timeout_ms = r->reply_timeout_ms};
  return sidelite_create_function(conn_of(conn), &config, NULL, key_of(r->key));
}

int32_t sl_reply(uint64_t conn, int64_t call, const sidelite_value *value, const char *data, int32_t code) {
  sidelite_value answer = placed(*value, data);
  return sidelite_reply(conn_of(conn), call, &answer, code);
}
