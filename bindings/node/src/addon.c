/* The crossing between JavaScript and sidelite: few calls, each for many requests or events.
 *
 * Requests come in as records in one ArrayBuffer, with their SQL, names and values in another; events go out as records
 * in a third, each followed by the block of memory that its result is. What the fields are stands in lib/layout.js,
 * which a test compares with the structs here. JavaScript decodes the blocks: no call into the VM for a cell.
 *
 * Each environment (the main thread, a worker) has an instance of its own: a queue, whose wake function calls the
 * drain of that environment's loop. The hook that ends an environment frees the queue, after which nothing of it
 * runs. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sidelite.h"

enum {
  EVENTS_MAX = 256,      /* taken in one drain */
  APART_BYTES = 1 << 16, /* a result of so many bytes gets an ArrayBuffer of its own */
  FREE_MS = 10000        /* how long the end of an environment waits for a thread that does not answer */
};

typedef struct instance {
  napi_env env;
  sidelite_queue *queue;
  uv_async_t wake;
  napi_ref drain; /* the function of JavaScript's that is called when events wait */
  napi_async_context context;
  napi_async_cleanup_hook_handle end;
} instance;

/* A request, as JavaScript writes it. Offsets are from the start of the payload; 0 is none. */
typedef struct request_record {
  uint32_t kind; /* 0: cancelled before it was sent */
  uint32_t flags, timeout_ms, key;
  double conn, lane;
  uint32_t sql, sql_len, values, ncols, nrows, names, chunk_rows, window;
  double id;      /* out: the id, or the status that refused it */
  uint32_t group; /* of the first of an array that is one request, as an ATOMIC one: how many; 0 for others */
  uint32_t unused;
} request_record;

/* An event, as JavaScript reads it; a result that is not apart follows, at the next multiple of 8. */
typedef struct event_record {
  uint32_t key;
  int32_t code;
  uint32_t flags;
  uint32_t bytes; /* of the result, 0 without one */
  double id, conn;
  int64_t changes, last_insert_rowid;
  uint32_t apart;    /* the number of the ArrayBuffer that it is in, from 1; 0: it follows */
  uint32_t is_ascii; /* all its TEXT is */
} event_record;

static const char *out_of_memory = "sidelite: out of memory";

static void throw_status(napi_env env, int32_t status) {
  char code[16];
  snprintf(code, sizeof code, "%d", status);
  napi_throw_error(env, code, sidelite_status_string(status));
}

/* Up to six arguments of one call, and the instance. */
typedef struct call {
  napi_env env;
  instance *own;
  napi_value arguments[6];
} call;

static call call_of(napi_env env, napi_callback_info info) {
  size_t count = 6;
  call c;
  c.env = env;
  c.own = NULL;
  napi_get_cb_info(env, info, &count, c.arguments, NULL, NULL);
  napi_get_instance_data(env, (void **)&c.own);
  return c;
}

static double number_of(const call *c, int i) {
  double value = 0;
  napi_get_value_double(c->env, c->arguments[i], &value);
  return value;
}

static uint32_t uint32_of(const call *c, int i) {
  uint32_t value = 0;
  napi_get_value_uint32(c->env, c->arguments[i], &value);
  return value;
}

static sidelite_conn *conn_of(double handle) {
  return (sidelite_conn *)(uintptr_t)(handle >= 0 && handle < 9007199254740992.0 ? (uint64_t)handle : 0);
}

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

/* The memory of an ArrayBuffer argument; NULL with 0 bytes when it is none. */
static char *memory_of(const call *c, int i, size_t *bytes) {
  void *memory = NULL;
  *bytes = 0;
  if (napi_get_arraybuffer_info(c->env, c->arguments[i], &memory, bytes) != napi_ok) return NULL;
  return (char *)memory;
}

/* ---- Life of an environment ---- */

/* libuv's own handle and not a thread-safe function, which holds a lock while it wakes the loop: the loop runs into it,
 * and both threads take another turn. That cost half of the time of a lone request. */
static void on_wake(void *wake_data) { uv_async_send((uv_async_t *)wake_data); }

