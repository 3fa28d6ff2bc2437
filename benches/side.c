/* The workloads over sidelite's public header: one host thread, results read directly from their block. */
#include "bench.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "sidelite.h"

enum { EVENTS = 256, DEPTH = 64, BULK_ROWS = 1000, BULK_DEPTH = 8, ARRAY = 32, CONN_DEPTH = 16, BLOB_DEPTH = 4 };

/* A host: its queue, and the connection that the workloads use. */
typedef struct host {
  sidelite_queue *queue;
  sidelite_conn *conn;
  int epoll; /* holds the queue's descriptor; -1 for a host that waits in sidelite_poll */
} host;

/* The requests of one connection, and the order in which they must come back. */
typedef struct flow {
  const task *task;
  sidelite_conn *conn;
  uint32_t first; /* where this connection begins among the reads */
  uint32_t submitted, completed;
  int64_t ids[DEPTH];
} flow;

/* Submits requests for the operations from `index` on, as many as the workload has in one submit, and returns the
 * first one's id. */
typedef int64_t (*submit_function)(flow *f, uint32_t index);

/* How a workload is driven. */
typedef struct pace {
  submit_function submit;
  uint32_t requests; /* to send on each connection */
  uint32_t depth;    /* requests out on each connection */
  uint32_t array;    /* requests in one submit */
} pace;

static uint64_t walk(const sidelite_result *result) {
  const char *base = (const char *)result;
  const sidelite_value *value, *end;
  uint64_t checksum = 0;
  if (!result) return 0;
  value = (const sidelite_value *)(const void *)(base + result->values);
  end = value + (size_t)result->nrows * result->ncols;
  for (; value < end; value++) {
    switch (value->type) {
      case SIDELITE_INTEGER: checksum += (uint64_t)value->as.integer; break;
      case SIDELITE_REAL: checksum += (uint64_t)value->as.real; break;
      default: checksum += bytes_checksum(base + value->as.offset, value->len);
    }
  }
  return checksum;
}

static uint32_t take(const host *h, sidelite_event *events) {
  struct epoll_event ready;
  int32_t n;
  if (h->epoll >= 0) CHECK(epoll_wait(h->epoll, &ready, 1, -1) == 1);
  n = sidelite_poll(h->queue, events, EVENTS, h->epoll >= 0 ? 0 : -1);
  CHECK(n >= 0);
  return (uint32_t)n;
}

static void check_ok(const sidelite_event *event) {
  if (event->code == SIDELITE_OK) return;
  fprintf(stderr, "%s\n", sidelite_event_message(event));
  exit(1);
}

/* Waits for one final event that must come alone: with CLOSED, OPENED or a request's own. */
static int64_t await(const host *h) {
  sidelite_event event;
  CHECK(sidelite_poll(h->queue, &event, 1, -1) == 1);
  check_ok(&event);
  CHECK(!(event.flags & SIDELITE_EVENT_MORE));
  return sidelite_row_int64(event.result, 0, 0);
}

static void refill(flow *f, const pace *p) {
  while (f->submitted < p->requests && f->submitted + p->array - f->completed <= p->depth) {
    int64_t id = p->submit(f, f->submitted);
    CHECK(id > 0);
    for (uint32_t i = 0; i < p->array; i++) f->ids[f->submitted++ % DEPTH] = id + i;
  }
}

/* Each request has one final event, in the order of submission. */
static void complete(flow *f, const sidelite_event *event) {
  check_ok(event);
  CHECK(!(event->flags & SIDELITE_EVENT_MORE));
  CHECK(f->completed < f->submitted && event->id == f->ids[f->completed % DEPTH]);
  f->completed++;
}

/* Drives the flows until every request has come back. With `each`, the time from submit to completion of every one,
 * for a depth of one. */
static uint64_t pump(const host *h, flow *flows, uint32_t nflows, const pace *p, double *each) {
  sidelite_event events[EVENTS];
  uint64_t checksum = 0;
  uint32_t out = nflows * p->requests;
  double start = each ? now_us() : 0;
  for (uint32_t i = 0; i < nflows; i++) refill(&flows[i], p);
  while (out) {
    uint32_t n = take(h, events);
    for (uint32_t i = 0; i < n; i++) {
      flow *f = events[i].user_data;
      complete(f, &events[i]);
      checksum += walk(events[i].result);
      if (each) {
        double now = now_us();
        *each++ = now - start;
        start = now;
      }
      refill(f, p);
    }
    out -= n;
  }
  CHECK(sidelite_poll(h->queue, events, EVENTS, 0) == 0);
  return checksum;
}

