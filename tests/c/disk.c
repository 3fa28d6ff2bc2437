/* A disk that fills up. Contract 9: what was acknowledged is on it, and nothing else is. Contract 10: a transaction
 * that it broke never half-applies. Contract 17: the limit of a file's size is an error, not death. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "faults.h"

enum { DISK_BYTES = 256 * 1024, BALLAST_BYTES = 64 * 1024, ROWS = 400 };

static sidelite_queue *queue;
static sidelite_conn *conn;
static const char *directory;
static char path[4200], ballast[4200];
static int is_mounted;

/* How large files may grow. Only for as long as nothing else is written: what a test prints may go to a file too. */
static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void) { limit_files(RLIM_INFINITY); }

/* A file system of 256 KiB, in a name space of the process's own, so that nothing stays behind; a ballast takes a
 * part of it, to be thrown off later. Who may not mount limits the size of files instead. */
static void disk_begin(void) {
  static char bytes[BALLAST_BYTES];
  FILE *file;
  directory = scratch_new();
  path_join(path, sizeof path, directory, "disk.db");
  path_join(ballast, sizeof ballast, directory, "ballast");
  is_mounted = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("none", directory, "tmpfs", 0, "size=256k") == 0;
  if (!is_mounted) {
    limit_files(DISK_BYTES);
    return;
  }
  CHECK((file = fopen(ballast, "w")) != NULL);
  CHECK_EQ(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
  CHECK_EQ(fclose(file), 0);
}

static void disk_relieve(void) {
  if (is_mounted)
    CHECK_EQ(unlink(ballast), 0);
  else
    unlimit_files();
}

static void disk_end(void) {
  ask_expecting(path, "PRAGMA integrity_check", "ok");
  if (is_mounted) CHECK_EQ(umount2(directory, MNT_DETACH), 0);
  scratch_remove(directory);
}

/* A file system without room answers FULL; a file at its limit fails to be written. */
static int is_full(int32_t code) { return code == SQLITE_FULL || (!is_mounted && code == SQLITE_IOERR_WRITE); }

static void open_file(uint32_t journal_mode) {
  const char *const pragmas[] = {"cache_size=10"};
  sidelite_open_config config = open_config_new(0);
  config.journal_mode = journal_mode;
  config.pragmas = pragmas;
  config.pragma_count = 1;
  queue = queue_new();
  conn = conn_open(queue, path, &config);
  CHECK_EQ(exec(queue, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)"), SIDELITE_OK);
}

static void close_file(void) {
  conn_close(queue, conn, SIDELITE_CLOSE_DRAIN);
  CHECK_EQ(sidelite_queue_free(queue, -1), 0);
}

#define ROW "INSERT INTO t VALUES (?, randomblob(1500))"

/* Odd rows by execute, even rows by fetch, whose row comes back before it is committed. */
static void submit_row(int64_t id, reply *r) {
  sidelite_value row = sidelite_int(id);
  int64_t request;
  *r = reply_new();
  if (id % 2)
    request = sidelite_execute(conn, ROW, &row, 1, on_reply, r);
  else
    request = sidelite_fetch(conn, ROW " RETURNING id", &row, 1, on_reply, r);
  CHECK(request > 0);
}

/* The ids of the rows that were acknowledged, as the other process lists those on the disk. */
static void check_rows_on_disk(const reply *replies, int n) {
  static char ids[ROWS * 8];
  size_t length = 0;
  ids[0] = 0;
  for (int i = 1; i <= n; i++)
    if (replies[i].code == SIDELITE_OK)
      length += (size_t)snprintf(ids + length, sizeof ids - length, "%s%d", length ? "," : "", i);
  ask_expecting(path, "SELECT group_concat(id) FROM (SELECT id FROM t ORDER BY id)", ids);
}

/* Each is either done or failed for want of room, and a failure says so. */
static void check_row(const reply *r, int64_t id) {
  CHECK_EQ(r->finals, 1);
  CHECK_EQ(r->flags & STEP_FLAGS, 0);
  CHECK(r->code == SIDELITE_OK || is_full(r->code));
  if (r->code) CHECK(r->result && r->result->message_len);
  if (!r->code && id % 2 == 0) CHECK_EQ(sidelite_row_int64(r->result, 0, 0), id);
}

static void fill_the_disk(uint32_t journal_mode) {
  static reply replies[ROWS + 3];
  int done = 0, full = 0;
  disk_begin();
  open_file(journal_mode);
  for (int id = 1; id <= ROWS; id++) submit_row(id, &replies[id]);
  for (int id = 1; id <= ROWS; id++) {
    TURN_UNTIL(queue, replies[id].finals);
    check_row(&replies[id], id);
    if (replies[id].code) full++;
    else done++;
  }
  CHECK(done > 0);
  CHECK(full > 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), done);
  disk_relieve();
  for (int id = ROWS + 1; id <= ROWS + 2; id++) {
    submit_row(id, &replies[id]);
    EXPECT(queue, &replies[id], SIDELITE_OK);
  }
  close_file();
  printf("  %d rows done, %d failed on a full %s\n", done, full, is_mounted ? "disk" : "file");
  check_rows_on_disk(replies, ROWS + 2);
  for (int id = 1; id <= ROWS + 2; id++) reply_clear(&replies[id]);
  disk_end();
}

static void contract_09_acknowledged_rows_are_on_a_disk_that_fills_up(void) {
  fill_the_disk(SIDELITE_JOURNAL_DELETE);
  fill_the_disk(SIDELITE_JOURNAL_TRUNCATE);
  fill_the_disk(SIDELITE_JOURNAL_WAL);
}

#define LARGE_ROW "INSERT INTO t(body) VALUES (randomblob(20000))"

/* A transaction too large for the disk, queued as a whole: it breaks in the middle, and what was queued behind is
 * fenced up to its COMMIT. Returns how many rows of it were written before. */
static int break_a_transaction(void) {
  enum { INSERTS = 20 };
  reply begun = reply_new(), inserted[INSERTS], committed = reply_new(), next = reply_new();
  int broken = 0;
  gate g;
  gate_shut(&g, conn);
  execute(conn, "BEGIN IMMEDIATE", &begun);
  for (int i = 0; i < INSERTS; i++) {
    inserted[i] = reply_new();
    execute(conn, LARGE_ROW, &inserted[i]);
  }
  execute(conn, "COMMIT", &committed);
  execute(conn, "SELECT 1", &next);
  gate_open(&g);
  gate_remove(&g, queue);
  EXPECT(queue, &begun, SIDELITE_OK);
  EXPECT(queue, &next, SIDELITE_OK);
  while (broken < INSERTS && inserted[broken].code == SIDELITE_OK) broken++;
  CHECK(broken < INSERTS);
  CHECK(is_full(inserted[broken].code));
  CHECK_EQ(inserted[broken].flags & STEP_FLAGS, ROLLED_BACK);
  for (int i = 0; i < broken; i++) CHECK_EQ(inserted[i].flags & STEP_FLAGS, IN_TRANSACTION);
  for (int i = broken + 1; i < INSERTS; i++) {
    CHECK_EQ(inserted[i].code, SIDELITE_ERR_ABORTED);
    CHECK_EQ(inserted[i].flags & STEP_FLAGS, NOT_RUN);
  }
  EXPECT(queue, &committed, SIDELITE_ERR_ABORTED);
  CHECK_EQ(committed.flags & STEP_FLAGS, NOT_RUN);
  for (int i = 0; i < INSERTS; i++) reply_clear(&inserted[i]);
  reply_clear(&begun);
  reply_clear(&committed);
  reply_clear(&next);
  return broken;
}

static void all_or_nothing(uint32_t journal_mode) {
  const step after[] = {{SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, LARGE_ROW, 0, IN_TRANSACTION},
                        {SIDELITE_EXECUTE, "COMMIT", 0, 0}};
  disk_begin();
  open_file(journal_mode);
  CHECK_EQ(exec(queue, conn, LARGE_ROW), SIDELITE_OK);
  CHECK(break_a_transaction() > 0);
  CHECK_EQ(fetch_int(queue, conn, "SELECT count(*) FROM t"), 1);
  disk_relieve();
  steps_run(queue, conn, after, COUNT_OF(after));
  close_file();
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 2);
  disk_end();
}

