/* What the two sides of the benchmark share. A driver is one way to SQLite: sidelite (side.c), or calls of the C API
 * (raw.c, built once for each set of compile flags). Both do the same workloads on the same data. */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum workload {
  BULK_INSERT,   /* rows in one transaction, by the thousand */
  INSERT_EACH,   /* rows in one transaction, a request and a submit for each */
  INSERT_ARRAYS, /* the same with 32 requests in a submit */
  READ_POLL,     /* point reads, one in flight, host waits in sidelite_poll */
  READ_FD,       /* the same, host waits on the descriptor */
  READ_64_FD,    /* point reads, 64 in flight, host waits on the descriptor */
  READ_64_POLL,  /* the same, host waits in sidelite_poll */
  FETCH_ALL,     /* every row of the table in one result */
  STREAM_ALL,    /* every row of the table in chunks */
  COMMIT_EACH,   /* inserts that each commit, one in flight */
  READ_4_CONNS,  /* point reads on four connections to one file, 16 in flight on each */
  BLOB_WRITE,    /* 1 MiB blobs that each commit, one in flight */
  BLOB_READ,     /* 1 MiB blobs, one in flight */
  BLOB_WRITE_4,  /* the same, four in flight */
  BLOB_READ_4,
  CALL_INLINE, /* a query that calls a function of the host's for every row, on the connection's thread */
  CALL_HOST,   /* the same, each call answered by the host, which waits on the descriptor */
  CALL_HOST_POLL,
  WORKLOADS
} workload;

typedef struct task {
  const char *path;
  uint32_t count; /* operations; on each connection where there are several */
  uint32_t rows;  /* in the table that is read */
} task;

typedef struct sample {
  double us;         /* for one operation: the mean, or the median where one is in flight */
  double wakes;      /* of the host for one operation; sidelite only */
  uint64_t checksum; /* of all cells that the host read */
} sample;

typedef struct driver {
  void *(*open)(const char *path);
  void (*close)(void *db);
  void (*script)(void *db, const char *sql);
  int64_t (*integer)(void *db, const char *sql);
  sample (*run[WORKLOADS])(void *db, const task *task);
} driver;

extern const driver side_driver; /* side.c */

/* The median round trip of a bare thread hop: a condition variable out, eventfd and epoll back. (floor.c) */
double floor_us(uint32_t count);

/* System calls of one operation, all threads, or a negative number where strace does not work. (syscalls.c) */
double syscalls_per_operation(const char *program, workload w);

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);  \
      exit(1);                                                                       \
    }                                                                                \
  } while (0)

/* The statements, word for word the same on both sides. */
#define SQL_SCHEMA                                                                     \
  "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, score REAL, payload BLOB);"       \
  "CREATE TABLE b(id INTEGER PRIMARY KEY, data BLOB)"
#define SQL_INSERT "INSERT INTO t VALUES (?, ?, ?, ?)"
#define SQL_READ "SELECT name FROM t WHERE id = ?"
#define SQL_READ_ALL "SELECT id, name, score, payload FROM t"
#define SQL_BLOB_WRITE "INSERT INTO b VALUES (?, ?)"
#define SQL_BLOB_READ "SELECT data FROM b WHERE id = ?"
#define SQL_CALL "SELECT sum(half(id)) FROM t WHERE id <= ?"

enum { CONNS = 4, BLOB_BYTES = 1 << 20, NAME_BYTES = 20, PAYLOAD_BYTES = 32 };

/* Row `index` of t, from 0. */
typedef struct record {
  int64_t id;
  const char *name;
  double score;
  const char *payload;
} record;

static inline record record_at(uint32_t index) {
  static const char bytes[] = "Ada Lovelace, Mary Somerville, Sofia Kovalevskaya, Emmy Noether, Maryam Mirzakhani, "
                              "Grace Hopper, Hypatia, Sophie Germain, Caroline Herschel and Emilie du Chatelet";
  return (record){(int64_t)index + 1, bytes + index % 101, index * 0.5, bytes + index % 89};
}

/* The id that read number `index` looks up: all over the table. */
static inline int64_t read_id(uint32_t index, uint32_t rows) {
  return 1 + (int64_t)((uint64_t)index * 2654435761u % rows);
}

/* One MiB that both sides write. */
static inline const char *blob_bytes(void) {
  static char bytes[BLOB_BYTES];
  if (!bytes[0]) memset(bytes, 'b', sizeof bytes);
  return bytes;
}

/* What a TEXT or BLOB adds to a checksum: its ends are looked at, so that its memory was there. */
static inline uint64_t bytes_checksum(const char *bytes, uint32_t len) {
  return len ? len + (unsigned char)bytes[0] + (uint64_t)(unsigned char)bytes[len - 1] * 256 : 0;
}

static inline double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts its argument. */
static inline double median(double *values, uint32_t n) {
  qsort(values, n, sizeof *values, compare_doubles);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

#endif
