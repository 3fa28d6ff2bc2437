-- Made from include/sidelite.h by make_cdef.lua: do not edit.
return [[
static const int SIDELITE_OK = 0;
static const int SIDELITE_ERR_FULL = -101;
static const int SIDELITE_ERR_CLOSED = -102;
static const int SIDELITE_ERR_BAD_HANDLE = -103;
static const int SIDELITE_ERR_MISUSE = -104;
static const int SIDELITE_ERR_BAD_TEXT = -105;
static const int SIDELITE_ERR_TOO_BIG = -106;
static const int SIDELITE_ERR_UNSUPPORTED = -107;
static const int SIDELITE_ERR_FORKED = -108;
static const int SIDELITE_ERR_CANCELLED = -201;
static const int SIDELITE_ERR_TIMEOUT = -202;
static const int SIDELITE_ERR_ABORTED = -203;
static const int SIDELITE_ERR_PANIC = -204;
static const int SIDELITE_ERR_NO_MEMORY = -301;
static const int SIDELITE_ERR_NO_THREAD = -302;
static const int SIDELITE_ERR_NO_FD = -303;
static const int SIDELITE_ABI_VERSION = 1;
static const int SIDELITE_NULL = 0;
static const int SIDELITE_INTEGER = 1;
static const int SIDELITE_REAL = 2;
static const int SIDELITE_TEXT = 3;
static const int SIDELITE_BLOB = 4;
static const int SIDELITE_ZEROBLOB = 5;
static const int SIDELITE_EVENT_MORE = (1 << 0);
static const int SIDELITE_EVENT_OPENED = (1 << 1);
static const int SIDELITE_EVENT_CLOSED = (1 << 2);
static const int SIDELITE_EVENT_WRITABLE = (1 << 3);
static const int SIDELITE_EVENT_IN_TRANSACTION = (1 << 4);
static const int SIDELITE_EVENT_NOT_RUN = (1 << 5);
static const int SIDELITE_EVENT_ROLLED_BACK = (1 << 6);
static const int SIDELITE_EVENT_CALL = (1 << 7);
static const int SIDELITE_EVENT_CHANGE = (1 << 8);
static const int SIDELITE_EVENT_READING = (1 << 9);
static const int SIDELITE_EVENT_WRITING = (1 << 10);
static const int SIDELITE_QUEUE_DIRECT = (1 << 0);
static const int SIDELITE_OPEN_READONLY = (1 << 0);
static const int SIDELITE_OPEN_NO_CREATE = (1 << 1);
static const int SIDELITE_OPEN_URI = (1 << 2);
static const int SIDELITE_OPEN_MEMORY = (1 << 3);
static const int SIDELITE_OPEN_NOFOLLOW = (1 << 4);
static const int SIDELITE_OPEN_SHARED_CACHE = (1 << 5);
static const int SIDELITE_OPEN_FOREIGN_KEYS = (1 << 6);
static const int SIDELITE_OPEN_HARDENED = (1 << 7);
static const int SIDELITE_OPEN_UNTRUSTED = (1 << 8);
static const int SIDELITE_OPEN_EXTENSIONS = (1 << 10);
static const int SIDELITE_OPEN_ANY_TEXT = (1 << 9);
static const int SIDELITE_JOURNAL_DEFAULT = 0;
static const int SIDELITE_JOURNAL_DELETE = 1;
static const int SIDELITE_JOURNAL_TRUNCATE = 2;
static const int SIDELITE_JOURNAL_PERSIST = 3;
static const int SIDELITE_JOURNAL_MEMORY = 4;
static const int SIDELITE_JOURNAL_WAL = 5;
static const int SIDELITE_JOURNAL_OFF = 6;
static const int SIDELITE_SYNC_DEFAULT = 0;
static const int SIDELITE_SYNC_OFF = 1;
static const int SIDELITE_SYNC_NORMAL = 2;
static const int SIDELITE_SYNC_FULL = 3;
static const int SIDELITE_SYNC_EXTRA = 4;
static const int SIDELITE_NO_WAIT = -1;
static const uint32_t SIDELITE_NO_STATEMENT_CACHE = 0xffffffff;
static const int SIDELITE_CLOSE_DRAIN = 0;
static const int SIDELITE_CLOSE_CANCEL = 1;
static const int SIDELITE_EXECUTE = 1;
static const int SIDELITE_FETCH = 2;
static const int SIDELITE_STREAM = 3;
static const int SIDELITE_SCRIPT = 4;
static const int SIDELITE_RUN = 5;
static const int SIDELITE_STATIC = (1 << 0);
static const int SIDELITE_ATOMIC = (1 << 1);
static const int SIDELITE_NO_CACHE = (1 << 2);
static const int SIDELITE_MULTI = (1 << 3);
static const int SIDELITE_COMMIT_FIRST = (1 << 4);
static const int SIDELITE_RUNNING = -1;
static const uint32_t SIDELITE_UNLIMITED = 0xffffffff;
static const int SIDELITE_LEASE = 6;
static const int SIDELITE_RELEASE = 7;
static const int SIDELITE_COMMIT = 8;
static const int SIDELITE_ROLLBACK = 9;
static const int SIDELITE_ISOLATION = 10;
static const int SIDELITE_DESCRIBE = 11;
static const int SIDELITE_DUMP = 12;
static const int SIDELITE_SCRIPT_FILE = 13;
static const int SIDELITE_BACKUP = 14;
static const int SIDELITE_RESTORE = 15;
static const int SIDELITE_SERIALIZE = 16;
static const int SIDELITE_DESERIALIZE = 17;
static const int SIDELITE_BLOB_OPEN = 18;
static const int SIDELITE_BLOB_READ = 19;
static const int SIDELITE_BLOB_WRITE = 20;
static const int SIDELITE_BLOB_REOPEN = 21;
static const int SIDELITE_BLOB_CLOSE = 22;
static const int SIDELITE_SESSION_OPEN = 23;
static const int SIDELITE_SESSION_CHANGES = 24;
static const int SIDELITE_SESSION_CLOSE = 25;
static const int SIDELITE_CHANGESET_APPLY = 26;
static const int SIDELITE_CHANGESET_INVERT = 27;
static const int SIDELITE_CHANGESET_REBASE = 28;
static const int SIDELITE_OBSERVE = 29;
static const int SIDELITE_AUTHORIZE = 30;
static const int SIDELITE_LIMIT = 31;
static const int SIDELITE_DB_CONFIG = 32;
static const int SIDELITE_CHECKPOINT = 33;
static const int SIDELITE_AUTOCHECKPOINT = 34;
static const int SIDELITE_LOAD_EXTENSION = 35;
static const int SIDELITE_STATUS = 36;
static const int SIDELITE_SET_LAST_INSERT_ROWID = 37;
static const int SIDELITE_BEGIN_NONE = 0;
static const int SIDELITE_BEGIN_DEFERRED = 1;
static const int SIDELITE_BEGIN_IMMEDIATE = 2;
static const int SIDELITE_BEGIN_EXCLUSIVE = 3;
static const int SIDELITE_BEGIN_ALWAYS = 4;
static const int SIDELITE_OBSERVE_CHANGES = (1 << 0);
static const int SIDELITE_OBSERVE_VALUES = (1 << 1);
static const int SIDELITE_OBSERVE_COMMITS = (1 << 2);
static const int SIDELITE_OBSERVE_ROLLBACKS = (1 << 3);
static const int SIDELITE_OBSERVE_WAL = (1 << 4);
static const int SIDELITE_OBSERVE_TRACE = (1 << 5);
static const int SIDELITE_OBSERVE_PROFILE = (1 << 6);
static const int SIDELITE_ALLOW = 0;
static const int SIDELITE_DENY = 1;
static const int SIDELITE_IGNORE = 2;
static const int SIDELITE_CONFLICT_ABORT = 0;
static const int SIDELITE_CONFLICT_OMIT = 1;
static const int SIDELITE_CONFLICT_REPLACE = 2;
static const int SIDELITE_CHECKPOINT_PASSIVE = 0;
static const int SIDELITE_CHECKPOINT_FULL = 1;
static const int SIDELITE_CHECKPOINT_RESTART = 2;
static const int SIDELITE_CHECKPOINT_TRUNCATE = 3;
static const int SIDELITE_FUNCTION_SCALAR = 1;
static const int SIDELITE_FUNCTION_AGGREGATE = 2;
static const int SIDELITE_FUNCTION_WINDOW = 3;
static const int SIDELITE_FUNCTION_COLLATION = 4;
static const int SIDELITE_FUNCTION_AUTHORIZER = 5;
static const int SIDELITE_FUNCTION_PROGRESS = 6;
static const int SIDELITE_FUNCTION_BUSY = 7;
static const int SIDELITE_FUNCTION_UPDATE = 8;
static const int SIDELITE_FUNCTION_PREUPDATE = 9;
static const int SIDELITE_FUNCTION_COMMIT = 10;
static const int SIDELITE_FUNCTION_ROLLBACK = 11;
static const int SIDELITE_FUNCTION_WAL = 12;
static const int SIDELITE_FUNCTION_DETERMINISTIC = (1 << 0);
static const int SIDELITE_FUNCTION_DIRECTONLY = (1 << 1);
static const int SIDELITE_FUNCTION_INNOCUOUS = (1 << 2);
static const int SIDELITE_FUNCTION_REMOVE = (1 << 3);
static const int SIDELITE_CALL_SCALAR = 0;
static const int SIDELITE_CALL_STEP = 1;
static const int SIDELITE_CALL_INVERSE = 2;
static const int SIDELITE_CALL_VALUE = 3;
static const int SIDELITE_CALL_FINAL = 4;
static const int SIDELITE_CALL_END = 5;
typedef struct sidelite_event sidelite_event;
typedef struct sidelite_conn sidelite_conn;
typedef struct sidelite_queue sidelite_queue;
typedef struct sidelite_result {
  uint64_t bytes;
  uint32_t ncols;
  uint32_t nrows;
  uint64_t names;
  uint64_t values;
  uint64_t message;
  uint32_t message_len;
  int32_t sqlite_code;
  int32_t sql_offset;
  int32_t system_errno;
  uint64_t types;
} sidelite_result;
typedef void (*sidelite_wake_function)(void *wake_data);
typedef struct sidelite_queue_config {
  uint32_t struct_size;
  uint32_t flags;
  sidelite_wake_function wake;
  void *wake_data;
  uint64_t reserved[2];
} sidelite_queue_config;
typedef void (*sidelite_callback)(const struct sidelite_event *event, void *user_data);
typedef struct sidelite_event {
  int64_t id;
  void *user_data;
  sidelite_callback callback;
  const struct sidelite_result *result;
  int32_t code;
  uint32_t flags;
  int64_t changes;
  int64_t last_insert_rowid;
  struct sidelite_conn *conn;
} sidelite_event;
typedef union sidelite_value_as {
  int64_t integer;
  double real;
  uint64_t offset;
  const void *data;
} sidelite_value_as;
typedef struct sidelite_value {
  uint32_t type;
  uint32_t len;
  union sidelite_value_as as;
} sidelite_value;
typedef struct sidelite_open_config {
  uint32_t struct_size;
  uint32_t flags;
  const char *vfs;
  int32_t busy_timeout_ms;
  uint32_t statement_cache;
  uint32_t max_requests;
  uint32_t journal_mode;
  uint64_t max_bytes;
  uint64_t max_result_bytes;
  uint32_t synchronous;
  uint32_t pragma_count;
  const char *const *pragmas;
  uint32_t isolation;
  uint32_t authorizer_rules;
  const struct sidelite_value *authorizer;
  uint64_t reserved[2];
} sidelite_open_config;
typedef struct sidelite_stats {
  uint32_t struct_size;
  uint32_t outstanding;
  uint64_t bytes;
  uint64_t submitted;
  uint64_t completed;
  uint64_t cache_hits;
  uint64_t cache_misses;
  uint64_t events;
  uint64_t wakes;
  uint64_t polls;
  uint64_t total_changes;
  uint64_t reserved[3];
} sidelite_stats;
typedef int32_t (*sidelite_run_function)(void *db, void *context);
typedef struct sidelite_request {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t flags;
  uint32_t timeout_ms;
  const char *sql;
  uint64_t sql_len;
  const struct sidelite_value *values;
  uint32_t ncols;
  uint32_t nrows;
  const char *const *names;
  sidelite_callback callback;
  void *user_data;
  int64_t lane;
  uint32_t chunk_rows;
  uint32_t window;
  struct sidelite_queue *reply_to;
  sidelite_run_function run;
  void *context;
  uint64_t reserved[2];
} sidelite_request;
typedef int32_t (*sidelite_inline_function)(void *context,
                                            void **group,
                                            const struct sidelite_value *args,
                                            uint32_t n,
                                            struct sidelite_value *value);
typedef struct sidelite_function_config {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t flags;
  int32_t n_args;
  const char *name;
  sidelite_inline_function call;
  sidelite_inline_function last;
  sidelite_inline_function value;
  sidelite_inline_function inverse;
  void *context;
  uint32_t batch_rows;
  uint32_t reply_timeout_ms;
  uint64_t reserved[2];
} sidelite_function_config;
const char *sidelite_status_string(int32_t code);
uint32_t sidelite_abi_version(void);
const char *sidelite_version(void);
const char *sidelite_sqlite_version(void);
const struct sidelite_result *sidelite_keep(const struct sidelite_result *result);
void sidelite_release(const struct sidelite_result *result);
int32_t sidelite_queue_new(const struct sidelite_queue_config *config, struct sidelite_queue **out);
int64_t sidelite_queue_fd(struct sidelite_queue *queue);
int32_t sidelite_poll(struct sidelite_queue *queue,
                      struct sidelite_event *out,
                      uint32_t capacity,
                      int32_t timeout_ms);
int32_t sidelite_look(struct sidelite_queue *queue, struct sidelite_event *out, uint32_t capacity);
int32_t sidelite_dispatch(struct sidelite_queue *queue,
                          uint32_t max_events,
                          uint32_t budget_us);
int32_t sidelite_dispatch_stop(struct sidelite_queue *queue);
int32_t sidelite_queue_free(struct sidelite_queue *queue,
                            int32_t timeout_ms);
int32_t sidelite_open(struct sidelite_queue *queue,
                      const char *path,
                      const struct sidelite_open_config *config,
                      sidelite_callback callback,
                      void *user_data,
                      struct sidelite_conn **out);
int32_t sidelite_close(struct sidelite_conn *conn,
                       uint32_t mode,
                       sidelite_callback callback,
                       void *user_data);
int32_t sidelite_stat(const void *queue_or_conn, struct sidelite_stats *out);
const void *sidelite_sqlite_api(void);
int64_t sidelite_execute(struct sidelite_conn *conn,
                         const char *sql,
                         const struct sidelite_value *params,
                         uint32_t n,
                         sidelite_callback callback,
                         void *user_data);
int64_t sidelite_fetch(struct sidelite_conn *conn,
                       const char *sql,
                       const struct sidelite_value *params,
                       uint32_t n,
                       sidelite_callback callback,
                       void *user_data);
int64_t sidelite_stream(struct sidelite_conn *conn,
                        const char *sql,
                        const struct sidelite_value *params,
                        uint32_t n,
                        uint32_t chunk_rows,
                        sidelite_callback callback,
                        void *user_data);
int64_t sidelite_script(struct sidelite_conn *conn, const char *sql, sidelite_callback callback, void *user_data);
int64_t sidelite_submit(struct sidelite_conn *conn,
                        const struct sidelite_request *requests,
                        uint32_t n);
int32_t sidelite_more(struct sidelite_conn *conn,
                      int64_t id,
                      uint32_t chunks);
int32_t sidelite_cancel(struct sidelite_conn *conn,
                        int64_t id);
int32_t sidelite_withdraw(struct sidelite_conn *conn, int64_t id);
int64_t sidelite_create_function(struct sidelite_conn *conn,
                                 const struct sidelite_function_config *config,
                                 sidelite_callback callback,
                                 void *user_data);
int32_t sidelite_reply(struct sidelite_conn *conn,
                       int64_t call,
                       const struct sidelite_value *value,
                       int32_t code);
]]
