/* The workloads as direct calls of SQLite, what a host reads copied into its memory. Built into one shared object for
 * each set of compile flags, which exports nothing but `raw_driver`. */
#include "bench.h"

#include <pthread.h>

#include "sqlite3.h"

#define CHECK_OK(code) CHECK((code) == SQLITE_OK)

enum { CHUNK_BYTES = 1 << 20 };

/* Host memory that cells are copied into. */
typedef struct memory {
  char *bytes;
  size_t used, size;
} memory;

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement = NULL;
  CHECK_OK(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}

/* NOMUTEX as in sidelite, where one thread at a time uses a connection. */
static sqlite3 *open_at(const char *path) {
  sqlite3 *db = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  CHECK_OK(sqlite3_open_v2(path, &db, flags, NULL));
  CHECK_OK(sqlite3_exec(db, "PRAGMA cache_size=-2000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL", NULL, NULL,
                        NULL));
  return db;
}

static void *raw_open(const char *path) { return open_at(path); }

static void raw_close(void *db) { CHECK_OK(sqlite3_close(db)); }

static void raw_script(void *db, const char *sql) { CHECK_OK(sqlite3_exec(db, sql, NULL, NULL, NULL)); }

static int64_t raw_integer(void *db, const char *sql) {
  sqlite3_stmt *statement = prepare(db, sql);
  int64_t value;
  CHECK(sqlite3_step(statement) == SQLITE_ROW);
  value = sqlite3_column_int64(statement, 0);
  CHECK_OK(sqlite3_finalize(statement));
  return value;
}

static void *memory_take(memory *m, size_t bytes) {
  void *taken;
  while (m->used + bytes > m->size) {
    m->size = m->size ? 2 * m->size : CHUNK_BYTES;
    m->bytes = realloc(m->bytes, m->size);
    CHECK(m->bytes);
  }
  taken = m->bytes + m->used;
  m->used += (bytes + 7) & ~(size_t)7;
  return taken;
}

/* Copies one cell and returns what it adds to the checksum. */
static uint64_t copy_cell(memory *m, sqlite3_stmt *statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: {
      int64_t *cell = memory_take(m, sizeof *cell);
      *cell = sqlite3_column_int64(statement, column);
      return (uint64_t)*cell;
    }
    case SQLITE_FLOAT: {
      double *cell = memory_take(m, sizeof *cell);
      *cell = sqlite3_column_double(statement, column);
      return (uint64_t)*cell;
    }
    default: {
      const void *bytes = sqlite3_column_blob(statement, column);
      uint32_t len = (uint32_t)sqlite3_column_bytes(statement, column);
      char *cell = memory_take(m, len);
      memcpy(cell, bytes, len);
      return bytes_checksum(cell, len);
    }
  }
}

static void insert(sqlite3_stmt *statement, uint32_t index) {
  record r = record_at(index);
  CHECK_OK(sqlite3_bind_int64(statement, 1, r.id));
  CHECK_OK(sqlite3_bind_text(statement, 2, r.name, NAME_BYTES, SQLITE_STATIC));
  CHECK_OK(sqlite3_bind_double(statement, 3, r.score));
  CHECK_OK(sqlite3_bind_blob(statement, 4, r.payload, PAYLOAD_BYTES, SQLITE_STATIC));
  CHECK(sqlite3_step(statement) == SQLITE_DONE);
  CHECK_OK(sqlite3_reset(statement));
}

static uint64_t read_one(sqlite3_stmt *statement, int64_t id, memory *m) {
  uint64_t checksum;
  CHECK_OK(sqlite3_bind_int64(statement, 1, id));
  CHECK(sqlite3_step(statement) == SQLITE_ROW);
  m->used = 0;
  checksum = copy_cell(m, statement, 0);
  CHECK(sqlite3_step(statement) == SQLITE_DONE);
  CHECK_OK(sqlite3_reset(statement));
  return checksum;
}

static sample insert_rows(void *db, const task *task) {
  sqlite3_stmt *statement = prepare(db, SQL_INSERT);
  sample s = {0};
  double start = now_us();
  raw_script(db, "BEGIN");
  for (uint32_t i = 0; i < task->count; i++) insert(statement, i);
  raw_script(db, "COMMIT");
  s.us = (now_us() - start) / task->count;
  CHECK_OK(sqlite3_finalize(statement));
  return s;
}

static sample commit_each(void *db, const task *task) {
  sqlite3_stmt *statement = prepare(db, SQL_INSERT);
  double *each = malloc(task->count * sizeof *each);
  sample s = {0};
  for (uint32_t i = 0; i < task->count; i++) {
    double start = now_us();
    insert(statement, i);
    each[i] = now_us() - start;
  }
  s.us = median(each, task->count);
  free(each);
  CHECK_OK(sqlite3_finalize(statement));
  return s;
}

/* Reads number `first` and on. With `each`, the time of every one. */
static uint64_t read_rows(sqlite3 *db, const task *task, uint32_t first, double *each) {
  sqlite3_stmt *statement = prepare(db, SQL_READ);
  memory m = {0};
  uint64_t checksum = 0;
  double start = 0;
  for (uint32_t i = 0; i < task->count; i++) {
    if (each) start = now_us();
    checksum += read_one(statement, read_id(first + i, task->rows), &m);
    if (each) each[i] = now_us() - start;
  }
  free(m.bytes);
  CHECK_OK(sqlite3_finalize(statement));
  return checksum;
}