static void on_events(uv_async_t *wake) {
  instance *own = (instance *)wake->data;
  napi_handle_scope scope;
  napi_value drain, error;
  napi_open_handle_scope(own->env, &scope);
  napi_get_reference_value(own->env, own->drain, &drain);
  if (napi_make_callback(own->env, own->context, drain, drain, 0, NULL, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(own->env, &error) == napi_ok)
    napi_fatal_exception(own->env, error);
  napi_close_handle_scope(own->env, scope);
}

static void on_closed(uv_handle_t *wake) {
  instance *own = (instance *)wake->data;
  napi_remove_async_cleanup_hook(own->end);
  /* A thread that is busy still may wake us. */
  if (!own->queue) free(own);
}

/* Runs before the loop of the environment is torn down: connections are closed in CANCEL mode, and when it returns no
 * thread calls the wake function any more. */
static void on_environment_end(napi_async_cleanup_hook_handle end, void *data) {
  instance *own = (instance *)data;
  (void)end;
  if (sidelite_queue_free(own->queue, FREE_MS) >= 0) own->queue = NULL;
  uv_close((uv_handle_t *)&own->wake, on_closed);
}

static void make_context(instance *own, napi_value drain) {
  napi_value name;
  napi_create_string_utf8(own->env, "sidelite", NAPI_AUTO_LENGTH, &name);
  napi_async_init(own->env, drain, name, &own->context);
  napi_create_reference(own->env, drain, 1, &own->drain);
}

/* init(drain): begins the environment's instance; `drain` is called when events wait. */
static napi_value init(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  sidelite_queue_config config = {.struct_size = sizeof config, .wake = on_wake};
  uv_loop_t *loop;
  int32_t status;
  if (c.own) return NULL;
  c.own = (instance *)calloc(1, sizeof *c.own);
  if (!c.own) return napi_throw_error(env, NULL, out_of_memory), NULL;
  c.own->env = env;
  config.wake_data = &c.own->wake;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_async_init(loop, &c.own->wake, on_events)) {
    free(c.own);
    return napi_throw_error(env, NULL, "sidelite: the loop takes no handle"), NULL;
  }
  c.own->wake.data = c.own;
  uv_unref((uv_handle_t *)&c.own->wake);
  status = sidelite_queue_new(&config, &c.own->queue);
  make_context(c.own, c.arguments[0]);
  napi_add_async_cleanup_hook(env, on_environment_end, c.own, &c.own->end);
  if (status) return throw_status(env, status), NULL;
  napi_set_instance_data(env, c.own, NULL, NULL);
  return NULL;
}

/* keepAlive(isBusy): whether the loop waits for what is out. */
static napi_value keep_alive(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  bool is_busy = false;
  napi_get_value_bool(env, c.arguments[0], &is_busy);
  if (is_busy) uv_ref((uv_handle_t *)&c.own->wake);
  else uv_unref((uv_handle_t *)&c.own->wake);
  return NULL;
}

/* ---- Submitting ---- */

static int is_inside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

/* Turns offsets into pointers, in place. False when they lead out of the payload. */
static int place_values(const request_record *r, char *payload, uint64_t size) {
  uint64_t count = (uint64_t)r->ncols * (r->nrows ? r->nrows : 1);
  sidelite_value *value = (sidelite_value *)(void *)(payload + r->values);
  if (r->values % 8 || !is_inside(r->values, count * sizeof *value, size)) return 0;
  for (; count--; value++) {
    if (value->type != SIDELITE_TEXT && value->type != SIDELITE_BLOB) continue;
    if (!is_inside(value->as.offset, value->len, size)) return 0;
    value->as.data = payload + value->as.offset;
  }
  return 1;
}

static int place_names(const request_record *r, char *payload, uint64_t size) {
  uint64_t *name = (uint64_t *)(void *)(payload + r->names);
  if (r->names % 8 || !is_inside(r->names, r->ncols * sizeof *name, size)) return 0;
  for (uint32_t i = 0; i < r->ncols; i++, name++) {
    if (*name >= size || !memchr(payload + *name, 0, size - *name)) return 0;
    const char *text = payload + *name;
    memcpy(name, &text, sizeof text);
  }
  return 1;
}

