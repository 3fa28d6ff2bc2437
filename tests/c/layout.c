/* The ABI, frozen: bindings in other languages write these numbers down. A line that has to change here is a new
 * SIDELITE_ABI_VERSION. */
#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

#include "harness.h"

#define TYPE(type, size) static_assert(sizeof(type) == (size) && alignof(type) == 8, #type);
#define FIELD(type, field, offset, size) \
  static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size), #type "." #field);
#define NUMBER(name, number) static_assert((name) == (number), #name);

TYPE(sidelite_result, 64)
FIELD(sidelite_result, bytes, 0, 8)
FIELD(sidelite_result, ncols, 8, 4)
FIELD(sidelite_result, nrows, 12, 4)
FIELD(sidelite_result, names, 16, 8)
FIELD(sidelite_result, values, 24, 8)
FIELD(sidelite_result, message, 32, 8)
FIELD(sidelite_result, message_len, 40, 4)
FIELD(sidelite_result, sqlite_code, 44, 4)
FIELD(sidelite_result, sql_offset, 48, 4)
FIELD(sidelite_result, system_errno, 52, 4)
FIELD(sidelite_result, reserved, 56, 8)

TYPE(sidelite_queue_config, 40)
FIELD(sidelite_queue_config, struct_size, 0, 4)
FIELD(sidelite_queue_config, flags, 4, 4)
FIELD(sidelite_queue_config, wake, 8, 8)
FIELD(sidelite_queue_config, wake_data, 16, 8)
FIELD(sidelite_queue_config, reserved, 24, 16)

TYPE(sidelite_event, 64)
FIELD(sidelite_event, id, 0, 8)
FIELD(sidelite_event, user_data, 8, 8)
FIELD(sidelite_event, callback, 16, 8)
FIELD(sidelite_event, result, 24, 8)
FIELD(sidelite_event, code, 32, 4)
FIELD(sidelite_event, flags, 36, 4)
FIELD(sidelite_event, changes, 40, 8)
FIELD(sidelite_event, last_insert_rowid, 48, 8)
FIELD(sidelite_event, conn, 56, 8)

TYPE(sidelite_open_config, 96)
FIELD(sidelite_open_config, struct_size, 0, 4)
FIELD(sidelite_open_config, flags, 4, 4)
FIELD(sidelite_open_config, vfs, 8, 8)
FIELD(sidelite_open_config, busy_timeout_ms, 16, 4)
FIELD(sidelite_open_config, statement_cache, 20, 4)
FIELD(sidelite_open_config, max_requests, 24, 4)
FIELD(sidelite_open_config, journal_mode, 28, 4)
FIELD(sidelite_open_config, max_bytes, 32, 8)
FIELD(sidelite_open_config, max_result_bytes, 40, 8)
FIELD(sidelite_open_config, synchronous, 48, 4)
FIELD(sidelite_open_config, pragma_count, 52, 4)
FIELD(sidelite_open_config, pragmas, 56, 8)
FIELD(sidelite_open_config, reserved, 64, 32)

TYPE(sidelite_stats, 104)
FIELD(sidelite_stats, struct_size, 0, 4)
FIELD(sidelite_stats, outstanding, 4, 4)
FIELD(sidelite_stats, bytes, 8, 8)
FIELD(sidelite_stats, submitted, 16, 8)
FIELD(sidelite_stats, completed, 24, 8)
FIELD(sidelite_stats, cache_hits, 32, 8)
FIELD(sidelite_stats, cache_misses, 40, 8)
FIELD(sidelite_stats, events, 48, 8)
FIELD(sidelite_stats, wakes, 56, 8)
FIELD(sidelite_stats, polls, 64, 8)
FIELD(sidelite_stats, reserved, 72, 32)

TYPE(sidelite_value_as, 8)
FIELD(sidelite_value_as, integer, 0, 8)
FIELD(sidelite_value_as, real, 0, 8)
FIELD(sidelite_value_as, offset, 0, 8)
FIELD(sidelite_value_as, data, 0, 8)