static sidelite_conn *conn_open(const host *h, const char *path) {
  static const char *const pragmas[] = {"cache_size=-2000"};
  sidelite_open_config config;
  sidelite_conn *conn;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.pragmas = pragmas;
  config.pragma_count = 1;
  if (strcmp(path, ":memory:")) {
    config.journal_mode = SIDELITE_JOURNAL_WAL;
    config.synchronous = SIDELITE_SYNC_NORMAL;
  }
  CHECK(sidelite_open(h->queue, path, &config, NULL, NULL, &conn) == SIDELITE_OK);
  await(h);
  return conn;
}

static void conn_close(const host *h, sidelite_conn *conn) {
  CHECK(sidelite_close(conn, SIDELITE_CLOSE_DRAIN, NULL, NULL) == SIDELITE_OK);
  await(h);
}

static void *side_open(const char *path) {
  host *h = calloc(1, sizeof *h);
  CHECK(h && sidelite_queue_new(NULL, &h->queue) == SIDELITE_OK);
  h->epoll = -1;
  h->conn = conn_open(h, path);
  return h;
}

static void side_close(void *db) {
  host *h = db;
  conn_close(h, h->conn);
  CHECK(sidelite_queue_free(h->queue, -1) == 0);
  if (h->epoll >= 0) close(h->epoll);
  free(h);
}

static void side_script(void *db, const char *sql) {
  host *h = db;
  CHECK(sidelite_script(h->conn, sql, NULL, NULL) > 0);
  await(h);
}

static int64_t side_integer(void *db, const char *sql) {
  host *h = db;
  CHECK(sidelite_fetch(h->conn, sql, NULL, 0, NULL, NULL) > 0);
  return await(h);
}

/* From here on this host waits on the descriptor, as an event loop does. */
static void wait_on_fd(host *h) {
  struct epoll_event interest = {.events = EPOLLIN};
  int64_t fd = sidelite_queue_fd(h->queue);
  if (h->epoll >= 0) return;
  h->epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(fd >= 0 && h->epoll >= 0);
  CHECK(!epoll_ctl(h->epoll, EPOLL_CTL_ADD, (int)fd, &interest));
}

static uint64_t wakes(const host *h) {
  sidelite_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK(sidelite_stat(h->queue, &stats) == SIDELITE_OK);
  return stats.wakes;
}

/* One connection, many requests out: the mean time of an operation. */
static sample run_many(host *h, const task *task, const pace *p) {
  flow f = {.task = task, .conn = h->conn};
  sample s;
  uint64_t wakes_before = wakes(h);
  double start = now_us();
  s.checksum = pump(h, &f, 1, p, NULL);
  s.us = (now_us() - start) / task->count;
  s.wakes = (double)(wakes(h) - wakes_before) / task->count;
  return s;
}

/* One connection, one request out: the median time of an operation. */
static sample run_each(host *h, const task *task, submit_function submit) {
  flow f = {.task = task, .conn = h->conn};
  pace p = {submit, task->count, 1, 1};
  double *each = malloc(task->count * sizeof *each);
  sample s;
  uint64_t wakes_before = wakes(h);
  CHECK(each);
  s.checksum = pump(h, &f, 1, &p, each);
  s.us = median(each, task->count);
  s.wakes = (double)(wakes(h) - wakes_before) / task->count;
  free(each);
  return s;
}

/* As run_many, in one transaction. */
static sample run_transaction(host *h, const task *task, const pace *p) {
  double start = now_us();
  sample s;
  side_script(h, "BEGIN");
  s = run_many(h, task, p);
  side_script(h, "COMMIT");
  s.us = (now_us() - start) / task->count;
  return s;
}

static sidelite_request request_new(uint32_t kind, const char *sql, flow *f) {
  sidelite_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.kind = kind;
  request.sql = sql;
  request.sql_len = SIDELITE_NUL_TERMINATED;
  request.user_data = f;
  return request;
}

static void fill_row(sidelite_value *row, uint32_t index) {
  record r = record_at(index);
  row[0] = sidelite_int(r.id);
  row[1] = sidelite_text_n(r.name, NAME_BYTES);
  row[2] = sidelite_real(r.score);
  row[3] = sidelite_blob(r.payload, PAYLOAD_BYTES);
}

static int64_t submit_bulk(flow *f, uint32_t index) {
  sidelite_request request = request_new(SIDELITE_EXECUTE, SQL_INSERT, f);
  sidelite_value values[BULK_ROWS * 4];
  for (uint32_t i = 0; i < BULK_ROWS; i++) fill_row(values + i * 4, index * BULK_ROWS + i);
  request.values = values;
  request.ncols = 4;
  request.nrows = BULK_ROWS;
  return sidelite_submit(f->conn, &request, 1);
}