static int place(const request_record *r, char *payload, uint64_t size, sidelite_request *out) {
  *out = (sidelite_request){.struct_size = sizeof *out, .kind = r->kind, .flags = r->flags};
  if (!is_inside(r->sql, r->sql_len, size)) return 0;
  if (r->ncols && !place_values(r, payload, size)) return 0;
  if (r->names && !place_names(r, payload, size)) return 0;
  out->timeout_ms = r->timeout_ms;
  out->sql = r->sql ? payload + r->sql : NULL;
  out->sql_len = r->sql_len;
  out->values = r->ncols ? (const sidelite_value *)(const void *)(payload + r->values) : NULL;
  out->ncols = r->ncols;
  out->nrows = r->nrows;
  out->names = r->names ? (const char *const *)(const void *)(payload + r->names) : NULL;
  out->user_data = (void *)(uintptr_t)r->key;
  out->lane = (int64_t)r->lane;
  out->chunk_rows = r->chunk_rows;
  out->window = r->window;
  return 1;
}

/* How many records, from the first, are submitted as one array: what JavaScript has said, or all that follow of the
 * same connection. One that was cancelled stands alone. */
static uint32_t array_of(const request_record *records, uint32_t n) {
  uint32_t count = 1;
  if (records->group) return records->group < n ? records->group : n;
  if (!records->kind) return 1;
  while (count < n && records[count].kind && !records[count].group && records[count].conn == records->conn) count++;
  return count;
}

static uint32_t submit_array(request_record *records, const sidelite_request *requests, uint32_t n) {
  int64_t id = records->kind ? sidelite_submit(conn_of(records->conn), requests, n) : SIDELITE_ERR_CANCELLED;
  for (uint32_t i = 0; i < n; i++) records[i].id = (double)(id > 0 ? id + i : id);
  return id > 0 ? n : 0;
}

/* What was only gathered into one array is not refused for its neighbours: it is tried again one by one. */
static uint32_t submit_records(request_record *records, const sidelite_request *requests, uint32_t n) {
  uint32_t taken = submit_array(records, requests, n);
  if (taken || n == 1 || records->group) return taken;
  for (uint32_t i = 0; i < n; i++) taken += submit_array(&records[i], &requests[i], 1);
  return taken;
}

/* submit(records, n, payload): writes into each record its id or why it was refused; returns how many were taken. */
static napi_value submit(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  size_t records_bytes, size;
  request_record *records = (request_record *)(void *)memory_of(&c, 0, &records_bytes);
  uint32_t n = uint32_of(&c, 1), taken = 0;
  char *payload = memory_of(&c, 2, &size);
  sidelite_request *requests;
  if (!records || !payload || n > records_bytes / sizeof *records) return throw_status(env, SIDELITE_ERR_MISUSE), NULL;
  requests = (sidelite_request *)malloc((n ? n : 1) * sizeof *requests);
  if (!requests) {
    for (uint32_t i = 0; i < n; i++) records[i].id = SIDELITE_ERR_NO_MEMORY;
    return number(env, 0);
  }
  for (uint32_t i = 0; i < n; i++)
    /* What the layout does not allow is sent as a request of no kind, which is refused. */
    if (!place(&records[i], payload, size, &requests[i]))
      requests[i] = (sidelite_request){.struct_size = sizeof *requests};
  for (uint32_t i = 0, array; i < n; i += array) {
    array = array_of(&records[i], n - i);
    taken += submit_records(&records[i], &requests[i], array);
  }
  free(requests);
  return number(env, taken);
}

/* ---- Draining ---- */

static int is_ascii(const sidelite_result *result) {
  const char *base = (const char *)result;
  const sidelite_value *value = (const sidelite_value *)(const void *)(base + result->values);
  uint64_t bits = 0;
  for (uint64_t left = (uint64_t)result->nrows * result->ncols; left--; value++) {
    if (value->type != SIDELITE_TEXT) continue;
    const char *text = base + value->as.offset;
    uint32_t i = 0;
    for (uint64_t eight; i + 8 <= value->len; i += 8, bits |= eight) memcpy(&eight, text + i, 8);
    for (; i < value->len; i++) bits |= (unsigned char)text[i];
  }
  return !(bits & 0x8080808080808080u);
}

