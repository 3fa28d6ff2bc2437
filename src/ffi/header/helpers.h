/*
 * HELPERS: plain inline functions over the structs above, so that C reads well.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a value: SQL NULL. */
static inline sidelite_value sidelite_null(void) {
  sidelite_value value;
  memset(&value, 0, sizeof value);
  return value;
}

/* Makes a value: an integer. */
static inline sidelite_value sidelite_int(int64_t integer) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_INTEGER;
  value.as.integer = integer;
  return value;
}

/* Makes a value: a double. */
static inline sidelite_value sidelite_real(double real) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_REAL;
  value.as.real = real;
  return value;
}

/* Makes a value: `len` bytes of UTF-8 text, which must live until submit returns. */
static inline sidelite_value sidelite_text_n(const char *text, uint32_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_TEXT;
  value.len = len;
  value.as.data = text;
  return value;
}

/* Makes a value: NUL-terminated UTF-8 text, which must live until submit returns; NULL makes SQL NULL. */
static inline sidelite_value sidelite_text(const char *text) {
  size_t len = text ? strlen(text) : 0;
  /* What does not fit is refused by submit: no value is 4 GiB long. */
  return text ? sidelite_text_n(text, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX) : sidelite_null();
}

/* Makes a value: `len` bytes, which must live until submit returns. */
static inline sidelite_value sidelite_blob(const void *data, uint32_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_BLOB;
  value.len = len;
  value.as.data = data;
  return value;
}

/* Makes a value: a BLOB of `len` zero bytes. */
static inline sidelite_value sidelite_zeroblob(int64_t len) {
  sidelite_value value = sidelite_null();
  value.type = SIDELITE_ZEROBLOB;
  value.as.integer = len;
  return value;
}

/* The cell at row and column, both from 0; NULL when there is none (a NULL result too). */
static inline const sidelite_value *sidelite_row_value(const sidelite_result *result, uint32_t row, uint32_t column) {
  if (!result || row >= result->nrows || column >= result->ncols) return NULL;
  return (const sidelite_value *)(const void *)((const char *)result + result->values) +
         ((size_t)row * result->ncols + column);
}

/* The type of a cell: SIDELITE_NULL, ...; SIDELITE_NULL when there is no such cell. */
static inline uint32_t sidelite_row_type(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value ? value->type : SIDELITE_NULL;
}

/* A cell as an integer. A REAL is cut towards zero (0 when it is outside int64), other types are 0: no text is parsed. */
static inline int64_t sidelite_row_int64(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value) return 0;
  if (value->type == SIDELITE_INTEGER) return value->as.integer;
  if (value->type == SIDELITE_REAL && value->as.real > -9223372036854775808.0 && value->as.real < 9223372036854775808.0)
    return (int64_t)value->as.real;
  return 0;
}

/* A cell as a double. An INTEGER is converted, other types are 0. */
static inline double sidelite_row_real(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value) return 0.0;
  if (value->type == SIDELITE_REAL) return value->as.real;
  return value->type == SIDELITE_INTEGER ? (double)value->as.integer : 0.0;
}

/* A cell's TEXT, NUL-terminated, which lives as long as the result; NULL for every other type. It may hold NULs:
 * sidelite_row_len gives its bytes. */
static inline const char *sidelite_row_text(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value && value->type == SIDELITE_TEXT ? (const char *)result + value->as.offset : NULL;
}

/* A cell's BLOB, or the bytes of its TEXT, which live as long as the result; NULL for every other type. */
static inline const void *sidelite_row_blob(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  if (!value || (value->type != SIDELITE_BLOB && value->type != SIDELITE_TEXT)) return NULL;
  return (const char *)result + value->as.offset;
}

/* Bytes of a cell's TEXT or BLOB; 0 for every other type. */
static inline uint32_t sidelite_row_len(const sidelite_result *result, uint32_t row, uint32_t column) {
  const sidelite_value *value = sidelite_row_value(result, row, column);
  return value ? value->len : 0;
}

/* The name of a column, from 0; NULL when there is none. */
static inline const char *sidelite_column_name(const sidelite_result *result, uint32_t column) {
  const sidelite_value *name;
  if (!result || column >= result->ncols) return NULL;
  name = (const sidelite_value *)(const void *)((const char *)result + result->names) + column;
  return (const char *)result + name->as.offset;
}

/* The type that a column was declared with, as in CREATE TABLE; NULL for what is no column of a table, or declared
 * without one. */
static inline const char *sidelite_column_type(const sidelite_result *result, uint32_t column) {
  const sidelite_value *type;
  if (!result || !result->types || column >= result->ncols) return NULL;
  type = (const sidelite_value *)(const void *)((const char *)result + result->types) + column;
  return type->type == SIDELITE_TEXT ? (const char *)result + type->as.offset : NULL;
}

/* The number of the column with this name, from 0; -1 when there is none. */
static inline int32_t sidelite_column_index(const sidelite_result *result, const char *name) {
  uint32_t column;
  for (column = 0; result && column < result->ncols; column++)
    if (!strcmp(sidelite_column_name(result, column), name)) return (int32_t)column;
  return -1;
}

/* Submits a request of a kind with arguments (SIDELITE_LEASE and all that follow), which are given by position. `lane` is
 * a lease, a call or 0. Otherwise as sidelite_execute. */
static inline int64_t sidelite_command(sidelite_conn *conn, uint32_t kind, int64_t lane, const sidelite_value *arguments,
                                       uint32_t n, sidelite_callback callback, void *user_data) {
  sidelite_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.kind = kind;
  request.values = arguments;
  request.ncols = n;
  request.callback = callback;
  request.user_data = user_data;
  request.lane = lane;
  return sidelite_submit(conn, &request, 1);
}

/* The message of an event's error: SQLite's own words where it has some, else the text of the code. Never NULL. */
static inline const char *sidelite_event_message(const sidelite_event *event) {
  if (event->result && event->result->message) return (const char *)event->result + event->result->message;
  return sidelite_status_string(event->code);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SIDELITE_H */