static int64_t submit_insert(flow *f, uint32_t index) {
  sidelite_value row[4];
  fill_row(row, index);
  return sidelite_execute(f->conn, SQL_INSERT, row, 4, NULL, f);
}

static int64_t submit_insert_array(flow *f, uint32_t index) {
  sidelite_request requests[ARRAY];
  sidelite_value rows[ARRAY][4];
  for (uint32_t i = 0; i < ARRAY; i++) {
    fill_row(rows[i], index + i);
    requests[i] = request_new(SIDELITE_EXECUTE, SQL_INSERT, f);
    requests[i].values = rows[i];
    requests[i].ncols = 4;
  }
  return sidelite_submit(f->conn, requests, ARRAY);
}

static int64_t submit_read(flow *f, uint32_t index) {
  sidelite_value id = sidelite_int(read_id(f->first + index, f->task->rows));
  return sidelite_fetch(f->conn, SQL_READ, &id, 1, NULL, f);
}

/* Nothing is copied: the blob never changes, and the values not while their request is out. */
static int64_t submit_blob_write(flow *f, uint32_t index) {
  static sidelite_value values[BLOB_DEPTH][2];
  sidelite_value *row = values[index % BLOB_DEPTH];
  sidelite_request request = request_new(SIDELITE_EXECUTE, SQL_BLOB_WRITE, f);
  row[0] = sidelite_int(index + 1);
  row[1] = sidelite_blob(blob_bytes(), BLOB_BYTES);
  request.flags = SIDELITE_STATIC;
  request.values = row;
  request.ncols = 2;
  return sidelite_submit(f->conn, &request, 1);
}

static int64_t submit_blob_read(flow *f, uint32_t index) {
  sidelite_value id = sidelite_int(index % f->task->rows + 1);
  return sidelite_fetch(f->conn, SQL_BLOB_READ, &id, 1, NULL, f);
}

static sample bulk_insert(void *db, const task *task) {
  pace p = {submit_bulk, task->count / BULK_ROWS, BULK_DEPTH, 1};
  CHECK(task->count % BULK_ROWS == 0);
  return run_transaction(db, task, &p);
}

static sample insert_each(void *db, const task *task) {
  pace p = {submit_insert, task->count, DEPTH, 1};
  return run_transaction(db, task, &p);
}

static sample insert_arrays(void *db, const task *task) {
  pace p = {submit_insert_array, task->count, DEPTH, ARRAY};
  CHECK(task->count % ARRAY == 0);
  return run_transaction(db, task, &p);
}

static sample read_poll(void *db, const task *task) { return run_each(db, task, submit_read); }

static sample read_fd(void *db, const task *task) {
  wait_on_fd(db);
  return run_each(db, task, submit_read);
}

static sample read_64_poll(void *db, const task *task) {
  pace p = {submit_read, task->count, DEPTH, 1};
  return run_many(db, task, &p);
}

static sample read_64_fd(void *db, const task *task) {
  wait_on_fd(db);
  return read_64_poll(db, task);
}

static sample fetch_all(void *db, const task *task) {
  host *h = db;
  sidelite_event event;
  sample s = {0};
  double start = now_us();
  CHECK(sidelite_fetch(h->conn, SQL_READ_ALL, NULL, 0, NULL, NULL) > 0);
  CHECK(sidelite_poll(h->queue, &event, 1, -1) == 1);
  check_ok(&event);
  CHECK(event.result->nrows == task->rows);
  s.checksum = walk(event.result);
  s.us = (now_us() - start) / task->rows;
  return s;
}

static sample stream_all(void *db, const task *task) {
  host *h = db;
  sidelite_event events[EVENTS];
  uint32_t rows = 0, more = SIDELITE_EVENT_MORE;
  sample s = {0};
  double start = now_us();
  CHECK(sidelite_stream(h->conn, SQL_READ_ALL, NULL, 0, 0, NULL, NULL) > 0);
  while (more) {
    uint32_t n = take(h, events);
    for (uint32_t i = 0; i < n; i++) {
      check_ok(&events[i]);
      s.checksum += walk(events[i].result);
      if (events[i].result) rows += events[i].result->nrows;
      more = events[i].flags & SIDELITE_EVENT_MORE;
      if (more) (void)sidelite_more(h->conn, events[i].id, 1); /* may be too late: the end is on its way */
    }
  }
  s.us = (now_us() - start) / task->rows;
  CHECK(rows == task->rows);
  return s;
}