/* Copies a result into an ArrayBuffer of its own, the `number`th of `apart`. False without memory. */
static int put_apart(call *c, const sidelite_result *result, uint32_t number) {
  napi_value buffer;
  void *memory;
  if (napi_create_arraybuffer(c->env, result->bytes, &memory, &buffer) != napi_ok || !memory) return 0;
  memcpy(memory, result, result->bytes);
  return napi_set_element(c->env, c->arguments[1], number - 1, buffer) == napi_ok;
}

typedef struct output {
  char *memory;
  size_t used, size;
  uint32_t apart;
} output;

static void put_event(call *c, output *o, const sidelite_event *event) {
  const sidelite_result *result = event->result;
  event_record *record = (event_record *)(void *)(o->memory + o->used);
  *record = (event_record){.key = (uint32_t)(uintptr_t)event->user_data,
                           .code = event->code,
                           .flags = event->flags,
                           .id = (double)event->id,
                           .conn = (double)(uintptr_t)event->conn,
                           .changes = event->changes,
                           .last_insert_rowid = event->last_insert_rowid};
  o->used += sizeof *record;
  if (!result) return;
  record->is_ascii = (uint32_t)is_ascii(result);
  record->bytes = result->bytes < UINT32_MAX ? (uint32_t)result->bytes : UINT32_MAX;
  /* Room for the records of all the events that may follow is not given away. */
  if (result->bytes < APART_BYTES && o->used + result->bytes + EVENTS_MAX * sizeof *record <= o->size) {
    memcpy(o->memory + o->used, result, result->bytes);
    o->used += (result->bytes + 7) / 8 * 8;
  } else if (put_apart(c, result, o->apart + 1)) {
    record->apart = ++o->apart;
  } else {
    bool ignored;
    napi_value thrown;
    if (napi_is_exception_pending(c->env, &ignored) == napi_ok && ignored)
      napi_get_and_clear_last_exception(c->env, &thrown);
    record->bytes = 0;
    record->code = SIDELITE_ERR_NO_MEMORY;
  }
}

/* drain(buffer, apart, isLooking): writes events and results into `buffer`, large results into ArrayBuffers of the array
 * `apart`, and returns how many events. What is left calls the wake function again. With `isLooking` it may wait a few
 * microseconds for the first. */
static napi_value drain(napi_env env, napi_callback_info info) {
  sidelite_event events[EVENTS_MAX];
  call c = call_of(env, info);
  output o = {0};
  bool is_looking = false;
  int32_t n;
  o.memory = memory_of(&c, 0, &o.size);
  if (!o.memory || o.size < 2 * EVENTS_MAX * sizeof(event_record)) return throw_status(env, SIDELITE_ERR_MISUSE), NULL;
  napi_get_value_bool(env, c.arguments[2], &is_looking);
  n = is_looking ? sidelite_look(c.own->queue, events, EVENTS_MAX) : sidelite_poll(c.own->queue, events, EVENTS_MAX, 0);
  if (n < 0) return throw_status(env, n), NULL;
  for (int32_t i = 0; i < n; i++) put_event(&c, &o, &events[i]);
  /* Gives the memory of the results back, of which all is copied. */
  if (n) sidelite_poll(c.own->queue, NULL, 0, 0);
  return number(env, n);
}

/* ---- Connections ---- */

/* Reads a property of an options object; false when it is undefined. */
static int has(const call *c, int object, const char *name, napi_value *value) {
  napi_valuetype type = napi_undefined;
  return napi_get_named_property(c->env, c->arguments[object], name, value) == napi_ok &&
         napi_typeof(c->env, *value, &type) == napi_ok && type != napi_undefined;
}

static double option(const call *c, int object, const char *name, double otherwise) {
  napi_value value;
  double number = otherwise;
  if (has(c, object, name, &value)) napi_get_value_double(c->env, value, &number);
  return number;
}