TYPE(sidelite_value, 16)
FIELD(sidelite_value, type, 0, 4)
FIELD(sidelite_value, len, 4, 4)
FIELD(sidelite_value, as, 8, 8)

TYPE(sidelite_request, 128)
FIELD(sidelite_request, struct_size, 0, 4)
FIELD(sidelite_request, kind, 4, 4)
FIELD(sidelite_request, flags, 8, 4)
FIELD(sidelite_request, timeout_ms, 12, 4)
FIELD(sidelite_request, sql, 16, 8)
FIELD(sidelite_request, sql_len, 24, 8)
FIELD(sidelite_request, values, 32, 8)
FIELD(sidelite_request, ncols, 40, 4)
FIELD(sidelite_request, nrows, 44, 4)
FIELD(sidelite_request, names, 48, 8)
FIELD(sidelite_request, callback, 56, 8)
FIELD(sidelite_request, user_data, 64, 8)
FIELD(sidelite_request, lane, 72, 8)
FIELD(sidelite_request, chunk_rows, 80, 4)
FIELD(sidelite_request, window, 84, 4)
FIELD(sidelite_request, reply_to, 88, 8)
FIELD(sidelite_request, run, 96, 8)
FIELD(sidelite_request, context, 104, 8)
FIELD(sidelite_request, reserved, 112, 16)

NUMBER(SIDELITE_OK, 0)
NUMBER(SIDELITE_ERR_FULL, -101)
NUMBER(SIDELITE_ERR_CLOSED, -102)
NUMBER(SIDELITE_ERR_BAD_HANDLE, -103)
NUMBER(SIDELITE_ERR_MISUSE, -104)
NUMBER(SIDELITE_ERR_BAD_TEXT, -105)
NUMBER(SIDELITE_ERR_TOO_BIG, -106)
NUMBER(SIDELITE_ERR_UNSUPPORTED, -107)
NUMBER(SIDELITE_ERR_FORKED, -108)
NUMBER(SIDELITE_ERR_CANCELLED, -201)
NUMBER(SIDELITE_ERR_TIMEOUT, -202)
NUMBER(SIDELITE_ERR_ABORTED, -203)
NUMBER(SIDELITE_ERR_PANIC, -204)
NUMBER(SIDELITE_ERR_NO_MEMORY, -301)
NUMBER(SIDELITE_ERR_NO_THREAD, -302)
NUMBER(SIDELITE_ERR_NO_FD, -303)
NUMBER(SIDELITE_ABI_VERSION, 1)
NUMBER(SIDELITE_NULL, 0)
NUMBER(SIDELITE_INTEGER, 1)
NUMBER(SIDELITE_REAL, 2)
NUMBER(SIDELITE_TEXT, 3)
NUMBER(SIDELITE_BLOB, 4)
NUMBER(SIDELITE_EVENT_MORE, 1)
NUMBER(SIDELITE_EVENT_OPENED, 2)
NUMBER(SIDELITE_EVENT_CLOSED, 4)
NUMBER(SIDELITE_EVENT_WRITABLE, 8)
NUMBER(SIDELITE_EVENT_IN_TRANSACTION, 16)
NUMBER(SIDELITE_EVENT_NOT_RUN, 32)
NUMBER(SIDELITE_EVENT_ROLLED_BACK, 64)
NUMBER(SIDELITE_QUEUE_DIRECT, 1)
NUMBER(SIDELITE_OPEN_READONLY, 1)
NUMBER(SIDELITE_OPEN_NO_CREATE, 2)
NUMBER(SIDELITE_OPEN_URI, 4)
NUMBER(SIDELITE_OPEN_MEMORY, 8)
NUMBER(SIDELITE_OPEN_NOFOLLOW, 16)
NUMBER(SIDELITE_OPEN_SHARED_CACHE, 32)
NUMBER(SIDELITE_OPEN_FOREIGN_KEYS, 64)
NUMBER(SIDELITE_OPEN_HARDENED, 128)
NUMBER(SIDELITE_OPEN_UNTRUSTED, 256)
NUMBER(SIDELITE_OPEN_ANY_TEXT, 512)
NUMBER(SIDELITE_JOURNAL_DEFAULT, 0)
NUMBER(SIDELITE_JOURNAL_DELETE, 1)
NUMBER(SIDELITE_JOURNAL_TRUNCATE, 2)
NUMBER(SIDELITE_JOURNAL_PERSIST, 3)
NUMBER(SIDELITE_JOURNAL_MEMORY, 4)
NUMBER(SIDELITE_JOURNAL_WAL, 5)
NUMBER(SIDELITE_JOURNAL_OFF, 6)
NUMBER(SIDELITE_SYNC_DEFAULT, 0)
NUMBER(SIDELITE_SYNC_OFF, 1)
NUMBER(SIDELITE_SYNC_NORMAL, 2)
NUMBER(SIDELITE_SYNC_FULL, 3)
NUMBER(SIDELITE_SYNC_EXTRA, 4)
NUMBER(SIDELITE_NO_WAIT, -1)
NUMBER(SIDELITE_NO_STATEMENT_CACHE, 4294967295)
NUMBER(SIDELITE_CLOSE_DRAIN, 0)
NUMBER(SIDELITE_CLOSE_CANCEL, 1)
NUMBER(SIDELITE_EXECUTE, 1)
NUMBER(SIDELITE_FETCH, 2)
NUMBER(SIDELITE_STREAM, 3)
NUMBER(SIDELITE_SCRIPT, 4)
NUMBER(SIDELITE_RUN, 5)
NUMBER(SIDELITE_STATIC, 1)
NUMBER(SIDELITE_ATOMIC, 2)
NUMBER(SIDELITE_NO_CACHE, 4)
NUMBER(SIDELITE_MULTI, 8)
NUMBER(SIDELITE_NUL_TERMINATED, 18446744073709551615u)
NUMBER(SIDELITE_UNLIMITED, 4294967295)

