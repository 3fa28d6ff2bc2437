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
FIELD(sidelite_result, types, 56, 8)

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
FIELD(sidelite_open_config, isolation, 64, 4)
FIELD(sidelite_open_config, authorizer_rules, 68, 4)
FIELD(sidelite_open_config, authorizer, 72, 8)
FIELD(sidelite_open_config, reserved, 80, 16)

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
FIELD(sidelite_stats, total_changes, 72, 8)
FIELD(sidelite_stats, reserved, 80, 24)

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

TYPE(sidelite_function_config, 88)
FIELD(sidelite_function_config, struct_size, 0, 4)
FIELD(sidelite_function_config, kind, 4, 4)
FIELD(sidelite_function_config, flags, 8, 4)
FIELD(sidelite_function_config, n_args, 12, 4)
FIELD(sidelite_function_config, name, 16, 8)
FIELD(sidelite_function_config, call, 24, 8)
FIELD(sidelite_function_config, last, 32, 8)
FIELD(sidelite_function_config, value, 40, 8)
FIELD(sidelite_function_config, inverse, 48, 8)
FIELD(sidelite_function_config, context, 56, 8)
FIELD(sidelite_function_config, batch_rows, 64, 4)
FIELD(sidelite_function_config, reply_timeout_ms, 68, 4)
FIELD(sidelite_function_config, reserved, 72, 16)

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
NUMBER(SIDELITE_ZEROBLOB, 5)
NUMBER(SIDELITE_EVENT_CALL, 128)
NUMBER(SIDELITE_EVENT_CHANGE, 256)
NUMBER(SIDELITE_EVENT_READING, 512)
NUMBER(SIDELITE_EVENT_WRITING, 1024)
NUMBER(SIDELITE_OPEN_EXTENSIONS, 1024)
NUMBER(SIDELITE_COMMIT_FIRST, 16)
NUMBER(SIDELITE_RUNNING, -1)
NUMBER(SIDELITE_LEASE, 6)
NUMBER(SIDELITE_RELEASE, 7)
NUMBER(SIDELITE_COMMIT, 8)
NUMBER(SIDELITE_ROLLBACK, 9)
NUMBER(SIDELITE_ISOLATION, 10)
NUMBER(SIDELITE_DESCRIBE, 11)
NUMBER(SIDELITE_DUMP, 12)
NUMBER(SIDELITE_SCRIPT_FILE, 13)
NUMBER(SIDELITE_BACKUP, 14)
NUMBER(SIDELITE_RESTORE, 15)
NUMBER(SIDELITE_SERIALIZE, 16)
NUMBER(SIDELITE_DESERIALIZE, 17)
NUMBER(SIDELITE_BLOB_OPEN, 18)
NUMBER(SIDELITE_BLOB_READ, 19)
NUMBER(SIDELITE_BLOB_WRITE, 20)
NUMBER(SIDELITE_BLOB_REOPEN, 21)
NUMBER(SIDELITE_BLOB_CLOSE, 22)
NUMBER(SIDELITE_SESSION_OPEN, 23)
NUMBER(SIDELITE_SESSION_CHANGES, 24)
NUMBER(SIDELITE_SESSION_CLOSE, 25)
NUMBER(SIDELITE_CHANGESET_APPLY, 26)
NUMBER(SIDELITE_CHANGESET_INVERT, 27)
NUMBER(SIDELITE_CHANGESET_REBASE, 28)
NUMBER(SIDELITE_OBSERVE, 29)
NUMBER(SIDELITE_AUTHORIZE, 30)
NUMBER(SIDELITE_LIMIT, 31)
NUMBER(SIDELITE_DB_CONFIG, 32)
NUMBER(SIDELITE_CHECKPOINT, 33)
NUMBER(SIDELITE_AUTOCHECKPOINT, 34)
NUMBER(SIDELITE_LOAD_EXTENSION, 35)
NUMBER(SIDELITE_STATUS, 36)
NUMBER(SIDELITE_SET_LAST_INSERT_ROWID, 37)
NUMBER(SIDELITE_BEGIN_NONE, 0)
NUMBER(SIDELITE_BEGIN_DEFERRED, 1)
NUMBER(SIDELITE_BEGIN_IMMEDIATE, 2)
NUMBER(SIDELITE_BEGIN_EXCLUSIVE, 3)
NUMBER(SIDELITE_BEGIN_ALWAYS, 4)
NUMBER(SIDELITE_OBSERVE_CHANGES, 1)
NUMBER(SIDELITE_OBSERVE_VALUES, 2)
NUMBER(SIDELITE_OBSERVE_COMMITS, 4)
NUMBER(SIDELITE_OBSERVE_ROLLBACKS, 8)
NUMBER(SIDELITE_OBSERVE_WAL, 16)
NUMBER(SIDELITE_OBSERVE_TRACE, 32)
NUMBER(SIDELITE_OBSERVE_PROFILE, 64)
NUMBER(SIDELITE_ALLOW, 0)
NUMBER(SIDELITE_DENY, 1)
NUMBER(SIDELITE_IGNORE, 2)
NUMBER(SIDELITE_CONFLICT_ABORT, 0)
NUMBER(SIDELITE_CONFLICT_OMIT, 1)
NUMBER(SIDELITE_CONFLICT_REPLACE, 2)
NUMBER(SIDELITE_CHECKPOINT_PASSIVE, 0)
NUMBER(SIDELITE_CHECKPOINT_FULL, 1)
NUMBER(SIDELITE_CHECKPOINT_RESTART, 2)
NUMBER(SIDELITE_CHECKPOINT_TRUNCATE, 3)
NUMBER(SIDELITE_FUNCTION_SCALAR, 1)
NUMBER(SIDELITE_FUNCTION_AGGREGATE, 2)
NUMBER(SIDELITE_FUNCTION_WINDOW, 3)
NUMBER(SIDELITE_FUNCTION_COLLATION, 4)
NUMBER(SIDELITE_FUNCTION_AUTHORIZER, 5)
NUMBER(SIDELITE_FUNCTION_PROGRESS, 6)
NUMBER(SIDELITE_FUNCTION_BUSY, 7)
NUMBER(SIDELITE_FUNCTION_UPDATE, 8)
NUMBER(SIDELITE_FUNCTION_PREUPDATE, 9)
NUMBER(SIDELITE_FUNCTION_COMMIT, 10)
NUMBER(SIDELITE_FUNCTION_ROLLBACK, 11)
NUMBER(SIDELITE_FUNCTION_WAL, 12)
NUMBER(SIDELITE_FUNCTION_DETERMINISTIC, 1)
NUMBER(SIDELITE_FUNCTION_DIRECTONLY, 2)
NUMBER(SIDELITE_FUNCTION_INNOCUOUS, 4)
NUMBER(SIDELITE_FUNCTION_REMOVE, 8)
NUMBER(SIDELITE_CALL_SCALAR, 0)
NUMBER(SIDELITE_CALL_STEP, 1)
NUMBER(SIDELITE_CALL_INVERSE, 2)
NUMBER(SIDELITE_CALL_VALUE, 3)
NUMBER(SIDELITE_CALL_FINAL, 4)
NUMBER(SIDELITE_CALL_END, 5)

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
int32_t sidelite_look(sidelite_queue *, sidelite_event *, uint32_t);
int32_t sidelite_dispatch(sidelite_queue *, uint32_t, uint32_t);
int32_t sidelite_dispatch_stop(sidelite_queue *);
int32_t sidelite_queue_free(sidelite_queue *, int32_t);
int32_t sidelite_open(sidelite_queue *, const char *, const sidelite_open_config *, sidelite_callback, void *,
                      sidelite_conn **);
int32_t sidelite_close(sidelite_conn *, uint32_t, sidelite_callback, void *);
int32_t sidelite_stat(const void *, sidelite_stats *);
const void *sidelite_sqlite_api(void);
int64_t sidelite_execute(sidelite_conn *, const char *, const sidelite_value *, uint32_t, sidelite_callback, void *);
int64_t sidelite_fetch(sidelite_conn *, const char *, const sidelite_value *, uint32_t, sidelite_callback, void *);
int64_t sidelite_stream(sidelite_conn *, const char *, const sidelite_value *, uint32_t, uint32_t,
                        sidelite_callback, void *);
int64_t sidelite_script(sidelite_conn *, const char *, sidelite_callback, void *);
int64_t sidelite_submit(sidelite_conn *, const sidelite_request *, uint32_t);
int32_t sidelite_more(sidelite_conn *, int64_t, uint32_t);
int32_t sidelite_cancel(sidelite_conn *, int64_t);
int32_t sidelite_withdraw(sidelite_conn *, int64_t);
int64_t sidelite_create_function(sidelite_conn *, const sidelite_function_config *, sidelite_callback, void *);
int32_t sidelite_reply(sidelite_conn *, int64_t, const sidelite_value *, int32_t);
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