static sample commit_each(void *db, const task *task) { return run_each(db, task, submit_insert); }

static sample read_4_conns(void *db, const task *task) {
  host *h = db;
  flow flows[CONNS];
  pace p = {submit_read, task->count, CONN_DEPTH, 1};
  sample s = {0};
  double start;
  for (uint32_t i = 0; i < CONNS; i++)
    flows[i] = (flow){.task = task, .conn = conn_open(h, task->path), .first = i * task->count};
  wait_on_fd(h);
  start = now_us();
  s.checksum = pump(h, flows, CONNS, &p, NULL);
  s.us = (now_us() - start) / (CONNS * task->count);
  for (uint32_t i = 0; i < CONNS; i++) conn_close(h, flows[i].conn);
  return s;
}

static sample blob_write(void *db, const task *task) {
  pace p = {submit_blob_write, task->count, 1, 1};
  return run_many(db, task, &p);
}

static sample blob_read(void *db, const task *task) {
  pace p = {submit_blob_read, task->count, 1, 1};
  return run_many(db, task, &p);
}

static sample blob_write_4(void *db, const task *task) {
  pace p = {submit_blob_write, task->count, BLOB_DEPTH, 1};
  return run_many(db, task, &p);
}

static sample blob_read_4(void *db, const task *task) {
  pace p = {submit_blob_read, task->count, BLOB_DEPTH, 1};
  return run_many(db, task, &p);
}

static int32_t half(void *context, void **group, const sidelite_value *args, uint32_t n, sidelite_value *value) {
  (void)context, (void)group, (void)n;
  *value = sidelite_int(args[0].as.integer / 2);
  return SIDELITE_OK;
}

/* Registers `half`, INLINE or HOST, which takes the place of the one before. */
static void create_half(const host *h, sidelite_inline_function call) {
  sidelite_function_config config;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.kind = SIDELITE_FUNCTION_SCALAR;
  config.name = "half";
  config.n_args = 1;
  config.call = call;
  CHECK(sidelite_create_function(h->conn, &config, NULL, NULL) > 0);
  await(h);
}

/* Takes events until the query ends; the calls among them are answered as they come. */
static uint64_t answer_calls(const host *h) {
  sidelite_event events[EVENTS];
  for (;;) {
    uint32_t n = take(h, events);
    for (uint32_t i = 0; i < n; i++) {
      sidelite_value value = sidelite_int(sidelite_row_int64(events[i].result, 0, 0) / 2);
      if (!(events[i].flags & SIDELITE_EVENT_CALL)) {
        check_ok(&events[i]);
        return walk(events[i].result);
      }
      CHECK(sidelite_reply(h->conn, events[i].id, &value, SIDELITE_OK) == SIDELITE_OK);
    }
  }
}

static sample call(host *h, const task *task, sidelite_inline_function function) {
  sidelite_value limit = sidelite_int(task->count);
  uint64_t wakes_before;
  sample s;
  double start;
  create_half(h, function);
  wakes_before = wakes(h);
  start = now_us();
  CHECK(sidelite_fetch(h->conn, SQL_CALL, &limit, 1, NULL, NULL) > 0);
  s.checksum = answer_calls(h);
  s.us = (now_us() - start) / task->count;
  s.wakes = (double)(wakes(h) - wakes_before) / task->count;
  return s;
}

static sample call_inline(void *db, const task *task) { return call(db, task, half); }

static sample call_host_poll(void *db, const task *task) { return call(db, task, NULL); }

static sample call_host(void *db, const task *task) {
  wait_on_fd(db);
  return call(db, task, NULL);
}

const driver side_driver = {
    .open = side_open,
    .close = side_close,
    .script = side_script,
    .integer = side_integer,
    .run = {[BULK_INSERT] = bulk_insert,
            [INSERT_EACH] = insert_each,
            [INSERT_ARRAYS] = insert_arrays,
            [READ_POLL] = read_poll,
            [READ_FD] = read_fd,
            [READ_64_FD] = read_64_fd,
            [READ_64_POLL] = read_64_poll,
            [FETCH_ALL] = fetch_all,
            [STREAM_ALL] = stream_all,
            [COMMIT_EACH] = commit_each,
            [READ_4_CONNS] = read_4_conns,
            [BLOB_WRITE] = blob_write,
            [BLOB_READ] = blob_read,
            [BLOB_WRITE_4] = blob_write_4,
            [BLOB_READ_4] = blob_read_4,
            [CALL_INLINE] = call_inline,
            [CALL_HOST] = call_host,
            [CALL_HOST_POLL] = call_host_poll},
};