/* A string in memory of its own, NUL-terminated; NULL when it is none, or holds a NUL. */
static char *string_of(napi_env env, napi_value value) {
  size_t bytes = 0;
  char *text;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &bytes) != napi_ok) return NULL;
  text = (char *)malloc(bytes + 1);
  if (!text) return NULL;
  napi_get_value_string_utf8(env, value, text, bytes + 1, &bytes);
  if (strlen(text) == bytes) return text;
  free(text);
  return NULL;
}

static void free_strings(char **strings, uint32_t n) {
  for (uint32_t i = 0; strings && i < n; i++) free(strings[i]);
  free(strings);
}

/* An array of strings; NULL when it is none. */
static char **strings_of(napi_env env, napi_value array, uint32_t *n) {
  char **strings;
  *n = 0;
  if (napi_get_array_length(env, array, n) != napi_ok) return NULL;
  strings = (char **)calloc(*n + 1, sizeof *strings);
  for (uint32_t i = 0; strings && i < *n; i++) {
    napi_value value;
    napi_get_element(env, array, i, &value);
    strings[i] = string_of(env, value);
    if (strings[i]) continue;
    free_strings(strings, *n);
    return NULL;
  }
  return strings;
}

/* open(path, options, key): returns the handle, or a negative status; OPENED comes with `key`. */
static napi_value open_connection(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  sidelite_open_config config = {.struct_size = sizeof config};
  char *path = string_of(env, c.arguments[0]), *vfs = NULL, **pragmas = NULL;
  sidelite_conn *conn = NULL;
  int32_t status = SIDELITE_ERR_MISUSE;
  napi_value value;
  config.flags = (uint32_t)option(&c, 1, "flags", 0);
  config.busy_timeout_ms = (int32_t)option(&c, 1, "busyTimeout", 0);
  config.statement_cache = (uint32_t)option(&c, 1, "statementCache", 0);
  config.max_requests = (uint32_t)option(&c, 1, "maxRequests", 0);
  config.max_bytes = (uint64_t)option(&c, 1, "maxBytes", 0);
  config.max_result_bytes = (uint64_t)option(&c, 1, "maxResultBytes", 0);
  config.journal_mode = (uint32_t)option(&c, 1, "journalMode", 0);
  config.synchronous = (uint32_t)option(&c, 1, "synchronous", 0);
  config.isolation = (uint32_t)option(&c, 1, "isolation", 0);
  if (has(&c, 1, "vfs", &value)) config.vfs = vfs = string_of(env, value);
  if (has(&c, 1, "pragmas", &value)) pragmas = strings_of(env, value, &config.pragma_count);
  config.pragmas = (const char *const *)pragmas;
  if (path && (vfs || !has(&c, 1, "vfs", &value)) && (pragmas || !has(&c, 1, "pragmas", &value)))
    status = sidelite_open(c.own->queue, path, &config, NULL, (void *)(uintptr_t)uint32_of(&c, 2), &conn);
  free(path);
  free(vfs);
  free_strings(pragmas, config.pragma_count);
  return number(env, status ? status : (double)(uintptr_t)conn);
}

/* close(conn, mode, key): a status; CLOSED comes with `key`. */
static napi_value close_connection(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  void *key = (void *)(uintptr_t)uint32_of(&c, 2);
  int32_t status = sidelite_close(conn_of(number_of(&c, 0)), uint32_of(&c, 1), NULL, key);
  return number(env, status);
}

/* cancel(conn, id), withdraw(conn, id), more(conn, id, chunks): a status. */
static napi_value cancel(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  return number(env, sidelite_cancel(conn_of(number_of(&c, 0)), (int64_t)number_of(&c, 1)));
}

static napi_value withdraw(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  return number(env, sidelite_withdraw(conn_of(number_of(&c, 0)), (int64_t)number_of(&c, 1)));
}

static napi_value more(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  return number(env, sidelite_more(conn_of(number_of(&c, 0)), (int64_t)number_of(&c, 1), uint32_of(&c, 2)));
}