static void contract_10_rollback_fence_after_full_disk(void) {
  all_or_nothing(SIDELITE_JOURNAL_DELETE);
  all_or_nothing(SIDELITE_JOURNAL_WAL);
}

/* The COMMIT itself finds no room: the transaction ends with it, and what is queued behind belongs to no one. */
static void contract_10_rollback_fence_ends_with_a_commit_that_fails(void) {
  step steps[] = {{SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
                  {SIDELITE_EXECUTE, "INSERT INTO t(body) VALUES (randomblob(400000))", 0, IN_TRANSACTION},
                  {SIDELITE_EXECUTE, "COMMIT", SQLITE_FULL, ROLLED_BACK},
                  {SIDELITE_EXECUTE, "SELECT 1", 0, 0},
                  {SIDELITE_EXECUTE, "BEGIN", 0, IN_TRANSACTION},
                  {SIDELITE_EXECUTE, "INSERT INTO t(body) VALUES (1)", 0, IN_TRANSACTION},
                  {SIDELITE_EXECUTE, "COMMIT", 0, 0}};
  disk_begin();
  open_file(SIDELITE_JOURNAL_WAL);
  CHECK_EQ(exec(queue, conn, "PRAGMA cache_size=1000"), SIDELITE_OK);
  if (!is_mounted) steps[2].code = SQLITE_IOERR_WRITE;
  steps_run(queue, conn, steps, COUNT_OF(steps));
  disk_relieve();
  close_file();
  CHECK_EQ(ask_int(path, "SELECT count(*) FROM t"), 1);
  disk_end();
}

/* The kernel's answer to a file that grows too large is a signal that kills. Always by limit, never by mount. */
static void contract_17_limit_of_file_size_is_an_error(void) {
  static reply replies[ROWS + 1];
  int done = 0, full = 0;
  directory = scratch_new();
  path_join(path, sizeof path, directory, "disk.db");
  is_mounted = 0;
  open_file(SIDELITE_JOURNAL_WAL);
  limit_files(DISK_BYTES);
  for (int id = 1; id <= ROWS; id++) submit_row(id, &replies[id]);
  WAIT_UNTIL(stats_of(conn).completed == stats_of(conn).submitted);
  unlimit_files();
  for (int id = 1; id <= ROWS; id++) {
    TURN_UNTIL(queue, replies[id].finals);
    check_row(&replies[id], id);
    if (replies[id].code == SQLITE_IOERR_WRITE) CHECK_EQ(replies[id].result->system_errno, EFBIG);
    if (replies[id].code) full++;
    else done++;
  }
  CHECK(done > 0);
  CHECK(full > 0);
  CHECK_EQ(exec(queue, conn, LARGE_ROW), SIDELITE_OK);
  CHECK_EQ(exec(queue, conn, "DELETE FROM t WHERE length(body) = 20000"), SIDELITE_OK);
  close_file();
  check_rows_on_disk(replies, ROWS);
  for (int id = 1; id <= ROWS; id++) reply_clear(&replies[id]);
  disk_end();
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(contract_09_acknowledged_rows_are_on_a_disk_that_fills_up),
      TEST(contract_10_rollback_fence_after_full_disk),
      TEST(contract_10_rollback_fence_ends_with_a_commit_that_fails),
      TEST(contract_17_limit_of_file_size_is_an_error),
      {NULL, NULL},
  };
  return run_tests(tests, argc, argv);
}