/* Declared a second time, as the header has them: another type is a conflict that no compiler accepts. */
#ifdef __cplusplus
extern "C" {
#endif
const char *sidelite_status_string(int32_t);
uint32_t sidelite_abi_version(void);
const char *sidelite_version(void);
const char *sidelite_sqlite_version(void);
const sidelite_result *sidelite_keep(const sidelite_result *);
void sidelite_release(const sidelite_result *);
int32_t sidelite_queue_new(const sidelite_queue_config *, sidelite_queue **);
int64_t sidelite_queue_fd(sidelite_queue *);
int32_t sidelite_poll(sidelite_queue *, sidelite_event *, uint32_t, int32_t);
int32_t sidelite_dispatch(sidelite_queue *, uint32_t, uint32_t);
int32_t sidelite_queue_free(sidelite_queue *, int32_t);
int32_t sidelite_open(sidelite_queue *, const char *, const sidelite_open_config *, sidelite_callback, void *,
                      sidelite_conn **);
int32_t sidelite_close(sidelite_conn *, uint32_t, sidelite_callback, void *);
int32_t sidelite_stat(const void *, sidelite_stats *);
int64_t sidelite_execute(sidelite_conn *, const char *, const sidelite_value *, uint32_t, sidelite_callback, void *);
int64_t sidelite_fetch(sidelite_conn *, const char *, const sidelite_value *, uint32_t, sidelite_callback, void *);
int64_t sidelite_stream(sidelite_conn *, const char *, const sidelite_value *, uint32_t, uint32_t,
                        sidelite_callback, void *);
int64_t sidelite_script(sidelite_conn *, const char *, sidelite_callback, void *);
int64_t sidelite_submit(sidelite_conn *, const sidelite_request *, uint32_t);
int32_t sidelite_more(sidelite_conn *, int64_t, uint32_t);
int32_t sidelite_cancel(sidelite_conn *, int64_t);
#ifdef __cplusplus
}
#endif

static void layout_is_that_of_the_library(void) {
  CHECK_EQ(sidelite_abi_version(), SIDELITE_ABI_VERSION);
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(layout_is_that_of_the_library), {NULL, NULL}};
  return run_tests(tests, argc, argv);
}