/* createFunction(conn, config, key): its request's id, or a negative status. A HOST function: calls come with `key`. */
static napi_value create_function(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  sidelite_function_config config = {.struct_size = sizeof config};
  char *name = NULL;
  int64_t id = SIDELITE_ERR_MISUSE;
  napi_value value;
  config.kind = (uint32_t)option(&c, 1, "kind", 0);
  config.flags = (uint32_t)option(&c, 1, "flags", 0);
  config.n_args = (int32_t)option(&c, 1, "nArgs", -1);
  config.batch_rows = (uint32_t)option(&c, 1, "batchRows", 0);
  config.reply_timeout_ms = (uint32_t)option(&c, 1, "replyTimeout", 0);
  if (has(&c, 1, "name", &value)) config.name = name = string_of(env, value);
  if (name || !has(&c, 1, "name", &value))
    id = sidelite_create_function(conn_of(number_of(&c, 0)), &config, NULL, (void *)(uintptr_t)uint32_of(&c, 2));
  free(name);
  return number(env, (double)id);
}

/* reply(conn, call, payload, offset, code): answers a call with the value at `offset` of the payload. A status. */
static napi_value reply(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  size_t size;
  char *payload = memory_of(&c, 2, &size);
  request_record one = {.values = uint32_of(&c, 3), .ncols = 1};
  int32_t code = 0;
  napi_get_value_int32(env, c.arguments[4], &code);
  if (!payload || !place_values(&one, payload, size)) return number(env, SIDELITE_ERR_MISUSE);
  return number(env, sidelite_reply(conn_of(number_of(&c, 0)), (int64_t)number_of(&c, 1),
                                    (const sidelite_value *)(const void *)(payload + one.values), code));
}

/* statistics(conn or 0 for the queue): an object with the numbers of sidelite_stats. */
static napi_value statistics(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  double conn = number_of(&c, 0);
  sidelite_stats stats = {.struct_size = sizeof stats};
  int32_t status = sidelite_stat(conn ? (const void *)conn_of(conn) : (const void *)c.own->queue, &stats);
  const struct { const char *name; double value; } numbers[] = {
      {"outstanding", stats.outstanding},        {"bytes", (double)stats.bytes},
      {"submitted", (double)stats.submitted},    {"completed", (double)stats.completed},
      {"cacheHits", (double)stats.cache_hits},   {"cacheMisses", (double)stats.cache_misses},
      {"events", (double)stats.events},          {"wakes", (double)stats.wakes},
      {"polls", (double)stats.polls},            {"totalChanges", (double)stats.total_changes},
  };
  napi_value object;
  if (status) return throw_status(env, status), NULL;
  napi_create_object(env, &object);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    napi_set_named_property(env, object, numbers[i].name, number(env, numbers[i].value));
  return object;
}

/* statusString(code): the text of a code. */
static napi_value status_string(napi_env env, napi_callback_info info) {
  call c = call_of(env, info);
  napi_value text = NULL;
  int32_t code = 0;
  napi_get_value_int32(env, c.arguments[0], &code);
  napi_create_string_utf8(env, sidelite_status_string(code), NAPI_AUTO_LENGTH, &text);
  return text;
}

/* sqlite3_sourceid() stands at this place in the table of functions that extensions get, whose order never changes. */
enum { SOURCE_ID = 169 };

static const char *source_id(void) {
  const char *(*function)(void) = NULL;
  const char *table = (const char *)sidelite_sqlite_api();
  if (table) memcpy(&function, table + SOURCE_ID * sizeof function, sizeof function);
  return function ? function() : "";
}

static void export_text(napi_env env, napi_value exports, const char *name, const char *text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback function; } functions[] = {
      {"init", init}, {"keepAlive", keep_alive}, {"submit", submit}, {"drain", drain}, {"open", open_connection},
      {"close", close_connection}, {"cancel", cancel}, {"withdraw", withdraw}, {"more", more},
      {"createFunction", create_function}, {"reply", reply}, {"statistics", statistics}, {"statusString", status_string}};
  if (sidelite_abi_version() != SIDELITE_ABI_VERSION) {
    napi_throw_error(env, NULL, "sidelite: the library is of another version than this addon; build it again");
    return NULL;
  }
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  export_text(env, exports, "version", sidelite_version());
  export_text(env, exports, "sqliteVersion", sidelite_sqlite_version());
  export_text(env, exports, "sourceId", source_id());
  return exports;
}