static sample read_each(void *db, const task *task) {
  double *each = malloc(task->count * sizeof *each);
  sample s = {0};
  s.checksum = read_rows(db, task, 0, each);
  s.us = median(each, task->count);
  free(each);
  return s;
}

static sample read_many(void *db, const task *task) {
  sample s = {0};
  double start = now_us();
  s.checksum = read_rows(db, task, 0, NULL);
  s.us = (now_us() - start) / task->count;
  return s;
}

/* Copies every row: into memory that holds them all, or, as a stream's host does, one chunk after the other. */
static sample read_all(void *db, const task *task, int keep) {
  sqlite3_stmt *statement = prepare(db, SQL_READ_ALL);
  memory m = {0};
  sample s = {0};
  double start = now_us();
  uint32_t rows = 0;
  for (; sqlite3_step(statement) == SQLITE_ROW; rows++) {
    if (!keep && m.used > CHUNK_BYTES / 2) m.used = 0;
    for (int column = 0; column < 4; column++) s.checksum += copy_cell(&m, statement, column);
  }
  CHECK_OK(sqlite3_finalize(statement));
  s.us = (now_us() - start) / rows;
  CHECK(rows == task->rows);
  free(m.bytes);
  return s;
}

static sample fetch_all(void *db, const task *task) { return read_all(db, task, 1); }

static sample stream_all(void *db, const task *task) { return read_all(db, task, 0); }

/* One connection with its thread. */
typedef struct reader {
  const task *task;
  pthread_barrier_t *opened;
  pthread_t thread;
  uint32_t first;
  uint64_t checksum;
} reader;

static void *reader_main(void *argument) {
  reader *r = argument;
  sqlite3 *db = open_at(r->task->path);
  pthread_barrier_wait(r->opened);
  r->checksum = read_rows(db, r->task, r->first, NULL);
  raw_close(db);
  return NULL;
}

static sample read_4_conns(void *db, const task *task) {
  pthread_barrier_t opened;
  reader readers[CONNS];
  sample s = {0};
  double start;
  (void)db;
  pthread_barrier_init(&opened, NULL, CONNS + 1);
  for (uint32_t i = 0; i < CONNS; i++) {
    readers[i] = (reader){.task = task, .opened = &opened, .first = i * task->count};
    CHECK(!pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]));
  }
  pthread_barrier_wait(&opened);
  start = now_us();
  for (uint32_t i = 0; i < CONNS; i++) {
    pthread_join(readers[i].thread, NULL);
    s.checksum += readers[i].checksum;
  }
  s.us = (now_us() - start) / (CONNS * task->count);
  pthread_barrier_destroy(&opened);
  return s;
}

static sample blob_write(void *db, const task *task) {
  sqlite3_stmt *statement = prepare(db, SQL_BLOB_WRITE);
  double start = now_us();
  sample s = {0};
  for (uint32_t i = 0; i < task->count; i++) {
    CHECK_OK(sqlite3_bind_int64(statement, 1, i + 1));
    CHECK_OK(sqlite3_bind_blob(statement, 2, blob_bytes(), BLOB_BYTES, SQLITE_STATIC));
    CHECK(sqlite3_step(statement) == SQLITE_DONE);
    CHECK_OK(sqlite3_reset(statement));
  }
  s.us = (now_us() - start) / task->count;
  CHECK_OK(sqlite3_finalize(statement));
  return s;
}

static sample blob_read(void *db, const task *task) {
  sqlite3_stmt *statement = prepare(db, SQL_BLOB_READ);
  memory m = {0};
  sample s = {0};
  double start = now_us();
  for (uint32_t i = 0; i < task->count; i++) s.checksum += read_one(statement, i % task->rows + 1, &m);
  s.us = (now_us() - start) / task->count;
  free(m.bytes);
  CHECK_OK(sqlite3_finalize(statement));
  return s;
}

static void half(sqlite3_context *context, int n, sqlite3_value **args) {
  (void)n;
  sqlite3_result_int64(context, sqlite3_value_int64(args[0]) / 2);
}

static sample call(void *db, const task *task) {
  sqlite3_stmt *statement;
  memory m = {0};
  sample s = {0};
  double start;
  CHECK_OK(sqlite3_create_function_v2(db, "half", 1, SQLITE_UTF8, NULL, half, NULL, NULL, NULL));
  statement = prepare(db, SQL_CALL);
  start = now_us();
  s.checksum = read_one(statement, task->count, &m);
  s.us = (now_us() - start) / task->count;
  free(m.bytes);
  CHECK_OK(sqlite3_finalize(statement));
  return s;
}

__attribute__((visibility("default"))) extern const driver raw_driver;
const driver raw_driver = {
    .open = raw_open,
    .close = raw_close,
    .script = raw_script,
    .integer = raw_integer,
    .run = {[BULK_INSERT] = insert_rows,
            [INSERT_EACH] = insert_rows,
            [INSERT_ARRAYS] = insert_rows,
            [READ_POLL] = read_each,
            [READ_FD] = read_each,
            [READ_64_FD] = read_many,
            [READ_64_POLL] = read_many,
            [FETCH_ALL] = fetch_all,
            [STREAM_ALL] = stream_all,
            [COMMIT_EACH] = commit_each,
            [READ_4_CONNS] = read_4_conns,
            [BLOB_WRITE] = blob_write,
            [BLOB_READ] = blob_read,
            [BLOB_WRITE_4] = blob_write,
            [BLOB_READ_4] = blob_read,
            [CALL_INLINE] = call,
            [CALL_HOST] = call,
            [CALL_HOST_POLL] = call},
};
